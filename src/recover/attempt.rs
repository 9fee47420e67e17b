//! One attempt at one rung: what all rungs share. It holds the recovery lock, knows its reason, and is the only way
//! from a rung to the machine: a look, an act with its line in the journal, a wait that a command can end.

use std::time::Duration;

use rustix::process::Signal;

use crate::act::{Act, Ending, Reason, Target};
use crate::config::Config;
use crate::facts::{Fact, Git, Identity, Job, Lookalike, Process, Session};
use crate::identity::Starters;
use crate::limits::Limits;
use crate::outcome::{Failure, Outcome, StandDown};
use crate::snapshot::Done;
use crate::system::journal::Journal;
use crate::system::poll::Deadline;
use crate::system::recovery_lock::{self, RecoveryLock, Taken};
use crate::system::service::Service;
use crate::system::{clock, process, progress};
use crate::text;
use crate::verdict::{Cause, Rung};
use crate::waiting::Waiting;
use crate::watch::controller::{Controller, Look};

pub struct Attempt<'a> {
    controller: &'a mut Controller,
    lock: RecoveryLock,
    pub rung: Rung,
    pub reason: Reason,
    /// Work in progress was waited for, in this incident or in this attempt; once is enough.
    pub waited_for_work: bool,
    /// Called right before the first act.
    begun: Option<&'a mut dyn FnMut(&Journal)>,
}

