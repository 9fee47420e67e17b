//! Rung 4's revert against git's own: the same tree, the same files and the same index, or both refuse; and a process
//! that is killed in its middle.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bridge_watchdog::revert::{Finished, Refusal};
use bridge_watchdog::system::git::revert::{finish, prepare, revert, undo};
use fastrand::Rng;

use crate::campaign::rounds;

fn git_command(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(args).current_dir(root).env("LC_ALL", "C").env("GIT_EDITOR", "true");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "me").env(format!("GIT_{who}_EMAIL"), "me@example.com");
    }
    command
}

fn git_bytes(root: &Path, args: &[&str]) -> Vec<u8> {
    let output = git_command(root, args).output().expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn git(root: &Path, args: &[&str]) -> String {
    String::from_utf8_lossy(&git_bytes(root, args)).trim().to_owned()
}

fn init(root: &Path) {
    fs::create_dir_all(root).expect("a folder");
    git(root, &["init", "-q", "-b", "main", "--template="]);
}

fn commit(root: &Path, subject: &str) {
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "--allow-empty", "-m", subject]);
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("written");
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().expect("cp").success());
}

type Files = BTreeMap<PathBuf, (u32, Vec<u8>)>;

/// Every file below a folder, by its path in it: its kind and mode, and its contents.
fn walk(root: &Path) -> Files {
    fn add(folder: &Path, root: &Path, all: &mut Files) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let meta = fs::symlink_metadata(&path).expect("a file");
            let contents = match () {
                () if meta.is_symlink() => fs::read_link(&path).expect("a link").as_os_str().as_bytes().to_vec(),
                () if meta.is_file() => fs::read(&path).expect("contents"),
                () => Vec::new(),
            };
            if meta.is_dir() {
                add(&path, root, all);
            }
            all.insert(path.strip_prefix(root).expect("below").to_owned(), (meta.mode(), contents));
        }
    }
    let mut all = Files::new();
    add(root, root, &mut all);
    all
}

/// The work tree: without git's own folder.
fn work(root: &Path) -> Files {
    walk(root).into_iter().filter(|(path, _)| !path.starts_with(".git")).collect()
}

fn described(files: &Files) -> String {
    let all = files.iter().map(|(path, (mode, contents))| {
        format!("{} {mode:o} {:?}", path.display(), String::from_utf8_lossy(&contents[..contents.len().min(80)]))
    });
    all.collect::<Vec<_>>().join("\n")
}

/// Reverts HEAD of a repository with git, and of a copy with ours. Returns whether it was reverted; both agree.
fn as_git_does(name: &str, root: &Path, state: &Path) -> bool {
    let theirs = root.with_extension("theirs");
    copy(root, &theirs);
    as_in(name, root, &theirs, state)
}

fn as_in(name: &str, root: &Path, theirs: &Path, state: &Path) -> bool {
    let said = git_command(theirs, &["revert", "--no-edit", "HEAD"]).output().expect("git");
    let ours = revert(root, state, false, None);
    assert_eq!(
        ours.is_ok(),
        said.status.success(),
        "{name}: {ours:?}\ngit: {}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    if ours.is_ok() {
        for args in [&["rev-parse", "HEAD^{tree}"][..], &["ls-files", "-s"], &["status", "--porcelain"]] {
            assert_eq!(git(root, args), git(theirs, args), "{name}: {args:?}");
        }
        let (ours, theirs) = (work(root), work(theirs));
        assert!(ours == theirs, "{name}: ours\n{}\ntheirs\n{}", described(&ours), described(&theirs));
    }
    git(root, &["fsck", "--strict"]);
    ours.is_ok()
}

