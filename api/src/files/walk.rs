//! Walking a configuration beside its JSON Schema, for what validation does not tell: annotations.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::places::child;

/// No sensible schema refers on longer than this; a longer chain is not followed.
const MAX_DEPTH: usize = 256;

/// Calls `visit` with the pointer of each value and each schema that speaks about it.
///
/// Follows local references and every combinator, whether or not its branch is the one that holds. Ends on any
/// schema, cyclic ones too: no schema is visited twice for one value.
pub(super) fn annotations<'s>(config: &Value, schema: &'s Value, visit: &mut impl FnMut(&str, &'s Map<String, Value>)) {
    Walk { root: schema, seen: HashSet::new(), depth: 0, visit }.value("", config, schema);
}

struct Walk<'s, 'v, V> {
    root: &'s Value,
    seen: HashSet<(String, usize)>,
    depth: usize,
    visit: &'v mut V,
}

impl<'s, V: FnMut(&str, &'s Map<String, Value>)> Walk<'s, '_, V> {
    fn value(&mut self, pointer: &str, value: &Value, schema: &'s Value) {
        let Value::Object(rules) = schema else { return };
        let new = self.seen.insert((pointer.to_owned(), std::ptr::from_ref(schema).addr()));
        if !new || self.depth == MAX_DEPTH {
            return;
        }
        self.depth += 1;
        (self.visit)(pointer, rules);
        self.inside(pointer, value, rules);
        self.depth -= 1;
    }

    fn inside(&mut self, pointer: &str, value: &Value, rules: &'s Map<String, Value>) {
        for branch in branches(self.root, rules) {
            self.value(pointer, value, branch);
        }
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    for rule in of_member(rules, key) {
                        self.value(&child(pointer, key), member, rule);
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let prefix = rules.get("prefixItems").and_then(|rules| rules.get(index));
                    for rule in prefix.into_iter().chain(rules.get("items")) {
                        self.value(&child(pointer, &index.to_string()), item, rule);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The schemas that speak about the same value.
fn branches<'s>(root: &'s Value, rules: &'s Map<String, Value>) -> Vec<&'s Value> {
    let lists = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|key| rules.get(key)?.as_array()).flatten();
    let single = ["if", "then", "else"].into_iter().filter_map(|key| rules.get(key));
    let dependent = rules.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let reference = rules.get("$ref").and_then(|target| resolve(root, target));
    lists.chain(single).chain(dependent).chain(reference).collect()
}

/// The schema that a local reference (`#/$defs/Policy`) names.
pub(super) fn resolve<'s>(root: &'s Value, reference: &Value) -> Option<&'s Value> {
    root.pointer(reference.as_str()?.strip_prefix('#')?)
}

/// The schemas of a member: its own, or those for members without one.
fn of_member<'s>(rules: &'s Map<String, Value>, key: &str) -> Vec<&'s Value> {
    if let Some(own) = rules.get("properties").and_then(|properties| properties.get(key)) {
        return vec![own];
    }
    let patterns = rules.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::values);
    patterns.chain(rules.get("additionalProperties")).collect()
}
