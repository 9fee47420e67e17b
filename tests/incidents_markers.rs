//! Updates, zones, networks and broken checkouts: real incidents, on real processes.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::systemd::{self, ALWAYS, keys_of, verbs};
use crate::support::{Scene, alive, signal};
use rustix::process::Signal;
use serde_json::json;

fn scene() -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("tick", 0.2);
    scene
}

fn ago(seconds: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(seconds)
}

fn set_time(path: &Path, time: SystemTime) {
    File::open(path).and_then(|file| file.set_modified(time)).expect("its time");
}

/// Kills the bridge and waits until the watch has seen the next one.
fn kill(scene: &Scene) {
    let before = scene.wait_bridge();
    signal(before, Signal::KILL);
    scene.wait("the next bridge", || (scene.wait_bridge() != before).then_some(()));
}

#[test]
fn incident_21_a_planned_restart_is_no_crash_unless_its_marker_is_old_or_from_the_future() {
    let scene = scene();
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let marker = scene.data("update-restart-in-progress");
    std::fs::write(&marker, "").expect("a marker");
    set_time(&marker, ago(10));
    scene.wait_verdict("waiting", "update-running");
    kill(&scene);
    assert_eq!((scene.events("crash"), scene.acts()), (vec![], vec![]), "{}", scene.journal());
    for (crashes, time) in [(1, ago(400)), (2, SystemTime::now() + Duration::from_mins(2))] {
        set_time(&marker, time);
        scene.wait_verdict("healthy", "none");
        kill(&scene);
        scene.wait("a crash", || (scene.events("crash").len() == crashes).then_some(()));
    }
}

#[test]
fn incident_22_a_unit_that_an_update_takes_away_is_waited_for() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    manager.begin(&scene, ALWAYS);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    std::fs::create_dir(scene.data("update.lock")).expect("a lock");
    std::fs::write(scene.data("update.lock/pid"), std::process::id().to_string()).expect("a pid");
    scene.wait_verdict("waiting", "update-running");
    let file = manager.units().join(format!("{}.service", scene.label));
    manager.stop_unit(&scene.label);
    std::fs::remove_file(&file).expect("the unit");
    manager.reload();
    assert_eq!(manager.property(&scene.label, "LoadState"), "not-found");
    scene.wait_looks(4);
    assert_eq!(scene.status().expect("a status")["verdict"]["cause"], "update-running");
    manager.write_unit(&scene.label, &scene.program(), &keys_of(&scene, ALWAYS));
    manager.start_unit(&scene.label);
    std::fs::remove_dir_all(scene.data("update.lock")).expect("the lock");
    scene.wait_verdict("healthy", "none");
    assert_eq!((scene.events("crash"), verbs(&scene), scene.acts()), (vec![], vec![], vec![]), "{}", scene.journal());
}

#[test]
fn incident_23_an_updates_lock_counts_while_its_pid_lives_and_for_600_s() {
    let scene = scene();
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let (lock, pid) = (scene.data("update.lock"), scene.data("update.lock/pid"));
    std::fs::create_dir(&lock).expect("a lock");
    std::fs::write(&pid, std::process::id().to_string()).expect("a pid");
    scene.wait_verdict("waiting", "update-running");
    kill(&scene);
    assert_eq!(scene.events("crash").len(), 0);
    let mut dead = std::process::Command::new("/bin/true").spawn().expect("a process");
    dead.wait().expect("it ends");
    std::fs::write(&pid, dead.id().to_string()).expect("a pid");
    scene.wait_verdict("healthy", "none");
    std::fs::write(&pid, std::process::id().to_string()).expect("a pid");
    scene.wait_verdict("waiting", "update-running");
    set_time(&lock, ago(601));
    scene.wait_verdict("healthy", "none");
    kill(&scene);
    scene.wait("a crash", || (scene.events("crash").len() == 1).then_some(()));
}

#[test]
fn incident_32_seven_hours_east_all_ages_are_sane() {
    let mut scene = scene();
    let zone = if Path::new("/usr/share/zoneinfo/Asia/Bangkok").exists() { "Asia/Bangkok" } else { "ICT-7" };
    scene.env = vec![("TZ", zone.into())];
    // A file left by an older watchdog: a naive local time, seven hours ahead when it is read as UTC.
    let face = scene.data("recovery-in-progress");
    std::fs::write(
        &face,
        json!({"level": 2, "started": "2999-01-01T07:00:00.123", "issues": [], "pid": 1}).to_string(),
    )
    .expect("a face");
    // Naive, as the bridge writes it: it is UTC. Read as local time it would be seven hours older than the marker.
    std::fs::write(scene.data("bridge-auth-required"), "").expect("a marker");
    set_time(&scene.data("bridge-auth-required"), ago(3600));
    let connected = chrono::DateTime::<chrono::Utc>::from(ago(600)).format("%Y-%m-%dT%H:%M:%S").to_string();
    std::fs::write(scene.data("last_connected"), connected).expect("a time");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    assert!(!face.exists(), "nobody recovers, so nobody's face is left");
    let bridge = scene.wait_bridge();
    let started = scene.check().0["facts"]["process"]["started"].as_str().expect("a time").to_owned();
    let age = |text: &str| {
        assert!(text.ends_with('Z'), "{text}");
        let time = chrono::DateTime::parse_from_rfc3339(text).expect("ISO");
        (chrono::Utc::now() - time.to_utc()).num_seconds()
    };
    assert!((-2..600).contains(&age(&started)), "{started}");
    signal(bridge, Signal::STOP);
    let started = scene.wait("our own face", || {
        let face: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&face).ok()?).ok()?;
        face["started"].as_str().map(str::to_owned)
    });
    assert!((-2..600).contains(&age(&started)), "{started}");
    scene.wait_journal("rung 2 done");
}

