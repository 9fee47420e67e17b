//! What a person sees of the app on the desktop, as the app itself can tell. Pure. The watch writes it into its status
//! file, since nobody else can find it out: `doctor` runs elsewhere, perhaps without a desktop.

use serde::{Deserialize, Serialize};

/// The app on its desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Desktop {
    pub icon: IconSeen,
    pub notifications: Notifications,
}

/// Whether the icon can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum IconSeen {
    /// Not known yet, or it could not be found out.
    #[default]
    Unknown,
    Shown,
    /// The app could not make one, and has said why; mostly a library is missing.
    NotMade,
    /// Linux: no panel on the session bus has taken it.
    NoTray,
    /// macOS: there is no screen, and so no menu bar.
    NoScreen,
    /// macOS: the system gives it no place, as where "Allow in the Menu Bar" is off.
    NotPlaced,
    /// macOS: its place is under the camera, or off every screen.
    NoRoom,
}

/// Whether the app's notifications can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Notifications {
    /// Not known yet, or it could not be found out.
    #[default]
    Unknown,
    Shown,
    /// macOS: a person has said no, or nobody saw the question.
    Denied,
    /// macOS: nobody has been asked yet.
    NotAsked,
    /// Linux: nobody on the session bus shows any.
    NoDaemon,
}

/// A rectangle in points. The origin is the lower left corner of the first screen, and `y` grows upwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    fn top(&self) -> f64 {
        self.y + self.height
    }

    fn right(&self) -> f64 {
        self.x + self.width
    }
}

/// A screen of a Mac.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Screen {
    pub frame: Rect,
    /// Where the camera interrupts the menu bar: from and to, as `x`.
    pub camera: Option<(f64, f64)>,
}

/// A menu bar beside a camera is about 38 points high, and one without 24.
const BAR: f64 = 40.0;

/// Where the status item's window is. Since macOS 26 the system places each item. One that it does not place stays where
/// windows are born, in the lower left corner, and every flag of AppKit still calls it visible (field reports; there is
/// no interface that tells). A menu bar that hides itself moves its items above the screen's edge: these are placed.
pub fn icon_seen(item: Option<Rect>, screens: &[Screen]) -> IconSeen {
    if screens.is_empty() {
        return IconSeen::NoScreen;
    }
    let Some(item) = item else { return IconSeen::NotPlaced };
    let in_the_bar = |screen: &&Screen| (item.top() - screen.frame.top()).abs() <= BAR;
    if screens.iter().find(in_the_bar).is_none() {
        return IconSeen::NotPlaced;
    }
    let middle = item.x + item.width / 2.0;
    let across = |screen: &&Screen| screen.frame.x <= middle && middle <= screen.frame.right();
    let under_camera = |screen: &Screen| screen.camera.is_some_and(|(from, to)| from < middle && middle < to);
    match screens.iter().filter(in_the_bar).find(across) {
        Some(screen) if !under_camera(screen) => IconSeen::Shown,
        _ => IconSeen::NoRoom,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_is_shown_if_it_has_a_place_in_a_menu_bar() {
        let rect = |x, y, width, height| Rect { x, y, width, height };
        let plain = Screen { frame: rect(0.0, 0.0, 1920.0, 1080.0), camera: None };
        let book = Screen { frame: rect(0.0, 0.0, 1800.0, 1169.0), camera: Some((791.0, 1012.0)) };
        let left = Screen { frame: rect(-1440.0, 100.0, 1440.0, 900.0), camera: None };
        let rows = [
            ("in the bar", Some(rect(1500.0, 1056.0, 30.0, 24.0)), vec![plain], IconSeen::Shown),
            ("the bar hides itself", Some(rect(1500.0, 1080.0, 30.0, 24.0)), vec![plain], IconSeen::Shown),
            ("on a second screen", Some(rect(-200.0, 976.0, 30.0, 24.0)), vec![plain, left], IconSeen::Shown),
            ("beside the camera", Some(rect(1100.0, 1131.0, 36.0, 38.0)), vec![book], IconSeen::Shown),
            ("under the camera", Some(rect(902.0, 1131.0, 36.0, 38.0)), vec![book], IconSeen::NoRoom),
            ("moved off the screen", Some(rect(-4000.0, 1056.0, 30.0, 24.0)), vec![plain], IconSeen::NoRoom),
            ("not allowed", Some(rect(-1.0, 0.0, 38.0, 24.0)), vec![plain], IconSeen::NotPlaced),
            ("not allowed, a camera", Some(rect(0.0, 0.0, 38.0, 24.0)), vec![book], IconSeen::NotPlaced),
            ("no window", None, vec![plain], IconSeen::NotPlaced),
            ("no screen", Some(rect(0.0, 0.0, 38.0, 24.0)), vec![], IconSeen::NoScreen),
        ];
        for (name, item, screens, expected) in rows {
            assert_eq!(icon_seen(item, &screens), expected, "{name}");
        }
    }
}
