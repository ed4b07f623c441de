//! Tables: a heading, aligned columns, nothing else. [`Table::lines`] makes lines of it.

use super::text::Line;
use super::words::{Word, style};

/// A table of cells.
#[derive(Debug, Default)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Line>>,
}

/// Spaces between columns.
const GAP: usize = 2;

impl Table {
    /// With these columns.
    #[must_use]
    pub fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Without a heading line: for name and value.
    #[must_use]
    pub fn bare() -> Self {
        Self::default()
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Line>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a name and a value.
    pub fn field(&mut self, name: &str, value: impl Into<Line>) {
        self.row([Line::new().styled(style::FAINT, name), value.into()]);
    }

    /// Its lines; with a width, the last column is cut to fit it.
    #[must_use]
    pub fn lines(self, width: Option<usize>) -> Vec<Line> {
        let heading = self.headings.iter().map(|h| Line::new().styled(style::STRONG, h)).collect::<Vec<_>>();
        let rows: Vec<Vec<Line>> = (!heading.is_empty()).then_some(heading).into_iter().chain(self.rows).collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| rows.iter().filter_map(|row| row.get(column)).map(Line::width).max().unwrap_or(0))
            .collect();
        rows.into_iter().map(|row| layout(row, &widths, width)).collect()
    }
}

fn layout(row: Vec<Line>, widths: &[usize], limit: Option<usize>) -> Line {
    let mut line = Line::new();
    let mut edge = 0;
    for (cell, width) in row.into_iter().zip(widths) {
        line = line.padded_to(edge).then(cell);
        edge += width + GAP;
    }
    let line = line.trimmed();
    match limit {
        Some(limit) => line.truncated(limit),
        None => line,
    }
}

/// A cell with a coloured word.
#[must_use]
pub fn word((style, text): Word) -> Line {
    Line::new().styled(style, text)
}

/// A cell that may be empty: `-`.
#[must_use]
pub fn or_dash(text: Option<&str>) -> Line {
    match text {
        Some(text) if !text.is_empty() => Line::from(text),
        _ => Line::new().styled(style::FAINT, "-"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need() {
        let mut table = Table::new(&["NAME", "STATUS"]);
        table.row([Line::from("a-long-name"), Line::from("available")]);
        table.row([Line::from("日本"), or_dash(None)]);
        let lines: Vec<String> = table.lines(None).iter().map(Line::to_plain).collect();
        assert_eq!(lines, ["NAME         STATUS", "a-long-name  available", "日本         -"]);
    }

    #[test]
    fn a_row_is_cut_to_the_terminal() {
        let mut table = Table::bare();
        table.field("name", "a very long value");
        assert_eq!(table.lines(Some(12))[0].to_plain(), "name  a ver…");
    }
}
