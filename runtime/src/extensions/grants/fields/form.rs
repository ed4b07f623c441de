//! Form fields: names of labels with `.` between, indices for lists.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::Facts;
use super::super::condition::Condition;
use super::super::mark::tags_carry;
use super::super::model::Rule;
use super::{Miss, Selected};

pub(super) fn select(fields: &[(String, String)], pattern: &str) -> Selected {
    let values: Vec<&(String, String)> = fields.iter().filter(|(name, _)| name_fits(pattern, name)).collect();
    // Each element of the innermost list must have the field: `Rules.2` without an `Id` is no way around.
    let incomplete = match pattern.rfind('*').and_then(|at| pattern.get(..=at)) {
        None => false,
        Some(head) if head.len() == pattern.len() => false,
        Some(head) => {
            let depth = head.split('.').count();
            let element = |name: &str| name.split('.').take(depth).collect::<Vec<_>>().join(".");
            fields
                .iter()
                .map(|(name, _)| element(name))
                .filter(|name| name_fits(head, name))
                .any(|name| !values.iter().any(|(full, _)| element(full) == name))
        }
    };
    Selected { values: values.into_iter().map(|(_, value)| Value::from(value.as_str())).collect(), incomplete }
}

/// Whether a form field is one that a pattern names; `*` is an index.
pub(in super::super) fn name_fits(pattern: &str, name: &str) -> bool {
    let mut labels = name.split('.');
    pattern.split('.').all(|wanted| match labels.next() {
        Some(label) if wanted == "*" => is_index(label),
        Some(label) => label == wanted,
        None => false,
    }) && labels.next().is_none()
}

fn is_index(label: &str) -> bool {
    !label.is_empty() && label.len() <= 6 && !label.starts_with('0') && label.bytes().all(|b| b.is_ascii_digit())
}

pub(super) fn check_marked(
    fields: &[(String, String)],
    pattern: &str,
    list: &str,
    condition: &Condition,
    facts: &dyn Facts,
) -> Result<bool, Miss> {
    let depth = list.split('.').count();
    let mut lists: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (name, value) in fields {
        let Some(element) = name.strip_suffix(".Key").filter(|element| name_fits(pattern, element)) else {
            continue;
        };
        let paired = format!("{element}.Value");
        let paired = fields.iter().find(|(name, _)| *name == paired).map(|(_, value)| value.clone());
        let of = element.split('.').take(depth).collect::<Vec<_>>().join(".");
        lists.entry(of).or_default().push((value.clone(), paired.unwrap_or_default()));
    }
    if lists.is_empty() && !condition.is_optional() {
        return Err(Miss::new(pattern, "is missing: it must carry this environment's ownership mark"));
    }
    match lists.iter().find(|(_, tags)| !tags_carry(tags, facts.mark())) {
        Some((list, _)) => Err(Miss::new(list, "lacks this environment's ownership mark")),
        None => Ok(!lists.is_empty()),
    }
}

fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// Fields below the first label of a conditioned field must be named by the rule themselves.
pub(super) fn check_is_closed(fields: &[(String, String)], rule: &Rule) -> Result<(), Miss> {
    let only = rule.only.as_deref();
    let named = || rule.conditions.fields().chain(rule.secrets.iter().map(String::as_str));
    for (name, value) in fields {
        let exact = named().any(|pattern| name_fits(pattern, name))
            || rule.conditions.iter().any(|(pattern, condition)| {
                condition.is_mark()
                    && [".Key", ".Value"]
                        .iter()
                        .any(|end| name.strip_suffix(end).is_some_and(|element| name_fits(pattern, element)))
            });
        if exact || name == "Version" {
            continue;
        }
        let close = named().any(|pattern| root(pattern).eq_ignore_ascii_case(root(name)));
        let listed =
            only.is_none_or(|only| only.iter().any(|pattern| name_fits(pattern, name) || pattern == root(name)));
        if close || !listed {
            let why = match close {
                true => "could be read as a field that has conditions: name it in `where` too",
                false => "is not a field that the rule lists",
            };
            return Err(Miss { value: Some(value.clone()), ..Miss::new(name, why) });
        }
    }
    Ok(())
}
