//! Who runs the bridge.

/// `embedded`: the watchdog itself, as its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    Launchd,
    Systemd,
    Embedded,
}

impl Manager {
    pub const ALL: [Manager; 3] = [Manager::Launchd, Manager::Systemd, Manager::Embedded];

    /// As the configuration names it.
    pub fn name(self) -> &'static str {
        match self {
            Manager::Launchd => "launchd",
            Manager::Systemd => "systemd",
            Manager::Embedded => "embedded",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Manager> {
        Manager::ALL.into_iter().find(|manager| manager.name() == name)
    }
}
