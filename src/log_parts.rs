//! What log lines are made of: levels, names and times, and the line taken apart. Pure.

/// The level of a line, as in Python's logging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

/// What a line begins with. A line with less of it than the other lines of its log is not from the same writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Prefix {
    /// A level only.
    #[default]
    Level,
    /// A time, and mostly a level.
    Time,
    Json,
}

/// One line, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    pub prefix: Prefix,
    pub level: Option<Level>,
    pub logger: Option<String>,
    /// The logger's name is a file's (`%(module)s`), which tells nothing of the package that it is in.
    pub module: bool,
    /// The program or service that another program says wrote it (syslog, docker compose). Another's line is not the
    /// bridge's, whatever its logger is called.
    pub source: Option<String>,
    /// The time as it is written (digits of date and time, without fractions and zone), which sorts as text within one
    /// log; empty if there is no date.
    pub stamp: String,
    pub message: String,
    /// The exception's own last line if the line has a traceback (JSON: `exc_info` and its like).
    pub error: Option<String>,
    /// What a field that names an error holds (`"error": "database is locked"`): its text, mostly without a class.
    pub cause: Option<String>,
    /// What a field that names a wait holds (`"seconds": 1800`).
    pub seconds: Option<u64>,
}

/// By its name in capitals.
pub fn level_named(word: &str) -> Option<Level> {
    Some(match word {
        "TRACE" | "DEBUG" => Level::Debug,
        "INFO" | "SUCCESS" | "NOTICE" => Level::Info,
        "WARNING" | "WARN" => Level::Warning,
        "ERROR" | "EXCEPTION" => Level::Error,
        "CRITICAL" | "FATAL" => Level::Critical,
        _ => return None,
    })
}

/// A module's path, or a word that could be one.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || "_.-/".contains(c))
}

/// Digits and nothing else.
pub fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit())
}

/// A date and a time of day (ISO, with slashes, or with dots), or a time of day alone (rich, or by a format); and what
/// follows.
pub fn time(text: &str) -> Option<(String, &str)> {
    let (inner, bracket) = text.strip_prefix('[').map_or((text, false), |inner| (inner, true));
    let end = inner.find(|c: char| !(c.is_ascii_digit() || "-/T:,.+Z".contains(c))).unwrap_or(inner.len());
    let (first, after) = inner.split_at(end);
    let (date, clock, after) = if let Some((date, clock)) = first.split_once('T') {
        (date, clock, after)
    } else if is_clock(first) {
        ("", first, after)
    } else {
        let rest = after.strip_prefix(' ')?;
        let end = rest.find(|c: char| !(c.is_ascii_digit() || ":,.+Z".contains(c))).unwrap_or(rest.len());
        // A colon after the seconds separates the next part.
        let end = end - usize::from(end > 8 && rest[..end].ends_with(':'));
        (first, &rest[..end], &rest[end..])
    };
    if !is_clock(clock) || !(date.is_empty() || is_date(date)) {
        return None;
    }
    // A zone as a separate word, as in "05:04:00 +0700" and "05:04:00 UTC".
    let zone = |rest: &str| {
        let word = rest.strip_prefix(' ')?.split([' ', ']']).next()?;
        let number = word
            .strip_prefix(['+', '-'])
            .is_some_and(|digits| digits.len() >= 4 && digits.bytes().all(|c| c.is_ascii_digit() || c == b':'));
        (number || matches!(word, "UTC" | "GMT" | "Z")).then_some(word.len() + 1)
    };
    let after = &after[zone(after).unwrap_or(0)..];
    let after = if bracket { after.strip_prefix(']')? } else { after };
    // If the word goes on, it is no time.
    if after.starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let stamp = if date.is_empty() { String::new() } else { day_last(date) + &digits(&clock[..clock.len().min(8)]) };
    Some((stamp, after))
}

/// The digits of a time as it is written; empty if it is none.
pub fn stamp(value: &str) -> String {
    time(value).map(|(stamp, _)| stamp).unwrap_or_default()
}

/// The digits of a date. With dots it begins with the day, which would not sort.
fn day_last(date: &str) -> String {
    let mut parts: Vec<&str> = date.split(['-', '/', '.']).collect();
    if date.contains('.') {
        parts.reverse();
        return parts.iter().flat_map(|part| [if part.len() == 1 { "0" } else { "" }, part]).collect();
    }
    parts.concat()
}

fn is_date(text: &str) -> bool {
    // As in German: day, month and the whole year; else it is a version or an address.
    if text.contains('.') {
        let lengths: Vec<usize> = text.split('.').map(str::len).collect();
        return matches!(lengths[..], [1..=2, 1..=2, 4]) && text.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    }
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    parts.len() == 3
        && parts.iter().all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit()))
}

/// `05:04`, `05:04:00`, `05:04:00,123Z`.
pub fn is_clock(text: &str) -> bool {
    let bytes = text.as_bytes();
    let pair =
        |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit) && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    pair(0) && bytes.get(2) == Some(&b':') && pair(3) && (bytes.len() == 5 || (bytes[5] == b':' && pair(6)))
}