type Row = (&'static str, fn(&Path), fn(&Path));

/// What a commit can do, and the forms that a checkout can have.
#[test]
fn a_revert_does_what_git_revert_does() {
    let nothing: fn(&Path) = |_| {};
    let rows: &[Row] = &[
        ("a mode", |root| write(&root.join("run"), "#!\n"), |root| mode(&root.join("run"), 0o755)),
        (
            "a mode back, without looking at modes",
            |root| {
                git(root, &["config", "core.fileMode", "false"]);
                write(&root.join("run"), "#!\n");
            },
            |root| {
                git(root, &["update-index", "--chmod=+x", "run"]);
                write(&root.join("run"), "#!/bin/sh\n");
            },
        ),
        ("a link", |root| write(&root.join("a"), "one\n"), |root| symlink("a", root.join("link")).expect("a link")),
        (
            "a link that was a file",
            |root| write(&root.join("link"), "one\n"),
            |root| {
                fs::remove_file(root.join("link")).expect("removed");
                symlink("/nowhere", root.join("link")).expect("a link");
            },
        ),
        (
            "a link where links are files",
            |root| {
                git(root, &["config", "core.symlinks", "false"]);
                symlink("one", root.join("link")).expect("a link");
            },
            |root| {
                fs::remove_file(root.join("link")).expect("removed");
                write(&root.join("link"), "two");
                git(root, &["add", "link"]);
            },
        ),
        (
            "a folder that was a file",
            |root| write(&root.join("a"), "one\n"),
            |root| {
                fs::remove_file(root.join("a")).expect("removed");
                write(&root.join("a/b/c"), "two\n");
            },
        ),
        (
            "a file that was a folder",
            |root| write(&root.join("a/b/c"), "one\n"),
            |root| {
                fs::remove_dir_all(root.join("a")).expect("removed");
                write(&root.join("a"), "two\n");
            },
        ),
        (
            "a link that was a folder",
            |root| write(&root.join("a/b/c"), "one\n"),
            |root| {
                fs::remove_dir_all(root.join("a")).expect("removed");
                symlink("/", root.join("a")).expect("a link");
            },
        ),
        (
            "a rename and a deep folder emptied",
            |root| write(&root.join("a/b/c/d"), "one\n".repeat(50)),
            |root| {
                fs::create_dir_all(root.join("x/y")).expect("a folder");
                fs::rename(root.join("a/b/c/d"), root.join("x/y/z")).expect("renamed");
            },
        ),
        (
            "names that are odd",
            |root| write(&root.join("a b"), "one\n"),
            |root| {
                for name in [&b"new\nline"[..], b"quo\"te", b"\xff\xfe", b"-dash", b"*", b":(top)x", b"tab\t", b"a\\b"]
                {
                    write(&root.join(OsStr::from_bytes(name)), "two\n");
                }
            },
        ),
        ("a binary file", |root| write(&root.join("b"), b"\0\r\n\xff".repeat(9999)), |root| write(&root.join("b"), "")),
        (
            "core.autocrlf",
            |root| {
                git(root, &["config", "core.autocrlf", "true"]);
                write(&root.join("a"), "one\r\ntwo\r\n");
            },
            |root| write(&root.join("a"), "one\r\nthree\r\n"),
        ),
        (
            "core.autocrlf=input",
            |root| {
                git(root, &["config", "core.autocrlf", "input"]);
                write(&root.join("a"), "one\r\ntwo\r\n");
            },
            |root| write(&root.join("a"), "one\r\nthree\r\n"),
        ),
        (
            "core.eol",
            |root| {
                git(root, &["config", "core.eol", "crlf"]);
                write(&root.join(".gitattributes"), "* text=auto\n");
                write(&root.join("a"), "one\n");
            },
            |root| write(&root.join("a"), "two\n"),
        ),
        (
            "line ends and ident by attributes",
            |root| {
                write(&root.join(".gitattributes"), "*.txt text eol=crlf\n*.id ident\nsub/*.txt -text\n");
                for name in ["a.txt", "sub/a.txt", "a.id"] {
                    write(&root.join(name), "one $Id$\n");
                }
            },
            |root| {
                for name in ["a.txt", "sub/a.txt", "a.id"] {
                    write(&root.join(name), "two $Id$\n");
                }
            },
        ),
        (
            "attributes that come with the revert",
            |root| {
                write(&root.join("sub/.gitattributes"), "*.txt text eol=crlf\n");
                write(&root.join("sub/a.txt"), "one\r\n");
            },
            |root| {
                write(&root.join("sub/.gitattributes"), "*.txt text eol=lf\n");
                write(&root.join("sub/a.txt"), "two\n");
            },
        ),
        (
            "attributes that go with the revert",
            |root| write(&root.join("sub/a.txt"), "one\n"),
            |root| {
                write(&root.join("sub/.gitattributes"), "*.txt text eol=crlf\n");
                write(&root.join("sub/a.txt"), "two\r\n");
            },
        ),
        (
            "attributes that nobody has added",
            |root| {
                fs::create_dir_all(root.join(".git/info")).expect("info");
                write(&root.join(".git/info/exclude"), ".gitattributes\n");
                write(&root.join("sub/.gitattributes"), "*.txt text eol=crlf\n");
                write(&root.join("sub/a.txt"), "one\r\n");
            },
            |root| write(&root.join("sub/a.txt"), "two\r\n"),
        ),
        (
            "attributes of the repository alone",
            |root| {
                write(&root.join(".git/info/attributes"), "*.txt text eol=crlf\n");
                write(&root.join("a.txt"), "one\r\n");
            },
            |root| write(&root.join("a.txt"), "two\r\n"),
        ),
        (
            "a read-only file",
            |root| write(&root.join("a"), "one\n"),
            |root| {
                write(&root.join("a"), "two\n");
                mode(&root.join("a"), 0o444);
            },
        ),
        (
            "a detached HEAD",
            |root| write(&root.join("a"), "one\n"),
            |root| {
                write(&root.join("a"), "two\n");
                commit(root, "two");
                git(root, &["checkout", "-q", "--detach"]);
                write(&root.join("a"), "three\n");
            },
        ),
        (
            "a branch with a slash, packed",
            |root| write(&root.join("a"), "one\n"),
            |root| {
                git(root, &["checkout", "-q", "-b", "fix/it"]);
                git(root, &["pack-refs", "--all"]);
                write(&root.join("a"), "two\n");
                commit(root, "two");
                git(root, &["gc", "-q"]);
                write(&root.join("b"), "two\n");
            },
        ),
        (
            "an index of version 4, without a checksum",
            |root| {
                write(&root.join("a/b"), "one\n");
                git(root, &["config", "index.skipHash", "true"]);
                git(root, &["update-index", "--index-version=4"]);
            },
            |root| write(&root.join("a/c"), "two\n"),
        ),
        (
            "an untracked cache",
            |root| {
                write(&root.join("a/b"), "one\n");
                git(root, &["update-index", "--force-untracked-cache"]);
                git(root, &["status"]);
            },
            |root| write(&root.join("a/c"), "two\n"),
        ),
        (
            "an index that was just made",
            |root| write(&root.join("a/b"), "one\n"),
            |root| {
                write(&root.join("a/c"), "two\n");
                commit(root, "two");
                fs::remove_file(root.join(".git/index")).expect("removed");
                git(root, &["reset", "-q"]);
                write(&root.join("a/d"), "two\n");
            },
        ),
        (
            "a hook that would refuse",
            |root| {
                write(&root.join(".git/hooks/pre-commit"), "#!/bin/sh\nexit 1\n");
                write(&root.join("a"), "one\n");
            },
            |root| {
                write(&root.join("a"), "two\n");
                git(root, &["add", "a"]);
                mode(&root.join(".git/hooks/pre-commit"), 0o644);
            },
        ),
        (
            "the second commit takes all away",
            |root| write(&root.join("a/b"), "one\n"),
            |root| {
                fs::remove_dir_all(root.join("a")).expect("removed");
                fs::remove_file(root.join("kept")).expect("removed");
            },
        ),
        (
            "an executable that goes",
            |root| {
                write(&root.join("run"), "#!\n");
                mode(&root.join("run"), 0o755);
            },
            |root| fs::remove_file(root.join("run")).expect("removed"),
        ),
        ("only its time", |root| write(&root.join("a"), "one\n"), nothing),
    ];
    for (name, before, change) in rows {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        init(&root);
        write(&root.join("kept"), "kept\n");
        before(&root);
        commit(&root, "one");
        change(&root);
        commit(&root, "two");
        let done = as_git_does(name, &root, &folder.path().join("state"));
        assert_eq!(done, *name != "only its time", "{name}");
        if done {
            let undone = undo(&root, &folder.path().join("state"));
            assert!(undone.is_ok(), "{name}: {undone:?}");
            assert_eq!(git(&root, &["status", "--porcelain"]), "", "{name}");
            assert_eq!(git(&root, &["log", "-1", "--format=%s"]), "two", "{name}");
        }
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// A work tree whose repository is elsewhere: linked, a submodule's, one that borrows its objects.
#[test]
fn a_checkout_whose_repository_is_elsewhere_is_reverted() {
    let rows: [(&str, fn(&Path)); 4] = [
        ("a linked work tree", |main| drop(git(main, &["worktree", "add", "-q", "-b", "other", "../root"]))),
        ("a linked work tree without a branch", |main| {
            git(main, &["worktree", "add", "-q", "--detach", "../root"]);
        }),
        ("a separate repository", |main| {
            git(main, &["clone", "-q", "--separate-git-dir=../elsewhere", ".", "../root"]);
        }),
        ("borrowed objects", |main| drop(git(main, &["clone", "-q", "--shared", ".", "../root"]))),
    ];
    for (name, make) in rows {
        let folder = tempfile::tempdir().expect("a folder");
        let (main, root) = (folder.path().join("main"), folder.path().join("root"));
        let state = folder.path().join("state");
        init(&main);
        write(&main.join("a"), "one\n");
        commit(&main, "one");
        write(&main.join("a"), "two\n");
        commit(&main, "two");
        make(&main);
        let (of_main, tree) = (walk(&main.join(".git/refs")), git(&main, &["rev-parse", "HEAD~1^{tree}"]));
        let done = revert(&root, &state, true, None).unwrap_or_else(|why| panic!("{name}: {why:?}"));
        assert_eq!(done.branch.is_none(), name.ends_with("without a branch"), "{name}: {done:?}");
        assert_eq!(git(&root, &["rev-parse", "HEAD^{tree}"]), tree, "{name}");
        assert_eq!(git(&root, &["status", "--porcelain"]), "", "{name}");
        assert_eq!(fs::read_to_string(root.join("a")).expect("a"), "one\n", "{name}");
        assert_eq!(git(&main, &["status", "--porcelain"]), "", "{name}");
        undo(&root, &state).unwrap_or_else(|why| panic!("{name}: {why:?}"));
        assert!(walk(&main.join(".git/refs")).iter().all(|(path, file)| of_main.get(path) == Some(file)), "{name}");
    }
}

/// A random history, and random work that is not committed.
struct History {
    rng: Rng,
    root: PathBuf,
}

const NAMES: [&[u8]; 22] = [
    b"a",
    b"b.txt",
    b"c.py",
    b"sp ace.txt",
    b"quo\"te",
    b"new\nline.txt",
    b"caf\xc3\xa9.py",
    b"\xff\xfe.txt",
    b"-dash",
    b"dir",
    b"dir/x.txt",
    b"dir/y.py",
    b"dir/sub",
    b"dir/sub/z.txt",
    b"dir/sub/deep/er.bin",
    b"dir.x",
    b"dir-x",
    b"other/a.txt",
    b"other/b/c.id",
    b"other/.gitattributes",
    b".gitattributes",
    b"UPPER/a.txt",
];

impl History {
    fn some_name(&mut self) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(NAMES[self.rng.usize(..NAMES.len())]))
    }

    fn contents(&mut self) -> Vec<u8> {
        let end = ["\n", "\r\n", "\n", "\r"][self.rng.usize(..4)];
        let mut text = String::new();
        for _ in 0..self.rng.usize(0..12) {
            text.push_str(&format!("line {} $Id$", self.rng.u32(0..20)));
            // Mixed now and then.
            text.push_str(if self.rng.u8(..8) == 0 { "\r\n" } else { end });
        }
        match self.rng.u8(..10) {
            0 => Vec::new(),
            1 => text.replace("line", "\0").into_bytes(),
            2 => text.repeat(2000).into_bytes(),
            3 => text.trim_end().as_bytes().to_vec(),
            _ => text.into_bytes(),
        }
    }

    fn attributes(&mut self) -> String {
        let all = [
            "* text=auto\n",
            "*.txt text eol=crlf\n",
            "*.txt text\n",
            "*.py eol=lf\n",
            "*.py ident\n",
            "*.id ident\n",
            "dir/** -text\n",
            "*.bin binary\n",
            "*.x text=auto eol=crlf\n",
        ];
        (0..self.rng.usize(0..3)).map(|_| all[self.rng.usize(..all.len())]).collect()
    }

    /// A file comes, changes, goes, or becomes something else.
    fn step(&mut self) {
        let name = self.some_name();
        let path = self.root.join(&name);
        let gone = |path: &Path| match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).expect("removed"),
            Ok(_) => fs::remove_file(path).expect("removed"),
            Err(_) => {}
        };
        for above in name.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            if fs::symlink_metadata(self.root.join(above)).is_ok_and(|meta| !meta.is_dir()) {
                gone(&self.root.join(above));
            }
        }
        let is_attributes = name.ends_with(".gitattributes");
        match self.rng.u8(..10) {
            0 | 1 => gone(&path),
            2 if !is_attributes => {
                gone(&path);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                symlink(["a", "../x", "/nowhere", "dir"][self.rng.usize(..4)], &path).expect("a link");
            }
            3 if path.is_file() && !path.is_symlink() => mode(&path, if self.rng.bool() { 0o755 } else { 0o644 }),
            4 if path.is_file() && !is_attributes => {
                let other = self.root.join("moved").join(format!("{}.txt", self.rng.u8(..9)));
                fs::create_dir_all(other.parent().expect("a parent")).expect("a folder");
                gone(&other);
                fs::rename(&path, other).expect("renamed");
            }
            _ => {
                gone(&path);
                let contents = if is_attributes { self.attributes().into_bytes() } else { self.contents() };
                write(&path, contents);
                if self.rng.u8(..6) == 0 {
                    mode(&path, 0o755);
                }
            }
        }
        // git does not know of folders without files.
        let _ = Command::new("find")
            .arg(&self.root)
            .args(["-type", "d", "-empty", "-not", "-path", "*/.git/*"])
            .arg("-delete")
            .status();
    }

    fn make(&mut self) {
        init(&self.root);
        let crlf = [None, None, Some("true"), Some("input"), Some("false")][self.rng.usize(..5)];
        if let Some(value) = crlf {
            git(&self.root, &["config", "core.autocrlf", value]);
        }
        if self.rng.u8(..6) == 0 {
            git(&self.root, &["config", "core.fileMode", "false"]);
        }
        for number in 0..self.rng.usize(2..5) {
            for _ in 0..self.rng.usize(1..12) {
                self.step();
            }
            commit(&self.root, &format!("{number}"));
        }
    }

    /// Work that is not committed, on a path of its own or on this one.
    fn work_on(&mut self, name: &Path) {
        let path = self.root.join(name);
        let arg = || OsStr::from_bytes(name.as_os_str().as_bytes());
        // Of the path itself: a link to a folder is none.
        let meta = fs::symlink_metadata(&path);
        let (is_there, is_folder) = (meta.is_ok(), meta.is_ok_and(|meta| meta.is_dir()));
        match self.rng.u8(..5) {
            0 if is_there && !is_folder => fs::remove_file(&path).expect("removed"),
            1 if is_there && !is_folder => {
                git_command(&self.root, &["rm", "-q", "--cached", "--"]).arg(arg()).output().expect("git");
            }
            2 | 3 if !is_folder => {
                if path.is_symlink() {
                    fs::remove_file(&path).expect("removed");
                }
                write(&path, format!("work {}\n", self.rng.u32(..)));
                git_command(&self.root, &["--literal-pathspecs", "add", "--"]).arg(arg()).output().expect("git");
                if self.rng.bool() {
                    write(&path, "work, once more\n");
                }
            }
            _ if is_folder => write(&path.join("mine"), "work\n"),
            _ => {
                if path.is_symlink() {
                    fs::remove_file(&path).expect("removed");
                }
                write(&path, "work\n");
            }
        }
    }
}

