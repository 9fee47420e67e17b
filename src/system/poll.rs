//! Waits with a time limit: a deadline, and polling until it.

use std::time::{Duration, Instant};

/// Between two polls: short compared with our waits, long compared with the cost of a poll.
const PACE: Duration = Duration::from_millis(20);

/// The instant at which a wait ends.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(limit: Duration) -> Deadline {
        Deadline(Instant::now() + limit)
    }

    /// What is left of the time; `None` when it is over.
    pub fn left(self) -> Option<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

/// Polls until `seen` is true, at most for `limit`; returns whether it was. Polls at least once.
pub fn until(limit: Duration, mut seen: impl FnMut() -> bool) -> bool {
    let deadline = Deadline::after(limit);
    loop {
        if seen() {
            return true;
        }
        let Some(left) = deadline.left() else { return false };
        std::thread::sleep(left.min(PACE));
    }
}
