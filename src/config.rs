//! `config.toml`, parsed once into plain values. It says where the bridge is and whom to tell, nothing else.
//!
//! The file is read key by key and not by serde's derive: an error has to name the key and the mend, and must never
//! quote a line of a file that holds a token.

pub mod exposure;
mod keys;
pub mod tilde;

use std::fmt;
use std::path::{Component, Path, PathBuf};

use exposure::Exposure;
use keys::Keys;
use toml::{Table, Value};

use crate::contract;
use crate::dotenv;
use crate::limits::Environment;
use crate::manager::Manager;
use crate::secrets::{Secrets, is_secret};
use crate::system::{env, files};

/// What is started where nothing else is said, and its log.
pub const PROGRAM: [&str; 2] = [".venv/bin/python", "bridge/telegram_bridge.py"];
pub const LOG: &str = "logs/bridge.log";

/// Where the bridge is and whom to tell.
#[derive(Debug, Clone)]
pub struct Config {
    pub file: PathBuf,
    /// The git checkout, absolute.
    pub root: PathBuf,
    pub label: String,
    pub manager: Manager,
    /// For `install` and for `embedded`; relative words are relative to `root`.
    pub program: Vec<String>,
    pub log: PathBuf,
    pub error_log: PathBuf,
    /// Shown to the person when a login is needed, never run.
    pub login: Vec<String>,
    pub session: PathBuf,
    pub telegram: Option<Telegram>,
    pub auto_revert: bool,
    /// What must appear nowhere.
    pub secrets: Secrets,
    /// Our own files for this checkout, in the platform's state folder.
    pub state: PathBuf,
}

/// Whom to tell, and how.
#[derive(Debug, Clone)]
pub struct Telegram {
    pub token: Secret,
    /// Above 0: a person. Groups and channels have ids below.
    pub chat_id: i64,
    pub api_url: String,
}

/// A file that is no configuration.
#[derive(Debug, PartialEq)]
pub struct Refused {
    /// Names the file, the key and the mend.
    pub why: String,
    /// The section and the key, where it is one of these.
    pub at: Option<(String, String)>,
    /// What every configuration needs is not said yet: there is no file, or no root in it.
    pub lacks_root: bool,
}

impl Refused {
    fn because(why: String) -> Refused {
        Refused { why, at: None, lacks_root: false }
    }
}

