//! The Mac's desktop. Relies on these facts of `macos.md`, "The app": an accessory app that activates nothing before
//! `run()`, or each start steals the focus; templated icons set together with their flag, 44 px with padding; App Nap
//! slows accessory apps unless an NSProcessInfo activity is held for the whole life.

use bridge_watchdog::menu::Icon;
use objc2::MainThreadMarker;
use objc2_app_kit::{NSAlert, NSAlertFirstButtonReturn, NSApplication, NSPasteboard, NSPasteboardTypeString};
use objc2_foundation::{NSActivityOptions, NSProcessInfo, NSString};
use tao::event_loop::{EventLoop, EventLoopProxy};
use tao::platform::macos::{ActivationPolicy, EventLoopExtMacOS};
use tray_icon::{TrayIcon, TrayIconBuilder};

use super::Question;
use crate::tray::app::Message;

/// Black with alpha: the system gives the colour.
pub fn png(icon: Icon) -> &'static [u8] {
    match icon {
        Icon::Healthy => include_bytes!("../../../assets/healthy.png"),
        Icon::Starting => include_bytes!("../../../assets/starting.png"),
        Icon::Recovering => include_bytes!("../../../assets/recovering.png"),
        Icon::Degraded => include_bytes!("../../../assets/degraded.png"),
        Icon::Waiting => include_bytes!("../../../assets/waiting.png"),
        Icon::Stopped => include_bytes!("../../../assets/stopped.png"),
        Icon::Down => include_bytes!("../../../assets/down.png"),
        Icon::Unknown => include_bytes!("../../../assets/unknown.png"),
    }
}

pub fn before_run(event_loop: &mut EventLoop<Message>) {
    event_loop.set_activation_policy(ActivationPolicy::Accessory);
    event_loop.set_activate_ignoring_other_apps(false);
}

pub fn at_start(_: &EventLoopProxy<Message>) {
    let reason = NSString::from_str("watches a bridge once a minute");
    let activity = NSProcessInfo::processInfo()
        .beginActivityWithOptions_reason(NSActivityOptions::UserInitiatedAllowingIdleSystemSleep, &reason);
    // Held for as long as we live.
    std::mem::forget(activity);
}

/// There is no bus here that could be lost.
pub fn bus_is_back() -> bool {
    false
}

pub fn with_icon(builder: TrayIconBuilder, image: tray_icon::Icon) -> TrayIconBuilder {
    builder.with_icon_templated(image)
}

/// # Errors
/// What the system says.
pub fn set_icon(tray: &TrayIcon, image: tray_icon::Icon) -> Result<(), String> {
    tray.set_icon_templated(Some(image)).map_err(|error| error.to_string())
}

pub fn mend(panic: &str) -> String {
    panic.to_owned()
}

/// Blocks this loop until answered, and not the watch.
pub fn ask(question: &Question, proxy: &EventLoopProxy<Message>) {
    // The first button is the default: the one that harms nothing.
    let answer = alert(&question.title, &question.detail, &[&question.no, &question.yes]);
    if answer.is_some_and(|answer| answer != NSAlertFirstButtonReturn) {
        let _ = proxy.send_event(Message::RestartConfirmed);
    }
}

pub fn tell(title: &str, detail: &str) {
    alert(title, detail, &["Close"]);
}

fn alert(title: &str, detail: &str, buttons: &[&str]) -> Option<isize> {
    let main = MainThreadMarker::new()?;
    // Asked by a click, so it may come to the front.
    #[expect(deprecated, reason = "its successor is new in macOS 14")]
    NSApplication::sharedApplication(main).activateIgnoringOtherApps(true);
    let alert = NSAlert::new(main);
    alert.setMessageText(&NSString::from_str(title));
    alert.setInformativeText(&NSString::from_str(detail));
    for button in buttons {
        alert.addButtonWithTitle(&NSString::from_str(button));
    }
    Some(alert.runModal())
}

/// # Errors
/// Where the pasteboard refuses.
pub fn copy(text: &str) -> Result<(), String> {
    let board = NSPasteboard::generalPasteboard();
    board.clearContents();
    // SAFETY: a constant of AppKit's.
    let kind = unsafe { NSPasteboardTypeString };
    let taken = board.setString_forType(&NSString::from_str(text), kind);
    if taken { Ok(()) } else { Err("the pasteboard refused the text".into()) }
}
