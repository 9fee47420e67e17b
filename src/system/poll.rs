//! Waits with an end: a deadline, and polling to it.

use std::time::{Duration, Instant};

/// Between two polls: short beside any wait of ours, long beside what a poll costs.
const PACE: Duration = Duration::from_millis(20);

/// An instant that a wait ends at.
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

/// Polls until `seen`, at most for `limit`; whether it was. Asked at least once.
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
