use super::*;

/// What a reader finds in the whole text.
fn read(text: &str) -> Findings {
    Reader::default().feed(text)
}

/// The fields that are set, so that a row compares everything that was found.
fn words(found: &Findings) -> String {
    let mut out = Vec::new();
    let mut note = |set: bool, word: &str| {
        if set {
            out.push(word.to_owned());
        }
    };
    note(found.heartbeat, "heartbeat");
    note(found.connected == Some(true), "connected");
    note(found.connected == Some(false), "cut");
    note(found.locked, "locked");
    note(found.lock_mentioned && !found.locked, "lock-mentioned");
    note(found.no_space, "no-space");
    note(found.told_to_stop, "told-to-stop");
    note(found.login, "login");
    note(found.flood.is_some(), &format!("flood-{:?}", found.flood.and_then(|flood| flood.seconds)));
    note(found.network, "network");
    note(found.prompted, "prompted");
    note(found.interpreter_failed, "interpreter");
    note(found.ended_by.is_some(), "ended");
    out.join(" ")
}

const TRACE: &str = "Traceback (most recent call last):\n  File \"bridge/telegram_bridge.py\", line 2841, in <module>\n    asyncio.run(main())\n";

#[test]
fn only_the_bridges_own_lines_speak_and_only_by_their_beginning() {
    let rows: &[(&str, &str, &str)] = &[
        ("R05a", "[tool-server] Received SIGTERM, shutting down gracefully...\n", ""),
        ("R05a, bare", "Received SIGTERM, shutting down gracefully...\n", ""),
        (
            "B: a tag of another behind a prefix",
            "INFO [tool-server] Received SIGTERM, shutting down gracefully...\n",
            "",
        ),
        ("B: a child's logger", "INFO tool-server: Received SIGTERM, shutting down gracefully...\n", ""),
        ("B: a person's name", "INFO Bob: Received SIGTERM, shutting down gracefully...\n", ""),
        ("B: a quotation", "INFO bridge: user said \"database is locked\"\n", ""),
        ("B: a quotation first", "INFO bridge: \"database is locked\" said the user\n", ""),
        (
            "B: a chat's second line",
            "INFO bridge: new message: hello\ndatabase is locked\nA wait of 1800 seconds is required\n",
            "",
        ),
        ("B: a chat in JSON", "{\"event\": \"message\", \"text\": \"database is locked\"}\n", ""),
        (
            "B: an indented continuation",
            "INFO bridge: text\n  INFO Received SIGTERM, shutting down gracefully...\n",
            "",
        ),
        ("B: a quoted reply", "INFO > A wait of 1800 seconds is required\n", ""),
        (
            "B: bare accusations",
            "database is locked\nAutomatic reconnection failed 5 time(s)\nFloodWaitError\nNo space left on device\nServer does not know about the current auth key\n",
            "",
        ),
        ("demo, connected", "INFO Connected to Telegram\n", "connected"),
        ("demo, heartbeat", "INFO [heartbeat] Bridge alive (uptime=3s)\n", "heartbeat"),
        ("bare signs of life", "Connected to Telegram\n[heartbeat] Bridge alive\n", "heartbeat connected"),
        ("a bare tag", "[heartbeat]\n", "heartbeat"),
        ("a bare sentence that goes on", "Connected to Telegram, says Bob\n", ""),
        ("R40, by a logger", "2026-11-22 05:04:00,123 [ERROR] bridge: database is locked\n", "locked"),
        ("R40, by an error", "ERROR sqlite3.OperationalError: database is locked\n", "locked"),
        ("R40, further back", "ERROR bridge: could not save: database is locked\n", "lock-mentioned"),
        ("R40, its repr", "ERROR bridge: could not save: OperationalError('database is locked')\n", "lock-mentioned"),
        ("R40, and more", "WARNING bridge: could not save: database is locked, retrying in 5 s\n", "lock-mentioned"),
        ("R40, a table", "WARNING bridge: could not save: database table is locked: chats\n", "lock-mentioned"),
        ("R40, JSON", "{\"level\":\"error\",\"event\":\"x\",\"error\":\"database is locked\"}\n", "lock-mentioned"),
        (
            "R40, JSON in an object",
            "{\"level\":50,\"msg\":\"x\",\"err\":{\"message\":\"database is locked\"}}\n",
            "lock-mentioned",
        ),
        ("R40, JSON below", "{\"level\":\"info\",\"event\":\"x\",\"error\":\"database is locked\"}\n", ""),
        ("R40, JSON, a text", "{\"level\":\"error\",\"event\":\"x\",\"text\":\"database is locked\"}\n", ""),
        ("R40, structlog", "2026-11-26 10:00:00 [error    ] x   error='database is locked'\n", "lock-mentioned"),
        ("R40, logfmt", "level=error msg=x err=\"database is locked\"\n", "lock-mentioned"),
        ("R40, logfmt below", "level=info msg=x err=\"database is locked\"\n", ""),
        ("R40, in a chat", "INFO bridge: message from Bob: \"database is locked\"\n", ""),
        ("R40, another lock", "WARNING bridge: the database of chats is locked\n", ""),
        ("R40, in good spirits", "INFO bridge: could not save: database is locked\n", ""),
        (
            "told to stop, by a module",
            "INFO bridge.main: Received SIGTERM, shutting down gracefully...\n",
            "told-to-stop",
        ),
        ("told to stop", "INFO Received SIGTERM, shutting down gracefully...\n", "told-to-stop"),
        (
            "told to stop, then a heartbeat",
            "INFO Received SIGTERM, shutting down gracefully...\nINFO [heartbeat] Bridge alive\n",
            "heartbeat",
        ),
        (
            "told to stop, then more",
            "INFO Received SIGTERM, shutting down gracefully...\nINFO Disconnecting\n",
            "told-to-stop",
        ),
        ("cut", "INFO telethon.network: Automatic reconnection failed 5 time(s)\n", "cut network"),
        (
            "cut, then connected",
            "INFO Automatic reconnection failed 5 time(s)\nINFO Connected to Telegram\n",
            "connected",
        ),
        (
            "auth key",
            "WARNING:telethon.network.mtprotosender:Server does not know about the current auth key; the session may need to be recreated\n",
            "login",
        ),
        ("an error about a login", "ERROR AuthKeyDuplicatedError: The key\n", "login"),
        ("an error of the network", "ERROR ConnectionResetError: [Errno 104] Connection reset by peer\n", "network"),
        ("hibernation", "WARNING [hibernation] Bridge hibernating: auth required.\n", "login"),
        ("no space", "ERROR [Errno 28] No space left on device: 'x'\n", "no-space"),
        (
            "R20",
            "2026-11-26 10:00:00,000 [WARNING] telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required (caused by GetDialogsRequest)\n2026-11-26 10:00:00,001 [WARNING] flood wait: sleeping 1800 s\n",
            "flood-Some(1800)",
        ),
        (
            "C: Telethon sleeps by itself",
            "INFO telethon.client.users: Sleeping for 1800s (0:30:00) on GetDialogsRequest flood wait\n",
            "flood-Some(1800)",
        ),
        (
            "C: a flood that is over",
            "WARNING A wait of 1800 seconds is required\nINFO [heartbeat] Bridge alive\n",
            "heartbeat",
        ),
        (
            "JSON",
            "{\"level\":\"error\",\"message\":\"database is locked\"}\n{\"level\":\"info\",\"message\":\"[heartbeat] Bridge alive\"}\n",
            "heartbeat locked",
        ),
        (
            "JSON, an error",
            "{\"level\":\"error\",\"message\":\"failed\",\"exc_info\":\"Traceback…\\nsqlite3.OperationalError: database is locked\"}\n",
            "locked",
        ),
        (
            "JSON, a wait",
            "{\"level\":\"error\",\"message\":\"failed\",\"exc_info\":\"FloodWaitError: A wait of 60 seconds is required\"}\n",
            "flood-Some(60)",
        ),
    ];
    for (name, text, expected) in rows {
        let found = read(text);
        assert_eq!(words(&found), *expected, "{name}");
    }
}

