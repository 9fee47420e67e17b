//! What a person sees of the app. Pure. A watch without an app has nothing to show.

use super::finding::{Finding, Found, Mend, Pane};
use crate::desktop::{Desktop, IconSeen, Notifications};

/// `seen`: what the app that watches now has written.
pub fn desktop(seen: Option<Desktop>) -> Vec<Finding> {
    let Some(Desktop { icon, notifications }) = seen else { return Vec::new() };
    let of_icon = match icon {
        IconSeen::Shown | IconSeen::NoScreen => None,
        IconSeen::Unknown => Some(Mend::Again),
        IconSeen::NotMade => Some(Mend::IconLibrary),
        IconSeen::NoTray => Some(Mend::Tray),
        IconSeen::NotPlaced | IconSeen::NoRoom => Some(Mend::Settings(Pane::MenuBar)),
    };
    let of_notifications = match notifications {
        Notifications::Shown => None,
        Notifications::Unknown => Some(Mend::Again),
        Notifications::NoDaemon => Some(Mend::NotificationDaemon),
        Notifications::Denied => Some(Mend::Settings(Pane::Notifications)),
        Notifications::NotAsked => Some(Mend::OpenApp),
    };
    vec![
        Finding { id: "icon", found: Found::Icon(icon), mend: of_icon },
        Finding { id: "notifications", found: Found::Notifications(notifications), mend: of_notifications },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_that_a_person_does_not_see_has_its_mend() {
        let settings = |pane| Some(Mend::Settings(pane));
        let icons = [
            (IconSeen::Shown, None),
            (IconSeen::NoScreen, None),
            (IconSeen::Unknown, Some(Mend::Again)),
            (IconSeen::NotMade, Some(Mend::IconLibrary)),
            (IconSeen::NoTray, Some(Mend::Tray)),
            (IconSeen::NotPlaced, settings(Pane::MenuBar)),
            (IconSeen::NoRoom, settings(Pane::MenuBar)),
        ];
        for (icon, mend) in icons {
            let found = desktop(Some(Desktop { icon, notifications: Notifications::Shown }));
            assert_eq!(found.into_iter().find_map(|finding| finding.mend), mend, "{icon:?}");
        }
        let notifications = [
            (Notifications::Shown, None),
            (Notifications::Unknown, Some(Mend::Again)),
            (Notifications::NoDaemon, Some(Mend::NotificationDaemon)),
            (Notifications::Denied, settings(Pane::Notifications)),
            (Notifications::NotAsked, Some(Mend::OpenApp)),
        ];
        for (notifications, mend) in notifications {
            let found = desktop(Some(Desktop { icon: IconSeen::Shown, notifications }));
            assert_eq!(found.into_iter().find_map(|finding| finding.mend), mend, "{notifications:?}");
        }
        assert_eq!(desktop(None), []);
    }
}
