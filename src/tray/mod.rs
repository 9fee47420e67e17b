//! The app: an event loop on the main thread, the watch in a thread of its own, and a third thread that supervises the
//! watch. These are the only files that name tao, tray-icon and GTK. They belong to this binary and not to the library,
//! so that the headless binary links none of them.

mod alone;
pub(crate) mod app;
mod arguments;
mod clicks;
mod desktop;
mod end;
mod icon;
mod menu_items;
mod message;
mod notify;
mod panics;
mod questions;
mod say;
pub(crate) mod shared_state;
mod terminal;
mod watch_thread;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bridge_watchdog::cli;
use bridge_watchdog::config::Config;
use bridge_watchdog::demo::demo_bridge::DemoBridge;
use bridge_watchdog::exit_code;
use bridge_watchdog::install;
use bridge_watchdog::limits::Environment;
use bridge_watchdog::snapshot::{Snapshot, is_fresh};
use bridge_watchdog::system::recovery_lock::{self, Taken};
use bridge_watchdog::system::{clock, command, files, process, program};
use bridge_watchdog::text::command::watched_already;
use bridge_watchdog::text::dialogs;
use bridge_watchdog::watch::Watch;
use bridge_watchdog::watch::commands::CommandSender;
use bridge_watchdog::watch::publisher::status_file;

use self::end::{BROKEN, End};
use self::message::{Call, Message, Notice};
use self::panics::caught;
use self::say::say;
use self::shared_state::SharedState;
use self::watch_thread::WatchThread;

/// The platform's program that opens a file.
#[cfg(target_os = "macos")]
pub(crate) const VIEWER: &str = "/usr/bin/open";
#[cfg(not(target_os = "macos"))]
pub(crate) const VIEWER: &str = "/usr/bin/xdg-open";

/// GTK first connects to the session bus, which may hang; after this time we say so.
const BUS_PATIENCE: Duration = Duration::from_secs(10);

/// Parses, watches, shows; returns the exit code. 0 means Quit and nothing else, so that our manager starts us again
/// after every other end. `viewer` opens the log; `hear` is called with each snapshot, in the watch's own thread.
pub(crate) fn main(
    args: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    viewer: &Path,
    hear: Hear,
) -> u8 {
    process::single_arena();
    process::no_core_dump();
    panics::tell();
    let file = match arguments::read(args) {
        Ok(arguments) => arguments.config,
        Err(code) => return code,
    };
    let config = file.clone().unwrap_or_else(|| Config::default_path(environment));
    match start(file, environment, viewer, hear) {
        Ok(code) => code,
        Err((code, why)) => {
            say(&why);
            if alone::started_by_hand() {
                can_not_begin(code, &why, &config, viewer);
            }
            code
        }
    }
}

/// In a window, with the mend.
fn can_not_begin(code: u8, why: &str, config: &Path, viewer: &Path) {
    let file = Some(config).filter(|file| code == exit_code::USAGE && file.exists());
    let question = dialogs::can_not_begin(why, file);
    if alone::ask(&question) == Some(true) {
        match file {
            Some(file) => command::hand_over(viewer, &[], file, |why| say(&why)),
            None => desktop::copy(why).unwrap_or_else(|why| say(&why)),
        }
    }
}

/// That another one runs, in a window: a person who starts us a second time may not find the icon.
fn runs_already(config: &Config, environment: &Environment, pid: u32, viewer: &Path) {
    let snapshot: Option<Snapshot> = files::json(&status_file(config));
    let snapshot = snapshot.filter(|seen| is_fresh(seen, clock::now(), environment.limits.ask));
    let shared = SharedState::new(config, environment, false);
    let seen = snapshot.map(|snapshot| {
        shared.change(|state| state.snapshot = Some(snapshot));
        clicks::status_of(&shared.menu(), false, true)
    });
    if alone::ask(&dialogs::runs_already(&config.root, pid, seen)) == Some(true) {
        command::hand_over(viewer, &[], &config.log, |why| say(&why));
    }
}

pub(crate) type Hear = Box<dyn FnMut(&Snapshot) + Send>;

