//! launchd by `/bin/launchctl`. Facts from launchctl(1) and from captures of real systems: the output of `print` is
//! "not API", so it is parsed leniently and unknown lines are skipped; the exit code and the pid decide.

pub mod agent_file;
mod keep_alive;
mod loaded;

use std::path::PathBuf;
use std::time::Duration;

pub use self::agent_file::AgentFile;
pub use self::keep_alive::leaves_key_alone;
pub use self::loaded::Loaded;

use super::StartError;
use crate::facts::{Exit, Job, KeepAlive, Unmet};
use crate::limits::Environment;
use crate::system::command::{self, CommandError, Output};
use crate::system::lookalikes::Owner;
use crate::system::poll;
use crate::text;
use crate::time::span;

#[derive(Clone)]
pub struct Launchd {
    launchctl: PathBuf,
    label: String,
    /// `gui/<uid>`.
    domain: String,
    file: AgentFile,
    ask: Duration,
    bootstrap: Duration,
}

impl Launchd {
    pub(super) fn owner(&self) -> Owner {
        Owner::Label { label: self.label.clone(), launchctl: self.launchctl.clone(), ask: self.ask }
    }
}

/// A label that somebody has enabled or disabled by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    On,
    Off,
}

const NOT_LOADED: i32 = 113;
/// `bootout` of a job that is not loaded.
const NOT_FOUND: i32 = 3;
/// `bootstrap`'s code for many failures: loaded already, still draining, disabled, wrong session.
const CATCH_ALL: i32 = 5;
/// `ThrottleInterval`'s default.
const THROTTLE: Duration = Duration::from_secs(10);
/// The longest that we wait for launchctl while launchd ends a job. launchd goes on without us.
const LONGEST_EXIT: Duration = Duration::from_mins(2);
/// launchd's real default; the manual says 20.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

impl Launchd {
    pub fn new(label: &str, environment: &Environment) -> Launchd {
        Launchd {
            launchctl: environment.launchctl.clone(),
            label: label.to_owned(),
            domain: format!("gui/{}", rustix::process::getuid().as_raw()),
            file: AgentFile::new(label, environment),
            ask: environment.limits.ask,
            bootstrap: environment.limits.bootstrap,
        }
    }

    /// See [`super::Service::status`].
    ///
    /// # Errors
    /// If launchctl is missing, hangs, or prints something unknown.
    pub fn status(&self) -> Result<Job, String> {
        let output = self.print()?;
        let mut job = match output.code {
            Some(0) => parse(&output.stdout)
                .ok_or_else(|| format!("launchctl print {} answers in a form that is not known", self.target()))?,
            Some(NOT_LOADED) => not_loaded(),
            _ => return Err(said("print", &output)),
        };
        let file = self.file.first(job.file.as_deref());
        job.installed = job.loaded || file.is_some();
        if let Some(keys) = file.and_then(|file| agent_file::keys(&file)) {
            job.keep_alive = keep_alive::of(&keys);
            job.unmet = keep_alive::unmet(&keys, &job, |label| self.is_loaded(label))?;
        }
        job.stopped_by_operator = self.disabled()? || job.unmet.is_some();
        Ok(job)
    }

    /// See [`super::Service::start`].
    ///
    /// # Errors
    /// As there.
    pub fn start(&self) -> Result<(), StartError> {
        if self.print()?.code == Some(NOT_LOADED) {
            return Err(StartError::NotLoaded);
        }
        Ok(self.start_loaded()?)
    }

    /// See [`super::Service::load_and_start`].
    ///
    /// # Errors
    /// As there.
    pub fn load_and_start(&self) -> Result<(), String> {
        if self.disabled()? {
            return Err(self.is_disabled());
        }
        if self.print()?.code == Some(NOT_LOADED) {
            // launchd starts what it loads, whatever the conditions are.
            self.refuse_unmet(&not_loaded())?;
            self.load()?;
        }
        self.start_loaded()
    }

