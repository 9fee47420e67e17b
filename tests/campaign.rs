//! A test that needs many rounds. `make test` runs a few; `make campaign` sets BRIDGE_WATCHDOG_ROUNDS to hundreds.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::support::decoys::{self, Decoy};
use crate::support::{Launchd, Scene, Watch, alive, keys, load, loaded_with, unloaded};

/// How often: as the variable says, else `few`.
pub(crate) fn rounds(few: u32) -> u32 {
    std::env::var("BRIDGE_WATCHDOG_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(few)
}

/// SIGKILL at any instant of a watch that is busy with a bridge that crashes: no line of the history is torn, the
/// recovery lock is free, and the next start removes the marker and goes on.
#[test]
fn a_watch_killed_at_any_instant_leaves_nothing_in_the_way() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("min_uptime", 0.05);
    scene.bridge(&["--exit", "1", "--after", "0.2"]);
    for round in 0..rounds(4) {
        let mut watch = scene.watch();
        scene.wait("a first look", || scene.status().filter(|status| status["watch"] == watch.pid()));
        // A random instant is the point of the test, so here it sleeps.
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..1500)));
        watch.kill();
        // Parses every line, and panics at a torn one.
        let crashes = scene.events("crash").len();
        let locked = scene.run(&["recover"]).status.code();
        assert_ne!(locked, Some(75), "round {round}: the lock outlived the watch");
        let mut next = scene.watch();
        scene.wait("the watch goes on", || (scene.events("crash").len() > crashes).then_some(()));
        if let Ok(face) = std::fs::read_to_string(scene.data("recovery-in-progress")) {
            // It is replaced by rename, so it is never half written.
            let face: serde_json::Value = serde_json::from_str(&face).expect("a whole face");
            let pid = face["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("a pid");
            assert!(alive(pid), "round {round}: the face of a dead recovery was left");
        }
        next.kill();
    }
}

/// SIGKILL at any instant of a watch that reverts HEAD: HEAD is the commit or its revert, the checkout matches it, and the
/// next watch goes on to a healthy bridge.
#[test]
fn a_watch_killed_while_it_reverts_leaves_one_of_two_good_states() {
    for round in 0..rounds(4) {
        let mut scene = Scene::new("embedded", 60.0);
        scene.set("min_uptime", 0.2);
        scene.set("crash_window", 600.0);
        scene.bridge(&["--source", "bridge.py"]);
        std::fs::write(scene.data("auto-revert-enabled"), "").expect("the opt-in");
        let bad = scene.commit("bridge.py", "import telethonn\n", "Make it faster", 60);
        let mut watch = scene.watch();
        scene.wait_journal("act: revert HEAD");
        // A random instant is the point of the test, so here it sleeps.
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..120)));
        watch.kill();
        let _next = scene.watch();
        scene.wait_verdict("healthy", "none");
        let repository = git2::Repository::open(&scene.root).expect("a repository");
        let head = repository.head().and_then(|head| head.peel_to_commit()).expect("a commit");
        assert_eq!(head.parent_id(0).ok(), Some(bad), "round {round}");
        let text = std::fs::read_to_string(scene.root.join("bridge.py")).expect("a file");
        assert_eq!(text, "a bridge\n", "round {round}");
        let mut options = git2::StatusOptions::new();
        let changed = repository.statuses(Some(options.include_untracked(false))).expect("a status").len();
        assert_eq!(changed, 0, "round {round}: the checkout is not what HEAD says");
        assert!(!scene.root.join(".git/index.lock").exists(), "round {round}");
    }
}

/// Healthy bridges as people run them, each with a watch. For as long as they live none of them may get a signal, be
/// started again or stopped, whatever their logs, sockets and loads look like.
struct Odd {
    name: &'static str,
    scene: Scene,
    watch: Watch,
    bridge: u32,
    /// Whoever else has to live.
    also: Vec<u32>,
    /// They end with it.
    _keepers: (Option<Launchd>, Option<Decoy>),
}

