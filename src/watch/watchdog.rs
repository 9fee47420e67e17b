//! Looks and judges. It remembers what takes time to know, and keeps the crash history.

use std::path::PathBuf;
use std::time::Duration;

use crate::assess::assess;
use crate::config::Config;
use crate::contract;
use crate::events::{SeenEvents, once_each};
use crate::facts::{Class, Event, EventKind, Fact, Facts, Git, Identity, Job, Lookalike, Process, Repeated, Session};
use crate::history::{self, History, advance, connection};
use crate::limits::{Environment, Limits};
use crate::observe::Observer;
use crate::road::{OTHER_ROAD, Road, road};
use crate::signs;
use crate::system::journal::Journal;
use crate::system::service::Service;
use crate::system::timed::Timed;
use crate::system::{crashes, files, recovery_lock};
use crate::text;
use crate::time::Mono;
use crate::verdict::{Problem, State, Verdict};

pub struct Watchdog {
    pub config: Config,
    pub environment: Environment,
    pub service: Service,
    pub history: History,
    /// Whether this is the watch itself, and not a command.
    pub watching: bool,
    observer: Observer,
    network: Option<(Mono, Fact<bool>)>,
    /// The bridge has another road to Telegram than our probe, known since this look or from an earlier watch.
    other_road: bool,
    /// Starts and crashes since our own start, in case the history can't be written or read.
    seen: SeenEvents,
    /// Writes into the bridge's folder, where a write may block.
    writer: Timed<Event, Result<(), String>>,
    /// The file of the job that the service was told to remember.
    remembered: Option<PathBuf>,
    /// HEAD as it was before we changed it: what the next look finds to have crashed ran with that.
    head_before: Option<Git>,
}

/// What one look found, and the verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    pub facts: Facts,
    pub verdict: Verdict,
}

impl Watchdog {
    pub fn new(config: &Config, environment: &Environment) -> Watchdog {
        let service = Service::of(config, environment);
        let file = config.data(contract::CRASH_HISTORY);
        Watchdog {
            observer: Observer::new(config, environment, &service),
            config: config.clone(),
            environment: environment.clone(),
            service,
            history: History::default(),
            watching: false,
            network: None,
            other_road: config.state.join(contract::OTHER_ROAD).exists(),
            seen: SeenEvents::default(),
            writer: Timed::new("history", move |event| crashes::append(&file, &event)),
            remembered: None,
            head_before: None,
        }
    }

    /// Observes and assesses; what has happened since the last look goes into the history.
    pub fn look(&mut self, journal: &Journal) -> Look {
        let mut facts = self.observer.shallow();
        if let Some(before) = self.head_before.take() {
            facts.git = Fact::Known(before);
        }
        let ours = recovery_lock::ended(&self.config);
        let limits = self.environment.limits;
        self.seen.add_to(&mut facts.crashes, facts.clock.wall, limits.crash_window);
        let (mut history, mut news) = advance(&self.history, &facts, &ours, &limits);
        let mut verdict = assess(&facts, &history, &limits);
        if !matches!(verdict.state, State::Healthy | State::Starting) || looks_deeper(&history, &facts, &news, &limits)
        {
            self.observer.deepen(&mut facts);
            // The bridge may have died in between.
            (history, news) = advance(&self.history, &facts, &ours, &limits);
            verdict = assess(&facts, &history, &limits);
        }
        // After a crash the network is asked even if the manager has restarted the bridge: without a network the crash
        // counts against no commit.
        let crashed = news.iter().any(|event| event.kind == EventKind::Crash);
        if crashed || network_decides(&verdict, &history, &facts, &limits) {
            facts.network = Some(self.ask_network(&facts, &history));
            (history, news) = advance(&self.history, &facts, &ours, &limits);
        }
        self.history = history;
        self.remember(&facts);
        self.write_history(&mut facts, news, journal);
        let verdict = assess(&facts, &self.history, &limits);
        Look { facts, verdict }
    }

