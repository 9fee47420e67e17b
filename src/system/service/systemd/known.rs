//! The services that the user manager knows, whatever folder their files lie in, and which files they are.

use std::path::PathBuf;

use super::{Systemd, conditions, get, pairs};
use crate::limits::Environment;

/// A service, as the manager shows it.
pub struct Known {
    /// Its name without the suffix.
    pub label: String,
    /// In the order in which the manager read them.
    pub files: Vec<PathBuf>,
    /// All specifiers are resolved. (Of an output the manager tells the kind and not the file.)
    pub folder: Option<PathBuf>,
}

/// All that have a file, loaded or not; no template, which is no service.
///
/// # Errors
/// What systemctl said, or that it did not answer: then it is not asked again.
pub fn known(environment: &Environment) -> Result<Vec<Known>, String> {
    let systemd = Systemd::new("", environment);
    let list = |words: &[&str]| systemd.systemctl(&[words, &["--type=service", "--full", "--no-legend"]].concat());
    // Only the first one names what is not loaded, and only the second one an instance.
    let text = list(&["list-unit-files"])? + &list(&["list-units", "--all", "--plain"])?;
    let mut units: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    units.retain(|unit| unit.strip_suffix(".service").is_some_and(|name| !name.ends_with('@') && !name.is_empty()));
    units.sort_unstable();
    units.dedup();
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let properties = "Id,FragmentPath,DropInPaths,WorkingDirectory";
    let shown = systemd.systemctl(&[&["show", "-p", properties, "--"][..], &units].concat())?;
    let mut all: Vec<Known> = shown.split("\n\n").filter_map(of_shown).collect();
    // An alias is shown under the name of its unit.
    all.dedup_by(|one, other| one.label == other.label);
    Ok(all)
}

fn of_shown(text: &str) -> Option<Known> {
    let shown = pairs(text);
    let files = conditions::paths(get(&shown, "FragmentPath"), get(&shown, "DropInPaths"));
    // The mark says that the folder may be missing.
    let folder = Some(get(&shown, "WorkingDirectory").trim_start_matches('!')).filter(|folder| !folder.is_empty());
    Some(Known {
        label: get(&shown, "Id").strip_suffix(".service")?.to_owned(),
        folder: folder.map(PathBuf::from),
        files: Some(files).filter(|files| !files.is_empty())?,
    })
}
