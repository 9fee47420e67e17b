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

/// Void when the bridge has been connected since.
pub fn login_needed(markers: &Markers) -> bool {
    markers.auth_required.is_some_and(|asked| markers.last_connected.is_none_or(|connected| connected < asked))
}
