//! What the app says besides its menu: notifications, and lines on a standard error that may be broken. As in `tray.rs`.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use crate::support::Desktop;
use crate::support::tray::under_launchd;

/// The call is seen on the bus; that nobody answers it there is no matter.
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
    scene.wait("the notification", || heard().contains("string \"The Telegram bridge needs you\"").then_some(()));
    assert!(scene.journal().contains("nobody is told by Telegram: there is no [telegram] section"));
}
