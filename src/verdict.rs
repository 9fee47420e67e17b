//! What `assess` decides, as values: what is wrong, what is known about it, what happens next and when. No sentences:
//! `text` makes them from these values, and no code looks into a sentence to decide anything.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::facts::{Condition, Exit, Halt, Keeper, Lookalike, MissingProgram, Pause, Repeated, Unmet};
use crate::holders::Left;
use crate::markers::Update;
use crate::signs::{Dying, Living};
use crate::time::{Mono, Wall};

/// The states, as `check --json` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Healthy,
    Starting,
    Degraded,
    Unhealthy,
    Waiting,
    Stopped,
    Unknown,
}

/// The causes, as `check --json` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    None,
    ProcessDead,
    CrashLoop,
    NotLoaded,
    OutsideManager,
    LogStale,
    StopHang,
    Disconnected,
    Duplicate,
    SessionLocked,
    BadCommit,
    Offline,
    FloodWait,
    AuthRequired,
    UpdateRunning,
    RecoveryRunning,
    Paused,
    OperatorStop,
    DiskFull,
    ConfigError,
    Unknown,
}

/// The rungs, each more drastic than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rung {
    /// A restart through the service manager.
    Restart,
    /// Stale processes are ended, then one start.
    EndStale,
    /// The session's lock is freed, then one start.
    FreeSession,
    /// HEAD is reverted, then one start.
    Revert,
    /// A person is told.
    Tell,
}

/// What one look came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub state: State,
    pub cause: Cause,
    /// All that is wrong, in the order of precedence: the first is the verdict's own.
    pub findings: Vec<Finding>,
    pub unknown: Vec<UnknownFact>,
    /// What happens next.
    pub next: Next,
}

/// One thing that is wrong, or that says to stand still.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub problem: Problem,
    /// The first rung that fits; `None` if nothing is to be done now.
    pub rung: Option<Rung>,
    pub next: Next,
    /// A person is told at once, once an incident.
    pub tell: bool,
    /// When it began again, after the bridge had worked: what was tried before that does not count any more.
    pub anew: Option<Mono>,
}

/// A fact that could not be found out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownFact {
    pub fact: String,
    pub why: String,
}

/// What is wrong, with what is known about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Problem {
    /// Whether the bridge runs can't be seen: why.
    ProcessUnseen(String),
    /// It has a process; whether it works can't be seen: why.
    LogUnseen(String),
    /// It is sick, but whether something forbids a cure can't be seen: why.
    MarkersUnseen(String),
    OperatorStop,
    /// The bridge runs, but not under its manager: who started it, and who keeps it.
    OutsideManager {
        pid: u32,
        parent: Option<(u32, String)>,
        keeper: Option<Keeper>,
    },
    /// The operator stopped it by a condition of its job.
    ConditionUnmet(Unmet),
    /// Somebody keeps its processes from running.
    Halted(Halt),
    Paused(Pause),
    /// By another process of ours: its pid.
    RecoveryRunning(u32),
    UpdateRunning(Update),
    LoginNeeded,
    NoService,
    /// Its unit is active, but has no process, and no bridge runs elsewhere.
    ActiveWithoutProcess,
    /// The bridge says with this exit code that its configuration is wrong, which only a person can mend.
    ExitCode2,
    /// The manager can't start it: the exit, and the program if that is missing.
    CannotStart {
        exit: Exit,
        missing: Option<MissingProgram>,
    },
    /// What the bridge needs is broken (a read-only disk, a file that it may not use): its last error.
    BrokenEnvironment {
        error: Option<String>,
    },
    FloodWait {
        until: Wall,
    },
    DiskFull,
    Offline {
        since: Wall,
    },
    /// By this process; `left`: it is left alone, and why.
    SessionLocked {
        pid: u32,
        #[serde(default)]
        left: Option<Left>,
    },
    CrashLoop {
        crashes: usize,
        window: Duration,
        head: Head,
    },
    /// The managed process is no bridge, and the bridge under it ended this often within this time.
    LoopInside {
        ends: usize,
        window: Duration,
    },
    NotLoaded,
    ProcessDead {
        exit: Exit,
        /// Why the manager holds its start back, in its own words.
        held_back: Option<String>,
        /// This many starts within this time, none of which stayed up.
        restless: Option<(usize, Duration)>,
    },
    StopHang {
        since: Wall,
    },
    Duplicate {
        pid: u32,
    },
    Disconnected {
        since: Wall,
    },
    Silent {
        since: Wall,
        /// It has written nothing since it was started.
        from_start: bool,
    },
    /// Its log is silent, and it shows this sign of life; `None` if whether it lives could not be seen.
    SilentButAlive {
        since: Wall,
        sign: Option<Living>,
        /// Its output is buffered: what it wrote last ends in the middle of a line.
        torn: bool,
    },
    /// Nothing was ever written to its log in this run: the path, and whether there is a file.
    LogNeverWritten {
        path: String,
        there: bool,
    },
    /// It had a regular heartbeat, which has stopped, while other lines go on.
    NoHeartbeat {
        since: Wall,
    },
    /// Its log goes on, and the kernel shows that the bridge itself does not work.
    Deaf {
        sign: Dying,
    },
    /// The same, and since then its regular heartbeat is missing.
    DeafAndSilent {
        since: Wall,
        sign: Dying,
    },
    /// No bridge was seen under the managed process, which is none, and nothing that a bridge would do.
    NothingInside,
    RepeatedError {
        error: Repeated,
        window: Duration,
    },
    /// The share of the disk that is free, 0 to 1.
    DiskLow(f64),
    RestartsSometimes(Condition),
    RestartsNever,
    /// An alert does not go out: why.
    Undelivered(String),
}

