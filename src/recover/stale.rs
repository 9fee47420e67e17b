//! Rung 2: ends copies, and the bridge itself where it hangs; then one start. What it was sent for is looked at again
//! right before each end: minutes may have passed in waiting for work, and a bridge that speaks again hangs no more.

use rustix::process::Signal;

use super::{Outcome, interrupted, nobody_to_ask, note_end, start, stopped_by_operator, verify, why};
use crate::assess::{Cause, Verdict};
use crate::config::Config;
use crate::facts::{Fact, Identity, Process};
use crate::system::process_table::{self, ProcessMatch};
use crate::system::recovery_lock::RecoveryLock;
use crate::system::{clock, process};
use crate::watchdog::Watchdog;
use crate::words::lasting;

/// No exit timeout is waited out for longer than this: an `ExitTimeOut` of an hour must not become an hour in which
/// nobody looks. 0 is launchd's word for no limit.
const LONGEST_EXIT: f64 = 120.0;
/// SIGKILL takes no longer, unless the process hangs in the kernel.
const KILLED: f64 = 5.0;

pub fn end_and_restart(watchdog: &mut Watchdog, verdict: &Verdict, lock: &mut RecoveryLock) -> Outcome {
    match rung(watchdog, verdict, lock) {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

/// # Errors
/// How it ended before its end.
fn rung(watchdog: &mut Watchdog, verdict: &Verdict, lock: &mut RecoveryLock) -> Result<Outcome, Outcome> {
    let process = asked(watchdog)?;
    let hangs = !matches!(verdict.cause, Cause::Duplicate | Cause::ProcessDead | Cause::NotLoaded | Cause::CrashLoop);
    let own = process.filter(|_| hangs);
    if let Some(own) = own {
        wait_for_work(watchdog, own.id, lock, verdict)?;
    }
    still(watchdog, verdict)?;
    let copies = copies(&watchdog.config, process.map(|process| process.id), watchdog.environment.limits.stale_process)
        .map_err(Outcome::Failed)?;
    for copy in &copies {
        let patience = watchdog.environment.limits.stranger_exit;
        end(watchdog, *copy, patience, "a copy of the bridge", verdict, lock)?;
    }
    if verdict.cause == Cause::Duplicate {
        let words = format!("{} ended; the bridge was left alone", count(copies.len(), "copy", "copies"));
        return Ok(Outcome::Cured(words));
    }
    if let Some(own) = own {
        if !copies.is_empty() {
            still(watchdog, verdict)?;
        }
        let (Fact::Known(job), Fact::Known(Some(now))) = watchdog.observer.process() else {
            return Err(Outcome::StoodDown(format!("pid {} is gone by itself", own.id.pid)));
        };
        if now.id != own.id || now.age < watchdog.environment.limits.stale_process {
            return Err(Outcome::StoodDown(format!("pid {} is too young to be accused", now.id.pid)));
        }
        let patience = patience(job.exit_timeout);
        note_end(watchdog, own.id);
        end(watchdog, now, patience, "the bridge", verdict, lock)?;
    }
    // The manager may have been quicker: asked first, started only if there is nothing.
    let (job, process) = watchdog.observer.process();
    if let (Fact::Known(job), Fact::Known(None)) = (job, process) {
        if job.stopped_by_operator {
            return Err(stopped_by_operator());
        }
        start(watchdog, verdict.cause, &job, &why(verdict))?;
    }
    let outcome = verify(watchdog, verdict.cause, own.map(|own| own.id), lock, 2, &verdict.issues);
    let managed = asked(watchdog)?.map(|process| process.id);
    match self::copies(&watchdog.config, managed, 0.0).map(|copies| copies.len()) {
        Ok(0) => Ok(outcome),
        Ok(others) => {
            Err(Outcome::Failed(format!("{} still there beside the bridge", count(others, "copy is", "copies are"))))
        }
        Err(why) => Err(Outcome::Failed(why)),
    }
}

fn asked(watchdog: &mut Watchdog) -> Result<Option<Process>, Outcome> {
    match watchdog.observer.process() {
        (Fact::Known(_), Fact::Known(process)) => Ok(process),
        _ => Err(nobody_to_ask()),
    }
}

/// Looks again: what brought us here still holds, and nothing has come that forbids to act.
fn still(watchdog: &mut Watchdog, verdict: &Verdict) -> Result<(), Outcome> {
    let (_, now) = watchdog.look();
    // By hand a rung may be asked for that the watch would still wait with.
    if now.cause == verdict.cause && now.rung >= verdict.rung.min(1) {
        return Ok(());
    }
    let found = now.issues.first().map_or("it works again", String::as_str);
    Err(Outcome::StoodDown(format!("looked at again, and nothing was ended: {found}")))
}

/// SIGTERM, then SIGKILL, each to this very process only; gone when this returns well.
fn end(
    watchdog: &mut Watchdog,
    who: Process,
    patience: f64,
    what: &str,
    verdict: &Verdict,
    lock: &mut RecoveryLock,
) -> Result<(), Outcome> {
    let pid = who.id.pid;
    let (age, reason) = (lasting(who.age), why(verdict));
    watchdog.journal.note(&format!("act: SIGTERM to {what} (pid {pid}, {age} old), because {reason}"));
    process::signal(who.id, Signal::TERM).map_err(Outcome::Failed)?;
    if watchdog.wait_gone(who.id, patience, lock, 2, &verdict.issues).map_err(interrupted)? {
        return Ok(());
    }
    let patience = lasting(patience);
    watchdog
        .journal
        .note(&format!("act: SIGKILL to {what} (pid {pid}), because it is still there {patience} after SIGTERM"));
    process::signal(who.id, Signal::KILL).map_err(Outcome::Failed)?;
    if process::gone_within(who.id, KILLED) {
        Ok(())
    } else {
        Err(Outcome::Failed(format!("pid {pid} does not end, not even by SIGKILL")))
    }
}

fn patience(exit_timeout: f64) -> f64 {
    if exit_timeout > 0.0 { exit_timeout.min(LONGEST_EXIT) } else { LONGEST_EXIT }
}

/// Somebody's agent run under the bridge is waited for, once an incident, and the bridge looked at meanwhile.
fn wait_for_work(
    watchdog: &mut Watchdog,
    own: Identity,
    lock: &mut RecoveryLock,
    verdict: &Verdict,
) -> Result<(), Outcome> {
    if watchdog.incident.as_ref().is_some_and(|incident| incident.waited_for_work) {
        return Ok(());
    }
    let until = clock::mono() + watchdog.environment.limits.work;
    let mut looked = clock::mono();
    let mut said = false;
    while clock::mono() < until {
        // What can't be seen can't be waited for.
        let tasks = process_table::tasks_at_work(own, 1.0).unwrap_or(0);
        if tasks == 0 {
            break;
        }
        if !said {
            watchdog.journal.note(&format!(
                "{} at work under the bridge; waited for once, {} at most",
                count(tasks, "task is", "tasks are"),
                lasting(watchdog.environment.limits.work)
            ));
            said = true;
        }
        watchdog.wait(2.0, lock, 2, &verdict.issues).map_err(interrupted)?;
        if clock::mono() - looked >= watchdog.environment.limits.tick {
            still(watchdog, verdict)?;
            looked = clock::mono();
        }
    }
    if let Some(incident) = &mut watchdog.incident {
        incident.waited_for_work |= said;
    }
    Ok(())
}

/// Of this very bridge, besides the one that the manager owns.
fn copies(config: &Config, managed: Option<Identity>, older_than: f64) -> Result<Vec<Process>, String> {
    let all = process_table::matching(&ProcessMatch { root: config.root.clone(), program: config.program.clone() })?;
    let others = process_table::copies(all, managed.map(|managed| managed.pid));
    Ok(others.into_iter().filter(|copy| copy.age >= older_than).collect())
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_timeout_is_waited_out_unless_it_has_no_end() {
        for (timeout, waited) in [(20.0, 20.0), (0.5, 0.5), (3600.0, LONGEST_EXIT), (0.0, LONGEST_EXIT)] {
            assert_eq!(patience(timeout), waited, "{timeout}");
        }
    }
}
