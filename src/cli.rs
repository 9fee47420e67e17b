//! The command line: parses the arguments, and one match arm for each subcommand.

mod act;
mod doctor;
mod hold;
mod look;
mod setup;
mod tell;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use self::watch::somebody_reads;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, tilde};
use crate::demo::{self, Fault};
use crate::exit_code;
use crate::foreign_text::Lines;
use crate::limits::Environment;
use crate::paint;
use crate::system::{clock, output, progress, timed};
use crate::text;
use crate::time::Wall;
use crate::verdict::State;

#[derive(Parser)]
#[command(
    name = "bridge-watchdog",
    version,
    about = "Keeps a Telegram bridge up: looks, decides, heals, tells.",
    styles = paint::HELP,
    after_help = "Without a command this is the menu-bar app. To see a throw-away bridge fail and be healed: bridge-watchdog demo\n\nExit codes: 0 healthy or done, 1 unhealthy or failed, 2 usage or configuration, 3 could not look, 4 standing still on purpose, 75 another recovery or update is in progress."
)]
struct Cli {
    /// Use this configuration file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run as the menu-bar app; without a display, watch as 'run' does
    #[command(after_help = "Example: bridge-watchdog tray")]
    Tray,
    /// Watch in the foreground, without an icon
    #[command(after_help = "Example: bridge-watchdog run")]
    Run,
    /// Look once; act and write nothing
    #[command(after_help = "Example: bridge-watchdog check --json")]
    Check(Json),
    /// Show what the running watchdog saw last
    #[command(after_help = "Example: bridge-watchdog status")]
    Status(Json),
    /// Restart the bridge through its service manager
    #[command(after_help = "Example: bridge-watchdog restart --dry-run")]
    Restart(DryRun),
    /// End whoever holds the bridge's session, and have SQLite bring it into order; nothing is deleted
    #[command(
        after_help = "Example: bridge-watchdog clean-locks --dry-run\n\nOnly processes that hold a lock on this very file for more than a minute are ended. A bridge that works is not interrupted: exit code 4."
    )]
    CleanLocks(DryRun),
    /// Show who holds the session database, and how
    #[command(after_help = "Example: bridge-watchdog locks --json")]
    Locks(Json),
    /// Undo HEAD's change by a new commit, and restart the bridge
    #[command(
        after_help = "Example: bridge-watchdog revert --dry-run\n\nUncommitted work stays as it is, and nothing is pushed. To take it back: bridge-watchdog undo-revert"
    )]
    Revert {
        #[command(flatten)]
        dry_run: DryRun,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Bring back the commit that our own revert has undone, and restart the bridge
    #[command(
        after_help = "Example: bridge-watchdog undo-revert\n\nWhere the revert was not pushed the branch goes back to the commit before it; else a new commit undoes it."
    )]
    UndoRevert,
    /// Run the escalation chain once, from the rung that the symptoms call for
    #[command(after_help = "Example: bridge-watchdog recover --dry-run")]
    Recover(DryRun),
    /// Show the crash history
    #[command(after_help = "Example: bridge-watchdog crashes --since 2h")]
    Crashes {
        #[command(flatten)]
        json: Json,
        /// Only events younger than this: 90s, 30m, 1h30m, 7d
        #[arg(long, value_name = "TIME", value_parser = duration)]
        since: Option<Duration>,
    },
    /// Append an event to the crash history (for the bridge's own start-up script)
    #[command(after_help = "Example: bridge-watchdog record crash --reason 'exit 1'")]
    Record {
        event: Recorded,
        /// The reason, in words
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Run a command (an update) while no recovery acts, and end with its exit code
    #[command(
        after_help = "Example: bridge-watchdog hold --reason 'git pull' -- ./update.sh --quiet\n\nThe command has this terminal and gets the signals that are sent here. Exit codes: its own, 128+N if signal N ended it, 127 if it is not found, 126 if it can't be run, 75 and nothing is run while a recovery or another update is in progress. If 'hold' itself is killed (SIGKILL), the command goes on, and recovery is no longer held off."
    )]
    Hold {
        /// The reason, in words; otherwise the command's name
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// The command and its arguments, after '--'
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Pause recovery for maintenance; the watch goes on
    #[command(after_help = "Example: bridge-watchdog pause --for 2h")]
    Pause {
        /// How long: 90s, 30m, 1h30m, 7d
        #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = duration)]
        lasting: Duration,
        /// Until 'bridge-watchdog resume'; a person is reminded of it once a day
        #[arg(long, conflicts_with = "lasting")]
        until_resumed: bool,
    },
    /// End a pause
    #[command(after_help = "Example: bridge-watchdog resume")]
    Resume,
    /// Send a real Telegram DM, and say what Telegram answered
    #[command(after_help = "Example: bridge-watchdog alert-test")]
    AlertTest,
    /// Print the report that an alert carries, without secrets
    #[command(after_help = "Example: bridge-watchdog diagnostics")]
    Diagnostics,
    /// Check the set-up: a line a finding, each with its mend
    #[command(
        after_help = "Example: bridge-watchdog doctor\n\nExit codes: 0 all is well, 1 something wants a mend. With --fix, what harms nobody (a mode, a quarantine, a folder that is missing, our drop-in for the bridge's unit) is done once you say yes; without a terminal nothing is."
    )]
    Doctor {
        #[command(flatten)]
        json: Json,
        /// Ask for each mend that harms nobody, and do it
        #[arg(long)]
        fix: bool,
    },
    /// Find the bridge, make the way to the person to tell, and write the configuration
    #[command(
        after_help = "Example: bridge-watchdog setup\nExample: bridge-watchdog setup --root ~/src/ai --bot-token-file ~/.bot-token --chat-id 179144806 --yes\n\nOn a terminal it asks for what it cannot find out. Nothing is written before the end, so Ctrl-C at any question leaves all as it was. Without a terminal, or with --yes, the flags have to say the rest; a value that the configuration has already need not be said again. Exit code 1: Telegram could not be reached or refused the test message."
    )]
    Setup(Box<setup::Flags>),
    /// Install the watchdog's agent, and the bridge's where there is none
    #[command(
        after_help = "Example: bridge-watchdog install\n\nIn a plist of the bridge that exists already only KeepAlive, ThrottleInterval and ExitTimeOut change; a systemd unit gets a drop-in."
    )]
    Install,
    /// Put back what 'install' found
    #[command(after_help = "Example: bridge-watchdog uninstall")]
    Uninstall,
    /// Watch a throw-away bridge fail and be healed; needs no configuration, no network, no root
    #[command(after_help = "Example: bridge-watchdog demo --fault hang")]
    Demo {
        /// Plain lines instead of a live picture
        #[arg(long)]
        headless: bool,
        /// What goes wrong with the bridge
        #[arg(long, value_name = "NAME", default_value = "crash")]
        fault: Fault,
    },
    #[command(hide = true)]
    DemoBridge(Box<demo::process::Options>),
}

