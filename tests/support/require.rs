//! What tests need of the machine besides a kernel and a shell. A test whose need is not met says so and passes: not
//! every machine can have all of it. `BRIDGE_WATCHDOG_REQUIRE` names what this machine has: for those needs a skip is a
//! failure, so that a green run really ran them.
//!
//!     BRIDGE_WATCHDOG_REQUIRE=systemd,panel cargo test

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{Desktop, Systemd, session, test_api};

pub(crate) const VARIABLE: &str = "BRIDGE_WATCHDOG_REQUIRE";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ability {
    /// A `systemd --user` of the test's own.
    Systemd,
    /// A display, a session bus and a panel of the test's own.
    Panel,
    /// The platform's own reader of property lists.
    Plist,
    Root,
    /// A mount namespace with a tmpfs of a given size in it.
    Mount,
    /// A btrfs in such a namespace.
    Btrfs,
    /// The `sqlite3` shell, and Python with its sqlite3.
    Sqlite,
    /// A Python that has Telethon.
    Telethon,
    /// An emulator of the Bot API, and a node that runs it.
    TestApi,
    /// What builds and reads Debian packages.
    Deb,
}

impl Ability {
    pub(crate) const ALL: [Ability; 10] = [
        Ability::Systemd,
        Ability::Panel,
        Ability::Plist,
        Ability::Root,
        Ability::Mount,
        Ability::Btrfs,
        Ability::Sqlite,
        Ability::Telethon,
        Ability::TestApi,
        Ability::Deb,
    ];

    /// As the variable names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Ability::Systemd => "systemd",
            Ability::Panel => "panel",
            Ability::Plist => "plist",
            Ability::Root => "root",
            Ability::Mount => "mount",
            Ability::Btrfs => "btrfs",
            Ability::Sqlite => "sqlite",
            Ability::Telethon => "telethon",
            Ability::TestApi => "telegram-test-api",
            Ability::Deb => "deb",
        }
    }
}

/// What happens to a test, or to a part of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Run,
    /// The line that is printed.
    Skip(String),
    /// The message of the failure.
    Fail(String),
}

/// Pure: from the variable and from what was found of this ability.
pub(crate) fn decide(variable: &str, ability: Ability, found: &Result<(), String>) -> Decision {
    let required: Vec<&str> = variable.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(name) = required.iter().find(|name| Ability::ALL.iter().all(|known| known.name() != **name)) {
        let known = Ability::ALL.map(Ability::name).join(", ");
        return Decision::Fail(format!("{VARIABLE} names '{name}', which is not known; the names are {known}"));
    }
    let name = ability.name();
    match found {
        Ok(()) => Decision::Run,
        Err(why) if required.contains(&name) => {
            Decision::Fail(format!("{VARIABLE} requires {name}, which is not here: {why}"))
        }
        Err(why) => Decision::Skip(format!("{name} is not here: {why}")),
    }
}

/// Whether a test, or a part of it, can run here. If not, a line has been printed.
pub(crate) fn has(ability: Ability) -> bool {
    meets(ability, &found(ability))
}

/// The same for what the test has tried itself.
pub(crate) fn meets(ability: Ability, found: &Result<(), String>) -> bool {
    let variable = std::env::var_os(VARIABLE).unwrap_or_default();
    match decide(&variable.to_string_lossy(), ability, found) {
        Decision::Run => true,
        Decision::Skip(why) => {
            let thread = std::thread::current();
            // Not eprintln: the harness hides that if a test passes.
            let _ = writeln!(std::io::stderr(), "SKIPPED {}: {why}", thread.name().unwrap_or("a test"));
            false
        }
        Decision::Fail(why) => panic!("{why}"),
    }
}

/// What this machine has, or why not. Each is really tried.
///
/// # Errors
/// The reason.
pub(crate) fn found(ability: Ability) -> Result<(), String> {
    match ability {
        Ability::Systemd => Systemd::try_start().map(drop),
        Ability::Panel => Desktop::try_start(&[]).map(drop),
        Ability::Plist => {
            let program = if cfg!(target_os = "macos") { "plutil" } else { "plistutil" };
            on_path(program).map(drop)
        }
        Ability::Root => root(),
        Ability::Mount => mount(),
        Ability::Btrfs => btrfs(),
        Ability::Sqlite => {
            on_path("sqlite3").and_then(|_| succeeds(Command::new(session::python()).args(["-c", "import sqlite3"])))
        }
        Ability::Telethon => telethon(),
        Ability::TestApi => test_api(),
        Ability::Deb => on_path("dpkg-deb").and_then(|_| on_path("dpkg-shlibdeps")).map(drop),
    }
}

