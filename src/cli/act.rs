//! Commands that act. They take the same lock as the watch and send no DM; the deaths that they cause are no crashes.

use std::time::Duration;

use super::look::history_of_the_watch;
use super::{Failure, Recorded};
use crate::config::Config;
use crate::contract;
use crate::exit_code;
use crate::facts::{Class, Event, EventKind, Fact, Pause};
use crate::install;
use crate::limits::Environment;
use crate::outcome::Outcome;
use crate::outln;
use crate::recover;
use crate::system::{clock, crashes, git, markers};
use crate::text::{self, command};
use crate::verdict::State;
use crate::watch::controller::{Controller, Look};

pub(super) fn restart(config: &Config, environment: &Environment, dry_run: bool) -> Result<u8, Failure> {
    let mut controller = controller(config, environment)?;
    let Look { facts, .. } = controller.watchdog.look_once(history_of_the_watch(config, environment));
    let (Fact::Known(job), Fact::Known(process)) = (&facts.service, &facts.process) else {
        let why = facts.service.why().or(facts.process.why()).unwrap_or_default();
        return Err((exit_code::UNKNOWN, command::nothing_was_done(why)));
    };
    if dry_run {
        let manager = controller.watchdog.service.name();
        outln!("{}", command::would_restart(&config.label, manager, job, *process));
        return Ok(exit_code::OK);
    }
    finish(&recover::restart_by_hand(&mut controller))
}

pub(super) fn recover(config: &Config, environment: &Environment, dry_run: bool) -> Result<u8, Failure> {
    let mut controller = controller(config, environment)?;
    let Look { facts, verdict } = controller.watchdog.look_once(history_of_the_watch(config, environment));
    let now = facts.clock;
    for line in command::judged(&verdict, now) {
        outln!("{}", config.secrets.without(&line));
    }
    let Some(finding) = verdict.first().filter(|_| verdict.state == State::Unhealthy) else {
        outln!("{}", command::nothing_to_heal(&verdict, now));
        let well = verdict.state == State::Degraded;
        return Ok(if well { exit_code::OK } else { exit_code::of(verdict.state) });
    };
    if dry_run {
        outln!("{}", command::would_begin(finding, now));
        return Ok(exit_code::OK);
    }
    let say = &mut |rung, how: &Outcome| outln!("{}", command::rung(rung, how, clock::now()));
    finish(&recover::chain_by_hand(&mut controller, finding, say))
}

pub(super) fn record(config: &Config, what: Recorded, reason: &str) -> Result<u8, Failure> {
    let now = clock::wall();
    let head = git::Checkout::new(&config.root).head(false).ok();
    let (kind, class) = match what {
        Recorded::Start => (EventKind::Start, Class::Code),
        Recorded::Crash => (EventKind::Crash, crashes::class_of(reason)),
    };
    // Counted as the bridge's own line: this command runs in its start-up script.
    let event = Event { class, ours: false, ..Event::on(head.as_ref(), now, kind, config.secrets.without(reason)) };
    crashes::append(&config.data(contract::CRASH_HISTORY), &event).map_err(|why| (exit_code::FAILED, why))?;
    Ok(exit_code::OK)
}

pub(super) fn pause(config: &Config, lasting: Option<Duration>) -> Result<u8, Failure> {
    let now = clock::now();
    let pause = lasting.map(|lasting| Pause { since: now.wall, until: now.wall + lasting });
    markers::set_pause(config, pause).map_err(|why| (exit_code::FAILED, why))?;
    outln!("{}", pause.map_or_else(|| command::RESUMED.into(), |pause| command::paused(pause.until, now)));
    Ok(exit_code::OK)
}

pub(super) fn install(config: &Config, environment: &Environment, on: bool) -> Result<u8, Failure> {
    let say = &mut |line: &str| outln!("{line}");
    let done =
        if on { install::install(config, environment, say) } else { install::uninstall(config, environment, say) };
    done.map_err(|why| (exit_code::FAILED, why))?;
    outln!("{}", if on { "Installed." } else { "Uninstalled." });
    Ok(exit_code::OK)
}

fn controller(config: &Config, environment: &Environment) -> Result<Controller, Failure> {
    Controller::new(config, environment, false).map_err(|why| (exit_code::UNKNOWN, why))
}

fn finish(outcome: &Outcome) -> Result<u8, Failure> {
    match outcome {
        Outcome::Cured(cure) => {
            outln!("Done: {}.", text::cured(cure));
            Ok(exit_code::OK)
        }
        other => Err((other.exit_code(), text::outcome_by_hand(other, clock::now()))),
    }
}
