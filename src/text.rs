//! Values to sentences: for the command line, the menu, the journal and the message, so that the same fact reads the same
//! everywhere. Pure. No code looks into the result.
//!
//! A problem has a phrase ("the bridge is not running"), used for the menu's row and as the reason of an act, and
//! details, which follow it in a sentence.

pub mod check;
pub mod command;
pub mod diagnostics;
pub mod dialogs;
pub mod doctor;
pub mod journal;
pub mod mend;
pub mod menu;
pub mod message;
pub mod outages;
pub mod place;
pub mod progress;
pub mod revert;
pub mod setup;
pub mod time;

use std::path::Path;

pub use self::journal::{
    WATCH_ENDS, act, alert, auto_revert_switched, done, event_seen, process_gone, rung_by_hand,
    start_at_login_switched, state_line, waits_for_work, watch_begins,
};
pub use self::revert::{finished, refusal as why_not_reverted};
use self::time::{at, lasting};
use crate::act::{Hand, Reason};
use crate::facts::{Condition, Exit, Halt, Keeper, Lookalike, MissingProgram, Unmet, short_id};
use crate::foreign_text::{Lines, harmless};
use crate::holders::Left;
use crate::markers::Update;
use crate::outcome::{Change, Cure, Failure, Outcome, StandDown};
use crate::signs::{Dying, Living};
use crate::time::{Clock, Mono};
use crate::verdict::{Cause, Head, Help, Innocent, Next, Problem, State, UnknownFact, Verdict};

/// Text that we did not write, within a sentence: one line, and nothing in it that a terminal obeys, that turns the
/// direction of writing or that nobody sees. Piece by piece and not for the whole sentence, since a sequence that begins
/// in one piece and ends in the next would take our words between them along. Secrets are removed after it, where the
/// sentence leaves the program: one that a sequence splits is whole again only then.
pub fn foreign(text: &str) -> String {
    harmless(text, Lines::Join)
}

/// How a run ended; a manager may say it in words of its own.
fn exit(exit: &Exit) -> String {
    foreign(&exit.to_string())
}

/// The first line that a person reads: `unhealthy: process-dead`, `healthy`.
pub fn headline(verdict: &Verdict) -> String {
    match verdict.cause {
        Cause::None => state_name(verdict.state).into(),
        cause => format!("{}: {}", state_name(verdict.state), cause_name(cause)),
    }
}

/// That an alert would reach nobody, and the mend.
pub fn nobody_to_tell(file: &Path) -> String {
    let file = foreign(&file.to_string_lossy());
    format!("{file}: there is no [telegram] section, so nobody is told; run: bridge-watchdog setup")
}

/// Everything that is wrong, a sentence each.
pub fn issues(verdict: &Verdict, now: Clock) -> Vec<String> {
    verdict.findings.iter().map(|finding| issue(&finding.problem, now)).collect()
}

/// The reason of an attempt, as sentences.
pub fn issues_of(reason: &Reason, now: Clock) -> Vec<String> {
    vec![match reason {
        Reason::Finding(finding) => issue(&finding.problem, now),
        Reason::ByHand(hand) => format!("{} by hand.", sentence_case(self::hand(*hand))),
    }]
}

/// A problem as a sentence, with all that is known about it.
pub fn issue(problem: &Problem, now: Clock) -> String {
    let mut sentence = sentence_case(&phrase(problem, now));
    if let Some(detail) = detail(problem, now) {
        sentence.push_str(&format!(": {detail}"));
    }
    sentence.push('.');
    for more in further(problem) {
        sentence.push_str(&format!(" {more}"));
    }
    sentence
}

