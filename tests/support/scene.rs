//! A scene: a temporary folder with a checkout, a configuration, a Telegram on loopback, and the shipped program in it.
//! Nothing outside the folder is touched, and no process but those that the scene started.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// In no text of ours, whatever the test is about: what a person configured as the bot's token, and what the tests of
/// secrets put into the job's environment.
fn no_secret(what: &str, bytes: &[u8]) {
    for secret in [super::bot::TOKEN, super::launchd::SECRET] {
        assert!(!String::from_utf8_lossy(bytes).contains(secret), "{what}: a secret");
    }
}

/// How long anything may take before a test gives up on it; long, since a busy machine is no failure.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Scene {
    pub folder: TempDir,
    pub root: PathBuf,
    pub label: String,
    /// Further lines of `config.toml`.
    pub extra: String,
    pub manager: &'static str,
    /// Variables that the program needs here.
    pub env: Vec<(&'static str, PathBuf)>,
    environment: Value,
    /// Telegram's data centre, as far as the bridge and the watch can see. Dropped: offline.
    pub telegram: Option<TcpListener>,
    /// It sends updates all the time, and not only answers.
    pub pushes: Arc<AtomicBool>,
    program: Vec<String>,
}

/// The watch, running; ended when dropped.
pub(crate) struct Watch {
    child: Child,
}

/// At the end of every test: nothing that the program wrote has a secret in it.
impl Drop for Scene {
    fn drop(&mut self) {
        self.end_all();
        if std::thread::panicking() {
            return;
        }
        let ours = [self.folder.path().join("home/state"), self.folder.path().join("watch.log")];
        let theirs = ["recovery-in-progress", "crash_history.jsonl"].map(|name| self.data(name));
        let mut left: Vec<PathBuf> = ours.into_iter().chain(theirs).collect();
        while let Some(path) = left.pop() {
            let is_folder = std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
            if is_folder {
                left.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            } else if std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file()) {
                no_secret(&path.display().to_string(), &std::fs::read(&path).unwrap_or_default());
            }
        }
    }
}

impl Scene {
    /// A checkout with one commit two days old, a demo bridge as the program, times `factor` times faster.
    pub(crate) fn new(manager: &'static str, factor: f64) -> Scene {
        // A path that a shell or a URL takes apart.
        Scene::called("bridge watchdog ü", manager, factor)
    }

    /// The same in a folder whose name begins so.
    pub(crate) fn called(name: &str, manager: &'static str, factor: f64) -> Scene {
        let folder = tempfile::Builder::new().prefix(name).tempdir().expect("a temporary folder");
        let root = folder.path().join("checkout");
        std::fs::create_dir_all(root.join("data")).expect("data");
        std::fs::create_dir_all(root.join("logs")).expect("logs");
        let host = telegrams_host();
        let telegram = TcpListener::bind((host, 0)).expect("loopback");
        let address = telegram.local_addr().expect("an address");
        let listener = telegram.try_clone().expect("a listener");
        let pushes = Arc::new(AtomicBool::new(false));
        answer(listener, pushes.clone());
        let home = folder.path().join("home");
        std::fs::create_dir_all(home.join("config")).expect("home");
        let environment = json!({
            "factor": factor,
            "data_centres": [address],
            "ranges": [[host, 32]],
            "launchctl": "/nowhere/launchctl",
            "systemctl": "/nowhere/systemctl",
            "home": home,
        });
        let root = root.canonicalize().expect("the checkout");
        let mut scene = Scene {
            folder,
            root,
            label: "com.example.bridge".into(),
            extra: String::new(),
            manager,
            env: Vec::new(),
            environment,
            telegram: Some(telegram),
            pushes,
            program: Vec::new(),
        };
        scene.commit("bridge.py", "a bridge\n", "A bridge", 172_800);
        scene.bridge(&[]);
        scene
    }

