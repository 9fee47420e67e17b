use super::*;

fn shown(text: &str) -> HashMap<String, String> {
    let base = "LoadState=loaded Restart=always RestartUSec=10s TimeoutStopUSec=20s UnitFileState=enabled NRestarts=2 \
        MainPID=0 ExecMainCode=0 ExecMainStatus=0";
    let pairs = base.split_ascii_whitespace().chain(text.split_ascii_whitespace());
    pairs.filter_map(|pair| pair.split_once('=')).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The stamps of a run that began at 10, left `active` and died then.
fn stamps(left: u32, died: u32) -> String {
    format!(
        "ExecMainStartTimestampMonotonic=10 ActiveExitTimestampMonotonic={left} ExecMainExitTimestampMonotonic={died}"
    )
}

/// Each row is what systemd 252 really showed in that situation; states that only newer versions have are marked.
#[test]
fn situations() {
    let (own, asked) = (stamps(21, 20), stamps(20, 21));
    let signal9 = "ExecMainCode=2 ExecMainStatus=9";
    // What follows the last exit: nothing, or what else is known of the unit.
    let rows: [(&str, String, Option<u32>, u64, Exit, &str); 29] = [
        ("running", "ActiveState=active SubState=running MainPID=77".into(), Some(77), 3, Exit::Never, ""),
        (
            "waits",
            format!("ActiveState=activating SubState=auto-restart {signal9} {own}"),
            None,
            3,
            Exit::Signal(9),
            "",
        ),
        (
            "exit 0, waits",
            format!("ActiveState=activating SubState=auto-restart ExecMainCode=1 {own}"),
            None,
            3,
            Exit::Code(0),
            "",
        ),
        (
            "exit 2, waits",
            format!("ActiveState=activating SubState=auto-restart ExecMainCode=1 ExecMainStatus=2 {own}"),
            None,
            3,
            Exit::Code(2),
            "",
        ),
        (
            "ExecStartPre of the next run",
            "ActiveState=activating SubState=start-pre Job=9".into(),
            None,
            2,
            Exit::Never,
            "held back",
        ),
        (
            "incident 45: the start limit, by exit 1",
            format!("ActiveState=failed SubState=failed Result=exit-code ExecMainCode=1 ExecMainStatus=1 {own}"),
            None,
            3,
            Exit::Code(1),
            "gave up",
        ),
        (
            "incident 45: the start limit, by starts by hand",
            format!(
                "ActiveState=failed SubState=failed Result=start-limit-hit ExecMainCode=2 ExecMainStatus=15 {asked}"
            ),
            None,
            3,
            Exit::Signal(15),
            "gave up",
        ),
        (
            "its watchdog, waits",
            format!(
                "ActiveState=activating SubState=auto-restart Result=watchdog ExecMainCode=3 ExecMainStatus=6 {asked}"
            ),
            None,
            3,
            Exit::Other("watchdog".into()),
            "",
        ),
        (
            "its watchdog, and Restart=no",
            format!(
                "ActiveState=failed SubState=failed Restart=no Result=watchdog ExecMainCode=2 ExecMainStatus=6 {asked}"
            ),
            None,
            3,
            Exit::Other("watchdog".into()),
            "gave up",
        ),
        (
            "out of memory, told to stop for it",
            format!(
                "ActiveState=failed SubState=failed Restart=no Result=oom-kill ExecMainCode=2 ExecMainStatus=15 {asked}"
            ),
            None,
            3,
            Exit::Other("oom-kill".into()),
            "gave up",
        ),
        (
            "RuntimeMaxSec",
            format!(
                "ActiveState=activating SubState=auto-restart Result=timeout ExecMainCode=2 ExecMainStatus=15 {asked}"
            ),
            None,
            3,
            Exit::Signal(15),
            "",
        ),
        (
            "an abort of its own",
            format!(
                "ActiveState=activating SubState=auto-restart Result=core-dump ExecMainCode=3 ExecMainStatus=6 {own}"
            ),
            None,
            3,
            Exit::Signal(6),
            "",
        ),
        (
            "its watchdog, and it is still there",
            "ActiveState=deactivating SubState=stop-watchdog Result=watchdog MainPID=77".into(),
            Some(77),
            3,
            Exit::Never,
            "stopping",
        ),
        (
            "systemd 254: failed, and will respawn",
            format!("ActiveState=failed SubState=failed-before-auto-restart {signal9} {own}"),
            None,
            3,
            Exit::Signal(9),
            "",
        ),
        (
            "systemd 254: dead, and will respawn",
            format!("ActiveState=inactive SubState=dead-before-auto-restart {signal9} {own}"),
            None,
            3,
            Exit::Signal(9),
            "",
        ),
        (
            "incident 27: operator stop",
            format!("ActiveState=inactive SubState=dead ExecMainCode=2 ExecMainStatus=15 {asked}"),
            None,
            3,
            Exit::Signal(15),
            "stopped",
        ),
        (
            "incident 27: operator stop in the wait",
            format!("ActiveState=inactive SubState=dead Result=signal {signal9} {own}"),
            None,
            3,
            Exit::Signal(9),
            "stopped",
        ),
        (
            "incident 27: operator stop that needed SIGKILL",
            format!("ActiveState=failed SubState=failed Result=timeout {signal9} {asked}"),
            None,
            3,
            Exit::Other("timeout".into()),
            "stopped",
        ),
        (
            "incident 27: operator stop answered with exit 1",
            format!("ActiveState=failed SubState=failed Result=exit-code ExecMainCode=1 ExecMainStatus=1 {asked}"),
            None,
            3,
            Exit::Code(1),
            "stopped",
        ),
        (
            "never started",
            "ActiveState=inactive SubState=dead ExecMainStartTimestampMonotonic=0".into(),
            None,
            2,
            Exit::Never,
            "",
        ),
        (
            "incident 27: forgotten after a stop",
            "ActiveState=inactive SubState=dead UnitFileState=disabled ExecMainStartTimestampMonotonic=0".into(),
            None,
            2,
            Exit::Never,
            "stopped",
        ),
        (
            "Restart=no, ended by itself",
            format!("ActiveState=inactive SubState=dead Restart=no ExecMainCode=1 {own}"),
            None,
            3,
            Exit::Code(0),
            "",
        ),
        (
            "Restart=no, stopped",
            format!("ActiveState=inactive SubState=dead Restart=no ExecMainCode=2 ExecMainStatus=15 {asked}"),
            None,
            3,
            Exit::Signal(15),
            "stopped",
        ),
        ("masked", "LoadState=masked ActiveState=inactive SubState=dead".into(), None, 2, Exit::Never, "stopped"),
        ("not found", "LoadState=not-found ActiveState=inactive SubState=dead".into(), None, 2, Exit::Never, "absent"),
        (
            "its file removed, and it runs",
            "LoadState=not-found ActiveState=active SubState=running MainPID=77".into(),
            Some(77),
            3,
            Exit::Never,
            "",
        ),
        (
            "its file removed, and it waits",
            format!("LoadState=not-found ActiveState=activating SubState=auto-restart {signal9} {own}"),
            None,
            3,
            Exit::Signal(9),
            "",
        ),
        (
            "stopping",
            "ActiveState=deactivating SubState=stop-sigterm MainPID=77 Job=123".into(),
            Some(77),
            3,
            Exit::Never,
            "stopping",
        ),
        (
            "dead, and a child of it is still there",
            format!("ActiveState=deactivating SubState=stop-sigterm {signal9} Job= {own}"),
            None,
            3,
            Exit::Signal(9),
            "held back",
        ),
    ];
    for (name, text, pid, runs, exit, else_) in rows {
        let job = parse(&shown(&text)).expect(name);
        assert_eq!((job.pid, job.runs, &job.last_exit), (pid, Some(runs), &exit), "{name}");
        let flags = [
            (job.stopped_by_operator, "stopped"),
            (job.gave_up, "gave up"),
            (job.stopping, "stopping"),
            (job.held_back.is_some(), "held back"),
            (!job.installed, "absent"),
        ];
        let flags: Vec<&str> = flags.into_iter().filter_map(|(holds, word)| holds.then_some(word)).collect();
        assert_eq!(flags.join(", "), else_, "{name}");
    }
}

#[test]
fn what_nobody_has_seen_is_unknown() {
    let rows = [
        ("", "systemctl answers in a form that is not known (ActiveState=, SubState=)"),
        (
            "ActiveState=dreaming SubState=deep",
            "systemctl answers in a form that is not known (ActiveState=dreaming, SubState=deep)",
        ),
        (
            "LoadState=bad-setting ActiveState=inactive",
            "systemd can't read the unit file (LoadState=bad-setting); 'systemctl --user status' says why",
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(parse(&shown(text)).unwrap_err(), expected);
    }
    let mut without_pid = shown("ActiveState=active SubState=running");
    without_pid.remove("MainPID");
    assert!(parse(&without_pid).unwrap_err().starts_with("systemctl answers in a form that is not known"));
}

#[test]
fn r16_how_it_restarts_says_nothing_of_a_oneshot() {
    let of = |restart: &str| KeepAlive::Conditional(Condition::Restart(restart.into()));
    let rows = [
        ("Type=simple Restart=no", KeepAlive::Never),
        ("Type=notify Restart=always", KeepAlive::Always),
        ("Type=simple Restart=on-failure", of("on-failure")),
        ("Type=oneshot Restart=no", KeepAlive::Unknown),
        ("Type=oneshot Restart=on-failure", KeepAlive::Unknown),
        ("Restart=no", KeepAlive::Never),
    ];
    for (text, expected) in rows {
        let job = parse(&shown(&format!("ActiveState=active SubState=exited {text}"))).expect(text);
        assert_eq!(job.keep_alive, expected, "{text}");
    }
}

#[test]
fn durations_are_text() {
    let rows = [
        ("10s", Some(10.0)),
        ("1min 30s", Some(90.0)),
        ("100ms", Some(0.1)),
        ("1h 30min 5.003000s", Some(5405.003)),
        ("5.003s", Some(5.003)),
        ("250us", Some(0.000_25)),
        ("1w 2d 3h 4min 5s 6ms", Some(788_645.006)),
        ("1month 1y", Some(2_630_016.0 + 31_557_600.0)),
        ("5 parsecs", None),
        ("0", Some(0.0)),
        ("infinity", None),
        ("", None),
    ];
    for (text, expected) in rows {
        assert_eq!(seconds(text), expected.map(Duration::from_secs_f64), "{text}");
    }
}

#[test]
fn why_systemctl_refuses_is_told_apart() {
    let rows = [
        ("Failed to reset failed state of unit x.service: Unit x.service not loaded.", Refusal::NotLoaded),
        ("Failed to connect to bus: No medium found", Refusal::NoSession),
        ("Failed to connect to user scope bus via local transport: No medium found", Refusal::NoSession),
        (
            "Failed to connect to user scope bus via local transport: $DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not \
             defined (consider using --machine=<user>@.host --user to connect to bus of other user)",
            Refusal::NoSession,
        ),
        ("Failed to connect to bus: Connection refused", Refusal::NoManager),
        ("Failed to connect to user scope bus via local transport: Connection refused", Refusal::NoManager),
        ("Failed to start x.service: Unit x.service not found.", Refusal::Other),
        ("Failed to start connect to bus.service: Unit is masked.", Refusal::Other),
        ("", Refusal::Other),
    ];
    for (said, expected) in rows {
        assert_eq!(refusal(said), expected, "{said}");
    }
    let refused =
        SystemctlError::Refused { verb: "start".into(), said: "No medium found".into(), why: Refusal::NoSession };
    assert_eq!(
        refused.to_string(),
        "systemctl --user start: No medium found; there is no user session here: set XDG_RUNTIME_DIR=/run/user/<uid>"
    );
}

/// A unit that was collected has nothing to reset, which is no failure; a manager that can't be asked is one.
#[test]
fn nothing_to_reset_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("Failed to reset failed state of unit x.service: Unit x.service not loaded.", true),
        ("Failed to connect to bus: Connection refused", false),
    ];
    for (said, works) in rows {
        let systemctl = folder.path().join(format!("systemctl-{works}"));
        // Written by another process: a fork of another test would keep a file of ours open, which can't be executed then.
        let write = ["-c", "printf '#!/bin/sh\\necho \"%s\" >&2\\nexit 1\\n' \"$1\" > \"$0\" && chmod 700 \"$0\""];
        let written = std::process::Command::new("/bin/sh").args(write).arg(&systemctl).arg(said).status().unwrap();
        assert!(written.success());
        let systemd = Systemd {
            home: "/home/me".into(),
            systemctl,
            label: "x".into(),
            ask: Duration::from_secs(20),
            respawn_near: Duration::from_secs(1),
        };
        assert_eq!(systemd.reset().is_ok(), works, "{:?}", systemd.reset());
    }
    let systemd = Systemd {
        home: "/home/me".into(),
        systemctl: "/nowhere/not loaded.".into(),
        label: "x".into(),
        ask: Duration::from_secs(1),
        respawn_near: Duration::from_secs(1),
    };
    assert!(systemd.reset().is_err(), "no words of ours decide");
}

