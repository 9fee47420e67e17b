//! `setup` by flags alone, and what it refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::bot::{Bot, CHAT, Mood, TOKEN};
use crate::support::mac::mode;
use crate::support::{Scene, product};
use serde_json::json;

/// A checkout with a bridge that launchd knows of, and no configuration at all.
pub(crate) fn from_nothing() -> Scene {
    let scene = Scene::new("embedded", 60.0);
    let agents = scene.folder.path().join("home/Library/LaunchAgents");
    fs::create_dir_all(&agents).expect("LaunchAgents");
    plist(&agents.join("bridge.plist"), &scene.label, &program(&scene), &scene.root);
    forget(&scene);
    scene
}

/// As nobody has ever configured anything.
pub(crate) fn forget(scene: &Scene) {
    fs::remove_dir_all(scene.config_file().parent().expect("a folder")).expect("no configuration");
}

/// The scene's bridge under a name of its own: what is called `bridge-watchdog` is taken for us.
pub(crate) fn program(scene: &Scene) -> Vec<String> {
    let link = scene.root.join(".venv/bin/telegram-bridge");
    if !link.exists() {
        fs::create_dir_all(link.parent().expect("a folder")).expect("a folder");
        fs::hard_link(product(), &link).or_else(|_| fs::copy(product(), &link).map(drop)).expect("a program");
    }
    let words = scene.program().into_iter().skip(1).map(str::to_owned);
    std::iter::once(link.to_str().expect("a path").to_owned()).chain(words).collect()
}

pub(crate) fn plist(path: &Path, label: &str, program: &[String], root: &Path) {
    let keys = json!({
        "Label": label, "ProgramArguments": program, "WorkingDirectory": root,
        "StandardOutPath": root.join("logs/bridge.log"), "EnvironmentVariables": {"API_HASH": "hunter2"},
    });
    let file = fs::File::create(path).expect("a plist");
    plist::to_writer_xml(file, &keys).expect("written");
}

pub(crate) fn token_file(scene: &Scene, token: &str) -> PathBuf {
    let path = scene.folder.path().join("token");
    fs::write(&path, format!("{token}\n")).expect("a token");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
    path
}

pub(crate) struct Said {
    pub code: i32,
    pub text: String,
}

pub(crate) fn setup(scene: &Scene, args: &[&str]) -> Said {
    let args: Vec<&str> = ["setup"].into_iter().chain(args.iter().copied()).collect();
    let output = scene.run(&args);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("hunter2"), "the job's environment was printed: {text}");
    Said { code: output.status.code().expect("an exit code"), text }
}

#[test]
fn by_flags_alone_from_nothing_to_a_healthy_check() {
    let (scene, bot) = (from_nothing(), Bot::new(Mood::Fine));
    let (token, url, chat) = (token_file(&scene, TOKEN), format!("http://{}", bot.address), CHAT.to_string());
    let flags =
        ["--manager", "embedded", "--bot-token-file", token.to_str().unwrap(), "--chat-id", &chat, "--api-url", &url];
    let said = setup(&scene, &[&flags[..], &["--yes"]].concat());
    assert_eq!(said.code, 0, "{}", said.text);
    let (file, folder) = (scene.config_file(), scene.config_file().parent().unwrap().to_owned());
    assert_eq!((mode(&file), mode(&folder)), (0o600, 0o700));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "and nothing beside it");
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains(&format!("root = {}\n", json!(scene.root))) && text.contains("manager = \"embedded\""),
        "{text}"
    );
    assert!(text.contains(&format!("token_file = {}", json!(token))) && !text.contains(TOKEN), "{text}");
    let methods: Vec<String> = bot.requests().iter().map(|request| request.method().to_owned()).collect();
    assert_eq!((methods.as_slice(), bot.messages().len()), (&["getMe".to_owned(), "sendMessage".to_owned()][..], 1));
    assert!(said.text.contains("A test message is on the phone now") && said.text.contains("Next: "), "{}", said.text);

    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    assert_eq!(scene.check().1, 0);

    // Again: what is there need not be said, and nothing changes.
    let said = setup(&scene, &["--yes"]);
    assert_eq!((said.code, fs::read_to_string(&file).unwrap()), (0, text), "{}", said.text);
    assert_eq!(bot.messages().len(), 2);
}

