//! A row for each way in which a bridge shows that it lives, or that it does not. Looks are a minute apart.

use super::*;
use crate::facts::{Connection, Life};
use crate::time::span as s;

const LIMITS: &Limits = &Limits::REAL;
const BEGIN: f64 = 10_000.0;

fn at(mono: f64) -> Clock {
    Clock { wall: Wall(1e9 + mono), mono: Mono(mono), zone: 0 }
}

/// Everything is as it was, and nothing moves.
fn idle() -> Life {
    Life { cpu: s(100.0), ran: 1, connections: vec![telegram()], ..Life::default() }
}

fn telegram() -> Connection {
    let long_ago = Some(s(1e6));
    Connection {
        id: 1,
        telegram: true,
        closed_by_peer: false,
        unread: 0,
        read: Some(500),
        sent: long_ago,
        received: long_ago,
    }
}

/// Looks at what `life` makes of each minute, `minutes` times; then asks.
fn after(minutes: u32, life: impl Fn(f64, &mut Life)) -> Signs {
    let mut record = Record::default();
    let mut now = at(BEGIN);
    for minute in 0..=minutes {
        now = at(BEGIN + f64::from(minute) * 60.0);
        let mut seen = idle();
        life(f64::from(minute), &mut seen);
        record = note(&record, &seen, now, LIMITS);
    }
    signs(&record, None, now, LIMITS)
}

/// It runs a little all the time, so that a lack of CPU time is no sign in itself.
fn awake(minute: f64, life: &mut Life) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
    let ran = minute as u64 + 1;
    life.ran = ran;
}

