//! What the integration tests share. Each of them takes what it needs.
#![allow(dead_code, unused_imports)]

pub mod decoys;
pub mod launchd;
pub mod panel;
pub mod scene;
pub mod systemd;

pub use decoys::Decoys;
pub use launchd::Launchd;
pub use panel::Desktop;
pub use scene::{PATIENCE, Scene, Watch, alive, beside, product, signal};
pub use systemd::Systemd;
