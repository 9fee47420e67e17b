//! A notification by the desktop's daemon. There is one at a time; a newer one takes its place. A thread sends it, since a
//! daemon that hangs keeps its caller, and stays to hear of a click until the notification is gone.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use gtk::glib;
use notify_rust::{Hint, Notification, NotificationResponse};
use tao::event_loop::EventLoopProxy;

use crate::tray::message::{Message, Notice};

/// The key of a click on the notification itself.
const DEFAULT: &str = "default";
const LOG: &str = "log";

/// The daemon's name for the one that is shown, whose thread hears of clicks; 0 for none.
static SHOWN: AtomicU32 = AtomicU32::new(0);
/// While one is being sent no other is: no thread is added to one that hangs.
static ON_ITS_WAY: AtomicBool = AtomicBool::new(false);

thread_local! {
    static CLICKS: RefCell<Option<EventLoopProxy<Message>>> = const { RefCell::new(None) };
}

/// From now on a click on a notification is a message.
pub(super) fn begin(proxy: &EventLoopProxy<Message>) {
    CLICKS.set(Some(proxy.clone()));
}

/// Nothing is shown without a bus or a daemon; that is no error.
pub(crate) fn notify(notice: &Notice) {
    let Some(proxy) = CLICKS.with_borrow(Clone::clone) else { return };
    if ON_ITS_WAY.swap(true, Ordering::SeqCst) {
        return;
    }
    // Daemons interpret some markup.
    let body = glib::markup_escape_text(&notice.body);
    let mut notification = Notification::new();
    notification.appname("Bridge Watchdog").icon("bridge-watchdog").summary(&notice.title).body(&body);
    notification.hint(Hint::DesktopEntry("bridge-watchdog".into()));
    notification.action(DEFAULT, "Show status").action(LOG, "Open log");
    let thread = std::thread::Builder::new().name("notify".into());
    if thread.spawn(move || show(notification, &proxy)).is_err() {
        ON_ITS_WAY.store(false, Ordering::SeqCst);
    }
}

fn show(mut notification: Notification, proxy: &EventLoopProxy<Message>) {
    let before = SHOWN.load(Ordering::SeqCst);
    if before != 0 {
        notification.id(before);
    }
    let shown = notification.show();
    ON_ITS_WAY.store(false, Ordering::SeqCst);
    let Ok(handle) = shown else { return };
    let id = handle.id();
    // The thread of the one before hears of its clicks still.
    if SHOWN.swap(id, Ordering::SeqCst) == id {
        return;
    }
    let _ = handle.wait_for_response(|response: &NotificationResponse| {
        let message = match response {
            NotificationResponse::Action(key) if key == LOG => Message::OpenLog,
            NotificationResponse::Action(_) | NotificationResponse::Default => Message::ShowStatus,
            _ => return,
        };
        let _ = proxy.send_event(message);
    });
    let _ = SHOWN.compare_exchange(id, 0, Ordering::SeqCst, Ordering::SeqCst);
}

/// Nobody has to be asked.
pub(crate) fn ask_to_notify() {}