/// Seen under load: systemd gave up while we looked, the reset made `inactive` of `failed`, and nobody started it again.
#[test]
fn incident_4_what_is_due_is_left_to_the_manager_as_it_is() {
    let now = clock::mono().0;
    for (died, expected) in [(now, vec!["show"]), (now + 60.0, vec!["show", "reset-failed", "restart"])] {
        let folder = tempfile::tempdir().unwrap();
        let systemctl = folder.path().join("systemctl");
        let text = format!(
            "#!/bin/sh\necho \"$3\" >> \"$0.calls\"\n[ \"$3\" != show ] || printf '%s\\n' LoadState=loaded \
             ActiveState=activating SubState=auto-restart MainPID=0 Restart=always RestartUSec=100ms \
             InactiveEnterTimestampMonotonic={:.0}\n",
            died * 1e6
        );
        // By another process: a child that a neighbour forks meanwhile would have it open for writing.
        let write = "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\"";
        let written = command::run(
            "/bin/sh".as_ref(),
            &["-c", write, systemctl.to_str().unwrap(), &text],
            Duration::from_secs(10),
        );
        assert_eq!(written.unwrap().code, Some(0));
        let systemd = Systemd {
            home: "/home/me".into(),
            systemctl,
            label: "x".into(),
            ask: Duration::from_secs(10),
            respawn_near: Duration::from_secs(1),
        };
        systemd.start().unwrap();
        let calls = std::fs::read_to_string(folder.path().join("systemctl.calls")).unwrap();
        assert_eq!(calls.lines().collect::<Vec<_>>(), expected);
    }
}

