//! A script that is run as a program: the kernel starts what its first line names, and the script is an argument of that.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The interpreters that a process of this script may show, by path or by name; none if it is no script. `env` makes way for
/// the program that it looks up, and pip's launcher for an interpreter with a blank in its path, or with a long one, is a
/// shell that makes way for it.
pub fn interpreters(script: &Path) -> Vec<String> {
    /// The kernel reads 256 bytes of the first line, and pip writes a longer path into the second.
    const BEGINNING: u64 = 1024;
    let plain = std::fs::metadata(script).is_ok_and(|meta| meta.is_file());
    let mut begin = Vec::new();
    let read = File::open(script).ok().filter(|_| plain).map(|file| file.take(BEGINNING).read_to_end(&mut begin));
    let text = String::from_utf8_lossy(&begin);
    let (Some(Ok(_)), Some(rest)) = (read, text.strip_prefix("#!")) else { return Vec::new() };
    let mut lines = rest.lines();
    let mut words = lines.next().unwrap_or_default().split_whitespace();
    let Some(first) = words.next() else { return Vec::new() };
    let mut found = vec![first.to_owned()];
    if first.ends_with("/env") {
        found.extend(words.find(|word| !word.starts_with('-') && !word.contains('=')).map(str::to_owned));
    }
    if let Some(command) = lines.next().and_then(|line| line.strip_prefix("'''exec' ")) {
        let quoted = command.strip_prefix('"').and_then(|rest| rest.split('"').next());
        found.extend(quoted.or_else(|| command.split(' ').next()).map(str::to_owned));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_a_script_is_in_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge");
        let rows: [(&str, &[&str]); 9] = [
            ("#!/bin/sh\necho\n", &["/bin/sh"]),
            ("#! /bin/bash -e\n", &["/bin/bash"]),
            ("#!/x y/python\n", &["/x"]),
            ("#!/usr/bin/env python3\n", &["/usr/bin/env", "python3"]),
            ("#!/usr/bin/env -S A=b python3 -u\n", &["/usr/bin/env", "python3"]),
            ("#!/bin/sh\n'''exec' \"/a b/python\" \"$0\" \"$@\"\n", &["/bin/sh", "/a b/python"]),
            ("#!/bin/sh\n'''exec' /long/python \"$0\" \"$@\"\n", &["/bin/sh", "/long/python"]),
            ("import os\n", &[]),
            ("", &[]),
        ];
        for (text, expected) in rows {
            std::fs::write(&path, text).unwrap();
            assert_eq!(interpreters(&path), expected, "{text}");
        }
        assert_eq!(interpreters(folder.path()), Vec::<String>::new());
    }
}
