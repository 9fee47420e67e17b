//! The conditions of a unit (`ConditionPathExists=!/home/me/STOP`) as of now. systemd tests them only when it starts the
//! unit and tells only how the last test ended; whether it would start the unit now has to be read from its files
//! (systemd.unit(5), "Conditions and Asserts"). What we can't test counts as met: systemd tests it again anyway.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::system::files;

/// The files of a unit in the order in which systemd reads them, from `FragmentPath` and `DropInPaths`.
pub(super) fn paths(fragment: &str, drop_ins: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        Some(fragment).filter(|path| !path.is_empty()).map(PathBuf::from).into_iter().collect();
    let mut rest = drop_ins.trim_start();
    while !rest.is_empty() {
        // Quoted if there is a blank in it.
        let (path, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        paths.push(path.into());
        rest = after.trim_start();
    }
    paths
}

/// The first line that keeps the unit from being started now.
pub(super) fn unmet(files: &[PathBuf], unit: &str, home: &Path) -> Option<String> {
    let texts: Vec<String> = files.iter().filter_map(|path| files::text(path)).collect();
    let lines = read(&texts);
    ["Condition", "Assert"].into_iter().find_map(|kind| {
        let of_kind: Vec<&Line> = lines.iter().filter(|line| line.key.starts_with(kind)).collect();
        first_unmet(&of_kind, |line| holds(line, kind, unit, home))
    })
}

/// `ConditionPathExists=|!/x`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    key: String,
    /// One of these that holds is enough for all of them.
    trigger: bool,
    negated: bool,
    value: String,
}

/// The conditions and assertions of all files, one after the other.
fn read(texts: &[String]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for text in texts {
        let mut in_unit = false;
        for line in text.replace("\\\n", " ").lines().map(str::trim) {
            if line.starts_with('[') {
                in_unit = line == "[Unit]";
            }
            let Some((key, value)) = line.split_once('=').filter(|_| in_unit && !line.starts_with(['#', ';'])) else {
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            let Some(kind) = ["Condition", "Assert"].into_iter().find(|kind| key.starts_with(kind)) else { continue };
            if value.is_empty() {
                // An empty one takes back all of its kind.
                lines.retain(|line| !line.key.starts_with(kind));
                continue;
            }
            let (trigger, value) = value.strip_prefix('|').map_or((false, value), |rest| (true, rest.trim_start()));
            let (negated, value) = value.strip_prefix('!').map_or((false, value), |rest| (true, rest.trim_start()));
            lines.push(Line { key: key.into(), trigger, negated, value: value.into() });
        }
    }
    lines
}

fn first_unmet(lines: &[&Line], holds: impl Fn(&Line) -> bool) -> Option<String> {
    let unmet = |line: &&&Line| !holds(line);
    let triggers = || lines.iter().filter(|line| line.trigger);
    let plain = lines.iter().filter(|line| !line.trigger).find(unmet);
    let all_triggers = || triggers().find(unmet).filter(|_| triggers().all(|line| !holds(line)));
    plain.or_else(all_triggers).map(|line| {
        let mark = |mark: &'static str, is: bool| if is { mark } else { "" };
        format!("{}={}{}{}", line.key, mark("|", line.trigger), mark("!", line.negated), line.value)
    })
}

fn holds(line: &Line, kind: &str, unit: &str, home: &Path) -> bool {
    let Some(path) = expanded(&line.value, unit, home).map(PathBuf::from).filter(|path| path.is_absolute()) else {
        return true;
    };
    let is = match &line.key[kind.len()..] {
        "PathExists" => path.exists(),
        "PathIsDirectory" => path.is_dir(),
        "PathIsSymbolicLink" => path.is_symlink(),
        "DirectoryNotEmpty" => path.read_dir().is_ok_and(|mut entries| entries.next().is_some()),
        "FileNotEmpty" => path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() > 0),
        "FileIsExecutable" => {
            path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        }
        _ => return true,
    };
    is != line.negated
}

