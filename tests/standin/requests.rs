//! The subcommands: what each answers and starts. Codes and texts are those of `/bin/launchctl`.

use crate::ctl::{Answer, Request};
use crate::engine::{Engine, soon};
use crate::faults::{Canned, Faults, Garbage, Hang};
use crate::job::{Job, Leaving, Reply, Waiting, Why};
use crate::names;
use crate::print;
use crate::process;
use crate::spec::{Spec, seconds};
use std::fs;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::time::Instant;

impl Engine {
    pub(crate) fn request(&mut self, request: Request, to: Sender<Answer>) {
        let Request { args, quiet } = request;
        self.seq += 1;
        let mut reply = Reply { to: Some(to), call: (!quiet).then(|| (self.seq, args.clone())) };
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let faults = match self.faults.read() {
            Ok(faults) if quiet => faults.without_answers(),
            Ok(faults) => faults,
            Err(text) => return reply.send(&self.logs, Answer::fail(70, text)),
        };
        let hang = faults.hang(&args);
        if hang != Hang::Never {
            self.note_unanswered(&reply);
            self.hung.extend(reply.to.take());
        }
        if hang != Hang::Before {
            self.act(&args, &faults, reply);
        }
    }

    /// A caller who waits is in calls.log, without a code, from the start.
    fn note_unanswered(&self, reply: &Reply) {
        if let Some((seq, args)) = &reply.call {
            self.logs.call(*seq, args, None);
        }
    }

    fn act(&mut self, args: &[&str], faults: &Faults, reply: Reply) {
        let canned = args.first().and_then(|name| faults.answers.get(*name));
        let answer = match (canned, args) {
            (Some(Canned { code, stdout, stderr }), _) => {
                Answer { code: *code, stdout: stdout.clone().into_bytes(), stderr: stderr.clone().into_bytes() }
            }
            (_, ["kickstart", rest @ ..]) => return self.kickstart(rest, faults, reply),
            (_, ["print", target]) => self.print(target, faults),
            (_, ["print-disabled", domain]) => self
                .in_domain(domain, faults)
                .map_or_else(|answer| answer, |()| Answer::ok(print::disabled(&self.disabled, faults.old_wording))),
            (_, ["list"]) => Answer::ok(print::list_all(&self.jobs)),
            (_, ["list", label]) => self.jobs.get(*label).map_or_else(
                || Answer::fail(113, format!("Could not find service \"{label}\" in domain for port\n")),
                |job| Answer::ok(print::list(job)),
            ),
            (_, ["bootstrap", domain, plist]) => self.bootstrap(domain, Path::new(plist), faults),
            (_, ["bootout", target]) => self.bootout(target, faults),
            (_, ["bootout", domain, plist]) => match Spec::read(Path::new(plist)) {
                Some(spec) => self.bootout(&format!("{domain}/{}", spec.label), faults),
                None => failed("Boot-out", 5),
            },
            (_, [verb @ ("enable" | "disable"), target]) => self.set_disabled(target, *verb == "disable", faults),
            (_, ["kill", signal, target]) => self.kill(signal, target, faults),
            // Gone from new systems, where they abort.
            (_, ["load" | "unload", ..]) => Answer::fail(134, ""),
            (_, ["--peek", label]) => Answer::ok(print::peek(self.jobs.get(*label))),
            (_, []) => Answer::fail(64, "Usage: launchctl <subcommand> ... | help [subcommand]\n"),
            (_, [name, ..]) => Answer::fail(64, format!("Unrecognized subcommand or usage: {name}\n")),
        };
        reply.send(&self.logs, answer);
    }

