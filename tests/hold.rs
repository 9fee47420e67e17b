//! `hold -- COMMAND`: an update, while no recovery acts. The lock is never held twice and never left behind, the watch and
//! every command say so at once, and what the update ends is no crash.

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::campaign::rounds;
use crate::support::hold::{Held, code, ended, held, scene, stderr};
use crate::support::{Scene, alive, executable, signal};

/// The watch knows at once, everybody says the same, and nothing is done meanwhile.
#[test]
fn incident_24_the_watch_stands_still_at_once_and_looks_at_once_when_it_is_over() {
    let scene = scene();
    let _watch = scene.watch();
    scene.wait_journal("state: healthy");
    let mut hold = Held::by({
        let mut command = scene.command(&["hold", "--reason", "git pull", "--"]);
        command.args(["/bin/sh", "-c", "echo $$; read stop"]).stdin(Stdio::piped());
        command
    });
    hold.number();
    let status = scene.wait_verdict("waiting", "update-running");
    assert_eq!(status["verdict"]["next"], json!("UpdateEnds"), "{status}");
    let (check, check_code) = scene.check();
    let shown = scene.run(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!((check_code, shown.status.code()), (4, Some(4)));
    for seen in [&check, &status["check"]] {
        assert_eq!((&seen["state"], &seen["cause"]), (&json!("waiting"), &json!("update-running")), "{seen}");
        assert!(seen["issues"][0].as_str().is_some_and(|issue| issue.contains("git pull")), "{seen}");
    }
    for (args, expected) in [
        (&["recover"][..], 75),
        (&["restart"], 75),
        (&["clean-locks"], 75),
        (&["recover", "--dry-run"], 4),
        (&["hold", "--", "true"], 75),
    ] {
        let output = scene.run(args);
        assert_eq!(output.status.code(), Some(expected), "{args:?}: {}", stderr(&output));
        let names = stderr(&output).contains(&format!("is in progress (pid {})", hold.pid()));
        assert_eq!(names, expected == 75, "{args:?}: {}", stderr(&output));
    }
    assert!(!scene.data("recovery-in-progress").exists(), "an update script that looks for it must go on");
    drop(hold.child.stdin.take());
    assert_eq!(ended(&scene, &mut hold.child).code(), Some(1));
    scene.wait("the end of the update", || (scene.status()?["verdict"]["cause"] == "none").then_some(()));
    assert_eq!(scene.run(&["status"]).status.code(), Some(0));
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
}

/// However short it is: no look may come between its end and the bridge's.
#[test]
fn incident_22_what_an_update_ends_is_no_crash() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("crash_window", 600.0);
    let _watch = scene.watch();
    for _ in 0..rounds(5) {
        let bridge = scene.wait_bridge();
        // The watch may still be at work on the start after the update before.
        let kill = format!("kill -9 {bridge}");
        scene.wait("its turn", || (code(&scene, &["/bin/sh", "-c", &kill])? == 0).then_some(()));
        scene.wait("another bridge", || (scene.wait_bridge() != bridge).then_some(()));
    }
    assert!(scene.events("crash").is_empty(), "{:?}\n{}", scene.events("crash"), scene.journal());
    assert!(scene.events("start").len() >= 2);
    // One that is there still when the update is over, as after SIGKILL on a busy machine.
    let bridge = scene.wait_bridge();
    let later = format!("(sleep 0.2; kill -9 {bridge}) >/dev/null 2>&1 &");
    scene.wait("its turn", || (code(&scene, &["/bin/sh", "-c", &later])? == 0).then_some(()));
    scene.wait("another bridge", || (scene.wait_bridge() != bridge).then_some(()));
    // Some that end one after the other while it is held, and nobody looks in between.
    let dies = "i=0; while [ $i -lt 3 ]; do pid=$(sed -n 's/.*\"pid\":\\([0-9]*\\).*/\\1/p' \"$0\"); kill -9 $pid; \
                i=$((i+1)); sleep 0.4; done";
    let kept = scene.state().join("embedded.json");
    code(&scene, &["/bin/sh", "-c", dies, kept.to_str().expect("a path")]);
    let bridge = scene.wait_bridge();
    scene.wait_aged(bridge, 2.5);
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
    // The same without an update is one.
    scene.wait_looks(2);
    let bridge = scene.wait_bridge();
    signal(bridge, Signal::KILL);
    scene.wait("the crash", || (scene.events("crash").len() == 1).then_some(()));
}

/// The lock goes with us, and the command goes on: half an update would be worse.
#[test]
fn a_hold_that_is_killed_leaves_no_lock() {
    let scene = scene();
    let _watch = scene.watch();
    scene.wait_bridge();
    let mut hold = Held::script(&scene, "echo $$; exec sleep 600");
    let command = hold.number();
    scene.wait_verdict("waiting", "update-running");
    signal(hold.pid(), Signal::KILL);
    ended(&scene, &mut hold.child);
    assert_eq!(scene.check().0["cause"], "none");
    assert_eq!(scene.run(&["status"]).status.code(), Some(0));
    assert_eq!(code(&scene, &["true"]), Some(0));
    assert!(alive(command), "nobody ended it");
    signal(command, Signal::KILL);
}

