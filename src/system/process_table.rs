//! Which processes are this very bridge: interpreter, script and checkout. Never a name pattern: such patterns once
//! matched an editor, a `tail`, a test run and a desktop helper, and missed "Python" with a capital P.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::config::Config;
use crate::facts::{Identity, Keeper, Lookalike, Process};
use crate::signs::WORK;
use crate::system::lookalikes::{self, Jobs, Owner};
use crate::system::timed::Timed;
use crate::system::{family, mounts, process, script};

/// What makes a process this bridge.
#[derive(Debug, Clone)]
pub struct ProcessMatch {
    pub root: PathBuf,
    /// As configured: the interpreter, then its arguments.
    pub program: Vec<String>,
    pub session: PathBuf,
    /// Who keeps the bridge.
    pub owner: Owner,
}

impl ProcessMatch {
    pub fn of(config: &Config, owner: Owner) -> ProcessMatch {
        ProcessMatch {
            root: config.root.clone(),
            program: config.program.clone(),
            session: config.session.clone(),
            owner,
        }
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The bridge's own process among its family.
    pub bridge: Option<Process>,
    /// Others with its program, script and arguments, in its checkout.
    pub lookalikes: Vec<Lookalike>,
}

/// The search, in a thread of its own: to compare paths they are resolved, those of the checkout and those of other
/// processes, and a path may be in a folder that blocks.
pub struct ProcessSearch {
    look: Timed<(Vec<u32>, Vec<u32>), Result<Found, String>>,
    limit: Duration,
    /// The managed process that is the bridge itself, so that it need not be asked about again.
    known: Option<Process>,
}

impl ProcessSearch {
    /// Each search may take this long.
    pub fn new(bridge_match: ProcessMatch, limit: Duration) -> ProcessSearch {
        let mut memory = Memory::default();
        ProcessSearch::by(move |pids, family| search(pids, family, &bridge_match, &mut memory), limit)
    }

    pub(super) fn by(
        mut search: impl FnMut(&[u32], &[u32]) -> Result<Found, String> + Send + 'static,
        limit: Duration,
    ) -> ProcessSearch {
        let look = Timed::new("processes", move |(pids, family): (Vec<u32>, Vec<u32>)| search(&pids, &family));
        ProcessSearch { look, limit, known: None }
    }

    /// Who looks like the bridge among `pids`, and which of the `family` (the managed one first) is the bridge. Costs
    /// nothing if there is nobody to ask about.
    ///
    /// # Errors
    /// If the process table can't be read, or a path can't be resolved in time.
    pub fn among(&mut self, pids: &[u32], family: &[u32]) -> Result<Found, String> {
        let managed = family.first().copied();
        // A shell may become the bridge by exec, but the bridge becomes nothing else.
        self.known = self.known.filter(|known| managed == Some(known.id.pid) && process::alive(known.id));
        let asked = if self.known.is_some() { &[][..] } else { family };
        let strangers: Vec<u32> = pids.iter().copied().filter(|pid| !family.contains(pid)).collect();
        let mut found = if strangers.is_empty() && asked.is_empty() {
            Found::default()
        } else {
            self.look.now((strangers, asked.to_vec()), self.limit)??
        };
        if self.known.is_none() {
            self.known = found.bridge.filter(|bridge| managed == Some(bridge.id.pid));
        }
        found.bridge = found.bridge.or(self.known);
        Ok(found)
    }

