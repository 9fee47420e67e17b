//! The marker files of the operator, the update script and the bridge, and our own.

use std::fs;

use chrono::{DateTime, NaiveDateTime};
use serde::Deserialize;

use crate::config::Config;
use crate::contract;
use crate::facts::{Flood, Holds, Markers, Pause, UpdateLock};
use crate::system::{files, process, recovery_lock, wake_pipe};
use crate::time::Wall;

/// Reads all of them. A broken one counts as absent.
///
/// # Errors
/// If the checkout's `data` folder can't be read: then an absent file can't be told from a denied one.
pub fn read(config: &Config) -> Result<Markers, String> {
    let data = config.root.join(contract::DATA);
    if let Err(error) = fs::read_dir(&data)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(format!("{} can't be looked into: {error}", data.display()));
    }
    Ok(Markers {
        update_restart: files::modified(&config.data(contract::UPDATE_RESTART)),
        update_lock: update_lock(config),
        flood: flood(config),
        auth_required: files::modified(&config.data(contract::AUTH_REQUIRED)),
        last_connected: files::text(&config.data(contract::LAST_CONNECTED)).and_then(|text| iso(text.trim())),
        last_connected_written: files::modified(&config.data(contract::LAST_CONNECTED)),
        auto_revert: config.auto_revert || config.data(contract::AUTO_REVERT_ENABLED).exists(),
    })
}

/// Reads our own files, in our state folder: they are readable even if `data/` is not.
pub fn holds(config: &Config) -> Holds {
    Holds {
        update: recovery_lock::held_for_update(config),
        update_over: false,
        recovery: recovery_lock::taken_by(config),
        pause: files::json(&config.state.join(contract::PAUSED)),
    }
}

/// Pauses recovery, or ends the pause with `None`.
///
/// # Errors
/// A sentence that names the file.
pub fn set_pause(config: &Config, pause: Option<Pause>) -> Result<(), String> {
    let path = config.state.join(contract::PAUSED);
    let done = pause.map_or_else(
        || {
            files::remove(&path);
            Ok(())
        },
        |pause| files::replace_json(&path, &pause),
    );
    wake_pipe::wake(config);
    done
}

/// Writes or removes the operator's opt-in to a revert.
///
/// # Errors
/// A sentence that names the file.
pub fn set_auto_revert(config: &Config, on: bool) -> Result<(), String> {
    let path = config.data(contract::AUTO_REVERT_ENABLED);
    if on {
        return files::replace(&path, "");
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{} can't be removed: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

fn update_lock(config: &Config) -> Option<UpdateLock> {
    let folder = config.data(contract::UPDATE_LOCK);
    let pid: u32 = files::text(&folder.join(contract::UPDATE_LOCK_PID))?.trim().parse().ok()?;
    Some(UpdateLock { pid, alive: process::exists(pid), since: files::modified(&folder)? })
}

fn flood(config: &Config) -> Option<Flood> {
    #[derive(Deserialize)]
    struct File {
        expiry_ts: f64,
    }
    let path = config.data(contract::FLOOD_BACKOFF);
    let file: File = files::json(&path)?;
    Some(Flood { expiry: Wall(file.expiry_ts), written: files::modified(&path)? })
}

/// ISO with a zone, or without: then it is UTC, as the bridge writes it.
fn iso(text: &str) -> Option<Wall> {
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok();
    let naive = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|time| time.and_utc());
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970")]
    time.or_else(naive).map(|time| Wall(time.timestamp_millis() as f64 / 1000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incident_32_times_are_read_with_and_without_a_zone() {
        let rows = [
            ("2026-11-22T05:04:00Z", Some(1_795_323_840.0)),
            ("2026-11-22T12:04:00+07:00", Some(1_795_323_840.0)),
            ("2026-11-22T05:04:00.500000+00:00", Some(1_795_323_840.5)),
            ("2026-11-22T05:04:00", Some(1_795_323_840.0)),
            ("yesterday", None),
        ];
        for (text, expected) in rows {
            assert_eq!(iso(text), expected.map(Wall), "{text}");
        }
    }
}
