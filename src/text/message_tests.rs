//! Whole messages, as a person gets them, in `message_expected.txt`, for review. `BLESS=1 cargo test --lib message` writes
//! it again.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::expected::is_as_read;
use crate::facts::{Class, EventKind, Exit, Fact, Git, Log};
use crate::manager::Manager;
use crate::outcome::Failure;
use crate::plan::{self, Told};
use crate::situations::{CLOCK, NOW, ago, situations};

const SECRET: &str = "hunter-two-and-more";

fn config() -> Config {
    let root = Path::new("/Users/me/src/ai");
    Config {
        file: "/Users/me/config.toml".into(),
        root: root.into(),
        label: "com.valor.bridge".into(),
        manager: Manager::Launchd,
        program: vec![".venv/bin/python".into()],
        log: root.join("logs/bridge.log"),
        error_log: root.join("logs/bridge.error.log"),
        login: vec![".venv/bin/python".into(), "scripts/telegram_login.py".into()],
        session: root.join("data/valor_bridge.session"),
        telegram: None,
        auto_revert: false,
        secrets: crate::secrets::Secrets::new([("PASSWORD".to_owned(), SECRET.to_owned())], &[]),
        state: "/Users/me/state".into(),
    }
}

fn event(seconds_ago: u64, reason: &str, error: Option<&str>) -> Event {
    Event {
        at: ago(seconds_ago),
        kind: EventKind::Crash,
        commit: "3f2a1b9c".into(),
        commit_age: Some(600.0),
        reason: reason.into(),
        error: error.map(str::to_owned),
        class: Class::Code,
        pid: Some(4312),
        ours: true,
    }
}

fn facts(error: Option<&str>) -> Facts {
    let lines = |list: &[&str]| list.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
    let ends = vec![
        lines(&[
            "2026-11-22 14:01:58 INFO bridge: start",
            "Traceback (most recent call last):",
            error.unwrap_or("Bye"),
        ]),
        lines(&[
            "2026-11-22 14:01:58 INFO bridge: start",
            "2026-11-22 14:02:00 INFO [heartbeat] Bridge alive (uptime=12m)",
        ]),
    ];
    let git = Git {
        head: "3f2a1b9c0d3f2a1b9c0d3f2a1b9c0d3f2a1b9c0d".into(),
        summary: "Make it faster".into(),
        committed: ago(1200),
        parents: 1,
        parent: String::new(),
        own_revert: false,
        dirty: None,
        touches_code: None,
        undone: false,
    };
    let old = event(7200, "exit 1", Some("ValueError: an old story"));
    Facts {
        clock: CLOCK,
        log: Fact::Known(Log { ends, ..Log::default() }),
        crashes: Fact::Known(vec![old, event(40, "exit 1", error)]),
        git: Fact::Known(git),
        ..Facts::unseen()
    }
}

fn situation(wanted: &str) -> Verdict {
    let found = situations().into_iter().find(|(name, _)| *name == wanted);
    Verdict { unknown: Vec::new(), ..found.unwrap().1.verdict }
}

/// An incident that this verdict's first problem began, after these acts.
fn incident(verdict: &Verdict, began: u64, acts: &[(u64, Rung, Option<Outcome>)]) -> Incident {
    let problem = &verdict.first().unwrap().problem;
    let mut incident = plan::open(problem, ago(began));
    incident.problem = Some(problem.clone());
    let acted = |(at, rung, outcome): &(u64, Rung, Option<Outcome>)| Acted {
        at: ago(*at),
        rung: *rung,
        outcome: outcome.clone(),
    };
    incident.acts = acts.iter().map(acted).collect();
    incident
}

fn up() -> Outcome {
    Outcome::Cured(Cure::Up { pid: 4400, after: Duration::from_secs(12) })
}

fn reverted() -> Outcome {
    let change =
        Change::Reverted { commit: "3f2a1b9c0d".into(), summary: "Make it faster".into(), branch: Some("main".into()) };
    Outcome::Cured(Cure::HeadChanged { change, up: Some(4400) })
}

fn over_of(incident: &Incident, whole: bool) -> String {
    let ended = Incident { well_since: Some(CLOCK.mono_of(ago(10))), ..incident.clone() };
    over("mac-mini", &config(), &ended, CLOCK, whole)
}

