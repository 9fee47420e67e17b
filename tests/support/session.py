"""Other programs on the bridge's session, for the tests: whoever holds a lock on it, writes to it, backs it up, or is a
bridge on Telethon. Each prints `ready` once it is in that state and stays in it until it is ended; where it can't, it
ends with Python's own error.

    session.py hold DATABASE SQL…        runs each statement; the last one with '...' in front may block, after `ready`
    session.py connected HOST PORT DATABASE SQL…  the same with a connection to there
    session.py raw DATABASE KIND FROM TO a POSIX lock and no SQLite
    session.py open FILE                 has it open and nothing more
    session.py vacuum DATABASE TARGET    VACUUM INTO, so slow that it does not end
    session.py backup DATABASE TARGET    the backup API, a page a step
    session.py write DATABASE K          transactions of K rows; `try N` before each commit, `done N` after it
    session.py telethon-login SESSION    a Telethon client that has logged in and is idle
    session.py telethon-hold SESSION     a second Telethon client in an open transaction
    session.py telethon-write SESSION K  as `write`, by Telethon's own SQLiteSession
    session.py telethon-writers          one of those for each line `OUTPUT SESSION K` (apart by tabs) that it reads, without
                                         the second that it takes to load Telethon; says its pid
    session.py bridge SESSION SECONDS    a bridge: heartbeats, and Telethon's transactions, each open for so long
"""

import os
import signal
import sqlite3
import sys
import time

# Kept, so that nothing is closed while the process lives.
keep = []


def say(words):
    # One write a line: a process that is killed has said a line or has not.
    os.write(1, (words + "\n").encode())


def stay():
    say("ready")
    while True:
        signal.pause()


def connect(path, timeout=5.0):
    # Without isolation: each transaction is begun and ended by the statements themselves.
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    keep.append(connection)
    return connection


def hold(path, *statements):
    connection = connect(path, timeout=3600.0)
    for statement in statements:
        if statement.startswith("..."):
            say("ready")
            statement = statement[3:]
        cursor = connection.execute(statement)
        cursor.fetchone()
        keep.append(cursor)
    stay()


def connected(host, port, path, *statements):
    import socket

    keep.append(socket.create_connection((host, int(port))))
    # The file is opened by the first statement.
    hold(path, "select * from sqlite_master", *statements)


def raw(path, kind, first, last):
    import fcntl

    file = open(path, "r+b")
    keep.append(file)
    mode = {"read": fcntl.LOCK_SH, "write": fcntl.LOCK_EX}[kind]
    fcntl.lockf(file, mode | fcntl.LOCK_NB, int(last) - int(first) + 1, int(first))
    stay()


def have_open(path):
    keep.append(open(path, "rb"))
    stay()


def vacuum(path, target):
    def slow():
        if not keep[1:]:
            keep.append("said")
            say("ready")
        time.sleep(0.05)
        return 0

    connection = connect(path)
    connection.set_progress_handler(slow, 20)
    connection.execute("vacuum into ?", (target,))
    say("ended")


def backup(path, target):
    source = connect(path)
    say("ready")
    while True:
        copy = connect(target)
        source.backup(copy, pages=1, sleep=0.001)
        copy.close()
        os.unlink(target)


def write(path, rows):
    connection = connect(path, timeout=60.0)
    # A few pages, so that those of a transaction spill into the file before its commit.
    connection.execute("pragma cache_size = 4")
    # What is committed stays in the -wal.
    connection.execute("pragma wal_autocheckpoint = 0")
    last = connection.execute("select coalesce(max(n), 0) from rows").fetchone()[0]
    say("ready")
    for number in range(last + 1, sys.maxsize):
        connection.execute("begin immediate")
        for row in range(int(rows)):
            connection.execute("insert into rows values (?, ?, randomblob(1500))", (number, row))
            # Old rows change too: a half transaction would show there as well.
            connection.execute("update tally set n = ? where slot = ?", (number, row))
        say(f"try {number}")
        connection.execute("commit")
        say(f"done {number}")


