//! A terminal window, where the platform has one: for the end of the log, and for `setup`.

#[cfg(not(target_os = "macos"))]
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use bridge_watchdog::system::{command, files};

/// What opens a script in a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terminal {
    program: PathBuf,
    options: &'static [&'static str],
}

/// The person's own terminal.
#[cfg(target_os = "macos")]
#[expect(clippy::unnecessary_wraps, reason = "on Linux there may be none")]
pub(crate) fn find() -> Option<Terminal> {
    Some(Terminal { program: "/usr/bin/open".into(), options: &["-a", "Terminal"] })
}

/// The person's own choice, then that of the system.
#[cfg(not(target_os = "macos"))]
pub(crate) fn find() -> Option<Terminal> {
    let chosen = std::env::var_os("TERMINAL").filter(|name| !name.is_empty());
    let mut names = chosen.iter().map(AsRef::as_ref).chain(["x-terminal-emulator", "xterm"].map(OsStr::new));
    let program = names.find_map(in_path)?;
    Some(Terminal { program, options: &["-e", "/bin/sh"] })
}

#[cfg(not(target_os = "macos"))]
fn in_path(name: &OsStr) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A path with a slash in it replaces the folder that it is joined to only if it is absolute.
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_absolute() && file.is_file())
}

/// Opens a window that runs this script. It is a file, since a Mac's terminal takes nothing else without being
/// remote-controlled. `failed` is called if that can't be done.
pub(super) fn open(
    terminal: &Terminal,
    folder: &Path,
    name: &str,
    script: &str,
    failed: impl FnOnce(String) + Send + 'static,
) {
    // The ending says to a Mac that it is run in a terminal.
    let file = folder.join(format!("{name}.command"));
    match files::replace_for_good(&file, format!("#!/bin/sh\n{script}\n").as_bytes(), 0o700) {
        Ok(()) => command::hand_over(&terminal.program, terminal.options, &file, failed),
        Err(why) => failed(why),
    }
}
