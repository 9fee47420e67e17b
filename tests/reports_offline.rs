//! R08a and its kind: a probe of one's own is one road to Telegram, and there are others.

use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::process::Signal;
use serde_json::json;

use crate::support::bot::{Bot, Mood};
use crate::support::{Scene, alive, signal};

/// Telegram's data centres do not answer. Its ranges are an address that no other test connects to, so the listener of
/// the scene, to which the bridge is connected, is a proxy on this machine.
fn blocked(ranges: &str) -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("data_centres", json!([closed()]));
    scene.set("ranges", json!([[ranges, 32]]));
    scene
}

fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("loopback")
}

/// Its network is not doubted, so its hang is cured.
fn online_and_cured(scene: &Scene) {
    let _watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_aged(pid, 6.0);
    hangs_and_is_cured(scene, pid);
    assert!(!scene.journal().contains("offline"), "{}", scene.journal());
}

fn hangs_and_is_cured(scene: &Scene, pid: u32) {
    signal(pid, Signal::STOP);
    scene.wait_journal("rung 2 done");
    assert!(!alive(pid), "{}", scene.journal());
}

#[test]
fn r08a_proxy_only() {
    let scene = blocked("127.77.0.1");
    let mut watch = scene.watch();
    let pid = scene.wait_bridge();
    scene.wait_verdict("healthy", "none");
    // The next watch has not heard what the log said.
    watch.kill();
    let next = scene.watch();
    scene.wait("the next watch", || (scene.status()?["watch"] == next.pid()).then_some(()));
    scene.wait_aged(pid, 6.0);
    hangs_and_is_cured(&scene, pid);
}

/// The bridge says again that it is connected soon after the probe failed. That is remembered over a restart of the watch.
#[test]
fn r08a_twin_a_connection_while_the_probe_failed_is_remembered() {
    let mut scene = blocked("127.77.0.2");
    scene.script(
        "while :; do echo 'INFO [heartbeat] Bridge alive'; [ -e data/says ] && echo 'INFO Connected to Telegram'; sleep 0.1; done",
    );
    let mut watch = scene.watch();
    // It is starting, and nothing says that it is connected.
    scene.wait_verdict("waiting", "offline");
    std::fs::write(scene.data("says"), "").expect("the word");
    scene.wait("the other road", || scene.state().join("other-road").exists().then_some(()));
    scene.wait("health", || (scene.status()?["verdict"]["state"] == "healthy").then_some(()));
    std::fs::remove_file(scene.data("says")).expect("the word");
    watch.kill();
    let next = scene.watch();
    scene.wait("the next watch", || (scene.status()?["watch"] == next.pid()).then_some(()));
    let pid = scene.wait_bridge();
    scene.wait_aged(pid, 6.0);
    hangs_and_is_cured(&scene, pid);
    let after = scene.journal();
    let after = after.rsplit_once("watching ").map_or(&*after, |(_, after)| after);
    assert!(!after.contains("offline"), "{after}");
}

/// The network comes back between the probe and the bridge's word: no other road is believed in.
#[test]
fn r08a_twin_a_network_that_is_back_is_no_other_road() {
    let mut scene = blocked("127.77.0.3");
    let address = closed();
    scene.set("data_centres", json!([address]));
    scene.script(
        "while :; do echo 'INFO [heartbeat] Bridge alive'; [ -e data/says ] && echo 'INFO Connected to Telegram'; sleep 0.1; done",
    );
    let _watch = scene.watch();
    scene.wait_verdict("waiting", "offline");
    let _open = TcpListener::bind(address).expect("the same port");
    std::fs::write(scene.data("says"), "").expect("the word");
    scene.wait("health", || (scene.status()?["verdict"]["state"] == "healthy").then_some(()));
    scene.wait_looks(3);
    assert!(!scene.state().join("other-road").exists());
}

/// Data centres blocked by the provider, a desktop client connected through an address that is not in our list: the
/// network is there, so the bridge that has no connection is cured.
#[test]
fn r08a_twin_another_client_is_connected() {
    let mut scene = blocked("127.77.0.4");
    let telegram = TcpListener::bind("127.77.0.4:0").expect("loopback");
    let _client = TcpStream::connect(telegram.local_addr().expect("an address")).expect("a connection");
    scene.script("while :; do [ -e data/quiet ] || echo 'INFO [heartbeat] Bridge alive'; sleep 0.1; done");
    online_and_cured(&scene);
}

/// A machine with IPv6 only.
#[test]
fn r08a_twin_ipv6_only() {
    let mut scene = blocked("127.77.0.5");
    let Ok(telegram) = TcpListener::bind("[::1]:0") else { return };
    scene.set("data_centres", json!([closed(), telegram.local_addr().expect("an address")]));
    scene.script("while :; do echo 'INFO [heartbeat] Bridge alive'; sleep 0.1; done");
    online_and_cured(&scene);
}

/// A provider's outage: nothing is done, and a person is told once, after 30 min (here 2 s). A wrong KeepAlive or a full
/// disk does not hide it.
#[test]
fn r08a_twin_offline_for_long_is_told_once() {
    let bot = Bot::new(Mood::Fine);
    let mut scene = blocked("127.77.0.6");
    scene.extra = Bot::config(bot.address);
    scene.set("offline_told", 2.0);
    scene.script("sleep 0.3; echo 'ERROR telethon: Attempt 1 at connecting failed: OSError' >&2; exit 1");
    let _watch = scene.watch();
    scene.wait_verdict("waiting", "offline");
    let text = scene.wait("a word", || bot.delivered().into_iter().next());
    assert!(text.contains("offline"), "{text}");
    scene.wait_looks(10);
    assert_eq!(bot.delivered().len(), 1, "{:?}", bot.delivered());
    assert_eq!(scene.acts(), Vec::<String>::new());
}
