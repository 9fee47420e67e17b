//! The rungs. Obeys the verdict; each rung acts, then looks until the effect is seen or the time is up, and looks again
//! right before anything that destroys. A line in the journal stands before each act: what, to whom, why.

mod stale;

use std::fmt;

use crate::assess::{Cause, TELL, Verdict};
use crate::facts::{Fact, Facts, Identity, Job, KeepAlive, Process};
use crate::history::connection;
use crate::plan;
use crate::system::clock;
use crate::system::recovery_lock::{self, RecoveryLock, Taken};
use crate::watchdog::{Interrupted, Watchdog};

/// Alerts of one incident, beside the one that it is over.
const MOST_TOLD: usize = 2;

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
pub fn climb(watchdog: &mut Watchdog, facts: &Facts, verdict: &Verdict, rung: u8) -> Outcome {
    let lock = match recovery_lock::take(&watchdog.config, rung, &verdict.issues) {
        Ok(lock) => Ok(lock),
        Err(Taken::By(pid)) => return Outcome::Busy(Taken::By(pid).to_string()),
        Err(Taken::Broken(why)) => Err(why),
    };
    let why = watchdog.reason();
    watchdog.show_rung(Some((rung, &why)));
    let outcome = match lock {
        // Telling harms nobody else's recovery, and where no lock can be had it is all that is left.
        _ if rung >= TELL => tell(watchdog, facts, verdict),
        Ok(mut lock) => one_rung(watchdog, verdict, rung, &mut lock),
        // Tried all the same: a chain that stands still here would never come to tell anybody.
        Err(why) => Outcome::Failed(why),
    };
    watchdog.note_act(&format!("rung {rung} {outcome}"));
    let now = clock::now();
    let mut incident = watchdog.incident.take().unwrap_or_else(|| plan::open(verdict.cause, now.wall));
    match outcome {
        Outcome::StoodDown(_) | Outcome::Busy(_) => {}
        _ => plan::tried(&mut incident, verdict.cause, rung, now.mono),
    }
    watchdog.incident = Some(incident);
    watchdog.save_incident();
    watchdog.show_rung(None);
    outcome
}

/// The whole chain, once, by hand: no DM, and no wait for a manager that still has time.
pub fn chain_by_hand(watchdog: &mut Watchdog, verdict: &Verdict, say: &mut dyn FnMut(&str)) -> Outcome {
    let mut rung = verdict.rung.max(1);
    let mut lock = match recovery_lock::take(&watchdog.config, rung, &verdict.issues) {
        Ok(lock) => lock,
        Err(taken) => return not_taken(taken),
    };
    let mut outcome = Outcome::Failed("nothing was tried".into());
    while rung < TELL {
        outcome = one_rung(watchdog, verdict, rung, &mut lock);
        say(&format!("rung {rung}: {outcome}"));
        watchdog.journal.note(&format!("by hand: rung {rung} {outcome}"));
        if !matches!(outcome, Outcome::Failed(_) | Outcome::Unavailable(_)) {
            return outcome;
        }
        let wait = watchdog.environment.limits.between[usize::from(rung - 1).min(2)];
        if watchdog.wait(wait, &mut lock, rung, &verdict.issues).is_err() {
            return interrupted(Interrupted);
        }
        rung = plan::next_rung(rung, verdict);
    }
    Outcome::Failed(format!("every rung was tried; {}", words_of(&outcome)))
}

/// Restart by hand, whatever the state: a person knows more than the facts do. What the operator disabled stays down.
pub fn restart_by_hand(watchdog: &mut Watchdog) -> Outcome {
    let issues = ["Restart by hand.".to_owned()];
    let mut lock = match recovery_lock::take(&watchdog.config, 1, &issues) {
        Ok(lock) => lock,
        Err(taken) => return not_taken(taken),
    };
    let why = "a person asked for it";
    watchdog.show_rung(Some((1, why)));
    let outcome = restart(watchdog, Cause::None, why, &mut lock, 1, &issues);
    watchdog.show_rung(None);
    outcome
}

