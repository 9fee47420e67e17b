//! An operator's stop that is not called `disable`: a condition of the job that is not met (report R01, kind F). Who else
//! runs such a bridge: people with a stop file, with a file that has to be there, with a second job that it goes with, on
//! systemd with `ConditionPathExists=`, with an `ExecCondition=` or with an exit code that means "stay down".

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::mac::dictionary;
use crate::support::systemd::{self, keys_of, verbs};
use crate::support::{
    Launchd, Mac, Scene, Systemd, acts_of_launchctl, load, loaded_with, signal, unloaded, why_started,
};
use rustix::process::Signal;
use serde_json::{Value, json};

const QUICK: [(&str, f64); 2] = [("ThrottleInterval", 0.4), ("ExitTimeOut", 0.5)];

/// A job with this `KeepAlive`.
fn keys(keep_alive: &Value) -> Value {
    json!({"KeepAlive": keep_alive, "RunAtLoad": true, QUICK[0].0: QUICK[0].1, QUICK[1].0: QUICK[1].1})
}

/// `{"PathState": {path: wanted}}`
fn path_state(path: &Path, wanted: bool) -> Value {
    json!({"PathState": {path.to_str().expect("a path"): wanted}})
}

fn files() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let stop = folder.path().join("STOP");
    (folder, stop)
}

/// Stopped, and nothing is done about it over several looks, by nobody.
fn assert_left_alone(scene: &Scene, launchd: &Launchd, starts: &[&str], why: &str) {
    let status = scene.wait_verdict("stopped", "operator-stop");
    assert_eq!(
        status["check"]["issues"][0],
        format!("The operator stopped the bridge by a condition of its job: {why}.")
    );
    scene.wait_looks(4);
    assert_eq!(scene.check().1, 4);
    assert_eq!(scene.run(&["restart"]).status.code(), Some(4));
    assert_eq!(why_started(scene, launchd), starts);
    assert_eq!((acts_of_launchctl(launchd), scene.acts()), (vec![], vec![]), "{}", scene.journal());
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
}

#[test]
fn r01_a_stop_file_stays_a_stop_and_its_end_is_launchds_start() {
    let (_folder, stop) = files();
    let (scene, launchd) = loaded_with(&[], &keys(&path_state(&stop, false)), |_| {});
    let _watch = scene.watch();
    let status = scene.wait_verdict("healthy", "none");
    assert_eq!(status["check"]["issues"], json!([]), "the dictionary is meant so");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    fs::write(&stop, "").expect("the stop file");
    signal(before, Signal::TERM);
    assert_left_alone(&scene, &launchd, &["load"], &format!("{} is there (PathState)", stop.display()));
    fs::remove_file(&stop).expect("the stop file");
    scene.wait_verdict("healthy", "none");
    assert_eq!(why_started(&scene, &launchd), ["load", "keepalive"]);
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
}

/// A twin: somebody whose bridge needs a file ("enabled") to run.
#[test]
fn r01_a_file_that_has_to_be_there_is_a_stop_when_it_is_not() {
    let (_folder, wish) = files();
    fs::write(&wish, "").expect("the file");
    let (scene, launchd) = loaded_with(&[], &keys(&path_state(&wish, true)), |_| {});
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    fs::remove_file(&wish).expect("the file");
    signal(before, Signal::KILL);
    assert_left_alone(&scene, &launchd, &["load"], &format!("{} is not there (PathState)", wish.display()));
}

/// A twin: `SuccessfulExit` beside it. One condition that holds is enough for launchd, so a crash is no stop.
#[test]
fn r01_beside_a_stop_file_a_crash_is_still_launchds_to_mend() {
    let (_folder, stop) = files();
    let mut both = path_state(&stop, false);
    both["SuccessfulExit"] = json!(false);
    let (scene, launchd) = loaded_with(&[], &keys(&both), |_| {});
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    fs::write(&stop, "").expect("the stop file");
    signal(before, Signal::KILL);
    let after = scene.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_seen(after);
    signal(after, Signal::TERM);
    scene.wait_verdict("stopped", "operator-stop");
    scene.wait_looks(4);
    let starts = why_started(&scene, &launchd);
    assert_eq!(starts.len(), 2, "{starts:?}");
}

