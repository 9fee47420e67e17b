//! What the integration tests share. Each of them takes what it needs.
#![allow(dead_code, unused_imports)]

pub mod bot;
pub mod decoys;
pub mod launchd;
pub mod loaded;
pub mod mac;
pub mod panel;
pub mod require;
pub mod scene;
pub mod systemd;
pub mod tray;

pub use decoys::Decoys;
pub use launchd::Launchd;
pub use loaded::{acts_of_launchctl, keys, load, loaded, loaded_with, patient, unloaded, why_started};
pub use mac::Mac;
pub use panel::Desktop;
pub use scene::{PATIENCE, Scene, Watch, alive, beside, product, signal};
pub use systemd::Systemd;
