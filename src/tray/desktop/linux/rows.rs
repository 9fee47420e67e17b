//! Rows that are hidden while they have nothing to show. The menu library has no word for that; the menu is GTK's own, and
//! libdbusmenu tells the panel.

use gtk::prelude::*;
use muda::ContextMenu;

/// Hides or shows a row, found by its place in the menu and in each submenu on the way.
pub(crate) fn set_hidden(menu: &muda::Menu, place: &[usize], hidden: bool) {
    let mut menu = menu.gtk_context_menu();
    for (depth, nth) in place.iter().enumerate() {
        let Some(item) = menu.children().get(*nth).cloned().and_downcast::<gtk::MenuItem>() else { return };
        if depth + 1 == place.len() {
            return item.set_visible(!hidden);
        }
        let Some(below) = item.submenu().and_downcast::<gtk::Menu>() else { return };
        menu = below;
    }
}
