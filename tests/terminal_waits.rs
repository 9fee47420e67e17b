//! Commands that wait: what for, and what becomes of them when a person stops them.

use std::process::Stdio;

use rustix::process::Signal;

use crate::support::pty::Terminal;
use crate::support::screen::screen;
use crate::support::{Scene, signal};

const CTRL_C: &str = "\x03";

/// A bridge that dies at once, with its error in the log.
fn broken() -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.bridge(&["--exit", "1"]);
    scene.set("pid_within", 3.0);
    scene.set("min_uptime", 1.5);
    scene
}

#[test]
fn a_restart_that_fails_says_what_it_waited_for_and_the_last_error_in_the_log() {
    let scene = broken();
    let output = scene.run(&["restart"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("waiting for "), "{said}");
    let last = said.lines().last().expect("a last line");
    assert!(last.starts_with("bridge-watchdog: "), "{said}");
    assert!(last.ends_with(". The last error in its log: ModuleNotFoundError: No module named 'telethon'"), "{said}");
    let mut lines: Vec<&str> = said.lines().collect();
    lines.dedup();
    assert_eq!(lines.len(), said.lines().count(), "a line only where what it waits for changes: {said}");
}

#[test]
fn on_a_terminal_the_wait_is_a_line_that_counts_and_is_gone_at_the_end() {
    let scene = broken();
    for columns in [40, 80] {
        let (code, shown) = Terminal::wide(scene.command(&["restart"]), columns).finish();
        assert_eq!(code, 1, "{shown}");
        assert!(shown.contains("1 s, waiting for ") && shown.contains("2 s, waiting for "), "{shown:?}");
        // The line is cleared, and the error stands alone.
        let seen = screen(&shown, columns.into());
        assert!(
            seen[0].starts_with("bridge-watchdog: ") && seen.iter().all(|line| !line.contains("waiting")),
            "{seen:?}"
        );
        assert!(seen.iter().all(|line| line.len() <= columns.into()), "{seen:?}");
    }
}

#[test]
fn ctrl_c_says_what_was_done_and_what_was_not() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.bridge(&["--slow-start", "600"]);
    scene.set("min_uptime", 600.0);
    scene.set("pid_within", 600.0);
    let mut terminal = Terminal::wide(scene.command(&["restart"]), 80);
    terminal.wait("to stay up");
    terminal.press(CTRL_C);
    let (code, shown) = terminal.finish();
    assert_eq!(code, 130, "{shown}");
    let said = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "stopped. Done: the watchdog itself was asked to start com.example.bridge; not waited for: pid ",
        "How it is now:",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn ctrl_c_at_a_question_does_nothing() {
    let scene = Scene::new("embedded", 60.0);
    scene.commit("bridge.py", "another bridge\n", "Another bridge", 60);
    let head =
        || git2::Repository::open(&scene.root).and_then(|git| git.head()?.peel_to_commit().map(|head| head.id()));
    let before = head().expect("HEAD");
    let mut terminal = Terminal::wide(scene.command(&["revert"]), 80);
    terminal.wait("[y/N] ");
    let asked = terminal.shown();
    // For longer than the live line's pace nothing is drawn over the question.
    let until = std::time::Instant::now() + std::time::Duration::from_millis(1500);
    while std::time::Instant::now() < until {
        assert_eq!(terminal.shown(), asked);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    terminal.press(CTRL_C);
    let (code, shown) = terminal.finish();
    assert!(code == 130 && shown.contains("stopped; nothing was done"), "{shown}");
    assert_eq!(head().expect("HEAD"), before);
}

/// As `systemctl stop` or a closed terminal ends it.
#[test]
fn a_signal_from_elsewhere_is_answered_as_well() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.bridge(&["--slow-start", "600"]);
    scene.set("min_uptime", 600.0);
    scene.set("pid_within", 600.0);
    let child = scene.command(&["restart"]).stderr(Stdio::piped()).spawn().expect("it starts");
    scene.wait("the act", || (!scene.acts().is_empty()).then_some(()));
    scene.wait("the bridge", || Some(scene.wait_bridge()));
    signal(child.id(), Signal::TERM);
    let output = child.wait_with_output();
    let output = output.expect("its end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(143) && said.contains("stopped. Done: "), "{said}");
}
