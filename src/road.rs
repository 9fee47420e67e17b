//! Whether the bridge has another road to Telegram than our own probe (a proxy, a tunnel of its own): then a probe that
//! fails says nothing about it. Pure.

use crate::facts::{Facts, Markers};
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

/// Asked where the probe has just failed. `elsewhere`: the bridge has a connection to an address that is not Telegram's.
///
/// A bridge that had a socket of its own to Telegram in this run goes the probe's own road, and what its log said before
/// the network went is no evidence.
pub fn road(history: &History, facts: &Facts, elsewhere: bool, limits: &Limits) -> Road {
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
    if elsewhere && at_work && silent_about_it { Road::PerhapsOther } else { Road::Same }
}

/// The bridge notes in a file when it was connected last. It has to be of now: the network may have just gone.
fn noted_now(markers: &Markers, facts: &Facts, limits: &Limits) -> bool {
    let age = markers.last_connected.and_then(|at| at.age(facts.clock.wall));
    age.is_some_and(|age| age < limits.check_interval / 2)
}
