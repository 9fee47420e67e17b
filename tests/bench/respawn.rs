//! From SIGKILL of a bridge that had run for more than 10 s to the first line of the next one, under each manager,
//! beside the manager alone. All at real times: systemd's RestartSec=10, launchd's throttle of 10 s.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::setup::{self, Running};
use crate::support::{Launchd, Scene, Systemd, alive, signal, systemd};
use crate::table::{Row, beside, middle_and_most, row};

/// Side by side under each manager: all wait their 10 s at the same time.
const BRIDGES: usize = 6;
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than the 10 s after which a bridge is started at once.
const RUN: Duration = Duration::from_secs(13);

/// Dropped in this order: a watch that still runs would start what is ended.
struct Case {
    watch: Option<Running>,
    launchd: Option<Launchd>,
    scene: Scene,
    kind: Kind,
    seconds: Option<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Launchd,
    Systemd,
    Embedded,
}

pub(crate) fn rows() -> Vec<Row> {
    let manager = systemd::or_skip();
    let mut cases = Vec::new();
    for _ in 0..BRIDGES {
        for watched in [true, false] {
            cases.push(under_launchd(watched));
            if let Some(manager) = &manager {
                cases.push(under_systemd(manager, watched, cases.len()));
            }
        }
        cases.push(embedded());
    }
    std::thread::sleep(RUN);
    // With a watch one after the other, so that no death waits for a look at another; the managers alone all at once.
    std::thread::scope(|scope| {
        for case in &mut cases {
            let pid = case.pid(manager.as_ref());
            if case.watch.is_some() {
                case.seconds = kill_and_wait(&case.scene, pid);
            } else {
                scope.spawn(move || case.seconds = kill_and_wait(&case.scene, pid));
            }
        }
    });
    let mut rows = Vec::new();
    for (kind, name) in
        [(Kind::Launchd, "launchd (stand-in)"), (Kind::Systemd, "systemd, RestartSec=10"), (Kind::Embedded, "embedded")]
    {
        rows.extend(rows_of(&cases, kind, name));
    }
    rows
}

fn rows_of(cases: &[Case], kind: Kind, name: &str) -> Vec<Row> {
    let of = |watched| {
        let cases = cases.iter().filter(|case| case.kind == kind && case.watch.is_some() == watched);
        // One that never came back counts as the time that was waited for it.
        let seconds: Vec<f64> = cases.map(|case| case.seconds.unwrap_or(PATIENCE.as_secs_f64())).collect();
        (!seconds.is_empty()).then(|| middle_and_most(seconds))
    };
    let said = |most| format!("middle of {BRIDGES}, worst {most:.3}");
    let watched =
        of(true).map(|(middle, most)| row(&format!("kill -9 to a new bridge: {name}"), 1.0, middle, "s", said(most)));
    let alone = of(false).map(|(middle, most)| beside("  beside it: the manager alone", middle, "s", said(most)));
    watched.into_iter().chain(alone).collect()
}

fn under_launchd(watched: bool) -> Case {
    let (scene, launchd) = setup::under_launchd(10.0);
    case(scene, Kind::Launchd, watched, Some(launchd))
}

fn under_systemd(manager: &Systemd, watched: bool, number: usize) -> Case {
    let mut scene = Scene::new("systemd", 1.0);
    scene.env = manager.env();
    scene.label = format!("bench.bridge{number}");
    scene.set("systemctl", systemd::SYSTEMCTL);
    scene.write();
    manager.begin(&scene, systemd::ALWAYS);
    case(scene, Kind::Systemd, watched, None)
}

fn embedded() -> Case {
    case(Scene::new("embedded", 1.0), Kind::Embedded, true, None)
}

fn case(scene: Scene, kind: Kind, watched: bool, launchd: Option<Launchd>) -> Case {
    let watch = watched.then(|| Running::start(&mut scene.command(&["run"]), &scene.folder.path().join("watch.log")));
    Case { scene, kind, launchd, watch, seconds: None }
}

impl Case {
    fn pid(&self, manager: Option<&Systemd>) -> u32 {
        let pid = match (self.kind, manager) {
            (Kind::Launchd, _) => self.launchd.as_ref().and_then(|launchd| launchd.pid(&self.scene.label)),
            (Kind::Systemd, Some(manager)) => manager.pid(&self.scene.label),
            _ => self
                .scene
                .status()
                .and_then(|status| u32::try_from(status["history"]["run"]["id"]["pid"].as_u64()?).ok()),
        };
        pid.filter(|pid| *pid > 1).unwrap_or_else(|| panic!("a bridge did not start: {}", self.scene.said()))
    }
}

/// Seconds from the signal to the next bridge's first line in the log; `None` if there is none within 30 s.
fn kill_and_wait(scene: &Scene, pid: u32) -> Option<f64> {
    let written = || std::fs::metadata(scene.log()).map_or(0, |meta| meta.len());
    let killed = Instant::now();
    signal(pid, Signal::KILL);
    while alive(pid) {
        std::hint::spin_loop();
    }
    // After its death only the next one writes, and that one takes a millisecond to start.
    let before = written();
    while written() == before {
        if killed.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Some(killed.elapsed().as_secs_f64())
}