/// What is wrong in a few words, as the second half of "because …" or "Down: …".
pub fn phrase(problem: &Problem, now: Clock) -> String {
    match problem {
        Problem::ProcessUnseen(_) => "whether the bridge is running can't be seen".into(),
        Problem::LogUnseen(_) => "whether the bridge works can't be seen".into(),
        Problem::MarkersUnseen(_) => "whether a restart is forbidden can't be seen".into(),
        Problem::OperatorStop => "the operator stopped the bridge".into(),
        Problem::OutsideManager { pid, .. } => format!("the bridge runs outside its manager (pid {pid})"),
        Problem::ConditionUnmet(_) => "the operator stopped the bridge by a condition of its job".into(),
        Problem::Halted(_) => "somebody keeps the bridge from running".into(),
        Problem::Paused(pause) => format!("recovery is paused since {}", at(pause.since, now)),
        Problem::RecoveryRunning(pid) => format!("another recovery of this bridge is running (pid {pid})"),
        Problem::UpdateRunning(Update::Held(_)) => "an update is running under 'hold'".into(),
        Problem::UpdateRunning(Update::PlannedRestart) => "a planned restart is under way".into(),
        Problem::UpdateRunning(Update::Locked(pid)) => format!("an update is running (pid {pid})"),
        Problem::LoginNeeded => "Telegram asks for a new login".into(),
        Problem::NoService => "there is no service for the bridge".into(),
        Problem::ActiveWithoutProcess => "the bridge's unit is active, but has no process".into(),
        Problem::ExitCode2 => "the bridge ended with exit code 2".into(),
        Problem::CannotStart { exit, .. } => format!("the bridge can't be started ({})", self::exit(exit)),
        Problem::BrokenEnvironment { .. } => "the bridge can't use its disk, its files or its session".into(),
        Problem::FloodWait { until } => {
            format!("Telegram told the bridge to wait until {} (flood wait)", at(*until, now))
        }
        Problem::DiskFull => "the disk is full".into(),
        Problem::Offline { since } => format!("this machine is offline since {}", at(*since, now)),
        Problem::SessionLocked { pid, .. } => {
            format!("another process (pid {pid}) holds the lock of the bridge's session")
        }
        Problem::CrashLoop { crashes, window, .. } => {
            format!("the bridge crashed {crashes} times within {}", lasting(*window))
        }
        Problem::LoopInside { ends, window } => {
            format!("the bridge ended {ends} times within {}", lasting(*window))
        }
        Problem::NotLoaded => "the bridge's job is not loaded".into(),
        Problem::ProcessDead { exit: Exit::Never | Exit::Unseen, .. } => "the bridge is not running".into(),
        Problem::ProcessDead { exit, .. } => format!("the bridge is not running (last: {})", self::exit(exit)),
        Problem::StopHang { since } => format!("the bridge was told to stop at {} and is still there", at(*since, now)),
        Problem::Duplicate { pid } => format!("a second copy of the bridge is running (pid {pid})"),
        Problem::Disconnected { since } => {
            format!("the bridge has had no connection to Telegram since {}", at(*since, now))
        }
        Problem::Silent { from_start: true, .. } => "the bridge hung at its start".into(),
        Problem::Silent { .. } | Problem::DeafAndSilent { .. } => "the bridge hangs".into(),
        Problem::Deaf { .. } => "the bridge does not work, though its log goes on".into(),
        Problem::SilentButAlive { since, .. } => format!("the bridge's log is silent since {}", at(*since, now)),
        Problem::LogNeverWritten { there: true, .. } => "the bridge writes nothing to its log".into(),
        Problem::LogNeverWritten { there: false, .. } => "the bridge's log is not there".into(),
        Problem::NothingInside => "no process of the bridge is seen below the one that its manager keeps".into(),
        Problem::NoHeartbeat { since } => {
            format!("the bridge's heartbeat stopped at {}, other lines go on", at(*since, now))
        }
        Problem::RepeatedError { error, window } => {
            format!("the same error was logged {} times within {}", error.count, lasting(*window))
        }
        Problem::DiskLow(share) => format!("only {:.1} % of the disk is free", share * 100.0),
        Problem::RestartsSometimes(_) => "the service manager restarts the bridge only sometimes".into(),
        Problem::RestartsNever => "the service manager never restarts the bridge by itself".into(),
        Problem::Undelivered(_) => "an alert does not go out".into(),
    }
}

