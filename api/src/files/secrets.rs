//! Secrets in files: the fields that a schema marks `writeOnly`.
//!
//! The server takes their values out before anything is stored or handed to an extension, and stores the file with
//! [`redact`]ed text.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::findings::Findings;
use super::interpolate::{self, Part};
use super::places::{Places, dotted};
use super::walk;
use crate::ids::Name;
use crate::problem::Span;

/// A secret that stood in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// JSON pointer into the configuration; the value there is now `null`.
    pub pointer: String,
    /// What stood there.
    pub given: Given,
    /// Where it stands in the file, its quotes included: what [`redact`] replaces.
    pub span: Span,
}

/// How a user gave a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The secret itself, in the file.
    Plain(Plain),
    /// `${secret.NAME}`: one that `cld secret set` has stored.
    Reference(Name),
}

/// A secret's text; debug output does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain(String);

impl Plain {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The secret itself, for who stores it.
    #[must_use]
    pub fn into_exposed(self) -> String {
        self.0
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain(…)")
    }
}

/// Takes the values of all `writeOnly` fields out of a configuration, leaving `null` in their places for the
/// caller to put references there.
///
/// Values that are not text (a number without quotes) are taken as their JSON text.
pub fn take(config: &mut Value, schema: &Value, places: &Places) -> Vec<Taken> {
    let mut taken = Vec::new();
    for pointer in write_only(config, schema) {
        let Some(value) = config.pointer_mut(&pointer) else {
            continue;
        }; // inside one that was taken already
        let given = match value.take() {
            Value::Null => continue,
            Value::String(text) => reference(&text).map_or(Given::Plain(Plain(text)), Given::Reference),
            other => Given::Plain(Plain(other.to_string())),
        };
        let span = places.value(&pointer);
        taken.push(Taken { pointer, given, span });
    }
    taken
}

/// The name under which the server keeps a secret that a file gave in plain: `db.password`.
///
/// Always a valid [`Name`], and different for different fields of a piece.
#[must_use]
pub fn label(piece: &str, pointer: &str) -> String {
    let readable = format!("{piece}{}", pointer.replace('/', "."));
    let faithful = readable.matches('.').count() == piece.matches('.').count() + pointer.matches('/').count();
    if faithful && readable.parse::<Name>().is_ok() {
        return readable;
    }
    // FNV-1a: it only keeps apart what the replaced characters no longer do.
    let hash = pointer.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }
    };
    let short: String = readable.chars().map(allowed).take(Name::MAX - 10).collect();
    format!("s{short}-{hash:08x}")
}

/// The text with each span replaced by `${secret.NAME}`, so that it can be stored, and read as a file again.
#[must_use]
pub fn redact(text: &str, marks: &[(Span, Name)]) -> String {
    let mut marks: Vec<&(Span, Name)> = marks.iter().collect();
    marks.sort();
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (span, name) in marks {
        // Two fields can share a value through an alias: then it is replaced once.
        let Some(before) = text.get(end..span.start) else {
            continue;
        };
        out.push_str(before);
        out.push_str(&format!("\"${{secret.{name}}}\""));
        end = span.end.max(span.start);
    }
    out.push_str(text.get(end..).unwrap_or_default());
    out
}

/// The secret that a value refers to, when it is one reference and nothing else.
#[must_use]
pub fn reference(text: &str) -> Option<Name> {
    match interpolate::parts(text.trim()).as_deref() {
        Ok([Part::Secret { name, .. }]) => Some(name.clone()),
        _ => None,
    }
}

/// The pointers of the values that a schema marks `writeOnly`, outer ones first.
pub(super) fn write_only(config: &Value, schema: &Value) -> BTreeSet<String> {
    let mut pointers = BTreeSet::new();
    walk::annotations(config, schema, &mut |pointer, rules| {
        if rules.get("writeOnly") == Some(&Value::Bool(true)) {
            pointers.insert(pointer.to_owned());
        }
    });
    pointers
}

/// Reports references to secrets where they would not be resolved.
pub(super) fn check_references(config: &Value, secret: &BTreeSet<String>, places: &Places, findings: &mut Findings) {
    let mut waiting = vec![(String::new(), config)];
    while let Some((pointer, value)) = waiting.pop() {
        match value {
            Value::String(text) if text.contains("${secret.") && reference(text).is_none() => {
                let message = format!("`{}` mixes a reference to a secret with other text", dotted(&pointer));
                findings.error_with(
                    places.value(&pointer),
                    message,
                    "write one `${secret.NAME}` and nothing else".to_owned(),
                );
            }
            Value::String(text) if !secret.contains(&pointer) && reference(text).is_some() => {
                let message =
                    format!("`{}` cannot be a secret: it would be stored and shown in plain", dotted(&pointer));
                let fields: Vec<String> = secret.iter().map(|pointer| dotted(pointer)).collect();
                let help = (!fields.is_empty())
                    .then(|| format!("secrets go into {}", super::words::listed(fields.iter().map(String::as_str))));
                findings.error_with(places.value(&pointer), message, help);
            }
            Value::Array(items) => {
                waiting.extend(
                    items
                        .iter()
                        .enumerate()
                        .map(|(index, item)| (super::places::child(&pointer, &index.to_string()), item)),
                );
            }
            Value::Object(members) => {
                waiting.extend(members.iter().map(|(key, member)| (super::places::child(&pointer, key), member)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
