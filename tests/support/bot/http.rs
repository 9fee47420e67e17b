//! HTTP/1.1 as far as the bot needs it, kept alive as Telegram's own server does, and the ways in which it goes wrong.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::api::{self, Answer};
use super::{Inner, Mood, Request};

/// Takes requests until the caller goes or an answer ends the connection. `raw` is the connection below `stream`.
pub(super) fn serve(stream: impl Read + Write, raw: &TcpStream, inner: &Mutex<Inner>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader)? {
        if one(&mut reader, raw, inner, path, body)? == After::Close {
            break;
        }
    }
    raw.shutdown(Shutdown::Both)
}

#[derive(PartialEq)]
enum After {
    Keep,
    Close,
}

fn one(
    reader: &mut BufReader<impl Read + Write>,
    raw: &TcpStream,
    inner: &Mutex<Inner>,
    path: String,
    body: Value,
) -> std::io::Result<After> {
    // In one go with what is kept of it, so that no other request comes between.
    let (answer, mood, number) = {
        let mut inner = inner.lock().expect("the bot");
        let mood = inner.next.pop_front().unwrap_or(inner.mood);
        let answer = if matches!(mood, Mood::Fine | Mood::Slow(_) | Mood::Lost) {
            api::answer(&mut inner, &path, &body)
        } else {
            in_mood(mood)
        };
        let taken = answer.taken;
        inner.requests.push(Request { path, body, mood, taken, delivered: false, status: None, at: Instant::now() });
        (answer, mood, inner.requests.len() - 1)
    };
    if let Mood::Slow(milliseconds) = mood {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }
    let stream = reader.get_mut();
    match mood {
        Mood::Lost | Mood::Rude => return Ok(After::Close),
        Mood::Resetting => {
            // With bytes unsent or not, a close without lingering is a reset.
            rustix::net::sockopt::set_socket_linger(raw, Some(Duration::ZERO))?;
            return Ok(After::Close);
        }
        Mood::Hanging => {
            // Until the caller goes.
            let gone = reader.read(&mut [0])?;
            return Ok(if gone == 0 { After::Close } else { After::Keep });
        }
        Mood::Dripping => drip(stream)?,
        Mood::Huge(size) => huge(stream, size)?,
        Mood::Broken => send(stream, 500, "text/html", "<html>sorry</html>")?,
        Mood::Html => send(stream, 200, "text/html", "<html><title>Please log in</title></html>")?,
        _ => {
            // Said before it is sent: who gets it looks at once.
            let mut inner = inner.lock().expect("the bot");
            inner.requests[number].delivered = answer.taken.is_some();
            inner.requests[number].status = Some(answer.status);
            inner.requests[number].at = Instant::now();
            let date = chrono::Utc::now() + chrono::TimeDelta::seconds(inner.ahead);
            drop(inner);
            let body = answer.body.to_string();
            let head = head(answer.status, "application/json", body.len());
            let date = date.format("date: %a, %d %b %Y %H:%M:%S GMT");
            let head = head.replacen("\r\n", &format!("\r\n{date}\r\n"), 1);
            // In one write, so that a caller who is killed has all of it or nothing.
            stream.write_all(format!("{head}{body}").as_bytes())?;
            stream.flush()?;
        }
    }
    Ok(After::Keep)
}

/// What is said in Telegram's words in this mood, whatever was asked.
fn in_mood(mood: Mood) -> Answer {
    match mood {
        Mood::Stranger => api::refused(400, "Bad Request: chat not found"),
        Mood::Revoked => api::refused(401, "Unauthorized"),
        Mood::Blocked => api::refused(403, "Forbidden: bot was blocked by the user"),
        Mood::Busy(seconds) => {
            let mut answer = api::refused(429, &format!("Too Many Requests: retry after {seconds}"));
            answer.body["parameters"] = json!({"retry_after": seconds});
            answer
        }
        Mood::Read => api::refused(
            409,
            "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
        ),
        Mood::Webhook => api::refused(
            409,
            "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        ),
        _ => api::refused(500, "Internal Server Error"),
    }
}

/// The path and the body of a request; none where the caller has gone.
fn request(reader: &mut impl BufRead) -> std::io::Result<Option<(String, Value)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if header == "\r\n" {
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
    Ok(Some((path, serde_json::from_slice(&body).unwrap_or_default())))
}

fn send(stream: &mut impl Write, status: u16, kind: &str, body: &str) -> std::io::Result<()> {
    // In one write, so that a caller who is killed has all of it or nothing.
    stream.write_all(format!("{}{body}", head(status, kind, body.len())).as_bytes())?;
    stream.flush()
}

fn head(status: u16, kind: &str, length: usize) -> String {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    };
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: keep-alive\r\n\r\n"
    )
}

/// Each byte comes in good time; only the whole never does. It ends when the caller has gone.
fn drip(stream: &mut impl Write) -> std::io::Result<()> {
    stream.write_all(head(200, "application/json", 100_000).as_bytes())?;
    loop {
        stream.write_all(b" ")?;
        stream.flush()?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Well-formed, and a reason that nobody can read.
fn huge(stream: &mut impl Write, size: usize) -> std::io::Result<()> {
    let (before, after) = (r#"{"ok":false,"error_code":500,"description":""#, r#""}"#);
    stream.write_all(head(200, "application/json", before.len() + size + after.len()).as_bytes())?;
    stream.write_all(before.as_bytes())?;
    std::io::copy(&mut std::io::repeat(b'x').take(size as u64), stream)?;
    stream.write_all(after.as_bytes())?;
    stream.flush()
}
