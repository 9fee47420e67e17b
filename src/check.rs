//! The object of `check --json`: field names and types that scripts rely on. Pure. No code of ours decides by it.

use serde::{Deserialize, Serialize};

use crate::facts::{Disk, Lock, Role};
use crate::history::Evidence;
use crate::verdict::{Cause, State};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub state: State,
    pub cause: Cause,
    pub level: u8,
    pub issues: Vec<String>,
    pub unknown: Vec<String>,
    pub next: String,
    pub facts: Known,
}

/// What is not known is `null`, and named in `unknown`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    pub process: Option<ProcessFact>,
    pub log: Option<LogFact>,
    pub session: Option<SessionFact>,
    pub telegram: Option<TelegramFact>,
    #[serde(default)]
    pub life: Option<LifeFact>,
    pub crashes: Option<CrashFact>,
    pub git: Option<GitFact>,
    pub disk: Option<Disk>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessFact {
    pub pid: Option<u32>,
    pub started: Option<String>,
    pub runs: Option<u64>,
    pub last_exit: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogFact {
    pub path: String,
    pub silent_s: Option<u64>,
    pub size: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionFact {
    pub path: String,
    pub holders: Vec<HolderFact>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HolderFact {
    pub pid: u32,
    pub role: Role,
    pub lock: Lock,
    pub age_s: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelegramFact {
    pub connected: bool,
    pub evidence: Evidence,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LifeFact {
    pub alive: bool,
    /// Of death, or else of life: a sentence each.
    pub signs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrashFact {
    pub last_30m: usize,
    pub on_head: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GitFact {
    pub head: String,
    pub summary: String,
    pub age_s: u64,
    pub dirty: Option<bool>,
    pub own_revert: bool,
}
