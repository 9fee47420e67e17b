//! The event loop: shows the shared state, and turns clicks into messages to the watch. Nothing here acts on the
//! bridge, and nothing here blocks: what takes time has a thread of its own.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bridge_watchdog::act::Hand;
use bridge_watchdog::config::Config;
use bridge_watchdog::demo::Fault;
use bridge_watchdog::demo::demo_bridge::DemoBridge;
use bridge_watchdog::facts::Identity;
use bridge_watchdog::limits::Environment;
use bridge_watchdog::menu::Menu;
use bridge_watchdog::snapshot::refused;
use bridge_watchdog::system::{clock, command};
use bridge_watchdog::text::menu::refusal;
use bridge_watchdog::text::{diagnostics, dialogs, foreign};
use bridge_watchdog::watch::commands::{Command, CommandSender};
use bridge_watchdog::watch::watchdog::{Look, Watchdog};
use muda::MenuEvent;
use signal_hook::consts::SIGTERM;
use tao::event::{Event, StartCause};
use tao::event_loop::{ControlFlow, EventLoop, EventLoopBuilder, EventLoopProxy};
use tray_icon::TrayIcon;

use super::desktop;
use super::end::{self, End, LEAVING};
use super::icon;
use super::menu_items::MenuItems;
use super::message::{Call, Message};
use super::panics::caught;
use super::questions;
use super::say::say;
use super::shared_state::SharedState;

/// An hour, as the menu's row says.
const PAUSE: Duration = Duration::from_hours(1);

pub(crate) struct App {
    pub config: Config,
    pub environment: Environment,
    pub shared: Arc<SharedState>,
    pub calls: Sender<Call>,
    pub handle: CommandSender,
    pub demo_bridge: Option<Arc<Mutex<Option<DemoBridge>>>>,
    pub viewer: PathBuf,
    pub shown: Shown,
}

/// What is on the screen.
#[derive(Default)]
pub(crate) struct Shown {
    tray: Option<TrayIcon>,
    rows: Option<MenuItems>,
    menu: Option<Menu>,
    /// This was clicked, and is being prepared, confirmed or done: another click means the same.
    asked: Option<Command>,
    /// The open question about it.
    question: Option<desktop::Window>,
    bus_closed: bool,
}

/// Built on the main thread; panics where there is no display.
pub(crate) fn event_loop() -> EventLoop<Message> {
    let mut event_loop = EventLoopBuilder::<Message>::with_user_event().build();
    desktop::before_run(&mut event_loop);
    event_loop
}

/// Runs until the watch is over; never returns.
pub(crate) fn run(event_loop: EventLoop<Message>, mut app: App) -> ! {
    let waker = event_loop.create_proxy();
    let clicks = event_loop.create_proxy();
    // Called from inside the menu library: nothing in it may panic.
    MenuEvent::set_event_handler(Some(move |event: MenuEvent| drop(clicks.send_event(Message::Clicked(event.id.0)))));
    let proxy = event_loop.create_proxy();
    event_loop.run(move |event, _, flow| {
        *flow = ControlFlow::Wait;
        match event {
            Event::NewEvents(StartCause::Init) => {
                app.create_tray(&proxy);
                app.shared.wake(waker.clone());
            }
            Event::UserEvent(Message::Changed) => app.show(),
            Event::UserEvent(message) => app.answer(message, &proxy),
            Event::LoopDestroyed => app.leave(),
            _ => {}
        }
        let end = app.shared.look().end;
        if let Some(end) = end {
            *flow = ControlFlow::ExitWithCode(i32::from(end::exit_code(Some(end))));
        }
    })
}

impl App {
    /// The only way out of the loop. If the loop ends before the watch, the watch is told to end as by a signal:
    /// otherwise its locks and the demo's bridge would be left behind. The exit code does not come from tao: on macOS
    /// `terminate:` ends the process with 0 when this returns.
    fn leave(&mut self) -> ! {
        // This removes the icon's file too.
        self.shown.tray.take();
        let mut decided = self.shared.look().end;
        if decided.is_none() {
            say("somebody ends the app, and it was not Quit; ending non-zero, to be started again");
            let _ = self.calls.send(Call::Signal(SIGTERM));
            decided = self.shared.wait_end(LEAVING);
        }
        if decided == Some(End::Again) {
            again();
        }
        std::process::exit(i32::from(end::exit_code(decided)));
    }

