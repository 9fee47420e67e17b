//! What `run` costs by being there: memory, CPU an hour, the size of its file; beside a loop that only sleeps.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::Signal;

use crate::setup::Running;
use crate::support::{PATIENCE, Scene, beside as built, product, signal};
use crate::table::{Row, beside, row};
use crate::usage::{cpu_of, resident};

/// An hour has so many ticks of 60 s.
const HOUR: u32 = 60;
/// The start is over after this time.
const STARTED: Duration = Duration::from_secs(10);

pub(crate) fn rows() -> Vec<Row> {
    let (scene, shipped) = shipped();
    let quick = Quick::start();
    let bare =
        Running::start(Command::new(built("examples/bare-loop")).arg("1"), &scene.folder.path().join("bare.log"));
    std::thread::sleep(STARTED);
    let both = [quick.watch.pid(), bare.pid()];
    let before = both.map(cpu_of);
    std::thread::sleep(Duration::from_secs(u64::from(HOUR)));
    let [ours, least] = [0, 1].map(|which| cpu_of(both[which]) - before[which]);
    let healthy = resident(quick.watch.pid()).max(resident(shipped.pid()));
    let after = quick.after_an_incident();
    vec![
        row(
            "resident, `run`, healthy",
            8.0,
            healthy,
            "MB",
            "the release binary, and one with a connection: the larger",
        ),
        row("resident after a crash and an alert", 8.0, after, "MB", "one bridge killed and healed, one DM sent"),
        beside("  beside it: a loop that only sleeps", resident(bare.pid()), "MB", ""),
        row("CPU an hour, `run`", 0.2, ours, "s", "60 ticks, a second apart instead of a minute"),
        beside("  beside it: a loop that only sleeps", least, "s", "60 wake-ups, a second apart"),
        row("release binary, stripped", 10.0, file_size(), "MB", links()),
    ]
}

/// The release binary itself, in its real environment: only its folders are a scene's.
fn shipped() -> (Scene, Running) {
    let scene = Scene::new("embedded", 1.0);
    let home = scene.folder.path().join("home");
    // The program has a folder of its own in XDG_STATE_HOME; the scene looks for it in `state`.
    std::fs::create_dir_all(home.join("xdg/bridge-watchdog")).expect("a state folder");
    std::os::unix::fs::symlink("xdg/bridge-watchdog", home.join("state")).expect("the scene's state folder");
    let mut command = Command::new(product());
    command.arg("--config").arg(scene.config_file()).arg("run");
    command.env("HOME", &home).env("XDG_CONFIG_HOME", home.join("config")).env("XDG_STATE_HOME", home.join("xdg"));
    let running = Running::start(&mut command, &scene.folder.path().join("watch.log"));
    (scene, running)
}

/// The same program with a tick of 1 s, and a Telegram that takes its messages.
struct Quick {
    /// Dropped first: while it lives it would start the bridge that the scene ends.
    watch: Running,
    scene: Scene,
    messages: std::sync::mpsc::Receiver<()>,
}

impl Quick {
    fn start() -> Quick {
        let api = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let mut scene = Scene::new("embedded", 1.0);
        scene.set("tick", 1.0);
        scene.set("min_uptime", 2.0);
        scene.extra = format!(
            "[telegram]\nbot_token = \"1234:abc\"\nchat_id = 7\napi_url = \"http://{}\"\n",
            api.local_addr().expect("an address")
        );
        scene.write();
        let (tell, messages) = channel();
        std::thread::spawn(move || {
            for mut connection in api.incoming().flatten() {
                let _ = connection.read(&mut [0; 4096]);
                let answer = r#"{"ok":true,"result":{"message_id":1}}"#;
                let length = answer.len();
                let _ = write!(
                    connection,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
                );
                let _ = tell.send(());
            }
        });
        let watch = Running::start(&mut scene.command(&["run"]), &scene.folder.path().join("watch.log"));
        Quick { watch, scene, messages }
    }

    fn after_an_incident(&self) -> f64 {
        let pid = |status: serde_json::Value| u32::try_from(status["history"]["run"]["id"]["pid"].as_u64()?).ok();
        let before = self.scene.wait("a bridge", || pid(self.scene.status()?));
        signal(before, Signal::KILL);
        self.scene.wait("another bridge", || pid(self.scene.status()?).filter(|pid| *pid != before));
        std::fs::write(self.scene.data("bridge-auth-required"), "").expect("a marker");
        self.messages.recv_timeout(PATIENCE).expect("a message");
        // Its thread has ended and two more ticks are over.
        std::thread::sleep(Duration::from_secs(3));
        resident(self.watch.pid())
    }
}

fn file_size() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "bytes of a file")]
    let megabytes = std::fs::metadata(product()).expect("the product").len() as f64 / 1e6;
    megabytes
}

/// What it links, by the platform's own tool.
fn links() -> String {
    let (tool, arg) = if cfg!(target_os = "macos") { ("otool", "-L") } else { ("ldd", "--") };
    let Ok(output) = Command::new(tool).arg(arg).arg(product()).output() else { return format!("{tool} is missing") };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.rsplit('/').next())
        .filter(|name| name.contains(".so") || name.contains(".dylib"))
        .map(|name| name.split('.').next().unwrap_or(name))
        .collect();
    format!("links {}", names.join(" "))
}
