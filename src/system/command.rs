//! The one door to other programs: an absolute path, a time limit, the output.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// What a program answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code, or `None` where a signal ended it.
    pub code: Option<i32>,
    /// Read lossily: `launchctl` prints arguments raw.
    pub stdout: String,
    pub stderr: String,
}

/// Runs `program` and waits at most `limit`.
///
/// # Errors
/// A sentence that names the program where it is missing, can't be started, or has not answered in time. In the last
/// case it was killed; what it was asked to do may have happened all the same, so look again.
pub fn run(program: &Path, args: &[&str], limit: Duration) -> Result<Output, String> {
    use std::os::unix::process::CommandExt;
    let name = program.display();
    let child = Command::new(program)
        .args(args)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("{name} can't be started: {error}"))?;
    let group = Pid::from_child(&child);
    let (sender, answer) = channel();
    let thread = std::thread::Builder::new().name("output".into());
    thread
        .spawn(move || sender.send(child.wait_with_output()))
        .map_err(|error| format!("the machine gives no thread to read {name}: {error}"))?;
    match answer.recv_timeout(limit) {
        Ok(Ok(output)) => Ok(Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }),
        Ok(Err(error)) => Err(format!("{name} can't be read: {error}")),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            // Its own group, so whatever it started goes too. The thread above reaps it.
            let _ = kill_process_group(group, Signal::KILL);
            Err(format!("{name} {} did not answer within {} s", args.first().unwrap_or(&""), limit.as_secs_f64()))
        }
    }
}

/// Starts a program on a file and leaves it alone: it may live for as long as a person reads. `failed` is told if it
/// can't be started, or says that it failed.
pub fn hand_over(program: &Path, file: &Path, failed: impl FnOnce(String) + Send + 'static) {
    use std::os::unix::process::CommandExt;
    let name = program.display().to_string();
    let mut command = Command::new(program);
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
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

/// Becomes another program, with this process's pid. Returns only where that failed.
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
        let error = run(Path::new("/bin/sh"), &["-c", "sleep 600 & wait"], Duration::from_millis(200)).unwrap_err();
        assert_eq!(error, "/bin/sh -c did not answer within 0.2 s");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(Path::new("/nowhere/launchctl"), &["print"], Duration::from_secs(1)).unwrap_err();
        assert!(error.starts_with("/nowhere/launchctl can't be started: No such file"), "{error}");
    }
}
