//! Reports of processes that were taken for a copy of the bridge, of bridges that run elsewhere than under their
//! manager, and of a manager's process that is not the bridge. Sixty times faster: a process is stale after 1 s.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::bot::{Bot, Mood};
use crate::support::decoys::{Decoy, as_the_bridge, start};
use crate::support::require::{self, Ability};
use crate::support::systemd::{self, ALWAYS};
use crate::support::{Launchd, Scene, acts_of_launchctl, alive, executable, keys, load, loaded_with, signal, unloaded};

/// Signals that the watch sent.
fn signals(scene: &Scene) -> Vec<String> {
    scene.acts().into_iter().filter(|act| act.starts_with("SIG")).collect()
}

/// Several looks later it lives, and nobody got a signal.
fn left_alone(scene: &Scene, pid: u32) {
    scene.wait_aged(pid, 3.0);
    scene.wait_looks(4);
    assert!(alive(pid) && signals(scene).is_empty(), "{}", scene.journal());
}

fn child_of(parent: u32) -> Option<u32> {
    let family = bridge_watchdog::system::family::members(parent, None);
    family.into_iter().find(|pid| *pid != parent)
}

/// The bridge's words, as a shell takes them.
fn line(scene: &Scene) -> String {
    scene.program().iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
}

/// A second job with the bridge's own words, in its checkout.
fn second_job(scene: &Scene, launchd: &Launchd, environment: &Value) -> u32 {
    let keys = json!({
        "WorkingDirectory": scene.root, "KeepAlive": true, "ThrottleInterval": 0.4,
        "StandardOutPath": scene.root.join("logs/alice.log"), "StandardErrorPath": scene.root.join("logs/alice.error.log"),
        "EnvironmentVariables": environment,
    });
    launchd.load("com.example.bridge.alice", &scene.program(), &keys);
    launchd.wait_pid("com.example.bridge.alice")
}

#[test]
fn r06a_a_second_account_in_the_same_checkout_is_no_copy() {
    let (scene, launchd) = loaded_with(&[], &keys(), |_| {});
    let alice = second_job(&scene, &launchd, &json!({"BRIDGE_SESSION": "data/alice.session"}));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    left_alone(&scene, alice);
    // Nor when the bridge itself is down and comes back.
    let pid = launchd.wait_pid(&scene.label);
    scene.wait_aged(pid, 1.0);
    signal(pid, Signal::KILL);
    scene.wait("a new pid", || launchd.pid(&scene.label).filter(|now| *now != pid));
    scene.wait_verdict("healthy", "none");
    left_alone(&scene, alice);
}

/// Somebody loaded it twice under two labels. Its manager would only bring it back.
#[test]
fn r06a_what_another_job_keeps_is_not_ended_even_on_the_same_session() {
    let (scene, launchd) = loaded_with(&[], &keys(), |_| {});
    let second = second_job(&scene, &launchd, &json!({}));
    let _watch = scene.watch();
    left_alone(&scene, second);
    assert!(acts_of_launchctl(&launchd).is_empty(), "{:?}", acts_of_launchctl(&launchd));
}

/// A template, `bridge@work` and `bridge@home`, under systemd.
#[test]
fn r06a_nor_is_what_another_unit_keeps() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = manager.scene();
    manager.begin(&scene, ALWAYS);
    let keys = format!("Restart=always\nWorkingDirectory={}", scene.root.display());
    manager.write_unit("com.example.other", &scene.program(), &keys);
    manager.start_unit("com.example.other");
    let other = manager.wait_pid("com.example.other");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    left_alone(&scene, other);
}

/// A person tries something by hand, beside the bridge.
#[test]
fn a_bridge_that_a_person_runs_in_a_terminal_is_not_ended() {
    let (scene, _launchd) = loaded_with(&[], &keys(), |_| {});
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let terminal = start(
        "a terminal",
        Command::new("script").args(["-qfc", &format!("exec {}", line(&scene)), "/dev/null"]).current_dir(&scene.root),
    );
    let by_hand = scene.wait("its child", || child_of(terminal.1.id()));
    scene.wait_aged(by_hand, 3.0);
    left_alone(&scene, by_hand);
}

#[test]
fn r18_what_a_supervisor_keeps_is_never_ended() {
    let (scene, _launchd) = loaded_with(&[], &keys(), |_| {});
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let script = format!("while :; do {}; sleep 0.2; done", line(&scene));
    let pm2 = start("pm2", Command::new("/bin/sh").arg0("pm2").args(["-c", &script]).current_dir(&scene.root));
    let kept = scene.wait("its child", || child_of(pm2.1.id()));
    left_alone(&scene, kept);
    signal(pm2.1.id(), Signal::KILL);
    // Then it is an orphan, and a copy.
    scene.wait("the copy's end", || (!alive(kept)).then_some(()));
}