    /// Changes the environment: a duration, a path.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.environment[key] = value.into();
        std::fs::write(self.environment_file(), self.environment.to_string()).expect("the environment's file");
    }

    /// The bridge: the demo's, with these options besides its session and its connection.
    pub(crate) fn bridge(&mut self, options: &[&str]) {
        let address = self.telegram.as_ref().map(|telegram| telegram.local_addr().expect("an address").to_string());
        let mut program: Vec<String> =
            [product().to_str().expect("a path"), "demo-bridge", "--session", "data/valor_bridge.session"]
                .map(str::to_owned)
                .to_vec();
        if !options.contains(&"--every") {
            program.extend(["--every", "0.2"].map(str::to_owned));
        }
        program.extend(address.into_iter().flat_map(|address| ["--connect".to_owned(), address]));
        program.extend(options.iter().map(|&option| option.to_owned()));
        self.program = program;
        self.write();
    }

    /// The bridge: a shell script in the checkout.
    pub(crate) fn script(&mut self, text: &str) {
        std::fs::write(self.root.join("bridge.sh"), text).expect("a script");
        self.program = vec!["/bin/sh".into(), "bridge.sh".into()];
        self.write();
    }

    /// Another program than the demo's bridge.
    pub(crate) fn program_is(&mut self, program: &[&str]) {
        self.program = program.iter().map(|&word| word.to_owned()).collect();
        self.write();
    }

    pub(crate) fn program(&self) -> Vec<&str> {
        self.program.iter().map(String::as_str).collect()
    }

    /// Writes the configuration and the environment.
    pub(crate) fn write(&self) {
        let text = format!(
            "[bridge]\nroot = {}\nlabel = \"{}\"\nmanager = \"{}\"\nprogram = {}\n{}",
            json!(self.root),
            self.label,
            self.manager,
            json!(self.program),
            self.extra
        );
        std::fs::write(self.config_file(), text).expect("config.toml");
        std::fs::set_permissions(self.config_file(), std::fs::Permissions::from_mode(0o600)).expect("its mode");
        std::fs::write(self.environment_file(), self.environment.to_string()).expect("the environment's file");
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.folder.path().join("home/config/config.toml")
    }

    fn environment_file(&self) -> PathBuf {
        self.folder.path().join("environment.json")
    }

    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.root.join("data").join(name)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("logs/bridge.log")
    }

    pub(crate) fn error_log(&self) -> PathBuf {
        self.root.join("logs/bridge.error.log")
    }

    /// The state folder of this checkout, once the watch has made it.
    pub(crate) fn state(&self) -> PathBuf {
        let folders = std::fs::read_dir(self.folder.path().join("home/state"))
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>());
        folders.ok().and_then(|folders| folders.into_iter().find(|path| path.is_dir())).unwrap_or_default()
    }

    pub(crate) fn journal(&self) -> String {
        std::fs::read_to_string(self.state().join("journal.log")).unwrap_or_default()
    }

    /// Adds a commit, `age` seconds old.
    pub(crate) fn commit(&self, file: &str, text: &str, summary: &str, age: i64) -> git2::Oid {
        let repository =
            git2::Repository::open(&self.root).or_else(|_| git2::Repository::init(&self.root)).expect("a repository");
        let path = self.root.join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
        let mut index = repository.index().expect("an index");
        index.add_path(Path::new(file)).expect("added");
        index.write().expect("written");
        let tree = repository.find_tree(index.write_tree().expect("a tree")).expect("a tree");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let when = git2::Time::new(i64::try_from(now).expect("a time") - age, 0);
        let who = git2::Signature::new("test", "test@localhost", &when).expect("a name");
        let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<&git2::Commit> = parent.iter().collect();
        repository.commit(Some("HEAD"), &who, &who, summary, &tree, &parents).expect("a commit")
    }

    /// The shipped program in this environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(beside("examples/test-watchdog"));
        command.arg(self.environment_file()).args(args).stdin(Stdio::null());
        // Whoever runs the tests may have a session with a manager of his own.
        command.env_remove("XDG_RUNTIME_DIR").env_remove("DBUS_SESSION_BUS_ADDRESS");
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }

    /// A PATH in which it has its own name, for what a person writes.
    pub(crate) fn path_with_us(&self) -> String {
        let bin = self.folder.path().join("bin");
        std::fs::create_dir_all(&bin).expect("a folder");
        let (program, environment) = (beside("examples/test-watchdog"), self.environment_file());
        let text = format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", program.display(), environment.display());
        executable(&bin.join("bridge-watchdog"), &text);
        format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default())
    }

    /// Runs it to its end. Its output is less than a pipe holds.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let until = Instant::now() + PATIENCE;
        while child.try_wait().expect("our own child can be asked").is_none() {
            if Instant::now() > until {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{args:?} did not end");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().expect("its output can be read");
        no_secret(&format!("{args:?} printed"), &output.stdout);
        no_secret(&format!("{args:?} said"), &output.stderr);
        output
    }

    /// `check --json` and its exit code.
    pub(crate) fn check(&self) -> (Value, i32) {
        let output = self.run(&["check", "--json"]);
        let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        });
        (value, output.status.code().expect("an exit code"))
    }

    pub(crate) fn watch(&self) -> Watch {
        self.watch_by(self.command(&["run"]))
    }

    /// The watch, started by a command that the test has changed.
    pub(crate) fn watch_by(&self, mut command: Command) -> Watch {
        let log = std::fs::File::create(self.folder.path().join("watch.log")).expect("a log");
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("the watch starts");
        let watch = Watch { child };
        let shown = |name: &str| std::fs::read(format!("/proc/{}/{name}", watch.child.id())).unwrap_or_default();
        no_secret("its arguments", &shown("cmdline"));
        no_secret("its environment", &shown("environ"));
        watch
    }

    /// The bridge that `embedded` keeps, alive and seen by the watch.
    pub(crate) fn wait_bridge(&self) -> u32 {
        self.wait("a bridge", || {
            let pid = u32::try_from(self.status()?["check"]["facts"]["process"]["pid"].as_u64()?).ok()?;
            alive(pid).then_some(pid)
        })
    }

    /// The watch's own words, for the message of a test that fails.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("watch.log")).unwrap_or_default()
    }

    /// Polls until `look` finds something.
    pub(crate) fn wait<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < until, "waited in vain for: {what}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The status file, as the watch wrote it last.
    pub(crate) fn status(&self) -> Option<Value> {
        serde_json::from_str(&std::fs::read_to_string(self.state().join("status.json")).ok()?).ok()
    }

    /// Waits until the watch has seen this state and cause; a healthy bridge for long enough that its death is not its
    /// manager's business alone.
    pub(crate) fn wait_verdict(&self, state: &str, cause: &str) -> Value {
        self.wait(&format!("{state} {cause}"), || {
            let status = self.status()?;
            let verdict = &status["verdict"];
            let settled = state != "healthy" || status["history"]["run"]["age"].as_f64().is_some_and(|age| age >= 0.5);
            (verdict["state"] == state && verdict["cause"] == cause && settled).then_some(status)
        })
    }

    /// Waits until the watch has seen this process.
    pub(crate) fn wait_seen(&self, pid: u32) {
        self.wait(&format!("pid {pid} to be seen"), || {
            (self.status()?["check"]["facts"]["process"]["pid"] == pid).then_some(())
        });
    }

    pub(crate) fn wait_journal(&self, words: &str) -> String {
        self.wait(words, || self.journal().lines().find(|line| line.contains(words)).map(str::to_owned))
    }

    /// Waits until a process is so many seconds old: a run that has lasted is treated otherwise than a young one.
    pub(crate) fn wait_aged(&self, pid: u32, seconds: f64) {
        let aged =
            || bridge_watchdog::system::process::find(pid).filter(|process| process.age.as_secs_f64() >= seconds);
        self.wait(&format!("pid {pid} being {seconds} s old"), aged);
    }

    /// Waits until the watch has looked `more` times: what it does at every look it has then done.
    pub(crate) fn wait_looks(&self, more: usize) {
        let mut seen = std::collections::HashSet::new();
        self.wait(&format!("{more} more looks"), || {
            seen.extend(self.status().map(|status| status["clock"]["mono"].to_string()));
            (seen.len() > more).then_some(())
        });
    }

    /// Crash and start events of the history.
    pub(crate) fn events(&self, kind: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.data("crash_history.jsonl")).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("no torn line"))
            .filter(|event| event["event_type"] == kind)
            .collect()
    }

    /// The acts of the journal: every line that says what was done to whom.
    pub(crate) fn acts(&self) -> Vec<String> {
        self.journal().lines().filter_map(|line| line.split_once("act: ").map(|(_, act)| act.to_owned())).collect()
    }

    /// The rungs that were climbed, each with its outcome: `2 done: pid 4312 is up after 1 s`.
    pub(crate) fn rungs(&self) -> Vec<String> {
        let journal = self.journal();
        let after_the_time = journal.lines().filter_map(|line| line.get(20..));
        after_the_time.filter_map(|line| line.strip_prefix("rung ").map(str::to_owned)).collect()
    }

    /// A bridge of `embedded` outlives its watch on purpose, and one that left its group its manager; not their scene. A
    /// watch that is still there, since a test let go of its scene first, is ended before the bridge, which it would start
    /// again.
    fn end_all(&self) {
        let environment = self.environment_file();
        let given = environment.as_os_str().as_encoded_bytes();
        let is_watch = |pid: u32| {
            let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.split(|byte| *byte == 0).any(|word| word == given)
        };
        let is_bridge = |pid: u32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == self.root);
        bridge_watchdog::system::poll::until(PATIENCE, || !end_each(is_watch) && !end_each(is_bridge));
    }
}

