//! `install` and `uninstall` against a real `systemd --user`: a person's unit is not edited, and everything of ours is
//! removed again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::support::systemd::{self, Systemd};
use crate::support::{Scene, alive};
use serde_json::{Value, json};

const OURS: &str = "bridge-watchdog";

/// A scene whose folder of units is that of the manager.
pub(crate) fn scene(manager: &Systemd) -> Scene {
    let scene = manager.scene();
    let units = manager.units().parent().expect("a folder").to_owned();
    std::os::unix::fs::symlink(units, scene.folder.path().join("home/systemd")).expect("a link");
    scene.write();
    scene
}

fn run(scene: &Scene, verb: &str) -> (Option<i32>, String) {
    let output = scene.run(&[verb]);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("hunter2"), "the unit's environment was printed: {text}");
    (output.status.code(), text)
}

fn ok(scene: &Scene, verb: &str) -> String {
    let (code, text) = run(scene, verb);
    assert_eq!(code, Some(0), "{verb}: {text}");
    text
}

/// `services.watchdog` of `status --json`.
fn watchdog(scene: &Scene) -> Value {
    let status: Value = serde_json::from_slice(&scene.run(&["status", "--json"]).stdout).expect("JSON");
    json!({
        "installed": status["services"]["watchdog"]["installed"],
        "starts_at_login": status["services"]["watchdog"]["starts_at_login"],
    })
}

fn entry(scene: &Scene) -> PathBuf {
    scene.folder.path().join("home/autostart/bridge-watchdog.desktop")
}

#[test]
fn where_there_is_no_bridge_one_is_written_started_and_goes_again() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    // As git leaves a fresh checkout.
    fs::remove_dir_all(scene.root.join("logs")).expect("logs");
    ok(&scene, "install");
    let pids = (manager.wait_pid(&scene.label), manager.wait_pid(OURS));
    let files: Vec<_> = [&scene.label, OURS].map(|label| manager.units().join(format!("{label}.service"))).to_vec();
    for file in &files {
        assert_eq!(fs::metadata(file).expect("a unit").permissions().mode() & 0o777, 0o644, "{}", file.display());
    }
    assert_eq!(manager.property(&scene.label, "Restart"), "always");
    assert_eq!(manager.property(OURS, "UnitFileState"), "enabled");
    assert!(entry(&scene).exists());
    scene.wait("the installed watch looks", || scene.status());

    let installed: Vec<_> = files.iter().map(|file| fs::read(file).expect("a unit")).collect();
    ok(&scene, "install");
    assert_eq!(files.iter().map(|file| fs::read(file).expect("a unit")).collect::<Vec<_>>(), installed);
    assert_eq!((manager.wait_pid(&scene.label), manager.wait_pid(OURS)), pids, "a second install restarts nobody");

    for _ in 0..2 {
        ok(&scene, "uninstall");
        assert!(files.iter().all(|file| !file.exists()));
        assert!(!entry(&scene).exists());
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

/// As `systemctl edit` leaves it, in a file that systemd reads after one with our name.
#[test]
fn a_persons_own_drop_in_does_not_undo_ours() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    manager.begin(&scene, "Restart=no");
    let folder = manager.units().join(format!("{}.service.d", scene.label));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("override.conf"), "[Service]\nRestart=on-failure\nNice=7\n").expect("a drop-in");
    // Of an earlier version of ours.
    fs::write(folder.join("bridge-watchdog.conf"), "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\n")
        .expect("one");
    manager.reload();
    assert_eq!(manager.property(&scene.label, "Restart"), "on-failure");
    ok(&scene, "install");
    assert_eq!(
        (manager.property(&scene.label, "Restart"), manager.property(&scene.label, "Nice")),
        ("always".into(), "7".into())
    );
    ok(&scene, "uninstall");
    assert_eq!(manager.property(&scene.label, "Restart"), "on-failure");
    // One that is later still.
    fs::write(folder.join("zzz.conf"), "[Service]\nRestart=on-abort\n").expect("a drop-in");
    manager.reload();
    let text = ok(&scene, "install");
    assert!(text.contains("another Restart= in a drop-in that comes after ours"), "{text}");
}

