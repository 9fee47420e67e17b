//! Twins of the reports of identity: others who run such a bridge, found by a second pair of eyes. Sixty times faster: a copy
//! is left alone while it is younger than 1 s.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::bot::{Bot, Mood};
use crate::support::decoys::{as_the_bridge, start};
use crate::support::systemd::{self, ALWAYS};
use crate::support::{Launchd, Scene, alive, keys, load, loaded_with, signal, unloaded};
use rustix::process::Signal;

/// The bridge's own words, not as a child of the test: in a session of its own, without a terminal, inherited by init.
fn orphan(scene: &Scene, env: &[(&str, &str)]) -> u32 {
    let note = scene.folder.path().join("orphan");
    let _ = std::fs::remove_file(&note);
    let words = scene.program();
    let mut command = Command::new("/usr/bin/setsid");
    command.args(["-f", "/bin/sh", "-c", "echo $$ > \"$0.new\"; mv \"$0.new\" \"$0\"; exec \"$@\"", path(&note)]);
    let command = command.args(words).current_dir(&scene.root).envs(env.iter().copied());
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(quiet.status().expect("setsid").success());
    scene.wait("the orphan", || std::fs::read_to_string(&note).ok()?.trim().parse().ok())
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// Ended with the test, whatever becomes of it.
struct Ended(u32);

impl Drop for Ended {
    fn drop(&mut self) {
        if alive(self.0) {
            signal(self.0, Signal::KILL);
        }
    }
}

/// The pid of the only process below this one that is the demo's bridge.
fn bridge_below(scene: &Scene, top: u32) -> u32 {
    scene.wait("the bridge below it", || {
        let below = bridge_watchdog::system::family::members(top, None);
        let is_bridge = |pid: &u32| {
            let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.windows(11).any(|word| word == b"demo-bridge") && words.starts_with(scene.program()[0].as_bytes())
        };
        below.into_iter().find(is_bridge)
    })
}

/// Old enough for every rule, looked at again and again, and alive without an act.
pub(crate) fn left_alone(scene: &Scene, pids: &[u32]) {
    for pid in pids {
        scene.wait_aged(*pid, 3.0);
    }
    scene.wait_looks(4);
    let acts: Vec<String> = scene.acts().into_iter().filter(|act| act.starts_with("SIG")).collect();
    assert!(acts.is_empty(), "{acts:?}");
    assert!(pids.iter().all(|pid| alive(*pid)), "{}", scene.journal());
}

/// The manager's process is a shell with this script; the configuration names the bridge inside.
fn in_a_shell(options: &[&str], script: &str, change: impl FnOnce(&mut Scene)) -> (Scene, Launchd) {
    let (scene, launchd) = unloaded(options, &keys(), change);
    let words: Vec<String> = scene.program().iter().map(|word| format!("'{word}'")).collect();
    let script = script.replace("BRIDGE", &words.join(" "));
    std::fs::write(scene.root.join("start.sh"), script).expect("a script");
    let all = json!({"WorkingDirectory": scene.root, "StandardOutPath": scene.log(), "KeepAlive": true,
        "StandardErrorPath": scene.error_log(), "ThrottleInterval": 0.4, "ExitTimeOut": 0.5});
    launchd.write_plist(&scene.label, &["/bin/sh", "start.sh"], &all);
    load(&scene, &launchd);
    (scene, launchd)
}

/// As uv does when it gets SIGKILL: the next runner starts a second bridge on the same session.
#[test]
fn r02_twin_what_a_killed_runner_left_is_a_copy_and_the_next_runners_child_is_not() {
    let script = "setsid BRIDGE &\nwait $!\n";
    let (scene, launchd) = in_a_shell(&[], script, |_| {});
    let first = launchd.wait_pid(&scene.label);
    let left = Ended(bridge_below(&scene, first));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    scene.wait_aged(left.0, 2.0);
    // launchd ends what is left of the process group too: this one has left it.
    signal(first, Signal::KILL);
    scene.wait("the end of what is left", || (!alive(left.0)).then_some(()));
    let second = scene.wait("the next", || launchd.pid(&scene.label).filter(|pid| *pid != first));
    let inside = Ended(bridge_below(&scene, second));
    scene.wait_verdict("healthy", "none");
    assert!(alive(inside.0), "{}", scene.journal());
}

/// `until bridge; do sleep 1; done`, without a word in any log: each look meets another bridge.
#[test]
fn r04_twin_a_bridge_that_is_younger_at_each_look_is_a_crash_loop_too() {
    let script = "until BRIDGE 2>/dev/null; do :; done\n";
    let options = ["--exit", "1", "--after", "0.3", "--every", "30"];
    let (scene, _launchd) = in_a_shell(&options, script, |_| {});
    let _watch = scene.watch();
    scene.wait_verdict("unhealthy", "crash-loop");
}

/// Unusual and healthy: the words of the bridge inside are not those of the configuration.
#[test]
fn r04_twin_a_shell_around_a_bridge_of_another_name_is_not_accused() {
    let (mut scene, launchd) = in_a_shell(&[], "BRIDGE & wait $!\n", |_| {});
    scene.program_is(&[".venv/bin/python", "bridge/telegram_bridge.py"]);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    left_alone(&scene, &[launchd.wait_pid(&scene.label)]);
    assert_eq!(scene.check().0["state"], "healthy");
}

/// Somebody runs the second account with nohup, from cron or by ssh: no job at all.
#[test]
fn r06a_twin_nor_is_it_ended_where_no_job_keeps_it() {
    let (scene, launchd) = loaded_with(&[], &keys(), |_| {});
    let own = launchd.wait_pid(&scene.label);
    let other = Ended(orphan(&scene, &[("BRIDGE_SESSION", "data/alice.session")]));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    left_alone(&scene, &[own, other.0]);
}

/// A script of the same words with one more, as for a login or a catch-up.
#[test]
fn r06a_twin_nor_what_has_other_arguments_than_the_job() {
    let (scene, launchd) = loaded_with(&[], &keys(), |_| {});
    let own = launchd.wait_pid(&scene.label);
    let mut command = as_the_bridge(&scene, &scene.root);
    let other = start("a catch-up", command.args(["--slow-start", "0"]));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    left_alone(&scene, &[own, other.1.id()]);
}

/// An instance of a template unit for each account.
#[test]
fn r06a_twin_nor_the_main_process_of_another_unit() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    manager.begin(&scene, ALWAYS);
    manager.write_unit("bridge@alice", &scene.program(), &systemd::keys_of(&scene, ALWAYS));
    manager.start_unit("bridge@alice");
    let (own, other) = (manager.wait_pid(&scene.label), manager.wait_pid("bridge@alice"));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    left_alone(&scene, &[own, other]);
}

