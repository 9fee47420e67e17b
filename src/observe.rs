//! Gathers facts. Looks, and never writes.
//!
//! A shallow look is taken at each tick and is cheap: while the process is alive with the same start stamp the service
//! manager is not asked, and no program is started. A deep look is for when something is wrong, and for `check`.

use std::time::{Duration, Instant};

use crate::config::Config;
use crate::contract;
use crate::facts::{
    Disk, Event, Fact, Facts, Git, Identity, Job, Log, Markers, MissingProgram, Process, Role, Session,
};
use crate::limits::Environment;
use crate::system::connection::Sockets;
use crate::system::crashes::CrashLog;
use crate::system::git::Checkout;
use crate::system::log::Tail;
use crate::system::new_processes::NewProcesses;
use crate::system::poll::Deadline;
use crate::system::process_table::{self, ProcessMatch, ProcessSearch};
use crate::system::service::Service;
use crate::system::timed::Timed;
use crate::system::{clock, connection, log_end, markers, process, program, session};

/// Looks again and again, and remembers how far it has read.
pub struct Observer {
    config: Config,
    environment: Environment,
    service: Service,
    process_search: ProcessSearch,
    new_processes: NewProcesses,
    sockets: Sockets,
    /// The last answer of the manager, valid while its process lives.
    job: Option<(Identity, Job)>,
    log: Timed<Option<Identity>, Result<Log, String>>,
    crash_log: Timed<(), Result<Vec<Event>, String>>,
    git: Timed<bool, Result<Git, String>>,
    files: Timed<(), (Result<Markers, String>, Result<Disk, String>)>,
    missing_program: Timed<(), Option<MissingProgram>>,
    session: Timed<Option<u32>, Result<Session, String>>,
    log_end: Timed<(), Vec<Vec<String>>>,
}

/// A manager reaps within milliseconds. If it has not within this time, the next look will see it.
const REAPED: Duration = Duration::from_millis(500);

