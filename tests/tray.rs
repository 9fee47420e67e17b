//! The app under Xvfb with a real panel: every row of the menu clicked over D-Bus. The bridge is a real process under a
//! real manager.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use rustix::process::Signal;

use crate::support::tray::{new_window, operator_stop, press, under_launchd, unload, windows};
use crate::support::{Desktop, alive, executable, signal};

#[test]
fn every_row_does_what_it_says() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (mut scene, launchd) = under_launchd(600.0, &[], 0.5);
    scene.set("reload", 1.0);
    let viewer = scene.folder.path().join("viewer");
    executable(&viewer, "#!/bin/sh\nprintf '%s' \"$1\" >\"$0.opened.new\"; mv \"$0.opened.new\" \"$0.opened\"\n");
    let terminal = scene.folder.path().join("terminal");
    executable(&terminal, "#!/bin/sh\nprintf '%s' \"$*\" >\"$0.opened.new\"; mv \"$0.opened.new\" \"$0.opened\"\n");
    let first = launchd.wait_pid(&scene.label);
    let mut app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    assert_eq!(desktop.title().as_deref(), Some("Bridge Watchdog"));
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
            &*revert,
            "Pause recovery",
            "",
            "Show status",
            "Recent incidents",
            "Open log",
            "Show log in terminal",
            "",
            "More",
            "About Bridge Watchdog",
            "Quit (the bridge goes on)",
        ]
    );
    assert_eq!(
        desktop.seen_below("More").expect("a submenu"),
        [
            "Undo revert (HEAD is no revert of ours)",
            "Auto-revert: undo a fresh commit that crashes the bridge",
            "",
            "Copy diagnostics",
            "No alerts by Telegram: 'bridge-watchdog setup' makes the way",
            "Start at login",
        ]
    );
    assert_eq!(
        desktop.seen_below("Pause recovery").expect("a submenu"),
        [
            "Recovery is not paused",
            "Resume now",
            "",
            "Pause for 15 min",
            "Pause for 1 h",
            "Pause until tomorrow, 08:00",
            "Pause until I resume",
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
    // It was no incident, and is what happened last.
    desktop.wait("the second row", || {
        let row = desktop.rows()?.swap_remove(1).label;
        (row.contains("; restarted at ") && row.ends_with(", as you asked")).then_some(())
    });
    assert_eq!(desktop.seen_below("Recent incidents").expect("a submenu"), ["None so far"]);

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

    desktop.click("Show log in terminal");
    let opened = desktop.wait("the terminal", || std::fs::read_to_string(terminal.with_extension("opened")).ok());
    let script = opened.strip_prefix("-e /bin/sh ").expect("a script for the terminal");
    let script = std::fs::read_to_string(script).expect("the script");
    assert_eq!(script, format!("#!/bin/sh\nexec tail -n 200 -F '{}'\n", scene.log().display()));

    desktop.click("Show status");
    let status = new_window(&desktop, &[]);
    press(&desktop, &status, &["Escape"]);
    desktop.wait("no window", || windows(&desktop).is_empty().then_some(()));

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
    desktop.wait_row("Paused until");
    unload(&scene, &launchd);
    desktop.wait_row("Paused since");
    scene.wait_looks(4);
    assert_eq!(launchd.job(&scene.label), None);
    for (label, state) in [
        ("Pause for 15 min", "Paused until"),
        ("Pause until tomorrow, 08:00", "Paused until"),
        ("Pause until I resume", "Paused until you resume"),
    ] {
        let before = desktop.seen_below("Pause recovery").expect("a submenu");
        desktop.click(label);
        let news = || desktop.seen_below("Pause recovery").filter(|rows| *rows != before);
        let rows = desktop.wait("another end of the pause", news);
        assert!(rows[0].starts_with(state), "{rows:?}");
    }
    let status = String::from_utf8(scene.run(&["status"]).stdout).expect("text");
    assert!(status.contains("recovery goes on after 'bridge-watchdog resume'"), "{status}");
    desktop.click("Resume now");
    let third = launchd.wait_pid(&scene.label);
    desktop.wait_row("Healthy");

    desktop.click("Quit");
    assert_eq!(app.wait(), Some(0), "{}", scene.said());
    assert!(alive(third));
    assert!(desktop.rows().is_none());
}

/// Before the first incident and after it, as the bus shows them: each a row, and no row without an incident. What is known
/// of it survives a restart of the app.
#[test]
fn an_incident_is_a_row_with_its_length_and_its_cure() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, launchd) = under_launchd(1.0, &[], 0.5);
    let mut app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    let shown = || {
        let recent = desktop.row("Recent incidents")?;
        Some((recent.label, recent.enabled, desktop.seen_below("Recent incidents")?))
    };
    assert_eq!(shown(), Some(("Recent incidents".into(), true, vec!["None so far".into()])));
    // It hangs: a process that is stopped, and a log that is silent.
    let before = launchd.wait_pid(&scene.label);
    signal(before, Signal::STOP);
    desktop.wait("another bridge", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    let over = || shown().filter(|(_, _, texts)| texts[0].ends_with(": restarted"));
    let (label, enabled, texts) = desktop.wait("the incident", over);
    let (_, incident) = texts[0].split_once("  ").expect("a time before it");
    assert!(incident.starts_with("hang, ") && incident.ends_with(" s: restarted"), "{texts:?}");
    assert_eq!((&*label, enabled, texts.len()), ("Recent incidents", true, 1));
    let last = || desktop.rows().map(|mut rows| rows.swap_remove(1).label);
    desktop.wait("the second row", || last()?.ends_with(" down: hang, restarted").then_some(()));
    scene.wait("the end of the incident", || (!scene.state().join("incident.json").exists()).then_some(()));
    signal(app.pid(), Signal::TERM);
    assert_eq!(app.wait(), Some(143), "{}", scene.said());
    let _app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    desktop.wait("the same incident", || (shown()? == (label.clone(), true, texts.clone())).then_some(()));
    desktop.wait("the second row", || last()?.ends_with(" down: hang, restarted").then_some(()));
}

