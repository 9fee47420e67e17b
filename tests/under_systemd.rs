//! A bridge that dies or hangs under a real `systemd --user`, end to end. `KillMode=control-group`, systemd's default,
//! ends the agent runs under the bridge with it; the unit's author decides that.

use crate::support::systemd::{self, ALWAYS, verbs};
use crate::support::{Decoys, Scene, Systemd, signal};
use rustix::process::Signal;
use serde_json::Value;

/// A shell that says so when it begins and ends with 1 when it is told to. Its lines make it look alive.
const EXITS: &str =
    "echo 'Connected to Telegram'; trap 'exit 1' USR1; while :; do echo '[heartbeat] Bridge alive'; sleep 0.1; done";

/// Every start of the bridge has its line in the log.
fn starts(scene: &Scene) -> usize {
    std::fs::read_to_string(scene.log()).unwrap_or_default().matches("Connected to Telegram").count()
}

/// A new process, up and well, that systemd's own timer has not started.
fn assert_started_by_us(manager: &Systemd, scene: &Scene, before: u32) {
    scene.wait("a new pid", || manager.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_journal("rung 1 done");
    scene.wait_verdict("healthy", "none");
    assert_eq!(manager.property(&scene.label, "NRestarts"), "0", "systemd's own timer started it");
    assert_eq!(verbs(scene), ["reset-failed", "restart"], "{}", scene.journal());
    assert_eq!(starts(scene), 2, "one start");
    assert_eq!(scene.acts().len(), 1, "{}", scene.journal());
}

#[test]
fn incident_9_a_killed_bridge_is_started_once_and_before_the_managers_own_timer() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    let mut decoys = Decoys::of(&scene);
    manager.begin(&scene, ALWAYS);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = manager.wait_pid(&scene.label);
    signal(before, Signal::KILL);
    assert_started_by_us(&manager, &scene, before);
    let crashes = scene.events("crash");
    assert_eq!(crashes.iter().map(|event| &event["reason"]).collect::<Vec<_>>(), ["signal 9"]);
    decoys.assert_alive();
}

#[test]
fn incident_28_exit_0_is_started_at_once_and_is_no_crash() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    manager.begin(&scene, ALWAYS);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = manager.wait_pid(&scene.label);
    // It ends gracefully then, with 0.
    signal(before, Signal::TERM);
    assert_started_by_us(&manager, &scene, before);
    assert!(scene.journal().contains("(last: exit 0)"), "{}", scene.journal());
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
}

#[test]
fn exit_1_is_started_at_once_and_is_a_crash() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    scene.script(EXITS);
    manager.begin(&scene, ALWAYS);
    let _watch = scene.watch();
    let before = manager.wait_pid(&scene.label);
    scene.wait_verdict("healthy", "none");
    signal(before, Signal::USR1);
    assert_started_by_us(&manager, &scene, before);
    let crashes = scene.events("crash");
    assert_eq!(crashes.iter().map(|event| &event["reason"]).collect::<Vec<_>>(), ["exit 1"]);
}

#[test]
fn incident_29_a_bridge_that_hangs_is_ended_by_rung_2_and_started_once() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    let mut decoys = Decoys::of(&scene);
    manager.begin(&scene, ALWAYS);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = manager.wait_pid(&scene.label);
    signal(before, Signal::STOP);
    scene.wait_verdict("unhealthy", "log-stale");
    scene.wait_journal("rung 2 done");
    scene.wait_verdict("healthy", "none");
    assert_eq!(manager.property(&scene.label, "NRestarts"), "0", "systemd's own timer started it");
    let acts = scene.acts();
    let verbs_of_acts: Vec<&str> = acts.iter().filter_map(|act| act.split(' ').next()).collect();
    assert_eq!(verbs_of_acts, ["SIGTERM", "SIGKILL", "start"], "{acts:?}");
    assert!(acts[..2].iter().all(|act| act.contains(&format!("(pid {before}"))), "{acts:?}");
    assert_eq!((verbs(&scene), starts(&scene)), (vec!["reset-failed".to_owned(), "restart".to_owned()], 2));
    assert!(scene.events("crash").is_empty(), "what we end is no crash: {:?}", scene.events("crash"));
    decoys.assert_alive();
}

#[test]
fn incident_39_a_silent_bridge_is_told_to_stop_and_started_with_a_line_for_each_act() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let mute = scene.folder.path().join("mute");
    scene.bridge(&["--mute", mute.to_str().expect("a path")]);
    manager.begin(&scene, ALWAYS);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = manager.wait_pid(&scene.label);
    std::fs::write(&mute, "").expect("a file");
    let act = scene.wait_journal("act: SIGTERM");
    std::fs::remove_file(&mute).expect("a file");
    assert!(act.contains(&format!("(pid {before}")) && act.contains("because the bridge hangs"), "{act}");
    scene.wait_journal("rung 2 done");
    scene.wait_verdict("healthy", "none");
    let verbs_of_acts: Vec<String> =
        scene.acts().iter().filter_map(|act| act.split(' ').next().map(str::to_owned)).collect();
    assert_eq!(verbs_of_acts, ["SIGTERM", "start"], "{}", scene.journal());
    assert_eq!(manager.property(&scene.label, "NRestarts"), "0");
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
}

