//! By whom it was stopped, and what kind of unit it is: a bridge under a real `systemd --user` that stays down, or
//! gives up.

use crate::support::systemd::{self, ALWAYS, keys_of, verbs};
use crate::support::{Scene, Systemd, Watch, signal};
use rustix::process::Signal;
use serde_json::Value;

fn up(manager: &Systemd, scene: &Scene) -> (Watch, u32) {
    manager.begin(scene, ALWAYS);
    let watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    (watch, manager.wait_pid(&scene.label))
}

/// The stop is recognised, the bridge is left alone over several looks, and there is no crash.
fn assert_left_alone(manager: &Systemd, scene: &Scene, crashes: usize) {
    scene.wait_verdict("stopped", "operator-stop");
    scene.wait_looks(4);
    assert_eq!(scene.check().1, 4);
    assert_eq!(scene.run(&["restart"]).status.code(), Some(4));
    assert_eq!((manager.pid(&scene.label), verbs(scene), scene.acts()), (None, vec![], vec![]));
    assert_eq!(scene.events("crash").len(), crashes, "{:?}", scene.events("crash"));
}

#[test]
fn incident_27_a_stop_by_the_operator_stays_and_so_does_his_start() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    let (_watch, _) = up(&manager, &scene);
    manager.stop_unit(&scene.label);
    assert_left_alone(&manager, &scene, 0);
    manager.start_unit(&scene.label);
    scene.wait_verdict("healthy", "none");
}

#[test]
fn incident_27_a_stop_that_needed_sigkill_is_a_stop() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    scene.bridge(&["--deaf"]);
    let (_watch, _) = up(&manager, &scene);
    manager.stop_unit(&scene.label);
    assert_eq!(manager.property(&scene.label, "ActiveState"), "failed", "what systemd calls it");
    assert_left_alone(&manager, &scene, 0);
}

#[test]
fn incident_27_a_stop_answered_with_exit_1_is_a_stop() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    scene.script("echo 'Connected to Telegram'; trap 'exit 1' TERM; while :; do echo '[heartbeat]'; sleep 0.1; done");
    let (_watch, _) = up(&manager, &scene);
    manager.stop_unit(&scene.label);
    assert_eq!(manager.property(&scene.label, "ActiveState"), "failed", "what systemd calls it");
    assert_left_alone(&manager, &scene, 0);
}

#[test]
fn incident_27_a_stop_during_the_wait_for_the_restart_is_a_stop() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    // No run is ever long enough for a start of ours, and systemd's own comes in an hour.
    scene.set("min_uptime", 10_000.0);
    manager.begin(&scene, "Restart=always\nRestartSec=3600");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    signal(manager.wait_pid(&scene.label), Signal::KILL);
    scene.wait_verdict("unhealthy", "process-dead");
    assert_eq!(manager.property(&scene.label, "SubState"), "auto-restart");
    manager.stop_unit(&scene.label);
    assert_left_alone(&manager, &scene, 1);
}

#[test]
fn incident_27_a_unit_that_is_not_enabled_is_forgotten_when_it_stops() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    manager.write_unit(&scene.label, &scene.program(), &keys_of(&scene, ALWAYS));
    std::fs::remove_dir_all(manager.units().join("default.target.wants")).expect("the link");
    manager.reload();
    manager.start_unit(&scene.label);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    manager.wait_pid(&scene.label);
    manager.stop_unit(&scene.label);
    assert_eq!(manager.property(&scene.label, "ExecMainStartTimestampMonotonic"), "0", "nothing of it is known");
    assert_left_alone(&manager, &scene, 0);
}

#[test]
fn incident_28_a_unit_that_is_restarted_only_sometimes_is_reported() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    manager.begin(&scene, "Restart=on-failure");
    let _watch = scene.watch();
    let status = scene.wait_verdict("degraded", "none");
    let issue = status["check"]["issues"][0].as_str().unwrap_or_default().to_owned();
    assert!(issue.contains("only sometimes: Restart=on-failure"), "{issue}");
    manager.write_unit(&scene.label, &scene.program(), &keys_of(&scene, "Restart=no"));
    let (check, code) = scene.check();
    assert_eq!((check["state"].as_str(), code), (Some("degraded"), 1), "{check}");
    assert_eq!(check["issues"][0], "The service manager never restarts the bridge by itself.");
    // And it is still started again.
    let before = manager.wait_pid(&scene.label);
    signal(before, Signal::KILL);
    scene.wait("a new pid", || manager.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_journal("rung 1 done");
    assert_eq!(verbs(&scene), ["reset-failed", "start"]);
}

