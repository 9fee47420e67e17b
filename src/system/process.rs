//! Processes: which exist, since when, and the one door to signals.

use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::facts::{Identity, Process};
use crate::system::{clock, poll};

/// The process with this pid; `None` if there is none. A zombie counts as none.
pub fn find(pid: u32) -> Option<Process> {
    platform::find(pid)
}

/// Whether this very process is still there.
pub fn alive(id: Identity) -> bool {
    find(id.pid).is_some_and(|process| process.id == id)
}

/// Whether a pid from a file (another program's lock) is a process, even one that we may not look at.
pub fn exists(pid: u32) -> bool {
    raw(pid).is_some_and(|pid| match rustix::process::test_kill_process(pid) {
        Ok(()) => find(u32::try_from(pid.as_raw_nonzero().get()).unwrap_or(0)).is_some(),
        Err(error) => error == rustix::io::Errno::PERM,
    })
}

/// Whether `pid` was started by `ancestor`, directly or through others that still live.
pub fn descends_from(pid: u32, ancestor: u32) -> bool {
    // Bounded, since the chain of parents may change while it is read.
    std::iter::successors(Some(pid), |pid| platform::parent(*pid)).skip(1).take(32).any(|parent| parent == ancestor)
}

/// Who started it; after the death of that one, who adopted it.
pub fn parent(pid: u32) -> Option<u32> {
    platform::parent(pid)
}

/// The user that it belongs to; `None` if that can't be seen.
pub fn user(pid: u32) -> Option<u32> {
    platform::user(pid)
}

/// The user that we are.
pub fn our_user() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The names of this machine's users.
pub struct Names(Option<sysinfo::Users>);

impl Names {
    #[expect(clippy::new_without_default, reason = "it reads the list")]
    pub fn new() -> Names {
        Names(sysinfo::Users::new_with_refreshed_list().ok())
    }

    /// The name of the user that a process belongs to; the number where there is no name.
    pub fn of(&self, pid: u32) -> Option<String> {
        let number = user(pid)?;
        let id = sysinfo::Uid::try_from(usize::try_from(number).ok()?).ok();
        let known = id.and_then(|id| self.0.as_ref()?.get_user_by_id(&id));
        Some(known.map_or_else(|| number.to_string(), |user| user.name().to_owned()))
    }
}

/// Whoever has this process group. A group that no longer has its leader keeps its number.
pub fn members_of_group(group: u32) -> Vec<u32> {
    platform::members_of_group(group)
}

/// How long all its threads have run, in nanoseconds; for one call of the kernel, however many they are.
#[cfg(target_os = "linux")]
pub fn cpu_time(pid: u32) -> Option<u64> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0)?;
    let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: both write only into the value that they are given; a process that is gone is an error.
    let done = unsafe {
        libc::clock_getcpuclockid(pid, &raw mut clock) == 0 && libc::clock_gettime(clock, &raw mut time) == 0
    };
    done.then(|| u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// Whether it has a controlling terminal.
pub fn has_terminal(pid: u32) -> bool {
    platform::has_terminal(pid)
}

/// Sends a signal to this very process: its start stamp is read again right before, on Linux while we hold its pidfd,
/// so that no other process can get it.
///
/// # Errors
/// If the kernel refuses. It is no error if the process is gone.
pub fn signal(id: Identity, signal: Signal) -> Result<(), String> {
    match platform::signal(id, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(format!("pid {} can't be signalled: {error}", id.pid)),
    }
}

/// Waits until this process is gone, at most for `limit`.
pub fn gone_within(id: Identity, limit: Duration) -> bool {
    poll::until(limit, || !alive(id))
}

/// All pids in rising order; cheap, since no process is asked for details.
///
/// # Errors
/// If the process table can't be listed.
pub fn pids() -> Result<Vec<u32>, String> {
    let mut pids = platform::pids().map_err(|error| format!("the process table can't be listed: {error}"))?;
    pids.sort_unstable();
    Ok(pids)
}

/// The newest pid that the kernel has assigned, to a process or a thread; `None` if it does not say.
pub fn newest() -> Option<u32> {
    platform::newest()
}

/// Whether there is a process (no thread) with this pid. Cheap if there is none.
pub fn is_there(pid: u32) -> bool {
    platform::is_there(pid)
}

/// One heap for all threads. glibc gives each thread a heap of its own and keeps what was ever used in it: half a
/// megabyte after the first message, for threads that never run at the same time. Call it before there are threads.
pub fn single_arena() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets a number in the allocator; a refusal changes nothing.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// From now on this process leaves no core dump: the bot's token would be in it. One byte and not none: where the dump
/// goes to a program (systemd-coredump), Linux takes only this value for a refusal. What we start inherits it, and may
/// raise it again.
pub fn no_core_dump() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Core);
    limit.current = Some(limit.maximum.map_or(1, |most| most.min(1)));
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, limit);
}

