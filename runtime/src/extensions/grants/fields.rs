//! The fields of a request, and whether they fulfil the conditions of a rule.
//!
//! Every value that a condition's field selects must fulfil it, and there must be one. What a service could read
//! as a conditioned field although it is spelled otherwise is refused: form fields below the same first label
//! that no condition names (`Ids.member.1` beside `Ids.Id.*`), and JSON keys that differ in case only.

use serde_json::Value;

use super::Facts;
use super::condition::{Condition, Conditions, carries_mark_in_words};
use super::model::Rule;
use crate::credentials::wire::{Asked, tree};

/// Why a request does not fulfil a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Miss {
    /// The field.
    pub(super) field: String,
    /// What is wrong with it; reads on after its name.
    pub(super) why: String,
    /// Its value, where one is there.
    pub(super) value: Option<String>,
}

impl Miss {
    pub(super) fn new(field: &str, why: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            why: why.into(),
            value: None,
        }
    }
}

/// What a field selects.
struct Selected {
    values: Vec<Value>,
    /// Whether some element of a list lacks the field.
    incomplete: bool,
}

/// Checks all conditions of a rule; answers whether the request carries our mark.
pub(super) fn check(
    asked: &Asked,
    parameters: &[(String, String)],
    rule: &Rule,
    facts: &dyn Facts,
) -> Result<bool, Miss> {
    let mut marked = false;
    for (field, condition) in rule.conditions.iter() {
        let present = check_one(asked, parameters, field, condition, facts)?;
        marked |= present && condition.is_mark();
    }
    match asked {
        Asked::Form { fields, .. } => check_form_is_closed(fields, rule)?,
        Asked::Json { body, .. } => check_only(body, rule)?,
        Asked::Rest { body, .. } => {
            if let Some(body) = body {
                check_only(body, rule)?;
            }
            check_parameters(parameters, rule)?;
        }
    }
    Ok(marked)
}

/// Answers whether the field is there.
fn check_one(
    asked: &Asked,
    parameters: &[(String, String)],
    field: &str,
    condition: &Condition,
    facts: &dyn Facts,
) -> Result<bool, Miss> {
    if condition.is_mark()
        && let Asked::Form { fields, .. } = asked
        && let Some(list) = field.strip_suffix(".*")
    {
        return check_marked_form(fields, field, list, condition, facts);
    }
    let selected = select(asked, parameters, field)?;
    check_selected(field, &selected, condition, facts)
}

fn check_selected(
    field: &str,
    selected: &Selected,
    condition: &Condition,
    facts: &dyn Facts,
) -> Result<bool, Miss> {
    if *condition == Condition::Absent {
        return match selected.values.first() {
            None => Ok(false),
            Some(value) => Err(Miss {
                value: Some(text_of(value)),
                ..Miss::new(field, "must not be there")
            }),
        };
    }
    let missing = selected.values.is_empty() || selected.incomplete;
    if missing && !condition.is_optional() {
        return Err(Miss::new(field, "is missing"));
    }
    for value in &selected.values {
        if !fulfils(value, condition, facts) {
            let why = format!("is not {}", words(condition));
            return Err(Miss {
                value: Some(text_of(value)),
                ..Miss::new(field, why)
            });
        }
    }
    Ok(!selected.values.is_empty())
}

fn fulfils(value: &Value, condition: &Condition, facts: &dyn Facts) -> bool {
    if condition.is_mark() {
        return carries_mark(value, facts.mark());
    }
    match value {
        Value::Array(_) | Value::Object(_) => *condition == Condition::Any,
        scalar => condition.holds_for(&text_of(scalar), facts),
    }
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A condition in words.
pub(super) fn words(condition: &Condition) -> String {
    let list =
        |all: &[Condition], joint: &str| all.iter().map(words).collect::<Vec<_>>().join(joint);
    match condition {
        Condition::Minted => "a name minted for this environment".into(),
        Condition::Owned => "shown to be this environment's".into(),
        Condition::FromApplication => "what the user's files ask for".into(),
        Condition::Mark => "this environment's ownership mark".into(),
        Condition::Absent => "absent".into(),
        Condition::Any => "given".into(),
        Condition::OneOf(texts) => format!("one of {}", texts.join(", ")),
        Condition::Glob(pattern) => format!("like {pattern}"),
        Condition::Template(template) => format!("like {template}"),
        Condition::Json(_) => "a JSON document within the granted form".into(),
        Condition::Optional(inner) => words(inner),
        Condition::All(all) => list(all, " and "),
        Condition::Either(any) => list(any, " or "),
    }
}

fn select(asked: &Asked, parameters: &[(String, String)], field: &str) -> Result<Selected, Miss> {
    let named = |pairs: &[(String, String)], name: &str| Selected {
        values: pairs
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| Value::from(v.as_str()))
            .collect(),
        incomplete: false,
    };
    match asked {
        Asked::Form { fields, .. } => Ok(select_form(fields, field)),
        Asked::Json { body, .. } => select_json(body, field),
        Asked::Rest { body, query, .. } => {
            if field.starts_with('/') {
                select_json(body.as_ref().unwrap_or(&Value::Null), field)
            } else if let Some(name) = field.strip_prefix('?') {
                Ok(named(query, name))
            } else {
                Ok(named(parameters, field))
            }
        }
    }
}

