//! What only a Mac has: guarded folders, signatures, sleep, the login. Pure: the parsers read captured output on any
//! platform.

use std::path::{Path, PathBuf};

use super::finding::{Finding, Found, Mend, Pane, Protected, Signature};

/// The watch's last look, as far as the guard of folders is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchReads {
    Everything,
    /// Something could not be looked at.
    NotAll,
    /// No watch runs, or its last look is old.
    Nobody,
}

/// Folders that macOS opens to a program only when somebody has allowed it.
pub fn folder(root: &Path, home: &Path, watch: WatchReads) -> Finding {
    let protected = match (is_protected(root, home), watch) {
        (false, _) => Protected::No,
        (true, WatchReads::Everything) => Protected::Allowed,
        (true, WatchReads::NotAll) => Protected::Denied,
        (true, WatchReads::Nobody) => Protected::Unknown,
    };
    let found = Found::Folder { root: root.to_owned(), protected };
    match protected {
        Protected::No | Protected::Allowed => Finding::well("protected-folder", found),
        Protected::Denied | Protected::Unknown => {
            Finding::ill("protected-folder", found, Mend::Settings(Pane::FullDiskAccess))
        }
    }
}

/// Documents, Desktop, Downloads, iCloud Drive, other volumes. APFS takes no notice of case.
pub fn is_protected(root: &Path, home: &Path) -> bool {
    let lower = |path: &Path| PathBuf::from(path.to_string_lossy().to_lowercase());
    let root = lower(root);
    let own = ["documents", "desktop", "downloads", "library/mobile documents", "library/cloudstorage"];
    root.starts_with("/volumes") || own.iter().any(|name| root.starts_with(lower(home).join(name)))
}

/// `codesign -dv`, which prints to standard error; 1 is "not signed at all".
///
/// # Errors
/// What else it says.
pub fn signature(code: Option<i32>, said: &str) -> Result<Signature, String> {
    let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key));
    match (code, value("Signature=")) {
        (Some(0), Some("adhoc")) => Ok(Signature::AdHoc),
        (Some(0), _) => Ok(Signature::By(value("Authority=").or(value("TeamIdentifier=")).unwrap_or("?").to_owned())),
        (Some(1), _) if said.contains("not signed at all") => Ok(Signature::None),
        _ => Err(format!("codesign says: {}", said.lines().last().unwrap_or("nothing"))),
    }
}

/// An ad-hoc signature is enough to run. It is a fault only where permissions hang on it.
pub fn bundle(bundle: &Path, signature: Signature, protected: bool) -> Finding {
    let ill = signature == Signature::None || (signature == Signature::AdHoc && protected);
    let found = Found::Signature(signature);
    if ill {
        Finding::ill("signature", found, Mend::Sign(bundle.to_owned()))
    } else {
        Finding::well("signature", found)
    }
}

/// `pmset -g`: the line ` sleep  10 (sleep prevented by …)`; `displaysleep` and `disksleep` are others.
///
/// # Errors
/// That there is no such line.
pub fn sleep(said: &str) -> Result<u32, String> {
    let minutes = word_after(said, "sleep").and_then(|minutes| minutes.parse().ok());
    minutes.ok_or_else(|| "pmset names no time of sleep".to_owned())
}

/// The line ` autorestart  1` of the same answer. A portable Mac has none: it has a battery.
pub fn starts_after_power_cut(said: &str) -> Option<bool> {
    let value = word_after(said, "autorestart")?;
    Some(value != "0")
}

/// The value of a setting of `pmset -g`.
fn word_after<'a>(said: &'a str, key: &str) -> Option<&'a str> {
    said.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(key)).then(|| words.next()).flatten()
    })
}

/// A machine that stays off watches nothing.
pub fn power_cut(starts: bool) -> Finding {
    let found = Found::PowerCut(starts);
    if starts { Finding::well("power-cut", found) } else { Finding::ill("power-cut", found, Mend::StartAfterPowerCut) }
}

