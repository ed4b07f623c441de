//! A configuration against the JSON Schema of its kind.
//!
//! Validation is the `jsonschema` crate's; what it finds is said in words of our own, at the place in the file. The
//! value of a `writeOnly` field never shows in a message.

use std::collections::BTreeSet;

use jsonschema::error::{TypeKind, ValidationErrorKind as Rule};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::findings::Findings;
use super::places::{Places, child, dotted};
use super::source::Source;
use super::words::{listed, shown, suggestion, type_of};
use super::{secrets, walk};

/// Steps that a pattern may take back before it counts as not matching: a schema is a stranger's.
const BACKTRACK_LIMIT: usize = 100_000;

/// Everything that is known about one piece's configuration while it is checked.
pub(super) struct Checked<'c> {
    /// The kind's name.
    pub(super) kind: &'c str,
    /// Its schema.
    pub(super) schema: &'c Value,
    pub(super) config: &'c Value,
    pub(super) places: &'c Places,
    /// Keys that stand beside the configuration in the file, for suggestions.
    pub(super) beside: &'c [&'c str],
    pub(super) source: &'c Source<'c>,
}

impl Checked<'_> {
    /// Reports everything in the configuration that the schema does not allow.
    pub(super) fn check(&self, findings: &mut Findings) {
        let closed = close(self.schema);
        let validator = match validator(&closed) {
            Ok(validator) => validator,
            Err(error) => {
                let message = format!(
                    "the extension that offers `{}` describes its configuration wrongly: {error}",
                    shown(self.kind)
                );
                let help = "that is a fault of the extension: report it to its author".to_owned();
                return findings.error_with(self.places.value(""), message, help);
            }
        };
        let secret = secrets::write_only(self.config, self.schema);
        for error in validator.iter_errors(self.config) {
            self.report(&error, &closed, &secret, findings);
        }
        self.warn_of_deprecated(findings);
        secrets::check_references(self.config, &secret, self.places, findings);
    }

    fn warn_of_deprecated(&self, findings: &mut Findings) {
        walk::annotations(self.config, self.schema, &mut |pointer, rules| {
            if rules.get("deprecated") == Some(&Value::Bool(true)) && !pointer.is_empty() {
                let help = rules.get("description").and_then(Value::as_str).map(shown);
                findings.warn(
                    self.places.key(pointer),
                    format!("`{}` is not used any more", dotted(pointer)),
                    help,
                );
            }
        });
    }

    fn report(
        &self,
        error: &ValidationError<'_>,
        closed: &Value,
        secret: &BTreeSet<String>,
        findings: &mut Findings,
    ) {
        let pointer = error.instance_path().as_str();
        let is_secret = secret
            .iter()
            .any(|secret| pointer == secret || pointer.starts_with(&format!("{secret}/")));
        if is_secret
            && error
                .instance()
                .as_str()
                .is_some_and(|text| secrets::reference(text).is_some())
        {
            return; // What it stands for is checked when it is known.
        }
        let place = if error.instance().is_null() {
            self.places.key(pointer)
        } else {
            self.places.value(pointer)
        };
        match error.kind() {
            Rule::AdditionalProperties { unexpected }
            | Rule::UnevaluatedProperties { unexpected } => {
                let known = rule_beside(closed, error, "properties").and_then(Value::as_object);
                let beside = if pointer.is_empty() { self.beside } else { &[] };
                let known: Vec<&str> = known
                    .into_iter()
                    .flat_map(|known| known.keys().map(String::as_str))
                    .chain(beside.iter().copied())
                    .collect();
                for key in unexpected {
                    let help = if findings.is_full() {
                        None
                    } else {
                        suggestion(key, "keys here", known.iter().copied())
                    };
                    let place = self.places.key(&child(pointer, key));
                    findings.error_with(place, format!("unknown key `{}`", shown(key)), help);
                }
            }
            Rule::Required { property } => {
                let property = property.as_str().unwrap_or_default();
                let of = if pointer.is_empty() {
                    self.kind.to_owned()
                } else {
                    dotted(pointer)
                };
                let place = if pointer.is_empty() {
                    self.places.value("")
                } else {
                    self.places.key(pointer)
                };
                let help = rule_beside(closed, error, "properties")
                    .and_then(|known| known.get(property))
                    .and_then(description);
                findings.error_with(
                    place,
                    format!("`{}` lacks `{}`", shown(&of), shown(property)),
                    help,
                );
            }
            Rule::AnyOf { context } | Rule::OneOfNotValid { context } => {
                match telling_branch(context, pointer) {
                    Some(branch) => branch
                        .iter()
                        .for_each(|error| self.report(error, closed, secret, findings)),
                    None => self.report_alternatives(error, context, place, is_secret, findings),
                }
            }
            _ => {
                let (message, help) = self.in_words(error, closed, is_secret);
                let help = help.or_else(|| rule_of(closed, error).and_then(description));
                findings.error_with(place, message, help);
            }
        }
    }

    /// No branch is nearer than another: what all of them want, when that can be said.
    fn report_alternatives(
        &self,
        error: &ValidationError<'_>,
        context: &[Vec<ValidationError<'static>>],
        place: crate::problem::Span,
        is_secret: bool,
        findings: &mut Findings,
    ) {
        let name = self.name(error);
        let mut constants = Vec::new();
        let mut types = Vec::new();
        for found in context.iter().flatten() {
            match found.kind() {
                Rule::Constant { expected_value } => constants.push(plain(expected_value)),
                Rule::Enum { options } => {
                    constants.extend(options.as_array().into_iter().flatten().map(plain))
                }
                Rule::Type { kind } => types.extend(type_names(kind)),
                _ => {}
            }
        }
        if constants.is_empty() {
            let message = if types.is_empty() {
                format!("{name} has none of the forms it can have")
            } else {
                format!(
                    "{name} must be {}, not {}",
                    types.join(" or "),
                    type_of(error.instance())
                )
            };
            findings.error(place, message);
        } else {
            let (message, help) = not_among(&name, error.instance(), &constants, is_secret);
            findings.error_with(place, message, help);
        }
    }

    /// What a violated rule means, and what to write instead.
    fn in_words(
        &self,
        error: &ValidationError<'_>,
        closed: &Value,
        is_secret: bool,
    ) -> (String, Option<String>) {
        let name = self.name(error);
        let value: &Value = error.instance();
        let is = if is_secret || value.is_array() || value.is_object() {
            name.clone()
        } else {
            format!("{name} is {}", shown(&plain(value)))
        };
        let separator = if is == name { " does not fit:" } else { ";" };
        match error.kind() {
            Rule::Type { kind } => self.wrong_type(error, kind, is_secret),
            Rule::Enum { options } => {
                let options: Vec<String> = options
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(plain)
                    .collect();
                not_among(&name, value, &options, is_secret)
            }
            Rule::Constant { expected_value } => {
                not_among(&name, value, &[plain(expected_value)], is_secret)
            }
            Rule::Minimum { limit } => (format!("{is}{separator} the least is {limit}"), None),
            Rule::Maximum { limit } => (format!("{is}{separator} the most is {limit}"), None),
            Rule::ExclusiveMinimum { limit } => (
                format!("{is}{separator} it must be more than {limit}"),
                None,
            ),
            Rule::ExclusiveMaximum { limit } => (
                format!("{is}{separator} it must be less than {limit}"),
                None,
            ),
            Rule::MultipleOf { multiple_of } => (
                format!("{is}{separator} it must be a multiple of {multiple_of}"),
                None,
            ),
            Rule::MinLength { limit } => {
                (format!("{name} is shorter than {limit} characters"), None)
            }
            Rule::MaxLength { limit } => {
                (format!("{name} is longer than {limit} characters"), None)
            }
            Rule::MinItems { limit } => (format!("{name} has fewer than {limit} items"), None),
            Rule::MaxItems { limit } => (format!("{name} has more than {limit} items"), None),
            Rule::UniqueItems => (format!("{name} lists something twice"), None),
            Rule::Pattern { pattern } => {
                let message = if is == name {
                    format!("{name} has a form that it cannot have")
                } else {
                    cannot_be(&name, value)
                };
                let described = rule_of(closed, error).and_then(description);
                (
                    message,
                    described.or_else(|| Some(format!("it must match `{}`", shown(pattern)))),
                )
            }
            Rule::Format { format } => (
                format!("{is}{separator} it must be a valid {}", shown(format)),
                None,
            ),
            Rule::FalseSchema => (format!("{name} cannot be given here"), None),
            _ => (
                format!(
                    "{name} does not fit: {}",
                    shown(&error.masked().to_string())
                ),
                None,
            ),
        }
    }

    fn wrong_type(
        &self,
        error: &ValidationError<'_>,
        kind: &TypeKind,
        is_secret: bool,
    ) -> (String, Option<String>) {
        let name = self.name(error);
        let value: &Value = error.instance();
        let wanted = type_names(kind);
        if value.is_null() {
            return (
                format!("{name} has no value; it must be {}", wanted.join(" or ")),
                None,
            );
        }
        let message = format!(
            "{name} must be {}, not {}",
            wanted.join(" or "),
            type_of(value)
        );
        let written = self
            .source
            .slice(self.places.value(error.instance_path().as_str()));
        let help = match value {
            Value::Number(_) | Value::Bool(_) if wanted.contains(&"text") => Some(if is_secret {
                "put it in quotes".to_owned()
            } else {
                format!("put it in quotes: \"{}\"", shown(written))
            }),
            Value::String(text)
                if matches!(text.as_str(), "yes" | "no" | "on" | "off")
                    && wanted.contains(&"true or false") =>
            {
                Some("write `true` or `false`".to_owned())
            }
            Value::String(text)
                if !is_secret
                    && text.trim().parse::<f64>().is_ok()
                    && !wanted.contains(&"true or false") =>
            {
                Some(format!("write it without quotes: {}", shown(text.trim())))
            }
            _ => None,
        };
        (message, help)
    }

    /// What messages call the value of an error.
    fn name(&self, error: &ValidationError<'_>) -> String {
        match error.instance_path().as_str() {
            "" => format!("the configuration of `{}`", shown(self.kind)),
            pointer => format!("`{}`", dotted(pointer)),
        }
    }
}

