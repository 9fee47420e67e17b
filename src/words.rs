//! Limits and durations as a person reads them. Pure.

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};

use crate::facts::{Clock, Epoch};

/// A time of day in the machine's own zone, with the date where it is not today: `14:05`, `Nov 23 14:05`.
pub fn at(epoch: Epoch, now: Clock) -> String {
    let (Some(time), Some(today)) = (local(epoch, now.zone), local(now.wall, now.zone)) else { return "?".into() };
    let format = if time.date_naive() == today.date_naive() { "%H:%M" } else { "%b %-d %H:%M" };
    time.format(format).to_string()
}

/// The same to the second, for logs and the demo.
pub fn at_second(epoch: Epoch, zone: i32) -> String {
    local(epoch, zone).map_or_else(|| "?".into(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// A duration in one unit, or two where the first is small: `45 s`, `6 min`, `2 h 5 min`, `3 days`.
pub fn lasting(seconds: f64) -> String {
    // A duration from outside may be anything; the cast saturates.
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and nobody reads 10^18 s")]
    let s = seconds.max(0.0).round() as i64;
    match s {
        0..=119 if seconds < 9.95 && seconds.fract() != 0.0 => format!("{seconds:.1} s"),
        0..=119 => format!("{s} s"),
        120..=7199 => format!("{} min", s / 60),
        7200..=172_799 if s % 3600 < 60 => format!("{} h", s / 3600),
        7200..=172_799 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} days", s / 86_400),
    }
}

/// UTC in ISO form with a `Z`, as the files for others have it.
pub fn iso(epoch: Epoch) -> String {
    utc(epoch).map_or_else(|| "unknown".into(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn utc(epoch: Epoch) -> Option<DateTime<Utc>> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and chrono refuses what is out of range")]
    DateTime::from_timestamp(epoch.floor() as i64, 0)
}

fn local(epoch: Epoch, zone: i32) -> Option<DateTime<FixedOffset>> {
    Some(utc(epoch)?.with_timezone(&FixedOffset::east_opt(zone)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        let rows = [
            (0.4, "0.4 s"),
            (5.0, "5 s"),
            (45.2, "45 s"),
            (119.0, "119 s"),
            (360.0, "6 min"),
            (7200.0, "2 h"),
            (7500.0, "2 h 5 min"),
            (260_000.0, "3 days"),
            (-3.0, "0 s"),
        ];
        for (seconds, words) in rows {
            assert_eq!(lasting(seconds), words, "{seconds}");
        }
    }

    #[test]
    fn a_clock_time_has_its_date_only_on_another_day() {
        let now = Clock { wall: 1_763_820_000.0, mono: 0.0, zone: 7 * 3600 };
        assert_eq!(at(now.wall - 300.0, now), "20:55");
        assert_eq!(at(now.wall - 86_400.0, now), "Nov 21 21:00");
        assert_eq!(iso(now.wall), "2025-11-22T14:00:00Z");
    }
}
