//! Whose line it is: the bridge's own lines look alike, and a child that shares the file, or a chat that is quoted, writes
//! others. Pure.

use crate::log_parts::{Level, Line, Prefix};

/// What one file has shown of the bridge's own lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Voice {
    /// From the last line that was certainly its own.
    pub shape: Option<Shape>,
    /// Its last heartbeat had no logger's prefix.
    pub bare: bool,
}

impl Voice {
    /// This one, and where it has shown nothing, the other.
    #[must_use]
    pub fn or(self, other: Voice) -> Voice {
        Voice { shape: self.shape.or(other.shape), bare: self.bare || other.bare }
    }
}

/// How a line of the bridge's logger begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    prefix: Prefix,
    logger: Option<String>,
    module: bool,
    source: Option<String>,
    stamp: String,
}

impl Shape {
    pub fn of(line: &Line) -> Shape {
        let Line { prefix, logger, module, source, stamp, .. } = line.clone();
        Shape { prefix, logger, module, source, stamp }
    }
}

/// The voice in this file, and that of the bridge's other log, where this one has no heartbeats.
#[derive(Debug, Clone, Default)]
pub struct Voices {
    pub own: Voice,
    pub lent: Voice,
}

impl Voices {
    fn known(&self) -> Option<&Shape> {
        self.own.shape.as_ref().or(self.lent.shape.as_ref())
    }

    /// A format may put the logger in brackets, where a tag would be: a heartbeat has shown it.
    pub fn without_logger<'a>(&self, message: &'a str) -> &'a str {
        let logger = self.own.shape.as_ref().and_then(|voice| voice.logger.as_deref());
        let rest = logger.and_then(|logger| message.strip_prefix('[')?.strip_prefix(logger)?.strip_prefix("] "));
        rest.unwrap_or(message)
    }

    /// Whether a line can count as evidence: it begins with no less than the bridge's own lines do, is of the same
    /// service, and no older than they are. A minute allows for threads that overtake each other; lines that people paste
    /// into a chat are older.
    pub fn may_accuse(&self, line: &Line) -> bool {
        self.own.shape.as_ref().is_none_or(|voice| line.prefix >= voice.prefix)
            && self.known().is_none_or(|voice| !older(&line.stamp, &voice.stamp))
            && self.own.shape.as_ref().is_none_or(|voice| line.source == voice.source)
    }

    /// Whether it tells of the bridge's own connection. That is mostly logged by its Telegram library, or without a
    /// name; a child that shares the file has a connection of its own.
    pub fn speaks_for_it(&self, line: &Line) -> bool {
        let library = |name: &String| matches!(name.split('.').next(), Some("telethon" | "pyrogram" | "hydrogram"));
        self.may_accuse(line) && (line.logger.as_ref().is_none_or(library) || self.sounds_like(line))
    }

    /// Whether a wait that it names is the bridge's. While no heartbeat has shown a logger's name, a warning of any logger
    /// is: the harm of believing it is a silence that is waited out.
    pub fn may_wait(&self, line: &Line) -> bool {
        let nameless = self.known().is_none_or(|voice| voice.logger.is_none() || voice.module);
        self.speaks_for_it(line) || (nameless && line.level >= Some(Level::Warning) && self.may_accuse(line))
    }

    /// A bridge that beats without a prefix has no logger whose goodbye could be its own: a child that shares the file
    /// mostly has one.
    pub fn says_goodbye(&self, line: &Line) -> bool {
        !self.own.bare && !self.lent.bare && self.sounds_like(line)
    }

    /// Whether it comes from the same top-level logger as the bridge's heartbeats. Stricter, because a child that
    /// shares the file logs its shutdown in the same words.
    fn sounds_like(&self, line: &Line) -> bool {
        let Some(voice) = self.known() else {
            // No heartbeat yet. A name with a capital or a dash is a person's or a program's, not a module's.
            let module = |name: &String| !name.contains(|c: char| c.is_uppercase() || c == '-');
            return line.logger.as_ref().is_none_or(module);
        };
        let family =
            |logger: &Option<String>| logger.as_ref().and_then(|name| name.split('.').next().map(str::to_owned));
        let related = match (family(&voice.logger), family(&line.logger)) {
            (Some(a), Some(b)) => a == b || a == "__main__" || a == "root",
            (a, b) => a == b,
        };
        related && line.prefix == voice.prefix && self.may_accuse(line)
    }
}

/// Stamps are digits: year to second, or nothing. Where the lengths differ they can't be compared.
fn older(stamp: &str, than: &str) -> bool {
    let minutes = |stamp: &str| stamp.get(..12).map(str::to_owned);
    match (minutes(stamp), minutes(than)) {
        (Some(a), Some(b)) if stamp.len() == than.len() => {
            let number = |text: &str| text.parse::<u64>().unwrap_or(0);
            number(&a) + 1 < number(&b)
        }
        _ => false,
    }
}