#[test]
fn bytes_both_ways_and_work_are_signs_of_life_and_nothing_else_is() {
    type Row = (&'static str, fn(f64, &mut Life), Option<bool>);
    let rows: [Row; 14] = [
        ("an established socket alone", |_, _| {}, Some(false)),
        ("a ping a minute", |_, life| moved(life, 5.0, 4.9), Some(true)),
        ("a ping that is late", |_, life| moved(life, 149.0, 148.0), Some(true)),
        ("the last ping 150 s ago", |_, life| moved(life, 150.0, 149.0), Some(false)),
        ("only what Telegram sends", |_, life| moved(life, 1e6, 1.0), Some(false)),
        ("only what it sends, and nobody answers", |_, life| moved(life, 1.0, 1e6), Some(false)),
        ("a connection through a proxy", |_, life| through_proxy(life), Some(true)),
        ("5 % of a core", |minute, life| life.cpu += s(minute * 3.0), Some(true)),
        ("less than that", |minute, life| life.cpu += s(minute * 2.9), Some(false)),
        ("a child that ended takes its time along", |minute, life| life.cpu = s(1e4 - minute * 10.0), Some(false)),
        (
            "a line in the journal",
            |minute, life| life.journal = Some(at(BEGIN + minute * 60.0 - 299.0).wall),
            Some(true),
        ),
        ("an old line in the journal", |_, life| life.journal = Some(at(BEGIN).wall), Some(false)),
        ("a line in the journal from the future", |_, life| life.journal = Some(at(BEGIN + 9e9).wall), Some(false)),
        ("no connection", |_, life| life.connections.clear(), Some(false)),
    ];
    for (name, life, alive) in rows {
        let seen = after(5, |minute, reading| {
            awake(minute, reading);
            life(minute, reading);
        });
        assert_eq!((seen.alive(), seen.dying), (alive, vec![]), "{name}: {:?}", seen.living);
    }
}

fn moved(life: &mut Life, sent: f64, received: f64) {
    (life.connections[0].sent, life.connections[0].received) = (Some(s(sent)), Some(s(received)));
}

fn through_proxy(life: &mut Life) {
    moved(life, 5.0, 5.0);
    life.connections[0].telegram = false;
}

#[test]
fn what_is_not_watched_for_long_says_nothing() {
    for (minutes, alive) in [(0, None), (4, None), (5, Some(false))] {
        assert_eq!(after(minutes, awake).alive(), alive, "{minutes} min");
    }
    let wrote = |ago: f64| signs(&Record::default(), Some(Mono(BEGIN) - s(ago)), at(BEGIN), LIMITS).alive();
    assert_eq!((wrote(299.0), wrote(300.0)), (Some(true), None), "a line of its own is a sign");
}

#[test]
fn signs_of_death_outweigh_those_of_life() {
    type Row = (&'static str, fn(f64, &mut Life), &'static [&'static str]);
    let rows: [Row; 14] = [
        ("bytes that lie unread", |_, life| life.connections[0].unread = 7, &["unread"]),
        (
            "and more come: a dead loop with a spinning thread",
            |minute, life| {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
                let unread = 7 + minute as u32;
                (life.connections[0].unread, life.connections[0].received) = (unread, Some(s(0.5)));
                life.cpu += s(minute * 60.0);
            },
            &["unread"],
        ),
        (
            "each time other bytes: a busy reader",
            |minute, life| {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
                let read = 500 + minute as u64;
                let connection = &mut life.connections[0];
                (connection.unread, connection.read, connection.received) = (7, Some(read), Some(s(0.5)));
            },
            &[],
        ),
        ("a close that is not answered", |_, life| life.connections[0].closed_by_peer = true, &["closed"]),
        (
            "an old connection that was forgotten, beside one that works",
            |_, life| {
                life.connections[0].closed_by_peer = true;
                life.connections[0].unread = 3;
                life.connections.push(Connection { id: 2, sent: Some(s(1.0)), received: Some(s(1.0)), ..telegram() });
            },
            &[],
        ),
        (
            "the same beside one that stands still",
            |_, life| {
                life.connections[0].closed_by_peer = true;
                life.connections.push(Connection { id: 2, ..telegram() });
            },
            &["closed"],
        ),
        (
            "the same beside one that moved last when this one was closed",
            |minute, life| {
                life.connections[0].closed_by_peer = true;
                let since = Some(s(minute * 60.0));
                life.connections.push(Connection { id: 2, sent: since, received: since, ..telegram() });
            },
            &["closed"],
        ),
        (
            "unread bytes on a connection that is not Telegram's",
            |_, life| (life.connections[0].telegram, life.connections[0].unread) = (false, 7),
            &[],
        ),
        ("stopped", |_, life| life.stopped = true, &["stopped"]),
        ("stopped until a minute ago", |minute, life| life.stopped = minute < 5.0, &[]),
        ("it has not run at all", |_, life| life.ran = 1, &["no cpu"]),
        (
            "its counter stands still, and bytes move both ways",
            |_, life| {
                life.ran = 1;
                (life.connections[0].sent, life.connections[0].received) = (Some(s(1.0)), Some(s(1.0)));
            },
            &[],
        ),
        (
            "its counter stands still, and bytes only arrive",
            |_, life| {
                life.ran = 1;
                (life.connections[0].sent, life.connections[0].received) = (Some(s(900.0)), Some(s(1.0)));
            },
            &["no cpu"],
        ),
        ("it ran once, a minute ago", |minute, life| life.ran = u64::from(minute >= 4.0), &[]),
    ];
    for (name, life, expected) in rows {
        let seen = after(5, |minute, reading| {
            awake(minute, reading);
            life(minute, reading);
        });
        let names: Vec<&str> = seen
            .dying
            .iter()
            .map(|sign| match sign {
                Dying::Unread { .. } => "unread",
                Dying::PeerClosed { .. } => "closed",
                Dying::Stopped { .. } => "stopped",
                Dying::NoCpu { .. } => "no cpu",
            })
            .collect();
        assert_eq!(names, expected, "{name}: {seen:?}");
        assert_eq!(seen.alive() == Some(false), !expected.is_empty() || seen.living.is_empty(), "{name}: {seen:?}");
    }
}

/// A minute is long enough for any loop, and a second is not.
#[test]
fn bytes_have_to_lie_for_a_minute() {
    for (received, dead) in [(59.0, false), (60.0, true)] {
        let mut life = idle();
        (life.connections[0].unread, life.connections[0].received) = (7, Some(s(received)));
        let record = note(&Record::default(), &life, at(BEGIN), LIMITS);
        let seen = signs(&record, None, at(BEGIN), LIMITS);
        assert_eq!(!seen.dying.is_empty(), dead, "what arrived last lies there for {received} s, whoever looked");
    }
    // On macOS nobody says when they arrived, and nobody counts what was read.
    let mac = |unread| {
        let silent = Connection { unread, read: None, sent: None, received: None, ..telegram() };
        Life { connections: vec![silent], ..idle() }
    };
    for (looks, dead) in [(vec![7, 7], true), (vec![7, 9], true), (vec![7, 3], false), (vec![7, 0, 7], false)] {
        let mut record = Record::default();
        for (nth, unread) in (0_u32..).zip(&looks) {
            let now = at(BEGIN + f64::from(nth) * 60.0);
            record = note(&record, &mac(*unread), now, LIMITS);
        }
        let now = at(BEGIN + 60.0 * f64::from(u32::try_from(looks.len()).unwrap() - 1));
        assert_eq!(!signs(&record, None, now, LIMITS).dying.is_empty(), dead, "{looks:?}");
    }
}

#[test]
fn two_looks_at_once_find_who_works() {
    let busy = |used: f64| {
        let later = Life { cpu: s(100.0 + used), ran: 2, ..idle() };
        let record = at_once(&idle(), &later, s(1.0), at(BEGIN), LIMITS);
        signs(&record, None, at(BEGIN), LIMITS)
    };
    assert_eq!((busy(0.06).alive(), busy(0.04).alive()), (Some(true), Some(false)));
    assert_eq!(busy(0.04).dying, vec![], "a second without work is no death");
}

/// Less time than before: a relative is gone, and its time with it. A reading that lies ahead is from before a reboot.
#[test]
fn a_rate_is_counted_anew_where_its_first_reading_is_void() {
    let rows = [
        ("all the time of the same processes", [(0.0, 1.0), (30.0, 1.0), (60.0, 4.0)], Some(60.0)),
        ("a child ended, and the others work", [(0.0, 1000.0), (30.0, 1.0), (90.0, 4.0)], Some(90.0)),
        ("a child ended, and the others have not worked for long", [(0.0, 1000.0), (30.0, 1.0), (60.0, 4.0)], None),
        ("the machine was started again", [(9e5, 1.0), (5.0, 2.0), (65.0, 5.0)], Some(65.0)),
    ];
    for (name, readings, worked) in rows {
        let mut record = Record::default();
        for (mono, cpu) in readings {
            record = note(&record, &Life { cpu: s(cpu), ..idle() }, at(mono), LIMITS);
        }
        assert_eq!(record.worked_at, worked.map(Mono), "{name}");
    }
}

#[test]
fn a_stamp_from_before_a_reboot_counts_anew() {
    let before = note(&Record::default(), &idle(), at(BEGIN), LIMITS);
    let record = note(&before, &idle(), at(5.0), LIMITS);
    assert_eq!(record.watched_since, Some(Mono(5.0)));
    assert_eq!(signs(&record, None, at(5.0), LIMITS).alive(), None);
}
