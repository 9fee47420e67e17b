//! `doctor` on set-ups that are broken in their configuration, their files and whom they tell: each is named with its
//! mend, and after the mend all is well.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::bot::{Bot, Mood, TOKEN};
use crate::support::doctor::{SetUp, editor, ill, ill_without_rights, named, paste, paste_with, quoted};
use crate::support::mac::OURS;
use crate::support::require::{self, Ability};
use crate::support::{Scene, executable};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// And what needs none is looked at all the same: our agent and the machine.
#[test]
fn without_a_configuration_that_is_the_first_finding() {
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let setup = ("config".to_owned(), "bridge-watchdog setup".to_owned());
    let machine = |found: Vec<(String, String)>| {
        let of_machine = ["linger", "sleep", "automatic-login", "power-cut", "signature"];
        found.into_iter().filter(|(id, _)| !of_machine.contains(&id.as_str())).collect::<Vec<_>>()
    };
    fs::remove_file(scene.config_file()).expect("a configuration");
    assert_eq!(machine(ill(scene)), std::slice::from_ref(&setup));
    if cfg!(target_os = "linux") {
        let (units, linger) = (scene.folder.path().join("home/systemd/user"), scene.folder.path().join("home/linger"));
        let loginctl = ("linger".to_owned(), "loginctl enable-linger".to_owned());
        assert!(ill(scene).contains(&loginctl) && !linger.exists());
        fs::create_dir_all(&units).expect("a folder");
        fs::write(units.join("bridge-watchdog.service"), "[Service]\nExecStart=/nowhere/bridge-watchdog tray\n")
            .expect("a unit");
        let install = ("agent".to_owned(), "bridge-watchdog install".to_owned());
        assert_eq!(machine(ill(scene)), [setup, install]);
    }
    let output = scene.run(&["doctor"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("MEND  config: there is no configuration (") && text.contains("; run: "), "{text}");
    // One that is there and can't be understood is no reason to look at less.
    fs::write(scene.config_file(), "[bridge\n").expect("a configuration");
    assert!(!cfg!(target_os = "linux") || ill(scene).iter().any(|(id, _)| id == "linger"), "{:?}", ill(scene));
}

#[test]
fn a_configuration_elsewhere_is_named_in_each_of_our_own_mends() {
    let scene = Scene::new("embedded", 60.0);
    let elsewhere = scene.folder.path().join("else where.toml");
    let output = scene.run(&["--config", elsewhere.to_str().expect("a path"), "doctor"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(&format!("run: bridge-watchdog --config {} setup\n", quoted(&elsewhere))), "{text}");
}

#[test]
fn a_configuration_that_is_refused_is_named_with_its_error_and_the_file() {
    let set_up = SetUp::well("");
    let file = set_up.scene().config_file();
    let kept = set_up.scene().folder.path().join("kept.toml");
    fs::copy(&file, &kept).expect("a copy");
    for text in ["[bridge\n".to_owned(), "[bridge]\nroot = \"/nowhere/ai\"\n".to_owned()] {
        fs::write(&file, text).expect("a configuration");
        editor(set_up.scene(), &format!("cp {} \"$1\"", quoted(&kept)));
        set_up.mended_by_its_own_mend("config", &format!("\"${{EDITOR:-vi}}\" {}", quoted(&file)));
    }
}

#[test]
fn a_token_that_others_can_read_or_replace_is_closed() {
    let set_up = SetUp::well("");
    let file = set_up.scene().config_file();
    set_mode(&file, 0o644);
    let chmod = format!("chmod 600 {}", quoted(&file));
    assert_eq!(
        named(set_up.scene(), "config"),
        std::slice::from_ref(&chmod),
        "it is refused for that, and there is one mend"
    );
    set_up.mended_by_its_own_mend("config-mode", &chmod);
    let folder = file.parent().expect("a folder");
    set_mode(folder, 0o777);
    set_up.mended_by_its_own_mend("config-mode", &format!("chmod go-w {}", quoted(folder)));
}

#[test]
fn a_file_with_the_token_is_looked_at_as_well() {
    let set_up = SetUp::well("");
    let (file, token) = (set_up.scene().config_file(), set_up.scene().folder.path().join("token"));
    fs::write(&token, TOKEN).expect("a token");
    set_mode(&token, 0o640);
    let text = fs::read_to_string(&file).expect("a configuration");
    let text = text.replace(&format!("bot_token = \"{TOKEN}\""), &format!("token_file = \"{}\"", token.display()));
    fs::write(&file, text).expect("a configuration");
    set_up.mended_by_its_own_mend("config-mode", &format!("chmod 600 {}", quoted(&token)));
}

#[test]
fn a_token_that_was_revoked_is_corrected_in_the_file_that_it_is_in() {
    let set_up = SetUp::well("");
    let (file, token) = (set_up.scene().config_file(), set_up.scene().folder.path().join("token"));
    fs::write(&token, TOKEN).expect("a token");
    set_mode(&token, 0o600);
    let text = fs::read_to_string(&file).expect("a configuration");
    let text = text.replace(&format!("bot_token = \"{TOKEN}\""), &format!("token_file = \"{}\"", token.display()));
    fs::write(&file, text).expect("a configuration");
    set_up.bot.moods([Mood::Revoked]);
    assert_eq!(named(set_up.scene(), "token"), [format!("\"${{EDITOR:-vi}}\" {}", quoted(&token))]);
}

#[test]
fn a_configuration_that_tells_nobody_is_named() {
    let set_up = SetUp::well("");
    let file = set_up.scene().config_file();
    let text = fs::read_to_string(&file).expect("a configuration");
    fs::write(&file, text.split("[telegram]").next().expect("a part")).expect("a configuration");
    let section = Bot::config(set_up.bot.address);
    editor(set_up.scene(), &format!("cat >> \"$1\" <<'END'\n{section}\nEND"));
    set_up.mended_by_its_own_mend("alerts", &format!("\"${{EDITOR:-vi}}\" {}", quoted(&file)));
}

#[test]
fn a_bot_that_can_reach_nobody_is_named_by_what_telegram_says() {
    let set_up = SetUp::well("");
    let edit = format!("\"${{EDITOR:-vi}}\" {}", quoted(&set_up.scene().config_file()));
    let open = format!("{} https://t.me/watchdog_bot", if cfg!(target_os = "macos") { "open" } else { "xdg-open" });
    let reach = format!("curl -sSI http://{}", set_up.bot.address);
    let again = "bridge-watchdog doctor";
    let rows: [(&str, &[Mood], &str, &str); 6] = [
        ("a revoked token", &[Mood::Revoked], "token", &edit),
        ("too many calls", &[Mood::Busy(30)], "token", again),
        ("a fault of Telegram's", &[Mood::Failing], "token", again),
        ("a person who never wrote", &[Mood::Fine, Mood::Stranger], "chat", &open),
        ("a network that is gone", &[Mood::Rude], "token", &reach),
        ("a portal that wants a login", &[Mood::Html], "token", &reach),
    ];
    for (name, moods, id, mend) in rows {
        // The clock of an answer that never came is not known.
        set_up.bot.moods(moods.iter().copied());
        assert_eq!(ill(set_up.scene()), [(id.to_owned(), mend.to_owned())], "{name}");
        set_up.bot.recover();
        set_up.is_well();
    }
    let asked: Vec<String> = set_up.bot.requests().iter().map(|request| request.method().to_owned()).collect();
    assert!(
        asked.iter().all(|method| ["getMe", "getChat"].contains(&method.as_str())),
        "nobody was written to: {asked:?}"
    );
}

/// What has the shape of a secret only beside our own words, and our own words as values of the bridge's `.env`.
#[test]
fn our_own_words_are_shown_whatever_the_bridges_settings_are() {
    let set_up = SetUp::well("error_log = \"errors/bridge.error.log\"");
    let scene = set_up.scene();
    let text = "APP=Telegram\nMODE=running\nTOOL=launchctl\nACTION=install\nMAKE=folder\nSERVICE=mkdir\nWHERE=LaunchAgents\nKEY=s3cret-folder\n";
    fs::write(scene.root.join(".env"), text).expect("a file");
    let folder = scene.root.join("errors");
    fs::remove_dir_all(&folder).expect("the folder");
    set_mode(&set_up.mac.bridge(), 0o666);
    let said = String::from_utf8_lossy(&scene.run(&["doctor"]).stdout).into_owned();
    assert!(said.contains("\nok    token: Telegram knows the bot, @watchdog_bot\n"), "{said}");
    let mend = format!("mkdir -p {}", quoted(&folder));
    assert!(said.contains(&format!("the folder {} is not there; run: {mend}\n", folder.display())), "{said}");
    assert!(!said.contains("(removed)"), "{said}");
    let name = format!("home/Library/LaunchAgents/{}.plist", scene.label);
    let chmod = format!("chmod 644 {}", quoted(&scene.folder.path().join(name)));
    assert_eq!(ill(scene), [("error-log".to_owned(), mend), ("plist-mode".to_owned(), chmod)]);
    let text = fs::read_to_string(scene.config_file()).expect("a configuration");
    fs::write(scene.config_file(), text.replace("errors/", "s3cret-folder/")).expect("a configuration");
    // What the configuration names is no secret: it is shown anyway. What Telegram says is not ours.
    set_up.bot.moods([Mood::Revoked]);
    fs::write(scene.root.join(".env"), "WHY=Unauthorized\n").expect("a file");
    let said = String::from_utf8_lossy(&scene.run(&["doctor"]).stdout).into_owned();
    assert!(said.contains("\nMEND  token: Telegram refused (401): (removed); the token is not valid"), "{said}");
    assert!(!said.contains("Unauthorized"), "{said}");
}

#[test]
fn a_clock_that_is_off_is_found_by_telegrams_own() {
    let set_up = SetUp::well("");
    for ahead in [-600, 600] {
        set_up.bot.clock(ahead);
        let mend =
            if cfg!(target_os = "macos") { "sudo sntp -sS time.apple.com" } else { "sudo timedatectl set-ntp true" };
        assert_eq!(ill(set_up.scene()), [("clock".to_owned(), mend.to_owned())], "{ahead}");
        set_up.bot.clock(0);
        set_up.is_well();
    }
}

#[test]
fn a_folder_of_a_log_that_is_gone_is_made_again() {
    let set_up = SetUp::well("error_log = \"errors/bridge.error.log\"");
    let folder = set_up.scene().root.join("errors");
    fs::remove_dir_all(&folder).expect("the folder");
    set_up.mended_by_its_own_mend("error-log", &format!("mkdir -p {}", quoted(&folder)));
}

#[test]
fn a_session_that_nobody_has_made_wants_a_login() {
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let text = fs::read_to_string(scene.config_file()).expect("a configuration");
    let keys = "session = \"data/new.session\"\nlogin = [\"touch\", \"data/new.session\"]\n[telegram]";
    fs::write(scene.config_file(), text.replace("[telegram]", keys)).expect("a configuration");
    set_up.mended_by_its_own_mend("session", &format!("cd {} && touch data/new.session", quoted(&scene.root)));
}

/// A login would make a second session beside the one that is there, and a folder that is there can't be made.
#[test]
fn what_may_not_be_read_is_not_taken_for_absent() {
    if !require::has(Ability::Root) {
        return;
    }
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let keys =
        "log = \"secret/logs/bridge.log\"\nerror_log = \"logs/mine.log\"\nsession = \"secret/x.session\"\n[telegram]";
    let text = fs::read_to_string(scene.config_file()).expect("a configuration").replace("[telegram]", keys);
    fs::write(scene.config_file(), text).expect("a configuration");
    let at = |name: &str| scene.root.join(name);
    fs::create_dir_all(at("secret/logs")).expect("a folder");
    for name in ["secret/logs/bridge.log", "logs/mine.log", "secret/x.session"] {
        fs::write(at(name), "x\n").expect("a file");
    }
    set_mode(&at("secret"), 0o000);
    set_mode(&at("logs/mine.log"), 0o000);
    set_mode(&set_up.mac.plist(OURS), 0o000);
    let look = |name: &str| {
        let path = at(name);
        format!("ls -ld {} {}", quoted(path.parent().expect("a folder")), quoted(&path))
    };
    let found = ill_without_rights(scene);
    let agents = scene.folder.path().join("home/Library/LaunchAgents");
    let agent = format!("ls -ld {} {}", quoted(&agents), quoted(&agents.join(format!("{OURS}.plist"))));
    assert!(found.contains(&("agent".to_owned(), agent)), "{found:?}");
    for (id, name) in
        [("log", "secret/logs/bridge.log"), ("error-log", "logs/mine.log"), ("session", "secret/x.session")]
    {
        assert!(found.contains(&(id.to_owned(), look(name))), "{id}: {found:?}");
    }
    set_mode(&at("secret"), 0o755);
    set_mode(&at("logs/mine.log"), 0o644);
    assert!(found.contains(&("second-watch".to_owned(), "bridge-watchdog doctor".to_owned())), "{found:?}");
    let found = ill_without_rights(scene);
    assert!(found.iter().all(|(id, _)| !["log", "error-log", "session"].contains(&id.as_str())), "{found:?}");
}

#[test]
fn what_is_no_file_is_neither_a_log_nor_a_session() {
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let kept = scene.folder.path().join("kept.toml");
    fs::copy(scene.config_file(), &kept).expect("a copy");
    let keys = "log = \"logs\"\nerror_log = \"logs/pipe\"\nsession = \"data\"\n[telegram]";
    let text = fs::read_to_string(scene.config_file()).expect("a configuration").replace("[telegram]", keys);
    fs::write(scene.config_file(), text).expect("a configuration");
    assert!(Command::new("mkfifo").arg(scene.root.join("logs/pipe")).status().expect("mkfifo").success());
    let edit = format!("\"${{EDITOR:-vi}}\" {}", quoted(&scene.config_file()));
    for id in ["log", "error-log"] {
        assert_eq!(named(scene, id), std::slice::from_ref(&edit), "{id}");
    }
    editor(scene, &format!("cp {} \"$1\"", quoted(&kept)));
    set_up.mended_by_its_own_mend("session", &edit);
}

/// Whether a token is in a file that can't be understood is not known for certain, but who can read it is.
#[test]
fn a_configuration_that_can_not_be_understood_is_not_called_private() {
    let set_up = SetUp::well("");
    let (scene, file) = (set_up.scene(), set_up.scene().config_file());
    let text = fs::read_to_string(&file).expect("a configuration");
    let chmod = format!("chmod 600 {}", quoted(&file));
    for broken in [format!("{text}\noops\n"), text.replace("bot_token", "token")] {
        fs::write(&file, &broken).expect("a configuration");
        set_mode(&file, 0o644);
        assert_eq!(named(scene, "config-mode"), std::slice::from_ref(&chmod), "{broken}");
        paste(&set_up, &chmod);
        assert!(named(scene, "config-mode").is_empty());
    }
    fs::remove_file(&file).expect("a configuration");
    assert!(Command::new("mkfifo").arg(&file).status().expect("mkfifo").success());
    assert_eq!(named(scene, "config-mode"), ["bridge-watchdog doctor"]);
    fs::remove_file(&file).expect("a pipe");
    std::os::unix::fs::symlink(&file, &file).expect("a link");
    let found = ill(scene);
    assert!(found.iter().all(|(_, mend)| !mend.contains("setup")), "it is there: {found:?}");
}

#[test]
fn an_update_script_that_ignores_a_recovery_gets_a_line() {
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let script = scene.root.join("update.sh");
    executable(&script, "#!/bin/sh\n: git pull\necho updated\n");
    let mends = named(scene, "update-script");
    assert_eq!(mends.len(), 1, "{mends:?}");
    paste(&set_up, &mends[0]);
    set_up.is_well();
    assert_eq!(mode(&script), 0o755);
    let run = || Command::new(&script).output().expect("a script");
    assert_eq!(String::from_utf8_lossy(&run().stdout), "updated\n");
    fs::write(scene.data("recovery-in-progress"), "{}").expect("a marker");
    let output = run();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(75), 0));
    fs::remove_file(scene.data("recovery-in-progress")).expect("a marker");
    let python = scene.root.join("scripts/remote-update.py");
    fs::create_dir_all(python.parent().expect("a folder")).expect("a folder");
    executable(&python, "#!/usr/bin/env python3\nprint('updated', ['git',\n  'pull'])\n");
    let mends = named(scene, "update-script");
    assert_eq!(mends.len(), 1, "{mends:?}");
    paste(&set_up, &mends[0]);
    set_up.is_well();
    let run = || Command::new(&python).output().expect("a script");
    assert_eq!(String::from_utf8_lossy(&run().stdout), "updated ['git', 'pull']\n");
    fs::write(scene.data("recovery-in-progress"), "{}").expect("a marker");
    assert_eq!(run().status.code(), Some(75));
    fs::remove_file(scene.data("recovery-in-progress")).expect("a marker");
    // Nothing may stand before such an import.
    fs::write(&python, "from __future__ import annotations\nrun(['git', 'pull'])\n").expect("a script");
    assert_eq!(named(scene, "update-script"), [format!("bridge-watchdog hold --reason update -- {}", quoted(&python))]);
}

