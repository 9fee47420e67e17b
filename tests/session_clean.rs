//! Rung 3 and `clean-locks`, which are the same code: whoever holds the session's lock and may be ended is ended, and
//! nobody else; SQLite brings the file into order; the bridge comes up.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::second_look::waiting_for_work;
use crate::support::decoys::{Decoy, as_the_bridge, start};
use crate::support::require::{self, Ability};
use crate::support::session::{
    self, Client, WITHOUT_SESSION, clean_locks, database, embedded_bridge, files, has_auth_key, locks, log_in, place,
    session_of, telethon_bridge,
};
use crate::support::{Scene, alive, signal};
use rustix::process::Signal;

/// A session in this journal mode; a holder of its lock counts as old after half a second.
fn scene(mode: &str) -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("stale_process", 0.5);
    database(&scene.data("valor_bridge.session"), mode);
    scene
}

fn signals(scene: &Scene) -> Vec<String> {
    scene.acts().into_iter().filter(|act| act.starts_with("SIG")).collect()
}

/// Whom a name pattern or an `lsof` would have ended (incident 8).
fn decoys(scene: &Scene) -> (Vec<Decoy>, Vec<Client>) {
    use std::os::unix::process::CommandExt;
    let session = scene.data("valor_bridge.session");
    let line = scene.program().join(" ");
    let other = scene.folder.path().join("second checkout");
    std::fs::create_dir_all(other.join("data")).expect("a second checkout");
    std::fs::write(scene.log(), "").expect("a log");
    let word = |path: &Path| path.to_str().expect("a path").to_owned();
    let editor = word(&session);
    let [neighbour, wal] = ["other.session", "wal.session"].map(|name| scene.data(name));
    database(&neighbour, "delete");
    database(&wal, "wal");
    let plain = vec![
        start("an editor with the session open", Command::new("tail").arg0("vim").args(["-f", &editor])),
        start("a tail of the log", Command::new("tail").arg("-f").arg(scene.log())),
        start(
            "a test run with the script's name in its arguments",
            Command::new("/bin/sh")
                .args(["-c", "while :; do sleep 1; done", "pytest", &line, "data/valor_bridge.session"])
                .current_dir(&scene.root),
        ),
        start("a second checkout's bridge", &mut as_the_bridge(scene, &other)),
    ];
    let holders = vec![
        Client::python(scene, &["open", &editor]),
        Client::python(scene, &["hold", &word(&neighbour), "begin exclusive", "update tally set n = 9"]),
        Client::python(scene, &["hold", &word(&wal), "update tally set n = 9", "begin immediate"]),
    ];
    (plain, holders)
}

fn all_alive((plain, holders): &mut (Vec<Decoy>, Vec<Client>)) {
    for Decoy(name, child) in plain {
        assert_eq!(child.try_wait().expect("our own child can be asked"), None, "{name} was ended");
    }
    for holder in holders {
        assert_eq!(holder.ended(), None, "pid {} was ended", holder.pid());
    }
}

/// What lies beside the session and is not its own.
fn neighbours(scene: &Scene) -> std::collections::BTreeMap<String, (u64, Vec<u8>)> {
    files(&scene.data(""), |name| name.starts_with("other.") || name.starts_with("wal."))
}

