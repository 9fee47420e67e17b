//! What is new in one file of the log. Most files grow at their end. Some are cut at each start of the bridge (a shell's
//! `>`, systemd's `truncate:`), so that they may be as long as before and say something else; and some are written from
//! their beginning over the lines of an earlier run (systemd's `file:`), so that they do not grow at all. Bytes that
//! differ are activity; the time of the file only says that it is worth a comparison.

use std::fs::{File, Metadata};
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use super::log::{READ, last_lines};

/// What the file was at the last look.
pub(super) struct Seen {
    size: u64,
    modified: Option<SystemTime>,
    start: Vec<u8>,
    end: Vec<u8>,
    pen: Option<Pen>,
}

/// Where a process writes that does not write at the end.
struct Pen {
    pid: u32,
    at: u64,
    /// What stood there. When the process is gone, it shows how far it came.
    ahead: Vec<u8>,
}

/// What one look found.
#[derive(Default)]
pub(super) struct New {
    pub text: String,
    /// More was written than is read.
    pub skipped: bool,
    /// What was written before it may be gone from the file.
    pub lost: bool,
    /// There are bytes that were not there before. Else the file was touched or shortened, or a run said the same again as
    /// the one before it: only its end can tell which, so the text explains an end and is no sign of life.
    pub changed: bool,
    /// Only with a beginning of its own.
    pub from_start: bool,
}

/// So many of the first and of the last bytes are compared: room for what a run says that ends at its start.
const START: u64 = 16 << 10;

impl Seen {
    pub(super) fn of(file: &File, meta: &Metadata) -> Seen {
        let size = meta.len();
        Seen {
            size,
            modified: meta.modified().ok(),
            start: bytes(file, 0, size.min(START)),
            end: bytes(file, size.saturating_sub(START), size),
            pen: None,
        }
    }

    /// What is new since the last look; `pid` is the bridge's process now.
    pub(super) fn news(&mut self, file: &File, meta: &Metadata, pid: Option<u32>) -> Option<New> {
        let size = meta.len();
        // A pen is looked for where a file is written that does not grow, and watched from then on.
        if size == self.size && meta.modified().ok() == self.modified {
            return None;
        }
        let mut now = Seen::of(file, meta);
        if size >= self.size {
            let at = pid.and_then(|pid| pen(pid, meta)).filter(|&at| at < size);
            now.pen = pid.zip(at).map(|(pid, at)| Pen { pid, at, ahead: bytes(file, at, size.min(at + START)) });
        }
        let before = std::mem::replace(self, now);
        Some(self.since(&before, file))
    }

    fn since(&self, before: &Seen, file: &File) -> New {
        let size = self.size;
        let same_start = self.start.starts_with(&before.start);
        let same_end = !self.end.is_empty() && (self.end.ends_with(&before.end) || before.end.ends_with(&self.end));
        if size < before.size {
            return New { lost: true, changed: size > 0 && !same_end, ..read(file, 0, size) };
        }
        match (&before.pen, &self.pen) {
            (Some(old), Some(new)) if old.pid == new.pid && new.at >= old.at => {
                return New { changed: new.at > old.at, ..read(file, old.at, new.at) };
            }
            (Some(old), None) if size > before.size => return New { changed: true, ..read(file, old.at, size) },
            // It is gone: up to the last byte that differs.
            (Some(old), None) => {
                let written = differs(&old.ahead, &bytes(file, old.at, old.at + START));
                return New { changed: written > 0, ..read(file, old.at, old.at + written) };
            }
            // Another process, whose first lines stand where the last ones of the one before may have been.
            (old, Some(new)) if !same_start => {
                return New { lost: old.is_some(), changed: true, from_start: true, ..read(file, 0, new.at) };
            }
            // Where it wrote before is not known.
            (_, Some(_)) if size == before.size => return New::default(),
            _ => {}
        }
        if size > before.size && same_start {
            return New { changed: true, ..read(file, before.size, size) };
        }
        if size == before.size && same_end && !same_start && size > START {
            let written = differs(&before.start, &self.start);
            return New { lost: true, changed: true, from_start: true, ..read(file, 0, written) };
        }
        // It may have been written, and cut by the next start.
        if size == 0 {
            return New { lost: true, ..New::default() };
        }
        New { lost: true, changed: !(same_start && same_end), ..read(file, 0, size) }
    }
}

fn read(file: &File, from: u64, to: u64) -> New {
    let (text, skipped) = last_lines(file, from, to, READ);
    New { text, skipped, ..New::default() }
}

/// How many bytes there are up to the last one that differs.
fn differs(before: &[u8], now: &[u8]) -> u64 {
    let same = before.iter().zip(now).rev().take_while(|(old, new)| old == new).count();
    (before.len().min(now.len()) - same) as u64
}

fn bytes(file: &File, from: u64, to: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(to.saturating_sub(from).min(START)).unwrap_or(0)];
    let read = file.read_at(&mut bytes, from).unwrap_or(0);
    bytes.truncate(read);
    bytes
}

