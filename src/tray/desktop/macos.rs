//! The Mac's desktop. It relies on these facts: an accessory app that activates itself before `run()` steals the focus
//! at each start; a template icon has to be set together with its flag, 44 px with padding; App Nap slows accessory
//! apps unless an NSProcessInfo activity is held for as long as the app runs.

mod notify;
mod panel;
mod rows;
mod seen;

use bridge_watchdog::menu::Icon;
use objc2::MainThreadMarker;
use objc2_app_kit::{NSPasteboard, NSPasteboardTypeString};
use objc2_foundation::{NSActivityOptions, NSProcessInfo, NSString};
use tao::event_loop::{EventLoop, EventLoopProxy};
use tao::platform::macos::{ActivationPolicy, EventLoopExtMacOS};
use tray_icon::{TrayIcon, TrayIconBuilder};

pub(crate) use self::notify::{ask_to_notify, notify};
use self::panel::{Means, Panel};
pub(crate) use self::rows::set_hidden;
pub(crate) use self::seen::see;
use crate::tray::message::{Asked, Message};
use bridge_watchdog::text::dialogs::Question;

/// Black with alpha: the system chooses the colour.
pub(crate) fn png(icon: Icon) -> &'static [u8] {
    match icon {
        Icon::Healthy => include_bytes!("../../../assets/healthy.png"),
        Icon::Starting => include_bytes!("../../../assets/starting.png"),
        Icon::Recovering => include_bytes!("../../../assets/recovering.png"),
        Icon::Degraded => include_bytes!("../../../assets/degraded.png"),
        Icon::Waiting => include_bytes!("../../../assets/waiting.png"),
        Icon::Person => include_bytes!("../../../assets/person.png"),
        Icon::Paused => include_bytes!("../../../assets/paused.png"),
        Icon::Stopped => include_bytes!("../../../assets/stopped.png"),
        Icon::Down => include_bytes!("../../../assets/down.png"),
        Icon::Unknown => include_bytes!("../../../assets/unknown.png"),
    }
}

pub(crate) fn before_run(event_loop: &mut EventLoop<Message>) {
    event_loop.set_activation_policy(ActivationPolicy::Accessory);
    event_loop.set_activate_ignoring_other_apps(false);
}

pub(crate) fn at_start(proxy: &EventLoopProxy<Message>) {
    notify::begin(proxy);
    let reason = NSString::from_str("watches a bridge once a minute");
    let activity = NSProcessInfo::processInfo()
        .beginActivityWithOptions_reason(NSActivityOptions::UserInitiatedAllowingIdleSystemSleep, &reason);
    // Held for as long as we live.
    std::mem::forget(activity);
}

/// There is no session bus on a Mac.
pub(crate) fn bus_is_back() -> bool {
    false
}

pub(crate) fn with_icon(builder: TrayIconBuilder, image: tray_icon::Icon) -> TrayIconBuilder {
    builder.with_icon_templated(image)
}

/// # Errors
/// What the system says.
pub(crate) fn set_icon(tray: &TrayIcon, image: tray_icon::Icon) -> Result<(), String> {
    tray.set_icon_templated(Some(image)).map_err(|error| error.to_string())
}

/// # Errors
/// None; the signature is that of the other platform.
#[expect(clippy::unnecessary_wraps, reason = "on Linux a library may be missing")]
pub(crate) fn ready() -> Result<(), String> {
    Ok(())
}

/// An open window.
pub(crate) type Window = Panel;

/// Asks without blocking. The answer is a message; it is yes only if that button was pressed.
pub(crate) fn ask(question: &Question, about: Asked, proxy: &EventLoopProxy<Message>) -> Option<Window> {
    let main = MainThreadMarker::new()?;
    let proxy = proxy.clone();
    let answer = Box::new(move |yes| drop(proxy.send_event(Message::Confirmed(about, yes))));
    // The Return key presses the button that does no harm.
    let buttons = [(&*question.yes, Means::Yes), (&*question.no, Means::No)];
    Some(panel::show(main, &question.title, &question.detail, &buttons, answer))
}

/// Shows a text without blocking.
pub(crate) fn tell(title: &str, detail: &str) {
    if let Some(main) = MainThreadMarker::new() {
        panel::show(main, title, detail, &[("Close", Means::No)], Box::new(drop));
    }
}

/// # Errors
/// If the pasteboard refuses.
pub(crate) fn copy(text: &str) -> Result<(), String> {
    let shared = NSPasteboard::generalPasteboard();
    shared.clearContents();
    // SAFETY: a constant of AppKit's.
    let kind = unsafe { NSPasteboardTypeString };
    let taken = shared.setString_forType(&NSString::from_str(text), kind);
    if taken { Ok(()) } else { Err("the pasteboard refused the text".into()) }
}
