//! What one look leaves to the next, rule by rule: a row for each limit, and for each run that a word may be about.

use super::*;
use crate::history::{Connection as Known, Evidence, connection, ended_alike, last_exit};

const BEGAN: f64 = 3600.0;

/// The history after a look at this.
fn after(case: &Case) -> History {
    advance(&case.history, &case.facts, &[], LIMITS).0
}

fn changed(change: impl FnOnce(&mut Case)) -> History {
    let mut case = well();
    change(&mut case);
    after(&case)
}

/// Another process has taken its place, this many seconds ago.
fn respawned(case: &mut Case, age: f64) {
    let id = Identity { pid: 4313, start: 2 };
    case.facts.process = Fact::Known(Some(Process { id, ..process(age) }));
    case.job().pid = Some(4313);
}

fn ago(seconds: f64) -> Mono {
    NOW.mono - s(seconds)
}

#[test]
fn a_gap_of_one_tick_is_no_sleep() {
    for (gap, slept) in [(60.0, false), (60.5, true)] {
        let history = changed(|c| {
            let last = NOW.mono - s(60.0);
            c.history.clock = Some(Clock { wall: NOW.wall - s(60.0 + gap), mono: last, zone: 0 });
        });
        assert_eq!(history.grace_until > NOW.mono, slept, "{gap} s");
    }
}

#[test]
fn a_wait_that_ended_a_run_holds_from_its_end_and_for_a_day_at_most() {
    for (seconds, until) in [(30, 30.0), (100_000, 86_400.0)] {
        let history = changed(|c| {
            c.down(100.0, 0.0);
            c.history.run = Some(process(100.0));
            let error = format!("FloodWaitError: A wait of {seconds} seconds is required");
            c.log().said.ended_by = Some(Traceback { error, causes: Vec::new() });
        });
        assert_eq!(history.flood_until, Some(NOW.wall + s(until)), "{seconds} s");
    }
}

/// launchd counts runs, and systemd names them; a look that shows neither says nothing of them.
#[test]
fn a_look_without_a_counter_keeps_the_last_reading() {
    let failed = || Exit::NotStarted("a step before its start failed".into());
    let reading = |runs, run| Some(Counted { runs, run });
    // (name, what is shown of runs, the run and the exit, the reading then)
    let rows = [
        ("the counter", (Some(8), None, Exit::Code(1)), reading(8, None)),
        ("no counter", (None, None, Exit::Code(1)), reading(7, None)),
        ("no counter, since no start got so far", (None, None, failed()), None),
        ("a counter, and no start got so far", (Some(8), None, failed()), reading(8, None)),
    ];
    for (name, (runs, run, exit), expected) in rows {
        let history = changed(|c| {
            c.down(100.0, 5.0);
            (c.job().runs, c.job().run, c.job().last_exit) = (runs, run, exit);
        });
        assert_eq!(history.counted, expected, "{name}");
    }
    // What kept it from starting is forgotten with the next process, or the next run that ended before it was seen.
    let rows = [
        ("still nothing", (None, None), true),
        ("a process, by launchd", (None, Some(4312)), false),
        ("a run that has ended", (Some(9), None), false),
    ];
    for (name, (run, pid), kept) in rows {
        let history = changed(|c| {
            c.down(100.0, 5.0);
            c.history.before_start = Some(failed());
            (c.job().run, c.job().last_exit) = (run, Exit::Code(1));
            c.facts.process = Fact::Known(pid.map(|_| process(1.0)));
        });
        assert_eq!(history.before_start.is_some(), kept, "{name}");
    }
}

