//! The shape of the bridge's own log lines: where time, level and logger end and the message begins. Pure.
//!
//! A sentence counts only at the beginning of a message, so this decides what a message is. Known are the formats that
//! Python programs use: `logging` with time, level and name in any order between dashes, bars, brackets, colons or
//! blanks; its `basicConfig`; Flask's; loguru; rich; structlog's console and logfmt; and one JSON object a line
//! (structlog, python-json-logger, loguru, Node's pino). A line that does not begin in one of these ways is no
//! [`Line`].

use crate::log_fields;
use crate::log_parts::{Level, Line, Prefix, is_name, level_named, time};

/// Parses a line of a log, without escape sequences ([`crate::foreign_text`]) and blanks at its end; `None` if it does
/// not begin as a logger's line does. An indented line never does.
pub fn parse(text: &str) -> Option<Line> {
    if text.starts_with(' ') {
        return None;
    }
    if text.starts_with('{') { log_fields::json(text) } else { log_fields::key_values(text).or_else(|| plain(text)) }
}

/// `[time] [fields] level [logger] message`, with the usual separators.
fn plain(text: &str) -> Option<Line> {
    let (stamp, after) = time(text).map_or((None, text), |(stamp, after)| (Some(stamp), after));
    let mut logger = None;
    let mut rest = separator(after);
    let mut found = level(rest);
    // Up to three fields may stand before the level: a name, a pid, a thread.
    for _ in 0..3 {
        if found.is_some() || stamp.is_none() {
            break;
        }
        let Some((name, after)) = field(rest) else { break };
        logger = name.map(str::to_owned).or(logger);
        rest = separator(after);
        found = level(rest);
    }
    let (level, rest) = match (found, &stamp) {
        (Some((level, rest)), _) => (Some(level), rest),
        // A date with its time, then the message. A time of day alone stands before each line of a chat that was exported.
        (None, Some(stamp)) if !stamp.is_empty() => (None, separator(after)),
        (None, _) => return None,
    };
    let logger = logger.filter(|_| level.is_some());
    // Django's: the level, the time, then the module with numbers of process and thread.
    let late = if stamp.is_none() { time(separator(rest)).filter(|(stamp, _)| !stamp.is_empty()) } else { None };
    let django = late.as_ref().and_then(|(_, after)| module_and_numbers(separator(after)));
    let (stamp, rest) = late.map_or((stamp, rest), |(stamp, after)| (Some(stamp), after));
    let (name, message) = match django {
        Some((name, message)) => (Some(name), message),
        None if logger.is_none() && level.is_some() => name_after(rest),
        None => (None, rest),
    };
    Some(Line {
        prefix: if stamp.is_some() { Prefix::Time } else { Prefix::Level },
        level,
        logger: logger.or(name.map(str::to_owned)),
        stamp: stamp.unwrap_or_default(),
        message: without_emoji(separator(message)).to_owned(),
        error: None,
        cause: None,
    })
}

/// Emoji that some programs put before their sentences. Quotation marks stay: what follows them is a quotation.
fn without_emoji(message: &str) -> &str {
    let picture = |c| matches!(c, '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}');
    message.trim_start_matches(picture).trim_start()
}

/// Without what stands between two parts: blanks, a dash or a bar between blanks, a colon.
fn separator(text: &str) -> &str {
    let trimmed = text.trim_start();
    let rest = ["- ", "| ", ": ", "— ", ":"].iter().find_map(|mark| trimmed.strip_prefix(mark)).unwrap_or(trimmed);
    rest.trim_start()
}

/// A level: a word in capitals, or any within brackets.
fn level(text: &str) -> Option<(Level, &str)> {
    if let Some((word, rest)) = bracketed(text) {
        return Some((level_named(&word.trim().to_ascii_uppercase())?, rest.strip_prefix(':').unwrap_or(rest)));
    }
    let end = text.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    // "ERROR" begins a line, "ERRORS" and "INFO_CHANNEL" do not; a level ends with a blank, a colon, a bar or the line.
    let ends = rest.is_empty() || rest.starts_with([' ', ':', '|']);
    Some((level_named(word)?, rest)).filter(|_| ends)
}

/// A field before the level: a name, or something else (a number, a thread).
fn field(text: &str) -> Option<(Option<&str>, &str)> {
    let (word, rest) = bracketed(text).or_else(|| {
        let end = text.find([' ', '|']).unwrap_or(text.len());
        Some((text[..end].trim_end_matches(':'), &text[end..]))
    })?;
    let word = word.trim().trim_matches(['<', '>', '(', ')']);
    let number = !word.is_empty() && word.bytes().all(|c| c.is_ascii_digit());
    let thread = word == "MainThread" || word == "MainProcess" || word.starts_with("Thread-");
    if number || thread {
        return Some((None, rest));
    }
    // `name[123]`: syslog's way to add a pid.
    let name = word.split_once('[').map_or(word, |(name, _)| name);
    is_name(name).then_some((Some(name), rest))
}

/// The logger after the level: `name: `, `name - `, `(name) `, Flask's `in name: `, `[a.name] `, loguru's
/// `module:function:12 - `. A tag like `[heartbeat]` belongs to the message, and so does an exception's name. Of two
/// pairs of brackets the first is the logger.
fn name_after(rest: &str) -> (Option<&str>, &str) {
    // basicConfig: LEVEL:logger:message.
    if let Some(tight) = rest.strip_prefix(':').filter(|tight| !tight.starts_with(' ')) {
        return tight
            .split_once(':')
            .filter(|(name, _)| is_name(name))
            .map_or((None, rest), |(name, text)| (Some(name), text));
    }
    let text = separator(rest);
    if let Some((name, after)) = bracketed(text) {
        if let Some((None, after)) = field(text) {
            return name_after(after);
        }
        let dotted = name.contains('.') || name == "__main__" || after.trim_start().starts_with('[');
        return if dotted && is_name(name) { (Some(name), after) } else { (None, text) };
    }
    let text = text
        .strip_prefix("in ")
        .filter(|text| text.split(' ').next().is_some_and(|word| word.ends_with(':')))
        .unwrap_or(text);
    let parenthesised = text.strip_prefix('(').and_then(|text| text.split_once(") "));
    if let Some((name, after)) = parenthesised.filter(|(name, _)| is_name(name)) {
        return (Some(name), after);
    }
    for mark in [": ", " - ", " | "] {
        let Some((word, after)) = text.split_once(mark) else { continue };
        // What follows the first colon is a function and a line's number.
        let name = word.split(':').next().unwrap_or(word);
        if is_name(name) && !word.contains(' ') && !crate::error_line::is_error(text) {
            return (Some(name), after);
        }
    }
    (None, text)
}

/// `client 12 34 message`: the module, the numbers of process and thread, the message.
fn module_and_numbers(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(' ')?;
    let (process, rest) = rest.split_once(' ')?;
    let (thread, message) = rest.split_once(' ')?;
    let number = |word: &str| !word.is_empty() && word.bytes().all(|c| c.is_ascii_digit());
    (is_name(name) && number(process) && number(thread)).then_some((name, message))
}

fn bracketed(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('[')?.split_once(']')
}

#[cfg(test)]
#[path = "log_line_tests.rs"]
mod tests;
