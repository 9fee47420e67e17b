//! `doctor` on a watchdog that does not run, runs twice, hangs, or is another one than the one on disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::Scene;
use crate::support::doctor::{SetUp, ill, ill_without_rights, named, paste, quoted};
use crate::support::launchd::target;
use crate::support::mac::{OURS, dictionary};
use crate::support::require::{self, Ability};
use crate::support::{alive, executable, signal};

#[test]
fn a_watch_that_hangs_is_restarted_and_one_that_is_not_loaded_is_installed() {
    let set_up = SetUp::well("");
    let watch = set_up.mac.launchd.wait_pid(OURS);
    signal(watch, Signal::STOP);
    let restart = format!("launchctl kickstart -k gui/$(id -u)/{OURS}");
    set_up
        .scene()
        .wait("two looks to be missed", || (named(set_up.scene(), "watch") == [restart.clone()]).then_some(()));
    set_up.mended_by_its_own_mend("watch", &restart);
    assert!(!alive(watch));
    assert_eq!(set_up.mac.launchd.operator(&["bootout", &target(OURS)]).code, 0);
    set_up.mac.launchd.wait_gone(OURS);
    set_up.mended_by_its_own_mend("watch", "bridge-watchdog install");
}

#[test]
fn a_watch_of_another_version_is_restarted() {
    let set_up = SetUp::well("");
    let watch = set_up.mac.launchd.wait_pid(OURS);
    let file = set_up.scene().state().join("status.json");
    let mut status: Value = set_up.scene().status().expect("a status");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    // It would write its own version again at its next look.
    signal(watch, Signal::STOP);
    status["version"] = "0.0.1".into();
    fs::write(&file, status.to_string()).expect("a status");
    set_up.mended_by_its_own_mend("watch-version", "bridge-watchdog install");
    // A file of a version that wrote none.
    let watch = set_up.mac.launchd.wait_pid(OURS);
    signal(watch, Signal::STOP);
    let mut status: Value = set_up.scene().status().expect("a status");
    status.as_object_mut().expect("an object").remove("version");
    fs::write(&file, status.to_string()).expect("a status");
    assert_eq!(named(set_up.scene(), "watch-version").len(), 1);
    signal(watch, Signal::CONT);
    set_up.is_well();
}

#[test]
fn a_watch_whose_program_was_replaced_is_restarted_also_where_the_version_is_the_same() {
    let set_up = SetUp::bare("");
    let bundle = set_up.mac.bundle(&[("watchdog", "bridge-watchdog")]);
    let program = bundle.join("bridge-watchdog");
    set_up.mac.ok_by(&program, &["install"]);
    set_up.settle();
    set_up.is_well();
    let (new, before) = (bundle.join("new"), set_up.mac.launchd.wait_pid(OURS));
    fs::copy(&program, &new).expect("a new build");
    fs::rename(&new, &program).expect("in its place");
    set_up.mended_by_its_own_mend("watch-version", "bridge-watchdog install");
    assert!(!alive(before));
}

/// As the page on updates says it: the new app in the place of the old one, and `install`.
#[test]
fn an_install_after_an_update_by_hand_starts_the_new_program() {
    let set_up = SetUp::bare("");
    let bundle = set_up.mac.bundle(&[("watchdog", "bridge-watchdog")]);
    let program = bundle.join("bridge-watchdog");
    set_up.mac.ok_by(&program, &["install"]);
    set_up.settle();
    let (new, before) = (bundle.join("new"), set_up.mac.launchd.wait_pid(OURS));
    set_up.mac.ok_by(&program, &["install"]);
    assert_eq!(set_up.mac.launchd.wait_pid(OURS), before, "nothing is new");
    fs::copy(&program, &new).expect("a new build");
    fs::rename(&new, &program).expect("in its place");
    set_up.mac.ok_by(&program, &["install"]);
    assert!(!alive(before) && set_up.mac.launchd.wait_pid(OURS) != before);
    set_up.settle();
    set_up.is_well();
}

