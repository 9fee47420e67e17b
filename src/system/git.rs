//! The checkout's HEAD. Read with libgit2: `/usr/bin/git` without Apple's developer tools opens a dialog.

use std::path::{Path, PathBuf};

use git2::{Commit, ErrorCode, Repository, StatusOptions};

use crate::facts::{Clock, Git};

/// The subject by which our own revert is known.
pub const REVERT_SUBJECT: &str = "Auto-revert: bridge crash recovery";

/// HEAD, and with `deep` also whether the checkout is dirty and whether HEAD touches code (a status of a large checkout
/// is not for every tick).
///
/// # Errors
/// Why HEAD can't be read.
pub fn head(root: &Path, deep: bool) -> Result<Git, String> {
    let wrong = |error: git2::Error| format!("{} can't be read as a git checkout: {}", root.display(), error.message());
    let repository = Repository::open(root).map_err(wrong)?;
    let head = match repository.head().and_then(|head| head.peel_to_commit()) {
        Ok(head) => head,
        Err(error) if error.code() == ErrorCode::UnbornBranch => {
            return Err(format!("{} has no commit yet", root.display()));
        }
        Err(error) => return Err(wrong(error)),
    };
    let summary: String = head.summary().ok().flatten().unwrap_or("").chars().take(72).collect();
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let committed = head.time().seconds() as f64;
    Ok(Git {
        head: head.id().to_string(),
        own_revert: summary == REVERT_SUBJECT,
        summary,
        committed,
        parents: head.parent_count(),
        dirty: deep.then(|| is_dirty(&repository)).transpose().map_err(wrong)?,
        touches_code: deep.then(|| touches_code(&repository, &head)).transpose().map_err(wrong)?,
    })
}

/// Seconds since the commit was made, never below 0: its clock may have been ahead.
pub fn age(git: &Git, now: Clock) -> f64 {
    (now.wall - git.committed).max(0.0)
}

/// Tracked files only: what the bridge writes beside its code makes no checkout dirty.
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
