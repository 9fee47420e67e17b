//! A throw-away bridge in a temporary folder, watched by the shipped loop: real processes, a real git repository, a real
//! `SQLite` session. Only the durations are shorter; the factor is said.

pub mod bridge;

use std::io::{IsTerminal, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::Signal;

use crate::assess::State;
use crate::config::{Config, Manager};
use crate::facts::Identity;
use crate::snapshot::{Snapshot, headline};
use crate::system::service::Service;
use crate::system::{clock, files, process, recovery_lock};
use crate::watch::{Command, Watch};
use crate::words::lasting;
use crate::world::{Times, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// The process is killed
    Crash,
    /// The process is there and does nothing (SIGSTOP)
    Hang,
    /// Another process holds the session's lock
    Lock,
    /// HEAD makes the bridge crash at each start
    BadCommit,
    /// Telegram wants to be left alone for a while
    Flood,
    /// Somebody asks the bridge to stop; it ends with exit code 0
    Stop,
}

/// So much faster than real: a tick is 1 s, silence counts after 5 s.
pub const FACTOR: f64 = 60.0;
/// The demo gives up after this time; a heal takes a tenth of it.
const PATIENCE: f64 = 90.0;
const FLOOD: f64 = 6.0;

/// Runs the demo; the exit code is 0 if the bridge was healed (or, in a flood wait, was rightly left alone).
///
/// # Errors
/// Where the machine has no temporary folder, or the fault needs what this version does not have.
pub fn run(fault: Fault, headless: bool) -> Result<u8, String> {
    if matches!(fault, Fault::Lock | Fault::BadCommit) {
        return Err(
            "this fault needs rung 3 or 4, which this version does not have yet; try crash, hang, stop or flood".into(),
        );
    }
    let folder = tempfile::tempdir().map_err(|error| format!("there is no temporary folder: {error}"))?;
    let telegram =
        TcpListener::bind("127.0.0.1:0").map_err(|error| format!("loopback can't be listened to: {error}"))?;
    let (config, world) = stage(folder.path(), &telegram)?;
    std::thread::spawn(move || {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = telegram.accept() {
            connections.push(connection);
        }
    });
    let stage = Stage::raise(config, world)?;
    let picture = Picture { live: !headless && std::io::stdout().is_terminal(), began: clock::mono() };
    let healed = play(&stage, fault, &picture);
    stage.strike();
    picture.end();
    healed
}

/// The folder: a git repository, a configuration, and a world in which loopback is Telegram.
fn stage(folder: &Path, telegram: &TcpListener) -> Result<(Config, World), String> {
    let wrong = |error: &dyn std::fmt::Display| format!("the demo's folder can't be filled: {error}");
    let root = folder.join("checkout");
    let repository = git2::Repository::init(&root).map_err(|error| wrong(&error))?;
    std::fs::create_dir_all(root.join("data")).map_err(|error| wrong(&error))?;
    std::fs::write(root.join("bridge.txt"), "a bridge\n").map_err(|error| wrong(&error))?;
    commit(&repository).map_err(|error| wrong(&error))?;
    let address = telegram.local_addr().map_err(|error| wrong(&error))?;
    let me = std::env::current_exe().map_err(|error| wrong(&error))?;
    let program = [
        &me.display().to_string(),
        "demo-bridge",
        "--session",
        "data/valor_bridge.session",
        "--connect",
        &address.to_string(),
        "--mute",
        "data/flood-backoff",
    ];
    let world = World {
        times: Times::faster(FACTOR),
        data_centres: vec![address],
        ranges: vec![(address.ip(), 32)],
        launchctl: "/bin/launchctl".into(),
        systemctl: "/usr/bin/systemctl".into(),
        home: folder.into(),
        config_dir: folder.join("config"),
        state_dir: folder.join("state"),
    };
    let config = Config {
        file: folder.join("config.toml"),
        label: "demo.bridge".into(),
        manager: Manager::Embedded,
        program: program.map(str::to_owned).to_vec(),
        log: root.join("logs/bridge.log"),
        error_log: root.join("logs/bridge.error.log"),
        login: Vec::new(),
        session: root.join("data/valor_bridge.session"),
        telegram: None,
        auto_revert: false,
        state: crate::config::state_folder(&world, &root),
        root,
    };
    Ok((config, world))
}

fn commit(repository: &git2::Repository) -> Result<(), git2::Error> {
    let mut index = repository.index()?;
    index.add_path(Path::new("bridge.txt"))?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let who = git2::Signature::now("demo", "demo@localhost")?;
    repository.commit(Some("HEAD"), &who, &who, "A bridge", &tree, &[])?;
    index.write()
}

/// The watch and its bridge, up.
struct Stage {
    config: Config,
    handle: crate::watch::Handle,
    snapshots: Receiver<Snapshot>,
    journal: Receiver<String>,
    watching: std::thread::JoinHandle<()>,
    interrupted: Arc<AtomicBool>,
    _alone: std::fs::File,
    world: World,
}

impl Stage {
    fn raise(config: Config, world: World) -> Result<Stage, String> {
        let alone = recovery_lock::one_watch(&config).map_err(|taken| taken.to_string())?;
        let mut watch = Watch::new(&config, &world, false)?;
        let (shown, snapshots) = channel();
        watch.on_snapshot(move |snapshot| drop(shown.send(snapshot.clone())));
        let (noted, journal) = channel();
        watch.journal.also_to(noted);
        let handle = watch.handle();
        // Ctrl-C must not leave the throw-away bridge behind.
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, interrupted.clone())
                .map_err(|error| format!("signals can't be heard: {error}"))?;
        }
        let watching = std::thread::spawn(move || watch.run());
        Ok(Stage { config, handle, snapshots, journal, watching, interrupted, _alone: alone, world })
    }

    /// Ends the watch, then the bridge; the folder goes with its guard.
    fn strike(self) {
        self.handle.send(Command::Quit);
        let _ = self.watching.join();
        let _ = Service::of(&self.config, &self.world).stop();
    }
}

