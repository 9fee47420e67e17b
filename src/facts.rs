//! What a look found. Plain data: nothing here reads, writes or decides.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::findings::Findings;
use crate::time::{Clock, Mono, Wall};

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
    /// The process under the manager that is this very bridge by its program and arguments: the managed one, or where
    /// that is a runner or a shell, one below it. `None` if there is none.
    pub bridge: Fact<Option<Process>>,
    /// Others with the bridge's program, script and arguments, in this checkout; after a deep look also who has its session
    /// open under other words. `identity` says what they are.
    pub lookalikes: Fact<Vec<Lookalike>>,
    pub log: Fact<Log>,
    pub session: Fact<Session>,
    /// What the kernel says of the bridge's processes, all of them together.
    pub life: Fact<Life>,
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

/// A process outside the bridge's own family that may be another bridge.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookalike {
    pub process: Process,
    pub known_by: KnownBy,
    pub session: Held,
    /// It has a controlling terminal.
    pub terminal: bool,
    pub keeper: Option<Keeper>,
    pub parent: Option<Parent>,
}

/// By what a process was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// It has the bridge's program, script and arguments, in this checkout.
    Words,
    /// It has this very session open; and whether it has a connection into Telegram's ranges as well.
    Session { connected: bool },
}

/// Which session a process has open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// This very file, or its journal.
    This,
    /// Another one: it is another account.
    Other,
    Nothing,
    /// Its files can't be looked at (it is another user's).
    Unseen,
}

/// Who keeps a process, besides our manager's job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keeper {
    /// Another job of a service manager: its label or unit.
    Job(String),
    /// A program above it that keeps it running (pm2, supervisord, a container).
    Supervisor(String),
}

/// The process that started another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    pub id: Identity,
    pub name: String,
}

/// What the kernel says of the bridge's processes together, at this look. Plain readings: `signs` says what they mean.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Life {
    /// CPU time that they have used, children that ended included.
    pub cpu: Duration,
    /// Changes whenever one of them ran, if only for a microsecond.
    pub ran: u64,
    /// The process that holds the connection to Telegram, or else the managed one, is stopped (state T, by SIGSTOP).
    pub stopped: bool,
    /// TCP connections into Telegram's ranges; of a bridge that has none, all its others.
    pub connections: Vec<Connection>,
    /// What keeps one of them from running. Asked only in a deep look.
    pub halted: Option<Halt>,
    /// When the unit's journal got its last line; asked only of a bridge that is silent elsewhere.
    pub journal: Option<Wall>,
}

/// Whether somebody keeps a process from running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Halt {
    Nobody,
    /// A debugger outside the bridge is attached: its pid.
    Traced {
        by: u32,
    },
    /// Its control group is frozen.
    Frozen,
}

/// A TCP connection of the bridge.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Names it for as long as it lives (Linux: its inode).
    pub id: u64,
    /// Its other end is in Telegram's published ranges.
    pub telegram: bool,
    /// The other end has closed it, and the bridge has not (CLOSE_WAIT).
    pub closed_by_peer: bool,
    /// Bytes that have arrived and that the bridge has not read.
    pub unread: u32,
    /// Bytes that the bridge has read so far. `None` where the kernel does not count them (macOS).
    pub read: Option<u64>,
    /// How long ago bytes last moved, each way. `None` where the kernel does not say (macOS).
    pub sent: Option<Duration>,
    pub received: Option<Duration>,
}

/// What the service manager says of the job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// A plist or unit file is there.
    pub installed: bool,
    /// The manager knows the job.
    pub loaded: bool,
    /// A person stopped it: `launchctl disable`, `systemctl --user stop` or `mask`, or a condition of the job that is
    /// [`Job::unmet`]. Never overridden.
    pub stopped_by_operator: bool,
    /// The condition by which it is kept down, if it is one.
    #[serde(default)]
    pub unmet: Option<Unmet>,
    /// launchd: the property list that it was loaded from.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// systemd: the unit's own name (`Id`), where the job is named by an alias of it.
    #[serde(default)]
    pub unit: Option<String>,
    /// systemd: since when it prepares the start (`ExecStartPre=`), without a process of the bridge so far.
    #[serde(default)]
    pub starting_since: Option<Mono>,
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
    /// systemd calls it active though it has no process: it started one that is not its own (`Type=oneshot` with
    /// `RemainAfterExit=`).
    pub active_without_process: bool,
}

/// A condition by which an operator keeps a job down, and that is not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unmet {
    /// launchd's `PathState`: what is there now, or is not, and has to be otherwise.
    Path { path: String, there: bool },
    /// launchd's `OtherJobEnabled`: the same of another job.
    OtherJob { label: String, loaded: bool },
    /// systemd: this line of the unit, as of now.
    Unit(String),
    /// systemd: a condition or an assertion was not met when the unit was to be started last.
    AtLastStart,
    /// systemd's `ExecCondition=` said no when the unit was to be started last.
    ExecCondition,
    /// systemd's `RestartPreventExitStatus=` names how it ended.
    ExitStatus,
    /// `systemctl freeze`: its processes are there, and none of them gets any time.
    Frozen,
}

