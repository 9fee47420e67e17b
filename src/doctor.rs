//! `doctor`: checks the set-up. [`look`] gathers plain facts, the other files judge them (pure), `text::doctor` words
//! what was found and its mend.

pub mod desktop;
pub mod finding;
pub mod login;
pub mod look;
pub mod mac;
pub mod machine;
pub mod mend;
pub mod older;
pub mod script;
pub mod service;
pub mod setup;
pub mod watch;

pub use self::finding::{Finding, Found, Mend};
