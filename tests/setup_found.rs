//! Which bridge `setup` finds by itself: from a plist, from the user manager, from the files of units.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;

use crate::setup::{Said, forget, setup};
use crate::support::systemd;
use crate::support::{Scene, executable};

/// No alerts, nobody installed: what is asked is only which bridge it is.
const FLAGS: [&str; 2] = ["--yes", "--no-alerts"];

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn config(scene: &Scene, said: &Said) -> String {
    fs::read_to_string(scene.config_file()).unwrap_or_else(|error| panic!("{error}: {}", said.text))
}

/// A user's own folder of units.
fn units(scene: &Scene) -> std::path::PathBuf {
    scene.folder.path().join("home/systemd/user")
}

#[test]
fn a_checkout_whose_python_came_from_homebrew_is_the_bridges_own() {
    let scene = Scene::new("launchd", 60.0);
    forget(&scene);
    let brew = scene.folder.path().join("homebrew");
    for file in ["bin/brew", "Cellar/python/bin/python3", ".git/HEAD"] {
        write(&brew.join(file), "");
    }
    let (python, script) = (scene.root.join(".venv/bin/python"), scene.root.join("bridge/telegram_bridge.py"));
    write(&script, "");
    fs::create_dir_all(python.parent().unwrap()).unwrap();
    symlink(brew.join("Cellar/python/bin/python3"), &python).unwrap();
    let agents = scene.folder.path().join("home/Library/LaunchAgents");
    fs::create_dir_all(&agents).unwrap();
    let log = scene.root.join("logs/agent.log");
    let keys = json!({"Label": "com.valor.bridge", "ProgramArguments": [python, script], "StandardOutPath": log});
    plist::to_file_xml(agents.join("bridge.plist"), &keys).unwrap();
    let root = scene.root.to_str().unwrap();
    for more in [&[][..], &["--root", root]] {
        let said = setup(&scene, &[&FLAGS[..], &["--manager", "launchd"], more].concat());
        assert_eq!(said.code, 0, "{more:?}: {}", said.text);
        let text = config(&scene, &said);
        for line in [
            format!("root = {}\n", json!(scene.root)),
            format!("log = {}\n", json!(log)),
            format!("program = [{}, {}]\n", json!(python), json!(script)),
        ] {
            assert!(text.contains(&line), "{line}: {text}");
        }
        fs::remove_file(scene.config_file()).unwrap();
    }
}

/// Folders that only the manager knows, a drop-in, an instance; a template beside it is none.
#[test]
fn what_the_user_manager_knows_is_found_with_its_drop_ins() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    forget(&scene);
    let root = scene.root.display();
    let unit = format!(
        "[Service]\nExecStart=/bin/sleep %i-old\nWorkingDirectory=/tmp\nStandardOutput=append:{root}/logs/old.log\n"
    );
    write(&manager.vendor_units().join("telegram@.service"), &unit);
    let wants = manager.units().join("default.target.wants");
    fs::create_dir_all(&wants).unwrap();
    symlink(manager.vendor_units().join("telegram@.service"), wants.join("telegram@work.service")).unwrap();
    let changed = format!(
        "[Service]\nExecStart=\nExecStart=/bin/sh -c 'exec sleep 1000' telegram-%i\nWorkingDirectory={root}\nStandardOutput=append:{root}/logs/%i.log\n"
    );
    write(&manager.units().join("telegram@.service.d/override.conf"), &changed);
    manager.reload();
    manager.start_unit("telegram@work");
    manager.wait_pid("telegram@work");
    let said = setup(&scene, &FLAGS);
    assert_eq!(said.code, 0, "{}", said.text);
    let text = config(&scene, &said);
    for line in [
        "label = \"telegram@work\"\n".to_owned(),
        "program = [\"/bin/sh\", \"-c\", \"exec sleep 1000\", \"telegram-work\"]\n".to_owned(),
        format!("log = \"{root}/logs/work.log\"\n"),
        format!("root = \"{root}\"\n"),
    ] {
        assert!(text.contains(&line), "{line}: {text}");
    }
    // So `doctor` knows where the manager writes.
    let text = text.replace("work.log", "another.log");
    fs::write(scene.config_file(), &text).unwrap();
    let doctor = String::from_utf8_lossy(&scene.run(&["doctor"]).stdout).into_owned();
    let line = doctor.lines().find(|line| line.contains("output-path: ")).unwrap_or_default();
    assert!(line.starts_with("MEND") && line.contains("work.log") && line.contains("another.log"), "{doctor}");
    // One that does not answer any more is waited for once, and then there are no files of it here.
    fs::remove_file(scene.config_file()).unwrap();
    manager.freeze();
    let said = setup(&scene, &FLAGS);
    manager.thaw();
    assert!(said.code == 2 && said.text.contains("--root FOLDER"), "{}", said.text);
}