/// Returns unused heap to the kernel: a quarter of a megabyte after the first look, which asks every process, or after
/// an incident.
pub fn trim_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: only frees what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(target_os = "linux")]
pub(in crate::system) use platform::stat;

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

#[cfg(target_os = "linux")]
pub fn pidfd(pid: u32) -> Option<std::os::fd::OwnedFd> {
    rustix::process::pidfd_open(raw(pid)?, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(target_os = "linux")]
mod platform {
    use std::io::Read;

    use super::{Identity, Process, Signal, clock, raw};
    use crate::time::span;
    use rustix::io::Errno;

    /// The fields of proc(5) from the third on: the second, the name in parentheses, may contain anything, even parentheses.
    pub(in crate::system) fn stat(pid: u32) -> Option<String> {
        // One call of the kernel: `fs::read` begins with 32 bytes, and a tick reads several. The 52 fields have less than this.
        let mut whole = [0; 2048];
        let length =
            std::fs::File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read(&mut whole)).ok()?;
        let stat = &whole[..length];
        let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
        std::str::from_utf8(&stat[after..]).ok().map(str::to_owned)
    }

    pub(super) fn find(pid: u32) -> Option<Process> {
        let stat = stat(pid)?;
        let fields: Vec<&str> = stat.split_ascii_whitespace().collect();
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        // Field 22 of proc(5), counted from the third.
        let start: u64 = fields.get(19)?.parse().ok()?;
        #[expect(clippy::cast_precision_loss, reason = "ticks since boot")]
        let started = span(start as f64 / rustix::param::clock_ticks_per_second() as f64);
        // In this order: where we are interrupted in between, the start seems earlier and never later than it was.
        let now = clock::wall();
        let age = clock::since_boot().saturating_sub(started);
        Some(Process { id: Identity { pid, start }, started: now - age, age })
    }

    /// A field of proc(5), counted from 1; the third and later ones only.
    fn field(pid: u32, number: usize) -> Option<i64> {
        stat(pid)?.split_ascii_whitespace().nth(number - 3)?.parse().ok()
    }

    pub(super) fn parent(pid: u32) -> Option<u32> {
        u32::try_from(field(pid, 4)?).ok()
    }

    fn group(pid: u32) -> Option<u32> {
        u32::try_from(field(pid, 5)?).ok()
    }

    /// The real one. Not the owner of /proc/PID, which is root where a process may not be looked into.
    pub(super) fn user(pid: u32) -> Option<u32> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_ascii_whitespace().next()?.parse().ok()
    }

    /// The kernel has no list: every process is asked.
    pub(super) fn members_of_group(leader: u32) -> Vec<u32> {
        pids().unwrap_or_default().into_iter().filter(|pid| group(*pid) == Some(leader)).collect()
    }

    pub(super) fn has_terminal(pid: u32) -> bool {
        field(pid, 7).is_some_and(|device| device != 0)
    }

    pub(super) fn signal(id: Identity, signal: Signal) -> rustix::io::Result<()> {
        let pidfd = rustix::process::pidfd_open(raw(id.pid).ok_or(Errno::SRCH)?, rustix::process::PidfdFlags::empty())?;
        if find(id.pid).is_none_or(|process| process.id != id) {
            return Err(Errno::SRCH);
        }
        rustix::process::pidfd_send_signal(pidfd, signal)
    }

    /// The last field of /proc/loadavg (proc(5)).
    pub(super) fn newest() -> Option<u32> {
        std::fs::read_to_string("/proc/loadavg").ok()?.split_ascii_whitespace().last()?.parse().ok()
    }

    /// The kernel knows threads by their ids too, but opens a pidfd only for a process.
    pub(super) fn is_there(pid: u32) -> bool {
        let there = |pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH);
        raw(pid).is_some_and(there) && super::pidfd(pid).is_some()
    }

    /// Read raw: the standard library allocates twice for each of several hundred names, at each tick.
    pub(super) fn pids() -> std::io::Result<Vec<u32>> {
        let proc = std::fs::File::open("/proc")?;
        let mut buffer = [const { std::mem::MaybeUninit::uninit() }; 16 << 10];
        let mut entries = rustix::fs::RawDir::new(&proc, &mut buffer);
        let mut pids = Vec::new();
        while let Some(entry) = entries.next() {
            pids.extend(entry?.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()));
        }
        Ok(pids)
    }
}