/// What follows the phrase: the cause as another program said it, or what the phrase means.
pub fn detail(problem: &Problem, now: Clock) -> Option<String> {
    Some(match problem {
        Problem::ProcessUnseen(why)
        | Problem::LogUnseen(why)
        | Problem::MarkersUnseen(why)
        | Problem::Undelivered(why) => foreign(why),
        Problem::UpdateRunning(Update::Held(reason)) if !reason.is_empty() => foreign(reason),
        Problem::ConditionUnmet(condition) => unmet(condition),
        Problem::Halted(Halt::Traced { by }) => format!("a debugger is attached (pid {by})"),
        Problem::Halted(Halt::Frozen) => "its control group is frozen".into(),
        Problem::LoginNeeded => "no restart can help".into(),
        Problem::OutsideManager { parent, keeper, .. } => kept_by(parent.as_ref(), keeper.as_ref())?,
        Problem::NothingInside => "it has no connection and no heartbeat".into(),
        Problem::LoopInside { .. } => "its manager sees only the process that starts it again".into(),
        Problem::NoService => "neither a plist nor a unit file".into(),
        Problem::ActiveWithoutProcess => "what it has started is gone, and a start would do nothing".into(),
        Problem::ExitCode2 => "its own configuration is wrong, or its script is missing".into(),
        Problem::CannotStart { missing: Some(missing), .. } => missing_program(missing),
        Problem::CannotStart { .. } => "no line of it ever ran".into(),
        Problem::BrokenEnvironment { error: Some(error) } => foreign(error),
        Problem::DiskFull => "the bridge can't write its session or its log".into(),
        Problem::Offline { .. } => "none of Telegram's data centres accepts a connection".into(),
        Problem::NotLoaded => "the service manager does not know it".into(),
        Problem::Silent { since, .. } => format!("its log is silent since {}", at(*since, now)),
        Problem::Deaf { sign } => dying(*sign, now),
        Problem::DeafAndSilent { since, sign } => {
            format!("its heartbeat stopped at {}; {}", at(*since, now), dying(*sign, now))
        }
        Problem::SilentButAlive { sign: Some(sign), .. } => format!("but {}", living(*sign, now)),
        Problem::SilentButAlive { sign: None, .. } => "whether it lives can't be seen".into(),
        Problem::LogNeverWritten { path, .. } => foreign(path),
        Problem::RepeatedError { error, .. } => foreign(&error.line),
        Problem::RestartsSometimes(Condition::KeepAlive(keys)) => {
            format!("KeepAlive is a dictionary ({})", foreign(&keys.join(", ")))
        }
        Problem::RestartsSometimes(Condition::Restart(value)) => format!("Restart={}", foreign(value)),
        Problem::SessionLocked { left: Some(why), .. } => left(*why).into(),
        _ => return None,
    })
}

/// Why nothing is installed beside this one.
pub fn runs_elsewhere(bridge: &Lookalike, manager: &str) -> String {
    let pid = bridge.process.id.pid;
    let parent = bridge.parent.as_ref().map(|parent| (parent.id.pid, parent.name.clone()));
    let how = kept_by(parent.as_ref(), bridge.keeper.as_ref()).map_or_else(String::new, |how| format!(" ({how})"));
    format!(
        "a bridge of this checkout runs already, pid {pid}{how}, but not under {manager}: a second one on the same session \
         may cost the login; end that one where it was started, then run: bridge-watchdog install"
    )
}

/// Who started the bridge elsewhere, and who keeps it.
fn kept_by(parent: Option<&(u32, String)>, keeper: Option<&Keeper>) -> Option<String> {
    let keeper = keeper.map(|keeper| match keeper {
        Keeper::Job(job) => format!("the job {job} keeps it"),
        Keeper::Supervisor(name) => format!("{name} keeps it"),
    });
    let parent = parent.map(|(pid, name)| format!("started by {name} (pid {pid})"));
    let both: Vec<String> = parent.into_iter().chain(keeper).collect();
    (!both.is_empty()).then(|| both.join("; "))
}

/// What keeps a job down that is to be down.
pub fn unmet(condition: &Unmet) -> String {
    match condition {
        Unmet::Path { path, there: true } => format!("{path} is there (PathState)"),
        Unmet::Path { path, there: false } => format!("{path} is not there (PathState)"),
        Unmet::OtherJob { label, loaded: true } => format!("the job {label} is loaded (OtherJobEnabled)"),
        Unmet::OtherJob { label, loaded: false } => format!("the job {label} is not loaded (OtherJobEnabled)"),
        Unmet::Unit(line) => format!("{line} is not met"),
        Unmet::AtLastStart => "a condition of its unit was not met when it was to be started last".into(),
        Unmet::ExecCondition => "its ExecCondition said no when it was to be started last".into(),
        Unmet::ExitStatus => "its RestartPreventExitStatus names how it ended".into(),
        Unmet::Frozen => "systemd has frozen it".into(),
    }
}

