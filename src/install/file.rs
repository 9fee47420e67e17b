//! A file that a service manager reads. It is ours if it is byte for byte what we wrote or would write. Before any
//! other file is replaced or removed, a copy is kept ([`backup`]); a file that does not start this checkout's watchdog
//! is not removed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::backup;
use crate::config::Config;
use crate::system::files;

/// A file of our own: its contents, and how to recognise a version that a person has changed.
pub(super) struct Own<'a> {
    pub path: PathBuf,
    pub text: String,
    /// Whether these bytes start the watchdog of this checkout.
    pub starts_us: &'a dyn Fn(&[u8]) -> bool,
    /// What else may lie here, in words: "an older watchdog".
    pub older: &'static str,
}

/// What [`put`] did.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// Its contents were right already.
    Same,
    Written,
    /// Another program's file was there; a copy is kept.
    Replaced,
}

/// What is at the path of a file of our own.
pub(super) enum There {
    Nothing,
    Ours(Vec<u8>),
    Others(Vec<u8>),
}

/// Puts our own file in its place.
///
/// # Errors
/// If there is a file that can't be read, kept or replaced.
pub(super) fn put(config: &Config, own: &Own, say: &mut dyn FnMut(&str)) -> Result<Put, String> {
    let path = &own.path;
    let before = read(path)?;
    if before.as_deref() == Some(own.text.as_bytes()) {
        settle(path)?;
        backup::note(config, path, own.text.as_bytes())?;
        say(&format!("{} is as it should be", path.display()));
        return Ok(Put::Same);
    }
    let mut put = Put::Written;
    if let Some(before) = &before {
        writable(path)?;
        if backup::noted(config, path, before)? {
            // Ours, from another version or another place of the program.
        } else if (own.starts_us)(before) {
            let copy = backup::keep_aside(config, path, before)?;
            say(&format!("{} had been changed; that version is kept in {}", path.display(), copy.display()));
        } else {
            backup::keep(config, path, before)?;
            put = Put::Replaced;
            say(&format!("{} is replaced; its file is kept in {}", own.older, backup::folder(config).display()));
        }
    }
    backup::note(config, path, own.text.as_bytes())?;
    write(path, own.text.as_bytes())?;
    say(&format!("wrote {}", path.display()));
    Ok(put)
}

/// Reads what is at that path.
///
/// # Errors
/// Where it can't be read.
pub(super) fn there(config: &Config, own: &Own) -> Result<There, String> {
    let Some(now) = read(&own.path)? else { return Ok(There::Nothing) };
    let ours = is_ours(config, &own.path, &now, &own.text)? || (own.starts_us)(&now);
    Ok(if ours { There::Ours(now) } else { There::Others(now) })
}

/// Removes our own file; if a person has changed it, a copy is kept. A file that is not ours stays.
///
/// # Errors
/// Where it can't be read, kept or removed.
pub(super) fn take_away(config: &Config, own: &Own, say: &mut dyn FnMut(&str)) -> Result<There, String> {
    let path = &own.path;
    let there = there(config, own)?;
    if let There::Ours(now) = &there {
        if !is_ours(config, path, now, &own.text)? {
            let copy = backup::keep_aside(config, path, now)?;
            say(&format!("{} had been changed; that version is kept in {}", path.display(), copy.display()));
        }
        // If the path is a link, the original is written back into its target, and nothing is removed.
        let linked = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
        if !linked || backup::original(config, path)?.is_none() {
            remove(path)?;
            say(&format!("removed {}", path.display()));
        }
    }
    backup::forget(config, path);
    Ok(there)
}

/// Byte for byte what we wrote, or would write.
///
/// # Errors
/// As [`backup::noted`].
pub(super) fn is_ours(config: &Config, path: &Path, bytes: &[u8], text: &str) -> Result<bool, String> {
    if bytes == text.as_bytes() { Ok(true) } else { backup::noted(config, path, bytes) }
}

/// The contents at a path; `None` if nothing is there.
///
/// # Errors
/// A sentence that names the path and the mend, also for a link without a target and for what is no plain file (reading
/// a fifo would block for ever).
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    if fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let wrong = |why: &str| format!("{} {why}; mend it or move it away, then try again", path.display());
    match fs::metadata(path) {
        Err(error) => Err(wrong(&format!("can't be read: {error}"))),
        Ok(meta) if !meta.is_file() => Err(wrong("is no plain file")),
        Ok(_) => fs::read(path).map(Some).map_err(|error| wrong(&format!("can't be read: {error}"))),
    }
}

/// A file that somebody made read-only is meant to stay as it is.
///
/// # Errors
/// If it is read-only.
pub(super) fn writable(path: &Path) -> Result<(), String> {
    if fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o200 == 0) {
        let name = path.display();
        return Err(format!(
            "{name} is read-only, so it is left as it is; to let it be changed: chmod u+w '{name}', then try again"
        ));
    }
    Ok(())
}

/// Writes for a service manager: mode 0644, and through a symbolic link into its target.
///
/// # Errors
/// A sentence that names the file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    files::replace_for_good(&path.canonicalize().unwrap_or_else(|_| path.to_owned()), bytes, 0o644)
}

/// Sets the mode and removes the quarantine of a file whose contents are right. A read-only file is left alone.
///
/// # Errors
/// A sentence that names the file.
pub(super) fn settle(path: &Path) -> Result<(), String> {
    if writable(path).is_ok() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644))
            .map_err(|error| format!("the mode of {} can't be set: {error}", path.display()))?;
    }
    files::release(path);
    Ok(())
}

/// Removes a file; no error if there is none.
///
/// # Errors
/// A sentence that names the file.
pub(super) fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{} can't be removed: {error}", path.display()))
        }
        _ => Ok(()),
    }
}
