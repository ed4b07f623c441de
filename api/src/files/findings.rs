//! What was found wrong: diagnostics in order of place, bounded in number.

use crate::problem::{Diagnostic, Severity, Span};

/// Mistakes beyond this many are counted, not listed: a page of them tells enough.
const MAX_LISTED: usize = 100;

/// A parsed file: its value, unless there is an error, and everything worth saying about it.
#[derive(Debug)]
pub struct Parsed<T> {
    /// There exactly when no diagnostic is an error.
    pub value: Option<T>,
    /// Errors and warnings, in order of their place.
    pub diagnostics: Vec<Diagnostic>,
}

impl<T> Parsed<T> {
    /// The value and the warnings, or all diagnostics.
    ///
    /// # Errors
    /// All diagnostics, when one of them is an error.
    pub fn into_result(self) -> Result<(T, Vec<Diagnostic>), Vec<Diagnostic>> {
        match self.value {
            Some(value) => Ok((value, self.diagnostics)),
            None => Err(self.diagnostics),
        }
    }
}

/// Collects diagnostics.
#[derive(Debug, Default)]
pub(super) struct Findings {
    listed: Vec<Diagnostic>,
    unlisted: usize,
    errors: usize,
}

impl Findings {
    /// Adds an error without help.
    pub(super) fn error(&mut self, span: Span, message: impl Into<String>) {
        self.add(Severity::Error, span, message.into(), None);
    }

    /// Adds an error with what to write instead.
    pub(super) fn error_with(&mut self, span: Span, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.add(Severity::Error, span, message.into(), help.into());
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, span: Span, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.add(Severity::Warning, span, message.into(), help.into());
    }

    fn add(&mut self, severity: Severity, span: Span, message: String, help: Option<String>) {
        self.errors += usize::from(severity == Severity::Error);
        if self.listed.len() < MAX_LISTED {
            self.listed.push(Diagnostic { severity, message, help, span: Some(span) });
        } else {
            self.unlisted += 1;
        }
    }

    /// Whether more would only be counted: then help is not worth looking for.
    pub(super) fn is_full(&self) -> bool {
        self.listed.len() >= MAX_LISTED
    }

    /// Whether a value can still come of it.
    pub(super) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Puts the value with what was found; an error takes it away.
    pub(super) fn conclude<T>(mut self, value: Option<T>) -> Parsed<T> {
        let value = if self.has_errors() { None } else { value };
        self.listed.sort_by_key(|found| found.span);
        if self.unlisted > 0 {
            let message = format!("and {} more", self.unlisted);
            self.listed.push(Diagnostic { severity: Severity::Error, message, help: None, span: None });
        }
        Parsed { value, diagnostics: self.listed }
    }
}
