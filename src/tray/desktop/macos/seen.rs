//! What can be seen of the app here: where its status item is, and whether it may notify. It relies on these facts: the
//! window of a status item is that of its button; an answer about the permission comes on a thread of the framework's.

use std::ptr::NonNull;
use std::sync::Arc;

use block2::RcBlock;
use bridge_watchdog::desktop::{self, Notifications, Rect, Screen};
use objc2::MainThreadMarker;
use objc2_app_kit::NSScreen;
use objc2_foundation::NSRect;
use objc2_user_notifications::{UNAuthorizationStatus, UNNotificationSettings};
use tray_icon::TrayIcon;

use super::notify::center;
use crate::tray::shared_state::SharedState;

/// Looks; an answer that comes later is in the state by the next look of the watch. `tray` is `None` if there is no icon.
pub(crate) fn see(tray: Option<&TrayIcon>, shared: &Arc<SharedState>) {
    if let (Some(tray), Some(main)) = (tray, MainThreadMarker::new()) {
        let window = tray.ns_status_item().and_then(|item| item.button(main)?.window());
        let seen = desktop::icon_seen(window.map(|window| rect(window.frame())), &screens(main));
        shared.see(|desktop| desktop.icon = seen);
    }
    let Some(center) = center() else { return };
    let shared = shared.clone();
    let answered = RcBlock::new(move |settings: NonNull<UNNotificationSettings>| {
        // SAFETY: the framework hands over an object that lives until the block returns.
        let status = unsafe { settings.as_ref() }.authorizationStatus();
        shared.see(|desktop| desktop.notifications = permission(status));
    });
    center.getNotificationSettingsWithCompletionHandler(&answered);
}

fn permission(status: UNAuthorizationStatus) -> Notifications {
    match status {
        UNAuthorizationStatus::NotDetermined => Notifications::NotAsked,
        UNAuthorizationStatus::Denied => Notifications::Denied,
        UNAuthorizationStatus::Authorized | UNAuthorizationStatus::Provisional => Notifications::Shown,
        _ => Notifications::Unknown,
    }
}

/// The camera's place is what is left between the two parts of the menu bar beside it; without a camera they are empty.
fn screens(main: MainThreadMarker) -> Vec<Screen> {
    let screens = NSScreen::screens(main);
    let seen = screens.iter().map(|screen| {
        let (left, right) = (rect(screen.auxiliaryTopLeftArea()), rect(screen.auxiliaryTopRightArea()));
        let camera = (left.width > 0.0 && right.width > 0.0).then_some((left.x + left.width, right.x));
        Screen { frame: rect(screen.frame()), camera }
    });
    seen.collect()
}

fn rect(rect: NSRect) -> Rect {
    Rect { x: rect.origin.x, y: rect.origin.y, width: rect.size.width, height: rect.size.height }
}
