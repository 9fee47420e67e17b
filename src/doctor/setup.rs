//! The configuration, whom it tells, and the files that it names. Pure.

use std::path::PathBuf;

use super::finding::{Finding, Found, Mend, Pane};
use crate::config::exposure::Exposure;

/// The configuration's file.
pub struct ConfigSeen {
    pub file: PathBuf,
    pub there: bool,
    pub refused: Option<String>,
    /// Or why that is not known.
    pub open: Result<Vec<Exposure>, String>,
}

/// The configuration, and who can read it.
pub fn config(seen: &ConfigSeen) -> Vec<Finding> {
    if !seen.there {
        return vec![Finding::ill("config", Found::NoConfig(seen.file.clone()), Mend::Setup)];
    }
    let open = seen.open.as_deref().unwrap_or_default();
    let config = match &seen.refused {
        None => Finding::well("config", Found::Config(seen.file.clone())),
        Some(why) => {
            // It is refused for that too, so that mend comes first.
            let mend = open.first().map_or_else(|| Mend::Edit(seen.file.clone()), closing);
            Finding::ill("config", Found::ConfigRefused(why.clone()), mend)
        }
    };
    let mode = match &seen.open {
        Err(why) => vec![Finding::ill("config-mode", Found::Unseen(why.clone()), Mend::Again)],
        Ok(open) if open.is_empty() => vec![Finding::well("config-mode", Found::Private)],
        Ok(open) => {
            open.iter().map(|open| Finding::ill("config-mode", Found::Open(open.clone()), closing(open))).collect()
        }
    };
    std::iter::once(config).chain(mode).collect()
}

fn closing(open: &Exposure) -> Mend {
    match open {
        Exposure::Read(path) | Exposure::Written(path) => Mend::Chmod { path: path.clone(), mode: "600" },
        Exposure::Folder(path) => Mend::Chmod { path: path.clone(), mode: "go-w" },
    }
}

/// What Telegram said, if there is a section for it.
pub struct TelegramSeen {
    pub file: PathBuf,
    /// The file that the token is in.
    pub token: PathBuf,
    pub chat_id: i64,
    pub api_url: String,
    /// The bot's name, or why not, and whether Telegram answered at all.
    pub me: Result<String, Refusal>,
    pub chat: Option<Result<(), Refusal>>,
    /// Seconds that our clock is ahead.
    pub ahead: Option<f64>,
}

/// Why Telegram did not do it.
pub struct Refusal {
    pub why: String,
    /// Its answer as a status of HTTP.
    pub status: Option<u16>,
}

/// A clock that is off by more than this makes ages and the ends of waits wrong; an answer takes seconds at most.
pub const CLOCK_OFF: f64 = 60.0;

/// Whether anybody is told at all.
pub fn telegram(file: &std::path::Path, seen: Option<&TelegramSeen>) -> Vec<Finding> {
    let Some(seen) = seen else {
        return vec![Finding::ill("alerts", Found::NobodyTold, Mend::Edit(file.to_owned()))];
    };
    let refused = |id, refusal: &Refusal, found: fn(String) -> Found, mend: Mend| {
        let why = refusal.why.clone();
        match refusal.status {
            None => Finding::ill(id, Found::Unreachable(why), Mend::Reach(seen.api_url.clone())),
            // Too many calls, or a fault of its own: nothing here is wrong.
            Some(429 | 500..) => Finding::ill(id, found(why), Mend::Again),
            Some(_) => Finding::ill(id, found(why), mend),
        }
    };
    let mut all = vec![Finding::well("alerts", Found::Told { chat: seen.chat_id })];
    let mut open = Mend::Edit(seen.file.clone());
    all.push(match &seen.me {
        Ok(name) => {
            open = Mend::OpenBot(name.clone());
            Finding::well("token", Found::Bot(name.clone()))
        }
        Err(refusal) => refused("token", refusal, Found::BotRefused, Mend::Edit(seen.token.clone())),
    });
    all.extend(seen.chat.as_ref().map(|chat| match chat {
        Ok(()) => Finding::well("chat", Found::Chat(seen.chat_id)),
        Err(refusal) => refused("chat", refusal, Found::ChatRefused, open),
    }));
    all.extend(seen.ahead.map(|ahead| {
        if ahead.abs() > CLOCK_OFF {
            Finding::ill("clock", Found::Clock(ahead), Mend::SetClock)
        } else {
            Finding::well("clock", Found::Clock(ahead))
        }
    }));
    all
}

