//! From a snapshot to the menu: an icon and rows, fixed in number and order, so that an open menu is only ever edited.
//! Pure; its sentences are `text`'s.

use crate::foreign_text::{Lines, harmless};
use crate::snapshot::{RECENT, Refusal, Snapshot, clean_refused, needs_person, restart_refused};
use crate::text::menu::{Place, WIDTH, at_home, looking, lost, refusal, rows};
use crate::text::{self, time::at};
use crate::time::{Clock, Wall};
use crate::verdict::{Cause, State};

/// Everything that the menu depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct View<'a> {
    /// `None` before the first look.
    pub snapshot: Option<&'a Snapshot>,
    /// Why the watch has ended.
    pub lost: Option<&'a str>,
    /// `None` where it can't be switched (the demo).
    pub starts_at_login: Option<bool>,
    /// config.toml says so; then the file does not decide.
    pub always_reverts: bool,
    /// When diagnostics were last copied.
    pub copied: Option<Wall>,
    /// The bridge is the demo's.
    pub demo: bool,
    pub place: Place<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    pub icon: Icon,
    pub tooltip: String,
    pub rows: Vec<Row>,
}

/// Each has its own shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    Healthy,
    Starting,
    Recovering,
    Degraded,
    /// For what ends by itself.
    Waiting,
    /// A person has to act; whatever the state is called, nothing else helps.
    Person,
    Paused,
    Stopped,
    Down,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// [`SEPARATOR`], or the name that a click on it carries.
    pub id: String,
    /// Escaped: a single `&` would mark an access key.
    pub text: String,
    pub enabled: bool,
    /// For a row that is switched on and off.
    pub checked: Option<bool>,
    /// The rows of a submenu.
    pub rows: Vec<Row>,
}

pub const SEPARATOR: &str = "-";

const AUTO_REVERT: &str = "Auto-revert: undo a fresh commit that crashes the bridge";

/// The menu for this view.
pub fn menu(view: &View) -> Menu {
    let (state, reason) = match (view.lost, view.snapshot) {
        (Some(why), _) => lost(why),
        (None, None) => looking(),
        (None, Some(snapshot)) => rows(snapshot, &view.place),
    };
    let tooltip = format!("Bridge Watchdog: {}", harmless(&state, Lines::Join));
    let snapshot = view.snapshot.filter(|_| view.lost.is_none());
    let mut menu = vec![row("state", state, false), row("reason", reason, false), separator()];
    menu.extend(acts(snapshot));
    menu.push(separator());
    menu.extend(switches(view, snapshot));
    menu.push(separator());
    menu.push(recent(view.snapshot));
    menu.push(either("log", "Open log", view.snapshot.is_some_and(|seen| seen.more.log), "there is none yet"));
    let copied =
        view.copied.zip(view.snapshot).map(|(copied, seen)| format!(" (copied at {})", at(copied, seen.clock)));
    menu.push(row("diagnostics", format!("Copy diagnostics{}", copied.unwrap_or_default()), true));
    menu.push(separator());
    if view.demo {
        menu.push(faults(snapshot));
    }
    let login = match view.starts_at_login {
        Some(on) => Row { checked: Some(on), ..row("login", "Start at login", snapshot.is_some()) },
        None => Row { checked: Some(false), ..row("login", "Start at login (not in the demo)", false) },
    };
    menu.push(login);
    menu.push(row("about", "About Bridge Watchdog", true));
    menu.push(row("quit", if view.demo { "Quit (ends the demo)" } else { "Quit (the bridge goes on)" }, true));
    written(&mut menu, view.place.home);
    Menu { icon: icon(view), tooltip, rows: menu }
}

/// The row with this id, wherever it is.
pub fn find<'a>(rows: &'a [Row], id: &str) -> Option<&'a Row> {
    rows.iter().find_map(|row| if row.id == id { Some(row) } else { find(&row.rows, id) })
}

fn icon(view: &View) -> Icon {
    let Some(snapshot) = view.snapshot.filter(|_| view.lost.is_none()) else { return Icon::Unknown };
    match snapshot.verdict.state {
        _ if needs_person(snapshot) => Icon::Person,
        _ if snapshot.rung.is_some() => Icon::Recovering,
        _ if snapshot.verdict.cause == Cause::Paused => Icon::Paused,
        State::Healthy => Icon::Healthy,
        State::Starting => Icon::Starting,
        State::Degraded => Icon::Degraded,
        State::Unhealthy => Icon::Down,
        State::Waiting => Icon::Waiting,
        State::Stopped => Icon::Stopped,
        State::Unknown => Icon::Unknown,
    }
}

/// What can be done by hand; a row that is disabled says why.
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
    vec![
        restart(snapshot),
        either("check", "Check now", snapshot.rung.is_none(), refusal(Refusal::Recovering)),
        locks(snapshot),
        revert(snapshot),
        undo(snapshot),
    ]
}

