//! The checkout's HEAD. Read with libgit2: on a Mac without Apple's developer tools `/usr/bin/git` opens a dialog.

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
    let summary: String = head.summary().ok().flatten().unwrap_or("").chars().take(72).collect();
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let committed = Wall(head.time().seconds() as f64);
    Ok(Git {
        head: head.id().to_string(),
        own_revert: summary == REVERT_SUBJECT,
        summary,
        committed,
        parents: head.parent_count(),
        dirty: if deep { dirty(repository)? } else { None },
        touches_code: deep.then(|| touches_code(repository, head)).transpose()?,
    })
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
    let skipped = |path: &[u8]| {
        // 0: the one entry of a path without a conflict.
        index.get_path(Path::new(OsStr::from_bytes(path)), 0).is_some_and(|entry| {
            entry.flags & ASSUME_UNCHANGED != 0
                || entry.flags_extended & IndexEntryExtendedFlag::SKIP_WORKTREE.bits() != 0
        })
    };
    let changed = repository.statuses(Some(&mut options))?.iter().any(|entry| {
        // libgit2 takes what was left out for deleted.
        !(entry.status() == Status::WT_DELETED && skipped(entry.path_bytes()))
    });
    Ok(changed || has_changed_beside(repository, &index)?)
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

    fn git(root: &Path, args: &[&str]) -> String {
        let mut command = std::process::Command::new("git");
        let who = ["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "protocol.file.allow=always"];
        command.args(who).args(args).current_dir(root);
        let output = command.env("LC_ALL", "C").env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Whether the checkout is dirty is what git itself says of its tracked files.
    #[test]
    fn r22b_what_git_leaves_out_is_no_change() {
        type Row = (&'static str, fn(&Path), bool);
        let write = |path: PathBuf, text: &str| std::fs::write(path, text).unwrap();
        let rows: [Row; 16] = [
            ("nothing", |_| {}, false),
            ("untracked", |root| std::fs::write(root.join("data.txt"), "x").unwrap(), false),
            ("changed", |root| std::fs::write(root.join("bridge/a.py"), "x").unwrap(), true),
            ("deleted", |root| std::fs::remove_file(root.join("docs/a.md")).unwrap(), true),
            ("staged", |root| drop(git(root, &["rm", "-q", "docs/a.md"])), true),
            ("sparse, cone", |root| drop(git(root, &["sparse-checkout", "set", "bridge"])), false),
            ("sparse, no cone", |root| drop(git(root, &["sparse-checkout", "set", "--no-cone", "/bridge/"])), false),
            (
                "sparse, and one that is there deleted",
                |root| {
                    git(root, &["sparse-checkout", "set", "bridge"]);
                    std::fs::remove_file(root.join("bridge/a.py")).unwrap();
                },
                true,
            ),
            (
                "sparse, and one that is left out deleted from the index",
                |root| {
                    git(root, &["sparse-checkout", "set", "bridge"]);
                    git(root, &["rm", "-q", "--cached", "--sparse", "docs/a.md"]);
                },
                true,
            ),
            (
                "sparse, and one that is left out is there with other contents",
                |root| {
                    git(root, &["sparse-checkout", "set", "bridge"]);
                    std::fs::create_dir_all(root.join("docs")).unwrap();
                    std::fs::write(root.join("docs/a.md"), "changed").unwrap();
                },
                true,
            ),
            (
                "sparse, and one that is left out is there as it was",
                |root| {
                    git(root, &["sparse-checkout", "set", "bridge"]);
                    std::fs::create_dir_all(root.join("docs")).unwrap();
                    std::fs::write(root.join("docs/a.md"), "one\n").unwrap();
                },
                false,
            ),
            (
                "assumed unchanged, and changed",
                |root| {
                    git(root, &["update-index", "--assume-unchanged", "docs/a.md"]);
                    std::fs::write(root.join("docs/a.md"), "changed").unwrap();
                },
                false,
            ),
            (
                "assumed unchanged, and deleted",
                |root| {
                    git(root, &["update-index", "--assume-unchanged", "docs/a.md"]);
                    std::fs::remove_file(root.join("docs/a.md")).unwrap();
                },
                false,
            ),
            (
                "skipped by hand, and changed: a person's own settings",
                |root| {
                    git(root, &["update-index", "--skip-worktree", "docs/a.md"]);
                    std::fs::write(root.join("docs/a.md"), "changed").unwrap();
                },
                false,
            ),
            ("a mode", |root| executable(&root.join("bridge/a.py")), true),
            (
                "a mode that git does not look at",
                |root| {
                    git(root, &["config", "core.fileMode", "false"]);
                    executable(&root.join("bridge/a.py"));
                },
                false,
            ),
        ];
        for (name, change, expected) in rows {
            for in_worktree in [false, true] {
                let folder = tempfile::tempdir().unwrap();
                let main = folder.path().join("main");
                std::fs::create_dir_all(main.join("bridge")).unwrap();
                std::fs::create_dir_all(main.join("docs")).unwrap();
                git(&main, &["init", "-q"]);
                write(main.join("bridge/a.py"), "one\n");
                write(main.join("docs/a.md"), "one\n");
                git(&main, &["add", "."]);
                git(&main, &["commit", "-qm", "one"]);
                let root = if in_worktree { folder.path().join("work") } else { main.clone() };
                if in_worktree {
                    git(&main, &["worktree", "add", "-q", "../work"]);
                }
                change(&root);
                let seen = Checkout::new(&root).head(true).unwrap().dirty;
                let said = git(&root, &["status", "--porcelain", "-uno"]);
                assert_eq!((seen, !said.is_empty()), (Some(expected), expected), "{name} {in_worktree}: {said}");
            }
        }
    }

    fn executable(path: &Path) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A library as a submodule, with what its person told git to ignore of it.
    #[test]
    fn r22b_what_git_ignores_of_a_submodule_is_no_change() {
        type Row = (&'static str, &'static str, fn(&Path), bool);
        let rows: [Row; 6] = [
            ("nothing", "none", |_| {}, false),
            ("changed", "none", |lib| std::fs::write(lib.join("a"), "x").unwrap(), true),
            ("changed, ignored", "dirty", |lib| std::fs::write(lib.join("a"), "x").unwrap(), false),
            ("untracked, ignored", "untracked", |lib| std::fs::write(lib.join("new"), "x").unwrap(), false),
            ("another commit", "dirty", |lib| drop(git(lib, &["commit", "-q", "--allow-empty", "-m", "two"])), true),
            (
                "another commit, ignored",
                "all",
                |lib| drop(git(lib, &["commit", "-q", "--allow-empty", "-m", "two"])),
                false,
            ),
        ];
        for (name, ignore, change, expected) in rows {
            let folder = tempfile::tempdir().unwrap();
            let (library, root) = (folder.path().join("library"), folder.path().join("main"));
            for path in [&library, &root] {
                std::fs::create_dir_all(path).unwrap();
                git(path, &["init", "-q"]);
                std::fs::write(path.join("a"), "one").unwrap();
                git(path, &["add", "."]);
                git(path, &["commit", "-qm", "one"]);
            }
            git(&root, &["submodule", "add", "-q", library.to_str().unwrap(), "lib"]);
            git(&root, &["config", "-f", ".gitmodules", "submodule.lib.ignore", ignore]);
            git(&root, &["add", ".gitmodules"]);
            git(&root, &["commit", "-qm", "lib"]);
            change(&root.join("lib"));
            let seen = Checkout::new(&root).head(true).unwrap().dirty;
            let said = git(&root, &["status", "--porcelain", "-uno"]);
            assert_eq!((seen, !said.is_empty()), (Some(expected), expected), "{name}: {said}");
        }
    }

    /// As `git clone --filter=blob:none --sparse` makes it, and with a sparse index, which libgit2 can't read.
    #[test]
    fn r22b_head_is_known_in_every_form_of_a_checkout() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("main");
        std::fs::create_dir_all(main.join("bridge")).unwrap();
        std::fs::create_dir_all(main.join("docs/more")).unwrap();
        git(&main, &["init", "-q"]);
        git(&main, &["config", "uploadpack.allowFilter", "true"]);
        for path in ["bridge/a.py", "docs/more/a.md", "top"] {
            std::fs::write(main.join(path), "one\n").unwrap();
        }
        git(&main, &["add", "."]);
        git(&main, &["commit", "-qm", "one"]);
        let url = format!("file://{}", main.display());
        git(folder.path(), &["clone", "-q", "--filter=blob:none", "--sparse", &url, "partial"]);
        let partial = folder.path().join("partial");
        git(&partial, &["sparse-checkout", "set", "bridge"]);
        let seen = Checkout::new(&partial).head(true).unwrap();
        assert_eq!((seen.summary.as_str(), seen.dirty), ("one", Some(false)));
        git(&main, &["sparse-checkout", "set", "--sparse-index", "bridge"]);
        let seen = Checkout::new(&main).head(true).unwrap();
        assert_eq!(seen.summary, "one");
        assert_eq!(seen.dirty, None);
    }
}
