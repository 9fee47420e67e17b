//! Silence is not evidence, and no silence is proof of life: real incidents with the log, on real processes.

use std::fs::{File, OpenOptions};
use std::time::{Duration, SystemTime};

use crate::support::{Scene, alive};

fn assert_never_touched(scene: &Scene, bridge: u32) {
    assert!(alive(bridge), "{}", scene.journal());
    assert_eq!((scene.acts(), scene.events("crash")), (vec![], vec![]), "{}", scene.journal());
    assert_eq!(scene.events("start").len(), 1, "{}", scene.journal());
    assert!(!scene.journal().contains("unhealthy"), "{}", scene.journal());
}

/// Heartbeats as far apart as in real life (120 s of the 300 s that a silence may last), and a hundred looks.
#[test]
fn incident_3_nothing_but_heartbeats_for_a_hundred_looks_is_no_reason_to_act() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.bridge(&["--every", "2"]);
    scene.set("tick", 0.1);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let bridge = scene.wait_bridge();
    scene.wait_looks(100);
    assert_never_touched(&scene, bridge);
}

#[test]
fn incident_5_evidence_older_than_the_process_accuses_nobody() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("tick", 0.2);
    // Counted from the old log, its first line comes later than the longest silence allowed.
    scene.bridge(&["--slow-start", "3"]);
    let two_hours_ago = SystemTime::now() - Duration::from_hours(2);
    let old = "ERROR database is locked\nAutomatic reconnection failed 5 time(s)\nNo space left on device\n";
    for path in [scene.log(), scene.error_log()] {
        std::fs::write(&path, old).expect("a log");
        File::options().write(true).open(&path).and_then(|file| file.set_modified(two_hours_ago)).expect("its time");
    }
    let _watch = scene.watch();
    let bridge = scene.wait_bridge();
    scene.wait_verdict("healthy", "none");
    scene.wait_looks(10);
    assert_never_touched(&scene, bridge);
}

#[test]
fn incident_35_alive_with_heartbeats_and_one_repeating_error_is_degraded_and_not_restarted() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("tick", 0.2);
    scene.bridge(&["--every", "0.1", "--say", "ERROR telethon: update 4711 was not handled"]);
    let _watch = scene.watch();
    scene.wait_verdict("degraded", "none");
    let bridge = scene.wait_bridge();
    scene.wait_looks(20);
    let (check, code) = scene.check();
    assert_eq!((check["state"].as_str(), code), (Some("degraded"), 1), "{check}");
    let issue = check["issues"][0].as_str().expect("a sentence");
    assert!(issue.starts_with("The same error was logged "), "{issue}");
    let told = scene.journal().lines().filter(|line| line.ends_with("diagnostics: degraded")).count();
    assert_eq!(told, 1, "told once: {}", scene.journal());
    assert_never_touched(&scene, bridge);
}

