//! The locks on a file by `/proc/locks` (proc(5)), which names every holder, and for which nothing is opened. It names a
//! file by device and inode, and its device is that of the mount. `stat` says another one on btrfs (each subvolume has
//! its own) and on some overlays; there the inode is a mere hint, and the kernel is asked by the file itself.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::open::has_file;
use super::{Held, Range, getlk};
use crate::system::lock_list;

/// Major and minor number.
type Device = (u32, u32);

/// The locks on each of these files, by one reading of the list.
pub(super) fn locks_of(files: [(&Path, Range); 2]) -> Result<[Vec<Held>; 2], String> {
    let lists = lock_list::readings().map_err(|error| format!("/proc/locks can't be read: {error}"))?;
    let [one, other] = files.map(|(path, range)| locks_on(path, range, &lists));
    Ok([one?, other?])
}

fn locks_on(path: &Path, range: Range, lists: &[String]) -> Result<Vec<Held>, String> {
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{} can't be looked at: {error}", path.display())),
    };
    let device = (libc::major(meta.dev()), libc::minor(meta.dev()));
    match named(lists, device, meta.ino(), range) {
        Named::Holders(held) => Ok(held),
        Named::Perhaps(perhaps) => confirmed(perhaps, getlk::locks_on(path, range), |pid| {
            has_file(pid, &[(meta.dev(), meta.ino())]) == Some(true)
        }),
    }
}

/// What `/proc/locks` says of one file.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Holders(Vec<Held>),
    /// Of a file with this inode on another device, or of none: it has to be confirmed.
    Perhaps(Vec<Held>),
}

fn named(lists: &[String], device: Device, inode: u64, range: Range) -> Named {
    let word = format!(":{inode}");
    let lines = lists.iter().flat_map(|list| list.lines()).filter(|line| line.contains(&word));
    let mut found: Vec<(Device, Held)> = Vec::new();
    for lock in lines.filter_map(|line| held(line, inode)).filter(|(_, held)| held.covers(range.0, range.1)) {
        if !found.contains(&lock) {
            found.push(lock);
        }
    }
    let (same, other): (Vec<_>, Vec<_>) = found.into_iter().partition(|(place, _)| *place == device);
    let strip = |list: Vec<(Device, Held)>| list.into_iter().map(|(_, held)| held).collect();
    // Major number 0: the device is none, but a number that was made up for a mount or a subvolume.
    if !same.is_empty() || (device.0 != 0 && other.is_empty()) {
        Named::Holders(strip(same))
    } else {
        Named::Perhaps(strip(other))
    }
}

/// Those of the likely holders that really have this file, and whom else the kernel names when it is asked by the file.
///
/// # Errors
/// If it can't be asked, and no holder is sure.
fn confirmed(
    perhaps: Vec<Held>,
    asked: Result<Vec<Held>, String>,
    has_open: impl Fn(u32) -> bool,
) -> Result<Vec<Held>, String> {
    let by_kernel = asked.as_ref().map_or(&[][..], Vec::as_slice);
    let is_named = |pid: u32| by_kernel.iter().any(|held| held.pid == pid);
    let mut sure: Vec<Held> = perhaps.into_iter().filter(|held| is_named(held.pid) || has_open(held.pid)).collect();
    let more: Vec<Held> =
        by_kernel.iter().filter(|held| sure.iter().all(|known| known.pid != held.pid)).copied().collect();
    sure.extend(more);
    match asked {
        Err(why) if sure.is_empty() => Err(why),
        _ => Ok(sure),
    }
}

/// `1: POSIX  ADVISORY  WRITE 4312 fe:00:123456 1073741825 1073741825`; a waiting one begins with `->`.
fn held(line: &str, inode: u64) -> Option<(Device, Held)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, "POSIX" | "OFDLCK", _, mode, pid, place, from, to] = fields[..] else { return None };
    let mut place = place.split(':');
    let hex = |part: Option<&str>| part.and_then(|part| u32::from_str_radix(part, 16).ok());
    let device = (hex(place.next())?, hex(place.next())?);
    if place.next()?.parse::<u64>().ok()? != inode {
        return None;
    }
    let held = Held {
        pid: pid.parse().ok()?,
        write: mode == "WRITE",
        from: from.parse().ok()?,
        to: to.parse().unwrap_or(u64::MAX),
    };
    Some((device, held))
}