/// Whatever it is called: it brings the bridge back, so it is a supervisor.
#[test]
fn r18_a_supervisor_that_nobody_knows_loses_its_bridge_once_at_most() {
    // Or else a chain that waits would spare the second one.
    let (scene, _launchd) = loaded_with(&[], &keys(), |scene| scene.set("again", 1.0));
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let script = format!("while :; do {}; sleep 0.2; done", line(&scene));
    let keeper = start("a supervisor", Command::new("/bin/sh").args(["-c", &script]).current_dir(&scene.root));
    let first = scene.wait("its child", || child_of(keeper.1.id()));
    scene.wait("its end", || (!alive(first)).then_some(()));
    // Not the `sleep` in between, which is called `sh` before its exec.
    let is_bridge = |pid: &u32| !["sh", "sleep", ""].contains(&comm(*pid).as_str());
    let second = scene.wait("its next child", || child_of(keeper.1.id()).filter(|pid| *pid != first && is_bridge(pid)));
    scene.wait_aged(second, 6.0);
    scene.wait_looks(4);
    assert!(alive(second), "{}", scene.journal());
    assert_eq!(signals(&scene).len(), 1, "{:?}", signals(&scene));
    end_below(&keeper);
}

fn comm(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// What a decoy's shell started outlives it otherwise.
fn end_below(decoy: &Decoy) {
    let below = bridge_watchdog::system::family::members(decoy.1.id(), None);
    signal(decoy.1.id(), Signal::KILL);
    for pid in below {
        signal(pid, Signal::KILL);
    }
}

/// `check`, `install` and the watch agree; it goes on.
fn outside(scene: &Scene, bot: &Bot, pid: u32, parent: &str) {
    let status = scene.wait_verdict("waiting", "outside-manager");
    assert_eq!(status["verdict"]["findings"][0]["problem"]["OutsideManager"]["pid"], pid);
    let (check, code) = scene.check();
    assert_eq!(
        (&check["state"], &check["cause"], code),
        (&json!("waiting"), &json!("outside-manager"), 4),
        "{check:#}"
    );
    let issue = check["issues"][0].as_str().unwrap_or_default();
    assert!(issue.contains(&format!("outside its manager (pid {pid})")) && issue.contains(parent), "{issue}");
    let output = scene.run(&["install"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(&format!("runs already, pid {pid}")), "{said}");
    assert!(said.contains(parent), "{said}");
    let text = scene.wait("the alert", || bot.calls().into_iter().next());
    assert!(text.contains("outside its manager"), "{text}");
    left_alone(scene, pid);
    assert_eq!(bot.calls().len(), 1, "{:?}", bot.delivered());
    assert!(scene.rungs().is_empty(), "{:?}", scene.rungs());
}

/// As tmux does it: the unit starts a server that is not its own process.
#[test]
fn r16_a_unit_that_is_active_without_a_process_has_its_bridge_elsewhere() {
    let Some(manager) = systemd::or_skip() else { return };
    let bot = Bot::new(Mood::Fine);
    let mut scene = manager.scene();
    scene.extra = Bot::config(bot.address);
    scene.write();
    let starter = format!("setsid {} > logs/bridge.log 2>&1 &", line(&scene));
    manager.write_text(
        &scene.label,
        &format!(
            "[Service]\nType=oneshot\nRemainAfterExit=yes\nWorkingDirectory={}\nExecStart=/bin/sh -c \"{starter}\"\n",
            scene.root.display()
        ),
    );
    manager.start_unit(&scene.label);
    manager.wait_sub(&scene.label, "exited");
    let _watch = scene.watch();
    let pid = scene.wait("it is seen", || {
        let status = scene.status()?;
        let pid = status["verdict"]["findings"][0]["problem"]["OutsideManager"]["pid"].as_u64()?;
        u32::try_from(pid).ok()
    });
    outside(&scene, &bot, pid, "started by ");
}

/// Another supervisor keeps it, and there is no agent of the user.
#[test]
fn r18_without_a_job_the_bridge_of_another_supervisor_is_seen_and_nothing_is_installed_beside_it() {
    let bot = Bot::new(Mood::Fine);
    let (scene, launchd) = unloaded(&[], &keys(), |scene| scene.extra = Bot::config(bot.address));
    std::fs::remove_file(launchd.plist(&scene.label)).expect("no agent");
    let script = format!("while :; do {}; sleep 0.2; done", line(&scene));
    let keeper = start(
        "supervisord",
        Command::new("/bin/sh").arg0("supervisord").args(["-c", &script]).current_dir(&scene.root),
    );
    let pid = scene.wait("its child", || child_of(keeper.1.id()));
    let _watch = scene.watch();
    outside(&scene, &bot, pid, "supervisord keeps it");
    assert!(acts_of_launchctl(&launchd).is_empty(), "{:?}", acts_of_launchctl(&launchd));
    end_below(&keeper);
}

/// The same of a bridge that is a script: its process is the interpreter of its first line.
#[test]
fn r18_twin_a_script_under_another_supervisor_is_seen_and_nothing_is_loaded_beside_it() {
    let bot = Bot::new(Mood::Fine);
    let (mut scene, launchd) = unloaded(&[], &keys(), |scene| {
        scene.extra = Bot::config(bot.address);
        scene.set("reload", 1.0);
    });
    executable(&scene.root.join("bridge"), "#!/bin/sh\nwhile :; do echo '[heartbeat] Bridge alive'; sleep 0.2; done\n");
    scene.program_is(&["./bridge"]);
    let script = "while :; do ./bridge >/dev/null; sleep 0.2; done";
    let mut command = Command::new("/bin/sh");
    let keeper = start("supervisord", command.arg0("supervisord").args(["-c", script]).current_dir(&scene.root));
    let pid = scene.wait("its child", || child_of(keeper.1.id()));
    let _watch = scene.watch();
    outside(&scene, &bot, pid, "supervisord keeps it");
    assert!(!acts_of_launchctl(&launchd).iter().any(|act| act.starts_with("bootstrap")), "{}", scene.journal());
    end_below(&keeper);
}

/// The checkout is mounted into a container, where it and its session have other paths.
#[test]
fn r18_twin_a_bridge_in_a_container_is_seen_and_nothing_is_loaded_beside_it() {
    if !require::has(Ability::Mount) {
        return;
    }
    let bot = Bot::new(Mood::Fine);
    let (mut scene, launchd) = unloaded(&[], &keys(), |scene| {
        scene.extra = Bot::config(bot.address);
        scene.set("reload", 1.0);
    });
    std::fs::write(scene.data("valor_bridge.session"), "x").expect("a session");
    scene.script("exec 8<data/valor_bridge.session\nwhile :; do echo '[heartbeat] Bridge alive'; sleep 0.2; done\n");
    let app = scene.folder.path().join("app");
    std::fs::create_dir_all(&app).expect("a folder");
    let script = "mount --bind \"$0\" \"$1\" && cd \"$1\" && exec /bin/sh bridge.sh >/dev/null 2>&1";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "/bin/sh", "-c", script]).arg(&scene.root).arg(&app);
    let contained = start("a container", command.current_dir("/"));
    let pid = contained.1.id();
    scene.wait("its session", || std::fs::read_link(format!("/proc/{pid}/fd/8")).ok());
    let _watch = scene.watch();
    outside(&scene, &bot, pid, "a container keeps it");
    assert!(!acts_of_launchctl(&launchd).iter().any(|act| act.starts_with("bootstrap")), "{}", scene.journal());
    // Nor is it ended beside a bridge that runs.
    load(&scene, &launchd);
    scene.wait("a pid", || launchd.pid(&scene.label));
    left_alone(&scene, pid);
}

