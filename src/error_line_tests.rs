use super::*;

use Class::{Disk, Environment, Flood, Lock, Login, Network};

#[test]
fn an_error_is_known_by_its_name_and_the_beginning_of_its_text() {
    let rows: &[(&str, &str, Option<Class>)] = &[
        (
            "R10",
            "telethon.errors.rpcerrorlist.AuthKeyDuplicatedError: The authorization key (session file) was used under two different IP addresses simultaneously, and can no longer be used",
            Some(Login),
        ),
        (
            "R10, without its class",
            "The authorization key (session file) was used under two different IP addresses simultaneously, and can no longer be used",
            Some(Login),
        ),
        (
            "E: unregistered",
            "telethon.errors.rpcerrorlist.AuthKeyUnregisteredError: The key is not registered in the system (caused by GetStateRequest)",
            Some(Login),
        ),
        ("E: unregistered, bare", "The key is not registered in the system (caused by GetStateRequest)", Some(Login)),
        (
            "E: revoked",
            "SessionRevokedError: The authorization has been invalidated, because of the user terminating all sessions",
            Some(Login),
        ),
        ("E: expired", "telethon.errors.SessionExpiredError: The authorization has expired", Some(Login)),
        ("E: deactivated", "UserDeactivatedBanError: The user has been deleted/deactivated", Some(Login)),
        ("E: forgotten key", "telethon.errors.common.AuthKeyNotFound: The server claims it doesn't know", Some(Login)),
        (
            "E: Pyrogram",
            "pyrogram.errors.exceptions.unauthorized_401.SessionRevoked: Telegram says: [401 SESSION_REVOKED] - The authorization has been invalidated",
            Some(Login),
        ),
        ("E: Pyrogram, bare", "Telegram says: [401 AUTH_KEY_UNREGISTERED] - The key is not registered", Some(Login)),
        ("E: Pyrogram, another code", "Telegram says: [400 PEER_ID_INVALID] - The peer is unknown", None),
        ("E: a login's sentence under another name", "ValueError: The key is invalid", None),
        (
            "R20",
            "telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required (caused by GetDialogsRequest)",
            Some(Flood),
        ),
        ("C: a flood without its class", "A wait of 5 seconds is required (caused by X)", Some(Flood)),
        ("C: a flood's name alone", "FloodWaitError", Some(Flood)),
        ("R13", "sqlite3.OperationalError: attempt to write a readonly database", Some(Environment)),
        ("R13, bare", "attempt to write a readonly database", Some(Environment)),
        ("E: can't open", "sqlite3.OperationalError: unable to open database file", Some(Environment)),
        ("E: I/O", "sqlite3.OperationalError: disk I/O error", Some(Environment)),
        ("E: malformed", "sqlite3.DatabaseError: database disk image is malformed", Some(Environment)),
        ("E: no database", "sqlite3.DatabaseError: file is not a database", Some(Environment)),
        ("E: permission", "PermissionError: [Errno 13] Permission denied: 'data/x'", Some(Environment)),
        ("E: a volume", "OSError: [Errno 30] Read-only file system: 'data/x'", Some(Environment)),
        ("E: a quota", "OSError: [Errno 122] Disk quota exceeded", Some(Environment)),
        ("E: a quota on macOS", "OSError: [Errno 69] Disc quota exceeded: 'x'", Some(Environment)),
        ("E: descriptors", "OSError: [Errno 24] Too many open files: '/dev/null'", Some(Environment)),
        ("E: memory", "MemoryError", Some(Environment)),
        ("E: ENOMEM", "OSError: [Errno 12] Cannot allocate memory", Some(Environment)),
        ("E: threads", "RuntimeError: can't start new thread", Some(Environment)),
        ("E: a port", "OSError: [Errno 98] Address already in use", Some(Environment)),
        ("incident 33", "OSError: [Errno 28] No space left on device: 'logs/x'", Some(Disk)),
        ("a full database", "sqlite3.OperationalError: database or disk is full", Some(Disk)),
        ("a lock", "sqlite3.OperationalError: database is locked", Some(Lock)),
        ("a lock, bare", "database is locked", Some(Lock)),
        ("a lock, repr", "OperationalError('database is locked')", Some(Lock)),
        (
            "a lock, SQLAlchemy",
            "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database is locked",
            Some(Lock),
        ),
        ("a lock, wrapped", "(sqlite3.OperationalError) database is locked", Some(Lock)),
        ("R19: flock", "BlockingIOError: [Errno 11] Resource temporarily unavailable", Some(Lock)),
        ("incident 36", "ConnectionError: Connection to Telegram failed 5 time(s)", Some(Network)),
        ("no name", "socket.gaierror: [Errno -3] Temporary failure in name resolution", Some(Network)),
        ("no name on macOS", "socket.gaierror: [Errno 8] nodename nor servname provided, or not known", Some(Network)),
        ("no route", "OSError: [Errno 113] No route to host", Some(Network)),
        ("no route on macOS", "OSError: [Errno 51] Network is unreachable", Some(Network)),
        ("a timeout", "asyncio.exceptions.TimeoutError", Some(Network)),
        ("aiohttp", "aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host x:443", Some(Network)),
        ("telethon's sentence", "Automatic reconnection failed 5 time(s)", Some(Network)),
        // In another language.
        ("E: EROFS", "OSError: [Errno 30] Das Dateisystem ist nur lesbar: 'data/x'", Some(Environment)),
        ("E: ENOSPC", "OSError: [Errno 28] Aucun espace disponible sur le périphérique", Some(Disk)),
        ("E: EACCES", "PermissionError: [Errno 13] Keine Berechtigung: 'data/x'", Some(Environment)),
        ("E: ENOENT is the code's", "FileNotFoundError: [Errno 2] Datei oder Verzeichnis nicht gefunden", None),
        ("E: ENOTEMPTY is the code's", "OSError: [Errno 39] Das Verzeichnis ist nicht leer", None),
        ("E: a number that another's error quotes", "ValueError: [Errno 28] x", None),
        (
            "E: a volume that was pulled out",
            "OSError: [Errno 6] Device not configured: '/Volumes/x'",
            Some(Environment),
        ),
        ("E: a device that is gone", "OSError: [Errno 19] No such device: 'data/x'", Some(Environment)),
        // Telegram's key, in other words.
        (
            "E: Telethon without a class for it",
            "telethon.errors.rpcbaseerrors.AuthKeyError: RPCError 406: AUTH_KEY_DUPLICATED (caused by GetUsersRequest)",
            Some(Login),
        ),
        ("E: the same, bare", "RPCError 401: SESSION_REVOKED", Some(Login)),
        ("E: another code", "telethon.errors.rpcbaseerrors.BadRequestError: RPCError 400: PEER_ID_INVALID", None),
        (
            "E: a key that is not known",
            "telethon.errors.common.InvalidBufferError: Invalid response buffer (HTTP code 404)",
            Some(Login),
        ),
        ("C: the transport's flood", "InvalidBufferError: Invalid response buffer (HTTP code 429)", Some(Flood)),
        ("another code of HTTP", "InvalidBufferError: Invalid response buffer (HTTP code 500)", None),
        ("the words under another name", "ValueError: (HTTP code 404)", None),
        ("E: a program's own words", "Session is not authorized. Run scripts/telegram_login.py first.", Some(Login)),
        ("a person who may not use it", "User is not authorized: 12", None),
        ("a resolver's own number", "socket.gaierror: [Errno 5] x", Some(Network)),
        // The network and what is behind it.
        ("E: asyncio", "OSError: [Errno 113] Connect call failed ('149.154.167.51', 443)", Some(Network)),
        ("E: asyncio on macOS", "OSError: [Errno 61] Connect call failed ('149.154.167.51', 443)", Some(Network)),
        (
            "E: asyncio, of several",
            "OSError: Multiple exceptions: [Errno 111] Connect call failed ('1.2.3.4', 443), [Errno 101] Connect call failed ('::1', 443)",
            Some(Network),
        ),
        (
            "E: another database",
            "psycopg2.OperationalError: connection to server at \"localhost\" (127.0.0.1), port 5432 failed: Connection refused",
            Some(Network),
        ),
        ("E: a proxy", "GeneralProxyError: Socket error: 0x05: Connection refused", Some(Network)),
        ("E: apsw", "apsw.BusyError: database is locked", Some(Lock)),
        // Libraries that an update took away.
        (
            "E: another processor",
            "ImportError: dlopen(/x/cryptg.so, 0x0002): tried: '/x.so' (mach-o file, but is an incompatible architecture (have 'x86_64', need 'arm64'))",
            Some(Environment),
        ),
        (
            "E: OpenSSL",
            "ImportError: libssl.so.1.1: cannot open shared object file: No such file or directory",
            Some(Environment),
        ),
        (
            "E: glibc",
            "ImportError: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /x/_cffi_backend.so)",
            Some(Environment),
        ),
        ("E: a symbol", "ImportError: /x/_cffi.so: undefined symbol: PyX", Some(Environment)),
        ("E: a Python without SQLite", "ModuleNotFoundError: No module named '_sqlite3'", Some(Environment)),
        ("E: a locale", "locale.Error: unsupported locale setting", Some(Environment)),
        ("a name that the code imports", "ImportError: cannot import name 'x' from 'bridge'", None),
        ("the words under the code's name", "ValueError: undefined symbol: x", None),
        // The code's own.
        ("incident 19", "ModuleNotFoundError: No module named 'telethon'", None),
        ("a key", "KeyError: 'database is locked'", None),
        (
            "E: asyncio's words for a port that another program has",
            "OSError: [Errno 48] error while attempting to bind on address ('127.0.0.1', 8080): address already in use",
            Some(Class::Environment),
        ),
        ("a quoting error", "ValueError: database is locked", None),
        ("another code under Pyrogram's number", "Unauthorized: [401 SOMETHING_ELSE] x", Some(Class::Login)),
        ("another code without a name", "[401 SOMETHING_ELSE] x", None),
        ("a login's code under another number", "[400 SESSION_REVOKED] x", None),
        (
            "an error in another's text, without its brackets",
            "ValueError: OSError: [Errno 24] Too many open files",
            None,
        ),
        ("further back", "RuntimeError: said database is locked", None),
        ("a table", "sqlite3.OperationalError: no such table: sessions", None),
        ("a file", "FileNotFoundError: [Errno 2] No such file or directory: 'x'", None),
        ("an assertion", "AssertionError", None),
        ("an error that is called so", "Error: database is locked", None),
        ("a quotation", "\"database is locked\"", None),
        ("a number that is none", "OSError: [Errno x] No space left on device", None),
        ("", "", None),
    ];
    for (name, line, expected) in rows {
        assert_eq!(class(line), *expected, "{name}: {line}");
    }
}