    fn start_loaded(&self) -> Result<(), String> {
        if self.disabled()? {
            return Err(self.is_disabled());
        }
        let job = self.print().ok().and_then(|output| parse(&output.stdout));
        if job.as_ref().is_some_and(|job| job.pid.is_some()) {
            return Ok(());
        }
        self.refuse_unmet(&job.unwrap_or_else(not_loaded))?;
        self.kickstart(&["kickstart"], self.ask)
    }

    /// See [`super::Service::restart`].
    ///
    /// # Errors
    /// As there.
    pub fn restart(&self) -> Result<(), String> {
        let job = self.status()?;
        if job.pid.is_none() {
            return self.load_and_start();
        }
        // `kickstart -k` sends SIGKILL after the exit timeout, and can block for minutes on a job that can't spawn.
        if let Some(unmet) = &job.unmet {
            return Err(self.is_unmet(unmet));
        }
        if job.stopped_by_operator {
            return Err(self.is_disabled());
        }
        self.kickstart(&["kickstart", "-k"], job.exit_timeout.min(LONGEST_EXIT) + self.ask)
    }

    /// See [`super::Service::stop`].
    ///
    /// # Errors
    /// As there.
    pub fn stop(&self) -> Result<(), String> {
        let patience =
            self.print().ok().and_then(|output| parse(&output.stdout)).map_or(EXIT_TIMEOUT, |job| job.exit_timeout);
        let output = self.launchctl(&["bootout", &self.target()], patience + self.ask)?;
        if !matches!(output.code, Some(0 | NOT_FOUND | NOT_LOADED | 36 | 37)) {
            return Err(said("bootout", &output));
        }
        // `bootout` returns before the job is gone.
        let gone = || self.print().is_ok_and(|output| output.code == Some(NOT_LOADED));
        if poll::until(patience + self.ask, gone) {
            Ok(())
        } else {
            Err(format!("{} was told to stop and is still there", self.label))
        }
    }

    fn is_disabled(&self) -> String {
        format!("{} is disabled by its operator; to start it again: launchctl enable {}", self.label, self.target())
    }

    fn is_unmet(&self, unmet: &Unmet) -> String {
        format!("{} is stopped by its operator: {}", self.label, text::unmet(unmet))
    }

    /// # Errors
    /// If a condition by which its operator keeps the job down is not met.
    fn refuse_unmet(&self, job: &Job) -> Result<(), String> {
        match self.unmet_by(job)? {
            Some(unmet) => Err(self.is_unmet(&unmet)),
            None => Ok(()),
        }
    }

    /// The condition by which its operator keeps the job down.
    ///
    /// # Errors
    /// If launchctl can't say.
    pub fn unmet(&self) -> Result<Option<Unmet>, String> {
        let job = self.print()?;
        self.unmet_by(&parse(&job.stdout).unwrap_or_else(not_loaded))
    }

    fn unmet_by(&self, job: &Job) -> Result<Option<Unmet>, String> {
        match self.file.first(job.file.as_deref()).and_then(|file| agent_file::keys(&file)) {
            Some(keys) => keep_alive::unmet(&keys, job, |label| self.is_loaded(label)),
            None => Ok(None),
        }
    }

    /// Whether launchd knows this job, another one.
    fn is_loaded(&self, label: &str) -> Result<bool, String> {
        let output = self.launchctl(&["print", &format!("{}/{label}", self.domain)], self.ask)?;
        match output.code {
            Some(0) => Ok(true),
            Some(NOT_LOADED) => Ok(false),
            _ => Err(said("print", &output)),
        }
    }

    /// Which property list is the job's.
    pub fn file(&self) -> &AgentFile {
        &self.file
    }

    fn target(&self) -> String {
        format!("{}/{}", self.domain, self.label)
    }

    fn launchctl(&self, args: &[&str], limit: Duration) -> Result<Output, CommandError> {
        command::run(&self.launchctl, args, limit)
    }

