//! How the app ends. Whoever keeps it starts it again after every exit code but 0, so that 0 is Quit and nothing else.

use std::time::Duration;

pub use bridge_watchdog::exit_code::{BROKEN, of_signal};
use signal_hook::consts::SIGTERM;

/// The watch and the event loop wait for each other no longer than this: a loop that hangs on a dead display must not keep
/// us, nor a rung in a call out keep a logout.
pub const LEAVING: Duration = Duration::from_secs(5);

/// What the thread that keeps the watch has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Code(u8),
    /// Become ourselves anew: same process, same pid.
    Again,
}

/// The exit code when the event loop is over. Where nobody had decided that it should be (macOS's `terminate:`: Activity
/// Monitor, a logout that is then cancelled, a script's quit) somebody else asked us to go, as a SIGTERM does, and that is
/// how it is said: it was no Quit, which would leave nobody watching, and no defect of ours.
pub fn exit_code(decided: Option<End>) -> u8 {
    match decided {
        Some(End::Code(code)) => code,
        // Whoever still gets here could not become ourselves.
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
