//! The ownership mark, in the forms that clouds have for it.

use serde_json::Value;

/// Whether a tree carries the ownership mark: a list of keys and values, a map, or words `key=value` in a text.
pub(super) fn carries_mark(value: &Value, mark: &[(String, String)]) -> bool {
    match value {
        Value::String(text) => carries_mark_in_words(text, mark),
        Value::Object(map) if !is_pair(value) => {
            let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
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
        .find_map(|(key, value)| Some((map.get(*key)?.as_str()?.to_owned(), map.get(*value)?.as_str()?.to_owned())))
}

/// Each pair of the mark is there, and no key of it has a second value.
pub(super) fn tags_carry(tags: &[(String, String)], mark: &[(String, String)]) -> bool {
    !mark.is_empty()
        && mark.iter().all(|(key, value)| {
            let mut values = tags.iter().filter(|(k, _)| k == key).map(|(_, v)| v);
            values.next() == Some(value) && values.next().is_none()
        })
}

/// Whether each pair of the mark stands in a text as a word `key=value`: the form for things without tags.
pub(super) fn carries_mark_in_words(text: &str, mark: &[(String, String)]) -> bool {
    let words: Vec<&str> = text.split([' ', '\n', ',', ';']).collect();
    !mark.is_empty() && mark.iter().all(|(key, value)| words.contains(&format!("{key}={value}").as_str()))
}
