use std::path::PathBuf;

use super::*;
use crate::doctor::finding::{Host, Pane};
use crate::facts::MissingProgram;
use crate::manager::Manager;
use crate::text::foreign;

#[test]
fn a_finding_is_one_line_with_its_mend() {
    let chmod = Mend::Chmod { path: "/c d".into(), mode: "600" };
    let ill = Finding::ill("config-mode", Found::Open(Exposure::Read("/c d".into())), chmod);
    let expected = "MEND  config-mode: /c d can be read by others, and a token is in it; run: chmod 600 '/c d'";
    assert_eq!(line(&ill, None, &foreign), expected);
    let well = Finding::well("clock", Found::Clock(-600.0));
    assert_eq!(line(&well, None, &foreign), "ok    clock: the clock is 10 min behind Telegram's");
    assert_eq!(command(&Mend::Install, Some(Path::new("/c d")), &foreign), "bridge-watchdog --config '/c d' install");
    assert_eq!(command(&Mend::Install, None, &foreign), "bridge-watchdog install");
}

/// Everything that may be found, for `text_expected.txt`.
pub(in crate::text) fn all_found() -> Vec<(String, String)> {
    let file = || PathBuf::from("/Users/me/src/ai/logs/bridge.log");
    let label = || "com.valor.bridge".to_owned();
    let keep =
        |keys: &[&str]| KeepAlive::Conditional(Condition::KeepAlive(keys.iter().map(|&key| key.into()).collect()));
    let folder = |protected| Found::Folder { root: "/Users/me/Documents/ai".into(), protected };
    let disk = |free, share, inodes| Found::Disk { place: "/Users/me/src/ai".into(), free, share, inodes };
    let misplaced = |why| Found::AgentMisplaced { program: "/x/bridge-watchdog".into(), why };
    let older = |by| Found::Older(Older { script: "/Users/me/src/ai/monitoring/watchdog.py".into(), by });
    let unit = |state: &str| Found::JobAtLogin(AtLogin::Unit(state.into()));
    let version = |running: &str| Found::Version { running: running.into(), here: "0.2.0".into() };
    let all = vec![
        ("disk", Found::Unseen("no answer for 5 s; the folder may be protected, or its volume gone".into())),
        ("config", Found::NoConfig("/Users/me/config.toml".into())),
        ("config", Found::ConfigRefused("/c: bridge.root is missing".into())),
        ("config", Found::Config("/Users/me/config.toml".into())),
        ("config-mode", Found::Private),
        ("config-mode", Found::Open(Exposure::Read("/c".into()))),
        ("config-mode", Found::Open(Exposure::Written("/c".into()))),
        ("config-mode", Found::Open(Exposure::Folder("/".into()))),
        ("alerts", Found::NobodyTold),
        ("alerts", Found::Told { chat: 7 }),
        ("token", Found::Bot("watchdog_bot".into())),
        ("chat", Found::Chat(7)),
        ("clock", Found::Clock(0.4)),
        ("clock", Found::Clock(90.0)),
        ("log", Found::There(file())),
        ("log", Found::NoFile { path: file(), kind: "a folder" }),
        ("log", Found::Empty(file())),
        ("log", Found::NoFolder(file())),
        ("log", Found::Unwritten(file())),
        ("session", Found::NoSession(file())),
        ("service-manager", Found::Manager("launchd")),
        ("service-manager", Found::ManagerSilent("launchctl print ended with 125".into())),
        ("service", Found::NotInstalled(label())),
        ("service", Found::NotLoaded(label())),
        ("service", Found::Stopped(label())),
        ("service", Found::Loaded(label())),
        ("service-file", Found::JobFile(JobFile::Well("/a.plist".into()))),
        ("service-file", Found::JobFile(JobFile::Gone(None))),
        ("service-file", Found::JobFile(JobFile::Gone(Some("/a.plist".into())))),
        ("service-file", Found::JobFile(JobFile::Broken { file: "/a.plist".into(), ours: true })),
        ("service-file", Found::JobFile(JobFile::Changed("/x.service".into()))),
        ("service-login", Found::JobAtLogin(AtLogin::Yes)),
        ("service-login", Found::JobAtLogin(AtLogin::DisabledIn("/a.plist".into()))),
        ("service-login", unit("enabled")),
        ("service-login", unit("disabled")),
        ("service-login", unit("static")),
        ("service-login", unit("generated")),
        ("service-login", unit("transient")),
        ("program", Found::ProgramGone { missing: MissingProgram::Absent("/x".into()), file: "/a.plist".into() }),
        ("keep-alive", Found::Restarts(KeepAlive::Always)),
        ("keep-alive", Found::Restarts(keep(&["SuccessfulExit", "Crashed"]))),
        ("keep-alive", Found::Restarts(KeepAlive::Conditional(Condition::Restart("on-failure".into())))),
        ("keep-alive", Found::Restarts(KeepAlive::Never)),
        ("keep-alive", Found::Restarts(KeepAlive::Unknown)),
        ("exit-timeout", Found::ExitTimeout(Duration::from_secs(5))),
        ("output-path", Found::Output { to: None, configured: file() }),
        ("output-path", Found::Output { to: Some(file()), configured: file() }),
        ("output-path", Found::Output { to: Some("/tmp/out".into()), configured: file() }),
        ("plist-name", Found::Plist(file())),
        ("plist-name", Found::Plists { used: "/a.plist".into(), other: "/b.plist".into() }),
        ("plist-name", Found::OtherLabel("/a.plist".into())),
        ("plist-mode", Found::Mode { path: "/a.plist".into(), mode: 0o666 }),
        ("plist-quarantine", Found::Quarantined("/a.plist".into())),
        ("plist-quarantine", Found::NotQuarantined),
        ("watch", Found::NoWatch),
        ("watch", Found::Watching { pid: 99 }),
        ("watch", Found::Overdue { pid: 99, seen: Some(Duration::from_mins(5)) }),
        ("watch", Found::Overdue { pid: 99, seen: None }),
        ("second-watch", Found::OneWatch),
        ("second-watch", Found::SecondWatch { pid: 98 }),
        ("second-watch", older(By::Agent { manager: Manager::Launchd, label: "com.valor.old".into(), loaded: true })),
        ("second-watch", older(By::Crontab)),
        ("second-watch", older(By::Process(98))),
        ("watch-version", version("0.1.0")),
        ("watch-version", version("0.2.0")),
        ("watch-version", version("")),
        ("watch-version", Found::Replaced { pid: 99 }),
        ("agent", Found::Agent("bridge-watchdog")),
        ("agent", Found::NoAgent("bridge-watchdog")),
        ("agent", Found::OtherAgent("/a.plist".into())),
        ("agent", misplaced(Misplaced::Translocated)),
        ("agent", misplaced(Misplaced::OtherVolume)),
        ("agent", misplaced(Misplaced::BuildFolder)),
        ("agent", misplaced(Misplaced::NoBundle)),
        ("agent", Found::AgentGone(MissingProgram::Absent("/Applications/x".into()))),
        ("agent", Found::AgentGone(MissingProgram::LinkToNowhere { path: "/a".into(), target: "/b".into() })),
        ("agent", Found::AgentGone(MissingProgram::NoInterpreter { script: "/a".into(), interpreter: "/b".into() })),
        ("agent-keep-alive", Found::AgentRestarts(keep(&["SuccessfulExit"]))),
        ("agent-keep-alive", Found::AgentRestarts(KeepAlive::Always)),
        ("agent-keep-alive", Found::AgentRestarts(KeepAlive::Never)),
        ("agent-keep-alive", Found::AgentRestarts(KeepAlive::Unknown)),
        ("agent-login", Found::AtLogin(true)),
        ("agent-login", Found::AtLogin(false)),
        ("background", Found::NeverStarted),
        ("linger", Found::Lingers(true)),
        ("linger", Found::Lingers(false)),
        ("update-script", Found::ScriptsAsk(0)),
        ("update-script", Found::ScriptsAsk(2)),
        ("update-script", Found::ScriptIgnores("/Users/me/src/ai/update.sh".into())),
        ("state", Found::Unwritable { path: "/s/watch.lock".into(), why: "Permission denied (os error 13)".into() }),
        ("disk", disk(5 << 30, 0.256, Some(7))),
        ("disk", disk(5 << 30, 0.256, Some(0))),
        ("auto-revert", Found::AutoRevert(AutoRevert::Off)),
        ("auto-revert", Found::AutoRevert(AutoRevert::On { user: Some("Ann".into()) })),
        ("auto-revert", Found::AutoRevert(AutoRevert::On { user: None })),
        ("auto-revert", Found::AutoRevert(AutoRevert::Cannot("it is a bare repository".into()))),
        ("protected-folder", folder(Protected::No)),
        ("protected-folder", folder(Protected::Allowed)),
        ("protected-folder", folder(Protected::Denied)),
        ("protected-folder", folder(Protected::Unknown)),
        ("signature", Found::Signature(Signature::None)),
        ("signature", Found::Signature(Signature::AdHoc)),
        ("signature", Found::Signature(Signature::By("Developer ID Application: Ann (A1)".into()))),
        ("sleep", Found::Sleep(0)),
        ("sleep", Found::Sleep(10)),
        ("automatic-login", Found::AutomaticLogin(true)),
        ("automatic-login", Found::AutomaticLogin(false)),
        ("power-cut", Found::PowerCut(true)),
        ("power-cut", Found::PowerCut(false)),
        ("icon", Found::Icon(IconSeen::Shown)),
        ("icon", Found::Icon(IconSeen::Unknown)),
        ("icon", Found::Icon(IconSeen::NotMade)),
        ("icon", Found::Icon(IconSeen::NoTray)),
        ("icon", Found::Icon(IconSeen::NoScreen)),
        ("icon", Found::Icon(IconSeen::NotPlaced)),
        ("icon", Found::Icon(IconSeen::NoRoom)),
        ("notifications", Found::Notifications(Notifications::Shown)),
        ("notifications", Found::Notifications(Notifications::Unknown)),
        ("notifications", Found::Notifications(Notifications::Denied)),
        ("notifications", Found::Notifications(Notifications::NotAsked)),
        ("notifications", Found::Notifications(Notifications::NoDaemon)),
    ];
    all.into_iter().map(|(id, seen)| (id.to_owned(), found(&seen, &foreign))).collect()
}