#[test]
fn what_is_missing_is_named_with_its_flag() {
    let scene = from_nothing();
    let (token, checkout) = (token_file(&scene, TOKEN), scene.root.clone());
    let (token, checkout) = (token.to_str().unwrap(), checkout.to_str().unwrap());
    let agent = scene.folder.path().join("home/Library/LaunchAgents/bridge.plist");
    let lacks = |args: &[&str]| {
        let said = setup(&scene, args);
        assert_eq!(said.code, 2, "{args:?}: {}", said.text);
        assert!(!scene.config_file().parent().unwrap().exists(), "{args:?}: something was written");
        ["--root", "--label", "--bot-token-file", "--chat-id", "--yes"]
            .into_iter()
            .filter(|flag| said.text.contains(&format!("{flag} ")))
            .collect::<Vec<_>>()
    };
    assert_eq!(lacks(&[]), ["--bot-token-file", "--chat-id", "--yes"]);
    assert_eq!(lacks(&["--yes", "--chat-id", "7"]), ["--bot-token-file"]);
    // Two that may be it, and a watchdog that is none.
    plist(&agent.with_file_name("other.plist"), "telegram.work", &program(&scene), &scene.root);
    plist(&agent.with_file_name("ours.plist"), "com.valor.bridge-watchdog", &program(&scene), &scene.root);
    assert_eq!(lacks(&["--yes", "--bot-token-file", token, "--chat-id", "7"]), ["--label"]);
    fs::remove_dir_all(agent.parent().unwrap()).unwrap();
    assert_eq!(lacks(&["--yes", "--bot-token-file", token, "--chat-id", "7"]), ["--root"]);
    assert_eq!(lacks(&["--yes", "--root", checkout]), ["--bot-token-file", "--chat-id"]);
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_written() {
    let (scene, bot) = (from_nothing(), Bot::new(Mood::Fine));
    let url = format!("http://{}", bot.address);
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{deaf}");
    let (token, chat) = (token_file(&scene, TOKEN), CHAT.to_string());
    let secret = TOKEN.replace("123456", "654321");
    let (foreign, open, odd) = ["foreign", "open", "odd"].map(|name| scene.folder.path().join(name)).into();
    for (path, text, mode) in [(&foreign, secret.as_str(), 0o600), (&open, TOKEN, 0o644), (&odd, "no token", 0o600)] {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let plain = scene.folder.path().to_str().unwrap().to_owned();
    let (token, foreign, open, odd) =
        (token.to_str().unwrap(), foreign.to_str().unwrap(), open.to_str().unwrap(), odd.to_str().unwrap());
    type Row<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], i32, &'a str);
    let rows: [Row; 9] = [
        (token, &nobody, &chat, &[], 1, "Telegram can't be reached"),
        (foreign, &url, &chat, &[], 2, "Telegram refused (401): Unauthorized; the token is not valid"),
        (open, &url, &chat, &[], 2, "telegram.token_file can be read by others; run: chmod 600"),
        (odd, &url, &chat, &[], 2, "has not the shape of a bot token"),
        ("/nowhere/token", &url, &chat, &[], 2, "telegram.token_file can't be read: /nowhere/token"),
        (token, &url, "-1001234", &[], 2, "telegram.chat_id is not above 0, so it is a group or a channel"),
        (token, &url, "7", &[], 1, "Telegram refused (400): Bad Request: chat not found"),
        (token, "http://example.com", &chat, &[], 2, "telegram.api_url is not https"),
        (token, &url, &chat, &["--root", &plain], 2, "which is no git checkout (no .git in it)"),
    ];
    for (token, url, chat, more, code, words) in rows {
        let flags = ["--yes", "--manager", "embedded", "--bot-token-file", token, "--api-url", url, "--chat-id", chat];
        let said = setup(&scene, &[&flags[..], more].concat());
        assert_eq!(said.code, code, "{words}: {}", said.text);
        assert!(said.text.contains(words) && !said.text.contains(&secret), "{words}: {}", said.text);
        assert!(!scene.config_file().parent().unwrap().exists(), "{words}: something was written");
    }
    let flags = ["--yes", "--manager", "embedded", "--bot-token-file", token, "--api-url", &nobody, "--chat-id", &chat];
    let said = setup(&scene, &[&flags[..], &["--untested"]].concat());
    assert!(said.code == 0 && said.text.contains("Telegram can't be reached"), "{}", said.text);
    assert!(scene.config_file().exists() && bot.messages().is_empty());
}

#[test]
fn what_a_person_wrote_stays_and_what_is_broken_is_left_alone() {
    let (mut scene, bot) = (Scene::new("embedded", 60.0), Bot::new(Mood::Fine));
    scene.extra = format!("login = [\"x\"] # by hand\n{}\n[recovery]\nauto_revert = true\n", Bot::config(bot.address));
    scene.write();
    let before = fs::read_to_string(scene.config_file()).unwrap();
    // As an editor left it.
    fs::set_permissions(scene.config_file(), fs::Permissions::from_mode(0o644)).unwrap();
    let said = setup(&scene, &["--yes", "--label", "com.example.other"]);
    assert_eq!(said.code, 0, "{}", said.text);
    let after = fs::read_to_string(scene.config_file()).unwrap();
    assert_eq!(after, before.replace("com.example.bridge", "com.example.other"));
    assert_eq!(mode(&scene.config_file()), 0o600);
    let rows = [
        ("[bridge\nroot = 1", "is no TOML"),
        ("bridge = 7\n", "is no TOML, or a section of it is none"),
        (&before.replace("login", "logn"), "bridge.logn is not known; delete it"),
    ];
    for (text, words) in rows {
        fs::write(scene.config_file(), text).unwrap();
        let said = setup(&scene, &["--yes", "--bot-token-file", "/nowhere"]);
        assert!(said.code == 2 && said.text.contains(words), "{words}: {}", said.text);
        assert_eq!(fs::read_to_string(scene.config_file()).unwrap(), text);
    }
}
