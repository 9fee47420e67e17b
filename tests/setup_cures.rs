//! `setup` on a terminal where something is wrong: each error leads to the question that can mend it, or ends it.

use std::fs;

use crate::setup::{forget, from_nothing};
use crate::setup_terminal::{DOWN, ENTER, answer, nothing_written, person, start};
use crate::support::Scene;
use crate::support::bot::{Bot, CHAT, Mood, TOKEN};

/// The questions about a bridge that is in no agent, up to the token's.
fn no_agent(scene: &Scene) {
    fs::remove_dir_all(scene.folder.path().join("home/Library")).expect("an agent");
}

fn write(scene: &Scene, more: &str, telegram: &str) {
    fs::create_dir_all(scene.config_file().parent().unwrap()).unwrap();
    let root = scene.root.display();
    let text = format!("[bridge]\nroot = \"{root}\"\nmanager = \"embedded\"\n{more}\n{telegram}");
    fs::write(scene.config_file(), text).unwrap();
}

#[test]
fn what_no_question_can_mend_ends_it_before_the_first_one() {
    let (_bot, url) = person();
    let token = format!("[telegram]\nbot_token = \"{TOKEN}\"\nchat_id = {CHAT}\n");
    let rows = [
        ("logn = \"x\"\n", "", &url[..], "bridge.logn is not known; delete it"),
        ("login = 7\n", "", &url, "bridge.login has to be a list of words"),
        ("", &token, "http://example.com", "telegram.api_url is not https"),
        ("", "[recovery]\nauto_revert = 1\n", &url, "recovery.auto_revert has to be true or false"),
        ("", "[alerts]\n", &url, "section or key 'alerts' is not known"),
    ];
    for (more, telegram, url, words) in rows {
        let scene = from_nothing();
        write(&scene, more, telegram);
        let before = fs::read_to_string(scene.config_file()).unwrap();
        let mut terminal = start(&scene, url, &[]);
        terminal.wait(words);
        assert_eq!(terminal.end(), 2, "{words}: {}", terminal.shown());
        assert!(!terminal.shown().contains("Watch this one?"), "{words}: {}", terminal.shown());
        assert_eq!(fs::read_to_string(scene.config_file()).unwrap(), before);
    }
}

#[test]
fn a_group_and_a_token_of_the_configuration_are_asked_anew() {
    let (scene, (bot, url)) = (from_nothing(), person());
    write(&scene, "label = \"-x\"\n", &format!("[telegram]\nbot_token = \"{TOKEN}\"\nchat_id = -100123\n"));
    let mut terminal = start(&scene, &url, &[]);
    terminal.wait("bridge.label has a slash, a blank or a leading '-' or '.'");
    terminal.wait("telegram.chat_id is not above 0, so it is a group or a channel");
    for (question, keys) in [
        ("Watch this one?", ENTER),
        ("Keep the bot that is configured?", ENTER),
        ("Ann (id 179144806) has written to it.", "y"),
        ("config.toml?", "y"),
        ("(bridge-watchdog install)?", "n"),
    ] {
        answer(&mut terminal, question, keys);
    }
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    let text = fs::read_to_string(scene.config_file()).unwrap();
    assert!(text.contains("chat_id = 179144806") && text.contains("label = \"com.example.bridge\""), "{text}");
    // A token that is none.
    fs::write(scene.config_file(), text.replace(TOKEN, "none")).unwrap();
    let mut terminal = start(&scene, &url, &[]);
    terminal.wait("has not the shape of a bot token");
    for (question, keys) in [
        ("Watch this one?", ENTER),
        ("Token", TOKEN),
        ("Go on telling the person", ENTER),
        ("config.toml?", "y"),
        ("(bridge-watchdog install)?", "n"),
    ] {
        answer(&mut terminal, question, keys);
    }
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    let sorted = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(sorted(&fs::read_to_string(scene.config_file()).unwrap()), sorted(&text));
    assert_eq!(bot.messages().len(), 2);
}