    /// The same among all processes.
    ///
    /// # Errors
    /// As [`ProcessSearch::among`].
    pub fn all(&mut self, family: &[u32]) -> Result<Found, String> {
        self.among(&process::pids()?, family)
    }
}

/// For a single search. With several hundred processes it takes 20 ms.
const PATIENCE: Duration = Duration::from_secs(5);

/// As [`ProcessSearch::all`], for a single search.
///
/// # Errors
/// As there.
pub fn matching(bridge_match: &ProcessMatch, family: &[u32]) -> Result<Found, String> {
    ProcessSearch::new(bridge_match.clone(), PATIENCE).all(family)
}

/// How many processes of the bridge are at work: its descendants whose CPU time advances while we watch, and itself if it
/// works at the rate of work; a loop that only wakes up now and then does not.
///
/// # Errors
/// If the process table can't be read.
pub fn tasks_at_work(bridge: Identity, watched: Duration) -> Result<usize, String> {
    let kind = ProcessRefreshKind::nothing().with_cpu();
    let mut system = System::new().map_err(|error| format!("the process table can't be read: {error}"))?;
    let pids: Vec<Pid> = family::members(bridge.pid, None).into_iter().map(Pid::from_u32).collect();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, kind);
    let used = |pid: &Pid| Some((*pid, system.process(*pid)?.accumulated_cpu_time()));
    let before: Vec<(Pid, u64)> = pids.iter().filter_map(used).collect();
    std::thread::sleep(watched);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, kind);
    let works = |(pid, cpu): &&(Pid, u64)| {
        let used = system.process(*pid).map_or(0, |process| process.accumulated_cpu_time().saturating_sub(*cpu));
        let itself = pid.as_u32() == bridge.pid;
        if itself { Duration::from_millis(used) >= watched.mul_f64(WORK) } else { used > 0 }
    };
    Ok(before.iter().filter(works).count())
}

/// The words of the bridge that runs or ran: a job may give it arguments that the configuration does not name, and then
/// only what has the same ones looks like it.
#[derive(Default)]
struct Memory {
    words: Option<Vec<OsString>>,
    jobs: Jobs,
}

fn search(pids: &[u32], family: &[u32], bridge_match: &ProcessMatch, memory: &mut Memory) -> Result<Found, String> {
    let both: Vec<Pid> = pids.iter().chain(family).map(|&pid| Pid::from_u32(pid)).collect();
    let mut system = System::new().map_err(|error| format!("the process table can't be read: {error}"))?;
    let kind = ProcessRefreshKind::nothing()
        .with_cmd(UpdateKind::Always)
        .with_cwd(UpdateKind::Always)
        .with_exe(UpdateKind::Always)
        .without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&both), true, kind);
    let mine = std::process::id();
    let wanted = ResolvedMatch::of(bridge_match);
    let seen = |pid: &u32| system.process(Pid::from_u32(*pid)).filter(|seen| seen.thread_kind().is_none());
    // The managed one first, then the first of its relatives: a bridge may fork itself.
    let bridge = family.iter().filter_map(seen).find_map(|seen| {
        let words = bridge_words(seen.cmd(), seen.exe(), seen.cwd(), &wanted)?;
        Some((process::find(seen.pid().as_u32())?, words.to_vec(), seen.cwd().map(Path::to_owned)))
    });
    if let Some((_, words, cwd)) = &bridge {
        memory.words = Some(words.iter().map(|word| resolved_word(word, cwd.as_deref())).collect());
    }
    let exactly = |words: &[OsString], cwd: Option<&Path>| match &memory.words {
        Some(own) => {
            words.len() == own.len() && words.iter().zip(own).all(|(word, own)| resolved_word(word, cwd) == *own)
        }
        None => words.len() == wanted.words.len(),
    };
    let is_alike = |cmd: &[OsString], exe: Option<&Path>, cwd: Option<&Path>| {
        bridge_words(cmd, exe, cwd, &wanted).is_some_and(|words| exactly(words, cwd))
    };
    let files: Vec<&Path> = wanted.files().collect();
    // In a container it is the same by the files that it names. Whoever made that keeps it.
    let place = |seen: &sysinfo::Process| {
        let pid = seen.pid().as_u32();
        if is_alike(seen.cmd(), seen.exe(), seen.cwd()) {
            return Some((pid, false));
        }
        let (cmd, cwd) = mounts::by_our_paths(pid, seen.cmd(), &files, &wanted.root)?;
        is_alike(&cmd, seen.exe(), cwd.as_deref()).then_some((pid, true))
    };
    let alike = pids.iter().filter(|pid| **pid != mine).filter_map(seen).filter_map(place);
    let alike: Vec<(Process, bool)> =
        alike.filter_map(|(pid, contained)| Some((process::find(pid)?, contained))).collect();
    let describe = |(process, contained): (Process, bool)| {
        let found = lookalikes::described(process, &bridge_match.session, &bridge_match.owner, &mut memory.jobs);
        let keeper = found.keeper.or_else(|| contained.then(|| Keeper::Supervisor("a container".into())));
        Lookalike { keeper, ..found }
    };
    let mut lookalikes: Vec<Lookalike> = alike.into_iter().map(describe).collect();
    lookalikes.sort_by_key(|lookalike| lookalike.process.id.pid);
    Ok(Found { bridge: bridge.map(|(process, ..)| process), lookalikes })
}

