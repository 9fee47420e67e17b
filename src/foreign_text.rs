//! Foreign text (a log line, a commit's summary, a program's error) made harmless for a terminal, a menu or a message. Pure.
//!
//! Called where text that we did not write is put into a sentence (`text::foreign`), and before secrets are removed
//! (`Secrets::readable`): a sequence in the middle of a secret would hide it. Always before the text is cut to a length.
//! JSON does not need it: everything is escaped there.

/// What becomes of the ends of lines and of tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// One line: each end of a line and each tab is a blank. For a menu row, an issue, a sentence.
    Join,
    /// `\n` and `\t` stay; every other end of a line becomes `\n`. For the end of a log in a message.
    Keep,
}

/// The text without what a terminal would obey or a reader could not see: whole escape sequences (ECMA-48: CSI, OSC,
/// DCS and the others, in their 7-bit and 8-bit forms), control characters, marks that turn the direction of writing
/// (Unicode Standard Annex 9) and characters without a width.
pub fn harmless(text: &str, lines: Lines) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\x1b' | '\u{80}'..='\u{9f}' if first != '\u{85}' => escape(rest),
            _ => first.len_utf8(),
        };
        match first {
            '\r' if rest[1..].starts_with('\n') => {}
            '\n' | '\t' if lines == Lines::Keep => out.push(first),
            '\t' => out.push(' '),
            _ if ends_line(first) => out.push(if lines == Lines::Keep { '\n' } else { ' ' }),
            _ if first.is_control() || turns(first) || unseen(first) => {}
            _ => out.push(first),
        }
        rest = &rest[length..];
    }
    out
}

/// How long the escape sequence is that this text begins with. One that does not end is only its introducer: what
/// follows is shown as text, so that no sequence can hide the rest of a line.
fn escape(text: &str) -> usize {
    let mut chars = text.chars();
    let (introducer, kind) = match chars.next() {
        Some('\x1b') => match chars.next() {
            Some(kind @ '@'..='_') => (2, kind),
            // Intermediate characters and a final one, as in "ESC ( B".
            Some(' '..='/') => return 1 + sequence(&text[1..], "").unwrap_or(0),
            // A final character of its own, as in "ESC c".
            Some('0'..='~') => return 2,
            _ => return 1,
        },
        // The 8-bit codes are the letters @ to _, 0x40 higher.
        Some(code) => (code.len_utf8(), char::from_u32(u32::from(code) - 0x40).unwrap_or(' ')),
        None => return 0,
    };
    let rest = &text[introducer..];
    match kind {
        '[' => introducer + sequence(rest, "0123456789:;<=>?").unwrap_or(0),
        // Strings: device control, start of string, system command, privacy message, application command.
        'P' | 'X' | ']' | '^' | '_' => introducer + string(rest).unwrap_or(0),
        _ => introducer,
    }
}

/// Parameters, intermediate characters, a final one.
fn sequence(text: &str, parameters: &str) -> Option<usize> {
    let begin = text.len() - text.trim_start_matches(|c| parameters.contains(c)).len();
    let middle = text[begin..].len() - text[begin..].trim_start_matches(|c| (' '..='/').contains(&c)).len();
    let last = text[begin + middle..].chars().next()?;
    ('0'..='~').contains(&last).then(|| begin + middle + last.len_utf8())
}

/// To the string's end (BEL, or ST in either form). If the line ends before that, the sequence has no end.
fn string(text: &str) -> Option<usize> {
    let at = text.find(['\x07', '\u{9c}', '\x1b', '\n', '\r'])?;
    let end = &text[at..];
    let length = match end.chars().next()? {
        '\x07' => 1,
        '\u{9c}' => 2,
        '\x1b' if end[1..].starts_with('\\') => 2,
        _ => return None,
    };
    Some(at + length)
}

