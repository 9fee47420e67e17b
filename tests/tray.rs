//! The app under Xvfb with a real panel: every row of the menu clicked over D-Bus. The bridge is a real process under a
//! real manager.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use rustix::process::Signal;

use crate::support::launchd::{domain, target};
use crate::support::tray::{new_window, operator_stop, press, under_launchd, unload, windows};
use crate::support::{Desktop, alive, executable, signal};

#[test]
fn every_row_does_what_it_says() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (mut scene, launchd) = under_launchd(600.0, &[], 0.5);
    scene.set("reload", 1.0);
    let viewer = scene.folder.path().join("viewer");
    executable(&viewer, "#!/bin/sh\nprintf '%s' \"$1\" >\"$0.opened.new\"; mv \"$0.opened.new\" \"$0.opened\"\n");
    let first = launchd.wait_pid(&scene.label);
    let mut app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    let head = git2::Repository::open(&scene.root)
        .and_then(|repository| Ok(repository.head()?.peel_to_commit()?.id().to_string()[..8].to_owned()));
    let labels: Vec<String> = desktop.rows().expect("a menu").into_iter().map(|row| row.label).collect();
    let revert = format!("Revert HEAD: {} A bridge", head.expect("a commit"));
    assert_eq!(
        [&labels[..1], &labels[2..]].concat(),
        [
            "Healthy",
            "",
            "Restart bridge",
            "Check now",
            "Clean locks",
            &revert,
            "Undo revert (HEAD is no revert of ours)",
            "",
            "Auto-revert: undo a fresh commit that crashes the bridge",
            "Pause for 1 h",
            "",
            "Recent events",
            "Open log",
            "Copy diagnostics",
            "",
            "Start at login",
            "About Bridge Watchdog",
            "Quit (the bridge goes on)",
        ]
    );

    // Disabled rows do nothing, whoever clicks them.
    for label in ["Healthy", "Undo revert"] {
        desktop.click(label);
    }
    let looked = || scene.status().and_then(|status| status["clock"]["mono"].as_f64()).expect("a status");
    let before = looked();
    desktop.click("Check now");
    desktop.wait("a look", || (looked() > before).then_some(()));
    assert_eq!(scene.acts(), Vec::<String>::new());

    desktop.click("Restart bridge");
    let second = desktop.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != first));
    scene.wait_journal("by hand: restart: done");
    assert_eq!(launchd.starts(&scene.label).len(), 2);
    assert_eq!(scene.events("crash").len(), 0);
    // The start may be seen after the restart was written down, and is then above it.
    desktop.wait("the event", || {
        let events = desktop.row("Recent events")?.rows;
        events.iter().any(|event| event.label.contains("by hand: restart: done")).then_some(())
    });

    desktop.click("Auto-revert");
    let asked = new_window(&desktop, &[]);
    press(&desktop, &asked, &["Tab", "Return"]);
    desktop.wait("the opt-in", || scene.data("auto-revert-enabled").exists().then_some(()));
    desktop.wait("the check", || (desktop.row("Auto-revert")?.checked == Some(true)).then_some(()));
    desktop.click("Auto-revert");
    desktop.wait("no opt-in", || (!scene.data("auto-revert-enabled").exists()).then_some(()));

    desktop.click("Open log");
    let opened = desktop.wait("the viewer", || std::fs::read_to_string(viewer.with_extension("opened")).ok());
    assert_eq!(opened, scene.log().to_str().expect("a path"));

    desktop.click("Copy diagnostics");
    desktop.wait_row("Copy diagnostics (copied at");
    let copied = desktop.exec(&["timeout", "10", "xclip", "-o", "-selection", "clipboard"]);
    assert!(copied.contains(&format!("service com.example.bridge: pid {second}")), "{copied}");

    let plist = scene.folder.path().join("launchd/LaunchAgents/com.valor.bridge-watchdog.plist");
    assert_eq!(desktop.row("Start at login").expect("a row").checked, Some(false));
    desktop.click("Start at login");
    desktop.wait("the check", || (desktop.row("Start at login")?.checked == Some(true)).then_some(()));
    assert!(plist.exists());
    desktop.click("Start at login");
    desktop.wait("no agent", || (!plist.exists()).then_some(()));

    desktop.click("About Bridge Watchdog");
    desktop.wait("a window", || (!windows(&desktop).is_empty()).then_some(()));

    // Paused: a job that would be loaded again after a second stays unloaded over many looks.
    desktop.click("Pause for 1 h");
    let row = desktop.wait_row("Paused until");
    assert_eq!(row.checked, Some(true));
    unload(&scene, &launchd);
    desktop.wait_row("Paused since");
    scene.wait_looks(4);
    assert_eq!(launchd.job(&scene.label), None);
    desktop.click("Paused until");
    let third = launchd.wait_pid(&scene.label);
    desktop.wait_row("Healthy");

    desktop.click("Quit");
    assert_eq!(app.wait(), Some(0), "{}", scene.said());
    assert!(alive(third));
    assert!(desktop.rows().is_none());
}

