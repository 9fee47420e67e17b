//! Where the program lies that an agent would start. An agent is for years: on a Mac it has to point into a bundle that
//! stays where it is, since beside a bare binary there are no notifications, a build folder goes with `cargo clean`, a
//! disk image is ejected, and the path of an app that macOS has translocated is another one at each start. Pure, with the
//! platform's own spellings; the path is without symbolic links.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Why no agent may start what lies here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// Gatekeeper runs a downloaded app from a read-only copy until somebody moves it.
    Translocated,
    /// A disk image, or another disk that need not be there at the next login.
    OtherVolume,
    BuildFolder,
    NoBundle,
}

/// What is wrong with this place on a Mac.
pub fn on_a_mac(program: &Path) -> Option<Misplaced> {
    if program.components().any(|part| part.as_os_str() == "AppTranslocation") {
        Some(Misplaced::Translocated)
    } else if program.starts_with("/Volumes") {
        Some(Misplaced::OtherVolume)
    } else if is_in_a_build_folder(program) {
        Some(Misplaced::BuildFolder)
    } else if bundle(program).is_none() {
        Some(Misplaced::NoBundle)
    } else {
        None
    }
}

/// Cargo's folder, or a bundle that `make app` has just laid out in it, whatever CARGO_TARGET_DIR calls the folder.
pub fn is_in_a_build_folder(program: &Path) -> bool {
    let is_profile = |name: Option<&OsStr>| name.is_some_and(|name| name == "debug" || name == "release");
    let of_cargo = |folder: &Path| {
        let mut above = folder.ancestors().skip(1).filter_map(Path::file_name);
        // target/release, or target/TRIPLE/release.
        is_profile(folder.file_name()) && above.by_ref().take(2).any(|name| name == "target")
    };
    let beside_cargo = bundle(program).is_some_and(|bundle| is_profile(bundle.parent().and_then(Path::file_name)));
    beside_cargo || program.ancestors().any(of_cargo)
}

/// The bundle whose Contents/MacOS this program is in.
pub fn bundle(program: &Path) -> Option<PathBuf> {
    let macos = program.parent()?;
    let bundle = macos.parent()?.parent()?;
    let is_bundle = macos.ends_with("Contents/MacOS") && bundle.extension().is_some_and(|name| name == "app");
    is_bundle.then(|| bundle.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Misplaced::{BuildFolder, NoBundle, OtherVolume, Translocated};

    #[test]
    fn an_agent_of_a_mac_points_into_a_bundle_that_stays() {
        let rows = [
            ("/Applications/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog", None),
            ("/Applications/Utilities/Renamed.app/Contents/MacOS/bridge-watchdog-tray", None),
            ("/Users/me/Applications/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog", None),
            // Homebrew links the app into /Applications or moves it there; the command of its cask is a link into it.
            ("/opt/homebrew/Caskroom/bridge-watchdog/0.1.0/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog", None),
            // A person called "release", a folder called "target": neither is cargo's.
            ("/Users/release/Applications/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog", None),
            ("/Users/me/target/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog", None),
            ("/Users/me/target practice/release notes/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog", None),
            (
                "/private/var/folders/x/T/AppTranslocation/4F/d/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog",
                Some(Translocated),
            ),
            ("/Volumes/Bridge Watchdog/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog", Some(OtherVolume)),
            ("/Volumes/Backup/src/target/release/bridge-watchdog", Some(OtherVolume)),
            ("/Volumesque/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog", None),
            ("/Users/me/src/w/target/debug/bridge-watchdog", Some(BuildFolder)),
            ("/Users/me/src/w/target/release/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog", Some(BuildFolder)),
            ("/Users/me/src/w/target/aarch64-apple-darwin/release/bridge-watchdog", Some(BuildFolder)),
            ("/Users/me/src/w/target/debug/examples/test-watchdog", Some(BuildFolder)),
            ("/build/cache/release/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog", Some(BuildFolder)),
            ("/Users/me/.cargo/bin/bridge-watchdog", Some(NoBundle)),
            ("/usr/local/bin/bridge-watchdog", Some(NoBundle)),
            ("/Applications/Bridge Watchdog.app/bridge-watchdog", Some(NoBundle)),
            ("/Applications/Bridge Watchdog.app/Contents/Resources/bridge-watchdog", Some(NoBundle)),
            ("/Applications/Bridge Watchdog/Contents/MacOS/bridge-watchdog", Some(NoBundle)),
            ("bridge-watchdog", Some(NoBundle)),
        ];
        for (program, expected) in rows {
            assert_eq!(on_a_mac(Path::new(program)), expected, "{program}");
        }
    }

    #[test]
    fn a_build_folder_is_cargos_and_nothing_else() {
        let rows = [
            ("/home/me/w/target/debug/bridge-watchdog", true),
            ("/home/me/w/target/x86_64-unknown-linux-gnu/release/bridge-watchdog", true),
            ("/home/me/.local/bin/bridge-watchdog", false),
            ("/usr/bin/bridge-watchdog", false),
            ("/home/me/release/bridge-watchdog", false),
            ("/home/target/bin/debug/bridge-watchdog", true),
            ("/home/target/a/b/debug/bridge-watchdog", false),
            ("/", false),
        ];
        for (program, expected) in rows {
            assert_eq!(is_in_a_build_folder(Path::new(program)), expected, "{program}");
        }
    }
}