#[test]
fn a_traceback_ends_with_the_bridges_own_error() {
    let locked = format!("{TRACE}sqlite3.OperationalError: database is locked\n");
    let rows: &[(&str, String, &str, Option<(&str, &[&str])>)] = &[
        ("R13", format!("{TRACE}sqlite3.OperationalError: attempt to write a readonly database\n"), "ended", Some(("sqlite3.OperationalError: attempt to write a readonly database", &[]))),
        ("a lock", locked.clone(), "locked ended", Some(("sqlite3.OperationalError: database is locked", &[]))),
        ("without a header", "sqlite3.OperationalError: database is locked\n".into(), "", None),
        ("the demo's, without frames", "Traceback (most recent call last):\nModuleNotFoundError: No module named 'telethon'\n".into(), "ended", Some(("ModuleNotFoundError: No module named 'telethon'", &[]))),
        ("a syntax error of the script", "  File \"x.py\", line 3\n    foo(\n       ^\nSyntaxError: '(' was never closed\n".into(), "ended", Some(("SyntaxError: '(' was never closed", &[]))),
        ("a class of any name", format!("{TRACE}bridge.Oops\n"), "ended", Some(("bridge.Oops", &[]))),
        ("during handling", format!("{locked}\nDuring handling of the above exception, another exception occurred:\n\n{TRACE}RuntimeError: no start\n"), "locked ended", Some(("RuntimeError: no start", &["sqlite3.OperationalError: database is locked"]))),
        ("the direct cause", format!("{TRACE}KeyError: 'a'\n\nThe above exception was the direct cause of the following exception:\n\n{TRACE}RuntimeError: x\n"), "ended", Some(("RuntimeError: x", &["KeyError: 'a'"]))),
        ("two that have nothing to do with each other", format!("{TRACE}KeyError: 'a'\nINFO on\n{TRACE}RuntimeError: x\n"), "ended", Some(("RuntimeError: x", &[]))),
        ("a heartbeat after it", format!("{locked}INFO [heartbeat] Bridge alive\n"), "heartbeat locked", None),
        ("words before it", format!("starting\n{locked}"), "locked ended", Some(("sqlite3.OperationalError: database is locked", &[]))),
        ("torn apart by an empty line", format!("{TRACE}\nsqlite3.OperationalError: database is locked\n"), "", None),
        ("a thread's", format!("Exception in thread Thread-3 (poll):\n{locked}"), "locked", None),
        ("a task's", format!("ERROR asyncio: Task exception was never retrieved\nfuture: <Task finished name='x'>\n{locked}"), "locked", None),
        ("logging's own", format!("--- Logging error ---\n{TRACE}OSError: [Errno 28] No space left on device\nCall stack:\n  File \"x\"\nMessage: 'database is locked'\n"), "no-space", None),
        ("torn apart by another line", format!("{TRACE}INFO other thread\nsqlite3.OperationalError: database is locked\n"), "", None),
        ("colours", "\x1b[35mTraceback (most recent call last):\x1b[0m\n  File \x1b[35m\"x\"\x1b[0m\n\x1b[1;35mKeyError\x1b[0m: \x1b[35m'a'\x1b[0m\n".into(), "ended", Some(("KeyError: 'a'", &[]))),
        ("a prompt on its line", "Please enter your phone (or bot token): Traceback (most recent call last):\n  File \"x\"\nEOFError: EOF when reading a line\n".into(), "prompted ended", Some(("EOFError: EOF when reading a line", &[]))),
        ("a prompt in its frames", "Traceback (most recent call last):\n  File \"/x/telethon/client/auth.py\", line 20, in start\nEOFError: EOF when reading a line\n".into(), "prompted ended", Some(("EOFError: EOF when reading a line", &[]))),
        ("the interpreter's own end", "Fatal Python error: init_fs_encoding: failed to get the Python codec of the filesystem encoding\nPython runtime state: core initialized\nModuleNotFoundError: No module named 'encodings'\n\nCurrent thread 0x0 (most recent call first):\n  <no Python frame>\n".into(), "interpreter", None),
    ];
    for (name, text, expected, ended) in rows {
        let mut reader = Reader::default();
        let found = reader.feed(text).then(reader.ended());
        assert_eq!(words(&found), *expected, "{name}");
        let seen = found.ended_by.map(|ended| (ended.error, ended.causes));
        let wanted =
            ended.map(|(error, causes)| (error.to_owned(), causes.iter().map(|&cause| cause.to_owned()).collect()));
        assert_eq!(seen, wanted, "{name}");
    }
}

