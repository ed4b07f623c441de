//! YAML with places: a tree in which every key and value knows its span.
//!
//! Made from the parser's events, not from its ready-made tree, which stops at the first duplicate key and
//! expands aliases before anyone can count. Here a file is bounded before it costs anything: its size, its depth
//! and its nodes, those that aliases repeat included.

use std::collections::BTreeMap;

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use serde_json::Value;

use super::findings::Findings;
use super::source::Source;
use super::syntax;
use super::words::shown;
use crate::problem::Span;

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// How deep mappings and lists may nest.
pub const MAX_DEPTH: usize = 64;
/// How many keys and values a file may have, those that aliases repeat included.
pub const MAX_NODES: usize = 100_000;

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
        matches!(
            &self.content,
            Content::Scalar {
                value: Value::Null,
                ..
            }
        )
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
            let (nodes, depth) = children
                .map(Self::measure)
                .fold((0, 0), |sum, child| (sum.0 + child.0, sum.1.max(child.1)));
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
        let message = format!(
            "the file is {} bytes long; files end before {MAX_BYTES} bytes",
            source.text().len()
        );
        findings.error(source.span(0, 0), message);
        return None;
    }
    Loader {
        source,
        findings,
        stack: Vec::new(),
        root: None,
        anchors: BTreeMap::new(),
        nodes: 0,
    }
    .run()
}

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    start: usize,
    inside: Inside,
}

enum Inside {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        seen: BTreeMap<String, Span>,
        key: Key,
    },
}

/// What a mapping waits for.
enum Key {
    Awaited,
    Read(String, Span),
    /// The value that comes belongs to a key that was refused.
    Refused,
}

struct Loader<'l, 't> {
    source: &'l Source<'t>,
    findings: &'l mut Findings,
    stack: Vec<Open>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

/// Reading cannot go on; the findings say why.
struct Stop;

impl<'t> Loader<'_, 't> {
    fn run(mut self) -> Option<Node> {
        let mut parser = Parser::<StrInput<'t>>::new_from_str(self.source.text());
        while let Some(event) = parser.next_event() {
            let going = match event {
                Ok((event, span)) => self.on(event, span),
                Err(error) => {
                    syntax::explain(self.source, &error, self.findings);
                    Err(Stop)
                }
            };
            going.ok()?;
        }
        if self.root.is_none() {
            self.findings
                .error(self.source.span(0, 0), "the file is empty");
        }
        self.root
    }

