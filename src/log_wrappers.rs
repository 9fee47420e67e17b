//! What other programs put before each line of the bridge: syslog, docker compose, honcho and foreman. Pure; called by
//! [`crate::log_line::parse`].

use crate::log_parts::{is_clock, is_name, is_number, time};

/// Whose line it is by its wrapper, and the line without it.
pub struct Wrapped<'a> {
    pub source: &'a str,
    pub line: &'a str,
    /// Syslog's, which is a line of a logger whatever follows: others wrap what anybody prints.
    pub syslog: bool,
}

pub fn unwrapped(text: &str) -> Option<Wrapped<'_>> {
    syslog(text).or_else(|| service(text))
}

/// Without a time or another program's words before it, with the blanks that it begins with: a traceback's line.
pub fn inner(text: &str) -> Option<&str> {
    if let Some(wrapped) = unwrapped(text) {
        return Some(wrapped.line);
    }
    let (_, rest) = time(text).filter(|(stamp, _)| !stamp.is_empty())?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// `Nov 26 10:00:00 host bridge[12]: `, and journalctl's `2026-11-26T10:00:00+0000 host bridge[12]: `. Without the pid a
/// name and a colon are a person's in a chat.
fn syslog(text: &str) -> Option<Wrapped<'_>> {
    let rest = syslog_time(text).or_else(|| iso_time(text))?;
    let (host, rest) = rest.split_once(' ')?;
    let (tag, line) = rest.split_once("]:")?;
    let (source, pid) = tag.split_once('[')?;
    let whole = !host.is_empty() && is_name(source) && is_number(pid);
    whole.then(|| Wrapped { source, line: line.strip_prefix(' ').unwrap_or(line), syslog: true })
}

fn syslog_time(text: &str) -> Option<&str> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (month, rest) = text.split_once(' ')?;
    // A day below ten has a second blank before it.
    let (day, rest) = rest.trim_start_matches(' ').split_once(' ')?;
    let (clock, rest) = rest.split_once(' ')?;
    let dated = MONTHS.contains(&month) && day.parse().is_ok_and(|day: u8| (1..=31).contains(&day));
    (dated && clock.len() >= 8 && is_clock(clock)).then_some(rest)
}

fn iso_time(text: &str) -> Option<&str> {
    let (first, _) = text.split_once(' ')?;
    time(text).filter(|_| first.contains('T'))?.1.strip_prefix(' ')
}

/// `bridge_1  | ` and `bridge-1  | ` of docker compose, `10:00:00 bridge.1 | ` of honcho and foreman.
fn service(text: &str) -> Option<Wrapped<'_>> {
    let (before, line) = text.split_once("| ")?;
    let before = before.strip_suffix(' ')?.trim_end();
    let timed = before.split_once(' ').filter(|(clock, _)| clock.len() == 8 && is_clock(clock)).map(|(_, name)| name);
    let source = timed.unwrap_or(before);
    // The number of the instance is what tells it from a table and from a person.
    let (name, number) = source.rsplit_once(['_', '-', '.'])?;
    (is_name(name) && is_number(number)).then_some(Wrapped { source, line, syslog: false })
}