/// With the specifiers that a path may have (systemd.unit(5)); `None` if there is another one.
fn expanded(value: &str, unit: &str, home: &Path) -> Option<String> {
    let name = unit.strip_suffix(".service").unwrap_or(unit);
    let (prefix, instance) = name.split_once('@').unwrap_or((name, ""));
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            '%' => out.push('%'),
            'h' => out.push_str(home.to_str()?),
            't' => out.push_str(&std::env::var("XDG_RUNTIME_DIR").ok()?),
            'n' => out.push_str(unit),
            'N' => out.push_str(name),
            'p' => out.push_str(prefix),
            // Escaped in the name, so unescaped it may be another text.
            'i' if !instance.contains(['\\', '-']) => out.push_str(instance),
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r01_whether_systemd_would_start_the_unit_now() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        std::fs::write(home.join("there"), "x").unwrap();
        std::fs::write(home.join("there-work"), "").unwrap();
        std::fs::create_dir(home.join("empty")).unwrap();
        // The unit's files, and the line that is not met.
        let rows: [(&[&str], Option<&str>); 26] = [
            (&["[Unit]\nConditionPathExists=!%h/there\n"], Some("ConditionPathExists=!%h/there")),
            (&["[Unit]\nConditionPathExists=%h/there\n"], None),
            (&["[Unit]\nConditionPathExists = ! %h/there \n"], Some("ConditionPathExists=!%h/there")),
            (&["[Unit]\n#ConditionPathExists=!%h/there\n; ConditionPathExists=!%h/there\n"], None),
            (&["[Service]\nConditionPathExists=!%h/there\n"], None),
            (&["[Unit]\nConditionPathExists=!%h/there\nConditionPathExists=\n"], None),
            (&["[Unit]\nConditionPathExists=!%h/there\n", "[Unit]\nConditionPathExists=\n"], None),
            (&["[Unit]\nConditionPathExists=!%h/there\nAssertPathExists=\n"], Some("ConditionPathExists=!%h/there")),
            (&["[Unit]\n", "[Unit]\nConditionPathExists=%h/gone"], Some("ConditionPathExists=%h/gone")),
            (&["[Unit]\nAssertPathExists=%h/gone\n"], Some("AssertPathExists=%h/gone")),
            (&["[Unit]\nConditionPathExists=|%h/gone\nConditionPathExists=|%h/there\n"], None),
            (
                &["[Unit]\nConditionPathExists=|%h/gone\nConditionPathExists=|!%h/there\n"],
                Some("ConditionPathExists=|%h/gone"),
            ),
            (
                &["[Unit]\nConditionPathExists=|%h/there\nConditionPathExists=%h/gone\n"],
                Some("ConditionPathExists=%h/gone"),
            ),
            (&["[Unit]\nConditionPathIsDirectory=%h/there\n"], Some("ConditionPathIsDirectory=%h/there")),
            (&["[Unit]\nConditionPathIsDirectory=%h/empty\n"], None),
            (&["[Unit]\nConditionDirectoryNotEmpty=%h/empty\n"], Some("ConditionDirectoryNotEmpty=%h/empty")),
            (&["[Unit]\nConditionDirectoryNotEmpty=%h\n"], None),
            (&["[Unit]\nConditionFileNotEmpty=%h/there-work\n"], Some("ConditionFileNotEmpty=%h/there-work")),
            (&["[Unit]\nConditionFileNotEmpty=%h/there\n"], None),
            (&["[Unit]\nConditionFileIsExecutable=%h/there\n"], Some("ConditionFileIsExecutable=%h/there")),
            (&["[Unit]\nConditionPathIsSymbolicLink=%h/there\n"], Some("ConditionPathIsSymbolicLink=%h/there")),
            (&["[Unit]\nConditionPathExists=!%h/there-%i\n"], Some("ConditionPathExists=!%h/there-%i")),
            // What we can't test is systemd's to test.
            (&["[Unit]\nConditionPathExists=!%q/there\n"], None),
            (&["[Unit]\nConditionACPower=true\nConditionHost=other\n"], None),
            (&["[Unit]\nConditionPathExistsGlob=!%h/th*\n"], None),
            (
                &["[Unit]\nDescription=one \\\n  two\nConditionPathExists=\\\n  !%h/there\n"],
                Some("ConditionPathExists=!%h/there"),
            ),
        ];
        for (texts, expected) in rows {
            let files: Vec<PathBuf> = (0..texts.len()).map(|nth| home.join(format!("{nth} unit"))).collect();
            for (path, text) in files.iter().zip(texts) {
                std::fs::write(path, text).unwrap();
            }
            assert_eq!(unmet(&files, "bridge@work.service", home).as_deref(), expected, "{texts:?}");
        }
    }

    #[test]
    fn the_files_are_read_in_the_order_that_systemd_names_them() {
        let rows: [(&str, &str, &[&str]); 4] = [
            ("", "", &[]),
            ("/u/x.service", "", &["/u/x.service"]),
            ("/u/x.service", "/d/a.conf /d/b.conf", &["/u/x.service", "/d/a.conf", "/d/b.conf"]),
            ("/u/x.service", "\"/d/a b.conf\" /d/c.conf", &["/u/x.service", "/d/a b.conf", "/d/c.conf"]),
        ];
        for (fragment, drop_ins, expected) in rows {
            assert_eq!(paths(fragment, drop_ins), expected.iter().map(PathBuf::from).collect::<Vec<_>>());
        }
    }
}
