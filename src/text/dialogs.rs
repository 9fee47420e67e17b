//! What the app's windows say. Pure.

use std::path::Path;
use std::time::Duration;

use super::{command, count, foreign, lasting, single_quoted};
use crate::act::Hand;
use crate::contract;
use crate::facts::{Unmet, short_id};
use crate::manager::Manager;
use crate::revert::Prepared;
use crate::time::Clock;
use crate::watch::commands::Command;

/// A window with two buttons, which are named after what they do. The one that does no harm is the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub title: String,
    pub detail: String,
    pub yes: String,
    pub no: String,
    /// The other button does something that can't be taken back by closing the window.
    pub risky: bool,
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
    Question {
        title,
        detail: format!("{detail}A restart ends work in progress."),
        yes: yes.into(),
        no: no.into(),
        risky: true,
    }
}

/// Asked before what its operator has stopped is started.
pub fn start_question(manager: Manager, label: &str) -> Question {
    let (label, stop) = (foreign(label), stop_command(manager, label));
    Question {
        title: "Start the bridge that its operator stopped?".into(),
        detail: format!(
            "That undoes the stop: from then on {label} is kept up again, by its manager and by Bridge Watchdog.{}",
            stop.map_or_else(String::new, |stop| format!(" To stop it again: {stop}"))
        ),
        yes: "Start and keep it up".into(),
        no: "Leave it stopped".into(),
        risky: true,
    }
}

fn stop_command(manager: Manager, label: &str) -> Option<String> {
    match manager {
        Manager::Systemd => Some(format!("systemctl --user stop {}", foreign(label))),
        Manager::Launchd | Manager::Embedded => None,
    }
}

/// Why what its operator disabled is not started from here, and the command that a person can give.
pub fn disabled(label: &str) -> (Question, String) {
    let label = foreign(label);
    let command = format!("launchctl enable gui/$(id -u)/{label} && bridge-watchdog restart");
    let question = Question {
        title: "The bridge is disabled, and that is not undone from here".into(),
        detail: format!(
            "Its operator said 'launchctl disable', which lasts over restarts of the Mac. Bridge Watchdog never takes that \
             back by itself. To start the bridge, run in a terminal:\n\n{command}"
        ),
        yes: "Copy the command".into(),
        no: "Leave it stopped".into(),
        risky: false,
    };
    (question, command)
}

/// Why a bridge that a condition of its job keeps down is not started.
pub fn kept_down(unmet: &Unmet) -> String {
    format!("A condition of its job keeps it down: {}. Change that, and its manager starts it.", super::unmet(unmet))
}

/// `setup`, as a person gives it.
pub fn setup_command(program: &Path) -> String {
    format!("{} setup", single_quoted(&program.to_string_lossy()))
}

/// The same for a window that would else be gone with the last line.
pub fn setup_script(program: &Path) -> String {
    format!("{}\nprintf '\\nPress Return to close this window. '\nread -r line", setup_command(program))
}

/// Shows the end of a log, and goes on with it.
pub fn follow_script(log: &Path) -> String {
    format!("exec tail -n 200 -F {}", single_quoted(&log.to_string_lossy()))
}

/// Where no terminal can be opened for `setup`.
pub fn set_up(command: &str) -> Question {
    Question {
        title: "Set up Bridge Watchdog for your bridge".into(),
        detail: format!(
            "Run this in a terminal. It finds what it can and asks for the rest; nothing is written before its \
             end.\n\n{command}"
        ),
        yes: "Copy the command".into(),
        no: "Close".into(),
        risky: false,
    }
}

/// The configuration is there now, and this is still the demo.
pub fn go_over(root: &Path) -> Question {
    Question {
        title: "Your bridge is set up".into(),
        detail: format!(
            "The configuration is there now, for {}. The demo's bridge ends, and yours is watched in its place.",
            foreign(&root.to_string_lossy())
        ),
        yes: "Watch my bridge".into(),
        no: "Stay with the demo".into(),
        risky: false,
    }
}

/// What the menu says, in a window: its first two rows, the incidents, and what else can be done where.
pub fn status(state: &str, reason: &str, incidents: &[String], demo: bool, log: bool) -> Question {
    let further = if demo {
        "For a bridge of your own: Set up\u{2026} in the menu"
    } else {
        "In a terminal: bridge-watchdog status, check, restart, pause, crashes"
    };
    Question {
        title: state.into(),
        detail: format!("{}\n\nRecent incidents:\n{}\n\n{further}", super::sentence_case(reason), incidents.join("\n")),
        yes: if log { "Open log" } else { "Check again" }.into(),
        no: "Close".into(),
        risky: false,
    }
}

/// A second start: that one runs already, and what it sees. `seen`: its rows, where its status is fresh.
pub fn runs_already(root: &Path, pid: u32, seen: Option<Question>) -> Question {
    let pid = if pid == 0 { String::new() } else { format!(" (pid {pid})") };
    let it_runs = format!(
        "Bridge Watchdog runs already{pid}, for {}. Its icon is in the {}.",
        foreign(&root.to_string_lossy()),
        if cfg!(target_os = "macos") { "menu bar" } else { "panel, where the panel shows such icons" }
    );
    match seen {
        Some(status) => Question { detail: format!("{it_runs}\n\n{}", status.detail), ..status },
        None => Question {
            title: "Bridge Watchdog runs already".into(),
            detail: format!("{it_runs}\n\nWhat it sees: bridge-watchdog status"),
            yes: "Open log".into(),
            no: "Close".into(),
            risky: false,
        },
    }
}

