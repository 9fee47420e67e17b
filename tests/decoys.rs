//! Incidents 7 and 8, end to end: processes that look like the bridge, have its script's name in their arguments, or
//! are merely old, are alive at the end. Only this very bridge, and a real copy of it, ever gets a signal.

use std::process::Command;

use crate::support::decoys::{Decoy, as_the_bridge, start};
use crate::support::{Scene, acts_of_launchctl, alive, keys, loaded_with, product, signal, why_started};
use rustix::process::Signal;
use serde_json::json;

fn decoys(scene: &Scene) -> Vec<Decoy> {
    use std::os::unix::process::CommandExt;
    let line = scene.program().join(" ");
    let session = scene.data("valor_bridge.session");
    let other = scene.folder.path().join("second checkout");
    std::fs::create_dir_all(other.join("data")).expect("a second checkout");
    let mut decoys = vec![
        start(
            "an editor",
            Command::new("/usr/bin/tail").arg0("vim").args(["-f", "bridge.py"]).current_dir(&scene.root),
        ),
        start("a tail of the log", Command::new("/usr/bin/tail").arg("-f").arg(scene.log())),
        start("a tail of the session", Command::new("/usr/bin/tail").arg("-f").arg(&session)),
        start(
            "a shell with the bridge's whole command line",
            Command::new("/bin/sh").args(["-c", "while :; do sleep 1; done", &line]).current_dir(&scene.root),
        ),
        start(
            "a shell that names the script",
            Command::new("/bin/sh")
                .arg("-c")
                .arg(format!("while :; do sleep 1; done; : {line}"))
                .process_group(0)
                .current_dir(&scene.root),
        ),
        start("a second checkout", &mut as_the_bridge(scene, &other)),
        start(
            "another script of the same interpreter in the same checkout",
            Command::new(product()).args(["demo-bridge", "--session", "data/other.session"]).current_dir(&scene.root),
        ),
        start(
            "a helper by the bridge's name",
            Command::new("/bin/sleep").arg0("bridge-watchdog demo-bridge").arg("600").current_dir(&scene.root),
        ),
    ];
    // Incident 7: seven old strangers in the checkout.
    decoys.extend(
        (0..7).map(|_| start("an old stranger", Command::new("/bin/sleep").arg("600").current_dir(&scene.root))),
    );
    decoys
}

fn all_alive(decoys: &[Decoy]) {
    for Decoy(name, child) in decoys {
        assert!(alive(child.id()), "{name} (pid {}) was ended", child.id());
    }
}

#[test]
fn incident_7_and_8_strangers_decoys_and_another_checkout_outlive_every_rung_and_only_a_real_copy_is_ended() {
    // Launchd's own respawn is held up by its throttle, so that the watch has to act at each death.
    let keys = json!({"KeepAlive": true, "ThrottleInterval": 600, "ExitTimeOut": 0.5});
    let (scene, launchd) = loaded_with(&[], &keys, |_| {});
    let first = launchd.wait_pid(&scene.label);
    // `tail` needs the file to exist.
    scene.wait("log and session", || {
        (scene.log().exists() && scene.data("valor_bridge.session").exists()).then_some(())
    });
    let decoys = decoys(&scene);
    // Older than the age below which a copy or a holder is left alone (1 s here).
    for Decoy(name, child) in &decoys {
        assert!(alive(child.id()), "{name} did not even begin");
        scene.wait_aged(child.id(), 2.0);
    }
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    scene.wait_looks(2);
    assert!(scene.acts().is_empty(), "incident 7, the bridge is well: {:?}", scene.acts());
    all_alive(&decoys);

    signal(first, Signal::KILL);
    scene.wait_journal("rung 1 done: pid ");
    let second = launchd.wait_pid(&scene.label);
    all_alive(&decoys);

    scene.wait_aged(second, 2.0);
    signal(second, Signal::STOP);
    scene.wait_journal("rung 2 done: pid ");
    let third = launchd.wait_pid(&scene.label);
    all_alive(&decoys);

    let copy = start("a real copy", &mut as_the_bridge(&scene, &scene.root));
    scene.wait("the copy's end", || (!alive(copy.1.id())).then_some(()));
    scene.wait_journal("rung 2 done: 1 copy ended; the bridge was left alone");
    assert_eq!(launchd.pid(&scene.label), Some(third), "the bridge was left alone");
    scene.wait_verdict("healthy", "none");
    all_alive(&decoys);

    assert_eq!(why_started(&scene, &launchd), ["load", "kickstart", "kickstart"]);
    assert_eq!(acts_of_launchctl(&launchd), ["kickstart", "kickstart"]);
    assert!(launchd.signals().is_empty(), "{:?}", launchd.signals());
    let signals: Vec<String> = scene.acts().into_iter().filter(|act| act.starts_with("SIG")).collect();
    let whom = [
        format!("SIGTERM to the bridge (pid {second},"),
        format!("SIGKILL to the bridge (pid {second})"),
        format!("SIGTERM to a copy of the bridge (pid {},", copy.1.id()),
    ];
    assert!(signals.len() == 3 && signals.iter().zip(&whom).all(|(act, whom)| act.starts_with(whom)), "{signals:?}");
}

/// Without a manager's own words a relative path in the right folder is enough to know a copy; the same path relative
/// to another folder is not.
#[test]
fn incident_8_a_copy_that_is_young_is_left_alone() {
    let (scene, _launchd) = loaded_with(&[], &keys(), |scene| scene.set("stale_process", 600.0));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let copy = start("a young copy, perhaps an update's own", &mut as_the_bridge(&scene, &scene.root));
    scene.wait_aged(copy.1.id(), 1.0);
    scene.wait_looks(2);
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
    assert!(alive(copy.1.id()));
}

/// A fork keeps its parent's command line until it runs another program: a subshell here, Python's multiprocessing in
/// real life.
#[test]
fn incident_8_what_the_bridge_itself_has_forked_is_no_copy_of_it() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.script(
        "(trap '' TERM; echo forked; while :; do sleep 0.5; done) &\necho $! > forked\nwhile :; do echo beat; sleep 0.2; done\n",
    );
    scene.set("stale_process", 0.5);
    let _watch = scene.watch();
    let forked = scene.wait("the fork", || {
        std::fs::read_to_string(scene.root.join("forked")).ok().and_then(|text| text.trim().parse::<u32>().ok())
    });
    scene.wait_aged(forked, 2.0);
    scene.wait_looks(4);
    assert!(alive(forked) && scene.acts().is_empty(), "{}", scene.journal());
    signal(forked, Signal::KILL);
}
