//! The loop: four named steps a tick, and what a command does between two of them.

pub mod commands;
pub mod controller;
pub mod publisher;
mod teller;
pub mod watchdog;

use std::path::PathBuf;
use std::time::Duration;

use self::commands::{Command, CommandSender};
use self::controller::{Controller, Look};
use self::publisher::status_file;
use self::teller::Teller;
use crate::act::{Hand, Reason};
use crate::config::Config;
use crate::contract;
use crate::facts::Pause;
use crate::history::History;
use crate::install;
use crate::limits::{Environment, Limits};
use crate::outages;
use crate::outcome::Outcome;
use crate::plan::{self, Incident, Plan, Told};
use crate::recover::{self, wait_after};
use crate::report::policy;
use crate::snapshot::{Done, Since, Snapshot};
use crate::system::journal::Journal;
use crate::system::service::Service;
use crate::system::wake::Woke;
use crate::system::{clock, files, git, markers, recovery_lock, timed};
use crate::text;
use crate::time::Wall;
use crate::verdict::{Cause, Finding, Next, Problem, Rung, State};

/// The watch of one bridge.
pub struct Watch {
    pub controller: Controller,
    teller: Teller,
    incident: Option<Incident>,
}

impl Watch {
    /// # Errors
    /// If the kernel gives no event queue.
    pub fn new(config: &Config, environment: &Environment, to_stderr: bool) -> Result<Watch, String> {
        let controller = Controller::new(config, environment, to_stderr)?;
        let teller = Teller::new(config, environment, controller.commands.waker());
        Ok(Watch { controller, teller, incident: None })
    }

    pub fn sender(&self) -> CommandSender {
        self.controller.commands.sender()
    }

    /// Sets what shows a local notification (a title and a text) if an alert does not go out. The headless watch has
    /// none.
    pub fn on_notification(&mut self, show: impl FnMut(&str, &str) + Send + 'static) {
        self.teller.on_notification(show);
    }

    fn config(&self) -> &Config {
        &self.controller.watchdog.config
    }

    fn limits(&self) -> Limits {
        self.controller.watchdog.environment.limits
    }

    /// The file in which the incident survives a restart of ours.
    fn incident_file(&self) -> PathBuf {
        self.config().state.join(contract::INCIDENT)
    }

    fn save_incident(&self) {
        match &self.incident {
            Some(incident) => drop(files::replace_json(&self.incident_file(), incident)),
            None => files::remove(&self.incident_file()),
        }
    }
}

/// Watches until it is told to quit. The caller holds [`recovery_lock::one_watch`].
pub fn run(watch: &mut Watch) {
    watch.controller.watchdog.watching = true;
    watch.controller.commands.listen(&watch.controller.watchdog.config);
    recovery_lock::sweep(watch.config());
    watch.incident = files::json(&watch.incident_file()).map(plan::interrupted);
    finish_revert(watch);
    watch.controller.publisher.since = files::json(&status_file(watch.config())).and_then(still_so);
    if let Service::Embedded(embedded) = &watch.controller.watchdog.service {
        embedded.keep();
    }
    let watchdog = &watch.controller.watchdog;
    let config = &watchdog.config;
    watch.controller.journal.note(&text::watch_begins(&config.root, &config.label, watchdog.service.name()));
    loop {
        let pause = tick(watch);
        if answer(watch).is_some() || sleep(watch, pause).is_some() {
            break;
        }
    }
    if let Service::Embedded(embedded) = &watch.controller.watchdog.service {
        embedded.keep_no_more();
    }
    watch.controller.journal.note(text::WATCH_ENDS);
}

