//! `install` and `uninstall` against the stand-in for launchd: what a person wrote stays, and everything is put back.

use std::fs;

use crate::support::Mac;
use crate::support::mac::{OURS, dictionary, lint, mode};
use plist::Value;

#[test]
fn incident_41_only_three_keys_change_and_uninstall_puts_every_byte_back() {
    let mac = Mac::new();
    mac.persons_bridge();
    let ours_before = mac.older_watchdog();
    let (bridge, ours) = (mac.bridge(), mac.plist(OURS));
    let bridge_before = fs::read(&bridge).unwrap();

    let said = mac.ok("install");
    assert!(said.contains("an older watchdog is replaced"), "{said}");
    let mut now = dictionary(&bridge);
    assert_eq!(now.remove("KeepAlive"), Some(Value::Boolean(true)));
    assert_eq!(now.remove("ThrottleInterval"), Some(Value::Integer(10.into())));
    assert_eq!(now.remove("ExitTimeOut"), Some(Value::Integer(20.into())));
    let mut before = Value::from_reader(std::io::Cursor::new(&bridge_before)).unwrap().into_dictionary().unwrap();
    before.remove("KeepAlive");
    assert_eq!(now, before, "every other key is as it was");
    for path in [&bridge, &ours] {
        assert_eq!(mode(path), 0o644, "{}", path.display());
        lint(path);
    }
    assert!(mac.keeps(&bridge_before) && mac.keeps(&ours_before), "{:?}", mac.kept());
    let beside: Vec<_> =
        fs::read_dir(mac.launchd.dir.join("LaunchAgents")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(beside.len(), 2, "no backup lies where launchd would load it: {beside:?}");
    let pids = (mac.launchd.wait_pid(&mac.scene.label), mac.launchd.wait_pid(OURS));
    // The watch that launchd started is the shipped one, and it watches.
    mac.scene.wait("the installed watch looks", || mac.scene.status());

    let installed = (fs::read(&bridge).unwrap(), fs::read(&ours).unwrap());
    mac.ok("install");
    assert_eq!((fs::read(&bridge).unwrap(), fs::read(&ours).unwrap()), installed, "a second install changes no file");
    assert_eq!((mac.launchd.wait_pid(&mac.scene.label), mac.launchd.wait_pid(OURS)), pids, "and restarts nobody");

    for _ in 0..2 {
        mac.ok("uninstall");
        assert_eq!(fs::read(&bridge).unwrap(), bridge_before);
        assert_eq!(fs::read(&ours).unwrap(), ours_before);
    }
    mac.launchd.wait_pid(OURS);
    mac.launchd.wait_pid(&mac.scene.label);
}

#[test]
fn where_there_is_no_bridge_one_is_written_and_goes_again() {
    let mac = Mac::new();
    // As git leaves a fresh checkout.
    fs::remove_dir_all(mac.scene.root.join("logs")).unwrap();
    mac.ok("install");
    lint(&mac.bridge());
    let keys = dictionary(&mac.bridge());
    assert_eq!(keys.get("KeepAlive"), Some(&Value::Boolean(true)));
    let words: Vec<&str> = keys["ProgramArguments"].as_array().unwrap().iter().filter_map(Value::as_string).collect();
    assert_eq!(words, mac.scene.program());
    mac.launchd.wait_pid(&mac.scene.label);
    mac.ok("uninstall");
    mac.ok("uninstall");
    assert!(!mac.bridge().exists() && !mac.plist(OURS).exists());
    assert!(mac.launchd.job(&mac.scene.label).is_none() && mac.launchd.job(OURS).is_none());
}

#[test]
fn what_others_changed_after_install_stays_at_uninstall() {
    let mac = Mac::new();
    mac.persons_bridge();
    mac.ok("install");
    let mut changed = dictionary(&mac.bridge());
    changed.insert("Nice".into(), Value::Integer(7.into()));
    changed.insert("ThrottleInterval".into(), Value::Integer(30.into()));
    Value::Dictionary(changed).to_file_xml(mac.bridge()).unwrap();
    // A second install takes one of the values; it is kept beside the first original.
    let changed = fs::read(mac.bridge()).unwrap();
    mac.ok("install");
    assert!(mac.keeps(&changed), "{:?}", mac.kept());
    mac.ok("uninstall");
    let now = dictionary(&mac.bridge());
    assert_eq!(now.get("Nice"), Some(&Value::Integer(7.into())));
    assert!(matches!(now.get("KeepAlive"), Some(Value::Dictionary(_))), "{now:?}");
    assert_eq!(now.get("ExitTimeOut"), None);
}

#[test]
fn a_plist_that_is_binary_or_a_link_keeps_its_form() {
    let mac = Mac::new();
    mac.persons_bridge();
    let real = mac.scene.folder.path().join("dotfiles bridge.plist");
    Value::Dictionary(dictionary(&mac.bridge())).to_file_binary(&real).unwrap();
    let before = fs::read(&real).unwrap();
    fs::remove_file(mac.bridge()).unwrap();
    std::os::unix::fs::symlink(&real, mac.bridge()).unwrap();
    mac.ok("install");
    assert!(fs::symlink_metadata(mac.bridge()).unwrap().is_symlink());
    assert!(fs::read(&real).unwrap().starts_with(b"bplist"));
    assert_eq!(dictionary(&real).get("KeepAlive"), Some(&Value::Boolean(true)));
    mac.ok("uninstall");
    assert!(fs::symlink_metadata(mac.bridge()).unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), before);
}

#[test]
fn what_the_operator_disabled_is_not_enabled_by_install() {
    let mac = Mac::new();
    mac.persons_bridge();
    mac.launchd.operator(&["disable", &crate::support::launchd::target(&mac.scene.label)]);
    mac.launchd.operator(&["bootout", &crate::support::launchd::target(&mac.scene.label)]);
    mac.launchd.wait_gone(&mac.scene.label);
    let said = mac.ok("install");
    assert!(said.contains("stopped by its operator and stays so"), "{said}");
    assert!(!mac.launchd.calls().iter().any(|call| call.args.iter().any(|word| word == "enable")));
}

#[test]
fn a_bridge_that_runs_though_it_is_disabled_is_not_ended_since_it_could_not_be_started_again() {
    let mac = Mac::new();
    mac.persons_bridge();
    let before = fs::read(mac.bridge()).unwrap();
    let pid = mac.launchd.wait_pid(&mac.scene.label);
    mac.launchd.operator(&["disable", &crate::support::launchd::target(&mac.scene.label)]);
    for verb in ["install", "uninstall"] {
        let said = mac.ok(verb);
        assert!(said.contains("is disabled by its operator, so it is left as it is"), "{verb}: {said}");
        assert_eq!(mac.launchd.pid(&mac.scene.label), Some(pid), "{verb}");
    }
    assert_eq!(fs::read(mac.bridge()).unwrap(), before);
}
