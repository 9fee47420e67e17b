//! One loaded job: plain data, and what follows from it alone.

use crate::ctl::Answer;
use crate::logs::Logs;
use crate::spec::Spec;
use crate::{names, process};
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::Sender;
use std::time::Instant;

pub(crate) struct Job {
    pub spec: Spec,
    pub path: PathBuf,
    pub run: Option<Run>,
    pub next: Option<Next>,
    pub runs: u32,
    pub last: Last,
    pub last_start: Option<Instant>,
    pub successive_crashes: u32,
    /// Why a spawn is held back; removed when it is let through.
    pub pended: Option<String>,
    pub leaving: Leaving,
    /// Callers of `kickstart` who get their answer with the next pid.
    pub waiting: Vec<Waiting>,
}

pub(crate) struct Run {
    pub child: Child,
    pub started: Instant,
    pub why: Why,
    pub sent: Sent,
    pub kill_at: Option<Instant>,
    /// `kickstart -k`: started again at once, whatever `KeepAlive` says.
    pub again: bool,
}

/// A start to come.
pub(crate) struct Next {
    pub at: Instant,
    pub why: Why,
    /// The delay of `spawn_delay_s` is in `at` already.
    pub spawning: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Load,
    KeepAlive,
    Kickstart,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Nothing,
    Term,
    Kill,
}

#[derive(Clone, Copy)]
pub(crate) enum Last {
    Never,
    SpawnFailed,
    Ended(ExitStatus),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    No,
    /// Booted out, its process not dead yet.
    Draining,
    /// Its process is dead, the label is forgotten then.
    Gone(Instant),
}

pub(crate) struct Waiting {
    pub reply: Reply,
    pub print_pid: bool,
}

/// Where an answer goes. Without a sender there is none (a fault).
pub(crate) struct Reply {
    pub to: Option<Sender<Answer>>,
    /// The number and the arguments in calls.log; None: not logged.
    pub call: Option<(u64, Vec<String>)>,
}

impl Reply {
    pub(crate) fn send(self, logs: &Logs, answer: Answer) {
        let Some(to) = self.to else { return };
        if let Some((seq, args)) = self.call {
            logs.call(seq, &args, Some(answer.code));
        }
        // The connection may be gone: the caller's time limit.
        let _ = to.send(answer);
    }
}

impl Why {
    /// What `print` calls it.
    pub(crate) fn immediate_reason(self) -> &'static str {
        match self {
            Self::Load => "speculative",
            Self::KeepAlive => "inefficient",
            Self::Kickstart => "non-ipc demand",
        }
    }

    /// What `starts.log` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::KeepAlive => "keepalive",
            Self::Kickstart => "kickstart",
        }
    }
}

impl Last {
    /// (ended well, by a signal that tells of a crash)
    pub(crate) fn verdict(self) -> (bool, bool) {
        match self {
            Self::Ended(status) => (status.success(), status.signal().is_some_and(names::is_crash)),
            Self::Never | Self::SpawnFailed => (false, false),
        }
    }

    /// The one outcome line of `print`.
    pub(crate) fn line(self) -> String {
        match self {
            Self::Never => "last exit code = (never exited)".to_owned(),
            Self::SpawnFailed => format!("last exit code = {}", names::exit(78)),
            Self::Ended(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("last exit code = {}", names::exit(code)),
                (_, Some(signal)) => format!("last terminating signal = {}", names::strsignal(signal)),
                _ => "last exit code = (failed reap)".to_owned(),
            },
        }
    }

    /// `LastExitStatus` of `list`: a raw wait status.
    pub(crate) fn raw(self) -> i32 {
        match self {
            Self::Never => 0,
            Self::SpawnFailed => 78 << 8,
            Self::Ended(status) => match (status.code(), status.signal()) {
                (Some(code), _) => code << 8,
                (_, signal) => signal.map_or(0, names::macos_number),
            },
        }
    }
}

impl Job {
    pub(crate) fn new(spec: Spec, path: PathBuf) -> Self {
        Self {
            spec,
            path,
            run: None,
            next: None,
            runs: 0,
            last: Last::Never,
            last_start: None,
            successive_crashes: 0,
            pended: None,
            leaving: Leaving::No,
            waiting: Vec::new(),
        }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.run.as_ref().map(|r| r.child.id())
    }

    pub(crate) fn state(&self) -> &'static str {
        match (&self.run, &self.next) {
            (Some(run), _) => match run.sent {
                Sent::Nothing => "running",
                Sent::Term => "SIGTERMed",
                Sent::Kill => "SIGKILLed",
            },
            (None, Some(next)) if next.spawning => "spawning",
            (None, Some(_)) => "spawn scheduled",
            (None, None) if self.leaving != Leaving::No && self.runs > 0 => "exited",
            (None, None) => "not running",
        }
    }

    /// `job state`, the other key, near the end.
    pub(crate) fn job_state(&self) -> &'static str {
        match (&self.run, self.last) {
            (Some(_), _) => "running",
            (None, Last::Never) => "uninitialized",
            (None, Last::SpawnFailed) => "spawn failed",
            (None, Last::Ended(_)) => "exited",
        }
    }

    /// SIGTERM, and SIGKILL when the exit timeout is over. Once: a second wish to end it changes nothing.
    pub(crate) fn end(&mut self, logs: &Logs, why: &str) {
        let timeout = self.spec.exit_timeout();
        let Some(run) = self.run.as_mut().filter(|r| r.sent == Sent::Nothing) else {
            return;
        };
        run.sent = Sent::Term;
        run.kill_at = timeout.map(|t| Instant::now() + t);
        let pid = run.child.id();
        logs.signal(&self.spec.label, pid, "SIGTERM", why);
        process::signal(pid, Signal::TERM);
    }
}
