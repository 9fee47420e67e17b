use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use super::*;
use crate::system::git::Checkout;
use crate::system::git::changes::Side;

thread_local! {
    /// What happens at which of the next steps.
    static AT_STEP: RefCell<Option<(usize, Box<dyn FnOnce()>)>> = const { RefCell::new(None) };
}

pub(in crate::system::git) fn step() {
    AT_STEP.with_borrow_mut(|at| match at.take() {
        Some((0, act)) => act(),
        Some((left, act)) => *at = Some((left - 1, act)),
        None => {}
    });
}

/// A repository of git's own making.
struct Repo {
    folder: tempfile::TempDir,
    root: PathBuf,
    state: PathBuf,
}

impl Repo {
    fn empty() -> Repo {
        let folder = tempfile::tempdir().unwrap();
        let (root, state) = (folder.path().join("root"), folder.path().join("state"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&state).unwrap();
        Repo { folder, root, state }
    }

    /// One commit with a few files.
    fn new() -> Repo {
        let repo = Repo::empty();
        repo.git(&["init", "-q", "-b", "main", "--template="]);
        // Empty: nobody, whatever the machine's own configuration says.
        repo.git(&["config", "user.name", ""]);
        for (name, text) in [("bridge/a.py", "one\n"), ("bridge/b.py", "one\n"), ("docs/a.md", "one\n"), ("x", "x\n")] {
            repo.write(name, text);
        }
        repo.commit("one");
        repo
    }

    /// And a second one, which changes a file, adds one in a folder of its own, and deletes one with its folder.
    fn broken() -> Repo {
        static TEMPLATE: OnceLock<Repo> = OnceLock::new();
        TEMPLATE
            .get_or_init(|| {
                let repo = Repo::new();
                repo.write("bridge/a.py", "two\n");
                repo.write("bridge/c.py", "two\n");
                repo.write("new/deep/d.py", "two\n");
                fs::remove_dir_all(repo.root.join("docs")).unwrap();
                repo.commit("Break it");
                repo
            })
            .copy()
    }

    fn copy(&self) -> Repo {
        let repo = Repo::empty();
        for (from, to) in [(&self.root, &repo.root), (&self.state, &repo.state)] {
            fs::remove_dir(to).unwrap();
            assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
        }
        // As git leaves it: with the copies' own times and inodes.
        git_command(&repo.root, &["update-index", "-q", "--refresh"]).output().unwrap();
        repo
    }

    fn git(&self, args: &[&str]) -> String {
        git_in(&self.root, args)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root.join(name)).unwrap()
    }

    fn commit(&self, subject: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", subject]);
    }

    fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn revert(&self) -> Result<Reverted, Refusal> {
        revert(&self.root, &self.state, false, None)
    }

    fn undone(&self) -> bool {
        Checkout::new(&self.root, &self.state).head(true).unwrap().undone
    }
}

