//! Commands that act. They take the same lock as the watch and send no DM; the deaths that they cause are no crashes.

use std::io::IsTerminal;

use super::look::history_of_the_watch;
use super::{Failure, Recorded};
use crate::act::Hand;
use crate::config::Config;
use crate::contract;
use crate::exit_code;
use crate::facts::{Class, Event, EventKind, Fact, Pause};
use crate::holders::may;
use crate::install;
use crate::limits::Environment;
use crate::markers::Update;
use crate::outcome::Outcome;
use crate::outln;
use crate::recover;
use crate::system::progress::UnderWay;
use crate::system::{clock, crashes, env, git, log_end, markers, progress, recovery_lock, timed};
use crate::text::{self, command};
use crate::time::Wall;
use crate::verdict::{Problem, State};
use crate::waiting::Waiting;
use crate::watch;
use crate::watch::controller::{Controller, Look};
use crate::watch::watchdog::Watchdog;

pub(super) fn clean_locks(config: &Config, environment: &Environment, dry_run: bool) -> Result<u8, Failure> {
    let _under_way = under_way(config)?;
    let mut controller = controller(config, environment)?;
    let Look { facts, .. } = controller.watchdog.look_once(history_of_the_watch(config, environment));
    let session = match (&facts.session, &facts.process) {
        (Fact::Known(session), Fact::Known(_)) => session,
        (session, process) => {
            let why = process.why().or(session.why()).unwrap_or_default();
            return Err((exit_code::UNKNOWN, config.secrets.without(&command::nothing_was_done(why))));
        }
    };
    if dry_run {
        let lookalikes = facts.lookalikes.known().map_or(&[][..], Vec::as_slice);
        let (starters, limits) = (&controller.watchdog.history.starters, &environment.limits);
        let judged = session.holders.iter().map(|holder| (holder, may(holder, lookalikes, starters, limits)));
        for line in command::would_clean(&config.session, &judged.collect::<Vec<_>>(), facts.running()) {
            super::say(config, &line);
        }
        return Ok(exit_code::OK);
    }
    by_hand(&mut controller, Hand::CleanLocks, false, None)
}

pub(super) fn revert(config: &Config, environment: &Environment, dry_run: bool, yes: bool) -> Result<u8, Failure> {
    // Nothing is written before the person has answered.
    let _under_way = under_way(config)?;
    let root = config.root.clone();
    let prepared = timed::once(environment.limits.work, move || git::revert::prepare(&root))
        .map_err(|why| (exit_code::UNKNOWN, why))?
        .map_err(|why| (exit_code::FAILED, config.secrets.without(&text::why_not_reverted(&why))))?;
    let ask = !dry_run && !yes && std::io::stdin().is_terminal();
    super::say(config, &command::would_revert(&prepared, clock::now()));
    if dry_run {
        return Ok(exit_code::OK);
    }
    if ask && !super::confirmed("Revert it and restart the bridge? [y/N] ") {
        outln!("Nothing was done.");
        return Ok(exit_code::OK);
    }
    let mut controller = controller(config, environment)?;
    controller.watchdog.look_once(history_of_the_watch(config, environment));
    by_hand(&mut controller, Hand::Revert, false, Some(prepared.commit))
}

pub(super) fn undo_revert(config: &Config, environment: &Environment) -> Result<u8, Failure> {
    let _under_way = under_way(config)?;
    let mut controller = controller(config, environment)?;
    controller.watchdog.look_once(history_of_the_watch(config, environment));
    by_hand(&mut controller, Hand::UndoRevert, false, None)
}

pub(super) fn restart(config: &Config, environment: &Environment, dry_run: bool) -> Result<u8, Failure> {
    let _under_way = under_way(config)?;
    let mut controller = controller(config, environment)?;
    let Look { facts, .. } = controller.watchdog.look_once(history_of_the_watch(config, environment));
    let (Fact::Known(job), Fact::Known(process)) = (&facts.service, &facts.process) else {
        let why = facts.service.why().or(facts.process.why()).unwrap_or_default();
        return Err((exit_code::UNKNOWN, config.secrets.without(&command::nothing_was_done(why))));
    };
    if dry_run {
        let manager = controller.watchdog.service.name();
        super::say(config, &command::would_restart(&config.label, manager, job, *process));
        return Ok(exit_code::OK);
    }
    by_hand(&mut controller, Hand::Restart, true, None)
}

pub(super) fn recover(config: &Config, environment: &Environment, dry_run: bool) -> Result<u8, Failure> {
    let _under_way = under_way(config)?;
    let mut controller = controller(config, environment)?;
    let Look { facts, verdict } = controller.watchdog.look_once(history_of_the_watch(config, environment));
    let now = facts.clock;
    super::say_judged(config, verdict.state, &command::judged(&verdict, now));
    let first = verdict.first();
    let held = matches!(
        first.map(|first| &first.problem),
        Some(Problem::RecoveryRunning(_) | Problem::UpdateRunning(Update::Held(_)))
    );
    if held && !dry_run {
        return finish(&controller, &Outcome::Busy(recovery_lock::held_by(config).unwrap_or(0)));
    }
    let Some(finding) = first.filter(|_| verdict.state == State::Unhealthy) else {
        super::say(config, &command::nothing_to_heal(&verdict, now));
        let well = verdict.state == State::Degraded;
        return Ok(if well { exit_code::OK } else { exit_code::of(verdict.state) });
    };
    if dry_run {
        outln!("{}", command::would_begin(finding, now));
        return Ok(exit_code::OK);
    }
    let say = &mut |rung, how: &Outcome| super::say(config, &command::rung(rung, how, clock::now()));
    acts(&controller);
    let outcome = recover::chain_by_hand(&mut controller, finding, say);
    finish(&controller, &outcome)
}

