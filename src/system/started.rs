//! What each process was started with.

use std::path::PathBuf;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::process;

pub struct Started {
    pub pid: u32,
    pub words: Vec<String>,
    /// Its working folder, where that can be seen.
    pub folder: Option<PathBuf>,
}

/// Of all processes but this one.
///
/// # Errors
/// If the process table can't be read.
pub fn all() -> Result<Vec<Started>, String> {
    let mut system = System::new().map_err(|error| format!("the process table can't be read: {error}"))?;
    let pids: Vec<Pid> = process::pids()?.into_iter().map(Pid::from_u32).collect();
    let kind = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).with_cwd(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, kind);
    let mine = std::process::id();
    let seen = pids.iter().filter_map(|pid| system.process(*pid)).filter(|seen| seen.thread_kind().is_none());
    let started = seen.map(|seen| Started {
        pid: seen.pid().as_u32(),
        words: seen.cmd().iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        folder: seen.cwd().map(PathBuf::from),
    });
    Ok(started.filter(|started| started.pid != mine).collect())
}