    fn print(&self, target: &str, faults: &Faults) -> Answer {
        match &faults.print_garbage {
            Some(Garbage::Text(text)) => return Answer::ok(text.as_str()),
            Some(Garbage::Bytes(true)) => {
                return Answer::ok(b"\xff\xfe\x00\tstate \x9c= \n\tpid = \xf0\n}\x07".as_slice());
            }
            _ => {}
        }
        if target.split('/').count() == 2 {
            return self
                .in_domain(target, faults)
                .map_or_else(|a| a, |()| Answer::ok(print::domain(&self.domain, &self.jobs, &self.disabled)));
        }
        match self.label(target, faults) {
            Err(answer) => answer,
            Ok(label) => match self.jobs.get(label) {
                Some(job) => Answer::ok(print::job(&self.domain, self.uid, job, faults.unknown_state.as_deref())),
                None => self.unknown(label, "Bad request.\n"),
            },
        }
    }

    fn bootstrap(&mut self, domain: &str, plist: &Path, faults: &Faults) -> Answer {
        if let Err(answer) = self.in_domain(domain, faults) {
            return answer;
        }
        let Some(spec) = Spec::read(plist) else {
            return failed("Bootstrap", 5);
        };
        let disabled_code = faults.disabled_code.unwrap_or(119);
        if self.is_disabled(&spec.label) && disabled_code != 0 {
            return failed("Bootstrap", disabled_code);
        }
        if let Some(job) = self.jobs.get(&spec.label) {
            let draining = job.leaving != Leaving::No;
            return failed("Bootstrap", faults.draining_code.filter(|_| draining).unwrap_or(5));
        }
        if let Some(fails) = &faults.bootstrap_fails_5
            && self.faults.failed_bootstraps < fails.times
        {
            self.faults.failed_bootstraps += 1;
            if fails.registered {
                self.load(spec, plist.to_owned(), false);
            }
            return failed("Bootstrap", 5);
        }
        self.load(spec, plist.to_owned(), true);
        Answer::default()
    }

    /// Answers before the job is gone.
    fn bootout(&mut self, target: &str, faults: &Faults) -> Answer {
        let label = match self.label(target, faults) {
            Ok(label) => label.to_owned(),
            Err(answer) => return answer,
        };
        let Some(job) = self.jobs.get_mut(&label) else {
            return failed("Boot-out", 3);
        };
        if job.leaving != Leaving::No {
            return failed("Boot-out", 36);
        }
        job.next = None;
        job.pended = None;
        job.leaving = Leaving::Draining;
        if job.run.is_none() {
            job.leaving = Leaving::Gone(Instant::now() + seconds(faults.bootout_slow_s));
        }
        job.end(&self.logs, "bootout");
        for waiting in job.waiting.drain(..) {
            waiting.reply.send(&self.logs, failed("Kickstart", 3));
        }
        faults.bootout_code.map_or_else(Answer::default, |code| failed("Boot-out", code))
    }

    /// Plain: answers at once. With -k, or -p and no pid yet: answers with the new pid, however long that takes.
    fn kickstart(&mut self, args: &[&str], faults: &Faults, reply: Reply) {
        let (flags, targets): (Vec<&str>, Vec<&str>) = args.iter().partition(|a| a.starts_with('-'));
        let (restart, print_pid) = (has_flag(args, 'k'), has_flag(args, 'p'));
        let known = flags.iter().all(|f| f.len() > 1 && f[1..].chars().all(|c| "kp".contains(c)));
        let ([target], true) = (targets.as_slice(), known) else {
            let usage = "Usage: launchctl kickstart [-k] [-p] <service-target>\n";
            return reply.send(&self.logs, Answer::fail(64, usage));
        };
        let label = match self.label(target, faults) {
            Ok(label) => label.to_owned(),
            Err(answer) => return reply.send(&self.logs, answer),
        };
        let disabled_code = faults.disabled_code.unwrap_or(119);
        let disabled = self.is_disabled(&label) && disabled_code != 0;
        let unknown = self.unknown(&label, "");
        let Some(job) = self.jobs.get_mut(&label) else {
            return reply.send(&self.logs, unknown);
        };
        if job.leaving != Leaving::No {
            return reply.send(&self.logs, failed("Kickstart", 37));
        }
        if disabled {
            return reply.send(&self.logs, failed("Kickstart", disabled_code));
        }
        if restart && let Some(run) = &mut job.run {
            run.again = true;
            job.end(&self.logs, "kickstart -k");
        } else if let Some(pid) = job.pid() {
            let text = format!("service spawned with pid: {pid}\n");
            let text = if print_pid { text } else { String::new() };
            return reply.send(&self.logs, Answer::ok(text));
        } else {
            demand(job, faults);
        }
        if !restart && !print_pid {
            return reply.send(&self.logs, Answer::default());
        }
        // Noted before an "after" fault removed the sender.
        if reply.to.is_some() {
            self.note_unanswered(&reply);
        }
        if let Some(job) = self.jobs.get_mut(&label) {
            job.waiting.push(Waiting { reply, print_pid });
        }
    }

