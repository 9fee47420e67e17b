//! Gathers facts. Looks, and never writes.
//!
//! A shallow look is taken at each tick and is cheap: while the process is alive with the same start stamp the service
//! manager is not asked, and no program is started. A deep look is for when something is wrong, and for `check`.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::contract;
use crate::facts::{
    Disk, Event, Fact, Facts, Git, Holds, Identity, Job, KnownBy, Life, Log, Lookalike, Markers, MissingProgram,
    Process, Role, Session,
};
use crate::identity;
use crate::limits::Environment;
use crate::secrets::Secrets;
use crate::system::connection::Sockets;
use crate::system::crashes::CrashLog;
use crate::system::env::{JobEnvironment, Values};
use crate::system::git::Checkout;
use crate::system::log::Tail;
use crate::system::lookalikes::Owner;
use crate::system::new_processes::NewProcesses;
use crate::system::poll::Deadline;
use crate::system::process_table::{Found, ProcessMatch, ProcessSearch};
use crate::system::service::Service;
use crate::system::session_users::SessionUsers;
use crate::system::timed::Timed;
use crate::system::{clock, family, halted, life, log_end, markers, network, process, program, recovery_lock, session};
use crate::time::Wall;

/// Looks again and again, and remembers how far it has read.
pub struct Observer {
    config: Config,
    environment: Environment,
    service: Service,
    process_search: ProcessSearch,
    session_users: SessionUsers,
    new_processes: NewProcesses,
    /// When this look began, and the one before.
    began: [Option<Wall>; 2],
    /// The bridge's own processes at the last look.
    family: Vec<u32>,
    sockets: Sockets,
    /// systemd's own name of the unit; until it has answered, the configured one, which may be an alias.
    unit: Option<String>,
    /// The last answer of the manager, valid while its process lives.
    job: Option<(Identity, Job)>,
    log: Timed<Heard, Result<Log, String>>,
    crash_log: Timed<(), Result<Vec<Event>, String>>,
    git: Timed<bool, Result<Git, String>>,
    files: Timed<(), (Result<Markers, String>, Result<Disk, String>)>,
    missing_program: Timed<(), Option<MissingProgram>>,
    session: Timed<Vec<u32>, Result<Session, String>>,
    log_end: Timed<(), Vec<Vec<String>>>,
    job_environment: Timed<Of, Values>,
    /// The run whose environment is known.
    learned: Option<Run>,
}

/// A run as it is told from any other: the manager's two counters and the process.
type Run = (Option<u64>, Option<u64>, Option<Identity>);

/// What of the log is asked for.
enum Heard {
    /// What was there before us.
    Before,
    /// What is new, and the bridge's process now.
    Since(Option<Process>),
}

/// Whose environment is asked for.
enum Of {
    /// A new run's, with its process if there is one.
    Run(Option<u32>),
    SameRun,
}

/// A manager reaps within milliseconds. If it has not within this time, the next look will see it.
const REAPED: Duration = Duration::from_millis(500);
/// Between its fork and its exec a process has the environment of its manager.
const EXECUTED: Duration = Duration::from_secs(2);

/// A process that an update has killed may still be there when the update is over, and is gone within this time.
const DYING: Duration = Duration::from_secs(1);

