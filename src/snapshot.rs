//! What the watch shows: to `check` and `status`, to the menu, to the demo. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::assess::{Cause, State, Verdict, recent};
use crate::facts::{Clock, Epoch, Event, EventKind, Exit, Fact, Facts, Job, Pause};
use crate::history::{History, connection};
use crate::limits::Limits;
use crate::words::iso;

/// The watch's last word, written to its status file at each tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The watch's pid.
    pub watch: u32,
    pub clock: Clock,
    /// Seconds between two looks, so that a reader knows when this one is overdue.
    pub tick: f64,
    pub verdict: Verdict,
    /// Since when the state and its cause have been so.
    pub since: Epoch,
    /// The rung that runs now.
    pub rung: Option<Rung>,
    /// When the chain goes on, where it waits after rung 5.
    #[serde(default)]
    pub again: Option<Epoch>,
    /// As `check --json` prints it.
    pub check: Value,
    pub history: History,
    #[serde(default)]
    pub more: More,
}

/// A rung at work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    pub number: u8,
    pub since: Epoch,
    /// What it was begun for, in a few words. The verdict changes while it works.
    pub why: String,
}

/// What the menu shows beside the verdict.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct More {
    /// Starts, crashes and acts, oldest first, [`RECENT`] at most.
    pub recent: Vec<Recent>,
    /// Eight hex digits, and the summary.
    pub head: Option<(String, String)>,
    pub own_revert: bool,
    pub auto_revert: bool,
    pub pause: Option<Pause>,
    /// The bridge's log is there to be opened.
    pub log: bool,
    /// When this run was started, where the one before it had crashed.
    #[serde(default)]
    pub after_crash: Option<Epoch>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    pub at: Epoch,
    pub text: String,
}

/// As many as the menu has rows for.
pub const RECENT: usize = 10;

/// What the menu shows beside the verdict. `acts` are what the watch itself did.
pub fn more(facts: &Facts, acts: &[Recent]) -> More {
    let git = facts.git.known();
    let markers = facts.markers.known();
    let mut recent: Vec<Recent> =
        facts.crashes.known().map_or(&[][..], Vec::as_slice).iter().map(recent_event).collect();
    recent.extend(acts.iter().cloned());
    recent.sort_by(|a, b| a.at.total_cmp(&b.at));
    recent.drain(..recent.len().saturating_sub(RECENT));
    More {
        recent,
        head: git.map(|git| (git.head.chars().take(8).collect(), git.summary.clone())),
        own_revert: git.is_some_and(|git| git.own_revert),
        auto_revert: markers.is_some_and(|markers| markers.auto_revert),
        pause: facts.holds.pause.filter(|pause| pause.until > facts.clock.wall),
        log: facts.log.known().is_some_and(|log| log.exists),
        after_crash: facts.crashes.known().and_then(|events| after_crash(events, facts)),
    }
}

/// The last event is the start of this run, and the one before it a crash.
fn after_crash(events: &[Event], facts: &Facts) -> Option<Epoch> {
    let run = facts.process.known().copied().flatten()?;
    let [.., crash, start] = events else { return None };
    let kinds = (crash.kind, start.kind);
    (kinds == (EventKind::Crash, EventKind::Start) && start.pid == Some(run.id.pid)).then_some(start.at)
}

fn recent_event(event: &Event) -> Recent {
    let pid = event.pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
    let text = match event.kind {
        EventKind::Start => format!("started{pid}"),
        EventKind::Crash => format!("crashed{pid}: {}", event.reason),
    };
    Recent { at: event.at, text }
}

/// The object of `check --json`.
pub fn check(facts: &Facts, history: &History, verdict: &Verdict, limits: &Limits) -> Value {
    let now = facts.clock;
    let since = |mono: Option<f64>| mono.map(|since| whole(now.mono - since));
    let process = facts.process.known().copied().flatten();
    let job = facts.service.known();
    let crashes = facts.crashes.known().map(|events| {
        let head = facts.git.known().map(|git| &git.head[..git.head.len().min(8)]);
        let on_head = recent(events, now.wall, limits).filter(|event| Some(event.commit.as_str()) == head).count();
        json!({"last_30m": recent(events, now.wall, limits).count(), "on_head": on_head})
    });
    json!({
        "state": verdict.state,
        "cause": verdict.cause,
        "level": verdict.rung,
        "issues": verdict.issues,
        "unknown": unknown(facts, verdict),
        "next": verdict.next,
        "facts": {
            "process": job.map(|job| json!({
                "pid": process.map(|process| process.id.pid),
                "started": process.map(|process| iso(process.started)),
                "runs": job.runs,
                "last_exit": last_exit(job, history).to_string(),
            })),
            "log": facts.log.known().map(|log| json!({
                "path": log.path.to_string_lossy(),
                "silent_s": process.and(since(history.silent_since)),
                "size": log.exists.then_some(log.size),
            })),
            "session": facts.session.known().map(|session| json!({
                "path": session.path.to_string_lossy(),
                "holders": session.holders.iter().map(|holder| json!({
                    "pid": holder.pid,
                    "role": holder.role,
                    "lock": holder.lock,
                    "age_s": holder.age_s.map(whole),
                })).collect::<Vec<_>>(),
            })),
            "telegram": match connection(history, facts) {
                Fact::Known(connection) => json!({"connected": connection.connected, "evidence": connection.evidence}),
                Fact::Unknown(_) => Value::Null,
            },
            "crashes": crashes,
            "git": facts.git.known().map(|git| json!({
                "head": git.head,
                "summary": git.summary,
                "age_s": whole(now.wall - git.committed),
                "dirty": git.dirty,
                "own_revert": git.own_revert,
            })),
            "disk": facts.disk.known(),
        },
    })
}

/// Whole seconds, as the contract has them.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn whole(seconds: f64) -> u64 {
    seconds.max(0.0).round() as u64
}

/// How the last run ended. systemd hides that of what runs, but the watch has seen it; where nobody has, and there was
/// one, it is not seen, rather than never.
fn last_exit(job: &Job, history: &History) -> Exit {
    match (&job.last_exit, &history.ended) {
        (Exit::Never, Some(ended)) if ended.exit != Exit::Never => ended.exit.clone(),
        (Exit::Never, Some(_)) => Exit::Unseen,
        (Exit::Never, None) if job.runs > Some(1) => Exit::Unseen,
        (exit, _) => exit.clone(),
    }
}

/// The verdict's, and the single fields that only a deep look knows.
fn unknown(facts: &Facts, verdict: &Verdict) -> Vec<String> {
    let shallow = facts.git.known().is_some_and(|git| git.dirty.is_none());
    let dirty = shallow.then(|| "git.dirty: looked at only when something is wrong".to_owned());
    verdict.unknown.iter().cloned().chain(dirty).collect()
}

/// The exit code that a verdict has in common with every command that looks.
pub fn exit_code(verdict: &Verdict) -> u8 {
    match verdict.state {
        State::Healthy | State::Starting => 0,
        State::Degraded | State::Unhealthy => 1,
        State::Unknown => 3,
        State::Waiting | State::Stopped => 4,
    }
}

/// A state or a cause as the contract writes it.
pub fn name(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The first line that a person reads: `unhealthy: process-dead`, `healthy`.
pub fn headline(verdict: &Verdict) -> String {
    match verdict.cause {
        Cause::None => name(&verdict.state),
        cause => format!("{}: {}", name(&verdict.state), name(&cause)),
    }
}
