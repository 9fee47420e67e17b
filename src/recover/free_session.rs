//! Rung 3: frees the session. Strangers that hold its lock are ended, SQLite itself brings the file into order, then one
//! start. Nothing is unlinked. A bridge that works is neither ended nor interrupted.

use super::attempt::Attempt;
use super::end_stale::{end_bridge, still, wait_for_work};
use super::restart::start;
use super::verify::verify;
use crate::act::{Act, Reason, Target};
use crate::facts::{Job, KeepAlive, Lock};
use crate::holders::{self, May};
use crate::outcome::{Cure, Failure, Outcome, StandDown};
use crate::system::poll::Deadline;
use crate::system::session::clean::{Unclean, clean};
use crate::system::session::open::has_open;
use crate::system::{process, timed};
use crate::verdict::{Cause, Problem, State, Verdict};
use crate::waiting::Waiting;

pub(super) fn free_session(attempt: &mut Attempt) -> Outcome {
    rung(attempt).unwrap_or_else(|outcome| outcome)
}

/// # Errors
/// How it ended before its end.
fn rung(attempt: &mut Attempt) -> Result<Outcome, Outcome> {
    let by_hand = matches!(attempt.reason, Reason::ByHand(_));
    let locked = attempt.cause() == Cause::SessionLocked;
    let verdict = if locked { still(attempt)? } else { attempt.look() }.verdict;
    let (job, process) = attempt.process()?;
    if by_hand {
        leave_other_bridge(&verdict)?;
    } else if job.stopped_by_operator {
        return Err(Outcome::StoodDown(StandDown::OperatorStop));
    }
    // In the watch's chain rung 2 has just ended it, and twice is enough.
    let hung = process.filter(|_| by_hand && hangs(&verdict));
    if let Some(own) = hung {
        wait_for_work(attempt, own.id)?;
    }
    // A session that is not where it should be has nothing to do with another cause.
    let unseen = if by_hand || locked { None } else { attempt.holders().err() };
    let mut ended = if unseen.is_none() { end_holders(attempt)? } else { 0 };
    if let Some(own) = hung {
        end_bridge(attempt, own)?;
    } else if let Some(own) = process {
        return match ended {
            // Its own lock is that of a session at work.
            0 if by_hand => Err(Outcome::StoodDown(StandDown::BridgeWorks { pid: own.id.pid })),
            ended if by_hand || locked => Ok(Outcome::Cured(Cure::SessionFree { ended })),
            // Nobody was ended: what was there before is no cure, only that the fault is gone.
            0 if attempt.cause().is_hang() => {
                still(attempt)?;
                Ok(Outcome::Failed(Failure::StillWrong(attempt.cause())))
            }
            _ => Ok(verify(attempt, None)),
        };
    }
    // The manager may have been quicker; then the session is the bridge's.
    let (job, process) = attempt.process()?;
    if process.is_none() {
        // Of a bridge that is down for another reason nothing is opened: SQLite rolls back when it starts.
        if by_hand || locked || ended > 0 {
            let mut tries = 0;
            while let Cleaned::Locked = clean_up(attempt)? {
                // One that writes now and then held nothing when we looked.
                tries += 1;
                if tries == TRIES {
                    return Err(Outcome::Failed(Failure::StaysLocked));
                }
                ended += end_holders(attempt)?;
            }
        }
        if may_not_start(&job, &verdict, by_hand) {
            return Ok(Outcome::Cured(Cure::SessionFree { ended }));
        }
        if is_started_by_manager(attempt, &job) {
            if ended == 0 {
                return Err(Outcome::Failed(unseen.map_or(Failure::NobodyHolds, Failure::Refused)));
            }
        } else {
            start(attempt, &job)?;
        }
    }
    Ok(verify(attempt, hung.map(|own| own.id)))
}

/// A bridge that runs outside its manager is the only one there is: nothing would start another.
fn leave_other_bridge(verdict: &Verdict) -> Result<(), Outcome> {
    match verdict.first().map(|first| &first.problem) {
        Some(problem @ Problem::OutsideManager { .. }) => {
            Err(Outcome::StoodDown(StandDown::CauseGone(Some(problem.clone()))))
        }
        _ => Ok(()),
    }
}

