//! What surrounds the program and is not configuration: durations, addresses, fixed paths. One plain value, passed down
//! from `main`. Only the demo and the tests build another one; no flag, file or variable reaches it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

#[derive(Debug, Clone)]
pub struct Environment {
    pub limits: Limits,
    /// Telegram's data centres. Whether one of them accepts a connection is what "online" means here.
    pub data_centres: Vec<SocketAddr>,
    /// Telegram's published address ranges; a socket to an address in them is a connection.
    pub ranges: Vec<IpNet>,
    pub launchctl: PathBuf,
    pub systemctl: PathBuf,
    /// logind keeps a file here for each user whose units run without a login.
    pub linger: PathBuf,
    pub home: PathBuf,
    pub config_dir: PathBuf,
    pub state_dir: PathBuf,
    /// Whether `install` asks where the program lies. Those of the demo and the tests lie in a build folder.
    pub installed_only: bool,
}

/// Every duration of the program, with its reason. One field for each meaning: two that are equal today stay two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// A look a minute: silence and lost connections are measured in minutes; a death is an event and needs no tick.
    pub check_interval: Duration,
    /// Between looks while there is no pid, so that a respawn is seen within a second.
    pub poll_interval_down: Duration,
    /// Between looks at a bridge that is down and may stay so for days (stopped, paused): each look asks the manager.
    /// Also after something kept a rung from acting, and while a bridge is coming up.
    pub poll_interval_waiting: Duration,
    /// A log without new bytes for this long is silent. The bridge writes a heartbeat every 120 s.
    pub silence: Duration,
    /// A log that spoke and fell silent for this long ends even a bridge that shows a sign of life: bytes on a connection
    /// and CPU time prove that something in it works, not that it does its work.
    pub silence_alive: Duration,
    /// Bytes that moved both ways this long ago are a sign of life. Telethon pings every 60 s; one may be late. Less than
    /// 180 s, so that it is over before the silence of a bridge that has just died is 300 s long: its last heartbeat
    /// may have been 120 s old then.
    pub moved: Duration,
    /// CPU time is measured over this time at least: a rate of a shorter time is chance.
    pub work_window: Duration,
    /// Work that was measured this long ago is a sign of life: two windows, as one look may come a little early.
    pub worked: Duration,
    /// Bytes that lie unread, or a close that is not answered, for this long are a sign of death: no busy loop takes so
    /// long.
    pub lies: Duration,
    /// Without a connection to Telegram for this long it is restarted; Telethon reconnects by itself within a minute or two.
    pub disconnection: Duration,
    /// A process younger than this is starting: it may take 240 s to connect, and is not called sick before.
    pub start_grace: Duration,
    /// After a sleep or a flood wait every silence is at least as long as that was; for this long silence does not
    /// count.
    pub wake_grace: Duration,
    /// A crash loop is one only while the bridge is down or younger than this.
    pub loop_young: Duration,
    /// An incident is over after so much health; a relapse before that is the same incident.
    pub recovered_after: Duration,
    /// The window in which one error line has to repeat.
    pub repeat_window: Duration,
    /// What the log said about a locked database counts for this long.
    pub log_words_count: Duration,
    /// If the bridge is sick and its markers can't be read for this long, a person is told.
    pub markers_unseen: Duration,
    /// A run that lasted this long is started again at once; launchd's own throttle is 10 s.
    pub min_uptime: Duration,
    /// A new process has to live this long before its start counts as a cure: a bridge that fails does so within
    /// seconds.
    pub verify_uptime: Duration,
    /// `embedded` starts its child no more often than this: launchd's own throttle.
    pub embedded_throttle: Duration,
    /// Added to the manager's throttle before we start what it has not respawned.
    pub respawn_margin: Duration,
    /// A respawn that is due within this time is left to the manager.
    pub respawn_near: Duration,
    /// Told to stop this long ago and still there: more than the `ExitTimeOut` of 20 s that `install` sets.
    pub stop_timeout: Duration,
    /// Crashes count towards a crash loop for this long.
    pub crash_window: Duration,
    /// A commit older than this at the first crash is not the suspect.
    pub fresh_commit: Duration,
    /// An unloaded job is loaded again after this time: updates unload and load it, and take minutes.
    pub reload: Duration,
    /// A holder of the lock, or a copy of the bridge, is left alone while younger than this.
    pub stale_process: Duration,
    /// A new pid has to be seen within this time after a start.
    pub pid_within: Duration,
    /// A silence or a disconnection has to be cured within this time after a start.
    pub cure_within: Duration,
    /// SIGTERM to SIGKILL for a process that has no exit timeout of its own.
    pub stranger_exit: Duration,
    /// The same for a bridge that `embedded` keeps: time for `SQLite` to close cleanly.
    pub embedded_exit: Duration,
    /// Work in progress is waited for once, at most this long.
    pub work: Duration,
    /// Between a rung that failed and the next.
    pub between: [Duration; 3],
    /// After rung 5 the chain goes on at this pace.
    pub chain_again: Duration,
    /// The same once a living process was ended twice in an incident for one cause, without a cure: a third time would
    /// hardly help, and each takes something from somebody.
    pub ended_again: Duration,
    /// `recovery-in-progress` is renewed this often; readers treat it as stale after 300 s.
    pub marker_renewal: Duration,
    /// Between two tries of `launchctl bootstrap`.
    pub bootstrap: Duration,
    /// A marker of a planned restart holds this long.
    pub update_restart: Duration,
    /// An update's lock is void after this time.
    pub update_lock: Duration,
    /// A flood marker older than this is void.
    pub flood: Duration,
    /// A pause or a stop older than this is reported, and again each time this has passed.
    pub reminder: Duration,
    /// The longest that any file may take to be read. Reads of a protected folder block until someone clicks.
    pub read: Duration,
    /// The longest that `launchctl` or `systemctl` may take to answer a question.
    pub ask: Duration,
    /// The longest that a data centre of Telegram may take to accept a connection.
    pub connect: Duration,
    /// Offline for this long is told: a provider's night is shorter, and longer than that no cure was possible.
    pub offline_told: Duration,
    /// An answer about the network is reused for this long: a tenth of a tick, so that one look asks once.
    pub network_known: Duration,
    /// The longest that a call to the Bot API may take.
    pub send: Duration,
    /// `setup` waits this long for the person to write to the bot, then asks what to do: time to take up a phone.
    pub write_to_bot: Duration,
}