    fn print(&self) -> Result<Output, CommandError> {
        self.launchctl(&["print", &self.target()], self.ask)
    }

    fn pid(&self) -> Option<u32> {
        parse(&self.print().ok()?.stdout)?.pid
    }

    /// Whether the operator disabled the job, which lasts over reboots.
    ///
    /// # Errors
    /// If launchctl can't say.
    pub fn disabled(&self) -> Result<bool, String> {
        Ok(self.switched()? == Some(Switch::Off))
    }

    /// What somebody has said by `launchctl enable` or `disable`, which counts more than the file's own `Disabled`.
    ///
    /// # Errors
    /// If launchctl can't say.
    pub fn switched(&self) -> Result<Option<Switch>, String> {
        let output = self.launchctl(&["print-disabled", &self.domain], self.ask)?;
        if output.code != Some(0) {
            return Err(said("print-disabled", &output));
        }
        Ok(switched(&output.stdout, &self.label))
    }

    /// `bootstrap` right after a `bootout` fails with 5, in two shapes: the job is still registered (then it needs a
    /// kickstart), or it is not yet (then we try again).
    fn load(&self) -> Result<(), String> {
        let file = self.file.first(None).unwrap_or_else(|| self.file.usual());
        let plist = file.to_string_lossy().into_owned();
        let mut last = String::new();
        for nth in 0..3 {
            if nth > 0 {
                std::thread::sleep(self.bootstrap);
            }
            let output = self.launchctl(&["bootstrap", &self.domain, &plist], self.ask)?;
            match output.code {
                Some(0) => {
                    // Exit code 0 does not mean that the job runs; RunAtLoad may take a moment.
                    poll::until(self.bootstrap, || self.pid().is_some());
                    return Ok(());
                }
                Some(CATCH_ALL | 36 | 37) if self.print()?.code == Some(0) => return Ok(()),
                _ => last = said("bootstrap", &output),
            }
        }
        Err(last)
    }

