//! JSON texts of the contract, to values and back, with errors that say where.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::{Failure, Result};

/// Read a JSON text.
///
/// # Errors
/// `invalid`, with the JSON pointer of what does not fit.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        Failure::invalid(format!("{what} cannot be read: {}", error.inner())).at(pointer)
    })
}

/// Write a JSON text.
///
/// # Errors
/// `permanent`: the extension's type cannot be JSON (a map with keys that are no strings).
pub(crate) fn encode<T: Serialize>(what: &str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| crate::failure!(permanent, "{what} cannot be written: {error}"))
}

/// The JSON pointer (RFC 6901) of a path.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let token = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            // A variant is not a step in the text where it is untagged or tagged inside; where it is a key, the
            // error is at the key.
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&token);
    }
    pointer
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_error_points_at_what_does_not_fit() {
        let failure = decode::<BTreeMap<String, Vec<u8>>>("it", r#"{"a/b": [1, "x"]}"#).unwrap_err();
        assert_eq!(failure.pointer.as_deref(), Some("/a~1b/1"));
        assert!(failure.message.starts_with("it cannot be read: invalid type: string \"x\""), "{failure}");
    }
}
