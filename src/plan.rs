//! An incident: what was tried, and what comes next. Pure.
//!
//! Every cause has a chain of its own, and the first of them, in the order of precedence, that has something to do now is
//! taken: a chain that waits holds no other up. An incident ends after 300 s of health. A relapse before that goes on
//! one rung higher; the same cause after rung 5 waits its 30 min, and then the chain begins again, for ever.

use serde::{Deserialize, Serialize};

use crate::act::Hand;
use crate::limits::Limits;
use crate::outcome::{Outcome, StandDown};
use crate::time::{Clock, Mono, Wall};
use crate::verdict::{Cause, Finding, Problem, Rung, Verdict};

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
    /// What was done last, oldest first.
    #[serde(default)]
    pub acts: Vec<Acted>,
    /// What was acted upon or told last.
    #[serde(default)]
    pub problem: Option<Problem>,
    /// What a person did meanwhile, and it worked.
    #[serde(default)]
    pub by_hand: Option<Hand>,
}

/// A rung that has done something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acted {
    pub at: Wall,
    pub rung: Rung,
    /// `None` while it runs.
    pub outcome: Option<Outcome>,
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
///
/// What is merely not well (`degraded`) is none: it is told for itself, and keeps no incident open.
pub fn follow(
    incident: Option<Incident>,
    verdict: &Verdict,
    clock: Clock,
    limits: &Limits,
) -> (Option<Incident>, Option<Incident>) {
    let well = verdict.state.is_well();
    let tells = verdict.tells() && !well;
    let sick = tells || verdict.sick().any(|finding| finding.rung.is_some());
    let Some(mut incident) = incident else {
        let first = verdict.first().filter(|_| sick);
        return (first.map(|first| open(&first.problem, clock.wall)), None);
    };
    // An outage of the network asked nothing of us but to wait: it is over when the network is back.
    let known = !matches!(verdict.cause, Cause::Offline | Cause::Unknown);
    if known && incident.cause == Cause::Offline && incident.acts.is_empty() {
        return (None, Some(Incident { well_since: Some(clock.mono), ..incident }));
    }
    // A stamp from before a reboot lies ahead of the clock: then it counts from now.
    let since = incident.well_since.filter(|since| *since <= clock.mono).unwrap_or(clock.mono);
    incident.well_since = well.then_some(since);
    if well && clock.mono.since(since) >= limits.recovered_after {
        (None, Some(incident))
    } else {
        (Some(incident), None)
    }
}

/// An incident that begins with this problem, now or when the problem itself began.
pub fn open(problem: &Problem, now: Wall) -> Incident {
    Incident {
        began: problem.since().unwrap_or(now),
        cause: problem.cause(),
        chains: Vec::new(),
        well_since: None,
        told: Vec::new(),
        waited_for_work: false,
        acts: Vec::new(),
        problem: None,
        by_hand: None,
    }
}

/// Notes that a rung has begun to act.
pub fn begun(incident: &mut Incident, rung: Rung, problem: &Problem, now: Wall) {
    /// Two whole chains. An incident may last for days, and a message has its limits.
    const KEPT: usize = 8;
    incident.problem = Some(problem.clone());
    incident.acts.push(Acted { at: now, rung, outcome: None });
    incident.acts.drain(..incident.acts.len().saturating_sub(KEPT));
}

/// The watch that had begun an act was ended in its middle: how it ended was not seen.
pub fn interrupted(mut incident: Incident) -> Incident {
    for acted in incident.acts.iter_mut().filter(|acted| acted.outcome.is_none()) {
        acted.outcome = Some(Outcome::StoodDown(StandDown::Interrupted));
    }
    incident
}

/// Notes how a rung ended. One that failed before it could act has failed all the same; one that stood down without an
/// act has done nothing.
pub fn ended(incident: &mut Incident, rung: Rung, problem: &Problem, outcome: &Outcome, now: Wall) {
    let acts = incident.acts.last().is_some_and(|last| last.rung == rung && last.outcome.is_none());
    if !acts && !outcome.goes_on() {
        return;
    }
    if !acts {
        begun(incident, rung, problem, now);
    }
    if let Some(last) = incident.acts.last_mut() {
        last.outcome = Some(outcome.clone());
    }
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
