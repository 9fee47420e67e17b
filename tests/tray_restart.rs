//! What a click on Restart asks first, and what a person is told if a click has no effect. As in `tray.rs`.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use crate::support::tray::{new_window, press, under_launchd, windows};
use crate::support::{Desktop, Scene};

/// An agent run under the bridge: a child whose CPU time advances, or one that only waits.
fn with_a_task(busy: bool) -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    let work = if busy { "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; " } else { "" };
    scene.script(&format!(
        "/bin/sh -c 'while kill -0 $PPID 2>/dev/null; do {work}sleep 0.05; done' &\nwhile :; do echo beat; sleep 0.2; done"
    ));
    scene
}

fn restarts(scene: &Scene) -> usize {
    scene.journal().matches("by hand: restart: ").count()
}

#[test]
fn restart_asks_while_the_bridge_is_at_work() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let scene = with_a_task(true);
    let _app = desktop.app(&scene);
    desktop.wait_row("Starting");
    let before = scene.wait_bridge();
    desktop.click("Restart bridge");
    desktop.click("Restart bridge");
    let asked = new_window(&desktop, &[]);
    // Escape is the answer that does no harm.
    press(&desktop, &asked, &["Escape"]);
    desktop.wait("no question", || windows(&desktop).is_empty().then_some(()));
    desktop.click("Restart bridge");
    let asked = new_window(&desktop, &[]);
    assert_eq!((scene.wait_bridge(), restarts(&scene)), (before, 0));
    press(&desktop, &asked, &["Tab", "Return"]);
    desktop.wait("a new pid", || (scene.wait_bridge() != before).then_some(()));
}

/// It may have been hidden, or not seen at all.
#[test]
fn a_second_click_brings_the_question_to_the_front() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let scene = with_a_task(true);
    let _app = desktop.app(&scene);
    desktop.wait_row("Starting");
    let before = scene.wait_bridge();
    // The X server lists windows from the lowest to the highest, and xdotool keeps that order.
    let in_front = |window: &String| {
        desktop.wait("the window in front", || (windows(&desktop).last() == Some(window)).then_some(()));
    };
    desktop.click("Restart bridge");
    let asked = new_window(&desktop, &[]);
    in_front(&asked);
    desktop.click("About Bridge Watchdog");
    let about = new_window(&desktop, std::slice::from_ref(&asked));
    in_front(&about);
    desktop.click("Restart bridge");
    in_front(&asked);
    assert_eq!(windows(&desktop).len(), 2);
    press(&desktop, &asked, &["Escape"]);
    desktop.wait("no question", || (windows(&desktop) == [about.as_str()]).then_some(()));
    // And a click afterwards is a new one.
    desktop.click("Restart bridge");
    new_window(&desktop, &[about]);
    assert_eq!((scene.wait_bridge(), restarts(&scene)), (before, 0));
}

/// While the question stands open the watch goes on.
#[test]
fn a_yes_that_comes_too_late_restarts_nothing_and_says_so() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let scene = with_a_task(true);
    let _app = desktop.app(&scene);
    desktop.wait_row("Starting");
    let before = scene.wait_bridge();
    desktop.click("Restart bridge");
    let asked = new_window(&desktop, &[]);
    std::fs::write(scene.data("update-restart-in-progress"), "").expect("a marker");
    desktop.wait_row("Restart bridge (an update is running)");
    press(&desktop, &asked, &["Tab", "Return"]);
    let told = new_window(&desktop, std::slice::from_ref(&asked));
    press(&desktop, &told, &["Escape"]);
    // The next click is a new one.
    std::fs::remove_file(scene.data("update-restart-in-progress")).expect("the marker");
    desktop.wait("the row", || (desktop.row("Restart bridge")?.label == "Restart bridge").then_some(()));
    desktop.click("Restart bridge");
    new_window(&desktop, &[asked, told]);
    assert_eq!((scene.wait_bridge(), restarts(&scene)), (before, 0));
}

#[test]
fn two_quick_clicks_are_one_restart() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let scene = with_a_task(false);
    let _app = desktop.app(&scene);
    desktop.wait_row("Starting");
    let first = scene.wait_bridge();
    desktop.click("Restart bridge");
    desktop.click("Restart bridge");
    let again = || scene.status().is_some_and(|status| status["rung"].is_null());
    desktop.wait("one restart", || (restarts(&scene) == 1 && again()).then_some(()));
    let second = desktop.wait("a new pid", || Some(scene.wait_bridge()).filter(|pid| *pid != first));
    // The watch takes its commands in order: a question from the second click would come before this.
    desktop.wait("the row", || (desktop.row("Restart bridge")?.label == "Restart bridge").then_some(()));
    desktop.click("Restart bridge");
    desktop.wait("another restart", || (restarts(&scene) >= 2 && again()).then_some(()));
    let third = desktop.wait("a new pid", || Some(scene.wait_bridge()).filter(|pid| *pid != second));
    scene.wait_looks(3);
    assert_eq!((restarts(&scene), scene.wait_bridge()), (2, third), "{}", scene.journal());
    assert!(windows(&desktop).is_empty(), "the second click was no other wish that came to nothing");
}

/// What a click did not do is said in a window, and in the events with its cause.
#[test]
fn a_click_that_fails_says_why() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, launchd) = under_launchd(600.0, &[], 0.5);
    // Root may write everywhere, but even root can't remove a folder as a file.
    std::fs::create_dir(scene.data("auto-revert-enabled")).expect("a folder in the marker's place");
    let _app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    assert_eq!(desktop.row("Auto-revert").expect("a row").checked, Some(true));
    desktop.click("Auto-revert");
    let told = new_window(&desktop, &[]);
    scene.wait_journal("removed: Is a directory (os error 21)");
    assert_eq!(desktop.row("Auto-revert").expect("a row").checked, Some(true));
    press(&desktop, &told, &["Escape"]);

    // Another recovery has just taken the lock, and the watch has not looked since.
    let pid = launchd.wait_pid(&scene.label);
    let path = scene.state().join("recovery.lock");
    let lock = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).expect("the lock");
    lock.try_lock().expect("nobody has it");
    desktop.click("Restart bridge");
    new_window(&desktop, &[told]);
    drop(lock);
    assert_eq!(launchd.wait_pid(&scene.label), pid);
}
