//! The sentences in real logs that mean something to us, as the bridge, Telethon, Pyrogram and Python write them. Pure;
//! matched at the beginning of a text only.

use crate::error_line;
use crate::facts::Class;

/// What a message begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrase {
    Heartbeat,
    Connected,
    /// Telethon has given up.
    Cut,
    ToldToStop,
    /// A person has to log in.
    Login,
    /// A flood wait of so many seconds, where it names them.
    Flood(Option<u64>),
    /// An error's own words.
    Of(Class),
}

/// Where a tag in brackets is listed here, it is part of the sentence: without it, or with another tag, the sentence
/// means something else.
const BEGINNINGS: [(&str, Phrase); 6] = [
    ("[heartbeat] Bridge alive", Phrase::Heartbeat),
    ("Connected to Telegram", Phrase::Connected),
    ("Automatic reconnection failed", Phrase::Cut),
    ("Received SIGTERM, shutting down gracefully", Phrase::ToldToStop),
    ("[hibernation] Bridge hibernating: auth required", Phrase::Login),
    ("Server does not know about the current auth key", Phrase::Login),
];

/// What this message begins with, if it is one of the sentences, or an error of a class that is known.
pub fn of(message: &str) -> Option<Phrase> {
    // A sentence ends where its words end: "Connected to Telegrams" is none.
    let begins = |beginning: &str| {
        message.strip_prefix(beginning).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    };
    if let Some((_, phrase)) = BEGINNINGS.iter().find(|(beginning, _)| begins(beginning)) {
        return Some(*phrase);
    }
    match error_line::class(message)? {
        Class::Flood => Some(Phrase::Flood(error_line::flood_seconds(message))),
        class => Some(Phrase::Of(class)),
    }
}

/// A whole line without a logger's prefix that is a sign of life.
pub fn bare(line: &str) -> Option<Phrase> {
    let heartbeat = line == "[heartbeat]" || line.starts_with("[heartbeat] Bridge alive");
    if heartbeat {
        return Some(Phrase::Heartbeat);
    }
    (line.trim_end_matches('.') == "Connected to Telegram").then_some(Phrase::Connected)
}

/// What Telethon and Pyrogram ask on a terminal before a first login.
pub fn is_prompt(text: &str) -> bool {
    const BEGINNINGS: [&str; 7] = [
        "Please enter your phone",
        "Please enter the code",
        "Please enter your password",
        "Enter phone number",
        "Enter the phone",
        "Enter confirmation code",
        "Enter password",
    ];
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

/// A frame of a traceback that asks a person for what a login needs.
pub fn asks_for_login(frame: &str) -> bool {
    let asks = frame.contains("input(") || frame.contains("getpass(");
    let login = ["phone", "code", "password"].iter().any(|word| frame.to_ascii_lowercase().contains(word));
    (asks && login) || frame.contains("telethon/client/auth.py") || frame.contains("pyrogram/methods/auth")
}

/// What comes before a traceback that does not end the run: of a thread, a task, a finalizer, of logging itself.
pub fn is_aside(line: &str) -> bool {
    const BEGINNINGS: [&str; 6] = [
        "--- Logging error ---",
        "Exception ignored ",
        "Error in atexit._run_exitfuncs:",
        "Exception in thread ",
        "Task exception was never retrieved",
        "Exception in callback ",
    ];
    BEGINNINGS.iter().any(|beginning| line.starts_with(beginning))
}

/// Python's interpreter, or the loader of its libraries on Linux and macOS, fails before it reads a script.
pub fn is_interpreter(line: &str) -> bool {
    line.starts_with("Fatal Python error: init")
        || line.starts_with("dyld[")
        || line.contains(": error while loading shared libraries: ")
        || line.contains(": can't open file '")
        || line.ends_with("No module named 'encodings'")
}

/// What Python says of a script that it can't read.
pub fn is_syntax_error(line: &str) -> bool {
    ["SyntaxError", "IndentationError", "TabError"].iter().any(|name| line.starts_with(name))
}

/// Between two tracebacks, the second caused by the first.
pub fn leads_on(line: &str) -> bool {
    line == "During handling of the above exception, another exception occurred:"
        || line == "The above exception was the direct cause of the following exception:"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_by_its_beginning_only() {
        let rows = [
            ("[heartbeat] Bridge alive (uptime=12m)", Some(Phrase::Heartbeat)),
            ("Bridge alive", None),
            ("Connected to Telegram", Some(Phrase::Connected)),
            ("Connected to Telegram as @bridge", Some(Phrase::Connected)),
            ("Connected to Telegrams", None),
            ("Not Connected to Telegram", None),
            ("Automatic reconnection failed 5 time(s)", Some(Phrase::Cut)),
            ("Received SIGTERM, shutting down gracefully...", Some(Phrase::ToldToStop)),
            ("[tool-server] Received SIGTERM, shutting down gracefully...", None),
            ("[hibernation] Bridge hibernating: auth required.", Some(Phrase::Login)),
            ("Bridge hibernating: auth required.", None),
            (
                "Server does not know about the current auth key; the session may need to be recreated",
                Some(Phrase::Login),
            ),
            ("A wait of 1800 seconds is required (caused by X)", Some(Phrase::Flood(Some(1800)))),
            ("FloodWaitError", Some(Phrase::Flood(None))),
            ("database is locked", Some(Phrase::Of(Class::Lock))),
            ("'database is locked'", None),
            ("user said \"database is locked\"", None),
            ("", None),
        ];
        for (message, expected) in rows {
            assert_eq!(of(message), expected, "{message}");
        }
    }

    #[test]
    fn what_stands_around_a_traceback_is_known() {
        assert!(is_prompt("Please enter your phone (or bot token): "));
        assert!(!is_prompt("INFO Please enter your phone"));
        let frames = [
            ("    phone = input('Please enter your phone: ')", true),
            ("    code = getpass.getpass('Code: ')", true),
            ("  File \"/x/telethon/client/auth.py\", line 20, in start", true),
            ("    answer = input('Continue? ')", false),
            ("    phone = account.phone", false),
        ];
        for (frame, expected) in frames {
            assert_eq!(asks_for_login(frame), expected, "{frame}");
        }
        assert!(is_aside("Exception in thread Thread-3 (poll):") && !is_aside("Exception: in thread"));
        let leading = "During handling of the above exception, another exception occurred:";
        assert!(leads_on(leading) && !leads_on("During handling of the above exception") && !leads_on("Call stack:"));
        let interpreter = [
            ("Fatal Python error: init_fs_encoding: failed to get the Python codec", true),
            ("dyld[4312]: Library not loaded: /opt/python/Python", true),
            ("python: error while loading shared libraries: libpython3.so: cannot open shared object file", true),
            ("python: can't open file '/x/bridge.py': [Errno 2] No such file or directory", true),
            ("ModuleNotFoundError: No module named 'encodings'", true),
            ("ModuleNotFoundError: No module named 'telethon'", false),
        ];
        for (line, expected) in interpreter {
            assert_eq!(is_interpreter(line), expected, "{line}");
        }
    }
}
