//! Whether the bridge lives: from what each look saw of its processes and sockets to signs of life and of death. Pure.
//!
//! The silence of a log is one piece of evidence, this is a second. An established socket proves nothing (the kernel
//! keeps it for a dead loop), nor does a little CPU time. Signs of death outweigh signs of life.
//!
//! How to call it: make a [`LifeLook`] at each tick and once for `check`; [`life`] combines it with the [`LifeHistory`]
//! of the looks before and returns the verdict. Even a single look without a history knows which bytes moved and which
//! are unread, since the kernel has their age.

use serde::{Deserialize, Serialize};

use crate::facts::Identity;

/// What one look saw of the bridge: its process under the manager and all that belong to it, together.
#[derive(Debug, Clone, PartialEq)]
pub struct LifeLook {
    /// Seconds of the monotonic clock.
    pub at: f64,
    /// The manager's process: with another process a new run begins, and nothing is carried over.
    pub root: Identity,
    /// Seconds of CPU that all of them have used, including children that have ended.
    pub cpu_s: Option<f64>,
    /// All processes that are the bridge itself (they have its connection to Telegram or, if there is none, the root
    /// process) are in state T.
    pub stopped: bool,
    /// Its connections to Telegram.
    pub sockets: Vec<SocketLook>,
    /// Seconds since the last line of its own in the other log or the unit's journal.
    pub other_line_ago: Option<f64>,
}

/// One TCP connection, as the kernel reports it; what this system does not report is `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SocketLook {
    /// Names it for as long as it is open.
    pub id: u64,
    /// The peer has closed and the process has not (CLOSE_WAIT).
    pub close_wait: bool,
    /// Bytes in its receive queue.
    pub unread: u64,
    /// Bytes that the peer has acknowledged, and bytes that have arrived.
    pub acked: Option<u64>,
    pub received: Option<u64>,
    /// Seconds since data was last sent, and last arrived.
    pub sent_ago: Option<f64>,
    pub received_ago: Option<f64>,
}

/// The limits of this judgement, in seconds unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LifeLimits {
    /// Bytes moved both ways within this time are a sign of life: Telegram's clients ping once a minute, and a look
    /// comes once a minute.
    pub moved: f64,
    /// A line in the other log within this time. If that log is silent too, this is no evidence.
    pub other_line: f64,
    /// Work is this share of a core over this time. A loop that only wakes up stays far below it.
    pub cpu_share: f64,
    pub cpu_window: f64,
    /// Unread bytes, or a close that is not answered, for this time. Long work in an event loop takes seconds, not a
    /// minute.
    pub unanswered: f64,
    /// No CPU at all for this time: anything that waits with a timeout wakes up sooner.
    pub no_cpu: f64,
}

impl LifeLimits {
    pub const REAL: LifeLimits = LifeLimits {
        moved: 120.0,
        other_line: 300.0,
        cpu_share: 0.05,
        cpu_window: 60.0,
        unanswered: 60.0,
        no_cpu: 300.0,
    };

    /// All times `factor` times shorter, for the demo and the tests.
    #[must_use]
    pub fn faster(self, factor: f64) -> LifeLimits {
        LifeLimits {
            moved: self.moved / factor,
            other_line: self.other_line / factor,
            cpu_share: self.cpu_share,
            cpu_window: self.cpu_window / factor,
            unanswered: self.unanswered / factor,
            no_cpu: self.no_cpu / factor,
        }
    }
}

/// The verdict: `Some(false)` if there is any sign of death, `Some(true)` if there are only signs of life, `None` if
/// there is neither.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Life {
    pub alive: Option<bool>,
    pub signs: Vec<Sign>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Sign {
    /// The connection to Telegram moved bytes both ways, the less recent direction this many seconds ago.
    BytesMoved {
        ago_s: f64,
    },
    /// A share of one core (0.05 is 5 %), over this many seconds.
    Cpu {
        share: f64,
        over_s: f64,
    },
    OtherLine {
        ago_s: f64,
    },
    Unread {
        bytes: u64,
        for_s: f64,
    },
    CloseWait {
        for_s: f64,
    },
    Stopped {
        for_s: f64,
    },
    NoCpu {
        for_s: f64,
    },
}

