use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::system::git::Checkout;

pub(in crate::system::git) fn die_here() {}

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
        Repo { folder, root, state }
    }

    /// One commit with a few files.
    fn new() -> Repo {
        let repo = Repo::empty();
        repo.git(&["init", "-q", "-b", "main"]);
        // Empty: nobody, whatever the machine's own configuration says.
        repo.git(&["config", "user.name", ""]);
        for (name, text) in [("bridge/a.py", "one\n"), ("bridge/b.py", "one\n"), ("docs/a.md", "one\n"), ("x", "x\n")] {
            repo.write(name, text);
        }
        repo.commit("one");
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
        revert(&self.root, &self.state, false)
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
    debug.split([' ', '{']).next().unwrap_or_default().to_owned()
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
    assert_eq!(kind(&revert(&repo.root, &repo.state, true).unwrap_err()), "Undone");
    assert_eq!(kind(&undo(&repo.root, &repo.state).unwrap_err()), "NotOurRevert");
    assert!(fs::read_dir(repo.root.join(".git")).unwrap().all(|entry| {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        !name.contains("bridge-watchdog") && !name.contains(".lock")
    }));
    repo.revert().unwrap();
}