fn play(stage: &Stage, fault: Fault, picture: &Picture) -> Result<u8, String> {
    picture.line(&format!("A bridge in a temporary folder; the watch is the shipped one, {FACTOR} times faster (a look a second, silence counts after 5 s)."));
    let well = |snapshot: &Snapshot| snapshot.verdict.state == State::Healthy;
    let Some(before) = wait_for(stage, picture, well).and_then(|snapshot| snapshot.memory.run) else {
        return Err("the demo's bridge did not come up".into());
    };
    // A few looks of health first, so that what follows can be seen to differ.
    for _ in 0..2 {
        wait_for(stage, picture, well);
    }
    let struck = clock::mono();
    picture.line(&format!("FAULT  {}", inject(stage, fault, before.id)?));
    let noticed = |snapshot: &Snapshot| {
        snapshot.clock.mono >= struck && (!well(snapshot) || snapshot.memory.run.is_none_or(|run| run.id != before.id))
    };
    let Some(seen) = wait_for(stage, picture, noticed) else { return Err("the fault was not noticed".into()) };
    let known = seen.clock.mono - struck;
    let cured = |snapshot: &Snapshot| {
        well(snapshot)
            && snapshot.rung.is_none()
            && snapshot.memory.run.is_some_and(|run| (run.id == before.id) == (fault == Fault::Flood))
    };
    let healed = wait_for(stage, picture, cured);
    let Some(healed) = healed else {
        picture.line("NOT HEALED");
        return Ok(1);
    };
    let took = healed.clock.mono - struck;
    let pid = healed.memory.run.map_or(0, |run| run.id.pid);
    picture.line(&match fault {
        Fault::Flood => format!("HEALED  the flood wait was known after {}, nothing was restarted, and after {} the bridge worked again (pid {pid})", precise(known), lasting(took)),
        _ => format!("HEALED  known after {}, healed after {} (pid {} -> {pid})", precise(known), precise(took), before.id.pid),
    });
    Ok(0)
}

