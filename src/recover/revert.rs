//! Rung 4: reverts HEAD, or undoes that, then one start. By the watch only while HEAD is the suspect of a crash loop and a
//! person has switched auto-revert on; by hand only the conditions that protect the checkout hold.

use std::time::Duration;

use super::attempt::Attempt;
use super::end_stale::{still, wait_for_work};
use super::free_session::may_not_start;
use super::restart::start_anew;
use crate::act::{Act, Hand, Reason};
use crate::outcome::{Change, Cure, Failure, Outcome, StandDown};
use crate::revert::{Refusal, Reverted, Undone};
use crate::system::git::revert as door;
use crate::system::timed;
use crate::waiting::Waiting;

/// A checkout of 100,000 files takes a second.
const LONGEST: Duration = Duration::from_mins(1);

/// `expected`: the commit that was judged, or that a person was asked about; another one is left alone.
pub(super) fn revert(attempt: &mut Attempt, expected: Option<String>) -> Outcome {
    rung(attempt, expected).unwrap_or_else(|outcome| outcome)
}

/// # Errors
/// How it ended before its end.
fn rung(attempt: &mut Attempt, expected: Option<String>) -> Result<Outcome, Outcome> {
    let hand = match attempt.reason {
        Reason::ByHand(hand) => Some(hand),
        Reason::Finding(_) => None,
    };
    let look = still(attempt)?;
    let before = look.facts.git.known().cloned();
    let judged = before.as_ref().map(|git| git.head.clone());
    let expected = expected.or(judged.filter(|_| hand.is_none()));
    let (job, process) = attempt.process()?;
    if hand.is_none() && job.stopped_by_operator {
        return Err(Outcome::StoodDown(StandDown::OperatorStop));
    }
    let left_as_it_is = may_not_start(&job, &look.verdict, hand.is_some());
    if let Some(process) = process.filter(|_| !left_as_it_is) {
        wait_for_work(attempt, process.id)?;
    }
    let change = if hand == Some(Hand::UndoRevert) { undo(attempt)? } else { revert_head(attempt, expected)? };
    attempt.head_was(before);
    if left_as_it_is {
        return Ok(Outcome::Cured(Cure::HeadChanged { change, up: None }));
    }
    // What runs has the code of before.
    let outcome = attempt.process().and_then(|(job, process)| start_anew(attempt, &job, process));
    let outcome = outcome.unwrap_or_else(|outcome| outcome);
    Ok(match outcome {
        Outcome::Cured(Cure::Up { pid, .. }) => Outcome::Cured(Cure::HeadChanged { change, up: Some(pid) }),
        other => Outcome::Failed(Failure::AfterChange(change, Box::new(other))),
    })
}

fn revert_head(attempt: &mut Attempt, expected: Option<String>) -> Result<Change, Outcome> {
    let auto = matches!(attempt.reason, Reason::Finding(_));
    attempt.note(&Act::Revert);
    attempt.waits(&Waiting::Git);
    let (root, state) = (attempt.config().root.clone(), attempt.config().state.clone());
    let Reverted { commit, summary, branch, .. } =
        in_time(move || door::revert(&root, &state, auto, expected.as_deref()))?;
    Ok(Change::Reverted { commit, summary, branch })
}

fn undo(attempt: &mut Attempt) -> Result<Change, Outcome> {
    attempt.note(&Act::UndoRevert);
    attempt.waits(&Waiting::Git);
    let (root, state) = (attempt.config().root.clone(), attempt.config().state.clone());
    let Undone { head, summary, pushed, .. } = in_time(move || door::undo(&root, &state))?;
    Ok(Change::Undone { head, summary, pushed })
}

/// In a thread: its folder may block. What it is in the middle of when the time is up ends as if we had been killed.
fn in_time<T: Send + 'static>(act: impl FnMut() -> Result<T, Refusal> + Send + 'static) -> Result<T, Outcome> {
    match timed::once(LONGEST, act) {
        Ok(done) => done.map_err(|refusal| Outcome::Failed(Failure::Git(refusal))),
        Err(why) => Err(Outcome::Failed(Failure::Refused(why))),
    }
}
