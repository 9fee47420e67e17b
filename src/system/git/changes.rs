//! The files that differ between two commits. Only these are ever touched.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use git2::{DiffFile, FileMode, Oid, Repository, Tree};

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

pub(super) const FOLDER: u32 = 0o040_000;
pub(super) const SUBMODULE: u32 = 0o160_000;
pub(super) const LINK: u32 = 0o120_000;
pub(super) const EXECUTABLE: u32 = 0o100_755;
const PLAIN: u32 = 0o100_644;

/// In the order of their paths' bytes.
pub(super) fn between(repository: &Repository, from: &Tree, to: &Tree) -> Result<Vec<Change>, git2::Error> {
    // No renames: a file under a new name is one that goes and one that comes.
    let diff = repository.diff_tree_to_tree(Some(from), Some(to), None)?;
    let mut changes: BTreeMap<Vec<u8>, Change> = BTreeMap::new();
    // A file that becomes a link is told as two deltas of one path.
    for delta in diff.deltas() {
        for (file, is_old) in [(delta.old_file(), true), (delta.new_file(), false)] {
            let Some(side) = side(&file) else { continue };
            let path = file.path_bytes().unwrap_or_default().to_vec();
            let change = changes.entry(path.clone()).or_insert(Change { path, from: None, to: None });
            if is_old { change.from = Some(side) } else { change.to = Some(side) }
        }
    }
    Ok(changes.into_values().collect())
}

fn side(file: &DiffFile) -> Option<Side> {
    let mode = match file.mode() {
        FileMode::Unreadable => return None,
        FileMode::Tree => FOLDER,
        // Very old commits have group-writable files, which git takes for plain ones.
        FileMode::Blob | FileMode::BlobGroupWritable => PLAIN,
        FileMode::BlobExecutable => EXECUTABLE,
        FileMode::Link => LINK,
        FileMode::Commit => SUBMODULE,
    };
    Some(Side { id: file.id(), mode })
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
