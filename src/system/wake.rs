//! What ends the loop's sleep: the death of the bridge's process (an event, not a poll), a waker, or the time.

use std::sync::Arc;
use std::time::Duration;

#[cfg(target_os = "linux")]
use polling::Event;
#[cfg(target_vendor = "apple")]
use polling::os::kqueue::PollerKqueueExt;
use polling::{Events, Poller};

use crate::config::Config;
use crate::facts::Identity;
use crate::system::process;
use crate::system::wake_pipe::WakePipe;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woke {
    Died,
    Called,
    Time,
}

pub struct Wake {
    poller: Arc<Poller>,
    watched: Option<Watched>,
    /// By which commands call.
    pipe: Option<WakePipe>,
}

struct Watched {
    id: Identity,
    #[cfg(target_os = "linux")]
    pidfd: std::os::fd::OwnedFd,
}

/// Wakes the loop from another thread.
#[derive(Clone)]
pub struct Waker(Arc<Poller>);

impl Waker {
    pub fn wake(&self) {
        // Fails only if the kernel refuses; then the tick comes anyway.
        let _ = self.0.notify();
    }
}

const DEATH: usize = 1;
const PIPE: usize = 2;
/// A process that can't be watched is looked at this often.
const SECOND: Duration = Duration::from_secs(1);

impl Wake {
    /// # Errors
    /// If the kernel gives no event queue (out of file descriptors).
    pub fn new() -> Result<Wake, String> {
        let poller = Poller::new()
            .map_err(|error| format!("the kernel gives no event queue: {error}; raise the limit of open files"))?;
        Ok(Wake { poller: Arc::new(poller), watched: None, pipe: None })
    }

    /// From now on commands of other processes wake it too. Where that can't be, they are noticed at the next tick.
    pub fn listen(&mut self, config: &Config) {
        self.unlisten();
        let Ok(pipe) = WakePipe::listen(config) else { return };
        // SAFETY: the descriptor is taken out of the poller before it is closed, in `unlisten`.
        if unsafe { self.poller.add(pipe.reader(), polling::Event::readable(PIPE)) }.is_ok() {
            self.pipe = Some(pipe);
        }
    }

    /// Takes what has come, and arms the source again: the poller reports it once.
    fn hear(&self) {
        if let Some(pipe) = &self.pipe {
            pipe.empty();
            let _ = self.poller.modify(pipe.reader(), polling::Event::readable(PIPE));
        }
    }

    fn unlisten(&mut self) {
        if let Some(pipe) = self.pipe.take() {
            let _ = self.poller.delete(pipe.reader());
        }
    }

    pub fn waker(&self) -> Waker {
        Waker(self.poller.clone())
    }

    /// Sleeps until `process` dies, a waker is called or the time is over. A process that is already gone wakes at
    /// once.
    pub fn sleep(&mut self, process: Option<Identity>, limit: Duration) -> Woke {
        self.watch(process);
        if let (Some(id), None) = (process, &self.watched) {
            // It can't be watched: it is dead already, or the kernel refuses; then it is looked at each second.
            if process::find(id.pid).is_none_or(|found| found.id != id) {
                return Woke::Died;
            }
        }
        let limit = if process.is_some() && self.watched.is_none() { limit.min(SECOND) } else { limit };
        let mut events = Events::new();
        let waited = self.poller.wait(&mut events, Some(limit));
        if waited.is_err() {
            // Never a busy loop, whatever the kernel returns.
            std::thread::sleep(limit.min(SECOND));
            return Woke::Time;
        }
        if events.iter().any(|event| event.key == PIPE) {
            self.hear();
        }
        if events.iter().any(|event| event.key == DEATH) {
            self.unwatch();
            return Woke::Died;
        }
        // The poller swallows its own notification: if it is neither a death nor the time, it was a waker. A tick that
        // comes too early does no harm, so this need not be exact.
        Woke::Called
    }

    fn watch(&mut self, process: Option<Identity>) {
        if self.watched.as_ref().map(|watched| watched.id) == process {
            #[cfg(target_os = "linux")]
            self.rearm();
            return;
        }
        self.unwatch();
        let Some(id) = process else { return };
        self.watched = self.add(id);
        // The pid may have become another process's before the watch was added.
        if process::find(id.pid).is_none_or(|found| found.id != id) {
            self.unwatch();
        }
    }
}

