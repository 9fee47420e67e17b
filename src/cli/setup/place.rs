//! Where the configuration is to lie, and what is there already. What would refuse it in the end is found before the first
//! question.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::config::{self, exposure};
use crate::exit_code;
use crate::limits::Environment;
use crate::setup::draft::Draft;
use crate::system::{files, setup_files, timed};
use crate::text::setup as text;

pub(super) struct Place {
    /// The file itself: a link to it stays one.
    pub file: PathBuf,
    pub there: bool,
    pub draft: Draft,
}

/// `tells`: a token comes into it.
///
/// # Errors
/// What can't be read or written, and the mend.
pub(super) fn look(file: &Path, tells: bool, environment: &Environment) -> Result<Place, Failure> {
    let path = file.to_owned();
    timed::once(environment.limits.ask, move || of(&path, tells))
        .map_err(|why| (exit_code::UNKNOWN, format!("{}: {why}", file.display())))?
        .map_err(|why| (exit_code::USAGE, why))
}

fn of(path: &Path, tells: bool) -> Result<Place, String> {
    let file = files::target(path);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(text::unreadable(&file, &error.to_string())),
    };
    let draft = Draft::of(text.as_deref().unwrap_or_default()).ok_or_else(|| text::no_toml(&file))?;
    // As `install` does it: a file that somebody made read-only is meant to stay as it is.
    if setup_files::mode(&file).is_some_and(|mode| mode & 0o200 == 0) {
        return Err(text::read_only(&file));
    }
    if let Some(folder) = files::unwritable_folder(&file) {
        return Err(text::unwritable(&folder));
    }
    // The file gets its mode when it is written, so only its folders count: those of a file that is not there.
    let folders = [path, file.as_path()].map(|path| path.with_file_name(".new"));
    match folders.iter().find_map(|path| exposure::to_writers(path)).filter(|_| tells) {
        Some(open) => Err(text::exposed(&file, &config::refused(&open))),
        None => Ok(Place { there: text.is_some(), file, draft }),
    }
}
