//! The bridge's files and its job.

use std::path::{Path, PathBuf};

use plist::Value;

use super::agent_file;
use crate::config::Config;
use crate::doctor::finding::Finding;
use crate::doctor::mac;
use crate::doctor::service::{self, OutputSeen, PlistSeen, ServiceSeen};
use crate::doctor::setup::{self, FileSeen, FileState, FilesSeen};
use crate::facts::Job;
use crate::install;
use crate::limits::Environment;
use crate::system::service::Service;
use crate::system::service::launchd::Launchd;
use crate::system::service::launchd::agent_file::keys;
use crate::system::{file_state, files, timed};

pub(super) fn bridge(config: &Config, environment: &Environment) -> Vec<Finding> {
    let service = Service::of(config, environment);
    let job = service.status();
    let runs = job.as_ref().is_ok_and(|job| job.pid.is_some());
    let mut all = setup::files(&FilesSeen {
        config: config.file.clone(),
        root: config.root.clone(),
        log: file(&config.log, file_state::read, environment),
        error_log: file(&config.error_log, file_state::read, environment),
        session: file(&config.session, file_state::of, environment),
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

fn file(path: &Path, state: fn(&Path) -> FileState, environment: &Environment) -> FileSeen {
    let asked = path.to_owned();
    FileSeen {
        path: path.to_owned(),
        state: timed::once(environment.limits.ask, move || state(&asked)).unwrap_or_else(FileState::Unseen),
        guarded: cfg!(target_os = "macos") && mac::is_protected(path, &environment.home),
    }
}

fn plist(launchd: &Launchd, job: Option<&Job>) -> PlistSeen {
    let found = launchd.file().find(job.and_then(|job| job.file.as_deref()));
    let usual = launchd.file().usual();
    let anothers = usual.exists() && found.file.as_ref() != Some(&usual) && !found.others.contains(&usual);
    PlistSeen { file: found.file, others: found.others, usual_is_anothers: anothers.then_some(usual) }
}

fn plist_outputs(file: &Path) -> [Option<PathBuf>; 2] {
    let keys = keys(file).unwrap_or_default();
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
