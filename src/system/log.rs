//! The bridge's log: whether it grew, and the few strings worth matching. Bytes and not the mtime: a file once looked
//! fresh 21,955 times because another program touched it.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error_line;
use crate::facts::{Identity, Log, Process, Repeated};
use crate::findings::Findings;
use crate::foreign_text::{Lines, harmless};
use crate::log_line;
use crate::log_parts::Level;
use crate::log_reader::Reader;
use crate::log_voice::Voice;
use crate::secrets::Secrets;
use crate::system::clock;
use crate::system::log_news::{New, Seen};
use crate::time::{Mono, Wall};

/// Follows the log and the error log. The last seen file is kept open: after a rotation the bridge may go on writing
/// to the renamed one (launchd never reopens).
pub struct Tail {
    log: PathBuf,
    /// The one that grew last comes last.
    followed: Vec<Followed>,
    paths: [PathBuf; 2],
    repeats: HashMap<u64, Repeat>,
    window: Duration,
    secrets: Secrets,
    /// The process at the last look: after another pid appears, new lines are another run's.
    run: Option<Identity>,
    /// There was a look before this one, so that `run` is known.
    looked: bool,
    /// What was there before us has been read: a file that appears now is new from its first byte.
    begun: bool,
}

struct Followed {
    path: PathBuf,
    file: File,
    inode: (u64, u64),
    seen: Seen,
    /// It grew since the last look.
    grew: bool,
    /// It has grown since we began to follow it.
    used: bool,
    /// It is at its path now.
    in_place: bool,
    /// It was deleted; its disk space is freed when we close it.
    deleted: bool,
    reader: Reader,
    /// What its last lines say that were there before us, until it is known whose they are.
    before: Option<Before>,
    /// What it says where its bytes are what they were, though it was written: it counts once the run has ended.
    again: Option<Findings>,
}

/// The end of a file that was there before us.
struct Before {
    modified: Option<Wall>,
    said: Findings,
    /// The file has more than was read.
    more: bool,
}

/// One error line; digits may differ.
struct Repeat {
    /// The newest of them, as it was written.
    line: String,
    times: Vec<Mono>,
}

/// This many characters of a repeated line are shown: it is a part of a sentence.
const SHOWN: usize = 160;
/// The same of an error that ended a run: by its beginning it is told what kind it is.
const ERROR: usize = 400;
/// At most this much of what is new is read: a bridge that writes more in a tick repeats itself.
pub(super) const READ: u64 = 64 << 10;
/// At most this much of a file that is seen for the first time: enough for the last few lines, even long ones.
const END: u64 = 16 << 10;
/// The kernel's time of a file is that of its last tick, up to 10 ms before the write. A manager that restarts needs longer
/// than this, so no line of the run before comes into it.
const ROUNDED: Duration = Duration::from_millis(20);
/// This many files are followed: those at the two paths, those that the bridge writes to, and two that a bridge which
/// was just started may have opened before a rotation.
const FOLLOWED: usize = 6;

impl Tail {
    pub fn new(log: &Path, error_log: &Path, window: Duration, secrets: Secrets) -> Tail {
        Tail {
            log: log.into(),
            followed: Vec::new(),
            paths: [log.into(), error_log.into()],
            repeats: HashMap::new(),
            window,
            secrets,
            run: None,
            looked: false,
            begun: false,
        }
    }

    /// What is new since the last look. `run` is the bridge's process now.
    ///
    /// # Errors
    /// Why the log can't be looked at. A log that does not exist yet is no error.
    pub fn look(&mut self, run: Option<Process>) -> Result<Log, String> {
        let mut log = self.read(run)?;
        if let Some(run) = run {
            let before = self.followed.iter_mut().filter_map(|followed| followed.before.take());
            // Its last line is this run's if it is younger: it may already have ended with it.
            let its_own: Vec<Before> = before.filter(|before| before.modified >= Some(run.started - ROUNDED)).collect();
            // It may have written more before us than was read.
            log.skipped |= its_own.iter().any(|before| before.more);
            let said = its_own.into_iter().map(|before| last_words(before.said));
            log.said = said.fold(Findings::default(), Findings::then).then(log.said);
        }
        let id = run.map(|run| run.id);
        if self.looked && (self.run != id || id.is_none()) {
            // It may have been touched only, so it can't be told what the run said, and an end alone accuses nobody.
            for said in self.followed.iter_mut().filter_map(|followed| followed.again.take()) {
                log.said = std::mem::take(&mut log.said).then(last_words(said));
                log.lost = true;
            }
        }
        if self.looked && self.run != id {
            for followed in &mut self.followed {
                // The last line may be unfinished; what follows is another process's.
                log.said = std::mem::take(&mut log.said).then(followed.reader.ended());
            }
        }
        (self.run, self.looked) = (id, true);
        self.without_secrets(&mut log.said);
        Ok(log)
    }