fn restart(snapshot: &Snapshot) -> Row {
    if let Some(why) = restart_refused(snapshot) {
        return row("restart", format!("Restart bridge ({})", refusal(why)), false);
    }
    // Not disabled: a person may just have logged in or made room, and then a restart is what is missing.
    let note = match snapshot.verdict.cause {
        Cause::FloodWait => " (makes the flood wait longer)",
        Cause::AuthRequired => " (helps only after the login)",
        Cause::DiskFull => " (helps only after making room)",
        _ => "",
    };
    row("restart", format!("Restart bridge{note}"), true)
}

fn locks(snapshot: &Snapshot) -> Row {
    let refused = clean_refused(snapshot);
    either("locks", "Clean locks", refused.is_none(), refused.map_or("", refusal))
}

/// With the commit that it is about.
fn revert(snapshot: &Snapshot) -> Row {
    let Some(head) = &snapshot.more.head else { return row("revert", "Revert HEAD (it can't be read)", false) };
    let refused =
        if snapshot.more.own_revert { Some("it is our own revert") } else { clean_refused(snapshot).map(refusal) };
    let why = refused.map_or_else(String::new, |why| format!(" ({why})"));
    row("revert", format!("Revert HEAD{why}: {} {}", head.short_id, head.summary), refused.is_none())
}

fn undo(snapshot: &Snapshot) -> Row {
    let refused = clean_refused(snapshot).map(refusal);
    let refused = if snapshot.more.own_revert { refused } else { Some("HEAD is no revert of ours") };
    either("undo", "Undo revert", refused.is_none(), refused.unwrap_or(""))
}

fn switches(view: &View, snapshot: Option<&Snapshot>) -> Vec<Row> {
    let auto_revert = snapshot.is_some_and(|seen| seen.more.auto_revert);
    let pause = snapshot.and_then(|seen| Some((seen.more.pause?, seen.clock)));
    let paused = pause.map(|(pause, clock): (_, Clock)| format!("Paused until {}", at(pause.until, clock)));
    vec![
        Row {
            checked: Some(auto_revert),
            ..if view.always_reverts {
                row("auto-revert", format!("{AUTO_REVERT} (set in config.toml)"), false)
            } else {
                row("auto-revert", AUTO_REVERT, snapshot.is_some())
            }
        },
        Row {
            checked: Some(paused.is_some()),
            ..row("pause", paused.unwrap_or_else(|| "Pause for 1 h".into()), snapshot.is_some())
        },
    ]
}

/// The newest first; unused rows are there too, and empty. That there is no event is said in a row and not in the
/// submenu's label: GTK shows that label as it was made, whatever is set later (muda gives the item a box, and
/// set_label() needs a label there).
fn recent(snapshot: Option<&Snapshot>) -> Row {
    let events = snapshot
        .iter()
        .flat_map(|seen| seen.more.recent.iter().rev().map(|event| text::menu::recent(event, seen.clock)));
    let mut texts: Vec<String> = events.take(RECENT).collect();
    if texts.is_empty() {
        texts.push("None so far".into());
    }
    texts.resize(RECENT, String::new());
    let rows = texts.into_iter().enumerate().map(|(nth, text)| row(&format!("event-{nth}"), text, false)).collect();
    Row { rows, ..row("recent", "Recent events", true) }
}

fn faults(snapshot: Option<&Snapshot>) -> Row {
    let there = snapshot.is_some_and(|seen| seen.history.run.is_some() && seen.rung.is_none());
    let rows = vec![
        // First the fault whose cure can be watched step by step; a crash is over in a second.
        row("fault-hang", "Hang: freeze the bridge", there),
        row("fault-crash", "Crash: kill the bridge", there),
        row("fault-stop", "Stop: ask the bridge to end", there),
        row("fault-flood", "Flood: Telegram says wait", there),
        row("fault-lock", "Lock: hold its session", there),
        row("fault-bad-commit", "Bad commit: make HEAD crash it", there),
    ];
    Row { rows, ..row("demo", "Demo: break the bridge", true) }
}

fn either(id: &str, text: &str, enabled: bool, otherwise: &str) -> Row {
    if enabled { row(id, text, true) } else { row(id, format!("{text} ({otherwise})"), false) }
}

fn row(id: &str, text: impl Into<String>, enabled: bool) -> Row {
    Row { id: id.into(), text: text.into(), enabled, checked: None, rows: Vec::new() }
}

fn separator() -> Row {
    row(SEPARATOR, "", false)
}

/// Makes every text fit for a menu.
fn written(rows: &mut [Row], home: &str) {
    for row in rows {
        row.text = label(&row.text, home);
        written(&mut row.rows, home);
    }
}

/// One line, not too long, with `&` escaped. Summaries, paths and log lines come from outside; of a long one the middle
/// is left out, since a path's name and an error's cause stand at its end.
fn label(text: &str, home: &str) -> String {
    let line = at_home(&harmless(text, Lines::Join), home);
    let length = line.chars().count();
    let cut = if length > WIDTH {
        let (head, tail) = (WIDTH / 2, WIDTH - WIDTH / 2 - 1);
        let head: String = line.chars().take(head).collect();
        let tail: String = line.chars().skip(length - tail).collect();
        format!("{}\u{2026}{}", head.trim_end(), tail.trim_start())
    } else {
        line
    };
    cut.replace('&', "&&")
}

#[cfg(test)]
#[path = "menu_tests.rs"]
mod tests;
