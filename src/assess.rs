//! From facts to a verdict. Pure: no files, no processes, no clock, no logging. All the judgement of the program is
//! here, top to bottom in the order of precedence: the first cause that holds is the verdict, the others become issues.
//! Only what the files of others mean stands apart, in `markers`, since the history asks that too.

use serde::{Deserialize, Serialize};

use crate::facts::{Class, Event, EventKind, Exit, Fact, Facts, Git, Job, KeepAlive, Lock, Markers, Process, Role};
use crate::history::{History, connection};
use crate::limits::Limits;
use crate::markers::{DISK_FULL, flood_wait, login_needed, update};
use crate::words::{at, lasting};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Healthy,
    Starting,
    Degraded,
    Unhealthy,
    Waiting,
    Stopped,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    None,
    ProcessDead,
    CrashLoop,
    NotLoaded,
    LogStale,
    StopHang,
    Disconnected,
    Duplicate,
    SessionLocked,
    BadCommit,
    Offline,
    FloodWait,
    AuthRequired,
    UpdateRunning,
    RecoveryRunning,
    Paused,
    OperatorStop,
    DiskFull,
    ConfigError,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub state: State,
    pub cause: Cause,
    /// The first rung that fits; 0 where nothing is to be done now.
    pub rung: u8,
    /// Sentences that a person understands, the verdict's own first.
    pub issues: Vec<String>,
    pub unknown: Vec<String>,
    /// What happens next and when, in words.
    pub next: String,
    /// A person has to hear of it: told once, at once.
    pub person: bool,
}

/// A cause that holds.
struct Found {
    state: State,
    cause: Cause,
    rung: u8,
    issue: String,
    next: String,
    person: bool,
}

/// The last rung: tell a person.
pub const TELL: u8 = 5;

/// Crashes in the window that make a loop, and revert suspects: two may be chance, three are a pattern.
const LOOP: usize = 3;
/// So many starts in the window, and it is down again: its manager does its part each time and none of the ends is a
/// crash (exit 0, a network), so no rung fits, but a person should hear of it.
const RESTLESS: usize = 10;
/// Below this share of free space a person should hear of it.
const DISK_LOW: f64 = 0.02;
/// The same error line this often in the window: alive, but not well.
const REPEATED: u32 = 10;

/// What comes of rungs 3 and 4, which this version does not have: the chain goes on to rung 5 at once. These words are to
/// be changed with the rungs, and no others.
pub const TOLD: &str = "a person is told";
const CANT_FREE: &str = "this version can't free the lock; a person is told";
const CANT_REVERT: &str = "this version can't revert HEAD; a person is told";

/// Decides. `history` is what [`crate::history::advance`] made of these same facts.
pub fn assess(facts: &Facts, history: &History, limits: &Limits) -> Verdict {
    let unknown = unknowns(facts, history);
    let (Fact::Known(process), Fact::Known(service)) = (&facts.process, &facts.service) else {
        let why = facts.process.why().or(facts.service.why()).unwrap_or("nobody answered");
        let issue = format!("It can't be found out whether the bridge is running: {why}.");
        return verdict(
            vec![found(State::Unknown, Cause::Unknown, 0, issue, "it is looked at again at the next tick")],
            unknown,
        );
    };
    let look = Look { facts, history, limits, process: *process, service, markers: facts.markers.known() };
    let mut causes: Vec<Found> = Vec::new();
    causes.extend(look.operator_stop());
    causes.extend(look.standing_still());
    causes.extend(look.session_locked());
    causes.extend(look.crash_loop());
    causes.extend(look.down());
    causes.extend(look.alive_but_sick());
    // Asked only when something is wrong, and then it outranks all that a start or a revert would be for.
    if facts.network == Some(Fact::Known(false)) && causes.iter().any(|found| found.state == State::Unhealthy) {
        let issue = "This machine is offline: none of Telegram's data centres accepts a connection.".to_owned();
        let first = causes.iter().position(|found| found.state == State::Unhealthy).unwrap_or(0);
        causes.insert(
            first,
            found(State::Waiting, Cause::Offline, 0, issue, "recovery goes on as soon as the network is back"),
        );
    }
    if let (Fact::Unknown(why), Some(State::Unhealthy)) = (&facts.markers, causes.first().map(|found| found.state)) {
        causes.insert(0, look.unsure(why));
    }
    if causes.is_empty()
        && let Fact::Unknown(why) = &facts.log
    {
        let issue = format!("The bridge has a process, but whether it works can't be seen: {why}.");
        causes.push(found(State::Unknown, Cause::Unknown, 0, issue, "it is looked at again at the next tick"));
    }
    look.leave_what_is_disabled(&mut causes);
    causes.extend(look.degraded());
    if causes.is_empty() {
        causes.push(look.well());
    }
    verdict(causes, unknown)
}

