//! The clocks, read together.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::facts::{Clock, Epoch};

/// Both clocks and the zone, now.
pub fn now() -> Clock {
    Clock { wall: wall(), mono: mono(), zone: chrono::Local::now().offset().local_minus_utc() }
}

pub fn wall() -> Epoch {
    epoch(SystemTime::now())
}

/// A time of a file as seconds since 1970; before that it is negative.
pub fn epoch(time: SystemTime) -> Epoch {
    time.duration_since(UNIX_EPOCH).map_or_else(|before| -before.duration().as_secs_f64(), |since| since.as_secs_f64())
}

/// Seconds of a clock that stands still while the machine sleeps, the same in every process of this boot.
pub fn mono() -> f64 {
    // Darwin's CLOCK_MONOTONIC goes on during sleep; Linux's stands still.
    #[cfg(target_vendor = "apple")]
    let id = ClockId::UptimeRaw;
    #[cfg(not(target_vendor = "apple"))]
    let id = ClockId::Monotonic;
    seconds(id)
}

/// Seconds since the boot, sleep included: what Linux counts a process's start from.
#[cfg(target_os = "linux")]
pub fn since_boot() -> f64 {
    seconds(ClockId::Boottime)
}

fn seconds(id: ClockId) -> f64 {
    let time = clock_gettime(id);
    #[expect(clippy::cast_precision_loss, reason = "2^52 seconds are long enough")]
    let seconds = time.tv_sec as f64;
    #[expect(clippy::cast_precision_loss, reason = "below 10^9")]
    let nanos = time.tv_nsec as f64;
    seconds + nanos / 1e9
}