/// Adds a source to the queue. If that fails it is removed all the same: the queue may remember it (polling's queue for
/// kqueue notes a pid before it asks the kernel, and keeps it if the kernel refuses), and would refuse the pid when it
/// is used again.
fn added<T>(add: impl FnOnce() -> std::io::Result<T>, take_out: impl FnOnce()) -> Option<T> {
    let added = add().ok();
    if added.is_none() {
        take_out();
    }
    added
}

#[cfg(target_os = "linux")]
impl Wake {
    fn add(&self, id: Identity) -> Option<Watched> {
        let pidfd = process::pidfd(id.pid)?;
        // SAFETY: the descriptor is taken out of the poller before it is closed, in `unwatch` or here.
        let add = || unsafe { self.poller.add(&pidfd, Event::readable(DEATH)) };
        added(add, || {
            let _ = self.poller.delete(&pidfd);
        })?;
        Some(Watched { id, pidfd })
    }

    /// The poller reports a source once; after that it has to be added again.
    fn rearm(&self) {
        if let Some(watched) = &self.watched {
            let _ = self.poller.modify(&watched.pidfd, Event::readable(DEATH));
        }
    }

    fn unwatch(&mut self) {
        if let Some(watched) = self.watched.take() {
            let _ = self.poller.delete(&watched.pidfd);
        }
    }
}

#[cfg(target_vendor = "apple")]
impl Wake {
    /// `NOTE_EXIT` works for processes that are not our children; the exit status is not reported.
    fn add(&self, id: Identity) -> Option<Watched> {
        let add = || self.poller.add_filter(death_of(id)?, DEATH, polling::PollMode::Oneshot);
        added(add, || self.take_out(id))?;
        Some(Watched { id })
    }

    fn unwatch(&mut self) {
        if let Some(watched) = self.watched.take() {
            self.take_out(watched.id);
        }
    }

    /// A filter that has fired is removed already, which is no error here.
    fn take_out(&self, id: Identity) {
        let _ = death_of(id).and_then(|filter| self.poller.delete_filter(filter));
    }
}

#[cfg(target_vendor = "apple")]
fn death_of(id: Identity) -> std::io::Result<polling::os::kqueue::Process<'static>> {
    use polling::os::kqueue::{Process, ProcessOps};
    let pid = i32::try_from(id.pid).ok().and_then(std::num::NonZeroI32::new);
    let pid = pid.ok_or_else(|| std::io::Error::other("no process has this pid"))?;
    // SAFETY: the filter is by pid; that it still is this process is verified after it was added.
    Ok(unsafe { Process::from_pid(pid, ProcessOps::Exit) })
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.unwatch();
        self.unlisten();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::HashSet;
    use std::io::{Error, ErrorKind};
    use std::process::Command;

    use super::*;

    /// A queue that notes a pid before it asks the kernel, as polling's for kqueue does.
    #[test]
    fn what_could_not_be_added_is_tried_again() {
        let (noted, kernel_refuses) = (RefCell::new(HashSet::new()), Cell::new(true));
        let add = |pid: u32| {
            if !noted.borrow_mut().insert(pid) {
                return Err(Error::from(ErrorKind::AlreadyExists));
            }
            if kernel_refuses.get() { Err(Error::from(ErrorKind::NotFound)) } else { Ok(pid) }
        };
        let take_out = |pid| assert!(noted.borrow_mut().remove(&pid));
        let watch = |pid| added(|| add(pid), || take_out(pid));
        assert_eq!(watch(7), None, "gone already");
        kernel_refuses.set(false);
        assert_eq!(watch(7), Some(7), "the pid is used again");
    }

    #[test]
    fn a_death_wakes_also_after_one_that_could_not_be_watched() {
        let mut wake = Wake::new().unwrap();
        let mut first = Command::new("true").spawn().unwrap();
        let gone = process::find(first.id()).map(|process| process.id);
        first.wait().unwrap();
        if let Some(gone) = gone {
            assert_eq!(wake.sleep(Some(gone), Duration::from_mins(1)), Woke::Died, "gone already");
        }
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let id = process::find(child.id()).unwrap().id;
        let waker = wake.waker();
        waker.wake();
        assert_eq!(wake.sleep(Some(id), Duration::from_mins(1)), Woke::Called);
        child.kill().unwrap();
        assert_eq!(wake.sleep(Some(id), Duration::from_mins(1)), Woke::Died);
        child.wait().unwrap();
    }
}
