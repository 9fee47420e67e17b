//! The secrets that may appear nowhere: the values of the checkout's `.env` and of the job's environment. Read only to
//! remove them from what is shown.
//!
//! Files are read with the configuration. What the manager really sets is asked when a run is seen: on Linux the
//! processes themselves have it (proc(5), `environ`), else the manager does. `.env` is read again then, and when it
//! has changed.

pub mod unit_files;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Config;
use crate::contract;
use crate::dotenv;
use crate::limits::Environment;
use crate::manager::Manager;
use crate::system::service::Service;
use crate::system::service::launchd::AgentFile;
use crate::system::{command, files, timed, unit_paths};

/// Names and values.
pub type Values = Vec<(String, String)>;

/// Names and values of `.env`, as [`files::readings`] has it, and of the environment that the job's plist or unit gives it.
/// If they can't be read, secrets are only recognised by their shape.
pub fn values(dotenv: &[String], label: &str, manager: Manager, environment: &Environment) -> Values {
    let mut values = of_dotenv(dotenv, environment);
    values.extend(of_job(label, manager, environment));
    values
}

fn of_dotenv(readings: &[String], environment: &Environment) -> Values {
    readings.iter().flat_map(|text| dotenv::all_forms(text, &lookup(environment))).collect()
}

/// Names and values of the environment that the job's plist or unit gives it.
pub fn of_job(label: &str, manager: Manager, environment: &Environment) -> Vec<(String, String)> {
    let mut values = Vec::new();
    match manager {
        Manager::Launchd => {
            let plist = AgentFile::new(label, environment).first(None);
            let keys = plist.and_then(|plist| plist::Value::from_file(plist).ok());
            let variables =
                keys.as_ref().and_then(|keys| keys.as_dictionary()?.get("EnvironmentVariables")?.as_dictionary());
            let variables = variables.into_iter().flatten();
            values.extend(variables.filter_map(|(name, value)| Some((name.clone(), value.as_string()?.to_owned()))));
        }
        Manager::Systemd => {
            let files = unit_paths::files(&unit_paths::folders(environment), &unit(label));
            values.extend(unit_files::values(&files, &environment.home));
        }
        // The child has ours.
        Manager::Embedded => values.extend(ours()),
    }
    values
}

/// Our own environment.
pub fn ours() -> Values {
    pairs(std::env::vars_os())
}

/// The files that a bridge may have its secrets in: python-dotenv looks beside the script first, then upwards, and a
/// `.env.local` goes before `.env` by custom.
pub fn dotenv_files(root: &Path, program: &[String]) -> Vec<PathBuf> {
    let scripts = program.iter().skip(1).map(Path::new).filter(|word| word.extension().is_some_and(|end| end == "py"));
    let beside = scripts.filter_map(|script| Some(root.join(script).parent()?.to_owned()));
    let folders: Vec<PathBuf> = std::iter::once(root.to_owned()).chain(beside).collect();
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| [contract::DOTENV, contract::DOTENV_LOCAL].map(|name| folder.join(name)))
        .collect();
    files.dedup();
    files
}

/// What a run of the job has in its environment, and what `.env` says at that time: the bridge reads it when it starts,
/// and its process does not show it.
#[derive(Clone)]
pub struct JobEnvironment {
    manager: Manager,
    label: String,
    dotenv: Vec<PathBuf>,
    environment: Environment,
    /// What each `.env` was when it was read last.
    read: Vec<Option<files::Stamp>>,
    /// What the last run had, without `.env`.
    run: Values,
}

impl JobEnvironment {
    pub fn new(config: &Config, environment: &Environment) -> JobEnvironment {
        JobEnvironment {
            manager: config.manager,
            label: config.label.clone(),
            dotenv: dotenv_files(&config.root, &config.program),
            environment: environment.clone(),
            read: Vec::new(),
            run: Values::new(),
        }
    }

    /// Of a new run; `pid` is its process, if there is one now.
    pub fn of_run(&mut self, pid: Option<u32>) -> Values {
        let of_processes = pid.map(of_processes).unwrap_or_default();
        self.run = if of_processes.is_empty() { self.of_manager() } else { of_processes };
        self.with_dotenv(self.stamps())
    }

    /// Of the same run again if `.env` was written since, else nothing. A bridge may read it again at any time.
    pub fn of_same_run(&mut self) -> Values {
        let stamps = self.stamps();
        if stamps == self.read { Values::new() } else { self.with_dotenv(stamps) }
    }

