//! The texts of the menu. Row 1 is the state; row 2 says since when and what happens next. Times are clock times, which
//! stay true while the menu is open. Pure.

use super::time::at;
use super::{detail, foreign, next, outages, phrase};
use crate::act::{Hand, Reason};
use crate::snapshot::{Refusal, RunningRung, Snapshot, needs_person};
use crate::time::{Clock, Wall};
use crate::verdict::{Cause, Help, Next, Problem, Rung, State};

/// A menu wider than this covers too much of a screen.
pub const WIDTH: usize = 80;
/// Fewer letters of a line than these say nothing.
const READABLE: usize = 20;

/// Where the bridge is, as a person writes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place<'a> {
    /// The person's home folder, written as `~`; empty if it is not known.
    pub home: &'a str,
    /// The command that a person runs in the checkout to log in; empty if it is not known.
    pub login: &'a str,
    pub root: &'a str,
}

/// The first two rows after the watch has ended: why.
pub fn lost(why: &str) -> (String, String) {
    (format!("The watch has ended: {}", foreign(why)), "Bridge Watchdog ends now, to be started again".into())
}

/// The first two rows before the first look.
pub fn looking() -> (String, String) {
    ("Looking at the bridge".into(), "the first look takes a moment".into())
}

/// The first two rows.
pub fn rows(snapshot: &Snapshot, place: &Place) -> (String, String) {
    let now = snapshot.clock;
    if let Some(RunningRung { since, reason: Reason::ByHand(hand), .. }) = &snapshot.rung {
        let (title, how) = asked(*hand);
        return (format!("{title}, as you asked"), format!("since {}; {how}", at(*since, now)));
    }
    if let Some(last) = outages::last(snapshot) {
        return (state(snapshot).0, last);
    }
    if let Some(RunningRung { rung, since, reason }) = &snapshot.rung {
        let state = format!("Recovering, rung {} of 5, since {}", rung.number(), at(*since, now));
        return (state, format!("{}; {}", because(reason, now, doing(*rung)), doing(*rung)));
    }
    let (state, left) = state(snapshot);
    let since = format!("since {}; ", at(snapshot.since, now));
    let reason = reason(snapshot, place, left.as_deref(), WIDTH.saturating_sub(since.chars().count()));
    let undelivered = snapshot.history.undelivered.is_some() && snapshot.verdict.state != State::Degraded;
    (state, format!("{since}{reason}{}", if undelivered { "; an alert does not go out" } else { "" }))
}

/// The state row, and what did not fit into it.
fn state(snapshot: &Snapshot) -> (String, Option<String>) {
    let verdict = &snapshot.verdict;
    let Some(problem) = verdict.first().map(|first| &first.problem) else {
        return (if verdict.state == State::Starting { "Starting" } else { "Healthy" }.into(), None);
    };
    // A pause or a flood wait must not hide that the bridge is down.
    let hides = verdict.state == State::Waiting && !matches!(verdict.cause, Cause::ConfigError | Cause::OutsideManager);
    let down = if hides && snapshot.history.run.is_none() { "; the bridge is down" } else { "" };
    if let Problem::Paused(pause) = problem {
        return (format!("Paused since {}{down}", at(pause.since, snapshot.clock)), None);
    }
    let title = match verdict.state {
        State::Degraded => "Degraded",
        State::Unhealthy if snapshot.history.run.is_none() => "Down",
        State::Unhealthy => "Unhealthy",
        State::Stopped => "Stopped",
        State::Unknown => "Unknown",
        // It does not end by itself.
        _ if needs_person(snapshot) => "Needs you",
        _ => "Waiting",
    };
    let row = format!("{title}: {}", phrase(problem, snapshot.clock));
    match detail(problem, snapshot.clock) {
        // Text from other programs goes into the second row, whole or not at all.
        Some(detail) if quotes(problem) || fits(&[&row, ": ", &detail, down]).is_none() => {
            (row + down, Some(detail).filter(|_| quotes(problem)))
        }
        Some(detail) => (format!("{row}: {detail}{down}"), None),
        None => (row + down, None),
    }
}

/// Whether its detail is text from a log, an error or a file.
fn quotes(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::ProcessUnseen(_)
            | Problem::LogUnseen(_)
            | Problem::MarkersUnseen(_)
            | Problem::RepeatedError { .. }
            | Problem::UpdateRunning(_)
            | Problem::Undelivered(_)
            | Problem::BrokenEnvironment { .. }
    )
}

