//! What may appear nowhere: the values of the checkout's `.env` and of the job's environment. Read once, for being taken
//! out of what is shown, and for nothing else.

use std::path::Path;

use crate::config::Manager;
use crate::limits::Environment;
use crate::system::files;

/// The values of `.env`, and of the environment that the job's plist or unit gives it. Where they can't be read only the
/// shapes of secrets are known.
pub fn values(root: &Path, label: &str, manager: Manager, environment: &Environment) -> Vec<String> {
    let mut values = assigned(&files::text(&root.join(".env")).unwrap_or_default());
    match manager {
        Manager::Launchd => {
            let plist = environment.home.join("Library/LaunchAgents").join(format!("{label}.plist"));
            let keys = plist::Value::from_file(plist).ok();
            let variables =
                keys.as_ref().and_then(|keys| keys.as_dictionary()?.get("EnvironmentVariables")?.as_dictionary());
            values.extend(
                variables
                    .into_iter()
                    .flat_map(|variables| variables.values())
                    .filter_map(|value| value.as_string())
                    .map(str::to_owned),
            );
        }
        Manager::Systemd => {
            let unit = format!("systemd/user/{label}.service");
            let unit =
                environment.config_dir.parent().and_then(|folder| files::text(&folder.join(unit))).unwrap_or_default();
            let lines = unit.lines().filter_map(|line| line.trim().strip_prefix("Environment="));
            values.extend(lines.flat_map(|line| assigned(line.trim_matches(['"', '\'']))));
        }
        Manager::Embedded => {}
    }
    values
}

/// The values of `NAME=value` lines, as a shell reads them: quotes may span lines, and a blank and a hash begin a comment.
fn assigned(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let assignment = line.split_once('=').filter(|(name, _)| !name.trim_start().starts_with('#'));
        let Some((_, value)) = assignment else { continue };
        let value = value.trim();
        let Some(mark) = value.chars().next().filter(|mark| matches!(mark, '"' | '\'')) else {
            values.push(value.split(" #").next().unwrap_or(value).trim().to_owned());
            values.push(value.to_owned());
            continue;
        };
        let mut quoted = value[1..].to_owned();
        while !quoted.contains(mark) {
            let Some(line) = lines.next() else { break };
            quoted.push('\n');
            quoted.push_str(line);
        }
        values.push(quoted.split(mark).next().unwrap_or(&quoted).to_owned());
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shells_assignments() {
        let text = "# A=comment\nAPI_HASH=deadbeef\nexport PHONE=\"+49 151\" # mine\nA = 'x y'\nB=one # two\nKEY=\"line one\nline two\"\nC=\nno assignment\n";
        let expected = ["deadbeef", "deadbeef", "+49 151", "x y", "one", "one # two", "line one\nline two", "", ""];
        assert_eq!(assigned(text), expected);
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
        write("root/.env", "A=of dotenv\n");
        write(
            "Library/LaunchAgents/x.plist",
            "<plist version=\"1.0\"><dict><key>Label</key><string>x</string><key>EnvironmentVariables</key>\
             <dict><key>B</key><string>of the plist</string></dict></dict></plist>",
        );
        write("config/systemd/user/x.service", "[Service]\nEnvironment=\"C=of the unit\"\nEnvironment=D=also\n");
        let rows: [(Manager, &[&str]); 3] = [
            (Manager::Launchd, &["of dotenv", "of dotenv", "of the plist"]),
            (Manager::Systemd, &["of dotenv", "of dotenv", "of the unit", "of the unit", "also", "also"]),
            (Manager::Embedded, &["of dotenv", "of dotenv"]),
        ];
        for (manager, expected) in rows {
            assert_eq!(values(&home.join("root"), "x", manager, &environment), expected, "{manager:?}");
        }
    }
}