/// Somebody ran `nohup … &` while the job was unloaded, and forgot it: the job is not loaded beside it after 10 min.
#[test]
fn r16_an_unloaded_job_is_not_loaded_beside_a_bridge_that_runs_by_hand() {
    let bot = Bot::new(Mood::Fine);
    let (scene, launchd) = unloaded(&[], &keys(), |scene| {
        scene.extra = Bot::config(bot.address);
        scene.set("reload", 1.0);
    });
    let by_hand = start("nohup", &mut as_the_bridge(&scene, &scene.root));
    let _watch = scene.watch();
    outside(&scene, &bot, by_hand.1.id(), "started by ");
    assert!(!acts_of_launchctl(&launchd).iter().any(|act| act.starts_with("bootstrap")), "{}", scene.journal());
    // Once it is gone, the job is loaded as ever.
    drop(by_hand);
    scene.wait_verdict("healthy", "none");
    load_is_ours(&launchd);
}

fn load_is_ours(launchd: &Launchd) {
    assert!(acts_of_launchctl(launchd).iter().any(|act| act.starts_with("bootstrap")));
}

/// Each start ends with 1 within a moment, since an orphan holds the bridge's own lock; HEAD is 10 min old.
fn blocked(exit_code: &[&str]) -> (Scene, Launchd, Decoy) {
    let options = [&["--single", "data/bridge.pid"], exit_code].concat();
    let (scene, launchd) = unloaded(&options, &keys(), |scene| {
        scene.commit("bridge.py", "a newer bridge\n", "Make it faster", 600);
        std::fs::write(scene.data("auto-revert-enabled"), "").expect("the opt-in");
    });
    let orphan = start("an orphan", &mut as_the_bridge(&scene, &scene.root));
    scene.wait_aged(orphan.1.id(), 2.0);
    (scene, launchd, orphan)
}

