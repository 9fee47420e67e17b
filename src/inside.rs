//! The bridge under a runner: a managed process (a shell that restarts it for ever, `uv run`, a supervisor) that is not
//! the bridge itself. The manager sees one process that never ends, whatever happens under it. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::facts::{Facts, Identity};
use crate::time::Mono;

/// Ends of the bridge under the managed process, in this run of that.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Inside {
    bridge: Option<Identity>,
    ends: Vec<Mono>,
}

/// A bound.
const MOST: usize = 64;

impl Inside {
    /// Adds what this look shows. An end is seen by the process, or where it lived between two looks, by the traceback
    /// that it left in its log. `planned`: an update or a pause is under way, and an end says nothing.
    #[must_use]
    pub fn with(&self, facts: &Facts, planned: bool) -> Inside {
        let (Some(managed), Some(bridge)) = (facts.running(), facts.bridge.known()) else { return self.clone() };
        let below = bridge.filter(|bridge| bridge.id != managed.id).map(|bridge| bridge.id);
        if bridge.is_some_and(|bridge| bridge.id == managed.id) {
            return Inside::default();
        }
        let mut ends = self.ends.clone();
        let gone = self.bridge.is_some() && self.bridge != below;
        // With a connection something works there, whose words we do not know.
        let works = facts.life.known().is_some_and(|life| !life.connections.is_empty());
        let traceback = !works && facts.log.known().is_some_and(|log| log.said.ended_by.is_some());
        if !planned && (gone || (below.is_none() && traceback)) {
            ends.push(facts.clock.mono);
        }
        ends.drain(..ends.len().saturating_sub(MOST));
        Inside { bridge: below, ends }
    }

    /// How many within this time.
    pub fn ends(&self, now: Mono, window: Duration) -> usize {
        self.ends.iter().filter(|at| **at <= now && now.since(**at) < window).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Connection, Fact, Life, Log, Process};
    use crate::findings::{Ended, Findings};
    use crate::time::{Clock, Wall, span as s};

    fn process(pid: u32) -> Process {
        Process { id: Identity { pid, start: 1 }, started: Wall(0.0), age: s(5.0) }
    }

    /// A look a minute: which process is the bridge, and whether a traceback was read.
    fn after(looks: &[(Option<u32>, bool)]) -> usize {
        let mut inside = Inside::default();
        let mut now = Mono(0.0);
        for (bridge, traceback) in looks {
            now = now + s(60.0);
            let ended_by = traceback.then(Ended::default);
            let log = Log { said: Findings { ended_by, ..Findings::default() }, ..Log::default() };
            let facts = Facts {
                clock: Clock { mono: now, ..Clock::default() },
                process: Fact::Known(Some(process(1))),
                bridge: Fact::Known(bridge.map(process)),
                log: Fact::Known(log),
                ..Facts::unseen()
            };
            inside = inside.with(&facts, false);
        }
        inside.ends(now, s(1800.0))
    }

    #[test]
    fn r04_the_ends_of_a_bridge_under_a_shell_are_counted() {
        let rows: [(&str, &[(Option<u32>, bool)], usize); 8] = [
            ("the managed process is the bridge", &[(Some(1), true), (Some(1), true)], 0),
            ("a runner whose child stays", &[(Some(2), false), (Some(2), false)], 0),
            ("it logs a traceback and goes on", &[(Some(2), true), (Some(2), true)], 0),
            ("each look meets another one", &[(Some(2), false), (Some(3), false), (Some(4), false)], 2),
            ("it is gone at each second look", &[(Some(2), false), (None, false), (Some(3), false), (None, false)], 2),
            ("it lives between the looks only", &[(None, true), (None, true), (None, true)], 3),
            ("gone, with a traceback: one end", &[(Some(2), false), (None, true)], 1),
            ("nothing under it is known, and it says nothing", &[(None, false), (None, false)], 0),
        ];
        for (name, looks, ends) in rows {
            assert_eq!(after(looks), ends, "{name}");
        }
    }

    /// Its words are not known, so that only its connection says that it works.
    #[test]
    fn r04_a_traceback_of_what_is_connected_is_no_end() {
        let connection = Connection {
            id: 1,
            telegram: true,
            closed_by_peer: false,
            unread: 0,
            read: None,
            sent: None,
            received: None,
        };
        for (connections, ends) in [(vec![connection], 0), (Vec::new(), 1)] {
            let ended_by = Some(Ended::default());
            let facts = Facts {
                process: Fact::Known(Some(process(1))),
                bridge: Fact::Known(None),
                log: Fact::Known(Log { said: Findings { ended_by, ..Findings::default() }, ..Log::default() }),
                life: Fact::Known(Life { connections, ..Life::default() }),
                ..Facts::unseen()
            };
            assert_eq!(Inside::default().with(&facts, false).ends.len(), ends);
        }
    }

    #[test]
    fn old_ends_do_not_count() {
        let inside = Inside { bridge: None, ends: vec![Mono(0.0), Mono(100.0), Mono(1e9)] };
        assert_eq!((inside.ends(Mono(1799.0), s(1800.0)), inside.ends(Mono(1800.0), s(1800.0))), (2, 1));
    }
}