impl Observer {
    pub fn new(config: &Config, environment: &Environment, service: &Service) -> Observer {
        let mut tail =
            Tail::new(&config.log, &config.error_log, environment.limits.repeat_window, config.secrets.clone());
        let crash_log = config.data(contract::CRASH_HISTORY);
        let mut crash_log = CrashLog::new(crash_log, environment.limits.crash_window, config.secrets.clone());
        let (mut checkout, files, program) =
            (Checkout::new(&config.root, &config.state), config.clone(), config.clone());
        let secrets = config.secrets.clone();
        let mut summary = Summary { secrets: secrets.clone(), known: None };
        let mut job_environment = JobEnvironment::new(config, environment);
        let (database, logs) = (config.session.clone(), [config.error_log.clone(), config.log.clone()]);
        Observer {
            config: config.clone(),
            environment: environment.clone(),
            service: service.clone(),
            process_search: ProcessSearch::new(ProcessMatch::of(config, service.owner()), environment.limits.read),
            session_users: SessionUsers::new(
                config.session.clone(),
                environment.ranges.clone(),
                environment.limits.read,
            ),
            new_processes: NewProcesses::default(),
            began: [None; 2],
            family: Vec::new(),
            sockets: Sockets::default(),
            unit: service.unit(),
            job: None,
            log: Timed::new("log", move |heard| match heard {
                Heard::Before => tail.begin(),
                Heard::Since(run) => tail.look(run),
            }),
            crash_log: Timed::new("crash_log", move |()| crash_log.recent()),
            git: Timed::new("git", move |deep| Ok(summary.cleaned(checkout.head(deep)?))),
            files: Timed::new("files", move |()| (markers::read(&files), disk(&files))),
            missing_program: Timed::new("program", move |()| program::missing(&program.root, program.program.first()?)),
            session: Timed::new("session", move |family: Vec<u32>| session::look(&database, &family)),
            log_end: Timed::new("log end", move |()| {
                logs.each_ref().map(|path| log_end::of(path, 15, &secrets)).into()
            }),
            job_environment: Timed::new("environment", move |of| match of {
                Of::Run(pid) => job_environment.of_run(pid),
                Of::SameRun => job_environment.of_same_run(),
            }),
            learned: None,
        }
    }

    /// The look of each tick.
    pub fn shallow(&mut self) -> Facts {
        self.look(false)
    }

    /// The look of `check`: everything, and the manager asked afresh.
    pub fn deep(&mut self) -> Facts {
        self.job = None;
        let mut facts = self.look(true);
        self.deepen(&mut facts);
        facts
    }

    /// Adds what a shallow look leaves out.
    pub fn deepen(&mut self, facts: &mut Facts) {
        // A manager that has just not answered in time would only time out once more.
        if facts.service.known().is_some() {
            let before = known_run(facts);
            self.job = None;
            (facts.service, facts.process) = self.process();
            facts.holds = self.holds();
            let after = known_run(facts);
            if let (Fact::Known(job), Fact::Known(process)) = (&facts.service, &facts.process)
                && after != before
            {
                self.learn(job, *process);
                self.hear_last_words(*process, &mut facts.log);
            }
        }
        let family = self.family(facts.running(), family::all);
        (facts.bridge, facts.lookalikes) = known(self.search_all(&family));
        let found = facts.lookalikes.known().into_iter().flatten();
        let by_words = found.filter(|lookalike| lookalike.known_by == KnownBy::Words);
        self.new_processes.ask_about(by_words.map(|lookalike| lookalike.process.id.pid));
        facts.life = self.read_life(&family);
        if let Fact::Known(life) = &mut facts.life {
            life.halted = Some(halted::look(&family));
        }
        let silent = facts.log.known().is_none_or(|log| !log.grew);
        if let Fact::Known(life) = &mut facts.life
            && silent
        {
            life.journal = self.unit.as_deref().and_then(|unit| self.service.last_line(unit));
        }
        self.git.ask(true);
        let limit = self.environment.limits.read;
        let session = self.session.now(family, limit).and_then(|session| session);
        facts.session = session.map(|session| self.with_the_bridge_known(session)).into();
        facts.git = self.git.answer(self.deadline()).and_then(|git| git).into();
        facts.missing_program = self.missing_program.now((), limit).into();
        if let Fact::Known(log) = &mut facts.log {
            log.ends = self.log_end.now((), limit).unwrap_or_default();
        }
    }

