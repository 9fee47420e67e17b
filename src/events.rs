//! Starts and crashes as they are counted: each run's once, whether we or the bridge wrote the line, and also if it
//! could not be written. Pure.

use std::time::Duration;

use crate::facts::{Event, EventKind, Fact};
use crate::time::Wall;

/// An event that the bridge recorded itself within this time of ours is the same one.
pub const SAME: Duration = Duration::from_secs(15);

/// Sorted, and each event once: a line of the bridge's close to one of ours is the same event; each of ours matches one
/// of theirs at most. Two of ours, or two of theirs, are two events.
pub fn once_each(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by(|a, b| a.at.0.total_cmp(&b.at.0));
    let mut told_twice = vec![false; events.len()];
    for happened in [EventKind::Start, EventKind::Crash] {
        let of = |ours: bool| {
            let of_kind = events.iter().enumerate();
            of_kind.filter(move |(_, event)| event.kind == happened && event.ours == ours)
        };
        let mut ours = of(true).peekable();
        // Both are in order of time, so one pass finds a partner for as many as can have one.
        for (index, theirs) in of(false) {
            while ours.next_if(|(_, event)| event.at < theirs.at - SAME).is_some() {}
            told_twice[index] = ours.next_if(|(_, event)| event.at <= theirs.at + SAME).is_some();
        }
    }
    let mut told_twice = told_twice.into_iter();
    events.retain(|_| !told_twice.next().unwrap_or(false));
    events
}

/// The events that this watch has seen itself, kept for as long as they count, so that a crash loop is seen even if the
/// history can't be written or read (a full disk, a folder in its place).
#[derive(Debug, Default)]
pub struct SeenEvents(Vec<SeenEvent>);

#[derive(Debug)]
struct SeenEvent {
    event: Event,
    /// It was written to the file.
    written: bool,
}

impl SeenEvents {
    pub fn keep(&mut self, event: Event, written: bool) {
        self.0.push(SeenEvent { event, written });
    }

    /// Adds the events that the history lacks. `window` is how long a crash counts.
    pub fn add_to(&mut self, history: &mut Fact<Vec<Event>>, now: Wall, window: Duration) {
        self.0.retain(|noted| now.since(noted.event.at) <= window);
        let known = matches!(history, Fact::Known(_));
        let mut lacking = self.0.iter().filter(|noted| !(known && noted.written)).map(|noted| &noted.event).peekable();
        if lacking.peek().is_none() {
            return;
        }
        let mut events = history.known().cloned().unwrap_or_default();
        events.extend(lacking.cloned());
        *history = Fact::Known(once_each(events));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Class;

    fn crash(at: f64, ours: bool) -> Event {
        Event {
            at: Wall(at),
            kind: EventKind::Crash,
            commit: String::new(),
            commit_age: None,
            reason: String::new(),
            error: None,
            class: Class::Code,
            pid: None,
            ours,
        }
    }

    #[test]
    fn an_event_told_by_both_counts_once_and_two_of_one_stay_two() {
        let (ours, theirs) = (|at| crash(at, true), |at| crash(at, false));
        let start = |at, ours| Event { kind: EventKind::Start, ..crash(at, ours) };
        let rows: [(&str, Vec<Event>, usize); 9] = [
            ("both", vec![theirs(100.0), ours(104.0)], 1),
            ("both, ours first", vec![ours(100.0), theirs(104.0)], 1),
            ("far apart", vec![theirs(100.0), ours(120.0)], 2),
            ("two of theirs, one of ours", vec![theirs(100.0), theirs(101.0), ours(102.0)], 2),
            ("two of ours", vec![ours(100.0), ours(101.0)], 2),
            ("incident 19: ours every 10 s, each of a run that nobody saw", vec![ours(3.0), ours(13.0), ours(23.0)], 3),
            (
                "incident 19: both, every 10 s",
                vec![theirs(2.0), ours(3.0), theirs(12.0), ours(13.0), theirs(22.0), ours(23.0)],
                3,
            ),
            ("two of theirs before one look of ours", vec![theirs(1.0), theirs(11.0), ours(12.0), ours(12.0)], 2),
            ("a start is no crash", vec![start(100.0, false), ours(101.0)], 2),
        ];
        for (name, mut events, expected) in rows {
            assert_eq!(once_each(events.clone()).len(), expected, "{name}");
            events.reverse();
            assert_eq!(once_each(events).len(), expected, "{name}, in another order");
        }
    }

    /// Pairs that were compared with each other would be 10^12 here, and this test would not end today.
    #[test]
    fn a_million_lines_are_no_more_than_a_million_steps() {
        let theirs = (0..1_000_000).map(|n| crash(f64::from(n), false));
        let left = once_each(theirs.chain((0..1000).map(|n| crash(f64::from(n) * 1000.0, true))).collect());
        assert_eq!(left.len(), 1_000_000);
        assert!(left.is_sorted_by(|a, b| a.at <= b.at));
    }

    #[test]
    fn incident_43_what_is_in_no_history_counts_all_the_same() {
        let broken = || Fact::Unknown("is no file".to_owned());
        let rows: [(&str, Fact<Vec<Event>>, &[(f64, bool)], Option<usize>); 7] = [
            ("nothing seen, nothing known", broken(), &[], None),
            ("nothing seen", Fact::Known(vec![crash(990.0, false)]), &[], Some(1)),
            ("neither written nor read", broken(), &[(900.0, false), (950.0, false), (990.0, false)], Some(3)),
            ("written, not read", broken(), &[(900.0, true), (950.0, true)], Some(2)),
            ("written and read", Fact::Known(vec![crash(990.0, true)]), &[(990.0, true)], Some(1)),
            ("read, not written", Fact::Known(vec![crash(940.0, true)]), &[(940.0, true), (990.0, false)], Some(2)),
            ("too old to count", broken(), &[(600.0, false), (990.0, false)], Some(1)),
        ];
        for (name, mut history, noted_events, expected) in rows {
            let mut seen = SeenEvents::default();
            for (at, written) in noted_events {
                seen.keep(crash(*at, true), *written);
            }
            for _ in 0..2 {
                let mut history = history.clone();
                seen.add_to(&mut history, Wall(1000.0), Duration::from_mins(5));
                assert_eq!(history.known().map(Vec::len), expected, "{name}");
            }
            seen.add_to(&mut history, Wall(2000.0), Duration::from_mins(5));
            assert_eq!(seen.0.len(), 0, "{name}: forgotten in time");
        }
    }
}
