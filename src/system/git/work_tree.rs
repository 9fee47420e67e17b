//! Files of the work tree, reached folder by folder from its root, so that no symbolic link leads out of it.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::changes::{folders_above, path_of};

pub(super) struct WorkTree {
    root: PathBuf,
    folder: File,
}

/// By what a change of a file is noticed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stamp {
    inode: u64,
    size: u64,
    mode: u32,
    modified: (i64, i64),
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Stamp {
        // Not the time of the last change of its inode: a second link to it, which we make, is such a change.
        Stamp { inode: meta.ino(), size: meta.size(), mode: meta.mode(), modified: (meta.mtime(), meta.mtime_nsec()) }
    }

    pub(super) fn is_newer_than(self, meta: &Metadata) -> bool {
        self.modified > (meta.mtime(), meta.mtime_nsec())
    }

    /// Nobody has written to it since: a copy, where there are no second names, is another inode with another time.
    pub(super) fn is_as_written(self, before: Option<Stamp>) -> bool {
        before.is_some_and(|before| before.inode != self.inode || before == self)
    }
}

impl WorkTree {
    pub(super) fn open(root: &Path) -> io::Result<WorkTree> {
        Ok(WorkTree { root: root.to_owned(), folder: File::open(root)? })
    }

    pub(super) fn full(&self, path: &[u8]) -> PathBuf {
        self.root.join(path_of(path))
    }

    /// What is there; `None` if nothing is. What is reached through a link to a folder is not there: it is elsewhere.
    pub(super) fn meta(&self, path: &[u8]) -> io::Result<Option<Metadata>> {
        for folder in folders_above(path) {
            if self.lone_meta(folder)?.is_none_or(|meta| !meta.is_dir()) {
                return Ok(None);
            }
        }
        self.lone_meta(path)
    }

    fn lone_meta(&self, path: &[u8]) -> io::Result<Option<Metadata>> {
        match fs::symlink_metadata(self.full(path)) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn stamp(&self, path: &[u8]) -> io::Result<Option<Stamp>> {
        Ok(self.meta(path)?.map(|meta| Stamp::of(&meta)))
    }

    /// Moves a finished file to its place, in one step: whoever reads sees the old or the new one.
    pub(super) fn put(&self, file: &Path, path: &[u8]) -> io::Result<()> {
        let (folder, name) = self.above(path, true)?;
        Ok(renameat(CWD, file, &folder, path_of(name))?)
    }

    /// A second name for the file, outside of the work tree; where the file system has no second names, a copy.
    pub(super) fn keep(&self, path: &[u8], at: &Path) -> io::Result<()> {
        let (folder, name) = self.above(path, false)?;
        if linkat(&folder, path_of(name), CWD, at, AtFlags::empty()).is_ok() {
            return Ok(());
        }
        copy(&self.full(path), at)
    }

    /// Removes a file, and as git does the folders that are empty without it.
    pub(super) fn remove(&self, path: &[u8]) -> io::Result<()> {
        let (folder, name) = self.above(path, false)?;
        unlinkat(&folder, path_of(name), AtFlags::empty())?;
        self.remove_empty_above(path);
        Ok(())
    }

    /// Removes the folders above it that are empty, the innermost first.
    pub(super) fn remove_empty_above(&self, path: &[u8]) {
        let mut path = path;
        while let Some(slash) = path.iter().rposition(|byte| *byte == b'/') {
            path = &path[..slash];
            let gone = self.above(path, false).is_ok_and(|(folder, name)| {
                // Refused where something is left in it.
                unlinkat(&folder, path_of(name), AtFlags::REMOVEDIR).is_ok()
            });
            if !gone {
                break;
            }
        }
    }

    /// The folder of a path, opened without following a link, and the name in it.
    fn above<'a>(&self, path: &'a [u8], make: bool) -> io::Result<(OwnedFd, &'a [u8])> {
        let mut folder: OwnedFd = self.folder.try_clone()?.into();
        let mut rest = path;
        while let Some(slash) = rest.iter().position(|byte| *byte == b'/') {
            let name = path_of(&rest[..slash]);
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            folder = match openat(&folder, name, flags, Mode::empty()) {
                Err(Errno::NOENT) if make => {
                    // As git makes them: the umask decides.
                    mkdirat(&folder, name, Mode::from_raw_mode(0o777))?;
                    openat(&folder, name, flags, Mode::empty())?
                }
                other => other?,
            };
            rest = &rest[slash + 1..];
        }
        Ok((folder, rest))
    }
}

/// A copy of a file or a link, with its mode.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(from)?.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to).map(drop)
}

/// Whether two files are of one kind and have the same contents; `modes`: and whether both can be executed, or neither.
pub(super) fn same(one: &Path, other: &Path, modes: bool) -> io::Result<bool> {
    let (a, b) = (fs::symlink_metadata(one)?, fs::symlink_metadata(other)?);
    if a.is_symlink() && b.is_symlink() {
        return Ok(fs::read_link(one)? == fs::read_link(other)?);
    }
    // Never opened where it is no file: a pipe would block.
    if !a.is_file() || !b.is_file() || a.len() != b.len() || (modes && (a.mode() ^ b.mode()) & 0o100 != 0) {
        return Ok(false);
    }
    Ok(fs::read(one)? == fs::read(other)?)
}
