//! Who has the session open, and who a process is: for `locks`, and as the second witness before a holder is ended.

use std::path::{Path, PathBuf};

use super::beside;

/// Processes that have the session or one of its journals open, in rising order, and how many could not be looked at
/// since they are another user's.
///
/// # Errors
/// If the process table can't be listed.
pub fn opened_by(session: &Path) -> Result<(Vec<u32>, usize), String> {
    platform::opened_by(&files(session))
}

/// Whether this process has the session or one of its journals open.
pub fn has_open(pid: u32, session: &Path) -> bool {
    platform::has_open(pid, &files(session))
}

#[cfg(target_os = "linux")]
pub(super) use platform::has_file;

fn files(session: &Path) -> Vec<PathBuf> {
    ["", "-journal", "-wal", "-shm"].map(|end| beside(session, end)).into()
}

#[cfg(target_os = "linux")]
mod platform {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;

    use crate::system::process;

    pub(super) fn opened_by(files: &[PathBuf]) -> Result<(Vec<u32>, usize), String> {
        let known = identities(files);
        let (mut open, mut unseen) = (Vec::new(), 0);
        for pid in process::pids()? {
            match has_file(pid, &known) {
                Some(true) => open.push(pid),
                Some(false) => {}
                // A process that ended meanwhile is nobody.
                None => unseen += usize::from(process::find(pid).is_some()),
            }
        }
        Ok((open, unseen))
    }

    pub(super) fn has_open(pid: u32, files: &[PathBuf]) -> bool {
        has_file(pid, &identities(files)) == Some(true)
    }

    /// Device and inode: the name that a process opened may be another.
    fn identities(files: &[PathBuf]) -> Vec<(u64, u64)> {
        files.iter().filter_map(|file| fs::metadata(file).ok()).map(|meta| (meta.dev(), meta.ino())).collect()
    }

    /// Whether a process has one of these files open, by device and inode; `None` if its descriptors can't be looked at.
    pub(in crate::system::session) fn has_file(pid: u32, files: &[(u64, u64)]) -> Option<bool> {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        let mut open = descriptors.flatten().filter_map(|descriptor| fs::metadata(descriptor.path()).ok());
        Some(open.any(|meta| files.contains(&(meta.dev(), meta.ino()))))
    }
}

#[cfg(target_vendor = "apple")]
mod platform {
    use std::path::{Path, PathBuf};

    /// libproc names who has a file open; no `lsof`, which hangs. It names processes of other users only to root, and does not
    /// say how many it leaves out.
    pub(super) fn opened_by(files: &[PathBuf]) -> Result<(Vec<u32>, usize), String> {
        let mut open = Vec::new();
        for file in files.iter().filter(|file| file.exists()) {
            let users = users(file);
            open.extend(users.map_err(|error| format!("who has {} open can't be asked: {error}", file.display()))?);
        }
        open.sort_unstable();
        open.dedup();
        Ok((open, 0))
    }

    pub(super) fn has_open(pid: u32, files: &[PathBuf]) -> bool {
        files.iter().any(|file| users(file).is_ok_and(|users| users.contains(&pid)))
    }

    fn users(file: &Path) -> std::io::Result<Vec<u32>> {
        libproc::processes::pids_by_path(file, false, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_one_of_its_files_open_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let session = folder.path().join("valor_bridge.session");
        let me = std::process::id();
        std::fs::write(&session, "").unwrap();
        std::fs::write(folder.path().join("other.session"), "").unwrap();
        let other = std::fs::File::open(folder.path().join("other.session")).unwrap();
        assert!(!opened_by(&session).unwrap().0.contains(&me) && !has_open(me, &session));
        drop(other);
        for name in ["valor_bridge.session", "valor_bridge.session-wal", "valor_bridge.session-journal"] {
            let file = std::fs::File::create(folder.path().join(name)).unwrap();
            assert!(opened_by(&session).unwrap().0.contains(&me) && has_open(me, &session), "{name}");
            drop(file);
            assert!(!has_open(me, &session), "{name}");
        }
    }
}
