//! A scene for `install`: its home's LaunchAgents are the stand-in's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use plist::Value;
use serde_json::json;

use super::launchd::target;
use super::require::{self, Ability};
use super::{Launchd, Scene, beside, executable};

/// The label of our own agent.
pub(crate) const OURS: &str = "com.valor.bridge-watchdog";

pub(crate) struct Mac {
    pub scene: Scene,
    pub launchd: Launchd,
}

impl Mac {
    pub(crate) fn new() -> Mac {
        let mut scene = Scene::new("launchd", 60.0);
        let home = scene.folder.path().join("home");
        let launchd = Launchd::start(&scene.folder.path().join("launchd"));
        fs::create_dir_all(home.join("Library")).expect("Library");
        std::os::unix::fs::symlink(launchd.dir.join("LaunchAgents"), home.join("Library/LaunchAgents"))
            .expect("LaunchAgents");
        scene.set("launchctl", launchd.launchctl().to_str().expect("a path"));
        scene.write();
        Mac { scene, launchd }
    }

    pub(crate) fn plist(&self, label: &str) -> PathBuf {
        self.launchd.plist(label)
    }

    pub(crate) fn bridge(&self) -> PathBuf {
        self.plist(&self.scene.label)
    }

    /// The exit code and everything that was printed.
    pub(crate) fn run(&self, verb: &str) -> (i32, String) {
        let Output { status, stdout, stderr } = self.scene.run(&[verb]);
        let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(!text.contains("hunter2"), "the job's environment was printed: {text}");
        (status.code().expect("a code"), text)
    }

    pub(crate) fn ok(&self, verb: &str) -> String {
        let (code, text) = self.run(verb);
        assert_eq!(code, 0, "{verb}: {text}");
        text
    }

    /// A bridge that a person has set up: a KeepAlive dictionary, an environment, keys that we do not know.
    pub(crate) fn persons_bridge(&self) {
        self.launchd.load(&self.scene.label, &self.scene.program(), &self.persons_keys());
        self.launchd.wait_pid(&self.scene.label);
    }

    pub(crate) fn persons_keys(&self) -> serde_json::Value {
        json!({
            "KeepAlive": {"SuccessfulExit": false}, "WorkingDirectory": self.scene.root, "Nice": 5,
            "StandardOutPath": self.scene.log(), "StandardErrorPath": self.scene.error_log(),
            "EnvironmentVariables": {"API_HASH": "hunter2", "PATH": "/usr/bin:/bin"},
        })
    }

    /// An older watchdog under our label, in its own way: a script whose name begins as ours does, on our configuration.
    pub(crate) fn older_watchdog(&self) -> Vec<u8> {
        let script = self.scene.folder.path().join("bridge-watchdog.sh");
        executable(&script, "#!/bin/sh\nexec sleep 600\n");
        let keys = json!({"KeepAlive": true, "Comment": "the older watchdog"});
        let file = self.scene.config_file().canonicalize().expect("a configuration");
        let words = [script.to_str().expect("a path"), "--config", file.to_str().expect("a path")];
        self.launchd.load(OURS, &words, &keys);
        self.launchd.wait_pid(OURS);
        fs::read(self.plist(OURS)).expect("its plist")
    }

    /// Our programs of the test environment under their own names, side by side as in the bundle; their folder.
    pub(crate) fn bundle(&self, names: &[(&str, &str)]) -> PathBuf {
        let folder = self.scene.folder.path().join("Bridge Watchdog.app/Contents/MacOS");
        fs::create_dir_all(&folder).expect("a folder");
        for (from, to) in names {
            let (from, to) = (beside(&format!("examples/test-{from}")), folder.join(to));
            fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop)).expect("a program");
        }
        folder.canonicalize().expect("a folder")
    }

    /// A program in the scene's environment, to its end: it has to succeed.
    pub(crate) fn ok_by(&self, program: &Path, args: &[&str]) -> String {
        let mut command = std::process::Command::new(program);
        let output =
            command.arg(self.scene.folder.path().join("environment.json")).args(args).output().expect("it runs");
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{args:?}: {text}");
        text
    }

    /// What launchd goes by, whatever the file says by now.
    pub(crate) fn printed(&self, label: &str) -> String {
        String::from_utf8_lossy(&self.launchd.operator(&["print", &target(label)]).stdout).into_owned()
    }

    /// What is kept in our state folder: names and contents. All files have mode 0600.
    pub(crate) fn kept(&self) -> Vec<(String, Vec<u8>)> {
        let folder = self.scene.state().join("plists");
        let mut kept: Vec<_> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| {
                assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
                (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a copy"))
            })
            .collect();
        kept.sort();
        kept
    }

    pub(crate) fn keeps(&self, bytes: &[u8]) -> bool {
        self.kept().iter().any(|(_, kept)| kept == bytes)
    }
}

pub(crate) fn dictionary(path: &Path) -> plist::Dictionary {
    Value::from_file(path).expect("a plist").into_dictionary().expect("a dictionary")
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// `plutil -lint` of the platform, if it is there. libplist's tool exits with 0 whatever it reads, so its output
/// counts.
pub(crate) fn lint(path: &Path) {
    if !require::has(Ability::Plist) {
        return;
    }
    let (program, args): (&str, &[&str]) =
        if cfg!(target_os = "macos") { ("plutil", &["-lint"]) } else { ("plistutil", &["-f", "xml", "-i"]) };
    let output = std::process::Command::new(program).args(args).arg(path).output().expect("it was found");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let good = if cfg!(target_os = "macos") { "OK" } else { "<plist" };
    assert!(output.status.success() && !text.contains("ERROR") && text.contains(good), "{text}");
}
