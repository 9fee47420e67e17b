//! What the bridge says in its log, read line by line. Pure: text in, plain data out.
//!
//! A line in a log is no proof. It may quote a chat, a child may share the file, and a process that was told to end
//! writes for a while. So a sentence counts only if a line of the bridge's own logger begins its message with it
//! ([`crate::log_line`]), and it only explains an exit, a silence or a lock that was seen in another way; alone it
//! causes no act.
//!
//! How to call it: one [`Reader`] for each file, for as long as the file is followed. New bytes go to [`Reader::feed`];
//! [`Reader::skipped`] if some were left out; [`Reader::ended`] once the process is gone or another one is there, for a
//! last line without an end; [`Reader::lend`] before, with the voice of the other file. Add what one look found to what
//! was known with [`Findings::then`]; of two files the one that grew last comes last.

use crate::error_line;
use crate::facts::Class;
use crate::findings::{Ended, Findings, FloodWait};
use crate::foreign_text::{Lines, harmless};
use crate::launchers;
use crate::log_line;
use crate::log_parts::{Level, Line};
use crate::log_phrases::{self, Phrase};
use crate::log_voice::{Shape, Voice, Voices};
use crate::log_wrappers;
use crate::named_wait;

/// Reads one file.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// A line that has no end yet.
    torn: String,
    within: Within,
    voices: Voices,
    /// The errors of the traceback before, where another may follow from it.
    causes: Vec<String>,
    /// The line before said that the traceback to come ends nothing.
    aside: bool,
    /// A line of a logger was seen.
    logs: bool,
    /// The traceback's lines stand behind a time, or behind another program's words.
    wrapped: bool,
    /// The line before was the bridge's own at WARNING or above, so a traceback that follows is logged, not quoted.
    logged: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Within {
    #[default]
    Nothing,
    Traceback,
    /// What Python prints of a script that it can't read: a place and a `SyntaxError`, without a header.
    Script,
    /// Its error was read; "During handling of…" may follow.
    AfterTraceback,
    /// A traceback of several errors, drawn with bars.
    Group,
}

const HEADER: &str = "Traceback (most recent call last):";
/// An unfinished line is kept up to this length; no sentence that counts begins later in a line.
const TORN: usize = 4 << 10;
/// This much of an error's line is kept, and this many causes: enough for a person, and a bound if a log is very long.
const ERROR: usize = 500;
const CAUSES: usize = 8;

impl Reader {
    /// What these new bytes say; a last line without its end waits for the rest.
    pub fn feed(&mut self, text: &str) -> Findings {
        let mut found = Findings::default();
        let mut rest = text;
        while let Some((line, after)) = rest.split_once('\n') {
            let line = if self.torn.is_empty() { line.to_owned() } else { std::mem::take(&mut self.torn) + line };
            found = found.then(self.line(&line));
            rest = after;
        }
        let room = TORN.saturating_sub(self.torn.len());
        self.torn.push_str(&rest[..rest.floor_char_boundary(room)]);
        // A prompt waits at the end of its line.
        found.prompted |= log_phrases::is_prompt(&self.torn);
        found
    }

    /// The process is gone: what it left unfinished is its last line.
    pub fn ended(&mut self) -> Findings {
        let torn = std::mem::take(&mut self.torn);
        let last = if torn.is_empty() { Findings::default() } else { self.line(&torn) };
        let found = if self.within == Within::Group { last.then(self.end_group()) } else { last };
        (self.within, self.aside, self.logged) = (Within::Nothing, false, false);
        self.causes.clear();
        found
    }

    /// Bytes were left out, so the next ones begin somewhere in a line and perhaps in a traceback.
    pub fn skipped(&mut self) {
        *self = Reader { voices: std::mem::take(&mut self.voices), logs: self.logs, ..Reader::default() };
    }

    /// What this file has shown of the bridge's own lines.
    pub fn voice(&self) -> &Voice {
        &self.voices.own
    }

    /// Lends the voice that the bridge has in its other log: a child may write here.
    pub fn lend(&mut self, voice: Voice) {
        self.voices.lent = voice;
    }

    fn line(&mut self, line: &str) -> Findings {
        // Python colours its tracebacks since 3.13, and many a logger its lines.
        let clean = harmless(line, Lines::Join);
        let line = clean.trim_end();
        if let Some(inner) = log_wrappers::inner(line)
            && (inner.trim_start() == HEADER || (self.wrapped && self.within != Within::Nothing))
        {
            self.wrapped = true;
            return self.bare(inner);
        }
        self.wrapped = false;
        self.bare(line)
    }

