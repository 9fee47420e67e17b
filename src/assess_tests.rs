//! One row for each situation. `incident_N` is a number in a list of real outages.

use super::*;
use crate::facts::{
    Class, Condition, Connection, Disk, Event, EventKind, Exit, Flood, Git, Halt, Held, Holder, Holds, Identity,
    Keeper, KnownBy, Life, Lock, Log, Lookalike, MissingProgram, Parent, Pause, Repeated, Role, Session, Unmet,
    UpdateLock,
};
use crate::findings::{Ended as Traceback, Findings, FloodWait};
use crate::history::{Beats, Counted, Ended, advance};
use crate::holders::Left;
use crate::inside::Inside;
use crate::secrets::Secrets;
use crate::signs;
use crate::time::{Clock, span as s};

#[path = "assess_boundary_tests.rs"]
mod boundaries;
#[path = "history_boundary_tests.rs"]
mod history_boundaries;
#[path = "standing_still_tests.rs"]
mod standing_still;

const NOW: Clock = Clock { wall: Wall(2_000_000_000.0), mono: Mono(100_000.0), zone: 0 };
const LIMITS: &Limits = &Limits::REAL;
const ID: Identity = Identity { pid: 4312, start: 1 };

struct Case {
    facts: Facts,
    history: History,
}

/// A bridge that has run for an hour, connected, its last line 10 s old.
fn well() -> Case {
    let facts = Facts {
        clock: NOW,
        service: Fact::Known(job(Some(4312))),
        process: Fact::Known(Some(process(3600.0))),
        bridge: Fact::Known(Some(process(3600.0))),
        lookalikes: Fact::Known(Vec::new()),
        log: Fact::Known(Log { exists: true, size: 10, ..Log::default() }),
        session: Fact::Known(Session { path: "s".into(), holders: Vec::new() }),
        life: Fact::Known(Life { connections: vec![telegram()], ..Life::default() }),
        network: None,
        crashes: Fact::Known(Vec::new()),
        git: Fact::Known(git(86_400.0)),
        disk: Fact::Known(Disk { free: 1 << 40, free_share: 0.5, free_inodes: None }),
        missing_program: Fact::Known(None),
        markers: Fact::Known(Markers::default()),
        holds: Holds::default(),
    };
    let history = History {
        clock: Some(NOW),
        run: Some(process(3600.0)),
        counted: Some(Counted { runs: 7, run: None }),
        silent_since: Some(NOW.mono - s(10.0)),
        had_socket: true,
        spoke: true,
        life: signs::Record { watched_since: Some(NOW.mono - s(3600.0)), ..signs::Record::default() },
        ..History::default()
    };
    Case { facts, history }
}

/// So many ends of the bridge under a shell.
fn inside(ends: u32) -> Inside {
    serde_json::from_value(serde_json::json!({"bridge": null, "ends": vec![NOW.mono - s(60.0); ends as usize]}))
        .unwrap()
}

fn seen(telegram: bool, moved: Option<Mono>) -> signs::Seen {
    signs::Seen {
        id: 1,
        telegram,
        read: None,
        unread: 0,
        unread_since: None,
        closed_since: None,
        sent_at: moved,
        received_at: moved,
    }
}

/// An established connection on which nothing moves.
fn telegram() -> Connection {
    Connection { id: 1, telegram: true, closed_by_peer: false, unread: 0, read: None, sent: None, received: None }
}

fn process(age: f64) -> Process {
    Process { id: ID, started: NOW.wall - s(age), age: s(age) }
}

fn job(pid: Option<u32>) -> Job {
    Job {
        installed: true,
        loaded: true,
        stopped_by_operator: false,
        unmet: None,
        file: None,
        unit: None,
        starting_since: None,
        pid,
        runs: Some(7),
        run: None,
        last_exit: Exit::Code(1),
        throttle: s(10.0),
        exit_timeout: s(20.0),
        keep_alive: KeepAlive::Always,
        held_back: None,
        stopping: false,
        gave_up: false,
        active_without_process: false,
    }
}

fn git(age: f64) -> Git {
    Git {
        head: "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeee".into(),
        summary: "Make it faster".into(),
        committed: NOW.wall - s(age),
        parents: 1,
        parent: "b".repeat(40),
        own_revert: false,
        dirty: Some(false),
        touches_code: Some(true),
        undone: false,
    }
}

fn crash(ago: f64, class: Class) -> Event {
    Event {
        at: NOW.wall - s(ago),
        kind: EventKind::Crash,
        commit: "aaaaaaaa".into(),
        commit_age: None,
        reason: "exit 1".into(),
        error: None,
        class,
        pid: Some(1),
        ours: true,
    }
}

impl Case {
    fn job(&mut self) -> &mut Job {
        let Fact::Known(job) = &mut self.facts.service else { unreachable!("well() knows it") };
        job
    }

    fn unmet(&mut self, unmet: Unmet) {
        self.job().stopped_by_operator = true;
        self.job().unmet = Some(unmet);
    }

    fn markers(&mut self) -> &mut Markers {
        let Fact::Known(markers) = &mut self.facts.markers else { unreachable!("well() knows it") };
        markers
    }

    fn log(&mut self) -> &mut Log {
        let Fact::Known(log) = &mut self.facts.log else { unreachable!("well() knows it") };
        log
    }

    fn git(&mut self) -> &mut Git {
        let Fact::Known(git) = &mut self.facts.git else { unreachable!("well() knows it") };
        git
    }

    fn age(&mut self, age: f64) {
        self.facts.process = Fact::Known(Some(process(age)));
        self.history.run = Some(process(age));
    }

    /// Dead for `dead` seconds after a run of `lived`.
    fn down(&mut self, lived: f64, dead: f64) {
        self.facts.process = Fact::Known(None);
        self.job().pid = None;
        self.history.run = None;
        self.history.dead_since = Some(NOW.mono - s(dead));
        self.history.ended = Some(Ended { id: ID, lived: s(lived), at: NOW.wall - s(dead), exit: Exit::Code(1) });
    }

    fn silent(&mut self, seconds: f64) {
        self.history.silent_since = Some(NOW.mono - s(seconds));
        self.history.stale_looks = 2;
    }

    /// An orphan of an earlier run, so old, with the session open.
    fn lookalike(&mut self, age: f64) -> &mut Lookalike {
        let id = Identity { pid: 99, start: 1 };
        let orphan = Lookalike {
            process: Process { id, ..process(age) },
            known_by: KnownBy::Words,
            session: Held::This,
            terminal: false,
            keeper: None,
            parent: Some(Parent { id: Identity { pid: 1, start: 0 }, name: "launchd".into() }),
        };
        self.facts.lookalikes = Fact::Known(vec![orphan]);
        let Fact::Known(lookalikes) = &mut self.facts.lookalikes else { unreachable!("it was set") };
        &mut lookalikes[0]
    }

    /// No connection and no heartbeat, and its log grows.
    fn nothing_works(&mut self) {
        (self.history.had_socket, self.history.said_connected) = (false, None);
        self.history.beats = Beats::default();
        self.facts.life = Fact::Known(Life::default());
    }

    /// Nothing written and no connection since its start.
    fn hung_at_start(&mut self, seconds: f64) {
        self.silent(seconds);
        (self.history.spoke, self.history.had_socket) = (false, false);
        self.facts.life = Fact::Known(Life::default());
    }

    /// Bytes that moved both ways on its connection, this long ago.
    fn moved(&mut self, ago: f64, telegram: bool) {
        let at = Some(NOW.mono - s(ago));
        self.history.life.connections = vec![seen(telegram, at)];
    }

    fn life(&mut self) -> &mut Life {
        let Fact::Known(life) = &mut self.facts.life else { unreachable!("it was seen") };
        life
    }

    fn unread(&mut self) {
        let since = Some(NOW.mono - s(60.0));
        self.history.life.connections = vec![signs::Seen { unread: 7, unread_since: since, ..seen(true, None) }];
    }

    /// So many heartbeats, the last this long ago; other lines go on.
    fn beats(&mut self, seen: u32, ago: f64) {
        self.history.beats = Beats { seen, last: Some(NOW.mono - s(ago)) };
    }

    fn crashes(&mut self, count: u32, class: Class) {
        self.facts.crashes = Fact::Known((0..count).map(|n| crash(f64::from(n) * 60.0 + 5.0, class)).rev().collect());
    }

    fn stranger(&mut self, lock: Lock) {
        let holder = Holder { pid: 99, role: Role::Stranger, lock, age: Some(s(400.0)), other_user: false };
        self.facts.session = Fact::Known(Session { path: "s".into(), holders: vec![holder] });
    }

    fn events(&mut self) -> &mut Vec<Event> {
        let Fact::Known(events) = &mut self.facts.crashes else { unreachable!("they were set") };
        events
    }

    fn ended_with(&mut self, error: &str) {
        self.events().iter_mut().for_each(|event| event.error = Some(error.into()));
    }

    /// So many crashes like these on HEAD's parent, before them.
    fn on_parent(&mut self, count: usize) {
        let parent = crate::facts::short_id(&self.git().parent).to_owned();
        let first = self.events()[0].clone();
        let before = Event { at: first.at - s(60.0), commit: parent, ..first };
        self.events().splice(0..0, vec![before; count]);
    }

    fn loop_on_head(&mut self, age: f64) {
        self.down(2.0, 1.0);
        self.crashes(3, Class::Code);
        self.git().committed = NOW.wall - s(age + 125.0);
        self.markers().auto_revert = true;
    }
}

/// What is waited for, or left alone, is no reason for a rung; a bridge that is down has its start all the same.
#[test]
fn a_holder_that_may_not_be_ended_is_waited_for_or_told_of() {
    let with = |change: fn(&mut Holder)| {
        let mut case = well();
        case.down(2.0, 1.0);
        case.stranger(Lock::Reserved);
        if let Fact::Known(session) = &mut case.facts.session {
            change(&mut session.holders[0]);
        }
        let first = assess(&case.facts, &case.history, LIMITS).findings.into_iter().next().expect("it is locked");
        (first.problem, first.rung, first.next, first.tell)
    };
    let locked = |left| Problem::SessionLocked { pid: 99, left };
    let person = Next::Person(Help::EndHolder);
    let rows: [(&str, fn(&mut Holder), _); 5] = [
        ("60 s old", |holder| holder.age = Some(s(60.0)), (None, Some(Rung::FreeSession), Next::FreeSession, false)),
        ("59 s old", |holder| holder.age = Some(s(59.0)), (None, None, Next::FreeSessionAt(NOW.wall + s(1.0)), false)),
        ("another user's", |holder| holder.other_user = true, (Some(Left::OtherUser), None, person, true)),
        ("not seen", |holder| holder.age = None, (Some(Left::Unseen), None, person, true)),
        (
            "another user's, and young",
            |holder| (holder.other_user, holder.age) = (true, Some(s(1.0))),
            (Some(Left::OtherUser), None, person, true),
        ),
    ];
    for (name, change, (left, rung, next, tell)) in rows {
        assert_eq!(with(change), (locked(left), rung, next, tell), "{name}");
    }
}

