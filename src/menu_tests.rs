//! A snapshot in, all rows out: the whole menu of every situation is compared with `menu_expected.txt`, which a person
//! reads: first the healthy one, then of each the rows that are not as in that one. `BLESS=1 cargo test menu` writes it anew.

#[path = "menu_situations.rs"]
mod situations;

use situations::{NOW, situations, snapshot};

use super::*;

fn view(snapshot: &Snapshot) -> View<'_> {
    View {
        snapshot: Some(snapshot),
        lost: None,
        starts_at_login: Some(true),
        always_reverts: false,
        copied: None,
        demo: false,
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
            // As many rows, in the same order: only what differs is worth a reader's time.
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
    let healthy = snapshot(State::Healthy, Cause::None, "", "");
    let nothing = View { snapshot: None, ..view(&healthy) };
    let mut opted_in = healthy.clone();
    opted_in.more.auto_revert = true;
    opted_in.more.log = false;
    opted_in.more.own_revert = true;
    opted_in.more.recent.clear();
    let rows: [(&str, View); 5] = [
        ("before the first look", nothing),
        ("the watch does not answer", View { lost: Some("the watch has not answered since 14:01"), ..view(&healthy) }),
        (
            "opted in by config.toml, no log, our own revert",
            View { always_reverts: true, starts_at_login: Some(false), ..view(&opted_in) },
        ),
        ("diagnostics copied", View { copied: Some(NOW), ..view(&healthy) }),
        ("the demo", View { demo: true, starts_at_login: None, ..view(&healthy) }),
    ];
    for (name, view) in rows {
        add(name, &view);
    }
    if std::env::var_os("BLESS").is_some() {
        return std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/menu_expected.txt"), &all).unwrap();
    }
    for (actual, expected) in all.split("\n\n").zip(include_str!("menu_expected.txt").split("\n\n")) {
        assert_eq!(actual, expected);
    }
    assert_eq!(all, include_str!("menu_expected.txt"));
}

#[test]
fn number_order_and_kind_of_rows_never_change() {
    fn shape(rows: &[Row]) -> Vec<(String, bool, usize)> {
        rows.iter().map(|row| (row.id.clone(), row.checked.is_some(), row.rows.len())).collect()
    }
    let first = View {
        snapshot: None,
        lost: None,
        starts_at_login: Some(true),
        always_reverts: false,
        copied: None,
        demo: false,
    };
    let expected = shape(&menu(&first).rows);
    for (name, snapshot) in situations() {
        assert_eq!(shape(&menu(&view(&snapshot)).rows), expected, "{name}");
    }
}

#[test]
fn a_text_from_outside_is_one_short_line() {
    assert_eq!(label("a\nb\u{7}c & d"), "a b c && d");
    assert_eq!(label(&"x".repeat(200)).chars().count(), WIDTH);
}

/// `+` enabled, `-` disabled; a line a row.
fn rendered(rows: &[Row]) -> Vec<String> {
    let lines = rows.iter().flat_map(|row| {
        let sign = if row.enabled { "+" } else { "-" };
        let check = row.checked.map_or("", |checked| if checked { "[x] " } else { "[ ] " });
        let text = if row.id == SEPARATOR { "---" } else { &row.text };
        let below = rendered(&row.rows).into_iter().map(|line| format!("    {line}"));
        std::iter::once(format!("{sign} {check}{text}\n")).chain(below).collect::<Vec<_>>()
    });
    lines.collect()
}
