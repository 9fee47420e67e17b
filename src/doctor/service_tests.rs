use super::*;
use crate::facts::{Condition, Exit};

fn job() -> Job {
    Job {
        installed: true,
        loaded: true,
        stopped_by_operator: false,
        unmet: None,
        file: None,
        unit: None,
        starting_since: None,
        pid: Some(7),
        runs: Some(1),
        run: None,
        last_exit: Exit::Never,
        throttle: Duration::from_secs(10),
        exit_timeout: EXIT_TIMEOUT,
        keep_alive: KeepAlive::Always,
        held_back: None,
        stopping: false,
        gave_up: false,
        active_without_process: false,
    }
}

fn seen(manager: Manager, job: Result<Job, String>) -> ServiceSeen {
    let plist = PlistSeen { file: Some("/a.plist".into()), others: vec![], usual_is_anothers: None };
    ServiceSeen {
        manager,
        name: "x",
        label: "l".into(),
        job,
        runtime_folder: true,
        drop_ins: "/d".into(),
        outputs: vec![],
        plist: (manager == Manager::Launchd).then_some(plist),
    }
}

/// What wants a mend of a job that is otherwise well.
#[test]
fn each_fault_of_a_job_has_its_mend() {
    use Manager::{Embedded, Launchd, Systemd};
    let file = || PathBuf::from("/a.plist");
    let keep =
        |keys: &[&str]| KeepAlive::Conditional(Condition::KeepAlive(keys.iter().map(|&key| key.into()).collect()));
    let on_failure = || KeepAlive::Conditional(Condition::Restart("on-failure".into()));
    let soon = Duration::from_secs(19);
    let stop = Mend::StopTimeout { folder: "/d".into(), seconds: 20 };
    let rows: Vec<(&str, Manager, Job, Option<(&str, Mend)>)> = vec![
        ("well", Launchd, job(), None),
        ("well", Systemd, job(), None),
        ("not installed", Launchd, Job { installed: false, loaded: false, ..job() }, Some(("service", Mend::Install))),
        ("not loaded", Launchd, Job { loaded: false, ..job() }, Some(("service", Mend::Bootstrap(file())))),
        ("disabled", Launchd, Job { stopped_by_operator: true, ..job() }, Some(("service", Mend::Enable("l".into())))),
        (
            "stopped",
            Systemd,
            Job { stopped_by_operator: true, ..job() },
            Some(("service", Mend::StartUnit("l".into()))),
        ),
        (
            "a dictionary",
            Launchd,
            Job { keep_alive: keep(&["SuccessfulExit"]), ..job() },
            Some(("keep-alive", Mend::Install)),
        ),
        (
            "a person's condition",
            Launchd,
            Job { keep_alive: keep(&["PathState"]), ..job() },
            Some(("keep-alive", Mend::KeepAliveKey(file()))),
        ),
        (
            "unreadable",
            Launchd,
            Job { keep_alive: KeepAlive::Unknown, ..job() },
            Some(("keep-alive", Mend::Edit(file()))),
        ),
        ("R16: a oneshot", Systemd, Job { keep_alive: KeepAlive::Unknown, ..job() }, None),
        ("on failure", Systemd, Job { keep_alive: on_failure(), ..job() }, Some(("keep-alive", Mend::DropIn))),
        ("never", Launchd, Job { keep_alive: KeepAlive::Never, ..job() }, Some(("keep-alive", Mend::Install))),
        ("too soon", Launchd, Job { exit_timeout: soon, ..job() }, Some(("exit-timeout", Mend::Install))),
        ("too soon", Systemd, Job { exit_timeout: soon, ..job() }, Some(("exit-timeout", stop))),
        ("ours to keep", Embedded, Job { exit_timeout: soon, keep_alive: KeepAlive::Never, ..job() }, None),
    ];
    for (name, manager, job, expected) in rows {
        let ill: Vec<_> = service(&seen(manager, Ok(job))).into_iter().filter(|finding| !finding.is_well()).collect();
        let ill: Vec<_> = ill.into_iter().map(|finding| (finding.id, finding.mend.expect("it is ill"))).collect();
        assert_eq!(ill, expected.into_iter().collect::<Vec<_>>(), "{name} {manager:?}");
    }
}

#[test]
fn a_manager_that_is_silent_says_nothing_of_the_job() {
    let no_folder = ServiceSeen { runtime_folder: false, ..seen(Manager::Systemd, Err("no".into())) };
    let rows = [
        (seen(Manager::Launchd, Err("no".into())), Mend::AskLaunchd),
        (seen(Manager::Systemd, Err("no".into())), Mend::AskSystemd),
        (no_folder, Mend::RuntimeFolder),
    ];
    for (seen, mend) in rows {
        let found = Found::ManagerSilent("no".into());
        assert_eq!(service(&seen), [Finding::ill("service-manager", found, mend)]);
    }
}

#[test]
fn r15_an_output_elsewhere_is_a_fault_only_where_nobody_writes_the_configured_log() {
    let rows = [
        ("the same", Some("/log"), Some(1.0), Some(1.0), true),
        ("a journal", None, None, None, true),
        ("elsewhere, and no log", Some("/out"), Some(1.0), None, false),
        ("elsewhere, and an old log", Some("/out"), Some(2.0), Some(1.0), false),
        ("elsewhere, and its own log", Some("/out"), Some(1.0), Some(2.0), true),
        ("elsewhere, never written", Some("/out"), None, Some(1.0), true),
        ("neither", Some("/out"), None, None, false),
    ];
    for (name, to, to_written, configured_written, well) in rows {
        let seen = OutputSeen {
            id: "output-path",
            to: to.map(PathBuf::from),
            configured: "/log".into(),
            to_written: to_written.map(Wall),
            configured_written: configured_written.map(Wall),
            config: "/c".into(),
        };
        assert_eq!(output(&seen).is_well(), well, "{name}");
    }
}

#[test]
fn r26_a_plist_of_another_name_is_well_and_a_second_one_is_not() {
    let plist = |file: Option<&str>, others: &[&str], anothers: Option<&str>| PlistSeen {
        file: file.map(PathBuf::from),
        others: others.iter().map(PathBuf::from).collect(),
        usual_is_anothers: anothers.map(PathBuf::from),
    };
    let rows = [
        (plist(Some("/l.plist"), &[], None), Some(None)),
        (plist(Some("/telegram bridge.plist"), &[], None), Some(None)),
        (plist(Some("/l.plist"), &["/b.plist"], None), Some(Some(Mend::MoveAway("/b.plist".into())))),
        (plist(Some("/b.plist"), &[], Some("/l.plist")), Some(Some(Mend::MoveAway("/l.plist".into())))),
        (plist(None, &[], None), None),
    ];
    for (seen, expected) in rows {
        assert_eq!(names(&seen).map(|finding| finding.mend), expected);
    }
}

#[test]
fn launchd_reads_no_file_that_others_can_change_or_that_came_from_the_network() {
    let rows = [
        (0o644, false, true, true),
        (0o600, false, true, true),
        (0o444, false, true, true),
        (0o664, false, false, true),
        (0o646, false, false, true),
        (0o044, false, false, true),
        (0o644, true, true, false),
    ];
    for (mode, quarantined, mode_well, quarantine_well) in rows {
        let [of_mode, of_quarantine] =
            agent_file("plist-mode", "plist-quarantine", &AgentFileSeen { path: "/a".into(), mode, quarantined });
        assert_eq!(
            (of_mode.is_well(), of_quarantine.is_well()),
            (mode_well, quarantine_well),
            "{mode:o} {quarantined}"
        );
    }
}