/// What a crash loop says about HEAD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Head {
    /// The checkout can't be read.
    Unknown,
    Innocent(Innocent),
    Suspect {
        summary: String,
        /// A person has switched on auto-revert.
        opted_in: bool,
    },
}

/// Why HEAD is left alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Innocent {
    /// Only this many of the crashes happened on it.
    FewCrashes(usize),
    /// It was this old at the first of them.
    Old(Duration),
    /// Its date is in the future, so it has no age.
    Undated,
    /// How those crashes ended was not seen: it may have been with 0.
    Unseen,
    OwnRevert,
    /// We reverted it before, and somebody brought it back.
    Undone,
    NoParent,
    Merge,
    /// Its parent ended with the same error.
    ParentToo,
    /// It touches documentation and tests, and nothing else.
    HarmlessFiles,
    /// What it touches is not known.
    FilesUnknown,
}

/// What happens next, and when.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Next {
    /// Nothing is wrong.
    Watch,
    /// At the next tick.
    LookAgain,
    /// It is starting, and has until then to connect.
    ConnectsUntil(Wall),
    /// The manager has until then to start it; then we do.
    ManagerHasUntil(Wall),
    Start,
    Load,
    LoadAt(Wall),
    EndAndStart,
    EndCopy,
    /// The copy is in the way of the bridge's start, which follows.
    EndCopyAndStart,
    FreeSession,
    /// The holder of the session's lock may be ended then.
    FreeSessionAt(Wall),
    Revert,
    /// A person is told; there is no other cure.
    Tell,
    /// Its operator has disabled it: it is left alone, and a person is told.
    LeaveDisabled,
    /// The operator has to enable and start it.
    OperatorStarts,
    /// A condition of its job has to be met again.
    ConditionMet,
    /// A pause ends then.
    PauseEnds(Wall),
    RecoveryEnds,
    UpdateEnds,
    NetworkBack,
    FloodEnds(Wall),
    /// It is ended then, if it stays silent.
    EndIfSilentAt(Wall),
    /// A person has to do something.
    Person(Help),
    /// An alert is tried again at each tick.
    DeliverAgain,
}

/// What only a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Help {
    LogIn,
    Install,
    /// `install` mends just the one key.
    InstallKey,
    /// The condition is none that `install` changes.
    OwnCondition,
    MendBridge,
    MakeRoom,
    MakeRoomSoon,
    MakeReadable,
    ReadLog,
    /// Its log is named wrongly, or its output is buffered.
    MendLog,
    /// End what runs elsewhere and let the manager start it.
    OneManager,
    /// See what it does.
    LookAtBridge,
    /// End whoever holds the session's lock.
    EndHolder,
    LookAtHolder,
}

impl Rung {
    /// As `check --json` numbers them, 1 to 5.
    pub fn number(self) -> u8 {
        match self {
            Rung::Restart => 1,
            Rung::EndStale => 2,
            Rung::FreeSession => 3,
            Rung::Revert => 4,
            Rung::Tell => 5,
        }
    }

    /// The rung after this one. HEAD is reverted only if it is the suspect, and never because nothing else helped.
    #[must_use]
    pub fn after(self, first: Rung) -> Rung {
        match self {
            Rung::Restart => Rung::EndStale,
            Rung::EndStale => Rung::FreeSession,
            Rung::FreeSession if first == Rung::Revert => Rung::Revert,
            Rung::FreeSession | Rung::Revert | Rung::Tell => Rung::Tell,
        }
    }
}

impl Cause {
    /// A living process does not work: it is itself what is ended.
    pub fn is_hang(self) -> bool {
        matches!(self, Cause::LogStale | Cause::StopHang | Cause::Disconnected)
    }
}

impl State {
    /// Nothing keeps the bridge from working, as far as is seen; it may work less than well.
    pub fn is_well(self) -> bool {
        matches!(self, State::Healthy | State::Starting | State::Degraded)
    }
}

