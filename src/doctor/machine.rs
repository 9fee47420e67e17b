//! The machine that nobody watches: disk, scripts, git, sessions of the user. Pure.

use std::path::{Path, PathBuf};

use super::finding::{AutoRevert, Finding, Found, Mend};
use crate::facts::Disk;

/// Less is told by the watch too.
const LEAST_SHARE: f64 = 0.02;
/// Less is a full disk.
const LEAST_BYTES: u64 = 1 << 20;

/// Each volume once, by a folder on it.
pub fn disks(seen: &[(PathBuf, Result<Disk, String>)]) -> Vec<Finding> {
    let all: Vec<Finding> = seen.iter().map(|(place, disk)| self::disk(place, disk)).collect();
    let (well, ill): (Vec<Finding>, Vec<Finding>) = all.into_iter().partition(Finding::is_well);
    // The root's speaks for those that are well.
    if ill.is_empty() { well.into_iter().take(1).collect() } else { ill }
}

fn disk(place: &Path, disk: &Result<Disk, String>) -> Finding {
    let mend = || Mend::FreeSpace(place.to_owned());
    match disk {
        Err(why) => Finding::ill("disk", Found::Unseen(why.clone()), mend()),
        Ok(disk) => {
            let (free, share, inodes) = (disk.free, disk.free_share, disk.free_inodes);
            let found = Found::Disk { place: place.to_owned(), free, share, inodes };
            let full = disk.free_share < LEAST_SHARE || disk.free < LEAST_BYTES || disk.free_inodes == Some(0);
            if full { Finding::ill("disk", found, mend()) } else { Finding::well("disk", found) }
        }
    }
}

/// What of our own state folder can't be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable {
    pub path: PathBuf,
    pub why: String,
    /// Somebody else's, and which of our own folders to take back: `sudo` has made it.
    pub taken: Option<PathBuf>,
    /// Ours: the mode that it should have.
    pub mode: Option<&'static str>,
}

/// A watch that can't write there ends at once.
pub fn state(folder: &Path, seen: Option<&Unwritable>) -> Finding {
    let Some(seen) = seen else { return Finding::well("state", Found::There(folder.to_owned())) };
    let found = Found::Unwritable { path: seen.path.clone(), why: seen.why.clone() };
    Finding::ill("state", found, writable(seen))
}

/// What makes it writable again.
pub fn writable(seen: &Unwritable) -> Mend {
    let path = || seen.path.clone();
    match (&seen.taken, seen.mode) {
        (Some(folder), _) => Mend::TakeBack(folder.clone()),
        (None, Some(mode)) => Mend::Chmod { path: path(), mode },
        (None, None) => Mend::ShowMode(path()),
    }
}

/// Whether the user's units run without a login: else the watch and the bridge end with the last session.
pub fn linger(lingers: bool) -> Finding {
    if lingers {
        Finding::well("linger", Found::Lingers(true))
    } else {
        Finding::ill("linger", Found::Lingers(false), Mend::Linger)
    }
}

/// What reads a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// With a first line that names the shell, or without.
    Shell {
        shebang: bool,
    },
    /// The same; one in which a statement may come first.
    Python {
        shebang: bool,
    },
    Other,
}

/// A script that updates the checkout.
pub struct ScriptSeen {
    pub path: PathBuf,
    pub language: Language,
    pub asks: bool,
}

pub fn scripts(seen: &[ScriptSeen], marker: &Path) -> Vec<Finding> {
    let ignoring = seen.iter().filter(|script| !script.asks).map(|script| {
        let path = script.path.clone();
        let ask = |python, shebang| Mend::AskLock { script: path.clone(), python, shebang, marker: marker.to_owned() };
        let mend = match script.language {
            Language::Shell { shebang } => ask(false, shebang),
            Language::Python { shebang } => ask(true, shebang),
            Language::Other => Mend::Hold(path.clone()),
        };
        Finding::ill("update-script", Found::ScriptIgnores(path), mend)
    });
    let all: Vec<Finding> = ignoring.collect();
    if all.is_empty() { vec![Finding::well("update-script", Found::ScriptsAsk(seen.len()))] } else { all }
}

