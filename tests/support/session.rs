//! The bridge's session database and other programs on it: the `sqlite3` shell, Python's sqlite3, Telethon.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use super::scene::{PATIENCE, Scene, alive};

/// The other programs; see its first lines.
pub(crate) const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/session.py");
/// What `make test-tools` installs.
const TELETHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/telethon-venv/bin/python");

/// Python without anything: the system's own where there is one, since the one on the path may be a wrapper.
pub(crate) fn python() -> PathBuf {
    let systems = PathBuf::from("/usr/bin/python3");
    if systems.exists() { systems } else { "python3".into() }
}

/// A Python that has Telethon.
pub(crate) fn telethon_python() -> &'static Path {
    Path::new(TELETHON)
}

/// A program on the session. Killed when dropped.
pub(crate) struct Client {
    pub child: Child,
    output: PathBuf,
}

impl Client {
    /// Python, with these words after the script's name: `hold`, a path, statements.
    pub(crate) fn python(scene: &Scene, words: &[&str]) -> Client {
        Client::start(scene, Command::new(python()).arg(SCRIPT).args(words))
    }

    pub(crate) fn telethon(scene: &Scene, words: &[&str]) -> Client {
        Client::start(scene, Command::new(telethon_python()).arg(SCRIPT).args(words))
    }

    /// An open transaction on the session by Python's sqlite3.
    pub(crate) fn holding(scene: &Scene, statements: &[&str]) -> Client {
        let session = session_of(scene);
        Client::python(scene, &[&["hold", &session], statements].concat())
    }

    /// The `sqlite3` shell after these statements, still open.
    pub(crate) fn shell(scene: &Scene, database: &Path, statements: &str) -> Client {
        let mut client = Client::spawn(scene, Command::new("sqlite3").args(["-batch", "-bail"]).arg(database));
        let input = client.child.stdin.as_mut().expect("its input");
        writeln!(input, "{statements}\n.print ready").expect("it reads");
        client.wait_ready();
        client
    }

    /// Any program that says `ready`.
    pub(crate) fn start(scene: &Scene, command: &mut Command) -> Client {
        let mut client = Client::spawn(scene, command);
        client.wait_ready();
        client
    }

    /// Its input stays open, so that a shell does not end.
    fn spawn(scene: &Scene, command: &mut Command) -> Client {
        let (output, file) = fresh_output(scene);
        let errors = file.try_clone().expect("a file");
        let spawned =
            command.current_dir(scene.folder.path()).stdin(Stdio::piped()).stdout(file).stderr(errors).spawn();
        Client { child: spawned.unwrap_or_else(|error| panic!("{command:?}: {error}")), output }
    }

    fn wait_ready(&mut self) {
        let until = Instant::now() + PATIENCE;
        while !self.said().iter().any(|line| line == "ready") {
            let ended = self.child.try_wait().expect("our own child can be asked");
            assert!(ended.is_none() && Instant::now() < until, "it is not ready ({ended:?}): {:?}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks the one that it is for something, and waits for its next line.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        let before = self.said().len();
        writeln!(self.child.stdin.as_mut().expect("its input"), "{line}").expect("it reads");
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = self.said().get(before) {
                return answer.clone();
            }
            assert!(Instant::now() < until, "no answer: {:?}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn said(&self) -> Vec<String> {
        lines(&self.output)
    }

    /// The signal that ended it, or 0 for an exit; nothing while it lives.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.try_wait().expect("our own child can be asked")?;
        Some(status.signal().unwrap_or(0))
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A new file for what a program says.
pub(crate) fn fresh_output(scene: &Scene) -> (PathBuf, std::fs::File) {
    let (file, path) = tempfile::NamedTempFile::with_prefix_in("said-", scene.folder.path())
        .and_then(|file| file.keep().map_err(|error| error.error))
        .expect("a file");
    (path, file)
}

/// The whole lines of a file.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(|line| line.trim_end().to_owned()).collect()
}

/// The session's path, as a word for a program.
pub(crate) fn session_of(scene: &Scene) -> String {
    scene.data("valor_bridge.session").to_str().expect("a path").to_owned()
}

/// A database in this journal mode, with some rows in it.
pub(crate) fn database(path: &Path, mode: &str) {
    let made = Connection::open(path).expect("a database");
    made.pragma_update(None, "journal_mode", mode).expect("a journal mode");
    made.execute_batch(
        "create table rows (n integer, k integer, filler blob);
         create table tally (slot integer primary key, n integer);
         with recursive c(i) as (select 0 union all select i + 1 from c where i < 99)
         insert into tally select i, 0 from c;
         create table login (auth_key blob);
         insert into login values (x'5ec2e7');",
    )
    .expect("tables");
}

/// An open transaction on the session by another user than ours. We have to be root.
pub(crate) fn as_nobody(scene: &Scene, statements: &[&str]) -> Client {
    use std::os::unix::fs::PermissionsExt;
    // The way to the session, the script and the session itself have to be open to that user.
    let script = scene.folder.path().join("session.py");
    std::fs::copy(SCRIPT, &script).expect("a copy");
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
    };
    for folder in [scene.folder.path(), &scene.root] {
        mode(folder, 0o755);
    }
    mode(&scene.data(""), 0o777);
    mode(&scene.data("valor_bridge.session"), 0o666);
    mode(&script, 0o644);
    let session = session_of(scene);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--clear-groups"]).arg(python()).arg(&script).args(["hold", &session]);
    Client::start(scene, command.args(statements))
}

/// What another program finds in a session that is in order.
pub(crate) fn integrity(path: &Path) -> String {
    let session = Connection::open(path).expect("the session opens");
    session.query_row("pragma integrity_check", [], |row| row.get(0)).expect("it can be checked")
}

/// Each file of a folder (none of its folders) whose name `counts`: inode and bytes.
pub(crate) fn files(folder: &Path, counts: impl Fn(&str) -> bool) -> BTreeMap<String, (u64, Vec<u8>)> {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let named = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry));
    named
        .filter(|(name, entry)| counts(name) && entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|(name, entry)| {
            let bytes = std::fs::read(entry.path()).expect("a file");
            (name, (entry.metadata().expect("a file").ino(), bytes))
        })
        .collect()
}