fn git_in(root: &Path, args: &[&str]) -> String {
    let output = git_command(root, args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn git_command(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    let who = ["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "protocol.file.allow=always"];
    command.args(who).args(args).current_dir(root).env("LC_ALL", "C");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").env("GIT_EDITOR", "true");
    command
}

/// Every file below a folder: its kind and mode, and its contents.
fn walk(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let contents = match () {
            () if meta.is_dir() => {
                all.extend(walk(&path));
                Vec::new()
            }
            () if meta.is_symlink() => fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec(),
            () if meta.is_file() => fs::read(&path).unwrap(),
            () => Vec::new(),
        };
        all.insert(path, (meta.mode(), contents));
    }
    all
}

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn kind(refusal: &Refusal) -> String {
    let debug = format!("{refusal:?}");
    debug.split(" {").next().unwrap_or_default().to_owned()
}

#[test]
fn a_revert_and_its_undoing() {
    let repo = Repo::new();
    repo.write("bridge/a.py", "two\n");
    repo.write("new/deep/c.py", "new\n");
    fs::remove_file(repo.root.join("docs/a.md")).unwrap();
    repo.commit("Break it");
    let broken = repo.head();
    repo.write("x", "mine\n");
    repo.write("untracked", "mine\n");
    repo.write("staged", "mine\n");
    repo.git(&["add", "staged"]);
    assert!(!repo.undone());

    let prepared = prepare(&repo.root).unwrap();
    assert_eq!((prepared.commit.as_str(), prepared.summary.as_str(), prepared.paths), (&*broken, "Break it", 3));
    assert_eq!(prepared.branch.as_deref(), Some("main"));

    let done = repo.revert().unwrap();
    assert_eq!((&done.commit, &done.revert, done.paths), (&broken, &repo.head(), 3));
    assert_eq!(repo.git(&["rev-parse", "HEAD^{tree}"]), repo.git(&["rev-parse", "HEAD~2^{tree}"]));
    assert_eq!(repo.git(&["status", "--porcelain"]), "A  staged\n M x\n?? untracked\n");
    assert_eq!((repo.read("bridge/a.py"), repo.read("docs/a.md")), ("one\n".into(), "one\n".into()));
    assert!(!repo.root.join("new").exists());
    assert_eq!(
        repo.git(&["log", "-1", "--format=%B%an <%ae>"]).trim(),
        format!(
            "Auto-revert: bridge crash recovery\n\nThis reverts commit {broken}.\nBridge Watchdog <bridge-watchdog@localhost>"
        )
    );
    assert_eq!(repo.git(&["reflog", "-1", "--format=%gs"]).trim(), "revert: Auto-revert: bridge crash recovery");
    repo.git(&["fsck", "--strict"]);
    assert_eq!(fs::read_dir(&repo.state).unwrap().count(), 1, "only the list");
    assert_eq!(kind(&repo.revert().unwrap_err()), "OwnRevert");
    assert!(!repo.undone());

    let undone = undo(&repo.root, &repo.state).unwrap();
    assert_eq!((&undone.head, undone.pushed, undone.summary.as_str()), (&broken, false, "Break it"));
    assert_eq!(repo.head(), broken);
    assert_eq!(repo.git(&["status", "--porcelain"]), "A  staged\n M x\n?? untracked\n");
    assert_eq!(repo.read("new/deep/c.py"), "new\n");
    assert!(repo.undone());
    assert_eq!(kind(&revert(&repo.root, &repo.state, true, None).unwrap_err()), "Undone");
    assert_eq!(kind(&undo(&repo.root, &repo.state).unwrap_err()), "NotOurRevert");
    assert!(fs::read_dir(repo.root.join(".git")).unwrap().all(|entry| {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        !name.contains("bridge-watchdog") && !name.contains(".lock")
    }));
    repo.revert().unwrap();
}

type Row = (&'static str, fn(&Repo), &'static str);

/// Whatever is in the way, it is named, and not a byte of the checkout or the repository changes.
#[test]
fn what_is_refused_is_left_byte_for_byte() {
    let rows: &[Row] = &[
        ("no repository", |repo| fs::remove_dir_all(repo.root.join(".git")).unwrap(), "NoRepository"),
        ("no folder", |repo| fs::remove_dir_all(&repo.root).unwrap(), "NoRepository"),
        (
            "a .git that names nothing",
            |repo| {
                fs::remove_dir_all(repo.root.join(".git")).unwrap();
                repo.write(".git", "gitdir: /nowhere/at/all\n");
            },
            "Dangling",
        ),
        (
            "a .git with nothing in it",
            |repo| {
                fs::remove_dir_all(repo.root.join(".git")).unwrap();
                repo.write(".git", "");
            },
            "Unreadable",
        ),
        (
            "a .git that is a pipe",
            |repo| {
                fs::remove_dir_all(repo.root.join(".git")).unwrap();
                mkfifo(&repo.root.join(".git"));
            },
            "NotAFile",
        ),
        ("half of a .git", |repo| fs::remove_dir_all(repo.root.join(".git/objects")).unwrap(), "Unreadable"),
        ("no HEAD", |repo| fs::remove_file(repo.root.join(".git/HEAD")).unwrap(), "Unreadable"),
        ("garbage in HEAD", |repo| repo.write(".git/HEAD", "garbage\n"), "Unreadable"),
        ("HEAD is zero bytes", |repo| repo.write(".git/HEAD", ""), "Unreadable"),
        ("HEAD is a commit that is not there", |repo| repo.write(".git/HEAD", "1".repeat(40) + "\n"), "Unreadable"),
        ("HEAD is a pipe", |repo| pipe_instead(repo, ".git/HEAD"), "NotAFile"),
        ("the branch is a pipe", |repo| pipe_instead(repo, ".git/refs/heads/main"), "NotAFile"),
        ("the log is a pipe", |repo| pipe_instead(repo, ".git/logs/refs/heads/main"), "NotAFile"),
        ("the configuration is a pipe", |repo| pipe_instead(repo, ".git/config"), "NotAFile"),
        ("garbage in the configuration", |repo| repo.write(".git/config", "[core\n"), "Unreadable"),
        ("the index is a pipe", |repo| pipe_instead(repo, ".git/index"), "NotAFile"),
        ("garbage in the index", |repo| repo.write(".git/index", "DIRC garbage"), "BrokenIndex"),
        ("no index", |repo| fs::remove_file(repo.root.join(".git/index")).unwrap(), "Uncommitted"),
        (
            "SHA-256",
            |repo| {
                fs::remove_dir_all(repo.root.join(".git")).unwrap();
                repo.git(&["init", "-q", "--object-format=sha256"]);
                repo.commit("one");
            },
            "Unsupported(Objects(\"sha256\"))",
        ),
        (
            "reftable",
            |repo| {
                // As git 2.45 makes one; an older git knows nothing of it.
                repo.git(&["config", "core.repositoryformatversion", "1"]);
                repo.git(&["config", "extensions.refStorage", "reftable"]);
                repo.write(".git/HEAD", "ref: refs/heads/.invalid\n");
                fs::remove_dir_all(repo.root.join(".git/refs")).unwrap();
                repo.write(".git/refs/heads", "this repository uses the reftable format\n");
                repo.write(".git/reftable/tables.list", "");
            },
            "Unsupported(Refs(\"reftable\"))",
        ),
        (
            "an extension that nobody knows",
            |repo| {
                repo.git(&["config", "core.repositoryformatversion", "1"]);
                repo.git(&["config", "extensions.tomorrow", "true"]);
            },
            "Unsupported(Extension(\"tomorrow\"))",
        ),
        ("a split index", |repo| drop(repo.git(&["update-index", "--split-index"])), "Unsupported(SplitIndex)"),
        (
            "a sparse index",
            |repo| drop(repo.git(&["sparse-checkout", "set", "--sparse-index", "bridge"])),
            "Unsupported(SparseIndex)",
        ),
        (
            "bare",
            |repo| {
                fs::remove_dir_all(&repo.root).unwrap();
                git_in(repo.folder.path(), &["init", "-q", "--bare", "root"]);
            },
            "Bare",
        ),
        (
            "no commit yet",
            |repo| {
                fs::remove_dir_all(repo.root.join(".git")).unwrap();
                repo.git(&["init", "-q"]);
            },
            "NoCommit",
        ),
        ("the first commit", |repo| drop(repo.git(&["reset", "-q", "--hard", "HEAD~1"])), "RootCommit"),
        (
            "a shallow history",
            |repo| {
                let url = format!("file://{}", repo.root.display());
                git_in(repo.folder.path(), &["clone", "-q", "--depth=1", &url, "shallow"]);
                fs::remove_dir_all(&repo.root).unwrap();
                fs::rename(repo.folder.path().join("shallow"), &repo.root).unwrap();
            },
            "Shallow",
        ),
        (
            "a history whose parent is gone",
            |repo| {
                let parent = repo.git(&["rev-parse", "HEAD~1"]);
                fs::remove_file(object(repo, parent.trim())).unwrap();
            },
            "Shallow",
        ),
        (
            "a merge",
            |repo| {
                repo.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
                repo.git(&["commit", "-q", "--allow-empty", "-m", "side"]);
                repo.git(&["merge", "-q", "-m", "merge", "main"]);
            },
            "Merge",
        ),
        (
            "our own revert",
            |repo| drop(repo.git(&["commit", "-q", "--allow-empty", "-m", REVERT_SUBJECT])),
            "OwnRevert",
        ),
        ("an empty commit", |repo| drop(repo.git(&["commit", "-q", "--allow-empty", "-m", "nothing"])), "Empty"),
        ("a merge under way", |repo| conflict(repo, &["merge", "side"]), "UnderWay(Merge)"),
        ("a rebase under way", |repo| conflict(repo, &["rebase", "side"]), "UnderWay(Rebase)"),
        ("a cherry-pick under way", |repo| conflict(repo, &["cherry-pick", "side"]), "UnderWay(CherryPick)"),
        ("a revert under way", |repo| conflict(repo, &["revert", "--no-edit", "HEAD~1"]), "UnderWay(Revert)"),
        ("a bisect under way", |repo| drop(repo.git(&["bisect", "start"])), "UnderWay(Bisect)"),
        (
            "a git am under way",
            |repo| {
                let patch = repo.git(&["format-patch", "-1", "--stdout"]);
                fs::write(repo.folder.path().join("patch"), patch).unwrap();
                assert!(!git_command(&repo.root, &["am", "../patch"]).output().unwrap().status.success());
            },
            "UnderWay(Mailbox)",
        ),
        ("an index lock", |repo| repo.write(".git/index.lock", ""), "IndexLocked"),
        (
            "conflicts in the index",
            |repo| {
                conflict(repo, &["merge", "side"]);
                fs::remove_file(repo.root.join(".git/MERGE_HEAD")).unwrap();
            },
            "Conflicts",
        ),
        ("a changed file", |repo| repo.write("bridge/a.py", "mine\n"), "Uncommitted"),
        ("a deleted file", |repo| fs::remove_file(repo.root.join("bridge/a.py")).unwrap(), "Uncommitted"),
        ("a changed mode", |repo| executable(&repo.root.join("bridge/a.py")), "Uncommitted"),
        (
            "a file that became a link",
            |repo| {
                fs::remove_file(repo.root.join("bridge/a.py")).unwrap();
                symlink("b.py", repo.root.join("bridge/a.py")).unwrap();
            },
            "Uncommitted",
        ),
        (
            "a file that became a folder",
            |repo| {
                fs::remove_file(repo.root.join("bridge/a.py")).unwrap();
                repo.write("bridge/a.py/mine", "mine\n");
            },
            "Uncommitted",
        ),
        (
            "a staged change",
            |repo| {
                repo.write("bridge/a.py", "mine\n");
                repo.git(&["add", "bridge/a.py"]);
            },
            "Uncommitted",
        ),
        (
            "a staged change that the work tree no longer has",
            |repo| {
                repo.write("bridge/a.py", "mine\n");
                repo.git(&["add", "bridge/a.py"]);
                repo.write("bridge/a.py", "two\n");
            },
            "Uncommitted",
        ),
        (
            "a change in the instant of the last index, of the same size",
            |repo| {
                let path = repo.root.join("bridge/a.py");
                let time = fs::metadata(&path).unwrap().modified().unwrap();
                repo.write("bridge/a.py", "owt\n");
                fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
                let index = fs::File::options().write(true).open(repo.root.join(".git/index")).unwrap();
                index.set_modified(time).unwrap();
            },
            "Uncommitted",
        ),
        (
            "a change of which the index has every number",
            |repo| {
                repo.write("bridge/a.py", "owt\n");
                let meta = fs::metadata(repo.root.join("bridge/a.py")).unwrap();
                let path = repo.root.join(".git/index");
                let mut index = Index::open(&path).unwrap();
                let id = index.get_path(Path::new("bridge/a.py"), 0).unwrap().id;
                let side = Side { id, mode: 0o100_644 };
                index.add(&index_file::entry(b"bridge/a.py", side, Some(&meta))).unwrap();
                index.write().unwrap();
                let index = fs::File::options().write(true).open(path).unwrap();
                index.set_modified(meta.modified().unwrap()).unwrap();
            },
            "Uncommitted",
        ),
        ("staged, to be deleted", |repo| drop(repo.git(&["rm", "-q", "--cached", "bridge/a.py"])), "Uncommitted"),
        ("untracked, where a file returns", |repo| repo.write("docs/a.md", "mine\n"), "InTheWay"),
        ("untracked and the same, where a file returns", |repo| repo.write("docs/a.md", "one\n"), "InTheWay"),
        ("a folder where a file returns", |repo| repo.write("docs/a.md/mine", "mine\n"), "InTheWay"),
        (
            "an empty folder where a file returns",
            |repo| fs::create_dir_all(repo.root.join("docs/a.md")).unwrap(),
            "InTheWay",
        ),
        ("a file where a folder returns", |repo| repo.write("docs", "mine\n"), "InTheWay"),
        (
            "an ignored file where a file returns",
            |repo| {
                repo.write(".git/info/exclude", "docs\n");
                repo.write("docs/a.md", "mine\n");
            },
            "InTheWay",
        ),
        (
            "staged, where a file returns",
            |repo| {
                repo.write("docs/a.md/mine", "mine\n");
                repo.git(&["add", "."]);
                fs::remove_dir_all(repo.root.join("docs")).unwrap();
            },
            "Uncommitted",
        ),
        (
            "intended to be added, where a file returns",
            |repo| {
                repo.write("docs/a.md", "mine\n");
                repo.git(&["add", "-N", "docs/a.md"]);
            },
            "Uncommitted",
        ),
        ("a pipe in the place of a file", |repo| pipe_instead(repo, "bridge/a.py"), "NotAFile"),
        ("attributes that are a pipe", |repo| mkfifo(&repo.root.join("bridge/.gitattributes")), "NotAFile"),
        ("an ignore file that is a pipe", |repo| mkfifo(&repo.root.join("bridge/.gitignore")), "NotAFile"),
        (
            "a folder that became a link",
            |repo| {
                let away = repo.folder.path().join("away");
                fs::rename(repo.root.join("bridge"), &away).unwrap();
                symlink(&away, repo.root.join("bridge")).unwrap();
            },
            "ThroughLink",
        ),
        (
            "a link where a folder returns",
            |repo| symlink(repo.folder.path(), repo.root.join("docs")).unwrap(),
            "ThroughLink",
        ),
        (
            "a submodule",
            |repo| {
                let library = repo.folder.path().join("library");
                git_in(repo.folder.path(), &["init", "-q", "library"]);
                git_in(&library, &["commit", "-q", "--allow-empty", "-m", "one"]);
                repo.git(&["submodule", "--quiet", "add", "../library", "library"]);
                repo.git(&["commit", "-qm", "library"]);
            },
            "Submodule",
        ),
        ("a filter", |repo| repo.write(".gitattributes", "*.py filter=lfs\n"), "Filter"),
        (
            "a filter that the revert brings back",
            |repo| {
                repo.write(".gitattributes", "*.py filter=lfs\n");
                repo.write("data.py", "one\n");
                repo.commit("with a filter");
                fs::remove_file(repo.root.join(".gitattributes")).unwrap();
                repo.write("data.py", "two\n");
                repo.commit("without");
            },
            "Filter",
        ),
        (
            "a macro for a filter",
            |repo| repo.write(".git/info/attributes", "[attr]big filter=lfs\n*.py big\n"),
            "Filter",
        ),
        (
            "an ident in a binary file",
            |repo| {
                repo.write(".gitattributes", "*.bin ident\n");
                repo.write("a.bin", b"\0 $Id$");
                repo.commit("binary");
            },
            "Ident",
        ),
        ("two idents in a file", |repo| ident(repo, "$Id$ $Id$\n"), "Ident"),
        ("an ident that was expanded already", |repo| ident(repo, "$Id: 1 $\n"), "Ident"),
        ("what only begins like an ident", |repo| ident(repo, "$Idea$\n"), "Ident"),
        ("an ident over two lines", |repo| ident(repo, "$Id: 1\n$\n"), "Ident"),
        ("an encoding", |repo| repo.write(".gitattributes", "*.py working-tree-encoding=UTF-16\n"), "Encoding"),
        ("assumed unchanged", |repo| drop(repo.git(&["update-index", "--assume-unchanged", "bridge/a.py"])), "Skipped"),
        ("skipped", |repo| drop(repo.git(&["update-index", "--skip-worktree", "bridge/a.py"])), "Skipped"),
        ("left out of a sparse checkout", |repo| drop(repo.git(&["sparse-checkout", "set", "docs"])), "Skipped"),
        (
            "contents that are not there",
            |repo| {
                let blob = repo.git(&["rev-parse", "HEAD~1:bridge/a.py"]);
                fs::remove_file(object(repo, blob.trim())).unwrap();
            },
            "MissingObject",
        ),
        (
            "names that differ in case only",
            |repo| {
                repo.write("bridge/A.py", "two\n");
                repo.commit("A.py");
                repo.git(&["config", "core.ignorecase", "true"]);
            },
            "SameName",
        ),
        (
            "folders that differ in case only",
            |repo| {
                repo.write("Bridge/c.py", "two\n");
                repo.commit("c.py");
                repo.git(&["config", "core.ignorecase", "true"]);
            },
            "SameName",
        ),
    ];
    for (name, prepare_scene, expected) in rows {
        let repo = Repo::broken();
        prepare_scene(&repo);
        let before = walk(repo.folder.path());
        let looked = prepare(&repo.root).map(drop).unwrap_err();
        assert!(walk(repo.folder.path()) == before, "{name}: looking changed it");
        let refused = repo.revert().map(drop).unwrap_err();
        assert_eq!(kind(&refused), *expected, "{name}: {refused:?}");
        assert_eq!(looked, refused, "{name}");
        assert!(walk(repo.folder.path()) == before, "{name}: the revert changed it");
        let text = crate::text::revert::refusal(&refused);
        assert!(text.len() < 400 && !text.contains("  "), "{name}: {text}");
        println!("{name}: {text}");
    }
}

/// A second commit changes a file with an ident. git expands it in its own way, which libgit2 does not do.
fn ident(repo: &Repo, text: &str) {
    for number in ["one", "two"] {
        repo.write("a.id", format!("{number}\n{text}"));
        repo.commit(number);
    }
    // After that, for git takes an expanded one out of what it commits.
    repo.write(".git/info/attributes", "*.id ident\n");
}

fn pipe_instead(repo: &Repo, name: &str) {
    fs::remove_file(repo.root.join(name)).unwrap();
    mkfifo(&repo.root.join(name));
}

fn object(repo: &Repo, id: &str) -> PathBuf {
    repo.root.join(".git/objects").join(&id[..2]).join(&id[2..])
}

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A git command that stops at a conflict.
fn conflict(repo: &Repo, command: &[&str]) {
    repo.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
    repo.write("bridge/a.py", "side\n");
    repo.commit("side");
    repo.git(&["checkout", "-q", "main"]);
    repo.write("bridge/a.py", "three\n");
    repo.commit("three");
    assert!(!git_command(&repo.root, command).output().unwrap().status.success());
}

#[test]
fn a_folder_that_cannot_be_changed_is_refused_and_a_file_rolled_back() {
    for (name, expected) in [("bridge", "ReadOnly"), ("docs", "ReadOnly"), ("bridge/c.py", "Failed")] {
        let repo = Repo::broken();
        fs::create_dir_all(repo.root.join("docs")).unwrap();
        let path = repo.root.join(name);
        // Even for root; no file system but the larger ones can do it.
        if !Command::new("chattr").arg("+i").arg(&path).output().is_ok_and(|output| output.status.success()) {
            return;
        }
        let before = walk(&repo.root);
        let refused = repo.revert().unwrap_err();
        let after = walk(&repo.root);
        Command::new("chattr").arg("-i").arg(&path).output().unwrap();
        assert_eq!(kind(&refused), expected, "{name}: {refused:?}");
        let objects = |path: &PathBuf| path.starts_with(repo.root.join(".git/objects"));
        let without = |all: BTreeMap<PathBuf, (u32, Vec<u8>)>| -> Vec<_> {
            all.into_iter().filter(|(path, _)| !objects(path)).collect()
        };
        assert!(without(before) == without(after), "{name}");
        assert!(fs::read_dir(&repo.state).map_or(true, |mut all| all.next().is_none()), "{name}: an intent is left");
        repo.revert().unwrap();
    }
}

#[test]
fn a_repository_of_another_user_is_refused_with_the_mend() {
    let repo = Repo::broken();
    // Only root can give it away.
    if std::os::unix::fs::chown(repo.root.join(".git"), Some(65534), None).is_err() {
        return;
    }
    std::os::unix::fs::chown(&repo.root, Some(65534), None).unwrap();
    let before = walk(&repo.root);
    let refused = repo.revert().unwrap_err();
    assert_eq!(kind(&refused), "OtherOwner");
    assert!(crate::text::revert::refusal(&refused).contains("git config --global --add safe.directory /"));
    assert!(walk(&repo.root) == before);
}

const KILLED_IN: &str = "BRIDGE_WATCHDOG_TEST_REVERT";

#[test]
#[ignore = "the process that the tests below end in the middle"]
fn dies() {
    let Ok(text) = std::env::var(KILLED_IN) else { return };
    let words: Vec<&str> = text.split(' ').collect();
    let (folder, steps) = (Path::new(words[0]), words[2].parse().unwrap());
    AT_STEP.set(Some((steps, Box::new(|| std::process::abort()))));
    act(words[1], &folder.join("root"), &folder.join("state"));
}

fn act(name: &str, root: &Path, state: &Path) {
    match name {
        "revert" => drop(revert(root, state, false, None).unwrap()),
        "undo" => drop(undo(root, state).unwrap()),
        _ => drop(finish(root, state).unwrap()),
    }
}

/// Whether it was killed, and had not come to its end before.
fn killed_at(repo: &Repo, act: &str, step: usize) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "system::git::revert::tests::dies", "--ignored"])
        .env(KILLED_IN, format!("{} {act} {step}", repo.folder.path().display()))
        .output()
        .unwrap()
        .status;
    !status.success()
}

