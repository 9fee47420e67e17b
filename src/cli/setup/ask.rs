//! The questions of `setup`. Nothing is written while they are asked.

use std::path::{Path, PathBuf};

use dialoguer::{Confirm, Input, Password, Select};

use super::{Setup, bot};
use crate::cli::Failure;
use crate::config::{Config, tilde};
use crate::exit_code;
use crate::foreign_text::Lines;
use crate::manager::Manager;
use crate::outln;
use crate::secrets::Secrets;
use crate::setup::jobs::Job;
use crate::system::env::unit_files::words;
use crate::text::setup as text;

/// All of it, up to the consent to write.
pub(super) fn all(setup: &mut Setup) -> Result<Config, Failure> {
    if setup.file.exists() {
        outln!("{}", text::there(&setup.file));
    }
    bridge(setup)?;
    bot::ask(setup)?;
    let config = setup.config()?;
    for line in text::summary(&config) {
        outln!("{}", config.secrets.readable(&line, Lines::Keep));
    }
    if yes(&text::write_it(&setup.file), true)? { Ok(config) } else { Err(stopped()) }
}

pub(super) fn install() -> Result<bool, Failure> {
    // By now all is written, whatever becomes of the terminal.
    yes(text::INSTALL, true).map_err(|(code, _)| (code, text::interrupted(true).into()))
}

/// Where it is, how it is called, who starts it. What an installed agent says is only confirmed.
fn bridge(setup: &mut Setup) -> Result<(), Failure> {
    let found = setup.candidates();
    if let Some(job) = which(&found, setup.draft.has("bridge", "root"))? {
        setup.take(&job);
        return Ok(());
    }
    if setup.flags.root.is_none() {
        let here = std::env::current_dir().ok().filter(|here| is_checkout(here)).map(|here| here.display().to_string());
        let known = setup.draft.text("bridge", "root").map(str::to_owned).or(here);
        let home = setup.environment.home.clone();
        let root =
            valid(
                text::ROOT,
                known,
                move |text| if is_checkout(&whole(&home, text)) { Ok(()) } else { Err(text::NO_CHECKOUT) },
            )?;
        setup.draft.set("bridge", "root", whole(&setup.environment.home, &root).display().to_string());
    }
    if setup.flags.label.is_none() {
        let known = setup.draft.text("bridge", "label").unwrap_or("com.valor.bridge").to_owned();
        let label = input(text::LABEL, known)?;
        setup.draft.set("bridge", "label", label);
    }
    // The label may be that of an agent which nothing else told to be a bridge.
    if let [job] = &setup.candidates()[..] {
        setup.take(&job.clone());
        return Ok(());
    }
    if setup.flags.manager.is_none() {
        let own = if cfg!(target_os = "macos") { Manager::Launchd } else { Manager::Systemd };
        let known = setup.draft.text("bridge", "manager").and_then(Manager::named).unwrap_or(own);
        let at = Manager::ALL.iter().position(|manager| *manager == known).unwrap_or(0);
        let chosen = select(text::MANAGER, &Manager::ALL.map(|manager| text::manager(manager).to_owned()), at)?;
        setup.draft.set("bridge", "manager", Manager::ALL[chosen].name());
    }
    if !setup.draft.has("bridge", "program") {
        let known = ".venv/bin/python bridge/telegram_bridge.py".to_owned();
        let program =
            valid(
                text::PROGRAM,
                Some(known),
                |text| if words(text).is_empty() { Err(text::NO_WORDS) } else { Ok(()) },
            )?;
        setup.draft.set_words("bridge", "program", &words(&program));
    }
    if !setup.draft.has("bridge", "log") {
        let log = input(text::LOG, "logs/bridge.log".to_owned())?;
        setup.draft.set("bridge", "log", log);
    }
    Ok(())
}

/// Where a root is known, what is found only fills in the rest.
fn which(found: &[Job], root_known: bool) -> Result<Option<Job>, Failure> {
    let shown = |job: &Job| Secrets::default().readable(&text::job(job), Lines::Join);
    match found {
        [] => Ok(None),
        [job] => {
            outln!("{}", text::found(&shown(job)));
            Ok(if yes(text::THIS_ONE, true)? { Some(job.clone()) } else { None })
        }
        _ if root_known => Ok(None),
        several => {
            let rows: Vec<String> = several.iter().map(shown).chain([text::ANOTHER.to_owned()]).collect();
            Ok(several.get(select(text::WHICH_BRIDGE, &rows, 0)?).cloned())
        }
    }
}

fn is_checkout(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder.join(".git")).is_ok()
}

/// As a person types it.
fn whole(home: &Path, text: &str) -> PathBuf {
    let path = tilde::whole(Path::new(text.trim()), home);
    std::path::absolute(&path).unwrap_or(path)
}

pub(super) fn stopped() -> Failure {
    (exit_code::FAILED, text::NOTHING_WRITTEN.into())
}

pub(super) fn yes(question: &str, default: bool) -> Result<bool, Failure> {
    Confirm::new().with_prompt(question).default(default).interact().map_err(unasked)
}

pub(super) fn select(question: &str, rows: &[String], default: usize) -> Result<usize, Failure> {
    Select::new().with_prompt(question).items(rows).default(default).interact().map_err(unasked)
}

pub(super) fn hidden(question: &str) -> Result<String, Failure> {
    let answer = Password::new().with_prompt(question).allow_empty_password(true).interact();
    answer.map(|answer| answer.trim().to_owned()).map_err(unasked)
}

fn input(question: &str, default: String) -> Result<String, Failure> {
    valid(question, Some(default), |_| Ok(()))
}

/// Asks again until the answer is one.
pub(super) fn valid(
    question: &str,
    default: Option<String>,
    is_valid: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<String, Failure> {
    let asked = Input::<String>::new().with_prompt(question).validate_with(move |text: &String| is_valid(text));
    let asked = match default {
        Some(default) => asked.default(default),
        None => asked,
    };
    asked.interact_text().map(|answer| answer.trim().to_owned()).map_err(unasked)
}

/// The terminal is gone, or a Ctrl-C came while a key was awaited: then the thread that hears it ends us in a moment.
fn unasked(error: dialoguer::Error) -> Failure {
    let dialoguer::Error::IO(error) = error;
    if error.kind() == std::io::ErrorKind::Interrupted {
        // Not a park: one that a channel has left behind would be over at once.
        std::thread::sleep(std::time::Duration::from_secs(5));
    }
    (exit_code::FAILED, text::unasked(&error.to_string()))
}
