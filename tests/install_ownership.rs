//! Which files are ours: only a file that is byte for byte as `install` wrote it is changed or removed without a copy.
//! And "Start at login", which shows what is true.

use std::fs;
use std::path::Path;

use crate::support::launchd::target;
use crate::support::mac::{OURS, dictionary};
use crate::support::{Mac, acts_of_launchctl, beside};
use bridge_watchdog::config::Config;
use bridge_watchdog::install::{self, Login};
use bridge_watchdog::limits::Environment;
use plist::Value;
use serde_json::json;

/// The scene's configuration for the library, for functions that only the menu calls.
fn inside(mac: &Mac) -> (Config, Environment) {
    let home = mac.scene.folder.path().join("home");
    let environment = Environment {
        launchctl: mac.launchd.launchctl(),
        config_dir: home.join("config"),
        state_dir: home.join("state"),
        home,
        installed_only: false,
        ..Environment::real().expect("an environment")
    };
    (Config::load(&mac.scene.config_file(), &environment).expect("a configuration"), environment)
}

fn add_a_variable(path: &Path) -> Vec<u8> {
    let mut keys = dictionary(path);
    let mut variables = plist::Dictionary::new();
    variables.insert("API_HASH".into(), Value::String("hunter2".into()));
    keys.insert("EnvironmentVariables".into(), Value::Dictionary(variables));
    Value::Dictionary(keys).to_file_xml(path).expect("a plist");
    fs::read(path).expect("a plist")
}

#[test]
fn a_bridges_plist_that_a_person_has_put_in_the_place_of_ours_stays() {
    let mac = Mac::new();
    mac.ok("install");
    mac.launchd.write_plist(&mac.scene.label, &mac.scene.program(), &mac.persons_keys());
    let persons = fs::read(mac.bridge()).unwrap();
    let pid = mac.launchd.wait_pid(&mac.scene.label);
    for nth in 0..2 {
        let text = mac.ok("uninstall");
        assert_eq!(nth == 0, text.contains("is no longer what install wrote, so it stays"), "{text}");
        assert_eq!(fs::read(mac.bridge()).unwrap(), persons);
        assert_eq!(mac.launchd.pid(&mac.scene.label), Some(pid));
    }
}

#[test]
fn a_bridges_plist_of_ours_follows_the_configuration_and_one_with_a_persons_variable_stays() {
    let mut mac = Mac::new();
    mac.ok("install");
    mac.scene.bridge(&["--every", "0.3"]);
    mac.ok("install");
    let words = dictionary(&mac.bridge());
    let words: Vec<_> = words["ProgramArguments"].as_array().unwrap().iter().filter_map(Value::as_string).collect();
    assert_eq!(words, mac.scene.program());
    assert!(mac.printed(&mac.scene.label).contains("\t\t0.3\n"), "and is loaded so");

    let changed = add_a_variable(&mac.bridge());
    mac.scene.bridge(&["--every", "0.4"]);
    mac.ok("install");
    assert_eq!(fs::read(mac.bridge()).unwrap(), changed);
    mac.ok("uninstall");
    assert_eq!(fs::read(mac.bridge()).unwrap(), changed);
}

#[test]
fn our_own_plist_with_a_persons_variable_is_replaced_and_removed_but_kept() {
    let mac = Mac::new();
    mac.persons_bridge();
    mac.ok("install");
    let installed = fs::read(mac.plist(OURS)).unwrap();
    let changed = add_a_variable(&mac.plist(OURS));
    let text = mac.ok("install");
    assert!(text.contains("had been changed; that version is kept in"), "{text}");
    assert_eq!(fs::read(mac.plist(OURS)).unwrap(), installed);
    assert!(mac.keeps(&changed), "{:?}", mac.kept());

    let changed = add_a_variable(&mac.plist(OURS));
    for _ in 0..2 {
        mac.ok("uninstall");
        assert!(!mac.plist(OURS).exists() && mac.launchd.job(OURS).is_none());
        assert!(mac.keeps(&changed), "{:?}", mac.kept());
    }
}

#[test]
fn start_at_login_keeps_an_older_watchdogs_plist_and_off_leaves_the_job_to_uninstall() {
    let mac = Mac::new();
    mac.persons_bridge();
    let older = mac.older_watchdog();
    let (config, environment) = inside(&mac);
    assert!(!install::starts_at_login(&config, &environment), "a bridge-watchdog.sh is not us");
    install::set_start_at_login(&config, &environment, false).expect("off");
    assert_eq!(fs::read(mac.plist(OURS)).unwrap(), older, "off for what is not ours changes nothing");
    install::set_start_at_login(&config, &environment, true).expect("on");
    assert!(install::starts_at_login(&config, &environment));
    assert!(mac.keeps(&older), "{:?}", mac.kept());

    mac.ok("install");
    let ours = mac.launchd.wait_pid(OURS);
    assert!(mac.keeps(&older), "{:?}", mac.kept());
    install::set_start_at_login(&config, &environment, false).expect("off");
    assert!(!mac.plist(OURS).exists());
    assert_eq!(mac.launchd.pid(OURS), Some(ours), "off ends nothing");

    for _ in 0..2 {
        mac.ok("uninstall");
        assert_eq!(fs::read(mac.plist(OURS)).unwrap(), older);
        mac.scene.wait("our own watch to be gone", || (!crate::support::alive(ours)).then_some(()));
        assert!(mac.printed(OURS).contains("bridge-watchdog.sh"), "and the older one runs");
        mac.launchd.wait_pid(OURS);
    }
}

