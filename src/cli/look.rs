//! Commands that only look.

use std::time::Duration;

use serde_json::json;

use super::Failure;
use crate::assess::held;
use crate::check::Check;
use crate::config::Config;
use crate::contract;
use crate::crash_groups::groups;
use crate::exit_code;
use crate::facts::{EventKind, Fact, Holder, Holds, Lock, Role};
use crate::history::History;
use crate::holds;
use crate::install;
use crate::limits::Environment;
use crate::locks::{Locks, SessionUser};
use crate::outages::Outage;
use crate::outln;
use crate::snapshot::{Snapshot, is_fresh};
use crate::system::env::JobEnvironment;
use crate::system::process::Names;
use crate::system::service::Service;
use crate::system::session::open;
use crate::system::{
    clock, crashes as crash_log, env, files, installed, lookalikes, markers, output, poll, process, program,
    recovery_lock, timed, wake_pipe,
};
use crate::text::command::OurAgent;
use crate::text::time::iso;
use crate::text::{self, command};
use crate::watch::publisher::{VERSION, status_file};
use crate::watch::watchdog::{Look, Watchdog};

/// One look, no action, no write.
pub(super) fn check(config: &Config, environment: &Environment, as_json: bool) -> u8 {
    let mut watchdog = Watchdog::new(config, environment);
    let Look { facts, verdict } = watchdog.look_once(history_of_the_watch(config, environment));
    let watched = recovery_lock::watching(config).is_some();
    if as_json {
        let check = text::check::check(&facts, &watchdog.history, &verdict, &config.secrets, &environment.limits);
        let check = Check { next: command::next_by(watched, verdict.next, facts.clock), ..check };
        output::json(&json!(check));
    } else {
        super::say_judged(config, verdict.state, &command::check(&facts, &verdict, watched));
        if config.telegram.is_none() {
            super::say(config, &text::nobody_to_tell(&config.file));
        }
    }
    exit_code::of(verdict.state)
}

/// Who holds the session, and who has it open.
pub(super) fn locks(config: &Config, environment: &Environment, as_json: bool) -> Result<u8, Failure> {
    let mut watchdog = Watchdog::new(config, environment);
    let unknown = |why: String| (exit_code::UNKNOWN, config.secrets.without(&why));
    // A bridge that can't be told from others is not named at all: whoever reads this may end a stranger.
    if let Fact::Unknown(why) = watchdog.process().1 {
        return Err(unknown(why));
    }
    let (session, family) = watchdog.session().map_err(unknown)?;
    let path = session.path.clone();
    let opened = move || open::opened_by(&path);
    let (users, unseen) = timed::once(environment.limits.ask, opened).and_then(|seen| seen).map_err(unknown)?;
    let locked: Vec<&Holder> = session.holders.iter().filter(|holder| holder.lock > Lock::None).collect();
    let names = Names::new();
    let user = |pid: u32, role, lock| SessionUser {
        pid,
        role,
        lock,
        age_s: process::find(pid).map(|process| process.age.as_secs()),
        name: lookalikes::name(pid),
        user: names.of(pid),
    };
    let open = users.into_iter().filter(|pid| locked.iter().all(|holder| holder.pid != *pid));
    let role = |pid: &u32| if family.contains(pid) { Role::Bridge } else { Role::Stranger };
    let locks = Locks {
        path: session.path.clone(),
        open: open.map(|pid| user(pid, role(&pid), None)).collect(),
        holders: locked.into_iter().map(|holder| user(holder.pid, holder.role, Some(holder.lock))).collect(),
        unseen,
    };
    if as_json {
        output::json(&json!(locks));
    } else {
        for line in command::locks(&locks) {
            super::say(config, &line);
        }
    }
    Ok(exit_code::OK)
}

