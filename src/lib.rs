//! Bridge Watchdog keeps one Telegram bridge up.
//!
//! # Theory of operation
//!
//! One thread runs a loop ([`watch`]). It sleeps until a minute has passed, a command came in, or the kernel says that
//! the bridge's process is gone. Then four steps, in this order:
//!
//! - [`observe`] looks and never writes. What could not be looked at is `Unknown`, with the reason.
//! - [`assess`] is a pure function from facts to a verdict. All judgement is there.
//! - [`recover`] does what the verdict says: each rung acts and then looks until the effect is seen.
//! - [`report`] tells a person: once for each cause, and when it is over.
//!
//! Everything that touches the machine is in [`system`], one door for each effect. Durations, addresses and fixed paths
//! are one plain value, [`limits::Environment`], which only the demo and the tests build differently.

pub mod act;
pub mod assess;
pub mod check;
pub mod cli;
pub mod config;
pub mod contract;
pub mod crash_groups;
pub mod demo;
pub mod desktop;
pub mod doctor;
pub mod dotenv;
pub mod error_line;
pub mod events;
pub mod exit_class;
pub mod exit_code;
#[cfg(test)]
mod expected;
pub mod facts;
pub mod findings;
pub mod foreign_text;
pub mod history;
pub mod holders;
pub mod holds;
pub mod identity;
pub mod inside;
pub mod install;
pub mod launchers;
pub mod limits;
pub mod locks;
pub mod log_fields;
pub mod log_line;
pub mod log_parts;
pub mod log_phrases;
pub mod log_reader;
pub mod log_voice;
pub mod log_wrappers;
pub mod manager;
pub mod markers;
pub mod menu;
pub mod named_wait;
pub mod observe;
pub mod outages;
pub mod outcome;
pub mod paint;
pub mod plan;
pub mod recover;
pub mod report;
pub mod revert;
pub mod road;
pub mod secrets;
pub mod setup;
pub mod signs;
#[cfg(test)]
mod situations;
pub mod snapshot;
pub mod system;
pub mod text;
pub mod time;
pub mod verdict;
pub mod waiting;
pub mod watch;
