//! `setup`: from nothing to a written configuration. On a terminal it asks (`ask.rs`), else the flags say all. What is
//! written is first tried: the configuration as a whole, the token, the way to the person.

mod ask;
mod bot;
mod known;
mod place;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Failure, act, look};
use crate::config::{Config, PROGRAM, Refused, Telegram};
use crate::contract;
use crate::exit_code;
use crate::limits::Environment;
use crate::manager::Manager;
use crate::outln;
use crate::report;
use crate::setup::draft::Draft;
use crate::setup::jobs::Job;
use crate::system::interrupt::{Interrupt, on_a_terminal};
use crate::system::{files, installed, process, setup_files, telegram, timed};
use crate::text::{message, setup as text};

#[derive(Args)]
pub(super) struct Flags {
    /// The bridge's git checkout
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// Its launchd label or systemd unit
    #[arg(long)]
    label: Option<String>,
    /// Who starts it
    #[arg(long)]
    manager: Option<Name>,
    /// What is started, in the checkout, as it is typed in a shell
    #[arg(long, value_name = "WORDS")]
    program: Option<String>,
    /// Its log, in the checkout
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// A file with the bot's token, mode 0600; the configuration then names this file
    #[arg(long, value_name = "FILE")]
    bot_token_file: Option<PathBuf>,
    /// The numeric id of the person to tell
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    chat_id: Option<i64>,
    /// Another Bot API server than Telegram's own
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// Tell nobody: no bot, no alerts
    #[arg(long, conflicts_with_all = ["bot_token_file", "chat_id", "api_url"])]
    no_alerts: bool,
    /// Ask nothing: what is not given is as it was or as it is found
    #[arg(long)]
    yes: bool,
    /// Install the agents too; with --yes only then
    #[arg(long)]
    install: bool,
    /// Go on where Telegram can't be reached
    #[arg(long)]
    untested: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    Launchd,
    Systemd,
    Embedded,
}

/// All that the questions start from.
struct Setup<'a> {
    flags: &'a Flags,
    file: PathBuf,
    environment: &'a Environment,
    jobs: Vec<Job>,
    draft: Draft,
    /// The checkout that the configuration names so far, right or wrong.
    before: Option<PathBuf>,
}

pub(super) fn setup(flags: &Flags, file: &Path, environment: &Environment) -> Result<u8, Failure> {
    process::no_core_dump();
    let failed = |why: String| (exit_code::FAILED, why);
    let interrupt = Interrupt::begin(text::interrupted).map_err(failed)?;
    let place = place::look(file, !flags.no_alerts, environment)?;
    let jobs = installed::jobs(environment);
    let mut setup = Setup { flags, draft: place.draft, file: place.file, environment, jobs, before: None };
    setup.before = setup.root();
    setup.take_flags();
    let asks = !flags.yes && on_a_terminal();
    let (config, installs) = if asks { ask::all(&mut setup, place.there)? } else { (setup.by_flags()?, flags.install) };
    {
        let mut written = interrupt.whole();
        files::replace_for_good(&setup.file, setup.draft.to_string().as_bytes(), 0o600).map_err(failed)?;
        *written = true;
    }
    super::say(&config, &text::wrote(&setup.file));
    // As every other command reads it.
    let config = super::load(&setup.file, environment)?;
    if installs {
        act::install(&config, environment, true)?;
        // On a Mac, where the person is there to see the question of the system.
        if asks && cfg!(target_os = "macos") {
            outln!("{}", text::ASKS);
            // It is asked at a click in the menu too.
            let _ = setup_files::open_app(contract::LABEL, environment.limits.ask);
        }
    } else {
        outln!("{}", text::NOT_INSTALLED);
    }
    outln!("{}", text::CHECK);
    look::check(&config, environment, false);
    Ok(exit_code::OK)
}

