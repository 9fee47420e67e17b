//! Our own log: plain text, a line before each act that says what, to whom and why. Rotated, so that it can't fill the
//! disk of a machine without anybody at it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::Sender;

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};

use crate::contract;
use crate::foreign_text::Lines;
use crate::secrets::Secrets;
use crate::system::{clock, files, output};
use crate::text::time::at_second;
use crate::verdict::State;

/// A megabyte is months of acts.
const SIZE: usize = 1 << 20;
const KEPT: usize = 3;

/// A line, and the state of the bridge that it says.
pub struct Noted {
    pub line: String,
    pub state: Option<State>,
}

pub struct Journal {
    path: PathBuf,
    file: Mutex<Option<FileRotate<AppendCount>>>,
    /// Also writes to standard error, so that a watch in the foreground shows what it does.
    to_stderr: bool,
    heard_by: Option<Sender<Noted>>,
    secrets: Secrets,
}

impl Journal {
    /// The journal of one checkout; nothing is created before the first line.
    pub fn new(state: &Path, secrets: Secrets, to_stderr: bool) -> Journal {
        Journal { path: state.join(contract::JOURNAL), file: Mutex::new(None), to_stderr, heard_by: None, secrets }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends each line to this channel as well.
    pub fn also_to(&mut self, hear: Sender<Noted>) {
        self.heard_by = Some(hear);
    }

    /// Writes one line, without secrets and without what a terminal obeys. If the journal can't be written, recovery goes on.
    pub fn note(&self, line: &str) {
        self.write(line, None);
    }

    /// The same for a line that says that this is the state now.
    pub fn note_state(&self, state: State, line: &str) {
        self.write(line, Some(state));
    }

    fn write(&self, line: &str, state: Option<State>) {
        let now = clock::now();
        let line = self.secrets.readable(line, Lines::Keep).replace('\n', " | ");
        let text = format!("{} {line}", at_second(now.wall, now.zone));
        if self.to_stderr {
            output::journal_line(&text, state);
        }
        if let Some(hear) = &self.heard_by {
            let _ = hear.send(Noted { line, state });
        }
        let Ok(mut file) = self.file.lock() else { return };
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        if file.is_none() && files::make_state_folder(folder).is_ok() && openable(&self.path) {
            // The crate panics if the file can't be opened, so that is tested before.
            *file = Some(FileRotate::new(
                &self.path,
                AppendCount::new(KEPT),
                ContentLimit::BytesSurpassed(SIZE),
                Compression::None,
                Some(options()),
            ));
        }
        if let Some(file) = file.as_mut() {
            let _ = writeln!(file, "{text}");
        }
    }
}

fn openable(path: &Path) -> bool {
    files::remove_link(path);
    options().open(path).is_ok_and(|file| file.metadata().is_ok_and(|meta| meta.is_file()))
}

/// It has pids, paths and text of other programs, so no other user may read it.
fn options() -> OpenOptions {
    let mut options = files::ours();
    options.append(true);
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_journal_is_ours_to_read_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let journal = Journal::new(&state, Secrets::default(), false);
        journal.note("act: nothing");
        for (path, expected) in [(state.as_path(), 0o700), (journal.path(), 0o600)] {
            let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, expected, "{}", path.display());
        }
        assert!(std::fs::read_to_string(journal.path()).unwrap().ends_with(" act: nothing\n"));
        // A link in its place, and one that others could read.
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        std::fs::remove_file(journal.path()).unwrap();
        std::os::unix::fs::symlink(&victim, journal.path()).unwrap();
        let journal = Journal::new(&state, Secrets::default(), false);
        journal.note("colours \x1b[31mand\x1b[0m\nlines");
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        assert!(std::fs::read_to_string(journal.path()).unwrap().ends_with(" colours and | lines\n"));
        std::fs::set_permissions(journal.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        Journal::new(&state, Secrets::default(), false).note("again");
        assert_eq!(std::fs::metadata(journal.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
