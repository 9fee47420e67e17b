//! A throw-away bridge in a temporary folder, watched by the shipped loop: real processes, a real git repository, a real
//! `SQLite` session. Only the durations are shorter; the first line says by what factor.

pub mod demo_bridge;
pub mod process;

use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;

use crate::exit_code;
use crate::outln;
use crate::paint;
use crate::snapshot::Snapshot;
use crate::system::journal::Noted;
use crate::system::poll::Deadline;
use crate::system::{clock, output, progress, recovery_lock};
use crate::text::command::precise;
use crate::text::{headline, time::lasting};
use crate::time::Mono;
use crate::verdict::State;
use crate::watch::commands::{Command, CommandSender};
use crate::watch::{self, Watch};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// The process is killed
    Crash,
    /// The process is there and does nothing (SIGSTOP)
    Hang,
    /// Another process holds the session's lock
    Lock,
    /// HEAD makes the bridge crash at each start
    BadCommit,
    /// Telegram tells the bridge to wait (flood wait)
    Flood,
    /// Somebody asks the bridge to stop; it ends with exit code 0
    Stop,
}

/// This much faster than real: a tick is 1 s, silence counts after 5 s.
pub const FACTOR: f64 = 60.0;
/// The demo gives up after this time; a cure takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(90);
const FLOOD: Duration = Duration::from_secs(6);

/// Runs the demo; the exit code is 0 if the bridge was healed (or, in a flood wait, was rightly left alone).
///
/// # Errors
/// If the machine has no temporary folder.
pub fn run(fault: Fault, headless: bool) -> Result<u8, String> {
    let me = std::env::current_exe().map_err(|error| format!("our own path can't be found: {error}"))?;
    let demo = Running::begin(demo_bridge::DemoBridge::start(&me)?)?;
    let display = Display::new(!headless && std::io::stdout().is_terminal());
    let healed = play(&demo, fault, &display);
    let interrupted = demo.interrupted.load(Ordering::SeqCst);
    demo.close();
    display.end();
    if interrupted != 0 {
        outln!("Stopped. The throw-away bridge was ended, and its folder removed.");
        return Ok(exit_code::of_signal(i32::try_from(interrupted).unwrap_or(0)));
    }
    healed
}

/// The throw-away bridge with its watch.
struct Running {
    demo_bridge: demo_bridge::DemoBridge,
    sender: CommandSender,
    snapshots: Receiver<Snapshot>,
    journal: Receiver<Noted>,
    watching: std::thread::JoinHandle<()>,
    /// The signal; 0 if none has come.
    interrupted: Arc<AtomicUsize>,
    _alone: std::fs::File,
}

impl Running {
    fn begin(demo_bridge: demo_bridge::DemoBridge) -> Result<Running, String> {
        let alone = recovery_lock::one_watch(&demo_bridge.config).map_err(|taken| taken.to_string())?;
        let mut watch = Watch::new(&demo_bridge.config, &demo_bridge.environment, false)?;
        let (shown, snapshots) = channel();
        watch.controller.publisher.on_snapshot(move |snapshot| drop(shown.send(snapshot.clone())));
        let (noted, journal) = channel();
        watch.controller.journal.also_to(noted);
        let sender = watch.sender();
        // Ctrl-C must not leave the throw-away bridge behind.
        let interrupted = Arc::new(AtomicUsize::new(0));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_usize(signal, interrupted.clone(), signal.unsigned_abs() as usize)
                .map_err(|error| format!("signals can't be heard: {error}"))?;
        }
        let watching = std::thread::spawn(move || watch::run(&mut watch));
        Ok(Running { demo_bridge, sender, snapshots, journal, watching, interrupted, _alone: alone })
    }

    /// Ends the watch, then the bridge; the folder is removed when its guard is dropped.
    fn close(self) {
        self.sender.send(Command::Quit);
        let _ = self.watching.join();
        self.demo_bridge.stop();
    }
}

