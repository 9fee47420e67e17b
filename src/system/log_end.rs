//! The end of a log, for alerts: the last lines often say why the bridge is down.

use std::path::Path;

use super::log::{open, read_from};
use crate::error_line;
use crate::foreign_text::Lines;
use crate::log_line;
use crate::log_parts::Level;
use crate::secrets::Secrets;

/// This much of the end of a file is read.
const READ: u64 = 16 << 10;

/// The last `count` lines of a file without secrets, long ones without their middle; empty if it can't be read. The
/// cost does not grow with the file.
pub fn of(path: &Path, count: usize, secrets: &Secrets) -> Vec<String> {
    let Ok(Some((file, meta))) = open(path) else { return Vec::new() };
    let from = meta.len().saturating_sub(READ);
    let text = read_from(&file, from, meta.len());
    // The first line read may be half a line, in which half a secret would not be recognised, so it is dropped; unless
    // it is the only one, and then its end is shown.
    let (first, rest) = if from > 0 { text.split_once('\n').unwrap_or((&text, "")) } else { ("", text.as_str()) };
    let lines: Vec<&str> = rest.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() && !first.is_empty() {
        return vec![format!("…{}", last_chars(&secrets.readable(first, Lines::Join), AFTER))];
    }
    let shown = |line: &&str| shortened(&secrets.readable(line, Lines::Join));
    lines[lines.len().saturating_sub(count)..].iter().map(shown).collect()
}

/// The newest error of these logs: the last line of a traceback, or one of a logger at level ERROR or above. The log that was
/// written last goes first.
pub fn last_error(logs: &[&Path], secrets: &Secrets) -> Option<String> {
    /// A traceback and some lines after it.
    const LINES: usize = 60;
    let mut logs: Vec<&Path> = logs.to_vec();
    let written = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    logs.sort_by_key(|path| std::cmp::Reverse(written(path)));
    let severe = |line: &str| log_line::parse(line).is_some_and(|line| line.level >= Some(Level::Error));
    let is_error = |line: &String| error_line::is_error(line) || severe(line);
    logs.into_iter().find_map(|path| of(path, LINES, secrets).into_iter().rfind(is_error))
}

/// This much of a long line is shown: its beginning (when and where) and its end (the exception, in JSON too).
const BEFORE: usize = 120;
const AFTER: usize = 280;

fn shortened(line: &str) -> String {
    if line.chars().count() <= BEFORE + AFTER {
        return line.to_owned();
    }
    format!("{} … {}", line.chars().take(BEFORE).collect::<String>(), last_chars(line, AFTER))
}

fn last_chars(line: &str, count: usize) -> &str {
    line.char_indices().rev().nth(count - 1).map_or(line, |(at, _)| &line[at..])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_end_of_a_log_keeps_the_end_of_each_line_and_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.log");
        let secrets = Secrets::new([("A".to_owned(), "hunter-two".to_owned())], &[]);
        let json = |n: u32| {
            let filler = "x ".repeat(200);
            format!("{{\"n\": {n}, \"msg\": \"{filler} hunter-two {filler}\", \"exc\": \"KeyError: {n}\"}}\n")
        };
        fs::write(&path, (0..100).map(json).collect::<String>()).unwrap();
        let lines = of(&path, 15, &secrets);
        assert_eq!(lines.len(), 15);
        for (line, n) in lines.iter().zip(85..) {
            assert!(line.starts_with(&format!("{{\"n\": {n}, \"msg\"")), "{line}");
            assert!(line.ends_with(&format!("\"exc\": \"KeyError: {n}\"}}")), "{line}");
            assert!(line.chars().count() < 410, "{line}");
        }
        // The secret is where a cut may be.
        for width in 100..140 {
            fs::write(&path, format!("{}hunter-two{}", "x ".repeat(width / 2), "y".repeat(400))).unwrap();
            let line = of(&path, 15, &secrets).concat();
            assert!(!line.contains("hunt") && !line.contains("-two"), "{line}");
        }
        fs::write(&path, format!("{}KeyError: the only line", "x".repeat(1 << 20))).unwrap();
        assert!(of(&path, 15, &secrets)[0].ends_with("xKeyError: the only line"));
    }
}
