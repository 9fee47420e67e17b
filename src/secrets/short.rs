//! Values of four or five characters: a PIN, a weak password. Only a name can say that they are secrets, and they are taken
//! out only where they stand alone, since an ordinary text has so short a piece by chance. Pure.

use super::{GONE, promises};

/// The shortest value that is hidden at all. Three letters or digits are in every line.
const SHORTEST: usize = 4;
/// From this length on a value is no word of ours, no port and no flag, and is hidden wherever it stands.
const LONG: usize = 6;
/// As the last part of a name: of a secret something else than the secret itself, as in `TOKEN_TTL=3600`.
const SETTINGS: [&str; 33] = [
    "ttl",
    "size",
    "bits",
    "length",
    "len",
    "port",
    "host",
    "user",
    "name",
    "type",
    "kind",
    "mode",
    "method",
    "scheme",
    "header",
    "prefix",
    "format",
    "algorithm",
    "alg",
    "file",
    "path",
    "env",
    "timeout",
    "seconds",
    "minutes",
    "hours",
    "days",
    "age",
    "expiry",
    "count",
    "limit",
    "enabled",
    "required",
];
/// What a setting says where there is no secret, and words without which a message would be hard to read.
const COMMON: [&str; 44] = [
    "test", "tests", "user", "users", "root", "admin", "guest", "login", "pass", "token", "phone", "auth", "basic",
    "auto", "main", "name", "value", "local", "json", "text", "plain", "file", "path", "sha1", "hmac", "empty",
    "unset", "todo", "dummy", "demo", "exit", "code", "head", "lock", "state", "start", "check", "crash", "since",
    "until", "alive", "never", "sent", "down",
];

/// Whether a value of this name is long enough to be hidden.
pub(super) fn is_enough(name: &str, value: &str) -> bool {
    let long = value.chars().count();
    long >= LONG || (long >= SHORTEST && is_secret(name) && !is_common(value))
}

/// The text without this value.
pub(super) fn removed(text: &str, value: &str) -> String {
    if value.chars().count() >= LONG {
        return text.replace(value, GONE);
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(value) {
        let (before, after) = (&text[..at], &text[at + value.len()..]);
        if stands_alone(before, value, after) {
            out.push_str(&text[done..at]);
            out.push_str(GONE);
            done = at + value.len();
        }
    }
    out + &text[done..]
}

/// Whether the name says that the value is a secret itself, and no setting that goes with one.
pub fn is_secret(name: &str) -> bool {
    promises(name) && !is_setting(name)
}

fn is_setting(name: &str) -> bool {
    let last = name.rsplit(['_', '-']).next().unwrap_or(name).to_ascii_lowercase();
    SETTINGS.contains(&last.as_str())
}

fn is_common(value: &str) -> bool {
    COMMON.contains(&value.to_ascii_lowercase().as_str())
}

/// No letter, digit or `_` goes on at either end; and of digits no date, time, fraction or address does.
fn stands_alone(before: &str, value: &str, after: &str) -> bool {
    let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (mut left, mut right) = (before.chars().rev(), after.chars());
    let (left, right) = ([left.next(), left.next()], [right.next(), right.next()]);
    let goes_on = |edge: Option<char>, [next, _]: [Option<char>; 2]| in_word(edge) && in_word(next);
    if goes_on(value.chars().next(), left) || goes_on(value.chars().next_back(), right) {
        return false;
    }
    let number = value.bytes().all(|byte| byte.is_ascii_digit());
    let joined = |[next, further]: [Option<char>; 2]| {
        next.is_some_and(|c| "-:.,/".contains(c)) && further.is_some_and(|c| c.is_ascii_digit())
    };
    !number || !(joined(left) || joined(right))
}

#[cfg(test)]
mod tests {
    use crate::secrets::Secrets;

    /// One line of `.env`, what is printed, and what is left of it.
    #[test]
    fn r21a_a_short_secret_is_known_by_its_name_and_removed_where_it_stands_alone() {
        let rows = [
            ("PIN", "4711x", "tried 4711x now", "tried (removed) now"),
            ("TWO_FACTOR_PASSWORD", "tiger", "said 'tiger', or tiger.", "said '(removed)', or (removed)."),
            ("TWO_FACTOR_PASSWORD", "tiger", "tigers in a papertiger, tiger_2", "tigers in a papertiger, tiger_2"),
            ("REDIS", "redis://:lion@localhost/0", "AUTH lion failed", "AUTH (removed) failed"),
            ("OTP", "4711", "code 4711 refused", "code (removed) refused"),
            (
                "OTP",
                "2026",
                "2026-11-22 05:04 took 0.2026 s at 10.0.0.1:2026",
                "2026-11-22 05:04 took 0.2026 s at 10.0.0.1:2026",
            ),
            ("DB_PASS", "a!b?", "with a!b? or xa!b?", "with (removed) or xa!b?"),
            // No name says that these are secrets.
            ("ANIMAL", "tiger", "the tiger", "the tiger"),
            ("PORT", "8443", "listens on 8443", "listens on 8443"),
            // A word, a switch, a setting that goes with a secret.
            ("PASSWORD", "test", "this is a test of it", "this is a test of it"),
            ("TOKEN", "none", "none of them", "none of them"),
            ("DEBUG_TOKEN", "true", "it is true", "it is true"),
            ("DEBUG_TOKEN", "False", "False alarm", "False alarm"),
            ("TOKEN_TTL", "3600", "waits 3600 s", "waits 3600 s"),
            ("AUTH_MODE", "oauth", "by oauth", "by oauth"),
            ("PASSWORD", "abc", "abc", "abc"),
            // A part of what we print ourselves.
            ("PASSWORD", "valor", "com valor bridge", "com valor bridge"),
        ];
        for (name, value, text, expected) in rows {
            let secrets = Secrets::new([(name.to_owned(), value.to_owned())], &[]);
            assert_eq!(secrets.without(text), expected, "{name}={value}");
        }
    }
}
