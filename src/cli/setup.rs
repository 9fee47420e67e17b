//! `setup`: from nothing to a written configuration. On a terminal it asks (`ask.rs`), else the flags say all. What is
//! written is first tried: the configuration as a whole, the token, the way to the person.

mod ask;
mod bot;
mod place;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Failure, act, look};
use crate::config::{Config, Telegram, tilde};
use crate::contract;
use crate::exit_code;
use crate::limits::Environment;
use crate::manager::Manager;
use crate::outln;
use crate::report;
use crate::setup::draft::Draft;
use crate::setup::jobs::{Job, fitting};
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
    /// A file with the bot's token, mode 0600; the configuration then names this file
    #[arg(long, value_name = "FILE")]
    bot_token_file: Option<PathBuf>,
    /// The numeric id of the person to tell
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    chat_id: Option<i64>,
    /// Another Bot API server than Telegram's own
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
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
}

pub(super) fn setup(flags: &Flags, file: &Path, environment: &Environment) -> Result<u8, Failure> {
    process::no_core_dump();
    let failed = |why: String| (exit_code::FAILED, why);
    let interrupt = Interrupt::begin(text::interrupted).map_err(failed)?;
    let place = place::look(file, true, environment)?;
    let jobs = installed::jobs(environment);
    let mut setup = Setup { flags, draft: place.draft, file: place.file, environment, jobs };
    setup.take_flags();
    let asks = !flags.yes && on_a_terminal();
    let config = if asks { ask::all(&mut setup)? } else { setup.by_flags()? };
    {
        let mut written = interrupt.whole();
        files::replace_for_good(&setup.file, setup.draft.to_string().as_bytes(), 0o600).map_err(failed)?;
        *written = true;
    }
    super::say(&config, &text::wrote(&setup.file));
    // As every other command reads it.
    let config = super::load(&setup.file, environment)?;
    if flags.install || (asks && ask::install()?) {
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
    fn take_flags(&mut self) {
        let (flags, draft) = (self.flags, &mut self.draft);
        let home = &self.environment.home;
        let whole = |path: &Path| {
            let path = tilde::whole(path, home);
            std::path::absolute(&path).unwrap_or(path).display().to_string()
        };
        if let Some(root) = &flags.root {
            draft.set("bridge", "root", whole(root));
        }
        if let Some(label) = &flags.label {
            draft.set("bridge", "label", label.as_str());
        }
        if let Some(manager) = flags.manager {
            draft.set("bridge", "manager", Manager::from(manager).name());
        }
        if let Some(file) = &flags.bot_token_file {
            draft.set_token("token_file", &whole(file));
        }
        if let Some(id) = flags.chat_id {
            draft.set("telegram", "chat_id", id);
        }
        if let Some(url) = &flags.api_url {
            draft.set("telegram", "api_url", url.as_str());
        }
    }

    /// The installed agents that may be the bridge, by what is known of it.
    fn candidates(&self) -> Vec<Job> {
        let root = self.draft.text("bridge", "root").map(|root| tilde::whole(Path::new(root), &self.environment.home));
        let root = root.map(|root| root.canonicalize().unwrap_or(root));
        let manager = self.draft.text("bridge", "manager").and_then(Manager::named);
        fitting(&self.jobs, root.as_deref(), self.draft.text("bridge", "label"), manager)
    }

    /// What its file says of the bridge; what was said by the person or stood in the configuration goes before it.
    fn take(&mut self, job: &Job) {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let rows = [
            ("root", path(&job.checkout)),
            ("label", Some(job.label.clone())),
            ("manager", Some(job.manager.name().to_owned())),
            ("log", path(&job.log)),
            ("error_log", path(&job.error_log)),
        ];
        for (key, value) in rows {
            if let Some(value) = value.filter(|_| !self.draft.has("bridge", key)) {
                self.draft.set("bridge", key, value);
            }
        }
        if !self.draft.has("bridge", "program") && !job.program.is_empty() {
            self.draft.set_words("bridge", "program", &job.program);
        }
    }

    fn by_flags(&mut self) -> Result<Config, Failure> {
        let mut missing = Vec::new();
        match &self.candidates()[..] {
            [job] => self.take(&job.clone()),
            [] => {}
            several if !self.draft.has("bridge", "label") => missing.push(text::which_label(several)),
            _ => {}
        }
        let token = ["bot_token", "token_file"].iter().any(|key| self.draft.has("telegram", key));
        let rows = [
            ("--root FOLDER", self.draft.has("bridge", "root") || !missing.is_empty()),
            ("--bot-token-file FILE", token),
            ("--chat-id N", self.draft.has("telegram", "chat_id")),
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
        timed::once(self.environment.limits.ask, move || Config::would_be(&file, &text, &environment))
            .map_err(|why| (exit_code::UNKNOWN, why))?
            .map_err(|refused| (exit_code::USAGE, refused.why))
    }
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
