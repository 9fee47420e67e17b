//! How a rung ended, as values. What the loop does next and a command's exit code follow from them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exit_code;
use crate::holders::Left;
use crate::revert::Refusal;
use crate::verdict::{Cause, Problem};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The effect was seen.
    Cured(Cure),
    Failed(Failure),
    /// Something forbids to act; nothing was done.
    StoodDown(StandDown),
    /// Another recovery has the lock: its pid, 0 where that can't be read.
    Busy(u32),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Cure {
    /// A new process is up and has shown that it works.
    Up { pid: u32, after: Duration },
    /// This many copies are gone; the bridge was left alone.
    CopiesEnded(usize),
    /// Nobody holds the session's lock any more: so many were ended for it. The bridge was neither ended nor started.
    SessionFree { ended: usize },
    /// HEAD is another commit now; `up`: the process that runs with it, if the bridge was started anew.
    HeadChanged { change: Change, up: Option<u32> },
}

/// What was done to HEAD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// By a new commit, which was not pushed; no branch: HEAD is detached.
    Reverted { commit: String, summary: String, branch: Option<String> },
    /// HEAD is the reverted commit again or, where the revert had been pushed, a new one with its files.
    Undone { head: String, summary: String, pushed: bool },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Failure {
    NothingTried,
    NoProcess {
        within: Duration,
    },
    DidNotStayUp {
        pid: u32,
    },
    /// A new process runs, but what was wrong still is.
    StillWrong(Cause),
    CopiesLeft(usize),
    /// Not even by SIGKILL.
    DoesNotEnd {
        pid: u32,
    },
    /// A process that is left alone holds the session's lock.
    HolderLeft {
        pid: u32,
        why: Left,
    },
    /// It is held again and again, by processes that are too young to be ended.
    StaysLocked,
    /// Nobody holds its lock: it is not what keeps the bridge down.
    NobodyHolds,
    /// SQLite finds the session damaged: in what way.
    SessionCorrupt(String),
    /// HEAD stays as it is: why.
    Git(Refusal),
    /// HEAD was changed, and the start after it did not work.
    AfterChange(Change, Box<Outcome>),
    /// What a manager, the kernel or a file said, in its own words.
    Refused(String),
    /// The chain has no further rung: how the last one ended.
    EveryRung(Box<Outcome>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StandDown {
    OperatorStop,
    /// The service manager can't be asked.
    ManagerUnseen,
    /// The job was unloaded meanwhile, by an update or a person.
    JobTakenAway,
    GoneByItself {
        pid: u32,
    },
    TooYoung {
        pid: u32,
    },
    /// Nobody else holds its session's lock, and it is not interrupted for nothing.
    BridgeWorks {
        pid: u32,
    },
    /// At the look right before an end the cause was gone: what holds now, if anything.
    CauseGone(Option<Problem>),
    /// A command came that forbids to go on.
    Interrupted,
}

impl Outcome {
    /// The chain goes on with its next rung.
    pub fn goes_on(&self) -> bool {
        matches!(self, Outcome::Failed(_))
    }

    /// What was done to HEAD before the rest failed or was stopped.
    pub fn changed(&self) -> Option<&Change> {
        match self {
            Outcome::Failed(Failure::AfterChange(change, _)) => Some(change),
            Outcome::Failed(Failure::EveryRung(last)) => last.changed(),
            _ => None,
        }
    }

    /// The exit code of a command that acts.
    pub fn exit_code(&self) -> u8 {
        match self {
            Outcome::Cured(_) | Outcome::StoodDown(StandDown::CauseGone(None)) => exit_code::OK,
            Outcome::Failed(_)
            | Outcome::StoodDown(
                StandDown::GoneByItself { .. } | StandDown::TooYoung { .. } | StandDown::Interrupted,
            ) => exit_code::FAILED,
            Outcome::StoodDown(StandDown::OperatorStop | StandDown::JobTakenAway | StandDown::BridgeWorks { .. }) => {
                exit_code::STANDING_STILL
            }
            Outcome::StoodDown(StandDown::ManagerUnseen) => exit_code::UNKNOWN,
            Outcome::StoodDown(StandDown::CauseGone(Some(problem))) => exit_code::of(problem.state()),
            Outcome::Busy(_) => exit_code::BUSY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Wall;

    #[test]
    fn each_end_has_its_exit_code() {
        use StandDown as S;
        let rows = [
            (Outcome::Cured(Cure::CopiesEnded(1)), 0),
            (Outcome::Failed(Failure::NothingTried), 1),
            (Outcome::StoodDown(S::OperatorStop), 4),
            (Outcome::StoodDown(S::JobTakenAway), 4),
            (Outcome::StoodDown(S::BridgeWorks { pid: 7 }), 4),
            (Outcome::StoodDown(S::ManagerUnseen), 3),
            (Outcome::StoodDown(S::CauseGone(None)), 0),
            (Outcome::StoodDown(S::CauseGone(Some(Problem::Offline { since: Wall(0.0) }))), 4),
            (Outcome::StoodDown(S::CauseGone(Some(Problem::NotLoaded))), 1),
            (Outcome::StoodDown(S::Interrupted), 1),
            (Outcome::Busy(7), 75),
        ];
        for (outcome, code) in rows {
            assert_eq!(outcome.exit_code(), code, "{outcome:?}");
        }
    }
}
