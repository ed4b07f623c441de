//! Where each value of a configuration stands in its file.

use std::collections::BTreeMap;

use super::yaml::{Content, Node};
use crate::problem::Span;

/// The places of a piece's configuration, by JSON pointer (RFC 6901) into it: what an extension or a schema says
/// about a value is shown where the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    whole: Span,
    values: BTreeMap<String, Span>,
    keys: BTreeMap<String, Span>,
}

impl Places {
    /// `whole` stands for the piece itself, and for what is not in the file.
    pub(super) fn new(whole: Span) -> Self {
        Self { whole, values: BTreeMap::new(), keys: BTreeMap::new() }
    }

    /// The place of the value at a pointer; that of the nearest value around it when it is not in the file.
    #[must_use]
    pub fn value(&self, pointer: &str) -> Span {
        nearest(&self.values, pointer).unwrap_or(self.whole)
    }

    /// The place of the key of the value at a pointer; that of the nearest key around it when it is not in the file.
    #[must_use]
    pub fn key(&self, pointer: &str) -> Span {
        nearest(&self.keys, pointer).unwrap_or(self.whole)
    }

    /// Remembers a value and everything in it.
    pub(super) fn record(&mut self, pointer: &str, key: Option<Span>, node: &Node) {
        self.values.insert(pointer.to_owned(), node.span);
        if let Some(key) = key {
            self.keys.insert(pointer.to_owned(), key);
        }
        match &node.content {
            Content::Scalar { .. } => {}
            Content::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.record(&child(pointer, &index.to_string()), None, item);
                }
            }
            Content::Mapping(entries) => {
                for entry in entries {
                    self.record(&child(pointer, &entry.key), Some(entry.key_span), &entry.value);
                }
            }
        }
    }
}

fn nearest(spans: &BTreeMap<String, Span>, pointer: &str) -> Option<Span> {
    let mut pointer = pointer;
    loop {
        if let Some(span) = spans.get(pointer) {
            return Some(*span);
        }
        pointer = pointer.rsplit_once('/')?.0;
    }
}

/// The pointer of a member.
pub(super) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// `/policy/access` as a reader says it: `policy.access`.
pub(super) fn dotted(pointer: &str) -> String {
    let parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    super::words::shown(&parts.collect::<Vec<_>>().join("."))
}
