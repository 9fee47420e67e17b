//! Reads `.env` as the bridge does, by python-dotenv (its grammar: parser.py and variables.py of 1.2), and names the session
//! file as Telethon does. Pure.

use std::path::PathBuf;

use crate::contract;

/// What one line, or one quoted value over several lines, says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// `None` if python-dotenv can't read it and skips it.
    pub key: Option<String>,
    /// As it is in the file: with the comment of an unquoted value, without the quotes of a quoted one.
    pub raw: String,
    /// Without comment and escapes, not expanded; `None` for a name without a value.
    pub value: Option<String>,
}

/// The value of a variable that the file does not set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Every binding, in the order of the file.
pub fn read(text: &str) -> Vec<Binding> {
    // Python reads text files this way.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut rest = text.as_str();
    let mut bindings = Vec::new();
    loop {
        rest = rest.trim_start_matches(is_space);
        if rest.is_empty() {
            return bindings;
        }
        let (binding, after) = match binding(rest) {
            Ok((binding, after)) => (binding, after),
            Err(at) => {
                let after = &at[first_line(at).len()..];
                // What it should say is not known; it may still hold a secret.
                let raw = rest[..rest.len() - after.len()].split_once('=').map_or("", |(_, raw)| raw.trim());
                (Some(Binding { key: None, raw: raw.to_owned(), value: None }), after)
            }
        };
        bindings.extend(binding);
        rest = after;
    }
}

/// The value of `key`, of which the last binding counts: expanded by what is `given`, which no line of the file
/// overrides (`load_dotenv`), then from the file itself, and else by `lookup`.
pub fn value(text: &str, key: &str, given: Lookup, lookup: Lookup) -> Option<String> {
    expanded(&read(text), given, lookup).into_iter().rev().find(|(name, _)| name == key)?.1
}

/// Name and value of every binding that has one, each value in every form in which it may appear: as in the file, as it
/// is read, and expanded. Used to hide secrets, so no binding is left out.
pub fn all_forms(text: &str, lookup: Lookup) -> Vec<(String, String)> {
    let bindings = read(text);
    let expanded = expanded(&bindings, &|_| None, lookup).into_iter().filter_map(|(name, value)| Some((name, value?)));
    let read = bindings.iter().flat_map(|binding| {
        let name = binding.key.clone().unwrap_or_default();
        // If it can't be read, also what its quotes may enclose.
        let parts = binding.raw.split(['"', '\'']).map(str::trim).filter(|_| binding.key.is_none());
        let forms = [Some(binding.raw.as_str()), binding.value.as_deref()].into_iter().flatten().chain(parts);
        forms.map(move |form| (name.clone(), form.to_owned()))
    });
    let mut all: Vec<(String, String)> = read.chain(expanded).filter(|(_, value)| !value.is_empty()).collect();
    all.sort();
    all.dedup();
    all
}

/// Where the session of this name may lie, relative to the checkout, the likeliest place first. Telethon adds a missing
/// extension. A plain name is in the bridge's data folder, or where the bridge is started, which is the checkout; a name
/// with a folder is relative to that.
pub fn session_places(name: &str) -> Vec<PathBuf> {
    let file = if name.ends_with(".session") { name.to_owned() } else { format!("{name}.session") };
    let in_data = PathBuf::from(contract::DATA).join(&file);
    if file.contains('/') { vec![file.into(), in_data] } else { vec![in_data, file.into()] }
}

/// The binding that the text begins with (none is a comment), and what comes after its line.
///
/// # Errors
/// If it can't be read: the rest of the text from there.
fn binding(text: &str) -> Result<(Option<Binding>, &str), &str> {
    let exported = text.strip_prefix("export").map(|after| (after, after.trim_start_matches(is_blank)));
    let text = exported.filter(|(after, trimmed)| after.len() > trimmed.len()).map_or(text, |(_, trimmed)| trimmed);
    let (key, rest) = key(text)?;
    let rest = rest.trim_start_matches(is_blank);
    let Some(after) = rest.strip_prefix('=') else {
        let binding = key.map(|key| Binding { key: Some(key.into()), raw: String::new(), value: None });
        return Ok((binding, end_of_line(rest)?));
    };
    let after = after.trim_start_matches(is_blank);
    let (raw, value, rest) = if let Some(mark) = after.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        let (raw, rest) = quoted(after, mark).ok_or(after)?;
        (raw, unescaped(raw, mark), rest)
    } else {
        let line = first_line(after);
        (line.trim_end_matches(is_space), without_comment(line).to_owned(), &after[line.len()..])
    };
    let binding = key.map(|key| Binding { key: Some(key.into()), raw: raw.into(), value: Some(value) });
    Ok((binding, end_of_line(rest)?))
}

