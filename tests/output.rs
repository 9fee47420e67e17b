//! Output that can't be written does not end the program: a full disk, a closed pipe, a terminal that goes away.

use std::process::Stdio;

use rustix::process::Signal;

use crate::support::{Scene, signal};

/// The watch goes on, and heals, whatever its standard error is.
fn goes_on(stderr: Stdio) {
    let scene = Scene::new("embedded", 60.0);
    let mut command = scene.command(&["run"]);
    let mut watch = command.stdout(Stdio::null()).stderr(stderr).spawn().expect("the watch starts");
    let before = scene.wait_bridge();
    scene.wait_verdict("healthy", "none");
    signal(before, Signal::KILL);
    scene.wait("a new bridge", || Some(scene.wait_bridge()).filter(|pid| *pid != before));
    scene.wait_verdict("healthy", "none");
    assert_eq!(watch.try_wait().expect("our own child can be asked"), None, "it ended: {}", scene.journal());
    let _ = watch.kill();
    let _ = watch.wait();
}

#[cfg(target_os = "linux")]
#[test]
fn a_watch_whose_standard_error_is_on_a_full_disk_goes_on() {
    goes_on(std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full").into());
}

#[test]
fn a_watch_whose_standard_error_is_a_closed_pipe_goes_on() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    goes_on(writer.into());
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_on_a_full_disk_still_ends_with_its_own_code() {
    let scene = Scene::new("embedded", 60.0);
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    for args in [&["check"][..], &["check", "--json"], &["status"], &["crashes"], &["--help"], &["nonsense"]] {
        let expected = scene.run(args).status.code();
        let ended = scene.command(args).stdout(full()).stderr(full()).status().expect("it runs");
        assert_eq!(ended.code(), expected, "{args:?}");
    }
}

/// Under launchd standard error is a file that is never rotated; the journal, which has the same lines, is rotated.
#[test]
fn under_launchd_the_journal_is_not_written_to_standard_error_as_well() {
    for (name, said) in [("com.valor.bridge-watchdog", false), ("0", true)] {
        let scene = Scene::new("embedded", 60.0);
        let mut command = scene.command(&["run"]);
        command.env("XPC_SERVICE_NAME", name);
        let _watch = scene.watch_by(command);
        scene.wait_journal("state: healthy");
        assert_eq!(scene.said().contains("state: healthy"), said, "{name}: {}", scene.said());
    }
}
