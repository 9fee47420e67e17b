//! The checkout's HEAD. Read with libgit2: on a Mac without Apple's developer tools `/usr/bin/git` opens a dialog.

mod attributes;
mod carry_out;
mod changes;
mod conditions;
mod index_file;
mod intent;
mod opening;
pub mod revert;
mod reverted;
mod settle;
mod staging;
mod tip;
mod work_tree;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::{
    Commit, ErrorClass, ErrorCode, Index, IndexEntryExtendedFlag, ObjectType, Oid, Repository, Status, StatusOptions,
};

use crate::facts::Git;
use crate::time::Wall;

/// The subject of our own revert, by which it is recognised.
pub const REVERT_SUBJECT: &str = "Auto-revert: bridge crash recovery";

/// The subject of a commit that undoes our revert, where that was pushed.
pub const UNDO_SUBJECT: &str = "Undo auto-revert: bridge crash recovery";

/// A bound; whoever shows it cuts it, after secrets are removed.
const LONGEST: usize = 1000;

/// A checkout, kept open between looks, since opening it reads every configuration file of git. HEAD itself is read
/// from the files each time.
pub struct Checkout {
    root: PathBuf,
    /// Our own folder, with the list of what was reverted.
    state: PathBuf,
    open: Option<Repository>,
    /// What was read about the commit that is HEAD; a commit never changes.
    head: Option<(Oid, Git)>,
}

impl Checkout {
    pub fn new(root: &Path, state: &Path) -> Checkout {
        Checkout { root: root.to_owned(), state: state.to_owned(), open: None, head: None }
    }

    /// HEAD, and with `deep` also whether the checkout is dirty, HEAD touches code, and was reverted before (a status of a large
    /// checkout is not for every tick).
    ///
    /// # Errors
    /// Why HEAD can't be read.
    pub fn head(&mut self, deep: bool) -> Result<Git, String> {
        let answer = self.look(deep);
        if answer.is_err() || deep {
            // Opened again after an error, and for a deep look: it may be another repository by now.
            (self.open, self.head) = (None, None);
        }
        answer.map_err(|error| match error.code() {
            ErrorCode::UnbornBranch => format!("{} has no commit yet", self.root.display()),
            _ => format!("{} can't be read as a git checkout: {}", self.root.display(), error.message()),
        })
    }

    fn look(&mut self, deep: bool) -> Result<Git, git2::Error> {
        let repository = match self.open.take() {
            Some(repository) => repository,
            None => Repository::open(&self.root)?,
        };
        let repository = self.open.insert(repository);
        let reference = repository.head()?;
        if let (Some(oid), Some((known, git)), false) = (reference.target(), &self.head, deep)
            && oid == *known
        {
            return Ok(git.clone());
        }
        let head = reference.peel_to_commit()?;
        let mut git = read(repository, &head, deep)?;
        git.undone = deep && reverted::was_reverted(&self.state, head.tree_id());
        self.head = Some((head.id(), git.clone()));
        Ok(git)
    }
}

/// Who would commit here: the repository's user, or `None` where it has none and we do.
///
/// # Errors
/// Why nothing can be reverted in this checkout, whatever HEAD is.
pub fn committer(root: &Path) -> Result<Option<String>, String> {
    let open = opening::open(root).map_err(|refusal| crate::text::why_not_reverted(&refusal))?;
    let name = |who: git2::Signature| String::from_utf8_lossy(who.name_bytes()).into_owned();
    Ok(open.repository.signature().ok().map(name))
}

fn read(repository: &Repository, head: &Commit, deep: bool) -> Result<Git, git2::Error> {
    let summary: String = head.summary().ok().flatten().unwrap_or("").chars().take(LONGEST).collect();
    Ok(Git {
        head: head.id().to_string(),
        own_revert: summary == REVERT_SUBJECT,
        summary,
        committed: committed(head),
        parents: head.parent_count(),
        parent: head.parent_ids().next().map(|parent| parent.to_string()).unwrap_or_default(),
        dirty: if deep { dirty(repository)? } else { None },
        touches_code: deep.then(|| touches_code(repository, head)).transpose()?,
        undone: false,
    })
}

fn committed(commit: &Commit) -> Wall {
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    Wall(commit.time().seconds() as f64)
}

