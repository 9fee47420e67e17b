//! What a command of a person waits for. Pure.

use std::time::Duration;

use crate::verdict::{Cause, Rung};

#[derive(Debug, Clone, PartialEq)]
pub enum Waiting {
    /// A first look.
    Look,
    /// The service manager carries out what it was asked for.
    Manager,
    /// A new process of the bridge.
    Process {
        within: Duration,
    },
    /// It is there, and has to live for so long.
    Uptime {
        pid: u32,
        least: Duration,
    },
    /// It lives; what was wrong has to be right.
    Works {
        pid: u32,
        cause: Cause,
    },
    /// It was asked to end.
    Exit {
        pid: u32,
        within: Duration,
    },
    /// It was killed.
    Killed {
        pid: u32,
    },
    /// Tasks under the bridge.
    Work {
        tasks: usize,
        within: Duration,
    },
    /// A holder of the session's lock, which is ended once it is so old.
    Holder {
        pid: u32,
        age: Duration,
    },
    Session,
    Git,
    /// The pause before the next rung.
    NextRung {
        rung: Rung,
        within: Duration,
    },
    /// Our own agent.
    Watch {
        within: Duration,
    },
    /// A job that is stopped.
    Stop,
    Telegram {
        within: Duration,
    },
    /// Somebody writes to the bot.
    Message {
        bot: String,
        within: Duration,
    },
}
