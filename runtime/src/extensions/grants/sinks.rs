//! Where secrets may go: a placeholder stands in a field that the rule lists, and nowhere else.

use serde_json::Value;

use super::fields::{Miss, form_name_fits, path_fits, tokens};
use super::model::Rule;
use super::{HttpCall, Protocol};
use crate::credentials::wire::Asked;

/// Checks the substitutions of a request; answers the fields that secrets go to.
///
/// The body is what was read as `asked`; so each placeholder that the host will find in its bytes must be one
/// that stands in a granted field.
pub(super) fn check(
    call: &HttpCall<'_>,
    protocol: Protocol,
    asked: &Asked,
    rule: Option<&Rule>,
) -> Result<Vec<String>, Miss> {
    let granted = rule.map(|rule| rule.secrets.as_slice()).unwrap_or_default();
    for (index, substitution) in call.substitutions.iter().enumerate() {
        let field = substitution.field.as_str();
        let refused = |why: &str| Err(Miss::never(field, why));
        if !granted.iter().any(|pattern| names(pattern, field)) {
            return Err(Miss::new(field, "is no field that a secret may be written into"));
        }
        if !protocol.encodings().contains(&substitution.encoding) {
            return refused("takes a secret only in the encoding of its body");
        }
        let placeholder = substitution.placeholder.as_str();
        if !is_placeholder(placeholder) {
            return refused("has a placeholder that is not 8 to 200 letters, digits, `-`, `_`, `.` and `~`");
        }
        let clashes = call.substitutions.iter().take(index).any(|other| {
            match other.placeholder == placeholder {
                // One placeholder is one secret, in one form, in several fields.
                true => {
                    other.secret != substitution.secret
                        || other.encoding != substitution.encoding
                        || other.field == field
                }
                false => other.placeholder.contains(placeholder) || placeholder.contains(&other.placeholder),
            }
        });
        if clashes {
            return refused("has a placeholder that another secret uses");
        }
        if count(text_at(asked, field).unwrap_or_default().as_bytes(), placeholder) == 0 {
            return refused("does not hold the placeholder");
        }
        let in_fields: usize = call
            .substitutions
            .iter()
            .filter(|other| other.placeholder == placeholder)
            .map(|other| count(text_at(asked, &other.field).unwrap_or_default().as_bytes(), placeholder))
            .sum();
        if in_fields != count(call.body, placeholder) {
            return refused("is not the only place of its placeholder");
        }
    }
    Ok(call.substitutions.iter().map(|substitution| substitution.field.clone()).collect())
}

fn names(pattern: &str, field: &str) -> bool {
    match (pattern.starts_with('/'), field.starts_with('/')) {
        (true, true) => path_fits(&tokens(pattern), &tokens(field)),
        (false, false) => form_name_fits(pattern, field),
        _ => false,
    }
}

/// Only characters that no encoding of a body changes.
fn is_placeholder(text: &str) -> bool {
    (8..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
}

fn text_at<'a>(asked: &'a Asked, field: &str) -> Option<&'a str> {
    match asked {
        Asked::Form { fields, .. } => fields.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str()),
        Asked::Json { body, .. } => body.pointer(field).and_then(Value::as_str),
        Asked::Rest { body, .. } => body.as_ref()?.pointer(field).and_then(Value::as_str),
    }
}

/// How often a placeholder is found when each is replaced from the left, as the host does.
fn count(text: &[u8], placeholder: &str) -> usize {
    let wanted = placeholder.as_bytes();
    let mut rest = text;
    let mut found = 0;
    while let Some(at) = rest.windows(wanted.len()).position(|window| window == wanted) {
        found += 1;
        rest = rest.get(at + wanted.len()..).unwrap_or_default();
    }
    found
}