// Forms.

fn select_form(fields: &[(String, String)], pattern: &str) -> Selected {
    let values: Vec<&(String, String)> = fields
        .iter()
        .filter(|(name, _)| form_name_fits(pattern, name))
        .collect();
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
                .filter(|name| form_name_fits(head, name))
                .any(|name| !values.iter().any(|(full, _)| element(full) == name))
        }
    };
    Selected {
        values: values
            .into_iter()
            .map(|(_, value)| Value::from(value.as_str()))
            .collect(),
        incomplete,
    }
}

/// Whether a form field is one that a pattern names; `*` is an index.
pub(super) fn form_name_fits(pattern: &str, name: &str) -> bool {
    let mut labels = name.split('.');
    pattern.split('.').all(|wanted| match labels.next() {
        Some(label) if wanted == "*" => is_index(label),
        Some(label) => label == wanted,
        None => false,
    }) && labels.next().is_none()
}

fn is_index(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 6
        && !label.starts_with('0')
        && label.bytes().all(|b| b.is_ascii_digit())
}

fn check_marked_form(
    fields: &[(String, String)],
    pattern: &str,
    list: &str,
    condition: &Condition,
    facts: &dyn Facts,
) -> Result<bool, Miss> {
    let depth = list.split('.').count();
    let mut lists: std::collections::BTreeMap<String, Vec<(String, String)>> = Default::default();
    for (name, value) in fields {
        let Some(element) = name
            .strip_suffix(".Key")
            .filter(|element| form_name_fits(pattern, element))
        else {
            continue;
        };
        let paired = format!("{element}.Value");
        let paired = fields
            .iter()
            .find(|(name, _)| *name == paired)
            .map(|(_, value)| value.clone());
        let of = element.split('.').take(depth).collect::<Vec<_>>().join(".");
        lists
            .entry(of)
            .or_default()
            .push((value.clone(), paired.unwrap_or_default()));
    }
    if lists.is_empty() && !condition.is_optional() {
        return Err(Miss::new(
            pattern,
            "is missing: it must carry this environment's ownership mark",
        ));
    }
    match lists
        .iter()
        .find(|(_, tags)| !tags_carry(tags, facts.mark()))
    {
        Some((list, _)) => Err(Miss::new(list, "lacks this environment's ownership mark")),
        None => Ok(!lists.is_empty()),
    }
}

fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// Fields below the first label of a conditioned field must be named by the rule themselves.
fn check_form_is_closed(fields: &[(String, String)], rule: &Rule) -> Result<(), Miss> {
    let only = rule.only.as_deref();
    let named = || {
        rule.conditions
            .fields()
            .chain(rule.secrets.iter().map(String::as_str))
    };
    for (name, value) in fields {
        let exact = named().any(|pattern| form_name_fits(pattern, name))
            || rule.conditions.iter().any(|(pattern, condition)| {
                condition.is_mark()
                    && [".Key", ".Value"].iter().any(|end| {
                        name.strip_suffix(end)
                            .is_some_and(|element| form_name_fits(pattern, element))
                    })
            });
        if exact || name == "Version" {
            continue;
        }
        let close = named().any(|pattern| root(pattern).eq_ignore_ascii_case(root(name)));
        let listed = only.is_none_or(|only| {
            only.iter()
                .any(|pattern| form_name_fits(pattern, name) || pattern == root(name))
        });
        if close || !listed {
            let why = match close {
                true => "could be read as a field that has conditions: name it in `where` too",
                false => "is not a field that the rule lists",
            };
            return Err(Miss {
                value: Some(value.clone()),
                ..Miss::new(name, why)
            });
        }
    }
    Ok(())
}

// JSON.

/// The tokens of a JSON pointer, unescaped.
pub(super) fn tokens(pointer: &str) -> Vec<String> {
    pointer
        .split('/')
        .skip(1)
        .map(|token| token.replace("~1", "/").replace("~0", "~"))
        .collect()
}

fn select_json(body: &Value, pointer: &str) -> Result<Selected, Miss> {
    let mut selected = Selected {
        values: Vec::new(),
        incomplete: false,
    };
    walk(body, &tokens(pointer), pointer, &mut selected)?;
    Ok(selected)
}

