//! Carries out a plan: files, index and HEAD, step by step, each of which can be taken back.

use std::path::{Path, PathBuf};
use std::{fs, io};

use git2::{Index, Oid};

use super::changes::{Change, name_of, path_of};
use super::conditions::{self, Seen};
use super::intent::Intent;
use super::opening::{Open, shown};
use super::revert::{Plan, note};
use super::tip::{self, tip};
use super::work_tree::{Stamp, WorkTree};
use super::{REVERT_SUBJECT, index_file, staging};
use crate::contract;
use crate::revert::{Act, Refusal};
use crate::system::files;

impl Plan {
    /// Either all of it is done, or nothing.
    pub(super) fn carry_out(&self, state: &Path, act: Act, to: Oid, seen: &Seen, index: Index) -> Result<(), Refusal> {
        let intent = Intent::new(act, self.tip.commit, to, &self.open.git, &self.open.root);
        intent.write(state).map_err(|why| Refusal::NoNotes { why })?;
        step();
        let mut progress = Progress { plan: self, intent: &intent, work: None, done: Vec::new(), index: false };
        let end = progress.all(to, seen, index, &index_copy(state));
        let end = end.map_err(|why| match progress.back() {
            Ok(()) => why,
            Err((path, why)) => Refusal::HalfBack { path, why },
        });
        step();
        index_file::unlock(&self.open.git, &intent.token);
        if matches!(end, Err(Refusal::HalfBack { .. })) {
            // The intent stays, for the next start.
            return end;
        }
        step();
        if end.is_ok() && act == Act::Revert {
            // HEAD has moved: an error here would say that nothing was done.
            let _ = note(&self.open, state, self.tip.commit);
        }
        clear(&intent.staging);
        files::remove(&index_copy(state));
        step();
        Intent::drop_it(state);
        end?;
        // Whoever moved HEAD in this instant has the last word, and nothing is put back.
        if tip(&self.open)?.commit == to { Ok(()) } else { Err(Refusal::Moved) }
    }
}

/// An act in progress, and how far it got.
struct Progress<'a> {
    plan: &'a Plan,
    intent: &'a Intent,
    work: Option<WorkTree>,
    /// What is in the place of each change that is done, in the order of [`in_order`].
    done: Vec<Option<Stamp>>,
    /// Whether the new index is in its place.
    index: bool,
}

/// What leaves before what comes: a file may come where a folder was, and the other way round.
pub(super) fn in_order(changes: &[Change]) -> Vec<(usize, &Change)> {
    let all = || changes.iter().enumerate();
    let leaves = all().filter(|(_, change)| change.to.is_none());
    leaves.chain(all().filter(|(_, change)| change.to.is_some())).collect()
}

