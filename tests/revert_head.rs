//! Rung 4, end to end: by the watch with the opt-in, and by hand. Real commits in a real repository; `git` itself pulls.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::Scene;
use crate::support::bot::{Bot, Mood};

/// A bridge that can't run with what is committed last.
fn scene(opted_in: bool) -> (Scene, Bot) {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    scene.set("min_uptime", 0.3);
    scene.set("crash_window", 600.0);
    scene.set("again", 600.0);
    scene.bridge(&["--source", "bridge.py"]);
    if opted_in {
        fs::write(scene.data("auto-revert-enabled"), "").expect("the opt-in");
    }
    (scene, bot)
}

fn break_it(scene: &Scene) -> String {
    scene.commit("bridge.py", "import telethonn\n", "Make it faster", 60).to_string()
}

fn git(root: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(args);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "test").env(format!("GIT_{who}_EMAIL"), "test@localhost");
    }
    command.output().expect("git runs")
}

fn said(root: &Path, args: &[&str]) -> String {
    let output = git(root, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn head(scene: &Scene) -> String {
    said(&scene.root, &["rev-parse", "HEAD"])
}

/// An upstream that has what is committed now, as a person's checkout has one.
fn upstream(scene: &Scene) {
    let bare = scene.folder.path().join("upstream.git");
    said(&scene.root, &["init", "-q", "--bare", bare.to_str().expect("a path")]);
    said(&scene.root, &["remote", "add", "origin", bare.to_str().expect("a path")]);
    said(&scene.root, &["push", "-q", "-u", "origin", "HEAD"]);
}

/// Somebody mends it upstream.
fn mend_upstream(scene: &Scene) {
    let other = scene.folder.path().join("other");
    let bare = scene.folder.path().join("upstream.git");
    said(scene.folder.path(), &["clone", "-q", bare.to_str().expect("a path"), other.to_str().expect("a path")]);
    fs::write(other.join("bridge.py"), "import telethon\n").expect("a file");
    said(&other, &["commit", "-qam", "Mend it"]);
    said(&other, &["push", "-q"]);
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Incidents 12 and 43: the alert says what to do, the undo makes the next pull work, and what a person brought back is
/// not reverted again.
#[test]
fn incident_12_a_bad_commit_is_reverted_once_and_the_undo_makes_a_pull_work() {
    let (scene, bot) = scene(true);
    let good = head(&scene);
    let bad = break_it(&scene);
    upstream(&scene);
    fs::write(scene.root.join("notes.txt"), "my own\n").expect("an untracked file");
    let watch = scene.watch();
    scene.wait_journal("rung 4 done: commit ");
    scene.wait_verdict("healthy", "none");
    let tree = |commit: &str| said(&scene.root, &["rev-parse", &format!("{commit}^{{tree}}")]);
    assert_eq!(tree("HEAD"), tree(&good));
    assert_eq!(said(&scene.root, &["rev-parse", "HEAD^"]), bad);
    assert_eq!(said(&scene.root, &["log", "-1", "--format=%s"]), "Auto-revert: bridge crash recovery");
    assert_eq!(said(&scene.root, &["status", "--porcelain", "--untracked-files=no"]), "");
    assert_eq!(fs::read_to_string(scene.root.join("notes.txt")).expect("it stays"), "my own\n");
    let text = scene.wait("the alert", || bot.delivered().into_iter().find(|text| text.contains("is reverted")));
    for words in ["Nothing was pushed", "git -C '", "' push", "bridge-watchdog undo-revert", "Make it faster"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    mend_upstream(&scene);
    assert!(!git(&scene.root, &["pull", "-q", "--ff-only"]).status.success(), "that is what the alert is for");
    drop(watch);

    let undone = scene.run(&["undo-revert"]);
    assert_eq!(head(&scene), bad, "{}", last_line(&undone));
    assert_eq!(said(&scene.root, &["status", "--porcelain", "--untracked-files=no"]), "");
    // It crashes again; it is not reverted again, and a person is told why.
    let watch = scene.watch();
    scene.wait_journal("it was reverted before, and somebody brought it back");
    scene.wait("the last rung", || scene.rungs().iter().any(|rung| rung.starts_with('5')).then_some(()));
    assert_eq!(head(&scene), bad);
    said(&scene.root, &["pull", "-q", "--ff-only"]);
    drop(watch);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
}

/// Nothing is done to what can't be the cause, or to what would be lost; the alert says why.
#[test]
fn incident_11_and_13_the_innocent_and_uncommitted_work_are_left_alone() {
    let rows: [(&str, fn(&Scene), &str); 3] = [
        (
            "only documentation",
            |scene| {
                scene.commit("bridge.py", "import telethonn\n", "Break it", 172_000);
                scene.commit("docs/plan.md", "a plan\n", "A plan", 60);
            },
            "it touches only documentation and tests",
        ),
        (
            "uncommitted work in the same file",
            |scene| {
                break_it(scene);
                fs::write(scene.root.join("bridge.py"), "import telethonn\n# and my own\n").expect("work");
            },
            "Uncommitted changes would be lost",
        ),
        (
            "a rebase under way",
            |scene| {
                break_it(scene);
                fs::create_dir(scene.root.join(".git/rebase-merge")).expect("a rebase");
            },
            "rebase",
        ),
    ];
    for (name, prepare, why) in rows {
        let (scene, bot) = scene(true);
        prepare(&scene);
        let before = (head(&scene), fs::read(scene.root.join("bridge.py")).expect("a file"));
        let index = fs::read(scene.root.join(".git/index")).expect("an index");
        let _watch = scene.watch();
        let told = || bot.delivered().into_iter().find(|text| text.contains("needs you"));
        let text = scene.wait(name, told);
        assert!(text.contains(why), "{name}: {text}");
        assert_eq!((head(&scene), fs::read(scene.root.join("bridge.py")).expect("a file")), before, "{name}");
        assert_eq!(fs::read(scene.root.join(".git/index")).expect("an index"), index, "{name}");
    }
}

/// Off by default, and a person is told who the suspect is.
#[test]
fn without_the_opt_in_the_suspect_is_named_and_left() {
    let (scene, bot) = scene(false);
    let bad = break_it(&scene);
    let _watch = scene.watch();
    let text = scene.wait("the alert", || bot.delivered().into_iter().find(|text| text.contains("needs you")));
    assert!(text.contains("HEAD (Make it faster) is the suspect, but auto-revert is off."), "{text}");
    assert_eq!(head(&scene), bad);
}

#[test]
fn by_hand_a_revert_says_what_it_does_and_restarts_the_bridge() {
    let (scene, _bot) = scene(false);
    let bad = scene.commit("bridge.py", "import telethon\n", "Not so good", 7200).to_string();
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let before = scene.wait_bridge();
    let asked = scene.run(&["revert", "--dry-run"]);
    assert_eq!(asked.status.code(), Some(0), "{}", last_line(&asked));
    let text = last_line(&asked);
    assert!(text.contains(&bad[..8]) && text.contains("Not so good") && text.contains("1 file"), "{text}");
    assert_eq!((head(&scene), scene.wait_bridge()), (bad.clone(), before), "a dry run does nothing");
    let done = scene.run(&["revert", "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", last_line(&done));
    assert_eq!(said(&scene.root, &["rev-parse", "HEAD^"]), bad);
    let after = scene.wait("a new pid", || Some(scene.wait_bridge()).filter(|pid| *pid != before));
    let again = scene.run(&["revert", "--yes"]);
    assert_eq!(again.status.code(), Some(1), "{}", last_line(&again));
    assert!(last_line(&again).contains("undo-revert"), "{}", last_line(&again));
    assert_eq!(scene.wait_bridge(), after);
    let undone = scene.run(&["undo-revert"]);
    assert_eq!((undone.status.code(), head(&scene)), (Some(0), bad), "{}", last_line(&undone));
    let nothing = scene.run(&["undo-revert"]);
    assert_eq!(nothing.status.code(), Some(1), "{}", last_line(&nothing));
    assert_eq!(scene.events("crash").len(), 0, "what we end is no crash");
}
