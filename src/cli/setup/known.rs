//! What is known before anything is asked: from the flags, the configuration that is there, and the agents.

use std::path::{Path, PathBuf};

use super::Setup;
use crate::config::tilde;
use crate::manager::Manager;
use crate::setup::jobs::{Job, fitting, mentions};
use crate::system::env::unit_files::words;
use crate::system::files;

impl Setup<'_> {
    /// What is said goes before what the configuration says.
    pub(super) fn take_flags(&mut self) {
        let flags = self.flags;
        if let Some(root) = &flags.root {
            self.move_to(&self.whole(root));
        }
        let token = flags.bot_token_file.as_deref().map(|file| self.whole(file).display().to_string());
        let draft = &mut self.draft;
        if let Some(label) = &flags.label {
            draft.set("bridge", "label", label.as_str());
        }
        if let Some(manager) = flags.manager {
            draft.set("bridge", "manager", Manager::from(manager).name());
        }
        if let Some(program) = &flags.program {
            draft.set_words("bridge", "program", &words(program));
        }
        if let Some(log) = &flags.log {
            draft.set("bridge", "log", log.display().to_string());
        }
        if let Some(file) = token {
            draft.set_token("token_file", &file);
        }
        if let Some(id) = flags.chat_id {
            draft.set("telegram", "chat_id", id);
        }
        if let Some(url) = &flags.api_url {
            draft.set("telegram", "api_url", url.as_str());
        }
        if flags.no_alerts {
            draft.without_telegram();
        }
    }

    /// Sets the checkout. If it is another one than before, what the configuration has of the old one is not true of it:
    /// its files, and if only another agent is in the new one also who starts it.
    pub(super) fn move_to(&mut self, root: &Path) {
        self.draft.set("bridge", "root", root.display().to_string());
        let Some(old) = self.before.clone().filter(|old| self.real(old) != self.real(root)) else { return };
        let (home, real) = (self.environment.home.clone(), self.real(&old));
        let names_old = |word: &str| {
            let word = tilde::word(word.to_owned(), &home);
            [&old, &real].iter().any(|old| mentions(&word, old))
        };
        for key in ["program", "log", "error_log", "login", "session"] {
            if self.draft.words("bridge", key).into_iter().any(names_old) {
                self.draft.remove("bridge", key);
            }
        }
        let found = |label: Option<&str>| !fitting(&self.jobs, Some(&self.real(root)), label, None).is_empty();
        if found(self.draft.text("bridge", "label")) || !found(None) {
            return;
        }
        let said = [("label", self.flags.label.is_some()), ("manager", self.flags.manager.is_some())];
        for (key, _) in said.iter().filter(|(_, said)| !said) {
            self.draft.remove("bridge", key);
        }
    }

    /// The checkout, as far as it is known.
    pub(super) fn root(&self) -> Option<PathBuf> {
        self.draft.text("bridge", "root").map(|root| tilde::whole(Path::new(root), &self.environment.home))
    }

    /// A path as a person gives it, from the current folder on.
    pub(super) fn whole(&self, path: &Path) -> PathBuf {
        whole(&self.environment.home, path)
    }

    /// The installed agents that may be the bridge, by what is known of it.
    pub(super) fn candidates(&self) -> Vec<Job> {
        let root = self.root().map(|root| self.real(&root));
        let manager = self.draft.text("bridge", "manager").and_then(Manager::named);
        fitting(&self.jobs, root.as_deref(), self.draft.text("bridge", "label"), manager)
    }

    /// What its file says of the bridge; what was said by the person or stood in the configuration goes before it.
    pub(super) fn take(&mut self, job: &Job) {
        if let Some(root) = job.checkout.as_deref().filter(|_| !self.draft.has("bridge", "root")) {
            self.move_to(root);
        }
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let rows = [
            ("label", Some(job.label.clone())),
            ("manager", Some(job.manager.name().to_owned())),
            ("log", path(&job.log)),
            ("error_log", path(&job.error_log)),
        ];
        for (key, value) in rows {
            if let Some(value) = value.filter(|_| !self.draft.has("bridge", key)) {
                self.draft.set("bridge", key, value);
            }
        }
        if !self.draft.has("bridge", "program") && !job.program.is_empty() {
            self.draft.set_words("bridge", "program", &job.program);
        }
    }

    /// Without its links, where that can be found out.
    fn real(&self, path: &Path) -> PathBuf {
        let asked = path.to_owned();
        self.within(move || asked.canonicalize().ok()).ok().flatten().unwrap_or_else(|| path.to_owned())
    }
}

/// As a person types it. A `..` is resolved as the kernel does it, through links.
pub(super) fn whole(home: &Path, path: &Path) -> PathBuf {
    let path = tilde::whole(path, home);
    let path = std::path::absolute(&path).unwrap_or(path);
    let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
    if climbs { files::target(&path) } else { path }
}
