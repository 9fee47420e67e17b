//! Why a run ended, and whether that speaks against the code. Pure.

use crate::error_line;
use crate::facts::{Class, Exit};
use crate::findings::Findings;
use crate::launchers;

/// What is known of the end of one run.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    pub exit: &'a Exit,
    /// What the logs of this run said, with what the log reader gave for its end.
    pub findings: &'a Findings,
    /// The probe found that none of Telegram's data centres answers.
    pub offline: bool,
    /// Another bridge that is older than this run (60 s at least) has the session, whoever keeps it.
    pub copy_in_the_way: bool,
    /// Another bridge of this checkout lives. It may have what a second one can't have, an address for one.
    pub another_lives: bool,
    /// The log can't be read, or some of what was written to it was cut off or left out: what the run said last is not known.
    pub unheard: bool,
}

/// The class of an end, or `None` if it was no crash (0), or how it ended or what it said is not known: then it counts
/// against nothing.
///
/// Call it once for each run, when its end is seen and neither we nor the operator asked for it; with the findings of
/// its last look or two, not of the whole run. The order is that of certainty: the manager, the error itself, a copy
/// that was seen, what the log said, and last the exit alone.
pub fn class(ending: &Ending) -> Option<Class> {
    if *ending.exit == Exit::Code(0) {
        return None;
    }
    let findings = ending.findings;
    let reached_code = findings.ended_by.is_some();
    by_manager(ending.exit)
        .or_else(|| (ending.another_lives && says_address_in_use(findings)).then_some(Class::Copy))
        .or_else(|| by_error(findings))
        .or_else(|| (ending.copy_in_the_way || says_already_running(findings)).then_some(Class::Copy))
        .or_else(|| if reached_code { None } else { by_words(findings) })
        .or_else(|| ending.offline.then_some(Class::Network))
        // What fails to fetch something before it starts the bridge fails for the network.
        .or_else(|| (findings.interpreter_failed && !reached_code).then_some(Class::Start))
        .or(match ending.exit {
            // Without a traceback, 2 comes from the interpreter or the command line, or is the bridge's own code for a
            // wrong configuration.
            Exit::Code(2) if !reached_code => Some(Class::Start),
            // The words that would have explained it may be there.
            Exit::Code(_) if !reached_code && ending.unheard => None,
            Exit::Code(_) | Exit::Signal(_) => Some(Class::Code),
            Exit::NotStarted(_) | Exit::Other(_) | Exit::Unseen | Exit::Never => reached_code.then_some(Class::Code),
        })
}

/// Whether the exit alone says that no code of the bridge ever ran.
pub fn could_not_start(exit: &Exit) -> bool {
    by_manager(exit) == Some(Class::Start)
}

fn by_manager(exit: &Exit) -> Option<Class> {
    match exit {
        Exit::NotStarted(_) => Some(Class::Start),
        Exit::Other(reason) => by_reason(reason),
        Exit::Code(code) => by_code(*code),
        Exit::Signal(signal) => by_signal(*signal),
        Exit::Never | Exit::Unseen => None,
    }
}

/// The manager's own words for an end: launchd's exit reasons, systemd's results (systemd.service(5), `SERVICE_RESULT`).
fn by_reason(words: &str) -> Option<Class> {
    const KILLED: [&str; 5] = ["OS_REASON_", "JETSAM", "oom-kill", "out of memory", "Out of memory"];
    if KILLED.iter().any(|word| words.contains(word)) || matches!(words, "timeout" | "watchdog") {
        return Some(Class::Killed);
    }
    matches!(words, "resources" | "exec-condition").then_some(Class::Start)
}

/// 78 is launchd's `EX_CONFIG`, 126 and 127 are a shell's "can't be run" and "not found" (POSIX), 200 to 245 systemd's
/// (systemd.exec(5)). From 129 on a shell or a runner passes on the signal that ended its child.
fn by_code(code: i32) -> Option<Class> {
    match code {
        78 | 126 | 127 | 200..=245 => Some(Class::Start),
        129..=159 => by_signal(code - 128),
        _ => None,
    }
}

