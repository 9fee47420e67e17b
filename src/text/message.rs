//! The messages that are sent to a person, with diagnostics. Plain text, host name first.

use super::time::{at, lasting};
use super::{changed, exit, foreign, headline, issue, issues, next, outcome, unknown};
use crate::config::Config;
use crate::facts::{EventKind, Facts, short_id};
use crate::foreign_text::Lines;
use crate::outcome::{Change, Outcome};
use crate::plan::Incident;
use crate::time::{Clock, Wall};
use crate::verdict::{Cause, Rung, State, Verdict};

/// Telegram's limit for one message, in UTF-16 units.
pub const MOST: usize = 4096;

/// What is wrong, what happens next, what a person can do, and the end of the log.
pub fn alert(host: &str, config: &Config, facts: &Facts, verdict: &Verdict, tried: &[(Rung, Outcome)]) -> String {
    let now = facts.clock;
    let what = match (verdict.state, verdict.cause) {
        (State::Degraded, _) => "the Telegram bridge works, but not well",
        (_, Cause::NotLoaded) if verdict.level() == 0 => "the Telegram bridge is not loaded",
        (_, Cause::Offline) => "the Telegram bridge has been cut off for long",
        _ => "the Telegram bridge needs you",
    };
    let mut text = format!("{host}: {what}\n");
    for issue in issues(verdict, now) {
        text.push_str(&format!("{issue}\n"));
    }
    for (rung, how) in tried {
        text.push_str(&format!("Rung {}: {}\n", rung.number(), outcome(how, now)));
    }
    text.push_str(&format!("Next: {}.\n", next(verdict.next, now)));
    if verdict.cause == Cause::AuthRequired {
        let (root, login) = (foreign(&config.root.to_string_lossy()), foreign(&config.login.join(" ")));
        text.push_str(&format!("To log in: cd '{root}' && {login}\n"));
    }
    text.push_str(&format!("\n{}", findings(config, facts, verdict).join("\n")));
    let text = config.secrets.readable(&text, Lines::Keep);
    let room = MOST.saturating_sub(units(&text));
    text + &end_of_the_log(facts, room)
}

/// That HEAD is a revert of ours, or is no longer one.
pub fn head_changed(host: &str, config: &Config, change: &Change) -> String {
    let root = foreign(&config.root.to_string_lossy());
    format!(
        "{host}: {}, because it crashed the Telegram bridge, which is up again.\nNothing was pushed, so the next pull that \
         brings a fix is no fast-forward.\nTo keep the revert: git -C '{root}' push\nTo undo it: bridge-watchdog undo-revert",
        changed(change)
    )
}

/// That an incident is over.
pub fn over(host: &str, ended: &Incident, now: Clock) -> String {
    let rung = ended.chains.iter().map(|chain| chain.rung).max();
    let rung = rung.map_or_else(String::new, |rung| format!(", rung {}", rung.number()));
    format!("{host}: the bridge is back after {}{rung}.", lasting(now.wall.since(ended.began)))
}

/// That recovery has been standing still for long.
pub fn reminder(host: &str, verdict: &Verdict, since: Wall, now: Clock) -> String {
    let issue = verdict.first().map_or_else(String::new, |first| format!(" {}", issue(&first.problem, now)));
    format!("{host}: nothing has been healed since {}.{issue} Next: {}.", at(since, now), next(verdict.next, now))
}

