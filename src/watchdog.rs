//! What the loop and the rungs share: one look, one page that shows it, one wait that a command ends. The
//! command line and the app look through it too.

use std::path::PathBuf;

use crate::assess::{Cause, State, Verdict, assess};
use crate::commands::{Command, CommandQueue, CommandSender};
use crate::config::Config;
use crate::events::{Seen, once_each};
use crate::facts::{Event, EventKind, Fact, Facts, Identity};
use crate::history::{History, advance};
use crate::limits::Environment;
use crate::menu_words;
use crate::observe::Observer;
use crate::plan::{self, Incident, Plan};
use crate::report::Reporter;
use crate::snapshot::{self, RECENT, Recent, Rung, Snapshot, headline};
use crate::system::journal::Journal;
use crate::system::recovery_lock::{self, RecoveryLock};
use crate::system::service::Service;
use crate::system::timed::Timed;
use crate::system::{clock, crashes, files, process};

/// Everything that one look hands to the next.
pub struct Watchdog {
    pub config: Config,
    pub environment: Environment,
    pub service: Service,
    pub observer: Observer,
    pub history: History,
    pub incident: Option<Incident>,
    pub journal: Journal,
    pub reporter: Reporter,
    pub commands: CommandQueue,
    /// This is the watch itself, not a command beside it.
    pub watching: bool,
    /// What the last look showed; the next status file repeats it while a rung runs.
    pub last: Option<(Facts, Verdict)>,
    /// State and cause, and since when they hold.
    pub since: Option<(State, Cause, f64)>,
    rung: Option<Rung>,
    network: Option<(f64, Fact<bool>)>,
    /// The last acts, oldest first, for the menu.
    acts: Vec<Recent>,
    /// Starts and crashes since our own, in case that the history can't be written or read.
    seen: Seen,
    /// Writes into the bridge's folder, which may be one that blocks whoever writes into it.
    history_writer: Timed<Event, Result<(), String>>,
    on_snapshot: Option<Box<dyn FnMut(&Snapshot) + Send>>,
    on_answer: Option<Box<dyn FnMut(Command, Result<(), String>) + Send>>,
    /// What was shown last.
    shown: Option<Snapshot>,
}

/// Interrupted by a command that forbids going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

/// An answer of the network is good for this share of a tick.
const NETWORK_TICKS: f64 = 0.1;

impl Watchdog {
    /// # Errors
    /// Where the kernel gives no event queue.
    pub fn new(config: &Config, environment: &Environment, to_stderr: bool) -> Result<Watchdog, String> {
        let service = Service::of(config, environment);
        let commands = CommandQueue::new()?;
        let crash_log = config.data("crash_history.jsonl");
        Ok(Watchdog {
            observer: Observer::new(config, environment, &service),
            journal: Journal::new(&config.state, to_stderr),
            reporter: Reporter::new(config, environment, commands.waker()),
            config: config.clone(),
            environment: environment.clone(),
            service,
            history: History::default(),
            incident: None,
            commands,
            watching: false,
            since: None,
            rung: None,
            network: None,
            last: None,
            acts: Vec::new(),
            seen: Seen::default(),
            history_writer: Timed::new("history_writer", move |event| crashes::append(&crash_log, &event)),
            on_snapshot: None,
            on_answer: None,
            shown: None,
        })
    }

    pub fn handle(&self) -> CommandSender {
        self.commands.handle()
    }

    /// Is told each snapshot as it is written.
    pub fn on_snapshot(&mut self, hear: impl FnMut(&Snapshot) + Send + 'static) {
        self.on_snapshot = Some(Box::new(hear));
    }

    /// Is told a title and a text for the person in front of this machine, when a message does not go out.
    pub fn on_notification(&mut self, show: impl FnMut(&str, &str) + Send + 'static) {
        self.reporter.notification = Some(Box::new(show));
    }

    /// Is told what became of each command that a person gave.
    pub fn on_answer(&mut self, hear: impl FnMut(Command, Result<(), String>) + Send + 'static) {
        self.on_answer = Some(Box::new(hear));
    }

    pub fn answer(&mut self, command: Command, done: Result<(), String>) {
        if let Some(hear) = &mut self.on_answer {
            hear(command, done);
        }
    }