/// A word that is a path is compared as the file that it names.
fn resolved_word(word: &OsStr, cwd: Option<&Path>) -> OsString {
    let path = cwd.map_or_else(|| PathBuf::from(word), |cwd| cwd.join(word));
    path.canonicalize().map_or_else(|_| word.to_owned(), PathBuf::into_os_string)
}

/// A match with its paths resolved, once for each search: to resolve them for each of several hundred processes takes
/// longer than to ask the kernel about the processes, and to keep them for longer would miss a changed link.
struct ResolvedMatch<'a> {
    root: PathBuf,
    interpreter: PathBuf,
    stem: String,
    /// The program's name if it has no path.
    bare: Option<&'a str>,
    /// Each argument, and the file in the checkout that it names, if it does.
    words: Vec<(&'a str, Option<PathBuf>)>,
}

impl ResolvedMatch<'_> {
    fn of(bridge_match: &ProcessMatch) -> ResolvedMatch<'_> {
        let (interpreter, words) =
            bridge_match.program.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
        let bare = Some(interpreter).filter(|name| !name.is_empty() && !name.contains('/'));
        let interpreter = bridge_match.root.join(interpreter);
        ResolvedMatch {
            root: resolved(&bridge_match.root),
            stem: stem(&interpreter),
            bare,
            interpreter: resolved(&interpreter),
            words: words.iter().map(|word| (word.as_str(), bridge_match.root.join(word).canonicalize().ok())).collect(),
        }
    }

    /// The files that the words of a bridge name.
    fn files(&self) -> impl Iterator<Item = &Path> {
        self.words.iter().filter_map(|(_, file)| file.as_deref()).chain([self.interpreter.as_path()])
    }
}

/// The arguments after the interpreter's own options, if they begin with the bridge's: each the same text or, relative
/// to the process's working folder, the same file; and one of them, or the working folder, has to be in the checkout.
fn bridge_words<'a>(
    cmd: &'a [OsString],
    exe: Option<&Path>,
    cwd: Option<&Path>,
    wanted: &ResolvedMatch,
) -> Option<&'a [OsString]> {
    let first = cmd.first()?;
    let seen_as = |path: &Path| stem(path) == wanted.stem || resolved(path) == wanted.interpreter;
    let mut in_checkout = cwd.is_some_and(|cwd| resolved(cwd) == wanted.root);
    let args = if exe.is_some_and(seen_as) || seen_as(Path::new(first)) {
        wanted.words.first().map_or(&cmd[1..], |(word, _)| skip_options(&cmd[1..], word))
    } else {
        let (script, args) = script_words(cmd, exe, cwd, wanted)?;
        in_checkout |= script.starts_with(&wanted.root);
        args
    };
    if args.len() < wanted.words.len() {
        return None;
    }
    for ((word, file), arg) in wanted.words.iter().zip(args) {
        if let Some(file) = file {
            // A path: the same text relative to another folder is another checkout.
            let found = cwd.map_or_else(|| PathBuf::from(arg), |cwd| cwd.join(arg));
            if resolved(&found) != *file {
                return None;
            }
            in_checkout |= wanted.root.join(word).starts_with(&wanted.root);
        } else if arg.to_str() != Some(word) {
            return None;
        }
    }
    let itself = wanted.words.is_empty() && exe.is_some_and(|exe| resolved(exe) == wanted.interpreter);
    (in_checkout || itself).then_some(args)
}

