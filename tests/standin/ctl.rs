//! The wire between `ctl` and the daemon, one JSON line each way, and the client's side of it.

use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    pub args: Vec<String>,
    /// From the test itself, not from the product: not logged, and answered whatever `fault.json` says.
    #[serde(default)]
    pub quiet: bool,
}

/// Bytes, since the real output is no UTF-8 by contract.
#[derive(Serialize, Deserialize, Default, Clone)]
pub(crate) struct Answer {
    pub code: u8,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Answer {
    pub(crate) fn ok(stdout: impl Into<Vec<u8>>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    pub(crate) fn fail(code: u8, stderr: impl Into<Vec<u8>>) -> Self {
        Self { code, stderr: stderr.into(), ..Self::default() }
    }
}

/// Asks the daemon and becomes its answer. Waits for ever where the daemon is told to hang.
pub(crate) fn call(dir: &Path, args: &[&str]) -> ExitCode {
    match ask(dir, args) {
        Ok(answer) => {
            // A reader that went away is no fault of ours.
            let _ = io::stdout().write_all(&answer.stdout);
            let _ = io::stderr().write_all(&answer.stderr);
            ExitCode::from(answer.code)
        }
        Err(error) => {
            eprintln!("Could not talk to launchd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ask(dir: &Path, args: &[&str]) -> io::Result<Answer> {
    let request = Request { args: args.iter().map(|&a| a.to_owned()).collect(), quiet: false };
    let mut stream = UnixStream::connect(dir.join("launchd.sock"))?;
    writeln!(stream, "{}", serde_json::to_string(&request)?)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
