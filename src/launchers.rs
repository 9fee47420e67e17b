//! What a program says that was to start the bridge and failed: a shell, git, a container, an environment's manager. Pure.
//! It stands on a line of its own, without a logger's prefix; no line of the bridge ever ran.

use std::path::Path;

use crate::facts::Class;
use crate::log_parts::is_number;

/// What an end with this last line says: that the bridge could not be started, or that a network was missing for it.
pub fn failed(line: &str) -> Option<Class> {
    if is_git(line) {
        let network = ["unable to access", "Could not resolve host", "Could not read from remote", "Connection"];
        return Some(if network.iter().any(|words| line.contains(words)) { Class::Network } else { Class::Start });
    }
    if is_killed(line) {
        return None;
    }
    let begins = BEGINNINGS.iter().any(|beginning| line.starts_with(beginning));
    (begins || is_op(line) || is_shell(line) || is_zsh(line) || is_tool(line)).then_some(Class::Start)
}

/// What a shell says of a child that a signal ended: `Killed` (dash), `start.sh: line 3: 12345 Killed …` (bash), `Killed: 9`
/// (macOS).
pub fn is_killed(line: &str) -> bool {
    let killed = |words: &str| {
        words.strip_prefix("Killed").is_some_and(|rest| rest.is_empty() || rest.starts_with(' ') || rest == ": 9")
    };
    let by_bash = || {
        let (before, words) = line.split_once(" Killed")?;
        let (place, pid) = before.trim_end().rsplit_once(": ")?;
        Some(is_number(pid.trim()) && is_shell(&format!("{place}: {pid}")) && !words.starts_with(char::is_alphanumeric))
    };
    (killed(line) && !line.contains(' ')) || line == "Killed: 9" || by_bash() == Some(true)
}

/// 1Password's `op`, which begins its errors as a logger does.
pub fn is_op(line: &str) -> bool {
    let rest = line.strip_prefix("[ERROR] 20").unwrap_or_default();
    rest.contains(" op://")
        || rest.contains("\"op://")
        || rest.contains("1Password")
        || rest.contains("not currently signed in")
}

/// Of programs that put another one into its place: containers, environments of Python, terminals without one.
const BEGINNINGS: [&str; 42] = [
    "error: The following untracked working tree files",
    "xcrun: ",
    "xcode-select: ",
    "arch: ",
    "security: ",
    "npm ERR!",
    "npm error",
    "The currently activated Python version ",
    "Current Python version (",
    "Failed to get the data key required to decrypt the SOPS file",
    "Error getting data key: ",
    "Error: statfs ",
    "Error: crun: ",
    "Error: runc: ",
    "Error: OCI runtime ",
    "Error: creating container ",
    "Error response from daemon: ",
    "Cannot connect to the Docker daemon",
    "docker: ",
    "Error: No such container",
    "Error: no container with name",
    "Error: cannot connect to Podman",
    "EnvironmentLocationNotFound: ",
    "EnvironmentNameNotFound: ",
    "CondaError: ",
    "Poetry could not find a pyproject.toml",
    "pyenv: ",
    "asdf: ",
    "mise ERROR ",
    "No version is set for command ",
    "error: Failed to ",
    "error: No virtual environment found",
    "error: No interpreter found",
    "duplicate session: ",
    "no server running on ",
    "error connecting to /",
    "sudo: ",
    "direnv: ",
    "exec: ",
    "nohup: ",
    "env: ",
    "ssh: ",
];

/// `fatal:` is git's own, and of its errors the one that a `git pull` in a start script meets.
fn is_git(line: &str) -> bool {
    line.starts_with("fatal: ") || line.starts_with("error: Your local changes to the following files")
}

const LINE: [&str; 8] = ["line", "Zeile", "ligne", "línea", "linha", "riga", "regel", "строка"];

/// A shell's own error: `start.sh: line 3: …` (bash), `sh: 1: …` (dash).
fn is_shell(line: &str) -> bool {
    let mut parts = line.split(": ");
    let (Some(name), Some(place), Some(_)) = (parts.next(), parts.next(), parts.next()) else { return false };
    // bash's word for a line, in the language of the machine; in French a blank stands before a colon.
    let place = place.trim_end();
    let number = place.split_once(' ').filter(|(word, _)| LINE.contains(word)).map_or(place, |(_, number)| number);
    is_program(name) && is_number(number.trim())
}

/// `start.sh:cd:3: …`. Python's warnings have this form, with other words.
fn is_zsh(line: &str) -> bool {
    let words = ["command not found: ", "no such file or directory: ", "permission denied: "];
    let Some((place, rest)) = line.split_once(": ") else { return false };
    words.iter().any(|word| rest.starts_with(word)) && place.contains(':')
}

