//! Snapshots of every state and cause, for the tests of the menu and for its screenshots. It is Sunday, 14:03.

use serde_json::json;

use crate::assess::{Cause, State, Verdict};
use crate::facts::{Clock, Identity, Pause, Process};
use crate::history::History;
use crate::menu_words;
use crate::snapshot::{More, Recent, Rung, Snapshot};

pub const NOW: f64 = 1_795_356_180.0;

/// A bridge that has been so for 3 min.
pub fn snapshot(state: State, cause: Cause, issue: &str, next: &str) -> Snapshot {
    let run = Process { id: Identity { pid: 4312, start: 1 }, started: NOW - 3600.0, age: 3600.0 };
    let issues = if issue.is_empty() { Vec::new() } else { vec![issue.to_owned()] };
    Snapshot {
        watch: 99,
        clock: Clock { wall: NOW, mono: 10_000.0, zone: 0 },
        tick: 60.0,
        verdict: Verdict { state, cause, rung: 0, issues, unknown: Vec::new(), next: next.into(), person: false },
        since: NOW - 180.0,
        rung: None,
        again: None,
        check: json!({"facts": {"process": {"pid": 4312, "last_exit": "never"}}}),
        history: History { run: Some(run), silent_since: Some(9_600.0), ..History::default() },
        more: More {
            recent: vec![
                Recent { at: NOW - 90_000.0, text: "crashed (pid 4300): signal 9".into() },
                Recent { at: NOW - 180.0, text: "started (pid 4312)".into() },
            ],
            head: Some(("1a2b3c4d".into(), "Handle R&D chats".into())),
            own_revert: false,
            auto_revert: false,
            pause: None,
            log: true,
            after_crash: None,
        },
    }
}

fn down(mut snapshot: Snapshot, exit: &str) -> Snapshot {
    snapshot.history.run = None;
    snapshot.check["facts"]["process"] = json!({"pid": null, "last_exit": exit});
    snapshot
}

/// A rung at work on this: what it was begun for stays, whatever is seen meanwhile.
fn rung(number: u8, since: f64, snapshot: Snapshot) -> Snapshot {
    let why = menu_words::why(&snapshot);
    Snapshot { rung: Some(Rung { number, since, why }), ..snapshot }
}

