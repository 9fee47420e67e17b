//! Everything between us and Telegram that answers wrongly: a proxy, a certificate, a server that hangs. Each gives a clear
//! sentence in `status` and no secret, and once all is well the alert arrives.

use std::fs;

#[cfg(target_os = "linux")]
use crate::support::bot::tls::{self, Certificate};
use crate::support::bot::{Bot, CHAT, Mood, TOKEN};
use crate::support::incidents::{Kind, fragile};
use crate::support::{Scene, Watch};

/// No test waits for the 10 s that a call has in the product; 2 s are enough for a loopback server on a busy machine.
const CALL: f64 = 2.0;

/// A bridge under `embedded` that asks for a login: an alert at once, and nothing else to do.
fn needs_a_login(telegram: String) -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = telegram;
    scene.set("send", CALL);
    scene.bridge(&[]);
    fs::write(scene.data("bridge-auth-required"), "").expect("the marker");
    scene
}

/// What `status` says of the alert; the same is in what `status` prints for a person.
fn issue(scene: &Scene, words: &str) -> String {
    let issue = scene.wait(words, || {
        let status = scene.status()?;
        let issues = status["check"]["issues"].as_array()?.clone();
        let issues = issues.into_iter().filter_map(|issue| issue.as_str().map(str::to_owned));
        issues.into_iter().find(|issue| issue.contains("An alert does not go out: ") && issue.contains(words))
    });
    assert!(issue.chars().count() < 400, "a sentence, not a book: {issue}");
    let shown = scene.run(&["status"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(words), "{shown}");
    issue
}

/// The token is in the address of each call, so it is what an error could carry.
fn no_secret(scene: &Scene) {
    let said = [scene.journal(), scene.said(), scene.status().map_or_else(String::new, |status| status.to_string())];
    let secret = TOKEN.split_once(':').expect("a token").1;
    for text in &said {
        assert!(!text.contains(secret), "{text}");
    }
    for args in [&["status"][..], &["status", "--json"], &["check"]] {
        let output = scene.run(args);
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!text.contains(secret), "{args:?}: {text}");
    }
    // One of them is a named pipe, which would be waited for.
    let files = fs::read_dir(scene.state()).expect("the state folder").flatten();
    for entry in files.filter(|entry| entry.path().is_file()) {
        let text = fs::read(entry.path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains(secret), "{}", entry.path().display());
    }
}

fn arrives(scene: &Scene, bot: &Bot) {
    bot.recover();
    let text = scene.wait("the alert", || bot.messages().first().map(|message| message.text().to_owned()));
    assert!(text.contains("telegram_login.py"), "{text}");
    scene.wait("no issue", || {
        (!scene.status()?["check"]["issues"].to_string().contains("does not go out")).then_some(())
    });
    scene.wait_looks(3);
    assert_eq!(bot.messages().len(), 1, "{:?}", bot.messages());
}

/// One mood from the first try on, its words, and the delivery.
fn in_mood(mood: Mood, words: &str) -> (Scene, Watch) {
    let bot = Bot::new(mood);
    let scene = needs_a_login(Bot::config(bot.address));
    let watch = scene.watch();
    issue(&scene, words);
    scene.wait("another try", || (bot.requests().len() > 1).then_some(()));
    assert!(bot.messages().is_empty(), "{:?}", bot.messages());
    no_secret(&scene);
    arrives(&scene, &bot);
    no_secret(&scene);
    (scene, watch)
}

#[test]
fn an_answer_that_never_comes_is_given_up_and_tried_again() {
    in_mood(Mood::Hanging, "Telegram can't be reached (no answer within 2 s): ");
}

/// Each byte comes in good time, so a limit for a single read would wait for ever.
#[test]
fn an_answer_that_comes_a_byte_at_a_time_is_given_up_and_tried_again() {
    in_mood(Mood::Dripping, "the answer (HTTP 200) is not Telegram's: it ");
}

#[test]
fn a_connection_that_is_reset_is_tried_again() {
    in_mood(Mood::Resetting, "Telegram can't be reached: ");
}

#[test]
fn a_proxy_that_answers_html_with_200_is_no_telegram() {
    in_mood(Mood::Html, "the answer (HTTP 200) is not Telegram's: it is no JSON; check telegram.api_url");
}

/// It is neither kept in memory nor repeated to a person.
#[test]
fn a_body_of_100_mb_is_not_read() {
    let (_scene, watch) = in_mood(Mood::Huge(100_000_000), "the answer (HTTP 200) is not Telegram's: it is no JSON");
    if cfg!(target_os = "linux") {
        let status = fs::read_to_string(format!("/proc/{}/status", watch.pid())).expect("the watch runs");
        let peak =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        let peak: u64 = peak.expect("its peak");
        assert!(peak < 80_000, "{peak} kB");
    }
}