def telethon(path):
    from telethon.sessions import SQLiteSession

    session = SQLiteSession(path)
    # As for a bridge in real life: it waits 5 s for a lock.
    keep.append(session)
    return session


def auth_key():
    from telethon.crypto import AuthKey

    # Any 256 bytes are one; always the same, so that the test knows it.
    return AuthKey(bytes(range(256)))


def log_in(session):
    session.set_dc(2, "149.154.167.51", 443)
    session.auth_key = auth_key()
    session.save()


def telethon_login(path):
    log_in(telethon(path))
    stay()


def telethon_hold(path):
    session = telethon(path)
    # Not saved: Python has begun a transaction, which stays open.
    session.set_dc(2, "149.154.167.51", 443)
    stay()


def users(number, count):
    from telethon.tl.types import User
    from telethon.tl.types.contacts import ResolvedPeer
    from telethon.tl.types import PeerUser

    # `number` is in each of them, so that half a transaction would show.
    people = [
        User(id=1 + who, access_hash=number, first_name="x" * 900, username=f"user{who}n{number}", phone=str(who))
        for who in range(count)
    ]
    return ResolvedPeer(peer=PeerUser(1), chats=[], users=people)


def transaction(session, number, count):
    import datetime

    from telethon.tl.types.updates import State

    session.process_entities(users(number, count))
    now = datetime.datetime.now(datetime.timezone.utc)
    session.set_update_state(0, State(pts=number, qts=0, date=now, seq=0, unread_count=0))


def telethon_write(path, count):
    session = telethon(path)
    session._conn.execute("pragma cache_size = 4")
    if session.auth_key is None or not session.auth_key.key:
        log_in(session)
    state = session.get_update_state(0)
    say("ready")
    for number in range(state.pts + 1 if state else 1, sys.maxsize):
        transaction(session, number, int(count))
        # What a client does at each reconnection: deletes the login's row and writes it again.
        session.auth_key = session.auth_key
        say(f"try {number}")
        session.save()
        say(f"done {number}")


def telethon_writers():
    import telethon.sessions  # noqa: F401
    import telethon.tl.types.contacts  # noqa: F401

    # Its children are reaped by the kernel.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    say("ready")
    for line in sys.stdin:
        output, path, count = line.rstrip("\n").split("\t")
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1)
            telethon_write(path, count)
        say(str(pid))


def bridge(path, seconds):
    signal.signal(signal.SIGTERM, lambda *_: (say("INFO Received SIGTERM, shutting down gracefully..."), os._exit(0)))
    session = telethon(path)
    if session.auth_key is None or not session.auth_key.key:
        log_in(session)
    # Telethon's own is 5 s.
    session._conn.execute("pragma busy_timeout = 300")
    number = 0
    say("INFO Connected to Telegram")
    while True:
        number += 1
        until = time.monotonic() + float(seconds)
        try:
            transaction(session, number, 3)
            while True:
                say("INFO [heartbeat] Bridge alive (uptime=1m)")
                if time.monotonic() >= until:
                    break
                time.sleep(0.2)
            session.save()
        except sqlite3.OperationalError as error:
            say(f"ERROR {error}")
        time.sleep(0.05)


def main():
    commands = {
        "hold": hold,
        "connected": connected,
        "raw": raw,
        "open": have_open,
        "vacuum": vacuum,
        "backup": backup,
        "write": write,
        "telethon-login": telethon_login,
        "telethon-hold": telethon_hold,
        "telethon-write": telethon_write,
        "telethon-writers": telethon_writers,
        "bridge": bridge,
    }
    name, *words = sys.argv[1:]
    # Told to end by SIGTERM, and does not: then it takes SIGKILL.
    if name == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        name, *words = words
    commands[name](*words)


main()