fn start(file: Option<PathBuf>, environment: &Environment, viewer: &Path, hear: Hear) -> Result<u8, (u8, String)> {
    let default = Config::default_path(environment);
    // Without a configuration there is the demo's bridge, so that a new user sees the icon change within a minute.
    let demo = file.is_none() && !default.exists();
    let (config, environment, demo_bridge) = if demo {
        let demo_bridge = DemoBridge::start(&beside("bridge-watchdog")?).map_err(|why| (exit_code::FAILED, why))?;
        say(&format!("{}: there is no configuration, so this is the demo's bridge", default.display()));
        (demo_bridge.config.clone(), demo_bridge.environment.clone(), Some(demo_bridge))
    } else {
        (cli::load(&file.unwrap_or_else(|| default.clone()), environment)?, environment.clone(), None)
    };
    let _alone = match recovery_lock::one_watch(&config) {
        Ok(lock) => lock,
        Err(Taken::By(pid)) => {
            bridge_watchdog::outln!("{}", watched_already(&config.root, pid));
            if alone::started_by_hand() {
                runs_already(&config, &environment, pid, viewer);
            }
            return Ok(exit_code::OK);
        }
        Err(Taken::Broken(why)) => return Err((exit_code::UNKNOWN, why)),
    };
    let demo_bridge = demo_bridge.map(|demo_bridge| Arc::new(Mutex::new(Some(demo_bridge))));
    let shared = Arc::new(SharedState::new(&config, &environment, demo_bridge.is_some()));
    let (calls, handle, ended) = watch(&config, &environment, &shared, demo_bridge.clone(), hear)?;
    let up = Arc::new(AtomicBool::new(false));
    tell_of_a_deaf_bus(up.clone());
    // Done last: if the session bus hangs this call never returns, and the watch must work without it.
    let event_loop = match caught(app::event_loop) {
        Ok(event_loop) => event_loop,
        Err(why) => {
            up.store(true, Ordering::SeqCst);
            say(&format!("no icon: there is no display that can be opened ({why}); the watch goes on without one"));
            return Ok(end::exit_code(Some(ended.recv().unwrap_or(End::Code(BROKEN)))));
        }
    };
    up.store(true, Ordering::SeqCst);
    let viewer = viewer.to_owned();
    let shown =
        app::Shown { awaited: demo.then_some(default), by_hand: alone::started_by_hand(), ..app::Shown::default() };
    app::run(event_loop, app::App { config, environment, shared, calls, handle, demo_bridge, viewer, shown })
}

/// Starts the watch in its thread, and the thread that supervises it.
fn watch(
    config: &Config,
    environment: &Environment,
    shared: &Arc<SharedState>,
    demo_bridge: Option<Arc<Mutex<Option<DemoBridge>>>>,
    mut hear: Hear,
) -> Result<(std::sync::mpsc::Sender<Call>, CommandSender, std::sync::mpsc::Receiver<End>), (u8, String)> {
    let to_stderr = demo_bridge.is_none() && cli::somebody_reads();
    let mut watch = Watch::new(config, environment, to_stderr).map_err(|why| (exit_code::UNKNOWN, why))?;
    let handle = watch.sender();
    let (calls, heard) = channel();
    let (shown, beat, is_demo) = (shared.clone(), calls.clone(), demo_bridge.is_some());
    let mut login = install::Login::new(config, environment);
    watch.controller.publisher.on_snapshot(move |snapshot| {
        let login = (!is_demo).then(|| login.starts());
        shown.change(|state| {
            state.snapshot = Some(snapshot.clone());
            state.starts_at_login = login;
        });
        let _ = beat.send(Call::Beat);
        hear(snapshot);
    });
    let seen = shared.clone();
    watch.controller.publisher.desktop(move || seen.look().desktop);
    let answered = shared.clone();
    watch.controller.publisher.on_answer(move |command, done| answered.send(Message::Done(command, done)));
    let notified = shared.clone();
    watch.on_notification(move |title, body| {
        notified.change(|state| state.notice = Some(Notice { title: title.into(), body: body.into() }));
    });
    let signals = watch_thread::signals(calls.clone());
    watch_thread::watching(calls.clone(), move || bridge_watchdog::watch::run(&mut watch))
        .map_err(|why| (exit_code::UNKNOWN, why))?;
    signals.map_err(|why| (exit_code::UNKNOWN, why))?;
    let watch_thread = WatchThread {
        handle: handle.clone(),
        calls: heard,
        limit: 2 * environment.limits.check_interval + environment.limits.ask,
        grace: environment.limits.ask,
        shared: shared.clone(),
        state: config.state.clone(),
        last: Box::new(move || {
            let demo_bridge = demo_bridge.and_then(|demo_bridge| demo_bridge.lock().ok()?.take());
            demo_bridge.into_iter().for_each(DemoBridge::stop);
        }),
    };
    let (tell, ended) = channel();
    watch_thread.start(tell).map_err(|why| (exit_code::UNKNOWN, why))?;
    Ok((calls, handle, ended))
}

fn tell_of_a_deaf_bus(up: Arc<AtomicBool>) {
    let _ = std::thread::Builder::new().name("patience".into()).spawn(move || {
        std::thread::sleep(BUS_PATIENCE);
        if !up.load(Ordering::SeqCst) {
            say("no icon so far: the desktop's session bus or display does not answer; the watch goes on without one");
        }
    });
}

/// A program in our own folder.
fn beside(name: &str) -> Result<PathBuf, (u8, String)> {
    let path = program::beside(name).map_err(|why| (exit_code::FAILED, why))?;
    if path.exists() {
        Ok(path)
    } else {
        Err((
            exit_code::USAGE,
            format!("there is no configuration, and {} is missing, which the demo needs", path.display()),
        ))
    }
}
