//! `setup` as a person goes through it, on a real terminal.

use std::fs;

use crate::setup::{forget, from_nothing, program, token_file};
use crate::support::bot::{Bot, CHAT, Mood, TOKEN};
use crate::support::mac::{OURS, mode};
use crate::support::pty::Terminal;
use crate::support::{Mac, Scene};

pub(crate) const ENTER: &str = "\r";
const CTRL_C: &str = "\x03";
pub(crate) const DOWN: &str = "\x1b[B";

/// The questions from nothing to the end, each with its answer.
const QUESTIONS: [(&str, &str); 5] = [
    ("Watch this one?", ENTER),
    ("Token (Enter alone: no alerts)", TOKEN),
    ("Ann (id 179144806) has written to it. Are the alerts for this person?", "y"),
    ("config.toml?", "y"),
    ("(bridge-watchdog install)?", "n"),
];

pub(crate) fn start(scene: &Scene, bot: &str, flags: &[&str]) -> Terminal {
    let url = format!("--api-url={bot}");
    let words: Vec<&str> = ["setup", &url].into_iter().chain(flags.iter().copied()).collect();
    let mut command = scene.command(&words);
    command.current_dir(scene.folder.path());
    Terminal::start(command)
}

pub(crate) fn person() -> (Bot, String) {
    let bot = Bot::new(Mood::Fine);
    bot.written_from(i64::try_from(CHAT).unwrap(), "private", "Ann");
    let url = format!("http://{}", bot.address);
    (bot, url)
}

pub(crate) fn answer(terminal: &mut Terminal, question: &str, keys: &str) {
    terminal.wait(question);
    if keys == TOKEN { terminal.press_unseen(&format!("{keys}{ENTER}")) } else { terminal.press(keys) }
}

pub(crate) fn nothing_written(scene: &Scene, terminal: &Terminal) {
    assert!(!scene.config_file().parent().unwrap().exists(), "something was written:\n{}", terminal.shown());
    secret(terminal);
}

fn secret(terminal: &Terminal) {
    let shown = terminal.shown();
    assert!(!shown.contains(TOKEN) && !shown.contains("hunter2"), "a secret on the screen:\n{shown}");
}

#[test]
fn on_a_terminal_from_nothing_to_a_healthy_check() {
    let mac = Mac::new();
    let program = program(&mac.scene);
    let words: Vec<&str> = program.iter().map(String::as_str).collect();
    mac.launchd.load(&mac.scene.label, &words, &mac.persons_keys());
    forget(&mac.scene);
    let (bot, url) = person();
    let mut terminal = start(&mac.scene, &url, &[]);
    for (question, keys) in &QUESTIONS[..4] {
        answer(&mut terminal, question, keys);
    }
    answer(&mut terminal, QUESTIONS[4].0, "y");
    let code = terminal.end();
    let shown = terminal.shown();
    secret(&terminal);
    assert!(code == 0 && shown.contains("The token is good: it is @watchdog_bot."), "{shown}");
    assert!(shown.contains("open https://t.me/watchdog_bot and press Start"), "{shown}");
    let text = fs::read_to_string(mac.scene.config_file()).unwrap();
    assert!(text.contains(&format!("bot_token = \"{TOKEN}\"")) && text.contains("chat_id = 179144806"), "{text}");
    assert_eq!((mode(&mac.scene.config_file()), bot.messages().len()), (0o600, 1));
    mac.launchd.wait_pid(OURS);
    mac.scene.wait_verdict("healthy", "none");
    assert_eq!(mac.scene.check().1, 0);
}

#[test]
fn ctrl_c_at_each_question_writes_nothing_half_and_it_can_be_run_again() {
    let (scene, (_bot, url)) = (from_nothing(), person());
    for last in 0..QUESTIONS.len() {
        let mut terminal = start(&scene, &url, &["--manager", "embedded"]);
        for (question, keys) in &QUESTIONS[..last] {
            answer(&mut terminal, question, keys);
        }
        terminal.wait(QUESTIONS[last].0);
        // The token's question is one only when the echo is off.
        if QUESTIONS[last].1 == TOKEN {
            terminal.press_unseen(CTRL_C);
        } else {
            terminal.press(CTRL_C);
        }
        assert_eq!(terminal.end(), 130, "at {}:\n{}", QUESTIONS[last].0, terminal.shown());
        assert!(terminal.echoes(), "the terminal is as it was, after {}", QUESTIONS[last].0);
        secret(&terminal);
        terminal.wait("stopped; nothing was written");
        nothing_written(&scene, &terminal);
    }
    let mut terminal = start(&scene, &url, &["--manager", "embedded"]);
    for (question, keys) in &QUESTIONS {
        answer(&mut terminal, question, keys);
    }
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    // Again, over what is there: each Enter keeps it.
    let before = fs::read_to_string(scene.config_file()).unwrap();
    let mut terminal = start(&scene, &url, &[]);
    let again = ["Watch this one?", "Keep the bot", "Go on telling the person with the id 179144806?", "config.toml?"];
    for question in again {
        answer(&mut terminal, question, ENTER);
    }
    answer(&mut terminal, QUESTIONS[4].0, "n");
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    assert_eq!(fs::read_to_string(scene.config_file()).unwrap(), before);
    let names = fs::read_dir(scene.config_file().parent().unwrap()).unwrap().count();
    assert_eq!(names, 1, "nothing lies beside it");
}

