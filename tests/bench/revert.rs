//! A revert of HEAD, beside `git revert`, in the same repository in turn.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use bridge_watchdog::system::git::revert::revert;

use crate::table::{Row, middle_and_most, row};

const ROUNDS: usize = 9;

pub(crate) fn rows() -> Vec<Row> {
    [10_000, 100_000].into_iter().map(among).collect()
}

fn among(files: usize) -> Row {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, state) = (folder.path().join("root"), folder.path().join("state"));
    std::fs::create_dir(&root).expect("a folder");
    git(&root, &["init", "-q", "-b", "main"]);
    git(&root, &["config", "user.name", "me"]);
    git(&root, &["config", "user.email", "me@example.com"]);
    for number in 0..files {
        let path = root.join(format!("{}/{}/{number}.py", number / 1000, number / 100 % 10));
        if number % 100 == 0 {
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        }
        // Few contents, since the objects are not what is measured.
        std::fs::write(path, format!("{}\n", number % 100)).expect("a file");
    }
    git(&root, &["add", "-A"]);
    git(&root, &["commit", "-qm", "one"]);
    // A commit as people make them: some files in some folders.
    for number in 0..20 {
        let number = number * files / 20;
        let path = root.join(format!("{}/{}/{number}.py", number / 1000, number / 100 % 10));
        std::fs::write(path, "broken\n").expect("a file");
    }
    git(&root, &["commit", "-qam", "two"]);
    git(&root, &["gc", "-q"]);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(timed(&root, || drop(revert(&root, &state, false, None).expect("reverted"))));
        theirs.push(timed(&root, || git(&root, &["revert", "--no-edit", "HEAD"])));
    }
    let (ours, theirs) = (middle_and_most(ours).0, middle_and_most(theirs).0);
    let how = format!("ours {:.1} ms, git {:.1} ms, middle of {ROUNDS}", ours * 1e3, theirs * 1e3);
    row(&format!("a revert among {files} files, over git revert"), 1.0, ours / theirs, "x", how)
}

/// Seconds; then all is as before, and the index as a status leaves it.
fn timed(root: &Path, act: impl FnOnce()) -> f64 {
    let began = Instant::now();
    act();
    let took = began.elapsed().as_secs_f64();
    git(root, &["reset", "-q", "--hard", "HEAD~1"]);
    git(root, &["status", "--porcelain"]);
    took
}

fn git(root: &Path, args: &[&str]) {
    let output = Command::new("git").args(args).current_dir(root).env("GIT_CONFIG_GLOBAL", "/dev/null").output();
    let output = output.expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
