//! From the parser's events to a tree.

use std::collections::BTreeMap;

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use serde_json::Value;

use super::super::findings::Findings;
use super::super::source::Source;
use super::super::syntax;
use super::super::words::shown;
use super::{Content, Entry, MAX_DEPTH, MAX_NODES, Node};
use crate::problem::Span;

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    start: usize,
    inside: Inside,
}

enum Inside {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, seen: BTreeMap<String, Span>, key: Key },
}

/// What a mapping waits for.
enum Key {
    Awaited,
    Read(String, Span),
    /// The value that comes belongs to a key that was refused.
    Refused,
}

pub(super) struct Loader<'l, 't> {
    source: &'l Source<'t>,
    findings: &'l mut Findings,
    stack: Vec<Open>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

/// Reading cannot go on; the findings say why.
struct Stop;

impl<'l, 't> Loader<'l, 't> {
    pub(super) fn new(source: &'l Source<'t>, findings: &'l mut Findings) -> Self {
        Self { source, findings, stack: Vec::new(), root: None, anchors: BTreeMap::new(), nodes: 0 }
    }

    /// Reads all of the text.
    pub(super) fn run(mut self) -> Option<Node> {
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
            self.findings.error(self.source.span(0, 0), "the file is empty");
        }
        self.root
    }

    fn on(&mut self, event: Event<'t>, place: saphyr_parser::Span) -> Result<(), Stop> {
        let (start, end) = (place.start.index(), place.end.index());
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                let span = self.source.span_of_characters(start, end);
                self.findings.error(span, "a second document begins here; one file is one document");
                Err(Stop)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.scalar_span(start, end, style);
                let node = self.scalar(&text, style, tag.as_deref(), span);
                self.complete(anchor, node)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(anchor, start, tag.as_deref(), "seq", Inside::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let inside = Inside::Mapping { entries: Vec::new(), seen: BTreeMap::new(), key: Key::Awaited };
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
            .and_then(|(begin, line)| syntax::block_header(line).map(|at| self.source.span(begin + at, span.end)))
            .unwrap_or(span)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        self.refuse_tag(tag, &["str", "int", "float", "bool", "null"], span);
        let tag = tag.cloned().map(std::borrow::Cow::Owned);
        let value = match Scalar::parse_from_cow_and_metadata(text.into(), style, tag.as_ref()) {
            Some(Scalar::Null) => Value::Null,
            Some(Scalar::Boolean(truth)) => Value::Bool(truth),
            Some(Scalar::Integer(number)) => number.into(),
            Some(Scalar::FloatingPoint(number)) => serde_json::Number::from_f64(number.into_inner())
                .map_or_else(|| Value::String(text.to_owned()), Value::Number),
            Some(Scalar::String(text)) => Value::String(text.into_owned()),
            None => {
                self.findings.error(span, format!("`{}` is not what its tag says", shown(text)));
                Value::Null
            }
        };
        Node::new(span, Content::Scalar { text: text.to_owned(), value })
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
        self.stack.push(Open { anchor, start, inside });
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
            self.findings.error(span, format!("`{}` refers to something that contains it", self.source.slice(span)));
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
            Some(Inside::Mapping { entries, seen, key }) => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited => *key = read_key(node, seen, self.findings),
                Key::Read(name, key_span) => entries.push(Entry { key: name, key_span, value: node }),
                Key::Refused => {}
            },
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!("the file has more than {MAX_NODES} keys and values, counting what aliases repeat");
        self.findings.error(span, message);
        Err(Stop)
    }

    fn too_deep(&mut self, span: Span) -> Result<(), Stop> {
        self.findings.error(span, format!("mappings and lists nest more than {MAX_DEPTH} deep here"));
        Err(Stop)
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, known: &[&str], span: Span) {
        let Some(tag) = tag else { return };
        let natural = tag.handle.is_empty() && tag.suffix == "!";
        let understood = tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str());
        if !(natural || understood) {
            self.findings.error(span, format!("the tag `{}` means nothing here", shown(&tag.to_string())));
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
        findings.error_with(node.span, "merge keys (`<<`) are not part of YAML 1.2", help);
        return Key::Refused;
    }
    if let Some(first) = seen.get(&text) {
        let message = format!("`{}` is given twice; the first is in line {}", shown(&text), first.line);
        findings.error_with(node.span, message, "keep one of them".to_owned());
        return Key::Refused;
    }
    seen.insert(text.clone(), node.span);
    Key::Read(text, node.span)
}