fn messages() -> Vec<(&'static str, String)> {
    use Rung::{EndStale, FreeSession, Restart, Revert};
    let (config, healthy) = (config(), situation("healthy"));
    let said = |verdict: &Verdict, incident: &Incident, calls, again: Option<Wall>, error: Option<&str>| {
        alert("mac-mini", &config, &facts(error), verdict, incident, again, calls)
    };
    let failed = Some(Outcome::Failed(Failure::DidNotStayUp { pid: 4399 }));

    let hangs = situation("log-stale");
    let begun = incident(&hangs, 400, &[(30, EndStale, None)]);
    let cured = incident(&hangs, 400, &[(30, EndStale, Some(up()))]);
    let locked = situation("session-locked");
    let free = Some(Outcome::Cured(Cure::SessionFree { ended: 1 }));
    let freed = incident(&locked, 90, &[(20, FreeSession, free)]);
    let bad = situation("bad-commit, opted in");
    let back = incident(&bad, 300, &[(30, Revert, Some(reverted()))]);
    let loops = situation("crash-loop");
    let lost = incident(&loops, 900, &[(100, FreeSession, failed.clone())]);
    let dead = situation("process-dead, every rung tried, nobody hears");
    let tried = incident(
        &dead,
        900,
        &[(300, Restart, failed.clone()), (200, EndStale, failed.clone()), (100, FreeSession, failed)],
    );
    let login = situation("auth-required");
    let login_needed =
        Incident { told: vec![Told { cause: Cause::AuthRequired, last_rung: false }], ..incident(&login, 60, &[]) };
    let tried = Incident { told: vec![Told { cause: Cause::ProcessDead, last_rung: true }], ..tried };
    let offline = incident(&situation("offline, the bridge down"), 7200, &[]);
    let error = Some("ModuleNotFoundError: No module named 'telethon'");
    let degraded_verdict = situation("degraded");
    let low = degraded_verdict.first().unwrap();
    let killed = [event(900, "signal 9", None), event(400, "signal 9", None), event(30, "signal 9", None)];
    vec![
        ("a hang: as rung 2 begins", said(&hangs, &begun, false, None, None)),
        ("a hang, healed at rung 2 (an edit)", said(&healthy, &cured, false, None, None)),
        ("back again", over_of(&cured, false)),
        ("back again, where nothing was told before", over_of(&cured, true)),
        ("a lock, healed at rung 3", said(&healthy, &freed, false, None, None)),
        ("a bad commit, reverted", said(&healthy, &back, false, None, error)),
        ("back again after a revert", over_of(&back, false)),
        (
            "a crash loop that only a person can mend",
            said(&loops, &lost, true, Some(NOW + Duration::from_mins(30)), error),
        ),
        ("every rung tried", said(&dead, &tried, true, Some(NOW + Duration::from_mins(30)), None)),
        ("a login", said(&login, &login_needed, true, None, None)),
        ("back online", over_of(&offline, true)),
        ("it works, but not well", degraded("mac-mini", &config, &facts(None), low)),
        (
            "it ends again and again",
            ends_again("mac-mini", &facts(None), &killed.iter().collect::<Vec<_>>(), Duration::from_mins(30)),
        ),
        (
            "a pause that was forgotten",
            reminder("mac-mini", &config, &situation("paused, the bridge down"), ago(172_800), CLOCK),
        ),
        ("a test", test("mac-mini")),
    ]
}

#[test]
fn every_message_is_as_it_was_read() {
    let all = messages()
        .into_iter()
        .map(|(name, text)| [format!("== {name}"), text, String::new(), String::new()].join("\n"));
    let all = all.collect::<String>();
    is_as_read("text/message_expected.txt", &all);
}

#[test]
fn the_first_line_says_which_machine_and_a_message_fits() {
    for (name, text) in messages() {
        let first = text.lines().next().unwrap();
        assert!(first.starts_with("mac-mini: ") && first.ends_with('.') && units(&text) <= MOST, "{name}: {first}");
        assert!(!text.contains("person"), "{name}: it is you: {text}");
        assert!(!text.contains("an old story"), "{name}: what is old is no news: {text}");
    }
}

#[test]
fn text_of_others_is_harmless_and_has_no_secret() {
    let loops = situation("crash-loop");
    let incident = incident(&loops, 60, &[(20, Rung::Restart, None)]);
    let error = format!("KeyError: '\u{1b}[2J{SECRET}\u{202e}\r\n' {}", "x".repeat(10_000));
    let text = alert("mac-mini", &config(), &facts(Some(&error)), &loops, &incident, None, true);
    assert!(!text.contains(SECRET) && !text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    assert!(text.contains("Error: KeyError: '(removed)"), "{text}");
    assert!(units(&fitted(&text)) <= MOST);
}

#[test]
fn a_message_fits_and_loses_no_half_character() {
    let text = "🌉".repeat(3000);
    let fitted = fitted(&text);
    assert!(units(&fitted) <= MOST && fitted.ends_with("🌉…"));
}

#[test]
fn a_bridge_that_is_not_there_is_named_so() {
    let problem = Problem::ProcessDead { exit: Exit::Signal(9), held_back: None, restless: None };
    assert_eq!(
        what_was(&problem, ago(60), CLOCK),
        format!("the bridge is not running (last: signal 9), since {}", at(ago(60), CLOCK))
    );
}
