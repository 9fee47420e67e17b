//! Whether a script updates the checkout, and whether it keeps out of a recovery's way. Pure.

use std::path::Path;

use super::machine::{Language, ScriptSeen};

/// `None` for a script that updates nothing: nothing in it that is done at once names git and a pull or a fetch.
pub fn script(path: &Path, text: &str) -> Option<ScriptSeen> {
    let language = language(path, text);
    let lines: Vec<Vec<String>> = logical_lines(text).iter().map(|line| words(line)).collect();
    let has = |words: &[String], word: &str| words.iter().any(|other| other == word);
    let pulls = |words: &[String]| {
        has(words, "git")
            && (has(words, "pull") || has(words, "fetch") || (has(words, "remote") && has(words, "update")))
    };
    // A list of Python's may have a line for each word.
    let is_shell = matches!(language, Language::Shell { .. });
    let all = lines.concat();
    let mut near = (0..all.len()).map(|at| &all[at..all.len().min(at + REACH)]);
    if !lines.iter().any(|words| pulls(words)) && (is_shell || !near.any(pulls)) {
        return None;
    }
    // Who removes the marker does not ask for it.
    let removes = |words: &[String]| ["rm", "unlink", "remove", "trash"].iter().any(|word| has(words, word));
    let asks = |words: &[String]| {
        (has(words, "recovery-in-progress") && !removes(words)) || (has(words, "bridge-watchdog") && has(words, "hold"))
    };
    Some(ScriptSeen { path: path.to_owned(), language, asks: lines.iter().any(|words| asks(words)) })
}

/// So many words are looked at together: `run(["git", "-C", ROOT, "pull"])`.
const REACH: usize = 4;

/// Without comments, and with the lines that a backslash goes on with.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let line = without_comment(line.trim_end());
        let (bare, more) = line.strip_suffix('\\').map_or((line, false), |bare| (bare, true));
        match lines.last_mut().filter(|_| goes_on) {
            Some(last) => *last += bare,
            None => lines.push(bare.to_owned()),
        }
        goes_on = more;
    }
    lines
}

/// A `#` within a word or in a variable's `${#x}` begins none; one in quotation marks does here, which only hides words.
fn without_comment(line: &str) -> &str {
    let begins = |at: usize| at == 0 || line[..at].ends_with([' ', '\t', ';']);
    line.match_indices('#').map(|(at, _)| at).find(|at| begins(*at)).map_or(line, |at| &line[..at])
}

/// In a list of a program's arguments too each is a word; a variable `GIT` is git.
fn words(line: &str) -> Vec<String> {
    let parts = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn language(path: &Path, text: &str) -> Language {
    let is_shell = |word: &str| ["sh", "bash", "zsh", "dash"].contains(&word);
    let ends = |ending: &str| path.extension().is_some_and(|extension| extension == ending);
    let program = text.lines().next().and_then(|line| line.strip_prefix("#!"));
    let python = program.map_or_else(|| ends("py"), |program| program.contains("python"));
    match program {
        Some(program) if program.split(['/', ' ']).any(is_shell) => Language::Shell { shebang: true },
        None if ends("sh") => Language::Shell { shebang: false },
        // Nothing may stand before such an import.
        _ if python && !text.contains("from __future__") => Language::Python { shebang: program.is_some() },
        _ => Language::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_updates_is_told_from_one_that_does_not() {
        let (shell, bare) = (Language::Shell { shebang: true }, Language::Shell { shebang: false });
        let (python, env) = (Language::Python { shebang: true }, "#!/usr/bin/env python3\n");
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
                "bin/update",
                "git remote update -p\ngit merge --ff-only @{u}\n".to_owned(),
                Some((Language::Other, false)),
            ),
            ("deploy.sh", "#!/bin/sh\ngit -C /x \\\n  pull\n".to_owned(), Some((shell, false))),
            ("deploy.sh", "#!/bin/sh\n$GIT pull\n".to_owned(), Some((shell, false))),
            ("deploy.sh", "#!/bin/sh\ngit status\necho to pull\n".to_owned(), None),
            ("deploy.sh", "#!/bin/sh\nmake # git pull\n".to_owned(), None),
            ("deploy.sh", "#!/bin/sh\ngit pull # no bridge-watchdog hold\n".to_owned(), Some((shell, false))),
            ("deploy.sh", "#!/bin/sh\nrm -f data/recovery-in-progress\ngit pull\n".to_owned(), Some((shell, false))),
            ("scripts/update.py", format!("{env}run(['git', 'pull'])\n"), Some((python, false))),
            ("scripts/update.py", format!("{env}run([\n    \"git\",\n    \"pull\",\n])\n"), Some((python, false))),
            (
                "scripts/update.py",
                format!("{env}MARK = 'recovery-in-progress'\nrun(['git', 'pull'])\n"),
                Some((python, true)),
            ),
            (
                "scripts/update.py",
                format!("{env}from __future__ import annotations\nrun(['git', 'pull'])\n"),
                Some((Language::Other, false)),
            ),
        ];
        for (path, text, expected) in rows {
            let found = script(Path::new(path), &text).map(|script| (script.language, script.asks));
            assert_eq!(found, expected, "{path}: {text}");
        }
    }
}
