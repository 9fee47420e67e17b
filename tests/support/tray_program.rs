//! The app in a world of the tests' making, as `program.rs` is the command line in one. What opens the log is the file
//! `viewer` beside the world, and the file `fault` there breaks the watch: it panics, or it never comes back.
//!
//! `tray-in-a-test-world WORLD.json ARGS…`, or as an agent starts it: `… --config FILE`, with the world beside the home.

#[allow(dead_code, reason = "only its world is taken")]
#[path = "program.rs"]
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
        PathBuf::from(file).ancestors().nth(3).expect("a scene's folder").join("world.json")
    } else {
        PathBuf::from(args.next().expect("usage: tray-in-a-test-world WORLD.json ARGS…"))
    };
    let fault = path.with_file_name("fault");
    let hear = Box::new(move |_: &_| strike(&fault));
    ExitCode::from(tray::main(args, &program::world(&path), &path.with_file_name("viewer"), hear))
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
