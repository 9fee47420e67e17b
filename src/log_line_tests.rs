use super::*;
use crate::foreign_text::{Lines, harmless};

use Level::{Critical, Debug, Error, Info, Warning};

/// A line as the reader hands it on.
fn parse(line: &str) -> Option<Line> {
    super::parse(harmless(line, Lines::Join).trim_end())
}

#[test]
fn the_message_is_what_stands_after_time_level_and_logger() {
    let rows: &[(&str, &str, Option<Level>, Option<&str>, &str)] = &[
        // Format, line, level, logger, message.
        (
            "logging, dashes",
            "2026-11-22 05:04:00,123 - bridge.telegram - INFO - Connected",
            Some(Info),
            Some("bridge.telegram"),
            "Connected",
        ),
        ("level first", "2026-11-22 05:04:00,123 - INFO - bridge - Connected", Some(Info), Some("bridge"), "Connected"),
        ("dashes, no name", "2026-11-22 05:04:00,123 - WARNING - a - b", Some(Warning), Some("a"), "b"),
        ("brackets", "2026-11-22 05:04:00,123 [INFO] bridge: Connected", Some(Info), Some("bridge"), "Connected"),
        (
            "brackets, no name",
            "2026-11-22 05:04:00,123 [WARNING] database is locked",
            Some(Warning),
            None,
            "database is locked",
        ),
        (
            "brackets around both",
            "2026-11-22 05:04:00,123 [bridge.main] [ERROR] x",
            Some(Error),
            Some("bridge.main"),
            "x",
        ),
        ("name in brackets", "2026-11-22 05:04:00,123 INFO [bridge.main] x", Some(Info), Some("bridge.main"), "x"),
        (
            "two brackets",
            "2026-11-22 05:04:00,123 INFO [bridge] [heartbeat] x",
            Some(Info),
            Some("bridge"),
            "[heartbeat] x",
        ),
        (
            "a tag is no name",
            "2026-11-22 05:04:00,123 INFO [heartbeat] Bridge alive",
            Some(Info),
            None,
            "[heartbeat] Bridge alive",
        ),
        ("blanks", "2026-11-22 05:04:00 INFO message here", Some(Info), None, "message here"),
        ("blanks, a name", "2026-11-22 05:04:00.5 bridge INFO message", Some(Info), Some("bridge"), "message"),
        (
            "pid and thread",
            "2026-11-22 05:04:00,1 [4312] [MainThread] ERROR bridge: x",
            Some(Error),
            Some("bridge"),
            "x",
        ),
        (
            "thread after the level",
            "2026-11-22 05:04:00,1 ERROR [MainThread] bridge.x: y",
            Some(Error),
            Some("bridge.x"),
            "y",
        ),
        ("another process", "2026-11-22 05:04:00 [MainProcess] ERROR bridge: x", Some(Error), Some("bridge"), "x"),
        ("another thread", "2026-11-22 05:04:00 [Thread-7 (poll)] ERROR bridge: x", Some(Error), Some("bridge"), "x"),
        ("syslog's pid", "2026-11-22 05:04:00 bridge[4312]: ERROR: x", Some(Error), Some("bridge"), "x"),
        ("ISO in brackets", "[2026-11-22T05:04:00Z] INFO logger: message", Some(Info), Some("logger"), "message"),
        ("a zone", "2026-11-22 05:04:00 +0700 INFO x", Some(Info), None, "x"),
        ("a zone with a colon", "2026-11-22 05:04:00 +07:00 INFO x", Some(Info), None, "x"),
        ("what only begins as a zone", "2026-11-22 05:04:00 +more INFO x", None, None, "+more INFO x"),
        ("before the level stands no name", "2026-11-22 05:04:00 Bob's ERROR x", None, None, "Bob's ERROR x"),
        ("a zone's name", "2026-11-22T05:04:00+07:00 UTC CRITICAL x", Some(Critical), None, "x"),
        ("time of day", "05:04:00 DEBUG x", Some(Debug), None, "x"),
        ("Flask", "[2026-11-22 05:04:00,123] ERROR in app: Exception on /", Some(Error), Some("app"), "Exception on /"),
        ("name in parentheses", "2026-11-22 05:04:00 WARN (bridge.x) y", Some(Warning), Some("bridge.x"), "y"),
        ("basicConfig", "INFO:bridge.telegram:Connected", Some(Info), Some("bridge.telegram"), "Connected"),
        ("basicConfig, colons", "ERROR:root:a: b", Some(Error), Some("root"), "a: b"),
        ("level alone", "INFO Connected to Telegram", Some(Info), None, "Connected to Telegram"),
        ("level and colon", "ERROR: no: such", Some(Error), Some("no"), "such"),
        ("level, name", "INFO bridge: x", Some(Info), Some("bridge"), "x"),
        ("level in brackets", "[ERROR] x", Some(Error), None, "x"),
        (
            "loguru",
            "2026-11-22 05:04:00.123 | INFO     | bridge.main:run:12 - Connected",
            Some(Info),
            Some("bridge.main"),
            "Connected",
        ),
        ("bars", "2026-11-22 05:04:00 | ERROR | bridge | x", Some(Error), Some("bridge"), "x"),
        (
            "rich",
            "[11/22/26 05:04:00] INFO     Connected to Telegram      main.py:12",
            Some(Info),
            None,
            "Connected to Telegram      main.py:12",
        ),
        ("rich, time only", "[05:04:00] WARNING  x", Some(Warning), None, "x"),
        (
            "structlog's console",
            "2026-11-22 05:04:00 [info     ] Connected to Telegram   user=1",
            Some(Info),
            None,
            "Connected to Telegram   user=1",
        ),
        ("colours", "\x1b[2m2026-11-22 05:04:00\x1b[0m [\x1b[32mINFO\x1b[0m] \x1b[1mx\x1b[0m", Some(Info), None, "x"),
        ("no level", "2026-11-22 05:04:00 Connected to Telegram", None, None, "Connected to Telegram"),
        (
            "no level, a colon",
            "2026-11-22 05:04:00 Bob: Connected to Telegram",
            None,
            None,
            "Bob: Connected to Telegram",
        ),
        ("no level, a tag", "2026-11-22 05:04:00 [heartbeat] Bridge alive", None, None, "[heartbeat] Bridge alive"),
        (
            "an error as the message",
            "2026-11-22 05:04:00 ERROR sqlite3.OperationalError: database is locked",
            Some(Error),
            None,
            "sqlite3.OperationalError: database is locked",
        ),
        (
            "R20",
            "2026-11-26 10:00:00,000 [WARNING] telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required (caused by GetDialogsRequest)",
            Some(Warning),
            None,
            "telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required (caused by GetDialogsRequest)",
        ),
        ("a picture", "INFO ✅ Connected to Telegram", Some(Info), None, "Connected to Telegram"),
        ("a quotation mark stays", "INFO \"Connected to Telegram\"", Some(Info), None, "\"Connected to Telegram\""),
        (
            "logfmt",
            "ts=2026-11-22T05:04:00Z level=info logger=bridge msg=\"Connected \\\"x\\\"\" a=1",
            Some(Info),
            Some("bridge"),
            "Connected \"x\"",
        ),
        ("logfmt, the level last", "msg=\"x y\" level=info", Some(Info), None, "x y"),
        ("structlog's event", "event='x' level=error event=locked", Some(Error), None, "x"),
        ("structlog's repr", "level='error' event='could not save' a=1", Some(Error), None, "could not save"),
        ("Django", "WARNING 2026-11-26 10:00:00,123 client 12 34 A wait", Some(Warning), Some("client"), "A wait"),
        (
            "basicConfig with a time",
            "WARNING:2026-11-26 10:00:00,123:telethon.client:x y",
            Some(Warning),
            Some("telethon.client"),
            "x y",
        ),
        (
            "a module and a sentence",
            "INFO 2026-11-26 10:00:00,123 main Connected to Telegram",
            Some(Info),
            Some("main"),
            "Connected to Telegram",
        ),
        ("a module and other words", "INFO 2026-11-26 10:00:00,123 main is on", Some(Info), None, "main is on"),
        ("no module", "INFO 2026-11-26 10:00:00,123 Connected to Telegram", Some(Info), None, "Connected to Telegram"),
        (
            "a person",
            "INFO 2026-11-26 10:00:00,123 Bob Connected to Telegram",
            Some(Info),
            None,
            "Bob Connected to Telegram",
        ),
        ("syslog", "Nov 26 10:00:00 mac bridge[12]: ERROR x: y", Some(Error), Some("x"), "y"),
        ("syslog, a day with a blank", "Nov  6 10:00:00 mac bridge[12]: x", None, None, "x"),
        (
            "syslog around a format",
            "Nov 26 10:00:00 mac python3[12]: 2026-11-26 10:00:00,123 - bridge - INFO - x",
            Some(Info),
            Some("bridge"),
            "x",
        ),
        ("syslog around JSON", r#"Nov 26 10:00:00 mac node[12]: {"level":"error","msg":"x"}"#, Some(Error), None, "x"),
        ("dots", "26.11.2026 10:00:00 WARNING x", Some(Warning), None, "x"),
        ("dots and dashes", "26.11.2026 10:00:00,123 - bridge - WARNING - x", Some(Warning), Some("bridge"), "x"),
        ("tornado", "[W 261126 10:00:00 client:12] x y", Some(Warning), Some("client"), "x y"),
        ("tornado, an error", "[E 261126 10:00:00 web:2239] x", Some(Error), Some("web"), "x"),
        ("name first", "telethon.client - WARNING - x y", Some(Warning), Some("telethon.client"), "x y"),
        ("compose", "bridge_1  | 2026-11-26 10:00:00,123 - a - WARNING - x", Some(Warning), Some("a"), "x"),
        ("compose, newer", "my-bridge-1  | INFO x", Some(Info), None, "x"),
        ("honcho", "10:00:00 bridge.1 | ERROR:a.b:x", Some(Error), Some("a.b"), "x"),
        ("level, time, message", "[INFO] 2026-11-26 10:00:00,123 client 12 is on", Some(Info), None, "client 12 is on"),
        ("level and time of day", "INFO 12:30:00 lunch", Some(Info), None, "12:30:00 lunch"),
        (
            "JSON",
            r#"{"time":"2026-11-22T05:04:00Z","level":"info","logger":"bridge","message":"x"}"#,
            Some(Info),
            Some("bridge"),
            "x",
        ),
        ("JSON, other names", r#"{"levelname":"ERROR","name":"bridge","msg":"x"}"#, Some(Error), Some("bridge"), "x"),
        ("JSON, severity", r#"{"severity":"WARNING","message":"x"}"#, Some(Warning), None, "x"),
        ("JSON, a number", r#"{"level":50,"msg":"x"}"#, Some(Error), None, "x"),
        (
            "JSON, a text beside the event",
            r#"{"event":"new message","message":"database is locked","level":"info"}"#,
            Some(Info),
            None,
            "new message",
        ),
        ("JSON, an event that is none", r#"{"event":{"dataset":"x"},"message":"y"}"#, None, None, "y"),
        ("JSON, lines", r#"{"message":"said:\ndatabase is locked"}"#, None, None, "said:"),
        (
            "loguru's JSON",
            r#"{"text":"…","record":{"level":{"name":"INFO","no":20},"name":"bridge","message":"x"}}"#,
            Some(Info),
            Some("bridge"),
            "x",
        ),
    ];
    for (name, text, level, logger, message) in rows {
        let line = parse(text).unwrap_or_else(|| panic!("{name}: no line"));
        assert_eq!((line.level, line.logger.as_deref(), line.message.as_str()), (*level, *logger, *message), "{name}");
    }
}

#[test]
fn what_does_not_begin_as_a_logger_does_is_no_line() {
    let rows = [
        "",
        "database is locked",
        "[tool-server] Received SIGTERM, shutting down gracefully...",
        "[heartbeat] Bridge alive",
        "sqlite3.OperationalError: database is locked",
        "Traceback (most recent call last):",
        "  INFO Connected to Telegram",
        "\tINFO Connected to Telegram",
        "Error: database is locked",
        "INFORMATION for you",
        "ERRORS were found",
        "info: no level in small letters",
        "level of the sea",
        "[2026] a year",
        "[05:04:00] Bob: database is locked",
        "2026-11-22 is a day",
        "12:30 lunch",
        "12:30:00 lunch",
        "2026-11-22 - INFO a day without its time",
        "2026 05:04:00 INFO a year is no day",
        "1.5-11-22 05:04:00 INFO nor is this",
        "12:3 INFO a score",
        "12:30: INFO lunch",
        "1.2.3.4 - - [22/Nov/2026:05:04:00 +0000] \"GET / HTTP/1.1\" 200",
        "{\"chat\": \"database is locked\"}",
        "{\"torn\": ",
        "{database is locked}",
        "level=info",
        "level=info msg=\"torn",
        "a=b c=d",
        "\u{1f309} Bridge",
        "Nov 26 10:00:00 Bob Smith: database is locked",
        "Nov 26 10:00:00 mac bridge[x]: database is locked",
        "Nov 26 10:00 mac bridge[12]: database is locked",
        "Nov 32 10:00:00 mac bridge[12]: database is locked",
        "Now 26 10:00:00 mac bridge[12]: database is locked",
        "Nov 26 10:00:00 mac bridge[12]:   File \"x\"",
        "26.11.2026 10:00:00 database is locked",
        "[26.11.2026 10:00:00] Bob: database is locked",
        "26.11.26 10:00:00 ERROR x",
        "1.2.3 10:00:00 ERROR x",
        "10.0.0.1 10:00:00 ERROR x",
        "[W 261126 10:00:00 client:12 x y",
        "[X 261126 10:00:00 client:12] x y",
        "[W 261126 client:12] x y",
        "[I am here now] ERROR x",
        "Bob - said - database is locked",
        "Bob Smith - ERROR - database is locked",
        "bridge_1  | database is locked",
        "bridge_1  |   INFO x",
        "Bob | ERROR x",
        "name  | ERROR | x",
        "10:00:00 Bob | database is locked",
    ];
    for text in rows {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn what_a_line_begins_with_and_its_time_are_kept() {
    let rows = [
        ("INFO x", Prefix::Level, ""),
        ("a - INFO - x", Prefix::Level, ""),
        ("Nov 26 10:00:00 mac bridge[12]: x", Prefix::Time, ""),
        ("bridge_1  | INFO x", Prefix::Level, ""),
        ("6.1.2026 10:00:00 INFO x", Prefix::Time, "20260106100000"),
        ("[W 261126 10:00:00 client:12] x", Prefix::Time, "20261126100000"),
        ("[05:04:00] INFO x", Prefix::Time, ""),
        ("2026-11-22 05:04:00,123 INFO x", Prefix::Time, "20261122050400"),
        ("[2026-11-22T05:04:59.5Z] INFO x", Prefix::Time, "20261122050459"),
        ("level=info msg=x ts=2026-11-22T05:04:00Z", Prefix::Time, "20261122050400"),
        (r#"{"msg":"x","timestamp":"2026-11-22 05:04:00"}"#, Prefix::Json, "20261122050400"),
        (r#"{"msg":"x","time":1764000000}"#, Prefix::Json, ""),
    ];
    for (text, prefix, stamp) in rows {
        let line = parse(text).expect(text);
        assert_eq!((line.prefix, line.stamp.as_str()), (prefix, stamp), "{text}");
    }
}

#[test]
fn a_traceback_within_json_gives_its_error() {
    let rows = [
        (
            r#"{"msg":"x","exc_info":"Traceback (most recent call last):\n  File \"a\"\nsqlite3.OperationalError: database is locked"}"#,
            Some("sqlite3.OperationalError: database is locked"),
        ),
        (r#"{"msg":"x","exception":"KeyError: 'a'\n"}"#, Some("KeyError: 'a'")),
        (r#"{"msg":"x","stack":"no error's name"}"#, None),
        (r#"{"msg":"x","text":"KeyError: 'a'"}"#, None),
    ];
    for (text, expected) in rows {
        assert_eq!(parse(text).expect(text).error.as_deref(), expected, "{text}");
    }
}

#[test]
fn what_a_field_says_of_an_error_is_kept() {
    let rows = [
        (r#"{"msg":"x","error":"database is locked"}"#, Some("database is locked")),
        (r#"{"msg":"x","err":{"type":"Error","message":"database is locked"}}"#, Some("database is locked")),
        (r#"{"msg":"x","exception":[{"exc_type":"E","exc_value":"it is"}]}"#, Some("it is")),
        (r#"{"msg":"x","error":"Traceback\n  File\nKeyError: 'a'"}"#, Some("KeyError: 'a'")),
        (r#"{"msg":"x","error":"first\nsecond"}"#, Some("first")),
        (r#"{"msg":"x","error":null,"exc_info":true,"text":"database is locked"}"#, None),
        ("level=error msg=x err=\"it \\\"is\\\"\"", Some("it \"is\"")),
        ("level=error msg=x error='it is'", Some("it is")),
        ("level=error msg=x text='it is'", None),
        ("ERROR x error='it is'", None),
    ];
    for (text, expected) in rows {
        assert_eq!(parse(text).expect(text).cause.as_deref(), expected, "{text}");
    }
}

/// Whatever comes in, nothing panics: every beginning of every line, with foreign letters in it.
#[test]
fn torn_lines_do_no_harm() {
    let lines = [
        "[2026-11-22T05:04:00Z] ÜNFO [bridge.ü] ü: — message",
        "2026-11-22 05:04:00,123 | INFO | ü:ü:1 - ✅ x",
        "level=\"ü\\\"\" msg=ü",
        "Nov 26 10:00:00 ü ü[1]: ü INFO",
        "ü_1  | ü ERROR",
        "[W ü61126 10:00:00 ü:1] ü",
        "26.11.2026 ü",
        "ü - ERROR - ü",
        "level='ü\\'' msg='ü'",
        "ERROR 2026-11-22 05:04:00 ü 1 2 ü",
        "(sqlite3.OperationalError) ü",
        "ÿ:ÿ",
    ];
    for line in lines {
        for (at, _) in line.char_indices() {
            let _ = (parse(&line[..at]), parse(&line[at..]));
        }
    }
}
