//! The app's lines on standard error.

/// One line on standard error.
pub(super) fn say(line: &str) {
    bridge_watchdog::errln!("bridge-watchdog-tray: {}", bridge_watchdog::text::foreign(line));
}
