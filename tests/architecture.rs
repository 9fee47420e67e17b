//! Rules of the design, checked in the source: judgement touches nothing, and each effect has one door.

use std::fs;
use std::path::Path;

/// Pure files: facts in, verdict or text out.
const PURE: [&str; 80] = [
    "act",
    "assess",
    "assess/alive",
    "assess/crash_loop",
    "assess/down",
    "assess/standing_still",
    "check",
    "contract",
    "crash_groups",
    "desktop",
    "doctor/desktop",
    "doctor/finding",
    "doctor/login",
    "doctor/mac",
    "doctor/machine",
    "doctor/mend",
    "doctor/older",
    "doctor/script",
    "doctor/service",
    "doctor/setup",
    "doctor/watch",
    "dotenv",
    "error_line",
    "exit_class",
    "exit_code",
    "facts",
    "findings",
    "foreign_text",
    "history",
    "holders",
    "holds",
    "identity",
    "inside",
    "install/place",
    "locks",
    "launchers",
    "log_fields",
    "log_line",
    "log_parts",
    "log_phrases",
    "log_reader",
    "log_voice",
    "log_wrappers",
    "markers",
    "menu",
    "named_wait",
    "outages",
    "outcome",
    "paint",
    "plan",
    "signs",
    "secrets/short",
    "setup",
    "setup/chats",
    "setup/draft",
    "setup/jobs",
    "snapshot",
    "system/supervisors",
    "text",
    "text/check",
    "text/command",
    "text/diagnostics",
    "text/dialogs",
    "text/doctor",
    "text/journal",
    "text/mend",
    "text/menu",
    "text/message",
    "text/outages",
    "text/place",
    "text/progress",
    "text/revert",
    "text/setup",
    "text/time",
    "report/policy",
    "report/spool",
    "revert",
    "road",
    "verdict",
    "waiting",
];
/// No file, process, socket or clock, under whatever name.
const FORBIDDEN: [&str; 11] = [
    "std::fs",
    "std::process",
    "std::net",
    "std::env",
    "std::thread",
    "crate::system",
    "super::system",
    "std::{",
    "crate::{",
    "Instant::now",
    "SystemTime::now",
];

#[test]
fn judgement_names_no_file_process_network_or_system() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for name in PURE {
        let path = src.join(format!("{name}.rs"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in product.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let found = FORBIDDEN.iter().find(|word| code.contains(*word));
            assert_eq!(found, None, "{}:{}: {line}", path.display(), number + 1);
        }
    }
}

/// One door for each effect: programs are started and signals are sent only there.
#[test]
fn programs_are_started_and_signals_sent_by_their_doors_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rows: [(&str, &[&str]); 4] = [
        // `embedded` starts its child itself, `hold` a person's command, and the demo whoever holds its session.
        (
            "Command::new(",
            &["system/command.rs", "system/foreground.rs", "system/service/embedded.rs", "demo/demo_bridge.rs"],
        ),
        ("kill_process", &["system/command.rs", "system/process.rs"]),
        ("pidfd_send_signal", &["system/process.rs"]),
        // With a connection opened elsewhere, asking for locks would drop ours; the demo's bridge is another process.
        ("Connection::open", &["system/session/own.rs", "demo/process.rs"]),
    ];
    for (words, doors) in rows {
        let is_product = |path: &std::path::PathBuf| !path.to_string_lossy().ends_with("_tests.rs");
        for path in sources(&src).into_iter().filter(is_product) {
            let name = path.strip_prefix(&src).expect("below src").display().to_string();
            let text = fs::read_to_string(&path).expect("a source");
            let product = text.split("\nmod tests {").next().unwrap_or_default();
            // That one is the door.
            let product = product.replace("OwnConnection::open", "");
            assert!(!product.contains(words) || doors.contains(&name.as_str()), "{name} has '{words}'");
        }
    }
}

/// Incident 1, and the third trap of the session: nothing of it is ever unlinked or replaced, and whoever opens one of
/// its files without SQLite drops the locks that SQLite has for us.
#[test]
fn no_file_of_the_session_is_removed_or_opened_but_by_its_door() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rows: [(&str, &[&str]); 8] = [
        ("remove_", &[]),
        ("unlink", &[]),
        ("rename(", &[]),
        ("fs::write", &[]),
        ("set_len", &[]),
        ("File::create", &[]),
        ("OpenOptions", &[]),
        ("File::open", &["system/session/own.rs"]),
    ];
    let session = sources(&src.join("system/session"));
    assert!(session.len() >= 5, "{session:?}");
    for path in session.into_iter().chain(["system/session.rs", "recover/free_session.rs"].map(|name| src.join(name))) {
        let name = path.strip_prefix(&src).expect("below src").display().to_string();
        let text = fs::read_to_string(&path).expect("a source");
        let product = text.split("\nmod tests {").next().unwrap_or_default();
        for (words, doors) in rows {
            let found = product
                .lines()
                .map(|line| line.split("//").next().unwrap_or_default())
                .any(|code| code.contains(words));
            assert!(!found || doors.contains(&name.as_str()), "{name} has '{words}'");
        }
    }
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
