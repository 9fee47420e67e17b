//! Signs of life and of death of a bridge, from what the kernel says of it at one look after another. Pure.
//!
//! Silence of a log is one witness. Before it ends a process, a second one must not say the opposite. An established
//! socket is no sign: the kernel keeps it for a dead loop, and acknowledges what arrives.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::facts::{Connection, Life};
use crate::limits::Limits;
use crate::time::{Clock, Mono, Wall};

/// What the looks before found, of this run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Record {
    /// The first look at this run that could read anything.
    pub watched_since: Option<Mono>,
    /// A reading of the CPU time, from which the next rate is counted.
    pub cpu: Option<(Mono, f64)>,
    /// When its processes were last seen to work at the rate of work.
    pub worked_at: Option<Mono>,
    /// The counter that changes whenever they run, and when it changed.
    pub ran: Option<(u64, Mono)>,
    pub stopped_since: Option<Mono>,
    pub connections: Vec<Seen>,
    /// When its unit's journal got its last line.
    pub journal: Option<Wall>,
}

/// One connection, over several looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub id: u64,
    pub telegram: bool,
    pub read: Option<u64>,
    pub unread: u32,
    pub unread_since: Option<Mono>,
    pub closed_since: Option<Mono>,
    /// When bytes last moved, each way.
    pub sent_at: Option<Mono>,
    pub received_at: Option<Mono>,
}

/// What speaks for life.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Living {
    /// Bytes moved both ways on its connection; when.
    Moved { at: Mono, telegram: bool },
    /// It used CPU time at the rate of work.
    Worked { at: Mono },
    /// Its unit's journal got a line.
    Journal { at: Wall },
    /// Its log grew.
    Wrote { at: Mono },
}

/// What speaks against it, and outweighs all that speaks for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Dying {
    /// Bytes from Telegram lie unread since then.
    Unread { bytes: u32, since: Mono },
    /// Telegram has closed the connection, and it has not answered.
    PeerClosed { since: Mono },
    /// Its process is stopped (state T).
    Stopped { since: Mono },
    /// It has not run at all since then.
    NoCpu { since: Mono },
}

/// The witnesses of one look.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Signs {
    pub living: Vec<Living>,
    pub dying: Vec<Dying>,
    /// It was watched for long enough that the lack of any sign means something.
    pub watched: bool,
}

impl Signs {
    /// Whether it lives. `None`: there was no sign of either so far, and it was not watched for long.
    pub fn alive(&self) -> Option<bool> {
        match (self.dying.is_empty(), self.living.is_empty()) {
            (false, _) => Some(false),
            (true, false) => Some(true),
            (true, true) => self.watched.then_some(false),
        }
    }
}

/// 5 % of a core: less is the trickle of a loop that only wakes up.
pub const WORK: f64 = 0.05;

/// Adds what this look read. `before` is of the same run.
pub fn note(before: &Record, life: &Life, clock: Clock, limits: &Limits) -> Record {
    let now = clock.mono;
    let mut record = before.clone();
    record.watched_since = Some(before.watched_since.filter(|since| *since <= now).unwrap_or(now));
    note_cpu(&mut record, life, now, limits);
    record.stopped_since = life.stopped.then(|| before.stopped_since.unwrap_or(now));
    record.connections = life
        .connections
        .iter()
        .map(|connection| {
            let known = before.connections.iter().find(|seen| seen.id == connection.id);
            seen(connection, known, now)
        })
        .collect();
    record.journal = life.journal.or(before.journal);
    record
}

/// What two looks shortly after each other find, where there was no watch before: all that can be known.
pub fn at_once(first: &Life, second: &Life, apart: Duration, clock: Clock, limits: &Limits) -> Record {
    let limits = Limits { work_window: apart, ..*limits };
    let earlier = Clock { mono: clock.mono - apart, ..clock };
    let record = note(&note(&Record::default(), first, earlier, &limits), second, clock, &limits);
    Record { watched_since: Some(clock.mono - limits.silence), ..record }
}

fn note_cpu(record: &mut Record, life: &Life, now: Mono, limits: &Limits) {
    let cpu = life.cpu.as_secs_f64();
    record.ran = match record.ran {
        Some((ran, at)) if ran == life.ran && at <= now => Some((ran, at)),
        _ => Some((life.ran, now)),
    };
    match record.cpu {
        // Where a relative is gone, its time is gone with it: count anew.
        Some((at, before)) if at <= now && before <= cpu => {
            let span = now.since(at);
            if span >= limits.work_window {
                if cpu - before >= WORK * span.as_secs_f64() {
                    record.worked_at = Some(now);
                }
                record.cpu = Some((now, cpu));
            }
        }
        _ => record.cpu = Some((now, cpu)),
    }
}

