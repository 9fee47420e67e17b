//! Writes what the shells and `man` know of the command line into a folder: `manual FOLDER`. An example and no command, so
//! that the shipped programs have nothing of it.
//!
//! FOLDER/man/*.1, and FOLDER/completions/ with a file for each shell under the name that the shell looks for.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use bridge_watchdog::cli;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

#[path = "../src/tray/arguments.rs"]
#[allow(dead_code, reason = "only its clap::Command is wanted")]
mod arguments;

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: manual FOLDER");
        std::process::exit(2);
    };
    let man = folder.join("man");
    fs::create_dir_all(&man)?;
    clap_mangen::generate_to(shown(&cli::command()), &man)?;
    clap_mangen::generate_to(arguments::Arguments::command(), &man)?;
    completions(&folder.join("completions"))
}

fn completions(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for (shell, name) in
        [(Shell::Bash, "bridge-watchdog.bash"), (Shell::Zsh, "_bridge-watchdog"), (Shell::Fish, "bridge-watchdog.fish")]
    {
        let mut file = File::create(folder.join(name))?;
        clap_complete::generate(shell, &mut shown(&cli::command()), "bridge-watchdog", &mut file);
    }
    Ok(())
}

/// Without the commands that no person is to type: a shell would offer them.
fn shown(whole: &Command) -> Command {
    let named = whole.get_subcommands().filter(|command| !command.is_hide_set());
    let empty = Command::new("bridge-watchdog")
        .version(env!("CARGO_PKG_VERSION"))
        .args(whole.get_arguments())
        .subcommands(named.cloned());
    let about = whole.get_about().cloned().unwrap_or_default();
    let after = whole.get_after_help().cloned().unwrap_or_default();
    empty.about(about).after_help(after)
}