/// What its operator disabled stays disabled: the row asks, and gives the command.
#[test]
fn what_is_disabled_is_not_started_by_a_click() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, launchd) = under_launchd(1.0, &[], 0.5);
    operator_stop(&scene, &launchd);
    let _app = desktop.app(&scene);
    desktop.wait_row("Stopped");
    desktop.click("Start bridge");
    let asked = new_window(&desktop, &[]);
    press(&desktop, &asked, &["Tab", "Return"]);
    let copied = desktop.wait("the command", || {
        let text = desktop.exec(&["timeout", "10", "xclip", "-o", "-selection", "clipboard"]);
        text.contains("launchctl").then_some(text)
    });
    assert_eq!(copied, format!("launchctl enable gui/$(id -u)/{} && bridge-watchdog restart", scene.label));
    scene.wait_looks(2);
    assert_eq!(launchd.job(&scene.label), None);
    // A click afterwards is a new one.
    desktop.wait("no question", || windows(&desktop).is_empty().then_some(()));
    desktop.click("Start bridge");
    new_window(&desktop, &[]);
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
    desktop.click("Resume now");
    let third = manager.wait_pid(&scene.label);
    desktop.wait_row("Healthy");

    // Its operator stops it; a person may start it again, after a question.
    manager.stop_unit(&scene.label);
    desktop.wait_row("Stopped");
    desktop.click("Start bridge");
    let asked = new_window(&desktop, &[]);
    press(&desktop, &asked, &["Escape"]);
    desktop.wait("no question", || windows(&desktop).is_empty().then_some(()));
    assert_eq!(manager.pid(&scene.label), None);
    desktop.click("Start bridge");
    let asked = new_window(&desktop, &[]);
    press(&desktop, &asked, &["Tab", "Return"]);
    let fourth = desktop.wait("its start", || manager.pid(&scene.label).filter(|pid| *pid != third));
    scene.wait_journal("by hand: start: done");
    desktop.wait_row("Healthy");

    desktop.click("Quit");
    assert_eq!(app.wait(), Some(0), "{}", scene.said());
    assert_eq!(manager.pid(&scene.label), Some(fourth));
    assert!(desktop.rows().is_none());
}