/// R16 and its kind: with `Restart=always` systemd would refuse the unit from then on.
#[test]
fn r16_twin_a_oneshot_unit_gets_no_drop_in() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    let unit = format!("{}.service", scene.label);
    for restart in ["no", "on-failure"] {
        let keys = systemd::keys_of(&scene, &format!("Type=oneshot\nRemainAfterExit=yes\nRestart={restart}"));
        manager.write_unit(&scene.label, &["/bin/true"], &keys);
        manager.ok(&["restart", &unit]);
        let (check, _) = scene.check();
        assert!(!check["issues"].to_string().contains("restart"), "{check}");
        let text = ok(&scene, "install");
        assert!(text.contains("has no process of its own: its unit is active since its command ended"), "{text}");
        assert!(text.contains("is a oneshot, which can't have Restart=always, so it is left as it is"), "{text}");
        assert!(!manager.units().join(format!("{unit}.d")).exists());
        assert_eq!(manager.property(&scene.label, "LoadState"), "loaded");
        manager.ok(&["restart", &unit]);
        ok(&scene, "uninstall");
    }
}

/// Here by a systemctl that does not name the type.
#[test]
fn r16_twin_a_drop_in_that_systemd_refuses_goes_again() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    let recorder = scene.folder.path().join("systemctl");
    fs::write(&recorder, "#!/bin/sh\n/usr/bin/systemctl \"$@\" | sed /^Type=/d\n").expect("a script");
    manager.write_unit(&scene.label, &["/bin/true"], &systemd::keys_of(&scene, "Type=oneshot\nRemainAfterExit=yes"));
    manager.start_unit(&scene.label);
    manager.wait_sub(&scene.label, "exited");
    let (_, text) = run(&scene, "install");
    assert!(text.contains("with our drop-in (LoadState=bad-setting"), "{text}");
    assert!(text.contains("so it is without one again"), "{text}");
    assert!(!manager.units().join(format!("{}.service.d", scene.label)).exists());
    assert_eq!(manager.property(&scene.label, "LoadState"), "loaded");
    manager.ok(&["restart", &format!("{}.service", scene.label)]);
}

#[test]
fn incident_41_a_unit_of_ours_with_a_persons_variable_is_a_persons() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    ok(&scene, "install");
    let unit = manager.units().join(format!("{}.service", scene.label));
    let text = fs::read_to_string(&unit).expect("a unit");
    let changed = text.replace("[Service]\n", "[Service]\nEnvironment=API_HASH=hunter2\n");
    fs::write(&unit, &changed).expect("a unit");
    manager.reload();
    let pid = manager.wait_pid(&scene.label);
    ok(&scene, "install");
    assert_eq!(fs::read_to_string(&unit).expect("a unit"), changed);
    for nth in 0..2 {
        let text = ok(&scene, "uninstall");
        assert_eq!(nth == 0, text.contains("is no longer what install wrote, so it stays"), "{text}");
        assert_eq!(fs::read_to_string(&unit).expect("a unit"), changed);
    }
    assert_eq!(manager.wait_pid(&scene.label), pid);
}

#[test]
fn a_drop_in_that_a_person_has_changed_stays() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    manager.begin(&scene, "Restart=on-failure");
    ok(&scene, "install");
    let drop_in = manager.units().join(format!("{}.service.d/zz-bridge-watchdog.conf", scene.label));
    let changed = fs::read_to_string(&drop_in).expect("our drop-in") + "Environment=API_HASH=hunter2\n";
    fs::write(&drop_in, &changed).expect("a drop-in");
    manager.reload();
    for verb in ["install", "uninstall", "uninstall"] {
        ok(&scene, verb);
        assert_eq!(fs::read_to_string(&drop_in).expect("the drop-in"), changed, "{verb}");
    }
}

