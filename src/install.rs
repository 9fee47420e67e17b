//! `install` and `uninstall`: our own agent, and the bridge's where there is none. Both can be run twice; `uninstall`
//! puts back what `install` found.
//!
//! What a person has written stays: of the bridge's plist only three keys change (in real life a reload dropped 112
//! variables that someone had put into it), of a systemd unit none, since a drop-in says what we need. Its environment
//! is never printed, and nobody's `disable` is overridden.

mod launchd;
mod systemd;

use crate::config::{Config, Manager};
use crate::system::clock;
use crate::system::service::Service;
use crate::world::World;

/// Our own label and bundle id; the systemd unit is called `bridge-watchdog`.
pub const LABEL: &str = "com.valor.bridge-watchdog";

/// Writes and loads the agents, and looks for their processes.
///
/// # Errors
/// What could not be written or loaded, and the mend. What was done before that stays done; run it again.
pub fn install(config: &Config, world: &World, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    if config.manager != Manager::Embedded {
        match host(config) {
            Host::Launchd => launchd::bridge(config, world, say)?,
            Host::Systemd => systemd::bridge(config, world, say)?,
        }
        verify(&Service::of(config, world), "the bridge", &config.label, world, say)?;
    }
    match host(config) {
        Host::Launchd => launchd::ours(config, world, say)?,
        Host::Systemd => systemd::ours(config, world, say)?,
    }
    verify(&our_service(config, world), "the watchdog", our_label(config), world, say)
}

/// Puts everything back: our agent goes, a replaced watchdog and the bridge's own keys come back.
///
/// # Errors
/// As [`install`].
pub fn uninstall(config: &Config, world: &World, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    match host(config) {
        Host::Launchd => launchd::remove(config, world, say),
        Host::Systemd => systemd::remove(config, world, say),
    }
}

/// Whether our agent is there after the next login: what is true, not what we once wrote.
pub fn starts_at_login(config: &Config, world: &World) -> bool {
    match host(config) {
        Host::Launchd => launchd::starts_at_login(world),
        Host::Systemd => systemd::starts_at_login(world),
    }
}

/// Switches the start at login on or off. Off removes the file only: the job that runs, which may be the one that asks,
/// is not ended.
///
/// # Errors
/// What could not be written, and the mend.
pub fn set_start_at_login(config: &Config, world: &World, on: bool) -> Result<(), String> {
    match host(config) {
        Host::Launchd => launchd::set_start_at_login(config, world, on),
        Host::Systemd => systemd::set_start_at_login(config, world, on),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Host {
    Launchd,
    Systemd,
}

/// Who keeps us: whoever keeps the bridge; where we keep it ourselves, the platform's own.
fn host(config: &Config) -> Host {
    match config.manager {
        Manager::Launchd => Host::Launchd,
        Manager::Embedded if cfg!(target_os = "macos") => Host::Launchd,
        Manager::Systemd | Manager::Embedded => Host::Systemd,
    }
}

fn our_label(config: &Config) -> &'static str {
    match host(config) {
        Host::Launchd => LABEL,
        Host::Systemd => systemd::UNIT,
    }
}

fn our_service(config: &Config, world: &World) -> Service {
    match host(config) {
        Host::Launchd => Service::Launchd(crate::system::service::launchd::Launchd::new(LABEL, world)),
        Host::Systemd => Service::Systemd(crate::system::service::systemd::Systemd::new(systemd::UNIT, world)),
    }
}

/// A load that returned 0 is no running job: a pid has to be seen. What its operator stopped is left as it is.
fn verify(service: &Service, what: &str, label: &str, world: &World, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let until = clock::mono() + world.times.pid_within;
    loop {
        let job = service.status()?;
        if let Some(pid) = job.pid {
            say(&format!("{what} ({label}) runs, pid {pid}"));
            return Ok(());
        }
        if job.stopped_by_operator {
            say(&format!("{what} ({label}) is stopped by its operator and stays so"));
            return Ok(());
        }
        if clock::mono() > until {
            return Err(format!(
                "{what} ({label}) is loaded, but no process was seen (last exit: {}); see its log",
                job.last_exit
            ));
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// What our agent starts: the app where it is there, else the headless watch, which is what it falls back to.
fn our_program() -> Result<String, String> {
    let me = std::env::current_exe().map_err(|error| format!("our own path can't be found: {error}"))?;
    let app = me.with_file_name("bridge-watchdog-tray");
    let program = if app.exists() { app } else { me };
    program
        .into_os_string()
        .into_string()
        .map_err(|_| "our own path is no text; move the program to a plainer place".into())
}
