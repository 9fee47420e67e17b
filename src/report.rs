//! Tells one person. `policy` decides who is told what, `text` has the words, `spool` has what is still to be sent, and
//! `delivery` makes sure that it arrives.

mod delivery;
pub mod policy;
pub mod spool;

pub use self::delivery::Delivery;

/// This machine, as the first word of each message names it.
pub fn host() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "this machine".into())
}