#[derive(Args)]
struct Json {
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct DryRun {
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Recorded {
    Start,
    Crash,
}

/// The whole command line as clap sees it, for its manual and the shells' completions.
pub fn command() -> clap::Command {
    Cli::command()
}

/// With the examples of its help held together, since clap breaks it into lines: [`output::clap`] shows them as they were.
pub fn whole_commands(mut command: clap::Command) -> clap::Command {
    if let Some(text) = command.get_after_help() {
        let text = paint::glued(&text.to_string());
        command = command.after_help(text);
    }
    command.mut_subcommands(whole_commands)
}

/// Parses, runs, prints at most one error line, and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>, environment: &Environment) -> u8 {
    let parsed = whole_commands(command()).try_get_matches_from(args).and_then(|found| Cli::from_arg_matches(&found));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return told(&error),
    };
    match run(cli, environment) {
        Ok(code) => code,
        Err(Ended { failure: (code, why), lacks_root }) => {
            // It may quote a path, a setting or what another program said.
            crate::errln!("bridge-watchdog: {}", text::foreign(&why));
            if lacks_root {
                crate::errln!("{}", text::command::EXAMPLE);
            }
            code
        }
    }
}

/// Prints what clap has to say instead of arguments, and returns the exit code: help and version are no errors. It is no
/// error either if that can't be written.
pub fn told(instead: &clap::Error) -> u8 {
    output::clap(instead);
    if instead.use_stderr() { exit_code::USAGE } else { exit_code::OK }
}

/// One line for a person: without secrets, and with nothing in it that a terminal obeys.
fn say(config: &Config, line: &str) {
    crate::outln!("{}", config.secrets.readable(line, Lines::Join));
}

/// The same for a line that names this state.
fn say_state(config: &Config, state: State, line: &str) {
    output::state_line(state, &config.secrets.readable(line, Lines::Join));
}

/// The state on its own line, then what is wrong.
fn say_judged(config: &Config, state: State, lines: &[String]) {
    for (nth, line) in lines.iter().enumerate() {
        if nth == 0 { say_state(config, state, line) } else { say(config, line) }
    }
}

