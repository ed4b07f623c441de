//! Which ids an answer shows to be this environment's.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::fields::tokens;
use super::mark::carries_mark;
use super::model::OwnsRule;
use super::{HttpCall, Permit};
use crate::credentials::wire::{Asked, RestOperation, tree};

/// How many ids one answer can show.
const MAX_IDS: usize = 10_000;

/// Where an id is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A JSON pointer within the item.
    In(String),
    /// A field of the request: for answers that do not repeat what they are about.
    Asked {
        /// A form field's name, a JSON pointer, a path parameter, or `?` and a query parameter.
        request: String,
    },
    /// Several names of one thing: an id and an ARN.
    Several(Vec<Id>),
}

/// The ids that an answer proves to be this environment's, each once.
///
/// A rule with `tags` shows an item whose tags carry every pair of `mark`; one without shows what the call has
/// made, if the request carried the mark and the service says that it was performed (2xx). `mark` is what says
/// "this environment's": leave the piece out of it, so that one piece may refer to what another made.
///
/// Bodies that cannot be read show nothing.
pub fn shown(permit: &Permit, call: &HttpCall<'_>, status: u16, body: &[u8], mark: &[(String, String)]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    if !(200..300).contains(&status) || permit.owns.is_empty() || mark.is_empty() {
        return ids;
    }
    let document = tree::answer(body).unwrap_or(Value::Null);
    let asked = Url::parse(call.url).ok().and_then(|url| Asked::read(permit.protocol, call, &url).ok());
    for rule in &permit.owns {
        for item in items(&document, rule) {
            let ours = match &rule.tags {
                Some(at) => tags_at(item, at).is_some_and(|tags| carries_mark(tags, mark)),
                None => permit.marked,
            };
            if ours {
                collect(&rule.id, item, permit, asked.as_ref(), &mut ids);
            }
        }
    }
    ids.sort();
    ids.dedup();
    ids.truncate(MAX_IDS);
    ids
}

fn items<'a>(document: &'a Value, rule: &OwnsRule) -> Vec<&'a Value> {
    let Some(at) = &rule.items else {
        return vec![document];
    };
    let mut found = Vec::new();
    walk(document, &tokens(at), &mut found);
    found
}

/// A list of one has no array in XML: a pointer's last step takes one thing or many, and so does `*`.
fn walk<'a>(value: &'a Value, tokens: &[String], found: &mut Vec<&'a Value>) {
    match (value, tokens.split_first()) {
        (Value::Array(items), None) => found.extend(items),
        (value, None) => found.push(value),
        (Value::Array(items), Some((token, rest))) => match token.parse::<usize>() {
            Ok(index) => items.get(index).into_iter().for_each(|item| walk(item, rest, found)),
            Err(_) if token == "*" => items.iter().for_each(|item| walk(item, rest, found)),
            Err(_) => items.iter().for_each(|item| walk(item, tokens, found)),
        },
        (Value::Object(map), Some((token, rest))) => match map.get(token) {
            Some(item) => walk(item, rest, found),
            None if token == "*" => walk(value, rest, found),
            None => {}
        },
        _ => {}
    }
}

fn tags_at<'a>(item: &'a Value, at: &str) -> Option<&'a Value> {
    item.pointer(at)
}

fn collect(id: &Id, item: &Value, permit: &Permit, asked: Option<&Asked>, ids: &mut Vec<String>) {
    let found = match id {
        Id::In(pointer) => item.pointer(pointer).and_then(Value::as_str).map(str::to_owned),
        Id::Asked { request } => asked.and_then(|asked| asked_for(request, permit, asked)),
        Id::Several(all) => {
            all.iter().for_each(|one| collect(one, item, permit, asked, ids));
            None
        }
    };
    ids.extend(found.filter(|id| !id.is_empty()));
}

fn asked_for(field: &str, permit: &Permit, asked: &Asked) -> Option<String> {
    let named =
        |pairs: &[(String, String)], name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    let at = |body: &Value| body.pointer(field).and_then(Value::as_str).map(str::to_owned);
    match asked {
        Asked::Form { fields, .. } => named(fields, field),
        Asked::Json { body, .. } => at(body),
        Asked::Rest { body, .. } if field.starts_with('/') => body.as_ref().and_then(at),
        Asked::Rest { query, path, .. } => match field.strip_prefix('?') {
            Some(name) => named(query, name),
            None => {
                let operation: RestOperation = permit.operation.parse().ok()?;
                named(&operation.path.bind(path)?, field)
            }
        },
    }
}
