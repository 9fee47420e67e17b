//! Tells one person. `policy` decides who is told what, `text` has the words, and `delivery` makes sure that they
//! arrive.

mod delivery;
pub mod policy;

pub use self::delivery::Delivery;
