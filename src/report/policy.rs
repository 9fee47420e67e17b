//! Who is told what, and when. Pure, and the only place that decides it.

use std::mem::discriminant;

use serde::{Deserialize, Serialize};

use crate::facts::{Class, Event, EventKind};
use crate::limits::Limits;
use crate::plan::{Incident, Told};
use crate::time::Wall;
use crate::verdict::{Cause, Finding, Problem, State, Verdict};

/// Whether a person is called for this cause now: each cause once an incident.
pub fn tells(incident: &Incident, what: Told) -> bool {
    !incident.told.contains(&what)
}

/// Whether a person has to act: nobody but a person can do what comes next, or every rung was tried. What was merely told
/// at once (an unloaded job, which is loaded again) calls nobody.
pub fn calls(incident: &Incident, verdict: &Verdict) -> bool {
    let in_vain = incident.told.iter().any(|told| told.last_rung);
    !incident.told.is_empty() && (in_vain || verdict.next.is_for_a_person())
}

/// Whether there is nothing to tell of this incident: nobody was called, and nothing was done.
pub fn is_quiet(incident: &Incident) -> bool {
    incident.told.is_empty() && incident.acts.is_empty()
}

/// A state that does nothing for the bridge, since when, and when a person was last reminded of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    cause: Cause,
    since: Wall,
    reminded: Option<Wall>,
}

impl Standing {
    /// What stands now. `since` is when it began, where that is known from elsewhere (a pause). A look that could not see
    /// ends nothing: what stood before it still does after it.
    pub fn after(before: Option<Standing>, verdict: &Verdict, since: Option<Wall>, now: Wall) -> Option<Standing> {
        let same = before.filter(|before| before.cause == verdict.cause);
        match verdict.state {
            State::Unknown => before.or(Some(Standing { cause: verdict.cause, since: now, reminded: None })),
            State::Waiting | State::Stopped => {
                let since = since.or(same.map(|same| same.since)).unwrap_or(now);
                Some(Standing { cause: verdict.cause, since, reminded: same.and_then(|same| same.reminded) })
            }
            State::Healthy | State::Starting | State::Degraded | State::Unhealthy => None,
        }
    }

    /// Whether a person is reminded now, and since when it has stood: after a day, once a day (a kill switch was once
    /// forgotten for seven days), and where nothing can be seen after half an hour.
    pub fn reminds(&mut self, now: Wall, limits: &Limits) -> Option<Wall> {
        let first = if self.cause == Cause::Unknown { limits.offline_told } else { limits.reminder };
        let due = match self.reminded {
            Some(last) => now.since(last) >= limits.reminder,
            None => now.since(self.since) >= first,
        };
        if due {
            self.reminded = Some(now);
        }
        due.then_some(self.since)
    }
}

/// What was told that belongs to no incident, so that it is told once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Noticed {
    /// Each with the time when it was last so.
    degraded: Vec<(Problem, Wall)>,
    /// When a person was told that the bridge ends again and again.
    ends: Option<Wall>,
}

