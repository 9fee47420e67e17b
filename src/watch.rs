//! The loop: four named steps a tick, and what they share. The command line uses the same steps by hand.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::assess::{Cause, State, Verdict, assess};
use crate::config::Config;
use crate::facts::{Event, Fact, Facts, Happened, Pause, Process};
use crate::incident::{self, Incident, Plan};
use crate::install;
use crate::memory::{Memory, remember};
use crate::observe::Observer;
use crate::recover::{self, Outcome};
use crate::report::Reporter;
use crate::snapshot::{self, RECENT, Recent, Snapshot, headline};
use crate::system::journal::Journal;
use crate::system::service::Service;
use crate::system::wake::{Bell, Wake, Woke};
use crate::system::{clock, crashes, files, markers, recovery_lock};
use crate::world::World;

/// What a click, a command or a signal asks of the watch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    CheckNow,
    Restart,
    /// For so many seconds.
    Pause(f64),
    Resume,
    /// Writes or removes the opt-in to a revert.
    AutoRevert(bool),
    StartAtLogin(bool),
    /// The watch ends; the bridge goes on.
    Quit,
}

/// Everything that one tick hands to the next.
pub struct Watch {
    pub config: Config,
    pub world: World,
    pub service: Service,
    pub observer: Observer,
    pub memory: Memory,
    pub incident: Option<Incident>,
    pub journal: Journal,
    pub reporter: Reporter,
    wake: Wake,
    commands: Receiver<Command>,
    sender: Sender<Command>,
    /// Commands that came while a rung ran.
    waiting: Vec<Command>,
    quit: bool,
    /// This is the watch itself, not a command beside it.
    watching: bool,
    since: Option<(State, Cause, f64)>,
    rung: Option<(u8, f64)>,
    network: Option<(f64, Fact<bool>)>,
    /// What the last look showed; the next status file repeats it while a rung runs.
    last: Option<(Facts, Verdict)>,
    /// The last acts, oldest first, for the menu.
    acts: Vec<Recent>,
    on_snapshot: Option<Box<dyn FnMut(&Snapshot) + Send>>,
}

/// Talks to a watch from another thread.
#[derive(Clone)]
pub struct Handle {
    commands: Sender<Command>,
    bell: Bell,
}

impl Handle {
    pub fn send(&self, command: Command) {
        // A watch that has ended needs no commands.
        let _ = self.commands.send(command);
        self.bell.ring();
    }
}

/// Interrupted by a command that forbids going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

/// An answer of the network is good for this share of a tick.
const NETWORK_TICKS: f64 = 0.1;

impl Watch {
    /// # Errors
    /// Where the kernel gives no event queue.
    pub fn new(config: &Config, world: &World, aloud: bool) -> Result<Watch, String> {
        let service = Service::of(config, world);
        let wake = Wake::new()?;
        let (sender, commands) = channel();
        Ok(Watch {
            observer: Observer::new(config, world, &service),
            journal: Journal::new(&config.state, aloud),
            reporter: Reporter::new(config, world, wake.bell()),
            config: config.clone(),
            world: world.clone(),
            service,
            memory: Memory::default(),
            incident: None,
            wake,
            commands,
            sender,
            waiting: Vec::new(),
            quit: false,
            watching: false,
            since: None,
            rung: None,
            network: None,
            last: None,
            acts: Vec::new(),
            on_snapshot: None,
        })
    }

    pub fn handle(&self) -> Handle {
        Handle { commands: self.sender.clone(), bell: self.wake.bell() }
    }

    /// Is told each snapshot as it is written.
    pub fn on_snapshot(&mut self, hear: impl FnMut(&Snapshot) + Send + 'static) {
        self.on_snapshot = Some(Box::new(hear));
    }

    /// Watches until it is told to quit. The caller holds [`recovery_lock::one_watch`].
    pub fn run(&mut self) {
        self.watching = true;
        recovery_lock::sweep(&self.config);
        self.incident = files::json(&self.incident_file());
        if let Service::Embedded(embedded) = &self.service {
            embedded.keep();
        }
        self.journal.note(&format!(
            "watching {} ({}, {})",
            self.config.root.display(),
            self.config.label,
            self.service.name()
        ));
        while !self.quit {
            let pause = self.tick();
            self.sleep(pause);
        }
        self.journal.note("the watch ends; the bridge is left as it is");
    }

