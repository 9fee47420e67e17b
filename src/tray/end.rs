//! How the app ends. Whoever keeps it starts it again after every exit code but 0, so that 0 is Quit and nothing else.

/// `EX_SOFTWARE` of sysexits.h: a defect of ours.
pub const BROKEN: u8 = 70;

/// What the thread that keeps the watch has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Code(u8),
    /// Become ourselves anew: same process, same pid.
    Again,
}

/// The exit code of an end by a signal, as a shell says it.
pub fn by_signal(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(BROKEN)
}