#[test]
fn a_group_of_errors_is_read_member_by_member() {
    let group = "  + Exception Group Traceback (most recent call last):\n  |   File \"t.py\", line 8, in <module>\n  |     asyncio.run(main())\n  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File \"t.py\", line 4, in f\n    |     raise Oops\n    | sqlite3.OperationalError: database is locked\n    +------------------------------------\n";
    let ended = Ended {
        error: "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)".into(),
        causes: vec!["sqlite3.OperationalError: database is locked".into()],
    };
    let mut reader = Reader::default();
    assert_eq!(words(&reader.feed(group)), "", "it may go on");
    let found = reader.ended();
    assert_eq!((words(&found).as_str(), found.ended_by.as_ref()), ("locked ended", Some(&ended)));
    let found = read(&format!("{group}INFO going down\n"));
    assert_eq!((found.own_lines, found.ended_by), (1, Some(ended)));
    let header = "  + Exception Group Traceback (most recent call last):\n";
    let rows = [
        ("a task's", format!("Task exception was never retrieved\n{group}"), ""),
        ("a member asks", format!("{header}  |     phone = input('phone: ')\n  | EOFError: EOF\n"), "prompted ended"),
        ("a wait", format!("{header}  | FloodWaitError: A wait of 60 seconds is required\n"), "ended"),
        ("torn before its first error", header.into(), ""),
    ];
    for (name, text, expected) in rows {
        let mut reader = Reader::default();
        assert_eq!(words(&reader.feed(&text).then(reader.ended())), expected, "{name}");
    }
}

