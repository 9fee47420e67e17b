//! The same table at its boundaries: a row a limit, on the very second, and a row for each witness that is left out.

use super::*;

/// Young, and not connected so far, so that what the run before left still counts.
fn unconnected(case: &mut Case, age: f64) {
    case.age(age);
    case.history.had_socket = false;
    case.facts.life = Fact::Known(Life::default());
}

fn started(case: &mut Case, ago: &[f64]) {
    case.history.starts = ago.iter().map(|ago| NOW.mono - s(*ago)).collect();
}

fn left_down(case: &mut Case, exit: i32) {
    case.down(5.0, 1.0);
    case.job().last_exit = Exit::Code(exit);
    case.job().keep_alive = KeepAlive::Conditional(Condition::KeepAlive(vec!["SuccessfulExit".into()]));
}

#[test]
fn each_limit_counts_from_its_very_second() {
    use Cause as C;
    use State as S;
    type Row = (&'static str, fn(&mut Case), (State, Cause, u8));
    let rows: &[Row] = &[
        (
            "a word of a lock 300 s ago",
            |c| {
                c.history.locked_at = Some(NOW.mono - s(300.0));
                c.stranger(Lock::Shared);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "and 299 s ago",
            |c| {
                c.history.locked_at = Some(NOW.mono - s(299.0));
                c.stranger(Lock::Shared);
            },
            (S::Unhealthy, C::SessionLocked, 3),
        ),
        (
            "2 % of the disk are free",
            |c| c.facts.disk = Fact::Known(Disk { free: 1 << 30, free_share: 0.02, free_inodes: None }),
            (S::Healthy, C::None, 0),
        ),
        (
            "a mebibyte is free",
            |c| c.facts.disk = Fact::Known(Disk { free: 1 << 20, free_share: 0.5, free_inodes: Some(1) }),
            (S::Healthy, C::None, 0),
        ),
        (
            "a byte less",
            |c| c.facts.disk = Fact::Known(Disk { free: (1 << 20) - 1, free_share: 0.5, free_inodes: Some(1) }),
            (S::Waiting, C::DiskFull, 0),
        ),
        ("not connected, at the end of its start", |c| unconnected(c, 300.0), (S::Healthy, C::None, 0)),
        ("not connected, a second before it", |c| unconnected(c, 299.0), (S::Starting, C::None, 0)),
        ("young, and connected", |c| c.age(1.0), (S::Healthy, C::None, 0)),
        (
            "a pause that ends now",
            |c| c.facts.holds.pause = Some(Pause { since: NOW.wall - s(9.0), until: NOW.wall }),
            (S::Healthy, C::None, 0),
        ),
        (
            "silent for 300 s, since the second in which it was awake again",
            |c| {
                c.silent(300.0);
                c.history.grace_until = NOW.mono;
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        ("silent for 299 s", |c| c.silent(299.0), (S::Healthy, C::None, 0)),
        (
            "silent since its start, 300 s old",
            |c| {
                c.age(300.0);
                c.hung_at_start(300.0);
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "disconnected for 300 s, 300 s old, awake again this second",
            |c| {
                unconnected(c, 300.0);
                c.history.disconnected_since = Some(NOW.mono - s(300.0));
                c.history.grace_until = NOW.mono;
            },
            (S::Unhealthy, C::Disconnected, 2),
        ),
        (
            "disconnected for 299 s",
            |c| {
                unconnected(c, 300.0);
                c.history.disconnected_since = Some(NOW.mono - s(299.0));
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "disconnected for 300 s, 299 s old",
            |c| {
                unconnected(c, 299.0);
                c.history.disconnected_since = Some(NOW.mono - s(300.0));
            },
            (S::Starting, C::None, 0),
        ),
        (
            "disconnected for 300 s, and just awake",
            |c| {
                unconnected(c, 300.0);
                c.history.disconnected_since = Some(NOW.mono - s(300.0));
                c.history.grace_until = NOW.mono + s(1.0);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "disconnected by a line of its log only, and it works, but moves no bytes",
            |c| {
                unconnected(c, 300.0);
                c.history.disconnected_since = Some(NOW.mono - s(300.0));
                c.history.life.worked_at = Some(NOW.mono);
            },
            (S::Unhealthy, C::Disconnected, 2),
        ),
        (
            "told to stop 30 s ago",
            |c| c.history.stopping_since = Some(NOW.mono - s(30.0)),
            (S::Unhealthy, C::StopHang, 2),
        ),
        ("told to stop 29 s ago", |c| c.history.stopping_since = Some(NOW.mono - s(29.0)), (S::Healthy, C::None, 0)),
        (
            "told to stop 30 s ago, and just awake",
            |c| {
                c.history.stopping_since = Some(NOW.mono - s(30.0));
                c.history.grace_until = NOW.mono + s(1.0);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "told to stop, and what moved 15 s later was its goodbye",
            |c| {
                c.history.stopping_since = Some(NOW.mono - s(40.0));
                c.moved(25.0, true);
            },
            (S::Unhealthy, C::StopHang, 2),
        ),
        (
            "told to stop, bytes move, and others lie unread",
            |c| {
                c.history.stopping_since = Some(NOW.mono - s(40.0));
                c.unread();
                c.history.life.connections.push(signs::Seen { id: 2, ..seen(false, Some(NOW.mono)) });
            },
            (S::Unhealthy, C::StopHang, 2),
        ),
        (
            "told to stop, and its unit's journal got a line 15 s later",
            |c| {
                c.history.stopping_since = Some(NOW.mono - s(40.0));
                c.history.life.journal = Some(NOW.wall - s(25.0));
            },
            (S::Unhealthy, C::StopHang, 2),
        ),
        (
            "told to stop, and its unit's journal got a line 16 s later",
            |c| {
                c.history.stopping_since = Some(NOW.mono - s(40.0));
                c.history.life.journal = Some(NOW.wall - s(24.0));
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "no heartbeat, and the last of the other lines is 300 s old",
            |c| {
                c.beats(3, 400.0);
                c.history.silent_since = Some(NOW.mono - s(300.0));
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "no heartbeat, awake again this second",
            |c| {
                c.beats(3, 300.0);
                c.history.grace_until = NOW.mono;
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "no heartbeat, and no bridge any more",
            |c| {
                c.down(100.0, 1.0);
                c.beats(3, 400.0);
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "it ended for its environment's fault once",
            |c| {
                c.down(2.0, 1.0);
                c.crashes(1, Class::Environment);
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "and twice",
            |c| {
                c.down(2.0, 1.0);
                c.crashes(2, Class::Environment);
            },
            (S::Waiting, C::ConfigError, 0),
        ),
        (
            "exit code 2, and up again for less than 10 s",
            |c| {
                unconnected(c, 9.9);
                c.job().last_exit = Exit::Code(2);
            },
            (S::Waiting, C::ConfigError, 0),
        ),
        (
            "exit code 2, and up again for 10 s",
            |c| {
                unconnected(c, 10.0);
                c.job().last_exit = Exit::Code(2);
            },
            (S::Starting, C::None, 0),
        ),
        (
            "it could not be started, and is up for 10 s",
            |c| {
                unconnected(c, 10.0);
                c.job().last_exit = Exit::Code(78);
            },
            (S::Starting, C::None, 0),
        ),
        (
            "a login was needed, and the next run has not got further",
            |c| {
                unconnected(c, 299.0);
                c.crashes(1, Class::Login);
            },
            (S::Waiting, C::AuthRequired, 0),
        ),
        (
            "a login was needed, and the next run is 300 s old",
            |c| {
                unconnected(c, 300.0);
                c.crashes(1, Class::Login);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "a login was needed, and the next run is connected",
            |c| {
                c.age(10.0);
                c.crashes(1, Class::Login);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "a login was needed, and the line of the next start is there",
            |c| {
                unconnected(c, 10.0);
                let start = Event { kind: EventKind::Start, ..crash(10.0, Class::Code) };
                c.facts.crashes = Fact::Known(vec![crash(20.0, Class::Login), start]);
            },
            (S::Waiting, C::AuthRequired, 0),
        ),
        (
            "a login was needed 30 min ago",
            |c| {
                c.down(2.0, 1.0);
                c.facts.crashes = Fact::Known(vec![crash(1800.0, Class::Login)]);
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "a login was needed before the last crash",
            |c| {
                c.down(2.0, 1.0);
                c.facts.crashes = Fact::Known(vec![crash(20.0, Class::Login), crash(10.0, Class::Code)]);
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "three crashes, the first 30 min ago",
            |c| {
                c.down(2.0, 1.0);
                let crashes = [1800.0, 60.0, 5.0].map(|ago| crash(ago, Class::Code));
                c.facts.crashes = Fact::Known(crashes.into());
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "a fresh commit that crashes, and what it touches is not known",
            |c| {
                c.loop_on_head(600.0);
                c.git().touches_code = None;
            },
            (S::Unhealthy, C::CrashLoop, 3),
        ),
        (
            "a run that was never seen, and an orphan in its way",
            |c| {
                c.down(2.0, 1.0);
                c.history.ended = None;
                started(c, &[1.0]);
                c.lookalike(65.0);
            },
            (S::Unhealthy, C::Duplicate, 2),
        ),
        (
            "no run so far, and an orphan",
            |c| {
                c.down(2.0, 1.0);
                c.history.ended = None;
                c.lookalike(65.0);
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "a run of 10 s, and an orphan",
            |c| {
                c.down(10.0, 1.0);
                c.lookalike(65.0);
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        ("launchd leaves down what ended with 0", |c| left_down(c, 0), (S::Unhealthy, C::ProcessDead, 1)),
        ("and starts what ended with 1", |c| left_down(c, 1), (S::Unhealthy, C::ProcessDead, 0)),
        (
            "left down by its manager, and our start ended as well",
            |c| {
                left_down(c, 0);
                started(c, &[9.9, 1.0]);
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "left down by its manager, and of its starts one is as old as the throttle",
            |c| {
                left_down(c, 0);
                started(c, &[10.0, 1.0]);
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "its operator has disabled it and lets it run, and it hangs",
            |c| {
                c.silent(400.0);
                c.job().stopped_by_operator = true;
            },
            (S::Unhealthy, C::LogStale, 5),
        ),
    ];
    for (name, change, expected) in rows {
        let mut case = well();
        change(&mut case);
        let verdict = assess(&case.facts, &case.history, LIMITS);
        assert_eq!((verdict.state, verdict.cause, verdict.level()), *expected, "{name}: {verdict:#?}");
    }
}

/// What comes next and when, whether a person is told, and since when it is so.
#[test]
fn what_a_finding_says_is_of_its_own_time() {
    type Row = (&'static str, fn(&mut Case), Next, bool);
    let at = |seconds: f64| Wall(NOW.wall.0 + seconds);
    let rows: &[Row] = &[
        ("a start that connects until then", |c| unconnected(c, 60.0), Next::ConnectsUntil(at(240.0)), false),
        (
            "not loaded: it is loaded then",
            |c| {
                c.down(100.0, 5.0);
                (c.job().loaded, c.history.unloaded_since) = (false, Some(NOW.mono - s(5.0)));
            },
            Next::LoadAt(at(595.0)),
            true,
        ),
        ("its manager starts it until then", |c| c.down(2.0, 5.0), Next::ManagerHasUntil(at(15.0)), false),
        (
            "disabled, and it hangs",
            |c| {
                c.silent(400.0);
                c.job().stopped_by_operator = true;
            },
            Next::LeaveDisabled,
            false,
        ),
        (
            "silent, and its connection moves",
            |c| {
                c.silent(400.0);
                c.moved(1.0, true);
            },
            Next::EndIfSilentAt(at(500.0)),
            true,
        ),
        (
            "no room on the disk",
            |c| c.facts.disk = Fact::Known(Disk { free: 0, free_share: 0.5, free_inodes: None }),
            Next::Person(Help::MakeRoom),
            true,
        ),
        (
            "little room on the disk",
            |c| c.facts.disk = Fact::Known(Disk { free: 1 << 30, free_share: 0.01, free_inodes: None }),
            Next::Person(Help::MakeRoomSoon),
            true,
        ),
        ("a login is needed", |c| c.markers().auth_required = Some(NOW.wall), Next::Person(Help::LogIn), true),
        (
            "no service",
            |c| {
                c.down(9.0, 9.0);
                c.job().installed = false;
                c.job().loaded = false;
            },
            Next::Person(Help::Install),
            true,
        ),
        (
            "a configuration that is wrong",
            |c| {
                c.down(100.0, 60.0);
                c.job().last_exit = Exit::Code(2);
            },
            Next::Person(Help::MendBridge),
            true,
        ),
        (
            "no network",
            |c| {
                unconnected(c, 400.0);
                c.facts.network = Some(Fact::Known(false));
            },
            Next::NetworkBack,
            false,
        ),
        ("an alert that does not go out", |c| c.history.undelivered = Some("403".into()), Next::DeliverAgain, false),
    ];
    for (name, change, next, tell) in rows {
        let mut case = well();
        change(&mut case);
        let verdict = assess(&case.facts, &case.history, LIMITS);
        assert_eq!((verdict.next, verdict.tells()), (*next, *tell), "{name}: {verdict:#?}");
    }
    let problem = |change: fn(&mut Case)| {
        let mut case = well();
        change(&mut case);
        let verdict = assess(&case.facts, &case.history, LIMITS);
        let first = verdict.first().unwrap();
        (first.problem.clone(), first.anew)
    };
    let since = at(-400.0);
    assert_eq!(problem(|c| c.silent(400.0)), (Problem::Silent { since, from_start: false }, None));
    assert_eq!(
        problem(|c| {
            c.age(400.9);
            c.silent(400.0);
        }),
        (Problem::Silent { since, from_start: true }, None)
    );
    assert_eq!(
        problem(|c| {
            c.age(401.0);
            c.silent(400.0);
        }),
        (Problem::Silent { since, from_start: false }, None)
    );
    assert_eq!(problem(|c| c.history.stopping_since = Some(NOW.mono - s(400.0))).0, Problem::StopHang { since });
    let unwritten = |there| Problem::LogNeverWritten { path: String::new(), there };
    assert_eq!(
        problem(|c| {
            c.silent(400.0);
            c.log().exists = false;
        })
        .0,
        unwritten(false)
    );
    assert_eq!(
        problem(|c| {
            c.age(400.0);
            c.hung_at_start(400.0);
            c.log().exists = false;
        })
        .0,
        unwritten(false)
    );
    assert_eq!(
        problem(|c| {
            c.silent(400.0);
            c.history.spoke = false;
        })
        .0,
        unwritten(true)
    );
    let moves = Some(crate::signs::Living::Moved { at: NOW.mono - s(12.0), telegram: false });
    let alive = Problem::SilentButAlive { since, sign: moves, torn: false };
    assert_eq!(
        problem(|c| {
            c.silent(400.0);
            c.moved(12.0, false);
        })
        .0,
        alive
    );
    assert_eq!(
        problem(|c| {
            c.age(400.0);
            c.hung_at_start(400.0);
            c.moved(12.0, false);
        })
        .0,
        alive,
        "never written and not connected, as far as is known"
    );
    // What was tried before it worked again does not count any more.
    assert_eq!(problem(|c| c.down(10.0, 7.0)).1, Some(NOW.mono - s(7.0)));
    assert_eq!(problem(|c| c.down(9.9, 21.0)).1, None);
}

/// Each fact that could not be found out is named, and none else.
#[test]
fn what_could_not_be_seen_is_named() {
    type Row = (&'static str, fn(&mut Case), &'static [&'static str]);
    let rows: &[Row] = &[
        ("all is known", |_| {}, &[]),
        (
            "no log at its path",
            |c| {
                c.log().exists = false;
                c.log().path = "/x.log".into();
            },
            &["log: /x.log is not there"],
        ),
        (
            "no log, and no process that could write it",
            |c| {
                c.down(100.0, 1.0);
                c.log().exists = false;
            },
            &[],
        ),
        ("its log can't be read", |c| c.facts.log = Fact::Unknown("denied".into()), &["log: denied"]),
        (
            "no sign so far",
            |c| {
                c.silent(400.0);
                c.history.life = signs::Record::default();
            },
            &["life: no sign of life or death was seen so far"],
        ),
        (
            "no sign, and no process",
            |c| {
                c.down(100.0, 1.0);
                c.history.life = signs::Record::default();
            },
            &[],
        ),
        ("the manager does not answer", |c| c.facts.service = Fact::Unknown("denied".into()), &["service: denied"]),
    ];
    for (name, change, expected) in rows {
        let mut case = well();
        change(&mut case);
        let unknown = assess(&case.facts, &case.history, LIMITS).unknown;
        let seen: Vec<String> = unknown.iter().map(|unknown| format!("{}: {}", unknown.fact, unknown.why)).collect();
        assert_eq!(seen, *expected, "{name}");
    }
}
