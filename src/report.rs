//! Tells one person: who is told what is the policy, the words are `text`'s, and the delivery sees to it that they arrive.

mod delivery;
pub mod policy;

pub use self::delivery::Delivery;
