//! What is done to whom, and what for: plain values, for the journal and the menu.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::verdict::Finding;

/// What a rung was begun for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reason {
    Finding(Finding),
    /// A person asked for it.
    ByHand(Hand),
}

/// What a person can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hand {
    Restart,
    /// A start of what its operator has stopped, where that undoes no `disable`.
    Start,
    CleanLocks,
    Revert,
    UndoRevert,
}

/// What is done to whom. Its line is in the journal before it is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// The manager's own restart: it ends the process and starts another.
    Restart {
        pid: u32,
    },
    Start,
    /// SQLite brings the session into order.
    CleanSession,
    /// HEAD's change is undone by a new commit.
    Revert,
    /// Our own revert is taken back.
    UndoRevert,
    Signal {
        signal: Ending,
        whom: Target,
        pid: u32,
        age: Duration,
    },
}

/// The two signals that are ever sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ending {
    Ask,
    /// It is still there this long after it was asked to end.
    Kill {
        after: Duration,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Bridge,
    Copy,
    /// Whoever holds the session's lock.
    Holder,
}
