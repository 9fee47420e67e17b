use super::*;

const REAL: LifeLimits = LifeLimits::REAL;
const ROOT: Identity = Identity { pid: 4312, start: 7 };

fn look(at: f64) -> LifeLook {
    LifeLook { at, root: ROOT, cpu_s: None, stopped: false, sockets: Vec::new(), other_line_ago: None }
}

/// Established for an hour, quiet, all read.
fn socket(id: u64) -> SocketLook {
    SocketLook {
        id,
        close_wait: false,
        unread: 0,
        acked: Some(1000),
        received: Some(5000),
        sent_ago: Some(3600.0),
        received_ago: Some(3600.0),
    }
}

/// What the last of these looks shows.
fn last(looks: &[LifeLook]) -> Life {
    let mut history = LifeHistory::default();
    looks.iter().map(|look| life(&mut history, look, &REAL)).last().unwrap_or_default()
}

fn with(at: f64, sockets: &[SocketLook]) -> LifeLook {
    LifeLook { sockets: sockets.to_vec(), ..look(at) }
}

fn cpu(at: f64, cpu_s: f64) -> LifeLook {
    LifeLook { cpu_s: Some(cpu_s), ..look(at) }
}

#[test]
fn bytes_that_move_both_ways_are_a_sign_of_life() {
    let aged = |sent, received| SocketLook { sent_ago: Some(sent), received_ago: Some(received), ..socket(1) };
    let moved = |ago_s| Life { alive: Some(true), signs: vec![Sign::BytesMoved { ago_s }] };
    let more = |acked, received| SocketLook { acked: Some(acked), received: Some(received), ..socket(1) };
    let rows: Vec<(&str, Vec<LifeLook>, Life)> = vec![
        ("an established socket alone", vec![with(0.0, &[socket(1)]), with(60.0, &[socket(1)])], Life::default()),
        ("one look, both ways", vec![with(0.0, &[aged(12.0, 5.0)])], moved(12.0)),
        ("one look, the limit", vec![with(0.0, &[aged(5.0, 120.0)])], moved(120.0)),
        ("one look, past it", vec![with(0.0, &[aged(5.0, 120.1)])], Life::default()),
        ("one look, only what comes", vec![with(0.0, &[aged(3600.0, 5.0)])], Life::default()),
        ("one look, only what goes", vec![with(0.0, &[aged(5.0, 3600.0)])], Life::default()),
        (
            "one look, a connection that sent nothing yet",
            vec![with(0.0, &[SocketLook { acked: Some(1), ..aged(1.0, 1.0) }])],
            Life::default(),
        ),
        (
            "one look, two bytes",
            vec![with(0.0, &[SocketLook { acked: Some(2), received: Some(1), ..aged(1.0, 1.0) }])],
            moved(1.0),
        ),
        (
            "one look, a connection that got nothing yet",
            vec![with(0.0, &[SocketLook { received: Some(0), ..aged(1.0, 1.0) }])],
            Life::default(),
        ),
        (
            "between two looks",
            vec![
                with(0.0, &[more(10, 10)]),
                with(60.0, &[SocketLook { sent_ago: Some(20.0), received_ago: Some(30.0), ..more(11, 11) }]),
            ],
            moved(30.0),
        ),
        (
            "sent, and never acknowledged",
            vec![
                with(0.0, &[more(10, 10)]),
                with(60.0, &[SocketLook { sent_ago: Some(1.0), received_ago: Some(1.0), ..more(10, 11) }]),
            ],
            Life::default(),
        ),
        (
            "only acknowledged",
            vec![
                with(0.0, &[more(10, 10)]),
                with(60.0, &[SocketLook { sent_ago: Some(1.0), received_ago: Some(1.0), ..more(11, 10) }]),
            ],
            Life::default(),
        ),
        (
            "a counter without ages",
            vec![
                with(0.0, &[more(10, 10)]),
                with(60.0, &[SocketLook { sent_ago: None, received_ago: None, ..more(11, 11) }]),
            ],
            moved(0.0),
        ),
        (
            "an age older than the look before",
            vec![
                with(0.0, &[more(10, 10)]),
                with(60.0, &[SocketLook { sent_ago: Some(500.0), received_ago: Some(1.0), ..more(11, 11) }]),
            ],
            moved(60.0),
        ),
        ("it lasts two minutes", vec![with(0.0, &[aged(0.0, 0.0)]), with(120.0, &[aged(120.0, 120.0)])], moved(120.0)),
        ("and not longer", vec![with(0.0, &[aged(0.0, 0.0)]), with(121.0, &[aged(121.0, 121.0)])], Life::default()),
        (
            "the freshest of several",
            vec![with(0.0, &[socket(2), SocketLook { id: 3, ..aged(7.0, 7.0) }, aged(90.0, 90.0)])],
            moved(7.0),
        ),
        (
            "a system that counts nothing",
            vec![with(
                0.0,
                &[SocketLook { acked: None, received: None, sent_ago: None, received_ago: None, ..socket(1) }],
            )],
            Life::default(),
        ),
    ];
    for (name, looks, expected) in rows {
        assert_eq!(last(&looks), expected, "{name}");
    }
}

