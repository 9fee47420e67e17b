//! A snapshot in, all rows out: the whole menu of every situation is compared with `menu_expected.txt`, which a person
//! reads: first the healthy one, then of each the rows that are not as in that one. `BLESS=1 cargo test menu` writes it anew.

use serde_json::json;

use super::*;
use crate::facts::{Identity, Pause, Process};
use crate::memory::Memory;
use crate::snapshot::{More, Recent};

const NOW: f64 = 1_795_356_180.0;

fn snapshot(state: State, cause: Cause, issue: &str, next: &str) -> Snapshot {
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
        memory: Memory { run: Some(run), silent_since: Some(9_600.0), ..Memory::default() },
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
        },
    }
}

fn down(mut snapshot: Snapshot, exit: &str) -> Snapshot {
    snapshot.memory.run = None;
    snapshot.check["facts"]["process"] = json!({"pid": null, "last_exit": exit});
    snapshot
}

fn view(snapshot: &Snapshot) -> View<'_> {
    View {
        snapshot: Some(snapshot),
        lost: None,
        starts_at_login: Some(true),
        always_reverts: false,
        copied: None,
        demo: false,
    }
}

/// Every state and cause, with the sentences that `assess` has for it.
fn situations() -> Vec<(&'static str, Snapshot)> {
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
        ("healthy", snapshot(Healthy, C::None, "", "it is looked at once a minute, and at once when it dies")),
        ("starting", snapshot(Starting, C::None, "", "it has until 14:06 to connect")),
        (
            "degraded",
            snapshot(
                Degraded,
                C::None,
                "The same error was logged 12 times within 5 min: ERROR telethon.network: Server replied with a wrong session ID & more",
                "nothing is restarted for that; read the log",
            ),
        ),
        ("an alert does not go out", {
            let mut seen = snapshot(
                Degraded,
                C::None,
                "An alert does not go out: Telegram can't be reached",
                "it is tried again at every tick",
            );
            seen.memory.undelivered = Some("Telegram can't be reached".into());
            seen
        }),
        ("process-dead, the manager has time", dead("its service manager has until 14:05 to start it; then we do")),
        ("process-dead, rung 1", Snapshot { rung: Some((1, NOW - 5.0)), ..dead(started) }),
        ("process-dead, every rung tried, nobody hears", {
            let mut seen = Snapshot { again: Some(NOW + 1800.0), ..dead(started) };
            seen.memory.undelivered = Some("Telegram can't be reached".into());
            seen
        }),
        (
            "crash-loop",
            down(
                snapshot(
                    Unhealthy,
                    C::CrashLoop,
                    "The bridge crashed 4 times within 30 min. HEAD is not reverted: it is a merge.",
                    "its session is freed; then a person is told",
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
                    "its session is freed; then a person is told",
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
        ("log-stale", hangs()),
        ("log-stale, rung 2", Snapshot { rung: Some((2, NOW - 60.0)), ..hangs() }),
        ("log-stale, rung 5", Snapshot { rung: Some((5, NOW)), ..hangs() }),
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
                "the lock is freed, then the bridge is started",
            ),
        ),
        (
            "offline, the bridge down",
            down(
                snapshot(
                    Waiting,
                    C::Offline,
                    "This machine is offline.",
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
            seen.memory.run = None;
            seen
        }),
        (
            "unknown, the log is denied",
            snapshot(
                Unknown,
                C::Unknown,
                "The bridge has a process, but whether it works can't be seen: /x/bridge.log: permission denied.",
                again,
            ),
        ),
        ("restart by hand", Snapshot { rung: Some((1, NOW)), ..snapshot(Healthy, C::None, "", "") }),
    ]
}

#[test]
fn every_state_and_cause_has_its_rows() {
    let mut all = String::new();
    let mut first: Vec<String> = Vec::new();
    let mut add = |name: &str, view: &View| {
        let menu = menu(view);
        let lines = rendered(&menu.rows);
        all.push_str(&format!("== {name}: {:?}\n", menu.icon));
        if lines.len() == first.len() {
            // As many rows, in the same order: only what differs is worth a reader's time.
            lines.iter().zip(&first).filter(|(line, first)| line != first).for_each(|(line, _)| all.push_str(line));
        } else {
            all.push_str(&lines.concat());
        }
        all.push('\n');
        if first.is_empty() {
            first = lines;
        }
    };
    for (name, snapshot) in situations() {
        add(name, &view(&snapshot));
    }
    let healthy = snapshot(State::Healthy, Cause::None, "", "");
    let nothing = View { snapshot: None, ..view(&healthy) };
    let mut opted_in = healthy.clone();
    opted_in.more.auto_revert = true;
    opted_in.more.log = false;
    opted_in.more.own_revert = true;
    opted_in.more.recent.clear();
    let rows: [(&str, View); 5] = [
        ("before the first look", nothing),
        ("the watch does not answer", View { lost: Some("the watch has not answered since 14:01"), ..view(&healthy) }),
        (
            "opted in by config.toml, no log, our own revert",
            View { always_reverts: true, starts_at_login: Some(false), ..view(&opted_in) },
        ),
        ("diagnostics copied", View { copied: Some(NOW), ..view(&healthy) }),
        ("the demo", View { demo: true, starts_at_login: None, ..view(&healthy) }),
    ];
    for (name, view) in rows {
        add(name, &view);
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/menu_expected.txt"), &all).unwrap();
    }
    for (actual, expected) in all.split("\n\n").zip(include_str!("menu_expected.txt").split("\n\n")) {
        assert_eq!(actual, expected);
    }
    assert_eq!(all, include_str!("menu_expected.txt"));
}

#[test]
fn number_order_and_kind_of_rows_never_change() {
    fn shape(rows: &[Row]) -> Vec<(String, bool, usize)> {
        rows.iter().map(|row| (row.id.clone(), row.checked.is_some(), row.rows.len())).collect()
    }
    let first = View {
        snapshot: None,
        lost: None,
        starts_at_login: Some(true),
        always_reverts: false,
        copied: None,
        demo: false,
    };
    let expected = shape(&menu(&first).rows);
    for (name, snapshot) in situations() {
        assert_eq!(shape(&menu(&view(&snapshot)).rows), expected, "{name}");
    }
}

#[test]
fn a_text_from_outside_is_one_short_line() {
    assert_eq!(label("a\nb\u{7}c & d"), "a b c && d");
    assert_eq!(label(&"x".repeat(200)).chars().count(), WIDTH);
}

/// `+` enabled, `-` disabled; a line a row.
fn rendered(rows: &[Row]) -> Vec<String> {
    let lines = rows.iter().flat_map(|row| {
        let sign = if row.enabled { "+" } else { "-" };
        let check = row.checked.map_or("", |checked| if checked { "[x] " } else { "[ ] " });
        let text = if row.id == SEPARATOR { "---" } else { &row.text };
        let below = rendered(&row.rows).into_iter().map(|line| format!("    {line}"));
        std::iter::once(format!("{sign} {check}{text}\n")).chain(below).collect::<Vec<_>>()
    });
    lines.collect()
}
