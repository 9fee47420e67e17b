//! The service manager that owns the bridge, behind one narrow interface. All backends compile on every platform, so
//! that launchd's is type-checked and tested on Linux; only the default is chosen by platform.

pub mod embedded;
pub mod launchd;
pub mod systemd;

use crate::config::Config;
use crate::facts::Job;
use crate::limits::Environment;
use crate::manager::Manager;
use crate::system::command::CommandError;
use crate::system::lookalikes::Owner;
use crate::time::Wall;

/// Why a job was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The job was unloaded by an update or a person, who will load it again.
    #[error("the service manager does not know the job any more")]
    NotLoaded,
    /// What the manager said.
    #[error("{0}")]
    Refused(String),
}

impl From<CommandError> for StartError {
    fn from(error: CommandError) -> StartError {
        StartError::Refused(error.to_string())
    }
}

impl From<String> for StartError {
    fn from(why: String) -> StartError {
        StartError::Refused(why)
    }
}

/// The door to one manager.
#[derive(Clone)]
pub enum Service {
    Launchd(launchd::Launchd),
    Systemd(systemd::Systemd),
    Embedded(embedded::Embedded),
}

impl Service {
    pub fn of(config: &Config, environment: &Environment) -> Service {
        match config.manager {
            Manager::Launchd => Service::Launchd(launchd::Launchd::new(&config.label, environment)),
            Manager::Systemd => Service::Systemd(systemd::Systemd::new(&config.label, environment)),
            Manager::Embedded => Service::Embedded(embedded::Embedded::new(config, environment)),
        }
    }

    /// The manager's name, for texts.
    pub fn name(&self) -> &'static str {
        match self {
            Service::Launchd(_) => "launchd",
            Service::Systemd(_) => "systemd",
            Service::Embedded(_) => "the watchdog itself",
        }
    }

    /// systemd's name of the unit, which is also that of its cgroup.
    pub fn unit(&self) -> Option<String> {
        match self {
            Service::Systemd(systemd) => Some(systemd.unit()),
            Service::Launchd(_) | Service::Embedded(_) => None,
        }
    }

    /// Who keeps the bridge, for telling other jobs from it.
    pub fn owner(&self) -> Owner {
        match self {
            Service::Launchd(launchd) => launchd.owner(),
            Service::Systemd(systemd) => Owner::Unit(systemd.unit()),
            Service::Embedded(_) => Owner::Nobody,
        }
    }

    /// When the job wrote its last line to its manager's journal; `None` where there is no journal or no line.
    pub fn last_line(&self, unit: &str) -> Option<Wall> {
        match self {
            Service::Systemd(systemd) => systemd.last_line(unit),
            Service::Launchd(_) | Service::Embedded(_) => None,
        }
    }

    /// What the manager knows about the job.
    ///
    /// # Errors
    /// Why it could not be asked: then neither health nor sickness is known.
    pub fn status(&self) -> Result<Job, String> {
        match self {
            Service::Launchd(launchd) => launchd.status(),
            Service::Systemd(systemd) => systemd.status(),
            Service::Embedded(embedded) => embedded.status(),
        }
    }

    /// Keeps what only a loaded job shows, for when it is not loaded any more. Cheap if nothing has changed.
    pub fn remember(&self, job: &Job) {
        if let (Service::Launchd(launchd), Some(file)) = (self, &job.file) {
            launchd.file().remember(file);
        }
    }

    /// The manager's plain start, which does no harm if the job runs already. Refused if the operator stopped the job
    /// or it was unloaded: that is read again here, right before.
    ///
    /// # Errors
    /// What the manager said. A timeout is no error: the caller looks for the pid.
    pub fn start(&self) -> Result<(), StartError> {
        match self {
            Service::Launchd(launchd) => launchd.start(),
            Service::Systemd(systemd) => Ok(systemd.start()?),
            Service::Embedded(embedded) => Ok(embedded.start()?),
        }
    }

    /// The same for a job that may have to be loaded first (launchd).
    ///
    /// # Errors
    /// As [`Service::start`].
    pub fn load_and_start(&self) -> Result<(), String> {
        match self {
            Service::Launchd(launchd) => launchd.load_and_start(),
            Service::Systemd(systemd) => systemd.start(),
            Service::Embedded(embedded) => embedded.start(),
        }
    }

    /// Ends the job and starts it again, in the manager's own way; starts it if it does not run.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub fn restart(&self) -> Result<(), String> {
        match self {
            Service::Launchd(launchd) => launchd.restart(),
            Service::Systemd(systemd) => systemd.restart(),
            Service::Embedded(embedded) => embedded.restart(),
        }
    }

    /// Ends the job and keeps the manager from starting it again.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub fn stop(&self) -> Result<(), String> {
        match self {
            Service::Launchd(launchd) => launchd.stop(),
            Service::Systemd(systemd) => systemd.stop(),
            Service::Embedded(embedded) => embedded.stop(),
        }
    }
}
