//! What touches the machine: one module for each effect (its door), and no other code causes that effect.

pub mod clock;
pub mod command;
pub mod connection;
pub mod crashes;
pub mod env;
pub mod family;
pub mod file_state;
pub mod files;
pub mod foreground;
pub mod git;
pub mod halted;
pub mod installed;
pub mod interrupt;
pub mod journal;
pub mod life;
#[cfg(target_os = "linux")]
mod lock_list;
pub mod log;
pub mod log_end;
mod log_news;
pub mod lookalikes;
pub mod markers;
pub mod mounts;
pub mod network;
pub mod new_processes;
pub mod output;
pub mod poll;
pub mod process;
pub mod process_table;
pub mod program;
pub mod progress;
pub mod recovery_lock;
pub mod script;
pub mod service;
pub mod session;
pub mod session_users;
pub mod setup_files;
#[cfg(target_os = "linux")]
mod sock_diag;
pub mod started;
pub mod supervisors;
pub mod telegram;
pub mod timed;
pub mod unit_paths;
pub mod wake;
pub mod wake_pipe;
