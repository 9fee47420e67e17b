//! Looks that may block. A read of a folder that the platform protects hangs until a person clicks, and a read of a
//! dead network volume for ever. So each kind of look has a thread of its own and a time limit. A look that hangs makes
//! its own fact unknown and delays nothing else.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A kind of look and its thread. Questions are numbered, and so are answers: a late answer is never taken for the
/// answer to a later question.
pub struct Timed<Q, A> {
    /// The look, until the first question starts the thread: some looks are never asked.
    not_started: Option<Box<dyn FnOnce() + Send>>,
    questions: Sender<(u64, Q)>,
    answers: Receiver<(u64, A)>,
    /// The number of the last question.
    number: u64,
    /// Since when the thread has been at work, if it is.
    busy: Option<Instant>,
    /// The last question, while the thread is still busy with an earlier one.
    waiting: Option<Q>,
}

impl<Q: Send + 'static, A: Send + 'static> Timed<Q, A> {
    pub fn new(name: &'static str, mut look: impl FnMut(Q) -> A + Send + 'static) -> Self {
        let (questions, inbox) = channel::<(u64, Q)>();
        let (outbox, answers) = channel();
        let run = move || {
            while let Ok((number, question)) = inbox.recv() {
                if outbox.send((number, look(question))).is_err() {
                    return;
                }
            }
        };
        let start = move || {
            let thread = std::thread::Builder::new().name(name.into()).stack_size(256 << 10);
            // If the machine gives no thread the channel is closed, and the answer says so.
            let _ = thread.spawn(run);
        };
        Timed { not_started: Some(Box::new(start)), questions, answers, number: 0, busy: None, waiting: None }
    }

    /// Asks. If the thread still hangs in an earlier question, this one waits for it, until its answer is no longer
    /// wanted. So no second thread hangs too, and questions do not pile up.
    pub fn ask(&mut self, question: Q) {
        if let Some(start) = self.not_started.take() {
            start();
        }
        self.number += 1;
        if self.busy.is_some() {
            self.waiting = Some(question);
        } else {
            self.send(question);
        }
    }

    /// [`Timed::ask`], and the answer within `limit`.
    ///
    /// # Errors
    /// As [`Timed::answer`].
    pub fn now(&mut self, question: Q, limit: Duration) -> Result<A, String> {
        self.ask(question);
        self.answer(Instant::now() + limit)
    }

    /// The answer to the last question, waiting until `deadline` at most. An answer to an earlier one is dropped.
    ///
    /// # Errors
    /// That there was no answer, and since when. A question that was not sent by then, since the thread hung, is never
    /// sent: after this error the caller may do the work itself.
    pub fn answer(&mut self, deadline: Instant) -> Result<A, String> {
        loop {
            let (number, answer) = self.receive(deadline)?;
            if number == self.number {
                return Ok(answer);
            }
            if let Some(question) = self.waiting.take() {
                self.send(question);
            }
        }
    }

    /// As [`Timed::answer`], but a late answer to an earlier question counts too, instead of the last one's. For a look
    /// that continues where it stopped: it will not find the same (new bytes of a log) a second time.
    ///
    /// # Errors
    /// As [`Timed::answer`].
    pub fn answer_even_if_late(&mut self, deadline: Instant) -> Result<A, String> {
        let (_, answer) = self.receive(deadline)?;
        self.waiting = None;
        Ok(answer)
    }

    fn send(&mut self, question: Q) {
        // A closed channel shows when we wait for the answer.
        let _ = self.questions.send((self.number, question));
        self.busy = Some(Instant::now());
    }

    fn receive(&mut self, deadline: Instant) -> Result<(u64, A), String> {
        let Some(asked) = self.busy else { return Err("nothing was asked".into()) };
        match self.answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(answer) => {
                self.busy = None;
                Ok(answer)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.waiting = None;
                let waited = asked.elapsed().as_secs_f64().max(0.1);
                Err(format!("no answer for {waited:.0} s; the folder may be protected, or its volume gone"))
            }
            Err(RecvTimeoutError::Disconnected) => Err("the look ended unexpectedly".into()),
        }
    }
}

/// Looks once, for at most `limit`.
///
/// # Errors
/// As [`Timed::answer`].
pub fn once<A: Send + 'static>(limit: Duration, mut look: impl FnMut() -> A + Send + 'static) -> Result<A, String> {
    Timed::new("look", move |()| look()).now((), limit)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A look that hangs until its gate is opened, once a question, and what it was asked.
    fn hanging() -> (Timed<u32, u32>, Sender<()>, Arc<Mutex<Vec<u32>>>) {
        let (open, gate) = channel::<()>();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let look = Timed::new("test", move |question: u32| {
            seen.lock().unwrap().push(question);
            gate.recv().ok();
            question
        });
        (look, open, asked)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    fn patiently() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn a_look_that_blocks_is_unknown_and_its_late_answer_is_nobody_elses() {
        let (mut look, open, _) = hanging();
        look.ask(1);
        assert!(look.answer(soon()).unwrap_err().starts_with("no answer for"));
        open.send(()).unwrap();
        open.send(()).unwrap();
        look.ask(2);
        assert_eq!(look.answer(patiently()), Ok(2), "and not the answer to the first question");
        open.send(()).unwrap();
        assert_eq!(look.now(3, Duration::from_secs(20)), Ok(3));
    }

    /// Two crashes to be written down: the first one blocks, so the second is never sent.
    #[test]
    fn what_was_never_sent_is_not_taken_for_done() {
        let (mut look, open, asked) = hanging();
        assert!(look.now(1, Duration::from_millis(20)).is_err());
        look.ask(2);
        assert!(look.answer(soon()).is_err(), "nothing is asked beside a look that hangs");
        open.send(()).unwrap();
        open.send(()).unwrap();
        assert_eq!(look.now(3, Duration::from_secs(20)), Ok(3));
        assert_eq!(*asked.lock().unwrap(), [1, 3], "the second was told as failed, so it is not done later");
    }

    #[test]
    fn a_late_answer_counts_where_it_is_asked_for() {
        let (mut look, open, asked) = hanging();
        look.ask(1);
        assert!(look.answer_even_if_late(soon()).is_err());
        look.ask(2);
        open.send(()).unwrap();
        assert_eq!(look.answer_even_if_late(patiently()), Ok(1), "what it found is not lost");
        open.send(()).unwrap();
        look.ask(3);
        assert_eq!(look.answer_even_if_late(patiently()), Ok(3));
        assert_eq!(*asked.lock().unwrap(), [1, 3]);
    }
}
