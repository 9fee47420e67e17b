//! Lines for a terminal: colours, and where a line ends. Pure.
//!
//! Colour comes last. What others wrote has no control characters by then (`foreign_text`), so every code is ours.

use std::ops::Range;

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use crate::text::state_name;
use crate::verdict::State;

const COMMAND: Style = AnsiColor::Cyan.on_default();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const WELL: Style = AnsiColor::Green.on_default();
/// Our own program, as every error begins and every mend of ours is written.
const PROGRAM: &str = "bridge-watchdog";

/// How clap writes its help.
pub const HELP: clap::builder::Styles = clap::builder::Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(COMMAND)
    .error(ERROR)
    .valid(COMMAND)
    .invalid(AnsiColor::Yellow.on_default());

/// The colour of a state: green needs nobody, yellow is watched, red is worked at, blue waits, magenta is not known.
pub fn of_state(state: State) -> Style {
    match state {
        State::Healthy => WELL,
        State::Starting | State::Degraded => AnsiColor::Yellow.on_default(),
        State::Waiting | State::Stopped => AnsiColor::Blue.on_default(),
        State::Unhealthy => ERROR,
        State::Unknown => AnsiColor::Magenta.on_default(),
    }
}

/// A line with its commands in colour, the program's name before an error, and the words of the set-up's check.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    let before = [("bridge-watchdog: ", PROGRAM, ERROR), ("ok    ", "ok", WELL), ("MEND  ", "MEND", ERROR)];
    if let Some((_, word, style)) = before.into_iter().find(|(begin, _, _)| text.starts_with(begin)) {
        out.push_str(&in_style(style, word));
        rest = &text[word.len()..];
    }
    let mut at = 0;
    for command in commands(rest) {
        out.push_str(&rest[at..command.start]);
        out.push_str(&in_style(COMMAND, &rest[command.clone()]));
        at = command.end;
    }
    out.push_str(&rest[at..]);
    out
}

/// The same, with the first word that names this state.
pub fn with_state(text: &str, state: State) -> String {
    let word = state_name(state);
    let Some(at) = text.find(word) else { return line(text) };
    let (before, after) = (&text[..at], &text[at + word.len()..]);
    line(before) + &in_style(of_state(state), word) + &line(after)
}

/// A line of the journal, which may say that this is the state now.
pub fn journal(text: &str, state: Option<State>) -> String {
    state.map_or_else(|| line(text), |state| with_state(text, state))
}

/// Lines that fit this width: they end at a word, and what goes on is indented. A word that is wider stays whole, and so
/// does every command: it is copied and pasted, and a shell takes each line of it for a command of its own.
pub fn wrapped(text: &str, width: usize) -> String {
    text.split('\n').map(|line| wrapped_line(line, width)).collect::<Vec<_>>().join("\n")
}

/// Stands for a blank at which no line may end; no text of ours or of others has it (it is of a private use area).
const GLUE: char = '\u{f8f0}';

fn wrapped_line(text: &str, width: usize) -> String {
    if textwrap::core::display_width(text) <= width {
        return text.to_owned();
    }
    let blanks = text.len() - text.trim_start_matches(' ').len();
    let further = " ".repeat(if blanks + 2 < width / 2 { blanks + 2 } else { 0 });
    let options = Options::new(width.max(1))
        .initial_indent(&text[..blanks])
        .subsequent_indent(&further)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .break_words(false);
    unglued(&textwrap::wrap(&glued(&text[blanks..]), options).join("\n"))
}

/// With its commands held together, for whoever breaks it into lines; see [`unglued`].
pub fn glued(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for command in commands(text) {
        out.push_str(&text[at..command.start]);
        out.push_str(&text[command.clone()].replace(' ', &GLUE.to_string()));
        at = command.end;
    }
    out + &text[at..]
}

/// As it was before [`glued`].
pub fn unglued(text: &str) -> String {
    text.replace(GLUE, " ")
}

/// Where a text has commands that a person may type: ours, by its name and what follows like a subcommand or a flag; and
/// what stands after one of [`BEFORE`].
fn commands(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let rest = &text[from..];
        let run = BEFORE.iter().filter_map(|mark| Some(rest.find(mark)? + mark.len())).min();
        let ours = rest.find(PROGRAM).filter(|at| rest[at + PROGRAM.len()..].starts_with(' '));
        let (start, end) = match (run, ours) {
            (Some(run), ours) if ours.is_none_or(|ours| run <= ours) => {
                let start = from + run;
                (start, start + whole_command(&text[start..]))
            }
            (_, Some(ours)) => (from + ours, from + ours + own_command(&rest[ours..])),
            _ => break,
        };
        if end > start + PROGRAM.len() || !text[start..end].starts_with(PROGRAM) {
            found.push(start..end);
        }
        from = end.max(from + 1);
    }
    found
}

/// What a whole command stands after, in our sentences and in the help.
const BEFORE: [&str; 2] = ["run: ", "Example: "];

