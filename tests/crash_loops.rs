//! Bridges that crash at once: the crash loop is seen by launchd's run counter, we add no start to launchd's own, and a
//! person is told with the end of the traceback.

use crate::support::{Launchd, Scene, acts_of_launchctl, keys, load, loaded_with, patient, unloaded, why_started};
use serde_json::json;

/// No start but launchd's own, and launchctl is only asked questions.
fn no_start_of_ours(scene: &Scene, launchd: &Launchd) {
    let starts = why_started(scene, launchd);
    assert_eq!(starts[0], "load");
    assert!(starts[1..].iter().all(|why| why == "keepalive"), "{starts:?}");
    assert!(acts_of_launchctl(launchd).is_empty(), "{:?}", acts_of_launchctl(launchd));
}

#[test]
fn incident_19_and_43_a_bridge_that_always_crashes_is_told_with_its_traceback_and_not_started_by_us() {
    // Each run is shorter than a tick, and only we write the history.
    let (scene, launchd) = loaded_with(&["--exit", "1"], &keys(), |scene| {
        patient(scene);
        scene.set("again", 4.0);
    });
    let _watch = scene.watch();
    scene.wait("the slow third chain", || (scene.rungs().len() >= 6).then_some(()));
    let rungs = scene.rungs();
    let (told, again) = ("5: no rung helped; you are told", "5: no rung helped; you were told already");
    let chains = ["3 failed", told, "3 failed", again, "3 failed", again];
    for (rung, expected) in rungs.iter().zip(chains) {
        assert!(rung.starts_with(expected), "{rungs:?}");
    }
    assert_eq!(scene.acts().iter().filter(|act| act.starts_with("send an alert")).count(), 1, "{:?}", scene.acts());
    no_start_of_ours(&scene, &launchd);
    let status = scene.wait_verdict("unhealthy", "crash-loop");
    assert!(status["check"]["facts"]["crashes"]["last_30m"].as_u64() >= Some(3), "{status}");
    let crashes = scene.events("crash");
    assert!(crashes.iter().all(|crash| crash["reason"] == "exit 1" && crash["class"] == "code"), "{crashes:?}");
    assert!(crashes.len() < launchd.starts(&scene.label).len() + 1, "a crash is counted once: {}", crashes.len());
    let journal = scene.journal();
    assert!(journal.contains("diagnostics: ModuleNotFoundError: No module named 'telethon'"), "{journal}");
    assert!(journal.contains("HEAD is not reverted: it was 2 days old at the first of them"), "{journal}");
}

/// Proportions as in real life, five times faster: throttle, margin and minimum uptime are the same, and far longer
/// than a run and than the time between two looks at a bridge that is down.
fn in_proportion(scene: &mut Scene) {
    scene.set("min_uptime", 2.0);
    // Half a second before the third death, when a program that counted from the first one would act.
    scene.set("respawn_margin", 1.5);
    scene.set("crash_window", 600.0);
    scene.set("stale", 60.0);
    scene.set("again", 600.0);
}

fn throttled() -> serde_json::Value {
    json!({"KeepAlive": true, "ThrottleInterval": 2, "ExitTimeOut": 0.5})
}

#[test]
fn incident_19_no_start_is_added_to_those_of_a_manager_that_does_its_part() {
    let (scene, launchd) = loaded_with(&["--exit", "1"], &throttled(), in_proportion);
    let _watch = scene.watch();
    scene.wait("the pattern", || scene.rungs().iter().any(|rung| rung.starts_with("5:")).then_some(()));
    no_start_of_ours(&scene, &launchd);
    assert!(scene.acts().iter().all(|act| act.starts_with("send an alert")), "{:?}", scene.acts());
}

#[test]
fn a_bridge_that_ends_at_once_with_0_again_and_again_is_launchds_to_start_and_a_person_hears_of_it() {
    let (scene, launchd) = loaded_with(&["--exit", "0"], &throttled(), in_proportion);
    let _watch = scene.watch();
    scene.wait("the sentence", || {
        let issues = scene.status()?["check"]["issues"].to_string();
        issues.contains("and never stayed up.").then_some(())
    });
    scene.wait_journal("diagnostics: unhealthy: process-dead");
    no_start_of_ours(&scene, &launchd);
    assert_eq!((scene.acts(), scene.events("crash")), (vec![], vec![]), "{}", scene.journal());
}