/// The bridge lives, its manager has nothing: told once, nothing done.
pub(crate) fn outside(scene: &Scene, bot: &Bot, pid: u32) {
    scene.wait_verdict("waiting", "outside-manager");
    let words = format!("the bridge runs outside its manager (pid {pid})");
    scene.wait("the message", || bot.delivered().into_iter().find(|text| text.contains(&words)));
    left_alone(scene, &[pid]);
    assert_eq!(bot.delivered().len(), 1, "{:?}", bot.delivered());
    assert!(scene.acts().iter().all(|act| act.starts_with("send an alert")), "{:?}", scene.acts());
    let (check, code) = scene.check();
    assert_eq!((&check["cause"], code), (&json!("outside-manager"), 4), "{check:#}");
}

#[test]
fn r16_a_bridge_in_tmux_under_a_oneshot_unit_runs_outside_its_manager() {
    let Some(manager) = systemd::or_skip() else { return };
    if !Path::new("/usr/bin/tmux").exists() {
        println!("SKIPPED: there is no tmux");
        return;
    }
    let bot = Bot::new(Mood::Fine);
    let mut scene = manager.scene();
    scene.extra = Bot::config(bot.address);
    scene.write();
    let socket = scene.folder.path().join("tmux");
    let words: Vec<String> = scene.program().iter().map(|word| format!("'{word}'")).collect();
    let line = format!("exec {} >> logs/bridge.log 2>&1", words.join(" "));
    let keys = systemd::keys_of(&scene, "Type=oneshot\nRemainAfterExit=yes");
    manager.write_unit(&scene.label, &["/usr/bin/tmux", "-S", path(&socket), "new-session", "-d", &line], &keys);
    manager.start_unit(&scene.label);
    manager.wait_sub(&scene.label, "exited");
    let pid = scene.wait("the bridge in tmux", || {
        let mut command = Command::new("/usr/bin/tmux");
        let out = command.args(["-S", path(&socket), "list-panes", "-a", "-F", "#{pane_pid}"]);
        String::from_utf8(scene_output(out)).ok()?.trim().parse::<u32>().ok()
    });
    let _watch = scene.watch();
    outside(&scene, &bot, pid);
}

