//! The bridge as a set of processes: the one that its manager owns, and all that belongs to it. A runner (`uv run`, `npm`,
//! a shell) is not the bridge, its child is; and what a process started may outlive its parent and still be the bridge's
//! own. On systemd the unit's cgroup says who belongs to it, elsewhere the process group that the manager made.

use std::collections::BTreeSet;

use crate::system::process;

/// A bound for a family that grows while it is listed.
const MOST: usize = 4096;

/// The managed process and its relatives, in rising order. Cheap enough for each tick: only the family itself is asked
/// about. `unit` is systemd's name of the unit, `None` for another manager.
///
/// A process that left its parents behind is found by the unit's cgroup; without one, only by [`all`] on Linux.
pub fn members(managed: u32, unit: Option<&str>) -> Vec<u32> {
    let mut family: BTreeSet<u32> = BTreeSet::from([managed]);
    family.extend(platform::related(managed, unit));
    let mut asked = BTreeSet::new();
    while let Some(next) = family.difference(&asked).next().copied() {
        if asked.len() >= MOST {
            break;
        }
        asked.insert(next);
        family.extend(platform::children(next));
    }
    family.into_iter().collect()
}

/// As [`members`], with those that are left of the managed process's group. Asks every process where the kernel has no
/// list of a group.
pub fn all(managed: u32, unit: Option<&str>) -> Vec<u32> {
    let mut family: BTreeSet<u32> = members(managed, unit).into_iter().collect();
    if unit.is_none() {
        for member in process::members_of_group(managed) {
            family.extend(members(member, None));
        }
    }
    family.into_iter().collect()
}

#[cfg(target_os = "linux")]
mod platform {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// proc(5): each thread has the children that it started.
    pub(super) fn children(pid: u32) -> Vec<u32> {
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
        let lists = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        lists.flat_map(|list| pids(&list)).collect()
    }

    /// Everybody in the unit's cgroup and below it, if the process is in that unit.
    pub(super) fn related(pid: u32, unit: Option<&str>) -> Vec<u32> {
        let Some(unit) = unit else { return Vec::new() };
        let memberships = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let folder = memberships.lines().filter_map(|line| folder(line, unit)).find(|folder| folder.is_dir());
        let mut found = Vec::new();
        if let Some(folder) = folder {
            add(&folder, &mut found);
        }
        found
    }

    /// cgroups(7): `0::/a/b/x.service` in the unified hierarchy, `1:name=systemd:/a/b/x.service` in the old one. What is
    /// below the unit's own group is its own too.
    fn folder(line: &str, unit: &str) -> Option<PathBuf> {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let mounts: &[&str] = match controllers {
            "" => &["/sys/fs/cgroup/unified", "/sys/fs/cgroup"],
            "name=systemd" => &["/sys/fs/cgroup/systemd"],
            _ => return None,
        };
        let mut up_to_unit = PathBuf::new();
        let found = Path::new(path.trim_start_matches('/')).iter().any(|part| {
            up_to_unit.push(part);
            part.to_str() == Some(unit)
        });
        let folders = mounts.iter().map(|mount| Path::new(mount).join(&up_to_unit));
        found.then(|| folders.into_iter().find(|folder| folder.is_dir())).flatten()
    }

    fn add(folder: &Path, found: &mut Vec<u32>) {
        found.extend(pids(&fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default()));
        for below in fs::read_dir(folder).into_iter().flatten().flatten() {
            if below.file_type().is_ok_and(|kind| kind.is_dir()) && found.len() < super::MOST {
                add(&below.path(), found);
            }
        }
    }

    fn pids(list: &str) -> Vec<u32> {
        list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).filter(|pid| *pid != 0).collect()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_the_units_own_group_is_named() {
            let rows = [
                ("0::/user.slice/app.slice/x.service", "y.service"),
                ("0::/user.slice/x.service.d", "x.service"),
                ("5:cpu:/x.service", "x.service"),
                ("nonsense", "x.service"),
            ];
            for (line, unit) in rows {
                assert_eq!(folder(line, unit), None, "{line}");
            }
        }
    }
}

#[cfg(target_vendor = "apple")]
mod platform {
    use libproc::processes::{ProcFilter, pids_by_type};

    use crate::system::process;

    pub(super) fn children(pid: u32) -> Vec<u32> {
        pids_by_type(ProcFilter::ByParentProcess { ppid: pid }).unwrap_or_default()
    }

    /// launchd makes a process group for each job, and kills what is left in it.
    pub(super) fn related(pid: u32, _unit: Option<&str>) -> Vec<u32> {
        process::members_of_group(pid)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    /// Ended however the test ends.
    struct Group(std::process::Child);

    impl Drop for Group {
        fn drop(&mut self) {
            let group = rustix::process::Pid::from_child(&self.0);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_runners_child_and_an_orphan_of_its_group_are_the_family() {
        let script = "sleep 600 & echo $!; (sleep 600 & echo $!); read end";
        let mut runner = Group(
            Command::new("sh")
                .args(["-c", script])
                .process_group(0)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        let lines = BufReader::new(runner.0.stdout.take().unwrap()).lines();
        let pids: Vec<u32> = lines.take(2).map(|line| line.unwrap().parse().unwrap()).collect();
        let managed = runner.0.id();
        let family = |pids: &[u32]| pids.iter().copied().chain([managed]).collect::<BTreeSet<_>>();
        let seen = |found: Vec<u32>| found.into_iter().collect::<BTreeSet<_>>();
        let until = Instant::now() + Duration::from_secs(10);
        while seen(members(managed, None)) != family(&pids[..1]) {
            assert!(Instant::now() < until, "{:?} and {pids:?}", members(managed, None));
        }
        assert_eq!(seen(all(managed, None)), family(&pids), "the orphan is in the group");
    }
}
