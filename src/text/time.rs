//! Times and durations as a person reads them. Pure.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};

use crate::time::{Clock, Wall};

/// A time of day in the machine's own zone, with the date if it is not today: `14:05`, `Nov 23 14:05`.
pub fn at(wall: Wall, now: Clock) -> String {
    let (Some(time), Some(today)) = (local(wall, now.zone), local(now.wall, now.zone)) else { return "?".into() };
    let format = if time.date_naive() == today.date_naive() { "%H:%M" } else { "%b %-d %H:%M" };
    time.format(format).to_string()
}

/// The time of an act: to the second, with the date if it is not today.
pub fn time_of_day(wall: Wall, now: Clock) -> String {
    let (Some(time), Some(today)) = (local(wall, now.zone), local(now.wall, now.zone)) else { return "?".into() };
    let format = if time.date_naive() == today.date_naive() { "%H:%M:%S" } else { "%b %-d %H:%M:%S" };
    time.format(format).to_string()
}

/// The same to the second, for logs and the demo.
pub fn at_second(wall: Wall, zone: i32) -> String {
    local(wall, zone).map_or_else(|| "?".into(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// Tomorrow at 08:00, by the machine's own zone as it is now.
pub fn tomorrow(now: Clock) -> Wall {
    const DAY: f64 = 86_400.0;
    const MORNING: f64 = 8.0 * 3600.0;
    let zone = f64::from(now.zone);
    Wall(((now.wall.0 + zone) / DAY).floor() * DAY + DAY + MORNING - zone)
}

/// A duration in one unit, or two where the first is small: `45 s`, `6 min`, `2 h 5 min`, `3 days`.
pub fn lasting(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    let s = span.as_secs() + u64::from(span.subsec_millis() >= 500);
    match s {
        0..=119 if seconds < 9.95 && span.subsec_nanos() != 0 => format!("{seconds:.1} s"),
        0..=119 => format!("{s} s"),
        120..=7199 => format!("{} min", s / 60),
        7200..=172_799 if s % 3600 < 60 => format!("{} h", s / 3600),
        7200..=172_799 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} days", s / 86_400),
    }
}

/// UTC in ISO form with a `Z`, for the files that others read.
pub fn iso(wall: Wall) -> String {
    utc(wall).map_or_else(|| "unknown".into(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn utc(wall: Wall) -> Option<DateTime<Utc>> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and chrono refuses what is out of range")]
    DateTime::from_timestamp(wall.0.floor() as i64, 0)
}

fn local(wall: Wall, zone: i32) -> Option<DateTime<FixedOffset>> {
    Some(utc(wall)?.with_timezone(&FixedOffset::east_opt(zone)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Mono;

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
            (0.0, "0 s"),
        ];
        for (seconds, words) in rows {
            assert_eq!(lasting(Duration::from_secs_f64(seconds)), words, "{seconds}");
        }
    }

    #[test]
    fn a_clock_time_has_its_date_only_on_another_day() {
        let now = Clock { wall: Wall(1_763_820_000.0), mono: Mono(0.0), zone: 7 * 3600 };
        assert_eq!(at(now.wall - Duration::from_mins(5), now), "20:55");
        assert_eq!(at(now.wall - Duration::from_hours(24), now), "Nov 21 21:00");
        assert_eq!(iso(now.wall), "2025-11-22T14:00:00Z");
        assert_eq!(at(tomorrow(now), now), "Nov 23 08:00");
        let east = Clock { wall: Wall(1_763_766_000.0), mono: Mono(0.0), zone: 3600 };
        assert_eq!((at(east.wall, now), at(tomorrow(east), east)), ("06:00".into(), "Nov 23 08:00".into()));
    }
}
