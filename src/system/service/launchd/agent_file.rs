//! Which property list belongs to a label. launchd goes by the `Label` in the file and not by the file's name, and a file
//! may be loaded from any folder: then only `launchctl print` names it, and only while the job is loaded. So the watch
//! remembers that path.

use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};

use crate::contract;
use crate::limits::Environment;
use crate::system::files;

/// Where a label's property list may lie.
#[derive(Clone)]
pub struct AgentFile {
    label: String,
    folder: PathBuf,
    memory: PathBuf,
}

/// The property list of a label.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub file: Option<PathBuf>,
    /// Others with the same label. Which of them a login loads is launchd's choice.
    pub others: Vec<PathBuf>,
}

impl AgentFile {
    pub fn new(label: &str, environment: &Environment) -> AgentFile {
        AgentFile {
            label: label.to_owned(),
            folder: environment.home.join("Library/LaunchAgents"),
            memory: environment.state_dir.join(format!("{label}.{}", contract::LOADED_FROM)),
        }
    }

    /// Where `install` writes one if there is none.
    pub fn usual(&self) -> PathBuf {
        self.folder.join(format!("{}.plist", self.label))
    }

    /// The file that launchd has `loaded`; else the one that it had loaded, the usual one, or whatever else in
    /// LaunchAgents has the label.
    pub fn first(&self, loaded: Option<&Path>) -> Option<PathBuf> {
        let named = self.named(loaded).into_iter().next();
        // Only if need be: every file there has to be read.
        named.or_else(|| self.in_folder().into_iter().next()).map(|path| self.as_usual(path))
    }

    /// The same, with all others that have the label.
    pub fn find(&self, loaded: Option<&Path>) -> Found {
        let mut found: Vec<(PathBuf, PathBuf)> = Vec::new();
        for path in self.named(loaded).into_iter().chain(self.in_folder()) {
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if found.iter().all(|(_, known)| *known != real) {
                found.push((path, real));
            }
        }
        let mut found = found.into_iter().map(|(path, _)| self.as_usual(path));
        Found { file: found.next(), others: found.collect() }
    }

    /// Those whose path is known, the likeliest first.
    fn named(&self, loaded: Option<&Path>) -> Vec<PathBuf> {
        let usual = self.usual();
        let loaded = loaded.filter(|path| path.is_file()).map(Path::to_owned);
        let remembered = self.remembered().filter(|path| self.has_label(path));
        // What can't be read there is still meant for this label.
        let usual = (usual.exists() && keys(&usual).is_none_or(|keys| self.is_label(&keys))).then_some(usual);
        [loaded, remembered, usual].into_iter().flatten().collect()
    }

    /// The usual path, if that is another name of this file.
    fn as_usual(&self, path: PathBuf) -> PathBuf {
        let usual = self.usual();
        if is_same(&path, &usual) { usual } else { path }
    }

    /// Remembers where the job was loaded from, for when it is not loaded any more.
    pub fn remember(&self, loaded: &Path) {
        if is_same(loaded, &self.usual()) {
            files::remove(&self.memory);
        } else if self.remembered().is_none_or(|path| path != loaded)
            && let Some(text) = loaded.to_str()
        {
            // Without it the folder is searched.
            let _ = files::replace(&self.memory, text);
        }
    }

    fn remembered(&self) -> Option<PathBuf> {
        files::text(&self.memory).map(PathBuf::from)
    }

    /// In the order of their names, so that each look finds the same one.
    fn in_folder(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let plists = entries.filter(|path| path.extension().is_some_and(|extension| extension == "plist"));
        let mut found: Vec<PathBuf> = plists.filter(|path| self.has_label(path)).collect();
        found.sort();
        found
    }

    fn has_label(&self, path: &Path) -> bool {
        keys(path).is_some_and(|keys| self.is_label(&keys))
    }

