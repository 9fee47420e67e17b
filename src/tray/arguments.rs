//! The app's own command line. All commands belong to the other program.

use std::ffi::OsString;
use std::path::PathBuf;

use bridge_watchdog::cli;
use clap::{CommandFactory, FromArgMatches, Parser};

/// What the app was started with.
#[derive(Debug, Parser)]
#[command(
    name = "bridge-watchdog-tray",
    version,
    about = "The menu-bar app of Bridge Watchdog: keeps a Telegram bridge up and shows how it is.",
    after_help = "Without a configuration it shows a throw-away bridge and faults to try on it.\n\nExample: bridge-watchdog-tray --config ~/bridge.toml\nEverything else is the command line's: bridge-watchdog --help"
)]
pub(super) struct Arguments {
    /// Use this configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Reads the arguments, the first of which is the first after the program's name.
///
/// # Errors
/// The exit code, if there is nothing left to do: help, version or the error has been printed.
pub(super) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Arguments, u8> {
    let name = std::iter::once(OsString::from("bridge-watchdog-tray"));
    let matches = cli::whole_commands(Arguments::command()).try_get_matches_from(name.chain(args));
    matches.and_then(|found| Arguments::from_arg_matches(&found)).map_err(|error| cli::told(&error))
}
