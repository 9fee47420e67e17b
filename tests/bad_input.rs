//! Wrong input, and files damaged or missing on disk: each gives a clear sentence and its exit code; nothing is written
//! where it does not belong, and nothing panics.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::bot::TOKEN;
use crate::support::{Scene, keys, loaded_with, signal};
use rustix::process::Signal;

/// Every command that needs a configuration.
const COMMANDS: [&[&str]; 9] = [
    &["run"],
    &["tray"],
    &["check", "--json"],
    &["status"],
    &["restart"],
    &["recover"],
    &["crashes"],
    &["pause"],
    &["record", "start"],
];

/// A path, and what is there: text, or the mode of a folder.
type Tree = BTreeMap<PathBuf, (Vec<u8>, u32, Option<std::time::SystemTime>)>;

fn tree(folder: &Path) -> Tree {
    let mut all = Tree::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let meta = fs::symlink_metadata(entry.path()).expect("a file's facts");
        let bytes = if meta.is_file() { fs::read(entry.path()).expect("readable") } else { Vec::new() };
        all.insert(entry.path(), (bytes, meta.permissions().mode(), meta.modified().ok()));
        if meta.is_dir() {
            all.extend(tree(&entry.path()));
        }
    }
    all
}

#[test]
fn each_wrong_configuration_is_named_with_file_key_and_mend_and_exit_code_2() {
    let scene = Scene::new("embedded", 60.0);
    let root = scene.root.display().to_string();
    let plain = scene.folder.path().join("plain");
    fs::create_dir(&plain).expect("a folder");
    let bridge = format!("[bridge]\nroot = \"{root}\"\n");
    let telegram = |lines: &str| format!("{bridge}[telegram]\nbot_token = \"{TOKEN}\"\n{lines}\n");
    let rows: Vec<(&str, String, &[&str])> = vec![
        (
            "no TOML",
            format!("{bridge}label = \"x\nbot_token = {TOKEN}\n"),
            &["line 3 is not TOML", "correct that line"],
        ),
        ("no bridge", "[recovery]\n".into(), &["bridge.root is missing; set it to the absolute path"]),
        (
            "a relative root",
            "[bridge]\nroot = \"src/ai\"\n".into(),
            &["bridge.root is 'src/ai', which is not absolute"],
        ),
        (
            "no such root",
            "[bridge]\nroot = \"/nowhere/ai\"\n".into(),
            &["bridge.root", "can't be read (No such file", "correct the path"],
        ),
        (
            "no checkout",
            format!("[bridge]\nroot = \"{}\"\n", plain.display()),
            &["bridge.root", "is no git checkout (no .git in it); name the bridge's checkout"],
        ),
        (
            "an unknown key",
            format!("{bridge}rot = \"x\"\n"),
            &["bridge.rot is not known; delete it, or use one of: root, label"],
        ),
        (
            "an unknown section",
            format!("{bridge}[recovry]\n"),
            &["section or key 'recovry' is not known; the sections are [bridge]"],
        ),
        ("a threshold", format!("{bridge}[recovery]\nstale = 60\n"), &["recovery.stale is not known; delete it"]),
        (
            "an unknown manager",
            format!("{bridge}manager = \"cron\"\n"),
            &["bridge.manager is not known; use \"launchd\", \"systemd\" or \"embedded\""],
        ),
        ("a label with a slash", format!("{bridge}label = \"../x\"\n"), &["bridge.label has a slash"]),
        (
            "a program in one text",
            format!("{bridge}program = \"python x.py\"\n"),
            &["bridge.program has to be a list of words"],
        ),
        (
            "auto_revert as text",
            format!("{bridge}[recovery]\nauto_revert = \"yes\"\n"),
            &["recovery.auto_revert has to be true or false"],
        ),
        (
            "a group",
            telegram("chat_id = -100123"),
            &["telegram.chat_id is not above 0, so it is a group or a channel; use the id of one person"],
        ),
        ("nobody to tell", telegram(""), &["telegram.chat_id is missing; set it to the numeric id"]),
        (
            "http",
            telegram("chat_id = 1\napi_url = \"http://example.org\""),
            &["telegram.api_url is not https; the token would travel in the clear"],
        ),
        (
            "a token of another shape",
            format!("{bridge}[telegram]\nbot_token = \"secret-without-shape\"\nchat_id = 1\n"),
            &["telegram.bot_token has not the shape of a bot token", "copy it again from BotFather"],
        ),
        (
            "no token",
            format!("{bridge}[telegram]\nchat_id = 1\n"),
            &["telegram.bot_token is missing; set it (or token_file)"],
        ),
        (
            "no token file",
            format!("{bridge}[telegram]\nchat_id = 1\ntoken_file = \"/nowhere/token\"\n"),
            &["telegram.token_file can't be read: /nowhere/token", "correct the path"],
        ),
    ];
    for (name, text, expected) in rows {
        fs::write(scene.config_file(), text).expect("config.toml");
        wrong(&scene, &["check", "--json"], name, expected);
    }
    fs::write(scene.config_file(), telegram("chat_id = 1")).expect("config.toml");
    fs::set_permissions(scene.config_file(), fs::Permissions::from_mode(0o644)).expect("its mode");
    for args in COMMANDS {
        wrong(&scene, args, "readable by others", &["telegram.bot_token can be read by others; run: chmod 600 '"]);
    }
    fs::remove_file(scene.config_file()).expect("config.toml");
    for args in COMMANDS {
        wrong(&scene, args, "no configuration", &["there is no configuration; run: bridge-watchdog setup (or "]);
    }
    assert!(!scene.folder.path().join("home/state").exists(), "nothing is written for a bridge that nobody named");
}

