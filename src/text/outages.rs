//! What was wrong before, how long and what healed it: the menu's second row, and its list of incidents. Pure.

use std::time::Duration;

use super::foreign;
use super::time::{at, lasting};
use crate::act::Hand;
use crate::outages::{Healed, Outage, What};
use crate::outcome::Outcome;
use crate::snapshot::{Done, Snapshot};
use crate::time::{Clock, Wall};
use crate::verdict::{Cause, Next, State};

/// What happened last to a bridge that is well: a person who looks in the morning wants to know of the night.
pub fn last(snapshot: &Snapshot) -> Option<String> {
    /// What is older is in the list of incidents.
    const A_DAY: Duration = Duration::from_hours(24);
    /// A bridge that was started has to connect before it is healthy.
    const TO_CONNECT: Duration = Duration::from_mins(10);
    let now = snapshot.clock;
    let plain = snapshot.rung.is_none() && snapshot.history.undelivered.is_none();
    if !plain || snapshot.verdict.state != State::Healthy || snapshot.verdict.next != Next::Watch {
        return None;
    }
    let fresh = |at: Wall| at.age(now.wall).is_some_and(|age| age < A_DAY);
    let outage = snapshot.more.outages.iter().rev().find_map(|outage| Some((outage, outage.ended?)));
    let outage = outage.filter(|(_, ended)| fresh(*ended));
    let by_hand = snapshot.more.recent.iter().rev().find_map(|recent| match recent.done {
        Done::ByHand(hand, Outcome::Cured(_)) => Some((recent.at, hand)),
        _ => None,
    });
    let since = at(snapshot.since, now);
    if let Some((done, hand)) = by_hand.filter(|(done, _)| fresh(*done) && outage.is_none_or(|(_, end)| end < *done)) {
        return Some(format!("since {since}; {} at {}, as you asked", done_by_hand(hand), at(done, now)));
    }
    let (outage, ended) = outage?;
    let (lasted, down) = (lasting(outage.lasted(now.wall)), if outage.was_down() { " down" } else { "" });
    let how = format!("{}, {}", what(outage), healed(outage.healed));
    Some(if snapshot.since <= ended + TO_CONNECT {
        format!("since {}, after {lasted}{down}: {how}", at(ended, now))
    } else {
        format!("since {since}; before, at {} for {lasted}{down}: {how}", at(outage.began, now))
    })
}

fn done_by_hand(hand: Hand) -> &'static str {
    match hand {
        Hand::Restart => "restarted",
        Hand::Start => "started",
        Hand::CleanLocks => "its session was freed",
        Hand::Revert => "HEAD was reverted",
        Hand::UndoRevert => "the revert was undone",
    }
}

/// A row of "Recent incidents": when, what, how long, and what healed it.
pub fn incident(outage: &Outage, now: Clock) -> String {
    let (began, what) = (at(outage.began, now), what(outage));
    match outage.ended {
        Some(_) => format!("{began}  {what}, {}: {}", lasting(outage.lasted(now.wall)), healed(outage.healed)),
        None => format!("{began}  {what}: not over yet"),
    }
}

/// What an incident was, in a word or two.
pub fn what(outage: &Outage) -> String {
    let first = match &outage.what {
        What::Crash(reason) => format!("crash ({})", foreign(reason)),
        What::Cause(cause) => named(*cause).into(),
    };
    outage.then.iter().fold(first, |before, cause| format!("{before}, then {}", named(*cause)))
}

fn named(cause: Cause) -> &'static str {
    match cause {
        Cause::ProcessDead => "not running",
        Cause::CrashLoop => "crash loop",
        Cause::NotLoaded => "not loaded",
        Cause::OutsideManager => "outside its manager",
        Cause::LogStale => "hang",
        Cause::StopHang => "hang at its stop",
        Cause::Disconnected => "no connection",
        Cause::Duplicate => "second copy",
        Cause::SessionLocked => "session locked",
        Cause::BadCommit => "bad commit",
        Cause::Offline => "offline",
        Cause::FloodWait => "flood wait",
        Cause::AuthRequired => "login needed",
        Cause::DiskFull => "disk full",
        Cause::ConfigError => "could not start",
        Cause::UpdateRunning => "update",
        Cause::RecoveryRunning => "another recovery",
        Cause::Paused => "paused",
        Cause::OperatorStop => "stopped",
        Cause::None => "not well",
        Cause::Unknown => "could not be seen",
    }
}

/// What ended it.
pub fn healed(healed: Healed) -> String {
    match healed {
        Healed::ByItself => "over by itself".into(),
        Healed::ByManager => "started by its manager".into(),
        Healed::Started => "started again".into(),
        Healed::Restarted => "restarted".into(),
        Healed::CopyEnded => "the copy was ended".into(),
        Healed::SessionFreed => "session freed".into(),
        Healed::HeadReverted => "HEAD reverted".into(),
        Healed::ByHand(hand) => format!("{} by you", done_by_hand(hand)),
    }
}