    /// Observes and assesses; what has happened since the last look goes into the history.
    pub fn look(&mut self) -> (Facts, Verdict) {
        let mut facts = self.observer.shallow();
        let ours = recovery_lock::ended(&self.config);
        let limits = self.environment.limits;
        self.seen.add_to(&mut facts.crashes, facts.clock.wall, limits.crash_window);
        let (mut history, mut news) = advance(&self.history, &facts, &ours, &limits);
        let mut state = assess(&facts, &history, &limits).state;
        if !matches!(state, State::Healthy | State::Starting) {
            self.observer.deepen(&mut facts);
            // It may have died in between.
            (history, news) = advance(&self.history, &facts, &ours, &limits);
            state = assess(&facts, &history, &limits).state;
        }
        // A crash is asked about even where the manager was quicker: without a network it speaks against no commit.
        if state == State::Unhealthy || news.iter().any(|event| event.kind == EventKind::Crash) {
            facts.network = Some(self.ask_network(facts.clock.mono));
        }
        let (history, events) = advance(&self.history, &facts, &ours, &limits);
        self.history = history;
        self.write_history(&mut facts, events);
        let verdict = self.judge(&facts);
        self.show(&facts, &verdict);
        (facts, verdict)
    }

    /// One look without a history: everything is asked afresh, and what takes time to know comes from `history`.
    pub fn look_once(&mut self, history: Option<History>) -> (Facts, Verdict) {
        let mut facts = self.observer.deep();
        let limits = self.environment.limits;
        let single = history.is_none();
        let before = history.unwrap_or_default();
        if let Fact::Known(log) = &mut facts.log
            && log.repeated.is_none()
        {
            log.repeated.clone_from(&before.repeated);
        }
        let (mut history, _) = advance(&before, &facts, &[], &limits);
        if let (false, Fact::Known(log)) = (single, &facts.log)
            && log.size > before.log_size
        {
            // It grew since the watch looked; when, says the file.
            let ago = log.modified.map_or(0.0, |at| (facts.clock.wall - at).max(0.0));
            let wrote = facts.clock.mono - ago;
            history.silent_since = Some(history.silent_since.map_or(wrote, |since| since.max(wrote)));
            history.stale_looks = 0;
        }
        if single && history.stale_looks > 0 {
            // Nobody else has looked: the file's own time is all the evidence there is.
            history.stale_looks = 2;
        }
        if assess(&facts, &history, &limits).state == State::Unhealthy {
            facts.network = Some(self.ask_network(facts.clock.mono));
        }
        self.history = history;
        let verdict = self.judge(&facts);
        (facts, verdict)
    }

    /// Waits, at most `seconds`, while a rung runs; commands are taken, the face of the lock is renewed.
    ///
    /// # Errors
    /// Where a command forbids going on: quit, or pause.
    pub fn wait(
        &mut self,
        seconds: f64,
        lock: &mut RecoveryLock,
        rung: u8,
        issues: &[String],
    ) -> Result<(), Interrupted> {
        let until = clock::mono() + seconds;
        loop {
            let left = until - clock::mono();
            if left <= 0.0 {
                return Ok(());
            }
            self.commands.sleep(None, left.min(1.0));
            self.meanwhile(lock, rung, issues)?;
        }
    }

    fn meanwhile(&mut self, lock: &mut RecoveryLock, rung: u8, issues: &[String]) -> Result<(), Interrupted> {
        if lock.face_age() >= self.environment.limits.face {
            lock.show(rung, issues);
        }
        // A rung may wait for longer than a tick; whoever reads must not take that for a stall.
        if self.last.as_ref().is_some_and(|(facts, _)| clock::mono() - facts.clock.mono >= self.environment.limits.tick)
        {
            self.show_again();
        }
        if self.commands.forbids() { Err(Interrupted) } else { Ok(()) }
    }

    /// Waits until this process is gone, at most `seconds`, while a rung runs; whether it is.
    ///
    /// # Errors
    /// As [`Watchdog::wait`].
    pub fn wait_gone(
        &mut self,
        id: Identity,
        seconds: f64,
        lock: &mut RecoveryLock,
        rung: u8,
        issues: &[String],
    ) -> Result<bool, Interrupted> {
        let until = clock::mono() + seconds;
        while process::alive(id) {
            let left = until - clock::mono();
            if left <= 0.0 {
                return Ok(false);
            }
            // By the kernel's word where it gives one; a short look costs nothing where it does not.
            self.commands.sleep(Some(id), left.min(0.05));
            self.meanwhile(lock, rung, issues)?;
        }
        Ok(true)
    }

    /// Shows that a rung runs and what for, or that none does.
    pub fn show_rung(&mut self, rung: Option<(u8, &str)>) {
        self.rung = rung.map(|(number, why)| Rung { number, since: clock::wall(), why: why.to_owned() });
        self.show_again();
    }

    /// What is wrong, in a few words, as it was shown last.
    pub fn reason(&self) -> String {
        self.shown.as_ref().map_or_else(String::new, menu_words::why)
    }

