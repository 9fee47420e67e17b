//! The throw-away bridge: a small process that looks to a watchdog like a Telegram bridge. It writes a heartbeat, holds
//! a `SQLite` session open, keeps a TCP connection, and shuts down gracefully on SIGTERM. Its options make it
//! misbehave.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use rusqlite::Connection;

#[derive(Args)]
pub struct Options {
    /// The Telethon session to hold open
    #[arg(long)]
    session: Option<PathBuf>,
    /// Where to connect
    #[arg(long)]
    connect: Option<SocketAddr>,
    /// Seconds between heartbeats
    #[arg(long, default_value_t = 0.5)]
    every: f64,
    /// Seconds before the first sign of life
    #[arg(long, default_value_t = 0.0)]
    slow_start: f64,
    /// Exit with this code
    #[arg(long)]
    exit: Option<u8>,
    /// Seconds to run before that
    #[arg(long, default_value_t = 0.0)]
    after: f64,
    /// Only this many runs exit, counted in this file
    #[arg(long)]
    times: Option<u32>,
    #[arg(long)]
    counter: Option<PathBuf>,
    /// Fall silent after this many seconds
    #[arg(long)]
    silent_after: Option<f64>,
    /// Only runs counted in the counter file up to `times` fall silent; ignore SIGTERM
    #[arg(long)]
    deaf: bool,
    /// Say this line with each heartbeat
    #[arg(long)]
    say: Option<String>,
    /// Stay silent while this file is there
    #[arg(long)]
    mute: Option<PathBuf>,
    /// Send a byte this often (in seconds) and read what comes
    #[arg(long)]
    ping: Option<f64>,
    /// Write what is said only when it is so many bytes, as Python does where its output is a file
    #[arg(long)]
    buffer: Option<usize>,
    /// Hang while this file is there: nothing is read, sent, said or heard any more
    #[arg(long)]
    hang: Option<PathBuf>,
    /// Spin while it hangs
    #[arg(long)]
    spin: bool,
    /// Let only one of them run: the lock that says so
    #[arg(long)]
    single: Option<PathBuf>,
    /// Keep the session locked
    #[arg(long)]
    exclusive: bool,
    /// Seconds to wait for a lock of the session
    #[arg(long, default_value_t = 5.0)]
    busy: f64,
    /// Crash if this file imports what is not there
    #[arg(long)]
    source: Option<PathBuf>,
}

/// Names another session than the option does, as some bridges take it.
const SESSION: &str = "BRIDGE_SESSION";

/// Runs until told to stop, or as the options say; returns the exit code.
pub fn run(options: &Options) -> u8 {
    let stop = Arc::new(AtomicBool::new(false));
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGTERM, stop.clone()) {
        crate::errln!("ERROR signals can't be heard: {error}");
        return 1;
    }
    let faulty = counted(options);
    let born = Instant::now();
    let aged = |seconds: f64| born.elapsed().as_secs_f64() >= seconds;
    // In one go: on a busy machine to wake up now and then looks like work.
    std::thread::sleep(Duration::from_secs_f64(options.slow_start.max(0.0)));
    if faulty && options.exit.is_some() && options.after == 0.0 {
        return crash(options);
    }
    let broken = |source: &PathBuf| std::fs::read_to_string(source).is_ok_and(|text| text.contains("telethonn"));
    if options.source.as_ref().is_some_and(broken) {
        crate::errln!("Traceback (most recent call last):\nModuleNotFoundError: No module named 'telethonn'");
        return 1;
    }
    let _single = match options.single.as_ref().map(only) {
        Some(Err(why)) => {
            crate::errln!("{why}");
            return 1;
        }
        Some(Ok(lock)) => Some(lock),
        None => None,
    };
    let other = std::env::var_os(SESSION).map(PathBuf::from);
    let session = match options.session.as_ref().map(|path| open(other.as_ref().unwrap_or(path), options.busy)) {
        Some(Err(error)) => {
            crate::errln!("sqlite3.OperationalError: {error}");
            return 1;
        }
        Some(Ok(session)) => Some(session),
        None => None,
    };
    if options.exclusive {
        let _ = session.as_ref().map(|session| session.execute_batch("begin exclusive"));
    }
    let mut connection = options.connect.and_then(|address| TcpStream::connect(address).ok());
    let mut out = Output { limit: options.buffer, held: String::new() };
    if let Some(connection) = &connection {
        let _ = connection.set_nonblocking(true);
        out.say("INFO Connected to Telegram");
    }
    let mut beats: u32 = 0;
    let mut pings: u32 = 0;
    loop {
        if stop.load(Ordering::SeqCst) && !options.deaf {
            out.say("INFO Received SIGTERM, shutting down gracefully...");
            return 0;
        }
        if faulty && options.exit.is_some() && aged(options.after) {
            return crash(options);
        }
        while options.hang.as_ref().is_some_and(|file| file.exists()) {
            if !options.spin {
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        if options.ping.is_some_and(|every| aged(f64::from(pings) * every)) {
            pings += 1;
            if let Some(connection) = &mut connection {
                let _ = connection.write(b".");
                while connection.read(&mut [0; 256]).is_ok_and(|read| read > 0) {}
            }
        }
        let muted =
            faulty && options.silent_after.is_some_and(aged) || options.mute.as_ref().is_some_and(|file| file.exists());
        if aged(f64::from(beats) * options.every) {
            beats += 1;
            if !muted {
                out.say(&format!("INFO [heartbeat] Bridge alive (uptime={}s)", born.elapsed().as_secs()));
                options.say.as_deref().into_iter().for_each(|line| out.say(line));
                if let Some(session) = &session {
                    // As Telethon keeps its update state: a short write transaction.
                    if let Err(error) = session.execute("update update_state set pts = pts + 1", []) {
                        out.say(&format!("ERROR {error}"));
                    }
                }
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Telethon opens its session in the default rollback-journal mode with a 5 s busy timeout.
fn open(path: &PathBuf, busy: f64) -> rusqlite::Result<Connection> {
    let session = Connection::open(path)?;
    session.busy_timeout(Duration::from_secs_f64(busy.clamp(0.0, 60.0)))?;
    session.execute_batch("create table if not exists update_state (id integer primary key, pts integer); insert or ignore into update_state values (0, 0)")?;
    Ok(session)
}

fn only(path: &PathBuf) -> Result<std::fs::File, String> {
    let lock = std::fs::OpenOptions::new().append(true).create(true).open(path).map_err(|error| error.to_string())?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| "already running".to_owned())?;
    Ok(lock)
}

fn counted(options: &Options) -> bool {
    let (Some(times), Some(counter)) = (options.times, &options.counter) else { return true };
    let run: u32 = std::fs::read_to_string(counter).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let _ = std::fs::write(counter, (run + 1).to_string());
    run < times
}

fn crash(options: &Options) -> u8 {
    let code = options.exit.unwrap_or(1);
    if code != 0 {
        crate::errln!("Traceback (most recent call last):\nModuleNotFoundError: No module named 'telethon'");
    }
    code
}

/// Its standard output.
struct Output {
    limit: Option<usize>,
    held: String,
}

impl Output {
    fn say(&mut self, line: &str) {
        let mut out = std::io::stdout().lock();
        let Some(limit) = self.limit else {
            let _ = writeln!(out, "{line}");
            let _ = out.flush();
            return;
        };
        self.held.push_str(line);
        self.held.push('\n');
        while self.held.len() >= limit.max(1) {
            let rest = self.held.split_off(limit.max(1));
            let _ = out.write_all(self.held.as_bytes());
            let _ = out.flush();
            self.held = rest;
        }
    }
}
