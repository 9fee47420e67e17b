//! What a person has been told of an incident, and what of it is still to be sent: the content of the spool file. Not a
//! queue: the newest state of one incident, and one notice. Pure: texts come in, calls to the Bot API go out.
//!
//! An incident has three messages at most: its first act, what needs a person, and its end. A message that nobody has got
//! yet is left out when a newer one comes, since that says all of it.

use serde::{Deserialize, Serialize};

use crate::time::Wall;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Spool {
    /// The chat in which the messages have their ids.
    pub chat: i64,
    /// When the incident began, which names it.
    incident: Option<Wall>,
    messages: Vec<Message>,
    /// The message of an incident before, whose call was under way when this one began. The call's answer decides whether it
    /// is still to be said.
    #[serde(default)]
    left: Option<String>,
    /// What belongs to no incident; several that wait are one message.
    notice: Option<String>,
}

/// One message of the incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Message {
    kind: Kind,
    text: String,
    /// What it says instead where no message before it was sent.
    alone: Option<String>,
    sent: Option<Sent>,
    /// A call with it is under way. A restart of ours forgets that: the answer is lost.
    #[serde(skip)]
    calling: bool,
}

/// What Telegram has confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sent {
    id: i64,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Something was done.
    Act,
    /// A person has to do something, or nothing has helped so far.
    Need,
    /// It is over.
    Over,
}

/// What is to be said of an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Say {
    pub incident: Wall,
    pub kind: Kind,
    pub text: String,
    /// The same with what the messages before it would have said.
    pub alone: Option<String>,
}

/// The next call to the Bot API.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    Send { part: Part, text: String },
    Edit { part: Part, id: i64, text: String },
}

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part {
    Notice,
    Message(Wall, Kind),
}

impl Call {
    /// What is sent, or what the message says from now on.
    pub fn text(&self) -> &str {
        match self {
            Call::Send { text, .. } | Call::Edit { text, .. } => text,
        }
    }
}

impl Spool {
    /// Takes in what is to be said. An act after a need is an edit: the person is called already.
    pub fn say(&mut self, say: Say) {
        if self.incident != Some(say.incident) {
            self.leave();
            self.incident = Some(say.incident);
        }
        let Say { kind, text, alone, .. } = say;
        let last = self.messages.last_mut();
        match last {
            Some(last) if last.kind == kind || (last.kind == Kind::Need && kind == Kind::Act) => {
                (last.text, last.alone) = (text, alone);
            }
            _ => self.messages.push(Message { kind, text, alone, sent: None, calling: false }),
        }
        self.leave_out();
    }

    /// Takes in what belongs to no incident.
    pub fn notice(&mut self, text: &str) {
        // A message has room for a few of them.
        const MOST: usize = 3000;
        let known = self.notice.take().filter(|known| known.len() + text.len() <= MOST);
        self.notice = Some(known.map_or_else(|| text.to_owned(), |known| format!("{known}\n\n{text}")));
    }

    /// What is to be called next.
    pub fn next(&self) -> Option<Call> {
        if let Some(text) = &self.notice {
            return Some(Call::Send { part: Part::Notice, text: text.clone() });
        }
        let sent_before = |nth: usize| self.messages[..nth].iter().any(|before| before.sent.is_some());
        let incident = self.incident?;
        self.messages.iter().enumerate().find_map(|(nth, message)| {
            let part = Part::Message(incident, message.kind);
            match &message.sent {
                None => {
                    let text = message.alone.as_ref().filter(|_| !sent_before(nth)).unwrap_or(&message.text);
                    Some(Call::Send { part, text: text.clone() })
                }
                Some(sent) if sent.text != message.text => {
                    Some(Call::Edit { part, id: sent.id, text: message.text.clone() })
                }
                Some(_) => None,
            }
        })
    }

    /// The call is under way: what it sends is not left out meanwhile.
    pub fn called(&mut self, call: &Call) {
        if let Some(message) = self.of(call) {
            message.calling = true;
        }
    }