    fn set_disabled(&mut self, target: &str, disable: bool, faults: &Faults) -> Answer {
        let label = match self.label(target, faults) {
            Ok(label) => label.to_owned(),
            Err(answer) => return answer,
        };
        self.disabled.insert(label, disable);
        let text = serde_json::to_string(&self.disabled).unwrap_or_default();
        match fs::write(self.dir.join("disabled.json"), text) {
            Ok(()) => Answer::default(),
            Err(error) => Answer::fail(70, format!("disabled.json: {error}\n")),
        }
    }

    fn kill(&self, signal: &str, target: &str, faults: &Faults) -> Answer {
        let label = match self.label(target, faults) {
            Ok(label) => label,
            Err(answer) => return answer,
        };
        let Some(signal) = names::parse_signal(signal) else {
            return Answer::fail(64, "Usage: launchctl kill <signal-number|signal-name> <service-target>\n");
        };
        match self.jobs.get(label).map(Job::pid) {
            None => self.unknown(label, ""),
            Some(None) => Answer::fail(3, "No process to signal.\n"),
            Some(Some(pid)) => {
                self.logs.signal(label, pid, names::signal(signal), "kill");
                process::signal(pid, signal);
                Answer::default()
            }
        }
    }

    /// The label of `gui/UID/LABEL`; else what launchctl says about the target.
    fn label<'a>(&self, target: &'a str, faults: &Faults) -> Result<&'a str, Answer> {
        let Some((domain, label)) = target.rsplit_once('/').filter(|(d, l)| d.contains('/') && !l.is_empty()) else {
            return Err(Answer::fail(64, format!("Unrecognized target specifier: {target}\n")));
        };
        self.in_domain(domain, faults).map(|()| label)
    }

    fn in_domain(&self, domain: &str, faults: &Faults) -> Result<(), Answer> {
        if domain == self.domain && !faults.no_domain { Ok(()) } else { Err(failed("Could not address domain", 125)) }
    }

    fn unknown(&self, label: &str, before: &str) -> Answer {
        let text = format!("{before}Could not find service \"{label}\" in domain for user gui: {}\n", self.uid);
        Answer::fail(113, text)
    }
}

/// `-k -p` and `-kp` are the same.
pub(crate) fn has_flag(args: &[&str], flag: char) -> bool {
    args.iter().any(|a| a.strip_prefix('-').is_some_and(|f| f.contains(flag)))
}

/// A start that was asked for: at once, whatever the throttle says. One that is being spawned already is left alone.
fn demand(job: &mut Job, faults: &Faults) {
    let mut next = soon(Why::Kickstart);
    if faults.kickstart_waits_throttle
        && let Some(last) = job.last_start
    {
        next.at = next.at.max(last + job.spec.throttle());
    }
    match &mut job.next {
        Some(coming) if coming.spawning => coming.why = Why::Kickstart,
        _ => job.next = Some(next),
    }
}

/// `Bootstrap failed: 5: Input/output error`
fn failed(what: &str, code: u8) -> Answer {
    let reason = match code {
        3 => "No such process",
        5 => "Input/output error\nTry re-running the command as root for richer errors.",
        36 => "Operation now in progress",
        37 => "Operation already in progress",
        119 => "Service is disabled",
        125 => "Domain does not support specified action",
        _ => "Unknown error",
    };
    Answer::fail(code, format!("{what} failed: {code}: {reason}\n"))
}