#[test]
fn r19_an_orphan_in_the_way_of_each_start_is_ended_before_anybody_is_accused() {
    let (scene, launchd, orphan) = blocked(&[]);
    let _watch = scene.watch();
    scene.wait("a first look", || scene.status());
    load(&scene, &launchd);
    scene.wait("the orphan's end", || (!alive(orphan.1.id())).then_some(()));
    scene.wait_verdict("healthy", "none");
    let ended = signals(&scene);
    assert!(ended.iter().all(|act| act.contains(&format!("a copy of the bridge (pid {}", orphan.1.id()))), "{ended:?}");
    assert!(scene.events("crash").iter().all(|crash| crash["class"] == "copy"), "{:?}", scene.events("crash"));
    assert!(!scene.journal().contains("suspect"), "{}", scene.journal());
}

/// In a terminal it is somebody's, and nothing is ended for it; nor is HEAD the suspect.
#[test]
fn r19_what_is_in_the_way_in_a_terminal_is_left_alone() {
    let (scene, launchd, orphan) = blocked(&[]);
    drop(orphan);
    let terminal = start(
        "a terminal",
        Command::new("script").args(["-qfc", &format!("exec {}", line(&scene)), "/dev/null"]).current_dir(&scene.root),
    );
    let by_hand = scene.wait("its child", || child_of(terminal.1.id()));
    scene.wait_aged(by_hand, 2.0);
    let _watch = scene.watch();
    load(&scene, &launchd);
    scene.wait("three of its starts end", || (scene.events("crash").len() >= 3).then_some(()));
    scene.wait_verdict("waiting", "outside-manager");
    scene.wait_looks(4);
    assert!(alive(by_hand) && signals(&scene).is_empty(), "{}", scene.journal());
    assert!(!scene.journal().contains("suspect"), "{}", scene.journal());
}

/// The job's process is a runner (`uv run`, `npm`): it stays, waits for its child and passes SIGTERM on.
fn with_a_runner(options: &[&str], script: impl Fn(&str) -> String) -> (Scene, Launchd, Bot) {
    let bot = Bot::new(Mood::Fine);
    let (scene, launchd) = unloaded(options, &keys(), |scene| scene.extra = Bot::config(bot.address));
    std::fs::write(scene.root.join("run.sh"), script(&line(&scene))).expect("a runner");
    let mut all =
        json!({"WorkingDirectory": scene.root, "StandardOutPath": scene.log(), "StandardErrorPath": scene.error_log()});
    for (key, value) in keys().as_object().expect("keys") {
        all[key] = value.clone();
    }
    launchd.write_plist(&scene.label, &["/bin/sh", "run.sh"], &all);
    load(&scene, &launchd);
    (scene, launchd, bot)
}

const RUNNER: fn(&str) -> String = |line| format!("{line} & trap 'kill -TERM $!; wait' TERM\nwait $!\n");

#[test]
fn r02_the_child_of_a_runner_is_the_bridge() {
    let options = ["--exclusive", "--say", "ERROR sqlite3.OperationalError: database is locked"];
    let (scene, launchd, _bot) = with_a_runner(&options, RUNNER);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let runner = launchd.wait_pid(&scene.label);
    let bridge = child_of(runner).expect("the bridge");
    let (check, _) = scene.check();
    assert_eq!(check["facts"]["telegram"], json!({"connected": true, "evidence": "socket"}), "{check:#}");
    let holders = &check["facts"]["session"]["holders"];
    assert_eq!((&holders[0]["pid"], &holders[0]["role"]), (&json!(bridge), &json!("bridge")), "{check:#}");
    assert_ne!(check["cause"], "session-locked", "{check:#}");
    left_alone(&scene, bridge);
}

/// The runner can't pass SIGKILL on.
#[test]
fn r02_a_child_that_hangs_under_its_runner_is_cured_and_none_is_left_behind() {
    let (scene, launchd, _bot) = with_a_runner(&[], RUNNER);
    let _watch = scene.watch();
    scene.wait("its voice", || (scene.status()?["history"]["spoke"] == true).then_some(()));
    let runner = launchd.wait_pid(&scene.label);
    let bridge = child_of(runner).expect("the bridge");
    signal(bridge, Signal::STOP);
    scene.wait_journal("rung 2 done: pid ");
    scene.wait("both gone", || (!alive(runner) && !alive(bridge)).then_some(()));
    scene.wait_verdict("healthy", "none");
}

