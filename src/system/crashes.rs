//! The crash history, `data/crash_history.jsonl`: one line for each event, written by us and by the bridge itself.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::error_line;
use crate::events::{SAME, once_each};
use crate::facts::{Class, Event, EventKind};
use crate::foreign_text::Lines;
use crate::secrets::Secrets;
use crate::system::clock;
use crate::text::time::iso;
use crate::time::Wall;

/// This much of the end of the file is read: at 200 bytes a line, far more than half an hour of any crash loop. So a
/// history of a million lines costs as much as an empty one.
const RECENT: u64 = 128 << 10;
/// The value of `by` in our own lines.
const US: &str = "bridge-watchdog";

/// The recent events, oldest first, each once. Torn and foreign lines are skipped.
///
/// # Errors
/// Why the file can't be read; if there is none, the history is empty.
pub fn recent(path: &Path) -> Result<Vec<Event>, String> {
    Ok(once_each(read(path, RECENT)?))
}

/// All events, or those from then on.
///
/// # Errors
/// As [`recent`].
pub fn since(path: &Path, from: Option<Wall>) -> Result<Vec<Event>, String> {
    let events = read(path, u64::MAX)?;
    let Some(from) = from else { return Ok(once_each(events)) };
    let mut events = events;
    // An event that both wrote may have its second line before that.
    events.retain(|event| event.at >= from - SAME);
    let mut events = once_each(events);
    events.retain(|event| event.at >= from);
    Ok(events)
}

/// Appends one event in one write, so that no line of ours is torn or mixed with another.
///
/// # Errors
/// A sentence that names the file.
pub fn append(path: &Path, event: &Event) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{} can't be written: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(wrong)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    // A new file is made where nothing is: a link that points to nothing is not followed. One to a file may be meant.
    if fs::symlink_metadata(path).is_err() {
        options.create_new(true);
    }
    let again = |error: std::io::Error| match error.kind() {
        // The bridge was quicker.
        std::io::ErrorKind::AlreadyExists => OpenOptions::new().read(true).append(true).open(path),
        _ => Err(error),
    };
    let mut file = options.open(path).or_else(again).map_err(wrong)?;
    let line = line(event);
    let line = if ends_torn(&file) { format!("\n{line}") } else { line };
    file.write_all(line.as_bytes()).map_err(wrong)
}

/// This many events are kept however old they are, to be shown.
const KEPT: usize = 10;

/// Remembers the last answer while the file does not change: the events that can still count, and the last few. To copy
/// the rest of a long history at each tick would serve nothing.
pub struct CrashLog {
    path: PathBuf,
    /// Crashes count for this long.
    window: Duration,
    /// A reason may be the text of an exception, and have secrets in it.
    secrets: Secrets,
    read: Option<((u64, Option<std::time::SystemTime>, u64), Vec<Event>)>,
}

impl CrashLog {
    pub fn new(path: PathBuf, window: Duration, secrets: Secrets) -> CrashLog {
        CrashLog { path, window, secrets, read: None }
    }

    /// As [`recent`], without events that are too old to count.
    ///
    /// # Errors
    /// As there.
    pub fn recent(&mut self) -> Result<Vec<Event>, String> {
        let (length, modified) = fs::metadata(&self.path).map_or((0, None), |meta| (meta.len(), meta.modified().ok()));
        let stamp = (length, modified, self.secrets.generation());
        if let Some((seen, events)) = &self.read
            && *seen == stamp
        {
            return Ok(events.clone());
        }
        let mut events = recent(&self.path)?;
        let from = clock::wall() - self.window;
        let old = events.iter().take_while(|event| event.at < from).count();
        events.drain(..old.min(events.len().saturating_sub(KEPT)));
        for event in &mut events {
            event.reason = brief(&self.secrets, &event.reason);
            event.error = event.error.take().map(|error| brief(&self.secrets, &error));
            event.commit = brief(&self.secrets, &event.commit);
        }
        self.read = Some((stamp, events.clone()));
        Ok(events)
    }
}

/// What the bridge or its script wrote may be of any length, and has to fit into a message.
fn brief(secrets: &Secrets, text: &str) -> String {
    /// Of characters: an error says in its beginning what it is.
    const MOST: usize = 400;
    secrets.readable(text, Lines::Join).chars().take(MOST).collect()
}

fn read(path: &Path, most: u64) -> Result<Vec<Event>, String> {
    let wrong = |error: std::io::Error| format!("{} can't be read: {error}", path.display());
    let meta = match fs::metadata(path) {
        Ok(meta) if meta.is_file() => meta,
        Ok(_) => return Err(format!("{} is no file; move it away", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(error)),
    };
    let from = meta.len().saturating_sub(most);
    let mut bytes = vec![0; usize::try_from(meta.len() - from).unwrap_or(0)];
    let file = File::open(path).map_err(wrong)?;
    let length = file.read_at(&mut bytes, from).map_err(wrong)?;
    bytes.truncate(length);
    // The first line of a part is half a line.
    let begin =
        if from > 0 { bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1) } else { 0 };
    Ok(bytes[begin..].split(|&byte| byte == b'\n').filter_map(parse).collect())
}

