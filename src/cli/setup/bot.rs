//! The bot and the person: who sends the alerts, and whom to. Each answer is tried at once.

use std::time::Duration;

use super::Setup;
use super::ask::{asked_by, forget, hidden, select, stopped, valid, yes};
use crate::cli::Failure;
use crate::config::Telegram;
use crate::outln;
use crate::report;
use crate::setup::chats::{Chat, Wrote, wrote};
use crate::setup::{Choice, Question};
use crate::system::poll::Deadline;
use crate::system::progress;
use crate::system::telegram::{self, CallError};
use crate::text::{message, setup as text};
use crate::waiting::Waiting;

/// Between two questions to Telegram whether somebody has written: a person waits for the answer.
const PACE: Duration = Duration::from_secs(1);

/// Whose token it is.
enum Bot {
    Named(String),
    /// Telegram can't be reached, and the person goes on all the same.
    Unseen,
    /// Another one is to be given.
    Other,
}

/// How far the way to the person was tried.
enum Way {
    Tried,
    Untested,
    OtherToken,
    OtherChat,
}

/// Who was found among those who wrote.
enum Found {
    Person(i64),
    OtherToken,
}

/// Why the wait for a person ended.
enum Waited {
    People(Vec<Chat>),
    Nobody,
    /// There may be messages from here on, behind others.
    More(i64),
}

pub(super) fn ask(setup: &mut Setup) -> Result<(), Failure> {
    let (mut keep_token, mut keep_chat) = (true, true);
    while !setup.flags.no_alerts {
        if !token(setup, keep_token)? {
            break;
        }
        let faults = setup.faults()?;
        if let Some(fault) = faults.iter().find(|fault| asked_by(fault) == Some(Question::Token)) {
            forget(setup, fault);
            continue;
        }
        let telegram = telegram(setup)?;
        let bot = match try_token(setup, &telegram)? {
            Bot::Named(name) => Some(name),
            Bot::Unseen => None,
            Bot::Other => {
                keep_token = false;
                continue;
            }
        };
        match person(setup, &telegram, bot.as_deref(), keep_chat)? {
            Way::Tried | Way::Untested => return Ok(()),
            Way::OtherToken => keep_token = false,
            Way::OtherChat => keep_chat = false,
        }
    }
    Ok(())
}

/// Puts a token into the draft; false: the person wants no alerts.
fn token(setup: &mut Setup, keep: bool) -> Result<bool, Failure> {
    if keep && setup.has_token() && (setup.flags.bot_token_file.is_some() || yes(text::KEEP_BOT, true)?) {
        return Ok(true);
    }
    outln!("{}", text::HOW_TO_MAKE_A_BOT);
    loop {
        let token = hidden(text::TOKEN)?;
        if !token.is_empty() {
            setup.draft.set_token("bot_token", &token);
            return Ok(true);
        }
        if yes(text::NO_ALERTS, false)? {
            setup.draft.without_telegram();
            return Ok(false);
        }
    }
}

/// The bot of the draft. Until it is known whom to tell, any id will do. What is wrong then is nothing that is asked here.
fn telegram(setup: &Setup) -> Result<Telegram, Failure> {
    let mut draft = setup.draft.clone();
    if !draft.has("telegram", "chat_id") {
        draft.set("telegram", "chat_id", 1);
    }
    let config = setup.config_of(&draft)?;
    config.telegram.ok_or_else(stopped)
}

/// Asks Telegram.
fn try_token(setup: &Setup, telegram: &Telegram) -> Result<Bot, Failure> {
    loop {
        match telegram::me(telegram, setup.environment.limits.send).name {
            Ok(name) => {
                outln!("{}", text::this_is(&name));
                return Ok(Bot::Named(name));
            }
            Err(error) => {
                outln!("{}", said(telegram, &error));
                let rows = if matches!(error.status, Some(401 | 404)) {
                    vec![Choice::OtherToken, Choice::Stop]
                } else {
                    vec![Choice::Again, Choice::OtherToken, Choice::Untested, Choice::Stop]
                };
                match choose(&rows)? {
                    Choice::Again => {}
                    Choice::OtherToken => return Ok(Bot::Other),
                    Choice::Untested => return Ok(Bot::Unseen),
                    _ => return Err(stopped()),
                }
            }
        }
    }
}

