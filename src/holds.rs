//! What `status` shows of a pause, of a recovery and of an update under `hold`: they are read when it is asked, since the
//! watch's last look may be a minute old. Pure.

use crate::assess::{held, verdict};
use crate::facts::Holds;
use crate::limits::Limits;
use crate::markers::Update;
use crate::snapshot::Snapshot;
use crate::time::Wall;
use crate::verdict::{Cause, Finding, Next, Problem};

/// The snapshot with what holds now in place of what held at the look. Whatever else was found then stays.
pub fn as_of(now: Wall, holds: &Holds, snapshot: &Snapshot, limits: &Limits) -> Snapshot {
    let seen = &snapshot.verdict;
    // A rung of the watch itself is shown as such.
    let recovery = holds.recovery.filter(|pid| *pid != snapshot.watch);
    let held = held(&Holds { recovery, ..holds.clone() }, None, now, limits);
    let before = seen.findings.iter().filter(|finding| is_hold(finding));
    if before.map(|finding| &finding.problem).eq(held.iter().map(|finding| &finding.problem)) {
        return snapshot.clone();
    }
    let mut findings: Vec<Finding> = seen.findings.iter().filter(|finding| !is_hold(finding)).cloned().collect();
    // The order of precedence: these come before all but what the operator stopped, what runs elsewhere and what can't
    // be seen.
    let first = |finding: &Finding| {
        matches!(
            finding.problem,
            Problem::ProcessUnseen(_)
                | Problem::OperatorStop
                | Problem::ConditionUnmet(_)
                | Problem::OutsideManager { .. }
        )
    };
    let at = findings.iter().take_while(|finding| first(finding)).count();
    findings.splice(at..at, held);
    let verdict = verdict(findings, well(snapshot, limits), seen.unknown.clone());
    let changed = (verdict.state, verdict.cause) != (seen.state, seen.cause);
    let pause = holds.pause.filter(|pause| pause.until > now);
    let since = if verdict.cause == Cause::Paused { pause.map_or(now, |pause| pause.since) } else { now };
    let mut shown = Snapshot { since: if changed { since } else { snapshot.since }, verdict, ..snapshot.clone() };
    shown.more.pause = pause;
    shown
}

/// What needs no marker file to be known.
fn is_hold(finding: &Finding) -> bool {
    matches!(
        finding.problem,
        Problem::Paused(_) | Problem::RecoveryRunning(_) | Problem::UpdateRunning(Update::Held(_))
    )
}

/// If nothing else was wrong at the look: healthy, or starting.
fn well(snapshot: &Snapshot, limits: &Limits) -> Next {
    let history = &snapshot.history;
    let connected = history.had_socket || history.said_connected == Some(true);
    match history.run.filter(|run| !connected && run.age < limits.start_grace) {
        Some(run) => Next::ConnectsUntil(run.started + limits.start_grace),
        None => Next::Watch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Identity, Pause, Process};
    use crate::history::History;
    use crate::situations::{NOW, ago, ahead, situations};
    use crate::verdict::State;

    /// Twins of R40.
    #[test]
    fn r40_what_holds_now_is_shown_whatever_the_last_look_saw() {
        let seen = |name: &str| situations().into_iter().find(|(other, _)| *other == name).unwrap().1;
        let pause = |until| Some(Pause { since: ago(5), until });
        let paused = Holds { pause: pause(ahead(3600)), ..Holds::default() };
        let over = Holds { pause: pause(ago(1)), ..Holds::default() };
        let update = Holds { update: Some("git pull".into()), ..Holds::default() };
        let other = Holds { recovery: Some(7), ..Holds::default() };
        // A situation of the watch has the pid 99.
        let own = Holds { recovery: Some(99), ..Holds::default() };
        let rows = [
            ("healthy", Holds::default(), State::Healthy, Cause::None, 180),
            ("healthy", paused.clone(), State::Waiting, Cause::Paused, 5),
            ("healthy", over.clone(), State::Healthy, Cause::None, 180),
            ("healthy", update.clone(), State::Waiting, Cause::UpdateRunning, 0),
            ("healthy", other.clone(), State::Waiting, Cause::RecoveryRunning, 0),
            ("healthy", own, State::Healthy, Cause::None, 180),
            ("log-stale", paused.clone(), State::Waiting, Cause::Paused, 5),
            ("operator-stop", paused.clone(), State::Stopped, Cause::OperatorStop, 180),
            ("unknown, nobody answers", paused, State::Unknown, Cause::Unknown, 180),
            ("update-running under hold", Holds::default(), State::Healthy, Cause::None, 0),
            ("update-running under hold", update.clone(), State::Waiting, Cause::UpdateRunning, 180),
            // What a marker file says can't be seen here.
            ("update-running, a planned restart", Holds::default(), State::Waiting, Cause::UpdateRunning, 180),
            ("recovery-running", other, State::Waiting, Cause::RecoveryRunning, 180),
            ("recovery-running", over, State::Healthy, Cause::None, 0),
        ];
        for (name, holds, state, cause, since) in rows {
            let shown = as_of(NOW, &holds, &seen(name), &Limits::REAL);
            assert_eq!((shown.verdict.state, shown.verdict.cause), (state, cause), "{name}: {holds:?}");
            assert_eq!(shown.since, ago(since), "{name}: {holds:?}");
        }
        let ends_now = Holds { pause: pause(NOW), ..Holds::default() };
        assert_eq!(as_of(NOW, &ends_now, &seen("recovery-running"), &Limits::REAL).more.pause, None);
        let both = as_of(NOW, &update, &seen("log-stale"), &Limits::REAL).verdict.findings;
        assert!(matches!(
            both[..],
            [Finding { problem: Problem::UpdateRunning(_), .. }, Finding { problem: Problem::Silent { .. }, .. }]
        ));
    }

    /// Where nothing else was wrong, it is what it was before: young and not connected so far is starting.
    #[test]
    fn r40_what_is_left_without_a_hold_is_a_start_or_a_healthy_bridge() {
        let recovery = situations().into_iter().find(|(name, _)| *name == "recovery-running").unwrap().1;
        // (age, has had a socket, what its log said, what it is)
        let rows = [
            (299, false, None, State::Starting),
            (299, false, Some(false), State::Starting),
            (300, false, None, State::Healthy),
            (299, true, None, State::Healthy),
            (299, false, Some(true), State::Healthy),
        ];
        for (age, had_socket, said_connected, state) in rows {
            let age = std::time::Duration::from_secs(age);
            let run = Some(Process { id: Identity { pid: 7, start: 1 }, started: NOW - age, age });
            let history = History { run, had_socket, said_connected, ..History::default() };
            let seen = Snapshot { history, ..recovery.clone() };
            let shown = as_of(NOW, &Holds::default(), &seen, &Limits::REAL).verdict;
            assert_eq!(shown.state, state, "{age:?}, {had_socket}, {said_connected:?}");
            let until = Next::ConnectsUntil(NOW - age + Limits::REAL.start_grace);
            assert_eq!(shown.next, if state == State::Starting { until } else { Next::Watch });
        }
    }
}
