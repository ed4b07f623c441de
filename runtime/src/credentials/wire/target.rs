//! [`Protocol::TargetHeader`](super::Protocol::TargetHeader): JSON posted to `/`, with the operation in a header.

use serde_json::Value;
use url::Url;

use super::{Asked, HttpCall, Refusal, headers, query, tree};

pub(super) fn read(call: &HttpCall<'_>, url: &Url) -> Result<Asked, Refusal> {
    if call.method != "POST" {
        return Err(Refusal::new(format!("{} under this protocol: it takes POST alone", call.method)));
    }
    if url.path() != "/" || url.query().is_some() {
        return Err(Refusal::new("the path must be `/`, without a query string"));
    }
    let json = ["application/x-amz-json-1.0", "application/x-amz-json-1.1"];
    if !headers::content_type_is(call, |kind| json.contains(&kind)) {
        return Err(Refusal::new("the Content-Type must be application/x-amz-json-1.0 or 1.1"));
    }
    let target = call.header(headers::TARGET).ok_or_else(|| Refusal::new("there must be exactly one X-Amz-Target"))?;
    let action = match target.split_once('.') {
        Some((service, action)) if is_service(service) && query::is_action(action) => action,
        _ => {
            return Err(Refusal::new(format!("`{target}` is no X-Amz-Target: expected Service_Version.Operation")));
        }
    };
    let body = tree::json(call.body).map_err(|e| Refusal::new(format!("the body {e}")))?;
    if !body.is_object() {
        return Err(Refusal::new("the body must be a JSON object"));
    }
    Ok(Asked::Json { action: action.to_owned(), body })
}

fn is_service(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `__type` or `code` in the body, or the header; without the namespace before `#` and the URL after `:`.
pub(super) fn error_code(headers: &[(String, String)], body: &[u8]) -> Option<String> {
    let header =
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amzn-errortype")).map(|(_, value)| value.clone());
    let said = header.or_else(|| {
        let document: Value = serde_json::from_slice(body).ok()?;
        let found = ["__type", "code", "Code"].iter().find_map(|key| document.get(key)?.as_str());
        found.map(str::to_owned)
    })?;
    let code = said.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    (!code.is_empty()).then(|| code.to_owned())
}
