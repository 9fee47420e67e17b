//! What a process has used: CPU seconds, resident kilobytes, programs started.

use rustix::time::{ClockId, clock_gettime};

/// CPU seconds of this process, all threads, also those that ended.
pub(crate) fn my_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds of CPU, and below 10^9")]
    let (seconds, nanos) = (time.tv_sec as f64, time.tv_nsec as f64);
    seconds + nanos / 1e9
}

/// Page faults of children that have ended. Every program that was started and waited for adds hundreds, so if this has
/// not changed, none was.
pub(crate) fn faults_of_children() -> i64 {
    // SAFETY: all zeros is a valid rusage, and the call writes only into it.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    usage.ru_minflt + usage.ru_majflt
}

/// CPU seconds of another process, all threads, also those that ended: to the nanosecond, where /proc/PID/stat counts
/// hundredths.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_of(pid: u32) -> f64 {
    let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: both calls write only into the values given.
    let failed = unsafe {
        libc::clock_getcpuclockid(i32::try_from(pid).unwrap_or(-1), &raw mut clock) != 0
            || libc::clock_gettime(clock, &raw mut time) != 0
    };
    assert!(!failed, "pid {pid} has no CPU clock: it ended");
    #[expect(clippy::cast_precision_loss, reason = "seconds of CPU, and below 10^9")]
    let (seconds, nanos) = (time.tv_sec as f64, time.tv_nsec as f64);
    seconds + nanos / 1e9
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_of(pid: u32) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of CPU")]
    let seconds = seen(pid, sysinfo::Process::accumulated_cpu_time) as f64 / 1e3;
    seconds
}

/// Resident megabytes (10^6 bytes) of another process. From the page tables: the counters of /proc/PID/statm may be
/// off by a quarter of a megabyte.
#[cfg(target_os = "linux")]
pub(crate) fn resident(pid: u32) -> f64 {
    mapped(pid, "Rss:")
}

/// The part of them that no other process shares and no file backs.
#[cfg(all(feature = "tray", target_os = "linux"))]
pub(crate) fn private(pid: u32) -> f64 {
    mapped(pid, "Private_Dirty:")
}

#[cfg(target_os = "linux")]
fn mapped(pid: u32, what: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("the process is there");
    let kilobytes =
        text.lines().find_map(|line| line.strip_prefix(what)?.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.map_or(f64::NAN, |kilobytes: f64| kilobytes * 1024.0 / 1e6)
}

/// How often the threads of a process came to run. Each wake-up is at least one.
#[cfg(all(feature = "tray", target_os = "linux"))]
pub(crate) fn switches(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process is there");
    let texts = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok());
    texts
        .map(|text| {
            let counts =
                text.lines().filter_map(|line| line.split_once("ctxt_switches:")?.1.trim().parse::<u64>().ok());
            counts.sum::<u64>()
        })
        .sum()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn resident(pid: u32) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "bytes of memory")]
    let megabytes = seen(pid, sysinfo::Process::memory) as f64 / 1e6;
    megabytes
}

#[cfg(not(target_os = "linux"))]
fn seen(pid: u32, look: impl Fn(&sysinfo::Process) -> u64) -> u64 {
    let pid = sysinfo::Pid::from_u32(pid);
    let mut system = sysinfo::System::new().expect("the process table");
    let kind = sysinfo::ProcessRefreshKind::nothing().with_cpu().with_memory();
    system.refresh_processes_specifics(sysinfo::ProcessesToUpdate::Some(&[pid]), true, kind);
    system.process(pid).map(look).expect("the process is there")
}
