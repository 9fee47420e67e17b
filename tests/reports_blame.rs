//! Reports of people who run such a bridge: whatever ends a start is held against HEAD (kind E). In each case HEAD is
//! ten minutes old (sixty times faster: ten seconds) and auto-revert is on; whether a run speaks against it is what is
//! tried. Nothing is signalled, and the manager alone starts.

use crate::support::bot::{Bot, Mood};
use crate::support::systemd::{self, ALWAYS, keys_of, verbs};
use crate::support::{Launchd, Scene, Watch, acts_of_launchctl, keys, load, unloaded};
use bridge_watchdog::config::Config;
use bridge_watchdog::limits::Environment;
use bridge_watchdog::observe::Observer;
use bridge_watchdog::system::process;
use bridge_watchdog::system::service::Service;
use serde_json::{Value, json};

/// What Python prints above the error of R10 and R13.
const TRACE: &str = "Traceback (most recent call last):\n  File \"bridge/telegram_bridge.py\", line 2841, in <module>\n    \
                     asyncio.run(main())\n";
const R10: &str = "telethon.errors.rpcerrorlist.AuthKeyDuplicatedError: The authorization key (session file) was used under two \
                   different IP addresses simultaneously, and can no longer be used";
const R13: &str = "sqlite3.OperationalError: attempt to write a readonly database";

/// Ten minutes, sixty times faster.
const FRESH: i64 = 10;

/// A fresh HEAD, auto-revert, a bot; no start of ours.
fn suspicious(scene: &mut Scene) -> Bot {
    let bot = Bot::new(Mood::Fine);
    scene.extra = format!("{}[recovery]\nauto_revert = true\n", Bot::config(bot.address));
    scene.set("respawn_margin", 600.0);
    scene.set("crash_window", 600.0);
    scene.write();
    scene.commit("bridge.py", "a better bridge\n", "A better bridge", FRESH);
    bot
}

struct Case {
    scene: Scene,
    bot: Bot,
    _watch: Watch,
}

/// A bridge of `embedded` that prints the text of `says` and then does the rest.
fn bridge_that(says: &str, rest: &str) -> Case {
    let mut scene = Scene::new("embedded", 60.0);
    let bot = suspicious(&mut scene);
    std::fs::write(scene.root.join("says"), says).expect("its last lines");
    scene.script(&format!("cat says >&2\n{rest}\n"));
    let watch = scene.watch();
    Case { scene, bot, _watch: watch }
}

/// The same with a traceback that ends with this error.
fn raises(error: &str) -> Case {
    bridge_that(&format!("{TRACE}{error}\n"), "exit 1")
}

impl Case {
    /// After four ends in a row: the class of each, and the verdict with its exit code. No commit is the suspect.
    fn not_held_against_head(&self, class: &str, state: &str, cause: &str, code: i32) -> String {
        let crashes = self.scene.wait("four ends", || {
            let crashes = self.scene.events("crash");
            (crashes.len() >= 4).then_some(crashes)
        });
        assert!(crashes.iter().all(|crash| crash["class"] == class), "{crashes:?}");
        // Between two looks it may just have been started.
        let check = self.scene.wait(cause, || {
            let (check, exit) = self.scene.check();
            (check["state"] == state && check["cause"] == cause && exit == code).then_some(check)
        });
        assert_eq!(check["facts"]["crashes"], json!({"last_30m": 0, "on_head": 0}), "{check}");
        nobody_accused(&self.scene);
        check["issues"].to_string()
    }

    fn alert(&self) -> String {
        self.scene.wait("the alert", || self.bot.calls().into_iter().next())
    }

    /// Three ends that are held against HEAD.
    fn bad_commit(&self) {
        let status = self.scene.wait_verdict("unhealthy", "bad-commit");
        assert!(status["check"]["issues"].to_string().contains("HEAD (A better bridge) is the suspect"), "{status}");
    }
}

/// No commit was ever the suspect, and nothing was signalled.
fn nobody_accused(scene: &Scene) {
    let journal = scene.journal();
    assert!(!journal.contains("bad-commit") && !journal.contains("is the suspect"), "{journal}");
    let signals: Vec<String> = scene.acts().into_iter().filter(|act| act.contains("SIG")).collect();
    assert!(signals.is_empty(), "{signals:?}");
}

