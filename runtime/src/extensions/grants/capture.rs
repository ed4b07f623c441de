//! Captures: secrets that an answer carries become references before an extension sees it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Permit;
use crate::credentials::wire::tree;

/// A secret in the answers of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CaptureRule {
    /// The operation, as its rule or `read` list writes it; a name may end with `*`.
    pub op: String,
    /// A JSON pointer to a text in the answer; `*` is any index or key.
    pub at: String,
    /// How the secret is made from that text, step by step.
    #[serde(default, rename = "as", skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// One step from a text to the secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Step {
    /// `base64-decode`
    Base64Decode,
    /// `after(":")`: what follows the first of these.
    After(String),
    /// `before(":")`: what precedes the first of these.
    Before(String),
}

impl Step {
    fn apply(&self, text: &str) -> Option<String> {
        match self {
            Self::Base64Decode => String::from_utf8(STANDARD.decode(text).ok()?).ok(),
            Self::After(mark) => text.split_once(mark.as_str()).map(|(_, after)| after.to_owned()),
            Self::Before(mark) => text.split_once(mark.as_str()).map(|(before, _)| before.to_owned()),
        }
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let argument = |name: &str| {
            let inner = text.strip_prefix(name)?.strip_prefix("(\"")?.strip_suffix("\")")?;
            (!inner.is_empty()).then(|| inner.to_owned())
        };
        match text {
            "base64-decode" => Ok(Self::Base64Decode),
            _ => argument("after")
                .map(Self::After)
                .or_else(|| argument("before").map(Self::Before))
                .ok_or_else(|| format!("`{text}` is no step: there are base64-decode, after(\"…\") and before(\"…\")")),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64Decode => f.write_str("base64-decode"),
            Self::After(mark) => write!(f, "after(\"{mark}\")"),
            Self::Before(mark) => write!(f, "before(\"{mark}\")"),
        }
    }
}

impl TryFrom<String> for Step {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Step> for String {
    fn from(step: Step) -> String {
        step.to_string()
    }
}

/// An answer without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// What the extension may see.
    pub body: Vec<u8>,
    /// The texts that were taken out, each as it stood in the answer and as it was made a secret, for the
    /// scrubber: they may occur elsewhere.
    pub taken: Vec<String>,
}

/// Takes the secrets that the grant's rules name out of an answer. `reference` makes a captured secret a
/// reference: it keeps the value and answers the token that stands for it.
///
/// Fails closed: where a rule applies and the body is neither JSON nor XML, nothing of it is left; where a step
/// does not fit, the whole text is the secret.
pub fn apply_captures(permit: &Permit, body: &[u8], mut reference: impl FnMut(&str) -> String) -> Captured {
    if permit.captures.is_empty() || body.is_empty() {
        return Captured { body: body.to_vec(), taken: Vec::new() };
    }
    // Not the lenient reading: of a key that is there twice, it would see one.
    let Some(mut document) = tree::json(body).ok().or_else(|| tree::xml(body).ok()) else {
        return Captured { body: Vec::new(), taken: Vec::new() };
    };
    let mut taken = Vec::new();
    for rule in &permit.captures {
        let tokens: Vec<&str> = rule.at.split('/').skip(1).collect();
        replace(&mut document, &tokens, &mut |text| {
            let secret = rule
                .steps
                .iter()
                .try_fold(text.to_owned(), |text, step| step.apply(&text))
                .filter(|secret| !secret.is_empty())
                .unwrap_or_else(|| text.to_owned());
            let token = reference(&secret);
            taken.extend([text.to_owned(), secret]);
            token
        });
    }
    if taken.is_empty() {
        return Captured { body: body.to_vec(), taken };
    }
    let body = match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Ok(_) => document.to_string().into_bytes(),
        Err(_) => write_xml(&document).into_bytes(),
    };
    Captured { body, taken }
}

/// Replaces what a pointer selects. Generous where a list could be meant: XML has no array for a list of one, and
/// what is taken too much is only hidden.
fn replace(value: &mut Value, tokens: &[&str], make: &mut dyn FnMut(&str) -> String) {
    let Some((token, rest)) = tokens.split_first() else {
        match value {
            Value::String(text) if !text.is_empty() => *text = make(text),
            Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                *value = Value::String(make(&value.to_string()));
            }
            _ => {}
        }
        return;
    };
    let key = token.replace("~1", "/").replace("~0", "~");
    match value {
        Value::Array(items) => match token.parse::<usize>() {
            Ok(index) => items.get_mut(index).into_iter().for_each(|item| replace(item, rest, make)),
            Err(_) if *token == "*" => items.iter_mut().for_each(|item| replace(item, rest, make)),
            Err(_) => items.iter_mut().for_each(|item| replace(item, tokens, make)),
        },
        Value::Object(map) if map.contains_key(&key) => {
            map.get_mut(&key).into_iter().for_each(|item| replace(item, rest, make));
        }
        Value::Object(map) if *token == "*" && !rest.is_empty() => {
            map.values_mut().for_each(|item| replace(item, rest, make));
            replace(value, rest, make);
        }
        Value::Object(map) if *token == "*" => map.values_mut().for_each(|item| replace(item, rest, make)),
        // The one element of a list.
        _ if *token == "0" || *token == "*" => replace(value, rest, make),
        _ => {}
    }
}

/// The tree of an XML answer as XML again. Attributes and comments are gone; what a guest reads is not.
fn write_xml(document: &Value) -> String {
    let mut out = String::new();
    write_children(document, &mut out);
    out
}

fn write_children(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, child)| match child {
            Value::Array(items) => items.iter().for_each(|item| write_element(name, item, out)),
            child => write_element(name, child, out),
        }),
        Value::String(text) => out.push_str(&quick_xml::escape::escape(text.as_str())),
        other => out.push_str(&other.to_string()),
    }
}

fn write_element(name: &str, value: &Value, out: &mut String) {
    out.push_str(&format!("<{name}>"));
    write_children(value, out);
    out.push_str(&format!("</{name}>"));
}