    /// What was there before us, whose ever it is. To be called before anybody is asked which process is the bridge: what
    /// a run writes that begins after that is then new.
    ///
    /// # Errors
    /// As [`Tail::look`].
    pub fn begin(&mut self) -> Result<Log, String> {
        self.read(None)
    }

    fn read(&mut self, run: Option<Process>) -> Result<Log, String> {
        let mut log = Log { path: self.log.clone(), ..Log::default() };
        let mut fresh = String::new();
        // Of the file that has heartbeats; the log stands before the error log.
        let mut voice =
            self.followed.iter().fold(Voice::default(), |voice, next| next.reader.voice().clone().or(voice));
        for followed in &mut self.followed {
            let new = followed.news(run.map(|run| run.id.pid));
            let grew = new.changed;
            log.grew |= grew;
            if !grew && !new.text.is_empty() {
                let mut reader = Reader::default();
                reader.lend(voice.clone());
                followed.again = Some(reader.feed(&new.text).then(reader.ended()));
            } else {
                log.skipped |= new.skipped;
                log.lost |= new.lost;
                if new.skipped || new.lost || new.from_start {
                    followed.reader.skipped();
                }
            }
            if grew {
                let text = new.text;
                followed.again = None;
                log.torn = !text.is_empty() && !text.ends_with('\n');
                followed.reader.lend(voice.clone());
                log.said = std::mem::take(&mut log.said).then(followed.reader.feed(&text));
                voice = followed.reader.voice().clone().or(voice);
                fresh.push_str(&text);
                fresh.push('\n');
            }
            (followed.used, followed.grew, followed.in_place) = (followed.used || grew, grew, false);
        }
        // A stable sort: the others keep their order.
        self.followed.sort_by_key(|followed| followed.grew);
        for path in self.paths.clone() {
            let Some((file, meta)) = open(&path)? else { continue };
            if path == self.log {
                (log.exists, log.size) = (true, meta.len());
                log.modified = meta.modified().ok().map(clock::epoch);
            }
            let inode = (meta.dev(), meta.ino());
            if let Some(followed) = self.followed.iter_mut().find(|followed| followed.inode == inode) {
                followed.in_place = true;
            } else {
                let mut reader = Reader::default();
                reader.lend(voice.clone());
                let (text, more) = last_lines(&file, 0, meta.len(), END);
                let said = reader.feed(&text);
                voice = reader.voice().clone().or(voice);
                let mut before = None;
                if self.begun {
                    log.said = std::mem::take(&mut log.said).then(said);
                    fresh.push_str(&text);
                } else {
                    let modified = meta.modified().ok().map(clock::epoch);
                    let mut said = said.then(reader.clone().ended());
                    said.login = asks_for_login(&text, &voice);
                    log.flood_before = log.flood_before.or_else(|| flood_before(&said, modified));
                    before = Some(Before { modified, said, more });
                }
                self.followed.push(Followed {
                    path,
                    inode,
                    seen: Seen::of(&file, &meta),
                    file,
                    grew: false,
                    used: false,
                    in_place: true,
                    deleted: false,
                    reader,
                    before,
                    again: None,
                });
            }
        }
        self.forget_old();
        self.begun = true;
        log.repeated = self.repeated(&fresh);
        Ok(log)
    }

    /// The text of an error may be shown and written to files, so secrets are removed.
    fn without_secrets(&self, said: &mut Findings) {
        if let Some(ended) = &mut said.ended_by {
            ended.error = self.shown(&ended.error, ERROR);
            ended.causes.iter_mut().for_each(|cause| *cause = self.shown(cause, ERROR));
        }
        for text in [&mut said.last_error, &mut said.last_words].into_iter().flatten() {
            *text = self.shown(text, ERROR);
        }
    }

    /// Secrets are removed from the whole text: half a secret would not be recognised.
    fn shown(&self, text: &str, length: usize) -> String {
        self.secrets.readable(text, Lines::Join).trim().chars().take(length).collect()
    }

