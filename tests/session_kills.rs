//! Incident 1: whoever writes to the session is killed at any instant, and rung 3 loses nothing. Every committed row is
//! there, no half transaction is, and no file of a neighbour is touched. A few kills in `make test`, hundreds in
//! `make campaign`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::process::Signal;

use crate::campaign::rounds;
use crate::support::require::{self, Ability};
use crate::support::session::{
    Client, WITHOUT_SESSION, clean_locks, database, embedded_bridge, files, fresh_output, has_auth_key, integrity,
    lines, session_of,
};
use crate::support::{Scene, alive, signal};

/// Rows of a transaction.
const ROWS: u32 = 40;
/// SQLite's SHARED bytes.
const SHARED: [&str; 3] = ["read", "1073741826", "1073742335"];

/// A scene whose bridge leaves the session alone, and files of neighbours with names like the session's.
fn scene(mode: Option<&str>) -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.script(WITHOUT_SESSION);
    scene.set("stale_process", 0.3);
    if let Some(mode) = mode {
        database(&scene.data("valor_bridge.session"), mode);
    }
    for name in ["other.session-journal", "other.session-wal", "valor_bridge.session2-wal", "valor_bridge.session.bak"]
    {
        std::fs::write(scene.data(name), name.repeat(100)).expect("a neighbour");
    }
    scene
}

fn neighbours(scene: &Scene) -> BTreeMap<String, (u64, Vec<u8>)> {
    files(&scene.data(""), |name| {
        name.starts_with("other.")
            || name.starts_with("valor_bridge.session2")
            || std::path::Path::new(name).extension().is_some_and(|end| end == "bak")
    })
}

/// A random instant is the point of these tests, so here it sleeps.
fn a_while(most: u64) {
    std::thread::sleep(Duration::from_millis(fastrand::u64(0..most)));
}

/// What a writer has said: the last commit that was acknowledged, and the last that it tried.
#[derive(Debug, Clone, Copy)]
struct Said {
    done: i64,
    tried: i64,
}

fn said(lines: &[String]) -> Said {
    let last = |word: &str| {
        let mut numbers = lines.iter().rev().filter_map(|line| line.strip_prefix(word)?.parse::<i64>().ok());
        numbers.next().unwrap_or(0)
    };
    Said { done: last("done "), tried: last("try ") }
}

/// A journal that SQLite would roll back.
fn is_hot(session: &Path) -> bool {
    let journal = session.with_file_name("valor_bridge.session-journal");
    std::fs::read(journal).is_ok_and(|bytes| bytes.first().is_some_and(|byte| *byte != 0))
}

fn wal_size(session: &Path) -> u64 {
    std::fs::metadata(session.with_file_name("valor_bridge.session-wal")).map_or(0, |meta| meta.len())
}

/// Every transaction that was acknowledged, whole; at most one more, whole too; and nothing else.
fn assert_whole(session: &Path, said: Said, name: &str) {
    assert_eq!(integrity(session), "ok", "{name}");
    let database = Connection::open(session).expect("the session opens");
    let mut query = database.prepare("select n, count(*) from rows group by n order by n").expect("a query");
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    let seen: Vec<(i64, u32)> = rows.map(|row| row.expect("a row")).collect();
    let last = seen.last().map_or(0, |row| row.0);
    let expected: Vec<(i64, u32)> = (1..=last).map(|number| (number, ROWS)).collect();
    assert_eq!(seen, expected, "{name}: half transactions, or rows that are missing: {said:?}");
    assert!(last >= said.done && last <= said.tried, "{name}: {last} of {said:?}");
    let (low, high): (i64, i64) = database
        .query_row("select min(n), max(n) from tally where slot < ?", [ROWS], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("the tally");
    assert_eq!((low, high), (last, last), "{name}: a half update");
    let key: Vec<u8> = database.query_row("select auth_key from login", [], |row| row.get(0)).expect("the login");
    assert_eq!(key, [0x5e, 0xc2, 0xe7], "{name}");
}

/// Runs `clean-locks`, and tells what it said if it fails.
fn assert_clean(scene: &Scene, name: &str) {
    let (code, said) = clean_locks(scene);
    assert_eq!(code, Some(0), "{name}: {said}\n{}", scene.journal());
    assert!(embedded_bridge(scene).is_some(), "{name}: the bridge is up");
}

#[test]
fn incident_1_a_killed_writer_with_a_hot_journal_loses_no_committed_row() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let mut hot = 0;
    let rounds = rounds(10);
    // On a busy machine a kill may always come between two transactions: then a few more.
    for round in 0..rounds * 5 {
        if round >= rounds && hot > 0 {
            break;
        }
        let scene = scene(Some("delete"));
        let session = scene.data("valor_bridge.session");
        let before = neighbours(&scene);
        let deaf = round % 3 == 2;
        let words: &[&str] = if deaf { &["deaf", "write"] } else { &["write"] };
        let (path, rows) = (session_of(&scene), ROWS.to_string());
        let mut writer = Client::python(&scene, &[words, &[&path, &rows]].concat());
        scene.wait("its first commit", || writer.said().iter().any(|line| line.starts_with("done")).then_some(()));
        a_while(400);
        let name = if round % 3 == 0 {
            writer.kill();
            hot += u32::from(is_hot(&session));
            // A stranger's lock, without SQLite: SQLite itself would roll the journal back.
            let orphan = Client::python(&scene, &[&["raw", path.as_str()], &SHARED[..]].concat());
            scene.wait_aged(orphan.pid(), 0.4);
            assert_clean(&scene, "killed");
            "killed"
        } else {
            // Here it is rung 3 that ends it in mid-transaction.
            scene.wait_aged(writer.pid(), 0.4);
            assert_clean(&scene, "ended by rung 3");
            // Between two transactions there is no holder to be ended, and then the bridge is simply started. Beside
            // that it is ended next, and the bridge itself rolls back what it left.
            let met = writer.ended().is_some();
            scene.wait("its end", || {
                if writer.ended().is_none() {
                    clean_or_busy(&scene);
                }
                writer.ended()
            });
            if met { "ended by rung 3" } else { BESIDE_BRIDGE }
        };
        assert!(name == BESIDE_BRIDGE || !is_hot(&session), "round {round}, {name}: SQLite was not let at it");
        assert_whole(&session, said(&writer.said()), &format!("round {round}, {name}"));
        assert_eq!(neighbours(&scene), before, "round {round}, {name}");
    }
    println!("{rounds} kills, of those by the test {hot} with a hot journal");
    assert!(hot > 0, "not one kill left a hot journal, so this has shown nothing");
}

