//! What the app's windows say. Pure.

use std::path::Path;
use std::time::Duration;

use super::{command, count, foreign, lasting};
use crate::act::Hand;
use crate::contract;
use crate::facts::short_id;
use crate::revert::Prepared;
use crate::time::Clock;
use crate::watch::commands::Command;

/// Asked before a risky act; the buttons are named after what they do.
#[derive(Debug, Clone)]
pub struct Question {
    pub title: String,
    pub detail: String,
    pub yes: String,
    pub no: String,
}

/// Asked if tasks are at work under the bridge, or if that is not known.
pub fn restart_question(tasks: &Result<usize, String>) -> Question {
    let (title, detail, yes, no) = match tasks {
        Ok(1) => ("1 task is at work under the bridge".into(), "", "Restart and end it", "Let it finish"),
        Ok(tasks) => {
            (format!("{tasks} tasks are at work under the bridge"), "", "Restart and end them", "Let them finish")
        }
        Err(why) => (
            "Whether tasks are at work under the bridge can't be seen".into(),
            &*format!("The reason: {}. ", foreign(why)),
            "Restart and end what there is",
            "Leave the bridge alone",
        ),
    };
    Question { title, detail: format!("{detail}A restart ends work in progress."), yes: yes.into(), no: no.into() }
}

/// Asked before a process is ended for the session's lock.
pub fn clean_question(pid: u32, name: Option<&str>, age: Option<Duration>) -> Question {
    let name = name.map_or_else(|| format!("pid {pid}"), |name| format!("{} (pid {pid})", foreign(name)));
    let age = age.map_or_else(String::new, |age| format!(" It is {} old.", lasting(age)));
    Question {
        title: format!("{name} holds the lock of the bridge's session"),
        detail: format!(
            "Clean locks ends it, then SQLite brings the session into order. Nothing is deleted; what it has not \
             saved is lost.{age}"
        ),
        yes: "End that process".into(),
        no: "Let it finish".into(),
    }
}

/// Asked before HEAD is reverted.
pub fn revert_question(prepared: &Prepared, tasks: &Result<usize, String>, now: Clock) -> Question {
    Question {
        title: format!("Revert HEAD: {} {}?", short_id(&prepared.commit), foreign(&prepared.summary)),
        detail: format!(
            "{} Uncommitted work stays as it is. Then the bridge is restarted.{} Undo revert brings the commit back.",
            command::would_revert(prepared, now),
            ends(tasks)
        ),
        yes: "Revert and restart".into(),
        no: "Leave HEAD as it is".into(),
    }
}

/// Asked before our own revert is undone.
pub fn undo_question(tasks: &Result<usize, String>) -> Question {
    Question {
        title: "Undo the revert?".into(),
        detail: format!("The commit that was reverted is HEAD again. Then the bridge is restarted.{}", ends(tasks)),
        yes: "Bring it back and restart".into(),
        no: "Leave it reverted".into(),
    }
}

/// Work in progress that a restart ends.
fn ends(tasks: &Result<usize, String>) -> String {
    match tasks {
        Ok(0) => String::new(),
        Ok(tasks) => format!(" That ends {} at work under it.", count(*tasks, "task", "tasks")),
        Err(_) => " Whether that ends work in progress can't be seen.".into(),
    }
}

/// Asked before auto-revert is switched on.
pub fn auto_revert_question() -> Question {
    Question {
        title: "Revert HEAD by itself when it crashes the bridge?".into(),
        detail: "If a commit under an hour old crashes the bridge three times within 30 min, it is undone by a new commit \
                 in the checkout. Uncommitted work stays as it is, nothing is pushed, and you are told. One click undoes it."
            .into(),
        yes: "Switch auto-revert on".into(),
        no: "Leave it off".into(),
    }
}

/// The title above the reason why a click had no effect.
pub fn not_done(command: Command) -> &'static str {
    match command {
        Command::CheckNow => "Nothing was checked",
        Command::ByHand(Hand::Restart) => "The restart did not work",
        Command::ByHand(Hand::CleanLocks) => "The session was not freed",
        Command::ByHand(Hand::Revert) | Command::Revert(_) => "HEAD was not reverted",
        Command::ByHand(Hand::UndoRevert) => "The revert was not undone",
        Command::Pause(_) => "Recovery was not paused",
        Command::Resume => "Recovery is still paused",
        Command::AutoRevert(_) => "Auto-revert was not switched",
        Command::StartAtLogin(_) => "Start at login was not switched",
        Command::Quit => "Bridge Watchdog did not quit",
    }
}

pub fn about(root: &Path, state: &Path) -> String {
    format!(
        "Version {}\nKeeps the Telegram bridge in {} up.\nIts journal: {}",
        env!("CARGO_PKG_VERSION"),
        foreign(&root.to_string_lossy()),
        foreign(&state.join(contract::JOURNAL).to_string_lossy())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_restart_question_counts_and_names_what_its_buttons_do() {
        let rows: [(Result<usize, String>, [&str; 4]); 3] = [
            (
                Ok(1),
                [
                    "1 task is at work under the bridge",
                    "A restart ends work in progress.",
                    "Restart and end it",
                    "Let it finish",
                ],
            ),
            (
                Ok(3),
                [
                    "3 tasks are at work under the bridge",
                    "A restart ends work in progress.",
                    "Restart and end them",
                    "Let them finish",
                ],
            ),
            (
                Err("the process table can't be read: denied".into()),
                [
                    "Whether tasks are at work under the bridge can't be seen",
                    "The reason: the process table can't be read: denied. A restart ends work in progress.",
                    "Restart and end what there is",
                    "Leave the bridge alone",
                ],
            ),
        ];
        for (tasks, expected) in rows {
            let question = restart_question(&tasks);
            assert_eq!([&*question.title, &*question.detail, &*question.yes, &*question.no], expected);
        }
    }

    #[test]
    fn about_names_version_checkout_and_journal() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            about(Path::new("/Users/me/src/ai"), Path::new("/state")),
            format!(
                "Version {version}\nKeeps the Telegram bridge in /Users/me/src/ai up.\nIts journal: /state/journal.log"
            )
        );
    }
}
