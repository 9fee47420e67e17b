//! The app in a world of the tests' making, as `program.rs` is the command line in one. What opens the log is the file
//! `viewer` beside the world.
//!
//! `tray-in-a-test-world WORLD.json ARGS…`

#[allow(dead_code, reason = "only its world is taken")]
#[path = "program.rs"]
mod program;
#[allow(dead_code, reason = "the path of the platform's viewer")]
#[path = "../../src/tray/mod.rs"]
mod tray;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let path = PathBuf::from(args.next().expect("usage: tray-in-a-test-world WORLD.json ARGS…"));
    ExitCode::from(tray::main(args, &program::world(&path), &path.with_file_name("viewer")))
}
