//! Every problem, every next step, every outcome of a rung and every line of the journal, as whole texts in
//! `text_expected.txt`, for review. `BLESS=1 cargo test --lib text` writes it again.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::act::{Act, Ending, Hand, Target};
use crate::crash_groups::Group;
use crate::expected::is_as_read;
use crate::facts::{Class, Event, EventKind, Job, KeepAlive};
use crate::holders::Left;
use crate::manager::Manager;
use crate::outages::Healed;
use crate::revert::Refusal as NotReverted;
use crate::setup::chats::Chat;
use crate::setup::jobs::Job as InstalledJob;
use crate::situations::{CLOCK, NOW, ago, ahead, following, situations};
use crate::snapshot::{Done, Refusal};
use crate::verdict::{Finding, Rung};
use crate::waiting::Waiting;

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn every_text_is_as_it_was_read() {
    let mut all = String::new();
    let section = |all: &mut String, title: &str, rows: Vec<(String, String)>| {
        let _ = writeln!(all, "== {title}");
        for (name, text) in rows {
            let _ = writeln!(all, "{name}\n    {text}");
        }
        all.push('\n');
    };
    section(&mut all, "what is wrong, and what comes next", problems());
    section(&mut all, "why HEAD is left alone", innocents());
    section(&mut all, "how a rung ends", outcomes());
    section(&mut all, "the journal", journal_lines());
    section(&mut all, "the commands", commands());
    section(&mut all, "what a command waits for", waits());
    section(&mut all, "setup", setup_lines());
    section(&mut all, "why a restart by hand is refused", refusals());
    section(&mut all, "what doctor finds", doctor::tests::all_found());
    section(&mut all, "its mends", doctor::tests::all_mends());
    is_as_read("text_expected.txt", &all);
}

#[test]
fn every_cause_has_a_situation() {
    let all: Vec<Cause> = std::iter::successors(following(None), |cause| following(Some(*cause))).collect();
    let seen: Vec<Cause> = situations().iter().map(|(_, snapshot)| snapshot.verdict.cause).collect();
    let without: Vec<&Cause> = all.iter().filter(|cause| !seen.contains(cause)).collect();
    assert!(without.is_empty(), "{without:?}");
    assert_eq!(all.len(), 21);
}

/// `check --json` names states and causes by serde, everything else by these functions.
#[test]
fn a_state_and_a_cause_have_one_name() {
    let json = |value: serde_json::Value| value.as_str().map(str::to_owned).unwrap_or_default();
    for cause in std::iter::successors(following(None), |cause| following(Some(*cause))) {
        assert_eq!(cause_name(cause), json(serde_json::json!(cause)));
    }
    for (_, snapshot) in situations() {
        let state = snapshot.verdict.state;
        assert_eq!(state_name(state), json(serde_json::json!(state)));
    }
}

fn problems() -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for (name, snapshot) in situations().into_iter().filter(|(_, snapshot)| snapshot.rung.is_none()) {
        let verdict = &snapshot.verdict;
        let issues = issues(verdict, CLOCK).join(" ");
        let next = next(verdict.next, CLOCK);
        rows.push((name.to_owned(), format!("{}. {issues} Next: {next}.", headline(verdict)).replace(".  ", ". ")));
    }
    rows
}

fn innocents() -> Vec<(String, String)> {
    let all = [
        Innocent::FewCrashes(0),
        Innocent::FewCrashes(2),
        Innocent::Old(Duration::from_hours(5)),
        Innocent::Undated,
        Innocent::Unseen,
        Innocent::OwnRevert,
        Innocent::Undone,
        Innocent::NoParent,
        Innocent::Merge,
        Innocent::ParentToo,
        Innocent::HarmlessFiles,
        Innocent::FilesUnknown,
    ];
    all.iter()
        .map(|innocent| (format!("{innocent:?}"), format!("HEAD is not reverted: {}.", innocence(innocent))))
        .collect()
}

