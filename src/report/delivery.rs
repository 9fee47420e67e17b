//! Makes sure that a message arrives. A thread of its own sends it, so that a slow Telegram delays no look. Until
//! Telegram confirms it, the newest message is in one spool file and is sent again at every tick.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::policy;
use crate::config::{Config, Telegram};
use crate::contract;
use crate::foreign_text::Lines;
use crate::limits::Environment;
use crate::outcome::{Change, Outcome};
use crate::plan::Incident;
use crate::secrets::Secrets;
use crate::system::journal::Journal;
use crate::system::telegram::{self, SendError};
use crate::system::wake::Waker;
use crate::system::{clock, files};
use crate::text::message;
use crate::time::{Clock, Mono, Wall};
use crate::verdict::{Rung, Verdict};
use crate::watch::watchdog::Look;

pub struct Delivery {
    telegram: Option<Telegram>,
    host: String,
    spool: PathBuf,
    secrets: Secrets,
    outbox: Sender<String>,
    results: Receiver<Result<i64, SendError>>,
    /// The message that the thread is sending; its answer has not come yet.
    sending: Option<String>,
    /// The next try is not before this.
    not_before: Mono,
    /// Between two tries.
    pace: Duration,
    /// Shows a local notification: a title and a text.
    notification: Option<Box<dyn FnMut(&str, &str) + Send>>,
}

/// The one undelivered message: the newest one, not a queue.
#[derive(Serialize, Deserialize)]
struct Spooled {
    text: String,
}

impl Delivery {
    /// `waker` is woken when Telegram has answered.
    pub fn new(config: &Config, environment: &Environment, waker: Waker) -> Delivery {
        let (outbox, messages) = channel::<String>();
        let (answers, results) = channel();
        if let Some(telegram) = config.telegram.clone() {
            let limit = environment.limits.send;
            let thread = std::thread::Builder::new().name("telegram".into());
            let _ = thread.spawn(move || {
                while let Ok(text) = messages.recv() {
                    if answers.send(telegram::send(&telegram, &text, limit)).is_err() {
                        return;
                    }
                    waker.wake();
                }
            });
        }
        Delivery {
            telegram: config.telegram.clone(),
            host: sysinfo::System::host_name().unwrap_or_else(|_| "this machine".into()),
            spool: config.state.join(contract::UNDELIVERED),
            secrets: config.secrets.clone(),
            outbox,
            results,
            sending: None,
            not_before: Mono::default(),
            pace: environment.limits.check_interval,
            notification: None,
        }
    }

    /// Sets what shows a local notification if a message does not go out.
    pub fn on_notification(&mut self, show: impl FnMut(&str, &str) + Send + 'static) {
        self.notification = Some(Box::new(show));
    }

    /// Tells a person that no rung helped, or that only a person can help: diagnostics to the journal, a DM to the
    /// person.
    pub fn tell(&mut self, config: &Config, journal: &Journal, look: &Look, tried: &[(Rung, Outcome)]) {
        for line in message::diagnostics(config, &look.facts, &look.verdict).lines() {
            journal.note(&format!("diagnostics: {line}"));
        }
        self.queue(journal, &message::alert(&self.host, config, &look.facts, &look.verdict, tried));
    }

    /// Tells a person that HEAD is a revert of ours, and how to undo it.
    pub fn head_changed(&mut self, config: &Config, journal: &Journal, change: &Change) {
        self.queue(journal, &message::head_changed(&self.host, config, change));
    }

    /// Tells a person that the incident is over, if its beginning was told.
    pub fn over(&mut self, journal: &Journal, ended: &Incident, now: Clock) {
        let text = message::over(&self.host, ended, now);
        journal.note(&format!("over: {text}"));
        if policy::tells_over(ended) {
            self.queue(journal, &text);
        }
    }

    /// Reminds a person that recovery has been standing still since then.
    pub fn remind(&mut self, journal: &Journal, verdict: &Verdict, since: Wall, now: Clock) {
        let text = message::reminder(&self.host, verdict, since, now);
        journal.note(&format!("reminder: {text}"));
        self.queue(journal, &text);
    }

    /// Takes the result of the last message, and sends the one in the spool file. Called at every tick; `undelivered`
    /// is why an alert does not go out.
    pub fn deliver(&mut self, journal: &Journal, undelivered: &mut Option<String>) {
        if let Ok(result) = self.results.try_recv() {
            let sent = self.sending.take();
            match result {
                Ok(id) => {
                    journal.note(&format!("the alert was delivered (message {id})"));
                    *undelivered = None;
                    // A newer message may be in the file by now.
                    if files::json::<Spooled>(&self.spool).is_some_and(|spooled| Some(&spooled.text) == sent.as_ref()) {
                        files::remove(&self.spool);
                    }
                }
                Err(error) => {
                    if undelivered.as_ref() != Some(&error.why) {
                        journal.note(&format!("the alert was not delivered: {}", error.why));
                        self.notify("An alert of Bridge Watchdog does not go out", &error.why);
                    }
                    // The answer wakes the loop, which must not send again at once, in a circle.
                    self.not_before = clock::mono() + error.retry_after.unwrap_or_default().max(self.pace);
                    *undelivered = Some(error.why);
                }
            }
        }
        self.send_spooled();
    }

    fn send_spooled(&mut self) {
        if self.sending.is_none()
            && clock::mono() >= self.not_before
            && self.telegram.is_some()
            && let Some(spooled) = files::json::<Spooled>(&self.spool)
        {
            self.send(spooled.text);
        }
    }

    fn send(&mut self, text: String) {
        self.sending = Some(text.clone());
        let _ = self.outbox.send(text);
    }

    fn notify(&mut self, title: &str, text: &str) {
        if let Some(show) = &mut self.notification {
            show(title, &self.secrets.readable(text, Lines::Keep));
        }
    }

    fn queue(&mut self, journal: &Journal, text: &str) {
        let text = self.secrets.readable(text, Lines::Keep);
        if self.telegram.is_none() {
            journal.note("nobody is told by Telegram: there is no [telegram] section in the configuration");
            self.notify("The Telegram bridge needs you", &text);
            return;
        }
        match files::replace_json(&self.spool, &Spooled { text: text.clone() }) {
            Ok(()) => self.send_spooled(),
            Err(why) => {
                // Without a spool file the message is still tried once.
                journal.note(&why);
                if self.sending.is_none() {
                    self.send(text);
                }
            }
        }
    }
}
