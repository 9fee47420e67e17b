//! A real `systemd --user`, private to one test: its own runtime folder, units, cgroup and mount namespace. Dropped, it
//! ends with everything that it started. If a test can't have one it says so: see [`super::require`].
#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::require::{self, Ability};
use super::scene::{PATIENCE, Scene, alive, executable, signal};

pub(crate) const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// As in the project's own unit.
pub(crate) const ALWAYS: &str = "Restart=always\nRestartSec=10";
const PROGRAMS: [&str; 2] = ["/lib/systemd/systemd", "/usr/lib/systemd/systemd"];

pub(crate) struct Systemd {
    /// Short and without blanks: a socket's path has 108 bytes at most.
    folder: TempDir,
    /// The script that ends everything when its standard input is closed.
    watch_thread: Child,
    pub manager: u32,
}

/// A manager, or `None` after saying why this test is skipped.
pub(crate) fn or_skip() -> Option<Systemd> {
    match Systemd::try_start() {
        Ok(systemd) => Some(systemd),
        Err(why) => {
            require::meets(Ability::Systemd, &Err(why));
            None
        }
    }
}

/// What a private user manager needs, as far as that can be checked without starting one. Without root there may be a
/// real user manager, whose units are a person's: no test touches it.
fn needs() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("systemd is Linux's".into());
    }
    require::root()?;
    for program in [systemd()?, SYSTEMCTL, "/usr/bin/unshare"] {
        if !Path::new(program).exists() {
            return Err(format!("{program} is not installed"));
        }
    }
    let tree = if Path::new("/sys/fs/cgroup/unified").is_dir() { "/sys/fs/cgroup/unified" } else { "/sys/fs/cgroup" };
    if !Path::new(tree).join("cgroup.controllers").exists() {
        return Err(format!("{tree} is no cgroup tree of version 2"));
    }
    static PROBES: AtomicU32 = AtomicU32::new(0);
    let number = PROBES.fetch_add(1, Ordering::Relaxed);
    let probe = Path::new(tree).join(format!("bridge-watchdog-probe-{}-{number}", std::process::id()));
    std::fs::create_dir(&probe).map_err(|error| format!("{tree} gives no cgroup: {error}"))?;
    let kill = probe.join("cgroup.kill").exists();
    std::fs::remove_dir(&probe).map_err(|error| format!("{}: {error}", probe.display()))?;
    if !kill {
        return Err("the kernel has no cgroup.kill (Linux 5.14)".into());
    }
    require::mount().map_err(|why| format!("no mount namespace can be made: {why}"))
}

