//! A notification on the session bus, through GLib, which the app runs on anyway: no thread waits for its answer or for a
//! click. There is one at a time; a newer one takes its place.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use gtk::gio::{self, prelude::*};
use gtk::glib::{self, Variant, VariantTy};
use tao::event_loop::EventLoopProxy;

use crate::tray::message::{Message, Notice};

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// In milliseconds; a daemon that hangs keeps nobody.
const PATIENCE: i32 = 5000;
/// The key of a click on the notification itself.
const DEFAULT: &str = "default";
const LOG: &str = "log";

thread_local! {
    static BUS: RefCell<Option<gio::DBusConnection>> = const { RefCell::new(None) };
    /// The daemon's name for the one that is shown; 0 for none.
    static SHOWN: Cell<u32> = const { Cell::new(0) };
}

/// From now on notifications go out on this bus, and a click on one is a message.
pub(super) fn begin(bus: &gio::DBusConnection, proxy: &EventLoopProxy<Message>) {
    let proxy = proxy.clone();
    let clicked = move |_: &gio::DBusConnection, _: &str, _: &str, _: &str, _: &str, about: &Variant| {
        let Some((id, key)) = about.get::<(u32, String)>() else { return };
        if id != SHOWN.get() {
            return;
        }
        let _ = proxy.send_event(if key == LOG { Message::OpenLog } else { Message::ShowStatus });
    };
    let flags = gio::DBusSignalFlags::NONE;
    // For as long as we live.
    let _ = bus.signal_subscribe(Some(SERVICE), Some(SERVICE), Some("ActionInvoked"), Some(PATH), None, flags, clicked);
    BUS.set(Some(bus.clone()));
}

/// Nothing is shown without a bus or a daemon; that is no error.
pub(crate) fn notify(notice: &Notice) {
    let Some(bus) = BUS.with_borrow(Clone::clone) else { return };
    let actions = vec![DEFAULT, "Show status", LOG, "Open log"];
    let hints = HashMap::from([("desktop-entry", "bridge-watchdog".to_variant())]);
    let body = glib::markup_escape_text(&notice.body);
    // App, the one to replace, icon, title, body, actions, hints, and when it disappears: the daemon decides.
    let call =
        ("Bridge Watchdog", SHOWN.get(), "bridge-watchdog", notice.title.as_str(), body.as_str(), actions, hints, -1);
    bus.call(
        Some(SERVICE),
        PATH,
        SERVICE,
        "Notify",
        Some(&call.to_variant()),
        VariantTy::new("(u)").ok(),
        gio::DBusCallFlags::NONE,
        PATIENCE,
        gio::Cancellable::NONE,
        |answer| SHOWN.set(answer.map_or(0, |answer| answer.child_get::<u32>(0))),
    );
}

/// Nobody has to be asked.
pub(crate) fn ask_to_notify() {}
