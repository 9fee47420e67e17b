//! Another watchdog of this checkout that is none of our program: an older one is a script in it. Two of them would recover
//! the same bridge. Pure: whether such a path is in the checkout is looked up by the caller.

use std::path::{Path, PathBuf};

use super::finding::{Finding, Found, Mend};
use crate::manager::Manager;

/// Where such a watchdog was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Older {
    pub script: PathBuf,
    pub by: By,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// An agent or a unit, or the timer of one.
    Agent {
        manager: Manager,
        label: String,
        /// It runs, or would at any time.
        loaded: bool,
    },
    Crontab,
    Process(u32),
}

/// `ours`: other watches of our program that have this bridge's log open.
pub fn second(ours: &Result<Vec<u32>, String>, older: &Result<Option<Older>, String>) -> Finding {
    match (ours.as_deref(), older) {
        (Ok([pid, ..]), _) => Finding::ill("second-watch", Found::SecondWatch { pid: *pid }, Mend::EndProcess(*pid)),
        (_, Ok(Some(older))) => finding(older),
        (Err(why), _) | (_, Err(why)) => Finding::ill("second-watch", Found::Unseen(why.clone()), Mend::Again),
        (Ok([]), Ok(None)) => Finding::well("second-watch", Found::OneWatch),
    }
}

fn finding(seen: &Older) -> Finding {
    let mend = match &seen.by {
        By::Agent { manager: Manager::Systemd, label, .. } => Mend::DisableUnit(label.clone()),
        By::Agent { label, loaded, .. } => Mend::Disable { label: label.clone(), loaded: *loaded },
        By::Crontab => Mend::Crontab,
        By::Process(pid) => Mend::EndProcess(*pid),
    };
    Finding::ill("second-watch", Found::Older(seen.clone()), mend)
}

/// The scripts called a watchdog that a job starts, a shell's line as well. A relative one is in `folder`.
pub fn of_job(words: &[String], folder: Option<&Path>) -> Vec<PathBuf> {
    let shell = words.first().is_some_and(|word| is_interpreter(word));
    // `-c`, `-lc`: the line comes next.
    let line = words.iter().position(|word| is_line_option(word)).filter(|_| shell).and_then(|at| words.get(at + 1));
    match line {
        Some(line) => of_line(line, folder),
        None => of_words(words, folder).into_iter().collect(),
    }
}

/// The same of a crontab: five fields or a word with an `@`, and a line for a shell in the home folder.
pub fn of_crontab(text: &str, home: &Path) -> Vec<PathBuf> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let commands = lines.filter_map(|line| {
        let fields = if line.starts_with('@') { 1 } else { 5 };
        (0..fields).try_fold(line, |rest, _| Some(rest.split_once(char::is_whitespace)?.1.trim_start()))
    });
    commands.flat_map(|line| of_line(line, Some(home))).collect()
}

/// A line for a shell, command by command; `cd` changes the folder for those that follow.
fn of_line(line: &str, folder: Option<&Path>) -> Vec<PathBuf> {
    let mut folder = folder.map(Path::to_owned);
    let mut found = Vec::new();
    for command in line.split(['&', ';', '|', '(', ')', '\n']) {
        let words: Vec<String> =
            command.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect();
        match words.as_slice() {
            [cd, to, ..] if cd == "cd" => folder = Some(folder.map_or_else(|| to.into(), |folder| folder.join(to))),
            words => found.extend(of_words(words, folder.as_deref())),
        }
    }
    found
}

/// The script that these words start: the program itself, or what an interpreter is given. Not what an editor, a pager or
/// a run of tests is given.
pub fn of_words(words: &[String], folder: Option<&Path>) -> Option<PathBuf> {
    let words: Vec<&str> = words.iter().map(String::as_str).skip_while(|word| is_wrapper(word)).collect();
    let (&first, rest) = words.split_first()?;
    let script = if is_interpreter(first) { given(rest)? } else { PathBuf::from(first) };
    let name = script.file_name()?.to_string_lossy().to_lowercase();
    let path = folder.map_or_else(|| script.clone(), |folder| folder.join(&script));
    (name.contains("watchdog") && !name.starts_with("test") && path.is_absolute()).then_some(path)
}

/// The script among an interpreter's arguments: `-u monitoring/watchdog.py`, `-m monitoring.watchdog`.
fn given(mut words: &[&str]) -> Option<PathBuf> {
    loop {
        let (&word, rest) = words.split_first()?;
        match word {
            "-m" => return rest.first().map(|module| PathBuf::from(module.replace('.', "/") + ".py")),
            _ if is_line_option(word) => return None,
            "-X" | "-W" => words = rest.get(1..)?,
            "run" => words = rest,
            _ if word.starts_with('-') => words = rest,
            _ if is_interpreter(word) => words = rest,
            _ => return Some(word.into()),
        }
    }
}

