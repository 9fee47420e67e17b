//! From facts to a verdict. Pure: no files, no processes, no clock, no logging. All the judgement of the program is
//! here, top to bottom in the order of precedence: the first cause that holds names the verdict, the others follow it.
//! Only the meaning of the marker files is elsewhere, in `markers`, since `history` needs it too.

use std::time::Duration;

use crate::exit_class::could_not_start;
use crate::facts::{
    Class, Condition, Event, EventKind, Exit, Fact, Facts, Git, Holds, Job, KeepAlive, Lock, Markers, Process, Role,
    Unmet, short_id,
};
use crate::history::{History, connected, connection, ended_alike, last_exit, signs};
use crate::identity;
use crate::limits::Limits;
use crate::markers::{DISK_FULL, flood_until, login_needed, update};
use crate::signs::{Living, Signs};
use crate::time::{Mono, Wall};
use crate::verdict::{Cause, Finding, Head, Help, Innocent, Next, Problem, Rung, State, UnknownFact, Verdict};

/// Crashes in the window that make a loop, and revert suspects: two may be chance, three are a pattern.
const LOOP: usize = 3;
/// This many starts in the window, and it is down again: its manager restarts it each time and none of the ends is a
/// crash (exit 0, no network), so no rung fits, but a person is told.
const RESTLESS: usize = 10;
/// Below this share of free space a person is told.
const DISK_LOW: f64 = 0.02;
/// The same error line this often in the window: it runs, but not well.
const REPEATED: u32 = 10;

/// Facts to a verdict. `history` is what [`crate::history::advance`] made of these same facts.
pub fn assess(facts: &Facts, history: &History, limits: &Limits) -> Verdict {
    let unknown = unknowns(facts, history, limits);
    let (Fact::Known(process), Fact::Known(service)) = (&facts.process, &facts.service) else {
        let why = facts.process.why().or(facts.service.why()).unwrap_or("nobody answered");
        let unseen = found(Problem::ProcessUnseen(why.to_owned()), None, Next::LookAgain);
        return verdict(vec![unseen], Next::LookAgain, unknown);
    };
    let case = Case { facts, history, limits, process: *process, service, markers: facts.markers.known() };
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(case.operator_stop());
    findings.extend(case.outside_manager());
    findings.extend(case.standing_still());
    findings.extend(case.offline());
    findings.extend(case.session_locked());
    findings.extend(case.duplicate());
    findings.extend(case.crash_loop());
    findings.extend(case.no_bridge_inside());
    findings.extend(case.down());
    findings.extend(case.alive_but_sick());
    if let (Fact::Unknown(why), Some(State::Unhealthy)) =
        (&facts.markers, findings.first().map(|finding| finding.problem.state()))
    {
        findings.insert(0, case.markers_unseen(why));
    }
    if findings.is_empty()
        && let Fact::Unknown(why) = &facts.log
    {
        findings.push(found(Problem::LogUnseen(why.clone()), None, Next::LookAgain));
    }
    case.leave_what_is_disabled(&mut findings);
    findings.extend(case.degraded());
    verdict(findings, case.well(), unknown)
}

/// The crashes that make a pattern, oldest first: the largest group of crashes within the window that ended alike.
/// Three that end with different errors are no pattern.
fn pattern<'a>(events: &'a [Event], now: Wall, limits: &Limits) -> Vec<&'a Event> {
    let crashes: Vec<&Event> = recent(events, now, limits).collect();
    let like = |end: &Event| crashes.iter().copied().filter(|event| ended_alike(event, end)).collect::<Vec<_>>();
    // Of two patterns of the same size, the newer one.
    crashes.iter().map(|end| like(end)).max_by_key(Vec::len).unwrap_or_default()
}

/// Whether HEAD is the suspect of a crash loop.
///
/// # Errors
/// Why HEAD is left alone.
fn suspect(crashes: &[&Event], git: &Git, limits: &Limits) -> Result<(), Innocent> {
    let head = short_id(&git.head);
    let on_head: Vec<&Event> = crashes.iter().copied().filter(|event| event.commit == head).collect();
    let Some(first) = on_head.first().filter(|_| on_head.len() >= LOOP) else {
        return Err(Innocent::FewCrashes(on_head.len()));
    };
    if on_head.iter().filter(|event| event.class == Class::Code).count() < LOOP {
        return Err(Innocent::Unseen);
    }
    match git.committed.age(first.at) {
        None => return Err(Innocent::Undated),
        Some(age) if age >= limits.fresh_commit => return Err(Innocent::Old(age)),
        Some(_) => {}
    }
    match git {
        Git { own_revert: true, .. } => Err(Innocent::OwnRevert),
        Git { parents: 0, .. } => Err(Innocent::NoParent),
        Git { parents: 2.., .. } => Err(Innocent::Merge),
        Git { touches_code: Some(false), .. } => Err(Innocent::HarmlessFiles),
        Git { touches_code: None, .. } => Err(Innocent::FilesUnknown),
        _ => Ok(()),
    }
}

