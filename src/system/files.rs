//! Small files of our own: read whole, written whole, never seen half.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// No file of ours or of the bridge's scripts that we read whole is larger; what is, is not what we look for.
const LARGEST: u64 = 1 << 20;

/// The text of a small file, or `None` where there is none, it is too large, or it is no text.
pub fn text(path: &Path) -> Option<String> {
    // Only plain files: a fifo in the place of a marker would block for ever.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A JSON file, or `None` where it is absent or broken.
pub fn json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_str(&text(path)?).ok()
}

/// Writes a file so that a reader sees the old or the new one: a new file beside it, then a rename. Mode 0600.
///
/// # Errors
/// A sentence that names the file.
pub fn replace(path: &Path, text: &str) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{} can't be written: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(wrong)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.and_then(|()| fs::rename(&beside, path)).map_err(|error| {
        let _ = fs::remove_file(&beside);
        wrong(error)
    })
}

/// As [`replace`], as one JSON value.
///
/// # Errors
/// As [`replace`].
pub fn replace_json(path: &Path, value: &impl Serialize) -> Result<(), String> {
    let text = serde_json::to_string(value).map_err(|error| format!("{} can't be written: {error}", path.display()))?;
    replace(path, &(text + "\n"))
}

/// Removes a file; that there is none is as good.
pub fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

/// The modification time, or `None` where there is no such file.
pub fn modified(path: &Path) -> Option<f64> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok().map(super::clock::epoch)
}