#[test]
fn an_older_watchdogs_unit_is_replaced_and_put_back() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    let unit = manager.units().join(format!("{OURS}.service"));
    manager.write_text(OURS, "[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=default.target\n");
    let before = fs::read(&unit).expect("a unit");
    manager.start_unit(OURS);
    let older = manager.wait_pid(OURS);
    assert_eq!(watchdog(&scene), json!({"installed": false, "starts_at_login": false}));

    let text = ok(&scene, "install");
    assert!(text.contains("an older watchdog is replaced"), "{text}");
    let copy = scene.state().join("plists/bridge-watchdog.service");
    assert_eq!(fs::read(&copy).expect("a copy"), before);
    assert_eq!(fs::metadata(&copy).expect("a copy").permissions().mode() & 0o777, 0o600);
    let ours = manager.wait_pid(OURS);
    assert!(!alive(older));
    assert_eq!(scene.wait("the watch", || scene.status())["watch"], ours);

    for _ in 0..2 {
        ok(&scene, "uninstall");
        assert_eq!(fs::read(&unit).expect("the older unit"), before);
        assert!(!entry(&scene).exists());
        manager.wait_pid(OURS);
        assert!(!alive(ours));
        assert_eq!(manager.property(OURS, "UnitFileState"), "enabled");
        assert!(manager.property(OURS, "ExecStart").contains("/bin/sleep"));
    }
}

#[test]
fn start_at_login_needs_a_unit_that_is_wanted() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    ok(&scene, "install");
    assert_eq!(watchdog(&scene), json!({"installed": true, "starts_at_login": true}));
    manager.ok(&["disable", "bridge-watchdog.service"]);
    assert_eq!(watchdog(&scene), json!({"installed": true, "starts_at_login": false}));
    manager.ok(&["enable", "bridge-watchdog.service"]);
    assert_eq!(watchdog(&scene), json!({"installed": true, "starts_at_login": true}));
    fs::remove_file(manager.units().join("bridge-watchdog.service")).expect("the unit");
    assert!(entry(&scene).exists());
    assert_eq!(watchdog(&scene), json!({"installed": false, "starts_at_login": false}));
    let ours = manager.wait_pid(OURS);
    ok(&scene, "uninstall");
    assert!(!alive(ours), "the unit ran on without its file");
}

#[test]
fn the_entry_of_the_graphical_login_tells_the_unit_of_the_display_and_starts_none_that_is_disabled() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    ok(&scene, "install");
    let before = manager.wait_pid(OURS);
    let text = fs::read_to_string(entry(&scene)).expect("the entry");
    let exec = text.lines().find_map(|line| line.strip_prefix("Exec=")).expect("a command").to_owned();
    let login = || {
        let mut command = Command::new("/bin/sh");
        // No PATH: systemctl is called by its own absolute path.
        command.args(["-c", &exec]).env_clear().envs(manager.env()).env("DISPLAY", ":4242").env("PATH", "/nowhere");
        command.status().expect("a shell")
    };
    assert!(login().success());
    let variables = String::from_utf8_lossy(&manager.systemctl(&["show-environment"]).stdout).into_owned();
    assert!(variables.contains("DISPLAY=:4242"), "{variables}");
    let after = manager.wait_pid(OURS);
    assert_ne!(after, before);
    scene.wait("the watch", || (scene.status()?["watch"] == after).then_some(()));

    manager.ok(&["disable", "--now", "bridge-watchdog.service"]);
    assert!(!alive(after));
    assert!(!login().success());
    assert_eq!(manager.pid(OURS), None);
}

#[test]
fn a_watch_by_hand_keeps_the_unit_from_running_and_is_named() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = scene(&manager);
    let mut watch = scene.watch();
    scene.wait("the watch", || scene.status());
    let (code, text) = run(&scene, "install");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("pid {} is watching this checkout already", watch.pid())), "{text}");
    watch.kill();
    let text = ok(&scene, "install");
    assert!(text.contains(&format!("the watchdog ({OURS}) runs, pid {}", manager.wait_pid(OURS))), "{text}");
}
