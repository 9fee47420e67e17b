//! The icon in the bar and the first rows in every state. As in `tray.rs`.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;

use crate::support::launchd::{domain, target};
use crate::support::tray::{flood, operator_stop, under_launchd, unload};
use crate::support::{Desktop, Scene, signal};
use rustix::process::Signal;

#[test]
fn each_state_has_its_icon_and_its_words() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let see = |icon: &str, words: &str| {
        desktop.wait_icon(icon);
        desktop.wait_row(words);
        desktop.wait(&format!("'{icon}' in the bar"), || (desktop.bar()? == icon).then_some(()));
    };
    assert_eq!(desktop.bar(), None, "an empty bar");
    let (mut scene, launchd) = under_launchd(1.0, &[], 10.0);
    scene.set("reload", 600.0);
    let mut app = desktop.app(&scene);
    see("healthy", "Healthy");
    flood(&scene);
    see("waiting", "Waiting: Telegram told the bridge to wait");
    std::fs::remove_file(scene.data("flood-backoff")).expect("the marker");
    see("healthy", "Healthy");
    std::fs::write(scene.data("bridge-auth-required"), "").expect("a marker");
    see("person", "Needs you: Telegram asks for a new login");
    std::fs::remove_file(scene.data("bridge-auth-required")).expect("the marker");
    see("healthy", "Healthy");
    assert!(scene.run(&["pause", "--for", "1h"]).status.success());
    see("paused", "Paused since");
    assert!(scene.run(&["resume"]).status.success());
    see("healthy", "Healthy");

    let text = "ERROR telethon: the same again\n".repeat(12);
    let log = std::fs::OpenOptions::new().append(true).open(scene.log());
    std::io::Write::write_all(&mut log.expect("the log"), text.as_bytes()).expect("the log");
    see("degraded", "Degraded: the same error was logged");
    see("healthy", "Healthy");

    unload(&scene, &launchd);
    see("down", "Down: the bridge's job is not loaded");
    operator_stop(&scene, &launchd);
    see("stopped", "Stopped: the operator stopped the bridge");
    let mode = |mode| std::fs::set_permissions(launchd.launchctl(), std::fs::Permissions::from_mode(mode));
    mode(0o644).expect("its mode");
    see("unknown", "Unknown: whether the bridge is running can't be seen");
    mode(0o755).expect("its mode");
    launchd.operator(&["enable", &target(&scene.label)]);
    launchd.operator(&["bootstrap", &domain(), launchd.plist(&scene.label).to_str().expect("a path")]);
    see("healthy", "Healthy");

    // A frozen process does not react to SIGTERM, so that ending it takes its exit timeout.
    signal(launchd.wait_pid(&scene.label), Signal::STOP);
    see("recovering", "Recovering, rung 2 of 5, since");
    desktop.wait_row("the bridge hangs: its log is silent since");
    see("healthy", "Healthy");

    signal(app.pid(), Signal::TERM);
    assert_eq!(app.wait(), Some(143), "{}", scene.said());
    desktop.wait("an empty bar", || desktop.bar().is_none().then_some(()));

    let mut scene = Scene::new("embedded", 60.0);
    scene.set("stale", 600.0);
    scene.telegram = None;
    scene.bridge(&[]);
    let _app = desktop.app(&scene);
    see("starting", "Starting");
}

/// A rung looks again while it works, and what was wrong is then right already.
#[test]
fn a_recovery_says_to_its_end_what_it_was_begun_for() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("min_uptime", 2.0);
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_verdict("healthy", "none");
    signal(pid, Signal::STOP);
    let (why, state) = scene.wait("a rung after its own look", || {
        let status = scene.status()?;
        let state = status["verdict"]["state"].as_str()?.to_owned();
        (status["rung"]["rung"] == "EndStale" && state != "unhealthy")
            .then(|| (status["rung"]["reason"]["Finding"]["problem"].clone(), state))
    });
    assert!(why["Silent"].is_object(), "while it is {state}: {why}");
}