/// What an update leaves behind (a bridge, an agent) does not hold the lock for ever.
#[test]
fn the_lock_ends_with_the_command_whatever_that_has_started() {
    let scene = scene();
    let mut hold = Held::script(&scene, "sleep 600 >/dev/null 2>&1 & echo $!");
    let daemon = hold.number();
    assert_eq!(ended(&scene, &mut hold.child).code(), Some(0));
    assert_eq!(code(&scene, &["true"]), Some(0));
    assert!(alive(daemon));
    signal(daemon, Signal::KILL);
}

#[test]
fn a_reason_with_a_secret_is_printed_nowhere() {
    let mut scene = scene();
    let secret = "mango-tree-over-bangkok-77";
    std::fs::write(scene.root.join(".env"), format!("API_HASH={secret}\n")).expect(".env");
    // In the bridge's own environment only, and in ours.
    let other = "winter-fog-over-oslo-93";
    let words = "while :; do echo '[heartbeat] Bridge alive'; sleep 0.2; done";
    scene.script(&format!("export SCRIPT={other}\n/bin/sh -c \"{words}\""));
    let _watch = scene.watch();
    scene.wait_bridge();
    let reason = format!("deploy with {secret} and {other}");
    let mut command = scene.command(&["hold", "--reason", &reason, "--"]);
    command.args(["/bin/sh", "-c", "echo $$; read stop"]).stdin(Stdio::piped());
    let mut hold = Held::by(command);
    hold.number();
    scene.wait_verdict("waiting", "update-running");
    let mut all = String::new();
    for args in [&["check"][..], &["check", "--json"], &["status"], &["status", "--json"], &["recover"]] {
        let output = scene.run(args);
        all += &format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
    }
    let entries = std::fs::read_dir(scene.state()).expect("the state folder").flatten().map(|entry| entry.path());
    for path in entries.filter(|path| path.is_file()) {
        all += &String::from_utf8_lossy(&std::fs::read(path).expect("a file"));
    }
    assert!(all.contains("deploy with (removed) and (removed)"), "{all}");
    assert!(!all.contains(secret) && !all.contains(other), "{all}");
    drop(hold.child.stdin.take());
    ended(&scene, &mut hold.child);
}

/// A state folder that can't be written: nothing is run, and the sentence names it.
#[test]
fn without_a_lock_nothing_is_run() {
    let scene = scene();
    std::fs::write(scene.folder.path().join("home/state"), "").expect("a file in the way");
    let output = held(&scene, &["touch", "ran"]).output().expect("hold runs");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("recovery.lock can't be locked"), "{}", stderr(&output));
    assert!(!scene.root.join("ran").exists());
    std::fs::write(scene.config_file(), "[bridge]\nroot = 5\n").expect("config.toml");
    assert_eq!(code(&scene, &["touch", "ran"]), Some(2));
    assert!(!scene.root.join("ran").exists());
}

