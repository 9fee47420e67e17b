//! What a click on a row does. Nothing here acts on the bridge, and nothing here blocks: what takes time has a thread of its
//! own.

use std::time::Duration;

use bridge_watchdog::act::Hand;
use bridge_watchdog::demo::Fault;
use bridge_watchdog::facts::Identity;
use bridge_watchdog::menu::{Menu, find};
use bridge_watchdog::report;
use bridge_watchdog::snapshot::{Refusal, refused, restart_refused};
use bridge_watchdog::system::{clock, command, program};
use bridge_watchdog::text::dialogs::Question;
use bridge_watchdog::text::menu::refusal;
use bridge_watchdog::text::{dialogs, foreign, time};
use bridge_watchdog::time::Wall;
use bridge_watchdog::watch::commands::Command;
use bridge_watchdog::watch::watchdog::{Look, Watchdog};
use tao::event_loop::EventLoopProxy;

use super::app::App;
use super::desktop;
use super::message::{Asked, Call, Message};
use super::{questions, terminal};

impl App {
    pub(super) fn click(&mut self, id: &str, proxy: &EventLoopProxy<Message>) {
        let Some(rows) = &self.shown.rows else { return };
        rows.correct(id);
        // Over D-Bus a click on a disabled row arrives like any other.
        let Some(row) = rows.enabled(id) else { return };
        let on = row.checked != Some(true);
        // A person is there, who sees the question.
        desktop::ask_to_notify();
        match id {
            "restart" => self.ask(Command::ByHand(self.restart_or_start()), proxy),
            "locks" => self.ask(Command::ByHand(Hand::CleanLocks), proxy),
            "revert" => self.ask(Command::ByHand(Hand::Revert), proxy),
            "undo" => self.ask(Command::ByHand(Hand::UndoRevert), proxy),
            "check" => self.handle.send(Command::CheckNow),
            "auto-revert" if on => self.ask(Command::AutoRevert(true), proxy),
            "auto-revert" => self.handle.send(Command::AutoRevert(false)),
            "resume" => self.handle.send(Command::Resume),
            "pause-15m" | "pause-1h" | "pause-tomorrow" | "pause-open" => self.pause_until(id),
            "login" => self.handle.send(Command::StartAtLogin(on)),
            "status" => self.show_status(proxy),
            "log" => self.open_log(proxy.clone()),
            "log-terminal" => self.show_log(proxy.clone()),
            "setup" => self.set_up(proxy),
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
            let _ = found.send_event(Message::Prepared(command, prepared));
        });
        if let Err(why) = preparing {
            let _ = failed.send_event(Message::Prepared(command, Err(why)));
        }
    }

    /// Checks again: a question can be open for hours.
    pub(super) fn send(&mut self, command: Command) {
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
            let mut watchdog = Watchdog::new(&config, &environment);
            let Look { facts, verdict } = watchdog.look_once(history);
            let _ = proxy.send_event(Message::Diagnostics(report::diagnostics(&watchdog, &facts, &verdict)));
        });
        if let Err(why) = looking {
            let _ = refused.send_event(Message::Refused(why));
        }
    }

    pub(super) fn open_log(&self, proxy: EventLoopProxy<Message>) {
        let refused = move |why| drop(proxy.send_event(Message::Refused(why)));
        command::hand_over(&self.viewer, &[], &self.config.log, refused);
    }

    /// Its end, and what is written from then on.
    fn show_log(&self, proxy: EventLoopProxy<Message>) {
        let script = dialogs::follow_script(&self.config.log);
        self.in_terminal("show-log", &script, proxy);
    }

    /// The configuration is waited for: see [`App::show`].
    fn set_up(&mut self, proxy: &EventLoopProxy<Message>) {
        let program = match program::beside("bridge-watchdog") {
            Ok(program) => program,
            Err(why) => return desktop::tell("That can't be done", &foreign(&why)),
        };
        if self.shared.terminal.is_some() {
            return self.in_terminal("setup", &dialogs::setup_script(&program), proxy.clone());
        }
        let command = dialogs::setup_command(&program);
        desktop::ask(&dialogs::set_up(&command), Asked::Copy(command), proxy);
    }

    fn in_terminal(&self, name: &str, script: &str, proxy: EventLoopProxy<Message>) {
        let refused = move |why| drop(proxy.send_event(Message::Refused(why)));
        if let Some(terminal) = &self.shared.terminal {
            terminal::open(terminal, &self.config.state, name, script, refused);
        }
    }

    /// What the menu says, in a window; an older one goes, since its times are of then.
    pub(super) fn show_status(&mut self, proxy: &EventLoopProxy<Message>) {
        let log = self.shared.look().snapshot.as_ref().is_some_and(|seen| seen.more.log);
        let question = status_of(&self.shared.menu(), self.demo_bridge.is_some(), log);
        if let Some(before) = self.shown.status.take() {
            before.close();
        }
        self.shown.status = desktop::ask(&question, if log { Asked::Log } else { Asked::Look }, proxy);
    }

    fn pause_until(&self, id: &str) {
        let now = clock::now();
        let until = match id {
            "pause-15m" => now.wall + Duration::from_mins(15),
            "pause-1h" => now.wall + Duration::from_hours(1),
            "pause-tomorrow" => time::tomorrow(now),
            _ => Wall::NEVER,
        };
        self.handle.send(Command::Pause(until));
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

    /// What its operator stopped is started; the row says so.
    fn restart_or_start(&self) -> Hand {
        let stopped = self.shared.look().snapshot.as_ref().and_then(restart_refused) == Some(Refusal::OperatorStop);
        if stopped { Hand::Start } else { Hand::Restart }
    }

    fn run(&self) -> Option<Identity> {
        self.shared.look().snapshot.as_ref()?.history.run.map(|run| run.id)
    }
}

/// The menu's first rows and its incidents, for a window.
pub(super) fn status_of(menu: &Menu, demo: bool, log: bool) -> Question {
    // In a window an ampersand marks nothing.
    let text = |id| find(&menu.rows, id).map_or_else(String::new, |row| row.text.replace("&&", "&"));
    let incidents: Vec<String> = find(&menu.rows, "recent")
        .into_iter()
        .flat_map(|recent| recent.rows.iter().filter(|row| !row.hidden).map(|row| row.text.replace("&&", "&")))
        .collect();
    dialogs::status(&text("state"), &text("reason"), &incidents, demo, log)
}

fn aside(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let thread = std::thread::Builder::new().name(name.into());
    thread.spawn(work).map(drop).map_err(|error| format!("the machine gives no thread: {error}"))
}