    /// One look that writes nothing: everything is asked afresh, and what takes time to know comes from the `history` of
    /// the watch that runs.
    pub fn look_once(&mut self, history: Option<History>) -> Look {
        let mut facts = self.observer.deep();
        let limits = self.environment.limits;
        let single = history.is_none();
        let before = history.unwrap_or_default();
        // One look may meet a line that was just written; the watch has counted for longer.
        let count = |repeated: &Option<Repeated>| repeated.as_ref().map_or(0, |repeated| repeated.count);
        if let Fact::Known(log) = &mut facts.log
            && count(&log.repeated) < count(&before.repeated)
        {
            log.repeated.clone_from(&before.repeated);
        }
        let (mut history, _) = advance(&before, &facts, &[], &limits);
        if let (false, Fact::Known(log)) = (single, &facts.log)
            && log.size > before.log_size
        {
            // It grew since the watch looked; the file's time says when.
            let wrote = log.modified.map_or(facts.clock.mono, |at| facts.clock.mono_of(at));
            let since = history.silent_since.filter(|since| *since > wrote);
            history.silent_since = Some(since.unwrap_or(wrote));
            history.stale_looks = 0;
        }
        if single && history.stale_looks > 0 {
            // There was no look before: the file's own time is all the evidence of its silence. Whether it works is seen
            // by a second look at its processes.
            history.stale_looks = 2;
            if let Fact::Known(first) = &facts.life {
                std::thread::sleep(APART);
                if let Fact::Known(second) = self.observer.life(facts.running()) {
                    history.life = signs::at_once(first, &second, APART, facts.clock, &limits);
                }
            }
        }
        let verdict = assess(&facts, &history, &limits);
        if network_decides(&verdict, &history, &facts, &limits) {
            facts.network = Some(self.ask_network(&facts, &history));
            history = advance(&history, &facts, &[], &limits).0;
        }
        self.history = history;
        let verdict = assess(&facts, &self.history, &limits);
        Look { facts, verdict }
    }

    /// The service and its process, asked again if the process that was known is gone.
    pub fn process(&mut self) -> (Fact<Job>, Fact<Option<Process>>) {
        self.observer.process()
    }

    /// Processes that look like the bridge now.
    ///
    /// # Errors
    /// If the process table can't be read.
    pub fn lookalikes(&mut self, managed: Option<Process>) -> Result<Vec<Lookalike>, String> {
        self.observer.lookalikes(managed)
    }

    /// Who holds the session's lock now, and who looks like the bridge.
    ///
    /// # Errors
    /// If that can't be found out in time.
    pub fn holders(&mut self) -> Result<(Session, Vec<Lookalike>), String> {
        let (session, _) = self.session()?;
        let managed = self.process().1.known().copied().flatten();
        Ok((session, self.lookalikes(managed)?))
    }

    /// Who holds the session's lock now, and the bridge's own processes.
    ///
    /// # Errors
    /// If the kernel can't be asked in time.
    pub fn session(&mut self) -> Result<(Session, Vec<u32>), String> {
        self.observer.session()
    }

    /// We have changed HEAD, which was this.
    pub fn head_was(&mut self, before: Git) {
        self.head_before = Some(before);
    }

    /// Whether this very run has written to its log since it was seen.
    pub fn has_spoken(&self, process: Identity) -> bool {
        self.history.run.is_some_and(|run| run.id == process) && self.history.heard
    }

    /// Whether the bridge is known to be connected to Telegram.
    pub fn connected(&self, facts: &Facts) -> bool {
        history::connected(&self.history, facts)
    }

    /// A command looks too while a watch runs, but only the watch writes history and status file: a death that both
    /// wrote down would count twice.
    pub fn writes(&self) -> bool {
        self.watching || recovery_lock::watching(&self.config).is_none()
    }