pub(super) fn record(config: &Config, environment: &Environment, what: Recorded, reason: &str) -> Result<u8, Failure> {
    // The bridge's start-up script runs in the job's environment, and so do we.
    config.secrets.learn(env::ours());
    env::learn(config, environment);
    let now = clock::wall();
    let head = git::Checkout::new(&config.root, &config.state).head(false).ok();
    let (kind, class) = match what {
        Recorded::Start => (EventKind::Start, Class::Code),
        Recorded::Crash => (EventKind::Crash, crashes::class_of(reason)),
    };
    // Counted as the bridge's own line: this command runs in its start-up script.
    let event = Event { class, ours: false, ..Event::on(head.as_ref(), now, kind, config.secrets.without(reason)) };
    crashes::append(&config.data(contract::CRASH_HISTORY), &event).map_err(|why| (exit_code::FAILED, why))?;
    Ok(exit_code::OK)
}

/// Pauses until then, or ends the pause with `None`.
pub(super) fn pause(config: &Config, until: Option<Wall>) -> Result<u8, Failure> {
    let now = clock::now();
    let pause = until.map(|until| Pause { since: now.wall, until });
    markers::set_pause(config, pause).map_err(|why| (exit_code::FAILED, why))?;
    outln!("{}", pause.map_or_else(|| command::RESUMED.into(), |pause| command::paused(pause.until, now)));
    Ok(exit_code::OK)
}

pub(super) fn install(config: &Config, environment: &Environment, on: bool) -> Result<u8, Failure> {
    let _under_way = progress::begin().map_err(|why| (exit_code::FAILED, why))?;
    // A file that is half written, or a job that is half loaded, helps nobody: a signal ends only the waits.
    progress::acts(|| {});
    let say = &mut |line: &str| super::say(config, line);
    let done =
        if on { install::install(config, environment, say) } else { install::uninstall(config, environment, say) };
    match (done, progress::signal()) {
        (Ok(()), _) => {}
        (Err(_), Some(signal)) => return Err((exit_code::of_signal(signal), command::install_stopped(on).into())),
        (Err(why), None) => return Err((exit_code::FAILED, why + &last_error(config, environment))),
    }
    outln!("{}", if on { "Installed." } else { "Uninstalled." });
    if on && config.telegram.is_none() {
        super::say(config, &text::nobody_to_tell(&config.file));
    }
    Ok(exit_code::OK)
}

/// `uninstall` where no configuration says which bridge it was.
pub(super) fn uninstall_without(why: &str, environment: &Environment) -> Result<u8, Failure> {
    let _under_way = progress::begin().map_err(|why| (exit_code::FAILED, why))?;
    progress::acts(|| {});
    let say = &mut |line: &str| outln!("{}", text::foreign(line));
    say(&command::uninstall_without(why));
    install::uninstall_without(environment, say).map_err(|why| (exit_code::FAILED, why))?;
    outln!("Uninstalled.");
    Ok(exit_code::OK)
}

fn controller(config: &Config, environment: &Environment) -> Result<Controller, Failure> {
    Controller::new(config, environment, false).map_err(|why| (exit_code::UNKNOWN, why))
}

/// What it waits for is shown from here on, and a signal ends it in good order.
fn under_way(config: &Config) -> Result<UnderWay, Failure> {
    let under_way = progress::begin().map_err(|why| (exit_code::FAILED, why))?;
    progress::waits(&text::progress::what(&Waiting::Look, &config.label, ""));
    Ok(under_way)
}

/// From here on a signal ends only what is waited for: what was begun is done to its end.
fn acts(controller: &Controller) {
    let sender = controller.commands.sender();
    progress::acts(move || sender.send(watch::commands::Command::Quit));
}

fn by_hand(controller: &mut Controller, hand: Hand, confirmed: bool, expected: Option<String>) -> Result<u8, Failure> {
    acts(controller);
    let outcome = recover::by_hand(controller, hand, confirmed, expected);
    finish(controller, &outcome)
}

fn finish(controller: &Controller, outcome: &Outcome) -> Result<u8, Failure> {
    let Watchdog { config, environment, .. } = &controller.watchdog;
    match (outcome, progress::signal()) {
        (Outcome::Cured(cure), _) => {
            outln!("Done: {}.", text::cured(cure));
            Ok(exit_code::OK)
        }
        (outcome, Some(signal)) => {
            let (done, waits) = progress::account();
            let changed = outcome.changed().map(text::changed);
            let done: Vec<String> = changed.into_iter().chain(done).collect();
            let why = text::progress::stopped(&done, waits.as_deref(), false);
            Err((exit_code::of_signal(signal), config.secrets.without(&why)))
        }
        (other, None) => {
            let mut why = config.secrets.without(&text::outcome_by_hand(other, clock::now()));
            if let Outcome::Failed(_) = other {
                why.push_str(&last_error(config, environment));
            }
            Err((other.exit_code(), why))
        }
    }
}

/// The newest error in the bridge's logs, as a sentence after another.
fn last_error(config: &Config, environment: &Environment) -> String {
    env::learn(config, environment);
    let (log, error_log, secrets) = (config.log.clone(), config.error_log.clone(), config.secrets.clone());
    let read = move || log_end::last_error(&[&error_log, &log], &secrets);
    let line = timed::once(environment.limits.ask, read).ok().flatten();
    line.map_or_else(String::new, |line| format!(". {}", text::progress::last_error(&line)))
}
