//! The checkout's HEAD. Read with libgit2: on a Mac without Apple's developer tools `/usr/bin/git` opens a dialog.

use std::path::{Path, PathBuf};

use git2::{Commit, ErrorCode, Oid, Repository, StatusOptions};

use crate::facts::Git;
use crate::time::Wall;

/// The subject of our own revert, by which it is recognised.
pub const REVERT_SUBJECT: &str = "Auto-revert: bridge crash recovery";

/// A bound; whoever shows it cuts it, after secrets are removed.
const LONGEST: usize = 1000;

/// A checkout, kept open between looks, since opening it reads every configuration file of git. HEAD itself is read
/// from the files each time.
pub struct Checkout {
    root: PathBuf,
    open: Option<Repository>,
    /// What was read about the commit that is HEAD; a commit never changes.
    head: Option<(Oid, Git)>,
}

impl Checkout {
    pub fn new(root: &Path) -> Checkout {
        Checkout { root: root.to_owned(), open: None, head: None }
    }

    /// HEAD, and with `deep` also whether the checkout is dirty and whether HEAD touches code (a status of a large
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
        let git = read(repository, &head, deep)?;
        self.head = Some((head.id(), git.clone()));
        Ok(git)
    }
}

fn read(repository: &Repository, head: &Commit, deep: bool) -> Result<Git, git2::Error> {
    let summary: String = head.summary().ok().flatten().unwrap_or("").chars().take(LONGEST).collect();
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let committed = Wall(head.time().seconds() as f64);
    Ok(Git {
        head: head.id().to_string(),
        own_revert: summary == REVERT_SUBJECT,
        summary,
        committed,
        parents: head.parent_count(),
        dirty: deep.then(|| is_dirty(repository)).transpose()?,
        touches_code: deep.then(|| touches_code(repository, head)).transpose()?,
    })
}

/// Tracked files only: files that the bridge writes beside its code do not make the checkout dirty.
fn is_dirty(repository: &Repository) -> Result<bool, git2::Error> {
    let mut options = StatusOptions::new();
    options.include_untracked(false).include_ignored(false).update_index(false);
    Ok(!repository.statuses(Some(&mut options))?.is_empty())
}

/// Documentation and tests can't bring the bridge down.
fn touches_code(repository: &Repository, head: &Commit) -> Result<bool, git2::Error> {
    let before = head.parents().next().map(|parent| parent.tree()).transpose()?;
    let diff = repository.diff_tree_to_tree(before.as_ref(), Some(&head.tree()?), None)?;
    let harmless = |path: PathBuf| {
        let in_folder = path
            .components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("docs" | "doc" | "tests" | "test" | "plans")));
        let text = path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| matches!(extension, "md" | "rst" | "adoc"));
        in_folder || text
    };
    let files = diff.deltas().flat_map(|delta| [delta.old_file().path(), delta.new_file().path()]);
    Ok(files.flatten().any(|path| !harmless(path.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(root: &Path, summary: &str) {
        let repository = Repository::open(root).or_else(|_| Repository::init(root)).unwrap();
        let tree = repository.find_tree(repository.index().unwrap().write_tree().unwrap()).unwrap();
        let who = git2::Signature::now("test", "test@localhost").unwrap();
        let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
        let parents: Vec<&Commit> = parent.iter().collect();
        repository.commit(Some("HEAD"), &who, &who, summary, &tree, &parents).unwrap();
    }

    #[test]
    fn a_checkout_that_is_kept_open_shows_what_others_do_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("checkout");
        let mut checkout = Checkout::new(&root);
        assert!(checkout.head(false).is_err());
        let summary = |checkout: &mut Checkout| checkout.head(false).map(|git| (git.summary, git.parents));
        for (parents, name) in ["first", "second"].into_iter().enumerate() {
            commit(&root, name);
            assert_eq!(summary(&mut checkout), Ok((name.into(), parents)));
            assert_eq!(summary(&mut checkout), Ok((name.into(), parents)), "the second look at it");
        }
        let repository = Repository::open(&root).unwrap();
        repository.set_head_detached(repository.revparse_single("HEAD~1").unwrap().id()).unwrap();
        assert_eq!(summary(&mut checkout), Ok(("first".into(), 0)));
        std::fs::rename(&root, folder.path().join("away")).unwrap();
        assert!(checkout.head(false).unwrap_err().contains("can't be read as a git checkout"));
        commit(&root, "another repository");
        assert_eq!(summary(&mut checkout), Ok(("another repository".into(), 0)));
    }
}