/// `None` where the index has a form that libgit2 can't read (a sparse index).
fn dirty(repository: &Repository) -> Result<Option<bool>, git2::Error> {
    match is_dirty(repository) {
        Err(error) if error.class() == ErrorClass::Index => Ok(None),
        known => known.map(Some),
    }
}

/// Tracked files only: files that the bridge writes beside its code do not make the checkout dirty. As git has it, an
/// entry that its person told git to skip (a sparse checkout) or to take for unchanged is no change where it is missing.
fn is_dirty(repository: &Repository) -> Result<bool, git2::Error> {
    let mut options = StatusOptions::new();
    options.include_untracked(false).include_ignored(false).update_index(false);
    let index = repository.index()?;
    let changed = repository.statuses(Some(&mut options))?.iter().any(|entry| {
        // libgit2 takes what was left out for deleted.
        !(entry.status() == Status::WT_DELETED && is_skipped(&index, Path::new(OsStr::from_bytes(entry.path_bytes()))))
    });
    Ok(changed || has_changed_beside(repository, &index)?)
}

/// Whether its person told git to skip this file or to take it for unchanged.
fn is_skipped(index: &Index, path: &Path) -> bool {
    // 0: the one entry of a path without a conflict.
    index.get_path(path, 0).is_some_and(|entry| {
        entry.flags & ASSUME_UNCHANGED != 0 || entry.flags_extended & IndexEntryExtendedFlag::SKIP_WORKTREE.bits() != 0
    })
}

/// In a sparse checkout a file that was left out and is there anyway is looked at by git (from 2.36 on) and not by
/// libgit2.
fn has_changed_beside(repository: &Repository, index: &Index) -> Result<bool, git2::Error> {
    let sparse = repository.config()?.get_bool("core.sparseCheckout").unwrap_or(false);
    let Some(root) = repository.workdir().filter(|_| sparse) else { return Ok(false) };
    let skipped = index.iter().filter(|entry| entry.flags_extended & IndexEntryExtendedFlag::SKIP_WORKTREE.bits() != 0);
    for entry in skipped {
        let path = root.join(OsStr::from_bytes(&entry.path));
        if path.symlink_metadata().is_ok_and(|meta| meta.is_file())
            && Oid::hash_file(ObjectType::Blob, &path)? != entry.id
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bit of an index entry that `git update-index --assume-unchanged` sets.
const ASSUME_UNCHANGED: u16 = 0x8000;

/// What stands in these folders, under these names or with these endings is documentation, a test, or for those who work on
/// the repository: it can't bring the bridge down. In lower case.
const FOLDERS: [&str; 10] =
    ["docs", "doc", "documentation", "tests", "test", "spec", "specs", "__tests__", "plans", ".github"];
const STEMS: [&str; 9] =
    ["readme", "license", "licence", "copying", "changelog", "changes", "authors", "notice", "contributing"];
const NAMES: [&str; 4] = ["conftest.py", ".gitignore", ".gitattributes", ".editorconfig"];
const ENDINGS: [&str; 3] = ["md", "rst", "adoc"];

/// Documentation and tests can't bring the bridge down.
fn touches_code(repository: &Repository, head: &Commit) -> Result<bool, git2::Error> {
    let before = head.parents().next().map(|parent| parent.tree()).transpose()?;
    let diff = repository.diff_tree_to_tree(before.as_ref(), Some(&head.tree()?), None)?;
    let files = diff.deltas().flat_map(|delta| [delta.old_file().path(), delta.new_file().path()]);
    Ok(files.flatten().any(|path| !is_harmless(path)))
}

fn is_harmless(path: &Path) -> bool {
    let path = PathBuf::from(path.to_string_lossy().to_lowercase());
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    // A program may be called `changes.py`.
    let text = ["", "txt"].contains(&ending) && STEMS.contains(&stem);
    let test = ending == "py" && (stem.starts_with("test_") || stem.ends_with("_test"));
    let folder = path.parent().into_iter().flat_map(Path::components);
    text || test
        || NAMES.contains(&name)
        || ENDINGS.contains(&ending)
        || folder.filter_map(|part| part.as_os_str().to_str()).any(|part| FOLDERS.contains(&part))
}

#[cfg(test)]
#[path = "git_tests.rs"]
mod tests;
