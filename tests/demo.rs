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
