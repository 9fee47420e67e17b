//! What macOS calls signals and exit codes. Its own numbers are printed, which on Linux differ for a few.

use rustix::process::Signal;

/// (our number, the kill(1) name, what strsignal(3) says on macOS)
const SIGNALS: &[(i32, &str, &str)] = &[
    (libc::SIGHUP, "SIGHUP", "Hangup: 1"),
    (libc::SIGINT, "SIGINT", "Interrupt: 2"),
    (libc::SIGQUIT, "SIGQUIT", "Quit: 3"),
    (libc::SIGILL, "SIGILL", "Illegal instruction: 4"),
    (libc::SIGTRAP, "SIGTRAP", "Trace/BPT trap: 5"),
    (libc::SIGABRT, "SIGABRT", "Abort trap: 6"),
    (libc::SIGFPE, "SIGFPE", "Floating point exception: 8"),
    (libc::SIGKILL, "SIGKILL", "Killed: 9"),
    (libc::SIGBUS, "SIGBUS", "Bus error: 10"),
    (libc::SIGSEGV, "SIGSEGV", "Segmentation fault: 11"),
    (libc::SIGSYS, "SIGSYS", "Bad system call: 12"),
    (libc::SIGPIPE, "SIGPIPE", "Broken pipe: 13"),
    (libc::SIGALRM, "SIGALRM", "Alarm clock: 14"),
    (libc::SIGTERM, "SIGTERM", "Terminated: 15"),
    (libc::SIGSTOP, "SIGSTOP", "Suspended (signal): 17"),
    (libc::SIGCONT, "SIGCONT", "Continued: 19"),
    (libc::SIGUSR1, "SIGUSR1", "User defined signal 1: 30"),
    (libc::SIGUSR2, "SIGUSR2", "User defined signal 2: 31"),
];

/// sysexits(3) from 64 on, as `launchctl print` appends them.
const EXITS: [&str; 15] = [
    "EX_USAGE",
    "EX_DATAERR",
    "EX_NOINPUT",
    "EX_NOUSER",
    "EX_NOHOST",
    "EX_UNAVAILABLE",
    "EX_SOFTWARE",
    "EX_OSERR",
    "EX_OSFILE",
    "EX_CANTCREAT",
    "EX_IOERR",
    "EX_TEMPFAIL",
    "EX_PROTOCOL",
    "EX_NOPERM",
    "EX_CONFIG",
];

/// `Killed: 9`
pub(crate) fn strsignal(number: i32) -> String {
    SIGNALS.iter().find(|s| s.0 == number).map_or_else(|| format!("Unknown signal: {number}"), |s| s.2.to_owned())
}

/// `SIGKILL`
pub(crate) fn signal(signal: Signal) -> &'static str {
    SIGNALS.iter().find(|s| s.0 == signal.as_raw()).map_or("?", |s| s.1)
}

/// macOS's number, for the raw wait status of `list`.
pub(crate) fn macos_number(number: i32) -> i32 {
    let text = strsignal(number);
    text.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(number)
}

/// `SIGTERM`, `TERM` or `15`.
pub(crate) fn parse_signal(text: &str) -> Option<Signal> {
    let number = text
        .parse::<i32>()
        .ok()
        .or_else(|| SIGNALS.iter().find(|s| s.1 == text || s.1.strip_prefix("SIG") == Some(text)).map(|s| s.0))?;
    Signal::from_named_raw(number)
}

/// launchd's "crash": a signal that the process most likely earned, not one that somebody sent to end it.
pub(crate) fn is_crash(number: i32) -> bool {
    [libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGFPE, libc::SIGBUS, libc::SIGSEGV, libc::SIGSYS]
        .contains(&number)
}

/// `1`, or `78: EX_CONFIG`
pub(crate) fn exit(code: i32) -> String {
    usize::try_from(code - 64)
        .ok()
        .and_then(|i| EXITS.get(i))
        .map_or_else(|| code.to_string(), |name| format!("{code}: {name}"))
}
