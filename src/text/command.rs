//! What the commands print for a person.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::outages::{healed, incident};
use super::time::{at, at_second, lasting};
use super::{foreign, headline, issues, next, outcome, unknown};
use crate::crash_groups::Group;
use crate::facts::{Event, EventKind, Facts, Holder, Job, Lock, Process, Role, short_id};
use crate::holders::May;
use crate::locks::{Locks, SessionUser};
use crate::outages::{Healed, Outage};
use crate::outcome::Outcome;
use crate::revert::Prepared;
use crate::snapshot::Snapshot;
use crate::time::{Clock, Wall};
use crate::verdict::{Finding, Next, Rung, State, Verdict};

/// That Telegram took a test message.
pub fn test_arrived(chat: i64, id: i64) -> String {
    format!("Done: Telegram took it (message {id} to chat {chat}). It is on your phone now.")
}

/// The least that a configuration has, as it is written into the file.
pub const EXAMPLE: &str = "By hand, this is enough:\n\n[bridge]\nroot = \"~/src/ai\"  # its git checkout\n";

/// `install` or `uninstall` was stopped.
pub fn install_stopped(on: bool) -> &'static str {
    if on {
        "stopped. What is said above was done, and nothing else; to go on: bridge-watchdog install"
    } else {
        "stopped. What is said above was done, and nothing else; to go on: bridge-watchdog uninstall"
    }
}

/// Why only our own agent is removed.
pub fn uninstall_without(why: &str) -> String {
    format!("{}. So which bridge it was is not known: only our own agent is removed.", foreign(why))
}

/// One look: what is wrong, the process, what is not known, what comes next. `watched`: a watch runs, which does that.
pub fn check(facts: &Facts, verdict: &Verdict, watched: bool) -> Vec<String> {
    let mut lines = judged(verdict, facts.clock);
    if let Some(process) = facts.running() {
        lines.push(format!("  pid {}, up for {}", process.id.pid, lasting(process.age)));
    }
    lines.extend(verdict.unknown.iter().map(|fact| format!("  not known: {}", unknown(fact))));
    lines.push(format!("Next: {}", next_by(watched, verdict.next, facts.clock)));
    lines
}

/// What happens next where perhaps no watch runs: then nothing that only a watch does.
pub fn next_by(watched: bool, next: Next, now: Clock) -> String {
    match next {
        _ if watched => super::next(next, now),
        // A person's turn, or the world's.
        Next::Person(_) | Next::OperatorStarts | Next::ConditionMet => super::next(next, now),
        _ => "nothing: no watch runs; start it: bridge-watchdog run".into(),
    }
}

/// The state, and what is wrong.
pub fn judged(verdict: &Verdict, now: Clock) -> Vec<String> {
    let issues = issues(verdict, now).into_iter().map(|issue| format!("  {issue}"));
    std::iter::once(headline(verdict)).chain(issues).collect()
}

/// Whether a watchdog runs: its pid, and whether it has missed two looks.
pub fn watching(root: &Path, watching: Option<u32>, overdue: bool) -> String {
    let root = foreign(&root.to_string_lossy());
    match watching {
        None => format!("No watchdog is running for {root}; start it: bridge-watchdog run"),
        Some(pid) if overdue => format!("The watchdog (pid {pid}) is overdue: it has missed two looks."),
        Some(pid) => format!("The watchdog (pid {pid}) is watching {root}."),
    }
}

/// Whether the bridge's service is there.
pub fn service(label: &str, job: &Result<Job, String>) -> String {
    let label = foreign(label);
    match job {
        Ok(job) if job.loaded => format!("The bridge's service ({label}) is loaded."),
        Ok(job) if job.installed => format!("The bridge's service ({label}) is installed, but not loaded."),
        Ok(_) => format!("The bridge's service ({label}) is not installed; run: bridge-watchdog install"),
        Err(why) => format!("The bridge's service can't be asked about: {}", foreign(why)),
    }
}

/// What the watchdog saw last.
pub fn seen(snapshot: &Snapshot, watched: bool, now: Clock) -> Vec<String> {
    let verdict = &snapshot.verdict;
    let seen = lasting(now.mono.since(snapshot.clock.mono));
    let mut lines = vec![format!("Seen {seen} ago: {} since {}", headline(verdict), at(snapshot.since, now))];
    lines.extend(issues(verdict, now).into_iter().map(|issue| format!("  {issue}")));
    lines.push(format!("Next: {}", next_by(watched, verdict.next, now)));
    lines
}

