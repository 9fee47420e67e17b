//! The bridge's files and its job.

use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};

use super::agent_file;
use crate::config::Config;
use crate::doctor::finding::Finding;
use crate::doctor::login::{self, AtLogin, JobFile, LoginSeen, ProgramSeen};
use crate::doctor::mac;
use crate::doctor::service::{self, OutputSeen, PlistSeen, ServiceSeen};
use crate::doctor::setup::{self, FileSeen, FileState, FilesSeen};
use crate::facts::Job;
use crate::install;
use crate::limits::Environment;
use crate::system::service::Service;
use crate::system::service::launchd::agent_file::keys;
use crate::system::service::launchd::{Launchd, Switch};
use crate::system::service::systemd::UnitFile;
use crate::system::{file_state, files, program, timed};

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
        Service::Launchd(_) => file.as_deref().and_then(plist_outputs),
        // One that has not answered is not asked again for what is not judged then.
        Service::Systemd(systemd) => job.as_ref().ok().and_then(|_| systemd.outputs().ok()),
        Service::Embedded(_) => None,
    };
    let unit = service.unit();
    let label = unit.clone().unwrap_or_else(|| config.label.clone());
    let known = job.as_ref().ok();
    // Its silence is a finding of its own.
    let unit_file = match &service {
        Service::Systemd(systemd) => systemd.unit_file().ok(),
        Service::Launchd(_) | Service::Embedded(_) => None,
    };
    let login = LoginSeen {
        label: label.clone(),
        file: match (&service, &plist, &unit_file) {
            (Service::Launchd(launchd), Some(plist), _) => {
                known.and_then(|job| plist_file(config, launchd, job, plist))
            }
            (_, _, Some(unit)) => job_file(config, unit, known),
            _ => None,
        },
        // One that its operator stopped is a finding of its own.
        at_login: known.filter(|job| job.installed && !job.stopped_by_operator).and_then(|_| match &service {
            Service::Launchd(launchd) => at_login(launchd, file.as_deref()?),
            _ => unit_file.as_ref().map(|unit| AtLogin::Unit(unit.state.clone())),
        }),
        program: program_of_job(config, &service, file.as_deref(), unit_file.as_ref()),
    };
    all.extend(service::service(&ServiceSeen {
        manager: config.manager,
        name: service.name(),
        drop_ins: install::units(environment).join(format!("{}.d", unit.as_deref().unwrap_or_default())),
        label,
        job: job.map_err(|why| config.secrets.without(&why)),
        runtime_folder: std::env::var_os("XDG_RUNTIME_DIR").is_some(),
        outputs: outputs.into_iter().flat_map(|outputs| output(config, outputs)).collect(),
        plist,
    }));
    all.extend(login::login(&login));
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

/// Nothing where the job is neither loaded nor has a file, which is a finding of its own.
fn plist_file(config: &Config, launchd: &Launchd, job: &Job, plist: &PlistSeen) -> Option<JobFile> {
    let Some(file) = plist.file.clone() else {
        return job.loaded.then(|| JobFile::Gone(Some(job.file.clone().unwrap_or_else(|| launchd.file().usual()))));
    };
    Some(match file_state::read(&file) {
        FileState::Denied(why) | FileState::Unseen(why) => JobFile::Unseen(format!("{}: {why}", file.display())),
        FileState::File if keys(&file).is_some_and(|keys| keys.contains_key("Label")) => JobFile::Well(file),
        _ => JobFile::Broken { ours: install::wrote(config, &file), file },
    })
}

fn job_file(config: &Config, unit: &UnitFile, job: Option<&Job>) -> Option<JobFile> {
    match (unit.load.as_str(), unit.path.clone()) {
        ("not-found", _) => job.is_some_and(|job| job.installed).then_some(JobFile::Gone(None)),
        ("bad-setting" | "error", Some(file)) => Some(JobFile::Broken { ours: install::wrote(config, &file), file }),
        (_, Some(file)) => Some(match file.try_exists() {
            Err(why) => JobFile::Unseen(format!("{}: {why}", file.display())),
            Ok(false) => JobFile::Gone(Some(file)),
            Ok(true) if unit.changed => JobFile::Changed(file),
            Ok(true) => JobFile::Well(file),
        }),
        (_, None) => None,
    }
}

fn at_login(launchd: &Launchd, file: &Path) -> Option<AtLogin> {
    let disabled = keys(file)?.get("Disabled").and_then(Value::as_boolean).unwrap_or(false);
    Some(match launchd.switched() {
        _ if !disabled => AtLogin::Yes,
        Ok(Some(Switch::On)) => AtLogin::Yes,
        Ok(_) => AtLogin::DisabledIn(file.to_owned()),
        Err(why) => AtLogin::Unseen(why),
    })
}

/// Of the job's file, or what we start ourselves. A bare name is looked up by the manager, so it is not known.
fn program_of_job(
    config: &Config,
    service: &Service,
    plist: Option<&Path>,
    unit: Option<&UnitFile>,
) -> Option<ProgramSeen> {
    let (word, file) = match service {
        Service::Embedded(_) => (config.program.first()?.clone(), config.file.clone()),
        Service::Launchd(_) => (first_word(&keys(plist?)?)?, plist?.to_owned()),
        Service::Systemd(_) => (unit?.program.clone()?, unit?.path.clone()?),
    };
    let missing = program::missing(&config.root, &word);
    word.contains('/').then(|| ProgramSeen { program: config.root.join(&word), file, missing })
}

/// launchd starts `Program`, and if there is none the first of the arguments.
fn first_word(keys: &Dictionary) -> Option<String> {
    let list = keys.get("ProgramArguments").and_then(Value::as_array);
    let word = keys.get("Program").or_else(|| list?.first())?;
    word.as_string().map(str::to_owned)
}

fn plist_outputs(file: &Path) -> Option<[Option<PathBuf>; 2]> {
    let keys = keys(file)?;
    Some(
        ["StandardOutPath", "StandardErrorPath"].map(|key| keys.get(key).and_then(Value::as_string).map(PathBuf::from)),
    )
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
