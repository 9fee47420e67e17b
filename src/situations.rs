//! Snapshots of every problem, for the tests of the texts and of the menu. It is Sunday, 14:03.

use std::time::Duration;

use crate::act::{Hand, Reason};
use crate::check::{Check, Known};
use crate::facts::{Condition, Exit, Halt, Identity, Keeper, MissingProgram, Pause, Process, Repeated, Unmet};
use crate::history::History;
use crate::holders::Left;
use crate::markers::Update;
use crate::outages::{Healed, Outage, What};
use crate::outcome::{Cure, Outcome};
use crate::signs::{Dying, Living};
use crate::snapshot::{Commit, Done, More, Recent, RunningRung, Snapshot};
use crate::time::{Clock, Mono, Wall};
use crate::verdict::{Cause, Finding, Head, Help, Innocent, Next, Problem, Rung, State, Verdict};

pub(crate) const NOW: Wall = Wall(1_795_356_180.0);
pub(crate) const CLOCK: Clock = Clock { wall: NOW, mono: Mono(10_000.0), zone: 0 };
const HALF_AN_HOUR: Duration = Duration::from_mins(30);

pub(crate) fn ago(seconds: u64) -> Wall {
    NOW - Duration::from_secs(seconds)
}

pub(crate) fn ahead(seconds: u64) -> Wall {
    NOW + Duration::from_secs(seconds)
}

pub(crate) fn finding(problem: Problem, next: Next) -> Finding {
    Finding { problem, rung: None, next, tell: false, anew: None }
}

/// A bridge that runs, in this state for 3 min.
pub(crate) fn snapshot(findings: Vec<Finding>, well: Next) -> Snapshot {
    let run = Process { id: Identity { pid: 4312, start: 1 }, started: ago(3600), age: Duration::from_hours(1) };
    let (state, cause, next) = match findings.first() {
        Some(first) => (first.problem.state(), first.problem.cause(), first.next),
        None if well == Next::Watch => (State::Healthy, Cause::None, well),
        None => (State::Starting, Cause::None, well),
    };
    let known = Known {
        process: None,
        log: None,
        session: None,
        telegram: None,
        life: None,
        crashes: None,
        git: None,
        disk: None,
    };
    Snapshot {
        watch: 99,
        version: "0.1.0".into(),
        clock: CLOCK,
        tick: Duration::from_mins(1),
        verdict: Verdict { state, cause, findings, unknown: Vec::new(), next },
        since: ago(180),
        rung: None,
        again: None,
        check: Check {
            state,
            cause,
            level: 0,
            issues: Vec::new(),
            unknown: Vec::new(),
            next: String::new(),
            facts: known,
        },
        history: History { run: Some(run), silent_since: Some(Mono(9_600.0)), ..History::default() },
        more: More {
            recent: vec![
                Recent { at: ago(90_000), done: Done::Crashed { pid: Some(4300), reason: "signal 9".into() } },
                Recent { at: ago(180), done: Done::Started { pid: Some(4312) } },
            ],
            head: Some(Commit { short_id: "1a2b3c4d".into(), summary: "Handle R&D chats".into() }),
            own_revert: false,
            auto_revert: false,
            pause: None,
            log: true,
            outages: Vec::new(),
        },
        desktop: None,
    }
}

fn one(problem: Problem, next: Next) -> Snapshot {
    snapshot(vec![finding(problem, next)], Next::Watch)
}

fn down(mut snapshot: Snapshot) -> Snapshot {
    snapshot.history.run = None;
    snapshot
}

/// A rung at work on this. Its reason stays the same, whatever is seen meanwhile.
fn rung(rung: Rung, since: Wall, snapshot: Snapshot) -> Snapshot {
    let reason = snapshot.verdict.first().map_or(Reason::ByHand(Hand::Restart), |first| Reason::Finding(first.clone()));
    Snapshot { rung: Some(RunningRung { rung, since, reason }), ..snapshot }
}

fn crash_loop(head: Head) -> Problem {
    Problem::CrashLoop { crashes: 4, window: HALF_AN_HOUR, head }
}