#[test]
fn the_bridges_voice_is_known_by_its_heartbeat() {
    let stamped = "2026-11-22 05:04:00,123 [INFO] bridge.main: [heartbeat] Bridge alive\n";
    let plain = "INFO [heartbeat] Bridge alive\n";
    let rows: &[(&str, &str, &str, &str)] = &[
        (
            "its own goodbye",
            stamped,
            "2026-11-22 05:05:00,123 [INFO] bridge.stop: Received SIGTERM, shutting down gracefully...\n",
            "told-to-stop",
        ),
        (
            "another logger's",
            stamped,
            "2026-11-22 05:05:00,123 [INFO] tools.server: Received SIGTERM, shutting down gracefully...\n",
            "",
        ),
        (
            "no logger where it has one",
            stamped,
            "2026-11-22 05:05:00,123 [INFO] Received SIGTERM, shutting down gracefully...\n",
            "",
        ),
        ("a logger where it has none", plain, "INFO tools: Received SIGTERM, shutting down gracefully...\n", ""),
        ("less before it", stamped, "INFO bridge.stop: Received SIGTERM, shutting down gracefully...\n", ""),
        (
            "a child's JSON",
            stamped,
            "{\"level\":\"info\",\"name\":\"bridge\",\"msg\":\"Received SIGTERM, shutting down gracefully...\"}\n",
            "",
        ),
        (
            "JSON under JSON",
            "{\"level\":\"info\",\"message\":\"[heartbeat] Bridge alive\"}\n",
            "{\"level\":\"info\",\"message\":\"Received SIGTERM, shutting down gracefully...\"}\n",
            "told-to-stop",
        ),
        (
            "the main module",
            "2026-11-22 05:04:00 [INFO] __main__: Connected to Telegram\n",
            "2026-11-22 05:05:00 [INFO] bridge: Received SIGTERM, shutting down gracefully...\n",
            "told-to-stop",
        ),
        (
            "a paste of an older log",
            stamped,
            "2026-11-22 04:05:00,123 [INFO] bridge.stop: Received SIGTERM, shutting down gracefully...\n",
            "",
        ),
        (
            "a paste about a login",
            stamped,
            "2026-11-21 05:05:00,123 [INFO] bridge.stop: [hibernation] Bridge hibernating: auth required.\n",
            "",
        ),
        (
            "a thread that was overtaken",
            stamped,
            "2026-11-22 05:03:59,999 [INFO] bridge.stop: Received SIGTERM, shutting down gracefully...\n",
            "told-to-stop",
        ),
        (
            "one minute is one",
            "2026-11-22 05:04:59 INFO Connected to Telegram\n",
            "2026-11-22 05:03:00 INFO Received SIGTERM, shutting down gracefully...\n",
            "told-to-stop",
        ),
        (
            "two are too many",
            "2026-11-22 05:05:00 INFO Connected to Telegram\n",
            "2026-11-22 05:03:59 INFO Received SIGTERM, shutting down gracefully...\n",
            "",
        ),
        (
            "times in two forms can't be compared",
            stamped,
            "[11/22/26 05:05:00] INFO bridge.stop: Received SIGTERM, shutting down gracefully...\n",
            "told-to-stop",
        ),
        (
            "R20 beside unstamped heartbeats",
            plain,
            "2026-11-26 10:00:00,000 [WARNING] telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required\n",
            "flood-Some(1800)",
        ),
        ("a login with less before it", stamped, "WARNING [hibernation] Bridge hibernating: auth required.\n", ""),
        (
            "a login in its own voice",
            stamped,
            "2026-11-22 05:05:00 [WARNING] telethon.x: Server does not know about the current auth key\n",
            "login",
        ),
        ("an error about a login with less", stamped, "ERROR AuthKeyDuplicatedError: x\n", ""),
        ("cut, with less before it", stamped, "INFO Automatic reconnection failed\n", ""),
        (
            "the logger between brackets",
            "2026-11-22 05:04:00 INFO [bridge] [heartbeat] Bridge alive\n",
            "2026-11-22 05:05:00 ERROR [bridge] database is locked\n",
            "locked",
        ),
    ];
    for (name, heartbeat, text, expected) in rows {
        let mut reader = Reader::default();
        assert_ne!(words(&reader.feed(heartbeat)), "", "{name}");
        assert_eq!(words(&reader.feed(text)), *expected, "{name}");
    }
}

