//! The rungs. Obeys the verdict; each rung acts, then looks until the effect is seen or the time is up, and looks again
//! right before anything that destroys. A line in the journal stands before each act: what, to whom, why.

use std::fmt;

use rustix::process::Signal;

use crate::assess::{Cause, Verdict};
use crate::config::Config;
use crate::facts::{Fact, Facts, Identity, Process, Respawns};
use crate::incident::{self, TELL};
use crate::lookout::{Interrupted, Lookout};
use crate::memory::connection;
use crate::system::bridge::{self, Likeness};
use crate::system::recovery_lock::{self, RecoveryLock, Taken};
use crate::system::{clock, process};

/// How a rung ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The effect was seen: what, in words.
    Cured(String),
    Failed(String),
    /// This rung can do nothing here; the chain goes on.
    Unavailable(String),
    /// Something forbids to act; nothing was done.
    StoodDown(String),
    /// Another recovery has the lock.
    Busy(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Cured(words) => write!(f, "done: {words}"),
            Outcome::Failed(words) => write!(f, "failed: {words}"),
            Outcome::Unavailable(words) => write!(f, "not available: {words}"),
            Outcome::StoodDown(words) | Outcome::Busy(words) => f.write_str(words),
        }
    }
}

/// One rung of the watch's own chain, under the recovery lock and written into the incident.
pub fn climb(lookout: &mut Lookout, facts: &Facts, verdict: &Verdict, rung: u8) -> Outcome {
    let mut lock = match recovery_lock::take(&lookout.config, rung, &verdict.issues) {
        Ok(lock) => lock,
        Err(Taken::By(pid)) => return Outcome::Busy(Taken::By(pid).to_string()),
        Err(Taken::Broken(why)) => {
            lookout.journal.note(&why);
            return Outcome::Failed(why);
        }
    };
    let why = lookout.reason();
    lookout.show_rung(Some((rung, &why)));
    let outcome = one_rung(lookout, facts, verdict, rung, &mut lock);
    lookout.note_act(&format!("rung {rung} {outcome}"));
    let now = clock::now();
    let mut incident = lookout.incident.take().unwrap_or_else(|| incident::open(verdict.cause, now.wall));
    match outcome {
        Outcome::StoodDown(_) | Outcome::Busy(_) => {}
        _ => incident::tried(&mut incident, verdict.cause, rung, now.mono),
    }
    if rung >= TELL {
        incident.alerted = true;
    }
    lookout.incident = Some(incident);
    lookout.save_incident();
    lookout.show_rung(None);
    outcome
}

/// The whole chain, once, by hand: no DM, and no wait for a manager that still has time.
pub fn chain_by_hand(lookout: &mut Lookout, facts: &Facts, verdict: &Verdict, say: &mut dyn FnMut(&str)) -> Outcome {
    let first = verdict.rung.max(1);
    let mut lock = match recovery_lock::take(&lookout.config, first, &verdict.issues) {
        Ok(lock) => lock,
        Err(taken) => return Outcome::Busy(taken.to_string()),
    };
    let mut outcome = Outcome::Failed("nothing was tried".into());
    for rung in first..TELL {
        outcome = one_rung(lookout, facts, verdict, rung, &mut lock);
        say(&format!("rung {rung}: {outcome}"));
        lookout.journal.note(&format!("by hand: rung {rung} {outcome}"));
        if !matches!(outcome, Outcome::Failed(_) | Outcome::Unavailable(_)) {
            return outcome;
        }
        let wait = lookout.world.times.between[usize::from(rung - 1).min(2)];
        if lookout.wait(wait, &mut lock, rung, &verdict.issues).is_err() {
            return Outcome::StoodDown("interrupted".into());
        }
    }
    Outcome::Failed(format!("every rung was tried; {}", words_of(&outcome)))
}