    /// Stops following files that are no longer written, the longest silent first. Never a file at its path, nor for
    /// each path the one that grew last: that is the one that a bridge under launchd has open, however often it was
    /// renamed.
    fn forget_old(&mut self) {
        let mut excess = self.followed.len().saturating_sub(FOLLOWED);
        let paths = self.paths.each_ref().map(|path| self.written(path));
        self.followed.retain(|followed| {
            let kept = followed.in_place || paths.contains(&Some(followed.inode));
            let drop = !kept && (followed.deleted || excess > 0);
            excess = excess.saturating_sub(usize::from(drop));
            !drop
        });
    }

    /// The file of this path that grew last; if none has grown, the first one that was seen.
    fn written(&self, path: &Path) -> Option<(u64, u64)> {
        let of_path = || self.followed.iter().filter(|followed| followed.path == path);
        of_path().rfind(|followed| followed.used).or(of_path().next()).map(|followed| followed.inode)
    }

    /// The line that repeats most, the newest of them without secrets, and how often.
    fn repeated(&mut self, fresh: &str) -> Option<Repeated> {
        let now = clock::mono();
        for line in fresh.lines().filter(|line| is_error(line)) {
            let mut hasher = DefaultHasher::new();
            line.chars().filter(|c| !c.is_ascii_digit()).take(400).for_each(|c| c.hash(&mut hasher));
            let repeat =
                self.repeats.entry(hasher.finish()).or_insert(Repeat { line: String::new(), times: Vec::new() });
            line.clone_into(&mut repeat.line);
            repeat.times.push(now);
        }
        let from = now - self.window;
        self.repeats.retain(|_, repeat| {
            repeat.times.retain(|&at| at >= from);
            !repeat.times.is_empty()
        });
        let most = self.repeats.values().max_by_key(|repeat| repeat.times.len())?;
        let line = self.shown(&most.line, SHOWN);
        Some(Repeated { line, count: u32::try_from(most.times.len()).unwrap_or(u32::MAX) })
    }
}

impl Followed {
    fn news(&mut self, pid: Option<u32>) -> New {
        let Ok(meta) = self.file.metadata() else { return New::default() };
        self.deleted = meta.nlink() == 0;
        self.seen.news(&self.file, &meta, pid).unwrap_or_default()
    }
}

/// The last `most` bytes between two places, in whole lines if there are more, and whether there are.
pub(super) fn last_lines(file: &File, from: u64, to: u64, most: u64) -> (String, bool) {
    let first = from.max(to.saturating_sub(most));
    let (text, more) = (read_from(file, first, to), first > from);
    // Half a line may begin in the middle of a secret.
    let text = if more { text.split_once('\n').map_or_else(String::new, |(_, whole)| whole.into()) } else { text };
    (text, more)
}

/// A flood wait at the end of a log that was there before we were: when the log was last written, and how long the wait
/// is.
fn flood_before(said: &Findings, modified: Option<Wall>) -> Option<(Wall, Duration)> {
    let by_end = || said.ended_by.as_ref().and_then(|ended| error_line::flood_seconds(&ended.error));
    let seconds = said.flood.map_or_else(by_end, |flood| flood.seconds)?;
    Some((modified?, Duration::from_secs(seconds)))
}

/// Whether its last line does, and so gives the silence after it its reason; one before it may be another run's.
fn asks_for_login(text: &str, voice: &Voice) -> bool {
    let mut reader = Reader::default();
    reader.lend(voice.clone());
    text.lines().next_back().is_some_and(|last| reader.feed(&format!("{last}\n")).login)
}

/// What explains an end or a silence, and nothing else: the lines before the last ones may be another run's.
fn last_words(said: Findings) -> Findings {
    Findings {
        login: said.login,
        ended_by: said.ended_by,
        last_error: said.last_error,
        last_words: said.last_words,
        prompted: said.prompted,
        interpreter_failed: said.interpreter_failed,
        ..Findings::default()
    }
}

/// A logger's line is an error by its level. A warning that speaks of one counts too, and so does what is no logger's
/// line: many programs print their errors without a level.
fn is_error(line: &str) -> bool {
    let line = harmless(line, Lines::Join);
    let own = log_line::parse(line.trim_end());
    match own.as_ref().and_then(|own| own.level) {
        Some(level) if level >= Level::Error => true,
        Some(Level::Warning) => error_word(&line).is_some(),
        // Its traceback counts, its words do not.
        Some(_) => own.is_some_and(|own| own.error.is_some()) && error_word(&line).is_some(),
        None => error_word(&line).is_some_and(|at| !says_it_is_well(&line[..at])),
    }
}

