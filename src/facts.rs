//! What a look found. Plain data: nothing here reads, writes or decides.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::findings::Findings;
use crate::time::{Clock, Wall};

/// A fact, or why it could not be found out. Failing to look is never taken for sickness, nor for health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fact<T> {
    Known(T),
    Unknown(String),
}

impl<T> Fact<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Unknown(_) => None,
        }
    }

    pub fn why(&self) -> Option<&str> {
        match self {
            Fact::Known(_) => None,
            Fact::Unknown(why) => Some(why),
        }
    }
}

impl<T> From<Result<T, String>> for Fact<T> {
    fn from(result: Result<T, String>) -> Self {
        match result {
            Ok(value) => Fact::Known(value),
            Err(why) => Fact::Unknown(why),
        }
    }
}

/// Everything that one look found.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub clock: Clock,
    pub service: Fact<Job>,
    /// The process that the manager owns; `None` where it has none.
    pub process: Fact<Option<Process>>,
    /// Other processes of this very bridge (interpreter, script, checkout).
    pub duplicates: Fact<Vec<Process>>,
    pub log: Fact<Log>,
    pub session: Fact<Session>,
    /// Established sockets from the bridge to Telegram's published ranges.
    pub sockets: Fact<u32>,
    /// Asked only when something is wrong, so usually `None`.
    pub network: Option<Fact<bool>>,
    /// The recent part of the crash history, oldest first.
    pub crashes: Fact<Vec<Event>>,
    pub git: Fact<Git>,
    pub disk: Fact<Disk>,
    /// What is missing of the configured program. Asked only when something is wrong.
    pub missing_program: Fact<Option<MissingProgram>>,
    pub markers: Fact<Markers>,
    pub holds: Holds,
}

/// Why a program can't be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissingProgram {
    /// Nothing is at this path.
    Absent(String),
    /// A link, as a virtual environment has it for its interpreter, and its target is not there.
    LinkToNowhere { path: String, target: String },
    /// A script, and the interpreter that its first line names is not there.
    NoInterpreter { script: String, interpreter: String },
}

/// Names one process for its whole life: a pid alone may be used again by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    pub pid: u32,
    /// The kernel's own start stamp (Linux: clock ticks since boot; macOS: microseconds since 1970).
    pub start: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Process {
    pub id: Identity,
    pub started: Wall,
    #[serde(with = "crate::time::seconds")]
    pub age: Duration,
}

/// What the service manager says of the job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// A plist or unit file is there.
    pub installed: bool,
    /// The manager knows the job.
    pub loaded: bool,
    /// A person stopped it: `launchctl disable`, `systemctl --user stop` or `mask`. Never overridden.
    pub stopped_by_operator: bool,
    pub pid: Option<u32>,
    /// How often the manager has started the job.
    pub runs: Option<u64>,
    /// Names the last run if the counter alone does not: systemd's counter restarts with each start by hand.
    pub run: Option<u64>,
    pub last_exit: Exit,
    /// The least time that the manager leaves between two starts.
    pub throttle: Duration,
    /// Between SIGTERM and SIGKILL.
    pub exit_timeout: Duration,
    pub keep_alive: KeepAlive,
    /// Why the manager holds the next start back (launchd: `pended nondemand spawn`).
    pub held_back: Option<String>,
    /// The job was told to stop and is on its way out.
    pub stopping: bool,
    /// The manager gave up (systemd's `failed`): only a reset and a start bring it back.
    pub gave_up: bool,
}

/// Whether the manager itself starts the job again after an exit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeepAlive {
    Always,
    /// Only after some exits.
    Conditional(Condition),
    Never,
    /// The file that says so could not be read.
    Unknown,
}

/// When a manager restarts a job that it does not always restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// launchd: `KeepAlive` is a dictionary with these keys.
    KeepAlive(Vec<String>),
    /// systemd: `Restart=` has this value.
    Restart(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    Never,
    Code(i32),
    Signal(i32),
    /// The manager could not start the program, or a step before it failed (systemd's `ExecStartPre`), so that nothing of
    /// the bridge ran; why.
    NotStarted(String),
    /// What the manager says if it is neither (`OS_REASON_DYLD`).
    Other(String),
    /// It ended, and how was not seen: evidence of nothing.
    Unseen,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Log {
    pub path: PathBuf,
    pub exists: bool,
    pub size: u64,
    /// New bytes since the last look (a `touch` or a rotation to an empty file adds none).
    pub grew: bool,
    pub modified: Option<Wall>,
    /// What the new bytes say. None of it is proof: see [`Findings`].
    pub said: Findings,
    /// A flood wait at the end of the log when this process of ours first read it: since when, and how long.
    pub flood_before: Option<(Wall, Duration)>,
    /// The error line that was repeated most within the window; digits may differ.
    pub repeated: Option<Repeated>,
    /// The last lines of the error log, and of the log; read only when something is wrong.
    pub ends: Vec<Vec<String>>,
}

/// An error line that repeats, with other digits perhaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeated {
    /// The newest of them, without secrets.
    pub line: String,
    pub count: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub path: PathBuf,
    pub holders: Vec<Holder>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub role: Role,
    pub lock: Lock,
    pub age: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Bridge,
    Stranger,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lock {
    None,
    Shared,
    Reserved,
    Exclusive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    Start,
    Crash,
}

/// A line of the crash history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub at: Wall,
    pub kind: EventKind,
    /// As [`short_id`] has it, or "unknown".
    pub commit: String,
    /// In seconds; `None` where it is not known or the commit's date lies in the future.
    pub commit_age: Option<f64>,
    pub reason: String,
    /// The error's own last line, without secrets, where the log had one.
    pub error: Option<String>,
    pub class: Class,
    /// Set if we saw the run itself.
    pub pid: Option<u32>,
    /// We wrote it, and not the bridge.
    pub ours: bool,
}

