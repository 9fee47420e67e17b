//! What is asked before a risky act: whom it would end, and what it would change.

use std::time::Duration;

use bridge_watchdog::act::Hand;
use bridge_watchdog::config::Config;
use bridge_watchdog::facts::{Identity, Lock};
use bridge_watchdog::history::History;
use bridge_watchdog::holders::{self, May};
use bridge_watchdog::limits::Environment;
use bridge_watchdog::revert::CommitId;
use bridge_watchdog::system::{clock, git, lookalikes, process_table};
use bridge_watchdog::text;
use bridge_watchdog::text::dialogs::{self, Question};
use bridge_watchdog::watch::commands::Command;
use bridge_watchdog::watch::watchdog::Watchdog;

/// CPU time has to advance within this time for a task to be at work.
const WORK: Duration = Duration::from_secs(1);

/// What has to be asked before `command`; `None`: nothing.
///
/// # Errors
/// Why it can't be done.
pub(super) fn about(
    command: Command,
    config: &Config,
    environment: &Environment,
    history: Option<History>,
    bridge: Option<Identity>,
) -> Result<Option<Question>, String> {
    match command {
        Command::ByHand(Hand::Restart) => {
            let tasks = tasks(bridge);
            Ok((tasks != Ok(0)).then(|| dialogs::restart_question(&tasks)))
        }
        Command::ByHand(Hand::UndoRevert) => Ok(Some(dialogs::undo_question(&tasks(bridge)))),
        Command::ByHand(Hand::CleanLocks) => holder(config, environment, history),
        Command::AutoRevert(true) => Ok(Some(dialogs::auto_revert_question())),
        _ => Ok(None),
    }
}

/// What a revert of HEAD would do, and the question before it.
///
/// # Errors
/// Why it would be refused.
pub(super) fn about_revert(config: &Config, bridge: Option<Identity>) -> Result<(CommitId, Question), String> {
    let prepared = git::revert::prepare(&config.root).map_err(|why| text::why_not_reverted(&why))?;
    let commit = CommitId::of(&prepared.commit).ok_or("HEAD has no name that is known here")?;
    Ok((commit, dialogs::revert_question(&prepared, &tasks(bridge), clock::now())))
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
