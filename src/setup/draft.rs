//! The text of `config.toml` while it is being made: what setup does not ask about, comments among it, stays. Pure.

use toml_edit::{Array, DocumentMut, Item, Table, Value, value};

const SECTIONS: [&str; 3] = ["bridge", "telegram", "recovery"];

/// A configuration that is not written yet.
#[derive(Clone)]
pub struct Draft(DocumentMut);

impl Draft {
    /// `None` where the text is no TOML, or a section is none.
    pub fn of(text: &str) -> Option<Draft> {
        let document: DocumentMut = text.parse().ok()?;
        let whole = SECTIONS.iter().all(|name| document.get(name).is_none_or(Item::is_table_like));
        whole.then_some(Draft(document))
    }

    pub fn text(&self, section: &str, key: &str) -> Option<&str> {
        self.item(section, key)?.as_str()
    }

    pub fn number(&self, section: &str, key: &str) -> Option<i64> {
        self.item(section, key)?.as_integer()
    }

    pub fn has(&self, section: &str, key: &str) -> bool {
        self.item(section, key).is_some()
    }

    /// A text, or the texts of a list.
    pub fn words(&self, section: &str, key: &str) -> Vec<&str> {
        let Some(item) = self.item(section, key) else { return Vec::new() };
        let list = item.as_array().into_iter().flatten().filter_map(Value::as_str);
        item.as_str().into_iter().chain(list).collect()
    }

    pub fn remove(&mut self, section: &str, key: &str) {
        if let Some(table) = self.0.get_mut(section).and_then(Item::as_table_like_mut) {
            table.remove(key);
        }
    }

    pub fn set(&mut self, section: &str, key: &str, new: impl Into<Value>) {
        let there = self.0.entry(section).or_insert_with(|| Item::Table(Table::new()));
        let Some(table) = there.as_table_like_mut() else { return };
        match table.get_mut(key).and_then(Item::as_value_mut) {
            // The comment behind it stays.
            Some(old) => {
                let (decor, mut new) = (old.decor().clone(), new.into());
                *new.decor_mut() = decor;
                *old = new;
            }
            None => drop(table.insert(key, value(new))),
        }
    }

    pub fn set_words(&mut self, section: &str, key: &str, words: &[String]) {
        self.set(section, key, words.iter().map(String::as_str).collect::<Array>());
    }

    /// One of the two ways to give the token; both would be refused.
    pub fn set_token(&mut self, key: &str, token: &str) {
        let other = if key == "bot_token" { "token_file" } else { "bot_token" };
        self.set("telegram", key, token);
        self.remove("telegram", other);
    }

    /// Nobody is told.
    pub fn without_telegram(&mut self) {
        self.0.remove("telegram");
    }

    fn item(&self, section: &str, key: &str) -> Option<&Item> {
        self.0.get(section)?.as_table_like()?.get(key)
    }
}

impl std::fmt::Display for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_wrote_stays() {
        let before = "# mine\n[bridge]\nroot = \"/old\"  # here\nlogin = [\"x\"]\n\n[telegram]\ntoken_file = \"/t\"\nchat_id = 7\n\n[recovery]\nauto_revert = true\n";
        let mut draft = Draft::of(before).unwrap();
        draft.set("bridge", "root", "/ne\"w");
        draft.set_token("bot_token", "1:a");
        draft.set("telegram", "chat_id", 9);
        let after = "# mine\n[bridge]\nroot = '/ne\"w'  # here\nlogin = [\"x\"]\n\n[telegram]\nchat_id = 9\nbot_token = \"1:a\"\n\n[recovery]\nauto_revert = true\n";
        assert_eq!(draft.to_string(), after);
        assert_eq!((draft.text("bridge", "root"), draft.number("telegram", "chat_id")), (Some("/ne\"w"), Some(9)));
    }

    #[test]
    fn from_nothing_and_from_what_is_no_configuration() {
        let mut draft = Draft::of("").unwrap();
        draft.set("bridge", "root", "/a");
        draft.set_words("bridge", "program", &["a b".into(), "c".into()]);
        assert_eq!(draft.to_string(), "[bridge]\nroot = \"/a\"\nprogram = [\"a b\", \"c\"]\n");
        assert_eq!(draft.words("bridge", "program"), ["a b", "c"]);
        assert_eq!(draft.words("bridge", "root"), ["/a"]);
        draft.remove("bridge", "program");
        draft.remove("telegram", "chat_id");
        assert_eq!(draft.to_string(), "[bridge]\nroot = \"/a\"\n");
        for text in ["[bridge", "bridge = 1", "telegram = \"x\""] {
            assert!(Draft::of(text).is_none(), "{text}");
        }
    }
}
