//! The messages that are sent to a person, for somebody who reads them on a phone at night. The first line says it all:
//! which machine, what is wrong, since when. Up to the first empty line is what everybody needs, after it what helps to
//! find the cause. Plain text.

use std::path::Path;

use super::diagnostics::{crashes, end_of_the_log, head, known, units};
use super::time::{at, lasting, time_of_day};
use super::{detail, foreign, further, issue, next, outcome, phrase, sentence_case, single_quoted};
use crate::config::Config;
use crate::facts::{Event, Facts};
use crate::foreign_text::Lines;
use crate::manager::Manager;
use crate::outcome::{Change, Cure, Failure, Outcome};
use crate::plan::{Acted, Incident};
use crate::report::spool::Kind;
use crate::time::{Clock, Wall};
use crate::verdict::{Cause, Finding, Head, Next, Problem, Rung, State, Verdict};

/// Telegram's limit for one message, in UTF-16 units.
pub const MOST: usize = 4096;

/// What is wrong with the bridge, what was done, what comes next, what a person can do, and what helps to find the cause.
/// `again`: the chain waits until then. `calls`: it needs a person.
pub fn alert(
    host: &str,
    config: &Config,
    facts: &Facts,
    verdict: &Verdict,
    incident: &Incident,
    again: Option<Wall>,
    calls: bool,
) -> String {
    let now = facts.clock;
    let Some(problem) = incident.problem.as_ref().or(verdict.first().map(|first| &first.problem)) else {
        return String::new();
    };
    // It may come and go; only a cure that was seen is one.
    let cured = matches!(incident.acts.last(), Some(Acted { outcome: Some(Outcome::Cured(_)), .. }));
    let well = cured && verdict.state.is_well();
    let acts = incident.acts.last().is_some_and(|last| last.outcome.is_none());
    let what = what_was(problem, incident.began, now);
    let mut lines = vec![match (well, calls) {
        (true, _) => format!("{host}: up again. Before: {what}."),
        (false, true) => format!("{host}: {what}. It needs you."),
        (false, false) => format!("{host}: {what}."),
    }];
    lines.extend(more(problem, now));
    // That alerts do not go out is no news for whoever gets this one.
    let others = verdict.findings.iter().map(|finding| &finding.problem);
    let others = others.filter(|other| other.cause() != problem.cause() && !matches!(other, Problem::Undelivered(_)));
    lines.extend(others.map(|other| issue(other, now)));
    lines.extend(incident.acts.iter().map(|acted| act(acted, now)));
    if !acts {
        lines.push(what_comes(verdict, again, now));
        lines.extend(you_can(config, problem, calls).into_iter().filter(|_| !well));
    }
    lines.extend(unpushed(config, incident));
    lines.push(String::new());
    lines.extend(findings(config, facts, verdict, incident.began, calls));
    with_the_log(config, facts, &lines)
}

/// That the bridge works, but not well.
pub fn degraded(host: &str, config: &Config, facts: &Facts, finding: &Finding) -> String {
    let (problem, now) = (&finding.problem, facts.clock);
    let detail = detail(problem, now).map_or_else(String::new, |detail| format!(": {detail}"));
    // Where no bridge is seen, that it works is more than is known.
    let how = if *problem == Problem::NothingInside { "" } else { "the bridge works, but not well: " };
    let mut lines = vec![format!("{host}: {how}{}{detail}.", phrase(problem, now))];
    lines.extend(further(problem));
    lines.push(format!("Next: {}.", next(finding.next, now)));
    lines.push(String::new());
    lines.extend(head(facts));
    with_the_log(config, facts, &lines)
}

/// That it ends again and again, and its manager starts it each time.
pub fn ends_again(host: &str, facts: &Facts, crashes: &[&Event], window: std::time::Duration) -> String {
    let last = crashes.last().map_or_else(String::new, |last| {
        format!("\nThe last at {}: {}.", at(last.at, facts.clock), foreign(&last.reason))
    });
    format!(
        "{host}: the bridge ended {} times within {}, and its manager started it again each time.{last}\nYou: \
         bridge-watchdog crashes --since 1h",
        crashes.len(),
        lasting(window)
    )
}