    /// One tick: look, decide, heal, tell. Returns the seconds until the next.
    pub fn tick(&mut self) -> f64 {
        let (facts, verdict) = self.look();
        self.follow(&facts, &verdict);
        let times = self.world.times;
        let plan = incident::plan(self.incident.as_ref(), &verdict, facts.clock.mono, &times);
        let outcome = match plan {
            Plan::Rung(rung) => Some((rung, recover::climb(self, &facts, &verdict, rung))),
            Plan::Nothing | Plan::Later(_) => None,
        };
        self.reporter.deliver(&self.journal, &mut self.memory.undelivered);
        self.answer_commands();
        let down = matches!(facts.process, Fact::Known(None));
        match outcome {
            Some((rung, Outcome::Failed(_) | Outcome::Unavailable(_))) if rung < incident::TELL => {
                let wait = times.between[usize::from(rung - 1).min(2)];
                // Jitter, so that two things that fail together do not keep step.
                wait * (0.8 + 0.4 * fastrand::f64())
            }
            // Whatever stood in the way is not gone within a second.
            Some((_, Outcome::StoodDown(_) | Outcome::Busy(_))) => times.settled,
            Some(_) => times.tick_down,
            None if down && !matches!(plan, Plan::Later(_)) => times.tick_down,
            // A person who has just restarted the bridge wants to see it come up, not wait for the minute.
            None if verdict.state == State::Starting && young(&facts, times.tick) => times.settled.min(times.tick),
            None => times.tick,
        }
    }

    /// Observes and assesses; what has happened since the last look goes into the history.
    pub fn look(&mut self) -> (Facts, Verdict) {
        let mut facts = self.observer.shallow();
        let ours = recovery_lock::ended(&self.config);
        let times = self.world.times;
        let (mut memory, mut news) = remember(&self.memory, &facts, &ours, &times);
        let mut state = assess(&facts, &memory, &times).state;
        if !matches!(state, State::Healthy | State::Starting) {
            self.observer.deepen(&mut facts);
            // It may have died in between.
            (memory, news) = remember(&self.memory, &facts, &ours, &times);
            state = assess(&facts, &memory, &times).state;
        }
        // A crash is asked about even where the manager was quicker: without a network it speaks against no commit.
        if state == State::Unhealthy || news.iter().any(|event| event.happened == Happened::Crash) {
            facts.network = Some(self.ask_network(facts.clock.mono));
        }
        let (memory, events) = remember(&self.memory, &facts, &ours, &times);
        self.memory = memory;
        self.write_history(&mut facts, events);
        let verdict = assess(&facts, &self.memory, &times);
        self.show(&facts, &verdict);
        (facts, verdict)
    }

    /// One look without a history: everything is asked afresh, and what takes time to know comes from `memory`.
    pub fn glance(&mut self, memory: Option<Memory>) -> (Facts, Verdict) {
        let mut facts = self.observer.deep();
        let times = self.world.times;
        let single = memory.is_none();
        let before = memory.unwrap_or_default();
        let (mut memory, _) = remember(&before, &facts, &[], &times);
        if let (false, Fact::Known(log)) = (single, &facts.log)
            && log.size > before.log_size
        {
            // It grew since the watch looked; when, says the file.
            let ago = log.modified.map_or(0.0, |at| (facts.clock.wall - at).max(0.0));
            let wrote = facts.clock.mono - ago;
            memory.silent_since = Some(memory.silent_since.map_or(wrote, |since| since.max(wrote)));
            memory.stale_looks = 0;
        }
        if single && memory.stale_looks > 0 {
            // Nobody else has looked: the file's own time is all the evidence there is.
            memory.stale_looks = 2;
        }
        if assess(&facts, &memory, &times).state == State::Unhealthy {
            facts.network = Some(self.ask_network(facts.clock.mono));
        }
        let verdict = assess(&facts, &memory, &times);
        self.memory = memory;
        (facts, verdict)
    }

