//! The effect of a start: a new process within 90 s that lives for 10 s, and the fact that was wrong is right.

use std::time::Duration;

use super::attempt::Attempt;
use crate::facts::{Identity, Job};
use crate::outcome::{Cure, Failure, Outcome, StandDown};
use crate::system::clock;
use crate::verdict::Cause;
use crate::waiting::Waiting;

/// Between two looks for a process that is not there yet.
const QUICK: Duration = Duration::from_millis(200);
/// A process that is there is looked at this often or more often.
const SLOW: Duration = Duration::from_secs(1);

/// Looks until the effect is seen or the time is up. `before` is the process that was ended.
pub(super) fn verify(attempt: &mut Attempt, before: Option<Identity>) -> Outcome {
    let limits = attempt.limits();
    let began = clock::mono();
    let mut seen = None;
    loop {
        let asked = attempt.process().ok();
        if let Some((Job { unmet: Some(_), .. }, None)) = asked {
            // Its manager refused the start, or its operator has stopped it meanwhile.
            return Outcome::StoodDown(StandDown::OperatorStop);
        }
        let prepares = |job: &Job| job.starting_since.is_some_and(|at| clock::mono().since(at) < limits.start_grace);
        let starts = asked.as_ref().is_some_and(|(job, _)| prepares(job));
        let process = asked.and_then(|(_, process)| process);
        let process = process.filter(|process| Some(process.id) != before);
        let pid = process.map(|process| process.id.pid);
        let waited = || clock::mono().since(began);
        seen = pid.or(seen);
        let lives = process.filter(|process| process.age >= limits.verify_uptime);
        if let Some(process) = lives
            && attempt.is_right(process.id)
        {
            return Outcome::Cured(Cure::Up { pid: process.id.pid, after: waited() });
        }
        if lives.is_none() && !starts && waited() > limits.pid_within + limits.verify_uptime {
            return Outcome::Failed(match seen {
                Some(pid) => Failure::DidNotStayUp { pid },
                None => Failure::NoProcess { within: limits.pid_within },
            });
        }
        if lives.is_some() && waited() > limits.pid_within.max(limits.cure_within) {
            return Outcome::Failed(Failure::StillWrong(attempt.cause()));
        }
        attempt.waits(&match (pid, lives) {
            (None, _) => Waiting::Process { within: limits.pid_within },
            (Some(pid), None) => Waiting::Uptime { pid, least: limits.verify_uptime },
            (Some(pid), Some(_)) => Waiting::Works { pid, cause: attempt.cause() },
        });
        let pace = if pid.is_some() { (limits.verify_uptime / 4).min(SLOW) } else { QUICK };
        if let Err(outcome) = attempt.wait(pace) {
            return outcome;
        }
        // The look updates the history, so that crashes during the wait are counted.
        if pid.is_some() || waited() > SLOW {
            let verdict = attempt.look().verdict;
            let loops = verdict.sick().any(|finding| is_loop(finding.problem.cause()));
            if let Some(pid) = seen.filter(|_| loops && lives.is_none() && !is_loop(attempt.cause())) {
                // Its manager starts it again and again, for which another chain has the cure.
                return Outcome::Failed(Failure::DidNotStayUp { pid });
            }
        }
    }
}

fn is_loop(cause: Cause) -> bool {
    matches!(cause, Cause::CrashLoop | Cause::BadCommit)
}
