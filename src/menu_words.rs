//! The first two rows of the menu: the state in words; since when, and what happens next. Pure. Their sentences are
//! short enough to be read whole.

use crate::assess::{Cause, State, TOLD, Verdict};
use crate::menu::{View, WIDTH, at_home};
use crate::snapshot::Snapshot;
use crate::words::at;

/// Fewer letters of a line than these tell nothing.
const READABLE: usize = 20;

/// The first two rows.
pub fn words(view: &View) -> (String, String) {
    if let Some(why) = view.lost {
        return (format!("Nobody watches: {why}"), "Bridge Watchdog ends now, to be started again".into());
    }
    let Some(snapshot) = view.snapshot else {
        return ("Looking at the bridge".into(), "the first look takes a moment".into());
    };
    if let Some(rung) = &snapshot.rung {
        let state = format!("Recovering, rung {} of 5, since {}", rung.number, at(rung.since, snapshot.clock));
        return (state, format!("{}; {}", rung.why, doing(rung.number)));
    }
    let verdict = &snapshot.verdict;
    let (short, detail) = issue(verdict);
    let state = match verdict.state {
        State::Healthy => "Healthy".into(),
        State::Starting => "Starting".into(),
        State::Degraded => format!("Degraded: {short}"),
        State::Unhealthy if gone(verdict.cause) => format!("Down: {}", why(snapshot)),
        State::Unhealthy => format!("Unhealthy: {}", why(snapshot)),
        State::Stopped => format!("Stopped: {}", why(snapshot)),
        State::Unknown if process_known(snapshot) => "Unknown: whether the bridge works can't be seen".into(),
        State::Unknown => "Unknown: the service manager can't be asked".into(),
        State::Waiting if verdict.cause == Cause::Paused => format!("Paused: {}", why(snapshot)),
        State::Waiting => format!("Waiting: {}", why(snapshot)),
    };
    // A pause or a flood wait hides no death.
    let hidden = verdict.state == State::Waiting && verdict.cause != Cause::ConfigError;
    let down = hidden && snapshot.history.run.is_none() && process_known(snapshot);
    let state = if down { format!("{state}; the bridge is down") } else { state };
    let since = format!("since {}; ", at(snapshot.since, snapshot.clock));
    let next = next(view, snapshot, &detail, WIDTH.saturating_sub(since.len()));
    let unheard = snapshot.history.undelivered.is_some() && verdict.state != State::Degraded;
    let unheard = if unheard { "; an alert does not go out" } else { "" };
    (state, format!("{since}{next}{unheard}"))
}

/// The reason in a few words, as the second half of "Down: …".
pub fn why(snapshot: &Snapshot) -> String {
    let verdict = &snapshot.verdict;
    match verdict.cause {
        Cause::None if verdict.state == State::Degraded => issue(verdict).0,
        Cause::None => "a person asked for it".into(),
        Cause::ProcessDead => match snapshot.check["facts"]["process"]["last_exit"].as_str() {
            None | Some("never") => "the bridge is not running".into(),
            Some(exit) => format!("the bridge is not running (last: {exit})"),
        },
        Cause::CrashLoop => "the bridge crashes again and again".into(),
        Cause::NotLoaded => "the service manager does not know the bridge".into(),
        Cause::LogStale => format!("the bridge hangs{}", silent(snapshot)),
        Cause::StopHang => "the bridge was told to stop and is still there".into(),
        Cause::Disconnected => "the bridge is not connected to Telegram".into(),
        Cause::Duplicate => "a second copy of the bridge is running".into(),
        Cause::SessionLocked => "another process locks the bridge's session".into(),
        Cause::BadCommit => "the bridge crashes again and again, and HEAD is the suspect".into(),
        Cause::Offline => "this machine is offline".into(),
        Cause::FloodWait => "Telegram's flood wait".into(),
        Cause::AuthRequired => "Telegram asks for a new login".into(),
        Cause::UpdateRunning => "an update is running".into(),
        Cause::RecoveryRunning => "another recovery is running".into(),
        Cause::Paused => "nothing is healed".into(),
        Cause::OperatorStop => "the bridge's operator stopped it".into(),
        Cause::DiskFull => "the disk is full".into(),
        Cause::ConfigError if no_service(snapshot) => "there is no service for the bridge".into(),
        Cause::ConfigError => "the bridge says that its setup is wrong (exit code 2)".into(),
        Cause::Unknown => "what can't be seen is not healed by force".into(),
    }
}

