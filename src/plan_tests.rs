use std::time::Duration;

use super::*;
use crate::facts::Exit;
use crate::outcome::{Cure, Failure};
use crate::verdict::{Head, Next, Problem, State};

const LIMITS: &Limits = &Limits::REAL;

fn finding(problem: Problem, rung: Option<Rung>) -> Finding {
    Finding { problem, rung, next: Next::LookAgain, tell: false, anew: None }
}

fn verdict(findings: Vec<Finding>) -> Verdict {
    let (state, cause) =
        findings.first().map_or((State::Healthy, Cause::None), |first| (first.problem.state(), first.problem.cause()));
    Verdict { state, cause, findings, unknown: Vec::new(), next: Next::Watch }
}

fn silent() -> Problem {
    Problem::Silent { since: Wall(0.0), from_start: false }
}

fn dead() -> Problem {
    Problem::ProcessDead { exit: Exit::Code(1), held_back: None, restless: None }
}

fn crash_loop(head: Head) -> Problem {
    Problem::CrashLoop { crashes: 3, window: Duration::from_mins(30), head }
}

fn suspect(opted_in: bool) -> Head {
    Head::Suspect { summary: String::new(), opted_in }
}

fn at(mono: f64) -> Clock {
    Clock { wall: Wall(1e9 + mono), mono: Mono(mono), zone: 0 }
}

/// What `plan` says, without the finding.
#[derive(Debug, PartialEq)]
enum Said {
    Nothing,
    Climb(Cause, u8),
    Later(f64),
}

fn planned(incident: Option<&Incident>, verdict: &Verdict, mono: f64) -> Said {
    match plan(incident, verdict, Mono(mono), LIMITS) {
        Plan::Nothing => Said::Nothing,
        Plan::Climb(finding, rung) => Said::Climb(finding.problem.cause(), rung.number()),
        Plan::Later(mono) => Said::Later(mono.0),
    }
}

/// Plans and tries, until the chain waits.
fn climbed(incident: &mut Incident, verdict: &Verdict, mono: f64) -> Vec<u8> {
    let mut rungs = Vec::new();
    while let Plan::Climb(finding, rung) = plan(Some(incident), verdict, Mono(mono), LIMITS) {
        tried(incident, finding.problem.cause(), rung, false, Mono(mono));
        rungs.push(rung.number());
        assert!(rungs.len() < 10, "it never waits: {rungs:?}");
    }
    rungs
}

#[test]
fn the_chain_climbs_one_rung_a_relapse_and_goes_on_slowly_for_ever() {
    let stale = verdict(vec![finding(silent(), Some(Rung::EndStale))]);
    let mut incident = open(&silent(), Wall(0.0));
    let mut seen = Vec::new();
    for mono in [0.0, 100.0, 200.0, 300.0, 400.0, 2000.0, 2100.0, 2200.0] {
        if let Plan::Climb(_, rung) = plan(Some(&incident), &stale, Mono(mono), LIMITS) {
            seen.push(Said::Climb(Cause::LogStale, rung.number()));
            tried(&mut incident, Cause::LogStale, rung, false, Mono(mono));
        } else {
            seen.push(planned(Some(&incident), &stale, mono));
        }
    }
    let climb = |rung| Said::Climb(Cause::LogStale, rung);
    let expected =
        [climb(2), climb(3), climb(5), Said::Later(2000.0), Said::Later(2000.0), climb(2), climb(3), climb(5)];
    assert_eq!(seen, expected);
}

/// A bridge was once ended again and again, since its silence came from a buffer.
#[test]
fn a_living_process_is_ended_twice_without_a_cure_and_then_once_a_day() {
    let day = 86_400.0;
    let rows: [(&str, Problem, Rung, &[(f64, bool)], f64); 6] = [
        ("ended once", silent(), Rung::EndStale, &[(0.0, false)], 1800.0),
        ("ended twice", silent(), Rung::EndStale, &[(0.0, false), (2000.0, false)], 2000.0 + day),
        ("three times", silent(), Rung::EndStale, &[(0.0, false), (2000.0, false), (90_000.0, false)], 90_000.0 + day),
        ("a cure in between", silent(), Rung::EndStale, &[(0.0, false), (2000.0, true)], 3800.0),
        ("a start takes nothing from anybody", dead(), Rung::Restart, &[(0.0, false), (2000.0, false)], 3800.0),
        (
            "nor does the end of a copy",
            Problem::Duplicate { pid: 7 },
            Rung::EndStale,
            &[(0.0, false), (2000.0, false)],
            3800.0,
        ),
    ];
    for (name, problem, first, rounds, again) in rows {
        let verdict = verdict(vec![finding(problem, Some(first))]);
        let mut incident = open(&verdict.findings[0].problem, Wall(0.0));
        for (mono, cured) in rounds {
            for rung in [Rung::EndStale, Rung::FreeSession, Rung::Tell] {
                tried(&mut incident, verdict.cause, rung, *cured && rung == Rung::EndStale, Mono(*mono));
            }
        }
        assert_eq!(planned(Some(&incident), &verdict, again - 1.0), Said::Later(again), "{name}");
        assert_eq!(planned(Some(&incident), &verdict, again), Said::Climb(verdict.cause, first.number()), "{name}");
    }
}

