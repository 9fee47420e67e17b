//! `locks` against real programs on the session: each kind of lock by its right name, with the pid of who holds it; and
//! whoever merely has the file open is no holder.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::require::{self, Ability};
use crate::support::session::{self, Client, database, locks, named, place, session_of};
use crate::support::{PATIENCE, Scene, signal};
use rustix::process::Signal;

/// A scene without a bridge, and a session in this journal mode.
fn scene(mode: &str) -> Scene {
    let scene = Scene::new("embedded", 60.0);
    database(&scene.data("valor_bridge.session"), mode);
    scene
}

/// Waits for it: what blocks a program is reached after it says `ready`.
fn wait_place(scene: &Scene, name: &str, pid: u32, expected: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let locks = locks(scene);
        if place(&locks, pid).as_deref() == Some(expected) {
            return;
        }
        assert!(Instant::now() < until, "{name}: pid {pid} should be '{expected}': {locks:#}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a program does with the session, in SQL; the place of each in `locks`.
fn each_is_named(mode: &str, rows: &[(&str, &[&str], &str)]) {
    let scene = scene(mode);
    for (name, statements, expected) in rows {
        let name = format!("{mode}: {name}");
        let holder = Client::holding(&scene, statements);
        wait_place(&scene, &name, holder.pid(), expected);
        // Not one of them is named for another's lock.
        let locks = locks(&scene);
        let all = locks["holders"].as_array().map_or(0, Vec::len) + locks["open"].as_array().map_or(0, Vec::len);
        assert_eq!(all, 1, "{name}: {locks:#}");
        let (holders, open) = named(&locks, holder.pid());
        let entry = holders.first().or(open.first()).expect("it was there");
        assert_eq!(entry["role"], "stranger", "{name}");
        assert!(entry["age_s"].is_u64() && entry["user"].is_string(), "{name}: {entry}");
        assert!(entry["name"].as_str().is_some_and(|name| name.starts_with("python")), "{name}: {entry}");
    }
}

#[test]
fn each_lock_of_a_rollback_journal_is_named_with_its_holder() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    each_is_named(
        "delete",
        &[
            ("a transaction that has done nothing", &["begin"], "open"),
            ("a statement that is not done", &["select 1 from tally"], "shared"),
            ("a connection that is idle", &["select count(*) from tally"], "open"),
            ("a reader", &["begin", "select * from tally"], "shared"),
            ("a writer", &["begin immediate"], "reserved"),
            ("a writer that began as a reader", &["begin", "insert into rows values (1, 1, 1)"], "reserved"),
            (
                "a writer whose pages spill",
                &[
                    "pragma cache_size = 2",
                    "begin",
                    "with recursive c(i) as (select 1 union all select i + 1 from c where i < 200)
                     insert into rows select i, i, randomblob(1500) from c",
                ],
                "exclusive",
            ),
            ("exclusive", &["begin exclusive"], "exclusive"),
            ("exclusive until it closes", &["pragma locking_mode = exclusive", "update tally set n = 1"], "exclusive"),
        ],
    );
}

/// Its bytes 120 to 128 are in the -shm file, and on the main file each connection holds SHARED.
#[test]
fn each_lock_of_a_write_ahead_log_is_named_with_its_holder() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    each_is_named(
        "wal",
        &[
            // The cursor of a statement that is done holds nothing but byte 128.
            ("idle", &["select count(*) from tally"], "open"),
            ("a writer", &["begin immediate", "insert into rows values (1, 1, 1)"], "reserved"),
            ("exclusive is a writer", &["begin exclusive"], "reserved"),
            ("exclusive until it closes", &["pragma locking_mode = exclusive", "update tally set n = 1"], "exclusive"),
        ],
    );
}

