//! Sees to it that the watch lives and that everything has an end. A watch that panicked or has missed two ticks is worse
//! than none, since it looks like one: it is shown for a moment, then the process ends non-zero and is started again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

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

/// A person should see why the icon goes.
const SHOWN: Duration = Duration::from_secs(5);
/// The watch ends at once unless a rung is in a call out, and each of those has its own limit. What is cut off here is
/// what a kill would cut off, which harms nothing.
const ENDING: Duration = Duration::from_secs(10);

pub struct WatchThread {
    pub handle: CommandSender,
    pub calls: Receiver<Call>,
    /// Two ticks, and a call out.
    pub limit: Duration,
    /// Where the whole process stood still (SIGSTOP, a debugger) both threads wake at once, and the watch needs a moment.
    pub grace: Duration,
    pub shared: Arc<SharedState>,
    pub state: PathBuf,
    /// Done when the watch is over.
    pub last: Box<dyn FnOnce() + Send>,
}

impl WatchThread {
    /// Keeps, in a thread of its own; `tell` hears of the end.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn start(self, tell: Sender<End>) -> Result<(), String> {
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

/// Runs `watch` in a thread; its end, or its panic, is a call.
///
/// # Errors
/// Where the machine gives no thread.
pub fn watching(calls: Sender<Call>, watch: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let thread = std::thread::Builder::new().name("watch".into());
    let run = move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(watch));
        let _ = calls.send(Call::Over(result.err().map(|payload| words_of(&*payload))));
    };
    thread.spawn(run).map(drop).map_err(|error| no_thread(&error))
}

/// SIGTERM and SIGINT are calls. They end us non-zero: only Quit means it.
///
/// # Errors
/// Where signals can't be heard.
pub fn signals(calls: Sender<Call>) -> Result<(), String> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| format!("signals can't be heard: {error}"))?;
    let thread = std::thread::Builder::new().name("signals".into());
    let listen = move || {
        // Until nobody hears any more.
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

/// In a thread: what stalled the watch may be its journal.
fn note(state: PathBuf, line: String) {
    std::thread::spawn(move || Journal::new(&state, false).note(&line));
}

fn no_thread(error: &std::io::Error) -> String {
    format!("the machine gives no thread: {error}")
}
