//! A bridge kept by the watchdog itself, end to end; the watch is killed, started twice, and used together with
//! commands by hand.

use std::collections::BTreeSet;

#[cfg(target_os = "linux")]
use crate::support::require::{self, Ability};
use crate::support::{Scene, alive, signal};
use rustix::process::Signal;
use serde_json::{Value, json};

fn scene(options: &[&str]) -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.bridge(options);
    scene
}

/// The pid that the watch sees now.
fn seen(scene: &Scene) -> Option<u32> {
    scene.status()?["check"]["facts"]["process"]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
}

fn wait_healthy(scene: &Scene) -> u32 {
    scene.wait_verdict("healthy", "none");
    scene.wait("a pid", || seen(scene))
}

fn wait_healed(scene: &Scene, before: u32) -> u32 {
    scene.wait("a new pid, seen well", || {
        let status = scene.status()?;
        let well = status["verdict"]["state"] == "healthy" && status["rung"].is_null();
        seen(scene).filter(|pid| well && *pid != before)
    })
}

/// How often the keeper has started the bridge.
fn runs(scene: &Scene) -> u64 {
    let text = std::fs::read_to_string(scene.state().join("embedded.json")).unwrap_or_default();
    serde_json::from_str::<Value>(&text).ok().and_then(|kept| kept["runs"].as_u64()).unwrap_or(0)
}

#[test]
fn a_killed_bridge_is_back_and_its_death_is_one_crash() {
    let scene = scene(&[]);
    let _watch = scene.watch();
    let before = wait_healthy(&scene);
    signal(before, Signal::KILL);
    wait_healed(&scene, before);
    scene.wait("the start line", || (scene.events("start").len() == 2).then_some(()));
    let crashes = scene.events("crash");
    assert_eq!(crashes.len(), 1, "{crashes:?}");
    assert_eq!((&crashes[0]["reason"], &crashes[0]["pid"]), (&json!("signal 9"), &json!(before)));
    assert_eq!(runs(&scene), 2);
}

#[test]
fn a_bridge_that_stops_with_0_is_back_and_that_is_no_crash() {
    let scene = scene(&[]);
    let _watch = scene.watch();
    let before = wait_healthy(&scene);
    signal(before, Signal::TERM);
    wait_healed(&scene, before);
    scene.wait("the start line", || (scene.events("start").len() == 2).then_some(()));
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
    assert_eq!(runs(&scene), 2);
}

#[test]
fn a_bridge_that_exits_with_1_is_back_and_that_is_a_crash() {
    let scene = scene(&["--exit", "1", "--after", "3", "--times", "1", "--counter", "data/runs"]);
    let _watch = scene.watch();
    let before = wait_healthy(&scene);
    wait_healed(&scene, before);
    scene.wait("the start line", || (scene.events("start").len() == 2).then_some(()));
    let crashes = scene.events("crash");
    assert_eq!(crashes.len(), 1, "{crashes:?}");
    assert_eq!((&crashes[0]["reason"], &crashes[0]["pid"]), (&json!("exit 1"), &json!(before)));
}

#[test]
fn a_bridge_that_always_crashes_is_told_and_only_its_keeper_starts_it() {
    let mut scene = scene(&["--exit", "1"]);
    scene.set("respawn_margin", 600.0);
    scene.set("crash_window", 600.0);
    let _watch = scene.watch();
    scene.wait_verdict("unhealthy", "crash-loop");
    scene.wait_journal("act: send an alert");
    assert_eq!(scene.acts().len(), 1, "{:?}", scene.acts());
    scene.wait_journal("diagnostics: ModuleNotFoundError: No module named 'telethon'");
    let crashes = scene.events("crash");
    assert!(crashes.len() >= 3 && crashes.iter().all(|crash| crash["reason"] == "exit 1"), "{crashes:?}");
}

