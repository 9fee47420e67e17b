//! Who holds the lock of the session database. Asked of the kernel: on Linux by `/proc/locks`, which names them all,
//! elsewhere, and where that is not sure, by `fcntl(F_GETLK)`, which needs the file open; [`own`] makes sure that this
//! does not drop a lock of our own.

pub mod clean;
mod getlk;
pub mod open;
pub mod own;
#[cfg(target_os = "linux")]
mod proc_locks;

use std::fs::Metadata;
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use self::proc_locks::locks_of;

use crate::facts::{Holder, Lock, Role, Session};
use crate::system::process;

/// `SQLite`'s lock bytes in the main file (its file format, section 2.3 of "File Locking And Concurrency").
const PENDING: u64 = 0x4000_0000;
const RESERVED: u64 = PENDING + 1;
const SHARED: Range = (PENDING + 2, PENDING + 511);
/// In WAL mode the locks are in the -shm file: 120 is the writer, 121 the checkpoint, 122 recovery. Byte 128 is held by
/// every open connection and means nothing.
const WAL_WRITER: u64 = 120;
const WAL_RECOVER: u64 = 122;
const WAL_OPEN: u64 = 128;

/// First and last byte.
type Range = (u64, u64);

/// The bytes that matter in the main file, and in the -shm file.
const MAIN: Range = (PENDING, SHARED.1);
const WAL: Range = (WAL_WRITER, WAL_OPEN);

/// Who holds a lock on the session, and how strong it is; `bridge` are the bridge's own processes.
///
/// # Errors
/// If there is no such file, or the kernel can't be asked.
pub fn look(path: &Path, bridge: &[u32]) -> Result<Session, String> {
    regular(path)?;
    let [main, wal] = locks_of([(path, MAIN), (&beside(path, "-shm"), WAL)])?;
    let mut holders: Vec<Holder> = Vec::new();
    for held in &main {
        // In WAL mode SHARED on the main file is only an open connection.
        let open_only = wal.iter().any(|other| other.pid == held.pid);
        let lock = if open_only { Lock::None } else { main_lock(held) };
        note(&mut holders, held.pid, lock, bridge);
    }
    for held in &wal {
        note(&mut holders, held.pid, wal_lock(held), bridge);
    }
    holders.sort_by_key(|holder| holder.pid);
    Ok(Session { path: path.to_owned(), holders })
}

#[cfg(not(target_os = "linux"))]
fn locks_of(files: [(&Path, Range); 2]) -> Result<[Vec<Held>; 2], String> {
    let [one, other] = files.map(|(path, range)| getlk::locks_on(path, range));
    Ok([one?, other?])
}

/// The session, if it is a file: to open a pipe may block for ever.
///
/// # Errors
/// What it is instead.
fn regular(path: &Path) -> Result<Metadata, String> {
    let name = path.display();
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => Ok(meta),
        Ok(meta) => {
            let kind = if meta.is_dir() { "a folder" } else { "no regular file" };
            Err(format!("{name} is {kind}, and no session; correct bridge.session in the configuration"))
        }
        // Nobody can hold the lock of a file that is not there: more likely the bridge has another one.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(format!("{name} is not there; if the bridge has another session, set bridge.session"))
        }
        Err(error) => Err(format!("{name} can't be looked at: {error}")),
    }
}

/// SQLite's own file beside the session: beside the file itself, where the session's path is a link to it. Its name need
/// not be UTF-8.
fn beside(path: &Path, end: &str) -> PathBuf {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

/// A lock that another process holds, first to last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    pid: u32,
    write: bool,
    from: u64,
    to: u64,
}

impl Held {
    fn covers(&self, from: u64, to: u64) -> bool {
        self.from <= to && self.to >= from
    }
}

fn main_lock(held: &Held) -> Lock {
    match held {
        held if held.write && (held.covers(PENDING, PENDING) || held.covers(SHARED.0, SHARED.1)) => Lock::Exclusive,
        held if held.write && held.covers(RESERVED, RESERVED) => Lock::Reserved,
        held if held.covers(SHARED.0, SHARED.1) => Lock::Shared,
        _ => Lock::None,
    }
}

fn wal_lock(held: &Held) -> Lock {
    match held {
        held if held.write && held.covers(WAL_WRITER + 1, WAL_RECOVER) => Lock::Exclusive,
        held if held.write && held.covers(WAL_WRITER, WAL_WRITER) => Lock::Reserved,
        _ => Lock::None,
    }
}

