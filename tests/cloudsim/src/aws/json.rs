//! The JSON protocol.

use serde_json::Value;

use super::{error::headers, service::Service};
use crate::cloud::Reply;

/// A successful answer; fields that are null are left out.
pub fn respond(service: Service, result: &Value, request_id: &str) -> Reply {
    let body = if result.is_null() { String::new() } else { pruned(result).to_string() };
    Reply {
        status: 200,
        headers: headers(service.content_type(), request_id),
        body: body.into_bytes(),
        code: None,
        account: None,
        ignored: Vec::new(),
    }
}

fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), pruned(value)))
            .collect(),
        Value::Array(items) => items.iter().map(pruned).collect(),
        other => other.clone(),
    }
}
