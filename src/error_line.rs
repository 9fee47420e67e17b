//! What the line of an error says: the last line of a Python traceback, or the text that a logger was given. Pure.
//!
//! The words are those of Python, `SQLite`, the C library (Linux and macOS), Telethon and Pyrogram. They are looked for
//! only at the beginning of the error's text, and if the exception's class is known it has to fit: text further on may
//! quote a chat.

use crate::facts::Class;

/// An error taken apart: `telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required` has the name
/// `FloodWaitError`. A text without a class's name has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorLine<'a> {
    pub name: Option<&'a str>,
    pub text: &'a str,
}

/// Takes apart what Python prints (`module.Name: text`, `Name`), what `repr` gives (`Name('text')`) and what SQLAlchemy
/// makes of it (`(module.Name) text`).
pub fn parse(line: &str) -> ErrorLine<'_> {
    let line = line.trim();
    let (unwrapped, closing) = line.strip_prefix('(').map_or((line, None), |rest| (rest, Some(')')));
    let end = unwrapped.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(unwrapped.len());
    let (dotted, after) = unwrapped.split_at(end);
    let name = dotted.rsplit('.').next().unwrap_or_default();
    if !is_class(dotted) {
        return ErrorLine { name: None, text: line };
    }
    let text = match (closing, after.chars().next()) {
        (Some(_), Some(')')) | (None, Some(':')) => after[1..].trim_start(),
        (None, None) => "",
        (None, Some('(')) => after[1..].strip_suffix(')').unwrap_or(&after[1..]).trim_matches(['\'', '"']),
        _ => return ErrorLine { name: None, text: line },
    };
    ErrorLine { name: Some(name), text }
}

/// Whether a line is what Python prints of an exception, and not some sentence with a colon.
pub fn is_error(line: &str) -> bool {
    parse(line).name.is_some()
}

/// By its name; a class with another kind of name is recognised by the traceback above it.
fn is_class(dotted: &str) -> bool {
    const ENDS: [&str; 6] = ["Error", "Exception", "ExceptionGroup", "Exit", "Interrupt", "Timeout"];
    let name = dotted.rsplit('.').next().unwrap_or_default();
    if name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return ENDS.iter().any(|end| name.ends_with(end)) || among(name, LOGIN) || among(name, FLOOD);
    }
    // The old names in the socket module, always written with it.
    matches!(dotted, "socket.gaierror" | "socket.herror" | "socket.timeout" | "socket.error")
}

/// The class of an error, or `None` if its line names no other cause: then the code is to blame.
pub fn class(line: &str) -> Option<Class> {
    let ErrorLine { name, text } = parse(line);
    // SQLAlchemy wraps the driver's error in one of its own: `OperationalError: (sqlite3.OperationalError) …`.
    if name.is_some() && text.starts_with('(') && is_error(text) {
        return class(text);
    }
    let (number, text) = numbered(text);
    // A resolver has numbers of its own.
    let number = number.filter(|_| name.is_none_or(|name| among(name, SYSTEM) && !among(name, "gaierror herror")));
    let named = |names: &str| name.is_some_and(|name| among(name, names));
    // A sentence counts without a name, and under the names that carry such sentences; a `KeyError` or a `ValueError`
    // that begins this way only quotes it.
    let says = |names: &str, beginnings: &[&str]| {
        name.is_none_or(|name| among(name, names)) && beginnings.iter().any(|beginning| text.starts_with(beginning))
    };
    let rows = [
        (
            named(LOGIN) || says(TELEGRAM, &LOGIN_SENTENCES) || login_code(text) || is_unknown_key(name, text),
            Class::Login,
        ),
        (named(FLOOD) || flood_seconds(line).is_some() || is_transport_flood(name, text), Class::Flood),
        (says(SYSTEM, &["No space left on device"]) || says(DATABASE, &["database or disk is full"]), Class::Disk),
        // flock(2) of an instance lock that another process holds.
        (says(DATABASE, &LOCKED) || named("BlockingIO") || (named("Busy") && LOCKED.contains(&text)), Class::Lock),
        (named("Permission Memory"), Class::Environment),
        (says(DATABASE, &DATABASE_SENTENCES) || says(SYSTEM, &ENVIRONMENT_SENTENCES), Class::Environment),
        (is_missing_library(name, text) || line.trim().starts_with("locale.Error: "), Class::Environment),
        (named(NETWORK) || says(SYSTEM, &NETWORK_SENTENCES) || is_refused_server(name, text), Class::Network),
    ];
    by_number(number).or_else(|| rows.into_iter().find_map(|(fits, class)| fits.then_some(class)))
}

