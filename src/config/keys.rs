//! The keys of `config.toml`, taken out one by one: an error names the file, the key and the mend.

use std::path::Path;

use toml::{Table, Value};

use super::{Refused, tilde};

const KNOWN: [(&str, &[&str]); 3] = [
    ("bridge", &["root", "label", "manager", "program", "log", "error_log", "login", "session"]),
    ("telegram", &["bot_token", "token_file", "chat_id", "api_url"]),
    ("recovery", &["auto_revert"]),
];

/// The file's name, for errors, and what is in it.
pub(super) struct Keys<'a> {
    pub(super) file: &'a Path,
    pub(super) table: &'a Table,
}

impl Keys<'_> {
    pub(super) fn wrong(&self, section: &str, key: &str, cause: &str) -> Refused {
        Refused {
            at: Some((section.to_owned(), key.to_owned())),
            ..Refused::because(format!("{}: {section}.{key} {cause}", self.file.display()))
        }
    }

    /// A misspelt key would silently do nothing.
    pub(super) fn only_known(&self) -> Result<(), Refused> {
        for (section, value) in self.table {
            let Some((_, keys)) = KNOWN.iter().find(|(name, _)| name == section) else {
                let names = KNOWN.map(|(name, _)| format!("[{name}]")).join(", ");
                return Err(Refused::because(format!(
                    "{}: section or key '{section}' is not known; the sections are {names}",
                    self.file.display()
                )));
            };
            let Value::Table(table) = value else {
                let file = self.file.display();
                return Err(Refused::because(format!("{file}: '{section}' has to be a section; write [{section}]")));
            };
            if let Some(key) = table.keys().find(|key| !keys.contains(&key.as_str())) {
                return Err(self.wrong(
                    section,
                    key,
                    &format!("is not known; delete it, or use one of: {}", keys.join(", ")),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn value(&self, section: &str, key: &str) -> Option<&Value> {
        self.table.get(section)?.as_table()?.get(key)
    }

    pub(super) fn text(&self, section: &str, key: &str) -> Result<Option<String>, Refused> {
        match self.value(section, key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(section, key, "has to be a text in quotes, not empty")),
        }
    }

    pub(super) fn words(&self, key: &str, home: &Path) -> Result<Option<Vec<String>>, Refused> {
        let Some(value) = self.value("bridge", key) else { return Ok(None) };
        let list: Option<Vec<String>> =
            value.as_array().and_then(|list| list.iter().map(|word| word.as_str().map(str::to_owned)).collect());
        match list {
            Some(list) if list.first().is_some_and(|program| !program.is_empty()) => {
                Ok(Some(list.into_iter().map(|word| tilde::word(word, home)).collect()))
            }
            _ => Err(self.wrong("bridge", key, "has to be a list of words; write [\"program\", \"argument\"]")),
        }
    }

    pub(super) fn flag(&self, section: &str, key: &str) -> Result<Option<bool>, Refused> {
        match self.value(section, key) {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(section, key, "has to be true or false, without quotes")),
        }
    }
}
