//! "Start at login": what is true now, not what we once wrote.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::{Host, host, launchd, systemd};
use crate::config::Config;
use crate::limits::Environment;

/// Whether our agent is there; it may be disabled.
pub fn installed(config: &Config, environment: &Environment) -> bool {
    match host(config) {
        Host::Launchd => launchd::installed(config, environment),
        Host::Systemd => systemd::installed(config, environment),
    }
}

/// Whether our agent starts at the next login. If launchctl can't say whether it is disabled, its file decides.
pub fn starts_at_login(config: &Config, environment: &Environment) -> bool {
    match host(config) {
        Host::Launchd => launchd::starts_at_login(config, environment),
        Host::Systemd => systemd::starts_at_login(config, environment),
    }
}

/// Switches the start at login on or off. Off only removes the file: the job that runs, which may be this process, is
/// not ended.
///
/// # Errors
/// What could not be written, or that the operator has disabled the agent; and the mend.
pub fn set_start_at_login(config: &Config, environment: &Environment, on: bool) -> Result<(), String> {
    if on {
        super::refuse_misplaced(config, environment)?;
    }
    match host(config) {
        Host::Launchd => launchd::set_start_at_login(config, environment, on),
        Host::Systemd => systemd::set_start_at_login(config, environment, on),
    }
}

/// [`starts_at_login`] for a caller that asks at every look: the manager is asked the first time, and again only when
/// the agent's file has been written (each switch does that), since a healthy look starts no program.
pub struct Login {
    config: Config,
    environment: Environment,
    seen: Option<Vec<Stamp>>,
    starts: bool,
}

/// Device, inode, seconds and nanoseconds of the last change; `None` where there is no file.
type Stamp = Option<(u64, u64, i64, i64)>;

impl Login {
    pub fn new(config: &Config, environment: &Environment) -> Login {
        Login { config: config.clone(), environment: environment.clone(), seen: None, starts: false }
    }

    pub fn starts(&mut self) -> bool {
        let files = match host(&self.config) {
            Host::Launchd => launchd::login_files(&self.environment),
            Host::Systemd => systemd::login_files(&self.environment),
        };
        let now = Some(files.iter().map(stamp).collect());
        if self.seen != now {
            self.starts = starts_at_login(&self.config, &self.environment);
            self.seen = now;
        }
        self.starts
    }
}

fn stamp(path: &PathBuf) -> Stamp {
    let meta = fs::symlink_metadata(path).ok()?;
    Some((meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec()))
}
