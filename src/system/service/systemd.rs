//! systemd's user manager by `systemctl --user`. Facts measured on systemd 252: `start` waits out `RestartSec` while
//! `restart` cuts it short; a unit that is told to stop leaves `active` before the process dies, and after it if the
//! process died by itself; `Result` hardly ever names the start limit; asking a frozen manager hangs for 90 s.

mod conditions;
pub mod known;
mod refusals;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::facts::{Condition, Exit, Job, KeepAlive, Unmet};
use crate::limits::Environment;
use crate::system::clock;
use crate::system::command::{self, CommandError};
use crate::system::files;
use crate::system::installed::unit::unit;
use crate::system::poll::Deadline;
use crate::system::process;
use crate::text;
use crate::time::{Mono, Wall};

#[derive(Clone)]
pub struct Systemd {
    systemctl: PathBuf,
    label: String,
    home: PathBuf,
    ask: Duration,
    respawn_near: Duration,
}

const PROPERTIES: &str = "LoadState,ActiveState,SubState,MainPID,NRestarts,Result,ExecMainCode,ExecMainStatus,\
ExecMainStartTimestampMonotonic,ExecMainExitTimestampMonotonic,ActiveExitTimestampMonotonic,\
InactiveEnterTimestampMonotonic,Type,Restart,RestartUSec,TimeoutStopUSec,UnitFileState,NeedDaemonReload,Job,\
ConditionResult,ConditionTimestampMonotonic,AssertResult,AssertTimestampMonotonic,RestartPreventExitStatus,FreezerState,\
FragmentPath,DropInPaths,Id,StateChangeTimestampMonotonic";

/// `DefaultTimeoutStopSec`: used for "infinity", since we never wait for ever.
const EXIT_TIMEOUT: Duration = Duration::from_secs(90);

impl Systemd {
    pub fn new(label: &str, environment: &Environment) -> Systemd {
        Systemd {
            systemctl: environment.systemctl.clone(),
            label: label.to_owned(),
            home: environment.home.clone(),
            ask: environment.limits.ask,
            respawn_near: environment.limits.respawn_near,
        }
    }

    /// See [`super::Service::status`].
    ///
    /// # Errors
    /// If the user manager can't be asked, hangs, or can't read the unit.
    pub fn status(&self) -> Result<Job, String> {
        self.look().map(|(_, job)| job)
    }

    /// See [`super::Service::start`].
    ///
    /// # Errors
    /// As there.
    pub fn start(&self) -> Result<(), String> {
        let (shown, job) = self.look()?;
        self.refuse_unmet(&job)?;
        if job.stopped_by_operator {
            return Err(format!(
                "{} was stopped by its operator; to start it again: systemctl --user start {}",
                self.unit(),
                self.unit()
            ));
        }
        if job.pid.is_some() {
            return Ok(());
        }
        let sub = get(&shown, "SubState");
        if sub.ends_with("-before-auto-restart") || sub == "auto-restart-queued" || job.starting_since.is_some() {
            return Ok(());
        }
        self.reload_if_needed(&shown)?;
        let waits = sub == "auto-restart";
        let due = Mono(micros(&shown, "InactiveEnterTimestampMonotonic") / 1e6) + job.throttle;
        if waits && due.since(clock::mono()) <= self.respawn_near {
            // A start that is due is left to the manager: our `restart` would kill the new process. It may give up instead;
            // after a reset the unit would then look as if its operator had stopped it.
            return Ok(());
        }
        // systemd gives up after 5 starts in 10 s, ours included.
        self.reset()?;
        if waits {
            // `start` would wait for the timer too; `restart` cuts it short.
            return self.verb("restart");
        }
        // A `start` that is queued until the processes left by the dead bridge have ended would then wait for the timer
        // too.
        let restart = job.held_back.is_some() && job.throttle > self.respawn_near;
        self.verb(if restart { "restart" } else { "start" })
    }

    /// See [`super::Service::restart`].
    ///
    /// # Errors
    /// As there.
    pub fn restart(&self) -> Result<(), String> {
        let (shown, job) = self.look()?;
        // A `restart` would stop the bridge, and then not start it.
        self.refuse_unmet(&job)?;
        self.reload_if_needed(&shown)?;
        // Manual starts count towards the start limit, and a refused `restart` has already stopped the bridge.
        self.reset()?;
        self.verb("restart")
    }

