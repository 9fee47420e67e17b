//! What telling a person costs: from the first act of an incident to Telegram's ok, and the CPU of a watch whose alert does
//! not go out. Telegram is on loopback, so its own time and the way to it are not in here.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bridge_watchdog::limits::Limits;
use bridge_watchdog::system::journal::Noted;
use bridge_watchdog::system::recovery_lock;
use bridge_watchdog::watch::commands::Command;
use bridge_watchdog::watch::{self, Watch};
use rustix::process::Signal;

use crate::setup::{self, Running};
use crate::support::bot::tls::{self, Certificate};
use crate::support::bot::{Bot, Mood};
use crate::support::{PATIENCE, Scene, alive, signal};
use crate::table::{Row, beside, middle_and_most, row};
use crate::usage::cpu_of;

const ROUNDS: usize = 10;
/// An hour has so many ticks of 60 s; here they are a second apart, and so are the tries of an alert.
const HOUR: u32 = 60;
/// The start and the first tries, which are closer together, are over after this time.
const STARTED: Duration = Duration::from_secs(10);

pub(crate) fn rows() -> Vec<Row> {
    let (middle, most) = middle_and_most(first_words());
    let how = format!("HTTP on loopback; middle of {ROUNDS}, worst {:.1}", most * 1e3);
    let mut rows = vec![row("from the first act to Telegram's ok", 100.0, middle * 1e3, "ms", how)];
    let [refused, told] = an_hour();
    let how = format!("{HOUR} ticks and as many tries over TLS, a second apart instead of a minute");
    rows.push(row("CPU an hour that an alert adds which does not go out", 0.5, refused - told, "s", how));
    rows.push(beside("  of all that its watch uses, the bridge waiting for a login", refused, "s", "the same ticks"));
    rows.push(beside("  beside it: the same watch, its alert delivered", told, "s", "the same ticks"));
    rows
}

/// Seconds from the journal's line to the ok for the incident's first message, which is sent beside the act.
fn first_words() -> Vec<f64> {
    let bot = Bot::new(Mood::Fine);
    // Its manager would start it again only after 5 s, so we do.
    let (mut scene, launchd) = setup::under_launchd(5.0);
    scene.extra = Bot::config(bot.address);
    scene.write();
    let limits = Limits {
        min_uptime: Duration::from_millis(300),
        verify_uptime: Duration::from_millis(300),
        // Each round is an incident of its own.
        recovered_after: Duration::from_millis(500),
        check_interval: Duration::from_millis(200),
        crash_window: Duration::from_millis(10),
        ..Limits::REAL
    };
    let (config, environment) = setup::in_process(&scene, launchd.launchctl(), &limits);
    let _alone = recovery_lock::one_watch(&config).unwrap_or_else(|taken| panic!("{taken}"));
    let mut watch = Watch::new(&config, &environment, false).expect("a watch");
    let (note, noted) = channel();
    watch.controller.journal.also_to(note);
    let commands = watch.sender();
    let watching = std::thread::spawn(move || watch::run(&mut watch));
    let seconds = (0..ROUNDS).map(|_| one_incident(&scene, &bot, &noted)).collect();
    commands.send(Command::Quit);
    watching.join().expect("the watch ends");
    drop(launchd);
    seconds
}

fn one_incident(scene: &Scene, bot: &Bot, noted: &Receiver<Noted>) -> f64 {
    let bridge = scene.wait_bridge();
    scene.wait_aged(bridge, 0.6);
    // Nothing of the incident before may still be on its way.
    scene.wait("the end of what was before", || {
        (!scene.state().join("incident.json").exists() && !scene.state().join("alert.json").exists()).then_some(())
    });
    let before = bot.requests().len();
    while noted.try_recv().is_ok() {}
    signal(bridge, Signal::KILL);
    while !noted.recv_timeout(PATIENCE).expect("the loop says what it does").line.starts_with("act: ") {}
    let acted = Instant::now();
    let ok = scene.wait("Telegram's ok", || bot.requests().into_iter().skip(before).find(|request| request.delivered));
    scene.wait("another bridge", || Some(scene.wait_bridge()).filter(|pid| *pid != bridge && alive(*pid)));
    ok.at.saturating_duration_since(acted).as_secs_f64()
}

/// CPU seconds an hour of two watches whose bridge asks for a login: one that Telegram refuses, and one that has told it.
fn an_hour() -> [f64; 2] {
    let cases = [Mood::Blocked, Mood::Fine].map(waiting);
    std::thread::sleep(STARTED);
    let pids = [0, 1].map(|nth: usize| cases[nth].0.pid());
    let before = pids.map(cpu_of);
    let tries = cases[0].1.requests().len();
    std::thread::sleep(Duration::from_secs(u64::from(HOUR)));
    let used = [0, 1].map(|nth| cpu_of(pids[nth]) - before[nth]);
    eprintln!("  {} tries", cases[0].1.requests().len() - tries);
    used
}

/// A watch at a tick of 1 s. Dropped before its scene, whose bridge it would start again.
fn waiting(mood: Mood) -> (Running, Bot, Scene) {
    let (authority, config) = tls::server(Certificate::Good);
    // A Mac's own store can't be changed for a test.
    let (bot, scheme) =
        if cfg!(target_os = "linux") { (Bot::over_tls(mood, config), "https") } else { (Bot::new(mood), "http") };
    let mut scene = Scene::new("embedded", 1.0);
    scene.set("tick", 1.0);
    scene.extra = Bot::config_for(&format!("{scheme}://{}", bot.address));
    // Beside those of the system, whose number is a part of what a call costs.
    let trusted = scene.folder.path().join("trusted.pem");
    let systems = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
    std::fs::write(&trusted, systems + &authority).expect("certificates");
    scene.env = vec![("SSL_CERT_FILE", trusted)];
    scene.bridge(&[]);
    std::fs::write(scene.data("bridge-auth-required"), "").expect("a marker");
    let mut command = scene.command(&["run"]);
    let watch = Running::start(command.env_remove("SSL_CERT_DIR"), &scene.folder.path().join("watch.log"));
    scene.wait("a first try", || (!bot.requests().is_empty()).then_some(()));
    (watch, bot, scene)
}
