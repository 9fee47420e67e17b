//! Which values are secrets, and in which spellings one may turn up in a text. Pure.

use std::net::{IpAddr, SocketAddr};

use chrono::NaiveDate;
use ipnet::IpNet;
use serde_json::Value;

use super::{promises, short};
use crate::foreign_text::{Lines, harmless};

/// Words of our own sentences. A setting may be called like the program.
const OURS: &str = "Bridge Watchdog, bridge-watchdog, the Telegram bridge, telegram_bridge, com.valor.bridge-watchdog";
/// What every process has in its environment and nobody keeps a secret in. Without this list each sentence with a path
/// would lose its beginning.
const EVERYDAY: [&str; 45] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "USERNAME",
    "SHELL",
    "PWD",
    "OLDPWD",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "COLORTERM",
    "LS_COLORS",
    "TMPDIR",
    "TMP",
    "TEMP",
    "HOSTNAME",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MAIL",
    "MANPATH",
    "INFOPATH",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "DESKTOP_SESSION",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "VIRTUAL_ENV",
    "VIRTUAL_ENV_PROMPT",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "MANAGERPID",
    "NOTIFY_SOCKET",
    "CREDENTIALS_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "CACHE_DIRECTORY",
    "LOGS_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "COMMAND_MODE",
];
/// The same for whole families; unless the rest of the name says that it is a secret.
const FAMILIES: [&str; 16] = [
    "LC_",
    "XDG_",
    "PYTHON",
    "XPC_",
    "__CF",
    "Apple_",
    "TERM_",
    "MEMORY_PRESSURE_",
    "CARGO",
    "RUST",
    "CONDA_",
    "PYENV_",
    "NVM_",
    "HOMEBREW_",
    "GTK_",
    "QT_",
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

/// Everything that has to be taken out of a text because of these values.
pub(super) fn all(values: impl IntoIterator<Item = (String, String)>, shown: &[String]) -> Vec<String> {
    let is_shown = |value: &str| OURS.contains(value) || shown.iter().any(|shown| shown.contains(value));
    let mut all: Vec<String> = values
        .into_iter()
        .flat_map(|(name, value)| parts(&name, &value))
        .filter(|(name, value)| !is_plain(name, value) && !is_shown(value))
        .flat_map(|(name, value)| {
            spellings(&value).into_iter().filter(move |spelling| short::is_enough(&name, spelling))
        })
        .collect();
    all.retain(|value| !is_shown(value));
    all
}

/// The value line by line, since a log may show it so, and what is a secret inside it: the password of an address, the
/// texts of a JSON object, a pair like `password=…` of a connection string.
fn parts(name: &str, value: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    for line in value.lines().flat_map(|line| line.split("\\n")).map(str::trim) {
        parts.push((name.to_owned(), line.to_owned()));
        parts.extend(password(line).map(|password| ("password".to_owned(), password.to_owned())));
        let pairs = line.split(|c: char| c.is_whitespace() || ";&?,".contains(c));
        let pairs = pairs.filter_map(|pair| pair.split_once('=')).filter(|(name, _)| promises(name));
        parts.extend(pairs.map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned())));
    }
    if let Some(json) = serde_json::from_str(value).ok().filter(|json: &Value| json.is_object() || json.is_array()) {
        leaves(name, &json, &mut parts);
    }
    parts
}

fn leaves(name: &str, json: &Value, parts: &mut Vec<(String, String)>) {
    match json {
        Value::String(text) => parts.extend(text.lines().map(|line| (name.to_owned(), line.trim().to_owned()))),
        Value::Array(list) => list.iter().for_each(|json| leaves(name, json, parts)),
        Value::Object(object) => object.iter().for_each(|(name, json)| leaves(name, json, parts)),
        _ => {}
    }
}

/// Of `scheme://user:password@host`. A password may hold any character, so the last `@` of the host's part counts, or
/// of the whole where that has none.
fn password(address: &str) -> Option<&str> {
    let rest = address.split_once("://")?.1;
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (who, _) = host.rsplit_once('@').or_else(|| rest.rsplit_once('@'))?;
    who.split_once(':').map(|(_, password)| password)
}