    fn on(&mut self, event: Event<'t>, place: saphyr_parser::Span) -> Result<(), Stop> {
        let (start, end) = (place.start.index(), place.end.index());
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                let span = self.source.span_of_characters(start, end);
                self.findings.error(
                    span,
                    "a second document begins here; one file is one document",
                );
                Err(Stop)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.scalar_span(start, end, style);
                let node = self.scalar(&text, style, tag.as_deref(), span);
                self.complete(anchor, node)
            }
            Event::SequenceStart(anchor, tag) => self.open(
                anchor,
                start,
                tag.as_deref(),
                "seq",
                Inside::Sequence(Vec::new()),
            ),
            Event::MappingStart(anchor, tag) => {
                let inside = Inside::Mapping {
                    entries: Vec::new(),
                    seen: BTreeMap::new(),
                    key: Key::Awaited,
                };
                self.open(anchor, start, tag.as_deref(), "map", inside)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end),
            Event::Alias(id) => self.alias(id, self.source.span_of_characters(start, end)),
            _ => Ok(()),
        }
    }

    /// The parser's span of a block scalar leaves out its `|`: with it, whoever replaces the span replaces all of it.
    fn scalar_span(&self, start: usize, end: usize, style: ScalarStyle) -> Span {
        let span = self.source.span_of_characters(start, end);
        if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return span;
        }
        self.source
            .line_before(span.start)
            .and_then(|(begin, line)| {
                syntax::block_header(line).map(|at| self.source.span(begin + at, span.end))
            })
            .unwrap_or(span)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        self.refuse_tag(tag, &["str", "int", "float", "bool", "null"], span);
        let tag = tag.cloned().map(std::borrow::Cow::Owned);
        let value = match Scalar::parse_from_cow_and_metadata(text.into(), style, tag.as_ref()) {
            Some(Scalar::Null) => Value::Null,
            Some(Scalar::Boolean(truth)) => Value::Bool(truth),
            Some(Scalar::Integer(number)) => number.into(),
            Some(Scalar::FloatingPoint(number)) => {
                serde_json::Number::from_f64(number.into_inner())
                    .map_or_else(|| Value::String(text.to_owned()), Value::Number)
            }
            Some(Scalar::String(text)) => Value::String(text.into_owned()),
            None => {
                self.findings
                    .error(span, format!("`{}` is not what its tag says", shown(text)));
                Value::Null
            }
        };
        Node::new(
            span,
            Content::Scalar {
                text: text.to_owned(),
                value,
            },
        )
    }

    fn open(
        &mut self,
        anchor: usize,
        start: usize,
        tag: Option<&Tag>,
        natural: &str,
        inside: Inside,
    ) -> Result<(), Stop> {
        let span = self.source.span_of_characters(start, start);
        self.refuse_tag(tag, &[natural], span);
        if self.stack.len() >= MAX_DEPTH {
            return self.too_deep(span);
        }
        self.stack.push(Open {
            anchor,
            start,
            inside,
        });
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<(), Stop> {
        let Some(open) = self.stack.pop() else {
            return Ok(());
        };
        let span = self.source.span_of_characters(open.start, end);
        let content = match open.inside {
            Inside::Sequence(items) => Content::Sequence(items),
            Inside::Mapping { entries, .. } => Content::Mapping(entries),
        };
        self.complete(open.anchor, Node::new(span, content))
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Stop> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            self.findings.error(
                span,
                format!(
                    "`{}` refers to something that contains it",
                    self.source.slice(span)
                ),
            );
            return Err(Stop);
        };
        let (nodes, depth) = node.measure();
        self.count(nodes, span)?;
        if self.stack.len() + depth > MAX_DEPTH {
            return self.too_deep(span);
        }
        self.place(node)
    }

    /// A node has come to its end: remember it for aliases, and put it where it belongs.
    fn complete(&mut self, anchor: usize, node: Node) -> Result<(), Stop> {
        self.count(1, node.span)?;
        if anchor > 0 {
            self.count(node.measure().0, node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), Stop> {
        match self.stack.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::Sequence(items)) => items.push(node),
            Some(Inside::Mapping { entries, seen, key }) => {
                match std::mem::replace(key, Key::Awaited) {
                    Key::Awaited => *key = read_key(node, seen, self.findings),
                    Key::Read(name, key_span) => entries.push(Entry {
                        key: name,
                        key_span,
                        value: node,
                    }),
                    Key::Refused => {}
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!(
            "the file has more than {MAX_NODES} keys and values, counting what aliases repeat"
        );
        self.findings.error(span, message);
        Err(Stop)
    }

    fn too_deep(&mut self, span: Span) -> Result<(), Stop> {
        self.findings.error(
            span,
            format!("mappings and lists nest more than {MAX_DEPTH} deep here"),
        );
        Err(Stop)
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, known: &[&str], span: Span) {
        let Some(tag) = tag else { return };
        let natural = tag.handle.is_empty() && tag.suffix == "!";
        let understood = tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str());
        if !(natural || understood) {
            self.findings.error(
                span,
                format!("the tag `{}` means nothing here", shown(&tag.to_string())),
            );
        }
    }
}

fn read_key(node: Node, seen: &mut BTreeMap<String, Span>, findings: &mut Findings) -> Key {
    let Content::Scalar { text, value } = node.content else {
        findings.error(node.span, "a key must be a word, not a list or a mapping");
        return Key::Refused;
    };
    if value.is_null() {
        findings.error(node.span, "a key is missing before the `:`");
        return Key::Refused;
    }
    if text == "<<" {
        let help = "write the keys out; anchors and aliases work for whole values".to_owned();
        findings.error_with(
            node.span,
            "merge keys (`<<`) are not part of YAML 1.2",
            help,
        );
        return Key::Refused;
    }
    if let Some(first) = seen.get(&text) {
        let message = format!(
            "`{}` is given twice; the first is in line {}",
            shown(&text),
            first.line
        );
        findings.error_with(node.span, message, "keep one of them".to_owned());
        return Key::Refused;
    }
    seen.insert(text.clone(), node.span);
    Key::Read(text, node.span)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> (Option<Value>, Vec<String>) {
        let mut findings = Findings::default();
        let node = load(&Source::new(text), &mut findings);
        let parsed = findings.conclude(node);
        (
            parsed.value.map(|node| node.to_json()),
            parsed.diagnostics.into_iter().map(|d| d.message).collect(),
        )
    }

    #[test]
    fn scalars_are_those_of_yaml_1_2() {
        let (value, _) =
            read("a: yes\nb: true\nc: 1\nd: 1.5\ne: '1'\nf:\ng: !!str 2\nh: 0o10\ni: .inf\n");
        let wanted = json!({"a": "yes", "b": true, "c": 1, "d": 1.5, "e": "1", "f": null, "g": "2", "h": 8, "i": ".inf"});
        assert_eq!(value, Some(wanted));
    }

    #[test]
    fn every_duplicate_key_is_reported() {
        let (_, messages) = read("a: 1\nb: {c: 1, c: 2}\na: 2\n");
        assert_eq!(
            messages,
            [
                "`c` is given twice; the first is in line 2",
                "`a` is given twice; the first is in line 1"
            ]
        );
    }

    #[test]
    fn an_alias_bomb_does_not_go_off() {
        let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (name, of) in ('b'..'k').zip('a'..) {
            text += &format!(
                "{name}: &{name} [{}]\n",
                vec![format!("*{of}"); 10].join(", ")
            );
        }
        let (value, messages) = read(&text);
        assert_eq!(value, None);
        assert_eq!(
            messages,
            ["the file has more than 100000 keys and values, counting what aliases repeat"]
        );
    }

    #[test]
    fn an_alias_repeats_its_value() {
        assert_eq!(
            read("a: &x {k: v}\nb: *x\n").0,
            Some(json!({"a": {"k": "v"}, "b": {"k": "v"}}))
        );
        assert_eq!(
            read("a: &x [*x]\n").1,
            ["`*x` refers to something that contains it"]
        );
    }

    #[test]
    fn depth_size_and_documents_are_bounded() {
        assert_eq!(
            read(&"[".repeat(2000)).1,
            ["mappings and lists nest more than 64 deep here"]
        );
        assert_eq!(
            read(&"- ".repeat(2000)).1,
            ["mappings and lists nest more than 64 deep here"]
        );
        assert!(
            read(&"#".repeat(MAX_BYTES + 1)).1[0].starts_with("the file is 1048577 bytes long")
        );
        assert_eq!(
            read("a: 1\n---\nb: 2\n").1,
            ["a second document begins here; one file is one document"]
        );
        assert_eq!(read("# nothing\n").1, ["the file is empty"]);
    }

    #[test]
    fn odd_keys_are_refused() {
        assert_eq!(
            read("? [a]\n: b\n").1,
            ["a key must be a word, not a list or a mapping"]
        );
        assert_eq!(
            read("a: &x {k: v}\nb:\n  <<: *x\n").1,
            ["merge keys (`<<`) are not part of YAML 1.2"]
        );
        assert_eq!(
            read("a: !password x\n").1,
            ["the tag `!password` means nothing here"]
        );
    }

    #[test]
    fn a_block_scalar_spans_its_header_and_nothing_after() {
        let text = "a: | # |\n  one\n  two\n\nb: 1\n";
        let source = Source::new(text);
        let node = load(&source, &mut Findings::default()).unwrap();
        let Content::Mapping(entries) = node.content else {
            unreachable!()
        };
        assert_eq!(source.slice(entries[0].value.span), "| # |\n  one\n  two");
    }
}
