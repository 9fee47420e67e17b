//! The files that tests read afterwards: `calls.log`, `signals.log`, `starts.log`. A line is written before its effect
//! can be seen.

use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) struct Logs {
    dir: PathBuf,
}

impl Logs {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(crate) fn call(&self, seq: u64, args: &[String], code: Option<u8>) {
        self.append("calls.log", &json!({"seq": seq, "ms": now_ms(), "args": args, "code": code}));
    }

    pub(crate) fn signal(&self, label: &str, pid: u32, signal: &str, why: &str) {
        let line = json!({"ms": now_ms(), "label": label, "pid": pid, "signal": signal, "why": why});
        self.append("signals.log", &line);
    }

    pub(crate) fn start(&self, label: &str, pid: u32, why: &str) {
        self.append("starts.log", &json!({"ms": now_ms(), "label": label, "pid": pid, "why": why}));
    }

    /// One write for a line, so that a reader sees whole lines.
    fn append(&self, file: &str, line: &Value) {
        let path = self.dir.join(file);
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut f| f.write_all(format!("{line}\n").as_bytes()));
        if let Err(error) = written {
            eprintln!("launchd-standin: {}: {error}", path.display());
        }
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
