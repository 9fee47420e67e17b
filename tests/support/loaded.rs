//! A scene whose bridge is a job of a launchd stand-in of its own.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::launchd::domain;
use super::{Launchd, Scene};

/// The job as `install` would write it, sixty times quicker.
pub(crate) fn keys() -> Value {
    json!({"KeepAlive": true, "ThrottleInterval": 0.4, "ExitTimeOut": 0.5})
}

/// Sixty times faster, so that silence counts after 5 s; the bridge is loaded and starting.
pub(crate) fn loaded(options: &[&str]) -> (Scene, Launchd) {
    loaded_with(options, &keys(), |_| {})
}

/// The same with other keys in the property list, and after `change` has changed the scene.
pub(crate) fn loaded_with(options: &[&str], keys: &Value, change: impl FnOnce(&mut Scene)) -> (Scene, Launchd) {
    let (scene, launchd) = unloaded(options, keys, change);
    load(&scene, &launchd);
    (scene, launchd)
}

/// The property list is there and the job is not: a watch that starts now sees the very first run begin and end.
pub(crate) fn unloaded(options: &[&str], keys: &Value, change: impl FnOnce(&mut Scene)) -> (Scene, Launchd) {
    let mut scene = Scene::new("launchd", 60.0);
    let home = scene.folder.path().join("home");
    let launchd = Launchd::start(&scene.folder.path().join("launchd"));
    // launchd's own folder is the user's.
    std::fs::create_dir_all(home.join("Library")).expect("Library");
    symlink(launchd.dir.join("LaunchAgents"), home.join("Library/LaunchAgents")).expect("LaunchAgents");
    scene.set("launchctl", launchd.launchctl().to_str().expect("a path"));
    change(&mut scene);
    scene.bridge(options);
    let mut all =
        json!({"WorkingDirectory": scene.root, "StandardOutPath": scene.log(), "StandardErrorPath": scene.error_log()});
    for (key, value) in keys.as_object().expect("keys") {
        all[key] = value.clone();
    }
    launchd.write_plist(&scene.label, &scene.program(), &all);
    (scene, launchd)
}

/// By the operator.
pub(crate) fn load(scene: &Scene, launchd: &Launchd) {
    let plist = launchd.plist(&scene.label);
    let answer = launchd.operator(&["bootstrap", &domain(), &plist.to_string_lossy()]);
    assert_eq!(answer.code, 0, "bootstrap: {}", String::from_utf8_lossy(&answer.stderr));
}

/// What each start was for: `load`, `keepalive`, `kickstart`.
pub(crate) fn why_started(scene: &Scene, launchd: &Launchd) -> Vec<String> {
    launchd.starts(&scene.label).into_iter().map(|start| start.why).collect()
}

/// What was asked of launchctl that changes anything, without the target.
pub(crate) fn acts_of_launchctl(launchd: &Launchd) -> Vec<String> {
    let calls = launchd.calls().into_iter().map(|call| call.args);
    let acts = calls.filter(|args| !args[0].starts_with("print") && args[0] != "list");
    acts.map(|args| args.into_iter().filter(|word| !word.contains('/')).collect::<Vec<_>>().join(" ")).collect()
}

/// Ages and margins so long that only the crash pattern can cause an act.
pub(crate) fn patient(scene: &mut Scene) {
    scene.set("min_uptime", 60.0);
    scene.set("respawn_margin", 600.0);
    scene.set("crash_window", 600.0);
    scene.set("reload", 600.0);
}