#[test]
fn what_ends_in_the_bridges_own_code_is_still_held_against_a_fresh_head() {
    raises("KeyError: 'chat'").bad_commit();
}

#[test]
fn r10_a_session_that_was_used_twice_asks_for_a_login() {
    let case = raises(R10);
    case.not_held_against_head("login", "waiting", "auth-required", 4);
    let text = case.alert();
    assert!(text.contains("Telegram asks for a new login"), "{text}");
    let root = case.scene.root.display();
    assert!(
        text.contains(&format!("To log in: cd '{root}' && .venv/bin/python scripts/telegram_login.py\n")),
        "{text}"
    );
    case.scene.wait_looks(4);
    assert_eq!(case.bot.calls().len(), 1, "{:?}", case.bot.delivered());
    assert!(case.scene.rungs().is_empty() && case.scene.acts().is_empty(), "{}", case.scene.journal());
}

#[test]
fn r10_under_launchd_no_start_is_added_to_its_own() {
    let (bot, scene, launchd) = under_launchd(|scene| {
        std::fs::write(scene.root.join("says"), format!("{TRACE}{R10}\n")).expect("its last lines");
        vec!["/bin/sh".into(), "-c".into(), "cat says >&2; exit 1".into()]
    });
    let _watch = scene.watch();
    scene.wait_verdict("waiting", "auth-required");
    scene.wait("four ends", || (scene.events("crash").len() >= 4).then_some(()));
    let crashes = scene.events("crash");
    assert!(crashes.iter().all(|crash| crash["class"] == "login" && crash["reason"] == "exit 1"), "{crashes:?}");
    assert_eq!(scene.check().1, 4);
    assert!(bot.delivered()[0].contains("To log in: cd '"), "{:?}", bot.delivered());
    assert!(acts_of_launchctl(&launchd).is_empty(), "{:?}", acts_of_launchctl(&launchd));
    nobody_accused(&scene);
}

/// It dies after the tick's look has found it alive and its log unchanged, and before the deeper one that follows.
#[test]
fn r10_twin_last_words_between_two_looks_are_heard() {
    let (_bot, scene, launchd) = under_launchd(|scene| {
        std::fs::write(scene.root.join("says"), format!("{TRACE}{R10}\n")).expect("its last lines");
        vec!["/bin/sh".into(), "-c".into(), "until [ -e go ]; do sleep 0.02; done; cat says >&2; exit 1".into()]
    });
    let home = scene.folder.path().join("home");
    let environment = Environment {
        launchctl: launchd.launchctl(),
        state_dir: home.join("state"),
        ..Environment::real().expect("an environment")
    };
    let config = Config::load(&scene.config_file(), &environment).expect("a configuration");
    let mut observer = Observer::new(&config, &environment, &Service::of(&config, &environment));
    launchd.wait_pid(&scene.label);
    observer.shallow();
    let mut facts = observer.shallow();
    let died = facts.running().expect("a bridge").id;
    std::fs::write(scene.root.join("go"), "").expect("a file");
    scene.wait("its death", || (process::find(died.pid).map(|process| process.id) != Some(died)).then_some(()));
    observer.deepen(&mut facts);
    assert_ne!(facts.running().map(|process| process.id), Some(died));
    let log = facts.log.known().expect("a log");
    assert!(
        log.grew && log.said.ended_by.as_ref().is_some_and(|ended| ended.error.contains("AuthKeyDuplicated")),
        "{log:?}"
    );
}

/// A scene whose job is this program, loaded.
fn under_launchd(program: impl FnOnce(&Scene) -> Vec<String>) -> (Bot, Scene, Launchd) {
    let mut bot = None;
    let (mut scene, launchd) = unloaded(&[], &keys(), |scene| bot = Some(suspicious(scene)));
    let program = program(&scene);
    let words: Vec<&str> = program.iter().map(String::as_str).collect();
    scene.program_is(&words);
    let mut all = keys();
    all["WorkingDirectory"] = json!(scene.root);
    all["StandardOutPath"] = json!(scene.log());
    all["StandardErrorPath"] = json!(scene.error_log());
    launchd.write_plist(&scene.label, &scene.program(), &all);
    load(&scene, &launchd);
    (bot.expect("a bot"), scene, launchd)
}

