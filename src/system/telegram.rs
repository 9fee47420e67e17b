//! The Bot API, for DMs to one person. Over TLS, never through the bridge or its session.

use std::sync::Once;
use std::time::Duration;

use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::config::Telegram;
use crate::text::message::fitted;
use crate::time::span;

/// Why a message was not confirmed.
#[derive(Debug, Clone, PartialEq)]
pub struct SendError {
    /// A sentence, without the token.
    pub why: String,
    /// The wait that Telegram asked for.
    pub retry_after: Option<Duration>,
}

/// Sends a plain text. Only Telegram's own ok counts; returns the message's id.
///
/// # Errors
/// Why it is not known to have arrived.
pub fn send(telegram: &Telegram, text: &str, limit: Duration) -> Result<i64, SendError> {
    let body = json!({"chat_id": telegram.chat_id, "text": fitted(text), "disable_web_page_preview": true});
    call(telegram, "sendMessage", &body, limit)?
        .get("message_id")
        .and_then(Value::as_i64)
        .ok_or_else(|| send_error("Telegram's answer names no message".into()))
}

fn call(telegram: &Telegram, method: &str, body: &Value, limit: Duration) -> Result<Value, SendError> {
    static PROVIDER: Once = Once::new();
    // Once for the process; no error if it was done already.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    // The token is in the path, so no error may contain the address.
    let plain =
        |error: reqwest::Error| send_error(format!("Telegram can't be reached: {}", chain(&error.without_url())));
    let client = Client::builder().timeout(limit).redirect(reqwest::redirect::Policy::none()).build().map_err(plain)?;
    let url = format!("{}/bot{}/{method}", telegram.api_url, telegram.token.0);
    let response = client.post(url).json(body).send().map_err(plain)?;
    let status = response.status().as_u16();
    let answer: Value = response
        .json()
        .map_err(|_| send_error(format!("the answer (HTTP {status}) is not Telegram's; check telegram.api_url")))?;
    if answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(answer.get("result").cloned().unwrap_or_default());
    }
    let description = answer
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or("no reason given")
        .replace(&telegram.token.0, "(token)");
    let retry_after = answer.pointer("/parameters/retry_after").and_then(Value::as_f64).map(span);
    Err(SendError { why: format!("Telegram refused ({status}): {description}{}", advice(status)), retry_after })
}

fn advice(status: u16) -> &'static str {
    match status {
        400 => "; check telegram.chat_id: it has to be the numeric id of a person who wrote to the bot",
        401 | 404 => "; the token is not valid (any more): copy it again from BotFather",
        403 => "; the person has blocked the bot or never started it: open the chat with the bot and press Start",
        429 => "; it wants to be left alone for a while",
        _ => "",
    }
}

fn send_error(why: String) -> SendError {
    SendError { why, retry_after: None }
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
