//! Incidents of a bridge under the launchd stand-in, each with its beginning, its mend and the words that tell it.

use std::fs;

use rustix::process::Signal;
use serde_json::json;

use super::{Launchd, Scene, loaded_with, signal};

/// The options of a bridge that can have all of them.
const OPTIONS: [&str; 6] = ["--ping", "0.3", "--hang", "data/hang", "--source", "bridge.py"];

/// Such a bridge. Its manager leaves it down where it ends with 0, and so does nobody but we start it again.
pub(crate) fn fragile(change: impl FnOnce(&mut Scene)) -> (Scene, Launchd) {
    let job = json!({"KeepAlive": {"SuccessfulExit": false}, "ThrottleInterval": 0.4, "ExitTimeOut": 0.5});
    loaded_with(&OPTIONS, &job, |scene| {
        scene.set("stale", 3.0);
        scene.set("min_uptime", 0.3);
        // The crashes of one incident are none of the next one's.
        scene.set("crash_window", 4.0);
        scene.set("again", 600.0);
        scene.set("pid_within", 3.0);
        // What lies unread shows that it hangs also to a watch that has never seen it at work.
        scene.pushes.store(true, std::sync::atomic::Ordering::Relaxed);
        change(scene);
    })
}

/// What goes wrong with the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It has ended with 0 and its manager leaves it down: rung 1 heals it at once.
    Down,
    /// It hangs: rung 2.
    Hang,
    /// It dies at each start until a person mends it: rungs 3 and 5.
    Broken,
    /// Only a person can log in.
    Login,
}

pub(crate) const KINDS: [Kind; 4] = [Kind::Down, Kind::Hang, Kind::Broken, Kind::Login];

impl Kind {
    /// One of them a person has to find in one of the incident's messages. Of a hang that a watch saw which was killed in
    /// the middle of its rung, the next watch may know no more than the rung.
    pub(crate) fn words(self) -> &'static [&'static str] {
        match self {
            Kind::Down => &["not running"],
            Kind::Hang => &["hung", "rung 2 ("],
            Kind::Broken => &["crashed"],
            Kind::Login => &["login"],
        }
    }

    /// `bridge` is its pid.
    pub(crate) fn begin(self, scene: &Scene, bridge: u32) {
        match self {
            Kind::Down => signal(bridge, Signal::TERM),
            Kind::Hang => fs::write(scene.data("hang"), "").expect("a file"),
            Kind::Broken => {
                fs::write(scene.root.join("bridge.py"), "import telethonn\n").expect("a file");
                signal(bridge, Signal::KILL);
            }
            Kind::Login => fs::write(scene.data("bridge-auth-required"), "").expect("a marker"),
        }
    }

    /// All was done that can be without a person.
    pub(crate) fn is_met(self, scene: &Scene, before: Journaled) -> bool {
        match self {
            Kind::Down | Kind::Login => true,
            Kind::Hang => Journaled::now(scene).acts > before.acts,
            Kind::Broken => Journaled::now(scene).last_rungs > before.last_rungs,
        }
    }

    pub(crate) fn mend(self, scene: &Scene) {
        match self {
            Kind::Down => {}
            Kind::Hang => fs::remove_file(scene.data("hang")).expect("a file"),
            Kind::Broken => fs::write(scene.root.join("bridge.py"), "a bridge\n").expect("a file"),
            Kind::Login => fs::remove_file(scene.data("bridge-auth-required")).expect("a marker"),
        }
    }
}

/// What the journal had at some time.
#[derive(Clone, Copy)]
pub(crate) struct Journaled {
    acts: usize,
    last_rungs: usize,
    /// Incidents that are over.
    pub ends: usize,
}

impl Journaled {
    pub(crate) fn now(scene: &Scene) -> Journaled {
        let last_rungs = scene.rungs().iter().filter(|rung| rung.starts_with('5')).count();
        Journaled { acts: scene.acts().len(), last_rungs, ends: scene.journal().matches(" over: ").count() }
    }
}
