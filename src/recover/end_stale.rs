//! Rung 2: ends copies, and the bridge itself if it hangs; then one start. The cause is looked at again right before
//! each end: minutes may have passed in waiting for work, and a bridge that writes again does not hang any more.

use std::time::Duration;

use super::attempt::Attempt;
use super::restart::start;
use super::verify::verify;
use crate::act::{Reason, Target};
use crate::facts::{Identity, Lookalike, Process};
use crate::identity;
use crate::outcome::{Cure, Failure, Outcome, StandDown};
use crate::system::poll::Deadline;
use crate::system::process_table;
use crate::text;
use crate::verdict::{Cause, Finding, Problem};
use crate::waiting::Waiting;
use crate::watch::controller::Look;

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
    let own = process.filter(|_| attempt.cause().is_hang());
    if let Some(own) = own {
        wait_for_work(attempt, own.id)?;
    }
    still(attempt)?;
    let copies = copies(attempt, process, limits.stale_process)?;
    for copy in &copies {
        attempt.end(Target::Copy, *copy, limits.stranger_exit)?;
    }
    if attempt.cause() == Cause::Duplicate && process.is_some() {
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
    let managed = attempt.process()?.1;
    match self::copies(attempt, managed, Duration::ZERO)?.len() {
        0 => Ok(outcome),
        left => Err(Outcome::Failed(Failure::CopiesLeft(left))),
    }
}

pub(super) fn end_bridge(attempt: &mut Attempt, own: Process) -> Result<(), Outcome> {
    let (job, now) = attempt.process()?;
    let Some(now) = now else { return Err(Outcome::StoodDown(StandDown::GoneByItself { pid: own.id.pid })) };
    if now.id != own.id || now.age < attempt.limits().stale_process {
        return Err(Outcome::StoodDown(StandDown::TooYoung { pid: now.id.pid }));
    }
    attempt.note_end(own.id);
    attempt.end(Target::Bridge, now, patience(job.exit_timeout))
}

/// Looks again: goes on only if the cause still holds and nothing forbids to act. Returns what it saw.
pub(super) fn still(attempt: &mut Attempt) -> Result<Look, Outcome> {
    let look = attempt.look();
    let cause = attempt.cause();
    let Reason::Finding(before) = &attempt.reason else { return Ok(look) };
    // By hand a rung may be run at a time when the watch would still wait.
    let holds = |rung| rung >= before.rung.is_some();
    if look.verdict.sick().any(|now| now.problem.cause() == cause && holds(now.rung.is_some())) {
        return Ok(look);
    }
    let now = look.verdict.findings.into_iter().next().map(|finding| finding.problem);
    Err(Outcome::StoodDown(StandDown::CauseGone(now)))
}

fn patience(exit_timeout: Duration) -> Duration {
    if exit_timeout.is_zero() { LONGEST_EXIT } else { exit_timeout.min(LONGEST_EXIT) }
}

/// Waits for work under the bridge (an agent run), once an incident, and looks at the bridge meanwhile.
pub(super) fn wait_for_work(attempt: &mut Attempt, own: Identity) -> Result<(), Outcome> {
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
        attempt.waits(&Waiting::Work { tasks, within: limits.work });
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

/// Copies of the bridge, by the judgement of the last look and by what they are now: while it is down, only what is in
/// the way of its start.
fn copies(attempt: &mut Attempt, managed: Option<Process>, older_than: Duration) -> Result<Vec<Process>, Outcome> {
    let seen = attempt.lookalikes(managed).map_err(|why| Outcome::Failed(Failure::Refused(why)))?;
    let starters = attempt.starters();
    let in_the_way = managed.is_none() && attempt.cause() == Cause::Duplicate;
    let accused = match &attempt.reason {
        Reason::Finding(Finding { problem: Problem::Duplicate { pid }, .. }) if in_the_way => Some(*pid),
        _ => None,
    };
    let is_copy = |lookalike: &&Lookalike| {
        identity::is_copy(lookalike, &starters)
            || (accused == Some(lookalike.process.id.pid) && identity::is_in_the_way(lookalike, &starters))
    };
    let copies = seen.iter().filter(is_copy).map(|lookalike| lookalike.process);
    // Where no start would follow, the last bridge there is would be ended.
    let may = managed.is_some() || in_the_way;
    Ok(copies.filter(|copy| may && copy.age >= older_than).collect())
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
