//! launchd itself misbehaves: commands that fail, hang, lie, or are missing. What can't be seen is unknown and is not
//! healed; what an operator did stays done; a command's exit code is no recovery.

use crate::support::launchd::{domain, target};
use crate::support::{
    Launchd, Scene, acts_of_launchctl, alive, keys, load, loaded, loaded_with, signal, unloaded, why_started,
};
use rustix::process::Signal;
use serde_json::{Value, json};

/// The operator or an update takes the job away.
fn bootout(scene: &Scene, launchd: &Launchd) {
    assert_eq!(launchd.operator(&["bootout", &target(&scene.label)]).code, 0);
    launchd.wait_gone(&scene.label);
}

fn wait_pid_seen(scene: &Scene, launchd: &Launchd) -> u32 {
    let pid = launchd.wait_pid(&scene.label);
    scene.wait("the watch sees it", || (scene.status()?["history"]["run"]["id"]["pid"] == pid).then_some(()));
    pid
}

#[test]
fn incident_26_a_job_that_is_gone_is_told_at_once_and_loaded_again_later() {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| scene.set("reload", 4.0));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    bootout(&scene, &launchd);
    let status = scene.wait_verdict("unhealthy", "not-loaded");
    assert_eq!(status["check"]["level"], 0, "updates unload and load: it has its time");
    let next = status["check"]["next"].as_str().expect("a sentence").to_owned();
    assert!(next.starts_with("it is loaded again at "), "{next}");
    scene.wait_journal("diagnostics: unhealthy: not-loaded");
    scene.wait_journal("rung 1 done: pid ");
    scene.wait_verdict("healthy", "none");
    assert_eq!(acts_of_launchctl(&launchd), ["bootstrap"]);
    assert_eq!(why_started(&scene, &launchd), ["load", "load"]);
    assert!(scene.events("crash").is_empty(), "incident 22: {:?}", scene.events("crash"));
}

#[test]
fn incident_25_bootstrap_fails_with_5_and_the_job_is_not_registered() {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| scene.set("reload", 1.0));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    launchd.fault(&json!({"bootstrap_fails_5": {"times": 2}}));
    bootout(&scene, &launchd);
    scene.wait_journal("rung 1 done: pid ");
    assert_eq!(acts_of_launchctl(&launchd), ["bootstrap"; 3]);
    assert_eq!(why_started(&scene, &launchd), ["load", "load"]);
}

#[test]
fn incident_25_bootstrap_fails_with_5_and_the_job_is_registered_all_the_same() {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| scene.set("reload", 1.0));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    launchd.fault(&json!({"bootstrap_fails_5": {"times": 1, "registered": true}}));
    bootout(&scene, &launchd);
    scene.wait_journal("rung 1 done: pid ");
    assert_eq!(acts_of_launchctl(&launchd), ["bootstrap", "kickstart"]);
    assert_eq!(why_started(&scene, &launchd), ["load", "kickstart"]);
}

#[test]
fn incident_27_what_the_operator_disabled_stays_down() {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| scene.set("reload", 0.5));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    assert_eq!(launchd.operator(&["disable", &target(&scene.label)]).code, 0);
    bootout(&scene, &launchd);
    scene.wait_verdict("stopped", "operator-stop");
    scene.wait_looks(10);
    assert_eq!(scene.check().1, 4);
    for args in [&["restart"][..], &["recover"]] {
        assert_eq!(scene.run(args).status.code(), Some(4), "{args:?}");
    }
    assert!(acts_of_launchctl(&launchd).is_empty(), "{:?}", acts_of_launchctl(&launchd));
    assert_eq!(launchd.starts(&scene.label).len(), 1);
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
    // The operator undoes it, and then the bridge is watched as before.
    assert_eq!(launchd.operator(&["enable", &target(&scene.label)]).code, 0);
    load(&scene, &launchd);
    scene.wait_verdict("healthy", "none");
}

#[test]
fn incident_42_a_start_that_only_says_that_it_worked_is_a_failed_rung() {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| {
        scene.set("pid_within", 1.0);
        scene.set("again", 600.0);
    });
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    launchd.fault(&json!({"pended": "speculative", "answers": {"kickstart": {"code": 0}}}));
    signal(before, Signal::KILL);
    scene.wait("the end of the chain", || scene.rungs().iter().any(|rung| rung.starts_with("5:")).then_some(()));
    let rungs = scene.rungs();
    let expected = [
        "1 failed: no new process within 1 s",
        "2 failed: no new process within 1 s",
        "3 failed: no new process within 1 s",
        "5: no rung helped; you are told",
    ];
    assert_eq!(rungs.len(), expected.len(), "{rungs:?}");
    assert!(rungs.iter().zip(expected).all(|(rung, expected)| rung.starts_with(expected)), "{rungs:?}");
    assert_eq!(acts_of_launchctl(&launchd), ["kickstart"; 3], "one try a rung");
}

#[test]
fn a_spawn_that_launchd_holds_back_is_let_through_by_a_plain_kickstart() {
    let (scene, launchd) = loaded(&[]);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    launchd.fault(&json!({"pended": "speculative"}));
    signal(before, Signal::KILL);
    scene.wait_journal("The service manager holds its start back: speculative.");
    scene.wait_journal("rung 1 done: pid ");
    assert_eq!(acts_of_launchctl(&launchd), ["kickstart"]);
    assert_eq!(why_started(&scene, &launchd), ["load", "kickstart"]);
}

