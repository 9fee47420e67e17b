//! A local notification, shown when a message does not go out. It belongs to the app: macOS shows it only for a bundle,
//! and its library links AppKit.

use std::sync::atomic::{AtomicBool, Ordering};

use bridge_watchdog::system::program;

/// Shows a notification, in a thread of its own: a notification daemon that hangs would hang the caller for ever. While
/// one is being sent no other is; it is no error if none arrives.
pub(super) fn show(title: &str, text: &str) {
    static ON_ITS_WAY: AtomicBool = AtomicBool::new(false);
    if !allowed() || ON_ITS_WAY.swap(true, Ordering::SeqCst) {
        return;
    }
    let (title, text) = (title.to_owned(), shown(text));
    let thread = std::thread::Builder::new().name("notify".into());
    let sent = thread.spawn(move || {
        #[cfg(target_os = "macos")]
        let _ = notify_rust::set_application(bridge_watchdog::install::LABEL);
        let _ = notify_rust::Notification::new().appname("Bridge Watchdog").summary(&title).body(&text).show();
        ON_ITS_WAY.store(false, Ordering::SeqCst);
    });
    if sent.is_err() {
        ON_ITS_WAY.store(false, Ordering::SeqCst);
    }
}

/// On macOS, outside a real bundle, the platform asks, hangs or aborts the process, which can't be caught.
fn allowed() -> bool {
    if cfg!(not(target_os = "macos")) {
        return true;
    }
    program::ours().is_ok_and(|path| path.to_string_lossy().contains(".app/Contents/MacOS/"))
}

/// Notification daemons on Linux interpret some markup.
fn shown(text: &str) -> String {
    let text: String = text.chars().take(300).collect();
    if cfg!(target_os = "macos") { text } else { text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;") }
}
