//! The faults of the launchd stand-in, each seen to do what `tests/standin/faults.rs` says.

use crate::support::launchd::{Launchd, domain, target, wait_for};
use serde_json::{Value, json};
use std::process::{Child, Command, Output, Stdio};

const LABEL: &str = "com.example.job";
const SLEEP: &[&str] = &["/bin/sleep", "600"];

#[test]
fn a_hang_before_does_nothing_and_after_does_it() {
    let (_folder, launchd) = start(&json!({"KeepAlive": true}));
    let first = launchd.wait_pid(LABEL);

    launchd.fault(&json!({"kickstart_k_hangs": true, "print_hangs": true}));
    assert!(launchd.run(&["kickstart", &target(LABEL)]).status.success(), "only -k hangs");
    for args in [vec!["print".to_owned(), target(LABEL)], vec!["kickstart".to_owned(), "-k".to_owned(), target(LABEL)]]
    {
        never_answered(&launchd, &args);
    }
    assert_eq!(launchd.pid(LABEL), Some(first));
    assert!(launchd.signals().is_empty());

    launchd.fault(&json!({"kickstart_hangs": "after"}));
    let mut caller = spawn(&launchd, &["kickstart".to_owned(), "-k".to_owned(), target(LABEL)]);
    let second = wait_for("the restart", || launchd.pid(LABEL).filter(|pid| *pid != first));
    assert!(caller.try_wait().unwrap().is_none());
    caller.kill().unwrap();
    caller.wait().unwrap();
    assert_eq!(launchd.calls().pop().unwrap().code, None);

    launchd.mend();
    assert!(launchd.run(&["print", &target(LABEL)]).status.success());
    assert_eq!(launchd.pid(LABEL), Some(second));
}

#[test]
fn nonsense_is_printed_on_demand() {
    let (_folder, launchd) = start(&json!({}));
    launchd.fault(&json!({"print_garbage": true}));
    let output = print(&launchd);
    assert!(output.status.success() && String::from_utf8(output.stdout).is_err());
    launchd.fault(&json!({"print_garbage": "hello"}));
    assert_eq!(print(&launchd).stdout, b"hello");
    launchd.fault(&json!({"unknown_state": "quantum"}));
    assert!(String::from_utf8(print(&launchd).stdout).unwrap().contains("\tstate = quantum\n"));
    launchd.fault(&json!({"answers": {"print": {"code": 9, "stderr": "odd\n"}}}));
    let output = print(&launchd);
    assert_eq!((output.status.code(), output.stderr), (Some(9), b"odd\n".to_vec()));
    launchd.fault(&json!({"no_domain": true}));
    assert_eq!(print(&launchd).status.code(), Some(125));
    launchd.fault(&json!({"print_hang": true}));
    let output = print(&launchd);
    assert_eq!(output.status.code(), Some(70));
    assert!(String::from_utf8(output.stderr).unwrap().contains("unknown field `print_hang`"));
}

#[test]
fn a_held_back_spawn_yields_to_kickstart_and_to_time() {
    let folder = tempfile::tempdir().unwrap();
    let launchd = Launchd::start(folder.path());
    launchd.fault(&json!({"pended": "speculative"}));
    launchd.load(LABEL, SLEEP, &json!({"KeepAlive": true, "ThrottleInterval": 0.05}));
    let printed = String::from_utf8(print(&launchd).stdout).unwrap();
    for line in
        ["state = not running", "runs = 0", "pended nondemand spawn = speculative", "last exit code = (never exited)"]
    {
        assert!(printed.contains(&format!("\n\t{line}\n")), "{line}: {printed}");
    }

    assert!(launchd.run(&["kickstart", &target(LABEL)]).status.success());
    launchd.wait_pid(LABEL);
    launchd.operator(&["kill", "SIGKILL", &target(LABEL)]);
    launchd.wait_job(LABEL, "its respawn held back", |j| j.runs == 1 && j.state == "not running");

    launchd.mend();
    launchd.wait_job(LABEL, "its respawn", |j| j.runs == 2 && j.pid.is_some());
}

#[test]
fn a_pid_can_come_late() {
    let (_folder, launchd) = start(&json!({}));
    launchd.fault(&json!({"spawn_delay_s": 600}));
    assert!(launchd.run(&["kickstart", &target(LABEL)]).status.success());
    launchd.wait_job(LABEL, "its coming", |j| j.state == "spawning" && j.pid.is_none() && j.runs == 0);
    assert!(launchd.run(&["bootout", &target(LABEL)]).status.success());
    launchd.wait_gone(LABEL);

    launchd.fault(&json!({"spawn_delay_s": 0.2}));
    launchd.load(LABEL, SLEEP, &json!({"RunAtLoad": true}));
    launchd.wait_pid(LABEL);
}

