//! The files and settings of a set-up, for `doctor`: modes, quarantine, scripts, and what only a Mac can be asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::system::{command, files};

/// The permissions; `None` if there is no such file.
pub fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|meta| meta.permissions().mode() & 0o777)
}

/// Sets them by a word of chmod: `600`, or `go-w` for what is there.
///
/// # Errors
/// A sentence that names the file.
pub fn set_mode(path: &Path, word: &str) -> Result<(), String> {
    let there = mode(path).ok_or_else(|| format!("{} is not there", path.display()))?;
    let new = u32::from_str_radix(word, 8).unwrap_or(there & !0o022);
    fs::set_permissions(path, fs::Permissions::from_mode(new))
        .map_err(|error| format!("the mode of {} can't be set: {error}", path.display()))
}

/// Whether it came from the network, as far as macOS knows.
pub fn is_quarantined(path: &Path) -> bool {
    let mut nothing: [u8; 0] = [];
    // With no room for it, the kernel only says how long it is. Elsewhere nothing has that name.
    cfg!(target_vendor = "apple") && rustix::fs::getxattr(path, "com.apple.quarantine", &mut nothing[..]).is_ok()
}

/// Takes the quarantine away.
///
/// # Errors
/// That it is still there.
pub fn release(path: &Path) -> Result<(), String> {
    files::release(path);
    if is_quarantined(path) { Err(format!("the quarantine of {} can't be removed", path.display())) } else { Ok(()) }
}

/// # Errors
/// A sentence that names the folder.
pub fn make_folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| format!("{} can't be made: {error}", path.display()))
}

/// The scripts of a checkout that may update it, with their texts: in its own folder and in those that are for such.
pub fn scripts(root: &Path) -> Vec<(PathBuf, String)> {
    const FOLDERS: [&str; 7] = ["", "scripts", "script", "bin", "tools", "deploy", "ops"];
    const NAMES: [&str; 5] = ["update", "upgrade", "deploy", "pull", "sync"];
    let of = |folder: &str| fs::read_dir(root.join(folder)).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_script = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let by_name = NAMES.iter().any(|part| name.contains(part));
        let by_kind = path.extension().is_none_or(|extension| extension == "py" || extension == "sh");
        path.extension().is_some_and(|extension| extension == "sh") || (by_name && by_kind)
    };
    let mut paths: Vec<PathBuf> = FOLDERS.into_iter().flat_map(of).filter(is_script).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| Some((path.clone(), files::text(&path)?))).collect()
}

/// Whether another file is now where this process's program was: a build without a new version too.
pub fn was_replaced(pid: u32) -> bool {
    #[cfg(target_os = "linux")]
    {
        // Linux names a file that is gone with this at its end.
        let Ok(program) = fs::read_link(format!("/proc/{pid}/exe")) else { return false };
        let name = program.to_string_lossy();
        name.strip_suffix(" (deleted)").is_some_and(|name| Path::new(name).exists())
    }
    #[cfg(not(target_os = "linux"))]
    {
        use std::os::unix::fs::MetadataExt;
        let path = i32::try_from(pid).ok().and_then(|pid| libproc::proc_pid::pidpath(pid).ok());
        // Not the time of its contents, which a copy may keep.
        let changed = path.and_then(|path| fs::metadata(path).ok()).map(|meta| meta.ctime());
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        let newer = |changed: i64, process: crate::facts::Process| changed as f64 > process.started.0 + 1.0;
        changed.zip(crate::system::process::find(pid)).is_some_and(|(changed, process)| newer(changed, process))
    }
}

/// Brings the app of this bundle id to the front, as a double click does; it is started if it does not run.
///
/// # Errors
/// As [`power`].
pub fn open_app(bundle: &str, limit: Duration) -> Result<(), String> {
    Ok(command::run(Path::new("/usr/bin/open"), &["-b", bundle], limit).map(drop)?)
}

/// What `pmset -g` says.
///
/// # Errors
/// That it did not answer.
pub fn power(limit: Duration) -> Result<String, String> {
    Ok(command::run(Path::new("/usr/bin/pmset"), &["-g"], limit)?.stdout)
}

/// Whether somebody is logged in by the machine itself.
///
/// # Errors
/// As [`power`].
pub fn automatic_login(limit: Duration) -> Result<bool, String> {
    let args = ["read", "/Library/Preferences/com.apple.loginwindow", "autoLoginUser"];
    Ok(command::run(Path::new("/usr/bin/defaults"), &args, limit)?.code == Some(0))
}

/// The exit code and the words of `codesign -dv`.
///
/// # Errors
/// As [`power`].
pub fn codesign(bundle: &Path, limit: Duration) -> Result<(Option<i32>, String), String> {
    let path = bundle.to_string_lossy();
    let output = command::run(Path::new("/usr/bin/codesign"), &["-dv", "--verbose=2", &path], limit)?;
    Ok((output.code, output.stderr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_set_by_a_word_of_chmod() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        fs::write(&file, "").unwrap();
        for (before, word, after) in [(0o644, "600", 0o600), (0o666, "go-w", 0o644), (0o777, "644", 0o644)] {
            fs::set_permissions(&file, fs::Permissions::from_mode(before)).unwrap();
            set_mode(&file, word).unwrap();
            assert_eq!(mode(&file), Some(after), "{word}");
        }
        assert!(set_mode(&folder.path().join("gone"), "600").is_err());
        assert!(!is_quarantined(&file));
    }

    #[test]
    fn scripts_are_found_where_a_checkout_has_them() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("scripts/sub")).unwrap();
        for name in
            ["deploy.sh", "update.py", "scripts/remote-update", "scripts/a.sh", "scripts/b.py", "scripts/sub/c.sh"]
        {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let found: Vec<String> = scripts(folder.path())
            .into_iter()
            .map(|(path, _)| path.strip_prefix(folder.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(found, ["deploy.sh", "scripts/a.sh", "scripts/remote-update", "update.py"]);
    }
}
