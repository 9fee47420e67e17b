//! Removes secrets from text that others wrote: known values, and whatever has the shape of a secret. Pure.

mod forms;
mod short;

pub use short::is_secret;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::foreign_text::{Lines, harmless};

/// Values that must appear nowhere: the token, what `.env` holds, the job's environment. Nothing prints them. All clones
/// share what is learned, since the environment of a run is known only when the run is there.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// What we print ourselves.
    shown: Vec<String>,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// The longest first: if a value is a part of another, nothing of the longer one may be left.
    all: Vec<String>,
    fixed: Vec<String>,
    /// Of each run, the newest last.
    learned: VecDeque<Vec<String>>,
    generation: u64,
}

/// The environments of this many runs are remembered: the log's end may be an earlier run's, and a run may bring values
/// of its own for months.
const RUNS: usize = 8;
/// Written in place of a secret.
const GONE: &str = "(removed)";
/// Parts of a name that say that the value is a secret.
const NAMES: [&str; 23] = [
    "token",
    "hash",
    "secret",
    "secrets",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pass",
    "phone",
    "key",
    "apikey",
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "dsn",
    "otp",
    "totp",
    "pin",
    "passcode",
];
/// How keys of well-known services begin.
const PREFIXES: [&str; 12] =
    ["sk-", "pk-", "rk-", "sk_", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA"];

impl Secrets {
    /// Names and values; a value may be anything, in any number of lines. `shown` is what the program itself has to print
    /// (paths, the label), so a value that is a part of it is no secret; nor is a value that is plainly none.
    pub fn new(values: impl IntoIterator<Item = (String, String)>, shown: &[&str]) -> Secrets {
        let shown: Vec<String> = shown.iter().map(|&shown| shown.to_owned()).collect();
        let fixed = forms::all(values, &shown);
        let known = Known { all: in_order(fixed.clone()), fixed, ..Known::default() };
        Secrets(Arc::new(Inner { shown, known: RwLock::new(known) }))
    }

    /// Adds what a run of the bridge has in its environment. All that was read before stays hidden.
    pub fn learn(&self, values: impl IntoIterator<Item = (String, String)>) {
        let new = forms::all(values, &self.0.shown);
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        if new.iter().all(|value| known.all.contains(value)) {
            return;
        }
        known.learned.push_back(new);
        if known.learned.len() > RUNS {
            known.learned.pop_front();
        }
        known.all = in_order(known.fixed.iter().chain(known.learned.iter().flatten()).cloned().collect());
        known.generation += 1;
    }

    /// Changes when something was learned: what was cleaned before has to be cleaned again.
    pub fn generation(&self) -> u64 {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// The text without secrets, for a file or JSON: apart from them it stays as it is. An escape sequence or a character
    /// without a width inside a secret would hide it from us but not from a reader, so where one hides something they all
    /// go.
    pub fn without(&self, text: &str) -> String {
        let plain = harmless(text, Lines::Keep);
        let gone = self.removed(&plain);
        if gone == plain { text.to_owned() } else { gone }
    }

    /// The text for a person: nothing in it that a terminal obeys, and no secrets. In this order, for the reason above;
    /// what the removal leaves is harmless still.
    pub fn readable(&self, text: &str, lines: Lines) -> String {
        self.removed(&harmless(text, lines))
    }

    fn removed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.0.known.read().unwrap_or_else(PoisonError::into_inner).all {
            if text.contains(value.as_str()) {
                text = short::removed(&text, value);
            }
        }
        text.split('\n').map(without_shapes).collect::<Vec<_>>().join("\n")
    }
}

fn in_order(mut values: Vec<String>) -> Vec<String> {
    values.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    values.dedup();
    values
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secrets)")
    }
}