/// Restart by hand, whatever the state: a person knows more than the facts do. What the operator disabled stays down.
pub fn restart_by_hand(lookout: &mut Lookout) -> Outcome {
    let issues = ["Restart by hand.".to_owned()];
    let mut lock = match recovery_lock::take(&lookout.config, 1, &issues) {
        Ok(lock) => lock,
        Err(taken) => return Outcome::Busy(taken.to_string()),
    };
    let why = "a person asked for it";
    lookout.show_rung(Some((1, why)));
    let outcome = restart(lookout, Cause::None, why, &mut lock, &issues);
    lookout.show_rung(None);
    outcome
}

fn one_rung(lookout: &mut Lookout, facts: &Facts, verdict: &Verdict, rung: u8, lock: &mut RecoveryLock) -> Outcome {
    if rung == 1 {
        restart(lookout, verdict.cause, &why(verdict), lock, &verdict.issues)
    } else if rung == 2 {
        end_stale_and_restart(lookout, verdict, lock)
    } else if rung == 3 {
        Outcome::Unavailable("this version can't free the session's lock yet".into())
    } else if rung == 4 {
        Outcome::Unavailable("this version can't revert HEAD yet".into())
    } else {
        tell(lookout, facts, verdict)
    }
}

/// Rung 1. A bridge that lives is restarted in its manager's own way; one that is gone is started, which harms nothing
/// if the manager was quicker.
fn restart(lookout: &mut Lookout, cause: Cause, reason: &str, lock: &mut RecoveryLock, issues: &[String]) -> Outcome {
    let (job, process) = lookout.observer.process();
    let (Fact::Known(job), Fact::Known(process)) = (job, process) else {
        return Outcome::StoodDown("the service manager can't be asked, so nothing is done".into());
    };
    if job.stopped_by_operator {
        return Outcome::StoodDown("the operator stopped the bridge; it stays down".into());
    }
    let manager = lookout.service.name();
    let label = lookout.config.label.clone();
    let before = process.map(|process| process.id);
    let acted = match process {
        Some(process) if cause != Cause::ProcessDead => {
            lookout
                .journal
                .note(&format!("act: restart {label} (pid {}) through {manager}, because {reason}", process.id.pid));
            note_end(lookout, process.id);
            lookout.service.restart()
        }
        Some(_) => Ok(()),
        None if job.respawns == Respawns::Always && respawns_now(lookout) => Ok(()),
        None => {
            lookout.journal.note(&format!("act: start {label} through {manager}, because {reason}"));
            lookout.service.start()
        }
    };
    if let Err(why) = acted {
        return Outcome::Failed(why);
    }
    // Where the manager was quicker there is a new process already, and it is the effect.
    let before = if cause == Cause::ProcessDead { None } else { before };
    verify(lookout, cause, before, lock, 1, issues)
}