fn dead(exit: Exit, next: Next) -> Snapshot {
    down(one(Problem::ProcessDead { exit, held_back: None, restless: None }, next))
}

/// Well, after this.
fn after(outage: Outage) -> Snapshot {
    let mut seen = snapshot(Vec::new(), Next::Watch);
    seen.more.outages = vec![outage];
    seen
}

/// It lasted 4 min; `None`: it is not over.
fn hang(ended: Option<Wall>) -> Outage {
    let began = ended.map_or(ago(400), |ended| ended - Duration::from_mins(4));
    Outage { began, ended, what: What::Cause(Cause::LogStale), then: Vec::new(), healed: Healed::Restarted }
}

fn long_ago(nth: u32) -> Outage {
    hang(Some(ago(900_000) + Duration::from_hours(20) * nth))
}

/// Every state and problem.
pub(crate) fn situations() -> Vec<(&'static str, Snapshot)> {
    let hangs = || one(Problem::Silent { since: ago(400), from_start: false }, Next::EndAndStart);
    let killed = |next| dead(Exit::Signal(9), next);
    let not_loaded = |next| down(one(Problem::NotLoaded, next));
    let line = "2026-11-22 14:02:11 ERROR telethon.network: Server replied with a wrong session ID & more";
    let denied = "/Users/somebody/Documents/projects/telegram/ai/logs/bridge.log may not be read (denied); allow it";
    let suspect = |opted_in| Head::Suspect { summary: "Handle R&D chats".into(), opted_in };
    vec![
        ("healthy", snapshot(Vec::new(), Next::Watch)),
        ("starting", snapshot(Vec::new(), Next::ConnectsUntil(ahead(180)))),
        ("degraded", {
            let error = Repeated { line: line.into(), count: 12 };
            let problem = Problem::RepeatedError { error, window: Duration::from_mins(5) };
            one(problem, Next::Person(Help::ReadLog))
        }),
        ("degraded, silent but alive", {
            let sign = Some(Living::Moved { at: CLOCK.mono - Duration::from_secs(12), telegram: true });
            let problem = Problem::SilentButAlive { since: ago(400), sign, torn: false };
            one(problem, Next::EndIfSilentAt(ahead(500)))
        }),
        ("degraded, silent and buffered", {
            let sign = Some(Living::Worked { at: CLOCK.mono - Duration::from_secs(20) });
            let problem = Problem::SilentButAlive { since: ago(400), sign, torn: true };
            one(problem, Next::Person(Help::LookAtBridge))
        }),
        ("degraded, silent, and nothing can be seen of it", {
            let problem = Problem::SilentButAlive { since: ago(400), sign: None, torn: false };
            one(problem, Next::Person(Help::LookAtBridge))
        }),
        ("degraded, nothing in its log", {
            let path = "/Users/somebody/src/ai/logs/bridge.log".into();
            one(Problem::LogNeverWritten { path, there: true }, Next::Person(Help::MendLog))
        }),
        ("degraded, its log is not there", {
            let path = "/Users/somebody/src/ai/logs/bridge.log".into();
            one(Problem::LogNeverWritten { path, there: false }, Next::Person(Help::MendLog))
        }),
        ("degraded, no heartbeat", { one(Problem::NoHeartbeat { since: ago(320) }, Next::Person(Help::LookAtBridge)) }),
        ("a debugger is attached", one(Problem::Halted(Halt::Traced { by: 7 }), Next::ConditionMet)),
        ("frozen", one(Problem::Halted(Halt::Frozen), Next::ConditionMet)),
        ("degraded, deaf", {
            let sign = Dying::Unread { bytes: 4860, since: CLOCK.mono - Duration::from_secs(90) };
            one(Problem::Deaf { sign }, Next::Person(Help::LookAtBridge))
        }),
        ("deaf, and without a heartbeat", {
            let sign = Dying::PeerClosed { since: CLOCK.mono - Duration::from_secs(400) };
            one(Problem::DeafAndSilent { since: ago(320), sign }, Next::EndAndStart)
        }),
        ("degraded, nothing under its runner", { one(Problem::NothingInside, Next::Person(Help::LookAtBridge)) }),
        ("an alert does not go out", {
            let why = "Telegram can't be reached: connection refused";
            let mut seen = one(Problem::Undelivered(why.into()), Next::DeliverAgain);
            seen.history.undelivered = Some(why.into());
            seen
        }),
        ("the disk is almost full", one(Problem::DiskLow(0.013), Next::Person(Help::MakeRoomSoon))),
        ("KeepAlive is a dictionary", {
            let condition = Condition::KeepAlive(vec!["SuccessfulExit".into()]);
            one(Problem::RestartsSometimes(condition), Next::Person(Help::InstallKey))
        }),
        ("Restart=on-failure", {
            let condition = Condition::Restart("on-failure".into());
            one(Problem::RestartsSometimes(condition), Next::Person(Help::InstallKey))
        }),
        ("KeepAlive is a dictionary of another kind", {
            let condition = Condition::KeepAlive(vec!["NetworkState".into()]);
            one(Problem::RestartsSometimes(condition), Next::Person(Help::OwnCondition))
        }),
        ("the manager never restarts it", one(Problem::RestartsNever, Next::Person(Help::InstallKey))),
        ("process-dead, the manager has time", killed(Next::ManagerHasUntil(ahead(120)))),
        ("process-dead, never ran", dead(Exit::Never, Next::Start)),
        ("process-dead, held back and restless", {
            let problem = Problem::ProcessDead {
                exit: Exit::Code(0),
                held_back: Some("a system update is staged".into()),
                restless: Some((12, HALF_AN_HOUR)),
            };
            down(one(problem, Next::ManagerHasUntil(ahead(20))))
        }),
        ("process-dead, rung 1", rung(Rung::Restart, ago(5), killed(Next::Start))),
        ("process-dead, rung 1, it is up again", {
            let seen = snapshot(Vec::new(), Next::ConnectsUntil(ahead(300)));
            Snapshot { rung: rung(Rung::Restart, ago(5), killed(Next::Start)).rung, ..seen }
        }),
        ("healthy, started after a crash", {
            let what = What::Crash("signal 9".into());
            after(Outage { began: ago(241), ended: Some(ago(240)), what, then: Vec::new(), healed: Healed::ByManager })
        }),
        ("healthy, after a hang", after(hang(Some(ago(180))))),
        ("healthy, long after a hang", Snapshot { since: ago(180), ..after(hang(Some(ago(39_000)))) }),
        ("healthy, restarted by hand", {
            let mut seen = after(hang(Some(ago(39_000))));
            let cured = Outcome::Cured(Cure::Up { pid: 4312, after: Duration::from_secs(1) });
            seen.more.recent.push(Recent { at: ago(180), done: Done::ByHand(Hand::Restart, cured) });
            seen
        }),
        ("healthy, many incidents", {
            let mut seen = after(hang(Some(ago(180))));
            let one =
                |nth: u32| Outage { what: What::Cause(Cause::Offline), healed: Healed::ByItself, ..long_ago(nth) };
            seen.more.outages = (0..10).map(one).chain(seen.more.outages).skip(1).collect();
            seen
        }),
        ("log-stale, an incident that is open", {
            let mut seen = hangs();
            seen.more.outages = vec![Outage { then: vec![Cause::ProcessDead], ..hang(None) }];
            seen
        }),
        ("process-dead, every rung tried, nobody hears", {
            let mut seen = Snapshot { again: Some(ahead(1800)), ..killed(Next::Start) };
            seen.history.undelivered = Some("Telegram can't be reached".into());
            seen
        }),
        ("process-dead, its operator disabled it meanwhile", killed(Next::LeaveDisabled)),
        ("crash-loop", down(one(crash_loop(Head::Innocent(Innocent::Merge)), Next::Tell))),
        ("crash-loop, no checkout", down(one(crash_loop(Head::Unknown), Next::Tell))),
        ("bad-commit", down(one(crash_loop(suspect(false)), Next::Tell))),
        ("bad-commit, opted in", down(one(crash_loop(suspect(true)), Next::Revert))),
        ("crash-loop under a shell", { one(Problem::LoopInside { ends: 5, window: HALF_AN_HOUR }, Next::Tell) }),
        ("outside-manager, in tmux", {
            let parent = Some((77, "tmux".into()));
            let problem = Problem::OutsideManager { pid: 4321, parent, keeper: None };
            down(one(problem, Next::Person(Help::OneManager)))
        }),
        ("outside-manager, kept by pm2", {
            let keeper = Some(Keeper::Supervisor("pm2".into()));
            let problem = Problem::OutsideManager { pid: 4321, parent: Some((77, "node".into())), keeper };
            down(one(problem, Next::Person(Help::OneManager)))
        }),
        ("not-loaded", not_loaded(Next::LoadAt(ahead(600)))),
        ("not-loaded, rung 1", rung(Rung::Restart, NOW, not_loaded(Next::Load))),
        ("log-stale", hangs()),
        ("log-stale from the start", one(Problem::Silent { since: ago(400), from_start: true }, Next::EndAndStart)),
        ("log-stale, rung 2", rung(Rung::EndStale, ago(60), hangs())),
        ("log-stale, rung 3", rung(Rung::FreeSession, NOW, hangs())),
        ("log-stale, rung 4", rung(Rung::Revert, NOW, hangs())),
        ("log-stale, rung 5", rung(Rung::Tell, NOW, hangs())),
        ("stop-hang", one(Problem::StopHang { since: ago(40) }, Next::EndAndStart)),
        ("disconnected", one(Problem::Disconnected { since: ago(360) }, Next::EndAndStart)),
        ("duplicate", one(Problem::Duplicate { pid: 7 }, Next::EndCopy)),
        ("duplicate, in the way of the start", down(one(Problem::Duplicate { pid: 7 }, Next::EndCopyAndStart))),
        ("session-locked", one(Problem::SessionLocked { pid: 7, left: None }, Next::FreeSession)),
        (
            "session-locked, a young holder",
            one(Problem::SessionLocked { pid: 7, left: None }, Next::FreeSessionAt(ahead(42))),
        ),
        (
            "session-locked, another user's",
            one(Problem::SessionLocked { pid: 7, left: Some(Left::OtherUser) }, Next::Person(Help::EndHolder)),
        ),
        (
            "session-locked by another bridge",
            one(Problem::SessionLocked { pid: 7, left: Some(Left::OtherBridge) }, Next::Person(Help::LookAtHolder)),
        ),
        ("offline, the bridge down", down(one(Problem::Offline { since: ago(3600) }, Next::NetworkBack))),
        ("flood-wait", one(Problem::FloodWait { until: ahead(4020) }, Next::FloodEnds(ahead(4020)))),
        ("auth-required", one(Problem::LoginNeeded, Next::Person(Help::LogIn))),
        ("update-running", one(Problem::UpdateRunning(Update::Locked(7)), Next::UpdateEnds)),
        ("update-running under hold", one(Problem::UpdateRunning(Update::Held("git pull".into())), Next::UpdateEnds)),
        ("update-running, a planned restart", one(Problem::UpdateRunning(Update::PlannedRestart), Next::UpdateEnds)),
        ("recovery-running", one(Problem::RecoveryRunning(7), Next::RecoveryEnds)),
        ("paused, the bridge down", {
            let pause = Pause { since: ago(180), until: ahead(3420) };
            let mut seen = down(one(Problem::Paused(pause), Next::PauseEnds(pause.until)));
            seen.more.pause = Some(pause);
            seen
        }),
        ("paused until it is resumed", {
            let pause = Pause { since: ago(180), until: Wall::NEVER };
            let mut seen = one(Problem::Paused(pause), Next::PauseEnds(pause.until));
            seen.more.pause = Some(pause);
            seen
        }),
        ("operator-stop", down(one(Problem::OperatorStop, Next::OperatorStarts))),
        ("operator-stop, a stop file", {
            let unmet = Unmet::Path { path: "/Users/me/STOP".into(), there: true };
            down(one(Problem::ConditionUnmet(unmet), Next::ConditionMet))
        }),
        ("operator-stop, a unit's condition", {
            let unmet = Unmet::Unit("ConditionPathExists=!/home/me/STOP".into());
            down(one(Problem::ConditionUnmet(unmet), Next::ConditionMet))
        }),
        ("operator-stop, no condition now", {
            down(one(Problem::ConditionUnmet(Unmet::AtLastStart), Next::OperatorStarts))
        }),
        ("disk-full", one(Problem::DiskFull, Next::Person(Help::MakeRoom))),
        ("config-error, no service", down(one(Problem::NoService, Next::Person(Help::Install)))),
        (
            "config-error, active without a process",
            down(one(Problem::ActiveWithoutProcess, Next::Person(Help::MendBridge))),
        ),
        ("config-error, exit code 2", down(one(Problem::ExitCode2, Next::Person(Help::MendBridge)))),
        ("config-error, the interpreter is gone", {
            let target = "/opt/homebrew/Cellar/python@3.12/3.12.4/bin/python3.12".into();
            let missing = Some(MissingProgram::LinkToNowhere { path: ".venv/bin/python".into(), target });
            down(one(Problem::CannotStart { exit: Exit::Code(78), missing }, Next::Person(Help::MendBridge)))
        }),
        ("config-error, it could not be started", {
            let exit = Exit::Code(127);
            down(one(Problem::CannotStart { exit, missing: None }, Next::Person(Help::MendBridge)))
        }),
        ("config-error, a read-only disk", {
            let error = Some("sqlite3.OperationalError: attempt to write a readonly database".into());
            down(one(Problem::BrokenEnvironment { error }, Next::Person(Help::MendBridge)))
        }),
        ("unknown, nobody answers", {
            let why = "/bin/launchctl print did not answer within 5 s";
            down(one(Problem::ProcessUnseen(why.into()), Next::LookAgain))
        }),
        ("unknown, the log is denied", one(Problem::LogUnseen(denied.into()), Next::LookAgain)),
        ("unknown, the markers are denied", {
            let why = "/Users/somebody/src/ai/data can't be looked into: denied";
            one(Problem::MarkersUnseen(why.into()), Next::Person(Help::MakeReadable))
        }),
        ("clean locks by hand", {
            let reason = Reason::ByHand(Hand::CleanLocks);
            let running = RunningRung { rung: Rung::FreeSession, since: NOW, reason };
            Snapshot { rung: Some(running), ..snapshot(Vec::new(), Next::Watch) }
        }),
        ("restart by hand", rung(Rung::Restart, NOW, snapshot(Vec::new(), Next::Watch))),
    ]
}

