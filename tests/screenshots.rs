//! `make screenshots`: the shipped app in a real panel, on a real bridge that is really broken. Nothing is asserted but that
//! each state comes about. `BRIDGE_WATCHDOG_PICTURES` is the folder for the pictures, `BRIDGE_WATCHDOG_SCENES` the scenes to
//! be made, all without it.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use rustix::process::Signal;
use serde_json::json;

use crate::support::bot::{Bot, Mood};
use crate::support::decoys::{self, Decoy};
use crate::support::pictures::Studio;
use crate::support::scene::product;
use crate::support::tray::{flood, operator_stop, unload};
use crate::support::{Launchd, Scene, beside, signal};

/// The name of each picture of a menu is that of its scene. The longest come first.
const SCENES: [(&str, fn(&mut Studio, &str)); 20] = [
    ("rung-5", rung_5),
    ("crash-loop", crash_loop),
    ("submenus", submenus),
    ("demo", demo),
    ("questions", questions),
    ("undo", undo),
    ("at-start", at_start),
    ("recovering", recovering),
    ("degraded", degraded),
    ("not-delivered", not_delivered),
    ("outside-manager", outside_manager),
    ("config-error", config_error),
    ("disk-full", disk_full),
    ("down", down),
    ("paused", paused),
    ("stopped", stopped),
    ("waiting", waiting),
    ("login-needed", login_needed),
    ("starting", starting),
    ("unknown", unknown),
];

/// Windows at clicks: the picture's name, and how the row begins.
const QUESTIONS: [(&str, &str); 6] = [
    ("question-restart", "Restart bridge"),
    ("question-clean-locks", "Clean locks"),
    ("question-revert", "Revert HEAD"),
    ("question-auto-revert", "Auto-revert"),
    ("status", "Show status"),
    ("about", "About"),
];

/// As many at a time: they wait more than they compute.
const THREADS: usize = 3;

