//! What is at a path, without waiting for it: who opens a pipe waits for a writer. A folder that macOS guards and a volume
//! that is gone may block all the same, so the caller sets a time limit.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::fs::{Access, access};

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
