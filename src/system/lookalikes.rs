//! What the machine says of a process that looks like the bridge: its session, its terminal, who keeps it.

use std::path::Path;

use crate::facts::{Held, Identity, Keeper, KnownBy, Lookalike, Parent, Process};
use crate::system::{process, supervisors};

/// Who keeps the bridge itself: what he keeps besides is another job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// launchd, by this label; the path of launchctl.
    Label {
        label: String,
        launchctl: std::path::PathBuf,
        ask: std::time::Duration,
    },
    /// systemd, by this unit.
    Unit(String),
    Nobody,
}

/// A bound: the chain of parents may change while it is read.
const DEEP: usize = 32;

/// The jobs of processes that still live, which do not change: to ask for them may start a program.
#[derive(Default)]
pub struct Jobs(Vec<(Identity, Option<Keeper>)>);

impl Jobs {
    fn of(&mut self, id: Identity, owner: &Owner) -> Option<Keeper> {
        self.0.retain(|(known, _)| process::alive(*known));
        if let Some((_, job)) = self.0.iter().find(|(known, _)| *known == id) {
            return job.clone();
        }
        let job = other_job(id.pid, owner);
        self.0.push((id, job.clone()));
        job
    }
}

/// Asks everything about it.
pub fn described(process: Process, session: &Path, owner: &Owner, jobs: &mut Jobs) -> Lookalike {
    let pid = process.id.pid;
    let parent = process::parent(pid).filter(|parent| *parent != 0);
    let parent = parent.and_then(|parent| {
        Some(Parent { id: process::find(parent)?.id, name: platform::words(parent).into_iter().next()? })
    });
    Lookalike {
        process,
        known_by: KnownBy::Words,
        session: platform::session(pid, session),
        terminal: process::has_terminal(pid),
        keeper: jobs.of(process.id, owner).or_else(|| supervisor(pid)),
        parent: parent.map(|parent| Parent { name: supervisors::base(&parent.name).to_owned(), ..parent }),
    }
}

/// Another job of a service manager that it belongs to.
fn other_job(pid: u32, owner: &Owner) -> Option<Keeper> {
    if let Owner::Label { label, launchctl, ask } = owner
        && let Some(other) = label_of(pid, launchctl, *ask).filter(|other| other != label)
    {
        return Some(Keeper::Job(other));
    }
    let unit = platform::unit(pid)?;
    // Whoever starts us by hand, or in a unit, has us and what we keep in the same one.
    let ours = platform::unit(std::process::id());
    is_another(&unit, owner, ours.as_ref(), rustix::process::getuid().as_raw()).map(Keeper::Job)
}

/// A unit of systemd, by the cgroup that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unit {
    name: String,
    group: String,
}

/// What to call the unit, if it is neither the bridge's nor ours. One of the system, or of another user, may have the
/// bridge's own name.
fn is_another(unit: &Unit, owner: &Owner, ours: Option<&Unit>, uid: u32) -> Option<String> {
    if ours == Some(unit) {
        return None;
    }
    match owner {
        Owner::Unit(own) if *own == unit.name && is_users(&unit.group, uid) => None,
        Owner::Unit(own) if *own == unit.name => Some(unit.group.trim_start_matches('/').to_owned()),
        _ => Some(unit.name.clone()),
    }
}

/// Whether a unit with this cgroup is of this user's manager: it is below `user@1000.service`. Above what is not below any
/// such there are only slices, if it is the system's; a manager that somebody started otherwise has a group of its own.
fn is_users(group: &str, uid: u32) -> bool {
    let above = || group.split('/').rev().skip(1).filter(|part| !matches!(*part, "" | ".."));
    match above().find(|part| part.starts_with("user@")) {
        Some(manager) => *manager == *format!("user@{uid}.service"),
        None => above().any(|part| kind(part) != "slice"),
    }
}

/// Of a unit's name, what is after the last dot.
fn kind(unit: &str) -> &str {
    unit.rsplit_once('.').map_or("", |(_, kind)| kind)
}

/// The label of the job that this process, or one of its parents, is the process of. `launchctl list` prints a line a
/// job: pid, status, label. A program in a window is a job too, `application.…`: what a person starts in Terminal is not
/// kept by it.
fn label_of(pid: u32, launchctl: &Path, ask: std::time::Duration) -> Option<String> {
    let list = crate::system::command::run(launchctl, &["list"], ask).ok()?.stdout;
    let jobs: Vec<(u32, &str)> = list
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let pid = fields.next()?.parse().ok()?;
            Some((pid, fields.nth(1)?)).filter(|(_, label)| !label.starts_with("application."))
        })
        .collect();
    let label = |pid: u32| jobs.iter().find(|(job, _)| *job == pid).map(|(_, label)| (*label).to_owned());
    ancestors(pid).find_map(label)
}