/// Several at once: each has its own line. A commit waits for the reader, and a checkpoint does.
#[test]
fn who_waits_for_a_reader_and_the_reader_are_both_named() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let rollback = scene("delete");
    let reader = Client::holding(&rollback, &["begin", "select * from tally"]);
    let second = Client::holding(&rollback, &["begin", "select * from rows"]);
    let writer = Client::holding(&rollback, &["begin immediate", "update tally set n = 2", "...commit"]);
    // PENDING: no new reader gets in.
    wait_place(&rollback, "a commit that waits", writer.pid(), "exclusive");
    wait_place(&rollback, "the reader that it waits for", reader.pid(), "shared");
    let idle = rollback.data("valor_bridge.session");
    wait_place(&rollback, "an open file", Client::python(&rollback, &["open", text(&idle)]).pid(), "open");
    assert_eq!(locks(&rollback)["holders"].as_array().map(Vec::len), Some(2 + usize::from(second.pid() > 0)));

    let wal = scene("wal");
    let idle = Client::holding(&wal, &["select count(*) from rows"]);
    let reader = Client::holding(&wal, &["begin", "select * from tally"]);
    let writer = Client::holding(&wal, &["update tally set n = 3"]);
    let checkpoint = Client::holding(&wal, &["update tally set n = 4", "...pragma wal_checkpoint(truncate)"]);
    wait_place(&wal, "a checkpoint that waits", checkpoint.pid(), "exclusive");
    for (name, pid) in [("idle", idle.pid()), ("a writer that has committed", writer.pid())] {
        wait_place(&wal, name, pid, "open");
    }
    // A reader of a -wal keeps no writer from its work.
    let locks = locks(&wal);
    let place = place(&locks, reader.pid()).unwrap_or_default();
    assert!(["open", "shared"].contains(&place.as_str()), "{locks:#}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[test]
fn the_sqlite3_shell_in_an_open_transaction_is_named() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    for (mode, statements, expected) in [
        ("delete", "begin;", "open"),
        ("delete", "begin; select count(*) from rows;", "shared"),
        ("delete", "begin immediate;", "reserved"),
        ("delete", "begin exclusive;", "exclusive"),
        ("wal", "select count(*) from rows;", "open"),
        ("wal", "begin immediate;", "reserved"),
    ] {
        let scene = scene(mode);
        let shell = Client::shell(&scene, &scene.data("valor_bridge.session"), statements);
        wait_place(&scene, &format!("{mode}: {statements}"), shell.pid(), expected);
        let output = scene.run(&["locks"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        let line = said.lines().find(|line| line.contains(&shell.pid().to_string()));
        assert!(line.is_some_and(|line| line.contains("sqlite3")), "a line with pid and program: {said}");
    }
}

#[test]
fn a_second_telethon_client_is_named() {
    if !require::has(Ability::Telethon) {
        return;
    }
    let scene = Scene::new("embedded", 60.0);
    let client = Client::telethon(&scene, &["telethon-hold", &session_of(&scene)]);
    wait_place(&scene, "a Telethon client that has not saved", client.pid(), "reserved");
}

/// A backup reads for as long as it takes; the backup API holds its lock for the time of each step.
#[test]
fn a_backup_that_reads_is_named_and_never_as_a_writer() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("delete");
    let session = session_of(&scene);
    let grow = "with recursive c(i) as (select 1 union all select i + 1 from c where i < 2000) \
                insert into rows select i, i, randomblob(1500) from c";
    Client::holding(&scene, &[grow]).kill();
    let copy = scene.folder.path().join("copy.db");
    let backup = Client::python(&scene, &["vacuum", &session, text(&copy)]);
    wait_place(&scene, "VACUUM INTO", backup.pid(), "shared");
    drop(backup);

    let copy = scene.folder.path().join("pages.db");
    let backup = Client::python(&scene, &["backup", &session, text(&copy)]);
    let mut seen = Vec::new();
    scene.wait("a step of the backup", || {
        let place = place(&locks(&scene), backup.pid());
        seen.push(place.clone());
        (place.as_deref() == Some("shared")).then_some(())
    });
    let allowed = |place: &Option<String>| place.as_deref().is_some_and(|place| ["shared", "open"].contains(&place));
    assert!(seen.iter().all(allowed), "{seen:?}");
}

#[test]
fn whoever_merely_has_a_file_of_the_session_open_is_no_holder() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("wal");
    let session = scene.data("valor_bridge.session");
    // Keeps the -wal and the -shm there.
    let idle = Client::holding(&scene, &["update tally set n = 1"]);
    let tail = crate::support::decoys::start("tail", Command::new("tail").arg("-f").arg(&session));
    let python = Client::python(&scene, &["open", text(&session)]);
    let wal = Client::python(&scene, &["open", text(&scene.data("valor_bridge.session-wal"))]);
    let shm = Client::python(&scene, &["open", text(&scene.data("valor_bridge.session-shm"))]);
    let other = scene.data("other.session");
    database(&other, "delete");
    let stranger = Client::python(&scene, &["hold", text(&other), "begin exclusive"]);
    let folder =
        Client::start(&scene, Command::new("/bin/sh").args(["-c", "cd checkout/data && echo ready && exec sleep 600"]));
    for (name, pid) in [
        ("an idle connection", idle.pid()),
        ("tail -f", tail.1.id()),
        ("python open()", python.pid()),
        ("a reader of the -wal", wal.pid()),
        ("a reader of the -shm", shm.pid()),
    ] {
        wait_place(&scene, name, pid, "open");
    }
    let locks = locks(&scene);
    assert_eq!(locks["holders"], serde_json::json!([]), "{locks:#}");
    for (name, pid) in [("a holder of another database", stranger.pid()), ("a shell beside it", folder.pid())] {
        assert_eq!(place(&locks, pid), None, "{name}: {locks:#}");
    }
    assert_eq!(locks["path"], text(&session.canonicalize().expect("the session")), "{locks:#}");
}

