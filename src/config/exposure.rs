//! How others can get at a file with a token, or put another one in its place.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use toml::Table;

use super::tilde;
use crate::system::files;

/// What is open to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// The file can be read by others.
    Read(PathBuf),
    /// The file can be changed by others.
    Written(PathBuf),
    /// This folder of the file can be written to by others.
    Folder(PathBuf),
}

/// Of a file with a token in it.
pub fn of_secret(path: &Path) -> Option<Exposure> {
    let readable = mode(path) & 0o044 != 0;
    readable.then(|| Exposure::Read(path.to_owned())).or_else(|| to_writers(path))
}

/// Who can write to a file's folder can put another file in its place; not where the folder is sticky. A link's own
/// folder counts as well as that of the file.
pub fn to_writers(path: &Path) -> Option<Exposure> {
    if mode(path) & 0o022 != 0 {
        return Some(Exposure::Written(path.to_owned()));
    }
    let there = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folders = [absolute.parent(), there.parent()].into_iter().flatten();
    let open = folders.into_iter().find(|folder| mode(folder) & 0o022 != 0 && mode(folder) & 0o1000 == 0)?;
    Some(Exposure::Folder(open.to_owned()))
}

/// Of the configuration and of the file that its token is in. For a configuration that is refused too, so that each of
/// its faults can be named.
pub fn of_configuration(file: &Path, home: &Path) -> Vec<Exposure> {
    let table: Table = files::text(file).and_then(|text| text.parse().ok()).unwrap_or_default();
    let telegram = table.get("telegram").and_then(toml::Value::as_table);
    let text = |key: &str| telegram.and_then(|telegram| telegram.get(key)).and_then(toml::Value::as_str);
    let token_file = text("token_file").map(|path| tilde::whole(Path::new(path), home));
    let own = match (telegram, text("bot_token")) {
        (Some(_), Some(_)) => of_secret(file),
        (Some(_), None) => to_writers(file),
        // Nothing in it is a secret, and nothing is sent anywhere.
        (None, _) => None,
    };
    own.into_iter().chain(token_file.as_deref().and_then(of_secret)).collect()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).map_or(0, |meta| meta.permissions().mode())
}