/// A twin: a bridge that goes with another job of its person.
#[test]
fn r01_another_job_that_is_gone_is_a_stop() {
    let (scene, launchd) = unloaded(&[], &keys(&json!({"OtherJobEnabled": {"com.example.server": true}})), |_| {});
    launchd.load("com.example.server", &["/bin/sleep", "600"], &json!({"KeepAlive": true, "ExitTimeOut": 0.5}));
    load(&scene, &launchd);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    scene.wait_aged(before, 1.0);
    launchd.operator(&["bootout", &crate::support::launchd::target("com.example.server")]);
    launchd.wait_gone("com.example.server");
    signal(before, Signal::TERM);
    let why = "the job com.example.server is not loaded (OtherJobEnabled)";
    assert_left_alone(&scene, &launchd, &["load"], why);
}

/// A twin: booted out for an update while the stop file is there. Loading it would start it.
#[test]
fn r01_an_unloaded_job_is_not_loaded_against_its_stop_file() {
    let (_folder, stop) = files();
    fs::write(&stop, "").expect("the stop file");
    let (scene, launchd) = unloaded(&[], &keys(&path_state(&stop, false)), |scene| scene.set("reload", 0.5));
    let _watch = scene.watch();
    assert_left_alone(&scene, &launchd, &[], &format!("{} is there (PathState)", stop.display()));
    fs::remove_file(&stop).expect("the stop file");
    scene.wait_verdict("healthy", "none");
    assert_eq!(why_started(&scene, &launchd).len(), 1, "loaded again in its time");
}

/// The file comes between our look and our start, as `disable` may.
#[test]
fn r01_the_stop_file_is_read_again_right_before_a_start() {
    let (_folder, stop) = files();
    let (scene, launchd) = loaded_with(&[], &keys(&path_state(&stop, false)), |_| {});
    let pid = launchd.wait_pid(&scene.label);
    fs::write(&stop, "").expect("the stop file");
    signal(pid, Signal::TERM);
    launchd.wait_job(&scene.label, "down", |job| job.pid.is_none());
    let home = scene.folder.path().join("home");
    let environment = bridge_watchdog::limits::Environment {
        home: home.clone(),
        state_dir: home.join("state"),
        launchctl: launchd.launchctl(),
        ..bridge_watchdog::limits::Environment::real().expect("an environment")
    };
    let service = bridge_watchdog::system::service::launchd::Launchd::new(&scene.label, &environment);
    let said = format!("{} is stopped by its operator: {} is there (PathState)", scene.label, stop.display());
    assert_eq!(service.start().expect_err("refused").to_string(), said);
    assert_eq!(service.load_and_start(), Err(said.clone()));
    assert_eq!(service.restart(), Err(said));
    assert_eq!(why_started(&scene, &launchd), ["load"]);
    assert!(acts_of_launchctl(&launchd).is_empty(), "{:?}", acts_of_launchctl(&launchd));
}

#[test]
fn r01_install_leaves_the_condition_alone_and_says_so() {
    let mac = Mac::new();
    let (_folder, stop) = files();
    let mut keys = mac.persons_keys();
    keys["KeepAlive"] = path_state(&stop, false);
    keys["ExitTimeOut"] = json!(0.5);
    mac.launchd.load(&mac.scene.label, &mac.scene.program(), &keys);
    let pid = mac.launchd.wait_pid(&mac.scene.label);
    let before = fs::read(mac.bridge()).expect("a plist");
    for _ in 0..2 {
        let said = mac.ok("install");
        assert!(said.contains("the conditions of KeepAlive (PathState) are a person's and stay as they are"), "{said}");
        let now = dictionary(&mac.bridge());
        assert!(matches!(now.get("KeepAlive"), Some(plist::Value::Dictionary(_))), "{now:?}");
        assert_eq!(now.get("ExitTimeOut"), Some(&plist::Value::Integer(20.into())));
    }
    assert_eq!(mac.launchd.starts(&mac.scene.label).len(), 2, "loaded anew for the other keys, once");
    assert_ne!(mac.launchd.wait_pid(&mac.scene.label), pid);
    mac.ok("uninstall");
    assert_eq!(fs::read(mac.bridge()).expect("a plist"), before);
}