fn walk(
    value: &Value,
    tokens: &[String],
    pointer: &str,
    selected: &mut Selected,
) -> Result<(), Miss> {
    let Some((token, rest)) = tokens.split_first() else {
        match value {
            Value::Null => selected.incomplete = true,
            value => selected.values.push(value.clone()),
        }
        return Ok(());
    };
    match value {
        Value::Array(items) if token == "*" => items
            .iter()
            .try_for_each(|item| walk(item, rest, pointer, selected)),
        Value::Object(map) if token == "*" => map
            .values()
            .try_for_each(|item| walk(item, rest, pointer, selected)),
        Value::Array(items) => match token
            .parse::<usize>()
            .ok()
            .and_then(|index| items.get(index))
        {
            Some(item) => walk(item, rest, pointer, selected),
            None => {
                selected.incomplete = true;
                Ok(())
            }
        },
        Value::Object(map) => {
            if let Some(twin) = map
                .keys()
                .find(|key| *key != token && key.eq_ignore_ascii_case(token))
            {
                return Err(Miss::new(
                    pointer,
                    format!("is beside `{twin}`, which could be read in its place"),
                ));
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

/// Whether a text is a JSON document in which each leaf is named by a condition and fulfils it.
pub(super) fn document_fulfils(text: &str, conditions: &Conditions, facts: &dyn Facts) -> bool {
    let Ok(document) = tree::json(text.as_bytes()) else {
        return false;
    };
    let mut leaves = Vec::new();
    collect_leaves(&document, &mut Vec::new(), &mut leaves);
    let patterns: Vec<Vec<String>> = conditions.fields().map(tokens).collect();
    let named = |leaf: &Vec<String>| patterns.iter().any(|pattern| path_fits(pattern, leaf));
    leaves.iter().all(named)
        && conditions.iter().all(|(pointer, condition)| {
            select_json(&document, pointer)
                .is_ok_and(|selected| check_selected(pointer, &selected, condition, facts).is_ok())
        })
}

fn collect_leaves(value: &Value, path: &mut Vec<String>, leaves: &mut Vec<Vec<String>>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
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
pub(super) fn path_fits(pattern: &[String], path: &[String]) -> bool {
    pattern.len() == path.len()
        && pattern
            .iter()
            .zip(path)
            .all(|(wanted, token)| wanted == "*" || wanted == token)
}

/// `only`: the top-level keys that the body may have.
fn check_only(body: &Value, rule: &Rule) -> Result<(), Miss> {
    let (Some(only), Value::Object(map)) = (&rule.only, body) else {
        return Ok(());
    };
    let pointers = rule
        .conditions
        .fields()
        .chain(rule.secrets.iter().map(String::as_str));
    let named: Vec<String> = pointers
        .filter_map(|pointer| tokens(pointer).into_iter().next())
        .collect();
    let listed = |key: &String| {
        named.contains(key)
            || only
                .iter()
                .any(|name| name.strip_prefix('/').unwrap_or(name) == key)
    };
    match map.keys().find(|key| !listed(key)) {
        None => Ok(()),
        Some(key) => Err(Miss::new(
            &format!("/{key}"),
            "is not a field that the rule lists",
        )),
    }
}

/// A path parameter without a condition has no `:`, with which some services begin a verb.
fn check_parameters(parameters: &[(String, String)], rule: &Rule) -> Result<(), Miss> {
    let free = |name: &str| {
        !rule
            .conditions
            .iter()
            .any(|(field, condition)| field == name && *condition != Condition::Any)
    };
    match parameters
        .iter()
        .find(|(name, value)| value.contains(':') && free(name))
    {
        None => Ok(()),
        Some((name, value)) => Err(Miss {
            value: Some(value.clone()),
            ..Miss::new(
                name,
                "has a `:`, which may be another verb: bind it with a condition",
            )
        }),
    }
}

// The mark.

/// Whether a tree carries the ownership mark: a list of keys and values, a map, or words `key=value` in a text.
pub(super) fn carries_mark(value: &Value, mark: &[(String, String)]) -> bool {
    match value {
        Value::String(text) => carries_mark_in_words(text, mark),
        Value::Object(map) if !is_pair(value) => {
            let text =
                |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
            tags_carry(&map.iter().filter_map(text).collect::<Vec<_>>(), mark)
        }
        Value::Object(_) => tags_carry(&pair(value).into_iter().collect::<Vec<_>>(), mark),
        Value::Array(items) => tags_carry(&items.iter().filter_map(pair).collect::<Vec<_>>(), mark),
        _ => false,
    }
}

fn is_pair(value: &Value) -> bool {
    pair(value).is_some()
}

/// `{Key, Value}` or `{key, value}`, and nothing besides.
fn pair(value: &Value) -> Option<(String, String)> {
    let map = value.as_object().filter(|map| map.len() == 2)?;
    [("Key", "Value"), ("key", "value"), ("TagKey", "TagValue")]
        .iter()
        .find_map(|(key, value)| {
            Some((
                map.get(*key)?.as_str()?.to_owned(),
                map.get(*value)?.as_str()?.to_owned(),
            ))
        })
}

/// Each pair of the mark is there, and no key of it has a second value.
fn tags_carry(tags: &[(String, String)], mark: &[(String, String)]) -> bool {
    !mark.is_empty()
        && mark.iter().all(|(key, value)| {
            let mut values = tags.iter().filter(|(k, _)| k == key).map(|(_, v)| v);
            values.next() == Some(value) && values.next().is_none()
        })
}