fn one_rung(watchdog: &mut Watchdog, verdict: &Verdict, rung: u8, lock: &mut RecoveryLock) -> Outcome {
    if rung == 1 {
        restart(watchdog, verdict.cause, &why(verdict), lock, rung, &verdict.issues)
    } else if rung == 2 {
        stale::end_and_restart(watchdog, verdict, lock)
    } else if rung == 3 {
        start_at_least(watchdog, verdict, lock, rung, "this version can't free the session's lock yet")
    } else {
        start_at_least(watchdog, verdict, lock, rung, "this version can't revert HEAD yet")
    }
}

/// A rung whose own cure is missing still ends with a start, where nobody else starts the bridge: a counter of crashes
/// once kept a bridge down for 7 h that one start would have cured. Where the manager respawns it by itself, none is
/// added.
fn start_at_least(
    watchdog: &mut Watchdog,
    verdict: &Verdict,
    lock: &mut RecoveryLock,
    rung: u8,
    missing: &str,
) -> Outcome {
    let (Fact::Known(job), Fact::Known(None)) = watchdog.observer.process() else {
        return Outcome::Unavailable(missing.into());
    };
    let by_itself = job.keep_alive == KeepAlive::Always && !job.gave_up && job.held_back.is_none();
    if by_itself && !matches!(verdict.cause, Cause::ProcessDead | Cause::NotLoaded) {
        return Outcome::Unavailable(missing.into());
    }
    restart(watchdog, verdict.cause, &why(verdict), lock, rung, &verdict.issues)
}

/// Rung 1. A bridge that is gone is started, which harms nothing if the manager was quicker. One that lives is restarted
/// in its manager's own way, and only for a person: whatever else brought us here, it is what we wanted to see.
fn restart(
    watchdog: &mut Watchdog,
    cause: Cause,
    reason: &str,
    lock: &mut RecoveryLock,
    rung: u8,
    issues: &[String],
) -> Outcome {
    let (job, process) = watchdog.observer.process();
    let (Fact::Known(job), Fact::Known(process)) = (job, process) else { return nobody_to_ask() };
    if job.stopped_by_operator {
        return stopped_by_operator();
    }
    let label = watchdog.config.label.clone();
    let (mut before, mut acted) = (None, Ok(()));
    if let Some(process) = process {
        if cause == Cause::None {
            let manager = watchdog.service.name();
            let pid = process.id.pid;
            watchdog.journal.note(&format!("act: restart {label} (pid {pid}) through {manager}, because {reason}"));
            note_end(watchdog, process.id);
            before = Some(process.id);
            acted = watchdog.service.restart().map_err(Outcome::Failed);
        }
    } else {
        acted = start(watchdog, cause, &job, reason);
    }
    match acted {
        Ok(()) => verify(watchdog, cause, before, lock, rung, issues),
        Err(outcome) => outcome,
    }
}

/// A start, not a shot: the manager may respawn it by itself this very moment.
///
/// # Errors
/// How the rung ends where nothing was started.
fn start(watchdog: &mut Watchdog, cause: Cause, job: &Job, reason: &str) -> Result<(), Outcome> {
    if !job.loaded && !matches!(cause, Cause::None | Cause::NotLoaded) {
        // Whoever took the job away since we looked (an update) will bring it back; it has its time for that.
        return Err(Outcome::StoodDown("its job was taken away from the service manager meanwhile".into()));
    }
    if job.keep_alive == KeepAlive::Always && respawns_now(watchdog) {
        return Ok(());
    }
    let (label, manager) = (&watchdog.config.label, watchdog.service.name());
    watchdog.journal.note(&format!("act: start {label} through {manager}, because {reason}"));
    watchdog.service.start().map_err(Outcome::Failed)
}

/// Rung 5. The chain comes here every 30 min; a person hears of each cause once, and of two causes at most: what comes
/// after them is the same night.
fn tell(watchdog: &mut Watchdog, facts: &Facts, verdict: &Verdict) -> Outcome {
    let told = watchdog.incident.as_ref().map_or(&[][..], |incident| &incident.told);
    if told.contains(&(verdict.cause, true)) || told.len() >= MOST_TOLD {
        return Outcome::Failed("no rung helped; a person was told already".into());
    }
    watchdog.journal.note(&format!("act: tell a person, because {}", why(verdict)));
    let config = watchdog.config.clone();
    watchdog.reporter.tell(&config, &watchdog.journal, facts, verdict);
    let incident = watchdog.incident.get_or_insert_with(|| plan::open(verdict.cause, facts.clock.wall));
    incident.told.push((verdict.cause, true));
    incident.alerted = true;
    Outcome::Failed("no rung helped; a person is being told".into())
}