/// By errno, in whatever language its words are. Those that mean the same on Linux and macOS, and of the others those that
/// mean nothing else on the other one.
fn by_number(number: Option<i32>) -> Option<Class> {
    let both = |linux: i32, macos: i32| number == Some(if cfg!(target_os = "macos") { macos } else { linux });
    let one_of = |numbers: &[i32]| number.is_some_and(|number| numbers.contains(&number));
    // EPERM, EIO, ENXIO, ENOMEM, EACCES, ENODEV, ENFILE, EMFILE, EROFS.
    if one_of(&[1, 5, 6, 12, 13, 19, 23, 24, 30]) {
        return Some(Class::Environment);
    }
    if number == Some(28) {
        return Some(Class::Disk);
    }
    // ENETDOWN, ENETUNREACH, ECONNABORTED, ECONNRESET, ETIMEDOUT, ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH.
    let network = [(100, 50), (101, 51), (103, 53), (104, 54), (110, 60), (111, 61), (112, 64), (113, 65)];
    if network.iter().any(|&(linux, macos)| both(linux, macos)) {
        return Some(Class::Network);
    }
    // EADDRINUSE, EDQUOT, ESTALE.
    [(98, 48), (122, 69), (116, 70)].iter().any(|&(linux, macos)| both(linux, macos)).then_some(Class::Environment)
}

/// Telethon's for a key that the server does not know.
fn is_unknown_key(name: Option<&str>, text: &str) -> bool {
    name == Some("InvalidBufferError") && text.contains("(HTTP code 404)")
}

fn is_transport_flood(name: Option<&str>, text: &str) -> bool {
    name == Some("InvalidBufferError") && text.contains("(HTTP code 429)")
}

/// The loader's words for a library that is gone or for another machine, as Python passes them on: an update of the system
/// does that, no commit.
fn is_missing_library(name: Option<&str>, text: &str) -> bool {
    const WORDS: [&str; 6] = [
        ": cannot open shared object file",
        "incompatible architecture",
        "undefined symbol: ",
        "Library not loaded: ",
        "Symbol not found: ",
        "wrong ELF class",
    ];
    // Parts of Python's own library that are there only if it was built with them.
    const BUILT_IN: [&str; 8] = ["_sqlite3", "_ssl", "_ctypes", "_bz2", "_lzma", "_hashlib", "_socket", "_curses"];
    let glibc = text.contains(": version `GLIBC") && text.contains("' not found");
    let missing = text.strip_prefix("No module named '").and_then(|text| text.strip_suffix('\''));
    let import = matches!(name, Some("ImportError" | "OSError" | "ModuleNotFoundError"));
    let built_in = missing.is_some_and(|module| BUILT_IN.contains(&module));
    import && (glibc || built_in || WORDS.iter().any(|words| text.contains(words)))
}

/// `connection to server at "x" (127.0.0.1), port 5432 failed: Connection refused`, and a proxy's.
fn is_refused_server(name: Option<&str>, text: &str) -> bool {
    let server = || text.starts_with("connection to server ") && text.contains(" failed");
    let early = || text.starts_with("could not connect to server") || text.starts_with("could not translate host name");
    (name.is_some_and(|name| among(name, DATABASE)) && (server() || early()))
        || (name.is_some_and(|name| among(name, "GeneralProxy SOCKS5 SOCKS4 HTTP")) && text.starts_with("Socket error"))
}

