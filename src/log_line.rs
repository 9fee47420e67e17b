//! The shape of the bridge's own log lines: where time, level and logger end and the message begins. Pure.
//!
//! A sentence counts only at the beginning of a message, so this decides what a message is. Known are the formats that
//! Python programs use: `logging` with time, level and name in any order between dashes, bars, brackets, colons or
//! blanks; its `basicConfig`; Flask's; loguru; rich; structlog's console and logfmt; and one JSON object a line
//! (structlog, python-json-logger, loguru, Node's pino); Django's and tornado's; and each of them behind what syslog,
//! docker compose or honcho put before it ([`crate::log_wrappers`]). A line that does not begin in one of these ways is no
//! [`Line`].

use crate::log_fields;
use crate::log_parts::{Level, Line, Prefix, is_name, is_number, level_named, time};
use crate::log_phrases;
use crate::log_wrappers;

/// Parses a line of a log, without escape sequences ([`crate::foreign_text`]) and blanks at its end; `None` if it does
/// not begin as a logger's line does. An indented line never does.
pub fn parse(text: &str) -> Option<Line> {
    let Some(wrapped) = log_wrappers::unwrapped(text) else { return unwrapped(text) };
    let own = || Line { prefix: Prefix::Time, message: wrapped.line.to_owned(), ..Line::default() };
    let anybodys = wrapped.syslog && !wrapped.line.is_empty() && !wrapped.line.starts_with(' ');
    let line = unwrapped(wrapped.line).or_else(|| anybodys.then(own))?;
    Some(Line { source: Some(wrapped.source.to_owned()), ..line })
}

fn unwrapped(text: &str) -> Option<Line> {
    if text.starts_with(' ') {
        return None;
    }
    if let Some(line) = tornado(text).or_else(|| name_first(text)) {
        return Some(line);
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
        // A date with its time, then the message. A time of day alone stands before each line of a chat that was exported,
        // and so does a date with dots.
        (None, Some(stamp)) if !stamp.is_empty() && !is_dotted(text) => (None, separator(after)),
        (None, _) => return None,
    };
    let logger = logger.filter(|_| level.is_some());
    // Django's: the level, the time, then the module with numbers of process and thread.
    let late = if stamp.is_none() { time(separator(rest)).filter(|(stamp, _)| !stamp.is_empty()) } else { None };
    let module = late.as_ref().and_then(|(_, after)| {
        let after = separator(after);
        module_and_numbers(after).or_else(|| module_and_sentence(after))
    });
    let (stamp, rest) = late.map_or((stamp, rest), |(stamp, after)| (Some(stamp), after));
    let is_module = module.is_some();
    let (name, message) = match module {
        Some((name, message)) => (Some(name), message),
        None if logger.is_none() && level.is_some() => name_after(rest),
        None => (None, rest),
    };
    Some(Line {
        prefix: if stamp.is_some() { Prefix::Time } else { Prefix::Level },
        level,
        logger: logger.or(name.map(str::to_owned)),
        module: is_module,
        source: None,
        stamp: stamp.unwrap_or_default(),
        message: without_emoji(separator(message)).to_owned(),
        ..Line::default()
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
    let number = is_number(word);
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
    (is_name(name) && is_number(process) && is_number(thread)).then_some((name, message))
}

/// `client Connected to Telegram`: a module's name is told from a first word by what follows it.
fn module_and_sentence(text: &str) -> Option<(&str, &str)> {
    let (name, message) = text.split_once(' ')?;
    let module = is_name(name) && !name.contains(char::is_uppercase) && log_phrases::of(text).is_none();
    (module && log_phrases::of(message).is_some()).then_some((name, message))
}

/// `[W 261126 10:00:00 client:12] message`.
fn tornado(text: &str) -> Option<Line> {
    let (head, message) = bracketed(text)?;
    let words: Vec<&str> = head.split(' ').collect();
    let [letter, date, clock, place] = words[..] else { return None };
    let level = match letter {
        "D" => Level::Debug,
        "I" => Level::Info,
        "W" => Level::Warning,
        "E" => Level::Error,
        "C" => Level::Critical,
        _ => return None,
    };
    let (stamp, rest) = time(&format!("20{}-{}-{} {clock}", date.get(..2)?, date.get(2..4)?, date.get(4..)?))
        .map(|(stamp, rest)| (stamp, rest.to_owned()))?;
    let name = place.split(':').next().filter(|name| is_name(name))?;
    (date.len() == 6 && rest.is_empty()).then(|| Line {
        prefix: Prefix::Time,
        level: Some(level),
        logger: Some(name.to_owned()),
        module: true,
        stamp,
        message: without_emoji(message.trim_start()).to_owned(),
        ..Line::default()
    })
}

/// `name - LEVEL - message`, without a time.
fn name_first(text: &str) -> Option<Line> {
    let (name, rest) = text.split_once(" - ")?;
    let (word, message) = rest.split_once(" - ")?;
    let level = level_named(word.trim_end())?;
    is_name(name).then(|| Line {
        level: Some(level),
        logger: Some(name.to_owned()),
        message: without_emoji(message.trim_start()).to_owned(),
        ..Line::default()
    })
}

/// Whether the date that it begins with has dots.
fn is_dotted(text: &str) -> bool {
    text.trim_start_matches('[').trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('.')
}

fn bracketed(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('[')?.split_once(']')
}

#[cfg(test)]
#[path = "log_line_tests.rs"]
mod tests;
