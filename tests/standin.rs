//! The launchd stand-in itself: life and death of a job.

use crate::support::launchd::{Launchd, domain, target, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Output;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

const LABEL: &str = "com.example.job";
const SLEEP: &[&str] = &["/bin/sleep", "600"];

#[test]
fn throttle_counts_between_starts() {
    let (_folder, launchd) = start();
    launchd.load("quick", &["/usr/bin/true"], &json!({"KeepAlive": true, "ThrottleInterval": 600}));
    let job = launchd.wait_job("quick", "its first end", |j| j.pid.is_none() && j.runs == 1);
    assert_eq!((job.state.as_str(), job.last.as_str()), ("spawn scheduled", "last exit code = 0"));

    // One that had run longer than its throttle is never seen waiting for its next start.
    let throttle_ms = 1500;
    launchd.load("long", SLEEP, &json!({"KeepAlive": true, "ThrottleInterval": 1.5}));
    launchd.wait_pid("long");
    let started = launchd.starts("long")[0].ms;
    wait_for("the throttle to be over", || (now_ms() > started + throttle_ms).then_some(()));
    launchd.operator(&["kill", "SIGKILL", &target("long")]);
    let again = wait_for("the second start", || {
        let job = launchd.job("long").unwrap();
        assert_eq!(job.state, "running");
        (job.runs == 2).then_some(job)
    });
    assert_eq!(again.last, "last terminating signal = Killed: 9");
    assert_eq!(launchd.starts("long")[1].why, "keepalive");
}

#[test]
fn keepalive_decides_by_the_last_exit() {
    let (_folder, launchd) = start();
    let dictionary = |key: &str, value: bool| json!({ key: value });
    for (label, script, keep_alive, again) in [
        ("always.0", "exit 0", json!(true), true),
        ("always.1", "exit 1", json!(true), true),
        ("failed.0", "exit 0", dictionary("SuccessfulExit", false), false),
        ("failed.1", "exit 1", dictionary("SuccessfulExit", false), true),
        ("failed.term", "kill -15 $$", dictionary("SuccessfulExit", false), true),
        ("worked.0", "exit 0", dictionary("SuccessfulExit", true), true),
        ("crashed.1", "exit 1", dictionary("Crashed", true), false),
        ("crashed.abrt", "kill -ABRT $$", dictionary("Crashed", true), true),
        ("either", "exit 1", json!({"SuccessfulExit": false, "Crashed": true}), true),
    ] {
        let keys = json!({"KeepAlive": keep_alive, "ThrottleInterval": 0.05});
        launchd.load(label, &["/bin/sh", "-c", script], &keys);
        if again {
            launchd.wait_job(label, "a third start", |j| j.runs >= 3);
        } else {
            launchd.wait_job(label, "standing still", |j| j.runs == 1 && j.state == "not running");
        }
    }
    let printed = text(&launchd.run(&["print", &target("crashed.abrt")]));
    assert!(printed.contains("\tsuccessive crashes = ") && printed.contains("\t\tafter crash => 1\n"), "{printed}");
    assert!(!text(&launchd.run(&["print", &target("failed.1")])).contains("successive crashes"));
}

#[test]
fn who_is_deaf_to_sigterm_is_killed_after_its_exit_timeout() {
    let (folder, launchd) = start();
    let pid = load_deaf(folder.path(), &launchd, 0.3);
    assert_eq!(launchd.run(&["bootout", &target(LABEL)]).status.code(), Some(0));
    launchd.wait_gone(LABEL);
    assert_eq!(signals(&launchd), [(pid, "SIGTERM", "bootout"), (pid, "SIGKILL", "exit timeout")].map(owned));
    assert_eq!(launchd.starts(LABEL).len(), 1);
}

#[test]
fn a_booted_out_job_drains() {
    let (folder, launchd) = start();
    let pid = load_deaf(folder.path(), &launchd, 600.0);
    assert_eq!(launchd.run(&["bootout", &target(LABEL)]).status.code(), Some(0));

    let printed = text(&launchd.run(&["print", &target(LABEL)]));
    assert!(printed.contains("\tstate = SIGTERMed\n") && printed.contains(&format!("\n\tpid = {pid}\n")), "{printed}");
    let plist = launchd.plist(LABEL);
    let bootstrap = ["bootstrap", &domain(), plist.to_str().unwrap()];
    assert_eq!(launchd.run(&bootstrap).status.code(), Some(5));
    assert_eq!(launchd.run(&["bootout", &target(LABEL)]).status.code(), Some(36));
    assert_eq!(launchd.run(&["kickstart", &target(LABEL)]).status.code(), Some(37));

    launchd.operator(&["kill", "SIGKILL", &target(LABEL)]);
    launchd.wait_gone(LABEL);
    assert_eq!(launchd.run(&bootstrap).status.code(), Some(0));
    assert_ne!(launchd.wait_pid(LABEL), pid);
}

#[test]
fn kickstart_starts_at_once_and_k_restarts() {
    let (folder, launchd) = start();
    launchd.load("throttled", &["/usr/bin/true"], &json!({"KeepAlive": true, "ThrottleInterval": 600}));
    launchd.wait_job("throttled", "its first end", |j| j.state == "spawn scheduled");
    assert!(launchd.run(&["kickstart", &target("throttled")]).status.success());
    launchd.wait_job("throttled", "its second end", |j| j.runs == 2 && j.pid.is_none());

    let deaf = load_deaf(folder.path(), &launchd, 0.3);
    assert_eq!(text(&launchd.run(&["kickstart", "-p", &target(LABEL)])), format!("service spawned with pid: {deaf}\n"));
    let said = text(&launchd.run(&["kickstart", "-kp", &target(LABEL)]));
    let pid = launchd.pid(LABEL).expect("-k answers when the new process is there");
    assert_eq!(said, format!("service spawned with pid: {pid}\n"));
    assert_ne!(pid, deaf);
    assert_eq!(signals(&launchd), [(deaf, "SIGTERM", "kickstart -k"), (deaf, "SIGKILL", "exit timeout")].map(owned));
}

#[test]
fn a_job_that_can_not_start_is_ex_config_and_blocks_kickstart_k() {
    let (folder, launchd) = start();
    let program = folder.path().join("late");
    let keys = json!({"KeepAlive": true, "ThrottleInterval": 0.05});
    launchd.load(LABEL, &[program.to_str().unwrap(), "600"], &keys);
    launchd.wait_job(LABEL, "two tries", |j| j.runs >= 2 && j.last == "last exit code = 78: EX_CONFIG");
    thread::scope(|scope| {
        let kickstart = scope.spawn(|| launchd.run(&["kickstart", "-k", &target(LABEL)]));
        wait_for("the call", || launchd.calls().pop().filter(|c| c.code.is_none()));
        std::os::unix::fs::symlink("/bin/sleep", &program).unwrap();
        assert!(kickstart.join().unwrap().status.success());
    });
    assert_eq!(launchd.calls().len(), 1);
    assert_eq!(launchd.calls()[0].code, Some(0));
    launchd.wait_pid(LABEL);
}

#[test]
fn the_rest_of_the_group_dies_with_the_job_unless_abandoned() {
    let (folder, launchd) = start();
    let ended = pipe_of_life(folder.path());
    launchd.load(
        LABEL,
        &["/bin/sh", "-c", "exec >life; sleep 600 & exit 0"],
        &in_folder(folder.path(), &json!({"RunAtLoad": true})),
    );
    ended.recv_timeout(Duration::from_secs(30)).expect("the rest of the group is dead");

    let orphan = "(for i in $(seq 600); do [ -e go ] && echo survived >out && exit; sleep 0.05; done) & exit 0";
    let keys = json!({"RunAtLoad": true, "AbandonProcessGroup": true});
    launchd.load("abandons", &["/bin/sh", "-c", orphan], &in_folder(folder.path(), &keys));
    launchd.wait_job("abandons", "its end", |j| j.runs == 1 && j.pid.is_none());
    fs::write(folder.path().join("go"), "").unwrap();
    wait_for("the orphan", || fs::read_to_string(folder.path().join("out")).ok().filter(|t| t == "survived\n"));
}

#[test]
fn a_disable_outlives_the_daemon() {
    let (folder, launchd) = start();
    for label in ["off", "on"] {
        launchd.write_plist(label, SLEEP, &json!({"RunAtLoad": true}));
        assert!(launchd.run(&[if label == "off" { "disable" } else { "enable" }, &target(label)]).status.success());
    }
    drop(launchd);
    let launchd = Launchd::login(&folder.path().join("launchd"));
    launchd.wait_pid("on");
    assert_eq!(launchd.job("off"), None);
    let printed = text(&launchd.run(&["print-disabled", &domain()]));
    assert_eq!(printed, "disabled services = {\n\t\"off\" => disabled\n\t\"on\" => enabled\n}\n");
    let plist = launchd.plist("off");
    let bootstrap = launchd.run(&["bootstrap", &domain(), plist.to_str().unwrap()]);
    assert_eq!(bootstrap.status.code(), Some(119));
    assert!(launchd.starts("off").is_empty());
}

#[test]
fn no_job_outlives_the_daemon() {
    for signal in [None, Some(rustix::process::Signal::TERM), Some(rustix::process::Signal::KILL)] {
        if signal == Some(rustix::process::Signal::KILL) && cfg!(not(target_os = "linux")) {
            continue; // nothing on this system ends a child with its parent
        }
        let (folder, launchd) = start();
        let ended = pipe_of_life(folder.path());
        let keys = in_folder(folder.path(), &json!({"KeepAlive": true}));
        launchd.load(LABEL, &["/bin/sh", "-c", "exec >life; : >up; exec sleep 600"], &keys);
        wait_for("the job to hold the pipe", || folder.path().join("up").exists().then_some(()));
        match signal {
            None => drop(launchd),
            Some(signal) => {
                let pid = rustix::process::Pid::from_raw(launchd.daemon_pid().cast_signed()).unwrap();
                rustix::process::kill_process(pid, signal).unwrap();
            }
        }
        ended.recv_timeout(Duration::from_secs(30)).expect("the job is dead");
        // On Linux the kernel would have ended it, too; elsewhere this is all there is.
        let signals = fs::read_to_string(folder.path().join("launchd/signals.log")).unwrap_or_default();
        assert_eq!(signals.contains("daemon ends"), signal != Some(rustix::process::Signal::KILL));
    }
}

fn start() -> (tempfile::TempDir, Launchd) {
    let folder = tempfile::tempdir().unwrap();
    let launchd = Launchd::start(&folder.path().join("launchd"));
    (folder, launchd)
}

/// A job that already ignores SIGTERM when this returns its pid.
fn load_deaf(folder: &Path, launchd: &Launchd, exit_timeout: f64) -> u32 {
    let keys = in_folder(folder, &json!({"KeepAlive": true, "ExitTimeOut": exit_timeout}));
    launchd.load(LABEL, &["/bin/sh", "-c", "trap '' TERM; echo >deaf; while :; do sleep 600; done"], &keys);
    wait_for("the trap", || folder.join("deaf").exists().then_some(()));
    launchd.wait_pid(LABEL)
}

fn in_folder(folder: &Path, keys: &Value) -> Value {
    let mut keys = keys.clone();
    keys["WorkingDirectory"] = json!(folder);
    keys
}

/// Says when every process that had `life` open for writing is gone: a zombie that nobody reaps has closed it.
fn pipe_of_life(folder: &Path) -> Receiver<()> {
    let path = folder.join("life");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let (tell, ended) = channel();
    thread::spawn(move || {
        let mut pipe = fs::File::open(path).unwrap();
        pipe.read_to_end(&mut Vec::new()).unwrap();
        let _ = tell.send(());
    });
    ended
}

fn signals(launchd: &Launchd) -> Vec<(u32, String, String)> {
    launchd.signals().into_iter().map(|s| (s.pid, s.name, s.why)).collect()
}

fn owned((pid, signal, why): (u32, &str, &str)) -> (u32, String, String) {
    (pid, signal.to_owned(), why.to_owned())
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}
