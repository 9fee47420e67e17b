//! The bridge's job: whether its manager knows it, restarts it, and gives it time to end. Pure.

use std::path::PathBuf;
use std::time::Duration;

use super::finding::{Finding, Found, Mend};
use crate::facts::{Job, KeepAlive};
use crate::manager::Manager;
use crate::time::Wall;

/// What the manager says, and what is in the files.
pub struct ServiceSeen {
    pub manager: Manager,
    pub name: &'static str,
    /// launchd's label, systemd's unit.
    pub label: String,
    pub job: Result<Job, String>,
    /// `XDG_RUNTIME_DIR` is set, without which systemctl finds no user manager.
    pub runtime_folder: bool,
    /// The folder of the unit's drop-ins.
    pub drop_ins: PathBuf,
    pub outputs: Vec<OutputSeen>,
    pub plist: Option<PlistSeen>,
}

/// Where the manager writes one of the two outputs.
pub struct OutputSeen {
    pub id: &'static str,
    /// `None`: to its journal, or nowhere.
    pub to: Option<PathBuf>,
    pub configured: PathBuf,
    /// When each of the two was written last.
    pub to_written: Option<Wall>,
    pub configured_written: Option<Wall>,
    pub config: PathBuf,
}

/// The bridge's property list.
pub struct PlistSeen {
    pub file: Option<PathBuf>,
    pub others: Vec<PathBuf>,
    /// A file of the usual name with another label in it.
    pub usual_is_anothers: Option<PathBuf>,
}

/// `SQLite` has to close the session: what `install` sets.
const EXIT_TIMEOUT: Duration = Duration::from_secs(20);
/// As words in a drop-in.
const EXIT_SECONDS: u32 = 20;

/// The job.
pub fn service(seen: &ServiceSeen) -> Vec<Finding> {
    let job = match &seen.job {
        Ok(job) => job,
        Err(why) => {
            let mend = match seen.manager {
                Manager::Launchd => Mend::AskLaunchd,
                Manager::Systemd if !seen.runtime_folder => Mend::RuntimeFolder,
                Manager::Systemd => Mend::AskSystemd,
                Manager::Embedded => Mend::Again,
            };
            return vec![Finding::ill("service-manager", Found::ManagerSilent(why.clone()), mend)];
        }
    };
    let mut all = vec![Finding::well("service-manager", Found::Manager(seen.name))];
    if seen.manager == Manager::Embedded {
        return all;
    }
    all.push(known(seen, job));
    if job.installed {
        all.extend(keep_alive(seen, job));
        all.push(exit_timeout(seen, job));
        all.extend(seen.outputs.iter().map(output));
    }
    all.extend(seen.plist.as_ref().and_then(names));
    all
}

fn known(seen: &ServiceSeen, job: &Job) -> Finding {
    let label = || seen.label.clone();
    let start = || match seen.manager {
        Manager::Launchd => Mend::Enable(label()),
        _ => Mend::StartUnit(label()),
    };
    match job {
        Job { installed: false, .. } => Finding::ill("service", Found::NotInstalled(label()), Mend::Install),
        Job { stopped_by_operator: true, .. } => Finding::ill("service", Found::Stopped(label()), start()),
        Job { loaded: false, .. } => {
            let file = seen.plist.as_ref().and_then(|plist| plist.file.clone());
            Finding::ill("service", Found::NotLoaded(label()), file.map_or(Mend::Install, Mend::Bootstrap))
        }
        _ => Finding::well("service", Found::Loaded(label())),
    }
}

/// Nothing for systemd's oneshot: what it starts is not systemd's to restart, and no setting changes that.
fn keep_alive(seen: &ServiceSeen, job: &Job) -> Option<Finding> {
    let found = Found::Restarts(job.keep_alive.clone());
    let file = || seen.plist.as_ref().and_then(|plist| plist.file.clone());
    let mend = match &job.keep_alive {
        KeepAlive::Always => return Some(Finding::well("keep-alive", found)),
        KeepAlive::Unknown if seen.manager == Manager::Systemd => return None,
        KeepAlive::Conditional(condition) if !condition.is_mendable() => file().map(Mend::KeepAliveKey),
        KeepAlive::Unknown => file().map(Mend::Edit),
        KeepAlive::Conditional(_) | KeepAlive::Never => None,
    };
    let own = if seen.manager == Manager::Systemd { Mend::DropIn } else { Mend::Install };
    Some(Finding::ill("keep-alive", found, mend.unwrap_or(own)))
}

fn exit_timeout(seen: &ServiceSeen, job: &Job) -> Finding {
    let found = Found::ExitTimeout(job.exit_timeout);
    if job.exit_timeout >= EXIT_TIMEOUT {
        return Finding::well("exit-timeout", found);
    }
    let mend = match seen.manager {
        Manager::Systemd => Mend::StopTimeout { folder: seen.drop_ins.clone(), seconds: EXIT_SECONDS },
        _ => Mend::Install,
    };
    Finding::ill("exit-timeout", found, mend)
}

/// A bridge that has a logger of its own writes the configured log itself: then it is the newer one, and all is well.
fn output(seen: &OutputSeen) -> Finding {
    let found = Found::Output { to: seen.to.clone(), configured: seen.configured.clone() };
    let own = match (seen.configured_written, seen.to_written) {
        (Some(configured), Some(to)) => configured >= to,
        (configured, _) => configured.is_some(),
    };
    let same = seen.to.as_ref().is_none_or(|to| *to == seen.configured);
    if same || own {
        Finding::well(seen.id, found)
    } else {
        Finding::ill(seen.id, found, Mend::Edit(seen.config.clone()))
    }
}

/// launchd goes by the label and not by the file's name; what is wrong is a second file with the label.
fn names(seen: &PlistSeen) -> Option<Finding> {
    if let Some(other) = &seen.usual_is_anothers {
        return Some(Finding::ill("plist-name", Found::OtherLabel(other.clone()), Mend::MoveAway(other.clone())));
    }
    let file = seen.file.clone()?;
    Some(match seen.others.first() {
        None => Finding::well("plist-name", Found::Plist(file)),
        Some(other) => {
            let found = Found::Plists { used: file, other: other.clone() };
            Finding::ill("plist-name", found, Mend::MoveAway(other.clone()))
        }
    })
}

/// A file that launchd reads.
pub struct AgentFileSeen {
    pub path: PathBuf,
    pub mode: u32,
    pub quarantined: bool,
}

/// launchd loads no file that others can change, or that came from the network.
pub fn agent_file(mode_id: &'static str, quarantine_id: &'static str, seen: &AgentFileSeen) -> [Finding; 2] {
    let found = Found::Mode { path: seen.path.clone(), mode: seen.mode };
    let mode = if seen.mode & 0o022 != 0 || seen.mode & 0o400 == 0 {
        Finding::ill(mode_id, found, Mend::Chmod { path: seen.path.clone(), mode: "644" })
    } else {
        Finding::well(mode_id, found)
    };
    let quarantine = if seen.quarantined {
        Finding::ill(quarantine_id, Found::Quarantined(seen.path.clone()), Mend::Unquarantine(seen.path.clone()))
    } else {
        Finding::well(quarantine_id, Found::NotQuarantined)
    };
    [mode, quarantine]
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
