//! The parameters of a call, the same for all protocols: a tree, asked by name.

use std::{cell::RefCell, collections::BTreeSet};

use serde_json::{Map, Value};

use super::{Tags, error::AwsError};

/// A structure of parameters. It remembers what was asked for, so that the call log can show what nobody looked at.
#[derive(Debug)]
pub struct Params {
    fields: Map<String, Value>,
    asked: RefCell<BTreeSet<String>>,
}

impl Params {
    /// The fields of this tree; anything but an object has none.
    pub fn new(tree: &Value) -> Self {
        Self { fields: tree.as_object().cloned().unwrap_or_default(), asked: RefCell::default() }
    }

    /// A field as it came; null counts as absent.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// A text, number or flag as text.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// A text that must be there.
    pub fn need(&self, name: &str) -> Result<String, AwsError> {
        self.text(name).ok_or_else(|| AwsError::missing(name))
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Result<Option<i64>, AwsError> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(AwsError::invalid(format!("Invalid value '{text}' for {name}. Must be an integer"))),
            },
        }
    }

    /// A flag; absent is `None`.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| text.eq_ignore_ascii_case("true"))
    }

    /// EC2's `AttributeBooleanValue`: `EnableDnsSupport.Value=true`.
    pub fn attribute(&self, name: &str) -> Option<bool> {
        self.object(name).and_then(|object| object.flag("Value"))
    }

    /// A list of texts; absent is empty.
    pub fn list(&self, name: &str) -> Vec<String> {
        let texts = |list: &Vec<Value>| list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        self.value(name).and_then(Value::as_array).map(texts).unwrap_or_default()
    }

    /// A list of structures; absent is empty.
    pub fn objects(&self, name: &str) -> Vec<Self> {
        let list = self.value(name).and_then(Value::as_array);
        list.map(|list| list.iter().map(Self::new).collect()).unwrap_or_default()
    }

    /// A structure.
    pub fn object(&self, name: &str) -> Option<Self> {
        self.value(name).filter(|value| value.is_object()).map(Self::new)
    }

    /// A list of tags, with these names of its members: `Key`, `Value` or `key`, `value`.
    pub fn tags(&self, name: &str) -> Result<Tags, AwsError> {
        let mut tags = Tags::new();
        for tag in self.objects(name) {
            let key = tag.text("Key").or_else(|| tag.text("key")).ok_or_else(|| AwsError::missing("Tags.Key"))?;
            let value = tag.text("Value").or_else(|| tag.text("value")).unwrap_or_default();
            if key.starts_with("aws:") {
                return Err(AwsError::invalid(format!(
                    "Tag keys starting with 'aws:' are reserved for internal use: {key}"
                )));
            }
            if key.is_empty() || key.len() > 128 || value.len() > 256 {
                return Err(AwsError::invalid(format!("Tag key or value has an invalid length: {key}")));
            }
            if tags.insert(key.clone(), value).is_some() {
                return Err(AwsError::invalid(format!("Duplicate tag key '{key}' specified.")));
            }
        }
        Ok(tags)
    }

    /// The fields that nobody asked for.
    pub fn ignored(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        self.fields.keys().filter(|name| !asked.contains(*name)).cloned().collect()
    }
}