const BESIDE_BRIDGE: &str = "ended by rung 3 beside the bridge";

/// Beside a bridge that works it ends strangers too; 4 if it found none.
fn clean_or_busy(scene: &Scene) {
    let (code, said) = clean_locks(scene);
    assert!(matches!(code, Some(0 | 4)), "{code:?} {said}");
}

#[test]
fn incident_1_a_killed_writer_with_a_write_ahead_log_loses_no_committed_row() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    for round in 0..rounds(10) {
        let scene = scene(Some("wal"));
        let session = scene.data("valor_bridge.session");
        let before = neighbours(&scene);
        let (path, rows) = (session_of(&scene), ROWS.to_string());
        let mut writer = Client::python(&scene, &["write", &path, &rows]);
        // Some idle connection keeps the -wal there: byte 128.
        let idle = (round % 2 == 1).then(|| Client::holding(&scene, &["select count(*) from login"]));
        a_while(400);
        writer.kill();
        let said = said(&writer.said());
        assert!(wal_size(&session) > 0 || said.tried == 0, "round {round}: what is committed is in the -wal");
        let wal = inode(&scene, "valor_bridge.session-wal");
        let orphan = Client::holding(&scene, &["begin immediate"]);
        scene.wait_aged(orphan.pid(), 0.4);
        let name = format!("round {round}{}", if idle.is_some() { ", with an idle connection" } else { "" });
        assert_clean(&scene, &name);
        if let Some(mut idle) = idle {
            assert_eq!(idle.ended(), None, "{name}");
            assert_eq!(inode(&scene, "valor_bridge.session-wal"), wal, "{name}: the -wal was replaced");
        }
        // The rows are in the main file: a copy of that alone has them.
        let copy = scene.folder.path().join("copy.session");
        std::fs::copy(&session, &copy).expect("a copy");
        assert_whole(&copy, said, &format!("{name}, the main file"));
        assert_whole(&session, said, &name);
        assert_eq!(neighbours(&scene), before, "{name}");
    }
}

fn inode(scene: &Scene, file: &str) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(scene.data(file)).ok().map(|meta| meta.ino())
}

/// The same with Telethon's own session as the writer, in the mode that it uses and in the other one.
#[test]
fn incident_1_telethons_own_session_keeps_its_login() {
    if !require::has(Ability::Telethon) {
        return;
    }
    let home = Scene::new("embedded", 60.0);
    let mut writers = Client::telethon(&home, &["telethon-writers"]);
    let mut hot = 0;
    for round in 0..rounds(20) {
        let wal = round % 2 == 1;
        let scene = scene(None);
        let session = scene.data("valor_bridge.session");
        if wal {
            // A mode that a file keeps.
            let made = Connection::open(&session).expect("a database");
            made.pragma_update(None, "journal_mode", "wal").expect("a journal mode");
        }
        let before = neighbours(&scene);
        let (output, _) = fresh_output(&scene);
        let word = |path: &Path| path.to_str().expect("a path").to_owned();
        let pid = writers.ask(&format!("{}\t{}\t{ROWS}", word(&output), word(&session)));
        let pid: u32 = pid.parse().expect("a pid");
        scene.wait("a login", || lines(&output).first().map(drop));
        a_while(300);
        signal(pid, Signal::KILL);
        scene.wait("its end", || (!alive(pid)).then_some(()));
        hot += u32::from(is_hot(&session));
        let orphan = if wal {
            Client::holding(&scene, &["begin immediate"])
        } else {
            Client::python(&scene, &[&["raw", &session_of(&scene)], &SHARED[..]].concat())
        };
        scene.wait_aged(orphan.pid(), 0.4);
        assert_clean(&scene, &format!("round {round}"));
        assert!(!is_hot(&session), "round {round}");
        let said = said(&lines(&output));
        assert_telethon_whole(&session, said, &format!("round {round}: {said:?}"));
        assert_eq!(neighbours(&scene), before, "round {round}");
    }
    println!("{hot} with a hot journal");
}

