//! An incident: what was tried, and what comes next. Pure.
//!
//! It ends after 300 s of health. A relapse before that goes on one rung higher; another cause starts a chain of its
//! own at once; the same cause after rung 5 waits its 30 min, and then the chain begins again, for ever.

use serde::{Deserialize, Serialize};

use crate::assess::{Cause, State, TELL, Verdict};
use crate::facts::{Clock, Epoch};
use crate::limits::Limits;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub began: Epoch,
    /// What it began with.
    pub cause: Cause,
    pub chains: Vec<Chain>,
    /// Since when all has been well; mono.
    pub well_since: Option<f64>,
    /// What a person was told: of which cause, and whether every rung had been tried by then.
    pub told: Vec<(Cause, bool)>,
    /// Work in progress was waited for; once is enough.
    pub waited_for_work: bool,
    /// A person heard of it, so a person also hears of its end.
    pub alerted: bool,
}

/// How far one cause has climbed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    pub cause: Cause,
    pub rung: u8,
    /// When rung 5 was reached; mono.
    pub exhausted: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Plan {
    Nothing,
    Rung(u8),
    /// The chain goes on then; mono.
    Later(f64),
}

/// The rung to try now.
pub fn plan(incident: Option<&Incident>, verdict: &Verdict, mono: f64, limits: &Limits) -> Plan {
    if verdict.rung == 0 {
        return Plan::Nothing;
    }
    let Some(chain) = incident.and_then(|incident| incident.chains.iter().find(|chain| chain.cause == verdict.cause))
    else {
        return Plan::Rung(verdict.rung);
    };
    match chain.exhausted {
        // A stamp from before a reboot lies ahead of the clock.
        Some(at) if at <= mono && mono < at + limits.again => Plan::Later(at + limits.again),
        Some(_) => Plan::Rung(verdict.rung),
        None => Plan::Rung(next_rung(chain.rung, verdict).max(verdict.rung)),
    }
}

/// The rung after this one. HEAD is reverted (rung 4) where it is the suspect and never because nothing else helped.
pub fn next_rung(rung: u8, verdict: &Verdict) -> u8 {
    if rung == 3 && verdict.rung != 4 { TELL } else { (rung + 1).min(TELL) }
}

/// Opens, keeps or ends the incident; the second is one that has just ended.
pub fn follow(
    incident: Option<Incident>,
    verdict: &Verdict,
    clock: Clock,
    limits: &Limits,
) -> (Option<Incident>, Option<Incident>) {
    let well = matches!(verdict.state, State::Healthy | State::Starting | State::Degraded) && !verdict.person;
    let sick = verdict.rung > 0 || verdict.person;
    let Some(mut incident) = incident else {
        return (sick.then(|| open(verdict.cause, clock.wall)), None);
    };
    // A stamp from before a reboot lies ahead of the clock: counted anew.
    let since = incident.well_since.filter(|since| *since <= clock.mono).unwrap_or(clock.mono);
    incident.well_since = well.then_some(since);
    if well && clock.mono - since >= limits.stale { (None, Some(incident)) } else { (Some(incident), None) }
}

pub fn open(cause: Cause, began: Epoch) -> Incident {
    Incident {
        began,
        cause,
        chains: Vec::new(),
        well_since: None,
        told: Vec::new(),
        waited_for_work: false,
        alerted: false,
    }
}

/// Writes down that a rung was tried.
pub fn tried(incident: &mut Incident, cause: Cause, rung: u8, mono: f64) {
    incident.well_since = None;
    let exhausted = (rung >= TELL).then_some(mono);
    match incident.chains.iter_mut().find(|chain| chain.cause == cause) {
        Some(chain) => (chain.rung, chain.exhausted) = (rung, exhausted),
        None => incident.chains.push(Chain { cause, rung, exhausted }),
    }
}

