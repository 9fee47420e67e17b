//! Incidents with random faults of Telegram and random kills of the watch: nothing that a person should know is lost once
//! Telegram is well again, and nobody gets more than three messages an incident. `make test` has ten incidents, `make
//! campaign` fifty.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value;

use crate::campaign::rounds;
use crate::support::bot::{Bot, Message, Mood, Request};
use crate::support::incidents::{Journaled, KINDS, Kind, fragile};
use crate::support::{Launchd, PATIENCE, Scene, Watch};

/// Design: the first, one that makes a sound, and that it is over.
const MOST: usize = 3;
/// So many lanes at a time, each with a bridge, a watch and a bot of its own. They mostly wait.
const AT_A_TIME: usize = 5;
/// Begins an incident's last message.
const OVER: &str = "the bridge is back after";
/// Begins what belongs to no incident. A watch that was killed while the bridge hung, and has never seen it write, says so.
const NOTICE: &str = "the bridge works, but not well";

/// Each of them may meet any request. What hangs costs a call's whole time, so there are few of those.
const FAULTS: [Mood; 15] = [
    Mood::Fine,
    Mood::Fine,
    Mood::Slow(300),
    Mood::Slow(1000),
    Mood::Lost,
    Mood::Lost,
    Mood::Broken,
    Mood::Failing,
    Mood::Rude,
    Mood::Resetting,
    Mood::Html,
    Mood::Revoked,
    Mood::Blocked,
    Mood::Busy(1),
    Mood::Hanging,
];