impl Sign {
    pub fn is_of_death(self) -> bool {
        match self {
            Sign::BytesMoved { .. } | Sign::Cpu { .. } | Sign::OtherLine { .. } => false,
            Sign::Unread { .. } | Sign::CloseWait { .. } | Sign::Stopped { .. } | Sign::NoCpu { .. } => true,
        }
    }
}

/// What one look passes on to the next.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LifeHistory {
    root: Option<Identity>,
    sockets: Vec<SocketHistory>,
    /// Times, and the CPU time used by then; oldest first.
    cpu: Vec<(f64, f64)>,
    /// Since when that has not changed.
    idle_since: Option<f64>,
    stopped_since: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct SocketHistory {
    seen: SocketLook,
    at: f64,
    sent_at: Option<f64>,
    received_at: Option<f64>,
    /// Since when its bytes are unread, and how many looks saw them.
    unread_since: Option<f64>,
    unread_looks: u32,
    close_wait_since: Option<f64>,
}

/// Adds this look and returns what all of them together show.
pub fn life(history: &mut LifeHistory, look: &LifeLook, limits: &LifeLimits) -> Life {
    if history.root != Some(look.root) {
        *history = LifeHistory { root: Some(look.root), ..LifeHistory::default() };
    }
    note(history, look, limits);
    let mut signs = Vec::new();
    signs.extend(moved(history, look.at, limits));
    signs.extend(work(history, look, limits));
    signs.extend(look.other_line_ago.filter(|&ago| ago <= limits.other_line).map(|ago_s| Sign::OtherLine { ago_s }));
    signs.extend(unanswered(history, look.at, limits));
    signs.extend(history.stopped_since.map(|since| Sign::Stopped { for_s: look.at - since }));
    let idle = history.idle_since.filter(|_| look.cpu_s.is_some()).map(|since| look.at - since);
    signs.extend(idle.filter(|&idle| idle >= limits.no_cpu).map(|for_s| Sign::NoCpu { for_s }));
    let dead = signs.iter().any(|sign| sign.is_of_death());
    Life { alive: (!signs.is_empty()).then_some(!dead), signs }
}

fn note(history: &mut LifeHistory, look: &LifeLook, limits: &LifeLimits) {
    let before = std::mem::take(&mut history.sockets);
    history.sockets = look
        .sockets
        .iter()
        .map(|socket| note_socket(before.iter().find(|old| old.seen.id == socket.id), socket, look.at))
        .collect();
    history.stopped_since = look.stopped.then(|| history.stopped_since.unwrap_or(look.at));
    let Some(cpu) = look.cpu_s else { return };
    match history.cpu.last() {
        Some(&(_, last)) if cpu == last => {}
        // Less than before: a process has ended and its time with it. Nothing can be said about the time between.
        Some(&(_, last)) if cpu < last => {
            history.cpu.clear();
            history.idle_since = Some(look.at);
        }
        _ => history.idle_since = Some(look.at),
    }
    // Of the looks before the window only the newest is kept; within the window a few dozen at most, even with one look
    // a second.
    let old = history.cpu.iter().take_while(|(at, _)| look.at - at >= limits.cpu_window).count();
    history.cpu.drain(..old.saturating_sub(1));
    history.cpu.push((look.at, cpu));
}

