//! Bridges under other words than the job's: a client of the same session that no pattern of words finds. Sixty times
//! faster: a process is stale after 1 s.

use std::process::Command;

use serde_json::json;

use crate::identity_twins::{left_alone, outside};
use crate::support::bot::{Bot, Mood};
use crate::support::decoys::start;
use crate::support::session::{self, Client, database, session_of};
use crate::support::systemd::{self, ALWAYS};
use crate::support::{Launchd, Scene, alive, keys, load, loaded_with, unloaded};

/// It works, and complains of a lock.
const COMPLAINS: &str = "while :; do echo '2026-11-27 10:00:00 INFO bridge: [heartbeat] Bridge alive'\n\
    echo '2026-11-27 10:00:00 ERROR bridge: database is locked'; sleep 0.2; done\n";

/// A program with the session open and a connection to Telegram, after these statements.
fn connected(scene: &Scene, statements: &[&str]) -> Client {
    let telegram = scene.telegram.as_ref().expect("a Telegram").local_addr().expect("an address");
    let (session, port) = (session_of(scene), telegram.port().to_string());
    let words = ["connected", &telegram.ip().to_string(), &port, &session].map(str::to_owned);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(statements.iter().copied()).collect();
    Client::python(scene, &words)
}

/// Its job ended with 0 and is not to be kept.
fn ended_well(extra: &str) -> (Scene, Launchd) {
    let (scene, launchd) = unloaded(&[], &json!({"KeepAlive": false, "RunAtLoad": true}), |scene| {
        extra.clone_into(&mut scene.extra);
    });
    database(&scene.data("valor_bridge.session"), "delete");
    let all = json!({"WorkingDirectory": scene.root, "RunAtLoad": true});
    launchd.write_plist(&scene.label, &["/bin/sh", "-c", "exit 0"], &all);
    load(&scene, &launchd);
    launchd.wait_job(&scene.label, "its end", |job| job.pid.is_none() && job.runs == 1);
    (scene, launchd)
}

/// `python -m bridge`, or a title of its own.
#[test]
fn nothing_is_started_beside_a_bridge_that_runs_under_other_words() {
    let bot = Bot::new(Mood::Fine);
    let (scene, _launchd) = ended_well(&Bot::config(bot.address));
    let client = connected(&scene, &[]);
    scene.wait_aged(client.pid(), 1.5);
    let _watch = scene.watch();
    outside(&scene, &bot, client.pid());
}

/// A backup has the session open too, and is no bridge.
#[test]
fn what_only_has_the_session_open_keeps_nobody_from_a_start() {
    let (scene, launchd) = ended_well("");
    let backup = Client::python(&scene, &["open", &session_of(&scene)]);
    scene.wait_aged(backup.pid(), 1.5);
    let _watch = scene.watch();
    scene.wait("a start", || scene.acts().into_iter().find(|act| act.starts_with("start")));
    scene.wait("a second run", || launchd.job(&scene.label).filter(|job| job.runs > 1));
    assert!(alive(backup.pid()), "{}", scene.journal());
}

/// As with `docker run`: the job's process is the client of a daemon, whose child is the bridge. It complains of a lock that
/// its own second connection holds.
#[test]
fn the_bridge_itself_is_not_ended_for_its_lock_where_a_daemon_has_started_it() {
    let (scene, _launchd) = loaded_with(&[], &keys(), |scene| {
        database(&scene.data("valor_bridge.session"), "delete");
        scene.script(COMPLAINS);
    });
    let bridge = connected(&scene, &["begin immediate"]);
    scene.wait_aged(bridge.pid(), 1.5);
    let _watch = scene.watch();
    scene.wait_verdict("unhealthy", "session-locked");
    left_alone(&scene, &[bridge.pid()]);
    let words = "that has its own connection to Telegram";
    assert!(scene.check().0["issues"].to_string().contains(words), "{:#}", scene.check().0);
}

/// `Alias=` in `[Install]`: the label is another name of the unit, and its cgroup has the unit's own.
#[test]
fn what_left_its_parents_is_the_bridges_own_also_where_the_unit_is_named_by_an_alias() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let session = scene.data("valor_bridge.session");
    database(&session, "delete");
    let python = session::python();
    let writer = format!(
        "(setsid '{}' '{}' hold '{}' 'begin immediate' >writer 2>&1 &)\n",
        python.display(),
        session::SCRIPT,
        session.display()
    );
    scene.label = "alias".into();
    scene.script(&format!("{writer}{COMPLAINS}"));
    manager.write_unit("real", &scene.program(), &systemd::keys_of(&scene, ALWAYS));
    std::os::unix::fs::symlink("real.service", manager.units().join("alias.service")).expect("a link");
    manager.reload();
    manager.start_unit("real");
    scene.wait("the writer", || {
        std::fs::read_to_string(scene.root.join("writer")).ok().filter(|said| said.contains("ready"))
    });
    let bridge = manager.wait_pid("alias");
    scene.wait_aged(bridge, 1.5);
    let _watch = scene.watch();
    left_alone(&scene, &[bridge]);
    assert_eq!(scene.check().0["cause"], "none", "{:#}", scene.check().0);
}

/// `flock -n` in front of the bridge: what an earlier run left has the lock and the session, and each start ends with 1 and
/// without a word.
#[test]
fn a_start_that_ends_beside_a_client_is_not_held_against_head() {
    let (mut scene, launchd) = unloaded(&[], &keys(), |scene| {
        scene.extra = "[recovery]\nauto_revert = true\n".into();
    });
    database(&scene.data("valor_bridge.session"), "delete");
    let head = scene.commit("new.py", "x\n", "A new commit", 600);
    let lock = scene.root.join("lock");
    let words = ["/usr/bin/flock", "-n", lock.to_str().expect("a path"), "/bin/sh", "bridge.sh"].map(str::to_owned);
    scene.program_is(&words.each_ref().map(String::as_str));
    let all = json!({"WorkingDirectory": scene.root, "StandardOutPath": scene.log(), "KeepAlive": true,
        "StandardErrorPath": scene.error_log(), "ThrottleInterval": 0.4, "ExitTimeOut": 0.5});
    launchd.write_plist(&scene.label, &scene.program(), &all);
    let client = connected(&scene, &[]);
    let holder = start("a holder", Command::new("/usr/bin/flock").arg(&lock).args(["sleep", "600"]));
    scene.wait("its lock", || {
        let free = Command::new("/usr/bin/flock").arg("-n").arg(&lock).arg("true").status().expect("flock").success();
        (!free).then_some(())
    });
    scene.wait_aged(client.pid(), 0.5);
    load(&scene, &launchd);
    let _watch = scene.watch();
    launchd.wait_job(&scene.label, "five runs", |job| job.runs >= 5);
    scene.wait_verdict("waiting", "outside-manager");
    let now = git2::Repository::open(&scene.root).expect("a repository").head().expect("HEAD").target();
    assert_eq!(now, Some(head), "{}", scene.journal());
    left_alone(&scene, &[client.pid()]);
    drop(holder);
}
