//! `install` and `uninstall`: our own agent, and the bridge's where there is none. Both can be run twice; `uninstall`
//! puts back what `install` found.
//!
//! What a person has written stays: in the bridge's plist only three keys change (a reload once dropped 112 variables
//! that someone had put into it); a systemd unit is not changed, since a drop-in says what we need. The environment is
//! never printed, and a `disable` is never overridden.

mod backup;
mod file;
mod keys;
mod launchd;
mod login;
pub mod place;
mod systemd;
mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::login::{Login, installed, set_start_at_login, starts_at_login};
pub use self::place::Misplaced;
pub use self::systemd::{UNIT, units};
pub use self::text::is_our_name;
use crate::config::Config;
use crate::contract;
use crate::facts::{Exit, Job, KeepAlive};
use crate::identity;
use crate::limits::Environment;
use crate::manager::Manager;
use crate::snapshot::Snapshot;
use crate::system::poll::Deadline;
use crate::system::process_table::{self, ProcessMatch};
use crate::system::service::Service;
use crate::system::{files, program, progress, recovery_lock, setup_files};
use crate::text::progress::what;
use crate::waiting::Waiting;
use crate::watch::publisher::{VERSION, status_file};

/// Our own label and bundle id; the systemd unit is called `bridge-watchdog`.
pub const LABEL: &str = contract::LABEL;

/// Writes and loads the agents, and looks for their processes. A bridge that does not come up does not stop the
/// install: it is one more reason for a watchdog.
///
/// # Errors
/// What could not be written or loaded, and the mend. What was done before that stays done; run it again.
pub fn install(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    refuse_misplaced(config, environment)?;
    refuse_beside_another(config, environment)?;
    remark_build_folder(config, environment, say);
    progress::waits(&what(&Waiting::Manager, &config.label, Service::of(config, environment).name()));
    let bridge = bridge(config, environment, say);
    let ours = not_stopped().and_then(|()| ours(config, environment, say));
    both(bridge, ours)
}

/// Puts everything back: our agent is removed, a replaced watchdog and the bridge's own keys are restored.
///
/// # Errors
/// As [`install`].
pub fn uninstall(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    progress::waits(&what(&Waiting::Stop, our_label(config), ""));
    let (ours, bridge) = match host(config) {
        Host::Launchd => {
            (launchd::remove_ours(config, environment, say), launchd::put_bridge_back(config, environment, say))
        }
        Host::Systemd => {
            (systemd::remove_ours(config, environment, say), systemd::put_bridge_back(config, environment, say))
        }
    };
    both(ours, both(bridge, became(config, environment, say)))
}

