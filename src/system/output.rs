//! The one door to standard output and standard error. `println!` and `eprintln!` panic if the other end is gone or its
//! disk is full, and a watchdog must not end because its output can't be written. So every error is ignored here.
//!
//! On a terminal a line ends at a word, and has colours if the person wants them (`NO_COLOR`, `CLICOLOR`, `TERM`).
//! Elsewhere it is plain and whole, for programs to read; JSON is so everywhere.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;

use anstream::adapter::strip_str;
use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};

use super::progress;
use crate::paint;
use crate::verdict::State;

/// Writes a line to standard output: [`outln!`](crate::outln).
pub fn line(text: Arguments) {
    show(std::io::stdout(), &paint::line(&text.to_string()), "\n");
}

/// The same for a line that names this state.
pub fn state_line(state: State, text: &str) {
    show(std::io::stdout(), &paint::with_state(text, state), "\n");
}

/// A line with colours of its own.
pub fn painted_line(text: &str) {
    show(std::io::stdout(), text, "\n");
}

/// Writes a line to standard error: [`errln!`](crate::errln).
pub fn error_line(text: Arguments) {
    show(std::io::stderr(), &paint::line(&text.to_string()), "\n");
}

/// The same for a line of the journal, with the state that it names.
pub fn journal_line(text: &str, state: Option<State>) {
    show(std::io::stderr(), &paint::journal(text, state), "\n");
}

/// Writes to standard output without a newline, and flushes it.
pub fn part(text: Arguments) {
    show(std::io::stdout(), &paint::line(&text.to_string()), "");
}

/// One JSON value, as it is.
pub fn json(value: &serde_json::Value) {
    write(&mut std::io::stdout().lock(), &format!("{value:#}\n"));
}

/// What clap has to say instead of arguments.
pub fn clap(said: &clap::Error) {
    let text = said.render().ansi().to_string();
    if said.use_stderr() { show(std::io::stderr(), &text, "") } else { show(std::io::stdout(), &text, "") }
}

/// Whether a person sees colours, and lines that change, on standard error.
pub fn is_rich() -> bool {
    let stderr = std::io::stderr();
    stderr.is_terminal() && wants_codes(&stderr)
}

/// The columns of a terminal; `None` if it is none or does not say.
pub fn columns(of: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(of).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

fn show<S: AsFd + RawStream>(mut to: S, text: &str, end: &str) {
    let columns = if to.is_terminal() { columns(&to) } else { None };
    let mut text = paint::unglued(&columns.map_or_else(|| text.to_owned(), |columns| paint::wrapped(text, columns)));
    if end.is_empty() && columns.is_some() && !text.ends_with([' ', '\n']) {
        // A question ends with the blank before its answer.
        text.push(' ');
    }
    if !wants_codes(&to) {
        text = strip_str(&text).to_string();
    }
    progress::aside(|| write(&mut to, &(text + end)));
}

fn wants_codes<S: RawStream>(to: &S) -> bool {
    AutoStream::choice(to) != ColorChoice::Never
}

/// One write for each line, so that two processes that share a file do not mix their lines.
fn write(to: &mut impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// As `println!`, but an error does not panic.
#[macro_export]
macro_rules! outln {
    ($($arg:tt)*) => { $crate::system::output::line(format_args!($($arg)*)) };
}

/// As `eprintln!`, but an error does not panic.
#[macro_export]
macro_rules! errln {
    ($($arg:tt)*) => { $crate::system::output::error_line(format_args!($($arg)*)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn a_full_disk_is_no_panic() {
        write(&mut Full, "nobody reads this\n");
    }
}
