//! The throw-away bridge's surroundings: a temporary folder, an environment in which a loopback address is Telegram,
//! and the faults. For the demo in the terminal and for the app without a configuration.

use std::net::TcpListener;
use std::path::Path;

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
use crate::system::{clock, files, process};

pub struct DemoBridge {
    pub config: Config,
    pub environment: Environment,
    /// Removed when dropped.
    _folder: TempDir,
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
        Ok(DemoBridge { config, environment, _folder: folder })
    }

    /// Ends the bridge and removes the folder. The watch must have ended before.
    pub fn stop(self) {
        let _ = Service::of(&self.config, &self.environment).stop();
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
            Fault::Lock | Fault::BadCommit => Err("this version does not have that rung yet".into()),
        }
    }
}

/// The folder: a git repository, a configuration, and an environment in which a loopback address is Telegram.
fn fill(folder: &Path, bridge: &Path, telegram: &TcpListener) -> Result<(Config, Environment), String> {
    let wrong = |error: &dyn std::fmt::Display| format!("the demo's folder can't be filled: {error}");
    let root = folder.join("checkout");
    let repository = git2::Repository::init(&root).map_err(|error| wrong(&error))?;
    std::fs::create_dir_all(root.join(contract::DATA)).map_err(|error| wrong(&error))?;
    std::fs::write(root.join("bridge.txt"), "a bridge\n").map_err(|error| wrong(&error))?;
    commit(&repository).map_err(|error| wrong(&error))?;
    let address = telegram.local_addr().map_err(|error| wrong(&error))?;
    let session = format!("{}/{}.session", contract::DATA, contract::DEFAULT_SESSION);
    let program = [
        &bridge.display().to_string(),
        "demo-bridge",
        "--session",
        &session,
        "--connect",
        &address.to_string(),
        "--mute",
        &format!("{}/{}", contract::DATA, contract::FLOOD_BACKOFF),
    ];
    let environment = Environment {
        limits: Limits::faster(FACTOR),
        data_centres: vec![address],
        ranges: vec![address.ip().into()],
        launchctl: "/bin/launchctl".into(),
        systemctl: "/usr/bin/systemctl".into(),
        home: folder.into(),
        config_dir: folder.join("config"),
        state_dir: folder.join("state"),
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

fn commit(repository: &git2::Repository) -> Result<(), git2::Error> {
    let mut index = repository.index()?;
    index.add_path(Path::new("bridge.txt"))?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let who = git2::Signature::now("demo", "demo@localhost")?;
    repository.commit(Some("HEAD"), &who, &who, "A bridge", &tree, &[])?;
    index.write()
}
