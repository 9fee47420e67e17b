//! A Bot API on loopback that behaves as Telegram's own, or as the test says: what it takes it keeps, with each version of
//! an edited message, and what it refuses it refuses in Telegram's words.

mod api;
mod http;
pub(crate) mod tls;

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use serde_json::Value;

/// Shaped like a real one. It may appear in the configuration and in the requests to the bot, and nowhere else.
pub(crate) const TOKEN: &str = "123456:AAdo-not-leak_9c2e51";
/// A person.
pub(crate) const CHAT: u64 = 179_144_806;

/// How the bot answers. Only in the moods `Fine`, `Slow` and `Lost` does it take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    /// The message is taken at once, and answered after so many milliseconds.
    Slow(u64),
    /// The message is taken, and the connection is closed without an answer.
    Lost,
    /// An HTTP 500 that is no JSON.
    Broken,
    /// An HTTP 500 in Telegram's words.
    Failing,
    /// The connection is closed without an answer.
    Rude,
    /// The same with a reset.
    Resetting,
    /// Nothing is answered for as long as the caller waits.
    Hanging,
    /// The answer comes a byte every 100 ms, for ever.
    Dripping,
    /// A proxy that wants a login: HTML with a 200.
    Html,
    /// A reason of so many bytes.
    Huge(usize),
    /// HTTP 400: the person has never written to the bot.
    Stranger,
    /// HTTP 401: the token was revoked.
    Revoked,
    /// The person has blocked the bot.
    Blocked,
    /// HTTP 429, with a wait of this many seconds.
    Busy(u32),
    /// HTTP 409 to whoever asks for updates: another program reads them.
    Read,
    /// The same: a webhook gets them.
    Webhook,
}

pub(crate) struct Bot {
    pub address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    mood: Mood,
    /// One for each of the next requests, before `mood`.
    next: VecDeque<Mood>,
    requests: Vec<Request>,
    messages: Vec<Message>,
    /// What `getUpdates` gives.
    updates: Vec<Value>,
    /// The number that comes before the first message's.
    before: i64,
    /// Seconds that its clock is ahead of ours.
    ahead: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub path: String,
    pub body: Value,
    pub mood: Mood,
    /// The message that it made or changed.
    pub taken: Option<i64>,
    /// Telegram's ok was sent back.
    pub delivered: bool,
    /// The HTTP status that was sent back; none where there was no whole answer.
    pub status: Option<u16>,
    /// When it was answered; without an answer, when it came.
    pub at: Instant,
}

impl Request {
    /// The method, as the path names it.
    pub(crate) fn method(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// A message as the person sees it.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub id: i64,
    /// Oldest first; the last is what is shown now.
    pub versions: Vec<String>,
}

impl Message {
    pub(crate) fn text(&self) -> &str {
        self.versions.last().expect("a message has a text")
    }
}

impl Bot {
    pub(crate) fn new(mood: Mood) -> Bot {
        Bot::at("127.0.0.1:0".parse().expect("an address"), mood).expect("loopback")
    }

    /// At an address that another process may still use.
    pub(crate) fn at(address: SocketAddr, mood: Mood) -> std::io::Result<Bot> {
        Bot::listening(TcpListener::bind(address)?, mood, None)
    }

    /// The same over TLS.
    pub(crate) fn over_tls(mood: Mood, tls: Arc<rustls::ServerConfig>) -> Bot {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        Bot::listening(listener, mood, Some(tls)).expect("an address")
    }

    fn listening(listener: TcpListener, mood: Mood, tls: Option<Arc<rustls::ServerConfig>>) -> std::io::Result<Bot> {
        let address = listener.local_addr()?;
        let inner = Inner {
            mood,
            next: VecDeque::new(),
            requests: Vec::new(),
            messages: Vec::new(),
            updates: Vec::new(),
            before: 0,
            ahead: 0,
        };
        let inner = Arc::new(Mutex::new(inner));
        let shared = inner.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (shared, tls) = (shared.clone(), tls.clone());
                // One that hangs holds no other up. A caller who went away is no failure of the test.
                std::thread::spawn(move || match tls {
                    None => drop(http::serve(&connection, &connection, &shared)),
                    Some(tls) => drop(tls::serve(&connection, tls, &shared)),
                });
            }
        });
        Ok(Bot { address, inner })
    }

    /// Lines for `config.toml`.
    pub(crate) fn config(address: SocketAddr) -> String {
        Bot::config_for(&format!("http://{address}"))
    }

    /// The same for another way to it.
    pub(crate) fn config_for(api_url: &str) -> String {
        format!("[telegram]\nbot_token = \"{TOKEN}\"\nchat_id = {CHAT}\napi_url = \"{api_url}\"\n")
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.lock().mood = mood;
    }

    /// One mood for each of the next requests; then it is as it was.
    pub(crate) fn moods(&self, moods: impl IntoIterator<Item = Mood>) {
        self.lock().next.extend(moods);
    }

    /// Well again: nothing that was still to come of [`Bot::moods`] comes.
    pub(crate) fn recover(&self) {
        let mut inner = self.lock();
        inner.next.clear();
        inner.mood = Mood::Fine;
    }

    /// Sets its clock.
    pub(crate) fn clock(&self, ahead: i64) {
        self.lock().ahead = ahead;
    }

    /// Large numbers for the messages to come, which are found again in a file.
    pub(crate) fn number_from(&self, first: i64) {
        self.lock().before = first - 1;
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// The texts that were delivered, those of edits among them.
    pub(crate) fn delivered(&self) -> Vec<String> {
        let requests = self.requests().into_iter().filter(|request| request.delivered);
        requests.map(|request| request.body["text"].as_str().expect("a text").to_owned()).collect()
    }

    /// Somebody writes to the bot, or to a group that it is in.
    pub(crate) fn written_from(&self, id: i64, kind: &str, name: &str) {
        let mut inner = self.lock();
        let number = inner.updates.last().map_or(0, |last| last["update_id"].as_u64().expect("a number") - 699);
        let key = if kind == "private" { "first_name" } else { "title" };
        inner.updates.push(serde_json::json!({
            "update_id": 700 + number,
            "message": {"message_id": 1 + number, "date": 1_780_000_000, "text": "/start", "chat": {"id": id, "type": kind, key: name}},
        }));
    }

    /// What the person sees, oldest first.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.lock().messages.clone()
    }

    /// The messages that call a person, in the version that first did.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = |message: Message| message.versions.into_iter().find(|text| text.contains(" It needs you."));
        self.messages().into_iter().filter_map(calls).collect()
    }

    /// The person deletes them.
    pub(crate) fn delete_all(&self) {
        let mut inner = self.lock();
        inner.before = inner.messages.last().map_or(inner.before, |last| last.id);
        inner.messages.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("the bot")
    }
}