#[test]
fn a_wrong_token_is_asked_again_and_a_group_is_refused() {
    let (scene, bot) = (from_nothing(), Bot::new(Mood::Fine));
    let url = format!("http://{}", bot.address);
    bot.written_from(-100_123, "supergroup", "The \x1b[31mothers");
    let mut terminal = start(&scene, &url, &["--manager", "embedded"]);
    answer(&mut terminal, "Watch this one?", ENTER);
    terminal.wait("Token");
    terminal.press_unseen("no token\r");
    terminal.wait("has not the shape of a bot token");
    terminal.wait("Token");
    terminal.press_unseen(&format!("{}\r", TOKEN.replace("123456", "654321")));
    terminal.wait("Telegram refused (401): Unauthorized");
    answer(&mut terminal, "Give another token", ENTER);
    answer(&mut terminal, "Token", TOKEN);
    terminal.wait("from 'The others' (id -100123), which is a group or a channel. It is refused");
    bot.written_from(7, "private", "Eve");
    answer(&mut terminal, "Eve (id 7) has written to it.", "n");
    bot.written_from(i64::try_from(CHAT).unwrap(), "private", "Ann");
    answer(&mut terminal, "Ann (id 179144806) has written to it.", "y");
    terminal.wait("A test message is on the phone now");
    // A no at the last question.
    answer(&mut terminal, "config.toml?", "n");
    assert_eq!(terminal.end(), 1);
    assert!(!terminal.shown().contains("do-not-leak"), "{}", terminal.shown());
    nothing_written(&scene, &terminal);
}

#[test]
fn without_a_network_a_person_may_go_on_or_stop() {
    let scene = from_nothing();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}");
    for go_on in [false, true] {
        let mut terminal = start(&scene, &url, &["--manager", "embedded"]);
        answer(&mut terminal, "Watch this one?", ENTER);
        answer(&mut terminal, "Token", TOKEN);
        terminal.wait("Telegram can't be reached");
        terminal.wait("Stop, and write nothing");
        let down = if go_on { 2 } else { 3 };
        terminal.press(&(DOWN.repeat(down) + ENTER));
        if !go_on {
            assert_eq!(terminal.end(), 1);
            nothing_written(&scene, &terminal);
            continue;
        }
        answer(&mut terminal, "The numeric id of the person", "-5\r");
        terminal.wait("a person's id is a number above 0");
        terminal.press(&("\x7f".repeat(2) + "179144806\r"));
        answer(&mut terminal, "config.toml?", "y");
        answer(&mut terminal, QUESTIONS[4].0, "n");
        assert_eq!(terminal.end(), 0, "{}", terminal.shown());
        assert!(fs::read_to_string(scene.config_file()).unwrap().contains("chat_id = 179144806"));
        secret(&terminal);
    }
}

#[test]
fn where_nothing_is_found_each_thing_is_asked_with_its_default() {
    let (scene, (bot, url)) = (from_nothing(), person());
    fs::remove_dir_all(scene.folder.path().join("home/Library")).unwrap();
    let token = token_file(&scene, TOKEN);
    let mut terminal = start(&scene, &url, &["--bot-token-file", token.to_str().unwrap()]);
    answer(&mut terminal, "The bridge's git checkout", "/nowhere\r");
    terminal.wait("no git checkout is there");
    terminal.press(&format!("{}{}\r", "\x7f".repeat("/nowhere".len()), scene.root.display()));
    answer(&mut terminal, "The label of its agent (systemd: the unit) [com.valor.bridge]", ENTER);
    terminal.wait("Who starts it");
    terminal.press(&(DOWN.repeat(if cfg!(target_os = "macos") { 2 } else { 1 }) + ENTER));
    answer(&mut terminal, "[.venv/bin/python bridge/telegram_bridge.py]", "python3 'my bridge.py'\r");
    answer(&mut terminal, "[logs/bridge.log]", ENTER);
    answer(&mut terminal, "Ann (id 179144806)", "y");
    answer(&mut terminal, "config.toml?", "y");
    answer(&mut terminal, QUESTIONS[4].0, "n");
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    let text = fs::read_to_string(scene.config_file()).unwrap();
    for words in
        ["label = \"com.valor.bridge\"", "manager = \"embedded\"", "[\"python3\", \"my bridge.py\"]", "token_file = "]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(bot.messages().len(), 1);
    secret(&terminal);
}

/// The other kinds of questions: a text, a choice, and the wait for the person.
#[test]
fn ctrl_c_where_nothing_is_found_and_while_it_waits_for_the_person() {
    let (scene, bot) = (from_nothing(), Bot::new(Mood::Fine));
    fs::remove_dir_all(scene.folder.path().join("home/Library")).unwrap();
    let (url, token) = (format!("http://{}", bot.address), token_file(&scene, TOKEN));
    let root = format!("{}\r", scene.root.display());
    let questions = [
        ("The bridge's git checkout", root.as_str()),
        ("[com.valor.bridge]", ENTER),
        ("embedded (the watchdog itself starts it)", ENTER),
        ("[.venv/bin/python bridge/telegram_bridge.py]", ENTER),
        ("[logs/bridge.log]", ENTER),
        ("Waiting for it; Ctrl-C stops.", ""),
    ];
    for (last, (question, _)) in questions.iter().enumerate() {
        let mut terminal = start(&scene, &url, &["--bot-token-file", token.to_str().unwrap()]);
        for (question, keys) in &questions[..last] {
            answer(&mut terminal, question, keys);
        }
        answer(&mut terminal, question, CTRL_C);
        assert_eq!(terminal.end(), 130, "at {question}:\n{}", terminal.shown());
        terminal.wait("stopped; nothing was written");
        let shown = terminal.shown();
        assert!(terminal.echoes() && shown.rfind("\x1b[?25h") >= shown.rfind("\x1b[?25l"), "at {question}:\n{shown:?}");
        nothing_written(&scene, &terminal);
    }
}