/// Rung 2. Ends copies, and the bridge itself where it hangs; then one start.
fn end_stale_and_restart(lookout: &mut Lookout, verdict: &Verdict, lock: &mut RecoveryLock) -> Outcome {
    let reason = why(verdict);
    let (job, process) = lookout.observer.process();
    let (Fact::Known(job), Fact::Known(process)) = (job, process) else {
        return Outcome::StoodDown("the service manager can't be asked, so nothing is done".into());
    };
    let own = process.filter(|_| {
        !matches!(verdict.cause, Cause::Duplicate | Cause::ProcessDead | Cause::NotLoaded | Cause::CrashLoop)
    });
    if let Some(own) = own
        && let Err(Interrupted) = wait_for_work(lookout, own.id, lock, verdict)
    {
        return Outcome::StoodDown("interrupted".into());
    }
    let copies = match copies(&lookout.config, process.map(|process| process.id), lookout.world.times.stale_process) {
        Ok(copies) => copies,
        Err(why) => return Outcome::Failed(why),
    };
    for copy in &copies {
        if let Err(why) = end(lookout, *copy, lookout.world.times.stranger_exit, "a copy of the bridge", &reason) {
            return Outcome::Failed(why);
        }
    }
    if verdict.cause == Cause::Duplicate {
        let gone = copies.iter().all(|copy| !process::alive(copy.id));
        return if gone {
            Outcome::Cured(format!("{} ended; the bridge was left alone", count(copies.len(), "copy", "copies")))
        } else {
            Outcome::Failed("a copy is still there".into())
        };
    }
    if let Some(own) = own {
        if own.age < lookout.world.times.stale_process {
            return Outcome::StoodDown(format!("pid {} is too young to be accused", own.id.pid));
        }
        note_end(lookout, own.id);
        if let Err(why) = end(lookout, own, job.exit_timeout, "the bridge", &reason) {
            return Outcome::Failed(why);
        }
    }
    // The manager may have been quicker: asked first, started only if there is nothing.
    let (job, process) = lookout.observer.process();
    if let (Fact::Known(job), Fact::Known(None)) = (job, process) {
        if job.stopped_by_operator {
            return Outcome::StoodDown("the operator stopped the bridge; it stays down".into());
        }
        if !(job.respawns == Respawns::Always && respawns_now(lookout)) {
            lookout.journal.note(&format!(
                "act: start {} through {}, because {reason}",
                lookout.config.label,
                lookout.service.name()
            ));
            if let Err(why) = lookout.service.start() {
                return Outcome::Failed(why);
            }
        }
    }
    let outcome = verify(lookout, verdict.cause, own.map(|own| own.id), lock, 2, &verdict.issues);
    let (_, process) = lookout.observer.process();
    let managed = process.known().copied().flatten().map(|process| process.id);
    match copies_now(&lookout.config, managed) {
        Ok(0) => outcome,
        Ok(others) => {
            Outcome::Failed(format!("{} still there beside the bridge", count(others, "copy is", "copies are")))
        }
        Err(why) => Outcome::Failed(why),
    }
}

/// Rung 5.
fn tell(lookout: &mut Lookout, facts: &Facts, verdict: &Verdict) -> Outcome {
    lookout.journal.note(&format!("act: tell a person, because {}", why(verdict)));
    let config = lookout.config.clone();
    lookout.reporter.tell(&config, &lookout.journal, facts, verdict);
    Outcome::Failed("no rung helped; a person is being told".into())
}

/// The effect of a start: a new process within 90 s that lives for 10 s, and the fact that was wrong is right.
fn verify(
    lookout: &mut Lookout,
    cause: Cause,
    before: Option<Identity>,
    lock: &mut RecoveryLock,
    rung: u8,
    issues: &[String],
) -> Outcome {
    let times = lookout.world.times;
    let began = clock::mono();
    let mut seen: Option<Process> = None;
    loop {
        let (_, process) = lookout.observer.process();
        let process = process.known().copied().flatten().filter(|process| Some(process.id) != before);
        if let Some(process) = process {
            seen = Some(process);
            if process.age >= times.settled && cured(lookout, cause) {
                return Outcome::Cured(format!(
                    "pid {} is up after {}",
                    process.id.pid,
                    crate::words::lasting(clock::mono() - began)
                ));
            }
        }
        let waited = clock::mono() - began;
        let settled = process.is_some_and(|process| process.age >= times.settled);
        if !settled && waited > times.pid_within + times.settled {
            return Outcome::Failed(match seen {
                Some(process) => format!("pid {} did not stay up", process.id.pid),
                None => format!("no new process within {}", crate::words::lasting(times.pid_within)),
            });
        }
        if settled && waited > times.pid_within.max(times.cure_within) {
            return Outcome::Failed(format!("a new process runs, but {}", still_wrong(cause)));
        }
        // Quick while there is nothing to see, since then the next look may be it.
        let pace = if process.is_some() { (times.settled / 4.0).min(1.0) } else { 0.2 };
        if lookout.wait(pace, lock, rung, issues).is_err() {
            return Outcome::StoodDown("interrupted".into());
        }
        // The look keeps the history: what crashes meanwhile is counted.
        if process.is_some() || waited > 1.0 {
            lookout.look();
        }
    }
}

fn cured(lookout: &mut Lookout, cause: Cause) -> bool {
    match cause {
        Cause::LogStale => lookout.memory.heard,
        Cause::Disconnected => {
            let (facts, _) = lookout.look();
            matches!(connection(&lookout.memory, &facts), Fact::Known(connection) if connection.connected)
        }
        _ => true,
    }
}

