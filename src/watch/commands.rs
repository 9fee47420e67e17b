//! The commands to the watch, and the sleep that they end.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::act::Hand;
use crate::config::Config;
use crate::facts::Identity;
use crate::revert::CommitId;
use crate::system::wake::{Wake, Waker, Woke};
use crate::time::Wall;

/// What a click, a command or a signal asks the watch to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    CheckNow,
    ByHand(Hand),
    /// HEAD is reverted by hand, if it is still this commit.
    Revert(CommitId),
    /// Until then.
    Pause(Wall),
    Resume,
    /// Writes or removes the opt-in to a revert.
    AutoRevert(bool),
    StartAtLogin(bool),
    /// The watch ends; the bridge goes on.
    Quit,
}

/// Sends commands to a watch from another thread.
#[derive(Clone)]
pub struct CommandSender {
    commands: Sender<Command>,
    waker: Waker,
}

impl CommandSender {
    pub fn send(&self, command: Command) {
        // A watch that has ended needs no commands.
        let _ = self.commands.send(command);
        self.waker.wake();
    }
}

/// Where commands arrive. They wait here while a rung runs, and are done after it.
pub struct CommandQueue {
    wake: Wake,
    arriving: Receiver<Command>,
    sender: Sender<Command>,
    waiting: Vec<Command>,
}

impl CommandQueue {
    /// # Errors
    /// If the kernel gives no event queue.
    pub fn new() -> Result<CommandQueue, String> {
        let (sender, arriving) = channel();
        Ok(CommandQueue { wake: Wake::new()?, arriving, sender, waiting: Vec::new() })
    }

    pub fn sender(&self) -> CommandSender {
        CommandSender { commands: self.sender.clone(), waker: self.waker() }
    }

    pub fn waker(&self) -> Waker {
        self.wake.waker()
    }

    /// From now on commands of other processes end the sleep too.
    pub fn listen(&mut self, config: &Config) {
        self.wake.listen(config);
    }

    /// Sleeps until `process` dies, a waker is called or the time is over.
    pub fn sleep(&mut self, process: Option<Identity>, limit: Duration) -> Woke {
        self.wake.sleep(process, limit)
    }

    /// Whether a command has come that forbids a rung to go on.
    pub fn interrupts(&mut self) -> bool {
        self.waiting.extend(self.arriving.try_iter());
        self.waiting.iter().any(|command| matches!(command, Command::Quit | Command::Pause(_)))
    }

    /// Takes all commands that have come, oldest first.
    pub fn take(&mut self) -> Vec<Command> {
        self.waiting.extend(self.arriving.try_iter());
        std::mem::take(&mut self.waiting)
    }
}