/// HEAD is the suspect of a crash loop: or why it is not.
///
/// # Errors
/// The reason why HEAD is left alone, as the second half of "HEAD is not reverted: …".
pub fn suspect(crashes: &[Event], git: &Git, now: f64, limits: &Limits) -> Result<(), String> {
    let head: String = git.head.chars().take(8).collect();
    let on_head: Vec<&Event> = recent(crashes, now, limits).filter(|event| event.commit == head).collect();
    let Some(first) = on_head.first().filter(|_| on_head.len() >= LOOP) else {
        return Err(format!("only {} of the crashes happened on it", on_head.len()));
    };
    let age = first.at - git.committed;
    if age >= limits.fresh_commit {
        return Err(format!("it was {} old at the first of them", lasting(age)));
    }
    match git {
        Git { own_revert: true, .. } => Err("it is our own revert".into()),
        Git { parents: 0, .. } => Err("it has no parent".into()),
        Git { parents: 2.., .. } => Err("it is a merge".into()),
        Git { touches_code: Some(false), .. } => Err("it touches only documentation and tests".into()),
        Git { touches_code: None, .. } => Err("what it touches is not known".into()),
        _ => Ok(()),
    }
}

/// Real crashes within the window, oldest first.
pub fn recent<'a>(crashes: &'a [Event], now: f64, limits: &Limits) -> impl Iterator<Item = &'a Event> {
    let window = limits.crash_window;
    crashes.iter().filter(move |event| {
        event.kind == EventKind::Crash && event.class == Class::Code && (0.0..window).contains(&(now - event.at))
    })
}

struct Look<'a> {
    facts: &'a Facts,
    history: &'a History,
    limits: &'a Limits,
    process: Option<Process>,
    service: &'a Job,
    markers: Option<&'a Markers>,
}