fn scene_output(command: &mut Command) -> Vec<u8> {
    command.output().map(|output| output.stdout).unwrap_or_default()
}

/// Type=oneshot with `setsid`, and the process in the unit's own cgroup.
#[test]
fn r16_twin_nor_is_a_bridge_ended_that_its_unit_has_put_into_the_background() {
    let Some(manager) = systemd::or_skip() else { return };
    let bot = Bot::new(Mood::Fine);
    let mut scene = manager.scene();
    scene.extra = Bot::config(bot.address);
    scene.write();
    let words: Vec<&str> = ["/usr/bin/setsid", "-f"].into_iter().chain(scene.program()).collect();
    let keys = systemd::keys_of(&scene, "Type=oneshot\nRemainAfterExit=yes");
    manager.write_unit(&scene.label, &words, &keys);
    manager.start_unit(&scene.label);
    manager.wait_sub(&scene.label, "exited");
    let pid = scene.wait("the bridge", || {
        let found = bridge_watchdog::system::process::pids().ok()?;
        found.into_iter().find(|pid| {
            std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == scene.root)
                && std::fs::read(format!("/proc/{pid}/cmdline"))
                    .is_ok_and(|words| words.starts_with(scene.program()[0].as_bytes()))
        })
    });
    let _watch = scene.watch();
    outside(&scene, &bot, pid);
}

/// The unit is up, and nothing of the bridge is there: neither healthy nor a dead process that a start would bring back.
#[test]
fn r16_twin_an_active_unit_without_any_process_is_told_and_not_started_for_ever() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    manager.write_unit(&scene.label, &["/bin/true"], "Type=oneshot\nRemainAfterExit=yes");
    manager.start_unit(&scene.label);
    manager.wait_sub(&scene.label, "exited");
    let _watch = scene.watch();
    scene.wait_verdict("waiting", "config-error");
    assert!(scene.acts().iter().all(|act| act.starts_with("send an alert")), "{:?}", scene.acts());
}

/// A job that ended well and is not to be kept, while a person runs the bridge.
#[test]
fn r18_twin_a_job_that_ended_with_0_is_not_started_beside_a_bridge_that_runs() {
    let bot = Bot::new(Mood::Fine);
    let (scene, launchd) = unloaded(&[], &json!({"KeepAlive": false, "RunAtLoad": true}), |scene| {
        scene.extra = Bot::config(bot.address);
    });
    let all = json!({"WorkingDirectory": scene.root, "RunAtLoad": true});
    launchd.write_plist(&scene.label, &["/bin/sh", "-c", "exit 0"], &all);
    load(&scene, &launchd);
    launchd.wait_job(&scene.label, "its end", |job| job.pid.is_none() && job.runs == 1);
    let pid = Ended(orphan(&scene, &[]));
    scene.wait_aged(pid.0, 1.5);
    let _watch = scene.watch();
    outside(&scene, &bot, pid.0);
}

/// One instance at a time, by a lock of its own; it has the session open.
const SINGLE: &str = "exec 9>>data/bridge.pid\nflock -n 9 || { echo 'already running' >&2; exit 1; }\n\
exec 8>>data/valor_bridge.session\necho 'Connected to Telegram'\n\
while :; do echo '[heartbeat] Bridge alive'; sleep 0.2; done\n";

