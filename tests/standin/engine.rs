//! The one loop: a request, a death or a deadline at a time, so that nothing races. Its rules:
//!
//! - `ThrottleInterval` counts from start to start: a job that ran longer is started again at once.
//! - A kickstart starts at once and clears the wait; `KeepAlive` and `RunAtLoad` wait, and can be held back (`pended`).
//! - SIGTERM, then SIGKILL after the exit timeout; what is left of the process group dies with the job.
//! - A booted out job is known until it is dead; it is never started again.
//! - A program that can't be started counts as a run that ended with 78, and is tried again as `KeepAlive` says.

use crate::ctl::{Answer, Request};
use crate::faults::{FaultFile, Faults};
use crate::job::{Job, Last, Leaving, Next, Run, Sent, Why};
use crate::logs::Logs;
use crate::spec::{Spec, seconds};
use crate::{names, process};
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How soon a spawn that is held back notices that its fault is gone: the file is polled.
const PENDED_LOOK: Duration = Duration::from_millis(20);
/// How soon a file that comes or goes is noticed.
const LOOK_AROUND: Duration = Duration::from_millis(20);

pub(crate) enum Event {
    Request(Request, Sender<Answer>),
    Died { label: String, pid: u32 },
    End,
}

pub(crate) struct Engine {
    pub dir: PathBuf,
    pub domain: String,
    pub uid: u32,
    pub jobs: BTreeMap<String, Job>,
    /// Labels that somebody disabled (true) or enabled (false) by name.
    pub disabled: BTreeMap<String, bool>,
    pub faults: FaultFile,
    pub logs: Logs,
    pub seq: u64,
    /// Callers that never get an answer. Kept, since a dropped sender would close the connection.
    pub hung: Vec<Sender<Answer>>,
    events: Sender<Event>,
}

