//! From the bridge's death to the loop knowing it.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bridge_watchdog::system::recovery_lock;
use bridge_watchdog::system::service::Service;
use bridge_watchdog::watch::{Command, Watch};
use bridge_watchdog::world::Times;
use rustix::process::Signal;

use crate::stage;
use crate::support::{PATIENCE, Scene, signal};
use crate::table::{Row, middle_and_most, row};

const ROUNDS: u32 = 30;

/// The shipped loop in a thread of this process, at its real tick of 60 s, so that nothing but the event tells it. Its
/// bridge is killed before it is settled: then nothing is in the way between two rounds.
pub fn rows() -> Vec<Row> {
    let scene = Scene::new("embedded", 1.0);

    let times = Times { settled: 0.5, tick_down: 0.1, crash_window: 0.01, ..Times::REAL };
    let (config, world) = stage::in_process(&scene, "/nowhere/launchctl".into(), times);
    let _alone = recovery_lock::one_watch(&config).unwrap_or_else(|taken| panic!("{taken}"));
    let mut watch = Watch::new(&config, &world, false).expect("a watch");
    let (tell, shown) = channel();
    watch.on_snapshot(move |snapshot| {
        let pid = snapshot.check["facts"]["process"]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        let _ = tell.send((Instant::now(), pid));
    });
    let handle = watch.handle();
    let watching = std::thread::spawn(move || watch.run());
    let known: Vec<f64> = (0..ROUNDS).map(|_| one_death(&scene, &shown)).collect();
    handle.send(Command::Quit);
    watching.join().expect("the watch ends");
    Service::of(&config, &world).stop().expect("the bridge ends");
    let (middle, most) = middle_and_most(known);
    vec![row(
        "from the bridge's death to the loop knowing it",
        10.0,
        middle * 1e3,
        "ms",
        format!("SIGKILL to the look that says so; middle of {ROUNDS}, worst {:.3}", most * 1e3),
    )]
}

fn one_death(scene: &Scene, shown: &Receiver<(Instant, Option<u32>)>) -> f64 {
    let pid = wait(scene, shown, |pid| pid).1;
    // The loop goes to sleep; for different times, so that no rhythm helps.
    std::thread::sleep(Duration::from_millis(fastrand::u64(40..120)));
    let began = Instant::now();
    signal(pid, Signal::KILL);
    let (at, ()) = wait(scene, shown, |seen| (seen != Some(pid)).then_some(()));
    at.duration_since(began).as_secs_f64()
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
