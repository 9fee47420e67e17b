//! `install` and `uninstall` against the stand-in for launchd: what a person wrote stays, and everything comes back.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use plist::Value;
use serde_json::json;
use support::{Launchd, Scene};

const OURS: &str = "com.valor.bridge-watchdog";

struct Mac {
    scene: Scene,
    launchd: Launchd,
}

impl Mac {
    fn new() -> Mac {
        let mut scene = Scene::new("launchd", 60.0);
        let home = scene.folder.path().join("home");
        let launchd = Launchd::start(&scene.folder.path().join("launchd"));
        fs::create_dir_all(home.join("Library")).expect("Library");
        std::os::unix::fs::symlink(launchd.dir.join("LaunchAgents"), home.join("Library/LaunchAgents"))
            .expect("LaunchAgents");
        scene.world("launchctl", launchd.launchctl().to_str().expect("a path"));
        scene.write();
        Mac { scene, launchd }
    }

    fn plist(&self, label: &str) -> PathBuf {
        self.launchd.plist(label)
    }

    fn bridge(&self) -> PathBuf {
        self.plist(&self.scene.label)
    }

    fn run(&self, verb: &str) -> (i32, String) {
        let Output { status, stdout, stderr } = self.scene.run(&[verb]);
        let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(!text.contains("hunter2"), "the job's environment was printed: {text}");
        (status.code().expect("a code"), text)
    }

    fn ok(&self, verb: &str) -> String {
        let (code, text) = self.run(verb);
        assert_eq!(code, 0, "{verb}: {text}");
        text
    }

    /// A bridge that a person has set up: a KeepAlive dictionary, an environment, keys that we know nothing of.
    fn persons_bridge(&self) {
        let keys = json!({
            "KeepAlive": {"SuccessfulExit": false}, "WorkingDirectory": self.scene.root, "Nice": 5,
            "StandardOutPath": self.scene.log(), "StandardErrorPath": self.scene.error_log(),
            "EnvironmentVariables": {"API_HASH": "hunter2", "PATH": "/usr/bin:/bin"},
        });
        self.launchd.load(&self.scene.label, &self.scene.program(), &keys);
        self.launchd.wait_pid(&self.scene.label);
    }
}

fn keys(path: &Path) -> plist::Dictionary {
    Value::from_file(path).expect("a plist").into_dictionary().expect("a dictionary")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// `plutil -lint` of the platform where there is one. libplist's tool exits with 0 whatever it reads, so its words count.
fn lint(path: &Path) {
    let (program, args): (&str, &[&str]) =
        if cfg!(target_os = "macos") { ("plutil", &["-lint"]) } else { ("plistutil", &["-f", "xml", "-i"]) };
    let output = Command::new(program).args(args).arg(path).output().expect("plistutil is installed by make test");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success()
            && !text.contains("ERROR")
            && text.contains(if cfg!(target_os = "macos") { "OK" } else { "<plist" }),
        "{text}"
    );
}

#[test]
fn incident_41_only_three_keys_change_and_uninstall_puts_every_byte_back() {
    let mac = Mac::new();
    mac.persons_bridge();
    mac.launchd.load(
        OURS,
        &["/bin/sh", "-c", "exec sleep 600"],
        &json!({"KeepAlive": true, "Comment": "the older watchdog"}),
    );
    let (bridge, ours) = (mac.bridge(), mac.plist(OURS));
    let (bridge_before, ours_before) = (fs::read(&bridge).unwrap(), fs::read(&ours).unwrap());

    let said = mac.ok("install");
    assert!(said.contains("an older watchdog is replaced"), "{said}");
    let mut now = keys(&bridge);
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
    for kept in fs::read_dir(mac.scene.state().join("plists")).unwrap().flatten() {
        assert_eq!(mode(&kept.path()), 0o600, "{}", kept.path().display());
    }
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
    mac.ok("install");
    lint(&mac.bridge());
    let keys = keys(&mac.bridge());
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
    let mut changed = keys(&mac.bridge());
    changed.insert("Nice".into(), Value::Integer(7.into()));
    Value::Dictionary(changed).to_file_xml(mac.bridge()).unwrap();
    mac.ok("uninstall");
    let now = keys(&mac.bridge());
    assert_eq!(now.get("Nice"), Some(&Value::Integer(7.into())));
    assert!(matches!(now.get("KeepAlive"), Some(Value::Dictionary(_))), "{now:?}");
    assert_eq!(now.get("ExitTimeOut"), None);
}

#[test]
fn a_plist_that_is_binary_or_a_link_keeps_its_form() {
    let mac = Mac::new();
    mac.persons_bridge();
    let real = mac.scene.folder.path().join("dotfiles bridge.plist");
    Value::Dictionary(keys(&mac.bridge())).to_file_binary(&real).unwrap();
    fs::remove_file(mac.bridge()).unwrap();
    std::os::unix::fs::symlink(&real, mac.bridge()).unwrap();
    mac.ok("install");
    assert!(fs::symlink_metadata(mac.bridge()).unwrap().is_symlink());
    assert!(fs::read(&real).unwrap().starts_with(b"bplist"));
    assert_eq!(keys(&real).get("KeepAlive"), Some(&Value::Boolean(true)));
}

#[test]
fn a_plist_that_is_broken_or_read_only_is_left_and_named() {
    type Row = (&'static str, fn(&Path), &'static str);
    let rows: [Row; 2] = [
        ("broken", |path| fs::write(path, "<plist><dict>").unwrap(), "is no property list; mend it"),
        (
            "read-only",
            |path| fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap(),
            "is read-only, so it is left as it is",
        ),
    ];
    for (name, spoil, words) in rows {
        let mac = Mac::new();
        mac.persons_bridge();
        spoil(&mac.bridge());
        let before = fs::read(mac.bridge()).unwrap();
        let (code, text) = mac.run("install");
        assert_eq!(code, 1, "{name}: {text}");
        assert!(
            text.contains(words) && text.contains(&mac.bridge().file_name().unwrap().to_string_lossy().into_owned()),
            "{name}: {text}"
        );
        assert_eq!(fs::read(mac.bridge()).unwrap(), before, "{name}");
    }
}

#[test]
fn what_the_operator_disabled_is_not_enabled_by_install() {
    let mac = Mac::new();
    mac.persons_bridge();
    mac.launchd.operator(&["disable", &support::launchd::target(&mac.scene.label)]);
    mac.launchd.operator(&["bootout", &support::launchd::target(&mac.scene.label)]);
    mac.launchd.wait_gone(&mac.scene.label);
    let said = mac.ok("install");
    assert!(said.contains("stopped by its operator and stays so"), "{said}");
    assert!(!mac.launchd.calls().iter().any(|call| call.args.iter().any(|word| word == "enable")));
}
