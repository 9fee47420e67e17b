//! Bridges that somebody keeps from running: a debugger, a freezer. Sixty times faster: silence counts after 5 s.

use std::process::Command;

use serde_json::json;

use crate::support::bot::{Bot, Mood};
use crate::support::decoys::start;
use crate::support::{Scene, alive, session, systemd};

/// Attaches as a debugger does: the process is in state t from then on.
const ATTACH: &str = "import ctypes, sys, time\n\
ptrace, pid = ctypes.CDLL(None).ptrace, int(sys.argv[1])\n\
if ptrace(0x4206, pid, None, None) or ptrace(0x4207, pid, None, None): sys.exit('refused')\n\
time.sleep(600)\n";

/// Halted for longer than every silence, told once, and not touched.
fn left_to_him(scene: &Scene, bot: &Bot, pid: u32, words: &str) {
    scene.wait_verdict("stopped", "operator-stop");
    scene.wait_aged(pid, 20.0);
    scene.wait_looks(3);
    assert!(alive(pid) && scene.acts().iter().all(|act| act.starts_with("send an alert")), "{}", scene.journal());
    let (check, _) = scene.check();
    assert_eq!((&check["state"], &check["cause"]), (&json!("stopped"), &json!("operator-stop")), "{check:#}");
    assert!(check["issues"].to_string().contains(words), "{check:#}");
    scene.wait("the message", || {
        bot.delivered().into_iter().find(|text| text.contains("omebody keeps the bridge from running"))
    });
    assert_eq!(bot.delivered().len(), 1, "{:?}", bot.delivered());
}

#[test]
fn a_bridge_under_a_debugger_is_left_to_the_person_at_work() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    scene.write();
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let pid = scene.wait_bridge();
    let debugger = start("a debugger", Command::new(session::python()).args(["-c", ATTACH, &pid.to_string()]));
    left_to_him(&scene, &bot, pid, &format!("a debugger is attached (pid {})", debugger.1.id()));
    drop(debugger);
    scene.wait_verdict("healthy", "none");
    assert!(alive(pid), "{}", scene.journal());
}

#[test]
fn a_bridge_in_a_frozen_group_is_not_ended_nor_called_recovered() {
    let Some(manager) = systemd::or_skip() else { return };
    let bot = Bot::new(Mood::Fine);
    let mut scene = manager.scene();
    scene.extra = Bot::config(bot.address);
    scene.write();
    manager.begin(&scene, systemd::ALWAYS);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let pid = manager.wait_pid(&scene.label);
    // Not by systemd, which would know of it.
    let group = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("its groups");
    let group = group.lines().find_map(|line| line.strip_prefix("0::")).expect("the unified one").to_owned();
    let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(|mount| format!("{mount}{group}/cgroup.freeze"));
    let freezer = mounts.iter().find(|file| std::path::Path::new(file).exists()).expect("a freezer");
    std::fs::write(freezer, "1").expect("it freezes");
    left_to_him(&scene, &bot, pid, "its control group is frozen");
    std::fs::write(freezer, "0").expect("it thaws");
    scene.wait_verdict("healthy", "none");
    assert!(alive(pid), "{}", scene.journal());
}
