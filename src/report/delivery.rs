//! Makes sure that what is said arrives. A thread of its own calls the Bot API, so that a slow Telegram delays no look and
//! no cure, and a rung that takes minutes delays no message. Until Telegram confirms it, it is in one spool file, and is
//! tried again, in the end once a tick.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::spool::{Call, Kind, Say, Spool};
use crate::config::{Config, Telegram};
use crate::contract;
use crate::foreign_text::Lines;
use crate::limits::Environment;
use crate::secrets::Secrets;
use crate::system::journal::Journal;
use crate::system::telegram::{self, CallError};
use crate::system::wake::Waker;
use crate::system::{clock, files};
use crate::text::message::{self, first_line};
use crate::time::{Mono, Wall};

pub struct Delivery {
    /// The first word of each message.
    pub host: String,
    secrets: Secrets,
    shared: Arc<Shared>,
    /// There is a chat to tell.
    told: bool,
    /// What was shown last where there is none.
    shown: Option<(Wall, Kind)>,
    /// What was last noted of `undelivered`.
    noted: Option<String>,
    /// Shows a local notification: a title and a text.
    notification: Option<Box<dyn FnMut(&str, &str) + Send>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    spool: Spool,
    file: PathBuf,
    /// Why a message does not go out.
    undelivered: Option<String>,
    /// What was confirmed, for the journal.
    confirmed: Vec<i64>,
    /// Failures in a row.
    failures: u32,
    /// The next try is not before this.
    not_before: Mono,
    /// This machine is offline.
    offline: bool,
    ends: bool,
}

