//! A Bot API on loopback, as far as an alert needs one: takes `sendMessage`, answers as the test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Shaped like a real one. It may appear in the configuration and in the requests to the bot, and nowhere else.
pub(crate) const TOKEN: &str = "123456:AAdo-not-leak_9c2e51";
/// A person.
pub(crate) const CHAT: u64 = 179_144_806;

/// How the bot answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    /// An HTTP 500 that is no JSON.
    Broken,
    /// The connection is closed without an answer.
    Rude,
    /// The person has blocked the bot.
    Blocked,
    /// HTTP 429, with a wait of this many seconds.
    Busy(u32),
}

pub(crate) struct Bot {
    pub address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    mood: Mood,
    requests: Vec<Request>,
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub path: String,
    pub body: Value,
    /// Telegram's ok was sent back.
    pub delivered: bool,
}

impl Bot {
    pub(crate) fn new(mood: Mood) -> Bot {
        Bot::at("127.0.0.1:0".parse().expect("an address"), mood).expect("loopback")
    }

    /// At an address that another process may still use.
    pub(crate) fn at(address: SocketAddr, mood: Mood) -> std::io::Result<Bot> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Mutex::new(Inner { mood, requests: Vec::new() }));
        let shared = inner.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // A caller who went away is no failure of the test.
                let _ = serve(connection, &shared);
            }
        });
        Ok(Bot { address, inner })
    }

    /// Lines for `config.toml`.
    pub(crate) fn config(address: SocketAddr) -> String {
        format!("[telegram]\nbot_token = \"{TOKEN}\"\nchat_id = {CHAT}\napi_url = \"http://{address}\"\n")
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.inner.lock().expect("the bot").mood = mood;
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.inner.lock().expect("the bot").requests.clone()
    }

    /// The texts that were delivered.
    pub(crate) fn delivered(&self) -> Vec<String> {
        let requests = self.requests().into_iter().filter(|request| request.delivered);
        requests.map(|request| request.body["text"].as_str().expect("a text").to_owned()).collect()
    }
}

fn serve(connection: TcpStream, inner: &Mutex<Inner>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header == "\r\n" {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let (mood, id) = {
        let mut inner = inner.lock().expect("the bot");
        let mood = inner.mood;
        inner.requests.push(Request { path, body, delivered: mood == Mood::Fine });
        (mood, inner.requests.len())
    };
    let (status, answer) = match mood {
        Mood::Fine => ("200 OK", json!({"ok": true, "result": {"message_id": id}}).to_string()),
        Mood::Broken => ("500 Internal Server Error", "<html>sorry</html>".to_owned()),
        Mood::Rude => return Ok(()),
        Mood::Blocked => (
            "403 Forbidden",
            json!({"ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
                .to_string(),
        ),
        Mood::Busy(seconds) => (
            "429 Too Many Requests",
            json!({"ok": false, "error_code": 429, "description": format!("Too Many Requests: retry after {seconds}"),
                "parameters": {"retry_after": seconds}})
            .to_string(),
        ),
    };
    let length = answer.len();
    write!(
        reader.into_inner(),
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
    )
}
