//! What one tick passes on to the next, and the events that follow from comparing two looks. Pure.
//!
//! A manager's `running` proves little: in a crash loop each look can meet a process that lives for 0.3 s. So deaths
//! are counted by the manager's run counter, and the first look after our start only takes it as a baseline.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error_line;
use crate::exit_class::{self, Ending};
use crate::facts::{Class, Event, EventKind, Exit, Fact, Facts, Halt, Identity, Job, Log, Process, Repeated};
use crate::findings::Findings;
use crate::identity::{self, Starters};
use crate::inside::Inside;
use crate::limits::Limits;
use crate::markers::{flood_until, login_needed, update};
use crate::signs::{self, Signs};
use crate::time::{Clock, Mono, Wall};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History {
    pub clock: Option<Clock>,
    pub run: Option<Process>,
    pub ended: Option<Ended>,
    /// The manager's run counter, up to which every run is accounted for.
    pub counted: Option<Counted>,
    /// Since the death after which the manager has started nothing yet.
    pub dead_since: Option<Mono>,
    /// Each start within [`Limits::crash_window`], also of runs that were never seen.
    #[serde(default)]
    pub starts: Vec<Mono>,
    /// When the log last grew, or this run began.
    pub silent_since: Option<Mono>,
    /// The log's size at the last look, for a single look that comes after it.
    pub log_size: u64,
    pub stale_looks: u32,
    /// The log grew since this run was first seen, so it was this run that wrote.
    pub heard: bool,
    /// This run has written to its log, by all that is known: also before our own start.
    #[serde(default)]
    pub spoke: bool,
    /// What it wrote last ends in the middle of a line.
    #[serde(default)]
    pub torn: bool,
    /// It did so for a whole look in this run: its output is buffered, and its silence says little.
    #[serde(default)]
    pub buffered: bool,
    #[serde(default)]
    pub inside: Inside,
    /// Who was seen to start processes that look like the bridge.
    #[serde(default)]
    pub starters: Starters,
    #[serde(default)]
    pub beats: Beats,
    #[serde(default)]
    pub life: signs::Record,
    /// Somebody kept its processes from running at the last look that asked.
    #[serde(default)]
    pub halted: bool,
    /// This run had a socket to Telegram: from then on its absence means something.
    pub had_socket: bool,
    pub said_connected: Option<bool>,
    pub disconnected_since: Option<Mono>,
    pub unloaded_since: Option<Mono>,
    pub stopping_since: Option<Mono>,
    pub locked_at: Option<Mono>,
    /// When the log said that it was told to stop; it has been silent since.
    #[serde(default)]
    pub told_to_stop_at: Option<Mono>,
    /// When the log said that a login is needed; it has been silent since.
    #[serde(default)]
    pub login_at: Option<Mono>,
    /// What this run said last, for as long as words count: it helps to explain its death.
    #[serde(default)]
    pub said: Findings,
    /// Something that it wrote then was not read.
    #[serde(default)]
    pub unheard: bool,
    /// Until when Telegram told the bridge to wait, by its log.
    #[serde(default)]
    pub flood_until: Option<Wall>,
    /// What the manager said of a start that failed before the program, while no start has come further. The manager
    /// counts such tries, and shows nothing of them while it tries again.
    #[serde(default)]
    pub before_start: Option<Exit>,
    /// Since when the markers can't be read.
    #[serde(default)]
    pub markers_unseen_since: Option<Mono>,
    /// When the network was last found to be gone.
    #[serde(default)]
    pub offline_at: Option<Mono>,
    /// Since when it has been gone at every look that asked.
    #[serde(default)]
    pub offline_since: Option<Mono>,
    /// After a sleep no silence counts until then.
    pub grace_until: Mono,
    /// The error line that repeats in the log, for a single look that comes after the watch's.
    #[serde(default)]
    pub repeated: Option<Repeated>,
    /// Why an alert does not go out.
    pub undelivered: Option<String>,
}

/// The heartbeats of this run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Beats {
    /// In how many looks one was seen.
    pub seen: u32,
    pub last: Option<Mono>,
}

/// A reading of the manager's run counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub runs: u64,
    pub run: Option<u64>,
}

/// The run that ended last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    pub id: Identity,
    #[serde(with = "crate::time::seconds")]
    pub lived: Duration,
    pub at: Wall,
    pub exit: Exit,
}

