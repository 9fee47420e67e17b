//! What `launchctl` prints, and what is read from it.

use super::*;

/// The shape of a real `print`: one tab, nested blocks that repeat keys, an argument with a newline and a bracket.
fn printed(state: &str, rest: &str) -> String {
    format!(
        "gui/501/com.valor.bridge = {{\n\tactive count = 1\n\tpath = /Users/me/Library/LaunchAgents/com.valor.bridge.plist\n\tstate = {state}\n\n\
         \targuments = {{\n\t\tpython\n\t\tline one\n}}\n\tstate = a lie\n\tpid = 1\n\t}}\n\n\tenvironment = {{\n\t\tPATH => /usr/bin\n\t}}\n\n\tdomain = gui/501 [100057]\n{rest}\n\
         \tresource coalition = {{\n\t\tstate = active\n\t\tpid = 2\n\t}}\n\n\tjob state = exited\n\tproperties = keepalive | runatload | inferred program\n}}\n"
    )
}

#[test]
fn shapes_of_print() {
    type Seen = (Option<u32>, Option<u64>, Exit, f64, f64, bool, Option<&'static str>);
    let rows: [(&str, &str, Seen); 8] = [
        (
            "running",
            "\tminimum runtime = 10\n\texit timeout = 20\n\truns = 7\n\tpid = 4312\n\tlast exit code = (never exited)\n",
            (Some(4312), Some(7), Exit::Never, 10.0, 20.0, false, None),
        ),
        (
            "running",
            "\truns = 103\n\tpid = 17594\n\tlast terminating signal = Terminated: 15\n",
            (Some(17594), Some(103), Exit::Signal(15), 10.0, 5.0, false, None),
        ),
        (
            "not running",
            "\tminimum runtime = 30\n\truns = 4\n\tlast exit code = 1\n",
            (None, Some(4), Exit::Code(1), 30.0, 5.0, false, None),
        ),
        (
            "spawn scheduled",
            "\truns = 2\n\tlast exit code = 78: EX_CONFIG\n",
            (None, Some(2), Exit::Code(78), 10.0, 5.0, false, None),
        ),
        (
            "spawn scheduled",
            "\truns = 3\n\tlast exit reason = OS_REASON_CODESIGNING\n",
            (None, Some(3), Exit::Other("OS_REASON_CODESIGNING".into()), 10.0, 5.0, false, None),
        ),
        (
            "SIGTERMed",
            "\truns = 3\n\tpid = 9\n\tlast exit code = 0\n",
            (Some(9), Some(3), Exit::Code(0), 10.0, 5.0, true, None),
        ),
        (
            "not running",
            "\truns = 0\n\tpended nondemand spawn = speculative\n\tlast exit code = (never exited)\n",
            (None, Some(0), Exit::Never, 10.0, 5.0, false, Some("speculative")),
        ),
        (
            "quantum",
            "\truns = 1\n\tpid = 5\n\tlast exit code = (abandoned)\n",
            (Some(5), Some(1), Exit::Other("(abandoned)".into()), 10.0, 5.0, false, None),
        ),
    ];
    for (state, rest, expected) in rows {
        let job = parse(&printed(state, rest)).unwrap();
        let (throttle, exit_timeout) = (job.throttle.as_secs_f64(), job.exit_timeout.as_secs_f64());
        let seen = (job.pid, job.runs, job.last_exit, throttle, exit_timeout, job.stopping, job.held_back.as_deref());
        assert_eq!(seen, expected, "{state} {rest}");
        assert_eq!(job.keep_alive, KeepAlive::Always);
    }
}

#[test]
fn what_nobody_has_seen_is_no_job() {
    for text in ["", "Bad request.\n", "gui/501/x = {\n}\n", "\u{fffd}\u{fffd}", "{\"state\": \"running\"}"] {
        assert_eq!(parse(text), None, "{text}");
    }
}

/// The lines that decide, as real systems printed them, each with its own indentation and gaps.
#[test]
fn forms_that_were_seen() {
    type Seen = (Option<u32>, Option<u64>, Exit, f64);
    let rows: [(&str, &str, Seen); 7] = [
        (
            "relaunched after SIGTERM, the whole form",
            "gui/501/x = {\n\tactive count = 1\n\tstate = running\n\n\targuments = {\n\t\tchat\n\t}\n\tenvironment = {\n\t\tPORT => 1\n\t}\n\n\tdomain = gui/501 [1]\n\tminimum runtime = 10\n\texit timeout = 5\n\truns = 103\n\tpid = 17594\n\timmediate reason = inefficient\n\tlast terminating signal = Terminated: 15\n\n\tresource coalition = {\n\t\tstate = active\n\t}\n\n\tspawn type = daemon (3)\n\tsubmitted job. ignore execute allowed\n",
            (Some(17594), Some(103), Exit::Signal(15), 10.0),
        ),
        (
            "not running, exit 1, an event channel",
            "gui/501/x = {\n\tstate = not running\n\tdomain = gui/501 [1]\n\tminimum runtime = 30\n\truns = 4\n\tlast exit code = 1\n\n\tevent channels = {\n\t\t\"fs\" = {\n\t\t\tport = 0xdb937\n\t\t}\n\t}\n\tjob state = exited\n}\n",
            (None, Some(4), Exit::Code(1), 30.0),
        ),
        (
            "eight blanks, throttled after exit 0, cut off",
            "gui/501/x = {\n        path = /x.plist\n        state = spawn scheduled\n        minimum runtime = 10\n        exit timeout = 5\n        runs = 640\n        last exit code = 0\n        semaphores = {\n                successful exit => 0\n                state = a lie\n        }\n        spawn type = background (5)\n        ...\n",
            (None, Some(640), Exit::Code(0), 10.0),
        ),
        (
            "eight blanks, a program that can't be run",
            "gui/503/x = {\n        state = spawn scheduled\n        runs = 2\n        last exit code = 78: EX_CONFIG\n}\n",
            (None, Some(2), Exit::Code(78), 10.0),
        ),
        (
            "no indentation, no title: a crash loop seen while it runs",
            "state = running\nruns = 38771\npid = 60560\nimmediate reason = inefficient\nlast exit code = 1\nproperties = keepalive | runatload | inferred program\n",
            (Some(60560), Some(38771), Exit::Code(1), 10.0),
        ),
        (
            "only some fields, one of them after the last exit",
            "gui/501/x = {\n\tstate = spawn scheduled\n\truns = 3\n\tlast exit code = 1\n\tstderr path = /tmp/err.log\n}\n",
            (None, Some(3), Exit::Code(1), 10.0),
        ),
        (
            "never spawned",
            "gui/501/x = {\n\tstate = not running\n\n\tdomain = gui/501 [1]\n\truns = 0\n\tpended nondemand spawn = speculative\n\tlast exit code = (never exited)\n}\n",
            (None, Some(0), Exit::Never, 10.0),
        ),
    ];
    for (name, text, expected) in rows {
        let job = parse(text).unwrap_or_else(|| panic!("{name}: a form that is not known"));
        assert_eq!((job.pid, job.runs, job.last_exit, job.throttle.as_secs_f64()), expected, "{name}");
    }
}

#[test]
fn disabled_is_what_its_own_block_says_first() {
    let rows = [
        ("disabled services = {\n\t\"x\" => disabled\n}\n", Some(Switch::Off)),
        ("disabled services = {\n\t\"y\" => false\n\t\"x\" => true\n}\n", Some(Switch::Off)),
        ("disabled services = {\n\t\"x\" => enabled\n}\n", Some(Switch::On)),
        ("disabled services = {\n\t\"x\" => false;\n}\n", Some(Switch::On)),
        ("disabled services = {\n\t\"x.y\" => disabled\n}\n", None),
        ("disabled services = {\n\t\"y\" => disabled\n}\nlogin item associations = {\n\t\"x\" => disabled\n}\n", None),
        (
            "disabled services = {\n\t\"x\" => disabled\n}\nlogin item associations = {\n\t\"x\" => y\n}\n",
            Some(Switch::Off),
        ),
        ("\t\"x\" => disabled\n", Some(Switch::Off)),
        ("", None),
    ];
    for (text, expected) in rows {
        assert_eq!(switched(text, "x"), expected, "{text}");
    }
}