/// It has another home, so another state folder and another lock: nothing else keeps the two apart.
#[test]
fn a_second_watch_of_this_bridge_is_ended() {
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let file = scene.folder.path().join("second.json");
    let text = fs::read_to_string(scene.folder.path().join("environment.json")).expect("an environment");
    let mut environment: Value = serde_json::from_str(&text).expect("JSON");
    environment["home"] = scene.folder.path().join("second").to_str().expect("a path").into();
    fs::write(&file, environment.to_string()).expect("an environment");
    let mut command = std::process::Command::new(scene.command(&[]).get_program());
    command.arg(&file).arg("--config").arg(scene.config_file()).arg("run");
    let mut second = scene.watch_by(command);
    let mend = format!("kill {}", second.pid());
    scene.wait("the second watch to be seen", || (!named(scene, "second-watch").is_empty()).then_some(()));
    assert_eq!(ill(scene), [("second-watch".to_owned(), mend.clone())]);
    paste(&set_up, &mend);
    second.wait();
    set_up.is_well();
}

#[test]
fn an_agent_that_is_disabled_or_is_another_programs_is_named() {
    let set_up = SetUp::well("");
    assert_eq!(set_up.mac.launchd.operator(&["disable", &target(OURS)]).code, 0);
    let enable = format!("launchctl enable gui/$(id -u)/{OURS} && bridge-watchdog install");
    set_up.mended_by_its_own_mend("agent-login", &enable);
    let plist = set_up.mac.plist(OURS);
    let text = fs::read_to_string(&plist).expect("a plist");
    fs::write(&plist, text.replace("config.toml", "another.toml")).expect("a plist");
    set_up.mended_by_its_own_mend("agent", "bridge-watchdog install");
}

/// A program in a place that does not last, or that is gone: after the next login nobody would watch.
#[test]
fn an_agent_whose_program_does_not_last_is_pointed_to_ours() {
    let set_up = SetUp::well("");
    let plist = set_up.mac.plist(OURS);
    let install = "bridge-watchdog install";
    let places = [
        "/nowhere/target/debug/test-watchdog",
        "/private/var/folders/x/T/AppTranslocation/4F/d/Bridge Watchdog.app/Contents/MacOS/test-watchdog",
        "/Volumes/Bridge Watchdog/Bridge Watchdog.app/Contents/MacOS/test-watchdog",
    ];
    for place in places {
        let mut keys = dictionary(&plist);
        keys["ProgramArguments"].as_array_mut().expect("a list")[0] = plist::Value::String(place.into());
        plist::to_file_xml(&plist, &keys).expect("a plist");
        let text = String::from_utf8_lossy(&set_up.scene().run(&["doctor"]).stdout).into_owned();
        let said = text.lines().find(|line| line.starts_with("MEND  agent: ")).expect("a finding").to_owned();
        assert!(said.contains(place), "{said}");
        set_up.mended_by_its_own_mend("agent", install);
    }
    let mut keys = dictionary(&plist);
    keys.insert("KeepAlive".into(), plist::Value::Boolean(true));
    plist::to_file_xml(&plist, &keys).expect("a plist");
    set_up.mended_by_its_own_mend("agent-keep-alive", install);
}

#[test]
fn the_same_of_a_unit() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let scene = Scene::new("embedded", 60.0);
    let units = scene.folder.path().join("home/systemd/user");
    fs::create_dir_all(units.join("default.target.wants")).expect("a folder");
    let unit = |program: &str| {
        let file = scene.config_file().canonicalize().expect("a configuration");
        let text = format!("[Service]\nExecStart=\"{program}\" --config \"{}\" tray\n", file.display());
        fs::write(units.join("bridge-watchdog.service"), text).expect("a unit");
    };
    unit("/nowhere/target/debug/bridge-watchdog");
    assert_eq!(named(&scene, "agent"), ["bridge-watchdog install"]);
    let there = scene.folder.path().join("bridge-watchdog");
    executable(&there, "#!/bin/sh\n");
    unit(there.to_str().expect("a path"));
    assert!(named(&scene, "agent").is_empty(), "{:?}", ill(&scene));
}

/// Its own note of who is disabled decides, and it does not answer.
#[test]
fn an_agent_that_launchd_says_nothing_of_is_not_called_well() {
    let set_up = SetUp::well("");
    set_up.mac.launchd.fault(&json!({"answers": {"print-disabled": {"code": 1, "stdout": "", "stderr": "not today"}}}));
    assert_eq!(named(set_up.scene(), "agent-login"), ["bridge-watchdog doctor"]);
    set_up.mac.launchd.mend();
    set_up.is_well();
}

