//! Shows what the watch sees: the status file, which `check`, `status` and the next start read, and the app's callbacks.

use std::path::PathBuf;

use super::commands::Command;
use super::watchdog::Look;
use crate::act::Reason;
use crate::config::Config;
use crate::contract;
use crate::desktop::Desktop;
use crate::history::History;
use crate::limits::Limits;
use crate::outages::{self, Outage};
use crate::snapshot::{self, Done, RECENT, Recent, RunningRung, Since, Snapshot};
use crate::system::{clock, files};
use crate::text;
use crate::time::Wall;
use crate::verdict::Rung;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub struct Publisher {
    status_file: PathBuf,
    config: Config,
    limits: Limits,
    /// State and cause, and since when they hold.
    pub since: Option<Since>,
    /// When the chain goes on, if it waits after rung 5.
    pub again: Option<Wall>,
    rung: Option<RunningRung>,
    /// The last acts, oldest first, for the menu.
    acts: Vec<Recent>,
    /// The last times when the bridge was not well, oldest first.
    pub outages: Vec<Outage>,
    /// The incident that is open.
    pub open: Option<Outage>,
    desktop: Option<Box<dyn FnMut() -> Option<Desktop> + Send>>,
    on_snapshot: Option<Box<dyn FnMut(&Snapshot) + Send>>,
    on_answer: Option<Box<dyn FnMut(Command, Result<(), String>) + Send>>,
}

impl Publisher {
    pub fn new(config: &Config, limits: Limits) -> Publisher {
        Publisher {
            status_file: status_file(config),
            config: config.clone(),
            limits,
            since: None,
            again: None,
            rung: None,
            acts: Vec::new(),
            outages: files::json(&config.state.join(contract::OUTAGES)).unwrap_or_default(),
            open: None,
            desktop: None,
            on_snapshot: None,
            on_answer: None,
        }
    }

    /// Sets what is asked for the app's sight of itself, at each snapshot.
    pub fn desktop(&mut self, see: impl FnMut() -> Option<Desktop> + Send + 'static) {
        self.desktop = Some(Box::new(see));
    }

    /// Sets what is called with each snapshot as it is written.
    pub fn on_snapshot(&mut self, hear: impl FnMut(&Snapshot) + Send + 'static) {
        self.on_snapshot = Some(Box::new(hear));
    }

    /// Sets what is called with the result of each command.
    pub fn on_answer(&mut self, hear: impl FnMut(Command, Result<(), String>) + Send + 'static) {
        self.on_answer = Some(Box::new(hear));
    }

    pub fn answer(&mut self, command: Command, done: Result<(), String>) {
        if let Some(hear) = &mut self.on_answer {
            hear(command, done);
        }
    }

    /// The rung that runs now.
    pub fn rung(&mut self, rung: Option<(Rung, Reason)>) {
        self.rung = rung.map(|(rung, reason)| RunningRung { rung, since: clock::wall(), reason });
    }

    /// Keeps an act for the menu.
    pub fn act(&mut self, done: Done) {
        self.acts.push(Recent { at: clock::wall(), done });
        self.acts.drain(..self.acts.len().saturating_sub(RECENT));
    }

    /// Takes in what has become of the incidents; returns whether that is news.
    pub fn outage(&mut self, open: Option<Outage>, ended: Option<Outage>) -> bool {
        // The same instant comes out a little different each time that it is worked out from two clocks.
        let same = |a: &Outage, b: &Outage| {
            (a.began, &a.then, a.healed, a.ended.is_some()) == (b.began, &b.then, b.healed, b.ended.is_some())
        };
        let news = ended.is_some()
            || match (&open, &self.open) {
                (Some(now), Some(before)) => !same(now, before),
                (now, before) => now.is_some() != before.is_some(),
            };
        if !news {
            return false;
        }
        self.open = open;
        if let Some(ended) = ended {
            outages::keep(&mut self.outages, ended);
            // Without the file a restart of ours forgets it, and nothing else.
            let _ = files::replace_json(&self.config.state.join(contract::OUTAGES), &self.outages);
        }
        true
    }

    /// Shows this look as of now; returns whether its state or cause has changed.
    pub fn show(&mut self, look: &Look, history: &History) -> bool {
        let Look { facts, verdict } = look;
        let now = clock::now();
        let changed = self.since.is_none_or(|since| (since.state, since.cause) != (verdict.state, verdict.cause));
        let since = Since { state: verdict.state, cause: verdict.cause, at: facts.clock.wall };
        let since = *self.since.insert(self.since.filter(|_| !changed).unwrap_or(since));
        let snapshot = Snapshot {
            watch: std::process::id(),
            version: VERSION.into(),
            clock: now,
            tick: self.limits.check_interval,
            verdict: verdict.clone(),
            since: since.at,
            rung: self.rung.clone(),
            again: self.again,
            check: text::check::check(facts, history, verdict, &self.config.secrets, &self.limits),
            history: history.clone(),
            more: snapshot::more(facts, &self.acts, &self.outages, self.open.as_ref()),
            desktop: self.desktop.as_mut().and_then(|see| see()),
        };
        // If the status can't be written, recovery goes on; `status` then says that the watch is overdue.
        let _ = files::replace_json(&self.status_file, &snapshot);
        if let Some(hear) = &mut self.on_snapshot {
            hear(&snapshot);
        }
        changed
    }
}

/// The file into which the watch writes what it sees.
pub fn status_file(config: &Config) -> PathBuf {
    config.state.join(contract::STATUS)
}
