//! The clocks, read together.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(not(target_vendor = "apple"))]
use rustix::time::{ClockId, clock_gettime};

use crate::time::{Clock, Mono, Wall};

/// Both clocks and the zone, now.
pub fn now() -> Clock {
    Clock { wall: wall(), mono: mono(), zone: chrono::Local::now().offset().local_minus_utc() }
}

pub fn wall() -> Wall {
    epoch(SystemTime::now())
}

/// A file's time as seconds since 1970, negative before that.
pub fn epoch(time: SystemTime) -> Wall {
    let since = time.duration_since(UNIX_EPOCH);
    Wall(since.map_or_else(|before| -before.duration().as_secs_f64(), |since| since.as_secs_f64()))
}

/// Seconds of a clock that stops while the machine sleeps; it is the same in every process of this boot.
#[cfg(not(target_vendor = "apple"))]
pub fn mono() -> Mono {
    Mono(reading(ClockId::Monotonic).as_secs_f64())
}

/// The same. Darwin's CLOCK_MONOTONIC goes on during sleep, so it is CLOCK_UPTIME_RAW, which rustix does not name.
#[cfg(target_vendor = "apple")]
pub fn mono() -> Mono {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes only into `time`; the clock exists on every macOS that we run on.
    unsafe { libc::clock_gettime(libc::CLOCK_UPTIME_RAW, &raw mut time) };
    let since = Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0));
    Mono(since.as_secs_f64())
}

/// The time since the boot, sleep included: Linux counts a process's start from there.
#[cfg(target_os = "linux")]
pub fn since_boot() -> Duration {
    reading(ClockId::Boottime)
}

#[cfg(not(target_vendor = "apple"))]
fn reading(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    // Neither clock is negative, and a nanosecond is below 10^9.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
