//! The lines of the journal. Each act of ours gets its line before it is done: what, to whom, why.

use std::path::Path;
use std::time::Duration;

use super::time::{at, lasting};
use super::{count, foreign, headline, issue, outcome};
use crate::act::{Act, Ending, Reason, Target};
use crate::facts::{Event, EventKind};
use crate::outcome::Outcome;
use crate::snapshot::Done;
use crate::time::Clock;
use crate::verdict::{Rung, Verdict};

pub const WATCH_ENDS: &str = "the watch ends; the bridge is left as it is";

pub fn watch_begins(root: &Path, label: &str, manager: &str) -> String {
    format!("watching {} ({}, {manager})", foreign(&root.to_string_lossy()), foreign(label))
}

/// What is about to be done, to whom and why.
pub fn act(act: &Act, label: &str, manager: &str, reason: &Reason, now: Clock) -> String {
    let (because, label) = (super::reason(reason, now), foreign(label));
    match act {
        Act::Restart { pid } => format!("act: restart {label} (pid {pid}) through {manager}, because {because}"),
        Act::Start => format!("act: start {label} through {manager}, because {because}"),
        Act::CleanSession => format!("act: have SQLite bring the session of {label} into order, because {because}"),
        Act::Revert => format!("act: revert HEAD of {label}, because {because}"),
        Act::UndoRevert => format!("act: undo the revert of HEAD of {label}, because {because}"),
        Act::Signal { signal: Ending::Ask, whom, pid, age } => {
            format!("act: SIGTERM to {} (pid {pid}, {} old), because {because}", target(*whom), lasting(*age))
        }
        Act::Signal { signal: Ending::Kill { after }, whom, pid, .. } => format!(
            "act: SIGKILL to {} (pid {pid}), because it is still there {} after SIGTERM",
            target(*whom),
            lasting(*after)
        ),
    }
}

fn target(whom: Target) -> &'static str {
    match whom {
        Target::Bridge => "the bridge",
        Target::Copy => "a copy of the bridge",
        Target::Holder => "a process that holds the session's lock",
    }
}

/// That an alert is about to be sent, since no rung helped.
pub fn alert(reason: &Reason, now: Clock) -> String {
    format!("act: send an alert, because {}", super::reason(reason, now))
}

/// What was done.
pub fn done(done: &Done, now: Clock) -> String {
    match done {
        Done::Started { .. } | Done::Crashed { .. } => event(done, now),
        Done::Rung(rung, how) => format!("rung {} {}", rung.number(), outcome(how, now)),
        Done::Told { first: true } => "rung 5: no rung helped; you are told".into(),
        Done::Told { first: false } => "rung 5: no rung helped; you were told already".into(),
        Done::ByHand(hand, how) => format!("by hand: {}: {}", super::hand(*hand), outcome(how, now)),
        Done::Paused(until) if until.is_never() => "by hand: recovery is paused until it is resumed".into(),
        Done::Paused(until) => format!("by hand: recovery is paused until {}", at(*until, now)),
        Done::Resumed => "by hand: recovery goes on".into(),
        Done::Failed(why) => format!("failed: {}", foreign(why)),
    }
}

/// An event of the bridge in a few words.
pub fn event(done: &Done, now: Clock) -> String {
    let named = |pid: &Option<u32>| pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
    match done {
        Done::Started { pid } => format!("started{}", named(pid)),
        Done::Crashed { pid, reason } => format!("crashed{}: {}", named(pid), foreign(reason)),
        other => self::done(other, now),
    }
}

/// A start or a crash that was seen.
pub fn event_seen(event: &Event) -> String {
    let what = if event.kind == EventKind::Start { "started" } else { "crashed" };
    let pid = event.pid.map_or_else(|| "unknown".into(), |pid| pid.to_string());
    format!("seen: the bridge {what} (pid {pid}): {}", foreign(&event.reason))
}

pub fn process_gone(pid: u32) -> String {
    format!("seen: pid {pid} is gone")
}

/// A new state.
pub fn state_line(verdict: &Verdict, now: Clock) -> String {
    let first = verdict.first().map_or_else(String::new, |first| format!(" - {}", issue(&first.problem, now)));
    format!("state: {}{first}", headline(verdict))
}

pub fn rung_by_hand(rung: Rung, how: &Outcome, now: Clock) -> String {
    format!("by hand: rung {} {}", rung.number(), outcome(how, now))
}

pub fn waits_for_work(tasks: usize, longest: Duration) -> String {
    let tasks = count(tasks, "task is", "tasks are");
    format!("{tasks} at work under the bridge; waited for once, {} at most", lasting(longest))
}

pub fn auto_revert_switched(on: bool) -> &'static str {
    if on { "by hand: auto-revert is switched on" } else { "by hand: auto-revert is switched off" }
}

pub fn start_at_login_switched(on: bool) -> &'static str {
    if on { "by hand: start at login is switched on" } else { "by hand: start at login is switched off" }
}