/// What has become of the bridge, as it is now and not as it was asked for.
fn became(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let (service, label) = (Service::of(config, environment), &config.label);
    if config.manager == Manager::Embedded {
        say(&format!("the bridge ({label}) was kept by the watchdog itself, so nothing keeps it now"));
        return Ok(());
    }
    let deadline = Deadline::after(environment.limits.pid_within);
    loop {
        let job = service.status()?;
        let waits = job.loaded && job.pid.is_none() && !job.stopped_by_operator && job.keep_alive == KeepAlive::Always;
        let line = match job.pid {
            Some(pid) => format!("the bridge ({label}) is under {} as before, and runs, pid {pid}", service.name()),
            None if !job.installed && !job.loaded => {
                format!(
                    "the bridge ({label}) is no longer under {}: its file is gone, and it does not run",
                    service.name()
                )
            }
            None if job.stopped_by_operator => {
                format!("the bridge ({label}) is stopped by its operator and stays so")
            }
            None if waits && deadline.left().is_some() && progress::signal().is_none() => {
                progress::waits(&what(&Waiting::Process { within: environment.limits.pid_within }, label, ""));
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
            None => format!(
                "the bridge ({label}) is under {} as before, and does not run (last exit: {})",
                service.name(),
                job.last_exit
            ),
        };
        say(&line);
        return Ok(());
    }
}

/// Removes our own agent where no configuration says which bridge it watched. It is known by its name.
///
/// # Errors
/// What could not be removed or ended.
pub fn uninstall_without(environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let agents = [launchd::agent(environment, LABEL), systemd::unit(environment, UNIT)];
    if agents.iter().all(|path| std::fs::symlink_metadata(path).is_err()) {
        let usual = &agents[usize::from(!cfg!(target_os = "macos"))];
        say(&format!("there is no agent of ours: {} is not there", usual.display()));
        return Ok(());
    }
    let launchd = launchd::remove_without(environment, say);
    both(launchd, systemd::remove_without(environment, say))?;
    say("the bridge and its own agent or unit are left as they are");
    for copy in backup::copies(environment, &agents) {
        say(&format!("an older watchdog's file was kept; to put it back, move it there yourself: {}", copy.display()));
    }
    Ok(())
}

/// Between two steps: a signal has come, and nothing further is begun.
fn not_stopped() -> Result<(), String> {
    progress::signal().map_or(Ok(()), |_| Err("stopped".into()))
}

/// Whether launchd keeps our own agent here, else systemd.
pub fn under_launchd(config: &Config) -> bool {
    host(config) == Host::Launchd
}

/// Where our own agent's file is, or would be.
pub fn agent_file(config: &Config, environment: &Environment) -> PathBuf {
    match host(config) {
        Host::Launchd => launchd::agent(environment, LABEL),
        Host::Systemd => systemd::unit(environment, UNIT),
    }
}

/// The same under launchd, whichever bridge it watches.
pub fn usual_agent_file(environment: &Environment) -> PathBuf {
    launchd::agent(environment, LABEL)
}

/// Whether the manager has loaded our own agent.
///
/// # Errors
/// Why that can't be found out.
pub fn agent_loaded(config: &Config, environment: &Environment) -> Result<bool, String> {
    agent_job(config, environment).map(|job| job.loaded)
}

/// What the manager knows about our own agent.
///
/// # Errors
/// As [`agent_loaded`].
pub fn agent_job(config: &Config, environment: &Environment) -> Result<Job, String> {
    our_service(config, environment).status()
}

/// Only our drop-in for the bridge's unit: systemd reads it again, and nobody is restarted.
///
/// # Errors
/// What could not be written or read again.
pub fn drop_in(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    systemd::write_drop_in(config, environment, say)
}

/// Whether we ever wrote this file of the bridge's.
pub fn wrote(config: &Config, path: &Path) -> bool {
    backup::wrote(config, path)
}

/// On a Mac an agent points into an installed bundle or is not written.
fn refuse_misplaced(config: &Config, environment: &Environment) -> Result<(), String> {
    if !environment.installed_only || host(config) != Host::Launchd {
        return Ok(());
    }
    let program = program::ours()?;
    match place::on_a_mac(&program) {
        Some(why) => Err(crate::text::place::misplaced(why, &program)),
        None => Ok(()),
    }
}

/// A unit that points into a build folder works, so on Linux it is only said.
fn remark_build_folder(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) {
    if environment.installed_only
        && host(config) == Host::Systemd
        && let Ok(program) = program::ours()
        && place::is_in_a_build_folder(&program)
    {
        say(&crate::text::place::in_a_build_folder(&program));
    }
}

/// A second bridge on the same session may cost the login: while one runs elsewhere, none is loaded.
fn refuse_beside_another(config: &Config, environment: &Environment) -> Result<(), String> {
    let service = Service::of(config, environment);
    if config.manager == Manager::Embedded || service.status()?.pid.is_some() {
        return Ok(());
    }
    let found = process_table::matching(&ProcessMatch::of(config, service.owner()), &[])?;
    match found.lookalikes.iter().find(|lookalike| identity::is_elsewhere(lookalike)) {
        Some(bridge) => Err(crate::text::runs_elsewhere(bridge, service.name())),
        None => Ok(()),
    }
}

fn bridge(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    if config.manager == Manager::Embedded {
        return Ok(());
    }
    // A fresh checkout has no log folder; launchd then ends the job with 78 and systemd with 209, before its first
    // line.
    for folder in [&config.log, &config.error_log].into_iter().filter_map(|log| log.parent()) {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("the folder of the bridge's log, {}, can't be made: {error}", folder.display()))?;
    }
    match host(config) {
        Host::Launchd => launchd::bridge(config, environment, say)?,
        Host::Systemd => systemd::bridge(config, environment, say)?,
    }
    verify_bridge(config, environment, say)
}