    /// A process has ended between the two looks, perhaps one that neither met. What it wrote before gives its death its
    /// class, as in [`Observer::look`]; without it an end by a lost login would be held against the code.
    fn hear_last_words(&mut self, process: Option<Process>, log: &mut Fact<Log>) {
        let Fact::Known(heard) = log else { return };
        if let Ok(Ok(newer)) = self.log.now(Heard::Since(process), self.environment.limits.read) {
            *heard = std::mem::take(heard).then(newer);
        }
    }

    /// Whether Telegram can be reached from this machine. Asked only when it may decide.
    pub fn network(&self) -> Fact<bool> {
        let Environment { data_centres, ranges, limits, .. } = &self.environment;
        network::online(data_centres, ranges, limits.connect).into()
    }

    /// The service and its process, asked again if the process that was known is gone.
    pub fn process(&mut self) -> (Fact<Job>, Fact<Option<Process>>) {
        if let Some((id, job)) = &self.job
            && let Some(process) = process::find(id.pid).filter(|process| process.id == *id)
        {
            return (Fact::Known(job.clone()), Fact::Known(Some(process)));
        }
        let job = match self.ask_manager() {
            Ok(job) => job,
            Err(why) => return (Fact::Unknown(why.clone()), Fact::Unknown(why)),
        };
        let process = job.pid.and_then(process::find);
        self.job = process.map(|process| (process.id, job.clone()));
        (Fact::Known(job), Fact::Known(process))
    }

