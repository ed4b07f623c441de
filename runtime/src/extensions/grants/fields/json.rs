//! Fields of JSON bodies: pointers with `*` for any index or key.

use serde_json::Value;

use super::super::Facts;
use super::super::condition::Conditions;
use super::super::model::Rule;
use super::{Miss, Selected, check_selected};
use crate::credentials::wire::tree;

/// The tokens of a JSON pointer, unescaped.
pub(in super::super) fn tokens(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

pub(super) fn select(body: &Value, pointer: &str) -> Result<Selected, Miss> {
    let mut selected = Selected { values: Vec::new(), incomplete: false };
    walk(body, &tokens(pointer), pointer, &mut selected)?;
    Ok(selected)
}

fn walk(value: &Value, tokens: &[String], pointer: &str, selected: &mut Selected) -> Result<(), Miss> {
    let Some((token, rest)) = tokens.split_first() else {
        match value {
            Value::Null => selected.incomplete = true,
            value => selected.values.push(value.clone()),
        }
        return Ok(());
    };
    match value {
        Value::Array(items) if token == "*" => items.iter().try_for_each(|item| walk(item, rest, pointer, selected)),
        Value::Object(map) if token == "*" => map.values().try_for_each(|item| walk(item, rest, pointer, selected)),
        Value::Array(items) => match token.parse::<usize>().ok().and_then(|index| items.get(index)) {
            Some(item) => walk(item, rest, pointer, selected),
            None => {
                selected.incomplete = true;
                Ok(())
            }
        },
        Value::Object(map) => {
            if let Some(twin) = map.keys().find(|key| *key != token && key.eq_ignore_ascii_case(token)) {
                return Err(Miss::never(pointer, format!("is beside `{twin}`, which could be read in its place")));
            }
            match map.get(token) {
                Some(item) => walk(item, rest, pointer, selected),
                None => {
                    selected.incomplete = true;
                    Ok(())
                }
            }
        }
        _ => {
            selected.incomplete = true;
            Ok(())
        }
    }
}

/// Checks a text that is a JSON document: each leaf is named by a condition and fulfils it.
pub(in super::super) fn check_document(
    field: &str,
    text: &str,
    conditions: &Conditions,
    facts: &dyn Facts,
) -> Result<(), Miss> {
    let document = tree::json(text.as_bytes()).map_err(|e| Miss::never(field, e.to_string()))?;
    let mut leaves = Vec::new();
    collect_leaves(&document, &mut Vec::new(), &mut leaves);
    let patterns: Vec<Vec<String>> = conditions.fields().map(tokens).collect();
    let named = |leaf: &&Vec<String>| patterns.iter().any(|pattern| path_fits(pattern, leaf));
    if let Some(leaf) = leaves.iter().find(|leaf| !named(leaf)) {
        let why = format!("has `/{}`, which its rule does not name", leaf.join("/"));
        return Err(Miss::never(field, why));
    }
    for (pointer, condition) in conditions.iter() {
        let checked =
            select(&document, pointer).and_then(|selected| check_selected(pointer, &selected, condition, facts));
        if let Err(miss) = checked {
            let value = miss.value.map_or_else(String::new, |value| format!(" (`{value}`)"));
            let why = format!("is a document in which `{}`{value} {}", miss.field, miss.why);
            return Err(Miss::never(field, why));
        }
    }
    Ok(())
}

fn collect_leaves(value: &Value, path: &mut Vec<String>, leaves: &mut Vec<Vec<String>>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        Value::Object(map) => map.iter().map(|(key, item)| (key.clone(), item)).collect(),
        _ => Vec::new(),
    };
    if children.is_empty() {
        leaves.push(path.clone());
    }
    for (token, child) in children {
        path.push(token);
        collect_leaves(child, path, leaves);
        path.pop();
    }
}

/// Whether a path is one that a pattern of tokens names.
pub(in super::super) fn path_fits(pattern: &[String], path: &[String]) -> bool {
    pattern.len() == path.len() && pattern.iter().zip(path).all(|(wanted, token)| wanted == "*" || wanted == token)
}

/// `only`: the top-level keys that the body may have.
pub(super) fn check_only(body: &Value, rule: &Rule) -> Result<(), Miss> {
    let (Some(only), Value::Object(map)) = (&rule.only, body) else {
        return Ok(());
    };
    let pointers = rule.conditions.fields().chain(rule.secrets.iter().map(String::as_str));
    let named: Vec<String> = pointers.filter_map(|pointer| tokens(pointer).into_iter().next()).collect();
    let listed =
        |key: &String| named.contains(key) || only.iter().any(|name| name.strip_prefix('/').unwrap_or(name) == key);
    match map.keys().find(|key| !listed(key)) {
        None => Ok(()),
        Some(key) => Err(Miss::new(&format!("/{key}"), "is not a field that the rule lists")),
    }
}
