//! Supervises the watch, and makes sure that the process ends. A watch that panicked or has missed two ticks is worse
//! than none, since the icon looks as if it worked: the error is shown for a moment, then the process ends non-zero and
//! its manager starts it again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use bridge_watchdog::secrets::Secrets;
use bridge_watchdog::system::clock;
use bridge_watchdog::system::journal::Journal;
use bridge_watchdog::text::time::at;
use bridge_watchdog::watch::commands::{Command, CommandSender};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::end::{self, BROKEN, End, LEAVING};
use super::message::Call;
use super::panics::words_of;
use super::say::say;
use super::shared_state::SharedState;

/// Long enough for a person to see why the icon will disappear.
const SHOWN: Duration = Duration::from_secs(5);
/// The watch ends at once unless a rung is in a call to another program, and each of those has its own limit. To cut it
/// off here is like a kill, which does no harm.
const ENDING: Duration = Duration::from_secs(10);

pub(super) struct WatchThread {
    pub handle: CommandSender,
    pub calls: Receiver<Call>,
    /// Two ticks, and a call to another program.
    pub limit: Duration,
    /// If the whole process was stopped (SIGSTOP, a debugger) both threads wake at the same time, and the watch needs a
    /// moment.
    pub grace: Duration,
    pub shared: Arc<SharedState>,
    pub state: PathBuf,
    /// Done when the watch is over.
    pub last: Box<dyn FnOnce() + Send>,
}

impl WatchThread {
    /// Supervises in a thread of its own; `tell` gets the end.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub(super) fn start(self, tell: Sender<End>) -> Result<(), String> {
        let thread = std::thread::Builder::new().name("watch_thread".into());
        let run = move || {
            let end = keep(&self.handle, &self.calls, self.limit, self.grace).unwrap_or_else(|why| {
                say(&format!("the watch has ended: {why}; ending, to be started again"));
                note(self.state, format!("the watch has ended: {why}; the app ends"));
                self.shared.change(|state| state.lost = Some(why));
                std::thread::sleep(SHOWN);
                End::Code(BROKEN)
            });
            (self.last)();
            self.shared.change(|state| state.end = Some(end));
            let _ = tell.send(end);
            std::thread::sleep(LEAVING);
            if let End::Code(code) = end {
                std::process::exit(i32::from(code));
            }
        };
        thread.spawn(run).map(drop).map_err(|error| no_thread(&error))
    }
}

/// Runs `watch` in a thread; its end, or its panic, is sent as a call.
///
/// # Errors
/// Where the machine gives no thread.
pub(super) fn watching(calls: Sender<Call>, watch: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let thread = std::thread::Builder::new().name("watch".into());
    let run = move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(watch));
        let _ = calls.send(Call::Over(result.err().map(|payload| words_of(&*payload))));
    };
    thread.spawn(run).map(drop).map_err(|error| no_thread(&error))
}

/// Sends SIGTERM and SIGINT as calls. They end us non-zero; only Quit ends us with 0.
///
/// # Errors
/// If signals can't be received.
pub(super) fn signals(calls: Sender<Call>) -> Result<(), String> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| format!("signals can't be heard: {error}"))?;
    let thread = std::thread::Builder::new().name("signals".into());
    let listen = move || {
        // Until the receiver is gone.
        let _ = signals.forever().try_for_each(|signal| calls.send(Call::Signal(signal)));
    };
    thread.spawn(listen).map(drop).map_err(|error| no_thread(&error))
}

/// Waits for the end.
///
/// # Errors
/// Why the watch has ended.
fn keep(handle: &CommandSender, calls: &Receiver<Call>, limit: Duration, grace: Duration) -> Result<End, String> {
    let mut asked: Option<End> = None;
    let mut beat = clock::now();
    loop {
        let (end, patience) = match asked {
            Some(end) => (end, ENDING),
            None => (End::Code(BROKEN), limit),
        };
        let call = match calls.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) if asked.is_none() => calls.recv_timeout(grace),
            other => other,
        };
        let wish = match call {
            Ok(Call::Beat) => {
                beat = clock::now();
                continue;
            }
            Ok(Call::Over(Some(why))) => return Err(format!("the watch broke down ({why})")),
            Ok(Call::Over(None)) | Err(_) if asked.is_some() => return Ok(end),
            Ok(Call::Over(None)) => return Err("the watch ended by itself".into()),
            Err(_) => return Err(format!("the watch has not answered since {}", at(beat.wall, clock::now()))),
            Ok(Call::Signal(signal)) => End::Code(end::of_signal(signal)),
            Ok(Call::Quit) => End::Code(0),
            Ok(Call::Again) => End::Again,
        };
        asked = Some(wish);
        handle.send(Command::Quit);
    }
}

/// In a thread: the journal itself may be what stalled the watch.
fn note(state: PathBuf, line: String) {
    // A sentence of our own.
    std::thread::spawn(move || Journal::new(&state, Secrets::default(), false).note(&line));
}

fn no_thread(error: &std::io::Error) -> String {
    format!("the machine gives no thread: {error}")
}