#[test]
fn a_program_that_is_not_there_is_told_as_such() {
    let mut scene = scene(&[]);
    scene.program_is(&["bridge/nowhere", "x"]);
    scene.set("respawn_margin", 600.0);
    scene.set("crash_window", 600.0);
    let _watch = scene.watch();
    scene.wait_journal("diagnostics: waiting: config-error");
    let journal = scene.journal();
    assert!(journal.contains("bridge/nowhere can't be started: No such file"), "{journal}");
    assert!(journal.contains("bridge/nowhere is not there"), "{journal}");
    assert_eq!(scene.check().1, 4);
}

/// A bridge that is silent while `data/quiet` is there, and a watch in the middle of rung 2, waiting for its first
/// line.
fn in_the_middle_of_rung_2() -> (Scene, crate::support::Watch, u32) {
    let mut scene = Scene::new("embedded", 60.0);
    // Without a connection its log has nothing but heartbeats.
    scene.telegram = None;
    // The fewer it wakes, the less does a busy machine make it look like one that works and waits for a CPU.
    scene.bridge(&["--every", "1", "--mute", "data/quiet"]);
    scene.set("cure_within", 600.0);
    let watch = scene.watch();
    let before = scene.wait("a pid", || seen(&scene));
    std::fs::write(scene.data("quiet"), "").expect("the gag");
    scene.wait("the face", || scene.data("recovery-in-progress").exists().then_some(()));
    let after = scene.wait("the new process in rung 2", || seen(&scene).filter(|pid| *pid != before));
    (scene, watch, after)
}

#[test]
fn a_watch_killed_in_the_middle_of_a_recovery_leaves_nothing_that_stops_the_next() {
    let (scene, mut watch, pid) = in_the_middle_of_rung_2();
    let face = scene.data("recovery-in-progress");
    watch.kill();
    assert!(face.exists(), "it could not clean up behind itself: {}", scene.journal());
    assert!(alive(pid), "the bridge is not ours to take along");
    let _watch = scene.watch();
    scene.wait("the sweep", || (!face.exists()).then_some(()));
    // It is still silent, so the next watch goes on where the first one was: in the same incident, at the same rung.
    // The manager may have started it; only the rung ends it.
    let ended = || scene.acts().iter().filter(|act| act.starts_with("SIGTERM")).count();
    scene.wait("rung 2 again", || (ended() >= 2).then_some(()));
    std::fs::remove_file(scene.data("quiet")).expect("the gag taken off");
    let done = || scene.rungs().into_iter().find(|rung| !rung.contains("looked at again"));
    let done = scene.wait("the end of rung 2", done);
    assert!(seen(&scene).is_some_and(|now| now != pid), "{}", scene.journal());
    assert!(done.starts_with("2 done: pid "), "{:?}", scene.rungs());
    scene.wait("the face gone", || (!face.exists()).then_some(()));
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
    let starts = scene.events("start");
    let pids: BTreeSet<_> = starts.iter().map(|start| start["pid"].to_string()).collect();
    assert_eq!((pids.len(), starts.len()), (3, 3), "one start each: {starts:?}");
}

#[test]
fn a_restart_by_hand_is_refused_with_75_while_a_recovery_runs() {
    let (scene, watch, pid) = in_the_middle_of_rung_2();
    for args in [&["restart"][..], &["recover"]] {
        let output = scene.run(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(75), "{args:?}: {said}");
        assert!(said.contains(&format!("in progress (pid {})", watch.pid())), "{args:?}: {said}");
    }
    assert!(alive(pid));
}

