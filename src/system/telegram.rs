//! The Bot API, for DMs to one person. Over TLS, never through the bridge or its session.

use std::io::Read;
use std::sync::Once;
use std::time::Duration;

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use crate::config::Telegram;
use crate::foreign_text::{Lines, harmless};
use crate::setup::chats::Chat;
use crate::system::clock;
use crate::system::poll::Deadline;
use crate::text::message::fitted;
use crate::time::{Wall, span};

/// Why a call was not confirmed.
#[derive(Debug, Clone, PartialEq)]
pub struct CallError {
    /// A sentence, without the token.
    pub why: String,
    /// The wait that Telegram asked for.
    pub retry_after: Option<Duration>,
    /// Telegram's own refusal, as a status of HTTP; `None` where it did not answer.
    pub status: Option<u16>,
    /// Telegram's answer to an edit is as good as its ok.
    settled: bool,
}

/// Sends a plain text. Only Telegram's own ok counts; returns the message's id.
///
/// # Errors
/// Why it is not known to have arrived.
pub fn send(telegram: &Telegram, text: &str, limit: Duration) -> Result<i64, CallError> {
    let body = json!({"chat_id": telegram.chat_id, "text": fitted(text), "disable_web_page_preview": true});
    call(telegram, "sendMessage", &body, limit)?
        .get("message_id")
        .and_then(Value::as_i64)
        .ok_or_else(|| call_error("Telegram's answer names no message".into()))
}

/// Changes the text of a message that was sent. It is done as well where the message has this text already, after an
/// answer that was lost, and where the person has deleted it.
///
/// # Errors
/// Why it is not known to have been changed.
pub fn edit(telegram: &Telegram, id: i64, text: &str, limit: Duration) -> Result<(), CallError> {
    let body = json!({
        "chat_id": telegram.chat_id, "message_id": id, "text": fitted(text), "disable_web_page_preview": true
    });
    match call(telegram, "editMessageText", &body, limit) {
        Err(error) if !error.settled => Err(error),
        _ => Ok(()),
    }
}

/// What the Bot API answers about the bot itself.
pub struct Me {
    /// The bot's name, without the @.
    pub name: Result<String, CallError>,
    /// The server's clock, and ours at that moment.
    pub clocks: Option<(Wall, Wall)>,
}

/// Asks who the bot is; changes nothing.
pub fn me(telegram: &Telegram, limit: Duration) -> Me {
    match exchange(telegram, "getMe", &json!({}), limit) {
        Err(error) => Me { name: Err(error), clocks: None },
        Ok(answer) => {
            let name = |me: Value| me.get("username").and_then(Value::as_str).unwrap_or("?").to_owned();
            let name = answer.result.map(|me| harmless(&name(me), Lines::Join));
            Me { name, clocks: answer.date.map(|date| (date, clock::wall())) }
        }
    }
}

/// Whether the bot knows the chat: it does once the person has written to it. Changes nothing.
///
/// # Errors
/// Why it is not known to.
pub fn chat(telegram: &Telegram, limit: Duration) -> Result<(), CallError> {
    call(telegram, "getChat", &json!({"chat_id": telegram.chat_id}), limit).map(drop)
}

/// What of the bot's unread messages Telegram gives at once.
pub struct Unread {
    /// Who wrote them.
    pub chats: Vec<Chat>,
    /// There may be more; they begin here.
    pub more: Option<i64>,
}

/// Who has written to the bot. Without `from` nothing is confirmed, so whoever else reads the bot's updates misses none.
/// Telegram gives the oldest hundred, and later ones only when those before are confirmed, which is what `from` does:
/// they are then lost for a program that reads this bot too and is down just now. (One that runs shows by a 409, and
/// with it nothing is confirmed.) So the caller asks a person first, and only where the hundred hold up all others.
///
/// # Errors
/// Why it is not known; the status 409 says that another program reads them.
pub fn unread(telegram: &Telegram, from: Option<i64>, limit: Duration) -> Result<Unread, CallError> {
    let mut body = json!({"limit": MOST_UPDATES, "timeout": 0});
    if let Some(from) = from {
        body["offset"] = from.into();
    }
    let updates = call(telegram, "getUpdates", &body, limit)?;
    let updates = updates.as_array().map(Vec::as_slice).unwrap_or_default();
    let last = updates.iter().filter_map(|update| update.get("update_id")?.as_i64()).max();
    let more = last.filter(|_| updates.len() >= MOST_UPDATES).map(|last| last.saturating_add(1));
    Ok(Unread { chats: updates.iter().filter_map(chat_of).collect(), more })
}

/// The chat of a message, or of the press on Start.
fn chat_of(update: &Value) -> Option<Chat> {
    let chat = ["message", "edited_message", "my_chat_member"].iter().find_map(|kind| update.get(kind)?.get("chat"))?;
    let text = |key: &str| chat.get(key).and_then(Value::as_str);
    let name = [text("title"), text("first_name"), text("last_name")].into_iter().flatten().collect::<Vec<_>>();
    Some(Chat {
        id: chat.get("id")?.as_i64()?,
        private: text("type") == Some("private"),
        name: harmless(&name.join(" "), Lines::Join).chars().take(MOST_SAID).collect(),
    })
}

