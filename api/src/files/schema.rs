//! A configuration against the JSON Schema of its kind.
//!
//! Validation is the `jsonschema` crate's; what it finds is said in words of our own, at the place in the file. The
//! value of a `writeOnly` field never shows in a message.

mod closing;
mod wording;

use std::collections::BTreeSet;

use jsonschema::error::{TypeKind, ValidationErrorKind as Rule};
use jsonschema::{JsonType, PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::findings::Findings;
use super::places::{Places, child, dotted};
use super::source::Source;
use super::words::{sentence, shown, suggestion};
use super::{secrets, walk};
use crate::extension::Kind;
use wording::Violation;

/// Steps that a pattern may take back before it counts as not matching: a schema is a stranger's.
const BACKTRACK_LIMIT: usize = 100_000;

/// The schema of a kind, ready to validate.
pub(super) struct Schema<'k> {
    kind: &'k Kind,
    closed: Value,
    validator: Validator,
}

/// A piece's configuration and where it comes from.
pub(super) struct Piece<'p> {
    pub(super) config: &'p Value,
    pub(super) places: &'p Places,
    /// Keys that stand beside the configuration in the file, for suggestions.
    pub(super) beside: &'p [&'p str],
    pub(super) source: &'p Source<'p>,
}

impl<'k> Schema<'k> {
    /// Compiles the schema of a kind; the error is a sentence about the extension.
    pub(super) fn of(kind: &'k Kind) -> Result<Self, String> {
        let closed = closing::close(&kind.config_schema);
        let patterns = PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT);
        let validator =
            jsonschema::options().offline().with_pattern_options(patterns).build(&closed).map_err(|error| {
                let (name, why) = (shown(&kind.name), sentence(&error.to_string()));
                format!("the extension that offers `{name}` describes its configuration wrongly: {why}")
            })?;
        Ok(Self { kind, closed, validator })
    }

    /// Reports everything in a configuration that the schema does not allow.
    pub(super) fn check(&self, piece: &Piece<'_>, findings: &mut Findings) {
        let secret = secrets::write_only(piece.config, &self.kind.config_schema);
        let mut checking = Checking { schema: self, piece, secret: &secret, findings };
        for error in self.validator.iter_errors(piece.config) {
            checking.report(&error);
        }
        checking.warn_of_deprecated();
        secrets::check_references(piece.config, &secret, piece.places, findings);
    }

    /// The schema that an error's rule is in.
    fn rules(&self, error: &ValidationError<'_>) -> Option<&Value> {
        self.closed.pointer(error.schema_path().as_str().rsplit_once('/')?.0)
    }
}

/// One configuration while it is checked.
struct Checking<'c> {
    schema: &'c Schema<'c>,
    piece: &'c Piece<'c>,
    /// Pointers of secrets.
    secret: &'c BTreeSet<String>,
    findings: &'c mut Findings,
}

impl Checking<'_> {
    fn report(&mut self, error: &ValidationError<'_>) {
        let pointer = error.instance_path().as_str();
        let is_secret = self.is_secret(pointer);
        let is_reference = || error.instance().as_str().is_some_and(|text| secrets::reference(text).is_some());
        if is_secret && is_reference() {
            return; // What it stands for is checked when it is known.
        }
        let places = self.piece.places;
        let place = if error.instance().is_null() { places.key(pointer) } else { places.value(pointer) };
        let violation = Violation {
            error,
            name: self.name(pointer),
            written: self.piece.source.slice(place),
            is_secret,
            description: self.schema.rules(error).and_then(description),
        };
        let (message, help) = match error.kind() {
            Rule::AdditionalProperties { unexpected } | Rule::UnevaluatedProperties { unexpected } => {
                return self.unknown_keys(error, unexpected);
            }
            Rule::Required { property } => {
                return self.missing(error, property.as_str().unwrap_or_default());
            }
            Rule::AnyOf { context } | Rule::OneOfNotValid { context } => match telling_branch(context, pointer) {
                Some(branch) => return branch.iter().for_each(|error| self.report(error)),
                None => violation.none_of(context),
            },
            _ => violation.in_words(),
        };
        self.findings.error_with(place, message, help);
    }

    fn unknown_keys(&mut self, error: &ValidationError<'_>, unexpected: &[String]) {
        let pointer = error.instance_path().as_str();
        let properties = self.schema.rules(error).and_then(|rules| rules.get("properties")?.as_object());
        let beside = if pointer.is_empty() { self.piece.beside } else { &[] };
        let known =
            properties.into_iter().flat_map(|known| known.keys().map(String::as_str)).chain(beside.iter().copied());
        let known: Vec<&str> = known.collect();
        for key in unexpected {
            let help = if self.findings.is_full() { None } else { suggestion(key, "keys here", known.iter().copied()) };
            let place = self.piece.places.key(&child(pointer, key));
            self.findings.error_with(place, format!("unknown key `{}`", shown(key)), help);
        }
    }

    fn missing(&mut self, error: &ValidationError<'_>, property: &str) {
        let pointer = error.instance_path().as_str();
        let places = self.piece.places;
        let (of, place) = match pointer {
            "" => (shown(&self.schema.kind.name), places.value("")),
            _ => (dotted(pointer), places.key(pointer)),
        };
        let help = self.schema.rules(error).and_then(|rules| description(rules.get("properties")?.get(property)?));
        self.findings.error_with(place, format!("`{of}` lacks `{}`", shown(property)), help);
    }

    fn warn_of_deprecated(&mut self) {
        walk::annotations(self.piece.config, &self.schema.kind.config_schema, &mut |pointer, rules| {
            if rules.get("deprecated") == Some(&Value::Bool(true)) && !pointer.is_empty() {
                let help = rules.get("description").and_then(Value::as_str).map(sentence);
                let message = format!("`{}` is not used any more", dotted(pointer));
                self.findings.warn(self.piece.places.key(pointer), message, help);
            }
        });
    }

    fn is_secret(&self, pointer: &str) -> bool {
        let within = |secret: &String| {
            pointer.strip_prefix(secret.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.secret.iter().any(within)
    }

    /// What messages call a value.
    fn name(&self, pointer: &str) -> String {
        match pointer {
            "" => format!("the configuration of `{}`", shown(&self.schema.kind.name)),
            pointer => format!("`{}`", dotted(pointer)),
        }
    }
}

/// The branch of an `anyOf` that the user evidently meant: the only one that is not wrong at its root already, or,
/// where all are, the only one that is not just there to allow nothing.
fn telling_branch<'e>(
    branches: &'e [Vec<ValidationError<'static>>],
    pointer: &str,
) -> Option<&'e [ValidationError<'static>]> {
    let at_root = |error: &ValidationError<'_>| error.instance_path().as_str() == pointer;
    let wrong_at_root = |error: &ValidationError<'_>| {
        at_root(error) && matches!(error.kind(), Rule::Type { .. } | Rule::Constant { .. } | Rule::Enum { .. })
    };
    let wants_nothing = |error: &ValidationError<'_>| {
        at_root(error) && matches!(error.kind(), Rule::Type { kind: TypeKind::Single(JsonType::Null) })
    };
    only(branches.iter().filter(|branch| !branch.iter().any(wrong_at_root)))
        .or_else(|| only(branches.iter().filter(|branch| !branch.iter().any(wants_nothing))))
        .map(Vec::as_slice)
}

/// The item of an iterator that has one.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// The first line of what a schema says about its value.
fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description").and_then(Value::as_str)?;
    Some(sentence(text.lines().next().unwrap_or_default()))
}