/// Where the first word is that speaks of an error.
fn error_word(line: &str) -> Option<usize> {
    ["ERROR", "CRITICAL", "Error:", "Exception", "error:"].iter().filter_map(|word| line.find(word)).min()
}

/// Whether a level below WARNING stands there, in a format that we can't parse: a word in capitals, or any behind an opening
/// bracket, a quotation mark or an equals sign.
fn says_it_is_well(before: &str) -> bool {
    const LEVELS: [&str; 5] = ["TRACE", "DEBUG", "INFO", "SUCCESS", "NOTICE"];
    let mut words = before.char_indices().filter(|&(at, c)| {
        c.is_ascii_alphabetic() && !before[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
    });
    words.any(|(at, _)| {
        let rest = &before[at..];
        let word = &rest[..rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())];
        let marked = before[..at].ends_with(['[', '<', '"', '=']);
        LEVELS.iter().any(|level| word == *level || (marked && word.eq_ignore_ascii_case(level)))
    })
}

pub(super) fn open(path: &Path) -> Result<Option<(File, std::fs::Metadata)>, String> {
    let wrong = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            format!("{} may not be read (denied); allow it, or correct the path", path.display())
        }
        _ => format!("{} can't be read: {error}", path.display()),
    };
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error)),
    };
    if !meta.is_file() {
        return Err(format!(
            "{} is no file; set bridge.log and bridge.error_log to the bridge's log files",
            path.display()
        ));
    }
    match File::open(path) {
        Ok(file) => Ok(Some((file, meta))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error)),
    }
}

