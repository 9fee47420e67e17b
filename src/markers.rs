//! What the files of the update script and of the bridge ask of us: to stand still, and for how long they are to be
//! believed. Pure.

use crate::facts::{Clock, Flood, Holds, Markers};
use crate::limits::Limits;

/// Bytes. Below this the database can't even write its journal.
pub const DISK_FULL: u64 = 1 << 20;

/// The update that is under way, as far as that can be seen.
pub fn update(holds: &Holds, markers: Option<&Markers>, now: f64, limits: &Limits) -> Option<String> {
    if let Some(reason) = &holds.hold {
        return Some(format!("An update is running under 'hold': {reason}."));
    }
    let markers = markers?;
    // A marker from the future is a wrong clock or a hand's work; it would hold for ever.
    if markers.update_restart.is_some_and(|at| (0.0..=limits.update_restart).contains(&(now - at))) {
        return Some("A planned restart is under way.".into());
    }
    let lock =
        markers.update_lock.filter(|lock| lock.alive && (0.0..limits.update_lock).contains(&(now - lock.since)))?;
    Some(format!("An update is running (pid {}).", lock.pid))
}

/// Telegram's own word, unless it is over or the file is too old to be believed.
pub fn flood_wait(markers: &Markers, now: Clock, limits: &Limits) -> Option<Flood> {
    markers.flood.filter(|flood| flood.expiry > now.wall && now.wall - flood.written <= limits.flood)
}

/// Void when the bridge has been connected since.
pub fn login_needed(markers: &Markers) -> bool {
    markers.auth_required.is_some_and(|asked| markers.last_connected.is_none_or(|connected| connected < asked))
}
