//! From a snapshot to the menu: an icon and rows, fixed in number and order, so that an open menu is only ever edited.
//! Pure; its sentences are `text`'s.

use crate::foreign_text::{Lines, harmless};
use crate::outages::KEPT;
use crate::snapshot::{Refusal, Snapshot, clean_refused, needs_person, restart_refused};
use crate::text::menu::{Place, WIDTH, at_home, looking, lost, refusal, rows};
use crate::text::outages::incident;
use crate::text::{self, time::at};
use crate::time::Wall;
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
    /// The bridge is the demo's: there is no configuration.
    pub demo: bool,
    /// The platform has a terminal to show the log in.
    pub terminal: bool,
    /// Alerts go to a person by Telegram.
    pub telegram: bool,
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
    /// It has nothing to show now, and its place is not seen.
    pub hidden: bool,
    /// What is used often has a key, while the menu is open. It never changes.
    pub key: Option<char>,
    /// The rows of a submenu.
    pub rows: Vec<Row>,
}

pub const SEPARATOR: &str = "-";

const AUTO_REVERT: &str = "Auto-revert: undo a fresh commit that crashes the bridge";
const ALERTED: &str = "Alerts go to you by Telegram";
const NOT_ALERTED: &str = "No alerts by Telegram: 'bridge-watchdog setup' makes the way";