/// A wrapper says whose line it is, and a module's name is no package's.
#[test]
fn what_stands_around_a_line_says_whose_it_is() {
    let goodbye = "Received SIGTERM, shutting down gracefully...";
    let login = "WARNING [hibernation] Bridge hibernating: auth required.";
    let wait = "A wait of 1800 seconds is required (caused by GetHistoryRequest)";
    let rows = [
        (
            "compose, its own",
            "bridge_1  | INFO [heartbeat] Bridge alive",
            format!("bridge_1  | INFO {goodbye}"),
            "told-to-stop",
        ),
        ("compose, another's", "bridge_1  | INFO [heartbeat] Bridge alive", format!("worker_1  | INFO {goodbye}"), ""),
        ("compose, another's login", "bridge_1  | INFO [heartbeat] Bridge alive", format!("worker_1  | {login}"), ""),
        (
            "syslog, its own",
            "Nov 26 10:00:00 mac bridge[12]: INFO [heartbeat] Bridge alive",
            format!("Nov 26 10:00:05 mac bridge[12]: INFO {goodbye}"),
            "told-to-stop",
        ),
        (
            "syslog, a child's",
            "Nov 26 10:00:00 mac bridge[12]: INFO [heartbeat] Bridge alive",
            format!("Nov 26 10:00:05 mac node[13]: INFO {goodbye}"),
            "",
        ),
        (
            "syslog, a child's wait",
            "Nov 26 10:00:00 mac bridge[12]: INFO [heartbeat] Bridge alive",
            format!("Nov 26 10:00:05 mac node[13]: WARNING {wait}"),
            "",
        ),
        (
            "syslog, no level",
            "Nov 26 10:00:00 mac bridge[12]: [heartbeat] Bridge alive",
            "Nov 26 10:00:05 mac bridge[12]: database is locked".into(),
            "locked",
        ),
        (
            "a module's goodbye",
            "INFO 2026-11-26 10:00:00,000 main [heartbeat] Bridge alive",
            format!("INFO 2026-11-26 10:00:01,000 main {goodbye}"),
            "told-to-stop",
        ),
        (
            "another module's goodbye",
            "INFO 2026-11-26 10:00:00,000 main [heartbeat] Bridge alive",
            format!("INFO 2026-11-26 10:00:01,000 tools {goodbye}"),
            "",
        ),
        (
            "another module's wait",
            "INFO 2026-11-26 10:00:00,000 main [heartbeat] Bridge alive",
            format!("WARNING 2026-11-26 10:00:01,000 users {wait}"),
            "flood-Some(1800)",
        ),
        (
            "tornado",
            "[I 261126 10:00:00 main:12] [heartbeat] Bridge alive",
            format!("[W 261126 10:00:01 users:12] {wait}"),
            "flood-Some(1800)",
        ),
        (
            "dots at the end of a month",
            "30.11.2026 23:59:59 INFO [heartbeat] Bridge alive",
            format!("01.12.2026 00:00:01 {login}"),
            "login",
        ),
    ];
    for (name, heartbeat, text, expected) in rows {
        let mut reader = Reader::default();
        assert_eq!(words(&reader.feed(&format!("{heartbeat}\n"))), "heartbeat", "{name}");
        assert_eq!(words(&reader.feed(&format!("{text}\n"))), expected, "{name}");
    }
}

/// R14's bridge: its heartbeats are printed, and a tool server that shares the file has a logger.
#[test]
fn r05a_beside_bare_heartbeats_no_logger_says_the_bridges_goodbye() {
    let bare = "[heartbeat] Bridge alive (uptime=0m)\n";
    let goodbyes = [
        "INFO:tool_server:Received SIGTERM, shutting down gracefully...\n",
        "2026-11-26 10:00:00,000 - worker.tools - INFO - Received SIGTERM, shutting down gracefully...\n",
        "INFO Received SIGTERM, shutting down gracefully...\n",
    ];
    for goodbye in goodbyes {
        let mut reader = Reader::default();
        assert_eq!(words(&reader.feed("Connected to Telegram\n")), "connected");
        assert_eq!(words(&reader.clone().feed(goodbye)), "told-to-stop", "no heartbeat yet: {goodbye}");
        reader.feed(bare);
        assert_eq!(words(&reader.feed(goodbye)), "", "{goodbye}");
        reader.skipped();
        assert_eq!(words(&reader.feed(goodbye)), "", "after a gap: {goodbye}");
        // The heartbeats are in the log, the goodbye in the error log.
        let mut other = Reader::default();
        other.lend(reader.voice().clone());
        assert_eq!(words(&other.feed(goodbye)), "", "lent: {goodbye}");
        other.lend(Voice::default());
        assert_eq!(words(&other.feed(goodbye)), "told-to-stop", "not lent: {goodbye}");
    }
    let mut reader = Reader::default();
    reader.feed(&format!("{bare}INFO tools: Connected to Telegram\n"));
    assert_eq!(words(&reader.feed("INFO tools: Received SIGTERM, shutting down gracefully...\n")), "", "a child's");
    assert_eq!(words(&reader.feed("INFO tools: Automatic reconnection failed 5 time(s)\n")), "cut network");
    reader.feed("INFO bridge: [heartbeat] Bridge alive\n");
    assert_eq!(words(&reader.feed("INFO bridge: Received SIGTERM, shutting down gracefully...\n")), "told-to-stop");
}