fn validator(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT))
        .build(schema)
        .map_err(|error| shown(&error.to_string()))
}

fn not_among(
    name: &str,
    value: &Value,
    options: &[String],
    is_secret: bool,
) -> (String, Option<String>) {
    let options = || options.iter().map(String::as_str);
    if is_secret {
        return (format!("{name} has a value that it cannot have"), None);
    }
    let message = cannot_be(name, value);
    let near = value
        .as_str()
        .and_then(|text| super::words::nearest(text, options()));
    let all = format!("it can be {}", listed(options()).replace(" and ", " or "));
    (
        message,
        Some(near.map_or(all.clone(), |near| format!("did you mean `{near}`? {all}"))),
    )
}

fn cannot_be(name: &str, value: &Value) -> String {
    match value {
        Value::Null => format!("{name} has no value"),
        Value::Array(_) | Value::Object(_) => format!("{name} cannot be {}", type_of(value)),
        _ => format!("{name} cannot be `{}`", shown(&plain(value))),
    }
}

/// The branch of an `anyOf` that the user evidently meant: the only one that is not wrong at its root already.
fn telling_branch<'e>(
    context: &'e [Vec<ValidationError<'static>>],
    pointer: &str,
) -> Option<&'e [ValidationError<'static>]> {
    let wrong_at_root = |error: &ValidationError<'_>| {
        error.instance_path().as_str() == pointer
            && matches!(
                error.kind(),
                Rule::Type { .. } | Rule::Constant { .. } | Rule::Enum { .. }
            )
    };
    let mut telling = context
        .iter()
        .filter(|branch| !branch.iter().any(wrong_at_root));
    match (telling.next(), telling.next()) {
        (Some(branch), None) => Some(branch),
        (None, _) if context.len() == 1 => context.first().map(Vec::as_slice),
        _ => None,
    }
}

