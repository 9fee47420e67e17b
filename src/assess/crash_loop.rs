//! Crashes that make a pattern, and whether HEAD is the suspect of them.

use super::{Case, found};
use crate::facts::{Class, Event, EventKind, Git, short_id};
use crate::history::ended_alike;
use crate::limits::Limits;
use crate::time::Wall;
use crate::verdict::{Finding, Head, Help, Innocent, Next, Problem, Rung};

/// Crashes in the window that make a loop, and revert suspects: two may be chance, three are a pattern.
const LOOP: usize = 3;

impl Case<'_> {
    pub(super) fn crash_loop(&self) -> Option<Finding> {
        let events = self.facts.crashes.known()?;
        let now = self.facts.clock.wall;
        // A revert of ours is the answer to what crashed before it: only what crashes on it counts.
        let reverted = self.facts.git.known().filter(|git| git.own_revert).map(|git| short_id(&git.head));
        let counts = |event: &&Event| reverted.is_none_or(|head| event.commit == head);
        let alike = pattern(events.iter().filter(counts), now, self.limits);
        let young = self.process.is_none_or(|process| process.age < self.limits.loop_young);
        if alike.len() < LOOP || !young {
            return None;
        }
        let opted_in = self.markers.is_some_and(|markers| markers.auto_revert);
        let head = match self.facts.git.known() {
            None => Head::Unknown,
            Some(git) => match suspect(&alike, git, self.limits) {
                Ok(()) => Head::Suspect { summary: git.summary.clone(), opted_in },
                Err(innocent) => Head::Innocent(innocent),
            },
        };
        let (rung, next) = match head {
            Head::Suspect { opted_in: true, .. } => (Rung::Revert, Next::Revert),
            _ => (Rung::FreeSession, Next::Tell),
        };
        let (crashes, window) = (alike.len(), self.limits.crash_window);
        Some(found(Problem::CrashLoop { crashes, window, head }, Some(rung), next))
    }

    /// The manager sees one process that never ends, a shell or a runner, and the bridge under it dies again and again.
    pub(super) fn no_bridge_inside(&self) -> Option<Finding> {
        let process = self.process?;
        let bridge = self.facts.bridge.known()?;
        let runner = bridge.is_none_or(|bridge| bridge.id != process.id);
        let (history, now) = (self.history, self.facts.clock.mono);
        let ends = history.inside.ends(now, self.limits.crash_window);
        let young = bridge.is_none_or(|bridge| bridge.age < self.limits.loop_young);
        // Where nothing below it is known by its words, a connection says that it works.
        let unknown_and_works = bridge.is_none() && self.connected();
        if !runner || !young || ends < LOOP || unknown_and_works {
            return None;
        }
        let problem = Problem::LoopInside { ends, window: self.limits.crash_window };
        Some(found(problem, Some(Rung::Tell), Next::Tell))
    }

    /// The bridge under a shell may end so soon and so quietly that no look meets it, and what the shell says keeps the log
    /// fresh. What works there under other words has a connection or a heartbeat.
    pub(super) fn nothing_inside(&self) -> Option<Finding> {
        let life = self.facts.life.known()?;
        let history = self.history;
        let lived = self.process?.age >= self.limits.start_grace;
        let works = history.had_socket
            || !life.connections.is_empty()
            || history.said_connected == Some(true)
            || history.beats.seen > 0;
        let offline = self.within(history.offline_at, self.limits.start_grace);
        let unseen = self.facts.bridge.known()?.is_none() && !works && !offline;
        (lived && unseen).then(|| found(Problem::NothingInside, None, Next::Person(Help::LookAtBridge)))
    }

    /// The last crash, unless a run after it has been seen to work.
    pub(super) fn last_crash(&self) -> Option<&Event> {
        let grown_up = self.process.is_some_and(|process| process.age >= self.limits.start_grace);
        if grown_up || self.connected() {
            return None;
        }
        let now = self.facts.clock.wall;
        let fresh = |event: &&Event| event.at.age(now).is_some_and(|age| age < self.limits.crash_window);
        let crashes = self.facts.crashes.known()?;
        crashes.iter().rfind(|event| event.kind == EventKind::Crash && fresh(event))
    }

    /// How many of the last crashes in a row were of this class.
    pub(super) fn ended_by(&self, class: Class) -> usize {
        if self.last_crash().is_none_or(|crash| crash.class != class) {
            return 0;
        }
        let events = self.facts.crashes.known().map_or(&[][..], Vec::as_slice);
        let crashes = events.iter().rev().filter(|event| event.kind == EventKind::Crash);
        crashes.take_while(|event| event.class == class).count()
    }
}

/// Real crashes within the window, oldest first.
pub fn recent<'a>(
    crashes: impl IntoIterator<Item = &'a Event>,
    now: Wall,
    limits: &Limits,
) -> impl Iterator<Item = &'a Event> {
    let window = limits.crash_window;
    crashes.into_iter().filter(move |event| {
        event.kind == EventKind::Crash
            && matches!(event.class, Class::Code | Class::Unseen)
            && event.at.age(now).is_some_and(|age| age < window)
    })
}

/// The crashes that make a pattern, oldest first: the largest group of crashes within the window that ended alike.
/// Three that end with different errors are no pattern.
fn pattern<'a>(events: impl Iterator<Item = &'a Event>, now: Wall, limits: &Limits) -> Vec<&'a Event> {
    let crashes: Vec<&Event> = recent(events, now, limits).collect();
    let like = |end: &Event| crashes.iter().copied().filter(|event| ended_alike(event, end)).collect::<Vec<_>>();
    // Of two patterns of the same size, the newer one.
    crashes.iter().map(|end| like(end)).max_by_key(Vec::len).unwrap_or_default()
}

/// Whether HEAD is the suspect of a crash loop.
///
/// # Errors
/// Why HEAD is left alone.
fn suspect(crashes: &[&Event], git: &Git, limits: &Limits) -> Result<(), Innocent> {
    let head = short_id(&git.head);
    let on_head: Vec<&Event> = crashes.iter().copied().filter(|event| event.commit == head).collect();
    let Some(first) = on_head.first().filter(|_| on_head.len() >= LOOP) else {
        return Err(Innocent::FewCrashes(on_head.len()));
    };
    if on_head.iter().filter(|event| event.class == Class::Code).count() < LOOP {
        return Err(Innocent::Unseen);
    }
    match git.committed.age(first.at) {
        None => return Err(Innocent::Undated),
        Some(age) if age >= limits.fresh_commit => return Err(Innocent::Old(age)),
        Some(_) => {}
    }
    // The crashes are alike. By an exit code alone two faults look like one.
    let before =
        |event: &&Event| !git.parent.is_empty() && event.commit == short_id(&git.parent) && event.error.is_some();
    if crashes.iter().copied().any(|event| before(&event)) && on_head.iter().all(|event| event.error.is_some()) {
        return Err(Innocent::ParentToo);
    }
    match git {
        Git { own_revert: true, .. } => Err(Innocent::OwnRevert),
        Git { undone: true, .. } => Err(Innocent::Undone),
        Git { parents: 0, .. } => Err(Innocent::NoParent),
        Git { parents: 2.., .. } => Err(Innocent::Merge),
        Git { touches_code: Some(false), .. } => Err(Innocent::HarmlessFiles),
        Git { touches_code: None, .. } => Err(Innocent::FilesUnknown),
        _ => Ok(()),
    }
}
