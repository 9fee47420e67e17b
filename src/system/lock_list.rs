//! The kernel's list of all file locks, `/proc/locks` (proc(5)).

use std::fs::File;
use std::io::{self, Read};

/// What one read gets at most: the kernel fills a page with whole lines while it keeps all locks as they are.
const PAGE: usize = 4096;

/// No line is longer, so a page with this much room left was the whole list.
const LINE: usize = 256;

/// How often a longer list is read. The kernel goes on at a position in it, so a lock that goes between two reads hides
/// another one: while 400 locks come and go, a reading misses a given one in up to 1 of 300 times (measured).
const READINGS: usize = 5;

/// The list, once where it was read at one instant, else several times: whoever is in none of them holds no lock.
///
/// # Errors
/// If there is no such file, or it may not be read.
pub(super) fn readings() -> io::Result<Vec<String>> {
    let mut readings = Vec::new();
    loop {
        let text = reading()?;
        let at_one_instant = text.len() + LINE <= PAGE;
        readings.push(text);
        if at_one_instant || readings.len() == READINGS {
            return Ok(readings);
        }
    }
}

fn reading() -> io::Result<String> {
    // Not fs::read_to_string(), whose first read is of 32 bytes.
    let mut file = File::open("/proc/locks")?;
    let (mut text, mut page) = (Vec::new(), [0; PAGE]);
    loop {
        match file.read(&mut page) {
            Ok(0) => return Ok(String::from_utf8_lossy(&text).into_owned()),
            Ok(length) => text.extend_from_slice(&page[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::{FlockOperation, flock};

    use super::*;

    #[test]
    fn a_lock_is_listed_while_others_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let locked = File::create(folder.path().join("held")).unwrap();
        flock(&locked, FlockOperation::LockExclusive).unwrap();
        let word = format!(":{} ", locked.metadata().unwrap().ino());
        let is_listed = |list: &String| list.contains(&word);
        let ended = AtomicBool::new(false);
        let (mut one, mut all) = (0, 0);
        std::thread::scope(|scope| {
            for nth in 0..2 {
                let (folder, ended) = (&folder, &ended);
                scope.spawn(move || {
                    let path = |file| folder.path().join(format!("{nth}-{file}"));
                    let files: Vec<_> = (0..200).map(|file| File::create(path(file)).unwrap()).collect();
                    while !ended.load(Ordering::Relaxed) {
                        for operation in [FlockOperation::LockExclusive, FlockOperation::Unlock] {
                            for file in &files {
                                flock(file, operation).unwrap();
                            }
                        }
                    }
                });
            }
            for _ in 0..1000 {
                let readings = readings().unwrap();
                one += usize::from(is_listed(&readings[0]));
                all += usize::from(readings.iter().any(is_listed));
            }
            ended.store(true, Ordering::Relaxed);
        });
        println!("listed in the first reading: {one} of 1000, in any: {all}");
        assert_eq!(all, 1000);
    }
}
