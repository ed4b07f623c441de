//! Finding the references in a value.

use std::ops::Range;

use super::super::words::shown;
use super::Fault;
use crate::ids::Name;

/// A piece of a value before anything is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Part {
    Literal(String),
    /// `$CLOUDARK_…`: what follows the `_`.
    Variable {
        name: String,
        range: Range<usize>,
    },
    Output {
        resource: String,
        output: String,
        range: Range<usize>,
    },
    Secret {
        name: Name,
        range: Range<usize>,
    },
}

/// The parts of a value.
pub(in super::super) fn parts(text: &str) -> Result<Vec<Part>, Vec<Fault>> {
    let (parts, faults) = scan(text);
    if faults.is_empty() { Ok(parts) } else { Err(faults) }
}

const VARIABLE: &str = "CLOUDARK_";
/// The longest reference in braces, in characters: two names and a few signs.
const MAX_BRACED: usize = 256;
/// Faults of one value beyond this many are not listed.
pub(super) const MAX_FAULTS: usize = 20;

pub(super) fn scan(text: &str) -> (Vec<Part>, Vec<Fault>) {
    let (mut parts, mut faults) = (Vec::new(), Vec::new());
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$').filter(|_| faults.len() < MAX_FAULTS) {
        literal.push_str(before);
        let start = text.len() - after.len() - 1;
        let (found, length) = reference(after, start);
        rest = after.get(length..).unwrap_or_default();
        match found {
            Ok(Part::Literal(text)) => literal.push_str(&text),
            Ok(part) => {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(part);
            }
            Err(fault) => faults.push(fault),
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() || parts.is_empty() {
        parts.push(Part::Literal(literal));
    }
    (parts, faults)
}

/// What follows a `$` that is at `start`, and how many bytes of it belong to the reference.
fn reference(after: &str, start: usize) -> (Result<Part, Fault>, usize) {
    if after.starts_with('$') {
        return (Ok(Part::Literal("$".to_owned())), 1);
    }
    if let Some(name) = after.strip_prefix(VARIABLE) {
        let length = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
        let name = name.get(..length).unwrap_or_default().to_owned();
        let length = VARIABLE.len() + length;
        return (Ok(Part::Variable { name, range: start..start + 1 + length }), length);
    }
    let Some(inner) = after.strip_prefix('{') else {
        return (Ok(Part::Literal("$".to_owned())), 0);
    };
    let end = inner.char_indices().take(MAX_BRACED).find(|(_, c)| *c == '}').map(|(at, _)| at);
    match end.and_then(|end| inner.get(..end)) {
        None => {
            let fault = Fault {
                range: start..start + 2,
                message: "`${` without its `}`".to_owned(),
                help: Some("write `$${` for the two characters themselves".to_owned()),
            };
            (Err(fault), 1)
        }
        Some(inside) => {
            let length = inside.len() + 2;
            (braced(inside, start..start + 1 + length), length)
        }
    }
}

fn braced(inside: &str, range: Range<usize>) -> Result<Part, Fault> {
    let forms = || {
        format!(
            "`${{NAME.Output}}` and `${{secret.NAME}}` are references; write `$${{{}}}` for the text itself",
            shown(inside)
        )
    };
    let fault = |message, help| Err(Fault { range: range.clone(), message, help: Some(help) });
    if let Some(name) = inside.strip_prefix("secret.") {
        return match name.parse() {
            Ok(name) => Ok(Part::Secret { name, range }),
            Err(error) => fault(format!("`${{{}}}` names no secret: {error}", shown(inside)), forms()),
        };
    }
    match inside.rsplit_once('.') {
        Some((resource, output)) if !resource.is_empty() && !output.is_empty() => {
            Ok(Part::Output { resource: resource.to_owned(), output: output.to_owned(), range })
        }
        _ => fault(format!("`${{{}}}` refers to nothing", shown(inside)), forms()),
    }
}
