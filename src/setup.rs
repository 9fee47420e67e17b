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

/// What is asked about the bridge and the alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    Root,
    Label,
    Manager,
    Program,
    Log,
    Token,
    Person,
}

impl Question {
    /// The one that gives this key of the configuration another value. What is never asked about has none.
    pub fn about(section: &str, key: &str) -> Option<Question> {
        Some(match (section, key) {
            ("bridge", "root") => Question::Root,
            ("bridge", "label") => Question::Label,
            ("bridge", "manager") => Question::Manager,
            ("bridge", "program") => Question::Program,
            ("bridge", "log") => Question::Log,
            ("telegram", "bot_token" | "token_file") => Question::Token,
            ("telegram", "chat_id") => Question::Person,
            _ => return None,
        })
    }
}