impl Look<'_> {
    fn clock(&self, epoch: f64) -> String {
        at(epoch, self.facts.clock)
    }

    fn since(&self, mono: Option<f64>) -> f64 {
        mono.map_or(0.0, |since| self.facts.clock.mono - since)
    }

    fn operator_stop(&self) -> Option<Found> {
        let stopped = self.service.stopped_by_operator && self.process.is_none();
        stopped.then(|| {
            let issue = "The bridge was stopped by its operator.".to_owned();
            found(
                State::Stopped,
                Cause::OperatorStop,
                0,
                issue,
                "it stays down until the operator enables and starts it again",
            )
        })
    }

    /// Everything that says "stand still", in the order of precedence.
    fn standing_still(&self) -> Vec<Found> {
        let now = self.facts.clock.wall;
        let mut causes = Vec::new();
        let mut wait = |cause, issue: String, next: String| causes.push(found(State::Waiting, cause, 0, issue, &next));
        if let Some(pause) = self.facts.holds.pause.filter(|pause| pause.until > now) {
            let issue = format!(
                "Recovery has been paused since {} ({} ago).",
                self.clock(pause.since),
                lasting(now - pause.since)
            );
            wait(
                Cause::Paused,
                issue,
                format!("recovery goes on at {}, or after 'bridge-watchdog resume'", self.clock(pause.until)),
            );
        }
        if let Some(pid) = self.facts.holds.recovery {
            wait(
                Cause::RecoveryRunning,
                format!("Another recovery of this bridge is running (pid {pid})."),
                "it is waited for".into(),
            );
        }
        if let Some(issue) = update(&self.facts.holds, self.markers, now, self.limits) {
            wait(Cause::UpdateRunning, issue, "recovery goes on when the update is over".into());
        }
        if self.markers.is_some_and(login_needed) {
            let issue = "Telegram asks for a new login; no restart can help.".to_owned();
            causes.push(Found {
                person: true,
                ..found(State::Waiting, Cause::AuthRequired, 0, issue, "a person has to log in")
            });
        }
        causes.extend(self.broken_setup());
        if let Some(flood) = self.markers.and_then(|markers| flood_wait(markers, self.facts.clock, self.limits)) {
            let issue = format!("Telegram told the bridge to wait until {} (flood wait).", self.clock(flood.expiry));
            causes.push(found(
                State::Waiting,
                Cause::FloodWait,
                0,
                issue,
                &format!("waiting until {}; a restart would make it longer", self.clock(flood.expiry)),
            ));
        }
        causes.extend(self.disk_full());
        causes
    }

    /// Sick, but whether something forbids a cure can't be seen: then nothing is done. Told where it lasts.
    fn unsure(&self, why: &str) -> Found {
        let issue = format!("Whether an update, a flood wait or a login forbids a restart can't be seen: {why}.");
        let next = "nothing is done until that can be seen; make the checkout's data folder readable";
        let lasts = self.history.unsure_since.is_some() && self.since(self.history.unsure_since) >= self.limits.stale;
        Found { person: lasts, ..found(State::Unknown, Cause::Unknown, 0, issue, next) }
    }

    /// Nothing to start, or a bridge that says that its own configuration is wrong.
    fn broken_setup(&self) -> Option<Found> {
        let error = |issue: String, next: &str| {
            Some(Found { person: true, ..found(State::Waiting, Cause::ConfigError, 0, issue, next) })
        };
        if self.process.is_none() && !self.service.installed && !self.service.loaded {
            return error(
                "There is no service for the bridge: neither a plist nor a unit file.".into(),
                "run 'bridge-watchdog install'",
            );
        }
        let young = self.process.is_none_or(|process| process.age < self.limits.min_uptime);
        if young && self.service.last_exit == Exit::Code(2) {
            // Python also exits with 2 where the script is missing, so the end of the log goes with it.
            return error(
                "The bridge ended with exit code 2: its own configuration is wrong, or its script is missing.".into(),
                "a person has to mend it; the end of the log says more",
            );
        }
        None
    }

    fn disk_full(&self) -> Option<Found> {
        let full = self.facts.disk.known().is_some_and(|disk| disk.free < DISK_FULL);
        let said = self.history.no_space_at.is_some_and(|at| self.facts.clock.mono - at < self.limits.stale);
        (full || said).then(|| {
            let issue = "The disk is full: the bridge can't write its session or its log.".to_owned();
            Found {
                person: true,
                ..found(
                    State::Waiting,
                    Cause::DiskFull,
                    0,
                    issue,
                    "a person has to make room; nothing is restarted until then",
                )
            }
        })
    }

    fn session_locked(&self) -> Option<Found> {
        let session = self.facts.session.known()?;
        let says_locked = self.history.locked_at.is_some_and(|at| self.facts.clock.mono - at < self.limits.stale);
        if self.process.is_some() && !says_locked {
            return None;
        }
        // A reader's SHARED lock keeps a writer from committing, but a mere reader is no reason to act before the
        // bridge complains.
        let enough = if says_locked { Lock::Shared } else { Lock::Reserved };
        let holder = session.holders.iter().find(|holder| holder.role == Role::Stranger && holder.lock >= enough)?;
        let issue = format!("Another process (pid {}) holds the lock of the bridge's session.", holder.pid);
        Some(found(State::Unhealthy, Cause::SessionLocked, 3, issue, CANT_FREE))
    }

    fn crash_loop(&self) -> Option<Found> {
        let crashes = self.facts.crashes.known()?;
        let now = self.facts.clock.wall;
        let count = recent(crashes, now, self.limits).count();
        let young = self.process.is_none_or(|process| process.age < self.limits.stale);
        if count < LOOP || !young {
            return None;
        }
        let mut issue = format!("The bridge crashed {count} times within {}.", lasting(self.limits.crash_window));
        let opted_in = self.markers.is_some_and(|markers| markers.auto_revert);
        let Some(git) = self.facts.git.known() else {
            return Some(found(State::Unhealthy, Cause::CrashLoop, 3, issue, TOLD));
        };
        match suspect(crashes, git, now, self.limits) {
            Ok(()) if opted_in => {
                issue.push_str(&format!(" HEAD ({}) is the suspect.", git.summary));
                Some(found(State::Unhealthy, Cause::BadCommit, 4, issue, CANT_REVERT))
            }
            Ok(()) => {
                issue.push_str(&format!(" HEAD ({}) is the suspect, but auto-revert is off.", git.summary));
                Some(found(State::Unhealthy, Cause::BadCommit, 3, issue, TOLD))
            }
            Err(why) => {
                issue.push_str(&format!(" HEAD is not reverted: {why}."));
                Some(found(State::Unhealthy, Cause::CrashLoop, 3, issue, TOLD))
            }
        }
    }

    /// No process.
    fn down(&self) -> Option<Found> {
        if self.process.is_some() {
            return None;
        }
        let (service, limits, now) = (self.service, self.limits, self.facts.clock);
        if !service.loaded && service.installed {
            let left = limits.reload - self.since(self.history.unloaded_since);
            let issue = "The bridge's job is not loaded: the service manager does not know it.".to_owned();
            if left > 0.0 {
                let next = format!("it is loaded again at {}", self.clock(now.wall + left));
                let found = found(State::Unhealthy, Cause::NotLoaded, 0, issue, &next);
                return Some(Found { person: true, ..found });
            }
            return Some(found(State::Unhealthy, Cause::NotLoaded, 1, issue, "it is loaded again now"));
        }
        let exit = match &service.last_exit {
            Exit::Never => String::new(),
            exit => format!(" (last: {exit})"),
        };
        let mut issue = format!("The bridge is not running{exit}.");
        if let Some(reason) = &service.held_back {
            issue.push_str(&format!(" The service manager holds its start back: {reason}."));
        }
        let settled = self.history.ended.as_ref().is_some_and(|ended| ended.lived >= limits.min_uptime);
        let left = service.throttle + limits.respawn_margin - self.since(self.history.dead_since);
        if settled || service.gave_up || left <= 0.0 {
            return Some(found(State::Unhealthy, Cause::ProcessDead, 1, issue, "it is started now"));
        }
        let starts = self.history.starts.iter().filter(|at| now.mono - **at < limits.crash_window).count();
        let restless = starts >= RESTLESS;
        if restless {
            issue.push_str(&format!(
                " It was started {starts} times within {} and stayed up none of them.",
                lasting(limits.crash_window)
            ));
        }
        let next = format!("its service manager has until {} to start it; then we do", self.clock(now.wall + left));
        Some(Found { person: restless, ..found(State::Unhealthy, Cause::ProcessDead, 0, issue, &next) })
    }

    /// A process that does not work.
    fn alive_but_sick(&self) -> Vec<Found> {
        let Some(process) = self.process else { return Vec::new() };
        let (history, limits) = (self.history, self.limits);
        let mut causes = Vec::new();
        let mut sick = |cause, issue: String, next: &str| causes.push(found(State::Unhealthy, cause, 2, issue, next));
        // After a sleep every silence is as long as the sleep was.
        let awake = self.facts.clock.mono >= history.grace_until;
        let stopping = self.since(history.stopping_since);
        if awake && stopping >= limits.stop_hang {
            sick(
                Cause::StopHang,
                format!("The bridge was told to stop {} ago and is still there.", lasting(stopping)),
                "it is ended and started",
            );
        }
        let copies = self.facts.duplicates.known().map_or(&[][..], Vec::as_slice);
        if let Some(copy) = copies.iter().find(|copy| copy.age >= limits.stale_process) {
            sick(
                Cause::Duplicate,
                format!("A second copy of this bridge is running (pid {}).", copy.id.pid),
                "the copy is ended; the bridge is left alone",
            );
        }
        let cut = self.since(history.disconnected_since);
        let online = self.facts.network != Some(Fact::Known(false));
        if awake && cut >= limits.stale && process.age >= limits.stale {
            let issue = format!("The bridge has had no connection to Telegram for {}.", lasting(cut));
            sick(Cause::Disconnected, issue, if online { "it is restarted" } else { "it is looked at again" });
        }
        let silent = self.since(history.silent_since);
        if awake && silent >= limits.stale && process.age >= limits.stale && history.stale_looks >= 2 {
            let from_start = process.age - silent < 1.0;
            let issue = if from_start {
                format!("The bridge hung at start: it has not written to its log in {}.", lasting(silent))
            } else {
                format!("The bridge hangs: it has not written to its log for {}.", lasting(silent))
            };
            sick(Cause::LogStale, issue, "it is ended and started");
        }
        causes
    }

    /// What its operator has disabled and lets run is ended by nobody: it could not be started again.
    fn leave_what_is_disabled(&self, causes: &mut [Found]) {
        if self.service.stopped_by_operator && self.process.is_some() {
            for found in causes.iter_mut().filter(|found| found.rung > 0) {
                found.rung = TELL;
                "its operator has disabled it, so nothing is ended or started; a person is told"
                    .clone_into(&mut found.next);
            }
        }
    }

    /// Told once, never healed by force.
    fn degraded(&self) -> Vec<Found> {
        let mut causes = Vec::new();
        let mut note = |issue: String, next: &str| {
            causes.push(Found { person: true, ..found(State::Degraded, Cause::None, 0, issue, next) });
        };
        if let Some((line, times)) =
            self.facts.log.known().and_then(|log| log.repeated.as_ref()).filter(|(_, times)| *times >= REPEATED)
        {
            note(
                format!("The same error was logged {times} times within {}: {line}", lasting(self.limits.stale)),
                "read the log; nothing is restarted for that",
            );
        }
        if let Some(disk) = self.facts.disk.known().filter(|disk| disk.free_share < DISK_LOW) {
            note(format!("Only {:.1} % of the disk is free.", disk.free_share * 100.0), "make room before it is full");
        }
        if let KeepAlive::Conditional(words) = &self.service.keep_alive {
            note(
                format!("The service manager restarts the bridge only sometimes: {words}."),
                "run 'bridge-watchdog install' to mend just that key",
            );
        } else if self.service.keep_alive == KeepAlive::Never {
            note(
                "The service manager never restarts the bridge by itself.".into(),
                "run 'bridge-watchdog install' to mend just that key",
            );
        }
        if let Some(why) = &self.history.undelivered {
            // Told by a local notification: one more alert would only take the place of the one that waits.
            let issue = format!("An alert does not go out: {why}");
            causes.push(found(State::Degraded, Cause::None, 0, issue, "it is tried again at every tick"));
        }
        causes
    }

    fn well(&self) -> Found {
        let age = self.process.map_or(0.0, |process| process.age);
        let connected = matches!(connection(self.history, self.facts), Fact::Known(connection) if connection.connected);
        if age < self.limits.stale && !connected {
            let until = self.clock(self.facts.clock.wall - age + self.limits.stale);
            return found(State::Starting, Cause::None, 0, String::new(), &format!("it has until {until} to connect"));
        }
        found(State::Healthy, Cause::None, 0, String::new(), "it is checked every minute, and the moment it dies")
    }
}

