//! The revert of HEAD and its undoing as values: what is about to be done, what was done, and why not. Pure.

use serde::{Deserialize, Serialize};

use crate::time::Wall;

/// What a revert of HEAD would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// Forty hex digits.
    pub commit: String,
    pub summary: String,
    pub committed: Wall,
    /// `None`: HEAD is detached.
    pub branch: Option<String>,
    /// How many files change.
    pub paths: usize,
}

/// A commit's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitId([u8; 40]);

impl CommitId {
    /// From forty hex digits.
    pub fn of(name: &str) -> Option<CommitId> {
        let digits: [u8; 40] = name.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(CommitId(digits))
    }
}

impl std::fmt::Display for CommitId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|digit| write!(f, "{}", char::from(*digit)))
    }
}

/// HEAD was reverted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reverted {
    /// The commit whose change is undone.
    pub commit: String,
    pub summary: String,
    /// The commit that HEAD is now.
    pub revert: String,
    pub branch: Option<String>,
    pub paths: usize,
}

/// Our revert was undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undone {
    /// The revert that no longer counts.
    pub revert: String,
    /// The commit that HEAD is now: the one that had been reverted, or where the revert was pushed, a new one.
    pub head: String,
    /// The subject of the commit that is back.
    pub summary: String,
    /// A remote has the revert, so the history was not set back: a new commit undoes it.
    pub pushed: bool,
    pub branch: Option<String>,
    pub paths: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    Revert,
    Undo,
}

/// What became of an act in whose middle we were killed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finished {
    /// HEAD had moved already: the act is done, and this commit is HEAD.
    Done(Act, String),
    /// HEAD had not moved: what had been changed was put back.
    Back(Act, String),
    /// HEAD is a third commit, so somebody acted since: nothing was touched.
    Elsewhere(Act),
}

/// What of a repository's format can't be handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Objects are not named by SHA-1.
    Objects(String),
    Refs(String),
    /// `extensions.NAME` of its configuration.
    Extension(String),
    SplitIndex,
    SparseIndex,
}

/// What a person has begun with git and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnderWay {
    Merge,
    Revert,
    CherryPick,
    Bisect,
    Rebase,
    /// `git am`.
    Mailbox,
}

/// Why nothing was reverted or undone. The checkout is then as it was; only after [`Refusal::HalfBack`] it is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    NoRepository {
        root: String,
    },
    /// With libgit2's or the kernel's reason.
    Unreadable {
        path: String,
        why: String,
    },
    Unsupported(Format),
    OtherOwner {
        root: String,
    },
    /// `.git` is a file that names a folder which is not there.
    Dangling {
        path: String,
        folder: String,
    },
    /// A pipe, a device or a socket where a file belongs.
    NotAFile {
        path: String,
    },
    Bare {
        root: String,
    },
    /// HEAD names a branch without a commit.
    NoCommit,
    RootCommit {
        commit: String,
    },
    /// The history was cut off above HEAD.
    Shallow {
        commit: String,
    },
    Merge {
        commit: String,
    },
    OwnRevert {
        commit: String,
    },
    /// It was reverted before, and somebody brought it back; only by hand it is reverted once more.
    Undone {
        commit: String,
    },
    /// To undo: HEAD is not a revert of ours.
    NotOurRevert {
        commit: String,
    },
    /// The commit changes nothing.
    Empty {
        commit: String,
    },
    UnderWay(UnderWay),
    IndexLocked {
        path: String,
    },
    /// git's index is no index.
    BrokenIndex {
        path: String,
    },
    /// A merge left conflicts in the index.
    Conflicts {
        paths: Vec<String>,
        more: usize,
    },
    /// Files that the revert would change have staged or other uncommitted changes.
    Uncommitted {
        paths: Vec<String>,
        more: usize,
    },
    /// Something that git does not track is where a file would be written.
    InTheWay {
        path: String,
    },
    Submodule {
        path: String,
    },
    /// A `filter` attribute: an external program would have to convert the file.
    Filter {
        path: String,
        name: String,
    },
    /// An `ident` attribute, and contents in which git alone expands it as git does.
    Ident {
        path: String,
    },
    /// A `working-tree-encoding` attribute.
    Encoding {
        path: String,
    },
    /// Left out of a sparse checkout, or assumed unchanged.
    Skipped {
        path: String,
    },
    MissingObject {
        path: String,
        id: String,
    },
    /// Two names that differ in case only.
    SameName {
        path: String,
        other: String,
    },
    ReadOnly {
        path: String,
    },
    /// A folder above it is a symbolic link.
    ThroughLink {
        path: String,
    },
    /// A name that git itself refuses to check out.
    BadName {
        path: String,
    },
    /// It was changed while we looked.
    Changed {
        path: String,
    },
    /// HEAD or its branch is another commit than a moment ago.
    Moved,
    /// Our notes could not be written, so nothing was begun.
    NoNotes {
        why: String,
    },
    /// A step failed, and what had been changed was put back.
    Failed {
        path: String,
        why: String,
    },
    /// A step failed, and so did putting back; the next start tries again.
    HalfBack {
        path: String,
        why: String,
    },
}

impl Refusal {
    /// The first few of these paths, and how many more there are.
    pub fn named(paths: Vec<String>) -> (Vec<String>, usize) {
        // As many as a person reads in one sentence.
        let more = paths.len().saturating_sub(3);
        (paths.into_iter().take(3).collect(), more)
    }
}
