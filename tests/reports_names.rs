//! What is configured or named a little differently is found all the same (reports R22b to R26, kind J). Who else runs
//! such a bridge: on btrfs or in a container's overlay, with a session of another name, with a unit as systemctl prints
//! it, as an instance of a template, with a plist that is called after a person and not after its label.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::launchd::{domain, target};
use crate::support::mac::{OURS, dictionary};
use crate::support::require::{self, Ability};
use crate::support::systemd::{self, ALWAYS};
use crate::support::{Launchd, Mac, Scene, acts_of_launchctl, keys, signal, unloaded, why_started};
use rustix::process::Signal;
use serde_json::{Value, json};

const PERSONS: &str = "telegram bridge (work).plist";

/// The bridge's plist under another name, and loaded from there; its path.
fn renamed(scene: &Scene, launchd: &Launchd, to: &Path) -> String {
    fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    fs::rename(launchd.plist(&scene.label), to).expect("another name");
    let path = to.to_str().expect("a path").to_owned();
    let answer = launchd.operator(&["bootstrap", &domain(), &path]);
    assert_eq!(answer.code, 0, "bootstrap: {}", String::from_utf8_lossy(&answer.stderr));
    path
}

/// Booted out, it is told as not loaded and comes back in its time from the same file.
fn assert_loaded_again(scene: &Scene, launchd: &Launchd, path: &str) {
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    launchd.operator(&["bootout", &target(&scene.label)]);
    launchd.wait_gone(&scene.label);
    scene.wait_verdict("unhealthy", "not-loaded");
    assert_eq!(scene.check().0["cause"], "not-loaded", "the same by check");
    scene.wait_verdict("healthy", "none");
    assert_eq!(why_started(scene, launchd), ["load", "load"]);
    let loads: Vec<Vec<String>> =
        launchd.calls().into_iter().map(|call| call.args).filter(|args| args[0] == "bootstrap").collect();
    assert_eq!(loads, [["bootstrap".to_owned(), domain(), path.to_owned()]]);
}

#[test]
fn r26_a_plist_of_another_name_is_loaded_again() {
    let (scene, launchd) = unloaded(&[], &keys(), |scene| scene.set("reload", 2.0));
    let path = launchd.dir.join("LaunchAgents").join(PERSONS);
    let path = renamed(&scene, &launchd, &path);
    assert_loaded_again(&scene, &launchd, &path);
}

/// A twin: never in LaunchAgents, but loaded by hand from the checkout. Only `print` ever names it.
#[test]
fn r26_a_plist_in_the_checkout_is_remembered() {
    let (scene, launchd) = unloaded(&[], &keys(), |scene| scene.set("reload", 2.0));
    let path = renamed(&scene, &launchd, &scene.root.join("launchd/bridge.plist"));
    assert_loaded_again(&scene, &launchd, &path);
    // By the next watch too, and by commands.
    launchd.operator(&["bootout", &target(&scene.label)]);
    launchd.wait_gone(&scene.label);
    assert_eq!(scene.check().0["cause"], "not-loaded");
}

/// A twin: the label is wrong. Then there is no service, and the file is not ours to load.
#[test]
fn r26_a_plist_with_another_label_is_not_the_bridges() {
    let mac = Mac::new();
    mac.launchd.write_plist("com.example.other", &["/bin/sleep", "600"], &json!({}));
    fs::rename(mac.plist("com.example.other"), mac.bridge()).expect("a misleading name");
    let before = fs::read(mac.bridge()).expect("a plist");
    assert_eq!(mac.scene.check().0["cause"], "config-error");
    let (code, said) = mac.run("install");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&format!("has another Label than {}; rename it", mac.scene.label)), "{said}");
    assert_eq!(fs::read(mac.bridge()).expect("a plist"), before);
}

#[test]
fn r26_install_and_uninstall_act_on_that_very_file() {
    for loaded in [true, false] {
        let mac = Mac::new();
        let path = mac.launchd.dir.join("LaunchAgents").join(PERSONS);
        mac.launchd.write_plist(&mac.scene.label, &mac.scene.program(), &mac.persons_keys());
        fs::rename(mac.bridge(), &path).expect("another name");
        // Binary, and beside one that nobody can read.
        plist::Value::Dictionary(dictionary(&path)).to_file_binary(&path).expect("a plist");
        fs::write(mac.launchd.dir.join("LaunchAgents/a.plist"), "garbage").expect("a file");
        let before = fs::read(&path).expect("a plist");
        if loaded {
            mac.launchd.operator(&["bootstrap", &domain(), path.to_str().expect("a path")]);
            mac.launchd.wait_pid(&mac.scene.label);
        }
        for _ in 0..2 {
            mac.ok("install");
            assert!(!mac.bridge().exists(), "no second plist for the label");
            assert_eq!(dictionary(&path).get("KeepAlive"), Some(&plist::Value::Boolean(true)));
            assert!(fs::read(&path).expect("a plist").starts_with(b"bplist"));
        }
        mac.launchd.wait_pid(&mac.scene.label);
        mac.ok("uninstall");
        assert_eq!(fs::read(&path).expect("a plist"), before, "every byte is back");
        assert!(!mac.bridge().exists() && !mac.plist(OURS).exists());
    }
}

