//! Small files: read and written as a whole, so that no reader sees half of one.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::{Builder, NamedTempFile};

/// No file that we read as a whole is larger; a larger one is not what we look for.
const LARGEST: u64 = 1 << 20;

/// The text of a small file; `None` if there is none, it is too large, or it is no text.
pub fn text(path: &Path) -> Option<String> {
    let bytes = beginning(path)?;
    if bytes.len() as u64 > LARGEST { None } else { String::from_utf8(bytes).ok() }
}

/// What a file may say to a program that reads it: its UTF-8, and if it has a byte that is none also its Latin-1. For
/// what has to be hidden: one such byte in a comment must not keep a password from being known, nor must the size.
pub fn readings(path: &Path) -> Vec<String> {
    let bytes = beginning(path).unwrap_or_default();
    match String::from_utf8(bytes) {
        Ok(text) => vec![text],
        Err(error) => {
            let latin = error.as_bytes().iter().copied().map(char::from).collect();
            vec![String::from_utf8_lossy(error.as_bytes()).into_owned(), latin]
        }
    }
}

/// Of a plain file, one byte more than is allowed: it may have grown since its size was asked.
fn beginning(path: &Path) -> Option<Vec<u8>> {
    // Only plain files: a fifo in the place of a marker would block for ever.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// A JSON file; `None` if it is absent or broken.
pub fn json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_str(&text(path)?).ok()
}

/// Writes a file so that a reader sees the old or the new one: a new file beside it, then a rename. Mode 0600. No sync
/// to disk: the status is written at each tick, and after a loss of power the old one is of no use.
///
/// # Errors
/// A sentence that names the file.
pub fn replace(path: &Path, text: &str) -> Result<(), String> {
    write(path, text.as_bytes(), 0o600, false)
}

/// As [`replace`], with this mode, and synced: also after a loss of power a reader sees the old or the new one.
///
/// # Errors
/// As [`replace`].
pub fn replace_for_good(path: &Path, bytes: &[u8], mode: u32) -> Result<(), String> {
    write(path, bytes, mode, true)
}

/// As [`replace`], as one JSON value.
///
/// # Errors
/// As [`replace`].
pub fn replace_json(path: &Path, value: &impl Serialize) -> Result<(), String> {
    let text = serde_json::to_string(value).map_err(|error| format!("{} can't be written: {error}", path.display()))?;
    replace(path, &(text + "\n"))
}

/// Makes a folder of our own (mode 0700), and those above it that are missing.
///
/// # Errors
/// What the kernel said.
pub fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes the state folder, or if it is there makes it ours alone: 0700, and 0600 for the files in it, whatever an earlier
/// version or a copy from another machine left. What belongs to somebody else, and what a link points to, stays as it is.
///
/// # Errors
/// What the kernel said when it could not be made.
pub fn make_state_folder(folder: &Path) -> std::io::Result<()> {
    make_private_folder(folder)?;
    tighten(folder, 0o700);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            tighten(&entry.path(), 0o600);
        }
    }
    Ok(())
}

/// Takes what is more than `mode` away from a file or folder of our own.
fn tighten(path: &Path, mode: u32) {
    let Ok(meta) = fs::symlink_metadata(path) else { return };
    let now = meta.permissions().mode() & 0o7777;
    if !meta.is_symlink() && meta.uid() == rustix::process::geteuid().as_raw() && now & !mode != 0 {
        // If that is refused (a file system without modes), nothing else would help either.
        let _ = fs::set_permissions(path, Permissions::from_mode(now & mode));
    }
}

/// How a file of our own is opened or made in the state folder: mode 0600, and a link in its place is not followed.
pub fn ours() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

/// Removes a link that lies in the place of a file of ours: in our own folder nobody has reason to put one.
pub fn remove_link(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()) {
        remove(path);
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32, to_disk: bool) -> Result<(), String> {
    let written = || {
        let folder = path.parent().unwrap_or(Path::new("/"));
        // Other users may not read the files, so they may not enter the folder either.
        if mode == 0o600 {
            make_private_folder(folder)?;
        } else {
            fs::create_dir_all(folder)?;
        }
        let mut file = beside(path, folder, mode)?;
        file.write_all(bytes)?;
        // Set again, since the umask may have taken bits away.
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
        if to_disk {
            file.as_file().sync_all()?;
        }
        release(file.path());
        file.persist(path).map_err(|error| error.error)
    };
    written().map(drop).map_err(|error| format!("{} can't be written: {error}", path.display()))
}

