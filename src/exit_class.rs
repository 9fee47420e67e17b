//! Why a run ended, and whether that speaks against the code. Pure.

use serde::{Deserialize, Serialize};

/// The classes of the crash history (`class` in `crash_history.jsonl`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Reached the bridge's own code and ended by itself: the only one that speaks against HEAD.
    Code,
    Network,
    /// A person has to log in.
    Login,
    Flood,
    Disk,
    /// Somebody else holds a lock that the bridge needs.
    Lock,
    /// Read-only, not permitted, broken, used up: what the bridge stands on.
    Environment,
    /// It could not start: none of its code ever ran.
    Start,
    /// By the system, a manager or a person.
    Killed,
    /// Another bridge of this session was in the way.
    Copy,
}