pub(crate) fn root() -> Result<(), String> {
    let user = rustix::process::geteuid();
    if user.is_root() { Ok(()) } else { Err(format!("this is user {}, not root", user.as_raw())) }
}

/// Root alone is not enough: a container's root may make no mount namespace.
pub(crate) fn mount() -> Result<(), String> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            if !cfg!(target_os = "linux") {
                return Err("mount namespaces are Linux's".into());
            }
            let tmpfs = "mount -t tmpfs -o mode=700,size=1m tmpfs \"$0\"";
            let folder = tempfile::tempdir().map_err(|error| format!("there is no temporary folder: {error}"))?;
            let words = ["--mount", "--propagation", "private", "/bin/sh", "-c", tmpfs];
            succeeds(Command::new("unshare").args(words).arg(folder.path()))
        })
        .clone()
}

/// The kernel may have it or not, and so may a container.
pub(crate) fn btrfs() -> Result<(), String> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            mount()?;
            on_path("mkfs.btrfs")?;
            let script = "cd \"$0\" && truncate -s 300M img && mkfs.btrfs -q img && mkdir mnt && mount -o loop img mnt";
            let folder = tempfile::tempdir().map_err(|error| format!("there is no temporary folder: {error}"))?;
            let words = ["--mount", "--propagation", "private", "/bin/sh", "-c", script];
            succeeds(Command::new("unshare").args(words).arg(folder.path()))
        })
        .clone()
}

/// Installed by `make test-tools`, where a registry can be reached. To load it takes a second, so it is only looked at.
pub(crate) fn telethon() -> Result<(), String> {
    let python = session::telethon_python();
    // Written last: without it the installation was broken off.
    let found = python.with_file_name("../installed.txt").exists();
    found.then_some(()).ok_or_else(|| format!("{} is not there; run 'make test-tools'", python.display()))
}

/// Installed by `make campaign`, where a registry can be reached and there is a node.
pub(crate) fn test_api() -> Result<(), String> {
    on_path("node")?;
    let whole = test_api::installed();
    whole.exists().then_some(()).ok_or_else(|| format!("{} is not there; run 'make campaign'", whole.display()))
}

/// Runs it to its end; what it said is the reason.
pub(crate) fn succeeds(command: &mut Command) -> Result<(), String> {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name} can't be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{name} failed ({}): {said}", output.status)) }
}

/// Where a shell would find it.
fn on_path(program: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| Path::is_file(path));
    found.ok_or_else(|| format!("{program} is not installed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_here_is_skipped_unless_it_is_required() {
        let here = Ok(());
        let gone = Err("no /dev/here".to_owned());
        let skip = || Decision::Skip("panel is not here: no /dev/here".into());
        let required =
            || Decision::Fail("BRIDGE_WATCHDOG_REQUIRE requires panel, which is not here: no /dev/here".into());
        let unknown = |name: &str| {
            Decision::Fail(format!(
                "BRIDGE_WATCHDOG_REQUIRE names '{name}', which is not known; the names are systemd, panel, plist, root, \
                 mount, btrfs, sqlite, telethon, telegram-test-api, deb"
            ))
        };
        let rows = [
            ("", &here, Decision::Run),
            ("", &gone, skip()),
            ("panel", &here, Decision::Run),
            ("panel", &gone, required()),
            (" systemd , panel,", &gone, required()),
            ("systemd,root", &gone, skip()),
            ("systemd,root", &here, Decision::Run),
            // A misspelt name would otherwise silently require nothing.
            ("panels", &here, unknown("panels")),
            ("panel,Root", &gone, unknown("Root")),
            ("panel root", &gone, unknown("panel root")),
        ];
        for (variable, found, expected) in rows {
            assert_eq!(decide(variable, Ability::Panel, found), expected, "'{variable}' {found:?}");
        }
    }

    /// What is required has to be here, even if no other test asks for it. The printed list says what a run could do.
    #[test]
    fn what_this_machine_has() {
        let found = Ability::ALL.map(|ability| (ability, found(ability)));
        for (ability, found) in &found {
            let words = found.as_ref().err().map_or_else(|| "yes".into(), |why| format!("no: {why}"));
            println!("{:17} {words}", ability.name());
        }
        for (ability, found) in &found {
            meets(*ability, found);
        }
    }
}
