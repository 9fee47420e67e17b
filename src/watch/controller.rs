//! What the loop and the rungs share: the watchdog that looks, the publisher that shows it, the commands that can end a
//! wait, and the journal.

use super::commands::CommandQueue;
use super::publisher::Publisher;
pub use super::watchdog::Look;
use super::watchdog::Watchdog;
use crate::act::Reason;
use crate::config::Config;
use crate::limits::Environment;
use crate::snapshot::Done;
use crate::system::journal::Journal;
use crate::system::{clock, process};
use crate::text;
use crate::verdict::{Rung, State};

pub struct Controller {
    pub watchdog: Watchdog,
    pub publisher: Publisher,
    pub commands: CommandQueue,
    pub journal: Journal,
    /// What the last look showed; the next status file repeats it while a rung runs.
    last: Option<Look>,
}

impl Controller {
    /// `to_stderr`: the journal's lines go to standard error as well.
    ///
    /// # Errors
    /// If the kernel gives no event queue.
    pub fn new(config: &Config, environment: &Environment, to_stderr: bool) -> Result<Controller, String> {
        Ok(Controller {
            watchdog: Watchdog::new(config, environment),
            publisher: Publisher::new(config, environment.limits),
            commands: CommandQueue::new()?,
            journal: Journal::new(&config.state, config.secrets.clone(), to_stderr),
            last: None,
        })
    }

    /// Looks, judges and shows it.
    pub fn look(&mut self) -> Look {
        let look = self.watchdog.look(&self.journal);
        self.show(look.clone());
        look
    }

    /// What the last look found.
    pub fn last(&self) -> Option<&Look> {
        self.last.as_ref()
    }

    /// Shows that a rung runs and why, or that none does.
    pub fn show_rung(&mut self, rung: Option<(Rung, Reason)>) {
        self.publisher.rung(rung);
        self.show_again();
    }

    /// Shows the last look again, as of now.
    pub fn show_again(&mut self) {
        if let Some(mut look) = self.last.take() {
            look.facts.clock = clock::now();
            self.show(look);
        }
    }

    /// Shows the last look again if it is a tick old.
    pub fn show_if_old(&mut self) {
        let tick = self.watchdog.environment.limits.check_interval;
        if self.last.as_ref().is_some_and(|look| clock::mono().since(look.facts.clock.mono) >= tick) {
            self.show_again();
        }
    }

    /// Writes an act into the journal, and keeps it for the menu.
    pub fn note_act(&mut self, done: Done) {
        self.journal.note(&text::done(&done, clock::now()));
        self.publisher.act(done);
    }

    fn show(&mut self, look: Look) {
        if self.watchdog.writes() && self.publisher.show(&look, &self.watchdog.history) {
            if look.verdict.state == State::Healthy {
                process::trim_heap();
            }
            self.journal.note_state(look.verdict.state, &text::state_line(&look.verdict, look.facts.clock));
        }
        self.last = Some(look);
    }
}
