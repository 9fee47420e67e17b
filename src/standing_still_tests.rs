//! Standing still for as long as it is right, and not a minute longer: a bridge that is down, and one that hangs, watched
//! for hours in each state that says so. The clock is a fact, so hours cost nothing.

use super::*;
use crate::exit_code;
use crate::plan::{self, Incident, Plan};
use crate::situations::{CLOCK, following, situations};
use crate::text;

const HOURS: u32 = 8;
/// After a flood wait or a login its silence counts only from 300 s on, and two looks have to see it.
const SOON: u32 = 6;

/// A watch of simulated time, a look a minute.
struct Hours {
    case: Case,
    incident: Option<Incident>,
    minute: u32,
}

impl Hours {
    fn down() -> Hours {
        let mut case = well();
        case.down(3600.0, 5.0);
        Hours { case, incident: None, minute: 0 }
    }

    /// Nothing is written, nothing moves, and it uses no CPU time.
    fn silent() -> Hours {
        let mut case = well();
        case.silent(400.0);
        Hours { case, incident: None, minute: 0 }
    }

    /// A look a minute later; how far the plan then climbs.
    fn minute(&mut self) -> (Verdict, Option<Rung>) {
        self.minute += 1;
        let gone = s(60.0 * f64::from(self.minute));
        let case = &mut self.case;
        case.facts.clock = Clock { wall: NOW.wall + gone, mono: NOW.mono + gone, zone: 0 };
        if let Fact::Known(Some(running)) = &mut case.facts.process {
            *running = Process { age: s(3600.0) + gone, ..*running };
            case.facts.bridge = Fact::Known(Some(*running));
        }
        let (history, events) = advance(&case.history, &case.facts, &[], LIMITS);
        assert_eq!(events, [], "minute {}", self.minute);
        case.history = history;
        let verdict = assess(&case.facts, &case.history, LIMITS);
        self.incident = plan::follow(self.incident.take(), &verdict, case.facts.clock, LIMITS).0;
        let rung = match plan::plan(self.incident.as_ref(), &verdict, case.facts.clock.mono, LIMITS) {
            Plan::Climb(_, rung) => Some(rung),
            Plan::Nothing | Plan::Later(_) => None,
        };
        (verdict, rung)
    }

    fn now(&self) -> Wall {
        NOW.wall + s(60.0 * f64::from(self.minute))
    }
}

/// A state that says "stand still": how it begins and how it ends.
struct Still {
    name: &'static str,
    verdict: (State, Cause),
    /// Whether a person is told of it.
    told: bool,
    /// For how long it holds by itself, in minutes; `None`: until `end`.
    lasts: Option<u32>,
    begin: fn(&mut Case),
    end: fn(&mut Case),
}

fn ahead(minutes: u32) -> Wall {
    NOW.wall + s(60.0 * f64::from(minutes))
}

/// So long that the last look at which it holds is this minute's.
fn until(minutes: u32) -> Wall {
    ahead(minutes) + s(30.0)
}

