//! The user units. A unit that a person wrote is not edited: a drop-in beside it says what we need.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::{self, Own, Put, There};
use super::text::{self, bridge_words, quoted};
use super::{backup, is_outdated, our_program, runs_in};
use crate::config::Config;
use crate::facts::KeepAlive;
use crate::limits::Environment;
use crate::system::files;
use crate::system::service::systemd::Systemd;

/// The unit of our own agent.
pub const UNIT: &str = "bridge-watchdog";
/// systemd reads drop-ins in the order of their names, and the last word counts: `systemctl edit` writes `override.conf`.
const NAME: &str = "zz-bridge-watchdog.conf";
/// What an earlier version wrote.
const EARLIER: &str = "bridge-watchdog.conf";
const DROP_IN: &str = "# Written by bridge-watchdog install, removed by uninstall.\n[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\n";
const DESKTOP: &str = include_str!("../../launchd/bridge-watchdog.desktop");

/// The bridge's unit: written if there is none; if there is one without `Restart=always`, a drop-in is written, but not
/// for a oneshot, which may not have that. A unit that we wrote and a person has changed since counts as the person's.
pub(super) fn bridge(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let systemd = Systemd::new(&config.label, environment);
    systemd.reload()?;
    let job = systemd.status()?;
    let (path, unit) = (unit(environment, &config.label), bridge_unit(config));
    // A unit that systemd knows may be a link to /dev/null, or be in another folder.
    let there = if job.installed { file::read(&path).unwrap_or_default() } else { file::read(&path)? };
    let ours = match &there {
        Some(bytes) => file::is_ours(config, &path, bytes, &unit)?,
        None => false,
    };
    // One that still runs may have lost its file.
    if ours || !job.installed || (there.is_none() && systemd.unit_file()?.load == "not-found") {
        write_bridge(config, &path, &unit, there.as_deref(), say)?;
        systemd.reload()?;
        systemd.enable()?;
    } else if job.keep_alive == KeepAlive::Always {
        say(&format!("{}.service is as it should be", config.label));
    } else if job.keep_alive == KeepAlive::Unknown {
        say(&format!("{}.service is a oneshot, which can't have Restart=always, so it is left as it is", config.label));
    } else if let Err(why) = write_drop_in(config, environment, say) {
        // Without it the bridge is restarted by the watch alone.
        say(&why);
    }
    systemd.reload()?;
    if systemd.status()?.stopped_by_operator && job.installed {
        return Ok(());
    }
    systemd.start_by_hand()
}

