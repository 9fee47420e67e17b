//! Points in time, each of its own clock, so that the two can't be mixed. The difference of two of them is a
//! [`Duration`].

use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A time of the wall clock: seconds since 1970-01-01 UTC, as the crash history writes them. The clock may be set, even
/// back.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wall(pub f64);

/// A time of the monotonic clock: seconds since an arbitrary start, the same in every process of one boot. It stops
/// while the machine sleeps.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mono(pub f64);

/// All clocks, read together. If the wall clock ran ahead of the other, the machine slept.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Clock {
    pub wall: Wall,
    pub mono: Mono,
    /// Seconds east of UTC, for times that a person reads.
    pub zone: i32,
}

impl Wall {
    /// No time: what lasts until it lasts until a person ends it. A date that every reader of our files can take, the end
    /// of the year 9999.
    pub const NEVER: Wall = Wall(253_402_214_400.0);

    pub fn is_never(self) -> bool {
        self >= Wall::NEVER
    }

    /// The later of the two.
    #[must_use]
    pub fn or_later(self, other: Wall) -> Wall {
        if other > self { other } else { self }
    }

    /// The time since `earlier`; zero if that is in the future.
    pub fn since(self, earlier: Wall) -> Duration {
        span(self.0 - earlier.0)
    }

    /// How old this is; `None` if it is in the future.
    pub fn age(self, now: Wall) -> Option<Duration> {
        (self.0 <= now.0).then(|| now.since(self))
    }
}

impl Mono {
    /// The time since `earlier`; zero if that lies ahead (as a stamp from before a reboot does).
    pub fn since(self, earlier: Mono) -> Duration {
        span(self.0 - earlier.0)
    }
}

impl Clock {
    /// The same instant on the wall clock, if the machine did not sleep in between.
    pub fn wall_of(self, mono: Mono) -> Wall {
        Wall(self.wall.0 + (mono.0 - self.mono.0))
    }

    /// The same instant on the monotonic clock, if the machine did not sleep in between.
    pub fn mono_of(self, wall: Wall) -> Mono {
        Mono(self.mono.0 + (wall.0 - self.wall.0))
    }
}

/// Seconds as a duration: zero if negative or not a number, and bounded, since the number may come from a file.
pub fn span(seconds: f64) -> Duration {
    /// A hundred years.
    const LONGEST: f64 = 3.2e9;
    Duration::from_secs_f64(if seconds > 0.0 { seconds.min(LONGEST) } else { 0.0 })
}

impl Add<Duration> for Wall {
    type Output = Wall;

    fn add(self, span: Duration) -> Wall {
        Wall(self.0 + span.as_secs_f64())
    }
}

impl Sub<Duration> for Wall {
    type Output = Wall;

    fn sub(self, span: Duration) -> Wall {
        Wall(self.0 - span.as_secs_f64())
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;

    fn add(self, span: Duration) -> Mono {
        Mono(self.0 + span.as_secs_f64())
    }
}

impl Sub<Duration> for Mono {
    type Output = Mono;

    fn sub(self, span: Duration) -> Mono {
        Mono(self.0 - span.as_secs_f64())
    }
}

/// Durations as a number of seconds in JSON: `#[serde(with = "crate::time::seconds")]`.
pub mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::missing_errors_doc, reason = "the serializer's own")]
    pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(span.as_secs_f64())
    }

    #[expect(clippy::missing_errors_doc, reason = "the deserializer's own")]
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        f64::deserialize(deserializer).map(super::span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_from_outside_is_a_panic() {
        for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300] {
            assert!(span(seconds) <= Duration::from_secs(3_200_000_000), "{seconds}");
        }
        assert_eq!(span(1.5), Duration::from_millis(1500));
    }

    #[test]
    fn what_lies_ahead_has_no_age_and_was_no_time_ago() {
        let (earlier, later) = (Wall(100.0), Wall(160.0));
        assert_eq!(later.since(earlier), Duration::from_mins(1));
        assert_eq!(earlier.since(later), Duration::ZERO);
        assert_eq!(earlier.age(later), Some(Duration::from_mins(1)));
        assert_eq!(later.age(earlier), None);
    }
}