    /// Whether Telegram can be reached; not known where the probe fails and the bridge has another road.
    fn ask_network(&mut self, facts: &Facts, history: &History) -> Fact<bool> {
        let answer = self.probe(facts.clock.mono);
        if answer != Fact::Known(false) {
            return answer;
        }
        let road = road(history, facts, &self.environment.limits);
        if road == Road::Other && !self.other_road {
            // The bridge has just connected. An answer from before that proves nothing.
            self.network = None;
            let answer = self.probe(facts.clock.mono);
            if answer != Fact::Known(false) {
                return answer;
            }
        }
        if road == Road::Other && self.watching && !self.other_road {
            // For the next watch. Without the file it finds out by itself.
            let _ = files::replace(&self.config.state.join(contract::OTHER_ROAD), "");
        }
        self.other_road |= road == Road::Other;
        if self.other_road || road == Road::PerhapsOther { Fact::Unknown(OTHER_ROAD.into()) } else { answer }
    }

    fn probe(&mut self, now: Mono) -> Fact<bool> {
        match &self.network {
            Some((at, answer)) if now.since(*at) < self.environment.limits.network_known => answer.clone(),
            _ => {
                let answer = self.observer.network();
                self.network = Some((now, answer.clone()));
                answer
            }
        }
    }

    fn remember(&mut self, facts: &Facts) {
        if let Some(job) = facts.service.known().filter(|job| job.file.is_some() && job.file != self.remembered)
            && self.writes()
        {
            self.service.remember(job);
            self.remembered.clone_from(&job.file);
        }
    }

    /// An event that can't be written is still counted.
    fn write_history(&mut self, facts: &mut Facts, events: Vec<Event>, journal: &Journal) {
        if events.is_empty() || !self.writes() {
            return;
        }
        for event in events {
            journal.note(&text::event_seen(&event));
            let written = self.writer.now(event.clone(), self.environment.limits.read).and_then(|written| written);
            if let Err(why) = &written {
                journal.note(why);
            }
            // The history was read before this look's line was written.
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
}

/// Whether a bridge that seems well is looked at as deeply as `check` does it: it says that its database is locked, has no
/// connection, or has crashed. For the lock as long as the words count, or the watch would not see a holder who comes
/// with the next line; and while it starts after a run that its lock ended, since it says nothing before it ends as well.
fn looks_deeper(history: &History, facts: &Facts, news: &[Event], limits: &Limits) -> bool {
    let locked = history.locked_at.is_some_and(|at| facts.clock.mono.since(at) < limits.log_words_count);
    let last_crash =
        |events: &[Event]| events.iter().rfind(|event| event.kind == EventKind::Crash).map(|crash| crash.class);
    let starts_again = || {
        let young = facts.running().is_some_and(|run| run.age < limits.start_grace);
        young && facts.crashes.known().and_then(|known| last_crash(known)) == Some(Class::Lock)
    };
    // What held it may have gone.
    locked || history.halted || history.disconnected_since.is_some() || last_crash(news).is_some() || starts_again()
}

/// Within this time a process that works uses several hundredths of a second.
const APART: Duration = Duration::from_secs(1);

/// Whether the network may decide: something is sick, the bridge is without a connection or still starting, or an error
/// repeats. Also where the bridge says that it is connected soon after the probe failed: either the network is back, or
/// the bridge has another road. Else it is not asked.
fn network_decides(verdict: &Verdict, history: &History, facts: &Facts, limits: &Limits) -> bool {
    let repeats = || verdict.findings.iter().any(|finding| matches!(finding.problem, Problem::RepeatedError { .. }));
    let cut = || matches!(connection(history, facts), Fact::Known(connection) if !connection.connected);
    // Also where something else (a full disk soon, a wrong KeepAlive) hides that it is starting.
    let starting = || {
        let young = facts.running().is_some_and(|run| run.age < limits.start_grace);
        young && !history::connected(history, facts)
    };
    let proves = || {
        let failed = history.offline_at.is_some_and(|at| facts.clock.mono.since(at) < limits.repeat_window);
        failed && facts.log.known().is_some_and(|log| log.said.connected == Some(true))
    };
    verdict.state == State::Unhealthy || cut() || repeats() || starting() || proves()
}