#[test]
fn a_new_process_is_silent_since_its_start_or_its_own_last_line() {
    // (name, when the log was written, seconds ago; silent since)
    let rows = [
        ("not written", None, 100.0),
        ("written before its start", Some(101.0), 100.0),
        ("written since", Some(40.0), 40.0),
        ("written in the future, by a clock that was set", Some(-50.0), 0.0),
    ];
    for (name, written, silent) in rows {
        let history = changed(|c| {
            respawned(c, 100.0);
            c.log().modified = written.map(|ago: f64| Wall(NOW.wall.0 - ago));
        });
        assert_eq!(history.silent_since, Some(ago(silent)), "{name}");
    }
    // Evidence about the one before is void.
    let history = changed(|c| {
        c.silent(400.0);
        (c.history.stopping_since, c.history.disconnected_since) = (Some(ago(9.0)), Some(ago(9.0)));
        (c.history.locked_at, c.history.told_to_stop_at) = (Some(ago(9.0)), Some(ago(9.0)));
        (c.history.heard, c.history.buffered, c.history.said_connected) = (true, true, Some(true));
        (c.history.inside, c.facts.bridge) = (inside(3), Fact::Known(None));
        c.beats(3, 9.0);
        c.facts.life = Fact::Known(Life::default());
        respawned(c, 1.0);
    });
    let void = (history.stopping_since, history.disconnected_since, history.locked_at, history.told_to_stop_at);
    assert_eq!(void, (None, None, None, None));
    let void = (history.heard, history.spoke, history.buffered, history.said_connected, history.had_socket);
    assert_eq!(void, (false, false, false, None, false));
    assert_eq!((history.stale_looks, history.beats, history.inside), (0, Beats::default(), Inside::default()));
}

#[test]
fn a_start_counts_for_30_min() {
    let starts = |ago: f64| changed(|c| c.history.starts = vec![NOW.mono - s(ago)]).starts.len();
    assert_eq!([1799.0, 1800.0].map(starts), [1, 0]);
    let new = changed(|c| respawned(c, 1.0));
    assert_eq!(new.starts, [NOW.mono], "by the process alone");
    let new = changed(|c| (c.job().runs, c.job().run) = (Some(500), None));
    assert_eq!(new.starts.len(), 50, "a bound");
}

