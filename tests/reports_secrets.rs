//! R21a and its kind: a secret is hidden from wherever the job has it, in whatever spelling it is printed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::bot::{Bot, Mood};
use crate::support::{Scene, systemd};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Neither in what was sent, nor in what commands print, nor in any file of ours.
fn nowhere(scene: &Scene, bot: &Bot, secrets: &[&str]) {
    let mut all = of_the_watch(scene, bot);
    for args in
        [&["check"][..], &["check", "--json"], &["status"], &["status", "--json"], &["crashes"], &["crashes", "--json"]]
    {
        let output = scene.run(args);
        all.push((args.join(" "), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()));
    }
    hidden(&all, secrets);
}

/// What the watch itself sent and wrote, each with its place.
fn of_the_watch(scene: &Scene, bot: &Bot) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    all.extend(bot.requests().into_iter().map(|request| ("the message".to_owned(), request.body.to_string())));
    let paths = files(&scene.folder.path().join("home/state")).into_iter().chain(files(&scene.root.join("data")));
    // Opening a pipe would block.
    let paths = paths.chain([scene.folder.path().join("watch.log")]).filter(|path| path.is_file());
    all.extend(paths.map(|path| {
        (path.display().to_string(), String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into())
    }));
    all
}

fn hidden(all: &[(String, String)], secrets: &[&str]) {
    assert!(all.iter().any(|(_, text)| text.contains("(removed)")), "nothing was removed");
    for (place, text) in all {
        for secret in secrets {
            assert!(!text.contains(secret), "{place} has {secret}: {text}");
        }
    }
}

/// What a crash prints, and what of it is secret.
const SAYS: &str = "ERROR two-values-one-line-9 summer-rain-over-bangkok-41 postgres://me:mango-tree-77@db.internal/bridge \
                    password=x mango-tree-77";
const SECRETS: [&str; 3] = ["two-values-one-line-9", "summer-rain-over-bangkok-41", "mango-tree-77"];

#[test]
fn r21a_unit_environment() {
    let Some(manager) = systemd::or_skip() else { return };
    let bot = Bot::new(Mood::Fine);
    let mut scene = manager.scene();
    scene.extra = Bot::config(bot.address);
    scene.set("crash_window", 600.0);
    fs::write(scene.root.join("says"), format!("{SAYS}\nValueError: {SAYS}\n").repeat(3)).expect("what it says");
    scene.script("cat says; cat says >&2; exit 1");
    let file = manager.units().join("bridge.env");
    fs::write(&file, "DATABASE_URL=postgres://me:mango-tree-77@db.internal/bridge\n").expect("a file");
    let folder = manager.units().join(format!("{}.service.d", scene.label));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("override.conf"), "[Service]\nEnvironment=PARTNER=summer-rain-over-bangkok-41\n")
        .expect("a drop-in");
    let keys = format!(
        "Restart=always\nRestartSec=0.3\nEnvironment=MODE=prod \"PAIR=two-values-one-line-9\"\nEnvironmentFile={}",
        file.display()
    );
    let text = format!("{keys}\n[Unit]\nStartLimitIntervalSec=0");
    let _watch = scene.watch();
    manager.begin(&scene, &text);
    scene.wait("an alert", || bot.delivered().into_iter().find(|text| text.contains("needs you")));
    nowhere(&scene, &bot, &SECRETS);
}