fn all() -> Vec<Still> {
    let waiting = |cause| (State::Waiting, cause);
    let by = |name, verdict, begin, end| Still { name, verdict, told: false, lasts: None, begin, end };
    let hours = HOURS * 60;
    vec![
        Still {
            lasts: Some(hours),
            ..by(
                "flood wait, by the bridge's marker",
                waiting(Cause::FloodWait),
                |c| c.markers().flood = Some(Flood { expiry: until(HOURS * 60), written: NOW.wall }),
                |_| {},
            )
        },
        Still {
            lasts: Some(hours),
            ..by(
                "flood wait, by its log",
                waiting(Cause::FloodWait),
                |c| c.history.flood_until = Some(until(HOURS * 60)),
                |_| {},
            )
        },
        Still {
            told: true,
            ..by(
                "login",
                waiting(Cause::AuthRequired),
                |c| c.markers().auth_required = Some(NOW.wall),
                |c| c.markers().last_connected = Some(c.facts.clock.wall),
            )
        },
        by(
            "an update under hold",
            waiting(Cause::UpdateRunning),
            |c| c.facts.holds.update = Some("git pull".into()),
            |c| c.facts.holds.update = None,
        ),
        Still {
            lasts: Some(9),
            ..by(
                "an update by its lock, which is void after 600 s",
                waiting(Cause::UpdateRunning),
                |c| c.markers().update_lock = Some(UpdateLock { pid: 7, alive: true, since: NOW.wall }),
                |_| {},
            )
        },
        Still {
            lasts: Some(6),
            ..by(
                "a planned restart, which is void after 360 s",
                waiting(Cause::UpdateRunning),
                |c| c.markers().update_restart = Some(NOW.wall),
                |_| {},
            )
        },
        Still {
            lasts: Some(hours),
            ..by(
                "a pause",
                waiting(Cause::Paused),
                |c| c.facts.holds.pause = Some(Pause { since: NOW.wall, until: until(HOURS * 60) }),
                |_| {},
            )
        },
        by(
            "offline",
            waiting(Cause::Offline),
            |c| {
                c.facts.network = Some(Fact::Known(false));
                c.facts.life = Fact::Known(Life::default());
            },
            |c| c.facts.network = Some(Fact::Known(true)),
        ),
        by(
            "another recovery",
            waiting(Cause::RecoveryRunning),
            |c| c.facts.holds.recovery = Some(7),
            |c| c.facts.holds.recovery = None,
        ),
        Still {
            told: true,
            ..by(
                "a full disk",
                waiting(Cause::DiskFull),
                |c| c.facts.disk = Fact::Known(Disk { free: 0, free_share: 0.0, free_inodes: None }),
                |c| c.facts.disk = Fact::Known(Disk { free: 1 << 40, free_share: 0.5, free_inodes: None }),
            )
        },
    ]
}

fn disabled() -> Still {
    Still {
        name: "disabled by its operator",
        verdict: (State::Stopped, Cause::OperatorStop),
        told: false,
        lasts: None,
        begin: |c| c.job().stopped_by_operator = true,
        end: |c| c.job().stopped_by_operator = false,
    }
}

/// Nothing is done for as long as it holds; as soon as it is over the cure begins, with this rung.
fn stands_still(still: &Still, mut hours: Hours, cure: Rung) {
    let name = still.name;
    (still.begin)(&mut hours.case);
    for _ in 0..still.lasts.unwrap_or(HOURS * 60) {
        let (verdict, rung) = hours.minute();
        let minute = hours.minute;
        assert_eq!((verdict.state, verdict.cause), still.verdict, "{name}, minute {minute}");
        assert_eq!(rung, None, "{name}, minute {minute}");
        assert_eq!(exit_code::of(verdict.state), 4);
        assert!(!text::next(verdict.next, hours.case.facts.clock).is_empty());
    }
    if let Next::FloodEnds(until) | Next::PauseEnds(until) = assess(&hours.case.facts, &hours.case.history, LIMITS).next
    {
        assert!(until > hours.now() && until <= hours.now() + s(60.0), "{name}: it ends when it says so");
    }
    // A person who was told opened an incident; who was not is told of nothing, also not that it is over.
    assert_eq!(hours.incident.is_some(), still.told || name == "offline", "{name}");
    (still.end)(&mut hours.case);
    let mut rungs = (0..SOON).map(|_| hours.minute().1);
    assert_eq!(rungs.find_map(|rung| rung), Some(cure), "{name}: what comes after it");
}

#[test]
fn no_signal_and_no_service_call_over_hours_for_a_bridge_that_is_down() {
    for still in all().iter().chain([&disabled()]) {
        stands_still(still, Hours::down(), Rung::Restart);
    }
}

#[test]
fn no_signal_and_no_service_call_over_hours_for_a_bridge_that_hangs() {
    for still in all() {
        stands_still(&still, Hours::silent(), Rung::EndStale);
    }
}