#[test]
fn incidents_2_8_and_9_the_holder_is_ended_nobody_else_is_and_one_bridge_comes_up() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    for (mode, statements) in [
        ("delete", ["begin immediate", "update tally set n = 1"]),
        ("delete", ["begin exclusive", "update tally set n = 1"]),
        // A reader keeps the bridge's commits from the file.
        ("delete", ["begin", "select * from tally"]),
        ("wal", ["begin immediate", "update tally set n = 1"]),
    ] {
        let name = format!("{mode}: {}", statements.join("; "));
        let scene = scene(mode);
        let mut decoys = decoys(&scene);
        let before = neighbours(&scene);
        assert!(before.keys().any(|name| name.ends_with("-wal")), "{:?}", before.keys());
        let mut holder = Client::holding(&scene, &statements);
        scene.wait_aged(holder.pid(), 0.6);
        let (code, said) = clean_locks(&scene);
        assert_eq!(code, Some(0), "{name}: {said}\n{}", scene.journal());
        assert_eq!(holder.ended(), Some(15), "{name}: by SIGTERM");
        let acts = signals(&scene);
        let whom = format!("SIGTERM to a process that holds the session's lock (pid {},", holder.pid());
        assert!(acts.len() == 1 && acts[0].starts_with(&whom), "{name}: {acts:?}");
        assert!(acts[0].ends_with("because a person asked for it"), "{acts:?}");
        let starts = scene.acts().iter().filter(|act| act.starts_with("start ")).count();
        assert_eq!(starts, 1, "one start: {:?}", scene.acts());
        assert!(embedded_bridge(&scene).is_some(), "{name}: the bridge is up");
        assert_eq!(session::integrity(&scene.data("valor_bridge.session")), "ok", "{name}");
        assert_eq!(neighbours(&scene), before, "{name}: other databases are byte for byte as they were");
        all_alive(&mut decoys);
    }
}

#[test]
fn a_holder_that_ignores_sigterm_is_killed() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("delete");
    let session = session_of(&scene);
    let mut holder = Client::python(&scene, &["deaf", "hold", &session, "begin exclusive", "update tally set n = 1"]);
    scene.wait_aged(holder.pid(), 0.6);
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(holder.ended(), Some(9));
    let acts = signals(&scene);
    assert!(acts.len() == 2 && acts[0].starts_with("SIGTERM") && acts[1].starts_with("SIGKILL"), "{acts:?}");
    assert!(embedded_bridge(&scene).is_some());
}

/// Stopped by a debugger or a terminal: SIGTERM waits for it, SIGKILL does not.
#[test]
fn a_holder_that_is_stopped_is_ended() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("delete");
    let mut holder = Client::shell(&scene, &scene.data("valor_bridge.session"), "begin exclusive;");
    signal(holder.pid(), Signal::STOP);
    scene.wait_aged(holder.pid(), 0.6);
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(holder.ended(), Some(9));
}

#[test]
fn several_holders_are_all_ended() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("delete");
    let mut holders: Vec<Client> = (0..3).map(|_| Client::holding(&scene, &["begin", "select * from tally"])).collect();
    holders.push(Client::holding(&scene, &["begin immediate"]));
    for holder in &holders {
        scene.wait_aged(holder.pid(), 0.6);
    }
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(0), "{said}");
    assert!(holders.iter_mut().all(|holder| holder.ended() == Some(15)));
    assert_eq!(signals(&scene).len(), 4, "{:?}", signals(&scene));
}

#[test]
fn a_second_telethon_client_is_ended_and_the_login_is_there() {
    if !require::has(Ability::Telethon) {
        return;
    }
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("stale_process", 0.5);
    telethon_bridge(&mut scene, "0");
    log_in(&scene);
    let mut client = Client::telethon(&scene, &["telethon-hold", &session_of(&scene)]);
    scene.wait_aged(client.pid(), 0.6);
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(0), "{said}\n{}", scene.journal());
    assert_eq!(client.ended(), Some(15));
    assert!(has_auth_key(&scene.data("valor_bridge.session")));
    assert!(embedded_bridge(&scene).is_some());
}

#[test]
fn a_young_holder_is_waited_for_and_ended_once_it_is_old_enough() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let mut scene = scene("delete");
    scene.set("stale_process", 3.0);
    let mut holder = Client::holding(&scene, &["begin exclusive"]);
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(holder.ended(), Some(15));
    let acts = signals(&scene);
    // Its age is in the line of the act.
    let age = acts[0].split_once(&format!("(pid {}, ", holder.pid())).and_then(|(_, rest)| rest.split_once(" s old"));
    let age: Option<f64> = age.and_then(|(age, _)| age.parse().ok());
    assert!(acts.len() == 1 && age.is_some_and(|age| age >= 3.0), "{acts:?}");
}

