//! Why HEAD was not reverted, or the revert not undone: what stands in the way, and the command that mends it. Pure.

use super::foreign;
use crate::facts::short_id;
use crate::revert::{Act, Finished, Format, Refusal, UnderWay};

pub fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoRepository { root } => format!("{} is no git checkout.", foreign(root)),
        Refusal::Unreadable { path, why } => format!("{} can't be read: {}.", foreign(path), reason(why)),
        Refusal::Unsupported(format) => format_unsupported(format),
        Refusal::OtherOwner { root } => format!(
            "{0} belongs to another user, and git does not trust it. If you do: git config --global --add safe.directory {0}",
            argument(root)
        ),
        Refusal::Dangling { path, folder } => format!(
            "{} names the repository {}, which is not there. If it was moved: git worktree repair, in the repository.",
            foreign(path),
            foreign(folder)
        ),
        Refusal::NotAFile { path } => format!("{} is no plain file.", foreign(path)),
        Refusal::Bare { root } => format!("{} is a bare repository: it has no files to revert.", foreign(root)),
        Refusal::NoCommit => "The branch has no commit yet.".into(),
        Refusal::RootCommit { commit } => {
            format!("HEAD ({}) is the first commit: nothing is before it.", short_id(commit))
        }
        Refusal::Shallow { commit } => format!(
            "The history is cut off before HEAD ({}), so its change is not known. To fetch more: git fetch --deepen=1",
            short_id(commit)
        ),
        Refusal::Merge { commit } => format!(
            "HEAD ({0}) is a merge, and which side is to stay is your decision: git revert -m 1 {0}",
            short_id(commit)
        ),
        Refusal::OwnRevert { commit } => format!(
            "HEAD ({}) is our own revert. To bring the reverted commit back: bridge-watchdog undo-revert",
            short_id(commit)
        ),
        Refusal::Undone { commit } => format!(
            "HEAD ({}) was reverted before and somebody brought it back, so it is not reverted again by itself. By hand: \
             bridge-watchdog revert",
            short_id(commit)
        ),
        Refusal::NotOurRevert { commit } => {
            format!("HEAD ({}) is no revert of ours, so there is nothing to undo.", short_id(commit))
        }
        Refusal::Empty { commit } => format!("HEAD ({}) changes no file.", short_id(commit)),
        Refusal::UnderWay(what) => under_way(*what),
        Refusal::IndexLocked { path } => format!(
            "A git command is at work in the checkout, or one was ended in the middle and left its lock. If none runs: rm {}",
            argument(path)
        ),
        Refusal::BrokenIndex { path } => format!(
            "git's index is broken. To make it anew, which leaves all files alone: rm {} && git reset",
            argument(path)
        ),
        Refusal::Conflicts { paths, more } => {
            format!("{} in conflict. Resolve that first: git status", are(paths, *more))
        }
        Refusal::Uncommitted { paths, more } => {
            format!("Uncommitted changes would be lost: {} changed. Put them aside: git stash", are(paths, *more))
        }
        Refusal::InTheWay { path } => {
            format!("{} is not in git, and a file has to be written there. Move it away.", foreign(path))
        }
        Refusal::Submodule { path } => format!(
            "{} is a submodule, whose commits only git can change: git revert --no-edit HEAD, then git submodule update",
            foreign(path)
        ),
        Refusal::Filter { path, name } => format!(
            "{} goes through git's filter \"{}\", which is a program of its own: git revert --no-edit HEAD",
            foreign(path),
            foreign(name)
        ),
        Refusal::Ident { path } => {
            format!("{} has \"$Id\" in it in a form that only git expands: git revert --no-edit HEAD", foreign(path))
        }
        Refusal::Encoding { path } => format!(
            "{} has an encoding of its own in the work tree, which only git converts: git revert --no-edit HEAD",
            foreign(path)
        ),
        Refusal::Skipped { path } => format!(
            "{} is left out of this checkout, or assumed to be unchanged: git revert --no-edit HEAD",
            foreign(path)
        ),
        Refusal::MissingObject { path, id } => format!(
            "The contents of {} ({}) are not in the repository. To fetch what is missing: git fetch",
            foreign(path),
            short_id(id)
        ),
        Refusal::SameName { path, other } => format!(
            "{} and {} differ in case only, and here both are one file. Rename one first.",
            foreign(path),
            foreign(other)
        ),
        Refusal::ReadOnly { path } => {
            format!("{0} can't be written to. If it is yours: chmod u+rwx {0}", argument(path))
        }
        Refusal::ThroughLink { path } => {
            format!("A folder above {} is a symbolic link, and nothing is written through it.", foreign(path))
        }
        Refusal::BadName { path } => format!("git itself refuses to check out a file named {}.", foreign(path)),
        Refusal::Changed { path } => format!("{} was changed in this moment. Try again.", foreign(path)),
        Refusal::Moved => "Somebody else moved HEAD in this moment. Look at it: git log".into(),
        Refusal::NoNotes { why } => {
            format!("Our own state folder can't be written, so nothing was begun: {}.", reason(why))
        }
        Refusal::Failed { path, why } => {
            format!("{}: {}. The checkout is as it was before.", foreign(path), reason(why))
        }
        Refusal::HalfBack { path, why } => format!(
            "The checkout is between two commits, since {} could not be written: {}. We try again at the next start; by \
             hand: git status",
            foreign(path),
            reason(why)
        ),
    }
}