/// The same of a program that is a script (`./bridge`, what pip and poetry install): its file, and what comes after it. The
/// interpreter has to be the script's own, so that an editor of it is no bridge.
fn script_words<'a>(
    cmd: &'a [OsString],
    exe: Option<&Path>,
    cwd: Option<&Path>,
    wanted: &ResolvedMatch,
) -> Option<(PathBuf, &'a [OsString])> {
    let (script, args) = skip_options(&cmd[1..], "").split_first()?;
    let script = resolved(&cwd.map_or_else(|| PathBuf::from(script), |cwd| cwd.join(script)));
    // A bare name is looked up by whoever starts it.
    let by_name = wanted.bare.is_some_and(|name| script.file_name() == Some(OsStr::new(name)));
    if script != wanted.interpreter && !by_name {
        return None;
    }
    let by = [exe, cmd.first().map(Path::new)].map(|path| path.map(stem));
    let own = script::interpreters(&script);
    own.iter().any(|own| by.contains(&Some(stem(Path::new(own))))).then_some((script, args))
}

/// Python's own options before the script. With `-m` or `-c` there is no script, unless the bridge itself is run so.
fn skip_options<'a>(mut args: &'a [OsString], first_word: &str) -> &'a [OsString] {
    while let Some(arg) = args.first().and_then(|arg| arg.to_str()) {
        if !arg.starts_with('-') || arg == first_word {
            break;
        }
        let takes_value = matches!(arg, "-X" | "-W");
        if arg == "-m" || arg == "-c" {
            return &[];
        }
        args = args.get(if takes_value { 2 } else { 1 }..).unwrap_or_default();
    }
    args
}

/// A path that does not exist stays as it is written. Relative paths are relative to the other process's folder, not to
/// ours.
fn resolved(path: &Path) -> PathBuf {
    if path.is_absolute() { path.canonicalize().unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() }
}