/// SQLite puts its journals beside the file that a link leads to.
#[test]
fn a_session_behind_a_link_has_its_journals_where_the_file_is() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    for (mode, statements, expected) in [
        ("wal", "select count(*) from rows", "open"),
        ("wal", "begin immediate", "reserved"),
        ("delete", "begin immediate", "reserved"),
    ] {
        let scene = Scene::new("embedded", 60.0);
        let store = scene.folder.path().join("store");
        std::fs::create_dir(&store).expect("a folder");
        database(&store.join("real.session"), mode);
        std::os::unix::fs::symlink(store.join("real.session"), scene.data("valor_bridge.session")).expect("a link");
        let holder = Client::holding(&scene, &[statements]);
        wait_place(&scene, &format!("{mode}: {statements}"), holder.pid(), expected);
    }
}

#[test]
fn the_bridge_and_a_stranger_are_told_apart() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let mut scene = Scene::new("embedded", 60.0);
    scene.bridge(&["--exclusive"]);
    let _watch = scene.watch();
    let bridge = scene.wait_bridge();
    wait_place(&scene, "the bridge", bridge, "exclusive");
    let reader = Client::python(&scene, &["open", &session_of(&scene)]);
    wait_place(&scene, "a stranger", reader.pid(), "open");
    let locks = locks(&scene);
    assert_eq!(named(&locks, bridge).0[0]["role"], "bridge", "{locks:#}");
    assert_eq!(named(&locks, reader.pid()).1[0]["role"], "stranger", "{locks:#}");
}

#[test]
fn a_holder_of_another_user_is_named_with_its_user() {
    if !require::has(Ability::Root) || !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("delete");
    let holder = session::as_nobody(&scene, &["begin immediate"]);
    wait_place(&scene, "another user's", holder.pid(), "reserved");
    let locks = locks(&scene);
    let user = &named(&locks, holder.pid()).0[0]["user"];
    assert!(user == "nobody" || user == "65534", "{locks:#}");
}

/// A process that is stopped still holds what it held.
#[test]
fn a_stopped_holder_is_named() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("delete");
    let holder = Client::holding(&scene, &["begin exclusive"]);
    signal(holder.pid(), Signal::STOP);
    wait_place(&scene, "stopped", holder.pid(), "exclusive");
}

#[test]
fn where_it_can_not_be_known_the_exit_code_is_3_and_the_sentence_says_why() {
    let scene = Scene::new("embedded", 60.0);
    let output = scene.run(&["locks", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("valor_bridge.session") && said.contains("is not there"), "{said}");
    assert!(output.stdout.is_empty(), "no half answer");
}