#[test]
fn a_checkout_in_which_nothing_can_be_reverted_is_named_where_that_is_wanted() {
    let set_up = SetUp::well("");
    let scene = set_up.scene();
    let config = scene.root.join(".git/config");
    let kept = fs::read_to_string(&config).expect("git's configuration");
    fs::write(&config, format!("{kept}[extensions]\n\tnobodyKnows = true\n[core]\n\trepositoryformatversion = 1\n"))
        .expect("it");
    set_up.is_well();
    fs::write(scene.data("auto-revert-enabled"), "").expect("a marker");
    let mend = format!("git -C {} status", quoted(&scene.root));
    assert_eq!(named(scene, "auto-revert"), [mend]);
    fs::write(&config, kept).expect("git's configuration");
    set_up.is_well();
}

/// `loginctl` is the test's own: it leaves what logind would.
#[test]
fn without_lingering_the_units_end_with_the_session() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let scene = Scene::new("embedded", 60.0);
    assert_eq!(named(&scene, "linger"), ["loginctl enable-linger"]);
    let (tools, linger) = (scene.folder.path().join("tools"), scene.folder.path().join("home/linger"));
    fs::create_dir_all(&tools).expect("a folder");
    let text =
        format!("#!/bin/sh\n[ \"$1\" = enable-linger ] && mkdir -p '{0}' && touch '{0}'/$(id -un)\n", linger.display());
    executable(&tools.join("loginctl"), &text);
    paste_with(&scene, "loginctl enable-linger");
    assert!(named(&scene, "linger").is_empty());
}

