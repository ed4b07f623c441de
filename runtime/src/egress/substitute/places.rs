//! Where in a body a placeholder stands.

use percent_encoding::percent_decode;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use super::{Place, SubstituteError};

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
        let at = from + rest.windows(placeholder.len()).position(|window| window == placeholder)?;
        from = at + placeholder.len();
        Some(at)
    })
}

/// How often it stands in the values of each of these fields of a form; none when it stands anywhere else.
pub(super) fn in_form(body: &[u8], placeholder: &[u8], fields: &[&str]) -> Option<Vec<usize>> {
    let mut inside = vec![0; fields.len()];
    for pair in body.split(|byte| *byte == b'&') {
        let found = count(pair, placeholder);
        if found == 0 {
            continue;
        }
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let name = decoded(parts.next().unwrap_or_default());
        let value = parts.next().unwrap_or_default();
        let field = fields.iter().position(|field| field.as_bytes() == name)?;
        // Some readers split at `;` as well (HTML 4.01, appendix B.2.2).
        if pair.contains(&b';') || count(value, placeholder) != found {
            return None;
        }
        *inside.get_mut(field)? += found;
    }
    Some(inside)
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

/// How often it stands in the string at each of these fields of a JSON document.
pub(super) fn in_json(body: &[u8], placeholder: &str, fields: &[&str]) -> Result<Vec<usize>, SubstituteError> {
    let document = parse(body)?;
    let found = |field: &&str| {
        let place = if field.starts_with('/') { document.pointer(field) } else { document.get(field) };
        place.and_then(Value::as_str).map_or(0, |text| text.matches(placeholder).count())
    };
    Ok(fields.iter().map(found).collect())
}

fn parse(bytes: &[u8]) -> Result<Value, SubstituteError> {
    serde_json::from_slice(bytes).map_err(|_| SubstituteError::Malformed("JSON"))
}

/// Proves that every placeholder of the bytes stood in the fields: the document with the secret must read as
/// the document before with nothing but those strings changed. A member of the same name that readers skip,
/// or a placeholder spelled with escapes, makes a difference here.
pub(super) fn json_differs_only_there(
    before: &[u8],
    after: &[u8],
    place: &Place<'_>,
    value: &str,
) -> Result<bool, SubstituteError> {
    let (mut expected, after) = (parse(before)?, parse(after)?);
    for field in &place.fields {
        let place_of_field =
            if field.starts_with('/') { expected.pointer_mut(field) } else { expected.get_mut(*field) };
        if let Some(Value::String(text)) = place_of_field {
            *text = text.replace(&place.one.placeholder, value);
        }
    }
    Ok(expected == after)
}

/// How often it stands in the text of each of these elements of an XML document.
pub(super) fn in_xml(body: &[u8], placeholder: &[u8], fields: &[&str]) -> Result<Vec<usize>, SubstituteError> {
    let malformed = || SubstituteError::Malformed("XML");
    let paths: Vec<Vec<&str>> = fields.iter().map(|field| field.split('/').collect()).collect();
    let mut reader = Reader::from_str(std::str::from_utf8(body).map_err(|_| malformed())?);
    let mut open: Vec<String> = Vec::new();
    let mut inside = vec![0; fields.len()];
    loop {
        match reader.read_event().map_err(|_| malformed())? {
            Event::Start(element) => open.push(element.local_name().as_ref().to_owned()),
            Event::End(_) => {
                open.pop();
            }
            Event::Text(text) => {
                let found = count(text.as_bytes(), placeholder);
                let element = paths.iter().position(|path| ends_with(&open, path));
                if let Some(inside) = element.and_then(|index| inside.get_mut(index)) {
                    *inside += found;
                }
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
    open.len() >= path.len() && open.iter().rev().zip(path.iter().rev()).all(|(name, wanted)| name == wanted)
}