/// Its level is the only word that says so.
#[test]
fn incident_35_a_repeating_error_in_json_is_known_by_its_level() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("tick", 0.2);
    scene.bridge(&["--every", "0.1", "--say", r#"{"level":"error","event":"handler failed"}"#]);
    let _watch = scene.watch();
    scene.wait_verdict("degraded", "none");
    let bridge = scene.wait_bridge();
    assert_never_touched(&scene, bridge);
}

#[test]
fn incident_6_a_log_that_is_touched_and_rotated_to_an_empty_file_is_silent() {
    let mut scene = Scene::new("embedded", 60.0);
    let mute = scene.folder.path().join("mute");
    scene.bridge(&["--mute", mute.to_str().expect("a path")]);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = scene.wait_bridge();
    std::fs::write(&mute, "").expect("a file");
    std::fs::rename(scene.log(), scene.log().with_extension("log.1")).expect("a rotation");
    std::fs::write(scene.log(), "").expect("an empty log");
    scene.wait("log-stale", || {
        for path in [scene.log(), scene.log().with_extension("log.1"), scene.error_log()] {
            let _ = OpenOptions::new().append(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
        }
        (scene.status()?["verdict"]["cause"] == "log-stale").then_some(())
    });
    // Sooner, and the rung would find that it speaks again.
    scene.wait_journal("act: SIGTERM to the bridge");
    std::fs::remove_file(&mute).expect("a file");
    scene.wait_journal("rung 2 done");
    assert_ne!(scene.wait_bridge(), before);
}

#[test]
fn incident_33_a_log_that_is_renamed_or_cut_is_followed() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("tick", 0.2);
    scene.set("stale", 3.0);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let bridge = scene.wait_bridge();
    // The bridge goes on writing to the renamed file, for longer than a silence may last.
    std::fs::rename(scene.log(), scene.log().with_extension("log.1")).expect("a rotation");
    std::fs::write(scene.log(), "").expect("an empty log");
    scene.wait_looks(25);
    OpenOptions::new()
        .write(true)
        .open(scene.log().with_extension("log.1"))
        .and_then(|file| file.set_len(0))
        .expect("cut");
    scene.wait_looks(25);
    assert_never_touched(&scene, bridge);
}

/// A bridge under launchd never reopens its log, so after five rotations it still writes to the first file.
#[test]
fn incident_33_five_rotations_lead_nobody_away_from_the_file_that_the_bridge_writes_to() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("tick", 0.2);
    scene.set("stale", 3.0);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let bridge = scene.wait_bridge();
    for _ in 0..5 {
        for log in [scene.log(), scene.error_log()] {
            for nth in (0..5).rev() {
                let numbered = |nth: u32| log.with_extension(format!("log.{nth}"));
                let from = if nth == 0 { log.clone() } else { numbered(nth) };
                let _ = std::fs::rename(from, numbered(nth + 1));
            }
            std::fs::write(&log, "").expect("an empty log");
        }
        scene.wait_looks(2);
    }
    // Longer than a silence may last.
    scene.wait_looks(25);
    assert_never_touched(&scene, bridge);
}

#[test]
fn incident_33_a_disk_that_was_full_speaks_against_no_commit_and_its_word_alone_is_no_full_disk() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("tick", 0.2);
    scene.commit("bridge.py", "a change\n", "A change", 60);
    std::fs::write(scene.data("auto-revert-enabled"), "").expect("the opt-in");
    scene.script("echo 'OSError: [Errno 28] No space left on device' >&2; exit 1");
    let _watch = scene.watch();
    scene.wait("five crashes", || (scene.events("crash").len() >= 5).then_some(()));
    // The first run may have said it before the watch looked at all.
    let crashes = scene.events("crash");
    assert!(crashes[1..].iter().all(|event| event["class"] == "disk"), "{crashes:?}");
    let (check, _) = scene.check();
    assert!(check["facts"]["crashes"]["last_30m"].as_u64() <= Some(1), "{check}");
    for never in ["crash-loop", "bad-commit", "disk-full"] {
        assert!(!scene.journal().contains(never), "{never}: {}", scene.journal());
    }
    assert_eq!(scene.acts(), Vec::<String>::new());
}

#[test]
#[cfg(target_os = "linux")]
fn incident_33_a_log_of_5_gb_costs_what_a_small_one_does() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("tick", 0.1);
    // Sparse: it takes no room.
    File::create(scene.log()).and_then(|log| log.set_len(5 << 30)).expect("a large log");
    let watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let bridge = scene.wait_bridge();
    scene.wait_looks(30);
    assert!(scene.check().0["facts"]["log"]["size"].as_u64() > Some(5 << 30));
    let io = std::fs::read_to_string(format!("/proc/{}/io", watch.pid())).expect("its counters");
    let read: u64 = io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).expect("bytes read");
    assert!(read < 100 << 20, "the watch read {read} bytes");
    assert_never_touched(&scene, bridge);
}