fn paths(list: &[u8]) -> BTreeSet<PathBuf> {
    let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect()
}

/// The lines of a status or of the index that are about other files than these.
fn lines_without(list: &[u8], touched: &BTreeSet<PathBuf>) -> Vec<Vec<u8>> {
    let about = |line: &[u8]| {
        touched.iter().any(|path| line.windows(path.as_os_str().len()).any(|part| part == path.as_os_str().as_bytes()))
    };
    list.split(|byte| *byte == 0).filter(|line| !about(line)).map(<[u8]>::to_vec).collect()
}

/// 50 of them, and with 200 rounds 500. One is tried again with `BRIDGE_WATCHDOG_SEED`.
#[test]
fn random_histories_come_out_as_git_has_them_and_uncommitted_work_stays() {
    let again = std::env::var("BRIDGE_WATCHDOG_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut counts = [0; 4];
    for _ in 0..if again.is_some() { 1 } else { rounds(20) * 5 / 2 } {
        let seed: u64 = again.unwrap_or_else(|| fastrand::u64(..));
        let name = format!("BRIDGE_WATCHDOG_SEED={seed}");
        let folder = tempfile::tempdir().expect("a folder");
        let (made, root, state) = (folder.path().join("made"), folder.path().join("root"), folder.path().join("state"));
        let mut history = History { rng: Rng::with_seed(seed), root: made.clone() };
        history.make();
        let theirs = folder.path().join("theirs");
        copy(&made, &root);
        copy(&made, &theirs);
        history.root.clone_from(&root);
        let touched = paths(&git_bytes(&root, &["diff", "--name-only", "--no-renames", "-z", "HEAD~1", "HEAD"]));
        let near = |path: &Path| touched.iter().any(|other| path.starts_with(other) || other.starts_with(path));
        for _ in 0..history.rng.usize(0..6) {
            let other =
                if history.rng.bool() { history.some_name() } else { format!("mine/{}", history.rng.u8(..4)).into() };
            let special = other.ends_with(".gitattributes");
            if !near(&other)
                && !special
                && other.ancestors().skip(1).all(|above| !root.join(above).is_file() && !root.join(above).is_symlink())
            {
                history.work_on(&other);
            }
        }
        let inside = history.rng.u8(..4) == 0;
        let victim = touched.iter().nth(history.rng.usize(..touched.len().max(1))).cloned();
        let before_work = walk(&root);
        if let (true, Some(victim)) = (inside, &victim)
            && victim.ancestors().skip(1).all(|above| !root.join(above).is_file() && !root.join(above).is_symlink())
        {
            history.work_on(victim);
        }
        let is_inside = walk(&root) != before_work;
        let status = |root: &Path| git_bytes(root, &["status", "--porcelain", "-z", "-uall", "--no-renames"]);
        let list = |root: &Path| git_bytes(root, &["ls-files", "-s", "-z"]);
        let (status_before, list_before) = (status(&root), list(&root));
        status(&theirs);
        let files_before = walk(&root);

        let said = git_command(&theirs, &["revert", "--no-edit", "HEAD"]).output().expect("git");
        let looked = prepare(&root);
        let ours = revert(&root, &state, false, None);
        assert_eq!(looked.is_ok(), ours.is_ok(), "{name}: {looked:?} {ours:?}");
        // The one thing in these histories that libgit2 does in another way, and that is refused for that.
        let is_ident = matches!(&ours, Err(Refusal::Ident { .. }));
        let ok = said.status.success() && !is_inside && !is_ident;
        let error = String::from_utf8_lossy(&said.stderr);
        assert_eq!(
            ours.is_ok(),
            ok,
            "{name}: {ours:?}, work inside: {is_inside} ({victim:?} of {touched:?}: {})\ngit: {error}",
            String::from_utf8_lossy(&status_before)
        );
        counts[usize::from(ok) + if is_inside { 2 } else { 0 }] += 1;
        git(&root, &["fsck", "--strict"]);
        if !ok {
            assert!(walk(&root) == files_before, "{name}: refused, and changed");
            continue;
        }
        for args in [&["rev-parse", "HEAD^{tree}"][..], &["rev-parse", "HEAD~1"]] {
            assert_eq!(git(&root, args), git(&theirs, args), "{name}");
        }
        let (mut ours_touched, mut theirs_touched) = (work(&root), work(&theirs));
        let rest = |files: &Files| -> Files {
            files
                .iter()
                .filter(|(path, (mode, _))| !near(path) && mode & 0o170_000 != 0o040_000)
                .map(|(path, file)| (path.clone(), file.clone()))
                .collect()
        };
        let files_before: Files = files_before.into_iter().filter(|(path, _)| !path.starts_with(".git")).collect();
        assert!(rest(&files_before) == rest(&ours_touched), "{name}: other files changed");
        ours_touched.retain(|path, _| touched.contains(path));
        theirs_touched.retain(|path, _| touched.contains(path));
        assert!(
            ours_touched == theirs_touched,
            "{name}: ours\n{}\ntheirs\n{}",
            described(&ours_touched),
            described(&theirs_touched)
        );
        assert_eq!(lines_without(&list_before, &touched), lines_without(&list(&root), &touched), "{name}: the index");
        if !touched.iter().any(|path| path.ends_with(".gitattributes")) {
            let same = lines_without(&status_before, &touched) == lines_without(&status(&root), &touched);
            assert!(same, "{name}: the status of other files");
        }
    }
    println!("refused, reverted, refused for work inside: {counts:?}");
}

const KILLED_IN: &str = "BRIDGE_WATCHDOG_TEST_KILLED_IN";

#[test]
#[ignore = "the process that the tests below start"]
fn acts_until_it_is_killed() {
    let Some(folder) = std::env::var_os(KILLED_IN).map(PathBuf::from) else { return };
    let (root, state) = (folder.join("root"), folder.join("state"));
    println!("begins");
    if folder.join("undo").exists() {
        undo(&root, &state).expect("undone");
    } else {
        revert(&root, &state, false, None).expect("reverted");
    }
}

/// Line ends that the user's own file of attributes asks for, in a process of its own with another home.
#[test]
fn attributes_of_the_user_count_as_they_do_for_git() {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, root) = (folder.path().join("home"), folder.path().join("root"));
    write(&home.join("git/attributes"), "*.txt text eol=crlf\n");
    init(&root);
    for text in ["one\n", "two\n"] {
        write(&root.join("a.txt"), text);
        commit(&root, text.trim());
    }
    let theirs = folder.path().join("theirs");
    copy(&root, &theirs);
    let mut git_revert = git_command(&theirs, &["revert", "--no-edit", "HEAD"]);
    assert!(git_revert.env("XDG_CONFIG_HOME", &home).output().expect("git").status.success());
    assert!(acting(folder.path()).env("XDG_CONFIG_HOME", &home).status().expect("a process").success());
    assert_eq!(fs::read_to_string(theirs.join("a.txt")).expect("a.txt"), "one\r\n");
    assert!(work(&root) == work(&theirs), "{}", described(&work(&root)));
}

