//! What a unit's files set: `Environment=` and `EnvironmentFile=` of the unit and its drop-ins (systemd.exec(5)). The
//! manager knows better; this is for when it can't be asked.

use std::path::{Path, PathBuf};

use super::Values;
use crate::system::files;

/// Of a unit with these files; `home` is what `%h` stands for.
pub fn values(files: &[PathBuf], home: &Path) -> Values {
    files.iter().flat_map(|path| files::readings(path)).flat_map(|text| of_text(&text, home)).collect()
}

fn of_text(text: &str, home: &Path) -> Values {
    // A backslash at the end of a line joins the next one to it.
    let text = text.replace("\\\n", " ");
    let mut values = Values::new();
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let value = value.trim().replace("%%", "\0").replace("%h", &home.to_string_lossy()).replace('\0', "%");
        match key.trim() {
            "Environment" => values.extend(assignments(&value)),
            "EnvironmentFile" => values.extend(environment_files(Path::new(value.trim_start_matches('-')))),
            _ => {}
        }
    }
    values
}

/// `A=1 "B=two words" C='3'`: systemd's words (systemd.syntax(7)), quoted as a whole or in part.
pub fn assignments(line: &str) -> Values {
    let words = words(line);
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The words of a line, without their quotes.
pub fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let word = words.last_mut().expect("there is always one");
        match c {
            '\\' => word.extend(chars.next().map(|c| match c {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                's' => ' ',
                other => other,
            })),
            '"' | '\'' if quote.is_none() => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            _ if c.is_whitespace() && quote.is_none() => words.push(String::new()),
            _ => word.push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// As systemd reads it: a variable a line, comments with `#` or `;`, values in quotes over several lines, a backslash
/// that joins two lines. The path may be a pattern (glob(7)). Empty if there is none, as with `EnvironmentFile=-`.
pub fn environment_files(pattern: &Path) -> Values {
    let texts = paths(pattern).into_iter().flat_map(|path| files::readings(&path));
    texts.flat_map(|text| variables(&text)).collect()
}

/// The paths that a pattern names, in the order of their names.
fn paths(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern {
        let part = part.to_string_lossy();
        if !part.contains(['*', '?', '[']) {
            for path in &mut found {
                path.push(&*part);
            }
            continue;
        }
        let entries = found.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
        let matching = entries.filter(|entry| is_like(&entry.file_name().to_string_lossy(), &part));
        found = matching.map(|entry| entry.path()).collect();
        found.sort();
    }
    found
}

/// Whatever a set in brackets says, it stands for one character here: to hide a little more does no harm.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return name.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    if first == '*' {
        return name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| is_like(&name[at..], rest));
    }
    let Some(c) = name.chars().next() else { return false };
    // The set has one character at least, which may be a closing bracket.
    let set = (first == '[').then(|| rest.chars().next().and_then(|c| rest[c.len_utf8()..].split_once(']'))).flatten();
    match set {
        Some((_, after)) => is_like(&name[c.len_utf8()..], after),
        None => (first == '?' || first == c) && is_like(&name[c.len_utf8()..], rest),
    }
}

fn variables(text: &str) -> Values {
    let mut values = Values::new();
    let mut rest = text;
    while !rest.is_empty() {
        let line = rest.split('\n').next().unwrap_or_default();
        let begin = line.trim_start();
        let Some((name, _)) = begin.split_once('=').filter(|_| !begin.starts_with(['#', ';'])) else {
            rest = &rest[(line.len() + 1).min(rest.len())..];
            continue;
        };
        let at = rest.find('=').map_or(rest.len(), |at| at + 1);
        let (value, length) = value(&rest[at..]);
        values.push((name.trim().to_owned(), value));
        rest = &rest[at + length..];
    }
    values
}

