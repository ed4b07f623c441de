//! What a row of the table says.

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

/// What is aimed at.
#[derive(Debug, Clone, Copy)]
pub enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

/// One thing that was measured.
#[derive(Debug, Clone)]
pub struct Row {
    pub what: &'static str,
    /// What came out, for the eye.
    pub measured: String,
    /// What the baseline came to; empty where there is none.
    pub baseline: String,
    /// What is compared with the aim; none if it could not be measured here.
    pub value: Option<f64>,
    /// Of the value and the aim: `×`, ` ms`, ` bytes`.
    pub unit: &'static str,
    pub aim: Aim,
    /// Lines below: more figures, a plot.
    pub below: Vec<String>,
}

impl Row {
    fn verdict(&self) -> &'static str {
        let Some(value) = self.value else { return "not measured" };
        let met = match self.aim {
            Aim::AtMost(most) => value <= most,
            Aim::AtLeast(least) => value >= least,
        };
        if met { "met" } else { "**missed**" }
    }

    fn cells(&self) -> [String; 6] {
        let unit = self.unit;
        let aim = match self.aim {
            Aim::AtMost(most) => format!("≤ {}{unit}", short(most)),
            Aim::AtLeast(least) => format!("≥ {}{unit}", short(least)),
        };
        let value = self.value.map_or_else(|| "–".to_owned(), |value| format!("{}{unit}", short(value)));
        [self.what.to_owned(), self.measured.clone(), self.baseline.clone(), value, aim, self.verdict().to_owned()]
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [what, measured, baseline, value, aim, verdict] = self.cells();
        writeln!(f, "{what}\n  measured  {measured}")?;
        if !baseline.is_empty() {
            writeln!(f, "  baseline  {baseline}")?;
        }
        write!(f, "  result    {value}  {aim}  {}", verdict.trim_matches('*'))?;
        self.below.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// A figure with as many digits as say something.
pub fn short(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        large if large >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The rows as a Markdown table, and below it what they say besides.
pub fn table(rows: &[Row]) -> String {
    let mut text =
        String::from("| what | measured | baseline | result | aim | |\n| --- | --- | --- | --- | --- | --- |\n");
    for row in rows {
        let _ = writeln!(text, "| {} |", row.cells().join(" | "));
    }
    for row in rows.iter().filter(|row| !row.below.is_empty()) {
        let _ = write!(text, "\n{}:\n\n```text\n{}\n```\n", row.what, row.below.join("\n"));
    }
    text
}

/// What the table stands below of in the report: what is above is written by hand.
const MARK: &str = "<!-- measured: `cargo xtask bench` writes what follows -->";

/// Writes the table into a page, in place of the one before.
pub fn write(path: &Path, machine: &str, rows: &[Row]) {
    let before = std::fs::read_to_string(path).unwrap_or_else(|_| "# Benchmarks\n\n".to_owned());
    let by_hand = before.split(MARK).next().unwrap_or_default();
    let page = format!("{by_hand}{MARK}\n\n{machine}\n\n{}", table(rows));
    std::fs::write(path, page).expect("the report is written");
}
