//! Rung 4's door: undoes HEAD by a new commit, and undoes that.
//!
//! HEAD is no merge, so its revert has its parent's tree, and nothing has to be merged: only the files that differ
//! between two known trees change. The order of the steps makes each instant one from which the next start can go on:
//! the intent is written; git's lock of the index is taken; the new files are made in a folder of ours; the old ones get
//! a second name there; each new one is moved to its place; the new index is; HEAD moves last. So HEAD tells: where it
//! has moved, all is done, and where it has not, everything goes back.

use std::path::Path;

use git2::{Commit, Index, Oid};

use super::carry_out::{clear, index_copy, step};
use super::changes::{Change, between};
use super::conditions::Seen;
use super::intent::Intent;
use super::opening::{Open, open, shown, unreadable};
use super::settle::{Towards, settle};
use super::tip::{Tip, tip, write_commit};
use super::{LONGEST, REVERT_SUBJECT, UNDO_SUBJECT, committed, conditions, index_file, reverted};
use crate::revert::{Act, Finished, Prepared, Refusal, Reverted, Undone};
use crate::system::files;

/// What [`revert`] would do by hand. Writes nothing.
///
/// # Errors
/// Why it would refuse.
pub fn prepare(root: &Path) -> Result<Prepared, Refusal> {
    let plan = revert_plan(root, None)?;
    conditions::check(&plan.open, &plan.tip, &plan.changes, None)?;
    let commit = plan.head()?;
    Ok(Prepared {
        commit: commit.id().to_string(),
        summary: summary(&commit),
        committed: committed(&commit),
        branch: plan.tip.branch_name(),
        paths: plan.changes.len(),
    })
}

/// Undoes HEAD by a new commit; `auto`: not one that was reverted before. What an earlier run of ours left half done is
/// finished first. `expected`: only this commit, forty hex digits.
///
/// # Errors
/// Why nothing was done.
pub fn revert(root: &Path, state: &Path, auto: bool, expected: Option<&str>) -> Result<Reverted, Refusal> {
    finish(root, state)?;
    let plan = revert_plan(root, auto.then_some(state))?;
    if expected.is_some_and(|commit| plan.tip.commit.to_string() != commit) {
        return Err(Refusal::Moved);
    }
    let (seen, index) = plan.check(state)?;
    let head = plan.head()?;
    let message = format!("{REVERT_SUBJECT}\n\n{}\n", body(head.id()));
    let revert = write_commit(&plan.open.repository, &head, plan.tree, &message)
        .map_err(|error| failed(&plan.open.common, &error))?;
    plan.carry_out(state, Act::Revert, revert, &seen, index)?;
    Ok(Reverted {
        commit: head.id().to_string(),
        summary: summary(&head),
        revert: revert.to_string(),
        branch: plan.tip.branch_name(),
        paths: plan.changes.len(),
    })
}

/// Undoes our own revert, which has to be HEAD. Where no remote has it, the branch goes back to the commit before it, so
/// that a fast-forward pull works again; else a new commit undoes it.
///
/// # Errors
/// Why nothing was done.
pub fn undo(root: &Path, state: &Path) -> Result<Undone, Refusal> {
    finish(root, state)?;
    let (plan, before) = undo_plan(root)?;
    let (seen, index) = plan.check(state)?;
    let revert = plan.head()?;
    let repository = &plan.open.repository;
    let failed = |error: git2::Error| failed(&plan.open.common, &error);
    let pushed = is_pushed(&plan.open, revert.id(), before).map_err(failed)?;
    let head = if pushed {
        let message = format!("{UNDO_SUBJECT}\n\n{}\n", body(revert.id()));
        write_commit(repository, &revert, plan.tree, &message).map_err(failed)?
    } else {
        before
    };
    plan.carry_out(state, Act::Undo, head, &seen, index)?;
    Ok(Undone {
        revert: revert.id().to_string(),
        head: head.to_string(),
        summary: summary(&repository.find_commit(before).map_err(failed)?),
        pushed,
        branch: plan.tip.branch_name(),
        paths: plan.changes.len(),
    })
}

/// Whether a run of ours was killed in the middle. Cheap.
pub fn is_under_way(state: &Path) -> bool {
    Intent::read(state).is_some()
}

/// Brings to an end what we were killed in: where HEAD has moved it is done, where it has not, what was changed goes
/// back. `None` if nothing was under way. To be called at each start, under the recovery lock.
///
/// # Errors
/// Why it is not finished; the next call tries again.
pub fn finish(root: &Path, state: &Path) -> Result<Option<Finished>, Refusal> {
    let Some(intent) = Intent::read(state) else { return Ok(None) };
    let open = open(root)?;
    let failed = |error: git2::Error| failed(&open.common, &error);
    let (from, to) = intent.ids().map_err(failed)?;
    let head = tip(&open)?.commit;
    index_file::unlock(&open.git, &intent.token);
    super::tip::unlock(&open, to, &intent.staging);
    let finished = if head == to {
        settle(&open, &intent, from, to, Towards::To)?;
        if intent.act == Act::Revert {
            note(&open, state, from)?;
        }
        Finished::Done(intent.act, to.to_string())
    } else if head == from {
        settle(&open, &intent, from, to, Towards::From)?;
        Finished::Back(intent.act, from.to_string())
    } else {
        Finished::Elsewhere(intent.act)
    };
    step();
    clear(&intent.staging);
    files::remove(&index_copy(state));
    step();
    Intent::drop_it(state);
    Ok(Some(finished))
}

