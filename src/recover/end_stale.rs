//! Rung 2: ends copies, and the bridge itself if it hangs; then one start. The cause is looked at again right before
//! each end: minutes may have passed in waiting for work, and a bridge that writes again does not hang any more.

use std::time::Duration;

use super::attempt::Attempt;
use super::restart::start;
use super::verify::verify;
use crate::act::{Reason, Target};
use crate::facts::{Identity, Process};
use crate::outcome::{Cure, Failure, Outcome, StandDown};
use crate::system::poll::Deadline;
use crate::system::process_table::{self, ProcessMatch};
use crate::text;
use crate::verdict::Cause;

/// No exit timeout is waited for longer than this: an `ExitTimeOut` of an hour must not become an hour without a look.
/// 0 means no limit to launchd.
const LONGEST_EXIT: Duration = Duration::from_mins(2);

pub(super) fn end_stale(attempt: &mut Attempt) -> Outcome {
    rung(attempt).unwrap_or_else(|outcome| outcome)
}

/// # Errors
/// How it ended before its end.
fn rung(attempt: &mut Attempt) -> Result<Outcome, Outcome> {
    let limits = attempt.limits();
    let (_, process) = attempt.process()?;
    let hangs = !matches!(attempt.cause(), Cause::Duplicate | Cause::ProcessDead | Cause::NotLoaded | Cause::CrashLoop);
    let own = process.filter(|_| hangs);
    if let Some(own) = own {
        wait_for_work(attempt, own.id)?;
    }
    still(attempt)?;
    let copies = copies(attempt, process.map(|process| process.id), limits.stale_process)?;
    for copy in &copies {
        attempt.end(Target::Copy, *copy, limits.stranger_exit)?;
    }
    if attempt.cause() == Cause::Duplicate {
        return Ok(Outcome::Cured(Cure::CopiesEnded(copies.len())));
    }
    if let Some(own) = own {
        if !copies.is_empty() {
            still(attempt)?;
        }
        end_bridge(attempt, own)?;
    }
    // The manager may have been quicker: ask first, and start only if there is no process.
    let (job, process) = attempt.process()?;
    if process.is_none() {
        start(attempt, &job)?;
    }
    let outcome = verify(attempt, own.map(|own| own.id));
    let managed = attempt.process()?.1.map(|process| process.id);
    match self::copies(attempt, managed, Duration::ZERO)?.len() {
        0 => Ok(outcome),
        left => Err(Outcome::Failed(Failure::CopiesLeft(left))),
    }
}

fn end_bridge(attempt: &mut Attempt, own: Process) -> Result<(), Outcome> {
    let (job, now) = attempt.process()?;
    let Some(now) = now else { return Err(Outcome::StoodDown(StandDown::GoneByItself { pid: own.id.pid })) };
    if now.id != own.id || now.age < attempt.limits().stale_process {
        return Err(Outcome::StoodDown(StandDown::TooYoung { pid: now.id.pid }));
    }
    attempt.note_end(own.id);
    attempt.end(Target::Bridge, now, patience(job.exit_timeout))
}

/// Looks again: goes on only if the cause still holds and nothing forbids to act.
fn still(attempt: &mut Attempt) -> Result<(), Outcome> {
    let verdict = attempt.look().verdict;
    let cause = attempt.cause();
    let Reason::Finding(before) = &attempt.reason else { return Ok(()) };
    // By hand a rung may be run at a time when the watch would still wait.
    let holds = |rung| rung >= before.rung.is_some();
    if verdict.sick().any(|now| now.problem.cause() == cause && holds(now.rung.is_some())) {
        return Ok(());
    }
    let now = verdict.findings.into_iter().next().map(|finding| finding.problem);
    Err(Outcome::StoodDown(StandDown::CauseGone(now)))
}

fn patience(exit_timeout: Duration) -> Duration {
    if exit_timeout.is_zero() { LONGEST_EXIT } else { exit_timeout.min(LONGEST_EXIT) }
}

/// Waits for work under the bridge (an agent run), once an incident, and looks at the bridge meanwhile.
fn wait_for_work(attempt: &mut Attempt, own: Identity) -> Result<(), Outcome> {
    /// Within this time the CPU time of a task at work advances.
    const WATCHED: Duration = Duration::from_secs(1);
    const PAUSE: Duration = Duration::from_secs(2);
    if attempt.waited_for_work {
        return Ok(());
    }
    let limits = attempt.limits();
    let deadline = Deadline::after(limits.work);
    let mut next_look = Deadline::after(limits.check_interval);
    while deadline.left().is_some() {
        // What can't be seen can't be waited for.
        let tasks = process_table::tasks_at_work(own, WATCHED).unwrap_or(0);
        if tasks == 0 {
            break;
        }
        if !attempt.waited_for_work {
            attempt.say(&text::waits_for_work(tasks, limits.work));
            attempt.waited_for_work = true;
        }
        attempt.wait(PAUSE)?;
        if next_look.left().is_none() {
            still(attempt)?;
            next_look = Deadline::after(limits.check_interval);
        }
    }
    Ok(())
}

/// Processes of this very bridge, besides the one that the manager owns.
fn copies(attempt: &Attempt, managed: Option<Identity>, older_than: Duration) -> Result<Vec<Process>, Outcome> {
    let all = process_table::matching(&ProcessMatch::of(attempt.config()))
        .map_err(|why| Outcome::Failed(Failure::Refused(why)))?;
    let copies = process_table::copies(all, managed.map(|managed| managed.pid));
    Ok(copies.into_iter().filter(|copy| copy.age >= older_than).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_timeout_is_waited_out_unless_it_has_no_end() {
        let seconds = Duration::from_secs_f64;
        let rows = [(20.0, seconds(20.0)), (0.5, seconds(0.5)), (3600.0, LONGEST_EXIT), (0.0, LONGEST_EXIT)];
        for (timeout, waited) in rows {
            assert_eq!(patience(seconds(timeout)), waited, "{timeout}");
        }
    }
}
