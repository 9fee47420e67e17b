//! Looks that may block. A read of a folder that the platform protects hangs until somebody clicks, a dead network
//! volume for ever; so each kind of look has a thread of its own, is asked, and is given a time limit. One that hangs
//! makes its own fact unknown and nothing else late.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A kind of look: its thread, and whether an answer is still owed.
pub struct Look<Q, A> {
    questions: Sender<Q>,
    answers: Receiver<A>,
    owed: Option<Instant>,
}

impl<Q: Send + 'static, A: Send + 'static> Look<Q, A> {
    pub fn new(name: &'static str, mut look: impl FnMut(Q) -> A + Send + 'static) -> Self {
        let (questions, inbox) = channel::<Q>();
        let (outbox, answers) = channel();
        let thread = std::thread::Builder::new().name(name.into()).stack_size(256 << 10);
        // Where no thread can be had the channel is closed, and `answer` says so.
        let _ = thread.spawn(move || {
            while let Ok(question) = inbox.recv() {
                if outbox.send(look(question)).is_err() {
                    return;
                }
            }
        });
        Look { questions, answers, owed: None }
    }

    /// Asks, unless the last question is still unanswered.
    pub fn ask(&mut self, question: Q) {
        if self.owed.is_none() && self.questions.send(question).is_ok() {
            self.owed = Some(Instant::now());
        }
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
/// As [`Look::answer`].
pub fn once<A: Send + 'static>(limit: f64, mut look: impl FnMut() -> A + Send + 'static) -> Result<A, String> {
    let mut asked = Look::new("look", move |()| look());
    asked.ask(());
    asked.answer(Instant::now() + Duration::from_secs_f64(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_blocks_is_unknown_and_its_late_answer_is_not_lost() {
        let (open, gate) = channel::<()>();
        let mut look = Look::new("test", move |question: u32| {
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
}
