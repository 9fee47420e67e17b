//! The app's icon and menu in one state, for screenshots: the shipped rows and event loop, and a made-up snapshot.
//! There is a watch, but it does not run.
//!
//! `menu-in-a-state NAME`, or `--list`

// The situations name the library's modules as the library itself does.
use bridge_watchdog::{act, check, facts, history, holders, markers, outages, outcome, signs, snapshot, time, verdict};

#[allow(dead_code, reason = "its tests have more of them")]
#[path = "../../src/situations.rs"]
mod situations;
#[allow(dead_code, reason = "only what shows")]
#[path = "../../src/tray/mod.rs"]
mod tray;

use std::sync::Arc;

use bridge_watchdog::config::Config;
use bridge_watchdog::limits::Environment;
use bridge_watchdog::manager::Manager;
use bridge_watchdog::secrets::Secrets;
use bridge_watchdog::watch::Watch;
use tray::app::{self, App, Shown};
use tray::shared_state::SharedState;

/// The name of the picture, and of the situation.
const STATES: [(&str, &str); 12] = [
    ("healthy", "healthy"),
    ("starting", "starting"),
    ("recovering", "log-stale, rung 2"),
    ("degraded", "degraded"),
    ("waiting", "flood-wait"),
    ("login-needed", "auth-required"),
    ("paused", "paused, the bridge down"),
    ("stopped", "operator-stop"),
    ("down", "process-dead, the manager has time"),
    ("crash-loop", "crash-loop"),
    ("unheard", "process-dead, every rung tried, nobody hears"),
    ("unknown", "unknown, nobody answers"),
];

fn main() {
    let wanted = std::env::args().nth(1).expect("usage: menu-in-a-state NAME, or --list");
    if wanted == "--list" {
        return STATES.iter().for_each(|(name, _)| println!("{name}"));
    }
    let (_, situation) = STATES.iter().find(|(name, _)| *name == wanted).expect("one of --list");
    let (_, snapshot) =
        situations::situations().into_iter().find(|(name, _)| name == situation).expect("a situation of that name");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    let config = Config {
        file: root.join("config.toml"),
        label: "com.example.bridge".into(),
        manager: Manager::Embedded,
        program: vec!["/bin/true".into()],
        log: root.join("bridge.log"),
        error_log: root.join("bridge.error.log"),
        login: [".venv/bin/python", "scripts/telegram_login.py"].map(str::to_owned).to_vec(),
        session: root.join("session"),
        telegram: None,
        auto_revert: false,
        secrets: Secrets::default(),
        state: root.join("state"),
        root: "/Users/me/src/ai".into(),
    };
    let environment = Environment { home: "/Users/me".into(), ..Environment::real().expect("a home") };
    let shared = Arc::new(SharedState::new(&config, &environment, false));
    shared.change(|state| (state.snapshot, state.starts_at_login) = (Some(snapshot), Some(true)));
    let handle = Watch::new(&config, &environment, false).expect("a watch").sender();
    let (calls, _nobody) = std::sync::mpsc::channel();
    let (demo_bridge, viewer, shown) = (None, tray::VIEWER.into(), Shown::default());
    app::run(app::event_loop(), App { config, environment, shared, calls, handle, demo_bridge, viewer, shown })
}