#[test]
fn work_is_five_percent_of_a_core_over_a_minute() {
    let work = |share, over_s| Life { alive: Some(true), signs: vec![Sign::Cpu { share, over_s }] };
    let rows: Vec<(&str, Vec<LifeLook>, Life)> = vec![
        ("one look says nothing", vec![cpu(0.0, 3000.0)], Life::default()),
        ("at the rate", vec![cpu(0.0, 0.0), cpu(60.0, 3.0)], work(0.05, 60.0)),
        ("below it: a trickle", vec![cpu(0.0, 0.0), cpu(60.0, 2.99)], Life::default()),
        ("in less than a minute", vec![cpu(0.0, 0.0), cpu(59.0, 59.0)], Life::default()),
        ("over two ticks", vec![cpu(0.0, 0.0), cpu(59.0, 0.0), cpu(119.0, 30.0)], work(0.5, 60.0)),
        ("the newest look that is old enough", vec![cpu(0.0, 0.0), cpu(59.5, 0.0), cpu(119.0, 11.9)], work(0.1, 119.0)),
        ("looks every second", (0..=60).map(|n| cpu(f64::from(n), f64::from(n))).collect(), work(1.0, 60.0)),
        ("old work is over", vec![cpu(0.0, 0.0), cpu(60.0, 60.0), cpu(120.0, 60.0)], Life::default()),
        ("less than before says nothing", vec![cpu(0.0, 50.0), cpu(60.0, 10.0), cpu(119.0, 60.0)], Life::default()),
        ("but from there it counts", vec![cpu(0.0, 50.0), cpu(60.0, 10.0), cpu(120.0, 70.0)], work(1.0, 60.0)),
        ("unknown now", vec![cpu(0.0, 0.0), look(60.0)], Life::default()),
    ];
    for (name, looks, expected) in rows {
        assert_eq!(last(&looks), expected, "{name}");
    }
    // With one look a second for an hour the history stays small.
    let mut history = LifeHistory::default();
    for n in 0..3600 {
        life(&mut history, &cpu(f64::from(n), 0.0), &REAL);
    }
    assert_eq!(history.cpu.len(), 61);
}

