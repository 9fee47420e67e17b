//! The commits that we reverted, with their trees: a HEAD with such a tree is one that somebody brought back.

use std::path::Path;

use git2::Oid;
use serde::{Deserialize, Serialize};

use crate::contract;
use crate::system::files;

#[derive(Serialize, Deserialize, PartialEq)]
struct Entry {
    commit: String,
    tree: String,
}

/// Nobody brings back one that is older than this many.
const KEPT: usize = 500;

/// # Errors
/// If the state folder can't be written.
pub(super) fn note(state: &Path, commit: Oid, tree: Oid) -> Result<(), String> {
    let path = state.join(contract::REVERTED);
    let mut all: Vec<Entry> = files::json(&path).unwrap_or_default();
    let entry = Entry { commit: commit.to_string(), tree: tree.to_string() };
    if all.contains(&entry) {
        return Ok(());
    }
    all.push(entry);
    let excess = all.len().saturating_sub(KEPT);
    all.drain(..excess);
    files::replace_json(&path, &all)
}

/// Whether a commit with this tree was reverted by us. By the tree, since a revert of the revert has another id.
pub(super) fn was_reverted(state: &Path, tree: Oid) -> bool {
    let all: Vec<Entry> = files::json(&state.join(contract::REVERTED)).unwrap_or_default();
    let tree = tree.to_string();
    all.iter().any(|entry| entry.tree == tree)
}
