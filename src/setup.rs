//! What `setup` knows by itself, and what it still has to ask. Pure: the questions are in `cli/setup`, what touches the
//! machine is in `system`.

pub mod chats;
pub mod draft;
pub mod jobs;

/// How to go on where something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Again,
    OtherToken,
    OtherChat,
    GoOnWaiting,
    ByHand,
    Untested,
    Stop,
}
