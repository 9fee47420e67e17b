//! What the threads know, for the event loop to show. The watch never waits for the loop: it writes here and wakes the
//! loop.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bridge_watchdog::config::Config;
use bridge_watchdog::desktop::Desktop;
use bridge_watchdog::limits::Environment;
use bridge_watchdog::menu::{Menu, View, menu};
use bridge_watchdog::snapshot::Snapshot;
use bridge_watchdog::text::menu::Place;
use bridge_watchdog::time::Wall;
use tao::event_loop::EventLoopProxy;

use super::end::End;
use super::message::{Message, Notice};
use super::terminal;

pub(crate) struct SharedState {
    state: Mutex<State>,
    changed: Condvar,
    always_reverts: bool,
    telegram: bool,
    pub(crate) terminal: Option<terminal::Terminal>,
    demo: bool,
    home: String,
    login: String,
    root: String,
}

#[derive(Default)]
pub(crate) struct State {
    pub snapshot: Option<Snapshot>,
    pub starts_at_login: Option<bool>,
    /// Why the watch has ended.
    pub lost: Option<String>,
    /// What can be seen of us; `None` before there is an icon.
    pub desktop: Option<Desktop>,
    /// When diagnostics were last copied.
    pub copied: Option<Wall>,
    /// To be shown as a notification; a newer one takes its place.
    pub notice: Option<Notice>,
    /// The watch is over, and the loop has to end.
    pub end: Option<End>,
    /// `None` before the loop is built, and if there is no display.
    waker: Option<EventLoopProxy<Message>>,
}

impl SharedState {
    pub(crate) fn new(config: &Config, environment: &Environment, demo: bool) -> SharedState {
        // Not known yet; if it can be asked later, it can be switched.
        let state = State { starts_at_login: (!demo).then_some(false), ..State::default() };
        SharedState {
            state: Mutex::new(state),
            changed: Condvar::new(),
            always_reverts: config.auto_revert,
            telegram: config.telegram.is_some(),
            terminal: terminal::find(),
            demo,
            home: environment.home.display().to_string(),
            login: config.login.join(" "),
            root: config.root.display().to_string(),
        }
    }

    /// From now on each change wakes the loop.
    pub(crate) fn wake(&self, waker: EventLoopProxy<Message>) {
        self.change(|state| state.waker = Some(waker));
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.look();
        change(&mut state);
        self.changed.notify_all();
        if let Some(waker) = &state.waker {
            // Fails only if the loop has ended.
            let _ = waker.send_event(Message::Changed);
        }
    }

    /// Notes what can be seen of us. It does not wake the loop, which asks for it at each change.
    pub(crate) fn see(&self, change: impl FnOnce(&mut Desktop)) {
        change(self.look().desktop.get_or_insert_default());
    }

    /// Waits until the end is decided, at most this long.
    pub(crate) fn wait_end(&self, limit: Duration) -> Option<End> {
        let waited = self.changed.wait_timeout_while(self.look(), limit, |state| state.end.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.end
    }

    /// Sends to the loop; without a loop there are no clicks to answer.
    pub(crate) fn send(&self, message: Message) {
        if let Some(waker) = &self.look().waker {
            let _ = waker.send_event(message);
        }
    }

    pub(crate) fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn menu(&self) -> Menu {
        let state = self.look();
        menu(&View {
            snapshot: state.snapshot.as_ref(),
            lost: state.lost.as_deref(),
            starts_at_login: state.starts_at_login,
            always_reverts: self.always_reverts,
            copied: state.copied,
            demo: self.demo,
            terminal: self.terminal.is_some(),
            telegram: self.telegram,
            place: Place { home: &self.home, login: &self.login, root: &self.root },
        })
    }
}
