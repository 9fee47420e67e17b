//! The times when the bridge was not well: what it was, how long it lasted, what healed it. For the menu and for
//! `status`. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::act::Hand;
use crate::facts::{Event, EventKind};
use crate::outcome::{Cure, Outcome};
use crate::plan::Incident;
use crate::time::{Clock, Wall};
use crate::verdict::{Cause, Rung};

/// As many are kept, and as many rows has the menu for them.
pub const KEPT: usize = 10;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    pub began: Wall,
    /// `None` while it lasts.
    pub ended: Option<Wall>,
    pub what: What,
    /// What came after it before all had been well for long enough.
    #[serde(default)]
    pub then: Vec<Cause>,
    pub healed: Healed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum What {
    Cause(Cause),
    /// It crashed: how it ended.
    Crash(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Healed {
    /// Nothing was done for it that is known to have helped.
    ByItself,
    /// Its service manager started it again.
    ByManager,
    Started,
    /// It was ended, then started.
    Restarted,
    CopyEnded,
    SessionFreed,
    HeadReverted,
    /// A person did this meanwhile.
    ByHand(Hand),
}

impl Outage {
    /// How long it lasted, or has lasted so far.
    pub fn lasted(&self, now: Wall) -> Duration {
        self.ended.unwrap_or(now).since(self.began)
    }

    /// Whether the bridge did not work all the while.
    pub fn was_down(&self) -> bool {
        !matches!(self.what, What::Cause(Cause::Duplicate | Cause::Offline | Cause::FloodWait | Cause::Unknown))
    }
}

/// What an incident comes to, as of now. It is over, for a person, when all was well again and not only after the time
/// that makes sure of it.
pub fn of(incident: &Incident, now: Clock) -> Outage {
    let ended = incident.well_since.map(|since| now.wall_of(since).or_later(incident.began));
    let others = incident.chains.iter().map(|chain| chain.cause).filter(|cause| *cause != incident.cause);
    Outage {
        began: incident.began,
        ended,
        what: What::Cause(incident.cause),
        then: others.collect(),
        healed: healed(incident),
    }
}

/// Those that are kept, with one more.
pub fn keep(kept: &mut Vec<Outage>, outage: Outage) {
    kept.push(outage);
    kept.drain(..kept.len().saturating_sub(KEPT));
}

/// What is shown, oldest first: what is kept, the incident that is open, and the crashes that no incident has, since the
/// manager answered them before we looked.
pub fn shown(kept: &[Outage], open: Option<&Outage>, events: &[Event]) -> Vec<Outage> {
    let mut all: Vec<Outage> = kept.iter().chain(open).cloned().collect();
    let incidents = all.len();
    for (nth, crash) in events.iter().enumerate().filter(|(_, event)| event.kind == EventKind::Crash) {
        if let Some(incident) = all[..incidents].iter_mut().find(|incident| covers(incident, crash.at)) {
            // How it died says more than that it was dead.
            match incident.what {
                What::Cause(Cause::ProcessDead) => incident.what = What::Crash(crash.reason.clone()),
                // Its manager answered, so no rung tells of it.
                What::Cause(cause) if cause.is_hang() && !incident.then.contains(&Cause::ProcessDead) => {
                    incident.then.push(Cause::ProcessDead);
                }
                _ => {}
            }
            continue;
        }
        let start = events[nth + 1..].iter().find(|event| event.kind == EventKind::Start);
        // Without a start it is down now, and then an incident has it.
        if let Some(start) = start {
            all.push(Outage {
                began: crash.at,
                ended: Some(start.at.or_later(crash.at)),
                what: What::Crash(crash.reason.clone()),
                then: Vec::new(),
                healed: Healed::ByManager,
            });
        }
    }
    all.sort_by(|a, b| a.began.0.total_cmp(&b.began.0));
    all.drain(..all.len().saturating_sub(KEPT));
    all
}

/// Whether the crash belongs to this incident: it is written down at the look that opens the incident, and the incident may
/// have begun with the silence before it.
fn covers(incident: &Outage, crash: Wall) -> bool {
    /// The two are stamped within one look.
    const ONE_LOOK: Duration = Duration::from_secs(10);
    /// The look that finds all well again has one time; what comes after it is another outage, however soon.
    const SAME: Duration = Duration::from_millis(100);
    crash >= incident.began - ONE_LOOK && incident.ended.is_none_or(|ended| crash <= ended + SAME)
}

fn healed(incident: &Incident) -> Healed {
    if let Some(hand) = incident.by_hand {
        return Healed::ByHand(hand);
    }
    let cured = incident.acts.iter().rev().find_map(|acted| match &acted.outcome {
        Some(Outcome::Cured(cure)) => Some((acted.rung, cure)),
        _ => None,
    });
    match cured {
        Some((_, Cure::HeadChanged { .. }) | (Rung::Revert, _)) => Healed::HeadReverted,
        Some((_, Cure::CopiesEnded(_))) => Healed::CopyEnded,
        Some((_, Cure::SessionFree { .. }) | (Rung::FreeSession, _)) => Healed::SessionFreed,
        Some((Rung::EndStale, _)) => Healed::Restarted,
        Some((_, Cure::Up { .. })) => Healed::Started,
        None if incident.cause == Cause::ProcessDead => Healed::ByManager,
        None => Healed::ByItself,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Class;
    use crate::outcome::Failure;
    use crate::plan::{self, Acted};
    use crate::situations::{CLOCK, NOW, ago};
    use crate::verdict::Problem;

    fn event(kind: EventKind, seconds_ago: u64) -> Event {
        Event { class: Class::Killed, ..Event::on(None, ago(seconds_ago), kind, "signal 9".into()) }
    }

    fn incident(problem: &Problem, acts: &[(Rung, Outcome)]) -> Incident {
        let act = |(rung, outcome): &(Rung, Outcome)| Acted { at: NOW, rung: *rung, outcome: Some(outcome.clone()) };
        Incident { acts: acts.iter().map(act).collect(), ..plan::open(problem, ago(300)) }
    }

    #[test]
    fn an_outage_lasts_until_all_is_well_and_says_what_healed_it() {
        let up = || Outcome::Cured(Cure::Up { pid: 7, after: Duration::from_secs(1) });
        let failed = || Outcome::Failed(Failure::NothingTried);
        let hang = Problem::Silent { since: ago(600), from_start: false };
        let dead = Problem::NotLoaded;
        let rows = [
            (incident(&hang, &[(Rung::EndStale, up())]), Healed::Restarted),
            (incident(&dead, &[(Rung::Restart, up())]), Healed::Started),
            (incident(&dead, &[(Rung::Restart, failed()), (Rung::FreeSession, up())]), Healed::SessionFreed),
            (incident(&dead, &[(Rung::EndStale, Outcome::Cured(Cure::CopiesEnded(1)))]), Healed::CopyEnded),
            (incident(&dead, &[(Rung::Restart, failed())]), Healed::ByItself),
            (incident(&dead, &[]), Healed::ByItself),
            (
                Incident { by_hand: Some(Hand::Restart), ..incident(&dead, &[(Rung::Restart, failed())]) },
                Healed::ByHand(Hand::Restart),
            ),
        ];
        for (incident, healed) in rows {
            assert_eq!(of(&incident, CLOCK).healed, healed, "{incident:?}");
        }
        let open = of(&incident(&hang, &[]), CLOCK);
        assert_eq!((open.began, open.ended, open.lasted(NOW)), (ago(600), None, Duration::from_mins(10)));
        let well = Incident { well_since: Some(CLOCK.mono_of(ago(60))), ..incident(&hang, &[]) };
        assert_eq!(of(&well, CLOCK).lasted(NOW), Duration::from_mins(9));
        let mut relapsed = incident(&hang, &[]);
        plan::tried(&mut relapsed, Cause::LogStale, Rung::EndStale, true, CLOCK.mono);
        plan::tried(&mut relapsed, Cause::ProcessDead, Rung::Restart, true, CLOCK.mono);
        assert_eq!(of(&relapsed, CLOCK).then, [Cause::ProcessDead]);
    }

    #[test]
    fn a_crash_that_no_incident_has_is_shown_with_the_start_that_followed() {
        use EventKind::{Crash, Start};
        let events = [event(Start, 900), event(Crash, 600), event(Start, 599), event(Crash, 200), event(Start, 190)];
        let hang = of(&incident(&Problem::Silent { since: ago(210), from_start: false }, &[]), CLOCK);
        let over = Outage { ended: Some(ago(190)), ..hang.clone() };
        let causes = |outages: Vec<Outage>| outages.into_iter().map(|outage| outage.what).collect::<Vec<_>>();
        let crash = || What::Crash("signal 9".into());
        let silence = || What::Cause(Cause::LogStale);
        assert_eq!(causes(shown(&[], None, &events)), [crash(), crash()]);
        assert_eq!(causes(shown(&[over], None, &events)), [crash(), silence()]);
        assert_eq!(causes(shown(&[], Some(&hang), &events)), [crash(), silence()]);
        let relapsed = Outage { ended: Some(ago(190)), ..hang.clone() };
        assert_eq!(shown(&[relapsed], None, &events)[1].then, [Cause::ProcessDead], "before all was well for long");
        let cured = Outage {
            ended: Some(ago(201)),
            ..of(&incident(&Problem::Silent { since: ago(210), from_start: false }, &[]), CLOCK)
        };
        assert_eq!(causes(shown(&[cured], None, &events)), [crash(), silence(), crash()], "soon after its cure");
        let dead = of(&incident(&Problem::ActiveWithoutProcess, &[]), CLOCK);
        let dead = Outage { what: What::Cause(Cause::ProcessDead), began: ago(205), ..dead };
        assert_eq!(causes(shown(&[dead], None, &events)), [crash(), crash()]);
        assert_eq!(shown(&[], None, &events)[0].lasted(NOW), Duration::from_secs(1));
        // It is down now.
        assert_eq!(shown(&[], None, &events[3..4]), []);
        let many: Vec<Outage> = (0..KEPT + 3).map(|_| of(&incident(&Problem::NotLoaded, &[]), CLOCK)).collect();
        assert_eq!(shown(&many, None, &[]).len(), KEPT);
    }
}
