//! Commands that tell a person, on a phone or here.

use super::look::history_of_the_watch;
use super::{Failure, say};
use crate::config::Config;
use crate::exit_code;
use crate::limits::Environment;
use crate::report;
use crate::system::progress;
use crate::system::{env, process, telegram};
use crate::text::{self, command, message};
use crate::waiting::Waiting;
use crate::watch::watchdog::{Look, Watchdog};

/// Sends a real DM, and says what Telegram answered.
pub(super) fn alert_test(config: &Config, environment: &Environment) -> Result<u8, Failure> {
    let Some(telegram) = &config.telegram else {
        return Err((exit_code::USAGE, text::nobody_to_tell(&config.file)));
    };
    process::no_core_dump();
    let _under_way = progress::begin().map_err(|why| (exit_code::FAILED, why))?;
    let within = environment.limits.send;
    progress::waits(&text::progress::what(&Waiting::Telegram { within }, "", ""));
    let host = report::host();
    match telegram::send(telegram, &message::test(&host), within) {
        Ok(id) => {
            say(config, &command::test_arrived(telegram.chat_id, id));
            Ok(exit_code::OK)
        }
        Err(error) => Err((exit_code::FAILED, config.secrets.without(&error.why))),
    }
}

/// Prints what an alert carries.
pub(super) fn diagnostics(config: &Config, environment: &Environment) -> u8 {
    env::learn(config, environment);
    let mut watchdog = Watchdog::new(config, environment);
    let Look { facts, verdict } = watchdog.look_once(history_of_the_watch(config, environment));
    for line in report::diagnostics(&watchdog, &facts, &verdict).lines() {
        say(config, line);
    }
    exit_code::OK
}
