//! The user units. A unit that a person wrote is not edited: a drop-in beside it says what we need.

use std::fs;
use std::path::{Path, PathBuf};

use super::launchd::bridge_words;
use super::our_program;
use crate::config::Config;
use crate::facts::Respawns;
use crate::system::service::systemd::Systemd;
use crate::world::World;

pub const UNIT: &str = "bridge-watchdog";
const DROP_IN: &str = "# Written by bridge-watchdog install, removed by uninstall.\n[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\n";

/// The bridge's unit: written where there is none; where there is one without `Restart=always`, a drop-in.
pub fn bridge(config: &Config, world: &World, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let systemd = Systemd::new(&config.label, world);
    let job = systemd.status()?;
    let path = units(world).join(format!("{}.service", config.label));
    let ours = fs::read_to_string(&path).is_ok_and(|text| text.starts_with(MARK));
    if !job.installed || ours {
        write_if_new(&path, &bridge_unit(config), say)?;
        systemd.reload()?;
        systemd.enable()?;
    } else if job.respawns == Respawns::Always {
        say(&format!("{}.service is as it should be", config.label));
    } else {
        write_if_new(&drop_in(config, world), DROP_IN, say)?;
    }
    systemd.reload()?;
    if systemd.status()?.stopped_by_operator && job.installed {
        return Ok(());
    }
    systemd.start_by_hand()
}

/// Our own unit, and the entry that brings the icon at a graphical login.
pub fn ours(config: &Config, world: &World, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let systemd = Systemd::new(UNIT, world);
    let changed = write_if_new(&units(world).join(format!("{UNIT}.service")), &our_unit(config)?, say)?;
    write_if_new(&autostart(world), include_str!("../../launchd/bridge-watchdog.desktop"), say)?;
    systemd.reload()?;
    systemd.enable()?;
    systemd.reload()?;
    let job = systemd.status()?;
    let in_it = job.pid.is_some_and(|pid| pid == std::process::id() || pid == std::os::unix::process::parent_id());
    match job.pid {
        Some(_) if in_it => {
            say("it holds from the next start on: this very program runs in that unit");
            Ok(())
        }
        Some(_) if changed => systemd.restart(),
        Some(_) => Ok(()),
        None => systemd.start_by_hand(),
    }
}

pub fn remove(config: &Config, world: &World, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let mut gone = |path: &Path| -> Result<bool, String> {
        match fs::remove_file(path) {
            Ok(()) => {
                say(&format!("removed {}", path.display()));
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(format!("{} can't be removed: {error}", path.display())),
        }
    };
    let systemd = Systemd::new(UNIT, world);
    let unit = units(world).join(format!("{UNIT}.service"));
    gone(&autostart(world))?;
    if unit.exists() {
        systemd.disable()?;
        systemd.stop()?;
        gone(&unit)?;
    }
    let systemd = Systemd::new(&config.label, world);
    let path = units(world).join(format!("{}.service", config.label));
    if fs::read_to_string(&path).is_ok_and(|text| text.starts_with(MARK)) {
        systemd.disable()?;
        systemd.stop()?;
        gone(&path)?;
    }
    let drop_in = drop_in(config, world);
    if gone(&drop_in)? {
        let _ = fs::remove_dir(drop_in.parent().unwrap_or(Path::new("/")));
    }
    systemd.reload()
}

pub fn starts_at_login(world: &World) -> bool {
    fs::symlink_metadata(units(world).join("default.target.wants").join(format!("{UNIT}.service"))).is_ok()
        || autostart(world).exists()
}

pub fn set_start_at_login(config: &Config, world: &World, on: bool) -> Result<(), String> {
    let systemd = Systemd::new(UNIT, world);
    let quiet = &mut |_: &str| {};
    if on {
        write_if_new(&units(world).join(format!("{UNIT}.service")), &our_unit(config)?, quiet)?;
        write_if_new(&autostart(world), include_str!("../../launchd/bridge-watchdog.desktop"), quiet)?;
        systemd.reload()?;
        return systemd.enable();
    }
    let _ = fs::remove_file(autostart(world));
    systemd.disable()
}

/// By its first line a unit is known as ours.
const MARK: &str = "# The bridge's user unit, written by `bridge-watchdog install`";

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
    let file = config.file.canonicalize().unwrap_or_else(|_| config.file.clone());
    let program = our_program()?;
    let text = include_str!("../../launchd/bridge-watchdog.service")
        .replace("{program}", &quoted(&program))
        .replace("{config}", &quoted(&file.to_string_lossy()));
    // The app takes no subcommand: it is what `tray` becomes.
    Ok(if program.ends_with("-tray") { text.replace(" tray\n", "\n") } else { text })
}

/// As systemd.service(5) wants a word: `%` and `$` doubled, in quotes.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$"))
}

fn units(world: &World) -> PathBuf {
    config_home(world).join("systemd/user")
}

fn autostart(world: &World) -> PathBuf {
    config_home(world).join("autostart/bridge-watchdog.desktop")
}

fn drop_in(config: &Config, world: &World) -> PathBuf {
    units(world).join(format!("{}.service.d", config.label)).join("bridge-watchdog.conf")
}

/// Our own folder lies in it.
fn config_home(world: &World) -> &Path {
    world.config_dir.parent().unwrap_or(&world.config_dir)
}

fn write_if_new(path: &Path, text: &str, say: &mut dyn FnMut(&str)) -> Result<bool, String> {
    use std::os::unix::fs::PermissionsExt;
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        say(&format!("{} is as it should be", path.display()));
        return Ok(false);
    }
    crate::system::files::replace(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    say(&format!("wrote {}", path.display()));
    Ok(true)
}