fn outcomes() -> Vec<(String, String)> {
    use Failure as F;
    use StandDown as S;
    let failed = |failure| Outcome::Failed(failure);
    let all = [
        Outcome::Cured(Cure::Up { pid: 4312, after: Duration::from_secs(12) }),
        Outcome::Cured(Cure::CopiesEnded(1)),
        Outcome::Cured(Cure::CopiesEnded(2)),
        Outcome::Cured(Cure::HeadChanged { change: reverted(Some("main")), up: Some(4312) }),
        Outcome::Cured(Cure::HeadChanged { change: reverted(None), up: None }),
        Outcome::Cured(Cure::HeadChanged { change: undone(false), up: Some(4312) }),
        Outcome::Cured(Cure::HeadChanged { change: undone(true), up: Some(4312) }),
        failed(F::AfterChange(reverted(Some("main")), Box::new(failed(F::DidNotStayUp { pid: 4312 })))),
        failed(F::Git(NotReverted::Merge { commit: "0123456789abcdef".into() })),
        Outcome::Cured(Cure::SessionFree { ended: 0 }),
        Outcome::Cured(Cure::SessionFree { ended: 1 }),
        Outcome::Cured(Cure::SessionFree { ended: 2 }),
        failed(F::NothingTried),
        failed(F::NoProcess { within: Duration::from_secs(90) }),
        failed(F::DidNotStayUp { pid: 4312 }),
        failed(F::StillWrong(Cause::LogStale)),
        failed(F::StillWrong(Cause::Disconnected)),
        failed(F::StillWrong(Cause::ProcessDead)),
        failed(F::CopiesLeft(1)),
        failed(F::CopiesLeft(3)),
        failed(F::DoesNotEnd { pid: 4312 }),
        failed(F::HolderLeft { pid: 7, why: Left::OtherUser }),
        failed(F::HolderLeft { pid: 7, why: Left::OtherBridge }),
        failed(F::HolderLeft { pid: 7, why: Left::Kept }),
        failed(F::HolderLeft { pid: 7, why: Left::Unseen }),
        failed(F::StaysLocked),
        failed(F::NobodyHolds),
        failed(F::SessionCorrupt("Tree 2 page 2: btreeInitPage() returns error code 11".into())),
        failed(F::Refused("launchctl kickstart ended with 113: Could not find service".into())),
        failed(F::EveryRung(Box::new(Outcome::Failed(F::NobodyHolds)))),
        Outcome::StoodDown(S::OperatorStop),
        Outcome::StoodDown(S::ManagerUnseen),
        Outcome::StoodDown(S::JobTakenAway),
        Outcome::StoodDown(S::GoneByItself { pid: 4312 }),
        Outcome::StoodDown(S::BridgeWorks { pid: 4312 }),
        Outcome::StoodDown(S::TooYoung { pid: 4312 }),
        Outcome::StoodDown(S::CauseGone(None)),
        Outcome::StoodDown(S::CauseGone(Some(Problem::FloodWait { until: ahead(600) }))),
        Outcome::StoodDown(S::Interrupted),
        Outcome::Busy(7),
        Outcome::Busy(0),
    ];
    all.iter().map(|how| (format!("{how:?}"), outcome(how, CLOCK))).collect()
}

fn reverted(branch: Option<&str>) -> Change {
    Change::Reverted {
        commit: "3f2a1b9c0d".into(),
        summary: "Make it faster".into(),
        branch: branch.map(str::to_owned),
    }
}

fn undone(pushed: bool) -> Change {
    Change::Undone { head: "3f2a1b9c0d".into(), summary: "Make it faster".into(), pushed }
}

