//! The paths of our own programs.

use std::path::{Path, PathBuf};

/// The file that this process runs, without symbolic links: a command line that is linked into a folder of the PATH
/// still finds the app beside its real file, and its bundle. (Linux resolves links by itself.)
///
/// # Errors
/// If the platform can't say.
pub fn ours() -> Result<PathBuf, String> {
    let path = std::env::current_exe().map_err(|error| format!("our own path can't be found: {error}"))?;
    Ok(real(&path))
}

/// A program of ours, in the folder of the one that runs. It may not exist.
///
/// # Errors
/// As [`ours`].
pub fn beside(name: &str) -> Result<PathBuf, String> {
    Ok(ours()?.with_file_name(name))
}

/// A path that can't be resolved (the file was replaced while we run) is returned as it is.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linked_command_line_lies_where_its_file_does() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let macos = folder.join("Bridge Watchdog.app/Contents/MacOS");
        std::fs::create_dir_all(&macos).unwrap();
        std::fs::write(macos.join("bridge-watchdog"), "").unwrap();
        let link = folder.join("bridge-watchdog");
        std::os::unix::fs::symlink(macos.join("bridge-watchdog"), &link).unwrap();
        assert_eq!(real(&link), macos.join("bridge-watchdog"));
        assert_eq!(real(&folder.join("gone")), folder.join("gone"));
    }
}
