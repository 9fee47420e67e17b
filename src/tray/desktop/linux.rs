//! The Linux desktop: GTK, which tao and tray-icon use, and the session bus.

mod notify;
mod rows;
mod seen;

use std::ffi::CStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};

use bridge_watchdog::menu::Icon;
use gtk::prelude::*;
use gtk::{gdk, gio, glib};
use tao::event_loop::{EventLoop, EventLoopProxy};
use tray_icon::{TrayIcon, TrayIconBuilder};

pub(crate) use self::notify::{ask_to_notify, notify};
pub(crate) use self::rows::set_hidden;
pub(crate) use self::seen::see;
use crate::tray::message::{Asked, Message};
use crate::tray::say::say;
use bridge_watchdog::text::dialogs::Question;

/// A panel that starts with the session has started after this many seconds.
const HOST_PATIENCE: u32 = 5;

/// The libraries that libappindicator-sys tries, in its order.
const ICON_LIBRARIES: [&CStr; 2] = [c"libayatana-appindicator3.so.1", c"libappindicator3.so.1"];

/// The variant that is legible on a light and a dark bar.
pub(crate) fn png(icon: Icon) -> &'static [u8] {
    match icon {
        Icon::Healthy => include_bytes!("../../../assets/healthy-linux.png"),
        Icon::Starting => include_bytes!("../../../assets/starting-linux.png"),
        Icon::Recovering => include_bytes!("../../../assets/recovering-linux.png"),
        Icon::Degraded => include_bytes!("../../../assets/degraded-linux.png"),
        Icon::Waiting => include_bytes!("../../../assets/waiting-linux.png"),
        Icon::Person => include_bytes!("../../../assets/person-linux.png"),
        Icon::Paused => include_bytes!("../../../assets/paused-linux.png"),
        Icon::Stopped => include_bytes!("../../../assets/stopped-linux.png"),
        Icon::Down => include_bytes!("../../../assets/down-linux.png"),
        Icon::Unknown => include_bytes!("../../../assets/unknown-linux.png"),
    }
}

/// If the display dies, GDK ends the process with 1 and without a message. When the app is started again it says that
/// there is no display, and watches.
pub(crate) fn before_run(_: &mut EventLoop<Message>) {
    // The panel's name for the icon, which a screen reader says.
    glib::set_application_name("Bridge Watchdog");
}

/// A bus that dies must not end us: GLib's default is to send SIGTERM, which looks like a request to end.
pub(crate) fn at_start(proxy: &EventLoopProxy<Message>) {
    notify::begin(proxy);
    let bus = match gio::bus_get_sync(gio::BusType::Session, gio::Cancellable::NONE) {
        Ok(bus) => bus,
        Err(error) => {
            return say(&format!("no icon: there is no session bus ({error}); the watch goes on without one"));
        }
    };
    bus.set_exit_on_close(false);
    let closed = proxy.clone();
    bus.connect_closed(move |_, _, _| drop(closed.send_event(Message::BusClosed)));
    glib::timeout_add_seconds_local_once(HOST_PATIENCE, move || look_for_a_host(&bus));
}

fn look_for_a_host(bus: &gio::DBusConnection) {
    seen::has_owner(bus, seen::TRAY, |there| {
        if there != Some(true) {
            say(
                "no tray host is on the session bus: the icon appears when a panel with a tray starts; the watch goes on",
            );
        }
    });
}

/// Whether the session bus accepts connections again.
pub(crate) fn bus_is_back() -> bool {
    let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap_or_default();
    let value = |key: &str| {
        let fields = address.split(';').next()?.strip_prefix("unix:")?;
        fields.split(',').find_map(|field| field.strip_prefix(key)?.strip_prefix('=').map(str::to_owned))
    };
    let by_name = || SocketAddr::from_abstract_name(value("abstract")?).ok();
    let by_path = || SocketAddr::from_pathname(value("path")?).ok();
    by_path().or_else(by_name).is_some_and(|address| UnixStream::connect_addr(&address).is_ok())
}

