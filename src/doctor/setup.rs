//! The configuration, whom it tells, and the files that it names. Pure.

use std::path::PathBuf;

use super::finding::{Finding, Found, Mend};
use crate::config::exposure::Exposure;

/// The configuration's file.
pub struct ConfigSeen {
    pub file: PathBuf,
    pub there: bool,
    pub refused: Option<String>,
    pub open: Vec<Exposure>,
}

/// The configuration, and who can read it.
pub fn config(seen: &ConfigSeen) -> Vec<Finding> {
    if !seen.there {
        return vec![Finding::ill("config", Found::NoConfig(seen.file.clone()), Mend::Setup)];
    }
    let open: Vec<Finding> =
        seen.open.iter().map(|open| Finding::ill("config-mode", Found::Open(open.clone()), closing(open))).collect();
    let config = match &seen.refused {
        None => Finding::well("config", Found::Config(seen.file.clone())),
        Some(why) => {
            // It is refused for that too, so that mend comes first.
            let mend = seen.open.first().map_or_else(|| Mend::Edit(seen.file.clone()), closing);
            Finding::ill("config", Found::ConfigRefused(why.clone()), mend)
        }
    };
    let mode = if open.is_empty() { vec![Finding::well("config-mode", Found::Private)] } else { open };
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
    pub answered: bool,
}

/// A clock that is off by more than this makes ages and the ends of waits wrong; an answer takes seconds at most.
pub const CLOCK_OFF: f64 = 60.0;

/// Whether anybody is told at all.
pub fn telegram(file: &std::path::Path, seen: Option<&TelegramSeen>) -> Vec<Finding> {
    let Some(seen) = seen else {
        return vec![Finding::ill("alerts", Found::NobodyTold, Mend::Edit(file.to_owned()))];
    };
    let edit = || Mend::Edit(seen.file.clone());
    let refused = |id, refusal: &Refusal, found: fn(String) -> Found, mend: Mend| {
        if refusal.answered {
            Finding::ill(id, found(refusal.why.clone()), mend)
        } else {
            Finding::ill(id, Found::Unreachable(refusal.why.clone()), Mend::Reach(seen.api_url.clone()))
        }
    };
    let mut all = vec![Finding::well("alerts", Found::Told { chat: seen.chat_id })];
    let mut open = edit();
    all.push(match &seen.me {
        Ok(name) => {
            open = Mend::OpenBot(name.clone());
            Finding::well("token", Found::Bot(name.clone()))
        }
        Err(refusal) => refused("token", refusal, Found::BotRefused, edit()),
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
    pub there: bool,
    pub folder: bool,
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
    let log = |id, file: &FileSeen, has_to_be: bool| match file {
        FileSeen { path, there: true, .. } => Finding::well(id, Found::There(path.clone())),
        FileSeen { path, folder: false, .. } => {
            let folder = path.parent().unwrap_or(path).to_owned();
            Finding::ill(id, Found::NoFolder(folder.clone()), Mend::MakeFolder(folder))
        }
        FileSeen { path, .. } if has_to_be => {
            Finding::ill(id, Found::Unwritten(path.clone()), Mend::Edit(seen.config.clone()))
        }
        FileSeen { path, .. } => Finding::well(id, Found::Empty(path.clone())),
    };
    let session = &seen.session;
    vec![
        Finding::well("root", Found::There(seen.root.clone())),
        log("log", &seen.log, seen.runs),
        log("error-log", &seen.error_log, false),
        if session.there {
            Finding::well("session", Found::There(session.path.clone()))
        } else {
            let mend = Mend::Login { root: seen.root.clone(), words: seen.login.clone() };
            Finding::ill("session", Found::NoSession(session.path.clone()), mend)
        },
    ]
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
            ("well", ConfigSeen { file: file(), there: true, refused: None, open: vec![] }, vec![None, None]),
            (
                "none",
                ConfigSeen { file: file(), there: false, refused: Some("x".into()), open: vec![] },
                vec![Some(Mend::Setup)],
            ),
            (
                "refused",
                ConfigSeen { file: file(), there: true, refused: Some("x".into()), open: vec![] },
                vec![Some(Mend::Edit(file())), None],
            ),
            (
                "refused for its mode",
                ConfigSeen { file: file(), there: true, refused: Some("x".into()), open: read() },
                vec![Some(chmod()), Some(chmod())],
            ),
            (
                "a folder",
                ConfigSeen { file: file(), there: true, refused: None, open: vec![Exposure::Folder("/".into())] },
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
            chat_id: 7,
            api_url: "https://x".into(),
            me,
            chat,
            ahead,
        };
        let no = |answered| Refusal { why: "no".into(), answered };
        let edit = || Some(Mend::Edit("/c".into()));
        let rows = [
            (
                "well",
                seen(Ok("b".into()), Some(Ok(())), Some(60.0)),
                vec![("alerts", None), ("token", None), ("chat", None), ("clock", None)],
            ),
            ("revoked", seen(Err(no(true)), None, None), vec![("alerts", None), ("token", edit())]),
            (
                "not reached",
                seen(Err(no(false)), None, None),
                vec![("alerts", None), ("token", Some(Mend::Reach("https://x".into())))],
            ),
            (
                "a stranger, and a clock that is behind",
                seen(Ok("b".into()), Some(Err(no(true))), Some(-60.1)),
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
        let file = |there, folder| FileSeen { path: "/r/logs/x".into(), there, folder };
        let rows = [
            ("both", true, file(true, true), file(true, true), [true, true, true, true]),
            ("not yet", false, file(false, true), file(false, true), [true, true, true, false]),
            ("it runs", true, file(false, true), file(true, true), [true, false, true, true]),
            ("no folder", false, file(false, false), file(true, true), [true, false, true, true]),
        ];
        for (name, runs, log, session, expected) in rows {
            let seen = FilesSeen {
                config: "/c".into(),
                root: "/r".into(),
                log,
                error_log: file(false, true),
                session,
                login: vec!["login".into()],
                runs,
            };
            let found = files(&seen);
            assert_eq!(ids(&found).iter().map(|(_, well)| *well).collect::<Vec<_>>(), expected, "{name}");
        }
    }
}