impl Engine {
    pub(crate) fn new(dir: &Path, events: Sender<Event>) -> Result<Self, String> {
        let uid = rustix::process::getuid().as_raw();
        let file = dir.join("disabled.json");
        let disabled = match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?,
            Err(_) => BTreeMap::new(),
        };
        Ok(Self {
            dir: dir.to_owned(),
            domain: format!("gui/{uid}"),
            uid,
            jobs: BTreeMap::new(),
            disabled,
            faults: FaultFile::new(dir),
            logs: Logs::new(dir),
            seq: 0,
            hung: Vec::new(),
            events,
        })
    }

    /// What a login does: everything in `LaunchAgents` that is not disabled.
    pub(crate) fn login(&mut self) {
        let files = fs::read_dir(self.dir.join("LaunchAgents")).into_iter().flatten().flatten();
        for path in files.map(|f| f.path()).filter(|p| p.extension().is_some_and(|e| e == "plist")) {
            if let Some(spec) = Spec::read(&path)
                && !self.is_disabled(&spec.label)
            {
                self.load(spec, path, true);
            }
        }
    }

    pub(crate) fn is_disabled(&self, label: &str) -> bool {
        self.disabled.get(label) == Some(&true)
    }

    pub(crate) fn load(&mut self, spec: Spec, path: PathBuf, start: bool) {
        let label = spec.label.clone();
        let mut job = Job::new(spec, path);
        if start && (job.spec.run_at_load || job.spec.keep_alive.starts_at_load()) {
            job.next = Some(soon(Why::Load));
        }
        self.jobs.insert(label, job);
    }

    pub(crate) fn run(&mut self, inbox: &Receiver<Event>) {
        loop {
            let event = match self.timers() {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => inbox.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match event {
                Ok(Event::Request(request, to)) => self.request(request, to),
                Ok(Event::Died { label, pid }) => self.died(&label, pid),
                Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        self.end_all();
    }

    /// Does what is due, and returns when to look again.
    fn timers(&mut self) -> Option<Instant> {
        let faults = self.faults.read().unwrap_or_default();
        let now = Instant::now();
        self.jobs.retain(|_, job| !matches!(job.leaving, Leaving::Gone(at) if at <= now));
        let mut deadlines = Vec::new();
        let labels: BTreeSet<String> = self.jobs.keys().cloned().collect();
        for job in self.jobs.values_mut() {
            start_if_wanted(job, &labels);
            deadlines.extend((job.spec.keep_alive.looks_around() && job.run.is_none()).then_some(now + LOOK_AROUND));
            kill_if_due(job, now, &self.logs);
            start_if_due(job, now, &faults, &self.logs, &self.events);
            deadlines.extend(job.run.as_ref().and_then(|r| r.kill_at));
            deadlines.extend(job.next.as_ref().map(|n| n.at));
            deadlines.extend(job.pended.is_some().then_some(now + PENDED_LOOK));
            if let Leaving::Gone(at) = job.leaving {
                deadlines.push(at);
            }
        }
        deadlines.into_iter().min()
    }

    fn died(&mut self, label: &str, pid: u32) {
        let slow = self.faults.read().unwrap_or_default().bootout_slow_s;
        let Some(job) = self.jobs.get_mut(label).filter(|j| j.pid() == Some(pid)) else {
            return;
        };
        let Some(mut run) = job.run.take() else { return };
        if !job.spec.abandon_process_group {
            // While the zombie exists the group's id can't be used again.
            self.logs.signal(label, pid, "SIGKILL", "rest of the group");
            process::signal_group(pid, Signal::KILL);
        }
        let Ok(status) = run.child.wait() else { return };
        job.last = Last::Ended(status);
        let crash = status.signal().is_some_and(names::is_crash);
        job.successive_crashes = if crash { job.successive_crashes + 1 } else { 0 };
        if job.leaving == Leaving::Draining {
            job.leaving = Leaving::Gone(Instant::now() + seconds(slow));
        } else if run.again {
            job.next = Some(soon(Why::Kickstart));
        } else {
            job.next = keep_alive(job, run.started);
        }
    }

    /// Nothing that we started is left when this returns.
    fn end_all(&mut self) {
        for (label, job) in &mut self.jobs {
            if let Some(run) = &mut job.run {
                let pid = run.child.id();
                self.logs.signal(label, pid, "SIGKILL", "daemon ends");
                process::signal_group(pid, Signal::KILL);
                let _ = run.child.wait();
            }
        }
    }
}

pub(crate) fn soon(why: Why) -> Next {
    Next { at: Instant::now(), why, spawning: false }
}

fn keep_alive(job: &Job, started: Instant) -> Option<Next> {
    let (success, crash) = job.last.verdict();
    job.spec.keep_alive.wants(success, crash).then(|| Next {
        at: started + job.spec.throttle(),
        why: Why::KeepAlive,
        spawning: false,
    })
}

/// A job that is down, and that a file or another job wants up.
fn start_if_wanted(job: &mut Job, labels: &BTreeSet<String>) {
    let idle = job.run.is_none() && job.next.is_none() && job.pended.is_none() && job.leaving == Leaving::No;
    if idle && job.spec.keep_alive.looks_around() && job.spec.keep_alive.holds_now(|label| labels.contains(label)) {
        let throttled = job.last_start.map(|start| start + job.spec.throttle());
        let at = throttled.unwrap_or_else(Instant::now).max(Instant::now());
        job.next = Some(Next { at, why: Why::KeepAlive, spawning: false });
    }
}

fn kill_if_due(job: &mut Job, now: Instant, logs: &Logs) {
    let Some(run) = job.run.as_mut().filter(|r| r.kill_at.is_some_and(|at| at <= now)) else {
        return;
    };
    run.kill_at = None;
    run.sent = Sent::Kill;
    logs.signal(&job.spec.label, run.child.id(), "SIGKILL", "exit timeout");
    process::signal(run.child.id(), Signal::KILL);
}

fn start_if_due(job: &mut Job, now: Instant, faults: &Faults, logs: &Logs, events: &Sender<Event>) {
    if job.pended.is_some() && faults.pended.is_none() {
        job.pended = None;
        job.next = job.next.take().or_else(|| Some(soon(Why::Load)));
    }
    let Some(next) = job.next.take_if(|n| n.at <= now) else {
        return;
    };
    if next.why != Why::Kickstart && faults.pended.is_some() {
        job.pended.clone_from(&faults.pended);
        return;
    }
    if faults.spawn_delay_s > 0.0 && !next.spawning {
        job.next = Some(Next { at: now + seconds(faults.spawn_delay_s), spawning: true, ..next });
        return;
    }
    start(job, next.why, logs, events);
}

fn start(job: &mut Job, why: Why, logs: &Logs, events: &Sender<Event>) {
    let started = Instant::now();
    job.runs += 1;
    job.last_start = Some(started);
    let child = match process::spawn(&job.spec) {
        Ok(child) => child,
        Err(error) => {
            eprintln!("launchd-standin: {}: can't start: {error}", job.spec.label);
            job.last = Last::SpawnFailed;
            job.next = keep_alive(job, started);
            return;
        }
    };
    let pid = child.id();
    logs.start(&job.spec.label, pid, why.name());
    process::watch(job.spec.label.clone(), pid, events.clone());
    job.pended = None;
    job.run = Some(Run { child, started, why, sent: Sent::Nothing, kill_at: None, again: false });
    for waiting in job.waiting.drain(..) {
        let text = format!("service spawned with pid: {pid}\n");
        let text = if waiting.print_pid { text } else { String::new() };
        waiting.reply.send(logs, Answer::ok(text));
    }
}