/// Characters that some programs take for the end of a line: carriage return, vertical tab, form feed, next line, and
/// the two separators of Unicode.
fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Marks, embeddings, overrides and isolates of the bidirectional algorithm.
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters without a width, or that look blank and are no blank: joiners, soft hyphen, invisible operators, old
/// format characters, annotations, tags, fillers. Variation selectors stay: emoji need them and they hide nothing.
fn unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys_or_an_eye_does_not_see() {
        let rows = [
            (
                "R29",
                "\x1b[31mERROR\x1b[0m \x1b]0;owned\x07 handler failed \x00 \u{9b}2J \u{202e}gnp.exe",
                "ERROR  handler failed   gnp.exe",
            ),
            ("plain", "2026-11-22 05:04:00,123 [heartbeat] ü 🌉 日本", "2026-11-22 05:04:00,123 [heartbeat] ü 🌉 日本"),
            ("empty", "", ""),
            ("colours by numbers", "\x1b[38;5;196mred\x1b[38:2::1:2:3m\x1b[m", "red"),
            ("a private mode", "a\x1b[?1049hb", "ab"),
            ("an intermediate character", "a\x1b[2 qb\x1b(Bc\x1b#8d", "abcd"),
            ("a reset", "a\x1bcb\x1b=c\x1b7d", "abcd"),
            ("a link, with ST", "\x1b]8;;http://x/\x1b\\click\x1b]8;;\x1b\\", "click"),
            ("8-bit OSC and ST", "\u{9d}2;title\u{9c}text", "text"),
            ("a device control string", "a\x1bPq#0;1~\x1b\\b\x1b_app\x07c\x1b^pm\x1b\\d\x1bXsos\x1b\\e", "abcde"),
            ("one that does not end hides nothing", "a\x1b]0;title the rest", "a0;title the rest"),
            ("nor a CSI that is torn", "a\x1b[31", "a31"),
            ("nor one that a letter of another alphabet ends", "a\x1b[3üb", "a3üb"),
            ("an OSC that another escape breaks", "a\x1b]0;t\x1b[31mb", "a0;tb"),
            ("escapes inside each other", "\x1b\x1b[31mx\x1b", "x"),
            ("control characters", "a\x01b\x08c\x7fd\u{80}e\u{9f}f", "abcdef"),
            (
                "bidi marks",
                "\u{200e}a\u{200f}b\u{61c}c\u{202a}\u{202b}\u{202c}\u{202d}d\u{2066}\u{2067}\u{2068}\u{2069}e",
                "abcde",
            ),
            ("zero width", "a\u{200b}b\u{200c}c\u{200d}d\u{2060}e\u{feff}f\u{ad}g\u{180e}h", "abcdefgh"),
            ("tags and fillers", "a\u{e0041}b\u{3164}c\u{115f}d\u{fff9}e", "abcde"),
            ("an emoji with its selector", "❤\u{fe0f}", "❤\u{fe0f}"),
        ];
        for (name, text, expected) in rows {
            assert_eq!(harmless(text, Lines::Join), expected, "{name}");
            assert_eq!(harmless(text, Lines::Keep), expected, "{name}, kept lines");
        }
    }

    #[test]
    fn ends_of_lines_are_kept_or_joined() {
        let rows = [
            ("a\nb\tc", "a b c", "a\nb\tc"),
            ("a\r\nb", "a b", "a\nb"),
            ("10 %\r20 %", "10 % 20 %", "10 %\n20 %"),
            ("a\u{2028}b\u{2029}c\u{85}d\x0be\x0cf", "a b c d e f", "a\nb\nc\nd\ne\nf"),
            ("a\x1b]0;t\nb", "a0;t b", "a0;t\nb"),
        ];
        for (text, joined, kept) in rows {
            assert_eq!(harmless(text, Lines::Join), joined, "{text:?}");
            assert_eq!(harmless(text, Lines::Keep), kept, "{text:?}");
        }
    }

    #[test]
    fn every_character_comes_out_as_itself_or_not_at_all() {
        for c in '\0'..=char::MAX {
            let out = harmless(&c.to_string(), Lines::Join);
            assert!(out.is_empty() || out == " " || out == c.to_string(), "{c:?} becomes {out:?}");
            assert!(!out.chars().any(char::is_control), "{c:?}");
        }
    }
}