fn unknowns(facts: &Facts, history: &History) -> Vec<String> {
    let telegram = connection(history, facts);
    let network = facts.network.as_ref().and_then(|network| network.why());
    [
        ("process", facts.process.why()),
        ("service", facts.service.why()),
        ("duplicates", facts.duplicates.why()),
        ("log", facts.log.why()),
        ("session", facts.session.why()),
        ("telegram", telegram.why()),
        ("network", network),
        ("crashes", facts.crashes.why()),
        ("git", facts.git.why()),
        ("disk", facts.disk.why()),
        ("markers", facts.markers.why()),
    ]
    .into_iter()
    .filter_map(|(name, why)| why.map(|why| format!("{name}: {why}")))
    .collect()
}

fn found(state: State, cause: Cause, rung: u8, issue: String, next: &str) -> Found {
    Found { state, cause, rung, issue, next: next.to_owned(), person: false }
}

fn verdict(causes: Vec<Found>, unknown: Vec<String>) -> Verdict {
    let issues = causes.iter().map(|found| found.issue.clone()).filter(|issue| !issue.is_empty()).collect();
    let first =
        causes.into_iter().next().unwrap_or_else(|| found(State::Unknown, Cause::Unknown, 0, String::new(), ""));
    Verdict {
        state: first.state,
        cause: first.cause,
        rung: first.rung,
        issues,
        unknown,
        next: first.next,
        person: first.person,
    }
}

#[cfg(test)]
#[path = "assess_tests.rs"]
mod tests;