/// Before the first event and after it, as the bus shows them.
#[test]
fn recent_events_are_called_what_they_are() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, launchd) = under_launchd(1.0, &[], 0.5);
    operator_stop(&scene, &launchd);
    let _app = desktop.app(&scene);
    desktop.wait_row("Stopped");
    let shown = || {
        let recent = desktop.row("Recent events")?;
        let texts: Vec<String> = recent.rows.into_iter().map(|row| row.label).filter(|text| !text.is_empty()).collect();
        Some((recent.label, recent.enabled, texts))
    };
    assert_eq!(shown(), Some(("Recent events".into(), true, vec!["None so far".into()])));
    launchd.operator(&["enable", &target(&scene.label)]);
    launchd.operator(&["bootstrap", &domain(), launchd.plist(&scene.label).to_str().expect("a path")]);
    let pid = launchd.wait_pid(&scene.label);
    let (label, enabled, texts) =
        desktop.wait("the event", || shown().filter(|(_, _, texts)| texts[0] != "None so far"));
    let (_, event) = texts[0].split_once("  ").expect("a time before it");
    assert_eq!((&*label, enabled, event, texts.len()), ("Recent events", true, &*format!("started (pid {pid})"), 1));
}

/// The most important part of it under a real systemd, which restarts in its own way.
#[test]
fn under_systemd_the_rows_do_the_same() {
    let Some(manager) = crate::support::systemd::or_skip() else { return };
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let mut scene = manager.scene();
    // The desktop has a bus and a runtime folder of its own.
    let systemctl = scene.folder.path().join("this-systemctl");
    let env: Vec<String> =
        manager.env().iter().map(|(key, path)| format!("export {key}='{}'\n", path.display())).collect();
    let recorder = scene.folder.path().join("systemctl");
    let text =
        format!("#!/bin/sh\nunset DBUS_SESSION_BUS_ADDRESS\n{}exec '{}' \"$@\"\n", env.concat(), recorder.display());
    executable(&systemctl, &text);
    scene.set("systemctl", systemctl.to_str().expect("a path"));
    // systemd's own timer comes too late for this test.
    manager.begin(&scene, "Restart=always\nRestartSec=600");
    let first = manager.wait_pid(&scene.label);
    let mut app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    desktop.click("Restart bridge");
    let second = desktop.wait("a new pid", || manager.pid(&scene.label).filter(|pid| *pid != first));
    scene.wait_journal("by hand: restart: done");
    assert_eq!(crate::support::systemd::verbs(&scene), ["reset-failed", "restart"]);
    assert_eq!(scene.events("crash").len(), 0);

    scene.wait_aged(second, 0.5);
    scene.wait_verdict("healthy", "none");
    desktop.click("Pause for 1 h");
    desktop.wait_row("Paused until");
    signal(second, Signal::KILL);
    desktop.wait_row("Paused since");
    scene.wait_looks(4);
    assert_eq!(manager.pid(&scene.label), None);
    desktop.click("Paused until");
    let third = manager.wait_pid(&scene.label);
    desktop.wait_row("Healthy");

    desktop.click("Quit");
    assert_eq!(app.wait(), Some(0), "{}", scene.said());
    assert_eq!(manager.pid(&scene.label), Some(third));
    assert!(desktop.rows().is_none());
}
