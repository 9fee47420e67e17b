//! Who uses the session, as `locks` shows it. Plain data.

use std::path::PathBuf;

use serde::Serialize;

use crate::facts::{Lock, Role};

/// `locks --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Locks {
    pub path: PathBuf,
    /// Whoever holds a lock on it, by pid.
    pub holders: Vec<SessionUser>,
    /// Whoever merely has it or one of its journals open, by pid.
    pub open: Vec<SessionUser>,
    /// So many processes could not be looked at, since they are another user's.
    pub unseen: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionUser {
    pub pid: u32,
    pub role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    pub age_s: Option<u64>,
    /// The program's own name, without arguments, which may hold a secret.
    pub name: Option<String>,
    pub user: Option<String>,
}