/// Real crashes within the window, oldest first.
pub fn recent<'a>(crashes: &'a [Event], now: Wall, limits: &Limits) -> impl Iterator<Item = &'a Event> {
    let window = limits.crash_window;
    crashes.iter().filter(move |event| {
        event.kind == EventKind::Crash
            && matches!(event.class, Class::Code | Class::Unseen)
            && event.at.age(now).is_some_and(|age| age < window)
    })
}

struct Case<'a> {
    facts: &'a Facts,
    history: &'a History,
    limits: &'a Limits,
    process: Option<Process>,
    service: &'a Job,
    markers: Option<&'a Markers>,
}

impl Case<'_> {
    /// How long something has been so; zero if it is not.
    fn lasting(&self, since: Option<Mono>) -> Duration {
        since.map_or(Duration::ZERO, |since| self.facts.clock.mono.since(since))
    }

    fn wall(&self, since: Option<Mono>) -> Wall {
        since.map_or(self.facts.clock.wall, |since| self.facts.clock.wall_of(since))
    }

    fn within(&self, at: Option<Mono>, window: Duration) -> bool {
        at.is_some_and(|at| self.facts.clock.mono.since(at) < window)
    }

    fn operator_stop(&self) -> Option<Finding> {
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

    /// Everything that says "stand still", in the order of precedence.
    fn standing_still(&self) -> Vec<Finding> {
        let now = self.facts.clock;
        let mut findings = Vec::new();
        findings.extend(held(&self.facts.holds, self.markers, now.wall, self.limits));
        if self.markers.is_some_and(login_needed) || self.ended_by(Class::Login) > 0 {
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
    fn markers_unseen(&self, why: &str) -> Finding {
        let problem = Problem::MarkersUnseen(why.to_owned());
        let unseen = found(problem, None, Next::Person(Help::MakeReadable));
        let since = self.history.markers_unseen_since;
        Finding { tell: since.is_some() && self.lasting(since) >= self.limits.markers_unseen, ..unseen }
    }

    /// Nothing to start, or a bridge that says that its own configuration is wrong.
    fn broken_setup(&self) -> Option<Finding> {
        if self.process.is_none() && !self.service.installed && !self.service.loaded {
            return Some(told(found(Problem::NoService, None, Next::Person(Help::Install))));
        }
        let young = self.process.is_none_or(|process| process.age < self.limits.min_uptime);
        let mend = |problem| Some(told(found(problem, None, Next::Person(Help::MendBridge))));
        let exit =
            self.process.map_or_else(|| last_exit(self.service, self.history), |_| self.service.last_exit.clone());
        if young && exit == Exit::Code(2) {
            return mend(Problem::ExitCode2);
        }
        if young && could_not_start(&exit) {
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

    /// The last crash, unless a run after it has been seen to work.
    fn last_crash(&self) -> Option<&Event> {
        let grown_up = self.process.is_some_and(|process| process.age >= self.limits.start_grace);
        if grown_up || self.connected() {
            return None;
        }
        let now = self.facts.clock.wall;
        let fresh = |event: &&Event| event.at.age(now).is_some_and(|age| age < self.limits.crash_window);
        let crashes = self.facts.crashes.known()?;
        crashes.iter().rfind(|event| event.kind == EventKind::Crash && fresh(event))
    }

    /// How many of the last crashes in a row were of this class.
    fn ended_by(&self, class: Class) -> usize {
        if self.last_crash().is_none_or(|crash| crash.class != class) {
            return 0;
        }
        let events = self.facts.crashes.known().map_or(&[][..], Vec::as_slice);
        let crashes = events.iter().rev().filter(|event| event.kind == EventKind::Crash);
        crashes.take_while(|event| event.class == class).count()
    }

    fn disk_full(&self) -> Option<Finding> {
        // A log line alone proves nothing here: the file system is asked, for bytes and for inodes.
        let full = self.facts.disk.known().is_some_and(|disk| disk.free < DISK_FULL || disk.free_inodes == Some(0));
        full.then(|| told(found(Problem::DiskFull, None, Next::Person(Help::MakeRoom))))
    }

    /// Asked only where it may decide, and then it comes before every start and every revert. A bridge that is
    /// connected has another way to Telegram (a proxy), whatever our own probe says.
    fn offline(&self) -> Option<Finding> {
        let cut_off = self.facts.network == Some(Fact::Known(false)) && !self.connected();
        let tell = self.lasting(self.history.offline_since) >= self.limits.offline_told;
        cut_off.then(|| Finding { tell, ..found(Problem::Offline, None, Next::NetworkBack) })
    }

    fn session_locked(&self) -> Option<Finding> {
        let session = self.facts.session.known()?;
        let says_locked = self.within(self.history.locked_at, self.limits.log_words_count);
        if self.process.is_some() && !says_locked {
            return None;
        }
        // A reader's SHARED lock keeps a writer from committing, but a mere reader is no reason to act before the
        // bridge complains.
        let enough = if says_locked { Lock::Shared } else { Lock::Reserved };
        let holder = session.holders.iter().find(|holder| holder.role == Role::Stranger && holder.lock >= enough)?;
        Some(found(Problem::SessionLocked { pid: holder.pid }, Some(Rung::FreeSession), Next::FreeSession))
    }

    fn crash_loop(&self) -> Option<Finding> {
        let events = self.facts.crashes.known()?;
        let now = self.facts.clock.wall;
        let alike = pattern(events, now, self.limits);
        let young = self.process.is_none_or(|process| process.age < self.limits.loop_young);
        if alike.len() < LOOP || !young {
            return None;
        }
        let opted_in = self.markers.is_some_and(|markers| markers.auto_revert);
        let head = match self.facts.git.known() {
            None => Head::Unknown,
            Some(git) => match suspect(&alike, git, self.limits) {
                Ok(()) => Head::Suspect { summary: git.summary.clone(), opted_in },
                Err(innocent) => Head::Innocent(innocent),
            },
        };
        let (rung, next) = match head {
            Head::Suspect { opted_in: true, .. } => (Rung::Revert, Next::Revert),
            _ => (Rung::FreeSession, Next::Tell),
        };
        let (crashes, window) = (alike.len(), self.limits.crash_window);
        Some(found(Problem::CrashLoop { crashes, window, head }, Some(rung), next))
    }

    /// No process.
    fn down(&self) -> Option<Finding> {
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
    fn nobody_else_starts_it(&self) -> bool {
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

    fn starts_within(&self, window: Duration) -> usize {
        let now = self.facts.clock.mono;
        self.history.starts.iter().filter(|at| now.since(**at) < window).count()
    }

    /// A copy beside the bridge that the manager owns, or in the way of its start. Before the crash loop: a copy makes the
    /// bridge crash, and then HEAD is no suspect.
    fn duplicate(&self) -> Option<Finding> {
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

    /// It runs, but its manager has no part in it: nothing is started beside it, and nothing is ended, since nobody would
    /// start it again.
    fn outside_manager(&self) -> Option<Finding> {
        let service = self.service;
        let ended_well = service.last_exit == Exit::Code(0) && service.keep_alive != KeepAlive::Always;
        let tries = service.loaded && !service.active_without_process && !ended_well;
        if self.process.is_some() || tries {
            return None;
        }
        let bridge = identity::elsewhere(self.facts)?;
        let problem = Problem::OutsideManager {
            pid: bridge.process.id.pid,
            parent: bridge.parent.as_ref().map(|parent| (parent.id.pid, parent.name.clone())),
            keeper: bridge.keeper.clone(),
        };
        Some(told(found(problem, None, Next::Person(Help::OneManager))))
    }

    /// The manager sees one process that never ends, a shell or a runner, and the bridge under it dies again and again.
    fn no_bridge_inside(&self) -> Option<Finding> {
        let process = self.process?;
        let runner = self.facts.bridge.known()?.is_none_or(|bridge| bridge.id != process.id);
        let (history, now) = (self.history, self.facts.clock.mono);
        let ends = history.inside.ends(now, self.limits.crash_window);
        let young = self.facts.bridge.known()?.is_none_or(|bridge| bridge.age < self.limits.loop_young);
        if !runner || !young || ends < LOOP || self.connected() {
            return None;
        }
        let problem = Problem::LoopInside { ends, window: self.limits.crash_window };
        Some(found(problem, Some(Rung::Tell), Next::Tell))
    }

    /// A process that does not work.
    fn alive_but_sick(&self) -> Vec<Finding> {
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
        if awake && cut >= limits.disconnection && grown_up && history.disconnected_since.is_some() {
            sick(Problem::Disconnected { since: self.wall(history.disconnected_since) }, Next::EndAndStart);
        }
        if awake && self.hangs() {
            let silent = self.lasting(history.silent_since);
            // The clocks are read a moment after the process was looked at.
            let from_start = process.age.saturating_sub(silent) < Duration::from_secs(1);
            sick(Problem::Silent { since: self.wall(history.silent_since), from_start }, Next::EndAndStart);
        }
        findings
    }

    /// Told to stop, and still there. Where only a line of its log says that it was told, what it does after that line
    /// may say the opposite.
    fn stop_hangs(&self) -> bool {
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
        let alive = by_line && self.signs().dying.is_empty() && self.signs().living.iter().any(goes_on);
        self.lasting(history.stopping_since) >= limits.stop_timeout && !alive
    }

    fn signs(&self) -> Signs {
        signs(self.history, self.facts, self.limits)
    }

    /// Long silent, twice in a row, and old enough to be accused of it.
    fn silent(&self) -> bool {
        let (history, limits) = (self.history, self.limits);
        let grown_up = self.process.is_some_and(|process| process.age >= limits.start_grace);
        let awake = self.facts.clock.mono >= history.grace_until;
        awake && grown_up && history.stale_looks >= 2 && self.lasting(history.silent_since) >= limits.silence
    }

    /// Whether it writes its lines to its log as it says them: a buffer is written now and then, and says nothing.
    fn has_voice(&self) -> bool {
        self.history.spoke && !self.history.buffered
    }

    /// Silent, and no other witness says the opposite. A log that is not there is no witness, nor is one that was never
    /// written while the bridge is connected: it is the wrong file, or its output is buffered. Signs of death are.
    fn hangs(&self) -> bool {
        let Some(log) = self.facts.log.known().filter(|_| self.silent()) else { return false };
        let signs = self.signs();
        match signs.alive() {
            Some(false) if !signs.dying.is_empty() => true,
            Some(false) => log.exists && (self.has_voice() || !self.connected()),
            // Something in it works, or that can't be seen.
            Some(true) | None => {
                let long = self.lasting(self.history.silent_since) >= self.limits.silence_alive;
                self.has_voice() && long
            }
        }
    }

    /// Silent, but nothing is to be done about it by force.
    fn odd_silence(&self) -> Option<Finding> {
        if !self.silent() || self.hangs() {
            return None;
        }
        let log = self.facts.log.known()?;
        let (history, signs) = (self.history, self.signs());
        if !log.exists || (!history.spoke && self.connected()) {
            let problem = Problem::LogNeverWritten { path: log.path.to_string_lossy().into_owned(), there: log.exists };
            return Some(found(problem, None, Next::Person(Help::MendLog)));
        }
        let since = self.wall(history.silent_since);
        let problem = Problem::SilentButAlive { since, sign: signs.living.first().copied(), torn: history.buffered };
        Some(found(problem, None, Next::Person(Help::LookAtBridge)))
    }

    /// Noise is no heartbeat.
    fn no_heartbeat(&self) -> Option<Finding> {
        /// Fewer are no rhythm.
        const REGULAR: u32 = 3;
        let beats = self.history.beats;
        let awake = self.facts.clock.mono >= self.history.grace_until;
        let stopped = awake && beats.seen >= REGULAR && self.lasting(beats.last) >= self.limits.silence;
        let goes_on =
            self.history.silent_since > beats.last && self.within(self.history.silent_since, self.limits.silence);
        let since = self.wall(beats.last);
        (stopped && self.process.is_some() && goes_on)
            .then(|| found(Problem::NoHeartbeat { since }, None, Next::Person(Help::LookAtBridge)))
    }

    /// A bridge that its operator has disabled and lets run is not ended: it could not be started again.
    fn leave_what_is_disabled(&self, findings: &mut [Finding]) {
        if self.service.stopped_by_operator && self.process.is_some() {
            for finding in findings.iter_mut().filter(|finding| finding.rung.is_some()) {
                (finding.rung, finding.next) = (Some(Rung::Tell), Next::LeaveDisabled);
            }
        }
    }

    /// Told once, never healed by force.
    fn degraded(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.odd_silence().into_iter().chain(self.no_heartbeat()).map(told).collect();
        let mut note = |problem, help| findings.push(told(found(problem, None, Next::Person(help))));
        let repeated = self.facts.log.known().and_then(|log| log.repeated.as_ref());
        // What was logged while the network was gone says nothing about the bridge.
        let offline = self.within(self.history.offline_at, self.limits.repeat_window);
        if let Some(error) = repeated.filter(|error| error.count >= REPEATED && !offline) {
            let problem = Problem::RepeatedError { error: error.clone(), window: self.limits.repeat_window };
            note(problem, Help::ReadLog);
        }
        if let Some(disk) = self.facts.disk.known().filter(|disk| disk.free_share < DISK_LOW) {
            note(Problem::DiskLow(disk.free_share), Help::MakeRoomSoon);
        }
        match &self.service.keep_alive {
            // It is meant so.
            KeepAlive::Conditional(condition) if condition.is_stop() => {}
            KeepAlive::Conditional(condition) => {
                let help = if condition.is_mendable() { Help::InstallKey } else { Help::OwnCondition };
                note(Problem::RestartsSometimes(condition.clone()), help);
            }
            KeepAlive::Never => note(Problem::RestartsNever, Help::InstallKey),
            KeepAlive::Always | KeepAlive::Unknown => {}
        }
        if let Some(why) = &self.history.undelivered {
            // Shown as a local notification: another alert would only replace the one that waits to be sent.
            findings.push(found(Problem::Undelivered(why.clone()), None, Next::DeliverAgain));
        }
        findings
    }

    fn connected(&self) -> bool {
        self.process.is_some() && connected(self.history, self.facts)
    }

    /// If nothing is wrong: starting or healthy.
    fn well(&self) -> Next {
        let age = self.process.map_or(Duration::ZERO, |process| process.age);
        if age < self.limits.start_grace && !self.connected() {
            return Next::ConnectsUntil(self.facts.clock.wall + self.limits.start_grace.saturating_sub(age));
        }
        Next::Watch
    }
}

fn unknowns(facts: &Facts, history: &History, limits: &Limits) -> Vec<UnknownFact> {
    let telegram = connection(history, facts);
    let unwritten = facts.log.known().filter(|log| !log.exists && facts.running().is_some());
    let unwritten = unwritten.map(|log| format!("{} is not there", log.path.display()));
    let life = signs(history, facts, limits).alive().is_none() && facts.running().is_some();
    let network = facts.network.as_ref().and_then(|network| network.why());
    [
        ("process", facts.process.why()),
        ("service", facts.service.why()),
        ("duplicates", facts.lookalikes.why()),
        ("log", facts.log.why().or(unwritten.as_deref())),
        ("life", facts.life.why().or(life.then_some("no sign of life or death was seen so far"))),
        ("session", facts.session.why()),
        ("telegram", telegram.why()),
        ("network", network),
        ("crashes", facts.crashes.why()),
        ("git", facts.git.why()),
        ("disk", facts.disk.why()),
        ("markers", facts.markers.why()),
    ]
    .into_iter()
    .filter_map(|(fact, why)| Some(UnknownFact { fact: fact.into(), why: why?.to_owned() }))
    .collect()
}

fn found(problem: Problem, rung: Option<Rung>, next: Next) -> Finding {
    Finding { problem, rung, next, tell: false, anew: None }
}

fn told(finding: Finding) -> Finding {
    Finding { tell: true, ..finding }
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

/// The first finding names the verdict; without one it is healthy or starting.
pub(crate) fn verdict(findings: Vec<Finding>, well: Next, unknown: Vec<UnknownFact>) -> Verdict {
    let (state, cause, next) = match (findings.first(), well) {
        (Some(first), _) => (first.problem.state(), first.problem.cause(), first.next),
        (None, Next::Watch) => (State::Healthy, Cause::None, Next::Watch),
        (None, starting) => (State::Starting, Cause::None, starting),
    };
    Verdict { state, cause, findings, unknown, next }
}

#[cfg(test)]
#[path = "assess_tests.rs"]
mod tests;
