//! From facts to a verdict. Pure: no files, no processes, no clock, no logging. All the judgement of the program is
//! here and in the files below, in the order of precedence: the first cause that holds names the verdict, the others follow
//! it. Only the meaning of the marker files is elsewhere, in `markers`, since `history` needs it too; who is a copy is in
//! `identity`, and what a sign of life is in `signs`.

mod alive;
mod crash_loop;
mod down;
mod standing_still;

use std::time::Duration;

pub use self::crash_loop::recent;
pub(crate) use self::standing_still::held;

use crate::facts::{Fact, Facts, Halt, Job, KeepAlive, Markers, Process};
use crate::history::{History, connected, connection, signs};
use crate::limits::Limits;
use crate::signs::Signs;
use crate::time::{Mono, Wall};
use crate::verdict::{Cause, Finding, Help, Next, Problem, Rung, State, UnknownFact, Verdict};

/// Below this share of free space a person is told.
const DISK_LOW: f64 = 0.02;
/// The same error line this often in the window: it runs, but not well.
const REPEATED: u32 = 10;

/// Facts to a verdict. `history` is what [`crate::history::advance`] made of these same facts.
pub fn assess(facts: &Facts, history: &History, limits: &Limits) -> Verdict {
    let signs = signs(history, facts, limits);
    let unknown = unknowns(facts, history, &signs);
    let (Fact::Known(process), Fact::Known(service)) = (&facts.process, &facts.service) else {
        let why = facts.process.why().or(facts.service.why()).unwrap_or("nobody answered");
        let unseen = found(Problem::ProcessUnseen(why.to_owned()), None, Next::LookAgain);
        return verdict(vec![unseen], Next::LookAgain, unknown);
    };
    let case = Case { facts, history, limits, process: *process, service, markers: facts.markers.known(), signs };
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(case.operator_stop());
    findings.extend(case.outside_manager());
    findings.extend(case.standing_still());
    findings.extend(case.offline());
    findings.extend(case.session_locked());
    findings.extend(case.duplicate());
    findings.extend(case.crash_loop());
    findings.extend(case.no_bridge_inside());
    findings.extend(case.down());
    findings.extend(case.alive_but_sick());
    if let (Fact::Unknown(why), Some(State::Unhealthy)) =
        (&facts.markers, findings.first().map(|finding| finding.problem.state()))
    {
        findings.insert(0, case.markers_unseen(why));
    }
    if case.process.is_some()
        && findings.first().is_some_and(|first| first.problem.state() == State::Unhealthy)
        && let Some(halt @ (Halt::Traced { .. } | Halt::Frozen)) = facts.life.known().and_then(|life| life.halted)
    {
        // A person is at work on it, and what looks like a hang is his.
        findings.insert(0, told(found(Problem::Halted(halt), None, Next::ConditionMet)));
    }
    if findings.is_empty()
        && let Fact::Unknown(why) = &facts.log
    {
        findings.push(found(Problem::LogUnseen(why.clone()), None, Next::LookAgain));
    }
    case.leave_what_is_disabled(&mut findings);
    findings.extend(case.degraded());
    verdict(findings, case.well(), unknown)
}

struct Case<'a> {
    facts: &'a Facts,
    history: &'a History,
    limits: &'a Limits,
    process: Option<Process>,
    service: &'a Job,
    markers: Option<&'a Markers>,
    signs: Signs,
}