impl Setup<'_> {
    fn by_flags(&mut self) -> Result<Config, Failure> {
        let mut missing = Vec::new();
        match &self.candidates()[..] {
            [job] => self.take(&job.clone()),
            [] => {}
            several if !self.draft.has("bridge", "label") => missing.push(text::which_label(several)),
            _ => {}
        }
        let (token, tells) = (self.has_token(), !self.flags.no_alerts);
        let rows = [
            ("--root FOLDER", self.draft.has("bridge", "root") || !missing.is_empty()),
            (text::PROGRAM_FLAG, !missing.is_empty() || self.has_program()),
            ("--bot-token-file FILE (or --no-alerts)", token || !tells),
            ("--chat-id N", self.draft.has("telegram", "chat_id") || !tells),
            ("--yes", self.flags.yes),
        ];
        missing.extend(rows.iter().filter(|(_, there)| !there).map(|(flag, _)| (*flag).to_owned()));
        if !missing.is_empty() {
            return Err((exit_code::USAGE, text::missing(&missing)));
        }
        let config = self.config()?;
        if let Some(telegram) = &config.telegram {
            self.tell(&config, telegram)?;
        }
        for line in text::summary(&config) {
            outln!("{}", config.secrets.readable(&line, crate::foreign_text::Lines::Keep));
        }
        Ok(config)
    }

    fn has_token(&self) -> bool {
        ["bot_token", "token_file"].iter().any(|key| self.draft.has("telegram", key))
    }

    /// Whether it is known what is started; the usual program is nobody's word, so it has to be there. A root that is no
    /// checkout is refused as such.
    fn has_program(&self) -> bool {
        let Some(root) = self.root().filter(|_| !self.draft.has("bridge", "program")) else { return true };
        let usual = move || !is_checkout(&root) || PROGRAM.iter().all(|word| root.join(word).exists());
        self.within(usual).unwrap_or(false)
    }

    fn tell(&self, config: &Config, telegram: &Telegram) -> Result<(), Failure> {
        let limit = self.environment.limits.send;
        let told = telegram::me(telegram, limit).name.and_then(|bot| {
            super::say(config, &text::this_is(&bot));
            telegram::send(telegram, &message::test(&report::host()), limit)
        });
        match told {
            Ok(id) => super::say(config, &text::arrived(id)),
            Err(error) if error.status.is_none() && self.flags.untested => super::say(config, &error.why),
            Err(error) => {
                let code = if matches!(error.status, Some(401 | 404)) { exit_code::USAGE } else { exit_code::FAILED };
                return Err((code, config.secrets.without(&text::untested(&error.why, error.status.is_some()))));
            }
        }
        Ok(())
    }

    /// What the draft would be as a configuration.
    fn config(&self) -> Result<Config, Failure> {
        self.config_of(&self.draft)
    }

    fn config_of(&self, draft: &Draft) -> Result<Config, Failure> {
        let (file, text, environment) = (self.file.clone(), draft.to_string(), self.environment.clone());
        self.within(move || Config::would_be(&file, &text, &environment))?
            .map_err(|refused| (exit_code::USAGE, refused.why))
    }

    /// What is wrong in what is known so far; what was not said yet is not.
    fn faults(&self) -> Result<Vec<Refused>, Failure> {
        let (file, text, environment) = (self.file.clone(), self.draft.to_string(), self.environment.clone());
        let mut faults = self.within(move || Config::faults(&file, &text, &environment))?;
        faults.retain(|fault| fault.at.as_ref().is_none_or(|(section, key)| self.draft.has(section, key)));
        Ok(faults)
    }

    /// A look at files that may hang.
    fn within<A: Send + 'static>(&self, look: impl FnMut() -> A + Send + 'static) -> Result<A, Failure> {
        timed::once(self.environment.limits.ask, look).map_err(|why| (exit_code::UNKNOWN, why))
    }
}

fn is_checkout(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder.join(".git")).is_ok()
}

impl From<Name> for Manager {
    fn from(name: Name) -> Manager {
        match name {
            Name::Launchd => Manager::Launchd,
            Name::Systemd => Manager::Systemd,
            Name::Embedded => Manager::Embedded,
        }
    }
}