impl Noticed {
    /// What makes the bridge work less than well and is to be told now: each kind once, and again only if it was gone for
    /// a day. What comes and goes would else be told each time.
    pub fn degraded<'a>(&mut self, verdict: &'a Verdict, now: Wall, limits: &Limits) -> Vec<&'a Finding> {
        self.degraded.retain(|(_, last)| now.since(*last) < limits.reminder);
        if verdict.state != State::Degraded {
            return Vec::new();
        }
        let mut new = Vec::new();
        for finding in verdict.findings.iter().filter(|finding| finding.tell) {
            let known = |(problem, _): &&mut (Problem, Wall)| discriminant(problem) == discriminant(&finding.problem);
            match self.degraded.iter_mut().find(known) {
                // Written once in a while is enough, and a file at each look is not.
                Some((_, last)) if now.since(*last) < limits.reminder / 2 => {}
                Some((_, last)) => *last = now,
                None => {
                    self.degraded.push((finding.problem.clone(), now));
                    new.push(finding);
                }
            }
        }
        new
    }

    /// The ends of the bridge that are told now: three within the window, each answered by its manager before us, while
    /// all seems well. One alone is nobody's act, and the menu has it. Without a network, or told to wait, it ends for a
    /// reason that passes.
    pub fn ends<'a>(&mut self, events: &'a [Event], verdict: &Verdict, now: Wall, limits: &Limits) -> Vec<&'a Event> {
        const REPEATS: usize = 3;
        let counts = |event: &&Event| {
            let passes = matches!(event.class, Class::Network | Class::Flood);
            event.kind == EventKind::Crash && !passes && now.since(event.at) < limits.crash_window && event.at <= now
        };
        let ends: Vec<&Event> = events.iter().filter(counts).collect();
        let told = self.ends.is_some_and(|at| now.since(at) < limits.reminder);
        if !verdict.state.is_well() || told || ends.len() < REPEATS {
            return Vec::new();
        }
        self.ends = Some(now);
        ends
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan;
    use crate::verdict::Next;

    #[test]
    fn a_person_is_called_once_for_each_cause() {
        let told = |cause, last_rung| Told { cause, last_rung };
        let dead = told(Cause::ProcessDead, true);
        let rows = [
            ("nothing told", vec![], dead, true),
            ("the same", vec![dead], dead, false),
            (
                "the same cause, and now every rung was tried",
                vec![told(Cause::NotLoaded, false)],
                told(Cause::NotLoaded, true),
                true,
            ),
            ("another", vec![told(Cause::LogStale, true)], dead, true),
        ];
        for (name, before, what, expected) in rows {
            let incident = Incident { told: before, ..plan::open(&Problem::NotLoaded, Wall(0.0)) };
            assert_eq!(tells(&incident, what), expected, "{name}");
        }
    }

    #[test]
    fn a_person_is_called_where_only_a_person_can_help_or_nothing_has_helped() {
        let told = |last_rung| vec![Told { cause: Cause::NotLoaded, last_rung }];
        let rows = [
            ("nothing told", vec![], Next::Tell, false),
            ("an unloaded job is loaded again", told(false), Next::LoadAt(Wall(9.0)), false),
            ("the network comes back by itself", told(false), Next::NetworkBack, false),
            ("a login", told(false), Next::Person(crate::verdict::Help::LogIn), true),
            ("every rung tried, and begun again", told(true), Next::Start, true),
            ("nothing to be tried", told(false), Next::Tell, true),
        ];
        for (name, told, next, expected) in rows {
            let incident = Incident { told, ..plan::open(&Problem::NotLoaded, Wall(0.0)) };
            assert_eq!(calls(&incident, &Verdict { next, ..healthy() }), expected, "{name}");
        }
    }

    #[test]
    fn incident_35_what_is_not_well_is_told_once_and_again_after_a_day_without_it() {
        let low = |share| Finding { tell: true, ..finding(Problem::DiskLow(share)) };
        let degraded = |findings| Verdict { state: State::Degraded, findings, ..healthy() };
        let (hour, day) = (Duration::from_hours(1), Duration::from_hours(24));
        let mut noticed = Noticed::default();
        let now = Wall(1e9);
        let mut told = |verdict: &Verdict, at: Wall| noticed.degraded(verdict, at, &Limits::REAL).len();
        assert_eq!(told(&degraded(vec![low(0.019)]), now), 1);
        assert_eq!(told(&degraded(vec![low(0.018)]), now + hour), 0, "another number");
        assert_eq!(told(&healthy(), now + hour * 2), 0);
        assert_eq!(
            told(&degraded(vec![low(0.019), finding(Problem::RestartsNever)]), now + hour * 3),
            0,
            "not to be told"
        );
        let never = Finding { tell: true, ..finding(Problem::RestartsNever) };
        assert_eq!(told(&degraded(vec![low(0.019), never]), now + hour * 13), 1, "another kind");
        assert_eq!(told(&degraded(vec![low(0.019)]), now + hour * 36), 0, "it was seen 23 h ago");
        assert_eq!(told(&degraded(vec![low(0.019)]), now + hour * 37 + day), 1, "a day without it");
    }

    #[test]
    fn the_third_end_within_30_min_is_told_though_its_manager_answered_each() {
        let crash = |minutes: u32, class| Event {
            at: Wall(1e9) - Duration::from_mins(1) * minutes,
            kind: EventKind::Crash,
            commit: String::new(),
            commit_age: None,
            reason: "signal 9".into(),
            error: None,
            class,
            pid: None,
            ours: true,
        };
        let killed = |minutes: &[u32]| minutes.iter().map(|at| crash(*at, Class::Killed)).collect::<Vec<_>>();
        let unhealthy = Verdict { state: State::Unhealthy, ..healthy() };
        let network = [29, 10, 1].map(|at| crash(at, Class::Network)).to_vec();
        let rows = [
            ("one", killed(&[1]), healthy(), 0),
            ("two", killed(&[10, 1]), healthy(), 0),
            ("three", killed(&[29, 10, 1]), healthy(), 3),
            ("three, one too old", killed(&[31, 10, 1]), healthy(), 0),
            ("three, and it is down: an incident tells it", killed(&[29, 10, 1]), unhealthy, 0),
            ("no network", network, healthy(), 0),
        ];
        for (name, events, verdict, expected) in rows {
            let mut noticed = Noticed::default();
            assert_eq!(noticed.ends(&events, &verdict, Wall(1e9), &Limits::REAL).len(), expected, "{name}");
            assert_eq!(noticed.ends(&events, &verdict, Wall(1e9), &Limits::REAL).len(), 0, "{name}: once");
        }
    }

    fn finding(problem: Problem) -> Finding {
        Finding { problem, rung: None, next: Next::Watch, tell: false, anew: None }
    }

    fn healthy() -> Verdict {
        Verdict {
            state: State::Healthy,
            cause: Cause::None,
            findings: Vec::new(),
            unknown: Vec::new(),
            next: Next::Watch,
        }
    }

    #[test]
    fn incident_40_what_stands_is_told_after_a_day_and_then_once_a_day() {
        let (minute, hour) = (Duration::from_mins(1), Duration::from_hours(1));
        let verdict = |state, cause| Verdict { state, cause, ..healthy() };
        let stopped = verdict(State::Stopped, Cause::OperatorStop);
        let unseen = verdict(State::Unknown, Cause::Unknown);
        let (paused, well) = (verdict(State::Waiting, Cause::Paused), healthy());
        // Looks, each after the time since the one before, and after which of them a person is reminded.
        let rows: [(&str, Vec<(Duration, &Verdict)>, Vec<usize>); 6] = [
            ("an hour", vec![(minute, &stopped), (hour, &stopped)], vec![]),
            (
                "two days",
                vec![(minute, &stopped), (hour * 24, &stopped), (hour, &stopped), (hour * 23, &stopped)],
                vec![1, 3],
            ),
            ("a look that saw nothing", vec![(minute, &stopped), (hour * 12, &unseen), (hour * 12, &stopped)], vec![2]),
            ("well in between", vec![(minute, &stopped), (hour * 23, &well), (hour, &stopped)], vec![]),
            (
                "another cause has a day of its own",
                vec![(minute, &stopped), (hour * 24, &stopped), (hour, &paused), (hour * 24, &paused)],
                vec![1, 3],
            ),
            (
                "nothing can be seen",
                vec![(minute, &unseen), (minute * 29, &unseen), (minute, &unseen), (hour * 23, &unseen)],
                vec![2],
            ),
        ];
        for (name, looks, expected) in rows {
            let (mut now, mut standing) = (Wall(1e9), None);
            let mut reminded = Vec::new();
            for (nth, (after, verdict)) in looks.into_iter().enumerate() {
                now = now + after;
                standing = Standing::after(standing, verdict, None, now);
                if standing.as_mut().is_some_and(|standing| standing.reminds(now, &Limits::REAL).is_some()) {
                    reminded.push(nth);
                }
            }
            assert_eq!(reminded, expected, "{name}");
        }
        // A pause knows when it began, before a restart of ours too.
        let mut old = Standing::after(None, &paused, Some(Wall(0.0)), Wall(1e6)).unwrap();
        assert_eq!(old.reminds(Wall(1e6), &Limits::REAL), Some(Wall(0.0)));
    }
}
