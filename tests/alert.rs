//! The alert, end to end: a real HTTP server on loopback plays the Bot API. What arrives, what does not, and which
//! secrets must appear nowhere.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::support::bot::{Bot, CHAT, Mood, TOKEN};
use crate::support::launchd::SECRET;
#[cfg(target_os = "linux")]
use crate::support::loaded_with;
use crate::support::{Scene, keys, load, patient, unloaded};
use serde_json::json;

/// A bridge under `embedded` that asks for a login: an alert at once, and nothing else to do.
fn needs_a_login(telegram: String) -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = telegram;
    scene.bridge(&[]);
    fs::write(scene.data("bridge-auth-required"), "").expect("the marker");
    scene
}

/// Something is in the spool file that Telegram has not confirmed.
fn spooled(scene: &Scene) -> bool {
    fs::read_to_string(scene.state().join("alert.json")).is_ok_and(|spool| spool.contains("\"sent\":null"))
}

/// The files below a folder, links not followed.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let kind = |entry: &fs::DirEntry| entry.file_type().expect("a type");
    let (folders, others): (Vec<_>, Vec<_>) = entries.partition(|entry| kind(entry).is_dir());
    let files = others.into_iter().filter(|entry| kind(entry).is_file()).map(|entry| entry.path());
    files.chain(folders.into_iter().flat_map(|entry| self::files(&entry.path()))).collect()
}

#[test]
fn incident_15_a_bridge_that_always_crashes_reaches_a_person_and_no_secret_goes_along() {
    let bot = Bot::new(Mood::Fine);
    let (scene, launchd) = unloaded(&["--exit", "1"], &keys(), |scene| {
        scene.extra = Bot::config(bot.address);
        patient(scene);
        scene.set("again", 600.0);
    });
    // A bridge that logs what it should not.
    let careless = format!("ERROR TELEGRAM_API_HASH={SECRET} url=http://x/bot{TOKEN}/getMe\n");
    fs::write(scene.log(), careless).expect("the log");
    let _watch = scene.watch();
    scene.wait_verdict("unhealthy", "not-loaded");
    scene.wait("a word at once", || bot.delivered().into_iter().find(|text| text.contains("is not loaded")));
    load(&scene, &launchd);
    let text = scene.wait("the alert", || bot.delivered().into_iter().find(|text| text.contains("It needs you")));
    let host = sysinfo::System::host_name().expect("a host name");
    let first = text.lines().next().expect("a line");
    assert!(first.starts_with(&format!("{host}: the bridge crashed ")) && first.ends_with(" It needs you."), "{text}");
    assert!(
        text.contains("Traceback (most recent call last):\nModuleNotFoundError: No module named 'telethon'"),
        "{text}"
    );
    assert!(text.contains("last exit exit 1") && text.contains("HEAD "), "{text}");
    assert!(text.encode_utf16().count() <= 4096);
    let request = &bot.requests()[0];
    assert_eq!(request.path, format!("/bot{TOKEN}/sendMessage"));
    assert_eq!(request.body["chat_id"], CHAT);
    assert!(request.body.get("parse_mode").is_none(), "plain text: {}", request.body);
    scene.wait_journal("the alert was delivered (message 2)");
    assert!(!spooled(&scene));
    for request in bot.requests() {
        let body = request.body.to_string();
        assert!(!body.contains(TOKEN) && !body.contains(SECRET), "{body}");
    }
    let _ = scene.check();
    nowhere(&scene, TOKEN);
    nowhere(&scene, SECRET);
}