#[test]
fn a_reason_of_a_hundred_pages_is_cut_to_a_sentence() {
    in_mood(Mood::Huge(200_000), "Telegram");
}

#[test]
fn each_refusal_of_telegram_is_explained_with_what_a_person_can_do() {
    let bot = Bot::new(Mood::Failing);
    let scene = needs_a_login(Bot::config(bot.address));
    let _watch = scene.watch();
    let rows = [
        (Mood::Failing, "Telegram refused (500): Internal Server Error"),
        (Mood::Stranger, "Telegram refused (400): Bad Request: chat not found; check telegram.chat_id"),
        (Mood::Revoked, "Telegram refused (401): Unauthorized; the token is not valid"),
        (
            Mood::Blocked,
            "Telegram refused (403): Forbidden: bot was blocked by the user; the person has blocked the bot",
        ),
    ];
    for (mood, words) in rows {
        bot.mood(mood);
        issue(&scene, words);
    }
    no_secret(&scene);
    arrives(&scene, &bot);
}

/// The message is there and nobody told us: a second copy is better than none.
#[test]
fn a_lost_answer_costs_one_copy_at_most() {
    let bot = Bot::new(Mood::Lost);
    bot.moods([Mood::Lost]);
    bot.mood(Mood::Fine);
    let scene = needs_a_login(Bot::config(bot.address));
    let _watch = scene.watch();
    scene.wait("Telegram's ok", || bot.requests().iter().any(|request| request.delivered).then_some(()));
    scene.wait_looks(3);
    let messages = bot.messages();
    assert!(messages.len() <= 2, "{messages:?}");
    assert_eq!(bot.requests().iter().filter(|request| request.delivered).count(), 1, "{:?}", bot.requests());
}

/// A bridge hangs, its cure begins, and the first message is there. Then `between`, and all the rest.
fn a_hang(bot: &Bot, between: impl FnOnce()) {
    let (scene, launchd) = fragile(|scene| scene.extra = Bot::config(bot.address));
    let _watch = scene.watch();
    scene.wait_seen(launchd.wait_pid(&scene.label));
    Kind::Hang.begin(&scene, launchd.wait_pid(&scene.label));
    scene.wait("the act", || bot.delivered().into_iter().find(|text| text.contains("under way")));
    between();
    // Until now the cure could not be seen, and so nothing was changed in the message.
    Kind::Hang.mend(&scene);
    scene.wait("the end", || bot.delivered().into_iter().find(|text| text.contains("the bridge is back after")));
}

fn edits(bot: &Bot) -> Vec<(Mood, Option<u16>)> {
    let edits = bot.requests().into_iter().filter(|request| request.method() == "editMessageText");
    edits.map(|edit| (edit.mood, edit.status)).collect()
}

/// Whoever deletes it has read it: what was to be changed in it holds up nothing that comes later.
#[test]
fn a_message_that_the_person_has_deleted_holds_up_no_other() {
    let bot = Bot::new(Mood::Fine);
    a_hang(&bot, || bot.delete_all());
    let edits = edits(&bot);
    assert!(!edits.is_empty() && edits.iter().all(|edit| *edit == (Mood::Fine, Some(400))), "{:#?}", bot.requests());
    assert_eq!(bot.messages().len(), 1, "{:#?}", bot.messages());
}

/// Telegram then refuses the same text: that is as good as its ok, and nothing waits behind it.
#[test]
fn a_change_whose_answer_was_lost_is_asked_for_once_more_and_no_further() {
    let bot = Bot::new(Mood::Fine);
    a_hang(&bot, || bot.moods([Mood::Lost]));
    let edits = edits(&bot);
    assert_eq!(edits[..2], [(Mood::Lost, None), (Mood::Fine, Some(400))], "{:#?}", bot.requests());
    assert!(edits[2..].iter().all(|edit| *edit == (Mood::Fine, Some(200))), "{edits:?}");
    let told = bot.messages().into_iter().filter(|message| !message.text().contains("works, but not well")).count();
    assert_eq!(told, 2, "{:#?}", bot.messages());
}

/// Over TLS, as in real life. On macOS the system's own store decides, which the test can't change.
#[cfg(target_os = "linux")]
#[test]
fn only_a_certificate_that_holds_is_trusted() {
    let rows = [
        (Certificate::Good, true, None),
        (Certificate::Expired, true, Some("certificate")),
        (Certificate::OfAnother, true, Some("certificate")),
        (Certificate::Good, false, Some("certificate")),
    ];
    for (certificate, vouched_for, words) in rows {
        let (authority, config) = tls::server(certificate);
        let bot = Bot::over_tls(Mood::Fine, config);
        let mut scene = needs_a_login(Bot::config_for(&format!("https://{}", bot.address)));
        // Where the TLS library looks for whom it trusts.
        let trusted = scene.folder.path().join("trusted.pem");
        fs::write(&trusted, if vouched_for { authority } else { tls::server(Certificate::Good).0 })
            .expect("a certificate");
        scene.env = vec![("SSL_CERT_FILE", trusted)];
        let mut command = scene.command(&["run"]);
        command.env_remove("SSL_CERT_DIR");
        let _watch = scene.watch_by(command);
        match words {
            None => arrives(&scene, &bot),
            Some(words) => {
                let issue = issue(&scene, words);
                println!("{certificate:?}, vouched for: {vouched_for}: {issue}");
                no_secret(&scene);
                assert!(bot.requests().is_empty(), "the token went to whoever asked for it: {:?}", bot.requests());
            }
        }
    }
}