impl Progress<'_> {
    fn all(&mut self, to: Oid, seen: &Seen, mut index: Index, copy: &Path) -> Result<(), Refusal> {
        let Plan { open, tip, changes, .. } = self.plan;
        let at = |path: &Path, why: String| Refusal::Failed { path: shown(path), why };
        let folder = self.intent.staging.as_path();
        let in_folder = |error: std::io::Error| at(folder, error.to_string());
        let in_index = |error: git2::Error| at(&open.git.join("index"), error.message().to_owned());

        staging::make(folder).map_err(in_folder)?;
        step();
        lock(open, self.intent)?;
        step();
        // Nobody who keeps to git's lock changes the index from here on; was it changed before?
        if index_file::stamp(&open.git) != seen.index {
            return Err(Refusal::Changed { path: shown(&open.git.join("index")) });
        }
        let new = folder.join("new");
        let written = if seen.plain {
            staging::write_plain(open, changes, &new)
        } else {
            staging::write(open, &index, changes, &new)
        };
        written.map_err(|why| at(folder, why))?;
        let new_path = |number: usize, change: &Change| {
            if seen.plain { new.join(number.to_string()) } else { new.join(path_of(&change.path)) }
        };
        step();

        let work = WorkTree::open(&open.root).map_err(|error| at(&open.root, error.to_string()))?;
        let work = self.work.insert(work);
        fs::create_dir(old_folder(folder)).map_err(in_folder)?;
        for (number, change) in changes.iter().enumerate().filter(|(_, change)| change.from.is_some()) {
            let kept = work.keep(&change.path, &old_path(folder, number));
            kept.map_err(|error| at(&work.full(&change.path), error.to_string()))?;
        }
        step();
        for (number, change) in in_order(changes) {
            // A folder is there where its files have to leave first, which is looked at again by the move itself.
            if !(change.from.is_none() && seen.files[number].is_some()) {
                conditions::unchanged(work, change, seen.files[number])?;
            }
            let done = match change.to {
                None => work.remove(&change.path),
                Some(_) => work.put(&new_path(number, change), &change.path),
            };
            done.map_err(|error| at(&work.full(&change.path), error.to_string()))?;
            self.done.push(work.stamp(&change.path).ok().flatten());
            step();
        }
        let mut placed = Vec::new();
        for change in changes {
            let meta = work.meta(&change.path).map_err(|error| at(&work.full(&change.path), error.to_string()))?;
            placed.push((change.path.as_slice(), change.to.map(|side| (side, meta))));
        }
        index_file::replace(&mut index, placed.into_iter()).map_err(in_index)?;
        index.write().map_err(in_index)?;
        let written = folder.join("index");
        index_file::bring(copy, &written).map_err(in_folder)?;
        index_file::put(&open.git, &written, &old_index(folder)).map_err(in_folder)?;
        self.index = true;
        step();
        for ((_, change), placed) in in_order(changes).into_iter().zip(&self.done) {
            // Where one has left, there may be the folder of one that came.
            let is_folder = || work.meta(&change.path).is_ok_and(|meta| meta.is_some_and(|meta| meta.is_dir()));
            if change.to.is_some() || !is_folder() {
                conditions::unchanged(work, change, *placed)?;
            }
        }
        // Whoever had an old file open may have written to it while it was replaced.
        for (number, change) in changes.iter().enumerate().filter(|(_, change)| change.from.is_some()) {
            let now = fs::symlink_metadata(old_path(folder, number)).ok().map(|meta| Stamp::of(&meta));
            if now.is_some_and(|now| !now.is_as_written(seen.files[number])) {
                return Err(Refusal::Changed { path: name_of(&change.path) });
            }
        }
        let subject = match self.intent.act {
            Act::Revert => format!("revert: {REVERT_SUBJECT}"),
            Act::Undo => format!("undo-revert: moving to {to}"),
        };
        tip::announce(folder).map_err(in_folder)?;
        step();
        tip.move_to(&open.repository, to, &subject).map_err(|error| match error.code() {
            git2::ErrorCode::Modified => Refusal::Moved,
            _ => at(&open.common.join(tip.reference()), error.message().to_owned()),
        })
    }

    /// Puts back what was changed, last things first.
    fn back(&mut self) -> Result<(), (String, String)> {
        let folder = self.intent.staging.as_path();
        let changes = &self.plan.changes;
        let mut first: Result<(), (String, String)> = Ok(());
        let mut note = |path: String, error: std::io::Error| {
            if first.is_ok() {
                first = Err((path, error.to_string()));
            }
        };
        if self.index {
            let index = self.plan.open.git.join("index");
            fs::rename(old_index(folder), &index).unwrap_or_else(|error| note(shown(&index), error));
        }
        let Some(work) = &self.work else { return first };
        let order = in_order(changes);
        for ((number, change), placed) in order.into_iter().zip(&self.done).rev() {
            // What somebody wrote there since is his.
            if work.stamp(&change.path).ok().flatten() != *placed {
                continue;
            }
            let restored = match change.from {
                None => work.remove(&change.path),
                Some(_) => work.put(&old_path(folder, number), &change.path),
            };
            restored.unwrap_or_else(|error| note(name_of(&change.path), error));
        }
        first
    }
}

pub(super) fn lock(open: &Open, intent: &Intent) -> Result<(), Refusal> {
    index_file::lock(&open.git, &intent.staging, &intent.token).map_err(|error| {
        let path = shown(&index_file::lock_path(&open.git));
        match error.kind() {
            io::ErrorKind::AlreadyExists => Refusal::IndexLocked { path },
            _ => Refusal::Failed { path, why: error.to_string() },
        }
    })
}

/// Our own copy of the index, until it is whole. In our own folder, since it is read before anything is decided.
pub(super) fn index_copy(state: &Path) -> PathBuf {
    state.join(contract::INDEX_COPY)
}

fn old_folder(staging: &Path) -> PathBuf {
    staging.join("old")
}

pub(super) fn old_path(staging: &Path, number: usize) -> PathBuf {
    old_folder(staging).join(number.to_string())
}

pub(super) fn old_index(staging: &Path) -> PathBuf {
    staging.join("index.old")
}

/// Removes our folder, and only a folder of ours.
pub(super) fn clear(staging: &Path) {
    if staging.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".bridge-watchdog-")) {
        let _ = fs::remove_dir_all(staging);
    }
}

/// Between two steps. Tests end the process here as a kill would, or act as somebody else.
pub(super) fn step() {
    #[cfg(test)]
    super::revert::tests::step();
}
