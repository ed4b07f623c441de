//! Bodies as trees: strict JSON, and XML in the shape of JSON.
//!
//! Both read bytes from outside, so both bound their depth and neither panics on anything.

use std::fmt;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep elements may nest. Answers of real services stay below 20.
const MAX_DEPTH: usize = 64;

/// Why bytes are not a tree; reads on after "the body …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Not JSON, or JSON that parsers read in different ways.
    #[error("is not JSON that can be read in one way only: {0}")]
    Json(String),
    /// Not XML, or XML with a document type or entities of its own.
    #[error("is not plain XML: {0}")]
    Xml(String),
}

/// A JSON text (RFC 8259) in which no object has a key twice: of two, parsers take one or the other.
///
/// # Errors
/// What is wrong with it.
pub fn json(bytes: &[u8]) -> Result<Value, TreeError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut reader).map_err(|e| TreeError::Json(e.to_string()))?;
    reader.end().map_err(|e| TreeError::Json(e.to_string()))?;
    Ok(value)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format!("the key `{}` is there twice", key.escape_default())));
            }
            let value = access.next_value_seed(Strict)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// One open element.
struct Open {
    name: String,
    children: Map<String, Value>,
    text: String,
}

impl Open {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), children: Map::new(), text: String::new() }
    }

    /// An element with children is an object of them; one without is its text.
    fn close(self) -> (String, Value) {
        let value = match self.children.is_empty() {
            true => Value::String(self.text),
            false => Value::Object(self.children),
        };
        (self.name, value)
    }

    /// Elements of one name become an array.
    fn add(&mut self, (name, value): (String, Value)) {
        match self.children.get_mut(&name) {
            None => {
                self.children.insert(name, value);
            }
            Some(Value::Array(items)) => items.push(value),
            Some(first) => {
                let items = vec![first.take(), value];
                *first = Value::Array(items);
            }
        }
    }
}

/// An XML document as a tree: elements by their local names, attributes left out. `<a><b>1</b><b>2</b></a>` is
/// `{"a": {"b": ["1", "2"]}}`; with one `b`, `{"a": {"b": "1"}}`.
///
/// # Errors
/// What is wrong with it; a document type is, and so is an entity but the five predefined ones.
pub fn xml(bytes: &[u8]) -> Result<Value, TreeError> {
    let bad = |why: &dyn fmt::Display| TreeError::Xml(why.to_string());
    let text = std::str::from_utf8(bytes).map_err(|e| bad(&e))?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut stack = vec![Open::new("")];
    loop {
        let event = reader.read_event().map_err(|e| bad(&e))?;
        let top = stack.last_mut().ok_or_else(|| bad(&"an element ends that did not begin"))?;
        match event {
            Event::Start(start) => {
                let open = Open::new(start.local_name().as_ref());
                if stack.len() > MAX_DEPTH {
                    return Err(bad(&"it nests too deeply"));
                }
                stack.push(open);
            }
            Event::Empty(start) => top.add(Open::new(start.local_name().as_ref()).close()),
            Event::End(_) => {
                let closed = stack.pop().map(Open::close).ok_or_else(|| bad(&"it ends twice"))?;
                let parent = stack.last_mut().ok_or_else(|| bad(&"an element ends that did not begin"))?;
                parent.add(closed);
            }
            Event::Text(text) => top.text.push_str(&text.xml10_content()),
            Event::CData(text) => top.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().map_err(|e| bad(&e))? {
                    Some(character) => character,
                    None => predefined(&reference.into_inner()).ok_or_else(|| bad(&"it has an entity of its own"))?,
                };
                top.text.push(character);
            }
            Event::DocType(_) => return Err(bad(&"it has a document type")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match (stack.pop(), stack.is_empty()) {
        (Some(root), true) if !root.children.is_empty() => Ok(Value::Object(root.children)),
        _ => Err(bad(&"it ends before its elements do")),
    }
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// The tree of an answer: JSON if it is that, or else XML.
pub fn answer(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok().or_else(|| xml(bytes).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json as value;

    #[test]
    fn a_key_that_is_there_twice_is_refused_at_any_depth() {
        assert!(json(br#"{"a":1,"a":2}"#).is_err());
        assert!(json(br#"[{"b":{"a":1,"\u0061":2}}]"#).is_err());
        assert!(json(br#"{"a":1} {"a":1}"#).is_err());
        assert_eq!(json(br#"{"a":[1,-2,0.5,null,true,"x"]}"#).unwrap(), value!({"a":[1,-2,0.5,null,true,"x"]}));
    }

    #[test]
    fn repeated_elements_become_an_array() {
        let text = br#"<?xml version="1.0"?><r xmlns="x"><a:i xmlns:a="y">1</a:i><i>2</i><e/><t> a &amp; &#66;<![CDATA[<]]></t></r>"#;
        assert_eq!(xml(text).unwrap(), value!({"r": {"i": ["1", "2"], "e": "", "t": " a & B<"}}));
    }

    #[test]
    fn document_types_and_entities_are_refused() {
        for text in ["<!DOCTYPE r><r/>", "<r>&x;</r>", "<r>", "</r>", "", "<r></q>", "text"] {
            assert!(xml(text.as_bytes()).is_err(), "{text}");
        }
        let deep = "<a>".repeat(100_000);
        assert!(xml(deep.as_bytes()).is_err());
        let deep = "[".repeat(100_000);
        assert!(json(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_crash_the_readers(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[<>/a&;!\\[\\]\"{}:,]{0,60}") {
            for body in [bytes.as_slice(), text.as_bytes()] {
                let _ = (json(body), xml(body), answer(body));
            }
        }

        #[test]
        fn what_serde_writes_is_read_back(keys in proptest::collection::btree_map("[a-z]{1,3}", "\\PC{0,8}", 0..5)) {
            let text = serde_json::to_vec(&keys).unwrap();
            prop_assert_eq!(json(&text).unwrap(), serde_json::to_value(&keys).unwrap());
        }
    }
}
