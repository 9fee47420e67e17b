//! What a property list says of restarts: launchd.plist(5), "`KeepAlive`". A dictionary there is a list of reasons to
//! have the job up, and one that holds is enough.

use std::path::Path;

use plist::{Dictionary, Value};

use crate::facts::{Condition, Exit, Job, KeepAlive, Unmet};

/// Whether launchd restarts the job by itself.
pub(super) fn of(keys: &Dictionary) -> KeepAlive {
    match keys.get("KeepAlive") {
        Some(Value::Boolean(true)) => KeepAlive::Always,
        Some(Value::Dictionary(conditions)) => {
            KeepAlive::Conditional(Condition::KeepAlive(conditions.keys().cloned().collect()))
        }
        _ => KeepAlive::Never,
    }
}

/// The conditions of a `KeepAlive` that `install` leaves as it is.
pub fn leaves_key_alone(keys: &Dictionary) -> Option<Vec<String>> {
    match of(keys) {
        KeepAlive::Conditional(condition) if condition.is_mendable() => None,
        KeepAlive::Conditional(Condition::KeepAlive(names)) => Some(names),
        _ => None,
    }
}

/// The condition by which its operator keeps the job down: there is one, and no reason to have the job up holds.
///
/// # Errors
/// If launchd can't say whether another job is loaded.
pub(super) fn unmet(
    keys: &Dictionary,
    job: &Job,
    is_loaded: impl Fn(&str) -> Result<bool, String>,
) -> Result<Option<Unmet>, String> {
    let Some(Value::Dictionary(conditions)) = keys.get("KeepAlive") else { return Ok(None) };
    let mut unmet = None;
    for (path, wanted) in flags(conditions, "PathState") {
        let there = Path::new(path).exists();
        if there == wanted {
            return Ok(None);
        }
        unmet = unmet.or_else(|| Some(Unmet::Path { path: path.to_owned(), there }));
    }
    for (label, wanted) in flags(conditions, "OtherJobEnabled") {
        let loaded = is_loaded(label)?;
        if loaded == wanted {
            return Ok(None);
        }
        unmet = unmet.or_else(|| Some(Unmet::OtherJob { label: label.to_owned(), loaded }));
    }
    Ok(unmet.filter(|_| !job.loaded || !holds_after_an_end(conditions, job)))
}

/// Whether launchd starts the job again because of how it ended. For one that runs that is not known, and it may.
fn holds_after_an_end(conditions: &Dictionary, job: &Job) -> bool {
    let flag = |key: &str| conditions.get(key).and_then(Value::as_boolean);
    let crashed = match job.last_exit {
        Exit::Signal(signal) => CRASHES.contains(&signal),
        _ => false,
    };
    let well = matches!(job.last_exit, Exit::Code(0) | Exit::Never);
    let holds = |wanted: Option<bool>, is: bool| wanted.is_some_and(|wanted| job.pid.is_some() || wanted == is);
    holds(flag("SuccessfulExit"), well) || holds(flag("Crashed"), crashed)
}

/// The signals that launchd takes for a crash.
const CRASHES: [i32; 7] =
    [libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGFPE, libc::SIGBUS, libc::SIGSEGV, libc::SIGSYS];