#[test]
fn names_are_told_from_sentences() {
    let rows = [
        ("sqlite3.OperationalError: x", Some("OperationalError"), "x"),
        ("KeyError", Some("KeyError"), ""),
        ("  | ExceptionGroup: two", None, "| ExceptionGroup: two"),
        ("ExceptionGroup: two", Some("ExceptionGroup"), "two"),
        ("FloodWait: x", Some("FloodWait"), "x"),
        ("ValueError('it is')", Some("ValueError"), "it is"),
        ("(sqlite3.OperationalError) x", Some("OperationalError"), "x"),
        ("socket.timeout: timed out", Some("timeout"), "timed out"),
        ("timeout: no", None, "timeout: no"),
        ("Note: this", None, "Note: this"),
        ("KeyError in handler", None, "KeyError in handler"),
        ("(KeyError x", None, "(KeyError x"),
        ("keyError: x", None, "keyError: x"),
    ];
    for (line, name, text) in rows {
        assert_eq!(parse(line), ErrorLine { name, text }, "{line}");
        assert_eq!(is_error(line), name.is_some(), "{line}");
    }
}

#[test]
fn a_flood_names_its_seconds() {
    let rows = [
        ("A wait of 1800 seconds is required (caused by GetDialogsRequest)", Some(1800)),
        ("telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1 second is required", Some(1)),
        ("Sleeping for 1800s (0:30:00) on GetHistoryRequest flood wait", Some(1800)),
        ("Sleeping early for 20s (0:00:20) on GetHistoryRequest flood wait", Some(20)),
        ("Telegram says: [420 FLOOD_WAIT_X] - A wait of 30 seconds is required (caused by \"x\")", Some(30)),
        ("pyrogram.errors.FloodWait: Telegram says: [420 FLOOD_WAIT_X] - A wait of 30 seconds is required", Some(30)),
        ("telethon.errors.rpcbaseerrors.FloodError: RPCError 420: FLOOD_WAIT_1800 (caused by X)", Some(1800)),
        ("RPCError 420: FLOOD_WAIT_1800", Some(1800)),
        ("FLOOD_WAIT_1800 is what I saw", None),
        ("RPCError 420: FLOOD_WAIT_X", None),
        ("Sleeping for 20s before the next round", None),
        ("A wait of some seconds is required", None),
        ("A wait of 99999999999999999999 seconds is required", None),
        ("A wait of 5 minutes", None),
        ("A wait of 5 seconds is required before sending another message in this chat", None),
        ("ValueError: A wait of 5 seconds is required", None),
        ("he said: A wait of 5 seconds is required", None),
        ("FloodWaitError", None),
    ];
    for (line, expected) in rows {
        assert_eq!(flood_seconds(line), expected, "{line}");
    }
}