#[cfg(test)]
mod tests {
    use super::super::MAIN;
    use super::*;

    const LOCKS: &str = "1: FLOCK  ADVISORY  WRITE 13504 fe:00:257 0 EOF\n\
                         2: POSIX  ADVISORY  WRITE 10 00:57:257 1073741824 1073742335\n\
                         2: -> POSIX  ADVISORY  WRITE 11 00:57:257 1073741824 1073742335\n\
                         3: POSIX  ADVISORY  READ 12 fe:00:258 1073741826 1073742335\n\
                         4: POSIX  ADVISORY  READ 13 fe:00:2570 1073741826 1073742335\n\
                         5: POSIX  ADVISORY  READ 14 fe:00:259 0 100\n\
                         6: POSIX  ADVISORY  READ 15 fe:01:258 1073741826 EOF\n";

    fn of(pid: u32, write: bool, from: u64, to: u64) -> Held {
        Held { pid, write, from, to }
    }

    #[test]
    fn r23_a_device_that_differs_is_no_answer() {
        let writer = of(10, true, 1_073_741_824, 1_073_742_335);
        let reader = of(12, false, 1_073_741_826, 1_073_742_335);
        let far = of(15, false, 1_073_741_826, u64::MAX);
        let rows: [(&str, Device, u64, Named); 7] = [
            ("ext4", (0xfe, 0), 258, Named::Holders(vec![reader])),
            ("another disk, the same inode", (0xfe, 1), 258, Named::Holders(vec![far])),
            ("ext4, nobody", (0xfe, 0), 77, Named::Holders(vec![])),
            ("ext4, other bytes", (0xfe, 0), 259, Named::Holders(vec![])),
            ("tmpfs, as /proc/locks has it", (0, 0x57), 257, Named::Holders(vec![writer])),
            ("btrfs, a subvolume's number", (0, 0x58), 257, Named::Perhaps(vec![writer])),
            ("btrfs, nobody", (0, 0x58), 77, Named::Perhaps(vec![])),
        ];
        for (name, device, inode, expected) in rows {
            assert_eq!(named(&[LOCKS.into()], device, inode, MAIN), expected, "{name}");
        }
        // An overlay names the disk below it.
        let perhaps = Named::Perhaps(vec![writer]);
        assert_eq!(named(&[LOCKS.into()], (8, 1), 257, MAIN), perhaps, "an overlay's upper file on a disk");
        let lists = [String::new(), LOCKS.into(), LOCKS.into()];
        assert_eq!(named(&lists, (0xfe, 0), 258, MAIN), Named::Holders(vec![reader]), "read more than once");
    }

    #[test]
    fn r23_only_who_has_this_very_file_is_named() {
        let (one, other) = (of(10, true, 1, 2), of(11, false, 1, 2));
        type Row = (&'static str, Vec<Held>, Result<Vec<Held>, String>, &'static [u32], Result<Vec<Held>, String>);
        let broken = || Err::<Vec<Held>, String>("permission denied".into());
        let rows: [Row; 8] = [
            ("nobody", vec![], Ok(vec![]), &[], Ok(vec![])),
            ("nobody here, a file of another disk", vec![one], Ok(vec![]), &[], Ok(vec![])),
            ("named by the kernel", vec![one], Ok(vec![one]), &[], Ok(vec![one])),
            (
                "two readers, of whom the kernel names one",
                vec![one, other],
                Ok(vec![one]),
                &[10, 11],
                Ok(vec![one, other]),
            ),
            ("whom /proc/locks has under another inode", vec![], Ok(vec![one]), &[], Ok(vec![one])),
            ("seen by its descriptors alone", vec![one], broken(), &[10], Ok(vec![one])),
            ("nothing is sure", vec![one], broken(), &[], broken()),
            ("nothing is known", vec![], broken(), &[], broken()),
        ];
        for (name, perhaps, asked, open, expected) in rows {
            assert_eq!(confirmed(perhaps, asked, |pid| open.contains(&pid)), expected, "{name}");
        }
    }
}