fn assert_telethon_whole(session: &Path, said: Said, name: &str) {
    assert_eq!(integrity(session), "ok", "{name}");
    assert!(has_auth_key(session), "{name}: logged out");
    let database = Connection::open(session).expect("the session opens");
    let pts: i64 =
        database.query_row("select coalesce(max(pts), 0) from update_state", [], |row| row.get(0)).expect("pts");
    assert!(pts >= said.done && pts <= said.tried, "{name}: {pts}");
    let (count, low, high): (u32, i64, i64) = database
        .query_row("select count(*), coalesce(min(hash), 0), coalesce(max(hash), 0) from entities", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .expect("the entities");
    let expected = if pts == 0 { 0 } else { ROWS };
    assert_eq!((count, low, high), (expected, pts, pts), "{name}: half a transaction");
}

/// A bridge that does not come up while the holder lives, and says why as Python does. It leaves the session alone, so that
/// only rung 3 can bring it into order.
const WAITS_FOR_HOLDER: &str = "\
trap 'exit 0' TERM
if kill -0 \"$(cat data/holder)\"; then
    echo 'sqlite3.OperationalError: database is locked' >&2
    exit 1
fi
echo 'INFO Connected to Telegram'
while :; do echo 'INFO [heartbeat] Bridge alive (uptime=1m)'; sleep 0.2; done
";

/// A holder with half a transaction in the file, which SIGTERM does not end; the watch is killed while it frees the
/// session, and the next one goes on.
fn killed_in_rung_3(mode: &str, round: u32) {
    let mut scene = scene(Some(mode));
    scene.script(WAITS_FOR_HOLDER);
    // Its manager starts it again only after so long, so that the session is nobody's when rung 3 cleans it.
    scene.set("min_uptime", 1.5);
    let session = scene.data("valor_bridge.session");
    let before = neighbours(&scene);
    let mut committed = Client::python(&scene, &["write", &session_of(&scene), &ROWS.to_string()]);
    scene.wait("a commit", || (said(&committed.said()).done > 2).then_some(()));
    committed.kill();
    let said = said(&committed.said());
    // Old pages change, and those that spill are in the file.
    let half = "update rows set n = 1000000";
    let path = session_of(&scene);
    let words = ["deaf", "hold", &path, "pragma cache_size = 4", "begin immediate", half];
    let mut holder = Client::python(&scene, &words);
    std::fs::write(scene.data("holder"), holder.pid().to_string()).expect("its pid");
    let mut watch = scene.watch();
    scene.wait_verdict("unhealthy", "session-locked");
    a_while(2500);
    watch.kill();
    let name = format!("{mode}, round {round}");
    // At this very instant: what a person would find who takes the files elsewhere.
    let copy = copied(&scene, &session);
    assert_whole(&copy, said, &format!("{name}, at the kill"));
    let _watch = scene.watch();
    scene.wait("the holder's end", || holder.ended());
    scene.wait_verdict("healthy", "none");
    scene.wait("the face gone", || (!scene.data("recovery-in-progress").exists()).then_some(()));
    assert!(embedded_bridge(&scene).is_some(), "{name}");
    assert_whole(&session, said, &name);
    assert_eq!(neighbours(&scene), before, "{name}");
    // Parses each line, and panics at a torn one.
    scene.events("crash");
}

/// The session and its journals in a folder of their own.
fn copied(scene: &Scene, session: &Path) -> PathBuf {
    let folder = scene.folder.path().join("elsewhere");
    std::fs::create_dir(&folder).expect("a folder");
    for end in ["", "-journal", "-wal"] {
        let name = format!("valor_bridge.session{end}");
        let _ = std::fs::copy(session.with_file_name(&name), folder.join(&name));
    }
    let copy = folder.join("valor_bridge.session");
    let opened = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE);
    opened.and_then(|copy| copy.execute_batch("begin immediate; rollback")).expect("the copy can be written");
    copy
}

#[test]
fn a_watch_killed_in_rung_3_leaves_a_whole_session_with_a_hot_journal_and_the_next_goes_on() {
    if require::has(Ability::Sqlite) {
        (0..rounds(10).div_ceil(2)).for_each(|round| killed_in_rung_3("delete", round));
    }
}

#[test]
fn a_watch_killed_in_rung_3_leaves_a_whole_session_with_a_write_ahead_log_and_the_next_goes_on() {
    if require::has(Ability::Sqlite) {
        (0..rounds(10).div_ceil(2)).for_each(|round| killed_in_rung_3("wal", round));
    }
}