/// The fixture's link: the version that it leads to is gone.
fn link_to_nowhere(scene: &Scene) {
    std::fs::create_dir_all(scene.root.join(".venv/bin")).expect("a folder");
    let gone = "/opt/homebrew/Cellar/python@3.12/3.12.4/bin/python3.12";
    std::os::unix::fs::symlink(gone, scene.root.join(".venv/bin/python")).expect("a link");
}

const PROGRAM: [&str; 2] = [".venv/bin/python", "bridge.py"];

/// What R12 has to say, under each manager.
fn interpreter_is_named(scene: &Scene, bot: &Bot) {
    scene.wait_verdict("waiting", "config-error");
    scene.wait_looks(6);
    let (check, exit) = scene.check();
    assert_eq!((&check["cause"], exit), (&json!("config-error"), 4), "{check}");
    let text = scene.wait("the alert", || bot.calls().into_iter().next());
    for said in [check["issues"].to_string(), text] {
        assert!(said.contains("can't be started") && said.contains(".venv/bin/python"), "{said}");
        assert!(said.contains("leads nowhere"), "{said}");
    }
    let crashes = scene.events("crash");
    assert!(crashes.iter().all(|crash| crash["class"] == "start"), "{crashes:?}");
    assert_eq!(bot.calls().len(), 1, "{:?}", bot.delivered());
    nobody_accused(scene);
}

#[test]
fn r12_an_interpreter_that_is_gone_is_named_embedded() {
    let mut scene = Scene::new("embedded", 60.0);
    let bot = suspicious(&mut scene);
    link_to_nowhere(&scene);
    scene.program_is(&PROGRAM);
    let _watch = scene.watch();
    interpreter_is_named(&scene, &bot);
}

#[test]
fn r12_an_interpreter_that_is_gone_is_named_under_launchd() {
    let (bot, scene, launchd) = under_launchd(|scene| {
        link_to_nowhere(scene);
        let absolute = scene.root.join(PROGRAM[0]).to_str().expect("a path").to_owned();
        vec![absolute, PROGRAM[1].into()]
    });
    let _watch = scene.watch();
    interpreter_is_named(&scene, &bot);
    assert!(scene.check().0["facts"]["process"]["last_exit"].to_string().contains("78"), "{}", scene.check().0);
    assert!(acts_of_launchctl(&launchd).is_empty(), "{:?}", acts_of_launchctl(&launchd));
}

#[test]
fn r12_an_interpreter_that_is_gone_is_named_under_systemd() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let bot = suspicious(&mut scene);
    link_to_nowhere(&scene);
    let absolute = scene.root.join(PROGRAM[0]).to_str().expect("a path").to_owned();
    scene.program_is(&[&absolute, PROGRAM[1]]);
    manager.begin(&scene, "Restart=always\nRestartSec=0.3\nStartLimitIntervalSec=0");
    let _watch = scene.watch();
    interpreter_is_named(&scene, &bot);
    assert!(scene.check().0["facts"]["process"]["last_exit"].to_string().contains("203"), "{}", scene.check().0);
}

#[test]
fn r13_a_read_only_database_is_the_environments_fault() {
    let case = raises(R13);
    let issues = case.not_held_against_head("environment", "waiting", "config-error", 4);
    assert!(issues.contains(R13), "{issues}");
    let text = case.alert();
    assert!(text.contains("can't use its disk, its files or its session") && text.contains(R13), "{text}");
    assert_eq!(case.bot.calls().len(), 1, "{:?}", case.bot.delivered());
}

/// HEAD's date lies ahead by so much.
fn from_the_future(ahead: i64) {
    let mut scene = Scene::new("embedded", 60.0);
    let bot = suspicious(&mut scene);
    scene.commit("bridge.py", "the best bridge\n", "From a Mac that is ahead", -ahead);
    std::fs::write(scene.root.join("says"), format!("{TRACE}KeyError: 'chat'\n")).expect("its last lines");
    scene.script("cat says >&2; exit 1");
    let _watch = scene.watch();
    let status = scene.wait_verdict("unhealthy", "crash-loop");
    assert!(status["check"]["issues"].to_string().contains("its date lies in the future"), "{status}");
    let text = scene.wait("the alert", || bot.calls().into_iter().next());
    assert!(text.contains("HEAD is not reverted: its date lies in the future"), "{text}");
    let (check, exit) = scene.check();
    assert_eq!((&check["cause"], exit), (&json!("crash-loop"), 1), "{check}");
    let crashes = scene.events("crash");
    assert!(crashes.iter().all(|crash| crash["commit_age_seconds"].is_null()), "{crashes:?}");
    nobody_accused(&scene);
}

