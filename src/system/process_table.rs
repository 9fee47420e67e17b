//! Which processes are this very bridge: interpreter, script and checkout. Never a name pattern: such patterns once
//! matched an editor, a `tail`, a test run and a desktop helper, and missed "Python" with a capital P.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::config::Config;
use crate::facts::{Identity, Process};
use crate::system::process;
use crate::system::timed::Timed;

/// What makes a process this bridge.
#[derive(Debug, Clone)]
pub struct ProcessMatch {
    pub root: PathBuf,
    /// As configured: the interpreter, then its arguments.
    pub program: Vec<String>,
}

impl ProcessMatch {
    pub fn of(config: &Config) -> ProcessMatch {
        ProcessMatch { root: config.root.clone(), program: config.program.clone() }
    }
}

/// The search, in a thread of its own: to compare paths they are resolved, those of the checkout and those of other
/// processes, and a path may be in a folder that blocks.
pub struct ProcessSearch {
    look: Timed<Vec<u32>, Result<Vec<Process>, String>>,
    limit: Duration,
}

impl ProcessSearch {
    /// Each search may take this long.
    pub fn new(bridge_match: ProcessMatch, limit: Duration) -> ProcessSearch {
        ProcessSearch::by(move |pids| matching_among(pids, &bridge_match), limit)
    }

    pub(super) fn by(
        mut search: impl FnMut(&[u32]) -> Result<Vec<Process>, String> + Send + 'static,
        limit: Duration,
    ) -> ProcessSearch {
        ProcessSearch { look: Timed::new("processes", move |pids: Vec<u32>| search(&pids)), limit }
    }

    /// Those of `pids` that are this very bridge. Costs nothing if `pids` is empty.
    ///
    /// # Errors
    /// If the process table can't be read, or a path can't be resolved in time.
    pub fn among(&mut self, pids: &[u32]) -> Result<Vec<Process>, String> {
        if pids.is_empty() {
            return Ok(Vec::new());
        }
        self.look.now(pids.to_vec(), self.limit)?
    }

    /// All processes of this very bridge, the managed one among them.
    ///
    /// # Errors
    /// As [`ProcessSearch::among`].
    pub fn all(&mut self) -> Result<Vec<Process>, String> {
        self.among(&process::pids()?)
    }
}

/// For a single search. With several hundred processes it takes 20 ms.
const PATIENCE: Duration = Duration::from_secs(5);

/// As [`ProcessSearch::all`], for a single search.
///
/// # Errors
/// As there.
pub fn matching(bridge_match: &ProcessMatch) -> Result<Vec<Process>, String> {
    ProcessSearch::new(bridge_match.clone(), PATIENCE).all()
}

/// Without the managed bridge and its descendants: a fork keeps its parent's command line (Python's multiprocessing, a
/// worker before its exec), and ending it would end the bridge's own work.
pub fn copies(found: Vec<Process>, managed: Option<u32>) -> Vec<Process> {
    let own = |pid: u32| managed.is_some_and(|managed| pid == managed || process::descends_from(pid, managed));
    found.into_iter().filter(|copy| !own(copy.id.pid)).collect()
}

/// How many descendants of the bridge are at work: their CPU time advances while we watch.
///
/// # Errors
/// If the process table can't be read.
pub fn tasks_at_work(bridge: Identity, watched: Duration) -> Result<usize, String> {
    let kind = ProcessRefreshKind::nothing().with_cpu();
    let mut system = System::new().map_err(|error| format!("the process table can't be read: {error}"))?;
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
    let before: Vec<(Pid, u64)> = descendants(&system, bridge.pid);
    if before.is_empty() {
        return Ok(0);
    }
    std::thread::sleep(watched);
    let pids: Vec<Pid> = before.iter().map(|(pid, _)| *pid).collect();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, kind);
    let advances =
        |(pid, cpu): &&(Pid, u64)| system.process(*pid).is_some_and(|process| process.accumulated_cpu_time() > *cpu);
    Ok(before.iter().filter(advances).count())
}