/// That an incident is over. `whole`: nothing of it was told before.
pub fn over(host: &str, config: &Config, ended: &Incident, now: Clock, whole: bool) -> String {
    let until = ended.well_since.map_or(now.wall, |since| now.wall_of(since));
    let (from, lasted) = (at(ended.began, now), lasting(until.since(ended.began)));
    let mut lines = vec![if ended.cause == Cause::Offline && ended.acts.is_empty() {
        format!("{host}: back online after {lasted} ({from} to {}).", at(until, now))
    } else {
        let rung = ended.acts.iter().map(|acted| acted.rung).max();
        let rung = rung.map_or_else(String::new, |rung| format!(", rung {} ({})", rung.number(), rung_name(rung)));
        format!("{host}: the bridge is back after {lasted} ({from} to {}){rung}.", at(until, now))
    }];
    if whole && ended.cause != Cause::Offline {
        lines.extend(ended.problem.iter().map(|problem| format!("It was: {}.", phrase(problem, now))));
    }
    if whole {
        lines.extend(ended.acts.iter().map(|acted| act(acted, now)));
    }
    let change = reverted(ended).filter(|_| !whole);
    lines.extend(change.map(|change| sentence_case(&super::changed(change)) + "."));
    lines.extend(unpushed(config, ended));
    config.secrets.readable(&lines.join("\n"), Lines::Keep)
}

/// That nothing has been done for the bridge for long.
pub fn reminder(host: &str, config: &Config, verdict: &Verdict, since: Wall, now: Clock) -> String {
    let what = verdict.first().map_or_else(String::new, |first| format!(" {}", issue(&first.problem, now)));
    let next = next(verdict.next, now);
    let mut lines =
        vec![format!("{host}: nothing has been healed since {}.{what}", at(since, now)), format!("Next: {next}.")];
    lines.extend(verdict.first().into_iter().flat_map(|first| you_can(config, &first.problem, true)));
    config.secrets.readable(&lines.join("\n"), Lines::Keep)
}

/// What `alert-test` sends.
pub fn test(host: &str) -> String {
    format!("{host}: this is a test of Bridge Watchdog. Its alerts arrive here.")
}

/// The title and the body of a notification on this machine, whose name it does not repeat. Up to the first empty line a
/// message has what everybody needs.
pub fn notification(host: &str, kind: Option<Kind>, text: &str) -> (&'static str, String) {
    let title = match kind {
        Some(Kind::Act) => "The bridge is being healed",
        Some(Kind::Need) => "The bridge needs you",
        Some(Kind::Over) => "The bridge is back",
        None => "Something about the bridge",
    };
    let gist = text.split("\n\n").next().unwrap_or(text);
    let gist = gist.strip_prefix(host).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(gist);
    (title, sentence_case(gist))
}

/// The same for a message that does not go out. Why stands first: nobody cuts that off.
pub fn not_delivered(why: &str, headline: &str) -> (&'static str, String) {
    ("An alert does not go out by Telegram", format!("{}.\nThe alert: {headline}", sentence_case(&foreign(why))))
}

/// What a journal line says of a message.
pub fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The text cut to the length of a message.
pub fn fitted(text: &str) -> String {
    if units(text) <= MOST {
        return text.to_owned();
    }
    let mut units = 1;
    let kept: String = text
        .chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= MOST
        })
        .collect();
    kept + "…"
}

/// A problem's own phrase often says since when; the others get when the incident began.
fn what_was(problem: &Problem, began: Wall, now: Clock) -> String {
    let when = match problem {
        Problem::Offline { .. } | Problem::StopHang { .. } | Problem::Disconnected { .. } => String::new(),
        _ => format!(", since {}", at(began, now)),
    };
    phrase(problem, now) + &when
}

/// What else is known of a problem.
fn more(problem: &Problem, now: Clock) -> Vec<String> {
    let detail = detail(problem, now).map(|detail| sentence_case(&detail) + ".");
    detail.into_iter().chain(further(problem)).collect()
}

/// An act with its time and its result.
pub(super) fn act(acted: &Acted, now: Clock) -> String {
    let how = match &acted.outcome {
        None => "under way".into(),
        // What follows from it stands below.
        Some(Outcome::Cured(Cure::HeadChanged { change, up })) => {
            let up = up.map_or_else(String::new, |pid| format!("; pid {pid} runs without it"));
            format!("done: {}{up}", super::changed(change))
        }
        Some(Outcome::Failed(Failure::AfterChange(change, last))) => {
            format!("failed: {}; but then: {}", super::changed(change), outcome(last, now))
        }
        Some(how) => outcome(how, now),
    };
    format!("{} rung {} ({}): {how}", time_of_day(acted.at, now), acted.rung.number(), rung_name(acted.rung))
}

fn rung_name(rung: Rung) -> &'static str {
    match rung {
        Rung::Restart => "restart",
        Rung::EndStale => "end and restart",
        Rung::FreeSession => "free the session",
        Rung::Revert => "revert HEAD",
        Rung::Tell => "tell you",
    }
}