/// The menu for this view.
pub fn menu(view: &View) -> Menu {
    let (state, reason) = match (view.lost, view.snapshot) {
        (Some(why), _) => lost(why),
        (None, None) => looking(),
        (None, Some(snapshot)) => rows(snapshot, &view.place),
    };
    // A person with both has to see which of them this is.
    let state = if view.demo { format!("Demo: {}", in_a_sentence(&state)) } else { state };
    let tooltip = format!("Bridge Watchdog: {}", harmless(&state, Lines::Join));
    let snapshot = view.snapshot.filter(|_| view.lost.is_none());
    let mut menu = vec![row("state", state, false), row("reason", reason, false), separator()];
    if view.demo {
        menu.extend([keyed(row("setup", "Set up\u{2026}", true), ','), faults(snapshot), separator()]);
    }
    menu.extend([restart(snapshot), check(snapshot), locks(snapshot), revert(snapshot), pause(snapshot), separator()]);
    menu.push(keyed(row("status", "Show status", true), 'i'));
    menu.push(recent(view.snapshot));
    let log = view.snapshot.is_some_and(|seen| seen.more.log);
    menu.push(keyed(either("log", "Open log", log, "there is none yet"), 'l'));
    if view.terminal {
        menu.push(keyed(either("log-terminal", "Show log in terminal", log, "there is none yet"), 't'));
    }
    menu.extend([separator(), more(view, snapshot), row("about", "About Bridge Watchdog", true)]);
    menu.push(keyed(
        row("quit", if view.demo { "Quit (ends the demo)" } else { "Quit (the bridge goes on)" }, true),
        'q',
    ));
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

fn restart(snapshot: Option<&Snapshot>) -> Row {
    let Some(snapshot) = snapshot else { return keyed(row("restart", "Restart bridge", false), 'r') };
    keyed(restart_or_start(snapshot), 'r')
}

fn restart_or_start(snapshot: &Snapshot) -> Row {
    match restart_refused(snapshot) {
        Some(Refusal::OperatorStop) => return row("restart", "Start bridge\u{2026}", true),
        Some(why) => return row("restart", format!("Restart bridge ({})", refusal(why)), false),
        None => {}
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

fn check(snapshot: Option<&Snapshot>) -> Row {
    let why = snapshot.and_then(busy);
    let Some(why) = why else { return keyed(row("check", "Check now", snapshot.is_some()), 'k') };
    keyed(either("check", "Check now", false, refusal(why)), 'k')
}

/// A look would have to wait for what is at work.
fn busy(snapshot: &Snapshot) -> Option<Refusal> {
    restart_refused(snapshot).filter(|why| matches!(why, Refusal::Recovering | Refusal::Asked))
}

/// Its label stays; what is so now is its first row.
fn pause(snapshot: Option<&Snapshot>) -> Row {
    let paused = snapshot.and_then(|seen| seen.more.pause);
    let clock = snapshot.map(|seen| seen.clock).unwrap_or_default();
    let there = snapshot.is_some();
    let known = || text::menu::pause(paused.map(|pause| pause.until), clock);
    let state = if there { known() } else { "Not known yet".into() };
    let rows = vec![
        row("pause-state", state, false),
        row("resume", "Resume now", paused.is_some()),
        separator(),
        row("pause-15m", "Pause for 15 min", there),
        row("pause-1h", "Pause for 1 h", there),
        row("pause-tomorrow", "Pause until tomorrow, 08:00", there),
        row("pause-open", "Pause until I resume", there),
    ];
    Row { rows, ..row("pause", "Pause recovery", true) }
}

/// What is rarely asked for. A row that is disabled says why.
fn more(view: &View, snapshot: Option<&Snapshot>) -> Row {
    let copied =
        view.copied.zip(view.snapshot).map(|(copied, seen)| format!(" (copied at {})", at(copied, seen.clock)));
    let login = match view.starts_at_login {
        Some(on) => Row { checked: Some(on), ..row("login", "Start at login", snapshot.is_some()) },
        None => Row { checked: Some(false), ..row("login", "Start at login (not in the demo)", false) },
    };
    let rows = vec![
        undo(snapshot),
        auto_revert(view, snapshot),
        separator(),
        row("diagnostics", format!("Copy diagnostics{}", copied.unwrap_or_default()), true),
        row("alerts", if view.telegram { ALERTED } else { NOT_ALERTED }, false),
        login,
    ];
    Row { rows, ..row("more", "More", true) }
}

fn locks(snapshot: Option<&Snapshot>) -> Row {
    let refused = snapshot.and_then(clean_refused);
    let Some(why) = refused else { return row("locks", "Clean locks", snapshot.is_some()) };
    either("locks", "Clean locks", false, refusal(why))
}

/// With the commit that it is about.
fn revert(snapshot: Option<&Snapshot>) -> Row {
    let Some(snapshot) = snapshot else { return row("revert", "Revert HEAD", false) };
    let Some(head) = &snapshot.more.head else { return row("revert", "Revert HEAD (it can't be read)", false) };
    let refused =
        if snapshot.more.own_revert { Some("it is our own revert") } else { clean_refused(snapshot).map(refusal) };
    let why = refused.map_or_else(String::new, |why| format!(" ({why})"));
    row("revert", format!("Revert HEAD{why}: {} {}", head.short_id, head.summary), refused.is_none())
}

fn undo(snapshot: Option<&Snapshot>) -> Row {
    let Some(snapshot) = snapshot else { return row("undo", "Undo revert", false) };
    let refused = clean_refused(snapshot).map(refusal);
    let refused = if snapshot.more.own_revert { refused } else { Some("HEAD is no revert of ours") };
    either("undo", "Undo revert", refused.is_none(), refused.unwrap_or(""))
}

fn auto_revert(view: &View, snapshot: Option<&Snapshot>) -> Row {
    let on = snapshot.is_some_and(|seen| seen.more.auto_revert);
    let row = if view.always_reverts {
        row("auto-revert", format!("{AUTO_REVERT} (set in config.toml)"), false)
    } else {
        row("auto-revert", AUTO_REVERT, snapshot.is_some())
    };
    Row { checked: Some(on), ..row }
}

/// The newest first; rows without an incident are hidden. That there is none is said in a row and not in the submenu's
/// label, which GTK shows as it was made, whatever is set later.
fn recent(snapshot: Option<&Snapshot>) -> Row {
    let incidents =
        snapshot.iter().flat_map(|seen| seen.more.outages.iter().rev().map(|outage| incident(outage, seen.clock)));
    let mut texts: Vec<String> = incidents.take(KEPT).collect();
    if texts.is_empty() {
        texts.push(if snapshot.is_some() { "None so far" } else { "Not known yet" }.into());
    }
    let shown = texts.len();
    texts.resize(KEPT, String::new());
    let row_of = |(nth, text)| Row { hidden: nth >= shown, ..row(&format!("incident-{nth}"), text, false) };
    Row { rows: texts.into_iter().enumerate().map(row_of).collect(), ..row("recent", "Recent incidents", true) }
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
    Row { id: id.into(), text: text.into(), enabled, checked: None, hidden: false, key: None, rows: Vec::new() }
}

fn keyed(row: Row, key: char) -> Row {
    Row { key: Some(key), ..row }
}

/// With a small first letter, as it stands after a colon.
fn in_a_sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().to_string() + letters.as_str())
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