/// A text that no `{:?}` prints.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Config {
    /// Where the file lies unless `--config` says otherwise.
    pub fn default_path(environment: &Environment) -> PathBuf {
        environment.config_dir.join(contract::CONFIG)
    }

    /// A file under `<root>/data/`, where the bridge and its scripts look.
    pub fn data(&self, name: &str) -> PathBuf {
        self.root.join(contract::DATA).join(name)
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// A sentence that names the file, the key and the mend.
    pub fn load(file: &Path, environment: &Environment) -> Result<Config, Refused> {
        let text = std::fs::read_to_string(file).map_err(|error| Refused {
            lacks_root: error.kind() == std::io::ErrorKind::NotFound,
            ..Refused::because(unreadable(file, &error))
        })?;
        let table = table(file, &text)?;
        let keys = Keys { file, table: &table };
        let lacks_root = keys.value("bridge", "root").is_none();
        let private = || if table.contains_key("telegram") { keys.private() } else { Ok(()) };
        let config = keys.only_known().and_then(|()| private()).and_then(|()| Config::of(&keys, environment));
        config.map_err(|refused| Refused { lacks_root, ..refused })
    }

    /// What a file with this text would be once it is written, mode 0600.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn would_be(file: &Path, text: &str, environment: &Environment) -> Result<Config, Refused> {
        let table = table(file, text)?;
        let keys = Keys { file, table: &table };
        keys.only_known()?;
        Config::of(&keys, environment)
    }

    /// All that is wrong in a file with this text, each key by itself: what is missing hides nothing else.
    pub fn faults(file: &Path, text: &str, environment: &Environment) -> Vec<Refused> {
        let table = match table(file, text) {
            Ok(table) => table,
            Err(refused) => return vec![refused],
        };
        let (keys, home) = (Keys { file, table: &table }, &environment.home);
        let manager = keys.manager();
        let label = keys.label(manager.as_ref().map_or_else(|_| default_manager(), |manager| *manager));
        let mut all = vec![keys.only_known(), keys.root(home).map(drop), manager.map(drop), label.map(drop)];
        all.extend(["program", "login"].map(|key| keys.words(key, home).map(drop)));
        all.extend(["log", "error_log", "session"].map(|key| keys.text("bridge", key).map(drop)));
        all.push(keys.flag("recovery", "auto_revert").map(drop));
        if table.contains_key("telegram") {
            all.extend([keys.token(home).map(drop), keys.chat_id().map(drop), keys.api_url().map(drop)]);
        }
        all.into_iter().filter_map(Result::err).collect()
    }

    fn of(keys: &Keys, environment: &Environment) -> Result<Config, Refused> {
        let file = keys.file;
        let home = &environment.home;
        let root = keys.root(home)?;
        let manager = keys.manager()?;
        let label = keys.label(manager)?;
        let under = |key: &str, default: &Path| {
            let given = keys.text("bridge", key)?.map(PathBuf::from);
            Ok::<_, Refused>(root.join(tilde::whole(&given.unwrap_or_else(|| default.to_owned()), home)))
        };
        let dotenv = files::readings(&root.join(contract::DOTENV));
        let session = under("session", &default_session(&root, &dotenv[0], &label, manager, environment))?;
        let mut config = Config {
            label,
            manager,
            program: keys.words("program", home)?.unwrap_or_else(|| words(&PROGRAM)),
            login: keys
                .words("login", home)?
                .unwrap_or_else(|| words(&[".venv/bin/python", "scripts/telegram_login.py"])),
            log: under("log", Path::new(LOG))?,
            error_log: under("error_log", Path::new("logs/bridge.error.log"))?,
            session,
            telegram: keys.telegram(environment)?,
            auto_revert: keys.flag("recovery", "auto_revert")?.unwrap_or(false),
            state: state_folder(environment, &root).map_err(Refused::because)?,
            file: file.to_owned(),
            root,
            secrets: Secrets::default(),
        };
        let others = env::dotenv_files(&config.root, &config.program).into_iter().skip(1);
        let dotenv = dotenv.into_iter().chain(others.flat_map(|file| files::readings(&file))).collect::<Vec<_>>();
        config.secrets = config.to_be_hidden(&dotenv, environment);
        Ok(config)
    }

    /// What we print ourselves (a path, the login command) is no secret, even if it is also in `.env`; unless its name there
    /// says that it is one.
    fn to_be_hidden(&self, dotenv: &[String], environment: &Environment) -> Secrets {
        let mut values = env::values(dotenv, &self.label, self.manager, environment);
        values.extend(self.telegram.as_ref().map(|telegram| ("bot_token".to_owned(), telegram.token.0.clone())));
        // Where a mend of `doctor` may have to lead.
        let units = environment.config_dir.with_file_name("systemd/user");
        let agents = environment.home.join("Library/LaunchAgents");
        let (log, error_log, session) = (&self.log, &self.error_log, &self.session);
        let paths = [&self.file, &self.root, log, error_log, session, &self.state, &units, &agents];
        let paths = paths.map(|path| path.to_string_lossy().into_owned());
        // A token may stand in the program's arguments too.
        let names = |word: &String| {
            values.iter().any(|(name, value)| {
                is_secret(name) && value.len() >= 4 && !value.contains('/') && word.contains(value.as_str())
            })
        };
        let words = self.program.iter().chain(&self.login).filter(|word| !names(word));
        let words = words.chain(&paths).map(String::as_str).collect::<Vec<_>>();
        let shown = [&words[..], &[self.label.as_str()]].concat();
        Secrets::new(values, &shown)
    }
}

/// Our own files for one checkout. The name is a digest of the path, so that two checkouts never share a lock.
///
/// # Errors
/// If the path can't be hashed: under any other name two checkouts could share one.
pub fn state_folder(environment: &Environment, root: &Path) -> Result<PathBuf, String> {
    let digest = git2::Oid::hash_object(git2::ObjectType::Blob, root.as_os_str().as_encoded_bytes())
        .map_err(|error| format!("the name of our state folder can't be made: {}; try again", error.message()))?;
    Ok(environment.state_dir.join(&digest.to_string()[..12]))
}

