//! Whether somebody keeps the bridge's processes from running: a debugger that is attached, a control group that is frozen.

use crate::facts::Halt;

/// What holds one of the family. A tracer among them is the bridge's own affair.
pub fn look(family: &[u32]) -> Halt {
    let tracer = |pid: &u32| platform::tracer(*pid).filter(|tracer| !family.contains(tracer));
    let traced = family.iter().find_map(tracer).map(|by| Halt::Traced { by });
    let frozen = || family.iter().any(|pid| platform::is_frozen(*pid)).then_some(Halt::Frozen);
    traced.or_else(frozen).unwrap_or(Halt::Nobody)
}

#[cfg(target_os = "linux")]
mod platform {
    use std::fs;

    /// proc(5), `TracerPid`; 0 is none.
    pub(super) fn tracer(pid: u32) -> Option<u32> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
        tracer.trim().parse().ok().filter(|tracer| *tracer != 0)
    }

    /// cgroups(7): in the unified hierarchy `cgroup.events` says so, also where a group above it is frozen; in the old one the
    /// state of the freezer.
    pub(super) fn is_frozen(pid: u32) -> bool {
        let memberships = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        memberships.lines().any(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { return false };
            let (mounts, file, frozen): (&[&str], _, _) = match controllers {
                "" => (&["/sys/fs/cgroup", "/sys/fs/cgroup/unified"], "cgroup.events", "frozen 1"),
                "freezer" => (&["/sys/fs/cgroup/freezer"], "freezer.state", "FROZEN"),
                _ => return false,
            };
            let says = |mount: &&str| fs::read_to_string(format!("{mount}{group}/{file}")).unwrap_or_default();
            mounts.iter().any(|mount| says(mount).lines().any(|line| line == frozen))
        })
    }
}

#[cfg(target_vendor = "apple")]
mod platform {
    /// The kernel names no tracer to others here.
    pub(super) fn tracer(_pid: u32) -> Option<u32> {
        None
    }

    pub(super) fn is_frozen(_pid: u32) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn nobody_holds_us() {
        assert_eq!(look(&[std::process::id()]), Halt::Nobody);
        assert_eq!(look(&[u32::MAX >> 1]), Halt::Nobody);
        assert_eq!(look(&[]), Halt::Nobody);
    }
}
