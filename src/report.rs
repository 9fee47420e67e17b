//! Tells one person. `policy` decides who is told what, `text` has the words, `spool` has what is still to be sent, and
//! `delivery` makes sure that it arrives.

mod delivery;
pub mod policy;
pub mod spool;

pub use self::delivery::Delivery;
