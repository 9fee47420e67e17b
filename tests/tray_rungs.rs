//! Clean locks, Revert HEAD and Undo revert, clicked in the app under Xvfb with a real panel.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use crate::support::decoys::{self, Decoy};
use crate::support::scene::product;
use crate::support::tray::{new_window, press, windows};
use crate::support::{Desktop, Scene, alive};

/// Takes the session's lock and keeps it.
fn holder(scene: &Scene) -> Decoy {
    let mut command = Command::new(product());
    command.args(["demo-bridge", "--exclusive", "--session"]).arg(scene.data("valor_bridge.session"));
    decoys::start("a holder", command.current_dir(&scene.root))
}

#[test]
fn clean_locks_names_a_real_holder_and_ends_it() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let mut scene = Scene::new("embedded", 60.0);
    // The watch itself looks at nothing while the question is open.
    scene.set("tick", 600.0);
    scene.bridge(&[]);
    let _app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    let bridge = scene.wait_bridge();
    let holder = holder(&scene);
    let pid = holder.1.id();
    scene.wait_aged(pid, 1.1);
    scene.wait("the lock", || {
        let seen = String::from_utf8(scene.run(&["locks", "--json"]).stdout).expect("text");
        serde_json::from_str::<serde_json::Value>(&seen).ok()?["holders"]
            .as_array()?
            .iter()
            .find(|user| user["pid"] == pid)
            .cloned()
    });
    desktop.click("Clean locks");
    let asked = new_window(&desktop, &[]);
    press(&desktop, &asked, &["Escape"]);
    desktop.wait("no question", || windows(&desktop).is_empty().then_some(()));
    assert!(alive(pid), "the answer that does no harm");
    desktop.click("Clean locks");
    let asked = new_window(&desktop, &[]);
    press(&desktop, &asked, &["Tab", "Return"]);
    desktop.wait("its end", || (!alive(pid)).then_some(()));
    scene.wait_journal("by hand: clean locks: done: the session's lock is free; 1 process that held it was ended");
    assert_eq!(scene.wait_bridge(), bridge, "the bridge is left alone");
}

/// Whether it succeeds.
fn git(folder: &Path, args: &[&str]) -> bool {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=me", "-c", "user.email=me@example.com"]).args(args).current_dir(folder);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().expect("git").status.success()
}

#[test]
fn revert_head_makes_the_commit_after_a_yes_and_undo_brings_it_back() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let scene = Scene::new("embedded", 60.0);
    let bad = scene.commit("bridge.py", "import telethon\n", "Not so good", 7200);
    let head = || {
        let repository = git2::Repository::open(&scene.root).expect("a repository");
        let head = repository.head().expect("HEAD").peel_to_commit().expect("a commit");
        (head.id(), head.parent_id(0).ok())
    };
    // Where it came from, and where the mend comes to.
    let author = scene.root.with_file_name("author");
    assert!(git(&scene.root, &["clone", "-q", "--bare", ".", "../upstream.git"]));
    assert!(git(&scene.root, &["clone", "-q", "../upstream.git", "../author"]));
    let _app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    let bridge = scene.wait_bridge();
    desktop.click("Revert HEAD");
    let asked = new_window(&desktop, &[]);
    press(&desktop, &asked, &["Escape"]);
    desktop.wait("no question", || windows(&desktop).is_empty().then_some(()));
    assert_eq!((head().0, scene.wait_bridge()), (bad, bridge));
    desktop.click("Revert HEAD");
    let asked = new_window(&desktop, &[]);
    press(&desktop, &asked, &["Tab", "Return"]);
    desktop.wait("the revert", || (head().1 == Some(bad)).then_some(()));
    scene.wait_journal("by hand: revert HEAD: done: commit ");
    std::fs::write(author.join("bridge.py"), "import telethon as telegram\n").expect("the mend");
    assert!(git(&author, &["commit", "-qam", "Better"]));
    assert!(git(&author, &["push", "-q", "origin", "HEAD"]));
    let pulls = || git(&scene.root, &["pull", "-q", "--ff-only", "../upstream.git"]);
    assert!(!pulls(), "the history has parted");
    desktop.wait("the row", || (desktop.row("Undo revert")?.label == "Undo revert").then_some(()));
    desktop.click("Undo revert");
    let asked = new_window(&desktop, &[]);
    press(&desktop, &asked, &["Tab", "Return"]);
    desktop.wait("the commit", || (head().0 == bad).then_some(()));
    scene.wait_journal("by hand: undo the revert: done: commit ");
    assert!(pulls(), "a fast-forward works again");
    assert_eq!(head().1, Some(bad));
}
