//! What ends the loop's sleep: the death of the bridge's process (an event, not a poll), a call, or the time.

use std::sync::Arc;
use std::time::Duration;

#[cfg(target_os = "linux")]
use polling::Event;
use polling::{Events, Poller};

use crate::facts::Identity;
use crate::system::process;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woke {
    Died,
    Called,
    Time,
}

pub struct Wake {
    poller: Arc<Poller>,
    watched: Option<Watched>,
}

struct Watched {
    id: Identity,
    #[cfg(target_os = "linux")]
    pidfd: std::os::fd::OwnedFd,
}

/// Rings the loop from another thread.
#[derive(Clone)]
pub struct Waker(Arc<Poller>);

impl Waker {
    pub fn wake(&self) {
        // Fails only where the kernel refuses to wake anybody; then the tick comes anyway.
        let _ = self.0.notify();
    }
}

const DEATH: usize = 1;
/// What can't be watched is looked at so often.
const SECOND: Duration = Duration::from_secs(1);

impl Wake {
    /// # Errors
    /// Where the kernel gives no event queue (out of file descriptors).
    pub fn new() -> Result<Wake, String> {
        let poller = Poller::new()
            .map_err(|error| format!("the kernel gives no event queue: {error}; raise the limit of open files"))?;
        Ok(Wake { poller: Arc::new(poller), watched: None })
    }

    pub fn waker(&self) -> Waker {
        Waker(self.poller.clone())
    }

    /// Sleeps until `process` dies, the waker rings or the time is over. A process that is already gone wakes at once.
    pub fn sleep(&mut self, process: Option<Identity>, limit: Duration) -> Woke {
        self.watch(process);
        if let (Some(id), None) = (process, &self.watched) {
            // Not to be watched: dead already, or the kernel refuses; then it is looked at each second.
            if process::find(id.pid).is_none_or(|found| found.id != id) {
                return Woke::Died;
            }
        }
        let limit = if process.is_some() && self.watched.is_none() { limit.min(SECOND) } else { limit };
        let mut events = Events::new();
        let waited = self.poller.wait(&mut events, Some(limit));
        if waited.is_err() {
            // Never a busy loop, whatever the kernel says.
            std::thread::sleep(limit.min(SECOND));
            return Woke::Time;
        }
        if events.iter().any(|event| event.key == DEATH) {
            self.unwatch();
            return Woke::Died;
        }
        // The poller swallows its own notification: what is neither a death nor the time was a call. A tick too early
        // does no harm, so the two need not be told apart by more than this.
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
        // Between the look and the watch the pid may have changed hands.
        if process::find(id.pid).is_none_or(|found| found.id != id) {
            self.unwatch();
        }
    }
}

#[cfg(target_os = "linux")]
impl Wake {
    fn add(&self, id: Identity) -> Option<Watched> {
        let pidfd = process::pidfd(id.pid)?;
        // SAFETY: the descriptor is taken out of the poller before it is closed, in `unwatch`.
        unsafe { self.poller.add(&pidfd, Event::readable(DEATH)) }.ok()?;
        Some(Watched { id, pidfd })
    }

    /// The poller reports a source once; it has to be asked again.
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
    /// `NOTE_EXIT` works for processes that are not our children; the exit status does not come with it.
    fn add(&self, id: Identity) -> Option<Watched> {
        use polling::os::kqueue::{PollerKqueueExt, Process, ProcessOps};
        let pid = i32::try_from(id.pid).ok().and_then(rustix::process::Pid::from_raw)?;
        // SAFETY: the filter is by pid; that it still is this process is verified after it was added.
        let filter = unsafe { Process::from_pid(pid.as_raw_nonzero(), ProcessOps::Exit) };
        self.poller.add_filter(filter, DEATH, polling::PollMode::Oneshot).ok()?;
        Some(Watched { id })
    }

    fn unwatch(&mut self) {
        use polling::os::kqueue::{PollerKqueueExt, Process, ProcessOps};
        let watched = self.watched.take();
        if let Some(pid) =
            watched.and_then(|watched| i32::try_from(watched.id.pid).ok()).and_then(rustix::process::Pid::from_raw)
        {
            // SAFETY: as above; a filter that has fired is gone already, which is no error here.
            let filter = unsafe { Process::from_pid(pid.as_raw_nonzero(), ProcessOps::Exit) };
            let _ = self.poller.delete_filter(filter);
        }
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.unwatch();
    }
}
