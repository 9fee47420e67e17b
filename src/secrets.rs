//! Removes secrets from text that others wrote: known values, and whatever has the shape of a secret. Pure.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use chrono::NaiveDate;
use ipnet::IpNet;

/// Values that must appear nowhere: the token, what `.env` holds, the job's environment. Nothing prints them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<[String]>);

/// Written in place of a secret.
const GONE: &str = "(removed)";
/// A shorter value is a word, a port or a flag: without it many sentences would be unreadable, and nothing is gained.
const SHORTEST: usize = 6;
/// Parts of a name that say that the value is a secret.
const NAMES: [&str; 20] = [
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
];
/// A setting with one of these values is no secret; removed from a log, each line would lose its level.
const WORDS: [&str; 27] = [
    "debug",
    "info",
    "warn",
    "warning",
    "error",
    "critical",
    "fatal",
    "notset",
    "trace",
    "verbose",
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "enabled",
    "disabled",
    "default",
    "production",
    "development",
    "staging",
    "testing",
    "stdout",
    "stderr",
];
/// A number with this many digits may be a phone number or an account; with fewer it is a port, a size or a duration.
const DIGITS: usize = 7;
/// How keys of well-known services begin.
const PREFIXES: [&str; 12] =
    ["sk-", "pk-", "rk-", "sk_", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA"];

impl Secrets {
    /// Names and values; a value may be anything, in any number of lines. `shown` is what the program itself has to print
    /// (paths, the label), so a value that is a part of it is no secret; nor is a value that is plainly none.
    pub fn new(values: impl IntoIterator<Item = (String, String)>, shown: &[&str]) -> Secrets {
        let mut all = Vec::new();
        for (name, value) in values {
            // A value may appear line by line in a log, or escaped in JSON.
            for line in value.lines().flat_map(|line| line.split("\\n")).map(str::trim) {
                if !is_plain(&name, line) {
                    let escaped = line.replace('\\', "\\\\").replace('"', "\\\"");
                    all.extend([line.to_owned(), escaped]);
                }
            }
        }
        all.retain(|value| {
            value.chars().count() >= SHORTEST && !shown.iter().any(|shown| shown.contains(value.as_str()))
        });
        // The longest first: if a value is a part of another, nothing of the longer one may be left.
        all.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        all.dedup();
        Secrets(all.into())
    }

    /// The text without secrets.
    pub fn without(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in self.0.iter() {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), GONE);
            }
        }
        text.split('\n').map(without_shapes).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secrets)")
    }
}

/// Whether a value is plainly no secret, so that a person may read it: a log level, a switch; and if its name does not
/// say that it is a secret, also an address, a small number or a date.
fn is_plain(name: &str, value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    if WORDS.contains(&lower.as_str()) {
        return true;
    }
    let listed = |c: char| c == ',' || c == ';' || c.is_whitespace();
    let addresses = || value.split(listed).filter(|part| !part.is_empty()).all(is_address);
    !promises(name) && (addresses() || is_small_number(value) || is_date(value))
}

fn is_address(text: &str) -> bool {
    let host = text.split_once(':').map_or(text, |(host, port)| if port.parse::<u16>().is_ok() { host } else { text });
    text.parse::<IpAddr>().is_ok()
        || text.parse::<SocketAddr>().is_ok()
        || text.parse::<IpNet>().is_ok()
        || host == "localhost"
}

fn is_small_number(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    digits(whole) && digits(fraction) && whole.len() + fraction.len() < DIGITS
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
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
    let after = id[digits..].strip_prefix(':')?;
    let length = after.bytes().take_while(|byte| in_word(char::from(*byte))).count();
    let lettered = after[..length].bytes().any(|byte| byte.is_ascii_alphabetic());
    (digits >= 5 && length >= 10 && lettered).then(|| rest.len() - after.len() + length)
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
    if after.starts_with("//") || after.starts_with(':') {
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