/// It could not be started again, so it is not ended either: a person is told, and nothing else.
#[test]
fn a_bridge_that_hangs_and_is_disabled_is_told_and_left_alone() {
    let mut hours = Hours::silent();
    (disabled().begin)(&mut hours.case);
    let mut told = 0;
    for _ in 0..HOURS * 60 {
        let (verdict, rung) = hours.minute();
        assert!(rung.is_none_or(|rung| rung == Rung::Tell), "minute {}: {rung:?}", hours.minute);
        if rung == Some(Rung::Tell) {
            told += 1;
            let incident = hours.incident.as_mut().expect("it is sick");
            plan::tried(incident, verdict.cause, Rung::Tell, false, hours.case.facts.clock.mono);
        }
    }
    assert_eq!(told, HOURS * 2, "every 30 min; the policy tells a person once");
}

/// The bridge goes down in the middle, and its manager tries again and again: nothing of that counts, for an update and a
/// pause.
#[test]
fn what_ends_while_an_update_or_a_pause_holds_is_no_crash() {
    let planned: [(&str, fn(&mut Case), bool); 6] = [
        ("nothing", |_| {}, false),
        ("hold", |c| c.facts.holds.update = Some("git pull".into()), true),
        ("a hold that is over", |c| c.facts.holds.update_over = true, true),
        ("a planned restart", |c| c.markers().update_restart = Some(NOW.wall), true),
        (
            "an update's lock",
            |c| c.markers().update_lock = Some(UpdateLock { pid: 7, alive: true, since: NOW.wall }),
            true,
        ),
        ("a pause", |c| c.facts.holds.pause = Some(Pause { since: NOW.wall, until: ahead(1) }), true),
    ];
    for (name, begin, harmless) in planned {
        let mut case = well();
        begin(&mut case);
        case.facts.process = Fact::Known(None);
        (case.job().pid, case.job().runs, case.job().last_exit) = (None, Some(11), Exit::Signal(9));
        let (_, events) = advance(&case.history, &case.facts, &[], LIMITS);
        assert_eq!(events.len(), if harmless { 0 } else { 5 }, "{name}");
        // Under a shell, which the manager does not see.
        let mut case = well();
        begin(&mut case);
        let below = Process { id: Identity { pid: 4313, start: 2 }, ..process(100.0) };
        case.facts.bridge = Fact::Known(Some(below));
        let (seen, _) = advance(&case.history, &case.facts, &[], LIMITS);
        case.facts.bridge = Fact::Known(None);
        let (gone, _) = advance(&seen, &case.facts, &[], LIMITS);
        assert_eq!(gone.inside.ends(NOW.mono, LIMITS.crash_window), usize::from(!harmless), "{name}");
    }
}

/// Each of them says why, and what ends it: a time, an event that is seen, or a person, who then has something to do.
#[test]
fn every_state_that_stands_still_has_a_reason_and_an_end_or_a_person_and_exit_code_4() {
    let mut causes = Vec::new();
    for (name, seen) in situations() {
        let Some(first) = seen.verdict.first() else { continue };
        if !matches!(first.problem.state(), State::Waiting | State::Stopped) {
            continue;
        }
        let ends = match first.next {
            Next::Person(_)
            | Next::OperatorStarts
            | Next::ConditionMet
            | Next::RecoveryEnds
            | Next::UpdateEnds
            | Next::NetworkBack => true,
            Next::PauseEnds(until) | Next::FloodEnds(until) => until > CLOCK.wall,
            _ => false,
        };
        assert!(ends, "{name}: {:?}", first.next);
        assert_eq!(exit_code::of(seen.verdict.state), 4, "{name}");
        assert_eq!(first.rung, None, "{name}");
        let issue = text::issue(&first.problem, CLOCK);
        assert!(issue.len() > 10 && issue.ends_with('.'), "{name}: {issue}");
        causes.push(first.problem.cause());
    }
    let mut cause = None;
    while let Some(next) = following(cause) {
        let stands = matches!(
            next,
            Cause::Offline
                | Cause::FloodWait
                | Cause::AuthRequired
                | Cause::UpdateRunning
                | Cause::RecoveryRunning
                | Cause::Paused
                | Cause::OperatorStop
                | Cause::OutsideManager
                | Cause::DiskFull
                | Cause::ConfigError
        );
        assert_eq!(causes.contains(&next), stands, "{next:?}");
        cause = Some(next);
    }
}