/// The history after this look, and what has happened since the last one: starts and real crashes.
///
/// `ours` are the processes that we ended on purpose: their deaths are no crashes.
pub fn advance(before: &History, facts: &Facts, ours: &[Identity], limits: &Limits) -> (History, Vec<Event>) {
    let mut history = before.clone();
    let mut events = Vec::new();
    let now = facts.clock;
    if let Some(last) = before.clock
        && now.wall.since(last.wall).saturating_sub(now.mono.since(last.mono)) > limits.check_interval
    {
        history.grace_until = now.mono + limits.wake_grace;
    }
    if let Fact::Known(markers) = &facts.markers
        && (flood_until(markers, history.flood_until, now.wall, limits).is_some() || login_needed(markers, now.wall))
    {
        // Such a bridge is silent because it has to wait; afterwards it gets time to write again.
        history.grace_until = now.mono + limits.wake_grace;
    }
    match facts.life.known().and_then(|life| life.halted) {
        Some(Halt::Traced { .. } | Halt::Frozen) => history.halted = true,
        Some(Halt::Nobody) if history.halted => {
            // The same after a debugger has gone.
            (history.halted, history.grace_until) = (false, now.mono + limits.wake_grace);
        }
        Some(Halt::Nobody) | None => {}
    }
    history.clock = Some(now);
    history.markers_unseen_since = facts.markers.why().map(|_| history.markers_unseen_since.unwrap_or(now.mono));
    match facts.network {
        Some(Fact::Known(false)) => {
            // If nobody asked for long, it may have been back meanwhile.
            let lasts = history.offline_at.is_some_and(|at| now.mono.since(at) < limits.repeat_window);
            history.offline_since = history.offline_since.filter(|_| lasts).or(Some(now.mono));
            history.offline_at = Some(now.mono);
        }
        Some(_) => history.offline_since = None,
        None => {}
    }
    if let (Fact::Known(process), Fact::Known(service)) = (&facts.process, &facts.service) {
        note_process(&mut history, *process, service, facts, ours, limits, &mut events);
    }
    if let Fact::Known(log) = &facts.log {
        history.repeated.clone_from(&log.repeated);
    }
    history.inside = history.inside.with(facts, planned(facts, limits));
    history.starters = history.starters.with(facts);
    let same_run = history.run.map(|run| run.id) == before.run.map(|run| run.id);
    note_log(&mut history, facts, limits, same_run);
    // Where no run was known before, the words are of this one: the log's reader compares its start with the file's time.
    let of_this_run = same_run || before.run.is_none() || history.run.is_none();
    note_login(&mut history, facts, of_this_run);
    // A traceback may be quoted from a chat; that a run ended with it says that it is its own.
    let wait = events.iter().rev().find_map(|event| error_line::flood_seconds(event.error.as_deref()?));
    if let Some(seconds) = wait {
        history.flood_until = Some(now.wall + Duration::from_secs(seconds).min(limits.flood));
    }
    note_connection(&mut history, facts);
    note_life(&mut history, facts, limits);
    (history, events)
}

/// A line this long after the start of a run is its own and not the last one of the run before.
const WRITTEN_BY_IT: Duration = Duration::from_secs(1);
/// A bound: no look takes long enough for more deaths than this.
const MOST: u64 = 50;