/// What one `sudo bridge-watchdog` leaves: a watch ends at once, and whether one runs can't be seen.
#[test]
fn a_state_folder_that_is_somebody_elses_is_taken_back() {
    if !require::has(Ability::Root) {
        return;
    }
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    assert_eq!(set_up.mac.launchd.operator(&["bootout", &target(OURS)]).code, 0);
    set_up.mac.launchd.wait_gone(OURS);
    let (base, state) = (scene.folder.path().join("home/state"), scene.state());
    let named = |id: &str| {
        let found = ill_without_rights(scene);
        found.into_iter().filter(|(name, _)| name == id).map(|(_, mend)| mend).collect::<Vec<_>>()
    };
    assert_eq!((named("state"), named("watch")), (vec![], vec!["bridge-watchdog install".to_owned()]));
    let take = |path: &Path| format!("sudo chown -R \"$(id -un)\" {}", quoted(path));
    let sudo = scene.folder.path().join("tools/sudo");
    for (theirs, taken) in [(&base, &base), (&state, &state), (&state.join("watch.lock"), &state)] {
        fs::set_permissions(theirs, fs::Permissions::from_mode(if theirs.is_dir() { 0o700 } else { 0o600 }))
            .expect("it");
        std::os::unix::fs::chown(theirs, Some(65534), None).expect("root may");
        let mend = take(taken);
        assert_eq!(named("state"), std::slice::from_ref(&mend), "{}", theirs.display());
        assert_eq!(named("watch"), std::slice::from_ref(&mend), "{}", theirs.display());
        fs::create_dir_all(sudo.parent().expect("a folder")).expect("a folder");
        executable(&sudo, "#!/bin/sh\nexec \"$@\"\n");
        paste(&set_up, &mend);
        assert!(named("state").is_empty());
    }
    fs::set_permissions(&state, fs::Permissions::from_mode(0o500)).expect("a mode");
    let mend = format!("chmod 700 {}", quoted(&state));
    assert_eq!(named("state"), std::slice::from_ref(&mend));
    paste(&set_up, &mend);
    assert!(named("state").is_empty());
    paste(&set_up, "bridge-watchdog install");
    set_up.is_well();
}

/// It has another label, and keeps no file of ours open.
#[test]
fn an_older_watchdog_of_this_checkout_is_named_by_whoever_starts_it() {
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let script = scene.root.join("monitoring/bridge_watchdog.sh");
    fs::create_dir_all(script.parent().expect("a folder")).expect("a folder");
    fs::write(&script, "while :; do sleep 1; done\n").expect("a script");
    let (path, other) = (script.to_str().expect("a path"), scene.folder.path().join("watchdog.sh"));
    fs::copy(&script, &other).expect("a copy");
    let label = "com.valor.older";
    let command = |program: &str, word: &Path| {
        let mut command = std::process::Command::new(program);
        command.arg(word).current_dir(&scene.root).stdout(std::process::Stdio::null());
        command
    };
    // Twins: who only reads it, and a script of another place.
    let mut twins = [command("/usr/bin/tail", &script), command("/bin/sh", &other)];
    twins[0].arg("-f");
    let mut twins = twins.map(|mut twin| twin.spawn().expect("it runs"));
    set_up.is_well();
    let keys = json!({"KeepAlive": true});
    set_up.mac.launchd.load(label, &["/bin/sh", path], &keys);
    set_up.mac.launchd.wait_pid(label);
    let target = format!("gui/$(id -u)/{label}");
    set_up.mended_by_its_own_mend("second-watch", &format!("launchctl disable {target} && launchctl bootout {target}"));
    let mut older = command("/bin/sh", Path::new("monitoring/bridge_watchdog.sh")).spawn().expect("it runs");
    let kill = format!("kill {}", older.id());
    scene.wait("its words", || (!named(scene, "second-watch").is_empty()).then_some(()));
    assert_eq!(named(scene, "second-watch"), std::slice::from_ref(&kill));
    paste(&set_up, &kill);
    older.wait().expect("it ends");
    set_up.is_well();
    for twin in &mut twins {
        twin.kill().and_then(|()| twin.wait()).expect("it ends");
    }
}