    /// Creates the tray, once. Without it the loop and the watch go on.
    fn create_tray(&mut self, proxy: &EventLoopProxy<Message>) {
        desktop::at_start(proxy);
        let menu = self.shared.menu();
        let made = desktop::ready().and_then(|()| {
            let rows = MenuItems::new(&menu.rows)?;
            let folder = self.config.state.join("icon");
            let tray = caught(|| icon::tray(&rows, &menu, &folder))??;
            Ok((rows, tray))
        });
        match made {
            Ok((rows, tray)) => (self.shown.rows, self.shown.tray) = (Some(rows), Some(tray)),
            Err(why) => say(&format!("no icon: {why}; the watch goes on without one")),
        }
        self.shown.menu = Some(menu);
    }

    /// Only what changed.
    fn show(&mut self) {
        let menu = self.shared.menu();
        if let Some(rows) = &mut self.shown.rows {
            rows.show(&menu.rows);
        }
        if let Some(tray) = &self.shown.tray {
            let before = self.shown.menu.as_ref();
            if before.is_none_or(|before| before.icon != menu.icon)
                && let Err(why) = icon::image(menu.icon).and_then(|image| desktop::set_icon(tray, image))
            {
                say(&format!("the icon can't be changed: {why}"));
            }
            if before.is_none_or(|before| before.tooltip != menu.tooltip) {
                let _ = tray.set_tooltip(Some(&menu.tooltip));
            }
        }
        self.shown.menu = Some(menu);
        let recovering = self.shared.look().snapshot.as_ref().is_some_and(|snapshot| snapshot.rung.is_some());
        if self.shown.bus_closed && !recovering && desktop::bus_is_back() {
            self.shown.bus_closed = false;
            say("the session bus is back; starting anew for the icon");
            let _ = self.calls.send(Call::Again);
        }
    }

    fn answer(&mut self, message: Message, proxy: &EventLoopProxy<Message>) {
        match message {
            Message::Changed => {}
            Message::Clicked(id) => self.click(&id, proxy),
            Message::Prepared(command, Ok(None)) => self.send(command),
            Message::Prepared(command, Ok(Some(question))) => {
                self.shown.question = desktop::ask(&question, command, proxy);
                self.shown.asked = self.shown.question.is_some().then_some(command);
            }
            Message::Prepared(command, Err(why)) => {
                self.shown.asked = None;
                desktop::tell(dialogs::not_done(command), &foreign(&why));
            }
            Message::Confirmed(command, yes) => {
                self.shown.question = None;
                if yes { self.send(command) } else { self.shown.asked = None }
            }
            Message::Done(command, done) => {
                self.shown.asked = self.shown.asked.filter(|asked| *asked != command);
                if let Err(why) = done {
                    desktop::tell(dialogs::not_done(command), &foreign(&why));
                }
            }
            Message::Diagnostics(text) => match desktop::copy(&text) {
                Ok(()) => self.shared.change(|state| state.copied = Some(clock::wall())),
                Err(why) => desktop::tell("Nothing was copied", &foreign(&why)),
            },
            Message::Refused(why) => desktop::tell("That can't be done", &foreign(&why)),
            Message::BusClosed => {
                say("the session bus is gone, and the icon with it; the watch goes on");
                self.shown.bus_closed = true;
            }
        }
    }

    fn click(&mut self, id: &str, proxy: &EventLoopProxy<Message>) {
        let Some(rows) = &self.shown.rows else { return };
        rows.correct(id);
        // Over D-Bus a click on a disabled row arrives like any other.
        let Some(row) = rows.enabled(id) else { return };
        let on = row.checked != Some(true);
        match id {
            "restart" => self.ask(Command::ByHand(Hand::Restart), proxy),
            "locks" => self.ask(Command::ByHand(Hand::CleanLocks), proxy),
            "revert" => self.ask(Command::ByHand(Hand::Revert), proxy),
            "undo" => self.ask(Command::ByHand(Hand::UndoRevert), proxy),
            "check" => self.handle.send(Command::CheckNow),
            "auto-revert" if on => self.ask(Command::AutoRevert(true), proxy),
            "auto-revert" => self.handle.send(Command::AutoRevert(false)),
            "pause" => self.handle.send(if on { Command::Pause(PAUSE) } else { Command::Resume }),
            "login" => self.handle.send(Command::StartAtLogin(on)),
            "log" => self.open_log(proxy.clone()),
            "diagnostics" => self.diagnose(proxy.clone()),
            "about" => desktop::tell("Bridge Watchdog", &dialogs::about(&self.config.root, &self.config.state)),
            "quit" => drop(self.calls.send(Call::Quit)),
            other => self.fault(other, proxy),
        }
    }

