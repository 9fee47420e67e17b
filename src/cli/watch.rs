//! Commands that watch.

use std::path::Path;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{Failure, OK, UNKNOWN};
use crate::commands::Command;
use crate::config::Config;
use crate::limits::Environment;
use crate::system::{command, process, program, recovery_lock};
use crate::watch;
use crate::watchdog::Watchdog;

/// Watches in the foreground until SIGTERM or Ctrl-C, and then ends non-zero: whoever started us shall start us again
/// after a kill that nobody meant (an update), and only Quit in the menu means it.
pub fn run(config: &Config, environment: &Environment) -> Result<u8, Failure> {
    process::single_arena();
    let _alone = match recovery_lock::one_watch(config) {
        Ok(lock) => lock,
        Err(recovery_lock::Taken::By(pid)) => {
            crate::outln!("A watchdog is running for {} already (pid {pid}).", config.root.display());
            return Ok(OK);
        }
        Err(recovery_lock::Taken::Broken(why)) => return Err((UNKNOWN, why)),
    };
    let mut watchdog = Watchdog::new(config, environment, true).map_err(|why| (UNKNOWN, why))?;
    let handle = watchdog.handle();
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| (UNKNOWN, format!("signals can't be heard: {error}")))?;
    let listener = std::thread::spawn(move || {
        let signal = signals.forever().next().unwrap_or(SIGTERM);
        handle.send(Command::Quit);
        signal
    });
    watch::run(&mut watchdog);
    let signal = listener.join().unwrap_or(SIGTERM);
    Ok(u8::try_from(128 + signal).unwrap_or(143))
}

/// Becomes the app beside us; without it, or without a display, says so and watches. Without a file the app shows the
/// demo's bridge.
pub fn tray(
    file: Option<&Path>,
    load: impl Fn() -> Result<Config, Failure>,
    environment: &Environment,
) -> Result<u8, Failure> {
    // What is wrong with the configuration is said here, where somebody may read it.
    let config = file.map(|_| load()).transpose()?;
    let why = match app() {
        Ok(app) => {
            let file = file.into_iter().flat_map(|file| [Path::new("--config"), file]);
            command::become_program(&app, file)
        }
        Err(why) => why,
    };
    // Without the app there is nothing to show the demo's bridge, so the configuration that is missing is what to say.
    let config = config.map_or_else(load, Ok)?;
    crate::errln!("bridge-watchdog: no icon: {why}; watching without one");
    run(&config, environment)
}

fn app() -> Result<std::path::PathBuf, String> {
    let display = cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if !display {
        return Err("there is no display".into());
    }
    let app = program::beside("bridge-watchdog-tray")?;
    if app.exists() { Ok(app) } else { Err(format!("{} is not installed", app.display())) }
}