    /// Telegram has confirmed the call; `id` is the message's.
    pub fn confirmed(&mut self, call: &Call, id: i64) {
        let (Call::Send { part, text } | Call::Edit { part, text, .. }) = call;
        if *part == Part::Notice {
            // More may have been added meanwhile.
            let rest = self.notice.take().filter(|notice| notice != text);
            self.notice = rest.map(|rest| rest.strip_prefix(text).unwrap_or(&rest).trim_start().to_owned());
        } else if let Some(message) = self.of(call) {
            message.calling = false;
            // Alone it said more than the text that would follow an earlier message, and stays so.
            if message.alone.as_ref() == Some(text) {
                message.text.clone_from(text);
            }
            message.sent = Some(Sent { id, text: text.clone() });
        } else {
            self.left = None;
        }
        if self.is_over() && self.next().is_none() {
            (self.incident, self.messages) = (None, Vec::new());
        }
    }

    /// The call has failed.
    pub fn failed(&mut self, call: &Call) {
        if let Some(message) = self.of(call) {
            message.calling = false;
        } else if !matches!(call, Call::Send { part: Part::Notice, .. }) {
            self.said_after_all();
        }
        self.leave_out();
    }

    /// Whether nothing is kept: the file can go.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.notice.is_none() && self.left.is_none()
    }

    /// Another chat has none of our messages.
    #[must_use]
    pub fn for_chat(mut self, chat: i64) -> Spool {
        self.said_after_all();
        if self.chat != chat {
            self.messages.iter_mut().for_each(|message| message.sent = None);
            self.chat = chat;
            self.leave_out();
        }
        self
    }

    fn is_over(&self) -> bool {
        self.messages.last().is_some_and(|last| last.kind == Kind::Over)
    }

    fn of(&mut self, call: &Call) -> Option<&mut Message> {
        let (Call::Send { part, .. } | Call::Edit { part, .. }) = call;
        let incident = self.incident?;
        self.messages.iter_mut().find(|message| *part == Part::Message(incident, message.kind))
    }

    /// The answer to what was left under way is a failure, or lost with the watch that waited for it.
    fn said_after_all(&mut self) {
        if let Some(text) = self.left.take() {
            self.notice(&text);
        }
    }

    /// What nobody has got, and a newer message says as well.
    fn leave_out(&mut self) {
        let newest = self.messages.last().map(|last| last.kind);
        self.messages.retain(|message| message.sent.is_some() || message.calling || Some(message.kind) == newest);
    }

    /// Another incident begins. What of this one nobody has got becomes a notice, so that it is not lost.
    fn leave(&mut self) {
        let unsaid = self.messages.last().filter(|last| last.sent.is_none());
        if let Some(last) = unsaid {
            let text = last.alone.as_ref().unwrap_or(&last.text);
            let gist = text.split("\n\n").next().unwrap_or(text).to_owned();
            if last.calling {
                self.left = Some(gist);
            } else {
                self.notice(&gist);
            }
        }
        self.messages.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Wall = Wall(1.0);
    const TWO: Wall = Wall(2.0);

    fn say(incident: Wall, kind: Kind, text: &str) -> Say {
        Say { incident, kind, text: text.into(), alone: None }
    }

    /// What is called until nothing is left, each call confirmed.
    fn all(spool: &mut Spool) -> Vec<String> {
        let mut calls = Vec::new();
        while let Some(call) = spool.next() {
            assert!(calls.len() < 10, "it never ends: {calls:?}");
            spool.called(&call);
            let (shown, id) = match &call {
                Call::Send { text, .. } => (format!("send {text}"), i64::try_from(calls.len()).unwrap() + 1),
                Call::Edit { id, text, .. } => (format!("edit {id} {text}"), *id),
            };
            calls.push(shown);
            spool.confirmed(&call, id);
        }
        calls
    }

    #[test]
    fn an_incident_has_three_messages_at_most() {
        use Kind::{Act, Need, Over};
        let rows: [(&str, &[(Kind, &str)], &[&str]); 7] = [
            ("an act, its end, over", &[(Act, "a"), (Act, "b"), (Over, "c")], &["send a", "edit 1 b", "send c"]),
            ("the same text is not edited", &[(Act, "a"), (Act, "a")], &["send a"]),
            ("a need is a new message", &[(Act, "a"), (Need, "b"), (Over, "c")], &["send a", "send b", "send c"]),
            (
                "acts after a need are edits",
                &[(Need, "a"), (Act, "b"), (Act, "c")],
                &["send a", "edit 1 b", "edit 1 c"],
            ),
            ("a second need is an edit", &[(Act, "a"), (Need, "b"), (Need, "c")], &["send a", "send b", "edit 1 c"]),
            ("nothing but a need", &[(Need, "a"), (Over, "b")], &["send a", "send b"]),
            (
                "all of it",
                &[(Act, "a"), (Need, "b"), (Act, "c"), (Need, "d"), (Over, "e")],
                &["send a", "send b", "edit 1 c", "edit 1 d", "send e"],
            ),
        ];
        for (name, said, expected) in rows {
            let mut spool = Spool::default();
            let calls: Vec<String> = said
                .iter()
                .flat_map(|(kind, text)| {
                    spool.say(say(ONE, *kind, text));
                    all(&mut spool)
                })
                .collect();
            assert_eq!(calls, expected, "{name}");
            let over = said.iter().any(|(kind, _)| *kind == Over);
            assert_eq!(spool.is_empty(), over, "{name}: what is over and sent is forgotten");
        }
    }

    #[test]
    fn incident_14_what_could_not_be_sent_is_said_by_what_comes_after_it() {
        let mut spool = Spool::default();
        spool.say(say(ONE, Kind::Act, "act"));
        spool.say(say(ONE, Kind::Need, "need"));
        assert_eq!(all(&mut spool.clone()), ["send need"]);
        spool.say(Say { alone: Some("all of it".into()), ..say(ONE, Kind::Over, "over") });
        assert_eq!(all(&mut spool.clone()), ["send all of it"]);
        // The next incident begins, and still nothing goes out.
        spool.say(say(TWO, Kind::Act, "another\n\nand its log"));
        spool.say(say(Wall(3.0), Kind::Act, "a third"));
        assert_eq!(all(&mut spool), ["send all of it\n\nanother", "send a third"]);
    }

    #[test]
    fn a_message_under_way_is_not_left_out_until_it_has_failed() {
        let mut spool = Spool::default();
        spool.say(say(ONE, Kind::Act, "act"));
        let call = spool.next().unwrap();
        spool.called(&call);
        spool.say(Say { alone: Some("all of it".into()), ..say(ONE, Kind::Over, "over") });
        let mut failed = spool.clone();
        spool.confirmed(&call, 7);
        assert_eq!(all(&mut spool), ["send over"]);
        failed.failed(&call);
        assert_eq!(all(&mut failed), ["send all of it"]);
    }

    #[test]
    fn the_ids_survive_a_restart_of_ours_and_belong_to_their_chat() {
        let mut spool = Spool { chat: 5, ..Spool::default() };
        spool.say(say(ONE, Kind::Act, "act"));
        all(&mut spool);
        let text = serde_json::to_string(&spool).unwrap();
        let read = |chat| serde_json::from_str::<Spool>(&text).unwrap().for_chat(chat);
        let mut same = read(5);
        same.say(say(ONE, Kind::Act, "done"));
        assert_eq!(all(&mut same), ["edit 1 done"]);
        assert_eq!(all(&mut read(6)), ["send act"]);
    }

    #[test]
    fn a_notice_that_grew_while_it_was_sent_keeps_what_was_added() {
        let mut spool = Spool::default();
        spool.notice("one");
        let call = spool.next().unwrap();
        spool.notice("two");
        spool.confirmed(&call, 1);
        assert_eq!(all(&mut spool), ["send two"]);
        assert!(spool.is_empty());
    }

    #[test]
    fn an_end_that_is_under_way_when_the_next_incident_begins_is_not_said_twice() {
        let mut spool = Spool::default();
        spool.say(say(ONE, Kind::Over, "over"));
        let call = spool.next().unwrap();
        spool.called(&call);
        spool.say(say(TWO, Kind::Act, "another"));
        spool.confirmed(&call, 1);
        assert_eq!(all(&mut spool), ["send another"]);
    }

    #[test]
    fn an_answer_to_an_earlier_incident_is_not_taken_for_the_next_ones() {
        let mut spool = Spool::default();
        spool.say(say(ONE, Kind::Act, "act"));
        let call = spool.next().unwrap();
        spool.called(&call);
        spool.say(say(ONE, Kind::Over, "over"));
        spool.say(say(TWO, Kind::Act, "another"));
        spool.confirmed(&call, 1);
        assert_eq!(all(&mut spool), ["send over", "send another"]);
    }
}
