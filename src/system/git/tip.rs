//! HEAD: which commit it is, and its move to another.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use git2::{Commit, ErrorCode, Oid, Repository, Signature};

use super::opening::{Open, unreadable};
use crate::revert::Refusal;
use crate::system::files;

pub(super) struct Tip {
    pub(super) commit: Oid,
    /// The full name of HEAD's branch; `None`: HEAD is detached.
    pub(super) branch: Option<String>,
}

pub(super) fn tip(open: &Open) -> Result<Tip, Refusal> {
    let failed = |error: git2::Error| match error.code() {
        ErrorCode::UnbornBranch => Refusal::NoCommit,
        _ => unreadable(&open.git.join("HEAD"), &error),
    };
    let head = open.repository.head().map_err(failed)?;
    let commit = head.peel_to_commit().map_err(failed)?.id();
    let branch = if head.is_branch() { head.name().ok().map(ToOwned::to_owned) } else { None };
    Ok(Tip { commit, branch })
}

impl Tip {
    /// The branch as a person calls it.
    pub(super) fn branch_name(&self) -> Option<String> {
        self.branch.as_ref().map(|name| name.trim_start_matches("refs/heads/").to_owned())
    }

    /// The reference that moves.
    pub(super) fn reference(&self) -> &str {
        self.branch.as_deref().unwrap_or("HEAD")
    }

    /// Moves HEAD, unless somebody else has moved it.
    pub(super) fn move_to(&self, repository: &Repository, to: Oid, log: &str) -> Result<(), git2::Error> {
        repository.reference_matching(self.reference(), to, true, self.commit, log).map(drop)
    }
}

/// Notes that HEAD is about to move.
pub(super) fn announce(staging: &Path) -> io::Result<()> {
    fs::write(staging.join(MOVING), "")
}

const MOVING: &str = "moving";

/// Removes the locks that libgit2 left when we were killed while HEAD moved to `to`. Such a lock has the new commit's id
/// in it, which nobody but us knows (a commit that is undone to is known, so it counts only if we had announced the
/// move), or nothing yet. git writes the id at once after it has made the lock, so one that stays empty is nobody's.
pub(super) fn unlock(open: &Open, to: Oid, staging: &Path) {
    if fs::symlink_metadata(staging.join(MOVING)).is_err() {
        return;
    }
    let head = files::text(&open.git.join("HEAD")).unwrap_or_default();
    let branch = head.strip_prefix("ref:").map(|name| open.common.join(name.trim()));
    for reference in std::iter::once(open.git.join("HEAD")).chain(branch) {
        let mut lock = reference.into_os_string();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        let ours = |text: &str| text.trim_end() == to.to_string();
        let mut tries = 0;
        while files::text(&lock).is_some_and(|text| text.is_empty()) && tries < 20 {
            std::thread::sleep(Duration::from_millis(50));
            tries += 1;
        }
        if files::text(&lock).is_some_and(|text| text.is_empty() || ours(&text)) {
            files::remove(&lock);
        }
    }
}

/// Writes a commit that nothing refers to yet.
pub(super) fn write_commit(
    repository: &Repository,
    parent: &Commit,
    tree: Oid,
    message: &str,
) -> Result<Oid, git2::Error> {
    let who = who(repository)?;
    repository.commit(None, &who, &who, message, &repository.find_tree(tree)?, &[parent])
}

/// The repository's user, else ours.
fn who(repository: &Repository) -> Result<Signature<'static>, git2::Error> {
    repository.signature().or_else(|_| Signature::now("Bridge Watchdog", "bridge-watchdog@localhost"))
}