#[test]
fn a_young_holder_that_ends_by_itself_gets_no_signal() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let mut scene = scene("delete");
    scene.set("stale_process", 600.0);
    let mut holder = Client::holding(&scene, &["begin exclusive"]);
    let mut cleaning = scene.command(&["clean-locks"]).spawn().expect("it starts");
    scene.wait("its recovery lock", || scene.data("recovery-in-progress").exists().then_some(()));
    assert_eq!(holder.ended(), None);
    holder.kill();
    let code = scene.wait("its end", || cleaning.try_wait().expect("our own child can be asked")).code();
    assert_eq!(code, Some(0), "{}", scene.journal());
    assert!(signals(&scene).is_empty(), "{:?}", scene.acts());
    assert!(embedded_bridge(&scene).is_some());
}

#[test]
fn a_holder_of_another_user_is_reported_and_not_attacked() {
    if !require::has(Ability::Root) || !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("delete");
    let mut holder = session::as_nobody(&scene, &["begin immediate", "update tally set n = 1"]);
    scene.wait_aged(holder.pid(), 0.6);
    let before = files(&scene.data(""), |name| name.starts_with("valor_bridge.session"));
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&holder.pid().to_string()) && said.contains("another user"), "{said}");
    assert_eq!(holder.ended(), None);
    assert!(signals(&scene).is_empty(), "{:?}", scene.acts());
    let after = files(&scene.data(""), |name| name.starts_with("valor_bridge.session"));
    assert_eq!(after, before, "its journal above all");
}

#[test]
fn a_dry_run_says_whom_it_would_end_and_does_nothing() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("delete");
    let mut holder = Client::holding(&scene, &["begin exclusive"]);
    scene.wait_aged(holder.pid(), 0.6);
    let before = files(&scene.data(""), |_| true);
    let output = scene.run(&["clean-locks", "--dry-run"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(&holder.pid().to_string()), "{said}");
    assert_eq!(holder.ended(), None);
    assert_eq!(files(&scene.data(""), |_| true), before);
    assert!(scene.acts().is_empty() && embedded_bridge(&scene).is_none());
}

#[test]
fn a_bridge_that_works_is_not_interrupted() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("delete");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let bridge = scene.wait_bridge();
    let mut idle = Client::holding(&scene, &["select count(*) from tally"]);
    scene.wait_aged(idle.pid(), 0.6);
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains(&bridge.to_string()), "{said}");
    assert!(alive(bridge) && idle.ended().is_none() && scene.acts().is_empty(), "{:?}", scene.acts());
}

/// The first trap: RESERVED and a journal for four minutes (of a scene's time) are a session at work.
#[test]
fn a_telethon_session_at_work_is_not_stuck() {
    if !require::has(Ability::Telethon) {
        return;
    }
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("stale_process", 0.5);
    telethon_bridge(&mut scene, "4");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let bridge = scene.wait_bridge();
    for _ in 0..2 {
        scene.wait("a session at work", || {
            let journal = scene.data("valor_bridge.session-journal").exists();
            (journal && place(&locks(&scene), bridge).as_deref() == Some("reserved")).then_some(())
        });
        let (code, said) = clean_locks(&scene);
        assert_eq!(code, Some(4), "{said}");
        scene.wait_looks(2);
        assert!(alive(bridge) && scene.acts().is_empty(), "{:?}", scene.acts());
        assert_eq!(scene.check().0["cause"], "none");
    }
}

/// The rest of the first trap: a client that was killed leaves a journal without a header, which holds nothing. SQLite
/// leaves it where it is, and so do we.
#[test]
fn incident_1_what_a_killed_telethon_client_leaves_is_not_stuck_and_not_unlinked() {
    if !require::has(Ability::Telethon) {
        return;
    }
    let mut scene = Scene::new("embedded", 60.0);
    scene.script(WITHOUT_SESSION);
    log_in(&scene);
    Client::telethon(&scene, &["telethon-hold", &session_of(&scene)]).kill();
    let left = files(&scene.data(""), |name| name == "valor_bridge.session-journal");
    let (_, bytes) = &left["valor_bridge.session-journal"];
    assert!(bytes.len() > 512 && bytes[..8] == [0; 8], "a header of zeros");
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(files(&scene.data(""), |name| name == "valor_bridge.session-journal"), left, "inode and bytes");
    assert!(has_auth_key(&scene.data("valor_bridge.session")));
    assert!(embedded_bridge(&scene).is_some());
    assert_ne!(scene.check().0["cause"], "session-locked");
}

