//! What Telegram's own server says to a request, and what it keeps of it. The words and their order are those of its
//! published source (tdlib/telegram-bot-api) and of its answers.

use serde_json::{Value, json};

use super::{CHAT, Inner, Message, TOKEN};

/// Telegram's limit for one message, in UTF-16 units.
const MOST: usize = 4096;

/// An HTTP status and a body. `taken` is the message that was made or changed.
pub(super) struct Answer {
    pub status: u16,
    pub body: Value,
    pub taken: Option<i64>,
}

pub(super) fn answer(inner: &mut Inner, path: &str, body: &Value) -> Answer {
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        return refused(404, "Not Found");
    };
    if token != TOKEN {
        return refused(401, "Unauthorized");
    }
    match method.to_ascii_lowercase().as_str() {
        "getchat" => match chat(body) {
            Ok(()) => told(&json!({"id": CHAT, "first_name": "Ann", "type": "private"})),
            Err(why) => refused(400, why),
        },
        "sendmessage" => send(inner, body),
        "editmessagetext" => edit(inner, body),
        "getme" => told(&bot()),
        "getupdates" => updates(inner, body),
        _ => refused(404, "Not Found: method not found"),
    }
}

pub(super) fn refused(status: u16, description: &str) -> Answer {
    let body = json!({"ok": false, "error_code": status, "description": description});
    Answer { status, body, taken: None }
}

/// A hundred at most. An offset confirms all before it, which are then gone.
fn updates(inner: &mut Inner, body: &Value) -> Answer {
    if let Some(offset) = number(&body["offset"]) {
        inner.updates.retain(|update| number(&update["update_id"]).is_some_and(|id| id >= offset));
    }
    told(&json!(inner.updates.iter().take(100).collect::<Vec<_>>()))
}

fn send(inner: &mut Inner, body: &Value) -> Answer {
    let text = match text(body).and_then(|text| chat(body).map(|()| text)).and_then(short) {
        Ok(text) => text,
        Err(why) => return refused(400, why),
    };
    let count = i64::try_from(inner.messages.len()).expect("few messages");
    let message = Message { id: inner.before + 1 + count, versions: vec![text] };
    let answer = taken(&message);
    inner.messages.push(message);
    answer
}

fn edit(inner: &mut Inner, body: &Value) -> Answer {
    let Some(id) = number(&body["message_id"]) else {
        return refused(400, "Bad Request: message identifier is not specified");
    };
    let text = match text(body).and_then(|text| chat(body).map(|()| text)) {
        Ok(text) => text,
        Err(why) => return refused(400, why),
    };
    let Some(message) = inner.messages.iter_mut().find(|message| message.id == id) else {
        return refused(400, "Bad Request: message to edit not found");
    };
    let text = match short(text) {
        Ok(text) => text,
        Err(why) => return refused(400, why),
    };
    if message.text() == text {
        return refused(
            400,
            "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a \
             current content and reply markup of the message",
        );
    }
    message.versions.push(text);
    taken(message)
}

/// A number, or the digits of one, which Telegram takes as well.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The text as it is kept: Telegram cuts white space off both ends.
fn text(body: &Value) -> Result<String, &'static str> {
    let text = body["text"].as_str().unwrap_or_default().trim();
    if text.is_empty() { Err("Bad Request: message text is empty") } else { Ok(text.to_owned()) }
}

fn chat(body: &Value) -> Result<(), &'static str> {
    match number(&body["chat_id"]) {
        None if body["chat_id"].is_null() => Err("Bad Request: chat_id is empty"),
        Some(id) if u64::try_from(id) == Ok(CHAT) => Ok(()),
        _ => Err("Bad Request: chat not found"),
    }
}

fn short(text: String) -> Result<String, &'static str> {
    if text.encode_utf16().count() <= MOST { Ok(text) } else { Err("Bad Request: message is too long") }
}

/// What was asked for; no message comes of it.
fn told(result: &Value) -> Answer {
    Answer { status: 200, body: json!({"ok": true, "result": result}), taken: None }
}

fn bot() -> Value {
    json!({"id": 123_456, "is_bot": true, "first_name": "Watchdog", "username": "watchdog_bot"})
}

fn taken(message: &Message) -> Answer {
    let bot = bot();
    let chat = json!({"id": CHAT, "first_name": "Ann", "type": "private"});
    let mut result =
        json!({"message_id": message.id, "from": bot, "chat": chat, "date": 1_780_000_000, "text": message.text()});
    if message.versions.len() > 1 {
        result["edit_date"] = json!(1_780_000_060);
    }
    Answer { status: 200, body: json!({"ok": true, "result": result}), taken: Some(message.id) }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::super::Mood;
    use super::*;

    /// What the real server was seen to answer.
    #[test]
    fn it_refuses_what_telegram_refuses_in_the_same_words() {
        let mut inner = Inner {
            mood: Mood::Fine,
            next: VecDeque::new(),
            requests: Vec::new(),
            messages: vec![Message { id: 7, versions: vec!["down".into()] }],
            updates: Vec::new(),
            before: 100,
            ahead: 0,
        };
        let (send, edit) = (format!("/bot{TOKEN}/sendMessage"), format!("/bot{TOKEN}/editMessageText"));
        let long = "🌉".repeat(MOST / 2);
        let rows = [
            ("/", json!({}), 404, "Not Found"),
            ("/bot123:abc/sendMessage", json!({}), 401, "Unauthorized"),
            (&format!("/bot{TOKEN}/sendMesage"), json!({}), 404, "Not Found: method not found"),
            (&send, json!({"chat_id": CHAT, "text": " \n"}), 400, "Bad Request: message text is empty"),
            (&send, json!({"text": "x"}), 400, "Bad Request: chat_id is empty"),
            (&send, json!({"chat_id": CHAT + 1, "text": "x"}), 400, "Bad Request: chat not found"),
            (&send, json!({"chat_id": CHAT, "text": long.clone() + "x"}), 400, "Bad Request: message is too long"),
            (&edit, json!({"chat_id": CHAT, "text": "x"}), 400, "Bad Request: message identifier is not specified"),
            (
                &edit,
                json!({"chat_id": CHAT, "text": "x", "message_id": 8}),
                400,
                "Bad Request: message to edit not found",
            ),
            (&edit, json!({"chat_id": CHAT, "text": "", "message_id": 7}), 400, "Bad Request: message text is empty"),
            (
                &edit,
                json!({"chat_id": CHAT, "text": "down\n", "message_id": 7}),
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as \
                 a current content and reply markup of the message",
            ),
        ];
        for (path, body, status, description) in rows {
            let answer = answer(&mut inner, path, &body);
            let expected = json!({"ok": false, "error_code": status, "description": description});
            assert_eq!((answer.status, answer.body, answer.taken), (status, expected, None), "{path} {body}");
        }
        let sent = answer(&mut inner, &send, &json!({"chat_id": CHAT, "text": long}));
        assert_eq!((sent.status, sent.taken, &sent.body["result"]["message_id"]), (200, Some(102), &json!(102)));
        let edited = answer(&mut inner, &edit, &json!({"chat_id": CHAT, "text": "up", "message_id": "7"}));
        assert_eq!((edited.status, edited.taken), (200, Some(7)));
        assert_eq!(inner.messages[0].versions, ["down", "up"]);
    }
}
