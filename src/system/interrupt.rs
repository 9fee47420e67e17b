//! Ctrl-C at a question. The prompt has the terminal without echo then, and hides its cursor: both are put back first.
//! What is being written is written to its end.

use std::io::IsTerminal;
use std::process::exit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// While it is held nobody ends this process, except by SIGKILL.
pub type Whole<'a> = MutexGuard<'a, bool>;

/// From now on a signal ends this process in good order.
#[derive(Clone)]
pub struct Interrupt(Arc<Mutex<bool>>);

impl Interrupt {
    /// `last_words` says whether the configuration was written by then.
    ///
    /// # Errors
    /// If signals can't be heard.
    pub fn begin(last_words: fn(written: bool) -> &'static str) -> Result<Interrupt, String> {
        let failed = |error: std::io::Error| format!("signals can't be heard: {error}");
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(failed)?;
        let before = tcgetattr(std::io::stdin()).ok();
        let written = Arc::new(Mutex::new(false));
        let shared = written.clone();
        let thread = std::thread::Builder::new().name("interrupt".into());
        let listen = move || {
            let Some(signal) = signals.forever().next() else { return };
            let written = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(before) = before {
                let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
            }
            super::progress::clear();
            // A question shows its cursor again only when it has been answered.
            let shown = if std::io::stderr().is_terminal() { "\x1b[?25h" } else { "" };
            crate::errln!("{shown}\nbridge-watchdog: {}", last_words(*written));
            exit(128 + signal);
        };
        thread.spawn(listen).map_err(failed)?;
        Ok(Interrupt(written))
    }

    /// Set it to true when all is written.
    pub fn whole(&self) -> Whole<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A person can be asked: the questions are read from the one and shown on the other.
pub fn on_a_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
