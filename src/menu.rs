//! From a snapshot to the menu: an icon and rows, fixed in number and order, so that an open menu is only ever edited.
//! Pure. Times are clock times, which stay true while the menu is open.

use crate::assess::{Cause, State, Verdict};
use crate::facts::Clock;
use crate::snapshot::{RECENT, Snapshot};
use crate::words::at;

/// Everything that the menu depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct View<'a> {
    /// `None` before the first look.
    pub snapshot: Option<&'a Snapshot>,
    /// Why there is no watch any more.
    pub lost: Option<&'a str>,
    /// `None` where it can't be switched (the demo).
    pub starts_at_login: Option<bool>,
    /// config.toml itself says so; then no file decides.
    pub always_reverts: bool,
    /// When diagnostics were last copied.
    pub copied: Option<f64>,
    /// The bridge is the demo's.
    pub demo: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    pub icon: Icon,
    pub tooltip: String,
    pub rows: Vec<Row>,
}

/// One shape a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    Healthy,
    Starting,
    Recovering,
    Degraded,
    Waiting,
    Stopped,
    Down,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// [`SEPARATOR`], or what a click is known by.
    pub id: String,
    /// Escaped: a single `&` would mark a key.
    pub text: String,
    pub enabled: bool,
    /// For a row that is switched on and off.
    pub checked: Option<bool>,
    /// The rows of a submenu.
    pub rows: Vec<Row>,
}

pub const SEPARATOR: &str = "-";

/// A menu wider than this covers too much of a screen.
const WIDTH: usize = 88;
const RECOVERING: &str = "a recovery is running";
const LATER: &str = "not available yet";

/// The menu for this view.
pub fn menu(view: &View) -> Menu {
    let (state, reason) = words(view);
    let tooltip = format!("Bridge Watchdog: {state}");
    let snapshot = view.snapshot.filter(|_| view.lost.is_none());
    let mut rows = vec![row("state", state, false), row("reason", reason, false), separator()];
    rows.extend(acts(snapshot));
    rows.push(separator());
    rows.extend(switches(view, snapshot));
    rows.push(separator());
    rows.push(recent(view.snapshot));
    rows.push(either("log", "Open log", view.snapshot.is_some_and(|seen| seen.more.log), "there is none yet"));
    let copied =
        view.copied.zip(view.snapshot).map(|(copied, seen)| format!(" (copied at {})", at(copied, seen.clock)));
    rows.push(row("diagnostics", format!("Copy diagnostics{}", copied.unwrap_or_default()), true));
    rows.push(separator());
    if view.demo {
        rows.push(faults(snapshot));
    }
    let login = match view.starts_at_login {
        Some(on) => Row { checked: Some(on), ..row("login", "Start at login", snapshot.is_some()) },
        None => Row { checked: Some(false), ..row("login", "Start at login (not in the demo)", false) },
    };
    rows.push(login);
    rows.push(row("about", "About Bridge Watchdog", true));
    rows.push(row("quit", if view.demo { "Quit (ends the demo)" } else { "Quit (the bridge goes on)" }, true));
    Menu { icon: icon(view), tooltip, rows }
}

/// The row with this id, wherever it is.
pub fn find<'a>(rows: &'a [Row], id: &str) -> Option<&'a Row> {
    rows.iter().find_map(|row| if row.id == id { Some(row) } else { find(&row.rows, id) })
}

fn icon(view: &View) -> Icon {
    let Some(snapshot) = view.snapshot.filter(|_| view.lost.is_none()) else { return Icon::Unknown };
    match snapshot.verdict.state {
        _ if snapshot.rung.is_some() => Icon::Recovering,
        State::Healthy => Icon::Healthy,
        State::Starting => Icon::Starting,
        State::Degraded => Icon::Degraded,
        State::Unhealthy => Icon::Down,
        State::Waiting => Icon::Waiting,
        State::Stopped => Icon::Stopped,
        State::Unknown => Icon::Unknown,
    }
}

