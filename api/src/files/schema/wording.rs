//! What a violated rule means to someone who writes a file.

use jsonschema::error::{TypeKind, ValidationErrorKind as Rule};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::super::words::{listed, nearest, sentence, shown, type_of};

/// A message, and what to write instead.
pub(super) type Words = (String, Option<String>);

/// A value that a rule does not allow.
pub(super) struct Violation<'v> {
    pub(super) error: &'v ValidationError<'v>,
    /// What messages call the value.
    pub(super) name: String,
    /// The value as the file spells it.
    pub(super) written: &'v str,
    /// Whether the value must not show.
    pub(super) is_secret: bool,
    /// What the schema says the value is for.
    pub(super) description: Option<String>,
}

impl Violation<'_> {
    /// Says what is wrong.
    pub(super) fn in_words(&self) -> Words {
        let name = &self.name;
        let described = |message: String| (message, self.description.clone());
        match self.error.kind() {
            Rule::Type { kind } => self.wrong_type(kind),
            Rule::Enum { options } => {
                let options = options.as_array().into_iter().flatten();
                self.not_among(&options.map(plain).collect::<Vec<_>>())
            }
            Rule::Constant { expected_value } => self.not_among(&[plain(expected_value)]),
            Rule::Minimum { limit } => described(self.is(&format!("the least is {limit}"))),
            Rule::Maximum { limit } => described(self.is(&format!("the most is {limit}"))),
            Rule::ExclusiveMinimum { limit } => described(self.is(&format!("it must be more than {limit}"))),
            Rule::ExclusiveMaximum { limit } => described(self.is(&format!("it must be less than {limit}"))),
            Rule::MultipleOf { multiple_of } => described(self.is(&format!("it must be a multiple of {multiple_of}"))),
            Rule::Format { format } => described(self.is(&format!("it must be a valid {}", shown(format)))),
            Rule::MinLength { limit } => described(format!("{name} is shorter than {limit} characters")),
            Rule::MaxLength { limit } => described(format!("{name} is longer than {limit} characters")),
            Rule::MinItems { limit } => described(format!("{name} has fewer than {limit} items")),
            Rule::MaxItems { limit } => described(format!("{name} has more than {limit} items")),
            Rule::UniqueItems => described(format!("{name} lists something twice")),
            Rule::FalseSchema => described(format!("{name} cannot be given here")),
            Rule::Pattern { pattern } => {
                let form = || Some(format!("it must match `{}`", shown(pattern)));
                (self.cannot_be(), self.description.clone().or_else(form))
            }
            _ => described(format!("{name} does not fit: {}", sentence(&self.error.masked().to_string()))),
        }
    }

    /// No branch of an `anyOf` is nearer than another: what all of them want, when that can be said.
    pub(super) fn none_of(&self, branches: &[Vec<ValidationError<'static>>]) -> Words {
        let (mut constants, mut types) = (Vec::new(), Vec::new());
        for error in branches.iter().flatten() {
            match error.kind() {
                Rule::Constant { expected_value } => constants.push(plain(expected_value)),
                Rule::Enum { options } => constants.extend(options.as_array().into_iter().flatten().map(plain)),
                Rule::Type { kind } => types.extend(type_names(kind)),
                _ => {}
            }
        }
        if !constants.is_empty() {
            return self.not_among(&constants);
        }
        types.dedup();
        let message = if types.is_empty() {
            format!("{} has none of the forms it can have", self.name)
        } else {
            format!("{} must be {}, not {}", self.name, types.join(" or "), type_of(self.error.instance()))
        };
        (message, self.description.clone())
    }

    /// The value and what it should be.
    fn is(&self, wanted: &str) -> String {
        let value: &Value = self.error.instance();
        if self.is_secret || value.is_array() || value.is_object() {
            format!("{} does not fit: {wanted}", self.name)
        } else {
            format!("{} is {}; {wanted}", self.name, shown(&plain(value)))
        }
    }

    fn cannot_be(&self) -> String {
        let value: &Value = self.error.instance();
        match value {
            Value::Null => format!("{} has no value", self.name),
            _ if self.is_secret => format!("{} has a value that it cannot have", self.name),
            Value::Array(_) | Value::Object(_) => {
                format!("{} cannot be {}", self.name, type_of(value))
            }
            _ => format!("{} cannot be `{}`", self.name, shown(&plain(value))),
        }
    }

    fn not_among(&self, options: &[String]) -> Words {
        let options = || options.iter().map(String::as_str);
        let all = format!("it can be {}", listed(options()).replace(" and ", " or "));
        let near = self.error.instance().as_str().filter(|_| !self.is_secret).and_then(|text| nearest(text, options()));
        let help = near.map_or(all.clone(), |near| format!("did you mean `{near}`? {all}"));
        (self.cannot_be(), Some(help))
    }

    fn wrong_type(&self, kind: &TypeKind) -> Words {
        let value: &Value = self.error.instance();
        let wanted = type_names(kind);
        let all = wanted.join(" or ");
        if value.is_null() {
            return (format!("{} has no value; it must be {all}", self.name), self.description.clone());
        }
        let help = match value {
            Value::Number(_) | Value::Bool(_) if wanted.contains(&"text") => Some(if self.is_secret {
                "put it in quotes".to_owned()
            } else {
                format!("put it in quotes: \"{}\"", shown(self.written))
            }),
            Value::String(text) if wanted.contains(&"true or false") => {
                matches!(text.as_str(), "yes" | "no" | "on" | "off").then(|| "write `true` or `false`".to_owned())
            }
            Value::String(text) if !self.is_secret && text.trim().parse::<f64>().is_ok() => {
                Some(format!("write it without quotes: {}", shown(text.trim())))
            }
            _ => None,
        };
        let message = format!("{} must be {all}, not {}", self.name, type_of(value));
        (message, help.or_else(|| self.description.clone()))
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn type_names(kind: &TypeKind) -> Vec<&'static str> {
    let name = |kind: JsonType| match kind {
        JsonType::String => "text",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::Boolean => "true or false",
        JsonType::Array => "a list",
        JsonType::Object => "a mapping",
        JsonType::Null => "nothing",
    };
    match kind {
        TypeKind::Single(kind) => vec![name(*kind)],
        TypeKind::Multiple(kinds) => kinds.iter().map(name).filter(|name| *name != "nothing").collect(),
    }
}