/// The other configuration error is the bridge's own, and names no command of ours.
pub fn no_service(snapshot: &Snapshot) -> bool {
    snapshot.history.run.is_none() && snapshot.verdict.next.contains("install")
}

pub fn process_known(snapshot: &Snapshot) -> bool {
    !snapshot.check["facts"]["process"].is_null()
}

/// What happens next, and what a person can do about it here.
fn next(view: &View, snapshot: &Snapshot, detail: &str, room: usize) -> String {
    let verdict = &snapshot.verdict;
    let clock = snapshot.clock;
    let plain = verdict.next.trim_end_matches('.');
    match (verdict.state, verdict.cause, snapshot.again) {
        (State::Unknown, ..) => detail.to_owned(),
        (State::Healthy, ..) => match snapshot.more.after_crash {
            Some(started) => format!("restarted at {} after a crash; checked every minute", at(started, clock)),
            None => "checked every minute, and the moment it dies".into(),
        },
        (State::Degraded, ..) if !detail.is_empty() => {
            let next = plain.split(';').next().unwrap_or_default();
            let room = room.saturating_sub(next.chars().count() + 2);
            match room {
                0..READABLE => next.to_owned(),
                _ => format!("{next}; {}", beginning(detail, room)),
            }
        }
        (State::Unhealthy, _, Some(again)) => format!("every rung was tried; again at {}", at(again, clock)),
        (_, Cause::AuthRequired, _) if !view.login.is_empty() => {
            // A command is of use only whole.
            let whole = format!("log in: cd {} && {}", at_home(view.root, view.home), view.login);
            if whole.chars().count() <= room { whole } else { format!("log in: {}", view.login) }
        }
        (_, Cause::Paused, _) => match snapshot.more.pause {
            Some(pause) => format!("recovery goes on at {}, or when you untick it below", at(pause.until, clock)),
            None => plain.to_owned(),
        },
        _ => plain.to_owned(),
    }
}

/// A log's line says at its beginning what it is about.
fn beginning(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room - 1).collect::<String>().trim_end().to_owned() + "\u{2026}"
}

fn silent(snapshot: &Snapshot) -> String {
    let clock = snapshot.clock;
    let since = snapshot.history.silent_since.map(|mono| clock.wall - (clock.mono - mono));
    since.map_or_else(String::new, |since| format!(", its log is silent since {}", at(since, clock)))
}

fn doing(rung: u8) -> &'static str {
    match rung {
        1 => "it is started anew",
        2 => "it is ended, then started",
        _ => TOLD,
    }
}

/// No process to speak of.
fn gone(cause: Cause) -> bool {
    matches!(cause, Cause::ProcessDead | Cause::CrashLoop | Cause::NotLoaded | Cause::BadCommit)
}

/// The first issue as the second half of a row, and apart from it what does not fit there: what stands after its colon,
/// a log's line or an error's own words.
fn issue(verdict: &Verdict) -> (String, String) {
    let issue = verdict.issues.first().map_or("", |issue| issue.trim_end_matches('.'));
    let mut letters = issue.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    // A name keeps its capital.
    let issue = if issue.starts_with("Telegram") { issue.to_owned() } else { first + letters.as_str() };
    match issue.split_once(": ") {
        Some((short, detail))
            if verdict.state == State::Unknown || issue.chars().count() > WIDTH - "Degraded: ".len() =>
        {
            (short.to_owned(), detail.to_owned())
        }
        _ => (issue, String::new()),
    }
}
