//! Who is told what, and when. Pure, and the only place that decides it.

use crate::limits::Limits;
use crate::plan::{Incident, Told};
use crate::time::Wall;
use crate::verdict::{State, Verdict};

/// Alerts of one incident, besides the message that it is over. A third cause in the same incident would tell a person
/// nothing new.
const MOST_TOLD: usize = 2;

/// Whether a person is told of this cause now: each cause once, and two at most.
pub fn tells(incident: &Incident, what: Told) -> bool {
    !incident.told.contains(&what) && incident.told.len() < MOST_TOLD
}

/// Whether a person is told that it is over: only if its beginning was told.
pub fn tells_over(ended: &Incident) -> bool {
    !ended.told.is_empty()
}

/// Whether a person is reminded that recovery stands still: after a day, once a day. A kill switch was once forgotten for
/// seven days.
pub fn reminds(verdict: &Verdict, since: Wall, last: Option<Wall>, now: Wall, limits: &Limits) -> bool {
    let stands = matches!(verdict.state, State::Waiting | State::Stopped);
    let due = |at: Wall| now.since(at) >= limits.reminder;
    stands && due(since) && last.is_none_or(due)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan;
    use crate::verdict::{Cause, Next};

    #[test]
    fn a_person_is_told_of_each_cause_once_and_of_two_at_most() {
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
            (
                "a third, after every rung",
                vec![told(Cause::LogStale, true), told(Cause::Disconnected, true)],
                dead,
                false,
            ),
            (
                "a third, at once",
                vec![told(Cause::LogStale, true), told(Cause::Disconnected, true)],
                told(Cause::AuthRequired, false),
                false,
            ),
        ];
        for (name, before, what, expected) in rows {
            let incident = Incident { told: before, ..plan::open(Cause::ProcessDead, Wall(0.0)) };
            assert_eq!(tells(&incident, what), expected, "{name}");
        }
    }

    #[test]
    fn who_was_told_of_the_beginning_is_told_of_the_end() {
        let quiet = plan::open(Cause::ProcessDead, Wall(0.0));
        assert!(!tells_over(&quiet));
        assert!(tells_over(&Incident { told: vec![Told { cause: Cause::ProcessDead, last_rung: true }], ..quiet }));
    }

    #[test]
    fn incident_40_a_forgotten_pause_is_told_once_a_day() {
        let (hour, day) = (Duration::from_hours(1), Duration::from_hours(24));
        let rows = [
            ("an hour old", State::Waiting, hour, None, false),
            ("two days old, never told", State::Waiting, day * 2, None, true),
            ("two days old, told an hour ago", State::Stopped, day * 2, Some(hour), false),
            ("two days old, told a day ago", State::Stopped, day * 2, Some(day), true),
            ("healthy for two days", State::Healthy, day * 2, None, false),
        ];
        for (name, state, age, told_ago, due) in rows {
            let verdict =
                Verdict { state, cause: Cause::Paused, findings: Vec::new(), unknown: Vec::new(), next: Next::Watch };
            let now = Wall(1e9);
            let last = told_ago.map(|ago| now - ago);
            assert_eq!(reminds(&verdict, now - age, last, now, &Limits::REAL), due, "{name}");
        }
    }
}
