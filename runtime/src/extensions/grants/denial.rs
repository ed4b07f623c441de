//! Denials in words: what was refused, why, and the rule that would have allowed it.

use url::Url;

use super::fields::Miss;
use super::model::{Effect, HttpGrant};
use super::permit::Denial;
use super::{HttpCall, Protocol, SignRule};
use crate::credentials::wire::{self, Asked};
use crate::extensions::Origin;

/// The part of a grant that a request is outside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Where,
    Secrets,
    Query,
}

/// Why one grant does not allow a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is signed otherwise than the grant says.
    Signer,
    /// No grant could allow it.
    Request(String),
    /// Its operation is in no rule.
    Operation(String),
    /// A rule names the operation, but the request is not within it.
    Outside { operation: String, effect: Effect, part: Part, miss: Miss },
    /// A query changes nothing.
    Changes(String),
}

impl Refused {
    /// How close it came to being allowed: the closest grant explains a denial best.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Signer => 0,
            Self::Request(_) => 1,
            Self::Operation(_) => 2,
            Self::Outside { .. } => 3,
            Self::Changes(_) => 4,
        }
    }
}

/// The denial of a request, by the grant that came closest; by none, if none names its origin.
pub(super) fn denial(
    call: &HttpCall<'_>,
    url: &Url,
    origin: &Origin,
    closest: Option<(&HttpGrant, Refused)>,
) -> Denial {
    let protocol = closest.as_ref().map_or_else(|| wire::guess(call), |(grant, _)| grant.protocol);
    let operation = || match Asked::read(protocol, call, url) {
        Ok(asked) => asked.operation(),
        Err(_) => call.method.escape_default().to_string(),
    };
    let sign = call.signer.map(wire::Signer::rule);
    let (operation, why, body) = match closest.map(|(_, refused)| refused) {
        None => {
            let operation = operation();
            let body = operation_text(protocol, &operation);
            (operation, "no grant names this origin".to_owned(), Some(body))
        }
        Some(Refused::Signer) => {
            let operation = operation();
            let body = operation_text(protocol, &operation);
            let signer = sign.as_ref().map_or("nobody".to_owned(), ToString::to_string);
            (operation, format!("no grant for this origin is signed by {signer}"), Some(body))
        }
        Some(Refused::Request(why)) => (String::new(), why, None),
        Some(Refused::Operation(operation)) => {
            let body = operation_text(protocol, &operation);
            (operation, "no rule names this operation".to_owned(), Some(body))
        }
        Some(Refused::Changes(operation)) => {
            (operation, "planning, reading and logs may only read, and this changes something".to_owned(), None)
        }
        Some(Refused::Outside { operation, effect, part, miss }) => {
            let why = format!("`{}` {}", miss.field, miss.why);
            let body = miss.grantable.then(|| within_text(&operation, effect, part, &miss));
            (operation, why, body)
        }
    };
    let asked = match operation.is_empty() {
        true => format!("{} {origin}", call.method.escape_default()),
        false => format!("{} {origin} {operation}", call.method.escape_default()),
    };
    let rule = body.map(|body| grant_text(origin, protocol, sign.as_ref(), &body));
    let message = match &rule {
        Some(rule) => format!("{asked}: {why}; the rule that would allow it: {rule}"),
        None => format!("{asked}: {why}"),
    };
    Denial { message, rule_that_would_allow: rule }
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What would allow an operation.
fn operation_text(protocol: Protocol, operation: &str) -> String {
    let reads = match protocol {
        Protocol::Rest => operation.strip_prefix("GET "),
        _ => wire::is_reading_name(operation).then_some(operation),
    };
    match reads {
        Some(read) => format!("read: [{}]", quoted(read)),
        None => format!("allow: [{{ op: {}, effect: once }}]", quoted(operation)),
    }
}

/// What would allow the field that was missed.
fn within_text(operation: &str, effect: Effect, part: Part, miss: &Miss) -> String {
    let field = quoted(&miss.field);
    let more = match part {
        Part::Query => return format!("query: [{field}]"),
        Part::Secrets => format!("secrets: [{field}]"),
        Part::Where => match &miss.value {
            Some(value) => format!("where: {{ {field}: {{ one-of: [{}] }} }}", quoted(value)),
            None => format!("where: {{ {field}: {{ optional: any }} }}"),
        },
    };
    format!("allow: [{{ op: {}, effect: {}, {more} }}]", quoted(operation), effect.name())
}

fn grant_text(origin: &Origin, protocol: Protocol, sign: Option<&SignRule>, body: &str) -> String {
    let sign = sign.map_or_else(String::new, |rule| format!(", sign: {rule}"));
    let origin = quoted(&origin.to_string());
    format!("http: [{{ origin: {origin}, protocol: {}{sign}, {body} }}]", protocol.name())
}
