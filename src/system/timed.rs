//! Looks that may block. A read of a folder that the platform protects hangs until somebody clicks, a dead network
//! volume for ever; so each kind of look has a thread of its own, is asked, and is given a time limit. One that hangs
//! makes its own fact unknown and nothing else late.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A kind of look: its thread, and whether an answer is still owed.
pub struct Timed<Q, A> {
    /// Until the first question: many a look is never asked.
    not_started: Option<Box<dyn FnOnce() + Send>>,
    questions: Sender<Q>,
    answers: Receiver<A>,
    owed: Option<Instant>,
}

impl<Q: Send + 'static, A: Send + 'static> Timed<Q, A> {
    pub fn new(name: &'static str, mut look: impl FnMut(Q) -> A + Send + 'static) -> Self {
        let (questions, inbox) = channel::<Q>();
        let (outbox, answers) = channel();
        let run = move || {
            while let Ok(question) = inbox.recv() {
                if outbox.send(look(question)).is_err() {
                    return;
                }
            }
        };
        let start = move || {
            let thread = std::thread::Builder::new().name(name.into()).stack_size(256 << 10);
            // Where no thread can be had the channel is closed, and `answer` says so.
            let _ = thread.spawn(run);
        };
        Timed { not_started: Some(Box::new(start)), questions, answers, owed: None }
    }

    /// Asks, unless the last question is still unanswered.
    pub fn ask(&mut self, question: Q) {
        if let Some(start) = self.not_started.take() {
            start();
        }
        if self.owed.is_none() && self.questions.send(question).is_ok() {
            self.owed = Some(Instant::now());
        }
    }

    /// Asks, and a late answer to an earlier question is none: for what is true only now. A look that still hangs is not
    /// asked again, so that no second thread hangs beside it.
    pub fn ask_anew(&mut self, question: Q) {
        if self.owed.is_some() && self.answers.try_recv().is_ok() {
            self.owed = None;
        }
        self.ask(question);
    }

    /// [`Timed::ask_anew`], and the answer within `limit` seconds.
    ///
    /// # Errors
    /// As [`Timed::answer`].
    pub fn now(&mut self, question: Q, limit: f64) -> Result<A, String> {
        self.ask_anew(question);
        self.answer(Instant::now() + Duration::from_secs_f64(limit))
    }

    /// The answer, waiting until `deadline` at most. A late answer to an earlier question is an answer: what it found
    /// (new bytes in the log) must not get lost.
    ///
    /// # Errors
    /// Since when nothing was heard.
    pub fn answer(&mut self, deadline: Instant) -> Result<A, String> {
        let Some(asked) = self.owed else { return Err("the look could not be started".into()) };
        match self.answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(answer) => {
                self.owed = None;
                Ok(answer)
            }
            Err(RecvTimeoutError::Timeout) => {
                let waited = asked.elapsed().as_secs_f64().max(0.1);
                Err(format!("no answer for {waited:.0} s; the folder may be protected, or its volume gone"))
            }
            Err(RecvTimeoutError::Disconnected) => Err("the look ended unexpectedly".into()),
        }
    }
}

/// Looks once, for at most `limit` seconds.
///
/// # Errors
/// As [`Timed::answer`].
pub fn once<A: Send + 'static>(limit: f64, mut look: impl FnMut() -> A + Send + 'static) -> Result<A, String> {
    Timed::new("look", move |()| look()).now((), limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_blocks_is_unknown_and_its_late_answer_is_not_lost() {
        let (open, gate) = channel::<()>();
        let mut look = Timed::new("test", move |question: u32| {
            gate.recv().ok();
            question
        });
        look.ask(1);
        assert!(look.answer(Instant::now() + Duration::from_millis(20)).unwrap_err().starts_with("no answer for"));
        look.ask(2);
        open.send(()).unwrap();
        assert_eq!(look.answer(Instant::now() + Duration::from_secs(5)), Ok(1));
        look.ask(3);
        open.send(()).unwrap();
        assert_eq!(look.answer(Instant::now() + Duration::from_secs(5)), Ok(3));
    }

    #[test]
    fn what_is_true_only_now_is_asked_anew_once_the_late_answer_is_there() {
        let (open, gate) = channel::<()>();
        let mut look = Timed::new("test", move |question: u32| {
            gate.recv().ok();
            question
        });
        let soon = || Instant::now() + Duration::from_millis(20);
        look.ask_anew(1);
        assert!(look.answer(soon()).is_err());
        look.ask_anew(2);
        assert!(look.answer(soon()).is_err(), "nothing is asked beside a look that hangs");
        open.send(()).unwrap();
        open.send(()).unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        let answer = loop {
            look.ask_anew(3);
            if let Ok(answer) = look.answer(soon()) {
                break answer;
            }
            assert!(Instant::now() < until);
        };
        assert!(answer == 3 || answer == 1, "{answer}");
    }
}
