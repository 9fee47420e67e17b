//! R40 and its kind: whoever looks sees the same, at once.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use bridge_watchdog::config::Config;
use bridge_watchdog::limits::Environment;
use bridge_watchdog::system::recovery_lock;
use serde_json::{Value, json};

use crate::support::{Scene, alive, signal};

/// A program of somebody else that holds the session's lock until it is dropped.
struct Browser(Child);

impl Browser {
    fn open(session: &Path) -> Browser {
        let mut command = Command::new("sqlite3");
        let child = command.arg(session).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("sqlite3 is installed");
        use std::io::{BufRead, BufReader, Write};
        let input = child.stdin.as_mut().expect("piped");
        // It speaks once it has the lock.
        input.write_all(b"pragma busy_timeout=20000;\nbegin exclusive;\nselect 'locked';\n").expect("a command");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "locked"));
        Browser(child)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bridge that beats, and says `words` while `data/complains` is there.
fn complaining(words: &str) -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("stale_process", 600.0);
    scene.script(&format!(
        "echo 'Connected to Telegram'; while :; do echo '[heartbeat] Bridge alive'; [ -e data/complains ] && {words}; sleep 0.2; done"
    ));
    let session = scene.data("valor_bridge.session");
    let made = Command::new("sqlite3").arg(&session).arg("create table a (b)").status();
    assert!(made.expect("sqlite3 is installed").success());
    scene
}

fn watch_and_check_agree(scene: &Scene) {
    let browser = Browser::open(&scene.data("valor_bridge.session"));
    std::fs::write(scene.data("complains"), "").expect("the complaint");
    let status = scene.wait_verdict("unhealthy", "session-locked");
    assert!(status["check"]["issues"].to_string().contains(&format!("pid {}", browser.0.id())), "{status}");
    let (check, _) = scene.check();
    assert_eq!((&check["state"], &check["cause"]), (&json!("unhealthy"), &json!("session-locked")), "{check}");
    drop(browser);
    std::fs::remove_file(scene.data("complains")).expect("the complaint");
    scene.wait_verdict("healthy", "none");
    assert_eq!(scene.check().0["state"], "healthy");
}

#[test]
fn r40_lock_seen_by_check_only() {
    let scene = complaining("echo '2026-11-22 05:04:00,123 ERROR bridge: database is locked'");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    watch_and_check_agree(&scene);
}

#[test]
fn r40_twin_a_field_of_json_says_so() {
    let scene = complaining("echo '{\"level\":\"error\",\"event\":\"save failed\",\"error\":\"database is locked\"}'");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    watch_and_check_agree(&scene);
}

/// A bridge whose logger writes to the error log only, as a traceback.
#[test]
fn r40_twin_the_error_log_alone_says_so() {
    let scene = complaining(
        "printf 'Traceback (most recent call last):\\n  File \"x.py\", line 1, in <module>\\nsqlite3.OperationalError: database is locked\\n' >&2",
    );
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    watch_and_check_agree(&scene);
}

/// The lock comes after the words: the watch goes on looking for who has it.
#[test]
fn r40_twin_a_lock_that_is_taken_after_the_last_word() {
    let scene = complaining("echo '2026-11-22 05:04:00,123 ERROR bridge: database is locked'");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    std::fs::write(scene.data("complains"), "").expect("the complaint");
    scene.wait("the words to be seen", || {
        let seen = scene.status()?;
        (!seen["history"]["locked_at"].is_null()).then_some(())
    });
    std::fs::remove_file(scene.data("complains")).expect("the complaint");
    let _browser = Browser::open(&scene.data("valor_bridge.session"));
    scene.wait_verdict("unhealthy", "session-locked");
    assert_eq!(scene.check().0["cause"], "session-locked");
}

/// Ticks so rare that within a test only a call wakes the watch.
fn rarely() -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("tick", 600.0);
    scene.set("stale", 3600.0);
    scene
}

fn status(scene: &Scene) -> (Value, Option<i32>) {
    let output = scene.run(&["status", "--json"]);
    (serde_json::from_slice(&output.stdout).expect("JSON"), output.status.code())
}