#[test]
fn r22_a_commit_two_hours_ahead_has_no_age() {
    from_the_future(7200);
}

#[test]
fn r22_a_commit_weeks_ahead_has_no_age() {
    from_the_future(3 * 7 * 86400);
}

/// As the fixture does it: three crashes that the bridge's script records, and one look.
#[test]
fn r22_three_recorded_crashes_accuse_no_commit_of_the_future() {
    let mut scene = Scene::new("embedded", 1.0);
    let _bot = suspicious(&mut scene);
    for (ahead, cause) in [(7200, "crash-loop"), (-600, "bad-commit")] {
        scene.commit("bridge.py", &format!("ahead by {ahead}\n"), "From another Mac", -ahead);
        for _ in 0..3 {
            assert!(scene.run(&["record", "crash", "--reason", "exit 1"]).status.success());
        }
        let (check, exit) = scene.check();
        assert_eq!((&check["cause"], exit), (&json!(cause), 1), "{check}");
    }
    let ages: Vec<Value> = scene.events("crash").iter().map(|crash| crash["commit_age_seconds"].clone()).collect();
    assert!(ages[..3].iter().all(Value::is_null) && ages[3..].iter().all(Value::is_number), "{ages:?}");
}

/// A word that an error quotes is no reason of its own: these are the code's, and HEAD is the suspect.
#[test]
fn e_a_recorded_error_that_only_contains_a_word_is_the_codes() {
    let mut scene = Scene::new("embedded", 1.0);
    let _bot = suspicious(&mut scene);
    for reason in ["KeyError: 'author_id'", "KeyError: 'oauth'", "KeyError: 'connection_pool'"] {
        assert!(scene.run(&["record", "crash", "--reason", reason]).status.success());
    }
    let (check, exit) = scene.check();
    assert_eq!((&check["cause"], exit), (&json!("bad-commit"), 1), "{check}");
    assert!(scene.events("crash").iter().all(|crash| crash["class"] == "code"), "{:?}", scene.events("crash"));
}

/// A unit whose step before its start takes so many seconds and fails while `data/ready` is not there.
fn with_a_step_before(manager: &crate::support::Systemd, scene: &Scene, seconds: f64) {
    let test = format!("sleep {seconds}; test -e '{}'", scene.data("ready").display());
    let step = format!("ExecStartPre=/bin/sh -c \"{test}\"");
    let keys = keys_of(scene, &format!("Restart=always\nRestartSec=0.3\n{step}"));
    let words: Vec<String> = scene.program().iter().map(|word| format!("\"{word}\"")).collect();
    let unit = format!("[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart={}\n{keys}\n", words.join(" "));
    manager.write_text(&scene.label, &unit);
    manager.start_unit(&scene.label);
}

fn failed_tries(manager: &crate::support::Systemd, scene: &Scene, more: u64) {
    let tries = || manager.property(&scene.label, "NRestarts").parse::<u64>().unwrap_or(0);
    let before = tries();
    scene.wait("failed tries", || (tries() >= before + more).then_some(()));
}

#[test]
fn r33_a_step_before_the_start_that_fails_is_no_crash() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let bot = suspicious(&mut scene);
    scene.bridge(&[]);
    with_a_step_before(&manager, &scene, 0.0);
    let _watch = scene.watch();
    scene.wait_verdict("waiting", "config-error");
    failed_tries(&manager, &scene, 6);
    let (check, exit) = scene.check();
    assert_eq!((&check["cause"], exit), (&json!("config-error"), 4), "{check}");
    assert!(check["issues"].to_string().contains("a step before its start failed"), "{check}");
    let text = scene.wait("the alert", || bot.calls().into_iter().next());
    assert!(text.contains("a step before its start failed"), "{text}");
    // The cause is gone.
    std::fs::write(scene.data("ready"), "").expect("a file");
    scene.wait_verdict("healthy", "none");
    scene.wait_looks(6);
    assert!(scene.events("crash").is_empty(), "{:?}", scene.events("crash"));
    assert_eq!(scene.check().0["cause"], "none");
    nobody_accused(&scene);
    assert!(!verbs(&scene).iter().any(|verb| verb == "stop" || verb == "kill"), "{:?}", verbs(&scene));
}