/// A twin: two files with the label. The one that is loaded is used, and the other is named.
#[test]
fn r26_of_two_plists_the_loaded_one_is_used_and_the_other_is_named() {
    let mac = Mac::new();
    let path = mac.launchd.dir.join("LaunchAgents").join(PERSONS);
    mac.launchd.write_plist(&mac.scene.label, &mac.scene.program(), &mac.persons_keys());
    fs::copy(mac.bridge(), &path).expect("a copy");
    let other = fs::read(mac.bridge()).expect("a plist");
    mac.launchd.operator(&["bootstrap", &domain(), path.to_str().expect("a path")]);
    mac.launchd.wait_pid(&mac.scene.label);
    let said = mac.ok("install");
    let named = format!("{}.plist has the label {} too; remove one of them", mac.scene.label, mac.scene.label);
    assert!(said.contains(&named), "{said}");
    assert_eq!(fs::read(mac.bridge()).expect("a plist"), other);
    assert_eq!(dictionary(&path).get("KeepAlive"), Some(&plist::Value::Boolean(true)));
}

#[test]
fn r25_a_unit_with_its_suffix_is_the_same_unit() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let plain = scene.label.clone();
    manager.begin(&scene, ALWAYS);
    scene.label = format!("{plain}.service");
    scene.write();
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = manager.wait_pid(&plain);
    assert_eq!(scene.check().0["facts"]["process"]["pid"], before);
    scene.wait_aged(before, 0.5);
    signal(before, Signal::KILL);
    let after = scene.wait("a new pid", || manager.pid(&plain).filter(|pid| *pid != before));
    scene.wait_seen(after);
}

/// A twin: an instance of a template, as systemctl prints it.
#[test]
fn r25_an_instance_of_a_template_is_found_with_and_without_the_suffix() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    manager.write_unit("bridge@", &scene.program(), &systemd::keys_of(&scene, ALWAYS));
    manager.start_unit("bridge@work");
    let pid = manager.wait_pid("bridge@work");
    for label in ["bridge@work.service", "bridge@work"] {
        scene.label = label.into();
        scene.write();
        let check = scene.check().0;
        assert_eq!((&check["facts"]["process"]["pid"], &check["cause"]), (&json!(pid), &json!("none")), "{label}");
    }
}

#[test]
fn r25_what_is_no_service_is_refused_with_the_mend() {
    for (label, mend) in [
        ("com.valor.bridge.timer", "name the service: com.valor.bridge.service"),
        ("com.valor.bridge.SERVICE", "name the service: com.valor.bridge.service"),
        ("bridge@.service", "name the instance that runs, as in bridge@work"),
    ] {
        let mut scene = Scene::new("systemd", 60.0);
        scene.label = label.into();
        scene.write();
        let output = scene.run(&["check"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("config.toml: bridge.label ") && said.contains(mend), "{said}");
    }
}

/// The sentence about the session among what is not known.
fn unknown_session(check: &Value) -> Option<String> {
    let unknown = check["unknown"].as_array().expect("a list").iter().filter_map(Value::as_str);
    unknown.into_iter().find(|why| why.starts_with("session: ")).map(str::to_owned)
}

#[test]
fn r24_the_lock_is_looked_for_where_telethon_has_the_session() {
    let rows = [
        ("TELEGRAM_SESSION_NAME=alice.session", "data/alice.session"),
        ("TELEGRAM_SESSION_NAME=alice # the work account", "data/alice.session"),
        ("TELEGRAM_SESSION_NAME=\"alice\"   # the work account", "data/alice.session"),
        ("TELEGRAM_SESSION_NAME=sessions/alice", "sessions/alice.session"),
        ("export   TELEGRAM_SESSION_NAME=alice", "data/alice.session"),
        ("export\tTELEGRAM_SESSION_NAME='alice'\r\n", "data/alice.session"),
    ];
    for (line, path) in rows {
        let scene = Scene::new("embedded", 60.0);
        fs::write(scene.root.join(".env"), line).expect(".env");
        let path = scene.root.join(path);
        let (check, _) = scene.check();
        assert_eq!(check["facts"]["session"], Value::Null, "{line}");
        let why = unknown_session(&check).expect("it is said");
        assert!(why.starts_with(&format!("session: {} is not there", path.display())), "{line}: {why}");
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let session = rusqlite::Connection::open(&path).expect("a session");
        session.execute_batch("create table t(x); begin exclusive").expect("a lock");
        let (check, _) = scene.check();
        assert_eq!(unknown_session(&check), None, "{line}");
        let holders = &check["facts"]["session"]["holders"];
        assert_eq!(
            (&holders[0]["pid"], &holders[0]["lock"]),
            (&json!(std::process::id()), &json!("exclusive")),
            "{line}"
        );
        assert_eq!(check["cause"], "session-locked", "{line}");
    }
}

#[test]
fn r24_under_a_manager_its_environment_names_the_session() {
    let (scene, launchd) = unloaded(&[], &keys(), |_| {});
    fs::write(scene.root.join(".env"), "TELEGRAM_SESSION_NAME=alice\n").expect(".env");
    let mut plist = dictionary(&launchd.plist(&scene.label));
    let variables = json!({"TELEGRAM_SESSION_NAME": "sessions/bob"});
    plist.insert("EnvironmentVariables".into(), plist::to_value(&variables).expect("a value"));
    plist::Value::Dictionary(plist).to_file_xml(launchd.plist(&scene.label)).expect("a plist");
    let why = unknown_session(&scene.check().0).expect("it is said");
    assert!(why.contains("checkout/sessions/bob.session is not there"), "{why}");
    assert!(acts_of_launchctl(&launchd).is_empty());
}

/// Another process, in a mount namespace of its own, runs `r23_inside` with its temporary folder on a mount that this
/// script has made at `$0/mnt`.
fn on_a_mount(script: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "set -e; cd \"$0\"; mkdir mnt; {script}; TMPDIR=\"$0/mnt\" exec \"$1\" --exact reports_names::r23_inside --ignored --nocapture"
    );
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "/bin/sh", "-c", &text])
        .arg(folder.path())
        .arg(std::env::current_exe().expect("our own path"))
        .stdin(Stdio::null())
        .output()
        .expect("unshare runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{script}: {said}");
}

