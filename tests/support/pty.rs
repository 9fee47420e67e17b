//! A program on a terminal of its own, and a person at it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::launchd::wait_for;

pub(crate) struct Terminal {
    person: File,
    /// Kept open, so that its settings can be seen when the program has ended.
    program: File,
    child: Child,
    shown: Arc<Mutex<String>>,
    /// Up to here it has been read.
    read: usize,
}

impl Terminal {
    pub(crate) fn start(command: Command) -> Terminal {
        Terminal::wide(command, 0)
    }

    /// One with so many columns; 0: it does not say how many.
    pub(crate) fn wide(mut command: Command, columns: u16) -> Terminal {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&person).expect("granted");
        unlockpt(&person).expect("unlocked");
        let name = ptsname(&person, Vec::new()).expect("a name").into_string().expect("a text");
        let program = OpenOptions::new().read(true).write(true).open(name).expect("its other end");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&program, size).expect("its size");
        let end = || program.try_clone().expect("an end");
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm");
        if !command.get_envs().any(|(name, _)| name == "NO_COLOR") {
            command.env_remove("NO_COLOR");
        }
        // SAFETY: only two system calls between fork and exec.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(std::io::stdin())?;
                Ok(())
            });
        }
        let child = command.spawn().expect("it starts");
        let person = File::from(person);
        let (mut reader, shown) = (person.try_clone().expect("an end"), Arc::new(Mutex::new(String::new())));
        let shared = shown.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                shared.lock().expect("the screen").push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
        });
        Terminal { person, program, child, shown, read: 0 }
    }

    /// All that was shown so far.
    pub(crate) fn shown(&self) -> String {
        self.shown.lock().expect("the screen").clone()
    }

    /// Waits until these words come.
    pub(crate) fn wait(&mut self, words: &str) {
        let found = wait_for_words(self, words);
        self.read = found;
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).expect("the terminal");
    }

    /// Types only when nobody sees it: what was typed before the echo is off is thrown away.
    pub(crate) fn press_unseen(&mut self, keys: &str) {
        wait_for("the echo to be off", || (!self.echoes()).then_some(()));
        self.press(keys);
    }

    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.program).expect("its settings").local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end; the exit code, and all that was shown.
    pub(crate) fn finish(mut self) -> (i32, String) {
        let code = self.end();
        let mark = "\u{2}end\u{2}";
        // What is written here comes after all that the program wrote.
        (&self.program).write_all(mark.as_bytes()).expect("the terminal");
        let until = std::time::Instant::now() + super::PATIENCE;
        let shown = loop {
            if let Some(shown) = self.shown().strip_suffix(mark) {
                break shown.replace("\r\n", "\n");
            }
            assert!(std::time::Instant::now() < until, "its end was not shown: {}", self.shown());
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        (code, shown)
    }

    /// Waits for the end; the exit code.
    pub(crate) fn end(&mut self) -> i32 {
        let status = wait_for("the program's end", || self.child.try_wait().expect("our own child"));
        status.code().unwrap_or_else(|| panic!("a signal ended it: {}", self.shown()))
    }
}

fn wait_for_words(terminal: &Terminal, words: &str) -> usize {
    let until = std::time::Instant::now() + super::PATIENCE;
    loop {
        let shown = terminal.shown();
        if let Some(at) = shown.get(terminal.read..).and_then(|rest| rest.find(words)) {
            return terminal.read + at + words.len();
        }
        assert!(std::time::Instant::now() < until, "waited in vain for '{words}' in:\n{shown}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
