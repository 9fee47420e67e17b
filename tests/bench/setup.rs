//! Scenes for the benchmark: the tests' own, at real times.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bridge_watchdog::config::Config;
use bridge_watchdog::limits::{Environment, Limits};
use serde_json::json;

use crate::support::{Launchd, Scene};

/// A bridge under a launchd stand-in of its own, with the keys that our template has. `throttle` in seconds.
pub(crate) fn under_launchd(throttle: f64) -> (Scene, Launchd) {
    let mut scene = Scene::new("launchd", 1.0);
    let launchd = Launchd::start(&scene.folder.path().join("launchd"));
    std::fs::create_dir_all(scene.folder.path().join("home/Library")).expect("Library");
    std::os::unix::fs::symlink(launchd.dir.join("LaunchAgents"), scene.folder.path().join("home/Library/LaunchAgents"))
        .expect("LaunchAgents");
    scene.set("launchctl", launchd.launchctl().to_str().expect("a path"));
    scene.write();
    let keys = json!({
        "KeepAlive": true, "ThrottleInterval": throttle, "ExitTimeOut": 20, "WorkingDirectory": scene.root,
        "StandardOutPath": scene.log(), "StandardErrorPath": scene.error_log(),
    });
    launchd.load(&scene.label, &scene.program(), &keys);
    (scene, launchd)
}

/// What the scene's files say, as the values that a watch in this process wants.
pub(crate) fn in_process(scene: &Scene, launchctl: PathBuf, limits: &Limits) -> (Config, Environment) {
    let home = scene.folder.path().join("home");
    let address = scene.telegram.as_ref().expect("a Telegram").local_addr().expect("an address");
    let environment = Environment {
        limits: *limits,
        data_centres: vec![address],
        ranges: vec![address.ip().into()],
        launchctl,
        systemctl: "/nowhere/systemctl".into(),
        linger: "/var/lib/systemd/linger".into(),
        config_dir: home.join("config"),
        state_dir: home.join("state"),
        home,
        installed_only: false,
    };
    let config = Config::load(&scene.config_file(), &environment).expect("the configuration");
    (config, environment)
}

/// A program of ours, ended when dropped.
pub(crate) struct Running(pub Child);

impl Running {
    pub(crate) fn start(command: &mut Command, said: &Path) -> Running {
        let said = std::fs::File::create(said).expect("a log");
        Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().expect("the program starts"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
