//! A file's text, and how places in it are counted: bytes, lines and columns.

use crate::problem::Span;

/// A text whose places are known: [`Span`]s made by it always lie inside it, on character boundaries.
#[derive(Debug)]
pub(super) struct Source<'t> {
    text: &'t str,
    /// Byte offsets of the characters; none while the text is ASCII, where they are the same.
    characters: Option<Vec<usize>>,
    /// Byte offsets at which lines begin.
    lines: Vec<usize>,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let characters = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, characters, lines }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// The bytes of a span; empty for a span of another text.
    pub(super) fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The span of a range of bytes, brought inside the text and onto character boundaries.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let start = self.floor(start);
        let end = self.floor(end).max(start);
        let line = self.lines.partition_point(|begin| *begin <= start);
        let begin = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or(0);
        let column = self.character(start) - self.character(begin) + 1;
        Span { start, end, line, column }
    }

    /// The span of a range of characters, less the white space at its end.
    pub(super) fn span_of_characters(&self, start: usize, end: usize) -> Span {
        let (start, end) = (self.byte(start), self.byte(end));
        let length = self.text.get(start..end).map_or(0, |slice| slice.trim_end().len());
        self.span(start, start + length)
    }

    /// The lines of the text with the byte offset of each, without their ends.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &'t str)> {
        self.lines.iter().map(|begin| {
            let rest = self.text.get(*begin..).unwrap_or_default();
            (*begin, rest.lines().next().unwrap_or_default())
        })
    }

    /// The last line before the one that `offset` is in which is not blank.
    pub(super) fn line_before(&self, offset: usize) -> Option<(usize, &'t str)> {
        let within = self.lines.partition_point(|begin| *begin <= offset).checked_sub(1)?;
        self.lines.get(..within)?.iter().rev().find_map(|begin| {
            let line = self.text.get(*begin..)?.lines().next()?;
            (!line.trim().is_empty()).then_some((*begin, line))
        })
    }

    fn byte(&self, character: usize) -> usize {
        match &self.characters {
            None => character.min(self.text.len()),
            Some(offsets) => offsets.get(character).copied().unwrap_or(self.text.len()),
        }
    }

    /// How many characters come before a byte; not by counting them, for a line can be all of a file.
    fn character(&self, byte: usize) -> usize {
        match &self.characters {
            None => byte,
            Some(offsets) => offsets.partition_point(|offset| *offset < byte),
        }
    }

    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let source = Source::new("a: b\né: ü\n");
        let span = source.span_of_characters(8, 9);
        assert_eq!((source.slice(span), span.line, span.column), ("ü", 2, 4));
    }

    #[test]
    fn a_span_never_leaves_its_text() {
        let source = Source::new("é");
        let span = source.span(1, 99);
        assert_eq!((span.start, span.end), (0, 2));
    }
}