/// Brings a revert to its end in whose middle we were killed. Where another recovery runs, it does so itself.
fn finish_revert(watch: &mut Watch) {
    let config = watch.config().clone();
    // Without one no lock is taken: its face would say to others that a recovery is in progress.
    if !git::revert::is_under_way(&config.state) {
        return;
    }
    let Ok(_lock) = recovery_lock::take(&config, Rung::Revert.number(), &[]) else { return };
    let finish = move || git::revert::finish(&config.root, &config.state);
    let line = match timed::once(watch.limits().work, finish) {
        Ok(Ok(None)) => return,
        Ok(Ok(Some(finished))) => text::finished(&finished),
        Ok(Err(refusal)) => text::why_not_reverted(&refusal),
        Err(why) => why,
    };
    watch.controller.journal.note(&line);
}

/// Asked to end.
struct Quit;

/// One tick: look, decide, heal, tell. Returns the time until the next.
pub fn tick(watch: &mut Watch) -> Duration {
    let look = watch.controller.look();
    follow(watch, &look);
    let limits = watch.limits();
    let now = look.facts.clock;
    let plan = plan::plan(watch.incident.as_ref(), &look.verdict, now.mono, &limits);
    let again = if let Plan::Later(at) = plan { Some(now.wall_of(at)) } else { None };
    if watch.controller.publisher.again != again {
        watch.controller.publisher.again = again;
        watch.controller.show_again();
    }
    let climbed = matches!(plan, Plan::Climb(_, rung) if rung != Rung::Tell);
    let pause = match plan {
        Plan::Climb(finding, Rung::Tell) => {
            tell_last(watch, &look, finding);
            limits.poll_interval_down
        }
        Plan::Climb(finding, rung) => climb(watch, &look, finding, rung),
        Plan::Nothing | Plan::Later(_) => {
            let usual = pace(&look, plan, &limits);
            let silence = silence_due(&watch.controller.watchdog.history, &look, &limits);
            silence.into_iter().chain(holder_due(&look, &limits)).fold(usual, Duration::min)
        }
    };
    let Watch { controller, teller, incident } = watch;
    // After a rung the next look, which comes at once, knows what has become of it.
    if let Some(incident) = incident.as_ref().filter(|_| !climbed) {
        teller.retell(controller, &look, incident, controller.publisher.again);
    }
    let Controller { watchdog, journal, .. } = controller;
    teller.follow(journal, look.verdict.cause == Cause::Offline, &mut watchdog.history.undelivered);
    pause
}

/// Opens, keeps or ends the incident; tells a person what can't wait.
fn follow(watch: &mut Watch, look: &Look) {
    let Look { facts, verdict } = look;
    let before = watch.incident.clone();
    let (incident, ended) = plan::follow(before.clone(), verdict, facts.clock, &watch.limits());
    watch.incident = incident;
    let of = |incident: &Option<Incident>| incident.as_ref().map(|incident| outages::of(incident, facts.clock));
    if watch.controller.publisher.outage(of(&watch.incident), of(&ended)) {
        watch.controller.show_again();
    }
    if let Some(ended) = ended {
        watch.teller.over(&watch.controller.journal, &ended, facts.clock);
    }
    if let Some(first) = verdict.first().filter(|first| first.tell && verdict.state != State::Degraded) {
        tell(watch, look, &first.problem, Told { cause: first.problem.cause(), last_rung: false });
    }
    if watch.incident != before {
        watch.save_incident();
    }
    watch.teller.notice(&watch.controller.journal, look, watch.incident.is_some());
    // A pause knows when it began, and a stop from before a restart of ours is in the status file.
    let pause = facts.holds.pause.filter(|_| verdict.cause == Cause::Paused).map(|pause| pause.since);
    watch.teller.remind(&watch.controller.journal, look, pause);
}

/// Calls a person if the policy says so; returns whether it did.
fn tell(watch: &mut Watch, look: &Look, problem: &Problem, what: Told) -> bool {
    let Some(incident) = &mut watch.incident else { return false };
    if !policy::tells(incident, what) {
        return false;
    }
    incident.told.push(what);
    incident.problem = Some(problem.clone());
    watch.teller.calls(&watch.controller.journal, look);
    true
}

