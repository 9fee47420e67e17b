//! Rows that are hidden while they have nothing to show. The menu library has no word for that; AppKit's own rows have, and
//! to set it in a menu that is open rebuilds nothing.

use muda::ContextMenu;
use objc2::rc::Retained;
use objc2_app_kit::NSMenu;

/// Hides or shows a row, found by its place in the menu and in each submenu on the way.
pub(crate) fn set_hidden(menu: &muda::Menu, place: &[usize], hidden: bool) {
    // SAFETY: the pointer is to the menu's own NSMenu, which lives as long as `menu`; it is retained here.
    let Some(mut menu) = (unsafe { Retained::retain(menu.ns_menu().cast::<NSMenu>()) }) else { return };
    for (depth, nth) in place.iter().enumerate() {
        let Some(item) = isize::try_from(*nth).ok().and_then(|nth| menu.itemAtIndex(nth)) else { return };
        if depth + 1 == place.len() {
            return item.setHidden(hidden);
        }
        let Some(below) = item.submenu() else { return };
        menu = below;
    }
}