fn what_comes(verdict: &Verdict, again: Option<Wall>, now: Clock) -> String {
    let next = match (verdict.state, verdict.next) {
        (state, _) if state.is_well() => {
            return format!("Now: {}. You hear once more when all has been well for 5 min.", super::headline(verdict));
        }
        // To whom this is said is told by it.
        (_, Next::Tell | Next::LeaveDisabled) | (State::Unhealthy, _) if again.is_some() => {
            let again = again.map_or_else(String::new, |again| at(again, now));
            format!("all that may help is tried again at {again}, and so on")
        }
        (_, Next::Tell) => "nothing but you can help".into(),
        (_, next) => super::next(next, now),
    };
    format!("Next: {next}.")
}

/// What a person can do, as a command where there is one.
fn you_can(config: &Config, problem: &Problem, calls: bool) -> Vec<String> {
    let (root, data) = (quoted(&config.root), quoted(&config.root.join(crate::contract::DATA)));
    let log = quoted(&config.error_log);
    let restart = "bridge-watchdog restart";
    let line = |words: &str| vec![format!("You: {words}")];
    match problem {
        Problem::LoginNeeded => vec![format!("To log in: cd {root} && {}", foreign(&config.login.join(" ")))],
        Problem::OperatorStop if config.manager == Manager::Systemd => {
            line(&format!("systemctl --user enable --now {}", foreign(&config.label)))
        }
        Problem::OperatorStop if config.manager == Manager::Launchd => {
            line(&format!("launchctl enable gui/$(id -u)/{}, then {restart}", foreign(&config.label)))
        }
        Problem::Paused(_) => line("bridge-watchdog resume"),
        Problem::NoService => line("bridge-watchdog install"),
        Problem::ExitCode2 | Problem::CannotStart { .. } | Problem::BrokenEnvironment { .. } => {
            line(&format!("tail -n 30 {log}, mend it, then {restart}"))
        }
        Problem::ActiveWithoutProcess => line(restart),
        Problem::DiskFull => line(&format!("df -h {root}, and make room")),
        Problem::MarkersUnseen(_) => line(&format!("chmod u+rwx {data}")),
        Problem::OutsideManager { pid, .. } => line(&format!("kill {pid}, then {restart}")),
        Problem::SessionLocked { pid, left: Some(_) } => line(&format!("end it: kill {pid} (as its user)")),
        Problem::SessionLocked { .. } => line("bridge-watchdog locks"),
        Problem::NotLoaded => line(&format!("{restart} loads it at once")),
        Problem::CrashLoop { head: Head::Suspect { opted_in: false, .. }, .. } => {
            line("bridge-watchdog revert takes HEAD back; or mend it, then bridge-watchdog restart")
        }
        Problem::ProcessUnseen(_) | Problem::LogUnseen(_) => line("bridge-watchdog check"),
        Problem::FloodWait { .. }
        | Problem::Offline { .. }
        | Problem::OperatorStop
        | Problem::ConditionUnmet(_)
        | Problem::RecoveryRunning(_)
        | Problem::UpdateRunning(_) => Vec::new(),
        // No rung has helped, and the log says most.
        _ if calls => line(&format!("tail -n 30 {log}, mend it, then {restart}")),
        // Rung by rung we do all that a command could.
        _ => Vec::new(),
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    single_quoted(&foreign(&path.to_string_lossy()))
}

/// What a person has to know where HEAD is a revert of ours.
fn unpushed(config: &Config, incident: &Incident) -> Vec<String> {
    let root = quoted(&config.root);
    reverted(incident).map_or_else(Vec::new, |_| {
        vec![
            "Nothing was pushed, so the next pull that brings a fix is no fast-forward.".into(),
            format!("To keep the revert: git -C {root} push"),
            "To undo it: bridge-watchdog undo-revert".into(),
        ]
    })
}

/// What was done to HEAD last.
fn reverted(incident: &Incident) -> Option<&Change> {
    incident.acts.iter().rev().find_map(|acted| match acted.outcome.as_ref()? {
        Outcome::Cured(Cure::HeadChanged { change, .. }) | Outcome::Failed(Failure::AfterChange(change, _)) => {
            Some(change)
        }
        _ => None,
    })
}

/// The error, the commit and, where a person has to find the cause, all else that is known.
fn findings(config: &Config, facts: &Facts, verdict: &Verdict, began: Wall, calls: bool) -> Vec<String> {
    /// What led to it happened before.
    const BEFORE: std::time::Duration = std::time::Duration::from_mins(30);
    let error = crashes(facts, began - BEFORE).find_map(|crash| crash.error.as_ref());
    let error = error.map(|error| format!("Error: {}", foreign(error)));
    let rest = if calls { known(config, facts, verdict, began - BEFORE) } else { head(facts).into_iter().collect() };
    error.into_iter().chain(rest).collect()
}

fn with_the_log(config: &Config, facts: &Facts, lines: &[String]) -> String {
    let text = config.secrets.readable(lines.join("\n").trim_end(), Lines::Keep);
    let room = MOST.saturating_sub(units(&text));
    text + &end_of_the_log(facts, room)
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
