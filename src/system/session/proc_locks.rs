//! The locks on a file by `/proc/locks` (proc(5)): nothing is opened, and every holder is named.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Held, Range};

/// `/proc/locks` names every lock of the machine with its holder.
pub(super) fn locks_on(path: &Path, range: Range) -> Result<Vec<Held>, String> {
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{} can't be looked at: {error}", path.display())),
    };
    let inode = format!(":{}", meta.ino());
    let device = (libc::major(meta.dev()), libc::minor(meta.dev()));
    let text = std::fs::read_to_string("/proc/locks").map_err(|error| format!("/proc/locks can't be read: {error}"))?;
    let lines = text.lines().filter(|line| line.contains(&inode));
    let held = lines.filter_map(|line| held(line, device, meta.ino()));
    Ok(held.filter(|held| held.covers(range.0, range.1)).collect())
}

/// `1: POSIX  ADVISORY  WRITE 4312 fe:00:123456 1073741825 1073741825`; a waiting one begins with `->`.
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