/// Our own acts, in a process of its own.
fn acting(folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.args(["--exact", "revert::acts_until_it_is_killed", "--ignored", "--nocapture"]).env(KILLED_IN, folder);
    command
}

/// A process that has just begun to revert, or to undo, in a copy.
fn begun(first: &Path, folder: &Path, is_undo: bool) -> Child {
    let (root, state) = (folder.join("root"), folder.join("state"));
    copy(first, &root);
    if is_undo {
        revert(&root, &state, false, None).expect("reverted");
        write(&folder.join("undo"), "");
    }
    let child = acting(folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("a process");
    let said = child.stdout.as_mut().expect("piped");
    BufReader::new(said)
        .lines()
        .find(|line| line.as_ref().is_ok_and(|line| line.contains("begins")))
        .expect("it begins")
        .expect("a line");
    child
}

/// SIGKILL at random instants of a revert of many files and of its undoing: the next start finds or makes one of the two
/// good states, git works, what is not committed is as it was, and the act can be done again.
#[test]
fn a_process_killed_at_any_instant_leaves_one_of_two_good_states() {
    let origin = tempfile::tempdir().expect("a folder");
    let first = origin.path().join("root");
    init(&first);
    for number in 0..60 {
        write(&first.join(format!("bridge/{}/{number}.py", number % 20)), format!("{number}\n").repeat(200));
    }
    write(&first.join("other"), "one\n");
    commit(&first, "one");
    for number in (0..60).filter(|number| number % 3 > 0) {
        write(&first.join(format!("bridge/{}/{number}.py", number % 20)), format!("broken {number}\n").repeat(200));
        write(&first.join(format!("new/{}/{number}.py", number % 20)), "broken\n");
    }
    fs::remove_dir_all(first.join("bridge/7")).expect("removed");
    commit(&first, "two");
    write(&first.join("other"), "mine\n");
    write(&first.join("untracked"), "mine\n");
    write(&first.join("bridge/staged.py"), "mine\n");
    git(&first, &["add", "bridge/staged.py"]);
    // A copy of one file instead of a thousand: making files is what a round takes its time for.
    git(&first, &["gc", "-q"]);
    let seen = |root: &Path| {
        // Status writes the index, as any git command would with a stale lock in its way.
        (git(root, &["rev-parse", "HEAD^{tree}"]), git(root, &["status", "--porcelain"]), work(root))
    };
    let broken = seen(&first);
    revert(&first, &origin.path().join("state"), false, None).expect("reverted");
    let reverted = seen(&first);
    undo(&first, &origin.path().join("state")).expect("undone");
    assert!(seen(&first) == broken);
    // How long it takes where nobody kills it: in a process of its own, in a copy, by the slower of two.
    let mut took = Duration::ZERO;
    for is_undo in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = begun(&first, folder.path(), is_undo);
        let began = Instant::now();
        assert!(child.wait().expect("ended").success());
        took = took.max(began.elapsed());
    }
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..rounds(20) {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, state) = (folder.path().join("root"), folder.path().join("state"));
        let is_undo = round % 2 == 1;
        let (before, after) = if is_undo { (&reverted, &broken) } else { (&broken, &reverted) };
        let mut child = begun(&first, folder.path(), is_undo);
        // A random instant is the point of the test, so here it sleeps.
        std::thread::sleep(took.mul_f64(fastrand::f64() * 1.1));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let finished = finish(&root, &state).unwrap_or_else(|why| panic!("round {round}: {why:?}"));
        let now = seen(&root);
        assert!(now == *before || now == *after, "round {round}: {finished:?}\n{}", now.1);
        match &finished {
            Some(Finished::Done(..)) => assert!(now == *after, "round {round}"),
            Some(_) => assert!(now == *before, "round {round}"),
            None => {}
        }
        git(&root, &["fsck", "--strict"]);
        let end = format!(
            "{} {}",
            if now == *after { "done" } else { "before" },
            if finished.is_some() { "by the next start" } else { "by itself" }
        );
        *ends.entry(end).or_default() += 1;
        if now == *before && is_undo {
            undo(&root, &state).expect("undone at last");
        } else if now == *before {
            revert(&root, &state, false, None).expect("reverted at last");
        }
        assert!(seen(&root) == *after, "round {round}: at last");
        git(&root, &["stash", "list"]);
        git(&root, &["commit", "-qm", "and on it goes", "bridge/staged.py"]);
    }
    println!("in {took:?} each: {ends:?}");
}

