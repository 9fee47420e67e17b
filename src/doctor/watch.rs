//! The watchdog itself: whether it runs, in which version, and whether it is there after the next login. Pure.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::{Finding, Found, Host, Mend, Pane};
use crate::facts::{KeepAlive, MissingProgram};
use crate::install::place::{self, Misplaced};

pub struct WatchSeen {
    /// Who would keep our agent here.
    pub host: Host,
    pub agent: &'static str,
    pub watching: Option<u32>,
    /// Whether one runs can't be seen in our folder: why, and the mend.
    pub unseen: Option<(String, Mend)>,
    /// Its last look: how long ago, and whether that is too long.
    pub seen: Option<Duration>,
    pub fresh: bool,
    /// In the status file of this very watch; empty in that of an older version, which writes none.
    pub version: Option<String>,
    pub here: &'static str,
    /// Another file is where the watch's program was when it started.
    pub replaced: bool,
    pub installed: bool,
    pub other_agent: Option<OtherAgent>,
    /// Or why its manager can't say.
    pub at_login: Result<bool, String>,
    /// The program that our agent starts, where it can't stay as it is.
    pub fault: Option<ProgramFault>,
    /// As the manager knows our agent.
    pub keep_alive: Option<KeepAlive>,
    /// The manager would start our agent if it were told to; launchd only what it has loaded.
    pub startable: bool,
    /// Our agent is loaded, and has neither a process nor a run.
    pub never_started: bool,
}

/// What is under our name and does not start this checkout's watchdog.
pub struct OtherAgent {
    pub path: PathBuf,
    /// Or it does, and can't be read: why.
    pub unread: Option<String>,
}

/// What is wrong with the program that our agent starts, and what puts it right.
pub struct ProgramFault {
    pub found: Found,
    pub mend: Mend,
}

/// `misplaced` and `missing` are about `program`, `here` about the program that looks: `install` would write that one.
pub fn program(
    program: &Path,
    missing: Option<MissingProgram>,
    misplaced: Option<Misplaced>,
    (here, here_misplaced): (&Path, Option<Misplaced>),
) -> Option<ProgramFault> {
    let found = match (misplaced, missing) {
        (Some(why), _) => Found::AgentMisplaced { program: program.to_owned(), why },
        (None, Some(missing)) => Found::AgentGone(missing),
        (None, None) => return None,
    };
    let app = || place::bundle(here).map_or(Mend::InstallApp, Mend::MoveApp);
    let mend = match here_misplaced {
        None => Mend::Install,
        Some(Misplaced::BuildFolder) => source(here).map_or(Mend::InstallApp, Mend::MakeInstall),
        Some(_) if place::is_in_a_build_folder(here) => source(here).map_or_else(app, Mend::MakeInstall),
        Some(_) => app(),
    };
    Some(ProgramFault { found, mend })
}

/// The source folder that cargo has built a program from.
fn source(program: &Path) -> Option<PathBuf> {
    let target = program.ancestors().find(|folder| folder.ends_with("target"))?;
    target.parent().map(Path::to_owned)
}

/// An agent that is there.
pub fn agent_alone(agent: &'static str, fault: Option<&ProgramFault>) -> Finding {
    match fault {
        Some(fault) => Finding::ill("agent", fault.found.clone(), fault.mend.clone()),
        None => Finding::well("agent", Found::Agent(agent)),
    }
}

/// Our agent starts again whatever ends otherwise than by Quit. With a plain KeepAlive nobody could quit the app.
fn keep_alive(keep_alive: &KeepAlive) -> Finding {
    let found = Found::AgentRestarts(keep_alive.clone());
    match keep_alive {
        KeepAlive::Conditional(_) => Finding::well("agent-keep-alive", found),
        KeepAlive::Always | KeepAlive::Never | KeepAlive::Unknown => {
            Finding::ill("agent-keep-alive", found, Mend::Install)
        }
    }
}