impl Next {
    /// Nobody but a person can do what comes next.
    pub fn is_for_a_person(self) -> bool {
        matches!(self, Next::Person(_) | Next::Tell | Next::LeaveDisabled)
    }
}

impl Problem {
    pub fn outside_manager(bridge: &Lookalike) -> Problem {
        Problem::OutsideManager {
            pid: bridge.process.id.pid,
            parent: bridge.parent.as_ref().map(|parent| (parent.id.pid, parent.name.clone())),
            keeper: bridge.keeper.clone(),
        }
    }

    /// Since when it has been so, where the problem itself knows.
    pub fn since(&self) -> Option<Wall> {
        match self {
            Problem::Offline { since }
            | Problem::StopHang { since }
            | Problem::Disconnected { since }
            | Problem::Silent { since, .. }
            | Problem::SilentButAlive { since, .. }
            | Problem::DeafAndSilent { since, .. }
            | Problem::NoHeartbeat { since } => Some(*since),
            Problem::Paused(pause) => Some(pause.since),
            _ => None,
        }
    }

    pub fn cause(&self) -> Cause {
        match self {
            Problem::ProcessUnseen(_) | Problem::LogUnseen(_) | Problem::MarkersUnseen(_) => Cause::Unknown,
            Problem::OperatorStop | Problem::ConditionUnmet(_) | Problem::Halted(_) => Cause::OperatorStop,
            Problem::Paused(_) => Cause::Paused,
            Problem::RecoveryRunning(_) => Cause::RecoveryRunning,
            Problem::UpdateRunning(_) => Cause::UpdateRunning,
            Problem::LoginNeeded => Cause::AuthRequired,
            Problem::NoService
            | Problem::ActiveWithoutProcess
            | Problem::ExitCode2
            | Problem::CannotStart { .. }
            | Problem::BrokenEnvironment { .. } => Cause::ConfigError,
            Problem::FloodWait { .. } => Cause::FloodWait,
            Problem::DiskFull => Cause::DiskFull,
            Problem::Offline { .. } => Cause::Offline,
            Problem::SessionLocked { .. } => Cause::SessionLocked,
            Problem::CrashLoop { head: Head::Suspect { .. }, .. } => Cause::BadCommit,
            Problem::CrashLoop { .. } | Problem::LoopInside { .. } => Cause::CrashLoop,
            Problem::OutsideManager { .. } => Cause::OutsideManager,
            Problem::NotLoaded => Cause::NotLoaded,
            Problem::ProcessDead { .. } => Cause::ProcessDead,
            Problem::StopHang { .. } => Cause::StopHang,
            Problem::Duplicate { .. } => Cause::Duplicate,
            Problem::Disconnected { .. } => Cause::Disconnected,
            Problem::Silent { .. } | Problem::DeafAndSilent { .. } => Cause::LogStale,
            Problem::SilentButAlive { .. }
            | Problem::LogNeverWritten { .. }
            | Problem::NoHeartbeat { .. }
            | Problem::Deaf { .. }
            | Problem::NothingInside
            | Problem::RepeatedError { .. }
            | Problem::DiskLow(_)
            | Problem::RestartsSometimes(_)
            | Problem::RestartsNever
            | Problem::Undelivered(_) => Cause::None,
        }
    }

    pub fn state(&self) -> State {
        match self.cause() {
            Cause::Unknown => State::Unknown,
            Cause::OperatorStop => State::Stopped,
            Cause::Paused
            | Cause::RecoveryRunning
            | Cause::UpdateRunning
            | Cause::AuthRequired
            | Cause::ConfigError
            | Cause::FloodWait
            | Cause::DiskFull
            | Cause::Offline
            | Cause::OutsideManager => State::Waiting,
            Cause::None => State::Degraded,
            Cause::ProcessDead
            | Cause::CrashLoop
            | Cause::NotLoaded
            | Cause::LogStale
            | Cause::StopHang
            | Cause::Disconnected
            | Cause::Duplicate
            | Cause::SessionLocked
            | Cause::BadCommit => State::Unhealthy,
        }
    }
}

impl Verdict {
    /// The finding that the verdict is named after.
    pub fn first(&self) -> Option<&Finding> {
        self.findings.first()
    }

    /// The first rung that fits, as `check --json` numbers it; 0 if nothing is to be done now.
    pub fn level(&self) -> u8 {
        self.first().and_then(|finding| finding.rung).map_or(0, Rung::number)
    }

    /// Whether a person is told at once.
    pub fn tells(&self) -> bool {
        self.first().is_some_and(|finding| finding.tell)
    }

    /// What may be healed: the sick findings before the first that says to stand still.
    pub fn sick(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().take_while(|finding| finding.problem.state() == State::Unhealthy)
    }
}