    fn stamps(&self) -> Vec<Option<files::Stamp>> {
        self.dotenv.iter().map(|file| files::stamp(file)).collect()
    }

    /// The stamps were taken before: what is written while we read is read again.
    fn with_dotenv(&mut self, stamps: Vec<Option<files::Stamp>>) -> Values {
        self.read = stamps;
        let readings: Vec<String> = self.dotenv.iter().flat_map(|file| files::readings(file)).collect();
        let mut values = of_dotenv(&readings, &self.environment);
        values.extend(self.run.iter().cloned());
        values
    }

    /// Empty if the manager can't be asked.
    fn of_manager(&self) -> Values {
        let (environment, limit) = (&self.environment, self.environment.limits.ask);
        match self.manager {
            Manager::Launchd => {
                let target = format!("gui/{}/{}", rustix::process::getuid().as_raw(), self.label);
                let printed = said(&environment.launchctl, &["print", &target], limit);
                printed.map(|text| of_launchd(&text)).unwrap_or_default()
            }
            Manager::Systemd => {
                let unit = unit(&self.label);
                let words = ["--user", "--no-pager", "show", "-p", "Environment,EnvironmentFiles", "--", &unit];
                // A manager that does not answer is not asked a second time.
                let Some(shown) = said(&environment.systemctl, &words, limit) else { return Values::new() };
                // Each unit has the manager's own too (environment.d, `set-environment`, `PassEnvironment=`).
                let own = said(&environment.systemctl, &["--user", "--no-pager", "show-environment"], limit);
                [of_systemd(&shown), of_user_manager(&own.unwrap_or_default())].concat()
            }
            Manager::Embedded => Vec::new(),
        }
    }
}

/// For a command that shows what was written before: learns the environment of the run that is there now.
pub fn learn(config: &Config, environment: &Environment) {
    let (service, mut job) = (Service::of(config, environment), JobEnvironment::new(config, environment));
    // A manager that does not answer is not asked a second time.
    let learned = timed::once(2 * environment.limits.ask, move || service.status().map(|known| job.of_run(known.pid)));
    config.secrets.learn(learned.and_then(|learned| learned).unwrap_or_default());
}

fn said(program: &Path, words: &[&str], limit: Duration) -> Option<String> {
    command::run(program, words, limit).ok().filter(|output| output.code == Some(0)).map(|output| output.stdout)
}

fn unit(label: &str) -> String {
    format!("{}.service", label.strip_suffix(".service").unwrap_or(label))
}

/// systemctl quotes a value with blanks for a shell: `A=1 "B=two words"`, and `$'…'` where it has the end of a line.
fn of_systemd(text: &str) -> Values {
    let mut values = Values::new();
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("Environment=") {
            values.extend(unit_files::assignments(&words.replace(" $'", " '")));
        } else if let Some(file) = line.strip_prefix("EnvironmentFiles=") {
            let path = file.rsplit_once(" (ignore_errors=").map_or(file, |(path, _)| path);
            values.extend(unit_files::environment_files(Path::new(path)));
        }
    }
    values
}

/// A variable a line, quoted for a shell in the same way.
fn of_user_manager(text: &str) -> Values {
    text.lines().flat_map(|line| unit_files::assignments(&line.replacen("=$'", "='", 1))).collect()
}

/// Three blocks of `launchctl print`, with a variable a line; a value is printed raw, so it may have several lines.
fn of_launchd(text: &str) -> Values {
    let mut values = Values::new();
    let mut inside = false;
    for line in text.lines() {
        match line.trim_start_matches([' ', '\t']) {
            opening if opening.ends_with("environment = {") => inside = true,
            "}" => inside = false,
            variable if inside => match (variable.split_once(" => "), values.last_mut()) {
                (Some((name, value)), _) => values.push((name.to_owned(), value.to_owned())),
                (None, Some((_, before))) => before.push_str(&format!("\n{line}")),
                (None, None) => {}
            },
            _ => {}
        }
    }
    values
}

/// Of a process and of what it started: a script may export a secret and then start the bridge.
#[cfg(target_os = "linux")]
fn of_processes(pid: u32) -> Values {
    use std::os::unix::ffi::OsStringExt;
    /// More are no bridge but its work.
    const MOST: usize = 32;
    let mut pids = vec![pid];
    let mut values = Values::new();
    let mut next = 0;
    while let Some(&pid) = pids.get(next).filter(|_| next < MOST) {
        let bytes = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let variables = bytes.split(|&byte| byte == 0).filter_map(|pair| {
            let at = pair.iter().position(|&byte| byte == b'=')?;
            Some((OsString::from_vec(pair[..at].to_vec()), OsString::from_vec(pair[at + 1..].to_vec())))
        });
        values.extend(pairs(variables));
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        pids.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        next += 1;
    }
    values.sort();
    values.dedup();
    values
}

