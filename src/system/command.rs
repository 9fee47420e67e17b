//! The one door to other programs: an absolute path, a time limit, the output.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;

/// What a program answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code, or `None` where a signal ended it.
    pub code: Option<i32>,
    /// Read lossily: `launchctl` prints arguments raw.
    pub stdout: String,
    pub stderr: String,
}

/// Why a program did not answer. Each text names the program.
#[derive(Debug, Error)]
pub enum CommandError {
    /// It is missing, or may not be run.
    #[error("{0} can't be started: {1}")]
    NotStarted(String, #[source] io::Error),
    #[error("the machine gives no thread to read {0}: {1}")]
    NoThread(String, #[source] io::Error),
    #[error("{0} can't be read: {1}")]
    Unread(String, #[source] io::Error),
    /// It was killed after this many seconds. It may have done what it was asked to, so look again.
    #[error("{0} did not answer within {1} s")]
    TimedOut(String, f64),
}

impl From<CommandError> for String {
    fn from(error: CommandError) -> String {
        error.to_string()
    }
}

/// Runs `program` and waits at most `limit`.
///
/// # Errors
/// If it gave no answer. A failure is an answer: see [`Output::code`].
pub fn run(program: &Path, args: &[&str], limit: Duration) -> Result<Output, CommandError> {
    use std::os::unix::process::CommandExt;
    let name = || program.display().to_string();
    let child = Command::new(program)
        .args(args)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| CommandError::NotStarted(name(), error))?;
    let group = Pid::from_child(&child);
    let (sender, answer) = channel();
    let thread = std::thread::Builder::new().name("output".into());
    thread
        .spawn(move || sender.send(child.wait_with_output()))
        .map_err(|error| CommandError::NoThread(name(), error))?;
    match answer.recv_timeout(limit) {
        Ok(Ok(output)) => Ok(Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }),
        Ok(Err(error)) => Err(CommandError::Unread(name(), error)),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            // Its own group, so whatever it started goes too. The thread above reaps it.
            let _ = kill_process_group(group, Signal::KILL);
            Err(CommandError::TimedOut(format!("{} {}", name(), verb(args)), limit.as_secs_f64()))
        }
    }
}

/// The verb, with the option before it: `--user show`.
fn verb(args: &[&str]) -> String {
    let option = args.first().filter(|arg| arg.starts_with('-'));
    let verb = args.iter().find(|arg| !arg.starts_with('-'));
    option.into_iter().chain(verb).copied().collect::<Vec<_>>().join(" ")
}

/// Starts a program on a file (`options` come before it) and does not wait for it: a viewer stays open for as long as a
/// person reads. `failed` is called if it can't be started or ends with a failure.
pub fn hand_over(program: &Path, options: &[&str], file: &Path, failed: impl FnOnce(String) + Send + 'static) {
    use std::os::unix::process::CommandExt;
    let name = program.display().to_string();
    let mut command = Command::new(program);
    command.args(options).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return failed(format!("{name} can't be started: {error}")),
    };
    let file = file.to_owned();
    std::thread::spawn(move || match child.wait() {
        Ok(status) if !status.success() => failed(format!("{name} could not open {} ({status})", file.display())),
        _ => {}
    });
}

/// Becomes another program, with this process's pid. Returns only if that failed.
pub fn become_program<A: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = A>) -> String {
    use std::os::unix::process::CommandExt;
    let error = Command::new(program).args(args).exec();
    format!("{} can't be started: {error}", program.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended_and_named() {
        let error =
            run(Path::new("/bin/sh"), &["-c", "sleep 600 & wait", "x"], Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, CommandError::TimedOut(..)), "{error:?}");
        assert_eq!(error.to_string(), "/bin/sh -c sleep 600 & wait did not answer within 0.2 s");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(Path::new("/nowhere/launchctl"), &["print"], Duration::from_secs(1)).unwrap_err();
        assert!(matches!(error, CommandError::NotStarted(..)), "{error:?}");
        assert!(error.to_string().starts_with("/nowhere/launchctl can't be started: No such file"), "{error}");
    }
}
