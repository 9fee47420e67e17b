//! Lets SQLite itself bring the session into order, and proves that it can be written. Nothing is unlinked here: a hot
//! journal is the only way back to a consistent file, and a -wal holds rows that are in no other file.

use std::path::Path;
use std::time::Duration;

use rusqlite::ErrorCode;
use rustix::fs::{Access, access};

use super::own::OwnConnection;
use super::regular;

/// Why the session could not be brought into order. It is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclean {
    /// Somebody holds its lock.
    Locked,
    /// SQLite finds it damaged: in what way.
    Corrupt(String),
    /// No database that can be opened and written: why.
    Unusable(String),
}

/// What writes to it may take so long to end.
const BUSY: Duration = Duration::from_secs(5);

/// Rolls a hot journal back or checkpoints a -wal (by SQLite, as it opens it), proves that the lock is free, and has the
/// file's structure checked.
///
/// # Errors
/// Why not; then nothing has changed.
pub fn clean(path: &Path) -> Result<(), Unclean> {
    let meta = regular(path).map_err(Unclean::Unusable)?;
    if meta.len() == 0 {
        // SQLite takes that for a new database; a session without a login is none of ours to make.
        return Err(Unclean::Unusable(format!("{} is empty, so there is no login in it", path.display())));
    }
    // SQLite would only say that it is unable to open it.
    if let Err(error) = access(path, Access::READ_OK | Access::WRITE_OK) {
        let why = format!("{} can't be read and written by us: {error}; mend its owner or its mode", path.display());
        return Err(Unclean::Unusable(why));
    }
    recover(path).map_err(|error| unclean(path, &error))?.map_or(Ok(()), |damage| Err(Unclean::Corrupt(damage)))
}

/// The first damage that SQLite finds, if any.
fn recover(path: &Path) -> rusqlite::Result<Option<String>> {
    let session = OwnConnection::open(path)?;
    session.busy_timeout(BUSY)?;
    // The first read rolls a hot journal back or reads the -wal; that the lock can be had is the effect to be seen.
    session.execute_batch("begin immediate; rollback")?;
    let mode: String = session.query_row("pragma journal_mode", [], |row| row.get(0))?;
    if mode == "wal" {
        // Passive: it waits for nobody and takes nothing from anybody.
        session.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()))?;
    }
    let found: String = session.query_row("pragma quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

fn unclean(path: &Path, error: &rusqlite::Error) -> Unclean {
    let why = format!("{}: {error}", path.display());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Unclean::Locked,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Unclean::Corrupt(why),
        _ => Unclean::Unusable(why),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rusqlite::Connection;

    use super::*;

    fn database(path: &Path, mode: &str) -> Connection {
        let session = Connection::open(path).unwrap();
        session.pragma_update(None, "journal_mode", mode).unwrap();
        session.execute_batch("create table t(x); insert into t values (1), (2)").unwrap();
        session
    }

    #[test]
    fn a_database_in_order_stays_as_it_is() {
        for mode in ["delete", "wal", "truncate", "persist"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("valor_bridge.session");
            drop(database(&path, mode));
            let before = std::fs::read(&path).unwrap();
            assert_eq!(clean(&path), Ok(()), "{mode}");
            assert_eq!(std::fs::read(&path).unwrap(), before, "{mode}");
        }
    }

    #[test]
    fn a_lock_of_somebody_else_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("valor_bridge.session");
        let other = database(&path, "wal");
        other.execute_batch("begin immediate").unwrap();
        assert_eq!(clean(&path), Err(Unclean::Locked));
        other.execute_batch("rollback").unwrap();
        assert_eq!(clean(&path), Ok(()));
    }

    /// Bad input: nothing is changed, nothing blocks.
    #[test]
    fn what_is_no_database_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("folder")).unwrap();
        symlink(at("loop"), at("loop")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(made.success());
        std::fs::write(at("empty"), "").unwrap();
        std::fs::write(at("text"), "this is no database\n".repeat(100)).unwrap();
        drop(database(&at("damaged"), "delete"));
        let mut bytes = std::fs::read(at("damaged")).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].fill(0x5a);
        std::fs::write(at("damaged"), &bytes).unwrap();
        for (name, corrupt) in [
            ("missing", false),
            ("folder", false),
            ("loop", false),
            ("pipe", false),
            ("empty", false),
            ("text", true),
            ("damaged", true),
        ] {
            let before = std::fs::metadata(at(name)).ok().filter(std::fs::Metadata::is_file);
            let before = before.map(|_| std::fs::read(at(name)).unwrap());
            let seen = clean(&at(name));
            assert_eq!(matches!(seen, Err(Unclean::Corrupt(_))), corrupt, "{name}: {seen:?}");
            assert!(seen.is_err(), "{name}");
            assert_eq!(before, before.as_ref().map(|_| std::fs::read(at(name)).unwrap()), "{name}");
        }
    }
}