#[test]
fn how_long_it_is_down_unloaded_or_on_its_way_out() {
    // (name, change, dead since, unloaded since, stopping since)
    type Row = (&'static str, fn(&mut Case), [Option<f64>; 3]);
    let rows: [Row; 10] = [
        ("it runs", |_| {}, [None, None, None]),
        ("down since", |c| c.down(100.0, 5.0), [Some(5.0), None, None]),
        (
            "started since, and down again",
            |c| {
                c.down(100.0, 5.0);
                c.job().runs = Some(8);
            },
            [Some(0.0), None, None],
        ),
        (
            "down and unloaded",
            |c| {
                c.down(100.0, 5.0);
                c.job().loaded = false;
            },
            [Some(5.0), Some(0.0), None],
        ),
        (
            "unloaded since",
            |c| {
                c.down(100.0, 5.0);
                c.job().loaded = false;
                c.history.unloaded_since = Some(ago(4.0));
            },
            [Some(5.0), Some(4.0), None],
        ),
        ("unloaded, and it runs on", |c| c.job().loaded = false, [None, None, None]),
        ("its manager stops it", |c| c.job().stopping = true, [None, None, Some(0.0)]),
        (
            "its manager has stopped it",
            |c| {
                c.down(100.0, 0.0);
                c.job().stopping = true;
            },
            [Some(0.0), None, None],
        ),
        ("its log says so", |c| c.log().said.told_to_stop = true, [None, None, Some(0.0)]),
        (
            "the log said so of the one before",
            |c| {
                c.log().said.told_to_stop = true;
                respawned(c, 1.0);
            },
            [None, None, None],
        ),
    ];
    for (name, change, expected) in rows {
        let history = changed(change);
        let seen = [history.dead_since, history.unloaded_since, history.stopping_since];
        assert_eq!(seen, expected.map(|since| since.map(ago)), "{name}");
    }
    let told = |log: fn(&mut Case)| {
        let history = changed(|c| {
            c.history.told_to_stop_at = Some(ago(9.0));
            log(c);
        });
        history.told_to_stop_at
    };
    assert_eq!(told(|_| {}), Some(ago(9.0)), "silent since");
    assert_eq!(told(|c| c.log().said.told_to_stop = true), Some(ago(9.0)), "said again");
    assert_eq!(told(|c| c.log().grew = true), None, "a line followed");
    assert_eq!(told(|c| c.facts.log = Fact::Unknown("denied".into())), Some(ago(9.0)), "not seen");
    assert_eq!(told(|c| c.down(9.0, 0.0)), None, "it is gone");
}

/// The log says so in the look that first sees this run.
fn asked_first(run_before: Option<Process>) -> Option<Mono> {
    let history = changed(|c| {
        c.history.run = run_before;
        c.log().said.login = true;
    });
    history.login_at
}

#[test]
fn a_login_is_asked_for_as_long_as_nothing_follows() {
    let asked = |change: fn(&mut Case)| {
        let history = changed(|c| {
            c.history.login_at = Some(ago(9.0));
            change(c);
        });
        history.login_at
    };
    assert_eq!(asked(|_| {}), Some(ago(9.0)), "silent since");
    assert_eq!(asked(|c| c.log().said.login = true), Some(ago(0.0)), "said again");
    assert_eq!(asked(|c| c.log().grew = true), None, "a line followed");
    assert_eq!(asked(|c| respawned(c, 1.0)), None, "another run");
    let first = |run| asked_first(run).is_some();
    assert!(first(None), "the first look finds it so");
    assert!(
        !first(Some(Process { id: Identity { pid: 7, start: 1 }, ..process(100.0) })),
        "the last line of the one before"
    );
}

#[test]
fn whose_voice_it_is() {
    // (name, change, heard, spoke, buffered)
    type Row = (&'static str, fn(&mut Case), [bool; 3]);
    fn unheard(c: &mut Case) {
        c.history.spoke = false;
    }
    let rows: [Row; 12] = [
        ("nothing so far", unheard, [false, false, false]),
        ("heard before", |c| c.history.heard = true, [true, true, false]),
        (
            "it wrote",
            |c| {
                unheard(c);
                c.log().grew = true;
            },
            [true, true, false],
        ),
        (
            "the last bytes of the one before",
            |c| {
                c.log().grew = true;
                respawned(c, 0.5);
            },
            [false, false, false],
        ),
        (
            "written a second after its start, before we were there",
            |c| {
                unheard(c);
                c.log().modified = Some(Wall(NOW.wall.0 - BEGAN + 1.0));
            },
            [false, true, false],
        ),
        (
            "written less than a second after its start",
            |c| {
                unheard(c);
                c.log().modified = Some(Wall(NOW.wall.0 - BEGAN + 0.9));
            },
            [false, false, false],
        ),
        (
            "a log that is empty",
            |c| {
                unheard(c);
                (c.log().modified, c.log().size) = (Some(NOW.wall), 0);
            },
            [false, false, false],
        ),
        (
            "written, and no process",
            |c| {
                c.down(100.0, 0.0);
                unheard(c);
                c.log().modified = Some(NOW.wall);
            },
            [false, false, false],
        ),
        ("its last line has no end for a look", |c| c.history.torn = true, [false, true, true]),
        (
            "its last line got its end",
            |c| {
                c.history.torn = true;
                c.log().grew = true;
            },
            [true, true, false],
        ),
        ("a line that has just begun", |c| (c.log().torn, c.log().grew) = (true, true), [true, true, false]),
        (
            "the one before left it without an end",
            |c| {
                c.history.torn = true;
                respawned(c, 0.5);
            },
            [false, false, false],
        ),
    ];
    for (name, change, expected) in rows {
        let history = changed(change);
        assert_eq!([history.heard, history.spoke, history.buffered], expected, "{name}");
    }
    let silent = |since: Option<f64>, grew: bool| {
        changed(|c| (c.history.silent_since, c.log().grew) = (since.map(ago), grew)).silent_since
    };
    assert_eq!(
        [silent(Some(9.0), false), silent(Some(9.0), true), silent(None, false)],
        [Some(ago(9.0)), Some(ago(0.0)), Some(ago(0.0))]
    );
    let stale =
        |since: f64| changed(|c| (c.history.silent_since, c.history.stale_looks) = (Some(ago(since)), 4)).stale_looks;
    assert_eq!([299.0, 300.0].map(stale), [0, 5]);
}

/// A bridge that waits for its threads ends a while after its last words.
#[test]
fn the_last_words_explain_an_end_some_looks_later() {
    let lost = || Findings { login: true, own_lines: 1, ..Findings::default() };
    let class = |silent: f64, change: fn(&mut Case)| {
        let mut case = well();
        case.history.said = lost();
        case.history.silent_since = Some(ago(silent));
        change(&mut case);
        let between = after(&case);
        (case.log().grew, case.log().said) = (false, Findings::default());
        case.down(100.0, 0.0);
        (case.history, case.job().last_exit) = (between, Exit::Code(1));
        let (_, events) = advance(&case.history, &case.facts, &[], LIMITS);
        events.into_iter().find(|event| event.kind == EventKind::Crash).map(|crash| crash.class)
    };
    assert_eq!(class(60.0, |_| {}), Some(Class::Login), "two looks later");
    assert_eq!(class(299.0, |_| {}), Some(Class::Login));
    assert_eq!(class(300.0, |_| {}), Some(Class::Code), "they no longer count");
    let goes_on = |case: &mut Case| (case.log().grew, case.log().said.heartbeat) = (true, true);
    assert_eq!(class(60.0, goes_on), Some(Class::Code), "it went on after them");
    assert_eq!(class(60.0, |case| respawned(case, 1.0)), Some(Class::Code), "the words of the one before");
    let gone = |case: &mut Case| case.down(100.0, 0.0);
    assert_eq!(class(60.0, gone), None, "it is the same end");
}

#[test]
fn what_is_said_is_about_the_run_that_says_it() {
    // (name, change, locked, connected)
    type Row = (&'static str, fn(&mut Case), bool, Option<bool>);
    let rows: [Row; 9] = [
        ("nothing", |_| {}, false, None),
        ("locked", |c| c.log().said.locked = true, true, None),
        ("a mention of a lock", |c| c.log().said.lock_mentioned = true, true, None),
        (
            "locked, by the one before",
            |c| {
                c.log().said.locked = true;
                respawned(c, 1.0);
            },
            false,
            None,
        ),
        (
            "locked, and it is gone",
            |c| {
                c.down(100.0, 0.0);
                c.history.run = Some(process(100.0));
                c.log().said.lock_mentioned = true;
            },
            true,
            None,
        ),
        ("it has given up", |c| c.log().said.connected = Some(false), false, Some(false)),
        ("connected before, and nothing new", |c| c.history.said_connected = Some(true), false, Some(true)),
        (
            "the one before had given up",
            |c| {
                c.log().said.connected = Some(false);
                respawned(c, 1.0);
            },
            false,
            None,
        ),
        (
            "the new one is connected",
            |c| {
                c.log().said.connected = Some(true);
                respawned(c, 1.0);
            },
            false,
            Some(true),
        ),
    ];
    for (name, change, locked, connected) in rows {
        let history = changed(change);
        assert_eq!((history.locked_at.is_some(), history.said_connected), (locked, connected), "{name}");
    }
}

#[test]
fn heartbeats_are_counted_within_a_run() {
    let beats = |change: fn(&mut Case)| {
        let beats = changed(|c| {
            c.beats(2, 60.0);
            change(c);
        });
        (beats.beats.seen, beats.beats.last)
    };
    assert_eq!(beats(|_| {}), (2, Some(ago(60.0))));
    assert_eq!(beats(|c| c.log().said.heartbeat = true), (3, Some(ago(0.0))));
    assert_eq!(beats(|c| c.log().skipped = true), (2, Some(ago(0.0))), "one may have been in what was not read");
    let of_another = |c: &mut Case| {
        c.log().said.heartbeat = true;
        respawned(c, 1.0);
    };
    assert_eq!(beats(of_another), (0, None));
}

#[test]
fn a_wait_ends_with_a_sign_of_life_and_is_a_day_long_at_most() {
    let flood = |seconds| Some(FloodWait { seconds });
    let until = |ahead: f64| Some(NOW.wall + s(ahead));
    type Row = (&'static str, fn(&mut Case), Option<f64>);
    let rows: [Row; 8] = [
        ("nothing new", |_| {}, Some(600.0)),
        ("a wait", |c| c.log().said.flood = Some(FloodWait { seconds: Some(30) }), Some(30.0)),
        ("a wait for ever", |c| c.log().said.flood = Some(FloodWait { seconds: Some(1 << 40) }), Some(86_400.0)),
        ("a heartbeat", |c| c.log().said.heartbeat = true, None),
        ("connected", |c| c.log().said.connected = Some(true), None),
        ("given up", |c| c.log().said.connected = Some(false), Some(600.0)),
        ("at the end of the log before us", |c| c.log().flood_before = Some((NOW.wall - s(10.0), s(30.0))), Some(20.0)),
        ("the same, over in this second", |c| c.log().flood_before = Some((NOW.wall - s(30.0), s(30.0))), None),
    ];
    for (name, change, expected) in rows {
        let history = changed(|c| {
            c.history.flood_until = until(600.0);
            change(c);
        });
        assert_eq!(history.flood_until, expected.and_then(until), "{name}");
    }
    let unnamed = changed(|c| c.log().said.flood = flood(None));
    assert_eq!(unnamed.flood_until, None, "it names no time");
}

#[test]
fn a_connection_is_known_by_its_socket_or_its_log() {
    let socket = |connected| Fact::Known(Known { connected, evidence: Evidence::Socket });
    let log = |connected| Fact::Known(Known { connected, evidence: Evidence::Log });
    let closed = Connection { closed_by_peer: true, ..telegram() };
    let proxy = Connection { telegram: false, ..telegram() };
    let one = |seen: Connection| Fact::Known(Life { connections: vec![seen], ..Life::default() });
    let none = || Fact::Known(Life::default());
    // (name, what the kernel shows, had a socket, what the log said, known then, has had one then, lost since)
    let rows = [
        ("a socket", one(telegram()), false, None, Some(socket(true)), true, false),
        ("a socket, and a log that says no", one(telegram()), false, Some(false), Some(socket(true)), true, false),
        ("the other end has closed it", one(closed), true, Some(true), Some(socket(false)), true, true),
        ("a proxy's", one(proxy), false, Some(true), Some(log(true)), false, false),
        ("none any more", none(), true, Some(true), Some(socket(false)), true, true),
        ("none so far", none(), false, None, None, false, false),
        ("none so far, and it has given up", none(), false, Some(false), Some(log(false)), false, true),
        ("not seen", Fact::Unknown("denied".into()), true, None, None, true, false),
        (
            "not seen, and the log says so",
            Fact::Unknown("denied".into()),
            true,
            Some(true),
            Some(log(true)),
            true,
            false,
        ),
    ];
    for (name, life, had_socket, said, expected, had_then, lost) in rows {
        let mut case = well();
        case.facts.life = life;
        (case.history.had_socket, case.history.said_connected) = (had_socket, said);
        let history = after(&case);
        let known = connection(&history, &case.facts);
        assert_eq!(known.known(), expected.as_ref().and_then(Fact::known), "{name}");
        assert_eq!((history.had_socket, history.disconnected_since.is_some()), (had_then, lost), "{name}");
        // It goes on for as long as it is so.
        case.history.disconnected_since = Some(ago(9.0));
        assert_eq!(after(&case).disconnected_since, lost.then(|| NOW.mono - s(9.0)), "{name}");
    }
}

#[test]
fn what_a_debugger_has_held_gets_time_to_speak_again() {
    let halted = |before: bool, halt: Option<Halt>| {
        let mut case = well();
        case.history.halted = before;
        let Fact::Known(life) = &mut case.facts.life else { unreachable!("it was seen") };
        life.halted = halt;
        let history = after(&case);
        (history.halted, history.grace_until > NOW.mono)
    };
    let traced = Some(Halt::Traced { by: 7 });
    assert_eq!(halted(false, traced), (true, false));
    assert_eq!(halted(true, None), (true, false), "a shallow look does not ask");
    assert_eq!(halted(true, Some(Halt::Nobody)), (false, true));
    assert_eq!(halted(false, Some(Halt::Nobody)), (false, false));
}

/// First straight to Telegram, then through a proxy.
#[test]
fn what_it_says_after_its_socket_went_outweighs_that_it_had_one() {
    // (since when the socket is gone, whether it has another one, what the log says now, known then)
    let rows = [
        (Some(ago(9.0)), false, Some(true), true),
        (Some(ago(9.0)), true, None, false),
        (Some(ago(9.0)), true, Some(false), false),
        (None, false, Some(true), false),
        (None, true, Some(true), true),
    ];
    for (gone, another, says, connected) in rows {
        let mut case = well();
        let proxy = Connection { telegram: false, ..telegram() };
        let connections = if another { vec![proxy] } else { vec![] };
        case.facts.life = Fact::Known(Life { connections, ..Life::default() });
        (case.history.had_socket, case.history.said_connected) = (true, Some(true));
        case.history.disconnected_since = gone;
        case.log().said.connected = says;
        let history = after(&case);
        let known = connection(&history, &case.facts);
        assert_eq!(known.known().map(|known| known.connected), Some(connected), "{gone:?} {another} {says:?}");
        assert_eq!(history.disconnected_since.is_none(), connected, "{gone:?} {another} {says:?}");
    }
}

#[test]
fn signs_of_life_are_those_of_a_run() {
    let watched = |change: fn(&mut Case)| changed(change).life.watched_since;
    assert_eq!(watched(|_| {}), Some(ago(3600.0)));
    assert_eq!(watched(|c| c.facts.life = Fact::Unknown("denied".into())), None, "its lack proves nothing then");
    assert_eq!(watched(|c| c.down(100.0, 5.0)), None);
    let wrote = |change: fn(&mut Case)| {
        let mut case = well();
        change(&mut case);
        let signs = crate::history::signs(&case.history, &case.facts, LIMITS);
        signs.living.contains(&signs::Living::Wrote { at: NOW.mono - s(10.0) })
    };
    assert!(wrote(|_| {}));
    assert!(!wrote(|c| c.history.spoke = false));
    assert!(!wrote(|c| c.history.run = None));
}

#[test]
fn how_the_last_run_ended_is_remembered_where_its_manager_hides_it() {
    let ended = |exit| Some(Ended { id: ID, lived: s(5.0), at: NOW.wall, exit });
    let failed = || Some(Exit::NotStarted("failed".into()));
    // (name, what its manager says, its runs, what the watch saw, what kept it from starting, the answer)
    let rows = [
        ("said", Exit::Code(1), Some(7), ended(Exit::Code(3)), failed(), Exit::Code(1)),
        ("seen by the watch", Exit::Never, Some(7), ended(Exit::Code(3)), None, Exit::Code(3)),
        ("seen by nobody", Exit::Never, Some(7), ended(Exit::Never), None, Exit::Unseen),
        ("a run before, and no watch", Exit::Never, Some(2), None, None, Exit::Unseen),
        ("its first run", Exit::Never, Some(1), None, None, Exit::Never),
        ("no counter", Exit::Never, None, None, None, Exit::Never),
        ("it never came to a start", Exit::Never, Some(7), ended(Exit::Code(3)), failed(), failed().unwrap()),
    ];
    for (name, last_exit_said, runs, ended, before_start, expected) in rows {
        let history = History { ended, before_start, ..History::default() };
        let job = Job { last_exit: last_exit_said, runs, ..job(None) };
        assert_eq!(last_exit(&job, &history), expected, "{name}");
    }
}

#[test]
fn an_end_is_a_crash_by_its_exit() {
    let rows = [
        (Exit::Code(0), 0),
        (Exit::Code(1), 1),
        (Exit::Code(2), 0),
        (Exit::Code(3), 1),
        (Exit::Signal(libc::SIGTERM), 0),
        (Exit::Signal(libc::SIGKILL), 1),
        (Exit::Other("OS_REASON_DYLD".into()), 1),
        (Exit::Unseen, 0),
        (Exit::Never, 0),
    ];
    let crashes = |change: &dyn Fn(&mut Case)| {
        let mut case = well();
        case.down(100.0, 0.0);
        case.history.run = Some(process(100.0));
        change(&mut case);
        let (_, events) = advance(&case.history, &case.facts, &[], LIMITS);
        events.into_iter().filter(|event| event.kind == EventKind::Crash).collect::<Vec<_>>()
    };
    for (exit, count) in rows {
        let seen = crashes(&|c| c.job().last_exit = exit.clone());
        assert_eq!(seen.len(), count, "{exit}");
        for event in seen {
            assert_eq!((event.reason, event.pid), (exit.to_string(), Some(4312)));
        }
    }
    // One that its manager has started again, and says nothing of how it ended.
    let again = crashes(&|c| {
        c.job().last_exit = Exit::Never;
        c.job().runs = Some(8);
        respawned(c, 1.0);
    });
    assert_eq!(again.iter().map(|event| event.reason.as_str()).collect::<Vec<_>>(), ["its end was not seen"]);
    // A process that is there was not asked to stop by what stops one that is gone.
    for (name, stopped) in [("being stopped", false), ("stopped by its operator", true)] {
        let seen = crashes(&|c| {
            (c.job().stopping, c.job().stopped_by_operator) = (!stopped, stopped);
            c.job().runs = Some(8);
            respawned(c, 1.0);
        });
        assert_eq!(seen.len(), 1, "{name}, and another one runs");
    }
    let pause = |until: f64| {
        crashes(&|c| {
            c.facts.holds.pause = Some(Pause { since: NOW.wall - s(9.0), until: NOW.wall + s(until) });
        })
    };
    assert_eq!([pause(0.0).len(), pause(1.0).len()], [1, 0], "a pause that ends now is over");
    // As many as there were runs, and no more than can be told.
    assert_eq!(crashes(&|c| c.job().runs = Some(1000)).len(), 50);
}

/// What ended so quickly that no look met it has not lived long, however long the one before did.
#[test]
fn the_run_that_ended_last_is_the_one_whose_life_counts() {
    let ended = |change: fn(&mut Case)| {
        let history = changed(change);
        history.ended.map(|ended| (ended.id, ended.lived, ended.exit))
    };
    let long = (ID, s(100.0), Exit::Code(1));
    assert_eq!(ended(|c| c.down(100.0, 5.0)), Some(long.clone()), "nothing new");
    let seen = |c: &mut Case| {
        c.down(50.0, 0.0);
        c.history.run = Some(process(100.0));
    };
    assert_eq!(ended(seen), Some(long), "this look saw its end");
    let unseen = |c: &mut Case| {
        c.down(100.0, 5.0);
        (c.job().runs, c.job().last_exit) = (Some(8), Exit::Code(3));
    };
    assert_eq!(ended(unseen), Some((ID, Duration::ZERO, Exit::Code(3))), "another one since");
    let up = |c: &mut Case| {
        c.down(100.0, 5.0);
        c.job().runs = Some(8);
        respawned(c, 1.0);
    };
    assert_eq!(ended(up).map(|(_, lived, _)| lived), Some(s(100.0)), "another one, and it runs");
}

#[test]
fn a_line_of_its_start_may_be_two_seconds_early() {
    let line = |early: f64| Event { kind: EventKind::Start, pid: Some(4312), ..crash(BEGAN + early, Class::Code) };
    let events = |event: Event| {
        let mut case = well();
        case.facts.crashes = Fact::Known(vec![event]);
        advance(&History::default(), &case.facts, &[], LIMITS).1.len()
    };
    assert_eq!([2.0, 2.1].map(|early| events(line(early))), [0, 1]);
    assert_eq!(events(Event { kind: EventKind::Crash, ..line(0.0) }), 1, "the line of a crash is none of a start");
}

#[test]
fn ends_are_alike_by_their_error_or_else_by_their_exit() {
    let end = |error: Option<&str>, reason: &str| Event {
        error: error.map(str::to_owned),
        reason: reason.into(),
        ..crash(5.0, Class::Code)
    };
    let rows = [
        ("the same error, another exit", end(Some("KeyError: 1"), "exit 1"), end(Some("KeyError: 2"), "exit 3"), true),
        ("another error, the same exit", end(Some("KeyError: 1"), "exit 1"), end(Some("OSError: 1"), "exit 1"), false),
        ("one without an error", end(Some("KeyError: 1"), "exit 1"), end(None, "exit 1"), true),
        ("one without an error, another exit", end(Some("KeyError: 1"), "exit 1"), end(None, "exit 3"), false),
    ];
    for (name, a, b, alike) in rows {
        assert_eq!((ended_alike(&a, &b), ended_alike(&b, &a)), (alike, alike), "{name}");
    }
}