/// A machine that sleeps watches nothing.
pub fn sleeps(minutes: u32) -> Finding {
    let found = Found::Sleep(minutes);
    if minutes == 0 { Finding::well("sleep", found) } else { Finding::ill("sleep", found, Mend::NeverSleep) }
}

/// After a power cut nobody is there to log in, and agents start at a login.
pub fn automatic_login(on: bool) -> Finding {
    let found = Found::AutomaticLogin(on);
    if on {
        Finding::well("automatic-login", found)
    } else {
        Finding::ill("automatic-login", found, Mend::Settings(Pane::Users))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guarded_folder_is_judged_by_what_the_running_watch_sees() {
        let rows = [
            ("/Users/me/src/ai", WatchReads::NotAll, Protected::No),
            ("/Users/me/Documents2/ai", WatchReads::NotAll, Protected::No),
            ("/Users/me/Documents/ai", WatchReads::Everything, Protected::Allowed),
            ("/Users/me/documents/ai", WatchReads::NotAll, Protected::Denied),
            ("/Users/me/Desktop", WatchReads::Nobody, Protected::Unknown),
            ("/Users/me/Downloads/x", WatchReads::NotAll, Protected::Denied),
            ("/Users/me/Library/Mobile Documents/com~apple~CloudDocs/ai", WatchReads::NotAll, Protected::Denied),
            ("/Volumes/Disk/ai", WatchReads::NotAll, Protected::Denied),
        ];
        for (root, watch, expected) in rows {
            let finding = folder(Path::new(root), Path::new("/Users/me"), watch);
            assert_eq!(finding.found, Found::Folder { root: root.into(), protected: expected }, "{root}");
            assert_eq!(finding.is_well(), matches!(expected, Protected::No | Protected::Allowed), "{root}");
        }
    }

    #[test]
    fn a_signature_is_read_from_codesign() {
        let by = "Executable=/Applications/x\nAuthority=Developer ID Application: A (B)\nTeamIdentifier=B\n";
        let rows = [
            (Some(0), "Identifier=x\nSignature=adhoc\nTeamIdentifier=not set\n", Ok(Signature::AdHoc)),
            (Some(0), by, Ok(Signature::By("Developer ID Application: A (B)".into()))),
            (Some(1), "/x.app: code object is not signed at all\n", Ok(Signature::None)),
            (
                Some(1),
                "/x.app: No such file or directory\n",
                Err("codesign says: /x.app: No such file or directory".into()),
            ),
            (None, "", Err("codesign says: nothing".into())),
        ];
        for (code, said, expected) in rows {
            assert_eq!(signature(code, said), expected, "{said}");
        }
        let ill = |signature, protected| !bundle(Path::new("/x.app"), signature, protected).is_well();
        assert!(ill(Signature::None, false) && ill(Signature::AdHoc, true));
        assert!(!ill(Signature::AdHoc, false) && !ill(Signature::By("A".into()), true));
    }

    #[test]
    fn the_sleep_of_the_system_is_read_from_pmset() {
        let nothing = || Err("pmset names no time of sleep".to_owned());
        let rows = [
            (" displaysleep         10\n sleep                1 (sleep prevented by powerd)\n disksleep 10\n", Ok(1)),
            ("System-wide power settings:\nCurrently in use:\n sleep                0\n", Ok(0)),
            (" displaysleep 10\n", nothing()),
            (" sleep never\n", nothing()),
        ];
        for (said, expected) in rows {
            assert_eq!(sleep(said), expected, "{said}");
        }
        let desk = "Currently in use:\n tcpkeepalive         1\n autorestart          0\n standby 0\n";
        assert_eq!(starts_after_power_cut(desk), Some(false));
        assert_eq!(starts_after_power_cut(&desk.replace("   0\n", "   1\n")), Some(true));
        assert_eq!(starts_after_power_cut("Currently in use:\n lidwake              1\n"), None);
        assert!(power_cut(true).is_well() && !power_cut(false).is_well());
        assert!(sleeps(0).is_well() && !sleeps(1).is_well());
        assert!(automatic_login(true).is_well() && !automatic_login(false).is_well());
    }
}