/// Whether the manager itself starts the job again after an exit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeepAlive {
    Always,
    /// Only after some exits.
    Conditional(Condition),
    Never,
    /// The file that says so could not be read, or it does not apply (systemd's `Type=oneshot`).
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
    /// The new bytes end in the middle of a line.
    pub torn: bool,
    /// More was written than is read, so not every new line was seen.
    pub skipped: bool,
    /// The log was cut, or written over, so that words may be gone that nobody has read.
    pub lost: bool,
    /// What the new bytes say. None of it is proof: see [`Findings`].
    pub said: Findings,
    /// A flood wait at the end of the log when this process of ours first read it: since when, and how long.
    pub flood_before: Option<(Wall, Duration)>,
    /// The error line that was repeated most within the window; digits may differ.
    pub repeated: Option<Repeated>,
    /// The last lines of the error log, and of the log; read only when something is wrong.
    pub ends: Vec<Vec<String>>,
}

impl Log {
    /// Some of what was written was not read: what would explain an end may be among it.
    pub fn unheard(&self) -> bool {
        self.skipped || self.lost
    }

    /// This look and the next one, as one.
    #[must_use]
    pub fn then(self, newer: Log) -> Log {
        Log {
            grew: self.grew || newer.grew,
            torn: if newer.grew { newer.torn } else { self.torn },
            skipped: self.skipped || newer.skipped,
            lost: self.lost || newer.lost,
            said: self.said.then(newer.said),
            flood_before: self.flood_before.or(newer.flood_before),
            repeated: newer.repeated.or(self.repeated),
            ..newer
        }
    }
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
    /// `None` if it can't be seen.
    pub age: Option<Duration>,
    /// It belongs to another user than we do.
    #[serde(default)]
    pub other_user: bool,
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
    /// The first of them, forty hex digits; empty if there is none, or in a file of an older version.
    #[serde(default)]
    pub parent: String,
    pub own_revert: bool,
    /// `None` after a shallow look: a status of a large checkout is too slow for every tick. Or the index can't be read.
    pub dirty: Option<bool>,
    /// HEAD touches something other than docs and tests; `None` as above.
    pub touches_code: Option<bool>,
    /// We reverted this very state of the files before, and somebody brought it back. Only a deep look asks.
    #[serde(default)]
    pub undone: bool,
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
    /// Its mtime.
    #[serde(default)]
    pub last_connected_written: Option<Wall>,
    pub auto_revert: bool,
}

/// What in our own state folder forbids to act. It is known even if `data/` can't be read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Holds {
    /// An update runs under `hold`: its reason.
    pub update: Option<String>,
    /// One was over since the last look began: it may have ended the bridge.
    #[serde(default)]
    pub update_over: bool,
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

impl Condition {
    /// Whether `install` may replace it: a condition on how the bridge ended keeps it down by mistake, any other by a
    /// person's wish.
    pub fn is_mendable(&self) -> bool {
        match self {
            Condition::KeepAlive(keys) => keys.iter().all(|key| matches!(key.as_str(), "SuccessfulExit" | "Crashed")),
            Condition::Restart(_) => true,
        }
    }

    /// Whether an operator can stop the bridge by it, and lets it run else.
    pub fn is_stop(&self) -> bool {
        matches!(self, Condition::KeepAlive(keys) if keys.iter().any(|key| key == "PathState" || key == "OtherJobEnabled"))
    }
}

impl Facts {
    /// How many established connections to Telegram the bridge has.
    ///
    /// # Errors
    /// Why that is not known.
    pub fn sockets(&self) -> Result<usize, &str> {
        match &self.life {
            Fact::Known(life) => Ok(life
                .connections
                .iter()
                .filter(|connection| connection.telegram && !connection.closed_by_peer)
                .count()),
            Fact::Unknown(why) => Err(why),
        }
    }

    /// The managed process, if it is known that there is one.
    pub fn running(&self) -> Option<Process> {
        self.process.known().copied().flatten()
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

#[cfg(test)]
impl Facts {
    /// A look that found nothing out.
    pub(crate) fn unseen() -> Facts {
        fn unknown<T>() -> Fact<T> {
            Fact::Unknown("not looked at".into())
        }
        Facts {
            clock: Clock::default(),
            service: unknown(),
            process: unknown(),
            bridge: unknown(),
            lookalikes: unknown(),
            log: unknown(),
            session: unknown(),
            life: unknown(),
            network: None,
            crashes: unknown(),
            git: unknown(),
            disk: unknown(),
            missing_program: unknown(),
            markers: unknown(),
            holds: Holds::default(),
        }
    }
}
