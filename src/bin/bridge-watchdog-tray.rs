//! The menu-bar app.

#[path = "../tray/mod.rs"]
mod tray;

use std::process::ExitCode;

fn main() -> ExitCode {
    match bridge_watchdog::world::World::real() {
        Ok(world) => {
            let nobody = Box::new(|_: &_| {});
            ExitCode::from(tray::main(std::env::args_os().skip(1), &world, tray::VIEWER.as_ref(), nobody))
        }
        Err(why) => {
            eprintln!("bridge-watchdog-tray: {why}");
            ExitCode::from(2)
        }
    }
}
