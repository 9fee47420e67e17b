//! A flood wait that a program names in its own words, with Telegram's sentence at their end: "Failed to fetch dialogs: A
//! wait of 1800 seconds is required (caused by GetDialogsRequest)". Pure.
//!
//! Only for lines at WARNING or above ([`crate::log_reader`]). A chat may hold the same sentence, so it does not count
//! within quotation marks, and not after words that introduce what somebody wrote.

use crate::error_line;

/// The seconds, if the message ends with the sentence and nobody is quoted.
pub fn seconds(message: &str) -> Option<u64> {
    pyrogram(message).or_else(|| at_end(message)).or_else(|| in_its_words(message))
}

/// Whether the message begins with the name of such a wait, as programs write it.
pub fn is_flood(message: &str) -> bool {
    after_name(message).is_some()
}

/// Whether the line is Telethon's sentence with its cause, and nothing else.
pub fn is_whole(line: &str) -> bool {
    let by_itself = line.starts_with("Sleeping ") && line.ends_with(" flood wait");
    by_itself || (line.starts_with("A wait of ") && line.ends_with("Request)") && line.contains(" (caused by "))
}

fn after_name(message: &str) -> Option<&str> {
    const NAMES: [&str; 5] = ["floodwaiterror", "flood_wait", "floodwait", "flood wait", "flood control"];
    let name =
        NAMES.iter().find(|name| message.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))?;
    Some(&message[name.len()..]).filter(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// `FloodWaitError, sleeping 1800 seconds`, `Flood wait: must wait 1800 seconds`, `FloodWait of 1800s, backing off`: the first
/// number, with its unit, and nothing quoted before it.
fn in_its_words(message: &str) -> Option<u64> {
    let rest = after_name(message)?;
    let at = rest.find(|c: char| c.is_ascii_digit())?;
    let (before, number) = rest.split_at(at);
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    let unit = number[digits..].trim_start();
    let unit = &unit[..unit.find(|c: char| !c.is_alphabetic()).unwrap_or(unit.len())];
    let own = !quotes(before) && !before.contains(is_mark);
    number[..digits].parse().ok().filter(|_| own && matches!(unit, "s" | "sec" | "secs" | "second" | "seconds"))
}

/// Pyrogram's client when it sleeps by itself: `[account] Waiting for 1800 seconds before continuing (required by
/// "messages.GetHistory")`.
fn pyrogram(message: &str) -> Option<u64> {
    let text = message.strip_prefix('[').and_then(|text| text.split_once("] ")).map_or(message, |(_, text)| text);
    let (number, by) = text.strip_prefix("Waiting for ")?.split_once(" seconds before continuing (required by \"")?;
    number.parse().ok().filter(|_| by.ends_with("\")"))
}

fn at_end(message: &str) -> Option<u64> {
    let (before, sentence) = message.split_at(message.rfind("A wait of ")?);
    let (seconds, after) = error_line::wait(sentence)?;
    let before = match before.chars().next_back().filter(|&c| is_mark(c)) {
        // The program's own marks around the error, and whatever follows them.
        Some(mark) => {
            after.starts_with(mark).then(|| without_value(&before[..before.len() - mark.len_utf8()])).flatten()?
        }
        None if ends(after) => before,
        None => return None,
    };
    let before = before.trim_end_matches("- ").trim_end();
    let before =
        before.strip_suffix(']').and_then(|code| code.rsplit_once("[420 ")).map_or(before, |(before, _)| before);
    let before = before.trim_end().trim_end_matches("Telegram says:");
    (!quotes(before)).then_some(seconds)
}

/// Whether what follows these words is what somebody said, as far as they show it.
pub fn quotes(before: &str) -> bool {
    const INTRODUCE: [&str; 17] = [
        "said",
        "says",
        "wrote",
        "writes",
        "asked",
        "asks",
        "replied",
        "replies",
        "answered",
        "quoted",
        "quote",
        "posted",
        "pasted",
        "forwarded",
        "text",
        "caption",
        "incoming",
    ];
    const PAIRS: [&str; 4] = ["new message", "received message", "message from", "reply from"];
    let lower = before.to_lowercase();
    let introduced = lower.split(|c: char| !c.is_alphanumeric()).any(|word| INTRODUCE.contains(&word));
    introduced
        || PAIRS.iter().any(|pair| lower.contains(pair))
        || before.trim_end().ends_with('>')
        || opens(before)
        || is_somebody(before)
}

/// What may follow the sentence: nothing, or the program's next words after a mark of punctuation.
fn ends(after: &str) -> bool {
    let after = after.trim_end();
    after.is_empty() || after.starts_with([',', ';', '.', '…']) || after == ")" || after.starts_with(" - ")
}

fn is_mark(c: char) -> bool {
    matches!(c, '\'' | '"' | '`')
}

/// Without the beginning of a value that is the program's own: `FloodWaitError(` or `error=`.
fn without_value(before: &str) -> Option<&str> {
    const KEYS: [&str; 5] = ["error=", "err=", "exc=", "exception=", "e="];
    if before.ends_with('(') {
        let (rest, class) = before.split_at(before.rfind([' ', '=']).map_or(0, |at| at + 1));
        let rest = KEYS.iter().find_map(|key| rest.strip_suffix(key)).unwrap_or(rest);
        return error_line::is_error(class).then_some(rest);
    }
    let (rest, key) = before.split_at(before.rfind(' ').map_or(0, |at| at + 1));
    KEYS.contains(&key).then_some(rest)
}

/// Whether a quotation is open at the end. An apostrophe stands within or after a word and opens none.
fn opens(text: &str) -> bool {
    let (mut open, mut last) = (None, ' ');
    for c in text.chars() {
        let closing = match c {
            '“' | '„' => '”',
            '«' => '»',
            '‘' => '’',
            mark => mark,
        };
        if open == Some(c) || (open == Some('”') && c == '“') {
            open = None;
        } else if open.is_none() && !last.is_alphanumeric() && (is_mark(c) || closing != c) {
            open = Some(closing);
        }
        last = c;
    }
    open.is_some()
}

/// `Ann: ` or `Ann Smith: `: words that begin with a capital, and none of them speaks of a fault. A name of the program
/// has capitals within (`GetDialogs`, `API`).
fn is_somebody(before: &str) -> bool {
    const FAULTS: [&str; 8] = ["error", "fail", "flood", "wait", "limit", "exception", "warn", "retr"];
    let Some(name) = before.trim_end().strip_suffix(':') else { return false };
    let mut words = name.split_whitespace().peekable();
    words.peek().is_some()
        && words.all(|word| {
            let lower = word.to_lowercase();
            word.starts_with(char::is_uppercase)
                && !word.chars().skip(1).any(char::is_uppercase)
                && !FAULTS.iter().any(|fault| lower.contains(fault))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r20_a_wait_counts_at_the_end_of_the_programs_own_words() {
        let caused = "A wait of 1800 seconds is required (caused by GetHistoryRequest)";
        let rows = [
            "Failed to fetch dialogs: #",
            "Flood wait: #",
            "Flood wait, sleeping: FloodWaitError('#')",
            "could not start: telethon.errors.rpcerrorlist.FloodWaitError: #",
            "could not start: telethon.errors.rpcerrorlist.FloodWaitError('#')",
            "failed (#)",
            "Failed to send message to 12: #",
            "can't fetch 'dialogs' of \"ann\": #",
            "#, sleeping",
            "handler failed: #. Retrying",
            "handler failed: # - sleeping",
            "flood wait                     error='#' chat=12",
            "flood wait                     error=FloodWaitError('#') chat=12",
            "flood wait err=\"#\"",
            "FloodWait: #",
            "GetDialogs: #",
            "start: Telegram says: [420 FLOOD_WAIT_X] - #",
            "start: [420 FLOOD_WAIT_X] - #",
            "start: pyrogram.errors.FloodWait: Telegram says: [420 FLOOD_WAIT_X] - #",
        ];
        for row in rows {
            assert_eq!(seconds(&row.replace('#', caused)), Some(1800), "{row}");
            let bare = row.replace('#', "A wait of 1 second is required");
            assert_eq!(seconds(&bare), Some(1), "{bare}");
        }
    }

    #[test]
    fn c_pyrograms_client_sleeps_by_itself() {
        let rows = [
            ("[bridge] Waiting for 1800 seconds before continuing (required by \"messages.GetHistory\")", Some(1800)),
            ("Waiting for 30 seconds before continuing (required by \"messages.GetHistory\")", Some(30)),
            ("[bridge] Waiting for 30 seconds before continuing", None),
            ("Ann: Waiting for 30 seconds before continuing (required by \"messages.GetHistory\")", None),
            ("Waiting for ten seconds before continuing (required by \"messages.GetHistory\")", None),
        ];
        for (message, expected) in rows {
            assert_eq!(seconds(message), expected, "{message}");
        }
    }

    #[test]
    fn c_a_program_names_the_wait_in_its_own_words() {
        let rows = [
            ("FloodWaitError, sleeping 1800 seconds", Some(1800)),
            ("Flood wait: must wait 1800 seconds", Some(1800)),
            ("FloodWait of 1800s, backing off", Some(1800)),
            ("flood wait: sleeping 1800 s", Some(1800)),
            ("Flood wait over after 3 tries", None),
            ("Flood wait: Ann wrote 30 seconds", None),
            ("Flood wait for '30 seconds'", None),
            ("Floodwaiting 30 seconds", None),
            ("Ann: FloodWait of 1800s", None),
            ("Flood wait: 99999999999999999999 seconds", None),
        ];
        for (message, expected) in rows {
            assert_eq!(seconds(message), expected, "{message}");
        }
    }

    #[test]
    fn b_a_wait_that_somebody_wrote_is_none() {
        let caused = "A wait of 1800 seconds is required (caused by GetHistoryRequest)";
        let rows = [
            "message from Bob: \"#\"",
            "could not send \"#\"",
            "could not send \"mine says #",
            "could not send 'mine says: #",
            "could not answer “it says: #",
            "could not answer „it says: #",
            "could not answer «it shows: #",
            "could not relay ‘it shows: #",
            "Ann wrote: #",
            "new message: #",
            "could not handle message from Ann: #",
            "unknown text: #",
            "Ann: #",
            "Ann Smith: #",
            "> #",
            "unknown command: Ann: > #",
            "no such command: # what is that",
            "text='#' error=none",
            "event said='#'",
            "ValueError('user said #')",
            "note('#')",
        ];
        for row in rows {
            assert_eq!(seconds(&row.replace('#', caused)), None, "{row}");
        }
        for row in [
            "A wait of 5 minutes is required",
            "A wait of some seconds is required",
            "A wait of 1800 seconds is required before sending another message in this chat (caused by SendMessageRequest)",
            "A wait of 1800 seconds was required",
            "",
        ] {
            assert_eq!(seconds(&format!("failed: {row}")), None, "{row}");
        }
    }
}
