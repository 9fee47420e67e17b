//! The locks on a file by `fcntl(F_GETLK)`, which names one holder that conflicts with a lock that we might want. So
//! the ranges before and after its lock are asked for again, until there is none. If two readers hold the same bytes,
//! only one is named; a writer never shares its bytes.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use super::{Held, Range, own};

pub(super) fn locks_on(path: &Path, range: Range) -> Result<Vec<Held>, String> {
    let found = own::lend(path, |file| holders(range, |range| holder(file, range)));
    match found {
        Ok(Ok((held, unnamed))) if held.is_empty() && unnamed => {
            Err(format!("a lock of {} is held by a process that can't be named from here", path.display()))
        }
        Ok(Ok((held, _))) => Ok(held),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(format!("{} can't be looked at: {error}", path.display())),
        Ok(Err(error)) => Err(format!("the locks of {} can't be asked for: {error}", path.display())),
    }
}

/// The kernel's answer for one range: the bytes that are held, by which process, and whether for writing. No pid if no
/// process owns the lock (an open file description does).
struct Answer {
    from: u64,
    to: u64,
    pid: Option<u32>,
    write: bool,
}

/// All holders within the range, and whether there are others without a pid. It ends, since each question is about
/// fewer bytes than the one before.
fn holders(range: Range, ask: impl Fn(Range) -> io::Result<Option<Answer>>) -> io::Result<(Vec<Held>, bool)> {
    let (mut held, mut unnamed) = (Vec::new(), false);
    let mut left = vec![range];
    while let Some((first, last)) = left.pop() {
        let Some(answer) = ask((first, last))? else { continue };
        if let Some(pid) = answer.pid {
            held.push(Held { pid, write: answer.write, from: answer.from, to: answer.to });
        } else {
            unnamed = true;
        }
        // An answer outside the range would make this loop endless.
        if answer.from > last || answer.to < first {
            continue;
        }
        if answer.from > first {
            left.push((first, answer.from - 1));
        }
        if answer.to < last {
            left.push((answer.to + 1, last));
        }
    }
    Ok((held, unnamed))
}

fn holder(file: &File, (first, last): Range) -> io::Result<Option<Answer>> {
    let offset = |byte: u64| libc::off_t::try_from(byte).map_err(io::Error::other);
    // SAFETY: all zeros is a valid flock.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    // Every other lock conflicts with one for writing.
    (lock.l_type, lock.l_whence) = (short(libc::F_WRLCK)?, short(libc::SEEK_SET)?);
    (lock.l_start, lock.l_len) = (offset(first)?, offset(last - first + 1)?);
    // SAFETY: the descriptor is open for as long as `file` lives, and the call writes only into `lock`.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut lock) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if lock.l_type == short(libc::F_UNLCK)? {
        return Ok(None);
    }
    let from = u64::try_from(lock.l_start).map_err(io::Error::other)?;
    // Length 0 means up to the end of the file.
    let to = match u64::try_from(lock.l_len) {
        Ok(length) if length > 0 => from.saturating_add(length - 1),
        _ => u64::MAX,
    };
    let pid = u32::try_from(lock.l_pid).ok().filter(|pid| *pid > 0);
    Ok(Some(Answer { from, to, pid, write: lock.l_type == short(libc::F_WRLCK)? }))
}

/// libc's constants and fields differ in width from platform to platform.
fn short(constant: impl TryInto<libc::c_short>) -> io::Result<libc::c_short> {
    constant.try_into().map_err(|_| io::Error::other("a constant of the platform is out of range"))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Child, Command, Stdio};

    use super::super::{MAIN, PENDING, RESERVED, SHARED};
    use super::*;

    const FILE: &str = "BRIDGE_WATCHDOG_TEST_LOCK_FILE";
    const BYTES: &str = "BRIDGE_WATCHDOG_TEST_LOCK_BYTES";

    /// A process of its own that holds locks: a process is not told of its own.
    struct Holder(Child);

    impl Drop for Holder {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    impl Holder {
        fn of(path: &Path, (from, to): Range, write: bool) -> Holder {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "system::session::getlk::tests::holds", "--ignored", "--nocapture"])
                .env(FILE, path)
                .env(BYTES, format!("{from} {to} {write}"))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            assert!(said.into_iter().any(|line| line.ends_with("held")), "the other process has no lock");
            Holder(child)
        }

        fn held(&self, (from, to): Range, write: bool) -> Held {
            Held { pid: self.0.id(), write, from, to }
        }
    }

    #[test]
    #[ignore = "the other process of the tests below"]
    fn holds() {
        let (Some(path), Ok(bytes)) = (std::env::var_os(FILE), std::env::var(BYTES)) else { return };
        let words: Vec<&str> = bytes.split(' ').collect();
        let (from, to): (i64, i64) = (words[0].parse().unwrap(), words[1].parse().unwrap());
        let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        // SAFETY: all zeros is a valid flock.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        lock.l_type = short(if words[2] == "true" { libc::F_WRLCK } else { libc::F_RDLCK }).unwrap();
        (lock.l_start, lock.l_len) = (from, to - from + 1);
        // SAFETY: the descriptor is open, and the call reads only `lock`.
        assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const lock) }, 0);
        println!("held");
        // Until the test that started this ends.
        let _ = std::io::stdin().read(&mut [0]);
    }

    #[test]
    fn everybody_is_named_and_not_only_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("valor_bridge.session");
        assert_eq!(locks_on(&path, MAIN), Ok(Vec::new()), "no file, no lock");
        std::fs::write(&path, "").unwrap();
        assert_eq!(locks_on(&path, MAIN), Ok(Vec::new()));
        let rows = [
            ((SHARED.0 + 100, SHARED.0 + 109), false),
            // Before the first one, and behind it.
            ((SHARED.0, SHARED.0 + 9), false),
            ((SHARED.0 + 110, SHARED.1), false),
            ((RESERVED, RESERVED), true),
        ];
        let mut expected = Vec::new();
        let mut holders = Vec::new();
        for (bytes, write) in rows {
            let holder = Holder::of(&path, bytes, write);
            expected.push(holder.held(bytes, write));
            holders.push(holder);
            let mut seen = locks_on(&path, MAIN).unwrap();
            seen.sort_by_key(|held| held.from);
            expected.sort_by_key(|held| held.from);
            assert_eq!(seen, expected);
        }
        drop(holders);
        assert_eq!(locks_on(&path, MAIN), Ok(Vec::new()));
    }

    #[test]
    fn a_lock_without_a_process_hides_nobody() {
        let held = [(PENDING, PENDING + 1, None), (SHARED.0, u64::MAX, Some(7))];
        let ask = |(first, last): Range| {
            let one = held.iter().find(|(from, to, _)| *from <= last && *to >= first);
            Ok(one.map(|&(from, to, pid)| Answer { from, to, pid, write: true }))
        };
        let expected = Held { pid: 7, write: true, from: SHARED.0, to: u64::MAX };
        assert_eq!(holders(MAIN, ask).unwrap(), (vec![expected], true));
    }
}