/// Each cause once. A new cause does not compile until it has its place here.
pub(crate) fn following(cause: Option<Cause>) -> Option<Cause> {
    let Some(cause) = cause else { return Some(Cause::None) };
    match cause {
        Cause::None => Some(Cause::ProcessDead),
        Cause::ProcessDead => Some(Cause::CrashLoop),
        Cause::CrashLoop => Some(Cause::NotLoaded),
        Cause::NotLoaded => Some(Cause::OutsideManager),
        Cause::OutsideManager => Some(Cause::LogStale),
        Cause::LogStale => Some(Cause::StopHang),
        Cause::StopHang => Some(Cause::Disconnected),
        Cause::Disconnected => Some(Cause::Duplicate),
        Cause::Duplicate => Some(Cause::SessionLocked),
        Cause::SessionLocked => Some(Cause::BadCommit),
        Cause::BadCommit => Some(Cause::Offline),
        Cause::Offline => Some(Cause::FloodWait),
        Cause::FloodWait => Some(Cause::AuthRequired),
        Cause::AuthRequired => Some(Cause::UpdateRunning),
        Cause::UpdateRunning => Some(Cause::RecoveryRunning),
        Cause::RecoveryRunning => Some(Cause::Paused),
        Cause::Paused => Some(Cause::OperatorStop),
        Cause::OperatorStop => Some(Cause::DiskFull),
        Cause::DiskFull => Some(Cause::ConfigError),
        Cause::ConfigError => Some(Cause::Unknown),
        Cause::Unknown => None,
    }
}
