//! What `doctor` prints: a line a finding, and the mend as a command that can be pasted.

use std::path::Path;
use std::time::Duration;

use super::mend::command;
use super::missing_program;
use super::time::lasting;
use crate::config::exposure::Exposure;
use crate::desktop::{IconSeen, Notifications};
use crate::doctor::finding::{AutoRevert, Finding, Found, Mend, Protected, Signature};
use crate::doctor::login::{AtLogin, JobFile};
use crate::doctor::older::{By, Older};
use crate::facts::{Condition, KeepAlive, MissingProgram};
use crate::install::Misplaced;

/// How text that we did not write is shown: one line, harmless, without secrets. It is done piece by piece and never to a
/// whole line: our own words and commands may be values of a `.env` as well, and `token: …` has the shape of a secret.
pub type Clean<'a> = &'a dyn Fn(&str) -> String;

/// One line: `ok    config: …`, or `MEND  config: …; run: …`.
pub fn line(finding: &Finding, config: Option<&Path>, clean: Clean) -> String {
    let found = found(&finding.found, clean);
    match &finding.mend {
        None => format!("ok    {}: {found}", finding.id),
        Some(mend) => format!("MEND  {}: {found}; run: {}", finding.id, command(mend, config, clean)),
    }
}

/// How many are not well.
pub fn sum(all: usize, ill: usize) -> String {
    match ill {
        0 => format!("All {all} are well."),
        ill => format!("{ill} of {all} want a mend."),
    }
}

/// The question before a mend that harms nobody.
pub fn question(mend: &Mend, config: Option<&Path>, clean: Clean) -> String {
    format!("Do it now: {} [y/N] ", command(mend, config, clean))
}

/// `--fix` wants a person.
pub const NO_TERMINAL: &str = "--fix asks before each mend, and there is no terminal to ask on; nothing was changed";