/// A Telegram that sends back what it gets.
fn answer(listener: TcpListener, pushes: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        while let Ok((mut connection, _)) = listener.accept() {
            let pushes = pushes.clone();
            std::thread::spawn(move || {
                let _ = connection.set_read_timeout(Some(Duration::from_millis(100)));
                let mut bytes = [0; 256];
                loop {
                    match connection.read(&mut bytes) {
                        Ok(0) => return,
                        Ok(read) => drop(connection.write(&bytes[..read])),
                        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                        Err(_) => return,
                    }
                    if pushes.load(Ordering::Relaxed) {
                        let _ = connection.write(b"update");
                    }
                }
            });
        }
    });
}

impl Watch {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: whatever it was doing.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Telegram's address. On Linux each scene has one of its own: whether anybody on this machine is connected to Telegram may
/// decide, and the connections of other tests must not.
fn telegrams_host() -> Ipv4Addr {
    static SCENES: AtomicU8 = AtomicU8::new(0);
    if !cfg!(target_os = "linux") {
        return Ipv4Addr::LOCALHOST;
    }
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 100 + SCENES.fetch_add(1, Ordering::Relaxed) % 100, high, low.clamp(1, 254))
}

/// The product's own binary.
pub(crate) fn product() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_bridge-watchdog"))
}

