//! The shipped program in an environment of the tests' making: the same command line, but durations, Telegram's addresses,
//! launchctl's path and the folders come from a file. No flag, file or variable reaches these in the product itself.
//!
//! `test-watchdog ENVIRONMENT.json ARGS…`, or as an agent starts it: `… --config FILE`, with the environment beside the home.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

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
    /// Single durations, where the factor does not fit.
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
pub fn environment(path: &std::path::Path) -> Environment {
    let text = std::fs::read_to_string(path).expect("the environment's file is there");
    let file: File = serde_json::from_str(&text).expect("the environment's file is well formed");
    let fast = Limits::faster(file.factor);
    let limits = Limits {
        stale: file.stale.unwrap_or(fast.stale),
        tick: file.tick.unwrap_or(fast.tick),
        again: file.again.unwrap_or(fast.again),
        reload: file.reload.unwrap_or(fast.reload),
        min_uptime: file.min_uptime.unwrap_or(fast.min_uptime),
        crash_window: file.crash_window.unwrap_or(fast.crash_window),
        pid_within: file.pid_within.unwrap_or(fast.pid_within),
        work: file.work.unwrap_or(fast.work),
        cure_within: file.cure_within.unwrap_or(fast.cure_within),
        stale_process: file.stale_process.unwrap_or(fast.stale_process),
        respawn_margin: file.respawn_margin.unwrap_or(fast.respawn_margin),
        ask: file.ask.unwrap_or(fast.ask),
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
        home: file.home,
    }
}