fn play(demo: &Running, fault: Fault, display: &Display) -> Result<u8, String> {
    display.line(&format!("A bridge in a temporary folder; the watch is the shipped one, {FACTOR} times faster (a look a second, silence counts after 5 s)."));
    let well = |snapshot: &Snapshot| snapshot.verdict.state == State::Healthy;
    let Some(before) = wait_for(demo, display, well).and_then(|snapshot| snapshot.history.run) else {
        return Err("the demo's bridge did not come up".into());
    };
    // A few looks of health first, so that what follows can be seen to differ.
    for _ in 0..2 {
        wait_for(demo, display, well);
    }
    let injected = clock::mono();
    display.line(&format!("FAULT  {}", demo.demo_bridge.inject(fault, before.id)?));
    let noticed = |snapshot: &Snapshot| {
        snapshot.clock.mono >= injected
            && (!well(snapshot) || snapshot.history.run.is_none_or(|run| run.id != before.id))
    };
    let Some(seen) = wait_for(demo, display, noticed) else { return Err("the fault was not noticed".into()) };
    let known = seen.clock.mono.since(injected);
    let cured = |snapshot: &Snapshot| {
        well(snapshot)
            && snapshot.rung.is_none()
            && snapshot
                .history
                .run
                .is_some_and(|run| (run.id == before.id) == matches!(fault, Fault::Flood | Fault::Lock))
    };
    let healed = wait_for(demo, display, cured);
    let Some(healed) = healed else {
        display.line("NOT HEALED");
        return Ok(exit_code::FAILED);
    };
    let took = healed.clock.mono.since(injected);
    let pid = healed.history.run.map_or(0, |run| run.id.pid);
    display.line(&match fault {
        Fault::Flood => format!("HEALED  the flood wait was known after {}, nothing was restarted, and after {} the bridge worked again (pid {pid})", precise(known), lasting(took)),
        Fault::Lock => format!("HEALED  known after {}, and after {} nobody else held the session (rung 3); the bridge (pid {pid}) was not touched", precise(known), precise(took)),
        Fault::BadCommit => format!("HEALED  known after {}, and after {} HEAD was reverted (rung 4) and the bridge up (pid {} -> {pid})", precise(known), precise(took), before.id.pid),
        _ => format!("HEALED  known after {}, healed after {} (pid {} -> {pid})", precise(known), precise(took), before.id.pid),
    });
    Ok(exit_code::OK)
}

/// Shows events until a snapshot is as wanted, and returns it; `None` after [`PATIENCE`].
fn wait_for(demo: &Running, display: &Display, wanted: impl Fn(&Snapshot) -> bool) -> Option<Snapshot> {
    let deadline = Deadline::after(PATIENCE);
    while deadline.left().is_some() && demo.interrupted.load(Ordering::SeqCst) == 0 {
        demo.journal.try_iter().for_each(|noted| display.noted(&noted));
        match demo.snapshots.recv_timeout(Duration::from_millis(100)) {
            Ok(snapshot) => {
                demo.journal.try_iter().for_each(|noted| display.noted(&noted));
                display.state(&snapshot);
                if wanted(&snapshot) {
                    return Some(snapshot);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}

/// What is printed: a line for each event and, on a terminal, the current state below them.
struct Display {
    began: Mono,
    state: Arc<Mutex<Option<String>>>,
    bottom: Option<ProgressBar>,
}

impl Display {
    fn new(live: bool) -> Display {
        let state: Arc<Mutex<Option<String>>> = Arc::default();
        let shown = state.clone();
        let what = move || shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let bottom = (live && output::is_rich()).then(|| progress::bottom_line(what));
        Display { began: clock::mono(), state, bottom }
    }

    fn line(&self, text: &str) {
        self.noted(&Noted { line: text.into(), state: None });
    }

    fn noted(&self, Noted { line, state }: &Noted) {
        let since = clock::mono().since(self.began).as_secs_f64();
        let line = paint::journal(&format!("{since:6.2} s  {line}"), *state);
        match &self.bottom {
            Some(bottom) => bottom.suspend(|| output::painted_line(&line)),
            None => output::painted_line(&line),
        }
    }

    fn state(&self, snapshot: &Snapshot) {
        let Some(bottom) = &self.bottom else { return };
        let facts = &snapshot.check.facts;
        let pid = facts
            .process
            .as_ref()
            .and_then(|process| process.pid)
            .map_or_else(|| "no process".into(), |pid| format!("pid {pid}"));
        let silent = facts.log.as_ref().and_then(|log| log.silent_s);
        let silent = silent.map_or_else(|| "log unknown".into(), |silent| format!("log silent for {silent} s"));
        let telegram = match facts.telegram.as_ref().map(|telegram| telegram.connected) {
            Some(true) => "connected",
            Some(false) => "not connected",
            None => "connection unknown",
        };
        let rung = snapshot
            .rung
            .as_ref()
            .map_or_else(String::new, |running| format!("   recovering, rung {} of 5", running.rung.number()));
        let state = snapshot.verdict.state;
        let line = format!("\u{25cf} {}   {pid}   {silent}   {telegram}{rung}", headline(&snapshot.verdict));
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(paint::with_state(&line, state));
        bottom.tick();
    }

    fn end(&self) {
        if let Some(bottom) = &self.bottom {
            bottom.finish_and_clear();
        }
    }
}
