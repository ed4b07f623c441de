//! Reading a mapping whose keys are known: each key once, its type checked, what is left over reported.

use super::findings::Findings;
use super::words::{nearest, shown, suggestion, type_of};
use super::yaml::{Content, Entry, Node};
use crate::problem::Span;
use serde_json::Value;

/// The entries of a mapping, some of which have been read.
pub(super) struct Fields<'n> {
    /// What messages call the mapping: "`app`" with its backticks.
    what: &'n str,
    /// Where its key is: the place of what it lacks.
    place: Span,
    entries: Vec<&'n Entry>,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The fields of a node that must be a mapping; an empty one counts as a mapping without keys.
    pub(super) fn of(what: &'n str, place: Span, node: &'n Node, findings: &mut Findings) -> Option<Self> {
        let entries = match &node.content {
            Content::Mapping(entries) => entries.iter().collect(),
            _ if node.is_null() => Vec::new(),
            content => {
                findings.error(
                    node.span,
                    format!("{what} must be a mapping (`key: value` lines), not {}", kind_of(content)),
                );
                return None;
            }
        };
        Some(Self { what, place, entries, known: Vec::new() })
    }

    /// Reads a key.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'n Entry> {
        self.known.push(key);
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }

    /// Reads a key that must be there.
    pub(super) fn require(&mut self, key: &'static str, help: &str, findings: &mut Findings) -> Option<&'n Entry> {
        let entry = self.take(key);
        if entry.is_some() {
            return entry;
        }
        let slip = self.entries.iter().position(|entry| nearest(&entry.key, [key]).is_some());
        match slip.map(|at| self.entries.remove(at)) {
            Some(slip) => {
                let help = format!("did you mean `{key}`?");
                findings.error_with(slip.key_span, format!("unknown key `{}`", shown(&slip.key)), help);
            }
            None => findings.error_with(self.place, format!("{} lacks `{key}`", self.what), help.to_owned()),
        }
        None
    }

    /// Whether a key is there, read or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// What has not been read, in order.
    pub(super) fn rest(self) -> Vec<&'n Entry> {
        self.entries
    }

    /// Reports what has not been read.
    pub(super) fn finish(self, findings: &mut Findings) {
        for entry in self.entries {
            let help =
                if findings.is_full() { None } else { suggestion(&entry.key, "keys here", self.known.iter().copied()) };
            findings.error_with(entry.key_span, format!("unknown key `{}`", shown(&entry.key)), help);
        }
    }
}

/// The text of a scalar, as it is written; numbers and truth values keep their spelling.
pub(super) fn text<'n>(entry: &'n Entry, findings: &mut Findings) -> Option<&'n str> {
    match &entry.value.content {
        Content::Scalar { value: Value::Null, .. } => {
            findings.error(entry.key_span, format!("`{}` has no value", shown(&entry.key)));
            None
        }
        Content::Scalar { text, .. } => Some(text),
        content => {
            findings.error(entry.value.span, format!("`{}` must be text, not {}", shown(&entry.key), kind_of(content)));
            None
        }
    }
}

/// A whole number from `least` to `most`.
pub(super) fn whole_number(entry: &Entry, least: u32, most: u32, findings: &mut Findings) -> Option<u32> {
    let key = shown(&entry.key);
    let (found, written) = match &entry.value.content {
        Content::Scalar { value: Value::Number(number), text } => {
            (number.as_i64().ok_or("a number with a fraction"), text.as_str())
        }
        Content::Scalar { value, text } => (Err(type_of(value)), text.as_str()),
        content => (Err(kind_of(content)), ""),
    };
    match found {
        Ok(number) => match u32::try_from(number) {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                findings.error(entry.value.span, format!("`{key}` is {number}; it can be {least} to {most}"));
                None
            }
        },
        Err("nothing") => {
            findings.error(entry.key_span, format!("`{key}` has no value"));
            None
        }
        Err(found) => {
            let help = written.trim().parse::<i64>().ok().map(|number| format!("write it without quotes: {number}"));
            findings.error_with(entry.value.span, format!("`{key}` must be a whole number, not {found}"), help);
            None
        }
    }
}

/// What a node is, in a reader's words.
pub(super) fn kind_of(content: &Content) -> &'static str {
    match content {
        Content::Scalar { value, .. } => type_of(value),
        Content::Sequence(_) => "a list",
        Content::Mapping(_) => "a mapping",
    }
}