#[test]
fn a_text_means_the_same_in_whatever_pieces_it_comes() {
    let text = format!(
        "INFO Connected to Telegram\nERROR x\n{TRACE}sqlite3.OperationalError: database is locked\nPlease enter your phone: "
    );
    let whole = read(&text);
    assert_eq!(words(&whole), "connected locked prompted ended");
    for (at, _) in text.char_indices() {
        let mut reader = Reader::default();
        let found = reader.feed(&text[..at]).then(reader.feed(&text[at..]));
        assert_eq!(found, whole, "{at}");
    }
}

#[test]
fn what_was_left_out_is_not_pieced_together() {
    let mut reader = Reader::default();
    reader.feed("ERROR database is");
    reader.skipped();
    assert_eq!(words(&reader.feed(" locked\n")), "");
    reader.feed(TRACE);
    reader.ended();
    assert_eq!(words(&reader.feed("sqlite3.OperationalError: database is locked\n")), "");
    // The voice stays.
    reader.feed("INFO bridge.main: [heartbeat] Bridge alive\n");
    reader.skipped();
    assert_eq!(words(&reader.feed("INFO tools: Received SIGTERM, shutting down gracefully...\n")), "");
    // A process that is gone ends its last line.
    reader.feed("ERROR database is locked");
    assert_eq!(words(&reader.ended()), "locked");
    assert_eq!(words(&reader.ended()), "");
}

#[test]
fn a_line_without_an_end_does_not_grow_for_ever() {
    let mut reader = Reader::default();
    for _ in 0..100 {
        reader.feed(&"ü".repeat(1000));
    }
    assert!(reader.torn.len() <= TORN);
    let found = read(&format!("ERROR KeyError: {}\n", "ü".repeat(1000)));
    assert!(found.last_error.is_some_and(|line| line.len() <= ERROR));
    let mut reader = Reader::default();
    for n in 0..50 {
        reader.feed(&format!(
            "{TRACE}KeyError: {n}\n\nDuring handling of the above exception, another exception occurred:\n\n"
        ));
    }
    assert!(reader.causes.len() <= CAUSES);
    let members = "  | KeyError: 'a'\n".repeat(50);
    let found = read(&format!("  + Exception Group Traceback (most recent call last):\n{members}INFO on\n"));
    assert_eq!(found.ended_by.map(|ended| 1 + ended.causes.len()), Some(CAUSES));
}

#[test]
fn last_words_are_those_after_which_no_logger_spoke() {
    let rows = [
        ("R19", "INFO start\nalready running\n", Some("already running"), None),
        ("with more of it, indented", "already running\n  see bridge.pid\n\n", Some("already running"), None),
        (
            "after a traceback",
            "Traceback (most recent call last):\nKeyError: 1\nalready running\n",
            Some("already running"),
            None,
        ),
        ("spoken over", "already running\nINFO on\n", None, None),
        ("an error line", "ERROR bridge: gone\n", None, Some("gone")),
        ("the last one", "ERROR a\nCRITICAL b\nINFO c\n", None, Some("b")),
        ("voided by life", "ERROR a\nINFO [heartbeat] Bridge alive\n", None, None),
        (
            "a JSON error",
            "{\"level\":\"error\",\"msg\":\"x\",\"exc_info\":\"KeyError: 1\"}\n",
            None,
            Some("KeyError: 1"),
        ),
    ];
    for (name, text, last_words, last_error) in rows {
        let found = read(text);
        assert_eq!((found.last_words.as_deref(), found.last_error.as_deref()), (last_words, last_error), "{name}");
    }
}