/// Whether it is to be ended: what the last look accuses it of, for which nothing says to stand still.
fn hangs(verdict: &Verdict) -> bool {
    verdict.sick().any(|finding| finding.rung.is_some() && finding.problem.cause().is_hang())
}

/// Ends the strangers that hold the session's lock, each once it is old enough, until there is none. Returns how many.
///
/// # Errors
/// If one of them may not be ended, or the holders can't be found out.
fn end_holders(attempt: &mut Attempt) -> Result<usize, Outcome> {
    let limits = attempt.limits();
    let mut ended = 0;
    // One that comes while we wait for another gets its time too; a third is not waited for.
    let deadline = Deadline::after(limits.stale_process * 2);
    loop {
        let (session, lookalikes) = attempt.holders().map_err(|why| Outcome::Failed(Failure::Refused(why)))?;
        let starters = attempt.starters();
        let Some((holder, may)) = holders::first(&session, Lock::Shared, &lookalikes, &starters, &limits) else {
            return Ok(ended);
        };
        let pid = holder.pid;
        match may {
            May::Not(why) => return Err(Outcome::Failed(Failure::HolderLeft { pid, why })),
            May::EndIn(_) if deadline.left().is_none() => return Err(Outcome::Failed(Failure::StaysLocked)),
            May::EndIn(left) => {
                attempt.waits(&Waiting::Holder { pid, age: limits.stale_process });
                attempt.wait(left.min(limits.poll_interval_down))?;
            }
            May::End => {
                // The second witness: it has this very file open. Its age is read again as well.
                let found = process::find(pid).filter(|process| process.age >= limits.stale_process);
                if let Some(holder) = found.filter(|_| has_open(pid, &session.path)) {
                    attempt.end(Target::Holder, holder, limits.stranger_exit)?;
                    ended += 1;
                } else if deadline.left().is_none() {
                    return Err(Outcome::Failed(Failure::StaysLocked));
                } else {
                    attempt.wait(limits.poll_interval_down)?;
                }
            }
        }
    }
}

/// So often somebody may have the lock again before SQLite can.
const TRIES: u32 = 3;

enum Cleaned {
    Done,
    /// Somebody took the lock meanwhile.
    Locked,
}

/// # Errors
/// If SQLite can't bring it into order.
fn clean_up(attempt: &mut Attempt) -> Result<Cleaned, Outcome> {
    let session = attempt.config().session.clone();
    attempt.note(&Act::CleanSession);
    attempt.waits(&Waiting::Session);
    // In a thread: its folder may block. SQLite itself waits half as long for a lock.
    let limit = attempt.limits().ask * 2;
    let failed = |failure| Err(Outcome::Failed(failure));
    match timed::once(limit, move || clean(&session)) {
        Ok(Ok(())) => Ok(Cleaned::Done),
        Ok(Err(Unclean::Corrupt(damage))) => failed(Failure::SessionCorrupt(damage)),
        Ok(Err(Unclean::Unusable(why))) | Err(why) => failed(Failure::Refused(why)),
        Ok(Err(Unclean::Locked)) => match attempt.process()?.1 {
            // The manager has started the bridge meanwhile, and it is at work.
            Some(_) => Ok(Cleaned::Done),
            None => Ok(Cleaned::Locked),
        },
    }
}

/// A person who asks for the locks has not asked for a start that something forbids (a flood wait, a login, a pause).
pub(super) fn may_not_start(job: &Job, verdict: &Verdict, by_hand: bool) -> bool {
    let still = verdict.first().is_some_and(|first| matches!(first.problem.state(), State::Waiting | State::Stopped));
    by_hand && (still || job.stopped_by_operator)
}

/// Where the manager respawns a bridge that crashes by itself, no start is added.
fn is_started_by_manager(attempt: &Attempt, job: &Job) -> bool {
    let by_itself = job.keep_alive == KeepAlive::Always && !job.gave_up && job.held_back.is_none();
    by_itself && attempt.cause() == Cause::CrashLoop
}