/// A twin: `install` beside a bridge that is down by its stop file.
#[test]
fn r01_install_starts_nothing_against_a_stop_file() {
    let mac = Mac::new();
    let (_folder, stop) = files();
    fs::write(&stop, "").expect("the stop file");
    let mut keys = mac.persons_keys();
    keys["KeepAlive"] = path_state(&stop, false);
    mac.launchd.write_plist(&mac.scene.label, &mac.scene.program(), &keys);
    let said = mac.ok("install");
    assert!(said.contains(&format!("left as it is: {} is there (PathState)", stop.display())), "{said}");
    mac.scene.wait_verdict("stopped", "operator-stop");
    assert!(mac.launchd.starts(&mac.scene.label).is_empty());
}

fn up(manager: &Systemd, scene: &Scene, unit: &str, keys: &str) -> (crate::support::Watch, u32) {
    manager.begin(scene, &format!("{keys}\n[Unit]\n{unit}"));
    let watch = scene.watch();
    scene.wait("a bridge that is connected", || {
        let status = scene.status()?;
        let state = status["verdict"]["state"].as_str()?.to_owned();
        let settled = status["history"]["run"]["age"].as_f64().is_some_and(|age| age >= 0.5);
        (settled && (state == "healthy" || state == "degraded")).then_some(())
    });
    (watch, manager.wait_pid(&scene.label))
}

fn assert_unit_left_alone(manager: &Systemd, scene: &Scene, why: &str) {
    let status = scene.wait_verdict("stopped", "operator-stop");
    let issue = status["check"]["issues"][0].as_str().unwrap_or_default().to_owned();
    assert_eq!(issue, format!("The operator stopped the bridge by a condition of its job: {why}."));
    scene.wait_looks(4);
    assert_eq!(scene.check().1, 4);
    assert_eq!(scene.run(&["restart"]).status.code(), Some(4));
    assert_eq!((manager.pid(&scene.label), verbs(scene), scene.acts()), (None, vec![], vec![]), "{}", scene.journal());
}

#[test]
fn r01_a_units_condition_is_a_stop_under_each_restart() {
    let Some(manager) = systemd::or_skip() else { return };
    for restart in ["Restart=on-failure\nRestartSec=300ms", "Restart=always\nRestartSec=300ms", "Restart=no"] {
        let (_folder, stop) = files();
        let mut scene = manager.scene();
        scene.label = format!("com.example.{}", restart.len());
        scene.write();
        let (_watch, pid) = up(&manager, &scene, &format!("ConditionPathExists=!{}", stop.display()), restart);
        fs::write(&stop, "").expect("the stop file");
        signal(pid, Signal::TERM);
        scene.wait_verdict("stopped", "operator-stop");
        scene.wait_looks(10);
        let why = format!("ConditionPathExists=!{} is not met", stop.display());
        assert_unit_left_alone(&manager, &scene, &why);
    }
}

/// A twin: killed, and not asked to end; systemd's own restart is what meets the condition.
#[test]
fn r01_a_unit_that_was_killed_stays_down_by_its_condition_and_also_after_that() {
    let Some(manager) = systemd::or_skip() else { return };
    let (_folder, stop) = files();
    let scene = manager.scene();
    let (_watch, pid) =
        up(&manager, &scene, &format!("AssertPathExists=!{}", stop.display()), "Restart=on-failure\nRestartSec=100ms");
    fs::write(&stop, "").expect("the stop file");
    signal(pid, Signal::KILL);
    scene.wait_verdict("stopped", "operator-stop");
    scene.wait("systemd's own test", || (manager.property(&scene.label, "AssertResult") == "no").then_some(()));
    fs::remove_file(&stop).expect("the stop file");
    scene.wait("the watch sees that", || {
        let issue = scene.status()?["check"]["issues"][0].as_str()?.to_owned();
        (!issue.contains("AssertPathExists")).then_some(())
    });
    assert_unit_left_alone(&manager, &scene, "a condition of its unit was not met when it was to be started last");
    manager.start_unit(&scene.label);
    manager.wait_pid(&scene.label);
    scene.wait("up again", || (scene.status()?["verdict"]["state"] != "stopped").then_some(()));
}

