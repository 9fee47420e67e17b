//! The crash history by outage: crashes that followed each other, and the start after which the bridge stayed up. Pure.

use std::ops::Range;
use std::time::Duration;

use crate::facts::{Event, EventKind};
use crate::outages::{Healed, Outage, What};
use crate::time::Wall;

/// One outage.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its events in the history: from its first crash to the start that ended it.
    pub events: Range<usize>,
    pub from: Wall,
    /// The start after which no crash followed; `None` if none is recorded.
    pub to: Option<Wall>,
    pub crashes: usize,
    /// A crash that came soon after a start is of the same outage; more than one start: its manager, or we, tried again.
    pub starts: usize,
}

impl Group {
    /// As an outage of which no more is known than the history of crashes says.
    pub fn outage(&self, events: &[Event]) -> Outage {
        let reason = events.get(self.events.start).map(|crash| crash.reason.clone()).unwrap_or_default();
        Outage {
            began: self.from,
            ended: self.to,
            what: What::Crash(reason),
            then: Vec::new(),
            healed: Healed::ByManager,
        }
    }

    pub fn lasted(&self) -> Option<Duration> {
        self.to.map(|to| to.since(self.from))
    }
}

/// The outages of a history, oldest first. A crash belongs to the one before if it came within `apart` of its last event: a
/// bridge has recovered when it has been well for so long.
pub fn groups(events: &[Event], apart: Duration) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut open = false;
    for (nth, event) in events.iter().enumerate() {
        let last = groups.last_mut().filter(|_| open);
        let near = |group: &Group| event.at.since(events[group.events.end - 1].at) < apart;
        match (event.kind, last) {
            (EventKind::Crash, Some(group)) if near(group) => {
                group.events.end = nth + 1;
                group.crashes += 1;
                group.to = None;
            }
            (EventKind::Crash, _) => {
                groups.push(Group { events: nth..nth + 1, from: event.at, to: None, crashes: 1, starts: 0 });
                open = true;
            }
            // Its first start, however late; a second one without a crash between them is a restart that somebody asked for.
            (EventKind::Start, Some(group)) if group.to.is_none() => {
                group.events.end = nth + 1;
                group.starts += 1;
                group.to = Some(event.at);
            }
            (EventKind::Start, _) => open = false,
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: Duration = Duration::from_mins(5);

    fn history(text: &str) -> Vec<Event> {
        let event = |word: &str| {
            let kind = if word.starts_with('c') { EventKind::Crash } else { EventKind::Start };
            Event::on(None, Wall(word[1..].parse().unwrap()), kind, String::new())
        };
        text.split_whitespace().map(event).collect()
    }

    #[test]
    fn crashes_that_follow_each_other_are_one_outage() {
        let rows: [(&str, &[(std::ops::Range<usize>, Option<f64>, usize)]); 7] = [
            ("", &[]),
            ("s0", &[]),
            ("s0 c1000 s1010", &[(1..3, Some(1010.0), 1)]),
            ("c1000 s1010 c1020 s1030 c1040 s1050", &[(0..6, Some(1050.0), 3)]),
            ("c1000 s1010 c1400 s1410", &[(0..2, Some(1010.0), 1), (2..4, Some(1410.0), 1)]),
            // Down for an hour before somebody started it, and a restart much later.
            ("c0 s3600 c3610 s3620 s9000", &[(0..4, Some(3620.0), 2)]),
            // Histories of others have no starts.
            ("c0 c10 c9000", &[(0..2, None, 2), (2..3, None, 1)]),
        ];
        for (text, expected) in rows {
            let found = groups(&history(text), APART);
            let found: Vec<_> =
                found.into_iter().map(|group| (group.events, group.to.map(|to| to.0), group.crashes)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
