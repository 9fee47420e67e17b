//! The watch and its agent.

use super::agent_file;
use crate::config::Config;
use crate::doctor::finding::{Finding, Host};
use crate::doctor::watch::{self, WatchSeen};
use crate::doctor::{desktop, service};
use crate::install;
use crate::limits::Environment;
use crate::snapshot::{Snapshot, is_fresh};
use crate::system::service::launchd::Launchd;
use crate::system::session::open;
use crate::system::{clock, files, lookalikes, recovery_lock, setup_files};
use crate::watch::publisher::{VERSION, status_file};

pub(super) fn watching(config: &Config, environment: &Environment) -> Vec<Finding> {
    let host = if install::under_launchd(config) { Host::Launchd } else { Host::Systemd };
    let watching = recovery_lock::watching(config);
    let snapshot: Option<Snapshot> = files::json(&status_file(config));
    let now = clock::now();
    let installed = install::installed(config, environment);
    let agent = install::agent_file(config, environment);
    let job = (host == Host::Launchd).then(|| Launchd::new(install::LABEL, environment).status().ok()).flatten();
    // One that has just begun has not looked yet, and one that is stuck shows it in its file.
    let fresh = snapshot.as_ref().is_some_and(|snapshot| is_fresh(snapshot, now, environment.limits.ask));
    let own = snapshot.as_ref().filter(|snapshot| Some(snapshot.watch) == watching);
    // What another watch, or this one long ago, saw of its desktop says nothing.
    let desktop = own.filter(|_| fresh).and_then(|snapshot| snapshot.desktop);
    let seen = WatchSeen {
        host,
        agent: if host == Host::Launchd { install::LABEL } else { install::UNIT },
        watching,
        seen: snapshot.as_ref().map(|snapshot| now.mono.since(snapshot.clock.mono)),
        fresh,
        version: own.map(|snapshot| snapshot.version.clone()),
        here: VERSION,
        replaced: watching.is_some_and(setup_files::was_replaced),
        others: other_watches(config, watching),
        installed,
        other_agent: (!installed && agent.exists()).then(|| agent.clone()),
        at_login: install::starts_at_login(config, environment),
        startable: host == Host::Systemd || job.as_ref().is_some_and(|job| job.loaded),
        never_started: job.is_some_and(|job| job.loaded && job.pid.is_none() && job.runs == Some(0)),
    };
    let mut all = watch::watch(&seen);
    all.extend(desktop::desktop(desktop));
    if host == Host::Launchd
        && let Some(file) = agent_file(&agent)
    {
        all.extend(service::agent_file("agent-plist-mode", "agent-plist-quarantine", &file));
    }
    all
}

/// A watch keeps the bridge's log open. Another one has its lock in another state folder, so the lock does not tell.
fn other_watches(config: &Config, watching: Option<u32>) -> Vec<u32> {
    let (open, _) = open::opened_by(&config.log).unwrap_or_default();
    let is_other = |pid: &u32| Some(*pid) != watching && *pid != std::process::id();
    let is_watch = |pid: &u32| lookalikes::name(*pid).is_some_and(|name| install::is_our_name(&name));
    // A run of the bridge of `demo` has our name too: it is no other than the bridge.
    open.into_iter()
        .filter(is_other)
        .filter(is_watch)
        .filter(|pid| !lookalikes::has_word(*pid, "demo-bridge"))
        .collect()
}
