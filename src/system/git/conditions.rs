//! Whether the files that differ between two commits can be changed without a loss. Looks, and writes nothing.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use git2::{AttrCheckFlags, DiffOptions, Index, Repository, RepositoryState};
use rustix::fs::Access;

use super::changes::{Change, SUBMODULE, folders_above, name_of, path_of};
use super::opening::{Open, is_file_or_nothing, shown, unreadable};
use super::tip::Tip;
use super::work_tree::{Stamp, WorkTree};
use super::{attributes, index_file, is_skipped};
use crate::revert::{Format, Refusal, UnderWay};

/// What was seen, so that a change since then is noticed.
pub(super) struct Seen {
    pub(super) index: Option<Stamp>,
    /// Of each change.
    pub(super) files: Vec<Option<Stamp>>,
    /// Files are written as the commit has them, byte for byte.
    pub(super) plain: bool,
}

/// The index is read from `copy`, if there is to be one. It comes back with the changes in it, not yet written.
pub(super) fn check(open: &Open, tip: &Tip, changes: &[Change], copy: Option<&Path>) -> Result<(Seen, Index), Refusal> {
    nothing_under_way(open)?;
    let work = WorkTree::open(&open.root).map_err(|error| io(&open.root, &error))?;
    let index_stamp = index_file::stamp(&open.git);
    let own = open.git.join("index");
    if let Some(copy) = copy {
        index_file::copy(&own, copy).map_err(|error| io(copy, &error))?;
    }
    let mut index = read_index(open, copy.unwrap_or(&own))?;
    let look = Look {
        open,
        work: &work,
        changes,
        leaving: changes.iter().filter(|change| change.from.is_some()).map(|change| change.path.as_slice()).collect(),
    };
    look.names_and_kinds(&index)?;
    look.folders()?;
    let files = look.stamps()?;
    // Else libgit2 would read it once more.
    let failed = |error: git2::Error| unreadable(&open.git, &error);
    open.repository.set_index(&mut index).map_err(failed)?;
    look.uncommitted(&index, index_stamp)?;
    look.room(&index)?;
    look.objects()?;
    look.same_names(&index)?;
    let plain = attributes::are_none(open, &index, changes);
    if !plain {
        attributes::check(open, changes, &open.repository, AttrCheckFlags::FILE_THEN_INDEX)?;
    }
    // In memory, the index is not written.
    index_file::set(&mut index, changes).map_err(failed)?;
    if !plain {
        // Once more as the attributes will be.
        let later = Repository::open(&open.root).map_err(failed)?;
        later.set_index(&mut index).map_err(failed)?;
        attributes::check(open, changes, &later, AttrCheckFlags::INDEX_ONLY)?;
    }
    look.writable(tip)?;
    // From here on it is bound to no repository: libgit2 would look at the work tree again when it is written.
    Index::new().and_then(|mut empty| open.repository.set_index(&mut empty)).map_err(failed)?;
    Ok((Seen { index: index_stamp, files, plain }, index))
}

fn nothing_under_way(open: &Open) -> Result<(), Refusal> {
    let state = match open.repository.state() {
        RepositoryState::Clean if open.git.join("sequencer/todo").exists() => Some(UnderWay::CherryPick),
        RepositoryState::Clean => None,
        RepositoryState::Merge => Some(UnderWay::Merge),
        RepositoryState::Revert | RepositoryState::RevertSequence => Some(UnderWay::Revert),
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Some(UnderWay::CherryPick),
        RepositoryState::Bisect => Some(UnderWay::Bisect),
        RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => {
            Some(UnderWay::Rebase)
        }
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => Some(UnderWay::Mailbox),
    };
    if let Some(state) = state {
        return Err(Refusal::UnderWay(state));
    }
    let lock = index_file::lock_path(&open.git);
    if fs::symlink_metadata(&lock).is_ok() {
        return Err(Refusal::IndexLocked { path: shown(&lock) });
    }
    Ok(())
}

fn read_index(open: &Open, file: &Path) -> Result<Index, Refusal> {
    let path = open.git.join("index");
    let index = Index::open(file).map_err(|_| {
        let set = |name: &str| open.repository.config().and_then(|config| config.get_bool(name)).unwrap_or(false);
        let shared = fs::read_dir(&open.git)
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("sharedindex."));
        match () {
            () if set("index.sparse") => Refusal::Unsupported(Format::SparseIndex),
            () if set("core.splitIndex") || shared => Refusal::Unsupported(Format::SplitIndex),
            () => Refusal::BrokenIndex { path: shown(&path) },
        }
    })?;
    if index.has_conflicts() {
        let conflicts = index.conflicts().map_err(|error| unreadable(&path, &error))?.flatten();
        let entries = conflicts.filter_map(|conflict| conflict.our.or(conflict.their).or(conflict.ancestor));
        let (paths, more) = Refusal::named(entries.map(|entry| name_of(&entry.path)).collect());
        return Err(Refusal::Conflicts { paths, more });
    }
    Ok(index)
}