/// Our own agent, as `status` names it.
pub struct OurAgent {
    pub file: PathBuf,
    pub installed: bool,
    pub loaded: Result<bool, String>,
    pub program: Option<String>,
    /// Of the program that its file names; `None` if it can't be asked.
    pub version: Option<String>,
    /// Of the watch that runs now.
    pub running_version: Option<String>,
}

/// Our own agent: where its file is, whether it is loaded, what it starts.
pub fn agent(agent: &OurAgent) -> String {
    let file = foreign(&agent.file.to_string_lossy());
    if !agent.installed {
        return format!("Our own agent is not installed ({file}); run: bridge-watchdog install");
    }
    let loaded = match &agent.loaded {
        Ok(true) => "loaded".into(),
        Ok(false) => "not loaded".into(),
        Err(why) => format!("whether it is loaded can't be asked: {}", foreign(why)),
    };
    let program = foreign(agent.program.as_deref().unwrap_or("unknown"));
    let version = agent
        .version
        .as_deref()
        .map_or_else(|| "of unknown version".into(), |text| format!("version {}", foreign(text)));
    let running = agent.running_version.as_ref().filter(|running| agent.version.as_ref() != Some(running));
    let running = running.filter(|running| !running.is_empty());
    let running = running.map_or_else(String::new, |text| format!("; version {} runs", foreign(text)));
    format!("Our own agent is installed ({file}; {loaded}): {program}, {version}{running}")
}

/// Whether anybody is told.
pub fn alerts(chat: Option<i64>, file: &Path) -> String {
    chat.map_or_else(|| super::nobody_to_tell(file), |chat| format!("Alerts go to chat {chat}."))
}

/// As many of the last outages `status` names.
pub const OUTAGES: usize = 3;

/// The last outages, each with how long it was.
pub fn outages(outages: &[Outage], now: Clock) -> Vec<String> {
    let title = (!outages.is_empty()).then(|| "Last outages:".to_owned());
    title.into_iter().chain(outages.iter().map(|outage| format!("  {}", incident(outage, now)))).collect()
}

/// The heading of the crashes of one outage: from, to, how long, and what ended it, if that is known.
pub fn outage(group: &Group, healed_by: Option<Healed>, now: Clock) -> String {
    let crashes = super::count(group.crashes, "crash", "crashes");
    match (group.to, group.lasted()) {
        (Some(to), Some(span)) => {
            let by = match (healed_by, group.starts) {
                (Some(how), _) => healed(how),
                (None, 1) => "started".into(),
                (None, starts) => format!("up after start {starts}"),
            };
            let (from, to) = (at_second(group.from, now.zone), time_of_day(to, group.from, now));
            format!("{from} to {to}, {}: {crashes}; {by}", lasting(span))
        }
        _ => format!("{}, end not recorded: {crashes}", at_second(group.from, now.zone)),
    }
}

/// The end of an outage: its day only if it is another one than that of its beginning.
fn time_of_day(to: Wall, from: Wall, now: Clock) -> String {
    let (from, to) = (at_second(from, now.zone), at_second(to, now.zone));
    match (from.split_once(' '), to.split_once(' ')) {
        (Some((day, _)), Some((same, time))) if day == same => time.to_owned(),
        _ => to,
    }
}

/// An event of the crash history; `within` an outage, which has its heading above.
pub fn event(event: &Event, within: bool, zone: i32) -> String {
    let what = if event.kind == EventKind::Start { "start" } else { "crash" };
    let (commit, reason) = (foreign(&event.commit), foreign(&event.reason));
    let indent = if within { "  " } else { "" };
    format!("{indent}{}  {what}  {commit:8}  {reason}", at_second(event.at, zone))
}

pub fn events(all: usize, crashes: usize) -> String {
    format!("{all} events, {crashes} of them crashes")
}

/// What a restart would do.
pub fn would_restart(label: &str, manager: &str, job: &Job, process: Option<Process>) -> String {
    let label = foreign(label);
    match process {
        None if job.stopped_by_operator => format!("Nothing: the operator stopped {label}."),
        Some(process) => format!("Would restart {label} (pid {}) through {manager}.", process.id.pid),
        None => format!("Would start {label} through {manager}."),
    }
}

/// What `revert` would do.
pub fn would_revert(prepared: &Prepared, now: Clock) -> String {
    let age = prepared
        .committed
        .age(now.wall)
        .map_or_else(|| "dated in the future".into(), |age| format!("{} old", lasting(age)));
    let branch =
        prepared.branch.as_deref().map_or_else(|| "HEAD is detached".into(), |name| format!("on {}", foreign(name)));
    format!(
        "HEAD is {} ({}), {age}, {branch}. To revert it changes {} in the checkout, by a new commit; nothing is pushed.",
        short_id(&prepared.commit),
        foreign(&prepared.summary),
        super::count(prepared.paths, "file", "files")
    )
}