/// Every mend that reads the same on each platform.
pub(in crate::text) fn all_mends() -> Vec<(String, String)> {
    let file = || PathBuf::from("/Users/me/src/my ai/update.sh");
    let script = |python, shebang| {
        let marker = "/Users/me/src/my ai/data/x".into();
        Mend::AskLock { script: file(), python, shebang, marker }
    };
    let all = vec![
        Mend::Setup,
        Mend::Edit("/Users/me/config.toml".into()),
        Mend::Chmod { path: "/Users/me/config.toml".into(), mode: "600" },
        Mend::Unquarantine("/a.plist".into()),
        Mend::MakeFolder("/Users/me/src/ai/logs".into()),
        Mend::DropIn,
        Mend::Install,
        Mend::InstallApp,
        Mend::MoveApp("/Volumes/Bridge Watchdog/Bridge Watchdog.app".into()),
        Mend::MakeInstall("/Users/me/src/my watchdog".into()),
        Mend::Login { root: "/Users/me/src/my ai".into(), words: vec![".venv/bin/python".into(), "login.py".into()] },
        Mend::TakeBack("/home/me/.local/state/bridge-watchdog".into()),
        Mend::ShowMode("/Users/me/src/my ai/logs/bridge.log".into()),
        Mend::Reach("https://api.telegram.org".into()),
        Mend::RuntimeFolder,
        Mend::AskLaunchd,
        Mend::AskSystemd,
        Mend::Linger,
        Mend::Bootstrap("/a.plist".into()),
        Mend::Enable("com.valor.bridge".into()),
        Mend::StartUnit("bridge.service".into()),
        Mend::EnableUnit("bridge.service".into()),
        Mend::Unmask("bridge.service".into()),
        Mend::Reload,
        Mend::Renew("/Users/me/Library/LaunchAgents/b.plist".into()),
        Mend::KeepAliveKey("/a.plist".into()),
        Mend::StopTimeout { folder: "/home/me/.config/systemd/user/bridge.service.d".into(), seconds: 20 },
        Mend::MoveAway("/Users/me/Library/LaunchAgents/b.plist".into()),
        Mend::StartWatch(Host::Launchd),
        Mend::StartWatch(Host::Systemd),
        Mend::StartWatch(Host::Nobody),
        Mend::RestartWatch(Host::Launchd),
        Mend::RestartWatch(Host::Systemd),
        Mend::EndProcess(98),
        Mend::Disable { label: "com.valor.old".into(), loaded: true },
        Mend::Disable { label: "com.valor.old".into(), loaded: false },
        Mend::DisableUnit("old.timer".into()),
        Mend::Crontab,
        script(false, true),
        script(false, false),
        script(true, true),
        Mend::Hold(file()),
        Mend::FreeSpace("/Users/me/src/ai".into()),
        Mend::GitStatus("/Users/me/src/ai".into()),
        Mend::Settings(Pane::FullDiskAccess),
        Mend::Settings(Pane::LoginItems),
        Mend::Settings(Pane::Users),
        Mend::Settings(Pane::MenuBar),
        Mend::Settings(Pane::Notifications),
        Mend::NeverSleep,
        Mend::StartAfterPowerCut,
        Mend::IconLibrary,
        Mend::Tray,
        Mend::NotificationDaemon,
        Mend::OpenApp,
        Mend::Sign("/Applications/Bridge Watchdog.app".into()),
        Mend::Again,
    ];
    all.into_iter()
        .map(|mend| (format!("{mend:?}").split([' ', '(']).next().unwrap().into(), command(&mend, None, &foreign)))
        .collect()
}