/// On a terminal it asks for each mend that harms nobody: what is not answered with a yes is not done.
#[test]
fn fix_asks_on_a_terminal_and_does_nothing_without_one() {
    if !Path::new("/usr/bin/script").exists() || !cfg!(target_os = "linux") {
        return;
    }
    let set_up = SetUp::well("error_log = \"errors/bridge.error.log\"");
    let scene = set_up.scene();
    let (file, folder) = (scene.config_file(), scene.root.join("errors"));
    fs::remove_dir_all(&folder).expect("the folder");
    set_mode(&file, 0o644);
    let list = scene.run(&["doctor", "--json", "--fix"]).stdout;
    let list: Vec<serde_json::Value> = serde_json::from_slice(&list).expect("JSON and nothing else");
    assert!(!list.is_empty());
    let output = scene.run(&["doctor", "--fix"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), mode(&file)), (Some(1), 0o644), "{said}");
    assert!(said.contains("there is no terminal to ask on; nothing was changed"), "{said}");

    let (text, code) = on_a_terminal(scene, "n\n");
    assert_eq!((code, mode(&file)), (Some(1), 0o644), "{text}");
    assert_eq!(text.matches("[y/N]").count(), 1, "two findings have one mend: {text}");
    // Only when the configuration can be read is the folder known.
    let (text, code) = on_a_terminal(scene, "y\n");
    assert_eq!((code, mode(&file), folder.exists()), (Some(1), 0o600, false), "{text}");
    let (text, code) = on_a_terminal(scene, "y\n");
    assert_eq!((code, folder.exists()), (Some(0), true), "{text}");
    set_up.is_well();
}

fn on_a_terminal(scene: &Scene, answers: &str) -> (String, Option<i32>) {
    let command = scene.command(&["doctor", "--fix"]);
    let words = command.get_args().map(|word| format!("'{}'", word.to_string_lossy())).collect::<Vec<_>>().join(" ");
    let (runs, input) = (scene.folder.path().join("fix"), scene.folder.path().join("answers"));
    executable(&runs, &format!("#!/bin/sh\nexec '{}' {words}\n", command.get_program().to_string_lossy()));
    fs::write(&input, answers).expect("answers");
    let mut script = Command::new("/usr/bin/script");
    script.args(["-qec", &format!("'{}'", runs.display()), "/dev/null"]);
    let output = script.stdin(Stdio::from(fs::File::open(&input).expect("answers"))).output().expect("a terminal");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}