/// What a person needs to find the cause, without secrets. The log's last lines are the bridge's own.
pub fn diagnostics(config: &Config, facts: &Facts, verdict: &Verdict) -> String {
    config.secrets.readable(&findings(config, facts, verdict).join("\n"), Lines::Keep)
        + &end_of_the_log(facts, usize::MAX)
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

/// The newest lines that fit, of each log in turn: the error that ended the bridge is the last line of one of them.
/// Secrets were removed from them before.
fn end_of_the_log(facts: &Facts, room: usize) -> String {
    const TITLE: &str = "\nend of the log:";
    let ends = facts.log.known().map_or(&[][..], |log| log.ends.as_slice());
    let mut left = room.saturating_sub(units(TITLE));
    let mut taken = vec![0; ends.len()];
    let mut open = vec![true; ends.len()];
    while open.contains(&true) {
        for (nth, lines) in ends.iter().enumerate().filter(|(nth, _)| open[*nth]).collect::<Vec<_>>() {
            let next = lines.iter().rev().nth(taken[nth]).map(|line| units(line) + 1).filter(|cost| *cost <= left);
            open[nth] = next.is_some();
            taken[nth] += usize::from(next.is_some());
            left -= next.unwrap_or(0);
        }
    }
    let lines = ends.iter().zip(taken).flat_map(|(lines, taken)| &lines[lines.len() - taken..]);
    let lines: Vec<&str> = lines.map(String::as_str).collect();
    if lines.is_empty() { String::new() } else { format!("{TITLE}\n{}", lines.join("\n")) }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn findings(config: &Config, facts: &Facts, verdict: &Verdict) -> Vec<String> {
    let now = facts.clock;
    let mut lines = vec![format!("{} at {}", headline(verdict), at(now.wall, now))];
    if let Some(job) = facts.service.known() {
        let pid = facts.running().map_or_else(
            || "no process".into(),
            |process| format!("pid {}, up for {}", process.id.pid, lasting(process.age)),
        );
        let runs = job.runs.map_or_else(|| "unknown".into(), |runs| runs.to_string());
        let (label, exit) = (foreign(&config.label), exit(&job.last_exit));
        lines.push(format!("service {label}: {pid}; runs {runs}; last exit {exit}"));
    }
    if let Some(git) = facts.git.known() {
        let age = git
            .committed
            .age(now.wall)
            .map_or_else(|| "dated in the future".into(), |age| format!("{} old", lasting(age)));
        lines.push(format!("HEAD {} {} ({age})", short_id(&git.head), foreign(&git.summary)));
    }
    if let Some(events) = facts.crashes.known() {
        for event in events.iter().rev().filter(|event| event.kind == EventKind::Crash).take(5) {
            let (reason, commit) = (foreign(&event.reason), foreign(&event.commit));
            lines.push(format!("crash at {}: {reason} on {commit}", at(event.at, now)));
        }
    }
    lines.extend(verdict.unknown.iter().map(|fact| format!("not known: {}", unknown(fact))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Fact, Log};

    fn facts(ends: Vec<Vec<String>>) -> Facts {
        Facts { log: Fact::Known(Log { ends, ..Log::default() }), ..Facts::unseen() }
    }

    /// The exception is the last line of the error log, and long lines of JSON stand before and after it.
    #[test]
    fn incident_19_the_newest_lines_are_what_fits() {
        let json = |n: usize| format!("{{\"n\": {n}, \"message\": \"{}\"}}", "x".repeat(380));
        let error_log: Vec<String> = (0..14).map(json).chain(["KeyError: 'the cause'".into()]).collect();
        let log: Vec<String> = (20..35).map(json).collect();
        let facts = facts(vec![error_log, log]);
        let text = end_of_the_log(&facts, 3000);
        assert!(units(&text) <= 3000 && units(&text) > 2500, "{}", units(&text));
        let seen: Vec<String> = text.lines().skip(2).map(|line| line.chars().take(8).collect()).collect();
        let numbered = |n: u32| format!("{{\"n\": {n}");
        let expected = (11..=13).map(numbered).chain(["KeyError".into()]).chain((31..=34).map(numbered));
        assert_eq!(seen, expected.collect::<Vec<_>>());
        assert_eq!(end_of_the_log(&facts, usize::MAX).lines().count(), 32);
        assert_eq!(end_of_the_log(&facts, 10), "");
    }

    #[test]
    fn a_message_fits_and_loses_no_half_character() {
        let text = "🌉".repeat(3000);
        let fitted = fitted(&text);
        assert!(units(&fitted) <= MOST && fitted.ends_with("🌉…"));
    }
}
