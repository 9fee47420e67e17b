//! `doctor` on jobs that are not as `install` would have them: each is named with its mend, and after the mend all is
//! well.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::Scene;
use crate::support::doctor::{SetUp, editor, ill, named, paste, paste_with, quoted};
use crate::support::launchd::target;
use crate::support::systemd;

#[test]
fn what_is_not_installed_is_installed() {
    let set_up = SetUp::bare("");
    let install = "bridge-watchdog install".to_owned();
    let found = ill(set_up.scene());
    for id in ["service", "watch", "agent"] {
        assert!(found.contains(&(id.to_owned(), install.clone())), "{id}: {found:?}");
    }
    paste(&set_up, &install);
    set_up.settle();
    set_up.is_well();
}

#[test]
fn a_job_that_is_not_loaded_or_is_disabled_comes_back() {
    let set_up = SetUp::well("");
    let label = set_up.scene().label.clone();
    let operator = |args: &[&str]| assert_eq!(set_up.mac.launchd.operator(args).code, 0, "{args:?}");
    operator(&["bootout", &target(&label)]);
    set_up.mac.launchd.wait_gone(&label);
    let plist = set_up.mac.bridge();
    let usual = set_up.scene().folder.path().join("home/Library/LaunchAgents").join(plist.file_name().expect("a name"));
    set_up.mended_by_its_own_mend("service", &format!("launchctl bootstrap gui/$(id -u) {}", quoted(&usual)));
    operator(&["disable", &target(&label)]);
    let enable = format!("launchctl enable gui/$(id -u)/{label} && bridge-watchdog install");
    set_up.mended_by_its_own_mend("service", &enable);
}

#[test]
fn a_job_that_is_restarted_only_sometimes_and_killed_too_soon_is_mended_by_install() {
    let set_up = SetUp::bare("");
    set_up.mac.persons_bridge();
    set_up.mac.launchd.wait_pid(&set_up.scene().label);
    let install = "bridge-watchdog install".to_owned();
    let found = ill(set_up.scene());
    for id in ["keep-alive", "exit-timeout"] {
        assert!(found.contains(&(id.to_owned(), install.clone())), "{id}: {found:?}");
    }
    paste(&set_up, &install);
    set_up.settle();
    set_up.is_well();
}

#[test]
fn r15_a_log_elsewhere_is_named_with_both_paths() {
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let (file, kept) = (scene.config_file(), scene.folder.path().join("kept.toml"));
    fs::copy(&file, &kept).expect("a copy");
    let text = fs::read_to_string(&file).expect("a configuration");
    fs::write(&file, text.replace("[telegram]", "log = \"logs/another.log\"\n[telegram]")).expect("a configuration");
    let text = String::from_utf8_lossy(&scene.run(&["doctor"]).stdout).into_owned();
    let said = text.lines().find(|line| line.starts_with("MEND  output-path: ")).expect("a finding").to_owned();
    assert!(said.contains("logs/bridge.log") && said.contains("logs/another.log"), "{said}");
    editor(scene, &format!("cp {} \"$1\"", quoted(&kept)));
    set_up.mended_by_its_own_mend("output-path", &format!("\"${{EDITOR:-vi}}\" {}", quoted(&file)));
}

/// A twin: the bridge has a logger of its own, and what its manager catches is something else.
#[test]
fn a_bridge_that_writes_its_log_itself_is_well() {
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let text = fs::read_to_string(scene.config_file()).expect("a configuration");
    let text = text.replace("[telegram]", "error_log = \"logs/own.error.log\"\n[telegram]");
    fs::write(scene.config_file(), text).expect("a configuration");
    assert_eq!(ill(scene).into_iter().map(|(id, _)| id).collect::<Vec<_>>(), ["error-output-path"]);
    fs::write(scene.root.join("logs/own.error.log"), "an error\n").expect("a log");
    set_up.is_well();
}

#[test]
fn r26_two_plists_of_one_label_are_named_and_one_of_another_name_is_well() {
    let set_up = SetUp::well("");
    let plist = set_up.mac.bridge();
    let second = plist.with_file_name("telegram bridge (work).plist");
    fs::copy(&plist, &second).expect("a copy");
    let agents = set_up.scene().folder.path().join("home/Library/LaunchAgents");
    let shown = agents.join("telegram bridge (work).plist");
    let mend = format!("mv -n {} ~/'telegram bridge (work).plist'", quoted(&shown));
    set_up.mended_by_its_own_mend("plist-name", &mend);
    assert!(!second.exists() && set_up.scene().folder.path().join("home/telegram bridge (work).plist").exists());
}

#[test]
fn a_plist_that_others_can_change_is_closed() {
    let set_up = SetUp::well("");
    let agents = set_up.scene().folder.path().join("home/Library/LaunchAgents");
    for (label, id) in
        [(set_up.scene().label.as_str(), "plist-mode"), ("com.valor.bridge-watchdog", "agent-plist-mode")]
    {
        let plist = set_up.mac.plist(label);
        fs::set_permissions(&plist, fs::Permissions::from_mode(0o666)).expect("a mode");
        let mend = format!("chmod 644 {}", quoted(&agents.join(format!("{label}.plist"))));
        set_up.mended_by_its_own_mend(id, &mend);
    }
}

#[test]
fn a_manager_that_does_not_answer_is_named_and_nothing_is_said_of_the_job() {
    let set_up = SetUp::well("");
    set_up.mac.launchd.fault(&json!({"answers": {"print": {"code": 1, "stdout": "", "stderr": "not today"}}}));
    let systemd = Scene::new("systemd", 60.0);
    let rows =
        [(set_up.scene(), "launchctl print gui/$(id -u)"), (&systemd, "export XDG_RUNTIME_DIR=/run/user/$(id -u)")];
    for (scene, mend) in rows {
        let found = ill(scene);
        assert!(found.contains(&("service-manager".into(), mend.into())), "{found:?}");
        let of_the_job = ["service", "keep-alive", "exit-timeout"];
        assert!(found.iter().all(|(id, _)| !of_the_job.contains(&id.as_str())), "{found:?}");
    }
    set_up.mac.launchd.mend();
    set_up.is_well();
}

#[test]
fn a_unit_that_is_restarted_only_sometimes_gets_a_drop_in() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    let units = manager.units().parent().expect("a folder").to_owned();
    std::os::unix::fs::symlink(units, scene.folder.path().join("home/systemd")).expect("a link");
    scene.write();
    manager.begin(&scene, "Restart=on-failure");
    let pid = manager.wait_pid(&scene.label);
    for id in ["keep-alive", "exit-timeout"] {
        let mends = named(&scene, id);
        assert_eq!(mends.len(), 1, "{id}: {mends:?}");
        paste_with(&scene, &mends[0]);
        assert!(named(&scene, id).is_empty(), "{id}: {:?}", ill(&scene));
        assert_eq!(manager.wait_pid(&scene.label), pid, "nobody was restarted for it");
    }
    assert_eq!(manager.property(&scene.label, "Restart"), "always");
    scene.run(&["uninstall"]);
}
