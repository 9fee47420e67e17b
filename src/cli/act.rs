//! Commands that act. They take the same lock as the watch, send no DM, and what they end is no crash.

use super::look::history_of_the_watch;
use super::{BUSY, FAILED, Failure, OK, UNKNOWN};
use crate::assess::{State, Verdict};
use crate::config::Config;
use crate::facts::{Class, Event, EventKind, Fact, Pause};
use crate::install;
use crate::limits::Environment;
use crate::recover::{self, Outcome};
use crate::snapshot::{exit_code, headline};
use crate::system::{clock, crashes, git, markers};
use crate::watchdog::Watchdog;
use crate::words::at;

pub fn restart(config: &Config, environment: &Environment, dry_run: bool) -> Result<u8, Failure> {
    let mut watchdog = watchdog(config, environment)?;
    let (facts, _) = watchdog.look_once(history_of_the_watch(config, environment));
    let (Fact::Known(job), Fact::Known(process)) = (&facts.service, &facts.process) else {
        let why = facts.service.why().or(facts.process.why()).unwrap_or_default();
        return Err((UNKNOWN, format!("nothing was done: {why}")));
    };
    if dry_run {
        crate::outln!(
            "{}",
            match process {
                _ if job.stopped_by_operator && process.is_none() =>
                    format!("Nothing: the operator stopped {}.", config.label),
                Some(process) => format!(
                    "Would restart {} (pid {}) through {}.",
                    config.label,
                    process.id.pid,
                    watchdog.service.name()
                ),
                None => format!("Would start {} through {}.", config.label, watchdog.service.name()),
            }
        );
        return Ok(OK);
    }
    finish(recover::restart_by_hand(&mut watchdog))
}

pub fn recover(config: &Config, environment: &Environment, dry_run: bool) -> Result<u8, Failure> {
    let mut watchdog = watchdog(config, environment)?;
    let (_, verdict) = watchdog.look_once(history_of_the_watch(config, environment));
    crate::outln!("{}", headline(&verdict));
    for issue in &verdict.issues {
        crate::outln!("  {issue}");
    }
    if verdict.state != State::Unhealthy {
        crate::outln!("{}", nothing_to_heal(&verdict));
        return Ok(if verdict.state == State::Degraded { OK } else { exit_code(&verdict) });
    }
    if dry_run {
        crate::outln!("Would begin at rung {}: {}.", verdict.rung.max(1), verdict.next);
        return Ok(OK);
    }
    finish(recover::chain_by_hand(&mut watchdog, &verdict, &mut |line| crate::outln!("{line}")))
}

pub fn record(config: &Config, crash: bool, reason: &str) -> Result<u8, Failure> {
    let now = clock::wall();
    let head = git::Checkout::new(&config.root).head(false).ok();
    let event = Event {
        at: now,
        kind: if crash { EventKind::Crash } else { EventKind::Start },
        commit: head.as_ref().map_or_else(|| "unknown".into(), |git| git.head.chars().take(8).collect()),
        commit_age: head.map(|git| (now - git.committed).max(0.0)),
        class: if crash { crashes::class_of(reason) } else { Class::Code },
        reason: config.secrets.without(reason),
        pid: None,
        // The bridge's own word: this runs in its start-up script.
        ours: false,
    };
    crashes::append(&config.data("crash_history.jsonl"), &event).map_err(|why| (FAILED, why))?;
    Ok(OK)
}

pub fn pause(config: &Config, lasting: Option<f64>) -> Result<u8, Failure> {
    let now = clock::now();
    let pause = lasting.map(|lasting| Pause { since: now.wall, until: now.wall + lasting });
    markers::set_pause(config, pause).map_err(|why| (FAILED, why))?;
    match pause {
        Some(pause) => crate::outln!(
            "Recovery is paused until {}; the watch goes on. To end it: bridge-watchdog resume",
            at(pause.until, now)
        ),
        None => crate::outln!("Recovery goes on."),
    }
    Ok(OK)
}

pub fn install(config: &Config, environment: &Environment, on: bool) -> Result<u8, Failure> {
    let say = &mut |line: &str| crate::outln!("{line}");
    let done =
        if on { install::install(config, environment, say) } else { install::uninstall(config, environment, say) };
    done.map_err(|why| (FAILED, why))?;
    crate::outln!("{}", if on { "Installed." } else { "Uninstalled." });
    Ok(OK)
}

fn watchdog(config: &Config, environment: &Environment) -> Result<Watchdog, Failure> {
    Watchdog::new(config, environment, false).map_err(|why| (UNKNOWN, why))
}

fn nothing_to_heal(verdict: &Verdict) -> String {
    match verdict.state {
        State::Waiting | State::Stopped => format!("Nothing is done: {}.", verdict.next),
        State::Unknown => "Nothing is done: what can't be seen is not healed by force.".into(),
        _ => "Nothing to heal.".into(),
    }
}

fn finish(outcome: Outcome) -> Result<u8, Failure> {
    match outcome {
        Outcome::Cured(words) => {
            crate::outln!("Done: {words}.");
            Ok(OK)
        }
        Outcome::Busy(words) => Err((BUSY, words)),
        Outcome::StoodDown(words) => Err((if words.contains("operator") { 4 } else { UNKNOWN }, words)),
        Outcome::Failed(words) | Outcome::Unavailable(words) => Err((FAILED, words)),
    }
}