/// One line. Whatever is found begins with a word or a plus.
fn without_shapes(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let word = &rest[..rest.find(|c: char| !in_word(c)).unwrap_or(rest.len())];
        if let Some(length) = phone(rest) {
            out.push_str(GONE);
            rest = &rest[length..];
        } else if let Some((password, length)) = url_password(rest).or_else(|| flag_value(word, rest)) {
            out.push_str(&rest[..password]);
            out.push_str(GONE);
            rest = &rest[password + length..];
        } else if word.is_empty() {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else if let Some(length) = bot_token(rest) {
            out.push_str(GONE);
            rest = &rest[length..];
        } else if let Some((value, length)) = named_value(word, rest) {
            out.push_str(&rest[..value]);
            out.push_str(GONE);
            rest = &rest[value + length..];
        } else {
            out.push_str(if looks_secret(word) { GONE } else { word });
            rest = &rest[word.len()..];
        }
    }
    out
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// A plus and 7 to 15 digits, as in E.164, with the usual separators.
fn phone(rest: &str) -> Option<usize> {
    let mut digits = 0;
    let mut end = 0;
    for (at, c) in rest.strip_prefix('+')?.char_indices() {
        match c {
            '0'..='9' => (digits, end) = (digits + 1, at + 2),
            ' ' | '-' | '.' | '(' | ')' if digits > 0 && at + 1 - end < 2 => {}
            _ => break,
        }
    }
    (7..=15).contains(&digits).then_some(end)
}

/// Digits, a colon, and what BotFather made of them; also within `bot123456:AA…`.
fn bot_token(rest: &str) -> Option<usize> {
    let id = rest.strip_prefix("bot").unwrap_or(rest);
    let digits = id.bytes().take_while(u8::is_ascii_digit).count();
    let after = id[digits..].strip_prefix(':').or_else(|| id[digits..].strip_prefix("%3A"))?;
    let length = after.bytes().take_while(|byte| in_word(char::from(*byte))).count();
    let lettered = after[..length].bytes().any(|byte| byte.is_ascii_alphabetic());
    (digits >= 5 && length >= 10 && lettered).then(|| rest.len() - after.len() + length)
}

/// From `://` on: the position and length of the password in `://user:password@host`.
fn url_password(rest: &str) -> Option<(usize, usize)> {
    const SCHEME: &str = "://";
    let after = rest.strip_prefix(SCHEME)?;
    let end = after.find(|c: char| c.is_whitespace() || "/?#\"'<>".contains(c)).unwrap_or(after.len());
    let (who, _) = after[..end].rsplit_once('@')?;
    let (user, password) = who.split_once(':')?;
    (!password.is_empty()).then(|| (SCHEME.len() + user.len() + 1, password.len()))
}

/// `--password VALUE`: the position and length of the value.
fn flag_value(name: &str, rest: &str) -> Option<(usize, usize)> {
    let value = rest[name.len()..].strip_prefix(' ').filter(|_| name.starts_with("--") && is_secret(name))?;
    let length = value.find(char::is_whitespace).unwrap_or(value.len());
    (length > 0 && !value.starts_with(['-', '('])).then(|| (name.len() + 1, length))
}

/// `NAME=value`, `name: value`, `"name": "value"`, also with escaped quotes: the position and length of the value, if
/// the name says that it is a secret.
fn named_value(name: &str, rest: &str) -> Option<(usize, usize)> {
    if !promises(name) {
        return None;
    }
    let quote = |c: char| matches!(c, '\\' | '"' | '\'');
    let after = rest[name.len()..].trim_start_matches(quote).trim_start();
    let after = after.strip_prefix("=>").or(after.strip_prefix("==")).or(after.strip_prefix(['=', ':']))?;
    if after.starts_with("//") || after.starts_with(':') || after.trim_start().starts_with(GONE) {
        return None;
    }
    let begin = after.trim_start();
    let opening = &begin[..begin.len() - begin.trim_start_matches('\\').len()];
    let value = &begin[opening.len()..];
    let (skip, length) = match value.chars().next()? {
        mark @ ('"' | '\'') => {
            // Up to the same quote, escaped as the first one was; if there is none, to the end.
            let closing = format!("{opening}{mark}");
            (opening.len() + 1, value[1..].find(&closing).unwrap_or(value.len() - 1))
        }
        _ => (0, unquoted(begin)),
    };
    (length > 0).then(|| (rest.len() - begin.len() + skip, length))
}

fn unquoted(value: &str) -> usize {
    let end = |text: &str| text.find(|c: char| c.is_whitespace() || ",;&)}]\"'".contains(c)).unwrap_or(text.len());
    let first = end(value);
    // `Authorization: Bearer …`
    if ["bearer", "basic", "token"].contains(&value[..first].to_ascii_lowercase().as_str()) {
        let scheme = value.len() - value[first..].trim_start().len();
        return scheme + end(&value[scheme..]);
    }
    first
}

/// Whether a part of the name is one of [`NAMES`]; `KeyError` and the like are Python's.
fn promises(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if ["error", "exception", "warning"].iter().any(|end| lower.ends_with(end)) {
        return false;
    }
    let mut parts = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            parts.push('_');
        }
        parts.push(c.to_ascii_lowercase());
        before = c;
    }
    parts.split(['_', '-']).any(|part| NAMES.contains(&part))
}

