//! What the app says besides its menu: notifications, and lines on a standard error that may be broken. As in `tray.rs`.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use std::path::Path;

use crate::support::bot::{Bot, Mood, TOKEN};
use crate::support::tray::{new_window, under_launchd};
use crate::support::{Desktop, beside, signal};
use rustix::process::Signal;

/// A real notification daemon shows it: dunst prints what it displays.
#[test]
fn what_does_not_go_out_by_telegram_is_shown_by_a_notification_daemon() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let bot = Bot::new(Mood::Blocked);
    let (mut scene, _launchd) = under_launchd(1.0, &[], 0.5);
    scene.extra = Bot::config(bot.address);
    scene.write();
    let heard = scene.folder.path().join("heard");
    let _dunst = desktop.start(&["dunst", "-print"], &heard);
    let heard = || std::fs::read_to_string(&heard).unwrap_or_default();
    let _app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    std::fs::write(scene.data("bridge-auth-required"), "").expect("a marker");
    let shown = scene.wait("the notification", || Some(heard()).filter(|shown| shown.contains("blocked the bot")));
    assert!(shown.contains("summary: 'An alert does not go out by Telegram'"), "{shown}");
    // Why stands first, whole, and then what the alert says.
    let body = shown.split("body: '").nth(1).and_then(|rest| rest.split('\'').next()).expect("a body");
    let (why, alert) = body.split_once("\nThe alert: ").expect("two lines");
    assert!(why.contains("blocked the bot") && why.ends_with('.'), "{body}");
    assert!(alert.contains("Telegram asks for a new login, since ") && alert.contains("It needs you."), "{body}");
    assert!(!shown.contains(TOKEN), "{shown}");
    // A click leads to the state in a window.
    assert!(shown.contains("Show status") && shown.contains("Open log"), "{shown}");
    desktop.exec(&["dunstctl", "action"]);
    new_window(&desktop, &[]);
}

/// The call is seen on the bus; it does not matter that there is no answer.
#[test]
fn what_telegram_does_not_tell_a_notification_does() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, _launchd) = under_launchd(1.0, &[], 0.5);
    let heard = scene.folder.path().join("heard");
    let _monitor = desktop.start(&["dbus-monitor", "--session", "interface='org.freedesktop.Notifications'"], &heard);
    let heard = || std::fs::read_to_string(&heard).unwrap_or_default();
    // Its own two lines come first.
    scene.wait("the monitor", || heard().contains("NameAcquired").then_some(()));
    let _app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    std::fs::write(scene.data("bridge-auth-required"), "").expect("a marker");
    scene.wait("the notification", || heard().contains("It needs you.").then_some(()));
    let shown = heard();
    let title = shown.find("string \"The bridge needs you\"").expect("a title");
    let body =
        shown.find("string \"Telegram asks for a new login, since ").expect("a body, without the machine's name");
    assert!(title < body, "{shown}");
    assert!(scene.journal().contains("nobody is told by Telegram: there is no [telegram] section"));
}

/// A full disk, and a pipe whose other end is gone: nothing is printed, and nothing else changes: no panic.
#[test]
fn it_watches_on_where_its_own_output_is_broken() {
    for broken in ["2>/dev/full >/dev/full", "2> >(exec true) >/dev/full"] {
        let Some(desktop) = Desktop::or_skip(&[]) else { return };
        let (scene, launchd) = under_launchd(1.0, &[], 0.5);
        let start = format!("exec \"$0\" \"$@\" {broken}");
        let environment = scene.folder.path().join("environment.json");
        let (program, config) = (beside("examples/test-tray"), scene.config_file());
        let words = [&program, &environment, Path::new("--config"), &config].map(|word| word.to_str().expect("text"));
        let said = scene.folder.path().join("said");
        let mut app = desktop.start(&[&["bash", "-c", &start], &words[..]].concat(), &said);
        desktop.wait_row("Healthy");
        let before = launchd.wait_pid(&scene.label);
        signal(before, Signal::KILL);
        let after = desktop.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != before));
        scene.wait_seen(after);
        // Then the event loop's own thread prints a line.
        desktop.does("bus-stop");
        let looked = scene.status().expect("a status")["clock"]["mono"].clone();
        scene.wait("another look", || (scene.status()?["clock"]["mono"] != looked).then_some(()));
        std::fs::write(scene.folder.path().join("fault"), "panic").expect("the fault");
        assert_eq!(app.wait(), Some(70), "{broken}");
        assert!(scene.journal().contains("the watch has ended: the watch broke down"), "{broken}: {}", scene.journal());
    }
}
