//! A path as a person writes it.

use std::path::{Path, PathBuf};

/// With the home folder in place of a leading `~`, as a shell does it; a shell leaves the one in `--config=~/x` alone.
pub fn whole(path: &Path, home: &Path) -> PathBuf {
    path.strip_prefix("~").map_or_else(|_| path.to_owned(), |rest| home.join(rest).components().collect())
}

/// The same for a word of a command.
pub fn word(word: String, home: &Path) -> String {
    if word.starts_with("~/") { whole(Path::new(&word), home).to_string_lossy().into_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_tilde_is_the_home_folder() {
        let rows =
            [("~/a b/c", "/home/me/a b/c"), ("~", "/home/me"), ("/x/~/y", "/x/~/y"), ("~me/x", "~me/x"), ("a", "a")];
        for (path, expected) in rows {
            assert_eq!(whole(Path::new(path), Path::new("/home/me")), Path::new(expected), "{path}");
        }
        assert_eq!(word("~/x".into(), Path::new("/h")), "/h/x");
        assert_eq!(word("--x=~/y".into(), Path::new("/h")), "--x=~/y");
    }
}