    /// Shows the last look again, as of now.
    pub fn show_again(&mut self) {
        if let Some((mut facts, verdict)) = self.last.take() {
            facts.clock = clock::now();
            self.show(&facts, &verdict);
        }
    }

    /// Writes down an act, in the journal and for the menu.
    pub fn note_act(&mut self, line: &str) {
        self.journal.note(line);
        self.acts.push(Recent { at: clock::wall(), text: line.to_owned() });
        self.acts.drain(..self.acts.len().saturating_sub(RECENT));
    }

    pub fn save_incident(&self) {
        match &self.incident {
            Some(incident) => drop(files::replace_json(&self.incident_file(), incident)),
            None => files::remove(&self.incident_file()),
        }
    }

    /// Where the incident outlives us.
    pub fn incident_file(&self) -> PathBuf {
        self.config.state.join("incident.json")
    }

    /// A sentence may quote others: a commit's summary, the reason of a hold.
    fn judge(&self, facts: &Facts) -> Verdict {
        let mut verdict = assess(facts, &self.history, &self.environment.limits);
        for issue in &mut verdict.issues {
            *issue = self.config.secrets.without(issue);
        }
        verdict
    }

    fn ask_network(&mut self, mono: f64) -> Fact<bool> {
        let fresh = self.environment.limits.tick * NETWORK_TICKS;
        match &self.network {
            Some((at, answer)) if mono - at < fresh => answer.clone(),
            _ => {
                let answer = self.observer.network();
                self.network = Some((mono, answer.clone()));
                answer
            }
        }
    }

    /// A command beside a running watch looks too, but the history and the status file are the watch's: a death that
    /// both wrote down would be two.
    fn owns_state_files(&self) -> bool {
        self.watching || recovery_lock::watching(&self.config).is_none()
    }

    /// What can't be written is still counted.
    fn write_history(&mut self, facts: &mut Facts, events: Vec<Event>) {
        if events.is_empty() || !self.owns_state_files() {
            return;
        }
        for event in events {
            let what = if event.kind == EventKind::Start { "started" } else { "crashed" };
            self.journal.note(&format!(
                "seen: the bridge {what} (pid {}): {}",
                event.pid.map_or_else(|| "unknown".into(), |pid| pid.to_string()),
                event.reason
            ));
            let written =
                self.history_writer.now(event.clone(), self.environment.limits.look).and_then(|written| written);
            if let Err(why) = &written {
                self.journal.note(why);
            }
            // The history was read before this look's own line was in it.
            if let Fact::Known(known) = &mut facts.crashes {
                known.push(event.clone());
            }
            self.seen.keep(event, written.is_ok());
        }
        match &mut facts.crashes {
            Fact::Known(known) => *known = once_each(std::mem::take(known)),
            unknown @ Fact::Unknown(_) => {
                self.seen.add_to(unknown, facts.clock.wall, self.environment.limits.crash_window);
            }
        }
    }

    fn show(&mut self, facts: &Facts, verdict: &Verdict) {
        if !self.owns_state_files() {
            return;
        }
        let key = (verdict.state, verdict.cause);
        if self.since.is_none_or(|(state, cause, _)| (state, cause) != key) {
            if verdict.state == State::Healthy {
                process::trim_heap();
            }
            self.since = Some((key.0, key.1, facts.clock.wall));
            self.journal.note(&format!(
                "state: {}{}",
                headline(verdict),
                verdict.issues.first().map_or_else(String::new, |issue| format!(" - {issue}"))
            ));
        }
        let now = clock::now();
        let again = match plan::plan(self.incident.as_ref(), verdict, now.mono, &self.environment.limits) {
            Plan::Later(mono) => Some(now.wall + mono - now.mono),
            Plan::Nothing | Plan::Rung(_) => None,
        };
        let snapshot = Snapshot {
            watch: std::process::id(),
            clock: now,
            tick: self.environment.limits.tick,
            verdict: verdict.clone(),
            since: self.since.map_or(facts.clock.wall, |(_, _, since)| since),
            rung: self.rung.clone(),
            again,
            check: snapshot::check(facts, &self.history, verdict, &self.environment.limits),
            history: self.history.clone(),
            more: snapshot::more(facts, &self.acts),
        };
        // That the status can't be written stops no recovery; `status` then says that the watch is overdue.
        let _ = files::replace_json(&status_file(&self.config), &snapshot);
        if let Some(hear) = &mut self.on_snapshot {
            hear(&snapshot);
        }
        self.shown = Some(snapshot);
        self.last = Some((facts.clone(), verdict.clone()));
    }
}

/// Where the watch writes what it sees.
pub fn status_file(config: &Config) -> PathBuf {
    config.state.join("status.json")
}