    fn kickstart(&self, words: &[&str], limit: Duration) -> Result<(), String> {
        let target = self.target();
        let args: Vec<&str> = words.iter().copied().chain([target.as_str()]).collect();
        match self.launchctl(&args, limit) {
            // 37: the job is being started already.
            Ok(output) if matches!(output.code, Some(0 | 37)) => Ok(()),
            Ok(output) => Err(said("kickstart", &output)),
            // It hangs on a job that can't spawn; the pid will show whether it helped.
            Err(CommandError::TimedOut(..)) if self.print().is_ok() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn not_loaded() -> Job {
    Job {
        installed: false,
        loaded: false,
        stopped_by_operator: false,
        unmet: None,
        file: None,
        unit: None,
        starting_since: None,
        pid: None,
        runs: None,
        run: None,
        last_exit: Exit::Never,
        throttle: THROTTLE,
        exit_timeout: EXIT_TIMEOUT,
        keep_alive: KeepAlive::Unknown,
        held_back: None,
        stopping: false,
        gave_up: false,
        active_without_process: false,
    }
}

/// Reads what `launchctl print` says about a job; `None` if it says nothing that we know.
///
/// Keys count only at the first level of indentation (a tab; some systems and log files have blanks, or none at all),
/// since nested blocks repeat `state` and `pid`. Arguments and the environment are printed raw, with newlines, and may
/// look like anything; they are between `state` and `domain`. Hence the first `state` counts, and of the other keys
/// only those after the last `domain`.
fn parse(text: &str) -> Option<Job> {
    let blank = |c: char| c == ' ' || c == '\t';
    let titled = text.lines().next().is_some_and(|line| line.ends_with("= {"));
    let first = text.lines().skip(usize::from(titled)).find(|line| !line.trim().is_empty())?;
    let indent = &first[..first.len() - first.trim_start_matches(blank).len()];
    let top = text.lines().filter_map(|line| line.strip_prefix(indent)).filter(|line| !line.starts_with(blank));
    let pairs: Vec<(&str, &str)> = top.filter_map(|line| line.split_once(" = ")).collect();
    let trusted = pairs.iter().rposition(|(name, _)| *name == "domain").map_or(&pairs[..], |at| &pairs[at..]);
    let last = |key: &str| trusted.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value.trim());
    let number = |key: &str| last(key).and_then(|value| value.parse::<u64>().ok());
    let state = pairs.iter().find(|(name, _)| *name == "state").map(|(_, value)| value.trim());
    if state.is_none() && number("runs").is_none() {
        return None;
    }
    let properties: Vec<&str> = last("properties").map(|list| list.split(" | ").collect()).unwrap_or_default();
    let seconds = |key: &str, default| last(key).and_then(|value| value.parse().ok()).map_or(default, span);
    // Before the arguments, so the first one counts; a job that was submitted has words in brackets there.
    let path = pairs.iter().find(|(name, _)| *name == "path").map(|(_, value)| PathBuf::from(value.trim()));
    Some(Job {
        loaded: true,
        file: path.filter(|path| path.is_absolute()),
        pid: number("pid").and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0),
        runs: number("runs"),
        run: None,
        last_exit: last_exit(&last),
        throttle: seconds("minimum runtime", THROTTLE),
        exit_timeout: seconds("exit timeout", EXIT_TIMEOUT),
        keep_alive: if properties.contains(&"keepalive") { KeepAlive::Always } else { KeepAlive::Unknown },
        held_back: last("pended nondemand spawn").or(last("pended spawn")).map(str::to_owned),
        stopping: matches!(state, Some("SIGTERMed" | "SIGKILLed")),
        ..not_loaded()
    })
}

/// Whether `print-disabled` lists the label as disabled; Only in its own block, since other blocks name labels too. New
/// systems print `disabled`, old ones `true`.
fn switched(text: &str, label: &str) -> Option<Switch> {
    let title = text.lines().position(|line| line.trim_start().starts_with("disabled services"));
    let block = text.lines().skip(title.map_or(0, |at| at + 1)).take_while(|line| line.trim() != "}");
    let name = format!("\"{label}\"");
    let mut words = block.filter_map(|line| line.trim_start().strip_prefix(&name)?.trim_start().strip_prefix("=>"));
    Some(match words.next()?.trim().trim_end_matches([';', ',']) {
        "disabled" | "true" => Switch::Off,
        _ => Switch::On,
    })
}

/// Exactly one of three keys is there; after a signal there is no exit code.
fn last_exit<'a>(last: &impl Fn(&str) -> Option<&'a str>) -> Exit {
    if let Some(signal) = last("last terminating signal") {
        // "Killed: 9"
        let number = signal.rsplit(": ").next().and_then(|number| number.parse().ok());
        return number.map_or_else(|| Exit::Other(signal.to_owned()), Exit::Signal);
    }
    if let Some(reason) = last("last exit reason") {
        return Exit::Other(reason.to_owned());
    }
    match last("last exit code") {
        None | Some("(never exited)") => Exit::Never,
        // "1", or "78: EX_CONFIG"
        Some(code) => code
            .split(':')
            .next()
            .and_then(|code| code.parse().ok())
            .map_or_else(|| Exit::Other(code.to_owned()), Exit::Code),
    }
}

fn said(verb: &str, output: &Output) -> String {
    let code = output.code.map_or_else(|| "a signal".into(), |code| code.to_string());
    let words = output.stderr.lines().next().unwrap_or("");
    let meaning = match output.code {
        Some(125) => " (there is no graphical login session of this user: log in on the Mac itself, not by SSH)",
        Some(119) => " (the job is disabled by its operator)",
        _ => "",
    };
    format!("launchctl {verb} ended with {code}: {words}{meaning}")
}

#[cfg(test)]
#[path = "launchd_tests.rs"]
mod tests;
