//! Everything around the program that is not its configuration: durations, addresses, fixed paths. One plain value,
//! handed down from `main`. Only the demo and the tests build another one; no flag, file or variable reaches it.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

#[derive(Debug, Clone)]
pub struct Environment {
    pub limits: Limits,
    /// Telegram's data centres. Whether one of them accepts a connection is what "online" means here.
    pub data_centres: Vec<SocketAddr>,
    /// Telegram's published address ranges; a socket into one of them is a connection.
    pub ranges: Vec<IpNet>,
    pub launchctl: PathBuf,
    pub systemctl: PathBuf,
    pub home: PathBuf,
    pub config_dir: PathBuf,
    pub state_dir: PathBuf,
}

/// Every duration of the program, in seconds, with its reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// A look a minute: silence and lost connections are measured in minutes; death is an event and needs no tick.
    pub tick: f64,
    /// Between looks while there is no pid, so that a respawn is seen when it happens.
    pub poll_interval_down: f64,
    /// Silence, disconnection and grace. The bridge writes a heartbeat every 120 s, and may take 240 s to start.
    pub stale: f64,
    /// A run this long earns an immediate start; launchd's own throttle is 10 s.
    pub min_uptime: f64,
    /// Added to the manager's throttle before we start what it has not respawned.
    pub respawn_margin: f64,
    /// A respawn due within this time is the manager's.
    pub respawn_near: f64,
    /// Told to stop this long ago and still there: twice launchd's usual patience, less than any person's.
    pub stop_hang: f64,
    /// The window of the crash pattern.
    pub crash_window: f64,
    /// A commit older than this at the first crash is not the suspect.
    pub fresh_commit: f64,
    /// An unloaded job is loaded again after this time: updates unload and load, and take minutes.
    pub reload: f64,
    /// A holder of the lock, or a copy of the bridge, is left alone while younger than this.
    pub stale_process: f64,
    /// A new pid has to be seen within this time after a start.
    pub pid_within: f64,
    /// A silence or a disconnection has to be cured within this time after a start.
    pub cure_within: f64,
    /// SIGTERM to SIGKILL for a process that has no exit timeout of its own.
    pub stranger_exit: f64,
    /// The same for a bridge that `embedded` keeps: `SQLite` closes cleanly within it.
    pub embedded_exit: f64,
    /// Work in progress is waited for once, this long.
    pub work: f64,
    /// Between rungs.
    pub between: [f64; 3],
    /// After rung 5 the chain goes on at this pace.
    pub again: f64,
    /// Readers take the face of the recovery lock for stale after 300 s; it is renewed this often.
    pub face: f64,
    /// Between two tries of `launchctl bootstrap`.
    pub bootstrap: f64,
    /// A marker of a planned restart holds this long.
    pub update_restart: f64,
    /// An update's lock is void after this time.
    pub update_lock: f64,
    /// A flood marker older than this is void.
    pub flood: f64,
    /// A pause or a stop older than this is told, once in this time.
    pub reminder: f64,
    /// The longest that any file may take to be read. Reads of a protected folder block until someone clicks.
    pub look: f64,
    /// The longest that `launchctl` or `systemctl` may take to answer a question.
    pub ask: f64,
    /// The longest that a message to Telegram may take.
    pub send: f64,
}

impl Limits {
    pub const REAL: Limits = Limits {
        tick: 60.0,
        poll_interval_down: 1.0,
        stale: 300.0,
        min_uptime: 10.0,
        respawn_margin: 10.0,
        respawn_near: 1.0,
        stop_hang: 30.0,
        crash_window: 1800.0,
        fresh_commit: 3600.0,
        reload: 600.0,
        stale_process: 60.0,
        pid_within: 90.0,
        cure_within: 300.0,
        stranger_exit: 5.0,
        embedded_exit: 20.0,
        work: 300.0,
        between: [2.0, 5.0, 10.0],
        again: 1800.0,
        face: 60.0,
        bootstrap: 2.0,
        update_restart: 360.0,
        update_lock: 600.0,
        flood: 86_400.0,
        reminder: 86_400.0,
        look: 2.0,
        ask: 5.0,
        send: 15.0,
    };

