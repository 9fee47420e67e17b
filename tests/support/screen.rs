//! What is to be seen on a terminal in the end: a line that was cleared is gone.

/// The lines, without colours. `columns`: a longer line goes on below, as terminals do it.
pub(crate) fn screen(written: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut letters = written.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => (row, column) = (row + 1, 0),
            '\r' => column = 0,
            '\x1b' => {
                assert_eq!(letters.next(), Some('['), "another code in {written:?}");
                let mut number = String::new();
                let end = letters.by_ref().find(|c| {
                    number.push(*c);
                    c.is_ascii_alphabetic()
                });
                let number = number.trim_end_matches(char::is_alphabetic).parse().unwrap_or(1);
                match end {
                    Some('A') => row = row.saturating_sub(number),
                    Some('B') => row += number,
                    Some('K') => lines[row].clear(),
                    Some('m') => {}
                    other => panic!("another code, {other:?}, in {written:?}"),
                }
            }
            letter => {
                // The last column is written before the cursor goes on.
                if column == columns {
                    (row, column) = (row + 1, 0);
                }
                if lines.len() <= row {
                    lines.resize(row + 1, Vec::new());
                }
                if lines[row].len() <= column {
                    lines[row].resize(column + 1, ' ');
                }
                lines[row][column] = letter;
                column += 1;
            }
        }
        if lines.len() <= row {
            lines.resize(row + 1, Vec::new());
        }
    }
    let mut lines: Vec<String> =
        lines.into_iter().map(|line| line.into_iter().collect::<String>().trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}
