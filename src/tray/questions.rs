//! What is asked before a risky act: whom it would end, and what it would change.

use std::time::Duration;

use bridge_watchdog::act::Hand;
use bridge_watchdog::config::Config;
use bridge_watchdog::facts::{Identity, Lock, Unmet};
use bridge_watchdog::history::History;
use bridge_watchdog::holders::{self, May};
use bridge_watchdog::limits::Environment;
use bridge_watchdog::manager::Manager;
use bridge_watchdog::revert::CommitId;
use bridge_watchdog::system::service::Service;
use bridge_watchdog::system::{clock, git, lookalikes, process_table};
use bridge_watchdog::text;
use bridge_watchdog::text::dialogs::{self, Question};
use bridge_watchdog::watch::commands::Command;
use bridge_watchdog::watch::watchdog::Watchdog;

use super::message::Asked;

/// CPU time has to advance within this time for a task to be at work.
const WORK: Duration = Duration::from_secs(1);

/// What comes of `command`, and what has to be asked first; `None`: nothing. To revert HEAD is to revert the commit that the
/// question is about. What only a person may do is a command for a terminal.
///
/// # Errors
/// Why it can't be done.
pub(super) fn about(
    command: Command,
    config: &Config,
    environment: &Environment,
    history: Option<History>,
    bridge: Option<Identity>,
) -> Result<(Asked, Option<Question>), String> {
    let question = match command {
        Command::ByHand(Hand::Start) => return start(command, config, environment),
        Command::ByHand(Hand::Restart) => {
            let tasks = tasks(bridge);
            (tasks != Ok(0)).then(|| dialogs::restart_question(&tasks))
        }
        Command::ByHand(Hand::CleanLocks) => holder(config, environment, history)?,
        Command::ByHand(Hand::Revert) => {
            let prepared = git::revert::prepare(&config.root).map_err(|why| text::why_not_reverted(&why))?;
            let commit = CommitId::of(&prepared.commit).ok_or("HEAD has no name that is known here")?;
            let question = dialogs::revert_question(&prepared, &tasks(bridge), clock::now());
            return Ok((Asked::Command(Command::Revert(commit)), Some(question)));
        }
        Command::ByHand(Hand::UndoRevert) => Some(dialogs::undo_question(&tasks(bridge))),
        Command::AutoRevert(true) => Some(dialogs::auto_revert_question()),
        _ => None,
    };
    Ok((Asked::Command(command), question))
}

/// A `disable` is never taken back from here, and a condition is not ours to change.
fn start(command: Command, config: &Config, environment: &Environment) -> Result<(Asked, Option<Question>), String> {
    let job = Service::of(config, environment).status()?;
    if let Some(unmet) = job.unmet.filter(|unmet| !matches!(unmet, Unmet::AtLastStart)) {
        return Err(dialogs::kept_down(&unmet));
    }
    if config.manager == Manager::Launchd && job.stopped_by_operator {
        let (question, command) = dialogs::disabled(&config.label);
        return Ok((Asked::InTerminal(command), Some(question)));
    }
    Ok((Asked::Command(command), Some(dialogs::start_question(config.manager, &config.label))))
}

fn tasks(bridge: Option<Identity>) -> Result<usize, String> {
    bridge.map_or(Ok(0), |bridge| process_table::tasks_at_work(bridge, WORK))
}

/// Whoever would be ended for the session's lock.
fn holder(config: &Config, environment: &Environment, history: Option<History>) -> Result<Option<Question>, String> {
    let mut watchdog = Watchdog::new(config, environment);
    watchdog.history = history.unwrap_or_default();
    let (session, lookalikes) = watchdog.holders()?;
    let starters = &watchdog.history.starters;
    let stranger = holders::first(&session, Lock::Shared, &lookalikes, starters, &environment.limits);
    Ok(stranger.filter(|(_, may)| !matches!(may, May::Not(_))).map(|(holder, _)| {
        let name = lookalikes::name(holder.pid);
        dialogs::clean_question(holder.pid, name.as_deref(), holder.age)
    }))
}
