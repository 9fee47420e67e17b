//! The bridge under launchd, end to end: real children under the stand-in for `/bin/launchctl`.

mod support;

use rustix::process::Signal;
use serde_json::json;
use support::{Launchd, Scene, alive, signal};

/// A scene whose bridge is loaded in a stand-in of its own. Sixty times faster: silence counts after 5 s.
fn scene(options: &[&str]) -> (Scene, Launchd) {
    scene_with(options, &json!({"KeepAlive": true, "ThrottleInterval": 0.4, "ExitTimeOut": 0.5}))
}

fn scene_with(options: &[&str], keys: &serde_json::Value) -> (Scene, Launchd) {
    let mut scene = Scene::new("launchd", 60.0);
    let home = scene.folder.path().join("home");
    let launchd = Launchd::start(&scene.folder.path().join("launchd"));
    // launchd's own folder is the user's.
    std::fs::create_dir_all(home.join("Library")).expect("Library");
    std::os::unix::fs::symlink(launchd.dir.join("LaunchAgents"), home.join("Library/LaunchAgents"))
        .expect("LaunchAgents");
    scene.world("launchctl", launchd.launchctl().to_str().expect("a path"));
    scene.bridge(options);
    let mut all =
        json!({"WorkingDirectory": scene.root, "StandardOutPath": scene.log(), "StandardErrorPath": scene.error_log()});
    for (key, value) in keys.as_object().expect("keys") {
        all[key] = value.clone();
    }
    launchd.load(&scene.label, &scene.program(), &all);
    (scene, launchd)
}

#[test]
fn a_killed_bridge_is_back_and_its_death_is_one_crash() {
    let (scene, launchd) = scene(&[]);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    signal(before, Signal::KILL);
    let after = scene.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_verdict("healthy", "none");
    scene.wait("the crash line", || (scene.events("crash").len() == 1).then_some(()));
    assert_eq!(scene.events("crash")[0]["reason"], "signal 9");
    assert_eq!(launchd.starts(&scene.label).len(), 2);
    assert!(alive(after));
    assert!(launchd.signals().is_empty(), "{:?}", launchd.signals());
}
