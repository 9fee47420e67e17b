//! The shipped program in a world of the tests' making: the same command line, but durations, Telegram's addresses,
//! launchctl's path and the folders come from a file. No flag, file or variable reaches these in the product itself.
//!
//! `watchdog-in-a-test-world WORLD.json ARGS…`, or as an agent starts it: `… --config FILE`, with the world beside the home.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use bridge_watchdog::world::{Times, World};
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
    settled: Option<f64>,
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
    respawn_slack: Option<f64>,
    #[serde(default)]
    ask: Option<f64>,
}

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let name = args.next().expect("a program has a name");
    let mut rest: Vec<_> = args.collect();
    let path = if rest.first().is_some_and(|word| word == "--config") {
        // An agent knows only the configuration: home/config/config.toml.
        std::path::Path::new(&rest[1]).ancestors().nth(3).expect("a scene's folder").join("world.json").into_os_string()
    } else {
        rest.remove(0)
    };
    ExitCode::from(bridge_watchdog::cli::main(std::iter::once(name).chain(rest), &world(path.as_ref())))
}

/// The world of this file.
pub fn world(path: &std::path::Path) -> World {
    let text = std::fs::read_to_string(path).expect("the world's file is there");
    let file: File = serde_json::from_str(&text).expect("the world's file is well formed");
    let fast = Times::faster(file.factor);
    let times = Times {
        stale: file.stale.unwrap_or(fast.stale),
        tick: file.tick.unwrap_or(fast.tick),
        again: file.again.unwrap_or(fast.again),
        reload: file.reload.unwrap_or(fast.reload),
        settled: file.settled.unwrap_or(fast.settled),
        crash_window: file.crash_window.unwrap_or(fast.crash_window),
        pid_within: file.pid_within.unwrap_or(fast.pid_within),
        work: file.work.unwrap_or(fast.work),
        cure_within: file.cure_within.unwrap_or(fast.cure_within),
        stale_process: file.stale_process.unwrap_or(fast.stale_process),
        respawn_slack: file.respawn_slack.unwrap_or(fast.respawn_slack),
        ask: file.ask.unwrap_or(fast.ask),
        ..fast
    };
    World {
        times,
        data_centres: file.data_centres,
        ranges: file.ranges,
        launchctl: file.launchctl,
        systemctl: file.systemctl,
        config_dir: file.home.join("config"),
        state_dir: file.home.join("state"),
        home: file.home,
    }
}
