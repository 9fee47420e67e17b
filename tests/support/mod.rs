//! What the integration tests share. Each of them takes what it needs.
#![allow(dead_code, unused_imports)]

pub(crate) mod bot;
pub(crate) mod decoys;
pub(crate) mod doctor;
pub(crate) mod hold;
pub(crate) mod incidents;
pub(crate) mod launchd;
pub(crate) mod loaded;
pub(crate) mod mac;
pub(crate) mod panel;
pub(crate) mod pictures;
pub(crate) mod pty;
pub(crate) mod require;
pub(crate) mod scene;
pub(crate) mod screen;
pub(crate) mod session;
pub(crate) mod systemd;
pub(crate) mod test_api;
pub(crate) mod tray;

pub(crate) use decoys::Decoys;
pub(crate) use launchd::Launchd;
pub(crate) use loaded::{acts_of_launchctl, keys, load, loaded, loaded_with, patient, unloaded, why_started};
pub(crate) use mac::Mac;
pub(crate) use panel::Desktop;
pub(crate) use scene::{PATIENCE, Scene, Watch, alive, beside, executable, product, signal};
pub(crate) use systemd::Systemd;