#[test]
#[ignore = "it makes pictures: make screenshots"]
fn all() {
    let out = std::env::var_os("BRIDGE_WATCHDOG_PICTURES").expect("BRIDGE_WATCHDOG_PICTURES, a folder");
    let wanted = std::env::var("BRIDGE_WATCHDOG_SCENES").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split_whitespace().collect();
    let scenes = SCENES.iter().chain([&("healthy", healthy as fn(&mut Studio, &str))]);
    let scenes = Mutex::new(scenes.filter(|(name, _)| wanted.is_empty() || wanted.contains(name)));
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = scenes.lock().expect("no scene panics with it").next();
            let Some((name, make)) = next else { return };
            let made = catch_unwind(AssertUnwindSafe(|| {
                let mut studio = Studio::open(out.clone().into()).expect("a desktop");
                make(&mut studio, name);
            }));
            if made.is_err() {
                println!("{name}: FAILED");
                failed.lock().expect("as above").push(*name);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().expect("as above");
    assert!(failed.is_empty(), "these scenes failed: {}", failed.join(" "));
}

/// A checkout in a home folder, as a person has it, with a look each second.
fn stage(manager: &'static str, factor: f64) -> Scene {
    let mut scene = Scene::called("me-", manager, factor);
    let root = scene.folder.path().join("home/src/ai");
    std::fs::create_dir_all(root.parent().expect("a folder")).expect("src");
    std::fs::rename(&scene.root, &root).expect("the checkout");
    scene.root = root.canonicalize().expect("the checkout");
    scene.set("tick", 1.0);
    scene.bridge(&[]);
    scene
}

/// The same under the launchd stand-in.
fn loaded(factor: f64, throttle: f64, exit_timeout: f64, options: &[&str]) -> (Scene, Launchd) {
    let mut scene = stage("launchd", factor);
    let launchd = Launchd::start(&scene.folder.path().join("launchd"));
    scene.set("launchctl", launchd.launchctl().to_str().expect("a path"));
    scene.bridge(options);
    let keys = json!({
        "WorkingDirectory": scene.root, "StandardOutPath": scene.log(), "StandardErrorPath": scene.error_log(),
        "KeepAlive": true, "ThrottleInterval": throttle, "ExitTimeOut": exit_timeout,
    });
    launchd.load(&scene.label, &scene.program(), &keys);
    (scene, launchd)
}

/// In real time, and well.
fn well() -> (Scene, Launchd) {
    loaded(1.0, 0.4, 0.5, &[])
}

fn healthy(studio: &mut Studio, name: &str) {
    let (scene, _launchd) = well();
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Healthy");
    studio.menu(name);
}

/// After a hang and a crash.
fn submenus(studio: &mut Studio, _: &str) {
    let (scene, launchd) = loaded(60.0, 0.4, 0.5, &[]);
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Healthy");
    for ill in [Signal::STOP, Signal::KILL] {
        let before = launchd.wait_pid(&scene.label);
        scene.wait_aged(before, 6.0);
        signal(before, ill);
        studio.desktop.wait("another bridge", || launchd.pid(&scene.label).filter(|pid| *pid != before));
        studio.desktop.wait_row("Healthy");
    }
    studio.submenus();
}

/// The shipped binary, as a new user starts it.
fn demo(studio: &mut Studio, name: &str) {
    // One of its windows names the program's path, which is to be no builder's.
    let bin = studio.desktop.dir.join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    for name in ["bridge-watchdog", "bridge-watchdog-tray"] {
        std::fs::copy(beside(name), bin.join(name)).expect("a copy");
    }
    let (program, said) = (bin.join("bridge-watchdog-tray"), studio.desktop.dir.join("said"));
    let program = program.to_str().expect("a path");
    let app = studio.desktop.start(&[program], &said);
    studio.desktop.wait("a healthy bridge", || {
        let first = studio.desktop.rows()?.first()?.label.to_lowercase();
        first.contains("healthy").then_some(())
    });
    studio.menu(name);
    studio.submenus_of("Demo");
    drop(app);
    studio.windows_of(|words| studio.desktop.start(&[words, &[program]].concat(), &said), &[("set-up", "Set up")]);
}

fn starting(studio: &mut Studio, name: &str) {
    let mut scene = stage("embedded", 1.0);
    // Telegram accepts connections, and this bridge makes none.
    scene.telegram = None;
    scene.bridge(&[]);
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Starting");
    studio.menu(name);
}

/// A frozen process does not react to SIGTERM, so that ending it takes its exit timeout.
fn recovering(studio: &mut Studio, name: &str) {
    let (scene, launchd) = loaded(60.0, 0.4, 55.0, &[]);
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Healthy");
    signal(launchd.wait_pid(&scene.label), Signal::STOP);
    studio.desktop.wait_row("Recovering");
    studio.menu(name);
}

fn degraded(studio: &mut Studio, name: &str) {
    let (scene, _launchd) = well();
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Healthy");
    let text = "2026-11-22 14:02:11 ERROR telethon.network: Server replied with a wrong session ID\n".repeat(12);
    let log = std::fs::OpenOptions::new().append(true).open(scene.log());
    std::io::Write::write_all(&mut log.expect("the log"), text.as_bytes()).expect("the log");
    studio.desktop.wait_row("Degraded");
    studio.menu(name);
}

fn waiting(studio: &mut Studio, name: &str) {
    let (scene, _launchd) = well();
    let _app = studio.desktop.app(&scene);
    flood(&scene);
    studio.desktop.wait_row("Waiting: Telegram told the bridge to wait");
    studio.menu(name);
}

fn login_needed(studio: &mut Studio, name: &str) {
    let (scene, _launchd) = well();
    std::fs::write(scene.data("bridge-auth-required"), "").expect("a marker");
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait_icon("person");
    studio.menu(name);
}

fn config_error(studio: &mut Studio, name: &str) {
    let (scene, _launchd) = loaded(1.0, 600.0, 0.5, &["--exit", "2", "--after", "1"]);
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Needs you: the bridge ended with exit code 2");
    studio.menu(name);
}

/// The app sees a data folder that is a full disk; the bridge is outside of its name space.
fn disk_full(studio: &mut Studio, name: &str) {
    let (scene, _launchd) = well();
    let fill = format!("mount -t tmpfs -o size=900k tmpfs '{}' && exec \"$0\" \"$@\"", scene.data("").display());
    let _app = studio.desktop.app_by(&["unshare", "--mount", "sh", "-c", &fill], &scene);
    studio.desktop.wait_row("Needs you: the disk is full");
    studio.menu(name);
}

fn paused(studio: &mut Studio, name: &str) {
    let (scene, launchd) = well();
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Healthy");
    assert!(scene.run(&["pause", "--for", "1h"]).status.success());
    unload(&scene, &launchd);
    studio.desktop.wait("a bridge that is down", || {
        let row = studio.desktop.row("Paused since")?;
        row.label.contains("the bridge is down").then_some(())
    });
    studio.menu(name);
}

fn stopped(studio: &mut Studio, name: &str) {
    let (scene, launchd) = well();
    let app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Healthy");
    operator_stop(&scene, &launchd);
    studio.desktop.wait_row("Stopped");
    studio.menu(name);
    drop(app);
    studio.windows(&scene, &[("question-start", "Start bridge")]);
}

/// One that dies in its first seconds is its manager's, for as long as its throttle.
fn down(studio: &mut Studio, name: &str) {
    let (scene, launchd) = loaded(1.0, 120.0, 0.5, &[]);
    let _app = studio.desktop.app(&scene);
    signal(launchd.wait_pid(&scene.label), Signal::KILL);
    studio.desktop.wait_row("Down");
    studio.menu(name);
}

fn crash_loop(studio: &mut Studio, name: &str) {
    let (mut scene, _launchd) = loaded(60.0, 4.0, 0.5, &["--exit", "1", "--after", "0.3"]);
    scene.set("crash_window", 1800.0);
    scene.set("again", 1800.0);
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait("every rung tried", || {
        let rows = studio.desktop.rows()?;
        (rows[0].label.contains("crashed") && rows[1].label.contains("every rung")).then_some(())
    });
    studio.menu(name);
}

/// It freezes itself after each start, so that on a busy machine too it shows no sign of life.
fn rung_5(studio: &mut Studio, name: &str) {
    let mut scene = stage("embedded", 60.0);
    scene.script("echo begins; kill -STOP $$");
    for limit in ["cure_within", "pid_within"] {
        scene.set(limit, 1.0);
    }
    scene.set("again", 1800.0);
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait("every rung tried", || studio.desktop.rows()?[1].label.contains("every rung").then_some(()));
    studio.menu(name);
}

/// The bot's token was revoked.
fn not_delivered(studio: &mut Studio, name: &str) {
    let bot = Bot::new(Mood::Revoked);
    let (mut scene, launchd) = loaded(60.0, 0.4, 0.5, &[]);
    scene.extra = Bot::config(bot.address);
    scene.write();
    let _app = studio.desktop.app(&scene);
    let bridge = launchd.wait_pid(&scene.label);
    studio.desktop.wait_row("Healthy");
    scene.wait_aged(bridge, 6.0);
    signal(bridge, Signal::STOP);
    studio.desktop.wait_row("Degraded: an alert does not go out");
    studio.menu(name);
}

/// Somebody has started it in a terminal.
fn outside_manager(studio: &mut Studio, name: &str) {
    let (scene, launchd) = well();
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Healthy");
    let program = scene.program();
    let log = || std::fs::OpenOptions::new().append(true).open(scene.log()).expect("the log");
    unload(&scene, &launchd);
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).current_dir(&scene.root).stdout(log()).stderr(log()).stdin(std::process::Stdio::null());
    let _bridge = Decoy("a bridge of somebody's", command.spawn().expect("the bridge"));
    studio.desktop.wait_row("Needs you: the bridge runs outside its manager");
    studio.menu(name);
}

