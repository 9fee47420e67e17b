//! An agent is for years: `install` asks where the program lies that it would start.

use std::fs;

use crate::support::Mac;
use crate::support::mac::OURS;
use crate::support::systemd;

/// The tests' own programs lie in cargo's folder; elsewhere they are told not to ask.
#[test]
fn on_a_mac_no_agent_points_into_a_build_folder_and_one_in_a_bundle_is_installed() {
    let mut mac = Mac::new();
    mac.scene.set("installed_only", true);
    let (code, said) = mac.run("install");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("test-watchdog is in a build folder, which 'cargo clean' removes; run 'make install'"),
        "{said}"
    );
    let written: Vec<_> = fs::read_dir(mac.launchd.dir.join("LaunchAgents")).expect("a folder").flatten().collect();
    assert!(written.is_empty(), "{written:?}");
    assert!(!mac.scene.root.join("data/recovery-in-progress").exists() && mac.kept().is_empty());

    let program = mac.bundle(&[("watchdog", "bridge-watchdog")]).join("bridge-watchdog");
    mac.ok_by(&program, &["install"]);
    mac.launchd.wait_pid(OURS);
    // What it installed can be taken back from anywhere.
    mac.ok("uninstall");
    assert!(!mac.plist(OURS).exists());
}

#[test]
fn on_a_mac_a_bare_binary_is_told_where_to_move_the_app() {
    let mut mac = Mac::new();
    mac.scene.set("installed_only", true);
    let bundle = mac.bundle(&[("watchdog", "bridge-watchdog")]).join("bridge-watchdog");
    let bare = mac.scene.folder.path().join("bridge-watchdog");
    fs::rename(bundle, &bare).expect("in the same folder");
    let output = std::process::Command::new(&bare)
        .arg(mac.scene.folder.path().join("environment.json"))
        .arg("install")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "is in no app",
        "move Bridge Watchdog.app into the Applications folder, open it there once, then run: '/Applications/Bridge \
         Watchdog.app/Contents/MacOS/bridge-watchdog' install",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!mac.plist(OURS).exists());
}

#[test]
fn on_linux_a_unit_in_a_build_folder_is_written_and_remarked() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = crate::install_systemd::scene(&manager);
    let mut install = |installed_only: bool| {
        scene.set("installed_only", installed_only);
        let output = scene.run(&["install"]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let note = "is in a build folder, which 'cargo clean' removes; for a lasting place: make install";
    assert!(install(true).contains(note));
    assert!(!install(false).contains(note));
}
