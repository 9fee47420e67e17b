//! The names of the files that others read or write, and of our own files. Each name is defined here and nowhere else.
//! Pure.

/// The folder in the checkout where the bridge, its scripts and we leave files for each other.
pub const DATA: &str = "data";

/// Our own label and bundle id under launchd.
pub const LABEL: &str = "com.valor.bridge-watchdog";

// In the data folder.

/// One line for each event, written by us and by the bridge.
pub const CRASH_HISTORY: &str = "crash_history.jsonl";
/// Ours, for scripts to read: a recovery is in progress. The lock itself is [`RECOVERY_LOCK`].
pub const RECOVERY_IN_PROGRESS: &str = "recovery-in-progress";
/// The operator's opt-in to a revert: the file exists.
pub const AUTO_REVERT_ENABLED: &str = "auto-revert-enabled";
/// The update script's: a planned restart.
pub const UPDATE_RESTART: &str = "update-restart-in-progress";
/// The update script's lock, a folder with a file [`UPDATE_LOCK_PID`] in it.
pub const UPDATE_LOCK: &str = "update.lock";
pub const UPDATE_LOCK_PID: &str = "pid";
/// The bridge's: Telegram told it to wait.
pub const FLOOD_BACKOFF: &str = "flood-backoff";
/// The bridge's: a person must log in.
pub const AUTH_REQUIRED: &str = "bridge-auth-required";
/// The bridge's: the time of the last known connection.
pub const LAST_CONNECTED: &str = "last_connected";

/// The bridge's settings, in the checkout.
pub const DOTENV: &str = ".env";
pub const DOTENV_LOCAL: &str = ".env.local";
/// Names the session in [`DOTENV`].
pub const SESSION_NAME: &str = "TELEGRAM_SESSION_NAME";
/// The session's name where [`SESSION_NAME`] is not set.
pub const DEFAULT_SESSION: &str = "valor_bridge";

// In our own state folder; each checkout has one.

/// The file exists: the bridge was seen connected while our own probe of the network failed.
pub const OTHER_ROAD: &str = "other-road";
/// What the watch saw last; `status` and `check` read it.
pub const STATUS: &str = "status.json";
/// Until when recovery is paused.
pub const PAUSED: &str = "paused.json";
/// When the last update under `hold` was over.
pub const HELD_UNTIL: &str = "held-until.json";
/// The processes that we ended on purpose.
pub const ENDED: &str = "ended.json";
/// The incident that is open, for the next watch to go on with.
pub const INCIDENT: &str = "incident.json";
/// The last times when the bridge was not well.
pub const OUTAGES: &str = "outages.json";
/// What does nothing for the bridge, since when, and when a person was last reminded of it.
pub const REMINDED: &str = "reminded.json";
/// What belongs to no incident and was told.
pub const NOTICED: &str = "noticed.json";
/// The revert, or its undoing, that is under way.
pub const REVERT: &str = "revert.json";
/// Our copy of git's index while the revert is looked at.
pub const INDEX_COPY: &str = "revert.index";
/// The commits that we reverted.
pub const REVERTED: &str = "reverted.json";
/// What a person is told of the incident, and what of it Telegram has confirmed.
pub const ALERT: &str = "alert.json";
/// The kernel lock of the process that acts on the bridge.
pub const RECOVERY_LOCK: &str = "recovery.lock";
/// The kernel lock of the one watch.
pub const WATCH_LOCK: &str = "watch.lock";
/// A named pipe: a command wakes the watch.
pub const WAKE: &str = "wake";
/// Our own log.
pub const JOURNAL: &str = "journal.log";
/// What our own agent writes to standard output and error under launchd.
pub const LAUNCHD_LOG: &str = "launchd.log";
/// The child that `embedded` keeps.
pub const EMBEDDED: &str = "embedded.json";
/// The file exists: the operator stopped that child.
pub const EMBEDDED_STOPPED: &str = "embedded.stopped";
/// What `install` has replaced, and the digests of what it wrote.
pub const INSTALL_BACKUPS: &str = "plists";

/// After a label and a dot, beside the folders of the checkouts: the property list that launchd loaded it from.
pub const LOADED_FROM: &str = "loaded-from";

/// In the platform's configuration folder.
pub const CONFIG: &str = "config.toml";