#[test]
fn no_cpu_at_all_for_five_minutes_is_a_sign_of_death() {
    let dead = |for_s| Life { alive: Some(false), signs: vec![Sign::NoCpu { for_s }] };
    let rows: Vec<(&str, Vec<LifeLook>, Life)> = vec![
        ("the limit", vec![cpu(0.0, 5.0), cpu(300.0, 5.0)], dead(300.0)),
        ("before it", vec![cpu(0.0, 5.0), cpu(299.0, 5.0)], Life::default()),
        ("the smallest trickle", vec![cpu(0.0, 5.0), cpu(299.0, 5.000_001), cpu(400.0, 5.000_001)], Life::default()),
        ("less is no progress and no proof", vec![cpu(0.0, 5.0), cpu(150.0, 4.0), cpu(400.0, 4.0)], Life::default()),
        ("unknown in between", vec![cpu(0.0, 5.0), look(150.0), cpu(300.0, 5.0)], dead(300.0)),
        ("unknown now", vec![cpu(0.0, 5.0), look(300.0)], Life::default()),
        (
            "another run",
            vec![LifeLook { root: Identity { pid: 4312, start: 8 }, ..cpu(0.0, 5.0) }, cpu(300.0, 5.0)],
            Life::default(),
        ),
    ];
    for (name, looks, expected) in rows {
        assert_eq!(last(&looks), expected, "{name}");
    }
}

#[test]
fn unread_bytes_are_a_sign_of_death_after_a_minute() {
    let unread = |unread, received, ago: Option<f64>| SocketLook {
        unread,
        received: Some(received),
        received_ago: ago,
        ..socket(1)
    };
    let uncounted =
        |unread| SocketLook { unread, received: None, acked: None, sent_ago: None, received_ago: None, ..socket(1) };
    let dead = |bytes, for_s| Life { alive: Some(false), signs: vec![Sign::Unread { bytes, for_s }] };
    let rows: Vec<(&str, Vec<LifeLook>, Life)> = vec![
        ("one look, the limit", vec![with(0.0, &[unread(9, 5000, Some(60.0))])], dead(9, 60.0)),
        ("one look, before it", vec![with(0.0, &[unread(9, 5000, Some(59.9))])], Life::default()),
        (
            "more comes all the time",
            vec![with(0.0, &[unread(9, 5000, Some(1.0))]), with(60.0, &[unread(20, 5011, Some(1.0))])],
            dead(20, 60.0),
        ),
        (
            "before the minute",
            vec![with(0.0, &[unread(9, 5000, Some(1.0))]), with(59.0, &[unread(20, 5011, Some(1.0))])],
            Life::default(),
        ),
        (
            "one byte was read",
            vec![with(0.0, &[unread(9, 5000, Some(1.0))]), with(60.0, &[unread(19, 5011, Some(1.0))])],
            Life::default(),
        ),
        (
            "all was read in between",
            vec![
                with(0.0, &[unread(9, 5000, Some(1.0))]),
                with(30.0, &[unread(0, 5000, Some(31.0))]),
                with(60.0, &[unread(9, 5009, Some(1.0))]),
            ],
            Life::default(),
        ),
        (
            "another connection",
            vec![
                with(0.0, &[unread(9, 5000, Some(1.0))]),
                with(60.0, &[SocketLook { id: 2, ..unread(9, 5000, Some(1.0)) }]),
            ],
            Life::default(),
        ),
        (
            "nothing is counted, three looks",
            vec![with(0.0, &[uncounted(9)]), with(30.0, &[uncounted(9)]), with(60.0, &[uncounted(12)])],
            dead(12, 60.0),
        ),
        (
            "nothing is counted, two looks",
            vec![with(0.0, &[uncounted(9)]), with(90.0, &[uncounted(9)])],
            Life::default(),
        ),
        (
            "nothing is counted, it grew shorter",
            vec![
                with(0.0, &[uncounted(9)]),
                with(30.0, &[uncounted(8)]),
                with(60.0, &[uncounted(9)]),
                with(80.0, &[uncounted(9)]),
            ],
            Life::default(),
        ),
    ];
    for (name, looks, expected) in rows {
        assert_eq!(last(&looks), expected, "{name}");
    }
}