/// A child that writes into the error log, where the bridge itself has no heartbeats.
#[test]
fn b_the_voice_of_the_log_is_lent_to_the_error_log() {
    let mut log = Reader::default();
    log.feed("2026-11-26 10:00:00,000 - bridge.main - INFO - [heartbeat] Bridge alive\n");
    let line = |stamp: &str, logger: &str, message: &str| format!("{stamp} - {logger} - WARNING - {message}\n");
    let now = "2026-11-26 10:05:00,000";
    let rows = [
        ("its own wait", line(now, "bridge.chats", "A wait of 60 seconds is required"), "flood-Some(60)"),
        ("its library's", line(now, "telethon.client.users", "A wait of 60 seconds is required"), "flood-Some(60)"),
        ("without a name", "WARNING: A wait of 60 seconds is required\n".into(), "flood-Some(60)"),
        ("a child's wait", line(now, "worker.tools", "A wait of 60 seconds is required"), ""),
        ("an old one, pasted", line("2026-11-20 10:05:00,000", "bridge.main", "A wait of 60 seconds is required"), ""),
        ("its own cut", line(now, "bridge.main", "Automatic reconnection failed 5 time(s)"), "cut network"),
        ("a child's cut", line(now, "worker.tools", "Automatic reconnection failed 5 time(s)"), ""),
        ("its own goodbye", line(now, "bridge.stop", "Received SIGTERM, shutting down gracefully..."), "told-to-stop"),
        ("a child's wait, printed", "A wait of 60 seconds is required (caused by GetDialogsRequest)\n".into(), ""),
        ("a child's goodbye", line(now, "worker.tools", "Received SIGTERM, shutting down gracefully..."), ""),
        (
            "another format's login",
            "WARNING:telethon.network:Server does not know about the current auth key\n".into(),
            "login",
        ),
    ];
    for (name, text, expected) in rows {
        let mut reader = Reader::default();
        reader.lend(log.voice().clone());
        assert_eq!(words(&reader.feed(&text)), expected, "{name}");
        reader.skipped();
        assert_eq!(words(&reader.feed(&text)), expected, "{name}, after a gap");
    }
}

