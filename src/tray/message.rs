//! What the threads send to each other: messages to the event loop, calls to the thread that supervises the watch.

use bridge_watchdog::text::dialogs::Question;
use bridge_watchdog::watch::commands::Command;

/// What a window's "yes" is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    Command(Command),
    /// This command is for a terminal; it takes the place of the click.
    InTerminal(String),
    /// The window shows how it is, and leads to the log.
    Log,
    Look,
    Copy(String),
    /// From the demo to the bridge that is set up now.
    GoOver,
}

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub title: String,
    pub body: String,
}

/// To the event loop.
#[derive(Debug)]
pub(crate) enum Message {
    /// The shared state has something new.
    Changed,
    Clicked(String),
    /// What comes of a click, and what has to be asked before it, if anything; or why it can't be done.
    Prepared(Command, Result<(Asked, Option<Question>), String>),
    /// A window was answered, or closed.
    Confirmed(Asked, bool),
    /// A notification was clicked, or the app was started again.
    ShowStatus,
    OpenLog,
    /// The result of a click, once the watch has handled it.
    Done(Command, Result<(), String>),
    Diagnostics(String),
    /// Something that a person asked for can't be done.
    Refused(String),
    /// The session bus is gone, and the icon with it.
    #[cfg_attr(target_os = "macos", expect(dead_code, reason = "there is no bus that could be lost"))]
    BusClosed,
}

/// To the thread that supervises the watch.
pub(crate) enum Call {
    /// The watch has shown something.
    Beat,
    Signal(i32),
    Quit,
    /// The session bus is back, and only a new process of ours can connect to it.
    Again,
    /// The watch has returned, or panicked with this text.
    Over(Option<String>),
}
