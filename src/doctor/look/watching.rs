//! The watch and its agent.

use std::path::Path;

use super::agent_file;
use crate::config::Config;
use crate::doctor::finding::{Finding, Host};
use crate::doctor::setup::FileState;
use crate::doctor::watch::{self, OtherAgent, ProgramFault, WatchSeen};
use crate::doctor::{desktop, machine, service};
use crate::install::{self, Misplaced, place};
use crate::limits::Environment;
use crate::manager::Manager;
use crate::setup::jobs::Job;
use crate::snapshot::{Snapshot, is_fresh};
use crate::system::session::open;
use crate::system::{clock, file_state, files, installed, lookalikes, program, recovery_lock, setup_files};
use crate::watch::publisher::{VERSION, status_file};

pub(super) fn watching(config: &Config, environment: &Environment) -> Vec<Finding> {
    let host = if install::under_launchd(config) { Host::Launchd } else { Host::Systemd };
    let unwritable = file_state::unwritable(&config.state, &environment.state_dir);
    let watching = recovery_lock::watching(config);
    let snapshot: Option<Snapshot> = files::json(&status_file(config));
    let now = clock::now();
    let installed = install::installed(config, environment);
    let agent = install::agent_file(config, environment);
    let job = install::agent_job(config, environment);
    // launchd alone keeps a note of who is disabled.
    let at_login = match &job {
        Err(why) if host == Host::Launchd => Err(config.secrets.without(why)),
        _ => Ok(install::starts_at_login(config, environment)),
    };
    let job = job.ok();
    // One that has just begun has not looked yet, and one that is stuck shows it in its file.
    let fresh = snapshot.as_ref().is_some_and(|snapshot| is_fresh(snapshot, now, environment.limits.ask));
    let own = snapshot.as_ref().filter(|snapshot| Some(snapshot.watch) == watching);
    // What another watch, or this one long ago, saw of its desktop says nothing.
    let desktop = own.filter(|_| fresh).and_then(|snapshot| snapshot.desktop);
    let seen = WatchSeen {
        host,
        agent: name(host),
        watching,
        unseen: unwritable
            .as_ref()
            .filter(|_| watching.is_none())
            .map(|seen| (seen.why.clone(), machine::writable(seen))),
        seen: snapshot.as_ref().map(|snapshot| now.mono.since(snapshot.clock.mono)),
        fresh,
        version: own.map(|snapshot| snapshot.version.clone()),
        here: VERSION,
        replaced: watching.is_some_and(setup_files::was_replaced),
        installed,
        other_agent: (!installed).then(|| other_agent(&agent)).flatten(),
        at_login,
        fault: our_job(host, environment).and_then(|job| program_fault(&job, environment)),
        keep_alive: job.as_ref().filter(|job| job.installed).map(|job| job.keep_alive.clone()),
        startable: host == Host::Systemd || job.as_ref().is_some_and(|job| job.loaded),
        never_started: host == Host::Launchd
            && job.is_some_and(|job| job.loaded && job.pid.is_none() && job.runs == Some(0)),
    };
    let mut all = vec![machine::state(&config.state, unwritable.as_ref())];
    all.extend(watch::watch(&seen));
    all.extend(desktop::desktop(desktop));
    if host == Host::Launchd {
        all.extend(plist(&agent));
    }
    all
}

/// What is in the place of our agent's file and is not known to be that.
fn other_agent(file: &Path) -> Option<OtherAgent> {
    let path = file.to_owned();
    match file_state::read(file) {
        FileState::Absent { .. } => None,
        FileState::Denied(why) | FileState::Unseen(why) => Some(OtherAgent { path, unread: Some(why) }),
        FileState::File | FileState::NoFile(_) => Some(OtherAgent { path, unread: None }),
    }
}

/// What can be said of our agent where nothing says which bridge it is to watch. One that is not there is no fault yet.
pub(super) fn agent_alone(host: Host, environment: &Environment) -> Vec<Finding> {
    let Some(job) = our_job(host, environment) else { return Vec::new() };
    let mut all = vec![watch::agent_alone(name(host), program_fault(&job, environment).as_ref())];
    if host == Host::Launchd {
        all.extend(plist(&install::usual_agent_file(environment)));
    }
    all
}

fn plist(file: &Path) -> Vec<Finding> {
    let seen = agent_file(file);
    let findings = |seen| service::agent_file("agent-plist-mode", "agent-plist-quarantine", &seen).to_vec();
    seen.map(findings).unwrap_or_default()
}

fn name(host: Host) -> &'static str {
    if host == Host::Launchd { install::LABEL } else { install::UNIT }
}

/// Our own agent, whichever bridge it watches.
fn our_job(host: Host, environment: &Environment) -> Option<Job> {
    let manager = if host == Host::Launchd { Manager::Launchd } else { Manager::Systemd };
    installed::jobs(environment).into_iter().find(|job| job.manager == manager && job.label == name(host))
}

/// Of the program that our agent starts.
fn program_fault(job: &Job, environment: &Environment) -> Option<ProgramFault> {
    let word = job.program.first()?;
    let here = program::ours().ok()?;
    let misplaced = |program: &Path| {
        let why = if job.manager == Manager::Launchd {
            place::on_a_mac(program)
        } else {
            place::is_in_a_build_folder(program).then_some(Misplaced::BuildFolder)
        };
        // Programs of the tests lie in a build folder, but nobody's on a disk image.
        why.filter(|why| environment.installed_only || matches!(why, Misplaced::Translocated | Misplaced::OtherVolume))
    };
    let real = Path::new(word).canonicalize().unwrap_or_else(|_| word.into());
    let missing = program::missing(Path::new("/"), word);
    watch::program(Path::new(word), missing, misplaced(&real), (&here, misplaced(&here)))
}

/// A watch keeps the bridge's log open. Another one has its lock in another state folder, so the lock does not tell.
pub(super) fn other_watches(config: &Config, watching: Option<u32>) -> Result<Vec<u32>, String> {
    // Nobody has a file open that can't even be looked at, as far as can be seen.
    if let Err(error) = config.log.try_exists() {
        return Err(format!("{}: {error}", config.log.display()));
    }
    let (open, _) = open::opened_by(&config.log)?;
    let is_other = |pid: &u32| Some(*pid) != watching && *pid != std::process::id();
    let is_watch = |pid: &u32| lookalikes::name(*pid).is_some_and(|name| install::is_our_name(&name));
    let open = open.into_iter().filter(is_other).filter(is_watch);
    // A run of the bridge of `demo` has our name too: it is no other than the bridge.
    Ok(open.filter(|pid| !lookalikes::has_word(*pid, "demo-bridge")).collect())
}