#[test]
fn r33_a_bridge_that_worked_before_is_not_accused_either() {
    worked_before(0.0);
}

/// A pull without a network takes its time.
#[test]
fn r33_a_step_that_takes_long_to_fail_is_no_crash_either() {
    worked_before(1.0);
}

fn worked_before(seconds: f64) {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let _bot = suspicious(&mut scene);
    scene.bridge(&[]);
    std::fs::write(scene.data("ready"), "").expect("a file");
    with_a_step_before(&manager, &scene, seconds);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    std::fs::remove_file(scene.data("ready")).expect("a file");
    crate::support::signal(manager.wait_pid(&scene.label), rustix::process::Signal::KILL);
    scene.wait_verdict("waiting", "config-error");
    failed_tries(&manager, &scene, 6);
    std::fs::write(scene.data("ready"), "").expect("a file");
    scene.wait_verdict("healthy", "none");
    scene.wait_looks(6);
    let crashes = scene.events("crash");
    // The kill itself. On a busy machine systemd may be at its next try before anybody looks at how it ended.
    assert!(crashes.len() <= 1 && crashes.iter().all(|crash| crash["class"] != "code"), "{crashes:?}");
    nobody_accused(&scene);
}

/// A watch that begins while the tries fail, and one that is started again in between.
#[test]
fn r33_a_watch_that_is_started_again_in_between_counts_no_failed_try() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let _bot = suspicious(&mut scene);
    scene.bridge(&[]);
    std::fs::write(scene.data("ready"), "").expect("a file");
    with_a_step_before(&manager, &scene, 0.0);
    let mut watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    watch.kill();
    std::fs::remove_file(scene.data("ready")).expect("a file");
    crate::support::signal(manager.wait_pid(&scene.label), rustix::process::Signal::KILL);
    failed_tries(&manager, &scene, 6);
    let _watch = scene.watch();
    scene.wait_verdict("waiting", "config-error");
    failed_tries(&manager, &scene, 3);
    std::fs::write(scene.data("ready"), "").expect("a file");
    scene.wait_verdict("healthy", "none");
    scene.wait_looks(6);
    assert!(scene.events("crash").iter().all(|crash| crash["class"] != "code"), "{:?}", scene.events("crash"));
    nobody_accused(&scene);
}

#[test]
fn e_systemd_ends_a_bridge_that_used_too_much_memory() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let _bot = suspicious(&mut scene);
    // As the kernel's and systemd's out-of-memory killers do it.
    scene.script("echo started; sleep 0.3; kill -KILL $$");
    manager.begin(&scene, &format!("{ALWAYS}\nRestartSec=0.3\nStartLimitIntervalSec=0"));
    let _watch = scene.watch();
    scene.wait("four ends", || (scene.events("crash").len() >= 4).then_some(()));
    let crashes = scene.events("crash");
    // An end that nobody saw, since the next run had begun, is nobody's fault either.
    let blameless = |crash: &serde_json::Value| crash["class"] == "killed" || crash["class"] == "unseen";
    assert!(crashes.iter().all(blameless) && crashes.iter().any(|crash| crash["class"] == "killed"), "{crashes:?}");
    nobody_accused(&scene);
}

/// Who else runs such a bridge: each of these ends every start of it, and none speaks against a commit. A row is the
/// last words, how it ends, the class, and the verdict.
fn ends_of(rows: &[(&str, &str, &str, &str, &str, i32)]) {
    for (says, rest, class, state, cause, code) in rows {
        let case = bridge_that(&says.replace('@', TRACE), rest);
        case.not_held_against_head(class, state, cause, *code);
    }
}