/// Whether `SQLite`'s words for a lock stand anywhere in it.
pub fn mentions_lock(text: &str) -> bool {
    LOCKED.iter().any(|words| text.contains(words))
}

/// The seconds of a flood wait, in Telethon's words (the error's, and its client's when it sleeps by itself) and in
/// Pyrogram's.
pub fn flood_seconds(line: &str) -> Option<u64> {
    let ErrorLine { name, text } = parse(line);
    if name.is_some_and(|name| !among(name, FLOOD) && !among(name, TELEGRAM)) {
        return None;
    }
    let pyrogram = || text.strip_prefix("Telegram says: ").unwrap_or(text).strip_prefix("[420 ")?.split_once("] ");
    let text = pyrogram().map_or(text, |(_, text)| text.trim_start_matches("- "));
    if let Some((seconds, _)) = wait(text) {
        return Some(seconds);
    }
    if let Some(seconds) = by_code(text) {
        return Some(seconds);
    }
    let rest = text.strip_prefix("Sleeping early for ").or_else(|| text.strip_prefix("Sleeping for "))?;
    leading(rest).filter(|(_, rest)| rest.starts_with('s') && rest.contains("flood wait")).map(|(seconds, _)| seconds)
}

/// `RPCError 420: FLOOD_WAIT_1800`, `FLOOD_WAIT_1800`, with nothing but its cause after it.
fn by_code(text: &str) -> Option<u64> {
    let code = text.strip_prefix("RPCError 420: ").unwrap_or(text);
    let code = code.strip_prefix("FLOOD_WAIT_").or_else(|| code.strip_prefix("FLOOD_PREMIUM_WAIT_"))?;
    leading(code).filter(|(_, rest)| rest.is_empty() || rest.starts_with(" (caused by ")).map(|(seconds, _)| seconds)
}

/// The seconds of Telegram's sentence at the beginning of a text, and what follows it and its cause. With "before …" it
/// is about one chat, as in slow mode, and the account may go on.
pub fn wait(text: &str) -> Option<(u64, &str)> {
    let (seconds, rest) = leading(text.strip_prefix("A wait of ")?)?;
    let rest = rest.strip_prefix(" seconds").or_else(|| rest.strip_prefix(" second"))?.strip_prefix(" is required")?;
    let after = rest.strip_prefix(" (caused by ").and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
    (!rest.starts_with(" before ")).then_some((seconds, after))
}

/// Whether two errors end alike: the same words once digits, addresses and quoted values are taken out. Three crashes
/// that do not are no pattern. The arguments are the errors' own last lines; if a run left none, how it ended (`exit
/// 1`, `signal 11`), which then has to be the same. Two empty texts are not alike.
pub fn alike(a: &str, b: &str) -> bool {
    let is_exit = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        matches!(words[..], ["exit" | "signal", number] if number.parse::<i32>().is_ok())
    };
    let (a, b) = (a.trim(), b.trim());
    if is_exit(a) || is_exit(b) {
        return a == b;
    }
    !a.is_empty() && !b.is_empty() && shape(a) == shape(b)
}

