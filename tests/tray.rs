//! The app under Xvfb with a real panel: the icon in each state, every row of the menu clicked over D-Bus, and the faults
//! of a desktop. The bridge is a real process under a real manager.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;
use support::{Desktop, Launchd, Scene, alive, beside, signal};

/// A bridge under the launchd stand-in. Sixty times faster than real, but looks only on events: what a click changes is
/// then seen to come from the click.
fn under_launchd(desktop_tick: f64, options: &[&str], exit_timeout: f64) -> (Scene, Launchd) {
    let mut scene = Scene::new("launchd", 60.0);
    let home = scene.folder.path().join("home");
    let launchd = Launchd::start(&scene.folder.path().join("launchd"));
    std::fs::create_dir_all(home.join("Library")).expect("Library");
    std::os::unix::fs::symlink(launchd.dir.join("LaunchAgents"), home.join("Library/LaunchAgents"))
        .expect("LaunchAgents");
    scene.world("launchctl", launchd.launchctl().to_str().expect("a path"));
    scene.world("tick", desktop_tick);
    scene.bridge(options);
    let keys = json!({
        "WorkingDirectory": scene.root, "StandardOutPath": scene.log(), "StandardErrorPath": scene.error_log(),
        "KeepAlive": true, "ThrottleInterval": 0.4, "ExitTimeOut": exit_timeout,
    });
    launchd.load(&scene.label, &scene.program(), &keys);
    (scene, launchd)
}

fn unload(scene: &Scene, launchd: &Launchd) {
    launchd.operator(&["bootout", &support::launchd::target(&scene.label)]);
    launchd.wait_gone(&scene.label);
}

fn operator_stop(scene: &Scene, launchd: &Launchd) {
    launchd.operator(&["disable", &support::launchd::target(&scene.label)]);
    unload(scene, launchd);
}

fn flood(scene: &Scene) {
    let until =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs() + 3600;
    std::fs::write(scene.data("flood-backoff"), json!({"expiry_ts": until, "seconds": 3600}).to_string())
        .expect("a marker");
}

#[test]
fn each_state_has_its_icon_and_its_words() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let empty = desktop.colours_in_the_bar();
    let see = |scene: &Scene, icon: &str, words: &str| {
        let mut app = desktop.app(scene);
        desktop.wait_icon(icon);
        desktop.wait_row(words);
        desktop.wait("something in the bar", || (desktop.colours_in_the_bar() > empty).then_some(()));
        signal(app.pid(), Signal::TERM);
        assert_eq!(app.wait(), Some(143), "{}", scene.said());
        desktop.wait("an empty bar", || (desktop.colours_in_the_bar() == empty).then_some(()));
    };
    let (scene, _launchd) = under_launchd(1.0, &[], 0.5);
    see(&scene, "healthy", "Healthy");
    flood(&scene);
    see(&scene, "waiting", "Waiting: Telegram's flood wait");

    let (mut scene, launchd) = under_launchd(1.0, &[], 0.5);
    scene.world("reload", 600.0);
    unload(&scene, &launchd);
    see(&scene, "down", "Down: the service manager does not know the bridge");
    operator_stop(&scene, &launchd);
    see(&scene, "stopped", "Stopped: the bridge's operator stopped it");
    scene.world("launchctl", "/nowhere/launchctl");
    see(&scene, "unknown", "Unknown: the service manager can't be asked");

    let (scene, _launchd) = under_launchd(1.0, &["--say", "ERROR telethon: the same again"], 0.5);
    see(&scene, "degraded", "Degraded: the same error was logged");

    // Deaf to SIGTERM, so that ending it takes its exit timeout.
    let (scene, _launchd) = under_launchd(1.0, &["--deaf", "--silent-after", "0"], 10.0);
    see(&scene, "recovering", "Recovering, rung 2 of 5, since");

    let mut scene = Scene::new("embedded", 60.0);
    scene.world("stale", 600.0);
    scene.telegram = None;
    scene.bridge(&[]);
    see(&scene, "starting", "Starting");
}

