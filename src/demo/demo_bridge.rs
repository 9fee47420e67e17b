//! The throw-away bridge's surroundings: a temporary folder, an environment in which a loopback address is Telegram,
//! and the faults. For the demo in the terminal and for the app without a configuration.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::{FACTOR, FLOOD, Fault};
use crate::config::Config;
use crate::contract;
use crate::facts::Identity;
use crate::limits::{Environment, Limits};
use crate::manager::Manager;
use crate::secrets::Secrets;
use crate::system::service::Service;
use crate::system::{clock, files, poll, process};

pub struct DemoBridge {
    pub config: Config,
    pub environment: Environment,
    program: PathBuf,
    /// Whoever holds the session.
    holder: Mutex<Option<Child>>,
    /// Removed when dropped.
    folder: TempDir,
}

impl DemoBridge {
    /// `program` is the binary that plays the bridge: our own, with its hidden subcommand.
    ///
    /// # Errors
    /// Where the machine has no temporary folder or no loopback.
    pub fn start(program: &Path) -> Result<DemoBridge, String> {
        let folder = tempfile::tempdir().map_err(|error| format!("there is no temporary folder: {error}"))?;
        let telegram =
            TcpListener::bind("127.0.0.1:0").map_err(|error| format!("loopback can't be listened to: {error}"))?;
        let (config, environment) = fill(folder.path(), program, &telegram)?;
        std::thread::spawn(move || {
            let mut connections = Vec::new();
            while let Ok((connection, _)) = telegram.accept() {
                connections.push(connection);
            }
        });
        let (program, holder) = (program.to_owned(), Mutex::default());
        Ok(DemoBridge { config, environment, program, holder, folder })
    }

    /// Ends the bridge and removes the folder. The watch must have ended before.
    pub fn stop(self) {
        let _ = Service::of(&self.config, &self.environment).stop();
        self.end_holder();
        // A bridge that ends may still write to its log, and then the folder is not empty any more.
        let folder = self.folder.path();
        poll::until(ENDING, || !folder.exists() || std::fs::remove_dir_all(folder).is_ok());
    }

    /// Breaks the bridge and returns what was done, in words.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn inject(&self, fault: Fault, bridge: Identity) -> Result<String, String> {
        let pid = bridge.pid;
        match fault {
            Fault::Crash => {
                process::signal(bridge, Signal::KILL).map(|()| format!("the bridge is killed (SIGKILL to pid {pid})"))
            }
            Fault::Hang => process::signal(bridge, Signal::STOP)
                .map(|()| format!("the bridge hangs (SIGSTOP to pid {pid}); only its silence shows it")),
            Fault::Stop => process::signal(bridge, Signal::TERM)
                .map(|()| format!("somebody asks the bridge to stop (SIGTERM to pid {pid}); it ends with exit code 0")),
            Fault::Flood => {
                let text =
                    format!("{{\"expiry_ts\": {}, \"seconds\": {}}}", (clock::wall() + FLOOD).0, FLOOD.as_secs());
                // Removed when the wait is over, as the bridge does it.
                let path = self.config.data(contract::FLOOD_BACKOFF);
                files::replace(&path, &text)?;
                std::thread::spawn(move || {
                    std::thread::sleep(FLOOD);
                    files::remove(&path);
                });
                Ok(format!("Telegram says: wait {} s (flood); the bridge falls silent", FLOOD.as_secs()))
            }
            Fault::Lock => self.hold_session(),
            Fault::BadCommit => {
                // The opt-in, which is off by default.
                files::replace(&self.config.data(contract::AUTO_REVERT_ENABLED), "")?;
                let path = self.config.root.join(SOURCE);
                std::fs::write(&path, BROKEN)
                    .map_err(|error| format!("{} can't be written: {error}", path.display()))?;
                git2::Repository::open(&self.config.root)
                    .and_then(|repository| commit(&repository, "Make it faster"))
                    .map_err(|error| format!("nothing can be committed: {}", error.message()))?;
                process::signal(bridge, Signal::KILL)?;
                Ok(format!("a commit breaks the bridge, auto-revert is on, and the bridge is restarted (pid {pid})"))
            }
        }
    }

    /// Another process that takes the session's lock and keeps it.
    fn hold_session(&self) -> Result<String, String> {
        self.end_holder();
        let mut command = std::process::Command::new(&self.program);
        command.args(["demo-bridge", "--exclusive", "--session"]).arg(&self.config.session);
        command.current_dir(&self.config.root).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| format!("no process can be started: {error}"))?;
        let pid = child.id();
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        Ok(format!("another process (pid {pid}) takes the lock of the bridge's session and keeps it"))
    }

    fn end_holder(&self) {
        if let Some(mut child) = self.holder.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The folder is removed within this time.
const ENDING: Duration = Duration::from_secs(5);

/// What the bridge reads at its start, and what it can't run with.
const SOURCE: &str = "bridge.txt";
const BROKEN: &str = "import telethonn\n";

/// The folder: a git repository, a configuration, and an environment in which a loopback address is Telegram.
fn fill(folder: &Path, bridge: &Path, telegram: &TcpListener) -> Result<(Config, Environment), String> {
    let wrong = |error: &dyn std::fmt::Display| format!("the demo's folder can't be filled: {error}");
    let root = folder.join("checkout");
    let repository = git2::Repository::init(&root).map_err(|error| wrong(&error))?;
    std::fs::create_dir_all(root.join(contract::DATA)).map_err(|error| wrong(&error))?;
    std::fs::write(root.join(SOURCE), "a bridge\n").map_err(|error| wrong(&error))?;
    commit(&repository, "A bridge").map_err(|error| wrong(&error))?;
    let address = telegram.local_addr().map_err(|error| wrong(&error))?;
    let session = format!("{}/{}.session", contract::DATA, contract::DEFAULT_SESSION);
    let program = [
        &bridge.display().to_string(),
        "demo-bridge",
        "--session",
        &session,
        "--connect",
        &address.to_string(),
        "--source",
        SOURCE,
        "--busy",
        "0.2",
        "--mute",
        &format!("{}/{}", contract::DATA, contract::FLOOD_BACKOFF),
    ];
    let environment = Environment {
        limits: Limits::faster(FACTOR),
        data_centres: vec![address],
        ranges: vec![address.ip().into()],
        launchctl: "/bin/launchctl".into(),
        systemctl: "/usr/bin/systemctl".into(),
        linger: "/var/lib/systemd/linger".into(),
        home: folder.into(),
        config_dir: folder.join("config"),
        state_dir: folder.join("state"),
        installed_only: false,
    };
    let config = Config {
        file: folder.join(contract::CONFIG),
        label: "demo.bridge".into(),
        manager: Manager::Embedded,
        program: program.map(str::to_owned).to_vec(),
        log: root.join("logs/bridge.log"),
        error_log: root.join("logs/bridge.error.log"),
        login: Vec::new(),
        session: root.join(&session),
        telegram: None,
        auto_revert: false,
        secrets: Secrets::default(),
        state: crate::config::state_folder(&environment, &root)?,
        root,
    };
    Ok((config, environment))
}

fn commit(repository: &git2::Repository, summary: &str) -> Result<(), git2::Error> {
    let mut index = repository.index()?;
    index.add_path(Path::new(SOURCE))?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let who = git2::Signature::now("demo", "demo@localhost")?;
    let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
    repository.commit(Some("HEAD"), &who, &who, summary, &tree, &parent.iter().collect::<Vec<_>>())?;
    index.write()
}