#[test]
fn kickstart_can_wait_for_the_throttle() {
    let folder = tempfile::tempdir().unwrap();
    let launchd = Launchd::start(folder.path());
    launchd.load(LABEL, &["/usr/bin/true"], &json!({"RunAtLoad": true, "ThrottleInterval": 600}));
    launchd.wait_job(LABEL, "its end", |j| j.runs == 1 && j.pid.is_none());
    launchd.fault(&json!({"kickstart_waits_throttle": true}));
    assert!(launchd.run(&["kickstart", &target(LABEL)]).status.success());
    assert_eq!(launchd.job(LABEL).unwrap().state, "spawn scheduled");
}

#[test]
fn bootstrap_fails_with_5_in_both_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let launchd = Launchd::start(folder.path());
    let plist = launchd.write_plist(LABEL, SLEEP, &json!({"KeepAlive": true}));
    let bootstrap = || launchd.run(&["bootstrap", &domain(), plist.to_str().unwrap()]).status.code();

    launchd.fault(&json!({"bootstrap_fails_5": {"times": 2}}));
    assert_eq!([bootstrap(), bootstrap()], [Some(5), Some(5)]);
    assert_eq!(launchd.job(LABEL), None);
    assert_eq!(bootstrap(), Some(0));
    launchd.wait_pid(LABEL);
    launchd.operator(&["bootout", &target(LABEL)]);
    launchd.wait_gone(LABEL);

    launchd.fault(&json!({"bootstrap_fails_5": {"times": 1, "registered": true}}));
    assert_eq!([bootstrap(), bootstrap()], [Some(5), Some(5)], "then it is loaded already");
    assert_eq!(launchd.job(LABEL).unwrap().state, "not running");
    assert!(launchd.run(&["kickstart", &target(LABEL)]).status.success());
    launchd.wait_pid(LABEL);
}

#[test]
fn bootout_can_be_slow_and_say_36() {
    let (_folder, launchd) = start(&json!({"KeepAlive": true}));
    launchd.wait_pid(LABEL);
    launchd.fault(&json!({"bootout_slow_s": 600, "bootout_code": 36, "draining_code": 37}));
    assert_eq!(launchd.run(&["bootout", &target(LABEL)]).status.code(), Some(36));
    launchd.wait_job(LABEL, "its process's end", |j| j.state == "exited" && j.pid.is_none());
    let plist = launchd.plist(LABEL);
    assert_eq!(launchd.run(&["bootstrap", &domain(), plist.to_str().unwrap()]).status.code(), Some(37));
}

#[test]
fn disabled_has_other_codes_and_words() {
    let (_folder, launchd) = start(&json!({}));
    launchd.operator(&["disable", &target(LABEL)]);
    let kickstart = || launchd.run(&["kickstart", &target(LABEL)]).status.code();
    assert_eq!(kickstart(), Some(119));
    launchd.fault(&json!({"disabled_code": 5, "old_wording": true}));
    assert_eq!(kickstart(), Some(5));
    let printed = launchd.run(&["print-disabled", &domain()]).stdout;
    assert_eq!(String::from_utf8(printed).unwrap(), format!("disabled services = {{\n\t\"{LABEL}\" => true\n}}\n"));
    assert!(launchd.starts(LABEL).is_empty());
    launchd.fault(&json!({"disabled_code": 0}));
    assert_eq!(kickstart(), Some(0));
    launchd.wait_pid(LABEL);
}

fn start(keys: &Value) -> (tempfile::TempDir, Launchd) {
    let folder = tempfile::tempdir().unwrap();
    let launchd = Launchd::start(folder.path());
    launchd.load(LABEL, SLEEP, keys);
    (folder, launchd)
}

fn print(launchd: &Launchd) -> Output {
    launchd.run(&["print", &target(LABEL)])
}

/// The daemon has the call and has answered every other question since, and the caller still waits.
fn never_answered(launchd: &Launchd, args: &[String]) {
    let mut caller = spawn(launchd, args);
    wait_for("the call", || launchd.calls().pop().filter(|c| c.args == args && c.code.is_none()));
    launchd.job(LABEL);
    assert!(caller.try_wait().unwrap().is_none());
    caller.kill().unwrap();
    caller.wait().unwrap();
}

fn spawn(launchd: &Launchd, args: &[String]) -> Child {
    Command::new(launchd.launchctl()).args(args).stdout(Stdio::null()).spawn().unwrap()
}
