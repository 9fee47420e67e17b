//! What `install` remembers, in our state folder: a copy of what it replaces, which `uninstall` puts back, and the
//! digest of what it writes, by which it recognises its own files. A marker in the file could not tell ours from one
//! that a person has edited.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid};

use crate::config::Config;
use crate::contract;
use crate::limits::Environment;
use crate::system::files;

/// Where the copies lie, mode 0600: they may hold an environment with secrets.
pub(super) fn folder(config: &Config) -> PathBuf {
    config.state.join(contract::INSTALL_BACKUPS)
}

/// Keeps what is replaced. An older copy of other contents is renamed: `uninstall` puts back what the last `install`
/// found.
///
/// # Errors
/// A sentence that names the copy; then nothing may be replaced.
pub(super) fn keep(config: &Config, path: &Path, bytes: &[u8]) -> Result<(), String> {
    if original(config, path)?.is_some_and(|there| there != bytes) {
        step_aside(config, path)?;
    }
    files::replace_for_good(&copy(config, path), bytes, 0o600)
}

/// Keeps a file of which only some keys change. The first original is the one that is restored, since a later one may
/// have our keys in it; the later ones are kept too, so that no value is lost.
///
/// # Errors
/// As [`keep`].
pub(super) fn keep_first(config: &Config, path: &Path, bytes: &[u8]) -> Result<(), String> {
    match original(config, path)? {
        None => files::replace_for_good(&copy(config, path), bytes, 0o600),
        Some(first) if first == bytes => Ok(()),
        Some(_) => keep_aside(config, path, bytes).map(drop),
    }
}

/// Keeps a version that `uninstall` will not put back, but that must not be lost. Returns where.
///
/// # Errors
/// As [`keep`].
pub(super) fn keep_aside(config: &Config, path: &Path, bytes: &[u8]) -> Result<PathBuf, String> {
    let aside = free(config, path);
    files::replace_for_good(&aside, bytes, 0o600)?;
    Ok(aside)
}

/// Renames the kept original, so that `uninstall` does not put it back. Returns where it is now, if there was one.
///
/// # Errors
/// Where it can't be renamed.
pub(super) fn step_aside(config: &Config, path: &Path) -> Result<Option<PathBuf>, String> {
    let (copy, aside) = (copy(config, path), free(config, path));
    match fs::rename(&copy, &aside) {
        Ok(()) => Ok(Some(aside)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{} can't be renamed: {error}", copy.display())),
    }
}

/// What `install` found here.
///
/// # Errors
/// If there is a copy that can't be read.
pub(super) fn original(config: &Config, path: &Path) -> Result<Option<Vec<u8>>, String> {
    let copy = copy(config, path);
    match fs::read(&copy) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{} can't be read: {error}; make it readable", copy.display())),
    }
}

/// The copies of these files in the folders of all checkouts.
pub(super) fn copies(environment: &Environment, files: &[PathBuf]) -> Vec<PathBuf> {
    let states = fs::read_dir(&environment.state_dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let copies = states.flat_map(|state| {
        files.iter().map(move |file| state.join(contract::INSTALL_BACKUPS).join(file.file_name().unwrap_or_default()))
    });
    copies.filter(|copy| copy.exists()).collect()
}

/// Call it last, when the original is back in its place and loaded: until then this is the only copy.
pub(super) fn drop_original(config: &Config, path: &Path) {
    files::remove(&copy(config, path));
}

/// Remembers that we wrote these bytes.
///
/// # Errors
/// Where they can't be hashed, or the state folder can't be written.
pub(super) fn note(config: &Config, path: &Path, bytes: &[u8]) -> Result<(), String> {
    files::replace(&named(config, path, "wrote"), &digest(path, bytes)?.to_string())
}

/// Whether we wrote these bytes.
///
/// # Errors
/// If they can't be hashed: then it is not known who wrote them.
pub(super) fn noted(config: &Config, path: &Path, bytes: &[u8]) -> Result<bool, String> {
    match files::text(&named(config, path, "wrote")) {
        Some(noted) => is_noted(&noted, digest(path, bytes)),
        None => Ok(false),
    }
}

/// Whether we ever wrote this file, whatever its contents are now.
pub(super) fn wrote(config: &Config, path: &Path) -> bool {
    named(config, path, "wrote").exists()
}

/// Forgets that we wrote this file: it is gone, or no longer ours to manage.
pub(super) fn forget(config: &Config, path: &Path) {
    files::remove(&named(config, path, "wrote"));
}

fn copy(config: &Config, path: &Path) -> PathBuf {
    folder(config).join(path.file_name().unwrap_or_default())
}

pub(super) fn named(config: &Config, path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{extension}"));
    folder(config).join(name)
}

/// A name that no copy has yet.
fn free(config: &Config, path: &Path) -> PathBuf {
    let mut nth = 1;
    loop {
        let aside = named(config, path, &format!("older-{nth}"));
        if fs::symlink_metadata(&aside).is_err() {
            return aside;
        }
        nth += 1;
    }
}

/// A digest that can't be made is an error and not a text, so that it never equals a note, not even an empty one.
fn is_noted(noted: &str, digest: Result<Oid, String>) -> Result<bool, String> {
    Ok(noted == digest?.to_string())
}

fn digest(path: &Path, bytes: &[u8]) -> Result<Oid, String> {
    Oid::hash_object(ObjectType::Blob, bytes)
        .map_err(|error| format!("{} can't be hashed: {}; try again", path.display(), error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cant_be_hashed_is_nobodys() {
        let (one, other) = (digest(Path::new("x"), b"one").unwrap(), digest(Path::new("x"), b"other").unwrap());
        let failed = || Err("x can't be hashed".to_owned());
        let rows = [
            (one.to_string(), Ok(one), Ok(true)),
            (one.to_string(), Ok(other), Ok(false)),
            (String::new(), Ok(one), Ok(false)),
            (one.to_string()[..39].to_owned(), Ok(one), Ok(false)),
            (String::new(), failed(), Err("x can't be hashed".to_owned())),
            (one.to_string(), failed(), Err("x can't be hashed".to_owned())),
        ];
        for (noted, digest, expected) in rows {
            assert_eq!(is_noted(&noted, digest.clone()), expected, "{noted:?} {digest:?}");
        }
    }
}