/// What a person has of the files and of git.
fn seen_by_a_person(repo: &Repo) -> (String, String, BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    let files = walk(&repo.root);
    let work = files.into_iter().filter_map(|(path, contents)| {
        let path = path.strip_prefix(&repo.root).unwrap().to_owned();
        (!path.starts_with(".git")).then_some((path, contents))
    });
    (repo.git(&["rev-parse", "HEAD^{tree}"]), repo.git(&["status", "--porcelain"]), work.collect())
}

fn assert_nothing_is_left(repo: &Repo, name: &str) {
    for path in walk(repo.folder.path()).keys() {
        let text = path.strip_prefix(repo.folder.path()).unwrap().to_string_lossy();
        let stale = text.ends_with(".lock")
            || text.contains("bridge-watchdog")
            || text.ends_with("revert.json")
            || text.ends_with("revert.index");
        assert!(!stale, "{name}: {text} is left");
    }
    repo.git(&["fsck", "--strict"]);
}

fn with_work_of_a_person(repo: &Repo) {
    repo.write("x", "mine\n");
    repo.write("untracked", "mine\n");
    repo.write("bridge/staged.py", "mine\n");
    repo.git(&["add", "bridge/staged.py"]);
}

/// Killed between any two steps, the checkout is after the next start as before the act or as after it, and the act can
/// be done again.
#[test]
fn killed_between_any_two_steps_the_next_start_finds_one_of_two_good_states() {
    for name in ["revert", "undo"] {
        let origin = Repo::broken();
        with_work_of_a_person(&origin);
        if name == "undo" {
            origin.revert().unwrap();
        }
        let before = seen_by_a_person(&origin);
        let done = origin.copy();
        act(name, &done.root, &done.state);
        let after = seen_by_a_person(&done);
        let mut ends = [0, 0];
        for step in 0.. {
            let repo = origin.copy();
            if !killed_at(&repo, name, step) {
                break;
            }
            let what = format!("{name} killed at step {step}");
            // The finishing is killed as well, at one of its steps.
            killed_at(&repo, "finish", step % 7);
            let finished = finish(&repo.root, &repo.state).unwrap();
            let seen = seen_by_a_person(&repo);
            let is_done = seen == after;
            assert!(is_done || seen == before, "{what}: {seen:?}");
            match finished {
                Some(Finished::Done(..)) => assert!(is_done, "{what}"),
                Some(_) => assert!(!is_done, "{what}"),
                None => {}
            }
            ends[usize::from(is_done)] += 1;
            assert_nothing_is_left(&repo, &what);
            if is_done {
                assert_eq!(repo.undone(), name == "undo", "{what}");
                let back = if name == "undo" { "revert" } else { "undo" };
                act(back, &repo.root, &repo.state);
                assert_eq!(seen_by_a_person(&repo), before, "{what}, then {back}");
            } else {
                act(name, &repo.root, &repo.state);
                assert_eq!(seen_by_a_person(&repo), after, "{what}, then again");
            }
        }
        println!("{name}: {ends:?}");
        assert!(ends[0] >= 8 && ends[1] >= 3, "{ends:?}");
    }
}

