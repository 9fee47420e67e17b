//! The daemon's outside: its folder, its socket, and the two ways to end it. The work is in `engine`.

use crate::ctl::{Answer, Request};
use crate::engine::{Engine, Event};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::IntoRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// Serves until told to end; then every child it started is dead.
pub(crate) fn serve(dir: &Path, login: bool) -> Result<(), String> {
    let told = |what: &str, error: std::io::Error| format!("{}: {what}: {error}", dir.display());
    fs::create_dir_all(dir.join("LaunchAgents")).map_err(|e| told("can't make LaunchAgents", e))?;
    let dir = &dir.canonicalize().map_err(|e| told("can't resolve", e))?;

    let (events, inbox) = channel();
    let mut engine = Engine::new(dir, events.clone())?;
    if login {
        engine.login();
    }
    end_on_signal(events.clone()).map_err(|e| told("can't handle SIGTERM", e))?;
    end_on_closed_stdin(events.clone());

    // Before the socket: who waits for the socket finds the wrapper.
    write_wrapper(dir).map_err(|e| told("can't write launchctl", e))?;
    let socket = dir.join("launchd.sock");
    let _ = fs::remove_file(&socket); // of a daemon that was killed
    let listener = UnixListener::bind(&socket).map_err(|e| told("can't bind launchd.sock", e))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let events = events.clone();
            thread::spawn(move || answer(stream, &events));
        }
    });

    // On the main thread: PR_SET_PDEATHSIG counts the death of the thread that forked, not of the process.
    engine.run(&inbox);
    let _ = fs::remove_file(&socket);
    Ok(())
}

/// One request, one answer. No answer at all (the engine dropped the sender) closes the connection.
fn answer(mut stream: UnixStream, events: &Sender<Event>) {
    let mut line = String::new();
    let Ok(reading) = stream.try_clone() else {
        return;
    };
    if BufReader::new(reading).read_line(&mut line).is_err() {
        return;
    }
    let Ok(request) = serde_json::from_str::<Request>(&line) else {
        return;
    };
    let (reply, answer) = channel::<Answer>();
    if events.send(Event::Request(request, reply)).is_err() {
        return;
    }
    if let Ok(answer) = answer.recv()
        && let Ok(text) = serde_json::to_string(&answer)
    {
        // The client may have been killed by its caller's time limit.
        let _ = writeln!(stream, "{text}");
    }
}

fn write_wrapper(dir: &Path) -> std::io::Result<()> {
    let quoted = |path: &Path| format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"));
    let path = dir.join("launchctl");
    let text = format!("#!/bin/sh\nexec {} ctl {} \"$@\"\n", quoted(&std::env::current_exe()?), quoted(dir));
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
}

/// So that no daemon outlives the test that started it, however that test ended.
fn end_on_closed_stdin(events: Sender<Event>) {
    thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = events.send(Event::End);
    });
}

static SIGNAL_PIPE: AtomicI32 = AtomicI32::new(-1);

fn end_on_signal(events: Sender<Event>) -> std::io::Result<()> {
    let (mut wakes, write) = UnixStream::pair()?;
    SIGNAL_PIPE.store(write.into_raw_fd(), Ordering::Relaxed);
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        // A handler, and no mask, since a mask would be inherited by the jobs.
        // SAFETY: the handler only calls write(2), which is async-signal-safe.
        unsafe { libc::signal(signal, wake as *const () as libc::sighandler_t) };
    }
    thread::spawn(move || {
        let _ = wakes.read(&mut [0]);
        let _ = events.send(Event::End);
    });
    Ok(())
}

extern "C" fn wake(_signal: libc::c_int) {
    // SAFETY: a byte from a live buffer into a descriptor that is never closed.
    unsafe { libc::write(SIGNAL_PIPE.load(Ordering::Relaxed), [1u8].as_ptr().cast(), 1) };
}