/// What cargo built beside the tests.
pub(crate) fn beside(name: &str) -> PathBuf {
    let path = product().with_file_name(name);
    assert!(path.exists(), "{} is missing: run all tests, or 'cargo build --examples' first", path.display());
    path
}

/// A program of the test's own. Written by another process: while this one had it open for writing, a child that a
/// neighbour forks would have it too, and nobody may run a file that is being written.
pub(crate) fn executable(path: &Path, text: &str) {
    let write = ["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""];
    let status = Command::new("/bin/sh").args(write).arg(path).arg(text).status().expect("a shell");
    assert!(status.success(), "{} can't be written", path.display());
}

/// Sends a signal to a process that the test itself had started.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
    let _ = rustix::process::kill_process(pid, signal);
}

/// There, and no zombie.
pub(crate) fn alive(pid: u32) -> bool {
    bridge_watchdog::system::process::find(pid).is_some()
}

/// Ends each process of which that is true; whether there was one.
fn end_each(of: impl Fn(u32) -> bool) -> bool {
    let found: Vec<u32> =
        bridge_watchdog::system::process::pids().unwrap_or_default().into_iter().filter(|pid| of(*pid)).collect();
    for pid in &found {
        signal(*pid, rustix::process::Signal::KILL);
    }
    !found.is_empty()
}
