//! The bridge under a real `systemd --user`, end to end. `KillMode=control-group`, systemd's default, ends the agent runs
//! under the bridge with it; that is the unit's own business.

mod support;

use std::path::Path;

use rustix::process::Signal;
use support::{Scene, Systemd, alive, signal, systemd};

/// Sixty times faster: silence counts after 5 s, a run has settled after 0.2 s. A stop may take 2 s.
fn scene(manager: &Systemd, options: &[&str], keys: &str) -> Scene {
    let mut scene = Scene::new("systemd", 60.0);
    scene.env = manager.env();
    scene.world("systemctl", systemd::SYSTEMCTL);
    scene.bridge(options);
    manager.write_unit(&scene.label, &scene.program(), &keys_of(&scene, keys));
    manager.start_unit(&scene.label);
    scene
}

fn keys_of(scene: &Scene, keys: &str) -> String {
    let (root, log, error_log) = (scene.root.display(), scene.log(), scene.error_log());
    let append = |path: &Path| format!("append:{}", path.display());
    format!(
        "WorkingDirectory={root}\nStandardOutput={}\nStandardError={}\nTimeoutStopSec=2\n{keys}",
        append(&log),
        append(&error_log)
    )
}

const ALWAYS: &str = "Restart=always\nRestartSec=10";

#[test]
fn a_killed_bridge_is_back_before_the_managers_own_timer() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager, &[], ALWAYS);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = manager.wait_pid(&scene.label);
    signal(before, Signal::KILL);
    let after = scene.wait("a new pid", || manager.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_verdict("healthy", "none");
    assert_eq!(manager.property(&scene.label, "NRestarts"), "0", "systemd's own timer started it");
    assert!(alive(after));
}
