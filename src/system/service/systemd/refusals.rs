//! What systemd itself says of a unit that it does not run: that it is frozen, or why its last start was refused.

use std::collections::HashMap;

use super::{exit_by_codes, get, micros};
use crate::facts::{Exit, Job, Unmet};

/// Whether its processes get no time until somebody thaws them.
pub(super) fn frozen(shown: &HashMap<String, String>) -> Option<Unmet> {
    // Newer versions add "-by-parent".
    let state = get(shown, "FreezerState");
    (state.starts_with("frozen") || state.starts_with("freezing")).then_some(Unmet::Frozen)
}

/// Why systemd itself leaves the unit down.
pub(super) fn refused(shown: &HashMap<String, String>, job: &Job) -> Option<Unmet> {
    let down = job.pid.is_none() && matches!(get(shown, "ActiveState"), "inactive" | "failed");
    if !down || get(shown, "SubState").ends_with("-before-auto-restart") {
        return None;
    }
    if get(shown, "Result") == "exec-condition" {
        return Some(Unmet::ExecCondition);
    }
    // Before the first test the result is "no" too.
    let failed = |result: &str, at: &str| get(shown, result) == "no" && micros(shown, at) > 0.0;
    if failed("ConditionResult", "ConditionTimestampMonotonic") || failed("AssertResult", "AssertTimestampMonotonic") {
        return Some(Unmet::AtLastStart);
    }
    let prevents = |name: String| get(shown, "RestartPreventExitStatus").split(' ').any(|word| word == name);
    // systemd goes by the codes here, whoever ended it.
    let prevented = match exit_by_codes(shown) {
        // The bridge says that its configuration is wrong, and a person is told of that.
        Exit::Code(2) => false,
        Exit::Code(code) => prevents(code.to_string()),
        Exit::Signal(signal) => signal_name(signal).is_some_and(|name| prevents(name.to_owned())),
        _ => false,
    };
    prevented.then_some(Unmet::ExitStatus)
}

/// As `systemctl show` writes it; only signals that a bridge may end by.
fn signal_name(signal: i32) -> Option<&'static str> {
    const NAMES: [(i32, &str); 14] = [
        (libc::SIGHUP, "HUP"),
        (libc::SIGINT, "INT"),
        (libc::SIGQUIT, "QUIT"),
        (libc::SIGILL, "ILL"),
        (libc::SIGABRT, "ABRT"),
        (libc::SIGBUS, "BUS"),
        (libc::SIGFPE, "FPE"),
        (libc::SIGKILL, "KILL"),
        (libc::SIGUSR1, "USR1"),
        (libc::SIGSEGV, "SEGV"),
        (libc::SIGUSR2, "USR2"),
        (libc::SIGPIPE, "PIPE"),
        (libc::SIGALRM, "ALRM"),
        (libc::SIGTERM, "TERM"),
    ];
    NAMES.iter().find(|(number, _)| *number == signal).map(|(_, name)| *name)
}