pub fn watch(seen: &WatchSeen) -> Vec<Finding> {
    let by = if seen.installed { seen.host } else { Host::Nobody };
    let mut all = vec![running(seen, by)];
    all.extend(seen.watching.zip(seen.version.as_ref()).map(|(pid, version)| {
        let found = Found::Version { running: version.clone(), here: seen.here.to_owned() };
        if seen.replaced {
            Finding::ill("watch-version", Found::Replaced { pid }, anew(by, pid))
        } else if version == seen.here {
            Finding::well("watch-version", found)
        } else {
            Finding::ill("watch-version", found, anew(by, pid))
        }
    }));
    all.push(match &seen.other_agent {
        _ if seen.installed => agent_alone(seen.agent, seen.fault.as_ref()),
        Some(OtherAgent { path, unread: Some(why) }) => {
            let found = Found::Unseen(format!("{}: {why}", path.display()));
            Finding::ill("agent", found, Mend::ShowMode(path.clone()))
        }
        Some(OtherAgent { path, unread: None }) => {
            Finding::ill("agent", Found::OtherAgent(path.clone()), Mend::Install)
        }
        None => Finding::ill("agent", Found::NoAgent(seen.agent), Mend::Install),
    });
    if seen.installed {
        all.extend(seen.keep_alive.as_ref().map(keep_alive));
        all.push(match (&seen.at_login, seen.host) {
            (Err(why), _) => Finding::ill("agent-login", Found::Unseen(why.clone()), Mend::Again),
            (Ok(true), _) => Finding::well("agent-login", Found::AtLogin(true)),
            (Ok(false), Host::Launchd) => {
                Finding::ill("agent-login", Found::AtLogin(false), Mend::Enable(seen.agent.to_owned()))
            }
            (Ok(false), _) => Finding::ill("agent-login", Found::AtLogin(false), Mend::Install),
        });
        if seen.never_started && seen.host == Host::Launchd {
            let mend = Mend::Settings(Pane::LoginItems);
            all.push(Finding::ill("background", Found::NeverStarted, mend));
        }
    }
    all
}

fn running(seen: &WatchSeen, by: Host) -> Finding {
    if seen.watching.is_none() {
        if let Some((why, mend)) = &seen.unseen {
            return Finding::ill("watch", Found::Unseen(why.clone()), mend.clone());
        }
        if let Some(fault) = seen.fault.as_ref().filter(|_| seen.installed) {
            return Finding::ill("watch", Found::NoWatch, fault.mend.clone());
        }
    }
    match seen.watching {
        None if seen.never_started => Finding::ill("watch", Found::NoWatch, Mend::Settings(Pane::LoginItems)),
        None if seen.installed && seen.startable => Finding::ill("watch", Found::NoWatch, Mend::StartWatch(seen.host)),
        None => Finding::ill("watch", Found::NoWatch, Mend::Install),
        Some(pid) if !seen.fresh => Finding::ill("watch", Found::Overdue { pid, seen: seen.seen }, restart(by, pid)),
        Some(pid) => Finding::well("watch", Found::Watching { pid }),
    }
}

/// One that was started by hand is ended by hand: its agent starts it anew, or a person does.
fn restart(by: Host, pid: u32) -> Mend {
    match by {
        Host::Nobody => Mend::EndProcess(pid),
        host => Mend::RestartWatch(host),
    }
}

