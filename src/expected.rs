//! For the tests: texts that a person has read once, in files beside the code.

use std::path::Path;

/// Whether the text is as it was read. With `BLESS` it is written instead, to be read anew.
pub(crate) fn is_as_read(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    if std::env::var_os("BLESS").is_some() {
        return std::fs::write(path, text).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    // First by lines, so that the first difference is short.
    for (actual, expected) in text.lines().zip(expected.lines()) {
        assert_eq!(actual, expected);
    }
    assert_eq!(text, expected);
}