    /// Waits, at most `seconds`, while a rung runs; commands are taken, the face of the lock is renewed.
    ///
    /// # Errors
    /// Where a command forbids going on: quit, or pause.
    pub fn wait(
        &mut self,
        seconds: f64,
        lock: &mut recovery_lock::RecoveryLock,
        rung: u8,
        issues: &[String],
    ) -> Result<(), Interrupted> {
        let until = clock::mono() + seconds;
        loop {
            let left = until - clock::mono();
            if left <= 0.0 {
                return Ok(());
            }
            self.wake.sleep(None, left.min(1.0));
            if lock.face_age() >= self.world.times.face {
                lock.show(rung, issues);
            }
            // A rung may wait for longer than a tick; whoever reads must not take that for a stall.
            if self.last.as_ref().is_some_and(|(facts, _)| clock::mono() - facts.clock.mono >= self.world.times.tick) {
                self.show_again();
            }
            while let Ok(command) = self.commands.try_recv() {
                self.waiting.push(command);
            }
            if self.waiting.iter().any(|command| matches!(command, Command::Quit | Command::Pause(_))) {
                return Err(Interrupted);
            }
        }
    }

    /// Shows that a rung runs, or that none does.
    pub fn show_rung(&mut self, rung: Option<u8>) {
        self.rung = rung.map(|rung| (rung, clock::wall()));
        self.show_again();
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

    fn incident_file(&self) -> PathBuf {
        self.config.state.join("incident.json")
    }

    fn follow(&mut self, facts: &Facts, verdict: &Verdict) {
        let before = self.incident.clone();
        let (incident, ended) = incident::follow(before.clone(), verdict, facts.clock, &self.world.times);
        self.incident = incident;
        if let Some(ended) = ended {
            self.reporter.over(&self.journal, &ended, facts.clock);
        }
        if verdict.person
            && let Some(incident) = &mut self.incident
            && !incident.told.contains(&verdict.cause)
        {
            incident.told.push(verdict.cause);
            incident.alerted = true;
            self.reporter.tell(&self.config, &self.journal, facts, verdict);
        }
        if self.incident != before {
            self.save_incident();
        }
        self.remind(facts, verdict);
    }

    fn remind(&mut self, facts: &Facts, verdict: &Verdict) {
        let file = self.config.state.join("reminded.json");
        // A pause knows its own beginning, also over a restart of ours.
        let pause = facts.markers.known().and_then(|markers| markers.pause).filter(|_| verdict.cause == Cause::Paused);
        let since = pause.map_or(self.since.map_or(facts.clock.wall, |(_, _, since)| since), |pause| pause.since);
        if incident::reminder_due(verdict, since, files::json(&file), facts.clock.wall, &self.world.times) {
            let _ = files::replace_json(&file, &facts.clock.wall);
            self.reporter.remind(&self.journal, verdict, since, facts.clock);
        }
    }

    fn ask_network(&mut self, mono: f64) -> Fact<bool> {
        let fresh = self.world.times.tick * NETWORK_TICKS;
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
    fn keeps_the_books(&self) -> bool {
        self.watching || recovery_lock::watching(&self.config).is_none()
    }

    /// What can't be written is still counted.
    fn write_history(&mut self, facts: &mut Facts, events: Vec<Event>) {
        let path = self.config.data("crash_history.jsonl");
        if !events.is_empty() && !self.keeps_the_books() {
            return;
        }
        for event in events {
            let what = if event.happened == Happened::Start { "started" } else { "crashed" };
            self.journal.note(&format!(
                "seen: the bridge {what} (pid {}): {}",
                event.pid.map_or_else(|| "unknown".into(), |pid| pid.to_string()),
                event.reason
            ));
            if let Err(why) = crashes::append(&path, &event) {
                self.journal.note(&why);
            }
            if let Fact::Known(known) = &mut facts.crashes {
                known.push(event);
            }
        }
    }

    fn show_again(&mut self) {
        if let Some((mut facts, verdict)) = self.last.take() {
            facts.clock = clock::now();
            self.show(&facts, &verdict);
        }
    }

    fn show(&mut self, facts: &Facts, verdict: &Verdict) {
        if !self.keeps_the_books() {
            return;
        }
        let key = (verdict.state, verdict.cause);
        if self.since.is_none_or(|(state, cause, _)| (state, cause) != key) {
            self.since = Some((key.0, key.1, facts.clock.wall));
            self.journal.note(&format!(
                "state: {}{}",
                headline(verdict),
                verdict.issues.first().map_or_else(String::new, |issue| format!(" - {issue}"))
            ));
        }
        let now = clock::now();
        let again = match incident::plan(self.incident.as_ref(), verdict, now.mono, &self.world.times) {
            Plan::Later(mono) => Some(now.wall + mono - now.mono),
            Plan::Nothing | Plan::Rung(_) => None,
        };
        let snapshot = Snapshot {
            watch: std::process::id(),
            clock: now,
            tick: self.world.times.tick,
            verdict: verdict.clone(),
            since: self.since.map_or(facts.clock.wall, |(_, _, since)| since),
            rung: self.rung,
            again,
            check: snapshot::check(facts, &self.memory, verdict, &self.world.times),
            memory: self.memory.clone(),
            more: snapshot::more(facts, &self.acts),
        };
        // That the status can't be written stops no recovery; `status` then says that the watch is overdue.
        let _ = files::replace_json(&status_file(&self.config), &snapshot);
        if let Some(hear) = &mut self.on_snapshot {
            hear(&snapshot);
        }
        self.last = Some((facts.clone(), verdict.clone()));
    }

    fn sleep(&mut self, seconds: f64) {
        if self.quit || !self.waiting.is_empty() {
            return;
        }
        // Only what the last look saw alive: the death of a process that nobody could be asked about is no news, and
        // would wake the loop at once, again and again.
        let process: Option<Process> =
            self.last.as_ref().and_then(|(facts, _)| facts.process.known().copied().flatten());
        let woke = self.wake.sleep(process.map(|process| process.id), seconds);
        if let (Woke::Died, Some(process)) = (woke, process) {
            self.journal.note(&format!("seen: pid {} is gone", process.id.pid));
        }
        self.answer_commands();
    }

    fn answer_commands(&mut self) {
        let mut commands = std::mem::take(&mut self.waiting);
        commands.extend(self.commands.try_iter());
        for command in commands {
            match command {
                Command::CheckNow => {}
                Command::Quit => self.quit = true,
                Command::Pause(seconds) => self.pause(Some(seconds)),
                Command::Resume => self.pause(None),
                Command::Restart => {
                    let outcome = recover::restart_by_hand(self);
                    self.note_act(&format!("by hand: restart: {outcome}"));
                    self.show_again();
                }
                Command::AutoRevert(on) => {
                    self.journal.note(&format!("by hand: auto-revert is switched {}", if on { "on" } else { "off" }));
                    self.by_hand(markers::set_auto_revert(&self.config, on));
                }
                Command::StartAtLogin(on) => {
                    self.journal
                        .note(&format!("by hand: start at login is switched {}", if on { "on" } else { "off" }));
                    let done = install::set_start_at_login(&self.config, &self.world, on);
                    self.by_hand(done);
                }
            }
        }
    }

    fn pause(&mut self, seconds: Option<f64>) {
        let now = clock::wall();
        let pause = seconds.map(|seconds| Pause { since: now, until: now + seconds });
        self.note_act(&match pause {
            Some(pause) => format!("by hand: recovery is paused until {}", crate::words::at(pause.until, clock::now())),
            None => "by hand: recovery goes on".into(),
        });
        self.by_hand(markers::set_pause(&self.config, pause));
    }

    /// What a person asked for and did not get is said where it was asked.
    fn by_hand(&mut self, done: Result<(), String>) {
        if let Err(why) = done {
            self.note_act(&format!("failed: {why}"));
            self.show_again();
        }
    }
}

fn young(facts: &Facts, age: f64) -> bool {
    facts.process.known().copied().flatten().is_some_and(|process| process.age < age)
}

/// Where the watch writes what it sees.
pub fn status_file(config: &Config) -> PathBuf {
    config.state.join("status.json")
}
