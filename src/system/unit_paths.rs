//! Where the files of a user's units lie (systemd.unit(5), "Unit File Load Path"), for when the manager can't be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::limits::Environment;

/// After the user's own, in systemd's order.
const OF_ALL_USERS: [&str; 5] = [
    "/etc/xdg/systemd/user",
    "/etc/systemd/user",
    "/run/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
];

/// The folders, the first goes before the others.
pub fn folders(environment: &Environment) -> Vec<PathBuf> {
    // Our own configuration folder is beside systemd's.
    let config = environment.config_dir.parent().unwrap_or(&environment.config_dir);
    let mut folders: Vec<PathBuf> = vec![config.join("systemd/user")];
    folders.extend(OF_ALL_USERS[..3].iter().map(PathBuf::from));
    folders.push(environment.home.join(".local/share/systemd/user"));
    folders.extend(OF_ALL_USERS[3..].iter().map(PathBuf::from));
    folders
}

/// The services, without their suffix, that have a file there or are wanted by something: an instance has its template's
/// file only. A template is no service.
pub fn services(folders: &[PathBuf]) -> BTreeSet<String> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let named = |paths: Vec<PathBuf>, ends: &[&str]| -> Vec<PathBuf> {
        let has = |path: &PathBuf| path.extension().and_then(OsStr::to_str).is_some_and(|found| ends.contains(&found));
        paths.into_iter().filter(has).collect()
    };
    let all: Vec<PathBuf> = folders.iter().flat_map(|folder| entries(folder)).collect();
    let wanting = named(all.clone(), &["wants", "requires", "upholds"]);
    let wanted = wanting.iter().flat_map(|folder| entries(folder)).collect();
    let files = [named(all, &["service"]), named(wanted, &["service"])].concat();
    let names = files.iter().filter_map(|path| path.file_stem()?.to_str());
    names.filter(|name| !name.ends_with('@')).map(str::to_owned).collect()
}

/// The files of a unit in the order in which systemd reads them: its own or its template's, then its drop-ins.
pub fn files(folders: &[PathBuf], unit: &str) -> Vec<PathBuf> {
    let template = unit.split_once('@').map(|(name, _)| format!("{name}@.service"));
    let of = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|path| path.symlink_metadata().is_ok());
    let own = of(unit).or_else(|| of(template.as_deref()?));
    // A name counts once: that of the unit itself, in the first of the folders.
    let mut drop_ins = BTreeMap::new();
    for name in drop_in_names(unit, template.as_deref()) {
        for folder in folders.iter().rev().map(|folder| folder.join(&name)) {
            for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.extension().is_some_and(|extension| extension == "conf")
                    && let Some(name) = path.file_name()
                {
                    drop_ins.insert(name.to_owned(), path.clone());
                }
            }
        }
    }
    own.into_iter().chain(drop_ins.into_values()).collect()
}

/// Of all services, of those whose names begin so (`telegram-.service.d`), of the template, of the unit itself.
fn drop_in_names(unit: &str, template: Option<&str>) -> Vec<String> {
    let dashes = unit.match_indices('-').map(|(at, _)| format!("{}.service.d", &unit[..=at]));
    let own = template.into_iter().chain([unit]).map(|name| format!("{name}.d"));
    std::iter::once("service.d".to_owned()).chain(dashes).chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_has_the_files_that_systemd_would_read() {
        let home = tempfile::tempdir().unwrap();
        let folders = ["high", "low"].map(|name| home.path().join(name));
        let files_there = [
            "high/b-bot.service",
            "low/b-bot.service",
            "low/only.service",
            "low/b@.service",
            "high/default.target.wants/b@work.service",
            "low/b-bot.service.d/20.conf",
            "high/b-bot.service.d/10.conf",
            "low/b-bot.service.d/10.conf",
            "high/b-.service.d/10.conf",
            "high/b-.service.d/30.conf",
            "high/service.d/05.conf",
            "high/b-bot.service.d/note.txt",
            "low/b@.service.d/a.conf",
            "high/b@work.service.d/b.conf",
        ];
        for name in files_there {
            std::fs::create_dir_all(home.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(home.path().join(name), "").unwrap();
        }
        assert_eq!(services(&folders).into_iter().collect::<Vec<_>>(), ["b-bot", "b@work", "only"]);
        let rows: [(&str, &[&str]); 4] = [
            (
                "b-bot.service",
                &[
                    "high/b-bot.service",
                    "high/service.d/05.conf",
                    "high/b-bot.service.d/10.conf",
                    "low/b-bot.service.d/20.conf",
                    "high/b-.service.d/30.conf",
                ],
            ),
            ("only.service", &["low/only.service", "high/service.d/05.conf"]),
            (
                "b@work.service",
                &[
                    "low/b@.service",
                    "high/service.d/05.conf",
                    "low/b@.service.d/a.conf",
                    "high/b@work.service.d/b.conf",
                ],
            ),
            ("gone.service", &["high/service.d/05.conf"]),
        ];
        for (unit, expected) in rows {
            let expected: Vec<PathBuf> = expected.iter().map(|name| home.path().join(name)).collect();
            assert_eq!(files(&folders, unit), expected, "{unit}");
        }
    }
}
