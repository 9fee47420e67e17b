//! The cause is looked at again right before a rung destroys something, and a chain that can't act still reaches rung
//! 5.

use crate::support::launchd::target;
use crate::support::{Scene, Watch, acts_of_launchctl, alive, decoys, keys, loaded_with, signal, why_started};
use rustix::process::Signal;
use serde_json::json;

/// A bridge with a task at work under it that falls silent while `data/quiet` is there, and a watch that waits for the
/// task before it ends the bridge.
pub(crate) fn waiting_for_work() -> (Scene, Watch, u32) {
    let mut scene = Scene::new("embedded", 60.0);
    // The task ends with the bridge.
    scene.script(
        "(while kill -0 $$ 2>/dev/null; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.05; done) &\n\
         while :; do [ -e data/quiet ] || echo '[heartbeat]'; sleep 0.1; done\n",
    );
    scene.set("work", 600.0);
    let watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait("its voice", || (scene.status()?["history"]["spoke"] == true).then_some(()));
    std::fs::write(scene.data("quiet"), "").expect("the gag");
    // Its work is a sign of life, so that its silence has to last.
    scene.wait_verdict("degraded", "none");
    scene.wait_journal("1 task is at work under the bridge");
    (scene, watch, pid)
}

fn nothing_was_ended(scene: &Scene, pid: u32) {
    scene.wait_journal("looked at again, and nothing was ended: ");
    assert!(alive(pid));
    assert!(!scene.journal().contains("SIGTERM"), "{}", scene.journal());
}

#[test]
fn incident_5_a_bridge_that_speaks_again_while_its_work_is_waited_for_is_not_ended() {
    let (scene, _watch, pid) = waiting_for_work();
    std::fs::remove_file(scene.data("quiet")).expect("the gag taken off");
    nothing_was_ended(&scene, pid);
    scene.wait("health", || (scene.status()?["verdict"]["cause"] == "none").then_some(()));
    assert!(alive(pid));
}

#[test]
fn a_pause_while_work_is_waited_for_forbids_the_end() {
    let (scene, _watch, pid) = waiting_for_work();
    assert_eq!(scene.run(&["pause", "--for", "1h"]).status.code(), Some(0));
    nothing_was_ended(&scene, pid);
    scene.wait_verdict("waiting", "paused");
}

#[test]
fn incident_22_a_job_that_an_update_takes_away_slowly_is_not_loaded_by_a_rung_that_began_before() {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| {
        scene.set("reload", 600.0);
        scene.set("pid_within", 1.0);
    });
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let pid = launchd.wait_pid(&scene.label);
    scene.wait_aged(pid, 1.0);
    // The job is still listed, without a process, when its death is seen.
    launchd.fault(&json!({"bootout_slow_s": 0.6}));
    launchd.operator(&["bootout", &target(&scene.label)]);
    scene.wait_verdict("unhealthy", "not-loaded");
    scene.wait_looks(3);
    assert!(!acts_of_launchctl(&launchd).iter().any(|act| act.starts_with("bootstrap")), "{}", scene.journal());
    assert_eq!(why_started(&scene, &launchd), ["load"], "{}", scene.journal());
}

#[test]
fn what_its_operator_disabled_and_lets_run_is_left_alone_with_its_copy_and_told() {
    let (scene, launchd) = loaded_with(&[], &keys(), |_| {});
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let pid = launchd.wait_pid(&scene.label);
    assert_eq!(launchd.operator(&["disable", &target(&scene.label)]).code, 0);
    let copy = decoys::start("a copy", &mut decoys::as_the_bridge(&scene, &scene.root));
    scene.wait_journal("act: send an alert, because a second copy of the bridge is running");
    scene.wait_looks(2);
    assert!(alive(pid) && alive(copy.1.id()), "{}", scene.journal());
    drop(copy);
    signal(pid, Signal::STOP);
    scene.wait_journal("act: send an alert, because the bridge hangs");
    assert!(!scene.journal().contains("SIGTERM"), "{}", scene.journal());
    scene.wait_looks(2);
    assert!(alive(pid), "{}", scene.journal());
    assert!(acts_of_launchctl(&launchd).is_empty(), "{:?}", acts_of_launchctl(&launchd));
    signal(pid, Signal::CONT);
}

#[test]
fn a_lock_that_can_not_be_had_ends_in_an_alert_and_by_hand_in_1() {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| scene.set("again", 600.0));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let pid = launchd.wait_pid(&scene.label);
    scene.wait_aged(pid, 1.0);
    let lock = scene.state().join("recovery.lock");
    let _ = std::fs::remove_file(&lock);
    std::fs::create_dir(&lock).expect("a folder in its place");
    launchd.fault(&json!({"pended": "speculative"}));
    signal(pid, Signal::KILL);
    scene.wait_journal("act: send an alert, because the bridge is not running");
    let rungs = scene.rungs();
    assert!(rungs[..3].iter().all(|rung| rung.contains("recovery.lock can't be locked: ")), "{rungs:?}");
    let output = scene.run(&["restart"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("recovery.lock can't be locked: "), "{said}");
}

#[test]
fn incident_40_a_stop_has_lasted_since_it_began_also_over_a_restart_of_the_watch() {
    let (scene, launchd) = loaded_with(&[], &keys(), |_| {});
    let mut watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    assert_eq!(launchd.operator(&["disable", &target(&scene.label)]).code, 0);
    launchd.operator(&["bootout", &target(&scene.label)]);
    let since = scene.wait_verdict("stopped", "operator-stop")["since"].clone();
    watch.kill();
    let next = scene.watch();
    scene.wait("the next watch's look", || (scene.status()?["watch"] == next.pid()).then_some(()));
    assert_eq!(scene.wait_verdict("stopped", "operator-stop")["since"], since);
}
