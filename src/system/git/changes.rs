//! The files that differ between two commits. Only these are ever touched.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use git2::{Oid, Repository, Tree, TreeEntry};

/// A file as a commit has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Side {
    pub(super) id: Oid,
    pub(super) mode: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// As git has it: no slash at either end, any byte but 0.
    pub(super) path: Vec<u8>,
    /// In HEAD.
    pub(super) from: Option<Side>,
    /// In the commit that HEAD becomes.
    pub(super) to: Option<Side>,
}

const FOLDER: u32 = 0o040_000;
pub(super) const SUBMODULE: u32 = 0o160_000;
pub(super) const LINK: u32 = 0o120_000;
pub(super) const EXECUTABLE: u32 = 0o100_755;
const PLAIN: u32 = 0o100_644;

/// In the order of their paths' bytes. libgit2's own comparison reads every folder of both trees; this one only those
/// that differ, which is what makes the cost that of the change.
pub(super) fn between(repository: &Repository, from: &Tree, to: &Tree) -> Result<Vec<Change>, git2::Error> {
    let mut changes = BTreeMap::new();
    compare(repository, &[], Some(from), Some(to), &mut changes)?;
    Ok(changes.into_values().collect())
}

fn compare(
    repository: &Repository,
    folder: &[u8],
    from: Option<&Tree>,
    to: Option<&Tree>,
    changes: &mut BTreeMap<Vec<u8>, Change>,
) -> Result<(), git2::Error> {
    let mut names: BTreeMap<Vec<u8>, (Option<Side>, Option<Side>)> = BTreeMap::new();
    for entry in from.iter().flat_map(|tree| tree.iter()) {
        names.entry(entry.name_bytes().to_vec()).or_default().0 = Some(side(&entry));
    }
    for entry in to.iter().flat_map(|tree| tree.iter()) {
        names.entry(entry.name_bytes().to_vec()).or_default().1 = Some(side(&entry));
    }
    for (name, (from, to)) in names.into_iter().filter(|(_, (from, to))| from != to) {
        let path = if folder.is_empty() { name } else { [folder, &name].join(&b'/') };
        let tree = |side: Option<Side>| {
            side.filter(|side| side.mode == FOLDER).map(|side| repository.find_tree(side.id)).transpose()
        };
        let (from_tree, to_tree) = (tree(from)?, tree(to)?);
        if from_tree.is_some() || to_tree.is_some() {
            compare(repository, &path, from_tree.as_ref(), to_tree.as_ref(), changes)?;
        }
        let file = |side: Option<Side>| side.filter(|side| side.mode != FOLDER);
        let (from, to) = (file(from), file(to));
        if from.is_some() || to.is_some() {
            changes.insert(path.clone(), Change { path, from, to });
        }
    }
    Ok(())
}

fn side(entry: &TreeEntry) -> Side {
    let mode = match entry.filemode_raw() {
        0o040_000 => FOLDER,
        0o120_000 => LINK,
        0o160_000 => SUBMODULE,
        // As git does it: very old commits have other modes, of which only this bit counts.
        mode if mode & 0o100 != 0 => EXECUTABLE,
        _ => PLAIN,
    };
    Side { id: entry.id(), mode }
}

pub(super) fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

pub(super) fn name_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The folders above it, the outermost first.
pub(super) fn folders_above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &path[..at])
}
