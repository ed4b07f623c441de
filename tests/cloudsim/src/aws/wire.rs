//! What the outside of a request tells: service, operation, parameters; and how disbelief is worded.

use serde_json::Value;

use super::{
    error::AwsError,
    query,
    service::{Protocol, Service},
    sigv4::{Authorization, Refused},
};
use crate::cloud::{Effect, Label, Request};

/// Service, operation and parameters, as far as the outside tells.
pub fn outside(request: &Request, authorization: Option<&Authorization>) -> (Option<Service>, String, Value) {
    let signed = authorization.and_then(|a| Service::signed_as(&a.service));
    if let Some(target) = request.header("x-amz-target") {
        let (prefix, action) = target.rsplit_once('.').unwrap_or(("", target));
        let params = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        return (signed.or_else(|| Service::speaks(prefix)), action.to_owned(), params);
    }
    let params = query::parse(&String::from_utf8_lossy(&request.body));
    let text = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    (signed.or_else(|| Service::speaks(&text("Version"))), text("Action"), params)
}

/// The wrong protocol for the service: the real ones then do not know the operation.
pub fn malformed(service: Service, request: &Request, label: &Label) -> Option<AwsError> {
    let content = request.header("content-type").unwrap_or_default();
    if service.protocol() == Protocol::Json {
        let target = request.header("x-amz-target").and_then(|target| target.rsplit_once('.'));
        if target.is_none_or(|(prefix, _)| prefix != service.marker()) || !content.starts_with(service.content_type()) {
            return Some(AwsError::new("UnknownOperationException", ""));
        }
        if !label.params.is_object() {
            return Some(AwsError::new("SerializationException", "The request body is not a JSON object"));
        }
    } else {
        let version = label.params.get("Version").and_then(Value::as_str).unwrap_or_default();
        if request.method != "POST" || !content.starts_with("application/x-www-form-urlencoded") {
            return Some(AwsError::new("MalformedInput", "cloudsim takes POST with a form in the body only"));
        }
        if label.action.is_empty() {
            return Some(AwsError::new("MissingAction", "The request is missing an action or a required parameter."));
        }
        if version != service.marker() {
            return Some(AwsError::new(
                "InvalidAction",
                format!("Could not find operation {} for version {version}", label.action),
            ));
        }
    }
    None
}

pub fn effect(action: &str) -> Effect {
    let reads = ["Describe", "List", "Get", "Filter"];
    if reads.iter().any(|verb| action.starts_with(verb)) { Effect::Read } else { Effect::Mutation }
}

/// Parameters for the call log.
pub fn masked(params: &Value) -> Value {
    let mut shown = params.clone();
    if let Value::Object(fields) = &mut shown {
        fields.remove("Action");
        fields.remove("Version");
        let parameter_value = fields.contains_key("Name") && fields.contains_key("Type");
        for (name, value) in fields {
            if name.contains("Password") || name == "AuthToken" || (parameter_value && name == "Value") {
                *value = Value::String("***".into());
            }
        }
    }
    shown
}

/// A refused signature in the words of the service.
pub fn disbelief(service: Service, refused: &Refused) -> AwsError {
    let invalid = "The security token included in the request is invalid.";
    match (service.protocol(), refused) {
        (Protocol::Ec2, Refused::UnknownKey | Refused::Mismatch(_) | Refused::Skewed(_)) => {
            AwsError::with_status(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
        }
        (Protocol::Ec2 | Protocol::Query, Refused::Unsigned) => {
            AwsError::with_status(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        }
        (Protocol::Ec2 | Protocol::Query, Refused::Incomplete(why)) => {
            AwsError::with_status(400, "IncompleteSignature", why)
        }
        (Protocol::Query, Refused::UnknownKey) => AwsError::with_status(403, "InvalidClientTokenId", invalid),
        (Protocol::Query, Refused::Mismatch(why) | Refused::Skewed(why)) => {
            AwsError::with_status(403, "SignatureDoesNotMatch", why)
        }
        (Protocol::Json, Refused::Unsigned) => {
            AwsError::new("MissingAuthenticationTokenException", "Missing Authentication Token")
        }
        (Protocol::Json, Refused::Incomplete(why)) => AwsError::new("IncompleteSignatureException", why),
        (Protocol::Json, Refused::UnknownKey) => AwsError::new("UnrecognizedClientException", invalid),
        (Protocol::Json, Refused::Mismatch(why) | Refused::Skewed(why)) => {
            AwsError::new("InvalidSignatureException", why)
        }
    }
}