/// Twins: a script decides (`ExecCondition=`), or a condition that only systemd can test.
#[test]
fn r01_a_start_that_systemd_itself_refuses_is_a_stop() {
    let Some(manager) = systemd::or_skip() else { return };
    for by_script in [true, false] {
        let (folder, stop) = files();
        let mut scene = manager.scene();
        scene.label = format!("com.example.script-{by_script}");
        scene.write();
        let keys = format!("Restart=on-failure\nExecCondition=/bin/sh -c 'test ! -e {}'", stop.display());
        let glob = format!("ConditionPathExistsGlob=!{}/S*P", folder.path().display());
        let (keys, unit) = if by_script { (keys.as_str(), "") } else { ("Restart=on-failure", glob.as_str()) };
        let (_watch, pid) = up(&manager, &scene, unit, keys);
        fs::write(&stop, "").expect("the stop file");
        signal(pid, Signal::TERM);
        scene.wait_verdict("stopped", "operator-stop");
        assert_eq!(manager.pid(&scene.label), None);
        scene.wait_looks(4);
        assert_eq!(scene.check().1, 4);
        // It is asked once, and refuses.
        assert_eq!(
            (verbs(&scene), scene.acts().len()),
            (vec!["reset-failed".into(), "start".into()], 1),
            "{by_script}"
        );
        assert!(
            scene.journal().contains("the operator stopped the bridge; it is left as it is"),
            "{}",
            scene.journal()
        );
    }
}

/// A twin: an exit code that means "stay down".
#[test]
fn r01_an_exit_that_prevents_a_restart_is_a_stop_and_exit_2_still_an_alert() {
    let Some(manager) = systemd::or_skip() else { return };
    for (code, state, cause) in [(42, "stopped", "operator-stop"), (2, "waiting", "config-error")] {
        let mut scene = manager.scene();
        scene.label = format!("com.example.exit{code}");
        scene.script(&format!(
            "echo 'Connected to Telegram'; trap 'exit {code}' TERM; while :; do echo '[heartbeat]'; sleep 0.1; done"
        ));
        let (_watch, pid) = up(&manager, &scene, "", "Restart=always\nRestartSec=100ms\nRestartPreventExitStatus=2 42");
        signal(pid, Signal::TERM);
        scene.wait_verdict(state, cause);
        scene.wait_looks(4);
        assert_eq!((manager.pid(&scene.label), verbs(&scene)), (None, vec![]), "{code}");
    }
}

/// `install` writes its drop-in beside a condition and starts nothing against it.
#[test]
fn r01_install_leaves_a_units_condition_alone() {
    let Some(manager) = systemd::or_skip() else { return };
    let (_folder, stop) = files();
    let scene = manager.scene();
    let units = manager.units().parent().expect("a folder").to_owned();
    std::os::unix::fs::symlink(units, scene.folder.path().join("home/systemd")).expect("a link");
    scene.write();
    let keys = keys_of(&scene, &format!("Restart=on-failure\n[Unit]\nConditionPathExists=!{}", stop.display()));
    manager.write_unit(&scene.label, &scene.program(), &keys);
    fs::write(&stop, "").expect("the stop file");
    let output = scene.run(&["install"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let line = format!("stays so: ConditionPathExists=!{} is not met", stop.display());
    assert!(said.contains(&line), "{said}");
    assert_eq!((manager.pid(&scene.label), manager.property(&scene.label, "Restart")), (None, "always".into()));
}
