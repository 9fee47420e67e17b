//! Deaths and silences of a bridge under launchd, end to end: real children under the stand-in for `/bin/launchctl`.
//! Each asserts the rung, the starts, the signals and the history.

use crate::support::{
    Launchd, Scene, acts_of_launchctl, alive, keys, load, loaded, loaded_with, signal, unloaded, why_started,
};
use rustix::process::Signal;
use serde_json::json;

/// Waits for a process that is not `before`, and for health.
fn wait_healed(scene: &Scene, launchd: &Launchd, before: u32) -> u32 {
    let after = scene.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait("the watch sees it well", || {
        let status = scene.status()?;
        let seen = &status["check"]["facts"]["process"]["pid"];
        (*seen == after && status["verdict"]["state"] == "healthy" && status["rung"].is_null()).then_some(())
    });
    after
}

#[test]
fn incident_9_a_killed_bridge_is_launchds_to_start_and_its_death_is_one_crash() {
    let (scene, launchd) = loaded(&[]);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    signal(before, Signal::KILL);
    let after = wait_healed(&scene, &launchd, before);
    scene.wait("the start line", || (scene.events("start").len() == 2).then_some(()));
    let crashes = scene.events("crash");
    assert_eq!(crashes.len(), 1, "{crashes:?}");
    assert_eq!((&crashes[0]["reason"], &crashes[0]["pid"]), (&json!("signal 9"), &json!(before)));
    assert_eq!(why_started(&scene, &launchd), ["load", "keepalive"]);
    assert!(alive(after));
    assert!(launchd.signals().is_empty(), "{:?}", launchd.signals());
    assert!(acts_of_launchctl(&launchd).is_empty(), "{:?}", acts_of_launchctl(&launchd));
}

#[test]
fn incident_28_a_bridge_that_stops_with_0_is_back_and_that_is_no_crash() {
    let (scene, launchd) = loaded(&[]);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    signal(before, Signal::TERM);
    wait_healed(&scene, &launchd, before);
    scene.wait("the start line", || (scene.events("start").len() == 2).then_some(()));
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
    assert_eq!(launchd.job(&scene.label).expect("loaded").last, "last exit code = 0");
    assert_eq!(why_started(&scene, &launchd), ["load", "keepalive"]);
    assert!(acts_of_launchctl(&launchd).is_empty(), "{:?}", acts_of_launchctl(&launchd));
}

#[test]
fn a_bridge_that_exits_with_1_is_back_and_that_is_a_crash() {
    let options = ["--exit", "1", "--after", "2", "--times", "1", "--counter", "data/runs"];
    let (scene, launchd) = unloaded(&options, &keys(), |scene| scene.set("reload", 600.0));
    let _watch = scene.watch();
    scene.wait_verdict("unhealthy", "not-loaded");
    load(&scene, &launchd);
    let before = launchd.wait_pid(&scene.label);
    wait_healed(&scene, &launchd, before);
    scene.wait("the start line", || (scene.events("start").len() == 2).then_some(()));
    let crashes = scene.events("crash");
    assert_eq!(crashes.len(), 1, "{crashes:?}");
    assert_eq!((&crashes[0]["reason"], &crashes[0]["pid"]), (&json!("exit 1"), &json!(before)));
    assert_eq!(why_started(&scene, &launchd), ["load", "keepalive"]);
    assert!(scene.rungs().is_empty(), "{:?}", scene.rungs());
}

#[test]
fn incident_10_a_stopped_bridge_is_ended_once_and_started_once() {
    let (scene, launchd) = loaded(&[]);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    signal(before, Signal::STOP);
    scene.wait_journal("unhealthy: log-stale");
    wait_healed(&scene, &launchd, before);
    // A stopped process gets its SIGTERM only when it goes on, so SIGKILL is what ends it.
    ended_by(&scene, &format!("the bridge (pid {before}"), &["SIGTERM", "SIGKILL"]);
    assert_eq!(scene.rungs().len(), 1, "{:?}", scene.rungs());
    assert!(scene.rungs()[0].starts_with("2 done: pid "), "{:?}", scene.rungs());
    assert_eq!(why_started(&scene, &launchd), ["load", "keepalive"]);
    assert!(launchd.signals().is_empty(), "{:?}", launchd.signals());
    assert!(acts_of_launchctl(&launchd).is_empty(), "no -k: {:?}", acts_of_launchctl(&launchd));
    assert!(scene.events("crash").is_empty(), "incident 4, our own act: {:?}", scene.events("crash"));
}

#[test]
fn a_bridge_that_falls_silent_is_asked_to_stop_and_starts_anew() {
    let (scene, launchd) = loaded(&["--silent-after", "2", "--times", "1", "--counter", "data/runs"]);
    let _watch = scene.watch();
    let before = launchd.wait_pid(&scene.label);
    scene.wait_journal("unhealthy: log-stale");
    wait_healed(&scene, &launchd, before);
    ended_by(&scene, &format!("the bridge (pid {before}"), &["SIGTERM"]);
    assert!(scene.rungs()[0].starts_with("2 done: pid "), "{:?}", scene.rungs());
    assert_eq!(why_started(&scene, &launchd), ["load", "keepalive"]);
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
}