/// Somebody saves a file, or moves HEAD, at any instant: that survives, and the rest is as before the revert or after it.
#[test]
fn what_somebody_does_in_the_middle_survives() {
    let acts: [(&str, fn(&Path)); 4] = [
        ("saves in place", |root| fs::write(root.join("bridge/a.py"), "saved\n").unwrap()),
        ("saves by a rename", |root| {
            fs::write(root.join("saved"), "saved\n").unwrap();
            fs::rename(root.join("saved"), root.join("bridge/a.py")).unwrap();
        }),
        ("writes where a file returns", |root| {
            fs::create_dir_all(root.join("docs")).unwrap();
            fs::write(root.join("docs/a.md"), "saved\n").unwrap();
        }),
        ("moves the branch", |root| {
            let tree = git_in(root, &["rev-parse", "HEAD^{tree}"]);
            let commit = git_in(root, &["commit-tree", "-p", "HEAD", "-m", "theirs", tree.trim()]);
            git_in(root, &["update-ref", "refs/heads/main", commit.trim()]);
        }),
    ];
    for (name, somebody) in acts {
        for step in 0.. {
            let repo = Repo::broken();
            let root = repo.root.clone();
            AT_STEP.set(Some((step, Box::new(move || somebody(&root)))));
            let result = repo.revert();
            if AT_STEP.take().is_some() {
                break;
            }
            let what = format!("{name} at step {step}: {result:?}");
            let status = repo.git(&["status", "--porcelain"]);
            match name {
                "moves the branch" => {
                    assert_eq!(repo.git(&["log", "-1", "--format=%s"]).trim(), "theirs", "{what}");
                    assert!(result.is_err() && status.is_empty(), "{what}: {status}");
                    continue;
                }
                "writes where a file returns" => {
                    assert_eq!(repo.read("docs/a.md"), "saved\n", "{what}");
                    assert!(matches!(status.as_str(), " M docs/a.md\n" | "?? docs/\n"), "{what}: {status}");
                }
                _ => {
                    assert_eq!(repo.read("bridge/a.py"), "saved\n", "{what}");
                    assert_eq!(status, " M bridge/a.py\n", "{what}");
                }
            }
            assert_nothing_is_left(&repo, &what);
        }
    }
}

