//! The demo with real processes: the shipped program, no configuration, and it ends healed.

use std::process::Command;

/// Ends with 0 and says what it saw, how soon it knew and how long the healing took.
fn heals(fault: &str, expected: &[&str]) {
    let home = tempfile::tempdir().expect("a home");
    let output = Command::new(crate::support::product())
        .args(["demo", "--headless", "--fault", fault])
        .env_clear()
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .output()
        .expect("the product runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for words in ["60 times faster", "FAULT  "].iter().chain(expected) {
        assert!(said.contains(words), "'{words}' is not in:\n{said}");
    }
    let last = said.lines().last().expect("a last line");
    assert!(last.contains("HEALED  ") && last.contains(" after ") && last.contains("(pid "), "{last}");
    assert!(!said.contains('\u{1b}'), "plain lines: {said}");
    assert_eq!(std::fs::read_dir(home.path()).expect("home").count(), 0, "it leaves nothing behind");
}

#[test]
fn a_crash_is_healed() {
    heals(
        "crash",
        &["the bridge is killed (SIGKILL to pid ", "crashed (pid ", "signal 9", "known after ", ", healed after "],
    );
}

#[test]
fn a_hang_is_healed() {
    heals(
        "hang",
        &[
            "SIGSTOP to pid ",
            "unhealthy: log-stale",
            "act: SIGTERM to the bridge (pid ",
            "act: SIGKILL to the bridge",
            "rung 2 done",
        ],
    );
}

#[test]
fn a_stop_is_healed() {
    heals("stop", &["SIGTERM to pid ", "started (pid ", "known after ", ", healed after "]);
}

#[test]
fn a_flood_wait_is_waited_for() {
    heals("flood", &["waiting: flood-wait", "nothing was restarted"]);
}

#[test]
fn a_lock_is_freed() {
    heals("lock", &["unhealthy: session-locked", "rung 3 done: the session's lock is free", "was not touched"]);
}

#[test]
fn a_bad_commit_is_reverted() {
    heals("bad-commit", &["unhealthy: bad-commit", "rung 4 done: commit ", "HEAD was reverted (rung 4)"]);
}

/// Whoever removes the bridge's folder removes the file that says "stopped" too.
#[test]
fn once_its_watch_has_ended_no_bridge_is_started() {
    use bridge_watchdog::demo::demo_bridge::DemoBridge;
    use bridge_watchdog::system::{poll, service::Service};
    use bridge_watchdog::watch::{self, Watch, commands};
    use std::time::Duration;

    let demo = DemoBridge::start(&crate::support::product()).expect("a bridge");
    let mut watch = Watch::new(&demo.config, &demo.environment, false).expect("a watch");
    let service = Service::of(&demo.config, &demo.environment);
    let pid = || service.status().expect("a job").pid;
    let sender = watch.sender();
    let watching = std::thread::spawn(move || watch::run(&mut watch));
    assert!(poll::until(Duration::from_secs(20), || pid().is_some()), "it runs");
    sender.send(commands::Command::Quit);
    watching.join().expect("the watch ends");
    service.stop().expect("it stops");
    std::fs::remove_file(demo.config.state.join("embedded.stopped")).expect("the file");
    // The keeper looks for that file twice a second.
    assert!(!poll::until(Duration::from_millis(1500), || pid().is_some()), "it was started again");
    demo.stop();
}
