//! A private `systemd --user` in a folder of its own: it needs root, and a mount namespace and cgroups of its own, since
//! systemd refuses to run where `/run/systemd/system` is missing. Nothing of the machine's changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub struct Systemd {
    folder: TempDir,
    /// Ours in each hierarchy; the first is that in which systemd tracks its units.
    cgroups: Vec<PathBuf>,
}

impl Systemd {
    /// # Errors
    /// Why none can run here.
    pub fn start() -> Result<Systemd, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("a private user manager needs root".into());
        }
        if !Path::new("/lib/systemd/systemd").exists() {
            return Err("systemd is not installed".into());
        }
        let folder = tempfile::Builder::new().prefix("bwb").tempdir().map_err(|error| error.to_string())?;
        let mut systemd = Systemd { folder, cgroups: Vec::new() };
        systemd.raise().map_err(|error| format!("a private user manager can't be started: {error}"))?;
        let until = Instant::now() + Duration::from_secs(20);
        while !matches!(systemd.systemctl(&["show", "-p", "SystemState", "--value"]).trim(), "running" | "degraded") {
            if Instant::now() > until {
                return Err("the private user manager does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(systemd)
    }

    /// Writes a unit and starts it. It is not enabled.
    pub fn load(&self, label: &str, service: &str) {
        let path = self.folder.path().join("home/.config/systemd/user").join(format!("{label}.service"));
        fs::write(path, format!("[Service]\n{service}")).expect("a unit");
        self.systemctl(&["daemon-reload"]);
        self.systemctl(&["start", "--", &format!("{label}.service")]);
    }

    pub fn systemctl(&self, args: &[&str]) -> String {
        let mut command = Command::new("/usr/bin/systemctl");
        command.args(["--user", "--no-pager"]).args(args).envs(self.env()).stdin(Stdio::null());
        let output = command.output().expect("systemctl runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a program needs to reach this manager and no other.
    pub fn env(&self) -> [(&'static str, PathBuf); 4] {
        let folder = self.folder.path();
        [
            ("HOME", folder.join("home")),
            ("XDG_RUNTIME_DIR", folder.join("run")),
            ("XDG_CONFIG_HOME", folder.join("home/.config")),
            ("DBUS_SESSION_BUS_ADDRESS", PathBuf::from(format!("unix:path={}/run/bus", folder.display()))),
        ]
    }

    fn raise(&mut self) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.folder.path();
        for name in ["home/.config/systemd/user", "units", "run"] {
            fs::create_dir_all(folder.join(name))?;
        }
        fs::set_permissions(folder.join("run"), fs::Permissions::from_mode(0o700))?;
        // Only what a service's default dependencies name, so that no socket of the machine's units is opened.
        for name in ["basic", "sysinit", "shutdown", "default", "sockets", "timers", "paths"] {
            let text = "[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\n";
            fs::write(folder.join(format!("units/{name}.target")), text)?;
        }
        let unified = Path::new("/sys/fs/cgroup/unified");
        let roots = if unified.is_dir() {
            vec![unified, Path::new("/sys/fs/cgroup/systemd")]
        } else {
            vec![Path::new("/sys/fs/cgroup")]
        };
        let name = format!("bwb-{}", std::process::id());
        for root in roots.into_iter().filter(|root| root.is_dir()) {
            fs::create_dir(root.join(&name))?;
            self.cgroups.push(root.join(&name));
        }
        // The shell enters the cgroups before anything else, so that one write ends all there will ever be in them.
        let enter = self
            .cgroups
            .iter()
            .fold(String::new(), |text, path| text + &format!("echo $$ > {}/cgroup.procs\n", path.display()));
        // --log-target=null: a user manager writes to the machine's console otherwise. 64m is a bound, not a cost.
        let script = format!(
            "{enter}exec unshare --mount --propagation private sh -c '
                [ -d /run/systemd/system ] || {{ mount -t tmpfs -o mode=755,size=64m tmpfs /run/systemd && mkdir /run/systemd/system; }} || exit 1
                exec /lib/systemd/systemd --user --unit=default.target --log-target=null'"
        );
        let units =
            ["home/.config/systemd/user", "units"].map(|name| folder.join(name).display().to_string()).join(":");
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", &script]).env_clear().envs(self.env()).stdin(Stdio::null());
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("SYSTEMD_UNIT_PATH", units);
        for name in ["SYSTEMD_GENERATOR_PATH", "SYSTEMD_ENVIRONMENT_GENERATOR_PATH"] {
            command.env(name, folder.join("none"));
        }
        let mut shell = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // Reaped when it ends; it is ended by its cgroup.
        std::thread::spawn(move || shell.wait());
        Ok(())
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let Some(first) = self.cgroups.first() else { return };
        let _ = fs::write(first.join("cgroup.kill"), "1");
        let until = Instant::now() + Duration::from_secs(10);
        let populated =
            || fs::read_to_string(first.join("cgroup.events")).is_ok_and(|text| text.contains("populated 1"));
        while populated() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        for cgroup in &self.cgroups {
            // A zombie that nobody has reaped yet keeps its folder busy for a moment.
            while !removed(cgroup) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// The folder and those in it; a cgroup holds no files that could be removed.
fn removed(folder: &Path) -> bool {
    let inner = fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    for entry in inner {
        removed(&entry.path());
    }
    fs::remove_dir(folder).is_ok() || !folder.exists()
}