fn note_process(
    history: &mut History,
    process: Option<Process>,
    service: &Job,
    facts: &Facts,
    ours: &[Identity],
    limits: &Limits,
    events: &mut Vec<Event>,
) {
    let now = facts.clock;
    let known_run_gone = history.run.is_some_and(|run| process.is_none_or(|process| process.id != run.id));
    let starts = starts_since(history.counted, service);
    // What ran before or was started since, and is not there now, has died.
    let by_counter = (u64::from(history.run.is_some()) + starts).saturating_sub(u64::from(process.is_some())).min(MOST);
    let deaths = by_counter.max(u64::from(known_run_gone));
    let counted = matches!((history.counted, service.runs), (Some(before), Some(runs)) if runs > before.runs);
    let asked = planned(facts, limits) || (process.is_none() && (service.stopping || service.stopped_by_operator));
    for nth in 0..deaths {
        let first = if nth == 0 { history.run } else { None };
        // To unload a job ends its process, and updates do that; how it ended can't be found out any more.
        let on_purpose = asked || !service.loaded || first.is_some_and(|run| ours.contains(&run.id));
        if !on_purpose && is_crash(&service.last_exit, counted && process.is_some()) {
            events.push(crash(history, service, first.map(|run| run.id.pid), facts, limits));
        }
    }
    if known_run_gone && let Some(run) = history.run {
        let lived = now.wall.since(run.started);
        history.ended = Some(Ended { id: run.id, lived, at: now.wall, exit: service.last_exit.clone() });
    }
    if process.is_none()
        && starts > 0
        && let Some(ended) = &mut history.ended
    {
        // Another run was too short to be seen: what is dead now has not lived long.
        (ended.lived, ended.at, ended.exit) = (Duration::ZERO, now.wall, service.last_exit.clone());
    }
    if !service.loaded {
        // When it is loaded again its counter starts at 0, so every run that it then shows is new.
        history.counted = Some(Counted { runs: 0, run: None });
    } else if service.runs.is_none() && matches!(service.last_exit, Exit::NotStarted(_)) {
        // The counter goes on with each such try, so the first run after them is a baseline.
        (history.counted, history.before_start) = (None, Some(service.last_exit.clone()));
    } else if let Some(runs) = service.runs
        && (history.before_start.is_none() || service.run.is_some())
        && (service.run.is_some() || history.counted.is_none_or(|before| before.run.is_none()))
    {
        // A unit that systemd has forgotten, or has not quite started, names no run: that is no reading.
        history.counted = Some(Counted { runs, run: service.run });
    }
    if process.is_some() || service.run.is_some() {
        history.before_start = None;
    }
    let new_run = process.is_some_and(|process| history.run.is_none_or(|run| run.id != process.id));
    if let Some(process) = process.filter(|_| new_run) {
        // Evidence about the previous run is void.
        let began = now.mono - process.age;
        let wrote = facts.log.known().and_then(|log| log.modified).map_or(began, |at| now.mono_of(at));
        history.silent_since = Some(if wrote < began { began } else { earlier(wrote, now.mono) });
        (history.stale_looks, history.had_socket, history.said_connected) = (0, false, None);
        (history.stopping_since, history.disconnected_since) = (None, None);
        (history.locked_at, history.told_to_stop_at, history.login_at) = (None, None, None);
        (history.said, history.unheard) = (Findings::default(), false);
        (history.beats, history.life) = (Beats::default(), signs::Record::default());
        (history.inside, history.halted) = (Inside::default(), false);
        (history.spoke, history.torn, history.buffered) = (false, false, false);
        events.extend(start(history, process, facts));
    }
    history.starts.retain(|at| now.mono.since(*at) < limits.crash_window);
    let started = starts.max(u64::from(new_run)).min(MOST);
    history.starts.extend((0..started).map(|_| now.mono));
    history.run = process;
    let since = |flag: bool, before: Option<Mono>| flag.then(|| before.unwrap_or(now.mono));
    // If the manager has started it since, its throttle counts from there.
    history.dead_since = since(process.is_none(), history.dead_since.filter(|_| starts == 0));
    history.unloaded_since = since(!service.loaded && process.is_none(), history.unloaded_since);
    // A line alone proves nothing: it may be a child's, or a quotation. It counts while nothing follows it. In the look
    // that first sees a process, it was the last line of the one before.
    let log = facts.log.known().filter(|_| process.is_some() && !new_run);
    history.told_to_stop_at = match log {
        Some(log) if log.said.told_to_stop => Some(history.told_to_stop_at.unwrap_or(now.mono)),
        Some(log) if log.grew => None,
        _ => history.told_to_stop_at.filter(|_| process.is_some()),
    };
    let stopping = process.is_some() && (service.stopping || history.told_to_stop_at.is_some());
    history.stopping_since = since(stopping, history.stopping_since);
}

fn note_log(history: &mut History, facts: &Facts, limits: &Limits, same_run: bool) {
    let now = facts.clock.mono;
    let Fact::Known(log) = &facts.log else { return };
    if log.grew || history.silent_since.is_none() {
        history.silent_since = Some(now);
    }
    history.log_size = log.size;
    // Bytes that appear together with a new process may be the last ones of the process before.
    history.heard = same_run && (history.heard || log.grew);
    // What was written before our first look at the file is seen by the file's time only.
    let wrote_itself = history.run.is_some_and(|run| log.size > 0 && log.modified >= Some(run.started + WRITTEN_BY_IT));
    history.spoke |= history.heard || wrote_itself;
    if log.grew {
        history.torn = log.torn;
    } else if same_run {
        // A line that is being written is whole a moment later.
        history.buffered |= history.torn;
    }
    note_beats(&mut history.beats, log, now, same_run);
    let silent = history.silent_since.map_or(Duration::ZERO, |since| now.since(since));
    history.stale_looks = if silent >= limits.silence { history.stale_looks + 1 } else { 0 };
    // The last lines of a run explain its death and say nothing about the next run.
    let speaks = same_run || history.run.is_none();
    if (log.said.locked || log.said.lock_mentioned) && speaks {
        history.locked_at = Some(now);
    }
    // A bridge that ends slowly says nothing more for a few looks.
    let heard = log.grew || log.skipped || log.said != Findings::default();
    let still_last = !heard && silent < limits.log_words_count;
    if history.run.is_none() || !still_last {
        (history.said, history.unheard) = (log.said.clone(), log.unheard());
    }
    note_flood(history, log, facts.clock.wall, limits);
    if same_run || log.said.connected == Some(true) {
        history.said_connected = log.said.connected.or(history.said_connected);
    }
}

