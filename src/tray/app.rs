//! The event loop: shows the shared state, and turns clicks into messages to the watch. Nothing here acts on the
//! bridge, and nothing here blocks: what takes time has a thread of its own.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bridge_watchdog::cli;
use bridge_watchdog::config::Config;
use bridge_watchdog::demo::demo_bridge::DemoBridge;
use bridge_watchdog::desktop::IconSeen;
use bridge_watchdog::limits::Environment;
use bridge_watchdog::menu::Menu;
use bridge_watchdog::system::clock;
use bridge_watchdog::text::{dialogs, foreign};
use bridge_watchdog::verdict::Problem;
use bridge_watchdog::watch::commands::{Command, CommandSender};
use muda::MenuEvent;
use signal_hook::consts::SIGTERM;
use tao::event::{Event, StartCause};
use tao::event_loop::{ControlFlow, EventLoop, EventLoopBuilder, EventLoopProxy};
use tray_icon::TrayIcon;

use super::desktop;
use super::end::{self, End, LEAVING};
use super::icon;
use super::menu_items::MenuItems;
use super::message::{Asked, Call, Message};
use super::notify::Notices;
use super::panics::caught;
use super::say::say;
use super::shared_state::SharedState;

/// A desktop gives an icon its place within this time.
const SETTLED: Duration = Duration::from_secs(5);

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
    pub(super) tray: Option<TrayIcon>,
    /// Until then the icon may not have its place yet.
    pub(super) settles: Option<Instant>,
    pub(super) rows: Option<MenuItems>,
    pub(super) menu: Option<Menu>,
    /// This was clicked, and is being prepared, confirmed or done: another click means the same.
    pub(super) asked: Option<Command>,
    /// The open question about it.
    pub(super) question: Option<desktop::Window>,
    /// The open window that shows how it is.
    pub(super) status: Option<desktop::Window>,
    pub(super) notices: Notices,
    pub(super) bus_closed: bool,
    /// This is the demo, and there is no configuration yet: where it will be.
    pub(super) awaited: Option<PathBuf>,
    /// A person started us, and has not been told that there is no bridge.
    pub(super) by_hand: bool,
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
        match event {
            Event::NewEvents(StartCause::Init) => {
                app.create_tray(&proxy);
                app.shared.wake(waker.clone());
            }
            Event::NewEvents(StartCause::ResumeTimeReached { .. }) => app.settle(),
            Event::UserEvent(Message::Changed) => app.show(&proxy),
            // A second double click, on a Mac.
            Event::Reopen { .. } => {
                desktop::ask_to_notify();
                app.show_status(&proxy);
            }
            Event::UserEvent(message) => app.answer(message, &proxy),
            Event::LoopDestroyed => app.leave(),
            _ => {}
        }
        *flow = app.shown.settles.map_or(ControlFlow::Wait, ControlFlow::WaitUntil);
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
        if self.shown.by_hand {
            desktop::ask_to_notify();
        }
        let menu = self.shared.menu();
        let made = desktop::ready().and_then(|()| {
            let rows = MenuItems::new(&menu.rows)?;
            let folder = self.config.state.join("icon");
            let tray = caught(|| icon::tray(&rows, &menu, &folder))??;
            rows.hide();
            Ok((rows, tray))
        });
        match made {
            Ok((rows, tray)) => (self.shown.rows, self.shown.tray) = (Some(rows), Some(tray)),
            Err(why) => say(&format!("no icon: {why}; the watch goes on without one")),
        }
        self.shared.see(|desktop| {
            desktop.icon = if self.shown.tray.is_some() { IconSeen::Unknown } else { IconSeen::NotMade }
        });
        self.shown.settles = Some(Instant::now() + SETTLED);
        self.shown.menu = Some(menu);
    }

    /// The icon has its place now.
    fn settle(&mut self) {
        if self.shown.settles.take().is_some() {
            desktop::see(self.shown.tray.as_ref(), &self.shared);
        }
    }

    /// Only what changed.
    fn show(&mut self, proxy: &EventLoopProxy<Message>) {
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
        if self.shown.settles.is_none() {
            desktop::see(self.shown.tray.as_ref(), &self.shared);
        }
        self.shown.menu = Some(menu);
        self.tell(proxy);
        let recovering = self.shared.look().snapshot.as_ref().is_some_and(|snapshot| snapshot.rung.is_some());
        if self.shown.bus_closed && !recovering && desktop::bus_is_back() {
            self.shown.bus_closed = false;
            say("the session bus is back; starting anew for the icon");
            let _ = self.calls.send(Call::Again);
        }
    }

    /// What a person is told without having asked.
    fn tell(&mut self, proxy: &EventLoopProxy<Message>) {
        let notice = self.shared.look().notice.take();
        if let Some(notice) = notice.and_then(|notice| self.shown.notices.news(notice, clock::mono())) {
            desktop::notify(&notice);
        }
        // Asked once; the file's end is written last, so what can't be read yet is not there yet.
        let awaited = self.shown.awaited.as_ref().filter(|file| file.exists());
        if let Some(config) = awaited.and_then(|file| cli::load(file, &self.environment).ok()) {
            self.shown.awaited = None;
            desktop::ask(&dialogs::go_over(&config.root), Asked::GoOver, proxy);
        }
        let first =
            self.shared.look().snapshot.as_ref().map(|seen| seen.verdict.first().map(|first| first.problem.clone()));
        let Some(first) = first.filter(|_| self.shown.by_hand) else { return };
        self.shown.by_hand = false;
        if first == Some(Problem::NoService) {
            let question = dialogs::no_bridge(&self.config.label, self.config.manager.name());
            desktop::ask(&question, Asked::Copy("bridge-watchdog install".into()), proxy);
        }
    }

    fn answer(&mut self, message: Message, proxy: &EventLoopProxy<Message>) {
        match message {
            Message::Clicked(id) => self.click(&id, proxy),
            Message::Prepared(_, Ok((Asked::Command(command), None))) => self.send(command),
            // What is for a terminal comes with its words.
            Message::Prepared(_, Ok((_, None))) => self.shown.asked = None,
            Message::Prepared(clicked, Ok((asked, Some(question)))) => {
                let command = if let Asked::Command(command) = asked { command } else { clicked };
                self.shown.question = desktop::ask(&question, asked, proxy);
                self.shown.asked = self.shown.question.is_some().then_some(command);
            }
            Message::Prepared(command, Err(why)) => {
                self.shown.asked = None;
                desktop::tell(dialogs::not_done(command), &foreign(&why));
            }
            Message::Confirmed(Asked::Command(command), yes) => {
                self.shown.question = None;
                if yes { self.send(command) } else { self.shown.asked = None }
            }
            Message::Confirmed(Asked::InTerminal(command), yes) => {
                (self.shown.question, self.shown.asked) = (None, None);
                self.answer(Message::Confirmed(Asked::Copy(command), yes), proxy);
            }
            Message::Changed | Message::Confirmed(_, false) => {}
            Message::Confirmed(Asked::Copy(text), true) => {
                if let Err(why) = desktop::copy(&text) {
                    desktop::tell("Nothing was copied", &foreign(&why));
                }
            }
            Message::Confirmed(Asked::Look, true) => self.handle.send(Command::CheckNow),
            Message::Confirmed(Asked::GoOver, true) => drop(self.calls.send(Call::Again)),
            Message::Confirmed(Asked::Log, true) | Message::OpenLog => self.open_log(proxy.clone()),
            Message::ShowStatus => self.show_status(proxy),
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
}

/// Replaces this process with a new one of the same program. A library that lost the bus can't connect to it again in
/// this process, and the demo's bridge is not the person's own.
fn again() {
    say(&match std::env::current_exe() {
        Ok(me) => bridge_watchdog::system::command::become_program(&me, std::env::args_os().skip(1)),
        Err(error) => format!("our own path can't be found: {error}"),
    });
}
