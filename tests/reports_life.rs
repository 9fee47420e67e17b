//! Reports of bridges that were ended though they lived, and of hangs that have to be cured all the same. Sixty times
//! faster: silence counts after 5 s, and beside a sign of life after 15 s.

use std::process::Command;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::support::bot::{Bot, Mood};
use crate::support::decoys::start;
use crate::support::session;
use crate::support::systemd;
use crate::support::{Scene, Watch, alive, executable, keys, loaded_with};

fn scene(options: &[&str]) -> (Scene, Bot) {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    scene.bridge(options);
    (scene, bot)
}

/// Waits until the silence is long enough for every rule, and sees that nothing was done about it.
fn left_alone(scene: &Scene, pid: u32) -> Value {
    scene.wait_aged(pid, 20.0);
    scene.wait_looks(2);
    assert!(alive(pid), "{}", scene.journal());
    let acts = scene.acts();
    assert!(acts.iter().all(|act| act.starts_with("send an alert")), "{acts:?}");
    let (check, code) = scene.check();
    assert_eq!((&check["state"], &check["cause"], code), (&json!("degraded"), &json!("none"), 1), "{check:#}");
    assert_eq!(check["facts"]["process"]["pid"], pid);
    check
}

/// The one message that was sent of it.
fn told_once(scene: &Scene, bot: &Bot, words: &str) -> String {
    // In the message it stands in the middle of a sentence.
    let words = words.strip_prefix("The ").map_or_else(|| words.to_owned(), |rest| format!("the {rest}"));
    let text = scene.wait(&words, || bot.delivered().into_iter().find(|text| text.contains(&words)));
    assert_eq!(bot.delivered().len(), 1, "{:?}", bot.delivered());
    text
}

#[test]
fn r14_a_bridge_whose_output_is_buffered_is_told_once_and_never_ended() {
    let (scene, bot) = scene(&["--buffer", "8192", "--every", "20", "--ping", "0.3"]);
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_verdict("degraded", "none");
    let check = left_alone(&scene, pid);
    assert_eq!(check["facts"]["life"]["alive"], true, "{check:#}");
    let sign = check["facts"]["life"]["signs"][0].as_str().unwrap_or_default();
    assert!(sign.starts_with("the connection to Telegram moved bytes "), "{check:#}");
    let text = told_once(&scene, &bot, "The bridge writes nothing to its log: ");
    assert!(text.contains("output is buffered (PYTHONUNBUFFERED=1 ends that)"), "{text}");
}

/// As in the report: the socket stands, and nothing moves on it.
#[test]
fn r14_nor_is_one_that_only_holds_its_socket() {
    let (scene, bot) = scene(&["--buffer", "8192", "--every", "20"]);
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_verdict("degraded", "none");
    left_alone(&scene, pid);
    told_once(&scene, &bot, "The bridge writes nothing to its log: ");
}

/// Somebody behind a firewall, whose bridge reaches Telegram by a SOCKS proxy: no socket into Telegram's ranges, ever.
#[test]
fn r14_nor_is_one_behind_a_proxy() {
    let (mut scene, bot) = scene(&["--buffer", "8192", "--every", "20", "--ping", "0.3"]);
    scene.set("ranges", json!([["127.0.0.99", 32]]));
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_verdict("degraded", "none");
    let check = left_alone(&scene, pid);
    assert_eq!(check["facts"]["telegram"], Value::Null, "{check:#}");
    told_once(&scene, &bot, "but a connection of it moved bytes ");
}

