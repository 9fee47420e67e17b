//! The way of somebody who has just got the program: the demo in each of its ways, then a configuration made of what the
//! messages say, to a healthy check.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::support::{Scene, executable, product, systemd};

const FAULTS: [&str; 6] = ["crash", "hang", "stop", "flood", "lock", "bad-commit"];

#[test]
fn with_nothing_configured_each_fault_of_the_demo_is_healed() {
    let home = tempfile::tempdir().expect("a home");
    let start = |fault: &str| {
        let mut command = Command::new(product());
        command.args(["demo", "--fault", fault]).env_clear().env("HOME", home.path()).env("TMPDIR", home.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the demo starts")
    };
    let demos = FAULTS.map(|fault| (fault, start(fault)));
    for (fault, demo) in demos {
        let output = demo.wait_with_output().expect("its end");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{fault}: {said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.lines().last().is_some_and(|line| line.contains("HEALED  ")), "{fault}: {said}");
        assert!(!said.contains('\x1b'), "{fault}: {said}");
    }
    assert_eq!(fs::read_dir(home.path()).expect("home").count(), 0, "nothing is left of them");
}

fn said(scene: &Scene, args: &[&str]) -> (Option<i32>, String) {
    let output = scene.run(args);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn from_the_first_message_to_a_healthy_check_by_copying_what_is_said() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    let units = manager.units().parent().expect("a folder").to_owned();
    std::os::unix::fs::symlink(units, scene.folder.path().join("home/systemd")).expect("a link");
    // The checkout has the bridge where the program expects one.
    let words: Vec<String> = scene.program().iter().map(|word| format!("'{word}'")).collect();
    fs::create_dir_all(scene.root.join(".venv/bin")).expect("a folder");
    executable(&scene.root.join(".venv/bin/python"), &format!("#!/bin/sh\nexec {}\n", words.join(" ")));
    fs::remove_file(scene.config_file()).expect("nothing is configured");

    // The first message names the file, and what to write into it.
    let (code, text) = said(&scene, &["check"]);
    assert_eq!(code, Some(2), "{text}");
    let file = text.strip_prefix("bridge-watchdog: ").and_then(|rest| rest.split_once(": there is no configuration"));
    let (file, _) = file.expect("the file's name");
    let (_, example) = text.split_once("By hand, this is enough:\n").expect("an example");
    assert!(example.contains("\"~/src/ai\""), "{example}");
    fs::write(file, example.replace("~/src/ai", scene.root.to_str().expect("a path"))).expect("the file");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("its mode");

    // The second says what to run.
    let (code, text) = said(&scene, &["check"]);
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("bridge-watchdog install") && text.contains("nobody is told"), "{text}");
    let (code, text) = said(&scene, &["install"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the bridge (com.valor.bridge) runs, pid ") && text.contains("nobody is told"), "{text}");

    scene.wait("a healthy check", || scene.run(&["check"]).status.success().then_some(()));
    let (_, text) = said(&scene, &["check"]);
    assert!(text.starts_with("healthy\n") || text.starts_with("starting\n"), "{text}");
    let (_, text) = said(&scene, &["status"]);
    assert!(text.contains("Our own agent is installed (") && text.contains("; loaded): "), "{text}");

    let (code, text) = said(&scene, &["uninstall"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the bridge (com.valor.bridge) is no longer under systemd: its file is gone"), "{text}");
}
