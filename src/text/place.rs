//! Why `install` does not point an agent to where the program is now, and what to do about it. Pure.

use std::path::Path;

use crate::install::Misplaced;

/// One sentence: the place, the reason, the mend.
pub fn misplaced(why: Misplaced, program: &Path) -> String {
    let program = super::foreign(&program.to_string_lossy());
    let app = "'/Applications/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog' install";
    let moved = format!(
        "in the Finder move Bridge Watchdog.app into the Applications folder, open it there once, then run: {app}"
    );
    match why {
        Misplaced::Translocated => {
            format!(
                "macOS runs this app from a temporary copy ({program}), as it does until a download is moved; {moved}"
            )
        }
        Misplaced::OtherVolume => {
            format!("{program} is on a disk image or another disk, which may be missing at the next login; {moved}")
        }
        Misplaced::BuildFolder => format!(
            "{program} is in a build folder, which 'cargo clean' removes; run 'make install' in the source folder: it \
             puts the app into the Applications folder"
        ),
        Misplaced::NoBundle => {
            format!(
                "{program} is in no app, so macOS would show none of its notifications; {moved} (from source: make install)"
            )
        }
    }
}

/// On Linux such a unit works, but not for long.
pub fn in_a_build_folder(program: &Path) -> String {
    let program = super::foreign(&program.to_string_lossy());
    format!("note: {program} is in a build folder, which 'cargo clean' removes; for a lasting place: make install")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_names_the_program_and_its_mend() {
        let program = Path::new("/Users/me/src/w/bridge-watchdog");
        for why in [Misplaced::Translocated, Misplaced::OtherVolume, Misplaced::BuildFolder, Misplaced::NoBundle] {
            let text = misplaced(why, program);
            assert!(text.contains("/Users/me/src/w/bridge-watchdog"), "{text}");
            let moves = text.contains("move Bridge Watchdog.app into the Applications folder, open it there once");
            assert_eq!(moves, why != Misplaced::BuildFolder, "{text}");
            assert_eq!(text.contains("make install"), !matches!(why, Misplaced::Translocated | Misplaced::OtherVolume));
        }
    }
}