#[test]
fn head_is_reverted_where_it_is_the_suspect_and_never_because_nothing_else_helped() {
    let rows = [
        ("silent", silent(), Rung::EndStale, vec![2, 3, 5]),
        ("dead", dead(), Rung::Restart, vec![1, 2, 3, 5]),
        ("a crash loop", crash_loop(Head::Unknown), Rung::FreeSession, vec![3, 5]),
        ("HEAD is the suspect, without the opt-in", crash_loop(suspect(false)), Rung::FreeSession, vec![3, 5]),
        ("HEAD is the suspect, with the opt-in", crash_loop(suspect(true)), Rung::Revert, vec![4, 5]),
    ];
    for (name, problem, first, expected) in rows {
        let mut incident = open(&problem, Wall(0.0));
        let verdict = verdict(vec![finding(problem, Some(first))]);
        assert_eq!(climbed(&mut incident, &verdict, 0.0), expected, "{name}");
    }
}

/// Six crashes in the history, and then the bridge, which its manager leaves down after exit 0, is gone: the chain of the
/// crash loop waits for its 30 min, that of the death does not.
#[test]
fn a_chain_that_waits_holds_nobody_up() {
    let looping = || finding(crash_loop(Head::Unknown), Some(Rung::FreeSession));
    let mut incident = open(&crash_loop(Head::Unknown), Wall(0.0));
    climbed(&mut incident, &verdict(vec![looping()]), 10.0);
    let both = |anew: Option<f64>| {
        let dead = Finding { anew: anew.map(Mono), ..finding(dead(), Some(Rung::Restart)) };
        verdict(vec![looping(), dead])
    };
    assert_eq!(planned(Some(&incident), &verdict(vec![looping()]), 11.0), Said::Later(1810.0));
    assert_eq!(planned(Some(&incident), &both(None), 11.0), Said::Climb(Cause::ProcessDead, 1));
    // Its rungs did not help either: then both wait, and the first that is due goes on.
    assert_eq!(climbed(&mut incident, &both(None), 20.0), [1, 2, 3, 5]);
    assert_eq!(planned(Some(&incident), &both(None), 21.0), Said::Later(1810.0));
    // It came up after all, worked, and died again: then it is started at once, since a start does no harm.
    assert_eq!(planned(Some(&incident), &both(Some(100.0)), 101.0), Said::Climb(Cause::ProcessDead, 1));
    assert_eq!(planned(Some(&incident), &both(Some(15.0)), 101.0), Said::Later(1810.0));
    assert_eq!(
        planned(Some(&incident), &both(Some(20.0)), 101.0),
        Said::Later(1810.0),
        "in the second of its last rung"
    );
}

#[test]
fn what_stands_still_before_it_keeps_a_chain_from_acting() {
    let dead = || finding(dead(), Some(Rung::Restart));
    let rows = [
        ("alone", vec![dead()], Said::Climb(Cause::ProcessDead, 1)),
        ("offline", vec![finding(Problem::Offline { since: Wall(0.0) }, None), dead()], Said::Nothing),
        ("stopped", vec![finding(Problem::OperatorStop, None), dead()], Said::Nothing),
        ("unseen", vec![finding(Problem::MarkersUnseen(String::new()), None), dead()], Said::Nothing),
        ("not loaded, its time not over", vec![finding(Problem::NotLoaded, None)], Said::Nothing),
        ("degraded behind it", vec![dead(), finding(Problem::RestartsNever, None)], Said::Climb(Cause::ProcessDead, 1)),
    ];
    for (name, findings, expected) in rows {
        assert_eq!(planned(None, &verdict(findings), 0.0), expected, "{name}");
    }
}