/// What was found, without the mend.
pub fn found(found: &Found, foreign: Clean) -> String {
    let path = |path: &Path| foreign(&path.to_string_lossy());
    match found {
        Found::Unseen(why) => format!("could not be looked at: {}", foreign(why)),
        Found::NoConfig(file) => format!("there is no configuration ({})", path(file)),
        Found::ConfigRefused(why) | Found::BotRefused(why) | Found::ChatRefused(why) | Found::Unreachable(why) => {
            foreign(why)
        }
        Found::Config(file) | Found::There(file) | Found::Plist(file) => path(file),
        Found::NoFile { path: file, kind } => format!("{} is {kind}, and not a file", path(file)),
        Found::Private => "no secret is open to others".into(),
        Found::Open(Exposure::Read(file)) => format!("{} can be read by others, and a token is in it", path(file)),
        Found::Open(Exposure::Written(file)) => format!("{} can be changed by others", path(file)),
        Found::Open(Exposure::Folder(folder)) => {
            format!("others can write to {}, and so replace what is in it", path(folder))
        }
        Found::NobodyTold => {
            "nobody is told: the configuration has no [telegram] section with bot_token and chat_id".into()
        }
        Found::Told { chat } => format!("chat {chat} is told"),
        Found::Bot(name) => format!("Telegram knows the bot, @{}", foreign(name)),
        Found::Chat(chat) => format!("the bot can write to chat {chat}"),
        Found::Clock(ahead) => clock(*ahead),
        Found::Empty(file) => format!("{}: nothing has been written to it yet", path(file)),
        Found::NoFolder(folder) => format!("the folder {} is not there", path(folder)),
        Found::Unwritten(file) => {
            format!("the bridge runs and has not written {}; correct bridge.log to where it writes", path(file))
        }
        Found::NoSession(file) => {
            format!("{} is not there: nobody has logged in yet, or bridge.session is another", path(file))
        }
        Found::Manager(name) => format!("{name} answers"),
        Found::ManagerSilent(why) => format!("the bridge's service can't be asked about: {}", foreign(why)),
        Found::NotInstalled(label) => format!("{} is not installed", foreign(label)),
        Found::NotLoaded(label) => format!("{} is installed, but not loaded", foreign(label)),
        Found::Stopped(label) => format!("{} was stopped by its operator, and stays so", foreign(label)),
        Found::Loaded(label) => format!("{} is loaded", foreign(label)),
        Found::JobFile(file) => job_file(file, foreign),
        Found::JobAtLogin(seen) => job_at_login(seen, foreign),
        Found::ProgramGone { missing, file } => {
            format!("{} names a program that can't be started: {}", path(file), foreign(&missing_program(missing)))
        }
        Found::Restarts(keep_alive) => restarts(keep_alive, foreign),
        Found::ExitTimeout(time) => {
            format!("{} from SIGTERM to SIGKILL (SQLite wants up to 20 s to close the session)", lasting(*time))
        }
        Found::Output { to: None, configured } => format!("not written by its manager; {} counts", path(configured)),
        Found::Output { to: Some(to), configured } if to == configured => path(to),
        Found::Output { to: Some(to), configured } => {
            format!("its manager writes to {}, and the configuration names {}", path(to), path(configured))
        }
        Found::Plists { used, other } => {
            format!("{} and {} have the same Label; launchd loads either", path(used), path(other))
        }
        Found::OtherLabel(file) => format!("{} has another Label than its name says", path(file)),
        Found::Mode { path: file, mode } => format!("{} has mode {mode:o}", path(file)),
        Found::Quarantined(file) => format!("{} is quarantined, so launchd does not load it", path(file)),
        Found::NotQuarantined => "not quarantined".into(),
        Found::NoWatch => "no watchdog is running".into(),
        Found::Watching { pid } => format!("pid {pid} is watching"),
        Found::Overdue { pid, seen } => {
            let seen = seen.map_or_else(|| "never".to_owned(), |seen| format!("{} ago", lasting(seen)));
            format!("pid {pid} has missed two looks; the last was {seen}")
        }
        Found::OneWatch => "no other watchdog of this bridge runs or is installed".into(),
        Found::SecondWatch { pid } => format!("pid {pid} is another watchdog of this bridge"),
        Found::Older(Older { script, by }) => {
            let by = match by {
                By::Agent { label, .. } => format!("{} starts", foreign(label)),
                By::Crontab => "the crontab starts".into(),
                By::Process(pid) => format!("pid {pid} is"),
            };
            format!("{by} another watchdog of this checkout, {}: both would recover the bridge", path(script))
        }
        Found::Version { running, here } => versions(&foreign(running), here),
        Found::Replaced { pid } => format!("the program has been replaced since pid {pid} was started"),
        Found::Agent(name) => format!("{name} is installed"),
        Found::NoAgent(name) => format!("{name} is not installed, so nobody watches after the next login"),
        Found::OtherAgent(file) => format!("{} starts something else than this checkout's watchdog", path(file)),
        Found::AgentMisplaced { program, why } => misplaced(&path(program), *why),
        Found::AgentGone(MissingProgram::LinkToNowhere { path, target }) => {
            format!(
                "our agent can't start its program: {} leads to {}, which is not there",
                foreign(path),
                foreign(target)
            )
        }
        Found::AgentGone(missing) => {
            format!("our agent can't start its program: {}", foreign(&missing_program(missing)))
        }
        Found::AgentRestarts(KeepAlive::Conditional(_)) => "it is started again unless it was quit".into(),
        Found::AgentRestarts(KeepAlive::Always) => {
            "its manager starts it again whatever happens, so the app can't be quit".into()
        }
        Found::AgentRestarts(KeepAlive::Never) => "its manager does not start it again, whatever ends it".into(),
        Found::AgentRestarts(KeepAlive::Unknown) => "whether its manager starts it again can't be read".into(),
        Found::AtLogin(true) => "it starts at login".into(),
        Found::AtLogin(false) => "it does not start at login: it is disabled".into(),
        Found::NeverStarted => {
            "launchd has our agent and has never started it: \"Allow in the Background\" may be off".into()
        }
        Found::Lingers(true) => "the user's services run without a login".into(),
        Found::Lingers(false) => "the user's services end with the last session, and start with the first".into(),
        Found::ScriptsAsk(0) => "no script of the checkout updates it".into(),
        Found::ScriptsAsk(_) => "each update script keeps out of a recovery's way".into(),
        Found::ScriptIgnores(file) => format!("{} would update in the middle of a recovery", path(file)),
        Found::Unwritable { path: file, why } => {
            format!("the watchdog's own folder can't be written: {}: {}", path(file), foreign(why))
        }
        Found::Disk { place, free, share, inodes } => format!("{}: {}", path(place), disk(*free, *share, *inodes)),
        Found::AutoRevert(AutoRevert::Off) => "off: HEAD is never reverted by itself".into(),
        Found::AutoRevert(AutoRevert::On { user: Some(user) }) => format!("on; {} commits", foreign(user)),
        Found::AutoRevert(AutoRevert::On { user: None }) => {
            "on; git knows no user here, so Bridge Watchdog commits".into()
        }
        Found::AutoRevert(AutoRevert::Cannot(why)) => format!("on, but nothing can be reverted: {}", foreign(why)),
        Found::Folder { root, protected } => folder(&path(root), *protected),
        Found::Signature(Signature::None) => "the app is not signed".into(),
        Found::Signature(Signature::AdHoc) => {
            "the app is signed ad hoc: each build loses its permissions for folders, while Settings shows them on"
                .into()
        }
        Found::Signature(Signature::By(who)) => format!("the app is signed by {}", foreign(who)),
        Found::Sleep(0) => "the machine never sleeps".into(),
        Found::Sleep(minutes) => format!("the machine sleeps after {minutes} min, and watches nothing then"),
        Found::AutomaticLogin(true) => "somebody is logged in when the machine starts".into(),
        Found::AutomaticLogin(false) => "nobody is logged in after a power cut, and agents start at a login".into(),
        Found::PowerCut(true) => "the machine starts after a power cut".into(),
        Found::PowerCut(false) => "the machine stays off after a power cut".into(),
        Found::Icon(seen) => icon(*seen).into(),
        Found::Notifications(seen) => notifications(*seen).into(),
    }
}

