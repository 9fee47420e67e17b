//! What the tests of the app share: a bridge under the launchd stand-in, what is done to it, and the app's windows.

use std::process::{Command, Stdio};

use serde_json::json;

use super::panel::{App, Desktop};
use super::scene::{Scene, beside};
use super::{Launchd, launchd};

/// A bridge under the launchd stand-in. Sixty times faster than real, but looks only on events: so a change after a
/// click comes from that click.
pub(crate) fn under_launchd(desktop_tick: f64, options: &[&str], exit_timeout: f64) -> (Scene, Launchd) {
    let mut scene = Scene::new("launchd", 60.0);
    let home = scene.folder.path().join("home");
    let launchd = Launchd::start(&scene.folder.path().join("launchd"));
    std::fs::create_dir_all(home.join("Library")).expect("Library");
    std::os::unix::fs::symlink(launchd.dir.join("LaunchAgents"), home.join("Library/LaunchAgents"))
        .expect("LaunchAgents");
    scene.set("launchctl", launchd.launchctl().to_str().expect("a path"));
    scene.set("tick", desktop_tick);
    scene.bridge(options);
    let keys = json!({
        "WorkingDirectory": scene.root, "StandardOutPath": scene.log(), "StandardErrorPath": scene.error_log(),
        "KeepAlive": true, "ThrottleInterval": 0.4, "ExitTimeOut": exit_timeout,
    });
    launchd.load(&scene.label, &scene.program(), &keys);
    (scene, launchd)
}

pub(crate) fn unload(scene: &Scene, launchd: &Launchd) {
    launchd.operator(&["bootout", &launchd::target(&scene.label)]);
    launchd.wait_gone(&scene.label);
}

pub(crate) fn operator_stop(scene: &Scene, launchd: &Launchd) {
    launchd.operator(&["disable", &launchd::target(&scene.label)]);
    unload(scene, launchd);
}

pub(crate) fn flood(scene: &Scene) {
    let until =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs() + 3600;
    std::fs::write(scene.data("flood-backoff"), json!({"expiry_ts": until, "seconds": 3600}).to_string())
        .expect("a marker");
}

/// The app's own windows, by their ids.
pub(crate) fn windows(desktop: &Desktop) -> Vec<String> {
    let ids = desktop.exec(&["xdotool", "search", "--onlyvisible", "--name", "^Bridge Watchdog$"]);
    ids.lines().map(str::to_owned).collect()
}

/// A window that was not there before.
pub(crate) fn new_window(desktop: &Desktop, before: &[String]) -> String {
    desktop.wait("a window", || windows(desktop).into_iter().find(|id| !before.contains(id)))
}

/// Presses keys in this window.
pub(crate) fn press(desktop: &Desktop, window: &str, keys: &[&str]) {
    desktop.exec(&[&["xdotool", "mousemove", "--window", window, "20", "20", "key"], keys].concat());
}

/// The app without a display.
pub(crate) fn headless(scene: &Scene) -> App {
    let path = scene.folder.path().join("watch.log");
    let log = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("a log");
    let mut command = Command::new(beside("examples/test-tray"));
    command.arg(scene.folder.path().join("environment.json")).arg("--config").arg(scene.config_file());
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    let said = log.try_clone().expect("a log");
    App { child: command.stdin(Stdio::null()).stdout(said).stderr(log).spawn().expect("the app starts") }
}
