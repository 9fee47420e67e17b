//! Our own connection to the session, and the only place where one of its files is opened without SQLite.
//!
//! A process that closes any descriptor of a file loses all its POSIX locks on it, also those that SQLite holds for a
//! connection of ours (sqlite.org/howtocorrupt.html, section 2.2). So while such a connection is open, what is opened to
//! ask for locks stays open until the last of them is closed. Both go through this module only; `tests/architecture.rs`
//! looks for another `Connection::open`.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A connection of ours to the session's database. It can't be moved out, so it is always closed here.
pub struct OwnConnection(Option<rusqlite::Connection>);

struct Door {
    /// Connections of ours that are open.
    connections: usize,
    /// Files opened while there was one, to be closed after it.
    kept: Vec<File>,
}

static DOOR: Mutex<Door> = Mutex::new(Door { connections: 0, kept: Vec::new() });

impl OwnConnection {
    /// Opens the database, which has to exist.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(path: &Path) -> rusqlite::Result<OwnConnection> {
        let flags = rusqlite::OpenFlags::default() & !rusqlite::OpenFlags::SQLITE_OPEN_CREATE;
        let mut door = door();
        let connection = rusqlite::Connection::open_with_flags(path, flags)?;
        door.connections += 1;
        Ok(OwnConnection(Some(connection)))
    }
}

impl Deref for OwnConnection {
    type Target = rusqlite::Connection;

    fn deref(&self) -> &rusqlite::Connection {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for OwnConnection {
    fn drop(&mut self) {
        let mut door = door();
        // First SQLite releases its locks.
        drop(self.0.take());
        door.connections -= 1;
        if door.connections == 0 {
            door.kept.clear();
        }
    }
}

/// Lends a file of the session, open for reading, for one question to the kernel.
///
/// # Errors
/// If it can't be opened.
pub(super) fn lend<T>(path: &Path, ask: impl FnOnce(&File) -> T) -> io::Result<T> {
    let mut door = door();
    if door.connections == 0 {
        // Closed before a connection can be opened.
        return Ok(ask(&File::open(path)?));
    }
    let meta = std::fs::metadata(path)?;
    let is_it = |file: &File| file.metadata().is_ok_and(|kept| (kept.dev(), kept.ino()) == (meta.dev(), meta.ino()));
    if let Some(file) = door.kept.iter().find(|file| is_it(file)) {
        return Ok(ask(file));
    }
    let file = File::open(path)?;
    let answer = ask(&file);
    door.kept.push(file);
    Ok(answer)
}

fn door() -> MutexGuard<'static, Door> {
    DOOR.lock().unwrap_or_else(PoisonError::into_inner)
}