#[test]
fn an_unanswered_close_is_a_sign_of_death_after_a_minute() {
    let closed = SocketLook { close_wait: true, ..socket(1) };
    let dead = |for_s| Life { alive: Some(false), signs: vec![Sign::CloseWait { for_s }] };
    let rows: Vec<(&str, Vec<LifeLook>, Life)> = vec![
        ("one look", vec![with(0.0, &[closed])], Life::default()),
        ("the limit", vec![with(0.0, &[closed]), with(60.0, &[closed])], dead(60.0)),
        ("before it", vec![with(0.0, &[closed]), with(59.0, &[closed])], Life::default()),
        ("open until then", vec![with(0.0, &[socket(1)]), with(60.0, &[closed])], Life::default()),
        ("answered", vec![with(0.0, &[closed]), with(60.0, &[])], Life::default()),
    ];
    for (name, looks, expected) in rows {
        assert_eq!(last(&looks), expected, "{name}");
    }
}

#[test]
fn a_connection_that_was_left_behind_is_no_death_beside_one_that_works() {
    let works = SocketLook { sent_ago: Some(5.0), received_ago: Some(5.0), ..socket(2) };
    let closed = SocketLook { close_wait: true, ..socket(1) };
    let unread = SocketLook { unread: 9, received_ago: Some(600.0), ..socket(1) };
    let quiet = SocketLook { sent_ago: Some(121.0), ..works };
    let moved = |ago_s| Life { alive: Some(true), signs: vec![Sign::BytesMoved { ago_s }] };
    assert_eq!(last(&[with(0.0, &[works, closed]), with(60.0, &[works, closed])]), moved(65.0));
    assert_eq!(last(&[with(0.0, &[unread, works])]), moved(5.0));
    let life = last(&[with(0.0, &[unread, quiet])]);
    assert_eq!(life.signs, [Sign::Unread { bytes: 9, for_s: 600.0 }], "the other one does not work either");
    // A connection that is written and never read is no proof that the loop is alive.
    let half = SocketLook { unread: 9, sent_ago: Some(5.0), received_ago: Some(70.0), ..socket(1) };
    let life = last(&[with(0.0, &[half])]);
    assert_eq!((life.alive, life.signs.len()), (Some(false), 2));
}

#[test]
fn stopped_is_dead_at_once_and_only_while_it_is() {
    let stopped = |at| LifeLook { stopped: true, ..look(at) };
    let dead = |for_s| Life { alive: Some(false), signs: vec![Sign::Stopped { for_s }] };
    assert_eq!(last(&[stopped(0.0)]), dead(0.0));
    assert_eq!(last(&[stopped(0.0), stopped(7.0)]), dead(7.0));
    assert_eq!(last(&[stopped(0.0), look(7.0)]), Life::default());
    assert_eq!(last(&[stopped(0.0), look(7.0), stopped(9.0)]), dead(0.0));
}

#[test]
fn a_line_elsewhere_is_a_sign_of_life_while_that_log_is_not_silent_too() {
    let elsewhere = |ago| LifeLook { other_line_ago: Some(ago), ..look(0.0) };
    assert_eq!(last(&[elsewhere(300.0)]), Life { alive: Some(true), signs: vec![Sign::OtherLine { ago_s: 300.0 }] });
    assert_eq!(last(&[elsewhere(300.1)]), Life::default());
}

#[test]
fn death_outweighs_life() {
    let mut history = LifeHistory::default();
    life(&mut history, &cpu(0.0, 0.0), &REAL);
    let spinning = LifeLook {
        sockets: vec![SocketLook { unread: 9, received_ago: Some(60.0), ..socket(1) }],
        other_line_ago: Some(1.0),
        ..cpu(60.0, 60.0)
    };
    let seen = life(&mut history, &spinning, &REAL);
    let signs = vec![
        Sign::Cpu { share: 1.0, over_s: 60.0 },
        Sign::OtherLine { ago_s: 1.0 },
        Sign::Unread { bytes: 9, for_s: 60.0 },
    ];
    assert_eq!(seen, Life { alive: Some(false), signs });
}

#[test]
fn faster_limits_keep_the_share() {
    let fast = REAL.faster(60.0);
    assert_eq!((fast.moved, fast.other_line, fast.cpu_window, fast.unanswered, fast.no_cpu), (2.0, 5.0, 1.0, 1.0, 5.0));
    assert_eq!(fast.cpu_share, REAL.cpu_share);
}
