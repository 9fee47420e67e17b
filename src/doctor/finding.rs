//! What `doctor` says, as values. Pure. `text::doctor` words them.

use std::path::PathBuf;
use std::time::Duration;

use super::login::{AtLogin, JobFile};
use super::older::Older;
use crate::config::exposure::Exposure;
use crate::desktop::{IconSeen, Notifications};
use crate::facts::{KeepAlive, MissingProgram};
use crate::install::place::Misplaced;

/// One check: what was found, and the mend where it is not well.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Scripts know it by this name.
    pub id: &'static str,
    pub found: Found,
    pub mend: Option<Mend>,
}

impl Finding {
    /// It is as it should be.
    pub fn well(id: &'static str, found: Found) -> Finding {
        Finding { id, found, mend: None }
    }

    /// It is not.
    pub fn ill(id: &'static str, found: Found, mend: Mend) -> Finding {
        Finding { id, found, mend: Some(mend) }
    }

    pub fn is_well(&self) -> bool {
        self.mend.is_none()
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A look failed or took too long: why.
    Unseen(String),
    /// There is no configuration.
    NoConfig(PathBuf),
    /// It can't be read or understood, in the words of the one who tried.
    ConfigRefused(String),
    Config(PathBuf),
    Private,
    Open(Exposure),
    NobodyTold,
    Told {
        chat: i64,
    },
    Bot(String),
    /// In Telegram's words.
    BotRefused(String),
    Chat(i64),
    ChatRefused(String),
    Unreachable(String),
    /// Seconds that our clock is ahead of Telegram's; below 0, behind.
    Clock(f64),
    There(PathBuf),
    /// A folder, a pipe: what it is, in words.
    NoFile {
        path: PathBuf,
        kind: &'static str,
    },
    /// It is not there, and nothing has been written to it.
    Empty(PathBuf),
    NoFolder(PathBuf),
    /// The bridge runs and writes elsewhere.
    Unwritten(PathBuf),
    NoSession(PathBuf),
    Manager(&'static str),
    ManagerSilent(String),
    NotInstalled(String),
    NotLoaded(String),
    Stopped(String),
    Loaded(String),
    JobFile(JobFile),
    JobAtLogin(AtLogin),
    /// The program that this file names.
    ProgramGone {
        missing: MissingProgram,
        file: PathBuf,
    },
    Restarts(KeepAlive),
    ExitTimeout(Duration),
    /// Where the manager writes the job's output.
    Output {
        to: Option<PathBuf>,
        configured: PathBuf,
    },
    Plist(PathBuf),
    /// Others have its label too.
    Plists {
        used: PathBuf,
        other: PathBuf,
    },
    /// The usual name, with another label in it.
    OtherLabel(PathBuf),
    Mode {
        path: PathBuf,
        mode: u32,
    },
    Quarantined(PathBuf),
    NotQuarantined,
    NoWatch,
    Watching {
        pid: u32,
    },
    Overdue {
        pid: u32,
        seen: Option<Duration>,
    },
    OneWatch,
    SecondWatch {
        pid: u32,
    },
    Older(Older),
    Version {
        running: String,
        here: String,
    },
    /// The file of the program that watches is another one by now.
    Replaced {
        pid: u32,
    },
    Agent(&'static str),
    NoAgent(&'static str),
    /// Something else is under our name.
    OtherAgent(PathBuf),
    /// What our agent starts can't stay where it is.
    AgentMisplaced {
        program: PathBuf,
        why: Misplaced,
    },
    /// What our agent starts is not there.
    AgentGone(MissingProgram),
    AgentRestarts(KeepAlive),
    AtLogin(bool),
    /// The manager has loaded our agent, and has never started it.
    NeverStarted,
    Lingers(bool),
    ScriptsAsk(usize),
    ScriptIgnores(PathBuf),
    /// Our own folder, or a file in it.
    Unwritable {
        path: PathBuf,
        why: String,
    },
    Disk {
        /// A folder on it.
        place: PathBuf,
        free: u64,
        share: f64,
        inodes: Option<u64>,
    },
    AutoRevert(AutoRevert),
    Folder {
        root: PathBuf,
        protected: Protected,
    },
    Signature(Signature),
    /// Minutes; 0 is never.
    Sleep(u32),
    AutomaticLogin(bool),
    /// Whether the machine starts by itself after a power cut.
    PowerCut(bool),
    Icon(IconSeen),
    Notifications(Notifications),
}

/// Whether HEAD may be reverted, and can be.
#[derive(Debug, Clone, PartialEq)]
pub enum AutoRevert {
    Off,
    /// Who commits: the repository's user, or nobody and so we do.
    On {
        user: Option<String>,
    },
    Cannot(String),
}

/// Whether macOS guards the checkout's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protected {
    No,
    /// And the running watch reads it.
    Allowed,
    /// The running watch could not look at something.
    Denied,
    /// No watch runs that could say.
    Unknown,
}

/// Who signed the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    None,
    /// Its hash changes with each build, and the permissions for folders go with it.
    AdHoc,
    By(String),
}

/// The mend, which `text::doctor` words as a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Mend {
    Setup,
    Edit(PathBuf),
    Chmod {
        path: PathBuf,
        mode: &'static str,
    },
    Unquarantine(PathBuf),
    MakeFolder(PathBuf),
    /// Our drop-in for the bridge's unit, which restarts nobody.
    DropIn,
    Install,
    /// By the app in the Applications folder.
    InstallApp,
    /// This bundle, and then from there.
    MoveApp(PathBuf),
    /// From this source folder.
    MakeInstall(PathBuf),
    /// In the checkout.
    Login {
        root: PathBuf,
        words: Vec<String>,
    },
    /// A folder of ours that `sudo` has made.
    TakeBack(PathBuf),
    /// Whose it is, and who may read it.
    ShowMode(PathBuf),
    OpenBot(String),
    Reach(String),
    SetClock,
    RuntimeFolder,
    AskLaunchd,
    AskSystemd,
    Linger,
    Bootstrap(PathBuf),
    Enable(String),
    StartUnit(String),
    EnableUnit(String),
    Unmask(String),
    /// systemd's files are read again.
    Reload,
    /// A file that `install` wrote is moved away and written again.
    Renew(PathBuf),
    /// A person's conditions, which `install` leaves alone.
    KeepAliveKey(PathBuf),
    /// A drop-in with this many seconds.
    StopTimeout {
        folder: PathBuf,
        seconds: u32,
    },
    MoveAway(PathBuf),
    StartWatch(Host),
    RestartWatch(Host),
    EndProcess(u32),
    /// A job of launchd that is not to come back.
    Disable {
        label: String,
        loaded: bool,
    },
    DisableUnit(String),
    Crontab,
    /// A line for a script, which makes it keep out of a recovery's way.
    AskLock {
        script: PathBuf,
        /// It is one of Python, and not of a shell.
        python: bool,
        /// The line comes after the one that names who reads the script.
        shebang: bool,
        marker: PathBuf,
    },
    Hold(PathBuf),
    FreeSpace(PathBuf),
    GitStatus(PathBuf),
    Settings(Pane),
    NeverSleep,
    StartAfterPowerCut,
    IconLibrary,
    /// A panel that shows icons.
    Tray,
    NotificationDaemon,
    /// The app asks for the permission to notify when a person opens it.
    OpenApp,
    Sign(PathBuf),
    Again,
}

/// Who keeps our own agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    Launchd,
    Systemd,
    /// No agent is installed: by hand.
    Nobody,
}

/// A pane of System Settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    FullDiskAccess,
    LoginItems,
    MenuBar,
    Notifications,
    Users,
}
