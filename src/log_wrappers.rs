//! What other programs put before each line of the bridge: syslog, docker compose, honcho and foreman. Pure; called by
//! [`crate::log_line::parse`].

use crate::log_parts::{is_clock, is_name, is_number};

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

/// `Nov 26 10:00:00 host bridge[12]: `. Without the pid a name and a colon are a person's in a chat.
fn syslog(text: &str) -> Option<Wrapped<'_>> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (month, rest) = text.split_once(' ')?;
    // A day below ten has a second blank before it.
    let (day, rest) = rest.trim_start_matches(' ').split_once(' ')?;
    let (clock, rest) = rest.split_once(' ')?;
    let (host, rest) = rest.split_once(' ')?;
    let (tag, line) = rest.split_once("]:")?;
    let (source, pid) = tag.split_once('[')?;
    let dated = MONTHS.contains(&month) && day.parse().is_ok_and(|day: u8| (1..=31).contains(&day));
    let whole = dated && clock.len() >= 8 && is_clock(clock) && !host.is_empty() && is_name(source) && is_number(pid);
    whole.then(|| Wrapped { source, line: line.strip_prefix(' ').unwrap_or(line), syslog: true })
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
