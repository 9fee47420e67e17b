//! Whether a script updates the checkout, and whether it keeps out of a recovery's way. Pure.

use std::path::Path;

use super::machine::{Language, ScriptSeen};

/// `None` for a script that updates nothing: no line of it names git and a pull or a fetch.
pub fn script(path: &Path, text: &str) -> Option<ScriptSeen> {
    let lines = || text.lines().map(words).filter(|words| !words.is_empty());
    let pulls = |words: &Vec<&str>| words.contains(&"git") && (words.contains(&"pull") || words.contains(&"fetch"));
    if !lines().any(|words| pulls(&words)) {
        return None;
    }
    let asks = |words: &Vec<&str>| {
        words.contains(&"recovery-in-progress") || (words.contains(&"bridge-watchdog") && words.contains(&"hold"))
    };
    Some(ScriptSeen { path: path.to_owned(), language: language(path, text), asks: lines().any(|words| asks(&words)) })
}

/// Of a line that is no comment. In a list of a program's arguments too each is a word.
fn words(line: &str) -> Vec<&str> {
    if line.trim_start().starts_with('#') {
        return Vec::new();
    }
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').filter(|word| !word.is_empty()).collect()
}

fn language(path: &Path, text: &str) -> Language {
    let is_shell = |word: &str| ["sh", "bash", "zsh", "dash"].contains(&word);
    match text.lines().next().and_then(|line| line.strip_prefix("#!")) {
        Some(program) if program.split(['/', ' ']).any(is_shell) => Language::Shell { shebang: true },
        None if path.extension().is_some_and(|extension| extension == "sh") => Language::Shell { shebang: false },
        _ => Language::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_updates_is_told_from_one_that_does_not() {
        let (shell, bare) = (Language::Shell { shebang: true }, Language::Shell { shebang: false });
        let ask = "[ -e data/recovery-in-progress ] && exit 75";
        let rows = [
            ("deploy.sh", "#!/bin/sh\ngit pull\n".to_owned(), Some((shell, false))),
            ("deploy.sh", "#!/bin/sh\ngit -C \"$ROOT\" pull --ff-only\n".to_owned(), Some((shell, false))),
            ("deploy.sh", "cd x && git fetch origin\n".to_owned(), Some((bare, false))),
            ("deploy.sh", format!("#!/bin/bash\n{ask}\ngit pull\n"), Some((shell, true))),
            ("deploy.sh", "exec bridge-watchdog hold -- git pull\n".to_owned(), Some((bare, true))),
            ("deploy.sh", "# git pull\nmake\n".to_owned(), None),
            ("deploy.sh", "#!/bin/sh\n# see bridge-watchdog hold\ngit pull\n".to_owned(), Some((shell, false))),
            ("scripts/remote-update", "#!/usr/bin/env bash\nmake\n".to_owned(), None),
            ("scripts/update_changelog.py", "#!/usr/bin/env python3\nprint('digital pull')\n".to_owned(), None),
            (
                "scripts/update.py",
                "#!/usr/bin/env python3\nrun(['git', 'pull'])\n".to_owned(),
                Some((Language::Other, false)),
            ),
        ];
        for (path, text, expected) in rows {
            let found = script(Path::new(path), &text).map(|script| (script.language, script.asks));
            assert_eq!(found, expected, "{path}: {text}");
        }
    }
}