/// A run so short that no process shows its environment: files named by a pattern, and what the manager gives all units.
#[test]
fn r21a_twin_patterns_and_the_managers_own_environment() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let secrets = ["globbed-file-secret-1", "optional-file-secret-2", "manager wide secret 3"];
    fs::write(scene.root.join("says"), format!("ValueError: {}\n", secrets.join(", "))).expect("what it says");
    scene.script("cat says >&2; exit 1");
    let folder = manager.units().join("envs");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("a.env"), format!("GLOBBED={}\n", secrets[0])).expect("a file");
    fs::write(folder.join("b.conf"), format!("OPTIONAL={}\n", secrets[1])).expect("a file");
    manager.ok(&["set-environment", &format!("WIDE={}", secrets[2])]);
    manager.begin(&scene, &format!("EnvironmentFile={}/*.env\nEnvironmentFile=-{0}/?.conf", folder.display()));
    manager.wait_sub(&scene.label, "failed");
    for command in ["check", "diagnostics"] {
        let text = String::from_utf8_lossy(&scene.run(&[command]).stdout).into_owned();
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{command}: {text}");
        assert!(command == "check" || text.contains("ValueError: (removed), (removed), (removed)"), "{text}");
    }
}

/// A secret that no file has: somebody's terminal in which the watch was started, and a script that exports one before it
/// starts the bridge.
#[test]
fn r21a_twin_what_only_the_processes_have() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    let spellings = "it's \\\"so\\\" Zm9v\\/YmFyQUJDREVG+w== gr\\u00fc\\u00dfe-an-alle mango-tree%2F77 sec\u{1b}[0mret-of-the-script";
    fs::write(scene.root.join("says"), format!("ERROR {spellings} second-line-of-the-key\n")).expect("what it says");
    scene.script(
        "export SCRIPT=secret-of-the-script\n/bin/sh -c 'while :; do echo \"[heartbeat] Bridge alive\"; cat says; sleep 0.2; done'",
    );
    let mut command = scene.command(&["run"]);
    command.env("QUOTED", "it's \"so\"").env("BLOB", "Zm9v/YmFyQUJDREVG+w==").env("UMLAUT", "grüße-an-alle");
    command.env("PEM", "-----BEGIN KEY-----\nsecond-line-of-the-key\n-----END KEY-----").env("API", "mango-tree/77");
    let _watch = scene.watch_by(command);
    scene.wait_verdict("degraded", "none");
    let text = scene.wait("the alert", || bot.delivered().into_iter().next());
    assert!(text.contains("ERROR (removed)"), "{text}");
    let secrets = ["it's", "Zm9v", "fc\\u00dfe", "mango", "second-line", "ret-of-the-script", "secret-of-the-script"];
    nowhere(&scene, &bot, &secrets);
}

/// A password is changed: in `.env` while the bridge runs, which reads it again by itself, and once more before a restart.
/// The old one stays hidden too.
#[test]
fn r21a_twin_a_dotenv_that_is_written_while_we_watch() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    scene.write();
    let secrets = ["mango-tree-77-x", "apple-orchard-88-y", "lemon-grove-99-z"];
    let file = scene.root.join(".env");
    let dotenv = |secret: &str| fs::write(&file, format!("DB={secret}\n")).expect(".env");
    dotenv(secrets[0]);
    scene.script("touch says; while :; do echo '[heartbeat] Bridge alive'; cat says; sleep 0.2; done");
    let _watch = scene.watch();
    scene.wait_bridge();
    dotenv(secrets[1]);
    scene.wait_looks(2);
    fs::write(scene.root.join("says"), format!("ERROR with {} and {}\n", secrets[0], secrets[1])).expect("a file");
    scene.wait("the alert", || bot.delivered().into_iter().find(|text| text.contains("ERROR with (removed) and (rem")));
    dotenv(secrets[2]);
    let output = scene.run(&["restart"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(scene.root.join("says"), format!("ERROR by {}, {}, {}\n", secrets[0], secrets[1], secrets[2])).unwrap();
    scene.wait("what it says now", || {
        let text = String::from_utf8_lossy(&scene.run(&["status"]).stdout).into_owned();
        text.contains("ERROR by ").then_some(text)
    });
    hidden(&of_the_watch(&scene, &bot), &secrets);
}

/// One byte of a Latin-1 comment, values that are short, and the switches beside them.
#[test]
fn r21a_twin_a_dotenv_that_is_no_utf8_and_short_values() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    scene.write();
    let text = b"# Schl\xfcssel\nDB=mango-tree-77-x\nPIN=4711x\nTWO_FACTOR_PASSWORD=tiger\nDEBUG_TOKEN=true\n";
    fs::write(scene.root.join(".env"), text).expect(".env");
    let says = "ERROR with mango-tree-77-x, 4711x and tiger: true";
    scene.script(&format!("while :; do echo '[heartbeat] Bridge alive'; echo '{says}'; sleep 0.2; done"));
    let _watch = scene.watch();
    let text = scene.wait("the alert", || bot.delivered().into_iter().next());
    assert!(text.contains("ERROR with (removed), (removed) and (removed): true"), "{text}");
    nowhere(&scene, &bot, &["mango-tree-77-x", "4711x", "tiger"]);
}