/// Our own unit, and the autostart entry that shows the icon at a graphical login. Other files there are kept. Returns
/// whether the unit was loaded: it is not if this very program runs in it.
pub(super) fn ours(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<bool, String> {
    let systemd = Systemd::new(UNIT, environment);
    let starts_us = |bytes: &[u8]| starts_us(config, bytes);
    let own = own_unit(config, environment, &starts_us)?;
    let enabled = is_wanted(environment);
    let put = file::put(config, &own, say)?;
    if put == Put::Replaced && enabled {
        files::replace(&was_enabled(config, environment), "")?;
    }
    file::put(config, &own_entry(environment), say)?;
    systemd.reload()?;
    systemd.enable()?;
    systemd.reload()?;
    let job = systemd.status()?;
    let anew = put != Put::Same || is_outdated(config, job.pid);
    if anew && runs_in(job.pid) {
        say("it holds from the next start on: this very program runs in that unit");
        return Ok(false);
    }
    if anew && job.pid.is_some() {
        // Not `restart`, which does not wait: the next process to be seen would be the old one.
        systemd.stop()?;
    }
    if anew || job.pid.is_none() {
        systemd.start_by_hand()?;
    }
    Ok(true)
}

/// Removes our unit and our entry, and puts back what they replaced.
pub(super) fn remove_ours(config: &Config, environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let systemd = Systemd::new(UNIT, environment);
    let starts_us = |bytes: &[u8]| starts_us(config, bytes);
    let (unit, entry) = (own_unit(config, environment, &starts_us)?, own_entry(environment));
    file::take_away(config, &entry, say)?;
    if let Some(before) = backup::original(config, &entry.path)? {
        file::write(&entry.path, &before)?;
        backup::drop_original(config, &entry.path);
    }
    let original = backup::original(config, &unit.path)?;
    let there = file::there(config, &unit)?;
    if let There::Others(now) = &there
        && original.as_ref() != Some(now)
    {
        say(&format!("{} is not ours, so it stays", unit.path.display()));
        return Ok(());
    }
    let job = systemd.status()?;
    match there {
        // systemctl can't disable a unit without a file.
        There::Nothing => files::remove(&wants(environment)),
        There::Ours(_) | There::Others(_) => systemd.disable()?,
    }
    end_ours(&systemd, job.pid, say)?;
    file::take_away(config, &unit, say)?;
    if let Some(original) = original {
        file::write(&unit.path, &original)?;
        say(&format!("put back the older watchdog's {}", unit.path.display()));
        systemd.reload()?;
        if was_enabled(config, environment).exists() {
            systemd.enable()?;
            systemd.start_by_hand()?;
        }
        files::remove(&was_enabled(config, environment));
        backup::drop_original(config, &unit.path);
    }
    systemd.reload()
}

/// Removes our unit and our entry, whichever bridge it watches, if they start a program of ours.
pub(super) fn remove_without(environment: &Environment, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let (path, entry) = (unit(environment, UNIT), own_entry(environment));
    if file::read(&entry.path)?.is_some_and(|bytes| (entry.starts_us)(&bytes)) {
        file::remove(&entry.path)?;
        say(&format!("removed {}", entry.path.display()));
    }
    let Some(bytes) = file::read(&path)? else { return Ok(()) };
    if !String::from_utf8_lossy(&bytes).lines().any(|line| program(line).is_some_and(text::is_our_name)) {
        say(&format!("{} is not ours, so it stays", path.display()));
        return Ok(());
    }
    let systemd = Systemd::new(UNIT, environment);
    let job = systemd.status()?;
    systemd.disable()?;
    end_ours(&systemd, job.pid, say)?;
    file::remove(&path)?;
    say(&format!("removed {}", path.display()));
    systemd.reload()
}

/// Ends our unit's process, but not if it is this one.
fn end_ours(systemd: &Systemd, pid: Option<u32>, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    if runs_in(pid) {
        say("this very program runs in its unit, which goes on until it is quit");
    } else if pid.is_some() {
        systemd.stop()?;
    }
    Ok(())
}

/// The program that a line of a unit starts, if it is such a line.
fn program(line: &str) -> Option<&str> {
    let command = line.strip_prefix("ExecStart=")?;
    command.strip_prefix('"').map_or_else(|| command.split(' ').next(), |word| word.split('"').next())
}

/// Removes the bridge's unit if it is as we wrote it, and our drop-in.
pub(super) fn put_bridge_back(
    config: &Config,
    environment: &Environment,
    say: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let systemd = Systemd::new(&config.label, environment);
    let path = unit(environment, &config.label);
    // A unit that can't be read is not one that we wrote.
    if let Some(now) = file::read(&path).unwrap_or_default() {
        if file::is_ours(config, &path, &now, &bridge_unit(config))? {
            systemd.disable()?;
            systemd.stop()?;
            file::remove(&path)?;
            say(&format!("removed {}", path.display()));
        } else if backup::wrote(config, &path) {
            say(&format!("{} is no longer what install wrote, so it stays", path.display()));
        }
    }
    backup::forget(config, &path);
    for name in [EARLIER, NAME] {
        take_drop_in_away(config, &drop_in(config, environment, name), say)?;
    }
    systemd.reload()
}

/// Our unit is there.
pub(super) fn installed(config: &Config, environment: &Environment) -> bool {
    file::read(&unit(environment, UNIT)).is_ok_and(|bytes| bytes.is_some_and(|bytes| starts_us(config, &bytes)))
}

/// The unit is there and enabled; the autostart entry only starts this unit.
pub(super) fn starts_at_login(config: &Config, environment: &Environment) -> bool {
    installed(config, environment) && fs::symlink_metadata(wants(environment)).is_ok()
}

/// The files whose change means that [`starts_at_login`] may have changed.
pub(super) fn login_files(environment: &Environment) -> Vec<PathBuf> {
    vec![unit(environment, UNIT), wants(environment)]
}

pub(super) fn set_start_at_login(config: &Config, environment: &Environment, on: bool) -> Result<(), String> {
    let systemd = Systemd::new(UNIT, environment);
    let quiet = &mut |_: &str| {};
    if on {
        let starts_us = |bytes: &[u8]| starts_us(config, bytes);
        let enabled = is_wanted(environment);
        if file::put(config, &own_unit(config, environment, &starts_us)?, quiet)? == Put::Replaced && enabled {
            files::replace(&was_enabled(config, environment), "")?;
        }
        file::put(config, &own_entry(environment), quiet)?;
        systemd.reload()?;
        return systemd.enable();
    }
    file::take_away(config, &own_entry(environment), quiet)?;
    // A unit that is not ours is not disabled: for it the switch shows "off" anyway.
    if installed(config, environment) { systemd.disable() } else { Ok(()) }
}

/// A unit that systemd refuses with our drop-in could not be started any more, so then the drop-in goes again.
pub(super) fn write_drop_in(
    config: &Config,
    environment: &Environment,
    say: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let systemd = Systemd::new(&config.label, environment);
    let drop_in = drop_in(config, environment, NAME);
    file::put(config, &drop_in, say)?;
    take_drop_in_away(config, &self::drop_in(config, environment, EARLIER), say)?;
    systemd.reload()?;
    let Some(why) = systemd.refused()? else { return outlasts(&systemd, config) };
    take_drop_in_away(config, &drop_in, say)?;
    systemd.reload()?;
    Err(format!("systemd refuses {}.service with our drop-in ({why}), so it is without one again", config.label))
}

/// That ours is the last word on `Restart`: a person may have a drop-in with a later name.
fn outlasts(systemd: &Systemd, config: &Config) -> Result<(), String> {
    if systemd.status()?.keep_alive == KeepAlive::Always {
        return Ok(());
    }
    let unit = format!("{}.service", config.label);
    Err(format!("{unit} has another Restart= in a drop-in that comes after ours; see: systemctl --user cat {unit}"))
}

fn take_drop_in_away(config: &Config, drop_in: &Own, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    match file::take_away(config, drop_in, say)? {
        There::Nothing => {}
        There::Ours(_) => {
            if let Some(before) = backup::original(config, &drop_in.path)? {
                file::write(&drop_in.path, &before)?;
                backup::drop_original(config, &drop_in.path);
            }
            // Only if nothing else is in it.
            let _ = fs::remove_dir(drop_in.path.parent().unwrap_or(Path::new("/")));
        }
        There::Others(_) => say(&format!("{} is not what install wrote, so it stays", drop_in.path.display())),
    }
    Ok(())
}

fn write_bridge(
    config: &Config,
    path: &Path,
    unit: &str,
    there: Option<&[u8]>,
    say: &mut dyn FnMut(&str),
) -> Result<(), String> {
    backup::note(config, path, unit.as_bytes())?;
    if there == Some(unit.as_bytes()) {
        say(&format!("{} is as it should be", path.display()));
        return file::settle(path);
    }
    file::write(path, unit.as_bytes())?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}

/// Whether a unit starts the watchdog of this checkout, as our own unit does or as an edited version of it.
fn starts_us(config: &Config, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let file = quoted(&text::config_file(config));
    text.lines().any(|line| program(line).is_some_and(text::is_our_name) && line.contains(&file))
}

fn own_unit<'a>(
    config: &Config,
    environment: &Environment,
    starts_us: &'a dyn Fn(&[u8]) -> bool,
) -> Result<Own<'a>, String> {
    Ok(Own { path: unit(environment, UNIT), text: our_unit(config)?, starts_us, older: "an older watchdog" })
}

