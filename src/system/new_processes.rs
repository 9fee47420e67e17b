//! The search for lookalikes at each healthy tick. To ask every process what it runs takes 11 ms for 400 of them, and only
//! to list them 0.3 ms; so only processes that started since the last two looks are asked. Two looks, since a shell
//! that is about to exec the bridge still looks like a shell.

use crate::system::process;
use crate::system::process_table::{Found, ProcessSearch};

#[derive(Default)]
pub struct NewProcesses {
    listed: Listed,
    /// The newest pid of the machine at the last two looks, oldest first.
    newest: Vec<u32>,
    /// Asked about at every look: lookalikes until they are gone, and processes that could not be asked about.
    again: Vec<u32>,
}

/// With more new pids than this (forks and threads since two looks) the process table is listed instead of trying each
/// pid.
const MOST: u32 = 4096;

impl NewProcesses {
    /// Lookalikes among the processes that are new since the last two looks, besides the `family`; and which of that is
    /// the bridge.
    ///
    /// # Errors
    /// As [`ProcessSearch::among`].
    pub fn matching(&mut self, search: &mut ProcessSearch, family: &[u32]) -> Result<Found, String> {
        let mut pids = self.born(process::newest())?;
        pids.extend(&self.again);
        pids.sort_unstable();
        pids.dedup();
        let found = search.among(&pids, family);
        self.again = match &found {
            Ok(found) => found.lookalikes.iter().map(|lookalike| lookalike.process.id.pid).collect(),
            Err(_) => pids.into_iter().filter(|pid| process::is_there(*pid)).collect(),
        };
        found
    }

    /// Also asks about these from now on: whoever was found by a search of all, or has belonged to the bridge and does not
    /// any more, is not new.
    pub fn ask_about(&mut self, pids: impl IntoIterator<Item = u32>) {
        self.again.extend(pids);
        self.again.sort_unstable();
        self.again.dedup();
    }

    /// The processes that started since the last two looks, if `newest` is known; else those that were not listed at
    /// both looks.
    fn born(&mut self, newest: Option<u32>) -> Result<Vec<u32>, String> {
        let Some(newest) = newest else { return self.listed.new_ones() };
        let born = match *self.newest {
            [older, newer] if older <= newer && newer <= newest && newest - older <= MOST => {
                (older + 1..=newest).filter(|pid| process::is_there(*pid)).collect()
            }
            _ => {
                if self.newest.last().is_some_and(|before| newest < *before) {
                    // Pids have wrapped around: a pid that was listed before may be another process by now.
                    self.listed = Listed::default();
                }
                self.listed.new_ones()?
            }
        };
        self.newest.push(newest);
        self.newest.drain(..self.newest.len().saturating_sub(2));
        Ok(born)
    }
}

/// Pids in rising order.
#[derive(Default)]
struct Listed {
    once: Vec<u32>,
    twice: Vec<u32>,
}

impl Listed {
    fn new_ones(&mut self) -> Result<Vec<u32>, String> {
        let pids = process::pids()?;
        let among = |pid: &u32, listed: &[u32]| listed.binary_search(pid).is_ok();
        let new = pids.iter().filter(|pid| !among(pid, &self.twice)).copied().collect();
        self.twice = pids.iter().filter(|pid| among(pid, &self.once) || among(pid, &self.twice)).copied().collect();
        self.once = pids;
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::facts::{Held, KnownBy, Lookalike};

    struct Sleeper(Child);

    impl Drop for Sleeper {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn sleeper() -> (Sleeper, u32) {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = child.id();
        (Sleeper(child), pid)
    }

    #[test]
    fn who_is_new_is_asked_twice_and_then_no_more_whether_the_newest_pid_is_known_or_not() {
        let newest: [fn() -> Option<u32>; 2] = [process::newest, || None];
        for newest in newest {
            let mut scan = NewProcesses::default();
            let (_old, old) = sleeper();
            let all = scan.born(newest()).unwrap();
            assert!(all.contains(&old) && all.contains(&std::process::id()), "the first look asks everybody");
            scan.born(newest()).unwrap();
            let (_new, new) = sleeper();
            for look in 0..2 {
                let born = scan.born(newest()).unwrap();
                assert!(born.contains(&new), "look {look}");
                assert!(!born.contains(&old), "look {look}");
            }
            assert!(!scan.born(newest()).unwrap().contains(&new));
        }
    }

    /// As where the volume of the checkout is gone for a while.
    #[test]
    fn who_could_not_be_asked_about_in_time_is_asked_about_later() {
        let (open, gate) = channel::<()>();
        let mut search = ProcessSearch::by(
            move |pids, _| {
                gate.recv().ok();
                let found = pids.iter().filter_map(|pid| process::find(*pid));
                let described = |process| Lookalike {
                    process,
                    known_by: KnownBy::Words,
                    session: Held::Nothing,
                    terminal: false,
                    keeper: None,
                    parent: None,
                };
                Ok(Found { lookalikes: found.map(described).collect(), bridge: None })
            },
            Duration::from_millis(50),
        );
        let mut scan = NewProcesses::default();
        let (_new, new) = sleeper();
        for _ in 0..4 {
            let why = scan.matching(&mut search, &[]).unwrap_err();
            assert!(why.starts_with("no answer for"), "{why}");
        }
        drop(open);
        let until = Instant::now() + Duration::from_secs(20);
        let found = loop {
            match scan.matching(&mut search, &[]) {
                Ok(found) => break found,
                Err(why) => assert!(Instant::now() < until, "{why}"),
            }
        };
        assert!(found.lookalikes.iter().any(|seen| seen.process.id.pid == new), "it was new four looks ago");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_is_no_process_and_pids_that_begin_anew_are_all_new() {
        let mut scan = NewProcesses::default();
        for _ in 0..2 {
            scan.born(process::newest()).unwrap();
        }
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            // SAFETY: only asks.
            tell.send(u32::try_from(unsafe { libc::gettid() }).unwrap()).unwrap();
            let _ = ended.recv();
        });
        let thread_id = told.recv().unwrap();
        assert!(!scan.born(process::newest()).unwrap().contains(&thread_id));
        for newest in [1, 2] {
            let anew = scan.born(Some(newest)).unwrap();
            assert!(anew.contains(&std::process::id()), "{anew:?}");
        }
        assert!(!scan.born(Some(3)).unwrap().contains(&std::process::id()));
        drop(end);
        thread.join().unwrap();
    }
}