fn clock(ahead: f64) -> String {
    let by = lasting(Duration::from_secs_f64(ahead.abs().min(1e9)));
    match ahead {
        _ if ahead.abs() < 2.0 => "the clock is right".into(),
        _ if ahead > 0.0 => format!("the clock is {by} ahead of Telegram's"),
        _ => format!("the clock is {by} behind Telegram's"),
    }
}

fn restarts(keep_alive: &KeepAlive, foreign: Clean) -> String {
    match keep_alive {
        KeepAlive::Always => "its manager restarts it whatever the exit code".into(),
        KeepAlive::Conditional(Condition::KeepAlive(names)) => {
            format!("KeepAlive is a dictionary ({}), so it is restarted only sometimes", foreign(&names.join(", ")))
        }
        KeepAlive::Conditional(Condition::Restart(value)) => {
            format!("Restart={}, so it is restarted only sometimes", foreign(value))
        }
        KeepAlive::Never => "its manager never restarts it".into(),
        KeepAlive::Unknown => "whether its manager restarts it can't be read".into(),
    }
}

fn job_file(file: &JobFile, foreign: Clean) -> String {
    let path = |path: &Path| foreign(&path.to_string_lossy());
    let lost = "after the next login the bridge is not there";
    match file {
        JobFile::Well(file) => path(file),
        JobFile::Gone(None) => format!("the bridge is loaded, but its file is gone: {lost}"),
        JobFile::Gone(Some(file)) => format!("the bridge is loaded, but {} is gone: {lost}", path(file)),
        JobFile::Broken { file, .. } => format!("{} can't be read by its manager: {lost}", path(file)),
        JobFile::Changed(file) => format!("{}, or a drop-in of it, has changed since systemd read it", path(file)),
        JobFile::Unseen(why) => foreign(why),
    }
}