fn inject(stage: &Stage, fault: Fault, bridge: Identity) -> Result<String, String> {
    let pid = bridge.pid;
    match fault {
        Fault::Crash => {
            process::signal(bridge, Signal::KILL).map(|()| format!("the bridge is killed (SIGKILL to pid {pid})"))
        }
        Fault::Hang => process::signal(bridge, Signal::STOP)
            .map(|()| format!("the bridge hangs (SIGSTOP to pid {pid}); only its silence shows it")),
        Fault::Stop => process::signal(bridge, Signal::TERM)
            .map(|()| format!("somebody asks the bridge to stop (SIGTERM to pid {pid}); it ends with exit code 0")),
        Fault::Flood => {
            let text = format!("{{\"expiry_ts\": {}, \"seconds\": {FLOOD}}}", clock::wall() + FLOOD);
            // Gone when it is over, as the bridge does it.
            let path = stage.config.data("flood-backoff");
            files::replace(&path, &text)?;
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_secs_f64(FLOOD));
                files::remove(&path);
            });
            Ok(format!("Telegram says: wait {FLOOD} s (flood); the bridge falls silent"))
        }
        Fault::Lock | Fault::BadCommit => Err("this version does not have that rung yet".into()),
    }
}

/// The next snapshot that is as wanted, while what happens is shown; `None` when the demo's patience ends.
fn wait_for(stage: &Stage, picture: &Picture, wanted: impl Fn(&Snapshot) -> bool) -> Option<Snapshot> {
    let until = clock::mono() + PATIENCE;
    while clock::mono() < until && !stage.interrupted.load(Ordering::SeqCst) {
        for line in stage.journal.try_iter() {
            picture.line(&line);
        }
        match stage.snapshots.recv_timeout(Duration::from_millis(100)) {
            Ok(snapshot) => {
                for line in stage.journal.try_iter() {
                    picture.line(&line);
                }
                picture.state(&snapshot);
                if wanted(&snapshot) {
                    return Some(snapshot);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}

/// What the terminal shows: a line an event, and below them, where it is a terminal, the state of now.
struct Picture {
    live: bool,
    began: f64,
}

impl Picture {
    fn line(&self, text: &str) {
        let clear = if self.live { "\r\x1b[2K" } else { "" };
        println!("{clear}{:6.2} s  {text}", clock::mono() - self.began);
    }

    fn state(&self, snapshot: &Snapshot) {
        if !self.live {
            return;
        }
        let colour = match snapshot.verdict.state {
            State::Healthy => 32,
            State::Starting | State::Degraded => 33,
            State::Waiting | State::Stopped => 36,
            State::Unhealthy => 31,
            State::Unknown => 35,
        };
        let facts = &snapshot.check["facts"];
        let pid = facts["process"]["pid"].as_u64().map_or_else(|| "no process".into(), |pid| format!("pid {pid}"));
        let silent = facts["log"]["silent_s"]
            .as_f64()
            .map_or_else(|| "log unknown".into(), |silent| format!("log silent for {silent:.0} s"));
        let telegram = match facts["telegram"]["connected"].as_bool() {
            Some(true) => "connected",
            Some(false) => "not connected",
            None => "connection unknown",
        };
        let rung = snapshot.rung.map_or_else(String::new, |(rung, _)| format!("   recovering, rung {rung} of 5"));
        print!(
            "\r\x1b[2K\x1b[{colour};1m\u{25cf} {}\x1b[0m   {pid}   {silent}   {telegram}{rung}",
            headline(&snapshot.verdict)
        );
        let _ = std::io::stdout().flush();
    }

    fn end(&self) {
        if self.live {
            print!("\r\x1b[2K");
            let _ = std::io::stdout().flush();
        }
    }
}

/// Short times are the point here.
fn precise(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}