    /// The kernel tells us of a death before the manager knows of it. What the manager then says of the last exit is
    /// about the run before; a moment later it is right.
    fn ask_manager(&mut self) -> Result<Job, String> {
        let deadline = Deadline::after(REAPED);
        loop {
            let job = self.service.status()?;
            self.note_unit(&job);
            if job.pid.is_none_or(|pid| process::find(pid).is_some()) || deadline.left().is_none() {
                return Ok(job);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// By an alias nobody would be in the unit: its cgroup and its journal have its own name.
    fn note_unit(&mut self, job: &Job) {
        if job.unit.is_some() && job.unit != self.unit {
            self.unit.clone_from(&job.unit);
            let bridge_match = ProcessMatch::of(&self.config, self.owner());
            self.process_search = ProcessSearch::new(bridge_match, self.environment.limits.read);
        }
    }

    fn owner(&self) -> Owner {
        match (self.service.owner(), &self.unit) {
            (Owner::Unit(_), Some(unit)) => Owner::Unit(unit.clone()),
            (owner, _) => owner,
        }
    }

    fn look(&mut self, deep: bool) -> Facts {
        self.began = [Some(clock::wall()), self.began[0]];
        self.git.ask(deep);
        self.files.ask(());
        // At the first look, before the manager is asked: a run may begin and end between its answer and our reading.
        let limit = self.environment.limits.read;
        let before = if self.began[1].is_none() { self.log.now(Heard::Before, limit).ok() } else { None };
        let (service, process) = self.process();
        // Before anything of this run is read that may be shown.
        if let (Fact::Known(job), Fact::Known(process)) = (&service, &process) {
            self.learn(job, *process);
        }
        self.crash_log.ask(());
        // After the process: if it is gone, its last lines are in the log by then, and they give its death its class.
        self.log.ask(Heard::Since(process.known().copied().flatten()));
        let family = self.family(process.known().copied().flatten(), family::members);
        let left = self.family.iter().copied().filter(|pid| !family.contains(pid));
        self.new_processes.ask_about(left);
        self.family.clone_from(&family);
        let (bridge, lookalikes) = known(self.new_processes.matching(&mut self.process_search, &family));
        let life = self.read_life(&family);
        let deadline = self.deadline();
        let (markers, disk) = match self.files.answer(deadline) {
            Ok((markers, disk)) => (markers.into(), disk.into()),
            Err(why) => (Fact::Unknown(why.clone()), Fact::Unknown(why)),
        };
        let log = self.log.answer_even_if_late(deadline).and_then(|log| log);
        let log = match (before, log) {
            (Some(Ok(before)), Ok(log)) => Ok(before.then(log)),
            (_, log) => log,
        };
        Facts {
            clock: clock::now(),
            service,
            process,
            bridge,
            lookalikes,
            log: log.into(),
            session: Fact::Unknown("looked at only when something is wrong".into()),
            life,
            network: None,
            crashes: self.crash_log.answer(deadline).and_then(|events| events).into(),
            git: self.git.answer(deadline).and_then(|git| git).into(),
            disk,
            missing_program: Fact::Unknown("looked at only when something is wrong".into()),
            markers,
            holds: self.holds(),
        }
    }

    /// Asked after the process: what has ended that by then shows here, however short it was.
    fn holds(&self) -> Holds {
        let since = |before: Wall| recovery_lock::held_since(&self.config, before - DYING);
        let update_over = self.began[1].is_some_and(since);
        Holds { update_over, ..markers::holds(&self.config) }
    }

    /// A bridge that came up after the manager was asked would look like a stranger that holds the lock, so the manager
    /// is asked again.
    fn with_the_bridge_known(&mut self, mut session: Session) -> Session {
        if session.holders.iter().any(|holder| holder.role == Role::Stranger) {
            let family = self.family_now();
            for holder in session.holders.iter_mut().filter(|holder| family.contains(&holder.pid)) {
                holder.role = Role::Bridge;
            }
        }
        session
    }

    /// What the environment of a run has in it is hidden from then on. Asked once a run, and not at its death: then a start
    /// may be due. `.env` may be written within a run.
    fn learn(&mut self, job: &Job, process: Option<Process>) {
        let run = run_of(job, process);
        let known = |(runs, run_id, id)| (runs, run_id) == (job.runs, job.run) && (id == run.2 || run.2.is_none());
        let limit = self.environment.limits.read;
        if self.learned.is_some_and(known) {
            self.config.secrets.learn(self.job_environment.now(Of::SameRun, limit).unwrap_or_default());
            return;
        }
        let values = self.job_environment.now(Of::Run(run.2.map(|id| id.pid)), limit);
        let whole = values.is_ok() && process.is_none_or(|process| process.age >= EXECUTED);
        self.config.secrets.learn(values.unwrap_or_default());
        self.learned = Some(run).filter(|_| whole);
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.environment.limits.read
    }

    /// Everybody outside the family that may be another bridge.
    fn search_all(&mut self, family: &[u32]) -> Result<Found, String> {
        let mut found = self.process_search.all(family)?;
        let by_words = found.lookalikes.iter().map(|lookalike| lookalike.process.id.pid);
        let known = by_words.chain(family.iter().copied()).collect();
        // Where that can't be seen, those that look like it are still known.
        found.lookalikes.extend(self.session_users.besides(known, self.owner()).unwrap_or_default());
        if found.lookalikes.iter().any(identity::is_elsewhere) {
            // What came up after the manager was asked would look like a stranger, so the manager is asked again.
            let family = self.family_now();
            found.lookalikes.retain(|lookalike| !family.contains(&lookalike.process.id.pid));
        }
        Ok(found)
    }

    /// Processes that look like the bridge or have its session open, besides the managed one and its relatives.
    ///
    /// # Errors
    /// If the process table can't be read in time.
    pub fn lookalikes(&mut self, managed: Option<Process>) -> Result<Vec<Lookalike>, String> {
        let family = self.family(managed, family::all);
        self.search_all(&family).map(|found| found.lookalikes)
    }

    /// Who holds the session's lock now, and the bridge's own processes.
    ///
    /// # Errors
    /// If the kernel can't be asked in time.
    pub fn session(&mut self) -> Result<(Session, Vec<u32>), String> {
        let family = self.family_now();
        let asked = self.session.now(family.clone(), self.environment.limits.read);
        Ok((self.with_the_bridge_known(asked.and_then(|session| session)?), family))
    }

    /// What the kernel says of the bridge's processes.
    pub fn life(&mut self, managed: Option<Process>) -> Fact<Life> {
        let family = self.family(managed, family::members);
        self.read_life(&family)
    }

    fn read_life(&mut self, family: &[u32]) -> Fact<Life> {
        life::look(&mut self.sockets, family, &self.environment.ranges).into()
    }

    /// The bridge's own processes, its manager asked again if the one that was known is gone.
    fn family_now(&mut self) -> Vec<u32> {
        let process = self.process().1.known().copied().flatten();
        self.family(process, family::all)
    }

    /// The managed process first, since its relatives may go at any time.
    fn family(&self, managed: Option<Process>, of: fn(u32, Option<&str>) -> Vec<u32>) -> Vec<u32> {
        let Some(pid) = managed.map(|managed| managed.id.pid) else { return Vec::new() };
        let mut family = of(pid, self.unit.as_deref());
        family.sort_by_key(|member| *member != pid);
        family
    }
}

fn run_of(job: &Job, process: Option<Process>) -> Run {
    (job.runs, job.run, process.map(|process| process.id))
}

fn known_run(facts: &Facts) -> Option<Run> {
    Some(run_of(facts.service.known()?, *facts.process.known()?))
}

/// A search that failed leaves both unknown.
fn known(found: Result<Found, String>) -> (Fact<Option<Process>>, Fact<Vec<Lookalike>>) {
    match found {
        Ok(found) => (Fact::Known(found.bridge), Fact::Known(found.lookalikes)),
        Err(why) => (Fact::Unknown(why.clone()), Fact::Unknown(why)),
    }
}

/// HEAD's summary without secrets, remembered: it is shown at each tick.
struct Summary {
    secrets: Secrets,
    /// Of this commit, with what was known as secret then.
    known: Option<((String, u64), String)>,
}

impl Summary {
    fn cleaned(&mut self, git: Git) -> Git {
        /// Of characters: what git itself shows of a summary.
        const SHOWN: usize = 72;
        let of = (git.head.clone(), self.secrets.generation());
        if self.known.as_ref().is_none_or(|(known, _)| *known != of) {
            let summary = self.secrets.without(&git.summary).chars().take(SHOWN).collect();
            self.known = Some((of, summary));
        }
        Git { summary: self.known.as_ref().map_or_else(String::new, |(_, summary)| summary.clone()), ..git }
    }
}

/// The smallest free space of the volumes that the bridge writes to.
fn disk(config: &Config) -> Result<Disk, String> {
    let mut smallest: Option<Disk> = None;
    for path in [config.root.join(contract::DATA), config.session.clone(), config.log.clone()] {
        let Some(there) = nearest(&path) else { continue };
        let disk = free(there)?;
        // The one with the least space.
        smallest = Some(match smallest {
            None => disk,
            Some(other) => {
                let scarcer = if disk.free < other.free { disk } else { other };
                let inodes = [disk.free_inodes, other.free_inodes].into_iter().flatten().min();
                Disk { free_inodes: inodes, ..scarcer }
            }
        });
    }
    smallest.ok_or_else(|| "no folder of the bridge is there".into())
}

/// A path that does not exist yet will be made in its nearest folder that does.
pub(crate) fn nearest(path: &Path) -> Option<&Path> {
    path.ancestors().find(|path| path.exists())
}

/// Of the volume that this is on.
pub(crate) fn free(there: &Path) -> Result<Disk, String> {
    let volume = rustix::fs::statvfs(there)
        .map_err(|error| format!("the free space of {} can't be asked for: {error}", there.display()))?;
    let free = volume.f_bavail.saturating_mul(volume.f_frsize);
    // Some file systems (btrfs) do not count inodes.
    let free_inodes = (volume.f_files > 0).then_some(volume.f_favail);
    let total = volume.f_blocks.saturating_mul(volume.f_frsize).max(1);
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    Ok(Disk { free, free_share: free as f64 / total as f64, free_inodes })
}
