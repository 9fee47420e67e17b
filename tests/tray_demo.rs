//! The app as a new user starts it: without a configuration, on the demo's bridge, with faults to pick. As in
//! `tray.rs`, but the shipped binary itself.
#![cfg(feature = "tray")]
// The panel, its display and its bus are those of Linux; on a Mac the app is looked at by hand.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};

use crate::support::{Desktop, alive};
use serde_json::Value;

struct Demo<'a> {
    desktop: &'a Desktop,
    journal: String,
}

impl Demo<'_> {
    /// The demo's folder is in the desktop's own temporary folder.
    fn state(&self) -> Option<PathBuf> {
        let file = self.desktop.exec(&[
            "sh",
            "-c",
            "ls $TMPDIR/*/state/*/status.json $TMPDIR/.*/state/*/status.json 2>/dev/null",
        ]);
        Some(Path::new(file.lines().next()?).parent()?.to_owned())
    }

    fn status(&self) -> Option<Value> {
        serde_json::from_str(&std::fs::read_to_string(self.state()?.join("status.json")).ok()?).ok()
    }

    fn pid(&self) -> Option<u32> {
        u32::try_from(self.status()?["check"]["facts"]["process"]["pid"].as_u64()?).ok().filter(|pid| alive(*pid))
    }

    /// Healthy, and old enough that its death does not count as a failed start.
    fn well(&self) -> u32 {
        self.desktop.wait("a healthy bridge", || {
            let status = self.status()?;
            let aged = status["history"]["run"]["age"].as_f64()? > 1.0;
            (status["verdict"]["state"] == "healthy" && status["rung"].is_null() && aged).then(|| self.pid())?
        })
    }

    /// What was written to the journal since the last call.
    fn news(&mut self) -> String {
        let journal = self.state().and_then(|state| std::fs::read_to_string(state.join("journal.log")).ok());
        let journal = journal.unwrap_or_default();
        let news = journal[self.journal.len()..].to_owned();
        self.journal = journal;
        news
    }

    /// Picks a fault; the bridge afterwards is another one.
    fn healed(&mut self, fault: &str) -> String {
        let before = self.well();
        self.news();
        self.desktop.click(fault);
        self.desktop.wait("another bridge", || self.pid().filter(|pid| *pid != before));
        self.well();
        self.news()
    }
}

#[test]
fn each_fault_of_the_demo_is_healed_or_rightly_left_alone() {
    let Some(desktop) = Desktop::or_skip(&[]) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = folder.path().join("said");
    let mut app = desktop.start(&[env!("CARGO_BIN_EXE_bridge-watchdog-tray")], &said);
    desktop.wait_row("Demo: healthy");
    let mut demo = Demo { desktop: &desktop, journal: String::new() };
    demo.well();
    let faults: Vec<String> =
        desktop.row("Demo: break the bridge").expect("a submenu").rows.into_iter().map(|row| row.label).collect();
    assert_eq!(
        faults,
        [
            "Hang: freeze the bridge",
            "Crash: kill the bridge",
            "Stop: ask the bridge to end",
            "Flood: Telegram says wait",
            "Lock: hold its session",
            "Bad commit: make HEAD crash it",
        ]
    );
    let news = demo.healed("Hang: ");
    assert!(news.contains("state: unhealthy: log-stale") && news.contains("rung 2 done"), "{news}");
    assert!(!news.contains("the bridge crashed"), "{news}");

    let news = demo.healed("Crash: ");
    assert!(news.contains("the bridge crashed"), "{news}");
    // A crash is healed too fast to be seen; the menu shows it afterwards.
    desktop.wait("the incidents", || {
        let newest = desktop.seen_below("Recent incidents")?.swap_remove(0);
        // Soon after the hang it is a relapse, in the same row.
        (newest.contains("crash (signal 9), ") || newest.contains("hang, then not running, ")).then_some(())
    });

    let news = demo.healed("Stop: ");
    assert!(!news.contains("the bridge crashed"), "{news}");

    let before = demo.well();
    demo.news();
    desktop.click("Lock: ");
    let mut news = String::new();
    desktop.wait("rung 3", || {
        news.push_str(&demo.news());
        news.contains("rung 3 done: the session's lock is free").then_some(())
    });
    assert_eq!(demo.well(), before, "the bridge is not touched");
    demo.news();

    let news = demo.healed("Bad commit: ");
    assert!(news.contains("rung 4 done: commit"), "{news}");

    let before = demo.well();
    demo.news();
    desktop.click("Flood: ");
    desktop.wait_row("Demo: waiting: Telegram told the bridge to wait");
    assert_eq!(demo.well(), before);
    let news = demo.news();
    assert!(!news.contains("act: "), "{news}");

    desktop.click("Quit (ends the demo)");
    assert_eq!(app.wait(), Some(0), "{}", std::fs::read_to_string(&said).unwrap_or_default());
    assert!(!alive(before), "the demo's bridge goes with it");
    assert_eq!(demo.state(), None, "and so does its folder");
}
