//! The loop: four named steps a tick, and what a command does between two of them.

use crate::assess::{Cause, State, TELL, Verdict};
use crate::facts::{Fact, Facts, Pause};
use crate::inbox::Command;
use crate::incident::{self, Plan};
use crate::install;
use crate::lookout::{Lookout, status_file};
use crate::recover::{self, Outcome};
use crate::snapshot::Snapshot;
use crate::system::service::Service;
use crate::system::wake::Woke;
use crate::system::{clock, files, markers, recovery_lock};
/// Watches until it is told to quit. The caller holds [`recovery_lock::one_watch`].
pub fn run(lookout: &mut Lookout) {
    lookout.watching = true;
    recovery_lock::sweep(&lookout.config);
    lookout.incident = files::json(&lookout.incident_file());
    lookout.since = files::json::<Snapshot>(&status_file(&lookout.config)).and_then(standing);
    if let Service::Embedded(embedded) = &lookout.service {
        embedded.keep();
    }
    lookout.journal.note(&format!(
        "watching {} ({}, {})",
        lookout.config.root.display(),
        lookout.config.label,
        lookout.service.name()
    ));
    loop {
        let pause = tick(lookout);
        if answer(lookout).is_some() || sleep(lookout, pause).is_some() {
            break;
        }
    }
    lookout.journal.note("the watch ends; the bridge is left as it is");
}

/// Asked to end.
struct Quit;

/// One tick: look, decide, heal, tell. Returns the seconds until the next.
pub fn tick(lookout: &mut Lookout) -> f64 {
    let (facts, verdict) = lookout.look();
    follow(lookout, &facts, &verdict);
    let times = lookout.world.times;
    let plan = incident::plan(lookout.incident.as_ref(), &verdict, facts.clock.mono, &times);
    let outcome = match plan {
        Plan::Rung(rung) => Some((rung, recover::climb(lookout, &facts, &verdict, rung))),
        Plan::Nothing | Plan::Later(_) => None,
    };
    lookout.reporter.deliver(&lookout.journal, &mut lookout.memory.undelivered);
    let down = matches!(facts.process, Fact::Known(None));
    match outcome {
        Some((rung, Outcome::Failed(_) | Outcome::Unavailable(_))) if rung < TELL => {
            let wait = times.between[usize::from(rung - 1).min(2)];
            // Jitter, so that two things that fail together do not keep step.
            wait * (0.8 + 0.4 * fastrand::f64())
        }
        // Whatever stood in the way is not gone within a second.
        Some((_, Outcome::StoodDown(_) | Outcome::Busy(_))) => times.settled,
        Some(_) => times.tick_down,
        None if down && verdict.state == State::Unhealthy && !matches!(plan, Plan::Later(_)) => times.tick_down,
        // Waiting or stopped may last for days, and each look at what is down asks the manager and every process.
        None if down => times.settled.min(times.tick),
        // A person who has just restarted the bridge wants to see it come up, not wait for the minute.
        None if verdict.state == State::Starting && young(&facts, times.tick) => times.settled.min(times.tick),
        None => times.tick,
    }
}

fn follow(lookout: &mut Lookout, facts: &Facts, verdict: &Verdict) {
    let before = lookout.incident.clone();
    let (incident, ended) = incident::follow(before.clone(), verdict, facts.clock, &lookout.world.times);
    lookout.incident = incident;
    if let Some(ended) = ended {
        lookout.reporter.over(&lookout.journal, &ended, facts.clock);
    }
    if verdict.person
        && let Some(incident) = &mut lookout.incident
        && !incident.told.contains(&(verdict.cause, false))
    {
        incident.told.push((verdict.cause, false));
        incident.alerted = true;
        lookout.reporter.tell(&lookout.config, &lookout.journal, facts, verdict);
    }
    if lookout.incident != before {
        lookout.save_incident();
    }
    remind(lookout, facts, verdict);
}

fn remind(lookout: &mut Lookout, facts: &Facts, verdict: &Verdict) {
    let file = lookout.config.state.join("reminded.json");
    // A pause knows its own beginning, also over a restart of ours.
    let pause = facts.orders.pause.filter(|_| verdict.cause == Cause::Paused);
    let since = pause.map_or(lookout.since.map_or(facts.clock.wall, |(_, _, since)| since), |pause| pause.since);
    if incident::reminder_due(verdict, since, files::json(&file), facts.clock.wall, &lookout.world.times) {
        let _ = files::replace_json(&file, &facts.clock.wall);
        lookout.reporter.remind(&lookout.journal, verdict, since, facts.clock);
    }
}

/// Until the next tick is due, or the bridge dies, or somebody asks for something.
fn sleep(lookout: &mut Lookout, seconds: f64) -> Option<Quit> {
    // Only what the last look saw alive: the death of a process that nobody could be asked about is no news, and
    // would wake the loop at once, again and again.
    let process = lookout.last.as_ref().and_then(|(facts, _)| facts.process.known().copied().flatten());
    let woke = lookout.inbox.sleep(process.map(|process| process.id), seconds);
    if let (Woke::Died, Some(process)) = (woke, process) {
        lookout.journal.note(&format!("seen: pid {} is gone", process.id.pid));
    }
    answer(lookout)
}

/// Does what was asked for.
fn answer(lookout: &mut Lookout) -> Option<Quit> {
    let mut quit = None;
    for command in lookout.inbox.take() {
        match command {
            Command::CheckNow => {}
            Command::Quit => quit = Some(Quit),
            Command::Pause(seconds) => pause(lookout, command, Some(seconds)),
            Command::Resume => pause(lookout, command, None),
            Command::Restart => {
                let outcome = recover::restart_by_hand(lookout);
                lookout.note_act(&format!("by hand: restart: {outcome}"));
                lookout.show_again();
                lookout.answer(command, seen(outcome));
            }
            Command::AutoRevert(on) => {
                lookout.journal.note(&format!("by hand: auto-revert is switched {}", word(on)));
                let done = markers::set_auto_revert(&lookout.config, on);
                say(lookout, command, done);
            }
            Command::StartAtLogin(on) => {
                lookout.journal.note(&format!("by hand: start at login is switched {}", word(on)));
                let done = install::set_start_at_login(&lookout.config, &lookout.world, on);
                say(lookout, command, done);
            }
        }
    }
    quit
}

fn pause(lookout: &mut Lookout, command: Command, seconds: Option<f64>) {
    let now = clock::wall();
    let pause = seconds.map(|seconds| Pause { since: now, until: now + seconds });
    lookout.note_act(&match pause {
        Some(pause) => format!("by hand: recovery is paused until {}", crate::words::at(pause.until, clock::now())),
        None => "by hand: recovery goes on".into(),
    });
    let done = markers::set_pause(&lookout.config, pause);
    say(lookout, command, done);
}

/// What a person asked for and did not get is said where it was asked.
fn say(lookout: &mut Lookout, command: Command, done: Result<(), String>) {
    if let Err(why) = &done {
        lookout.note_act(&format!("failed: {why}"));
        lookout.show_again();
    }
    lookout.answer(command, done);
}

/// An act by hand is done when its effect was seen.
fn seen(outcome: Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Cured(_) => Ok(()),
        other => Err(other.to_string()),
    }
}

/// A stop or a pause that outlives a restart of ours has lasted since it began: a person hears of it after a day.
fn standing(before: Snapshot) -> Option<(State, Cause, f64)> {
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
