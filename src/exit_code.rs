//! The exit codes, which scripts rely on. Defined here only.

use crate::verdict::State;

/// Healthy or starting, or the act worked and its effect was seen.
pub const OK: u8 = 0;
/// Unhealthy or degraded, or the act failed.
pub const FAILED: u8 = 1;
/// Wrong usage or configuration.
pub const USAGE: u8 = 2;
/// A fact that is needed to decide is unknown.
pub const UNKNOWN: u8 = 3;
/// Standing still on purpose.
pub const STANDING_STILL: u8 = 4;
/// A defect of ours (`EX_SOFTWARE` of sysexits.h).
pub const BROKEN: u8 = 70;
/// Another recovery is in progress (`EX_TEMPFAIL` of sysexits.h).
pub const BUSY: u8 = 75;

/// The exit code of a command that looks.
pub fn of(state: State) -> u8 {
    match state {
        State::Healthy | State::Starting => OK,
        State::Degraded | State::Unhealthy => FAILED,
        State::Unknown => UNKNOWN,
        State::Waiting | State::Stopped => STANDING_STILL,
    }
}

/// The exit code after a signal from outside, as a shell reports it.
pub fn of_signal(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(BROKEN)
}