    fn is_label(&self, keys: &Dictionary) -> bool {
        keys.get("Label").and_then(Value::as_string) == Some(self.label.as_str())
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// The keys of a property list; `None` if it is none, or can't be read.
pub fn keys(path: &Path) -> Option<Dictionary> {
    // Not a fifo, which would block for ever.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    Value::from_file(path).ok()?.into_dictionary()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, label: &str, binary: bool) {
        let mut keys = Dictionary::new();
        keys.insert("Label".into(), Value::String(label.into()));
        let keys = Value::Dictionary(keys);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if binary { keys.to_file_binary(path).unwrap() } else { keys.to_file_xml(path).unwrap() }
    }

    /// What lies in LaunchAgents (`@` a link to a file elsewhere, `!` no property list, `#` in binary form; the label
    /// after a colon), what is remembered, and what is found.
    #[test]
    fn r26_the_file_is_found_by_its_label() {
        type Row = (&'static str, &'static [&'static str], Option<&'static str>, &'static [&'static str]);
        let rows: [Row; 13] = [
            ("none", &["b.plist:y"], None, &[]),
            ("the usual one", &["x.plist:x", "b.plist:y"], None, &["x.plist"]),
            ("another name", &["telegram bridge (work).plist:x", "b.plist:y"], None, &["telegram bridge (work).plist"]),
            ("binary", &["#b.plist:x"], None, &["b.plist"]),
            ("an unreadable one beside it", &["!a.plist:", "b.plist:x"], None, &["b.plist"]),
            ("the usual one can't be read", &["!x.plist:", "b.plist:y"], None, &["x.plist"]),
            ("the usual name, another label", &["x.plist:y"], None, &[]),
            ("the usual name, another label, and its own", &["x.plist:y", "z.plist:x"], None, &["z.plist"]),
            ("two: the usual one first", &["a.plist:x", "x.plist:x"], None, &["x.plist", "a.plist"]),
            ("two of other names", &["b.plist:x", "a.plist:x"], None, &["a.plist", "b.plist"]),
            ("two: the one that was loaded", &["a.plist:x", "x.plist:x"], Some("a.plist"), &["a.plist", "x.plist"]),
            ("a link", &["@b.plist:x"], None, &["b.plist"]),
            ("no property list by its name", &["b.plist.bak:x", "c.txt:x"], None, &[]),
        ];
        for (name, files, remembered, expected) in rows {
            let home = tempfile::tempdir().unwrap();
            let environment = Environment {
                home: home.path().to_owned(),
                state_dir: home.path().join("state"),
                ..Environment::real().unwrap()
            };
            let folder = home.path().join("Library/LaunchAgents");
            std::fs::create_dir_all(&folder).unwrap();
            for file in files {
                let (path, label) = file.trim_start_matches(['@', '!', '#']).split_once(':').unwrap();
                let path = folder.join(path);
                match &file[..1] {
                    "!" => std::fs::write(&path, "garbage").unwrap(),
                    "@" => {
                        write(&home.path().join("dotfiles/agent.plist"), label, false);
                        std::os::unix::fs::symlink(home.path().join("dotfiles/agent.plist"), &path).unwrap();
                    }
                    form => write(&path, label, form == "#"),
                }
            }
            let agent = AgentFile::new("x", &environment);
            if let Some(path) = remembered {
                agent.remember(&folder.join(path));
            }
            let found = agent.find(None);
            let found: Vec<PathBuf> = found.file.into_iter().chain(found.others).collect();
            let expected: Vec<PathBuf> = expected.iter().map(|path| folder.join(path)).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_file_in_another_folder_is_remembered_while_it_has_the_label() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment {
            home: home.path().to_owned(),
            state_dir: home.path().join("state"),
            ..Environment::real().unwrap()
        };
        let (elsewhere, agent) = (home.path().join("src/ai/bridge.plist"), AgentFile::new("x", &environment));
        write(&elsewhere, "x", false);
        assert_eq!(agent.find(None), Found::default());
        assert_eq!(agent.find(Some(&elsewhere)).file.as_ref(), Some(&elsewhere));
        agent.remember(&elsewhere);
        assert_eq!(agent.find(None).file.as_ref(), Some(&elsewhere));
        write(&elsewhere, "y", false);
        assert_eq!(agent.find(None), Found::default(), "it belongs to another job by now");
        write(&elsewhere, "x", false);
        write(&agent.usual(), "x", false);
        agent.remember(&agent.usual());
        assert_eq!(
            agent.find(None),
            Found { file: Some(agent.usual()), others: vec![] },
            "what was loaded last counts"
        );
        std::fs::remove_file(agent.usual()).unwrap();
        assert_eq!(agent.find(None), Found::default());
    }
}