/// A new file with a random name, so that no link can be put in its place; removed if it is not renamed. The name does
/// not end in .plist or .service: if we were killed in between, a manager would load it.
fn beside(path: &Path, folder: &Path, mode: u32) -> std::io::Result<NamedTempFile> {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    Builder::new().prefix(&prefix).suffix(".new").permissions(Permissions::from_mode(mode)).tempfile_in(folder)
}

/// Files that a downloaded app writes inherit its quarantine attribute, and launchd then refuses them.
#[cfg_attr(not(target_vendor = "apple"), expect(unused_variables, reason = "only macOS has a quarantine"))]
pub fn release(path: &Path) {
    #[cfg(target_vendor = "apple")]
    let _ = rustix::fs::removexattr(path, "com.apple.quarantine");
}

/// Where a path leads: through its links, also where the last one of them leads to nothing yet.
pub fn target(path: &Path) -> PathBuf {
    // As many as the kernel follows.
    const MOST: usize = 40;
    let mut target = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(there) = path.canonicalize() {
        return there;
    }
    for _ in 0..MOST {
        let Ok(next) = fs::read_link(&target) else { break };
        let folder = target.parent().unwrap_or(Path::new("/")).join(next.parent().unwrap_or(Path::new("")));
        target = folder.canonicalize().unwrap_or(folder).join(next.file_name().unwrap_or_default());
    }
    target
}

/// The folder in which something would have to be made for this file to be written, if we may not write there.
pub fn unwritable_folder(file: &Path) -> Option<PathBuf> {
    let folder = file.ancestors().skip(1).find(|folder| folder.exists())?;
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(folder, access).is_err().then(|| folder.to_owned())
}

/// Removes a file; no error if there is none.
pub fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

/// What tells one content of a file from another without reading it: a file that is written, replaced or brought back
/// with its old times has another one.
pub type Stamp = (u64, u64, u64, i64, i64);

/// `None` if there is no such file.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino(), meta.len(), meta.ctime(), meta.ctime_nsec()))
}