/// It only starts the unit, so a changed one can't start another watchdog.
fn own_entry(environment: &Environment) -> Own<'static> {
    Own {
        path: config_home(environment).join("autostart/bridge-watchdog.desktop"),
        text: DESKTOP.into(),
        starts_us: &|bytes| String::from_utf8_lossy(bytes).contains("bridge-watchdog.service"),
        older: "an older watchdog's entry",
    }
}

fn drop_in(config: &Config, environment: &Environment, name: &str) -> Own<'static> {
    let folder = units(environment).join(format!("{}.service.d", config.label));
    Own {
        path: folder.join(name),
        text: DROP_IN.into(),
        // Lines that a person has added apply to the bridge, and stay.
        starts_us: &|_| false,
        older: "somebody's drop-in",
    }
}

fn bridge_unit(config: &Config) -> String {
    let words: Vec<String> = bridge_words(config).iter().map(|word| quoted(word)).collect();
    let path = |path: &Path| path.to_string_lossy().replace('%', "%%");
    include_str!("../../launchd/com.valor.bridge.service")
        .replace("{root}", &path(&config.root))
        .replace("{program}", &words.join(" "))
        .replace("{log}", &path(&config.log))
        .replace("{error_log}", &path(&config.error_log))
}

fn our_unit(config: &Config) -> Result<String, String> {
    let program = our_program()?;
    let text = include_str!("../../launchd/bridge-watchdog.service")
        .replace("{program}", &quoted(&program))
        .replace("{config}", &quoted(&text::config_file(config)));
    // The app takes no subcommand: it is what `tray` becomes.
    Ok(if program.ends_with("-tray") { text.replace(" tray\n", "\n") } else { text })
}

/// Whether a target wants the unit with our name, whoever wrote it.
fn is_wanted(environment: &Environment) -> bool {
    let folders = fs::read_dir(units(environment)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut wants = folders.filter(|path| path.extension().is_some_and(|extension| extension == "wants"));
    wants.any(|folder| fs::symlink_metadata(folder.join(format!("{UNIT}.service"))).is_ok())
}

/// A file that says that the older watchdog which we replaced was enabled.
fn was_enabled(config: &Config, environment: &Environment) -> PathBuf {
    backup::named(config, &unit(environment, UNIT), "enabled")
}

fn wants(environment: &Environment) -> PathBuf {
    units(environment).join("default.target.wants").join(format!("{UNIT}.service"))
}

pub(super) fn unit(environment: &Environment, label: &str) -> PathBuf {
    units(environment).join(format!("{label}.service"))
}

/// The folder of the user's units: our own configuration folder is beside systemd's.
pub fn units(environment: &Environment) -> PathBuf {
    config_home(environment).join("systemd/user")
}

fn config_home(environment: &Environment) -> &Path {
    environment.config_dir.parent().unwrap_or(&environment.config_dir)
}
