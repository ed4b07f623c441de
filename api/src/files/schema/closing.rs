//! A schema whose objects take only what they list.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::places::child;

/// Keywords with which an object says what else it takes, or is one part of a combination.
const OPENERS: [&str; 8] =
    ["additionalProperties", "unevaluatedProperties", "patternProperties", "allOf", "anyOf", "oneOf", "if", "$ref"];

/// The schema with its objects closed: a key that a schema does not list is a slip, also when the schema does not
/// say so. Objects that say what else they take, or that are one part of a combination, stay as they are.
pub(super) fn close(schema: &Value) -> Value {
    let mut closed = schema.clone();
    let mut waiting = vec![String::new()];
    let mut seen = BTreeSet::new();
    while let Some(pointer) = waiting.pop() {
        let Some(Value::Object(rules)) = closed.pointer_mut(&pointer) else {
            continue;
        };
        if !seen.insert(pointer.clone()) {
            continue;
        }
        if let Some(target) = rules.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#')) {
            waiting.push(target.to_owned());
        }
        let properties = rules.get("properties").and_then(Value::as_object);
        if let Some(properties) = properties {
            waiting.extend(properties.keys().map(|key| child(&format!("{pointer}/properties"), key)));
        } else {
            for combinator in ["anyOf", "oneOf"] {
                let branches = rules.get(combinator).and_then(Value::as_array).map_or(0, Vec::len);
                waiting.extend((0..branches).map(|branch| format!("{pointer}/{combinator}/{branch}")));
            }
        }
        for keyword in ["items", "additionalProperties"] {
            if rules.get(keyword).is_some_and(Value::is_object) {
                waiting.push(format!("{pointer}/{keyword}"));
            }
        }
        if properties.is_some() && !OPENERS.iter().any(|opener| rules.contains_key(*opener)) {
            rules.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    }
    closed
}