impl Keys<'_> {
    fn root(&self, home: &Path) -> Result<PathBuf, Refused> {
        let Some(text) = self.text("bridge", "root")? else {
            return Err(self.wrong(
                "bridge",
                "root",
                "is missing; set it to the absolute path of the bridge's git checkout",
            ));
        };
        let root = tilde::whole(Path::new(&text), home);
        let plain = !root.components().any(|part| part == Component::ParentDir);
        if !root.is_absolute() || !plain {
            return Err(self.wrong(
                "bridge",
                "root",
                &format!("is '{text}', which is not absolute; write the whole path, beginning with / or ~/"),
            ));
        }
        match std::fs::metadata(&root) {
            Err(error) => {
                return Err(self.wrong(
                    "bridge",
                    "root",
                    &format!("is '{text}', which can't be read ({error}); correct the path"),
                ));
            }
            Ok(meta) if !meta.is_dir() => {
                return Err(self.wrong(
                    "bridge",
                    "root",
                    &format!("is '{text}', which is no folder; name the checkout's folder"),
                ));
            }
            Ok(_) => {}
        }
        if std::fs::symlink_metadata(root.join(".git")).is_err() {
            return Err(self.wrong(
                "bridge",
                "root",
                &format!("is '{text}', which is no git checkout (no .git in it); name the bridge's checkout"),
            ));
        }
        Ok(root.canonicalize().unwrap_or(root))
    }

    /// The label becomes a launchd target, a unit name and a file name, so nothing in it may lead out of the folder. A
    /// unit may be written as systemctl prints it, with its suffix; a label of launchd may end in anything.
    fn label(&self, manager: Manager) -> Result<String, Refused> {
        let label = self.text("bridge", "label")?.unwrap_or_else(|| "com.valor.bridge".into());
        let odd = |c: char| c == '/' || c.is_whitespace() || c.is_control();
        if label.starts_with(['-', '.']) || label.contains(odd) {
            return Err(self.wrong(
                "bridge",
                "label",
                "has a slash, a blank or a leading '-' or '.'; use a name like com.valor.bridge",
            ));
        }
        if let Some(name) = label.strip_suffix(".plist").filter(|_| manager == Manager::Launchd) {
            let mend = format!("is the name of a file; write the Label that is in it, mostly {name}");
            return Err(self.wrong("bridge", "label", &mend));
        }
        if manager != Manager::Systemd {
            return Ok(label);
        }
        let unit = label.strip_suffix(".service").unwrap_or(&label);
        let (name, kind) = unit.rsplit_once('.').unwrap_or((unit, ""));
        if unit.len() == label.len() && UNIT_KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
            let mend = format!("ends in .{kind}, which is no service; name the service: {name}.service");
            return Err(self.wrong("bridge", "label", &mend));
        }
        if unit.ends_with('@') {
            let mend = format!("is a template; name the instance that runs, as in {unit}work");
            return Err(self.wrong("bridge", "label", &mend));
        }
        Ok(unit.to_owned())
    }

    fn manager(&self) -> Result<Manager, Refused> {
        match self.text("bridge", "manager")?.as_deref() {
            None => Ok(default_manager()),
            Some("launchd") => Ok(Manager::Launchd),
            Some("systemd") => Ok(Manager::Systemd),
            Some("embedded") => Ok(Manager::Embedded),
            Some(_) => {
                Err(self.wrong("bridge", "manager", "is not known; use \"launchd\", \"systemd\" or \"embedded\""))
            }
        }
    }

    fn telegram(&self, environment: &Environment) -> Result<Option<Telegram>, Refused> {
        if !self.table.contains_key("telegram") {
            return Ok(None);
        }
        let token = self.token(&environment.home)?;
        Ok(Some(Telegram { token, chat_id: self.chat_id()?, api_url: self.api_url()? }))
    }

    fn chat_id(&self) -> Result<i64, Refused> {
        let why = match self.value("telegram", "chat_id") {
            Some(Value::Integer(id)) if *id > 0 => return Ok(*id),
            Some(Value::Integer(_)) => {
                "is not above 0, so it is a group or a channel; use the id of one person, alerts go to a DM only"
            }
            Some(_) => "has to be a whole number, without quotes",
            None => "is missing; set it to the numeric id of the person to tell",
        };
        Err(self.wrong("telegram", "chat_id", why))
    }

    fn api_url(&self) -> Result<String, Refused> {
        let api_url = self.text("telegram", "api_url")?.unwrap_or_else(|| "https://api.telegram.org".into());
        let api_url = api_url.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&api_url)
            .map_err(|_| self.wrong("telegram", "api_url", "is no address; write https://host"))?;
        let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            // The token is part of each request's path.
            return Err(self.wrong(
                "telegram",
                "api_url",
                "is not https; the token would travel in the clear (http is for this machine only)",
            ));
        }
        Ok(api_url)
    }

    fn token(&self, home: &Path) -> Result<Secret, Refused> {
        let (key, token) = match (self.text("telegram", "bot_token")?, self.text("telegram", "token_file")?) {
            (Some(_), Some(_)) => {
                return Err(self.wrong("telegram", "bot_token", "and token_file are both set; keep one"));
            }
            (None, None) => {
                return Err(self.wrong(
                    "telegram",
                    "bot_token",
                    "is missing; set it (or token_file) to the token that BotFather gave",
                ));
            }
            (Some(token), None) => ("bot_token", token),
            (None, Some(path)) => {
                let path = tilde::whole(Path::new(&path), home);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    self.wrong(
                        "telegram",
                        "token_file",
                        &format!("can't be read: {}: {error}; correct the path", path.display()),
                    )
                })?;
                if let Some(open) = exposure::of_secret(&path) {
                    return Err(self.wrong("telegram", "token_file", &refused(&open)));
                }
                ("token_file", text.trim().to_owned())
            }
        };
        let shaped = token.split_once(':').is_some_and(|(id, rest)| {
            !id.is_empty()
                && id.bytes().all(|b| b.is_ascii_digit())
                && !rest.is_empty()
                && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        });
        if shaped {
            Ok(Secret(token))
        } else {
            Err(self.wrong(
                "telegram",
                key,
                "has not the shape of a bot token (digits, a colon, letters); copy it again from BotFather",
            ))
        }
    }

    fn private(&self) -> Result<(), Refused> {
        let (key, open) = match self.value("telegram", "bot_token") {
            Some(_) => ("bot_token", exposure::of_secret(self.file)),
            // Who can write here can send the token of the other file to an address of his own.
            None => ("token_file", exposure::to_writers(self.file)),
        };
        open.map_or(Ok(()), |open| Err(self.wrong("telegram", key, &refused(&open))))
    }
}