pub(super) fn read_from(file: &File, from: u64, to: u64) -> String {
    let length = usize::try_from(to.saturating_sub(from).min(READ)).unwrap_or(0);
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, from).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;
    use crate::system::process;

    #[test]
    fn incident_6_only_new_bytes_are_activity() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.log");
        fs::write(&path, "old\n").unwrap();
        let mut bridge = fs::OpenOptions::new().append(true).open(&path).unwrap();
        let mut tail = Tail::new(&path, &folder.path().join("error.log"), Duration::from_mins(5), Secrets::default());
        let mut grew = |step: &str| (step.to_owned(), tail.look(None).unwrap().grew);
        assert_eq!(grew("first look"), ("first look".into(), false));
        bridge.set_modified(std::time::SystemTime::now()).unwrap();
        assert_eq!(grew("touched"), ("touched".into(), false));
        bridge.write_all(b"[heartbeat] Bridge alive\n").unwrap();
        assert_eq!(grew("heartbeat"), ("heartbeat".into(), true));
        fs::rename(&path, folder.path().join("bridge.log.1")).unwrap();
        fs::write(&path, "").unwrap();
        assert_eq!(grew("rotated to an empty file"), ("rotated to an empty file".into(), false));
        bridge.write_all(b"[heartbeat] into the renamed file\n").unwrap();
        assert_eq!(grew("the renamed file grows"), ("the renamed file grows".into(), true));
        fs::write(&path, "new file\n").unwrap();
        assert_eq!(grew("the new file grows"), ("the new file grows".into(), true));
        bridge.set_len(0).unwrap();
        assert_eq!(grew("cut"), ("cut".into(), false));
        bridge.write_all(b"after the cut\n").unwrap();
        assert_eq!(grew("after the cut"), ("after the cut".into(), true));
        fs::write(folder.path().join("error.log"), "").unwrap();
        assert_eq!(grew("an error log appears"), ("an error log appears".into(), false));
        fs::write(folder.path().join("error.log"), "INFO all is well\n").unwrap();
        assert_eq!(grew("the error log grows"), ("the error log grows".into(), true));
    }

    #[test]
    fn incident_35_one_repeating_error_is_counted_without_its_digits_and_shown_as_it_stood() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.log");
        fs::write(&path, "").unwrap();
        let mut bridge = fs::OpenOptions::new().append(true).open(&path).unwrap();
        let mut tail = Tail::new(&path, &folder.path().join("error.log"), Duration::from_mins(5), Secrets::default());
        tail.look(None).unwrap();
        for n in 0..12 {
            writeln!(bridge, "2026-11-22 05:0{n} ERROR could not send message {n}").unwrap();
        }
        writeln!(bridge, "[heartbeat] Bridge alive (uptime=12m)").unwrap();
        let Repeated { line, count: times } = tail.look(None).unwrap().repeated.unwrap();
        assert_eq!((line.as_str(), times), ("2026-11-22 05:011 ERROR could not send message 11", 12));
        writeln!(bridge, "2026-11-22 05:12 ERROR could not send message 12").unwrap();
        let Repeated { line, count: times } = tail.look(None).unwrap().repeated.unwrap();
        assert_eq!((line.as_str(), times), ("2026-11-22 05:12 ERROR could not send message 12", 13), "the newest");
    }

    /// A deleted file uses disk space for as long as a process has it open, and on a full disk that must not be us.
    #[test]
    fn incident_33_a_deleted_log_is_let_go_when_the_bridge_writes_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.log");
        fs::write(&path, "").unwrap();
        let mut bridge = fs::OpenOptions::new().append(true).open(&path).unwrap();
        let mut tail = Tail::new(&path, &folder.path().join("error.log"), Duration::from_mins(5), Secrets::default());
        tail.look(None).unwrap();
        bridge.write_all(b"heartbeat\n").unwrap();
        tail.look(None).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        bridge.write_all(b"into the deleted file\n").unwrap();
        assert!(tail.look(None).unwrap().grew);
        assert_eq!(tail.followed.len(), 2, "the bridge still writes to it");
        fs::write(&path, "the next bridge\n").unwrap();
        assert!(tail.look(None).unwrap().grew);
        assert_eq!(tail.followed.len(), 1);
    }

    #[test]
    fn a_repeated_error_has_lost_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.log");
        fs::write(&path, "").unwrap();
        let secrets = Secrets::new([("A".to_owned(), "hunter-2-two".to_owned())], &[]);
        let mut tail = Tail::new(&path, &folder.path().join("error.log"), Duration::from_mins(5), secrets);
        tail.look(None).unwrap();
        let line = "ERROR 7 hunter-2-two api_hash='deadbeef7cafe' http://x/bot123456:AAxyz-secret/getMe\n";
        fs::write(&path, line.repeat(12)).unwrap();
        let Repeated { line, count: times } = tail.look(None).unwrap().repeated.unwrap();
        assert_eq!((line.as_str(), times), ("ERROR 7 (removed) api_hash='(removed)' http://x/(removed)/getMe", 12));
    }

    #[test]
    fn incident_35_an_error_is_one_by_its_level_and_what_a_chat_quotes_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.log");
        let count = |line: &str| {
            fs::write(&path, "").unwrap();
            let error_log = folder.path().join("error.log");
            let mut tail = Tail::new(&path, &error_log, Duration::from_mins(5), Secrets::default());
            tail.look(None).unwrap();
            fs::write(&path, format!("{line}\n").repeat(12)).unwrap();
            tail.look(None).unwrap().repeated.map_or(0, |repeated| repeated.count)
        };
        let rows = [
            ("2026-11-22 05:04:00,000 [INFO] bridge: new message: ERROR everywhere", 0),
            ("{\"level\": \"info\", \"message\": \"KeyError: 'a'\"}", 0),
            ("2026-11-22 05:04:00,000 [ERROR] bridge: can't send", 12),
            ("2026-11-22 05:04:00,000 [WARNING] bridge: retry after OSError: 5", 12),
            ("2026-11-22 05:04:00,000 KeyError: 'a'", 12),
            ("KeyError: 'a'", 12),
            ("all is well", 0),
            // By its level, in any format and without any word.
            (r#"{"level": "error", "event": "handler failed", "chat": 1}"#, 12),
            (r#"{"timestamp":"2026-11-22T05:04:00Z","levelname":"error","message":"could not send"}"#, 12),
            (r#"{"level":50,"msg":"could not send"}"#, 12),
            (r#"{"level":30,"msg":"Exception: no"}"#, 0),
            (r#"{"level":"warning","event":"handler failed"}"#, 0),
            (r#"{"level":"info","event":"x","exc_info":"Traceback\nKeyError: 'a'"}"#, 12),
            ("2026-11-22 05:04:00 [error    ] handler failed   chat=1", 12),
            ("2026-11-22 05:04:00 [warning  ] handler failed   chat=1", 0),
            ("level=error msg=\"handler failed\"", 12),
            ("level=info msg=\"no ERROR seen\"", 0),
            ("[error] handler failed", 12),
            ("FATAL no more", 12),
            ("\x1b[31mERROR\x1b[0m handler failed", 12),
            ("[info] no ERROR seen", 0),
            // In a format that is not known.
            ("<7> [mac] bridge INFO all fine, Exception count 0", 0),
            ("<7> [mac] bridge [info] all fine, Exception count 0", 0),
            ("at 05:04 level=debug all fine, Exception count 0", 0),
            (r#"{"level":"info","text":"KeyError: torn"#, 0),
            ("<3> [mac] bridge ERROR handler failed", 12),
            ("<3> [mac] bridge ERROR all INFO is lost", 12),
            ("<3> [mac] bridge info Exception in handler", 12),
            ("INFORMATION Exception in handler", 12),
        ];
        for (line, expected) in rows {
            assert_eq!(count(line), expected, "{line}");
        }
    }

    #[test]
    fn r10_a_file_that_appears_later_is_read_from_its_first_byte_and_the_first_look_reads_what_ended_this_run() {
        let folder = tempfile::tempdir().unwrap();
        let (path, error_log) = (folder.path().join("bridge.log"), folder.path().join("error.log"));
        let trace = "INFO Connected to Telegram\nTraceback (most recent call last):\n  File \"x\"\nKeyError: 'a'\n";
        let tail = || Tail::new(&path, &error_log, Duration::from_mins(5), Secrets::default());
        let ended = |said: &Findings| said.ended_by.clone().map(|ended| ended.error);
        let mut before = tail();
        assert_eq!(before.look(None).unwrap().said, Findings::default());
        fs::write(&error_log, trace).unwrap();
        let said = before.look(None).unwrap().said;
        assert_eq!((ended(&said), said.connected), (Some("KeyError: 'a'".into()), Some(true)));
        // A process that began before the last line may have written it; one that is younger has not.
        let this = process::find(std::process::id()).unwrap();
        let said = tail().look(Some(this)).unwrap().said;
        assert_eq!((ended(&said), said.connected), (Some("KeyError: 'a'".into()), None));
        let file = fs::OpenOptions::new().append(true).open(&error_log).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(tail().look(Some(this)).unwrap().said, Findings::default());
        assert_eq!(tail().look(None).unwrap().said, Findings::default());
        // The time of the file is rounded, and so is that of the start.
        let as_of = |before: u64| {
            let at = this.started - Duration::from_millis(before);
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs_f64(at.0)).unwrap();
            ended(&tail().look(Some(this)).unwrap().said)
        };
        assert_eq!(as_of(10), Some("KeyError: 'a'".into()));
        assert_eq!(as_of(1000), None);
        // It began after we asked for it, or ended before: either way its lines are its own.
        fs::write(&error_log, "INFO of another time\n").unwrap();
        let mut asked = tail();
        assert_eq!(asked.begin().unwrap().said, Findings::default());
        fs::write(&error_log, format!("INFO of another time\n{trace}")).unwrap();
        assert_eq!(ended(&asked.look(None).unwrap().said), Some("KeyError: 'a'".into()), "it came and went");
        assert_eq!(asked.look(Some(this)).unwrap().said, Findings::default());
        let mut late = tail();
        assert_eq!(late.look(None).unwrap().said, Findings::default());
        assert_eq!(ended(&late.look(Some(this)).unwrap().said), Some("KeyError: 'a'".into()), "it came meanwhile");
        // A login only in the last line.
        let asks = "WARNING [hibernation] Bridge hibernating: auth required.\n";
        for (text, login) in [(format!("INFO x\n{asks}"), true), (format!("{asks}INFO x\n"), false)] {
            fs::write(&error_log, text).unwrap();
            assert_eq!(tail().look(Some(this)).unwrap().said.login, login);
        }
        // Of a long file only whole lines.
        fs::write(&error_log, format!("{}\n{trace}", "x".repeat(1 << 20))).unwrap();
        let log = tail().look(Some(this)).unwrap();
        assert_eq!((ended(&log.said), log.skipped), (Some("KeyError: 'a'".into()), true));
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert!(!tail().look(Some(this)).unwrap().skipped, "another run's");
    }

    #[test]
    fn a_folder_in_the_place_of_the_log_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            Tail::new(folder.path(), folder.path(), Duration::from_mins(5), Secrets::default()).look(None).unwrap_err();
        assert!(
            error.ends_with("is no file; set bridge.log and bridge.error_log to the bridge's log files"),
            "{error}"
        );
    }
}
