//! The one door to standard output and standard error. `println!` and `eprintln!` panic if the other end is gone or its
//! disk is full, and a watchdog must not end because its output can't be written. So every error is ignored here.

use std::fmt::Arguments;
use std::io::Write;

/// Writes a line to standard output: [`outln!`](crate::outln).
pub fn line(text: Arguments) {
    write(&mut std::io::stdout().lock(), text, "\n");
}

/// Writes a line to standard error: [`errln!`](crate::errln).
pub fn error_line(text: Arguments) {
    write(&mut std::io::stderr().lock(), text, "\n");
}

/// Writes to standard output without a newline, and flushes it.
pub fn part(text: Arguments) {
    write(&mut std::io::stdout().lock(), text, "");
}

/// One write for each line, so that two processes that share a file do not mix their lines.
fn write(to: &mut impl Write, text: Arguments, end: &str) {
    let _ = to.write_all(format!("{text}{end}").as_bytes()).and_then(|()| to.flush());
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
        write(&mut Full, format_args!("nobody reads this"), "\n");
    }
}
