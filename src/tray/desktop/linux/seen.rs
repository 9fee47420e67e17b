//! What can be seen of the app here: whether a panel has taken the icon, and whether somebody shows notifications. The
//! session bus tells; each question has a limit, and its answer comes on the event loop.

use std::collections::HashMap;
use std::sync::Arc;

use bridge_watchdog::desktop::{IconSeen, Notifications};
use gtk::prelude::*;
use gtk::{gio, glib};
use tray_icon::TrayIcon;

use crate::tray::shared_state::SharedState;

/// Who shows icons.
pub(super) const TRAY: &str = "org.kde.StatusNotifierWatcher";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
const BUS: (&str, &str, &str) = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus");
/// Milliseconds.
const PATIENCE: i32 = 5000;

/// Asks; what was answered is in the state by the next look of the watch. `tray` is `None` if there is no icon.
pub(crate) fn see(tray: Option<&TrayIcon>, shared: &Arc<SharedState>) {
    // The one that the icon is on; it is there already.
    let Ok(bus) = gio::bus_get_sync(gio::BusType::Session, gio::Cancellable::NONE) else { return };
    if tray.is_some() {
        see_icon(&bus, shared.clone());
    }
    see_notifications(&bus, shared.clone());
}

fn see_icon(bus: &gio::DBusConnection, shared: Arc<SharedState>) {
    let of = bus.clone();
    has_owner(bus, TRAY, move |there| match there {
        Some(true) => {
            let (arguments, name) = ((TRAY,).to_variant(), of.unique_name());
            let to = (TRAY, "/StatusNotifierWatcher", "org.freedesktop.DBus.Properties");
            ask(&of, to, "GetAll", Some(&arguments), move |answer| {
                shared.see(|desktop| desktop.icon = icon(answer.as_ref(), name.as_deref()));
            });
        }
        Some(false) => shared.see(|desktop| desktop.icon = IconSeen::NoTray),
        None => shared.see(|desktop| desktop.icon = IconSeen::Unknown),
    });
}

fn see_notifications(bus: &gio::DBusConnection, shared: Arc<SharedState>) {
    let of = bus.clone();
    has_owner(bus, NOTIFICATIONS, move |there| match there {
        Some(true) => shared.see(|desktop| desktop.notifications = Notifications::Shown),
        // The bus may start one as soon as it is wanted.
        Some(false) => ask(&of, BUS, "ListActivatableNames", None, move |answer| {
            shared.see(|desktop| desktop.notifications = startable(answer.as_ref()));
        }),
        None => shared.see(|desktop| desktop.notifications = Notifications::Unknown),
    });
}

/// `None` if the bus does not answer in time.
pub(super) fn has_owner(bus: &gio::DBusConnection, name: &str, hear: impl FnOnce(Option<bool>) + 'static) {
    ask(bus, BUS, "NameHasOwner", Some(&(name,).to_variant()), |answer| {
        hear(answer.and_then(|answer| answer.try_child_get::<bool>(0).ok().flatten()));
    });
}

/// `to`: a name on the bus, a path and an interface. `None` if there is no answer in time.
fn ask(
    bus: &gio::DBusConnection,
    to: (&str, &str, &str),
    method: &str,
    arguments: Option<&glib::Variant>,
    hear: impl FnOnce(Option<glib::Variant>) + 'static,
) {
    let (name, path, interface) = to;
    let (flags, none) = (gio::DBusCallFlags::NO_AUTO_START, gio::Cancellable::NONE);
    let hear = |answer: Result<glib::Variant, glib::Error>| hear(answer.ok());
    bus.call(Some(name), path, interface, method, arguments, None, flags, PATIENCE, none, hear);
}

/// A panel that shows icons is there, and has ours. `name` is ours on the bus.
fn icon(answer: Option<&glib::Variant>, name: Option<&str>) -> IconSeen {
    let properties = answer.and_then(|answer| answer.try_child_get::<HashMap<String, glib::Variant>>(0).ok().flatten());
    let value = |key| properties.as_ref().and_then(|properties| properties.get(key));
    let host = value("IsStatusNotifierHostRegistered").and_then(glib::Variant::get::<bool>);
    let items = value("RegisteredStatusNotifierItems").and_then(glib::Variant::get::<Vec<String>>);
    match (host, items, name) {
        (Some(false), ..) => IconSeen::NoTray,
        // An item is its owner's name on the bus, and a path.
        (Some(true), Some(items), Some(name)) => {
            let ours = items.iter().any(|item| item.split(['/', '@']).next() == Some(name));
            if ours { IconSeen::Shown } else { IconSeen::NoTray }
        }
        _ => IconSeen::Unknown,
    }
}

fn startable(answer: Option<&glib::Variant>) -> Notifications {
    match answer.and_then(|answer| answer.try_child_get::<Vec<String>>(0).ok().flatten()) {
        None => Notifications::Unknown,
        Some(names) if names.iter().any(|name| name == NOTIFICATIONS) => Notifications::Shown,
        Some(_) => Notifications::NoDaemon,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_is_shown_where_a_panel_has_taken_it() {
        let answer = |host: bool, items: &[&str]| {
            let mut properties = HashMap::new();
            properties.insert("IsStatusNotifierHostRegistered", host.to_variant());
            properties.insert("RegisteredStatusNotifierItems", items.to_variant());
            Some((properties,).to_variant())
        };
        let items = [":1.70/x", ":1.7/org/ayatana/NotificationItem/bridge_watchdog"];
        let rows = [
            ("ours is there", answer(true, &items), IconSeen::Shown),
            ("others only", answer(true, &items[..1]), IconSeen::NoTray),
            ("nobody shows them", answer(false, &items), IconSeen::NoTray),
            ("no answer", None, IconSeen::Unknown),
            ("another answer", Some((7,).to_variant()), IconSeen::Unknown),
            ("an empty answer", Some(().to_variant()), IconSeen::Unknown),
        ];
        for (name, answer, expected) in rows {
            assert_eq!(icon(answer.as_ref(), Some(":1.7")), expected, "{name}");
        }
    }

    #[test]
    fn a_daemon_that_the_bus_starts_when_it_is_wanted_shows_notifications() {
        let names = |names: &[&str]| (names.to_vec(),).to_variant();
        assert_eq!(startable(Some(&names(&["org.x", NOTIFICATIONS]))), Notifications::Shown);
        assert_eq!(startable(Some(&names(&["org.x"]))), Notifications::NoDaemon);
        assert_eq!(startable(None), Notifications::Unknown);
    }
}