/// The names under this key, each with what is wanted of it.
fn flags<'a>(conditions: &'a Dictionary, key: &str) -> impl Iterator<Item = (&'a str, bool)> {
    let list = conditions.get(key).and_then(Value::as_dictionary).into_iter().flatten();
    list.filter_map(|(name, wanted)| Some((name.as_str(), wanted.as_boolean()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keep_alive: &str) -> Dictionary {
        let text = format!("<plist version=\"1.0\"><dict><key>KeepAlive</key>{keep_alive}</dict></plist>");
        Value::from_reader_xml(text.as_bytes()).unwrap().into_dictionary().unwrap()
    }

    fn path(path: &str, wanted: bool) -> String {
        format!("<key>{path}</key><{wanted}/>")
    }

    fn state(paths: &[String]) -> String {
        format!("<key>PathState</key><dict>{}</dict>", paths.concat())
    }

    fn other(label: &str, wanted: bool) -> String {
        format!("<key>OtherJobEnabled</key><dict><key>{label}</key><{wanted}/></dict>")
    }

    #[test]
    fn r01_a_stop_is_a_condition_of_which_no_alternative_holds() {
        let folder = tempfile::tempdir().unwrap();
        let (there, gone) = (folder.path().join("there"), folder.path().join("gone"));
        std::fs::write(&there, "").unwrap();
        let (there, gone) = (there.to_str().unwrap(), gone.to_str().unwrap());
        let exit = |wanted: bool| format!("<key>SuccessfulExit</key><{wanted}/>");
        let crashed = |wanted: bool| format!("<key>Crashed</key><{wanted}/>");
        let (ended, killed, segv) = (Exit::Code(0), Exit::Signal(libc::SIGKILL), Exit::Signal(libc::SIGSEGV));
        let (is_there, is_gone) = (
            || Some(Unmet::Path { path: there.into(), there: true }),
            || Some(Unmet::Path { path: gone.into(), there: false }),
        );
        let other_is = |label: &str, loaded| Some(Unmet::OtherJob { label: label.into(), loaded });
        type Row = (&'static str, String, Exit, Option<u32>, Option<Unmet>);
        let rows: [Row; 20] = [
            ("a stop file is there", state(&[path(there, false)]), ended.clone(), None, is_there()),
            ("no stop file", state(&[path(gone, false)]), ended.clone(), None, None),
            ("a wish file is there", state(&[path(there, true)]), ended.clone(), None, None),
            ("no wish file", state(&[path(gone, true)]), ended.clone(), None, is_gone()),
            ("also while it still runs", state(&[path(there, false)]), ended.clone(), Some(7), is_there()),
            ("however it ended", state(&[path(there, false)]), segv.clone(), None, is_there()),
            ("one of two holds", state(&[path(there, false), path(gone, false)]), ended.clone(), None, None),
            ("none of two", state(&[path(there, false), path(gone, true)]), ended.clone(), None, is_there()),
            ("another job is there", other("loaded", true), ended.clone(), None, None),
            ("another job is gone", other("gone", true), ended.clone(), None, other_is("gone", false)),
            ("another job in its way", other("loaded", false), ended.clone(), None, other_is("loaded", true)),
            ("a path holds beside it", other("gone", true) + &state(&[path(there, true)]), ended.clone(), None, None),
            ("it ended well", exit(false) + &state(&[path(there, false)]), ended.clone(), None, is_there()),
            ("it did not end well", exit(false) + &state(&[path(there, false)]), killed.clone(), None, None),
            ("it may not end well", exit(false) + &state(&[path(there, false)]), ended.clone(), Some(7), None),
            ("it never ran", exit(false) + &state(&[path(there, false)]), Exit::Never, None, is_there()),
            ("it crashed", crashed(true) + &state(&[path(there, false)]), segv, None, None),
            ("it was killed", crashed(true) + &state(&[path(there, false)]), killed, None, is_there()),
            ("how it ended alone", exit(false), ended.clone(), None, None),
            ("no boolean", state(&[format!("<key>{there}</key><string>no</string>")]), ended, None, None),
        ];
        for (name, text, last_exit, pid, expected) in rows {
            let job = Job { loaded: true, last_exit, pid, ..super::super::not_loaded() };
            let keys = keys(&format!("<dict>{text}</dict>"));
            assert_eq!(unmet(&keys, &job, |label| Ok(label == "loaded")), Ok(expected), "{name}");
        }
        let why = unmet(&keys(&format!("<dict>{}</dict>", other("x", true))), &super::super::not_loaded(), |_| {
            Err("no answer".into())
        });
        assert_eq!(why, Err("no answer".into()));
        for plain in ["<true/>", "<false/>"] {
            assert_eq!(unmet(&keys(plain), &super::super::not_loaded(), |_| Ok(true)), Ok(None));
        }
        // What is not loaded is started by its load, however it ended once.
        let text = exit(true) + &state(&[path(there, false)]);
        let keys = keys(&format!("<dict>{text}</dict>"));
        assert_eq!(unmet(&keys, &super::super::not_loaded(), |_| Ok(true)), Ok(is_there()));
    }

    #[test]
    fn r01_only_how_it_ended_is_mended() {
        let rows = [
            ("<true/>", None),
            ("<false/>", None),
            ("<dict/>", None),
            ("<dict><key>SuccessfulExit</key><false/></dict>", None),
            ("<dict><key>SuccessfulExit</key><false/><key>Crashed</key><true/></dict>", None),
            ("<dict><key>PathState</key><dict/></dict>", Some(vec!["PathState"])),
            (
                "<dict><key>Crashed</key><true/><key>NetworkState</key><true/></dict>",
                Some(vec!["Crashed", "NetworkState"]),
            ),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(leaves_key_alone(&keys(text)), expected, "{text}");
        }
    }
}
