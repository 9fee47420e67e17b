//! What forbids to act: the operator, another manager, an update, a login, a disk, the network.

use super::{Case, found, told};
use crate::exit_class::could_not_start;
use crate::facts::{Class, Exit, Fact, Holds, KeepAlive, Markers, Unmet};
use crate::history::last_exit;
use crate::identity;
use crate::limits::Limits;
use crate::markers::{DISK_FULL, flood_until, login_needed, update};
use crate::time::Wall;
use crate::verdict::{Finding, Help, Next, Problem};

impl Case<'_> {
    pub(super) fn operator_stop(&self) -> Option<Finding> {
        let unmet = self.service.unmet.as_ref();
        let down = self.process.is_none() || unmet == Some(&Unmet::Frozen);
        let stopped = self.service.stopped_by_operator && down;
        let next = match unmet {
            None | Some(Unmet::AtLastStart | Unmet::ExecCondition | Unmet::ExitStatus) => Next::OperatorStarts,
            Some(Unmet::Path { .. } | Unmet::OtherJob { .. } | Unmet::Unit(_) | Unmet::Frozen) => Next::ConditionMet,
        };
        stopped.then(|| {
            found(unmet.map_or(Problem::OperatorStop, |unmet| Problem::ConditionUnmet(unmet.clone())), None, next)
        })
    }

    /// It runs, but its manager has no part in it: nothing is started beside it, and nothing is ended, since nobody would
    /// start it again.
    pub(super) fn outside_manager(&self) -> Option<Finding> {
        let service = self.service;
        let ended_well = service.last_exit == Exit::Code(0) && service.keep_alive != KeepAlive::Always;
        let tries = service.loaded && !service.active_without_process && !ended_well;
        let bridge = identity::elsewhere(self.facts)?;
        // Its manager tries in vain, and what is in the way is somebody's.
        let in_vain = self.ended_by(Class::Copy) >= 2 && !identity::is_nobodys(bridge, &self.history.starters);
        // Beside a client of this very session nothing is started, also where its manager would try.
        let tries = tries && !identity::is_client(bridge);
        if (self.process.is_some() || tries) && !in_vain {
            return None;
        }
        Some(told(found(Problem::outside_manager(bridge), None, Next::Person(Help::OneManager))))
    }

    /// Everything that says "stand still", in the order of precedence.
    pub(super) fn standing_still(&self) -> Vec<Finding> {
        let now = self.facts.clock;
        let mut findings = Vec::new();
        findings.extend(held(&self.facts.holds, self.markers, now.wall, self.limits));
        // Its own last line gives a silence its reason, as the marker does.
        let says_so = self.history.login_at.is_some() && self.silent();
        if self.markers.is_some_and(|markers| login_needed(markers, now.wall))
            || self.ended_by(Class::Login) > 0
            || says_so
        {
            findings.push(told(found(Problem::LoginNeeded, None, Next::Person(Help::LogIn))));
        }
        findings.extend(self.broken_setup());
        let by_log = self.history.flood_until;
        if let Some(until) = self.markers.and_then(|markers| flood_until(markers, by_log, now.wall, self.limits)) {
            findings.push(found(Problem::FloodWait { until }, None, Next::FloodEnds(until)));
        }
        findings.extend(self.disk_full());
        findings
    }

    /// Sick, but whether something forbids a cure can't be seen: then nothing is done. A person is told if that lasts.
    pub(super) fn markers_unseen(&self, why: &str) -> Finding {
        let problem = Problem::MarkersUnseen(why.to_owned());
        let unseen = found(problem, None, Next::Person(Help::MakeReadable));
        let since = self.history.markers_unseen_since;
        Finding { tell: since.is_some() && self.lasting(since) >= self.limits.markers_unseen, ..unseen }
    }

    /// Nothing to start, or a bridge that says that its own configuration is wrong.
    pub(super) fn broken_setup(&self) -> Option<Finding> {
        if self.process.is_none() && !self.service.installed && !self.service.loaded {
            return Some(told(found(Problem::NoService, None, Next::Person(Help::Install))));
        }
        if self.process.is_none() && self.service.active_without_process {
            // To start what is active does nothing, and to restart it would end whatever else it has started.
            return Some(told(found(Problem::ActiveWithoutProcess, None, Next::Person(Help::MendBridge))));
        }
        let young = self.process.is_none_or(|process| process.age < self.limits.min_uptime);
        let mend = |problem| Some(told(found(problem, None, Next::Person(Help::MendBridge))));
        let exit =
            self.process.map_or_else(|| last_exit(self.service, self.history), |_| self.service.last_exit.clone());
        if young && exit == Exit::Code(2) {
            return mend(Problem::ExitCode2);
        }
        // By what was said of it one may be chance, as below.
        if young && (could_not_start(&exit) || self.ended_by(Class::Start) >= 2) {
            let missing = self.facts.missing_program.known().cloned().flatten();
            return mend(Problem::CannotStart { exit, missing });
        }
        // One may be chance: a file that another program had open, a moment without memory.
        if self.ended_by(Class::Environment) >= 2 {
            let error = self.last_crash().and_then(|crash| crash.error.clone());
            return mend(Problem::BrokenEnvironment { error });
        }
        None
    }

    pub(super) fn disk_full(&self) -> Option<Finding> {
        // A log line alone proves nothing here: the file system is asked, for bytes and for inodes.
        let full = self.facts.disk.known().is_some_and(|disk| disk.free < DISK_FULL || disk.free_inodes == Some(0));
        full.then(|| told(found(Problem::DiskFull, None, Next::Person(Help::MakeRoom))))
    }

    /// Asked only where it may decide, and then it comes before every start and every revert. A bridge that is
    /// connected has another way to Telegram (a proxy), whatever our own probe says.
    pub(super) fn offline(&self) -> Option<Finding> {
        let cut_off = self.facts.network == Some(Fact::Known(false)) && !self.connected();
        let since = self.history.offline_since;
        let tell = self.lasting(since) >= self.limits.offline_told;
        let problem = Problem::Offline { since: self.wall(since) };
        cut_off.then(|| Finding { tell, ..found(problem, None, Next::NetworkBack) })
    }
}

/// A pause, a recovery of another process, an update.
pub(crate) fn held(holds: &Holds, markers: Option<&Markers>, now: Wall, limits: &Limits) -> Vec<Finding> {
    let pause = holds.pause.filter(|pause| pause.until > now);
    let pause = pause.map(|pause| found(Problem::Paused(pause), None, Next::PauseEnds(pause.until)));
    let recovery = holds.recovery.map(|pid| found(Problem::RecoveryRunning(pid), None, Next::RecoveryEnds));
    let update = update(holds, markers, now, limits);
    let update = update.map(|update| found(Problem::UpdateRunning(update), None, Next::UpdateEnds));
    [pause, recovery, update].into_iter().flatten().collect()
}
