//! Failures of `install` and `uninstall`: nothing that a person wrote is lost, nothing is reported as done that is not,
//! and the next try finishes what this one began.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::mac::{OURS, mode};
use crate::support::{Mac, alive};
use serde_json::json;

type Spoil = fn(&Path);

const BROKEN: (&str, Spoil, &str) =
    ("broken", |path| fs::write(path, "<plist><dict>").unwrap(), "is no property list; mend it");
const READ_ONLY: (&str, Spoil, &str) = (
    "read-only",
    |path| fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap(),
    "is read-only, so it is left as it is",
);

#[test]
fn a_plist_that_is_no_plist_is_left_and_named_and_the_watch_goes_on() {
    let rows: [(&str, Spoil, &str); 4] = [
        BROKEN,
        READ_ONLY,
        (
            "a link that leads nowhere",
            |path| {
                fs::remove_file(path).unwrap();
                symlink("/nowhere/bridge.plist", path).unwrap();
            },
            "can't be read: No such file",
        ),
        (
            "a folder",
            |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            },
            "is no plain file",
        ),
    ];
    for (name, spoil, words) in rows {
        let mac = Mac::new();
        mac.persons_bridge();
        let bridge = mac.launchd.wait_pid(&mac.scene.label);
        let watch = mac.scene.watch();
        mac.scene.wait_seen(bridge);
        spoil(&mac.bridge());
        let before = (fs::read(mac.bridge()).ok(), fs::read_link(mac.bridge()).ok());
        for verb in ["install", "uninstall"] {
            let (code, text) = mac.run(verb);
            // If install changed nothing there is nothing to put back, unless the file can't even be read.
            let fails = verb == "install" || before.0.is_none();
            assert_eq!(code, i32::from(fails), "{name}: {verb}: {text}");
            let file = mac.bridge().file_name().unwrap().to_string_lossy().into_owned();
            assert!(!fails || text.contains(words) && text.contains(&file), "{name}: {verb}: {text}");
            let now = (fs::read(mac.bridge()).ok(), fs::read_link(mac.bridge()).ok());
            assert_eq!(now, before, "{name}: {verb}");
        }
        mac.scene.wait_looks(2);
        assert!(alive(watch.pid()), "{name}");
        assert_eq!(mac.launchd.pid(&mac.scene.label), Some(bridge), "{name}");
    }
}

#[test]
fn the_only_copy_stays_until_the_plist_is_back_and_loaded() {
    for (name, spoil, words) in [BROKEN, READ_ONLY] {
        let mac = Mac::new();
        mac.persons_bridge();
        let before = fs::read(mac.bridge()).unwrap();
        mac.ok("install");
        let installed = fs::read(mac.bridge()).unwrap();
        assert!(mac.printed(&mac.scene.label).contains("\texit timeout = 20\n"));

        spoil(&mac.bridge());
        let (code, text) = mac.run("uninstall");
        assert_eq!(code, 1, "{name}: {text}");
        assert!(text.contains(words), "{name}: {text}");
        assert!(mac.keeps(&before), "{name}: {:?}", mac.kept());

        fs::set_permissions(mac.bridge(), fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(mac.bridge(), &installed).unwrap();
        // launchd refuses as well.
        mac.launchd.fault(&json!({"answers": {"bootout": {"code": 1, "stdout": "", "stderr": "Boot-out failed: 1"}}}));
        let (code, text) = mac.run("uninstall");
        assert_eq!(code, 1, "{name}: {text}");
        assert!(mac.keeps(&before), "{name}: {:?}", mac.kept());

        mac.launchd.mend();
        mac.ok("uninstall");
        assert_eq!(fs::read(mac.bridge()).unwrap(), before, "{name}");
        assert!(mac.printed(&mac.scene.label).contains("\texit timeout = 5\n"), "{name}: loaded as it was before");
    }
}

#[test]
fn an_install_that_failed_half_way_is_finished_by_the_next() {
    let mac = Mac::new();
    mac.persons_bridge();
    mac.older_watchdog();
    mac.launchd.fault(&json!({"answers": {"bootout": {"code": 1, "stdout": "", "stderr": "Boot-out failed: 1"}}}));
    let (code, text) = mac.run("install");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("launchctl bootout ended with 1") && !text.contains("Installed"), "{text}");
    assert!(mac.printed(&mac.scene.label).contains("\texit timeout = 5\n"), "still loaded as before");
    mac.launchd.mend();

    for label in [&mac.scene.label, OURS] {
        fs::set_permissions(mac.plist(label), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let text = mac.ok("install");
    assert!(text.contains(&format!("/{}.plist is as it should be", mac.scene.label)), "{text}");
    let printed = mac.printed(&mac.scene.label);
    assert!(printed.contains("\texit timeout = 20\n") && !printed.contains("\tsemaphores ="), "{printed}");
    for label in [&mac.scene.label, OURS] {
        assert_eq!(mode(&mac.plist(label)), 0o644);
    }
    let ours = mac.launchd.wait_pid(OURS);
    assert_eq!(mac.scene.wait("the watch", || mac.scene.status())["watch"], ours);
}

#[test]
fn a_watch_by_hand_keeps_the_agent_from_running_and_is_named() {
    let mac = Mac::new();
    mac.persons_bridge();
    let mut watch = mac.scene.watch();
    mac.scene.wait("the watch", || mac.scene.status());
    let (code, text) = mac.run("install");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("pid {} is watching this checkout already", watch.pid())), "{text}");
    assert!(!text.contains(&format!("the watchdog ({OURS}) runs")), "{text}");

    watch.kill();
    let text = mac.ok("install");
    let ours = mac.launchd.wait_pid(OURS);
    assert!(text.contains(&format!("the watchdog ({OURS}) runs, pid {ours}")), "{text}");
}

#[test]
fn a_bridge_that_does_not_come_up_gets_its_watchdog_and_is_named() {
    let mut mac = Mac::new();
    mac.scene.program_is(&["/nowhere/python", "bridge.py"]);
    let (code, text) = mac.run("install");
    assert_eq!(code, 1, "{text}");
    let words = format!("the bridge ({}) is loaded, but no process was seen (last exit: exit 78", mac.scene.label);
    assert!(text.contains(&words), "{text}");
    let ours = mac.launchd.wait_pid(OURS);
    assert!(text.contains(&format!("the watchdog ({OURS}) runs, pid {ours}")), "{text}");
}
