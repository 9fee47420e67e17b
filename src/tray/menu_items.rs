//! The menu's rows: made once, then edited in place and only where something changed. A menu that is open must never be
//! rebuilt: there are reports of crashes on macOS.

use std::collections::HashMap;

use bridge_watchdog::menu::{Row, SEPARATOR};
use muda::accelerator::{Accelerator, CMD_OR_CTRL, Code};
use muda::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};

use super::desktop;

pub(super) struct MenuItems {
    pub menu: Menu,
    items: HashMap<String, Item>,
    shown: Vec<Row>,
}

enum Item {
    Plain(MenuItem),
    Check(CheckMenuItem),
    Sub(Submenu),
}

impl MenuItems {
    /// # Errors
    /// What the menu library says.
    pub(super) fn new(rows: &[Row]) -> Result<MenuItems, String> {
        let menu = Menu::new();
        let mut items = HashMap::new();
        for row in rows {
            menu.append(&*make(row, &mut items)?).map_err(|error| wrong(&error))?;
        }
        Ok(MenuItems { menu, items, shown: rows.to_vec() })
    }

    /// Hides what has nothing to show. After the menu was handed over, which shows every row.
    pub(super) fn hide(&self) {
        for (place, row) in placed(&self.shown).into_iter().filter(|(_, row)| row.hidden) {
            desktop::set_hidden(&self.menu, &place, row.hidden);
        }
    }

    pub(super) fn show(&mut self, rows: &[Row]) {
        for ((place, row), before) in placed(rows).into_iter().zip(flat(&self.shown)) {
            if row.hidden != before.hidden {
                desktop::set_hidden(&self.menu, &place, row.hidden);
            }
        }
        for (row, before) in flat(rows).into_iter().zip(flat(&self.shown)) {
            let Some(item) = self.items.get(&row.id) else { continue };
            if row.text != before.text {
                item.set_text(&text(row));
            }
            if row.enabled != before.enabled {
                item.set_enabled(row.enabled);
            }
            if row.checked != before.checked {
                item.set_checked(row.checked);
            }
        }
        self.shown = rows.to_vec();
    }

    /// A check item toggles itself when it is clicked, so the true value is set again.
    pub(super) fn correct(&self, id: &str) {
        let row = flat(&self.shown).into_iter().find(|row| row.id == id);
        if let (Some(row), Some(item)) = (row, self.items.get(id)) {
            item.set_checked(row.checked);
        }
    }

    /// The row as it is shown. A click on a disabled one still arrives over D-Bus.
    pub(super) fn enabled(&self, id: &str) -> Option<&Row> {
        flat(&self.shown).into_iter().find(|row| row.id == id && row.enabled)
    }
}

impl Item {
    fn set_text(&self, text: &str) {
        match self {
            Item::Plain(item) => item.set_text(text),
            Item::Check(item) => item.set_text(text),
            Item::Sub(item) => item.set_text(text),
        }
    }

    fn set_enabled(&self, enabled: bool) {
        match self {
            Item::Plain(item) => item.set_enabled(enabled),
            Item::Check(item) => item.set_enabled(enabled),
            Item::Sub(item) => item.set_enabled(enabled),
        }
    }

    fn set_checked(&self, checked: Option<bool>) {
        if let (Item::Check(item), Some(checked)) = (self, checked) {
            item.set_checked(checked);
        }
    }
}

fn make(row: &Row, items: &mut HashMap<String, Item>) -> Result<Box<dyn IsMenuItem>, String> {
    if row.id == SEPARATOR {
        return Ok(Box::new(PredefinedMenuItem::separator()));
    }
    let id = row.id.as_str();
    if !row.rows.is_empty() {
        let sub = Submenu::with_id(id, text(row), row.enabled);
        for below in &row.rows {
            sub.append(&*make(below, items)?).map_err(|error| wrong(&error))?;
        }
        items.insert(id.into(), Item::Sub(sub.clone()));
        return Ok(Box::new(sub));
    }
    if let Some(checked) = row.checked {
        let check = CheckMenuItem::with_id(id, text(row), row.enabled, checked, None);
        items.insert(id.into(), Item::Check(check.clone()));
        return Ok(Box::new(check));
    }
    let plain = MenuItem::with_id(id, text(row), row.enabled, row.key.and_then(key));
    items.insert(id.into(), Item::Plain(plain.clone()));
    Ok(Box::new(plain))
}

/// The menu in the type that tray-icon takes. This compiles only if tray-icon uses the same version of muda as we do.
pub(super) fn for_the_tray(menu: &Menu) -> Box<dyn tray_icon::menu::ContextMenu> {
    let same: tray_icon::menu::Menu = menu.clone();
    Box::new(same)
}

/// With the Command key on a Mac. A panel on Linux takes none, and has access keys.
fn key(letter: char) -> Option<Accelerator> {
    let code = match letter {
        ',' => Code::Comma,
        'i' => Code::KeyI,
        'k' => Code::KeyK,
        'l' => Code::KeyL,
        'q' => Code::KeyQ,
        'r' => Code::KeyR,
        't' => Code::KeyT,
        _ => return None,
    };
    Some(Accelerator::new(CMD_OR_CTRL, code))
}

/// On Linux with the letter marked that picks the row while the menu is open.
fn text(row: &Row) -> String {
    let letter = row.key.filter(|_| cfg!(target_os = "linux"));
    let at = letter.and_then(|letter| row.text.to_lowercase().find(letter));
    match at.filter(|at| row.text.is_char_boundary(*at)) {
        Some(at) => format!("{}&{}", &row.text[..at], &row.text[at..]),
        None => row.text.clone(),
    }
}

/// Each row with its place: its number, or its submenu's and its own.
fn placed(rows: &[Row]) -> Vec<(Vec<usize>, &Row)> {
    let below = |nth: usize, row: &'_ Row| (0..row.rows.len()).map(move |below| vec![nth, below]).collect::<Vec<_>>();
    let places = rows.iter().enumerate().flat_map(|(nth, row)| std::iter::once(vec![nth]).chain(below(nth, row)));
    places.zip(flat(rows)).collect()
}

fn flat(rows: &[Row]) -> Vec<&Row> {
    rows.iter().flat_map(|row| std::iter::once(row).chain(&row.rows)).collect()
}

fn wrong(error: &muda::Error) -> String {
    format!("the menu can't be made: {error}")
}
