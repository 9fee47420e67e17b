//! Standing still, as the person hears of it: what only they can end is told at once, with the command or the time; what
//! they may have forgotten is told once a day.

use crate::support::bot::{Bot, Mood};
use crate::support::launchd::target;
use crate::support::{Launchd, Scene, keys, loaded_with};

fn told(bot: &Bot, words: &str) -> Vec<String> {
    bot.delivered().into_iter().filter(|text| text.contains(words)).collect()
}

fn first_told(scene: &Scene, bot: &Bot, words: &str) -> String {
    scene.wait(words, || told(bot, words).into_iter().next())
}

/// In seconds.
const A_DAY: f64 = 3.0;

fn with_days_of_seconds(bot: &Bot) -> (Scene, Launchd) {
    loaded_with(&[], &keys(), |scene| {
        scene.extra = Bot::config(bot.address);
        scene.set("reminder", A_DAY);
    })
}

const REMINDER: &str = "nothing has been healed since";

/// Its beginning is known from the pause, so a restart of ours changes nothing; nor does it remind anew.
#[test]
fn incident_40_a_pause_that_is_a_day_old_is_told_once_a_day_until_it_ends() {
    let bot = Bot::new(Mood::Fine);
    let (mut scene, _launchd) = loaded_with(&[], &keys(), |scene| scene.extra = Bot::config(bot.address));
    let mut watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    assert!(scene.run(&["pause", "--for", "7d"]).status.success());
    scene.wait_verdict("waiting", "paused");
    scene.wait_looks(4);
    assert!(told(&bot, REMINDER).is_empty(), "not before a day has passed");
    watch.kill();
    scene.set("reminder", A_DAY);
    let _watch = scene.watch();
    let text = first_told(&scene, &bot, REMINDER);
    assert!(text.contains("Recovery is paused since") && text.contains("'bridge-watchdog resume'"), "{text}");
    scene.wait_looks(1);
    let count = told(&bot, REMINDER).len();
    scene.wait("the next day", || (told(&bot, REMINDER).len() > count).then_some(()));
    assert!(scene.run(&["resume"]).status.success());
    scene.wait_verdict("healthy", "none");
    let count = told(&bot, REMINDER).len();
    scene.wait_looks(5);
    assert_eq!(told(&bot, REMINDER).len(), count);
    assert!(scene.acts().iter().all(|act| act.starts_with("send an alert")), "{:?}", scene.acts());
}

/// Without a marker, by its last line alone; also for a watch that comes later.
#[test]
fn incident_18_a_bridge_that_says_that_it_needs_a_login_and_is_silent_then_is_left_alone() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = Scene::new("embedded", 60.0);
    scene.extra = Bot::config(bot.address);
    let line = |level: &str, text: &str| format!("echo \"$(date '+%F %T,000') [{level}] bridge: {text}\"\n");
    let said = line("INFO", "Connected to Telegram")
        + &line("WARNING", "[hibernation] Bridge hibernating: auth required. Run the login script.");
    scene.script(&format!("{said}sleep 600\n"));
    let mut watch = scene.watch();
    let pid = scene.wait_bridge();
    let text = first_told(&scene, &bot, "To log in: cd ");
    assert!(text.contains("Telegram asks for a new login"), "{text}");
    scene.wait_verdict("waiting", "auth-required");
    watch.kill();
    let _watch = scene.watch();
    scene.wait_looks(8);
    scene.wait_verdict("waiting", "auth-required");
    assert_eq!((scene.wait_bridge(), scene.events("crash").len()), (pid, 0), "{}", scene.journal());
    assert!(scene.rungs().is_empty(), "{}", scene.journal());
}

#[test]
fn a_stop_that_is_a_day_old_is_told_once_a_day() {
    let bot = Bot::new(Mood::Fine);
    let (scene, launchd) = with_days_of_seconds(&bot);
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    assert_eq!(launchd.operator(&["disable", &target(&scene.label)]).code, 0);
    assert_eq!(launchd.operator(&["bootout", &target(&scene.label)]).code, 0);
    scene.wait_verdict("stopped", "operator-stop");
    let text = first_told(&scene, &bot, REMINDER);
    assert!(text.contains("The operator stopped the bridge"), "{text}");
    let count = told(&bot, REMINDER).len();
    scene.wait("the next day", || (told(&bot, REMINDER).len() > count).then_some(()));
    assert_eq!(scene.check().1, 4);
    assert_eq!(crate::support::acts_of_launchctl(&launchd), Vec::<String>::new());
    assert!(scene.acts().is_empty(), "{:?}", scene.acts());
}

/// With the time, and with what loads it at once.
#[test]
fn incident_26_an_unloaded_job_is_told_with_the_time_when_it_is_loaded_again() {
    let bot = Bot::new(Mood::Fine);
    let (scene, launchd) = loaded_with(&[], &keys(), |scene| {
        scene.extra = Bot::config(bot.address);
        scene.set("reload", 600.0);
    });
    let _watch = scene.watch();
    scene.wait_verdict("healthy", "none");
    assert_eq!(launchd.operator(&["bootout", &target(&scene.label)]).code, 0);
    let status = scene.wait_verdict("unhealthy", "not-loaded");
    let next = status["check"]["next"].as_str().expect("a sentence").to_owned();
    let text = first_told(&scene, &bot, "is not loaded");
    assert!(next.starts_with("it is loaded again at ") && text.contains(&format!("Next: {next}.")), "{next}\n{text}");
    assert!(text.contains("You: bridge-watchdog restart loads it at once"), "{text}");
    assert!(scene.run(&["restart"]).status.success());
    scene.wait_verdict("healthy", "none");
}