/// Every state and cause, with the sentences that `assess` has for it.
pub fn situations() -> Vec<(&'static str, Snapshot)> {
    use Cause as C;
    use State::{Degraded, Healthy, Starting, Stopped, Unhealthy, Unknown, Waiting};
    let started = "it is started now";
    let again = "it is looked at again at the next tick";
    let dead = |next| {
        down(snapshot(Unhealthy, C::ProcessDead, "The bridge is not running (last: signal 9).", next), "signal 9")
    };
    let hangs = || {
        snapshot(
            Unhealthy,
            C::LogStale,
            "The bridge hangs: it has not written to its log for 6 min.",
            "it is ended and started",
        )
    };
    vec![
        ("healthy", snapshot(Healthy, C::None, "", "it is checked every minute, and the moment it dies")),
        ("starting", snapshot(Starting, C::None, "", "it has until 14:06 to connect")),
        (
            "degraded",
            snapshot(
                Degraded,
                C::None,
                "The same error was logged 12 times within 5 min: ERROR telethon.network: Server replied with a wrong session ID & more",
                "read the log; nothing is restarted for that",
            ),
        ),
        ("an alert does not go out", {
            let mut seen = snapshot(
                Degraded,
                C::None,
                "An alert does not go out: Telegram can't be reached",
                "it is tried again at every tick",
            );
            seen.history.undelivered = Some("Telegram can't be reached".into());
            seen
        }),
        (
            "the disk is almost full",
            snapshot(Degraded, C::None, "Only 1.3 % of the disk is free.", "make room before it is full"),
        ),
        (
            "KeepAlive is a dictionary",
            snapshot(
                Degraded,
                C::None,
                "The service manager restarts the bridge only sometimes: KeepAlive is a dictionary: SuccessfulExit.",
                "run 'bridge-watchdog install' to mend just that key",
            ),
        ),
        ("process-dead, the manager has time", dead("its service manager has until 14:05 to start it; then we do")),
        ("process-dead, rung 1", rung(1, NOW - 5.0, dead(started))),
        ("process-dead, rung 1, it is up again", {
            let seen = snapshot(Starting, C::None, "", "it has until 14:08 to connect");
            Snapshot { rung: rung(1, NOW - 5.0, dead(started)).rung, ..seen }
        }),
        ("healthy, started after a crash", {
            let mut seen = snapshot(Healthy, C::None, "", "it is checked every minute, and the moment it dies");
            seen.more.after_crash = Some(NOW - 240.0);
            seen
        }),
        ("process-dead, every rung tried, nobody hears", {
            let mut seen = Snapshot { again: Some(NOW + 1800.0), ..dead(started) };
            seen.history.undelivered = Some("Telegram can't be reached".into());
            seen
        }),
        (
            "crash-loop",
            down(
                snapshot(
                    Unhealthy,
                    C::CrashLoop,
                    "The bridge crashed 4 times within 30 min. HEAD is not reverted: it is a merge.",
                    "a person is told",
                ),
                "exit 1",
            ),
        ),
        (
            "bad-commit",
            down(
                snapshot(
                    Unhealthy,
                    C::BadCommit,
                    "The bridge crashed 4 times within 30 min. HEAD (x) is the suspect, but auto-revert is off.",
                    "a person is told",
                ),
                "exit 1",
            ),
        ),
        (
            "not-loaded",
            down(
                snapshot(
                    Unhealthy,
                    C::NotLoaded,
                    "The bridge's job is not loaded: the service manager does not know it.",
                    "it is loaded again at 14:13",
                ),
                "never",
            ),
        ),
        (
            "not-loaded, rung 1",
            rung(
                1,
                NOW,
                down(
                    snapshot(
                        Unhealthy,
                        C::NotLoaded,
                        "The bridge's job is not loaded: the service manager does not know it.",
                        "it is loaded again now",
                    ),
                    "never",
                ),
            ),
        ),
        ("log-stale", hangs()),
        ("log-stale, rung 2", rung(2, NOW - 60.0, hangs())),
        ("log-stale, rung 3", rung(3, NOW, hangs())),
        ("log-stale, rung 4", rung(4, NOW, hangs())),
        ("log-stale, rung 5", rung(5, NOW, hangs())),
        (
            "stop-hang",
            snapshot(
                Unhealthy,
                C::StopHang,
                "The bridge was told to stop 40 s ago and is still there.",
                "it is ended and started",
            ),
        ),
        (
            "disconnected",
            snapshot(
                Unhealthy,
                C::Disconnected,
                "The bridge has had no connection to Telegram for 6 min.",
                "it is restarted",
            ),
        ),
        (
            "duplicate",
            snapshot(
                Unhealthy,
                C::Duplicate,
                "A second copy of this bridge is running (pid 7).",
                "the copy is ended; the bridge is left alone",
            ),
        ),
        (
            "session-locked",
            snapshot(
                Unhealthy,
                C::SessionLocked,
                "Another process (pid 7) holds the lock of the bridge's session.",
                "this version can't free the lock; a person is told",
            ),
        ),
        (
            "offline, the bridge down",
            down(
                snapshot(
                    Waiting,
                    C::Offline,
                    "This machine is offline: none of Telegram's data centres accepts a connection.",
                    "recovery goes on as soon as the network is back",
                ),
                "exit 1",
            ),
        ),
        (
            "flood-wait",
            snapshot(
                Waiting,
                C::FloodWait,
                "Telegram told the bridge to wait until 15:10 (flood wait).",
                "waiting until 15:10; a restart would make it longer",
            ),
        ),
        (
            "auth-required",
            snapshot(
                Waiting,
                C::AuthRequired,
                "Telegram asks for a new login; no restart can help.",
                "a person has to log in",
            ),
        ),
        (
            "update-running",
            snapshot(
                Waiting,
                C::UpdateRunning,
                "An update is running (pid 7).",
                "recovery goes on when the update is over",
            ),
        ),
        (
            "recovery-running",
            snapshot(
                Waiting,
                C::RecoveryRunning,
                "Another recovery of this bridge is running (pid 7).",
                "it is waited for",
            ),
        ),
        ("paused, the bridge down", {
            let mut seen = down(
                snapshot(
                    Waiting,
                    C::Paused,
                    "Recovery has been paused since 14:00 (3 min ago).",
                    "recovery goes on at 15:00, or after 'bridge-watchdog resume'",
                ),
                "signal 9",
            );
            seen.more.pause = Some(Pause { since: NOW - 180.0, until: NOW + 3420.0 });
            seen
        }),
        (
            "operator-stop",
            down(
                snapshot(
                    Stopped,
                    C::OperatorStop,
                    "The bridge was stopped by its operator.",
                    "it stays down until the operator enables and starts it again",
                ),
                "exit 0",
            ),
        ),
        (
            "disk-full",
            snapshot(
                Waiting,
                C::DiskFull,
                "The disk is full: the bridge can't write its session or its log.",
                "a person has to make room; nothing is restarted until then",
            ),
        ),
        (
            "config-error, no service",
            down(
                snapshot(
                    Waiting,
                    C::ConfigError,
                    "There is no service for the bridge: neither a plist nor a unit file.",
                    "run 'bridge-watchdog install'",
                ),
                "never",
            ),
        ),
        (
            "config-error, exit code 2",
            down(
                snapshot(
                    Waiting,
                    C::ConfigError,
                    "The bridge ended with exit code 2: its own configuration is wrong, or its script is missing.",
                    "a person has to mend it; the end of the log says more",
                ),
                "exit 2",
            ),
        ),
        ("unknown, nobody answers", {
            let mut seen = snapshot(
                Unknown,
                C::Unknown,
                "It can't be found out whether the bridge is running: /bin/launchctl print did not answer within 5 s.",
                again,
            );
            seen.check["facts"]["process"] = json!(null);
            seen.history.run = None;
            seen
        }),
        (
            "unknown, the log is denied",
            snapshot(
                Unknown,
                C::Unknown,
                "The bridge has a process, but whether it works can't be seen: /Users/somebody/Documents/projects/telegram/ai/logs/bridge.log: permission denied.",
                again,
            ),
        ),
        ("restart by hand", rung(1, NOW, snapshot(Healthy, C::None, "", ""))),
    ]
}

/// Each cause once: a new one does not compile until it has its place here.
#[allow(dead_code, reason = "only the tests count")]
pub fn following(cause: Option<Cause>) -> Option<Cause> {
    let Some(cause) = cause else { return Some(Cause::None) };
    match cause {
        Cause::None => Some(Cause::ProcessDead),
        Cause::ProcessDead => Some(Cause::CrashLoop),
        Cause::CrashLoop => Some(Cause::NotLoaded),
        Cause::NotLoaded => Some(Cause::LogStale),
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