    fn bare(&mut self, line: &str) -> Findings {
        if self.within == Within::Group {
            if line.trim_start().starts_with(['|', '+']) {
                return self.of_group(line);
            }
            return self.end_group().then(self.bare(line));
        }
        if matches!(self.within, Within::Traceback | Within::Script) && line.starts_with(' ') {
            // What a finalizer raises ends nothing.
            self.aside |= line.ends_with(", in __del__");
            return Findings { prompted: log_phrases::asks_for_login(line), ..Findings::default() };
        }
        if line.ends_with(HEADER) {
            return self.header(line);
        }
        if self.within == Within::Nothing && line.starts_with("  File \"") {
            self.within = Within::Script;
            return Findings::default();
        }
        if let Some(own) = log_line::parse(line).filter(|_| !launchers::is_op(line)) {
            self.within = Within::Nothing;
            return self.own(&own);
        }
        match self.within {
            Within::Traceback if !line.is_empty() => self.error(line),
            Within::Script if log_phrases::is_syntax_error(line) => self.error(line),
            Within::AfterTraceback if line.is_empty() || log_phrases::leads_on(line) => Findings::default(),
            _ => self.nobodys(line),
        }
    }

    /// A prompt has no end of its own, so a traceback may follow it on its line.
    fn header(&mut self, line: &str) -> Findings {
        let before = line.trim_end_matches(HEADER);
        let prompted = log_phrases::is_prompt(before);
        if self.within != Within::AfterTraceback {
            self.causes.clear();
        }
        if before.trim() == "+ Exception Group" {
            self.within = Within::Group;
        } else if before.is_empty() || prompted {
            self.within = Within::Traceback;
        } else if let Some(own) = log_line::parse(line) {
            // It ends the message of a line: some programs log a traceback in this way.
            self.within = Within::Traceback;
            return self.own(&own);
        }
        Findings { prompted, ..Findings::default() }
    }

    fn error(&mut self, line: &str) -> Findings {
        let line = bounded(line);
        let found = self.in_traceback(of_error(&line));
        let causes = self.causes.clone();
        if self.causes.len() < CAUSES {
            self.causes.push(line.clone());
        }
        let ended = (!self.aside).then_some(Ended { error: line, causes });
        (self.within, self.aside) = (Within::AfterTraceback, false);
        Findings { ended_by: ended, ..found }
    }

    /// A member's error stands one blank behind its bar, its frames further in.
    fn of_group(&mut self, line: &str) -> Findings {
        let inner = line.trim_start_matches([' ', '|']);
        let bar = line.len() - inner.len();
        let error = line[..bar].ends_with("| ") && error_line::is_error(inner);
        if error && self.causes.len() < CAUSES {
            self.causes.push(bounded(inner));
        }
        Findings { prompted: log_phrases::asks_for_login(inner), ..Findings::default() }
    }

    fn end_group(&mut self) -> Findings {
        self.within = Within::Nothing;
        let mut causes = std::mem::take(&mut self.causes);
        if causes.is_empty() || std::mem::take(&mut self.aside) {
            return Findings::default();
        }
        let found = causes.iter().map(|cause| of_error(cause)).fold(Findings::default(), Findings::then);
        let found = self.in_traceback(found);
        // The group's own line comes first, what went wrong in it after.
        let error = causes.remove(0);
        Findings { ended_by: Some(Ended { error, causes }), ..found }
    }

    /// A wait that ended a run is read from its end: in a run that goes on, a traceback may be a quotation, unless an own
    /// line of the bridge at WARNING or above stands directly before it, as `logger.exception` writes it.
    fn in_traceback(&self, found: Findings) -> Findings {
        Findings { flood: found.flood.filter(|_| self.logged), ..found }
    }

