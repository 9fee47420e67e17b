//! The launchd stand-in itself: the printed shapes, the exit codes and the words.

use crate::support::launchd::{Launchd, SECRET, domain, target};
use serde_json::json;
use std::process::Output;

const LABEL: &str = "com.example.job";
const SLEEP: &[&str] = &["/bin/sleep", "600"];

#[test]
fn a_running_job_is_printed_as_launchctl_does() {
    let (_folder, launchd) = start();
    let keys = json!({"KeepAlive": true, "RunAtLoad": true, "WorkingDirectory": "/", "StandardOutPath": "/dev/null",
        "EnvironmentVariables": {"PORT": "11002"}});
    launchd.load(LABEL, &["/bin/sh", "-c", "exec sleep 600\n}\n"], &keys);
    let pid = launchd.wait_pid(LABEL);

    let printed = text(&launchd.run(&["print", &target(LABEL)]));

    let uid = rustix::process::getuid().as_raw();
    let expected = include_str!("standin/running.txt")
        .replace("<domain>", &domain())
        .replace("<plist>", &launchd.plist(LABEL).to_string_lossy())
        .replace("<secret>", SECRET)
        .replace("<session>", &(100_000 + uid).to_string())
        .replace("<pid>", &pid.to_string());
    assert_eq!(printed, expected);
}

#[test]
fn a_job_that_does_not_run_has_no_pid_and_one_outcome() {
    let (_folder, launchd) = start();
    for (label, script, outcome, raw) in [
        ("exits.0", "exit 0", "last exit code = 0", 0),
        ("exits.1", "exit 1", "last exit code = 1", 256),
        ("exits.78", "exit 78", "last exit code = 78: EX_CONFIG", 78 << 8),
        ("is.killed", "kill -9 $$", "last terminating signal = Killed: 9", 9),
        ("is.ended", "kill -15 $$", "last terminating signal = Terminated: 15", 15),
        ("never.started", "", "last exit code = (never exited)", 0),
    ] {
        let runs = u32::from(!script.is_empty());
        launchd.load(label, &["/bin/sh", "-c", script], &json!({"RunAtLoad": runs == 1}));
        launchd.wait_job(label, "its end", |j| j.runs == runs && j.pid.is_none());
        let printed = text(&launchd.run(&["print", &target(label)]));
        let outcomes: Vec<_> = printed.lines().filter_map(|l| l.strip_prefix("\tlast ")).collect();
        assert_eq!(outcomes, [outcome.strip_prefix("last ").unwrap()]);
        assert!(printed.contains("\tstate = not running\n"), "{printed}");
        assert!(printed.contains(&format!("\truns = {runs}\n")), "{printed}");
        assert!(!printed.contains("\n\tpid = "), "{printed}");

        let listed = text(&launchd.run(&["list", label]));
        assert!(listed.contains(&format!("\t\"LastExitStatus\" = {raw};\n")), "{listed}");
        assert!(!listed.contains("PID"), "{listed}");
    }
}

#[test]
fn a_listed_job_has_a_pid_while_it_runs() {
    let (_folder, launchd) = start();
    launchd.load(LABEL, SLEEP, &json!({"RunAtLoad": true}));
    let pid = launchd.wait_pid(LABEL);
    let expected = format!(
        "{{\n\t\"LimitLoadToSessionType\" = \"Aqua\";\n\t\"Label\" = \"{LABEL}\";\n\t\"OnDemand\" = true;\n\
         \t\"LastExitStatus\" = 0;\n\t\"PID\" = {pid};\n\t\"Program\" = \"/bin/sleep\";\n\
         \t\"ProgramArguments\" = (\n\t\t\"/bin/sleep\";\n\t\t\"600\";\n\t);\n}};\n"
    );
    assert_eq!(text(&launchd.run(&["list", LABEL])), expected);
    let printed = text(&launchd.run(&["print", &domain()]));
    assert!(printed.contains(&format!("\t\t{pid:8}      0 \t{LABEL}\n")), "{printed}");
}

#[test]
fn codes_and_words_are_launchctls() {
    let (_folder, launchd) = start();
    launchd.load(LABEL, SLEEP, &json!({"KeepAlive": true}));
    launchd.load("idle", SLEEP, &json!({}));
    let plist = launchd.plist(LABEL).to_string_lossy().into_owned();
    let other = launchd.write_plist("background", SLEEP, &json!({"LimitLoadToSessionType": "Background"}));
    let uid = rustix::process::getuid().as_raw();
    let not_found = format!("Could not find service \"nope\" in domain for user gui: {uid}\n");
    let failed_5 = "Bootstrap failed: 5: Input/output error\nTry re-running the command as root for richer errors.\n";
    let no_domain = "Could not address domain failed: 125: Domain does not support specified action\n";
    for (args, code, stderr) in [
        (vec!["print", "gui/U/nope"], 113, format!("Bad request.\n{not_found}")),
        (vec!["list", "nope"], 113, "Could not find service \"nope\" in domain for port\n".into()),
        (vec!["kickstart", "-k", "gui/U/nope"], 113, not_found.clone()),
        (vec!["kill", "SIGTERM", "gui/U/nope"], 113, not_found),
        (vec!["kill", "TERM", "gui/U/idle"], 3, "No process to signal.\n".into()),
        (vec!["bootout", "gui/U/nope"], 3, "Boot-out failed: 3: No such process\n".into()),
        (vec!["bootstrap", "gui/U", &plist], 5, failed_5.into()),
        (vec!["bootstrap", "gui/U", "/absent.plist"], 5, failed_5.into()),
        (vec!["bootstrap", "gui/U", other.to_str().unwrap()], 5, failed_5.into()),
        (vec!["print", "gui/4294967294"], 125, no_domain.into()),
        (vec!["bootstrap", "system", &plist], 125, no_domain.into()),
        (vec!["print", "nonsense"], 64, "Unrecognized target specifier: nonsense\n".into()),
        (vec!["frobnicate"], 64, "Unrecognized subcommand or usage: frobnicate\n".into()),
        (vec!["load", &plist], 134, String::new()),
        (vec!["kickstart", "gui/U/com.example.job"], 0, String::new()),
    ] {
        let args: Vec<String> = args.iter().map(|a| a.replace("gui/U", &domain())).collect();
        let output = launchd.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let got = (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert_eq!(got, (Some(code), stderr), "launchctl {args:?}");
        let call = launchd.calls().pop().unwrap();
        assert_eq!((call.args, call.code), (args, u8::try_from(code).ok()));
    }
    assert_eq!(launchd.calls().len(), 15, "what the test does by its own hand is not counted");
}

fn start() -> (tempfile::TempDir, Launchd) {
    let folder = tempfile::tempdir().unwrap();
    let launchd = Launchd::start(&folder.path().join("launchd"));
    (folder, launchd)
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}