/// `cat: /x: No such file or directory`: a program's name, and at the end the system's words for what went wrong.
fn is_tool(line: &str) -> bool {
    const WORDS: [&str; 11] = [
        "Datei oder Verzeichnis nicht gefunden",
        "Keine Berechtigung",
        "Aucun fichier ou dossier de ce type",
        "Permission non accordée",
        "No such file or directory",
        "Permission denied",
        "Operation not permitted",
        "Read-only file system",
        "Device not configured",
        "Not a directory",
        "command not found",
    ];
    let Some((name, rest)) = line.split_once(": ") else { return false };
    is_program(name) && !rest.contains("[Errno ") && WORDS.iter().any(|words| rest.ends_with(words))
}

/// One word as programs are named, and no class of an exception.
fn is_program(name: &str) -> bool {
    let end = name.rsplit('/').next().unwrap_or_default();
    let word = !end.is_empty() && !name.contains(char::is_whitespace);
    word && Path::new(end).extension().is_none_or(|extension| extension != "py")
        && !["Error", "Exception", "Warning", "ERROR", "WARNING", "INFO"].iter().any(|class| end.ends_with(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_says_that_a_child_was_killed() {
        let rows = [
            ("Killed", true),
            ("Killed: 9", true),
            ("start.sh: line 3: 12345 Killed                  .venv/bin/python bridge.py", true),
            ("/opt/start.sh: line 3: 12345 Killed: 9               python", true),
            ("start.sh: Zeile 3: 12345 Killed  python", true),
            ("Killed by Ann", false),
            ("Ann: 12345 Killed", false),
            ("start.sh: line 3: 12345 Segmentation fault  python", false),
            ("", false),
        ];
        for (line, expected) in rows {
            assert_eq!(is_killed(line), expected, "{line}");
        }
    }

    #[test]
    fn a_launcher_that_fails_is_known_by_its_words() {
        let (start, network) = (Some(Class::Start), Some(Class::Network));
        let rows = [
            ("fatal: unable to access 'https://x/': Could not resolve host: github.com", network),
            ("fatal: not a git repository (or any of the parent directories): .git", start),
            ("error: Your local changes to the following files would be overwritten by merge:", start),
            ("Error response from daemon: container bridge is not running", start),
            ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?", start),
            ("EnvironmentLocationNotFound: Not a conda environment: /opt/x", start),
            ("Poetry could not find a pyproject.toml file in /x or its parents", start),
            ("pyenv: version `3.12.4' is not installed (set by /x/.python-version)", start),
            ("start.sh: line 3: cd: /Volumes/Data/ai: No such file or directory", start),
            ("/opt/start.sh: line 12: .venv/bin/activate: No such file or directory", start),
            ("sh: 1: cd: can't cd to /x", start),
            ("start.sh:cd:3: no such file or directory: /x", start),
            ("zsh:1: command not found: uv", start),
            ("duplicate session: bridge", start),
            ("error: Failed to initialize cache at `/x`", start),
            ("cat: /run/secrets/token: No such file or directory", start),
            ("start.sh: Zeile 3: cd: /mnt/daten: Datei oder Verzeichnis nicht gefunden", start),
            ("/opt/start.sh: ligne 3: cd: /mnt/x: Aucun fichier ou dossier de ce type", start),
            ("start.sh: ligne 3 : cd: /mnt/x: Aucun fichier", start),
            ("cat: /x: Keine Berechtigung", start),
            ("xcrun: error: invalid active developer path (/Library/Developer/CommandLineTools), missing xcrun", start),
            ("arch: posix_spawnp: .venv/bin/python: Bad CPU type in executable", start),
            ("error: The following untracked working tree files would be overwritten by merge:", start),
            ("Error: statfs /mnt/x: no such file or directory", start),
            ("npm ERR! code ENOENT", start),
            ("The currently activated Python version 3.9.2 is not supported by the project (^3.12).", start),
            ("[ERROR] 2026/11/27 10:00:00 could not read secret 'x': \"op://a/b\" isn't an item", start),
            ("security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain.", start),
            ("Failed to get the data key required to decrypt the SOPS file.", start),
            // Another process ended it.
            ("start.sh: line 3: 12345 Killed                  .venv/bin/python bridge.py", None),
            ("Killed", None),
            // What a bridge says.
            ("Error: no chat", None),
            ("[ERROR] 2026/11/27 10:00:00 no chat", None),
            ("chat: Zeit 3: x", None),
            ("FileNotFoundError: [Errno 2] No such file or directory", None),
            ("PermissionError: Permission denied", None),
            ("bridge/x.py:12: DeprecationWarning: no such file or directory", None),
            ("TELEGRAM_API_ID is not set", None),
            ("error: TELEGRAM_API_ID is not set", None),
            ("the bridge said: line 3: no", None),
            ("ERROR: chat 3: 4: Permission denied", None),
            ("KeyError: 'chat'", None),
            ("", None),
        ];
        for (line, expected) in rows {
            assert_eq!(failed(line), expected, "{line}");
        }
    }
}