/// A program above it that keeps others running.
fn supervisor(pid: u32) -> Option<Keeper> {
    let by_program = || ancestors(pid).skip(1).find_map(|parent| supervisors::by_words(&platform::words(parent)));
    platform::container(pid).or_else(by_program).map(Keeper::Supervisor)
}

/// A process's program by its own name, without arguments.
pub fn name(pid: u32) -> Option<String> {
    platform::words(pid).first().map(|word| supervisors::base(word).to_owned())
}

/// Whether this is one of the words that a process was started with.
pub fn has_word(pid: u32, word: &str) -> bool {
    platform::words(pid).iter().any(|there| there == word)
}

fn ancestors(pid: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(pid), |pid| process::parent(*pid).filter(|parent| *parent > 1)).take(DEEP)
}

fn is_other_session(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let name = ["-journal", "-wal", "-shm"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    name.ends_with(".session")
}

#[cfg(target_os = "linux")]
mod platform {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{Held, Unit, is_other_session, kind};
    use crate::system::mounts;

    pub(super) fn words(pid: u32) -> Vec<String> {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }

    /// The links name a file that was deleted as "… (deleted)": that is no session any more.
    pub(super) fn session(pid: u32, session: &Path) -> Held {
        let Ok(fds) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Held::Unseen };
        let session = session.canonicalize().unwrap_or_else(|_| session.to_owned());
        let file = |end: &str| mounts::id(Path::new(&format!("{}{end}", session.display())));
        let files: Vec<_> = ["", "-journal", "-wal", "-shm"].into_iter().filter_map(file).collect();
        let open = fds.flatten().filter_map(|fd| {
            let name = fs::read_link(fd.path()).ok()?;
            // In a container it has another name, and is the same file.
            let same = is_other_session(&name) && mounts::id(&fd.path()).is_some_and(|id| files.contains(&id));
            Some((name, same))
        });
        held(open, &session)
    }

    /// Whether a file is the session itself or one of its journals.
    fn is_session(path: &Path, session: &Path) -> bool {
        let text = path.to_string_lossy();
        let rest = text.strip_prefix(&*session.to_string_lossy());
        rest.is_some_and(|rest| matches!(rest, "" | "-journal" | "-wal" | "-shm"))
    }

    /// What the open files of a process say: their names, and whether the file is one of the session's.
    pub(super) fn held(files: impl Iterator<Item = (PathBuf, bool)>, session: &Path) -> Held {
        let mut held = Held::Nothing;
        for (file, same) in files {
            if same || is_session(&file, session) {
                return Held::This;
            }
            if is_other_session(&file) {
                held = Held::Other;
            }
        }
        held
    }

    /// The innermost unit: `…/user@1000.service/app.slice/x.service` is x, and a session's scope is none.
    pub(super) fn unit(pid: u32) -> Option<Unit> {
        let memberships = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        memberships.lines().find_map(unit_of)
    }

    /// cgroups(7); the systemd hierarchy only.
    pub(super) fn unit_of(line: &str) -> Option<Unit> {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        if !matches!(controllers, "" | "name=systemd") {
            return None;
        }
        // A scope is what a person started: a session, a terminal, tmux.
        let parts: Vec<&str> = path.split('/').collect();
        let at = parts.iter().rposition(|part| matches!(kind(part), "service" | "scope"))?;
        let (name, group) = (parts[at].to_owned(), parts[..=at].join("/"));
        (kind(&name) == "service" && !name.starts_with("user@")).then_some(Unit { name, group })
    }

    /// Docker, podman and Kubernetes name their groups so.
    pub(super) fn container(pid: u32) -> Option<String> {
        let memberships = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let ours = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        if memberships == ours {
            return None;
        }
        let names = ["docker", "libpod", "kubepods", "containerd", "lxc"];
        names.iter().find(|name| memberships.contains(**name)).map(|name| format!("a container ({name})"))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_session_is_known_by_its_file_and_its_journals() {
            let session = Path::new("/a/data/valor_bridge.session");
            let rows: [(&[&str], Held); 7] = [
                (&[], Held::Nothing),
                (&["/a/logs/bridge.log", "socket:[7]"], Held::Nothing),
                (&["/a/data/valor_bridge.session"], Held::This),
                (&["/a/data/alice.session", "/a/data/valor_bridge.session-wal"], Held::This),
                (&["/a/data/alice.session-journal"], Held::Other),
                (&["/a/data/valor_bridge.session-old"], Held::Nothing),
                (&["/b/data/valor_bridge.session"], Held::Other),
            ];
            for (files, expected) in rows {
                assert_eq!(held(files.iter().map(|file| (file.into(), false)), session), expected, "{files:?}");
            }
        }

        #[test]
        fn the_innermost_unit_is_the_job() {
            let rows = [
                ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", Some("x.service")),
                ("1:name=systemd:/system.slice/bridge.service", Some("bridge.service")),
                ("0::/user.slice/user-1000.slice/user@1000.service/init.scope", None),
                ("0::/user.slice/user-1000.slice/user@1000.service/tmux-spawn-1.scope", None),
                ("0::/user.slice/user-1000.slice/session-2.scope", None),
                ("0::/user.slice/user-1000.slice/user@1000.service", None),
                ("4:memory:/system.slice/bridge.service", None),
                ("0::/", None),
                ("", None),
            ];
            for (line, unit) in rows {
                assert_eq!(unit_of(line).map(|unit| unit.name).as_deref(), unit, "{line}");
            }
        }
    }
}

