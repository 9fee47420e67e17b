//! The Mac's desktop. Relies on these facts of `macos.md`, "The app": an accessory app that activates nothing before
//! `run()`, or each start steals the focus; templated icons set together with their flag, 44 px with padding; App Nap
//! slows accessory apps unless an NSProcessInfo activity is held for the whole life.

use block2::RcBlock;
use bridge_watchdog::menu::Icon;
use objc2::MainThreadMarker;
use objc2_app_kit::{NSAlert, NSAlertFirstButtonReturn, NSApplication, NSPasteboard, NSPasteboardTypeString};
use objc2_core_foundation::{CFRunLoop, kCFRunLoopDefaultMode};
use objc2_foundation::{NSActivityOptions, NSProcessInfo, NSString};
use tao::event_loop::{EventLoop, EventLoopProxy};
use tao::platform::macos::{ActivationPolicy, EventLoopExtMacOS};
use tray_icon::{TrayIcon, TrayIconBuilder};

use crate::tray::message::Message;
use crate::tray::texts::Question;

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

/// Asks without blocking; the answer is a message.
pub fn ask(question: &Question, proxy: &EventLoopProxy<Message>) {
    let (question, proxy) = (question.clone(), proxy.clone());
    later(move || {
        // The first button is the default: the one that harms nothing.
        let answer = alert(&question.title, &question.detail, &[&question.no, &question.yes]);
        let yes = answer.is_some_and(|answer| answer != NSAlertFirstButtonReturn);
        let _ = proxy.send_event(Message::RestartConfirmed(yes));
    });
}

pub fn tell(title: &str, detail: &str) {
    let (title, detail) = (title.to_owned(), detail.to_owned());
    later(move || {
        let _ = alert(&title, &detail, &["Close"]);
    });
}

/// On this thread, when the event loop's callback has returned. An alert runs a loop of its own inside, and in it tao hands
/// out no event while one of its callbacks is on the stack (`in_callback` of its `app_state.rs`): icon and menu would
/// stand still until the alert is closed. From the run loop itself tao's observers go on, since they are in the common
/// modes, to which an alert's belongs. Not by the main dispatch queue, which would stand still in its stead. The default
/// mode makes a second alert wait for the first.
fn later(show: impl Fn() + 'static) {
    let Some(run_loop) = CFRunLoop::main() else { return };
    let block = RcBlock::new(show);
    // SAFETY: called on the main thread, on which the block is then run; mode and block are what they are declared as.
    unsafe { run_loop.perform_block(kCFRunLoopDefaultMode.map(AsRef::as_ref), Some(&block)) };
    // A loop that is about to sleep does not look for blocks.
    run_loop.wake_up();
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
    let shared = NSPasteboard::generalPasteboard();
    shared.clearContents();
    // SAFETY: a constant of AppKit's.
    let kind = unsafe { NSPasteboardTypeString };
    let taken = shared.setString_forType(&NSString::from_str(text), kind);
    if taken { Ok(()) } else { Err("the pasteboard refused the text".into()) }
}
