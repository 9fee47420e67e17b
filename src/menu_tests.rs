//! From a snapshot to all rows: the whole menu of every situation is compared with `menu_expected.txt`. For review it
//! has the healthy menu first, and then for each situation the rows that differ from it. `BLESS=1 cargo test menu`
//! writes it again.

use super::*;
use crate::expected::is_as_read;
use crate::situations::{NOW, situations, snapshot};
use crate::verdict::Next;

const PLACE: Place = Place {
    home: "/Users/somebody",
    login: ".venv/bin/python scripts/telegram_login.py",
    root: "/Users/somebody/src/ai",
};

fn view(snapshot: &Snapshot) -> View<'_> {
    View {
        snapshot: Some(snapshot),
        lost: None,
        starts_at_login: Some(true),
        always_reverts: false,
        copied: None,
        demo: false,
        terminal: true,
        telegram: true,
        place: PLACE,
    }
}

#[test]
fn every_state_and_cause_has_its_rows() {
    let mut all = String::new();
    let mut first: Vec<String> = Vec::new();
    let mut add = |name: &str, view: &View| {
        let menu = menu(view);
        let lines = rendered(&menu.rows);
        all.push_str(&format!("== {name}: {:?}\n", menu.icon));
        if lines.len() == first.len() {
            // As many rows in the same order: only those that differ are written.
            lines.iter().zip(&first).filter(|(line, first)| line != first).for_each(|(line, _)| all.push_str(line));
        } else {
            all.push_str(&lines.concat());
        }
        all.push('\n');
        if first.is_empty() {
            first = lines;
        }
    };
    for (name, snapshot) in situations() {
        add(name, &view(&snapshot));
    }
    let healthy = snapshot(Vec::new(), Next::Watch);
    let nothing = View { snapshot: None, ..view(&healthy) };
    let mut opted_in = healthy.clone();
    opted_in.more.auto_revert = true;
    opted_in.more.log = false;
    opted_in.more.own_revert = true;
    let login = situations().into_iter().find(|(name, _)| *name == "auth-required").expect("a situation").1;
    let rows: [(&str, View); 6] = [
        ("before the first look", nothing),
        ("the watch does not answer", View { lost: Some("the watch has not answered since 14:01"), ..view(&healthy) }),
        (
            "opted in by config.toml, no log, our own revert",
            View { always_reverts: true, starts_at_login: Some(false), ..view(&opted_in) },
        ),
        (
            "auth-required, far from home",
            View { place: Place { root: "/Volumes/Data/checkouts/of/somebody/telegram/ai", ..PLACE }, ..view(&login) },
        ),
        ("diagnostics copied", View { copied: Some(NOW), ..view(&healthy) }),
        ("the demo", View { demo: true, starts_at_login: None, terminal: false, telegram: false, ..view(&healthy) }),
    ];
    for (name, view) in rows {
        add(name, &view);
    }
    is_as_read("menu_expected.txt", &all);
}

/// A submenu's label does not change either: on Linux it is shown as it was made.
#[test]
fn number_order_and_kind_of_rows_never_change() {
    fn shape(rows: &[Row]) -> Vec<(String, bool, usize, Option<String>)> {
        let label = |row: &Row| (!row.rows.is_empty()).then(|| row.text.clone());
        rows.iter().map(|row| (row.id.clone(), row.checked.is_some(), row.rows.len(), label(row))).collect()
    }
    let healthy = snapshot(Vec::new(), Next::Watch);
    let first = View { snapshot: None, ..view(&healthy) };
    let expected = shape(&menu(&first).rows);
    for (name, snapshot) in situations() {
        assert_eq!(shape(&menu(&view(&snapshot)).rows), expected, "{name}");
    }
}

/// Only what comes from outside may be too long for a row.
#[test]
fn our_own_sentences_can_be_read_whole() {
    for (name, snapshot) in situations() {
        let rows = menu(&view(&snapshot)).rows;
        let cut = rows[..2].iter().any(|row| row.text.contains('\u{2026}'));
        let outside = matches!(name, "degraded" | "an alert does not go out" | "unknown, the log is denied");
        assert_eq!(cut, outside, "{name}: {} / {}", rows[0].text, rows[1].text);
    }
}

#[test]
fn a_text_from_outside_is_one_short_line() {
    assert_eq!(label("a\nb\u{7}c & d", ""), "a bc && d");
    // R29: what a commit's summary may have in it, whole.
    let summary = "Fix \u{1b}]8;;http://evil/\u{1b}\\the \u{202e}gnp.exe\u{1b}]8;;\u{1b}\\ \u{200b}\u{9b}31mnow";
    assert_eq!(label(summary, ""), "Fix the gnp.exe now");
    assert_eq!(label("/Users/me/src can't be written", "/Users/me"), "~/src can't be written");
    let path = "/Volumes/a/rather/long/way/down/to/a/place/where/nobody/looks/but/the/bridge";
    let cut = label(&format!("failed: {path}/data/auto-revert-enabled can't be written: Permission denied"), "");
    assert_eq!(cut, "failed: /Volumes/a/rather/long/way/down/\u{2026}led can't be written: Permission denied");
    assert_eq!(cut.chars().count(), WIDTH);
}

/// `+` enabled, `-` disabled; one line for each row.
fn rendered(rows: &[Row]) -> Vec<String> {
    let lines = rows.iter().flat_map(|row| {
        let sign = if row.enabled { "+" } else { "-" };
        let check = row.checked.map_or("", |checked| if checked { "[x] " } else { "[ ] " });
        let text = if row.id == SEPARATOR { "---" } else { &row.text };
        let below = rendered(&row.rows).into_iter().map(|line| format!("    {line}"));
        let hidden = if row.hidden { " (hidden)" } else { "" };
        let line = format!("{sign} {check}{text}{hidden}");
        std::iter::once(line.trim_end().to_owned() + "\n").chain(below).collect::<Vec<_>>()
    });
    lines.collect()
}