/// Where HEAD goes from here, and what changes on the way.
pub(super) struct Plan {
    pub(super) open: Open,
    pub(super) tip: Tip,
    /// The tree that HEAD's commit will have.
    tree: Oid,
    pub(super) changes: Vec<Change>,
}

impl Plan {
    fn head(&self) -> Result<Commit<'_>, Refusal> {
        let commit = self.open.repository.find_commit(self.tip.commit);
        commit.map_err(|error| unreadable(&self.open.git, &error))
    }

    fn check(&self, state: &Path) -> Result<(Seen, Index), Refusal> {
        files::make_private_folder(state).map_err(|error| Refusal::NoNotes { why: error.to_string() })?;
        let copy = index_copy(state);
        let checked = conditions::check(&self.open, &self.tip, &self.changes, Some(&copy));
        if checked.is_err() {
            files::remove(&copy);
        }
        checked
    }

    fn to(open: Open, tip: Tip, tree: Oid) -> Result<Plan, Refusal> {
        let repository = &open.repository;
        let trees = repository.find_commit(tip.commit).and_then(|head| Ok((head.tree()?, repository.find_tree(tree)?)));
        let changes = trees.and_then(|(from, to)| between(repository, &from, &to));
        let changes = changes.map_err(|error| unreadable(&open.common, &error))?;
        Ok(Plan { open, tip, tree, changes })
    }
}

fn revert_plan(root: &Path, auto: Option<&Path>) -> Result<Plan, Refusal> {
    let open = open(root)?;
    let tip = tip(&open)?;
    let tree = {
        let unreadable = |error: git2::Error| unreadable(&open.common, &error);
        let head = open.repository.find_commit(tip.commit).map_err(unreadable)?;
        let commit = head.id().to_string();
        if is_own(&head) {
            return Err(Refusal::OwnRevert { commit });
        }
        if head.parent_count() > 1 {
            return Err(Refusal::Merge { commit });
        }
        let Some(parent) = parent(&head)? else { return Err(Refusal::RootCommit { commit }) };
        if auto.is_some_and(|state| reverted::was_reverted(state, head.tree_id())) {
            return Err(Refusal::Undone { commit });
        }
        if parent.tree_id() == head.tree_id() {
            return Err(Refusal::Empty { commit });
        }
        parent.tree_id()
    };
    Plan::to(open, tip, tree)
}

fn undo_plan(root: &Path) -> Result<(Plan, Oid), Refusal> {
    let open = open(root)?;
    let tip = tip(&open)?;
    let (tree, before) = {
        let head = open.repository.find_commit(tip.commit).map_err(|error| unreadable(&open.common, &error))?;
        let commit = head.id().to_string();
        let own = is_own(&head) && head.parent_count() == 1;
        let parent = if own { parent(&head)? } else { None };
        // A person's commit may bear the same subject.
        let Some(parent) = parent.filter(|parent| {
            head.message_bytes().windows(body(parent.id()).len()).any(|part| part == body(parent.id()).as_bytes())
        }) else {
            return Err(Refusal::NotOurRevert { commit });
        };
        (parent.tree_id(), parent.id())
    };
    Ok((Plan::to(open, tip, tree)?, before))
}

/// `None` for the first commit of a history.
fn parent<'a>(commit: &Commit<'a>) -> Result<Option<Commit<'a>>, Refusal> {
    let shallow = || Refusal::Shallow { commit: commit.id().to_string() };
    // libgit2 leaves out the parents at the edge of a shallow history.
    let named = commit.raw_header_bytes().windows(8).any(|part| part == b"\nparent ");
    match commit.parent_count() {
        0 if named => Err(shallow()),
        0 => Ok(None),
        _ => commit.parent(0).map(Some).map_err(|_| shallow()),
    }
}

fn is_own(commit: &Commit) -> bool {
    commit.summary_bytes() == Some(REVERT_SUBJECT.as_bytes())
}

/// As git words it, so that other tools find it.
fn body(commit: Oid) -> String {
    format!("This reverts commit {commit}.")
}

fn summary(commit: &Commit) -> String {
    String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).chars().take(LONGEST).collect()
}

fn failed(path: &Path, error: &git2::Error) -> Refusal {
    Refusal::Failed { path: shown(path), why: error.message().to_owned() }
}

pub(super) fn note(open: &Open, state: &Path, commit: Oid) -> Result<(), Refusal> {
    let tree = open.repository.find_commit(commit).map_err(|error| failed(&open.common, &error))?.tree_id();
    reverted::note(state, commit, tree).map_err(|why| Refusal::NoNotes { why })
}

/// Whether a remote-tracking branch has it. Walks only what they have beyond the commit before it.
fn is_pushed(open: &Open, commit: Oid, before: Oid) -> Result<bool, git2::Error> {
    let mut walk = open.repository.revwalk()?;
    let mut any = false;
    for reference in open.repository.references_glob("refs/remotes/*")? {
        if let Ok(target) = reference?.peel_to_commit() {
            walk.push(target.id())?;
            any = true;
        }
    }
    if !any {
        return Ok(false);
    }
    walk.hide(before)?;
    for id in walk {
        if id? == commit {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
#[path = "revert_tests.rs"]
pub(super) mod tests;
