//! The commands of the documentation and of `--help` are run as they stand there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::loaded::loaded;
use crate::support::{Scene, executable};

const PAGES: [&str; 7] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/deployment.md",
    "docs/features/README.md",
    "docs/features/bridge-self-healing.md",
];

/// What ends only when it is told to, or asks, or needs Telegram: other tests run these (`demo`, `setup`, `alert`,
/// `tray`, `under_launchd`), and here only their words are read.
const ONLY_PARSED: [&str; 6] = ["run", "tray", "demo", "setup", "alert-test", "doctor --fix"];

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of shell, and each piece of code within a sentence or a table that is a command.
fn code(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).filter_map(|block| block.split_once("```"));
    let mut all: Vec<String> = blocks.map(|(block, _)| block.to_owned()).collect();
    for line in page.lines() {
        let pieces = line.split('`').skip(1).step_by(2);
        all.extend(pieces.filter(|piece| piece.contains(' ')).map(str::to_owned));
    }
    all
}

/// The lines of it that begin with this word.
fn commands_of(program: &str, code: &[String]) -> BTreeSet<String> {
    let begin = format!("{program} ");
    let lines = code.iter().flat_map(|code| code.lines());
    let command = |line: &str| line.split(" # ").next().unwrap_or_default().trim().to_owned();
    lines.map(command).filter(|line| line.starts_with(&begin)).collect()
}

fn documented() -> Vec<String> {
    PAGES.iter().flat_map(|name| code(&page(name))).collect()
}

#[test]
fn each_command_of_ours_in_the_documentation_runs() {
    let (scene, _launchd) = loaded(&[]);
    executable(&scene.root.join("update.sh"), "#!/bin/sh\ntrue\n");
    let commands = commands_of("bridge-watchdog", &documented());
    let expected = ["hold --reason update -- ./update.sh", "doctor", "install", "uninstall", "revert", "locks"];
    for command in expected {
        assert!(commands.iter().any(|found| found.contains(command)), "{command}: {commands:?}");
    }
    run_each(&scene, &commands);
}

#[test]
fn each_example_of_help_runs() {
    let (scene, _launchd) = loaded(&[]);
    executable(&scene.root.join("update.sh"), "#!/bin/sh\ntrue\n");
    let all = scene.run(&["--help"]);
    let text = String::from_utf8_lossy(&all.stdout).into_owned();
    let list = text.split("Commands:\n").nth(1).expect("a list").split("\n\n").next().expect("a list");
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> =
        names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(names.len() >= 20, "{names:?}");
    let mut commands = BTreeSet::new();
    for name in names {
        let help = String::from_utf8_lossy(&scene.run(&[name, "--help"]).stdout).into_owned();
        let examples: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("Example: ")).collect();
        assert!(!examples.is_empty(), "{name} has no example: {help}");
        commands.extend(examples.into_iter().map(str::to_owned));
    }
    run_each(&scene, &commands);
}

/// Each in a shell, with our program under its name. A wrong word ends with 2, and a question without an answer too.
fn run_each(scene: &Scene, commands: &BTreeSet<String>) {
    let path = scene.path_with_us();
    for command in commands {
        let parsed = ONLY_PARSED.iter().any(|name| command.starts_with(&format!("bridge-watchdog {name}")));
        let text = if parsed { format!("{command} --help") } else { command.clone() };
        let output = shell(scene, &path, &text);
        let code = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(code.is_some_and(|code| code != 2 && code < 126), "{command}: {code:?} {said}");
    }
}

fn shell(scene: &Scene, path: &str, text: &str) -> Output {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", text]).current_dir(&scene.root).env("PATH", path).stdin(Stdio::null());
    shell.env("HOME", scene.folder.path().join("home"));
    shell.env_remove("XDG_RUNTIME_DIR").env_remove("DBUS_SESSION_BUS_ADDRESS").env_remove("DISPLAY");
    shell.output().expect("a shell")
}

/// What belongs to the system (launchctl, systemctl, pmset) would change this machine: it is read by a shell, not run.
#[test]
fn each_block_of_shell_in_the_documentation_can_be_read_by_a_shell() {
    for name in PAGES {
        let text = page(name);
        let blocks = text.split("```sh\n").skip(1).filter_map(|block| block.split_once("```"));
        for (block, _) in blocks {
            let output = Command::new("/bin/sh").args(["-n", "-c", block]).output().expect("a shell");
            assert!(output.status.success(), "{name}: {block}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn each_target_of_make_in_the_documentation_is_there() {
    let targets: BTreeSet<String> = PAGES
        .iter()
        .flat_map(|name| commands_of("make", &[page(name).replace('`', "\n")]))
        .filter_map(|command| command.split_whitespace().nth(1).map(str::to_owned))
        .filter(|target| target.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .collect();
    assert!(targets.contains("run") && targets.contains("test"), "{targets:?}");
    let makefile = page("Makefile");
    for target in targets {
        let rule = format!("\n{target}:");
        assert!(makefile.contains(&rule), "make {target}");
    }
}

/// A link to a file or to a heading of a page.
#[test]
fn each_link_between_the_pages_leads_somewhere() {
    for name in PAGES {
        let text = page(name);
        let here = root().join(name);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { here.clone() } else { here.with_file_name("").join(file) };
            assert!(target.exists(), "{name}: {link}");
            assert!(heading.is_empty() || headings(&target).contains(heading), "{name}: {link}");
        }
    }
}

/// As GitHub makes anchors of them.
fn headings(page: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(page).expect("a page");
    let titles = text.lines().filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()));
    let kept = |c: &char| c.is_alphanumeric() || *c == ' ' || *c == '-';
    titles.map(|title| title.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}