/// The manager can't be asked.
#[test]
fn the_files_of_units_are_read_with_their_drop_ins_and_in_each_folder() {
    let mut scene = Scene::new("systemd", 60.0);
    let root = scene.root.display().to_string();
    let unit = |program: &str, log: &str| {
        format!(
            "[Service]\nWorkingDirectory={root}\nExecStart=/usr/bin/python3 {program}\nStandardOutput=append:{root}/{log}\n"
        )
    };
    let drop_in =
        format!("[Service]\nExecStart=\nExecStart=/usr/bin/python3 new.py\nStandardOutput=append:{root}/new.log\n");
    let old = unit("old.py", "old.log");
    let new = ("\"new.py\"]", "new.log");
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, (&'a str, &'a str));
    let rows: [Row; 4] = [
        (&[("systemd/user/telegram.service", &old)], "telegram", ("\"old.py\"]", "old.log")),
        (
            &[("systemd/user/telegram.service", &old), ("systemd/user/telegram.service.d/o.conf", &drop_in)],
            "telegram",
            new,
        ),
        (
            &[
                (".local/share/systemd/user/telegram.service", &old),
                ("systemd/user/telegram.service.d/o.conf", &drop_in),
            ],
            "telegram",
            new,
        ),
        // Only an instance is a service.
        (
            &[
                ("systemd/user/telegram@.service", &old),
                ("systemd/user/telegram@.service.d/o.conf", &drop_in),
                ("systemd/user/default.target.wants/telegram@work.service", ""),
            ],
            "telegram@work",
            new,
        ),
    ];
    let hangs = scene.folder.path().join("hangs");
    executable(&hangs, "#!/bin/sh\nexec sleep 600\n");
    scene.set("ask", 0.5);
    for (number, (files, label, (program, log))) in rows.iter().enumerate() {
        let home = scene.folder.path().join("home");
        for folder in ["systemd", ".local"] {
            let _ = fs::remove_dir_all(home.join(folder));
        }
        for (path, text) in *files {
            write(&home.join(path), text);
        }
        // One that is not there, and one that does not answer.
        scene.set("systemctl", if number % 2 == 0 { "/nowhere/systemctl" } else { hangs.to_str().unwrap() });
        let _ = fs::remove_dir_all(scene.config_file().parent().unwrap());
        let said = setup(&scene, &FLAGS);
        assert_eq!(said.code, 0, "{files:?}: {}", said.text);
        let text = config(&scene, &said);
        for words in [format!("label = \"{label}\"\n"), (*program).to_owned(), format!("log = \"{root}/{log}\"\n")] {
            assert!(text.contains(&words), "{words}: {text}");
        }
    }
    // The template alone is nothing to offer.
    fs::remove_dir_all(units(&scene).join("default.target.wants")).unwrap();
    fs::remove_file(scene.config_file()).unwrap();
    let said = setup(&scene, &FLAGS);
    assert!(said.code == 2 && said.text.contains("--root FOLDER"), "{}", said.text);
}

/// What the configuration says of the old checkout's files is not true of the new one.
#[test]
fn another_checkout_does_not_keep_the_files_of_the_old_one() {
    let scene = Scene::new("systemd", 60.0);
    let new = scene.folder.path().join("new checkout");
    fs::create_dir_all(new.join(".git")).unwrap();
    let (old, new) = (scene.root.to_str().unwrap(), new.to_str().unwrap());
    let before = format!(
        "[bridge]\nroot = \"{old}\"\nlabel = \"old\"\nprogram = [\"{old}/.venv/bin/python\", \"bridge.py\"]\nlog = \"{old}/bridge.log\"\n\
         error_log = \"logs/error.log\"\nsession = \"{old}/old.session\"\nlogin = [\"python3\", \"login.py\"]\n"
    );
    let run = |more: &[&str]| {
        write(&scene.config_file(), &before);
        setup(&scene, &[&FLAGS[..], &["--root", new], more].concat())
    };
    let said = run(&[]);
    assert!(said.code == 2 && said.text.contains("say it: --program WORDS"), "{}", said.text);
    assert_eq!(fs::read_to_string(scene.config_file()).unwrap(), before);
    let said = run(&["--program", "python3 'my bridge.py'", "--log", "logs/my.log"]);
    let expected = format!(
        "[bridge]\nroot = \"{new}\"\nlabel = \"old\"\nerror_log = \"logs/error.log\"\nlogin = [\"python3\", \"login.py\"]\n\
         program = [\"python3\", \"my bridge.py\"]\nlog = \"logs/my.log\"\n"
    );
    assert_eq!((said.code, config(&scene, &said)), (0, expected), "{}", said.text);
    // The agent of the new one goes before the label of the old one.
    let unit = format!("[Service]\nWorkingDirectory={new}\nExecStart=/usr/bin/python3 bridge.py\n");
    write(&units(&scene).join("telegram.service"), &unit);
    let said = run(&[]);
    let text = config(&scene, &said);
    assert!(said.code == 0 && text.contains("label = \"telegram\"\n") && text.contains("\"bridge.py\"]"), "{text}");
    // Written in another way it is the same checkout.
    write(&scene.config_file(), &before);
    let said = setup(&scene, &[&FLAGS[..], &["--root", &format!("{old}/../checkout")]].concat());
    assert_eq!((said.code, config(&scene, &said)), (0, before.clone()), "{}", said.text);
}