#[test]
fn r40_twin_pause_resume_and_status_in_the_same_second() {
    let scene = rarely();
    let _watch = scene.watch();
    scene.wait_bridge();
    for _ in 0..3 {
        assert!(scene.run(&["pause", "--for", "1h"]).status.success());
        let (shown, code) = status(&scene);
        assert_eq!((&shown["check"]["cause"], code), (&json!("paused"), Some(4)), "{shown}");
        assert!(shown["holds"]["paused_until"].is_string(), "{shown}");
        assert_eq!(scene.check().0["cause"], "paused");
        assert!(scene.run(&["resume"]).status.success());
        let (shown, code) = status(&scene);
        assert_eq!((&shown["check"]["cause"], code), (&json!("none"), Some(0)), "{shown}");
    }
    // And the watch itself, without anybody who asks.
    let open = scene.run(&["pause", "--until-resumed"]);
    let said = String::from_utf8(open.stdout).expect("text");
    assert_eq!(said, "Recovery is paused until you resume it; the watch goes on. To end it: bridge-watchdog resume\n");
    assert_eq!(scene.run(&["pause", "--until-resumed", "--for", "1h"]).status.code(), Some(2));
    let status = String::from_utf8(scene.run(&["status"]).stdout).expect("text");
    assert!(status.contains("recovery goes on after 'bridge-watchdog resume'"), "{status}");
    assert!(scene.run(&["pause"]).status.success());
    scene.wait_verdict("waiting", "paused");
    assert!(scene.run(&["resume"]).status.success());
    scene.wait("the end of the pause", || (scene.status()?["verdict"]["cause"] == "none").then_some(()));
}

/// Somebody whose update script calls `hold`: the lock is there and gone within the minute.
#[test]
fn r40_twin_a_hold_begins_and_ends() {
    let scene = rarely();
    let _watch = scene.watch();
    scene.wait_bridge();
    let path = scene.state().join("recovery.lock");
    let lock = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).expect("the lock");
    lock.try_lock().expect("nobody has it");
    std::fs::write(&path, json!({"pid": std::process::id(), "update": "git pull"}).to_string()).expect("its holder");
    let (shown, code) = status(&scene);
    assert_eq!((&shown["check"]["cause"], code), (&json!("update-running"), Some(4)), "{shown}");
    let text = String::from_utf8_lossy(&scene.run(&["status"]).stdout).into_owned();
    assert!(text.contains("git pull"), "{text}");
    assert_eq!(scene.check().0["cause"], "update-running");
    drop(lock);
    assert_eq!(status(&scene).0["check"]["cause"], "none");
    assert_eq!(scene.check().0["cause"], "none");
    // As `hold` itself takes it: the watch looks without being asked.
    let state_dir = scene.folder.path().join("home/state");
    let environment = Environment { state_dir, ..Environment::real().expect("a home") };
    let config = Config::load(&scene.config_file(), &environment).expect("a configuration");
    let Ok(held) = recovery_lock::hold(&config, "git pull") else { panic!("no lock") };
    scene.wait_verdict("waiting", "update-running");
    drop(held);
    scene.wait("the end of the update", || (scene.status()?["verdict"]["cause"] == "none").then_some(()));
}

#[test]
fn r40_twin_after_a_restart_by_hand_all_name_the_same_process() {
    let scene = rarely();
    let _watch = scene.watch();
    let before = scene.wait_bridge();
    scene.wait_aged(before, 1.0);
    let output = scene.run(&["restart"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (shown, _) = status(&scene);
    let pid = &shown["check"]["facts"]["process"]["pid"];
    assert_ne!(*pid, before, "{shown}");
    assert_eq!(*pid, scene.check().0["facts"]["process"]["pid"], "{shown}");
}

/// After kill -9 the pipe is there and nobody reads it: no command hangs, and the next watch is woken by the same pipe.
#[test]
fn r40_twin_a_watch_that_was_killed_hangs_nobody() {
    let scene = rarely();
    let mut watch = scene.watch();
    let bridge = scene.wait_bridge();
    watch.kill();
    assert!(scene.run(&["pause"]).status.success());
    let (shown, code) = status(&scene);
    assert_eq!(
        (&shown["watching"], &shown["check"]["cause"], code),
        (&Value::Null, &json!("paused"), Some(3)),
        "{shown}"
    );
    assert!(scene.run(&["resume"]).status.success());
    let next = scene.watch();
    scene.wait("the next watch", || (scene.status()?["watch"] == next.pid()).then_some(()));
    assert!(scene.run(&["pause"]).status.success());
    scene.wait_verdict("waiting", "paused");
    assert!(alive(bridge));
    signal(bridge, rustix::process::Signal::CONT);
}