#[test]
fn incident_4_two_crashes_that_the_bridge_wrote_down_itself_before_we_looked_are_two() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.script(
        "echo run >>data/runs; [ $(wc -l <data/runs) -gt 2 ] && while :; do echo alive; sleep 0.1; done
        echo \"{\\\"timestamp\\\": $(date +%s.%N), \\\"event_type\\\": \\\"crash\\\"}\" >>data/crash_history.jsonl; exit 1",
    );
    let _watch = scene.watch();
    scene.wait("the third run", || (scene.events("start").last()?["pid"] == scene.wait_bridge()).then_some(()));
    scene.wait_looks(3);
    let crashes = scene.events("crash");
    let ours = crashes.iter().filter(|crash| crash["by"] == "bridge-watchdog").count();
    assert!(ours >= 1 && crashes.len() - ours == 2, "{crashes:?}");
    assert_eq!(scene.check().0["facts"]["crashes"]["last_30m"], 2);
    assert!(!scene.journal().contains("crash-loop"), "{}", scene.journal());
}

#[test]
fn incident_43_a_history_that_can_be_neither_written_nor_read_hides_no_crash_loop() {
    let (scene, _launchd) = loaded_with(&["--exit", "1"], &keys(), |scene| {
        patient(scene);
        std::fs::create_dir(scene.data("crash_history.jsonl")).expect("a folder in its place");
    });
    let _watch = scene.watch();
    scene.wait_verdict("unhealthy", "crash-loop");
    scene.wait_journal("crash_history.jsonl can't be written: ");
}

#[test]
fn a_bridge_that_crashes_ten_times_and_then_works_is_well_again() {
    let options = ["--exit", "1", "--times", "10", "--counter", "data/runs"];
    let (scene, launchd) = unloaded(&options, &keys(), |scene| {
        patient(scene);
        scene.set("stale", 3.0);
        scene.set("verify_uptime", 3.0);
    });
    let _watch = scene.watch();
    scene.wait_verdict("unhealthy", "not-loaded");
    load(&scene, &launchd);
    scene.wait_verdict("unhealthy", "crash-loop");
    scene.wait_verdict("healthy", "none");
    scene.wait_journal("over: ");
    no_start_of_ours(&scene, &launchd);
    assert_eq!(launchd.starts(&scene.label).len(), 11);
    let crashes = scene.events("crash");
    assert_eq!(crashes.len(), 10, "{crashes:?}");
    assert!(crashes.iter().all(|crash| crash["reason"] == "exit 1"), "{crashes:?}");
    let told = scene.acts().iter().filter(|act| act.starts_with("send an alert")).count();
    assert_eq!(told, 1, "{:?}", scene.acts());
}

#[test]
fn incident_45_a_bridge_that_is_mended_after_the_alert_is_well_without_a_person() {
    // launchd never gives up; if it holds a start back for ever, we still try, slowly.
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| {
        scene.set("pid_within", 1.0);
        scene.set("again", 3.0);
    });
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    launchd.fault(&json!({"pended": "speculative", "answers": {"kickstart": {"code": 0}}}));
    crate::support::signal(before, rustix::process::Signal::KILL);
    scene.wait("the alert", || scene.rungs().iter().any(|rung| rung.starts_with("5:")).then_some(()));
    let tried = acts_of_launchctl(&launchd).len();
    scene.wait("another try", || (acts_of_launchctl(&launchd).len() > tried).then_some(()));
    // launchd still holds it back, but a kickstart works again.
    launchd.fault(&json!({"pended": "speculative"}));
    scene.wait_verdict("healthy", "none");
    assert_eq!(why_started(&scene, &launchd), ["load", "kickstart"]);
}

#[test]
fn incident_20_silent_from_the_first_second_is_restarted_twice_at_most_then_told() {
    // It blocks before its first line and ignores SIGTERM, like a process that hangs in a read of a protected folder.
    let (scene, launchd) = loaded_with(&["--slow-start", "1000"], &keys(), |scene| {
        scene.set("pid_within", 3.0);
        scene.set("cure_within", 3.0);
        scene.set("again", 600.0);
        scene.set("stale", 2.0);
    });
    let _watch = scene.watch();
    scene.wait_journal("the bridge hung at its start");
    scene.wait_journal("act: send an alert");
    let rungs = scene.rungs();
    assert!(rungs[0].starts_with("2 failed: a new process runs, but it has written nothing to its log"), "{rungs:?}");
    let starts = launchd.starts(&scene.label).len();
    assert!((2..=3).contains(&starts), "{starts} starts");
    scene.wait_looks(4);
    assert_eq!(launchd.starts(&scene.label).len(), starts, "after the alert it is left alone for 30 min");
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
}
