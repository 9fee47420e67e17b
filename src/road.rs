//! Whether the bridge has another road to Telegram than our own probe (a proxy, a tunnel of its own): then a probe that
//! fails says nothing about it. Pure.

use crate::facts::{Facts, Life, Markers};
use crate::history::History;
use crate::limits::Limits;

/// The reason why the network is not known where there is another road.
pub const OTHER_ROAD: &str = "Telegram's data centres do not answer here, but the bridge has another road to them";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// It was connected while the probe failed: true for this machine from now on.
    Other,
    /// It works over a connection to somebody else, so that the probe can't be believed now.
    PerhapsOther,
    /// The probe's own.
    Same,
}

/// Asked where the probe has just failed.
///
/// A bridge that had a socket of its own to Telegram in this run goes the probe's own road, and what its log said before
/// the network went is no evidence.
pub fn road(history: &History, facts: &Facts, limits: &Limits) -> Road {
    let (Some(run), Some(log)) = (facts.running(), facts.log.known()) else { return Road::Same };
    if history.had_socket {
        return Road::Same;
    }
    let says_so = log.said.connected == Some(true) || (log.said.heartbeat && history.said_connected == Some(true));
    if says_so || facts.markers.known().is_some_and(|markers| noted_now(markers, facts, limits)) {
        return Road::Other;
    }
    // It has been at work for long without a word of a connection, or of a network that is gone.
    let silent_about_it = history.said_connected.is_none() && !history.said.network && !log.said.network;
    let at_work = run.age >= limits.start_grace && history.heard;
    let to_others = |life: &Life| life.connections.iter().any(|seen| !seen.telegram && !seen.closed_by_peer);
    let elsewhere = facts.life.known().is_some_and(to_others);
    if elsewhere && at_work && silent_about_it { Road::PerhapsOther } else { Road::Same }
}

/// The bridge notes in a file when it was connected last. It has to be of now: the network may have just gone.
fn noted_now(markers: &Markers, facts: &Facts, limits: &Limits) -> bool {
    let age = markers.last_connected.and_then(|at| at.age(facts.clock.wall));
    age.is_some_and(|age| age < limits.check_interval / 2)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::facts::{Connection, Fact, Identity, Log, Process};
    use crate::findings::Findings;
    use crate::time::{Clock, Mono, Wall};

    struct Case {
        age: u64,
        said: Findings,
        last_connected: Option<u64>,
        history: History,
        elsewhere: Option<Connection>,
    }

    /// An hour old, has written, and says nothing of a connection.
    fn case() -> Case {
        let history = History { heard: true, ..History::default() };
        Case { age: 3600, said: Findings::default(), last_connected: None, history, elsewhere: Some(proxy()) }
    }

    fn proxy() -> Connection {
        Connection { id: 1, telegram: false, closed_by_peer: false, unread: 0, read: None, sent: None, received: None }
    }

    fn found(case: &Case) -> Road {
        let clock = Clock { wall: Wall(2e9), mono: Mono(1e5), zone: 0 };
        let age = Duration::from_secs(case.age);
        let process = Process { id: Identity { pid: 7, start: 1 }, started: clock.wall - age, age };
        let markers = Markers {
            last_connected: case.last_connected.map(|ago| clock.wall - Duration::from_secs(ago)),
            ..Markers::default()
        };
        let facts = Facts {
            clock,
            process: Fact::Known(Some(process)),
            log: Fact::Known(Log { said: case.said.clone(), ..Log::default() }),
            life: Fact::Known(Life { connections: case.elsewhere.iter().cloned().collect(), ..Life::default() }),
            network: Some(Fact::Known(false)),
            markers: Fact::Known(markers),
            ..Facts::unseen()
        };
        road(&case.history, &facts, &Limits::REAL)
    }

    /// Twins of R08a: who else does not reach the data centres.
    #[test]
    fn r08a_another_road_is_believed_where_the_bridge_was_connected_while_the_probe_failed() {
        let said = |said: Findings| Case { said, ..case() };
        let before = |history: History| Case { history, ..case() };
        let connected = || Findings { connected: Some(true), ..Findings::default() };
        let beats = || Findings { heartbeat: true, ..Findings::default() };
        let heard = || History { heard: true, ..History::default() };
        let rows = vec![
            ("a SOCKS proxy, connected just now", said(connected()), Road::Other),
            (
                "it beats, and its last word was that it is connected",
                { Case { history: History { said_connected: Some(true), ..heard() }, ..said(beats()) } },
                Road::Other,
            ),
            (
                "it was connected once and hangs: perhaps the network went with it",
                { before(History { said_connected: Some(true), ..heard() }) },
                Road::Same,
            ),
            ("it notes its connections", Case { last_connected: Some(20), ..case() }, Road::Other),
            ("it noted one a minute ago", Case { last_connected: Some(60), elsewhere: None, ..case() }, Road::Same),
            (
                "no proxy: its own socket is gone with the network",
                { Case { history: History { had_socket: true, ..heard() }, ..said(connected()) } },
                Road::Same,
            ),
            ("an MTProxy, and a watch that came late", case(), Road::PerhapsOther),
            ("half a tick ago", Case { last_connected: Some(30), elsewhere: None, ..case() }, Road::Same),
            (
                "its proxy has closed the connection",
                Case { elsewhere: Some(Connection { closed_by_peer: true, ..proxy() }), ..case() },
                Road::Same,
            ),
            ("nobody else", Case { elsewhere: None, ..case() }, Road::Same),
            ("a database on this machine, and a start without a network", Case { age: 60, ..case() }, Road::Same),
            (
                "the same, grown up: Telethon complains",
                { before(History { said: Findings { network: true, ..Findings::default() }, ..heard() }) },
                Road::Same,
            ),
            ("it has given up", before(History { said_connected: Some(false), ..heard() }), Road::Same),
            ("it has written nothing", before(History::default()), Road::Same),
            ("a second before the start grace is over", Case { age: 299, ..case() }, Road::Same),
            ("at its end", Case { age: 300, ..case() }, Road::PerhapsOther),
        ];
        for (name, case, expected) in rows {
            assert_eq!(found(&case), expected, "{name}");
        }
    }
}