/// The effect of a start: a new process within 90 s that lives for 10 s, and the fact that was wrong is right.
fn verify(
    watchdog: &mut Watchdog,
    cause: Cause,
    before: Option<Identity>,
    lock: &mut RecoveryLock,
    rung: u8,
    issues: &[String],
) -> Outcome {
    let limits = watchdog.environment.limits;
    let began = clock::mono();
    let mut seen: Option<Process> = None;
    loop {
        let (_, process) = watchdog.observer.process();
        let process = process.known().copied().flatten().filter(|process| Some(process.id) != before);
        if let Some(process) = process {
            seen = Some(process);
            if process.age >= limits.min_uptime && cured(watchdog, cause, process.id) {
                return Outcome::Cured(format!(
                    "pid {} is up after {}",
                    process.id.pid,
                    crate::words::lasting(clock::mono() - began)
                ));
            }
        }
        let waited = clock::mono() - began;
        let settled = process.is_some_and(|process| process.age >= limits.min_uptime);
        if !settled && waited > limits.pid_within + limits.min_uptime {
            return Outcome::Failed(match seen {
                Some(process) => format!("pid {} did not stay up", process.id.pid),
                None => format!("no new process within {}", crate::words::lasting(limits.pid_within)),
            });
        }
        if settled && waited > limits.pid_within.max(limits.cure_within) {
            return Outcome::Failed(format!("a new process runs, but {}", still_wrong(cause)));
        }
        // Quick while there is nothing to see, since then the next look may be it.
        let pace = if process.is_some() { (limits.min_uptime / 4.0).min(1.0) } else { 0.2 };
        if watchdog.wait(pace, lock, rung, issues).is_err() {
            return interrupted(Interrupted);
        }
        // The look keeps the history: what crashes meanwhile is counted.
        if process.is_some() || waited > 1.0 {
            watchdog.look();
        }
    }
}

fn cured(watchdog: &mut Watchdog, cause: Cause, process: Identity) -> bool {
    match cause {
        // Of this very run: what is remembered may still be of the one before.
        Cause::LogStale => watchdog.history.run.is_some_and(|run| run.id == process) && watchdog.history.heard,
        Cause::Disconnected => {
            let (facts, _) = watchdog.look();
            matches!(connection(&watchdog.history, &facts), Fact::Known(connection) if connection.connected)
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

/// Whether the manager respawns the job within a moment, by itself: then a start of ours would be one too many.
fn respawns_now(watchdog: &mut Watchdog) -> bool {
    let until = clock::mono() + watchdog.environment.limits.respawn_near;
    let due = match (&watchdog.history.ended, watchdog.observer.process().0) {
        (Some(ended), Fact::Known(job)) => match watchdog.service {
            // systemd counts from the death, and its door knows the very moment.
            crate::system::service::Service::Systemd(_) => false,
            _ => job.held_back.is_none() && ended.lived + watchdog.environment.limits.respawn_near >= job.throttle,
        },
        _ => false,
    };
    while due && clock::mono() < until {
        if matches!(watchdog.observer.process().1, Fact::Known(Some(_))) {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    false
}

fn note_end(watchdog: &Watchdog, id: Identity) {
    if let Err(why) = recovery_lock::note_end(&watchdog.config, id) {
        watchdog.journal.note(&why);
    }
}

fn not_taken(taken: Taken) -> Outcome {
    match taken {
        Taken::By(_) => Outcome::Busy(taken.to_string()),
        Taken::Broken(why) => Outcome::Failed(why),
    }
}

fn nobody_to_ask() -> Outcome {
    Outcome::StoodDown("the service manager can't be asked, so nothing is done".into())
}

fn stopped_by_operator() -> Outcome {
    Outcome::StoodDown("the operator stopped the bridge; it is left as it is".into())
}

fn interrupted(_: Interrupted) -> Outcome {
    Outcome::StoodDown("interrupted".into())
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