/// What became of what we were killed in.
pub fn finished(finished: &Finished) -> String {
    match finished {
        Finished::Done(Act::Revert, head) => {
            format!("HEAD had been reverted before we were ended; HEAD is {}.", short_id(head))
        }
        Finished::Done(Act::Undo, head) => {
            format!("The revert had been undone before we were ended; HEAD is {}.", short_id(head))
        }
        Finished::Back(Act::Revert, head) => format!(
            "We were ended in the middle of a revert. What it had changed is back, and HEAD is still {}.",
            short_id(head)
        ),
        Finished::Back(Act::Undo, head) => format!(
            "We were ended while we undid a revert. What that had changed is back, and HEAD is still {}.",
            short_id(head)
        ),
        Finished::Elsewhere(Act::Revert) => {
            "We were ended in the middle of a revert. HEAD was moved since, so nothing was touched.".into()
        }
        Finished::Elsewhere(Act::Undo) => {
            "We were ended while we undid a revert. HEAD was moved since, so nothing was touched.".into()
        }
    }
}

fn format_unsupported(format: &Format) -> String {
    let what = match format {
        Format::Objects(name) => format!("names its objects by {}", foreign(name)),
        Format::Refs(name) => format!("keeps its branches in the format {}", foreign(name)),
        Format::Extension(name) => format!("uses git's extension {}", foreign(name)),
        Format::SplitIndex => {
            return "The checkout's index is split, which only git reads. To join it: git update-index --no-split-index".into();
        }
        Format::SparseIndex => {
            return "The checkout's index is sparse, which only git reads. To fill it: git sparse-checkout reapply \
                    --no-sparse-index"
                .into();
        }
    };
    format!("The repository {what}, which only git reads: git revert --no-edit HEAD")
}

fn under_way(what: UnderWay) -> String {
    let (what, end) = match what {
        UnderWay::Merge => ("A merge", "git merge --abort"),
        UnderWay::Revert => ("A revert", "git revert --abort"),
        UnderWay::CherryPick => ("A cherry-pick", "git cherry-pick --abort"),
        UnderWay::Bisect => ("A bisect", "git bisect reset"),
        UnderWay::Rebase => ("A rebase", "git rebase --abort"),
        UnderWay::Mailbox => ("A git am", "git am --abort"),
    };
    format!("{what} is under way. End it first, or give it up: {end}")
}

/// `a, b and 3 more are`
fn are(paths: &[String], more: usize) -> String {
    let names: Vec<String> = paths.iter().map(|path| foreign(path)).collect();
    match (names.as_slice(), more) {
        ([one], 0) => format!("{one} is"),
        ([before @ .., last], 0) => format!("{} and {last} are", before.join(", ")),
        (all, more) => format!("{} and {more} more are", all.join(", ")),
    }
}

/// A reason of the kernel or of libgit2, within a sentence of ours.
fn reason(why: &str) -> String {
    foreign(why.trim_end_matches('.'))
}

/// A path as a shell takes it.
fn argument(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@,:".contains(&byte);
    if !path.is_empty() && path.bytes().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", foreign(path).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_counted_and_quoted() {
        let paths = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let rows: [(&[&str], usize, &str); 4] = [
            (&["a"], 0, "a is"),
            (&["a", "b"], 0, "a and b are"),
            (&["a", "b", "c"], 0, "a, b and c are"),
            (&["a", "b", "c"], 4, "a, b, c and 4 more are"),
        ];
        for (names, more, expected) in rows {
            assert_eq!(are(&paths(names), more), expected);
        }
        assert_eq!(argument("/srv/bridge/.git/index.lock"), "/srv/bridge/.git/index.lock");
        assert_eq!(argument("/Users/ann/My 'own' bridge"), "'/Users/ann/My '\\''own'\\'' bridge'");
        assert!(!refusal(&Refusal::InTheWay { path: "a\x1b[2Jb\n".into() }).contains(['\x1b', '\n']));
    }
}
