//! Log lines that name their fields: one JSON object a line, and logfmt. Pure; called by [`crate::log_line::parse`].

use serde_json::Value;

use crate::error_line;
use crate::log_parts::{Level, Line, Prefix, is_name, level_named, stamp};

/// logfmt: `level=info event="Connected to Telegram"`, at least a level and a message.
pub fn key_values(text: &str) -> Option<Line> {
    let mut line = Line { prefix: Prefix::Time, ..Line::default() };
    let (mut rest, mut message) = (text, None);
    while let Some((key, after)) = rest.split_once('=').filter(|(key, _)| is_name(key)) {
        // logfmt, or what Python's `repr` gives.
        let (value, after) = match after.chars().next().filter(|mark| matches!(mark, '"' | '\'')) {
            // To the next quote that is not escaped.
            Some(mark) => {
                let quoted = &after[1..];
                let end = quoted.char_indices().find(|&(at, c)| c == mark && !quoted[..at].ends_with('\\'))?.0;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => after.split_at(after.find(' ').unwrap_or(after.len())),
        };
        match key {
            "level" | "lvl" | "severity" => line.level = level_named(&value.to_ascii_uppercase()),
            "logger" | "name" => line.logger = Some(value.to_owned()),
            "time" | "timestamp" | "ts" => line.stamp = stamp(value),
            "event" | "msg" | "message" if message.is_none() => message = Some(value.replace("\\\"", "\"")),
            key if SECONDS.contains(&key) => line.seconds = value.trim_end_matches('s').parse().ok(),
            key if CAUSES.contains(&key) => line.cause = Some(value.replace("\\\"", "\"")),
            _ => {}
        }
        rest = after.trim_start();
    }
    line.message = message.filter(|_| line.level.is_some())?;
    Some(line)
}

/// One object a line. Where several keys could be the message, structlog's `event` is it: the others are values that
/// the program added, a chat's text for instance.
pub fn json(text: &str) -> Option<Line> {
    let value: Value = serde_json::from_str(text).ok()?;
    // loguru's `serialize`.
    let record = value.get("record").filter(|record| record.is_object()).unwrap_or(&value);
    let text_of = |keys: &[&str]| keys.iter().find_map(|key| record.get(key).and_then(Value::as_str));
    let level = record.get("level").and_then(|level| {
        level.get("name").unwrap_or(level).as_str().map(str::to_owned).or_else(|| level.as_u64().map(pino))
    });
    let level = level.or_else(|| text_of(&["levelname", "severity", "lvl", "log.level"]).map(str::to_owned));
    let trace =
        text_of(&["exc_info", "exception", "exc_text", "traceback", "stack_trace", "stack", "error.stack_trace"]);
    let cause = CAUSES.iter().find_map(|&key| cause(record.get(key)?));
    let seconds = SECONDS.iter().find_map(|&key| record.get(key)?.as_f64()).filter(|seconds| *seconds >= 0.0);
    let message = text_of(&["event", "message", "msg"])?;
    let level = level.and_then(|level| level_named(&level.to_ascii_uppercase()));
    // Google's formatter has no field of its own for a traceback. Below ERROR it is what a chat holds.
    let in_message = || level >= Some(Level::Error) && message.lines().any(|line| line == HEADER);
    let trace = trace.or_else(|| in_message().then_some(message));
    Some(Line {
        prefix: Prefix::Json,
        level,
        logger: text_of(&["logger", "name", "logger_name", "log.logger"]).map(str::to_owned),
        module: false,
        source: None,
        stamp: text_of(&["timestamp", "asctime", "time", "ts", "@timestamp"]).map(stamp).unwrap_or_default(),
        // The first line: the others may be quotations.
        message: message.lines().next().unwrap_or_default().to_owned(),
        error: trace.and_then(|trace| trace.lines().rfind(|line| error_line::is_error(line))).map(str::to_owned),
        cause,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it saturates, and is not negative"
        )]
        seconds: seconds.map(|seconds| seconds as u64),
    })
}

const HEADER: &str = "Traceback (most recent call last):";
/// The fields of a wait.
const SECONDS: [&str; 5] = ["seconds", "wait_seconds", "wait", "retry_after", "delay"];
/// The fields that hold an error.
const CAUSES: [&str; 6] = ["error", "err", "exc", "exception", "exc_info", "error.message"];

/// A text, or an object with one (pino, loguru, structlog's `dict_tracebacks`) and with the class. Of several lines the
/// one with the error.
fn cause(value: &Value) -> Option<String> {
    let value = value.get(0).unwrap_or(value);
    let field = |keys: &[&str]| keys.iter().find_map(|key| value.get(key)).and_then(Value::as_str);
    let text = field(&["message", "exc_value", "value"]).or_else(|| value.as_str())?;
    let line = text.lines().rfind(|line| error_line::is_error(line)).or_else(|| text.lines().next())?;
    // Of JavaScript's errors most are called "Error", which says nothing.
    let class = field(&["type", "exc_type"]).filter(|class| *class != "Error" && error_line::is_error(class));
    Some(
        class
            .filter(|_| !error_line::is_error(line))
            .map_or_else(|| line.to_owned(), |class| format!("{class}: {line}")),
    )
}

/// getpino.io: 10 to 60 in tens.
fn pino(number: u64) -> String {
    ["DEBUG", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
        .get(usize::try_from(number / 10).unwrap_or(0).wrapping_sub(1))
        .map_or_else(String::new, |&name| name.to_owned())
}
