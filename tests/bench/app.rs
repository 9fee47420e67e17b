//! The app beside a bare tray program of the same crates, both in a desktop of their own: memory, and what wakes it while
//! nothing happens.

use std::time::{Duration, Instant};

use crate::support::{Desktop, Scene, beside as built};
use crate::table::{Row, beside, row};
use crate::usage::{private, resident, switches};

/// A young bridge is looked at more often; after a minute there is only the tick.
const SETTLED: Duration = Duration::from_secs(75);
/// Less than two ticks, so one or two of them fall into it.
const IDLE: Duration = Duration::from_secs(110);
const TICKS: usize = 2;
/// Switches closer than this are one wake-up: a tick goes through several threads.
const APART: Duration = Duration::from_secs(2);

pub(crate) fn rows() -> Vec<Row> {
    let Some(desktop) = Desktop::or_skip(&[]) else { return Vec::new() };
    let scene = Scene::new("embedded", 1.0);
    let app = desktop.app(&scene);
    let bare = built("examples/bare-tray");
    let bare = desktop.start(&[bare.to_str().expect("a path")], &scene.folder.path().join("bare.log"));
    desktop.wait_row("Healthy");
    std::thread::sleep(SETTLED);
    let [ours, theirs] = wakes([app.pid(), bare.pid()]);
    let [app_mb, bare_mb] = [app.pid(), bare.pid()].map(resident);
    let [app_own, bare_own] = [app.pid(), bare.pid()].map(private);
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    let per_minute = |wakes: usize| wakes as f64 * 60.0 / IDLE.as_secs_f64();
    vec![
        row(
            "resident, the app over a bare tray",
            1.15,
            app_mb / bare_mb,
            "x",
            format!("{app_mb:.1} MB, {bare_mb:.1} MB; of it their own {app_own:.1} MB, {bare_own:.1} MB"),
        ),
        row(
            "wake-ups a minute of the idle app, not the tick",
            1.0,
            per_minute(ours.saturating_sub(TICKS)),
            "",
            format!("{ours} in {} s, of them the tick of 60 s", IDLE.as_secs()),
        ),
        beside("  beside it: the bare tray", per_minute(theirs), "", ""),
    ]
}

/// How often each woke up.
fn wakes(pids: [u32; 2]) -> [usize; 2] {
    let end = Instant::now() + IDLE;
    let mut seen = pids.map(switches);
    let mut last: [Option<Instant>; 2] = [None, None];
    let mut wakes = [0, 0];
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(250));
        for which in [0, 1] {
            let now = switches(pids[which]);
            if now != seen[which] {
                wakes[which] += usize::from(last[which].is_none_or(|at| at.elapsed() > APART));
                (seen[which], last[which]) = (now, Some(Instant::now()));
            }
        }
    }
    wakes
}