/// As it is, as JSON writes it (also in ASCII only, and with `\/`), as Python's repr does (also of its bytes), as HTML has
/// it, percent-encoded (in either case, and twice), and decoded; in hexadecimal and in base64.
fn spellings(value: &str) -> Vec<String> {
    // Texts are searched without what nobody sees.
    let value = harmless(value, Lines::Keep);
    let json = value.replace('\\', "\\\\").replace('"', "\\\"");
    let ascii = |text: &str| text.chars().map(|c| if c.is_ascii() { c.to_string() } else { units(c) }).collect();
    let decoded = decoded(&value).unwrap_or_else(|| value.clone());
    let mut all: Vec<String> = vec![
        ascii(&json),
        json.replace('/', "\\/"),
        value.replace('\\', "\\\\").replace('\'', "\\'"),
        encoded(&value, "-._~"),
        encoded(&value, "-._~/"),
        encoded(&value, "-._~").replace("%20", "+"),
        encoded(&decoded, "-._~"),
        encoded(&value, "-._~").replace('%', "%25"),
        lower_percent(&encoded(&value, "-._~")),
        bytes_repr(&value),
        value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        hex(&value),
        hex(&value).to_uppercase(),
        decoded,
        json,
    ];
    all.extend(in_base64(value.as_bytes()));
    all.push(value);
    all.sort();
    all.dedup();
    all
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| all + &format!("{byte:02x}"))
}

/// As other programs write the digits behind a percent sign.
fn lower_percent(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (digits, rest) = part.split_at(part.len().min(2));
        text + "%" + &digits.to_lowercase() + rest
    })
}

/// Between the quotation marks of `b'…'`.
fn bytes_repr(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        other => format!("\\x{other:02x}"),
    };
    text.bytes().map(byte).collect()
}

/// In both alphabets, without what depends on its neighbours: it may be in the middle of something, as after the name in
/// `Authorization: Basic`. Of a shorter value too little is left to be told from other text.
fn in_base64(value: &[u8]) -> Vec<String> {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    const SHORTEST: usize = 8;
    if value.len() < SHORTEST {
        return Vec::new();
    }
    let at = |before: usize| {
        let all = [&vec![0; before][..], value].concat();
        // Three bytes are four characters; the first and the last ones may have bits of others.
        let (skip, whole) = (if before == 0 { 0 } else { before + 1 }, all.len() / 3 * 4);
        [STANDARD_NO_PAD.encode(&all), URL_SAFE_NO_PAD.encode(&all)].map(|text| text[skip..whole].to_owned())
    };
    (0..3).flat_map(at).collect()
}

/// As JSON in ASCII has it: a surrogate pair outside of the basic plane.
fn units(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().fold(String::new(), |text, unit| text + &format!("\\u{unit:04x}"))
}

