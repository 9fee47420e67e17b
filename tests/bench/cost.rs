//! `make bench`: what the program costs, beside its goals. Nothing here is asserted: a busy machine is no failure. With
//! `--strict` a missed goal ends it with 1.
//!
//! What is compared (with huge files and with empty ones, with the watchdog and without) is measured in turn or at the
//! same time in one run, so that other load on the machine affects both.

mod alert;
#[cfg(all(feature = "tray", target_os = "linux"))]
mod app;
mod check;
mod death;
mod resident;
mod respawn;
mod revert;
mod setup;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod usage;

use std::process::ExitCode;

fn main() -> ExitCode {
    // cargo adds --bench; words without a dash choose rows.
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| *word == name);
    type Measure = (&'static str, fn() -> Vec<table::Row>);
    let all: &[Measure] = &[
        ("death", death::rows),
        ("check", check::rows),
        ("respawn", respawn::rows),
        ("revert", revert::rows),
        ("resident", resident::rows),
        ("alert", alert::rows),
        // The panel and its bus need Linux.
        #[cfg(all(feature = "tray", target_os = "linux"))]
        ("app", app::rows),
    ];
    let mut rows = Vec::new();
    for (name, measure) in all.iter().filter(|(name, _)| chosen(name)) {
        eprintln!("measuring: {name}");
        rows.extend(measure());
    }
    let missed = table::print(&rows);
    if missed > 0 && args.iter().any(|arg| arg == "--strict") { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
