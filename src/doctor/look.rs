//! Gathers the facts, each within a time limit, and has them judged. Looks, and writes nothing.

use std::path::{Path, PathBuf};

use plist::Value;

use super::desktop;
use super::finding::{AutoRevert, Finding, Found, Host, Mend};
use super::mac::{self, WatchReads};
use super::machine::{self, ScriptSeen};
use super::script;
use super::service::{self, AgentFileSeen, OutputSeen, PlistSeen, ServiceSeen};
use super::setup::{self, ConfigSeen, FileSeen, FilesSeen, Refusal, TelegramSeen};
use super::watch::{self, WatchSeen};
use crate::config::{Config, exposure};
use crate::contract;
use crate::facts::Job;
use crate::install::{self, place};
use crate::limits::Environment;
use crate::manager::Manager;
use crate::observe;
use crate::snapshot::{Snapshot, is_fresh};
use crate::system::process::Names;
use crate::system::service::Service;
use crate::system::service::launchd::Launchd;
use crate::system::session::open;
use crate::system::telegram::{self, CallError};
use crate::system::{clock, files, git, lookalikes, program, recovery_lock, setup_files, timed};
use crate::watch::publisher::{VERSION, status_file};

/// Everything, in the order in which a person mends it. `config` is what could be loaded of `file`.
pub fn look(file: &Path, config: Result<&Config, &str>, environment: &Environment) -> Vec<Finding> {
    let mut all = setup::config(&configuration(file, config.err(), environment));
    let Ok(config) = config else { return all };
    let limits = environment.limits;
    let owned = (config.clone(), environment.clone());
    let rest: [(&'static str, fn(&Config, &Environment) -> Vec<Finding>); 6] = [
        ("alerts", told),
        ("service", bridge),
        ("watch", watching),
        ("disk", disk),
        ("update-script", checkout),
        ("machine", machine),
    ];
    for (id, look) in rest {
        let (config, environment) = owned.clone();
        // Each asks a few programs at most, or sends two requests.
        let seen = timed::once(4 * limits.ask + 2 * limits.send, move || look(&config, &environment));
        all.extend(seen.unwrap_or_else(|why| vec![unseen(id)(why)]));
    }
    all
}

fn configuration(file: &Path, refused: Option<&str>, environment: &Environment) -> ConfigSeen {
    let (path, home) = (file.to_owned(), environment.home.clone());
    let there = std::fs::symlink_metadata(file).is_ok();
    let open = timed::once(environment.limits.ask, move || exposure::of_configuration(&path, &home));
    ConfigSeen { file: file.to_owned(), there, refused: refused.map(str::to_owned), open: open.unwrap_or_default() }
}

fn told(config: &Config, environment: &Environment) -> Vec<Finding> {
    let seen = config.telegram.as_ref().map(|telegram| {
        let limit = environment.limits.send;
        let me = telegram::me(telegram, limit);
        let refusal =
            |error: CallError| Refusal { answered: error.status.is_some(), why: config.secrets.without(&error.why) };
        TelegramSeen {
            file: config.file.clone(),
            chat_id: telegram.chat_id,
            api_url: telegram.api_url.clone(),
            // A token that is not valid can't be asked for the chat.
            chat: me.name.is_ok().then(|| telegram::chat(telegram, limit).map_err(refusal)),
            ahead: me.clocks.map(|(theirs, ours)| ours.0 - theirs.0),
            me: me.name.map_err(refusal),
        }
    });
    setup::telegram(&config.file, seen.as_ref())
}

fn bridge(config: &Config, environment: &Environment) -> Vec<Finding> {
    let service = Service::of(config, environment);
    let job = service.status();
    let runs = job.as_ref().is_ok_and(|job| job.pid.is_some());
    let mut all = setup::files(&FilesSeen {
        config: config.file.clone(),
        root: config.root.clone(),
        log: file(&config.log),
        error_log: file(&config.error_log),
        session: file(&config.session),
        login: config.login.clone(),
        runs,
    });
    let plist = match &service {
        Service::Launchd(launchd) => Some(plist(launchd, job.as_ref().ok())),
        Service::Systemd(_) | Service::Embedded(_) => None,
    };
    let file = plist.as_ref().and_then(|plist| plist.file.clone());
    let outputs = match &service {
        Service::Launchd(_) => file.as_deref().map(plist_outputs),
        Service::Systemd(systemd) => systemd.outputs().ok(),
        Service::Embedded(_) => None,
    };
    let unit = service.unit();
    all.extend(service::service(&ServiceSeen {
        manager: config.manager,
        name: service.name(),
        drop_ins: install::units(environment).join(format!("{}.d", unit.as_deref().unwrap_or_default())),
        label: unit.unwrap_or_else(|| config.label.clone()),
        job: job.map_err(|why| config.secrets.without(&why)),
        runtime_folder: std::env::var_os("XDG_RUNTIME_DIR").is_some(),
        outputs: outputs.into_iter().flat_map(|outputs| output(config, outputs)).collect(),
        plist,
    }));
    if let Some(seen) = file.as_deref().and_then(agent_file) {
        all.extend(service::agent_file("plist-mode", "plist-quarantine", &seen));
    }
    all
}

fn file(path: &Path) -> FileSeen {
    FileSeen { path: path.to_owned(), there: path.exists(), folder: path.parent().is_some_and(Path::is_dir) }
}

fn plist(launchd: &Launchd, job: Option<&Job>) -> PlistSeen {
    let found = launchd.file().find(job.and_then(|job| job.file.as_deref()));
    let usual = launchd.file().usual();
    let anothers = usual.exists() && found.file.as_ref() != Some(&usual) && !found.others.contains(&usual);
    PlistSeen { file: found.file, others: found.others, usual_is_anothers: anothers.then_some(usual) }
}

fn plist_outputs(file: &Path) -> [Option<PathBuf>; 2] {
    let keys = Value::from_file(file).ok().and_then(Value::into_dictionary).unwrap_or_default();
    ["StandardOutPath", "StandardErrorPath"].map(|key| keys.get(key).and_then(Value::as_string).map(PathBuf::from))
}

fn output(config: &Config, [out, error]: [Option<PathBuf>; 2]) -> [OutputSeen; 2] {
    let seen = |id, to: Option<PathBuf>, configured: &Path| OutputSeen {
        id,
        to_written: to.as_deref().and_then(files::modified),
        configured_written: files::modified(configured),
        // The same file may have two names.
        to: to.map(|to| if same(&to, configured) { configured.to_owned() } else { to }),
        configured: configured.to_owned(),
        config: config.file.clone(),
    };
    // Both may go into one file.
    let error_log = if error.is_some() && error == out { &config.log } else { &config.error_log };
    [seen("output-path", out.clone(), &config.log), seen("error-output-path", error, error_log)]
}

fn same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

fn agent_file(path: &Path) -> Option<AgentFileSeen> {
    let mode = setup_files::mode(path)?;
    Some(AgentFileSeen { path: path.to_owned(), mode, quarantined: setup_files::is_quarantined(path) })
}

fn watching(config: &Config, environment: &Environment) -> Vec<Finding> {
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

fn disk(config: &Config, _: &Environment) -> Vec<Finding> {
    vec![machine::disk(&config.root, &observe::disk(config))]
}

fn checkout(config: &Config, _: &Environment) -> Vec<Finding> {
    let scripts = setup_files::scripts(&config.root);
    let scripts: Vec<ScriptSeen> = scripts.iter().filter_map(|(path, text)| script::script(path, text)).collect();
    let mut all = machine::scripts(&scripts, &config.data(contract::RECOVERY_IN_PROGRESS));
    let on = config.auto_revert || config.data(contract::AUTO_REVERT_ENABLED).exists();
    let revert = if on {
        match git::committer(&config.root) {
            Ok(user) => AutoRevert::On { user },
            Err(why) => AutoRevert::Cannot(config.secrets.without(&why)),
        }
    } else {
        AutoRevert::Off
    };
    all.push(machine::auto_revert(&config.root, revert));
    all
}

fn machine(config: &Config, environment: &Environment) -> Vec<Finding> {
    let mut all = Vec::new();
    if config.manager != Manager::Launchd && cfg!(target_os = "linux") {
        let user = Names::new().of(std::process::id());
        all.extend(user.map(|user| machine::linger(environment.linger.join(user).exists())));
    }
    if cfg!(target_os = "macos") {
        all.extend(of_a_mac(config, environment));
    }
    all
}

fn of_a_mac(config: &Config, environment: &Environment) -> Vec<Finding> {
    let limit = environment.limits.ask;
    let snapshot: Option<Snapshot> = files::json(&status_file(config));
    let fresh = |snapshot: &Snapshot| is_fresh(snapshot, clock::now(), limit);
    let reads = match snapshot.filter(fresh) {
        Some(_) if recovery_lock::watching(config).is_none() => WatchReads::Nobody,
        Some(snapshot) if snapshot.verdict.unknown.is_empty() => WatchReads::Everything,
        Some(_) => WatchReads::NotAll,
        None => WatchReads::Nobody,
    };
    let mut all = vec![mac::folder(&config.root, &environment.home, reads)];
    if let Some(bundle) = program::ours().ok().and_then(|program| place::bundle(&program)) {
        let protected = mac::is_protected(&config.root, &environment.home);
        let seen = setup_files::codesign(&bundle, limit).and_then(|(code, said)| mac::signature(code, &said));
        all.push(seen.map_or_else(unseen("signature"), |signature| mac::bundle(&bundle, signature, protected)));
    }
    let power = setup_files::power(limit);
    let seen = power.clone().and_then(|said| mac::sleep(&said));
    all.push(seen.map_or_else(unseen("sleep"), mac::sleeps));
    all.extend(power.ok().and_then(|said| mac::starts_after_power_cut(&said)).map(mac::power_cut));
    let seen = setup_files::automatic_login(limit);
    all.push(seen.map_or_else(unseen("automatic-login"), mac::automatic_login));
    all
}

/// What could not be looked at is not well.
fn unseen(id: &'static str) -> impl Fn(String) -> Finding {
    move |why| Finding::ill(id, Found::Unseen(why), Mend::Again)
}
