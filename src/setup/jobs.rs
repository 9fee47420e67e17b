//! Which of the installed agents is the bridge. Pure.

use std::path::{Path, PathBuf};

use crate::manager::Manager;

/// An installed agent or unit, as its file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub manager: Manager,
    pub label: String,
    /// What it starts, with all arguments.
    pub program: Vec<String>,
    pub folder: Option<PathBuf>,
    pub log: Option<PathBuf>,
    pub error_log: Option<PathBuf>,
    /// The git checkout that it runs in.
    pub checkout: Option<PathBuf>,
    /// Our own agent, or an older one of ours.
    pub ours: bool,
}

/// Those that may be meant: they name a Telegram bridge, and are what the person has said already.
pub fn fitting(jobs: &[Job], root: Option<&Path>, label: Option<&str>, manager: Option<Manager>) -> Vec<Job> {
    let fits = |job: &&Job| {
        // Its checkout may stand in a line for a shell only, or be known to nobody but the person who names the agent.
        let mentions = || root.is_some_and(|root| job.program.iter().any(|word| mentions(word, root)));
        let here = |root| match job.checkout.as_deref() {
            Some(checkout) => checkout == root,
            None => label.is_some() || mentions(),
        };
        let is_placed = || job.checkout.is_some() || mentions();
        let named = label.map_or_else(|| is_placed() && names_a_bridge(job), |label| job.label == label);
        !job.ours
            && named
            && root.is_none_or(here)
            // `embedded` takes the program over from whoever has started it so far.
            && manager.is_none_or(|manager| manager == Manager::Embedded || job.manager == manager)
    };
    jobs.iter().filter(fits).cloned().collect()
}

fn names_a_bridge(job: &Job) -> bool {
    let folder = job.folder.iter().map(|folder| folder.to_string_lossy().into_owned());
    let mut words =
        job.program.iter().cloned().chain(folder).chain([job.label.clone()]).map(|word| word.to_lowercase());
    words.any(|word| word.contains("telegram") || word.contains("bridge"))
}

/// `cd /src/ai && exec …`: the path as a whole, and not the beginning of another one.
pub fn mentions(word: &str, root: &Path) -> bool {
    let root = root.to_string_lossy();
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || "._-".contains(c));
    word.match_indices(&*root).any(|(at, _)| ends(&word[at + root.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(label: &str, program: &[&str], checkout: Option<&str>) -> Job {
        Job {
            manager: Manager::Launchd,
            label: label.into(),
            program: program.iter().map(|&word| word.to_owned()).collect(),
            folder: checkout.map(PathBuf::from),
            log: None,
            error_log: None,
            checkout: checkout.map(PathBuf::from),
            ours: false,
        }
    }

    #[test]
    fn the_bridge_is_told_from_other_agents_and_from_ours() {
        let bridge =
            job("com.valor.bridge", &["/src/ai/.venv/bin/python", "bridge/telegram_bridge.py"], Some("/src/ai"));
        let plain = job("ai", &["python3", "Telegram_Bot.py"], Some("/src/other"));
        let backup = job("org.backup", &["/usr/bin/backup"], Some("/src/backup"));
        let nowhere = job("com.telegram.updater", &["/Applications/Telegram.app/updater"], None);
        let shell =
            job("telegram.shell", &["/bin/bash", "-lc", "cd /src/ai-2 && exec .venv/bin/python bridge.py"], None);
        let ours = Job { ours: true, ..job("com.valor.bridge-watchdog", &["bridge-watchdog"], Some("/src/ai")) };
        let all = [bridge.clone(), plain.clone(), backup.clone(), nowhere, shell, ours];
        let labels = |root: Option<&str>, label: Option<&str>, manager| {
            fitting(&all, root.map(Path::new), label, manager).into_iter().map(|job| job.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(None, None, None), ["com.valor.bridge", "ai"]);
        assert_eq!(labels(Some("/src/ai"), None, None), ["com.valor.bridge"]);
        assert_eq!(labels(Some("/src/ai-2"), None, None), ["telegram.shell"], "its line for a shell names the folder");
        assert_eq!(labels(Some("/src"), Some("telegram.shell"), None), ["telegram.shell"], "whoever names it knows it");
        assert_eq!(labels(Some("/src/other"), Some("com.valor.bridge"), None), [""; 0]);
        assert_eq!(labels(None, Some("org.backup"), None), ["org.backup"], "whoever names it knows it");
        assert_eq!(labels(None, None, Some(Manager::Systemd)), [""; 0]);
        assert_eq!(labels(None, Some("ai"), Some(Manager::Embedded)), ["ai"]);
        assert_eq!(labels(None, Some("com.valor.bridge-watchdog"), None), [""; 0]);
    }
}