fn note(holders: &mut Vec<Holder>, pid: u32, lock: Lock, bridge: &[u32]) {
    if let Some(holder) = holders.iter_mut().find(|holder| holder.pid == pid) {
        holder.lock = holder.lock.max(lock);
        return;
    }
    let role = if bridge.contains(&pid) { Role::Bridge } else { Role::Stranger };
    let other_user = process::user(pid).is_some_and(|user| user != process::our_user());
    holders.push(Holder { pid, role, lock, age: process::find(pid).map(|process| process.age), other_user });
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Child, ChildStdout, Command, Stdio};

    use rusqlite::Connection;

    use super::*;

    const SESSION: &str = "BRIDGE_WATCHDOG_TEST_SESSION";

    /// SQLite in a process of its own: the kernel does not tell a process of its own locks.
    struct Sqlite(Child, BufReader<ChildStdout>);

    impl Drop for Sqlite {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    impl Sqlite {
        fn on(path: &Path) -> Sqlite {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "system::session::tests::executes", "--ignored", "--nocapture"])
                .env(SESSION, path)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let said = BufReader::new(child.stdout.take().unwrap());
            Sqlite(child, said)
        }

        fn execute(&mut self, sql: &str) {
            writeln!(self.0.stdin.as_ref().unwrap(), "{sql}").unwrap();
            let done = (&mut self.1).lines().map(Result::unwrap).any(|line| line == "done");
            assert!(done, "{sql}");
        }

        fn lock(&self, path: &Path) -> Option<Lock> {
            let session = look(path, &[]).unwrap();
            session.holders.iter().find(|holder| holder.pid == self.0.id()).map(|holder| holder.lock)
        }
    }

    #[test]
    #[ignore = "the other process of the tests below"]
    fn executes() {
        let Some(path) = std::env::var_os(SESSION) else { return };
        let session = Connection::open(path).unwrap();
        for line in std::io::stdin().lines() {
            session.execute_batch(&line.unwrap()).unwrap();
            println!("done");
        }
    }

    #[test]
    fn each_lock_of_sqlite_is_named() {
        for (mode, idle, reading) in [("delete", None, Some(Lock::Shared)), ("wal", Some(Lock::None), Some(Lock::None))]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("valor_bridge.session");
            let (mut session, mut other) = (Sqlite::on(&path), Sqlite::on(&path));
            session.execute(&format!("pragma journal_mode={mode}; create table t(x); insert into t values (1)"));
            assert_eq!(session.lock(&path), idle, "{mode} idle");
            for reader in [&mut session, &mut other] {
                reader.execute("begin; select x from t");
            }
            assert_eq!([session.lock(&path), other.lock(&path)], [reading, reading], "{mode}: two read the same bytes");
            other.execute("commit");
            session.execute("commit; begin immediate");
            assert_eq!(session.lock(&path), Some(Lock::Reserved), "{mode} writing");
            session.execute("rollback");
            if mode == "delete" {
                session.execute("begin exclusive");
                assert_eq!(session.lock(&path), Some(Lock::Exclusive), "{mode} exclusive");
            }
        }
    }

    /// In both modes: the -shm file has locks of its own.
    // Only /proc/locks shows the locks that we hold ourselves.
    #[cfg(target_os = "linux")]
    #[test]
    fn whoever_asks_for_locks_takes_none_from_our_own_connection() {
        for mode in ["delete", "wal"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("valor_bridge.session");
            assert!(own::OwnConnection::open(&path).is_err(), "no database is made");
            std::fs::write(&path, "").unwrap();
            let session = own::OwnConnection::open(&path).unwrap();
            session.pragma_update(None, "journal_mode", mode).unwrap();
            session.execute_batch("create table t(x); begin immediate; insert into t values (1)").unwrap();
            let shm = beside(&path, "-shm");
            let locked = if mode == "wal" { &shm } else { &path };
            let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(locked).unwrap());
            // One reading may miss a lock.
            let ours = || {
                let ours = format!("WRITE {} ", std::process::id());
                (0..20).any(|_| {
                    let list = std::fs::read_to_string("/proc/locks").unwrap();
                    list.lines().any(|line| line.contains(&ours) && line.contains(&format!(":{inode} ")))
                })
            };
            assert!(ours(), "{mode}");
            for _ in 0..3 {
                for (path, range) in [(&path, MAIN), (&shm, WAL)] {
                    assert_eq!(getlk::locks_on(path, range), Ok(Vec::new()), "{mode}: nobody else");
                }
                assert!(ours(), "{mode}: asking has cost us our lock");
            }
            session.execute_batch("commit").unwrap();
            drop(session);
            assert_eq!(getlk::locks_on(&path, MAIN), Ok(Vec::new()));
        }
    }
}
