//! `setup` on a terminal where something is wrong: each error leads to the question that can mend it, or ends it.

use crate::setup::from_nothing;
use crate::setup_terminal::{DOWN, ENTER, answer, nothing_written, person, start};
use crate::support::bot::{Bot, CHAT, Mood, TOKEN};

/// A hundred messages of a busy group come first.
#[test]
fn a_person_is_found_behind_a_hundred_messages_once_these_may_be_marked_as_read() {
    let (scene, bot) = (from_nothing(), Bot::new(Mood::Fine));
    for _ in 0..230 {
        bot.written_from(-100_123, "supergroup", "Busy");
    }
    bot.written_from(i64::try_from(CHAT).unwrap(), "private", "Ann");
    let url = format!("http://{}", bot.address);
    // A yes, a no, and a Ctrl-C.
    for marks in ["\x03", "n", "y"] {
        let mut terminal = start(&scene, &url, &["--manager", "embedded"]);
        answer(&mut terminal, "Watch this one?", ENTER);
        answer(&mut terminal, "Token", TOKEN);
        terminal.wait("from 'Busy' (id -100123), which is a group or a channel. It is refused");
        answer(&mut terminal, "Mark them as read?", marks);
        match marks {
            "y" => {
                answer(&mut terminal, "Ann (id 179144806) has written to it.", "y");
                terminal.wait("A test message is on the phone now");
                answer(&mut terminal, "config.toml?", "n");
            }
            "n" => {
                terminal.wait("Stop, and write nothing");
                terminal.press(&(DOWN.repeat(3) + ENTER));
            }
            _ => terminal.wait("stopped; nothing was written"),
        }
        assert_eq!(terminal.end(), if marks == "\x03" { 130 } else { 1 }, "{}", terminal.shown());
        nothing_written(&scene, &terminal);
        let offsets: Vec<_> =
            bot.requests().into_iter().filter_map(|request| request.body["offset"].as_i64()).collect();
        assert_eq!(offsets, if marks == "y" { &[800, 900][..] } else { &[] }, "nothing is confirmed unasked");
    }
}

#[test]
fn a_bot_that_another_program_reads_is_given_up_for_another() {
    for (mood, words) in [
        (
            Mood::Webhook,
            "; a webhook takes this bot's messages, so it can't be seen here who wrote: give the token of a bot",
        ),
        (Mood::Read, "; another program reads this bot's messages: give the token of a bot"),
    ] {
        let (scene, (bot, url)) = (from_nothing(), person());
        bot.moods([Mood::Fine, mood]);
        let mut terminal = start(&scene, &url, &["--manager", "embedded"]);
        answer(&mut terminal, "Watch this one?", ENTER);
        answer(&mut terminal, "Token", TOKEN);
        terminal.wait(words);
        terminal.wait("Stop, and write nothing");
        // It is the first of the choices.
        terminal.press(ENTER);
        answer(&mut terminal, "Token", TOKEN);
        answer(&mut terminal, "Ann (id 179144806) has written to it.", "y");
        answer(&mut terminal, "config.toml?", "n");
        assert_eq!(terminal.end(), 1);
        nothing_written(&scene, &terminal);
    }
}