fn encoded(text: &str, kept: &str) -> String {
    let byte = |byte: u8| match char::from(byte) {
        c if c.is_ascii_alphanumeric() || kept.contains(c) => c.to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = &after[if code.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8(bytes).ok()
}

/// Whether a value is plainly no secret, so that a person may read it: a log level, a switch; and if its name does not
/// say that it is a secret, also an address, a small number or a date.
fn is_plain(name: &str, value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    if WORDS.contains(&lower.as_str()) || (is_everyday(name) && password(value).is_none()) {
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

/// A variable that says where and how a process runs.
fn is_everyday(name: &str) -> bool {
    EVERYDAY.contains(&name) || (FAMILIES.iter().any(|family| name.starts_with(family)) && !promises(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twins of R21a: what the environment holds, what is printed, and what of it is a secret.
    #[test]
    fn r21a_a_secret_is_known_in_every_spelling_and_inside_another_value() {
        let rows = [
            ("DATABASE_URL", "postgres://me:mango-tree-77@db.internal/bridge", "mango-tree-77"),
            ("DATABASE_URL", "postgres://me:p%40ss%2Fword@db/x", "p%40ss%2Fword"),
            ("DATABASE_URL", "postgres://me:p%40ss%2Fword@db/x", "p@ss/word"),
            ("AMQP", "amqp://me:a/b@c?d@host/v", "a/b@c?d"),
            ("DSN", "host=db user=me password='mango-tree-8' x=1", "mango-tree-8"),
            ("REDIS", "redis://localhost/0?password=mango-tree", "mango-tree"),
            ("BLOB", "Zm9v/YmFy+cXV4==", r"Zm9v\/YmFy+cXV4=="),
            ("BLOB", "Zm9v/YmFy+cXV4==", "Zm9v%2FYmFy%2BcXV4%3D%3D"),
            ("GOOGLE", r#"{"type": "x", "inner": {"private": "Zm9vYmFy", "list": ["mango-tree"]}}"#, "Zm9vYmFy"),
            ("GOOGLE", r#"{"type": "x", "inner": {"private": "Zm9vYmFy", "list": ["mango-tree"]}}"#, "mango-tree"),
            ("PEM", "-----BEGIN-----\nMIIEvQIBADAN\nBgkqhkiG9w\n-----END-----", "BgkqhkiG9w"),
            ("NOTE", "grüße dich", r"gr\u00fc\u00dfe dich"),
            ("NOTE", "two words", "two+words"),
            ("NOTE", "it's \"so\"", r#"it's \"so\""#),
            ("NOTE", "it's so", r"it\'s so"),
            ("HTTP_PROXY", "http://me:mango-tree@10.0.0.1:3128", "mango-tree"),
            ("PYTHON_KEYRING_PASSWORD", "mango-tree", "mango-tree"),
            ("NOTE", "mango\u{200b}tree", "mangotree"),
            ("NOTE", "mango/tree?77", "mango%2ftree%3f77"),
            ("NOTE", "mango/tree?77", "mango%252Ftree%253F77"),
            ("NOTE", "grüße-77", r"b'gr\xc3\xbc\xc3\x9fe-77'"),
            ("NOTE", "river&stone<88", "river&amp;stone&lt;88"),
            ("NOTE", "sunrise-hills-9", "73756e726973652d68696c6c732d39"),
            ("NOTE", "sunrise-hills-9", "c3VucmlzZS1oaWxscy05"),
            // me: and you: before it.
            ("NOTE", "sunrise-hills-9", "bWU6c3VucmlzZS1oaWxscy05"),
            ("NOTE", "sunrise-hills-9", "eW91OnN1bnJpc2UtaGlsbHMtOQ=="),
            ("NOTE", "sunrise-hills-9", "YTpzdW5yaXNlLWhpbGxzLTk="),
        ];
        for (name, value, printed) in rows {
            let all = all([(name.to_owned(), value.to_owned())], &[]);
            let printed = harmless(printed, Lines::Keep);
            assert!(all.iter().any(|secret| printed.contains(secret.as_str())), "{name}={value}: {printed}: {all:?}");
        }
    }

    #[test]
    fn what_every_process_has_is_no_secret() {
        let rows = [
            ("PATH", "/usr/local/bin:/usr/bin"),
            ("HOME", "/home/somebody"),
            ("USER", "somebody"),
            ("LC_ALL", "en_US.UTF-8"),
            ("XDG_RUNTIME_DIR", "/run/user/1000"),
            ("PYTHONPATH", "/home/me/src/ai"),
            ("SSH_AUTH_SOCK", "/tmp/ssh-abc/agent.1"),
            ("XPC_SERVICE_NAME", "com.valor.bridge"),
            ("APP", "telegram_bridge"),
            ("NAME", "bridge-watchdog"),
            ("MODE", "production"),
        ];
        for (name, value) in rows {
            assert_eq!(all([(name.to_owned(), value.to_owned())], &[]), Vec::<String>::new(), "{name}={value}");
        }
    }
}