#[test]
fn a_second_watch_says_who_watches_and_ends_with_0() {
    let scene = scene(&[]);
    let watch = scene.watch();
    wait_healthy(&scene);
    let output = scene.run(&["run"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(&format!("already (pid {})", watch.pid())), "{said}");
    assert_eq!(runs(&scene), 1);
}

#[test]
fn a_restart_by_hand_beside_the_watch_is_verified_and_no_crash() {
    let scene = scene(&[]);
    let _watch = scene.watch();
    let before = wait_healthy(&scene);
    let output = scene.run(&["restart"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("Done: pid "), "{said}");
    let after = wait_healed(&scene, before);
    assert!(!alive(before) && alive(after));
    scene.wait("the start line", || (scene.events("start").len() >= 2).then_some(()));
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
    let acts = scene.acts();
    assert_eq!(acts.len(), 1, "{acts:?}");
    assert!(acts[0].starts_with(&format!("restart com.example.bridge (pid {before})")), "{acts:?}");
    assert!(acts[0].ends_with("because a person asked for it"), "{acts:?}");
    assert_eq!(runs(&scene), 2);
}

#[test]
fn the_next_watch_takes_the_child_over() {
    let scene = scene(&[]);
    let mut watch = scene.watch();
    let before = wait_healthy(&scene);
    watch.kill();
    assert!(alive(before));
    let next = scene.watch();
    scene.wait("the next watch's look", || (scene.status()?["watch"] == next.pid()).then_some(()));
    assert_eq!(wait_healthy(&scene), before, "it goes on with the same process");
    assert_eq!(runs(&scene), 1);
    assert_eq!(scene.events("start").len(), 1, "it has its line: {:?}", scene.events("start"));
    signal(before, Signal::KILL);
    let second = wait_healed(&scene, before);
    assert_eq!(runs(&scene), 2);
    assert!(scene.events("crash").is_empty(), "how another's child ended nobody saw: {:?}", scene.events("crash"));
    scene.wait_aged(second, 0.5);
    signal(second, Signal::KILL);
    scene.wait("the crash of its own child", || (scene.events("crash").len() == 1).then_some(()));
}

/// Our state folder's disk is full, and that of the bridge is not: neither is a second bridge started, nor is our own lock
/// taken for another recovery. With room again it is well by itself.
#[cfg(target_os = "linux")]
#[test]
fn incident_33_a_full_disk_of_our_own_starts_no_second_bridge() {
    if !require::has(Ability::Mount) {
        return;
    }
    let scene = scene(&[]);
    let state = scene.folder.path().join("home/state");
    std::fs::create_dir_all(&state).expect("a folder");
    let fill = "while [ ! -e data/fill ]; do sleep 0.05; done; dd if=/dev/zero of=\"$STATE/fill\" bs=1k 2>/dev/null; \
                touch data/full; while [ -e data/fill ]; do sleep 0.05; done; rm \"$STATE/fill\"";
    let script = format!("mount -t tmpfs -o size=64k tmpfs \"$STATE\" || exit 9; ({fill}) & exec \"$0\" \"$@\"");
    let run = scene.command(&["run"]);
    let mut command = std::process::Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "/bin/sh", "-c", &script]).arg(run.get_program());
    command.args(run.get_args()).env("STATE", &state).current_dir(&scene.root);
    let _watch = scene.watch_by(command);
    let bridges = || {
        let pids = bridge_watchdog::system::process::pids().unwrap_or_default();
        let ours = |pid: &u32| {
            let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let here = std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == scene.root);
            here && alive(*pid) && words.windows(11).any(|part| part == b"demo-bridge")
        };
        pids.into_iter().filter(ours).collect::<Vec<_>>()
    };
    let first = scene.wait("a bridge", || bridges().first().copied());
    scene.wait("its health", || scene.said().contains("state: healthy").then_some(()));
    std::fs::write(scene.data("fill"), "").expect("a file");
    scene.wait("a full disk", || scene.data("full").exists().then_some(()));
    signal(first, Signal::KILL);
    scene.wait("the reason", || scene.said().contains("can't be written: No space left on device").then_some(()));
    for _ in 0..40 {
        assert!(bridges().len() <= 1, "{:?}: {}", bridges(), scene.said());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(!scene.said().contains("recovery-running"), "{}", scene.said());
    std::fs::remove_file(scene.data("fill")).expect("room");
    scene.wait("a bridge again", || (bridges().len() == 1).then_some(()));
    let well =
        |said: &str| said.rfind("state: healthy") > said.rfind("state: waiting").max(said.rfind("state: unhealthy"));
    scene.wait("its health again", || well(&scene.said()).then_some(()));
    assert_eq!(bridges().len(), 1);
}