/// The second trap: byte 128, and SHARED on the main file, are a connection that is merely open. A reader of the -wal
/// keeps nobody from writing.
#[test]
fn an_open_connection_in_wal_mode_is_left_alone() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("wal");
    let mut idle = Client::holding(&scene, &["update tally set n = 1"]);
    let mut reader = Client::holding(&scene, &["begin", "select * from tally"]);
    let before = files(&scene.data(""), |name| name == "valor_bridge.session-wal");
    assert_eq!(before.len(), 1);
    scene.wait_aged(reader.pid(), 0.6);
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((idle.ended(), reader.ended()), (None, None));
    assert!(signals(&scene).is_empty(), "{:?}", scene.acts());
    assert!(embedded_bridge(&scene).is_some());
    let inode = |files: &std::collections::BTreeMap<String, (u64, Vec<u8>)>| files.values().next().map(|file| file.0);
    let after = files(&scene.data(""), |name| name == "valor_bridge.session-wal");
    assert_eq!(inode(&after), inode(&before), "the -wal is the same file");
}

/// A copy that the manager does not own keeps the bridge from coming up. A pause keeps the watch from it, not a person.
#[test]
fn a_copy_of_the_bridge_that_holds_the_lock_is_ended() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("stale_process", 0.5);
    scene.bridge(&["--exclusive"]);
    let mut copy = start("a copy", &mut as_the_bridge(&scene, &scene.root));
    // Before that there may be no session.
    scene.wait("its session", || scene.data("valor_bridge.session").exists().then_some(()));
    scene.wait("its lock", || (place(&locks(&scene), copy.1.id()).as_deref() == Some("exclusive")).then_some(()));
    scene.wait_aged(copy.1.id(), 0.6);
    assert_eq!(scene.run(&["pause"]).status.code(), Some(0));
    let _watch = scene.watch();
    // What ends during a pause is no crash, but it is seen.
    scene.wait_journal("is gone");
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(0), "{said}\n{}", scene.journal());
    scene.wait("its end", || copy.1.try_wait().expect("our own child can be asked"));
    let acts = signals(&scene);
    let whom = format!("SIGTERM to a process that holds the session's lock (pid {},", copy.1.id());
    assert!(acts.len() == 1 && acts[0].starts_with(&whom), "{acts:?}");
    scene.wait("the bridge with its session", || {
        let bridge = embedded_bridge(&scene)?;
        (place(&locks(&scene), bridge).as_deref() == Some("exclusive")).then_some(())
    });
}

#[test]
fn a_bridge_that_hangs_with_the_lock_is_ended_and_started() {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("stale_process", 0.5);
    scene.bridge(&["--exclusive", "--hang", "data/hang"]);
    let mut watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let bridge = scene.wait_bridge();
    // A person acts, and not the watch.
    assert_eq!(scene.run(&["pause"]).status.code(), Some(0));
    // Not by SIGSTOP: the kernel itself ends what is stopped and loses its parent.
    std::fs::write(scene.data("hang"), "").expect("a file");
    // Nothing that it did before is a sign of life any more.
    scene.wait("the silence", || {
        let status = scene.status()?;
        let silent = status["check"]["facts"]["log"]["silent_s"].as_u64().is_some_and(|silent| silent > 8);
        (silent && status["history"]["stale_looks"].as_u64()? >= 2).then_some(())
    });
    watch.kill();
    assert_eq!(scene.run(&["resume"]).status.code(), Some(0));
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(0), "{said}\n{}", scene.journal());
    assert!(!alive(bridge), "{said}");
    let acts = signals(&scene);
    assert!(acts[0].starts_with(&format!("SIGTERM to the bridge (pid {bridge},")), "{acts:?}");
    assert!(embedded_bridge(&scene).is_some_and(|pid| pid != bridge));
}

#[test]
fn a_recovery_that_runs_is_not_disturbed_75() {
    let (scene, watch, bridge) = waiting_for_work();
    database(&scene.data("valor_bridge.session"), "delete");
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(75), "{said}");
    assert!(said.contains(&format!("in progress (pid {})", watch.pid())), "{said}");
    assert!(alive(bridge));
}

