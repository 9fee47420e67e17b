//! Rung 1. A bridge that is gone is started, which does no harm if the manager was quicker. A bridge that runs is
//! restarted in its manager's own way, and only if a person asked for it: for every other reason a running process is
//! the effect that we wanted.

use super::attempt::Attempt;
use super::verify::verify;
use crate::act::{Act, Reason};
use crate::facts::{Job, KeepAlive, Process};
use crate::identity;
use crate::outcome::{Failure, Outcome, StandDown};
use crate::system::poll;
use crate::system::service::{Service, StartError};
use crate::verdict::{Cause, Problem};
use crate::waiting::Waiting;

pub(super) fn restart(attempt: &mut Attempt) -> Outcome {
    begin(attempt).unwrap_or_else(|outcome| outcome)
}

fn begin(attempt: &mut Attempt) -> Result<Outcome, Outcome> {
    let (job, process) = attempt.process()?;
    if job.stopped_by_operator {
        return Err(Outcome::StoodDown(StandDown::OperatorStop));
    }
    if process.is_some() && !matches!(attempt.reason, Reason::ByHand(_)) {
        return Ok(verify(attempt, None));
    }
    start_anew(attempt, &job, process)
}

/// A start of what its operator has stopped, since a person asks for just that. A `disable`, and a condition that keeps the
/// job down, stay as they are: then the manager's own code refuses.
pub(super) fn start_stopped(attempt: &mut Attempt) -> Outcome {
    let begun = attempt.process().and_then(|(_, process)| {
        if process.is_none() {
            attempt.note(&Act::Start);
            // For a job without a process it is a start that asks for no more than that.
            attempt.service().restart().map_err(|why| Outcome::Failed(Failure::Refused(why)))?;
        }
        Ok(verify(attempt, None))
    });
    begun.unwrap_or_else(|outcome| outcome)
}

/// Restarts what runs, in its manager's own way; else starts it.
///
/// # Errors
/// How the rung ends if nothing was started.
pub(super) fn start_anew(attempt: &mut Attempt, job: &Job, process: Option<Process>) -> Result<Outcome, Outcome> {
    let Some(process) = process else {
        start(attempt, job)?;
        return Ok(verify(attempt, None));
    };
    attempt.note(&Act::Restart { pid: process.id.pid });
    attempt.note_end(process.id);
    attempt.waits(&Waiting::Manager);
    attempt.service().restart().map_err(|why| Outcome::Failed(Failure::Refused(why)))?;
    Ok(verify(attempt, Some(process.id)))
}

/// A plain start and never a restart, which would kill: the manager may respawn the job by itself this very moment.
///
/// # Errors
/// How the rung ends if nothing was started.
pub(super) fn start(attempt: &mut Attempt, job: &Job) -> Result<(), Outcome> {
    if job.stopped_by_operator {
        return Err(Outcome::StoodDown(StandDown::OperatorStop));
    }
    let may_load = matches!(attempt.cause(), Cause::None | Cause::NotLoaded);
    if !job.loaded && !may_load {
        // The job was unloaded since we looked, probably by an update, which will load it again and gets its time for
        // that.
        return Err(Outcome::StoodDown(StandDown::JobTakenAway));
    }
    if job.keep_alive == KeepAlive::Always && respawns_now(attempt, job) {
        return Ok(());
    }
    leave_client(attempt)?;
    attempt.note(&Act::Start);
    attempt.waits(&Waiting::Manager);
    let refused = |why| Outcome::Failed(Failure::Refused(why));
    if may_load {
        return attempt.service().load_and_start().map_err(refused);
    }
    attempt.service().start().map_err(|error| match error {
        StartError::NotLoaded => Outcome::StoodDown(StandDown::JobTakenAway),
        StartError::Refused(why) => refused(why),
    })
}

/// A second client on one session may cost the login. It may have come since the last look. A person who asks for a start
/// knows of it.
///
/// # Errors
/// If a bridge runs elsewhere under other words.
fn leave_client(attempt: &mut Attempt) -> Result<(), Outcome> {
    if matches!(attempt.reason, Reason::ByHand(_)) {
        return Ok(());
    }
    // What can't be seen forbids no start.
    let found = attempt.lookalikes(None).unwrap_or_default();
    match identity::client(&found) {
        Some(bridge) => Err(Outcome::StoodDown(StandDown::CauseGone(Some(Problem::outside_manager(bridge))))),
        None => Ok(()),
    }
}

/// Whether the manager respawns the job by itself within a moment: then a start of ours would be one too many.
fn respawns_now(attempt: &mut Attempt, job: &Job) -> bool {
    // systemd counts from the death, and our code for systemd knows the exact time.
    if matches!(attempt.service(), Service::Systemd(_)) || job.held_back.is_some() {
        return false;
    }
    let near = attempt.limits().respawn_near;
    let due = attempt.last_run().is_some_and(|lived| lived + near >= job.throttle);
    due && poll::until(near, || matches!(attempt.process(), Ok((_, Some(_)))))
}