fn job_at_login(seen: &AtLogin, foreign: Clean) -> String {
    match seen {
        AtLogin::Yes => "the bridge starts at login".into(),
        AtLogin::DisabledIn(file) => {
            format!(
                "Disabled is true in {}: after the next login the bridge is not there",
                foreign(&file.to_string_lossy())
            )
        }
        AtLogin::Unseen(why) => foreign(why),
        AtLogin::Unit(state) => match state.as_str() {
            "enabled" => "the bridge's unit is enabled".into(),
            "static" | "indirect" => {
                format!(
                    "the bridge's unit is {state}: it can't be enabled itself, and starts where another unit wants it"
                )
            }
            "generated" => "the bridge's unit is generated: what it is made from decides whether it starts".into(),
            "transient" => "the bridge's unit is transient: it has no file, and is gone after the next start".into(),
            state => format!("the bridge's unit is {}: after the next start it stays down", foreign(state)),
        },
    }
}

fn misplaced(program: &str, why: Misplaced) -> String {
    let place = match why {
        Misplaced::Translocated => "a temporary copy that macOS has made of the app",
        Misplaced::OtherVolume => "on a disk image or another disk, which may be missing at the next login",
        Misplaced::BuildFolder => "in a build folder, which 'cargo clean' removes",
        Misplaced::NoBundle => "in no app, so macOS shows none of its notifications",
    };
    format!("our agent starts {program}: {place}")
}

fn versions(running: &str, here: &str) -> String {
    match running {
        "" => format!("the version that watches is older than {here}, which is here"),
        running if running == here => format!("{here} watches, and is here"),
        running => format!("{running} watches, and {here} is here"),
    }
}

fn disk(free: u64, share: f64, inodes: Option<u64>) -> String {
    if inodes == Some(0) {
        return "no inode is free".into();
    }
    format!("{} MiB are free, {:.1} %", free >> 20, share * 100.0)
}

fn folder(root: &str, protected: Protected) -> String {
    match protected {
        Protected::No => format!("macOS does not guard {root}"),
        Protected::Allowed => format!("macOS guards {root}, and the running watch reads it"),
        Protected::Denied => format!("macOS guards {root}, and the running watch could not look at everything"),
        Protected::Unknown => format!("macOS guards {root}, and no watch runs that could say whether it may read it"),
    }
}

fn icon(seen: IconSeen) -> &'static str {
    match seen {
        IconSeen::Unknown => "the app has not found out yet whether its icon is shown; it does within a minute",
        IconSeen::Shown => "the icon is shown",
        IconSeen::NotMade => "the app could not make its icon, and said why when it started",
        IconSeen::NoTray => {
            "no panel on the session bus shows the icon; GNOME wants an extension for it, other desktops a panel with a \
             tray (everything works from the command line too)"
        }
        IconSeen::NoScreen => "the machine has no screen, so there is no menu bar",
        IconSeen::NotPlaced => {
            "macOS gives the icon no place: \"Allow in the Menu Bar\" may be off (everything works from the command \
             line too)"
        }
        IconSeen::NoRoom => {
            "there is no room for the icon: it is under the camera or off the screen; remove other icons"
        }
    }
}

fn notifications(seen: Notifications) -> &'static str {
    match seen {
        Notifications::Unknown => "the app has not found out whether it may notify",
        Notifications::Shown => "notifications are shown",
        Notifications::Denied => {
            "macOS does not let the app notify, so nothing is seen while Telegram can't be reached"
        }
        Notifications::NotAsked => {
            "nobody has been asked yet whether the app may notify; it asks when a person opens it"
        }
        Notifications::NoDaemon => "nobody on the session bus shows notifications",
    }
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
pub(super) mod tests;
