//! Where in a body a placeholder stands.

use percent_encoding::percent_decode;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use super::{SubstituteError, Substitution};

/// How often a placeholder stands in these bytes.
pub(super) fn count(bytes: &[u8], placeholder: &[u8]) -> usize {
    starts(bytes, placeholder).count()
}

/// The bytes with each placeholder replaced.
pub(super) fn replace(bytes: &[u8], placeholder: &[u8], by: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len() + by.len());
    let mut end = 0;
    for start in starts(bytes, placeholder) {
        replaced.extend_from_slice(bytes.get(end..start).unwrap_or_default());
        replaced.extend_from_slice(by);
        end = start + placeholder.len();
    }
    replaced.extend_from_slice(bytes.get(end..).unwrap_or_default());
    replaced
}

/// Where it begins, left to right, without overlaps.
fn starts<'a>(bytes: &'a [u8], placeholder: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(from..)?;
        let at = from
            + rest
                .windows(placeholder.len())
                .position(|window| window == placeholder)?;
        from = at + placeholder.len();
        Some(at)
    })
}

/// How often it stands in the values of this field of a form.
pub(super) fn in_form(
    body: &[u8],
    placeholder: &[u8],
    field: &str,
) -> Result<usize, SubstituteError> {
    let mut inside = 0;
    for pair in body.split(|byte| *byte == b'&') {
        let found = count(pair, placeholder);
        if found == 0 {
            continue;
        }
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let name = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        let name_of_field = decoded(name) == field.as_bytes();
        // Some readers split at `;` as well (HTML 4.01, appendix B.2.2).
        if !name_of_field || pair.contains(&b';') || count(value, placeholder) != found {
            return Err(SubstituteError::Elsewhere {
                field: field.to_owned(),
            });
        }
        inside += found;
    }
    Ok(inside)
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&spaced).collect()
}

/// How often it stands in the string at this field of a JSON document.
pub(super) fn in_json(
    body: &[u8],
    placeholder: &str,
    field: &str,
) -> Result<usize, SubstituteError> {
    let document: Value =
        serde_json::from_slice(body).map_err(|_| SubstituteError::Malformed("JSON"))?;
    let text = match field_of(&document, field) {
        Some(Value::String(text)) => text,
        _ => return Ok(0),
    };
    Ok(text.matches(placeholder).count())
}

fn field_of<'a>(document: &'a Value, field: &str) -> Option<&'a Value> {
    if field.starts_with('/') {
        document.pointer(field)
    } else {
        document.get(field)
    }
}

/// Proves that every placeholder of the bytes stood in the field: the document with the secret must read as
/// the document before with nothing but that string changed. A member of the same name that readers skip, or
/// a placeholder spelled with escapes, makes a difference here.
pub(super) fn verify_json(
    before: &[u8],
    after: &[u8],
    one: &Substitution,
    value: &str,
) -> Result<(), SubstituteError> {
    let parse = |bytes| {
        serde_json::from_slice::<Value>(bytes).map_err(|_| SubstituteError::Malformed("JSON"))
    };
    let (mut expected, after) = (parse(before)?, parse(after)?);
    let place = if one.field.starts_with('/') {
        expected.pointer_mut(&one.field)
    } else {
        expected.get_mut(&one.field)
    };
    if let Some(Value::String(text)) = place {
        *text = text.replace(&one.placeholder, value);
    }
    if expected == after {
        Ok(())
    } else {
        Err(SubstituteError::Elsewhere {
            field: one.field.clone(),
        })
    }
}

/// How often it stands in the text of this element of an XML document.
pub(super) fn in_xml(
    body: &[u8],
    placeholder: &[u8],
    field: &str,
) -> Result<usize, SubstituteError> {
    let malformed = || SubstituteError::Malformed("XML");
    let path: Vec<&str> = field.split('/').collect();
    let mut reader = Reader::from_str(std::str::from_utf8(body).map_err(|_| malformed())?);
    let mut open: Vec<String> = Vec::new();
    let mut inside = 0;
    loop {
        match reader.read_event().map_err(|_| malformed())? {
            Event::Start(element) => open.push(element.local_name().as_ref().to_owned()),
            Event::End(_) => {
                open.pop();
            }
            Event::Text(text) if ends_with(&open, &path) => {
                inside += count(text.as_bytes(), placeholder)
            }
            // Entities could carry a placeholder elsewhere.
            Event::DocType(_) => return Err(malformed()),
            Event::Eof if open.is_empty() => return Ok(inside),
            Event::Eof => return Err(malformed()),
            _ => {}
        }
    }
}

fn ends_with(open: &[String], path: &[&str]) -> bool {
    open.len() >= path.len()
        && open
            .iter()
            .rev()
            .zip(path.iter().rev())
            .all(|(name, wanted)| name == wanted)
}
