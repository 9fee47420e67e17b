//! Checks the set-up, and with `--fix` does the mends that harm nobody, each when a person has said yes.

use std::io::IsTerminal;
use std::path::Path;

use serde_json::json;

use super::{Failure, load};
use crate::config::Config;
use crate::doctor::mend::harms_nobody;
use crate::doctor::{Finding, Mend, look};
use crate::exit_code;
use crate::foreign_text::Lines;
use crate::install;
use crate::limits::Environment;
use crate::outln;
use crate::secrets::Secrets;
use crate::system::{env, output, process, setup_files};
use crate::text::{doctor as text, mend as mends};

pub(super) fn doctor(file: &Path, environment: &Environment, as_json: bool, fix: bool) -> u8 {
    process::no_core_dump();
    let asks = fix && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let loaded = || load(file, environment).map_err(Failure::from);
    let mut config = loaded();
    let mut all = findings(file, &config, environment);
    if asks && mend(&all, file, &config, environment) {
        config = loaded();
        all = findings(file, &config, environment);
    }
    print(&all, file, config.as_ref().ok(), environment, as_json);
    if fix && !asks {
        crate::errln!("bridge-watchdog: {}", text::NO_TERMINAL);
    }
    let well = all.iter().all(Finding::is_well);
    if well { exit_code::OK } else { exit_code::FAILED }
}

fn findings(file: &Path, config: &Result<Config, Failure>, environment: &Environment) -> Vec<Finding> {
    if let Ok(config) = config {
        env::learn(config, environment);
    }
    look::look(file, config.as_ref().map_err(|(_, why)| why.as_str()), environment)
}

fn print(all: &[Finding], file: &Path, config: Option<&Config>, environment: &Environment, as_json: bool) {
    let clean = |text: &str| clean(config, text);
    let named = unusual(file, environment);
    if as_json {
        let list: Vec<_> = all
            .iter()
            .map(|finding| {
                json!({
                    "id": finding.id,
                    "ok": finding.is_well(),
                    "found": text::found(&finding.found, &clean),
                    "mend": finding.mend.as_ref().map(|mend| mends::command(mend, named, &clean)),
                })
            })
            .collect();
        output::json(&json!(list));
        return;
    }
    for finding in all {
        outln!("{}", text::line(finding, named, &clean));
    }
    outln!("{}", text::sum(all.len(), all.iter().filter(|finding| !finding.is_well()).count()));
}

/// A piece of text from outside. Without a configuration the values of `.env` are not known; what has the shape of a secret
/// goes all the same.
fn clean(config: Option<&Config>, text: &str) -> String {
    match config {
        Some(config) => config.secrets.readable(text, Lines::Join),
        None => Secrets::default().readable(text, Lines::Join),
    }
}

/// The file, if a mend has to name it.
fn unusual<'a>(file: &'a Path, environment: &Environment) -> Option<&'a Path> {
    (file != Config::default_path(environment)).then_some(file)
}

/// Asks for each mend that harms nobody; returns whether any was done.
fn mend(all: &[Finding], file: &Path, config: &Result<Config, Failure>, environment: &Environment) -> bool {
    let clean = |text: &str| clean(config.as_ref().ok(), text);
    let named = unusual(file, environment);
    let mut done = false;
    let mut asked: Vec<&Mend> = Vec::new();
    for finding in all {
        let Some(mend) = finding.mend.as_ref().filter(|mend| harms_nobody(mend)) else { continue };
        // Two findings may have one mend.
        if asked.contains(&mend) {
            continue;
        }
        asked.push(mend);
        outln!("{}", text::line(finding, named, &clean));
        if !super::confirmed(&text::question(mend, named, &clean)) {
            continue;
        }
        match carry_out(mend, config.as_ref().ok(), environment) {
            Ok(()) => done = true,
            Err(why) => crate::errln!("bridge-watchdog: {}", clean(&why)),
        }
    }
    done
}

fn carry_out(mend: &Mend, config: Option<&Config>, environment: &Environment) -> Result<(), String> {
    match (mend, config) {
        (Mend::Chmod { path, mode }, _) => setup_files::set_mode(path, mode),
        (Mend::Unquarantine(path), _) => setup_files::release(path),
        (Mend::MakeFolder(path), _) => setup_files::make_folder(path),
        (Mend::DropIn, Some(config)) => install::drop_in(config, environment, &mut |line| super::say(config, line)),
        _ => Err("it is not done from here; run it yourself".into()),
    }
}
