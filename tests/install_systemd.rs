//! `install` and `uninstall` against a real `systemd --user`: a person's unit is not edited, and everything goes again.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use support::systemd::{self, Systemd};
use support::{Scene, alive};

const OURS: &str = "bridge-watchdog";

/// A scene whose folder of units is that of the manager.
fn scene(manager: &Systemd) -> Scene {
    let scene = manager.scene();
    let units = manager.units().parent().expect("a folder").to_owned();
    std::os::unix::fs::symlink(units, scene.folder.path().join("home/systemd")).expect("a link");
    scene.write();
    scene
}

fn ok(scene: &Scene, verb: &str) -> String {
    let output = scene.run(&[verb]);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{verb}: {text}");
    assert!(!text.contains("hunter2"), "the unit's environment was printed: {text}");
    text
}

#[test]
fn where_there_is_no_bridge_one_is_written_started_and_goes_again() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    ok(&scene, "install");
    let pids = (manager.wait_pid(&scene.label), manager.wait_pid(OURS));
    let files: Vec<_> = [&scene.label, OURS].map(|label| manager.units().join(format!("{label}.service"))).to_vec();
    for file in &files {
        assert_eq!(fs::metadata(file).expect("a unit").permissions().mode() & 0o777, 0o644, "{}", file.display());
    }
    assert_eq!(manager.property(&scene.label, "Restart"), "always");
    assert_eq!(manager.property(OURS, "UnitFileState"), "enabled");
    assert!(scene.folder.path().join("home/autostart/bridge-watchdog.desktop").exists());
    scene.wait("the installed watch looks", || scene.status());

    let installed: Vec<_> = files.iter().map(|file| fs::read(file).expect("a unit")).collect();
    ok(&scene, "install");
    assert_eq!(files.iter().map(|file| fs::read(file).expect("a unit")).collect::<Vec<_>>(), installed);
    assert_eq!((manager.wait_pid(&scene.label), manager.wait_pid(OURS)), pids, "a second install restarts nobody");

    for _ in 0..2 {
        ok(&scene, "uninstall");
        assert!(files.iter().all(|file| !file.exists()));
        assert!(!scene.folder.path().join("home/autostart/bridge-watchdog.desktop").exists());
    }
    scene.wait("both to be gone", || (!alive(pids.0) && !alive(pids.1)).then_some(()));
    assert_eq!(manager.property(&scene.label, "LoadState"), "not-found");
}

#[test]
fn incident_41_a_persons_unit_gets_a_drop_in_and_keeps_every_byte() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    manager.begin(&scene, "Restart=on-failure\nEnvironment=API_HASH=hunter2\nNice=5");
    let unit = manager.units().join(format!("{}.service", scene.label));
    let before = fs::read(&unit).expect("a unit");
    let pid = manager.wait_pid(&scene.label);
    for _ in 0..2 {
        ok(&scene, "install");
        assert_eq!(fs::read(&unit).expect("a unit"), before);
        assert_eq!(manager.property(&scene.label, "Restart"), "always");
        assert_eq!(manager.property(&scene.label, "Nice"), "5");
        assert_eq!(manager.wait_pid(&scene.label), pid, "the bridge was not restarted for it");
    }
    for _ in 0..2 {
        ok(&scene, "uninstall");
        assert_eq!(fs::read(&unit).expect("a unit"), before);
        assert_eq!(manager.property(&scene.label, "Restart"), "on-failure");
    }
    assert_eq!(manager.wait_pid(&scene.label), pid);
}
