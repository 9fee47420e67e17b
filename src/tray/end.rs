//! How the app ends. Its manager starts it again after every exit code but 0, so 0 means Quit and nothing else.

use std::time::Duration;

pub(super) use bridge_watchdog::exit_code::{BROKEN, of_signal};
use signal_hook::consts::SIGTERM;

/// The watch and the event loop wait for each other no longer than this: a loop that hangs on a dead display must not
/// keep us from ending, and a rung in a long call must not delay a logout.
pub(super) const LEAVING: Duration = Duration::from_secs(5);

/// What the thread that supervises the watch has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Code(u8),
    /// Start the same program again in this process, with the same pid.
    Again,
}

/// The exit code when the event loop is over. If we had not decided to end (macOS's `terminate:`: Activity Monitor, a
/// logout that is then cancelled, a script's quit), it counts as a SIGTERM: not as Quit, after which nothing would
/// watch any more, and not as a defect of ours.
pub(super) fn exit_code(decided: Option<End>) -> u8 {
    match decided {
        Some(End::Code(code)) => code,
        // We only get here if the new start failed.
        Some(End::Again) => BROKEN,
        None => of_signal(SIGTERM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_quit_is_0() {
        let rows = [
            ("Quit in the menu", Some(End::Code(0)), 0),
            ("SIGTERM", Some(End::Code(of_signal(SIGTERM))), 143),
            ("Ctrl-C", Some(End::Code(of_signal(2))), 130),
            ("the watch has ended", Some(End::Code(BROKEN)), 70),
            ("the bus is back, and we could not start anew", Some(End::Again), 70),
            ("terminate: on macOS", None, 143),
        ];
        for (end, decided, code) in rows {
            assert_eq!(exit_code(decided), code, "{end}");
        }
    }
}
