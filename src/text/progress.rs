//! What a command of a person waits for, and what was done when it was stopped.

use std::time::Duration;

use super::time::lasting;
use super::{cause_name, count};
use crate::act::{Act, Ending, Target};
use crate::verdict::Cause;
use crate::waiting::Waiting;

/// The live line.
pub fn live(since: Duration, what: &str) -> String {
    format!("{}, waiting for {what}", lasting(Duration::from_secs(since.as_secs())))
}

/// The same where nothing is drawn.
pub fn waiting(what: &str) -> String {
    format!("waiting for {what}")
}

/// What is waited for.
pub fn what(waiting: &Waiting, label: &str, manager: &str) -> String {
    let label = super::foreign(label);
    match waiting {
        Waiting::Look => "a look at the bridge".into(),
        Waiting::Manager => format!("{manager} to do it"),
        Waiting::Process { within } => format!("a new process of {label} ({} at most)", lasting(*within)),
        Waiting::Uptime { pid, least } => format!("pid {pid} to stay up for {}", lasting(*least)),
        Waiting::Works { pid, cause: Cause::LogStale } => format!("pid {pid} to write to its log"),
        Waiting::Works { pid, cause: Cause::Disconnected } => format!("pid {pid} to connect to Telegram"),
        Waiting::Works { pid, cause } => format!("pid {pid} to be well again ({})", cause_name(*cause)),
        Waiting::Exit { pid, within } => format!("pid {pid} to end ({} at most, then SIGKILL)", lasting(*within)),
        Waiting::Killed { pid } => format!("pid {pid} to end by SIGKILL"),
        Waiting::Work { tasks, within } => {
            format!("work under the bridge to end ({}, {} at most)", count(*tasks, "task", "tasks"), lasting(*within))
        }
        Waiting::Holder { pid, age } => {
            format!("pid {pid} to let go of the session's lock (it is ended once it is {} old)", lasting(*age))
        }
        Waiting::Session => "SQLite to bring the session into order".into(),
        Waiting::Git => "git".into(),
        Waiting::NextRung { rung, within } => format!("rung {} ({})", rung.number(), lasting(*within)),
        Waiting::Watch { within } => format!("the watchdog to watch ({} at most)", lasting(*within)),
        Waiting::Stop => format!("{label} to end"),
        Waiting::Telegram { within } => format!("Telegram's answer ({} at most)", lasting(*within)),
        Waiting::Message { bot, within } => {
            format!("a message to @{} ({} at most)", super::foreign(bot), lasting(*within))
        }
    }
}

/// An act, as something that was done.
pub fn act(act: &Act, label: &str, manager: &str) -> String {
    let label = super::foreign(label);
    match act {
        Act::Restart { pid } => format!("{manager} was asked to restart {label} (pid {pid})"),
        Act::Start => format!("{manager} was asked to start {label}"),
        Act::CleanSession => "SQLite was asked to bring the session into order".into(),
        Act::Revert => "the revert of HEAD was begun".into(),
        Act::UndoRevert => "the undoing of the revert was begun".into(),
        Act::Signal { signal, whom, pid, .. } => {
            let signal = if *signal == Ending::Ask { "SIGTERM" } else { "SIGKILL" };
            let whom = match whom {
                Target::Bridge => "the bridge",
                Target::Copy => "a copy of the bridge",
                Target::Holder => "a process that held the session's lock",
            };
            format!("{signal} was sent to {whom} (pid {pid})")
        }
    }
}

/// A signal ended the command. `again`: the second one, which does not wait for what is under way.
pub fn stopped(done: &[String], waits: Option<&str>, again: bool) -> String {
    let by = if again { "stopped at once" } else { "stopped" };
    let waits = waits.map_or_else(String::new, |what| format!("; not waited for: {what}"));
    match done {
        [] => format!("{by}; nothing was done"),
        done => format!("{by}. Done: {}{waits}. How it is now: bridge-watchdog check", done.join("; ")),
    }
}

/// The newest error in the bridge's log, for a command that failed.
pub fn last_error(line: &str) -> String {
    format!("The last error in its log: {line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_says_what_was_done_and_what_was_not() {
        assert_eq!(stopped(&[], Some("a look at the bridge"), false), "stopped; nothing was done");
        let done = ["systemd was asked to restart x (pid 4)".to_owned()];
        assert_eq!(
            stopped(&done, Some("a new process of x (90 s at most)"), true),
            "stopped at once. Done: systemd was asked to restart x (pid 4); not waited for: a new process of x (90 s at \
             most). How it is now: bridge-watchdog check"
        );
    }
}