/// A page of it is garbage: it is told, and not a byte changes.
#[test]
fn a_damaged_session_is_reported_and_left_alone() {
    let mut scene = scene("delete");
    scene.script(WITHOUT_SESSION);
    let session = scene.data("valor_bridge.session");
    let mut bytes = std::fs::read(&session).expect("a session");
    let half = bytes.len() / 2;
    bytes[half..].fill(0x5a);
    std::fs::write(&session, &bytes).expect("a session");
    // Of an earlier run, without a header.
    std::fs::write(scene.data("valor_bridge.session-journal"), [0; 1024]).expect("a journal");
    let before = files(&scene.data(""), |name| name.starts_with("valor_bridge.session"));
    let (code, said) = clean_locks(&scene);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("damaged"), "{said}");
    assert_eq!(files(&scene.data(""), |name| name.starts_with("valor_bridge.session")), before);
}

#[test]
fn bad_input_what_is_no_session_is_named_and_nothing_is_changed_or_blocked() {
    let rows: &[(&str, &dyn Fn(&Path), &[&str])] = &[
        ("missing", &|_| {}, &["is not there"]),
        ("folder", &|path| std::fs::create_dir(path).expect("a folder"), &["folder"]),
        ("loop", &|path| symlink(path, path).expect("a link"), &["can't be looked at", "symbolic link"]),
        (
            "pipe",
            &|path| assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success()),
            &["no regular file"],
        ),
        ("socket", &|path| drop(std::os::unix::net::UnixListener::bind(path).expect("a socket")), &["no regular file"]),
        ("empty", &|path| std::fs::write(path, "").expect("a file"), &["is empty"]),
        ("text", &|path| std::fs::write(path, "no database\n".repeat(99)).expect("a file"), &["damaged", "database"]),
    ];
    for (name, make, words) in rows {
        let mut scene = Scene::new("embedded", 60.0);
        scene.script(WITHOUT_SESSION);
        // A short name: that of a socket has a limit.
        let path = scene.data("s");
        scene.extra = "session = \"data/s\"\n".into();
        scene.write();
        make(&path);
        let facts =
            || std::fs::symlink_metadata(&path).ok().map(|meta| (meta.file_type(), meta.len(), meta.modified().ok()));
        let before = facts();
        let (code, said) = clean_locks(&scene);
        assert!(matches!(code, Some(1 | 3)), "{name}: {code:?} {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{name}: {said}");
        assert_eq!(facts(), before, "{name}");
        assert_eq!(files(&scene.data(""), |other| other.starts_with("s-")).len(), 0, "{name}: no journal was made");
        let output = scene.run(&["locks", "--json"]);
        let expected: &[i32] = if ["empty", "text"].contains(name) { &[0] } else { &[3] };
        assert!(output.status.code().is_some_and(|code| expected.contains(&code)), "{name}: {output:?}");
        // And the watch does its work all the same.
        let _watch = scene.watch();
        scene.wait_verdict("healthy", "none");
        assert_eq!(facts(), before, "{name}");
    }
}

/// Root reads everything, unless it has given up that right.
#[test]
fn bad_input_a_session_that_may_not_be_read_is_named_and_nothing_is_changed() {
    if !require::has(Ability::Root) {
        return;
    }
    let mut scene = scene("delete");
    scene.script(WITHOUT_SESSION);
    let path = scene.data("valor_bridge.session");
    std::fs::set_permissions(&path, Permissions::from_mode(0o000)).expect("its mode");
    let facts = || files(&scene.data(""), |name| name.starts_with("valor_bridge.session"));
    let before = facts();
    for command in ["locks", "clean-locks"] {
        let ours = scene.command(&[command]);
        let mut without = Command::new("setpriv");
        without.arg("--bounding-set=-dac_override,-dac_read_search").arg(ours.get_program()).args(ours.get_args());
        let output = without.env_remove("XDG_RUNTIME_DIR").env_remove("DBUS_SESSION_BUS_ADDRESS").output();
        let output = output.expect("setpriv");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // Who holds it is known where the kernel's own list tells, for which nothing is opened.
        let expected: &[i32] = if command == "locks" { &[0, 3] } else { &[1] };
        assert!(output.status.code().is_some_and(|code| expected.contains(&code)), "{command}: {output:?}");
        if output.status.code() != Some(0) {
            assert!(said.contains("valor_bridge.session") && said.contains("ermission denied"), "{command}: {said}");
        }
        assert_eq!(facts(), before, "{command}");
    }
}