/// A line without the parts that differ from run to run.
fn shape(line: &str) -> String {
    let mut shape = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let quoted = matches!(first, '\'' | '"' | '`') && !shape.ends_with(char::is_alphanumeric);
        // "can't" has no second quote that ends a word, so it stays.
        let closing = quoted.then(|| rest[1..].find(first)).flatten();
        let length = if let Some(closing) = closing {
            shape.push('Q');
            closing + 2
        } else if let Some(random) = random(rest).filter(|_| !shape.ends_with(is_word)) {
            shape.push('N');
            random
        } else if is_word(first) {
            let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
            // An address, an id in hex.
            let hex = word.strip_prefix("0x").unwrap_or(word);
            let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
            if has_digit
                && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
                && (hex.len() >= 4 || hex.len() < word.len())
            {
                shape.push('N');
            } else {
                for c in word.chars() {
                    if !c.is_ascii_digit() {
                        shape.push(c);
                    } else if !shape.ends_with('N') {
                        shape.push('N');
                    }
                }
            }
            word.len()
        } else {
            shape.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    shape
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a name that was drawn at random and begins here: a UUID, an id in hex of at least 16 characters, or one of
/// Python's `tempfile` (`tmp` and eight more).
fn random(text: &str) -> Option<usize> {
    const UUID: [usize; 5] = [8, 4, 4, 4, 12];
    let hex = |word: &str, length: usize| word.len() == length && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let whole = &text[..text.find(|c| !is_word(c) && c != '-').unwrap_or(text.len())];
    let groups: Vec<&str> = whole.split('-').collect();
    if groups.len() == UUID.len() && groups.iter().zip(UUID).all(|(group, length)| hex(group, length)) {
        return Some(whole.len());
    }
    let word = &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())];
    let temporary = word.len() == 11 && word.starts_with("tmp") && word.is_ascii();
    (temporary || (word.len() >= 16 && hex(word, word.len()))).then_some(word.len())
}

/// `[Errno 28] No space left on device`. asyncio puts words before the first of several.
fn numbered(text: &str) -> (Option<i32>, &str) {
    let start = text.strip_prefix("Multiple exceptions: ").unwrap_or(text);
    let rest = start.strip_prefix("[Errno ").and_then(|rest| rest.split_once("] "));
    let number = rest.and_then(|(number, words)| Some((number.parse().ok()?, words)));
    number.map_or((None, text), |(number, words)| (Some(number), words))
}

