//! A test that needs many rounds. `make test` runs a few; `make campaign` sets BRIDGE_WATCHDOG_ROUNDS to hundreds.

use std::time::Duration;

use crate::support::{Scene, alive};

fn rounds() -> u32 {
    std::env::var("BRIDGE_WATCHDOG_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4)
}

/// SIGKILL at any instant of a watch that is busy with a bridge that crashes: no line of the history is torn, the
/// recovery lock is free, and the next start removes the marker and goes on.
#[test]
fn a_watch_killed_at_any_instant_leaves_nothing_in_the_way() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("min_uptime", 0.05);
    scene.bridge(&["--exit", "1", "--after", "0.2"]);
    for round in 0..rounds() {
        let mut watch = scene.watch();
        scene.wait("a first look", || scene.status().filter(|status| status["watch"] == watch.pid()));
        // A random instant is the point of the test, so here it sleeps.
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..1500)));
        watch.kill();
        // Parses every line, and panics at a torn one.
        let crashes = scene.events("crash").len();
        let locked = scene.run(&["recover"]).status.code();
        assert_ne!(locked, Some(75), "round {round}: the lock outlived the watch");
        let mut next = scene.watch();
        scene.wait("the watch goes on", || (scene.events("crash").len() > crashes).then_some(()));
        if let Ok(face) = std::fs::read_to_string(scene.data("recovery-in-progress")) {
            // It is replaced by rename, so it is never half written.
            let face: serde_json::Value = serde_json::from_str(&face).expect("a whole face");
            let pid = face["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("a pid");
            assert!(alive(pid), "round {round}: the face of a dead recovery was left");
        }
        next.kill();
    }
}
