//! The command line and headless watch.

use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = match bridge_watchdog::limits::Environment::real() {
        Ok(environment) => environment,
        Err(why) => {
            bridge_watchdog::errln!("bridge-watchdog: {why}");
            return ExitCode::from(2);
        }
    };
    ExitCode::from(bridge_watchdog::cli::main(std::env::args_os(), &environment))
}