#[test]
fn an_incident_ends_after_300_s_of_health_and_not_before() {
    let (sick, well) = (verdict(vec![finding(dead(), Some(Rung::Restart))]), verdict(Vec::new()));
    let (incident, _) = follow(None, &sick, at(0.0), LIMITS);
    let (incident, ended) = follow(incident, &well, at(10.0), LIMITS);
    assert!(incident.is_some() && ended.is_none());
    let (incident, _) = follow(incident, &sick, at(200.0), LIMITS);
    let (incident, _) = follow(incident, &well, at(210.0), LIMITS);
    let (incident, ended) = follow(incident, &well, at(505.0), LIMITS);
    assert!(incident.is_some() && ended.is_none(), "the relapse began the count anew");
    let (incident, ended) = follow(incident, &well, at(511.0), LIMITS);
    assert!(incident.is_none() && ended.is_some());
}

#[test]
fn standing_still_opens_no_incident_unless_a_person_is_needed() {
    let flood = verdict(vec![finding(Problem::FloodWait { until: Wall(1.0) }, None)]);
    assert_eq!(follow(None, &flood, at(0.0), LIMITS).0, None);
    let login = verdict(vec![Finding { tell: true, ..finding(Problem::LoginNeeded, None) }]);
    assert!(follow(None, &login, at(0.0), LIMITS).0.is_some());
}

#[test]
fn incident_36_an_outage_of_the_network_is_over_when_it_is_back_and_began_when_it_began() {
    let since = Wall(1e9 - 1800.0);
    let offline = verdict(vec![Finding { tell: true, ..finding(Problem::Offline { since }, None) }]);
    let (incident, _) = follow(None, &offline, at(0.0), LIMITS);
    assert_eq!(incident.as_ref().map(|incident| incident.began), Some(since));
    let unseen = verdict(vec![finding(Problem::ProcessUnseen(String::new()), None)]);
    let (still, ended) = follow(incident.clone(), &unseen, at(60.0), LIMITS);
    assert!(still.is_some() && ended.is_none(), "not known to be back");
    let dead = verdict(vec![finding(dead(), Some(Rung::Restart))]);
    for back in [verdict(Vec::new()), dead] {
        let (open, ended) = follow(incident.clone(), &back, at(60.0), LIMITS);
        assert_eq!((open, ended.and_then(|ended| ended.well_since)), (None, Some(Mono(60.0))));
    }
}

#[test]
fn incident_35_what_is_merely_not_well_opens_no_incident_and_keeps_none_open() {
    let degraded = verdict(vec![Finding { tell: true, ..finding(Problem::RestartsNever, None) }]);
    assert_eq!(follow(None, &degraded, at(0.0), LIMITS).0, None);
    let (incident, _) = follow(None, &verdict(vec![finding(dead(), Some(Rung::Restart))]), at(0.0), LIMITS);
    let (incident, _) = follow(incident, &degraded, at(10.0), LIMITS);
    assert!(follow(incident, &degraded, at(310.0), LIMITS).1.is_some());
}

#[test]
fn an_act_is_kept_from_its_beginning_and_one_that_never_began_only_if_it_failed() {
    let up = Outcome::Cured(Cure::Up { pid: 7, after: Duration::from_secs(1) });
    let failed = Outcome::Failed(Failure::NobodyHolds);
    let stood_down = Outcome::StoodDown(StandDown::OperatorStop);
    // (begun, how it ended, what is kept of it)
    let rows = [
        (true, &up, Some(&up)),
        (true, &stood_down, Some(&stood_down)),
        (false, &failed, Some(&failed)),
        (false, &stood_down, None),
        (false, &Outcome::Busy(7), None),
    ];
    for (acts, outcome, kept) in rows {
        let mut incident = open(&dead(), Wall(0.0));
        if acts {
            begun(&mut incident, Rung::Restart, &dead(), Wall(1.0));
            assert_eq!(incident.acts[0].outcome, None);
            let after_a_restart_of_ours = interrupted(incident.clone()).acts[0].outcome.clone();
            assert_eq!(after_a_restart_of_ours, Some(Outcome::StoodDown(StandDown::Interrupted)));
        }
        ended(&mut incident, Rung::Restart, &dead(), outcome, Wall(2.0));
        let last = incident.acts.last();
        assert_eq!(last.map(|acted| acted.outcome.as_ref()), kept.map(Some), "{outcome:?}");
        assert_eq!(incident.problem, kept.map(|_| dead()));
        for _ in 0..20 {
            begun(&mut incident, Rung::EndStale, &dead(), Wall(3.0));
        }
        assert_eq!(incident.acts.len(), 8, "a message has its limits");
    }
}
