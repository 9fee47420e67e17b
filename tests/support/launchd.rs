//! The launchd stand-in in a test's own folder (what it can do: `tests/standin/standin.rs`, its faults:
//! `tests/standin/faults.rs`). Dropped, it ends its jobs and itself.
//!
//!     let launchd = Launchd::start(folder.path());
//!     launchd.load("com.valor.bridge", &["/bin/sleep", "600"], json!({"KeepAlive": true}));
//!     let pid = launchd.wait_pid("com.valor.bridge");
//!
//! `run` is what the product would do: it is in `calls()`, and obeys the faults. `operator`, `load`, `job` and `pid`
//! are for the test itself: not logged, always answered.
#![allow(dead_code, reason = "each test takes what it needs")]

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A value in every job's environment, and so in every `print`. It may appear nowhere else.
pub(crate) const SECRET: &str = "do-not-leak-4f1c9a";

/// How long anything may take before a test gives up: long enough for a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Launchd {
    pub dir: PathBuf,
    daemon: Child,
}

/// A request to launchctl. `code` is None while the caller got no answer.
#[derive(Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub seq: u64,
    pub ms: u64,
    pub args: Vec<String>,
    pub code: Option<u8>,
}

/// A signal that the stand-in sent. `why`: bootout, kickstart -k, exit timeout, kill, rest of the group, daemon ends.
#[derive(Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signal {
    pub ms: u64,
    pub label: String,
    pub pid: u32,
    /// `SIGTERM`
    #[serde(rename = "signal")]
    pub name: String,
    pub why: String,
}

/// A process that the stand-in started. `why`: load, keepalive, kickstart.
#[derive(Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub ms: u64,
    pub label: String,
    pub pid: u32,
    pub why: String,
}

/// What the daemon really knows of a job, whatever the faults make it say.
#[derive(Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub pid: Option<u32>,
    pub runs: u32,
    pub state: String,
    /// The outcome line: `last exit code = 1`
    pub last: String,
}

#[derive(Deserialize, Debug)]
pub(crate) struct Answer {
    pub code: u8,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Launchd {
    /// Starts the daemon in `dir` (made when absent) with no job loaded.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::spawn(dir, &[])
    }

    /// The same, as after a login: everything in `LaunchAgents` that is not disabled is loaded.
    pub(crate) fn login(dir: &Path) -> Self {
        Self::spawn(dir, &["--login"])
    }

    /// The path to give to the product in place of `/bin/launchctl`.
    pub(crate) fn launchctl(&self) -> PathBuf {
        self.dir.join("launchctl")
    }

    pub(crate) fn plist(&self, label: &str) -> PathBuf {
        self.dir.join("LaunchAgents").join(format!("{label}.plist"))
    }

    /// Writes `LaunchAgents/LABEL.plist`, mode 0644. `keys` are further plist keys, such as
    /// `json!({"KeepAlive": {"SuccessfulExit": false}, "ThrottleInterval": 0.3})`.
    pub(crate) fn write_plist(&self, label: &str, program: &[&str], keys: &Value) -> PathBuf {
        let mut plist = json!({"Label": label, "ProgramArguments": program});
        for (key, value) in keys.as_object().expect("plist keys are a JSON object") {
            plist[key] = value.clone();
        }
        let path = self.plist(label);
        plist::to_file_xml(&path, &plist).expect("a plist can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("its mode can be set");
        path
    }

    /// Writes the plist and bootstraps it, as the operator would have done long ago.
    pub(crate) fn load(&self, label: &str, program: &[&str], keys: &Value) {
        let path = self.write_plist(label, program, keys);
        let answer = self.operator(&["bootstrap", &domain(), &path.to_string_lossy()]);
        assert_eq!(answer.code, 0, "bootstrap {label}: {}", String::from_utf8_lossy(&answer.stderr));
    }

    /// Runs the launchctl of this launchd to its end, as the product does. The output is less than a pipe holds.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(self.launchctl());
        let piped = command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("launchctl runs");
        if !within_patience(|| child.try_wait().expect("our own child can be asked").is_some()) {
            end(&mut child);
            panic!("launchctl {args:?} gave no answer in {} s", PATIENCE.as_secs());
        }
        child.wait_with_output().expect("launchctl's output can be read")
    }