/// 8 KB are full once in an hour or two: what is written then ends in the middle of a line.
#[test]
fn r14_a_buffer_that_is_written_now_and_then_is_no_voice_that_falls_silent() {
    let (mut scene, _bot) = scene(&["--buffer", "150", "--every", "4", "--ping", "0.3"]);
    scene.set("factor", 120.0);
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait("a part of a line", || (scene.status()?["history"]["buffered"] == true).then_some(()));
    let written = std::fs::metadata(scene.log()).expect("the log").len();
    // 900 s are 7.5 s here. Then a rung needs a second to see who works, and would have signalled long before the 11th.
    scene.wait("more than 900 s of silence", || {
        let silent = scene.status()?["check"]["facts"]["log"]["silent_s"].as_u64()?;
        (silent >= 11).then_some(())
    });
    assert!(alive(pid) && scene.acts().iter().all(|act| act.starts_with("send an alert")), "{}", scene.journal());
    assert_eq!(std::fs::metadata(scene.log()).expect("the log").len(), written);
    let text = scene.journal();
    assert!(text.contains("Its last line has no end: its output is buffered"), "{text}");
}

#[test]
fn r15_a_log_that_is_written_elsewhere_is_told_with_the_path_and_no_silence() {
    let bot = Bot::new(Mood::Fine);
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| {
        scene.extra =
            "log = \"logs/today.log\"\nerror_log = \"logs/today.error.log\"\n".to_owned() + &Bot::config(bot.address);
    });
    let _watch = scene.watch();
    let pid = launchd.wait_pid(&scene.label);
    scene.wait_verdict("degraded", "none");
    let check = left_alone(&scene, pid);
    let unknown = check["unknown"].to_string();
    assert!(unknown.contains("log: ") && unknown.contains("logs/today.log is not there"), "{check:#}");
    let text = told_once(&scene, &bot, "The bridge's log is not there: ");
    assert!(text.contains("logs/today.log") && text.contains("Correct bridge.log"), "{text}");
}

/// A folder, and a link that leads nowhere.
#[test]
fn r15_what_is_no_file_is_no_silence_either() {
    for (name, make) in [("a folder", true), ("a broken link", false)] {
        let (scene, launchd) = loaded_with(&[], &keys(), |scene| {
            scene.extra = "log = \"logs/today.log\"\nerror_log = \"logs/today.error.log\"\n".into();
            let path = scene.root.join("logs/today.log");
            if make {
                std::fs::create_dir(path).expect("a folder");
            } else {
                std::os::unix::fs::symlink("nowhere.log", path).expect("a link");
            }
        });
        let _watch = scene.watch();
        let pid = launchd.wait_pid(&scene.label);
        scene.wait_aged(pid, 17.0);
        scene.wait_looks(2);
        assert!(alive(pid), "{name}: {}", scene.journal());
        assert!(scene.rungs().is_empty(), "{name}: {:?}", scene.rungs());
        let (check, code) = scene.check();
        assert!([1, 3].contains(&code), "{name}: {check:#}");
        assert!(check["unknown"].to_string().contains("log: "), "{name}: {check:#}");
    }
}

/// A healthy bridge that hangs as soon as `data/hang` is there.
fn hanging(options: &[&str], pushes: bool) -> (Scene, Watch, u32) {
    let mut scene = Scene::new("embedded", 60.0);
    scene.bridge(&[&["--hang", "data/hang"], options].concat());
    scene.pushes.store(pushes, Ordering::Relaxed);
    let watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let pid = scene.wait_bridge();
    scene.wait("its voice", || (scene.status()?["history"]["spoke"] == true).then_some(()));
    // One that falls silent within a second of its start is said to have hung at its start.
    scene.wait_aged(pid, 2.0);
    std::fs::write(scene.data("hang"), "").expect("the fault");
    (scene, watch, pid)
}

/// Waits until rung 2 has ended it and another one is up, and returns why.
fn cured(scene: &Scene, pid: u32) -> String {
    let act = scene.wait_journal("act: SIGTERM");
    std::fs::remove_file(scene.data("hang")).expect("the fault is gone");
    scene.wait("the cure", || scene.rungs().into_iter().find(|rung| rung.starts_with("2 done")));
    assert!(!alive(pid));
    act
}