fn journal_lines() -> Vec<(String, String)> {
    let hangs = Finding {
        problem: Problem::Silent { since: ago(400), from_start: false },
        rung: Some(Rung::EndStale),
        next: Next::EndAndStart,
        tell: false,
        anew: None,
    };
    let because = Reason::Finding(hangs);
    let acts = [
        (Act::Restart { pid: 4312 }, Reason::ByHand(Hand::Restart)),
        (Act::Revert, because.clone()),
        (Act::UndoRevert, Reason::ByHand(Hand::UndoRevert)),
        (Act::CleanSession, Reason::ByHand(Hand::CleanLocks)),
        (Act::Signal { signal: Ending::Ask, whom: Target::Holder, pid: 7, age: MINUTE * 9 }, because.clone()),
        (Act::Start, because.clone()),
        (Act::Signal { signal: Ending::Ask, whom: Target::Bridge, pid: 4312, age: MINUTE * 9 }, because.clone()),
        (
            Act::Signal { signal: Ending::Kill { after: MINUTE / 3 }, whom: Target::Copy, pid: 7, age: MINUTE * 9 },
            because,
        ),
    ];
    let mut rows: Vec<(String, String)> = acts
        .iter()
        .map(|(what, reason)| (format!("{what:?}"), act(what, "com.valor.bridge", "launchd", reason, CLOCK)))
        .collect();
    let cured = || Outcome::Cured(Cure::Up { pid: 4312, after: Duration::from_secs(12) });
    let done = [
        Done::Started { pid: Some(4312) },
        Done::Crashed { pid: None, reason: "exit 1".into() },
        Done::Rung(Rung::EndStale, cured()),
        Done::Told { first: true },
        Done::Told { first: false },
        Done::ByHand(Hand::Restart, cured()),
        Done::ByHand(Hand::CleanLocks, Outcome::Cured(Cure::SessionFree { ended: 1 })),
        Done::Paused(ahead(3600)),
        Done::Resumed,
        Done::Failed("data/auto-revert-enabled can't be written: denied".into()),
    ];
    rows.extend(done.iter().map(|done| (format!("{done:?}"), self::done(done, CLOCK))));
    let event = Event {
        at: NOW,
        kind: EventKind::Crash,
        commit: "1a2b3c4d".into(),
        commit_age: None,
        reason: "signal 9".into(),
        error: None,
        class: Class::Code,
        pid: Some(4312),
        ours: true,
    };
    let (_, dead) = situations().into_iter().find(|(name, _)| *name == "process-dead, never ran").unwrap();
    let others = [
        watch_begins(Path::new("/Users/me/src/ai"), "com.valor.bridge", "launchd"),
        event_seen(&event),
        process_gone(4312),
        state_line(&dead.verdict, CLOCK),
        rung_by_hand(Rung::Restart, &cured(), CLOCK),
        waits_for_work(2, MINUTE * 5),
        auto_revert_switched(true).into(),
        start_at_login_switched(false).into(),
        WATCH_ENDS.into(),
    ];
    rows.extend(others.into_iter().map(|line| (String::from("-"), line)));
    rows
}

fn setup_lines() -> Vec<(String, String)> {
    let (file, person) = (Path::new("/Users/me/config.toml"), Chat { id: 7, private: true, name: "Ann".into() });
    let bridge = InstalledJob {
        manager: Manager::Launchd,
        label: "com.valor.bridge".into(),
        program: vec![".venv/bin/python".into(), "my \"bridge\".py".into(), String::new()],
        folder: None,
        log: None,
        error_log: None,
        checkout: Some("/Users/me/src/ai".into()),
        ours: false,
    };
    let group = Chat { id: -100, private: false, name: "Friends".into() };
    let lines = [
        setup::there(file),
        setup::no_toml(file),
        setup::found(&setup::job(&bridge)),
        setup::missing(&[setup::which_label(&[bridge.clone(), bridge.clone()]), "--yes".into()]),
        setup::HOW_TO_MAKE_A_BOT.into(),
        setup::this_is("my_bot"),
        setup::write_to("my_bot"),
        setup::nobody_wrote("my_bot"),
        setup::group(&group, "my_bot"),
        setup::is_that_you(&person),
        setup::keep_chat(7),
        setup::arrived(9),
        setup::untested("Telegram can't be reached", false),
        setup::untested("Telegram refused (401): Unauthorized", true),
        setup::unasked("not connected"),
        setup::interrupted(false).into(),
        setup::interrupted(true).into(),
        setup::write_it(file),
        setup::wrote(file),
    ];
    lines.into_iter().map(|line| ("setup".to_owned(), line)).collect()
}

