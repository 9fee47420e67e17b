//! A process that does not work: silence, a lost connection, a stop that hangs; and a silence that is none of these.

use std::time::Duration;

use super::{Case, found};
use crate::signs::Living;
use crate::verdict::{Finding, Help, Next, Problem, Rung};

impl Case<'_> {
    /// A process that does not work.
    pub(super) fn alive_but_sick(&self) -> Vec<Finding> {
        let Some(process) = self.process else { return Vec::new() };
        let (history, limits) = (self.history, self.limits);
        let mut findings = Vec::new();
        let mut sick = |problem, next| findings.push(found(problem, Some(Rung::EndStale), next));
        // After a sleep of the machine every silence is as long as the sleep was.
        let awake = self.facts.clock.mono >= history.grace_until;
        let grown_up = process.age >= limits.start_grace;
        if awake && self.stop_hangs() {
            sick(Problem::StopHang { since: self.wall(history.stopping_since) }, Next::EndAndStart);
        }
        let cut = self.lasting(history.disconnected_since);
        // Of a bridge that never had a socket of its own only a line says so, and bytes that move say the opposite.
        let moves = !history.had_socket && self.signs.living.iter().any(|sign| matches!(sign, Living::Moved { .. }));
        if awake && cut >= limits.disconnection && grown_up && history.disconnected_since.is_some() && !moves {
            sick(Problem::Disconnected { since: self.wall(history.disconnected_since) }, Next::EndAndStart);
        }
        if self.hangs() {
            let silent = self.lasting(history.silent_since);
            // The clocks are read a moment after the process was looked at.
            let from_start = process.age.saturating_sub(silent) < Duration::from_secs(1);
            sick(Problem::Silent { since: self.wall(history.silent_since), from_start }, Next::EndAndStart);
        }
        findings
    }

    /// Told to stop, and still there. Where only a line of its log says that it was told, what it does after that line
    /// may say the opposite.
    pub(super) fn stop_hangs(&self) -> bool {
        let (history, limits) = (self.history, self.limits);
        let Some(since) = history.stopping_since else { return false };
        let goes_on = |sign: &Living| match *sign {
            // To say goodbye it sends a few bytes.
            Living::Moved { at, .. } => at > since + limits.stop_timeout / 2,
            // Measured over the window before, all of which has to lie after the line.
            Living::Worked { at } => at > since + limits.work_window,
            Living::Journal { at } => at > self.wall(Some(since)) + limits.stop_timeout / 2,
            Living::Wrote { .. } => false,
        };
        let by_line = !self.service.stopping;
        let alive = by_line && self.signs.dying.is_empty() && self.signs.living.iter().any(goes_on);
        self.lasting(history.stopping_since) >= limits.stop_timeout && !alive
    }

    /// Long silent, twice in a row, and old enough to be accused of it.
    pub(super) fn silent(&self) -> bool {
        let (history, limits) = (self.history, self.limits);
        let grown_up = self.process.is_some_and(|process| process.age >= limits.start_grace);
        let awake = self.facts.clock.mono >= history.grace_until;
        awake && grown_up && history.stale_looks >= 2 && self.lasting(history.silent_since) >= limits.silence
    }

    /// Whether it writes its lines to its log as it says them: a buffer is written now and then, and says nothing.
    pub(super) fn has_voice(&self) -> bool {
        self.history.spoke && !self.history.buffered
    }

    /// Silent, and no other witness says the opposite. A log that is not there is no witness, nor is one that was never
    /// written while the bridge is connected: it is the wrong file, or its output is buffered. Signs of death are.
    pub(super) fn hangs(&self) -> bool {
        let Some(log) = self.facts.log.known().filter(|_| self.silent()) else { return false };
        match self.signs.alive() {
            Some(false) if !self.signs.dying.is_empty() => true,
            Some(false) => log.exists && (self.has_voice() || !self.connected()),
            // Something in it works, or that can't be seen.
            Some(true) | None => {
                let long = self.lasting(self.history.silent_since) >= self.limits.silence_alive;
                self.has_voice() && long
            }
        }
    }

    /// Silent, but nothing is to be done about it by force.
    pub(super) fn odd_silence(&self) -> Option<Finding> {
        if !self.silent() || self.hangs() {
            return None;
        }
        let log = self.facts.log.known()?;
        let history = self.history;
        if !log.exists || (!history.spoke && self.connected()) {
            let problem = Problem::LogNeverWritten { path: log.path.to_string_lossy().into_owned(), there: log.exists };
            return Some(found(problem, None, Next::Person(Help::MendLog)));
        }
        let since = self.wall(history.silent_since);
        let problem =
            Problem::SilentButAlive { since, sign: self.signs.living.first().copied(), torn: history.buffered };
        // With a voice of its own it is ended when the silence has lasted for long.
        let next = if self.has_voice() {
            Next::EndIfSilentAt(since + self.limits.silence_alive)
        } else {
            Next::Person(Help::LookAtBridge)
        };
        Some(found(problem, None, next))
    }

    /// Noise is no heartbeat.
    pub(super) fn no_heartbeat(&self) -> Option<Finding> {
        /// Fewer are no rhythm.
        const REGULAR: u32 = 3;
        let beats = self.history.beats;
        let awake = self.facts.clock.mono >= self.history.grace_until;
        let stopped = awake && beats.seen >= REGULAR && self.lasting(beats.last) >= self.limits.silence;
        // Those are later than the last heartbeat then: where that was the last line, it is a silence.
        let goes_on = self.within(self.history.silent_since, self.limits.silence);
        let since = self.wall(beats.last);
        (stopped && self.process.is_some() && goes_on)
            .then(|| found(Problem::NoHeartbeat { since }, None, Next::Person(Help::LookAtBridge)))
    }
}
