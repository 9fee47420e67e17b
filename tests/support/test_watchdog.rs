//! The shipped program in an environment of the tests' making: the same command line, but durations, Telegram's addresses,
//! launchctl's path and the folders come from a file. No flag, file or variable reaches these in the product itself.
//!
//! `test-watchdog ENVIRONMENT.json ARGS…`, or as an agent starts it: `… --config FILE`, with the environment beside the home.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bridge_watchdog::limits::{Environment, Limits};
use ipnet::IpNet;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    factor: f64,
    data_centres: Vec<SocketAddr>,
    ranges: Vec<(IpAddr, u8)>,
    launchctl: PathBuf,
    systemctl: PathBuf,
    home: PathBuf,
    /// Single durations in seconds, where the factor does not fit. `stale` is all those that are 300 s in the product.
    #[serde(default)]
    stale: Option<f64>,
    #[serde(default)]
    tick: Option<f64>,
    #[serde(default)]
    again: Option<f64>,
    #[serde(default)]
    reload: Option<f64>,
    #[serde(default)]
    min_uptime: Option<f64>,
    #[serde(default)]
    verify_uptime: Option<f64>,
    #[serde(default)]
    crash_window: Option<f64>,
    #[serde(default)]
    pid_within: Option<f64>,
    #[serde(default)]
    work: Option<f64>,
    #[serde(default)]
    cure_within: Option<f64>,
    #[serde(default)]
    stale_process: Option<f64>,
    #[serde(default)]
    respawn_margin: Option<f64>,
    #[serde(default)]
    ask: Option<f64>,
    #[serde(default)]
    offline_told: Option<f64>,
    #[serde(default)]
    reminder: Option<f64>,
    #[serde(default)]
    send: Option<f64>,
    #[serde(default)]
    installed_only: bool,
}

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let name = args.next().expect("a program has a name");
    let mut rest: Vec<_> = args.collect();
    let path = if rest.first().is_some_and(|word| word == "--config") {
        // An agent knows only the configuration: home/config/config.toml.
        std::path::Path::new(&rest[1])
            .ancestors()
            .nth(3)
            .expect("a scene's folder")
            .join("environment.json")
            .into_os_string()
    } else {
        rest.remove(0)
    };
    ExitCode::from(bridge_watchdog::cli::main(std::iter::once(name).chain(rest), &environment(path.as_ref())))
}

/// The environment of this file.
pub(crate) fn environment(path: &std::path::Path) -> Environment {
    let text = std::fs::read_to_string(path).expect("the environment's file is there");
    let file: File = serde_json::from_str(&text).expect("the environment's file is well formed");
    let fast = Limits::faster(file.factor);
    let or = |given: Option<f64>, fast: Duration| given.map_or(fast, Duration::from_secs_f64);
    let tick = or(file.tick, fast.check_interval);
    let limits = Limits {
        check_interval: tick,
        network_known: tick / 10,
        // A test that sets this wants all looks to be that frequent.
        poll_interval_waiting: or(file.min_uptime, fast.poll_interval_waiting).min(tick),
        silence: or(file.stale, fast.silence),
        disconnection: or(file.stale, fast.disconnection),
        start_grace: or(file.stale, fast.start_grace),
        wake_grace: or(file.stale, fast.wake_grace),
        loop_young: or(file.stale, fast.loop_young),
        recovered_after: or(file.stale, fast.recovered_after),
        repeat_window: or(file.stale, fast.repeat_window),
        log_words_count: or(file.stale, fast.log_words_count),
        markers_unseen: or(file.stale, fast.markers_unseen),
        chain_again: or(file.again, fast.chain_again),
        reload: or(file.reload, fast.reload),
        min_uptime: or(file.min_uptime, fast.min_uptime),
        verify_uptime: or(file.verify_uptime.or(file.min_uptime), fast.verify_uptime),
        embedded_throttle: or(file.min_uptime, fast.embedded_throttle),
        crash_window: or(file.crash_window, fast.crash_window),
        pid_within: or(file.pid_within, fast.pid_within),
        work: or(file.work, fast.work),
        cure_within: or(file.cure_within, fast.cure_within),
        stale_process: or(file.stale_process, fast.stale_process),
        respawn_margin: or(file.respawn_margin, fast.respawn_margin),
        ask: or(file.ask, fast.ask),
        offline_told: or(file.offline_told, fast.offline_told),
        reminder: or(file.reminder, fast.reminder),
        send: or(file.send, fast.send),
        ..fast
    };
    Environment {
        limits,
        data_centres: file.data_centres,
        ranges: file.ranges.into_iter().map(|(net, bits)| IpNet::new(net, bits).expect("a range")).collect(),
        launchctl: file.launchctl,
        systemctl: file.systemctl,
        config_dir: file.home.join("config"),
        state_dir: file.home.join("state"),
        linger: file.home.join("linger"),
        home: file.home,
        installed_only: file.installed_only,
    }
}