#[test]
fn incident_39_a_kickstart_that_hangs_was_announced_and_its_effect_decides() {
    let keys = json!({"KeepAlive": true, "ThrottleInterval": 600, "ExitTimeOut": 0.5});
    let (scene, launchd) = loaded_with(&[], &keys, |_| {});
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    launchd.fault(&json!({"kickstart_hangs": "after"}));
    signal(before, Signal::KILL);
    scene.wait("the kickstart", || launchd.calls().iter().any(|call| call.args[0] == "kickstart").then_some(()));
    // The call has no answer, so its line was written before it.
    let act = format!("start {} through launchd, because the bridge is not running (last: signal 9)", scene.label);
    assert_eq!(scene.acts(), [act]);
    scene.wait_journal("rung 1 done: pid ");
    assert_eq!(acts_of_launchctl(&launchd), ["kickstart"]);
    assert_eq!(why_started(&scene, &launchd), ["load", "kickstart"]);
}

#[test]
fn a_kickstart_that_hangs_and_does_nothing_is_a_failed_rung_and_the_loop_goes_on() {
    let keys = json!({"KeepAlive": true, "ThrottleInterval": 600, "ExitTimeOut": 0.5});
    let (scene, launchd) = loaded_with(&[], &keys, |scene| {
        scene.set("ask", 1.0);
        scene.set("pid_within", 1.0);
        scene.set("again", 2.0);
    });
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    launchd.fault(&json!({"kickstart_hangs": true}));
    signal(before, Signal::KILL);
    scene.wait("two failed rungs", || (scene.rungs().len() >= 2).then_some(()));
    assert!(scene.rungs()[0].starts_with("1 failed: no new process"), "{:?}", scene.rungs());
    launchd.mend();
    scene.wait_verdict("healthy", "none");
    assert_eq!(launchd.starts(&scene.label).len(), 2);
}

/// While launchd can't be asked the bridge dies: unknown, exit code 3, nothing done. When it answers again the watch
/// goes on, and the death is in the history, once.
fn unknown_until_mended(break_it: impl Fn(&Launchd), mend: impl Fn(&Launchd), words: &str) {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| scene.set("ask", 1.5));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    break_it(&launchd);
    let (check, code) = scene.check();
    assert_eq!((code, &check["state"], &check["facts"]["process"]), (3, &json!("unknown"), &Value::Null), "{check}");
    assert!(check["unknown"][0].as_str().is_some_and(|why| why.contains(words)), "{check}");
    signal(before, Signal::KILL);
    scene.wait("launchd's own respawn", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_verdict("unknown", "unknown");
    scene.wait_looks(2);
    assert_eq!(scene.run(&["restart"]).status.code(), Some(3));
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
    mend(&launchd);
    scene.wait_verdict("healthy", "none");
    let after = wait_pid_seen(&scene, &launchd);
    assert!(after != before && alive(after));
    let crashes = scene.events("crash");
    assert_eq!(crashes.len(), 1, "{crashes:?}");
    assert_eq!((&crashes[0]["reason"], &crashes[0]["pid"]), (&json!("signal 9"), &json!(before)));
    assert_eq!(why_started(&scene, &launchd), ["load", "keepalive"]);
}

#[test]
fn a_print_that_hangs_makes_the_process_unknown() {
    unknown_until_mended(|l| l.fault(&json!({"print_hangs": true})), Launchd::mend, "did not answer within 1.5 s");
}

#[test]
fn a_print_of_garbage_makes_the_process_unknown() {
    unknown_until_mended(
        |l| l.fault(&json!({"print_garbage": true})),
        Launchd::mend,
        "answers in a form that is not known",
    );
}

#[test]
fn incident_34_a_missing_launchctl_makes_the_process_unknown() {
    let away = |l: &Launchd| l.dir.join("launchctl.away");
    unknown_until_mended(
        |l| std::fs::rename(l.launchctl(), away(l)).expect("moved away"),
        |l| std::fs::rename(away(l), l.launchctl()).expect("moved back"),
        "can't be started: No such file",
    );
}

#[test]
fn a_session_without_a_gui_domain_is_unknown_and_says_what_to_do() {
    unknown_until_mended(|l| l.fault(&json!({"no_domain": true})), Launchd::mend, "log in on the Mac itself");
}

#[test]
fn a_state_that_nobody_has_seen_is_passed_over() {
    let (scene, launchd) = unloaded(&[], &keys(), |scene| scene.set("reload", 600.0));
    launchd.fault(&json!({"unknown_state": "quantum"}));
    let _watch = scene.watch();
    scene.wait_verdict("unhealthy", "not-loaded");
    assert_eq!(launchd.operator(&["print", &domain()]).code, 0);
    load(&scene, &launchd);
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    signal(before, Signal::KILL);
    scene.wait("the crash line", || (scene.events("crash").len() == 1).then_some(()));
    scene.wait_verdict("healthy", "none");
}
