//! What a person gets of an incident, whole: the program, a bridge, and a Bot API on loopback. The texts are shown with
//! `--nocapture`.

use std::fs;
use std::net::TcpListener;

use crate::support::bot::{Bot, Mood};
use crate::support::require::{self, Ability};
use crate::support::session::{Client, database};
use crate::support::{Scene, alive, keys, loaded_with, signal};
use rustix::process::Signal;
use serde_json::json;

fn scene() -> (Scene, Bot) {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    scene.write();
    (scene, bot)
}

/// Waits until the last message says that it is over, shows all and returns the versions of each.
fn over(scene: &Scene, bot: &Bot, words: &str) -> Vec<Vec<String>> {
    scene.wait(words, || bot.messages().last().filter(|last| last.text().contains(words)).map(drop));
    let messages: Vec<Vec<String>> = bot.messages().into_iter().map(|message| message.versions).collect();
    for (nth, versions) in messages.iter().enumerate() {
        for (edit, text) in versions.iter().enumerate() {
            println!("--- message {}{}\n{text}\n", nth + 1, if edit > 0 { ", edited" } else { "" });
        }
    }
    for versions in &messages {
        assert!(versions.windows(2).all(|pair| pair[0] != pair[1]), "an edit to the same text: {versions:?}");
    }
    messages
}

fn host() -> String {
    sysinfo::System::host_name().expect("a host name")
}

#[test]
fn a_hang_is_told_as_its_cure_begins_then_edited_and_then_it_is_over() {
    let (scene, bot) = scene();
    let _watch = scene.watch();
    let bridge = scene.wait_bridge();
    scene.wait_aged(bridge, 6.0);
    signal(bridge, Signal::STOP);
    let messages = over(&scene, &bot, "the bridge is back after");
    let [act, over] = &messages[..] else { panic!("{messages:?}") };
    assert!(act[0].starts_with(&format!("{}: the bridge hangs, since ", host())), "{act:?}");
    assert!(act[0].contains(" rung 2 (end and restart): under way"), "{act:?}");
    let last = act.last().expect("a version");
    assert!(
        last.contains(": up again. Before: the bridge hangs, since ")
            && last.contains("rung 2 (end and restart): done: pid"),
        "{last}"
    );
    assert!(over[0].contains("rung 2 (end and restart)") && over[0].lines().count() == 1, "{over:?}");
    scene.wait("what is over and sent to be forgotten", || (!scene.state().join("alert.json").exists()).then_some(()));
}

#[test]
fn a_lock_is_told_with_whom_it_was_taken_from() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let (mut scene, bot) = scene();
    scene.set("stale_process", 0.5);
    scene.set("min_uptime", 0.3);
    database(&scene.data("valor_bridge.session"), "delete");
    let holder = Client::holding(&scene, &["begin exclusive"]);
    scene.wait_aged(holder.pid(), 0.6);
    let _watch = scene.watch();
    let messages = over(&scene, &bot, "the bridge is back after");
    let all = messages.concat().join("\n");
    let whom = format!("another process (pid {}) holds the lock of the bridge's session", holder.pid());
    assert!(all.contains(&whom) && all.contains("1 process that held it was ended"), "{all}");
    assert!(messages.len() <= 3, "{messages:?}");
}

#[test]
fn incident_12_a_revert_is_told_with_how_to_keep_it_and_how_to_undo_it() {
    let (mut scene, bot) = scene();
    scene.set("min_uptime", 0.3);
    scene.set("crash_window", 600.0);
    scene.set("again", 600.0);
    scene.bridge(&["--source", "bridge.py"]);
    fs::write(scene.data("auto-revert-enabled"), "").expect("the opt-in");
    scene.commit("bridge.py", "import telethonn\n", "Make it faster", 60);
    let _watch = scene.watch();
    let messages = over(&scene, &bot, "the bridge is back after");
    assert!(messages.len() <= 3, "{messages:?}");
    let over = &messages.last().expect("a message")[0];
    for words in [
        "rung 4 (revert HEAD)",
        "Nothing was pushed, so the next pull that brings a fix is no fast-forward.",
        &format!("To keep the revert: git -C '{}' push", scene.root.display()),
        "To undo it: bridge-watchdog undo-revert",
    ] {
        assert!(over.contains(words), "{words}: {over}");
    }
}

#[test]
fn incident_18_a_login_calls_with_its_command_and_it_is_over_when_a_person_has_logged_in() {
    let (scene, bot) = scene();
    let _watch = scene.watch();
    scene.wait_bridge();
    fs::write(scene.data("bridge-auth-required"), "").expect("the marker");
    scene.wait("the call", || bot.calls().into_iter().next());
    fs::remove_file(scene.data("bridge-auth-required")).expect("logged in");
    let messages = over(&scene, &bot, "the bridge is back after");
    assert_eq!(messages.len(), 2, "{messages:?}");
    let first = messages[0][0].lines().next().expect("a line");
    assert!(first.starts_with(&format!("{}: Telegram asks for a new login, since ", host())), "{first}");
    assert!(first.ends_with(". It needs you."), "{first}");
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
}