impl Delivery {
    /// `waker` is woken when a message has gone out, or does not for another reason than before.
    pub fn new(config: &Config, environment: &Environment, waker: Waker) -> Delivery {
        let file = config.state.join(contract::ALERT);
        let chat = config.telegram.as_ref().map_or(0, |telegram| telegram.chat_id);
        let spool = files::json::<Spool>(&file).unwrap_or_default().for_chat(chat);
        let state = State {
            spool,
            file,
            undelivered: None,
            confirmed: Vec::new(),
            failures: 0,
            not_before: Mono::default(),
            offline: false,
            ends: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        if let Some(telegram) = config.telegram.clone() {
            let (shared, limits) = (shared.clone(), environment.limits);
            let run = move || deliver(&shared, &telegram, limits.send, limits.check_interval, &waker);
            let _ = std::thread::Builder::new().name("telegram".into()).spawn(run);
        }
        Delivery {
            host: super::host(),
            secrets: config.secrets.clone(),
            shared,
            told: config.telegram.is_some(),
            shown: None,
            noted: None,
            notification: None,
        }
    }

    /// Sets what shows a local notification if a message does not go out.
    pub fn on_notification(&mut self, show: impl FnMut(&str, &str) + Send + 'static) {
        self.notification = Some(Box::new(show));
    }

    /// Says something of an incident; where it is more than one thing, all at once, so that none goes out without the
    /// others. Where nobody can be told by Telegram, a new message is a local notification.
    pub fn say(&mut self, journal: &Journal, says: &[Say]) {
        let readable = |text: &str| message::fitted(&self.secrets.readable(text, Lines::Keep));
        let clean = |say: &Say| Say { text: readable(&say.text), alone: say.alone.as_deref().map(readable), ..*say };
        let says: Vec<Say> = says.iter().map(clean).collect();
        if self.told {
            self.change(journal, |spool| says.into_iter().for_each(|say| spool.say(say)));
        } else if let Some(last) = says.last().filter(|last| self.shown != Some((last.incident, last.kind))) {
            self.shown = Some((last.incident, last.kind));
            self.only_here(journal, Some(last.kind), &last.text);
        }
    }

    /// Says something that belongs to no incident.
    pub fn notice(&mut self, journal: &Journal, text: &str) {
        let text = self.secrets.readable(text, Lines::Keep);
        journal.note(&format!("notice: {}", first_line(&text)));
        if self.told {
            self.change(journal, |spool| spool.notice(&text));
        } else {
            self.only_here(journal, None, &text);
        }
    }

    /// Notes what has become of the messages; `undelivered` is why one does not go out. Called at each tick. Without a
    /// network no try is made but now and then: what is said when it is back takes the place of what is stale by then.
    pub fn follow(&mut self, journal: &Journal, offline: bool, undelivered: &mut Option<String>) {
        let mut state = self.shared.lock();
        if state.offline && !offline {
            state.not_before = Mono::default();
            self.shared.changed.notify_all();
        }
        state.offline = offline;
        let confirmed = std::mem::take(&mut state.confirmed);
        undelivered.clone_from(&state.undelivered);
        // What does not go out is worked out only where that is news: this is called at every look.
        let news = self.noted != *undelivered;
        let headline = if news { state.spool.next().map(|call| first_line(call.text()).to_owned()) } else { None };
        drop(state);
        for id in confirmed {
            journal.note(&format!("the alert was delivered (message {id})"));
        }
        if news {
            self.noted.clone_from(undelivered);
            let headline = headline.unwrap_or_default();
            if let Some(why) = undelivered {
                journal.note(&format!("the alert was not delivered: {why}"));
                let (title, body) = message::not_delivered(why, &headline);
                self.notify(title, &body);
            }
        }
    }

    fn only_here(&mut self, journal: &Journal, kind: Option<Kind>, text: &str) {
        journal.note("nobody is told by Telegram: there is no [telegram] section in the configuration");
        let (title, body) = message::notification(&self.host, kind, text);
        self.notify(title, &body);
    }

    fn change(&self, journal: &Journal, change: impl FnOnce(&mut Spool)) {
        let mut state = self.shared.lock();
        change(&mut state.spool);
        let written = state.write();
        drop(state);
        self.shared.changed.notify_all();
        if let Err(why) = written {
            // Without a file it is sent all the same, as long as we live.
            journal.note(&why);
        }
    }

    fn notify(&mut self, title: &str, text: &str) {
        if let Some(show) = &mut self.notification {
            show(title, &self.secrets.readable(text, Lines::Keep));
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.shared.lock().ends = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    /// No thread panics with it in its hands but in the middle of a change that is void then.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&self) -> Result<(), String> {
        if self.spool.is_empty() {
            files::remove(&self.file);
            return Ok(());
        }
        files::replace_json(&self.file, &self.spool)
    }

    /// Takes in how a call ended. Returns whether there is something to note.
    fn answered(&mut self, call: &Call, answer: Result<i64, CallError>, pace: Duration) -> bool {
        let before = self.undelivered.take();
        match answer {
            Ok(id) => {
                self.spool.confirmed(call, id);
                self.confirmed.push(id);
                self.failures = 0;
            }
            Err(error) => {
                self.spool.failed(call);
                let wait = wait(self.failures, error.retry_after, if self.offline { pace * OFFLINE } else { pace });
                self.failures = self.failures.saturating_add(1);
                self.not_before = clock::mono() + wait;
                self.undelivered = Some(error.why);
            }
        }
        // A file that can't be written now is written at the next change; what it says meanwhile is said twice at worst.
        let _ = self.write();
        self.undelivered != before || !self.confirmed.is_empty()
    }
}

/// While this machine is offline, this many times slower.
const OFFLINE: u32 = 10;

/// The wait after a failure: doubled each time, up to a tick; longer only where Telegram asks for it. With jitter, so that
/// many that failed together do not come back together.
fn wait(failures: u32, retry_after: Option<Duration>, pace: Duration) -> Duration {
    /// The first is this part of a tick.
    const FIRST: u32 = 16;
    let doubled = pace * 2_u32.pow(failures.min(4)) / FIRST;
    doubled.mul_f64(0.8 + 0.4 * fastrand::f64()).max(retry_after.unwrap_or_default())
}

/// Calls the Bot API until the watch ends.
fn deliver(shared: &Shared, telegram: &Telegram, limit: Duration, pace: Duration, waker: &Waker) {
    let mut state = shared.lock();
    while !state.ends {
        let Some(call) = state.spool.next() else {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let left = state.not_before.since(clock::mono());
        if !left.is_zero() {
            state = shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        state.spool.called(&call);
        drop(state);
        let answer = match &call {
            Call::Send { text, .. } => telegram::send(telegram, text, limit),
            Call::Edit { id, text, .. } => telegram::edit(telegram, *id, text, limit).map(|()| *id),
        };
        state = shared.lock();
        if state.answered(&call, answer, pace) {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_back_off_to_one_a_tick_and_wait_as_long_as_telegram_asks() {
        let minute = Duration::from_mins(1);
        let within =
            |wait: Duration, about: f64| wait >= minute.mul_f64(about * 0.79) && wait <= minute.mul_f64(about * 1.21);
        for (failures, about) in [(0, 1.0 / 16.0), (1, 0.125), (3, 0.5), (4, 1.0), (400, 1.0)] {
            assert!(within(wait(failures, None, minute), about), "{failures}");
        }
        assert_eq!(wait(0, Some(minute * 60), minute), minute * 60);
        assert!(within(wait(9, Some(Duration::from_secs(1)), minute), 1.0));
    }
}