#[test]
fn a_restart_by_hand_is_no_crash() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    // The command looks several times until it has seen its effect.
    scene.set("min_uptime", 2.0);
    manager.begin(&scene, ALWAYS);
    let watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = manager.wait_pid(&scene.label);
    let mut restart = scene.command(&["restart"]).spawn().expect("the program runs");
    let mut writers = std::collections::BTreeSet::new();
    let ended = scene.wait("the end of the restart", || {
        writers.extend(scene.status().map(|status| status["watch"].to_string()));
        restart.try_wait().expect("our own child can be asked")
    });
    assert!(ended.success());
    assert_eq!(writers, [watch.pid().to_string()].into(), "the books are the watch's");
    let second = manager.wait_pid(&scene.label);
    assert_ne!(second, before);
    scene.wait_seen(second);
    // And without us, by systemd's own command.
    manager.ok(&["restart", &format!("{}.service", scene.label)]);
    let third = scene.wait("a third pid", || manager.pid(&scene.label).filter(|pid| *pid != second));
    scene.wait_seen(third);
    scene.wait_looks(3);
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
    assert_eq!((scene.events("start").len(), starts(&scene)), (3, 3), "{}", scene.journal());
}

#[test]
fn a_changed_unit_file_is_read_before_the_start() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    manager.begin(&scene, ALWAYS);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = manager.wait_pid(&scene.label);
    let file = manager.units().join(format!("{}.service", scene.label));
    let text = std::fs::read_to_string(&file).expect("the unit");
    std::fs::write(&file, text + "Environment=NEW=1\n").expect("the unit");
    signal(before, Signal::KILL);
    scene.wait("a new pid", || manager.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_journal("rung 1 done");
    assert_eq!(verbs(&scene), ["daemon-reload", "reset-failed", "restart"]);
    assert_eq!(manager.property(&scene.label, "Environment"), "NEW=1");
}

/// systemd's watchdog ends a bridge by SIGABRT, as an abort of its own would: no commit is to blame for that.
#[test]
fn a_bridge_that_systemds_watchdog_ends_is_no_reason_to_revert_head() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    scene.extra = "[recovery]\nauto_revert = true\n".into();
    scene.set("crash_window", 600.0);
    scene.write();
    let head = scene.commit("bridge.py", "a better bridge\n", "A better bridge", 10);
    scene.script("echo 'INFO Connected to Telegram'; exec sleep 100");
    let keys = "Restart=always\nRestartSec=0.3\nWatchdogSec=0.6\nNotifyAccess=all\n[Unit]\nStartLimitIntervalSec=0";
    manager.begin(&scene, keys);
    let _watch = scene.watch();
    let by_watchdog = |crash: &Value| crash["class"] == "killed" && crash["reason"] == "watchdog";
    let five = |crashes: &Vec<Value>| crashes.iter().filter(|crash| by_watchdog(crash)).count() >= 5;
    let crashes = scene.wait("crashes", || Some(scene.events("crash")).filter(five));
    // An end that fell between two looks is nobody's.
    assert!(crashes.iter().all(|crash| by_watchdog(crash) || crash["class"] == "unseen"), "{crashes:?}");
    scene.wait_looks(2);
    let now = git2::Repository::open(&scene.root).expect("a repository").refname_to_id("HEAD").expect("a HEAD");
    assert_eq!(now, head, "{}", scene.journal());
}

/// It warms a cache, asks for a key: as long as that takes there is no process, and a start would change nothing.
#[test]
fn what_a_unit_does_before_its_start_is_waited_for_and_then_told() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    manager.begin(
        &scene,
        &format!("{ALWAYS}\nTimeoutStartSec=infinity\nExecStartPre=/bin/sh -c 'sleep 3; exec sleep 600'"),
    );
    manager.wait_sub(&scene.label, "start-pre");
    let _watch = scene.watch();
    scene.wait_verdict("starting", "none");
    // The time that a start has: 5 s here.
    scene.wait_verdict("unhealthy", "process-dead");
    scene.wait_looks(4);
    assert!(scene.acts().iter().all(|act| act.starts_with("send an alert")), "{:?}", scene.acts());
    assert!(scene.rungs().is_empty(), "{:?}", scene.rungs());
    let check = scene.check().0;
    assert!(check["issues"].to_string().contains("ExecStartPre"), "{check:#}");
}
