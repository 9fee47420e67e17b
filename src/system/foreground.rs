//! A person's program in our place: it has our standard streams, our terminal and our process group, gets the signals that
//! are sent to us, and its end is ours.
//!
//! It shares our process group, so the terminal's keys (Ctrl-C, Ctrl-\, Ctrl-Z) and a shell's job control reach it without
//! us. SIGTSTP keeps its usual effect on us for that reason.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use rustix::process::Signal;
use signal_hook::consts::{SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithRawSiginfo;
use thiserror::Error;

use crate::exit_code;
use crate::system::process;

/// All that would end us, and what wakes who was stopped.
const PASSED_ON: [i32; 8] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGCONT];

/// Signals no longer end this process: they wait for the program.
pub struct Foreground(SignalsInfo<WithRawSiginfo>);

/// Why the program did not run.
#[derive(Debug, Error)]
pub enum NotRun {
    #[error("{0} is not found: {1}; give its path, as in ./update.sh")]
    Missing(String, #[source] io::Error),
    #[error(
        "{0} can't be run: {1}; it has to be executable (chmod +x), and a script has to begin with a line like #!/bin/sh"
    )]
    Refused(String, #[source] io::Error),
    #[error("{0} can't be waited for: {1}")]
    Lost(String, #[source] io::Error),
}

impl NotRun {
    /// As shells have it.
    pub fn exit_code(&self) -> u8 {
        match self {
            NotRun::Missing(..) => 127,
            NotRun::Refused(..) => 126,
            NotRun::Lost(..) => exit_code::FAILED,
        }
    }
}

impl Foreground {
    /// # Errors
    /// If signals can't be heard.
    pub fn begin() -> Result<Foreground, String> {
        // What is ignored stays so for the program too: that is how `nohup` and a shell's `&` protect it.
        let passed_on = PASSED_ON.into_iter().filter(|signal| !is_ignored(*signal));
        SignalsInfo::new(passed_on).map(Foreground).map_err(|error| format!("signals can't be heard: {error}"))
    }

    /// Runs the program (the first word) to its end; returns the exit code, 128 + N if signal N ended it.
    ///
    /// # Errors
    /// If it can't be run.
    pub fn run(mut self, words: &[OsString]) -> Result<u8, NotRun> {
        let (program, args) = words.split_first().ok_or_else(|| {
            let error = io::Error::from(io::ErrorKind::InvalidInput);
            NotRun::Missing("no command".into(), error)
        })?;
        let name = || program.to_string_lossy().into_owned();
        let mut child = Command::new(program).args(args).spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => NotRun::Missing(name(), error),
            _ => NotRun::Refused(name(), error),
        })?;
        let found = process::find(child.id());
        let listener = std::thread::Builder::new().name("signals".into()).spawn(move || {
            for info in self.0.forever().filter(|info| !is_typed(info)) {
                if let (Some(found), Some(signal)) = (found, Signal::from_named_raw(info.si_signo)) {
                    // It may have ended, or changed to another user, whom a signal of ours does not reach.
                    let _ = process::signal(found.id, signal);
                }
            }
        });
        // Without it the program still runs; it has begun already.
        drop(listener);
        let status = child.wait().map_err(|error| NotRun::Lost(name(), error))?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.unwrap_or_else(|| exit_code::of_signal(status.signal().unwrap_or(0))))
    }
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: only asks; all zeros is a value of this plain struct.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a null pointer changes nothing, and the other points to our own struct.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut now) };
    asked == 0 && now.sa_sigaction == libc::SIG_IGN
}

/// Typed at the terminal, whose driver sends it to the whole process group, and so to the program itself. Sent by the
/// kernel, these two are nothing else.
fn is_typed(info: &libc::siginfo_t) -> bool {
    #[cfg(target_os = "linux")]
    let by_kernel = info.si_code == libc::SI_KERNEL;
    #[cfg(not(target_os = "linux"))]
    // SAFETY: both signals have the sender's pid there, which is 0 for the kernel.
    let by_kernel = unsafe { info.si_pid() } == 0;
    by_kernel && matches!(info.si_signo, SIGINT | SIGQUIT)
}