impl<'a> Attempt<'a> {
    /// Takes the recovery lock and shows that the rung runs.
    ///
    /// # Errors
    /// How the attempt ends if the lock can't be had.
    pub fn begin(
        controller: &'a mut Controller,
        rung: Rung,
        reason: Reason,
        waited_for_work: bool,
    ) -> Result<Attempt<'a>, Outcome> {
        let issues = issues(&controller.watchdog.config, &reason);
        let lock = recovery_lock::take(&controller.watchdog.config, rung.number(), &issues).map_err(|taken| {
            match taken {
                Taken::By(pid) => Outcome::Busy(pid),
                // A failure, so that the chain goes on: if it stopped here, no person would ever be told.
                Taken::Broken(why) => Outcome::Failed(Failure::Refused(why)),
            }
        })?;
        controller.show_rung(Some((rung, reason.clone())));
        Ok(Attempt { controller, lock, rung, reason, waited_for_work, begun: None })
    }

    /// Sets what is called right before the first act.
    pub fn on_act(&mut self, begun: &'a mut dyn FnMut(&Journal)) {
        self.begun = Some(begun);
    }

    /// Goes on with another rung under the same lock.
    pub fn next(&mut self, rung: Rung) {
        self.rung = rung;
        self.renew();
        self.controller.show_rung(Some((rung, self.reason.clone())));
    }

    pub fn cause(&self) -> Cause {
        match &self.reason {
            Reason::Finding(finding) => finding.problem.cause(),
            Reason::ByHand(_) => Cause::None,
        }
    }

    pub fn config(&self) -> &Config {
        &self.controller.watchdog.config
    }

    pub fn limits(&self) -> Limits {
        self.controller.watchdog.environment.limits
    }

    pub fn service(&self) -> &Service {
        &self.controller.watchdog.service
    }

    /// A whole look; what has happened goes into the history, and is shown.
    pub fn look(&mut self) -> Look {
        self.controller.look()
    }

    /// The manager's job and its process, asked again if the process that was known is gone.
    ///
    /// # Errors
    /// How the rung ends if the manager can't be asked.
    pub fn process(&mut self) -> Result<(Job, Option<Process>), Outcome> {
        match self.controller.watchdog.process() {
            (Fact::Known(job), Fact::Known(process)) => Ok((job, process)),
            _ => Err(Outcome::StoodDown(StandDown::ManagerUnseen)),
        }
    }

    /// Whether this run has shown that what was wrong is right.
    pub fn is_right(&mut self, process: Identity) -> bool {
        match self.cause() {
            // Of this run only: what is remembered may still be about the one before.
            Cause::LogStale => self.controller.watchdog.has_spoken(process),
            Cause::Disconnected => {
                let look = self.look();
                self.controller.watchdog.connected(&look.facts)
            }
            _ => true,
        }
    }

    /// Processes that look like the bridge now, besides the managed one and its relatives.
    ///
    /// # Errors
    /// If the process table can't be read.
    pub fn lookalikes(&mut self, managed: Option<Process>) -> Result<Vec<Lookalike>, String> {
        self.controller.watchdog.lookalikes(managed)
    }

    /// Who holds the session's lock now, and who looks like the bridge.
    ///
    /// # Errors
    /// If that can't be found out.
    pub fn holders(&mut self) -> Result<(Session, Vec<Lookalike>), String> {
        self.controller.watchdog.holders()
    }

    /// HEAD was changed; the runs that have crashed until now were of the commit before.
    pub fn head_was(&mut self, before: Option<Git>) {
        if let Some(before) = before {
            self.controller.watchdog.head_was(before);
            self.controller.look();
        }
    }

    /// Who was seen to start them.
    pub fn starters(&self) -> Starters {
        self.controller.watchdog.history.starters.clone()
    }

    /// How long the last run that ended had lived.
    pub fn last_run(&self) -> Option<Duration> {
        self.controller.watchdog.history.ended.as_ref().map(|ended| ended.lived)
    }

    /// Writes down what is about to be done, to whom and why.
    pub fn note(&mut self, act: &Act) {
        let watchdog = &self.controller.watchdog;
        let line = text::act(act, &watchdog.config.label, watchdog.service.name(), &self.reason, clock::now());
        self.controller.journal.note(&line);
        progress::did(text::progress::act(act, &watchdog.config.label, watchdog.service.name()));
        if let Some(begun) = self.begun.take() {
            begun(&self.controller.journal);
        }
    }

    /// Shows what is waited for to the person who gave the command.
    pub fn waits(&self, what: &Waiting) {
        let watchdog = &self.controller.watchdog;
        progress::waits(&text::progress::what(what, &watchdog.config.label, watchdog.service.name()));
    }

    /// Whether no command has come that forbids to go on.
    ///
    /// # Errors
    /// How the attempt ends then.
    pub fn may_go_on(&mut self) -> Result<(), Outcome> {
        if self.controller.commands.interrupts() { Err(Outcome::StoodDown(StandDown::Interrupted)) } else { Ok(()) }
    }

    /// Writes down what was done, for the journal and the menu.
    pub fn note_done(&mut self, done: Done) {
        self.controller.note_act(done);
    }

    /// Writes a line that is no act.
    pub fn say(&self, line: &str) {
        self.controller.journal.note(line);
    }

    /// Remembers that this process is ended on purpose, before it is: its death is no crash.
    pub fn note_end(&self, id: Identity) {
        if let Err(why) = recovery_lock::note_end(self.config(), id) {
            self.controller.journal.note(&why);
        }
    }

    /// Waits while commands are taken and the marker is renewed.
    ///
    /// # Errors
    /// If a command forbids to go on: quit, or pause.
    pub fn wait(&mut self, limit: Duration) -> Result<(), Outcome> {
        let deadline = Deadline::after(limit);
        while let Some(left) = deadline.left() {
            self.controller.commands.sleep(None, left.min(Duration::from_secs(1)));
            self.meanwhile()?;
        }
        Ok(())
    }

    /// Waits until this process is gone, at most `limit`; returns whether it is.
    ///
    /// # Errors
    /// As [`Attempt::wait`].
    pub fn wait_gone(&mut self, id: Identity, limit: Duration) -> Result<bool, Outcome> {
        let deadline = Deadline::after(limit);
        while process::alive(id) {
            let Some(left) = deadline.left() else { return Ok(false) };
            // The kernel reports the end if it can; if not, looking often costs little.
            self.controller.commands.sleep(Some(id), left.min(Duration::from_millis(50)));
            self.meanwhile()?;
        }
        Ok(true)
    }

    /// SIGTERM, then SIGKILL, each to this very process only. If this returns `Ok`, the process is gone.
    ///
    /// # Errors
    /// How the rung ends if the process can't be signalled, does not end, or a command forbids to go on.
    pub fn end(&mut self, whom: Target, process: Process, patience: Duration) -> Result<(), Outcome> {
        /// SIGKILL takes no longer, unless the process hangs in the kernel.
        const KILLED: Duration = Duration::from_secs(5);
        let pid = process.id.pid;
        let refused = |why| Outcome::Failed(Failure::Refused(why));
        self.note(&Act::Signal { signal: Ending::Ask, whom, pid, age: process.age });
        process::signal(process.id, Signal::TERM).map_err(refused)?;
        self.waits(&Waiting::Exit { pid, within: patience });
        if self.wait_gone(process.id, patience)? {
            return Ok(());
        }
        self.note(&Act::Signal { signal: Ending::Kill { after: patience }, whom, pid, age: process.age });
        process::signal(process.id, Signal::KILL).map_err(refused)?;
        self.waits(&Waiting::Killed { pid });
        if process::gone_within(process.id, KILLED) {
            Ok(())
        } else {
            Err(Outcome::Failed(Failure::DoesNotEnd { pid }))
        }
    }

    fn meanwhile(&mut self) -> Result<(), Outcome> {
        if self.lock.marker_age() >= self.limits().marker_renewal {
            self.renew();
        }
        // A rung may wait for longer than a tick; readers of the status file must not take that for a stall.
        self.controller.show_if_old();
        self.may_go_on()
    }

    fn renew(&mut self) {
        let issues = issues(self.config(), &self.reason);
        self.lock.show(self.rung.number(), &issues);
    }
}

/// For the marker, a file that others read.
fn issues(config: &Config, reason: &Reason) -> Vec<String> {
    text::issues_of(reason, clock::now()).iter().map(|issue| config.secrets.without(issue)).collect()
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        // A second panic, in whoever is shown it, would abort the process before anybody is told of the first.
        if !std::thread::panicking() {
            self.controller.show_rung(None);
        }
    }
}