fn missing_program(missing: &MissingProgram) -> String {
    match missing {
        MissingProgram::Absent(path) => format!("{} is not there", foreign(path)),
        MissingProgram::LinkToNowhere { path, .. } => format!("the interpreter {} leads nowhere", foreign(path)),
        MissingProgram::NoInterpreter { script, interpreter } => {
            format!("the interpreter of {} is not there: {}", foreign(script), foreign(interpreter))
        }
    }
}

/// Why something is done, as the second half of "because …".
pub fn reason(reason: &Reason, now: Clock) -> String {
    match reason {
        Reason::Finding(finding) => {
            let detail = detail(&finding.problem, now).map_or_else(String::new, |detail| format!(": {detail}"));
            phrase(&finding.problem, now) + &detail
        }
        Reason::ByHand(_) => "a person asked for it".into(),
    }
}

/// Further sentences.
fn further(problem: &Problem) -> Vec<String> {
    match problem {
        Problem::CrashLoop { head, .. } => match head {
            Head::Unknown => Vec::new(),
            Head::Innocent(innocent) => vec![format!("HEAD is not reverted: {}.", innocence(innocent))],
            Head::Suspect { summary, opted_in: true } => vec![format!("HEAD ({}) is the suspect.", foreign(summary))],
            Head::Suspect { summary, opted_in: false } => {
                vec![format!("HEAD ({}) is the suspect, but auto-revert is off.", foreign(summary))]
            }
        },
        Problem::CannotStart { missing: Some(MissingProgram::LinkToNowhere { target, .. }), .. } => {
            vec![format!("Its target is not there: {}.", foreign(target))]
        }
        Problem::ProcessDead { held_back, restless, .. } => {
            let held =
                held_back.iter().map(|why| format!("The service manager holds its start back: {}.", foreign(why)));
            let restless = restless.iter().map(|(starts, window)| {
                format!("It was started {starts} times within {} and never stayed up.", lasting(*window))
            });
            held.chain(restless).collect()
        }
        Problem::SilentButAlive { torn: true, .. } => {
            vec!["Its last line has no end: its output is buffered (PYTHONUNBUFFERED=1 ends that).".into()]
        }
        Problem::SilentButAlive { .. } => {
            vec!["Long work, buffered output or another log may be the reason.".into()]
        }
        Problem::LogNeverWritten { there: true, .. } => vec![
            "Either its output is buffered (PYTHONUNBUFFERED=1 ends that), or it writes elsewhere (bridge.log in the \
             configuration). Without a log a hang can't be seen; nothing is ended for that."
                .into(),
        ],
        Problem::LogNeverWritten { there: false, .. } => vec![
            "Correct bridge.log in the configuration. Without a log a hang can't be seen; nothing is ended for that."
                .into(),
        ],
        _ => Vec::new(),
    }
}

/// A sign of life, as the second half of "but …".
pub fn living(sign: Living, now: Clock) -> String {
    let ago = |since: Mono| lasting(now.mono.since(since));
    match sign {
        Living::Wrote { at } => format!("its log grew {} ago", ago(at)),
        Living::Moved { at, telegram: true } => format!("the connection to Telegram moved bytes {} ago", ago(at)),
        Living::Moved { at, telegram: false } => format!("a connection of it moved bytes {} ago", ago(at)),
        Living::Worked { at } => format!("it used CPU time at the rate of work {} ago", ago(at)),
        Living::Journal { at } => format!("its unit's journal got a line {} ago", lasting(now.wall.since(at))),
    }
}

/// A sign of death.
pub fn dying(sign: Dying, now: Clock) -> String {
    let lasts = |since: Mono| lasting(now.mono.since(since));
    match sign {
        Dying::Unread { bytes, since } => {
            format!("{} from Telegram have lain unread for {}", count_bytes(bytes), lasts(since))
        }
        Dying::PeerClosed { since } => {
            format!("Telegram closed the connection {} ago, and the bridge has not answered", lasts(since))
        }
        Dying::Stopped { since } => format!("its process is stopped (SIGSTOP), for {}", lasts(since)),
        Dying::NoCpu { since } => format!("it has not run at all for {}", lasts(since)),
    }
}