#[test]
fn e_a_login_that_is_gone_in_other_words() {
    ends_of(&[
        (
            "@telethon.errors.rpcerrorlist.UserDeactivatedBanError: The user has been deleted/deactivated (caused by InvokeWithLayerRequest)\n",
            "exit 1",
            "login",
            "waiting",
            "auth-required",
            4,
        ),
        // A second factor was switched on.
        (
            "@telethon.errors.rpcerrorlist.SessionPasswordNeededError: Two-steps verification is enabled and a password is required\n",
            "exit 1",
            "login",
            "waiting",
            "auth-required",
            4,
        ),
        // A session file that a backup did not bring along: Telethon asks, and launchd has no terminal.
        (
            "Please enter your phone (or bot token): @EOFError: EOF when reading a line\n",
            "exit 1",
            "login",
            "waiting",
            "auth-required",
            4,
        ),
        // A bridge that catches it and says only the sentence.
        (
            "2026-11-26 10:00:00,000 [CRITICAL] bridge: The key is not registered in the system (caused by GetStateRequest)\n",
            "exit 1",
            "login",
            "waiting",
            "auth-required",
            4,
        ),
        // A fork on Pyrogram.
        (
            "@pyrogram.errors.exceptions.unauthorized_401.AuthKeyUnregistered: Telegram says: [401 AUTH_KEY_UNREGISTERED] - The key is not registered in the system\n",
            "exit 1",
            "login",
            "waiting",
            "auth-required",
            4,
        ),
    ]);
}

#[test]
fn e_an_environment_that_is_broken_in_other_ways() {
    let environment = |says: &'static str| (says, "exit 1", "environment", "waiting", "config-error", 4);
    ends_of(&[
        // Somebody ran it once with sudo.
        environment("@PermissionError: [Errno 13] Permission denied: '/Users/me/src/ai/logs/bridge.log'\n"),
        // macOS gives a launchd job 256 descriptors.
        environment("@OSError: [Errno 24] Too many open files: 'data/valor_bridge.session'\n"),
        // A home folder on a server with a quota.
        environment("@OSError: [Errno 122] Disk quota exceeded: 'data/last_connected'\n"),
        environment("@sqlite3.DatabaseError: database disk image is malformed\n"),
        environment("@sqlite3.DatabaseError: file is not a database\n"),
        // Of two programs the other one was quicker.
        environment(
            "@OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8080): address already in use\n",
        ),
    ]);
}

#[test]
fn e_ends_that_another_cause_explains() {
    let dead = ("unhealthy", "process-dead", 1);
    let row = |says: &'static str, rest: &'static str, class: &'static str| (says, rest, class, dead.0, dead.1, dead.2);
    ends_of(&[
        // Linux says so of inotify watches too, with half of the disk free.
        row("@OSError: [Errno 28] No space left on device\n", "exit 1", "disk"),
        row("@ConnectionError: Connection to Telegram failed 5 time(s)\n", "exit 1", "network"),
        // A router that answers for everybody.
        row(
            "@ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed\n",
            "exit 1",
            "network",
        ),
        row("@sqlite3.OperationalError: database is locked\n", "exit 1", "lock"),
        // The kernel's out-of-memory killer; a shell passes it on as 137.
        row("", "kill -KILL $$", "killed"),
        row("", "exit 137", "killed"),
        row("Another instance of the bridge is already running\n", "exit 1", "copy"),
    ]);
}

#[test]
fn e_a_flood_wait_that_ends_each_start_is_waited_for() {
    let says = "@telethon.errors.rpcerrorlist.FloodWaitError: A wait of 1800 seconds is required (caused by GetDialogsRequest)\n";
    ends_of(&[(says, "exit 1", "flood", "waiting", "flood-wait", 4)]);
}

#[test]
fn e_a_launcher_that_finds_no_program_is_named() {
    let case = bridge_that("/usr/bin/env: 'python3.12': No such file or directory\n", "exit 127");
    let issues = case.not_held_against_head("start", "waiting", "config-error", 4);
    assert!(issues.contains("can't be started (exit 127)"), "{issues}");
}

/// `uvicorn`, `pipx`: a script whose first line names the interpreter of a virtual environment.
#[test]
fn e_a_script_whose_interpreter_is_gone_is_named() {
    let mut scene = Scene::new("embedded", 60.0);
    let _bot = suspicious(&mut scene);
    crate::support::executable(&scene.root.join("bridge"), "#!/gone/venv/bin/python\nimport bridge\n");
    scene.program_is(&["./bridge"]);
    let _watch = scene.watch();
    let status = scene.wait_verdict("waiting", "config-error");
    let issues = status["check"]["issues"].to_string();
    assert!(issues.contains("the interpreter of ./bridge is not there: /gone/venv/bin/python"), "{issues}");
    nobody_accused(&scene);
}