/// Signals that a process's own fault raises (abort, segmentation fault and the like) are its own end; every other one
/// came from another process.
fn by_signal(signal: i32) -> Option<Class> {
    let own = [libc::SIGABRT, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGALRM];
    (!own.contains(&signal)).then_some(Class::Killed)
}

/// What the error says that the run ended with, or one that led to it. Without a traceback the last severe line of the
/// log and the last line of any writer count too, up to the error at their end; they can only take blame from the code.
fn by_error(findings: &Findings) -> Option<Class> {
    let mut errors: Vec<&str> = Vec::new();
    if let Some(ended) = &findings.ended_by {
        errors.push(&ended.error);
        errors.extend(ended.causes.iter().map(String::as_str));
    } else {
        for words in [&findings.last_error, &findings.last_words].into_iter().flatten() {
            errors.extend(std::iter::successors(Some(words.as_str()), |words| {
                let end = [": ", " - "].iter().filter_map(|mark| Some(words.find(mark)? + mark.len())).min()?;
                Some(&words[end..])
            }));
        }
        if findings.last_words.as_deref().is_some_and(launchers::is_killed) {
            return Some(Class::Killed);
        }
    }
    let is = |name: &str| errors.iter().any(|error| error_line::parse(error).name == Some(name));
    // A prompt that could not be answered. Without a prompt an EOFError is the code's.
    if findings.prompted && (is("EOFError") || findings.ended_by.is_none()) {
        return Some(Class::Login);
    }
    // As Ctrl-C, asyncio's word for an end that somebody asked for. As a cause it is a timeout's.
    let cancelled = |error: &str| error_line::parse(error).name == Some("CancelledError");
    if is("KeyboardInterrupt") || findings.ended_by.as_ref().is_some_and(|ended| cancelled(&ended.error)) {
        return Some(Class::Killed);
    }
    errors.iter().find_map(|error| error_line::class(error))
}

/// What a bridge says that has a lock of its own, so that only one of it runs. A traceback says it where the program raises
/// it itself: asyncio's loop that is already running is the code's own fault.
fn says_already_running(findings: &Findings) -> bool {
    let raised = |error: &str| {
        let name = error_line::parse(error).name.unwrap_or_default();
        ["SystemExit", "RuntimeError", "Exception"].contains(&name)
            || name.contains("Running")
            || name.contains("Instance")
    };
    let ended = findings.ended_by.as_ref().map(|ended| &ended.error).filter(|error| raised(error));
    said(findings, ended).any(|words| {
        !words.contains("event loop") && (words.contains("already running") || words.contains("another instance"))
    })
}

/// The address that another one listens on; by itself that may be any program.
fn says_address_in_use(findings: &Findings) -> bool {
    said(findings, findings.ended_by.as_ref().map(|ended| &ended.error))
        .any(|words| words.contains("address already in use"))
}

/// The error of the end, the last severe line and the last line, in lower case.
fn said<'a>(findings: &'a Findings, ended: Option<&'a String>) -> impl Iterator<Item = String> + use<'a> {
    [ended, findings.last_error.as_ref(), findings.last_words.as_ref()]
        .into_iter()
        .flatten()
        .map(|words| words.to_lowercase())
}

fn by_words(findings: &Findings) -> Option<Class> {
    let rows = [
        (findings.login, Class::Login),
        (findings.flood.is_some(), Class::Flood),
        (findings.no_space, Class::Disk),
        (findings.locked, Class::Lock),
        (findings.network, Class::Network),
    ];
    rows.into_iter().find_map(|(said, class)| said.then_some(class))
}

#[cfg(test)]
#[path = "exit_class_tests.rs"]
mod tests;