#[test]
fn every_situation_has_its_verdict() {
    use Cause as C;
    use State as S;
    type Row = (&'static str, fn(&mut Case), (State, Cause, u8));
    let rows: &[Row] = &[
        ("a healthy bridge", |_| {}, (S::Healthy, C::None, 0)),
        (
            "incident 3: twelve quiet hours with nothing but heartbeats",
            |c| {
                c.age(43_200.0);
                c.history.silent_since = Some(NOW.mono - s(119.0));
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 4: five crashes, and a fault that a restart cures",
            |c| {
                c.crashes(5, Class::Code);
                c.silent(400.0);
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "incident 5: evidence older than the process it accuses",
            |c| {
                c.age(200.0);
                c.silent(4000.0);
                c.history.disconnected_since = Some(NOW.mono - s(4000.0));
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 6: touched, not written",
            |c| {
                c.silent(301.0);
                c.log().modified = Some(NOW.wall);
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "incident 6: the first stale look is not the second",
            |c| {
                c.silent(301.0);
                c.history.stale_looks = 1;
            },
            (S::Healthy, C::None, 0),
        ),
        ("incident 7: old strangers are nobody's copies", |c| c.stranger(Lock::None), (S::Healthy, C::None, 0)),
        (
            "incident 8: a copy of this very bridge",
            |c| {
                c.lookalike(61.0);
            },
            (S::Unhealthy, C::Duplicate, 2),
        ),
        (
            "incident 8: a copy that makes the bridge crash",
            |c| {
                c.loop_on_head(600.0);
                c.facts.process = Fact::Known(Some(process(100.0)));
                c.lookalike(61.0);
            },
            (S::Unhealthy, C::Duplicate, 2),
        ),
        (
            "incident 8: a young copy may be the update's own",
            |c| {
                c.lookalike(59.0);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 9: a death after 2 s is the manager's for 20 s",
            |c| c.down(2.0, 19.0),
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        ("incident 9: and ours afterwards", |c| c.down(2.0, 21.0), (S::Unhealthy, C::ProcessDead, 1)),
        (
            "incident 11: HEAD touches only docs",
            |c| {
                c.loop_on_head(600.0);
                c.git().touches_code = Some(false);
            },
            (S::Unhealthy, C::CrashLoop, 3),
        ),
        (
            "incident 11: HEAD was to mend what its parent ended with",
            |c| {
                c.loop_on_head(600.0);
                c.ended_with("KeyError: 'chat'");
                c.on_parent(1);
            },
            (S::Unhealthy, C::CrashLoop, 3),
        ),
        (
            "incident 10: its parent ended with another error",
            |c| {
                c.loop_on_head(600.0);
                c.ended_with("KeyError: 'chat'");
                c.on_parent(1);
                c.events()[0].error = Some("ImportError: x".into());
            },
            (S::Unhealthy, C::BadCommit, 4),
        ),
        (
            "incident 10: its parent ended without a word, with the same exit code",
            |c| {
                c.loop_on_head(600.0);
                c.on_parent(1);
            },
            (S::Unhealthy, C::BadCommit, 4),
        ),
        (
            "R33: what was to start it failed twice",
            |c| {
                c.loop_on_head(600.0);
                c.crashes(3, Class::Start);
            },
            (S::Waiting, C::ConfigError, 0),
        ),
        (
            "R18: its starts end beside a bridge in a terminal",
            |c| {
                c.loop_on_head(600.0);
                c.crashes(3, Class::Copy);
                c.lookalike(600.0).terminal = true;
            },
            (S::Waiting, C::OutsideManager, 0),
        ),
        (
            "R18: the same, and one of them has just begun",
            |c| {
                c.hung_at_start(0.5);
                c.facts.process = Fact::Known(Some(process(0.5)));
                c.crashes(3, Class::Copy);
                c.lookalike(600.0).keeper = Some(Keeper::Supervisor("pm2".into()));
            },
            (S::Waiting, C::OutsideManager, 0),
        ),
        (
            "R18: one of its starts may be chance",
            |c| {
                c.loop_on_head(600.0);
                c.crashes(1, Class::Copy);
                c.lookalike(600.0).terminal = true;
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "incident 13: HEAD is a merge",
            |c| {
                c.loop_on_head(600.0);
                c.git().parents = 2;
            },
            (S::Unhealthy, C::CrashLoop, 3),
        ),
        (
            "incident 13: HEAD is our own revert",
            |c| {
                c.loop_on_head(600.0);
                c.git().own_revert = true;
            },
            (S::Unhealthy, C::CrashLoop, 3),
        ),
        (
            "incident 4: what crashed before our revert is answered by it",
            |c| {
                c.loop_on_head(600.0);
                c.git().own_revert = true;
                c.git().head = "ccccccccbbbbbbbbccccccccddddddddeeeeeeee".into();
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "HEAD was reverted before, and brought back",
            |c| {
                c.loop_on_head(600.0);
                c.git().undone = true;
            },
            (S::Unhealthy, C::CrashLoop, 3),
        ),
        (
            "HEAD has no parent",
            |c| {
                c.loop_on_head(600.0);
                c.git().parents = 0;
            },
            (S::Unhealthy, C::CrashLoop, 3),
        ),
        ("HEAD was an hour old at the first crash", |c| c.loop_on_head(3600.0), (S::Unhealthy, C::CrashLoop, 3)),
        ("a fresh commit that crashes", |c| c.loop_on_head(600.0), (S::Unhealthy, C::BadCommit, 4)),
        (
            "a fresh commit, but nobody opted in",
            |c| {
                c.loop_on_head(600.0);
                c.markers().auto_revert = false;
            },
            (S::Unhealthy, C::BadCommit, 3),
        ),
        (
            "the crashes were on another commit",
            |c| {
                c.loop_on_head(600.0);
                c.git().head = "f".repeat(40);
            },
            (S::Unhealthy, C::CrashLoop, 3),
        ),
        (
            "incident 17: a flood wait, the log silent for 2 h",
            |c| {
                c.silent(7200.0);
                c.markers().flood = Some(Flood { expiry: NOW.wall + s(600.0), written: NOW.wall - s(7200.0) });
            },
            (S::Waiting, C::FloodWait, 0),
        ),
        (
            "a flood wait that is over",
            |c| {
                c.silent(7200.0);
                c.markers().flood = Some(Flood { expiry: NOW.wall - s(1.0), written: NOW.wall - s(7200.0) });
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "a flood wait written 25 h ago",
            |c| c.markers().flood = Some(Flood { expiry: NOW.wall + s(600.0), written: NOW.wall - s(90_000.0) }),
            (S::Healthy, C::None, 0),
        ),
        (
            "a flood wait keeps a dead bridge down",
            |c| {
                c.down(100.0, 1.0);
                c.markers().flood = Some(Flood { expiry: NOW.wall + s(600.0), written: NOW.wall });
            },
            (S::Waiting, C::FloodWait, 0),
        ),
        (
            "incident 18: a login is needed",
            |c| {
                c.down(100.0, 60.0);
                c.markers().auth_required = Some(NOW.wall - s(60.0));
            },
            (S::Waiting, C::AuthRequired, 0),
        ),
        (
            "incident 18: connected since, so it is not",
            |c| {
                c.markers().auth_required = Some(NOW.wall - s(60.0));
                c.markers().last_connected = Some(NOW.wall - s(5.0));
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 18: its last line says so, and it is silent",
            |c| {
                c.silent(600.0);
                c.facts.life = Fact::Unknown("denied".into());
                c.history.login_at = Some(NOW.mono - s(600.0));
            },
            (S::Waiting, C::AuthRequired, 0),
        ),
        (
            "incident 18: a line alone says nothing",
            |c| c.history.login_at = Some(NOW.mono - s(6.0)),
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 18: exit code 2",
            |c| {
                c.down(100.0, 60.0);
                c.job().last_exit = Exit::Code(2);
            },
            (S::Waiting, C::ConfigError, 0),
        ),
        (
            "exit code 2 of the run before, now up for a minute",
            |c| {
                c.age(60.0);
                c.job().last_exit = Exit::Code(2);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 19: a crash loop seen while it runs",
            |c| {
                c.age(0.2);
                c.history.had_socket = false;
                c.facts.life = Fact::Known(Life::default());
                c.crashes(3, Class::Code);
            },
            (S::Unhealthy, C::CrashLoop, 3),
        ),
        (
            "two crashes are chance",
            |c| {
                c.down(2.0, 1.0);
                c.crashes(2, Class::Code);
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "three crashes, up again for 5 min",
            |c| {
                c.age(300.0);
                c.crashes(3, Class::Code);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "three crashes, the first 31 min ago",
            |c| {
                c.down(2.0, 1.0);
                c.facts.crashes =
                    Fact::Known(vec![crash(1860.0, Class::Code), crash(60.0, Class::Code), crash(5.0, Class::Code)]);
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "incident 20: silent from the first second",
            |c| {
                c.age(301.0);
                c.hung_at_start(301.0);
                c.log().exists = false;
                c.history.life.ran = Some((1, NOW.mono - s(301.0)));
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "incident 20: silent from the first second, in a log that its manager made",
            |c| {
                c.age(301.0);
                c.hung_at_start(301.0);
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "r18: no service, and pm2 keeps it",
            |c| {
                c.down(100.0, 100.0);
                (c.job().installed, c.job().loaded) = (false, false);
                c.lookalike(100.0).keeper = Some(Keeper::Supervisor("pm2".into()));
            },
            (S::Waiting, C::OutsideManager, 0),
        ),
        (
            "r18: not loaded, and it runs in a terminal",
            |c| {
                c.down(100.0, 4000.0);
                c.job().loaded = false;
                c.history.unloaded_since = Some(NOW.mono - s(4000.0));
                c.lookalike(10.0).terminal = true;
            },
            (S::Waiting, C::OutsideManager, 0),
        ),
        (
            "r16: its unit is active without a process",
            |c| {
                c.down(1.0, 100.0);
                c.job().active_without_process = true;
                c.lookalike(100.0);
            },
            (S::Waiting, C::OutsideManager, 0),
        ),
        (
            "r16: the same, and nothing runs elsewhere",
            |c| {
                c.down(1.0, 100.0);
                c.job().active_without_process = true;
            },
            (S::Waiting, C::ConfigError, 0),
        ),
        (
            "r16: it ended with 0 and is not kept, and runs elsewhere",
            |c| {
                c.down(1.0, 100.0);
                (c.job().last_exit, c.job().keep_alive) = (Exit::Code(0), KeepAlive::Never);
                c.lookalike(100.0);
            },
            (S::Waiting, C::OutsideManager, 0),
        ),
        (
            "what its unit does before a start takes long",
            |c| {
                c.down(4000.0, 200.0);
                c.job().starting_since = Some(NOW.mono - s(299.0));
            },
            (S::Starting, C::None, 0),
        ),
        (
            "the same for longer than any start",
            |c| {
                c.down(4000.0, 200.0);
                c.job().starting_since = Some(NOW.mono - s(300.0));
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "it ended with 0 and is not kept, and runs under other words",
            |c| {
                c.down(1.0, 100.0);
                (c.job().last_exit, c.job().keep_alive) = (Exit::Code(0), KeepAlive::Never);
                c.lookalike(1.0).known_by = KnownBy::Session { connected: true };
            },
            (S::Waiting, C::OutsideManager, 0),
        ),
        (
            "its manager tries, and it runs under other words",
            |c| {
                c.down(100.0, 1.0);
                c.lookalike(100.0).known_by = KnownBy::Session { connected: true };
            },
            (S::Waiting, C::OutsideManager, 0),
        ),
        (
            "a backup has its session open",
            |c| {
                c.down(100.0, 1.0);
                c.lookalike(100.0).known_by = KnownBy::Session { connected: false };
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "it works, and somebody logs in with its session",
            |c| c.lookalike(100.0).known_by = KnownBy::Session { connected: true },
            (S::Healthy, C::None, 0),
        ),
        (
            "it ended with 0 and is kept, and an orphan runs elsewhere",
            |c| {
                c.down(100.0, 1.0);
                c.job().last_exit = Exit::Code(0);
                c.lookalike(100.0);
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "r06a: no service, and another account's bridge runs",
            |c| {
                c.down(100.0, 100.0);
                (c.job().installed, c.job().loaded) = (false, false);
                c.lookalike(100.0).session = Held::Other;
            },
            (S::Waiting, C::ConfigError, 0),
        ),
        (
            "its operator stopped it, and it runs elsewhere",
            |c| {
                c.down(100.0, 100.0);
                (c.job().loaded, c.job().stopped_by_operator) = (false, true);
                c.lookalike(100.0);
            },
            (S::Stopped, C::OperatorStop, 0),
        ),
        (
            "r06a: another account beside it",
            |c| {
                c.lookalike(4000.0).session = Held::Other;
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "r19: an orphan in the way of each start",
            |c| {
                c.down(2.0, 1.0);
                c.crashes(4, Class::Copy);
                c.lookalike(65.0);
            },
            (S::Unhealthy, C::Duplicate, 2),
        ),
        (
            "r19: the same, by the bridge's own word only",
            |c| {
                c.down(2.0, 1.0);
                c.crashes(1, Class::Copy);
                c.lookalike(65.0).session = Held::Nothing;
            },
            (S::Unhealthy, C::Duplicate, 2),
        ),
        (
            "r19: its starts end for another reason, and who runs elsewhere has no session",
            |c| {
                c.down(2.0, 1.0);
                c.crashes(2, Class::Code);
                c.lookalike(65.0).session = Held::Nothing;
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "r19: the same orphan, and the bridge has only just died after a long run",
            |c| {
                c.down(4000.0, 1.0);
                c.lookalike(65.0);
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "r19: in the way, but in a terminal",
            |c| {
                c.down(2.0, 1.0);
                c.crashes(4, Class::Copy);
                c.lookalike(65.0).terminal = true;
            },
            (S::Waiting, C::OutsideManager, 0),
        ),
        (
            "r04: a shell under which nothing is seen, and nothing works",
            |c| {
                c.facts.bridge = Fact::Known(None);
                c.nothing_works();
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "r04: the same, and it is young",
            |c| {
                c.facts.process = Fact::Known(Some(process(299.0)));
                c.facts.bridge = Fact::Known(None);
                c.nothing_works();
            },
            (S::Starting, C::None, 0),
        ),
        (
            "r04: a wrapper with other words, and its child is connected",
            |c| c.facts.bridge = Fact::Known(None),
            (S::Healthy, C::None, 0),
        ),
        (
            "r04: the same, and what is below it can't be seen",
            |c| {
                c.facts.bridge = Fact::Unknown("no answer".into());
                c.nothing_works();
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "r04: a wrapper with other words, and its child has a heartbeat",
            |c| {
                c.facts.bridge = Fact::Known(None);
                c.nothing_works();
                c.beats(1, 5.0);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "r04: a shell under which the bridge ended three times",
            |c| {
                c.facts.bridge = Fact::Known(None);
                c.history.had_socket = false;
                c.facts.life = Fact::Known(Life::default());
                c.history.inside = inside(3);
            },
            (S::Unhealthy, C::CrashLoop, 5),
        ),
        (
            "r04: twice",
            |c| {
                c.facts.bridge = Fact::Known(None);
                c.history.had_socket = false;
                c.facts.life = Fact::Known(Life::default());
                c.history.inside = inside(2);
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "r04: three times, and now it runs for 300 s",
            |c| {
                c.facts.bridge = Fact::Known(Some(Process { id: Identity { pid: 5, start: 1 }, ..process(300.0) }));
                c.history.had_socket = false;
                c.facts.life = Fact::Known(Life::default());
                c.history.inside = inside(3);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "r04: each look meets another one, which is connected",
            |c| {
                c.facts.bridge = Fact::Known(Some(Process { id: Identity { pid: 5, start: 1 }, ..process(299.0) }));
                c.history.inside = inside(3);
            },
            (S::Unhealthy, C::CrashLoop, 5),
        ),
        (
            "r04: three times, and it is connected",
            |c| {
                c.facts.bridge = Fact::Known(None);
                c.history.inside = inside(3);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "r15: no log at that path, and a bridge that runs",
            |c| {
                c.age(4000.0);
                c.silent(4000.0);
                c.history.spoke = false;
                c.log().exists = false;
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "r15: the same, not connected, without any sign",
            |c| {
                c.age(4000.0);
                c.hung_at_start(4000.0);
                c.log().exists = false;
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "r14: connected, nothing ever written",
            |c| {
                c.age(4000.0);
                c.silent(4000.0);
                c.history.spoke = false;
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "r14: the same with bytes that nobody reads",
            |c| {
                c.age(400.0);
                c.silent(400.0);
                c.history.spoke = false;
                c.unread();
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "r14: through a proxy, buffered, bytes move",
            |c| {
                c.age(4000.0);
                c.hung_at_start(4000.0);
                c.moved(12.0, false);
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "r14: it spoke and fell silent, and its connection moves",
            |c| {
                c.silent(899.0);
                c.moved(12.0, true);
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "r14: the same for 900 s",
            |c| {
                c.silent(900.0);
                c.moved(12.0, true);
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "r14: the same, but its last line has no end: its output is buffered",
            |c| {
                c.silent(3000.0);
                c.moved(12.0, true);
                c.history.buffered = true;
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "r14: buffered, written once, and nothing moves on its socket",
            |c| {
                c.silent(4000.0);
                c.history.buffered = true;
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "r14: buffered, and it has not run at all for 300 s",
            |c| {
                c.silent(300.0);
                c.history.buffered = true;
                c.history.life.ran = Some((1, NOW.mono - s(300.0)));
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "r14: buffered, and without a connection",
            |c| {
                c.silent(300.0);
                c.history.buffered = true;
                c.facts.life = Fact::Known(Life::default());
                c.history.had_socket = false;
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "long work: a migration that says nothing for 14 min",
            |c| {
                c.silent(840.0);
                c.history.life.worked_at = Some(NOW.mono - s(60.0));
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "a spinning loop: its connection lies unread",
            |c| {
                c.silent(300.0);
                c.history.life.worked_at = Some(NOW.mono);
                c.unread();
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "a spinning loop that is not written to",
            |c| {
                c.silent(900.0);
                c.history.life.worked_at = Some(NOW.mono);
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "silent, and whether it lives can't be seen",
            |c| {
                c.silent(899.0);
                c.facts.life = Fact::Unknown("denied".into());
                c.history.life = signs::Record::default();
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "the same for 900 s",
            |c| {
                c.silent(900.0);
                c.facts.life = Fact::Unknown("denied".into());
                c.history.life = signs::Record::default();
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        ("no heartbeat among other lines for 299 s", |c| c.beats(3, 299.0), (S::Healthy, C::None, 0)),
        ("no heartbeat among other lines for 300 s", |c| c.beats(3, 300.0), (S::Degraded, C::None, 0)),
        (
            "the last line was a heartbeat: that is a silence",
            |c| {
                c.beats(3, 300.0);
                c.history.silent_since = c.history.beats.last;
            },
            (S::Healthy, C::None, 0),
        ),
        ("two heartbeats are no rhythm", |c| c.beats(2, 4000.0), (S::Healthy, C::None, 0)),
        (
            "no heartbeat right after a sleep of the machine",
            |c| {
                c.beats(3, 4000.0);
                c.history.grace_until = NOW.mono + s(1.0);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "no heartbeat and nothing else: it hangs",
            |c| {
                c.beats(3, 400.0);
                c.silent(300.0);
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "r05a: a line said that it was told to stop, and its connection goes on",
            |c| {
                c.history.stopping_since = Some(NOW.mono - s(40.0));
                c.moved(20.0, true);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "the same, and since then only its goodbye was sent",
            |c| {
                c.history.stopping_since = Some(NOW.mono - s(40.0));
                c.moved(26.0, true);
            },
            (S::Unhealthy, C::StopHang, 2),
        ),
        (
            "the same, and it worked before it was told",
            |c| {
                c.history.stopping_since = Some(NOW.mono - s(60.0));
                c.history.life.worked_at = Some(NOW.mono);
            },
            (S::Unhealthy, C::StopHang, 2),
        ),
        (
            "the same, and it has worked for a minute since",
            |c| {
                c.history.stopping_since = Some(NOW.mono - s(61.0));
                c.history.life.worked_at = Some(NOW.mono);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "its manager told it to stop, whatever moves",
            |c| {
                c.history.stopping_since = Some(NOW.mono - s(40.0));
                c.job().stopping = true;
                c.moved(1.0, true);
            },
            (S::Unhealthy, C::StopHang, 2),
        ),
        (
            "incident 21: a planned restart 10 s ago",
            |c| {
                c.down(100.0, 5.0);
                c.markers().update_restart = Some(NOW.wall - s(10.0));
            },
            (S::Waiting, C::UpdateRunning, 0),
        ),
        (
            "incident 21: a planned restart 400 s ago",
            |c| {
                c.down(100.0, 5.0);
                c.markers().update_restart = Some(NOW.wall - s(400.0));
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "incident 21: a planned restart in the future",
            |c| {
                c.down(100.0, 5.0);
                c.markers().update_restart = Some(NOW.wall + s(60.0));
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "incident 22: the label is gone while an update runs",
            |c| {
                c.down(100.0, 700.0);
                c.job().loaded = false;
                c.history.unloaded_since = Some(NOW.mono - s(700.0));
                c.markers().update_lock = Some(UpdateLock { pid: 5, alive: true, since: NOW.wall - s(30.0) });
            },
            (S::Waiting, C::UpdateRunning, 0),
        ),
        (
            "incident 23: a killed update left its lock",
            |c| {
                c.down(100.0, 5.0);
                c.markers().update_lock = Some(UpdateLock { pid: 5, alive: false, since: NOW.wall - s(30.0) });
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "incident 23: a lock older than 600 s",
            |c| {
                c.down(100.0, 5.0);
                c.markers().update_lock = Some(UpdateLock { pid: 5, alive: true, since: NOW.wall - s(601.0) });
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "incident 24: an update under hold",
            |c| {
                c.down(100.0, 5.0);
                c.facts.holds.update = Some("pull".into());
            },
            (S::Waiting, C::UpdateRunning, 0),
        ),
        (
            "incident 26: not loaded is told at once",
            |c| {
                c.down(100.0, 5.0);
                c.job().loaded = false;
                c.history.unloaded_since = Some(NOW.mono - s(5.0));
            },
            (S::Unhealthy, C::NotLoaded, 0),
        ),
        (
            "incident 26: and loaded again after 10 min",
            |c| {
                c.down(100.0, 601.0);
                c.job().loaded = false;
                c.history.unloaded_since = Some(NOW.mono - s(601.0));
            },
            (S::Unhealthy, C::NotLoaded, 1),
        ),
        (
            "neither plist nor unit",
            |c| {
                c.down(100.0, 5.0);
                c.job().loaded = false;
                c.job().installed = false;
            },
            (S::Waiting, C::ConfigError, 0),
        ),
        (
            "incident 27: stopped by the operator",
            |c| {
                c.down(100.0, 5000.0);
                c.job().stopped_by_operator = true;
            },
            (S::Stopped, C::OperatorStop, 0),
        ),
        (
            "R01: a condition of the job is not met, and it is down",
            |c| {
                c.down(100.0, 5000.0);
                c.unmet(Unmet::Path { path: "/STOP".into(), there: true });
            },
            (S::Stopped, C::OperatorStop, 0),
        ),
        (
            "R01: the same, and it is not loaded",
            |c| {
                c.down(100.0, 5000.0);
                c.job().loaded = false;
                c.history.unloaded_since = Some(NOW.mono - s(5000.0));
                c.unmet(Unmet::Path { path: "/STOP".into(), there: true });
            },
            (S::Stopped, C::OperatorStop, 0),
        ),
        (
            "R01: the same, and it still runs",
            |c| c.unmet(Unmet::Path { path: "/STOP".into(), there: true }),
            (S::Healthy, C::None, 0),
        ),
        ("R01: frozen", |c| c.unmet(Unmet::Frozen), (S::Stopped, C::OperatorStop, 0)),
        (
            "R01: a condition that its person wants, and it works",
            |c| {
                let keys = vec!["Crashed".into(), "PathState".into()];
                c.job().keep_alive = KeepAlive::Conditional(Condition::KeepAlive(keys));
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "R01: a condition that is met, it ended well and young: launchd starts it",
            |c| {
                c.down(5.0, 1.0);
                c.job().last_exit = Exit::Code(0);
                c.job().keep_alive = KeepAlive::Conditional(Condition::KeepAlive(vec!["PathState".into()]));
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "incident 28: exit 0, back at once",
            |c| {
                c.down(100.0, 0.1);
                c.job().last_exit = Exit::Code(0);
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "incident 28: KeepAlive is a dictionary",
            |c| c.job().keep_alive = KeepAlive::Conditional(Condition::KeepAlive(vec!["SuccessfulExit".into()])),
            (S::Degraded, C::None, 0),
        ),
        (
            "incident 29: SIGTERM, and still there",
            |c| c.history.stopping_since = Some(NOW.mono - s(31.0)),
            (S::Unhealthy, C::StopHang, 2),
        ),
        (
            "incident 30: a slow start",
            |c| {
                c.age(240.0);
                c.silent(240.0);
                c.history.had_socket = false;
                c.facts.life = Fact::Known(Life::default());
            },
            (S::Starting, C::None, 0),
        ),
        (
            "incident 33: the disk is full, no kill",
            |c| {
                c.silent(400.0);
                c.facts.disk = Fact::Known(Disk { free: 1000, free_share: 0.0, free_inodes: None });
            },
            (S::Waiting, C::DiskFull, 0),
        ),
        (
            "incident 33: no inode is free",
            |c| c.facts.disk = Fact::Known(Disk { free: 1 << 40, free_share: 0.5, free_inodes: Some(0) }),
            (S::Waiting, C::DiskFull, 0),
        ),
        (
            "kind B: a log that speaks of a full disk, and there is room",
            |c| c.log().said.no_space = true,
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 33: a disk that is nearly full",
            |c| c.facts.disk = Fact::Known(Disk { free: 1 << 30, free_share: 0.01, free_inodes: None }),
            (S::Degraded, C::None, 0),
        ),
        (
            "incident 34: a manager that can't be asked",
            |c| c.facts.service = Fact::Unknown("launchctl is missing".into()),
            (S::Unknown, C::Unknown, 0),
        ),
        ("a log that can't be read", |c| c.facts.log = Fact::Unknown("denied".into()), (S::Unknown, C::Unknown, 0)),
        (
            "a log that can't be read, and no process: that is known",
            |c| {
                c.facts.log = Fact::Unknown("denied".into());
                c.down(100.0, 1.0);
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "incident 35: alive, but one error repeats",
            |c| c.log().repeated = Some(Repeated { line: "ERROR x".into(), count: 10 }),
            (S::Degraded, C::None, 0),
        ),
        (
            "incident 35: nine times are not ten",
            |c| c.log().repeated = Some(Repeated { line: "ERROR x".into(), count: 9 }),
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 36: no network under a fresh commit",
            |c| {
                c.loop_on_head(600.0);
                c.facts.network = Some(Fact::Known(false));
            },
            (S::Waiting, C::Offline, 0),
        ),
        (
            "incident 36: deaths by the network are not counted",
            |c| {
                c.down(2.0, 1.0);
                c.crashes(5, Class::Network);
            },
            (S::Unhealthy, C::ProcessDead, 0),
        ),
        (
            "a network that is fine changes nothing",
            |c| {
                c.down(100.0, 1.0);
                c.facts.network = Some(Fact::Known(true));
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "offline is no sickness of a bridge that is well",
            |c| c.facts.network = Some(Fact::Known(false)),
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 37: silence after a sleep is as long as the sleep",
            |c| {
                c.silent(29_000.0);
                c.history.grace_until = NOW.mono + s(200.0);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 40: paused, and dead",
            |c| {
                c.down(100.0, 60.0);
                c.facts.holds.pause = Some(Pause { since: NOW.wall - s(172_800.0), until: NOW.wall + s(60.0) });
            },
            (S::Waiting, C::Paused, 0),
        ),
        (
            "a pause that is over",
            |c| c.facts.holds.pause = Some(Pause { since: NOW.wall - s(600.0), until: NOW.wall - s(1.0) }),
            (S::Healthy, C::None, 0),
        ),
        (
            "incident 45: systemd gave up",
            |c| {
                c.down(0.3, 1.0);
                c.job().gave_up = true;
            },
            (S::Unhealthy, C::ProcessDead, 1),
        ),
        (
            "paused, and data/ can't be read",
            |c| {
                c.down(100.0, 60.0);
                c.facts.holds.pause = Some(Pause { since: NOW.wall - s(60.0), until: NOW.wall + s(60.0) });
                c.facts.markers = Fact::Unknown("denied".into());
            },
            (S::Waiting, C::Paused, 0),
        ),
        (
            "incident 24: an update under hold, and data/ can't be read",
            |c| {
                c.down(100.0, 60.0);
                c.facts.holds.update = Some("pull".into());
                c.facts.markers = Fact::Unknown("denied".into());
            },
            (S::Waiting, C::UpdateRunning, 0),
        ),
        (
            "another recovery runs, and data/ can't be read",
            |c| {
                c.down(100.0, 60.0);
                c.facts.holds.recovery = Some(77);
                c.facts.markers = Fact::Unknown("denied".into());
            },
            (S::Waiting, C::RecoveryRunning, 0),
        ),
        (
            "dead, and whether an update runs can't be read",
            |c| {
                c.down(100.0, 60.0);
                c.facts.markers = Fact::Unknown("denied".into());
            },
            (S::Unknown, C::Unknown, 0),
        ),
        (
            "silent, and whether that is a flood wait can't be read",
            |c| {
                c.silent(400.0);
                c.facts.markers = Fact::Unknown("denied".into());
            },
            (S::Unknown, C::Unknown, 0),
        ),
        (
            "well, whatever can't be read",
            |c| c.facts.markers = Fact::Unknown("denied".into()),
            (S::Healthy, C::None, 0),
        ),
        (
            "another recovery runs",
            |c| {
                c.down(100.0, 1.0);
                c.facts.holds.recovery = Some(77);
            },
            (S::Waiting, C::RecoveryRunning, 0),
        ),
        (
            "dead, and a stranger holds the session",
            |c| {
                c.down(100.0, 1.0);
                c.stranger(Lock::Reserved);
            },
            (S::Unhealthy, C::SessionLocked, 3),
        ),
        (
            "says locked, and a stranger reads",
            |c| {
                c.history.locked_at = Some(NOW.mono - s(5.0));
                c.stranger(Lock::Shared);
            },
            (S::Unhealthy, C::SessionLocked, 3),
        ),
        (
            "started again after a run that the lock ended, and a stranger reads",
            |c| {
                c.age(4.0);
                c.history.had_socket = false;
                c.facts.life = Fact::Known(Life::default());
                c.crashes(1, Class::Lock);
                c.stranger(Lock::Shared);
            },
            (S::Unhealthy, C::SessionLocked, 3),
        ),
        (
            "the same, connected since",
            |c| {
                c.age(4.0);
                c.crashes(1, Class::Lock);
                c.stranger(Lock::Reserved);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "started again after a run that its code ended, and a stranger reads",
            |c| {
                c.age(4.0);
                c.history.had_socket = false;
                c.facts.life = Fact::Known(Life::default());
                c.crashes(1, Class::Code);
                c.stranger(Lock::Reserved);
            },
            (S::Starting, C::None, 0),
        ),
        (
            "says locked, and nobody else holds it",
            |c| c.history.locked_at = Some(NOW.mono - s(5.0)),
            (S::Healthy, C::None, 0),
        ),
        (
            "a stranger in WAL mode with a mere open connection",
            |c| {
                c.history.locked_at = Some(NOW.mono - s(5.0));
                c.stranger(Lock::None);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "disconnected for 300 s",
            |c| {
                c.facts.life = Fact::Known(Life::default());
                c.history.disconnected_since = Some(NOW.mono - s(300.0));
            },
            (S::Unhealthy, C::Disconnected, 2),
        ),
        (
            "disconnected by a line of its log only, and bytes move on its proxy's connection",
            |c| {
                c.facts.life = Fact::Known(Life::default());
                c.history.had_socket = false;
                c.history.disconnected_since = Some(NOW.mono - s(300.0));
                c.moved(12.0, false);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "disconnected by a line of its log only, and nothing moves",
            |c| {
                c.facts.life = Fact::Known(Life::default());
                c.history.had_socket = false;
                c.history.disconnected_since = Some(NOW.mono - s(300.0));
            },
            (S::Unhealthy, C::Disconnected, 2),
        ),
        (
            "its own socket is gone, it beats, and bytes move on another connection",
            |c| {
                c.facts.life = Fact::Known(Life::default());
                c.history.disconnected_since = Some(NOW.mono - s(300.0));
                c.beats(9, 100.0);
                c.moved(12.0, false);
            },
            (S::Unhealthy, C::Disconnected, 0),
        ),
        (
            "its own socket is gone, and bytes move on another connection without a heartbeat since",
            |c| {
                c.facts.life = Fact::Known(Life::default());
                c.history.disconnected_since = Some(NOW.mono - s(300.0));
                c.beats(9, 301.0);
                c.moved(12.0, false);
            },
            (S::Unhealthy, C::Disconnected, 2),
        ),
        (
            "a debugger is attached to a bridge that is silent",
            |c| {
                c.silent(900.0);
                c.life().halted = Some(Halt::Traced { by: 7 });
            },
            (S::Stopped, C::OperatorStop, 0),
        ),
        (
            "its control group is frozen",
            |c| {
                c.silent(900.0);
                c.life().halted = Some(Halt::Frozen);
            },
            (S::Stopped, C::OperatorStop, 0),
        ),
        (
            "a tracer is attached to a bridge that works",
            |c| c.life().halted = Some(Halt::Traced { by: 7 }),
            (S::Healthy, C::None, 0),
        ),
        (
            "bytes lie unread, and nothing was written since they came",
            |c| {
                c.unread();
                c.silent(61.0);
            },
            (S::Healthy, C::None, 0),
        ),
        ("bytes lie unread, and it writes", Case::unread, (S::Degraded, C::None, 0)),
        (
            "the same, and its heartbeat is younger than a silence",
            |c| {
                c.unread();
                c.beats(9, 299.0);
            },
            (S::Degraded, C::None, 0),
        ),
        (
            "the same, and its heartbeat has stopped",
            |c| {
                c.unread();
                c.beats(9, 300.0);
            },
            (S::Unhealthy, C::LogStale, 2),
        ),
        (
            "the same after a sleep of the machine",
            |c| {
                c.unread();
                c.beats(9, 300.0);
                c.history.grace_until = NOW.mono + s(1.0);
            },
            (S::Healthy, C::None, 0),
        ),
        (
            "stopped for a moment under a child that writes",
            |c| c.history.life.stopped_since = Some(NOW.mono - s(59.0)),
            (S::Healthy, C::None, 0),
        ),
        (
            "stopped under a child that writes",
            |c| c.history.life.stopped_since = Some(NOW.mono - s(60.0)),
            (S::Degraded, C::None, 0),
        ),
        (
            "disconnected, and the network is down",
            |c| {
                c.facts.life = Fact::Known(Life::default());
                c.history.disconnected_since = Some(NOW.mono - s(300.0));
                c.facts.network = Some(Fact::Known(false));
            },
            (S::Waiting, C::Offline, 0),
        ),
        ("an alert that does not go out", |c| c.history.undelivered = Some("403".into()), (S::Degraded, C::None, 0)),
    ];
    for (name, change, expected) in rows {
        let mut case = well();
        change(&mut case);
        let verdict = assess(&case.facts, &case.history, LIMITS);
        assert_eq!((verdict.state, verdict.cause, verdict.level()), *expected, "{name}: {verdict:#?}");
        assert_eq!(
            matches!(verdict.state, State::Healthy | State::Starting),
            verdict.findings.is_empty(),
            "{name}: {:?}",
            verdict.findings
        );
    }
}

/// What follows a stop by a condition: systemd does not look again by itself, so only a start ends some of them.
#[test]
fn r01_what_ends_a_stop_by_a_condition() {
    let rows = [
        (Unmet::Path { path: "/STOP".into(), there: true }, Next::ConditionMet),
        (Unmet::OtherJob { label: "x".into(), loaded: false }, Next::ConditionMet),
        (Unmet::Unit("ConditionPathExists=!/STOP".into()), Next::ConditionMet),
        (Unmet::Frozen, Next::ConditionMet),
        (Unmet::AtLastStart, Next::OperatorStarts),
        (Unmet::ExecCondition, Next::OperatorStarts),
        (Unmet::ExitStatus, Next::OperatorStarts),
    ];
    for (unmet, next) in rows {
        let mut case = well();
        case.down(100.0, 5000.0);
        case.unmet(unmet.clone());
        let verdict = assess(&case.facts, &case.history, LIMITS);
        let first = verdict.first().unwrap();
        assert_eq!((&first.problem, first.next, first.rung), (&Problem::ConditionUnmet(unmet), next, None));
        assert!(!verdict.tells());
    }
}

/// `install` mends only a condition on how the bridge ended; one by which a person stops it is no fault.
#[test]
fn r01_which_dictionary_is_told_and_how_it_is_mended() {
    let rows: [(&[&str], Option<Help>); 8] = [
        (&["SuccessfulExit"], Some(Help::InstallKey)),
        (&["Crashed"], Some(Help::InstallKey)),
        (&["Crashed", "SuccessfulExit"], Some(Help::InstallKey)),
        (&["NetworkState"], Some(Help::OwnCondition)),
        (&["SuccessfulExit", "NetworkState"], Some(Help::OwnCondition)),
        (&["PathState"], None),
        (&["OtherJobEnabled"], None),
        (&["SuccessfulExit", "PathState"], None),
    ];
    for (keys, help) in rows {
        let mut case = well();
        let names = keys.iter().map(|&key| key.to_owned()).collect();
        case.job().keep_alive = KeepAlive::Conditional(Condition::KeepAlive(names));
        let verdict = assess(&case.facts, &case.history, LIMITS);
        assert_eq!(verdict.first().map(|finding| finding.next), help.map(Next::Person), "{keys:?}");
    }
    let mut case = well();
    case.job().keep_alive = KeepAlive::Conditional(Condition::Restart("on-failure".into()));
    let verdict = assess(&case.facts, &case.history, LIMITS);
    assert_eq!(verdict.first().map(|finding| finding.next), Some(Next::Person(Help::InstallKey)));
    // Where there is no service that is said, and not what it would do.
    for (installed, problems) in [(true, 1), (false, 0)] {
        let mut case = well();
        let job = case.job();
        (job.installed, job.loaded, job.keep_alive) = (installed, false, KeepAlive::Never);
        let verdict = assess(&case.facts, &case.history, LIMITS);
        let never = verdict.findings.iter().filter(|finding| finding.problem == Problem::RestartsNever);
        assert_eq!(never.count(), problems, "{installed}");
    }
}

/// The order of precedence: each cause wins against all that come after it.
#[test]
fn the_first_cause_wins_and_the_others_become_issues() {
    type Step = (Cause, fn(&mut Case));
    let steps: &[Step] = &[
        (Cause::OperatorStop, |c| c.job().stopped_by_operator = true),
        (Cause::Paused, |c| c.facts.holds.pause = Some(Pause { since: NOW.wall, until: NOW.wall + s(60.0) })),
        (Cause::RecoveryRunning, |c| c.facts.holds.recovery = Some(77)),
        (Cause::UpdateRunning, |c| c.facts.holds.update = Some("pull".into())),
        (Cause::AuthRequired, |c| c.markers().auth_required = Some(NOW.wall)),
        (Cause::ConfigError, |c| c.job().last_exit = Exit::Code(2)),
        (Cause::FloodWait, |c| c.markers().flood = Some(Flood { expiry: NOW.wall + s(600.0), written: NOW.wall })),
        (Cause::DiskFull, |c| {
            c.facts.disk = Fact::Known(Disk { free: 0, free_share: 0.5, free_inodes: None });
        }),
        (Cause::Offline, |c| c.facts.network = Some(Fact::Known(false))),
        (Cause::SessionLocked, |c| c.stranger(Lock::Exclusive)),
        (Cause::BadCommit, |c| c.loop_on_head(600.0)),
        (Cause::NotLoaded, |c| {
            c.down(100.0, 1.0);
            c.job().loaded = false;
        }),
    ];
    let mut case = well();
    for (at, (cause, add)) in steps.iter().enumerate().rev() {
        add(&mut case);
        let verdict = assess(&case.facts, &case.history, LIMITS);
        assert_eq!(verdict.cause, *cause, "{verdict:#?}");
        // The causes that were added before are still among the findings.
        assert!(verdict.findings.len() >= steps.len() - at - 1, "{cause:?}: {:?}", verdict.findings);
    }
    let mut case = well();
    let alive: &[Step] = &[
        (Cause::LogStale, |c| c.silent(400.0)),
        (Cause::Disconnected, |c| {
            c.facts.life = Fact::Known(Life::default());
            c.history.disconnected_since = Some(NOW.mono - s(400.0));
        }),
        (Cause::StopHang, |c| c.history.stopping_since = Some(NOW.mono - s(40.0))),
        (Cause::Duplicate, |c| {
            c.lookalike(100.0);
        }),
    ];
    for (at, (cause, add)) in alive.iter().enumerate() {
        add(&mut case);
        let verdict = assess(&case.facts, &case.history, LIMITS);
        assert_eq!((verdict.cause, verdict.findings.len()), (*cause, at + 1), "{verdict:#?}");
    }
}

/// What one look passes on to the next, and which deaths are crashes.
#[test]
fn deaths_are_counted_by_the_managers_counter() {
    // (name, runs and pid before, runs and pid now, last exit, ended by us, crashes, starts)
    type Row = (&'static str, (u64, Option<u32>), (u64, Option<u32>), Exit, bool, usize, usize);
    let rows: &[Row] = &[
        ("nothing happened", (7, Some(1)), (7, Some(1)), Exit::Code(1), false, 0, 0),
        ("died", (7, Some(1)), (7, None), Exit::Code(1), false, 1, 0),
        ("died and respawned between two looks", (7, Some(1)), (8, Some(2)), Exit::Signal(9), false, 1, 1),
        (
            "incident 19: four runs between two looks, each seen as running",
            (7, Some(1)),
            (11, Some(2)),
            Exit::Code(1),
            false,
            4,
            1,
        ),
        ("four runs, none there now", (7, Some(1)), (10, None), Exit::Code(1), false, 4, 0),
        ("was down already, and came back", (7, None), (8, Some(2)), Exit::Code(1), false, 0, 1),
        ("incident 4: our own act", (7, Some(1)), (8, Some(2)), Exit::Signal(9), true, 0, 1),
        ("our own act, and then a crash of its own", (7, Some(1)), (9, Some(2)), Exit::Code(1), true, 1, 1),
        ("incident 28: exit 0 is no crash", (7, Some(1)), (8, Some(2)), Exit::Code(0), false, 0, 1),
        ("SIGTERM is no crash", (7, Some(1)), (8, Some(2)), Exit::Signal(15), false, 0, 1),
        ("incident 18: exit 2 is no crash", (7, Some(1)), (7, None), Exit::Code(2), false, 0, 0),
        ("loaded anew, the counter began again", (7, Some(1)), (1, Some(2)), Exit::Code(1), false, 1, 1),
    ];
    for (name, before, after, exit, by_us, crashes, starts) in rows {
        let look = |(runs, pid): (u64, Option<u32>), exit: Exit| {
            let mut case = well();
            case.facts.service = Fact::Known(Job { runs: Some(runs), last_exit: exit, ..job(pid) });
            case.facts.process =
                Fact::Known(pid.map(|pid| Process { id: Identity { pid, start: 1 }, ..process(20.0) }));
            case.facts
        };
        let (history, first) = advance(&History::default(), &look(*before, Exit::Never), &[], LIMITS);
        assert_eq!(
            first.iter().filter(|event| event.kind == EventKind::Crash).count(),
            0,
            "{name}: the first look is a baseline"
        );
        let ours = if *by_us { vec![Identity { pid: 1, start: 1 }] } else { Vec::new() };
        let (_, events) = advance(&history, &look(*after, exit.clone()), &ours, LIMITS);
        let count = |what| events.iter().filter(|event| event.kind == what).count();
        assert_eq!((count(EventKind::Crash), count(EventKind::Start)), (*crashes, *starts), "{name}: {events:?}");
    }
}

/// systemd's `NRestarts` counts only its own restarts, and restarts at 0 with a start by hand or a reset; each run has
/// an id.
#[test]
fn deaths_are_counted_by_the_runs_that_systemd_names() {
    // (name, (NRestarts + 1, run, pid) before, the same now, last exit, ended by us, crashes, starts)
    type Reading = (u64, Option<u64>, Option<u32>);
    type Row = (&'static str, Reading, Reading, Exit, bool, usize, usize);
    let rows: &[Row] = &[
        ("nothing happened", (3, Some(1), Some(1)), (3, Some(1), Some(1)), Exit::Never, false, 0, 0),
        ("died, waits", (3, Some(1), Some(1)), (3, Some(1), None), Exit::Signal(9), false, 1, 0),
        ("its own restart after the wait", (3, Some(1), None), (4, Some(2), Some(2)), Exit::Never, false, 0, 1),
        ("died and respawned unseen", (3, Some(1), Some(1)), (4, Some(2), Some(2)), Exit::Never, false, 1, 1),
        ("incident 19: four runs unseen", (3, Some(1), Some(1)), (7, Some(5), Some(5)), Exit::Never, false, 4, 1),
        ("incident 19: four runs, and waits", (3, Some(1), Some(1)), (6, Some(4), None), Exit::Code(1), false, 4, 0),
        ("our restart in the wait", (3, Some(1), None), (3, Some(2), Some(2)), Exit::Never, false, 0, 1),
        ("the same after a reset", (3, Some(1), None), (1, Some(2), Some(2)), Exit::Never, false, 0, 1),
        ("our restart in the wait, and dead again", (3, Some(1), None), (3, Some(2), None), Exit::Code(1), false, 1, 0),
        ("incident 45: reset, started, dead again", (6, Some(1), None), (1, Some(2), None), Exit::Code(1), false, 1, 0),
        ("incident 4: our restart of what ran", (3, Some(1), Some(1)), (1, Some(2), Some(2)), Exit::Never, true, 0, 1),
        ("our restart, and a crash after it", (3, Some(1), Some(1)), (1, Some(2), None), Exit::Code(1), true, 1, 0),
        ("a restart by hand", (3, Some(1), Some(1)), (1, Some(2), Some(2)), Exit::Never, false, 0, 1),
        ("a restart by hand of the first run", (1, Some(1), Some(1)), (1, Some(2), Some(2)), Exit::Never, false, 0, 1),
        ("forgotten after a stop", (3, Some(1), Some(1)), (0, None, None), Exit::Never, false, 0, 0),
        ("started after that", (3, Some(1), None), (1, Some(2), Some(2)), Exit::Never, false, 0, 1),
        ("ExecStartPre of the next run", (3, Some(1), None), (3, None, None), Exit::Never, false, 0, 0),
        ("ExecStartPre of its own restart", (3, Some(1), None), (4, None, None), Exit::Code(1), false, 0, 0),
        ("never started, then up", (0, None, None), (1, Some(1), Some(1)), Exit::Never, false, 0, 1),
        ("never started, then dead", (0, None, None), (1, Some(1), None), Exit::Code(1), false, 1, 0),
    ];
    for (name, before, now, exit, by_us, crashes, starts) in rows {
        let look = |(runs, run, pid): Reading, exit: &Exit| {
            let mut case = well();
            case.facts.service = Fact::Known(Job { runs: Some(runs), run, last_exit: exit.clone(), ..job(pid) });
            case.facts.process =
                Fact::Known(pid.map(|pid| Process { id: Identity { pid, start: 1 }, ..process(20.0) }));
            case.facts
        };
        let ours = if *by_us { vec![Identity { pid: 1, start: 1 }] } else { Vec::new() };
        let (history, _) = advance(&History::default(), &look(*before, &Exit::Never), &[], LIMITS);
        let (history, events) = advance(&history, &look(*now, exit), &ours, LIMITS);
        let count = |what| events.iter().filter(|event| event.kind == what).count();
        assert_eq!((count(EventKind::Crash), count(EventKind::Start)), (*crashes, *starts), "{name}: {events:?}");
        let (_, again) = advance(&history, &look(*now, exit), &ours, LIMITS);
        assert_eq!(again, [], "{name}: a second look finds nothing new");
    }
}

/// Deaths of a job that ends at once under launchd's throttle of 10 s, looked at as the watch does: each second while
/// there is no process. No run is ever seen.
#[test]
fn incident_19_a_manager_that_respawns_is_not_helped_and_a_person_hears_of_it() {
    for (exit, crash_loop) in [(Exit::Code(1), true), (Exit::Code(0), false)] {
        let mut case = well();
        let mut told = None;
        for second in 0..=400_u32 {
            // An hour's run that ended at second 0, and then a run every 10 s.
            let runs = 7 + u64::from(second / 10);
            let (wall, mono) = (NOW.wall + s(f64::from(second)), NOW.mono + s(f64::from(second)));
            case.facts.clock = Clock { wall, mono, zone: 0 };
            case.facts.process = Fact::Known(None);
            case.facts.service = Fact::Known(Job { runs: Some(runs), last_exit: exit.clone(), ..job(None) });
            let (history, events) = advance(&case.history, &case.facts, &[], LIMITS);
            case.history = history;
            let Fact::Known(known) = &mut case.facts.crashes else { unreachable!("well() knows it") };
            known.extend(events);
            let verdict = assess(&case.facts, &case.history, LIMITS);
            let expected = match second {
                // After the first death, an hour's run, we start it; after that the manager has shown that it does.
                0..10 => (Cause::ProcessDead, 1),
                10..20 => (Cause::ProcessDead, 0),
                _ if crash_loop => (Cause::CrashLoop, 3),
                _ => (Cause::ProcessDead, 0),
            };
            assert_eq!((verdict.cause, verdict.level()), expected, "{exit}, second {second}: {verdict:#?}");
            told = told.or(verdict.tells().then_some(second));
        }
        assert_eq!(told, if crash_loop { None } else { Some(100) }, "{exit}");
    }
    // It ran once and never again: after the throttle and the margin we start it.
    let mut case = well();
    case.down(0.3, 19.9);
    assert_eq!(assess(&case.facts, &case.history, LIMITS).level(), 0);
    case.down(0.3, 20.0);
    assert_eq!(assess(&case.facts, &case.history, LIMITS).level(), 1);
}

/// What a run logged counts for that run only, and not for the next.
#[test]
fn incident_5_what_a_run_said_ends_with_it() {
    let locked = || Findings { locked: true, ..Findings::default() };
    let rows: &[(&str, fn(&mut Case), bool)] = &[
        ("it runs on", |_| {}, true),
        ("it died of it", |c| c.down(100.0, 0.0), true),
        (
            "another process is there",
            |c| {
                let id = Identity { pid: 4313, start: 2 };
                c.facts.process = Fact::Known(Some(Process { id, ..process(1.0) }));
                c.job().pid = Some(4313);
            },
            false,
        ),
    ];
    for (name, change, expected) in rows {
        let mut case = well();
        case.log().said = locked();
        let (history, _) = advance(&case.history, &case.facts, &[], LIMITS);
        assert!(history.locked_at.is_some(), "{name}");
        case.log().said = Findings::default();
        let run = history.run;
        change(&mut case);
        let (after, _) = advance(&History { run, ..history }, &case.facts, &[], LIMITS);
        assert_eq!(after.locked_at.is_some(), *expected, "{name}");
    }
    // The last lines of the run before arrive together with the next process.
    let mut case = well();
    case.history.run = Some(Process { id: Identity { pid: 4311, start: 2 }, ..process(100.0) });
    case.log().said = locked();
    let (history, _) = advance(&case.history, &case.facts, &[], LIMITS);
    assert_eq!(history.locked_at, None);
}

/// "Shutting down" from a child in a shared log, or in a quoted chat, is void as soon as another line follows.
#[test]
fn r05a_to_be_told_to_stop_is_a_line_and_then_silence() {
    let told = Findings { told_to_stop: true, ..Findings::default() };
    let mut case = well();
    (case.log().said, case.log().grew) = (told.clone(), true);
    let at = |case: &mut Case, seconds: f64| {
        case.facts.clock = Clock { wall: NOW.wall + s(seconds), mono: NOW.mono + s(seconds), zone: 0 };
        case.history = advance(&case.history, &case.facts, &[], LIMITS).0;
        (case.log().said, case.log().grew) = (Findings::default(), false);
        assess(&case.facts, &case.history, LIMITS).cause
    };
    let causes = [at(&mut case, 0.0), at(&mut case, 29.0), at(&mut case, 30.0)];
    assert_eq!(causes, [Cause::None, Cause::None, Cause::StopHang], "silent since");
    let mut case = well();
    (case.log().said, case.log().grew) = (told, true);
    at(&mut case, 0.0);
    case.log().grew = true;
    let causes = [at(&mut case, 20.0), at(&mut case, 40.0), at(&mut case, 60.0)];
    assert_eq!(causes, [Cause::None; 3], "a line followed");
}

/// A wait that the log names last is a flood wait, until a sign of life follows it.
#[test]
fn r20_a_flood_wait_in_the_log_holds_until_it_is_over() {
    let mut case = well();
    case.log().said.flood = Some(FloodWait { seconds: Some(1800) });
    case.history = advance(&case.history, &case.facts, &[], LIMITS).0;
    case.log().said = Findings::default();
    case.silent(400.0);
    let cause = |case: &Case, seconds: f64| {
        let mut facts = case.facts.clone();
        facts.clock = Clock { wall: NOW.wall + s(seconds), ..NOW };
        assess(&facts, &case.history, LIMITS).cause
    };
    assert_eq!(
        [cause(&case, 0.0), cause(&case, 1799.0), cause(&case, 1801.0)],
        [Cause::FloodWait, Cause::FloodWait, Cause::LogStale]
    );
    case.log().said.heartbeat = true;
    case.history = advance(&case.history, &case.facts, &[], LIMITS).0;
    assert_eq!(case.history.flood_until, None);
    // It was at the end of the log before we started.
    case.log().said = Findings::default();
    case.log().flood_before = Some((NOW.wall - s(600.0), s(1800.0)));
    case.history = advance(&case.history, &case.facts, &[], LIMITS).0;
    assert_eq!(case.history.flood_until, Some(NOW.wall + s(1200.0)));
}

/// Each class has its sentence, and none of them speaks against HEAD: here the commit is ten minutes old and auto-revert
/// is on.
#[test]
fn kind_e_what_others_did_is_not_held_against_head() {
    let rows: &[(&str, Class, Cause)] = &[
        ("the code's own", Class::Code, Cause::BadCommit),
        ("r10: the session was used twice", Class::Login, Cause::AuthRequired),
        ("r13: a read-only database", Class::Environment, Cause::ConfigError),
        ("a network that went away", Class::Network, Cause::ProcessDead),
        ("killed by the system", Class::Killed, Cause::ProcessDead),
        ("a lock that somebody holds", Class::Lock, Cause::ProcessDead),
        ("a copy in the way", Class::Copy, Cause::ProcessDead),
        ("a flood wait", Class::Flood, Cause::ProcessDead),
        ("a full disk", Class::Disk, Cause::ProcessDead),
    ];
    for (name, class, cause) in rows {
        let mut case = well();
        case.loop_on_head(600.0);
        case.crashes(3, *class);
        assert_eq!(assess(&case.facts, &case.history, LIMITS).cause, *cause, "{name}");
    }
    let mut case = well();
    case.loop_on_head(600.0);
    case.job().last_exit = Exit::Code(78);
    case.facts.missing_program = Fact::Known(Some(MissingProgram::Absent(".venv/bin/python".into())));
    let verdict = assess(&case.facts, &case.history, LIMITS);
    assert_eq!((verdict.cause, verdict.tells()), (Cause::ConfigError, true), "r12: the interpreter is gone");
}

#[test]
fn ends_that_nobody_saw_are_a_crash_loop_and_accuse_no_commit() {
    let rows = [
        ("all seen", 0, Cause::BadCommit),
        ("one of three unseen", 1, Cause::CrashLoop),
        ("none seen", 3, Cause::CrashLoop),
    ];
    for (name, unseen, cause) in rows {
        let mut case = well();
        case.loop_on_head(600.0);
        let class = |nth| if nth < unseen { Class::Unseen } else { Class::Code };
        let crashes = (0..3_u8).map(|nth| crash(180.0 - 60.0 * f64::from(nth), class(nth)));
        case.facts.crashes = Fact::Known(crashes.collect());
        assert_eq!(assess(&case.facts, &case.history, LIMITS).cause, cause, "{name}");
    }
}

/// R33: systemd counts the tries that fail before the program too, and shows nothing of them while it tries again.
#[test]
fn r33_tries_that_failed_before_the_program_are_no_runs() {
    let failed = Exit::NotStarted("a step before its start failed".into());
    let look = |(runs, run, pid): (Option<u64>, Option<u64>, Option<u32>), exit: &Exit| {
        let mut case = well();
        case.facts.service = Fact::Known(Job { runs, run, last_exit: exit.clone(), ..job(pid) });
        case.facts.process = Fact::Known(pid.map(|pid| Process { id: Identity { pid, start: 1 }, ..process(2.0) }));
        case.facts
    };
    let looks = [
        ("it runs", look((Some(3), Some(1), Some(1)), &Exit::Never), 0, None),
        ("killed", look((Some(3), Some(1), None), &Exit::Signal(9)), 1, Some(Cause::ProcessDead)),
        ("the step failed", look((None, None, None), &failed), 0, Some(Cause::ConfigError)),
        ("the step of the next try", look((Some(8), None, None), &Exit::Never), 0, Some(Cause::ConfigError)),
        ("it failed again", look((None, None, None), &failed), 0, Some(Cause::ConfigError)),
        ("five tries later it is up", look((Some(14), Some(2), Some(2)), &Exit::Never), 0, None),
        ("killed again, and started", look((Some(15), Some(3), Some(3)), &Exit::Never), 1, None),
    ];
    let mut history = History::default();
    for (name, mut facts, crashes, cause) in looks {
        // Not connected, so that it counts as young.
        facts.life = Fact::Known(Life::default());
        let events;
        (history, events) = advance(&history, &facts, &[], LIMITS);
        assert_eq!(events.iter().filter(|event| event.kind == EventKind::Crash).count(), crashes, "{name}: {events:?}");
        let verdict = assess(&facts, &history, LIMITS);
        if let Some(cause) = cause {
            assert_eq!(verdict.cause, cause, "{name}");
        } else {
            assert_ne!(verdict.cause, Cause::ConfigError, "{name}");
        }
    }
}

#[test]
fn three_crashes_that_end_with_different_errors_are_no_pattern() {
    let with = |errors: [Option<&str>; 4]| {
        let mut case = well();
        case.loop_on_head(600.0);
        let crashes = errors.iter().enumerate().map(|(nth, error)| {
            let ago = 240.0 - 60.0 * f64::from(u8::try_from(nth).unwrap());
            Event { error: error.map(str::to_owned), ..crash(ago, Class::Code) }
        });
        case.facts.crashes = Fact::Known(crashes.collect());
        assess(&case.facts, &case.history, LIMITS).cause
    };
    let (key, value, time) = (Some("KeyError: 'a'"), Some("ValueError: bad"), Some("TypeError: no"));
    assert_eq!(with([key, Some("KeyError: 'b'"), key, value]), Cause::BadCommit, "three of four");
    assert_eq!(with([key, value, time, key]), Cause::ProcessDead, "two, one, one");
    assert_eq!(with([None, None, None, None]), Cause::BadCommit, "each with exit 1, and no word");
}

#[test]
fn a_process_that_was_there_before_us_has_one_start_line_however_often_we_begin() {
    let line = |ago: f64, pid| Event { kind: EventKind::Start, pid: Some(pid), ..crash(ago, Class::Code) };
    let rows: [(&str, Vec<Event>, Option<f64>); 5] = [
        ("no history", Vec::new(), Some(3600.0)),
        ("its line is there", vec![line(3590.0, ID.pid)], None),
        ("its line, by a watch that came late", vec![line(10.0, ID.pid)], None),
        ("the line of an older process with its pid", vec![line(4000.0, ID.pid)], Some(3600.0)),
        ("the line of another", vec![line(3590.0, 1)], Some(3600.0)),
    ];
    for (name, history, expected) in rows {
        let mut case = well();
        case.facts.crashes = Fact::Known(history);
        let (history, events) = advance(&History::default(), &case.facts, &[], LIMITS);
        assert_eq!(events.first().map(|event| NOW.wall.since(event.at)), expected.map(s), "{name}");
        let (_, again) = advance(&history, &case.facts, &[], LIMITS);
        assert_eq!(again, [], "{name}: the second look");
        // One that appears while we watch is stamped now.
        let gone = History { run: None, dead_since: Some(NOW.mono - s(5.0)), ..history };
        case.facts.crashes = Fact::Known(Vec::new());
        let (_, events) = advance(&gone, &case.facts, &[], LIMITS);
        assert_eq!(events.first().map(|event| event.at), Some(NOW.wall), "{name}");
    }
}

/// A state never hides a fault for ever: if the markers can't be seen for 5 min, a person is told.
#[test]
fn markers_that_stay_unreadable_over_a_dead_bridge_are_told() {
    let mut case = well();
    case.down(100.0, 400.0);
    case.facts.markers = Fact::Unknown("denied".into());
    let (history, _) = advance(&case.history, &case.facts, &[], LIMITS);
    assert!(!assess(&case.facts, &history, LIMITS).tells());
    case.facts.clock.mono = case.facts.clock.mono + LIMITS.markers_unseen;
    let (history, _) = advance(&history, &case.facts, &[], LIMITS);
    assert!(assess(&case.facts, &history, LIMITS).tells());
    case.facts.markers = Fact::Known(Markers::default());
    assert_eq!(advance(&history, &case.facts, &[], LIMITS).0.markers_unseen_since, None);
}

#[test]
fn an_end_that_somebody_wanted_is_no_crash() {
    let rows: &[(&str, fn(&mut Case), usize)] = &[
        ("nobody wanted it", |_| {}, 1),
        ("incident 27: stopped, and it answered with exit 1", |c| c.job().stopped_by_operator = true, 0),
        ("incident 27: being stopped", |c| c.job().stopping = true, 0),
        ("incident 21: a planned restart", |c| c.markers().update_restart = Some(NOW.wall - s(10.0)), 0),
        ("incident 21: its marker is 400 s old", |c| c.markers().update_restart = Some(NOW.wall - s(400.0)), 1),
        ("incident 21: its marker is from the future", |c| c.markers().update_restart = Some(NOW.wall + s(10.0)), 1),
        ("incident 22: an update unloads the job", |c| c.facts.holds.update = Some("pull".into()), 0),
        (
            "incident 22: unloaded without a word",
            |c| {
                c.job().loaded = false;
                c.job().runs = None;
                c.job().last_exit = Exit::Never;
            },
            0,
        ),
        (
            "incident 23: the lock of a killed update",
            |c| c.markers().update_lock = Some(UpdateLock { pid: 5, alive: false, since: NOW.wall - s(30.0) }),
            1,
        ),
        ("paused", |c| c.facts.holds.pause = Some(Pause { since: NOW.wall - s(9.0), until: NOW.wall + s(9.0) }), 0),
    ];
    for (name, change, crashes) in rows {
        let before = well();
        let mut case = well();
        case.down(100.0, 0.0);
        change(&mut case);
        let (_, events) = advance(&before.history, &case.facts, &[], LIMITS);
        assert_eq!(events.len(), *crashes, "{name}: {events:?}");
    }
}

#[test]
fn a_death_has_the_class_that_the_log_gives_it() {
    let ended = |error: &str| Findings {
        ended_by: Some(Traceback { error: error.into(), causes: Vec::new() }),
        ..Findings::default()
    };
    let rows: Vec<(&str, Findings, Option<bool>, Class)> = vec![
        ("a traceback", ended("KeyError: 'x'"), None, Class::Code),
        ("nothing", Findings::default(), None, Class::Code),
        ("network", Findings { network: true, ..Findings::default() }, None, Class::Network),
        ("incident 36: offline", Findings::default(), Some(false), Class::Network),
        ("login", ended("telethon.errors.rpcerrorlist.AuthKeyDuplicatedError: The key"), None, Class::Login),
        ("flood", ended("telethon.errors.FloodWaitError: A wait of 30 seconds is required"), None, Class::Flood),
        ("lock", ended("sqlite3.OperationalError: database is locked"), None, Class::Lock),
        ("disk", ended("OSError: [Errno 28] No space left on device"), None, Class::Disk),
        (
            "environment",
            ended("sqlite3.OperationalError: attempt to write a readonly database"),
            None,
            Class::Environment,
        ),
    ];
    for (name, said, network, class) in rows {
        let before = well();
        let mut case = well();
        case.down(100.0, 0.0);
        case.log().said = said.clone();
        case.facts.network = network.map(Fact::Known);
        let (_, events) = advance(&before.history, &case.facts, &[], LIMITS);
        assert_eq!(events.first().map(|event| event.class), Some(class), "{name}");
    }
}

/// The age from which a copy is one is the same for the class of a crash and for `duplicate`.
#[test]
fn a_crash_beside_a_copy_is_not_the_codes() {
    let (stale, shorter) = (LIMITS.stale_process, LIMITS.stale_process / 60);
    let quick = Limits { stale_process: shorter, ..*LIMITS };
    let in_use = "OSError: [Errno 98] Address already in use";
    let rows: [(&str, Duration, &Limits, fn(&mut Lookalike), &str, Class); 9] = [
        ("as old as a copy has to be", stale, LIMITS, |_| {}, "", Class::Copy),
        ("younger", s(59.0), LIMITS, |_| {}, "", Class::Code),
        ("by another limit", shorter, &quick, |_| {}, "", Class::Copy),
        ("R18: in a terminal", stale, LIMITS, |other| other.terminal = true, "", Class::Copy),
        ("R06a: another account", stale, LIMITS, |other| other.session = Held::Other, "", Class::Code),
        ("without a session", stale, LIMITS, |other| other.session = Held::Nothing, "", Class::Code),
        ("R19: it has the address", stale, LIMITS, |other| other.session = Held::Nothing, in_use, Class::Copy),
        ("R19: it has the address, and is young", s(5.0), LIMITS, |_| {}, in_use, Class::Copy),
        (
            "another account has the address",
            stale,
            LIMITS,
            |other| other.session = Held::Other,
            in_use,
            Class::Environment,
        ),
    ];
    for (name, age, limits, change, error, class) in rows {
        let before = well();
        let mut case = well();
        case.down(100.0, 0.0);
        change(case.lookalike(age.as_secs_f64()));
        case.log().said.ended_by =
            (!error.is_empty()).then(|| crate::findings::Ended { error: error.into(), causes: Vec::new() });
        let (_, events) = advance(&before.history, &case.facts, &[], limits);
        assert_eq!(events.first().map(|event| event.class), Some(class), "{name}");
    }
}

#[test]
fn incident_37_a_gap_between_the_clocks_is_a_sleep() {
    let mut case = well();
    case.history.clock = Some(Clock { wall: NOW.wall - s(28_800.0), mono: NOW.mono - s(60.0), zone: 0 });
    let (history, _) = advance(&case.history, &case.facts, &[], LIMITS);
    assert_eq!(history.grace_until, NOW.mono + LIMITS.wake_grace);
    case.history.clock = Some(Clock { wall: NOW.wall - s(61.0), mono: NOW.mono - s(60.0), zone: 0 });
    assert_eq!(advance(&case.history, &case.facts, &[], LIMITS).0.grace_until, Mono(0.0));
}

#[test]
fn the_end_of_a_flood_wait_gives_time_to_speak_again() {
    let mut case = well();
    case.silent(7200.0);
    case.markers().flood = Some(Flood { expiry: NOW.wall + s(1.0), written: NOW.wall - s(7200.0) });
    let (history, _) = advance(&case.history, &case.facts, &[], LIMITS);
    case.markers().flood = None;
    case.facts.clock = Clock { wall: NOW.wall + s(60.0), mono: NOW.mono + s(60.0), zone: 0 };
    let (history, _) = advance(&history, &case.facts, &[], LIMITS);
    assert_eq!(assess(&case.facts, &history, LIMITS).state, State::Healthy);
}

/// Every field of the contract, with its type; a bridge under systemd, which hides the last exit of what runs.
#[test]
fn check_json_is_the_contract() {
    let mut case = well();
    case.facts.clock.mono = case.facts.clock.mono + s(0.4);
    case.job().last_exit = Exit::Never;
    case.history.ended = Some(Ended { id: ID, lived: s(5.0), at: NOW.wall, exit: Exit::Signal(9) });
    let holder = Holder { pid: 99, role: Role::Stranger, lock: Lock::Reserved, age: Some(s(400.6)), other_user: false };
    case.facts.session = Fact::Known(Session { path: "s".into(), holders: vec![holder] });
    case.facts.crashes = Fact::Known(vec![crash(5.0, Class::Code)]);
    case.log().path = "l".into();
    let verdict = assess(&case.facts, &case.history, LIMITS);
    let expected = serde_json::json!({
        "state": "healthy", "cause": "none", "level": 0, "issues": [], "unknown": [],
        "next": "it is checked every minute, and the moment it dies",
        "facts": {
            "process": {"pid": 4312, "started": "2033-05-18T02:33:20Z", "runs": 7, "last_exit": "signal 9"},
            "log": {"path": "l", "silent_s": 10, "size": 10},
            "session": {"path": "s", "holders": [{"pid": 99, "role": "stranger", "lock": "reserved", "age_s": 401}]},
            "telegram": {"connected": true, "evidence": "socket"},
            "life": {"alive": true, "signs": ["its log grew 10 s ago"]},
            "crashes": {"last_30m": 1, "on_head": 1},
            "git": {"head": "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeee", "summary": "Make it faster", "age_s": 86_400,
                "dirty": false, "own_revert": false},
            "disk": {"free": 1_u64 << 40, "free_share": 0.5},
        },
    });
    let check = |case: &Case| {
        let check = crate::text::check::check(&case.facts, &case.history, &verdict, &Secrets::default(), LIMITS);
        serde_json::to_value(check).unwrap()
    };
    assert_eq!(check(&case), expected);
    // (the run counter, how the run before ended as far as the watch knows, what is shown)
    let rows = [(7, Some(Exit::Never), "not seen"), (7, None, "not seen"), (1, None, "never"), (0, None, "never")];
    for (runs, ended, shown) in rows {
        case.job().runs = Some(runs);
        case.history.ended = ended.map(|exit| Ended { id: ID, lived: s(5.0), at: NOW.wall, exit });
        assert_eq!(check(&case)["facts"]["process"]["last_exit"], shown);
    }
    case.git().dirty = None;
    let sparse = "git.dirty: the index has a form that can't be read (a sparse index)";
    assert_eq!(check(&case)["unknown"], serde_json::json!([sparse]));
    case.git().touches_code = None;
    assert_eq!(check(&case)["unknown"], serde_json::json!(["git.dirty: looked at only when something is wrong"]));
}

/// R08a: a person is told when it lasts, and an answer that nobody asked for long begins anew.
#[test]
fn r08a_offline_is_told_after_30_min_and_not_by_an_old_answer() {
    let told = |case: &Case| assess(&case.facts, &case.history, LIMITS).first().map(|first| first.tell);
    let mut case = well();
    case.facts.network = Some(Fact::Known(false));
    case.facts.life = Fact::Known(Life::default());
    for (since, expected) in [(None, false), (Some(0.0), false), (Some(1799.0), false), (Some(1800.0), true)] {
        case.history.offline_since = since.map(|since| NOW.mono - s(since));
        assert_eq!(told(&case), Some(expected), "{since:?}");
    }
    // (when it was last found gone, what is found now, since when it is gone then)
    let before = Some(NOW.mono - s(2000.0));
    let rows = [
        (Some(299.0), Some(Fact::Known(false)), before),
        (Some(300.0), Some(Fact::Known(false)), Some(NOW.mono)),
        (None, Some(Fact::Known(false)), Some(NOW.mono)),
        (Some(60.0), Some(Fact::Known(true)), None),
        (Some(60.0), Some(Fact::Unknown("another road".into())), None),
        (Some(60.0), None, before),
    ];
    for (last, network, since) in rows {
        case.history.offline_since = before;
        case.history.offline_at = last.map(|last| NOW.mono - s(last));
        case.facts.network = network;
        let after = advance(&case.history, &case.facts, &[], LIMITS).0;
        assert_eq!(after.offline_since, since, "{last:?} {:?}", case.facts.network);
    }
}
