//! Whether the bridge is there after the next login: a job that runs was loaded from a file that may have changed since.
//! Pure.

use std::path::PathBuf;

use super::finding::{Finding, Found, Mend};
use crate::facts::MissingProgram;

/// The file that the manager would load the job from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobFile {
    Well(PathBuf),
    /// The job is loaded, and its file is gone: from here, if that is known.
    Gone(Option<PathBuf>),
    /// The manager can't read it; whether `install` wrote it.
    Broken {
        file: PathBuf,
        ours: bool,
    },
    /// systemd has loaded what it said before.
    Changed(PathBuf),
    Unseen(String),
}

/// Whether the manager would start the job at the next login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtLogin {
    Yes,
    /// `Disabled` is true in this property list, and nobody has enabled the label since.
    DisabledIn(PathBuf),
    /// systemd's `UnitFileState`.
    Unit(String),
    Unseen(String),
}

/// The program of a job's file.
pub struct ProgramSeen {
    pub program: PathBuf,
    /// The file that names it.
    pub file: PathBuf,
    pub missing: Option<MissingProgram>,
}

pub struct LoginSeen {
    /// launchd's label, systemd's unit.
    pub label: String,
    pub file: Option<JobFile>,
    pub at_login: Option<AtLogin>,
    pub program: Option<ProgramSeen>,
}

pub fn login(seen: &LoginSeen) -> Vec<Finding> {
    let file = seen.file.as_ref().map(file);
    let at_login = seen.at_login.as_ref().and_then(|at_login| self::at_login(&seen.label, at_login));
    file.into_iter().chain(at_login).chain(seen.program.as_ref().map(program)).collect()
}

fn file(seen: &JobFile) -> Finding {
    let ill = |mend| Finding::ill("service-file", Found::JobFile(seen.clone()), mend);
    match seen {
        JobFile::Well(_) => Finding::well("service-file", Found::JobFile(seen.clone())),
        JobFile::Gone(_) => ill(Mend::Install),
        JobFile::Broken { file, ours: true } => ill(Mend::Renew(file.clone())),
        // Another one in its place would lack what the person has put into it.
        JobFile::Broken { file, ours: false } => ill(Mend::Edit(file.clone())),
        JobFile::Changed(_) => ill(Mend::Reload),
        JobFile::Unseen(why) => Finding::ill("service-file", Found::Unseen(why.clone()), Mend::Again),
    }
}

fn at_login(label: &str, seen: &AtLogin) -> Option<Finding> {
    let found = || Found::JobAtLogin(seen.clone());
    let label = || label.to_owned();
    let mend = match seen {
        AtLogin::Yes => None,
        AtLogin::DisabledIn(_) => Some(Mend::Enable(label())),
        AtLogin::Unseen(why) => return Some(Finding::ill("service-login", Found::Unseen(why.clone()), Mend::Again)),
        AtLogin::Unit(state) => match state.as_str() {
            // Enabled for this run of the machine only, or known to the manager and not enabled.
            "disabled" | "enabled-runtime" | "linked" | "linked-runtime" => Some(Mend::EnableUnit(label())),
            "masked" | "masked-runtime" => Some(Mend::Unmask(label())),
            // It has no file, or one that can't be read, which is a finding of its own.
            "" | "bad" => return None,
            // What such a unit is started by is in other files, and nothing can be enabled.
            _ => None,
        },
    };
    Some(Finding { id: "service-login", found: found(), mend })
}

fn program(seen: &ProgramSeen) -> Finding {
    match &seen.missing {
        None => Finding::well("program", Found::There(seen.program.clone())),
        Some(missing) => {
            let found = Found::ProgramGone { missing: missing.clone(), file: seen.file.clone() };
            Finding::ill("program", found, Mend::Edit(seen.file.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_now_and_not_after_the_next_login_is_a_fault() {
        let nothing = || LoginSeen { label: "l".into(), file: None, at_login: None, program: None };
        let file = |file| LoginSeen { file: Some(file), ..nothing() };
        let unit = |state: &str| LoginSeen { at_login: Some(AtLogin::Unit(state.into())), ..nothing() };
        let plist = || PathBuf::from("/a.plist");
        let enable = || Some(("service-login", Mend::EnableUnit("l".into())));
        let unmask = || Some(("service-login", Mend::Unmask("l".into())));
        let rows = [
            (file(JobFile::Well(plist())), None),
            (file(JobFile::Gone(None)), Some(("service-file", Mend::Install))),
            (file(JobFile::Broken { file: plist(), ours: true }), Some(("service-file", Mend::Renew(plist())))),
            (file(JobFile::Broken { file: plist(), ours: false }), Some(("service-file", Mend::Edit(plist())))),
            (file(JobFile::Changed(plist())), Some(("service-file", Mend::Reload))),
            (file(JobFile::Unseen("no".into())), Some(("service-file", Mend::Again))),
            (LoginSeen { at_login: Some(AtLogin::Yes), ..nothing() }, None),
            (
                LoginSeen { at_login: Some(AtLogin::DisabledIn(plist())), ..nothing() },
                Some(("service-login", Mend::Enable("l".into()))),
            ),
            (
                LoginSeen { at_login: Some(AtLogin::Unseen("no".into())), ..nothing() },
                Some(("service-login", Mend::Again)),
            ),
            (unit("enabled"), None),
            (unit("disabled"), enable()),
            (unit("enabled-runtime"), enable()),
            (unit("linked"), enable()),
            (unit("masked"), unmask()),
            (unit("static"), None),
            (unit("indirect"), None),
            (unit("generated"), None),
            (unit("transient"), None),
            (unit(""), None),
        ];
        for (seen, expected) in rows {
            let found: Vec<_> =
                login(&seen).into_iter().filter_map(|finding| Some((finding.id, finding.mend?))).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{:?} {:?}", seen.file, seen.at_login);
        }
        let program = |missing| ProgramSeen { program: "/p".into(), file: plist(), missing };
        assert!(login(&LoginSeen { program: Some(program(None)), ..nothing() }).iter().all(Finding::is_well));
        let gone = login(&LoginSeen { program: Some(program(Some(MissingProgram::Absent("/p".into())))), ..nothing() });
        assert_eq!(gone[0].mend, Some(Mend::Edit(plist())));
    }
}
