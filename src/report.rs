//! Tells one person. `policy` decides who is told what, `text` has the words, `spool` has what is still to be sent, and
//! `delivery` makes sure that it arrives.

mod delivery;
pub mod policy;
pub mod spool;

use sysinfo::System;

pub use self::delivery::Delivery;
use crate::contract;
use crate::facts::Facts;
use crate::system::files;
use crate::text;
use crate::text::diagnostics::About;
use crate::verdict::Verdict;
use crate::watch::publisher::VERSION;
use crate::watch::watchdog::Watchdog;

/// The report that a person sends along who asks for help.
pub fn diagnostics(watchdog: &Watchdog, facts: &Facts, verdict: &Verdict) -> String {
    let Watchdog { config, environment, history, .. } = watchdog;
    let seen = text::check::check(facts, history, verdict, &config.secrets, &environment.limits);
    let os = System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.into());
    let about = About {
        version: VERSION,
        system: format!("{os}, {} {}", System::kernel_long_version().unwrap_or_default(), System::cpu_arch()),
        manager: watchdog.service.name(),
        life: seen.facts.life,
        incident: files::json(&config.state.join(contract::INCIDENT)),
    };
    text::diagnostics::whole(config, facts, verdict, &about)
}

/// This machine, as the first word of each message names it.
pub fn host() -> String {
    System::host_name().unwrap_or_else(|_| "this machine".into())
}