/// `None` for a comment.
fn key(text: &str) -> Result<(Option<&str>, &str), &str> {
    if text.starts_with('#') {
        return Ok((None, text));
    }
    let (key, rest) = if let Some(quoted) = text.strip_prefix('\'') {
        quoted.split_once('\'').ok_or(text)?
    } else {
        text.split_at(text.find(|c: char| c == '=' || c == '#' || is_space(c)).unwrap_or(text.len()))
    };
    if key.is_empty() { Err(text) } else { Ok((Some(key), rest)) }
}

/// To the next mark without a backslash before it. Where there is none, the last one with a backslash closes.
fn quoted(text: &str, mark: char) -> Option<(&str, &str)> {
    let inner = &text[1..];
    let mut escaped = None;
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == mark {
            return Some((&inner[..at], &inner[at + 1..]));
        }
        if c == '\\' && inner[at + 1..].starts_with(mark) {
            escaped = Some(at + 1);
            chars.next();
        }
    }
    escaped.map(|at| (&inner[..at], &inner[at + 1..]))
}

/// Python's escapes in double quotes, only those of quote and backslash in single ones; any other is left as it is.
fn unescaped(raw: &str, mark: char) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        let next = chars.as_str().chars().next().filter(|_| c == '\\');
        let meant = match next {
            Some(plain @ ('\\' | '\'')) => Some(plain),
            _ if mark == '\'' => None,
            Some('"') => Some('"'),
            Some('a') => Some('\x07'),
            Some('b') => Some('\x08'),
            Some('f') => Some('\x0c'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('v') => Some('\x0b'),
            _ => None,
        };
        out.push(meant.unwrap_or(c));
        if meant.is_some() {
            chars.next();
        }
    }
    out
}

/// A comment begins with a hash after a blank; a value may begin with a hash.
fn without_comment(line: &str) -> &str {
    let hashes = line.match_indices('#').map(|(at, _)| at);
    let comment = hashes.into_iter().find(|at| line[..*at].ends_with(is_space));
    line[..comment.unwrap_or(line.len())].trim_end_matches(is_space)
}

/// After a value only a comment may follow.
fn end_of_line(rest: &str) -> Result<&str, &str> {
    let line = first_line(rest);
    let left = line.trim_start_matches(is_blank);
    if left.is_empty() || left.starts_with('#') { Ok(&rest[line.len()..]) } else { Err(rest) }
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or(text)
}

/// What Python's `\s` means.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn is_blank(c: char) -> bool {
    is_space(c) && c != '\n'
}

/// In the order of the file: a value sees those before it, the last of a name.
fn expanded(bindings: &[Binding], given: Lookup, lookup: Lookup) -> Vec<(String, Option<String>)> {
    let mut done: Vec<(String, Option<String>)> = Vec::new();
    for binding in bindings {
        let Some(key) = &binding.key else { continue };
        let known = |name: &str| {
            if let Some(value) = given(name) {
                return Some(value);
            }
            let own = done.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            own.unwrap_or_else(|| lookup(name).map(Some).unwrap_or_default())
        };
        let set =
            |name: &str| given(name).is_some() || done.iter().any(|(key, _)| key == name) || lookup(name).is_some();
        let value = binding.value.as_ref().map(|value| with_variables(value, &known, &set));
        done.push((key.clone(), value));
    }
    done
}

/// `${NAME}` and `${NAME:-default}`; a name that is set to nothing takes no default.
fn with_variables(value: &str, known: &dyn Fn(&str) -> Option<String>, set: &dyn Fn(&str) -> bool) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        let inner = &rest[at + 2..];
        let variable = inner.find('}').map(|end| (&inner[..end], &inner[end + 1..]));
        let parts = variable.and_then(|(variable, after)| match variable.split_once(':') {
            None => Some((variable, "", after)),
            Some((name, default)) => default.strip_prefix('-').map(|default| (name, default, after)),
        });
        let Some((name, default, after)) = parts else {
            out.push_str(&rest[..at + 2]);
            rest = inner;
            continue;
        };
        out.push_str(&rest[..at]);
        out.push_str(&if set(name) { known(name).unwrap_or_default() } else { default.to_owned() });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
#[path = "dotenv_tests.rs"]
mod tests;
