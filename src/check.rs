//! The object of `check --json`, as the contract has it. Pure. For readers outside: nothing of ours decides by it.

use serde::{Deserialize, Serialize};

use crate::assess::recent;
use crate::facts::{Disk, Facts, Lock, Role, short_id};
use crate::history::{Evidence, History, connection, last_exit};
use crate::limits::Limits;
use crate::secrets::Secrets;
use crate::text;
use crate::text::time::iso;
use crate::time::Mono;
use crate::verdict::{Cause, State, Verdict};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub state: State,
    pub cause: Cause,
    pub level: u8,
    pub issues: Vec<String>,
    pub unknown: Vec<String>,
    pub next: String,
    pub facts: Known,
}

/// What is not known is `null`, and named in `unknown`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    pub process: Option<ProcessFact>,
    pub log: Option<LogFact>,
    pub session: Option<SessionFact>,
    pub telegram: Option<TelegramFact>,
    pub crashes: Option<CrashFact>,
    pub git: Option<GitFact>,
    pub disk: Option<Disk>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessFact {
    pub pid: Option<u32>,
    pub started: Option<String>,
    pub runs: Option<u64>,
    pub last_exit: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogFact {
    pub path: String,
    pub silent_s: Option<u64>,
    pub size: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionFact {
    pub path: String,
    pub holders: Vec<HolderFact>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HolderFact {
    pub pid: u32,
    pub role: Role,
    pub lock: Lock,
    pub age_s: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelegramFact {
    pub connected: bool,
    pub evidence: Evidence,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrashFact {
    pub last_30m: usize,
    pub on_head: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GitFact {
    pub head: String,
    pub summary: String,
    pub age_s: u64,
    pub dirty: Option<bool>,
    pub own_revert: bool,
}

/// A look for readers outside; sentences that quote others have lost their secrets.
pub fn check(facts: &Facts, history: &History, verdict: &Verdict, secrets: &Secrets, limits: &Limits) -> Check {
    Check {
        state: verdict.state,
        cause: verdict.cause,
        level: verdict.level(),
        issues: text::issues(verdict, facts.clock).iter().map(|issue| secrets.without(issue)).collect(),
        unknown: unknown(facts, verdict),
        next: text::next(verdict.next, facts.clock),
        facts: known(facts, history, limits),
    }
}

fn known(facts: &Facts, history: &History, limits: &Limits) -> Known {
    let now = facts.clock;
    let process = facts.running();
    let silent = |since: Mono| whole(now.mono.since(since));
    Known {
        process: facts.process.known().and(facts.service.known()).map(|job| ProcessFact {
            pid: process.map(|process| process.id.pid),
            started: process.map(|process| iso(process.started)),
            runs: job.runs,
            last_exit: last_exit(job, history).to_string(),
        }),
        log: facts.log.known().map(|log| LogFact {
            path: log.path.to_string_lossy().into_owned(),
            silent_s: process.and(history.silent_since).map(silent),
            size: log.exists.then_some(log.size),
        }),
        session: facts.session.known().map(|session| SessionFact {
            path: session.path.to_string_lossy().into_owned(),
            holders: session
                .holders
                .iter()
                .map(|holder| HolderFact {
                    pid: holder.pid,
                    role: holder.role,
                    lock: holder.lock,
                    age_s: holder.age.map(whole),
                })
                .collect(),
        }),
        telegram: connection(history, facts)
            .known()
            .map(|connection| TelegramFact { connected: connection.connected, evidence: connection.evidence }),
        crashes: facts.crashes.known().map(|events| {
            let head = facts.git.known().map(|git| short_id(&git.head));
            let recent = || recent(events, now.wall, limits);
            let on_head = recent().filter(|event| Some(event.commit.as_str()) == head).count();
            CrashFact { last_30m: recent().count(), on_head }
        }),
        git: facts.git.known().map(|git| GitFact {
            head: git.head.clone(),
            summary: git.summary.clone(),
            age_s: whole(now.wall.since(git.committed)),
            dirty: git.dirty,
            own_revert: git.own_revert,
        }),
        disk: facts.disk.known().copied(),
    }
}

/// Whole seconds, as the contract has them.
fn whole(span: std::time::Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_millis() >= 500)
}

/// The verdict's, and the single fields that only a deep look knows.
fn unknown(facts: &Facts, verdict: &Verdict) -> Vec<String> {
    let shallow = facts.git.known().is_some_and(|git| git.dirty.is_none());
    let dirty = shallow.then(|| "git.dirty: looked at only when something is wrong".to_owned());
    verdict.unknown.iter().map(text::unknown).chain(dirty).collect()
}
