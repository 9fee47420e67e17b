//! What a person reads of each command: at 40, 80 and 200 columns, without a terminal, and with NO_COLOR.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use rustix::process::Signal;

use crate::support::pty::Terminal;
use crate::support::screen::screen;
use crate::support::{Scene, signal};

const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/terminal_expected.txt");

/// Of a bridge that is well and watched. Those that change something are tried elsewhere.
const WATCHED: [&[&str]; 17] = [
    &["check"],
    &["check", "--json"],
    &["status"],
    &["status", "--json"],
    &["locks"],
    &["crashes"],
    &["crashes", "--json"],
    &["recover"],
    &["restart", "--dry-run"],
    &["clean-locks", "--dry-run"],
    &["clean-locks"],
    &["revert", "--dry-run"],
    &["undo-revert"],
    &["alert-test"],
    &["diagnostics"],
    &["run"],
    &["hold", "--", "true"],
];
/// They show which locks are held and which signs of life there are at this very moment.
const LIVE: [&str; 2] = ["locks", "diagnostics"];
/// Of a bridge that is down, and that nobody watches.
const ALONE: [&[&str]; 4] = [&["check"], &["status"], &["recover", "--dry-run"], &["pause", "--for", "1h30m"]];
/// Without a configuration.
const NEW: [&[&str]; 5] = [&["check"], &["run"], &["uninstall"], &["doctor"], &["chekc"]];

/// The text as it is in the expected file: without what differs from run to run.
fn steady(scene: &Scene, text: &str) -> String {
    let folder = scene.folder.path().canonicalize().expect("the folder");
    let text = text.replace(folder.to_str().expect("a text"), "FOLDER");
    let program = crate::support::product();
    let text = text.replace(program.parent().and_then(Path::to_str).expect("a folder"), "BIN");
    let head = git2::Repository::open(&scene.root).and_then(|git| git.head()?.peel_to_commit().map(|head| head.id()));
    let text = text.replace(&head.expect("HEAD").to_string()[..8], "N");
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let in_word = out.ends_with(|c: char| c.is_ascii_alphabetic());
        if c.is_ascii_digit() && !in_word {
            // A number, with its fraction.
            while letters.next_if(|c| c.is_ascii_digit() || *c == '.').is_some() {}
            out.push('N');
        } else {
            out.push(c);
        }
    }
    out
}

/// The letters alone: lines may end elsewhere, and numbers differ.
fn letters(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|c| !c.is_whitespace() && *c != '.') {
        match c {
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            c => out.push(c),
        }
    }
    out
}

/// What `doctor` says of the machine differs from one to the next.
fn without_the_machine(text: &str) -> String {
    let of_machine = ["linger", "sleep", "automatic-login", "power-cut", "signature"];
    let is_machines = |line: &str| {
        of_machine.iter().any(|id| ["ok    ", "MEND  "].iter().any(|mark| line.starts_with(&format!("{mark}{id}: "))))
    };
    text.split_inclusive('\n').filter(|line| !is_machines(line)).collect()
}

/// On a busy machine a look takes long, and then it says so.
fn without_waits(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("waiting for ")).collect()
}

fn on_a_terminal(scene: &Scene, args: &[&str], columns: u16, no_color: bool) -> (i32, String) {
    let mut command = scene.command(args);
    if no_color {
        command.env("NO_COLOR", "1");
    }
    Terminal::wide(command, columns).finish()
}

/// Whether this line is a command and nothing else, by what is printed where no line is broken.
fn is_command(plain: &str, line: &str) -> bool {
    let ours = line.trim_start_matches(['\'', '(']).starts_with("bridge-watchdog ");
    ours || ["run: ", "Example: "].iter().any(|mark| plain.contains(&format!("{mark}{line}")))
}

