//! Mistakes in files, shown with the place in the file: name, line, column, snippet and what to write instead.

use std::fmt::{self, Display};

use cloudark_api::problem::{Diagnostic, Severity};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::text::{clean, clean_document};

/// A file of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As the user named it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// How diagnostics are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// With escape sequences for colours.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

/// Draws each diagnostic, in the order of the file.
#[must_use]
pub fn draw(source: Option<&Source>, diagnostics: &[Diagnostic], look: Look) -> String {
    let theme = if look.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(look.width.clamp(40, 120)).with_links(false);
    let mut ordered: Vec<&Diagnostic> = diagnostics.iter().collect();
    ordered.sort_by_key(|d| d.span.map_or((usize::MAX, 0), |span| (span.start, span.end)));
    let mut drawn = String::new();
    for diagnostic in ordered {
        let report = Report::new(source, diagnostic);
        let mut one = String::new();
        if handler.render_report(&mut one, &report).is_err() {
            one = format!("{report}\n");
        }
        drawn.push_str(one.trim_matches('\n'));
        drawn.push('\n');
    }
    drawn
}

/// One diagnostic, as miette wants it.
#[derive(Debug)]
struct Report {
    severity: Severity,
    message: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    place: Option<(usize, usize)>,
}

impl Report {
    fn new(source: Option<&Source>, diagnostic: &Diagnostic) -> Self {
        let placed = source.zip(diagnostic.span).filter(|(source, _)| !source.text.is_empty());
        Self {
            severity: diagnostic.severity,
            message: clean(&diagnostic.message),
            help: diagnostic.help.as_deref().map(clean_document),
            source: placed.map(|(source, _)| NamedSource::new(clean(&source.name), harmless(&source.text))),
            place: placed.map(|(source, span)| {
                let start = span.start.min(source.text.len().saturating_sub(1));
                let end = span.end.clamp(start, source.text.len());
                (start, end.saturating_sub(start))
            }),
        }
    }
}

/// The same text at the same offsets, with control characters shown as `?`: a file can come from a stranger.
fn harmless(text: &str) -> String {
    let keep = |c: char| c == '\n' || c == '\t' || !c.is_control();
    text.chars().map(|c| if keep(c) { c.to_string() } else { "?".repeat(c.len_utf8()) }).collect()
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place?;
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(None, place))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use cloudark_api::problem::Span;

    use super::*;

    const PLAIN: Look = Look { color: false, width: 80 };

    fn file() -> Source {
        Source {
            name: "env.yaml".into(),
            text: "environment:\n  resources:\n    aws:\n      - resource:\n          type: rds\n          flavour: db.t3.micro\n".into(),
        }
    }

    fn at(word: &str) -> Option<Span> {
        let text = file().text;
        let start = text.find(word).unwrap();
        let line = text[..start].lines().count();
        Some(Span { start, end: start + word.len(), line, column: 11 })
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        let mistakes = [
            Diagnostic {
                severity: Severity::Error,
                message: "unknown key `flavour`".into(),
                help: Some("did you mean `flavor`?".into()),
                span: at("flavour"),
            },
            Diagnostic { severity: Severity::Warning, message: "`rds` is old".into(), help: None, span: at("rds") },
        ];
        insta::assert_snapshot!(draw(Some(&file()), &mistakes, PLAIN));
    }

    #[test]
    fn a_mistake_without_a_place_is_shown_too() {
        let mistake =
            Diagnostic { severity: Severity::Error, message: "the file is empty".into(), help: None, span: None };
        insta::assert_snapshot!(draw(Some(&file()), &[mistake], PLAIN));
    }

    #[test]
    fn a_span_past_the_end_is_survived() {
        let span = Some(Span { start: 9_000, end: 9_100, line: 900, column: 1 });
        let mistake = Diagnostic { severity: Severity::Error, message: "it ends too soon".into(), help: None, span };
        assert!(draw(Some(&file()), &[mistake], PLAIN).contains("it ends too soon"));
    }

    #[test]
    fn a_files_control_characters_do_not_reach_the_terminal() {
        let source = Source { name: "a\u{1b}[31m.yaml".into(), text: "key: \u{1b}[2J\u{9b}x\n".into() };
        let span = Some(Span { start: 5, end: 6, line: 1, column: 6 });
        let mistake =
            Diagnostic { severity: Severity::Error, message: "a control\u{7} character".into(), help: None, span };
        let drawn = draw(Some(&source), &[mistake], PLAIN);
        assert!(!drawn.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{drawn:?}");
    }
}