/// A file that the configuration names.
pub struct FileSeen {
    pub path: PathBuf,
    pub state: FileState,
    /// macOS guards it.
    pub guarded: bool,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// A file that can be read.
    File,
    Absent {
        /// Its folder is there.
        folder: bool,
    },
    /// Something else, in words: "a folder".
    NoFile(&'static str),
    /// We are not let to it, so it may well be there: why.
    Denied(String),
    /// It took too long: why.
    Unseen(String),
}

/// The files of the bridge.
pub struct FilesSeen {
    pub config: PathBuf,
    pub root: PathBuf,
    pub log: FileSeen,
    pub error_log: FileSeen,
    pub session: FileSeen,
    pub login: Vec<String>,
    /// The bridge runs.
    pub runs: bool,
}

/// Whether they are there.
pub fn files(seen: &FilesSeen) -> Vec<Finding> {
    vec![
        Finding::well("root", Found::There(seen.root.clone())),
        log(seen, "log", &seen.log, seen.runs),
        log(seen, "error-log", &seen.error_log, false),
        session(seen),
    ]
}

fn log(seen: &FilesSeen, id: &'static str, file: &FileSeen, has_to_be: bool) -> Finding {
    let path = || file.path.clone();
    match &file.state {
        FileState::Absent { folder: false } => {
            let folder = file.path.parent().unwrap_or(&file.path).to_owned();
            Finding::ill(id, Found::NoFolder(folder.clone()), Mend::MakeFolder(folder))
        }
        FileState::Absent { folder: true } if has_to_be => {
            Finding::ill(id, Found::Unwritten(path()), Mend::Edit(seen.config.clone()))
        }
        FileState::Absent { folder: true } => Finding::well(id, Found::Empty(path())),
        _ => there(seen, id, file),
    }
}

fn session(seen: &FilesSeen) -> Finding {
    match &seen.session.state {
        FileState::Absent { .. } => {
            let mend = Mend::Login { root: seen.root.clone(), words: seen.login.clone() };
            Finding::ill("session", Found::NoSession(seen.session.path.clone()), mend)
        }
        _ => there(seen, "session", &seen.session),
    }
}

/// Of what is not known to be absent.
fn there(seen: &FilesSeen, id: &'static str, file: &FileSeen) -> Finding {
    let path = || file.path.clone();
    let unseen = |why: &str| Found::Unseen(format!("{}: {why}", file.path.display()));
    match &file.state {
        FileState::Denied(why) if file.guarded => Finding::ill(id, unseen(why), Mend::Settings(Pane::FullDiskAccess)),
        FileState::Denied(why) => Finding::ill(id, unseen(why), Mend::ShowMode(path())),
        FileState::Unseen(why) => Finding::ill(id, unseen(why), Mend::Again),
        FileState::NoFile(kind) => {
            Finding::ill(id, Found::NoFile { path: path(), kind }, Mend::Edit(seen.config.clone()))
        }
        FileState::File | FileState::Absent { .. } => Finding::well(id, Found::There(path())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(findings: &[Finding]) -> Vec<(&str, bool)> {
        findings.iter().map(|finding| (finding.id, finding.is_well())).collect()
    }

    #[test]
    fn each_fault_of_the_configuration_is_named_once() {
        let file = || PathBuf::from("/c");
        let read = || vec![Exposure::Read(file())];
        let chmod = || Mend::Chmod { path: file(), mode: "600" };
        let rows = [
            ("well", ConfigSeen { file: file(), there: true, refused: None, open: Ok(vec![]) }, vec![None, None]),
            (
                "none",
                ConfigSeen { file: file(), there: false, refused: Some("x".into()), open: Ok(vec![]) },
                vec![Some(Mend::Setup)],
            ),
            (
                "refused",
                ConfigSeen { file: file(), there: true, refused: Some("x".into()), open: Ok(vec![]) },
                vec![Some(Mend::Edit(file())), None],
            ),
            (
                "refused for its mode",
                ConfigSeen { file: file(), there: true, refused: Some("x".into()), open: Ok(read()) },
                vec![Some(chmod()), Some(chmod())],
            ),
            (
                "not looked at",
                ConfigSeen { file: file(), there: true, refused: None, open: Err("no".into()) },
                vec![None, Some(Mend::Again)],
            ),
            (
                "a folder",
                ConfigSeen { file: file(), there: true, refused: None, open: Ok(vec![Exposure::Folder("/".into())]) },
                vec![None, Some(Mend::Chmod { path: "/".into(), mode: "go-w" })],
            ),
        ];
        for (name, seen, expected) in rows {
            let mends: Vec<Option<Mend>> = config(&seen).into_iter().map(|finding| finding.mend).collect();
            assert_eq!(mends, expected, "{name}");
        }
    }

    #[test]
    fn what_telegram_refuses_is_told_from_what_it_never_heard() {
        let seen = |me, chat, ahead| TelegramSeen {
            file: "/c".into(),
            token: "/t".into(),
            chat_id: 7,
            api_url: "https://x".into(),
            me,
            chat,
            ahead,
        };
        let no = |status| Refusal { why: "no".into(), status };
        let said = |status| no(Some(status));
        let rows = [
            (
                "well",
                seen(Ok("b".into()), Some(Ok(())), Some(60.0)),
                vec![("alerts", None), ("token", None), ("chat", None), ("clock", None)],
            ),
            (
                "revoked",
                seen(Err(said(401)), None, None),
                vec![("alerts", None), ("token", Some(Mend::Edit("/t".into())))],
            ),
            ("too many calls", seen(Err(said(429)), None, None), vec![("alerts", None), ("token", Some(Mend::Again))]),
            (
                "a fault of Telegram's",
                seen(Ok("b".into()), Some(Err(said(502))), None),
                vec![("alerts", None), ("token", None), ("chat", Some(Mend::Again))],
            ),
            (
                "not reached",
                seen(Err(no(None)), None, None),
                vec![("alerts", None), ("token", Some(Mend::Reach("https://x".into())))],
            ),
            (
                "a stranger, and a clock that is behind",
                seen(Ok("b".into()), Some(Err(said(400))), Some(-60.1)),
                vec![
                    ("alerts", None),
                    ("token", None),
                    ("chat", Some(Mend::OpenBot("b".into()))),
                    ("clock", Some(Mend::SetClock)),
                ],
            ),
            (
                "ahead",
                seen(Ok("b".into()), Some(Ok(())), Some(61.0)),
                vec![("alerts", None), ("token", None), ("chat", None), ("clock", Some(Mend::SetClock))],
            ),
        ];
        for (name, seen, expected) in rows {
            let found: Vec<_> =
                telegram("/c".as_ref(), Some(&seen)).into_iter().map(|finding| (finding.id, finding.mend)).collect();
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(ids(&telegram("/c".as_ref(), None)), [("alerts", false)]);
    }

    #[test]
    fn a_log_has_to_be_there_only_once_somebody_writes() {
        let file = |state| FileSeen { path: "/r/logs/x".into(), state, guarded: false };
        let (there, not_yet, no_folder) =
            (|| FileState::File, || FileState::Absent { folder: true }, || FileState::Absent { folder: false });
        let rows = [
            ("both", true, there(), there(), [true, true, true, true]),
            ("not yet", false, not_yet(), not_yet(), [true, true, true, false]),
            ("it runs", true, not_yet(), there(), [true, false, true, true]),
            ("no folder", false, no_folder(), there(), [true, false, true, true]),
        ];
        for (name, runs, log, session, expected) in rows {
            let seen = FilesSeen {
                config: "/c".into(),
                root: "/r".into(),
                log: file(log),
                error_log: file(not_yet()),
                session: file(session),
                login: vec!["login".into()],
                runs,
            };
            let found = files(&seen);
            assert_eq!(ids(&found).iter().map(|(_, well)| *well).collect::<Vec<_>>(), expected, "{name}");
        }
    }

    /// Neither is taken for a file that is not there: a login would make a second session.
    #[test]
    fn what_may_not_be_looked_at_is_not_absent() {
        let denied = || FileState::Denied("no".into());
        let rows = [
            ("denied", denied(), false, Mend::ShowMode("/r/x".into())),
            ("guarded by macOS", denied(), true, Mend::Settings(Pane::FullDiskAccess)),
            ("too slow", FileState::Unseen("no".into()), true, Mend::Again),
            ("a folder", FileState::NoFile("a folder"), false, Mend::Edit("/c".into())),
        ];
        for (name, state, guarded, mend) in rows {
            let file = || FileSeen { path: "/r/x".into(), state: state.clone(), guarded };
            let seen = FilesSeen {
                config: "/c".into(),
                root: "/r".into(),
                log: file(),
                error_log: file(),
                session: file(),
                login: vec!["login".into()],
                runs: true,
            };
            let mends: Vec<_> = files(&seen).into_iter().map(|finding| finding.mend).collect();
            assert_eq!(mends, [None, Some(mend.clone()), Some(mend.clone()), Some(mend)], "{name}");
        }
    }
}