/// `python3.12` and `Python` are one interpreter: the name without version and case.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incident_8_only_interpreter_script_and_checkout_together_make_a_bridge() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("ai");
        let other = folder.path().join("other");
        for checkout in [&root, &other] {
            std::fs::create_dir_all(checkout.join("bridge")).unwrap();
            std::fs::write(checkout.join("bridge/telegram_bridge.py"), "").unwrap();
        }
        let bridge_match = ProcessMatch {
            root: root.clone(),
            program: vec![".venv/bin/python".into(), "bridge/telegram_bridge.py".into()],
            session: root.join("data/valor_bridge.session"),
            owner: Owner::Nobody,
        };
        let script = root.join("bridge/telegram_bridge.py").display().to_string();
        let rows: [(&str, &Path, &[&str], bool); 11] = [
            ("relative path, right folder", &root, &["python3.12", "bridge/telegram_bridge.py"], true),
            ("absolute path, any folder", &other, &["/usr/bin/python3", &script], true),
            ("Python with a capital P", &root, &["/Library/Python.app/Contents/MacOS/Python", &script], true),
            ("options of the interpreter", &root, &["python", "-u", "-X", "dev", "bridge/telegram_bridge.py"], true),
            ("an editor", &root, &["vim", "bridge/telegram_bridge.py"], false),
            ("a tail", &root, &["tail", "-f", &script], false),
            ("a test run", &root, &["python", "-m", "pytest", "bridge/telegram_bridge.py"], false),
            ("a second checkout", &other, &["python", "bridge/telegram_bridge.py"], false),
            ("a desktop helper", &root, &["Helper", "--script", &script], false),
            ("another script", &root, &["python", "bridge/other.py"], false),
            ("nothing", &root, &[], false),
        ];
        for (name, cwd, cmd, expected) in rows {
            let cmd: Vec<OsString> = cmd.iter().map(OsString::from).collect();
            let words = bridge_words(&cmd, None, Some(cwd), &ResolvedMatch::of(&bridge_match));
            assert_eq!(words.is_some(), expected, "{name}");
        }
    }

    /// The kernel puts the interpreter of a script before it.
    #[test]
    fn r18_a_program_that_is_a_script_is_known_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let (root, other) = (folder.path().join("ai"), folder.path().join("other"));
        for checkout in [&root, &other] {
            std::fs::create_dir_all(checkout.join(".venv/bin")).unwrap();
            std::fs::write(checkout.join("bridge"), "#!/bin/sh -e\n").unwrap();
            std::fs::write(checkout.join(".venv/bin/bridge"), "#!/x/.venv/bin/python3\n").unwrap();
            std::fs::write(checkout.join(".venv/bin/looked-up"), "#!/usr/bin/env python3\n").unwrap();
            std::fs::write(checkout.join("plain"), "echo\n").unwrap();
        }
        let of = |path: &str| root.join(path).display().to_string();
        let (script, entry, named) = (of("bridge"), of(".venv/bin/bridge"), of(".venv/bin/looked-up"));
        let elsewhere = other.join("bridge").display().to_string();
        let plain: &[&str] = &["./bridge"];
        let rows: [(&str, &[&str], &Path, &[&str], bool); 18] = [
            ("relative", plain, &root, &["/bin/sh", "-e", "./bridge"], true),
            ("another spelling", plain, &root, &["/bin/sh", "bridge"], true),
            ("absolute, any folder", plain, &other, &["/bin/sh", &script], true),
            ("another shell", plain, &root, &["/usr/bin/fish", "./bridge"], false),
            ("an editor", plain, &root, &["vim", "./bridge"], false),
            ("a pager", plain, &root, &["less", &script], false),
            ("the same text in another checkout", plain, &other, &["/bin/sh", "./bridge"], false),
            ("another checkout's", plain, &root, &["/bin/sh", &elsewhere], false),
            ("by -c", plain, &root, &["/bin/sh", "-c", "./bridge"], false),
            ("as an argument", plain, &root, &["/bin/sh", "deploy.sh", "./bridge"], false),
            ("no first line", &["./plain"], &root, &["/bin/sh", "./plain"], false),
            ("pip's", &[".venv/bin/bridge"], &other, &["/x/.venv/bin/python3", &entry], true),
            ("its argument", &[".venv/bin/bridge", "run"], &root, &["/x/.venv/bin/python3", &entry, "run"], true),
            (
                "another argument",
                &[".venv/bin/bridge", "run"],
                &root,
                &["/x/.venv/bin/python3", &entry, "login"],
                false,
            ),
            ("without it", &[".venv/bin/bridge", "run"], &root, &["/x/.venv/bin/python3", &entry], false),
            ("by env", &["./.venv/bin/looked-up"], &other, &["python3", &named], true),
            ("looked up", &["looked-up"], &root, &["python3", &named], true),
            ("of this name, and no script", &["plain"], &root, &["/bin/sh", "./plain"], false),
        ];
        for (name, program, cwd, cmd, expected) in rows {
            let bridge_match = ProcessMatch {
                root: root.clone(),
                program: program.iter().map(|&word| word.into()).collect(),
                session: root.join("data/valor_bridge.session"),
                owner: Owner::Nobody,
            };
            let cmd: Vec<OsString> = cmd.iter().map(OsString::from).collect();
            let words = bridge_words(&cmd, None, Some(cwd), &ResolvedMatch::of(&bridge_match));
            assert_eq!(words.is_some(), expected, "{name}");
        }
    }
}