#[test]
fn a_dead_loop_whose_bytes_lie_unread_is_cured() {
    let (scene, _watch, pid) = hanging(&["--ping", "0.3"], true);
    let signs = scene.wait("a sign of death", || {
        let life = scene.status()?["check"]["facts"]["life"].clone();
        (life["alive"] == false).then(|| life["signs"].to_string())
    });
    assert!(signs.contains(" from Telegram have lain unread for "), "{signs}");
    assert!(cured(&scene, pid).contains("because the bridge hangs: its log is silent since "));
}

/// Not by its socket, which stands, nor by unread bytes, since Telegram says nothing.
#[test]
fn a_deadlock_with_an_established_socket_is_cured() {
    let (scene, _watch, pid) = hanging(&[], false);
    assert!(cured(&scene, pid).contains("because the bridge hangs: "));
    assert!(!scene.journal().contains("unread"), "{}", scene.journal());
}

/// It works, as far as can be seen: only after 900 s, and after its work was waited for.
#[test]
fn a_loop_that_spins_is_told_and_then_cured() {
    let (scene, _watch, pid) = hanging(&["--spin"], false);
    scene.wait_verdict("degraded", "none");
    scene.wait_journal("it used CPU time at the rate of work ");
    assert!(alive(pid));
    assert!(cured(&scene, pid).contains("because the bridge hangs: "));
}

/// The lines of a tool server that shares the log go on.
#[test]
fn a_heartbeat_that_stops_among_other_lines_is_told_and_not_ended() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    scene.script(
        "while :; do [ -e data/quiet ] || echo 'INFO [heartbeat] Bridge alive'; echo 'INFO a tool works'; sleep 0.3; done\n",
    );
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait("three heartbeats", || (scene.status()?["history"]["beats"]["seen"].as_u64()? >= 3).then_some(()));
    std::fs::write(scene.data("quiet"), "").expect("the gag");
    scene.wait_verdict("degraded", "none");
    told_once(&scene, &bot, "The bridge's heartbeat stopped at ");
    scene.wait_looks(3);
    assert!(alive(pid) && scene.rungs().is_empty(), "{:?}", scene.rungs());
}

/// Each round of the chain would end another one: after two of them a person is told, and a day passes.
#[test]
fn what_two_ends_did_not_cure_is_ended_no_third_time() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.telegram = None;
    scene.bridge(&["--hang", "data/hang"]);
    for limit in ["again", "cure_within", "pid_within"] {
        scene.set(limit, 1.0);
    }
    std::fs::write(scene.data("hang"), "").expect("the fault");
    let _watch = scene.watch();
    let exhausted = || scene.rungs().iter().filter(|rung| rung.starts_with("5:")).count();
    scene.wait("rung 5, twice", || (exhausted() >= 2).then_some(()));
    let ended = || scene.acts().iter().filter(|act| act.starts_with("SIGTERM")).count();
    assert_eq!(ended(), 2, "{:?}", scene.acts());
    scene.wait_verdict("unhealthy", "log-stale");
    scene.wait_looks(8);
    assert_eq!(ended(), 2, "{:?}", scene.acts());
}

/// A unit with `StandardOutput=journal` and a log file of its own, which it opens only now and then.
#[test]
fn r15_lines_in_the_units_journal_are_a_sign_of_life() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    scene.script("while :; do [ -e data/quiet ] || echo '[heartbeat] Bridge alive'; sleep 0.2; done\n");
    // This manager has no journal of its own.
    executable(
        &scene.folder.path().join("journalctl"),
        "#!/bin/sh\necho \"$*\" > \"$0.call\"\necho \"$(date +%s).000000 host bridge[7]: alive\"\n",
    );
    manager.begin(&scene, systemd::ALWAYS);
    let _watch = scene.watch();
    scene.wait("its voice", || (scene.status()?["history"]["spoke"] == true).then_some(()));
    let pid = manager.wait_pid(&scene.label);
    std::fs::write(scene.data("quiet"), "").expect("the gag");
    scene.wait_verdict("degraded", "none");
    assert!(scene.journal().contains("but its unit's journal got a line "), "{}", scene.journal());
    let call = std::fs::read_to_string(scene.folder.path().join("journalctl.call")).expect("its arguments");
    assert!(call.contains(&format!("_SYSTEMD_USER_UNIT={}.service", scene.label)), "{call}");
    assert!(alive(pid) && scene.rungs().is_empty(), "{:?}", scene.rungs());
    // Its own log had spoken before, so 900 s are enough.
    scene.wait_journal("act: SIGTERM");
}