fn count_bytes(bytes: u32) -> String {
    count(usize::try_from(bytes).unwrap_or(usize::MAX), "byte", "bytes")
}

fn innocence(innocent: &Innocent) -> String {
    match innocent {
        Innocent::FewCrashes(0) => "none of the crashes happened on it".into(),
        Innocent::FewCrashes(crashes) => format!("only {crashes} of the crashes happened on it"),
        Innocent::Old(age) => format!("it was {} old at the first of them", lasting(*age)),
        Innocent::Unseen => "how the crashes on it ended was not seen".into(),
        Innocent::Undated => "its date lies in the future, so it has no age".into(),
        Innocent::OwnRevert => "it is our own revert".into(),
        Innocent::Undone => "it was reverted before, and somebody brought it back".into(),
        Innocent::NoParent => "it has no parent here (in a shallow clone: git fetch --deepen=1)".into(),
        Innocent::Merge => "it is a merge".into(),
        Innocent::ParentToo => "its parent ended with the same error".into(),
        Innocent::HarmlessFiles => "it touches only documentation and tests".into(),
        Innocent::FilesUnknown => "what it touches is not known".into(),
    }
}

/// What happens next, and when; a clause without a full stop.
pub fn next(next: Next, now: Clock) -> String {
    match next {
        Next::Watch => "it is checked every minute, and the moment it dies".into(),
        Next::LookAgain => "it is looked at again within a minute".into(),
        Next::ConnectsUntil(until) => format!("it has until {} to connect", at(until, now)),
        Next::ManagerHasUntil(until) => {
            format!("its manager has until {} to start it, then Bridge Watchdog does", at(until, now))
        }
        Next::Start => "it is started now".into(),
        Next::Load => "it is loaded again now".into(),
        Next::LoadAt(time) => format!("it is loaded again at {}", at(time, now)),
        Next::EndAndStart => "it is ended and started".into(),
        Next::EndCopyAndStart => "the copy is ended, and the bridge is started".into(),
        Next::EndCopy => "the copy is ended; the bridge is left alone".into(),
        Next::FreeSession => "that process is ended, and SQLite brings the session into order".into(),
        Next::FreeSessionAt(time) => format!("that process is ended at {} if it still holds the lock", at(time, now)),
        Next::Revert => "HEAD is reverted, then it is started; you are told".into(),
        Next::Tell => "you are told".into(),
        Next::LeaveDisabled => "disabled by its operator: it is left as it is; you are told".into(),
        Next::OperatorStarts => "it stays down until its operator enables and starts it".into(),
        Next::ConditionMet => "nothing is done until that changes".into(),
        Next::PauseEnds(until) if until.is_never() => "recovery goes on after 'bridge-watchdog resume'".into(),
        Next::PauseEnds(until) => format!("recovery goes on at {}, or after 'bridge-watchdog resume'", at(until, now)),
        Next::RecoveryEnds => "recovery goes on when the other one is over".into(),
        Next::UpdateEnds => "recovery goes on when the update is over".into(),
        Next::NetworkBack => "recovery goes on as soon as the network is back".into(),
        Next::FloodEnds(until) => format!("waiting until {}; a restart would make it longer", at(until, now)),
        Next::EndIfSilentAt(time) => format!("it is ended at {} if it stays silent", at(time, now)),
        Next::Person(help) => helped(help).into(),
        Next::DeliverAgain => "it is sent again every minute".into(),
    }
}

fn helped(help: Help) -> &'static str {
    match help {
        Help::LogIn => "log in; nothing is restarted until then",
        Help::Install => "run 'bridge-watchdog install'",
        Help::InstallKey => "run 'bridge-watchdog install', which mends just that key",
        Help::OwnCondition => "change it if it is not meant so; 'install' leaves it alone",
        Help::MendBridge => "mend it, then run 'bridge-watchdog restart'; its log says more",
        Help::MakeRoom => "make room; nothing is restarted until then",
        Help::MakeRoomSoon => "make room before it is full",
        Help::MakeReadable => "make the checkout's data folder readable; nothing is done until then",
        Help::OneManager => "end it there, then run 'bridge-watchdog restart'",
        Help::MendLog => "correct bridge.log, or have it write at once",
        Help::EndHolder => "end that process yourself; Bridge Watchdog leaves it alone",
        Help::LookAtHolder => "end the one of the two that is not to run",
        Help::LookAtBridge => "see what it does; nothing is ended for that",
        Help::ReadLog => "read the log; nothing is restarted for that",
    }
}

