//! The secrets that may appear nowhere: the values of the checkout's `.env` and of the job's environment. Read once,
//! only to remove them from what is shown.

use crate::dotenv;
use crate::limits::Environment;
use crate::manager::Manager;
use crate::system::files;
use crate::system::service::launchd::AgentFile;

/// Names and values of `.env`, and of the environment that the job's plist or unit gives it. If they can't be read,
/// secrets are only recognised by their shape.
pub fn values(dotenv: &str, label: &str, manager: Manager, environment: &Environment) -> Vec<(String, String)> {
    let mut values = dotenv::all_forms(dotenv, &lookup(environment));
    values.extend(of_job(label, manager, environment));
    values
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
            let unit = format!("systemd/user/{label}.service");
            let folder = environment.config_dir.parent();
            // An instance has the file of its template.
            let template = label.split_once('@').map(|(name, _)| format!("systemd/user/{name}@.service"));
            let text = |unit: String| folder.and_then(|folder| files::text(&folder.join(unit)));
            let unit = text(unit).or_else(|| template.and_then(text)).unwrap_or_default();
            let lines = unit.lines().filter_map(|line| line.trim().strip_prefix("Environment="));
            values.extend(lines.flat_map(assignments));
        }
        Manager::Embedded => {}
    }
    values
}

/// `A=1 "B=two words" C='3'`: systemd's words (systemd.syntax(7)), quoted as a whole or in part.
fn assignments(line: &str) -> Vec<(String, String)> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let word = words.last_mut().expect("there is always one");
        match c {
            '\\' => word.extend(chars.next()),
            '"' | '\'' if quote.is_none() => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            _ if c.is_whitespace() && quote.is_none() => words.push(String::new()),
            _ => word.push(c),
        }
    }
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
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
    fn a_line_of_a_unit_has_several_assignments() {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let rows: [(&str, &[(&str, &str)]); 6] = [
            ("A=1 B=2", &[("A", "1"), ("B", "2")]),
            ("\"A=one two\" 'B=three four'", &[("A", "one two"), ("B", "three four")]),
            ("A=\"one two\" B='x'", &[("A", "one two"), ("B", "x")]),
            ("A=one\\ two", &[("A", "one two")]),
            ("\"A=never closed", &[("A", "never closed")]),
            ("  A  ", &[]),
        ];
        for (line, expected) in rows {
            assert_eq!(assignments(line), expected.iter().copied().map(pair).collect::<Vec<_>>(), "{line}");
        }
    }

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
        write("config/systemd/user/x.service", "[Service]\nEnvironment=\"C=of the unit\"\nEnvironment=D=also\n");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let dotenv = pair("A", "of dotenv");
        let rows = [
            (Manager::Launchd, vec![dotenv.clone(), pair("B", "of the plist")]),
            (Manager::Systemd, vec![dotenv.clone(), pair("C", "of the unit"), pair("D", "also")]),
            (Manager::Embedded, vec![dotenv]),
        ];
        for (manager, expected) in rows {
            assert_eq!(values("A=of dotenv\n", "x", manager, &environment), expected, "{manager:?}");
        }
    }
}
