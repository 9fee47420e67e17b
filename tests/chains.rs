//! A chain that waits holds no other up: each cause has its own, and a bridge that nothing else starts is always
//! started.

use rustix::process::Signal;
use serde_json::json;

use crate::support::{acts_of_launchctl, alive, loaded_with, signal};

/// Six crashes in the history, so that the chain of the crash loop has come to its alert and waits; then the bridge,
/// which launchd leaves down after exit 0, is gone. It once stayed down for 30 min.
#[test]
fn a_crash_loop_that_waits_for_its_30_min_keeps_no_bridge_down() {
    let job = json!({"KeepAlive": {"SuccessfulExit": false}, "ThrottleInterval": 0.4, "ExitTimeOut": 0.5});
    let (scene, launchd) = loaded_with(&[], &job, |scene| {
        scene.set("crash_window", 1800.0);
        // No chain goes on, and no manager is waited for, while this test waits.
        scene.set("again", 600.0);
        scene.set("respawn_margin", 600.0);
        // Its run is too young to be started at once for its age.
        scene.set("min_uptime", 30.0);
        scene.set("stale", 600.0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let crash = |ago: u64| json!({"timestamp": now - ago, "event_type": "crash", "commit_sha": "unknown", "reason": "exit 1"});
        let lines: Vec<String> = (1..=6).rev().map(|n| crash(n * 60).to_string()).collect();
        std::fs::write(scene.data("crash_history.jsonl"), lines.join("\n") + "\n").expect("a history");
    });
    let _watch = scene.watch();
    scene.wait("the alert", || scene.rungs().iter().any(|rung| rung.starts_with("5:")).then_some(()));
    let before = launchd.wait_pid(&scene.label);
    assert_eq!(acts_of_launchctl(&launchd), Vec::<String>::new(), "{}", scene.journal());
    // It then ends gracefully, with 0.
    signal(before, Signal::TERM);
    let after =
        scene.wait("a new process", || launchd.job(&scene.label)?.pid.filter(|pid| *pid != before && alive(*pid)));
    assert_eq!(acts_of_launchctl(&launchd), ["kickstart"], "one start: {}", scene.journal());
    assert!(scene.journal().contains("because the bridge is not running (last: exit 0)"), "{}", scene.journal());
    assert!(alive(after));
}