pub(super) fn io(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::Unreadable { path: shown(path), why: error.to_string() }
}

struct Look<'a> {
    open: &'a Open,
    work: &'a WorkTree,
    changes: &'a [Change],
    /// What HEAD has of the changed paths.
    leaving: HashSet<&'a [u8]>,
}

impl Look<'_> {
    fn names_and_kinds(&self, index: &Index) -> Result<(), Refusal> {
        let sparse = self.open.repository.config().and_then(|all| all.get_bool("core.sparseCheckout")).unwrap_or(false);
        for change in self.changes {
            let path = name_of(&change.path);
            let bad = |part: &[u8]| matches!(part, b"" | b"." | b"..") || part.eq_ignore_ascii_case(b".git");
            if change.path.split(|byte| *byte == b'/').any(bad) {
                return Err(Refusal::BadName { path });
            }
            if [change.from, change.to].into_iter().flatten().any(|side| side.mode == SUBMODULE) {
                return Err(Refusal::Submodule { path });
            }
            let skipped = is_skipped(index, path_of(&change.path));
            // Whether a sparse checkout would have a file that is not in the index is not known here.
            if skipped || (sparse && change.from.is_none()) {
                return Err(Refusal::Skipped { path });
            }
        }
        Ok(())
    }

    /// No folder above a changed file is a link, and no file in one of them blocks who reads it.
    fn folders(&self) -> Result<(), Refusal> {
        let mut known: HashSet<&[u8]> = HashSet::new();
        for special in [".gitattributes", ".gitignore"] {
            is_file_or_nothing(&self.open.root.join(special))?;
        }
        for change in self.changes {
            for folder in folders_above(&change.path) {
                if !known.insert(folder) || self.leaving.contains(folder) {
                    continue;
                }
                let Some(meta) = self.meta(folder)? else { continue };
                if meta.is_symlink() {
                    return Err(Refusal::ThroughLink { path: name_of(&change.path) });
                }
                if !meta.is_dir() {
                    return Err(Refusal::InTheWay { path: name_of(folder) });
                }
                for special in [".gitattributes", ".gitignore"] {
                    is_file_or_nothing(&self.work.full(folder).join(special))?;
                }
            }
        }
        Ok(())
    }

    fn stamps(&self) -> Result<Vec<Option<Stamp>>, Refusal> {
        let mut stamps = Vec::with_capacity(self.changes.len());
        for change in self.changes {
            let meta = self.meta(&change.path)?;
            if meta.as_ref().is_some_and(|meta| !meta.is_file() && !meta.is_dir() && !meta.is_symlink()) {
                return Err(Refusal::NotAFile { path: name_of(&change.path) });
            }
            stamps.push(meta.as_ref().map(Stamp::of));
        }
        Ok(stamps)
    }

    fn meta(&self, path: &[u8]) -> Result<Option<Metadata>, Refusal> {
        self.work.meta(path).map_err(|error| io(&self.work.full(path), &error))
    }

    /// The index has what HEAD has, and the work tree what the index has.
    fn uncommitted(&self, index: &Index, of_index: Option<Stamp>) -> Result<(), Refusal> {
        let mut changed: HashSet<&[u8]> = HashSet::new();
        let mut unproved: Vec<&[u8]> = Vec::new();
        for change in self.changes {
            if !index_file::has(index, &change.path, change.from) {
                changed.insert(&change.path);
            }
            let Some(side) = change.from else { continue };
            let meta = self.meta(&change.path)?;
            if !meta.is_some_and(|meta| index_file::vouches(index, of_index, &change.path, side, &meta)) {
                unproved.push(&change.path);
            }
        }
        let mut options = DiffOptions::new();
        options.disable_pathspec_match(true).update_index(false).ignore_submodules(true).include_typechange(true);
        for path in &unproved {
            options.pathspec(path_of(path));
        }
        // Without a path it would be about all files.
        if !unproved.is_empty() {
            let diff = self.open.repository.diff_index_to_workdir(Some(index), Some(&mut options));
            let diff = diff.map_err(|error| unreadable(&self.open.root, &error))?;
            for delta in diff.deltas() {
                for file in [delta.old_file(), delta.new_file()] {
                    // A path also stands for what is below it, where a folder is in its place.
                    changed.extend(file.path_bytes().and_then(|path| self.leaving.get(path)));
                }
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let mut paths: Vec<String> = changed.into_iter().map(name_of).collect();
        paths.sort();
        let (paths, more) = Refusal::named(paths);
        Err(Refusal::Uncommitted { paths, more })
    }

    /// Where a file comes, nothing is but files that leave.
    fn room(&self, index: &Index) -> Result<(), Refusal> {
        for change in self.changes.iter().filter(|change| change.to.is_some() && change.from.is_none()) {
            self.staged_in_the_way(index, change)?;
            match self.meta(&change.path)? {
                None => {}
                Some(meta) if meta.is_dir() => self.only_leaving(&change.path)?,
                Some(_) => return Err(Refusal::InTheWay { path: name_of(&change.path) }),
            }
        }
        Ok(())
    }

    fn staged_in_the_way(&self, index: &Index, change: &Change) -> Result<(), Refusal> {
        let staged = |path: &[u8]| Err(Refusal::Uncommitted { paths: vec![name_of(path)], more: 0 });
        for folder in folders_above(&change.path) {
            if index.get_path(path_of(folder), 0).is_some() && !self.leaving.contains(folder) {
                return staged(folder);
            }
        }
        let mut below = change.path.clone();
        below.push(b'/');
        let Ok(first) = index.find_prefix(below.as_slice()) else { return Ok(()) };
        for at in first..index.len() {
            match index.get(at) {
                Some(entry) if !entry.path.starts_with(&below) => break,
                Some(entry) if !self.leaving.contains(entry.path.as_slice()) => return staged(&entry.path),
                _ => {}
            }
        }
        Ok(())
    }

    fn only_leaving(&self, folder: &[u8]) -> Result<(), Refusal> {
        use std::os::unix::ffi::OsStrExt;
        let full = self.work.full(folder);
        let mut left = true;
        for entry in fs::read_dir(&full).map_err(|error| io(&full, &error))? {
            let entry = entry.map_err(|error| io(&full, &error))?;
            let mut path = folder.to_owned();
            path.push(b'/');
            path.extend(entry.file_name().as_bytes());
            left = false;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.only_leaving(&path)?;
            } else if !self.leaving.contains(path.as_slice()) {
                return Err(Refusal::InTheWay { path: name_of(&path) });
            }
        }
        // An empty folder would stay, and keep the file out.
        if left { Err(Refusal::InTheWay { path: name_of(folder) }) } else { Ok(()) }
    }

    /// Both contents are there: the new one to be written, the old one in case that it must be brought back.
    fn objects(&self) -> Result<(), Refusal> {
        let objects = self.open.repository.odb().map_err(|error| unreadable(&self.open.common, &error))?;
        for change in self.changes {
            for side in [change.from, change.to].into_iter().flatten() {
                if !objects.exists(side.id) {
                    return Err(Refusal::MissingObject { path: name_of(&change.path), id: side.id.to_string() });
                }
            }
        }
        Ok(())
    }

    /// Where the file system takes two spellings for one file, a changed name has one spelling.
    fn same_names(&self, index: &Index) -> Result<(), Refusal> {
        if !self.open.repository.config().and_then(|config| config.get_bool("core.ignorecase")).unwrap_or(false) {
            return Ok(());
        }
        let mut spelled: HashMap<String, &[u8]> = HashMap::new();
        for change in self.changes {
            for name in folders_above(&change.path).chain([change.path.as_slice()]) {
                if let Some(other) = spelled.insert(name_of(name).to_lowercase(), name)
                    && other != name
                {
                    return Err(Refusal::SameName { path: name_of(name), other: name_of(other) });
                }
            }
        }
        for entry in index.iter() {
            for name in folders_above(&entry.path).chain([entry.path.as_slice()]) {
                match spelled.get(&name_of(name).to_lowercase()) {
                    Some(other) if *other != name => {
                        return Err(Refusal::SameName { path: name_of(other), other: name_of(name) });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// As far as that can be asked: the folders in which names change, and the repository itself.
    fn writable(&self, tip: &Tip) -> Result<(), Refusal> {
        let mut folders: HashSet<PathBuf> = [self.open.git.clone(), self.open.common.join("objects")].into();
        let reference = match &tip.branch {
            Some(name) => self.open.common.join(name),
            None => self.open.git.join("HEAD"),
        };
        for path in self.changes.iter().map(|change| self.work.full(&change.path)).chain([reference]) {
            // The nearest that is there; what is below it will be made.
            let above = path.ancestors().skip(1).find(|folder| fs::symlink_metadata(folder).is_ok());
            folders.extend(above.map(ToOwned::to_owned));
        }
        for folder in folders {
            // A file that leaves is there instead, and was looked at.
            if folder.is_dir() && rustix::fs::access(&folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
                return Err(Refusal::ReadOnly { path: shown(&folder) });
            }
        }
        Ok(())
    }
}

/// Nothing was changed since it was looked at; a file in the middle of its change is not asked for.
pub(super) fn unchanged(work: &WorkTree, change: &Change, seen: Option<Stamp>) -> Result<(), Refusal> {
    match work.stamp(&change.path) {
        Ok(now) if now == seen => Ok(()),
        _ => Err(Refusal::Changed { path: name_of(&change.path) }),
    }
}
