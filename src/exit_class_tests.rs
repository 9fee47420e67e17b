use super::*;

use crate::log_reader::Reader;
use Class::{Code, Copy, Disk, Environment, Flood, Killed, Lock, Login, Network, Start};

const TRACE: &str = "Traceback (most recent call last):\n  File \"bridge/telegram_bridge.py\", line 2841, in <module>\n    asyncio.run(main())\n";

struct Row {
    name: &'static str,
    exit: Exit,
    /// The log's last lines; `@` stands for a traceback up to its error.
    log: &'static str,
    expected: Option<Class>,
}

fn row(name: &'static str, exit: Exit, log: &'static str, expected: impl Into<Option<Class>>) -> Row {
    Row { name, exit, log, expected: expected.into() }
}

fn findings(log: &str) -> Findings {
    let mut reader = Reader::default();
    reader.feed(&log.replace('@', TRACE)).then(reader.ended())
}

fn ending<'a>(exit: &'a Exit, findings: &'a Findings) -> Ending<'a> {
    Ending { exit, findings, offline: false, copy_in_the_way: false, another_lives: false, unheard: false }
}

#[test]
fn an_end_is_held_against_the_code_only_where_nothing_else_explains_it() {
    let one = || Exit::Code(1);
    let other = |words: &str| Exit::Other(words.into());
    let not_started = |why: &str| Exit::NotStarted(why.into());
    let rows = [
        // Reached the bridge's own code, and ended by itself.
        row("incident 19", one(), "@ModuleNotFoundError: No module named 'telethon'", Code),
        row("no word at all", one(), "", Code),
        row("a key", one(), "@KeyError: 'database is locked'", Code),
        row("a segmentation fault", Exit::Signal(libc::SIGSEGV), "", Code),
        row("an abort", Exit::Signal(libc::SIGABRT), "", Code),
        row("an abort behind a runner", Exit::Code(128 + libc::SIGABRT), "", Code),
        row("exit 3", Exit::Code(3), "INFO bye", Code),
        row("255", Exit::Code(255), "", Code),
        row("a syntax error", one(), "  File \"x.py\", line 3\n    foo(\n       ^\nSyntaxError: invalid syntax", Code),
        row("an EOFError without a prompt", one(), "@EOFError: EOF when reading a line", Code),
        row("exit 2 from the code", Exit::Code(2), "@KeyError: 'a'", Code),
        row("an end that nobody saw, with a traceback", Exit::Unseen, "@KeyError: 'a'", Code),
        row("a quotation in the traceback", one(), "@ValueError: Permission denied", Code),
        row("an old lock, another end", one(), "ERROR database is locked\n@KeyError: 'a'", Code),
        row("a loop of asyncio", one(), "@RuntimeError: This event loop is already running", Code),
        row("another instance of something", one(), "@AssertionError: another instance of Chat", Code),
        row("a launcher's words, and then its own", one(), "fatal: not a git repository\nINFO bridge: up", Code),
        // What was to start it failed.
        row("R33: git", one(), "fatal: not a git repository (or any of the parent directories): .git", Start),
        row("R33: a shell", one(), "start.sh: line 3: cd: /Volumes/x: No such file or directory", Start),
        row(
            "R33: git, without a network",
            one(),
            "fatal: unable to access 'https://x/': Could not resolve host: x",
            Network,
        ),
        row("R19: it says so itself", one(), "@RuntimeError: bridge already running (pid 7)", Copy),
        // No crash, or nobody knows.
        row("0", Exit::Code(0), "", None),
        row("0 with an error", Exit::Code(0), "@KeyError: 'a'", None),
        row("R33: unseen", Exit::Unseen, "", None),
        row("never", Exit::Never, "", None),
        row("a manager's unknown word", other("exited"), "", None),
        // The login.
        row(
            "R10",
            one(),
            "@telethon.errors.rpcerrorlist.AuthKeyDuplicatedError: The authorization key (session file) was used under two different IP addresses simultaneously, and can no longer be used",
            Login,
        ),
        row(
            "R10, logged",
            one(),
            "ERROR bridge: start failed: The authorization key (session file) was used under two different IP addresses simultaneously",
            Login,
        ),
        row(
            "R10, without a traceback",
            one(),
            "telethon.errors.rpcerrorlist.SessionRevokedError: The authorization has been invalidated",
            Login,
        ),
        row(
            "E: a phone number is asked for",
            one(),
            "Please enter your phone (or bot token): @EOFError: EOF when reading a line",
            Login,
        ),
        row(
            "E: a code, in the frames",
            one(),
            "Traceback (most recent call last):\n  File \"x\"\n    code = input('Code: ')\nEOFError: EOF when reading a line",
            Login,
        ),
        row("E: asked, and gone", one(), "Please enter the code you received: \n", Login),
        row("E: asked, but another error", one(), "Please enter the code you received: @KeyError: 'a'", Code),
        row("incident 18", one(), "WARNING [hibernation] Bridge hibernating: auth required.", Login),
        row(
            "E: during handling",
            one(),
            "@telethon.errors.SessionExpiredError: The authorization has expired\n\nDuring handling of the above exception, another exception occurred:\n\n@RuntimeError: no start",
            Login,
        ),
        // Flood, disk, lock.
        row(
            "a flood",
            one(),
            "@telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required",
            Flood,
        ),
        row("a flood in the log", one(), "WARNING A wait of 1800 seconds is required", Flood),
        row("incident 33", one(), "@OSError: [Errno 28] No space left on device", Disk),
        row("a full database", one(), "ERROR sqlite3.OperationalError: database or disk is full", Disk),
        row("a lock", one(), "@sqlite3.OperationalError: database is locked", Lock),
        row("a lock, the demo's line", one(), "sqlite3.OperationalError: database is locked", Lock),
        row(
            "a lock in a group",
            one(),
            "  + Exception Group Traceback (most recent call last):\n  | ExceptionGroup: x (1 sub-exception)\n  +-+-- 1 --\n    | sqlite3.OperationalError: database is locked\n    +--",
            Lock,
        ),
        row("E: an instance lock", one(), "@BlockingIOError: [Errno 35] Resource temporarily unavailable", Lock),
        // The environment.
        row("R13", one(), "@sqlite3.OperationalError: attempt to write a readonly database", Environment),
        row(
            "E: logged and gone",
            one(),
            "CRITICAL bridge: can't go on: [Errno 30] Read-only file system: 'data/x'",
            Environment,
        ),
        row("E: memory", one(), "@MemoryError", Environment),
        row("E: descriptors", one(), "@OSError: [Errno 24] Too many open files", Environment),
        // The network.
        row("incident 36", one(), "@ConnectionError: Connection to Telegram failed 5 time(s)", Network),
        row("incident 36, in the log", one(), "ERROR Automatic reconnection failed 5 time(s)", Network),
        // An error in a field.
        row(
            "E: structlog",
            one(),
            "{\"level\":\"critical\",\"event\":\"cannot start\",\"error\":\"AuthKeyDuplicatedError: x\"}",
            Login,
        ),
        row(
            "E: a class and a text",
            one(),
            "{\"level\":\"critical\",\"msg\":\"fatal\",\"exc\":{\"type\":\"AuthKeyDuplicatedError\",\"message\":\"The key\"}}",
            Login,
        ),
        row(
            "E: loguru's",
            one(),
            "{\"text\":\"x\",\"record\":{\"level\":{\"name\":\"CRITICAL\"},\"message\":\"fatal\",\"exception\":{\"type\":\"SessionRevokedError\",\"value\":\"gone\"}}}",
            Login,
        ),
        row(
            "E: structlog, without a class",
            one(),
            "{\"level\":\"error\",\"event\":\"startup failed\",\"error\":\"attempt to write a readonly database\"}",
            Environment,
        ),
        row(
            "E: logfmt",
            one(),
            "time=2026-11-27T10:00:00Z level=error msg=\"startup failed\" error=\"attempt to write a readonly database\"",
            Environment,
        ),
        row(
            "E: Google's",
            one(),
            "{\"severity\":\"CRITICAL\",\"message\":\"bridge died\\nTraceback (most recent call last):\\n  File \\\"x.py\\\"\\nSessionRevokedError: x (caused by GetUsersRequest)\"}",
            Login,
        ),
        row("E: JSON, the code's", one(), "{\"level\":\"error\",\"event\":\"x\",\"error\":\"KeyError: 'a'\"}", Code),
        row(
            "E: JSON, a chat's text",
            one(),
            "{\"level\":\"error\",\"event\":\"no such command\",\"text\":\"AuthKeyDuplicatedError: x\"}",
            Code,
        ),
        row(
            "E: behind a dash",
            one(),
            "2026-11-27 10:00:00,000 CRITICAL bridge: cannot start - AuthKeyDuplicatedError",
            Login,
        ),
        row(
            "E: a program's own words for it",
            one(),
            "2026-11-27 10:00:00,000 ERROR bridge: Session is not authorized. Run scripts/telegram_login.py first.",
            Login,
        ),
        row("E: dash says that it was killed", one(), "Killed", Killed),
        row("E: bash says so", one(), "start.sh: line 3: 12345 Killed   .venv/bin/python", Killed),
        row("E: op", one(), "[ERROR] 2026/11/27 10:00:00 could not read secret: \"op://a/b\" isn't an item", Start),
        // What stands around and behind a traceback.
        row(
            "E: a finalizer's after it",
            one(),
            "@sqlite3.OperationalError: attempt to write a readonly database\nsys:1: RuntimeWarning: coroutine 'main' was never awaited\nTraceback (most recent call last):\n  File \"base_events.py\", line 1, in __del__\nRuntimeError: x",
            Environment,
        ),
        row(
            "E: a closed loop after it",
            one(),
            "@sqlite3.OperationalError: attempt to write a readonly database\nprinted\n@RuntimeError: Event loop is closed",
            Environment,
        ),
        row("E: a closed loop alone", one(), "@RuntimeError: Event loop is closed", Code),
        row(
            "E: another error after it",
            one(),
            "@OSError: [Errno 28] No space left on device\nprinted\n@KeyError: 'a'",
            Code,
        ),
        row(
            "E: behind journalctl's words",
            one(),
            "2026-11-27T10:00:00+0700 host bridge[12]: Traceback (most recent call last):\n2026-11-27T10:00:00+0700 host bridge[12]:   File \"x.py\", line 1, in <module>\n2026-11-27T10:00:00+0700 host bridge[12]: sqlite3.OperationalError: attempt to write a readonly database\n",
            Environment,
        ),
        row(
            "E: behind syslog's words, and the code's",
            one(),
            "Nov 27 10:00:00 host bridge[12]: Traceback (most recent call last):\nNov 27 10:00:00 host bridge[12]:   File \"x.py\", line 1\nNov 27 10:00:00 host bridge[12]: KeyError: 'a'\nNov 27 10:00:00 host bridge[12]: Permission denied",
            Code,
        ),
        row(
            "E: behind a time",
            one(),
            "2026-11-27 10:00:00 Traceback (most recent call last):\n2026-11-27 10:00:00   File \"x.py\", line 1, in <module>\n2026-11-27 10:00:00 sqlite3.OperationalError: attempt to write a readonly database\n",
            Environment,
        ),
        // Could not start.
        row("R12, launchd", Exit::Code(78), "", Start),
        row("R12, systemd", Exit::Code(203), "", Start),
        row("R12, systemd in words", not_started("exit 203: systemd can't start the program"), "", Start),
        row("R12, embedded", not_started("No such file or directory (os error 2)"), "", Start),
        row("E: systemd's first", Exit::Code(200), "", Start),
        row("E: systemd's last", Exit::Code(245), "", Start),
        row("E: before systemd's", Exit::Code(199), "", Code),
        row("E: after systemd's", Exit::Code(246), "", Code),
        row("E: a shell finds nothing", Exit::Code(127), "env: python3: No such file or directory", Start),
        row("E: a shell may not", Exit::Code(126), "", Start),
        row("E: 125", Exit::Code(125), "", Code),
        row("E: 128", Exit::Code(128), "", Code),
        row("E: 77 and 79", Exit::Code(79), "", Code),
        row(
            "E: Python without its library",
            one(),
            "Fatal Python error: init_fs_encoding: failed to get the Python codec\nModuleNotFoundError: No module named 'encodings'",
            Start,
        ),
        row("E: the loader", Exit::Signal(libc::SIGABRT), "dyld[4312]: Library not loaded: /opt/python/Python", Start),
        row(
            "E: no script",
            Exit::Code(2),
            "python: can't open file '/x/bridge/telegram_bridge.py': [Errno 2] No such file or directory",
            Start,
        ),
        row("E: the configuration", Exit::Code(2), "", Start),
        row("E: another program for this processor", not_started("Exec format error (os error 8)"), "", Start),
        // Killed.
        row("the system", other("OS_REASON_CODESIGNING"), "", Killed),
        row("JETSAM", other("OS_REASON_JETSAM | highwater"), "", Killed),
        row("kill -9", Exit::Signal(libc::SIGKILL), "", Killed),
        row("kill -9 behind a runner", Exit::Code(137), "", Killed),
        row("SIGTERM behind a shell", Exit::Code(143), "", Killed),
        row("SIGHUP", Exit::Signal(libc::SIGHUP), "@KeyError: 'a'", Killed),
        row("Ctrl-C", one(), "@KeyboardInterrupt", Killed),
        row("told to stop", one(), "@asyncio.exceptions.CancelledError", Killed),
        row(
            "a timeout",
            one(),
            "@asyncio.exceptions.CancelledError\n\nThe above exception was the direct cause of the following exception:\n\n@KeyError: 'a'",
            Code,
        ),
        row("the last signal that a shell passes on", Exit::Code(159), "", Killed),
        row("one more is a code", Exit::Code(160), "", Code),
        // Another bridge.
        row("R19 by its words", one(), "already running", Copy),
        row("E: in an error", one(), "@RuntimeError: Another instance holds data/bridge.pid", Copy),
    ];
    for Row { name, exit, log, expected } in rows {
        let findings = findings(log);
        let class = class(&ending(&exit, &findings));
        assert_eq!(class, expected, "{name}");
    }
}