fn still_wrong(cause: Cause) -> &'static str {
    match cause {
        Cause::LogStale => "it has written nothing to its log",
        Cause::Disconnected => "it is not connected to Telegram",
        _ => "it does not stay up",
    }
}

/// SIGTERM, then SIGKILL, each to this very process only; gone when this returns.
fn end(lookout: &Lookout, who: Process, patience: f64, what: &str, reason: &str) -> Result<(), String> {
    let pid = who.id.pid;
    lookout
        .journal
        .note(&format!("act: SIGTERM to {what} (pid {pid}, {} old), because {reason}", crate::words::lasting(who.age)));
    process::signal(who.id, Signal::TERM)?;
    if process::gone_within(who.id, patience) {
        return Ok(());
    }
    lookout.journal.note(&format!(
        "act: SIGKILL to {what} (pid {pid}), because it is still there {} after SIGTERM",
        crate::words::lasting(patience)
    ));
    process::signal(who.id, Signal::KILL)?;
    if process::gone_within(who.id, 5.0) { Ok(()) } else { Err(format!("pid {pid} does not end, not even by SIGKILL")) }
}

/// Somebody's agent run under the bridge is waited for, once an incident.
fn wait_for_work(
    lookout: &mut Lookout,
    own: Identity,
    lock: &mut RecoveryLock,
    verdict: &Verdict,
) -> Result<(), Interrupted> {
    if lookout.incident.as_ref().is_some_and(|incident| incident.waited_for_work) {
        return Ok(());
    }
    let until = clock::mono() + lookout.world.times.work;
    let mut said = false;
    while clock::mono() < until {
        // What can't be seen can't be waited for.
        let tasks = bridge::tasks_at_work(own, 1.0).unwrap_or(0);
        if tasks == 0 {
            break;
        }
        if !said {
            lookout.journal.note(&format!(
                "{} at work under the bridge; waited for once, {} at most",
                count(tasks, "task is", "tasks are"),
                crate::words::lasting(lookout.world.times.work)
            ));
            said = true;
        }
        lookout.wait(2.0, lock, 2, &verdict.issues)?;
    }
    if let Some(incident) = &mut lookout.incident {
        incident.waited_for_work |= said;
    }
    Ok(())
}

/// Whether the manager respawns the job within a moment, by itself: then a start of ours would be one too many.
fn respawns_now(lookout: &mut Lookout) -> bool {
    let until = clock::mono() + lookout.world.times.respawn_near;
    let due = match (&lookout.memory.ended, lookout.observer.process().0) {
        (Some(ended), Fact::Known(job)) => match lookout.service {
            // systemd counts from the death, and its door knows the very moment.
            crate::system::service::Service::Systemd(_) => false,
            _ => job.held_back.is_none() && ended.lived + lookout.world.times.respawn_near >= job.throttle,
        },
        _ => false,
    };
    while due && clock::mono() < until {
        if matches!(lookout.observer.process().1, Fact::Known(Some(_))) {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    false
}

fn note_end(lookout: &Lookout, id: Identity) {
    if let Err(why) = recovery_lock::note_end(&lookout.config, id) {
        lookout.journal.note(&why);
    }
}

fn copies(config: &Config, managed: Option<Identity>, older_than: f64) -> Result<Vec<Process>, String> {
    let all = bridge::all(&Likeness { root: config.root.clone(), program: config.program.clone() })?;
    let others = bridge::others(all, managed.map(|managed| managed.pid));
    Ok(others.into_iter().filter(|copy| copy.age >= older_than).collect())
}

fn copies_now(config: &Config, managed: Option<Identity>) -> Result<usize, String> {
    copies(config, managed, 0.0).map(|copies| copies.len())
}

fn why(verdict: &Verdict) -> String {
    verdict.issues.first().cloned().unwrap_or_else(|| crate::snapshot::name(&verdict.cause))
}

fn words_of(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Cured(words)
        | Outcome::Failed(words)
        | Outcome::Unavailable(words)
        | Outcome::StoodDown(words)
        | Outcome::Busy(words) => words,
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
