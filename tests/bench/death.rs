//! From the bridge's death to the loop knowing it.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bridge_watchdog::limits::Limits;
use bridge_watchdog::system::journal::Noted;
use bridge_watchdog::system::recovery_lock;
use bridge_watchdog::watch::commands::Command;
use bridge_watchdog::watch::{self, Watch};
use rustix::process::Signal;

use crate::setup;
use crate::support::{PATIENCE, Scene, signal};
use crate::table::{Row, beside, middle_and_most, row};

const ROUNDS: u32 = 30;

/// The shipped loop in a thread of this process, at its real tick of 60 s, so that only the event can wake it. Its
/// bridge comes back after 0.3 s and never runs for the 10 s after which we would start it ourselves: so no rung runs
/// between two rounds.
pub(crate) fn rows() -> Vec<Row> {
    let (scene, launchd) = setup::under_launchd(0.3);
    let limits = Limits {
        poll_interval_down: Duration::from_millis(100),
        crash_window: Duration::from_millis(10),
        ..Limits::REAL
    };
    let (config, environment) = setup::in_process(&scene, launchd.launchctl(), &limits);
    let _alone = recovery_lock::one_watch(&config).unwrap_or_else(|taken| panic!("{taken}"));
    let mut watch = Watch::new(&config, &environment, false).expect("a watch");
    let (tell, shown) = channel();
    watch.controller.publisher.on_snapshot(move |snapshot| {
        let pid = snapshot.history.run.map(|run| run.id.pid);
        let _ = tell.send((Instant::now(), pid));
    });
    let (note, noted) = channel();
    watch.controller.journal.also_to(note);
    let commands = watch.sender();
    let watching = std::thread::spawn(move || watch::run(&mut watch));
    let mut deaths = Vec::new();
    let mut seen = None;
    for _ in 0..ROUNDS {
        let pid = seen.unwrap_or_else(|| wait(&scene, &shown, |pid| pid).1);
        let (known, looked, next) = one_death(&scene, pid, &shown, &noted);
        deaths.push((known, looked));
        seen = next;
    }
    commands.send(Command::Quit);
    watching.join().expect("the watch ends");
    drop(launchd);
    let (known, looked): (Vec<f64>, Vec<f64>) = deaths.into_iter().unzip();
    let [known, looked] = [known, looked].map(middle_and_most);
    let worst = |most: f64| format!("middle of {ROUNDS}, worst {:.3}", most * 1e3);
    vec![
        row("from the bridge's death to the loop knowing it", 10.0, known.0 * 1e3, "ms", worst(known.1)),
        beside("  and to the end of its look at everything", looked.0 * 1e3, "ms", worst(looked.1)),
    ]
}

/// Seconds from the signal to the journal's line and to the first snapshot without the process, and the process that is
/// in its place already.
fn one_death(
    scene: &Scene,
    pid: u32,
    shown: &Receiver<(Instant, Option<u32>)>,
    noted: &Receiver<Noted>,
) -> (f64, f64, Option<u32>) {
    // The loop goes to sleep; for varying times, so that no regular pattern helps.
    std::thread::sleep(Duration::from_millis(fastrand::u64(40..120)));
    let began = Instant::now();
    signal(pid, Signal::KILL);
    let line = format!("seen: pid {pid} is gone");
    while noted.recv_timeout(PATIENCE).expect("the loop says what it sees").line != line {}
    let known = began.elapsed().as_secs_f64();
    let (at, next) = wait(scene, shown, |seen| (seen != Some(pid)).then_some(seen));
    (known, at.duration_since(began).as_secs_f64(), next)
}

fn wait<T>(
    scene: &Scene,
    shown: &Receiver<(Instant, Option<u32>)>,
    is: impl Fn(Option<u32>) -> Option<T>,
) -> (Instant, T) {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let (at, pid) =
            shown.recv_timeout(left).unwrap_or_else(|_| panic!("the loop does not look: {}", scene.journal()));
        if let Some(found) = is(pid) {
            return (at, found);
        }
    }
}