fn descendants(system: &System, root: u32) -> Vec<(Pid, u64)> {
    let mut family = HashSet::from([Pid::from_u32(root)]);
    loop {
        let more: Vec<Pid> = system
            .processes()
            .values()
            .filter(|process| process.thread_kind().is_none() && !family.contains(&process.pid()))
            .filter(|process| process.parent().is_some_and(|parent| family.contains(&parent)))
            .map(sysinfo::Process::pid)
            .collect();
        if more.is_empty() {
            break;
        }
        family.extend(more);
    }
    family.remove(&Pid::from_u32(root));
    family.into_iter().filter_map(|pid| Some((pid, system.process(pid)?.accumulated_cpu_time()))).collect()
}

fn matching_among(pids: &[u32], bridge_match: &ProcessMatch) -> Result<Vec<Process>, String> {
    let pids: Vec<Pid> = pids.iter().map(|&pid| Pid::from_u32(pid)).collect();
    let mut system = System::new().map_err(|error| format!("the process table can't be read: {error}"))?;
    let kind = ProcessRefreshKind::nothing()
        .with_cmd(UpdateKind::Always)
        .with_cwd(UpdateKind::Always)
        .with_exe(UpdateKind::Always)
        .without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, kind);
    let mine = std::process::id();
    let wanted = ResolvedMatch::of(bridge_match);
    let mut copies: Vec<Process> = system
        .processes()
        .values()
        .filter(|seen| seen.pid().as_u32() != mine && seen.thread_kind().is_none())
        .filter(|seen| matches(seen.cmd(), seen.exe(), seen.cwd(), &wanted))
        .filter_map(|seen| process::find(seen.pid().as_u32()))
        .collect();
    copies.sort_by_key(|copy| copy.id.pid);
    Ok(copies)
}

/// A match with its paths resolved, once for each search: to resolve them for each of several hundred processes takes
/// longer than to ask the kernel about the processes, and to keep them for longer would miss a changed link.
struct ResolvedMatch<'a> {
    root: PathBuf,
    interpreter: PathBuf,
    stem: String,
    /// Each argument, and the file in the checkout that it names, if it does.
    words: Vec<(&'a str, Option<PathBuf>)>,
}

impl ResolvedMatch<'_> {
    fn of(bridge_match: &ProcessMatch) -> ResolvedMatch<'_> {
        let (interpreter, words) =
            bridge_match.program.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
        let interpreter = bridge_match.root.join(interpreter);
        ResolvedMatch {
            root: resolved(&bridge_match.root),
            stem: stem(&interpreter),
            interpreter: resolved(&interpreter),
            words: words.iter().map(|word| (word.as_str(), bridge_match.root.join(word).canonicalize().ok())).collect(),
        }
    }
}

/// The arguments after the interpreter's own options have to be the bridge's, each the same text or, relative to the
/// process's working folder, the same file; and one of them, or the working folder, has to be in the checkout.
fn matches(cmd: &[OsString], exe: Option<&Path>, cwd: Option<&Path>, wanted: &ResolvedMatch) -> bool {
    let Some(first) = cmd.first() else { return false };
    let seen_as = |path: &Path| stem(path) == wanted.stem || resolved(path) == wanted.interpreter;
    if !exe.is_some_and(seen_as) && !seen_as(Path::new(first)) {
        return false;
    }
    let args = wanted.words.first().map_or(&cmd[1..], |(word, _)| skip_options(&cmd[1..], word));
    if args.len() < wanted.words.len() {
        return false;
    }
    let mut in_checkout = cwd.is_some_and(|cwd| resolved(cwd) == wanted.root);
    for ((word, file), arg) in wanted.words.iter().zip(args) {
        if let Some(file) = file {
            // A path: the same text relative to another folder is another checkout.
            let found = cwd.map_or_else(|| PathBuf::from(arg), |cwd| cwd.join(arg));
            if resolved(&found) != *file {
                return false;
            }
            in_checkout |= wanted.root.join(word).starts_with(&wanted.root);
        } else if arg.to_str() != Some(word) {
            return false;
        }
    }
    in_checkout || (wanted.words.is_empty() && exe.is_some_and(|exe| resolved(exe) == wanted.interpreter))
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
            assert_eq!(matches(&cmd, None, Some(cwd), &ResolvedMatch::of(&bridge_match)), expected, "{name}");
        }
    }
}
