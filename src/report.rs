//! Tells one person. Messages are built here from facts (pure); a thread of its own delivers them, so that a slow
//! Telegram makes no look late. Until Telegram's own ok the newest message lies in one spool file and is tried again at
//! every tick.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde::{Deserialize, Serialize};

use crate::assess::{Cause, State, Verdict};
use crate::config::{Config, Telegram};
use crate::facts::{Clock, EventKind, Facts};
use crate::limits::Environment;
use crate::plan::Incident;
use crate::secrets::Secrets;
use crate::snapshot::name;
use crate::system::journal::Journal;
use crate::system::telegram::{self, SendError};
use crate::system::wake::Waker;
use crate::system::{clock, files};
use crate::words::{at, lasting};

pub struct Reporter {
    telegram: Option<Telegram>,
    spool: PathBuf,
    secrets: Secrets,
    outbox: Sender<String>,
    results: Receiver<Result<i64, SendError>>,
    /// A message is with the thread, and its answer is owed.
    sending: Option<String>,
    /// No sooner than this; mono.
    not_before: f64,
    /// Seconds between two tries.
    pace: f64,
    /// Shows a title and a text on this machine; the headless watch has nobody to show them to.
    pub notification: Option<Box<dyn FnMut(&str, &str) + Send>>,
}

/// The one undelivered message; the newest state of things, not a queue.
#[derive(Serialize, Deserialize)]
struct Spooled {
    text: String,
}

impl Reporter {
    pub fn new(config: &Config, environment: &Environment, waker: Waker) -> Reporter {
        let (outbox, messages) = channel::<String>();
        let (answers, results) = channel();
        if let Some(telegram) = config.telegram.clone() {
            let limit = environment.limits.send;
            let thread = std::thread::Builder::new().name("telegram".into());
            let _ = thread.spawn(move || {
                while let Ok(text) = messages.recv() {
                    if answers.send(telegram::send(&telegram, &text, limit)).is_err() {
                        return;
                    }
                    waker.wake();
                }
            });
        }
        Reporter {
            telegram: config.telegram.clone(),
            spool: config.state.join("undelivered.json"),
            secrets: config.secrets.clone(),
            outbox,
            results,
            sending: None,
            not_before: 0.0,
            pace: environment.limits.tick,
            notification: None,
        }
    }

    /// Tells that no rung helped, or that only a person can: diagnostics to the journal, a DM to the person.
    pub fn tell(&mut self, config: &Config, journal: &Journal, facts: &Facts, verdict: &Verdict) {
        let report = diagnostics(config, facts, verdict);
        for line in report.lines() {
            journal.note(&format!("diagnostics: {line}"));
        }
        self.queue(journal, &alert(config, facts, verdict));
    }

    /// Tells that it is over, if it was told that it began.
    pub fn over(&mut self, journal: &Journal, ended: &Incident, now: Clock) {
        let rung = ended.chains.iter().map(|chain| chain.rung).max().unwrap_or(0);
        let text = format!(
            "{}: the bridge is back after {}{}.",
            host(),
            lasting(now.wall - ended.began),
            if rung > 0 { format!(", rung {rung}") } else { String::new() }
        );
        journal.note(&format!("over: {text}"));
        if ended.alerted {
            self.queue(journal, &text);
        }
    }

    /// Tells that recovery has been standing still for long.
    pub fn remind(&mut self, journal: &Journal, verdict: &Verdict, since: f64, now: Clock) {
        let issue = verdict.issues.first().map_or("", String::as_str);
        let text =
            format!("{}: nothing has been healed since {}. {issue} Next: {}.", host(), at(since, now), verdict.next);
        journal.note(&format!("reminder: {text}"));
        self.queue(journal, &text);
    }

    /// Takes in what became of the last message, and sends what is spooled. Called at every tick; `undelivered` is why
    /// an alert does not go out.
    pub fn deliver(&mut self, journal: &Journal, undelivered: &mut Option<String>) {
        if let Ok(result) = self.results.try_recv() {
            let sent = self.sending.take();
            match result {
                Ok(id) => {
                    journal.note(&format!("the alert was delivered (message {id})"));
                    *undelivered = None;
                    // A newer one may have taken its place meanwhile.
                    if files::json::<Spooled>(&self.spool).is_some_and(|spooled| Some(&spooled.text) == sent.as_ref()) {
                        files::remove(&self.spool);
                    }
                }
                Err(send_error) => {
                    if undelivered.as_ref() != Some(&send_error.why) {
                        journal.note(&format!("the alert was not delivered: {}", send_error.why));
                        self.notify("An alert of Bridge Watchdog does not go out", &send_error.why);
                    }
                    // The answer wakes the loop, which must not become a stream of messages.
                    self.not_before = clock::mono() + send_error.retry_after.unwrap_or(0.0).max(self.pace);
                    *undelivered = Some(send_error.why);
                }
            }
        }
        self.send_spooled();
    }

