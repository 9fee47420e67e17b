//! The app in an environment of the tests' making, as `test_watchdog.rs` is the command line. What opens the log is the
//! file `viewer` beside the environment, and the file `fault` there breaks the watch: it panics, or it never comes
//! back.
//!
//! `test-tray ENVIRONMENT.json ARGS…`, or as an agent starts it: `… --config FILE`, with the environment beside the home.

#[allow(dead_code, reason = "only its environment is taken")]
#[path = "test_watchdog.rs"]
mod program;
#[allow(dead_code, reason = "the path of the platform's viewer")]
#[path = "../../src/tray/mod.rs"]
mod tray;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).peekable();
    let path = if args.peek().is_some_and(|word| word == "--config") {
        let file = std::env::args_os().nth(2).expect("--config FILE");
        PathBuf::from(file).ancestors().nth(3).expect("a scene's folder").join("environment.json")
    } else {
        PathBuf::from(args.next().expect("usage: test-tray ENVIRONMENT.json ARGS…"))
    };
    let fault = path.with_file_name("fault");
    let hear = Box::new(move |_: &_| strike(&fault));
    ExitCode::from(tray::main(args, &program::environment(&path), &path.with_file_name("viewer"), hear))
}

/// In the thread of the watch.
fn strike(fault: &Path) {
    match std::fs::read_to_string(fault).as_deref() {
        Ok("panic") => panic!("a fault of the test's own"),
        Ok("stall") => loop {
            std::thread::park();
        },
        _ => {}
    }
}