/// What the configuration has of a checkout that is gone goes with it.
#[test]
fn a_checkout_that_was_moved_is_found_again_with_its_files() {
    let (scene, url) = (from_nothing(), "http://127.0.0.1:9");
    let old = scene.folder.path().join("old");
    let text = format!(
        "[bridge]\nroot = \"{0}\"\nmanager = \"embedded\"\nlog = \"{0}/old.log\"\nprogram = [\"{0}/run\"]\nsession = \"{0}/x.session\"\n",
        old.display()
    );
    fs::create_dir_all(scene.config_file().parent().unwrap()).unwrap();
    fs::write(scene.config_file(), text).unwrap();
    let mut terminal = start(&scene, url, &[]);
    terminal.wait("which can't be read");
    answer(&mut terminal, "Watch this one?", ENTER);
    terminal.wait("Token");
    terminal.press_unseen(ENTER);
    answer(&mut terminal, "Go on without alerts?", "y");
    answer(&mut terminal, "config.toml?", "y");
    answer(&mut terminal, "(bridge-watchdog install)?", "n");
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    let text = fs::read_to_string(scene.config_file()).unwrap();
    assert!(!text.contains(old.to_str().unwrap()) && text.contains("logs/bridge.log"), "{text}");
}

#[test]
fn a_label_that_is_no_service_is_asked_again_and_a_root_is_made_absolute() {
    let (scene, (_bot, url)) = (from_nothing(), person());
    no_agent(&scene);
    let mut terminal = start(&scene, &url, &[]);
    // It runs in the scene's folder.
    answer(&mut terminal, "The bridge's git checkout", "checkout/../checkout\r");
    answer(&mut terminal, "The label of its agent", "telegram.timer\r");
    terminal.wait("Who starts it");
    terminal.press(&(if cfg!(target_os = "macos") { DOWN.to_owned() } else { String::new() } + ENTER));
    answer(&mut terminal, "What is started", "python3 bridge.py\r");
    answer(&mut terminal, "Its log", ENTER);
    terminal.wait("bridge.label ends in .timer, which is no service; name the service: telegram.service");
    answer(&mut terminal, "The label of its agent (systemd: the unit) [com.valor.bridge]", "telegram\r");
    answer(&mut terminal, "Token", TOKEN);
    answer(&mut terminal, "Ann (id 179144806) has written to it.", "y");
    answer(&mut terminal, "config.toml?", "y");
    answer(&mut terminal, "(bridge-watchdog install)?", "n");
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    let text = fs::read_to_string(scene.config_file()).unwrap();
    let root = format!("root = \"{}\"\n", scene.root.display());
    assert!(text.contains(&root) && text.contains("label = \"telegram\""), "{text}");
}

#[test]
fn two_agents_in_one_checkout_are_listed_also_where_the_flags_say_the_checkout() {
    let (scene, url) = (Scene::new("systemd", 60.0), "http://127.0.0.1:9");
    forget(&scene);
    let units = scene.folder.path().join("home/systemd/user");
    fs::create_dir_all(&units).unwrap();
    for name in ["one", "two"] {
        let text = format!(
            "[Service]\nWorkingDirectory={}\nExecStart=/usr/bin/python3 bridge.py {name}\n",
            scene.root.display()
        );
        fs::write(units.join(format!("telegram-{name}.service")), text).unwrap();
    }
    let mut terminal = start(&scene, url, &["--root", scene.root.to_str().unwrap()]);
    terminal.wait("Which one is the bridge?");
    terminal.wait("telegram-one (systemd)");
    terminal.wait("telegram-two (systemd)");
    terminal.wait("Another one");
    terminal.press(&(DOWN.to_owned() + ENTER));
    // The token's question: the rest was found.
    terminal.wait("Token");
    terminal.press_unseen(ENTER);
    answer(&mut terminal, "Go on without alerts?", "y");
    terminal.wait("label    telegram-two (systemd)");
    answer(&mut terminal, "config.toml?", "n");
    assert_eq!(terminal.end(), 1);
}

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
