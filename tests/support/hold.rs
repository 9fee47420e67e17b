//! `hold` as the tests call it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use super::Scene;

/// A bridge kept by the watch, with looks so rare that whatever is seen soon was looked at for a reason.
pub(crate) fn scene() -> Scene {
    let mut scene = Scene::new("embedded", 60.0);
    scene.set("tick", 600.0);
    scene.set("stale", 3600.0);
    scene
}

/// `hold -- COMMAND…` in the checkout.
pub(crate) fn held(scene: &Scene, words: &[&str]) -> Command {
    let mut command = scene.command(&["hold", "--"]);
    command.args(words).current_dir(&scene.root);
    command
}

pub(crate) fn ended(scene: &Scene, child: &mut Child) -> ExitStatus {
    scene.wait("its end", || child.try_wait().expect("our own child"))
}

pub(crate) fn code(scene: &Scene, words: &[&str]) -> Option<i32> {
    let mut child = held(scene, words).stderr(Stdio::null()).spawn().expect("hold starts");
    ended(scene, &mut child).code()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A `hold` that is ended with its scene; its command says what it wants to on standard output.
pub(crate) struct Held {
    pub child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Held {
    pub(crate) fn by(mut command: Command) -> Held {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("hold starts");
        let lines = BufReader::new(child.stdout.take().expect("its output"));
        Held { child, lines }
    }

    pub(crate) fn script(scene: &Scene, script: &str) -> Held {
        Held::by(held(scene, &["/bin/sh", "-c", script]))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }

    pub(crate) fn number(&mut self) -> u32 {
        let line = self.line();
        line.parse().unwrap_or_else(|_| panic!("a pid, and not {line:?}"))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