    /// Everything that is waited for, `factor` times faster. What bounds a call out stays: programs do not get quicker.
    pub fn faster(factor: f64) -> Limits {
        let real = Limits::REAL;
        Limits {
            tick: real.tick / factor,
            poll_interval_down: real.poll_interval_down / factor.min(5.0),
            stale: real.stale / factor,
            min_uptime: real.min_uptime / factor,
            respawn_margin: real.respawn_margin / factor,
            respawn_near: real.respawn_near / factor,
            stop_hang: real.stop_hang / factor,
            crash_window: real.crash_window / factor,
            fresh_commit: real.fresh_commit,
            reload: real.reload / factor,
            stale_process: real.stale_process / factor,
            pid_within: real.pid_within / factor.min(10.0),
            cure_within: real.cure_within / factor.min(30.0),
            stranger_exit: real.stranger_exit / factor.min(5.0),
            embedded_exit: real.embedded_exit / factor.min(10.0),
            work: real.work / factor,
            between: real.between.map(|wait| wait / factor),
            again: real.again / factor,
            face: real.face / factor,
            bootstrap: real.bootstrap / factor.min(10.0),
            reminder: real.reminder / factor,
            ..real
        }
    }
}

impl Environment {
    /// The environment as it is.
    ///
    /// # Errors
    /// Where the platform has no home folder.
    pub fn real() -> Result<Environment, String> {
        let nowhere = || "there is no home folder; set HOME to an absolute path".to_owned();
        let state = dirs::state_dir().or_else(dirs::data_dir);
        Ok(Environment {
            limits: Limits::REAL,
            data_centres: data_centres(),
            ranges: ranges(),
            launchctl: "/bin/launchctl".into(),
            systemctl: "/usr/bin/systemctl".into(),
            home: dirs::home_dir().ok_or_else(nowhere)?,
            config_dir: dirs::config_dir().ok_or_else(nowhere)?.join("bridge-watchdog"),
            state_dir: state.ok_or_else(nowhere)?.join("bridge-watchdog"),
        })
    }
}

/// The production data centres 1 to 5 (core.telegram.org/api/datacenter; the list that Telethon ships), port 443.
fn data_centres() -> Vec<SocketAddr> {
    [[149, 154, 175, 53], [149, 154, 167, 51], [149, 154, 175, 100], [149, 154, 167, 91], [91, 108, 56, 130]]
        .map(|octets| SocketAddr::from((octets, 443)))
        .to_vec()
}

/// core.telegram.org/resources/cidr.txt, as of 2026.
fn ranges() -> Vec<IpNet> {
    let v4 = [
        ([91, 108, 56, 0], 22),
        ([91, 108, 4, 0], 22),
        ([91, 108, 8, 0], 22),
        ([91, 108, 16, 0], 22),
        ([91, 108, 12, 0], 22),
        ([149, 154, 160, 0], 20),
        ([91, 105, 192, 0], 23),
        ([91, 108, 20, 0], 22),
        ([185, 76, 151, 0], 24),
    ];
    let v6 = [
        [0x2001, 0xb28, 0xf23d],
        [0x2001, 0xb28, 0xf23f],
        [0x2001, 0x67c, 0x4e8],
        [0x2001, 0xb28, 0xf23c],
        [0x2a0a, 0xf280, 0x203],
    ];
    let v4 = v4.map(|(octets, bits)| Ipv4Net::new_assert(octets.into(), bits).into());
    let v6 = v6.map(|[a, b, c]| Ipv6Net::new_assert([a, b, c, 0, 0, 0, 0, 0].into(), 48).into());
    v4.into_iter().chain(v6).collect()
}
