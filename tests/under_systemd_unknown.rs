//! A user manager or a unit that can't be asked: the state is unknown or names the problem, with a clear reason, and
//! the loop goes on.

use crate::support::require::{self, Ability};
use crate::support::systemd::{self, ALWAYS, SYSTEMCTL, calls, keys_of, verbs};
use crate::support::{Scene, signal};
use rustix::process::Signal;
use serde_json::Value;

fn check(scene: &Scene) -> (String, String, String, i32) {
    let (check, code) = scene.check();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&check["state"]), text(&check["cause"]), text(&check["issues"][0]), code)
}

fn row(state: &str, cause: &str, issue: &str, code: i32) -> (String, String, String, i32) {
    (state.into(), cause.into(), issue.into(), code)
}

#[test]
fn a_frozen_manager_is_unknown_within_the_time_limit_and_the_loop_heals_when_it_thaws() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    // systemctl itself would wait for 90 s.
    scene.set("ask", 1.0);
    manager.begin(&scene, "Restart=always\nRestartSec=3600");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = manager.wait_pid(&scene.label);
    manager.freeze();
    // While it lives the manager need not be asked.
    scene.wait_looks(3);
    assert_eq!(scene.status().expect("a status")["verdict"]["state"], "healthy");
    signal(before, Signal::KILL);
    let status = scene.wait_verdict("unknown", "unknown");
    let issue = status["check"]["issues"][0].as_str().unwrap_or_default();
    assert!(issue.contains("systemctl --user show") && issue.contains("did not answer within 1 s"), "{issue}");
    scene.wait_looks(2);
    assert_eq!(scene.check().1, 3);
    assert_eq!((verbs(&scene), scene.acts()), (vec![], vec![]));
    assert!(scene.events("crash").is_empty(), "nobody knows yet: {:?}", scene.events("crash"));
    manager.thaw();
    scene.wait("a new pid", || manager.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_verdict("healthy", "none");
    assert_eq!(verbs(&scene).last().map(String::as_str), Some("restart"), "its own timer is an hour away");
    assert_eq!(scene.events("crash").len(), 1);
}

#[test]
fn a_manager_that_is_gone_is_unknown_and_is_asked_no_more_than_once_a_tick() {
    let Some(mut manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    manager.begin(&scene, ALWAYS);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    manager.end();
    let status = scene.wait_verdict("unknown", "unknown");
    let issue = status["check"]["issues"][0].as_str().unwrap_or_default();
    assert!(
        issue.contains("Failed to connect to bus")
            && issue.contains("the user manager does not run: 'loginctl enable-linger' keeps it running"),
        "{issue}"
    );
    let before = (calls(&scene).len(), status["clock"]["mono"].as_f64().expect("a time"));
    scene.wait_looks(4);
    let later = scene.status().expect("a status")["clock"]["mono"].as_f64().expect("a time");
    let asked = calls(&scene).len() - before.0;
    // A tick is 1 s here; each look asks twice at most (the look, and once more in depth).
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    let most = (later - before.1) * 2.0 + 4.0 >= asked as f64;
    assert!(most, "asked {asked} times in {} s", later - before.1);
    assert_eq!((verbs(&scene), scene.acts(), scene.events("crash")), (vec![], vec![], vec![]));
}

#[test]
fn without_a_user_session_or_without_systemctl_the_reason_is_said() {
    let mut scene = Scene::new("systemd", 60.0);
    let there = std::path::Path::new(SYSTEMCTL).exists();
    let found = if there { Ok(()) } else { Err(format!("there is no {SYSTEMCTL}")) };
    if require::meets(Ability::Systemd, &found) {
        scene.set("systemctl", SYSTEMCTL);
        let (state, cause, issue, code) = check(&scene);
        assert_eq!((state.as_str(), cause.as_str(), code), ("unknown", "unknown", 3));
        assert!(issue.contains("there is no user session here: set XDG_RUNTIME_DIR=/run/user/<uid>"), "{issue}");
        scene.env = vec![("XDG_RUNTIME_DIR", scene.folder.path().join("nowhere"))];
        let (state, _, issue, code) = check(&scene);
        assert_eq!((state.as_str(), code), ("unknown", 3));
        assert!(issue.contains("the user manager does not run"), "{issue}");
    }
    scene.set("systemctl", "/nowhere/systemctl");
    let issue = "Whether the bridge is running can't be seen: /nowhere/systemctl can't be started: No such file or \
         directory (os error 2).";
    assert_eq!(check(&scene), row("unknown", "unknown", issue, 3));
}

#[test]
fn a_unit_that_is_masked_absent_or_broken_is_called_what_it_is() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let file = |label: &str| manager.units().join(format!("{label}.service"));

    let absent = "There is no service for the bridge: neither a plist nor a unit file.";
    assert_eq!(check(&scene), row("waiting", "config-error", absent, 4));

    let text = format!("[Service]\nExecStart=/bin/true\n{}\n", keys_of(&scene, ALWAYS));
    std::fs::write(manager.vendor_units().join(format!("{}.service", scene.label)), text).expect("a unit");
    manager.ok(&["mask", &format!("{}.service", scene.label)]);
    manager.reload();
    assert_eq!(manager.property(&scene.label, "LoadState"), "masked");
    assert_eq!(check(&scene), row("stopped", "operator-stop", "The operator stopped the bridge.", 4));
    std::fs::remove_file(file(&scene.label)).expect("the mask");

    let broken = |state: &str| {
        format!(
            "Whether the bridge is running can't be seen: com.example.bridge.service: systemd can't read the \
             unit file (LoadState={state}); 'systemctl --user status' says why."
        )
    };
    manager.write_text(&scene.label, "[Service]\nRestart=always\n");
    assert_eq!(check(&scene), row("unknown", "unknown", &broken("bad-setting"), 3));
    manager.write_text(&scene.label, "[Service\nExecStart=/bin/true\n");
    assert_eq!(check(&scene), row("unknown", "unknown", &broken("error"), 3));

    scene.label = "com.example.brücke".into();
    scene.write();
    let name = "Whether the bridge is running can't be seen: 'ü' is not allowed in the name of a systemd unit; \
        correct bridge.label (com.example.brücke).";
    assert_eq!(check(&scene), row("unknown", "unknown", name, 3));
}

#[test]
fn a_program_that_is_missing_is_named() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    scene.script("echo there");
    manager.write_unit(&scene.label, &["/nowhere/python", "bridge.py"], &keys_of(&scene, ALWAYS));
    manager.start_unit(&scene.label);
    manager.wait_sub(&scene.label, "auto-restart");
    let (state, cause, issue, code) = check(&scene);
    assert_eq!((state.as_str(), cause.as_str(), code), ("waiting", "config-error", 4), "{issue}");
    assert!(issue.contains("can't be started (exit 203: systemd can't start the program)"), "{issue}");
}