fn seen(connection: &Connection, known: Option<&Seen>, now: Mono) -> Seen {
    let sent_at = connection.sent.map(|ago| now - ago);
    let received_at = connection.received.map(|ago| now - ago);
    // They lie there if not one of them was read since. If the kernel does not count, fewer are a read.
    let still = known.filter(|known| match (known.read, connection.read) {
        (Some(before), Some(read)) => before == read,
        _ => known.unread <= connection.unread,
    });
    // What arrived last has lain there since, whoever looked.
    let unread_since = still.and_then(|known| known.unread_since).or(received_at).unwrap_or(now);
    Seen {
        id: connection.id,
        telegram: connection.telegram,
        read: connection.read,
        unread: connection.unread,
        unread_since: (connection.unread > 0).then_some(unread_since),
        closed_since: connection.closed_by_peer.then(|| known.and_then(|known| known.closed_since).unwrap_or(now)),
        sent_at,
        received_at,
    }
}

/// What speaks for and against life now. `wrote` is when its log last grew, if it did in this run.
pub fn signs(record: &Record, wrote: Option<Mono>, clock: Clock, limits: &Limits) -> Signs {
    let now = clock.mono;
    // A stamp from before a reboot lies ahead of the clock.
    let within = |at: Mono, limit: Duration| at <= now && now.since(at) < limit;
    let moved = record
        .connections
        .iter()
        .filter_map(|seen| Some((moved_at(seen)?, seen.telegram)))
        .filter(|(at, _)| within(*at, limits.moved));
    let moved = moved.max_by(|(a, _), (b, _)| a.0.total_cmp(&b.0));
    let mut living = Vec::new();
    living.extend(wrote.filter(|at| within(*at, limits.silence)).map(|at| Living::Wrote { at }));
    living.extend(moved.map(|(at, telegram)| Living::Moved { at, telegram }));
    living.extend(record.worked_at.filter(|at| within(*at, limits.worked)).map(|at| Living::Worked { at }));
    // The journal is asked a moment after the clock was read. A line that lies further ahead has no age.
    let asked = clock.wall + limits.ask;
    let fresh = |at: &Wall| at.age(asked).is_some_and(|age| age < limits.silence + limits.ask);
    living.extend(record.journal.filter(fresh).map(|at| Living::Journal { at }));
    let watched = record.watched_since.is_some_and(|since| now.since(since) >= limits.silence);
    Signs { living, dying: dying(record, now, limits), watched }
}

/// Since when bytes have moved both ways: a dead loop sends none, however many arrive.
fn moved_at(seen: &Seen) -> Option<Mono> {
    let (sent, received) = (seen.sent_at?, seen.received_at?);
    Some(if sent < received { sent } else { received }).filter(|_| seen.closed_since.is_none())
}

fn dying(record: &Record, now: Mono, limits: &Limits) -> Vec<Dying> {
    let lasts = |since: Mono, limit: Duration| now.since(since) >= limit;
    let mut dying = Vec::new();
    dying.extend(record.stopped_since.map(|since| Dying::Stopped { since }));
    // Whoever moves bytes both ways runs, whatever the counter says.
    let moved = |since: Mono| record.connections.iter().any(|seen| moved_at(seen).is_some_and(|at| at > since));
    let idle = record.ran.filter(|(_, at)| lasts(*at, limits.silence) && !moved(*at));
    dying.extend(idle.map(|(_, since)| Dying::NoCpu { since }));
    let telegram = || record.connections.iter().filter(|seen| seen.telegram);
    for seen in telegram() {
        // A program may keep an old connection that it does not need any more: while bytes move on another one, this
        // one says nothing.
        let another =
            |since: Mono| telegram().any(|other| other.id != seen.id && moved_at(other).is_some_and(|at| at > since));
        if let Some(since) = seen.unread_since.filter(|since| lasts(*since, limits.lies) && !another(*since)) {
            dying.push(Dying::Unread { bytes: seen.unread, since });
        }
        if let Some(since) = seen.closed_since.filter(|since| lasts(*since, limits.lies) && !another(*since)) {
            dying.push(Dying::PeerClosed { since });
        }
    }
    dying
}

#[cfg(test)]
#[path = "signs_tests.rs"]
mod tests;
