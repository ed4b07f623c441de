//! The fields of a request, and whether they fulfil the conditions of a rule.
//!
//! Every value that a condition's field selects must fulfil it, and there must be one. What a service could read
//! as a conditioned field although it is spelled otherwise is refused: form fields below the same first label
//! that no condition names (`Ids.member.1` beside `Ids.Id.*`), and JSON keys that differ in case only.

mod form;
mod json;

use serde_json::Value;

use super::Facts;
use super::condition::Condition;
use super::mark::carries_mark;
use super::model::Rule;
use crate::credentials::wire::Asked;

pub(super) use form::name_fits as form_name_fits;
pub(super) use json::{check_document, path_fits, tokens};

/// Why a request does not fulfil a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Miss {
    /// The field.
    pub(super) field: String,
    /// What is wrong with it; reads on after its name.
    pub(super) why: String,
    /// Its value, where one is there.
    pub(super) value: Option<String>,
    /// Whether a rule could allow it.
    pub(super) grantable: bool,
}

impl Miss {
    pub(super) fn new(field: &str, why: impl Into<String>) -> Self {
        Self { field: field.to_owned(), why: why.into(), value: None, grantable: true }
    }

    /// What no rule allows.
    pub(super) fn never(field: &str, why: impl Into<String>) -> Self {
        Self { grantable: false, ..Self::new(field, why) }
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
        Asked::Form { fields, .. } => form::check_is_closed(fields, rule)?,
        Asked::Json { body, .. } => json::check_only(body, rule)?,
        Asked::Rest { body, .. } => {
            if let Some(body) = body {
                json::check_only(body, rule)?;
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
        return form::check_marked(fields, field, list, condition, facts);
    }
    let selected = select(asked, parameters, field)?;
    check_selected(field, &selected, condition, facts)
}

fn check_selected(field: &str, selected: &Selected, condition: &Condition, facts: &dyn Facts) -> Result<bool, Miss> {
    if *condition == Condition::Absent {
        return match selected.values.first() {
            None => Ok(false),
            Some(value) => Err(Miss { value: Some(text_of(value)), ..Miss::new(field, "must not be there") }),
        };
    }
    let missing = selected.values.is_empty() || selected.incomplete;
    if missing && !condition.is_optional() {
        return Err(Miss::new(field, "is missing"));
    }
    for value in &selected.values {
        if let (Some(parts), Value::String(text)) = (condition.document(), value) {
            json::check_document(field, text, parts, facts)?;
        } else if !fulfils(value, condition, facts) {
            let why = format!("is not {}", words(condition));
            return Err(Miss { value: Some(text_of(value)), ..Miss::new(field, why) });
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
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A condition in words.
pub(super) fn words(condition: &Condition) -> String {
    let list = |all: &[Condition], joint: &str| all.iter().map(words).collect::<Vec<_>>().join(joint);
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
        Condition::Json(parts) => {
            let parts: Vec<String> = parts.iter().map(|(at, part)| format!("{at} is {}", words(part))).collect();
            format!("a document in which {}", parts.join(", "))
        }
        Condition::Optional(inner) => words(inner),
        Condition::All(all) => list(all, " and "),
        Condition::Either(any) => list(any, " or "),
    }
}

fn select(asked: &Asked, parameters: &[(String, String)], field: &str) -> Result<Selected, Miss> {
    let named = |pairs: &[(String, String)], name: &str| Selected {
        values: pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| Value::from(v.as_str())).collect(),
        incomplete: false,
    };
    match asked {
        Asked::Form { fields, .. } => Ok(form::select(fields, field)),
        Asked::Json { body, .. } => json::select(body, field),
        Asked::Rest { body, query, .. } => {
            if field.starts_with('/') {
                json::select(body.as_ref().unwrap_or(&Value::Null), field)
            } else if let Some(name) = field.strip_prefix('?') {
                Ok(named(query, name))
            } else {
                Ok(named(parameters, field))
            }
        }
    }
}

/// A path parameter without a condition has no `:`, with which some services begin a verb.
fn check_parameters(parameters: &[(String, String)], rule: &Rule) -> Result<(), Miss> {
    let free =
        |name: &str| !rule.conditions.iter().any(|(field, condition)| field == name && *condition != Condition::Any);
    match parameters.iter().find(|(name, value)| value.contains(':') && free(name)) {
        None => Ok(()),
        Some((name, value)) => Err(Miss {
            value: Some(value.clone()),
            ..Miss::new(name, "has a `:`, which may be another verb: bind it with a condition")
        }),
    }
}
