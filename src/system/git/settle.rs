//! After a kill: what an act had changed goes on to the one end or back to the other.

use std::fs;
use std::path::Path;

use git2::{Index, Oid};

use super::carry_out::{in_order, lock, old_index, old_path, step};
use super::changes::{Change, between, path_of};
use super::intent::Intent;
use super::opening::{Open, shown};
use super::work_tree::{WorkTree, same};
use super::{index_file, staging};
use crate::revert::Refusal;

#[derive(Clone, Copy)]
pub(super) enum Towards {
    From,
    To,
}

/// After a kill: each changed file and index entry that is exactly as the one commit has it becomes as the other has it.
/// What is neither was changed by somebody since, and stays.
pub(super) fn settle(open: &Open, intent: &Intent, from: Oid, to: Oid, towards: Towards) -> Result<(), Refusal> {
    let repository = &open.repository;
    let folder = intent.staging.as_path();
    let at = |path: &Path, why: String| Refusal::HalfBack { path: shown(path), why };
    let in_folder = |error: std::io::Error| at(folder, error.to_string());
    let in_index = |error: git2::Error| at(&open.git.join("index"), error.message().to_owned());
    let trees = || Ok((repository.find_commit(from)?.tree()?, repository.find_commit(to)?.tree()?));
    let changes = trees().and_then(|(from, to)| between(repository, &from, &to));
    let mut changes = changes.map_err(|error: git2::Error| at(&open.common, error.message().to_owned()))?;
    if matches!(towards, Towards::From) {
        for change in &mut changes {
            std::mem::swap(&mut change.from, &mut change.to);
        }
    }
    // From here on `from` is what may be replaced, and `to` what replaces it.
    if !folder.exists() {
        staging::make(folder).map_err(in_folder)?;
    }
    lock(open, intent)?;
    step();
    let (own, copy) = (open.git.join("index"), folder.join("index"));
    let done = (|| {
        index_file::copy(&own, &copy).map_err(in_folder)?;
        let mut index = Index::open(&copy).map_err(in_index)?;
        let replaced = settle_files(open, &mut index, &changes, folder, matches!(towards, Towards::From))?;
        index_file::copy(&own, &copy).map_err(in_folder)?;
        let mut index = Index::open(&copy).map_err(in_index)?;
        let stale: Vec<Change> =
            changes.iter().filter(|change| index_file::has(&index, &change.path, change.from)).cloned().collect();
        if stale.is_empty() && !replaced {
            return Ok(());
        }
        // Without the times of the files: one that somebody has changed since would be taken for what the commit has.
        index_file::set(&mut index, &stale).map_err(in_index)?;
        index.write().map_err(in_index)?;
        let before = old_index(folder);
        let _ = fs::remove_file(&before);
        index_file::put(&open.git, &copy, &before).map_err(in_folder)
    })();
    step();
    index_file::unlock(&open.git, &intent.token);
    done
}

/// Returns whether any file was replaced.
fn settle_files(
    open: &Open,
    index: &mut Index,
    changes: &[Change],
    folder: &Path,
    kept: bool,
) -> Result<bool, Refusal> {
    let at = |path: &Path, why: String| Refusal::HalfBack { path: shown(path), why };
    let in_index = |error: git2::Error| at(&open.git.join("index"), error.message().to_owned());
    let work = WorkTree::open(&open.root).map_err(|error| at(&open.root, error.to_string()))?;
    let (expected, wanted) = (folder.join("expected"), folder.join("wanted"));
    let swapped: Vec<Change> =
        changes.iter().map(|change| Change { path: change.path.clone(), from: change.to, to: change.from }).collect();
    for (path, changes) in [(&expected, swapped.as_slice()), (&wanted, changes)] {
        // What a kill of this very function left.
        let _ = fs::remove_dir_all(path);
        index_file::set(index, changes).map_err(in_index)?;
        staging::write(open, index, changes, path).map_err(|why| at(folder, why))?;
    }
    let modes = open.repository.config().and_then(|config| config.get_bool("core.filemode")).unwrap_or(true);
    let mut replaced = false;
    for (number, change) in in_order(changes) {
        let path = path_of(&change.path);
        let there = work.meta(&change.path).map_err(|error| at(&work.full(&change.path), error.to_string()))?;
        if change.to.is_none() && there.is_none() {
            // Its folder may have been made, and the kill came before the file.
            work.remove_empty_above(&change.path);
            continue;
        }
        let is_expected = match (change.from, there) {
            (None, there) => there.is_none(),
            (Some(_), None) => false,
            (Some(_), Some(_)) => same(&work.full(&change.path), &expected.join(path), modes).unwrap_or(false),
        };
        if !is_expected {
            continue;
        }
        let old = old_path(folder, number);
        let done = match change.to {
            None => work.remove(&change.path),
            // The very file that was there, if we got to keep it.
            Some(_) if kept && fs::symlink_metadata(&old).is_ok() => work.put(&old, &change.path),
            Some(_) => work.put(&wanted.join(path), &change.path),
        };
        done.map_err(|error| at(&work.full(&change.path), error.to_string()))?;
        step();
        replaced = true;
    }
    Ok(replaced)
}