/// A bad commit as people make it: the file that HEAD changed can't be read by Python, a C library falls over what HEAD
/// gives it, and a module that HEAD imports is not installed. (Also if the virtual environment was made anew without it:
/// that can't be told apart, and HEAD is only asked about while it is young.)
#[test]
fn e_what_head_can_have_done_is_held_against_it() {
    let syntax =
        "  File \"bridge/telegram_bridge.py\", line 3\n    foo(\n       ^\nSyntaxError: '(' was never closed\n";
    bridge_that(syntax, "exit 1").bad_commit();
    bridge_that("", "kill -SEGV $$").bad_commit();
    raises("ModuleNotFoundError: No module named 'httpx'").bad_commit();
    raises("AttributeError: 'NoneType' object has no attribute 'id'").bad_commit();
}

/// A bridge that ends when the test lets it, with what is in `says` then.
const ON_COMMAND: &str = "while [ ! -e data/go ]; do sleep 0.05; done; rm data/go; cat says >&2; exit 1";

/// Lets it end so often; `before` prepares the nth end.
fn ends_on_command(scene: &mut Scene, times: usize, before: impl Fn(&Scene, usize)) -> Watch {
    std::fs::write(scene.root.join("says"), format!("{TRACE}KeyError: 'chat'\n")).expect("its last lines");
    scene.script(ON_COMMAND);
    let watch = scene.watch();
    for nth in 0..times {
        scene.wait_bridge();
        before(scene, nth);
        std::fs::write(scene.data("go"), "").expect("a file");
        scene.wait("its end", || (scene.events("crash").len() > nth).then_some(()));
    }
    scene.wait_looks(3);
    let crashes = scene.events("crash");
    assert!(crashes.iter().all(|crash| crash["class"] == "code"), "{crashes:?}");
    watch
}

#[test]
fn e_three_ends_with_different_errors_are_no_pattern() {
    let mut scene = Scene::new("embedded", 60.0);
    let _bot = suspicious(&mut scene);
    let errors = ["KeyError: 'a'", "IndexError: list index out of range", "RuntimeError: no loop", "OSError: 5"];
    let _watch = ends_on_command(&mut scene, errors.len(), |scene, nth| {
        std::fs::write(scene.root.join("says"), format!("{TRACE}{}\n", errors[nth])).expect("its last lines");
    });
    assert!(!scene.journal().contains("crash-loop"), "{}", scene.journal());
    nobody_accused(&scene);
}

#[test]
fn e_three_ends_with_one_error_about_different_things_are_a_pattern() {
    let mut scene = Scene::new("embedded", 60.0);
    let _bot = suspicious(&mut scene);
    let _watch = ends_on_command(&mut scene, 3, |scene, nth| {
        let error = format!("KeyError: 'chat {nth}' in <Chat object at 0x7f3a9c{nth}e50>");
        std::fs::write(scene.root.join("says"), format!("{TRACE}{error}\n")).expect("its last lines");
    });
    scene.wait_journal("bad-commit");
}

#[test]
fn e_a_head_that_was_amended_between_two_ends_has_too_few_of_them() {
    let mut scene = Scene::new("embedded", 60.0);
    let _bot = suspicious(&mut scene);
    let _watch = ends_on_command(&mut scene, 4, |scene, nth| {
        scene.commit("bridge.py", &format!("amended {nth}\n"), &format!("A better bridge, take {nth}"), FRESH);
    });
    let line = scene.wait_journal("crash-loop");
    assert!(line.contains("of the crashes happened on it"), "{line}");
    nobody_accused(&scene);
}

#[test]
fn e_a_bridge_that_ends_with_0_again_and_again_accuses_nobody() {
    let case = bridge_that(&format!("{TRACE}KeyError: 'chat'\n"), "exit 0");
    case.scene.wait_journal("and never stayed up.");
    assert!(case.scene.events("crash").is_empty(), "{:?}", case.scene.events("crash"));
    nobody_accused(&case.scene);
}

