//! Reports of people who run such a bridge: words in the log are taken for the bridge's own, whoever wrote or is quoted
//! in them (kind B), and a wait that the log names is a wait (R20). A line explains; alone it does nothing.

use std::io::Write;

use crate::support::bot::{Bot, Mood};
use crate::support::{Scene, alive};
use serde_json::json;

/// A bridge with a heartbeat every two seconds (silence counts after five, a stop that is ignored after half a
/// second), and after each heartbeat what is in `quotes`, on both streams. `before` is its format.
fn bridge_that_quotes(before: &str, quotes: &str) -> (Scene, Bot) {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    std::fs::write(scene.root.join("quotes"), quotes).expect("its lines");
    std::fs::write(scene.root.join("before"), before).expect("its format");
    scene.script(
        "echo \"$(cat before)Connected to Telegram\"
        while :; do echo \"$(cat before)[heartbeat] Bridge alive\"; cat quotes; cat quotes >&2; sleep 2; done",
    );
    (scene, bot)
}

/// It lives through four heartbeats as the same process; no rung, no word to anybody, no other state.
fn left_alone(before: &str, quotes: &str) {
    let (scene, bot) = bridge_that_quotes(before, quotes);
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_verdict("healthy", "none");
    scene.wait_aged(pid, 9.0);
    let (check, exit) = scene.check();
    assert_eq!((&check["state"], &check["cause"], exit), (&json!("healthy"), &json!("none"), 0), "{check}");
    assert!(alive(pid) && check["facts"]["process"]["pid"] == pid, "{check}");
    let journal = scene.journal();
    assert!(scene.acts().is_empty() && scene.rungs().is_empty(), "{journal}");
    assert!(!journal.contains("unhealthy") && !journal.contains("waiting"), "{journal}");
    assert!(bot.requests().is_empty(), "{:?}", bot.delivered());
}

const STAMPED: &str = "2026-11-26 10:00:00,000 - bridge.main - INFO - ";

/// Everything that means something if the bridge says it.
const SENTENCES: [&str; 7] = [
    "Received SIGTERM, shutting down gracefully...",
    "database is locked",
    "No space left on device",
    "A wait of 1800 seconds is required (caused by GetDialogsRequest)",
    "Automatic reconnection failed 5 time(s)",
    "Server does not know about the current auth key; the session may need to be recreated",
    "[hibernation] Bridge hibernating: auth required",
];

fn each(before: &str, after: &str) -> String {
    SENTENCES.map(|sentence| format!("{before}{sentence}{after}\n")).concat()
}

#[test]
fn r05a_a_tool_server_that_is_ended_says_goodbye_in_the_bridges_error_log() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    // Nothing else is written while a stop would be waited for, and silence counts after five seconds.
    scene.bridge(&["--every", "4"]);
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_verdict("healthy", "none");
    let mut log = std::fs::OpenOptions::new().append(true).create(true).open(scene.error_log()).expect("the log");
    writeln!(log, "[tool-server] Received SIGTERM, shutting down gracefully...").expect("a line");
    scene.wait_aged(pid, 9.0);
    let (check, exit) = scene.check();
    assert_eq!((&check["cause"], exit), (&json!("none"), 0), "{check}");
    assert!(alive(pid) && scene.acts().is_empty() && bot.requests().is_empty(), "{}", scene.journal());
    assert!(!scene.journal().contains("stop-hang"), "{}", scene.journal());
}

#[test]
fn r05a_a_child_with_a_logger_says_it_beside_bare_heartbeats() {
    let goodbye = "Received SIGTERM, shutting down gracefully...\n";
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    std::fs::write(scene.root.join("says"), format!("INFO:tool_server:{goodbye}")).expect("its words");
    // It is grown up, then the goodbye, and silence for longer than a stop is waited for.
    scene.script(
        "echo 'Connected to Telegram'
        for beat in 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo '[heartbeat] Bridge alive (uptime=0m)'; sleep 0.5; done
        cat says >&2
        while :; do sleep 3; echo '[heartbeat] Bridge alive (uptime=0m)'; done",
    );
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_aged(pid, 12.0);
    assert!(alive(pid) && scene.acts().is_empty() && bot.requests().is_empty(), "{}", scene.journal());
    assert!(!scene.journal().contains("stop-hang"), "{}", scene.journal());
}

#[test]
fn r05a_a_child_of_the_bridge_says_it_bare_and_behind_a_prefix_of_its_own() {
    // Tool servers in Python, Node and Go that share the bridge's stderr.
    let lines = each("", "") + &each("[tool-server] ", "") + &each("INFO:tool-server:", "") + &each("INFO [mcp] ", "");
    left_alone("INFO ", &lines);
}

#[test]
fn b_a_chat_that_quotes_every_sentence_is_logged_by_the_bridge() {
    // A support group of people who run bridges talks about their logs.
    let lines = each(&format!("{STAMPED}new message from Ann: "), "")
        + &each(&format!("{STAMPED}new message: '"), "'")
        + &each(&format!("{STAMPED}> "), "")
        + &each(&format!("{STAMPED}\""), "\" is what mine says");
    left_alone(STAMPED, &lines);
}

#[test]
fn b_a_chat_of_several_lines_whose_second_looks_like_a_log_line() {
    // Somebody pastes an old log into the chat.
    let lines =
        format!("{STAMPED}new message: look at this\n") + &each("2026-11-20 09:00:00,000 - bridge.main - ERROR - ", "");
    left_alone(STAMPED, &lines);
}

