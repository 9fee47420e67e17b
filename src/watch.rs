//! The loop: four named steps a tick, and what a command does between two of them.

use crate::assess::{Cause, State, TELL, Verdict};
use crate::commands::Command;
use crate::facts::{Fact, Facts, Pause};
use crate::install;
use crate::plan::{self, Plan};
use crate::recover::{self, Outcome};
use crate::snapshot::Snapshot;
use crate::system::service::Service;
use crate::system::wake::Woke;
use crate::system::{clock, files, markers, recovery_lock};
use crate::watchdog::{Watchdog, status_file};
/// Watches until it is told to quit. The caller holds [`recovery_lock::one_watch`].
pub fn run(watchdog: &mut Watchdog) {
    watchdog.watching = true;
    recovery_lock::sweep(&watchdog.config);
    watchdog.incident = files::json(&watchdog.incident_file());
    watchdog.since = files::json::<Snapshot>(&status_file(&watchdog.config)).and_then(stood_still_since);
    if let Service::Embedded(embedded) = &watchdog.service {
        embedded.keep();
    }
    watchdog.journal.note(&format!(
        "watching {} ({}, {})",
        watchdog.config.root.display(),
        watchdog.config.label,
        watchdog.service.name()
    ));
    loop {
        let pause = tick(watchdog);
        if answer(watchdog).is_some() || sleep(watchdog, pause).is_some() {
            break;
        }
    }
    watchdog.journal.note("the watch ends; the bridge is left as it is");
}

/// Asked to end.
struct Quit;

/// One tick: look, decide, heal, tell. Returns the seconds until the next.
pub fn tick(watchdog: &mut Watchdog) -> f64 {
    let (facts, verdict) = watchdog.look();
    follow(watchdog, &facts, &verdict);
    let limits = watchdog.environment.limits;
    let plan = plan::plan(watchdog.incident.as_ref(), &verdict, facts.clock.mono, &limits);
    let outcome = match plan {
        Plan::Rung(rung) => Some((rung, recover::climb(watchdog, &facts, &verdict, rung))),
        Plan::Nothing | Plan::Later(_) => None,
    };
    watchdog.reporter.deliver(&watchdog.journal, &mut watchdog.history.undelivered);
    let down = matches!(facts.process, Fact::Known(None));
    match outcome {
        Some((rung, Outcome::Failed(_) | Outcome::Unavailable(_))) if rung < TELL => {
            let wait = limits.between[usize::from(rung - 1).min(2)];
            // Jitter, so that two things that fail together do not keep step.
            wait * (0.8 + 0.4 * fastrand::f64())
        }
        // Whatever stood in the way is not gone within a second.
        Some((_, Outcome::StoodDown(_) | Outcome::Busy(_))) => limits.min_uptime,
        Some(_) => limits.poll_interval_down,
        None if down && verdict.state == State::Unhealthy && !matches!(plan, Plan::Later(_)) => {
            limits.poll_interval_down
        }
        // Waiting or stopped may last for days, and each look at what is down asks the manager and every process.
        None if down => limits.min_uptime.min(limits.tick),
        // A person who has just restarted the bridge wants to see it come up, not wait for the minute.
        None if verdict.state == State::Starting && young(&facts, limits.tick) => limits.min_uptime.min(limits.tick),
        None => limits.tick,
    }
}

fn follow(watchdog: &mut Watchdog, facts: &Facts, verdict: &Verdict) {
    let before = watchdog.incident.clone();
    let (incident, ended) = plan::follow(before.clone(), verdict, facts.clock, &watchdog.environment.limits);
    watchdog.incident = incident;
    if let Some(ended) = ended {
        watchdog.reporter.over(&watchdog.journal, &ended, facts.clock);
    }
    if verdict.person
        && let Some(incident) = &mut watchdog.incident
        && !incident.told.contains(&(verdict.cause, false))
    {
        incident.told.push((verdict.cause, false));
        incident.alerted = true;
        watchdog.reporter.tell(&watchdog.config, &watchdog.journal, facts, verdict);
    }
    if watchdog.incident != before {
        watchdog.save_incident();
    }
    remind(watchdog, facts, verdict);
}

