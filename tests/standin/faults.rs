//! `DIR/fault.json`: what goes wrong, as a test wants it. Read again at each request and at each spawn; no file,
//! no fault. An unknown field answers every request with code 70, so that a typing error can't pass a test.
//!
//! ```json
//! {
//!   "print_hangs": true,            // true or "before": no answer, nothing done; "after": done, but no answer
//!   "kickstart_hangs": "after",     // every kickstart; the next one only those with -k
//!   "kickstart_k_hangs": true,
//!   "bootstrap_hangs": true, "bootout_hangs": true,
//!   "print_garbage": true,          // true: bytes that are no UTF-8; a string: this text; exit code 0
//!   "unknown_state": "quantum",     // stands in place of the job's state
//!   "answers": {"print": {"code": 1, "stdout": "", "stderr": "…"}},   // a subcommand's whole answer, nothing done
//!   "pended": "speculative",        // the domain holds back every spawn that is no kickstart, until this is gone
//!   "spawn_delay_s": 25.0,          // state "spawning" without a pid for so long before each start
//!   "kickstart_waits_throttle": true,   // else kickstart starts at once, whatever the throttle says
//!   "bootstrap_fails_5": {"times": 2, "registered": true},   // counted again when the file changes; registered:
//!                                   // the job is loaded all the same, but was not started
//!   "draining_code": 37,            // bootstrap while the old job drains; else 5
//!   "disabled_code": 5,             // bootstrap and kickstart of a disabled label; else 119; 0 lets them through
//!   "bootout_code": 36,             // bootout does its work, but says this
//!   "bootout_slow_s": 3.0,          // the label stays known for so long after its process died
//!   "no_domain": true,              // 125, as over SSH
//!   "old_wording": true             // print-disabled says true and false
//! }
//! ```

use crate::requests::has_flag;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Faults {
    pub print_hangs: Hang,
    pub kickstart_hangs: Hang,
    pub kickstart_k_hangs: Hang,
    pub bootstrap_hangs: Hang,
    pub bootout_hangs: Hang,
    pub print_garbage: Option<Garbage>,
    pub unknown_state: Option<String>,
    pub answers: BTreeMap<String, Canned>,
    pub pended: Option<String>,
    pub spawn_delay_s: f64,
    pub kickstart_waits_throttle: bool,
    pub bootstrap_fails_5: Option<Fails>,
    pub draining_code: Option<u8>,
    pub disabled_code: Option<u8>,
    pub bootout_code: Option<u8>,
    pub bootout_slow_s: f64,
    pub no_domain: bool,
    pub old_wording: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(try_from = "serde_json::Value")]
pub(crate) enum Hang {
    #[default]
    Never,
    Before,
    After,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Garbage {
    Bytes(bool),
    Text(String),
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Canned {
    pub code: u8,
    pub stdout: String,
    pub stderr: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fails {
    pub times: u32,
    #[serde(default)]
    pub registered: bool,
}

/// The file, and how often its `bootstrap_fails_5` was used since it last changed.
pub(crate) struct FaultFile {
    path: PathBuf,
    text: String,
    pub failed_bootstraps: u32,
}

impl FaultFile {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { path: dir.join("fault.json"), text: String::new(), failed_bootstraps: 0 }
    }

    pub(crate) fn read(&mut self) -> Result<Faults, String> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => "{}".to_owned(),
            Err(e) => return Err(format!("{}: {e}", self.path.display())),
        };
        if text != self.text {
            self.text.clone_from(&text);
            self.failed_bootstraps = 0;
        }
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", self.path.display()))
    }
}

impl Faults {
    /// Only what is wrong with launchd itself: for the test's own requests, which always get an answer.
    pub(crate) fn without_answers(self) -> Self {
        Self {
            pended: self.pended,
            spawn_delay_s: self.spawn_delay_s,
            bootout_slow_s: self.bootout_slow_s,
            ..Self::default()
        }
    }

    pub(crate) fn hang(&self, args: &[&str]) -> Hang {
        match args {
            ["print", ..] => self.print_hangs,
            ["kickstart", rest @ ..] if has_flag(rest, 'k') && self.kickstart_k_hangs != Hang::Never => {
                self.kickstart_k_hangs
            }
            ["kickstart", ..] => self.kickstart_hangs,
            ["bootstrap", ..] => self.bootstrap_hangs,
            ["bootout", ..] => self.bootout_hangs,
            _ => Hang::Never,
        }
    }
}

impl TryFrom<serde_json::Value> for Hang {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        match value {
            serde_json::Value::Bool(false) => Ok(Self::Never),
            serde_json::Value::Bool(true) => Ok(Self::Before),
            serde_json::Value::String(s) if s == "before" => Ok(Self::Before),
            serde_json::Value::String(s) if s == "after" => Ok(Self::After),
            other => Err(format!("{other}: a hang is true, false, \"before\" or \"after\"")),
        }
    }
}