fn unknown(studio: &mut Studio, name: &str) {
    let (scene, launchd) = well();
    let _app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Healthy");
    let denied = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(launchd.launchctl(), denied).expect("its mode");
    // Its manager is asked when it is gone.
    signal(launchd.wait_pid(&scene.label), Signal::KILL);
    studio.desktop.wait_row("Unknown");
    studio.menu(name);
}

/// A bridge at work, whose session another process holds.
fn questions(studio: &mut Studio, _: &str) {
    let mut scene = stage("embedded", 60.0);
    // The watch itself looks at nothing meanwhile.
    scene.set("tick", 600.0);
    scene.script(
        "/bin/sh -c 'while kill -0 $PPID 2>/dev/null; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 0.05; done' &\n\
         while :; do echo beat; sleep 0.2; done",
    );
    scene.commit("bridge.py", "import telethon\n", "Handle R&D chats", 7200);
    let mut command = Command::new(product());
    command.args(["demo-bridge", "--exclusive", "--session"]).arg(scene.data("valor_bridge.session"));
    let holder = decoys::start("a holder", command.current_dir(&scene.root));
    scene.wait_aged(holder.1.id(), 2.0);
    studio.windows(&scene, &QUESTIONS);
}

/// HEAD is a revert of ours; and what a click did not do.
fn undo(studio: &mut Studio, _: &str) {
    let mut scene = stage("embedded", 60.0);
    scene.bridge(&["--source", "bridge.py"]);
    scene.set("min_uptime", 0.2);
    scene.set("crash_window", 600.0);
    std::fs::write(scene.data("auto-revert-enabled"), "").expect("the opt-in");
    scene.commit("bridge.py", "import telethonn\n", "Make it faster", 60);
    let mut watch = scene.watch();
    scene.wait_journal("rung 4 done");
    scene.wait_verdict("healthy", "none");
    watch.kill();
    // Root may write everywhere, but even root can't remove a folder as a file.
    std::fs::remove_file(scene.data("auto-revert-enabled")).expect("the opt-in");
    std::fs::create_dir(scene.data("auto-revert-enabled")).expect("a folder in the marker's place");
    studio.windows(&scene, &[("question-undo", "Undo revert"), ("not-done", "Auto-revert")]);
}

/// What a double click meets.
fn at_start(studio: &mut Studio, _: &str) {
    let (scene, _launchd) = well();
    let program = beside("examples/test-tray");
    let environment = scene.folder.path().join("environment.json");
    let words = |config: &Path| {
        [&program, &environment, Path::new("--config"), config].map(|word| word.to_str().expect("text").to_owned())
    };
    let app = studio.desktop.app(&scene);
    studio.desktop.wait_row("Healthy");
    let second = words(&scene.config_file());
    studio.at_start("start-second", &scene, &second.each_ref().map(String::as_str));
    drop(app);
    let broken = scene.config_file().with_file_name("broken.toml");
    std::fs::write(&broken, "[bridge]\nroot = ~/src/ai\n").expect("a configuration");
    let broken = words(&broken);
    studio.at_start("start-broken-config", &scene, &broken.each_ref().map(String::as_str));
}