#[test]
fn uninstall_after_start_at_login_off_ends_our_job() {
    let mac = Mac::new();
    mac.persons_bridge();
    mac.ok("install");
    let (config, environment) = inside(&mac);
    install::set_start_at_login(&config, &environment, false).expect("off");
    mac.launchd.wait_pid(OURS);
    mac.ok("uninstall");
    assert!(mac.launchd.job(OURS).is_none());
}

#[test]
fn start_at_login_is_what_is_true_and_no_look_asks_for_it() {
    let mac = Mac::new();
    let (config, environment) = inside(&mac);
    let installer = mac.bundle(&[("watchdog", "bridge-watchdog")]).join("bridge-watchdog");
    let shown = || {
        let text = mac.scene.run(&["status", "--json"]).stdout;
        let status: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let shown = &status["services"]["watchdog"];
        json!({"installed": shown["installed"], "starts_at_login": shown["starts_at_login"]})
    };
    let mut login = Login::new(&config, &environment);
    assert!(!login.starts());
    mac.ok_by(&installer, &["install"]);
    assert!(login.starts());
    assert_eq!(shown(), json!({"installed": true, "starts_at_login": true}));

    mac.launchd.operator(&["disable", &target(OURS)]);
    let before = mac.launchd.calls().len();
    for _ in 0..10 {
        login.starts();
    }
    assert_eq!(mac.launchd.calls().len(), before, "a look starts no program");
    assert_eq!(shown(), json!({"installed": true, "starts_at_login": false}));
    // The operator's `disable` is not overridden, and the error says why the switch has no effect.
    let why = install::set_start_at_login(&config, &environment, true).unwrap_err();
    assert!(why.contains(&format!("launchctl enable gui/$UID/{OURS}")), "{why}");
    assert!(!login.starts());
    mac.launchd.operator(&["enable", &target(OURS)]);
    install::set_start_at_login(&config, &environment, true).expect("on");
    assert!(login.starts());
}

#[test]
fn the_job_that_install_runs_in_is_not_ended() {
    let mac = Mac::new();
    mac.persons_bridge();
    let folder = mac.scene.folder.path();
    let program = beside("examples/test-watchdog");
    let environment = folder.join("environment.json");
    let script = "for verb in install uninstall; do \"$0\" \"$1\" $verb >\"$2/$verb.said\" 2>&1; done; echo >\"$2/done\"; exec sleep 600";
    let words =
        ["/bin/sh", "-c", script, program.to_str().unwrap(), environment.to_str().unwrap(), folder.to_str().unwrap()];
    mac.launchd.load(OURS, &words, &json!({"KeepAlive": true}));
    let pid = mac.launchd.wait_pid(OURS);
    let before = fs::read(mac.plist(OURS)).unwrap();
    mac.scene.wait("both", || folder.join("done").exists().then_some(()));
    let said = |verb: &str| fs::read_to_string(folder.join(format!("{verb}.said"))).unwrap();
    assert!(said("install").contains("it holds from the next login on"), "{}", said("install"));
    assert!(said("install").contains("Installed."), "{}", said("install"));
    assert!(said("uninstall").contains("which goes on until it is quit"), "{}", said("uninstall"));
    assert_eq!(mac.launchd.pid(OURS), Some(pid));
    assert_eq!(fs::read(mac.plist(OURS)).unwrap(), before, "and what it found is back");
    // The bridge's own job was reloaded for each, and no other.
    let ended = mac.launchd.calls().into_iter().filter(|call| call.args[0] == "bootout");
    assert!(
        ended.into_iter().all(|call| call.args[1] == target(&mac.scene.label)),
        "{:?}",
        acts_of_launchctl(&mac.launchd)
    );
}

/// The app is in the same folder as the command line, so the agent starts it; also if the command line is a link
/// elsewhere.
#[cfg(all(feature = "tray", target_os = "linux"))]
#[test]
fn where_the_app_is_there_the_agent_starts_the_app() {
    let mac = Mac::new();
    mac.persons_bridge();
    let folder = mac.bundle(&[("watchdog", "bridge-watchdog"), ("tray", "bridge-watchdog-tray")]);
    let linked = mac.scene.folder.path().join("linked");
    std::os::unix::fs::symlink(folder.join("bridge-watchdog"), &linked).unwrap();
    mac.ok_by(&linked, &["install"]);
    let words = dictionary(&mac.plist(OURS));
    let app = folder.join("bridge-watchdog-tray");
    assert_eq!(words["ProgramArguments"].as_array().unwrap()[0].as_string(), app.to_str());
    let pid = mac.launchd.wait_pid(OURS);
    assert_eq!(fs::read_link(format!("/proc/{pid}/exe")).unwrap(), app);
    assert_eq!(mac.scene.wait("the app's watch", || mac.scene.status())["watch"], pid);
}