#[expect(clippy::duration_suboptimal_units, reason = "in seconds, as the design and the contract have them")]
impl Limits {
    pub const REAL: Limits = Limits {
        check_interval: Duration::from_secs(60),
        poll_interval_down: Duration::from_secs(1),
        poll_interval_waiting: Duration::from_secs(10),
        silence: Duration::from_secs(300),
        silence_alive: Duration::from_secs(900),
        moved: Duration::from_secs(150),
        work_window: Duration::from_secs(60),
        worked: Duration::from_secs(120),
        lies: Duration::from_secs(60),
        disconnection: Duration::from_secs(300),
        start_grace: Duration::from_secs(300),
        wake_grace: Duration::from_secs(300),
        loop_young: Duration::from_secs(300),
        recovered_after: Duration::from_secs(300),
        repeat_window: Duration::from_secs(300),
        log_words_count: Duration::from_secs(300),
        markers_unseen: Duration::from_secs(300),
        min_uptime: Duration::from_secs(10),
        verify_uptime: Duration::from_secs(10),
        embedded_throttle: Duration::from_secs(10),
        respawn_margin: Duration::from_secs(10),
        respawn_near: Duration::from_secs(1),
        stop_timeout: Duration::from_secs(30),
        crash_window: Duration::from_secs(30 * 60),
        fresh_commit: Duration::from_secs(60 * 60),
        reload: Duration::from_secs(10 * 60),
        stale_process: Duration::from_secs(60),
        pid_within: Duration::from_secs(90),
        cure_within: Duration::from_secs(300),
        stranger_exit: Duration::from_secs(5),
        embedded_exit: Duration::from_secs(20),
        work: Duration::from_secs(300),
        between: [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)],
        chain_again: Duration::from_secs(30 * 60),
        ended_again: DAY,
        marker_renewal: Duration::from_secs(60),
        bootstrap: Duration::from_secs(2),
        update_restart: Duration::from_secs(360),
        update_lock: Duration::from_secs(600),
        flood: DAY,
        reminder: DAY,
        read: Duration::from_secs(2),
        ask: Duration::from_secs(5),
        connect: Duration::from_secs(2),
        offline_told: Duration::from_secs(30 * 60),
        network_known: Duration::from_secs(6),
        send: Duration::from_secs(10),
        write_to_bot: Duration::from_secs(300),
    };

    /// All waits, `factor` times shorter. The time limits of calls stay: other programs do not get faster.
    pub fn faster(factor: f64) -> Limits {
        let real = Limits::REAL;
        let by = |span: Duration| span.div_f64(factor);
        // Time that a process needs can't be shortened at will: at most by `most`.
        let by_most = |span: Duration, most: f64| span.div_f64(factor.min(most));
        Limits {
            check_interval: by(real.check_interval),
            poll_interval_down: by_most(real.poll_interval_down, 5.0),
            poll_interval_waiting: by(real.poll_interval_waiting),
            silence: by(real.silence),
            silence_alive: by(real.silence_alive),
            moved: by(real.moved),
            work_window: by(real.work_window),
            worked: by(real.worked),
            lies: by(real.lies),
            disconnection: by(real.disconnection),
            start_grace: by(real.start_grace),
            wake_grace: by(real.wake_grace),
            loop_young: by(real.loop_young),
            recovered_after: by(real.recovered_after),
            repeat_window: by(real.repeat_window),
            log_words_count: by(real.log_words_count),
            markers_unseen: by(real.markers_unseen),
            min_uptime: by(real.min_uptime),
            verify_uptime: by(real.verify_uptime),
            embedded_throttle: by(real.embedded_throttle),
            respawn_margin: by(real.respawn_margin),
            respawn_near: by(real.respawn_near),
            stop_timeout: by(real.stop_timeout),
            crash_window: by(real.crash_window),
            reload: by(real.reload),
            stale_process: by(real.stale_process),
            pid_within: by_most(real.pid_within, 10.0),
            cure_within: by_most(real.cure_within, 30.0),
            stranger_exit: by_most(real.stranger_exit, 5.0),
            embedded_exit: by_most(real.embedded_exit, 10.0),
            work: by(real.work),
            between: real.between.map(by),
            chain_again: by(real.chain_again),
            ended_again: by(real.ended_again),
            marker_renewal: by(real.marker_renewal),
            bootstrap: by_most(real.bootstrap, 10.0),
            reminder: by(real.reminder),
            offline_told: by(real.offline_told),
            network_known: by(real.network_known),
            write_to_bot: by(real.write_to_bot),
            ..real
        }
    }
}

