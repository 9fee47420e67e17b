//! The faults of a desktop and of the app's own watch: panel, bus and display come and go. As in `tray.rs`.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use crate::support::doctor::named;
use crate::support::tray::{flood, headless, under_launchd};
use crate::support::{Desktop, alive, beside, signal};
use rustix::process::Signal;

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

    // The bus dies, then the bridge dies; the watch is not affected by the first.
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

/// In a mount namespace of its own, in which the library's file is empty.
#[test]
fn without_the_icons_library_it_says_so_and_watches() {
    let namespace = std::process::Command::new("unshare").args(["--mount", "true"]).output();
    if !namespace.is_ok_and(|output| output.status.success()) {
        return println!("skipped: no mount namespace can be made here");
    }
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, launchd) = under_launchd(1.0, &[], 0.5);
    let hide = "for library in /usr/lib/*/lib*appindicator3.so.1; do mount --bind /dev/null \"$(readlink -f \"$library\")\"; \
                done; exec \"$0\" \"$@\"";
    let environment = scene.folder.path().join("environment.json");
    let (program, config) = (beside("examples/test-tray"), scene.config_file());
    let words = [&program, &environment, std::path::Path::new("--config"), &config];
    let words = words.map(|word| word.to_str().expect("text"));
    let said = scene.folder.path().join("watch.log");
    let mut app = desktop.start(&[&["unshare", "--mount", "sh", "-c", hide], &words[..]].concat(), &said);
    scene.wait("a sentence", || {
        let line = "no icon: the library libayatana-appindicator3.so.1 is not there; install libayatana-appindicator3-1; \
                    the watch goes on without one";
        scene.said().contains(line).then_some(())
    });
    assert!(!scene.said().contains("panicked"), "{}", scene.said());
    scene.wait_verdict("healthy", "none");
    let mend = "sudo apt-get install libayatana-appindicator3-1";
    scene.wait("the mend", || (named(&scene, "icon") == [mend]).then_some(()));
    let before = launchd.wait_pid(&scene.label);
    signal(before, Signal::KILL);
    let after = scene.wait("a new pid", || launchd.pid(&scene.label).filter(|pid| *pid != before));
    scene.wait_seen(after);
    signal(app.pid(), Signal::TERM);
    assert_eq!(app.wait(), Some(143));
}

/// Breaks the watch of an app whose bridge is well: it is seen, then the app ends non-zero.
fn a_watch_that(fault: &str, why: &str) {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, launchd) = under_launchd(1.0, &[], 0.5);
    let mut app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    let bridge = launchd.wait_pid(&scene.label);
    std::fs::write(scene.folder.path().join("fault"), fault).expect("the fault");
    // For a few seconds only, so the rows are looked at before the slower pixels.
    let rows = desktop.wait("the end", || {
        desktop.rows().filter(|rows| rows[0].label.starts_with(&format!("The watch has ended: {why}")))
    });
    assert_eq!(rows[1].label, "Bridge Watchdog ends now, to be started again");
    assert!(rows.iter().any(|row| row.label == "Restart bridge" && !row.enabled), "{rows:#?}");
    desktop.wait_icon("unknown");
    assert_eq!(app.wait(), Some(70), "{}", scene.said());
    assert!(scene.said().contains(&format!("the watch has ended: {why}")), "{}", scene.said());
    assert!(scene.journal().contains(&format!("the watch has ended: {why}")), "{}", scene.journal());
    assert!(alive(bridge));
}

#[test]
fn a_watch_that_panics_is_shown_and_ends_the_app_non_zero() {
    a_watch_that("panic", "the watch broke down (a fault of the test's own)");
}

#[test]
fn a_watch_that_stalls_is_shown_and_ends_the_app_non_zero() {
    a_watch_that("stall", "the watch has not answered since");
}

/// GDK ends the process then, and the app's manager starts it again.
#[test]
fn a_display_that_dies_ends_the_app_non_zero() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, launchd) = under_launchd(1.0, &[], 0.5);
    let mut app = desktop.app(&scene);
    desktop.wait_row("Healthy");
    desktop.does("display-stop");
    assert_eq!(app.wait(), Some(1), "{}", scene.said());
    assert!(alive(launchd.wait_pid(&scene.label)));
}

#[test]
fn help_version_and_wrong_usage_are_answered() {
    let app = beside("bridge-watchdog-tray");
    let help = "\
The menu-bar app of Bridge Watchdog: keeps a Telegram bridge up and shows how it is.

Usage: bridge-watchdog-tray [OPTIONS]

Options:
      --config <FILE>  Use this configuration file
  -h, --help           Print help
  -V, --version        Print version

Without a configuration it shows a throw-away bridge and faults to try on it.

Example: bridge-watchdog-tray --config ~/bridge.toml
Everything else is the command line's: bridge-watchdog --help
";
    let version = concat!("bridge-watchdog-tray ", env!("CARGO_PKG_VERSION"), "\n");
    let wrong = |what: &str| {
        format!("error: {what}\n\nUsage: bridge-watchdog-tray [OPTIONS]\n\nFor more information, try '--help'.\n")
    };
    let nonsense = wrong("unexpected argument '--nonsense' found");
    let word = wrong("unexpected argument 'run' found");
    let no_file = "error: a value is required for '--config <FILE>' but none was supplied\n\n\
        For more information, try '--help'.\n";
    let rows: [(&[&str], i32, &str, &str); 7] = [
        (&["--help"], 0, help, ""),
        (&["-h"], 0, help, ""),
        (&["--version"], 0, version, ""),
        (&["-V"], 0, version, ""),
        (&["--nonsense"], 2, "", &nonsense),
        (&["run"], 2, "", &word),
        (&["--config"], 2, "", no_file),
    ];
    for (words, code, out, error) in rows {
        let output = std::process::Command::new(&app).args(words).output().expect("it runs");
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
        assert_eq!((output.status.code(), [&*said[0], &*said[1]]), (Some(code), [out, error]), "{words:?}");
    }
}
