//! What the kernel says of the bridge's processes together: CPU time, whether they are stopped, their connections.

use std::time::Duration;

use ipnet::IpNet;

use crate::facts::Life;
use crate::system::connection::Sockets;

/// Reads the family (the managed process first); connections are those into `ranges`, see [`Sockets::look`].
///
/// # Errors
/// If the first of the family can't be looked at.
pub fn look(sockets: &mut Sockets, family: &[u32], ranges: &[IpNet]) -> Result<Life, String> {
    let Some(&managed) = family.first() else { return Err("there is no process that could live".into()) };
    let connections = sockets.look(family, ranges)?;
    let speaker = sockets.owner(family, ranges).unwrap_or(managed);
    let mut life = Life { connections, ..Life::default() };
    for seen in platform::readings(family) {
        life.cpu += seen.cpu;
        life.ran = life.ran.wrapping_add(seen.ran);
        life.stopped |= seen.stopped && seen.pid == speaker;
    }
    Ok(life)
}

/// What one process shows.
struct Reading {
    pid: u32,
    /// Its own, and that of its children that ended; on Linux also the time in which it waited for a CPU.
    cpu: Duration,
    /// Changes whenever it ran.
    ran: u64,
    stopped: bool,
}

#[cfg(target_os = "linux")]
mod platform {
    use std::time::Duration;

    use super::Reading;
    use crate::system::process;
    use crate::time::span;

    pub(super) fn readings(family: &[u32]) -> Vec<Reading> {
        family.iter().filter_map(|pid| reading(*pid)).collect()
    }

    /// proc(5): field 3 the state, 14 to 17 the CPU time in ticks: its own in user and system mode, then its children's.
    fn reading(pid: u32) -> Option<Reading> {
        let stat = process::stat(pid)?;
        let fields: Vec<&str> = stat.split_ascii_whitespace().collect();
        let ticks: u64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
        #[expect(clippy::cast_precision_loss, reason = "ticks")]
        let cpu = span(ticks as f64 / rustix::param::clock_ticks_per_second() as f64);
        let (ran, waited) = scheduled(pid);
        // A machine at its limits takes the CPU away from who wants to work: that is no idleness.
        let cpu = cpu + Duration::from_nanos(waited);
        let ran = process::cpu_time(pid).unwrap_or(ran);
        Some(Reading { pid, cpu, ran: ticks.wrapping_add(ran), stopped: fields.first() == Some(&"T") })
    }

    /// How long the first thread, which mostly runs the event loop, ran and how long it waited for a CPU, in nanoseconds. A
    /// tick is 10 ms, and a quiet bridge may use less in 5 min.
    fn scheduled(pid: u32) -> (u64, u64) {
        let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
        let mut fields = text.split_ascii_whitespace().map(|field| field.parse().unwrap_or(0));
        (fields.next().unwrap_or(0), fields.next().unwrap_or(0))
    }
}

#[cfg(target_vendor = "apple")]
mod platform {
    use std::time::Duration;

    use libproc::bsd_info::BSDInfo;
    use libproc::proc_pid::pidinfo;
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

    use super::Reading;

    /// `SSTOP` in sys/proc.h.
    const STOPPED: u32 = 4;

    /// libproc counts CPU time in units that differ by processor; sysinfo knows them.
    pub(super) fn readings(family: &[u32]) -> Vec<Reading> {
        let pids: Vec<Pid> = family.iter().map(|&pid| Pid::from_u32(pid)).collect();
        let Ok(mut system) = System::new() else { return Vec::new() };
        let kind = ProcessRefreshKind::nothing().with_cpu().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, kind);
        system.processes().values().map(reading).collect()
    }

    fn reading(process: &sysinfo::Process) -> Reading {
        let pid = process.pid().as_u32();
        let milliseconds = process.accumulated_cpu_time();
        let info = i32::try_from(pid).ok().and_then(|pid| pidinfo::<BSDInfo>(pid, 0).ok());
        Reading {
            pid,
            cpu: Duration::from_millis(milliseconds),
            ran: milliseconds,
            stopped: info.is_some_and(|info| info.pbi_status == STOPPED),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;
    use crate::system::process;

    #[test]
    fn a_process_that_runs_and_one_that_is_stopped_are_told_apart() {
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let family = [child.id()];
        let look = || look(&mut Sockets::default(), &family, &[]).unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        let first = look();
        while look().cpu <= first.cpu || look().ran == first.ran {
            assert!(Instant::now() < until, "it runs: {first:?}");
        }
        assert!(!look().stopped);
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        while !look().stopped {
            assert!(Instant::now() < until, "it is stopped");
        }
        let (once, again) = (look(), look());
        assert_eq!((once.cpu, once.ran), (again.cpu, again.ran));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// An event loop may run in any of its threads.
    #[test]
    fn a_second_thread_that_runs_is_seen() {
        let script = "import threading, time\n\
            def run():\n    while True: time.sleep(0.001)\n\
            threading.Thread(target=run, daemon=True).start()\nprint('ready', flush=True)\ntime.sleep(600)\n";
        let mut python = Command::new("python3");
        let Ok(mut child) = python.args(["-c", script]).stdout(std::process::Stdio::piped()).spawn() else {
            println!("SKIPPED: there is no python3");
            return;
        };
        let mut ready = [0; 5];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let first = process::cpu_time(child.id()).unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        // Less than a tick.
        while process::cpu_time(child.id()).unwrap() == first {
            assert!(Instant::now() < until, "its second thread runs");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(process::cpu_time(child.id()), None);
    }

    #[test]
    fn who_is_not_there_is_an_error_and_no_death() {
        assert!(look(&mut Sockets::default(), &[u32::MAX >> 1], &[]).is_err());
        assert!(look(&mut Sockets::default(), &[], &[]).is_err());
    }
}
