//! The watchdog itself: whether it runs, in which version, and whether it is there after the next login. Pure.

use std::path::PathBuf;
use std::time::Duration;

use super::finding::{Finding, Found, Host, Mend, Pane};

pub struct WatchSeen {
    /// Who would keep our agent here.
    pub host: Host,
    pub agent: &'static str,
    pub watching: Option<u32>,
    /// Its last look: how long ago, and whether that is too long.
    pub seen: Option<Duration>,
    pub fresh: bool,
    /// In the status file of this very watch; empty in that of an older version, which writes none.
    pub version: Option<String>,
    pub here: &'static str,
    /// Another file is where the watch's program was when it started.
    pub replaced: bool,
    /// Other watches that have this bridge's log open.
    pub others: Vec<u32>,
    pub installed: bool,
    /// What is under our name and does not start this checkout's watchdog.
    pub other_agent: Option<PathBuf>,
    pub at_login: bool,
    /// The manager would start our agent if it were told to; launchd only what it has loaded.
    pub startable: bool,
    /// Our agent is loaded, and has neither a process nor a run.
    pub never_started: bool,
}

pub fn watch(seen: &WatchSeen) -> Vec<Finding> {
    let by = if seen.installed { seen.host } else { Host::Nobody };
    let mut all = vec![match seen.watching {
        None if seen.never_started => Finding::ill("watch", Found::NoWatch, Mend::Settings(Pane::LoginItems)),
        None if seen.installed && seen.startable => Finding::ill("watch", Found::NoWatch, Mend::StartWatch(seen.host)),
        None => Finding::ill("watch", Found::NoWatch, Mend::Install),
        Some(pid) if !seen.fresh => Finding::ill("watch", Found::Overdue { pid, seen: seen.seen }, restart(by, pid)),
        Some(pid) => Finding::well("watch", Found::Watching { pid }),
    }];
    all.extend(seen.watching.zip(seen.version.as_ref()).map(|(pid, version)| {
        let found = Found::Version { running: version.clone(), here: seen.here.to_owned() };
        if seen.replaced {
            Finding::ill("watch-version", Found::Replaced { pid }, restart(by, pid))
        } else if version == seen.here {
            Finding::well("watch-version", found)
        } else {
            Finding::ill("watch-version", found, restart(by, pid))
        }
    }));
    all.push(match seen.others.first() {
        None => Finding::well("second-watch", Found::OneWatch),
        Some(&pid) => Finding::ill("second-watch", Found::SecondWatch { pid }, Mend::EndProcess(pid)),
    });
    all.push(match &seen.other_agent {
        _ if seen.installed => Finding::well("agent", Found::Agent(seen.agent)),
        Some(path) => Finding::ill("agent", Found::OtherAgent(path.clone()), Mend::Install),
        None => Finding::ill("agent", Found::NoAgent(seen.agent), Mend::Install),
    });
    if seen.installed {
        all.push(match (seen.at_login, seen.host) {
            (true, _) => Finding::well("agent-login", Found::AtLogin(true)),
            (false, Host::Launchd) => {
                Finding::ill("agent-login", Found::AtLogin(false), Mend::Enable(seen.agent.to_owned()))
            }
            (false, _) => Finding::ill("agent-login", Found::AtLogin(false), Mend::Install),
        });
        if seen.never_started && seen.host == Host::Launchd {
            let mend = Mend::Settings(Pane::LoginItems);
            all.push(Finding::ill("background", Found::NeverStarted, mend));
        }
    }
    all
}

/// One that was started by hand is ended by hand: its agent starts it anew, or a person does.
fn restart(by: Host, pid: u32) -> Mend {
    match by {
        Host::Nobody => Mend::EndProcess(pid),
        host => Mend::RestartWatch(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> WatchSeen {
        WatchSeen {
            host: Host::Launchd,
            agent: "us",
            watching: Some(7),
            seen: Some(Duration::from_secs(1)),
            fresh: true,
            version: Some("2".into()),
            here: "2",
            replaced: false,
            others: vec![],
            installed: true,
            other_agent: None,
            at_login: true,
            startable: true,
            never_started: false,
        }
    }

    #[test]
    fn each_fault_of_the_watch_has_its_mend() {
        let (launchd, systemd) = (Host::Launchd, Host::Systemd);
        let gone = || WatchSeen { watching: None, version: None, ..seen() };
        let rows: Vec<(&str, WatchSeen, Vec<(&str, Mend)>)> = vec![
            ("well", seen(), vec![]),
            ("one that has not looked yet", WatchSeen { version: None, ..seen() }, vec![]),
            ("gone", gone(), vec![("watch", Mend::StartWatch(launchd))]),
            ("gone", WatchSeen { host: systemd, ..gone() }, vec![("watch", Mend::StartWatch(systemd))]),
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
            (
                "older",
                WatchSeen { version: Some("1".into()), ..seen() },
                vec![("watch-version", Mend::RestartWatch(launchd))],
            ),
            (
                "older",
                WatchSeen { version: Some(String::new()), host: systemd, ..seen() },
                vec![("watch-version", Mend::RestartWatch(systemd))],
            ),
            (
                "another build of it",
                WatchSeen { replaced: true, ..seen() },
                vec![("watch-version", Mend::RestartWatch(launchd))],
            ),
            ("two", WatchSeen { others: vec![9], ..seen() }, vec![("second-watch", Mend::EndProcess(9))]),
            (
                "another's",
                WatchSeen { installed: false, other_agent: Some("/p".into()), ..seen() },
                vec![("agent", Mend::Install)],
            ),
            ("disabled", WatchSeen { at_login: false, ..seen() }, vec![("agent-login", Mend::Enable("us".into()))]),
            ("disabled", WatchSeen { at_login: false, host: systemd, ..seen() }, vec![("agent-login", Mend::Install)]),
        ];
        for (name, seen, expected) in rows {
            let ill = watch(&seen).into_iter().filter_map(|finding| Some((finding.id, finding.mend?)));
            assert_eq!(ill.collect::<Vec<_>>(), expected, "{name}");
        }
    }
}