#[cfg(target_vendor = "apple")]
mod platform {
    use std::path::Path;

    use super::{Held, Unit};

    /// The program's path; its arguments would need more than libproc gives.
    pub(super) fn words(pid: u32) -> Vec<String> {
        use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
        let pid = Pid::from_u32(pid);
        let Ok(mut system) = System::new() else { return Vec::new() };
        let kind = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kind);
        let seen = system.process(pid);
        let words = seen.map(|seen| seen.cmd().iter().map(|word| word.to_string_lossy().into_owned()).collect());
        words.unwrap_or_default()
    }

    /// libproc names who has a file open; no `lsof`, which hangs. Other sessions are those beside it.
    pub(super) fn session(pid: u32, session: &Path) -> Held {
        let open = |path: &Path| {
            let users = libproc::processes::pids_by_path(path, false, false).unwrap_or_default();
            users.contains(&pid)
        };
        if open(session) {
            return Held::This;
        }
        let beside = session.parent().and_then(|folder| std::fs::read_dir(folder).ok());
        let mut others = beside.into_iter().flatten().flatten().map(|entry| entry.path());
        let other = others.any(|path| super::is_other_session(&path) && open(&path));
        if other { Held::Other } else { Held::Nothing }
    }

    pub(super) fn unit(_pid: u32) -> Option<Unit> {
        None
    }

    pub(super) fn container(_pid: u32) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An old unit of the system with `User=me` has the same name and goes on: to end its process would only bring it back.
    #[test]
    fn r18_a_unit_of_another_manager_is_another_one_whatever_its_name() {
        let users = "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service";
        let other = "/user.slice/user-1001.slice/user@1001.service/app.slice/x.service";
        let rows = [
            ("the bridge's own", users, "x.service", None),
            (
                "a part of it",
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-y.slice/x.service",
                "x.service",
                None,
            ),
            ("a manager in a group of its own", "/test-7/app.slice/x.service", "x.service", None),
            ("started by hand", "/user.slice/user-1000.slice/session-2.scope/app.slice/x.service", "x.service", None),
            ("another one of the user's", users, "y.service", Some("x.service")),
            ("the system's", "/system.slice/x.service", "x.service", Some("system.slice/x.service")),
            (
                "an instance of it",
                "/system.slice/system-x.slice/x@me.service",
                "x@me.service",
                Some("system.slice/system-x.slice/x@me.service"),
            ),
            ("in a slice of its own", "/bridges.slice/x.service", "x.service", Some("bridges.slice/x.service")),
            ("without a slice", "/x.service", "x.service", Some("x.service")),
            ("another user's", other, "x.service", Some(&other[1..])),
        ];
        for (name, group, own, expected) in rows {
            let unit = Unit { name: group.rsplit('/').next().unwrap().into(), group: group.into() };
            let owner = Owner::Unit(own.into());
            assert_eq!(is_another(&unit, &owner, None, 1000).as_deref(), expected, "{name}");
            assert_eq!(is_another(&unit, &owner, Some(&unit), 1000), None, "{name}: we are in it");
            let named_alike = Unit { group: "/elsewhere/x.service".into(), ..unit.clone() };
            assert_eq!(is_another(&unit, &owner, Some(&named_alike), 1000).as_deref(), expected, "{name}");
        }
    }
}