fn note_login(history: &mut History, facts: &Facts, of_this_run: bool) {
    let Fact::Known(log) = &facts.log else { return };
    if log.said.login && of_this_run {
        history.login_at = Some(facts.clock.mono);
    } else if log.grew {
        history.login_at = None;
    }
}

fn note_beats(beats: &mut Beats, log: &Log, now: Mono, same_run: bool) {
    if log.said.heartbeat && same_run {
        *beats = Beats { seen: beats.seen.saturating_add(1), last: Some(now) };
    } else if log.skipped {
        // One may have been in what was not read.
        beats.last = beats.last.map(|_| now);
    }
}

/// The last line counts: if a sign of life follows, only one request waits, and not the bridge.
fn note_flood(history: &mut History, log: &Log, now: Wall, limits: &Limits) {
    let bounded = |since: Wall, wait: Duration| since + wait.min(limits.flood);
    if let Some(seconds) = log.said.flood.and_then(|flood| flood.seconds) {
        history.flood_until = Some(bounded(now, Duration::from_secs(seconds)));
    } else if log.said.heartbeat || log.said.connected == Some(true) {
        history.flood_until = None;
    } else if let Some((since, wait)) = log.flood_before {
        history.flood_until = Some(bounded(since, wait));
    }
    history.flood_until = history.flood_until.filter(|until| *until > now);
}

fn note_connection(history: &mut History, facts: &Facts) {
    history.had_socket |= facts.sockets().is_ok_and(|sockets| sockets > 0);
    // It says that it is connected after its socket had gone: it has taken another road (a proxy), of which from now on its
    // log tells.
    let says_so = facts.log.known().is_some_and(|log| log.said.connected == Some(true));
    // Where both came since the last look, it may have lost what it speaks of; another connection says that it has not.
    let another = facts.life.known().is_some_and(|life| life.connections.iter().any(|connection| !connection.telegram));
    if says_so && facts.sockets() == Ok(0) && (history.disconnected_since.is_some() || another) {
        history.had_socket = false;
    }
    history.disconnected_since = match connection(history, facts) {
        Fact::Known(Connection { connected: false, .. }) => {
            Some(history.disconnected_since.unwrap_or(facts.clock.mono))
        }
        _ => None,
    };
}

/// What can't be read now leaves what was read before, which ages; its lack then proves nothing.
fn note_life(history: &mut History, facts: &Facts, limits: &Limits) {
    match &facts.life {
        Fact::Known(life) if history.run.is_some() => {
            history.life = signs::note(&history.life, life, facts.clock, limits);
        }
        _ => history.life.watched_since = None,
    }
}

/// What speaks for and against the life of this run.
pub fn signs(history: &History, facts: &Facts, limits: &Limits) -> Signs {
    let wrote = history.silent_since.filter(|_| history.spoke && history.run.is_some());
    signs::signs(&history.life, wrote, facts.clock, limits)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    pub connected: bool,
    pub evidence: Evidence,
}

/// What says that the bridge is connected, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    Socket,
    Log,
}

/// Whether the bridge is connected to Telegram. A process that never had a socket of its own into Telegram's ranges
/// may go through a proxy: then its log decides, and if that says nothing it is not known.
pub fn connection(history: &History, facts: &Facts) -> Fact<Connection> {
    let by_log = |why: &str| match history.said_connected {
        Some(connected) => Fact::Known(Connection { connected, evidence: Evidence::Log }),
        None => Fact::Unknown(why.to_owned()),
    };
    match facts.sockets() {
        Ok(0) if history.had_socket => Fact::Known(Connection { connected: false, evidence: Evidence::Socket }),
        Ok(0) => by_log("no socket to Telegram's addresses so far, and the log says nothing of a connection"),
        Ok(_) => Fact::Known(Connection { connected: true, evidence: Evidence::Socket }),
        Err(why) => by_log(why),
    }
}

/// Whether it is known to be connected.
pub fn connected(history: &History, facts: &Facts) -> bool {
    matches!(connection(history, facts), Fact::Known(connection) if connection.connected)
}

fn earlier(a: Mono, b: Mono) -> Mono {
    if b < a { b } else { a }
}

