//! What the threads send to each other: messages to the event loop, calls to the thread that supervises the watch.

use bridge_watchdog::text::dialogs::Question;
use bridge_watchdog::watch::commands::Command;

/// To the event loop.
#[derive(Debug)]
pub(crate) enum Message {
    /// The shared state has something new.
    Changed,
    Clicked(String),
    /// What has to be asked before this is done, if anything; or why it can't be done.
    Prepared(Command, Result<Option<Question>, String>),
    /// The answer to that question.
    Confirmed(Command, bool),
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
