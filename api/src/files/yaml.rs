//! YAML with places: a tree in which every key and value knows its span.
//!
//! Made from the parser's events, not from its ready-made tree, which stops at the first duplicate key and
//! expands aliases before anyone can count. Here a file is bounded before it costs anything: its size, its depth
//! and its nodes, those that aliases repeat included.

mod loader;

use serde_json::Value;

use super::findings::Findings;
use super::source::Source;
use crate::problem::Span;
use loader::Loader;

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// How deep mappings and lists may nest.
pub const MAX_DEPTH: usize = 64;
/// How many keys and values a file may have, those that aliases repeat included.
pub const MAX_NODES: usize = 200_000;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) content: Content,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A scalar: as it is written (without quotes), and what YAML 1.2 takes it for.
    Scalar {
        text: String,
        value: Value,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

impl Node {
    fn new(span: Span, content: Content) -> Self {
        Self { span, content }
    }

    /// Whether nothing is written here.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { value: Value::Null, .. })
    }

    /// The node as JSON, without its places.
    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar { value, .. } => value.clone(),
            Content::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Content::Mapping(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// How many nodes it has, keys included, and how deep they nest.
    fn measure(&self) -> (usize, usize) {
        let of = |children: &mut dyn Iterator<Item = &Node>| {
            let (nodes, depth) =
                children.map(Self::measure).fold((0, 0), |sum, child| (sum.0 + child.0, sum.1.max(child.1)));
            (nodes + 1, depth + 1)
        };
        match &self.content {
            Content::Scalar { .. } => (1, 0),
            Content::Sequence(items) => of(&mut items.iter()),
            Content::Mapping(entries) => {
                let (nodes, depth) = of(&mut entries.iter().map(|entry| &entry.value));
                (nodes + entries.len(), depth)
            }
        }
    }
}

/// Reads a text that must be one YAML document. `None` when it is no YAML at all: then the findings say why.
pub(super) fn load(source: &Source<'_>, findings: &mut Findings) -> Option<Node> {
    if source.text().len() > MAX_BYTES {
        let message = format!("the file is {} bytes long; files end before {MAX_BYTES} bytes", source.text().len());
        findings.error(source.span(0, 0), message);
        return None;
    }
    Loader::new(source, findings).run()
}

#[cfg(test)]
mod tests;