/// The kinds of systemd's units; with a small letter that is wrong, `service` too is a part of the name.
const UNIT_KINDS: [&str; 11] =
    ["service", "timer", "socket", "path", "target", "mount", "automount", "swap", "slice", "scope", "device"];

/// What is open to others, and the mend.
pub fn refused(open: &Exposure) -> String {
    match open {
        Exposure::Read(path) => format!("can be read by others; run: chmod 600 '{}'", path.display()),
        Exposure::Written(path) => format!("can be changed by others; run: chmod 600 '{}'", path.display()),
        Exposure::Folder(path) => {
            format!("lies in a folder that others can write to; run: chmod go-w '{}'", path.display())
        }
    }
}

fn default_manager() -> Manager {
    if cfg!(target_os = "macos") { Manager::Launchd } else { Manager::Systemd }
}

fn table(file: &Path, text: &str) -> Result<Table, Refused> {
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let why = first_line(error.message());
        Refused::because(format!("{}: line {line} is not TOML ({why}); correct that line", file.display()))
    })
}

fn unreadable(file: &Path, error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::NotFound {
        return format!(
            "{}: there is no configuration; run: bridge-watchdog setup (or try 'bridge-watchdog demo', which needs none)",
            file.display()
        );
    }
    format!("{}: can't be read ({error}); make it a readable text file", file.display())
}

/// As the bridge's environment names it and else `.env`, which overrides nothing. If two places are possible, the one
/// that has a file.
fn default_session(root: &Path, dotenv: &str, label: &str, manager: Manager, environment: &Environment) -> PathBuf {
    let job = env::of_job(label, manager, environment);
    let given = |name: &str| match manager {
        // It has our own.
        Manager::Embedded => std::env::var(name).ok(),
        _ => job.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
    };
    let name = given(contract::SESSION_NAME)
        .or_else(|| dotenv::value(dotenv, contract::SESSION_NAME, &given, &env::lookup(environment)));
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| contract::DEFAULT_SESSION.into());
    let places: Vec<PathBuf> =
        dotenv::session_places(&name).iter().map(|place| root.join(place).components().collect()).collect();
    let there = places.iter().position(|place| place.exists());
    places.into_iter().nth(there.unwrap_or(0)).unwrap_or_default()
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|&word| word.to_owned()).collect()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
