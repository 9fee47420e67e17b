//! What the loop tells a person: of an incident, and of what belongs to none. When is decided by `policy`, the words are
//! in `text::message`.

use std::path::PathBuf;

use super::controller::{Controller, Look};
use crate::config::Config;
use crate::contract;
use crate::facts::Event;
use crate::limits::{Environment, Limits};
use crate::plan::{Acted, Incident};
use crate::report::Delivery;
use crate::report::policy::{self, Noticed, Standing};
use crate::report::spool::{Kind, Say};
use crate::system::files;
use crate::system::journal::Journal;
use crate::system::wake::Waker;
use crate::text::diagnostics;
use crate::text::message::{self, first_line};
use crate::time::{Clock, Wall};
use crate::verdict::Cause;

pub(super) struct Teller {
    delivery: Delivery,
    config: Config,
    limits: Limits,
    noticed: Noticed,
    standing: Option<Standing>,
    /// What the last message of the incident said; `None` if the next says something new.
    said: Option<Said>,
}

/// What makes a message of an incident another one than before.
#[derive(PartialEq)]
struct Said {
    acts: Vec<Acted>,
    told: usize,
    cause: Cause,
}

impl Teller {
    pub(super) fn new(config: &Config, environment: &Environment, waker: Waker) -> Teller {
        Teller {
            delivery: Delivery::new(config, environment, waker),
            config: config.clone(),
            limits: environment.limits,
            noticed: files::json(&config.state.join(contract::NOTICED)).unwrap_or_default(),
            standing: files::json(&config.state.join(contract::REMINDED)).flatten(),
            said: None,
        }
    }

    /// Sets what shows a local notification, a title and a text.
    pub(super) fn on_notification(&mut self, show: impl FnMut(&str, &str) + Send + 'static) {
        self.delivery.on_notification(show);
    }

    /// A rung is about to act; the look is the one before it.
    pub(super) fn begun(&mut self, journal: &Journal, look: &Look, incident: &Incident) {
        self.say(journal, look, incident, None);
        self.said = None;
    }

    /// A person is called: what is known goes into the journal, and the next message calls them.
    pub(super) fn calls(&mut self, journal: &Journal, look: &Look) {
        note_diagnostics(journal, &self.config, look);
        self.said = None;
    }

    /// Says what has become of the incident, if anything has since the last time. `again`: its chain waits until then.
    pub(super) fn retell(&mut self, controller: &Controller, look: &Look, incident: &Incident, again: Option<Wall>) {
        if policy::is_quiet(incident) {
            return;
        }
        // Between two ends a bridge that dies again and again seems well: that is no news.
        let before = self.said.as_ref().map_or(Cause::None, |said| said.cause);
        let cause = if look.verdict.cause == Cause::None { before } else { look.verdict.cause };
        let now = Said { acts: incident.acts.clone(), told: incident.told.len(), cause };
        if self.said.as_ref() != Some(&now) {
            self.say(&controller.journal, look, incident, again);
            self.said = Some(now);
        }
    }

    /// Says that an incident is over, if anything of it was to be told.
    pub(super) fn over(&mut self, journal: &Journal, ended: &Incident, now: Clock) {
        let words = |whole| message::over(&self.delivery.host, &self.config, ended, now, whole);
        let (text, alone) = (words(false), words(true));
        journal.note(&format!("over: {}", first_line(&text)));
        self.said = None;
        if !policy::is_quiet(ended) {
            let say = Say { incident: ended.began, kind: Kind::Over, text, alone: Some(alone) };
            self.delivery.say(journal, &[say]);
        }
    }

    /// Tells once what belongs to no incident: what makes the bridge work less than well and, where none is open, that it
    /// ends again and again.
    pub(super) fn notice(&mut self, journal: &Journal, look: &Look, incident_open: bool) {
        let Look { facts, verdict } = look;
        let (host, limits, now) = (&self.delivery.host, &self.limits, facts.clock.wall);
        let before = self.noticed.clone();
        let degraded = self.noticed.degraded(verdict, now, limits);
        let mut texts: Vec<String> =
            degraded.iter().map(|finding| message::degraded(host, &self.config, facts, finding)).collect();
        let events: &[Event] = if incident_open { &[] } else { facts.crashes.known().map_or(&[], Vec::as_slice) };
        let ends = self.noticed.ends(events, verdict, now, limits);
        if !degraded.is_empty() {
            note_diagnostics(journal, &self.config, look);
        }
        if !ends.is_empty() {
            texts.push(message::ends_again(host, facts, &ends, limits.crash_window));
        }
        for text in texts {
            self.delivery.notice(journal, &text);
        }
        if self.noticed != before {
            // Without the file it is told once more after a restart of ours.
            let _ = files::replace_json(&self.file(contract::NOTICED), &self.noticed);
        }
    }

    /// Reminds a person of what does nothing for the bridge, and goes on doing so. `since`: when it began, where that is known
    /// from elsewhere.
    pub(super) fn remind(&mut self, journal: &Journal, look: &Look, since: Option<Wall>) {
        let Look { facts, verdict } = look;
        let before = self.standing;
        self.standing = Standing::after(before, verdict, since, facts.clock.wall);
        let due = self.standing.as_mut().and_then(|standing| standing.reminds(facts.clock.wall, &self.limits));
        if let Some(since) = due {
            let text = message::reminder(&self.delivery.host, &self.config, verdict, since, facts.clock);
            self.delivery.notice(journal, &text);
        }
        if self.standing != before {
            // Without the file a day begins anew with a restart of ours.
            let _ = files::replace_json(&self.file(contract::REMINDED), &self.standing);
        }
    }

    /// Takes in what has become of the messages; `undelivered` is why one does not go out.
    pub(super) fn follow(&mut self, journal: &Journal, offline: bool, undelivered: &mut Option<String>) {
        self.delivery.follow(journal, offline, undelivered);
    }

    fn say(&mut self, journal: &Journal, look: &Look, incident: &Incident, again: Option<Wall>) {
        let (host, config) = (&self.delivery.host, &self.config);
        let say = |kind| {
            let calls = kind == Kind::Need;
            let text = message::alert(host, config, &look.facts, &look.verdict, incident, again, calls);
            Say { incident: incident.began, kind, text, alone: None }
        };
        // The message of the acts says how they ended, and is not left at "under way" when a call follows it.
        let calls = policy::calls(incident, &look.verdict);
        let says = [Kind::Act, Kind::Need].map(|kind| (calls || kind == Kind::Act).then(|| say(kind)));
        self.delivery.say(journal, &says.into_iter().flatten().collect::<Vec<_>>());
    }

    fn file(&self, name: &str) -> PathBuf {
        self.config.state.join(name)
    }
}

/// What was known when a person was told, for whoever looks for the cause later.
fn note_diagnostics(journal: &Journal, config: &Config, look: &Look) {
    for line in diagnostics::report(config, &look.facts, &look.verdict).lines() {
        journal.note(&format!("diagnostics: {line}"));
    }
}
