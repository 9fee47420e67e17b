//! What the commands say beside what they do: our own installation, whether alerts go anywhere, the outages, and what has
//! become of the bridge.

use std::fs;

use serde_json::Value;

use crate::support::mac::OURS;
use crate::support::{Mac, Scene, alive};

fn said(scene: &Scene, args: &[&str]) -> (Option<i32>, String) {
    let output = scene.run(args);
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).expect("text"))
}

/// Three crashes within one outage, and one a day later.
fn history(scene: &Scene) -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("now").as_secs_f64().floor();
    let line = |ago: f64, kind: &str, reason: &str| {
        format!(
            "{{\"timestamp\": {:.1}, \"event_type\": \"{kind}\", \"commit_sha\": \"abcd1234\", \"reason\": \"{reason}\"}}\n",
            now - ago
        )
    };
    let lines = [
        line(90_000.0, "crash", "exit 1"),
        line(89_990.0, "start", "start"),
        line(89_980.0, "crash", "exit 1"),
        line(89_880.0, "start", "start"),
        line(3_600.0, "crash", "signal 9"),
        line(3_540.0, "start", "start"),
    ];
    fs::write(scene.data("crash_history.jsonl"), lines.concat()).expect("a history");
    now
}

#[test]
fn crashes_are_shown_by_outage_and_json_stays_a_list() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("factor", 1.0);
    history(&scene);
    let (code, text) = said(&scene, &["crashes"]);
    assert_eq!(code, Some(0), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].ends_with(", 2 min: 2 crashes; up after start 2"), "{text}");
    assert!(lines[1..5].iter().all(|line| line.starts_with("  2")), "{text}");
    assert!(lines[5].contains(" to ") && lines[5].ends_with(", 60 s: 1 crash; started"), "{text}");
    assert_eq!((lines.len(), lines[8]), (9, "6 events, 3 of them crashes"), "{text}");
    let list: Value = serde_json::from_slice(&scene.run(&["crashes", "--json"]).stdout).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(6));
}

#[test]
fn status_says_how_long_the_last_outages_were_and_whether_alerts_go_anywhere() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("factor", 1.0);
    history(&scene);
    let (_, text) = said(&scene, &["status"]);
    assert!(
        text.contains("Last outages:\n") && text.contains("  crash (signal 9), 60 s: started by its manager\n"),
        "{text}"
    );
    assert!(text.contains("there is no [telegram] section, so nobody is told; run: bridge-watchdog setup"), "{text}");
    scene.extra = "[telegram]\nbot_token = \"1:a\"\nchat_id = 7\n".into();
    scene.write();
    let (_, text) = said(&scene, &["status"]);
    assert!(text.contains("Alerts go to chat 7."), "{text}");
    let status: Value = serde_json::from_slice(&scene.run(&["status", "--json"]).stdout).expect("JSON");
    assert_eq!((&status["alerts"]["chat"], &status["outages"][1]["lasted_s"]), (&7.into(), &60.into()), "{status}");
    assert_eq!(status["services"]["watchdog"]["installed"], false);
}

#[test]
fn where_no_watch_runs_check_promises_nothing_that_only_a_watch_does() {
    let scene = Scene::new("embedded", 60.0);
    let words = "nothing: no watch runs; start it: bridge-watchdog run";
    assert!(said(&scene, &["check"]).1.contains(&format!("Next: {words}\n")));
    assert_eq!(scene.check().0["next"], words);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    assert_eq!(scene.check().0["next"], "it is checked every minute, and the moment it dies");
    assert!(!said(&scene, &["status"]).1.contains("no watch runs"));
}

#[test]
fn a_tilde_is_the_home_folder_in_the_configuration_and_after_an_equals_sign() {
    let mut scene = Scene::new("embedded", 60.0);
    let home = scene.folder.path().join("home");
    std::os::unix::fs::symlink(&scene.root, home.join("ai")).expect("a link");
    fs::create_dir(home.join("logs")).expect("a folder");
    fs::write(home.join("logs/bridge.log"), "").expect("a log");
    scene.extra = "log = \"~/logs/bridge.log\"\nsession = \"~/ai/data/x.session\"\n".into();
    scene.write();
    let text = fs::read_to_string(scene.config_file()).expect("a file");
    let root = serde_json::json!(scene.root).to_string();
    fs::write(scene.config_file(), text.replacen(&root, "\"~/ai\"", 1)).expect("a file");
    let output = scene.run(&["--config=~/config/config.toml", "check", "--json"]);
    let check: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(check["facts"]["log"]["path"], home.join("logs/bridge.log").to_str().expect("a path"));
    assert!(check["facts"]["git"]["head"].is_string(), "{check}");
}

#[test]
fn diagnostics_say_what_they_are_about_and_what_was_tried() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.bridge(&["--exit", "1"]);
    let _watch = scene.watch();
    scene.wait_journal("act: send an alert");
    let text = said(&scene, &["diagnostics"]).1;
    let about = format!("\nbridge-watchdog {} on ", env!("CARGO_PKG_VERSION"));
    let file = format!("\nmanager the watchdog itself; configuration {}; checkout ", scene.config_file().display());
    for words in [&about, &file, "\nsigns of ", "\nincident since ", " rung ", "\nend of the log:"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn uninstall_says_what_has_become_of_the_bridge() {
    let mac = Mac::new();
    mac.persons_bridge();
    mac.ok("install");
    let said = mac.ok("uninstall");
    let pid = mac.launchd.wait_pid(&mac.scene.label);
    let words = format!("the bridge ({}) is under launchd as before, and runs, pid {pid}\n", mac.scene.label);
    assert!(said.contains(&words), "{words}: {said}");

    let mac = Mac::new();
    mac.ok("install");
    let said = mac.ok("uninstall");
    assert!(said.contains("is no longer under launchd: its file is gone, and it does not run\n"), "{said}");
}

#[test]
fn without_a_configuration_our_own_agent_is_removed_all_the_same() {
    for broken in [true, false] {
        let mac = Mac::new();
        mac.persons_bridge();
        mac.ok("install");
        let (ours, bridge) = (mac.launchd.wait_pid(OURS), mac.launchd.wait_pid(&mac.scene.label));
        if broken {
            fs::write(mac.scene.config_file(), "[bridge\n").expect("a file");
        } else {
            fs::remove_file(mac.scene.config_file()).expect("a file");
        }
        let said = mac.ok("uninstall");
        for words in ["only our own agent is removed", "removed ", "are left as they are\n", "Uninstalled.\n"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(!mac.plist(OURS).exists() && mac.bridge().exists(), "{said}");
        mac.scene.wait("the watch to be gone", || (!alive(ours)).then_some(()));
        assert!(alive(bridge), "the bridge is left alone: {said}");
        let said = mac.ok("uninstall");
        assert!(said.contains("there is no agent of ours"), "{said}");
    }
}
