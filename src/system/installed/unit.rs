//! What a unit starts, by its files: a later one adds to an earlier one, and an empty value takes back what stood before
//! (systemd.unit(5), systemd.syntax(7)).

use std::path::{Path, PathBuf};

use super::{file, job};
use crate::manager::Manager;
use crate::setup::jobs::Job;
use crate::system::env::unit_files::words;

/// `None` where nothing is started.
pub fn unit(label: &str, texts: &[String], home: &Path) -> Option<Job> {
    let lines: Vec<(String, String)> = texts.iter().flat_map(|text| of_service(text)).collect();
    let specified = |key: &str| {
        let value = lines.iter().rfind(|(name, _)| name == key).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty()).map(|value| specified(value, label, home))
    };
    // A path with a specifier that is not known here is none.
    let value = |key: &str| specified(key).filter(|(_, whole)| *whole).map(|(value, _)| value);
    // Before the program there may be marks (systemd.service(5)).
    let (started, _) = specified("ExecStart")?;
    let program = words(started.trim_start_matches(['@', '-', ':', '+', '!'])).into_iter();
    let program = program.map(|word| word.replace("$$", "$")).collect();
    let folder = value("WorkingDirectory").map(|folder| folder.trim_start_matches('-').to_owned());
    let folder = folder.map(|folder| if folder == "~" { home.to_owned() } else { PathBuf::from(folder) });
    let file = |key| file(output(&value(key)?));
    let (log, error_log) = (file("StandardOutput"), file("StandardError"));
    Some(Job { log, error_log, ..job(Manager::Systemd, label.to_owned(), program, folder) })
}

/// The file to which an output goes, if it is one.
fn output(value: &str) -> Option<PathBuf> {
    ["append:", "file:", "truncate:"].iter().find_map(|kind| value.strip_prefix(kind)).map(PathBuf::from)
}

/// The keys and values of `[Service]`. A backslash at the end of a line joins the next one to it; a comment in between is
/// left out.
fn of_service(text: &str) -> Vec<(String, String)> {
    let (mut lines, mut inside, mut whole) = (Vec::new(), false, String::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        whole.push_str(line.strip_suffix('\\').unwrap_or(line));
        if line.ends_with('\\') {
            whole.push(' ');
            continue;
        }
        let line = std::mem::take(&mut whole);
        if line.starts_with('[') {
            inside = line == "[Service]";
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside) {
            lines.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    lines
}

/// With the specifiers that name the person's home folder and the unit. Any other one stays as it is; then it is not whole.
fn specified(value: &str, label: &str, home: &Path) -> (String, bool) {
    let (prefix, instance) = label.split_once('@').unwrap_or((label, ""));
    let (mut text, mut whole) = (String::new(), true);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let letter = if c == '%' { chars.clone().next() } else { None };
        match letter {
            Some('%') => text.push('%'),
            Some('h') => text.push_str(&home.to_string_lossy()),
            Some('i') => text.push_str(instance),
            Some('I') => text.push_str(&unescaped(instance)),
            Some('p') => text.push_str(prefix),
            Some('N') => text.push_str(label),
            Some('n') => text.push_str(&format!("{label}.service")),
            _ => {
                text.push(c);
                whole &= c != '%';
                continue;
            }
        }
        chars.next();
    }
    (text, whole)
}

/// A dash of an instance's name stands for a slash, `\x2d` for a dash (systemd-escape(1)).
fn unescaped(instance: &str) -> String {
    let bytes = instance.replace('-', "/");
    let mut parts = bytes.split("\\x");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => text.push_str(&format!("{}{}", char::from(code), &part[2..])),
            None => text.push_str(&format!("\\x{part}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_unit_is_read_as_systemd_reads_it() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        std::fs::create_dir_all(home.join("src/ai/.git")).unwrap();
        let own = "[Service]\nWorkingDirectory=%h/src/ai\nExecStart=-\"%h/src/ai/run me\" 100%% $$x\nStandardOutput=append:%h/src/ai/out.log\nStandardError=journal\n";
        let job = unit("x", &texts(&[own]), &home).unwrap();
        let program = [home.join("src/ai/run me").to_str().unwrap().to_owned(), "100%".into(), "$x".into()];
        assert_eq!((job.label.as_str(), job.program.as_slice()), ("x", &program[..]));
        assert_eq!((job.log, job.error_log), (Some(home.join("src/ai/out.log")), None));
        assert_eq!(job.checkout, Some(home.join("src/ai")));
    }

    #[test]
    fn a_drop_in_replaces_what_it_names_and_no_more() {
        let own = "[Unit]\nDescription=x\n[Service]\nExecStart=python3 old.py\nWorkingDirectory=/a\nStandardOutput=append:/a/old.log\n[Install]\nExecStart=no\n";
        type Row<'a> = (&'a [&'a str], Option<(&'a [&'a str], Option<&'a str>, Option<&'a str>)>);
        let rows: [Row; 7] = [
            (&[own], Some((&["python3", "old.py"], Some("/a"), Some("/a/old.log")))),
            (
                &[own, "[Service]\nExecStart=\nExecStart=python3 new.py\n"],
                Some((&["python3", "new.py"], Some("/a"), Some("/a/old.log"))),
            ),
            (
                &[own, "[Service]\nStandardOutput=append:/b/new.log\n", "[Service]\nWorkingDirectory=-/b\n"],
                Some((&["python3", "old.py"], Some("/b"), Some("/b/new.log"))),
            ),
            (
                &[own, "[Service]\nWorkingDirectory=\n", "[Service]\nStandardOutput=journal\n"],
                Some((&["python3", "old.py"], None, None)),
            ),
            (&[own, "[Service]\nExecStart=\n"], None),
            (
                &[own, "[Unit]\nExecStart=no\n# ExecStart=no\n"],
                Some((&["python3", "old.py"], Some("/a"), Some("/a/old.log"))),
            ),
            (
                &["[Service]\nExecStart=/usr/bin/env python3 -u \\\n # why\n  bridge.py --name %i\\\n -x\n"],
                Some((&["/usr/bin/env", "python3", "-u", "bridge.py", "--name", "a-b", "-x"], None, None)),
            ),
        ];
        for (files, expected) in rows {
            let job = unit("bot@a-b", &texts(files), Path::new("/home/me"));
            let found = job.as_ref().map(|job| {
                let words: Vec<&str> = job.program.iter().map(String::as_str).collect();
                (words, job.folder.as_deref(), job.log.as_deref())
            });
            let expected =
                expected.map(|(words, folder, log)| (words.to_vec(), folder.map(Path::new), log.map(Path::new)));
            assert_eq!(found, expected, "{files:?}");
        }
    }

    #[test]
    fn the_specifiers_of_an_instance_are_resolved() {
        let rows = [
            ("%h/%i %I %p %n %N %% %%i", "/home/me/a-b\\x2dc a/b-c bot bot@a-b\\x2dc.service bot@a-b\\x2dc % %i", true),
            ("%t/x", "%t/x", false),
            ("100%", "100%", false),
        ];
        for (value, expected, whole) in rows {
            assert_eq!(specified(value, "bot@a-b\\x2dc", Path::new("/home/me")), (expected.to_owned(), whole));
        }
    }
}