/// How a rung ended.
pub fn outcome(outcome: &Outcome, now: Clock) -> String {
    match outcome {
        Outcome::Cured(cure) => format!("done: {}", cured(cure)),
        Outcome::Failed(failure) => format!("failed: {}", failed(failure, now)),
        Outcome::StoodDown(why) => stood_down(why, now),
        Outcome::Busy(pid) => busy(*pid),
    }
}

/// The same for the person who gave the command, without the title, which the exit code already says.
pub fn outcome_by_hand(outcome: &Outcome, now: Clock) -> String {
    match outcome {
        Outcome::Failed(failure) => failed(failure, now),
        other => self::outcome(other, now),
    }
}

/// The effect that was seen.
pub fn cured(cure: &Cure) -> String {
    match cure {
        Cure::Up { pid, after } => format!("pid {pid} is up after {}", lasting(*after)),
        Cure::CopiesEnded(copies) => {
            format!("{} ended; the bridge was left alone", count(*copies, "copy", "copies"))
        }
        Cure::SessionFree { ended: 0 } => "nobody holds the session's lock, and SQLite finds it in order".into(),
        Cure::SessionFree { ended } => {
            let ended = count(*ended, "process that held it was", "processes that held it were");
            format!("the session's lock is free; {ended} ended")
        }
        Cure::HeadChanged { change, up } => {
            let up = up.map_or_else(
                || "the bridge is left as it is".into(),
                |pid| format!("the bridge runs with that (pid {pid})"),
            );
            format!("{}; {up}{}", changed(change), pushing(change))
        }
    }
}

/// Why a rung failed.
pub fn failed(failure: &Failure, now: Clock) -> String {
    match failure {
        Failure::NothingTried => "nothing was tried".into(),
        Failure::NoProcess { within } => format!("no new process within {}", lasting(*within)),
        Failure::DidNotStayUp { pid } => format!("pid {pid} did not stay up"),
        Failure::StillWrong(Cause::LogStale) => "a new process runs, but it has written nothing to its log".into(),
        Failure::StillWrong(Cause::Disconnected) => "a new process runs, but it is not connected to Telegram".into(),
        Failure::StillWrong(_) => "a new process runs, but it does not stay up".into(),
        Failure::CopiesLeft(copies) => {
            format!("{} still there beside the bridge", count(*copies, "copy is", "copies are"))
        }
        Failure::DoesNotEnd { pid } => format!("pid {pid} does not end, not even by SIGKILL"),
        Failure::HolderLeft { pid, why } => {
            format!("pid {pid} holds the session's lock, and is left alone: {}", left(*why))
        }
        Failure::StaysLocked => {
            "the session is locked again and again, by processes that are too young to be ended".into()
        }
        Failure::NobodyHolds => "nobody else holds the session's lock".into(),
        Failure::SessionCorrupt(damage) => format!(
            "the session is damaged, and was left as it is ({}); put a backup of it in its place, or log in anew",
            foreign(damage)
        ),
        Failure::Git(why) => why_not_reverted(why),
        Failure::AfterChange(change, last) => {
            format!("{}{}; but then: {}", changed(change), pushing(change), self::outcome(last, now))
        }
        Failure::Refused(why) => foreign(why),
        Failure::EveryRung(last) => format!("every rung was tried; the last: {}", self::outcome(last, now)),
    }
}

/// What was done to HEAD.
pub fn changed(change: &Change) -> String {
    match change {
        Change::Reverted { commit, summary, branch } => {
            let branch =
                branch.as_deref().map_or_else(|| "HEAD is detached".into(), |name| format!("on {}", foreign(name)));
            format!("commit {} ({}) is reverted, {branch}", short_id(commit), foreign(summary))
        }
        Change::Undone { head, summary, pushed: false } => {
            format!("commit {} ({}) is HEAD again", short_id(head), foreign(summary))
        }
        Change::Undone { head, summary, pushed: true } => format!(
            "the revert had been pushed, so a new commit, {}, brings back: {}",
            short_id(head),
            foreign(summary)
        ),
    }
}