/// Rung 5. The chain gets here every 30 min; a person is told of each cause once.
fn tell_last(watch: &mut Watch, look: &Look, finding: &Finding) {
    let (problem, cause) = (&finding.problem, finding.problem.cause());
    watch.incident.get_or_insert_with(|| plan::open(problem, look.facts.clock.wall));
    let what = Told { cause, last_rung: true };
    if watch.incident.as_ref().is_some_and(|incident| policy::tells(incident, what)) {
        watch.controller.journal.note(&text::alert(&Reason::Finding(finding.clone()), look.facts.clock));
    }
    let told = tell(watch, look, problem, what);
    watch.controller.note_act(Done::Told { first: told });
    tried(watch, cause, Rung::Tell, false);
    // The message says when the chain goes on.
    let now = look.facts.clock;
    if let Plan::Later(at) = plan::plan(watch.incident.as_ref(), &look.verdict, now.mono, &watch.limits()) {
        watch.controller.publisher.again = Some(now.wall_of(at));
    }
    watch.controller.show_again();
}

/// Runs a rung of the chain; returns the time until the next look.
fn climb(watch: &mut Watch, look: &Look, finding: &Finding, rung: Rung) -> Duration {
    let (problem, cause) = (&finding.problem, finding.problem.cause());
    let file = watch.incident_file();
    let Watch { controller, teller, incident } = watch;
    let incident = incident.get_or_insert_with(|| plan::open(problem, clock::wall()));
    let waited = incident.waited_for_work;
    // Told as it begins: a rung may take minutes.
    let mut begun = |journal: &Journal| {
        plan::begun(incident, rung, problem, clock::wall());
        let _ = files::replace_json(&file, incident);
        teller.begun(journal, look, incident);
    };
    let climbed = recover::climb(controller, finding, rung, waited, &mut begun);
    incident.waited_for_work = climbed.waited_for_work;
    plan::ended(incident, rung, problem, &climbed.outcome, clock::wall());
    let limits = watch.limits();
    match climbed.outcome {
        Outcome::StoodDown(_) | Outcome::Busy(_) => {
            watch.save_incident();
            // What kept it from acting is not gone within a second.
            limits.poll_interval_waiting
        }
        Outcome::Cured(_) => {
            tried(watch, cause, rung, true);
            limits.poll_interval_down
        }
        Outcome::Failed(_) => {
            tried(watch, cause, rung, false);
            // Jitter, so that two programs that retry after the same failure do not stay in step.
            wait_after(rung, &limits).mul_f64(0.8 + 0.4 * fastrand::f64())
        }
    }
}

fn tried(watch: &mut Watch, cause: Cause, rung: Rung, cured: bool) {
    if let Some(incident) = &mut watch.incident {
        plan::tried(incident, cause, rung, cured, clock::mono());
    }
    watch.save_incident();
}

/// The time until the next look if nothing was done.
fn pace(look: &Look, plan: Plan, limits: &Limits) -> Duration {
    let Look { facts, verdict } = look;
    let down = facts.process.known().is_some_and(Option::is_none);
    let young = facts.running().is_some_and(|process| process.age < limits.check_interval);
    match verdict.state {
        State::Unhealthy if down && !matches!(plan, Plan::Later(_)) => limits.poll_interval_down,
        // Waiting or stopped may last for days, and each look at what is down asks the manager and every process.
        _ if down => limits.poll_interval_waiting,
        // A person who has just restarted the bridge wants to see it come up, not wait for the minute.
        State::Starting if young => limits.poll_interval_waiting,
        _ => limits.check_interval,
    }
}

/// When a silent bridge is looked at next: the moment its silence counts, and once more soon after, since one look is no
/// proof. A whole tick each would be two more minutes of a bridge that hangs.
fn silence_due(history: &History, look: &Look, limits: &Limits) -> Option<Duration> {
    look.facts.running()?;
    let silent = look.facts.clock.mono.since(history.silent_since?);
    match history.stale_looks {
        0 => Some(limits.silence.saturating_sub(silent) + limits.poll_interval_waiting / 10),
        1 => Some(limits.poll_interval_waiting),
        _ => None,
    }
}