/// No stamp of a start, and a result that is no success: nothing of the bridge ran, whatever the exit code is.
#[test]
fn a_step_that_fails_before_the_start_is_no_exit_of_the_bridge() {
    let rows = [
        ("R33", "Result=exit-code ExecMainCode=0", true),
        ("E: a condition that ended with 0", "Result=exec-condition ExecMainCode=1 ExecMainStatus=0", true),
        (
            "a run that was started",
            "Result=exit-code ExecMainCode=1 ExecMainStatus=1 ExecMainStartTimestampMonotonic=10",
            false,
        ),
        ("never tried", "Result=success", false),
    ];
    for (name, text, before_start) in rows {
        let job = parse(&shown(&format!("ActiveState=failed SubState=failed {text}"))).unwrap();
        let said = matches!(&job.last_exit, Exit::NotStarted(why) if why.starts_with("a step before its start failed"));
        assert_eq!(said, before_start, "{name}: {:?}", job.last_exit);
    }
}

/// What systemd 252 shows of a unit that a condition keeps down (`FreezerState` as it is documented).
#[test]
fn r01_why_systemd_leaves_a_unit_down() {
    let own = stamps(21, 20);
    let rows: [(&str, String, Option<Unmet>); 18] = [
        ("running", "ActiveState=active SubState=running MainPID=77 ConditionResult=yes".into(), None),
        ("never tested", "ActiveState=inactive SubState=dead ConditionResult=no AssertResult=no".into(), None),
        (
            "tested, not met",
            format!("ActiveState=inactive SubState=dead ConditionResult=no ConditionTimestampMonotonic=22 {own}"),
            Some(Unmet::AtLastStart),
        ),
        (
            "an assertion",
            format!(
                "ActiveState=inactive SubState=dead ConditionResult=yes AssertResult=no AssertTimestampMonotonic=22 {own}"
            ),
            Some(Unmet::AtLastStart),
        ),
        (
            "met, and ended well",
            format!(
                "ActiveState=inactive SubState=dead ConditionResult=yes ConditionTimestampMonotonic=9 AssertResult=yes {own}"
            ),
            None,
        ),
        (
            "ExecCondition",
            "ActiveState=inactive SubState=dead Result=exec-condition ConditionResult=no ConditionTimestampMonotonic=9"
                .into(),
            Some(Unmet::ExecCondition),
        ),
        (
            "waits for its restart, the last test is of the run before",
            format!(
                "ActiveState=activating SubState=auto-restart ConditionResult=no ConditionTimestampMonotonic=9 {own}"
            ),
            None,
        ),
        (
            "systemd 254: will respawn",
            format!(
                "ActiveState=failed SubState=failed-before-auto-restart ExecMainCode=1 ExecMainStatus=42 RestartPreventExitStatus=42 {own}"
            ),
            None,
        ),
        ("prevented", prevented("1", "42", "3_42_KILL"), Some(Unmet::ExitStatus)),
        ("another exit", prevented("1", "1", "3_42_KILL"), None),
        ("not by its digits", prevented("1", "4", "3_42_KILL"), None),
        ("exit 2 is told as what it is", prevented("1", "2", "2_42"), None),
        ("by a signal", prevented("2", "9", "3_42_KILL"), Some(Unmet::ExitStatus)),
        ("another signal", prevented("2", "15", "3_42_KILL"), None),
        ("a signal is no exit code", prevented("2", "3", "3_42_KILL"), None),
        ("frozen", "ActiveState=active SubState=running MainPID=77 FreezerState=frozen".into(), Some(Unmet::Frozen)),
        (
            "systemd 255: its slice is frozen",
            "ActiveState=active SubState=running MainPID=77 FreezerState=frozen-by-parent".into(),
            Some(Unmet::Frozen),
        ),
        ("thawed", "ActiveState=active SubState=running MainPID=77 FreezerState=running".into(), None),
    ];
    for (name, text, expected) in rows {
        let mut shown = shown(&text);
        if let Some(list) = shown.get_mut("RestartPreventExitStatus") {
            *list = list.replace('_', " ");
        }
        let job = parse(&shown).unwrap();
        assert_eq!(refusals::frozen(&shown).or_else(|| refusals::refused(&shown, &job)), expected, "{name}");
    }
}

fn prevented(code: &str, status: &str, list: &str) -> String {
    format!(
        "ActiveState=failed SubState=failed Result=exit-code ExecMainCode={code} ExecMainStatus={status} \
         RestartPreventExitStatus={list} {}",
        stamps(21, 20)
    )
}
