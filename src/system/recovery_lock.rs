//! The recovery lock: a kernel lock in our state folder, and the marker file `data/recovery-in-progress` for others to read.
//! The kernel releases the lock when we end, however that happens; the marker is then removed by our next start.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;

use crate::config::Config;
use crate::contract;
use crate::facts::Identity;
use crate::system::timed::{self, Timed};
use crate::system::{clock, files, wake_pipe};
use crate::text::time::iso;
use crate::time::{Mono, Wall};

/// Held while a process of ours acts on this bridge.
pub struct RecoveryLock {
    /// The lock is held as long as this is open.
    kernel: Option<File>,
    /// Taken by `hold`.
    update: bool,
    /// The watch, which may be another process, looks when the lock is taken and when it is given back.
    config: Config,
    /// In a thread of its own: a write into the bridge's folder may block.
    marker: Option<Timed<Marker, ()>>,
    started: Wall,
    /// When the marker file was last written.
    written: Mono,
}

enum Marker {
    Shown(serde_json::Value),
    Gone,
}

/// A small write takes no longer, unless its volume is gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who holds a lock, as written into it.
#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    /// Set by `hold`: why.
    update: Option<String>,
}

/// Takes the lock for a recovery and writes its marker.
///
/// # Errors
/// The pid of the holder (0 if that can't be read), or that the state folder can't be written.
pub fn take(config: &Config, level: u8, issues: &[String]) -> Result<RecoveryLock, Taken> {
    let mut lock = lock(config, None)?;
    let path = config.data(contract::RECOVERY_IN_PROGRESS);
    lock.marker = Some(Timed::new("marker", move |marker| match marker {
        // For readers only: if it can't be written (a full disk), recovery goes on.
        Marker::Shown(value) => drop(files::replace_json(&path, &value)),
        Marker::Gone => files::remove(&path),
    }));
    lock.show(level, issues);
    Ok(lock)
}

/// Takes the lock for an update, without the marker.
///
/// # Errors
/// As [`take`].
pub fn hold(config: &Config, reason: &str) -> Result<RecoveryLock, Taken> {
    lock(config, Some(config.secrets.without(reason)))
}

/// Why the lock could not be taken.
#[derive(Debug, Error)]
pub enum Taken {
    /// By this pid; 0 if that can't be read.
    #[error("another recovery or update of this bridge is in progress{}; try again when it is over", by(*.0))]
    By(u32),
    /// No process can take it: a sentence with the mend.
    #[error("{0}")]
    Broken(String),
}

fn by(pid: u32) -> String {
    if pid == 0 { String::new() } else { format!(" (pid {pid})") }
}

impl RecoveryLock {
    /// Writes the marker again; readers treat it as stale after 300 s.
    pub fn show(&mut self, level: u8, issues: &[String]) {
        self.written = clock::mono();
        self.write(Marker::Shown(
            json!({"level": level, "started": iso(self.started), "issues": issues, "pid": std::process::id()}),
        ));
    }

    /// The time since the marker was written.
    pub fn marker_age(&self) -> Duration {
        clock::mono().since(self.written)
    }

    /// Not ourselves: the watch looks after each rung of its own.
    fn tell_watch(&self) {
        if watching(&self.config).is_some_and(|pid| pid != std::process::id()) {
            wake_pipe::wake(&self.config);
        }
    }

    fn write(&mut self, what: Marker) {
        if let Some(marker) = &mut self.marker {
            let _ = marker.now(what, PATIENCE);
        }
    }
}

impl Drop for RecoveryLock {
    fn drop(&mut self) {
        self.write(Marker::Gone);
        if self.update {
            // Before the lock is free: no look may find neither. If it can't be written, what the update ended counts as
            // a crash where nobody looked meanwhile.
            let _ = files::replace_json(&self.config.state.join(contract::HELD_UNTIL), &clock::wall());
        }
        self.kernel = None;
        unwritten().retain(|other| *other != path(&self.config));
        self.tell_watch();
    }
}

/// The pid of another process that holds the lock now, for a recovery or an update; 0 if that can't be read.
pub fn held_by(config: &Config) -> Option<u32> {
    holder(config).map(|holder| holder.pid).filter(|pid| *pid != std::process::id())
}

/// The pid of another process that recovers this bridge now.
pub fn taken_by(config: &Config) -> Option<u32> {
    holder(config).filter(|holder| holder.update.is_none() && holder.pid != std::process::id()).map(|holder| holder.pid)
}

/// The reason of an update that runs under `hold` now.
pub fn held_for_update(config: &Config) -> Option<String> {
    holder(config)?.update.map(|reason| config.secrets.without(&reason))
}

/// Whether an update under `hold` was over since then.
pub fn held_since(config: &Config, then: Wall) -> bool {
    let until: Option<Wall> = files::json(&config.state.join(contract::HELD_UNTIL));
    // One that lies ahead was written before the clock was set back.
    until.is_some_and(|until| then <= until && until <= clock::wall())
}

/// Removes the marker that a killed process of ours left behind.
pub fn sweep(config: &Config) {
    if holder(config).is_none() {
        let marker = config.data(contract::RECOVERY_IN_PROGRESS);
        let _ = timed::once(PATIENCE, move || files::remove(&marker));
    }
}

/// One watch for each checkout: `run` and `tray` hold this lock for as long as they live.
///
/// # Errors
/// As [`take`].
pub fn one_watch(config: &Config) -> Result<File, Taken> {
    locked(&config.state.join(contract::WATCH_LOCK), &Holder { pid: std::process::id(), update: None })
}

