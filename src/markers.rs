//! What the marker files of the update script and of the bridge mean: when we have to stand still, and for how long a
//! marker is valid. Pure. Used by `assess`, and by `history`, which counts no crash that an update caused.

use serde::{Deserialize, Serialize};

use crate::facts::{Flood, Holds, Markers};
use crate::limits::Limits;
use crate::time::Wall;

/// Bytes. Below this the database can't even write its journal.
pub const DISK_FULL: u64 = 1 << 20;

/// The update that is under way, as far as that can be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Update {
    /// It runs under `hold`, for this reason.
    Held(String),
    /// `update-restart-in-progress` is there.
    PlannedRestart,
    /// `update.lock` names this process.
    Locked(u32),
}

/// The update that is under way, if one is.
pub fn update(holds: &Holds, markers: Option<&Markers>, now: Wall, limits: &Limits) -> Option<Update> {
    if let Some(reason) = &holds.update {
        return Some(Update::Held(reason.clone()));
    }
    let markers = markers?;
    // A marker from the future comes from a wrong clock or was made by hand; it would hold for ever.
    let fresh = |at: &Wall| at.age(now).is_some_and(|age| age <= limits.update_restart);
    if markers.update_restart.as_ref().is_some_and(fresh) {
        return Some(Update::PlannedRestart);
    }
    let valid = |since: Wall| since.age(now).is_some_and(|age| age < limits.update_lock);
    let lock = markers.update_lock.filter(|lock| lock.alive && valid(lock.since))?;
    Some(Update::Locked(lock.pid))
}

/// Until when Telegram told the bridge to wait: by the marker, unless it has expired or is too old, or by the log.
pub fn flood_until(markers: &Markers, by_log: Option<Wall>, now: Wall, limits: &Limits) -> Option<Wall> {
    let fresh = |flood: &Flood| now.since(flood.written) <= limits.flood;
    let by_marker = markers.flood.filter(fresh).map(|flood| flood.expiry);
    by_marker.into_iter().chain(by_log).filter(|until| *until > now).max_by(|a, b| a.0.total_cmp(&b.0))
}

/// Void when the bridge has been connected since. It cannot have been later than the note of it was written: a local time
/// without a zone is read as UTC, and east of it lies hours ahead.
pub fn login_needed(markers: &Markers, now: Wall) -> bool {
    let earlier = |said: Wall| markers.last_connected_written.filter(|written| *written < said).unwrap_or(said);
    let connected = markers.last_connected.map(earlier).filter(|connected| connected.age(now).is_some());
    markers.auth_required.is_some_and(|asked| connected.is_none_or(|connected| connected < asked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::UpdateLock;
    use crate::time::span as s;

    const NOW: Wall = Wall(2_000_000_000.0);

    #[test]
    fn each_marker_ends_exactly_at_its_limit() {
        let limits = &Limits::REAL;
        let locked = |age: f64| {
            let lock = UpdateLock { pid: 5, alive: true, since: NOW - s(age) };
            let markers = Markers { update_lock: Some(lock), ..Markers::default() };
            update(&Holds::default(), Some(&markers), NOW, limits).is_some()
        };
        assert_eq!([599.0, 600.0].map(locked), [true, false]);
        let planned = |age: f64| {
            let markers = Markers { update_restart: Some(NOW - s(age)), ..Markers::default() };
            update(&Holds::default(), Some(&markers), NOW, limits).is_some()
        };
        assert_eq!([360.0, 361.0].map(planned), [true, false]);
        let waits = |left: f64| flood_until(&Markers::default(), Some(NOW + s(left)), NOW, limits).is_some();
        assert_eq!([1.0, 0.0].map(waits), [true, false]);
        let fresh = |age: f64| {
            let flood = Flood { expiry: NOW + s(1.0), written: NOW - s(age) };
            flood_until(&Markers { flood: Some(flood), ..Markers::default() }, None, NOW, limits).is_some()
        };
        assert_eq!([86_400.0, 86_401.0].map(fresh), [true, false]);
    }

    #[test]
    fn a_login_is_needed_until_the_bridge_was_connected_again() {
        // Seconds from the marker to the connection.
        let rows = [
            (None, true),
            (Some(-1.0), true),
            (Some(0.0), false),
            (Some(1.0), false),
            (Some(60.0), false),
            (Some(61.0), true),
        ];
        for (connected, needed) in rows {
            let last_connected = connected.map(|after: f64| Wall(NOW.0 + after));
            let markers = Markers { auth_required: Some(NOW), last_connected, ..Markers::default() };
            assert_eq!(login_needed(&markers, NOW + s(60.0)), needed, "{connected:?}");
        }
        assert!(!login_needed(&Markers::default(), NOW));
        // Written in local time, seven hours east of UTC; seconds from the marker to the writing, and whether it is needed.
        for (written, needed) in [(-600.0, true), (600.0, false)] {
            let markers = Markers {
                auth_required: Some(NOW),
                last_connected: Some(Wall(NOW.0 + written + 25_200.0)),
                last_connected_written: Some(Wall(NOW.0 + written)),
                ..Markers::default()
            };
            for later in [3600.0, 86_400.0] {
                assert_eq!(login_needed(&markers, NOW + s(later)), needed, "{written} {later}");
            }
        }
    }
}
