//! What a person's command does now: what it has done so far, what it waits for, and what a Ctrl-C means for it.
//!
//! On a terminal that is a live line, drawn each second. Elsewhere it is a line on standard error for each wait of a second
//! or more, so that a log says what took long. There is one command in a process, so there is one of this; a watch has none.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::output;
use crate::exit_code;
use crate::paint;
use crate::text::progress as text;

static NOW: Mutex<Option<Progress>> = Mutex::new(None);

/// A wait is worth a line of its own from here on, and the live line is drawn anew this often.
const EACH: Duration = Duration::from_secs(1);

struct Progress {
    line: Option<ProgressBar>,
    waits: Option<Wait>,
    done: Vec<String>,
    /// What ends the wait of an act that must not be broken off; without it a signal ends this process.
    stop: Option<Box<dyn Fn() + Send>>,
    signal: Option<i32>,
}

struct Wait {
    what: String,
    since: Instant,
    said: bool,
}

/// The command is under way for as long as this lives.
pub struct UnderWay(());

/// From now on waits are shown, and a signal ends the command in good order.
///
/// # Errors
/// If signals can't be heard.
pub fn begin() -> Result<UnderWay, String> {
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| format!("signals can't be heard: {error}"))?;
    let under_way = shows();
    // Without this thread the command does its work all the same.
    drop(thread("interrupt").spawn(move || signals.forever().for_each(heard)));
    Ok(under_way)
}

/// From now on waits are shown; signals are somebody else's.
pub fn shows() -> UnderWay {
    let line = output::is_rich().then(live_line);
    let plain = line.is_none();
    *now() = Some(Progress { line, waits: None, done: Vec::new(), stop: None, signal: None });
    if plain {
        drop(thread("progress").spawn(say_long_waits));
    }
    UnderWay(())
}

fn thread(name: &str) -> std::thread::Builder {
    std::thread::Builder::new().name(name.into())
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // The lock is free again by then: whatever draws asks for it.
        let line = now().take().and_then(|progress| progress.line);
        if let Some(line) = line {
            line.finish_and_clear();
        }
    }
}

/// The command acts from here on: the first signal calls `stop`, which ends its wait, and what it is in the middle of is done
/// to its end.
pub fn acts(stop: impl Fn() + Send + 'static) {
    if let Some(progress) = now().as_mut() {
        progress.stop = Some(Box::new(stop));
    }
}

/// It waits for this now.
pub fn waits(what: &str) {
    let mut now = now();
    let Some(progress) = now.as_mut() else { return };
    if progress.waits.as_ref().is_some_and(|wait| wait.what == what) {
        return;
    }
    progress.waits = Some(Wait { what: what.to_owned(), since: Instant::now(), said: false });
    if progress.line.is_none() && output::is_rich() {
        progress.line = Some(live_line());
    }
    let line = progress.line.clone();
    // Drawing asks for what is waited for.
    drop(now);
    if let Some(line) = line {
        line.tick();
    }
}

/// A question is about to be asked: nothing is drawn over it and its answer.
pub fn rests() {
    let line = now().as_mut().and_then(|progress| {
        progress.waits = None;
        progress.line.take()
    });
    if let Some(line) = line {
        line.finish_and_clear();
    }
}

/// It has begun, or done, this.
pub fn did(what: String) {
    if let Some(progress) = now().as_mut() {
        progress.done.push(what);
    }
}

/// The signal that has come, if one has.
pub fn signal() -> Option<i32> {
    now().as_ref().and_then(|progress| progress.signal)
}

/// What was done, and what was waited for when the signal came.
pub fn account() -> (Vec<String>, Option<String>) {
    let now = now();
    let progress = now.as_ref();
    let waits = progress.and_then(|progress| progress.waits.as_ref()).map(|wait| wait.what.clone());
    (progress.map(|progress| progress.done.clone()).unwrap_or_default(), waits)
}

/// Takes the live line away: this process ends.
pub fn clear() {
    let line = now().as_ref().and_then(|progress| progress.line.clone());
    if let Some(line) = line {
        line.finish_and_clear();
    }
}

/// Writes something else: the live line makes room for it.
pub fn aside(write: impl FnOnce()) {
    let line = now().as_ref().and_then(|progress| progress.line.clone());
    match line {
        Some(line) => line.suspend(write),
        None => write(),
    }
}

/// A line at the bottom of the terminal that says something else each time it is drawn.
pub fn bottom_line(what: impl Fn() -> Option<String> + Send + Sync + Clone + 'static) -> ProgressBar {
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let shown = move |_: &indicatif::ProgressState, to: &mut dyn std::fmt::Write| {
        let columns = output::columns(&std::io::stderr()).unwrap_or(80);
        // One less: some terminals begin a new line when the last column is written.
        let text = what().map(|what| paint::wrapped(&what, columns.saturating_sub(1).max(1)));
        let _ = to.write_str(&text.unwrap_or_default());
    };
    let style = ProgressStyle::with_template("{now}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    line.set_style(style.with_key("now", shown));
    line
}

fn live_line() -> ProgressBar {
    let line = bottom_line(|| {
        let now = now();
        let wait = now.as_ref()?.waits.as_ref()?;
        Some(text::live(wait.since.elapsed(), &wait.what))
    });
    line.enable_steady_tick(EACH);
    line
}

fn say_long_waits() {
    loop {
        std::thread::sleep(EACH / 10);
        let mut now = now();
        let Some(progress) = now.as_mut() else { return };
        let long = progress.waits.as_mut().filter(|wait| !wait.said && wait.since.elapsed() >= EACH);
        let Some(wait) = long else { continue };
        wait.said = true;
        let what = text::waiting(&wait.what);
        drop(now);
        crate::errln!("{what}");
    }
}

fn heard(signal: i32) {
    let mut now = now();
    // The command has ended, and so will this process.
    let Some(progress) = now.as_mut() else { return };
    let again = progress.signal.replace(signal).is_some();
    let (line, done) = (progress.line.clone(), progress.done.clone());
    let waits = progress.waits.as_ref().map(|wait| wait.what.clone());
    if let (Some(stop), false) = (&progress.stop, again) {
        stop();
        return;
    }
    drop(now);
    if let Some(line) = line {
        line.finish_and_clear();
    }
    crate::errln!("bridge-watchdog: {}", text::stopped(&done, waits.as_deref(), again));
    std::process::exit(exit_code::of_signal(signal).into());
}

fn now() -> MutexGuard<'static, Option<Progress>> {
    NOW.lock().unwrap_or_else(PoisonError::into_inner)
}
