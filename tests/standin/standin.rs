//! A stand-in for macOS's launchd and `/bin/launchctl`, so that the launchd backend is driven end to end on
//! Linux (and on a Mac without touching its real launchd): real child processes, the real shape of the output.
//!
//!     launchd-standin daemon DIR [--login]   the fake launchd; ends when its stdin closes or on SIGTERM
//!     launchd-standin ctl DIR ARGS…          behaves as `/bin/launchctl ARGS…` does against that daemon
//!
//! The daemon owns DIR and touches nothing outside it:
//!
//! | file | what |
//! |---|---|
//! | `launchctl` | written at the start, 0755: the path to give to the product |
//! | `launchd.sock` | where `ctl` asks |
//! | `LaunchAgents/*.plist` | bootstrapped at the start only with `--login` and when not disabled |
//! | `disabled.json` | what `disable` and `enable` left; outlives the daemon as it outlives a reboot |
//! | `calls.log` | a JSON line a request: `{"seq","ms","args","code"}`; `code` is null while (or for ever, if) the caller waits, a later line with the same `seq` replaces it |
//! | `signals.log` | a JSON line a signal sent: `{"ms","label","pid","signal","why"}`; `why` is `bootout`, `kickstart -k`, `exit timeout`, `kill`, `rest of the group` (the sweep after each death) or `daemon ends` |
//! | `starts.log` | a JSON line a process started: `{"ms","label","pid","why"}` |
//! | `fault.json` | made by a test, read again at each request: see `faults.rs` |
//!
//! It signals only processes that it started, and none after having reaped it. What it does with a plist is in
//! `spec.rs`, the rules of life and death in `engine.rs` and `job.rs`, the subcommands in `requests.rs`, the
//! printed shapes in `print.rs`. It shares no code with the product, so that errors of one do not hide errors of the
//! other.
//!
//! Known to differ from the real one: sockets, calendars, watch paths and everything else that starts a job on
//! demand are missing; `ThrottleInterval` and `ExitTimeOut` may be fractions, printed as such
//! (`minimum runtime = 0.3`), so that tests are quick.

mod ctl;
mod daemon;
mod engine;
mod faults;
mod job;
mod logs;
mod names;
mod print;
mod process;
mod requests;
mod spec;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["daemon", dir] => daemon::serve(Path::new(dir), false),
        ["daemon", dir, "--login"] => daemon::serve(Path::new(dir), true),
        ["ctl", dir, rest @ ..] => return ctl::call(Path::new(dir), rest),
        _ => Err("usage: launchd-standin daemon DIR [--login] | launchd-standin ctl DIR ARGS…".to_owned()),
    }
    .map_or_else(
        |error| {
            eprintln!("launchd-standin: {error}");
            ExitCode::from(64)
        },
        |()| ExitCode::SUCCESS,
    )
}