/// The reverted commit was upstream; then comes the mend.
#[test]
fn incident_12_after_an_undo_a_fast_forward_pull_works_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, author) = (folder.path().join("root"), folder.path().join("author"));
    let state = folder.path().join("state");
    git(folder.path(), &["init", "-q", "--bare", "-b", "main", "upstream.git"]);
    init(&author);
    write(&author.join("a.py"), "one\n");
    commit(&author, "one");
    git(&author, &["remote", "add", "origin", "../upstream.git"]);
    write(&author.join("a.py"), "broken\n");
    commit(&author, "two");
    git(&author, &["push", "-q", "-u", "origin", "main"]);
    git(folder.path(), &["clone", "-q", "upstream.git", "root"]);

    let done = revert(&root, &state, true, None).expect("reverted");
    write(&author.join("a.py"), "mended\n");
    commit(&author, "three");
    git(&author, &["push", "-q"]);
    let pull = git_command(&root, &["pull", "-q", "--ff-only"]).output().expect("git");
    assert!(!pull.status.success(), "the history has parted");

    let undone = undo(&root, &state).expect("undone");
    assert_eq!((undone.revert, undone.pushed, undone.head), (done.revert, false, done.commit.clone()));
    assert!(matches!(revert(&root, &state, true, None), Err(Refusal::Undone { commit }) if commit == done.commit));
    git(&root, &["pull", "-q", "--ff-only"]);
    assert_eq!(fs::read_to_string(root.join("a.py")).expect("a.py"), "mended\n");
    assert_eq!(git(&root, &["status", "--porcelain"]), "");

    // And one that somebody has pushed: the history of others is not set back.
    let done = revert(&root, &state, true, None).expect("reverted");
    git(&root, &["push", "-q"]);
    let undone = undo(&root, &state).expect("undone");
    assert!(undone.pushed && undone.head != done.commit, "{undone:?}");
    assert_eq!(
        git(&root, &["log", "-1", "--format=%s %P"]),
        format!("Undo auto-revert: bridge crash recovery {}", done.revert)
    );
    assert_eq!(fs::read_to_string(root.join("a.py")).expect("a.py"), "mended\n");
    assert!(matches!(revert(&root, &state, true, None), Err(Refusal::Undone { .. })));
    git(&root, &["push", "-q"]);
    git(&author, &["pull", "-q", "--ff-only"]);
}
