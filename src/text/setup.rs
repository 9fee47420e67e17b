//! What `setup` says and asks. Pure. No token ever comes here.

use std::path::Path;

use super::{foreign, single_quoted};
use crate::manager::Manager;
use crate::setup::Choice;
use crate::setup::chats::Chat;
use crate::setup::jobs::Job;

/// How to make a bot; the question for its token follows.
pub const HOW_TO_MAKE_A_BOT: &str = "\nAlerts come from a bot of your own, made in a minute, in Telegram:
  1. write to @BotFather (https://t.me/BotFather): /newbot
  2. give it a name, and a user name that ends in bot
  3. copy the token of its answer and paste it here; it is not shown";
pub const TOKEN: &str = "Token (Enter alone: no alerts)";
pub const NO_ALERTS: &str = "Without a bot nobody is told when the bridge needs a person. Go on without alerts?";
pub const KEEP_BOT: &str = "Keep the bot that is configured?";
pub const WHAT_NOW: &str = "What now?";
pub const CHAT_ID: &str = "The numeric id of the person to tell";
pub const ABOVE_0: &str = "a person's id is a number above 0; groups and channels are below, and are not told";
pub const WHICH_PERSON: &str = "Who of them is to be told?";
pub const MARK_AS_READ: &str = "Mark them as read?";
pub const NOBODY_OF_THEM: &str = "None of them";
pub const THIS_ONE: &str = "Watch this one?";
pub const WHICH_BRIDGE: &str = "Which one is the bridge?";
pub const ANOTHER: &str = "Another one";
pub const ROOT: &str = "The bridge's git checkout";
pub const LABEL: &str = "The label of its agent (systemd: the unit)";
pub const MANAGER: &str = "Who starts it";
pub const PROGRAM: &str = "What is started, in the checkout";
pub const LOG: &str = "Its log, in the checkout";
/// The flag for the question above, where the usual program is not there.
pub const PROGRAM_FLAG: &str =
    "--program WORDS (no agent is found, and .venv/bin/python bridge/telegram_bridge.py is not in the checkout)";
pub const NO_CHECKOUT: &str = "no git checkout is there (no .git in it)";
pub const NO_WORDS: &str = "name a program";
pub const INSTALL: &str = "Install the watchdog's agent now, so that it runs from login on (bridge-watchdog install)?";
const NOTHING: &str = "nothing was written";
pub const NOTHING_WRITTEN: &str = "stopped; nothing was written, and setup can be run again";
pub const NOT_INSTALLED: &str = "Nothing is installed yet. To watch from login on: bridge-watchdog install";
pub const ASKS: &str =
    "The app opens a window now and macOS asks whether it may notify you: press Allow. It is asked only once.";
pub const CHECK: &str = "\nA look, as 'bridge-watchdog check' has it:";

/// A manager, where a person chooses one.
pub fn manager(manager: Manager) -> &'static str {
    match manager {
        Manager::Launchd => "launchd (a Mac)",
        Manager::Systemd => "systemd (a user unit)",
        Manager::Embedded => "embedded (the watchdog itself starts it)",
    }
}

/// A way to go on, where a person chooses one.
pub fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::Again => "Try again",
        Choice::OtherToken => "Give another token",
        Choice::OtherChat => "Tell somebody else",
        Choice::GoOnWaiting => "Go on waiting",
        Choice::ByHand => "Type the numeric id of the person",
        Choice::Untested => "Go on without a test: alerts are set up, but nobody knows whether they arrive",
        Choice::Stop => "Stop, and write nothing",
    }
}

/// The last words after Ctrl-C.
pub fn interrupted(written: bool) -> &'static str {
    if written { "stopped; the configuration was written before, and setup can be run again" } else { NOTHING_WRITTEN }
}

/// A bridge that is installed, in one line.
pub fn job(job: &Job) -> String {
    let place = job
        .checkout
        .as_deref()
        .or(job.folder.as_deref())
        .map_or_else(String::new, |folder| format!(" in {}", folder.display()));
    foreign(&format!("{} ({}){place}: {}", job.label, job.manager.name(), quoted_words(&job.program)))
}

pub fn found(job: &str) -> String {
    format!("Found {job}")
}

/// That there is nobody to answer any more.
pub fn unasked(why: &str) -> String {
    format!("the terminal can't be read ({why}); nothing was written")
}

pub fn keep_chat(id: i64) -> String {
    format!("Go on telling the person with the id {id}?")
}

