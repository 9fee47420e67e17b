//! One look as the object of `check --json`.

use std::time::Duration;

use super::time::iso;
use crate::assess::recent;
use crate::check::{
    Check, CrashFact, GitFact, HolderFact, Known, LifeFact, LogFact, ProcessFact, SessionFact, TelegramFact,
};
use crate::facts::{Facts, short_id};
use crate::history::{History, connection, last_exit, signs};
use crate::limits::Limits;
use crate::secrets::Secrets;
use crate::time::Mono;
use crate::verdict::Verdict;

/// One look as the object of `check --json`. Secrets are removed from its sentences.
pub fn check(facts: &Facts, history: &History, verdict: &Verdict, secrets: &Secrets, limits: &Limits) -> Check {
    Check {
        state: verdict.state,
        cause: verdict.cause,
        level: verdict.level(),
        issues: super::issues(verdict, facts.clock).iter().map(|issue| secrets.without(issue)).collect(),
        // Looked at at each tick, and made of our own words and of errors of the kernel.
        unknown: unknown(facts, verdict),
        next: super::next(verdict.next, facts.clock),
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
        life: life(facts, history, limits),
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

fn life(facts: &Facts, history: &History, limits: &Limits) -> Option<LifeFact> {
    facts.running()?;
    let signs = signs(history, facts, limits);
    let (living, dying) = (signs.living.iter(), signs.dying.iter());
    let alive = signs.alive()?;
    let signs = if alive {
        living.map(|sign| super::living(*sign, facts.clock)).collect()
    } else {
        dying.map(|sign| super::dying(*sign, facts.clock)).collect()
    };
    Some(LifeFact { alive, signs })
}

/// Whole seconds: the fields that end with `_s` have no fractions.
fn whole(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_millis() >= 500)
}

/// The verdict's unknown facts, and the fields that only a deep look knows.
fn unknown(facts: &Facts, verdict: &Verdict) -> Vec<String> {
    let git = facts.git.known().filter(|git| git.dirty.is_none());
    let dirty = git.map(|git| match git.touches_code {
        None => "git.dirty: looked at only when something is wrong",
        Some(_) => "git.dirty: the index has a form that can't be read (a sparse index)",
    });
    verdict.unknown.iter().map(super::unknown).chain(dirty.map(str::to_owned)).collect()
}