fn leading(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// `[401 SESSION_REVOKED]`, as Pyrogram puts it before its sentence.
fn login_code(text: &str) -> bool {
    let text = text.strip_prefix("Telegram says: ").unwrap_or(text);
    let code = text.strip_prefix('[').and_then(|text| text.split_once(']')).and_then(|(code, _)| code.split_once(' '));
    // Telethon's, of an error that it has no class for: `RPCError 406: AUTH_KEY_DUPLICATED (caused by …)`.
    let plain = || {
        let (number, rest) = text.strip_prefix("RPCError ")?.split_once(": ")?;
        Some((number, rest.split(' ').next()?))
    };
    code.or_else(plain).is_some_and(|(number, code)| matches!(number, "401" | "406") && LOGIN_CODES.contains(&code))
}

fn among(name: &str, names: &str) -> bool {
    let name = name.strip_suffix("Error").unwrap_or(name);
    names.split_ascii_whitespace().any(|known| known == name)
}

/// Names of classes, separated by blanks and without the suffix "Error": Telethon's have it, Pyrogram's do not.
const LOGIN: &str = "AuthKeyDuplicated AuthKeyUnregistered AuthKeyInvalid AuthKeyNotFound AuthKeyPermEmpty SessionRevoked \
    SessionExpired SessionPasswordNeeded UserDeactivated UserDeactivatedBan PhoneNumberBanned Unauthorized ApiIdInvalid \
    AccessTokenExpired";
const FLOOD: &str = "FloodWait Flood FloodPremiumWait FloodTestPhoneWait PhoneNumberFlood";
/// Carry the C library's words: Python's `OSError` with its kinds and old names, aiohttp's, and `RuntimeError` for a
/// thread.
const SYSTEM: &str = "OS IO Environment Permission BlockingIO Interrupted Connection ClientOS ClientConnector gaierror \
    error Runtime";
/// May carry Telegram's own sentences.
const TELEGRAM: &str = "RPC Rpc Unauthorized BadRequest Runtime Connection Flood AuthKey";
/// Carry `SQLite`'s words (PEP 249).
const DATABASE: &str = "Operational Database Internal Interface";
/// Python's, aiohttp's, requests', httpx's.
const NETWORK: &str = "Connection ConnectionReset ConnectionRefused ConnectionAborted BrokenPipe Timeout gaierror herror \
    timeout IncompleteRead ServerDisconnected ClientConnector ClientConnectorDNS ClientConnectorCertificate ClientOS \
    ServerTimeout ConnectionTimeout ConnectTimeout ReadTimeout Connect Read NewConnection MaxRetry SSL \
    SSLCertVerification ProxyConnection Proxy";
/// The same without a class: Telethon's sentences, and programs' own.
const LOGIN_SENTENCES: [&str; 13] = [
    // What a program says that has asked `is_user_authorized`. (Of a user it would be one who may not talk to it.)
    "Session is not authorized",
    "Session not authorized",
    "The session is not authorized",
    "Telegram session is not authorized",
    "Telegram client is not authorized",
    "The authorization key (session file) was used under two different IP addresses",
    "The key is not registered in the system",
    "The key is invalid",
    "The authorization has been invalidated",
    "The authorization has expired",
    "The user has been deleted/deactivated",
    "The server claims it doesn't know about the authorization key",
    "Server does not know about the current auth key",
];
/// Telegram's own (core.telegram.org/api/errors, 401 and 406), as Pyrogram prints them: `[401 SESSION_REVOKED]`.
const LOGIN_CODES: [&str; 8] = [
    "AUTH_KEY_DUPLICATED",
    "AUTH_KEY_UNREGISTERED",
    "AUTH_KEY_INVALID",
    "AUTH_KEY_PERM_EMPTY",
    "SESSION_REVOKED",
    "SESSION_EXPIRED",
    "USER_DEACTIVATED",
    "USER_DEACTIVATED_BAN",
];
const LOCKED: [&str; 3] = ["database is locked", "database table is locked", "database schema is locked"];
/// sqlite.org/rescode.html: READONLY, CANTOPEN, IOERR, CORRUPT, NOTADB, PERM, NOMEM, AUTH.
const DATABASE_SENTENCES: [&str; 8] = [
    "attempt to write a readonly database",
    "unable to open database",
    "disk I/O error",
    "database disk image is malformed",
    "file is not a database",
    "file is encrypted or is not a database",
    "access permission denied",
    "out of memory",
];
/// EACCES, EPERM, EROFS, EDQUOT, EMFILE and ENFILE, ENOMEM, EIO, EADDRINUSE (another process has the port), EAGAIN of a
/// thread that the system did not give; in the C libraries' words, which differ little between the two systems.
const ENVIRONMENT_SENTENCES: [&str; 15] = [
    "Permission denied",
    "Operation not permitted",
    "Read-only file system",
    "Disk quota exceeded",
    "Disc quota exceeded",
    "Too many open files",
    "Cannot allocate memory",
    "Input/output error",
    "Address already in use",
    // asyncio's beginning; it names the address, then says the same.
    "error while attempting to bind on address",
    "Stale file handle",
    "Stale NFS file handle",
    "Transport endpoint is not connected",
    "can't start new thread",
    "Resource temporarily unavailable",
];
const NETWORK_SENTENCES: [&str; 18] = [
    // asyncio's; the number before it may be any.
    "Connect call failed (",
    "Automatic reconnection failed",
    "Connection to Telegram failed",
    "Cannot connect to host",
    "Cannot send requests while disconnected",
    "Network is unreachable",
    "Network is down",
    "No route to host",
    "Host is down",
    "Host is unreachable",
    "Connection refused",
    "Connection reset by peer",
    "Connection timed out",
    "Operation timed out",
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname provided",
    "Software caused connection abort",
];

#[cfg(test)]
#[path = "error_line_tests.rs"]
mod tests;