/// As a person would type them.
fn quoted_words(words: &[String]) -> String {
    let quoted = |word: &String| {
        let plain = !word.is_empty() && !word.contains([' ', '"', '\'', '\\', '\t']);
        if plain { word.clone() } else { format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")) }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// That a configuration is there already.
pub fn there(file: &Path) -> String {
    format!("{} is there; its values are what Enter keeps, and what is not asked stays.", file.display())
}

pub fn no_toml(file: &Path) -> String {
    let file = file.display();
    format!(
        "{file}: is no TOML, or a section of it is none, so it is left alone; correct it, or move it away: mv '{file}' '{file}.old'"
    )
}

/// What is there can't be read.
pub fn unreadable(file: &Path, why: &str) -> String {
    format!("{} can't be read: {why}; mend it or move it away; {NOTHING}", file.display())
}

pub fn read_only(file: &Path) -> String {
    let name = file.to_string_lossy();
    let mend = format!("chmod u+w {}", single_quoted(&name));
    format!(
        "{name} is read-only, so it is left as it is; to let it be changed: {mend}, then run setup again; {NOTHING}"
    )
}

/// The configuration is to lie there.
pub fn unwritable(folder: &Path) -> String {
    let name = folder.to_string_lossy();
    format!(
        "nothing can be made in {name}, where the configuration is to lie; make it yours (ls -ld {} shows whose it is), or \
         name another file: --config FILE; {NOTHING}",
        single_quoted(&name)
    )
}

/// A token may not lie where others can put another file into its place.
pub fn exposed(file: &Path, why: &str) -> String {
    format!("{} {why}, then run setup again; {NOTHING}", file.display())
}

/// What a run without questions lacks.
pub fn missing(flags: &[String]) -> String {
    format!(
        "setup can't ask here, so say it: {} (see bridge-watchdog setup --help); nothing was written",
        flags.join(", ")
    )
}

pub fn which_label(jobs: &[Job]) -> String {
    let labels: Vec<String> = jobs.iter().map(|job| foreign(&job.label)).collect();
    format!("--label LABEL, since several agents may be the bridge ({})", labels.join(", "))
}

pub fn this_is(bot: &str) -> String {
    format!("The token is good: it is @{bot}.")
}

/// What the person has to do with a phone.
pub fn write_to(bot: &str) -> String {
    format!(
        "\nNow, with the account that is to be told, open https://t.me/{bot} and press Start, or write anything.\nWaiting for it; Ctrl-C stops."
    )
}

pub fn nobody_wrote(bot: &str) -> String {
    format!("Nobody has written to @{bot} yet.")
}

/// What it takes to see later messages.
pub fn behind_others(bot: &str) -> String {
    format!(
        "A hundred messages to @{bot} are unread, and none is from a person who may be meant. Later ones are shown only once \
         these are marked as read; a program that reads this bot too would then miss them."
    )
}

/// Why a group is not told, and the mend.
pub fn group(chat: &Chat, bot: &str) -> String {
    format!(
        "Somebody wrote from '{}' (id {}), which is a group or a channel. It is refused: an alert quotes the bridge's log, and is for one \
         person. Write to @{bot} itself: https://t.me/{bot}",
        chat.name, chat.id
    )
}

pub fn person(chat: &Chat) -> String {
    format!("{} (id {})", chat.name, chat.id)
}

pub fn is_that_you(chat: &Chat) -> String {
    format!("{} has written to it. Are the alerts for this person?", person(chat))
}

pub fn arrived(id: i64) -> String {
    format!("A test message is on the phone now (message {id}).")
}

/// What failed by flags alone; nothing is written then.
pub fn untested(why: &str, reached: bool) -> String {
    let mend = if reached { "" } else { "; to write the configuration all the same, and test later: --untested" };
    format!("{why}{mend}; nothing was written")
}

/// What will be written, without the token.
pub fn summary(config: &crate::config::Config) -> Vec<String> {
    let row = |name: &str, value: String| format!("  {name:<9}{value}");
    let told = config
        .telegram
        .as_ref()
        .map_or_else(|| "nobody".into(), |telegram| format!("the person with the id {}", telegram.chat_id));
    vec![
        "\nThis is what the watchdog will go by:".into(),
        row("root", config.root.display().to_string()),
        row("label", format!("{} ({})", config.label, config.manager.name())),
        row("program", quoted_words(&config.program)),
        row("log", config.log.display().to_string()),
        row("session", config.session.display().to_string()),
        row("alerts", told),
    ]
}

pub fn write_it(file: &Path) -> String {
    format!("Write {}?", file.display())
}

pub fn wrote(file: &Path) -> String {
    format!("Wrote {} (mode 0600).", file.display())
}