#[test]
fn incident_29_a_bridge_deaf_to_sigterm_gets_one_sigkill() {
    let (scene, launchd) = loaded(&["--deaf", "--mute", "data/quiet"]);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    // It says so and then writes nothing: long before its silence alone would count.
    std::fs::write(scene.data("quiet"), "").expect("the gag");
    // A heartbeat that was on its way would void the line.
    let written = || std::fs::metadata(scene.log()).map_or(0, |log| log.len());
    scene.wait("its last line", || {
        let before = written();
        std::thread::sleep(std::time::Duration::from_millis(300));
        (written() == before).then_some(())
    });
    signal(before, Signal::TERM);
    let log = std::fs::OpenOptions::new().append(true).open(scene.log());
    std::io::Write::write_all(&mut log.expect("the log"), b"INFO Received SIGTERM, shutting down gracefully...\n")
        .expect("written");
    scene.wait_journal("unhealthy: stop-hang");
    // A heartbeat before it is signalled would save it.
    scene.wait_journal("act: SIGTERM");
    std::fs::remove_file(scene.data("quiet")).expect("the gag");
    wait_healed(&scene, &launchd, before);
    ended_by(&scene, &format!("the bridge (pid {before}"), &["SIGTERM", "SIGKILL"]);
    assert_eq!(why_started(&scene, &launchd), ["load", "keepalive"]);
    assert!(launchd.signals().is_empty(), "{:?}", launchd.signals());
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
}

#[test]
fn incident_30_a_slow_start_is_left_alone() {
    let (scene, launchd) = loaded_with(&["--slow-start", "4"], &keys(), |scene| scene.set("stale", 15.0));
    // What the run before wrote is old, and no evidence against this one.
    let log = std::fs::File::create(scene.log()).expect("the log");
    log.set_modified(std::time::SystemTime::now() - std::time::Duration::from_hours(1)).expect("its time");
    let _watch = scene.watch();
    scene.wait_verdict("starting", "none");
    scene.wait_verdict("healthy", "none");
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
    assert_eq!(why_started(&scene, &launchd), ["load"]);
}

#[test]
fn incident_31_a_pid_that_comes_late_is_waited_for() {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| scene.set("pid_within", 40.0));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    launchd.fault(&json!({"spawn_delay_s": 4.0}));
    signal(before, Signal::KILL);
    wait_healed(&scene, &launchd, before);
    assert_eq!(scene.rungs().len(), 1, "{:?}", scene.rungs());
    assert!(scene.rungs()[0].starts_with("1 done: pid "), "{:?}", scene.rungs());
    assert_eq!(launchd.starts(&scene.label).len(), 2);
    assert_eq!(scene.events("crash").len(), 1);
}

#[test]
fn incident_9_a_bridge_that_died_young_is_launchds_until_its_throttle_is_over() {
    let keys = json!({"KeepAlive": true, "ThrottleInterval": 4, "ExitTimeOut": 0.5});
    let (scene, launchd) = loaded_with(&[], &keys, |scene| {
        scene.set("min_uptime", 30.0);
        scene.set("respawn_margin", 60.0);
    });
    let _watch = scene.watch();
    let before = launchd.wait_pid(&scene.label);
    scene.wait("the watch sees it", || (scene.status()?["history"]["run"]["id"]["pid"] == before).then_some(()));
    signal(before, Signal::KILL);
    scene.wait_verdict("unhealthy", "process-dead");
    wait_healed(&scene, &launchd, before);
    assert_eq!(why_started(&scene, &launchd), ["load", "keepalive"]);
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
}

#[test]
fn a_bridge_that_had_run_well_does_not_wait_for_a_long_throttle() {
    let keys = json!({"KeepAlive": true, "ThrottleInterval": 600, "ExitTimeOut": 0.5});
    let (scene, launchd) = loaded_with(&[], &keys, |_| {});
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    signal(before, Signal::KILL);
    wait_healed(&scene, &launchd, before);
    assert_eq!(why_started(&scene, &launchd), ["load", "kickstart"]);
    assert_eq!(acts_of_launchctl(&launchd), ["kickstart"], "a start, not a shot");
    assert!(scene.rungs()[0].starts_with("1 done: pid "), "{:?}", scene.rungs());
}

#[test]
fn incident_28_a_keepalive_dictionary_is_told_and_its_gap_is_closed() {
    let keys = json!({"KeepAlive": {"SuccessfulExit": false}, "ThrottleInterval": 0.4, "ExitTimeOut": 0.5});
    let (scene, launchd) = loaded_with(&[], &keys, |_| {});
    let _watch = scene.watch();
    let status = scene.wait_verdict("degraded", "none");
    assert_eq!(
        status["check"]["issues"][0],
        "The service manager restarts the bridge only sometimes: KeepAlive is a dictionary (SuccessfulExit)."
    );
    assert_eq!(status["check"]["next"], "run 'bridge-watchdog install', which mends just that key");
    assert_eq!(scene.check().1, 1);
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    signal(before, Signal::TERM);
    scene.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_journal("rung 1 done");
    assert_eq!(why_started(&scene, &launchd), ["load", "kickstart"]);
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
}

/// Exactly these signals were sent, only to this process, and each line says why.
fn ended_by(scene: &Scene, whom: &str, names: &[&str]) {
    let acts: Vec<String> = scene.acts().into_iter().filter(|act| act.starts_with("SIG")).collect();
    assert_eq!(acts.len(), names.len(), "{acts:?}");
    for (act, name) in acts.iter().zip(names) {
        assert!(act.starts_with(&format!("{name} to {whom}")) && act.contains(", because "), "{act}");
    }
}
