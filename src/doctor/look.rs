//! Gathers the facts, each within a time limit, and has them judged. Looks, and writes nothing.

mod bridge;
mod others;
mod watching;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::finding::{AutoRevert, Finding, Found, Host, Mend};
use super::mac::{self, WatchReads};
use super::machine::{self, ScriptSeen};
use super::older;
use super::script;
use super::service::AgentFileSeen;
use super::setup::{self, ConfigSeen, Refusal, TelegramSeen};
use crate::config::{Config, exposure};
use crate::contract;
use crate::install::place;
use crate::limits::Environment;
use crate::manager::Manager;
use crate::observe;
use crate::snapshot::{Snapshot, is_fresh};
use crate::system::process::Names;
use crate::system::telegram::{self, CallError};
use crate::system::{clock, files, git, mounts, program, recovery_lock, setup_files, timed};
use crate::watch::publisher::status_file;

/// Everything, in the order in which a person mends it. `config` is what could be loaded of `file`.
pub fn look(file: &Path, config: Result<&Config, &str>, environment: &Environment) -> Vec<Finding> {
    let mut all = setup::config(&configuration(file, config.err(), environment));
    let limits = environment.limits;
    // Each asks a few programs at most, or sends two requests.
    let limit = 4 * limits.ask + 2 * limits.send;
    let Ok(config) = config else {
        let surroundings = environment.clone();
        let seen = timed::once(limit, move || without_a_configuration(&surroundings));
        all.extend(seen.unwrap_or_else(|why| vec![unseen("machine")(why)]));
        return all;
    };
    let owned = (config.clone(), environment.clone());
    let rest: [(&'static str, fn(&Config, &Environment) -> Vec<Finding>); 7] = [
        ("alerts", told),
        ("service", bridge::bridge),
        ("watch", watching::watching),
        ("second-watch", second_watch),
        ("disk", disk),
        ("update-script", checkout),
        ("machine", machine),
    ];
    for (id, look) in rest {
        let (config, environment) = owned.clone();
        let seen = timed::once(limit, move || look(&config, &environment));
        all.extend(seen.unwrap_or_else(|why| vec![unseen(id)(why)]));
    }
    all
}

/// What concerns every bridge: our agent, if it is there, and the machine.
fn without_a_configuration(environment: &Environment) -> Vec<Finding> {
    let host = if cfg!(target_os = "macos") { Host::Launchd } else { Host::Systemd };
    let mut all = watching::agent_alone(host, environment);
    all.extend(lingering(environment));
    if cfg!(target_os = "macos") {
        all.extend(signature(false, environment));
        all.extend(of_a_mac(environment));
    }
    all
}

fn second_watch(config: &Config, environment: &Environment) -> Vec<Finding> {
    let ours = watching::other_watches(config, recovery_lock::watching(config));
    vec![older::second(&ours, &others::look(config, environment))]
}

fn configuration(file: &Path, refused: Option<&str>, environment: &Environment) -> ConfigSeen {
    let (path, home) = (file.to_owned(), environment.home.clone());
    let look = move || {
        let gone = std::fs::symlink_metadata(&path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
        (!gone, exposure::of_configuration(&path, &home))
    };
    // What does not answer may well be there.
    let (there, open) = timed::once(environment.limits.ask, look).unwrap_or_else(|why| (true, Err(why)));
    ConfigSeen { file: file.to_owned(), there, refused: refused.map(str::to_owned), open }
}

fn told(config: &Config, environment: &Environment) -> Vec<Finding> {
    let seen = config.telegram.as_ref().map(|telegram| {
        let limit = environment.limits.send;
        let me = telegram::me(telegram, limit);
        let refusal = |error: CallError| Refusal { status: error.status, why: error.why };
        TelegramSeen {
            file: config.file.clone(),
            token: exposure::place_of_token(&config.file, &environment.home),
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

fn disk(config: &Config, _: &Environment) -> Vec<Finding> {
    let mut seen: Vec<(PathBuf, u64)> = Vec::new();
    let data = config.root.join(contract::DATA);
    for path in [&config.root, &data, &config.session, &config.log, &config.error_log, &config.state] {
        let there = observe::nearest(path);
        let volume = there.and_then(|there| Some((there.to_owned(), mounts::id(there)?.0)));
        seen.extend(volume.filter(|(_, device)| seen.iter().all(|(_, known)| known != device)));
    }
    machine::disks(&seen.into_iter().map(|(place, _)| (place.clone(), observe::free(&place))).collect::<Vec<_>>())
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
    if config.manager != Manager::Launchd {
        all.extend(lingering(environment));
    }
    if cfg!(target_os = "macos") {
        all.push(guarded_folder(config, environment));
        all.extend(signature(mac::is_protected(&config.root, &environment.home), environment));
        all.extend(of_a_mac(environment));
    }
    all
}

fn lingering(environment: &Environment) -> Option<Finding> {
    let user = Names::new().of(std::process::id()).filter(|_| cfg!(target_os = "linux"))?;
    Some(machine::linger(environment.linger.join(user).exists()))
}

fn guarded_folder(config: &Config, environment: &Environment) -> Finding {
    let snapshot: Option<Snapshot> = files::json(&status_file(config));
    let fresh = |snapshot: &Snapshot| is_fresh(snapshot, clock::now(), environment.limits.ask);
    let reads = match snapshot.filter(fresh) {
        Some(_) if recovery_lock::watching(config).is_none() => WatchReads::Nobody,
        Some(snapshot) if snapshot.verdict.unknown.is_empty() => WatchReads::Everything,
        Some(_) => WatchReads::NotAll,
        None => WatchReads::Nobody,
    };
    mac::folder(&config.root, &environment.home, reads)
}

/// Of the bundle that we run from. `protected`: a permission for a folder hangs on it.
fn signature(protected: bool, environment: &Environment) -> Option<Finding> {
    let bundle = program::ours().ok().and_then(|program| place::bundle(&program))?;
    let said = setup_files::codesign(&bundle, environment.limits.ask);
    let seen = said.and_then(|(code, said)| mac::signature(code, &said));
    Some(seen.map_or_else(unseen("signature"), |signature| mac::bundle(&bundle, signature, protected)))
}

fn of_a_mac(environment: &Environment) -> Vec<Finding> {
    let limit = environment.limits.ask;
    let power = setup_files::power(limit);
    let seen = power.clone().and_then(|said| mac::sleep(&said));
    let mut all = vec![seen.map_or_else(unseen("sleep"), mac::sleeps)];
    all.extend(power.ok().and_then(|said| mac::starts_after_power_cut(&said)).map(mac::power_cut));
    let seen = setup_files::automatic_login(limit);
    all.push(seen.map_or_else(unseen("automatic-login"), mac::automatic_login));
    all
}

/// What could not be looked at is not well.
fn unseen(id: &'static str) -> impl Fn(String) -> Finding {
    move |why| Finding::ill(id, Found::Unseen(why), Mend::Again)
}

fn agent_file(path: &Path) -> Option<AgentFileSeen> {
    let mode = setup_files::mode(path)?;
    Some(AgentFileSeen { path: path.to_owned(), mode, quarantined: setup_files::is_quarantined(path) })
}
