//! Writes files as a commit has them into a folder of our own, with what git does to them on their way (line ends, ident,
//! modes, links). From there each is moved to its place in one step, and a disk that fills up fills up here.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;

use git2::Index;
use git2::build::CheckoutBuilder;

use super::changes::{Change, EXECUTABLE, LINK, Side, folders_above, path_of};
use super::index_file;
use super::opening::Open;

/// Makes the folder; nobody else may look into it.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(folder)
}

/// Writes what these changes lead to into `into`, which is made: byte for byte as the commit has it, each by its number,
/// so that no folder has to be made (which costs more than the files).
pub(super) fn write_plain(open: &Open, changes: &[Change], into: &Path) -> Result<(), String> {
    fs::create_dir(into).map_err(|error| error.to_string())?;
    for (number, change) in changes.iter().enumerate() {
        let Some(side) = change.to else { continue };
        let blob = open.repository.find_blob(side.id).map_err(|error| error.message().to_owned())?;
        let path = into.join(number.to_string());
        let written = match side.mode {
            LINK => symlink(path_of(blob.content()), path),
            mode => {
                // As git makes them: the umask decides.
                let mode = if mode == EXECUTABLE { 0o777 } else { 0o666 };
                let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
                file.and_then(|mut file| file.write_all(blob.content()))
            }
        };
        written.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Writes what these changes lead to into `into`, which is made. As git does it, the attributes are those of `index`, which already has
/// what will be, and where it has none those of a file that nobody has added to it.
pub(super) fn write(open: &Open, index: &Index, changes: &[Change], into: &Path) -> Result<(), String> {
    let files: Vec<(&[u8], Side)> =
        changes.iter().filter_map(|change| Some((change.path.as_slice(), change.to?))).collect();
    let leaves = |path: &Path| changes.iter().any(|change| path_of(&change.path) == path && change.to.is_none());
    fs::create_dir(into).map_err(|error| error.to_string())?;
    if files.is_empty() {
        return Ok(());
    }
    check_out(open, index, &files, &leaves, into)?;
    modes(&files, into).map_err(|error| error.to_string())
}

fn check_out(
    open: &Open,
    index: &Index,
    files: &[(&[u8], Side)],
    leaves: &dyn Fn(&Path) -> bool,
    into: &Path,
) -> Result<(), String> {
    let failed = |error: git2::Error| error.message().to_owned();
    // In memory and with nothing else in it: libgit2 then compares nothing with HEAD, and writes all of it.
    let mut few = Index::new().map_err(failed)?;
    for (path, side) in files {
        few.add(&index_file::entry(path, *side, None)).map_err(failed)?;
    }
    let folders: BTreeSet<&[u8]> = files.iter().flat_map(|(path, _)| folders_above(path)).collect();
    for folder in std::iter::once(&b""[..]).chain(folders) {
        let name = path_of(folder).join(".gitattributes");
        let there = open.root.join(&name);
        if let Some(entry) = index.get_path(&name, 0) {
            few.add(&entry).map_err(failed)?;
        } else if !leaves(&name) && fs::symlink_metadata(&there).is_ok_and(|meta| meta.is_file()) {
            let copied =
                fs::create_dir_all(into.join(path_of(folder))).and_then(|()| fs::copy(&there, into.join(&name)));
            copied.map_err(|error| error.to_string())?;
        }
    }
    // Another handle on the repository, to whom our folder is the work tree.
    let repository = git2::Repository::open(&open.root).map_err(failed)?;
    repository.set_workdir(into, false).map_err(failed)?;
    repository.set_index(&mut few).map_err(failed)?;
    let mut options = CheckoutBuilder::new();
    options.force().update_index(false).refresh(false).disable_pathspec_match(true);
    for (path, _) in files {
        options.path(path_of(path));
    }
    repository.checkout_index(Some(&mut few), Some(&mut options)).map_err(failed)
}

/// libgit2 writes 0644 and 0755 less the umask; git 0666 and 0777 less the umask, which a group that shares a checkout
/// relies on.
fn modes(files: &[(&[u8], Side)], into: &Path) -> io::Result<()> {
    // The umask is a process's own, and reading it changes it for the other threads: a new file shows it.
    let probe = into.join(".bridge-watchdog-mode");
    let all =
        OpenOptions::new().write(true).create_new(true).mode(0o777).open(&probe)?.metadata()?.permissions().mode();
    fs::remove_file(&probe)?;
    for (path, side) in files.iter().filter(|(_, side)| side.mode != LINK) {
        let mode = if side.mode == EXECUTABLE { all & 0o777 } else { all & 0o666 };
        fs::set_permissions(into.join(path_of(path)), Permissions::from_mode(mode))?;
    }
    Ok(())
}
