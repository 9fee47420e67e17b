//! What a look found out. Plain data: nothing here reads, writes or decides.
//!
//! Limits of the wall are seconds since 1970 (`Epoch`); times of the monotonic clock, which stands still while the
//! machine sleeps, are seconds since an arbitrary start and are called `mono`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01 UTC, as the crash history writes them.
pub type Epoch = f64;

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
    pub markers: Fact<Markers>,
    pub holds: Holds,
}

/// Both clocks, read together. Where they part, the machine slept.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Clock {
    pub wall: Epoch,
    pub mono: f64,
    /// Seconds east of UTC, for times that a person reads.
    pub zone: i32,
}

/// Names one process for its whole life: a pid alone is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    pub pid: u32,
    /// The kernel's own start stamp (Linux: clock ticks since boot; macOS: microseconds since 1970).
    pub start: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Process {
    pub id: Identity,
    pub started: Epoch,
    /// Seconds since the start.
    pub age: f64,
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
    /// Names the last run, where the counter alone does not: systemd's begins anew with each start by hand.
    pub run: Option<u64>,
    pub last_exit: Exit,
    /// Seconds that the manager lets pass between two starts.
    pub throttle: f64,
    /// Seconds between SIGTERM and SIGKILL.
    pub exit_timeout: f64,
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
    /// Only sometimes, in the manager's own words (a `KeepAlive` dictionary, `Restart=on-failure`).
    Conditional(String),
    Never,
    /// The file that says so could not be read.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    Never,
    Code(i32),
    Signal(i32),
    /// What the manager says where it is neither (`OS_REASON_DYLD`).
    Other(String),
    /// It ended, and nobody saw how: no evidence against anybody.
    Unseen,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Log {
    pub path: PathBuf,
    pub exists: bool,
    pub size: u64,
    /// New bytes since the look before (a touch or a rotation to an empty file brings none).
    pub grew: bool,
    pub modified: Option<Epoch>,
    /// What the new bytes say.
    pub said: Said,
    /// The newest of the error lines that repeat most within the window, digits apart, and how often.
    pub repeated: Option<(String, u32)>,
    /// The last lines of the error log, and of the log; read only when something is wrong.
    pub ends: Vec<Vec<String>>,
}

/// The strings worth matching, seen in new log bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Said {
    /// The last word on the connection.
    pub connected: Option<bool>,
    pub locked: bool,
    pub no_space: bool,
    pub told_to_stop: bool,
    pub login: bool,
    pub flood: bool,
    pub network: bool,
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
    pub age_s: Option<f64>,
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
    pub at: Epoch,
    pub kind: EventKind,
    /// Eight hex digits, or "unknown".
    pub commit: String,
    pub commit_age: Option<f64>,
    pub reason: String,
    pub class: Class,
    /// Set where we saw the run itself.
    pub pid: Option<u32>,
    /// We wrote it, and not the bridge.
    pub ours: bool,
}

/// Why a run ended. Only `Code` speaks against the bridge's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Code,
    Network,
    Login,
    Flood,
    Disk,
    Lock,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Git {
    /// Forty hex digits.
    pub head: String,
    pub summary: String,
    pub committed: Epoch,
    pub parents: usize,
    pub own_revert: bool,
    /// `None` where only a shallow look was taken: a status of a large checkout is not for every tick.
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
}

/// Files by which the operator, the update script and the bridge speak to us. Limits only: what they mean is judged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Markers {
    /// mtime of `update-restart-in-progress`.
    pub update_restart: Option<Epoch>,
    pub update_lock: Option<UpdateLock>,
    pub flood: Option<Flood>,
    /// mtime of `bridge-auth-required`.
    pub auth_required: Option<Epoch>,
    /// What `last_connected` says.
    pub last_connected: Option<Epoch>,
    pub auto_revert: bool,
}

/// What lies in our own state folder and forbids to act: it holds also where `data/` can't be read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Holds {
    /// Somebody runs an update under `hold`: its reason.
    pub hold: Option<String>,
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
    pub since: Epoch,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Flood {
    pub expiry: Epoch,
    pub written: Epoch,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    pub since: Epoch,
    pub until: Epoch,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Never => f.write_str("never"),
            Exit::Code(code) => write!(f, "exit {code}"),
            Exit::Signal(signal) => write!(f, "signal {signal}"),
            Exit::Other(words) => f.write_str(words),
            Exit::Unseen => f.write_str("not seen"),
        }
    }
}
