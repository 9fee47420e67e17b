//! What a person needs to find the cause: `diagnostics`, the second half of an alert, the journal. Pure.

use std::collections::HashSet;

use super::message::act;
use super::time::{at, lasting};
use super::{cause_name, exit, foreign, headline, issues, unknown};
use crate::check::LifeFact;
use crate::config::Config;
use crate::facts::{Event, EventKind, Facts, short_id};
use crate::foreign_text::Lines;
use crate::plan::Incident;
use crate::time::Wall;
use crate::verdict::Verdict;

/// The whole report, without secrets. The log's last lines are the bridge's own.
pub fn report(config: &Config, facts: &Facts, verdict: &Verdict) -> String {
    let mut lines = vec![headline(verdict)];
    lines.extend(issues(verdict, facts.clock));
    lines.extend(known(config, facts, verdict, Wall::default()));
    config.secrets.readable(&lines.join("\n"), Lines::Keep) + &end_of_the_log(facts, usize::MAX)
}

/// What a person sends along who asks for help.
pub struct About<'a> {
    pub version: &'a str,
    /// The operating system with its version, and the processor.
    pub system: String,
    /// The bridge's service manager.
    pub manager: &'a str,
    /// Whether the bridge lives, and by what signs.
    pub life: Option<LifeFact>,
    /// The incident that is open.
    pub incident: Option<Incident>,
}

/// The whole report for a person: as [`report`], with what it is about, what was tried, and the signs of life.
pub fn whole(config: &Config, facts: &Facts, verdict: &Verdict, about: &About) -> String {
    let mut lines = vec![headline(verdict)];
    lines.extend(issues(verdict, facts.clock));
    lines.push(format!("bridge-watchdog {} on {}", about.version, foreign(&about.system)));
    let path = |path: &std::path::Path| foreign(&path.to_string_lossy());
    lines.push(format!(
        "manager {}; configuration {}; checkout {}",
        about.manager,
        path(&config.file),
        path(&config.root)
    ));
    lines.push(match &about.life {
        None => "signs of life: none seen, and no sign of death".into(),
        Some(life) => {
            let kind = if life.alive { "signs of life" } else { "signs of death" };
            format!("{kind}: {}", life.signs.join("; "))
        }
    });
    lines.extend(tried(about.incident.as_ref(), facts));
    lines.extend(known(config, facts, verdict, Wall::default()));
    config.secrets.readable(&lines.join("\n"), Lines::Keep) + &end_of_the_log(facts, usize::MAX)
}

fn tried(incident: Option<&Incident>, facts: &Facts) -> Vec<String> {
    let Some(incident) = incident else { return vec!["no incident is open".into()] };
    let now = facts.clock;
    let acts = incident.acts.iter().map(|acted| act(acted, now));
    let began = format!("incident since {}: {}", at(incident.began, now), cause_name(incident.cause));
    let none = incident.acts.is_empty().then(|| "nothing was tried yet".to_owned());
    std::iter::once(began).chain(acts).chain(none).collect()
}

/// The service, the commit, the last crashes after `since`, and what is not known: a line each. Not without secrets.
pub fn known(config: &Config, facts: &Facts, verdict: &Verdict, since: Wall) -> Vec<String> {
    let now = facts.clock;
    let mut lines = Vec::new();
    if let Some(job) = facts.service.known() {
        let pid = facts.running().map_or_else(
            || "no process".into(),
            |process| format!("pid {}, up for {}", process.id.pid, lasting(process.age)),
        );
        let runs = job.runs.map_or_else(|| "unknown".into(), |runs| runs.to_string());
        let (label, exit) = (foreign(&config.label), exit(&job.last_exit));
        lines.push(format!("service {label}: {pid}; runs {runs}; last exit {exit}"));
    }
    lines.extend(head(facts));
    for event in crashes(facts, since).take(5) {
        let (reason, commit) = (foreign(&event.reason), foreign(&event.commit));
        lines.push(format!("crash at {}: {reason} on {commit}", at(event.at, now)));
    }
    lines.extend(verdict.unknown.iter().map(|fact| format!("not known: {}", unknown(fact))));
    lines
}

/// The commit that the bridge runs with, and its age.
pub fn head(facts: &Facts) -> Option<String> {
    let git = facts.git.known()?;
    let age = git.committed.age(facts.clock.wall);
    let age = age.map_or_else(|| "dated in the future".into(), |age| format!("{} old", lasting(age)));
    Some(format!("HEAD {} {} ({age})", short_id(&git.head), foreign(&git.summary)))
}

/// The crashes after this time, the newest first. What the history holds from before is no news.
pub fn crashes(facts: &Facts, since: Wall) -> impl Iterator<Item = &Event> {
    let events = facts.crashes.known().map_or(&[][..], Vec::as_slice).iter().rev();
    events.filter(move |event| event.kind == EventKind::Crash && event.at >= since)
}

/// The newest lines that fit, of each log in turn: the error that ended the bridge is the last line of one of them. Secrets
/// were removed from them before.
pub fn end_of_the_log(facts: &Facts, room: usize) -> String {
    const TITLE: &str = "\n\nend of the log:";
    let ends = facts.log.known().map_or(&[][..], |log| log.ends.as_slice());
    let ends = once(ends);
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
    let lines: Vec<&str> = lines.copied().collect();
    if lines.is_empty() { String::new() } else { format!("{TITLE}\n{}", lines.join("\n")) }
}

/// Each line once, where it was said last: standard error often gets what the log gets, and a bridge that dies again and
/// again says the same each time.
fn once(ends: &[Vec<String>]) -> Vec<Vec<&str>> {
    let mut said = HashSet::new();
    let mut logs: Vec<Vec<&str>> = Vec::new();
    for lines in ends.iter().rev() {
        let mut kept: Vec<&str> = lines.iter().rev().map(String::as_str).filter(|line| said.insert(*line)).collect();
        kept.reverse();
        logs.insert(0, kept);
    }
    logs
}

/// The length as Telegram counts it.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
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
        let seen: Vec<String> = text.lines().skip(3).map(|line| line.chars().take(8).collect()).collect();
        let numbered = |n: u32| format!("{{\"n\": {n}");
        let expected = (11..=13).map(numbered).chain(["KeyError".into()]).chain((31..=34).map(numbered));
        assert_eq!(seen, expected.collect::<Vec<_>>());
        assert_eq!(end_of_the_log(&facts, usize::MAX).lines().count(), 33);
        assert_eq!(end_of_the_log(&facts, 10), "");
    }

    #[test]
    fn a_line_that_both_logs_have_stands_once() {
        let lines = |list: &[&str]| list.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        let facts = facts(vec![
            lines(&["12:00 up", "Traceback", "KeyError", "Traceback", "KeyError"]),
            lines(&["12:00 up", "12:01 busy", "12:01 busy"]),
        ]);
        assert_eq!(end_of_the_log(&facts, 1000), "\n\nend of the log:\nTraceback\nKeyError\n12:00 up\n12:01 busy");
    }
}