/// Why a run ended: the classes of the crash history. Only `Code` speaks against the bridge's code; `Unseen` ends are
/// crashes too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// It reached the bridge's own code and ended by itself.
    Code,
    Network,
    /// A person has to log in.
    Login,
    Flood,
    Disk,
    /// Another process holds a lock that the bridge needs.
    Lock,
    /// What the bridge needs is read-only, not permitted, broken or used up.
    Environment,
    /// It could not start: none of its code ever ran.
    Start,
    /// Ended by the system, a manager or a person.
    Killed,
    /// Another bridge of this session was in the way.
    Copy,
    /// How it ended was not seen, and it left no error.
    Unseen,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Git {
    /// Forty hex digits.
    pub head: String,
    pub summary: String,
    pub committed: Wall,
    pub parents: usize,
    pub own_revert: bool,
    /// `None` after a shallow look: a status of a large checkout is too slow for every tick.
    pub dirty: Option<bool>,
    /// HEAD touches something other than docs and tests; `None` as above.
    pub touches_code: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    /// The smallest free space of the volumes of data/, session and log, in bytes.
    pub free: u64,
    /// The same as a share of its volume, 0 to 1.
    pub free_share: f64,
    /// The fewest free inodes; `None` where a file system counts none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_inodes: Option<u64>,
}

/// The marker files of the operator, the update script and the bridge. Times and contents only: `markers` and `assess`
/// decide what they mean.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Markers {
    /// mtime of `update-restart-in-progress`.
    pub update_restart: Option<Wall>,
    pub update_lock: Option<UpdateLock>,
    pub flood: Option<Flood>,
    /// mtime of `bridge-auth-required`.
    pub auth_required: Option<Wall>,
    /// What `last_connected` says.
    pub last_connected: Option<Wall>,
    pub auto_revert: bool,
}

/// What in our own state folder forbids to act. It is known even if `data/` can't be read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Holds {
    /// An update runs under `hold`: its reason.
    pub update: Option<String>,
    /// Another process of ours recovers this bridge: its pid.
    pub recovery: Option<u32>,
    /// The pause that is in force or has been.
    pub pause: Option<Pause>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UpdateLock {
    pub pid: u32,
    pub alive: bool,
    /// mtime of the directory.
    pub since: Wall,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Flood {
    pub expiry: Wall,
    pub written: Wall,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    pub since: Wall,
    pub until: Wall,
}

/// A commit as it is shown and as the crash history has it: eight hex digits.
pub fn short_id(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

impl Event {
    /// An event of ours, on this commit, with nothing more known of it.
    pub fn on(git: Option<&Git>, at: Wall, kind: EventKind, reason: String) -> Event {
        Event {
            at,
            kind,
            commit: git.map_or_else(|| "unknown".into(), |git| short_id(&git.head).to_owned()),
            commit_age: git.and_then(|git| git.committed.age(at)).map(|age| age.as_secs_f64()),
            reason,
            error: None,
            class: Class::Code,
            pid: None,
            ours: true,
        }
    }
}

impl Facts {
    /// The managed process, if it is known that there is one.
    pub fn running(&self) -> Option<Process> {
        self.process.known().copied().flatten()
    }

    /// A copy of the bridge that has lived for this long: one that starts again may have two processes for a moment.
    pub fn copy_of_age(&self, age: Duration) -> Option<Process> {
        self.duplicates.known()?.iter().find(|copy| copy.age >= age).copied()
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Never => f.write_str("never"),
            Exit::Code(code) => write!(f, "exit {code}"),
            Exit::Signal(signal) => write!(f, "signal {signal}"),
            Exit::NotStarted(reason) | Exit::Other(reason) => f.write_str(reason),
            Exit::Unseen => f.write_str("not seen"),
        }
    }
}