    /// A launchctl subcommand from the test itself.
    pub(crate) fn operator(&self, args: &[&str]) -> Answer {
        let mut stream = UnixStream::connect(self.dir.join("launchd.sock")).expect("the stand-in listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
        writeln!(stream, "{}", json!({"args": args, "quiet": true})).expect("the stand-in reads");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("the stand-in answers");
        serde_json::from_str(&line).expect("the stand-in answers in JSON")
    }

    /// Switches faults on, in place of those before. The file is replaced by rename, so that no half of it is read.
    pub(crate) fn fault(&self, faults: &Value) {
        let new = self.dir.join("fault.json.new");
        fs::write(&new, faults.to_string()).expect("fault.json can be written");
        fs::rename(&new, self.dir.join("fault.json")).expect("fault.json can be put in place");
    }

    /// Nothing is wrong any more.
    pub(crate) fn mend(&self) {
        fs::remove_file(self.dir.join("fault.json")).expect("there was a fault");
    }

    /// What the product asked, in order; a late answer is filled in.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let calls = self.read::<Call>("calls.log").into_iter().map(|c| (c.seq, c));
        calls.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The signals to jobs, in order; the sweep of each dead job's group is not among them.
    pub(crate) fn signals(&self) -> Vec<Signal> {
        let mut signals = self.read::<Signal>("signals.log");
        signals.retain(|s| s.why != "rest of the group");
        signals
    }

    /// Every process that was started for this label, in order.
    pub(crate) fn starts(&self, label: &str) -> Vec<Start> {
        let mut starts = self.read::<Start>("starts.log");
        starts.retain(|s| s.label == label);
        starts
    }

    /// None: not loaded.
    pub(crate) fn job(&self, label: &str) -> Option<Job> {
        serde_json::from_slice(&self.operator(&["--peek", label]).stdout).expect("a peek is JSON")
    }

    pub(crate) fn pid(&self, label: &str) -> Option<u32> {
        self.job(label)?.pid
    }

    pub(crate) fn wait_pid(&self, label: &str) -> u32 {
        wait_for(&format!("a pid of {label}"), || self.pid(label))
    }

    /// Waits until the job looks as `is` wants it.
    pub(crate) fn wait_job(&self, label: &str, what: &str, is: impl Fn(&Job) -> bool) -> Job {
        wait_for(&format!("{label}: {what}"), || self.job(label).filter(&is))
    }

    pub(crate) fn wait_gone(&self, label: &str) {
        wait_for(&format!("the end of {label}"), || self.job(label).is_none().then_some(()));
    }

    /// The pid of the daemon itself.
    pub(crate) fn daemon_pid(&self) -> u32 {
        self.daemon.id()
    }

    fn spawn(dir: &Path, args: &[&str]) -> Self {
        fs::create_dir_all(dir).expect("the folder can be made");
        let said = fs::File::create(dir.join("daemon.log")).expect("daemon.log can be made");
        let mut daemon = Command::new(standin())
            .arg("daemon")
            .arg(dir)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .expect("the stand-in starts");
        wait_for("the stand-in's socket", || {
            let ended = daemon.try_wait().expect("our own child can be asked");
            assert!(ended.is_none(), "{}", fs::read_to_string(dir.join("daemon.log")).unwrap_or_default());
            UnixStream::connect(dir.join("launchd.sock")).ok()
        });
        let dir = dir.canonicalize().expect("the folder is there");
        Self { dir, daemon }
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, file: &str) -> Vec<T> {
        let text = fs::read_to_string(self.dir.join(file)).unwrap_or_default();
        // What follows the last newline is being written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|l| serde_json::from_str(l).expect("the stand-in logs JSON")).collect()
    }
}

impl Drop for Launchd {
    fn drop(&mut self) {
        drop(self.daemon.stdin.take());
        let daemon = &mut self.daemon;
        if !within_patience(|| !matches!(daemon.try_wait(), Ok(None))) {
            end(daemon);
        }
    }
}

/// `gui/UID`
pub(crate) fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

/// `gui/UID/LABEL`
pub(crate) fn target(label: &str) -> String {
    format!("{}/{label}", domain())
}

/// Polls until there is a result. The only wait that a test needs.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut seen = None;
    within_patience(|| {
        seen = look();
        seen.is_some()
    });
    seen.unwrap_or_else(|| panic!("waited {} s in vain for {what}", PATIENCE.as_secs()))
}

fn within_patience(mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

fn end(child: &mut Child) {
    // It may have ended by itself meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

/// Beside the test binary, in target/…/examples.
fn standin() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its path");
    let path = test.ancestors().nth(2).expect("target/…/deps/TEST").join("examples/launchd-standin");
    assert!(
        path.is_file(),
        "{} is missing: `cargo build --example launchd-standin` (cargo test --test NAME alone builds no example)",
        path.display()
    );
    path
}