/// One line that begins with the file; exit code 2; no secret in it.
fn wrong(scene: &Scene, args: &[&str], name: &str, expected: &[&str]) {
    let output = scene.run(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{name} {args:?}: {said}");
    let file = scene.config_file().display().to_string();
    assert!(said.starts_with(&format!("bridge-watchdog: {file}: ")), "{name} {args:?}: {said}");
    for words in expected {
        assert!(said.contains(words), "{name} {args:?}: '{words}' is not in: {said}");
    }
    // Where the root is missing the least configuration follows, as it is written.
    let example = "By hand, this is enough:\n\n[bridge]\nroot = \"~/src/ai\"  # its git checkout\n\n";
    let alone = said.strip_suffix(example);
    assert_eq!(alone.is_some(), matches!(name, "no bridge" | "no configuration"), "{name} {args:?}: {said}");
    assert_eq!(alone.unwrap_or(&said).lines().count(), 1, "{name} {args:?}: {said}");
    let secrets = [TOKEN, "secret-without-shape"];
    assert!(secrets.iter().all(|secret| !said.contains(secret)), "{name} {args:?}: {said}");
    assert!(output.stdout.is_empty(), "{name} {args:?}");
}

#[test]
fn check_and_dry_runs_write_nothing() {
    // Its start takes so long that the bridge itself writes nothing meanwhile.
    let (scene, launchd) = loaded_with(&["--slow-start", "1000"], &keys(), |_| {});
    launchd.wait_pid(&scene.label);
    let places = [scene.root.clone(), scene.folder.path().join("home")];
    let before: Vec<Tree> = places.iter().map(|place| tree(place)).collect();
    let commands: [&[&str]; 6] = [
        &["check"],
        &["check", "--json"],
        &["status"],
        &["crashes"],
        &["restart", "--dry-run"],
        &["recover", "--dry-run"],
    ];
    for args in commands {
        let output = scene.run(args);
        assert!(!output.stdout.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        let after: Vec<Tree> = places.iter().map(|place| tree(place)).collect();
        assert!(before == after, "{args:?} wrote: {:?}", changed(&before, &after));
    }
    assert!(launchd.signals().is_empty());
    assert_eq!(launchd.starts(&scene.label).len(), 1);
}

fn changed(before: &[Tree], after: &[Tree]) -> Vec<PathBuf> {
    let pairs = before.iter().zip(after);
    pairs
        .flat_map(|(b, a)| a.iter().filter(|(path, what)| b.get(*path) != Some(what)).map(|(p, _)| p.clone()))
        .collect()
}

#[test]
fn a_log_that_is_a_folder_is_unknown_with_its_sentence_and_the_loop_goes_on() {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| {
        scene.extra = "log = \"logs/folder.log\"\nerror_log = \"logs/other.log\"\n".into();
        fs::create_dir(scene.root.join("logs/folder.log")).expect("a folder");
    });
    launchd.wait_pid(&scene.label);
    let (check, code) = scene.check();
    assert_eq!((code, &check["state"]), (3, &"unknown".into()), "{check}");
    let issue = check["issues"][0].as_str().expect("a sentence");
    assert!(
        issue.contains("folder.log is no file; set bridge.log and bridge.error_log to the bridge's log files"),
        "{issue}"
    );
    let _watch = scene.watch();
    scene.wait_verdict("unknown", "unknown");
    scene.wait_looks(2);
    // It can't see the log, but it still sees a death.
    let before = launchd.wait_pid(&scene.label);
    signal(before, Signal::KILL);
    scene.wait("the crash line", || (scene.events("crash").len() == 1).then_some(()));
    scene.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    fs::remove_dir(scene.root.join("logs/folder.log")).expect("the folder");
    scene.wait_verdict("healthy", "none");
}

#[test]
fn a_history_of_binary_noise_is_passed_over_and_written_on() {
    let (scene, launchd) = loaded_with(&[], &keys(), |_| {});
    let noise: Vec<u8> = (0..25_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(scene.data("crash_history.jsonl"), &noise).expect("noise");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    // Its own fault: a SIGKILL comes from another process and counts towards nothing.
    signal(before, Signal::ABORT);
    scene.wait("the crash", || (scene.check().0["facts"]["crashes"]["last_30m"] == 1).then_some(()));
    let output = scene.run(&["crashes"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("crash") && said.contains("signal 6"), "{said}");
    let bytes = fs::read(scene.data("crash_history.jsonl")).expect("the history");
    assert!(bytes.starts_with(&noise), "what somebody else wrote stays");
}

#[test]
fn a_session_that_is_not_what_it_should_be_makes_no_noise() {
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| {
        scene.extra = "session = \"data/folder.session\"\n".into();
        fs::create_dir(scene.data("folder.session")).expect("a folder");
    });
    launchd.wait_pid(&scene.label);
    let (check, code) = scene.check();
    assert_eq!(code, 0, "a bridge that works is not judged by it: {check}");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    signal(before, Signal::KILL);
    scene.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_verdict("healthy", "none");
}

#[test]
fn wrong_usage_is_2_and_every_help_has_an_example() {
    let scene = Scene::new("embedded", 60.0);
    let help = |args: &[&str]| {
        let output = scene.run(args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        said
    };
    let all = help(&["--help"]);
    assert!(all.contains("bridge-watchdog demo") && all.contains("Exit codes: 0 healthy or done"), "{all}");
    let commands: Vec<&str> = all
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        // What goes on from the line before is indented further.
        .filter_map(|line| line.strip_prefix("  ").filter(|name| !name.starts_with(' '))?.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 11 && commands.contains(&"check"), "{commands:?}");
    for command in commands {
        let said = help(&[command, "--help"]);
        assert!(said.contains(&format!("Example: bridge-watchdog {command}")), "{said}");
    }
    let rows: [&[&str]; 5] = [
        &["chekc"],
        &["check", "--jsn"],
        &["pause", "--for", "tomorrow"],
        &["record", "party"],
        &["demo", "--fault", "x"],
    ];
    for args in rows {
        let output = scene.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}