/// In a race with `recover`, each of them killed now and then: never both at once, no lock and no face left behind.
#[test]
fn hold_and_recover_never_run_at_once() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("min_uptime", 0.1);
    // Every instant at which the recovery's face is seen while the update runs.
    let script = "echo begun >>data/update.log; i=0; while [ $i -lt 8 ]; do \
                  [ ! -e data/recovery-in-progress ] || echo both >>data/update.log; sleep 0.02; i=$((i+1)); done; \
                  echo over >>data/update.log";
    let face = scene.data("recovery-in-progress");
    let (mut held_off, mut refused, mut both_done) = (0, 0, 0);
    for round in 0..rounds(10) {
        // It is down, so there is something to do.
        if let Some(bridge) = crate::support::session::embedded_bridge(&scene) {
            signal(bridge, Signal::KILL);
            scene.wait("its end", || (!alive(bridge)).then_some(()));
        }
        let recover = || {
            let mut command = scene.command(&["recover"]);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("recover starts")
        };
        let hold = || held(&scene, &["/bin/sh", "-c", script]).stderr(Stdio::piped()).spawn().expect("hold starts");
        // A random instant is the point of the test, so here it sleeps.
        let a_while = || std::thread::sleep(Duration::from_millis(fastrand::u64(0..60)));
        let first_hold = fastrand::bool();
        let mut one = if first_hold { hold() } else { recover() };
        if !first_hold && fastrand::bool() {
            // A recovery looks for long before it takes the lock, and would mostly come too late.
            scene.wait("a recovery", || (face.exists() || one.try_wait().expect("ours").is_some()).then_some(()));
        }
        a_while();
        let mut other = if first_hold { recover() } else { hold() };
        let victim = fastrand::u8(0..4);
        if victim < 2 {
            a_while();
            let killed = if victim == 0 { &mut one } else { &mut other };
            let _ = killed.kill();
        }
        let (one, other) = (ended(&scene, &mut one).code(), ended(&scene, &mut other).code());
        let (hold, recover) = if first_hold { (one, other) } else { (other, one) };
        assert!([Some(0), Some(75), None].contains(&hold), "round {round}: hold {hold:?}");
        assert!([Some(0), Some(75), None].contains(&recover), "round {round}: recover {recover:?}");
        assert!((hold, recover) != (Some(75), Some(75)), "round {round}: nobody had it");
        held_off += u32::from(recover == Some(75));
        refused += u32::from(hold == Some(75));
        both_done += u32::from(hold == Some(0) && recover == Some(0));
        let log = std::fs::read_to_string(scene.data("update.log")).unwrap_or_default();
        // The update of a `hold` that was killed goes on without its lock, and a killed recovery leaves its face.
        let killed = hold.is_none() || recover.is_none();
        assert!(killed || !log.contains("both"), "round {round}: a recovery ran during the update\n{log}");
        scene.wait("the update's end", || {
            let log = std::fs::read_to_string(scene.data("update.log")).unwrap_or_default();
            (log.matches("begun").count() == log.matches("over").count()).then_some(())
        });
        std::fs::write(scene.data("update.log"), "").expect("a new log");
        assert_eq!(code(&scene, &["true"]), Some(0), "round {round}: a lock was left");
        if recover.is_none() && face.exists() {
            // The next recovery of ours takes the face of a killed one away.
            scene.run(&["restart"]);
        }
        assert!(!face.exists(), "round {round}: a face was left");
    }
    println!("{held_off} recoveries and {refused} updates were refused; {both_done} times one came after the other");
}

/// The watch heals; the update has to wait, and is told whose turn it is.
#[test]
fn a_recovery_that_runs_keeps_an_update_out_75() {
    let mut scene = Scene::new("embedded", 60.0);
    // Without a connection its log has nothing but heartbeats.
    scene.telegram = None;
    scene.bridge(&["--mute", "data/quiet"]);
    scene.set("cure_within", 600.0);
    let watch = scene.watch();
    scene.wait_bridge();
    std::fs::write(scene.data("quiet"), "").expect("the gag");
    scene.wait("the face", || scene.data("recovery-in-progress").exists().then_some(()));
    let output = held(&scene, &["touch", "ran"]).output().expect("hold runs");
    assert_eq!(output.status.code(), Some(75), "{}", stderr(&output));
    assert!(stderr(&output).contains(&format!("is in progress (pid {})", watch.pid())), "{}", stderr(&output));
    assert!(!scene.root.join("ran").exists());
}

/// The shell lines of README, each block that names an update script, as they stand there.
fn of_readme() -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("README.md");
    let blocks = readme.split("```sh\n").skip(1).filter_map(|block| block.split_once("```"));
    blocks
        .map(|(block, _)| block.to_owned())
        .filter(|block| block.contains("update.sh") || block.contains("find data/"))
        .collect()
}

#[test]
fn the_lines_for_an_update_script_in_readme_work_as_they_stand() {
    let blocks = of_readme();
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    let scene = scene();
    executable(&scene.root.join("update.sh"), "#!/bin/sh\necho updated >>updated\n");
    let path = scene.path_with_us();
    let run = |text: &str| {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", text]).current_dir(&scene.root).env("PATH", &path);
        shell.env_remove("XDG_RUNTIME_DIR").env_remove("DBUS_SESSION_BUS_ADDRESS");
        shell.output().expect("a shell")
    };
    let updated = || std::fs::read_to_string(scene.root.join("updated")).unwrap_or_default().lines().count();
    let (wrapped, tested) = (&blocks[0], format!("{}\n./update.sh\n", blocks[1]));
    for text in [wrapped, &tested] {
        let before = updated();
        let output = run(text);
        assert_eq!((output.status.code(), updated()), (Some(0), before + 1), "{text}: {}", stderr(&output));
    }
    // While another one runs.
    let mut hold = Held::script(&scene, "echo $$; exec sleep 600");
    hold.number();
    assert_eq!((run(wrapped).status.code(), updated()), (Some(75), 2));
    signal(hold.pid(), Signal::TERM);
    ended(&scene, &mut hold.child);
    // A face that is this old, in seconds.
    let face = scene.data("recovery-in-progress");
    for (age, goes_on) in [(0, false), (61, false), (200, false), (305, true), (4000, true)] {
        let file = std::fs::File::create(&face).expect("a face");
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).expect("its time");
        let before = updated();
        let output = run(&tested);
        assert_eq!((output.status.success(), updated()), (goes_on, before + usize::from(goes_on)), "{age} s old");
        assert_eq!(output.status.code(), Some(if goes_on { 0 } else { 75 }), "{age} s old");
    }
}