pub(crate) fn with_icon(builder: TrayIconBuilder, image: tray_icon::Icon) -> TrayIconBuilder {
    builder.with_icon(image)
}

/// # Errors
/// If the icon's file can't be written.
pub(crate) fn set_icon(tray: &TrayIcon, image: tray_icon::Icon) -> Result<(), String> {
    tray.set_icon(Some(image)).map_err(|error| error.to_string())
}

/// Whether an icon can be made here. The tray-icon crate loads its library when the icon is made, and panics without
/// it.
///
/// # Errors
/// What is missing, and the mend.
pub(crate) fn ready() -> Result<(), String> {
    if ICON_LIBRARIES.into_iter().any(loads) {
        return Ok(());
    }
    Err("the library libayatana-appindicator3.so.1 is not there; install libayatana-appindicator3-1".into())
}

fn loads(library: &CStr) -> bool {
    // SAFETY: the name ends with a 0, and the icon loads the same library anyway. It stays loaded: the icon is made
    // next.
    !unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_NOW) }.is_null()
}

/// An open window.
pub(crate) struct Window(gtk::MessageDialog);

impl Window {
    /// In front of all other windows, with the keyboard.
    pub(crate) fn present(&self) {
        self.0.present();
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// Asks without blocking. The answer is a message; it is yes only if that button was pressed.
#[expect(clippy::unnecessary_wraps, reason = "macOS shows windows on its main thread alone")]
pub(crate) fn ask(question: &Question, about: Asked, proxy: &EventLoopProxy<Message>) -> Option<Window> {
    let kind = if question.risky { gtk::MessageType::Warning } else { gtk::MessageType::Info };
    let dialog = dialog(kind, &question.title, &question.detail);
    dialog.add_button(&question.no, gtk::ResponseType::Cancel);
    dialog.add_button(&question.yes, gtk::ResponseType::Accept);
    dialog.set_default_response(gtk::ResponseType::Cancel);
    let proxy = proxy.clone();
    // Once: closing a dialog is a response too.
    let answered = std::cell::Cell::new(false);
    dialog.connect_response(move |dialog, response| {
        if !answered.replace(true) {
            let _ = proxy.send_event(Message::Confirmed(about.clone(), response == gtk::ResponseType::Accept));
        }
        dialog.close();
    });
    dialog.present();
    Some(Window(dialog))
}

/// Shows a text without blocking.
pub(crate) fn tell(title: &str, detail: &str) {
    let dialog = dialog(gtk::MessageType::Info, title, detail);
    dialog.add_button("Close", gtk::ResponseType::Close);
    dialog.connect_response(|dialog, _| dialog.close());
    dialog.present();
}

fn dialog(kind: gtk::MessageType, title: &str, detail: &str) -> gtk::MessageDialog {
    let none: Option<&gtk::Window> = None;
    let dialog = gtk::MessageDialog::new(none, gtk::DialogFlags::empty(), kind, gtk::ButtonsType::None, title);
    dialog.set_title("Bridge Watchdog");
    dialog.set_secondary_text(Some(detail));
    dialog.set_position(gtk::WindowPosition::Center);
    // Shown on every workspace and above other windows, since the click came from a panel.
    dialog.set_keep_above(true);
    dialog.stick();
    dialog
}

/// # Errors
/// None; the signature is that of the other platform.
#[expect(clippy::unnecessary_wraps, reason = "the pasteboard of macOS can refuse")]
pub(crate) fn copy(text: &str) -> Result<(), String> {
    gtk::Clipboard::get(&gdk::SELECTION_CLIPBOARD).set_text(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_is_seen_without_a_panic() {
        assert!(!loads(c"libno-such-appindicator.so.1"));
        assert!(loads(c"libc.so.6"));
    }
}