#[test]
fn incident_34_without_a_path_and_without_an_environment_it_heals() {
    let scene = scene();
    let mut command = scene.command(&["run"]);
    command.env_clear();
    let _watch = scene.watch_by(command);
    scene.wait_verdict("healthy", "none");
    let before = scene.wait_bridge();
    signal(before, Signal::STOP);
    scene.wait_journal("rung 2 done");
    assert!(!alive(before));
    let check = scene.command(&["check", "--json"]).env_clear().output().expect("the program runs");
    let check: serde_json::Value = serde_json::from_slice(&check.stdout).expect("JSON");
    assert_eq!(check["unknown"], json!([]), "nothing that it needs is looked for in PATH");
}

#[test]
fn incident_36_without_a_network_crashes_under_a_fresh_commit_are_not_counted() {
    let mut scene = scene();
    scene.commit("bridge.py", "a change\n", "A change", 60);
    std::fs::write(scene.data("auto-revert-enabled"), "").expect("the opt-in");
    // Nothing listens there, and no other test gets that port.
    scene.set("data_centres", json!(["127.0.0.1:1"]));
    // Nor is the bridge connected: that would be a network.
    scene.telegram = None;
    scene.bridge(&["--exit", "1", "--after", "0.5"]);
    let _watch = scene.watch();
    scene.wait_journal("state: waiting: offline");
    scene.wait("five crashes", || (scene.events("crash").len() >= 5).then_some(()));
    assert!(scene.events("crash").iter().all(|event| event["class"] == "network"), "{:?}", scene.events("crash"));
    let (check, _) = scene.check();
    assert_eq!(check["facts"]["crashes"]["last_30m"], 0, "{check}");
    assert!(!scene.journal().contains("crash-loop") && !scene.journal().contains("bad-commit"), "{}", scene.journal());
    assert_eq!(scene.acts(), Vec::<String>::new());
}

#[test]
fn incident_44_the_watch_needs_nothing_from_the_checkout() {
    let scene = scene();
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    std::fs::write(scene.root.join(".git/HEAD"), b"\xff\0 no ref at all").expect("a broken HEAD");
    std::fs::write(scene.root.join("bridge.py"), b"\0\xffdef (:\n").expect("garbage");
    std::fs::write(scene.data("crash_history.jsonl"), b"\0\xff\xfe{\n").expect("garbage");
    std::fs::write(scene.data("flood-backoff"), b"\0\xff").expect("garbage");
    std::fs::write(scene.data("last_connected"), b"\xff\xff").expect("garbage");
    let before = scene.wait_bridge();
    signal(before, Signal::STOP);
    scene.wait_journal("rung 2 done");
    scene.wait_verdict("healthy", "none");
    let (check, code) = scene.check();
    assert_eq!((code, &check["facts"]["git"]), (0, &json!(null)), "{check}");
    let unknown = check["unknown"][0].as_str().expect("a reason");
    assert!(unknown.starts_with("git: ") && unknown.contains("can't be read as a git checkout"), "{unknown}");
}

#[test]
fn incident_24_a_pause_holds_also_where_the_checkouts_data_cant_be_read() {
    let mut scene = scene();
    let quiet = scene.folder.path().join("quiet");
    // Its session is elsewhere, so that data/ may go.
    scene.program_is(&["/bin/sh", "-c", "echo Connected to Telegram; while :; do echo alive; sleep 0.1; done"]);
    let _watch = scene.watch();
    let before = scene.wait_bridge();
    assert!(scene.run(&["pause", "--for", "1h"]).status.success());
    scene.wait_verdict("waiting", "paused");
    std::fs::rename(scene.root.join("data"), &quiet).expect("data/ away");
    std::fs::write(scene.root.join("data"), "").expect("a file in its place");
    signal(before, Signal::KILL);
    scene.wait_looks(5);
    let status = scene.status().expect("a status");
    assert_eq!((&status["verdict"]["cause"], scene.acts()), (&json!("paused"), vec![]), "{status}");
    assert_eq!(scene.check().1, 4);
}