    /// Finds out in a thread what has to be asked first. The same request again shows the open question, which may have
    /// been overlooked; so does another one, since there is one question at a time.
    fn ask(&mut self, command: Command, proxy: &EventLoopProxy<Message>) {
        if self.shown.asked.is_some() {
            return self.shown.question.iter().for_each(desktop::Window::present);
        }
        self.shown.asked = Some(command);
        let seen = self.shared.look().snapshot.as_ref().map(|seen| seen.history.clone());
        let (config, environment, bridge) = (self.config.clone(), self.environment.clone(), self.run());
        let (found, failed) = (proxy.clone(), proxy.clone());
        let preparing = aside("question", move || {
            let prepared = questions::about(command, &config, &environment, seen, bridge);
            let _ = found.send_event(match prepared {
                Ok((command, question)) => Message::Prepared(command, Ok(question)),
                Err(why) => Message::Prepared(command, Err(why)),
            });
        });
        if let Err(why) = preparing {
            let _ = failed.send_event(Message::Prepared(command, Err(why)));
        }
    }

    /// Checks again: a question can be open for hours.
    fn send(&mut self, command: Command) {
        let refused = match self.shared.look() {
            state if state.lost.is_some() => Some("the watch has ended"),
            state => {
                let hand = match command {
                    Command::ByHand(hand) => Some(hand),
                    Command::Revert(_) => Some(Hand::Revert),
                    _ => None,
                };
                hand.zip(state.snapshot.as_ref()).and_then(|(hand, seen)| refused(hand, seen)).map(refusal)
            }
        };
        if let Some(why) = refused {
            self.shown.asked = None;
            desktop::tell(dialogs::not_done(command), &format!("The reason: {why}."));
        } else {
            self.handle.send(command);
        }
    }

    /// In a thread, with a look of its own, so that it works even if the watch does not answer.
    fn diagnose(&self, proxy: EventLoopProxy<Message>) {
        let (config, history) =
            (self.config.clone(), self.shared.look().snapshot.as_ref().map(|seen| seen.history.clone()));
        let environment = self.environment.clone();
        let refused = proxy.clone();
        let looking = aside("diagnostics", move || {
            let Look { facts, verdict } = Watchdog::new(&config, &environment).look_once(history);
            let _ = proxy.send_event(Message::Diagnostics(diagnostics::report(&config, &facts, &verdict)));
        });
        if let Err(why) = looking {
            let _ = refused.send_event(Message::Refused(why));
        }
    }

    fn open_log(&self, proxy: EventLoopProxy<Message>) {
        let refused = move |why| drop(proxy.send_event(Message::Refused(why)));
        command::hand_over(&self.viewer, &self.config.log, refused);
    }

    fn fault(&self, id: &str, proxy: &EventLoopProxy<Message>) {
        let fault = match id {
            "fault-crash" => Fault::Crash,
            "fault-hang" => Fault::Hang,
            "fault-stop" => Fault::Stop,
            "fault-flood" => Fault::Flood,
            "fault-lock" => Fault::Lock,
            "fault-bad-commit" => Fault::BadCommit,
            _ => return,
        };
        let (Some(demo_bridge), Some(bridge)) = (&self.demo_bridge, self.run()) else { return };
        let Ok(demo_bridge) = demo_bridge.lock() else { return };
        if let Some(Err(why)) = demo_bridge.as_ref().map(|demo_bridge| demo_bridge.inject(fault, bridge)) {
            let _ = proxy.send_event(Message::Refused(why));
        }
    }

    fn run(&self) -> Option<Identity> {
        self.shared.look().snapshot.as_ref()?.history.run.map(|run| run.id)
    }
}

/// Replaces this process with a new one of the same program. A library that lost the bus can't connect to it again in
/// this process.
fn again() {
    say(&match std::env::current_exe() {
        Ok(me) => bridge_watchdog::system::command::become_program(&me, std::env::args_os().skip(1)),
        Err(error) => format!("our own path can't be found: {error}"),
    });
}

fn aside(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let thread = std::thread::Builder::new().name(name.into());
    thread.spawn(work).map(drop).map_err(|error| format!("the machine gives no thread: {error}"))
}
