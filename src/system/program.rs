//! The paths of programs: our own, and the bridge's.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command;
use crate::facts::MissingProgram;

/// The file that this process runs, without symbolic links: a command line that is linked into a folder of the PATH
/// still finds the app beside its real file, and its bundle. (Linux resolves links by itself.)
///
/// # Errors
/// If the platform can't say.
pub fn ours() -> Result<PathBuf, String> {
    let path = std::env::current_exe().map_err(|error| format!("our own path can't be found: {error}"))?;
    Ok(real(&path))
}

/// A program of ours, in the folder of the one that runs. It may not exist.
///
/// # Errors
/// As [`ours`].
pub fn beside(name: &str) -> Result<PathBuf, String> {
    Ok(ours()?.with_file_name(name))
}

/// What a program of ours says its version is; `None` if it says none in time.
pub fn version(program: &Path, limit: Duration) -> Option<String> {
    let said = command::run(program, &["--version"], limit).ok().filter(|said| said.code == Some(0))?;
    said.stdout.split_whitespace().last().map(str::to_owned)
}

/// What is missing of the bridge's program, so that nobody can start it: often the link of a virtual environment whose
/// target an upgrade of the interpreter has removed. A bare name is looked up by the manager, so it is not known here.
pub fn missing(root: &Path, program: &str) -> Option<MissingProgram> {
    /// Linux reads no more of a script's first line.
    const FIRST_LINE: u64 = 256;
    if !program.contains('/') {
        return None;
    }
    let path = root.join(program);
    if let Some(missing) = nothing_at(&path, program) {
        return Some(missing);
    }
    let mut begin = Vec::new();
    File::open(&path).ok()?.take(FIRST_LINE).read_to_end(&mut begin).ok()?;
    let line = std::str::from_utf8(begin.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?).ok()?;
    let interpreter = line.split_whitespace().next().filter(|interpreter| interpreter.starts_with('/'))?;
    let gone = nothing_at(Path::new(interpreter), interpreter).is_some();
    gone.then(|| MissingProgram::NoInterpreter { script: program.to_owned(), interpreter: interpreter.to_owned() })
}

fn nothing_at(path: &Path, shown: &str) -> Option<MissingProgram> {
    // What may not be looked at is not known to be missing.
    if path.try_exists().unwrap_or(true) {
        return None;
    }
    let shown = shown.to_owned();
    Some(match path.read_link() {
        Ok(target) => MissingProgram::LinkToNowhere { path: shown, target: target.display().to_string() },
        Err(_) => MissingProgram::Absent(shown),
    })
}

/// A path that can't be resolved (the file was replaced while we run) is returned as it is.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r12_what_is_missing_of_a_program_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::os::unix::fs::symlink("/gone/python3.12", root.join("python")).unwrap();
        std::os::unix::fs::symlink("/bin/sh", root.join("sh")).unwrap();
        std::os::unix::fs::symlink(root.join("turns"), root.join("turns")).unwrap();
        std::fs::write(root.join("uvicorn"), "#!/gone/venv/bin/python\nimport sys\n").unwrap();
        std::fs::write(root.join("good"), "#!/bin/sh -e\nexit 0\n").unwrap();
        std::fs::write(root.join("by-name"), "#!/usr/bin/env python3\n").unwrap();
        std::fs::write(root.join("binary"), b"\x7fELF\xff\xfe").unwrap();
        let link = MissingProgram::LinkToNowhere { path: "./python".into(), target: "/gone/python3.12".into() };
        let script =
            MissingProgram::NoInterpreter { script: "./uvicorn".into(), interpreter: "/gone/venv/bin/python".into() };
        let rows = [
            ("./python", Some(link)),
            ("./gone", Some(MissingProgram::Absent("./gone".into()))),
            ("./uvicorn", Some(script)),
            ("./sh", None),
            ("./turns", None),
            ("./good", None),
            ("./by-name", None),
            ("./binary", None),
            (".", None),
            ("python3-that-is-found-by-its-name", None),
        ];
        for (program, expected) in rows {
            assert_eq!(missing(root, program), expected, "{program}");
        }
    }

    #[test]
    fn a_linked_command_line_lies_where_its_file_does() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let macos = folder.join("Bridge Watchdog.app/Contents/MacOS");
        std::fs::create_dir_all(&macos).unwrap();
        std::fs::write(macos.join("bridge-watchdog"), "").unwrap();
        let link = folder.join("bridge-watchdog");
        std::os::unix::fs::symlink(macos.join("bridge-watchdog"), &link).unwrap();
        assert_eq!(real(&link), macos.join("bridge-watchdog"));
        assert_eq!(real(&folder.join("gone")), folder.join("gone"));
    }
}
