//! `doctor` on jobs that are not as `install` would have them: each is named with its mend, and after the mend all is
//! well.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::Scene;
use crate::support::doctor::{SetUp, editor, ill, named, paste, paste_with, quoted};
use crate::support::launchd::target;
use crate::support::mac::dictionary;
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

/// It runs, and after the next login it would not.
#[test]
fn a_plist_that_no_login_would_load_is_named_while_the_job_is_loaded() {
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let (plist, label) = (set_up.mac.bridge(), scene.label.clone());
    let shown = scene.folder.path().join(format!("home/Library/LaunchAgents/{label}.plist"));
    fs::write(&plist, "<plist><dict><key>Label").expect("a plist");
    let name = shown.file_name().expect("a name").to_string_lossy().into_owned();
    let moved = format!("mv -n {} ~/{name} && bridge-watchdog install", quoted(&shown));
    set_up.mended_by_its_own_mend("service-file", &moved);
    fs::remove_file(&plist).expect("a plist");
    set_up.mended_by_its_own_mend("service-file", "bridge-watchdog install");
    let kept = fs::read(&plist).expect("a plist");
    let mut keys = dictionary(&plist);
    keys.insert("Disabled".into(), plist::Value::Boolean(true));
    plist::to_file_xml(&plist, &keys).expect("a plist");
    let enable = format!("launchctl enable gui/$(id -u)/{label} && bridge-watchdog install");
    set_up.mended_by_its_own_mend("service-login", &enable);
    fs::write(&plist, &kept).expect("a plist");
    set_up.is_well();
    let mut keys = dictionary(&plist);
    keys["ProgramArguments"].as_array_mut().expect("a list")[0] = plist::Value::String("/nowhere/python".into());
    plist::to_file_xml(&plist, &keys).expect("a plist");
    let copy = scene.folder.path().join("kept.plist");
    fs::write(&copy, &kept).expect("a copy");
    editor(scene, &format!("cat {} > \"$1\"", quoted(&copy)));
    set_up.mended_by_its_own_mend("program", &format!("\"${{EDITOR:-vi}}\" {}", quoted(&shown)));
}

/// `install` would write one without what the person has put into it.
#[test]
fn a_plist_of_a_persons_that_is_broken_is_left_to_the_person() {
    let set_up = SetUp::bare("");
    set_up.mac.launchd.load(&set_up.scene().label, &set_up.scene().program(), &json!({"KeepAlive": true}));
    set_up.mac.launchd.wait_pid(&set_up.scene().label);
    fs::write(set_up.mac.bridge(), "<plist><dict><key>Label").expect("a plist");
    let mends = named(set_up.scene(), "service-file");
    assert!(mends.len() == 1 && mends[0].starts_with("\"${EDITOR:-vi}\" "), "{mends:?}");
}

#[test]
fn a_unit_that_no_start_of_the_machine_would_start_is_named_while_it_runs() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    let units = manager.units().parent().expect("a folder").to_owned();
    std::os::unix::fs::symlink(units, scene.folder.path().join("home/systemd")).expect("a link");
    scene.write();
    let text = |more: &str| {
        let words: Vec<String> = scene.program().iter().map(|word| format!("\"{word}\"")).collect();
        let keys = systemd::keys_of(&scene, systemd::ALWAYS);
        format!("[Service]\nExecStart={}\n{keys}\n{more}", words.join(" "))
    };
    let unit = format!("{}.service", scene.label);
    let install = "[Install]\nWantedBy=default.target\n";
    manager.write_text(&scene.label, &text(install));
    manager.start_unit(&scene.label);
    let pid = manager.wait_pid(&scene.label);
    let mended = |id: &str, mend: &str| {
        assert_eq!(named(&scene, id), [mend], "{:?}", ill(&scene));
        paste_with(&scene, mend);
        manager.reload();
        assert!(named(&scene, id).is_empty(), "{id}: {:?}", ill(&scene));
        assert_eq!(manager.wait_pid(&scene.label), pid, "nobody was restarted for it");
    };
    assert!(named(&scene, "service-login").is_empty() && named(&scene, "service-file").is_empty());
    // Where systemctl sees no manager of the system it works on the files alone.
    manager.ok(&["disable", &unit]);
    manager.reload();
    mended("service-login", &format!("systemctl --user enable {unit}"));
    fs::write(manager.units().join(&unit), text(&format!("Nice=1\n{install}"))).expect("a unit");
    mended("service-file", "systemctl --user daemon-reload");
    fs::remove_file(manager.units().join(&unit)).expect("a unit");
    mended("service-file", "bridge-watchdog install");
    fs::remove_file(manager.units().join(&unit)).expect("a unit");
    manager.reload();
    mended("service-file", "bridge-watchdog install");
    // Without [Install] nothing can be enabled.
    fs::write(manager.units().join(&unit), text("")).expect("a unit");
    let _ = fs::remove_file(manager.units().join("default.target.wants").join(&unit));
    manager.reload();
    assert_eq!(manager.property(&scene.label, "UnitFileState"), "static");
    assert!(named(&scene, "service-login").is_empty());
    fs::write(manager.units().join(&unit), "garbage\n").expect("a unit");
    manager.reload();
    let mends = named(&scene, "service-file");
    assert!(
        mends.len() == 1 && mends[0].starts_with("mv -n ") && mends[0].contains(&unit),
        "{mends:?} {:?}",
        manager.show(&scene.label)
    );
    scene.run(&["uninstall"]);
}
