//! The plists. Modes 0644, no quarantine attribute, no backup inside LaunchAgents (launchd would load it).

use std::fs::{self, OpenOptions};
use std::io::{Cursor, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};

use super::{LABEL, our_program};
use crate::config::Config;
use crate::system::service::launchd::Launchd;
use crate::world::World;

/// The keys that we own in the bridge's plist: back whatever the exit code, not faster than 10 s, and time for SQLite.
const OWNED: [(&str, Owned); 3] =
    [("KeepAlive", Owned::Flag(true)), ("ThrottleInterval", Owned::Seconds(10)), ("ExitTimeOut", Owned::Seconds(20))];

#[derive(Clone, Copy)]
enum Owned {
    Flag(bool),
    Seconds(i64),
}

impl Owned {
    fn value(self) -> Value {
        match self {
            Owned::Flag(flag) => Value::Boolean(flag),
            Owned::Seconds(seconds) => Value::Integer(seconds.into()),
        }
    }
}

/// The bridge's plist: written where there is none, else only our three keys.
pub fn bridge(config: &Config, world: &World, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let path = agents(world).join(format!("{}.plist", config.label));
    let launchd = Launchd::new(&config.label, world);
    if !present(&path) {
        let text = filled(include_str!("../../launchd/com.valor.bridge.plist"), config, &bridge_words(config));
        write(&path, text.as_bytes())?;
        note_created(config, &path)?;
        say(&format!("wrote {}", path.display()));
        return load(&launchd, &config.label, world, say);
    }
    let mut keys = read(&path)?;
    if OWNED.iter().all(|(key, owned)| keys.get(key) == Some(&owned.value())) {
        say(&format!("{} is as it should be", path.display()));
        return load(&launchd, &config.label, world, say);
    }
    let before = fs::read(&path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    keep(config, &path, &before)?;
    for (key, owned) in OWNED {
        keys.insert(key.into(), owned.value());
    }
    write(&path, &encoded(keys, &before)?)?;
    say(&format!("set KeepAlive, ThrottleInterval and ExitTimeOut in {}; all else is as it was", path.display()));
    // A changed plist is read by a bootstrap, not by a kickstart.
    launchd.stop()?;
    load(&launchd, &config.label, world, say)
}

/// Our own plist. An older watchdog under our label is replaced, its plist kept.
pub fn ours(config: &Config, world: &World, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let path = agents(world).join(format!("{LABEL}.plist"));
    let text = our_plist(config)?;
    let before = if present(&path) {
        Some(fs::read(&path).map_err(|error| format!("{} can't be read: {error}", path.display()))?)
    } else {
        None
    };
    let launchd = Launchd::new(LABEL, world);
    if before.as_deref() == Some(text.as_bytes()) {
        say(&format!("{} is as it should be", path.display()));
        return load(&launchd, LABEL, world, say);
    }
    if let Some(before) = &before {
        writable(&path)?;
        if !starts_us(&path) {
            keep(config, &path, before)?;
            say(&format!("an older watchdog is replaced; its plist is kept in {}", kept(config).display()));
        }
    }
    write(&path, text.as_bytes())?;
    say(&format!("wrote {}", path.display()));
    if running_in(&launchd) {
        say("it holds from the next login on: this very program runs in that job");
        return Ok(());
    }
    launchd.stop()?;
    load(&launchd, LABEL, world, say)
}

pub fn remove(config: &Config, world: &World, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let ours = agents(world).join(format!("{LABEL}.plist"));
    let launchd = Launchd::new(LABEL, world);
    if present(&ours) && starts_us(&ours) {
        fs::remove_file(&ours).map_err(|error| format!("{} can't be removed: {error}", ours.display()))?;
        say(&format!("removed {}", ours.display()));
        if !running_in(&launchd) {
            launchd.stop()?;
        }
        if let Some(before) = take_back(config, &ours) {
            write(&ours, &before)?;
            say(&format!("put back the older watchdog's {}", ours.display()));
            load(&launchd, LABEL, world, say)?;
        }
    }
    let bridge = agents(world).join(format!("{}.plist", config.label));
    let launchd = Launchd::new(&config.label, world);
    if created(config, &bridge) {
        launchd.stop()?;
        let _ = fs::remove_file(&bridge);
        let _ = fs::remove_file(created_file(config, &bridge));
        say(&format!("removed {}", bridge.display()));
    } else if let Some(before) = take_back(config, &bridge) {
        // Only the keys that we had set go back; what others have changed since stays.
        let old = Value::from_reader(Cursor::new(&before)).ok().and_then(Value::into_dictionary).unwrap_or_default();
        let now = fs::read(&bridge).unwrap_or_default();
        let mut keys = read(&bridge)?;
        for (key, owned) in OWNED {
            match old.get(key) {
                Some(value) if keys.get(key) == Some(&owned.value()) => drop(keys.insert(key.into(), value.clone())),
                None if keys.get(key) == Some(&owned.value()) => drop(keys.remove(key)),
                _ => {}
            }
        }
        // Byte for byte where nobody else has touched it.
        let back = if old == keys { before } else { encoded(keys, &now)? };
        write(&bridge, &back)?;
        say(&format!("put back the keys of {}", bridge.display()));
        launchd.stop()?;
        load(&launchd, &config.label, world, say)?;
    }
    Ok(())
}

pub fn starts_at_login(world: &World) -> bool {
    starts_us(&agents(world).join(format!("{LABEL}.plist")))
}

/// On: the file is there for the next login. Off: it is not. The job that runs now is nobody's business here.
pub fn set_start_at_login(config: &Config, world: &World, on: bool) -> Result<(), String> {
    let path = agents(world).join(format!("{LABEL}.plist"));
    if on {
        return write(&path, our_plist(config)?.as_bytes());
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{} can't be removed: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

fn load(launchd: &Launchd, label: &str, world: &World, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let job = launchd.status()?;
    if job.pid.is_none() && job.stopped_by_operator {
        say(&format!(
            "{label} is disabled by its operator, so it is not loaded; to enable it: launchctl enable gui/$UID/{label}"
        ));
        return Ok(());
    }
    let _ = world;
    launchd.start()
}

fn our_plist(config: &Config) -> Result<String, String> {
    let text = include_str!("../../launchd/com.valor.bridge-watchdog.plist");
    let file = config.file.canonicalize().unwrap_or_else(|_| config.file.clone());
    let log = config.state.join("launchd.log");
    let _ = fs::create_dir_all(&config.state);
    Ok(text
        .replace("{program}", &xml(&our_program()?))
        .replace("{config}", &xml(&file.to_string_lossy()))
        .replace("{log}", &xml(&log.to_string_lossy())))
}

fn filled(text: &str, config: &Config, words: &[String]) -> String {
    let arguments: Vec<String> = words.iter().map(|word| format!("<string>{}</string>", xml(word))).collect();
    text.replace("<string>{program}</string>", &arguments.join("\n\t\t"))
        .replace("{label}", &xml(&config.label))
        .replace("{root}", &xml(&config.root.to_string_lossy()))
        .replace("{log}", &xml(&config.log.to_string_lossy()))
        .replace("{error_log}", &xml(&config.error_log.to_string_lossy()))
}

/// launchd looks a program up in its own PATH, so a path in the checkout is written whole.
pub fn bridge_words(config: &Config) -> Vec<String> {
    let mut words = config.program.clone();
    if let Some(first) = words.first_mut()
        && first.contains('/')
    {
        *first = config.root.join(&*first).to_string_lossy().into_owned();
    }
    words
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn agents(world: &World) -> PathBuf {
    world.home.join("Library/LaunchAgents")
}

fn present(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn read(path: &Path) -> Result<Dictionary, String> {
    writable(path)?;
    let value = Value::from_file(path).map_err(|_| {
        format!(
            "{} is no property list; mend it ('plutil -lint' says where) or move it away, then run install again",
            path.display()
        )
    })?;
    value
        .into_dictionary()
        .ok_or_else(|| format!("{} is no dictionary; move it away, then run install again", path.display()))
}

/// A file that somebody made read-only is meant to stay as it is.
fn writable(path: &Path) -> Result<(), String> {
    let meta = fs::metadata(path).map_err(|error| {
        format!("{} can't be read: {error}; mend or remove it, then run install again", path.display())
    })?;
    if meta.permissions().mode() & 0o200 == 0 {
        return Err(format!(
            "{} is read-only, so it is left as it is; to let install change it: chmod u+w '{}'",
            path.display(),
            path.display()
        ));
    }
    Ok(())
}

/// In the form that it had: binary stays binary.
fn encoded(keys: Dictionary, before: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let value = Value::Dictionary(keys);
    let done = if before.starts_with(b"bplist") {
        value.to_writer_binary(&mut bytes)
    } else {
        value.to_writer_xml(&mut bytes)
    };
    done.map_err(|error| format!("the property list can't be written: {error}"))?;
    Ok(bytes)
}

/// A new file and a rename, through a symbolic link to the file that it names.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let wrong = |error: std::io::Error| format!("{} can't be written: {error}", path.display());
    fs::create_dir_all(real.parent().unwrap_or(Path::new("/"))).map_err(wrong)?;
    // Not .plist: launchd would load it, should we be killed in between.
    let new = real.with_extension("plist.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&new).map_err(wrong)?;
    file.write_all(bytes).and_then(|()| file.set_permissions(fs::Permissions::from_mode(0o644))).map_err(wrong)?;
    // A downloaded app hands its quarantine on to what it writes, and launchd then refuses the file.
    #[cfg(target_vendor = "apple")]
    let _ = rustix::fs::removexattr(&new, "com.apple.quarantine");
    fs::rename(&new, &real).map_err(wrong)
}

fn starts_us(path: &Path) -> bool {
    let Ok(Value::Dictionary(keys)) = Value::from_file(path) else { return false };
    let program =
        keys.get("ProgramArguments").and_then(Value::as_array).and_then(|list| list.first()).and_then(Value::as_string);
    program.and_then(|program| Path::new(program).file_name()).is_some_and(|name| {
        name.to_string_lossy().starts_with("bridge-watchdog")
            || Some(name) == std::env::current_exe().ok().as_deref().and_then(Path::file_name)
    })
}

/// Whether this process, or the one that started it, is the job's own.
fn running_in(launchd: &Launchd) -> bool {
    let pid = launchd.status().ok().and_then(|job| job.pid);
    pid.is_some_and(|pid| pid == std::process::id() || pid == std::os::unix::process::parent_id())
}

fn kept(config: &Config) -> PathBuf {
    config.state.join("plists")
}

/// The first original is the one that counts: a second install must not put our own file in its place.
fn keep(config: &Config, path: &Path, bytes: &[u8]) -> Result<(), String> {
    let copy = kept(config).join(path.file_name().unwrap_or_default());
    if copy.exists() {
        return Ok(());
    }
    let wrong = |error: std::io::Error| format!("{} can't be written: {error}", copy.display());
    fs::create_dir_all(kept(config)).map_err(wrong)?;
    // It may hold an environment with secrets.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy).map_err(wrong)?;
    file.write_all(bytes).map_err(wrong)
}

fn take_back(config: &Config, path: &Path) -> Option<Vec<u8>> {
    let copy = kept(config).join(path.file_name()?);
    let bytes = fs::read(&copy).ok()?;
    let _ = fs::remove_file(copy);
    Some(bytes)
}

fn created_file(config: &Config, path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".created");
    kept(config).join(name)
}

fn note_created(config: &Config, path: &Path) -> Result<(), String> {
    crate::system::files::replace(&created_file(config, path), "")
}

fn created(config: &Config, path: &Path) -> bool {
    created_file(config, path).exists()
}