fn commands() -> Vec<(String, String)> {
    let root = Path::new("/Users/me/src/ai");
    let job = |installed, loaded| Job {
        installed,
        loaded,
        stopped_by_operator: true,
        unmet: None,
        file: None,
        unit: None,
        starting_since: None,
        pid: None,
        runs: None,
        run: None,
        last_exit: Exit::Never,
        throttle: MINUTE,
        exit_timeout: MINUTE,
        keep_alive: KeepAlive::Always,
        held_back: None,
        stopping: false,
        gave_up: false,
        active_without_process: false,
    };
    let situation = |wanted: &str| situations().into_iter().find(|(name, _)| *name == wanted).unwrap().1;
    let hangs = situation("log-stale");
    let flood = situation("flood-wait");
    let first = hangs.verdict.first().unwrap();
    let agent = |installed, loaded| command::OurAgent {
        file: "/Users/me/Library/LaunchAgents/com.valor.bridge-watchdog.plist".into(),
        installed,
        loaded,
        program: Some("/Applications/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog-tray".into()),
        version: Some("0.1.0".into()),
        running_version: Some("0.1.0".into()),
    };
    let group = Group { events: 0..1, from: ago(7200), to: Some(ago(6960)), crashes: 1, starts: 1 };
    let groups = [Group { crashes: 3, starts: 2, ..group.clone() }, Group { to: None, ..group.clone() }, group];
    let label = "com.valor.bridge";
    let lines = [
        command::watching(root, None, false),
        command::watching(root, Some(99), false),
        command::watching(root, Some(99), true),
        command::watched_already(root, 99),
        command::watched_already(root, 0),
        command::service(label, &Ok(job(true, true))),
        command::service(label, &Ok(job(true, false))),
        command::service(label, &Ok(job(false, false))),
        command::service(label, &Err("launchctl print did not answer within 5 s".into())),
        command::seen(&hangs, true, CLOCK).join(" | "),
        command::seen(&hangs, false, CLOCK).join(" | "),
        command::agent(&agent(false, Ok(false))),
        command::agent(&agent(true, Ok(true))),
        command::agent(&command::OurAgent { running_version: Some("0.0.9".into()), ..agent(true, Ok(false)) }),
        command::agent(&agent(true, Err("launchctl is missing".into()))),
        command::alerts(Some(179_144_806), root),
        command::alerts(None, root),
        command::outages(&groups.each_ref().map(|group| group.outage(&[])), CLOCK).join(" | "),
        command::outage(&groups[0], None, CLOCK),
        command::outage(&groups[0], Some(Healed::HeadReverted), CLOCK),
        command::outage(&groups[1], None, CLOCK),
        command::install_stopped(true).into(),
        command::install_stopped(false).into(),
        command::uninstall_without("config.toml: there is no configuration"),
        command::EXAMPLE.into(),
        command::would_restart(label, "launchd", &job(true, true), None),
        command::would_restart(label, "launchd", &Job { stopped_by_operator: false, ..job(true, true) }, None),
        command::would_restart(label, "launchd", &job(true, true), hangs.history.run),
        command::nothing_was_done("launchctl is missing"),
        command::nothing_to_heal(&flood.verdict, CLOCK),
        command::nothing_to_heal(&situation("unknown, nobody answers").verdict, CLOCK),
        command::nothing_to_heal(&situation("healthy").verdict, CLOCK),
        command::would_begin(first, CLOCK),
        command::rung(Rung::EndStale, &Outcome::Cured(Cure::CopiesEnded(1)), CLOCK),
        command::paused(ahead(3600), CLOCK),
        command::RESUMED.into(),
        command::events(3, 2),
    ];
    lines.into_iter().map(|line| (String::from("-"), line)).collect()
}

fn waits() -> Vec<(String, String)> {
    let within = MINUTE;
    let all = [
        Waiting::Look,
        Waiting::Manager,
        Waiting::Process { within },
        Waiting::Uptime { pid: 7, least: within },
        Waiting::Works { pid: 7, cause: Cause::LogStale },
        Waiting::Works { pid: 7, cause: Cause::Disconnected },
        Waiting::Works { pid: 7, cause: Cause::None },
        Waiting::Exit { pid: 7, within },
        Waiting::Killed { pid: 7 },
        Waiting::Work { tasks: 2, within },
        Waiting::Holder { pid: 8, age: within },
        Waiting::Session,
        Waiting::Git,
        Waiting::NextRung { rung: Rung::EndStale, within },
        Waiting::Watch { within },
        Waiting::Stop,
        Waiting::Telegram { within },
        Waiting::Message { bot: "x_bot".into(), within },
    ];
    let what = |wait: &Waiting| progress::live(MINUTE, &progress::what(wait, "com.valor.bridge", "launchd"));
    all.iter().map(|wait| (format!("{wait:?}"), what(wait))).collect()
}

fn refusals() -> Vec<(String, String)> {
    let all = [
        Refusal::Recovering,
        Refusal::RecoveredElsewhere,
        Refusal::ManagerUnseen,
        Refusal::UpdateRunning,
        Refusal::OperatorStop,
        Refusal::NoService,
    ];
    all.iter().map(|refusal| (format!("{refusal:?}"), menu::refusal(*refusal).to_owned())).collect()
}
