//! Writes files as a commit has them into a folder of our own, with what git does to them on their way (line ends, ident,
//! modes, links). From there each is moved to its place in one step, and a disk that fills up fills up here.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use git2::Index;
use git2::build::CheckoutBuilder;

use super::changes::{EXECUTABLE, LINK, Side, folders_above, path_of};
use super::opening::Open;

/// Makes the folder; nobody else may look into it.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(folder)
}

/// Writes these files into `into`, which is made. `index` already has them: as git does it, the attributes are those of
/// the index that will be.
pub(super) fn write(open: &Open, index: &mut Index, files: &[(&[u8], Side)], into: &Path) -> Result<(), String> {
    let failed = |error: git2::Error| error.message().to_owned();
    fs::create_dir(into).map_err(|error| error.to_string())?;
    if files.is_empty() {
        return Ok(());
    }
    untracked_attributes(open, index, files, into).map_err(|error| error.to_string())?;
    // Another handle on the repository, to whom our folder is the work tree.
    let repository = git2::Repository::open(&open.root).map_err(failed)?;
    repository.set_workdir(into, false).map_err(failed)?;
    repository.set_index(index).map_err(failed)?;
    let mut options = CheckoutBuilder::new();
    options.force().update_index(false).refresh(false).disable_pathspec_match(true);
    for (path, _) in files {
        options.path(path_of(path));
    }
    repository.checkout_index(Some(index), Some(&mut options)).map_err(failed)?;
    modes(files, into).map_err(|error| error.to_string())
}

/// git also obeys a `.gitattributes` that nobody has added to the index.
fn untracked_attributes(open: &Open, index: &Index, files: &[(&[u8], Side)], into: &Path) -> io::Result<()> {
    let folders: std::collections::BTreeSet<&[u8]> = files.iter().flat_map(|(path, _)| folders_above(path)).collect();
    for folder in std::iter::once(&b""[..]).chain(folders) {
        let name = path_of(folder).join(".gitattributes");
        let there = open.root.join(&name);
        if index.get_path(&name, 0).is_none() && fs::symlink_metadata(&there).is_ok_and(|meta| meta.is_file()) {
            fs::create_dir_all(into.join(path_of(folder)))?;
            fs::copy(&there, into.join(&name))?;
        }
    }
    Ok(())
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