impl Observer {
    pub fn new(config: &Config, environment: &Environment, service: &Service) -> Observer {
        let mut tail =
            Tail::new(&config.log, &config.error_log, environment.limits.repeat_window, config.secrets.clone());
        let crash_log = config.data(contract::CRASH_HISTORY);
        let mut crash_log = CrashLog::new(crash_log, environment.limits.crash_window, config.secrets.clone());
        let (mut checkout, files, program) = (Checkout::new(&config.root), config.clone(), config.clone());
        let secrets = config.secrets.clone();
        let (database, logs) = (config.session.clone(), [config.error_log.clone(), config.log.clone()]);
        Observer {
            config: config.clone(),
            environment: environment.clone(),
            service: service.clone(),
            process_search: ProcessSearch::new(ProcessMatch::of(config), environment.limits.read),
            new_processes: NewProcesses::default(),
            sockets: Sockets::default(),
            job: None,
            log: Timed::new("log", move |run| tail.look(run)),
            crash_log: Timed::new("crash_log", move |()| crash_log.recent()),
            git: Timed::new("git", move |deep| checkout.head(deep)),
            files: Timed::new("files", move |()| (markers::read(&files), disk(&files))),
            missing_program: Timed::new("program", move |()| program::missing(&program.root, program.program.first()?)),
            session: Timed::new("session", move |pid| session::look(&database, pid)),
            log_end: Timed::new("log end", move |()| {
                logs.each_ref().map(|path| log_end::of(path, 15, &secrets)).into()
            }),
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

    /// Adds what a shallow look leaves out. The log is not looked at again, since its new bytes were taken already.
    pub fn deepen(&mut self, facts: &mut Facts) {
        // A manager that has just not answered in time would only time out once more.
        if facts.service.known().is_some() {
            self.job = None;
            (facts.service, facts.process) = self.process();
        }
        let pid = facts.running().map(|process| process.id.pid);
        facts.duplicates = self.process_search.all().map(|found| process_table::copies(found, pid)).into();
        facts.sockets = self.sockets(pid);
        self.git.ask(true);
        let limit = self.environment.limits.read;
        let session = self.session.now(pid, limit).and_then(|session| session);
        facts.session = session.map(|session| self.with_the_bridge_known(session)).into();
        facts.git = self.git.answer(self.deadline()).and_then(|git| git).into();
        facts.missing_program = self.missing_program.now((), limit).into();
        if let Fact::Known(log) = &mut facts.log {
            log.ends = self.log_end.now((), limit).unwrap_or_default();
        }
    }

    /// Whether any of Telegram's data centres answers. Asked only when it may decide.
    pub fn network(&self) -> Fact<bool> {
        connection::online(&self.environment.data_centres, self.environment.limits.connect).into()
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
    fn ask_manager(&self) -> Result<Job, String> {
        let deadline = Deadline::after(REAPED);
        loop {
            let job = self.service.status()?;
            if job.pid.is_none_or(|pid| process::find(pid).is_some()) || deadline.left().is_none() {
                return Ok(job);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn look(&mut self, deep: bool) -> Facts {
        self.crash_log.ask(());
        self.git.ask(deep);
        self.files.ask(());
        let (service, process) = self.process();
        // After the process: if it is gone, its last lines are in the log by then, and they give its death its class.
        let run = process.known().copied().flatten().map(|process| process.id);
        self.log.ask(run);
        let pid = run.map(|run| run.pid);
        let fresh = self.new_processes.matching(&mut self.process_search, pid);
        let duplicates = fresh.map(|found| process_table::copies(found, pid)).into();
        let sockets = self.sockets(pid);
        let deadline = self.deadline();
        let (markers, disk) = match self.files.answer(deadline) {
            Ok((markers, disk)) => (markers.into(), disk.into()),
            Err(why) => (Fact::Unknown(why.clone()), Fact::Unknown(why)),
        };
        Facts {
            clock: clock::now(),
            service,
            process,
            duplicates,
            log: self.log.answer_even_if_late(deadline).and_then(|log| log).into(),
            session: Fact::Unknown("looked at only when something is wrong".into()),
            sockets,
            network: None,
            crashes: self.crash_log.answer(deadline).and_then(|events| events).into(),
            git: self.git.answer(deadline).and_then(|git| git).into(),
            disk,
            missing_program: Fact::Unknown("looked at only when something is wrong".into()),
            markers,
            holds: markers::holds(&self.config),
        }
    }

    /// A bridge that came up after the manager was asked would look like a stranger that holds the lock, so the manager
    /// is asked again.
    fn with_the_bridge_known(&mut self, mut session: Session) -> Session {
        if session.holders.iter().any(|holder| holder.role == Role::Stranger) {
            let pid = self.process().1.known().copied().flatten().map(|process| process.id.pid);
            for holder in session.holders.iter_mut().filter(|holder| Some(holder.pid) == pid) {
                holder.role = Role::Bridge;
            }
        }
        session
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.environment.limits.read
    }

    fn sockets(&mut self, pid: Option<u32>) -> Fact<u32> {
        match pid {
            Some(pid) => self.sockets.count(pid, &self.environment.ranges).into(),
            None => Fact::Unknown("there is no process that could be connected".into()),
        }
    }
}

/// The smallest free space of the volumes that the bridge writes to.
fn disk(config: &Config) -> Result<Disk, String> {
    let mut smallest: Option<Disk> = None;
    for path in [config.root.join(contract::DATA), config.session.clone(), config.log.clone()] {
        // A path that does not exist yet will be made in its nearest folder that does.
        let Some(there) = path.ancestors().find(|path| path.exists()) else { continue };
        let volume = rustix::fs::statvfs(there)
            .map_err(|error| format!("the free space of {} can't be asked for: {error}", there.display()))?;
        let free = volume.f_bavail.saturating_mul(volume.f_frsize);
        // Some file systems (btrfs) do not count inodes.
        let free_inodes = (volume.f_files > 0).then_some(volume.f_favail);
        let total = volume.f_blocks.saturating_mul(volume.f_frsize).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let disk = Disk { free, free_share: free as f64 / total as f64, free_inodes };
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