#[cfg(not(target_os = "linux"))]
fn of_processes(_pid: u32) -> Values {
    Values::new()
}

fn pairs(variables: impl Iterator<Item = (OsString, OsString)>) -> Values {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    variables.map(|(name, value)| (text(name), text(value))).collect()
}

/// The variables that `.env` may refer to. We can't see the bridge's environment, but its manager gives both of us the
/// same few variables.
pub fn lookup(environment: &Environment) -> impl Fn(&str) -> Option<String> {
    let home = environment.home.to_str().map(str::to_owned);
    move |name| if name == "HOME" { home.clone() } else { std::env::var(name).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_of_the_job_comes_from_its_plist_or_its_unit() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_owned();
        let environment =
            Environment { config_dir: home.join("config/us"), home: home.clone(), ..Environment::real().unwrap() };
        let write = |path: &str, text: &str| {
            let path = home.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "Library/LaunchAgents/x.plist",
            "<plist version=\"1.0\"><dict><key>Label</key><string>x</string><key>EnvironmentVariables</key>\
             <dict><key>B</key><string>of the plist</string></dict></dict></plist>",
        );
        write("config/systemd/user/x.service.d/override.conf", "[Service]\nEnvironment=E=of-the-drop-in\n");
        write("config/systemd/user/x.service", "[Service]\nEnvironment=\"C=of the unit\"\nEnvironment=D=also\n");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let dotenv = pair("A", "of dotenv");
        let rows = [
            (Manager::Launchd, vec![dotenv.clone(), pair("B", "of the plist")]),
            (Manager::Systemd, vec![dotenv, pair("C", "of the unit"), pair("D", "also"), pair("E", "of-the-drop-in")]),
        ];
        let readings = ["A=of dotenv\n".to_owned()];
        for (manager, expected) in rows {
            assert_eq!(values(&readings, "x", manager, &environment), expected, "{manager:?}");
        }
    }

    #[test]
    fn r21a_what_systemctl_shows_is_read_with_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bridge.env");
        std::fs::write(&file, "# mine\nDATABASE_URL=postgres://me:mango-tree-77@db/x\n").unwrap();
        let shown = format!(
            "Environment=MODE=prod \"PAIR=two values\" \"Q=it's \\\"so\\\"\" $'M=one\\nline'\nEnvironmentFiles={} \
             (ignore_errors=no)\nEnvironmentFiles=/nowhere/x.env (ignore_errors=yes)\n",
            file.display()
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            pair("MODE", "prod"),
            pair("PAIR", "two values"),
            pair("Q", "it's \"so\""),
            pair("M", "one\nline"),
            pair("DATABASE_URL", "postgres://me:mango-tree-77@db/x"),
        ];
        assert_eq!(of_systemd(&shown), expected);
    }

    #[test]
    fn r21a_what_the_user_manager_has_is_read_with_its_quotes() {
        let text = "HOME=/root\nA=$'two words and \\'a quote\\''\nM=$'one\\nline'\nB=x=y\nE=\n";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            pair("HOME", "/root"),
            pair("A", "two words and 'a quote'"),
            pair("M", "one\nline"),
            pair("B", "x=y"),
            pair("E", ""),
        ];
        assert_eq!(of_user_manager(text), expected);
    }

    #[test]
    fn r21a_what_launchctl_prints_is_read_with_values_of_several_lines() {
        let text = "gui/501/x = {\n\tstate = running\n\targuments = {\n\t\tA => no variable\n\t}\n\n\tinherited \
                    environment = {\n\t\tA => by setenv\n\t}\n\n\tdefault environment = {\n\t\tPATH => /bin\n\t}\n\n\
                    \tenvironment = {\n\t\tKEY => -----BEGIN\nsecond line\n\t\tB => of the plist\n\t}\n\n\tpid = 7\n}\n";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            pair("A", "by setenv"),
            pair("PATH", "/bin"),
            pair("KEY", "-----BEGIN\nsecond line"),
            pair("B", "of the plist"),
        ];
        assert_eq!(of_launchd(text), expected);
    }
}