/// Another keyword of the schema that an error's rule is in.
fn rule_beside<'s>(
    schema: &'s Value,
    error: &ValidationError<'_>,
    keyword: &str,
) -> Option<&'s Value> {
    rule_of(schema, error)?.get(keyword)
}

/// The schema that an error's rule is in.
fn rule_of<'s>(schema: &'s Value, error: &ValidationError<'_>) -> Option<&'s Value> {
    schema.pointer(error.schema_path().as_str().rsplit_once('/')?.0)
}

fn description(schema: &Value) -> Option<String> {
    schema
        .get("description")
        .and_then(Value::as_str)
        .map(|text| text.lines().next().unwrap_or_default().to_owned())
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn type_names(kind: &TypeKind) -> Vec<&'static str> {
    let name = |kind: jsonschema::JsonType| match kind {
        jsonschema::JsonType::String => "text",
        jsonschema::JsonType::Integer => "a whole number",
        jsonschema::JsonType::Number => "a number",
        jsonschema::JsonType::Boolean => "true or false",
        jsonschema::JsonType::Array => "a list",
        jsonschema::JsonType::Object => "a mapping",
        jsonschema::JsonType::Null => "nothing",
    };
    match kind {
        TypeKind::Single(kind) => vec![name(*kind)],
        TypeKind::Multiple(kinds) => kinds
            .iter()
            .map(name)
            .filter(|name| *name != "nothing")
            .collect(),
    }
}

/// The schema with its objects closed: a key that a schema does not list is a slip, also when the schema does not
/// say so. Objects that say what else they take, or that are one part of a combination, stay as they are.
fn close(schema: &Value) -> Value {
    const OPENERS: [&str; 8] = [
        "additionalProperties",
        "unevaluatedProperties",
        "patternProperties",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "$ref",
    ];
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
        if let Some(target) = rules
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|target| target.strip_prefix('#'))
        {
            waiting.push(target.to_owned());
        }
        let properties = rules.get("properties").and_then(Value::as_object);
        if let Some(properties) = properties {
            waiting.extend(
                properties
                    .keys()
                    .map(|key| child(&format!("{pointer}/properties"), key)),
            );
        } else {
            for combinator in ["anyOf", "oneOf"] {
                let branches = rules
                    .get(combinator)
                    .and_then(Value::as_array)
                    .map_or(0, Vec::len);
                waiting
                    .extend((0..branches).map(|branch| format!("{pointer}/{combinator}/{branch}")));
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