#[test]
#[ignore = "the other process of the tests below"]
fn r23_inside() {
    for mode in ["delete", "wal"] {
        let scene = Scene::new("embedded", 60.0);
        let path = scene.data("valor_bridge.session");
        let session = rusqlite::Connection::open(&path).expect("a session");
        session.pragma_update(None, "journal_mode", mode).expect("a mode");
        session.execute_batch("create table t(x); insert into t values (1)").expect("a table");
        let is_idle = || {
            let holders = scene.check().0["facts"]["session"]["holders"].clone();
            let idle = holders.as_array().expect("known").iter().all(|holder| holder["lock"] == "none");
            assert!(idle, "{mode}: {holders}");
        };
        is_idle();
        session.execute_batch(if mode == "wal" { "begin immediate" } else { "begin exclusive" }).expect("a lock");
        let (check, _) = scene.check();
        let lock = if mode == "wal" { "reserved" } else { "exclusive" };
        let holder = &check["facts"]["session"]["holders"][0];
        assert_eq!((&holder["pid"], &holder["lock"]), (&json!(std::process::id()), &json!(lock)), "{mode}: {check}");
        assert_eq!(check["cause"], "session-locked", "{mode}");
        session.execute_batch("rollback").expect("no lock");
        is_idle();
    }
}

#[test]
fn r23_the_holder_is_known_on_btrfs() {
    if !require::has(Ability::Btrfs) {
        return;
    }
    on_a_mount("truncate -s 300M img; mkfs.btrfs -q img; mount -o loop img mnt");
}

/// A twin: a subvolume, whose device is its own.
#[test]
fn r23_the_holder_is_known_in_a_subvolume() {
    if !require::has(Ability::Btrfs) {
        return;
    }
    on_a_mount(
        "truncate -s 300M img; mkfs.btrfs -q img; mkdir top; mount -o loop img top; btrfs -q subvolume create top/sub; mount --bind top/sub mnt",
    );
}

/// Twins: a container's file system, its upper folder on the same disk as the lower one, and on another one.
#[test]
fn r23_the_holder_is_known_on_an_overlay() {
    if !require::has(Ability::Mount) {
        return;
    }
    let lower = "mkdir low up work; ";
    on_a_mount(&format!("{lower}mount -t overlay overlay -o lowerdir=low,upperdir=up,workdir=work mnt"));
    on_a_mount(
        "mkdir low mem; mount -t tmpfs tmpfs mem; mkdir mem/up mem/work; mount -t overlay overlay -o lowerdir=low,upperdir=mem/up,workdir=mem/work mnt",
    );
    on_a_mount(
        "mkdir up work mem; mount -t tmpfs tmpfs mem; mkdir mem/low; mount -t overlay overlay -o lowerdir=mem/low,upperdir=up,workdir=work mnt",
    );
    on_a_mount("mount -t tmpfs tmpfs mnt");
}

/// Git's own checkout, by the program.
#[test]
fn r22b_a_sparse_checkout_is_not_dirty() {
    let scene = Scene::new("embedded", 60.0);
    scene.commit("docs/a.md", "one\n", "Docs", 1000);
    scene.commit("bridge/a.py", "one\n", "Code", 900);
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        let output = command.args(args).current_dir(&scene.root).output().expect("git runs");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["sparse-checkout", "set", "bridge"]);
    assert!(!scene.root.join("docs").exists());
    assert_eq!(scene.check().0["facts"]["git"]["dirty"], false);
    fs::write(scene.root.join("bridge/a.py"), "two\n").expect("a change");
    assert_eq!(scene.check().0["facts"]["git"]["dirty"], true);
}
