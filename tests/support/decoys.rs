//! Processes that only look like the bridge, as name patterns have matched them in real use. They have to be alive at
//! the end of the test.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::scene::{Scene, product};

pub(crate) struct Decoys(Vec<(&'static str, Child)>);

impl Decoys {
    /// A reader of the log, a script with the bridge's words among its own, and the bridge of a second checkout.
    pub(crate) fn of(scene: &Scene) -> Decoys {
        let other = scene.folder.path().join("second checkout");
        std::fs::create_dir_all(other.join("data")).expect("a folder");
        std::fs::write(scene.log(), "").expect("a log");
        let script = ["-c", "while :; do sleep 1; done", "bridge-watchdog", "demo-bridge", "bridge.sh"];
        let bridge = ["demo-bridge", "--session", "data/valor_bridge.session", "--every", "0.2"];
        let spawn = |command: &mut Command| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a decoy")
        };
        Decoys(vec![
            ("a reader of the log", spawn(Command::new("tail").arg("-f").arg(scene.log()))),
            ("a script with its words", spawn(Command::new("/bin/sh").args(script).current_dir(&scene.root))),
            ("a second checkout", spawn(Command::new(product()).args(bridge).current_dir(other))),
        ])
    }

    pub(crate) fn assert_alive(&mut self) {
        for (name, child) in &mut self.0 {
            let ended = child.try_wait().expect("our own child can be asked");
            assert!(ended.is_none(), "{name} was ended: {ended:?}");
        }
    }
}

impl Drop for Decoys {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A process of the test's own; ended with it.
pub(crate) struct Decoy(pub &'static str, pub Child);

impl Drop for Decoy {
    fn drop(&mut self) {
        let _ = self.1.kill();
        let _ = self.1.wait();
    }
}

pub(crate) fn start(name: &'static str, command: &mut Command) -> Decoy {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Decoy(name, quiet.spawn().unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// The bridge's own command line, to be run in any folder.
pub(crate) fn as_the_bridge(scene: &Scene, folder: &Path) -> Command {
    let program = scene.program();
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).current_dir(folder);
    command
}
