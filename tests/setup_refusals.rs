//! What `setup` finds out before it asks anything, sends anything or writes anything.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Instant;

use crate::setup::{from_nothing, setup, token_file};
use crate::support::bot::{Bot, CHAT, Mood, TOKEN};
use crate::support::mac::mode;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn where_the_configuration_could_not_stay_nothing_is_asked_sent_or_written() {
    let (scene, bot) = (from_nothing(), Bot::new(Mood::Fine));
    let (file, token) = (scene.config_file(), token_file(&scene, TOKEN));
    let (folder, dots) = (file.parent().unwrap(), scene.folder.path().join("dots"));
    let (url, chat) = (format!("http://{}", bot.address), CHAT.to_string());
    let flags = [
        "--yes",
        "--manager",
        "embedded",
        "--bot-token-file",
        token.to_str().unwrap(),
        "--chat-id",
        &chat,
        "--api-url",
        &url,
    ];
    let text = format!("[bridge]\nroot = \"{}\"\n", scene.root.display());
    let read_only = |name: &str| format!("{} is read-only", folder.join(name).display());
    type Row<'a> = (&'a str, &'a dyn Fn(), i32, String);
    let open = |path: &Path| format!("lies in a folder that others can write to; run: chmod go-w '{}'", path.display());
    let rows: [Row; 5] = [
        ("the umask was 002", &|| set_mode(folder, 0o775), 2, open(folder)),
        (
            "a link's folder, and its target's",
            &|| {
                fs::create_dir(&dots).unwrap();
                set_mode(&dots, 0o777);
                symlink(dots.join("watchdog.toml"), &file).unwrap();
            },
            2,
            open(&dots),
        ),
        (
            "read-only",
            &|| {
                fs::write(&file, &text).unwrap();
                set_mode(&file, 0o400);
            },
            2,
            read_only("config.toml"),
        ),
        ("a folder", &|| fs::create_dir(&file).unwrap(), 2, "config.toml can't be read: Is a directory".into()),
        (
            "a fifo, which blocks whoever reads it",
            &|| {
                let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
                assert!(made.success());
            },
            3,
            "config.toml: no answer for".into(),
        ),
    ];
    for (name, make, code, words) in rows {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        set_mode(folder, 0o700);
        make();
        let (before, begun) = (fs::symlink_metadata(&file).map(|meta| meta.permissions()).ok(), Instant::now());
        let said = setup(&scene, &flags);
        assert!(said.code == code && said.text.contains(&words), "{name}: {}", said.text);
        assert!(begun.elapsed().as_secs() < 20, "{name}");
        assert_eq!(fs::symlink_metadata(&file).map(|meta| meta.permissions()).ok(), before, "{name}");
    }
    assert!(bot.requests().is_empty(), "{:?}", bot.requests());
    // Without a token in it nobody minds the folder.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir(folder).unwrap();
    set_mode(folder, 0o775);
    let said = setup(&scene, &["--yes", "--manager", "embedded", "--no-alerts"]);
    assert!(said.code == 0 && said.text.contains("alerts   nobody"), "{}", said.text);
    assert!(!fs::read_to_string(&file).unwrap().contains("telegram]"));
}

#[test]
fn a_link_to_the_configuration_stays_one_also_where_it_leads_to_nothing_yet() {
    let scene = from_nothing();
    let (file, dots) = (scene.config_file(), scene.folder.path().join("dots"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    symlink("../../dots/one", &file).unwrap();
    fs::create_dir(&dots).unwrap();
    symlink("watchdog.toml", dots.join("one")).unwrap();
    for _ in 0..2 {
        let said = setup(&scene, &["--yes", "--manager", "embedded", "--no-alerts"]);
        assert_eq!(said.code, 0, "{}", said.text);
        assert!(
            fs::symlink_metadata(&file).unwrap().is_symlink()
                && fs::symlink_metadata(dots.join("one")).unwrap().is_symlink()
        );
        assert_eq!(mode(&dots.join("watchdog.toml")), 0o600);
    }
}

#[test]
fn the_flags_say_all_that_a_terminal_asks() {
    let scene = from_nothing();
    fs::remove_dir_all(scene.folder.path().join("home/Library")).unwrap();
    // As it is typed in the folder beside it.
    let here = scene.folder.path().join("here");
    fs::create_dir(&here).unwrap();
    let run = |more: &[&str]| {
        let words =
            [&["setup", "--yes", "--no-alerts", "--root", "../checkout", "--manager", "embedded"], more].concat();
        let output = scene.command(&words).current_dir(&here).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&[]);
    assert!(code == Some(2) && said.contains("--program WORDS (no agent is found, and .venv/bin/python"), "{said}");
    assert!(!scene.config_file().exists());
    let (code, said) = run(&["--label", "bot", "--program", "python3 -u 'my bridge.py'", "--log", "my.log"]);
    assert_eq!(code, Some(0), "{said}");
    let expected = format!(
        "[bridge]\nroot = \"{}\"\nlabel = \"bot\"\nmanager = \"embedded\"\nprogram = [\"python3\", \"-u\", \"my bridge.py\"]\nlog = \"my.log\"\n",
        scene.root.display()
    );
    assert_eq!(fs::read_to_string(scene.config_file()).unwrap(), expected);
    // The usual program is taken where it is.
    fs::remove_file(scene.config_file()).unwrap();
    for name in [".venv/bin/python", "bridge/telegram_bridge.py"] {
        fs::create_dir_all(scene.root.join(name).parent().unwrap()).unwrap();
        fs::write(scene.root.join(name), "").unwrap();
    }
    assert_eq!(run(&[]).0, Some(0));
    let (code, said) = run(&["--chat-id", "7"]);
    assert!(code == Some(2) && said.contains("cannot be used with"), "{said}");
}
