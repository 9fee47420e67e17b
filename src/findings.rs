//! What the lines of the bridge's log said, as plain data. Pure.

use serde::{Deserialize, Serialize};

/// What lines of the bridge say. A line alone proves nothing; each field says what else has to be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Findings {
    /// Lines of a logger's shape.
    pub own_lines: u32,
    /// A sign of life, as is a connection. Also if it is a whole line without a logger's prefix: to believe that does
    /// no harm.
    pub heartbeat: bool,
    /// The last line about the connection; false only from the bridge's own logger.
    pub connected: Option<bool>,
    /// "database is locked", in the bridge's own words. Asks for the deep look, which has to find the holder.
    pub locked: bool,
    /// The same anywhere in a line of its own at WARNING or above. Asks for the deep look too, and means nothing if that
    /// finds no holder.
    pub lock_mentioned: bool,
    /// Counts only if `statvfs` agrees.
    pub no_space: bool,
    /// Counts after 30 s of silence. A sign of life after it voids it.
    pub told_to_stop: bool,
    pub login: bool,
    /// A flood wait, unless a sign of life came after it: then only one request waits.
    pub flood: Option<FloodWait>,
    pub network: bool,
    /// The error that a traceback ended with, unless a sign of life came after it. Explains an exit, nothing else.
    pub ended_by: Option<Ended>,
    /// The message of the last line at ERROR or above, likewise.
    pub last_error: Option<String>,
    /// The last line without a logger's shape, if no line of a logger came after it, as `sys.exit("already running")`
    /// leaves it. Any process may have written it, so it can take blame from the code and never add any.
    pub last_words: Option<String>,
    /// It asked for a phone number, a code or a password. With an `EOFError`: nobody was there to answer.
    pub prompted: bool,
    /// The interpreter, its loader or whoever was to start them failed before any code of the bridge ran, and no logger
    /// wrote after it. Any process may have written it, so it can take blame from the code and never add any.
    pub interpreter_failed: bool,
}

/// In force from the look that first saw it, for this many seconds. The caller bounds it as it bounds the marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloodWait {
    pub seconds: Option<u64>,
}

/// The end of a traceback.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ended {
    /// The error's own last line as it was: secrets have to be removed before it is shown or written.
    pub error: String,
    /// The errors before it that led to it ("During handling of…", the members of a group), the first one first.
    pub causes: Vec<String>,
}

impl Ended {
    /// What asyncio raises in what is left of a program that has ended already.
    fn is_aftermath(&self) -> bool {
        self.error == "RuntimeError: Event loop is closed"
    }
}

impl Findings {
    /// These findings followed by `newer`: a sign of life voids what was said before it.
    #[must_use]
    pub fn then(self, newer: Findings) -> Findings {
        let lives = newer.heartbeat || newer.connected == Some(true);
        let older = if lives {
            Findings {
                told_to_stop: false,
                login: false,
                flood: None,
                network: false,
                ended_by: None,
                last_error: None,
                prompted: false,
                interpreter_failed: false,
                ..self
            }
        } else {
            self
        };
        Findings {
            own_lines: older.own_lines.saturating_add(newer.own_lines),
            heartbeat: older.heartbeat || newer.heartbeat,
            connected: newer.connected.or(older.connected),
            locked: older.locked || newer.locked,
            lock_mentioned: older.lock_mentioned || newer.lock_mentioned,
            no_space: older.no_space || newer.no_space,
            told_to_stop: older.told_to_stop || newer.told_to_stop,
            login: older.login || newer.login,
            flood: newer.flood.or(older.flood),
            network: older.network || newer.network,
            ended_by: match (older.ended_by, newer.ended_by) {
                (Some(older), Some(newer)) if newer.is_aftermath() => Some(older),
                (older, newer) => newer.or(older),
            },
            last_error: newer.last_error.or(older.last_error),
            last_words: newer.last_words.or(older.last_words.filter(|_| newer.own_lines == 0)),
            prompted: older.prompted || newer.prompted,
            interpreter_failed: newer.interpreter_failed || (older.interpreter_failed && newer.own_lines == 0),
        }
    }
}
