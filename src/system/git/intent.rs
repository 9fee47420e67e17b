//! What we are about to do to a checkout, on disk before anything in it changes: if we are killed, the next start knows.

use std::path::{Path, PathBuf};

use git2::Oid;
use serde::{Deserialize, Serialize};

use crate::contract;
use crate::revert::Act;
use crate::system::files;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Intent {
    pub(super) act: Act,
    from: String,
    to: String,
    /// Our folder for files on their way.
    pub(super) staging: PathBuf,
    /// What we write into git's lock of the index: a lock that says this is ours.
    pub(super) token: String,
}

impl Intent {
    pub(super) fn new(act: Act, from: Oid, to: Oid, git: &Path, root: &Path) -> Intent {
        let random = format!("{:016x}", fastrand::u64(..));
        let staging = place(git, root).join(format!(".bridge-watchdog-{random}"));
        let token = format!("bridge-watchdog {} {random}\n", std::process::id());
        Intent { act, from: from.to_string(), to: to.to_string(), staging, token }
    }

    /// Synced to disk: what it announces is not undone by a loss of power either.
    pub(super) fn write(&self, state: &Path) -> Result<(), String> {
        let text = serde_json::to_string(self).map_err(|error| error.to_string())? + "\n";
        files::replace_for_good(&path(state), text.as_bytes(), 0o600)
    }

    /// `None` if there is none, or it is broken: each is written in one step, so that was nobody's half of one.
    pub(super) fn read(state: &Path) -> Option<Intent> {
        files::json(&path(state))
    }

    pub(super) fn drop_it(state: &Path) {
        files::remove(&path(state));
    }

    pub(super) fn ids(&self) -> Result<(Oid, Oid), git2::Error> {
        Ok((Oid::from_str(&self.from)?, Oid::from_str(&self.to)?))
    }
}

fn path(state: &Path) -> PathBuf {
    state.join(contract::REVERT)
}

/// A file is moved in one step only within a file system. In the repository's folder nobody who watches the work tree
/// sees it; that of a linked work tree may be elsewhere.
fn place<'a>(git: &'a Path, root: &'a Path) -> &'a Path {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| std::fs::metadata(path).map(|meta| meta.dev()).ok();
    if device(git) == device(root) { git } else { root }
}