/// launchd goes on with the old program until the job is loaded again, which `install` does.
fn anew(by: Host, pid: u32) -> Mend {
    if by == Host::Launchd { Mend::Install } else { restart(by, pid) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Condition;

    fn seen() -> WatchSeen {
        WatchSeen {
            host: Host::Launchd,
            agent: "us",
            watching: Some(7),
            unseen: None,
            seen: Some(Duration::from_secs(1)),
            fresh: true,
            version: Some("2".into()),
            here: "2",
            replaced: false,
            installed: true,
            other_agent: None,
            at_login: Ok(true),
            fault: None,
            keep_alive: Some(KeepAlive::Conditional(Condition::KeepAlive(vec!["SuccessfulExit".into()]))),
            startable: true,
            never_started: false,
        }
    }

    #[test]
    fn each_fault_of_the_watch_has_its_mend() {
        let (launchd, systemd) = (Host::Launchd, Host::Systemd);
        let other = |unread: Option<&str>| Some(OtherAgent { path: "/p".into(), unread: unread.map(str::to_owned) });
        let fault = || Some(ProgramFault { found: Found::NoWatch, mend: Mend::InstallApp });
        let gone = || WatchSeen { watching: None, version: None, ..seen() };
        let rows: Vec<(&str, WatchSeen, Vec<(&str, Mend)>)> = vec![
            ("well", seen(), vec![]),
            ("one that has not looked yet", WatchSeen { version: None, ..seen() }, vec![]),
            ("gone", gone(), vec![("watch", Mend::StartWatch(launchd))]),
            ("gone", WatchSeen { host: systemd, ..gone() }, vec![("watch", Mend::StartWatch(systemd))]),
            (
                "a folder that is not ours",
                WatchSeen { unseen: Some(("no".into(), Mend::TakeBack("/s".into()))), ..gone() },
                vec![("watch", Mend::TakeBack("/s".into()))],
            ),
            ("not loaded", WatchSeen { startable: false, ..gone() }, vec![("watch", Mend::Install)]),
            (
                "switched off in the settings",
                WatchSeen { never_started: true, ..gone() },
                vec![("watch", Mend::Settings(Pane::LoginItems)), ("background", Mend::Settings(Pane::LoginItems))],
            ),
            ("overdue", WatchSeen { fresh: false, ..seen() }, vec![("watch", Mend::RestartWatch(launchd))]),
            (
                "overdue, by hand",
                WatchSeen { fresh: false, installed: false, ..seen() },
                vec![("watch", Mend::EndProcess(7)), ("agent", Mend::Install)],
            ),
            ("older", WatchSeen { version: Some("1".into()), ..seen() }, vec![("watch-version", Mend::Install)]),
            (
                "older",
                WatchSeen { version: Some(String::new()), host: systemd, ..seen() },
                vec![("watch-version", Mend::RestartWatch(systemd))],
            ),
            ("another build of it", WatchSeen { replaced: true, ..seen() }, vec![("watch-version", Mend::Install)]),
            (
                "another's",
                WatchSeen { installed: false, other_agent: other(None), ..seen() },
                vec![("agent", Mend::Install)],
            ),
            (
                "not known whose",
                WatchSeen { installed: false, other_agent: other(Some("no")), ..seen() },
                vec![("agent", Mend::ShowMode("/p".into()))],
            ),
            ("its program is gone", WatchSeen { fault: fault(), ..seen() }, vec![("agent", Mend::InstallApp)]),
            (
                "its program is gone, and so is the watch",
                WatchSeen { fault: fault(), ..gone() },
                vec![("watch", Mend::InstallApp), ("agent", Mend::InstallApp)],
            ),
            (
                "it can't be quit",
                WatchSeen { keep_alive: Some(KeepAlive::Always), ..seen() },
                vec![("agent-keep-alive", Mend::Install)],
            ),
            (
                "it is not started again",
                WatchSeen { keep_alive: Some(KeepAlive::Never), ..seen() },
                vec![("agent-keep-alive", Mend::Install)],
            ),
            ("not known", WatchSeen { at_login: Err("no".into()), ..seen() }, vec![("agent-login", Mend::Again)]),
            ("disabled", WatchSeen { at_login: Ok(false), ..seen() }, vec![("agent-login", Mend::Enable("us".into()))]),
            (
                "disabled",
                WatchSeen { at_login: Ok(false), host: systemd, ..seen() },
                vec![("agent-login", Mend::Install)],
            ),
        ];
        for (name, seen, expected) in rows {
            let ill = watch(&seen).into_iter().filter_map(|finding| Some((finding.id, finding.mend?)));
            assert_eq!(ill.collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn an_agent_is_pointed_to_a_program_that_stays_by_one_that_does() {
        let app = "/Applications/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog";
        let image = "/Volumes/Bridge Watchdog/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog";
        let build = "/Users/me/src/w/target/debug/bridge-watchdog";
        let rows = [
            (app, None, app, None),
            (app, Some(MissingProgram::Absent(app.into())), app, Some(Mend::Install)),
            (build, None, app, Some(Mend::Install)),
            (build, None, build, Some(Mend::MakeInstall("/Users/me/src/w".into()))),
            (image, None, image, Some(Mend::MoveApp("/Volumes/Bridge Watchdog/Bridge Watchdog.app".into()))),
            (image, None, "/usr/local/bin/bridge-watchdog", Some(Mend::InstallApp)),
            (
                image,
                None,
                "/Volumes/x/w/target/release/bridge-watchdog",
                Some(Mend::MakeInstall("/Volumes/x/w".into())),
            ),
        ];
        for (path, missing, here, mend) in rows {
            let (path, here) = (Path::new(path), Path::new(here));
            let fault = program(path, missing, place::on_a_mac(path), (here, place::on_a_mac(here)));
            assert_eq!(fault.map(|fault| fault.mend), mend, "{} by {}", path.display(), here.display());
        }
    }
}
