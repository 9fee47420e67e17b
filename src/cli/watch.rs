//! Commands that watch.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{Ended, Failure};
use crate::config::Config;
use crate::exit_code;
use crate::limits::Environment;
use crate::system::{command as programs, process, program, recovery_lock};
use crate::text::command;
use crate::watch::commands::Command;
use crate::watch::{self, Watch};
use crate::{errln, outln};

/// Watches in the foreground until SIGTERM or Ctrl-C, and then ends non-zero, so that a service manager starts it again
/// after a kill that was not meant to stop it (an update). Only Quit in the menu is.
pub(super) fn run(config: &Config, environment: &Environment) -> Result<u8, Failure> {
    let unknown = |why| (exit_code::UNKNOWN, why);
    process::single_arena();
    process::no_core_dump();
    let _alone = match recovery_lock::one_watch(config) {
        Ok(lock) => lock,
        Err(recovery_lock::Taken::By(pid)) => {
            outln!("{}", command::watched_already(&config.root, pid));
            return Ok(exit_code::OK);
        }
        Err(recovery_lock::Taken::Broken(why)) => return Err(unknown(why)),
    };
    let mut watch = Watch::new(config, environment, somebody_reads()).map_err(unknown)?;
    let sender = watch.sender();
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| unknown(format!("signals can't be heard: {error}")))?;
    let listener = std::thread::spawn(move || {
        let signal = signals.forever().next().unwrap_or(SIGTERM);
        sender.send(Command::Quit);
        signal
    });
    watch::run(&mut watch);
    Ok(exit_code::of_signal(listener.join().unwrap_or(SIGTERM)))
}

/// Whether the journal goes to standard error as well: to a terminal, to journald, or to a file that the user named.
/// Not under launchd, where standard error is a file that nothing rotates; the journal's own file is rotated.
pub fn somebody_reads() -> bool {
    // launchd.plist(5) does not name it, but launchd sets it for each job; a terminal's shell has "0".
    let launchd = std::env::var_os("XPC_SERVICE_NAME").is_some_and(|name| !name.is_empty() && name != "0");
    std::io::stderr().is_terminal() || !launchd
}

/// Becomes the app, the binary in the same folder. Without that binary or a display it says so and watches. If `file`
/// is `None`, the app shows the demo's bridge.
pub(super) fn tray(
    file: Option<&Path>,
    load: impl Fn() -> Result<Config, Ended>,
    environment: &Environment,
) -> Result<u8, Ended> {
    // Errors in the configuration are reported here, where standard error is more likely to be read. Where it is no terminal
    // the app says them, in a window where a person started it.
    let config = match file.map(|_| load()).transpose() {
        Err(ended) if std::io::stderr().is_terminal() || app().is_err() => return Err(ended),
        Err(_) => None,
        Ok(config) => config,
    };
    let why = match app() {
        Ok(app) => {
            let file = file.into_iter().flat_map(|file| [Path::new("--config"), file]);
            programs::become_program(&app, file)
        }
        Err(why) => why,
    };
    // Without the app the demo's bridge can't be shown, so the error to report is the missing configuration.
    let config = config.map_or_else(load, Ok)?;
    errln!("bridge-watchdog: no icon: {why}; watching without one");
    Ok(run(&config, environment)?)
}

fn app() -> Result<PathBuf, String> {
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
