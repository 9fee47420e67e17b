//! A bridge that is down, and what keeps it from coming up: a lock, a copy in its way, a manager that leaves it down.

use std::time::Duration;

use super::{Case, found, told};
use crate::facts::{Class, Condition, Exit, KeepAlive, Lock};
use crate::history::last_exit;
use crate::holders::{self, Left, May};
use crate::identity;
use crate::verdict::{Finding, Help, Next, Problem, Rung};

/// This many starts in the window, and it is down again: its manager restarts it each time and none of the ends is a
/// crash (exit 0, no network), so no rung fits, but a person is told.
const RESTLESS: usize = 10;

impl Case<'_> {
    pub(super) fn session_locked(&self) -> Option<Finding> {
        let session = self.facts.session.known()?;
        // Also by its last words: one that its manager has started again tries the lock for as long as SQLite waits, and
        // says nothing before it ends as the last one did.
        let says_locked =
            self.within(self.history.locked_at, self.limits.log_words_count) || self.ended_by(Class::Lock) > 0;
        if self.process.is_some() && !says_locked {
            return None;
        }
        // A reader's SHARED lock keeps a writer from committing, but a mere reader is no reason to act before the
        // bridge complains.
        let enough = if says_locked { Lock::Shared } else { Lock::Reserved };
        let lookalikes = self.facts.lookalikes.known().map_or(&[][..], Vec::as_slice);
        let (holder, may) = holders::first(session, enough, lookalikes, &self.history.starters, self.limits)?;
        let problem = |left| Problem::SessionLocked { pid: holder.pid, left };
        Some(match may {
            May::End => found(problem(None), Some(Rung::FreeSession), Next::FreeSession),
            May::EndIn(left) => found(problem(None), None, Next::FreeSessionAt(self.facts.clock.wall + left)),
            May::Not(why) => {
                // It may be the only one that works.
                let help = if why == Left::OtherBridge { Help::LookAtHolder } else { Help::EndHolder };
                told(found(problem(Some(why)), None, Next::Person(help)))
            }
        })
    }

    /// A copy beside the bridge that the manager owns, or in the way of its start. Before the crash loop: a copy makes the
    /// bridge crash, and then HEAD is no suspect.
    pub(super) fn duplicate(&self) -> Option<Finding> {
        let (facts, starters, age) = (self.facts, &self.history.starters, self.limits.stale_process);
        let copy = if self.process.is_some() {
            identity::copy(facts, starters, age)
        } else {
            // While it is down, what looks like a copy may be the last bridge there is, which is never ended without a
            // start that will follow: the manager has tried, and what it started ended at once.
            // A run that was never seen was too short for that.
            let unseen = !self.history.starts.is_empty();
            let ended_at_once =
                self.history.ended.as_ref().map_or(unseen, |ended| ended.lived < self.limits.min_uptime);
            let tries = self.service.loaded && ended_at_once && !self.service.active_without_process;
            let says_so = self.last_crash().is_some_and(|crash| crash.class == Class::Copy);
            tries.then(|| identity::in_the_way(facts, starters, age, says_so)).flatten()
        }?;
        let next = if self.process.is_some() { Next::EndCopy } else { Next::EndCopyAndStart };
        Some(found(Problem::Duplicate { pid: copy.id.pid }, Some(Rung::EndStale), next))
    }

    /// No process.
    pub(super) fn down(&self) -> Option<Finding> {
        if self.process.is_some() {
            return None;
        }
        let (service, limits, now) = (self.service, self.limits, self.facts.clock);
        if !service.loaded && service.installed {
            let left = limits.reload.saturating_sub(self.lasting(self.history.unloaded_since));
            return Some(if left > Duration::ZERO {
                told(found(Problem::NotLoaded, None, Next::LoadAt(now.wall + left)))
            } else {
                found(Problem::NotLoaded, Some(Rung::Restart), Next::Load)
            });
        }
        let starts = self.starts_within(limits.crash_window);
        let restless = (starts >= RESTLESS).then_some((starts, limits.crash_window));
        let dead = |restless| Problem::ProcessDead {
            exit: last_exit(service, self.history),
            held_back: service.held_back.clone(),
            restless,
        };
        if let Some(since) = service.starting_since {
            // Its manager is at it, and a start would change nothing. What takes longer than any start is told.
            let long = self.lasting(Some(since)) >= limits.start_grace;
            return long.then(|| told(found(dead(None), None, Next::Person(Help::LookAtBridge))));
        }
        let had_worked = self.history.ended.as_ref().is_some_and(|ended| ended.lived >= limits.min_uptime);
        let anew = self.history.dead_since.filter(|_| had_worked);
        let left = (service.throttle + limits.respawn_margin).saturating_sub(self.lasting(self.history.dead_since));
        if had_worked || self.nobody_else_starts_it() || left == Duration::ZERO {
            return Some(Finding { anew, ..found(dead(None), Some(Rung::Restart), Next::Start) });
        }
        let waits = found(dead(restless), None, Next::ManagerHasUntil(now.wall + left));
        Some(Finding { tell: restless.is_some(), ..waits })
    }

    /// Whether the manager leaves it down. Then we keep to the manager's throttle: within it at most one start of ours
    /// after the first run.
    pub(super) fn nobody_else_starts_it(&self) -> bool {
        let service = self.service;
        if service.gave_up {
            return true;
        }
        let left_down = match &service.keep_alive {
            // Whatever the conditions are, the usual ones do not restart what ended well: for launchd that is exit code
            // 0, for systemd also a signal that asks it to end (systemd.service(5), SuccessExitStatus=).
            // Where a person's condition is among them, one that is met starts it again.
            KeepAlive::Conditional(condition @ Condition::KeepAlive(_)) => {
                service.last_exit == Exit::Code(0) && !condition.is_stop()
            }
            KeepAlive::Conditional(Condition::Restart(_)) => matches!(
                service.last_exit,
                Exit::Code(0) | Exit::Signal(libc::SIGHUP | libc::SIGINT | libc::SIGPIPE | libc::SIGTERM)
            ),
            KeepAlive::Never => true,
            KeepAlive::Always | KeepAlive::Unknown => false,
        };
        left_down && self.starts_within(service.throttle) < 2
    }

    pub(super) fn starts_within(&self, window: Duration) -> usize {
        let now = self.facts.clock.mono;
        self.history.starts.iter().filter(|at| now.since(**at) < window).count()
    }
}