/// When a holder of the session's lock is old enough to be ended: the bridge waits for that.
fn holder_due(look: &Look, limits: &Limits) -> Option<Duration> {
    let due = look.verdict.findings.iter().find_map(|finding| match finding.next {
        Next::FreeSessionAt(at) => Some(at),
        _ => None,
    })?;
    Some(due.since(look.facts.clock.wall) + limits.poll_interval_down / 10)
}

/// Sleeps until the next tick is due, the bridge dies or a command comes.
fn sleep(watch: &mut Watch, limit: Duration) -> Option<Quit> {
    // Only a process that the last look saw alive: if the manager could not be asked, the death of the process before
    // would wake the loop at once, again and again.
    let process = watch.controller.last().and_then(|look| look.facts.running()).map(|process| process.id);
    let woke = watch.controller.commands.sleep(process, limit);
    if let (Woke::Died, Some(process)) = (woke, process) {
        watch.controller.journal.note(&text::process_gone(process.pid));
    }
    answer(watch)
}

/// Does what the commands ask for.
fn answer(watch: &mut Watch) -> Option<Quit> {
    let mut quit = None;
    for command in watch.controller.commands.take() {
        match command {
            Command::CheckNow => {}
            Command::Quit => quit = Some(Quit),
            Command::Pause(until) => pause(watch, command, Some(until)),
            Command::Resume => pause(watch, command, None),
            Command::ByHand(hand) => by_hand(watch, command, hand, None),
            Command::Revert(commit) => by_hand(watch, command, Hand::Revert, Some(commit.to_string())),
            Command::AutoRevert(on) => {
                watch.controller.journal.note(text::auto_revert_switched(on));
                let done = markers::set_auto_revert(watch.config(), on);
                say(watch, command, done);
            }
            Command::StartAtLogin(on) => {
                watch.controller.journal.note(text::start_at_login_switched(on));
                let done = install::set_start_at_login(watch.config(), &watch.controller.watchdog.environment, on);
                say(watch, command, done);
            }
        }
    }
    quit
}

fn by_hand(watch: &mut Watch, command: Command, hand: Hand, expected: Option<String>) {
    let outcome = recover::by_hand(&mut watch.controller, hand, true, expected);
    watch.controller.note_act(Done::ByHand(hand, outcome.clone()));
    if let (Some(incident), Outcome::Cured(_)) = (&mut watch.incident, &outcome) {
        incident.by_hand = Some(hand);
        watch.save_incident();
    }
    watch.controller.show_again();
    // An act by hand is done when its effect was seen.
    let done = if matches!(outcome, Outcome::Cured(_)) { Ok(()) } else { Err(text::outcome(&outcome, clock::now())) };
    watch.controller.publisher.answer(command, done);
}

fn pause(watch: &mut Watch, command: Command, until: Option<Wall>) {
    let since = clock::wall();
    let pause = until.map(|until| Pause { since, until });
    watch.controller.note_act(pause.map_or(Done::Resumed, |pause| Done::Paused(pause.until)));
    let done = markers::set_pause(watch.config(), pause);
    say(watch, command, done);
}

/// Reports the result of a command to the person who gave it.
fn say(watch: &mut Watch, command: Command, done: Result<(), String>) {
    if let Err(why) = &done {
        watch.controller.note_act(Done::Failed(why.clone()));
        watch.controller.show_again();
    }
    watch.controller.publisher.answer(command, done);
}

/// A stop or a pause that lasts over a restart of ours keeps its beginning.
fn still_so(before: Snapshot) -> Option<Since> {
    let verdict = before.verdict;
    let stands = matches!(verdict.state, State::Waiting | State::Stopped);
    stands.then_some(Since { state: verdict.state, cause: verdict.cause, at: before.since })
}
