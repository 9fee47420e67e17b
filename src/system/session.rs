//! Who holds the lock of the session database. Asked of the kernel; the file itself is never opened on Linux, and on
//! macOS only to ask (a process that closes any descriptor of a file loses all its own locks on it, and we hold none).

use std::path::Path;

use crate::facts::{Holder, Lock, Role, Session};
use crate::system::process;

/// `SQLite`'s lock bytes in the main file (its file format, section 2.3 of "File Locking And Concurrency").
const PENDING: u64 = 0x4000_0000;
const RESERVED: u64 = PENDING + 1;
const SHARED: (u64, u64) = (PENDING + 2, PENDING + 511);
/// In WAL mode the locks lie in the -shm file: 120 is the writer, 121 the checkpoint, 122 recovery. Byte 128 is held by
/// every open connection and means nothing.
const WAL_WRITER: u64 = 120;
const WAL_RECOVER: u64 = 122;

/// Who holds a lock on the session, and how strong it is.
///
/// # Errors
/// Where the kernel can't be asked.
pub fn look(path: &Path, bridge: Option<u32>) -> Result<Session, String> {
    let shm = path.with_file_name(format!("{}-shm", path.file_name().unwrap_or_default().to_string_lossy()));
    let main = locks_on(path)?;
    let wal = locks_on(&shm)?;
    let mut holders: Vec<Holder> = Vec::new();
    for held in &main {
        // In WAL mode SHARED on the main file is a mere open connection.
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

fn note(holders: &mut Vec<Holder>, pid: u32, lock: Lock, bridge: Option<u32>) {
    if let Some(holder) = holders.iter_mut().find(|holder| holder.pid == pid) {
        holder.lock = holder.lock.max(lock);
        return;
    }
    let role = if Some(pid) == bridge { Role::Bridge } else { Role::Stranger };
    holders.push(Holder { pid, role, lock, age_s: process::find(pid).map(|process| process.age) });
}

/// `/proc/locks` names every lock of the machine with its holder.
#[cfg(target_os = "linux")]
fn locks_on(path: &Path) -> Result<Vec<Held>, String> {
    use std::os::unix::fs::MetadataExt;
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{} can't be looked at: {error}", path.display())),
    };
    let inode = format!(":{}", meta.ino());
    let device = (libc::major(meta.dev()), libc::minor(meta.dev()));
    let text = std::fs::read_to_string("/proc/locks").map_err(|error| format!("/proc/locks can't be read: {error}"))?;
    Ok(text.lines().filter(|line| line.contains(&inode)).filter_map(|line| held(line, device, meta.ino())).collect())
}

/// `1: POSIX  ADVISORY  WRITE 4312 fe:00:123456 1073741825 1073741825`; a waiting one begins with `->`.
#[cfg(target_os = "linux")]
fn held(line: &str, device: (u32, u32), inode: u64) -> Option<Held> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, "POSIX" | "OFDLCK", _, mode, pid, place, from, to] = fields[..] else { return None };
    let mut place = place.split(':');
    let hex = |part: Option<&str>| part.and_then(|part| u32::from_str_radix(part, 16).ok());
    if (hex(place.next())?, hex(place.next())?) != device || place.next()?.parse::<u64>().ok()? != inode {
        return None;
    }
    Some(Held {
        pid: pid.parse().ok()?,
        write: mode == "WRITE",
        from: from.parse().ok()?,
        to: to.parse().unwrap_or(u64::MAX),
    })
}

/// `fcntl(F_GETLK)` names one holder that stands against a lock that we might want, for each byte that matters.
#[cfg(not(target_os = "linux"))]
fn locks_on(path: &Path) -> Result<Vec<Held>, String> {
    use std::os::fd::AsRawFd;
    let file = match std::fs::OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{} can't be looked at: {error}", path.display())),
    };
    let ranges = [(PENDING, 1), (RESERVED, 1), (SHARED.0, 510), (WAL_WRITER, 1), (WAL_WRITER + 1, 2), (128, 1)];
    let mut all = Vec::new();
    for (start, length) in ranges {
        // SAFETY: all zeros is a valid flock, and the call writes only into it.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        lock.l_type = libc::F_WRLCK;
        lock.l_whence = i16::try_from(libc::SEEK_SET).unwrap_or(0);
        (lock.l_start, lock.l_len) = (i64::try_from(start).unwrap_or(0), length);
        // SAFETY: the descriptor is open for as long as `file` lives.
        let asked = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut lock) };
        if asked != 0 {
            return Err(format!(
                "the locks of {} can't be asked for: {}",
                path.display(),
                std::io::Error::last_os_error()
            ));
        }
        // -1 is a lock that no process owns (an open file description's): nobody to name.
        if lock.l_type != libc::F_UNLCK && lock.l_pid > 0 {
            let to = u64::try_from(lock.l_start + lock.l_len.max(1) - 1).unwrap_or(u64::MAX);
            let from = u64::try_from(lock.l_start).unwrap_or(0);
            all.push(Held { pid: lock.l_pid.unsigned_abs(), write: lock.l_type == libc::F_WRLCK, from, to });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn holder_of(path: &Path) -> Option<Lock> {
        let session = look(path, None).unwrap();
        session.holders.iter().find(|holder| holder.pid == std::process::id()).map(|holder| holder.lock)
    }

    #[test]
    fn each_lock_of_sqlite_is_named() {
        for (mode, idle, reading) in [("delete", None, Some(Lock::Shared)), ("wal", Some(Lock::None), Some(Lock::None))]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("valor_bridge.session");
            let session = Connection::open(&path).unwrap();
            session.pragma_update(None, "journal_mode", mode).unwrap();
            session.execute_batch("create table t(x); insert into t values (1)").unwrap();
            assert_eq!(holder_of(&path), idle, "{mode} idle");
            session.execute_batch("begin; select x from t").unwrap();
            session.query_row("select x from t", [], |_| Ok(())).unwrap();
            assert_eq!(holder_of(&path), reading, "{mode} reading");
            session.execute_batch("commit; begin immediate").unwrap();
            assert_eq!(holder_of(&path), Some(Lock::Reserved), "{mode} writing");
            session.execute_batch("rollback").unwrap();
            if mode == "delete" {
                session.execute_batch("begin exclusive").unwrap();
                assert_eq!(holder_of(&path), Some(Lock::Exclusive), "{mode} exclusive");
            }
        }
    }
}