fn looks_secret(word: &str) -> bool {
    let has = |is: fn(&u8) -> bool| word.bytes().any(|byte| is(&byte));
    let service = PREFIXES.iter().any(|prefix| word.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 8));
    // Telegram's api_hash; a commit has 40 digits or fewer than 32.
    let api_hash = word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A session string, a JSON web token.
    let packed =
        word.len() >= 64 && has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    let web_token = word.starts_with("eyJ") && word.len() >= 16;
    service || api_hash || packed || web_token
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let values = [
            "hunter-two\\nwith a second line",
            "correct horse \"battery\"",
            "/home/me/checkout",
            "short",
            "hunter-two-long",
        ];
        Secrets::new(values.map(|value| ("A".to_owned(), value.to_owned())), &["/home/me/checkout/data"])
    }

    #[test]
    fn nothing_that_looks_like_a_secret_is_left() {
        let rows = [
            ("it is hunter-two, or hunter-two-long", "it is (removed), or (removed)"),
            ("with a second line", "(removed)"),
            (r#"{"msg": "correct horse \"battery\" staple"}"#, r#"{"msg": "(removed) staple"}"#),
            ("short /home/me/checkout/x.py", "short /home/me/checkout/x.py"),
            ("TELEGRAM_PASSWORD=abc api_hash='deadbeefcafe' x", "TELEGRAM_PASSWORD=(removed) api_hash='(removed)' x"),
            ("api_hash: abc", "api_hash: (removed)"),
            ("apiHash = abc, next", "apiHash = (removed), next"),
            (r#"{"api_hash":"a b c","n":1}"#, r#"{"api_hash":"(removed)","n":1}"#),
            (r#"{"m":"{\"api_hash\": \"a b\", \"n\": 1}"}"#, r#"{"m":"{\"api_hash\": \"(removed)\", \"n\": 1}"}"#),
            ("'phone': '49151234'", "'phone': '(removed)'"),
            ("Authorization: Bearer a.b.c end", "Authorization: (removed) end"),
            ("call +49 151 234-5678 now", "call (removed) now"),
            ("(+4915123456789)", "((removed))"),
            ("http://x/bot123456:AAdo-not_leak/getMe", "http://x/(removed)/getMe"),
            ("123456:AAxyz-secret", "(removed)"),
            ("key sk-proj-0123456789abc failed", "key (removed) failed"),
            ("hash 0123456789abcdef0123456789abcdef", "hash (removed)"),
            ("eyJhbGciOiJIUzI1NiJ9", "(removed)"),
            ("two lines\nwith a token=abc", "two lines\nwith a token=(removed)"),
            (
                "push https://oauth2:pine-cone@git.example.org/x.git",
                "push https://oauth2:(removed)@git.example.org/x.git",
            ),
            ("socks5://me:a@b@10.0.0.1:1080 refused", "socks5://me:(removed)@10.0.0.1:1080 refused"),
            ("ssh://git@host/x, mail me@host: a", "ssh://git@host/x, mail me@host: a"),
            ("run --api-hash walnut --password hazel -v", "run --api-hash (removed) --password (removed) -v"),
            ("run --token-file a.txt --key", "run --token-file a.txt --key"),
            ("bot123456789%3AAAHdqTcvCH1vGWJxfSe/getMe", "(removed)/getMe"),
            ("X-Api-Key: (removed), once more", "X-Api-Key: (removed), once more"),
        ];
        for (text, expected) in rows {
            assert_eq!(secrets().without(text), expected);
        }
    }

    /// One line of `.env`, one line of a log, and whether the value stands in it.
    #[test]
    fn only_a_secret_is_taken_out_whatever_the_file_says() {
        let rows = [
            ("TELEGRAM_DC", "149.154.167.51:443", "Connecting to 149.154.167.51:443", true),
            ("TELEGRAM_DC_IP", "149.154.167.51", "Connecting to 149.154.167.51:443/TcpFull...", true),
            ("DCS", "149.154.167.51:443, 149.154.175.53:443", "DCs: 149.154.167.51:443, 149.154.175.53:443", true),
            ("DC6", "[2001:67c:4e8:f002::a]:443", "Connecting to [2001:67c:4e8:f002::a]:443", true),
            ("ALLOW", "91.108.56.0/22", "allowed: 91.108.56.0/22", true),
            ("REDIS", "localhost:6379", "redis at localhost:6379 is gone", true),
            ("LOG_LEVEL", "WARNING", "2026-11-22 [WARNING] Attempt 1 at connecting", true),
            ("LOG_LEVEL", "critical", "critical: no route", true),
            ("ENV", "production", "runs in production", true),
            ("STRICT_AUTH", "disabled", "disabled by its operator", true),
            ("PORT", "8443", "listens on 8443", true),
            ("LIMIT", "100000", "stopped after 100000 rows", true),
            ("RATIO", "0.75000", "ratio 0.75000", true),
            ("OFFSET", "-18000", "offset -18000", true),
            ("SINCE", "2026-11-22", "2026-11-22 05:04 INFO up", true),
            ("DATA", "/home/me/checkout/data", "no such file: /home/me/checkout/data/x", true),
            // And what is a secret stays one, whatever its shape.
            ("TELEGRAM_PASSWORD", "123456", "2FA with 123456 failed", false),
            ("PIN_AUTH", "2026-11-22", "tried 2026-11-22", false),
            ("DB_PASSWORD", "10.0.0.1", "tried 10.0.0.1", false),
            ("OWNER", "4915123456789", "message from 4915123456789", false),
            ("OWNER", "49151 2345678", "message from 49151 2345678", false),
            ("CHAT", "1234567", "chat 1234567", false),
            ("API", "deadbeefcafe", "with deadbeefcafe", false),
            ("WEBHOOK", "https://example.org/hook/a1b2", "POST https://example.org/hook/a1b2: 500", false),
            ("PROXY", "socks5://me:pw@10.0.0.1:1080", "proxy socks5://me:pw@10.0.0.1:1080 failed", false),
            ("DSN", "me:hunter2@10.0.0.1", "to me:hunter2@10.0.0.1", false),
            ("NOTES", "warnings", "two warnings", false),
            ("OTHER", "/home/me/other/place", "no such file: /home/me/other/place", false),
        ];
        for (name, value, line, stands) in rows {
            let secrets = Secrets::new([(name.to_owned(), value.to_owned())], &["/home/me/checkout/data"]);
            let expected = if stands { line.to_owned() } else { line.replace(value, GONE) };
            assert_eq!(secrets.without(line), expected, "{name}={value}");
        }
    }

    #[test]
    fn what_a_person_needs_is_left() {
        let rows = [
            "ModuleNotFoundError: No module named 'telethon'",
            "KeyError: 'TELEGRAM_API_HASH'",
            "2026-11-22 05:04:00,123 +0700 [heartbeat] Bridge alive (uptime=12m)",
            "File \"/srv/bridge/telegram_bridge.py\", line 12345: in <module>",
            "HEAD aaaaaaaabbbbbbbbccccccccddddddddeeeeeeee is on 10.0.0.1:443",
            "Server does not know about the current auth key",
            "task-1234567890 monkey=1 tokenizer: slow",
            "==============================================================================",
            "ü 🌉 +",
            "",
        ];
        for text in rows {
            assert_eq!(secrets().without(text), text);
        }
    }
}
