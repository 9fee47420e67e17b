//! The index as a file: git's lock of it, held by us from the first change of the checkout to the last, and the new one.

use std::fs::{self, File, FileTimes, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use git2::{Index, IndexEntry, IndexTime, Oid};

use super::ASSUME_UNCHANGED;
use super::changes::{Change, EXECUTABLE, LINK, Side, path_of};
use super::work_tree::Stamp;
use crate::system::files;

pub(super) fn lock_path(git: &Path) -> PathBuf {
    git.join("index.lock")
}

pub(super) fn stamp(git: &Path) -> Option<Stamp> {
    fs::symlink_metadata(git.join("index")).ok().map(|meta| Stamp::of(&meta))
}

/// Takes git's lock. Our token is in it from its first instant on, since it is written elsewhere and then linked: so a
/// lock that a kill left behind is known for ours by its contents, and no other is ever removed.
pub(super) fn lock(git: &Path, staging: &Path, token: &str) -> io::Result<()> {
    let ours = staging.join("lock");
    // A new file each time: an older one may be linked to a lock.
    files::remove(&ours);
    fs::write(&ours, token)?;
    match fs::hard_link(&ours, lock_path(git)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // A file system without links. A kill between these two leaves an empty lock, which a person has to remove.
            let mut lock = File::options().write(true).create_new(true).open(lock_path(git))?;
            lock.write_all(token.as_bytes())
        }
        done => done,
    }
}

pub(super) fn unlock(git: &Path, token: &str) {
    let path = lock_path(git);
    if files::text(&path).as_deref() == Some(token) {
        files::remove(&path);
    }
}

/// The entries of the changed paths become what they will be; without the times and sizes of files, which are not there
/// yet.
pub(super) fn set(index: &mut Index, changes: &[Change]) -> Result<(), git2::Error> {
    replace(index, changes.iter().map(|change| (change.path.as_slice(), change.to.map(|side| (side, None)))))
}

/// These paths get these entries, or none.
pub(super) fn replace<'a>(
    index: &mut Index,
    entries: impl Iterator<Item = (&'a [u8], Option<(Side, Option<Metadata>)>)> + Clone,
) -> Result<(), git2::Error> {
    // What leaves first: a file may come where a folder was.
    for (path, _) in entries.clone().filter(|(_, entry)| entry.is_none()) {
        if index.get_path(path_of(path), 0).is_some() {
            index.remove(path_of(path), 0)?;
        }
    }
    for (path, entry_of) in entries {
        if let Some((side, meta)) = entry_of {
            index.add(&entry(path, side, meta.as_ref()))?;
        }
    }
    Ok(())
}

/// A copy of our own, to be changed and then put in the index's place. No index, no copy. With the same time, by which
/// libgit2 knows whose contents it has to compare. libgit2 locks what it writes by a file beside it; a kill leaves that, and
/// nobody but us writes here, one at a time.
pub(super) fn copy(index: &Path, copy: &Path) -> io::Result<()> {
    files::remove(copy);
    files::remove(&written_lock(copy));
    let Ok(meta) = fs::metadata(index) else { return Ok(()) };
    fs::copy(index, copy)?;
    File::options().write(true).open(copy)?.set_times(FileTimes::new().set_modified(meta.modified()?))
}

fn written_lock(copy: &Path) -> PathBuf {
    let mut name = copy.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Moves a file to where a rename can put it in its place; between file systems by a copy.
pub(super) fn bring(from: &Path, to: &Path) -> io::Result<()> {
    if fs::rename(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    fs::remove_file(from)
}

/// Puts a changed copy in its place, and keeps the one before it.
///
/// It gets the time of the one before. git compares a file's contents where the file is not older than the index, since
/// its time proves nothing then. A newer index would vouch for every file that was changed in the instant of the last
/// one; with this time each of those is judged as before, and those that we wrote are compared, which costs little.
pub(super) fn put(git: &Path, copy: &Path, before: &Path) -> io::Result<()> {
    let path = git.join("index");
    let meta = fs::metadata(&path)?;
    let file = File::options().write(true).open(copy)?;
    file.set_permissions(meta.permissions())?;
    file.set_times(FileTimes::new().set_modified(meta.modified()?))?;
    if fs::hard_link(&path, before).is_err() {
        fs::copy(&path, before)?;
    }
    fs::rename(copy, path)
}

pub(super) fn entry(path: &[u8], side: Side, meta: Option<&Metadata>) -> IndexEntry {
    let nothing = IndexTime::new(0, 0);
    let Side { id, mode } = side;
    let Some(meta) = meta else {
        return IndexEntry {
            ctime: nothing,
            mtime: nothing,
            dev: 0,
            ino: 0,
            mode,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.to_vec(),
        };
    };
    IndexEntry {
        ctime: time(meta.ctime(), meta.ctime_nsec()),
        mtime: time(meta.mtime(), meta.mtime_nsec()),
        dev: low(meta.dev()),
        ino: low(meta.ino()),
        mode,
        uid: meta.uid(),
        gid: meta.gid(),
        file_size: low(meta.size()),
        id,
        flags: 0,
        flags_extended: 0,
        path: path.to_vec(),
    }
}

/// The index has 32 bits for each number; git keeps the lower ones.
#[expect(clippy::cast_possible_truncation, reason = "as git does")]
fn low(number: u64) -> u32 {
    number as u32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as git does")]
fn time(seconds: i64, nanoseconds: i64) -> IndexTime {
    IndexTime::new(seconds as i32, nanoseconds as u32)
}

/// Whether the index has this of a path.
pub(super) fn has(index: &Index, path: &[u8], side: Option<Side>) -> bool {
    let entry: Option<(Oid, u32)> = index.get_path(path_of(path), 0).map(|entry| (entry.id, entry.mode));
    entry == side.map(|side| (side.id, side.mode))
}

/// Whether the index itself proves that the file is as `side` has it: each number that it notes of a file is that of this
/// one, which was last written to before the index was. Else contents have to be compared.
pub(super) fn vouches(index: &Index, of_index: Option<Stamp>, path: &[u8], side: Side, meta: &Metadata) -> bool {
    let is_kind = match side.mode {
        LINK => meta.is_symlink(),
        mode => meta.is_file() && (mode == EXECUTABLE) == (meta.mode() & 0o100 != 0),
    };
    let (Some(noted), Some(of_index)) = (index.get_path(path_of(path), 0), of_index) else { return false };
    let now = entry(path, side, Some(meta));
    let numbers = |entry: &IndexEntry| {
        let IndexEntry { ctime, mtime, ino, mode, uid, gid, file_size, id, .. } = *entry;
        (ctime, mtime, ino, mode, uid, gid, file_size, id)
    };
    is_kind
        && numbers(&noted) == numbers(&now)
        && of_index.is_newer_than(meta)
        // It says of a file that it will come, or that it is not to be looked at.
        && noted.flags_extended == 0
        && noted.flags & ASSUME_UNCHANGED == 0
}