    /// See [`super::Service::stop`].
    ///
    /// # Errors
    /// As there.
    pub fn stop(&self) -> Result<(), String> {
        let patience = self.status()?.exit_timeout + self.ask;
        self.verb("stop")?;
        let deadline = Deadline::after(patience);
        while self.status()?.pid.is_some() {
            if deadline.left().is_none() {
                return Err(format!("{} was told to stop and is still there", self.unit()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// A start that a person asked for, so also of a unit that was stopped.
    ///
    /// # Errors
    /// As [`Systemd::start`].
    pub fn start_by_hand(&self) -> Result<(), String> {
        self.reset()?;
        self.verb("start")
    }

    /// Makes the manager read the unit files again.
    ///
    /// # Errors
    /// What systemctl said.
    pub fn reload(&self) -> Result<(), String> {
        self.tell(&["daemon-reload"])
    }

    /// Why the manager refuses the unit as its files are now; `None` if it does not.
    ///
    /// # Errors
    /// What systemctl said.
    pub fn refused(&self) -> Result<Option<String>, String> {
        let text = self.systemctl(&["show", "-p", "LoadState,LoadError", "--", &self.unit()])?;
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        let bad = matches!(value("LoadState="), "bad-setting" | "error");
        Ok(bad.then(|| format!("LoadState={} {}", value("LoadState="), value("LoadError=")).trim_end().to_owned()))
    }

    /// What the manager knows about the unit's file.
    ///
    /// # Errors
    /// What systemctl said.
    pub fn unit_file(&self) -> Result<UnitFile, String> {
        let keys = "LoadState,UnitFileState,NeedDaemonReload,FragmentPath,ExecStart,TriggeredBy";
        let text = self.systemctl(&["show", "-p", keys, "--", &self.unit()])?;
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            lines.find(|(name, _)| *name == key).map_or("", |(_, value)| value)
        };
        Ok(UnitFile {
            load: value("LoadState").to_owned(),
            state: value("UnitFileState").to_owned(),
            changed: value("NeedDaemonReload") == "yes",
            triggered_by: value("TriggeredBy").split(' ').find(|unit| !unit.is_empty()).map(str::to_owned),
            program: program(value("ExecStart")).map(str::to_owned),
            path: Some(value("FragmentPath")).filter(|path| !path.is_empty()).map(PathBuf::from),
        })
    }

    /// Starts the unit at each login; an enabled unit also keeps its history after a stop.
    ///
    /// # Errors
    /// What systemctl said.
    pub fn enable(&self) -> Result<(), String> {
        self.tell(&["enable", "--", &self.unit()])
    }

    /// # Errors
    /// What systemctl said.
    pub fn disable(&self) -> Result<(), String> {
        self.tell(&["disable", "--", &self.unit()])
    }

    /// What systemd says, and what it means. Right after a death it may still name the dead process, and no start would
    /// be made because there seems to be one. So it is asked until it has noticed.
    fn look(&self) -> Result<(HashMap<String, String>, Job), String> {
        let deadline = Deadline::after(self.ask);
        loop {
            let shown = self.show()?;
            let mut job = parse(&shown).map_err(|why| format!("{}: {why}", self.unit()))?;
            let files = conditions::paths(get(&shown, "FragmentPath"), get(&shown, "DropInPaths"));
            // First what can be named.
            let now = || conditions::unmet(&files, &self.unit(), &self.home).map(Unmet::Unit);
            let unmet = refusals::frozen(&shown).or_else(now).or_else(|| refusals::refused(&shown, &job));
            if unmet.is_some() {
                (job.stopped_by_operator, job.gave_up, job.unmet) = (true, false, unmet);
            }
            let Some(gone) = job.pid.filter(|pid| process::find(*pid).is_none()) else { return Ok((shown, job)) };
            if deadline.left().is_none() {
                let waited = self.ask.as_secs_f64();
                return Err(format!("systemd has not noticed for {waited} s that pid {gone} is gone"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// # Errors
    /// If a condition by which its operator keeps the unit down is not met.
    fn refuse_unmet(&self, job: &Job) -> Result<(), String> {
        match &job.unmet {
            Some(unmet) => Err(format!("{} is stopped by its operator: {}", self.unit(), text::unmet(unmet))),
            None => Ok(()),
        }
    }

    /// The files to which the unit's standard output and standard error are written; `None` where it is none. The manager
    /// tells of an output that it is appended, and not to which file.
    ///
    /// # Errors
    /// What systemctl said.
    pub fn outputs(&self) -> Result<[Option<PathBuf>; 2], String> {
        let shown = pairs(&self.systemctl(&["show", "-p", "FragmentPath,DropInPaths", "--", &self.unit()])?);
        let paths = conditions::paths(get(&shown, "FragmentPath"), get(&shown, "DropInPaths"));
        let texts: Vec<String> = paths.iter().filter_map(|path| files::text(path)).collect();
        Ok(unit(&self.label, &texts, &self.home).map_or([None, None], |job| [job.log, job.error_log]))
    }

    pub(super) fn unit(&self) -> String {
        format!("{}.service", self.label)
    }

    /// When a process of the unit, by its own name, wrote its last line to the journal. Lines of systemd about the unit do
    /// not count.
    pub(super) fn last_line(&self, unit: &str) -> Option<Wall> {
        let field = format!("_SYSTEMD_USER_UNIT={unit}");
        let args = ["--user", "--quiet", "--no-pager", "--lines=1", "--output=short-unix", &field];
        // It lies beside systemctl.
        let output = command::run(&self.systemctl.with_file_name("journalctl"), &args, self.ask).ok()?;
        output.stdout.split_ascii_whitespace().next()?.parse().ok().map(Wall)
    }

    fn show(&self) -> Result<HashMap<String, String>, String> {
        if let Some(odd) = self.label.chars().find(|c| !c.is_ascii_alphanumeric() && !":_.@-\\".contains(*c)) {
            // systemctl escapes such names with a warning and then reports a unit of another name.
            return Err(format!(
                "'{odd}' is not allowed in the name of a systemd unit; correct bridge.label ({})",
                self.label
            ));
        }
        let text = self.systemctl(&["show", "-p", PROPERTIES, "--", &self.unit()])?;
        Ok(pairs(&text))
    }

    /// Never waits for the job: that could take as long as `RestartSec` or `TimeoutStopSec`.
    fn verb(&self, verb: &str) -> Result<(), String> {
        self.tell(&[verb, "--no-block", "--", &self.unit()])
    }

    /// A unit that was collected meanwhile has nothing to reset, which systemctl calls an error.
    fn reset(&self) -> Result<(), String> {
        match self.systemctl(&["reset-failed", "--", &self.unit()]) {
            Ok(_) | Err(SystemctlError::Refused { why: Refusal::NotLoaded, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn reload_if_needed(&self, shown: &HashMap<String, String>) -> Result<(), String> {
        if get(shown, "NeedDaemonReload") == "yes" { self.reload() } else { Ok(()) }
    }

    fn tell(&self, words: &[&str]) -> Result<(), String> {
        Ok(self.systemctl(words).map(drop)?)
    }

    fn systemctl(&self, words: &[&str]) -> Result<String, SystemctlError> {
        let args: Vec<&str> = ["--user", "--no-pager"].into_iter().chain(words.iter().copied()).collect();
        let output = command::run(&self.systemctl, &args, self.ask)?;
        if output.code == Some(0) {
            return Ok(output.stdout);
        }
        let said = output.stderr.lines().next().unwrap_or("no reason given").to_owned();
        Err(SystemctlError::Refused { verb: words[0].to_owned(), why: refusal(&said), said })
    }
}

/// The file of a unit, as the manager knows it.
pub struct UnitFile {
    /// `LoadState`: `not-found` where a unit that still runs has lost its file.
    pub load: String,
    /// `UnitFileState`.
    pub state: String,
    /// It, or a drop-in, is another one than was loaded.
    pub changed: bool,
    pub path: Option<PathBuf>,
    /// What it starts.
    pub program: Option<String>,
    /// A timer that starts it.
    pub triggered_by: Option<String>,
}

/// Of `{ path=/bin/sh ; argv[]=/bin/sh -c x ; … }`.
fn program(exec_start: &str) -> Option<&str> {
    exec_start.split_once("path=")?.1.split_once(" ; argv[]=").map(|(path, _)| path)
}

/// Why systemctl did not do what it was asked to.
#[derive(Debug, Error)]
enum SystemctlError {
    #[error(transparent)]
    NoAnswer(#[from] CommandError),
    /// It ended with a failure and this text.
    #[error("systemctl --user {verb}: {said}{}", mend(*why))]
    Refused { verb: String, said: String, why: Refusal },
}

impl From<SystemctlError> for String {
    fn from(error: SystemctlError) -> String {
        error.to_string()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The unit is not known: it was never loaded, or it was collected.
    NotLoaded,
    NoSession,
    NoManager,
    Other,
}

/// systemctl's exit code is 1 for each of these, so its text (under LC_ALL=C) has to decide: that of systemd 252 and,
/// for the bus, of 256 and later.
fn refusal(said: &str) -> Refusal {
    if said.ends_with(" not loaded.") {
        Refusal::NotLoaded
    } else if said.ends_with("No medium found") || said.contains("$XDG_RUNTIME_DIR not defined") {
        Refusal::NoSession
    } else if said.starts_with("Failed to connect to ") {
        Refusal::NoManager
    } else {
        Refusal::Other
    }
}

fn mend(why: Refusal) -> &'static str {
    match why {
        Refusal::NoSession => "; there is no user session here: set XDG_RUNTIME_DIR=/run/user/<uid>",
        Refusal::NoManager => "; the user manager does not run: 'loginctl enable-linger' keeps it running",
        Refusal::NotLoaded | Refusal::Other => "",
    }
}

fn pairs(text: &str) -> HashMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn parse(shown: &HashMap<String, String>) -> Result<Job, String> {
    let (load, active, sub) = (get(shown, "LoadState"), get(shown, "ActiveState"), get(shown, "SubState"));
    match load {
        "loaded" | "not-found" | "masked" => {}
        "" => return Err("systemctl answers in a form that is not known".into()),
        _ => {
            return Err(format!(
                "systemd can't read the unit file (LoadState={load}); 'systemctl --user status' says why"
            ));
        }
    }
    let known = matches!(
        active,
        "active" | "reloading" | "refreshing" | "inactive" | "failed" | "activating" | "deactivating" | "maintenance"
    );
    let (Ok(pid), true) = (get(shown, "MainPID").parse::<u32>(), known) else {
        return Err(format!("systemctl answers in a form that is not known (ActiveState={active}, SubState={sub})"));
    };
    let pid = Some(pid).filter(|pid| *pid > 0);
    let there = load != "not-found" || !matches!(active, "inactive" | "failed");
    let restart = get(shown, "Restart");
    let last_exit = last_exit(shown);
    let stopped =
        pid.is_none() && (load == "masked" || (load == "loaded" && stopped_by_operator(shown, active, sub, restart)));
    let stopping = active == "deactivating" && (pid.is_some() || !matches!(get(shown, "Job"), "" | "0"));
    let starting = active == "activating" && pid.is_none() && !sub.contains("auto-restart");
    let leftovers = active == "deactivating" && !stopping;
    let run = get(shown, "ExecMainStartTimestampMonotonic").parse().ok().filter(|stamp| *stamp > 0);
    // The stamps are reset with each try, so a try that failed without one never started the program: its
    // `ExecStartPre` failed, or a condition, a mount.
    let result = get(shown, "Result");
    let failed_before_start = pid.is_none() && run.is_none() && !matches!(result, "" | "success");
    let before_start = || {
        Exit::NotStarted(format!("a step before its start failed (ExecStartPre or the like; systemd says {result})"))
    };
    Ok(Job {
        // A unit whose file was removed goes on running, with the state not-found.
        installed: there,
        loaded: there,
        stopped_by_operator: stopped,
        unmet: None,
        file: None,
        unit: Some(get(shown, "Id")).filter(|id| !id.is_empty()).map(str::to_owned),
        starting_since: starting.then(|| Mono(micros(shown, "StateChangeTimestampMonotonic") / 1e6)),
        pid,
        runs: get(shown, "NRestarts")
            .parse::<u64>()
            .ok()
            // Tries that never started the program are no runs.
            .filter(|_| !failed_before_start)
            .map(|restarts| if last_exit == Exit::Never && pid.is_none() { restarts } else { restarts + 1 }),
        run,
        last_exit: if failed_before_start { before_start() } else { last_exit },
        throttle: seconds(get(shown, "RestartUSec")).unwrap_or(Duration::from_millis(100)),
        exit_timeout: seconds(get(shown, "TimeoutStopUSec")).unwrap_or(EXIT_TIMEOUT),
        keep_alive: match restart {
            // A oneshot may not have it (systemd.service(5)): its program is to end, and what it leaves running is not
            // systemd's to restart.
            _ if get(shown, "Type") == "oneshot" => KeepAlive::Unknown,
            "always" => KeepAlive::Always,
            "no" => KeepAlive::Never,
            "" => KeepAlive::Unknown,
            other => KeepAlive::Conditional(Condition::Restart(other.to_owned())),
        },
        held_back: match (leftovers, starting) {
            (true, _) => Some("what the dead bridge left running is ended first".into()),
            (_, true) => Some("a step before its start (ExecStartPre or the like) has not ended".into()),
            _ => None,
        },
        stopping,
        active_without_process: active == "active" && pid.is_none(),
        gave_up: active == "failed" && !stopped && !sub.ends_with("-before-auto-restart"),
    })
}

/// systemd does not record who stopped a unit, but the order of two of its stamps shows it: a unit leaves `active`
/// before the process dies if it was told to stop, and after if the process died by itself.
fn stopped_by_operator(shown: &HashMap<String, String>, active: &str, sub: &str, restart: &str) -> bool {
    let [started, died, left] =
        ["ExecMainStartTimestampMonotonic", "ExecMainExitTimestampMonotonic", "ActiveExitTimestampMonotonic"]
            .map(|key| micros(shown, key));
    let asked = left > started && left < died;
    match active {
        // From systemd 254 on; both pass at once, and it will respawn.
        _ if sub.ends_with("-before-auto-restart") => false,
        // No history: never started, or collected after a stop. An enabled unit is not collected, so it was never
        // started; for a disabled one that is not known, and a stop by the operator is the safer reading.
        "inactive" if started == 0.0 => !get(shown, "UnitFileState").starts_with("enabled"),
        "inactive" if restart == "always" => true,
        "inactive" => asked,
        // Also told to stop, but by systemd itself.
        "failed" => asked && !matches!(get(shown, "Result"), "start-limit-hit" | "watchdog" | "oom-kill"),
        _ => false,
    }
}

/// Where systemd itself ended the run, its reason: its watchdog's SIGABRT would look like an abort of the bridge's own.
fn last_exit(shown: &HashMap<String, String>) -> Exit {
    match (exit_by_codes(shown), get(shown, "Result")) {
        (Exit::Never, _) => Exit::Never,
        (_, reason @ ("watchdog" | "oom-kill")) => Exit::Other(reason.to_owned()),
        // `RuntimeMaxSec=`, or a start or a stop that took too long: a bridge that ends at once when it is told to is not
        // one that was killed.
        (exit, "timeout") if !matches!(exit, Exit::Code(0) | Exit::Signal(libc::SIGTERM)) => {
            Exit::Other("timeout".into())
        }
        (exit, _) => exit,
    }
}

/// Not from `Result`, which a reset sets to success. While the unit runs the last exit is not shown.
fn exit_by_codes(shown: &HashMap<String, String>) -> Exit {
    let status = get(shown, "ExecMainStatus").parse::<i32>().ok();
    match (get(shown, "ExecMainCode"), status) {
        ("1", Some(203)) => Exit::NotStarted("exit 203: systemd can't start the program".into()),
        ("1", Some(200)) => Exit::NotStarted("exit 200: systemd can't enter the working folder".into()),
        ("1", Some(code)) => Exit::Code(code),
        ("2" | "3", Some(signal)) => Exit::Signal(signal),
        _ => Exit::Never,
    }
}

fn get<'a>(shown: &'a HashMap<String, String>, key: &str) -> &'a str {
    shown.get(key).map_or("", String::as_str)
}

fn micros(shown: &HashMap<String, String>, key: &str) -> f64 {
    get(shown, key).parse().unwrap_or(0.0)
}

/// `1min 30s`, `100ms`, `5.003s`, and `0` without a unit (systemd.time(7)); `None` for `infinity` and unknown forms.
fn seconds(text: &str) -> Option<Duration> {
    if text == "0" { Some(Duration::ZERO) } else { humantime::parse_duration(text).ok() }
}

#[cfg(test)]
#[path = "systemd_tests.rs"]
mod tests;
