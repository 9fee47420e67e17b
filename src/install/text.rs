//! The words that the templates in `launchd/` are filled with.

use std::path::Path;

use crate::config::Config;
use crate::system::program;

/// The path of the configuration, as it is passed to our agent.
pub(super) fn config_file(config: &Config) -> String {
    config.file.canonicalize().unwrap_or_else(|_| config.file.clone()).to_string_lossy().into_owned()
}

/// Whether a program is one of ours, by its whole name: a `bridge-watchdog.sh` is not.
pub fn is_our_name(program: &str) -> bool {
    let Some(name) = Path::new(program).file_name() else { return false };
    name == "bridge-watchdog" || name == "bridge-watchdog-tray" || program::ours().is_ok_and(|me| me.ends_with(name))
}

/// A manager looks up a program in its own PATH, so a path in the checkout is written in full.
pub(super) fn bridge_words(config: &Config) -> Vec<String> {
    let mut words = config.program.clone();
    if let Some(first) = words.first_mut()
        && first.contains('/')
    {
        *first = config.root.join(&*first).to_string_lossy().into_owned();
    }
    words
}

pub(super) fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A word as systemd.service(5) requires it: `%` and `$` doubled, in quotes.
pub(super) fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$"))
}
