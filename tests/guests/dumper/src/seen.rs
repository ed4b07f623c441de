//! What was seen.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cloudark_sdk::Result;
use cloudark_sdk::http::{CallError, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

#[derive(Default)]
pub struct Seen(Map<String, Value>);

impl Seen {
    pub fn put(&mut self, what: &str, value: impl Serialize) {
        self.0.insert(what.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
    }

    /// An answer with all that it has, or an error in its own words.
    pub fn call(&mut self, what: &str, answer: Result<Response, CallError>) {
        let value = match answer {
            Ok(answer) => json!({
                "status": answer.status,
                "headers": answer.headers,
                "body": answer.text(),
                "encoded": STANDARD.encode(&answer.body),
            }),
            Err(error) => json!({ "error": error.to_string(), "debug": format!("{error:?}") }),
        };
        match self.0.get_mut(what) {
            Some(Value::Array(values)) => values.push(value),
            _ => {
                self.0.insert(what.to_owned(), Value::Array(vec![value]));
            }
        }
    }

    /// What the language's runtime shows of the machine.
    pub fn sandbox(&mut self) {
        self.put("variables", std::env::vars().collect::<Vec<_>>());
        self.put("arguments", std::env::args().collect::<Vec<_>>());
        self.put("folder", std::env::current_dir().map(|path| path.display().to_string()).ok());
        self.put("root", std::fs::read_dir("/").map(Iterator::count).map_err(|error| error.to_string()));
        self.put("passwd", std::fs::read_to_string("/etc/passwd").map_err(|error| error.to_string()));
        self.put("input", std::io::read_to_string(std::io::stdin()).map_err(|error| error.to_string()));
        self.put("clock", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|time| time.as_millis()).ok());
        self.put("stopwatch", format!("{:?}", Instant::now()));
        self.put("random", RandomState::new().hash_one("random"));
    }

    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}
