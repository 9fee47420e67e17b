//! `hold`: a person's command, an update, runs while no recovery does.

use std::ffi::OsString;
use std::path::Path;

use super::Failure;
use crate::config::Config;
use crate::exit_code;
use crate::limits::Environment;
use crate::system::env;
use crate::system::foreground::Foreground;
use crate::system::recovery_lock::{self, Taken};

/// The lock is ours for as long as we live and the command runs. The command does not inherit it: a bridge that an update
/// starts would hold it for ever. So if we are killed, the lock is free and the command goes on; half an update is worse
/// than a recovery beside it.
pub(super) fn hold(
    config: &Config,
    environment: &Environment,
    reason: Option<String>,
    command: &[OsString],
) -> Result<u8, Failure> {
    let reason = reason.unwrap_or_else(|| {
        // Without its arguments, which may hold a secret.
        let program = command.first().map(Path::new);
        program.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
    });
    // The reason may quote what the job has in its environment.
    config.secrets.learn(env::ours());
    env::learn(config, environment);
    // Before the lock is taken: a signal in between would be lost.
    let foreground = Foreground::begin().map_err(|why| (exit_code::FAILED, why))?;
    let lock = recovery_lock::hold(config, &reason).map_err(|taken| match taken {
        Taken::By(_) => (exit_code::BUSY, taken.to_string()),
        Taken::Broken(why) => (exit_code::FAILED, why),
    })?;
    let ended = foreground.run(command);
    drop(lock);
    ended.map_err(|why| (why.exit_code(), why.to_string()))
}