/// What the running watch saw last.
pub(super) fn status(config: &Config, environment: &Environment, as_json: bool) -> u8 {
    let watching = recovery_lock::watching(config);
    let holds = markers::holds(config);
    let job = Service::of(config, environment).status();
    if let Ok(job) = &job {
        config.secrets.learn(JobEnvironment::new(config, environment).of_run(job.pid));
    }
    let snapshot = seen_now(config, environment, watching, &holds);
    // The snapshot may be newer than the question.
    let now = clock::now();
    let paused = holds.pause.filter(|pause| pause.until > now.wall);
    let overdue = snapshot.as_ref().is_some_and(|snapshot| !is_fresh(snapshot, now, environment.limits.ask));
    let snapshot = snapshot.map(|mut snapshot| {
        snapshot.check.next = command::next_by(watching.is_some(), snapshot.verdict.next, now);
        snapshot
    });
    let running = snapshot.as_ref().filter(|snapshot| Some(snapshot.watch) == watching);
    let agent = our_agent(config, environment, running.map(|snapshot| snapshot.version.clone()));
    let outages = last_outages(config, environment, snapshot.as_ref());
    if as_json {
        let rung = snapshot.as_ref().and_then(|snapshot| snapshot.rung.as_ref());
        output::json(&json!({
            "watching": watching,
            "overdue": overdue || watching.is_none(),
            "seen": snapshot.as_ref().map(|snapshot| iso(snapshot.clock.wall)),
            "since": snapshot.as_ref().map(|snapshot| iso(snapshot.since)),
            "rung": rung.map(|running| json!({
                "level": running.rung.number(),
                "since": iso(running.since),
                "why": config.secrets.without(&text::issues_of(&running.reason, now).concat()),
            })),
            "check": snapshot.as_ref().map(|snapshot| &snapshot.check),
            "holds": {
                "paused_until": paused.map(|pause| iso(pause.until)),
                "recovery": holds.recovery,
                "update": holds.update,
            },
            "services": {"bridge": match &job {
                Ok(job) => json!({
                    "installed": job.installed,
                    "loaded": job.loaded,
                    "stopped_by_operator": job.stopped_by_operator,
                }),
                Err(why) => json!({"unknown": why}),
            }, "watchdog": {
                "installed": agent.installed,
                "loaded": agent.loaded.as_ref().ok(),
                "file": agent.file,
                "program": agent.program,
                "version": agent.version,
                "running_version": agent.running_version,
                "starts_at_login": install::starts_at_login(config, environment),
            }},
            "alerts": {"chat": config.telegram.as_ref().map(|telegram| telegram.chat_id)},
            "outages": outages.iter().map(outage_json).collect::<Vec<_>>(),
        }));
    } else {
        super::say(config, &command::watching(&config.root, watching, overdue));
        super::say(config, &command::service(&config.label, &job));
        super::say(config, &command::agent(&agent));
        super::say(config, &command::alerts(config.telegram.as_ref().map(|telegram| telegram.chat_id), &config.file));
        // Nobody has looked; what holds is known all the same.
        let held = held(&holds, None, now.wall, &environment.limits).into_iter().filter(|_| snapshot.is_none());
        held.for_each(|finding| super::say(config, &text::issue(&finding.problem, now)));
        if let Some(snapshot) = &snapshot {
            super::say_judged(config, snapshot.verdict.state, &command::seen(snapshot, watching.is_some(), now));
        }
        for line in command::outages(&outages, now) {
            super::say(config, &line);
        }
    }
    match snapshot {
        Some(snapshot) if watching.is_some() && !overdue => exit_code::of(snapshot.verdict.state),
        _ => exit_code::UNKNOWN,
    }
}

/// Our own agent: its file, whether its manager has loaded it, and what it starts.
fn our_agent(config: &Config, environment: &Environment, running_version: Option<String>) -> OurAgent {
    let file = install::agent_file(config, environment);
    let words = installed::jobs(environment)
        .into_iter()
        .find(|job| job.ours && file.file_stem().is_some_and(|name| *name == *job.label));
    let program = words.and_then(|job| job.program.into_iter().next());
    let is_ours = |path: &str| {
        program::ours().is_ok_and(|ours| ours.with_file_name("x") == std::path::Path::new(path).with_file_name("x"))
    };
    let version = program.as_deref().and_then(|path| {
        // The app lies beside this program and is of the same build; another one says it itself.
        if is_ours(path) {
            Some(VERSION.to_owned())
        } else {
            program::version(std::path::Path::new(path), environment.limits.ask)
        }
    });
    OurAgent {
        installed: install::installed(config, environment),
        loaded: install::agent_loaded(config, environment),
        file,
        program,
        version,
        running_version,
    }
}

/// The last ones. The watch knows them all, and what healed them; without one the crashes of the history are known.
fn last_outages(config: &Config, environment: &Environment, snapshot: Option<&Snapshot>) -> Vec<Outage> {
    let seen = snapshot.map(|snapshot| snapshot.more.outages.clone()).filter(|seen| !seen.is_empty());
    let mut outages = seen.unwrap_or_else(|| {
        let path = config.data(contract::CRASH_HISTORY);
        // From its end: a long one costs no more.
        let recent = timed::once(environment.limits.ask, move || crash_log::recent(&path)).and_then(|recent| recent);
        let mut events = recent.unwrap_or_default();
        for event in &mut events {
            event.reason = config.secrets.without(&event.reason);
        }
        groups(&events, environment.limits.recovered_after).iter().map(|group| group.outage(&events)).collect()
    });
    outages.drain(..outages.len().saturating_sub(command::OUTAGES));
    outages
}