/// The first two rows: the state in words; since when, and what happens next.
fn words(view: &View) -> (String, String) {
    if let Some(why) = view.lost {
        return (format!("Nobody watches: {why}"), "Bridge Watchdog ends now, to be started again".into());
    }
    let Some(snapshot) = view.snapshot else {
        return ("Looking at the bridge".into(), "the first look takes a moment".into());
    };
    let since = at(snapshot.since, snapshot.clock);
    if let Some((rung, began)) = snapshot.rung {
        let state = format!("Recovering, rung {rung} of 5, since {}", at(began, snapshot.clock));
        return (state, format!("{}; {}", why(snapshot), doing(rung)));
    }
    let verdict = &snapshot.verdict;
    let state = match verdict.state {
        State::Healthy => "Healthy".into(),
        State::Starting => "Starting".into(),
        State::Degraded => format!("Degraded: {}", first_issue(verdict)),
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
    let state = if hidden && snapshot.memory.run.is_none() && process_known(snapshot) {
        format!("{state}; the bridge is down")
    } else {
        state
    };
    let cause = first_issue(verdict);
    let next = match (verdict.state, snapshot.again) {
        (State::Unknown, _) => cause.split_once(": ").map_or(&*verdict.next, |(_, why)| why).to_owned(),
        (State::Healthy, _) => "looked at once a minute, and at once when it dies".into(),
        (State::Unhealthy, Some(again)) => {
            format!("every rung was tried; again at {}", at(again, snapshot.clock))
        }
        _ => verdict.next.trim_end_matches('.').to_owned(),
    };
    let unheard = snapshot.memory.undelivered.is_some() && verdict.state != State::Degraded;
    let unheard = if unheard { "; an alert does not go out" } else { "" };
    (state, format!("since {since}; {next}{unheard}"))
}

/// The reason in a few words, as the second half of "Down: …".
fn why(snapshot: &Snapshot) -> String {
    let verdict = &snapshot.verdict;
    match verdict.cause {
        Cause::None if verdict.state == State::Degraded => first_issue(verdict),
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

fn silent(snapshot: &Snapshot) -> String {
    let clock = snapshot.clock;
    let since = snapshot.memory.silent_since.map(|mono| clock.wall - (clock.mono - mono));
    since.map_or_else(String::new, |since| format!(", its log is silent since {}", at(since, clock)))
}

fn doing(rung: u8) -> &'static str {
    match rung {
        1 => "it is started anew",
        2 => "what hangs is ended, then it is started",
        3 => "its session is freed, then it is started",
        4 => "HEAD is reverted, then it is started",
        _ => "a person is told",
    }
}

/// No process to speak of.
fn gone(cause: Cause) -> bool {
    matches!(cause, Cause::ProcessDead | Cause::CrashLoop | Cause::NotLoaded | Cause::BadCommit)
}

fn first_issue(verdict: &Verdict) -> String {
    let issue = verdict.issues.first().map_or("", |issue| issue.trim_end_matches('.'));
    let mut letters = issue.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    // A name keeps its capital.
    if issue.starts_with("Telegram") { issue.to_owned() } else { first + letters.as_str() }
}

/// The other configuration error is the bridge's own, and names no command of ours.
fn no_service(snapshot: &Snapshot) -> bool {
    snapshot.memory.run.is_none() && snapshot.verdict.next.contains("install")
}

fn process_known(snapshot: &Snapshot) -> bool {
    !snapshot.check["facts"]["process"].is_null()
}

/// What can be done by hand, each row with the reason where it can't.
fn acts(snapshot: Option<&Snapshot>) -> Vec<Row> {
    let Some(snapshot) = snapshot else {
        return [
            ("restart", "Restart bridge"),
            ("check", "Check now"),
            ("locks", "Clean locks"),
            ("revert", "Revert HEAD"),
            ("undo", "Undo revert"),
        ]
        .map(|(id, text)| row(id, text, false))
        .to_vec();
    };
    let head = snapshot.more.head.as_ref().map_or_else(String::new, |(id, summary)| format!(": {id} {summary}"));
    let undo = if snapshot.more.own_revert { LATER } else { "HEAD is no revert of ours" };
    vec![
        restart(snapshot),
        either("check", "Check now", snapshot.rung.is_none(), RECOVERING),
        either("locks", "Clean locks", false, LATER),
        row("revert", format!("Revert HEAD ({LATER}){head}"), false),
        either("undo", "Undo revert", false, undo),
    ]
}

fn restart(snapshot: &Snapshot) -> Row {
    let verdict = &snapshot.verdict;
    let refused = match verdict.cause {
        _ if snapshot.rung.is_some() => Some(RECOVERING),
        _ if !process_known(snapshot) => Some("its service manager can't be asked"),
        Cause::RecoveryRunning => Some("another recovery is running"),
        Cause::UpdateRunning => Some("an update is running"),
        Cause::OperatorStop => Some("its operator stopped it"),
        Cause::ConfigError if no_service(snapshot) => Some("there is no service for it"),
        _ => None,
    };
    match refused {
        Some(why) => row("restart", format!("Restart bridge ({why})"), false),
        None if verdict.cause == Cause::FloodWait => {
            row("restart", "Restart bridge (makes the flood wait longer)", true)
        }
        None => row("restart", "Restart bridge", true),
    }
}

fn switches(view: &View, snapshot: Option<&Snapshot>) -> Vec<Row> {
    let auto_revert = snapshot.is_some_and(|seen| seen.more.auto_revert);
    let pause = snapshot.and_then(|seen| Some((seen.more.pause?, seen.clock)));
    let paused = pause.map(|(pause, clock): (_, Clock)| format!("Paused until {}", at(pause.until, clock)));
    vec![
        Row {
            checked: Some(auto_revert),
            ..if view.always_reverts {
                row("auto-revert", "Auto-revert (set in config.toml)", false)
            } else {
                row("auto-revert", "Auto-revert", snapshot.is_some())
            }
        },
        Row {
            checked: Some(paused.is_some()),
            ..row("pause", paused.unwrap_or_else(|| "Pause for 1 h".into()), snapshot.is_some())
        },
    ]
}

/// The newest first; rows without an event are there all the same.
fn recent(snapshot: Option<&Snapshot>) -> Row {
    let events = snapshot.map_or(&[][..], |seen| &seen.more.recent);
    let mut texts: Vec<String> = snapshot
        .iter()
        .flat_map(|seen| events.iter().rev().map(|event| format!("{}  {}", at(event.at, seen.clock), event.text)))
        .take(RECENT)
        .collect();
    if texts.is_empty() {
        texts.push("nothing so far".into());
    }
    texts.resize(RECENT, "\u{b7}".into());
    let rows = texts.into_iter().enumerate().map(|(nth, text)| row(&format!("event-{nth}"), text, false)).collect();
    Row { rows, ..row("recent", "Recent events", true) }
}

fn faults(snapshot: Option<&Snapshot>) -> Row {
    let there = snapshot.is_some_and(|seen| seen.memory.run.is_some() && seen.rung.is_none());
    let rows = vec![
        row("fault-crash", "Crash: kill the bridge", there),
        row("fault-hang", "Hang: freeze the bridge", there),
        row("fault-stop", "Stop: ask the bridge to end", there),
        row("fault-flood", "Flood: Telegram says wait", there),
        row("fault-lock", format!("Lock: hold its session (the cure is {LATER})"), false),
        row("fault-bad-commit", format!("Bad commit (the cure is {LATER})"), false),
    ];
    Row { rows, ..row("demo", "Demo: break the bridge", true) }
}

fn either(id: &str, text: &str, enabled: bool, otherwise: &str) -> Row {
    if enabled { row(id, text, true) } else { row(id, format!("{text} ({otherwise})"), false) }
}

fn row(id: &str, text: impl Into<String>, enabled: bool) -> Row {
    Row { id: id.into(), text: label(&text.into()), enabled, checked: None, rows: Vec::new() }
}

fn separator() -> Row {
    row(SEPARATOR, "", false)
}

/// One line, not too long, with `&` escaped. Summaries and log lines come from outside.
fn label(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cut = if line.chars().count() > WIDTH {
        line.chars().take(WIDTH - 1).collect::<String>().trim_end().to_owned() + "\u{2026}"
    } else {
        line
    };
    cut.replace('&', "&&")
}

#[cfg(test)]
#[path = "menu_tests.rs"]
mod tests;