/// python-dotenv looks beside the script first; a token stands in the program's arguments too; other programs have other
/// spellings of it.
#[test]
fn r21a_twin_other_files_and_other_spellings() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    fs::create_dir_all(scene.root.join("bridge")).expect("a folder");
    fs::write(scene.root.join("bridge/.env"), "DB=mango-tree-77-x\n").expect(".env");
    fs::write(scene.root.join(".env.local"), "STORE=lemon/grove?99\nBRIDGE_TOKEN=cedar-sap-66\n").expect(".env");
    let says =
        "ERROR bWU6bWFuZ28tdHJlZS03Ny14 lemon%2fgrove%3f99 mango-tree-77-x cedar-sap-66 https://me:pine-cone@host/x";
    let script = format!("while :; do echo '[heartbeat] Bridge alive'; echo '{says}'; sleep 0.2; done");
    fs::write(scene.root.join("bridge/bridge.py"), script).expect("a script");
    scene.program_is(&["/bin/sh", "bridge/bridge.py", "--token", "cedar-sap-66"]);
    let _watch = scene.watch();
    let text = scene.wait("the alert", || bot.delivered().into_iter().next());
    assert!(text.contains("(removed) (removed) (removed) https://me:(removed)@host/x"), "{text}");
    nowhere(&scene, &bot, &["mango-tree", "lemon%2f", "cedar-sap", "pine-cone", "bWFuZ28tdHJlZS03"]);
}

/// Files of an earlier version, a copied home: all of ours is closed to others, and nothing is written through a link.
#[test]
fn r21a_twin_our_own_files_are_ours_alone() {
    let scene = Scene::new("embedded", 60.0);
    let mut watch = scene.watch();
    scene.wait_bridge();
    watch.kill();
    let state = scene.state();
    let victim = scene.folder.path().join("victim");
    fs::write(&victim, "precious").expect("a file");
    for path in files(&state) {
        if path.is_file() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("a mode");
        }
    }
    fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).expect("a mode");
    let journal = state.join("journal.log");
    fs::remove_file(&journal).expect("the journal");
    std::os::unix::fs::symlink(&victim, &journal).expect("a link");
    let _next = scene.watch();
    scene.wait_journal("watching ");
    scene.wait_looks(2);
    assert_eq!(fs::read_to_string(&victim).expect("there"), "precious");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for path in files(&state) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn r21a_twin_a_configuration_that_others_can_change_is_refused() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config("127.0.0.1:9".parse().expect("an address"));
    scene.write();
    let (file, folder) = (scene.config_file(), scene.folder.path().join("home/config"));
    let refused = |mend: String| {
        let output = scene.run(&["check"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&file.display().to_string()) && said.contains(&mend), "{said}");
    };
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    mode(&file, 0o620);
    refused(format!("chmod 600 '{}'", file.display()));
    mode(&file, 0o600);
    mode(&folder, 0o777);
    refused(format!("chmod go-w '{}'", folder.display()));
    mode(&folder, 0o1777);
    assert_ne!(scene.run(&["check"]).status.code(), Some(2), "a sticky folder");
}
