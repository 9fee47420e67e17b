//! The rungs, one act in each file. Does what the verdict says; each rung acts, then looks until the effect is seen or
//! the time is up, and looks again right before anything that destroys. The journal gets a line before each act: what,
//! to whom, why.

pub mod attempt;
mod end_stale;
mod free_session;
mod restart;
mod revert;
mod verify;

use std::time::Duration;

use self::attempt::Attempt;
use crate::act::{Hand, Reason};
use crate::limits::Limits;
use crate::outcome::{Failure, Outcome, StandDown};
use crate::snapshot::Done;
use crate::system::clock;
use crate::system::journal::Journal;
use crate::text;
use crate::verdict::{Finding, Rung};
use crate::waiting::Waiting;
use crate::watch::controller::Controller;

/// How one rung of the watch's own chain ended.
pub struct Climbed {
    pub outcome: Outcome,
    /// Work in progress was waited for, now or before.
    pub waited_for_work: bool,
}

/// One rung of the watch's own chain, under the recovery lock. Rung 5, telling a person, is done by the watch. `begun` is
/// called right before the first act; a rung that stands down may have none.
pub fn climb(
    controller: &mut Controller,
    finding: &Finding,
    rung: Rung,
    waited_for_work: bool,
    begun: &mut dyn FnMut(&Journal),
) -> Climbed {
    let refused = match Attempt::begin(controller, rung, Reason::Finding(finding.clone()), waited_for_work) {
        Ok(mut attempt) => {
            attempt.on_act(begun);
            let outcome = one_rung(&mut attempt);
            // Before the attempt is dropped, which shows that no rung runs any more.
            attempt.note_done(Done::Rung(rung, outcome.clone()));
            return Climbed { outcome, waited_for_work: attempt.waited_for_work };
        }
        Err(outcome) => outcome,
    };
    controller.note_act(Done::Rung(rung, refused.clone()));
    Climbed { outcome: refused, waited_for_work }
}

/// The whole chain, once, by hand: no DM, and no wait for a manager that still has time. `say` is called with the
/// outcome of each rung.
pub fn chain_by_hand(controller: &mut Controller, finding: &Finding, say: &mut dyn FnMut(Rung, &Outcome)) -> Outcome {
    let first = finding.rung.unwrap_or(Rung::Restart);
    let mut attempt = match Attempt::begin(controller, first, Reason::Finding(finding.clone()), false) {
        Ok(attempt) => attempt,
        Err(outcome) => return outcome,
    };
    let mut last = Outcome::Failed(Failure::NothingTried);
    while attempt.rung != Rung::Tell {
        let rung = attempt.rung;
        if let Err(outcome) = attempt.may_go_on() {
            return outcome;
        }
        last = one_rung(&mut attempt);
        say(rung, &last);
        attempt.say(&text::rung_by_hand(rung, &last, clock::now()));
        if !last.goes_on() {
            return last;
        }
        let next = rung.after(first);
        if next == Rung::Tell {
            // There is none by hand, so nothing is waited for.
            break;
        }
        let within = wait_after(rung, &attempt.limits());
        attempt.waits(&Waiting::NextRung { rung: next, within });
        if let Err(outcome) = attempt.wait(within) {
            return outcome;
        }
        attempt.next(next);
    }
    Outcome::Failed(Failure::EveryRung(Box::new(last)))
}

/// What a person asks for, whatever the state: a person knows more than the facts do. What the operator disabled stays
/// down. `confirmed`: they know that work in progress may be ended. `expected`: the commit that they want to be reverted.
pub fn by_hand(controller: &mut Controller, hand: Hand, confirmed: bool, expected: Option<String>) -> Outcome {
    let rung = match hand {
        Hand::Restart | Hand::Start => Rung::Restart,
        Hand::CleanLocks => Rung::FreeSession,
        Hand::Revert | Hand::UndoRevert => Rung::Revert,
    };
    match Attempt::begin(controller, rung, Reason::ByHand(hand), confirmed) {
        Ok(mut attempt) => match hand {
            _ if attempt.may_go_on().is_err() => Outcome::StoodDown(StandDown::Interrupted),
            Hand::Restart => restart::restart(&mut attempt),
            Hand::Start => restart::start_stopped(&mut attempt),
            Hand::CleanLocks => free_session::free_session(&mut attempt),
            Hand::Revert | Hand::UndoRevert => revert::revert(&mut attempt, expected),
        },
        Err(outcome) => outcome,
    }
}

/// The wait between a rung that failed and the next.
pub fn wait_after(rung: Rung, limits: &Limits) -> Duration {
    limits.between[usize::from(rung.number() - 1).min(limits.between.len() - 1)]
}

fn one_rung(attempt: &mut Attempt) -> Outcome {
    match attempt.rung {
        Rung::Restart => restart::restart(attempt),
        Rung::EndStale => end_stale::end_stale(attempt),
        Rung::FreeSession => free_session::free_session(attempt),
        Rung::Revert => revert::revert(attempt, None),
        // Done by the watch.
        Rung::Tell => Outcome::Failed(Failure::NothingTried),
    }
}