#[test]
fn every_row_does_what_it_says() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (mut scene, launchd) = under_launchd(600.0, &[], 0.5);
    scene.world("reload", 1.0);
    let viewer = scene.folder.path().join("viewer");
    std::fs::write(&viewer, "#!/bin/sh\nprintf '%s' \"$1\" >\"$0.opened.new\"; mv \"$0.opened.new\" \"$0.opened\"\n")
        .expect("a viewer");
    std::fs::set_permissions(&viewer, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let first = launchd.wait_pid(&scene.label);
    let mut app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    let head = git2::Repository::open(&scene.root)
        .and_then(|repository| Ok(repository.head()?.peel_to_commit()?.id().to_string()[..8].to_owned()));
    let labels: Vec<String> = desktop.rows().expect("a menu").into_iter().map(|row| row.label).collect();
    let revert = format!("Revert HEAD (not available yet): {} A bridge", head.expect("a commit"));
    assert_eq!(
        [&labels[..1], &labels[2..]].concat(),
        [
            "Healthy",
            "",
            "Restart bridge",
            "Check now",
            "Clean locks (not available yet)",
            &revert,
            "Undo revert (HEAD is no revert of ours)",
            "",
            "Auto-revert",
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
    for label in ["Healthy", "Clean locks", "Revert HEAD", "Undo revert"] {
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
    desktop.wait("the event", || {
        desktop.row("Recent events")?.rows[0].label.contains("by hand: restart: done").then_some(())
    });

    desktop.click("Auto-revert");
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
    desktop.wait("a window", || (!window(&desktop).is_empty()).then_some(()));

    // Paused: what would be loaded again after a second stays away, for looks and looks.
    desktop.click("Pause for 1 h");
    let row = desktop.wait_row("Paused until");
    assert_eq!(row.checked, Some(true));
    unload(&scene, &launchd);
    desktop.wait_row("Paused: nothing is healed; the bridge is down");
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

/// The app's own windows, one id a line.
fn window(desktop: &Desktop) -> String {
    desktop.exec(&["xdotool", "search", "--onlyvisible", "--name", "^Bridge Watchdog$"]).trim().to_owned()
}

#[test]
fn restart_asks_while_the_bridge_is_at_work() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let mut scene = Scene::new("embedded", 60.0);
    // An agent run under the bridge: a child whose CPU time advances.
    scene.script(
        "/bin/sh -c 'while kill -0 $PPID 2>/dev/null; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 0.05; done' &\nwhile :; do echo beat; sleep 0.2; done",
    );
    let _app = desktop.app(&scene);
    desktop.wait_row("Starting");
    let pid = || scene.status().and_then(|status| status["check"]["facts"]["process"]["pid"].as_u64()).expect("a pid");
    let before = pid();
    desktop.click("Restart bridge");
    let asked = desktop.wait("the question", || Some(window(&desktop)).filter(|id| !id.is_empty()));
    assert_eq!(pid(), before);
    // Escape is the answer that harms nothing.
    desktop.exec(&["xdotool", "mousemove", "--window", &asked, "20", "20", "key", "Escape"]);
    desktop.wait("no question", || window(&desktop).is_empty().then_some(()));
    desktop.click("Restart bridge");
    let asked = desktop.wait("the question", || Some(window(&desktop)).filter(|id| !id.is_empty()));
    assert_eq!(pid(), before);
    desktop.exec(&["xdotool", "mousemove", "--window", &asked, "20", "20", "key", "Tab", "key", "Return"]);
    desktop.wait("a new pid", || (pid() != before).then_some(()));
}

#[test]
fn the_icon_survives_panel_and_bus_and_so_does_the_watch() {
    let Some(desktop) = Desktop::or_skip(&["nopanel"]) else { return };
    let (scene, launchd) = under_launchd(1.0, &[], 0.5);
    let app = desktop.app(&scene);
    scene.wait("a sentence", || scene.said().contains("no tray host is on the session bus").then_some(()));
    desktop.does("panel-start");
    desktop.wait_icon("healthy");
    desktop.does("panel-stop");
    flood(&scene);
    scene.wait_verdict("waiting", "flood-wait");
    desktop.does("panel-start");
    desktop.wait_icon("waiting");
    std::fs::remove_file(scene.data("flood-backoff")).expect("the marker");
    desktop.wait_icon("healthy");

    // The bus dies; the bridge dies; the watch notices nothing of the first.
    desktop.does("bus-stop");
    scene.wait("a sentence", || scene.said().contains("the session bus is gone").then_some(()));
    let before = launchd.wait_pid(&scene.label);
    signal(before, Signal::KILL);
    let after = scene.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_seen(after);
    desktop.does("bus-start");
    desktop.does("panel-start");
    desktop.wait_icon("healthy");
    assert!(alive(app.pid()), "the same process, started anew");
    assert_eq!(scene.status().expect("a status")["watch"], app.pid());
}

#[test]
fn a_session_bus_that_hangs_keeps_nobody_from_healing() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, launchd) = under_launchd(1.0, &[], 0.5);
    desktop.does("bus-freeze");
    let mut app = desktop.app(&scene);
    scene.wait_verdict("healthy", "none");
    let before = launchd.wait_pid(&scene.label);
    signal(before, Signal::KILL);
    let after = scene.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_seen(after);
    scene.wait("a sentence", || scene.said().contains("no icon so far").then_some(()));
    signal(app.pid(), Signal::TERM);
    assert_eq!(app.wait(), Some(143));
}

/// The app without a display.
fn headless(scene: &Scene) -> support::panel::App {
    let path = scene.folder.path().join("watch.log");
    let log = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("a log");
    let mut command = std::process::Command::new(beside("examples/tray-in-a-test-world"));
    command.arg(scene.folder.path().join("world.json")).arg("--config").arg(scene.config_file());
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    let said = log.try_clone().expect("a log");
    support::panel::App {
        child: command.stdin(Stdio::null()).stdout(said).stderr(log).spawn().expect("the app starts"),
    }
}

#[test]
fn without_a_display_it_says_so_and_watches() {
    let (scene, launchd) = under_launchd(1.0, &[], 0.5);
    let mut app = headless(&scene);
    scene.wait("a sentence", || scene.said().contains("no icon: there is no display that can be opened").then_some(()));
    scene.wait_verdict("healthy", "none");
    let mut second = headless(&scene);
    assert_eq!(second.wait(), Some(0));
    assert!(scene.said().contains(&format!("already (pid {})", app.pid())), "{}", scene.said());
    let bridge = launchd.wait_pid(&scene.label);
    signal(app.pid(), Signal::TERM);
    assert_eq!(app.wait(), Some(143));
    assert!(alive(bridge));
}

#[test]
fn a_watch_that_stalls_ends_the_app_non_zero() {
    let (scene, _launchd) = under_launchd(1.0, &[], 0.5);
    let mut app = headless(&scene);
    scene.wait_verdict("healthy", "none");
    // The status file's place is taken by nothing that answers: SIGSTOP to the thread would stop the whole process, so
    // the journal becomes a pipe that nobody reads, and the next line blocks.
    let journal = scene.state().join("journal.log");
    drop(app.child.kill());
    app.wait();
    std::fs::remove_file(&journal).expect("the journal");
    rustix::fs::mkfifoat(rustix::fs::CWD, &journal, rustix::fs::Mode::from_raw_mode(0o600)).expect("a pipe");
    let mut app = headless(&scene);
    assert_eq!(app.wait(), Some(70), "{}", scene.said());
    assert!(scene.said().contains("nobody watches: the watch has not answered since"), "{}", scene.said());
}