#[test]
fn what_was_seen_otherwise_counts_too() {
    let none = Findings::default();
    let code = findings("@KeyError: 'a'");
    let login = findings("@SessionRevokedError: x");
    let one = Exit::Code(1);
    let plain = |findings| ending(&one, findings);
    let not_started = Exit::NotStarted("a step before its start failed".into());
    let rows: [(&str, Ending, Option<Class>); 16] = [
        ("R33", Ending { exit: &not_started, ..plain(&none) }, Some(Start)),
        ("R33, whatever is in the log", Ending { exit: &not_started, ..plain(&code) }, Some(Start)),
        ("R19", Ending { copy_in_the_way: true, ..plain(&none) }, Some(Copy)),
        ("R19, with an error of its own", Ending { copy_in_the_way: true, ..plain(&code) }, Some(Copy)),
        ("R19, but the login is gone", Ending { copy_in_the_way: true, ..plain(&login) }, Some(Login)),
        ("incident 36", Ending { offline: true, ..plain(&none) }, Some(Network)),
        ("incident 36, any error", Ending { offline: true, ..plain(&code) }, Some(Network)),
        ("offline and killed", Ending { offline: true, exit: &Exit::Signal(9), ..plain(&none) }, Some(Killed)),
        ("its log may not be read", Ending { unheard: true, ..plain(&none) }, None),
        ("its log may not be read any more", Ending { unheard: true, ..plain(&code) }, Some(Code)),
        (
            "unheard: a signal that is its own",
            Ending { unheard: true, exit: &Exit::Signal(11), ..plain(&none) },
            Some(Code),
        ),
        ("unheard: its own code 2", Ending { unheard: true, exit: &Exit::Code(2), ..plain(&none) }, Some(Start)),
        ("systemd: out of memory", Ending { exit: &Exit::Other("oom-kill".into()), ..plain(&none) }, Some(Killed)),
        ("systemd: its watchdog", Ending { exit: &Exit::Other("watchdog".into()), ..plain(&none) }, Some(Killed)),
        ("systemd: resources", Ending { exit: &Exit::Other("resources".into()), ..plain(&none) }, Some(Start)),
        (
            "launchd beside an exit",
            Ending { exit: &Exit::Other("OS_REASON_EXEC".into()), ..plain(&none) },
            Some(Killed),
        ),
    ];
    for (name, ending, expected) in rows {
        assert_eq!(class(&ending), expected, "{name}");
    }
}

#[test]
fn the_names_are_those_of_the_history() {
    let names = [
        (Code, "code"),
        (Network, "network"),
        (Login, "login"),
        (Flood, "flood"),
        (Disk, "disk"),
        (Lock, "lock"),
        (Environment, "environment"),
        (Start, "start"),
        (Killed, "killed"),
        (Copy, "copy"),
        (Class::Unseen, "unseen"),
    ];
    for (class, name) in names {
        assert_eq!(serde_json::to_value(class).unwrap(), name);
    }
}