impl Case<'_> {
    /// How long something has been so; zero if it is not.
    fn lasting(&self, since: Option<Mono>) -> Duration {
        since.map_or(Duration::ZERO, |since| self.facts.clock.mono.since(since))
    }

    fn wall(&self, since: Option<Mono>) -> Wall {
        since.map_or(self.facts.clock.wall, |since| self.facts.clock.wall_of(since))
    }

    fn within(&self, at: Option<Mono>, window: Duration) -> bool {
        at.is_some_and(|at| self.facts.clock.mono.since(at) < window)
    }

    /// A bridge that its operator has disabled and lets run is not ended: it could not be started again.
    fn leave_what_is_disabled(&self, findings: &mut [Finding]) {
        if self.service.stopped_by_operator && self.process.is_some() {
            for finding in findings.iter_mut().filter(|finding| finding.rung.is_some()) {
                (finding.rung, finding.next) = (Some(Rung::Tell), Next::LeaveDisabled);
            }
        }
    }

    /// Told once, never healed by force.
    fn degraded(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = [self.odd_silence(), self.deaf(), self.no_heartbeat(), self.nothing_inside()]
            .into_iter()
            .flatten()
            .map(told)
            .collect();
        let mut note = |problem, help| findings.push(told(found(problem, None, Next::Person(help))));
        let repeated = self.facts.log.known().and_then(|log| log.repeated.as_ref());
        // What was logged while the network was gone says nothing about the bridge.
        let offline = self.within(self.history.offline_at, self.limits.repeat_window);
        if let Some(error) = repeated.filter(|error| error.count >= REPEATED && !offline) {
            let problem = Problem::RepeatedError { error: error.clone(), window: self.limits.repeat_window };
            note(problem, Help::ReadLog);
        }
        if let Some(disk) = self.facts.disk.known().filter(|disk| disk.free_share < DISK_LOW) {
            note(Problem::DiskLow(disk.free_share), Help::MakeRoomSoon);
        }
        match &self.service.keep_alive {
            // It is meant so.
            KeepAlive::Conditional(condition) if condition.is_stop() => {}
            KeepAlive::Conditional(condition) => {
                let help = if condition.is_mendable() { Help::InstallKey } else { Help::OwnCondition };
                note(Problem::RestartsSometimes(condition.clone()), help);
            }
            KeepAlive::Never if self.service.installed || self.service.loaded => {
                note(Problem::RestartsNever, Help::InstallKey);
            }
            // Where there is no service, that is what there is to say.
            KeepAlive::Never | KeepAlive::Always | KeepAlive::Unknown => {}
        }
        if let Some(why) = &self.history.undelivered {
            // Shown as a local notification: another alert would only replace the one that waits to be sent.
            findings.push(found(Problem::Undelivered(why.clone()), None, Next::DeliverAgain));
        }
        findings
    }

    fn connected(&self) -> bool {
        self.process.is_some() && connected(self.history, self.facts)
    }

    /// If nothing is wrong: starting or healthy.
    fn well(&self) -> Next {
        let age = self.process.map_or_else(|| self.lasting(self.service.starting_since), |process| process.age);
        if age < self.limits.start_grace && !self.connected() {
            return Next::ConnectsUntil(self.facts.clock.wall + self.limits.start_grace.saturating_sub(age));
        }
        Next::Watch
    }
}

fn unknowns(facts: &Facts, history: &History, signs: &Signs) -> Vec<UnknownFact> {
    let telegram = connection(history, facts);
    let unwritten = facts.log.known().filter(|log| !log.exists && facts.running().is_some());
    let unwritten = unwritten.map(|log| format!("{} is not there", log.path.display()));
    let life = signs.alive().is_none() && facts.running().is_some();
    let network = facts.network.as_ref().and_then(|network| network.why());
    [
        ("process", facts.process.why()),
        ("service", facts.service.why()),
        ("duplicates", facts.lookalikes.why()),
        ("log", facts.log.why().or(unwritten.as_deref())),
        ("life", facts.life.why().or(life.then_some("no sign of life or death was seen so far"))),
        ("session", facts.session.why()),
        ("telegram", telegram.why()),
        ("network", network),
        ("crashes", facts.crashes.why()),
        ("git", facts.git.why()),
        ("disk", facts.disk.why()),
        ("markers", facts.markers.why()),
    ]
    .into_iter()
    .filter_map(|(fact, why)| Some(UnknownFact { fact: fact.into(), why: why?.to_owned() }))
    .collect()
}

fn found(problem: Problem, rung: Option<Rung>, next: Next) -> Finding {
    Finding { problem, rung, next, tell: false, anew: None }
}

fn told(finding: Finding) -> Finding {
    Finding { tell: true, ..finding }
}

/// The first finding names the verdict; without one it is healthy or starting.
pub(crate) fn verdict(findings: Vec<Finding>, well: Next, unknown: Vec<UnknownFact>) -> Verdict {
    let (state, cause, next) = match (findings.first(), well) {
        (Some(first), _) => (first.problem.state(), first.problem.cause(), first.next),
        (None, Next::Watch) => (State::Healthy, Cause::None, Next::Watch),
        (None, starting) => (State::Starting, Cause::None, starting),
    };
    Verdict { state, cause, findings, unknown, next }
}

#[cfg(test)]
#[path = "assess_tests.rs"]
mod tests;