/// The app can't begin: why, as the line on standard error has it, and what can be done. `file`: the configuration, where
/// that is what is wrong.
pub fn can_not_begin(why: &str, file: Option<&Path>) -> Question {
    let mend = file.map_or_else(String::new, |file| {
        format!(
            "\n\nCorrect it and start Bridge Watchdog again. What is wrong is also said by:\nbridge-watchdog --config {} check",
            single_quoted(&foreign(&file.to_string_lossy()))
        )
    });
    Question {
        title: if file.is_some() { "The configuration can't be used" } else { "Bridge Watchdog can't begin" }.into(),
        detail: format!("{}.{mend}", super::sentence_case(foreign(why).trim_end_matches('.'))),
        yes: if file.is_some() { "Open the configuration" } else { "Copy this text" }.into(),
        no: "Close".into(),
        risky: false,
    }
}

/// There is a configuration and no service.
pub fn no_bridge(label: &str, manager: &str) -> Question {
    Question {
        title: "There is no bridge to watch".into(),
        detail: format!(
            "{manager} has no service '{}'. Run in a terminal:\n\nbridge-watchdog install\n\nIt writes one for the program in \
             the configuration. If the bridge has another name, correct bridge.label. Until then Bridge Watchdog waits.",
            foreign(label)
        ),
        yes: "Copy the command".into(),
        no: "Close".into(),
        risky: false,
    }
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
        risky: true,
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
        risky: true,
    }
}

/// Asked before our own revert is undone.
pub fn undo_question(tasks: &Result<usize, String>) -> Question {
    Question {
        title: "Undo the revert?".into(),
        detail: format!("The commit that was reverted is HEAD again. Then the bridge is restarted.{}", ends(tasks)),
        yes: "Bring it back and restart".into(),
        no: "Leave it reverted".into(),
        risky: true,
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
        risky: true,
    }
}

/// The title above the reason why a click had no effect.
pub fn not_done(command: Command) -> &'static str {
    match command {
        Command::CheckNow => "Nothing was checked",
        Command::ByHand(Hand::Restart) => "The restart did not work",
        Command::ByHand(Hand::Start) => "The bridge was not started",
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
    use crate::expected::is_as_read;

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

    /// Every window, as it was read. `BLESS=1 cargo test --lib dialogs` writes it again.
    #[test]
    fn every_window_is_as_it_was_read() {
        let root = Path::new("/Users/me/src/ai");
        let incidents = ["03:08  hang, 4 min: restarted".to_owned()];
        let since = "since 03:12, after 4 min down: hang, restarted";
        let status = |demo, log| status("Healthy", since, &incidents, demo, log);
        let unmet = Unmet::Path { path: "/Users/me/STOP".into(), there: true };
        let wrong = "/Users/me/it's.toml: bridge.root is missing; set it to the absolute path of the checkout";
        let minutes = Duration::from_mins(3);
        let rows = [
            ("start, systemd", start_question(Manager::Systemd, "bridge.service")),
            ("start, embedded", start_question(Manager::Embedded, "bridge")),
            ("disabled", disabled("com.example.bridge").0),
            ("set up, no terminal", set_up(&setup_command(Path::new("/opt/it's/bridge-watchdog")))),
            ("go over", go_over(root)),
            ("status", status(false, true)),
            ("status of the demo, no log yet", status(true, false)),
            ("runs already", runs_already(root, 7, Some(status(false, true)))),
            ("runs already, and says nothing", runs_already(root, 0, None)),
            ("a broken configuration", can_not_begin(wrong, Some(Path::new("/Users/me/it's.toml")))),
            ("no begin", can_not_begin("the kernel gives no event queue", None)),
            ("no bridge", no_bridge("com.example.bridge", "launchd")),
            ("clean locks", clean_question(7, Some("python3"), Some(minutes))),
            ("undo", undo_question(&Ok(2))),
            ("auto-revert", auto_revert_question()),
        ];
        let window = |(name, window): &(&str, Question)| {
            let Question { title, detail, yes, no, risky } = window;
            format!("== {name}{}\n{title}\n\n{detail}\n\n[{no}] [{yes}]\n\n", if *risky { " (risky)" } else { "" })
        };
        let mut all: String = rows.iter().map(window).collect();
        all.push_str(&format!("== kept down\n{}\n\n", kept_down(&unmet)));
        all.push_str(&format!("== the script for setup\n{}\n", setup_script(Path::new("/opt/it's/bridge-watchdog"))));
        // On a Mac the icon is elsewhere.
        let there = ["menu bar.", "panel, where the panel shows such icons."];
        is_as_read("text/dialogs_expected.txt", &all.replace(there[0], there[1]));
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
