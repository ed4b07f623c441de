//! Text that is safe to show: [`clean`], and [`Line`], which is made of cleaned and styled pieces.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character could steer a terminal or show a text in another order than it is written in.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of it: escape sequences gone, line breaks and tabs as spaces, other control characters gone.
#[must_use]
pub fn clean(text: &str) -> String {
    let breaks_as_spaces = |c: char| if matches!(c, '\n' | '\t') { ' ' } else { c };
    without_escapes(text).chars().map(breaks_as_spaces).filter(|c| !steers(*c)).collect()
}

/// As [`clean`], and line breaks and tabs stay: for documents.
#[must_use]
pub fn clean_document(text: &str) -> String {
    without_escapes(text).chars().filter(|c| matches!(c, '\n' | '\t') || !steers(*c)).collect()
}

fn without_escapes(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// A line of styled text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<(Style, String)>,
}

impl Line {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this text after it, cleaned.
    #[must_use]
    pub fn plain(self, text: impl AsRef<str>) -> Self {
        self.styled(Style::new(), text)
    }

    /// With this text after it, cleaned and styled.
    #[must_use]
    pub fn styled(mut self, style: Style, text: impl AsRef<str>) -> Self {
        let text = clean(text.as_ref());
        if !text.is_empty() {
            self.spans.push((style, text));
        }
        self
    }

    /// With spaces up to this width, in columns.
    #[must_use]
    pub fn padded_to(self, width: usize) -> Self {
        let missing = width.saturating_sub(self.width());
        self.plain(" ".repeat(missing))
    }

    /// With another line after it.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.spans.extend(other.spans);
        self
    }

    /// Without spaces at its end.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        while let Some((_, text)) = self.spans.last_mut() {
            text.truncate(text.trim_end().len());
            if !text.is_empty() {
                break;
            }
            self.spans.pop();
        }
        self
    }

    /// Its width, in terminal columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.spans.iter().map(|(_, text)| text.width()).sum()
    }

    /// Cut to this width, with an ellipsis where something was cut.
    #[must_use]
    pub fn truncated(self, width: usize) -> Self {
        if self.width() <= width {
            return self;
        }
        let mut room = width.saturating_sub(1);
        let mut cut = Self::new();
        for (style, text) in self.spans {
            let mut kept = String::new();
            let mut full = false;
            for character in text.chars() {
                let columns = character.width().unwrap_or(0);
                if columns > room {
                    full = true;
                    break;
                }
                room -= columns;
                kept.push(character);
            }
            cut = cut.styled(style, kept);
            if full {
                break;
            }
        }
        if width > 0 { cut.plain("…") } else { cut }
    }

    /// With escape sequences for its styles; the stream it is written to strips them where there are no colours.
    #[must_use]
    pub fn to_ansi(&self) -> String {
        let mut ansi = String::new();
        for (style, text) in &self.spans {
            let _ = write!(ansi, "{style}{text}{style:#}");
        }
        ansi
    }

    /// Without styles.
    #[cfg(test)]
    #[must_use]
    pub fn to_plain(&self) -> String {
        self.spans.iter().map(|(_, text)| text.as_str()).collect()
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::new().plain(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::new().plain(text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::render::words::style;

    #[test]
    fn a_servers_text_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m\u{7}\r\u{1b}]0;title\u{7}b\nc\td\u{9b}e"), "aredb c de");
        assert_eq!(clean("safe\u{202e}evil"), "safeevil");
        assert_eq!(clean_document("a\n\tb\u{1b}[2Jc\r\n"), "a\n\tbc\n");
    }

    #[test]
    fn a_styled_piece_is_cleaned_too() {
        let line = Line::new().styled(style::GOOD, "\u{1b}[2Jready");
        assert_eq!(line.to_plain(), "ready");
    }

    #[test]
    fn a_line_is_cut_at_columns_not_characters() {
        assert_eq!(Line::from("日本語").truncated(5).to_plain(), "日本…");
        assert_eq!(Line::from("日本語").truncated(6).to_plain(), "日本語");
        assert_eq!(Line::from("abcdef").truncated(4).to_plain(), "abc…");
        assert_eq!(Line::from("abcdef").truncated(0).to_plain(), "");
    }

    #[test]
    fn padding_and_trimming_are_in_columns() {
        let line = Line::from("日").padded_to(4);
        assert_eq!(line.width(), 4);
        assert_eq!(line.plain("  ").trimmed().to_plain(), "日");
    }
}