/// To the end of the line, or to a remark in brackets or after a comma.
fn whole_command(text: &str) -> usize {
    [" (or ", ", which ", "\n"].iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len())
}

/// What follows our name in a command, and not in a sentence.
const SUBCOMMANDS: [&str; 22] = [
    "alert-test",
    "check",
    "clean-locks",
    "crashes",
    "demo",
    "diagnostics",
    "doctor",
    "hold",
    "install",
    "locks",
    "pause",
    "record",
    "recover",
    "restart",
    "resume",
    "revert",
    "run",
    "setup",
    "status",
    "tray",
    "undo-revert",
    "uninstall",
];

/// The name, its subcommand and its flags, each with a value in capitals or a path.
fn own_command(text: &str) -> usize {
    let mut end = PROGRAM.len();
    let mut flag = true;
    for word in text[PROGRAM.len()..].split_inclusive(' ').skip(1) {
        let bare = word.trim_end();
        let plain = bare.trim_end_matches(['.', ',', ';', ')', '\'']);
        let is_flag = plain.starts_with("--");
        let subcommand = SUBCOMMANDS.contains(&plain);
        if !(is_flag || (flag && subcommand) || (flag && plain.starts_with(['/', '~']))) {
            break;
        }
        end += 1 + plain.len();
        flag = is_flag;
        if plain.len() < bare.len() {
            break;
        }
    }
    end.min(text.len())
}

fn in_style(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 7] = [
        State::Healthy,
        State::Starting,
        State::Degraded,
        State::Waiting,
        State::Stopped,
        State::Unhealthy,
        State::Unknown,
    ];

    fn found(text: &str) -> Vec<&str> {
        commands(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn commands_are_found_whole_and_nothing_else_is() {
        let rows: [(&str, &[&str]); 10] = [
            ("nobody is told; run: bridge-watchdog setup", &["bridge-watchdog setup"]),
            (
                "there is no configuration; run: bridge-watchdog setup (or try 'bridge-watchdog demo', which needs none)",
                &["bridge-watchdog setup", "bridge-watchdog demo"],
            ),
            ("Next: run 'bridge-watchdog install', which mends just that key", &["bridge-watchdog install"]),
            ("To end it: bridge-watchdog resume", &["bridge-watchdog resume"]),
            ("start it: bridge-watchdog run --config '/a b'", &["bridge-watchdog run --config"]),
            ("can be read by others; run: chmod 600 '/a b/config.toml'", &["chmod 600 '/a b/config.toml'"]),
            ("Example: bridge-watchdog a --b 7 -- ./c\n\nX", &["bridge-watchdog a --b 7 -- ./c"]),
            ("the bridge-watchdog is at work", &[]),
            ("bridge-watchdog: no", &[]),
            ("", &[]),
        ];
        for (text, expected) in rows {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn each_command_of_ours_is_known_by_its_name() {
        let all = crate::cli::command();
        let named: Vec<&str> =
            all.get_subcommands().filter(|one| !one.is_hide_set()).map(clap::Command::get_name).collect();
        assert_eq!(named.iter().collect::<std::collections::BTreeSet<_>>(), SUBCOMMANDS.iter().collect());
    }

    #[test]
    fn lines_end_at_words_and_fit() {
        let text =
            "  It is down: no process of com.valor.bridge was seen. To start it: bridge-watchdog restart --dry-run";
        for width in [30, 40, 80, 200] {
            for text in [text.to_owned(), line(text)] {
                let wrapped = wrapped(&text, width);
                for line in wrapped.lines().filter(|line| !line.contains("bridge-watchdog")) {
                    assert!(textwrap::core::display_width(line) <= width, "{width}: {line}");
                }
                assert_eq!(wrapped.split_whitespace().collect::<String>(), text.split_whitespace().collect::<String>());
                assert!(wrapped.contains("bridge-watchdog restart --dry-run"), "{width}:\n{wrapped}");
            }
        }
        let long = "x; run: mkdir -p '/a b' && cat \"$f\" > '/a b/c d'";
        assert_eq!(wrapped(long, 10), "x; run:\n  mkdir -p '/a b' && cat \"$f\" > '/a b/c d'");
        let path = format!("see {}", "/a/long/path".repeat(9));
        assert_eq!(wrapped(&path, 40).lines().nth(1), Some(format!("  {}", "/a/long/path".repeat(9)).as_str()));
    }

    #[test]
    fn each_state_has_a_colour_and_the_text_stays() {
        for state in STATES {
            let name = state_name(state);
            for painted in [
                with_state(&format!("Seen 5 s ago: {name}: process-dead"), state),
                journal(&format!("x state: {name} - y"), Some(state)),
            ] {
                assert!(painted.contains(&in_style(of_state(state), name)), "{painted:?}");
                let plain = anstream::adapter::strip_str(&painted).to_string();
                assert!(
                    plain == format!("Seen 5 s ago: {name}: process-dead") || plain == format!("x state: {name} - y")
                );
            }
        }
    }
}
