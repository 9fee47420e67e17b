//! Keeps one child alive: for the demo, for tests, and where neither launchd nor systemd runs. Start, restart no more
//! than once every 10 s, and nothing else; it is no supervisor and should not become one.
//!
//! The child outlives us (Quit leaves the bridge running). What is known about it is in a file in our state folder, so
//! that every command can look and the next watch can take it over.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::contract;
use crate::facts::{Exit, Identity, Job, KeepAlive};
use crate::limits::Environment;
use crate::system::wake::Wake;
use crate::system::{clock, files, poll, process, recovery_lock};
use crate::time::Mono;

/// SIGKILL takes no longer, unless the process hangs in the kernel.
const KILLED: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub struct Embedded {
    config: Arc<Config>,
    throttle: Duration,
    exit_timeout: Duration,
    keeping: Arc<AtomicBool>,
    /// Held while a child is started or its end is written to the file.
    step: Arc<Mutex<()>>,
    /// What could not be written to the file (a full disk).
    unwritten: Arc<Mutex<Option<Kept>>>,
}

/// The contents of the file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    child: Option<Identity>,
    runs: u64,
    last_exit: Option<Exit>,
    /// The last start.
    started: Mono,
}

impl Embedded {
    pub fn new(config: &Config, environment: &Environment) -> Embedded {
        Embedded {
            config: Arc::new(config.clone()),
            throttle: environment.limits.embedded_throttle,
            exit_timeout: environment.limits.embedded_exit,
            keeping: Arc::new(AtomicBool::new(false)),
            step: Arc::new(Mutex::new(())),
            unwritten: Arc::default(),
        }
    }

    /// Keeps the child alive, in a thread of its own, for as long as this process lives. Only the watch calls it.
    pub fn keep(&self) {
        if self.keeping.swap(true, Ordering::SeqCst) {
            return;
        }
        let keeper = self.clone();
        let thread = std::thread::Builder::new().name("embedded".into()).stack_size(256 << 10);
        if thread.spawn(move || keeper.keep_alive()).is_err() {
            self.keeping.store(false, Ordering::SeqCst);
        }
    }

    /// From now on no child is started by that thread: the watch ends, and whoever stops the bridge may remove its folder.
    pub fn keep_no_more(&self) {
        let _step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        self.keeping.store(false, Ordering::SeqCst);
    }

    /// See [`super::Service::status`].
    ///
    /// # Errors
    /// None; the signature is that of the other managers.
    pub fn status(&self) -> Result<Job, String> {
        let _step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.kept();
        // As with other managers, a dead child keeps its pid here until its end is written to the file.
        let kept_by_somebody = self.is_kept();
        let there = |child: &Identity| match process::find(child.pid) {
            Some(found) => found.id == *child,
            None => kept_by_somebody,
        };
        let pid = kept.child.filter(there).map(|child| child.pid);
        Ok(Job {
            installed: true,
            loaded: true,
            stopped_by_operator: self.stopped(),
            unmet: None,
            file: None,
            unit: None,
            starting_since: None,
            pid,
            runs: Some(kept.runs),
            run: None,
            last_exit: kept.last_exit.unwrap_or(Exit::Never),
            throttle: self.throttle,
            exit_timeout: self.exit_timeout,
            keep_alive: KeepAlive::Always,
            held_back: None,
            stopping: false,
            gave_up: false,
            active_without_process: false,
        })
    }

    /// See [`super::Service::start`]. If a watch keeps the child, the watch starts it.
    ///
    /// # Errors
    /// If the program can't be started.
    pub fn start(&self) -> Result<(), String> {
        if self.stopped() {
            return Err("the bridge was stopped by its operator; 'bridge-watchdog restart' starts it again".into());
        }
        if self.is_kept() {
            return Ok(());
        }
        self.spawn_unless_alive(|| true).map(drop)
    }

    /// See [`super::Service::restart`].
    ///
    /// # Errors
    /// As [`Embedded::start`].
    pub fn restart(&self) -> Result<(), String> {
        files::remove(&self.stop_file());
        self.end_child()?;
        self.start()
    }

    /// See [`super::Service::stop`].
    ///
    /// # Errors
    /// If the state folder can't be written, or the child can't be ended.
    pub fn stop(&self) -> Result<(), String> {
        files::replace(&self.stop_file(), "")?;
        self.end_child()
    }

    fn end_child(&self) -> Result<(), String> {
        let Some(child) = self.kept().child.filter(|child| process::alive(*child)) else { return Ok(()) };
        process::signal(child, Signal::TERM)?;
        if !process::gone_within(child, self.exit_timeout) {
            process::signal(child, Signal::KILL)?;
        }
        if !process::gone_within(child, KILLED) {
            return Err(format!("pid {} does not end", child.pid));
        }
        // Whoever keeps it writes its end down before anybody may remove the folder.
        if self.is_kept() {
            poll::until(KILLED, || self.kept().child != Some(child));
        }
        end_group(child.pid, self.exit_timeout)
    }

    fn is_kept(&self) -> bool {
        self.keeping.load(Ordering::SeqCst) || recovery_lock::watching(&self.config).is_some()
    }

