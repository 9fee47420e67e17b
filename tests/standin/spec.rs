//! A property list, parsed once into what the stand-in uses. Keys it does not know are ignored, as launchd does.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Spec {
    pub label: String,
    #[serde(default)]
    pub program: Option<String>,
    #[serde(default)]
    pub program_arguments: Vec<String>,
    #[serde(default)]
    pub working_directory: Option<String>,
    #[serde(default)]
    pub environment_variables: BTreeMap<String, String>,
    #[serde(default)]
    pub standard_out_path: Option<String>,
    #[serde(default)]
    pub standard_error_path: Option<String>,
    #[serde(default)]
    pub run_at_load: bool,
    #[serde(default)]
    pub keep_alive: KeepAlive,
    /// Seconds between two starts; launchd's default is 10.
    #[serde(default = "ten")]
    throttle_interval: f64,
    /// Seconds from SIGTERM to SIGKILL; 0 is never. 5 is what current systems print, whatever the manual says.
    #[serde(default = "five")]
    exit_time_out: f64,
    #[serde(default)]
    pub abandon_process_group: bool,
    #[serde(default)]
    limit_load_to_session_type: Option<Sessions>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum KeepAlive {
    Always(bool),
    When(Conditions),
}

/// Any of them is enough, as launchd has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Conditions {
    pub successful_exit: Option<bool>,
    pub crashed: Option<bool>,
    /// Whether there has to be something at the path.
    #[serde(default)]
    pub path_state: BTreeMap<String, bool>,
    /// Whether the other label has to be loaded.
    #[serde(default)]
    pub other_job_enabled: BTreeMap<String, bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Sessions {
    One(String),
    Many(Vec<String>),
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self::Always(false)
    }
}

impl KeepAlive {
    /// Is a job that ended so started again? Whatever else wants it: see [`Self::holds_now`].
    pub(crate) fn wants(&self, success: bool, crash: bool) -> bool {
        match self {
            Self::Always(always) => *always,
            Self::When(c) => c.successful_exit == Some(success) || c.crashed == Some(crash),
        }
    }

    /// Does a condition hold that has nothing to do with how the job ended?
    pub(crate) fn holds_now(&self, is_loaded: impl Fn(&str) -> bool) -> bool {
        let Self::When(c) = self else { return false };
        c.path_state.iter().any(|(path, wanted)| Path::new(path).exists() == *wanted)
            || c.other_job_enabled.iter().any(|(label, wanted)| is_loaded(label) == *wanted)
    }

    /// Has it conditions that may hold at any time?
    pub(crate) fn looks_around(&self) -> bool {
        matches!(self, Self::When(c) if !c.path_state.is_empty() || !c.other_job_enabled.is_empty())
    }

    /// `KeepAlive` implies `RunAtLoad`: a dictionary needs a first exit to look at.
    pub(crate) fn starts_at_load(&self) -> bool {
        !matches!(self, Self::Always(false))
    }
}

impl Spec {
    /// Anything that launchd refuses, without saying why, is None.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        // launchd refuses a file that other users could have written.
        if path.metadata().ok()?.mode() & 0o022 != 0 {
            return None;
        }
        let spec: Self = plist::from_file(path).ok()?;
        let aqua = match &spec.limit_load_to_session_type {
            None => true,
            Some(Sessions::One(s)) => s == "Aqua",
            Some(Sessions::Many(all)) => all.iter().any(|s| s == "Aqua"),
        };
        let runs = spec.program.is_some() || !spec.program_arguments.is_empty();
        (aqua && runs && !spec.label.is_empty()).then_some(spec)
    }

    pub(crate) fn executable(&self) -> &str {
        self.program.as_deref().or(self.program_arguments.first().map(String::as_str)).unwrap_or_default()
    }

    pub(crate) fn throttle(&self) -> Duration {
        seconds(self.throttle_interval)
    }

    /// None: no SIGKILL, ever.
    pub(crate) fn exit_timeout(&self) -> Option<Duration> {
        Some(seconds(self.exit_time_out)).filter(|d| !d.is_zero())
    }

    /// As printed: `10`, or `0.3` where a test wants to be quick.
    pub(crate) fn printed_times(&self) -> (f64, f64) {
        (self.throttle_interval, self.exit_time_out)
    }
}

pub(crate) fn seconds(s: f64) -> Duration {
    Duration::try_from_secs_f64(s).unwrap_or_default()
}

fn ten() -> f64 {
    10.0
}

fn five() -> f64 {
    5.0
}