#[test]
fn incident_45_a_unit_that_systemd_gave_up_on_is_reset_and_started_until_it_is_mended() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let counter = scene.folder.path().join("runs");
    // systemd's own limit is 5 starts in 10 s, so these failures take more than one of its lives.
    scene.bridge(&["--exit", "1", "--times", "20", "--counter", counter.to_str().expect("a path")]);
    // The pattern is forgotten soon, and a rung is given up on soon.
    scene.set("crash_window", 2.0);
    scene.set("pid_within", 2.0);
    scene.set("again", 2.0);
    manager.begin(&scene, "Restart=always\nRestartSec=100ms");
    let _watch = scene.watch();
    scene.wait("systemd to give up", || (manager.property(&scene.label, "ActiveState") == "failed").then_some(()));
    scene.wait_verdict("healthy", "none");
    let verbs = verbs(&scene);
    assert!(verbs.windows(2).any(|pair| pair == ["reset-failed", "start"]), "{verbs:?}");
    assert_eq!(std::fs::read_to_string(&counter).expect("a count").trim(), "21");
}

#[test]
fn incident_4_a_crash_loop_that_its_manager_gave_up_on_is_still_started() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    // systemd's own limit is 5 starts within 10 s; the first six runs fail.
    let counter = scene.root.join("counter");
    scene.script(&format!(
        "n=$(cat '{0}' 2>/dev/null || echo 0); echo $((n+1)) >'{0}'; [ $n -lt 6 ] && sleep 0.3 && exit 1\n\
         echo 'Connected to Telegram'; while :; do echo '[heartbeat]'; sleep 0.1; done",
        counter.display()
    ));
    // Long, so that the pattern still holds when systemd has given up.
    scene.set("crash_window", 600.0);
    scene.set("again", 2.0);
    manager.begin(&scene, "Restart=always\nRestartSec=100ms");
    let _watch = scene.watch();
    scene.wait_journal("state: unhealthy: crash-loop");
    scene.wait_verdict("healthy", "none");
    // By the crash loop's chain or, while that waits, by the one of its death.
    let started = |rung: &String| rung.starts_with("3 done: pid ") || rung.starts_with("1 done: pid ");
    assert!(scene.rungs().iter().any(started), "{:?}", scene.rungs());
}

#[test]
fn incident_19_and_43_a_crash_loop_is_seen_by_the_watch_alone_and_gets_no_extra_start() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    scene.script("echo 'Connected to Telegram'; sleep 0.3; echo 'ModuleNotFoundError: telethon' >&2; exit 1");
    scene.set("min_uptime", 30.0);
    scene.set("respawn_margin", 60.0);
    manager.begin(&scene, "Restart=always\nRestartSec=100ms\nStartLimitIntervalSec=0\n[Unit]\nStartLimitIntervalSec=0");
    let _watch = scene.watch();
    let status = scene.wait_verdict("unhealthy", "crash-loop");
    assert!(status["check"]["facts"]["crashes"]["last_30m"].as_u64() >= Some(3), "{status}");
    scene.wait_journal("act: send an alert");
    scene.wait("the end of the traceback", || scene.journal().contains("ModuleNotFoundError: telethon").then_some(()));
    assert_eq!(verbs(&scene), Vec::<String>::new(), "{}", scene.journal());
    let by_us = |event: &Value| event["by"] == "bridge-watchdog" || event["pid"].is_null();
    assert!(scene.events("crash").iter().all(by_us), "nobody else wrote it");
}

#[test]
fn what_a_dead_bridge_left_running_is_no_stop_and_the_bridge_comes_back() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    scene.script(
        "echo 'Connected to Telegram'; sh -c 'trap \"\" TERM; while :; do sleep 1; done' & while :; do echo '[heartbeat]'; sleep 0.1; done",
    );
    let (_watch, before) = up(&manager, &scene);
    signal(before, Signal::KILL);
    scene.wait_journal("holds its start back: what the dead bridge left running is ended first");
    scene.wait("a new pid", || manager.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_verdict("healthy", "none");
    assert_eq!((manager.property(&scene.label, "NRestarts").as_str(), scene.acts().len()), ("0", 1));
    assert_eq!(scene.events("crash").len(), 1);
    assert!(!scene.journal().contains("operator-stop"), "{}", scene.journal());
}
