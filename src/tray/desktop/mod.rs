//! What the two desktops do differently, the same functions for each.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(target_os = "macos")]
pub use macos::*;

/// Asked before a risky act; the buttons are named after what they do.
#[derive(Debug, Clone)]
pub struct Question {
    pub title: String,
    pub detail: String,
    pub yes: String,
    pub no: String,
}
