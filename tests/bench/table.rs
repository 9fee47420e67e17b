//! The cost table: what, goal, measured, met or missed by how much. Nothing is asserted.

pub(crate) struct Row {
    pub what: String,
    /// The measured value has to be below it; `None` for a value that is only for comparison.
    pub goal: Option<f64>,
    pub measured: f64,
    pub unit: &'static str,
    /// How it was measured, and what it is compared with.
    pub how: String,
}

/// A row with a goal.
pub(crate) fn row(what: &str, goal: f64, measured: f64, unit: &'static str, how: impl Into<String>) -> Row {
    Row { what: what.into(), goal: Some(goal), measured, unit, how: how.into() }
}

/// A value to compare with.
pub(crate) fn beside(what: &str, measured: f64, unit: &'static str, how: impl Into<String>) -> Row {
    Row { what: what.into(), goal: None, measured, unit, how: how.into() }
}

/// Prints the rows; returns how many goals were missed.
pub(crate) fn print(rows: &[Row]) -> usize {
    let width = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
    println!("{:width$}  {:>10}  {:>10}  {:14}  how", "what", "goal", "measured", "");
    for row in rows {
        let goal = row.goal.map_or_else(String::new, |goal| format!("< {}", amount(goal, row.unit)));
        println!(
            "{:width$}  {goal:>10}  {:>10}  {:14}  {}",
            row.what,
            amount(row.measured, row.unit),
            verdict(row),
            row.how
        );
    }
    rows.iter().filter(|row| is_missed(row)).count()
}

/// The middle and the largest of some measurements, which are not empty.
pub(crate) fn middle_and_most(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[values.len() - 1])
}

fn is_missed(row: &Row) -> bool {
    row.goal.is_some_and(|goal| row.measured >= goal)
}

fn verdict(row: &Row) -> String {
    match row.goal {
        None => String::new(),
        Some(goal) if is_missed(row) => format!("MISSED, {:.2} x", row.measured / goal),
        Some(_) => "met".into(),
    }
}

fn amount(value: f64, unit: &str) -> String {
    let digits = if value == value.round() { 0 } else { 3usize.saturating_sub(whole_digits(value)) };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}

fn whole_digits(value: f64) -> usize {
    format!("{:.0}", value.trunc()).trim_start_matches('0').len()
}