/// Whether a person is to be reminded that recovery stands still: after a day, once a day. A kill switch was once
/// forgotten for seven days.
pub fn reminder_due(verdict: &Verdict, since: Epoch, last: Option<Epoch>, now: Epoch, limits: &Limits) -> bool {
    let standing = matches!(verdict.state, State::Waiting | State::Stopped);
    standing && now - since >= limits.reminder && last.is_none_or(|last| now - last >= limits.reminder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(state: State, cause: Cause, rung: u8) -> Verdict {
        Verdict { state, cause, rung, issues: Vec::new(), unknown: Vec::new(), next: String::new(), person: false }
    }

    fn at(mono: f64) -> Clock {
        Clock { wall: 1e9 + mono, mono, zone: 0 }
    }

    #[test]
    fn the_chain_climbs_one_rung_a_relapse_and_goes_on_slowly_for_ever() {
        let limits = &Limits::REAL;
        let stale = verdict(State::Unhealthy, Cause::LogStale, 2);
        let mut incident = open(Cause::LogStale, 0.0);
        let mut seen = Vec::new();
        for mono in [0.0, 100.0, 200.0, 300.0, 400.0, 2000.0, 2100.0, 2200.0] {
            let planned = plan(Some(&incident), &stale, mono, limits);
            if let Plan::Rung(rung) = planned {
                tried(&mut incident, Cause::LogStale, rung, mono);
            }
            seen.push(planned);
        }
        use Plan::{Later, Rung};
        assert_eq!(seen, [Rung(2), Rung(3), Rung(5), Later(2000.0), Later(2000.0), Rung(2), Rung(3), Rung(5)]);
    }

    #[test]
    fn head_is_reverted_where_it_is_the_suspect_and_never_because_nothing_else_helped() {
        let rows = [
            ("silent", Cause::LogStale, 2, vec![2, 3, 5]),
            ("dead", Cause::ProcessDead, 1, vec![1, 2, 3, 5]),
            ("a crash loop", Cause::CrashLoop, 3, vec![3, 5]),
            ("HEAD is the suspect, without the opt-in", Cause::BadCommit, 3, vec![3, 5]),
            ("HEAD is the suspect, with the opt-in", Cause::BadCommit, 4, vec![4, 5]),
        ];
        for (name, cause, first, expected) in rows {
            let verdict = verdict(State::Unhealthy, cause, first);
            let mut incident = open(cause, 0.0);
            let mut seen = Vec::new();
            while let Plan::Rung(rung) = plan(Some(&incident), &verdict, 0.0, &Limits::REAL) {
                tried(&mut incident, cause, rung, 0.0);
                seen.push(rung);
            }
            assert_eq!(seen, expected, "{name}");
        }
    }

    #[test]
    fn another_cause_starts_its_own_chain_at_once() {
        let mut incident = open(Cause::LogStale, 0.0);
        tried(&mut incident, Cause::LogStale, 5, 10.0);
        let dead = verdict(State::Unhealthy, Cause::ProcessDead, 1);
        assert_eq!(plan(Some(&incident), &dead, 11.0, &Limits::REAL), Plan::Rung(1));
    }

    #[test]
    fn an_incident_ends_after_300_s_of_health_and_not_before() {
        let limits = &Limits::REAL;
        let (sick, well) = (verdict(State::Unhealthy, Cause::ProcessDead, 1), verdict(State::Starting, Cause::None, 0));
        let (incident, _) = follow(None, &sick, at(0.0), limits);
        let (incident, ended) = follow(incident, &well, at(10.0), limits);
        assert!(incident.is_some() && ended.is_none());
        let (incident, _) = follow(incident, &sick, at(200.0), limits);
        let (incident, _) = follow(incident, &well, at(210.0), limits);
        let (incident, ended) = follow(incident, &well, at(505.0), limits);
        assert!(incident.is_some() && ended.is_none(), "the relapse began the count anew");
        let (incident, ended) = follow(incident, &well, at(511.0), limits);
        assert!(incident.is_none() && ended.is_some());
    }

    #[test]
    fn incident_40_a_forgotten_pause_is_told_once_a_day() {
        let (day, limits) = (86_400.0, &Limits::REAL);
        let rows = [
            ("an hour old", State::Waiting, 3600.0, None, false),
            ("two days old, never told", State::Waiting, 2.0 * day, None, true),
            ("two days old, told an hour ago", State::Stopped, 2.0 * day, Some(3600.0), false),
            ("two days old, told a day ago", State::Stopped, 2.0 * day, Some(day), true),
            ("healthy for two days", State::Healthy, 2.0 * day, None, false),
        ];
        for (name, state, age, told_ago, due) in rows {
            let verdict = verdict(state, Cause::Paused, 0);
            let now = 1e9;
            assert_eq!(reminder_due(&verdict, now - age, told_ago.map(|ago| now - ago), now, limits), due, "{name}");
        }
    }

    #[test]
    fn standing_still_opens_no_incident_unless_a_person_is_needed() {
        let flood = verdict(State::Waiting, Cause::FloodWait, 0);
        assert_eq!(follow(None, &flood, at(0.0), &Limits::REAL).0, None);
        let login = Verdict { person: true, ..verdict(State::Waiting, Cause::AuthRequired, 0) };
        assert!(follow(None, &login, at(0.0), &Limits::REAL).0.is_some());
    }
}
