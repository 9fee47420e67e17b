//! The command line and headless watch.

use std::process::ExitCode;

fn main() -> ExitCode {
    let world = match bridge_watchdog::world::World::real() {
        Ok(world) => world,
        Err(why) => {
            eprintln!("bridge-watchdog: {why}");
            return ExitCode::from(2);
        }
    };
    ExitCode::from(bridge_watchdog::cli::main(std::env::args_os(), &world))
}
