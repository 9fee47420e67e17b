//! A healthy check in the loop: its CPU at 400 processes, with huge files against empty ones, the programs it starts,
//! and who holds the session's lock.

use std::io::{BufWriter, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bridge_watchdog::limits::Limits;
use bridge_watchdog::system::lookalikes::Owner;
use bridge_watchdog::system::{clock, process_table, session};
use bridge_watchdog::verdict::State;
use bridge_watchdog::watch;
use bridge_watchdog::watch::Watch;
use serde_json::json;

use crate::setup;
use crate::support::{Launchd, PATIENCE, Scene};
use crate::table::{Row, beside, middle_and_most, row};
use crate::usage::{faults_of_children, my_cpu};

const PROCESSES: usize = 400;
const BATCHES: usize = 15;
const CHECKS: u32 = 20;
const LOG: u64 = 1 << 30;
const HISTORY: u64 = 1_000_000;

pub(crate) fn rows() -> Vec<Row> {
    let _crowd = Crowd::gather(PROCESSES);
    let mut small = Checked::new(false);
    let mut large = Checked::new(true);
    let (asked, faults) = (small.launchd.calls().len(), faults_of_children());
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    // In turn, so that other load on the machine affects both.
    for _ in 0..BATCHES {
        times[0].push(small.cpu_of_a_check());
        times[1].push(large.cpu_of_a_check());
    }
    let asked = small.launchd.calls().len() - asked;
    let faults = faults_of_children() - faults;
    let started = asked.max(usize::from(faults > 0));
    let [(small_ms, small_most), (large_ms, _)] = times.map(middle_and_most);
    let lock = lock(&small);
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    let started = started as f64;
    vec![
        row(
            "a healthy check, 400 processes",
            1.0,
            small_ms * 1e3,
            "ms CPU",
            format!(
                "the loop's tick, all threads; middle of {BATCHES} batches of {CHECKS}, worst {:.3}",
                small_most * 1e3
            ),
        ),
        row("the same, 1 GB log, 1,000,000 lines", 1.2, large_ms / small_ms, "x", format!("{:.3} ms", large_ms * 1e3)),
        row(
            "programs started by a healthy check",
            1.0,
            started,
            "",
            format!("calls of launchctl: {asked}; page faults of children: {faults}"),
        ),
        lock.0,
        lock.1,
    ]
}

/// A watch of a healthy bridge under the launchd stand-in, at real times; we tick for it.
struct Checked {
    watch: Watch,
    launchd: Launchd,
    scene: Scene,
    shown: std::sync::mpsc::Receiver<State>,
}

impl Checked {
    fn new(large: bool) -> Checked {
        let (scene, launchd) = setup::under_launchd(10.0);
        if large {
            fill(&scene);
        }
        let (config, environment) = setup::in_process(&scene, launchd.launchctl(), &Limits::REAL);
        let mut watch = Watch::new(&config, &environment, false).expect("a watch");
        let (tell, shown) = channel();
        watch.controller.publisher.on_snapshot(move |snapshot| {
            let _ = tell.send(snapshot.verdict.state);
        });
        let mut checked = Checked { watch, launchd, scene, shown };
        let until = Instant::now() + PATIENCE;
        while checked.check() != Some(State::Healthy) {
            assert!(Instant::now() < until, "the bridge is not healthy: {}", checked.scene.journal());
            std::thread::sleep(Duration::from_millis(100));
        }
        // In its first looks it asks every process of the machine whether it is a copy of the bridge.
        for _ in 0..3 {
            checked.check();
        }
        checked
    }

    fn check(&mut self) -> Option<State> {
        watch::tick(&mut self.watch);
        self.shown.try_iter().last()
    }

    /// The mean, since a median would hide what only some checks do.
    fn cpu_of_a_check(&mut self) -> f64 {
        let before = my_cpu();
        for _ in 0..CHECKS {
            let state = self.check();
            assert_eq!(state, Some(State::Healthy), "only a healthy check is measured");
        }
        (my_cpu() - before) / f64::from(CHECKS)
    }
}

/// A sparse log of 1 GB, and a crash every 30 s until an hour ago.
fn fill(scene: &Scene) {
    let log = std::fs::OpenOptions::new().append(true).create(true).open(scene.log()).expect("the log");
    log.set_len(LOG).expect("a sparse log");
    let mut history = BufWriter::new(std::fs::File::create(scene.data("crash_history.jsonl")).expect("the history"));
    for line in 0..HISTORY {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        let at = clock::wall().0 - 3600.0 - 30.0 * (HISTORY - line) as f64;
        let event = json!({"timestamp": at, "event_type": "crash", "commit_sha": "deadbeef", "commit_age_seconds": 60.0,
            "reason": "exit 1", "datetime": "2026-01-01T00:00:00", "class": "code", "pid": 4242, "by": "bridge-watchdog"});
        writeln!(history, "{event}").expect("a line");
    }
    history.flush().expect("the history");
}

fn lock(checked: &Checked) -> (Row, Row) {
    let path = checked.scene.data("valor_bridge.session");
    let holder = rusqlite::Connection::open(&path).expect("the session");
    holder.busy_timeout(PATIENCE).expect("patience");
    holder.execute_batch("begin immediate").expect("the lock");
    let mut times = Vec::new();
    for _ in 0..1000 {
        let began = Instant::now();
        let seen = session::look(&path, &[]).expect("the kernel answers");
        times.push(began.elapsed().as_secs_f64());
        assert!(seen.holders.iter().any(|holder| holder.pid == std::process::id()), "{seen:?}");
    }
    let (middle, _) = middle_and_most(times);
    let bridge_match = process_table::ProcessMatch {
        root: checked.scene.root.clone(),
        program: checked.scene.program().iter().map(ToString::to_string).collect(),
        session: path.clone(),
        owner: Owner::Nobody,
    };
    let scans: Vec<f64> = (0..9)
        .map(|_| {
            let began = Instant::now();
            process_table::matching(&bridge_match, &[]).expect("the process table");
            began.elapsed().as_secs_f64()
        })
        .collect();
    (
        row(
            "who holds the session's lock, 400 processes",
            0.1,
            middle * 1e3,
            "ms",
            "middle of 1000 looks; one found each time",
        ),
        beside("  beside it: a scan of the process table", middle_and_most(scans).0 * 1e3, "ms", "middle of 9"),
    )
}

/// Processes that sleep. They end by themselves if we are killed.
struct Crowd(Vec<Child>);

impl Crowd {
    fn gather(count: usize) -> Crowd {
        let sleeper = || Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().expect("sleep");
        Crowd((0..count).map(|_| sleeper()).collect())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
