//! What a person sees of the app, as `doctor` says it: the app finds it out on its own desktop. As in `tray.rs`.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use crate::support::doctor::{ill, named};
use crate::support::tray::{headless, under_launchd};
use crate::support::{Desktop, Scene};

const TRAY: &str = "sudo apt-get install gnome-shell-extension-appindicator";
const DAEMON: &str = "sudo apt-get install notification-daemon";

fn wait_mends(scene: &Scene, icon: &[&str], notifications: &[&str]) {
    let mut last = (Vec::new(), Vec::new());
    scene.wait("the mends", || {
        last = (named(scene, "icon"), named(scene, "notifications"));
        (last.0 == icon && last.1 == notifications).then_some(())
    });
}

#[test]
fn an_icon_and_notifications_that_nobody_sees_are_named() {
    let Some(desktop) = Desktop::or_skip(&["nopanel"]) else { return };
    let (scene, _launchd) = under_launchd(1.0, &[], 0.5);
    let _app = desktop.app(&scene);
    wait_mends(&scene, &[TRAY], &[DAEMON]);
    desktop.does("panel-start");
    wait_mends(&scene, &[], &[DAEMON]);
    let dunst = desktop.start(&["dunst"], &scene.folder.path().join("dunst"));
    wait_mends(&scene, &[], &[]);
    drop(dunst);
    wait_mends(&scene, &[], &[DAEMON]);
    desktop.does("panel-stop");
    wait_mends(&scene, &[TRAY], &[DAEMON]);
    // A bus that does not answer is no panel that is gone.
    desktop.does("panel-start");
    wait_mends(&scene, &[], &[DAEMON]);
    desktop.does("bus-freeze");
    wait_mends(&scene, &["bridge-watchdog doctor"], &["bridge-watchdog doctor"]);
}

#[test]
fn a_watch_without_a_display_shows_nothing_and_lacks_nothing() {
    let (scene, _launchd) = under_launchd(1.0, &[], 0.5);
    let _app = headless(&scene);
    scene.wait("the watch", || named(&scene, "watch").is_empty().then_some(()));
    assert!(ill(&scene).iter().all(|(id, _)| id != "icon" && id != "notifications"));
}
