//! What a double click meets: the app without a terminal says what it has to say in a window, with the mend. As in
//! `tray.rs`.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};

use crate::support::pty::Terminal;
use crate::support::tray::{new_window, press, under_launchd, unload, windows};
use crate::support::{Desktop, Scene, beside, executable};

/// A program that notes what it is started with.
fn recorder(path: &Path) {
    executable(path, "#!/bin/sh\nprintf '%s' \"$*\" >\"$0.opened.new\"; mv \"$0.opened.new\" \"$0.opened\"\n");
}

fn opened(desktop: &Desktop, recorder: &Path) -> String {
    desktop.wait("what was opened", || std::fs::read_to_string(recorder.with_extension("opened")).ok())
}

fn clipboard(desktop: &Desktop) -> String {
    desktop.exec(&["timeout", "10", "xclip", "-o", "-selection", "clipboard"])
}

fn broken(scene: &Scene) {
    std::fs::write(scene.config_file(), "[bridge\nroot = 7\n").expect("a configuration");
}

#[test]
fn a_second_start_shows_that_one_runs_and_how_the_bridge_is() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, _launchd) = under_launchd(600.0, &[], 0.5);
    let viewer = scene.folder.path().join("viewer");
    recorder(&viewer);
    let first = desktop.app(&scene);
    desktop.wait_row("Healthy");
    let mut second = desktop.app(&scene);
    let window = new_window(&desktop, &[]);
    assert!(scene.said().contains(&format!("already (pid {})", first.pid())), "{}", scene.said());
    press(&desktop, &window, &["Tab", "Return"]);
    assert_eq!(opened(&desktop, &viewer), scene.log().to_str().expect("a path"));
    assert_eq!(second.wait(), Some(0), "{}", scene.said());
    assert_eq!(desktop.rows().expect("the first one's menu")[0].label, "Healthy");
}

#[test]
fn a_broken_configuration_is_said_in_a_window_that_leads_to_it() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, _launchd) = under_launchd(600.0, &[], 0.5);
    let viewer = scene.folder.path().join("viewer");
    recorder(&viewer);
    broken(&scene);
    let mut app = desktop.app(&scene);
    let window = new_window(&desktop, &[]);
    press(&desktop, &window, &["Tab", "Return"]);
    assert_eq!(app.wait(), Some(2), "{}", scene.said());
    assert_eq!(opened(&desktop, &viewer), scene.config_file().to_str().expect("a path"));
    assert!(scene.said().contains("is not TOML"), "{}", scene.said());
}

/// `bridge-watchdog tray` reads the configuration before it becomes the app.
#[test]
fn the_command_line_leaves_a_broken_configuration_to_the_window() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let scene = Scene::new("embedded", 60.0);
    broken(&scene);
    let config = scene.config_file();
    let words = [env!("CARGO_BIN_EXE_bridge-watchdog"), "--config", config.to_str().expect("a path"), "tray"];
    let said = scene.folder.path().join("said");
    let mut app = desktop.start(&words, &said);
    let window = new_window(&desktop, &[]);
    press(&desktop, &window, &["Escape"]);
    assert_eq!(app.wait(), Some(2));
    let said = std::fs::read_to_string(said).expect("a line");
    assert_eq!(said.matches("is not TOML").count(), 1, "{said}");
}

/// There the line is read, or a window would come again and again.
#[test]
fn in_a_terminal_and_under_a_manager_there_is_no_window() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, _launchd) = under_launchd(600.0, &[], 0.5);
    broken(&scene);
    let environment = scene.folder.path().join("environment.json");
    let (program, config) = (beside("examples/test-tray"), scene.config_file());
    let words = [&program, &environment, Path::new("--config"), &config].map(|word| word.to_str().expect("text"));
    let as_a_manager = "SYSTEMD_EXEC_PID=$$ exec \"$0\" \"$@\"";
    let mut app = desktop.start(&[&["sh", "-c", as_a_manager], &words[..]].concat(), &scene.folder.path().join("said"));
    assert_eq!(app.wait(), Some(2));
    let mut terminal = Terminal::start(desktop.command(&words));
    terminal.wait("is not TOML");
    assert_eq!(terminal.end(), 2, "{}", terminal.shown());
    assert_eq!(windows(&desktop), Vec::<String>::new());
}

#[test]
fn a_bridge_that_is_not_there_is_said_once_with_the_command() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let (scene, launchd) = under_launchd(1.0, &[], 0.5);
    unload(&scene, &launchd);
    std::fs::remove_file(launchd.plist(&scene.label)).expect("its plist");
    let _app = desktop.app(&scene);
    desktop.wait_row("Needs you: there is no service");
    let window = new_window(&desktop, &[]);
    press(&desktop, &window, &["Tab", "Return"]);
    desktop.wait("the command", || (clipboard(&desktop) == "bridge-watchdog install").then_some(()));
    scene.wait_looks(2);
    assert_eq!(windows(&desktop), Vec::<String>::new());
}

/// From the demo to one's own bridge: a terminal with `setup`, and when the configuration is there, a question.
#[test]
fn set_up_opens_a_terminal_and_then_the_app_goes_over_to_the_bridge() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let scene = Scene::new("embedded", 60.0);
    let terminal = scene.folder.path().join("terminal");
    recorder(&terminal);
    let chosen = format!("TERMINAL={}", terminal.display());
    let said = scene.folder.path().join("said");
    let app = desktop.start(&["env", &chosen, env!("CARGO_BIN_EXE_bridge-watchdog-tray")], &said);
    desktop.wait_row("Demo: healthy");
    let rows: Vec<String> = desktop.rows().expect("a menu").into_iter().map(|row| row.label).collect();
    assert_eq!(rows[3..6], ["Set up\u{2026}", "Demo: break the bridge", ""]);
    desktop.click("Set up");
    let script = opened(&desktop, &terminal);
    let script = std::fs::read_to_string(script.strip_prefix("-e /bin/sh ").expect("a script")).expect("the script");
    let program = beside("bridge-watchdog");
    assert!(script.contains(&format!("\n'{}' setup\n", program.display())), "{script}");

    let folder = PathBuf::from(desktop.exec(&["sh", "-c", "printf %s \"$XDG_CONFIG_HOME\""])).join("bridge-watchdog");
    std::fs::create_dir_all(&folder).expect("a folder");
    let text = format!("[bridge]\nroot = \"{}\"\nlabel = \"no-such-bridge\"\n", scene.root.display());
    std::fs::write(folder.join("new"), text).expect("a configuration");
    std::fs::rename(folder.join("new"), folder.join("config.toml")).expect("its place");
    let asked = new_window(&desktop, &[]);
    press(&desktop, &asked, &["Tab", "Return"]);
    desktop.wait("another bridge", || {
        let rows = desktop.rows()?;
        (!rows[0].label.starts_with("Demo: ") && !rows.iter().any(|row| row.label == "Set up\u{2026}")).then_some(())
    });
    assert!(crate::support::alive(app.pid()), "the same process");
}
