//! Without a network the bridge is not to blame: a crash for that reason counts towards nothing, and errors logged
//! meanwhile do not make it degraded.

use std::net::TcpListener;

use serde_json::json;

use crate::support::Scene;

/// A bridge that says what Telethon says and exits with 1, again and again, until the network is back.
const NEEDS_THE_NETWORK: &str = "
if [ -e data/online ]; then
    echo 'INFO Connected to Telegram'
    while :; do echo 'INFO [heartbeat] Bridge alive'; sleep 0.1; done
fi
echo 'ERROR telethon: Attempt 1 at connecting failed: OSError' >&2
sleep 0.3
exit 1";

#[test]
fn a_bridge_that_dies_of_the_network_waits_offline_from_the_first_crash_on_and_is_well_again_by_itself() {
    let mut scene = Scene::new("embedded", 60.0);
    // A port of our own, on which nothing listens until we do.
    let closed = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    scene.set("data_centres", json!([address]));
    scene.set("crash_window", 600.0);
    scene.script(NEEDS_THE_NETWORK);
    let _watch = scene.watch();
    scene.wait_journal("state: waiting: offline");
    // The same error often enough to be called degraded, and crashes enough for a loop.
    scene.wait("twelve crashes", || (scene.events("crash").len() >= 12).then_some(()));
    let crashes = scene.events("crash");
    assert!(crashes.iter().all(|event| event["class"] == "network"), "{crashes:?}");
    let (check, code) = scene.check();
    assert_eq!((&check["state"], &check["cause"], code), (&json!("waiting"), &json!("offline"), 4), "{check}");
    assert_eq!(check["facts"]["crashes"]["last_30m"], 0, "{check}");
    let _open = TcpListener::bind(address).expect("the same port");
    std::fs::write(scene.data("online"), "").expect("the network is back");
    scene.wait_verdict("healthy", "none");
    scene.wait_looks(10);
    let journal = scene.journal();
    for never in ["degraded", "crash-loop", "bad-commit", "diagnostics:"] {
        assert!(!journal.contains(never), "{never}: {journal}");
    }
    assert_eq!(scene.acts(), Vec::<String>::new());
}