/// A bridge writes each of them again and again to both logs and then crashes; its script also passes them to `record`.
#[test]
fn incident_41_no_secret_of_any_shape_is_repeated_by_us() {
    const SHAPES: [&str; 9] = [
        "hunter-two",
        "deadbeefcafe",
        "+49 151 2345678",
        "+4915987654321",
        "sk-live-0123456789abcdef",
        "AAother-bots-token-0123",
        "plain-value-of-dotenv",
        "value of the job",
        "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    ];
    let bot = Bot::new(Mood::Fine);
    let keys = json!({
        "KeepAlive": true, "ThrottleInterval": 0.4, "ExitTimeOut": 0.5,
        "EnvironmentVariables": {"JOB_SECRET": "value of the job"}
    });
    let (mut scene, launchd) = unloaded(&[], &keys, |scene| {
        scene.extra = Bot::config(bot.address);
        patient(scene);
        scene.set("again", 600.0);
        fs::write(scene.root.join(".env"), "# mine\nexport NOTE=\"plain-value-of-dotenv\"\n").expect(".env");
    });
    let says = "ERROR TELEGRAM_PASSWORD=hunter-two api_hash='deadbeefcafe' {\"phone\": \"+49 151 2345678\"} for +4915987654321 \
                with sk-live-0123456789abcdef by http://x/bot987654:AAother-bots-token-0123/getMe and plain-value-of-dotenv, \
                value of the job, 0a1b2c3d4e5f60718293a4b5c6d7e8f9";
    fs::write(scene.root.join("says"), format!("{says}\n").repeat(12)).expect("what it says");
    scene.script("while [ ! -e data/crash ]; do cat says; cat says >&2; sleep 0.2; done; cat says >&2; exit 1");
    let mut all = keys.clone();
    all["WorkingDirectory"] = json!(scene.root);
    all["StandardOutPath"] = json!(scene.log());
    all["StandardErrorPath"] = json!(scene.error_log());
    launchd.write_plist(&scene.label, &scene.program(), &all);
    load(&scene, &launchd);
    let _watch = scene.watch();
    let status = scene.wait_verdict("degraded", "none");
    assert!(status["check"]["issues"].to_string().contains("TELEGRAM_PASSWORD=(removed)"), "{status}");
    let mut shown = scene.check().0.to_string();
    assert!(scene.run(&["record", "crash", "--reason", says]).status.success());
    fs::write(scene.data("crash"), "").expect("the end");
    let text = scene.wait("the alert", || bot.delivered().into_iter().next());
    assert!(text.contains("end of the log:\nERROR TELEGRAM_PASSWORD=(removed)"), "{text}");
    for args in [&["check"][..], &["status", "--json"], &["crashes"], &["crashes", "--json"]] {
        let output = scene.run(args);
        shown += &String::from_utf8_lossy(&[output.stdout, output.stderr].concat());
    }
    assert!(shown.contains("(removed)"), "{shown}");
    for secret in SHAPES {
        assert!(!shown.contains(secret), "{secret}: {shown}");
        assert!(bot.requests().iter().all(|request| !request.body.to_string().contains(secret)), "{secret}: {text}");
        nowhere(&scene, secret);
    }
}

/// They are neither in our state folder (journal, status, spool) nor on standard error, nor in what we write into the
/// checkout.
fn nowhere(scene: &Scene, secret: &str) {
    let ours = files(&scene.folder.path().join("home/state"));
    assert!(ours.iter().any(|path| path.ends_with("journal.log")), "{ours:?}");
    let data = files(&scene.root.join("data"));
    for path in ours.iter().chain(&data).chain(&[scene.folder.path().join("watch.log")]) {
        let bytes = fs::read(path).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{} leaks", path.display());
    }
}

#[test]
fn incident_14_an_alert_is_tried_again_whatever_the_failure_was_until_it_arrives() {
    let bot = Bot::new(Mood::Broken);
    let scene = needs_a_login(Bot::config(bot.address));
    let _watch = scene.watch();
    let moods = [
        (Mood::Broken, "the answer (HTTP 500) is not Telegram's"),
        (Mood::Rude, "Telegram can't be reached: "),
        (
            Mood::Blocked,
            "Telegram refused (403): Forbidden: bot was blocked by the user; the person has blocked the bot",
        ),
        (Mood::Busy(1), "Telegram refused (429): Too Many Requests: retry after 1"),
    ];
    for (mood, words) in moods {
        bot.mood(mood);
        let before = bot.requests().len();
        let status = scene.wait(words, || {
            let status = scene.status()?;
            status["check"]["issues"].to_string().contains(words).then_some(status)
        });
        let issues = status["check"]["issues"].to_string();
        assert!(issues.contains("An alert does not go out: "), "{issues}");
        assert!(!issues.contains(TOKEN), "{issues}");
        scene.wait("another try", || (bot.requests().len() > before).then_some(()));
        assert!(spooled(&scene), "{mood:?}");
    }
    bot.mood(Mood::Fine);
    scene.wait("the delivery", || bot.delivered().into_iter().next());
    scene.wait_journal("the alert was delivered");
    scene.wait("no issue", || {
        (!scene.status()?["check"]["issues"].to_string().contains("does not go out")).then_some(())
    });
    assert!(!spooled(&scene));
    scene.wait_looks(3);
    assert_eq!(bot.delivered().len(), 1, "{:?}", bot.delivered());
    nowhere(&scene, TOKEN);
}

#[test]
fn incident_14_a_refused_connection_is_tried_again_and_a_bridge_that_is_well_is_degraded_meanwhile() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let scene = needs_a_login(Bot::config(address));
    let _watch = scene.watch();
    let line = scene.wait_journal("the alert was not delivered: Telegram can't be reached: ");
    assert!(line.contains("refused"), "{line}");
    assert!(spooled(&scene));
    // The login came back by itself; the alert still has to be sent.
    fs::remove_file(scene.data("bridge-auth-required")).expect("the marker");
    let status = scene.wait_verdict("degraded", "none");
    assert!(status["check"]["issues"].to_string().contains("An alert does not go out: "), "{status}");
    assert_eq!(scene.check().1, 1);
    let bot = scene.wait("the port again", || Bot::at(address, Mood::Fine).ok());
    let text = scene.wait("the delivery", || bot.delivered().into_iter().next());
    assert!(text.contains("Telegram asks for a new login") || text.contains("the bridge is back"), "{text}");
    scene.wait_verdict("healthy", "none");
}