    fn keep_alive(&self) {
        let keeping = || self.keeping.load(Ordering::SeqCst);
        while keeping() {
            if self.stopped() {
                std::thread::sleep(Duration::from_millis(500));
                continue;
            }
            // A start before the last boot can't be too recent.
            let last = Some(self.kept().started).filter(|started| *started <= clock::mono());
            let wait = last.map_or(Duration::ZERO, |started| (started + self.throttle).since(clock::mono()));
            let alive = self.kept().child.is_some_and(process::alive);
            if !alive && !wait.is_zero() {
                std::thread::sleep(wait.clamp(Duration::from_millis(10), Duration::from_secs(1)));
                continue;
            }
            match self.spawn_unless_alive(keeping) {
                Ok(Some(mut child)) => {
                    let exit = child.wait().map_or(Exit::Unseen, exit_of);
                    self.write_end(exit);
                    // What can't be ended is named where a person asks for a stop.
                    let _ = end_group(child.id(), self.exit_timeout);
                }
                // The child of an earlier watch, taken over: we can't get its exit status.
                Ok(None) => {
                    if let Some(child) = self.kept().child {
                        wait_for_end(child);
                        self.write_end(Exit::Unseen);
                        let _ = end_group(child.pid, self.exit_timeout);
                    }
                }
                Err(why) => {
                    self.write_failure(why);
                    std::thread::sleep(self.throttle.max(Duration::from_millis(100)));
                }
            }
        }
    }

    /// `wanted` is asked where nobody can change the answer meanwhile. A child that can't be written down is not started:
    /// neither a command nor the next watch would know of it, and they would start a second one on its session.
    fn spawn_unless_alive(&self, wanted: impl Fn() -> bool) -> Result<Option<Child>, String> {
        let _step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = self.kept();
        if !wanted() || kept.child.is_some_and(process::alive) {
            return Ok(None);
        }
        (kept.runs, kept.started, kept.child) = (kept.runs + 1, clock::mono(), None);
        files::replace_json(&self.kept_file(), &kept)?;
        let mut child = self.spawn()?;
        kept.child = process::find(child.id()).map(|found| found.id);
        if let Err(why) = files::replace_json(&self.kept_file(), &kept) {
            let _ = child.kill().and_then(|()| child.wait());
            let _ = end_group(child.id(), KILLED);
            return Err(why);
        }
        self.unwritten().take();
        Ok(Some(child))
    }

    /// As launchd does it: a process group of its own, the checkout as working folder, output appended to the logs.
    fn spawn(&self) -> Result<Child, String> {
        use std::os::unix::process::CommandExt;
        let config = &self.config;
        let (program, args) = config.program.split_first().ok_or("bridge.program is empty")?;
        let path = if program.contains('/') { config.root.join(program) } else { PathBuf::from(program) };
        let output = |path: &PathBuf| -> Result<Stdio, String> {
            let wrong = |error: std::io::Error| format!("{} can't be written: {error}", path.display());
            std::fs::create_dir_all(path.parent().unwrap_or(&config.root)).map_err(wrong)?;
            Ok(OpenOptions::new().append(true).create(true).open(path).map_err(wrong)?.into())
        };
        Command::new(&path)
            .args(args)
            .current_dir(&config.root)
            .stdin(Stdio::null())
            .stdout(output(&config.log)?)
            .stderr(output(&config.error_log)?)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{} can't be started: {error}; correct bridge.program", path.display()))
    }

    fn write_end(&self, exit: Exit) {
        let _step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(Kept { child: None, last_exit: Some(exit), ..self.kept() });
    }

    /// A start that failed counts as a run that ended at once.
    fn write_failure(&self, why: String) {
        let _step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        let last_exit = Some(Exit::NotStarted(why));
        self.write(Kept { child: None, last_exit, runs: self.kept().runs + 1, started: clock::mono() });
    }

    fn write(&self, kept: Kept) {
        let written = files::replace_json(&self.kept_file(), &kept);
        *self.unwritten() = written.is_err().then_some(kept);
    }

    fn kept(&self) -> Kept {
        self.unwritten().clone().unwrap_or_else(|| files::json(&self.kept_file()).unwrap_or_default())
    }

    fn unwritten(&self) -> MutexGuard<'_, Option<Kept>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept_file(&self) -> PathBuf {
        self.config.state.join(contract::EMBEDDED)
    }

    fn stopped(&self) -> bool {
        self.stop_file().exists()
    }

    fn stop_file(&self) -> PathBuf {
        self.config.state.join(contract::EMBEDDED_STOPPED)
    }
}

/// An event where the kernel has one, since that child may live for months.
fn wait_for_end(child: Identity) {
    let mut wake = Wake::new().ok();
    while process::alive(child) {
        match &mut wake {
            Some(wake) => drop(wake.sleep(Some(child), Duration::from_mins(1))),
            None => std::thread::sleep(Duration::from_secs(1)),
        }
    }
}

/// Ends what a dead child left of its process group, as launchd does: it may hold the session, or the bridge's own lock.
///
/// # Errors
/// Names what does not end.
fn end_group(group: u32, patience: Duration) -> Result<(), String> {
    let left = || process::members_of_group(group).into_iter().filter_map(process::find).map(|found| found.id);
    for (signal, patience) in [(Signal::TERM, patience), (Signal::KILL, KILLED)] {
        for id in left() {
            process::signal(id, signal)?;
        }
        poll::until(patience, || left().next().is_none());
    }
    let left: Vec<String> = left().map(|id| id.pid.to_string()).collect();
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("what the bridge has started does not end: pid {}", left.join(", ")))
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unseen,
    }
}
