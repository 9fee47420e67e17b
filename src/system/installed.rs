//! The agents and units that are installed for this person. Only read.

pub mod unit;

use std::path::{Path, PathBuf};

use super::service::launchd::agent_file::keys;
use super::service::systemd::known::{Known, known};
use super::{files, timed, unit_paths};
use crate::config::tilde;
use crate::install::{LABEL, is_our_name};
use crate::limits::Environment;
use crate::manager::Manager;
use crate::setup::jobs::Job;

/// In the order of their labels. A file that can't be read is none, nor is a folder that does not answer in time.
pub fn jobs(environment: &Environment) -> Vec<Job> {
    // The manager says best what its units are. It has its own time limit; where it does not answer, the files do.
    let known = known(environment).unwrap_or_default();
    let surroundings = environment.clone();
    timed::once(environment.limits.ask, move || of_files(&known, &surroundings)).unwrap_or_default()
}

fn of_files(known: &[Known], environment: &Environment) -> Vec<Job> {
    let folder = environment.home.join("Library/LaunchAgents");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let plists = entries.filter(|path| path.extension().is_some_and(|found| found == "plist"));
    let mut jobs: Vec<Job> = plists.filter_map(|path| agent(&path)).collect();
    let texts = |files: &[PathBuf]| files.iter().filter_map(|path| files::text(path)).collect::<Vec<_>>();
    jobs.extend(known.iter().filter_map(|known| {
        let found = unit::unit(&known.label, &texts(&known.files), &environment.home)?;
        let folder = known.folder.as_deref().map(|folder| tilde::whole(folder, &environment.home));
        let checkout = checkout(folder.as_deref(), &found.program);
        Some(Job { folder, checkout, ..found })
    }));
    let folders = unit_paths::folders(environment);
    let mut others = unit_paths::services(&folders);
    others.retain(|label| known.iter().all(|known| known.label != *label));
    jobs.extend(others.iter().filter_map(|label| {
        let files = unit_paths::files(&folders, &format!("{label}.service"));
        unit::unit(label, &texts(&files), &environment.home)
    }));
    jobs.sort_by(|one, other| one.label.cmp(&other.label));
    jobs
}

fn agent(path: &Path) -> Option<Job> {
    let keys = keys(path)?;
    let text = |key: &str| keys.get(key).and_then(plist::Value::as_string).map(str::to_owned);
    let list = keys.get("ProgramArguments").and_then(plist::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut program: Vec<String> = list.iter().filter_map(plist::Value::as_string).map(str::to_owned).collect();
    // launchd starts `Program`, and passes the list on as it is.
    match text("Program") {
        Some(path) if program.is_empty() => program.push(path),
        Some(path) => program[0] = path,
        None => {}
    }
    let path = |key: &str| file(text(key).map(PathBuf::from));
    Some(Job {
        log: path("StandardOutPath"),
        error_log: path("StandardErrorPath"),
        ..job(Manager::Launchd, text("Label")?, program, text("WorkingDirectory").map(PathBuf::from))
    })
}

fn job(manager: Manager, label: String, program: Vec<String>, folder: Option<PathBuf>) -> Job {
    let ours = label == LABEL || program.first().is_some_and(|program| is_our_name(program));
    let checkout = checkout(folder.as_deref(), &program);
    Job { manager, label, program, folder, log: None, error_log: None, checkout, ours }
}

/// The git checkout that a job runs in. The program comes last: it may be an interpreter from anywhere. Paths count as
/// they are written before their links are followed: the `.venv/bin/python` of a checkout is a link into the folder of
/// whatever installed Python.
fn checkout(folder: Option<&Path>, program: &[String]) -> Option<PathBuf> {
    let words = || program.iter().skip(1).chain(program.first()).map(Path::new);
    let places: Vec<&Path> = folder.into_iter().chain(words()).filter(|place| place.is_absolute()).collect();
    let as_written = places.iter().find_map(|place| checkout_above(place));
    let root = as_written.or_else(|| places.iter().find_map(|place| checkout_above(&place.canonicalize().ok()?)));
    root.map(|root| root.canonicalize().unwrap_or(root))
}

fn checkout_above(place: &Path) -> Option<PathBuf> {
    let has = |folder: &Path, name: &str| std::fs::symlink_metadata(folder.join(name)).is_ok();
    let is_tool = |folder: &Path| TOOLS.iter().any(|name| has(folder, name));
    place.ancestors().find(|folder| has(folder, ".git") && !is_tool(folder)).map(Path::to_owned)
}

/// What installs interpreters lives in a git checkout of its own: Homebrew, pyenv, asdf, nvm, rbenv, nodenv. Each is
/// known by a file.
const TOOLS: [&str; 6] = ["bin/brew", "libexec/pyenv", "asdf.sh", "nvm.sh", "libexec/rbenv", "libexec/nodenv"];

/// A file that a log can be read from.
fn file(path: Option<PathBuf>) -> Option<PathBuf> {
    path.filter(|path| path.is_absolute() && !path.starts_with("/dev"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_is_the_bridges_own_and_not_that_of_its_interpreter() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let path = |name: &str| home.join(name).to_str().unwrap().to_owned();
        let files = [
            "brew/bin/brew",
            "brew/Cellar/python/bin/python3",
            "dotfiles/bin/python3",
            "ai/bridge/telegram_bridge.py",
            "ai/run",
            "plain/x.py",
        ];
        for file in files {
            std::fs::create_dir_all(home.join(file).parent().unwrap()).unwrap();
            std::fs::write(home.join(file), "").unwrap();
        }
        for repository in ["brew/.git", "dotfiles/.git", "ai/.git", "ai/.venv/bin", "other/.git"] {
            std::fs::create_dir_all(home.join(repository)).unwrap();
        }
        let links = [
            ("brew/Cellar/python/bin/python3", "ai/.venv/bin/python"),
            ("dotfiles/bin/python3", "ai/.venv/bin/python3"),
            ("ai/run", "telegram"),
            ("ai", "link"),
        ];
        for (target, link) in links {
            std::os::unix::fs::symlink(home.join(target), home.join(link)).unwrap();
        }
        let (script, brewed) = (path("ai/bridge/telegram_bridge.py"), path("brew/Cellar/python/bin/python3"));
        let rows: [(Option<&str>, &[&str], Option<&str>); 10] = [
            (None, &[&path("ai/.venv/bin/python"), &script], Some("ai")),
            (None, &[&path("ai/.venv/bin/python"), "-m", "bridge"], Some("ai")),
            (None, &[&path("ai/.venv/bin/python3"), "-m", "bridge"], Some("ai")),
            (None, &[&brewed, &script], Some("ai")),
            (None, &[&brewed, "-m", "bridge"], None),
            (None, &[&path("telegram")], Some("ai")),
            (None, &["/usr/bin/python3", &path("link/bridge/telegram_bridge.py")], Some("ai")),
            (Some("other"), &[&brewed, &script], Some("other")),
            (Some("plain"), &["python3", "x.py"], None),
            (Some("link/bridge"), &["python3", "telegram_bridge.py"], Some("ai")),
        ];
        for (folder, words, expected) in rows {
            let program: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let found = checkout(folder.map(|name| home.join(name)).as_deref(), &program);
            assert_eq!(found, expected.map(|name| home.join(name)), "{folder:?} {words:?}");
        }
    }
}