/// The modification time; `None` if there is no such file.
pub fn modified(path: &Path) -> Option<crate::time::Wall> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok().map(super::clock::epoch)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_that_is_too_large_or_no_text_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("marker");
        let largest = usize::try_from(LARGEST).unwrap();
        let rows: [(Vec<u8>, bool); 5] = [
            (Vec::new(), true),
            (vec![b'x'; largest], true),
            (vec![b'x'; largest + 1], false),
            (vec![b'x'; 3 * largest], false),
            (vec![0xff, 0xfe], false),
        ];
        for (bytes, whole) in rows {
            fs::write(&path, &bytes).unwrap();
            assert_eq!(text(&path).map(|text| text.len()), whole.then_some(bytes.len()), "{} bytes", bytes.len());
        }
        assert_eq!(text(folder.path()), None);
    }

    #[test]
    fn a_file_that_is_no_utf8_has_two_readings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        fs::write(&path, b"A=gr\xfc\xdfe").unwrap();
        assert_eq!(readings(&path), ["A=gr\u{fffd}\u{fffd}e", "A=gr\u{fc}\u{df}e"]);
        fs::write(&path, "A=grüße").unwrap();
        assert_eq!(readings(&path), ["A=grüße"]);
        fs::write(&path, [b"A=tiger\n".to_vec(), vec![b'#'; 2 << 20]].concat()).unwrap();
        assert!(readings(&path)[0].starts_with("A=tiger\n"));
        assert_eq!(readings(folder.path()), [""]);
    }

    #[test]
    fn what_is_written_is_whole_has_its_mode_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state/of/ours");
        let ours = state.join("status.json");
        replace(&ours, "old").unwrap();
        fs::set_permissions(&ours, Permissions::from_mode(0o644)).unwrap();
        replace(&ours, "new").unwrap();
        assert_eq!((text(&ours).as_deref(), mode(&ours)), (Some("new"), 0o600));
        assert_eq!((mode(&state), mode(&folder.path().join("state"))), (0o700, 0o700));
        let agent = folder.path().join("agents/x.plist");
        replace_for_good(&agent, b"<plist/>", 0o644).unwrap();
        assert_eq!((text(&agent).as_deref(), mode(&agent)), (Some("<plist/>"), 0o644));
        assert!(mode(agent.parent().unwrap()) & 0o050 != 0, "a manager's folder is nobody's secret");
        fs::create_dir(state.join("in the way")).unwrap();
        let why = replace(&state.join("in the way"), "x").unwrap_err();
        assert!(why.ends_with("in the way can't be written: Is a directory (os error 21)"), "{why}");
        let names: Vec<_> = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn r21a_what_an_earlier_version_left_open_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "a link's target").unwrap();
        for name in ["journal.log", "journal.log.1", "status.json"] {
            fs::write(state.join(name), "").unwrap();
            fs::set_permissions(state.join(name), Permissions::from_mode(0o644)).unwrap();
        }
        fs::set_permissions(&victim, Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(&state, Permissions::from_mode(0o777)).unwrap();
        symlink(&victim, state.join("link")).unwrap();
        make_state_folder(&state).unwrap();
        assert_eq!(mode(&state), 0o700);
        for name in ["journal.log", "journal.log.1", "status.json"] {
            assert_eq!(mode(&state.join(name)), 0o600, "{name}");
        }
        assert_eq!(mode(&victim), 0o644);
        assert!(ours().append(true).open(state.join("link")).is_err());
    }

    #[test]
    fn a_link_leads_on_where_nothing_is_yet() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        fs::create_dir_all(folder.join("config")).unwrap();
        fs::create_dir_all(folder.join("dots")).unwrap();
        symlink("../dots/one", folder.join("config/link")).unwrap();
        symlink("two.toml", folder.join("dots/one")).unwrap();
        symlink(folder.join("config"), folder.join("here")).unwrap();
        symlink("round", folder.join("round")).unwrap();
        let rows = [
            ("config/link", "dots/two.toml"),
            ("config/new.toml", "config/new.toml"),
            ("new/new.toml", "new/new.toml"),
            ("round", "round"),
        ];
        for (path, expected) in rows {
            assert_eq!(target(&folder.join(path)), folder.join(expected), "{path}");
        }
        fs::write(folder.join("dots/two.toml"), "").unwrap();
        assert_eq!(target(&folder.join("here/link")), folder.join("dots/two.toml"));
    }

    #[test]
    fn a_folder_that_can_t_be_made_is_named_by_what_is_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        fs::write(&plain, "").unwrap();
        assert_eq!(unwritable_folder(&folder.path().join("a/b/config.toml")), None);
        assert_eq!(unwritable_folder(&plain.join("a/config.toml")), Some(plain));
    }

    /// The names that earlier versions of ours wrote to, and the place itself.
    #[test]
    fn no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("x.plist"), folder.path().join("victim"));
        fs::write(&victim, "precious").unwrap();
        let names = ["x.plist".to_owned(), "x.plist.new".to_owned(), format!("x.plist.{}.new", std::process::id())];
        for name in &names {
            symlink(&victim, folder.path().join(name)).unwrap();
        }
        replace(&path, "ours").unwrap();
        replace_for_good(&path, b"ours", 0o644).unwrap();
        assert_eq!(text(&victim).as_deref(), Some("precious"));
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn a_manager_loads_nothing_that_is_half_written() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["com.valor.bridge.plist", "bridge-watchdog.service"] {
            let path = folder.path().join(name);
            let new = beside(&path, folder.path(), 0o644).unwrap();
            let extension = new.path().extension().unwrap().to_str().unwrap();
            assert_eq!(extension, "new", "{}", new.path().display());
        }
    }
}
