//! The keys of a property list, and the three of them that we own in the bridge's.

use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use plist::{Dictionary, Value};

use crate::system::service::launchd::Loaded;

/// From start to start, in seconds: launchd's own default.
const THROTTLE: u16 = 10;
/// From SIGTERM to SIGKILL, in seconds.
const EXIT_TIMEOUT: u16 = 20;

/// Restarted whatever the exit code, at most every 10 s, and with time for SQLite to close.
pub(super) const OWNED: [(&str, Owned); 3] = [
    ("KeepAlive", Owned::Flag(true)),
    ("ThrottleInterval", Owned::Seconds(THROTTLE)),
    ("ExitTimeOut", Owned::Seconds(EXIT_TIMEOUT)),
];

#[derive(Clone, Copy)]
pub(super) enum Owned {
    Flag(bool),
    Seconds(u16),
}

impl Owned {
    pub(super) fn value(self) -> Value {
        match self {
            Owned::Flag(flag) => Value::Boolean(flag),
            Owned::Seconds(seconds) => Value::Integer(seconds.into()),
        }
    }
}

fn seconds(number: u16) -> Duration {
    Duration::from_secs(number.into())
}

/// Whether launchd uses these values, whatever the file says; with `as_it_is`, `KeepAlive` may have any.
pub(super) fn are_loaded(job: &Loaded, as_it_is: bool) -> bool {
    (job.keep_alive || as_it_is) && job.throttle == seconds(THROTTLE) && job.exit_timeout == seconds(EXIT_TIMEOUT)
}

/// # Errors
/// If these bytes are no property list or no dictionary, with the mend.
pub(super) fn dictionary(path: &Path, bytes: &[u8]) -> Result<Dictionary, String> {
    let value = Value::from_reader(Cursor::new(bytes)).map_err(|_| {
        format!(
            "{} is no property list; mend it ('plutil -lint' says where) or move it away, then try again",
            path.display()
        )
    })?;
    value
        .into_dictionary()
        .ok_or_else(|| format!("{} is no dictionary; mend it or move it away, then try again", path.display()))
}

/// In the same form as before: binary stays binary.
///
/// # Errors
/// If a value can't be written in that form.
pub(super) fn encoded(keys: Dictionary, before: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let value = Value::Dictionary(keys);
    let done = if before.starts_with(b"bplist") {
        value.to_writer_binary(&mut bytes)
    } else {
        value.to_writer_xml(&mut bytes)
    };
    done.map_err(|error| format!("the property list can't be written: {error}"))?;
    Ok(bytes)
}