/// What a person has to know of a commit of ours.
fn pushing(change: &Change) -> &'static str {
    match change {
        Change::Reverted { .. } => {
            ". Nothing was pushed; to do that, run 'git push' in the checkout. To undo it: bridge-watchdog undo-revert"
        }
        Change::Undone { pushed: true, .. } => ". Nothing was pushed; to do that, run 'git push' in the checkout",
        Change::Undone { pushed: false, .. } => "",
    }
}

/// Why a holder of the session's lock is left alone.
pub fn left(why: Left) -> &'static str {
    match why {
        Left::OtherUser => "it belongs to another user",
        Left::OtherBridge => {
            "it is a bridge that runs in a terminal, that another program keeps, or that has its own connection to Telegram"
        }
        Left::Kept => "it belongs to another service, a supervisor or a container",
        Left::Unseen => "it can't be seen from here",
    }
}

/// What a person asked for.
pub fn hand(hand: Hand) -> &'static str {
    match hand {
        Hand::Restart => "restart",
        Hand::Start => "start",
        Hand::CleanLocks => "clean locks",
        Hand::Revert => "revert HEAD",
        Hand::UndoRevert => "undo the revert",
    }
}

fn stood_down(why: &StandDown, now: Clock) -> String {
    match why {
        StandDown::OperatorStop => "the operator stopped the bridge; it is left as it is".into(),
        StandDown::ManagerUnseen => "the service manager can't be asked, so nothing is done".into(),
        StandDown::JobTakenAway => "its job was taken away from the service manager meanwhile".into(),
        StandDown::GoneByItself { pid } => format!("pid {pid} is gone by itself"),
        StandDown::BridgeWorks { pid } => {
            format!("nobody else holds the session's lock; the bridge (pid {pid}) works and is not interrupted")
        }
        StandDown::TooYoung { pid } => format!("pid {pid} is too young to be ended"),
        StandDown::CauseGone(None) => "looked at again, and nothing was ended: it works again".into(),
        StandDown::CauseGone(Some(problem)) => {
            format!("looked at again, and nothing was ended: {}", phrase(problem, now))
        }
        StandDown::Interrupted => "interrupted".into(),
    }
}

fn busy(pid: u32) -> String {
    let pid = if pid == 0 { String::new() } else { format!(" (pid {pid})") };
    format!("another recovery or update of this bridge is in progress{pid}; try again when it is over")
}

/// A fact that could not be found out.
pub fn unknown(fact: &UnknownFact) -> String {
    format!("{}: {}", fact.fact, foreign(&fact.why))
}

/// A state as `check --json` writes it.
pub fn state_name(state: State) -> &'static str {
    match state {
        State::Healthy => "healthy",
        State::Starting => "starting",
        State::Degraded => "degraded",
        State::Unhealthy => "unhealthy",
        State::Waiting => "waiting",
        State::Stopped => "stopped",
        State::Unknown => "unknown",
    }
}

/// A cause as `check --json` writes it.
pub fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::None => "none",
        Cause::ProcessDead => "process-dead",
        Cause::CrashLoop => "crash-loop",
        Cause::NotLoaded => "not-loaded",
        Cause::OutsideManager => "outside-manager",
        Cause::LogStale => "log-stale",
        Cause::StopHang => "stop-hang",
        Cause::Disconnected => "disconnected",
        Cause::Duplicate => "duplicate",
        Cause::SessionLocked => "session-locked",
        Cause::BadCommit => "bad-commit",
        Cause::Offline => "offline",
        Cause::FloodWait => "flood-wait",
        Cause::AuthRequired => "auth-required",
        Cause::UpdateRunning => "update-running",
        Cause::RecoveryRunning => "recovery-running",
        Cause::Paused => "paused",
        Cause::OperatorStop => "operator-stop",
        Cause::DiskFull => "disk-full",
        Cause::ConfigError => "config-error",
        Cause::Unknown => "unknown",
    }
}

/// A word as a shell takes it, whatever is in it.
fn single_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A number with its noun.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// With a capital first letter.
fn sentence_case(phrase: &str) -> String {
    let mut letters = phrase.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().to_string() + letters.as_str())
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
