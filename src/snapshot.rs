//! What the watch shows to `check` and `status`, to the menu and to the demo, as values. Pure. `text` words them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::act::{Hand, Reason};
use crate::check::Check;
use crate::desktop::Desktop;
use crate::facts::{Event, EventKind, Facts, Pause, short_id};
use crate::history::History;
use crate::outages::{self, Outage};
use crate::outcome::Outcome;
use crate::time::{Clock, Wall};
use crate::verdict::{Cause, Problem, Rung, State, Verdict};

/// What the watch saw last, written to its status file at each tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The watch's pid.
    pub watch: u32,
    /// The version of the program that watches; empty in a file of an older one.
    #[serde(default)]
    pub version: String,
    pub clock: Clock,
    /// Between two looks, so that a reader knows when this one is overdue.
    #[serde(with = "crate::time::seconds")]
    pub tick: Duration,
    pub verdict: Verdict,
    /// Since when the state and its cause have been so.
    pub since: Wall,
    /// The rung that runs now.
    pub rung: Option<RunningRung>,
    /// When the chain goes on, if it waits after rung 5.
    pub again: Option<Wall>,
    /// For `status --json`.
    pub check: Check,
    pub history: History,
    pub more: More,
    /// What can be seen of the app; `None` of a watch without one, and in a file of an older version.
    #[serde(default)]
    pub desktop: Option<Desktop>,
}

/// A state and its cause, and since when they hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Since {
    pub state: State,
    pub cause: Cause,
    pub at: Wall,
}

/// A rung at work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningRung {
    pub rung: Rung,
    pub since: Wall,
    /// Why it was begun. The verdict may change while it works.
    pub reason: Reason,
}

/// What the menu shows beside the verdict.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct More {
    /// Starts, crashes and acts, oldest first, [`RECENT`] at most.
    pub recent: Vec<Recent>,
    /// HEAD.
    pub head: Option<Commit>,
    pub own_revert: bool,
    pub auto_revert: bool,
    pub pause: Option<Pause>,
    /// The bridge's log is there to be opened.
    pub log: bool,
    /// The last times when it was not well, oldest first.
    #[serde(default)]
    pub outages: Vec<Outage>,
}

/// A commit as a person knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub short_id: String,
    pub summary: String,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    pub at: Wall,
    pub done: Done,
}

/// What the bridge did, or what was done to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Done {
    Started {
        pid: Option<u32>,
    },
    Crashed {
        pid: Option<u32>,
        reason: String,
    },
    Rung(Rung, Outcome),
    /// Rung 5; `first` is false if a person was told before.
    Told {
        first: bool,
    },
    /// As are the ones below.
    ByHand(Hand, Outcome),
    Paused(Wall),
    Resumed,
    /// What a person asked for could not be done: why.
    Failed(String),
}

/// As many are kept.
pub const RECENT: usize = 10;

/// What the menu shows beside the verdict. `acts` are what the watch itself did; `outages` are kept, `open` is the incident
/// that is open.
pub fn more(facts: &Facts, acts: &[Recent], outages: &[Outage], open: Option<&Outage>) -> More {
    let git = facts.git.known();
    let markers = facts.markers.known();
    let events = facts.crashes.known().map_or(&[][..], Vec::as_slice);
    let mut recent: Vec<Recent> = events.iter().map(recent_event).chain(acts.iter().cloned()).collect();
    recent.sort_by(|a, b| a.at.0.total_cmp(&b.at.0));
    recent.drain(..recent.len().saturating_sub(RECENT));
    More {
        recent,
        head: git.map(|git| Commit { short_id: short_id(&git.head).into(), summary: git.summary.clone() }),
        own_revert: git.is_some_and(|git| git.own_revert),
        auto_revert: markers.is_some_and(|markers| markers.auto_revert),
        pause: facts.holds.pause.filter(|pause| pause.until > facts.clock.wall),
        log: facts.log.known().is_some_and(|log| log.exists),
        outages: outages::shown(outages, open, events),
    }
}

fn recent_event(event: &Event) -> Recent {
    let done = match event.kind {
        EventKind::Start => Done::Started { pid: event.pid },
        EventKind::Crash => Done::Crashed { pid: event.pid, reason: event.reason.clone() },
    };
    Recent { at: event.at, done }
}

/// A watch that has missed two looks is overdue; so is one whose stamp lies in the future, from before a reboot. `ask` is
/// how long a look may take.
pub fn is_fresh(snapshot: &Snapshot, now: Clock, ask: Duration) -> bool {
    let ahead = snapshot.clock.mono > now.mono;
    !ahead && now.mono.since(snapshot.clock.mono) <= 2 * snapshot.tick + ask
}

/// Whether the bridge, or a message about it, waits for a person and for nothing else. While a rung is at work it does not,
/// and a bridge that works less than well can wait for its person.
pub fn needs_person(snapshot: &Snapshot) -> bool {
    let Snapshot { verdict, rung, again, history, .. } = snapshot;
    if let Some(running) = rung {
        return running.rung == Rung::Tell;
    }
    // Without a network no message goes out, and with it they do.
    let unheard = history.undelivered.is_some() && verdict.cause != Cause::Offline;
    let in_vain = again.is_some() && verdict.state == State::Unhealthy;
    unheard || in_vain || !verdict.state.is_well() && verdict.next.is_for_a_person()
}