/// systemd's `file:` writes from the beginning over the lines of the last run, so the log does not grow.
#[test]
fn a_log_that_does_not_grow_but_is_written_over_is_no_silence() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    scene.script("while :; do echo '[heartbeat] Bridge alive'; sleep 0.2; done\n");
    let old = "2026-11-20 10:00:00 [INFO] bridge: a line of last week\n".repeat(3000);
    std::fs::write(scene.log(), &old).expect("an old log");
    let keys = systemd::keys_of(&scene, systemd::ALWAYS).replace("append:", "file:");
    manager.write_unit(&scene.label, &scene.program(), &keys);
    manager.start_unit(&scene.label);
    let _watch = scene.watch();
    let pid = manager.wait_pid(&scene.label);
    scene.wait_aged(pid, 20.0);
    scene.wait_looks(2);
    let size = std::fs::metadata(scene.log()).expect("the log").len();
    assert_eq!(size, old.len() as u64, "it has not grown");
    assert!(alive(pid) && scene.acts().is_empty(), "{:?}", scene.acts());
    let silent = scene.status().map(|status| status["check"]["issues"].to_string()).unwrap_or_default();
    assert!(!silent.contains("log"), "{silent}");
}

/// Its loop is dead, and another thread goes on to log: no heartbeat was ever seen.
const DEAF: &str = "import socket, sys, time\n\
c = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n\
print('2026-11-27 10:00:00 INFO telethon: Connected to Telegram', flush=True)\n\
while True:\n    print('2026-11-27 10:00:00 INFO metrics: queue=1', flush=True); time.sleep(0.3)\n";

/// The bytes that lie unread are one witness: it is told, and nothing is ended.
#[test]
fn a_deaf_bridge_is_not_called_healthy_for_the_lines_that_another_thread_writes() {
    let (mut scene, bot) = scene(&[]);
    std::fs::write(scene.root.join("deaf.py"), DEAF).expect("a bridge");
    let telegram = scene.telegram.as_ref().expect("a Telegram").local_addr().expect("an address");
    let python = session::python();
    let (host, port) = (telegram.ip().to_string(), telegram.port().to_string());
    scene.program_is(&[python.to_str().expect("a path"), "deaf.py", &host, &port]);
    scene.pushes.store(true, Ordering::Relaxed);
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_verdict("degraded", "none");
    let check = left_alone(&scene, pid);
    assert!(check["issues"].to_string().contains("from Telegram have lain unread"), "{check:#}");
    told_once(&scene, &bot, "The bridge does not work, though its log goes on");
}

/// With a heartbeat that was regular and is missing there are two witnesses.
#[test]
fn a_deaf_bridge_whose_heartbeat_has_stopped_is_cured_whoever_else_writes() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.bridge(&["--hang", "data/hang", "--ping", "0.3"]);
    scene.pushes.store(true, Ordering::Relaxed);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let pid = scene.wait_bridge();
    scene.wait("its rhythm", || (scene.status()?["history"]["beats"]["seen"].as_u64()? >= 3).then_some(()));
    std::fs::write(scene.data("hang"), "").expect("the fault");
    let line = "while :; do echo '2026-11-27 10:00:00 INFO metrics: queue=1' >> \"$0\"; sleep 0.3; done";
    let noise = start("noise", Command::new("/bin/sh").args(["-c", line]).arg(scene.log()));
    let act = cured(&scene, pid);
    assert!(act.contains("its heartbeat stopped at "), "{act}");
    drop(noise);
}