#[test]
fn b_a_json_logger_whose_message_quotes() {
    let before = "{\"level\": \"info\", \"logger\": \"bridge\", \"event\": \"chat\", \"message\": \"";
    let text = "{\"level\": \"info\", \"logger\": \"bridge\", \"message\": \"new message\", \"text\": \"";
    let quoted = "{\"level\": \"error\", \"logger\": \"bridge\", \"message\": \"Ann wrote: ";
    let lines = each(before, "\"}") + &each(text, "\"}") + &each(quoted, "\"}");
    let mut scene_lines = String::new();
    scene_lines.push_str(&lines);
    left_alone_json(&scene_lines);
}

/// A bridge that logs in JSON.
fn left_alone_json(quotes: &str) {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    std::fs::write(scene.root.join("quotes"), quotes).expect("its lines");
    std::fs::write(
        scene.root.join("beat"),
        "{\"level\": \"info\", \"logger\": \"bridge\", \"event\": \"[heartbeat] Bridge alive\"}\n",
    )
    .expect("its heartbeat");
    scene.script("while :; do cat beat; cat quotes; cat quotes >&2; sleep 2; done");
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_aged(pid, 9.0);
    let (check, exit) = scene.check();
    assert_eq!((&check["cause"], exit), (&json!("none"), 0), "{check}");
    let journal = scene.journal();
    assert!(alive(pid) && scene.acts().is_empty() && bot.requests().is_empty(), "{journal}");
    assert!(!journal.contains("unhealthy") && !journal.contains("waiting"), "{journal}");
}

#[test]
fn b_a_logger_with_colours_that_quotes() {
    let coloured = "\x1b[32m2026-11-26 10:00:00,000\x1b[0m \x1b[1mINFO\x1b[0m \x1b[34mbridge.main\x1b[0m: ";
    let lines = each(&format!("{coloured}\x1b[33mnew message:\x1b[0m "), "") + &each("\x1b[31m", "\x1b[0m");
    left_alone(coloured, &lines);
}

#[test]
fn b_a_traceback_forwarded_in_a_chat() {
    let trace = "Traceback (most recent call last):\n  File \"bridge.py\", line 3, in <module>\n";
    let lines = format!(
        "{STAMPED}new message: my bridge is down:\n{trace}sqlite3.OperationalError: database is locked\n\
         {STAMPED}new message: and mine:\n{trace}telethon.errors.rpcerrorlist.AuthKeyUnregisteredError: The key is not registered in the system\n\
         {STAMPED}new message: and mine:\n{trace}telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required\n\
         {STAMPED}new message: and mine:\n{trace}OSError: [Errno 28] No space left on device\n"
    );
    left_alone(STAMPED, &lines);
}

#[test]
fn b_a_child_with_the_same_format_and_another_logger() {
    // A worker process that is configured by the same logging file.
    let child = "2026-11-26 10:00:00,000 - worker.tools - INFO - ";
    left_alone(STAMPED, &each(child, ""));
}

/// R20's lines, and then nothing: it sleeps in one piece.
const R20: &str = "2026-11-26 10:00:00,000 [WARNING] telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required (caused by GetDialogsRequest)\n\
                   2026-11-26 10:00:00,001 [WARNING] flood wait: sleeping 1800 s\n";

fn waits_for_the_flood(scene: &Scene, bot: &Bot) {
    let pid = scene.wait_bridge();
    scene.wait_verdict("waiting", "flood-wait");
    // Silence would have counted after five seconds.
    scene.wait_aged(pid, 9.0);
    let (check, exit) = scene.check();
    assert_eq!((&check["state"], &check["cause"], exit), (&json!("waiting"), &json!("flood-wait"), 4), "{check}");
    assert!(check["issues"].to_string().contains("Telegram told the bridge to wait until"), "{check}");
    assert!(alive(pid) && scene.acts().is_empty() && scene.rungs().is_empty(), "{}", scene.journal());
    assert!(bot.requests().is_empty(), "{:?}", bot.delivered());
}

#[test]
fn r20_a_wait_that_the_log_names_last_is_waited_for() {
    r20_in_other_words(R20);
}

#[test]
fn r20_a_watch_that_begins_during_the_wait_knows_it_too() {
    let (bot, scene) = bridge_that_falls_silent(R20);
    let mut watch = scene.watch();
    scene.wait_verdict("waiting", "flood-wait");
    watch.kill();
    std::fs::remove_file(scene.state().join("status.json")).expect("the status file");
    let _watch = scene.watch();
    waits_for_the_flood(&scene, &bot);
}

fn r20_in_other_words(says: &str) {
    let (bot, scene) = bridge_that_falls_silent(says);
    let _watch = scene.watch();
    waits_for_the_flood(&scene, &bot);
}

/// It connects, says this and is silent.
fn bridge_that_falls_silent(says: &str) -> (Bot, Scene) {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    std::fs::write(scene.root.join("says"), says).expect("its last lines");
    scene.script("echo 'INFO Connected to Telegram'; sleep 1; cat says; exec sleep 1800");
    (bot, scene)
}

#[test]
fn r20_a_wait_at_the_end_of_an_own_line_is_waited_for() {
    r20_in_other_words(
        "2026-11-26 10:00:00,000 - bridge - ERROR - Failed to fetch dialogs: A wait of 1800 seconds is required (caused by GetDialogsRequest)\n",
    );
}

#[test]
fn r20_a_wait_in_a_traceback_that_the_bridge_logs_is_waited_for() {
    r20_in_other_words(
        "2026-11-26 10:00:00,000 - bridge - ERROR - could not start\nTraceback (most recent call last):\n  File \"x\"\ntelethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required (caused by GetDialogsRequest)\n",
    );
}