/// As versions before wrote them: no class, and a bare `Infinity`. A reason that names another cause counts as that.
#[test]
fn old_lines_of_the_history_without_a_class_go_on_being_read() {
    let mut scene = Scene::new("embedded", 1.0);
    let _bot = suspicious(&mut scene);
    let repository = git2::Repository::open(&scene.root).expect("a repository");
    let head = repository.refname_to_id("HEAD").expect("a commit").to_string();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let write = |reason: &str| {
        let line = |ago: f64| {
            let (at, head) = (now - ago, &head[..8]);
            format!(
                "{{\"timestamp\": {at}, \"event_type\": \"crash\", \"commit_sha\": \"{head}\", \"commit_age_seconds\": Infinity, \
                 \"reason\": \"{reason}\", \"datetime\": \"2026-11-26T10:00:00\"}}\n"
            )
        };
        let lines: String = [3.0, 2.0, 1.0].map(|nth| line(nth * 0.5)).concat();
        std::fs::write(scene.data("crash_history.jsonl"), lines).expect("a history");
        let (check, _) = scene.check();
        (check["cause"].as_str().expect("a cause").to_owned(), check["facts"]["crashes"]["on_head"].clone())
    };
    assert_eq!(write("exit 1"), ("bad-commit".into(), json!(3)));
    assert_eq!(write("telethon.errors.rpcerrorlist.AuthKeyUnregisteredError: x").1, json!(0));
    assert_eq!(write("sqlite3.OperationalError: attempt to write a readonly database").1, json!(0));
    assert_eq!(write("network down").1, json!(0));
}

/// systemd hides the last exit of what runs, and starts again at once.
#[test]
fn e_systemd_starts_what_ends_with_0_so_quickly_that_no_end_is_seen() {
    let Some(manager) = systemd::or_skip() else { return };
    let mut scene = manager.scene();
    let _bot = suspicious(&mut scene);
    scene.script("sleep 0.2");
    manager.begin(&scene, "Restart=always\nRestartSec=0\nStartLimitIntervalSec=0");
    let _watch = scene.watch();
    let crashes = scene.wait("ends that were not seen", || {
        let crashes = scene.events("crash");
        (crashes.len() >= 4).then_some(crashes)
    });
    assert!(crashes.iter().all(|crash| crash["class"] == "unseen"), "{crashes:?}");
    let line = scene.wait_journal("crash-loop");
    assert!(line.contains("how the crashes on it ended was not seen"), "{line}");
    nobody_accused(&scene);
}

/// `exec python … > logs/bridge.log`: after a few starts the log is as long as it was.
#[test]
fn r10_in_a_log_that_each_start_cuts() {
    let mut scene = Scene::new("embedded", 60.0);
    let _bot = suspicious(&mut scene);
    std::fs::write(scene.log(), "[heartbeat] Bridge alive\n".repeat(2000)).expect("an old log");
    std::fs::write(scene.root.join("says"), format!("{TRACE}{R10}\n")).expect("its last lines");
    scene.script("exec > logs/bridge.log 2>&1\nsleep 0.25\ncat says\nexit 1\n");
    let _watch = scene.watch();
    let crashes = scene.wait("six ends", || {
        let crashes = scene.events("crash");
        (crashes.len() >= 6).then_some(crashes)
    });
    // What one has said may be cut off before anybody read it.
    assert!(crashes.iter().all(|crash| crash["class"] == "login" || crash["class"] == "unseen"), "{crashes:?}");
    assert!(crashes.iter().any(|crash| crash["class"] == "login"), "{crashes:?}");
    nobody_accused(&scene);
}

/// More than one look reads, after the error that would explain the end.
#[test]
fn r13_with_a_flood_of_lines_after_it() {
    let noise = "2026-11-27 10:00:00 [DEBUG] bridge: cleanup of handler\n".repeat(1400);
    let case = bridge_that(&format!("{TRACE}{R13}\n{noise}"), "exit 1");
    let crashes = case.scene.wait("four ends", || {
        let crashes = case.scene.events("crash");
        (crashes.len() >= 4).then_some(crashes)
    });
    let class = |crash: &Value| crash["class"] == "unseen" || crash["class"] == "environment";
    assert!(crashes.iter().all(class), "{crashes:?}");
    nobody_accused(&case.scene);
}