#[test]
fn no_alert_is_lost_and_no_incident_has_more_than_three_messages() {
    let incidents = rounds(40) / 4;
    let lanes = incidents.div_ceil(2);
    let seed = std::env::var("BRIDGE_WATCHDOG_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| fastrand::u64(0..1_000_000));
    println!("BRIDGE_WATCHDOG_SEED={seed}");
    let numbers: Vec<usize> = (0..lanes as usize).collect();
    for some in numbers.chunks(AT_A_TIME) {
        std::thread::scope(|scope| {
            for lane in some {
                // Each has its own kinds in turn, so that every kind is met whatever the seed is.
                scope.spawn(move || Lane::new(seed, *lane).run());
            }
        });
    }
}

struct Lane {
    seed: u64,
    number: usize,
    rng: Rng,
    bot: Bot,
    /// Dropped before its scene, whose bridge it would start again.
    watch: Option<Watch>,
    launchd: Launchd,
    scene: Scene,
    /// Second copies that may be: the watch was killed before it had written down what Telegram had taken.
    unrecorded: usize,
    /// The watch is killed when so many requests have come: in the very moment of one.
    ambush: Option<usize>,
}

/// What was sent before something began.
#[derive(Clone, Copy)]
struct Mark {
    messages: usize,
    requests: usize,
    unrecorded: usize,
}

impl Lane {
    fn new(seed: u64, number: usize) -> Lane {
        let bot = Bot::new(Mood::Fine);
        bot.number_from(70_001);
        let (scene, launchd) = fragile(|scene| {
            scene.extra = Bot::config(bot.address);
            // No test waits for the 10 s that a call has in the product.
            scene.set("send", 2.0);
        });
        let watch = Some(scene.watch());
        let rng = Rng::with_seed(seed.wrapping_mul(1000).wrapping_add(number as u64));
        Lane { seed, number, rng, bot, watch, launchd, scene, unrecorded: 0, ambush: None }
    }

    fn run(mut self) {
        self.wait_well();
        // That its manager restarts it only sometimes is told once, and belongs to no incident.
        self.scene.wait("the first word", || (!self.bot.messages().is_empty()).then_some(()));
        // In one lane of three nothing at all goes out during the first incident; in one the second begins while the first
        // one's end may be on its way.
        let (silenced, hasty) = (self.number % 3 == 1, self.number % 3 == 2);
        let kinds = [KINDS[(self.number + self.number / 2) % 4], KINDS[self.rng.usize(..4)]];
        let mut mark = self.mark();
        for (nth, kind) in kinds.into_iter().enumerate() {
            if nth == 0 && silenced {
                self.bot.mood(Mood::Broken);
            } else {
                let faults =
                    (0..self.rng.usize(..6)).map(|_| FAULTS[self.rng.usize(..FAULTS.len())]).collect::<Vec<_>>();
                println!("lane {}: {kind:?} with {faults:?}", self.number);
                self.bot.moods(faults);
                self.bot.mood(if hasty { Mood::Slow(800) } else { Mood::Fine });
            }
            self.incident(kind);
            if nth == 0 && silenced {
                assert_eq!(self.bot.messages().len(), mark.messages, "{:?}", self.bot.messages());
            }
            if nth == 0 && (silenced || hasty) {
                continue;
            }
            self.bot.recover();
            // Of an incident that nobody could be told of in its time there is one message.
            let (told, most) = match (silenced, hasty) {
                (true, _) => (&kinds[..], 1 + MOST),
                (_, true) => (&kinds[..], 2 * MOST),
                _ => (&kinds[nth..=nth], MOST),
            };
            self.settle(told, most, mark);
            mark = self.mark();
        }
    }

    fn mark(&self) -> Mark {
        Mark { messages: self.bot.messages().len(), requests: self.bot.requests().len(), unrecorded: self.unrecorded }
    }

    /// From its beginning to its end, with kills at random instants.
    fn incident(&mut self, kind: Kind) {
        let bridge = self.launchd.wait_pid(&self.scene.label);
        self.scene.wait_aged(bridge, 0.5);
        let before = Journaled::now(&self.scene);
        println!("lane {}: {kind:?} begins", self.number);
        kind.begin(&self.scene, bridge);
        let began = Instant::now();
        let mut kills: Vec<Duration> =
            (0..self.rng.usize(..3)).map(|_| Duration::from_millis(self.rng.u64(..6000))).collect();
        kills.sort();
        if self.rng.bool() {
            self.ambush = Some(self.bot.requests().len() + 1 + self.rng.usize(..5));
        }
        let (mut opened, mut mended) = (false, false);
        loop {
            if kills.first().is_some_and(|at| began.elapsed() >= *at) {
                kills.remove(0);
                self.kill();
            }
            self.lie_in_wait();
            let is_open = self.scene.state().join("incident.json").exists();
            opened |= is_open;
            let seen = kind.is_met(&self.scene, before);
            // Earlier, a watch that is killed now would leave nothing to heal.
            if opened && seen && !mended {
                mended = true;
                kind.mend(&self.scene);
            }
            if mended && !is_open && self.is_well() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{kind:?} does not end\n{}", self.scene.journal());
            std::thread::sleep(Duration::from_millis(5));
        }
        println!("lane {}: {kind:?} is over after {:.1} s", self.number, began.elapsed().as_secs_f64());
    }

    fn lie_in_wait(&mut self) {
        if self.ambush.is_some_and(|requests| self.bot.requests().len() >= requests) {
            self.ambush = None;
            self.kill();
        }
    }

    /// SIGKILL, and the next watch.
    fn kill(&mut self) {
        let mut watch = self.watch.take().expect("a watch");
        watch.kill();
        drop(watch);
        // What it has sent may still be on its way: here a sleep is the point.
        std::thread::sleep(Duration::from_millis(100));
        // What Telegram has taken and the watch has not written down may come twice. Lost answers are counted elsewhere.
        let kept = fs::read(self.spool()).ok().and_then(|kept| serde_json::from_slice(&kept).ok());
        if let (Some(kept), Some(last)) = (kept, self.bot.requests().last()) {
            let taken = last.taken.is_some() && last.mood != Mood::Lost;
            self.unrecorded += usize::from(taken && !is_recorded(&kept, last));
        }
        self.watch = Some(self.scene.watch());
    }

    /// What is not delivered, and the ids of what is; not there where all is.
    fn spool(&self) -> PathBuf {
        self.scene.state().join("alert.json")
    }

    fn is_well(&self) -> bool {
        self.scene.status().is_some_and(|status| {
            // An alert that does not go out is `degraded`.
            (status["verdict"]["state"] == "healthy" || status["verdict"]["state"] == "degraded")
                && status["watch"] == self.watch.as_ref().expect("a watch").pid()
        })
    }

    fn wait_well(&self) {
        self.scene.wait("health", || self.is_well().then_some(()));
    }

    /// Telegram is well: everything arrives, and then nothing more is said.
    fn settle(&mut self, kinds: &[Kind], most: usize, before: Mark) {
        let until = Instant::now() + PATIENCE;
        let is_over = |message: Option<&Message>| message.is_some_and(|message| message.text().contains(OVER));
        while self.spool().exists() || !is_over(self.bot.messages().last()) {
            self.lie_in_wait();
            assert!(Instant::now() < until, "{:#?}\n{}", self.bot.messages(), self.scene.journal());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.ambush = None;
        self.scene.wait_looks(4);
        let messages = self.bot.messages().split_off(before.messages);
        let requests = self.bot.requests().split_off(before.requests);
        let lost = |method: &str| requests.iter().filter(|request| is_lost(request, method)).count();
        let killed = self.unrecorded - before.unrecorded;
        self.assert_told(kinds, &messages, lost("sendMessage") + killed);
        let told = messages.iter().filter(|message| !message.text().contains(NOTICE)).count();
        assert!(
            told <= most + lost("sendMessage") + killed,
            "{told} messages, {} answers lost, {killed} kills: {messages:#?}\n{}",
            lost("sendMessage"),
            self.scene.journal()
        );
        let refused: Vec<&Request> =
            requests.iter().filter(|request| request.mood == Mood::Fine && !request.delivered).collect();
        assert!(refused.len() <= lost("editMessageText") + killed, "{refused:#?}\n{}", self.scene.journal());
    }

    fn assert_told(&self, kinds: &[Kind], messages: &[Message], copies: usize) {
        let texts = || messages.iter().flat_map(|message| &message.versions);
        for kind in kinds {
            let told = texts().any(|text| kind.words().iter().any(|word| text.contains(word)));
            assert!(told, "nobody heard of {kind:?}: {messages:#?}\n{}", self.scene.journal());
        }
        let over: usize = messages.iter().map(|message| message.text().matches(OVER).count()).sum();
        assert!(
            (kinds.len()..=kinds.len() + copies).contains(&over),
            "{kinds:?}: {messages:#?}\n{}",
            self.scene.journal()
        );
    }
}

/// Telegram has taken it, and the watch was not told.
fn is_lost(request: &Request, method: &str) -> bool {
    request.method() == method && request.taken.is_some() && !request.delivered
}

/// What the spool file says of a message that Telegram has confirmed: its id and its text, side by side.
fn is_recorded(kept: &Value, request: &Request) -> bool {
    if let Some(id) = request.taken
        && kept["id"] == id
        && kept["text"] == request.body["text"]
    {
        return true;
    }
    let inner = kept.as_object().map(|object| object.values().collect::<Vec<_>>());
    let inner = inner.or_else(|| kept.as_array().map(|array| array.iter().collect()));
    inner.is_some_and(|inner| inner.into_iter().any(|value| is_recorded(value, request)))
}

impl Drop for Lane {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("lane {} of BRIDGE_WATCHDOG_SEED={}", self.number, self.seed);
        }
    }
}