/// Why a restart by hand would be of no use now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A rung of ours is at work.
    Recovering,
    /// What a person asked for is being done.
    Asked,
    /// Another process of ours recovers the bridge.
    RecoveredElsewhere,
    ManagerUnseen,
    UpdateRunning,
    OperatorStop,
    NoService,
}

/// Why what a person asks for would be of no use now, if so.
pub fn refused(hand: Hand, snapshot: &Snapshot) -> Option<Refusal> {
    match hand {
        Hand::Restart => restart_refused(snapshot),
        Hand::Start => restart_refused(snapshot).filter(|why| *why != Refusal::OperatorStop),
        Hand::CleanLocks | Hand::Revert | Hand::UndoRevert => clean_refused(snapshot),
    }
}

/// Why the locks can't be cleaned, or HEAD be changed, by hand now, if so. That may be done to what its operator has
/// stopped too; it is not started.
pub fn clean_refused(snapshot: &Snapshot) -> Option<Refusal> {
    restart_refused(snapshot).filter(|why| !matches!(why, Refusal::OperatorStop | Refusal::NoService))
}

/// Why a restart by hand would be of no use now, if so.
pub fn restart_refused(snapshot: &Snapshot) -> Option<Refusal> {
    if let Some(running) = &snapshot.rung {
        let asked = matches!(running.reason, Reason::ByHand(_));
        return Some(if asked { Refusal::Asked } else { Refusal::Recovering });
    }
    match snapshot.verdict.first()?.problem {
        Problem::ProcessUnseen(_) => Some(Refusal::ManagerUnseen),
        Problem::RecoveryRunning(_) => Some(Refusal::RecoveredElsewhere),
        Problem::UpdateRunning(_) => Some(Refusal::UpdateRunning),
        Problem::OperatorStop | Problem::ConditionUnmet(_) => Some(Refusal::OperatorStop),
        Problem::NoService => Some(Refusal::NoService),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::situations::{following, situations};
    use crate::verdict::Next;

    /// Of each cause the situations in which a person has to act; in all others it ends by itself, or is healed.
    fn calling(cause: Cause) -> &'static [&'static str] {
        match cause {
            Cause::None => &["an alert does not go out"],
            Cause::ProcessDead => {
                &["process-dead, every rung tried, nobody hears", "process-dead, its operator disabled it meanwhile"]
            }
            // Not where HEAD is reverted next.
            Cause::CrashLoop => &["crash-loop", "crash-loop, no checkout", "crash-loop under a shell"],
            Cause::BadCommit => &["bad-commit"],
            Cause::OutsideManager => &["outside-manager, in tmux", "outside-manager, kept by pm2"],
            // Rung 5 at work.
            Cause::LogStale => &["log-stale, rung 5"],
            Cause::SessionLocked => &["session-locked, another user's", "session-locked by another bridge"],
            Cause::AuthRequired => &["auth-required"],
            Cause::DiskFull => &["disk-full"],
            Cause::ConfigError => &[
                "config-error, no service",
                "config-error, active without a process",
                "config-error, exit code 2",
                "config-error, the interpreter is gone",
                "config-error, it could not be started",
                "config-error, a read-only disk",
            ],
            Cause::Unknown => &["unknown, the markers are denied"],
            Cause::NotLoaded
            | Cause::StopHang
            | Cause::Disconnected
            | Cause::Duplicate
            | Cause::Offline
            | Cause::FloodWait
            | Cause::UpdateRunning
            | Cause::RecoveryRunning
            | Cause::Paused
            | Cause::OperatorStop => &[],
        }
    }

    #[test]
    fn each_cause_waits_for_a_person_or_ends_without_one() {
        let mut cause = following(None);
        while let Some(this) = cause {
            let all = situations();
            let called = all.iter().filter(|(_, seen)| seen.verdict.cause == this && needs_person(seen));
            assert_eq!(called.map(|(name, _)| *name).collect::<Vec<_>>(), calling(this), "{this:?}");
            cause = following(Some(this));
        }
    }

    #[test]
    fn what_is_not_told_calls_a_person_but_where_it_is_told_later_by_itself() {
        let seen = |name: &str| situations().into_iter().find(|(known, _)| *known == name).expect("a situation").1;
        let unheard = |name: &str| {
            let mut seen = seen(name);
            seen.history.undelivered = Some("Telegram can't be reached".into());
            needs_person(&seen)
        };
        assert!(unheard("healthy") && unheard("paused, the bridge down") && unheard("flood-wait"));
        assert!(!unheard("offline, the bridge down") && !unheard("log-stale, rung 2"));
        // Every rung was tried, and the bridge is back all the same.
        let back = Snapshot { again: Some(seen("healthy").clock.wall), ..seen("healthy") };
        assert!(!needs_person(&back) && back.verdict.next == Next::Watch);
    }
}