impl Systemd {
    /// # Errors
    /// Why it can't be started here. Nothing of it is left then.
    pub(crate) fn try_start() -> Result<Systemd, String> {
        needs()?;
        let folder =
            tempfile::Builder::new().prefix("bwt").tempdir_in("/tmp").map_err(|error| format!("/tmp: {error}"))?;
        let said = std::fs::File::create(folder.path().join("script.log")).map_err(|error| format!("/tmp: {error}"))?;
        let mut watch_thread = Command::new("/bin/sh")
            .args(["-c", include_str!("user_manager.sh"), "sh"])
            .arg(folder.path())
            .arg(systemd()?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said)
            // Ctrl-C and a runner's time limit go to the whole group; the script has to outlive the test.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("/bin/sh: {error}"))?;
        let mut line = String::new();
        // Without a line there is no pid, and the script's error says why.
        let _ = BufReader::new(watch_thread.stdout.take().expect("piped")).read_line(&mut line);
        let mut systemd = Systemd { folder, watch_thread, manager: line.trim().parse().unwrap_or(0) };
        let until = Instant::now() + PATIENCE;
        while !systemd.is_up() {
            if !alive(systemd.manager) || Instant::now() > until {
                let end = if alive(systemd.manager) { "did not come up" } else { "ended" };
                systemd.end();
                let said = ["script.log", "manager.log"]
                    .map(|log| std::fs::read_to_string(systemd.folder.path().join(log)).unwrap_or_default());
                return Err(format!("the user manager {end}: {}", said.concat().trim()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(systemd)
    }

    fn is_up(&self) -> bool {
        // Not is-system-running: it says "offline" wherever the caller sees no /run/systemd/system.
        let said = self.systemctl(&["show", "-p", "SystemState", "--value"]).stdout;
        matches!(String::from_utf8_lossy(&said).trim(), "running" | "degraded")
    }

    /// A scene whose bridge is a unit of this manager. Sixty times faster: silence counts after 5 s, a run has reached
    /// its minimum uptime after 0.2 s. A stop may take 2 s. Call `begin` when the scene is as the test wants it.
    pub(crate) fn scene(&self) -> Scene {
        let mut scene = Scene::new("systemd", 60.0);
        scene.env = self.env();
        let recorder = scene.folder.path().join("systemctl");
        executable(&recorder, &format!("#!/bin/sh\necho \"$*\" >> \"$0.calls\"\nexec {SYSTEMCTL} \"$@\"\n"));
        scene.set("systemctl", recorder.to_str().expect("a path"));
        scene
    }

    /// Writes the unit of the scene's bridge and starts it.
    pub(crate) fn begin(&self, scene: &Scene, keys: &str) {
        self.write_unit(&scene.label, &scene.program(), &keys_of(scene, keys));
        self.start_unit(&scene.label);
    }

    /// The variables that a program needs to reach this manager and no other.
    pub(crate) fn env(&self) -> Vec<(&'static str, PathBuf)> {
        let home = self.folder.path().join("home");
        vec![
            ("XDG_RUNTIME_DIR", self.folder.path().join("run")),
            ("XDG_CONFIG_HOME", home.join(".config")),
            ("HOME", home),
        ]
    }

    /// The folder of the user's own units.
    pub(crate) fn units(&self) -> PathBuf {
        self.folder.path().join("home/.config/systemd/user")
    }

    /// The folder of the distribution's units, which a person can mask.
    pub(crate) fn vendor_units(&self) -> PathBuf {
        self.folder.path().join("units")
    }

    /// Writes `LABEL.service` with these lines in `[Service]`, enables it and lets the manager read it.
    pub(crate) fn write_unit(&self, label: &str, program: &[&str], keys: &str) {
        let words: Vec<String> = program.iter().map(|word| quoted(word)).collect();
        self.write_text(label, &format!("[Service]\nExecStart={}\n{keys}\n", words.join(" ")));
    }

    /// The same with a given text.
    pub(crate) fn write_text(&self, label: &str, text: &str) {
        std::fs::write(self.units().join(format!("{label}.service")), text).expect("a unit file");
        // As `systemctl enable` does it; a unit that is not enabled is forgotten by systemd when it stops.
        let wants = self.units().join("default.target.wants");
        std::fs::create_dir_all(&wants).expect("a folder");
        let _ = std::os::unix::fs::symlink(format!("../{label}.service"), wants.join(format!("{label}.service")));
        self.reload();
    }

    pub(crate) fn reload(&self) {
        self.ok(&["daemon-reload"]);
    }

    /// Not waited for: where a unit waits for its restart, `start` would wait too.
    pub(crate) fn start_unit(&self, label: &str) {
        self.ok(&["start", "--no-block", &format!("{label}.service")]);
    }

    /// As the operator does it.
    pub(crate) fn stop_unit(&self, label: &str) {
        self.ok(&["stop", &format!("{label}.service")]);
    }

    /// Runs systemctl from the test itself; it has to succeed.
    pub(crate) fn ok(&self, args: &[&str]) {
        let output = self.systemctl(args);
        assert!(output.status.success(), "systemctl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn systemctl(&self, args: &[&str]) -> Output {
        let mut command = Command::new(SYSTEMCTL);
        command.env_remove("DBUS_SESSION_BUS_ADDRESS").envs(self.env()).env("LC_ALL", "C");
        command.arg("--user").args(args).stdin(Stdio::null()).output().expect("systemctl runs")
    }

    pub(crate) fn show(&self, label: &str) -> HashMap<String, String> {
        let said = self.systemctl(&["show", &format!("{label}.service")]).stdout;
        let text = String::from_utf8_lossy(&said).into_owned();
        text.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.into(), value.into())).collect()
    }

    pub(crate) fn property(&self, label: &str, key: &str) -> String {
        self.show(label).remove(key).unwrap_or_default()
    }

    pub(crate) fn pid(&self, label: &str) -> Option<u32> {
        self.property(label, "MainPID").parse().ok().filter(|pid| *pid > 0 && alive(*pid))
    }

    pub(crate) fn wait_pid(&self, label: &str) -> u32 {
        wait(&format!("a pid of {label}"), || self.pid(label))
    }

    /// Waits until the unit is in this `SubState`.
    pub(crate) fn wait_sub(&self, label: &str, sub: &str) {
        wait(&format!("{label} to be {sub}"), || (self.property(label, "SubState") == sub).then_some(()));
    }

    /// The manager does not answer any more.
    pub(crate) fn freeze(&self) {
        signal(self.manager, Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        signal(self.manager, Signal::CONT);
    }

    /// Ends the manager and all of its units, as a logout without lingering does.
    pub(crate) fn end(&mut self) {
        drop(self.watch_thread.stdin.take());
        let _ = self.watch_thread.wait();
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        self.end();
    }
}

/// Everything that the scene's program asked of systemctl: `show …`, `restart …`.
pub(crate) fn calls(scene: &Scene) -> Vec<String> {
    let text = std::fs::read_to_string(scene.folder.path().join("systemctl.calls")).unwrap_or_default();
    text.lines().map(|line| line.trim_start_matches("--user --no-pager ").to_owned()).collect()
}

/// The verbs among them that change something.
pub(crate) fn verbs(scene: &Scene) -> Vec<String> {
    let verbs = calls(scene).into_iter().filter_map(|call| call.split(' ').next().map(str::to_owned));
    verbs.filter(|verb| !matches!(verb.as_str(), "show" | "show-environment")).collect()
}

/// The `[Service]` lines of the scene's bridge.
pub(crate) fn keys_of(scene: &Scene, keys: &str) -> String {
    let (root, log, error_log) = (scene.root.display(), scene.log(), scene.error_log());
    format!(
        "WorkingDirectory={root}\nStandardOutput=append:{}\nStandardError=append:{}\nTimeoutStopSec=2\n{keys}",
        log.display(),
        error_log.display()
    )
}

fn systemd() -> Result<&'static str, String> {
    let found = PROGRAMS.into_iter().find(|path| Path::new(path).exists());
    found.ok_or_else(|| format!("{} is not installed", PROGRAMS[0]))
}

/// A word of `ExecStart=`, as systemd.service(5) wants it.
fn quoted(word: &str) -> String {
    let plain = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{plain}\"")
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