/// A command in each of its forms; what it prints without a terminal.
fn everywhere(scene: &Scene, args: &[&str], coloured: &mut BTreeSet<String>) -> String {
    let name = args.join(" ");
    let output = scene.run(args);
    let (code, plain) = (output.status.code(), [output.stdout, output.stderr].concat());
    let plain = without_waits(&String::from_utf8(plain).expect("text"));
    assert!(!plain.contains('\x1b'), "{name}: a code without a terminal: {plain:?}");
    let json = args.contains(&"--json");
    for (columns, no_color) in [(40, false), (80, false), (200, false), (40, true), (80, true)] {
        let name = format!("{name} at {columns}{}", if no_color { ", NO_COLOR" } else { "" });
        let (again, shown) = on_a_terminal(scene, args, columns, no_color);
        assert_eq!(Some(again), code, "{name}: {shown}");
        assert!(!(no_color || json) || !shown.contains('\x1b'), "{name}: {shown:?}");
        if shown.contains('\x1b') {
            coloured.insert(args[0].to_owned());
        }
        // A long word the terminal goes on with below, and it counts on that to clear a line.
        let clears = shown.contains("\x1b[2K");
        let seen = screen(&shown, if clears { columns.into() } else { usize::MAX });
        for line in seen.iter().filter(|_| !json) {
            let wide = line.chars().count() > columns.into();
            let whole = !line.trim().contains(' ') || is_command(&plain, line.trim());
            assert!(!wide || whole, "{name}: wider than the terminal: {line}");
        }
        for line in plain.lines().filter(|_| !json) {
            let pasted = ["run: ", "Example: "].iter().find_map(|mark| line.split_once(mark));
            let Some((_, pasted)) = pasted.filter(|(_, rest)| !rest.contains(" (or ") && !rest.contains(", which "))
            else {
                continue;
            };
            assert!(seen.iter().any(|line| line.contains(pasted)), "{name}: is no one command any more: {pasted}");
        }
        let bare = without_waits(&seen.join("\n"));
        // Which signs of life are there just now differs.
        if json {
            serde_json::from_str::<serde_json::Value>(&shown).unwrap_or_else(|why| panic!("{name}: {why}: {shown}"));
        } else if !LIVE.contains(&args[0]) {
            assert_eq!(letters(&bare), letters(&plain), "{name}");
        }
    }
    steady(scene, &plain) + &format!("[exit {}]\n", code.unwrap_or(-1))
}

fn block(text: &mut String, title: &str, args: &[&str], shown: &str) {
    let shown =
        shown.lines().fold(String::new(), |all, line| all + if line.is_empty() { "" } else { "    " } + line + "\n");
    let _ = write!(text, "{title}$ bridge-watchdog {}\n{shown}\n", args.join(" "));
}

/// With `BLESS` the file is written.
#[test]
fn each_command_is_readable_everywhere() {
    let mut text = String::from("Numbers are N.\n\n");
    let mut coloured = BTreeSet::new();
    let scene = Scene::new("embedded", 60.0);
    let watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    for args in WATCHED {
        let shown = everywhere(&scene, args, &mut coloured);
        if !args.contains(&"--json") && !LIVE.contains(&args[0]) {
            block(&mut text, "watched: ", args, &shown);
        }
    }
    let bridge = scene.wait_bridge();
    drop(watch);
    signal(bridge, Signal::KILL);
    scene.wait("the bridge to be gone", || (!crate::support::alive(bridge)).then_some(()));
    for args in ALONE {
        block(&mut text, "alone: ", args, &everywhere(&scene, args, &mut coloured));
    }
    std::fs::remove_file(scene.config_file()).expect("the configuration");
    for args in NEW {
        let shown = everywhere(&scene, args, &mut coloured);
        block(&mut text, "no configuration: ", args, &without_the_machine(&shown));
    }
    let all = ["check", "status", "recover", "run", "doctor", "chekc"];
    assert!(all.iter().all(|name| coloured.contains(*name)), "{coloured:?}");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(EXPECTED, &text).expect("the expected file");
    }
    let expected = std::fs::read_to_string(EXPECTED).expect("the expected file");
    assert_eq!(text, expected, "read the difference, then write the file again: BLESS=1");
}

/// With mends of several words, and paths with blanks.
#[test]
fn a_mend_of_the_doctor_can_be_pasted_at_any_width() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = "error_log = \"not there/error.log\"\n".into();
    scene.write();
    std::fs::write(scene.root.join("update.sh"), "#!/bin/sh\ngit pull\n").expect("a script");
    let shown = everywhere(&scene, &["doctor"], &mut BTreeSet::new());
    assert!(shown.contains("MEND  update-script") && shown.contains("run: mkdir -p "), "{shown}");
}

#[test]
fn each_help_fits_and_has_colours() {
    let scene = Scene::new("embedded", 60.0);
    let all = String::from_utf8(scene.run(&["--help"]).stdout).expect("text");
    let commands = all.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands = commands.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    let mut coloured = BTreeSet::new();
    for command in commands.filter(|command| *command != "help") {
        everywhere(&scene, &[command, "--help"], &mut coloured);
        assert!(coloured.contains(command), "{command}");
    }
    assert!(coloured.len() >= 20, "{coloured:?}");
}
