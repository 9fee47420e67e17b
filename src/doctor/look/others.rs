//! Another watchdog of this checkout: among the agents and units, in the crontab, among the processes.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::doctor::older::{By, Older, of_crontab, of_job, of_words};
use crate::facts::Job;
use crate::install::is_our_name;
use crate::limits::Environment;
use crate::manager::Manager;
use crate::setup::jobs;
use crate::system::command::{self, CommandError};
use crate::system::service::launchd::Launchd;
use crate::system::service::systemd::Systemd;
use crate::system::{installed, started};

/// The first that is found. An agent before its process, which would only come back.
pub(super) fn look(config: &Config, environment: &Environment) -> Result<Option<Older>, String> {
    let here = |paths: Vec<PathBuf>| paths.into_iter().find_map(|path| in_checkout(config, &path));
    for job in installed::jobs(environment) {
        if job.ours || job.label == config.label {
            continue;
        }
        let Some(script) = here(of_job(&job.program, job.folder.as_deref())) else { continue };
        if let Some(by) = starts(&job, environment) {
            return Ok(Some(Older { script, by }));
        }
    }
    if let Some(script) = here(of_crontab(&crontab(environment)?, &environment.home)) {
        return Ok(Some(Older { script, by: By::Crontab }));
    }
    let processes = started::all()?.into_iter();
    let found = processes.filter_map(|process| {
        let script = here(of_words(&process.words, process.folder.as_deref()).into_iter().collect())?;
        Some(Older { script, by: By::Process(process.pid) })
    });
    Ok(found.into_iter().next())
}

/// The script itself, if it is in the checkout, no part of the bridge and none of our program.
fn in_checkout(config: &Config, path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok().filter(|path| path.starts_with(&config.root) && path.is_file())?;
    let is_bridge =
        config.program.iter().any(|word| config.root.join(word).canonicalize().is_ok_and(|file| file == path));
    let is_ours = path.to_str().is_some_and(is_our_name);
    (!is_bridge && !is_ours).then_some(path)
}

/// Nothing of a job that is disabled and does not run. One whose manager does not answer may start it.
fn starts(job: &jobs::Job, environment: &Environment) -> Option<By> {
    let runs = |job: &Result<Job, String>| job.as_ref().map_or(true, |job| job.pid.is_some());
    let (label, loaded) = match job.manager {
        Manager::Systemd => {
            let systemd = Systemd::new(&job.label, environment);
            let file = systemd.unit_file().ok();
            let timer = file.as_ref().and_then(|file| file.triggered_by.clone());
            let enabled = file.as_ref().is_none_or(|file| file.state.starts_with("enabled"));
            if timer.is_none() && !enabled && !runs(&systemd.status()) {
                return None;
            }
            (timer.unwrap_or_else(|| format!("{}.service", job.label)), true)
        }
        Manager::Launchd | Manager::Embedded => {
            let launchd = Launchd::new(&job.label, environment);
            let loaded = launchd.loaded().map_or(true, |loaded| loaded.is_some());
            if !loaded && launchd.disabled().unwrap_or(false) {
                return None;
            }
            (job.label.clone(), loaded)
        }
    };
    Some(By::Agent { manager: job.manager, label, loaded })
}

/// Empty where there is none, or no cron.
fn crontab(environment: &Environment) -> Result<String, String> {
    match command::run(Path::new("/usr/bin/crontab"), &["-l"], environment.limits.ask) {
        Ok(output) if output.code == Some(0) => Ok(output.stdout),
        Ok(_) | Err(CommandError::NotStarted(..)) => Ok(String::new()),
        Err(error) => Err(error.to_string()),
    }
}