/// Nothing is sent to a place that could read the token, or to more people than one.
#[test]
fn each_wrong_address_chat_or_token_is_refused_with_its_key_and_its_mend() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = needs_a_login(String::new());
    let telegram = |token: &str, chat: &str, url: &str| {
        format!("[telegram]\nbot_token = \"{token}\"\nchat_id = {chat}\napi_url = \"{url}\"\n")
    };
    let chat = CHAT.to_string();
    let good = format!("http://{}", bot.address);
    let shape = "telegram.bot_token has not the shape of a bot token";
    let foreign = "telegram.api_url is not https; the token would travel in the clear";
    let rows = [
        ("a group", telegram(TOKEN, "-1001234567890", &good), "telegram.chat_id is not above 0, so it is a group"),
        ("a name", telegram(TOKEN, "\"@ann\"", &good), "telegram.chat_id has to be a whole number"),
        ("nobody", telegram(TOKEN, "0", &good), "telegram.chat_id is not above 0"),
        ("a newline", telegram(&format!("{TOKEN}\\n"), &chat, &good), shape),
        ("a newline in the middle", telegram(&TOKEN.replace('_', "\\n"), &chat, &good), shape),
        ("another path", telegram(&format!("{TOKEN}/../x"), &chat, &good), shape),
        ("no token", telegram("", &chat, &good), "telegram.bot_token has to be a text in quotes, not empty"),
        ("words", telegram(TOKEN, &chat, "api telegram org"), "telegram.api_url is no address; write https://host"),
        ("no scheme", telegram(TOKEN, &chat, "api.telegram.org"), "telegram.api_url is no address; write https://host"),
        ("nothing", telegram(TOKEN, &chat, ""), "telegram.api_url has to be a text in quotes, not empty"),
        ("a foreign host", telegram(TOKEN, &chat, "http://api.telegram.org"), foreign),
        ("one that looks like ours", telegram(TOKEN, &chat, "http://127.0.0.1.example.org"), foreign),
        ("one behind a name", telegram(TOKEN, &chat, "http://localhost@example.org"), foreign),
        ("a file", telegram(TOKEN, &chat, "file:///etc/passwd"), foreign),
    ];
    for (name, text, words) in rows {
        scene.extra = text;
        scene.write();
        for args in [&["run"][..], &["check"], &["status"]] {
            let output = scene.run(args);
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert_eq!(output.status.code(), Some(2), "{name}, {args:?}: {said}");
            assert!(said.contains(words) && said.contains("config.toml"), "{name}, {args:?}: {said}");
            assert!(!said.contains("do-not-leak"), "{name}, {args:?}: {said}");
        }
    }
    assert!(bot.requests().is_empty(), "{:?}", bot.requests());
    // A file of its own may end in a newline, as every editor leaves it.
    let token = scene.folder.path().join("token");
    fs::write(&token, format!("{TOKEN}\n")).expect("a token");
    fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode");
    scene.extra =
        format!("[telegram]\ntoken_file = \"{}\"\nchat_id = {CHAT}\napi_url = \"{good}/\"\n", token.display());
    scene.write();
    let _watch = scene.watch();
    arrives(&scene, &bot);
}

/// With the real limits of a call and of the wait after it, a server that hangs delays no cure.
#[test]
fn a_telegram_that_hangs_is_in_the_way_of_no_cure() {
    let bot = Bot::new(Mood::Hanging);
    let mut scene = needs_a_login(Bot::config(bot.address));
    scene.set("send", 600.0);
    scene.set("min_uptime", 0.2);
    let _watch = scene.watch();
    scene.wait("a call under way", || (!bot.requests().is_empty()).then_some(()));
    fs::remove_file(scene.data("bridge-auth-required")).expect("the marker");
    let before = scene.wait_bridge();
    scene.wait_aged(before, 1.0);
    crate::support::signal(before, rustix::process::Signal::KILL);
    scene.wait("another bridge", || Some(scene.wait_bridge()).filter(|pid| *pid != before));
    assert_eq!(bot.requests().len(), 1, "the first call still hangs");
}