fn remind(watchdog: &mut Watchdog, facts: &Facts, verdict: &Verdict) {
    let file = watchdog.config.state.join("reminded.json");
    // A pause knows its own beginning, also over a restart of ours.
    let pause = facts.holds.pause.filter(|_| verdict.cause == Cause::Paused);
    let since = pause.map_or(watchdog.since.map_or(facts.clock.wall, |(_, _, since)| since), |pause| pause.since);
    if plan::reminder_due(verdict, since, files::json(&file), facts.clock.wall, &watchdog.environment.limits) {
        let _ = files::replace_json(&file, &facts.clock.wall);
        watchdog.reporter.remind(&watchdog.journal, verdict, since, facts.clock);
    }
}

/// Until the next tick is due, or the bridge dies, or somebody asks for something.
fn sleep(watchdog: &mut Watchdog, seconds: f64) -> Option<Quit> {
    // Only what the last look saw alive: the death of a process that nobody could be asked about is no news, and
    // would wake the loop at once, again and again.
    let process = watchdog.last.as_ref().and_then(|(facts, _)| facts.process.known().copied().flatten());
    let woke = watchdog.commands.sleep(process.map(|process| process.id), seconds);
    if let (Woke::Died, Some(process)) = (woke, process) {
        watchdog.journal.note(&format!("seen: pid {} is gone", process.id.pid));
    }
    answer(watchdog)
}

/// Does what was asked for.
fn answer(watchdog: &mut Watchdog) -> Option<Quit> {
    let mut quit = None;
    for command in watchdog.commands.take() {
        match command {
            Command::CheckNow => {}
            Command::Quit => quit = Some(Quit),
            Command::Pause(seconds) => pause(watchdog, command, Some(seconds)),
            Command::Resume => pause(watchdog, command, None),
            Command::Restart => {
                let outcome = recover::restart_by_hand(watchdog);
                watchdog.note_act(&format!("by hand: restart: {outcome}"));
                watchdog.show_again();
                watchdog.answer(command, seen(outcome));
            }
            Command::AutoRevert(on) => {
                watchdog.journal.note(&format!("by hand: auto-revert is switched {}", word(on)));
                let done = markers::set_auto_revert(&watchdog.config, on);
                say(watchdog, command, done);
            }
            Command::StartAtLogin(on) => {
                watchdog.journal.note(&format!("by hand: start at login is switched {}", word(on)));
                let done = install::set_start_at_login(&watchdog.config, &watchdog.environment, on);
                say(watchdog, command, done);
            }
        }
    }
    quit
}

fn pause(watchdog: &mut Watchdog, command: Command, seconds: Option<f64>) {
    let now = clock::wall();
    let pause = seconds.map(|seconds| Pause { since: now, until: now + seconds });
    watchdog.note_act(&match pause {
        Some(pause) => format!("by hand: recovery is paused until {}", crate::words::at(pause.until, clock::now())),
        None => "by hand: recovery goes on".into(),
    });
    let done = markers::set_pause(&watchdog.config, pause);
    say(watchdog, command, done);
}

/// What a person asked for and did not get is said where it was asked.
fn say(watchdog: &mut Watchdog, command: Command, done: Result<(), String>) {
    if let Err(why) = &done {
        watchdog.note_act(&format!("failed: {why}"));
        watchdog.show_again();
    }
    watchdog.answer(command, done);
}

/// An act by hand is done when its effect was seen.
fn seen(outcome: Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Cured(_) => Ok(()),
        other => Err(other.to_string()),
    }
}

/// A stop or a pause that outlives a restart of ours has lasted since it began: a person hears of it after a day.
fn stood_still_since(before: Snapshot) -> Option<(State, Cause, f64)> {
    let verdict = before.verdict;
    let stands = matches!(verdict.state, State::Waiting | State::Stopped);
    stands.then_some((verdict.state, verdict.cause, before.since))
}

fn young(facts: &Facts, age: f64) -> bool {
    facts.process.known().copied().flatten().is_some_and(|process| process.age < age)
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