fn blocked(extra: impl FnOnce(&mut Scene)) -> (Scene, Launchd, Ended) {
    let (mut scene, launchd) = unloaded(&[], &keys(), extra);
    scene.commit("new.py", "x\n", "A new commit", 600);
    scene.script(SINGLE);
    let all = json!({"WorkingDirectory": scene.root, "StandardOutPath": scene.log(), "KeepAlive": true,
        "StandardErrorPath": scene.error_log(), "ThrottleInterval": 0.4, "ExitTimeOut": 0.5});
    launchd.write_plist(&scene.label, &scene.program(), &all);
    let orphan = Ended(orphan(&scene, &[]));
    scene.wait_aged(orphan.0, 1.5);
    (scene, launchd, orphan)
}

/// The same under systemd: what an earlier run left in the unit's own cgroup (KillMode=process).
#[test]
fn r19_twin_what_an_earlier_run_left_in_the_units_own_cgroup_is_in_the_way_too() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    scene.script(SINGLE);
    let left = "setsid -f /bin/sh bridge.sh </dev/null >/dev/null 2>&1";
    let keys = systemd::keys_of(&scene, "Type=oneshot\nRemainAfterExit=yes\nKillMode=process");
    manager.write_unit(&scene.label, &["/bin/sh", "-c", left], &keys);
    manager.start_unit(&scene.label);
    let orphan = scene.wait("the orphan", || {
        let found = bridge_watchdog::system::process::pids().ok()?;
        found.into_iter().find(|pid| {
            std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == scene.root)
                && std::fs::read(format!("/proc/{pid}/cmdline"))
                    .is_ok_and(|words| words.starts_with(b"/bin/sh\0bridge.sh"))
        })
    });
    let orphan = Ended(orphan);
    manager.stop_unit(&scene.label);
    let keys = systemd::keys_of(&scene, "Restart=always\nRestartSec=1\nKillMode=process\nStartLimitIntervalSec=0");
    manager.write_unit(&scene.label, &scene.program(), &keys);
    manager.start_unit(&scene.label);
    scene.wait_aged(orphan.0, 1.5);
    let _watch = scene.watch();
    scene.wait("the orphan's end", || (!alive(orphan.0)).then_some(()));
    scene.wait("the unit's own bridge", || manager.pid(&scene.label).filter(|pid| *pid != orphan.0));
    scene.wait_verdict("healthy", "none");
}

/// The last bridge there is: its job can't start anything (the interpreter is gone), so nothing is ended.
#[test]
fn r19_twin_the_last_bridge_is_not_ended_where_no_start_can_follow() {
    let (scene, launchd, orphan) = blocked(|_| {});
    let all = json!({"WorkingDirectory": scene.root, "KeepAlive": true, "ThrottleInterval": 0.4});
    launchd.write_plist(&scene.label, &[path(&scene.root.join("nowhere/python")), "bridge.sh"], &all);
    load(&scene, &launchd);
    let _watch = scene.watch();
    scene.wait_verdict("waiting", "config-error");
    left_alone(&scene, &[orphan.0]);
}

/// `embedded` ends what its child started, and what an earlier child left, before the next start.
#[test]
fn h_twin_embedded_ends_the_group_of_its_child() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.script(
        "exec 8>>data/valor_bridge.session\n(trap '' TERM; echo $$ > /dev/null; exec sleep 600) &\n\
         echo $! > left\nwhile :; do echo beat; sleep 0.1; done\n",
    );
    let watch = scene.watch();
    let first = scene.wait_bridge();
    let left = |other: u32| {
        scene.wait("what it started", || {
            let pid = std::fs::read_to_string(scene.root.join("left")).ok()?.trim().parse::<u32>().ok()?;
            (pid != other && alive(pid)).then_some(pid)
        })
    };
    let one = left(0);
    signal(first, Signal::KILL);
    let two = left(one);
    assert!(!alive(one), "it had the session open and was in the way of the next start");
    // The watch may still verify its own start, and then a restart is refused.
    scene.wait("a restart by hand", || scene.run(&["restart"]).status.success().then_some(()));
    let three = left(two);
    assert!(!alive(two), "the group is ended at a restart");
    drop(watch);
    signal(three, Signal::KILL);
}
