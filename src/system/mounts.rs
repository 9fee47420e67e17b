//! A process in another mount namespace: a container into which the checkout is mounted. It names the checkout's files by
//! paths of its own, but they are the same files, as `/proc/PID/cwd` and `/proc/PID/root` show (proc(5)).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Device and inode.
pub type Id = (u64, u64);

/// `None` if there is no such file, or it may not be asked.
pub fn id(path: &Path) -> Option<Id> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// The words of a process in another mount namespace and its working folder, each of these files and this folder by our
/// own path; `None` if it is in our namespace.
#[cfg(target_os = "linux")]
pub fn by_our_paths(
    pid: u32,
    words: &[OsString],
    files: &[&Path],
    folder: &Path,
) -> Option<(Vec<OsString>, Option<PathBuf>)> {
    use std::path::Component;
    let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
    let theirs = namespace(&pid.to_string())?;
    if theirs == namespace("self")? {
        return None;
    }
    let files: Vec<(Id, &Path)> = files.iter().filter_map(|file| Some((id(file)?, *file))).collect();
    let ours = |word: &OsString| {
        let path = Path::new(word);
        let inside: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        let seen = path.is_absolute().then(|| id(&Path::new(&format!("/proc/{pid}/root")).join(inside))).flatten()?;
        files.iter().find(|(id, _)| *id == seen).map(|(_, file)| file.as_os_str().to_owned())
    };
    let words = words.iter().map(|word| ours(word).unwrap_or_else(|| word.clone())).collect();
    let cwd = id(Path::new(&format!("/proc/{pid}/cwd"))).filter(|cwd| Some(*cwd) == id(folder));
    Some((words, cwd.map(|_| folder.to_owned())))
}

#[cfg(not(target_os = "linux"))]
pub fn by_our_paths(
    _pid: u32,
    _words: &[OsString],
    _files: &[&Path],
    _folder: &Path,
) -> Option<(Vec<OsString>, Option<PathBuf>)> {
    None
}