fn ours(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let loaded = match host(config) {
        Host::Launchd => launchd::ours(config, environment, say)?,
        Host::Systemd => systemd::ours(config, environment, say)?,
    };
    if loaded { verify_ours(config, environment, say) } else { Ok(()) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Host {
    Launchd,
    Systemd,
}

/// The manager of our own agent: the bridge's manager or, if we keep the bridge ourselves, the platform's default.
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

fn our_service(config: &Config, environment: &Environment) -> Service {
    match host(config) {
        Host::Launchd => Service::Launchd(crate::system::service::launchd::Launchd::new(LABEL, environment)),
        Host::Systemd => Service::Systemd(crate::system::service::systemd::Systemd::new(systemd::UNIT, environment)),
    }
}

/// That the load returned 0 does not mean that the job runs: a pid has to be seen. A job that its operator stopped is
/// left as it is.
fn verify_bridge(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let (service, label) = (Service::of(config, environment), &config.label);
    let deadline = Deadline::after(environment.limits.pid_within);
    loop {
        let job = service.status()?;
        if let Some(pid) = job.pid {
            say(&format!("the bridge ({label}) runs, pid {pid}"));
            return Ok(());
        }
        if job.stopped_by_operator {
            let why = job.unmet.as_ref().map_or_else(String::new, |unmet| format!(": {}", crate::text::unmet(unmet)));
            say(&format!("the bridge ({label}) is stopped by its operator and stays so{why}"));
            return Ok(());
        }
        if job.active_without_process {
            say(&format!("the bridge ({label}) has no process of its own: its unit is active since its command ended"));
            return Ok(());
        }
        if deadline.left().is_none() {
            return Err(format!(
                "the bridge ({label}) is loaded, but no process was seen (last exit: {}); see its log",
                job.last_exit
            ));
        }
        not_stopped()?;
        progress::waits(&what(&Waiting::Process { within: environment.limits.pid_within }, label, ""));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// For our own agent a pid is not enough: if another watch has the checkout, ours ends at once with 0 and is not
/// started again, and a look may meet it just before it ends.
fn verify_ours(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let (service, label) = (our_service(config, environment), our_label(config));
    let deadline = Deadline::after(environment.limits.pid_within);
    loop {
        let job = service.status()?;
        let watching = recovery_lock::watching(config);
        let late = deadline.left().is_none();
        match (job.pid, watching) {
            (Some(pid), Some(watch)) if pid == watch => {
                say(&format!("the watchdog ({label}) runs, pid {pid}"));
                return Ok(());
            }
            (None, _) if job.stopped_by_operator => {
                say(&format!("the watchdog ({label}) is stopped by its operator and stays so"));
                return Ok(());
            }
            (pid, Some(watch)) if late || (pid.is_none() && job.last_exit == Exit::Code(0)) => {
                return Err(format!(
                    "the watchdog ({label}) is installed, but does not run: pid {watch} is watching this checkout \
                     already; end that one (Quit in its menu, or Ctrl-C), then run: bridge-watchdog install"
                ));
            }
            (Some(pid), None) if late => {
                return Err(format!("the watchdog ({label}) runs, pid {pid}, but does not watch; see its log"));
            }
            (None, None) if late => {
                return Err(format!(
                    "the watchdog ({label}) is loaded, but no process was seen (last exit: {}); see its log",
                    job.last_exit
                ));
            }
            _ => {
                not_stopped()?;
                progress::waits(&what(&Waiting::Watch { within: environment.limits.pid_within }, label, ""));
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Whether the watch that runs is another program than the one on disk: an update replaces the file, and what runs keeps
/// the old one.
fn is_outdated(config: &Config, watch: Option<u32>) -> bool {
    let Some(watch) = watch else { return false };
    let snapshot: Option<Snapshot> = files::json(&status_file(config));
    let version = snapshot.filter(|snapshot| snapshot.watch == watch).map(|snapshot| snapshot.version);
    setup_files::was_replaced(watch) || version.is_some_and(|version| version != VERSION)
}

/// Whether this process, or its parent, is the job's own process: then the job is never ended from here.
fn runs_in(job: Option<u32>) -> bool {
    job.is_some_and(|pid| pid == std::process::id() || pid == std::os::unix::process::parent_id())
}

/// What our agent starts: the app if it is there, else the headless watch.
fn our_program() -> Result<String, String> {
    let app = program::beside("bridge-watchdog-tray")?;
    let program = if app.exists() { app } else { program::ours()? };
    program
        .into_os_string()
        .into_string()
        .map_err(|_| "our own path is no text; move the program to a plainer place".into())
}

/// Both are done, even if one fails; returns the errors of both.
fn both(one: Result<(), String>, other: Result<(), String>) -> Result<(), String> {
    match (one, other) {
        (Err(one), Err(other)) => Err(format!("{one}; and {other}")),
        (one, other) => one.and(other),
    }
}