fn parse(line: &[u8]) -> Option<Event> {
    let text = std::str::from_utf8(line).ok()?;
    // Python writes bare Infinity and NaN, which are no JSON.
    let value: Value = serde_json::from_str(text)
        .or_else(|_| {
            serde_json::from_str(&text.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null"))
        })
        .ok()?;
    let kind = match value.get("event_type")?.as_str()? {
        "start" => EventKind::Start,
        "crash" => EventKind::Crash,
        _ => return None,
    };
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let reason = text("reason").unwrap_or("").to_owned();
    Some(Event {
        at: Wall(value.get("timestamp")?.as_f64()?),
        kind,
        commit: text("commit_sha").unwrap_or("unknown").to_owned(),
        commit_age: value.get("commit_age_seconds").and_then(Value::as_f64),
        class: text("class").and_then(class_named).unwrap_or_else(|| class_of(&reason)),
        error: text("error").map(str::to_owned),
        reason,
        pid: value.get("pid").and_then(Value::as_u64).and_then(|pid| u32::try_from(pid).ok()),
        ours: text("by") == Some(US),
    })
}

fn line(event: &Event) -> String {
    let kind = if event.kind == EventKind::Start { "start" } else { "crash" };
    let mut value = json!({
        "timestamp": event.at,
        "event_type": kind,
        "commit_sha": event.commit,
        "commit_age_seconds": event.commit_age,
        "reason": event.reason,
        "datetime": iso(event.at),
        "class": class_name(event.class),
    });
    if let Some(pid) = event.pid {
        value["pid"] = json!(pid);
    }
    if let Some(error) = &event.error {
        value["error"] = json!(error);
    }
    if event.ours {
        value["by"] = json!(US);
    }
    format!("{value}\n")
}

/// The class of a reason that the bridge wrote: by an error's line in it, or by a word that names the class. What an error
/// says is not looked at for words: `KeyError: 'auth'` is the code's.
pub fn class_of(reason: &str) -> Class {
    let mut starts = std::iter::once(0).chain(reason.match_indices(": ").map(|(at, colon)| at + colon.len()));
    let error = starts.find(|&at| error_line::is_error(&reason[at..]));
    let (words, error) = reason.split_at(error.unwrap_or(reason.len()));
    let by_error = || error_line::class(error);
    error_line::class(reason).or_else(by_error).or_else(|| by_word(words)).unwrap_or(Class::Code)
}

/// Whole words only: "auth" names a class, "author" and "oauthlib" do not. A star stands for any end of the word.
fn by_word(reason: &str) -> Option<Class> {
    const WORDS: [(&str, Class); 6] = [
        ("disk", Class::Disk),
        ("flood*", Class::Flood),
        (
            "auth authkey* authentication authenticate authenticated unauthenticated authorization authorisation \
             authorized authorised unauthorized unauthorised",
            Class::Login,
        ),
        ("locked", Class::Lock),
        ("network", Class::Network),
        ("connection connections reconnection", Class::Network),
    ];
    // `auth_required` is a code of several words; in a sentence `connection_pool` is a name in the program.
    let code = !reason.trim().contains(char::is_whitespace);
    let said: Vec<&str> = reason.split(|c: char| !(c.is_alphanumeric() || (c == '_' && !code))).collect();
    let names = |words: &str, said: &str| {
        let said = said.to_lowercase();
        words
            .split_ascii_whitespace()
            .any(|word| word.strip_suffix('*').map_or(said == word, |begin| said.starts_with(begin)))
    };
    // An error's class may stand in a sentence without its text.
    let error = || said.iter().find_map(|word| error_line::is_error(word).then(|| error_line::class(word))?);
    let word = || WORDS.iter().find_map(|(words, class)| said.iter().any(|said| names(words, said)).then_some(*class));
    error().or_else(word)
}

fn class_name(class: Class) -> String {
    serde_json::to_value(class).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn class_named(name: &str) -> Option<Class> {
    serde_json::from_value(json!(name)).ok()
}

fn ends_torn(file: &File) -> bool {
    let length = file.metadata().map_or(0, |meta| meta.len());
    let mut last = [b'\n'];
    length > 0 && file.read_at(&mut last, length - 1).is_ok() && last != [b'\n']
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: f64, pid: Option<u32>) -> Event {
        Event {
            at: Wall(at),
            kind: EventKind::Crash,
            commit: "deadbeef".into(),
            commit_age: Some(60.0),
            reason: "exit 1".into(),
            error: None,
            class: Class::Code,
            pid,
            ours: true,
        }
    }

    #[test]
    fn a_reason_has_a_class_by_its_error_or_by_a_whole_word() {
        let rows = [
            ("disk full", Class::Disk),
            ("disk-full", Class::Disk),
            ("flood wait", Class::Flood),
            ("auth required", Class::Login),
            ("auth_required", Class::Login),
            ("Authentication failed", Class::Login),
            ("database is locked", Class::Lock),
            ("the session is locked by another", Class::Lock),
            ("network down", Class::Network),
            ("connection lost", Class::Network),
            ("connection_lost", Class::Network),
            ("AuthKeyUnregisteredError: The key is not registered", Class::Login),
            ("crashed: ConnectionError: reset", Class::Network),
            ("auth: RuntimeError: no session", Class::Login),
            ("FloodWaitError", Class::Flood),
            ("got FloodWaitError in start", Class::Flood),
            ("raised ConnectionResetError again", Class::Network),
            ("raised KeyError again", Class::Code),
            ("not authorized", Class::Login),
            ("auth_key_duplicated", Class::Login),
            ("session is gone: AuthKeyDuplicated", Class::Login),
            ("exit 1", Class::Code),
            ("", Class::Code),
            ("KeyError: 'author_id'", Class::Code),
            ("KeyError: 'auth'", Class::Code),
            ("crashed: KeyError: 'auth'", Class::Code),
            ("AttributeError: module 'oauthlib' has no attribute 'x'", Class::Code),
            ("ModuleNotFoundError: No module named 'diskcache'", Class::Code),
            ("TypeError: connection_pool() takes 1 argument", Class::Code),
            ("connection_pool() takes 1 argument", Class::Code),
            ("no module named diskcache", Class::Code),
            ("the author is unknown", Class::Code),
            ("the door is unlocked", Class::Code),
        ];
        for (reason, expected) in rows {
            assert_eq!(class_of(reason), expected, "{reason}");
        }
    }

    #[test]
    fn torn_foreign_and_old_lines_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crash_history.jsonl");
        let old = r#"{"timestamp": 5.5, "event_type": "crash", "commit_sha": "unknown", "commit_age_seconds": Infinity, "reason": "x", "datetime": "d"}"#;
        fs::write(
            &path,
            [old.as_bytes(), b"\n\xff\xfe\0binary\n{\"event_type\":\"party\",\"timestamp\":1}\n[]\n{\"timest"].concat(),
        )
        .unwrap();
        append(&path, &event(99.0, Some(7))).unwrap();
        let read = recent(&path).unwrap();
        assert_eq!(read.iter().map(|event| event.at.0).collect::<Vec<_>>(), [5.5, 99.0]);
        assert_eq!(read[0].commit_age, None);
        assert_eq!(read[1], event(99.0, Some(7)));
    }

    #[test]
    fn a_crash_of_a_run_that_nobody_saw_is_ours_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crash_history.jsonl");
        for at in [103.0, 113.0, 123.0] {
            append(&path, &event(at, None)).unwrap();
        }
        // As `record` writes it, for the bridge.
        append(&path, &Event { ours: false, ..event(122.0, None) }).unwrap();
        let read = recent(&path).unwrap();
        assert_eq!(
            read.iter().map(|event| (event.at.0, event.ours)).collect::<Vec<_>>(),
            [(103.0, true), (113.0, true), (123.0, true)]
        );
        append(&path, &Event { ours: false, ..event(124.0, None) }).unwrap();
        assert_eq!(since(&path, Some(Wall(123.5))).unwrap(), [], "the same as ours, which is older than that");
        assert_eq!(since(&path, Some(Wall(123.0))).unwrap().len(), 1);
    }

    #[test]
    fn what_is_too_old_to_count_is_not_carried_along_but_the_last_ten_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crash_history.jsonl");
        // Whole: what JSON makes of a fraction may differ in the last bit.
        let now = clock::wall().0.floor();
        let mut history = CrashLog::new(path.clone(), Duration::from_mins(30), Secrets::default());
        for ago in (2000..2020).rev() {
            append(&path, &event(now - f64::from(ago), Some(7))).unwrap();
        }
        assert_eq!(history.recent().unwrap().len(), 10);
        for ago in (1000..1015).rev() {
            append(&path, &event(now - f64::from(ago), Some(7))).unwrap();
        }
        let events = history.recent().unwrap();
        assert_eq!((events.len(), events[0].at.0), (15, now - 1014.0));
    }

    #[test]
    fn only_the_end_of_a_long_history_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crash_history.jsonl");
        let lines: String = (0..5000).map(|n| line(&event(f64::from(n), Some(7)))).collect();
        fs::write(&path, lines).unwrap();
        let read = recent(&path).unwrap();
        assert!(read.len() > 300 && read.len() < 1000, "{}", read.len());
        assert_eq!(read.last().unwrap().at, Wall(4999.0));
        assert_eq!(since(&path, None).unwrap().len(), 5000);
    }
}
