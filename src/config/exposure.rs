//! How others can get at a file with a token, or put another one in its place.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use toml::Table;

use super::tilde;
use crate::secrets::Secrets;
use crate::system::files;

/// What is open to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// The file can be read by others.
    Read(PathBuf),
    /// The file can be changed by others.
    Written(PathBuf),
    /// This folder of the file can be written to by others.
    Folder(PathBuf),
}

/// Of a file with a token in it.
pub fn of_secret(path: &Path) -> Option<Exposure> {
    let readable = mode(path) & 0o044 != 0;
    readable.then(|| Exposure::Read(path.to_owned())).or_else(|| to_writers(path))
}

/// Who can write to a file's folder can put another file in its place; not where the folder is sticky. A link's own
/// folder counts as well as that of the file.
pub fn to_writers(path: &Path) -> Option<Exposure> {
    if mode(path) & 0o022 != 0 {
        return Some(Exposure::Written(path.to_owned()));
    }
    let there = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folders = [absolute.parent(), there.parent()].into_iter().flatten();
    let open = folders.into_iter().find(|folder| mode(folder) & 0o022 != 0 && mode(folder) & 0o1000 == 0)?;
    Some(Exposure::Folder(open.to_owned()))
}

/// Of the configuration and of the file that its token is in. For a configuration that is refused too, so that each of
/// its faults can be named.
///
/// # Errors
/// What could not be looked at: whether a secret is open to others is not known then.
pub fn of_configuration(file: &Path, home: &Path) -> Result<Vec<Exposure>, String> {
    let unread = |path: &Path, why: &str| format!("{}: {why}", path.display());
    let kind = std::fs::metadata(file).map_err(|error| unread(file, &error.to_string()))?;
    if !kind.is_file() {
        return Err(unread(file, "it is no plain file"));
    }
    let text = files::text(file).ok_or_else(|| unread(file, "it can't be read as a text"))?;
    let own = match text.parse::<Table>() {
        Ok(table) if string(&table, "bot_token").is_some() || holds_secret(&text) => of_secret(file),
        Ok(table) if table.contains_key("telegram") => to_writers(file),
        // Nothing in it is a secret, and nothing is sent anywhere.
        Ok(_) => None,
        Err(_) => holds_secret(&text).then(|| of_secret(file)).flatten(),
    };
    let token = token_file(&text, home);
    if let Some(token) = &token
        && let Err(error) = std::fs::metadata(token)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(unread(token, &error.to_string()));
    }
    Ok(own.into_iter().chain(token.as_deref().and_then(of_secret)).collect())
}

/// The file that the token is in: the configuration or the one that it names.
pub fn place_of_token(file: &Path, home: &Path) -> PathBuf {
    files::text(file).and_then(|text| token_file(&text, home)).unwrap_or_else(|| file.to_owned())
}

fn token_file(text: &str, home: &Path) -> Option<PathBuf> {
    string(&text.parse().ok()?, "token_file").map(|path| tilde::whole(Path::new(path), home))
}

fn string<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    table.get("telegram")?.as_table()?.get(key)?.as_str()
}

/// Whether a text has a secret in it, by its shape or its name: a line of TOML may be broken, a key be called otherwise, a
/// token stand in a comment.
fn holds_secret(text: &str) -> bool {
    let none = Secrets::default();
    let names_a_file = |line: &str| line.trim_start_matches(['#', ' ', '\t']).starts_with("token_file");
    let mut lines = text.lines().filter(|line| !names_a_file(line));
    lines.any(|line| none.without(line) != line)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).map_or(0, |meta| meta.permissions().mode())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration of mode 0644, and whether that opens a secret to others.
    #[test]
    fn a_token_is_seen_however_the_file_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let file = folder.path().join("config.toml");
        let rows = [
            ("plain", "[telegram]\nbot_token = \"123456:AAdo-not-leak\"\n", true),
            ("a broken line", "[telegram]\nbot_token = \"123456:AAdo-not-leak\"\noops\n", true),
            ("a broken line, no token", "[bridge]\noops\n", false),
            ("a key of another name", "[telegram]\ntoken = \"123456:AAdo-not-leak\"\n", true),
            ("in another section", "[bot]\nid = \"123456:AAdo-not-leak\"\n", true),
            ("in a comment", "[telegram]\n# bot_token = \"123456:AAdo-not-leak\"\n", true),
            ("in a file of its own", "[telegram]\ntoken_file = \"/nowhere/token\"\nchat_id = 7\n", false),
            ("a file that is not in use", "[bridge]\n# token_file = \"/nowhere/token\"\n", false),
            ("nobody is told", "[bridge]\nroot = \"/srv/ai\"\n", false),
        ];
        for (name, text, open) in rows {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
            let expected: Vec<Exposure> = open.then(|| Exposure::Read(file.clone())).into_iter().collect();
            assert_eq!(of_configuration(&file, folder.path()), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_not_known_to_be_private() {
        let folder = tempfile::tempdir().unwrap();
        let (file, turns) = (folder.path().join("config.toml"), folder.path().join("turns"));
        std::os::unix::fs::symlink(&turns, &turns).unwrap();
        assert!(of_configuration(&turns, folder.path()).is_err());
        assert!(of_configuration(folder.path(), folder.path()).is_err());
        std::fs::write(&file, format!("[telegram]\ntoken_file = \"{}\"\n", turns.display())).unwrap();
        assert!(of_configuration(&file, folder.path()).is_err());
        std::fs::write(&file, "[telegram]\ntoken_file = \"~/token\"\n").unwrap();
        assert_eq!(place_of_token(&file, folder.path()), folder.path().join("token"));
        std::fs::write(&file, "[telegram]\nbot_token = \"x\"\n").unwrap();
        assert_eq!(place_of_token(&file, folder.path()), file);
    }
}