fn note_socket(before: Option<&SocketHistory>, socket: &SocketLook, at: f64) -> SocketHistory {
    // The kernel says when data came between two looks; that can't have been before the first of them.
    let when = |ago: Option<f64>| ago.map_or(at, |ago| at - ago);
    let advanced = |now: Option<u64>, then: Option<u64>| now.zip(then).is_some_and(|(now, then)| now > then);
    let Some(old) = before else {
        // One acknowledged byte is the connection's own (its SYN).
        let sent = socket.acked.is_some_and(|acked| acked > 1).then_some(socket.sent_ago).flatten();
        let received = socket.received.is_some_and(|received| received > 0).then_some(socket.received_ago).flatten();
        return SocketHistory {
            seen: *socket,
            at,
            sent_at: sent.map(|ago| at - ago),
            received_at: received.map(|ago| at - ago),
            unread_since: (socket.unread > 0).then_some(at),
            unread_looks: u32::from(socket.unread > 0),
            close_wait_since: socket.close_wait.then_some(at),
        };
    };
    let sent = advanced(socket.acked, old.seen.acked);
    let received = advanced(socket.received, old.seen.received);
    let lies = socket.unread > 0 && old.seen.unread > 0 && not_read_since(&old.seen, socket);
    SocketHistory {
        seen: *socket,
        at,
        sent_at: if sent { Some(when(socket.sent_ago).clamp(old.at, at.max(old.at))) } else { old.sent_at },
        received_at: if received {
            Some(when(socket.received_ago).clamp(old.at, at.max(old.at)))
        } else {
            old.received_at
        },
        unread_since: if lies { old.unread_since } else { (socket.unread > 0).then_some(at) },
        unread_looks: if lies { old.unread_looks.saturating_add(1) } else { u32::from(socket.unread > 0) },
        close_wait_since: socket.close_wait.then(|| old.close_wait_since.unwrap_or(at)),
    }
}

/// If the kernel counts the bytes that arrived, those that were read are the difference to the queue. If not (macOS), a
/// queue that never got shorter counts as not read.
fn not_read_since(old: &SocketLook, new: &SocketLook) -> bool {
    match (old.received, new.received) {
        (Some(then), Some(now)) => now.saturating_sub(new.unread) <= then.saturating_sub(old.unread),
        _ => new.unread >= old.unread,
    }
}

fn moved(history: &LifeHistory, at: f64, limits: &LifeLimits) -> Option<Sign> {
    let ages = history.sockets.iter().filter_map(|socket| moved_ago(socket, at));
    let ago_s = ages.min_by(f64::total_cmp)?;
    (ago_s <= limits.moved).then_some(Sign::BytesMoved { ago_s })
}

/// Both ways: to receive alone needs only the kernel.
fn moved_ago(socket: &SocketHistory, at: f64) -> Option<f64> {
    Some(at - socket.sent_at?.min(socket.received_at?))
}

fn work(history: &LifeHistory, look: &LifeLook, limits: &LifeLimits) -> Option<Sign> {
    let (now, &(then, before)) = (look.cpu_s?, history.cpu.first()?);
    let over_s = look.at - then;
    let share = (now - before) / over_s;
    (over_s >= limits.cpu_window && share >= limits.cpu_share).then_some(Sign::Cpu { share, over_s })
}

/// Unread bytes and unanswered closes. If another connection of the bridge is read and written, the loop is alive and
/// only this one was abandoned (Telegram closes idle ones).
fn unanswered(history: &LifeHistory, at: f64, limits: &LifeLimits) -> Vec<Sign> {
    let works = |socket: &SocketHistory| {
        socket.unread_since.is_none()
            && socket.close_wait_since.is_none()
            && moved_ago(socket, at).is_some_and(|ago| ago <= limits.moved)
    };
    if history.sockets.iter().any(works) {
        return Vec::new();
    }
    let mut signs = Vec::new();
    for socket in &history.sockets {
        if let Some(for_s) = unread_for(socket, at).filter(|&for_s| for_s >= limits.unanswered) {
            signs.push(Sign::Unread { bytes: socket.seen.unread, for_s });
        }
        if let Some(for_s) = socket.close_wait_since.map(|since| at - since).filter(|&for_s| for_s >= limits.unanswered)
        {
            signs.push(Sign::CloseWait { for_s });
        }
    }
    signs
}

/// For how long bytes have been unread. If the kernel says when the last of them arrived, that is certain at the first
/// look. If it does not, two looks could both meet a queue that is read in between; three in a row are enough.
fn unread_for(socket: &SocketHistory, at: f64) -> Option<f64> {
    let seen = at - socket.unread_since?;
    let lies = socket.seen.received.zip(socket.seen.received_ago).map(|(_, ago)| ago);
    if lies.is_none() && socket.unread_looks < 3 {
        return None;
    }
    Some(lies.map_or(seen, |lies| seen.max(lies)))
}

#[cfg(test)]
#[path = "signs_tests.rs"]
mod tests;