#[test]
fn r04_a_bridge_that_dies_again_and_again_under_a_shell_is_a_crash_loop() {
    let forever = |line: &str| format!("while :; do\n{line}\necho 'bridge ended, again in 40 s'\nsleep 0.7\ndone\n");
    let (scene, launchd, bot) = with_a_runner(&["--exit", "1"], forever);
    let _watch = scene.watch();
    let shell = launchd.wait_pid(&scene.label);
    scene.wait_verdict("unhealthy", "crash-loop");
    let text = scene.wait("the alert", || bot.calls().into_iter().next());
    assert!(text.contains("ModuleNotFoundError: No module named 'telethon'"), "{text}");
    assert!(text.contains("Its manager sees only the process that starts it again"), "{text}");
    left_alone(&scene, shell);
    assert_eq!(scene.check().1, 1);
    assert_eq!(bot.calls().len(), 1, "{:?}", bot.delivered());
}

/// Each start lives long enough to be seen, and for no longer.
#[test]
fn r04_nor_does_it_help_that_each_start_lives_a_little() {
    let forever = |line: &str| format!("while :; do\n{line}\nsleep 0.3\ndone\n");
    let (scene, launchd, _bot) = with_a_runner(&["--exit", "1", "--after", "1.5"], forever);
    // Without a connection: it never gets that far.
    let _watch = scene.watch();
    let shell = launchd.wait_pid(&scene.label);
    scene.wait_verdict("unhealthy", "crash-loop");
    assert!(alive(shell));
}

/// Nor that each start ends before any look meets it, and without a traceback. What the shell prints keeps the log fresh.
#[test]
fn r04_a_bridge_that_nobody_ever_sees_under_its_shell_is_told_once() {
    let forever = |_: &str| "while :; do\necho 'TELEGRAM_API_ID is not set'\nsleep 0.3\ndone\n".to_owned();
    let (scene, launchd, bot) = with_a_runner(&[], forever);
    let _watch = scene.watch();
    let shell = launchd.wait_pid(&scene.label);
    scene.wait_verdict("degraded", "none");
    let text = scene.wait("the message", || bot.delivered().into_iter().next());
    assert!(
        text.contains(": no process of the bridge is seen") && text.contains("TELEGRAM_API_ID is not set"),
        "{text}"
    );
    scene.wait_looks(4);
    left_alone(&scene, shell);
    assert_eq!((scene.check().1, bot.delivered().len()), (1, 1), "{:?}", bot.delivered());
}

/// A wrapper script whose child is no bridge by its words, and works. Whatever else it starts has its tracebacks in the
/// same log.
#[test]
fn r04_a_wrapper_with_other_words_is_nobodys_crash_loop() {
    let tool = "while sleep 0.9; do printf 'Traceback (most recent call last):\\nKeyError: 1\\n' >&2; done &";
    let options = ["--every", "20", "--ping", "0.3"];
    let (mut scene, launchd, _bot) = with_a_runner(&options, |line| format!("{tool}\n{line} &\nwait\n"));
    scene.program_is(&[".venv/bin/python", "bridge/telegram_bridge.py"]);
    let _watch = scene.watch();
    let shell = launchd.wait_pid(&scene.label);
    scene.wait_verdict("healthy", "none");
    left_alone(&scene, shell);
    scene.wait_aged(shell, 8.0);
    scene.wait_verdict("healthy", "none");
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
}

/// A tool server that the bridge started, and that keeps what the next start needs.
#[test]
fn embedded_ends_what_its_child_leaves_in_its_group() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.script(
        "(trap '' TERM HUP; while :; do sleep 0.2; done) &\necho $! > left\nwhile :; do echo beat; sleep 0.2; done\n",
    );
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    let read = || std::fs::read_to_string(scene.root.join("left")).ok()?.trim().parse::<u32>().ok();
    let left = scene.wait("the tool server", read);
    scene.wait_aged(pid, 0.5);
    signal(pid, Signal::KILL);
    scene.wait("its end", || (!alive(left)).then_some(()));
    let next = scene.wait("the next one", || read().filter(|next| *next != left));
    scene.wait("no rung at work", || scene.status()?["rung"].is_null().then_some(()));
    scene.wait_verdict("healthy", "none");
    let output = scene.run(&["restart"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!alive(next), "a restart by hand ends it too");
}