#[test]
fn a_telegram_that_wants_to_be_left_alone_is_left_alone() {
    let bot = Bot::new(Mood::Busy(3600));
    let scene = needs_a_login(Bot::config(bot.address));
    let _watch = scene.watch();
    scene.wait_journal("the alert was not delivered: Telegram refused (429)");
    scene.wait_looks(3);
    assert_eq!(bot.requests().len(), 1);
    assert!(spooled(&scene));
}

#[test]
fn incident_18_a_login_is_asked_for_once_with_its_command_and_nothing_is_restarted() {
    let bot = Bot::new(Mood::Fine);
    let scene = needs_a_login(Bot::config(bot.address));
    let _watch = scene.watch();
    scene.wait_verdict("waiting", "auth-required");
    let text = scene.wait("the alert", || bot.delivered().into_iter().next());
    let command = format!("To log in: cd '{}' && .venv/bin/python scripts/telegram_login.py\n", scene.root.display());
    assert!(text.contains(&command), "{text}");
    scene.wait_looks(4);
    assert_eq!(bot.requests().len(), 1);
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
    assert!(scene.events("crash").is_empty());
    assert_eq!(scene.check().1, 4);
}

/// The kernel says who opened it: an inotify watch from before the first look until after the alert.
#[cfg(target_os = "linux")]
#[test]
fn incident_16_the_session_is_opened_for_no_alert() {
    use rustix::fs::inotify;
    let bot = Bot::new(Mood::Fine);
    // The bridge has another file open, so only we can have opened this one.
    let (scene, _launchd) = loaded_with(&["--exit", "1"], &keys(), |scene| {
        scene.extra = format!("session = \"data/guarded.session\"\n{}", Bot::config(bot.address));
        scene.set("min_uptime", 60.0);
        scene.set("respawn_margin", 600.0);
        scene.set("crash_window", 600.0);
        fs::write(scene.data("guarded.session"), "SQLite format 3\0").expect("a session");
    });
    let guard = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).expect("inotify");
    let flags = inotify::WatchFlags::OPEN | inotify::WatchFlags::MODIFY | inotify::WatchFlags::DELETE_SELF;
    inotify::add_watch(&guard, scene.data("guarded.session"), flags).expect("a watch");
    let _watch = scene.watch();
    scene.wait("the alert", || bot.delivered().into_iter().next());
    let mut buffer = [std::mem::MaybeUninit::uninit(); 512];
    let mut events = inotify::Reader::new(&guard, &mut buffer);
    assert_eq!(events.next().map(|event| event.events()), Err(rustix::io::Errno::AGAIN));
}
