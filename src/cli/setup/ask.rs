//! The questions of `setup`. Nothing is written while they are asked.

use std::path::Path;

use dialoguer::{Confirm, Input, Password, Select};

use super::known::whole;
use super::{Setup, bot, is_checkout};
use crate::cli::Failure;
use crate::config::{Config, LOG, PROGRAM, Refused};
use crate::exit_code;
use crate::foreign_text::Lines;
use crate::manager::Manager;
use crate::outln;
use crate::secrets::Secrets;
use crate::setup::Question;
use crate::setup::jobs::Job;
use crate::system::env::unit_files::words;
use crate::system::timed;
use crate::text::{foreign, setup as text};

/// All of it, up to the consent to write; and whether to install then. Once that is known nothing is asked any more.
pub(super) fn all(setup: &mut Setup, there: bool) -> Result<(Config, bool), Failure> {
    if there {
        outln!("{}", text::there(&setup.file));
    }
    forget_what_is_wrong(setup)?;
    bridge(setup)?;
    bot::ask(setup)?;
    let config = setup.config()?;
    for line in text::summary(&config) {
        outln!("{}", config.secrets.readable(&line, Lines::Keep));
    }
    if !yes(&text::write_it(&setup.file), true)? {
        return Err(stopped());
    }
    Ok((config, setup.flags.install || yes(text::INSTALL, true)?))
}

/// What is wrong in the configuration or the flags is asked anew. What no question gives another value ends it at once.
fn forget_what_is_wrong(setup: &mut Setup) -> Result<(), Failure> {
    let faults = setup.faults()?;
    if let Some(fault) = faults.iter().find(|fault| asked_by(fault).is_none()) {
        return Err((exit_code::USAGE, fault.why.clone()));
    }
    for fault in &faults {
        forget(setup, fault);
    }
    Ok(())
}

/// Says what is wrong, and takes it out.
pub(super) fn forget(setup: &mut Setup, fault: &Refused) {
    outln!("{}", foreign(&fault.why));
    if let Some((section, key)) = &fault.at {
        setup.draft.remove(section, key);
    }
}

pub(super) fn asked_by(fault: &Refused) -> Option<Question> {
    fault.at.as_ref().and_then(|(section, key)| Question::about(section, key))
}

/// Where it is, how it is called, who starts it. What an installed agent says is only confirmed.
fn bridge(setup: &mut Setup) -> Result<(), Failure> {
    let found = setup.candidates();
    if let Some(job) = which(&found)? {
        setup.take(&job);
        return mended(setup);
    }
    if setup.flags.root.is_none() || !setup.draft.has("bridge", "root") {
        one(setup, Question::Root)?;
    }
    if setup.flags.label.is_none() || !setup.draft.has("bridge", "label") {
        one(setup, Question::Label)?;
    }
    // The label may be that of an agent which nothing else told to be a bridge.
    if let [job] = &setup.candidates()[..] {
        setup.take(&job.clone());
        return mended(setup);
    }
    if setup.flags.manager.is_none() || !setup.draft.has("bridge", "manager") {
        one(setup, Question::Manager)?;
    }
    for (key, question) in [("program", Question::Program), ("log", Question::Log)] {
        if !setup.draft.has("bridge", key) {
            one(setup, question)?;
        }
    }
    mended(setup)
}

/// Asks again for what is wrong, until nothing is.
fn mended(setup: &mut Setup) -> Result<(), Failure> {
    loop {
        let faults = setup.faults()?;
        let wrong = |fault: &&Refused| fault.at.as_ref().is_none_or(|(section, _)| section == "bridge");
        let Some(fault) = faults.iter().find(wrong) else { return Ok(()) };
        let Some(question) = asked_by(fault) else { return Err((exit_code::USAGE, fault.why.clone())) };
        forget(setup, fault);
        one(setup, question)?;
    }
}

/// Asks one thing about the bridge. What it was before is what Enter keeps.
fn one(setup: &mut Setup, question: Question) -> Result<(), Failure> {
    match question {
        Question::Root => {
            let here =
                std::env::current_dir().ok().filter(|here| is_checkout(here)).map(|here| here.display().to_string());
            let known = setup.draft.text("bridge", "root").map(str::to_owned).or(here);
            let (home, limit) = (setup.environment.home.clone(), setup.environment.limits.ask);
            let root = valid(text::ROOT, known, move |text| {
                let root = whole(&home, Path::new(text.trim()));
                let there = timed::once(limit, move || is_checkout(&root)).unwrap_or(false);
                if there { Ok(()) } else { Err(text::NO_CHECKOUT) }
            })?;
            setup.move_to(&setup.whole(Path::new(&root)));
        }
        Question::Label => {
            let known = setup.draft.text("bridge", "label").unwrap_or("com.valor.bridge").to_owned();
            setup.draft.set("bridge", "label", input(text::LABEL, known)?);
        }
        Question::Manager => {
            let own = if cfg!(target_os = "macos") { Manager::Launchd } else { Manager::Systemd };
            let known = setup.draft.text("bridge", "manager").and_then(Manager::named).unwrap_or(own);
            let at = Manager::ALL.iter().position(|manager| *manager == known).unwrap_or(0);
            let chosen = select(text::MANAGER, &Manager::ALL.map(|manager| text::manager(manager).to_owned()), at)?;
            setup.draft.set("bridge", "manager", Manager::ALL[chosen].name());
        }
        Question::Program => {
            let is_some = |text: &str| if words(text).is_empty() { Err(text::NO_WORDS) } else { Ok(()) };
            let program = valid(text::PROGRAM, Some(PROGRAM.join(" ")), is_some)?;
            setup.draft.set_words("bridge", "program", &words(&program));
        }
        Question::Log => setup.draft.set("bridge", "log", input(text::LOG, LOG.to_owned())?),
        // They are asked in `bot.rs`, which tries the answer.
        Question::Token | Question::Person => {}
    }
    Ok(())
}

fn which(found: &[Job]) -> Result<Option<Job>, Failure> {
    let shown = |job: &Job| Secrets::default().readable(&text::job(job), Lines::Join);
    match found {
        [] => Ok(None),
        [job] => {
            outln!("{}", text::found(&shown(job)));
            Ok(if yes(text::THIS_ONE, true)? { Some(job.clone()) } else { None })
        }
        several => {
            let rows: Vec<String> = several.iter().map(shown).chain([text::ANOTHER.to_owned()]).collect();
            Ok(several.get(select(text::WHICH_BRIDGE, &rows, 0)?).cloned())
        }
    }
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