/// Asks on the terminal; only a clear yes is one.
fn confirmed(question: &str) -> bool {
    progress::rests();
    output::part(format_args!("{question}"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// An exit code and its sentence.
pub type Failure = (u8, String);

/// A failure, and whether the reason is a configuration that has not what every one needs.
pub struct Ended {
    pub failure: Failure,
    pub lacks_root: bool,
}

impl From<Ended> for Failure {
    fn from(ended: Ended) -> Failure {
        ended.failure
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Ended {
        Ended { failure, lacks_root: false }
    }
}

fn run(cli: Cli, environment: &Environment) -> Result<u8, Ended> {
    let new_here = cli.config.is_none() && !Config::default_path(environment).exists();
    let file = cli.config.map(|file| tilde::whole(&file, &environment.home));
    let file = file.unwrap_or_else(|| Config::default_path(environment));
    let config = || load(&file, environment);
    let done: Result<u8, Failure> = match cli.command.unwrap_or(Command::Tray) {
        // Without a configuration the app shows the demo's bridge.
        Command::Tray => return watch::tray((!new_here).then_some(file.as_path()), config, environment),
        Command::Run => watch::run(&config()?, environment),
        Command::Check(Json { json }) => Ok(look::check(&config()?, environment, json)),
        Command::Status(Json { json }) => Ok(look::status(&config()?, environment, json)),
        Command::Restart(DryRun { dry_run }) => act::restart(&config()?, environment, dry_run),
        Command::CleanLocks(DryRun { dry_run }) => act::clean_locks(&config()?, environment, dry_run),
        Command::Locks(Json { json }) => look::locks(&config()?, environment, json),
        Command::Revert { dry_run, yes } => act::revert(&config()?, environment, dry_run.dry_run, yes),
        Command::UndoRevert => act::undo_revert(&config()?, environment),
        Command::Recover(DryRun { dry_run }) => act::recover(&config()?, environment, dry_run),
        Command::Crashes { json, since } => look::crashes(&config()?, environment, json.json, since),
        Command::Record { event, reason } => act::record(&config()?, environment, event, &reason),
        Command::Hold { reason, command } => hold::hold(&config()?, environment, reason, &command),
        Command::Pause { until_resumed: true, .. } => act::pause(&config()?, Some(Wall::NEVER)),
        Command::Pause { lasting, .. } => act::pause(&config()?, Some(clock::wall() + lasting)),
        Command::Resume => act::pause(&config()?, None),
        Command::AlertTest => tell::alert_test(&config()?, environment),
        Command::Diagnostics => Ok(tell::diagnostics(&config()?, environment)),
        Command::Doctor { json, fix } => Ok(doctor::doctor(&file, environment, json.json, fix)),
        Command::Setup(flags) => setup::setup(&flags, &file, environment),
        Command::Install => act::install(&config()?, environment, true),
        Command::Uninstall => match config() {
            Ok(config) => act::install(&config, environment, false),
            Err(ended) => act::uninstall_without(&ended.failure.1, environment),
        },
        Command::Demo { headless, fault } => demo::run(fault, headless).map_err(|why| (exit_code::FAILED, why)),
        Command::DemoBridge(options) => Ok(demo::process::run(&options)),
    };
    Ok(done?)
}

/// The configuration lies in a folder that may be protected, and so do the files that it names.
///
/// # Errors
/// [`exit_code::USAGE`] and a sentence that names file, key and mend; [`exit_code::UNKNOWN`] where it can't be read in time.
pub fn load(file: &std::path::Path, environment: &Environment) -> Result<Config, Ended> {
    let (path, surroundings) = (file.to_owned(), environment.clone());
    let loaded = timed::once(environment.limits.ask, move || Config::load(&path, &surroundings));
    loaded
        .map_err(|why| (exit_code::UNKNOWN, format!("{}: {why}", file.display())))?
        .map_err(|refused| Ended { failure: (exit_code::USAGE, refused.why), lacks_root: refused.lacks_root })
}

/// `90s`, `30m`, `1h30m`, `7d`; a bare number is seconds. No months and years: humantime's `M` for a month is too
/// easily mistaken for minutes.
fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let known = text.chars().all(|c| c.is_ascii_digit() || ". smhd".contains(c));
    let unit = if text.contains(|c: char| c.is_ascii_alphabetic()) { "" } else { "s" };
    match humantime::parse_duration(&format!("{text}{unit}")) {
        Ok(duration) if known && !duration.is_zero() => Ok(duration),
        _ => Err("use a number above 0 and s, m, h or d, like 30m or 1h30m".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_writes_durations() {
        let rows = [
            ("90s", Some(90.0)),
            ("30m", Some(1800.0)),
            ("2h", Some(7200.0)),
            ("7d", Some(604_800.0)),
            ("1h30m", Some(5400.0)),
            ("1h 30m", Some(5400.0)),
            ("1.5h", Some(5400.0)),
            ("90", Some(90.0)),
            ("0.5", Some(0.5)),
            ("0", None),
            ("0s", None),
            ("-5m", None),
            ("30M", None),
            ("1y", None),
            ("1h30", None),
            ("soon", None),
            ("m", None),
            ("", None),
            ("99999999999999999999d", None),
            ("inf", None),
        ];
        for (text, expected) in rows {
            assert_eq!(duration(text).ok(), expected.map(Duration::from_secs_f64), "{text}");
            if expected.is_none() {
                let why = duration(text).unwrap_err();
                assert_eq!(why, "use a number above 0 and s, m, h or d, like 30m or 1h30m", "{text}");
            }
        }
    }
}