/// What `clean-locks` would do.
pub fn would_clean(session: &Path, holders: &[(&Holder, May)], bridge: Option<Process>) -> Vec<String> {
    let strangers = || holders.iter().filter(|(holder, _)| holder.role == Role::Stranger && holder.lock > Lock::None);
    let mut lines: Vec<String> = strangers()
        .map(|(holder, may)| match may {
            May::End => format!("Would end pid {}, which holds the lock ({}).", holder.pid, lock(holder.lock)),
            May::EndIn(left) => format!("Would wait {} and then end pid {}.", lasting(*left), holder.pid),
            May::Not(why) => format!("Would leave pid {} alone: {}.", holder.pid, super::left(*why)),
        })
        .collect();
    let session = foreign(&session.to_string_lossy());
    lines.push(match bridge {
        Some(bridge) if lines.is_empty() => {
            format!("Nothing: nobody else holds {session}; the bridge (pid {}) is not interrupted.", bridge.id.pid)
        }
        Some(bridge) => format!("The bridge (pid {}) would be left alone while it works.", bridge.id.pid),
        None => format!("Would have SQLite bring {session} into order, then start the bridge."),
    });
    lines
}

/// Who holds the session, a line a process, and who merely has it open.
pub fn locks(report: &Locks) -> Vec<String> {
    let path = foreign(&report.path.to_string_lossy());
    let mut lines = vec![match report.holders.len() {
        0 => format!("Nobody holds a lock on {path}."),
        holders => format!("{} a lock on {path}:", super::count(holders, "process holds", "processes hold")),
    }];
    lines.extend(report.holders.iter().map(|user| {
        let lock = user.lock.map_or("", lock);
        format!("  {lock:9}  {}", session_user(user))
    }));
    if !report.open.is_empty() {
        lines.push("Open, without a lock:".into());
        lines.extend(report.open.iter().map(|user| format!("  {:9}  {}", "", session_user(user))));
    }
    if report.unseen > 0 {
        lines.push(format!(
            "{} of other users can't be looked at; a lock of theirs would be named all the same.",
            super::count(report.unseen, "process", "processes")
        ));
    }
    lines
}

fn session_user(user: &SessionUser) -> String {
    let role = if user.role == Role::Bridge { ", the bridge" } else { "" };
    let age =
        user.age_s.map_or_else(|| "of unknown age".into(), |age| format!("{} old", lasting(Duration::from_secs(age))));
    let who = user.user.as_deref().map_or_else(String::new, |name| format!(", {}", foreign(name)));
    let name = user.name.as_deref().map_or_else(|| "a process that can't be seen".into(), foreign);
    format!("pid {}  {name}{who}, {age}{role}", user.pid)
}

fn lock(lock: Lock) -> &'static str {
    match lock {
        Lock::None => "none",
        Lock::Shared => "shared",
        Lock::Reserved => "reserved",
        Lock::Exclusive => "exclusive",
    }
}

pub fn nothing_was_done(why: &str) -> String {
    format!("nothing was done: {}", foreign(why))
}

/// Why the chain does not begin.
pub fn nothing_to_heal(verdict: &Verdict, now: Clock) -> String {
    match verdict.state {
        State::Waiting | State::Stopped => format!("Nothing is done: {}.", next(verdict.next, now)),
        State::Unknown => "Nothing is done: what can't be seen is not healed by force.".into(),
        _ => "Nothing to heal.".into(),
    }
}

/// Where the chain would begin.
pub fn would_begin(finding: &Finding, now: Clock) -> String {
    let rung = finding.rung.unwrap_or(Rung::Restart);
    format!("Would begin at rung {}: {}.", rung.number(), next(finding.next, now))
}

pub fn rung(rung: Rung, how: &Outcome, now: Clock) -> String {
    format!("rung {}: {}", rung.number(), outcome(how, now))
}

pub fn paused(until: Wall, now: Clock) -> String {
    let until = if until.is_never() { "you resume it".into() } else { at(until, now) };
    format!("Recovery is paused until {until}; the watch goes on. To end it: bridge-watchdog resume")
}

pub const RESUMED: &str = "Recovery goes on.";

/// A second watch of the same checkout.
pub fn watched_already(root: &Path, pid: u32) -> String {
    let pid = if pid == 0 { String::new() } else { format!(" (pid {pid})") };
    format!("A watchdog is running for {} already{pid}.", foreign(&root.to_string_lossy()))
}

/// How long a cure took in the demo, in milliseconds if it was short.
pub fn precise(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}