/// `-c` of a shell or of Python, also among others: `-lc`.
fn is_line_option(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|letters| {
        letters.ends_with('c') && letters.len() <= 3 && letters.bytes().all(|byte| byte.is_ascii_lowercase())
    })
}

/// Puts another program into its place, or runs it.
fn is_wrapper(word: &str) -> bool {
    let wrappers = ["env", "exec", "nohup", "setsid", "nice", "caffeinate", "arch", "timeout", "flock"];
    word.starts_with('-')
        || word.split_once('=').is_some_and(|(name, _)| !name.contains('/'))
        || word.bytes().all(|byte| byte.is_ascii_digit())
        || wrappers.contains(&base(word))
}

fn base(word: &str) -> &str {
    Path::new(word).file_name().and_then(|name| name.to_str()).unwrap_or(word)
}

fn is_interpreter(word: &str) -> bool {
    let name = base(word).to_lowercase();
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    ["python", "pypy", "sh", "bash", "zsh", "dash", "ksh", "fish", "node", "ruby", "perl", "uv", "poetry"]
        .contains(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<String> {
        line.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn an_older_watchdog_is_the_script_that_is_run() {
        let script = Some("/src/ai/monitoring/bridge_watchdog.py");
        let rows: [(&[&str], Option<&str>); 19] = [
            (&["/src/ai/.venv/bin/python", "monitoring/bridge_watchdog.py"], script),
            (&["/opt/Python.app/Contents/MacOS/Python", "-u", "-X", "dev", "monitoring/bridge_watchdog.py"], script),
            (&["/usr/bin/env", "A=b", "python3", "/src/ai/monitoring/bridge_watchdog.py", "--check"], script),
            (&["nohup", "nice", "-n", "10", "python3.12", "monitoring/bridge_watchdog.py"], script),
            (&["python3", "-m", "monitoring.bridge_watchdog"], script),
            (&["uv", "run", "python", "monitoring/bridge_watchdog.py"], script),
            (&["uv", "run", "monitoring/bridge_watchdog.py"], script),
            (&["/src/ai/scripts/Watchdog"], Some("/src/ai/scripts/Watchdog")),
            (&["/bin/bash", "-lc", "cd monitoring && exec python bridge_watchdog.py >> log 2>&1"], script),
            (&["/bin/sh", "-c", "cd '/src/ai'; python3 \"monitoring/bridge_watchdog.py\""], script),
            (&["vim", "monitoring/bridge_watchdog.py"], None),
            (&["tail", "-f", "logs/watchdog.log"], None),
            (&["python3", "-m", "pytest", "tests/test_watchdog.py"], None),
            (&["python3", "tests/test_watchdog.py"], None),
            (&["python3", "-c", "import watchdog"], None),
            (&["python3", "bridge/telegram_bridge.py", "watchdog"], None),
            (&["/bin/sh", "-c", "grep watchdog log; echo watchdog"], None),
            (&["python3"], None),
            (&[], None),
        ];
        for (line, expected) in rows {
            let found = of_job(&words(line), Some(Path::new("/src/ai")));
            assert_eq!(found, expected.map(PathBuf::from).into_iter().collect::<Vec<_>>(), "{line:?}");
        }
        assert!(of_job(&words(&["python3", "watchdog.py"]), None).is_empty(), "in a folder that nobody knows");
    }

    #[test]
    fn a_crontab_is_read_as_cron_reads_it() {
        let text = "# */5 * * * * python3 /a/watchdog.py\nMAILTO=me\n\n*/5 * * * * cd /src/ai && .venv/bin/python \
                    monitoring/bridge_watchdog.py\n@reboot /src/ai/scripts/watchdog.sh\n0 4 * * * backup\n";
        let expected = ["/src/ai/monitoring/bridge_watchdog.py", "/src/ai/scripts/watchdog.sh"].map(PathBuf::from);
        assert_eq!(of_crontab(text, Path::new("/home/me")), expected);
    }

    #[test]
    fn each_kind_is_ended_so_that_it_does_not_come_back() {
        let agent = |manager, loaded| By::Agent { manager, label: "l".into(), loaded };
        let rows = [
            (agent(Manager::Launchd, true), Mend::Disable { label: "l".into(), loaded: true }),
            (agent(Manager::Systemd, true), Mend::DisableUnit("l".into())),
            (By::Crontab, Mend::Crontab),
            (By::Process(7), Mend::EndProcess(7)),
        ];
        for (by, mend) in rows {
            assert_eq!(second(&Ok(vec![]), &Ok(Some(Older { script: "/s".into(), by }))).mend, Some(mend));
        }
        let no = || "no".to_owned();
        assert!(second(&Ok(vec![]), &Ok(None)).is_well());
        assert_eq!(second(&Ok(vec![9]), &Err(no())).mend, Some(Mend::EndProcess(9)));
        assert_eq!(second(&Err(no()), &Ok(None)).mend, Some(Mend::Again), "a look that failed");
        assert_eq!(second(&Ok(vec![]), &Err(no())).mend, Some(Mend::Again), "a look that failed");
    }
}
