//! The agents under launchd. Modes 0644, no quarantine attribute, no backup inside LaunchAgents (launchd would load it).

use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};

use super::file::{self, Own, Put, There};
use super::keys::{OWNED, are_loaded, dictionary, encoded};
use super::text::{bridge_words, xml};
use super::{LABEL, backup, our_program, text};
use crate::config::Config;
use crate::contract;
use crate::limits::Environment;
use crate::system::files;
use crate::system::service::launchd::{Launchd, leaves_key_alone};

/// The bridge's plist, whatever its name: written if there is none, else only our three keys are set.
pub(super) fn bridge(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let launchd = Launchd::new(&config.label, environment);
    let path = bridge_file(config, &launchd, say)?;
    let text = bridge_plist(config);
    let before = file::read(&path)?;
    // An older version of our own is replaced.
    let as_found = match &before {
        Some(before) => before == text.as_bytes() || !backup::noted(config, &path, before)?,
        None => false,
    };
    let changed = match before {
        Some(before) if as_found => mend_keys(config, &path, &before, say)?,
        before => {
            if before.is_none() {
                // The kept copy is of a file that has been removed since, so it is not what this install found.
                backup::step_aside(config, &path)?;
            }
            backup::note(config, &path, text.as_bytes())?;
            file::write(&path, text.as_bytes())?;
            say(&format!("wrote {}", path.display()));
            true
        }
    };
    // launchd may not know what the file says: an earlier install may have failed after it wrote the file.
    let loaded = launchd.loaded()?;
    let as_it_is = kept_conditions(&path).is_some();
    let anew = loaded.is_some_and(|job| changed || !are_loaded(&job, as_it_is));
    bring(&launchd, &config.label, anew, say)
}

