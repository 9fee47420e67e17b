//! A process that does not work: silence, a lost connection, a stop that hangs; and a silence that is none of these.

use std::time::Duration;

use super::{Case, found, told};
use crate::signs::{Dying, Living};
use crate::time::{Mono, Wall};
use crate::verdict::{Finding, Help, Next, Problem, Rung};

impl Case<'_> {
    /// A process that does not work.
    pub(super) fn alive_but_sick(&self) -> Vec<Finding> {
        let Some(process) = self.process else { return Vec::new() };
        let (history, limits) = (self.history, self.limits);
        let mut findings = Vec::new();
        let sick = |problem| found(problem, Some(Rung::EndStale), Next::EndAndStart);
        // After a sleep of the machine every silence is as long as the sleep was.
        let awake = self.facts.clock.mono >= history.grace_until;
        let grown_up = process.age >= limits.start_grace;
        if awake && self.stop_hangs() {
            findings.push(sick(Problem::StopHang { since: self.wall(history.stopping_since) }));
        }
        let cut = self.lasting(history.disconnected_since);
        // Of a bridge that never had a socket of its own only a line says so, and bytes that move say the opposite.
        let moves = self.signs.living.iter().any(|sign| matches!(sign, Living::Moved { .. }));
        let is_cut = history.disconnected_since.is_some() && cut >= limits.disconnection;
        if awake && grown_up && is_cut && (history.had_socket || !moves) {
            let problem = Problem::Disconnected { since: self.wall(history.disconnected_since) };
            if moves && history.beats.last > history.disconnected_since {
                // It may have taken another road since: both say the opposite of the socket that is gone.
                findings.push(told(found(problem, None, Next::Person(Help::LookAtBridge))));
            } else {
                findings.push(sick(problem));
            }
        }
        if let Some((since, sign)) = self.deaf_without_heartbeat() {
            findings.push(sick(Problem::DeafAndSilent { since, sign }));
        }
        if self.hangs() {
            let silent = self.lasting(history.silent_since);
            // The clocks are read a moment after the process was looked at.
            let from_start = process.age.saturating_sub(silent) < Duration::from_secs(1);
            findings.push(sick(Problem::Silent { since: self.wall(history.silent_since), from_start }));
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
        let since = self.heartbeat_stopped().filter(|_| self.deaf_without_heartbeat().is_none())?;
        Some(found(Problem::NoHeartbeat { since }, None, Next::Person(Help::LookAtBridge)))
    }

    /// Since when, while other lines go on.
    fn heartbeat_stopped(&self) -> Option<Wall> {
        /// Fewer are no rhythm.
        const REGULAR: u32 = 3;
        let beats = self.history.beats;
        let awake = self.facts.clock.mono >= self.history.grace_until;
        let stopped = awake && beats.seen >= REGULAR && self.lasting(beats.last) >= self.limits.silence;
        // Those are later than the last heartbeat then: where that was the last line, it is a silence.
        let goes_on = self.within(self.history.silent_since, self.limits.silence);
        (stopped && self.process.is_some() && goes_on).then(|| self.wall(beats.last))
    }

    /// Another thread or a child goes on to write, and the kernel shows that the bridge itself does not work: one witness.
    pub(super) fn deaf(&self) -> Option<Finding> {
        let sign = self.sign_of_death().filter(|_| self.deaf_without_heartbeat().is_none())?;
        Some(found(Problem::Deaf { sign }, None, Next::Person(Help::LookAtBridge)))
    }

    /// The same, and its regular heartbeat has stopped for as long as a silence counts: two.
    fn deaf_without_heartbeat(&self) -> Option<(Wall, Dying)> {
        Some((self.heartbeat_stopped()?, self.sign_of_death()?))
    }

    /// In a bridge that is not silent: of one that is, it makes a hang.
    fn sign_of_death(&self) -> Option<Dying> {
        let awake = self.facts.clock.mono >= self.history.grace_until;
        // A line after it began, or it is only a silence so far.
        let goes_on = |since: Mono| self.history.silent_since.is_some_and(|wrote| wrote > since);
        let lasts = |sign: &&Dying| match **sign {
            Dying::Stopped { since } => goes_on(since) && self.lasting(Some(since)) >= self.limits.lies,
            // These count from their own limits on.
            Dying::Unread { since, .. } | Dying::PeerClosed { since } | Dying::NoCpu { since } => goes_on(since),
        };
        self.signs.dying.iter().find(lasts).copied().filter(|_| awake && self.process.is_some() && !self.silent())
    }
}