#[test]
fn incident_45_what_only_a_person_can_mend_is_told_at_the_first_act_and_calls_at_the_last() {
    let (mut scene, bot) = scene();
    scene.set("min_uptime", 0.3);
    scene.set("again", 600.0);
    scene.bridge(&["--exit", "1"]);
    let _watch = scene.watch();
    let call = scene.wait("the call", || bot.calls().into_iter().next());
    println!("{call}");
    assert!(call.contains("Error: ModuleNotFoundError: No module named 'telethon'"), "{call}");
    assert!(call.contains("\nYou: tail -n 30 '"), "{call}");
    assert!(call.contains("\nHEAD ") && call.contains("A bridge (2 days old)"), "{call}");
    scene.wait_looks(6);
    assert!(bot.messages().len() <= 2, "{:?}", bot.messages());
}

/// Its manager starts it again each time, before us: the third end is told, and nothing before it.
#[test]
fn the_third_end_within_30_min_is_told_though_its_manager_answered_each() {
    let bot = Bot::new(Mood::Fine);
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| {
        scene.extra = Bot::config(bot.address);
        scene.set("crash_window", 600.0);
        // No start of ours: each run is too young for one at once, and its manager has time.
        scene.set("min_uptime", 60.0);
        scene.set("respawn_margin", 600.0);
    });
    let _watch = scene.watch();
    for nth in 1..=3 {
        let pid = launchd.wait_pid(&scene.label);
        scene.wait_seen(pid);
        signal(pid, Signal::KILL);
        scene.wait("the crash", || (scene.events("crash").len() == nth && !alive(pid)).then_some(()));
        if nth == 2 {
            scene.wait_looks(3);
            assert!(bot.requests().is_empty(), "{:?}", bot.delivered());
        }
    }
    let text = scene.wait("a word", || bot.delivered().into_iter().next());
    println!("{text}");
    assert!(
        text.contains("the bridge ended 3 times within 10 min, and its manager started it again each time."),
        "{text}"
    );
    assert!(text.contains("signal 9"), "{text}");
    scene.wait_looks(4);
    assert_eq!(bot.messages().len(), 1, "{:?}", bot.messages());
}

/// No message can go out meanwhile; when the network is back there is one, and it says how long it was.
#[test]
fn incident_36_an_outage_of_the_network_is_one_message_when_it_is_over() {
    let (mut scene, bot) = scene();
    let closed = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    scene.set("data_centres", json!([address]));
    scene.set("offline_told", 1.0);
    scene.script(
        "if [ -e data/online ]; then echo 'INFO Connected to Telegram'; while :; do echo 'INFO [heartbeat] Bridge alive'; sleep 0.1; done; fi\n\
         echo 'ERROR telethon: Attempt 1 at connecting failed: OSError' >&2; sleep 0.3; exit 1",
    );
    bot.mood(Mood::Rude);
    let _watch = scene.watch();
    scene.wait_journal("the alert was not delivered");
    scene.wait_looks(5);
    let _open = TcpListener::bind(address).expect("the same port");
    fs::write(scene.data("online"), "").expect("the network is back");
    // A try in the second before the watch sees that would bring what is stale by then.
    scene.wait_journal("over: ");
    bot.mood(Mood::Fine);
    let messages = over(&scene, &bot, "back online after ");
    assert_eq!(messages.len(), 1, "{messages:?}");
    scene.wait_verdict("healthy", "none");
    scene.wait_looks(3);
    assert_eq!(bot.messages().len(), 1, "{:?}", bot.messages());
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
}

/// The bridge's folder is away, as a volume may be: the alert needs nothing of it.
#[test]
fn incident_14_the_alert_needs_nothing_of_the_bridge_or_its_folder() {
    let (mut scene, bot) = scene();
    scene.program_is(&["/bin/sh", "-c", "echo Connected to Telegram; while :; do echo alive; sleep 0.1; done"]);
    let _watch = scene.watch();
    let bridge = scene.wait_bridge();
    // A link that leads to itself: nothing in the folder can be opened, not even by root.
    fs::rename(scene.root.join("data"), scene.folder.path().join("away")).expect("data/ away");
    std::os::unix::fs::symlink("data", scene.root.join("data")).expect("a loop");
    signal(bridge, Signal::STOP);
    let text = scene.wait("the call", || bot.calls().into_iter().next());
    assert!(text.contains("whether a restart is forbidden can't be seen"), "{text}");
    assert!(text.contains(&format!("chmod u+rwx '{}/data'", scene.root.display())), "{text}");
}

#[test]
fn alert_test_says_what_telegram_answered() {
    let (mut scene, bot) = scene();
    let said = |scene: &Scene| {
        let output = scene.run(&["alert-test"]);
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), text)
    };
    let (code, text) = said(&scene);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("Done: Telegram took it (message 1 to chat "), "{text}");
    assert!(bot.delivered()[0].contains(": this is a test of Bridge Watchdog."), "{:?}", bot.delivered());
    bot.mood(Mood::Blocked);
    let (code, text) = said(&scene);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("bot was blocked by the user; the person has blocked the bot or never started it"), "{text}");
    scene.extra = String::new();
    scene.write();
    let (code, text) = said(&scene);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("there is no [telegram] section, so nobody is told; run: bridge-watchdog setup"), "{text}");
}

#[test]
fn diagnostics_are_what_a_call_carries() {
    let (scene, _bot) = scene();
    fs::write(scene.root.join(".env"), "BRIDGE_PASSWORD=hunter-two-and-more\n").expect(".env");
    fs::write(scene.error_log(), "KeyError: 'hunter-two-and-more'\n").expect("a log");
    let output = scene.run(&["diagnostics"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    for words in
        ["unhealthy: process-dead\n", "\nservice com.example.bridge: no process", "\nHEAD ", "KeyError: '(removed)'"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}
