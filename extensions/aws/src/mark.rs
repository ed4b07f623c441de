//! The ownership mark: the tags that everything we make is created with, in each service's way of writing them.
//!
//! Nothing is adopted by its name alone, and nothing without the mark is ever changed or deleted.

use cloudark_sdk::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A tag in a JSON answer, with either capitalisation.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct JsonTag {
    #[serde(alias = "Key")]
    key: String,
    #[serde(alias = "Value", default)]
    value: String,
}

/// As pairs.
pub fn of_json(tags: &[JsonTag]) -> Vec<(String, String)> {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// `[{"key": …, "value": …}]`, as ECS takes them.
pub fn json(tags: &[(String, String)]) -> Value {
    tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// `[{"Key": …, "Value": …}]`, as SSM takes them.
pub fn json_capital(tags: &[(String, String)]) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// `{key: value}`, as CloudWatch Logs takes them.
pub fn json_map(tags: &[(String, String)]) -> Value {
    Value::Object(tags.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect::<Map<_, _>>())
}

/// `key=value key=value`, for what shows a description where its tags are not to be had.
pub fn words(tags: &[(String, String)]) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// The tags that [`words`] wrote.
pub fn of_words(text: &str) -> Vec<(String, String)> {
    let pairs = text.split_whitespace().filter_map(|word| word.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Refuse what has our name but not our mark.
///
/// # Errors
/// `conflict`, naming the thing.
pub fn require(ctx: &Context, what: &str, name: &str, tags: &[(String, String)]) -> Result<()> {
    if ctx.owns(tags.iter().map(|(key, value)| (key, value))) {
        return Ok(());
    }
    Err(Failure::conflict(format!(
        "there is a {what} {name:?} in the account that CloudARK did not make for this: it was left as it is. Rename \
         or remove it, then try again"
    )))
}