#[test]
fn r20_a_wait_is_known_in_the_words_that_bridges_log() {
    let wait = "A wait of 1800 seconds is required (caused by GetHistoryRequest)";
    let error = "telethon.errors.rpcerrorlist.FloodWaitError";
    let beat = "2026-11-26 10:00:00,000 - bridge.main - INFO - [heartbeat] Bridge alive\n";
    let stamped = "2026-11-26 10:00:01,000 - bridge.chats - ";
    let trace = "Traceback (most recent call last):\n  File \"x\", line 1, in f\n";
    let chained = format!(
        "{trace}{error}: {wait}\n\nDuring handling of the above exception, another exception occurred:\n\n{trace}RuntimeError: no start\n"
    );
    let json = |level: &str, field: &str| format!("{{\"level\":\"{level}\",\"event\":\"failed\",{field}}}\n");
    let flood = "flood-Some(1800)";
    let rows: &[(&str, String, &str)] = &[
        ("at the end", format!("{stamped}ERROR - Failed to fetch dialogs: {wait}\n"), flood),
        ("basicConfig", format!("WARNING:bridge:Flood wait: {wait}\n"), flood),
        ("its repr", format!("{stamped}WARNING - Flood wait: FloodWaitError('{wait}')\n"), flood),
        ("a class as logger", format!("2026-11-26 10:00:00,000 - TelegramBridge - WARNING - {wait}\n"), flood),
        ("Django", format!("WARNING 2026-11-26 10:00:00,000 client 12 34 {wait}\n"), flood),
        ("Pyrogram's sleep", "2026-11-26 10:00:00,000 - pyrogram.session.session - WARNING - [bridge] Waiting for 1800 seconds before continuing (required by \"messages.GetHistory\")\n".into(), flood),
        ("Pyrogram's code", format!("{stamped}ERROR - [420 FLOOD_WAIT_X] - {wait}\n"), flood),
        ("JSON", json("warning", &format!("\"error\":\"{wait}\"")), flood),
        ("JSON, its class", json("error", &format!("\"error\":\"{error}: {wait}\"")), flood),
        ("JSON, exc_info", json("error", &format!("\"exc_info\":\"{wait}\"")), flood),
        ("JSON, a level below", json("info", &format!("\"error\":\"{wait}\"")), ""),
        ("JSON, a text", json("error", &format!("\"text\":\"{wait}\"")), ""),
        ("structlog", format!("2026-11-26 10:00:00 [error    ] flood wait           error='{wait}' chat=1\n"), flood),
        ("structlog, a text", format!("2026-11-26 10:00:00 [error    ] no such command      text='{wait}' chat=1\n"), ""),
        ("logfmt", format!("level=error msg=failed err=\"{wait}\"\n"), flood),
        ("logger.exception", format!("{stamped}ERROR - could not start\n{trace}{error}: {wait}\n"), "flood-Some(1800) ended"),
        ("logger.exception, on its line", format!("{stamped}ERROR - failed: {trace}{error}: {wait}\n"), "flood-Some(1800) ended"),
        ("logger.exception, another from it", format!("{stamped}ERROR - could not start\n{chained}"), "flood-Some(1800) ended"),
        ("a line between", format!("{stamped}ERROR - could not start\nprinted\n{trace}{error}: {wait}\n"), "ended"),
        ("a level below", format!("{stamped}INFO - see this\n{trace}{error}: {wait}\n"), "ended"),
        ("a message that quotes one", format!("{stamped}ERROR - Ann wrote: see this\n{trace}{error}: {wait}\n"), "ended"),
        ("a task's", format!("{stamped}ERROR - Task exception was never retrieved\n{trace}{error}: {wait}\n"), ""),
        ("a child's", format!("{beat}2026-11-26 10:00:01,000 - worker - ERROR - failed\n{trace}{error}: {wait}\n"), "heartbeat ended"),
        ("a child's line", format!("{beat}2026-11-26 10:00:01,000 - worker - ERROR - failed: {wait}\n"), "heartbeat"),
        ("a name where the heartbeats have none", format!("INFO [heartbeat] Bridge alive\n{stamped}ERROR - failed: {wait}\n"), "heartbeat flood-Some(1800)"),
        ("the same, a level below", format!("INFO [heartbeat] Bridge alive\n{stamped}INFO - {wait}\n"), "heartbeat"),
        ("a name with a capital that is not the known one", format!("{beat}2026-11-26 10:00:01,000 - Bob - WARNING - {wait}\n"), "heartbeat"),
        ("a level below at the end", format!("{stamped}INFO - handled: {wait}\n"), ""),
        ("in a chat", format!("{stamped}INFO - message from Bob: \"{wait}\"\n"), ""),
        ("in a chat, at WARNING", format!("{stamped}WARNING - message from Bob: \"{wait}\"\n"), ""),
        ("nobody's", format!("failed: {wait}\n"), ""),
        ("a group", format!("{stamped}ERROR - failed\n  + Exception Group Traceback (most recent call last):\n  | ExceptionGroup: x (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | {error}: {wait}\n    +------------------------------------\nprinted\n"), "flood-Some(1800) ended"),
        ("its own words", format!("{stamped}WARNING - FloodWaitError, sleeping 1800 seconds\n"), flood),
        ("RPCError", format!("{stamped}ERROR - RPCError 420: FLOOD_WAIT_1800\n"), flood),
        ("a field with its seconds", "{\"level\":\"warning\",\"event\":\"flood wait\",\"seconds\":1800}\n".into(), flood),
        ("logfmt's field", "level=warning msg=\"flood wait\" seconds=1800\n".into(), flood),
        ("another event's seconds", "{\"level\":\"warning\",\"event\":\"slow\",\"seconds\":1800}\n".into(), ""),
        ("a traceback in a chat", "{\"level\":\"info\",\"message\":\"new message: see\\nTraceback (most recent call last):\\nSessionRevokedError: x\"}\n".into(), ""),
        ("printed", format!("{wait}\n"), flood),
        ("printed beside a logger", format!("{beat}{wait}\n"), "heartbeat"),
        ("printed, with more", format!("{wait} said Ann\n"), ""),
        ("alive after it", format!("{stamped}ERROR - failed: {wait}\n{beat}"), "heartbeat"),
    ];
    for (name, text, expected) in rows {
        let found = read(text);
        assert_eq!(words(&found), *expected, "{name}");
    }
}

/// A traceback may be forwarded in a chat; only that the run ended with it makes it a wait.
#[test]
fn b_a_wait_in_a_traceback_is_no_wait_of_a_run_that_goes_on() {
    let text = format!("{TRACE}telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required\n");
    let found = read(&text);
    assert_eq!(words(&found), "ended");
}

#[test]
fn a_sign_of_life_voids_what_would_explain_an_end() {
    let rows = [
        ("a login", "WARNING [hibernation] Bridge hibernating: auth required.\n", "login"),
        ("a prompt", "Please enter the code you received: \n", "prompted"),
        ("the interpreter", "dyld[4312]: Library not loaded: /opt/python/Python\n", "interpreter"),
    ];
    for (name, text, expected) in rows {
        assert_eq!(words(&read(text)), expected, "{name}");
        assert_eq!(words(&read(&format!("{text}INFO [heartbeat] Bridge alive\n"))), "heartbeat", "{name}, then alive");
    }
}
