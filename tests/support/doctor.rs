//! A set-up that is well, for `doctor`: the launchd stand-in, a Bot API on loopback, both agents installed. And what it
//! says, and its mends pasted into a shell.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use super::bot::{Bot, Mood};
use super::mac::OURS;
use super::{Mac, Scene, executable};

pub(crate) struct SetUp {
    pub mac: Mac,
    pub bot: Bot,
}

impl SetUp {
    /// Nothing is installed yet. `keys` are further keys of `[bridge]`.
    pub(crate) fn bare(keys: &str) -> SetUp {
        let (mut mac, bot) = (Mac::new(), Bot::new(Mood::Fine));
        mac.scene.extra = format!("{keys}\n{}", Bot::config(bot.address));
        // The watch is not to mend what a test has broken before it is looked at.
        mac.scene.set("reload", 600.0);
        mac.scene.write();
        SetUp { mac, bot }
    }

    /// Both agents run, the watch has looked, and all is well.
    pub(crate) fn well(keys: &str) -> SetUp {
        let set_up = SetUp::bare(keys);
        set_up.mac.ok("install");
        set_up.settle();
        set_up.is_well();
        set_up
    }

    pub(crate) fn scene(&self) -> &Scene {
        &self.mac.scene
    }

    pub(crate) fn settle(&self) {
        self.mac.launchd.wait_pid(OURS);
        self.mac.scene.wait_bridge();
        let session = self.mac.scene.data("valor_bridge.session");
        self.mac
            .scene
            .wait("the bridge's session and log", || (session.exists() && self.mac.scene.log().exists()).then_some(()));
    }

    /// Nothing wants a mend, by the exit code too. It may take the watch a look.
    pub(crate) fn is_well(&self) {
        let mut last = Vec::new();
        let well = || {
            last = ill(self.scene());
            last.is_empty().then_some(())
        };
        self.scene().wait("all to be well", well);
        let output = self.scene().run(&["doctor"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(0) && text.contains(" are well.\n") && !text.contains("MEND"), "{text}");
    }

    /// This is found, with this mend and no other; the mend is pasted, and all is well.
    pub(crate) fn mended_by_its_own_mend(&self, id: &str, mend: &str) {
        let found = named(self.scene(), id);
        assert_eq!(found, [mend], "{id}: {:?}", ill(self.scene()));
        paste(self, mend);
        self.is_well();
    }
}

/// `doctor --json`: identifiers and mends of what is not well.
pub(crate) fn ill(scene: &Scene) -> Vec<(String, String)> {
    ill_in(&scene.run(&["doctor", "--json"]))
}

/// The same as root without the right to read and write everything, so as anybody else would see it.
pub(crate) fn ill_without_rights(scene: &Scene) -> Vec<(String, String)> {
    let ours = scene.command(&["doctor", "--json"]);
    let mut without = Command::new("setpriv");
    without.arg("--bounding-set=-dac_override,-dac_read_search").arg(ours.get_program()).args(ours.get_args());
    without.env_remove("XDG_RUNTIME_DIR").env_remove("DBUS_SESSION_BUS_ADDRESS");
    ill_in(&without.output().expect("setpriv"))
}

fn ill_in(output: &Output) -> Vec<(String, String)> {
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    });
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    for value in &list {
        let keys: Vec<&String> = value.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["found", "id", "mend", "ok"]);
        let id = text(value, "id");
        assert!(!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{value}");
        assert!(!text(value, "found").is_empty() && !text(value, "found").contains('\n'), "{value}");
        assert_eq!(value["ok"] == true, value["mend"].is_null(), "{value}");
    }
    let ill: Vec<_> = list
        .iter()
        .filter(|value| value["ok"] == false)
        .map(|value| (text(value, "id"), text(value, "mend")))
        .collect();
    assert_eq!(output.status.code(), Some(i32::from(!ill.is_empty())), "{ill:?}");
    ill
}

/// The mends of this finding.
pub(crate) fn named(scene: &Scene, id: &str) -> Vec<String> {
    ill(scene).into_iter().filter(|(name, _)| name == id).map(|(_, mend)| mend).collect()
}

/// A path as a mend quotes it.
pub(crate) fn quoted(path: &std::path::Path) -> String {
    format!("'{}'", path.display())
}

/// Runs a mend as a person would who pastes it: our command, launchctl and an editor are in the PATH.
pub(crate) fn paste(set_up: &SetUp, mend: &str) {
    let scene = set_up.scene();
    let tools = tools(scene);
    std::fs::create_dir_all(&tools).expect("a folder");
    let launchctl = format!("#!/bin/sh\nexec '{}' \"$@\"\n", set_up.mac.launchd.launchctl().display());
    executable(&tools.join("launchctl"), &launchctl);
    paste_with(scene, mend);
}

/// The same without launchctl.
pub(crate) fn paste_with(scene: &Scene, mend: &str) {
    let tools = tools(scene);
    std::fs::create_dir_all(&tools).expect("a folder");
    let command = scene.command(&[]);
    let ours = format!(
        "#!/bin/sh\nexec '{}' '{}' \"$@\"\n",
        command.get_program().to_string_lossy(),
        command.get_args().next().expect("the environment").to_string_lossy()
    );
    executable(&tools.join("bridge-watchdog"), &ours);
    let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", tools.display());
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", mend]).env("PATH", path).env("HOME", scene.folder.path().join("home"));
    shell.env("EDITOR", tools.join("editor")).envs(scene.env.iter().map(|(key, value)| (key, value)));
    if scene.env.is_empty() {
        shell.env_remove("XDG_RUNTIME_DIR").env_remove("DBUS_SESSION_BUS_ADDRESS");
    }
    let output = shell.output().expect("a shell");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{mend}: {text}");
}

/// What the person does in the editor: a line of shell, with the file as `$1`.
pub(crate) fn editor(scene: &Scene, does: &str) {
    let tools = tools(scene);
    std::fs::create_dir_all(&tools).expect("a folder");
    executable(&tools.join("editor"), &format!("#!/bin/sh\n{does}\n"));
}

fn tools(scene: &Scene) -> PathBuf {
    scene.folder.path().join("tools")
}
