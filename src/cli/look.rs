//! Commands that only look.

use serde_json::json;

use super::{FAILED, Failure, OK, UNKNOWN};
use crate::assess::Verdict;
use crate::config::Config;
use crate::facts::{EventKind, Facts};
use crate::history::History;
use crate::install;
use crate::limits::Environment;
use crate::snapshot::{self, Snapshot, exit_code, headline};
use crate::system::service::Service;
use crate::system::{clock, crashes as crash_log, files, recovery_lock};
use crate::watchdog::{Watchdog, status_file};
use crate::words::{at, at_second, iso, lasting};

/// One look, no action, no write.
pub fn check(config: &Config, environment: &Environment, as_json: bool) -> Result<u8, Failure> {
    let mut watchdog = Watchdog::new(config, environment, false).map_err(|why| (UNKNOWN, why))?;
    let (facts, verdict) = watchdog.look_once(history_of_the_watch(config, environment));
    if as_json {
        crate::outln!("{:#}", snapshot::check(&facts, &watchdog.history, &verdict, &environment.limits));
    } else {
        print(&facts, &verdict);
    }
    Ok(exit_code(&verdict))
}

/// What the running watch saw last.
pub fn status(config: &Config, environment: &Environment, as_json: bool) -> u8 {
    let now = clock::now();
    let watching = recovery_lock::watching(config);
    let snapshot: Option<Snapshot> = files::json(&status_file(config));
    let job = Service::of(config, environment).status();
    let overdue = snapshot
        .as_ref()
        .is_some_and(|snapshot| now.mono - snapshot.clock.mono > 2.0 * snapshot.tick + environment.limits.ask);
    if as_json {
        crate::outln!(
            "{:#}",
            json!({
                "watching": watching,
                "overdue": overdue || watching.is_none(),
                "seen": snapshot.as_ref().map(|snapshot| iso(snapshot.clock.wall)),
                "since": snapshot.as_ref().map(|snapshot| iso(snapshot.since)),
                "rung": snapshot.as_ref().and_then(|snapshot| snapshot.rung.as_ref()).map(|rung| json!({"level": rung.number, "since": iso(rung.since), "why": rung.why})),
                "check": snapshot.as_ref().map(|snapshot| &snapshot.check),
                "services": {"bridge": match &job {
                    Ok(job) => json!({"installed": job.installed, "loaded": job.loaded, "stopped_by_operator": job.stopped_by_operator}),
                    Err(why) => json!({"unknown": why}),
                }, "watchdog": {
                    "installed": install::installed(config, environment),
                    "starts_at_login": install::starts_at_login(config, environment),
                }},
            })
        );
    } else {
        match (watching, overdue) {
            (None, _) => {
                crate::outln!("No watchdog is running for {}; start it: bridge-watchdog run", config.root.display());
            }
            (Some(pid), true) => crate::outln!("The watchdog (pid {pid}) is overdue: it has missed two looks."),
            (Some(pid), false) => crate::outln!("The watchdog (pid {pid}) is watching {}.", config.root.display()),
        }
        match &job {
            Ok(job) if job.loaded => crate::outln!("The bridge's service ({}) is loaded.", config.label),
            Ok(job) if job.installed => {
                crate::outln!("The bridge's service ({}) is installed, but not loaded.", config.label);
            }
            Ok(_) => {
                crate::outln!("The bridge's service ({}) is not installed; run: bridge-watchdog install", config.label);
            }
            Err(why) => crate::outln!("The bridge's service can't be asked about: {why}"),
        }
        if let Some(snapshot) = &snapshot {
            crate::outln!(
                "Seen {} ago: {} since {}",
                lasting(now.mono - snapshot.clock.mono),
                headline(&snapshot.verdict),
                at(snapshot.since, now)
            );
            for issue in &snapshot.verdict.issues {
                crate::outln!("  {issue}");
            }
            crate::outln!("Next: {}", snapshot.verdict.next);
        }
    }
    match snapshot {
        Some(snapshot) if watching.is_some() && !overdue => exit_code(&snapshot.verdict),
        _ => UNKNOWN,
    }
}

/// The crash history.
pub fn crashes(config: &Config, as_json: bool, since: Option<f64>) -> Result<u8, Failure> {
    let now = clock::now();
    let from = since.map_or(f64::NEG_INFINITY, |since| now.wall - since);
    let mut events = crash_log::since(&config.data("crash_history.jsonl"), from).map_err(|why| (FAILED, why))?;
    for event in &mut events {
        event.reason = config.secrets.without(&event.reason);
    }
    if as_json {
        let list: Vec<_> = events
            .iter()
            .map(|event| json!({"timestamp": event.at, "event_type": event.kind, "commit_sha": event.commit, "commit_age_seconds": event.commit_age, "reason": event.reason, "class": event.class, "datetime": iso(event.at)}))
            .collect();
        crate::outln!("{:#}", json!(list));
        return Ok(OK);
    }
    for event in &events {
        let what = if event.kind == EventKind::Start { "start" } else { "crash" };
        crate::outln!("{}  {what}  {:8}  {}", at_second(event.at, now.zone), event.commit, event.reason);
    }
    let crashed = events.iter().filter(|event| event.kind == EventKind::Crash).count();
    crate::outln!("{} events, {crashed} of them crashes", events.len());
    Ok(OK)
}

/// What takes time to know, from the watch that runs; nothing where none does or its word is old.
pub fn history_of_the_watch(config: &Config, environment: &Environment) -> Option<History> {
    recovery_lock::watching(config)?;
    let snapshot: Snapshot = files::json(&status_file(config))?;
    let age = clock::mono() - snapshot.clock.mono;
    (0.0..=2.0 * snapshot.tick + environment.limits.ask).contains(&age).then_some(snapshot.history)
}

fn print(facts: &Facts, verdict: &Verdict) {
    crate::outln!("{}", headline(verdict));
    for issue in &verdict.issues {
        crate::outln!("  {issue}");
    }
    if let Some(process) = facts.process.known().copied().flatten() {
        crate::outln!("  pid {}, up for {}", process.id.pid, lasting(process.age));
    }
    for unknown in &verdict.unknown {
        crate::outln!("  not known: {unknown}");
    }
    crate::outln!("Next: {}", verdict.next);
}