/// libgit2 makes a lock beside the branch, and then writes the new id into it.
#[test]
fn a_lock_of_the_branch_goes_if_a_kill_of_ours_left_it() {
    let is_left: [(&str, fn(&str) -> String, bool); 4] = [
        ("ours, empty", |_| String::new(), false),
        ("ours, written", |to| format!("{to}\n"), false),
        ("another's", |_| "1".repeat(40) + "\n", true),
        ("half of ours", |to| to[..7].to_owned(), true),
    ];
    for (name, contents, is_left) in is_left {
        for announced in [true, false] {
            let (repo, intent) = (0..)
                .find_map(|step| {
                    let repo = Repo::broken();
                    assert!(killed_at(&repo, "revert", step), "it is never about to move HEAD");
                    let intent = Intent::read(&repo.state)?;
                    (!announced || intent.staging.join("moving").exists()).then_some((repo, intent))
                })
                .unwrap();
            let lock = repo.root.join(".git/refs/heads/main.lock");
            fs::write(&lock, contents(&intent.ids().unwrap().1.to_string())).unwrap();
            assert!(matches!(finish(&repo.root, &repo.state), Ok(Some(Finished::Back(..)))), "{name}");
            assert_eq!(lock.exists(), is_left || !announced, "{name}, announced: {announced}");
        }
    }
}

