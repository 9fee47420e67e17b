//! R29 and its kind: what others wrote is shown to a person without anything that a terminal obeys or an eye does not see.

use serde_json::json;

use crate::support::bot::{Bot, Mood};
use crate::support::{Scene, executable};

/// Colours, a terminal's title, NUL, a C1 code, a right-to-left override, a link, characters without a width.
const ODD: &str = "\x1b[31mERROR\x1b[0m \x1b]0;owned\x07 handler failed \u{9b}2J \u{202e}gnp.exe \x1b]8;;http://evil/\x1b\\here\
                   \x1b]8;;\x1b\\ pass\u{200b}word";

fn harmless(what: &str, text: &str) {
    let odd = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(odd), "{what}: {text:?}");
}

/// Everything that a command prints for a person.
fn printed(scene: &Scene, args: &[&str]) -> String {
    let output = scene.run(args);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn r29_control_characters() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    scene.script("while :; do echo '[heartbeat] Bridge alive'; cat says; sleep 0.2; done");
    std::fs::write(scene.root.join("says"), format!("{ODD} \0 end\n")).expect("what it says");
    let _watch = scene.watch();
    scene.wait_verdict("degraded", "none");
    let text = scene.wait("the alert", || bot.delivered().into_iter().next());
    assert!(text.contains("ERROR  handler failed  gnp.exe here password  end"), "{text}");
    harmless("the message", &text);
    for args in [&["check"][..], &["status"], &["recover", "--dry-run"]] {
        let shown = printed(&scene, args);
        assert!(shown.contains("handler failed"), "{shown}");
        harmless(&args.join(" "), &shown);
    }
    harmless("the watch", &scene.said());
    harmless("the journal", &scene.journal());
}

/// Somebody whose commits come from strangers: their summary is shown in a crash loop, in diagnostics and in the menu.
#[test]
fn r29_twin_a_commit_and_the_reasons_that_a_script_records() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    scene.set("crash_window", 600.0);
    scene.commit("bridge.sh", "exit 1\n", &format!("Fix {ODD}"), 60);
    scene.script("echo 'ValueError: \u{1b}[1mno\u{202e}\u{1b}[0m' >&2; exit 1");
    assert!(scene.run(&["record", "crash", "--reason", ODD]).status.success());
    let shown = printed(&scene, &["crashes"]);
    assert!(shown.contains("handler failed"), "{shown}");
    harmless("crashes", &shown);
    let _watch = scene.watch();
    let text = scene.wait("the alert", || bot.delivered().into_iter().find(|text| text.contains("needs you")));
    assert!(text.contains("Fix ERROR  handler failed"), "{text}");
    harmless("the message", &text);
    harmless("check", &printed(&scene, &["check"]));
    harmless("the watch", &scene.said());
    let (check, _) = scene.check();
    assert!(
        check["facts"]["git"]["summary"].as_str().is_some_and(|summary| summary.contains('\x1b')),
        "JSON is as it was"
    );
}

/// A manager whose error has colours (a wrapper script), and an update under `hold` with a reason of somebody else's.
#[test]
fn r29_twin_a_managers_error() {
    let mut scene = Scene::new("systemd", 60.0);
    let systemctl = scene.folder.path().join("systemctl");
    executable(&systemctl, &format!("#!/bin/sh\nprintf '%s\\n' '{ODD}' >&2\nexit 1\n"));
    scene.set("systemctl", systemctl.to_str().expect("a path"));
    for args in [&["check"][..], &["status"], &["restart"], &["recover"]] {
        let shown = printed(&scene, args);
        assert!(shown.contains("handler failed"), "{args:?}: {shown}");
        harmless(&args.join(" "), &shown);
    }
}

/// A wrong setting is quoted, and so is a path.
#[test]
fn r29_twin_a_path_in_the_configuration() {
    let scene = Scene::new("embedded", 60.0);
    let odd = "/nowhere/\u{1b}[31m\u{202e}ai";
    std::fs::write(scene.config_file(), format!("[bridge]\nroot = {}\n", json!(odd))).expect("config.toml");
    let shown = printed(&scene, &["check"]);
    assert!(shown.contains("/nowhere/ai"), "{shown}");
    harmless("check", &shown);
}

/// A program that writes its whole request into one line, with half a character where it is cut.
#[test]
fn r29_twin_a_line_of_ten_kilobytes() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    scene.script("while :; do echo '[heartbeat] Bridge alive'; cat says; sleep 0.2; done");
    let mut line = format!("ERROR {}\u{1b}[0m", "ü\u{1b}[31m\u{202e}".repeat(1000)).into_bytes();
    line.extend([0xc3, b'\n']);
    std::fs::write(scene.root.join("says"), line).expect("what it says");
    let _watch = scene.watch();
    scene.wait_verdict("degraded", "none");
    let text = scene.wait("the alert", || bot.delivered().into_iter().next());
    assert!(text.contains("üüüü") && text.contains("end of the log"), "{text}");
    harmless("the message", &text);
    let shown = printed(&scene, &["check"]);
    assert!(shown.chars().count() < 2000, "{shown}");
    harmless("check", &shown);
}