    fn notify(&mut self, title: &str, text: &str) {
        if let Some(show) = &mut self.notification {
            show(title, text);
        }
    }

    fn send_spooled(&mut self) {
        if self.sending.is_none()
            && clock::mono() >= self.not_before
            && self.telegram.is_some()
            && let Some(spooled) = files::json::<Spooled>(&self.spool)
        {
            self.send(spooled.text);
        }
    }

    fn send(&mut self, text: String) {
        self.sending = Some(text.clone());
        let _ = self.outbox.send(text);
    }

    fn queue(&mut self, journal: &Journal, text: &str) {
        let text = self.secrets.without(text);
        if self.telegram.is_none() {
            journal.note("nobody is told by Telegram: there is no [telegram] section in the configuration");
            self.notify("The Telegram bridge needs you", &text);
            return;
        }
        match files::replace_json(&self.spool, &Spooled { text: text.clone() }) {
            Ok(()) => self.send_spooled(),
            Err(why) => {
                // Without a spool there is one try all the same.
                journal.note(&why);
                if self.sending.is_none() {
                    self.send(text);
                }
            }
        }
    }
}

/// The DM: what is wrong, what happens next, what a person can do, and the end of the log. Host name first.
pub fn alert(config: &Config, facts: &Facts, verdict: &Verdict) -> String {
    let what = match (verdict.state, verdict.cause) {
        (State::Degraded, _) => "the Telegram bridge works, but not well",
        (_, Cause::NotLoaded) if verdict.rung == 0 => "the Telegram bridge is not loaded",
        _ => "the Telegram bridge needs you",
    };
    let mut text = format!("{}: {what}\n", host());
    for issue in &verdict.issues {
        text.push_str(&format!("{issue}\n"));
    }
    text.push_str(&format!("Next: {}.\n", verdict.next.trim_end_matches('.')));
    if verdict.cause == Cause::AuthRequired {
        text.push_str(&format!("To log in: cd '{}' && {}\n", config.root.display(), config.login.join(" ")));
    }
    text.push_str(&format!("\n{}", config.secrets.without(&findings(config, facts, verdict).join("\n"))));
    let room = telegram::MOST.saturating_sub(units(&text));
    text + &end_of_the_log(facts, room)
}

/// What helps a person to see at once what it is, without secrets. The log's last lines are the bridge's own words.
pub fn diagnostics(config: &Config, facts: &Facts, verdict: &Verdict) -> String {
    config.secrets.without(&findings(config, facts, verdict).join("\n")) + &end_of_the_log(facts, usize::MAX)
}

/// The newest lines that fit, of each log in turn: what killed the bridge is the last line of one of them. They have no
/// secrets any more.
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
    let mut lines = vec![format!("{} {} at {}", name(&verdict.state), name(&verdict.cause), at(now.wall, now))];
    if let Some(job) = facts.service.known() {
        let pid = facts.process.known().copied().flatten().map_or_else(
            || "no process".into(),
            |process| format!("pid {}, up for {}", process.id.pid, lasting(process.age)),
        );
        lines.push(format!(
            "service {}: {pid}; runs {}; last exit {}",
            config.label,
            job.runs.map_or_else(|| "unknown".into(), |runs| runs.to_string()),
            job.last_exit
        ));
    }
    if let Some(git) = facts.git.known() {
        lines.push(format!(
            "HEAD {} {} ({} old)",
            &git.head[..git.head.len().min(8)],
            git.summary,
            lasting(now.wall - git.committed)
        ));
    }
    if let Some(events) = facts.crashes.known() {
        for event in events.iter().rev().filter(|event| event.kind == EventKind::Crash).take(5) {
            lines.push(format!("crash at {}: {} on {}", at(event.at, now), event.reason, event.commit));
        }
    }
    lines.extend(verdict.unknown.iter().map(|unknown| format!("not known: {unknown}")));
    lines
}

fn host() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "this machine".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Fact, Holds, Log};

    fn facts(ends: Vec<Vec<String>>) -> Facts {
        let unknown = || "not looked at".to_owned();
        Facts {
            clock: Clock::default(),
            service: Fact::Unknown(unknown()),
            process: Fact::Unknown(unknown()),
            duplicates: Fact::Unknown(unknown()),
            log: Fact::Known(Log { ends, ..Log::default() }),
            session: Fact::Unknown(unknown()),
            sockets: Fact::Unknown(unknown()),
            network: None,
            crashes: Fact::Unknown(unknown()),
            git: Fact::Unknown(unknown()),
            disk: Fact::Unknown(unknown()),
            markers: Fact::Unknown(unknown()),
            holds: Holds::default(),
        }
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
}