fn call(telegram: &Telegram, method: &str, body: &Value, limit: Duration) -> Result<Value, CallError> {
    exchange(telegram, method, body, limit)?.result
}

struct Answer {
    result: Result<Value, CallError>,
    /// As the server's `Date` header has it.
    date: Option<Wall>,
}

fn exchange(telegram: &Telegram, method: &str, body: &Value, limit: Duration) -> Result<Answer, CallError> {
    static PROVIDER: Once = Once::new();
    // Once for the process; no error if it was done already.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    // The token is in the path, so no error may contain the address.
    let plain = |error: reqwest::Error| {
        let late =
            if error.is_timeout() { format!(" (no answer within {} s)", limit.as_secs()) } else { String::new() };
        call_error(format!("Telegram can't be reached{late}: {}", chain(&error.without_url())))
    };
    let deadline = Deadline::after(limit);
    let client = Client::builder().timeout(limit).redirect(reqwest::redirect::Policy::none()).build().map_err(plain)?;
    let url = format!("{}/bot{}/{method}", telegram.api_url, telegram.token.0);
    let response = client.post(url).json(body).send().map_err(plain)?;
    let status = response.status().as_u16();
    let date = date_of(&response);
    let longest = if method == "getUpdates" { LONGEST_UPDATES } else { LONGEST_ANSWER };
    let answer = body_of(response, longest, &deadline).map_err(|why| {
        call_error(format!("the answer (HTTP {status}) is not Telegram's: {why}; check telegram.api_url"))
    })?;
    if answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(Answer { result: Ok(answer.get("result").cloned().unwrap_or_default()), date });
    }
    let description = answer.get("description").and_then(Value::as_str).unwrap_or("no reason given");
    let description = harmless(&description.replace(&telegram.token.0, "(token)"), Lines::Join);
    let description: String = description.chars().take(MOST_SAID).collect();
    // A whole day is more than Telegram asks of anybody, and a number is not believed for ever.
    let retry_after = answer.pointer("/parameters/retry_after").and_then(Value::as_f64).map(span);
    let result = Err(CallError {
        why: format!("Telegram refused ({status}): {description}{}", advice(status, &description)),
        retry_after: retry_after.map(|wait| wait.min(Duration::from_hours(24))),
        settled: status == 400
            && ["message is not modified", "message to edit not found"].iter().any(|words| description.contains(words)),
        status: Some(status),
    });
    Ok(Answer { result, date })
}

fn date_of(response: &Response) -> Option<Wall> {
    let date = response.headers().get(reqwest::header::DATE)?.to_str().ok()?;
    let time = chrono::DateTime::parse_from_rfc2822(date).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    Some(Wall(time.timestamp() as f64))
}

/// This much of a refusal is shown.
const MOST_SAID: usize = 200;

/// An answer of Telegram has a few hundred bytes.
const LONGEST_ANSWER: u64 = 64 << 10;

/// The most that Telegram gives at once.
const MOST_UPDATES: usize = 100;

/// A hundred updates with a message of 4096 characters each, and what belongs to it.
const LONGEST_UPDATES: u64 = 2 << 20;

/// The answer as JSON. reqwest's time limit begins anew with each piece that arrives, so a server that sends a byte now
/// and then would hold the caller for ever; and a proxy may send anything, of any length.
fn body_of(response: Response, longest: u64, deadline: &Deadline) -> Result<Value, &'static str> {
    let mut answer = response.take(longest);
    let (mut body, mut piece) = (Vec::new(), vec![0; 4096]);
    loop {
        match answer.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => body.extend_from_slice(&piece[..length]),
            Err(_) => return Err("it breaks off"),
        }
        if deadline.left().is_none() {
            return Err("it does not end");
        }
    }
    serde_json::from_slice(&body).map_err(|_| "it is no JSON")
}

fn advice(status: u16, description: &str) -> &'static str {
    match status {
        400 => "; check telegram.chat_id: it has to be the numeric id of a person who wrote to the bot",
        401 | 404 => "; the token is not valid (any more): copy it again from BotFather",
        403 => "; the person has blocked the bot or never started it: open the chat with the bot and press Start",
        409 if description.contains("webhook") => {
            "; a webhook takes this bot's messages, so it can't be seen here who wrote: give the token of a bot that is the \
             watchdog's alone, or the numeric id of the person"
        }
        409 => {
            "; another program reads this bot's messages: give the token of a bot that is the watchdog's alone, or the \
             numeric id of the person"
        }
        429 => "; it wants to be left alone for a while",
        _ => "",
    }
}

fn call_error(why: String) -> CallError {
    CallError { why, retry_after: None, status: None, settled: false }
}

/// reqwest's own text says little; its causes say what happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}
