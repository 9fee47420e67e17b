//! An incident: what was tried, and what comes next. Pure.
//!
//! Every cause has a chain of its own, and the first of them, in the order of precedence, that has something to do now is
//! taken: a chain that waits holds no other up. An incident ends after 300 s of health. A relapse before that goes on
//! one rung higher; the same cause after rung 5 waits its 30 min, and then the chain begins again, for ever.

use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::time::{Clock, Mono, Wall};
use crate::verdict::{Cause, Finding, Rung, State, Verdict};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub began: Wall,
    /// What it began with.
    pub cause: Cause,
    pub chains: Vec<Chain>,
    /// Since when all has been well.
    pub well_since: Option<Mono>,
    /// What a person was told, and why.
    pub told: Vec<Told>,
    /// Work in progress was waited for; once is enough.
    pub waited_for_work: bool,
    /// How its last rungs ended, oldest first.
    #[serde(default)]
    pub outcomes: Vec<(Rung, Outcome)>,
}

/// A person was told of this cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub cause: Cause,
    /// Every rung had been tried by then; else it was told at once.
    pub last_rung: bool,
}

/// How far one cause has climbed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    pub cause: Cause,
    pub rung: Rung,
    /// When rung 5 was reached.
    pub exhausted: Option<Mono>,
    /// How often rung 2 has ended a living process for it since the last cure.
    #[serde(default)]
    pub ended: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Plan<'a> {
    Nothing,
    Climb(&'a Finding, Rung),
    /// Every chain waits; the first goes on then.
    Later(Mono),
}

/// The chain that has something to do now, and its rung.
pub fn plan<'a>(incident: Option<&Incident>, verdict: &'a Verdict, now: Mono, limits: &Limits) -> Plan<'a> {
    let mut later: Option<Mono> = None;
    for finding in verdict.sick() {
        match due(incident, finding, now, limits) {
            Due::Never => {}
            Due::Now(rung) => return Plan::Climb(finding, rung),
            Due::Later(at) => later = Some(later.filter(|earliest| *earliest <= at).unwrap_or(at)),
        }
    }
    later.map_or(Plan::Nothing, Plan::Later)
}

/// A living process that was ended this often for one cause, without a cure, is ended no more but once a day. A plain
/// start of what is down takes nothing from anybody, and is tried for ever at the usual pace.
const ENOUGH: u32 = 2;

enum Due {
    Never,
    Now(Rung),
    Later(Mono),
}

fn due(incident: Option<&Incident>, finding: &Finding, now: Mono, limits: &Limits) -> Due {
    let Some(first) = finding.rung else { return Due::Never };
    let cause = finding.problem.cause();
    let chain = incident.and_then(|incident| incident.chains.iter().find(|chain| chain.cause == cause));
    let Some(chain) = chain else { return Due::Now(first) };
    let Some(at) = chain.exhausted else { return Due::Now(chain.rung.after(first).max(first)) };
    // A stamp from before a reboot lies ahead of the clock.
    let again = if chain.ended >= ENOUGH { limits.ended_again } else { limits.chain_again };
    let waits = at <= now && now < at + again;
    let anew = finding.anew.is_some_and(|since| since > at);
    if waits && !anew { Due::Later(at + again) } else { Due::Now(first) }
}

/// Opens, keeps or ends the incident. Returns the open one, and the one that has just ended.
pub fn follow(
    incident: Option<Incident>,
    verdict: &Verdict,
    clock: Clock,
    limits: &Limits,
) -> (Option<Incident>, Option<Incident>) {
    let well = matches!(verdict.state, State::Healthy | State::Starting | State::Degraded) && !verdict.tells();
    let sick = verdict.tells() || verdict.sick().any(|finding| finding.rung.is_some());
    let Some(mut incident) = incident else {
        return (sick.then(|| open(verdict.cause, clock.wall)), None);
    };
    // A stamp from before a reboot lies ahead of the clock: then it counts from now.
    let since = incident.well_since.filter(|since| *since <= clock.mono).unwrap_or(clock.mono);
    incident.well_since = well.then_some(since);
    if well && clock.mono.since(since) >= limits.recovered_after {
        (None, Some(incident))
    } else {
        (Some(incident), None)
    }
}

pub fn open(cause: Cause, began: Wall) -> Incident {
    Incident {
        began,
        cause,
        chains: Vec::new(),
        well_since: None,
        told: Vec::new(),
        waited_for_work: false,
        outcomes: Vec::new(),
    }
}

/// Keeps how a rung ended, for the person who is told.
pub fn note_outcome(incident: &mut Incident, rung: Rung, outcome: Outcome) {
    /// As many as a chain has rungs.
    const KEPT: usize = 4;
    incident.outcomes.push((rung, outcome));
    incident.outcomes.drain(..incident.outcomes.len().saturating_sub(KEPT));
}

/// Notes that a rung was tried, and whether it cured.
pub fn tried(incident: &mut Incident, cause: Cause, rung: Rung, cured: bool, now: Mono) {
    incident.well_since = None;
    let exhausted = (rung == Rung::Tell).then_some(now);
    let ends = rung == Rung::EndStale && cause.is_hang();
    let before = incident.chains.iter().find(|chain| chain.cause == cause).map_or(0, |chain| chain.ended);
    let ended = if cured { 0 } else { before + u32::from(ends) };
    incident.chains.retain(|chain| chain.cause != cause);
    incident.chains.push(Chain { cause, rung, exhausted, ended });
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
