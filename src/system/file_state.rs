//! What is at a path, without waiting for it: who opens a pipe waits for a writer. A folder that macOS guards and a volume
//! that is gone may block all the same, so the caller sets a time limit.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Access, access};

use crate::doctor::machine::Unwritable;
use crate::doctor::setup::FileState;

/// By its mode alone: the file is not opened, since whoever closes a session drops the locks that its process has on it.
pub fn of(path: &Path) -> FileState {
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => return absent(path),
        Err(error) => return FileState::Denied(error.to_string()),
    };
    let kind = meta.file_type();
    if kind.is_dir() {
        FileState::NoFile("a folder")
    } else if kind.is_fifo() {
        FileState::NoFile("a pipe")
    } else if kind.is_socket() {
        FileState::NoFile("a socket")
    } else if let Err(error) = access(path, Access::READ_OK) {
        FileState::Denied(std::io::Error::from(error).to_string())
    } else {
        FileState::File
    }
}

/// The same of a file that is opened as well: what macOS guards has a mode that lets everybody read it.
pub fn read(path: &Path) -> FileState {
    match of(path) {
        FileState::File => {
            File::open(path).map_or_else(|error| FileState::Denied(error.to_string()), |_| FileState::File)
        }
        other => other,
    }
}

fn absent(path: &Path) -> FileState {
    match path.parent().map(fs::metadata) {
        Some(Err(error)) if error.kind() != ErrorKind::NotFound => FileState::Denied(error.to_string()),
        folder => FileState::Absent { folder: folder.is_some_and(|folder| folder.is_ok_and(|folder| folder.is_dir())) },
    }
}

/// What of our state folder can't be written; `base` is the folder of all checkouts. One that is not there yet is made in
/// the nearest folder that is.
pub fn unwritable(state: &Path, base: &Path) -> Option<Unwritable> {
    let there = state.ancestors().find(|path| fs::symlink_metadata(path).is_ok())?;
    // A link in the place of a file of ours is removed, and not followed.
    let is_link = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_symlink());
    let entries = fs::read_dir(state).into_iter().flatten().flatten().filter(|entry| !is_link(entry));
    let entries = entries.map(|entry| entry.path());
    let mut all = std::iter::once(there.to_owned()).chain(entries);
    let (path, error) = all.find_map(|path| Some((path.clone(), refused(&path)?)))?;
    let meta = fs::symlink_metadata(&path).ok();
    let me = rustix::process::geteuid().as_raw();
    let is_anothers = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| meta.uid() != me);
    let ours = path.starts_with(base) && error == rustix::io::Errno::ACCESS;
    let anothers = ours && is_anothers(&path);
    let mode = meta.map(|meta| if meta.is_dir() { "700" } else { "600" });
    Some(Unwritable {
        taken: anothers.then(|| if is_anothers(base) { base.to_owned() } else { state.to_owned() }),
        mode: mode.filter(|_| ours && !anothers),
        why: std::io::Error::from(error).to_string(),
        path,
    })
}

fn refused(path: &Path) -> Option<rustix::io::Errno> {
    let wanted = if path.is_dir() { Access::WRITE_OK | Access::EXEC_OK } else { Access::WRITE_OK };
    access(path, wanted | Access::READ_OK).err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_and_what_is_denied_are_told_from_what_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("folder")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for (link, to) in [("turns", "turns"), ("link", "file"), ("nowhere", "gone")] {
            std::os::unix::fs::symlink(at(to), at(link)).unwrap();
        }
        let rows = [
            ("file", FileState::File),
            ("link", FileState::File),
            ("gone", FileState::Absent { folder: true }),
            ("nowhere", FileState::Absent { folder: true }),
            ("no/such", FileState::Absent { folder: false }),
            ("folder", FileState::NoFile("a folder")),
            ("pipe", FileState::NoFile("a pipe")),
            ("socket", FileState::NoFile("a socket")),
        ];
        for (name, expected) in rows {
            assert_eq!((of(&at(name)), read(&at(name))), (expected.clone(), expected), "{name}");
        }
        for denied in ["turns", "turns/x", "file/x"] {
            assert!(matches!(read(&at(denied)), FileState::Denied(_)), "{denied}: {:?}", read(&at(denied)));
        }
    }
}