/// Our own plist. An older watchdog under our label is replaced and its plist kept. Returns whether the job was loaded:
/// it is not if this very program runs in it.
pub(super) fn ours(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<bool, String> {
    let starts_us = |bytes: &[u8]| starts_us(config, bytes);
    let own = own(config, environment, &starts_us)?;
    let changed = file::put(config, &own, say)? != Put::Same;
    let launchd = Launchd::new(LABEL, environment);
    let loaded = launchd.loaded()?;
    let anew = loaded.as_ref().is_some_and(|job| {
        changed || our_words(config).is_ok_and(|words| !job.runs(&words)) || super::is_outdated(config, job.pid)
    });
    if anew && loaded.is_some_and(|job| super::runs_in(job.pid)) {
        say("it holds from the next login on: this very program runs in that job");
        return Ok(false);
    }
    bring(&launchd, LABEL, anew, say)?;
    Ok(true)
}

/// Removes our agent and puts back what it replaced.
pub(super) fn remove_ours(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let starts_us = |bytes: &[u8]| starts_us(config, bytes);
    let own = own(config, environment, &starts_us)?;
    let original = backup::original(config, &own.path)?;
    if let There::Others(now) = file::take_away(config, &own, say)?
        && original.as_ref() != Some(&now)
    {
        say(&format!("{} is not ours, so it stays", own.path.display()));
        return Ok(());
    }
    // Also if "Start at login" has removed the file before.
    let launchd = Launchd::new(LABEL, environment);
    let inside = end_ours(&launchd, say)?;
    if let Some(original) = original {
        file::write(&own.path, &original)?;
        say(&format!("put back the older watchdog's {}", own.path.display()));
        if !inside {
            bring(&launchd, LABEL, false, say)?;
        }
        backup::drop_original(config, &own.path);
    }
    Ok(())
}

/// Removes our agent, whichever bridge it watches, if its file starts a program of ours.
pub(super) fn remove_without(environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let path = agent(environment, LABEL);
    let Some(bytes) = file::read(&path)? else { return Ok(()) };
    if !words(&bytes).first().is_some_and(|program| text::is_our_name(program)) {
        say(&format!("{} is not ours, so it stays", path.display()));
        return Ok(());
    }
    end_ours(&Launchd::new(LABEL, environment), say)?;
    file::remove(&path)?;
    say(&format!("removed {}", path.display()));
    Ok(())
}

/// Ends our agent's job, if it is loaded, but not the one that we run in. Returns whether that is so.
fn end_ours(launchd: &Launchd, say: &mut dyn FnMut(&str)) -> Result<bool, String> {
    let Some(job) = launchd.loaded()? else { return Ok(false) };
    let inside = super::runs_in(job.pid);
    if inside {
        say("this very program runs in its job, which goes on until it is quit");
    } else {
        launchd.stop()?;
    }
    Ok(inside)
}

/// Removes the bridge's plist if we wrote it, and restores its keys if we changed them.
pub(super) fn put_bridge_back(
    config: &Config,
    environment: &Environment,
    say: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let launchd = Launchd::new(&config.label, environment);
    let loaded = launchd.loaded()?.and_then(|job| job.file);
    let path = launchd.file().first(loaded.as_deref()).unwrap_or_else(|| launchd.file().usual());
    let (now, original) = (file::read(&path)?, backup::original(config, &path)?);
    let ours = match &now {
        Some(now) => file::is_ours(config, &path, now, &bridge_plist(config))?,
        None => false,
    };
    match (now, original) {
        (None, _) => {
            if let Some(copy) = backup::step_aside(config, &path)? {
                say(&format!("{} is gone, so nothing is put back; it was kept in {}", path.display(), copy.display()));
            }
        }
        (Some(_), _) if ours => {
            launchd.stop()?;
            file::remove(&path)?;
            say(&format!("removed {}", path.display()));
        }
        (Some(now), Some(before)) => {
            put_keys_back(&path, &now, before, say)?;
            bring(&launchd, &config.label, true, say)?;
            backup::drop_original(config, &path);
        }
        (Some(_), None) if backup::wrote(config, &path) => {
            say(&format!("{} is no longer what install wrote, so it stays", path.display()));
        }
        (Some(_), None) => {}
    }
    backup::forget(config, &path);
    Ok(())
}

/// Our plist is there, for the next login.
pub(super) fn installed(config: &Config, environment: &Environment) -> bool {
    file::read(&agent(environment, LABEL)).is_ok_and(|bytes| bytes.is_some_and(|bytes| starts_us(config, &bytes)))
}

/// It is there, and nobody disabled it.
pub(super) fn starts_at_login(config: &Config, environment: &Environment) -> bool {
    installed(config, environment) && !Launchd::new(LABEL, environment).disabled().unwrap_or(false)
}

/// The files whose change means that [`starts_at_login`] may have changed.
pub(super) fn login_files(environment: &Environment) -> Vec<PathBuf> {
    vec![agent(environment, LABEL)]
}

/// On: the file is there for the next login. Off: it is not. The job that runs now is left alone.
pub(super) fn set_start_at_login(config: &Config, environment: &Environment, on: bool) -> Result<(), String> {
    let starts_us = |bytes: &[u8]| starts_us(config, bytes);
    let own = own(config, environment, &starts_us)?;
    let quiet = &mut |_: &str| {};
    if !on {
        return file::take_away(config, &own, quiet).map(drop);
    }
    file::put(config, &own, quiet)?;
    if Launchd::new(LABEL, environment).disabled()? {
        return Err(format!("{LABEL} is disabled, so it starts at no login; to enable it: {}", enable(LABEL)));
    }
    Ok(())
}

/// Loads the job; with `anew` launchd reads its plist again, which only a bootstrap does. A job that its operator
/// disabled is left as it is: once ended, it could not be started again.
fn bring(launchd: &Launchd, label: &str, anew: bool, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    if launchd.disabled()? {
        say(&format!("{label} is disabled by its operator, so it is left as it is; to enable it: {}", enable(label)));
        return Ok(());
    }
    if let Some(unmet) = launchd.unmet()? {
        say(&format!("{label} is stopped by its operator, so it is left as it is: {}", crate::text::unmet(&unmet)));
        return Ok(());
    }
    if anew {
        launchd.stop()?;
    }
    launchd.load_and_start()
}

/// The bridge's own property list, or where one would be written: a second one with its label would be loaded or not as
/// launchd pleases.
fn bridge_file(config: &Config, launchd: &Launchd, say: &mut dyn FnMut(&str)) -> Result<PathBuf, String> {
    let loaded = launchd.loaded()?.and_then(|job| job.file);
    let found = launchd.file().find(loaded.as_deref());
    let usual = launchd.file().usual();
    let Some(path) = found.file else {
        return if std::fs::symlink_metadata(&usual).is_ok_and(|meta| meta.is_file()) {
            Err(format!(
                "{} has another Label than {}; rename it, or correct bridge.label in {}, then try again",
                usual.display(),
                config.label,
                config.file.display()
            ))
        } else {
            Ok(usual)
        };
    };
    for other in found.others {
        say(&format!(
            "{} has the label {} too; remove one of them: {} is used",
            other.display(),
            config.label,
            path.display()
        ));
    }
    Ok(path)
}

/// The conditions of a `KeepAlive` that stays as it is.
fn kept_conditions(path: &Path) -> Option<Vec<String>> {
    leaves_key_alone(&dictionary(path, &file::read(path).ok()??).ok()?)
}

fn enable(label: &str) -> String {
    format!("launchctl enable gui/$UID/{label}")
}

/// Sets our keys in a person's plist; returns whether that changed it.
fn mend_keys(config: &Config, path: &Path, before: &[u8], say: &mut dyn FnMut(&str)) -> Result<bool, String> {
    let mut keys = dictionary(path, before)?;
    let conditions = leaves_key_alone(&keys);
    if let Some(names) = &conditions {
        say(&format!("the conditions of KeepAlive ({}) are a person's and stay as they are", names.join(", ")));
    }
    let owned = || OWNED.into_iter().filter(|(key, _)| conditions.is_none() || *key != "KeepAlive");
    if owned().all(|(key, owned)| keys.get(key) == Some(&owned.value())) {
        file::settle(path)?;
        say(&format!("{} is as it should be", path.display()));
        return Ok(false);
    }
    file::writable(path)?;
    backup::keep_first(config, path, before)?;
    for (key, owned) in owned() {
        keys.insert(key.into(), owned.value());
    }
    file::write(path, &encoded(keys, before)?)?;
    let names = if conditions.is_none() { "KeepAlive, ThrottleInterval" } else { "ThrottleInterval" };
    say(&format!("set {names} and ExitTimeOut in {}; all else is as it was", path.display()));
    Ok(true)
}

/// Restores only the keys that still have our values; what was changed since stays.
fn put_keys_back(path: &Path, now: &[u8], before: Vec<u8>, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let old: Dictionary =
        Value::from_reader(std::io::Cursor::new(&before)).ok().and_then(Value::into_dictionary).unwrap_or_default();
    let mut keys = dictionary(path, now)?;
    for (key, owned) in OWNED {
        match old.get(key) {
            Some(value) if keys.get(key) == Some(&owned.value()) => drop(keys.insert(key.into(), value.clone())),
            None if keys.get(key) == Some(&owned.value()) => drop(keys.remove(key)),
            _ => {}
        }
    }
    // Byte for byte the original, if nothing else has changed.
    let back = if old == keys { before } else { encoded(keys, now)? };
    if back != now {
        file::writable(path)?;
        file::write(path, &back)?;
    }
    say(&format!("put back the keys of {}", path.display()));
    Ok(())
}

fn own<'a>(
    config: &Config,
    environment: &Environment,
    starts_us: &'a dyn Fn(&[u8]) -> bool,
) -> Result<Own<'a>, String> {
    Ok(Own { path: agent(environment, LABEL), text: our_plist(config)?, starts_us, older: "an older watchdog" })
}