/// `locks --json`.
pub(crate) fn locks(scene: &Scene) -> Value {
    let output = scene.run(&["locks", "--json"]);
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}{errors}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// The entries of a process in both lists.
pub(crate) fn named(locks: &Value, pid: u32) -> (Vec<&Value>, Vec<&Value>) {
    let of = |list: &str| {
        let list = locks[list].as_array().unwrap_or_else(|| panic!("no list '{list}': {locks:#}"));
        list.iter().filter(|entry| entry["pid"] == pid).collect()
    };
    (of("holders"), of("open"))
}

/// Its place in `locks --json`: the lock that it holds, or `open`, or nothing.
pub(crate) fn place(locks: &Value, pid: u32) -> Option<String> {
    let (holders, open) = named(locks, pid);
    assert!(holders.len() + open.len() <= 1, "pid {pid} is named once at most: {locks:#}");
    let held = holders.first().map(|entry| entry["lock"].as_str().expect("a lock").to_owned());
    held.or(open.first().map(|_| "open".to_owned()))
}

/// `clean-locks`: its exit code and all that it said.
pub(crate) fn clean_locks(scene: &Scene) -> (Option<i32>, String) {
    let output = scene.run(&["clean-locks"]);
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    (output.status.code(), said)
}

/// The bridge that `embedded` has started, whether a watch runs or not.
pub(crate) fn embedded_bridge(scene: &Scene) -> Option<u32> {
    let kept = std::fs::read_to_string(scene.state().join("embedded.json")).ok()?;
    let kept: Value = serde_json::from_str(&kept).ok()?;
    let pid = u32::try_from(kept["child"]["pid"].as_u64()?).ok()?;
    alive(pid).then_some(pid)
}

/// The words of a bridge on Telethon whose transactions stay open for so long.
pub(crate) fn telethon_bridge(scene: &mut Scene, seconds: &str) {
    let python = telethon_python().to_str().expect("a path");
    scene.program_is(&[python, SCRIPT, "bridge", "data/valor_bridge.session", seconds]);
}

/// A login in the session, by Telethon.
pub(crate) fn log_in(scene: &Scene) {
    Client::telethon(scene, &["telethon-login", &session_of(scene)]).kill();
}

/// The authorisation key that the session of a client of ours has to have.
pub(crate) fn has_auth_key(path: &Path) -> bool {
    let session = Connection::open(path).expect("the session opens");
    let keys = session
        .prepare("select auth_key from sessions")
        .and_then(|mut rows| rows.query_map([], |row| row.get::<_, Vec<u8>>(0))?.collect::<rusqlite::Result<Vec<_>>>());
    keys.expect("the login can be read") == [(0..=255).collect::<Vec<u8>>()]
}

/// A bridge that leaves the session alone, so that what is in order there was brought into order by others.
pub(crate) const WITHOUT_SESSION: &str = "\
trap 'exit 0' TERM
echo 'INFO Connected to Telegram'
while :; do echo 'INFO [heartbeat] Bridge alive (uptime=1m)'; sleep 0.2; done
";
