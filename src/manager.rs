//! Who runs the bridge.

/// `embedded`: the watchdog itself, as its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    Launchd,
    Systemd,
    Embedded,
}