/// How the last run ended. systemd does not show that while the unit runs, but the watch may have seen it. If not, and
/// there was a run before, the answer is `Unseen` and not `Never`.
pub fn last_exit(job: &Job, history: &History) -> Exit {
    if job.last_exit == Exit::Never
        && let Some(exit) = &history.before_start
    {
        return exit.clone();
    }
    match (&job.last_exit, &history.ended) {
        (Exit::Never, Some(ended)) if ended.exit != Exit::Never => ended.exit.clone(),
        (Exit::Never, Some(_)) => Exit::Unseen,
        (Exit::Never, None) if job.runs > Some(1) => Exit::Unseen,
        (exit, _) => exit.clone(),
    }
}

/// How many runs have begun since that reading. systemd's counter restarts with a start by hand, so there a change of
/// the run is a start even if the counter did not grow; after a reset the result is a lower bound.
fn starts_since(before: Option<Counted>, service: &Job) -> u64 {
    let (Some(before), Some(runs)) = (before, service.runs) else { return 0 };
    match (before.run, service.run) {
        (Some(last), Some(now)) if last == now => 0,
        (Some(_), None) => 0,
        (Some(_), Some(_)) if runs >= before.runs => (runs - before.runs).max(1),
        _ if runs >= before.runs => runs - before.runs,
        // The job was loaded again, which resets the counter.
        _ => runs,
    }
}

/// Whether an update or a pause is under way, so that an end of the bridge is no crash. An update under `hold` may have
/// ended it and be over itself.
fn planned(facts: &Facts, limits: &Limits) -> bool {
    let (holds, now) = (&facts.holds, facts.clock.wall);
    holds.update_over
        || update(holds, facts.markers.known(), now, limits).is_some()
        || holds.pause.is_some_and(|pause| pause.until > now)
}

/// Exit code 0 is no crash, nor is SIGTERM: it was asked for, and no commit is to blame. With exit code 2 the bridge
/// says that its configuration is wrong, which only a person can mend. An end that was not seen counts if the manager
/// itself started the bridge again (systemd does not show the last exit of what runs); else the job was unloaded.
fn is_crash(exit: &Exit, respawned: bool) -> bool {
    match exit {
        Exit::Code(0 | 2) | Exit::Signal(libc::SIGTERM) | Exit::Unseen => false,
        Exit::Never => respawned,
        _ => true,
    }
}

fn reason(exit: &Exit) -> String {
    if *exit == Exit::Never { "its end was not seen".into() } else { exit.to_string() }
}

/// The line for a new process, unless a watch before us has written it.
fn start(history: &History, process: Process, facts: &Facts) -> Option<Event> {
    /// Start stamps are rounded, to a second by some tools.
    const ROUNDING: Duration = Duration::from_secs(2);
    // A line for this pid that is no older than the process is about the process.
    let its_own = |event: &Event| {
        event.kind == EventKind::Start && event.pid == Some(process.id.pid) && event.at >= process.started - ROUNDING
    };
    if facts.crashes.known().is_some_and(|events| events.iter().any(its_own)) {
        return None;
    }
    let mut event = event(EventKind::Start, "start".into(), Some(process.id.pid), facts);
    if history.run.is_none() && history.dead_since.is_none() {
        // It ran before our first look.
        event.at = process.started;
    }
    Some(event)
}

/// A crash, with the class that follows from all that is known.
fn crash(history: &History, service: &Job, pid: Option<u32>, facts: &Facts, limits: &Limits) -> Event {
    let now = facts.log.known().map(|log| log.said.clone()).unwrap_or_default();
    let said = history.said.clone().then(now);
    let ending = Ending {
        exit: &service.last_exit,
        findings: &said,
        offline: facts.network == Some(Fact::Known(false)),
        copy_in_the_way: identity::beside(facts, limits.stale_process, limits.min_uptime),
        another_lives: identity::lives(facts),
        unheard: history.unheard || facts.log.known().is_none_or(Log::unheard),
    };
    Event {
        class: exit_class::class(&ending).unwrap_or(Class::Unseen),
        error: said.ended_by.map(|ended| ended.error),
        ..event(EventKind::Crash, reason(&service.last_exit), pid, facts)
    }
}

fn event(kind: EventKind, reason: String, pid: Option<u32>, facts: &Facts) -> Event {
    Event { pid, ..Event::on(facts.git.known(), facts.clock.wall, kind, reason) }
}

/// Whether two crashes ended alike. If a run left no error of its own, or we did not write the line, the exit has to be
/// the same.
pub fn ended_alike(a: &Event, b: &Event) -> bool {
    match (&a.error, &b.error) {
        (Some(one), Some(other)) => error_line::alike(one, other),
        _ => error_line::alike(&a.reason, &b.reason),
    }
}