/// The pid of the watch of this checkout, if one runs.
pub fn watching(config: &Config) -> Option<u32> {
    read_holder(&config.state.join(contract::WATCH_LOCK)).map(|holder| holder.pid)
}

/// Notes, before we end this process, that we do: its death is then no crash for any process of ours that sees it.
///
/// # Errors
/// If the state folder can't be written.
pub fn note_end(config: &Config, id: Identity) -> Result<(), String> {
    let mut ended = ended(config);
    ended.retain(|other| *other != id);
    ended.push(id);
    // Only the last few can still matter.
    let excess = ended.len().saturating_sub(16);
    ended.drain(..excess);
    files::replace_json(&config.state.join(contract::ENDED), &ended)
}

/// The processes that were ended on purpose.
pub fn ended(config: &Config) -> Vec<Identity> {
    files::json(&config.state.join(contract::ENDED)).unwrap_or_default()
}

fn path(config: &Config) -> PathBuf {
    config.state.join(contract::RECOVERY_LOCK)
}

fn lock(config: &Config, update: Option<String>) -> Result<RecoveryLock, Taken> {
    let for_update = update.is_some();
    let kernel = locked(&path(config), &Holder { pid: std::process::id(), update })?;
    let (started, written) = (clock::wall(), clock::mono());
    let (config, update) = (config.clone(), for_update);
    let lock = RecoveryLock { kernel: Some(kernel), update, config, marker: None, started, written };
    lock.tell_watch();
    Ok(lock)
}

fn locked(path: &PathBuf, holder: &Holder) -> Result<File, Taken> {
    let broken = |error: std::io::Error| {
        Taken::Broken(format!("{} can't be locked: {error}; make its folder writable", path.display()))
    };
    if let Some(folder) = path.parent() {
        files::make_state_folder(folder).map_err(broken)?;
    }
    files::remove_link(path);
    let mut file = files::ours().write(true).truncate(false).open(path).map_err(broken)?;
    // A reader holds a shared lock for a moment, which is no recovery: hence more than one try.
    let mut tries = 0;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if tries < 5 => std::thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::WouldBlock) => return Err(Taken::By(read_holder(path).map_or(0, |holder| holder.pid))),
            Err(TryLockError::Error(error)) => return Err(broken(error)),
        }
        tries += 1;
    }
    let text = serde_json::to_string(holder).unwrap_or_default();
    // Over what is there, which needs no new block on a full disk, and only then cut.
    let written = file.rewind().and_then(|()| file.write_all(text.as_bytes()));
    let written = written.and_then(|()| file.set_len(text.len() as u64));
    // The lock is taken. If its holder can't be written into it, recovery goes on.
    if written.is_err() {
        let _ = file.set_len(0);
        unwritten().push(path.clone());
    }
    Ok(file)
}

/// The locks of this process that don't name it: their readers here must not take it for another one.
fn unwritten() -> MutexGuard<'static, Vec<PathBuf>> {
    static PATHS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    PATHS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The holder of the lock: asked of the kernel, by trying a shared lock for a moment.
fn holder(config: &Config) -> Option<Holder> {
    read_holder(&path(config))
}

fn read_holder(path: &PathBuf) -> Option<Holder> {
    let mut file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        _ => return None,
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let nameless = || Holder { pid: if unwritten().contains(path) { std::process::id() } else { 0 }, update: None };
    Some(serde_json::from_str(&text).unwrap_or_else(|_| nameless()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::Manager;
    use crate::secrets::Secrets;
    use crate::system::poll::Deadline;

    fn config(folder: &std::path::Path) -> Config {
        Config {
            file: folder.join("config.toml"),
            root: folder.join("root"),
            label: "x".into(),
            manager: Manager::Embedded,
            program: vec!["x".into()],
            log: folder.join("log"),
            error_log: folder.join("error.log"),
            login: Vec::new(),
            session: folder.join("session"),
            telegram: None,
            auto_revert: false,
            secrets: Secrets::default(),
            state: folder.join("state"),
        }
    }

    #[test]
    fn incident_32_the_marker_has_a_zone_and_goes_with_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let marker = config.data("recovery-in-progress");
        let lock = take(&config, 2, &["It hangs.".into()]).ok().unwrap();
        let shown: serde_json::Value = files::json(&marker).unwrap();
        assert_eq!((shown["level"].as_u64(), shown["pid"].as_u64()), (Some(2), Some(u64::from(std::process::id()))));
        assert!(shown["started"].as_str().unwrap().ends_with('Z'), "{shown}");
        assert!(matches!(take(&config, 1, &[]), Err(Taken::By(pid)) if pid == std::process::id()));
        drop(lock);
        assert!(!marker.exists());
        assert!(take(&config, 1, &[]).is_ok());
    }

    #[test]
    fn incident_24_an_update_under_hold_keeps_recovery_out_and_writes_no_marker() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let held = hold(&config, "pull").ok().unwrap();
        assert!(!config.data("recovery-in-progress").exists());
        assert_eq!(held_for_update(&config).as_deref(), Some("pull"));
        assert!(take(&config, 1, &[]).is_err());
        let before = clock::wall();
        assert!(!held_since(&config, before));
        drop(held);
        // Where all tests are threads of one process, a fork of another one has the lock too until its exec.
        let deadline = Deadline::after(Duration::from_secs(20));
        while held_for_update(&config).is_some() && deadline.left().is_some() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(held_for_update(&config), None);
        assert!(held_since(&config, before) && !held_since(&config, clock::wall() + PATIENCE));
        drop(take(&config, 1, &[]));
        assert!(held_since(&config, before), "a recovery does not hide it");
    }
}