/// Whether a plist starts the watchdog of this checkout, as our own plist does or as an edited version of it.
fn starts_us(config: &Config, bytes: &[u8]) -> bool {
    let words = words(bytes);
    words.first().is_some_and(|program| text::is_our_name(program)) && words.contains(&text::config_file(config))
}

/// The program that a plist starts, and its arguments.
fn words(bytes: &[u8]) -> Vec<String> {
    let Ok(Value::Dictionary(keys)) = Value::from_reader(std::io::Cursor::new(bytes)) else { return Vec::new() };
    let words = keys.get("ProgramArguments").and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_string).map(str::to_owned).collect()
}

/// What our agent starts.
fn our_words(config: &Config) -> Result<Vec<String>, String> {
    Ok(vec![our_program()?, "--config".into(), text::config_file(config)])
}

fn our_plist(config: &Config) -> Result<String, String> {
    let log = config.state.join(contract::LAUNCHD_LOG);
    let _ = files::make_private_folder(&config.state);
    Ok(include_str!("../../launchd/com.valor.bridge-watchdog.plist")
        .replace("{program}", &xml(&our_program()?))
        .replace("{config}", &xml(&text::config_file(config)))
        .replace("{log}", &xml(&log.to_string_lossy())))
}

fn bridge_plist(config: &Config) -> String {
    let words = bridge_words(config);
    let arguments: Vec<String> = words.iter().map(|word| format!("<string>{}</string>", xml(word))).collect();
    include_str!("../../launchd/com.valor.bridge.plist")
        .replace("<string>{program}</string>", &arguments.join("\n\t\t"))
        .replace("{label}", &xml(&config.label))
        .replace("{root}", &xml(&config.root.to_string_lossy()))
        .replace("{log}", &xml(&config.log.to_string_lossy()))
        .replace("{error_log}", &xml(&config.error_log.to_string_lossy()))
}

pub(super) fn agent(environment: &Environment, label: &str) -> PathBuf {
    environment.home.join("Library/LaunchAgents").join(format!("{label}.plist"))
}