#[test]
fn crashes_end_alike_when_only_numbers_addresses_and_quoted_values_differ() {
    let rows = [
        ("the same", "KeyError: 'a'", "KeyError: 'a'", true),
        ("a quoted value", "KeyError: 'a'", "KeyError: 'b'", true),
        ("double quotes", "ValueError: bad \"x y\"", "ValueError: bad \"z\"", true),
        ("digits", "IndexError: index 3 of 5", "IndexError: index 14 of 5", true),
        ("an address", "TypeError: <f at 0x7f01ab> is none", "TypeError: <f at 0x7ffe99> is none", true),
        ("a digit against none", "KeyError: chat1 is gone", "KeyError: chat is gone", false),
        ("a short address", "RuntimeError: at 0x7f", "RuntimeError: at 0x1c", true),
        ("a short name with a digit", "RuntimeError: step 1a", "RuntimeError: step 2b", false),
        ("an id in hex", "RuntimeError: task 0a1b2c3d failed", "RuntimeError: task 77cc00ff failed", true),
        (
            "a UUID, whose groups may lack digits",
            "RuntimeError: job f81d4fae-abcd-11d0-a765-00a0c91e6bf6 failed",
            "RuntimeError: job 0a1b2c3d-1111-4abc-beef-deadbeefcafe failed",
            true,
        ),
        (
            "a long id in hex without a digit",
            "RuntimeError: task abcdefabcdefabcdefabcdefabcdefab",
            "RuntimeError: task 0123456789abcdef0123456789abcdef",
            true,
        ),
        ("a temporary file", "OSError: /tmp/tmpab_d3fgh/x", "OSError: /tmp/tmpzzyyxxww/x", true),
        ("a short id in hex", "RuntimeError: task 3fa9 failed", "RuntimeError: task 77c0 failed", true),
        ("words with dashes", "RuntimeError: no-such-thing", "RuntimeError: no-such-place", false),
        ("blanks around", " KeyError: 1 ", "KeyError: 2", true),
        ("another error", "KeyError: 'a'", "ValueError: 'a'", false),
        ("another sentence", "ValueError: no a", "ValueError: no b", false),
        ("a word that looks like hex", "ValueError: facade", "ValueError: decade", false),
        ("an apostrophe", "RuntimeError: can't open a", "RuntimeError: can't open b", false),
        ("a quote without its end", "E: 'a", "E: 'b", false),
        ("exits", "exit 1", "exit 1", true),
        ("other exits", "exit 1", "exit 3", false),
        ("exit and signal", "exit 11", "signal 11", false),
        ("signals", "signal 11", "signal 6", false),
        ("an exit and an error", "exit 1", "KeyError: 1", false),
        ("an exit and what only looks like one", "exit 1", "exit 99999999999", false),
        ("nothing known", "", "", false),
        ("one unknown", "", "KeyError", false),
    ];
    for (name, a, b, expected) in rows {
        assert_eq!(alike(a, b), expected, "{name}");
        assert_eq!(alike(b, a), expected, "{name}, turned round");
    }
}