pub fn auto_revert(root: &Path, seen: AutoRevert) -> Finding {
    match seen {
        AutoRevert::Cannot(_) => Finding::ill("auto-revert", Found::AutoRevert(seen), Mend::GitStatus(root.to_owned())),
        AutoRevert::Off | AutoRevert::On { .. } => Finding::well("auto-revert", Found::AutoRevert(seen)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_by_its_share_its_bytes_or_its_inodes() {
        let rows = [
            (1 << 30, 0.5, Some(10), true),
            (1 << 30, 0.02, None, true),
            (1 << 30, 0.019, None, false),
            ((1 << 20) - 1, 0.5, None, false),
            (1 << 30, 0.5, Some(0), false),
        ];
        for (free, free_share, free_inodes, well) in rows {
            let seen = disk(Path::new("/r"), &Ok(Disk { free, free_share, free_inodes }));
            assert_eq!(seen.is_well(), well, "{free} {free_share} {free_inodes:?}");
        }
        assert!(!disk(Path::new("/r"), &Err("no".into())).is_well());
    }

    #[test]
    fn each_volume_that_is_full_is_named_by_its_folder() {
        let disk = |free| Ok(Disk { free, free_share: 0.5, free_inodes: None });
        let seen = |root, state| [("/r".into(), disk(root)), ("/s".into(), disk(state))];
        let ids = |seen: &[_]| disks(seen).into_iter().map(|finding| finding.mend).collect::<Vec<_>>();
        assert_eq!(ids(&seen(1 << 30, 1 << 31)), [None]);
        assert_eq!(ids(&seen(1 << 30, 0)), [Some(Mend::FreeSpace("/s".into()))]);
        let both = [Some(Mend::FreeSpace("/r".into())), Some(Mend::FreeSpace("/s".into()))];
        assert_eq!(ids(&seen(0, 0)), both);
    }

    #[test]
    fn a_state_folder_is_taken_back_or_opened_for_ourselves() {
        let unwritable = |taken: Option<&str>, mode| Unwritable {
            path: "/s/x".into(),
            why: "no".into(),
            taken: taken.map(PathBuf::from),
            mode,
        };
        let rows = [
            (None, None),
            (Some(unwritable(Some("/s"), None)), Some(Mend::TakeBack("/s".into()))),
            (Some(unwritable(None, Some("700"))), Some(Mend::Chmod { path: "/s/x".into(), mode: "700" })),
            (Some(unwritable(None, None)), Some(Mend::ShowMode("/s/x".into()))),
        ];
        for (seen, mend) in rows {
            assert_eq!(state(Path::new("/s/x"), seen.as_ref()).mend, mend, "{seen:?}");
        }
    }

    #[test]
    fn a_script_that_asks_is_well_and_each_other_is_named() {
        let script = |path: &str, language, asks| ScriptSeen { path: path.into(), language, asks };
        let (shell, other) = (Language::Shell { shebang: true }, Language::Other);
        let marker = Path::new("/m");
        assert_eq!(scripts(&[], marker), [Finding::well("update-script", Found::ScriptsAsk(0))]);
        assert!(scripts(&[script("a", shell, true)], marker).iter().all(Finding::is_well));
        let found = scripts(&[script("a", shell, true), script("b", shell, false), script("c", other, false)], marker);
        let mends: Vec<Option<Mend>> = found.into_iter().map(|finding| finding.mend).collect();
        let ask = Mend::AskLock { script: "b".into(), python: false, shebang: true, marker: "/m".into() };
        assert_eq!(mends, [Some(ask), Some(Mend::Hold("c".into()))]);
    }

    #[test]
    fn auto_revert_is_a_fault_only_where_it_is_wanted_and_fails() {
        let well = |seen| auto_revert(Path::new("/r"), seen).is_well();
        assert!(well(AutoRevert::Off) && well(AutoRevert::On { user: None }));
        assert!(!well(AutoRevert::Cannot("no".into())));
        assert!(linger(true).is_well() && !linger(false).is_well());
    }
}