/// Puts the id into the draft, and sends a test message there.
fn person(setup: &mut Setup, telegram: &Telegram, bot: Option<&str>, keep: bool) -> Result<Way, Failure> {
    let known = setup.draft.number("telegram", "chat_id").filter(|_| keep);
    let known = match known {
        Some(id) if setup.flags.chat_id.is_some() || yes(&text::keep_chat(id), true)? => Some(id),
        _ => None,
    };
    let id = match (known, bot) {
        (Some(id), _) => id,
        (None, Some(bot)) => match find(setup, telegram, bot)? {
            Found::Person(id) => id,
            Found::OtherToken => return Ok(Way::OtherToken),
        },
        (None, None) => typed()?,
    };
    setup.draft.set("telegram", "chat_id", id);
    if bot.is_none() {
        return Ok(Way::Untested);
    }
    let telegram = Telegram { chat_id: id, ..telegram.clone() };
    loop {
        match telegram::send(&telegram, &message::test(&report::host()), setup.environment.limits.send) {
            Ok(id) => {
                outln!("{}", text::arrived(id));
                return Ok(Way::Tried);
            }
            Err(error) => outln!("{}", said(&telegram, &error)),
        }
        match choose(&[Choice::Again, Choice::OtherChat, Choice::OtherToken, Choice::Untested, Choice::Stop])? {
            Choice::Again => {}
            Choice::OtherChat => return Ok(Way::OtherChat),
            Choice::OtherToken => return Ok(Way::OtherToken),
            Choice::Untested => return Ok(Way::Untested),
            _ => return Err(stopped()),
        }
    }
}

/// Whoever wrote to the bot: anybody can, so the person is asked.
fn find(setup: &Setup, telegram: &Telegram, bot: &str) -> Result<Found, Failure> {
    outln!("{}", text::write_to(bot));
    let (mut refused, mut from): (Vec<i64>, Option<i64>) = (Vec::new(), None);
    loop {
        let mut taken = false;
        match wait(setup, telegram, bot, &refused, &mut from) {
            Ok(Waited::People(people)) => {
                if let Some(id) = which(&people)? {
                    return Ok(Found::Person(id));
                }
                refused.extend(people.iter().map(|person| person.id));
                continue;
            }
            Ok(Waited::More(next)) => {
                outln!("{}", text::behind_others(bot));
                if yes(text::MARK_AS_READ, true)? {
                    from = Some(next);
                    continue;
                }
            }
            Ok(Waited::Nobody) => outln!("{}", text::nobody_wrote(bot)),
            Err(error) => {
                outln!("{}", said(telegram, &error));
                taken = error.status == Some(409);
            }
        }
        let choices = if taken {
            // Somebody else gets the messages, however long we wait.
            [Choice::OtherToken, Choice::ByHand, Choice::GoOnWaiting, Choice::Stop]
        } else {
            [Choice::GoOnWaiting, Choice::OtherToken, Choice::ByHand, Choice::Stop]
        };
        match choose(&choices)? {
            Choice::GoOnWaiting => {}
            Choice::OtherToken => return Ok(Found::OtherToken),
            Choice::ByHand => return typed().map(Found::Person),
            _ => return Err(stopped()),
        }
    }
}

/// The people who have written, without those who were said to be others. `from` is there once the messages before it may
/// be marked as read; then it goes on with them.
fn wait(
    setup: &Setup,
    telegram: &Telegram,
    bot: &str,
    not: &[i64],
    from: &mut Option<i64>,
) -> Result<Waited, CallError> {
    let within = setup.environment.limits.write_to_bot;
    let _shown = progress::shows();
    progress::waits(&crate::text::progress::what(&Waiting::Message { bot: bot.to_owned(), within }, "", ""));
    let deadline = Deadline::after(within);
    let mut told = None;
    while deadline.left().is_some() {
        let unread = telegram::unread(telegram, *from, setup.environment.limits.send)?;
        let chats: Vec<Chat> = unread.chats.into_iter().filter(|chat| !not.contains(&chat.id)).collect();
        match wrote(&chats) {
            Wrote::People(people) => return Ok(Waited::People(people)),
            Wrote::OnlyGroup(group) if told != Some(group.id) => {
                outln!("{}", text::group(&group, bot));
                told = Some(group.id);
            }
            Wrote::OnlyGroup(_) | Wrote::Nobody => {}
        }
        match unread.more {
            Some(next) if from.is_none() => return Ok(Waited::More(next)),
            more if more > *from => *from = more,
            _ => std::thread::sleep(PACE),
        }
    }
    Ok(Waited::Nobody)
}

fn which(people: &[Chat]) -> Result<Option<i64>, Failure> {
    if let [person] = people {
        return Ok(yes(&text::is_that_you(person), true)?.then_some(person.id));
    }
    let rows: Vec<String> = people.iter().map(text::person).chain([text::NOBODY_OF_THEM.to_owned()]).collect();
    Ok(people.get(select(text::WHICH_PERSON, &rows, 0)?).map(|person| person.id))
}

fn typed() -> Result<i64, Failure> {
    let number = |text: &str| text.trim().parse::<i64>().ok().filter(|id| *id > 0);
    let answer = valid(text::CHAT_ID, None, move |text| number(text).map(drop).ok_or(text::ABOVE_0))?;
    number(&answer).ok_or_else(stopped)
}

fn choose(choices: &[Choice]) -> Result<Choice, Failure> {
    let shown: Vec<String> = choices.iter().map(|choice| text::choice(*choice).to_owned()).collect();
    Ok(choices[select(text::WHAT_NOW, &shown, 0)?])
}

/// What Telegram or the network said, without the token.
fn said(telegram: &Telegram, error: &CallError) -> String {
    crate::text::foreign(&error.why).replace(&telegram.token.0, "(token)")
}