impl Odd {
    fn kept(name: &'static str, change: impl FnOnce(&mut Scene)) -> Odd {
        let mut scene = Scene::new("embedded", 60.0);
        change(&mut scene);
        let watch = scene.watch();
        let bridge = scene.wait_bridge();
        Odd { name, scene, watch, bridge, also: Vec::new(), _keepers: (None, None) }
    }

    fn bridge(name: &'static str, options: &'static [&'static str]) -> Odd {
        Odd::kept(name, |scene| scene.bridge(options))
    }

    fn script(name: &'static str, text: &'static str) -> Odd {
        Odd::kept(name, |scene| scene.script(text))
    }

    fn assert_untouched(&self) {
        let acts = self.scene.acts();
        let harmless = |act: &String| act.starts_with("send an alert");
        assert!(acts.iter().all(harmless), "{}: {acts:?}\n{}", self.name, self.scene.journal());
        let there = std::iter::once(&self.bridge).chain(&self.also).all(|pid| alive(*pid));
        assert!(there, "{}: {}", self.name, self.scene.journal());
        assert_eq!(self.scene.events("crash").len(), 0, "{}", self.name);
        assert!(alive(self.watch.pid()), "{}", self.name);
    }
}

/// Everything that a chat can quote of what the log reader looks for.
const QUOTES: &str = "\
while :; do
echo '2026-11-26 10:00:00,000 [INFO] bridge: [heartbeat] Bridge alive'
echo '2026-11-26 10:00:00,001 [INFO] bridge: message from Ann: \"Received SIGTERM, shutting down gracefully...\"'
echo '2026-11-26 10:00:00,002 [INFO] bridge: message from Ann: database is locked'
echo '2026-11-26 10:00:00,003 [INFO] bridge: message from Ann: A wait of 1800 seconds is required'
echo '2026-11-26 10:00:00,004 [INFO] bridge: message from Ann: OSError: [Errno 28] No space left on device'
echo '2026-11-26 10:00:00,005 [INFO] bridge: message from Ann: Disconnected from Telegram'
echo '2026-11-26 10:00:00,006 [INFO] bridge: message from Ann: AuthKeyUnregisteredError'
echo '[tool-server] Received SIGTERM, shutting down gracefully...' >&2
echo 'Traceback (most recent call last):' >&2
echo 'sqlite3.OperationalError: database is locked' >&2
sleep 0.4
done
";

const JSON: &str = "\
while :; do
echo '{\"time\": \"2026-11-26T10:00:00Z\", \"level\": \"INFO\", \"logger\": \"bridge\", \"message\": \"alive\"}'
echo '{\"level\": \"INFO\", \"message\": \"Ann wrote: Received SIGTERM, shutting down gracefully...\"}'
sleep 0.5
done
";

/// Long work: it uses a core now and then and says nothing for 9 s, however busy the machine is: 15 s are as good as 900.
const BUSY: &str = "\
while :; do
echo 'INFO [heartbeat] Bridge alive'
end=$(($(date +%s) + 9))
while [ $(date +%s) -lt $end ]; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.3; done
done
";

fn odd_bridges() -> Vec<Odd> {
    let mut odd = vec![
        Odd::bridge("buffered", &["--buffer", "8192", "--every", "2", "--ping", "0.8"]),
        Odd::bridge(
            "buffered, a buffer that fills now and then",
            &["--buffer", "512", "--every", "3", "--ping", "0.8"],
        ),
        Odd::bridge("buffered, and nothing moves on its socket", &["--buffer", "8192", "--every", "2"]),
        Odd::bridge("the same, with a buffer that fills now and then", &["--buffer", "512", "--every", "1"]),
        Odd::bridge("quiet but for its heartbeat every 120 s", &["--every", "2"]),
        Odd::bridge("loud", &["--every", "0.02", "--say", "INFO handled a message", "--ping", "0.1"]),
        Odd::kept("behind a proxy", |scene| {
            scene.bridge(&["--buffer", "8192", "--every", "2", "--ping", "0.8"]);
            scene.set("ranges", json!([["127.0.0.99", 32]]));
        }),
        Odd::script("a chat that quotes every sentence", QUOTES),
        Odd::script("a log of JSON objects", JSON),
        Odd::script("long work", BUSY),
    ];
    let (scene, launchd) = loaded_with(&["--ping", "0.8"], &keys(), |scene| {
        scene.extra = "log = \"logs/today.log\"\nerror_log = \"logs/today.error.log\"\n".into();
    });
    let watch = scene.watch();
    let bridge = launchd.wait_pid(&scene.label);
    odd.push(Odd { name: "a log elsewhere", scene, watch, bridge, also: Vec::new(), _keepers: (Some(launchd), None) });
    odd.extend([two_accounts(), under_a_runner(), in_a_terminal()]);
    odd
}

/// Two jobs, one checkout, the same words; the other session comes from an environment variable.
fn two_accounts() -> Odd {
    let (scene, launchd) = loaded_with(&["--ping", "0.8"], &keys(), |_| {});
    let alice = json!({
        "WorkingDirectory": scene.root, "KeepAlive": true, "StandardOutPath": scene.root.join("logs/alice.log"),
        "EnvironmentVariables": {"BRIDGE_SESSION": "data/alice.session"},
    });
    launchd.load("com.example.bridge.alice", &scene.program(), &alice);
    let also = vec![launchd.wait_pid("com.example.bridge.alice")];
    let watch = scene.watch();
    let bridge = launchd.wait_pid(&scene.label);
    Odd { name: "two accounts", scene, watch, bridge, also, _keepers: (Some(launchd), None) }
}

/// `uv run`, `npm`: the job's process only waits for its child.
fn under_a_runner() -> Odd {
    let (scene, launchd) = unloaded(&["--ping", "0.8"], &keys(), |_| {});
    std::fs::write(scene.root.join("run.sh"), format!("{} & wait\n", words(&scene))).expect("a runner");
    let job = json!({"WorkingDirectory": scene.root, "KeepAlive": true, "StandardOutPath": scene.log()});
    launchd.write_plist(&scene.label, &["/bin/sh", "run.sh"], &job);
    load(&scene, &launchd);
    let watch = scene.watch();
    let bridge = launchd.wait_pid(&scene.label);
    let also = vec![below(&scene, bridge)];
    Odd { name: "a runner", scene, watch, bridge, also, _keepers: (Some(launchd), None) }
}

/// tmux or a terminal, and no job.
fn in_a_terminal() -> Odd {
    let (scene, launchd) = unloaded(&["--ping", "0.8"], &keys(), |scene| scene.set("reload", 1.0));
    let mut terminal = Command::new("script");
    terminal.args(["-qfc", &format!("exec {}", words(&scene)), "/dev/null"]).current_dir(&scene.root);
    let terminal = decoys::start("a terminal", &mut terminal);
    let bridge = below(&scene, terminal.1.id());
    let watch = scene.watch();
    let keepers = (Some(launchd), Some(terminal));
    Odd { name: "a terminal, outside its manager", scene, watch, bridge, also: Vec::new(), _keepers: keepers }
}

/// The bridge's words, as a shell takes them.
fn words(scene: &Scene) -> String {
    scene.program().iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
}

fn below(scene: &Scene, parent: u32) -> u32 {
    let family = || bridge_watchdog::system::family::members(parent, None);
    scene.wait("its child", || family().into_iter().find(|pid| *pid != parent))
}

/// An hour of them in `make campaign`, which is sixty hours of theirs; in `make test` 25 min of theirs.
#[test]
fn nothing_that_lives_is_ended() {
    let minutes: f64 =
        std::env::var("BRIDGE_WATCHDOG_MINUTES").ok().and_then(|minutes| minutes.parse().ok()).unwrap_or(0.4);
    let odd = odd_bridges();
    let until = std::time::Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    while std::time::Instant::now() < until {
        odd.iter().for_each(Odd::assert_untouched);
        std::thread::sleep(Duration::from_millis(500));
    }
    odd.iter().for_each(Odd::assert_untouched);
    for bridge in &odd {
        println!(
            "{}: alive, {}",
            bridge.name,
            bridge.scene.status().map_or_else(String::new, |status| status["verdict"]["state"].to_string())
        );
    }
}