/// The lock of the index is ours by what is in it, and no other is touched.
#[test]
fn a_lock_of_the_index_of_another_program_stays() {
    let repo = Repo::broken();
    let lock = repo.root.join(".git/index.lock");
    assert!((0..20).any(|step| killed_at(&repo, "revert", step) && lock.exists()), "we never hold it");
    fs::remove_file(&lock).unwrap();
    fs::write(&lock, "another's").unwrap();
    let refused = finish(&repo.root, &repo.state).unwrap_err();
    assert_eq!(kind(&refused), "IndexLocked", "{refused:?}");
    assert_eq!(fs::read_to_string(&lock).unwrap(), "another's");
    assert_eq!(kind(&repo.revert().unwrap_err()), "IndexLocked");
    fs::remove_file(&lock).unwrap();
    repo.revert().unwrap();
    assert_nothing_is_left(&repo, "at last");
}

/// libgit2 has a lock of its own beside the copy that it writes, and a kill in that instant leaves it.
#[test]
fn a_lock_of_our_copy_that_a_kill_left_is_in_nobodys_way() {
    let repo = Repo::broken();
    let beside = |copy: PathBuf| fs::write(copy.with_extension("index.lock"), "").unwrap();
    fs::create_dir_all(&repo.state).unwrap();
    beside(repo.state.join("revert"));
    repo.revert().unwrap();
    undo(&repo.root, &repo.state).unwrap();
    assert_nothing_is_left(&repo, "undone");
    let moved = |step| {
        let repo = Repo::broken();
        let under_way = || Intent::read(&repo.state).is_some_and(|intent| intent.staging.exists());
        let killed = killed_at(&repo, "revert", step) && under_way();
        killed.then_some(repo)
    };
    let repo = (0..20).rev().find_map(moved).expect("a kill with something under way");
    fs::write(Intent::read(&repo.state).unwrap().staging.join("index.lock"), "").unwrap();
    finish(&repo.root, &repo.state).unwrap();
    assert_nothing_is_left(&repo, "finished");
}

