//! The alert against `telegram-test-api`, whose authors have never heard of this program.

use crate::campaign::rounds;
use crate::support::bot::Bot;
use crate::support::incidents::{Journaled, Kind, fragile};
use crate::support::require::{Ability, has};
use crate::support::test_api::TestApi;

/// The bridge hangs: the message of the first act is sent, changed by a watch that did not send it, and followed by one when
/// all has been well. And while nobody can be reached, it ends and is started again by us: one message.
#[test]
fn an_incident_is_told_to_a_bot_api_that_nobody_here_wrote() {
    if !has(Ability::TestApi) {
        return;
    }
    let api = TestApi::start();
    let address = api.address;
    let mut api = Some(api);
    let (scene, launchd) = fragile(|scene| scene.extra = Bot::config(address));
    let mut watch = scene.watch();
    let messages = |api: &Option<TestApi>| api.as_ref().expect("it runs").messages();
    // That its manager restarts it only sometimes is told once.
    scene.wait("the first word", || (!messages(&api).is_empty()).then_some(()));
    for round in 0..(rounds(20) / 20).max(1) {
        for (kind, silenced) in [(Kind::Hang, false), (Kind::Down, true)] {
            let count = if silenced { 0 } else { messages(&api).len() };
            let bridge = launchd.wait_pid(&scene.label);
            scene.wait_aged(bridge, 0.5);
            scene.wait_seen(bridge);
            if silenced {
                api = None;
            }
            let mut before = Journaled::now(&scene);
            kind.begin(&scene, bridge);
            if !silenced {
                scene.wait("the first message", || (messages(&api).len() > count).then_some(()));
                watch.kill();
                // Nothing is mended before the next watch has begun as well.
                before = Journaled::now(&scene);
                watch = scene.watch();
            }
            scene.wait("all that we can do", || kind.is_met(&scene, before).then_some(()));
            kind.mend(&scene);
            scene.wait("the end", || (Journaled::now(&scene).ends > before.ends).then_some(()));
            api = api.or_else(|| Some(TestApi::at(address)));
            let texts = scene.wait("the last message", || {
                let texts: Vec<String> = messages(&api).split_off(count).into_iter().map(|(_, text)| text).collect();
                texts.last().is_some_and(|text| text.contains("the bridge is back after")).then_some(texts)
            });
            scene.wait_looks(2);
            assert_eq!(messages(&api).len() - count, texts.len(), "{:?}", messages(&api));
            // A watch that has never seen the bridge write may say so, which belongs to no incident.
            let told: Vec<&String> = texts.iter().filter(|text| !text.contains("works, but not well")).collect();
            let expected: &[&str] = if silenced {
                &["It was: the bridge is not running"]
            } else {
                &[": done: ", "the bridge is back after"]
            };
            assert_eq!(told.len(), expected.len(), "round {round}, {kind:?}: {texts:#?}");
            for (text, words) in told.into_iter().zip(expected) {
                assert!(text.contains(words), "round {round}, {kind:?}, '{words}': {texts:#?}");
            }
        }
    }
}
