//! `hold -- COMMAND`: the streams, the terminal, the signals and the exit code are the command's own.

use std::io::{BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::support::hold::{Held, code, ended, held, scene, stderr};
use crate::support::{PATIENCE, Scene, alive, executable, signal};

#[test]
fn the_exit_code_is_the_commands_own_and_a_death_by_signal_n_is_128_n() {
    let scene = scene();
    executable(&scene.root.join("no-first-line"), "exit 5\n");
    std::fs::write(scene.root.join("no-program"), "#!/bin/sh\nexit 5\n").expect("a file");
    let rows: [(&[&str], i32); 12] = [
        (&["true"], 0),
        (&["/bin/sh", "-c", "exit 3"], 3),
        (&["/bin/sh", "-c", "exit 75"], 75),
        (&["/bin/sh", "-c", "exit 255"], 255),
        (&["/bin/sh", "-c", "kill -TERM $$"], 143),
        (&["/bin/sh", "-c", "kill -KILL $$"], 137),
        (&["/bin/sh", "-c", "kill -INT $$"], 130),
        (&["no-such-command"], 127),
        (&["./nowhere/update.sh"], 127),
        (&["./no-program"], 126),
        (&["./data"], 126),
        (&["./no-first-line"], 126),
    ];
    for (words, expected) in rows {
        assert_eq!(code(&scene, words), Some(expected), "{words:?}");
        assert_eq!(code(&scene, &["true"]), Some(0), "the lock is free after {words:?}");
    }
    for (word, says) in [
        ("no-such-command", "no-such-command is not found: No such file or directory (os error 2); give its path"),
        ("./no-program", "./no-program can't be run: Permission denied (os error 13); it has to be executable"),
    ] {
        let said = stderr(&held(&scene, &[word]).output().expect("hold runs"));
        assert!(said.starts_with(&format!("bridge-watchdog: {says}")), "{said}");
    }
    for args in [&["hold"][..], &["hold", "--"], &["hold", "true"]] {
        assert_eq!(scene.run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn the_streams_are_the_commands_own_and_it_has_nothing_else_of_ours() {
    let scene = scene();
    let list = "ls /proc/self/fd 2>/dev/null | tr '\\n' ' '";
    let script = format!("cat; echo to stderr >&2; {list}");
    // Whoever runs the tests may leave something open too.
    let usual = Command::new("/bin/sh").args(["-c", list]).stdin(Stdio::null()).output().expect("a shell").stdout;
    let mut child = held(&scene, &["/bin/sh", "-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hold starts");
    let mut all = vec![0_u8; 300_000];
    fastrand::fill(&mut all);
    let (mut stdin, sent) = (child.stdin.take().expect("a pipe"), all.clone());
    let writer = std::thread::spawn(move || stdin.write_all(&sent));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written").expect("written");
    let (echoed, rest) = output.stdout.split_at(all.len());
    assert!(echoed == all.as_slice(), "what comes in goes out, byte for byte");
    assert_eq!(String::from_utf8_lossy(rest), String::from_utf8_lossy(&usual), "nothing of ours is open in it");
    assert_eq!((stderr(&output).as_str(), output.status.code()), ("to stderr\n", Some(0)));
}

#[test]
fn a_signal_to_hold_is_a_signal_to_the_command() {
    let scene = scene();
    let rows = [
        ("TERM", Signal::TERM),
        ("INT", Signal::INT),
        ("HUP", Signal::HUP),
        ("QUIT", Signal::QUIT),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("ALRM", Signal::ALARM),
    ];
    for (name, sent) in rows {
        let script = format!("trap 'echo got {name}; exit 33' {name}; echo $$; while :; do sleep 0.02; done");
        let mut hold = Held::script(&scene, &script);
        hold.number();
        signal(hold.pid(), sent);
        assert_eq!(hold.line(), format!("got {name}"));
        assert_eq!(ended(&scene, &mut hold.child).code(), Some(33), "{name}");
    }
    // One that does not care, and one that dies of it.
    let mut hold =
        held(&scene, &["/bin/sh", "-c", "trap '' TERM; trap 'echo got USR1' USR1; echo $$; read stop; exit 9"]);
    hold.stdin(Stdio::piped());
    let mut hold = Held::by(hold);
    let command = hold.number();
    signal(hold.pid(), Signal::TERM);
    signal(hold.pid(), Signal::USR1);
    hold.child.stdin.take().expect("a pipe").write_all(b"stop\n").expect("written");
    assert_eq!(ended(&scene, &mut hold.child).code(), Some(9));
    assert!(!alive(command));
    let mut hold = Held::by(held(&scene, &["/bin/sh", "-c", "echo $$; exec sleep 600"]));
    let command = hold.number();
    signal(hold.pid(), Signal::HUP);
    assert_eq!(ended(&scene, &mut hold.child).code(), Some(129));
    assert!(!alive(command));
}

/// `nohup`, and what a shell starts with `&`: the command goes on, as it would without us.
#[test]
fn what_was_ignored_before_stays_ignored() {
    let scene = scene();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"]);
    let hold = held(&scene, &["/bin/sh", "-c", "echo $$; exec sleep 600"]);
    command.arg(hold.get_program()).args(hold.get_args()).current_dir(&scene.root);
    let mut hold = Held::by(command);
    let program = hold.number();
    signal(hold.pid(), Signal::HUP);
    signal(hold.pid(), Signal::INT);
    // In this order: were those passed on, they would come first.
    signal(hold.pid(), Signal::TERM);
    assert_eq!(ended(&scene, &mut hold.child).code(), Some(143));
    assert!(!alive(program));
}

/// A terminal, made by script(1): what is typed there reaches the command once, and what it writes is seen.
struct Terminal {
    child: Child,
    keys: std::process::ChildStdin,
    shown: std::sync::mpsc::Receiver<u8>,
    so_far: String,
}

impl Terminal {
    fn new(scene: &Scene, words: &str) -> Terminal {
        let mut command = Command::new("script");
        command.args(["-qec", words, "/dev/null"]).current_dir(&scene.root);
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("script(1)");
        let (sender, shown) = std::sync::mpsc::channel();
        let output = child.stdout.take().expect("a pipe");
        std::thread::spawn(move || {
            for byte in BufReader::new(output).bytes().map_while(Result::ok) {
                let _ = sender.send(byte);
            }
        });
        let keys = child.stdin.take().expect("a pipe");
        Terminal { child, keys, shown, so_far: String::new() }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("typed");
    }

    /// What it shows until its end, and its exit code.
    fn rest(&mut self) -> (String, Option<i32>) {
        let rest = self.shown.iter().map(char::from).collect();
        (rest, self.child.wait().expect("our own child").code())
    }

    /// Waits until the terminal shows this, and returns what it has shown until then.
    fn shows(&mut self, words: &str) -> String {
        let until = std::time::Instant::now() + PATIENCE;
        while !self.so_far.contains(words) {
            let left = until.saturating_duration_since(std::time::Instant::now());
            let byte = self.shown.recv_timeout(left);
            self.so_far.push(char::from(byte.unwrap_or_else(|_| panic!("{words:?} in {:?}", self.so_far))));
        }
        std::mem::take(&mut self.so_far)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same command line, as a shell takes it.
fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"))).collect::<Vec<_>>().join(" ")
}

/// Says of each signal who has sent it: 0 is the terminal.
const LISTENER: &str = "\
import os, signal, sys
signals = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
print('up', os.isatty(0), os.getppid(), '.', flush=True)
while True:
    got = signal.sigwaitinfo(signals)
    if got.si_signo == signal.SIGTERM:
        sys.exit(7)
    print('INT from', got.si_pid, '.', flush=True)
";

#[test]
fn ctrl_c_reaches_the_command_once_and_so_does_a_signal_that_is_sent() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let scene = scene();
    let script = scene.root.join("listener.py");
    std::fs::write(&script, LISTENER).expect("a script");
    let hold = held(&scene, &["python3", "listener.py"]);
    let mut terminal = Terminal::new(&scene, &format!("exec {}", words(&hold)));
    terminal.shows("up True ");
    let shown = terminal.shows(" .");
    let hold: u32 = shown.trim_end_matches(" .").parse().expect("a pid");
    let mut seen = Vec::new();
    for typed in [true, false, true, true] {
        if typed {
            terminal.types("\x03");
        } else {
            signal(hold, Signal::INT);
        }
        terminal.shows("INT from ");
        let from: u32 = terminal.shows(" .").trim_end_matches(" .").parse().expect("a pid");
        seen.push(from);
        // Two signals of a kind that wait at once are one.
        scene.wait("hold having seen it too", || is_nothing_pending(hold).then_some(()));
    }
    assert_eq!(seen, [0, hold, 0, 0]);
    signal(hold, Signal::TERM);
    let (rest, code) = terminal.rest();
    assert_eq!((rest.contains("INT"), code), (false, Some(7)), "{rest:?}");
}

fn is_nothing_pending(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().filter_map(|line| line.strip_prefix("ShdPnd:")).all(|mask| mask.trim().trim_matches('0').is_empty())
}

fn state_of(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Ctrl-Z stops both, the lock stays, and `fg` goes on with both.
#[test]
fn a_shells_job_control_works_as_without_us() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let scene = scene();
    // Not what the terminal shows of the words that are typed.
    let hold = held(&scene, &["/bin/sh", "-c", "echo 'u'p $$ $PPID; read word; echo read $word"]);
    let mut terminal = Terminal::new(&scene, "exec /bin/sh -i");
    terminal.types(&format!("{}\n", words(&hold)));
    terminal.shows("up ");
    let pids: Vec<u32> = terminal.shows("\n").split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    terminal.types("\x1a");
    scene.wait("both stopped", || pids.iter().all(|pid| state_of(*pid) == Some('T')).then_some(()));
    assert_eq!(code(&scene, &["true"]), Some(75), "an update that is stopped is not over");
    terminal.types("fg\n");
    scene.wait("both going on", || pids.iter().all(|pid| state_of(*pid) == Some('S')).then_some(()));
    terminal.types("hello\n");
    terminal.shows("read hello");
    terminal.types("exit\n");
    assert_eq!(ended(&scene, &mut terminal.child).code(), Some(0));
    assert_eq!(code(&scene, &["true"]), Some(0));
}