/// A kill between the making of a folder and the coming of its first file.
#[test]
fn a_folder_that_we_made_for_nothing_goes_again() {
    let repo = Repo::broken();
    let before = seen_by_a_person(&repo);
    assert!(killed_at(&repo, "revert", 3));
    fs::create_dir_all(repo.root.join("docs")).unwrap();
    let finished = finish(&repo.root, &repo.state).unwrap();
    assert!(matches!(finished, Some(Finished::Back(..))), "{finished:?}");
    assert_eq!(seen_by_a_person(&repo), before);
    assert_nothing_is_left(&repo, "an empty folder");
}

/// Whoever acts on the checkout between the kill and the next start has the last word.
#[test]
fn what_was_changed_after_the_kill_is_not_touched() {
    let acts: [(&str, fn(&Repo), &str); 3] = [
        ("a commit", |repo| drop(repo.git(&["commit", "-q", "--allow-empty", "-m", "theirs"])), "Elsewhere"),
        ("a reset", |repo| drop(repo.git(&["reset", "-q", "--hard"])), "Back"),
        (
            "a file",
            |repo| {
                repo.write("bridge/a.py", "theirs\n");
                // As a status does it a second later: from then on git believes the times in the index.
                let index = File::options().write(true).open(repo.root.join(".git/index")).unwrap();
                index.set_modified(SystemTime::now() + Duration::from_secs(2)).unwrap();
            },
            "Back",
        ),
    ];
    for (name, theirs, expected) in acts {
        for step in 0.. {
            let repo = Repo::broken();
            if !killed_at(&repo, "revert", step) {
                break;
            }
            // A lock of ours is in their way as well; they would remove it.
            let _ = fs::remove_file(repo.root.join(".git/index.lock"));
            let head = repo.head();
            theirs(&repo);
            let before = seen_by_a_person(&repo);
            let finished = finish(&repo.root, &repo.state).unwrap();
            let what = format!("{name} after a kill at step {step}: {finished:?}");
            let is_moved = repo.git(&["log", "-2", "--format=%s"]).contains(REVERT_SUBJECT);
            if name == "a file" {
                assert_eq!(repo.read("bridge/a.py"), "theirs\n", "{what}");
                assert_eq!(repo.git(&["status", "--porcelain"]), " M bridge/a.py\n", "{what}");
            } else if name == "a reset" {
                // What we had put there and git does not know goes as well.
                assert_eq!(repo.git(&["status", "--porcelain"]), "", "{what}");
            } else {
                assert_eq!(seen_by_a_person(&repo), before, "{what}");
            }
            if let (Some(finished), false) = (&finished, is_moved) {
                assert!(format!("{finished:?}").starts_with(expected), "{what}");
            }
            assert_eq!(repo.head() == head, name != "a commit", "{what}");
            assert_nothing_is_left(&repo, &what);
        }
    }
}
