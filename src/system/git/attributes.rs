//! What git's attributes and line ends ask of a file that is written to the work tree: nothing as a rule, and now and then what
//! libgit2 does in another way than git, or not at all.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::{AttrCheckFlags, AttrValue, ConfigLevel, Index, Repository};

use super::changes::{Change, folders_above, name_of, path_of};
use super::opening::{Open, unreadable};
use crate::revert::Refusal;

/// Whether each file is written as the commit has it, byte for byte, now and with the changes: no attribute is set anywhere
/// from where it could be about one of them, and no line end is converted. Asking for each file costs more than the revert.
pub(super) fn are_none(open: &Open, index: &Index, changes: &[Change]) -> bool {
    let Ok(config) = open.repository.config() else { return false };
    let is_there = |path: PathBuf| fs::symlink_metadata(path).is_ok();
    let folders: BTreeSet<&[u8]> =
        changes.iter().flat_map(|change| folders_above(&change.path)).chain([&b""[..]]).collect();
    let is_special = |change: &Change| change.path.rsplit(|byte| *byte == b'/').next() == Some(ATTRIBUTES.as_bytes());
    let asks = config.get_entry("core.attributesFile").is_ok()
        // Not `false`: what cannot be read as such is left to libgit2.
        || config.get_entry("core.autocrlf").is_ok() && !matches!(config.get_bool("core.autocrlf"), Ok(false))
        || !config.get_bool("core.symlinks").unwrap_or(true)
        || is_there(open.common.join("info/attributes"))
        || is_there(open.git.join("info/attributes"))
        || of_the_machine().is_none_or(|files| files.into_iter().any(is_there))
        || changes.iter().any(is_special)
        || folders.into_iter().any(|folder| {
            let name = path_of(folder).join(ATTRIBUTES);
            index.get_path(&name, 0).is_some() || is_there(open.root.join(name))
        });
    !asks
}

const ATTRIBUTES: &str = ".gitattributes";

/// The files of this machine and of its user, whether they are there or not. `None` if libgit2 does not say.
fn of_the_machine() -> Option<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (level, name) in [(ConfigLevel::System, "gitattributes"), (ConfigLevel::XDG, "attributes")] {
        // SAFETY: it reads what libgit2 has set when it began; nothing in this program sets it anew.
        let folders = unsafe { git2::opts::get_search_path(level) }.ok()?;
        let folders = folders.as_bytes().split(|byte| *byte == b':').filter(|folder| !folder.is_empty());
        files.extend(folders.map(|folder| Path::new(OsStr::from_bytes(folder)).join(name)));
    }
    Some(files)
}

/// libgit2 starts no program and converts no encoding, so what needs one would come out wrong.
pub(super) fn check(
    open: &Open,
    changes: &[Change],
    repository: &Repository,
    sources: AttrCheckFlags,
) -> Result<(), Refusal> {
    for change in changes {
        let of = |name: &str| {
            let value = repository.get_attr_bytes(path_of(&change.path), name, sources);
            value.map_err(|error| unreadable(&open.root.join(path_of(&change.path)), &error))
        };
        let path = || name_of(&change.path);
        match AttrValue::always_bytes(of("filter")?) {
            AttrValue::Unspecified | AttrValue::False => {}
            AttrValue::Bytes(name) => return Err(Refusal::Filter { path: path(), name: name_of(name) }),
            _ => return Err(Refusal::Filter { path: path(), name: "filter".into() }),
        }
        match AttrValue::always_bytes(of("working-tree-encoding")?) {
            AttrValue::Unspecified | AttrValue::False => {}
            _ => return Err(Refusal::Encoding { path: path() }),
        }
        if matches!(AttrValue::always_bytes(of("ident")?), AttrValue::True) && is_ident_of_git_alone(open, change) {
            return Err(Refusal::Ident { path: path() });
        }
    }
    Ok(())
}

/// git expands each `$Id$`, also one that was expanded already, and leaves alone what only begins like one. libgit2
/// expands the first `$Id…$`, whatever is in it, and none in what it takes for binary (nearly binary counts). They do
/// the same where there is just one, and it is plain.
fn is_ident_of_git_alone(open: &Open, change: &Change) -> bool {
    let control = |byte: &u8| (*byte < 0x20 && !matches!(byte, 8..=10 | 12 | 13 | 27)) || *byte == 0x7f;
    [change.from, change.to].into_iter().flatten().any(|side| {
        open.repository.find_blob(side.id).is_ok_and(|blob| {
            let text = blob.content();
            let times = |word: &[u8]| text.windows(word.len()).filter(|part| *part == word).count();
            let all = times(b"$Id");
            all > 0 && (all > 1 || times(b"$Id$") == 0 || text.iter().any(control))
        })
    })
}