fn outage_json(outage: &Outage) -> serde_json::Value {
    json!({
        "from": iso(outage.began),
        "to": outage.ended.map(iso),
        "lasted_s": outage.ended.map(|ended| ended.since(outage.began).as_secs()),
        "what": text::outages::what(outage),
        "healed": outage.ended.map(|_| text::outages::healed(outage.healed)),
    })
}

/// What the watch saw, with what holds now. Where its last look is out of date it is woken, and gets a moment.
fn seen_now(config: &Config, environment: &Environment, watching: Option<u32>, holds: &Holds) -> Option<Snapshot> {
    /// A look takes milliseconds; a rung that waits does not look for this long.
    const MOMENT: Duration = Duration::from_secs(1);
    let (file, limits) = (status_file(config), &environment.limits);
    let now = clock::wall();
    let mut snapshot: Snapshot = files::json(&file)?;
    let gone = snapshot.history.run.is_some_and(|run| !process::alive(run.id));
    if watching.is_some() && (gone || holds::as_of(now, holds, &snapshot, limits).verdict != snapshot.verdict) {
        let asked = clock::mono();
        wake_pipe::wake(config);
        let newer = || files::json(&file).filter(|newer: &Snapshot| newer.clock.mono > asked);
        poll::until(MOMENT, || {
            let newer = newer();
            let came = newer.is_some();
            snapshot = newer.unwrap_or_else(|| snapshot.clone());
            came
        });
    }
    let mut shown = holds::as_of(now, holds, &snapshot, limits);
    if shown.verdict != snapshot.verdict {
        let (verdict, now) = (&shown.verdict, clock::now());
        let issues = text::issues(verdict, now).iter().map(|issue| config.secrets.without(issue)).collect();
        let (state, cause, level) = (verdict.state, verdict.cause, verdict.level());
        let next = text::next(verdict.next, now);
        shown.check = Check { state, cause, level, issues, next, ..shown.check };
    }
    Some(shown)
}

/// The crash history.
pub(super) fn crashes(
    config: &Config,
    environment: &Environment,
    as_json: bool,
    since: Option<Duration>,
) -> Result<u8, Failure> {
    env::learn(config, environment);
    let now = clock::now();
    let from = since.map(|since| now.wall - since);
    let mut events =
        crash_log::since(&config.data(contract::CRASH_HISTORY), from).map_err(|why| (exit_code::FAILED, why))?;
    for event in &mut events {
        event.reason = config.secrets.without(&event.reason);
    }
    if as_json {
        let list: Vec<_> = events
            .iter()
            .map(|event| {
                json!({
                    "timestamp": event.at,
                    "event_type": event.kind,
                    "commit_sha": event.commit,
                    "commit_age_seconds": event.commit_age,
                    "reason": event.reason,
                    "class": event.class,
                    "datetime": iso(event.at),
                })
            })
            .collect();
        output::json(&json!(list));
        return Ok(exit_code::OK);
    }
    /// An incident and its crash are stamped at one look or the next.
    const NEAR: Duration = Duration::from_mins(1);
    let groups = groups(&events, environment.limits.recovered_after);
    let known = files::json::<Snapshot>(&status_file(config)).map(|seen| seen.more.outages).unwrap_or_default();
    for (nth, event) in events.iter().enumerate() {
        if let Some(group) = groups.iter().find(|group| group.events.start == nth) {
            let (from, to) = (group.from - NEAR, group.to.unwrap_or(now.wall) + NEAR);
            let healed = known.iter().find(|outage| from <= outage.began && outage.began <= to);
            super::say(config, &command::outage(group, healed.map(|outage| outage.healed), now));
        }
        let within = groups.iter().any(|group| group.events.contains(&nth));
        super::say(config, &command::event(event, within, now.zone));
    }
    let crashed = events.iter().filter(|event| event.kind == EventKind::Crash).count();
    outln!("{}", command::events(events.len(), crashed));
    Ok(exit_code::OK)
}

/// What takes several looks to know, from the status file of the running watch; `None` if none runs or its file is old.
pub(super) fn history_of_the_watch(config: &Config, environment: &Environment) -> Option<History> {
    recovery_lock::watching(config)?;
    let snapshot: Snapshot = files::json(&status_file(config))?;
    is_fresh(&snapshot, clock::now(), environment.limits.ask).then_some(snapshot.history)
}
