//! The icon in the menu bar, made once.

use std::path::Path;

use bridge_watchdog::menu::{Icon, Menu};
use tray_icon::{TrayIcon, TrayIconBuilder};

use super::desktop;
use super::menu_items::{MenuItems, for_the_tray};

/// # Errors
/// If the icon's folder can't be written, or what the library says.
pub(super) fn tray(rows: &MenuItems, menu: &Menu, folder: &Path) -> Result<TrayIcon, String> {
    // An id and a folder of our own: the default folder is shared by every app that uses this library.
    let builder = TrayIconBuilder::new()
        .with_id("bridge-watchdog")
        .with_menu(for_the_tray(&rows.menu))
        .with_tooltip(&menu.tooltip)
        .with_autosave_name("bridge-watchdog")
        .with_temp_dir_path(folder);
    let builder = desktop::with_icon(builder, image(menu.icon)?);
    builder.build().map_err(|error| format!("the icon can't be made: {error} (its folder is {})", folder.display()))
}

/// # Errors
/// If a file of ours is broken.
pub(super) fn image(icon: Icon) -> Result<tray_icon::Icon, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("an icon of ours is broken: {error}");
    let mut reader =
        png::Decoder::new(std::io::Cursor::new(desktop::png(icon))).read_info().map_err(|error| wrong(&error))?;
    let mut rgba = vec![0; reader.output_buffer_size().unwrap_or(0)];
    let info = reader.next_frame(&mut rgba).map_err(|error| wrong(&error))?;
    tray_icon::Icon::from_rgba(rgba, info.width, info.height).map_err(|error| wrong(&error))
}