#[cfg(target_vendor = "apple")]
mod platform {
    use super::{Identity, Process, Signal, clock, raw};
    use crate::time::Wall;
    use libproc::bsd_info::BSDInfo;
    use rustix::io::Errno;

    /// `proc_pidinfo` fails for a zombie, which is what we want.
    pub(super) fn find(pid: u32) -> Option<Process> {
        let info = libproc::proc_pid::pidinfo::<BSDInfo>(i32::try_from(pid).ok()?, 0).ok()?;
        let start = info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec;
        #[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 fit into 52 bits")]
        let started = Wall(start as f64 / 1e6);
        Some(Process { id: Identity { pid, start }, started, age: clock::wall().since(started) })
    }

    pub(super) fn parent(pid: u32) -> Option<u32> {
        let info = libproc::proc_pid::pidinfo::<BSDInfo>(i32::try_from(pid).ok()?, 0).ok()?;
        Some(info.pbi_ppid)
    }

    pub(super) fn user(pid: u32) -> Option<u32> {
        let info = libproc::proc_pid::pidinfo::<BSDInfo>(i32::try_from(pid).ok()?, 0).ok()?;
        Some(info.pbi_ruid)
    }

    pub(super) fn members_of_group(leader: u32) -> Vec<u32> {
        let group = libproc::processes::ProcFilter::ByProgramGroup { pgrpid: leader };
        libproc::processes::pids_by_type(group).unwrap_or_default()
    }

    /// `NODEV` is all bits set.
    pub(super) fn has_terminal(pid: u32) -> bool {
        let pid = i32::try_from(pid).ok();
        let info = pid.and_then(|pid| libproc::proc_pid::pidinfo::<BSDInfo>(pid, 0).ok());
        info.is_some_and(|info| info.e_tdev != u32::MAX)
    }

    pub(super) fn signal(id: Identity, signal: Signal) -> rustix::io::Result<()> {
        let pid = raw(id.pid).ok_or(Errno::SRCH)?;
        if find(id.pid).is_none_or(|process| process.id != id) {
            return Err(Errno::SRCH);
        }
        rustix::process::kill_process(pid, signal)
    }

    /// Not known on macOS; a list costs little there: libproc fills an array.
    pub(super) fn newest() -> Option<u32> {
        None
    }

    pub(super) fn is_there(pid: u32) -> bool {
        find(pid).is_some()
    }

    pub(super) fn pids() -> std::io::Result<Vec<u32>> {
        libproc::processes::pids_by_type(libproc::processes::ProcFilter::All)
    }
}