    /// A line without a logger's prefix, outside a traceback. Whole sentences that are signs of life count as such.
    fn nobodys(&mut self, line: &str) -> Findings {
        (self.within, self.logged) = (Within::Nothing, false);
        self.aside = log_phrases::is_aside(line) || (self.aside && !line.is_empty());
        let (bare, launcher) = (log_phrases::bare(line), launchers::failed(line));
        // A bridge that prints; where there is a logger, it may be a chat's second line.
        let logs = self.logs || self.voices.lent.shape.is_some();
        let prints = !logs || self.voices.own.bare;
        let flood = error_line::flood_seconds(line).filter(|_| prints && named_wait::is_whole(line));
        self.voices.own.bare |= bare == Some(Phrase::Heartbeat);
        let words = !line.is_empty() && bare.is_none() && !line.starts_with(' ');
        Findings {
            heartbeat: bare == Some(Phrase::Heartbeat),
            connected: (bare == Some(Phrase::Connected)).then_some(true),
            prompted: log_phrases::is_prompt(line),
            last_words: words.then(|| bounded(line)),
            interpreter_failed: log_phrases::is_interpreter(line) || launcher == Some(Class::Start),
            network: launcher == Some(Class::Network),
            flood: flood.map(|seconds| FloodWait { seconds: Some(seconds) }),
            ..Findings::default()
        }
    }

    fn own(&mut self, line: &Line) -> Findings {
        let message = self.voices.without_logger(&line.message);
        let phrase = log_phrases::of(message);
        let severe = line.level >= Some(Level::Error);
        let warns = line.level >= Some(Level::Warning);
        self.aside = log_phrases::is_aside(message);
        self.logged = warns && !self.aside && self.voices.may_wait(line) && !named_wait::quotes(message);
        let mut found = match phrase {
            Some(Phrase::Heartbeat) => Findings { heartbeat: true, ..Findings::default() },
            Some(Phrase::Connected) => Findings { connected: Some(true), ..Findings::default() },
            Some(Phrase::Cut) if self.voices.speaks_for_it(line) => {
                Findings { connected: Some(false), network: true, ..Findings::default() }
            }
            Some(Phrase::ToldToStop) => {
                Findings { told_to_stop: self.voices.says_goodbye(line), ..Findings::default() }
            }
            Some(Phrase::Login) => Findings { login: self.voices.may_accuse(line), ..Findings::default() },
            Some(Phrase::Flood(_)) if !self.voices.may_wait(line) => Findings::default(),
            Some(Phrase::Flood(seconds)) => Findings { flood: Some(FloodWait { seconds }), ..Findings::default() },
            Some(Phrase::Of(Class::Login)) if !self.voices.may_accuse(line) => Findings::default(),
            Some(Phrase::Of(class)) => of_class(class),
            Some(Phrase::Cut) | None => Findings::default(),
        };
        if let Some(error) = &line.error {
            found = found.then(of_error(error));
        }
        if found.flood.is_none() && warns && self.voices.may_wait(line) {
            let texts = [Some(message), line.cause.as_deref()].into_iter().flatten();
            let named = line.seconds.filter(|_| named_wait::is_flood(message));
            let seconds = texts.filter_map(wait_at_end).next_back().or(named);
            found.flood = seconds.map(|seconds| FloodWait { seconds: Some(seconds) });
        }
        let mut texts = [Some(message), line.cause.as_deref(), line.error.as_deref()].into_iter().flatten();
        found.lock_mentioned = found.locked || (warns && texts.any(error_line::mentions_lock));
        let cause = || line.cause.as_ref().map_or_else(|| message.to_owned(), |cause| format!("{message}: {cause}"));
        found.last_error = severe.then(|| bounded(&line.error.clone().unwrap_or_else(cause)));
        found.own_lines = 1;
        self.logs = true;
        self.voices.own.bare &= !found.heartbeat;
        if found.heartbeat || found.connected == Some(true) {
            self.voices.own.shape = Some(Shape::of(line));
        }
        found
    }
}

fn wait_at_end(text: &str) -> Option<u64> {
    error_line::flood_seconds(text).or_else(|| named_wait::seconds(text))
}

fn of_error(line: &str) -> Findings {
    let flood = error_line::flood_seconds(line);
    let found = error_line::class(line).map(of_class).unwrap_or_default();
    Findings { flood: found.flood.map(|_| FloodWait { seconds: flood }), ..found }
}

fn of_class(class: Class) -> Findings {
    let mut found = Findings::default();
    match class {
        Class::Login => found.login = true,
        Class::Flood => found.flood = Some(FloodWait { seconds: None }),
        Class::Disk => found.no_space = true,
        Class::Lock => (found.locked, found.lock_mentioned) = (true, true),
        Class::Network => found.network = true,
        _ => {}
    }
    found
}

fn bounded(line: &str) -> String {
    line[..line.floor_char_boundary(ERROR)].to_owned()
}

#[cfg(test)]
#[path = "log_reader_tests.rs"]
mod tests;