const DAY: Duration = Duration::from_hours(24);

impl Environment {
    /// The real limits, addresses and folders.
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
            linger: "/var/lib/systemd/linger".into(),
            home: dirs::home_dir().ok_or_else(nowhere)?,
            config_dir: dirs::config_dir().ok_or_else(nowhere)?.join("bridge-watchdog"),
            state_dir: state.ok_or_else(nowhere)?.join("bridge-watchdog"),
            installed_only: true,
        })
    }
}

/// The production data centres 1 to 5 (core.telegram.org/api/datacenter; the list that Telethon ships), port 443.
fn data_centres() -> Vec<SocketAddr> {
    let v4 = [[149, 154, 175, 53], [149, 154, 167, 51], [149, 154, 175, 100], [149, 154, 167, 91], [91, 108, 56, 130]];
    // For a machine that has IPv6 only.
    let v6 = [
        [0x2001, 0xb28, 0xf23d, 0xf001],
        [0x2001, 0x67c, 0x4e8, 0xf002],
        [0x2001, 0xb28, 0xf23d, 0xf003],
        [0x2001, 0x67c, 0x4e8, 0xf004],
        [0x2001, 0xb28, 0xf23f, 0xf005],
    ];
    let v4 = v4.map(|octets| SocketAddr::from((octets, 443)));
    let v6 = v6.map(|[a, b, c, d]| SocketAddr::from(([a, b, c, d, 0, 0, 0, 0xa], 443)));
    v4.into_iter().chain(v6).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A twin of R08a: a machine that has IPv6 only.
    #[test]
    fn r08a_each_data_centre_has_an_address_of_both_kinds_within_the_ranges() {
        let (all, ranges) = (data_centres(), ranges());
        assert_eq!(all.iter().filter(|address| address.is_ipv6()).count(), 5);
        assert_eq!(all.iter().filter(|address| address.is_ipv4()).count(), 5);
        for address in all {
            assert!(address.port() == 443 && ranges.iter().any(|range| range.contains(&address.ip())), "{address}");
        }
    }
}