/// The value that the text begins with, and how long it is with the end of its line.
fn value(text: &str) -> (String, usize) {
    let (mut value, mut quote) = (String::new(), None);
    // The length without blanks at the end, which count in quotes only.
    let mut solid = 0;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            ('\n', None) => {
                value.truncate(solid);
                return (value, at + 1);
            }
            ('\\', None | Some('"')) => match chars.next() {
                Some((_, '\n')) | None => continue,
                Some((_, escaped)) => {
                    if quote.is_some() && !"\"\\`$".contains(escaped) {
                        value.push('\\');
                    }
                    value.push(escaped);
                }
            },
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(mark)) if c == mark => quote = None,
            (c, None) if c.is_whitespace() && value.is_empty() => continue,
            (c, None) if c.is_whitespace() => {
                value.push(c);
                continue;
            }
            (c, _) => value.push(c),
        }
        solid = value.len();
    }
    value.truncate(solid);
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_line_of_a_unit_has_several_assignments() {
        let rows: [(&str, &[(&str, &str)]); 7] = [
            ("A=1 B=2", &[("A", "1"), ("B", "2")]),
            ("\"A=one two\" 'B=three four'", &[("A", "one two"), ("B", "three four")]),
            ("A=\"one two\" B='x'", &[("A", "one two"), ("B", "x")]),
            ("A=one\\ two", &[("A", "one two")]),
            ("\"A=never closed", &[("A", "never closed")]),
            ("\"A=it's \\\"so\\\"\" B=x", &[("A", "it's \"so\""), ("B", "x")]),
            ("  A  ", &[]),
        ];
        for (line, expected) in rows {
            assert_eq!(assignments(line), pairs(expected), "{line}");
        }
    }

    /// Twins of R21a: other ways to write it.
    #[test]
    fn r21a_an_environment_file_is_read_as_systemd_reads_it() {
        let rows: [(&str, &[(&str, &str)]); 9] = [
            ("A=1\nB=2\n", &[("A", "1"), ("B", "2")]),
            ("# A=1\n; B=2\n\nno variable\nC=3", &[("C", "3")]),
            ("A = one two  \nB=\"  kept  \"\n", &[("A", "one two"), ("B", "  kept  ")]),
            ("A=\"one\ntwo\"\nB='x\ny'\n", &[("A", "one\ntwo"), ("B", "x\ny")]),
            ("A=one \\\ntwo\nB=2", &[("A", "one two"), ("B", "2")]),
            ("A=\"q\\\"q \\x\" B=2\n", &[("A", "q\"q \\x B=2")]),
            ("A=a'b c'd\n", &[("A", "ab cd")]),
            ("A='never closed\nB=2", &[("A", "never closed\nB=2")]),
            ("A=\nB=2", &[("A", ""), ("B", "2")]),
        ];
        for (text, expected) in rows {
            assert_eq!(variables(text), pairs(expected), "{text:?}");
        }
    }

    #[test]
    fn r21a_a_path_may_be_a_pattern() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["envs/b.env", "envs/a.env", "envs/a.txt", "more/c1.env", "[x].env"] {
            std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(path), format!("OF={path}\n")).unwrap();
        }
        let rows: [(&str, &[&str]); 9] = [
            ("envs/*.env", &["envs/a.env", "envs/b.env"]),
            ("envs/a.*", &["envs/a.env", "envs/a.txt"]),
            ("envs/?.env", &["envs/a.env", "envs/b.env"]),
            ("more/c[0-9].env", &["more/c1.env"]),
            ("*/*.env", &["envs/a.env", "envs/b.env", "more/c1.env"]),
            ("envs/*.*v", &["envs/a.env", "envs/b.env"]),
            ("envs/*.conf", &[]),
            ("envs/a.env", &["envs/a.env"]),
            ("gone/*", &[]),
        ];
        for (pattern, expected) in rows {
            let values = environment_files(&folder.path().join(pattern));
            assert_eq!(
                values,
                expected.iter().map(|path| ("OF".into(), (*path).into())).collect::<Values>(),
                "{pattern}"
            );
        }
    }

    #[test]
    fn r21a_a_unit_has_specifiers_continued_lines_and_files_that_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.env"), b"# gr\xfc\xdfe\nF=of the file\n").unwrap();
        let unit =
            "[Service]\nEnvironment = A=50%%off \\\n  B=2\nEnvironmentFile=-/nowhere\nEnvironmentFile=%h/x.env\n";
        std::fs::write(folder.path().join("x.service"), unit).unwrap();
        let expected = pairs(&[("A", "50%off"), ("B", "2"), ("F", "of the file"), ("F", "of the file")]);
        assert_eq!(values(&[folder.path().join("x.service")], folder.path()), expected);
    }
}
