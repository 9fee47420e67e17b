//! The menu-bar app.

#[path = "../tray/mod.rs"]
mod tray;

use std::process::ExitCode;

fn main() -> ExitCode {
    match bridge_watchdog::limits::Environment::real() {
        Ok(environment) => {
            let nobody = Box::new(|_: &_| {});
            ExitCode::from(tray::main(std::env::args_os().skip(1), &environment, tray::VIEWER.as_ref(), nobody))
        }
        Err(why) => {
            bridge_watchdog::errln!("bridge-watchdog-tray: {why}");
            ExitCode::from(2)
        }
    }
}