/// Where this process writes next in the file, if not at its end. Only systemd opens a log in this way, so only Linux is
/// asked.
#[cfg(target_os = "linux")]
fn pen(pid: u32, meta: &Metadata) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    const O_ACCMODE: i32 = 3;
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let same = |path: &std::path::Path| {
        std::fs::metadata(path).is_ok_and(|other| (other.dev(), other.ino()) == (meta.dev(), meta.ino()))
    };
    files.filter(|entry| same(&entry.path())).find_map(|entry| {
        let info =
            std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", entry.file_name().to_string_lossy())).ok()?;
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let flags = i32::from_str_radix(field("flags:")?, 8).ok()?;
        let writes = flags & O_ACCMODE != libc::O_RDONLY && flags & libc::O_APPEND == 0;
        field("pos:")?.parse().ok().filter(|_| writes)
    })
}

#[cfg(not(target_os = "linux"))]
fn pen(_pid: u32, _meta: &Metadata) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use crate::secrets::Secrets;
    use crate::system::log::Tail;
    use crate::system::process;

    const TRACE: &str = "Traceback (most recent call last):\n  File \"x\"\n";

    fn tail(path: &Path) -> Tail {
        let mut tail = Tail::new(path, &path.with_extension("error"), Duration::from_mins(5), Secrets::default());
        tail.look(None).unwrap();
        tail
    }

    /// The file's time moves on by itself only when the kernel's clock ticks.
    fn later(path: &Path) {
        let file = fs::OpenOptions::new().append(true).open(path).unwrap();
        let at = file.metadata().unwrap().modified().unwrap();
        file.set_modified(at + Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn a_log_that_each_start_cuts_is_read_from_its_first_byte() {
        let (old, other, same) = ("INFO old\n".repeat(2000), "KeyError: 'a'", "SessionExpiredError: x");
        let text = |stamp: &str, error: &str| format!("2026-11-27 10:00:{stamp} INFO up\n{TRACE}{error}\n");
        // What it was, what it is, whether that is activity, and the error that the run ended with.
        let rows = [
            ("smaller", old.clone(), text("00", same), true, Some(same)),
            ("as long", text("00", "SessionExpiredError: y"), text("00", same), true, Some(same)),
            ("as long, with another time", text("00", same), text("07", same), true, Some(same)),
            ("word by word the same", text("00", same), text("00", same), false, Some(same)),
            ("larger", text("00", other), text("07", same) + "bye\n", true, Some(same)),
            ("empty", old.clone(), String::new(), false, None),
            ("empty again", String::new(), String::new(), false, None),
            ("shortened by somebody", format!("{old}{}", text("00", same)), text("00", same), false, Some(same)),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.log");
        for (name, before, after, grew, ended) in rows {
            fs::write(&path, before).unwrap();
            let mut tail = tail(&path);
            fs::write(&path, after).unwrap();
            later(&path);
            let log = tail.look(None).unwrap();
            assert_eq!((log.grew, log.lost), (grew, true), "{name}");
            assert_eq!(log.said.ended_by.map(|ended| ended.error).as_deref(), ended, "{name}");
            later(&path);
            assert!(!tail.look(None).unwrap().grew, "{name}, touched");
        }
    }

    #[test]
    fn incident_6_a_touch_is_neither_activity_nor_a_word_of_a_run_that_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.log");
        fs::write(&path, format!("INFO Connected to Telegram\n{TRACE}SessionExpiredError: x\n")).unwrap();
        let this = process::find(std::process::id());
        let mut tail = tail(&path);
        tail.look(this).unwrap();
        for _ in 0..3 {
            later(&path);
            let log = tail.look(this).unwrap();
            assert_eq!((log.grew, log.lost, log.said), (false, false, crate::findings::Findings::default()));
        }
        // Or the run said the same as the one before it, and ended after the look that saw it.
        let log = tail.look(None).unwrap();
        assert_eq!((log.grew, log.lost, log.said.connected), (false, true, None));
        assert!(log.said.ended_by.is_some());
    }

    /// systemd's `StandardOutput=file:`.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_log_that_is_written_over_from_its_beginning_shows_what_is_new() {
        use std::io::{Seek, Write};
        use std::os::unix::process::CommandExt;

        use crate::facts::Process;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.log");
        let old = "INFO a line of last week\n";
        fs::write(&path, old.repeat(2000)).unwrap();
        let mut pen = fs::OpenOptions::new().write(true).open(&path).unwrap();
        pen.write_all(b"INFO up\n").unwrap();
        // It has the file open at the same place as we do.
        let mut command = std::process::Command::new("sleep");
        let mut child = command.arg("60").stdout(pen.try_clone().unwrap()).process_group(0).spawn().unwrap();
        let bridge: Option<Process> = process::find(child.id());
        let mut tail = tail(&path);
        let mut look = |run: Option<Process>| {
            later(&path);
            let log = tail.look(run).unwrap();
            (log.grew, log.said.heartbeat, log.said.ended_by.map(|ended| ended.error))
        };
        // Where it writes is not known yet.
        assert_eq!(look(bridge), (false, false, None));
        assert_eq!(look(bridge), (false, false, None), "touched");
        pen.write_all(b"[heartbeat] Bridge alive\n").unwrap();
        assert_eq!(look(bridge), (true, true, None));
        assert_eq!(look(bridge), (false, false, None), "touched again");
        writeln!(pen, "{TRACE}SessionExpiredError: x").unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(look(None), (true, false, Some("SessionExpiredError: x".into())), "its last words");
        // The next one, which nobody saw, writes from the beginning again.
        pen.rewind().unwrap();
        writeln!(pen, "ERROR up\n{TRACE}KeyError: 'a'").unwrap();
        assert_eq!(look(None), (true, false, Some("KeyError: 'a'".into())));
    }
}