/// What happens next, what a person can do about it here, and what did not fit into the first row.
fn reason(snapshot: &Snapshot, place: &Place, left: Option<&str>, room: usize) -> String {
    let (verdict, now) = (&snapshot.verdict, snapshot.clock);
    if verdict.state == State::Unknown
        && let Some(left) = left
    {
        return left.to_owned();
    }
    let plain = match verdict.next {
        Next::Watch => "checked every minute, and the moment it dies".into(),
        _ if snapshot.again.is_some() && verdict.state == State::Unhealthy => {
            let again = snapshot.again.map_or_else(String::new, |again| at(again, now));
            format!("every rung was tried; again at {again}")
        }
        Next::Person(Help::LogIn) if !place.login.is_empty() => login(place, room),
        Next::PauseEnds(until) if until.is_never() => "recovery goes on when you resume it (Pause recovery)".into(),
        Next::PauseEnds(until) => {
            format!("recovery goes on at {}, or when you resume it (Pause recovery)", at(until, now))
        }
        Next::Person(Help::ReadLog) => "read the log".into(),
        other => next(other, now),
    };
    match left {
        Some(left) if room >= plain.chars().count() + "; ".len() + READABLE => {
            let room = room - plain.chars().count() - "; ".len();
            format!("{plain}; {}", beginning(left, room))
        }
        _ => plain,
    }
}

/// A command is only of use if it is complete.
fn login(place: &Place, room: usize) -> String {
    let whole = format!("log in: cd {} && {}", at_home(place.root, place.home), place.login);
    if whole.chars().count() <= room { whole } else { format!("log in: {}", place.login) }
}

/// The reason, with its detail if there is room for both.
fn because(reason: &Reason, now: Clock, doing: &str) -> String {
    match reason {
        Reason::Finding(finding) if fits(&[&super::reason(reason, now), "; ", doing]).is_none() => {
            phrase(&finding.problem, now)
        }
        reason => super::reason(reason, now),
    }
}

fn doing(rung: Rung) -> &'static str {
    match rung {
        Rung::Restart => "it is started anew",
        Rung::EndStale => "it is ended, then started",
        Rung::FreeSession => "its session is freed, then it is started",
        Rung::Revert => "HEAD is reverted, then it is started",
        Rung::Tell => "you are told",
    }
}

/// What is done because a person asked for it, and how.
fn asked(hand: Hand) -> (&'static str, &'static str) {
    match hand {
        Hand::Restart => ("Restarting", "the bridge is ended, then started"),
        Hand::Start => ("Starting", "its manager starts the bridge"),
        Hand::CleanLocks => ("Freeing the session", "whoever holds its lock is ended; nothing is deleted"),
        Hand::Revert => ("Reverting HEAD", "then the bridge is restarted"),
        Hand::UndoRevert => ("Undoing the revert", "then the bridge is restarted"),
    }
}

/// The row that says whether recovery is paused.
pub fn pause(until: Option<Wall>, now: Clock) -> String {
    match until {
        None => "Recovery is not paused".into(),
        Some(until) if until.is_never() => "Paused until you resume".into(),
        Some(until) => format!("Paused until {}", at(until, now)),
    }
}

/// Why a restart by hand would be of no use now.
pub fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Recovering => "a recovery is running",
        Refusal::Asked => "what you asked for is under way",
        Refusal::RecoveredElsewhere => "another recovery is running",
        Refusal::ManagerUnseen => "its service manager can't be asked",
        Refusal::UpdateRunning => "an update is running",
        Refusal::OperatorStop => "its operator stopped it",
        Refusal::NoService => "there is no service for it",
    }
}

/// With the home folder as a person writes it.
pub fn at_home(text: &str, home: &str) -> String {
    if home.is_empty() { text.to_owned() } else { text.replace(&format!("{home}/"), "~/") }
}

/// The beginning of a text that is too long: a log line says there what it is about.
fn beginning(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room - 1).collect::<String>().trim_end().to_owned() + "\u{2026}"
}

fn fits(parts: &[&str]) -> Option<()> {
    (parts.iter().map(|part| part.chars().count()).sum::<usize>() <= WIDTH).then_some(())
}