#[test]
fn a_watch_frees_a_session_that_keeps_its_bridge_down_and_says_how_long_it_took() {
    if !require::has(Ability::Sqlite) {
        return;
    }
    // The bridge's start waits 5 s for the lock and ends; its manager starts it again at once, so that it is hardly ever
    // seen down. A reader is in the way of its commit.
    for (mode, statements) in [
        ("delete", ["begin exclusive", "select 1"]),
        ("delete", ["begin", "select * from tally"]),
        ("wal", ["begin immediate", "select 1"]),
    ] {
        let mut scene = scene(mode);
        scene.set("stale_process", 3.0);
        let mut holder = Client::holding(&scene, &statements);
        let mut decoys = decoys(&scene);
        let before = neighbours(&scene);
        let _watch = scene.watch();
        scene.wait_aged(holder.pid(), 2.5);
        assert_eq!(holder.ended(), None, "{mode}: too young");
        scene.wait_aged(holder.pid(), 3.0);
        let old_enough = Instant::now();
        scene.wait("its end", || holder.ended());
        scene.wait_verdict("healthy", "none");
        println!("{mode}: from old enough to healthy: {:.1} s", old_enough.elapsed().as_secs_f64());
        let acts = signals(&scene);
        let whom = format!("SIGTERM to a process that holds the session's lock (pid {},", holder.pid());
        assert!(acts.len() == 1 && acts[0].starts_with(&whom), "{mode}: {acts:?}");
        assert!(scene.rungs().iter().any(|rung| rung.starts_with("3 done: ")), "{mode}: {:?}", scene.rungs());
        assert_eq!(neighbours(&scene), before, "{mode}");
        all_alive(&mut decoys);
    }
}

/// The bridge lives and says so: it is not touched, and works again once the lock is free.
#[test]
fn a_watch_frees_the_session_of_a_bridge_that_says_it_is_locked() {
    if !require::has(Ability::Telethon) {
        return;
    }
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("stale_process", 3.0);
    telethon_bridge(&mut scene, "0");
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    let bridge = scene.wait_bridge();
    let mut client = Client::telethon(&scene, &["telethon-hold", &session_of(&scene)]);
    scene.wait_verdict("unhealthy", "session-locked");
    assert_eq!(client.ended(), None, "it is too young");
    scene.wait_aged(client.pid(), 3.0);
    let old_enough = Instant::now();
    assert_eq!(scene.wait("its end", || client.ended()), 15);
    scene.wait_verdict("healthy", "none");
    println!("from old enough to healthy: {:.1} s", old_enough.elapsed().as_secs_f64());
    assert!(alive(bridge), "{}", scene.journal());
    assert!(has_auth_key(&scene.data("valor_bridge.session")));
    assert_eq!(signals(&scene).len(), 1, "{:?}", scene.acts());
    assert!(scene.rungs().iter().any(|rung| rung.starts_with("3 done: ")), "{:?}", scene.rungs());
}

#[test]
fn a_watch_leaves_a_holder_of_another_user_alone_and_tells() {
    if !require::has(Ability::Root) || !require::has(Ability::Sqlite) {
        return;
    }
    let scene = scene("delete");
    let mut holder = session::as_nobody(&scene, &["begin exclusive"]);
    scene.wait_aged(holder.pid(), 0.6);
    let _watch = scene.watch();
    let status = scene.wait_verdict("unhealthy", "session-locked");
    let check = status["check"].to_string();
    assert!(check.contains(&holder.pid().to_string()) && check.contains("another user"), "{check}");
    scene.wait_looks(4);
    assert_eq!(holder.ended(), None);
    assert!(signals(&scene).is_empty(), "{:?}", scene.acts());
    holder.kill();
    scene.wait_verdict("healthy", "none");
}
